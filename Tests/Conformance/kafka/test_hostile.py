"""Bad input on the Kafka port: each fault gets its error or ends its own connection, and nobody else notices."""

import gzip
import os
import random
import struct
import time

import lz4.frame
import pytest
import zstandard

from harness.kafka_wire import KafkaWire, batch, produce_request, record, request, varint

CORRUPT_MESSAGE = 2
UNKNOWN_TOPIC_OR_PARTITION = 3
MESSAGE_TOO_LARGE = 10
INVALID_REQUIRED_ACKS = 21
OUT_OF_ORDER_SEQUENCE = 45
INVALID_PRODUCER_EPOCH = 47
UNSUPPORTED_COMPRESSION_TYPE = 76
INVALID_RECORD = 87


@pytest.fixture
def wire(duolog):
    with KafkaWire(duolog.kafka_port) as one:
        yield one


@pytest.fixture
def topic(wire, name):
    answer = wire.call(request("CreateTopics", 5, timeout=5000, topics=[
        {"name": name, "num_partitions": 1, "replication_factor": 1}]))
    assert int(answer.topics[0].error_code) == 0
    return name


@pytest.fixture(autouse=True)
def witness(duolog):
    """Another client, connected before the test, that must be served as before when it is over."""
    with KafkaWire(duolog.kafka_port) as one:
        assert one.is_served()
        yield one
        assert one.is_served()


def produced(wire, topic, records, **options):
    """The error code and base offset of one produce."""
    answer = wire.call(produce_request(topic, records, **options))
    partition = answer.responses[0].partition_responses[0]
    return int(partition.error_code), partition.base_offset


class TestFrames:
    @pytest.mark.parametrize("size", [0, -1, -2**31, 2**31 - 1, 104_857_601])
    def test_a_hostile_length_closes_the_connection(self, wire, size):
        wire.send_bytes(struct.pack(">i", size) + b"\0" * 64).expect_closed()

    @pytest.mark.parametrize("text", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT {}\r\nPING\r\n",
                                      b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 64, b"\xff" * 256])
    def test_another_protocol_closes_the_connection(self, wire, text):
        wire.send_bytes(text)
        wire.expect_closed()

    @pytest.mark.parametrize("body", [b"\x00", b"\x00\x12", b"\x00\x12\x00\x03", b"\x00\x12\x00\x03\x00\x00\x00\x01",
                                      b"\x00\x03\x00\x09\x00\x00\x00\x01\x7f\xff"])
    def test_a_frame_shorter_than_its_header_closes_the_connection(self, wire, body):
        wire.send_frame(body).expect_closed()

    def test_half_a_frame_waits_and_then_goes_with_its_connection(self, duolog):
        with KafkaWire(duolog.kafka_port) as half:
            half.send_bytes(b"\x00\x00\x01\x00\x00\x03")

    def test_a_frame_may_come_in_single_bytes(self, wire):
        frame = b"\x00\x12\x00\x00\x00\x00\x00\x09\x00\x01x"
        for byte in struct.pack(">i", len(frame)) + frame:
            wire.send_bytes(bytes([byte]))
        assert wire.read_frame()[:6] == b"\x00\x00\x00\x09\x00\x00"

    def test_a_large_length_that_is_never_filled_costs_no_memory(self, duolog):
        before = duolog.resident_bytes()
        held = [KafkaWire(duolog.kafka_port) for _ in range(20)]
        for one in held:
            one.send_bytes(struct.pack(">i", 100_000_000) + b"\x00\x00\x00\x09")
        time.sleep(0.3)
        assert duolog.resident_bytes() - before < 50 << 20
        for one in held:
            one.socket.close()

    def test_noise_in_well_formed_frames(self, duolog):
        """Random bodies behind valid headers of every API. The seed is fixed: a failure can be repeated."""
        noise = random.Random(20)
        for api in (0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 22, 32, 60):
            for version in range(14):
                with KafkaWire(duolog.kafka_port) as one:
                    head = struct.pack(">hhi", api, version, 1) + b"\x00\x01x" + bytes([noise.choice([0, 0, 255])])
                    one.send_frame(head + noise.randbytes(noise.randrange(200)))
        assert duolog.is_running()


