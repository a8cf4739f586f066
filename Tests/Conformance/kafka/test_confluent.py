"""Duolog through confluent-kafka (librdkafka)."""

import time

import pytest
from confluent_kafka import (
    TIMESTAMP_CREATE_TIME, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicCollection,
    TopicPartition)
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from harness.kafka import AN_HOUR_AGO, admin, consumer, create_topic, poll_until, produce, read, read_topic

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def code_of(raised):
    return raised.value.args[0].code()


class TestTopics:
    @pytest.mark.parametrize("partitions", [1, 6, 100])
    def test_a_topic_has_as_many_partitions_as_were_asked_for(self, duolog, name, partitions):
        create_topic(duolog, name, partitions)
        topic = admin(duolog).list_topics(name, timeout=10).topics[name]
        assert sorted(topic.partitions) == list(range(partitions))
        assert all(p.leader == 0 or p.leader in admin_brokers(duolog) for p in topic.partitions.values())

    def test_all_topics_can_be_listed(self, duolog, name):
        for letter in "ab":
            create_topic(duolog, name + letter)
        assert {name + "a", name + "b"} <= admin(duolog).list_topics(timeout=10).topics.keys()

    def test_a_topic_is_made_once(self, duolog, name):
        create_topic(duolog, name)
        with pytest.raises(KafkaException) as raised:
            create_topic(duolog, name)
        assert code_of(raised) == KafkaError.TOPIC_ALREADY_EXISTS

    @pytest.mark.parametrize("topic", ["a b", "a/b", "ä", "x" * 250, ".", ".."])
    def test_an_illegal_name_is_refused(self, duolog, topic):
        with pytest.raises(KafkaException) as raised:
            create_topic(duolog, topic)
        assert code_of(raised) == KafkaError.TOPIC_EXCEPTION

    @pytest.mark.parametrize("partitions, replicas, code", [
        (0, 1, KafkaError.INVALID_PARTITIONS), (1, 0, KafkaError.INVALID_REPLICATION_FACTOR)])
    def test_impossible_numbers_are_refused(self, duolog, name, partitions, replicas, code):
        new = NewTopic(name, num_partitions=partitions, replication_factor=replicas)
        with pytest.raises(KafkaException) as raised:
            admin(duolog).create_topics([new])[name].result(timeout=10)
        assert code_of(raised) == code

    def test_replicas_that_there_cannot_be_are_taken_as_one(self, duolog, name):
        """Connect and many scripts ask for 3 whatever the cluster; one node keeps one copy, and says so."""
        admin(duolog).create_topics([NewTopic(name, 1, 3)])[name].result(timeout=10)
        assert len(admin(duolog).list_topics(name, timeout=10).topics[name].partitions[0].replicas) == 1

    def test_creation_can_be_tried_without_doing_it(self, duolog, name):
        new = NewTopic(name, num_partitions=1, replication_factor=1)
        admin(duolog).create_topics([new], validate_only=True)[name].result(timeout=10)
        assert name not in admin(duolog).list_topics(timeout=10).topics

    def test_a_deleted_topic_is_gone_and_comes_back_empty(self, duolog, name):
        create_topic(duolog, name)
        produce(duolog, name, [(b"k", b"v")] * 10)
        admin(duolog).delete_topics([name])[name].result(timeout=10)
        assert name not in admin(duolog).list_topics(timeout=10).topics
        create_topic(duolog, name)
        one = consumer(duolog, name)
        assert one.get_watermark_offsets(TopicPartition(name, 0), timeout=10) == (0, 0)
        one.close()

    def test_deleting_a_missing_topic_says_so(self, duolog, name):
        with pytest.raises(KafkaException) as raised:
            admin(duolog).delete_topics([name])[name].result(timeout=10)
        assert code_of(raised) == KafkaError.UNKNOWN_TOPIC_OR_PART

    def test_a_producer_makes_the_topic_that_it_writes_to(self, duolog, name):
        assert produce(duolog, name, [(b"k", b"v")])[0].offset() == 0

    def test_a_consumer_of_a_missing_topic_is_told(self, duolog, name):
        one = consumer(duolog, name)
        one.subscribe([name])
        with pytest.raises(KafkaException) as raised:
            read(one, 1, seconds=15)
        assert code_of(raised) == KafkaError.UNKNOWN_TOPIC_OR_PART
        one.close()


