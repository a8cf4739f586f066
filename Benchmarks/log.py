"""The log: JetStream publishes over raw sockets, Kafka produce and consume through librdkafka.

nats-server answers a publish before its data is synced; Duolog after. The disk of the repository's .build is used.
"""

import socket
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from harness.nats_wire import Wire
from measure import measured, running

WINDOW = 2000


def jetstream_publish(server, size, count, window=WINDOW):
    """Publishes with at most `window` acknowledgements outstanding."""
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).api("STREAM.CREATE.bench", {"name": "bench", "subjects": ["bench.>"]})
        wire.send("SUB acks 1\r\n").expect_nothing_more()
        message = f"PUB bench.a acks {size}\r\n".encode() + b"x" * size + b"\r\n"
        sent = acked = 0
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with measured(f"JetStream publish, {size} B, window {window}", server, count, size):
            while acked < count:
                room = min(window - (sent - acked), count - sent)
                if room > 0:
                    wire.send(message * room)
                    sent += room
                received = wire.socket.recv(1 << 18)
                assert received, "the server closed the connection"
                acked += received.count(b"MSG acks")


def kafka_produce(server, size, count, **config):
    producer = Producer({
        "bootstrap.servers": server.kafka, "linger.ms": 5, "acks": "all",
        "queue.buffering.max.messages": 500_000, **config})
    value = b"x" * size
    label = f"Kafka produce, {size} B" + (", idempotent" if config else "")
    with measured(label, server, count, size):
        for _ in range(count):
            while True:
                try:
                    producer.produce("bench-kafka", value)
                    break
                except BufferError:
                    producer.poll(0.01)
        assert producer.flush(60) == 0


def kafka_consume(server, size, count):
    consumer = Consumer({"bootstrap.servers": server.kafka, "group.id": "bench", "enable.auto.commit": False})
    consumer.assign([TopicPartition("bench-kafka", 0, 0)])
    seen, deadline = 0, time.monotonic() + 120
    with measured(f"Kafka consume, {size} B", server, count, size):
        while seen < count:
            assert time.monotonic() < deadline
            seen += len(consumer.consume(100_000, 1))
    consumer.close()


if __name__ == "__main__":
    for size, count in ((128, 400_000), (1024, 200_000)):
        for kind in ("nats-server", "duolog"):
            with running(kind) as server:
                jetstream_publish(server, size, count)
                jetstream_publish(server, size, 2_000, window=1)
    for size, count in ((128, 1_000_000), (1024, 500_000)):
        with running("duolog") as server:
            kafka_produce(server, size, count)
            kafka_consume(server, size, count)
        with running("duolog") as server:
            kafka_produce(server, size, count, **{"enable.idempotence": True})
