"""Kafka producers write payments in every codec; a NATS subscriber sees them live, a pull consumer reads them.

    payments.py payments        the topic is made by the first producer, with 1 partition
    payments.py payments-6 6    the topic is made by the admin client, with 6 partitions
"""

import asyncio
import os
import sys

import nats
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaProducer

NATS = os.environ.get("NATS_URL", "nats://localhost:4222")
KAFKA = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
CODECS = ["gzip", "snappy", "lz4", "zstd"]
COUNT = 100

topic = sys.argv[1]
partitions = int(sys.argv[2]) if len(sys.argv) > 2 else 1


def write():
    """100 payments from each of two libraries in each of four codecs."""
    for codec in CODECS:
        confluent = Producer({
            "bootstrap.servers": KAFKA, "enable.idempotence": True, "compression.type": codec})
        for n in range(COUNT):
            confluent.produce(topic, key=f"confluent.{codec}.{n}", value=f"{n} euros")
        assert confluent.flush(20) == 0

        python = KafkaProducer(bootstrap_servers=KAFKA, compression_type=codec)
        for n in range(COUNT):
            python.send(topic, key=f"python.{codec}.{n}".encode(), value=f"{n} euros".encode())
        python.flush(20)
        python.close()


async def main():
    if partitions > 1:
        admin = AdminClient({"bootstrap.servers": KAFKA})
        admin.create_topics([NewTopic(topic, partitions)])[topic].result()

    client = await nats.connect(NATS)
    live = set()

    async def see(message):
        live.add((message.subject, message.data))

    await client.subscribe(f"kafka.{topic}.>", cb=see)
    await client.flush()
    await asyncio.to_thread(write)

    stored = set()
    streams = [topic] if partitions == 1 else [f"{topic}@{p}" for p in range(partitions)]
    for stream in streams:
        js = client.jetstream()
        count = (await js.stream_info(stream)).state.messages
        subscription = await js.pull_subscribe(f"kafka.{topic}.>", durable="audit", stream=stream)
        while count > 0:
            for message in await subscription.fetch(min(count, 200), timeout=10):
                stored.add((message.subject, message.data))
                await message.ack()
                count -= 1

    expected = {
        (f"kafka.{topic}.{library}.{codec}.{n}", f"{n} euros".encode())
        for library in ("confluent", "python") for codec in CODECS for n in range(COUNT)
    }
    assert live == expected
    assert stored == expected
    print(f"{len(expected)} payments: {len(live)} seen live, {len(stored)} read from {len(streams)} stream(s)")
    await client.close()


asyncio.run(main())
