"""Removed records give their space back, and readers of both protocols go on as if nothing had happened.

What is written first goes through files of 64 MiB, two of which are kept before segments are made of them; so each test writes
some 250 MB.
"""

import asyncio
import base64
import subprocess
import time

import nats
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPythonPartition
from nats.js.api import ConsumerConfig

from harness.kafka import consumer, create_topic, produce, read
from harness.nats_wire import Wire
from harness.server import DUOLOG
from harness.space import (
    MIB, VALUE, produce_updates, read_everything_with_kafka_python, read_everything_with_librdkafka, segment_bytes, value, wait_for_segments,
    wait_for_space, wait_until_nothing_changes, watermarks)
from harness.waiting import until


@pytest.fixture
def server(own_duolog, tmp_path):
    config = tmp_path / "duolog.conf"
    config.write_text('kafka { log_cleaner_backoff: "200ms" }\n')
    return own_duolog("-c", str(config))


def tool(command, server):
    return subprocess.run([DUOLOG, "log", command, str(server.data)], capture_output=True, text=True, timeout=60)


def make_stream(wire, name, **config):
    answer = wire.api(f"STREAM.CREATE.{name}", {"name": name, **config})
    assert "error" not in answer, answer


def publish(wire, stream, messages):
    """Publishes all and waits until the stream has them."""
    last = 0
    for subject, payload in messages:
        wire.publish(subject, payload)
        last += 1
        if last % 200 == 0:
            wire.expect_nothing_more()
    until(lambda: wire.api(f"STREAM.INFO.{stream}")["state"]["last_seq"] >= last, 30, lambda: "not all were stored")


def read_with_kafka_python(server, topic, count, end):
    client = KafkaConsumer(bootstrap_servers=server.kafka, group_id=None, auto_offset_reset="earliest",
                           consumer_timeout_ms=20_000, max_partition_fetch_bytes=8 * MIB)
    partition = KafkaPythonPartition(topic, 0)
    client.assign([partition])
    client.seek(partition, 0) if client.beginning_offsets([partition])[partition] == 0 else client.seek_to_beginning(partition)
    found = [next(client) for _ in range(count)]
    deadline = time.monotonic() + 20
    while client.position(partition) < end:
        assert time.monotonic() < deadline, f"stuck at {client.position(partition)}, the end is {end}"
        found += [record for records in client.poll(200).values() for record in records]
    client.close()
    return [(record.offset, record.key.decode(), record.value) for record in found]


def read_with_librdkafka(server, topic, count, end):
    client = consumer(server, "g-librdkafka", enable_partition_eof=False)
    start, found_end = client.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
    assert found_end == end
    client.assign([TopicPartition(topic, 0, start)])
    messages = read(client, count)
    assert client.poll(1.0) is None
    client.close()
    return [(message.offset(), message.key().decode(), message.value()) for message in messages]


@pytest.mark.timeout(240)
def test_a_bucket_that_keeps_the_newest_takes_no_more_than_that(server, report):
    keys, updates = 100, 42
    newest = {}
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        make_stream(wire, "KV_config", subjects=["$KV.config.>"], max_msgs_per_subject=1, allow_direct=True)

        def messages():
            # Every tenth key is written once, and stays where it was.
            for number in range(keys * updates):
                key = f"key-{number % keys}"
                if number < keys or number % 10:
                    newest[key] = (number, value(key, number))
                    yield f"$KV.config.{key}", newest[key][1]

        publish(wire, "KV_config", messages())
        last = wire.api("STREAM.INFO.KV_config")["state"]["last_seq"]
    live = keys * VALUE
    wait_for_segments(server, 10 * MIB)
    # What is live, twice at most, and what was rolled up last and is still young.
    wait_for_space(server, 3 * live)
    report(f"a bucket of {live // MIB} MiB after {last * VALUE // MIB} MiB of updates: {segment_bytes(server) // MIB} MiB in segments")
    for _ in range(2):
        by_kafka_python = read_with_kafka_python(server, "KV_config", keys, last)
        assert {key: data for _, key, data in by_kafka_python} == {key: data for key, (_, data) in newest.items()}
        assert read_with_librdkafka(server, "KV_config", keys, last) == by_kafka_python
        with Wire(server.nats_port) as wire:
            wire.connect(headers=True)
            for key, (_, data) in newest.items():
                assert wire.request(f"$JS.API.DIRECT.GET.KV_config.$KV.config.{key}")[4] == data
        server.kill()
        server.start()


