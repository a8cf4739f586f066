"""One log, two vocabularies: what either protocol writes, seen through the other."""

import base64
import datetime
import json
import time

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import NewTopic

from harness.kafka import admin, consumer, create_topic, produce, read, read_topic
from harness.kafka_wire import KafkaWire, batch, produce_request
from harness.nats_wire import header_block


@pytest.fixture
def nats(duolog_wire):
    """A raw NATS connection."""
    return duolog_wire(headers=True, no_responders=True)


def make_stream(nats, stream, subjects=None, **config):
    answer = nats.api(f"STREAM.CREATE.{stream}", {
        "name": stream, "subjects": subjects or [f"{stream}.>"], **config})
    assert "error" not in answer, answer
    return stream


def publish(nats, subject, payload=b"x", *header_lines):
    """Publishes and returns the sequence."""
    ack = json.loads(nats.request(subject, payload, header_block(*header_lines) if header_lines else b"")[4])
    assert "error" not in ack, ack
    return ack["seq"]


def listen(nats, filter):
    return nats.send(f"SUB {filter} live\r\n").expect_nothing_more()


def stored(nats, stream, sequence):
    """A stored message as JetStream tells it."""
    message = nats.api(f"STREAM.MSG.GET.{stream}", {"seq": sequence})["message"]
    return {**message, "data": base64.b64decode(message.get("data", "")),
            "hdrs": base64.b64decode(message.get("hdrs", ""))}


def topics(server):
    return admin(server).list_topics(timeout=10).topics


class TestNames:
    def test_a_stream_is_a_topic_with_one_partition(self, duolog, nats, name):
        make_stream(nats, name)
        assert len(topics(duolog)[name].partitions) == 1

    def test_a_topic_with_one_partition_is_a_stream(self, duolog, nats, name):
        create_topic(duolog, name)
        config = nats.api(f"STREAM.INFO.{name}")["config"]
        assert config["name"] == name
        assert config["subjects"] == [f"kafka.{name}", f"kafka.{name}.>"]

    def test_a_topic_with_more_partitions_is_as_many_streams(self, duolog, nats, name):
        create_topic(duolog, name, 3)
        names = nats.api("STREAM.NAMES")["streams"]
        assert [n for n in names if n.startswith(name)] == [f"{name}@0", f"{name}@1", f"{name}@2"]

    def test_a_dot_in_a_topic_is_an_underscore_in_its_stream(self, duolog, nats, name):
        create_topic(duolog, f"{name}.a.b")
        assert nats.api(f"STREAM.INFO.{name}_a_b")["config"]["name"] == f"{name}_a_b"

    def test_names_that_differ_only_there_collide(self, duolog, name):
        create_topic(duolog, f"{name}.a")
        with pytest.raises(KafkaException) as raised:
            create_topic(duolog, f"{name}_a")
        assert raised.value.args[0].code() in (KafkaError.TOPIC_EXCEPTION, KafkaError.TOPIC_ALREADY_EXISTS)

    def test_a_stream_that_kafka_could_not_name_is_for_nats_alone(self, duolog, nats, name):
        make_stream(nats, f"{name}$", [f"{name}.>"])
        assert publish(nats, f"{name}.a") == 1
        assert not any(topic.startswith(name) for topic in topics(duolog))

    def test_deleting_the_stream_deletes_the_topic(self, duolog, nats, name):
        make_stream(nats, name)
        nats.api(f"STREAM.DELETE.{name}")
        assert name not in topics(duolog)

    def test_deleting_the_topic_deletes_the_stream(self, duolog, nats, name):
        create_topic(duolog, name)
        admin(duolog).delete_topics([name])[name].result(timeout=10)
        assert nats.api(f"STREAM.INFO.{name}")["error"]["err_code"] == 10059

    def test_a_name_is_taken_for_both(self, duolog, nats, name):
        make_stream(nats, name)
        with pytest.raises(KafkaException) as raised:
            create_topic(duolog, name)
        assert raised.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
        create_topic(duolog, f"{name}b")
        answer = nats.api(f"STREAM.CREATE.{name}b", {"name": f"{name}b", "subjects": [f"{name}b.>"]})
        assert answer["error"]["err_code"] == 10058

    def test_a_topic_may_have_subjects_of_its_own(self, duolog, nats, name):
        create_topic(duolog, name, **{"duolog.subject": f"own.{name}"})
        assert nats.api(f"STREAM.INFO.{name}")["config"]["subjects"] == [f"own.{name}", f"own.{name}.>"]
        listen(nats, f"own.{name}.>")
        produce(duolog, name, [(b"k", b"v")])
        assert nats.message()[0] == f"own.{name}.k"

    def test_subjects_that_are_taken_are_refused(self, duolog, nats, name):
        make_stream(nats, name)
        with pytest.raises(KafkaException) as raised:
            create_topic(duolog, f"{name}b", **{"duolog.subject": f"{name}.b"})
        assert name in raised.value.args[0].str()


