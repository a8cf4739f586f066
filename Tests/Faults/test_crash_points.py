"""The server kills itself at a named moment, under load from both protocols; see docs/TESTING.md, "Crash points".

Each round ends at a point that the seed draws: at any write, sync, rename, removal or creation of a file of some kind, in
recovery and background work too. Afterwards everything acknowledged must be where it was acknowledged.
"""

import os
import random
import signal
import subprocess
import time

import pytest

from harness.crash_load import KafkaWriter, NATSWriter, Reader, check
from harness.kafka import create_topic
from harness.nats_wire import Wire
from harness.server import ServerDied

ROUNDS = int(os.environ.get("DUOLOG_KILL_ROUNDS", "12"))
SEED = int(os.environ.get("DUOLOG_KILL_SEED", str(random.randrange(1 << 32))))

# The moment, the kind of file, and the greatest number of times that it may pass before. What a run never reaches ends with a plain kill.
IN_THE_LOG = [
    ("before-write", ".wal", 60), ("after-write", ".wal", 60), ("before-sync", ".wal", 60), ("after-sync", ".wal", 60),
    ("before-create", ".wal", 2), ("after-create", ".wal", 2),
]
IN_THE_BACKGROUND = [
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


def crash_at(chance, points):
    moment, part, limit = chance.choice(points)
    return {"DUOLOG_CRASH_AT": f"{moment}:{part}:{chance.randint(1, limit)}"}


def crash_in_recovery(server, chance):
    """Starts the server so that it dies in recovery, if it gets there; it is down afterwards."""
    server.environment = crash_at(chance, IN_RECOVERY)
    try:
        server.start()
        server.kill()
    except ServerDied:
        assert server.process.returncode == -signal.SIGKILL, server.log


@pytest.mark.timeout(900)
def test_acknowledged_messages_survive_a_crash_at_any_point(own_duolog, report):
    """DUOLOG_KILL_ROUNDS and DUOLOG_KILL_SEED choose how often and where."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        answer = wire.connect(headers=True).api("STREAM.CREATE.both", {"name": "both", "subjects": ["both.>"]})
        assert "error" not in answer, answer
    create_topic(server, "parted", 4)
    to_both = [NATSWriter(server, "nats-a", "both.nats.a"), KafkaWriter(server, "kafka-a", "both", lambda n: "kafka.a")]
    to_parted = [KafkaWriter(server, "kafka-c", "parted", lambda n: f"key-{n % 50}")]
    readers = [Reader(server, "both"), Reader(server, "parted", 4)]
    for writer in to_both + to_parted:
        writer.start()
    reached = 0
    for round_ in range(ROUNDS):
        server.kill()
        if chance.random() < 0.4:
            crash_in_recovery(server, chance)
        server.environment = crash_at(chance, IN_THE_LOG if chance.random() < 0.5 else IN_THE_BACKGROUND)
        print(f"round {round_}: {server.environment}")
        try:
            server.start()
            server.process.wait(chance.uniform(0.5, 2.5))
            reached += 1
        except subprocess.TimeoutExpired:
            server.kill()
        except ServerDied:
            reached += 1
        assert server.process.returncode == -signal.SIGKILL, server.log
    server.environment = {}
    server.start()
    for writer in to_both + to_parted:
        writer.finish()
    for reader in readers:
        reader.read_on()
    server.kill()
    server.start()
    counts = [check(readers[0], to_both), check(readers[1], to_parted)]
    acked = sum(len(w.acked) for w in to_both + to_parted)
    assert acked > 20 * ROUNDS, "there was no load to speak of"
    assert reached > 0 or ROUNDS < 10, "no point was where the server passes"
    assert server.log.count("damage") == 0, server.log
    report(f"crash points, {reached} of {ROUNDS} rounds reached theirs: {acked} acknowledged messages of {sum(counts)} in the log, all in place")


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
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).api("STREAM.CREATE.both", {"name": "both", "subjects": ["both.>"]})
    writers = [NATSWriter(server, "nats-a", "both.nats.a"), KafkaWriter(server, "kafka-a", "both", lambda n: "kafka.a")]
    reader = Reader(server, "both")
    for writer in writers:
        writer.start()
    for _ in range(4):
        time.sleep(0.3)
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(0.7)
        os.kill(server.pid, signal.SIGCONT)
    for writer in writers:
        writer.finish()
    reader.read_on()
    server.kill()
    server.start()
    assert check(reader, writers) > 100