class TestCounts:
    """Counts and lengths that promise more than the frame holds."""

    @pytest.mark.parametrize("count", [2**31 - 1, 1_000_000, -2, -2**31])
    @pytest.mark.parametrize("head", [
        struct.pack(">hhi", 3, 8, 1) + b"\x00\x01x",                         # Metadata: topics
        struct.pack(">hhi", 19, 2, 1) + b"\x00\x01x",                        # CreateTopics: topics
        struct.pack(">hhi", 0, 3, 1) + b"\x00\x01x\xff\xff\x00\x01\0\0\0\0",  # Produce: topics
        struct.pack(">hhi", 15, 0, 1) + b"\x00\x01x",                        # DescribeGroups: groups
        struct.pack(">hhi", 8, 2, 1) + b"\x00\x01x\x00\x01g\0\0\0\0\0\0" + b"\0" * 8,  # OffsetCommit: topics
    ], ids=["metadata", "create-topics", "produce", "describe-groups", "offset-commit"])
    def test_a_hostile_array_count_closes_the_connection(self, duolog, wire, head, count):
        before = duolog.resident_bytes()
        wire.send_frame(head + struct.pack(">i", count))
        wire.expect_closed()
        assert duolog.resident_bytes() - before < 20 << 20

    @pytest.mark.parametrize("count", [b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x07", b"\x80\x80\x80\x80\x80\x01",
                                       b"\xff" * 10, b"\xc0\x84\x3d"])
    def test_a_hostile_compact_count_closes_the_connection(self, duolog, wire, count):
        before = duolog.resident_bytes()
        wire.send_frame(struct.pack(">hhi", 3, 12, 1) + b"\x00\x01x\x00" + count)
        wire.expect_closed()
        assert duolog.resident_bytes() - before < 20 << 20

    @pytest.mark.parametrize("tags", [b"\xff\xff\xff\xff\x0f", b"\x01\x00\xff\xff\xff\xff\x0f", b"\x02\x00\x01"])
    def test_hostile_tagged_fields_close_the_connection(self, wire, tags):
        wire.send_frame(struct.pack(">hhi", 3, 12, 1) + b"\x00\x01x" + tags)
        wire.expect_closed()

    def test_unknown_tagged_fields_are_skipped(self, wire):
        head = struct.pack(">hhi", 3, 12, 1) + b"\x00\x01x" + b"\x01\x63\x03abc"
        wire.send_frame(head + b"\x01" + b"\x00\x00\x00" + b"\x01\x64\x02zz")
        assert wire.read_frame()[:4] == b"\x00\x00\x00\x01"

    def test_a_string_that_is_no_utf8_is_no_crash(self, duolog, wire):
        wire.send_frame(struct.pack(">hhi", 3, 8, 1) + b"\x00\x01x" + b"\0\0\0\x01\0\x03\xff\xfe\xfd\0\0\0")
        try:
            wire.read_frame()
        except ConnectionError:
            pass
        assert duolog.is_running()


