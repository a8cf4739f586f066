"""What tests of compaction share: values of some size, and how much room a server's segments take."""

import random
import time

from confluent_kafka import KafkaError, TopicPartition
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPythonPartition

from harness.kafka import consumer, producer
from harness.waiting import until

MIB = 1 << 20
VALUE = 60_000


def segment_bytes(server) -> int:
    return sum(file.stat().st_size for file in (server.data / "segments").glob("*.seg"))


def wait_for_segments(server, smallest: int, seconds=30):
    """Until roll-up has made segments of what was written."""
    until(lambda: segment_bytes(server) >= smallest, seconds, lambda: f"{segment_bytes(server)} bytes in segments")


def wait_for_space(server, largest: int, seconds=60):
    until(lambda: segment_bytes(server) <= largest, seconds, lambda: f"still {segment_bytes(server)} bytes in segments\n{server.log}")


NOISE = random.Random(17).randbytes(MIB)


def value(key: str, number: int) -> bytes:
    """What codecs make half as long, and can be made again."""
    text = f"{key}={number}:".encode()
    start = number * 997 % (MIB - VALUE)
    return text + NOISE[start:start + VALUE // 2] + bytes(VALUE // 2 - len(text))


def produce_updates(server, topic, numbers, keys, **config):
    """The value of each number under one of so many keys."""
    one = producer(server, **{"queue_buffering_max_kbytes": 64 * 1024, "batch_size": 900_000, **config})
    for number in numbers:
        key = f"key-{number % keys}"
        while True:
            try:
                one.produce(topic, key=key, value=value(key, number))
                break
            except BufferError:
                one.poll(0.1)
        one.poll(0)
    assert one.flush(60) == 0


def wait_until_nothing_changes(server):
    """Compaction has come to its end when segments stay the same for a second."""
    last = None
    deadline = time.monotonic() + 60
    while (now := sorted((f.name, f.stat().st_size) for f in (server.data / "segments").glob("*.seg"))) != last:
        assert time.monotonic() < deadline
        last = now
        time.sleep(2.5)


def watermarks(server, topic):
    client = consumer(server, "g-watermarks")
    try:
        return client.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
    finally:
        client.close()


def read_everything_with_librdkafka(server, topic, end):
    client = consumer(server, "g-everything", enable_partition_eof=True)
    client.assign([TopicPartition(topic, 0, 0)])
    found = []
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, f"no end after {len(found)} records"
        message = client.poll(0.5)
        if message is None:
            continue
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF and message.offset() == end, message.error()
            break
        found.append((message.offset(), message.key().decode(), message.value()))
    client.close()
    return found


def read_everything_with_kafka_python(server, topic, end):
    client = KafkaConsumer(
        bootstrap_servers=server.kafka, group_id=None, auto_offset_reset="earliest", max_partition_fetch_bytes=8 * MIB)
    partition = KafkaPythonPartition(topic, 0)
    client.assign([partition])
    client.seek(partition, 0)
    found = []
    deadline = time.monotonic() + 60
    while client.position(partition) < end:
        assert time.monotonic() < deadline, f"stuck at {client.position(partition)}, the end is {end}"
        found += [record for records in client.poll(200).values() for record in records]
    client.close()
    return [(record.offset, record.key.decode(), record.value) for record in found]
