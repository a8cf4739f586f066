"""The wall clock jumps by an hour either way and to 1970, while the server runs and between two starts.

libfaketime of the Debian package faketime stands between the server and its clock; the monotonic one goes on as it is.
"""

import glob
import json
import time

import pytest

from harness.crash_load import read_partitions
from harness.kafka import create_topic, produce
from harness.nats_wire import Wire

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
JUMPS = ["-1h", "+0", "+1h", "+0", "@1970-01-02 00:00:00", "+0"]


@pytest.fixture
def clock(tmp_path):
    """A way to set the clock of a server, and the environment for that server."""
    if not LIBRARIES:
        pytest.skip("the Debian package faketime is not installed")
    setting = tmp_path / "clock"
    setting.write_text("+0\n")
    environment = {
        "LD_PRELOAD": LIBRARIES[0], "FAKETIME_TIMESTAMP_FILE": str(setting), "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1"}
    return (lambda text: setting.write_text(text + "\n")), environment


@pytest.fixture
def server(own_duolog, clock):
    server = own_duolog(launch_only=True)
    server.environment = clock[1]
    # The library changes the environment of the first process that has it, where Swift looks for the arguments.
    server.launcher = ["env"]
    server.start()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        wire.make_stream("plain")
        wire.make_stream("aged", max_age=24 * 3600 * 10**9)
    create_topic(server, "topic", 1, **{"retention.ms": str(24 * 3600 * 1000)})
    return server


def year(wire):
    return wire.api("STREAM.INFO.plain")["ts"][:4]


def messages(server):
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        return [wire.api(f"STREAM.INFO.{name}")["state"]["messages"] for name in ("plain", "aged")]


def write(server, everywhere):
    """Ten messages; without `everywhere` only where they do not grow too old."""
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        for number in range(10):
            assert "error" not in json.loads(wire.request("plain.a", str(number))[4])
            if everywhere:
                assert "error" not in json.loads(wire.request("aged.a", str(number))[4])
    if everywhere:
        produce(server, "topic", [(None, b"%d" % number, [], 0, 0) for number in range(10)])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("restarts", [False, True], ids=["running", "between starts"])
def test_nothing_is_deleted_that_is_not_old(server, clock, restarts):
    set_clock, _ = clock
    write(server, True)
    plain = aged = 10
    for jump in JUMPS:
        if restarts:
            server.kill()
        set_clock(jump)
        if restarts:
            server.start()
        with Wire(server.nats_port) as wire:
            assert (year(wire.connect(headers=True)) == "1970") == jump.startswith("@"), "the clock has jumped"
        everywhere = not jump.startswith("@")
        write(server, everywhere)
        plain += 10
        aged += 10 * everywhere
        # Longer than the pauses of those who look for old messages.
        time.sleep(1.5)
        assert messages(server) == [plain, aged], jump
        assert len(read_partitions(server, "topic", {0: 0})[0]) == aged, jump
    server.kill()
    server.start()
    assert messages(server) == [plain, aged]
    assert len(read_partitions(server, "topic", {0: 0})[0]) == aged