def admin_brokers(server):
    return admin(server).list_topics(timeout=10).brokers.keys()


class TestProduceAndFetch:
    @pytest.mark.parametrize("codec", CODECS)
    def test_all_of_a_record_comes_back(self, duolog, name, codec):
        now = int(time.time() * 1000)
        records = [
            (b"key-%d" % n, b"value-%d " % n * 20, [("n", b"%d" % n), ("n", b"again"), ("empty", b""), ("null", None)],
             now - n)
            for n in range(500)]
        delivered = produce(duolog, name, records, compression_type=codec)
        assert [m.offset() for m in delivered] == list(range(500))
        messages = read_topic(duolog, name, 500)
        assert [(m.key(), m.value(), m.headers(), m.timestamp()) for m in messages] == [
            (key, value, headers, (TIMESTAMP_CREATE_TIME, stamp)) for key, value, headers, stamp in records]
        assert [m.offset() for m in messages] == list(range(500))

    @pytest.mark.parametrize("key, value", [
        (None, b"value"), (b"key", None), (None, None), (b"", b""), (b"\x00\xff\xfe", bytes(range(256)))])
    def test_absent_and_empty_stay_what_they_are(self, duolog, name, key, value):
        produce(duolog, name, [(key, value)])
        message = read_topic(duolog, name, 1)[0]
        assert (message.key(), message.value()) == (key, value)

    @pytest.mark.parametrize("acks", ["0", "1", "all"])
    def test_every_kind_of_ack(self, duolog, name, acks):
        create_topic(duolog, name)
        produce(duolog, name, [(b"k", b"%d" % n) for n in range(200)], acks=acks)
        assert [m.value() for m in read_topic(duolog, name, 200)] == [b"%d" % n for n in range(200)]

    def test_an_idempotent_producer_keeps_order_without_gaps(self, duolog, name):
        create_topic(duolog, name, 3)
        records = [(b"%d" % (n % 10), b"%d" % n) for n in range(20000)]
        produce(duolog, name, records, enable_idempotence=True, linger_ms=0, batch_num_messages=100)
        messages = read_topic(duolog, name, 20000, partitions=3)
        for partition in range(3):
            offsets = [m.offset() for m in messages if m.partition() == partition]
            assert offsets == list(range(len(offsets)))
        for key in {m.key() for m in messages}:
            values = [int(m.value()) for m in messages if m.key() == key]
            assert values == sorted(values) and len(set(values)) == len(values)

    def test_the_partition_can_be_chosen(self, duolog, name):
        create_topic(duolog, name, 4)
        produce(duolog, name, [(None, b"%d" % n, [], 0, n) for n in range(4)])
        messages = read_topic(duolog, name, 4, partitions=4)
        assert sorted((m.partition(), m.value()) for m in messages) == [(n, b"%d" % n) for n in range(4)]

    def test_large_messages(self, duolog, name):
        values = [bytes([n]) * 900_000 for n in range(20)]
        produce(duolog, name, [(b"k", value) for value in values])
        assert [m.value() for m in read_topic(duolog, name, 20)] == values

    def test_a_message_above_the_limit_of_the_topic_is_refused(self, duolog, name):
        with pytest.raises(KafkaException) as raised:
            produce(duolog, name, [(b"k", b"x" * 3_000_000)], message_max_bytes=10_000_000)
        assert code_of(raised) == KafkaError.MSG_SIZE_TOO_LARGE
        produce(duolog, name, [(b"k", b"small")])
        assert read_topic(duolog, name, 1)[0].value() == b"small"

    def test_a_message_larger_than_the_fetch_limit_still_comes(self, duolog, name):
        produce(duolog, name, [(b"k", b"x" * 500_000), (b"k", b"y" * 500_000)], batch_num_messages=1)
        messages = read_topic(duolog, name, 2, fetch_message_max_bytes=1000, max_partition_fetch_bytes=1000)
        assert [len(m.value()) for m in messages] == [500_000, 500_000]

    def test_a_waiting_consumer_gets_what_is_produced_at_once(self, duolog, name):
        create_topic(duolog, name)
        one = consumer(duolog, name, fetch_wait_max_ms=10_000)
        one.assign([TopicPartition(name, 0, 0)])
        assert one.poll(1) is None
        produce(duolog, name, [(b"k", b"now")], linger_ms=0)
        began = time.monotonic()
        assert read(one, 1)[0].value() == b"now"
        assert time.monotonic() - began < 5, "the fetch did not wait for its 10 s"
        one.close()

    def test_reading_can_start_anywhere(self, duolog, name):
        produce(duolog, name, [(b"k", b"%d" % n) for n in range(1000)], batch_num_messages=100)
        one = consumer(duolog, name)
        for start in (0, 1, 99, 100, 101, 555, 999):
            one.assign([TopicPartition(name, 0, start)])
            assert read(one, 1)[0].offset() == start
        one.close()

    def test_beyond_the_end_the_consumer_is_reset(self, duolog, name):
        produce(duolog, name, [(b"k", b"v")] * 5)
        one = consumer(duolog, name, auto_offset_reset="earliest")
        one.assign([TopicPartition(name, 0, 1000)])
        assert read(one, 1)[0].offset() == 0
        one.close()

    def test_many_partitions_at_once(self, duolog, name):
        create_topic(duolog, name, 200)
        produce(duolog, name, [(None, b"%d" % n, [], 0, n % 200) for n in range(2000)])
        messages = read_topic(duolog, name, 2000, partitions=200)
        assert sorted(int(m.value()) for m in messages) == list(range(2000))


