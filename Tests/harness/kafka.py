"""Small helpers over confluent-kafka that several tests need."""

import functools
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

#: For records with a time of their own, in milliseconds. What is older than a week may go by retention at any moment.
AN_HOUR_AGO = int(time.time() * 1000) - 3_600_000


def admin(server) -> AdminClient:
    """An admin client. It is kept, because one that is let go takes its unanswered requests along."""
    return _admin(server.kafka)


@functools.lru_cache(maxsize=4)
def _admin(address: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": address, "log_level": 0})


def create_topic(server, topic: str, partitions: int = 1, **config):
    """Creates a topic and waits for the answer."""
    new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config)
    admin(server).create_topics([new])[topic].result(timeout=20)
    return topic


def producer(server, **config) -> Producer:
    return Producer({"bootstrap.servers": server.kafka, "linger.ms": 5, "log_level": 0, **dotted(config)})


def dotted(config: dict) -> dict:
    """`linger_ms` as librdkafka writes it: `linger.ms`."""
    return {key.replace("_", "."): value for key, value in config.items()}


def produce(server, topic: str, records, **config):
    """Produces `(key, value)` or `(key, value, headers)` or `(…, timestamp)`; the delivered messages in order."""
    delivered = []
    one = producer(server, **config)

    def report(error, message):
        if error:
            raise KafkaException(error)
        delivered.append(message)

    for key, value, *rest in records:
        options = {}
        if rest:
            options["headers"] = rest[0]
        if len(rest) > 1:
            options["timestamp"] = rest[1]
        if len(rest) > 2:
            options["partition"] = rest[2]
        while True:
            try:
                one.produce(topic, key=key, value=value, on_delivery=report, **options)
                break
            except BufferError:
                one.poll(0.1)
        one.poll(0)
    remaining = one.flush(30)
    assert remaining == 0, f"{remaining} messages were not delivered in 30 s"
    return delivered


def consumer(server, group: str, **config) -> Consumer:
    return Consumer({
        "bootstrap.servers": server.kafka, "group.id": group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "session.timeout.ms": 10000, "heartbeat.interval.ms": 500, "log_level": 0,
        **dotted(config)})


def read(consumer_, count: int, seconds: float = 30):
    """The next messages, exactly `count` of them."""
    messages = []
    deadline = time.monotonic() + seconds
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} messages after {seconds} s"
        message = consumer_.poll(0.2)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        messages.append(message)
    return messages


def read_topic(server, topic: str, count: int, partitions: int = 1, **config):
    """Reads a topic from the start without joining a group."""
    one = consumer(server, f"reader-of-{topic}", **config)
    one.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    try:
        return read(one, count)
    finally:
        one.close()


def poll_until(consumers, condition, seconds: float = 30, seen=None):
    """Polls all consumers in turn until the condition holds; messages that arrive go to `seen`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s"
        # One that has nothing must not hold up the others.
        messages = [message for message in (one.poll(0) for one in consumers) if message is not None]
        if seen is not None:
            seen += [message for message in messages if not message.error()]
        if not messages:
            time.sleep(0.02)
