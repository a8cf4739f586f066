"""Every Kafka message and version, held against kio, whose types come from Kafka's own schemas.

For each message kio makes and writes random values; the codec must read them and write the same bytes again,
foretell their count, and show them without failing. A message that nobody filled must be readable by kio.

Needs the executable `kafka-codec`, looked for in $DUOLOG_BIN_DIR, beside $DUOLOG_BIN, or in `.build/release`.
"""

import dataclasses
import datetime
import io
import os
import pathlib
import random
import subprocess
import types
import typing
import uuid

import pytest
from kio import index
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer
from kio.static.constants import EntityType

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
SEED = 20260822
INSTANCES = 12

# Name in kio, api key, versions that this project declares.
MESSAGES = [
    ("produce", 0, range(3, 14)),
    ("fetch", 1, range(4, 19)),
    ("list_offsets", 2, range(1, 12)),
    ("metadata", 3, range(0, 14)),
    ("offset_commit", 8, range(2, 11)),
    ("offset_fetch", 9, range(1, 11)),
    ("find_coordinator", 10, range(0, 7)),
    ("join_group", 11, range(0, 10)),
    ("heartbeat", 12, range(0, 5)),
    ("leave_group", 13, range(0, 6)),
    ("sync_group", 14, range(0, 6)),
    ("describe_groups", 15, range(0, 7)),
    ("list_groups", 16, range(0, 6)),
    ("api_versions", 18, range(0, 5)),
    ("create_topics", 19, range(2, 8)),
    ("delete_topics", 20, range(1, 7)),
    ("delete_records", 21, range(0, 3)),
    ("init_producer_id", 22, range(0, 6)),
    ("offset_for_leader_epoch", 23, range(2, 5)),
    ("describe_configs", 32, range(1, 5)),
    ("describe_log_dirs", 35, range(1, 6)),
    ("create_partitions", 37, range(0, 4)),
    # Version 3 is newer than kio; KafkaMessageTests has its bytes.
    ("delete_groups", 42, range(0, 3)),
    ("incremental_alter_configs", 44, range(0, 2)),
    ("describe_cluster", 60, range(0, 3)),
]

CASES = [
    pytest.param(name, key, version, kind, id=f"{name}-v{version}-{kind}")
    for name, key, versions in MESSAGES
    for version in versions
    for kind in ("request", "response")
]


class Codec:
    """The project's codec, one question and one answer a line."""

    def __init__(self):
        self.process = subprocess.Popen(
            [self.folder() / "kafka-codec"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @staticmethod
    def folder():
        if "DUOLOG_BIN_DIR" in os.environ:
            return pathlib.Path(os.environ["DUOLOG_BIN_DIR"])
        if "DUOLOG_BIN" in os.environ:
            return pathlib.Path(os.environ["DUOLOG_BIN"]).parent
        return REPOSITORY / ".build/release"

    def ask(self, key, version, kind, body):
        """The bytes written again, the count foretold, and the dump."""
        self.process.stdin.write(f"{key} {version} {kind} {body}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().rstrip("\n")
        assert answer.startswith("ok "), f"{body[:200]}: {answer or 'the codec died'}"
        _, written, count, dump = answer.split(" ", 3)
        return bytes.fromhex(written), int(count), dump

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


@pytest.fixture(scope="module")
def codec():
    codec = Codec()
    yield codec
    codec.close()


def loaded(name, version, kind):
    module = index.load_entity_module(name, version, EntityType[kind])
    [entity] = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and getattr(value, "__type__", None) is EntityType[kind]
    ]
    return entity


def filled(entity, chance):
    """An instance of a kio class with random values."""
    return entity(
        **{
            field.name: random_value(field, field.type, chance)
            for field in dataclasses.fields(entity)
            if "tag" not in field.metadata or chance.random() < 0.6
        }
    )


def random_value(field, annotation, chance):
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        choices = [a for a in typing.get_args(annotation) if a is not type(None)]
        return None if chance.random() < 0.3 else random_value(field, choices[0], chance)
    if origin is tuple:
        element = typing.get_args(annotation)[0]
        return tuple(random_value(field, element, chance) for _ in range(chance.choice((0, 1, 2, 3))))
    if dataclasses.is_dataclass(annotation):
        return filled(annotation, chance)
    kind = field.metadata["kafka_type"]
    if kind == "int16" and field.name.endswith("error_code"):
        return chance.choice(list(ErrorCode)).value
    match kind:
        case "int8" | "int16" | "int32" | "int64":
            bits = int(kind[3:])
            small = chance.randrange(-2, 3)
            wide = chance.randrange(-(2 ** (bits - 1)), 2 ** (bits - 1))
            return chance.choice((small, wide))
        case "bool":
            return chance.random() < 0.5
        case "string":
            return random_text(chance)
        case "bytes" | "records":
            return chance.randbytes(chance.choice((0, 1, 60, 126, 127, 128, 300, 20_000)))
        case "uuid":
            return uuid.UUID(int=chance.getrandbits(128))
        case "error_code":
            return chance.choice(list(ErrorCode))
        case "timedelta_i32":
            return datetime.timedelta(milliseconds=chance.randrange(-(2**31), 2**31))
        case "timedelta_i64":
            return datetime.timedelta(milliseconds=chance.randrange(-(2**40), 2**40))
        case "datetime_i64":
            return datetime.datetime.fromtimestamp(chance.randrange(2**31), datetime.UTC)
    raise AssertionError(f"{field.name}: no values for {kind}")


def random_text(chance):
    count = chance.choice((0, 1, 5, 15, 16, 126, 127, 128, 1000))
    return "".join(chance.choice("aZ9.-_ \"äß€🦊") for _ in range(count))


def written(message):
    buffer = io.BytesIO()
    entity_writer(type(message))(buffer, message)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "key", "version", "kind"), CASES)
def test_the_codec_writes_what_it_read_from_kio(codec, name, key, version, kind):
    chance = random.Random(f"{SEED} {name} {version} {kind}")
    entity = loaded(name, version, kind)
    for _ in range(INSTANCES):
        message = filled(entity, chance)
        expected = written(message)
        again, count, dump = codec.ask(key, version, kind, expected.hex())
        assert again == expected, dump[:2000]
        assert count == len(expected)


@pytest.mark.parametrize(("name", "key", "version", "kind"), CASES)
def test_kio_reads_a_message_that_nobody_filled(codec, name, key, version, kind):
    body, count, dump = codec.ask(key, version, kind, "default")
    assert count == len(body)
    entity = loaded(name, version, kind)
    message, consumed = entity_reader(entity)(body, 0)
    assert consumed == len(body), dump[:2000]
    assert written(message) == body, dump[:2000]
    # What kio has a default for is the same default here.
    for field in dataclasses.fields(entity):
        if field.default is not dataclasses.MISSING:
            assert getattr(message, field.name) == field.default, field.name
