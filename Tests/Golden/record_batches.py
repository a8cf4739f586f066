"""Writes Tests/Formats/RecordsTests/GoldenBatches.swift: batches as kafka-python builds them, one for each codec.

    python Tests/Golden/record_batches.py > Tests/Formats/RecordsTests/GoldenBatches.swift

Needs kafka-python, lz4, python-snappy and zstandard.
"""
import struct
import textwrap

import snappy
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

RECORDS = [
    (1_700_000_000_123, b"eu.17", b"first", []),
    (1_700_000_000_100, None, b"", [("a", b"1"), ("a", b"2"), ("b", None), ("", b""), ("gr\u00f6\u00dfe", b"\xff\r\n")]),
    (1_700_000_009_999, b"", None, []),
    (1_700_000_000_123, b"long", b"x" * 300, []),
]
CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}


def batch(codec):
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=codec, is_transactional=False, producer_id=4242,
        producer_epoch=7, base_sequence=1000, batch_size=1 << 20)
    for offset, (timestamp, key, value, headers) in enumerate(RECORDS):
        assert builder.append(offset, timestamp, key, value, headers) is not None
    found = bytes(builder.build())
    read = DefaultRecordBatch(found)
    assert read.validate_crc()
    assert [(r.timestamp, r.key, r.value, list(r.headers)) for r in read] == RECORDS
    return found


def bare_snappy():
    """As librdkafka writes snappy: one block without chunks."""
    plain = batch(0)
    packed = bytearray(plain[:61] + snappy.compress(plain[61:]))
    struct.pack_into(">i", packed, 8, len(packed) - 12)
    struct.pack_into(">h", packed, 21, 2)
    struct.pack_into(">I", packed, 17, calc_crc32c(bytes(packed[21:])))
    return bytes(packed)


def constant(name, found):
    lines = textwrap.wrap(found.hex(), 80)
    return f"    static let {name} = hex(\n        \"\"\"\n" + "".join(
        f"        {line}\n" for line in lines) + '        """)\n'


print("// Written by Tests/Golden/record_batches.py. Do not edit.\n")
print("/// The sample records of `GoldenBatchTests`, as kafka-python builds them.")
print("enum GoldenBatches {")
print("\n".join([constant(name, batch(codec)) for codec, name in CODECS.items()]
                + [constant("snappyBlock", bare_snappy())]), end="")
print("}")
