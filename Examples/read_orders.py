"""Reads the topic `orders` with a Kafka consumer group and compares it with the JetStream stream."""

import asyncio
import os

import nats
from confluent_kafka import Consumer

COUNT = 10_000


def read_as_kafka():
    """Offset to (key, value, headers, timestamp in milliseconds)."""
    consumer = Consumer({
        "bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
        "group.id": "billing",
        "auto.offset.reset": "earliest",
    })
    consumer.subscribe(["orders"])
    records = {}
    while len(records) < COUNT:
        message = consumer.poll(10)
        assert message is not None and not message.error(), message and message.error()
        records[message.offset()] = (
            message.key().decode(), message.value(), message.headers(), message.timestamp()[1])
    consumer.close()
    return records


async def read_as_jetstream():
    """Sequence to (subject, payload, headers, timestamp in milliseconds)."""
    client = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    subscription = await client.jetstream().pull_subscribe("orders.>", durable="billing")
    messages = {}
    while len(messages) < COUNT:
        for message in await subscription.fetch(500, timeout=10):
            at = message.metadata.timestamp.timestamp()
            messages[message.metadata.sequence.stream] = (
                message.subject, message.data, message.headers, int(at * 1000 + 1e-3))
            await message.ack()
    await client.close()
    return messages


records = read_as_kafka()
messages = asyncio.run(read_as_jetstream())
for offset, (key, value, headers, timestamp) in records.items():
    subject, data, nats_headers, nats_timestamp = messages[offset + 1]
    assert subject == f"orders.{key}"
    assert data == value
    assert nats_headers == {name: text.decode() for name, text in headers}
    assert nats_timestamp == timestamp
print(f"{len(records)} records are the {len(messages)} messages: key, value, headers and time")
