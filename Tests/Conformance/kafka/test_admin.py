"""What administrators change: partitions, settings, the start of a log, groups. Through confluent-kafka."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, ResourceType)

from harness.kafka import admin, consumer, create_topic, produce, read_topic


def code_of(raised):
    return raised.value.args[0].code()


def alter(server, topic, name, value, operation=AlterConfigOpType.SET):
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
        ConfigEntry(name, value, incremental_operation=operation)])
    admin(server).incremental_alter_configs([resource])[resource].result(timeout=10)


def setting(server, topic, name):
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return admin(server).describe_configs([resource])[resource].result(timeout=10)[name].value


class TestPartitions:
    def test_more_can_be_added(self, duolog, name):
        create_topic(duolog, name, 2)
        produce(duolog, name, [(None, b"old", [], 0, 1)])
        admin(duolog).create_partitions([NewPartitions(name, 5)])[name].result(timeout=10)
        assert len(admin(duolog).list_topics(name, timeout=10).topics[name].partitions) == 5
        produce(duolog, name, [(None, b"new", [], 0, 4)])
        assert sorted(m.value() for m in read_topic(duolog, name, 2, partitions=5)) == [b"new", b"old"]

    def test_fewer_or_as_many_are_refused(self, duolog, name):
        create_topic(duolog, name, 3)
        for count in (2, 3):
            with pytest.raises(KafkaException) as raised:
                admin(duolog).create_partitions([NewPartitions(name, count)])[name].result(timeout=10)
            assert code_of(raised) == KafkaError.INVALID_PARTITIONS

    def test_a_stream_that_jetstream_made_keeps_its_one(self, duolog, duolog_wire, name):
        duolog_wire(headers=True).api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"]})
        with pytest.raises(KafkaException):
            admin(duolog).create_partitions([NewPartitions(name, 2)])[name].result(timeout=10)
        assert len(admin(duolog).list_topics(name, timeout=10).topics[name].partitions) == 1


class TestSettings:
    def test_one_can_be_set_and_taken_back(self, duolog, name):
        create_topic(duolog, name)
        before = setting(duolog, name, "max.message.bytes")
        alter(duolog, name, "max.message.bytes", "2000")
        assert setting(duolog, name, "max.message.bytes") == "2000"
        with pytest.raises(KafkaException) as raised:
            produce(duolog, name, [(b"k", b"x" * 5000)])
        assert code_of(raised) == KafkaError.MSG_SIZE_TOO_LARGE
        alter(duolog, name, "max.message.bytes", "", AlterConfigOpType.DELETE)
        assert setting(duolog, name, "max.message.bytes") == before
        produce(duolog, name, [(b"k", b"x" * 5000)])

    @pytest.mark.parametrize("key, value", [
        ("no.such.setting", "1"), ("max.message.bytes", "many"), ("cleanup.policy", "burn")])
    def test_nonsense_is_refused(self, duolog, name, key, value):
        create_topic(duolog, name)
        with pytest.raises(KafkaException) as raised:
            alter(duolog, name, key, value)
        assert code_of(raised) == KafkaError.INVALID_CONFIG

    def test_a_new_topic_may_bring_its_own(self, duolog, name):
        create_topic(duolog, name, **{"cleanup.policy": "compact"})
        assert setting(duolog, name, "cleanup.policy") == "compact"

    def test_a_compacted_topic_wants_keys(self, duolog, name):
        create_topic(duolog, name, **{"cleanup.policy": "compact"})
        with pytest.raises(KafkaException) as raised:
            produce(duolog, name, [(None, b"no key")])
        assert code_of(raised) == KafkaError.INVALID_RECORD
        produce(duolog, name, [(b"key", b"value")])


class TestDeleteRecords:
    def test_the_start_of_the_log_moves(self, duolog, duolog_wire, name):
        create_topic(duolog, name)
        produce(duolog, name, [(b"k", b"%d" % n) for n in range(10)])
        done = admin(duolog).delete_records([TopicPartition(name, 0, 4)])
        assert next(iter(done.values())).result(timeout=10).low_watermark == 4
        one = consumer(duolog, name)
        assert one.get_watermark_offsets(TopicPartition(name, 0), timeout=10) == (4, 10)
        one.close()
        assert [m.offset() for m in read_topic(duolog, name, 6)] == list(range(4, 10))
        state = duolog_wire(headers=True).api(f"STREAM.INFO.{name}")["state"]
        assert (state["first_seq"], state["messages"]) == (5, 6)

    def test_beyond_the_end_is_refused(self, duolog, name):
        create_topic(duolog, name)
        produce(duolog, name, [(b"k", b"v")])
        done = admin(duolog).delete_records([TopicPartition(name, 0, 99)])
        with pytest.raises(KafkaException) as raised:
            next(iter(done.values())).result(timeout=10)
        assert code_of(raised) == KafkaError.OFFSET_OUT_OF_RANGE


class TestGroups:
    def test_an_empty_group_can_be_deleted(self, duolog, name):
        create_topic(duolog, name)
        one = consumer(duolog, name)
        one.commit(offsets=[TopicPartition(name, 0, 0)], asynchronous=False)
        one.close()
        admin(duolog).delete_consumer_groups([name])[name].result(timeout=10)
        assert name not in [g.group_id for g in admin(duolog).list_consumer_groups().result(timeout=10).valid]
        with pytest.raises(KafkaException) as raised:
            admin(duolog).delete_consumer_groups([name])[name].result(timeout=10)
        assert code_of(raised) == KafkaError.GROUP_ID_NOT_FOUND


class TestDurability:
    """`flush.ms` and `flush.messages`: when a topic is synced."""

    def test_every_acknowledgement_waits_for_the_disk_unless_somebody_asks_for_less(self, duolog, name):
        create_topic(duolog, name)
        assert setting(duolog, name, "flush.ms") == "0"
        alter(duolog, name, "flush.ms", "60000")
        alter(duolog, name, "flush.messages", "100")
        assert setting(duolog, name, "flush.ms") == "60000"
        produce(duolog, name, [(b"k", str(n).encode()) for n in range(250)])
        assert [int(m.value()) for m in read_topic(duolog, name, 250)] == list(range(250))
        alter(duolog, name, "flush.ms", "", AlterConfigOpType.DELETE)
        assert setting(duolog, name, "flush.ms") == "0"
        produce(duolog, name, [(b"k", b"synced")])

    def test_what_a_stream_asks_for_shows_as_its_default(self, duolog, duolog_wire, name):
        wire = duolog_wire(headers=True)
        for suffix, config, shown in (
                ("s", {}, "0"), ("a", {"persist_mode": "async"}, "1000"),
                ("m", {"storage": "memory"}, "9223372036854775807")):
            wire.api(f"STREAM.CREATE.{name}{suffix}", {
                "name": name + suffix, "subjects": [f"{name}{suffix}.>"], **config})
            assert setting(duolog, name + suffix, "flush.ms") == shown
            produce(duolog, name + suffix, [(b"k", b"v")] * 10)
            assert len(read_topic(duolog, name + suffix, 10)) == 10
