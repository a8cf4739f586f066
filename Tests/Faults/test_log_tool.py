"""`duolog log ls|dump|verify` on folders that are whole, in use, damaged, or something else."""

import subprocess

import pytest

from harness.files import fingerprint
from harness.kafka import create_topic, produce
from harness.nats_wire import Wire
from harness.server import DUOLOG


def log(*arguments):
    """Exit code and output."""
    done = subprocess.run([DUOLOG, "log", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def server(own_duolog):
    """Two messages in the stream `orders`, and three records in one batch of the topic `parted`, partition 1."""
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("orders")
        for number in range(2):
            wire.request("orders.eu", f"order number {number}")
    create_topic(server, "parted", 2, **{"retention.ms": "-1"})
    produce(server, "parted", [(b"key", b"value %d" % n, [("h", b"x")], 1_600_000_000_000 + n, 1) for n in range(3)])
    return server


@pytest.mark.parametrize("how", ["running", "stopped", "killed"])
def test_everything_is_listed_and_verified_and_nothing_changes(server, how):
    {"running": lambda: None, "stopped": server.stop, "killed": server.kill}[how]()
    before = fingerprint(server.data)
    code, text = log("ls", server.data)
    assert code == 0, text
    assert "orders  (log " in text and "parted@1  (log " in text and "parted@0  (log " in text
    assert "offsets 0...1  " in text and "offsets 0...2  " in text
    assert "wal file " in text and ("snapshot core-" in text or how != "stopped")
    code, text = log("verify", server.data)
    assert code == 0 and "all as they were written" in text, text
    if how != "running":
        assert fingerprint(server.data) == before
    else:
        server.kill()
        server.start()


def test_a_batch_is_dumped_as_kafka_does(server):
    code, text = log("dump", server.data, "--stream", "parted", "--records")
    assert code == 0, text
    lines = text.splitlines()
    batches = [line for line in lines if line.startswith("baseOffset: ")]
    assert batches[0].startswith("baseOffset: 0 lastOffset: ")
    assert "magic: 2 compresscodec: none crc: " in batches[0] and batches[0].endswith("isvalid: true")
    assert " partitionLeaderEpoch: 0 isTransactional: false isControl: false deleteHorizonMs: OptionalLong.empty position: " in batches[0]
    records = [line for line in lines if line.startswith("| ")]
    assert [line.split(" sequence")[0] for line in records] == [
        f"| offset: {n} CreateTime: {1_600_000_000_000 + n} keySize: 3 valueSize: 7" for n in range(3)]
    assert records[2].endswith("headerKeys: [h] key: key payload: value 2")
    assert "order number" not in text


def test_a_part_can_be_chosen(server):
    code, text = log("dump", server.data, "--stream", "orders", "--from", 1, "--records")
    assert code == 0 and "order number 1" in text and "order number 0" not in text
    code, text = log("dump", server.data, "--count", 1)
    assert code == 0 and text.count("baseOffset: ") == 1
    assert text.splitlines()[-1].startswith("baseOffset: "), "no title of something that does not follow"
    code, text = log("dump", server.data, "--stream", "orders", "--from", 2)
    assert code == 0 and text == "", "the stream is there, and has nothing from there on"


@pytest.mark.parametrize("which", [["--stream", "lunch"], ["--stream", "parted@2"], ["--log", "999"], ["--count", "0"]])
def test_a_part_that_is_not_there_is_refused(server, which):
    code, text = log("dump", server.data, *which)
    assert code == 2 and text.startswith("duolog log: ")


@pytest.mark.parametrize("arguments", [["--help"], ["ls", "-h"]])
def test_help_is_no_mistake(arguments):
    code, text = log(*arguments)
    assert code == 0 and text.startswith("usage: duolog log ls <folder>")


def test_damage_is_told_with_stream_file_and_offsets(server):
    server.stop()
    path = next(path for path in sorted((server.data / "wal").iterdir()) if path.suffix == ".wal")
    content = path.read_bytes()
    at = content.index(b"order number 0")
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(b"\xff")
    before = fingerprint(server.data)
    code, text = log("verify", server.data)
    assert code == 1, text
    line = next(line for line in text.splitlines() if line.startswith("DAMAGED"))
    assert "of orders:" in line and path.name in line and "offsets 0..." in line
    for verb in ("ls", "dump"):
        code, text = log(verb, server.data)
        assert code == 1 and "DAMAGED" in text
    assert "parted" in text, "what is not damaged is shown"
    assert fingerprint(server.data) == before


def test_a_torn_end_is_no_damage(server):
    server.kill()
    path = next(path for path in sorted((server.data / "wal").iterdir()) if path.suffix == ".wal")
    end = (len(path.read_bytes().rstrip(b"\0")) + 64) // 8 * 8
    with open(path, "r+b") as file:
        file.seek(end)
        file.write(b"\x41" * 300)
    before = fingerprint(server.data)
    code, text = log("verify", server.data)
    assert code == 0 and "behind the last whole frame" in text, text
    assert fingerprint(server.data) == before


@pytest.mark.parametrize("arguments", [
    [], ["ls"], ["lunch", "/tmp"], ["ls", "/nonexistent"], ["ls", "/tmp", "/tmp"], ["dump", "/tmp", "--from"],
    ["dump", "/tmp", "--from", "x"], ["dump", "/tmp", "--colour"], ["verify", "/tmp"]])
def test_what_makes_no_sense_is_refused(arguments):
    code, text = log(*arguments)
    assert code == 2 and text.startswith("duolog log: ")