class TestBatches:
    def test_a_good_one_is_stored(self, wire, topic):
        assert produced(wire, topic, batch()) == (0, 0)
        assert produced(wire, topic, batch([(b"a", b"1"), (None, None)])) == (0, 1)
        assert produced(wire, topic, batch()) == (0, 3)

    def refused(self, wire, topic, records, *codes):
        code, offset = produced(wire, topic, records)
        assert code in codes, f"error {code}"
        assert offset == -1
        assert produced(wire, topic, batch()) == (0, 0), "nothing of the refused batch was kept"

    def test_a_wrong_checksum(self, wire, topic):
        self.refused(wire, topic, batch(crc=12345), CORRUPT_MESSAGE)

    def test_one_flipped_bit_anywhere_is_noticed(self, wire, topic):
        good = batch([(b"key", b"value" * 10)])
        noise = random.Random(7)
        for _ in range(100):
            at = noise.randrange(17, len(good))
            bad = bytearray(good)
            bad[at] ^= 1 << noise.randrange(8)
            assert produced(wire, topic, bytes(bad))[0] in (CORRUPT_MESSAGE, INVALID_RECORD), at
        assert produced(wire, topic, good) == (0, 0)

    @pytest.mark.parametrize("magic", [0, 1, 3, -1])
    def test_an_old_or_unknown_format(self, wire, topic, magic):
        self.refused(wire, topic, batch(magic=magic), INVALID_RECORD, CORRUPT_MESSAGE)

    @pytest.mark.parametrize("length", [0, -1, 1, 48, 2**31 - 1, 1000])
    def test_a_wrong_length(self, wire, topic, length):
        self.refused(wire, topic, batch(length=length), CORRUPT_MESSAGE, INVALID_RECORD)

    @pytest.mark.parametrize("cut", [1, 12, 17, 60, 61, 62])
    def test_a_truncated_one(self, wire, topic, cut):
        self.refused(wire, topic, batch()[:cut], CORRUPT_MESSAGE, INVALID_RECORD)

    def test_none_at_all(self, wire, topic):
        for records in (None, b""):
            assert produced(wire, topic, records)[0] in (CORRUPT_MESSAGE, INVALID_RECORD)

    def test_two_at_once(self, wire, topic):
        self.refused(wire, topic, batch() + batch(), INVALID_RECORD)

    def test_a_base_offset(self, wire, topic):
        self.refused(wire, topic, batch(base_offset=5), INVALID_RECORD)

    @pytest.mark.parametrize("options", [
        {"count": 0}, {"count": -1}, {"count": 2}, {"count": 2**31 - 1}, {"last_delta": 5}, {"last_delta": -1},
        {"records": [], "last_delta": -1}])
    def test_numbers_that_do_not_fit_together(self, wire, topic, options):
        self.refused(wire, topic, batch(**options), INVALID_RECORD, CORRUPT_MESSAGE)

    @pytest.mark.parametrize("attributes", [0x20, 0x30])
    def test_a_control_batch_from_a_client(self, wire, topic, attributes):
        self.refused(wire, topic, batch(attributes=attributes), INVALID_RECORD)

    def test_an_unknown_codec(self, wire, topic):
        self.refused(wire, topic, batch(attributes=5), INVALID_RECORD, CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE)

    @pytest.mark.parametrize("codec", [1, 2, 3, 4])
    @pytest.mark.parametrize("payload", [b"", b"this is not compressed", os.urandom(100), b"\xff" * 40])
    def test_compressed_nonsense(self, wire, topic, codec, payload):
        self.refused(wire, topic, batch(attributes=codec, payload=payload), INVALID_RECORD, CORRUPT_MESSAGE)

    @pytest.mark.parametrize("codec, bomb", [
        (1, lambda: gzip.compress(bytes(256 << 20), 6)),
        (3, lambda: lz4.frame.compress(bytes(200 << 20), block_size=lz4.frame.BLOCKSIZE_MAX64KB)),
        (4, lambda: zstandard.ZstdCompressor().compress(bytes(1 << 30))),
    ], ids=["gzip", "lz4", "zstd"])
    def test_a_small_block_that_unpacks_to_a_huge_one(self, duolog, wire, topic, codec, bomb):
        payload = bomb()
        assert len(payload) < 1_000_000
        before = duolog.resident_bytes()
        code, _ = produced(wire, topic, batch(attributes=codec, payload=payload))
        assert code in (INVALID_RECORD, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE)
        assert duolog.resident_bytes() - before < 150 << 20

    @pytest.mark.parametrize("payload", [
        varint(2**31 - 1) + b"\0" * 10,
        varint(-5) + b"\0" * 10,
        record(0, b"k", b"v")[:-3],
        record(0, b"k", b"v") + b"extra",
        record(7, b"k", b"v"),
        varint(7) + b"\0" + varint(0) + varint(0) + varint(2**31 - 1) + b"k" + varint(0),
        varint(8) + b"\0" + varint(0) + varint(0) + varint(-1) + varint(-1) + varint(2**20),
        b"\xff" * 11,
    ])
    def test_records_that_do_not_parse(self, wire, topic, payload):
        self.refused(wire, topic, batch(payload=payload), INVALID_RECORD, CORRUPT_MESSAGE)

    def test_zstd_needs_a_client_that_knows_it(self, wire, topic):
        code, _ = produced(wire, topic, batch(attributes=4, payload=b"x"), version=6)
        assert code == UNSUPPORTED_COMPRESSION_TYPE

    def test_one_bad_partition_does_not_stop_the_others(self, wire, name):
        wire.call(request("CreateTopics", 5, timeout=5000, topics=[
            {"name": name, "num_partitions": 3, "replication_factor": 1}]))
        answer = wire.call(request("Produce", 9, acks=-1, topic_data=[{"name": name, "partition_data": [
            {"index": 0, "records": batch()}, {"index": 1, "records": batch(crc=1)}, {"index": 7, "records": batch()},
            {"index": 2, "records": batch()}]}]))
        codes = {p.index: int(p.error_code) for p in answer.responses[0].partition_responses}
        assert codes == {0: 0, 1: CORRUPT_MESSAGE, 7: UNKNOWN_TOPIC_OR_PARTITION, 2: 0}

    def test_bad_records_are_named(self, wire, topic):
        partition = wire.call(produce_request(topic, batch(base_offset=5))).responses[0].partition_responses[0]
        assert partition.error_message


