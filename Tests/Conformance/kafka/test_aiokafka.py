"""Duolog through aiokafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from harness.kafka import AN_HOUR_AGO


async def make(duolog, topic, partitions=1):
    admin = AIOKafkaAdminClient(bootstrap_servers=duolog.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
    finally:
        await admin.close()


async def read(consumer, count, seconds=30):
    records = []
    async with asyncio.timeout(seconds):
        while len(records) < count:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records += batch
    return records


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_all_of_a_record_comes_back(duolog, name, codec):
    await make(duolog, name)
    async with AIOKafkaProducer(bootstrap_servers=duolog.kafka, compression_type=codec) as producer:
        sent = await asyncio.gather(*[
            await producer.send(name, b"value-%d" % n * 10, key=b"key-%d" % n, headers=[("h", b"%d" % n)],
                                timestamp_ms=AN_HOUR_AGO + n) for n in range(200)])
    assert [metadata.offset for metadata in sent] == list(range(200))
    consumer = AIOKafkaConsumer(bootstrap_servers=duolog.kafka, auto_offset_reset="earliest")
    async with consumer:
        consumer.assign([TopicPartition(name, 0)])
        records = await read(consumer, 200)
    assert [(r.offset, r.key, r.value, r.headers, r.timestamp) for r in records] == [
        (n, b"key-%d" % n, b"value-%d" % n * 10, (("h", b"%d" % n),), AN_HOUR_AGO + n) for n in range(200)]


@pytest.mark.parametrize("options", [
    {"acks": 0}, {"acks": 1}, {"acks": "all"}, {"enable_idempotence": True}], ids=str)
async def test_every_kind_of_ack(duolog, name, options):
    await make(duolog, name)
    async with AIOKafkaProducer(bootstrap_servers=duolog.kafka, **options) as producer:
        for number in range(100):
            await producer.send(name, b"%d" % number)
        await producer.flush()
    async with AIOKafkaConsumer(
            name, bootstrap_servers=duolog.kafka, group_id=name, auto_offset_reset="earliest") as consumer:
        assert [r.value for r in await read(consumer, 100)] == [b"%d" % n for n in range(100)]


async def test_a_producer_makes_the_topic_that_it_writes_to(duolog, name):
    async with AIOKafkaProducer(bootstrap_servers=duolog.kafka) as producer:
        assert (await producer.send_and_wait(name, b"first")).offset == 0


async def test_a_group_shares_partitions_and_takes_over(duolog, name):
    await make(duolog, name, 4)
    options = {"bootstrap_servers": duolog.kafka, "group_id": name, "auto_offset_reset": "earliest",
               "session_timeout_ms": 10000, "heartbeat_interval_ms": 300, "enable_auto_commit": False}
    first, second = AIOKafkaConsumer(name, **options), AIOKafkaConsumer(name, **options)
    await first.start()
    await second.start()
    async with asyncio.timeout(30):
        while not len(first.assignment()) == len(second.assignment()) == 2:
            await asyncio.gather(first.getmany(timeout_ms=50), second.getmany(timeout_ms=50))
    await second.stop()
    async with asyncio.timeout(30):
        while len(first.assignment()) != 4:
            await first.getmany(timeout_ms=50)
    await first.stop()


async def test_a_group_goes_on_where_it_was(duolog, name):
    await make(duolog, name)
    async with AIOKafkaProducer(bootstrap_servers=duolog.kafka) as producer:
        for number in range(50):
            await producer.send_and_wait(name, b"%d" % number)
    options = {"bootstrap_servers": duolog.kafka, "group_id": name, "auto_offset_reset": "earliest",
               "enable_auto_commit": False}
    async with AIOKafkaConsumer(name, **options) as consumer:
        for record in await read_exactly(consumer, 20):
            await consumer.commit({TopicPartition(name, 0): record.offset + 1})
    async with AIOKafkaConsumer(name, **options) as consumer:
        assert (await consumer.committed(TopicPartition(name, 0))) == 20
        assert [r.offset for r in await read_exactly(consumer, 30)] == list(range(20, 50))


async def read_exactly(consumer, count):
    async with asyncio.timeout(30):
        return [await consumer.getone() for _ in range(count)]


async def test_offsets(duolog, name):
    await make(duolog, name)
    async with AIOKafkaProducer(bootstrap_servers=duolog.kafka) as producer:
        for number in range(30):
            await producer.send_and_wait(name, b"x", timestamp_ms=AN_HOUR_AGO + 1000 * number)
    async with AIOKafkaConsumer(bootstrap_servers=duolog.kafka) as consumer:
        partition = TopicPartition(name, 0)
        consumer.assign([partition])
        assert await consumer.beginning_offsets([partition]) == {partition: 0}
        assert await consumer.end_offsets([partition]) == {partition: 30}
        found = await consumer.offsets_for_times({partition: AN_HOUR_AGO + 9_001})
        assert found[partition].offset == 10
