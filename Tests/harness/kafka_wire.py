"""A Kafka client that sends what it is told to: typed requests through kio, or plain bytes."""

import dataclasses
import datetime
import io
import socket
import struct
import types
import typing
import uuid

import crc32c
from kio.index import load_request_schema, load_response_schema
from kio.serial import entity_reader, entity_writer

from harness.kafka import AN_HOUR_AGO


class KafkaWire:
    """One TCP connection to the Kafka port."""

    def __init__(self, port: int, timeout: float = 10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # ---- frames ------------------------------------------------------------------------------

    def send_bytes(self, data: bytes):
        self.socket.sendall(data)
        return self

    def send_frame(self, body: bytes):
        return self.send_bytes(struct.pack(">i", len(body)) + body)

    def read_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError(f"closed after {len(data)} of {count} bytes")
            data += more
        return data

    def read_frame(self) -> bytes:
        return self.read_exactly(struct.unpack(">i", self.read_exactly(4))[0])

    def expect_closed(self):
        """The server ends the connection without another byte."""
        try:
            rest = self.socket.recv(1 << 16)
        except ConnectionResetError:
            rest = b""
        assert rest == b""

    # ---- requests ----------------------------------------------------------------------------

    def send(self, request, trailing: bytes = b"") -> int:
        """Sends a kio request and returns its correlation id."""
        self.correlation += 1
        kind = type(request)
        header_kind = kind.__header_schema__
        header = filled(
            header_kind, request_api_key=kind.__api_key__, request_api_version=kind.__version__,
            correlation_id=self.correlation, client_id="wire")
        self.send_frame(encode(header) + encode(request) + trailing)
        return self.correlation

    def receive(self, request_kind, correlation: int):
        """The answer to a request of this kind, read to its last byte."""
        kind = load_response_schema(request_kind.__api_key__, request_kind.__version__)
        frame = self.read_frame()
        header, used = decode(kind.__header_schema__, frame)
        assert header.correlation_id == correlation
        answer, rest = decode(kind, frame[used:])
        assert used + rest == len(frame), f"{len(frame) - used - rest} bytes too many in {kind}"
        return answer

    def call(self, request, trailing: bytes = b""):
        return self.receive(type(request), self.send(request, trailing))

    def is_served(self) -> bool:
        """A round trip of ApiVersions."""
        return int(self.call(request("ApiVersions", 0)).error_code) == 0


# What Duolog serves.
API_KEYS = {
    "Produce": 0, "Fetch": 1, "ListOffsets": 2, "Metadata": 3, "OffsetCommit": 8, "OffsetFetch": 9,
    "FindCoordinator": 10, "JoinGroup": 11, "Heartbeat": 12, "LeaveGroup": 13, "SyncGroup": 14,
    "DescribeGroups": 15, "ListGroups": 16, "ApiVersions": 18, "CreateTopics": 19, "DeleteTopics": 20,
    "DeleteRecords": 21, "InitProducerId": 22, "OffsetForLeaderEpoch": 23, "DescribeConfigs": 32,
    "DescribeLogDirs": 35, "CreatePartitions": 37, "DeleteGroups": 42, "IncrementalAlterConfigs": 44,
    "DescribeCluster": 60,
}


def request(name: str, version: int, **fields):
    """A kio request with the given fields; all others are empty."""
    return filled(load_request_schema(API_KEYS[name], version), **fields)


def encode(entity) -> bytes:
    buffer = io.BytesIO()
    entity_writer(type(entity))(buffer, entity)
    return buffer.getvalue()


def decode(kind, data: bytes):
    """The value, and how many bytes it took."""
    value, used = entity_reader(kind)(data, 0)
    return value, used


def filled(kind, **given):
    """An instance of a kio dataclass in which all that is not given is empty, zero or absent."""
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in given:
            values[field.name] = _converted(hints[field.name], given.pop(field.name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            values[field.name] = _empty(hints[field.name])
    assert not given, f"{kind} has no {sorted(given)}"
    return kind(**values)


def _parts(hint):
    """The type itself, without `| None` and NewType."""
    options = [o for o in typing.get_args(hint) if o is not type(None)]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        hint = options[0]
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return hint


def _is_optional(hint) -> bool:
    return type(None) in typing.get_args(hint)


def _empty(hint):
    if _is_optional(hint):
        return None
    kind = _parts(hint)
    if typing.get_origin(kind) is tuple:
        return ()
    if dataclasses.is_dataclass(kind):
        return filled(kind)
    return kind.parse(_zero(kind)) if hasattr(kind, "parse") else kind(_zero(kind))


def _zero(kind):
    for base, zero in ((bool, False), (int, 0), (str, ""), (bytes, b""), (float, 0.0),
                       (datetime.timedelta, datetime.timedelta()), (uuid.UUID, uuid.UUID(int=0)),
                       (datetime.datetime, datetime.datetime.fromtimestamp(0, datetime.timezone.utc))):
        if isinstance(kind, type) and issubclass(kind, base):
            return zero
    raise TypeError(kind)


def _converted(hint, value):
    """Lists of dictionaries become tuples of kio's dataclasses; plain values become kio's types."""
    if value is None:
        return None
    kind = _parts(hint)
    if typing.get_origin(kind) is tuple:
        return tuple(_converted(typing.get_args(kind)[0], item) for item in value)
    if dataclasses.is_dataclass(kind):
        return filled(kind, **value) if isinstance(value, dict) else value
    if issubclass(kind, datetime.timedelta) and isinstance(value, int):
        value = datetime.timedelta(milliseconds=value)
    if hasattr(kind, "parse"):
        return kind.parse(value)
    return value if isinstance(value, kind) else kind(value)


# ---- record batches ------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    """Zig-zag, seven bits a byte."""
    value = (value << 1) ^ (value >> 63)
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def record(offset_delta: int, key: bytes | None, value: bytes | None, headers=(), timestamp_delta=0) -> bytes:
    def sized(data):
        return varint(-1) if data is None else varint(len(data)) + data

    body = b"\0" + varint(timestamp_delta) + varint(offset_delta) + sized(key) + sized(value)
    body += varint(len(headers)) + b"".join(sized(name) + sized(text) for name, text in headers)
    return varint(len(body)) + body


def batch(
    records=((b"k", b"v"),), *, base_offset=0, epoch=-1, magic=2, crc=None, attributes=0, last_delta=None,
    base_timestamp=AN_HOUR_AGO, max_timestamp=None, producer_id=-1, producer_epoch=-1, base_sequence=-1,
    count=None, payload=None, length=None,
) -> bytes:
    """A RecordBatch v2. Every field can be given a wrong value; the CRC fits unless it is given."""
    if payload is None:
        payload = b"".join(record(n, key, value) for n, (key, value) in enumerate(records))
    count = len(records) if count is None else count
    checked = struct.pack(
        ">hiqqqhii", attributes, len(records) - 1 if last_delta is None else last_delta, base_timestamp,
        base_timestamp if max_timestamp is None else max_timestamp, producer_id, producer_epoch, base_sequence,
        count) + payload
    crc = crc32c.crc32c(checked) if crc is None else crc
    tail = struct.pack(">ibI", epoch, magic, crc) + checked
    return struct.pack(">qi", base_offset, len(tail) if length is None else length) + tail


def produce_request(topic: str, records: bytes | None, *, version=9, acks=-1, partition=0):
    return request("Produce", version, acks=acks, topic_data=[
        {"name": topic, "partition_data": [{"index": partition, "records": records}]}])