class TestFromNATSToKafka:
    def test_offset_is_sequence_less_one(self, duolog, nats, name):
        make_stream(nats, name)
        sequences = [publish(nats, f"{name}.k", b"%d" % n) for n in range(10)]
        messages = read_topic(duolog, name, 10)
        assert [m.offset() for m in messages] == [s - 1 for s in sequences]
        assert [m.value() for m in messages] == [b"%d" % n for n in range(10)]

    @pytest.mark.parametrize("subjects, subject, key", [
        (["{}.>"], "{}.eu.17", b"eu.17"),
        (["{}", "{}.>"], "{}", None),
        (["{}", "{}.>"], "{}.a", b"a"),
        (["{}"], "{}", None),
        (["{}.a.>", "{}.b.*"], "{}.b.x", b"b.x"),
        (["{}.x.>", "other.{}.>"], "other.{}.a", "other.{}.a"),
        (["{}.*"], "{}.ä", "ä".encode()),
    ])
    def test_the_key_is_the_subject_behind_the_prefix(self, duolog, nats, name, subjects, subject, key):
        make_stream(nats, name, [s.format(name) for s in subjects])
        publish(nats, subject.format(name))
        expected = key.format(name).encode() if isinstance(key, str) else key
        assert read_topic(duolog, name, 1)[0].key() == expected

    def test_headers_keep_their_order_and_duplicates(self, duolog, nats, name):
        make_stream(nats, name)
        publish(nats, f"{name}.k", b"x", "B: 1", "A: two words", "B: 3", "Empty: ")
        assert read_topic(duolog, name, 1)[0].headers() == [
            ("B", b"1"), ("A", b"two words"), ("B", b"3"), ("Empty", b"")]

    def test_a_message_without_headers_has_none(self, duolog, nats, name):
        make_stream(nats, name)
        publish(nats, f"{name}.k")
        assert not read_topic(duolog, name, 1)[0].headers()

    @pytest.mark.parametrize("block", [
        b"NATS/1.0\r\nA:1\r\nB:  2 \r\n\r\n", b"NATS/1.0\r\nA: 1\r\nB:2\r\n\r\n", b"NATS/1.0\r\n\r\n",
        b"NATS/1.0\r\nno colon\r\n\r\n", b"NATS/1.0\r\n: no name\r\n\r\n", b"NATS/1.0\r\nA: \xff\xfe\r\n\r\n"])
    def test_a_strange_header_block_comes_back_byte_for_byte(self, nats, name, block):
        make_stream(nats, name)
        nats.request(f"{name}.k", b"x", block)
        assert stored(nats, name, 1)["hdrs"] == block

    def test_the_time_is_the_same_to_the_millisecond(self, duolog, nats, name):
        make_stream(nats, name)
        before = int(time.time() * 1000)
        for number in range(20):
            publish(nats, f"{name}.k", b"%d" % number)
        for message in read_topic(duolog, name, 20):
            shown = datetime.datetime.fromisoformat(stored(nats, name, message.offset() + 1)["time"][:23] + "+00:00")
            assert message.timestamp()[1] == round(shown.timestamp() * 1000)
            assert 0 <= message.timestamp()[1] - before < 60_000

    def test_a_delete_marker_is_a_tombstone(self, duolog, nats, name):
        make_stream(nats, f"KV_{name}", [f"$KV.{name}.>"])
        publish(nats, f"$KV.{name}.a", b"value")
        publish(nats, f"$KV.{name}.a", b"", "KV-Operation: DEL")
        first, second = read_topic(duolog, f"KV_{name}", 2)
        assert (first.key(), first.value()) == (b"a", b"value")
        assert (second.key(), second.value(), second.headers()) == (b"a", None, [("KV-Operation", b"DEL")])

    def test_an_empty_message_is_no_tombstone(self, duolog, nats, name):
        make_stream(nats, name)
        publish(nats, f"{name}.a", b"")
        assert read_topic(duolog, name, 1)[0].value() == b""

    def test_a_waiting_fetch_wakes_up(self, duolog, nats, name):
        make_stream(nats, name)
        one = consumer(duolog, name, fetch_wait_max_ms=20_000, socket_timeout_ms=60_000)
        one.assign([TopicPartition(name, 0, 0)])
        assert one.poll(1) is None
        began = time.monotonic()
        publish(nats, f"{name}.k", b"wake up")
        assert read(one, 1)[0].value() == b"wake up"
        assert time.monotonic() - began < 5
        one.close()

    def test_a_deleted_message_is_a_gap(self, duolog, nats, name):
        make_stream(nats, name)
        for number in range(5):
            publish(nats, f"{name}.k", b"%d" % number)
        nats.api(f"STREAM.MSG.DELETE.{name}", {"seq": 3})
        assert [(m.offset(), m.value()) for m in read_topic(duolog, name, 4)] == [
            (0, b"0"), (1, b"1"), (3, b"3"), (4, b"4")]

    def test_a_purge_moves_the_start(self, duolog, nats, name):
        make_stream(nats, name)
        for number in range(5):
            publish(nats, f"{name}.k", b"%d" % number)
        nats.api(f"STREAM.PURGE.{name}", {"seq": 4})
        one = consumer(duolog, name)
        assert one.get_watermark_offsets(TopicPartition(name, 0), timeout=10) == (3, 5)
        one.close()

    def test_a_message_id_is_stored_once_for_both(self, duolog, nats, name):
        make_stream(nats, name)
        for _ in range(3):
            publish(nats, f"{name}.k", b"once", "Nats-Msg-Id: 1")
        publish(nats, f"{name}.k", b"end")
        assert [m.value() for m in read_topic(duolog, name, 2)] == [b"once", b"end"]

    def test_a_publish_to_partitions_goes_where_kafka_would_put_it(self, duolog, nats, name):
        create_topic(duolog, name, 6)
        keys = [f"key-{n}" for n in range(60)]
        produce(duolog, name, [(key.encode(), b"kafka") for key in keys], partitioner="murmur2_random")
        for key in keys:
            nats.request(f"kafka.{name}.{key}", b"nats")
        messages = read_topic(duolog, name, 120, partitions=6)
        place = {m.key(): m.partition() for m in messages if m.value() == b"kafka"}
        assert len(set(place.values())) == 6
        assert {m.key(): m.partition() for m in messages if m.value() == b"nats"} == place