@pytest.mark.timeout(240)
async def test_what_a_work_queue_has_done_takes_no_space(server):
    count = 4200
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        make_stream(wire, "jobs", subjects=["jobs.>"], retention="workqueue")
        publish(wire, "jobs", ((f"jobs.{n % 7}", value("job", n)) for n in range(count)))
    wait_for_segments(server, 100 * MIB)
    client = await nats.connect(server.nats_url)
    jetstream = client.jetstream(timeout=10)
    worker = await jetstream.pull_subscribe("jobs.>", "worker", config=ConsumerConfig(max_ack_pending=5000, ack_wait=600))
    left = {}
    for _ in range(count // 100):
        for message in await worker.fetch(100, timeout=10):
            sequence = message.metadata.sequence.stream
            if sequence % 20 == 3:
                left[sequence] = message.data
            else:
                await message.ack()
    await client.flush()
    await asyncio.to_thread(wait_for_space, server, 3 * len(left) * VALUE)
    info = await jetstream.stream_info("jobs")
    assert info.state.messages == len(left)
    await client.close()
    # Acks that nobody waits for may be lost with the process.
    server.stop()
    server.start()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        assert wire.api("STREAM.INFO.jobs")["state"]["messages"] == len(left)
    found = await asyncio.to_thread(read_with_librdkafka, server, "jobs", len(left), count)
    assert {offset + 1: data for offset, _, data in found} == left


class TestCompactedTopics:
    """Many updates of few keys, with the clients that people use."""

    CONFIG = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": "1000"}

    def newest(self, records):
        found = {}
        for offset, key, data in records:
            assert found.get(key, (-1,))[0] < offset
            found[key] = (offset, data)
        return found

    @pytest.mark.timeout(240)
    @pytest.mark.parametrize("compression", ["none", "lz4"])
    def test_the_log_shrinks_to_the_newest_of_each_key(self, server, compression, report):
        topic = create_topic(server, "updates", **self.CONFIG)
        keys, count = 50, 4500
        config = {} if compression == "none" else {"compression_type": compression}
        doomed = [(b"doomed-%d" % n, b"x" * 100) for n in range(20)]
        produce(server, topic, doomed + [(key, None) for key, _ in doomed])
        rounds = 1 if compression == "none" else 2
        for round_ in range(rounds):
            produce_updates(server, topic, range(round_ * count, (round_ + 1) * count), keys, **config)
        total = 40 + rounds * count
        wait_for_segments(server, 5 * MIB)
        before = segment_bytes(server)
        wait_for_space(server, 12 * MIB)
        report(f"{topic}, {compression}: {before // MIB} MiB in segments, {segment_bytes(server) // MIB} MiB when compacted")
        wait_until_nothing_changes(server)
        for _ in range(2):
            _, end = watermarks(server, topic)
            assert end == total
            records = read_everything_with_librdkafka(server, topic, end)
            last = {key: data for key, (_, data) in self.newest(records).items()}
            assert last == {f"key-{n % keys}": value(f"key-{n % keys}", n) for n in range(total - 40 - keys, total - 40)}, \
                "the newest of each key, and neither tombstones nor what they took along"
            assert len(records) < rounds * count
            assert read_everything_with_kafka_python(server, topic, end) == records
            server.kill()
            server.start()

    @pytest.mark.timeout(240)
    def test_nats_reads_what_kafka_reads(self, server):
        topic = create_topic(server, "seen", **self.CONFIG)
        with Wire(server.nats_port) as wire:
            wire.connect(headers=True)
            # Somebody looks, so the log has a view.
            assert wire.api("STREAM.INFO.seen")["state"]["messages"] == 0
            produce_updates(server, topic, range(4500), 50)
            wait_for_segments(server, 5 * MIB)
            wait_for_space(server, 12 * MIB)
            wait_until_nothing_changes(server)
            records = read_everything_with_librdkafka(server, topic, 4500)
            state = wire.api("STREAM.INFO.seen")["state"]
            assert (state["messages"], state["num_subjects"], state["last_seq"]) == (len(records), 50, 4500)
            for offset, key, data in records[:20] + records[-50:]:
                message = wire.api("STREAM.MSG.GET.seen", {"seq": offset + 1})["message"]
                assert message["subject"] == f"kafka.seen.{key}" and base64.b64decode(message["data"]) == data
            gone = wire.api("STREAM.MSG.GET.seen", {"seq": 2})
            assert gone["error"]["err_code"] == 10037


class TestActiveParts:
    """A small load that never fills a file of the write-ahead log: settings say when it is compacted all the same."""

    def newest(self, server, topic, end, read_everything=read_everything_with_librdkafka):
        return sorted((key, data) for _, key, data in read_everything(server, topic, end))

    @pytest.mark.timeout(120)
    @pytest.mark.parametrize("config", [
        {"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01"},
        {"segment.bytes": "2000", "min.cleanable.dirty.ratio": "0.01"},
        {"max.compaction.lag.ms": "1000", "min.cleanable.dirty.ratio": "1"},
    ], ids=lambda config: next(iter(config)))
    def test_old_versions_go_soon(self, server, config):
        topic = create_topic(server, "small", **{"cleanup.policy": "compact", **config})
        other = create_topic(server, "other", **{"cleanup.policy": "compact"})
        keys, end = [f"key-{n}" for n in range(10)], 0
        for round_ in range(2):
            values = [(key.encode(), b"%d of round %d" % (n, round_)) for n in range(20) for key in keys]
            for name in (topic, other):
                produce(server, name, values)
            end += len(values)
            wanted = [(key, b"19 of round %d" % round_) for key in keys]
            until(lambda: self.newest(server, topic, end) == wanted, 30, lambda: f"{len(self.newest(server, topic, end))} records")
        with Wire(server.nats_port) as wire:
            wire.connect(headers=True)
            assert wire.api("STREAM.INFO.small")["state"]["messages"] == len(keys)
        for clean in (False, True):
            server.stop() if clean else server.kill()
            server.start()
            assert self.newest(server, topic, end) == wanted
            assert self.newest(server, topic, end, read_everything_with_kafka_python) == wanted
            # Defaults leave it alone until there is more of it.
            assert len(read_everything_with_librdkafka(server, other, end)) == end
        assert [file.name for file in (server.data / "wal").glob("*.wal")] == ["00000000000000000001.wal"]
        server.stop()
        assert tool("verify", server).returncode == 0
        listing = tool("ls", server).stdout
        of_topic = listing[listing.index("small  (log"):].split("(log")[1]
        # What the write-ahead log has still of the topic is not listed as its own.
        assert f"...{end - 1}" in of_topic and "segment" in of_topic and "wal      offsets" not in of_topic

    def test_a_lag_that_cannot_be_is_refused(self, server):
        with pytest.raises(KafkaException) as refused:
            create_topic(server, "odd", **{"min.compaction.lag.ms": "2000", "max.compaction.lag.ms": "1000"})
        assert refused.value.args[0].code() == KafkaError.INVALID_CONFIG
