"""Kafka fetches of what lies in segments, which the kernel sends from the files: every reader gets what was produced, or an error.

What is written first goes through files of 64 MiB, two of which are kept before segments are made of them; so 260 MB are written once.
"""

import os
import struct
import time

import crc32c
import pytest
from confluent_kafka import TopicPartition

from harness.kafka import admin, consumer, create_topic, producer, read
from harness.kafka_wire import KafkaWire
from harness.nats_wire import Wire
from harness.space import wait_for_segments
from harness.waiting import until

COUNT = 26_000
SIZE = 10_000


def value(number: int) -> bytes:
    return struct.pack(">Q", number) + bytes([number % 251]) * (SIZE - 8)


def segments(server):
    return sorted((server.data / "segments").glob("*.seg"))


@pytest.fixture
def server(own_duolog):
    server = own_duolog()
    create_topic(server, "old")
    one = producer(server, linger_ms=20, batch_size=1_000_000)
    for number in range(COUNT):
        while True:
            try:
                one.produce("old", key=b"k", value=value(number))
                break
            except BufferError:
                one.poll(0.1)
        one.poll(0)
    assert one.flush(60) == 0
    wait_for_segments(server, 100_000_000)
    return server


def fetch(wire, offset, wanted=50_000_000):
    """Sends a fetch of topic `old`, version 4."""
    body = struct.pack(">iiiib", -1, 1000, 1, 50_000_000, 0) + struct.pack(">i", 1) + struct.pack(">h", 3) + b"old"
    body += struct.pack(">iiqi", 1, 0, offset, wanted)
    wire.send_frame(struct.pack(">hhih", 1, 4, 7, 1) + b"w" + body)


def open_segments(server):
    """The segment files that the process has open."""
    folder = f"/proc/{server.pid}/fd"
    names = []
    for number in os.listdir(folder):
        try:
            names.append(os.readlink(f"{folder}/{number}"))
        except FileNotFoundError:
            continue
    return [name for name in names if ".seg" in name]


@pytest.mark.timeout(300)
def test_readers_of_all_kinds_get_what_was_produced(server, report):
    one = consumer(server, "g", check_crcs=True, fetch_message_max_bytes=20_000_000)
    one.assign([TopicPartition("old", 0, 0)])
    began = time.monotonic()
    for number, message in enumerate(read(one, COUNT, seconds=120)):
        assert (message.offset(), message.value()) == (number, value(number))
    report(f"{COUNT * SIZE / (time.monotonic() - began) / 1e6:,.0f} MB/s of old data through librdkafka and Python")
    # A reader that is slow, and others that come and go meanwhile; in the end the topic goes, too.
    with KafkaWire(server.kafka_port, timeout=60) as slow:
        fetch(slow, 0)
        head = slow.read_exactly(4)
        for round_ in range(40):
            with KafkaWire(server.kafka_port) as restless:
                fetch(restless, round_ * 100)
                restless.read_exactly(1000 * round_ + 1)
        admin(server).delete_topics(["old"])["old"].result(timeout=20)
        until(lambda: not segments(server), 20, lambda: "the segments of a deleted topic stay")
        length = struct.unpack(">i", head)[0]
        assert length > 40_000_000
        answer = b""
        while len(answer) < length:
            answer += slow.read_exactly(min(4_000_000, length - len(answer)))
            time.sleep(0.005)
        check_batches(answer)
        fetch(slow, 0)
        assert b"old" in slow.read_frame()
    until(lambda: not open_segments(server), 20, lambda: f"still open: {open_segments(server)}")


def check_batches(answer: bytes):
    """Each batch's checksum, and that offsets follow each other."""

    position = 4 + 4 + 4 + 2 + 3 + 4 + 4 + 2 + 8 + 8
    aborted, count = struct.unpack_from(">ii", answer, position)
    assert aborted <= 0
    position += 8
    assert position + count == len(answer)
    expected = 0
    while position < len(answer):
        base, length = struct.unpack_from(">qi", answer, position)
        crc, = struct.unpack_from(">I", answer, position + 17)
        assert base == expected
        assert crc32c.crc32c(answer[position + 21:position + 12 + length]) == crc
        expected = base + struct.unpack_from(">i", answer, position + 23)[0] + 1
        position += 12 + length


@pytest.mark.timeout(300)
def test_records_that_nats_has_deleted_are_left_out_and_no_others(server):
    gone = [0, 4999, 5000, 12_345, 20_000]
    with Wire(server.nats_port, timeout=60) as wire:
        wire.connect(headers=True)
        for offset in gone:
            assert wire.api("STREAM.MSG.DELETE.old", {"seq": offset + 1})["success"]
    left = [number for number in range(COUNT) if number not in gone]
    for group in ("g", "h"):
        one = consumer(server, group, check_crcs=True, fetch_message_max_bytes=20_000_000)
        one.assign([TopicPartition("old", 0, 1)])
        for number, message in zip(left, read(one, len(left), seconds=120)):
            assert (message.offset(), message.value()) == (number, value(number))
        one.close()


@pytest.mark.timeout(300)
def test_a_flipped_bit_is_found_by_the_reader_and_costs_nothing_else(server):
    server.stop()
    path = segments(server)[0]
    data = path.read_bytes()
    # In the middle of a value that says which it is.
    place = data.index(struct.pack(">Q", 500) + bytes([500 % 251]) * 100) + 60
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(bytes([data[place] ^ 4]))
    server.start()
    one = consumer(server, "g", check_crcs=True)
    one.assign([TopicPartition("old", 0, 0)])
    seen = []
    deadline = time.monotonic() + 60
    errors = []
    while time.monotonic() < deadline and not errors:
        message = one.poll(0.2)
        if message is None:
            continue
        if message.error():
            errors.append(message.error())
        else:
            assert message.value() == value(message.offset())
            seen.append(message.offset())
    assert errors and 500 not in seen, (errors, len(seen))
    one.close()
    # What lies behind can be read.
    rest = consumer(server, "h", check_crcs=True)
    rest.assign([TopicPartition("old", 0, 2000)])
    for number, message in enumerate(read(rest, 5000), 2000):
        assert (message.offset(), message.value()) == (number, value(number))
    rest.close()