class TestFromKafkaToNATS:
    def test_a_live_subscriber_gets_it(self, duolog, nats, name):
        create_topic(duolog, name)
        listen(nats, f"kafka.{name}.>")
        produce(duolog, name, [(b"eu.17", b"hello", [("a", b"1"), ("b", b"2"), ("a", b"3")])])
        subject, sid, reply, headers, payload = nats.message()
        assert (subject, sid, reply, payload) == (f"kafka.{name}.eu.17", "live", None, b"hello")
        assert headers == header_block("a: 1", "b: 2", "a: 3")

    @pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
    def test_live_messages_come_in_order_whatever_the_codec(self, duolog, nats, name, codec):
        create_topic(duolog, name)
        listen(nats, f"kafka.{name}.>")
        produce(duolog, name, [(b"k", b"%d" % n) for n in range(500)], compression_type=codec)
        assert [nats.message()[4] for _ in range(500)] == [b"%d" % n for n in range(500)]

    def test_a_record_without_key_has_the_bare_subject(self, duolog, nats, name):
        create_topic(duolog, name)
        listen(nats, f"kafka.{name}")
        produce(duolog, name, [(None, b"x")])
        assert nats.message()[0] == f"kafka.{name}"

    @pytest.mark.parametrize("key, shown", [
        (b"two words", "Kafka-Key: two words"), (b"a..b", "Kafka-Key: a..b"), (b".", "Kafka-Key: ."),
        (b"*", "Kafka-Key: *"), (b"a.>", "Kafka-Key: a.>"), (b"", "Kafka-Key: "),
        (b"\xff\xfe", "Kafka-Key;base64: " + base64.b64encode(b"\xff\xfe").decode()),
        (b"a\r\nb", "Kafka-Key;base64: " + base64.b64encode(b"a\r\nb").decode()),
    ])
    def test_a_key_that_is_no_subject_is_shown_in_a_header(self, duolog, nats, name, key, shown):
        create_topic(duolog, name)
        produce(duolog, name, [(key, b"x")])
        message = stored(nats, name, 1)
        assert (message["subject"], message["hdrs"]) == (f"kafka.{name}", header_block(shown))
        assert read_topic(duolog, name, 1)[0].key() == key

    @pytest.mark.parametrize("value", [b"\xff\x00", b"a\r\nb", b"\n"])
    def test_a_header_that_nats_cannot_carry_is_base64(self, duolog, nats, name, value):
        create_topic(duolog, name)
        produce(duolog, name, [(b"k", b"x", [("h", value)])])
        assert stored(nats, name, 1)["hdrs"] == header_block(f"h;base64: {base64.b64encode(value).decode()}")
        assert read_topic(duolog, name, 1)[0].headers() == [("h", value)]

    def test_a_tombstone_is_a_deletion(self, duolog, nats, name):
        create_topic(duolog, name)
        produce(duolog, name, [(b"k", None)])
        message = stored(nats, name, 1)
        assert (message["data"], message["hdrs"]) == (b"", header_block("KV-Operation: DEL"))

    def test_a_pull_consumer_reads_them(self, duolog, nats, name):
        create_topic(duolog, name)
        produce(duolog, name, [(b"k%d" % n, b"%d" % n) for n in range(100)], compression_type="zstd")
        nats.api(f"CONSUMER.CREATE.{name}.c", {
            "stream_name": name, "config": {"durable_name": "c", "ack_policy": "explicit"}})
        nats.send(f"SUB in.{name} in\r\n")
        nats.publish(f"$JS.API.CONSUMER.MSG.NEXT.{name}.c", json.dumps({"batch": 100, "expires": 10**10}),
                     reply=f"in.{name}")
        received = [nats.message() for _ in range(100)]
        assert [(m[0], m[4]) for m in received] == [(f"kafka.{name}.k{n}", b"%d" % n) for n in range(100)]
        assert [m[2].split(".")[5] for m in received] == [str(n + 1) for n in range(100)]

    def test_each_partition_is_read_as_a_stream(self, duolog, nats, name):
        create_topic(duolog, name, 3)
        produce(duolog, name, [(b"k", b"%d" % n, [], 0, n % 3) for n in range(9)])
        for partition in range(3):
            info = nats.api(f"STREAM.INFO.{name}@{partition}")
            assert info["state"]["messages"] == 3
            assert stored(nats, f"{name}@{partition}", 1)["data"] == b"%d" % partition

    def test_a_key_outside_the_subjects_of_a_stream_is_refused(self, duolog, nats, name):
        make_stream(nats, name, [f"{name}.eu.*", f"{name}.us.*"])
        with KafkaWire(duolog.kafka_port) as wire:
            good = wire.call(produce_request(name, batch([(b"eu.1", b"x")])))
            bad = wire.call(produce_request(name, batch([(b"eu.2", b"x"), (b"asia.1", b"x")])))
        assert int(good.responses[0].partition_responses[0].error_code) == 0
        partition = bad.responses[0].partition_responses[0]
        assert int(partition.error_code) == 87
        assert f"{name}.eu.*" in partition.error_message
        assert nats.api(f"STREAM.INFO.{name}")["state"]["messages"] == 1

    def test_what_kafka_writes_into_a_stream_counts_for_its_publishers(self, duolog, nats, name):
        make_stream(nats, name)
        produce(duolog, name, [(b"a", b"1"), (b"a", b"2")])
        answer = nats.request(f"{name}.a", b"x", header_block("Nats-Expected-Last-Subject-Sequence: 2"))
        assert json.loads(answer[4]) == {"stream": name, "seq": 3}

    def test_both_write_into_one_order(self, duolog, nats, name):
        make_stream(nats, name)
        for number in range(20):
            if number % 2:
                publish(nats, f"{name}.k", b"%d" % number)
            else:
                produce(duolog, name, [(b"k", b"%d" % number)], linger_ms=0)
        expected = [b"%d" % n for n in range(20)]
        assert [m.value() for m in read_topic(duolog, name, 20)] == expected
        assert [stored(nats, name, n + 1)["data"] for n in range(20)] == expected


def test_the_producers_time_stays_and_jetstream_shows_append_time(duolog, nats, name):
    create_topic(duolog, name, **{"retention.ms": "-1"})
    produce(duolog, name, [(b"k", b"v", [], 1_000_000_000_000)])
    assert read_topic(duolog, name, 1)[0].timestamp()[1] == 1_000_000_000_000
    shown = datetime.datetime.fromisoformat(stored(nats, name, 1)["time"][:19] + "+00:00")
    assert abs(shown.timestamp() - time.time()) < 60


def test_a_topic_may_keep_append_time(duolog, name):
    new = NewTopic(name, 1, 1, config={"message.timestamp.type": "LogAppendTime"})
    admin(duolog).create_topics([new])[name].result(timeout=10)
    produce(duolog, name, [(b"k", b"v", [], 1_000_000_000_000)])
    kind, stamp = read_topic(duolog, name, 1)[0].timestamp()
    assert kind == 2 and abs(stamp / 1000 - time.time()) < 60