class TestProduce:
    def test_acks_must_be_0_1_or_all(self, wire, topic):
        for acks in (2, -2, 77):
            assert produced(wire, topic, batch(), acks=acks)[0] == INVALID_REQUIRED_ACKS

    def test_an_unknown_topic(self, wire, name):
        assert produced(wire, f"{name}-missing", batch()) == (UNKNOWN_TOPIC_OR_PARTITION, -1)

    def test_acks_0_has_no_answer(self, wire, topic):
        wire.send(produce_request(topic, batch(), acks=0))
        assert wire.is_served(), "the next answer is that of the next request"
        assert produced(wire, topic, batch()) == (0, 1)

    def test_an_error_without_acks_closes_the_connection(self, wire, topic):
        wire.send(produce_request(topic, batch(crc=1), acks=0))
        wire.expect_closed()


class TestIdempotence:
    @pytest.fixture
    def producer(self, wire):
        answer = wire.call(request("InitProducerId", 4, producer_id=-1, producer_epoch=-1))
        assert int(answer.error_code) == 0 and answer.producer_id >= 0 and answer.producer_epoch == 0
        return answer.producer_id

    def send(self, wire, topic, producer, sequence, count=1, epoch=0):
        records = [(b"k", b"%d" % (sequence + n)) for n in range(count)]
        return produced(wire, topic, batch(
            records, producer_id=producer, producer_epoch=epoch, base_sequence=sequence))

    def test_producers_get_different_ids(self, wire, producer):
        assert wire.call(request("InitProducerId", 4, producer_id=-1, producer_epoch=-1)).producer_id != producer

    def test_a_retried_batch_is_answered_with_the_offset_it_already_has(self, wire, topic, producer):
        for sequence in range(0, 10, 2):
            assert self.send(wire, topic, producer, sequence, count=2) == (0, sequence)
        for sequence in range(0, 10, 2):
            assert self.send(wire, topic, producer, sequence, count=2) == (0, sequence)
        assert self.send(wire, topic, producer, 10) == (0, 10)

    def test_a_gap_is_refused(self, wire, topic, producer):
        self.send(wire, topic, producer, 0)
        assert self.send(wire, topic, producer, 2) == (OUT_OF_ORDER_SEQUENCE, -1)
        assert self.send(wire, topic, producer, 1) == (0, 1)

    def test_an_old_epoch_is_refused(self, wire, topic, producer):
        assert self.send(wire, topic, producer, 0, epoch=1) == (0, 0)
        assert self.send(wire, topic, producer, 1, epoch=0) == (INVALID_PRODUCER_EPOCH, -1)

    def test_a_new_epoch_starts_at_0(self, wire, topic, producer):
        self.send(wire, topic, producer, 0)
        assert self.send(wire, topic, producer, 1, epoch=1) == (OUT_OF_ORDER_SEQUENCE, -1)
        assert self.send(wire, topic, producer, 0, epoch=1) == (0, 1)

    def test_each_partition_has_its_own_sequence(self, wire, name, producer):
        wire.call(request("CreateTopics", 5, timeout=5000, topics=[
            {"name": name, "num_partitions": 2, "replication_factor": 1}]))
        good = batch(producer_id=producer, producer_epoch=0, base_sequence=0)
        for partition in (0, 1):
            assert produced(wire, name, good, partition=partition) == (0, 0)

    def test_a_negative_sequence_is_refused(self, wire, topic, producer):
        code, _ = produced(wire, topic, batch(producer_id=producer, producer_epoch=0, base_sequence=-1))
        assert code in (INVALID_RECORD, OUT_OF_ORDER_SEQUENCE)