class TestOffsets:
    def test_watermarks(self, duolog, name):
        produce(duolog, name, [(b"k", b"v")] * 42)
        one = consumer(duolog, name)
        assert one.get_watermark_offsets(TopicPartition(name, 0), timeout=10) == (0, 42)
        one.close()

    def test_offsets_for_times(self, duolog, name):
        start = AN_HOUR_AGO
        produce(duolog, name, [(b"k", b"v", [], start + n * 1000) for n in range(100)], batch_num_messages=10)
        one = consumer(duolog, name)

        def offset_at(stamp):
            return one.offsets_for_times([TopicPartition(name, 0, stamp)], timeout=10)[0].offset

        assert offset_at(start) == 0
        assert offset_at(start + 1) == 1
        assert offset_at(start + 42_000) == 42
        assert offset_at(start + 41_500) == 42
        assert offset_at(0) == 0
        assert offset_at(start + 99_001) == -1, "librdkafka's OFFSET_END"
        one.close()

    def test_committed_offsets_come_back_with_their_metadata(self, duolog, name):
        create_topic(duolog, name, 2)
        one = consumer(duolog, name)
        one.commit(offsets=[TopicPartition(name, 0, 17, "note"), TopicPartition(name, 1, 4)], asynchronous=False)
        found = one.committed([TopicPartition(name, 0), TopicPartition(name, 1)], timeout=10)
        assert [(p.partition, p.offset) for p in found] == [(0, 17), (1, 4)]
        assert found[0].metadata == "note"
        one.close()

    def test_nothing_committed_is_no_offset(self, duolog, name):
        create_topic(duolog, name)
        one = consumer(duolog, name)
        found = one.committed([TopicPartition(name, 0)], timeout=10)[0]
        assert found.error is None and found.offset == -1001
        one.close()

    def test_an_admin_reads_the_offsets_of_a_group(self, duolog, name):
        create_topic(duolog, name)
        one = consumer(duolog, name)
        one.commit(offsets=[TopicPartition(name, 0, 3)], asynchronous=False)
        one.close()
        request = ConsumerGroupTopicPartitions(name)
        answer = admin(duolog).list_consumer_group_offsets([request])[name].result(timeout=10)
        assert [(p.topic, p.partition, p.offset) for p in answer.topic_partitions] == [(name, 0, 3)]


