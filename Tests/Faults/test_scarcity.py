"""Out of file descriptors, and a folder that cannot be written."""

import json
import resource
import socket
import subprocess
import time

import pytest

from harness.crash_load import read_partitions
from harness.files import fingerprint
from harness.nats_wire import Wire

DESCRIPTORS = 96


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def stream(server):
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("s")


@pytest.mark.timeout(180)
def test_without_descriptors_nothing_that_was_acknowledged_is_lost(own_duolog):
    """Clients take all of them while the log needs new files; then they let go, and everything goes on."""
    server = own_duolog(launch_only=True, preexec=few_descriptors)
    server.start()
    stream(server)
    payload = bytes(900_000)
    acked = refused = 0
    with Wire(server.nats_port, timeout=20) as wire:
        wire.connect(headers=True)
        greedy = [socket.create_connection(("127.0.0.1", server.nats_port)) for _ in range(DESCRIPTORS + 20)]
        for _ in range(160):
            answer = json.loads(wire.request("s.k", payload)[4])
            acked, refused = acked + ("error" not in answer), refused + ("error" in answer)
        for one in greedy:
            one.close()
        assert acked > 50, "there was room in the files that were open"
        assert refused > 0, "no file was missing"
        deadline = time.monotonic() + 20
        while "error" in json.loads(wire.request("s.k", payload)[4]):
            assert time.monotonic() < deadline, "it takes messages again"
            time.sleep(0.1)
        acked += 1
    with Wire(server.nats_port) as another:
        another.connect().expect_nothing_more()
    server.kill()
    server.preexec = None
    server.start()
    with Wire(server.nats_port) as wire:
        state = wire.connect(headers=True).api("STREAM.INFO.s")["state"]
    assert (state["messages"], state["last_seq"]) == (acked, acked)
    assert len(read_partitions(server, "s", {0: 0})[0]) == acked


def test_a_folder_that_cannot_be_written_ends_the_start_and_stays_as_it_is(own_duolog, small_disk, tmp_path):
    server = own_duolog(folder=small_disk)
    stream(server)
    with Wire(server.nats_port) as wire:
        assert "error" not in json.loads(wire.connect(headers=True).request("s.k", "x")[4])
    server.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    before = fingerprint(server.data)
    # The log of the server itself has to go elsewhere.
    server.folder = tmp_path / "elsewhere"
    server.folder.mkdir()
    server.launch()
    assert server.process.wait(20) == 1
    assert str(server.data) in server.log and "ead-only" in server.log, server.log
    assert fingerprint(server.data) == before
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    server.start()
    with Wire(server.nats_port) as wire:
        assert wire.connect(headers=True).api("STREAM.INFO.s")["state"]["messages"] == 1
    server.kill()
