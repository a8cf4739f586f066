"""The server kills itself at a named moment, under load from both protocols; see docs/TESTING.md, "Crash points".

Each round ends at a point that the seed draws: at any write, sync, rename, removal or creation of a file of some kind, in
recovery and background work too. Afterwards everything acknowledged must be where it was acknowledged.
"""

import os
import signal
import time

import pytest

from harness.crash_load import KafkaWriter, Load, NATSWriter, Reader, chance, crash_rounds
from harness.crash_points import die_at, draw_point
from harness.kafka import create_topic
from harness.nats_wire import Wire
from harness.server import ServerDied

ROUNDS = crash_rounds(12)

# The moment, the kind of file, and the greatest number of times that it may pass before. What is written is written again and again.
IN_THE_LOG = [
    ("before-write", ".wal", 60), ("after-write", ".wal", 60), ("before-sync", ".wal", 60), ("after-sync", ".wal", 60),
]
# What a run does not come to ends with a plain kill.
IN_THE_BACKGROUND = [
    ("before-create", ".wal", 2), ("after-create", ".wal", 2),
    ("before-write", ".seg", 20), ("after-write", ".seg", 20), ("before-sync", ".seg", 6), ("after-sync", ".seg", 6),
    ("before-syncdir", "/segments", 6), ("after-rename", ".seg", 4), ("before-remove", ".seg", 4),
    ("before-write", "manifest", 4), ("after-sync", "manifest", 4), ("before-rename", "manifest", 4),
    ("after-rename", "manifest", 4), ("before-write", "/snapshots", 6), ("before-rename", "/snapshots", 4),
    ("after-rename", "/snapshots", 4), ("before-remove", ".wal", 3), ("before-rename", ".wal", 3), ("after-rename", ".wal", 3),
]
IN_RECOVERY = [
    ("before-write", ".wal", 6), ("after-write", ".wal", 6), ("before-sync", ".wal", 4), ("after-sync", ".wal", 4),
    ("before-create", "cut", 1), ("before-sync", "cut", 1), ("after-sync", "cut", 1), ("before-syncdir", "", 4),
    ("after-syncdir", "", 4), ("before-remove", "", 2), ("before-rename", "", 2), ("after-rename", "", 2),
]


@pytest.mark.timeout(900)
def test_acknowledged_messages_survive_a_crash_at_any_point(own_duolog, report):
    """DUOLOG_KILL_ROUNDS and DUOLOG_KILL_SEED choose how often and where."""
    drawn = chance()
    server = own_duolog()
    load = both_protocols(server)
    reached = 0
    for round_ in range(ROUNDS):
        server.kill()
        if drawn.random() < 0.4:
            die_at(server, draw_point(drawn, IN_RECOVERY), 0)
        if round_ % 2 == 0:
            assert die_at(server, draw_point(drawn, IN_THE_LOG), 20), "the log is written and synced all the time"
            reached += 1
        else:
            reached += die_at(server, draw_point(drawn, IN_THE_BACKGROUND), drawn.uniform(0.5, 2.5))
    server.start()
    kept = load.end(20 * ROUNDS)
    assert server.log.count("damage") == 0, server.log
    report(f"crash points, {reached} of {ROUNDS} rounds reached theirs: {kept}")


def both_protocols(server) -> Load:
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("both")
    create_topic(server, "parted", 4)
    return Load(
        server,
        (Reader(server, "both"), [
            NATSWriter(server, "nats-a", "both.nats.a"), KafkaWriter(server, "kafka-a", "both", lambda n: "kafka.a")]),
        (Reader(server, "parted", 4), [KafkaWriter(server, "kafka-c", "parted", lambda n: f"key-{n % 50}")])).start()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("point", ["after-sync:.wal:1", "before-syncdir:/wal:1", "before-rename:format:1"])
def test_a_point_is_where_it_says(own_duolog, point):
    server = own_duolog(launch_only=True)
    server.environment = {"DUOLOG_CRASH_AT": point}
    with pytest.raises(ServerDied):
        server.start()
    assert server.process.returncode == -signal.SIGKILL
    assert (server.data / "format").exists() == (not point.startswith("before-rename"))
    server.environment = {}
    server.start()


def test_a_point_that_is_never_passed_is_not_reached(own_duolog):
    server = own_duolog(launch_only=True)
    assert not die_at(server, "after-sync:.photo:1", 0.2)
    assert not server.is_running()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("point", ["", "after-sync", "after-sync:.wal:0", "after-lunch:.wal:1", "sync:.wal:1"])
def test_what_is_no_point_ends_the_start(own_duolog, point):
    server = own_duolog(launch_only=True)
    server.environment = {"DUOLOG_CRASH_AT": point}
    server.launch()
    assert server.process.wait(20) == 64
    assert "is no crash point" in server.log


@pytest.mark.timeout(120)
def test_a_server_that_was_stopped_for_a_while_goes_on(own_duolog):
    """SIGSTOP and SIGCONT: what was under way is finished, nothing is lost or doubled."""
    server = own_duolog()
    load = both_protocols(server)
    for _ in range(4):
        time.sleep(0.3)
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(0.7)
        os.kill(server.pid, signal.SIGCONT)
    load.end(100)