class TestGroups:
    def test_a_group_goes_on_where_it_was(self, duolog, name):
        produce(duolog, name, [(b"k", b"%d" % n) for n in range(100)])
        first = consumer(duolog, name)
        first.subscribe([name])
        for message in read(first, 40):
            first.commit(message, asynchronous=False)
        first.close()
        second = consumer(duolog, name)
        second.subscribe([name])
        assert [m.offset() for m in read(second, 60)] == list(range(40, 100))
        second.close()

    def test_members_share_the_partitions(self, duolog, name):
        create_topic(duolog, name, 6)
        members = [consumer(duolog, name) for _ in range(3)]
        for member in members:
            member.subscribe([name])
        poll_until(members, lambda: [len(m.assignment()) for m in members] == [2, 2, 2])
        owned = [p.partition for m in members for p in m.assignment()]
        assert sorted(owned) == list(range(6))
        for member in members:
            member.close()

    def test_what_a_leaving_member_had_goes_to_the_others(self, duolog, name):
        create_topic(duolog, name, 4)
        stays, leaves = consumer(duolog, name), consumer(duolog, name)
        for member in (stays, leaves):
            member.subscribe([name])
        poll_until([stays, leaves], lambda: len(stays.assignment()) == len(leaves.assignment()) == 2)
        leaves.close()
        poll_until([stays], lambda: len(stays.assignment()) == 4)
        stays.close()

    def test_a_member_that_falls_silent_is_put_out(self, duolog, name):
        create_topic(duolog, name, 2)
        stays = consumer(duolog, name, session_timeout_ms=6000)
        silent = consumer(duolog, name, session_timeout_ms=6000, max_poll_interval_ms=6000)
        for member in (stays, silent):
            member.subscribe([name])
        poll_until([stays, silent], lambda: len(stays.assignment()) == len(silent.assignment()) == 1)
        poll_until([stays], lambda: len(stays.assignment()) == 2, seconds=40)
        stays.close()
        silent.close()

    def test_a_group_reads_a_topic_made_again_from_its_start(self, duolog, name):
        """The offsets committed for a topic go with it."""
        for _ in range(2):
            create_topic(duolog, name, 1)
            produce(duolog, name, [(b"k", b"%d" % n) for n in range(20)])
            one = consumer(duolog, name)
            one.subscribe([name])
            assert [m.offset() for m in read(one, 20)] == list(range(20))
            one.commit(asynchronous=False)
            one.close()
            admin(duolog).delete_topics([name])[name].result(timeout=10)

    def test_nothing_is_read_twice_or_lost_over_a_rebalance(self, duolog, name):
        create_topic(duolog, name, 4)
        produce(duolog, name, [(b"%d" % n, b"%d" % n) for n in range(4000)])
        seen = []

        def commit_on_revoke(consumer_, partitions):
            if any(p.offset >= 0 for p in consumer_.position(partitions)):
                consumer_.commit(
                    offsets=[p for p in consumer_.position(partitions) if p.offset >= 0], asynchronous=False)

        first = consumer(duolog, name)
        first.subscribe([name], on_revoke=commit_on_revoke)
        seen += read(first, 1000)
        second = consumer(duolog, name)
        second.subscribe([name], on_revoke=commit_on_revoke)
        poll_until([first, second], lambda: len(seen) >= 4000, seen=seen)
        assert sorted(int(m.value()) for m in seen) == list(range(4000))
        first.close()
        second.close()

    def test_a_static_member_comes_back_to_its_partitions(self, duolog, name):
        create_topic(duolog, name, 4)

        def member(instance):
            one = consumer(duolog, name, group_instance_id=instance)
            one.subscribe([name])
            return one

        one, two = member("one"), member("two")
        poll_until([one, two], lambda: len(one.assignment()) == len(two.assignment()) == 2)
        before = sorted(p.partition for p in two.assignment())
        two.close()
        assert sorted(group_members(duolog, name)) == ["one", "two"], "a static member keeps its place"
        two = member("two")
        poll_until([one, two], lambda: len(two.assignment()) == 2)
        assert sorted(p.partition for p in two.assignment()) == before
        assert len(one.assignment()) == 2
        one.close()
        two.close()

    def test_the_cooperative_protocol(self, duolog, name):
        create_topic(duolog, name, 6)
        settings = {"partition_assignment_strategy": "cooperative-sticky"}
        members = [consumer(duolog, name, **settings) for _ in range(2)]
        for member in members:
            member.subscribe([name])
        poll_until(members, lambda: [len(m.assignment()) for m in members] == [3, 3])
        for member in members:
            member.close()

    def test_groups_are_listed_and_described(self, duolog, name):
        create_topic(duolog, name, 2)
        member = consumer(duolog, name, client_id="the-client")
        member.subscribe([name])
        poll_until([member], lambda: len(member.assignment()) == 2)
        listed = admin(duolog).list_consumer_groups().result(timeout=10)
        assert name in [group.group_id for group in listed.valid]
        described = admin(duolog).describe_consumer_groups([name])[name].result(timeout=10)
        assert described.group_id == name
        assert described.state.name == "STABLE"
        assert described.partition_assignor in ("range", "roundrobin")
        assert [m.client_id for m in described.members] == ["the-client"]
        assigned = described.members[0].assignment.topic_partitions
        assert sorted(p.partition for p in assigned) == [0, 1]
        member.close()

    def test_a_group_without_members_is_empty(self, duolog, name):
        create_topic(duolog, name)
        member = consumer(duolog, name)
        member.subscribe([name])
        poll_until([member], lambda: len(member.assignment()) == 1)
        member.commit(offsets=[TopicPartition(name, 0, 0)], asynchronous=False)
        member.close()
        described = admin(duolog).describe_consumer_groups([name])[name].result(timeout=10)
        assert (described.state.name, described.members) == ("EMPTY", [])


