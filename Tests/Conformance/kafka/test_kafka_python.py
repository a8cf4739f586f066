"""Duolog through kafka-python."""

import time

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError
from kafka.structs import OffsetAndMetadata

from harness.kafka import AN_HOUR_AGO


@pytest.fixture
def admin(duolog):
    client = KafkaAdminClient(bootstrap_servers=duolog.kafka)
    yield client
    client.close()


@pytest.fixture
def open_client(duolog):
    """Opens producers and consumers and closes them after the test."""
    opened = []

    def open_one(kind, *arguments, **options):
        one = kind(*arguments, bootstrap_servers=duolog.kafka, **options)
        opened.append(one)
        return one

    yield open_one
    for one in reversed(opened):
        one.close()


def read(consumer, count, seconds=30):
    records = []
    deadline = time.monotonic() + seconds
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} of {count} records after {seconds} s"
        for batch in consumer.poll(timeout_ms=200).values():
            records += batch
    return records


def make(admin, topic, partitions=1):
    admin.create_topics([NewTopic(topic, partitions, 1)])
    return topic


class TestTopics:
    def test_topics_are_made_described_listed_and_deleted(self, admin, name):
        make(admin, name, 6)
        described = admin.describe_topics([name])[0]
        assert len(described["partitions"]) == 6
        assert name in admin.list_topics()
        with pytest.raises(TopicAlreadyExistsError):
            make(admin, name)
        admin.delete_topics([name])
        assert name not in admin.list_topics()
        with pytest.raises(UnknownTopicOrPartitionError):
            admin.delete_topics([name])

    def test_the_cluster_is_described(self, admin, duolog):
        cluster = admin.describe_cluster()
        assert [(b["host"], b["port"]) for b in cluster["brokers"]] == [("127.0.0.1", duolog.kafka_port)]


class TestProduceAndFetch:
    @pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
    def test_all_of_a_record_comes_back(self, admin, open_client, name, codec):
        make(admin, name)
        producer = open_client(KafkaProducer, compression_type=codec, linger_ms=5)
        sent = [producer.send(
            name, key=b"key-%d" % n, value=b"value-%d " % n * 10, headers=[("h", b"%d" % n), ("h", b"x")],
            timestamp_ms=AN_HOUR_AGO + n) for n in range(300)]
        producer.flush(timeout=30)
        assert [future.get(10).offset for future in sent] == list(range(300))
        consumer = open_client(KafkaConsumer, auto_offset_reset="earliest")
        consumer.assign([TopicPartition(name, 0)])
        records = read(consumer, 300)
        assert [(r.offset, r.key, r.value, r.timestamp) for r in records] == [
            (n, b"key-%d" % n, b"value-%d " % n * 10, AN_HOUR_AGO + n) for n in range(300)]
        assert [list(map(tuple, r.headers)) for r in records] == [
            [("h", b"%d" % n), ("h", b"x")] for n in range(300)]

    @pytest.mark.parametrize("acks", [0, 1, "all"])
    def test_every_kind_of_ack(self, admin, open_client, name, acks):
        make(admin, name)
        producer = open_client(KafkaProducer, acks=acks, enable_idempotence=False)
        for number in range(100):
            producer.send(name, value=b"%d" % number)
        producer.flush(timeout=30)
        consumer = open_client(KafkaConsumer, auto_offset_reset="earliest")
        consumer.assign([TopicPartition(name, 0)])
        assert [r.value for r in read(consumer, 100)] == [b"%d" % n for n in range(100)]

    def test_an_idempotent_producer_on_six_partitions(self, admin, open_client, name):
        make(admin, name, 6)
        producer = open_client(KafkaProducer, enable_idempotence=True, acks="all")
        for number in range(3000):
            producer.send(name, key=b"%d" % (number % 40), value=b"%d" % number)
        producer.flush(timeout=30)
        consumer = open_client(KafkaConsumer, auto_offset_reset="earliest")
        consumer.assign([TopicPartition(name, p) for p in range(6)])
        records = read(consumer, 3000)
        assert sorted(int(r.value) for r in records) == list(range(3000))
        for key in {r.key for r in records}:
            values = [int(r.value) for r in records if r.key == key]
            assert values == sorted(values)

    def test_a_producer_makes_the_topic_that_it_writes_to(self, open_client, name):
        producer = open_client(KafkaProducer)
        assert producer.send(name, b"first").get(timeout=30).offset == 0


class TestOffsets:
    def test_beginning_end_and_times(self, admin, open_client, name):
        make(admin, name)
        producer = open_client(KafkaProducer)
        for number in range(50):
            producer.send(name, b"x", timestamp_ms=AN_HOUR_AGO + 1000 * number)
        producer.flush(timeout=30)
        consumer = open_client(KafkaConsumer)
        partition = TopicPartition(name, 0)
        assert consumer.beginning_offsets([partition]) == {partition: 0}
        assert consumer.end_offsets([partition]) == {partition: 50}
        found = consumer.offsets_for_times({partition: AN_HOUR_AGO + 20_500})[partition]
        assert (found.offset, found.timestamp) == (21, AN_HOUR_AGO + 21_000)
        assert consumer.offsets_for_times({partition: AN_HOUR_AGO + 50_000})[partition] is None

    def test_commit_and_committed(self, admin, open_client, name):
        make(admin, name)
        consumer = open_client(KafkaConsumer, group_id=name, enable_auto_commit=False)
        partition = TopicPartition(name, 0)
        consumer.assign([partition])
        assert consumer.committed(partition) is None
        consumer.commit({partition: OffsetAndMetadata(12, "note", -1)})
        assert consumer.committed(partition) == 12
        assert admin.list_group_offsets({name: None})[name][partition].offset == 12


class TestGroups:
    def test_members_share_partitions_and_take_over(self, admin, open_client, name, duolog):
        make(admin, name, 4)
        options = {"group_id": name, "auto_offset_reset": "earliest", "session_timeout_ms": 10000,
                   "heartbeat_interval_ms": 500, "enable_auto_commit": False}
        first = open_client(KafkaConsumer, name, **options)
        second = KafkaConsumer(name, bootstrap_servers=duolog.kafka, **options)
        wait(lambda: len(first.assignment()) == len(second.assignment()) == 2, first, second)
        second.close()
        wait(lambda: len(first.assignment()) == 4, first)

    def test_groups_are_listed_and_described(self, admin, open_client, name):
        make(admin, name, 2)
        consumer = open_client(KafkaConsumer, name, group_id=name)
        wait(lambda: len(consumer.assignment()) == 2, consumer)
        assert name in [group["group_id"] for group in admin.list_groups()]
        described = admin.describe_groups([name])[name]
        assert described["group_state"] == "Stable"
        assert len(described["members"]) == 1


def wait(condition, *consumers, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        for consumer in consumers:
            consumer.poll(timeout_ms=500)