def group_members(server, group):
    described = admin(server).describe_consumer_groups([group])[group].result(timeout=10)
    return [member.group_instance_id for member in described.members]


class TestCluster:
    def test_it_is_one_broker_that_is_its_own_controller(self, duolog):
        cluster = admin(duolog).describe_cluster().result(timeout=10)
        assert [(node.host, node.port) for node in cluster.nodes] == [("127.0.0.1", duolog.kafka_port)]
        assert cluster.cluster_id
        assert cluster.controller.id == cluster.nodes[0].id

    def test_the_settings_of_a_topic(self, duolog, name):
        create_topic(duolog, name)
        resource = ConfigResource(ResourceType.TOPIC, name)
        settings = admin(duolog).describe_configs([resource])[resource].result(timeout=10)
        assert settings["cleanup.policy"].value == "delete"
        assert settings["message.timestamp.type"].value == "CreateTime"
        assert int(settings["max.message.bytes"].value) >= 1_000_000

    def test_the_settings_of_the_broker(self, duolog):
        broker = next(iter(admin_brokers(duolog)))
        resource = ConfigResource(ResourceType.BROKER, str(broker))
        settings = admin(duolog).describe_configs([resource])[resource].result(timeout=10)
        assert settings["num.partitions"].value == "1" and settings["log.cleaner.backoff.ms"].value == "15000"

    def test_the_settings_of_a_missing_topic_are_an_error(self, duolog, name):
        resource = ConfigResource(ResourceType.TOPIC, name)
        with pytest.raises(KafkaException) as raised:
            admin(duolog).describe_configs([resource])[resource].result(timeout=10)
        assert code_of(raised) == KafkaError.UNKNOWN_TOPIC_OR_PART

    def test_descriptions_of_topics(self, duolog, name):
        create_topic(duolog, name, 3)
        topics = TopicCollection([name])
        described = admin(duolog).describe_topics(topics)[name].result(timeout=10)
        assert [p.id for p in described.partitions] == [0, 1, 2]
        assert all(len(p.replicas) == len(p.isr) == 1 for p in described.partitions)
