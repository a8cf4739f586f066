"""The server dies while it writes segments anew; see docs/TESTING.md, "Crash points".

A folder with much to compact is made once. Each round begins with a copy of it, dies at a point that the seed draws, compacts the rest,
and must then have the newest of each key for readers of both protocols, and nothing that was taken away.
"""

import base64
import shutil

import pytest

from harness.crash_load import chance, crash_rounds
from harness.crash_points import die_at, draw_point
from harness.kafka import create_topic
from harness.nats_wire import Wire
from harness.space import (
    MIB, produce_updates, read_everything_with_kafka_python, read_everything_with_librdkafka, segment_bytes, value, wait_for_segments,
    wait_for_space, wait_until_nothing_changes)
from harness.waiting import until

ROUNDS = crash_rounds(6)

# The moment, the kind of file, and the greatest number of times that it may pass before. Nothing else writes such files in a round.
IN_REWRITING = [
    ("after-create", ".seg", 2), ("before-write", ".seg", 3), ("after-write", ".seg", 3), ("before-sync", ".seg", 2),
    ("after-sync", ".seg", 2), ("before-syncdir", "/segments", 2), ("before-write", "manifest", 2), ("after-sync", "manifest", 2),
    ("before-rename", "manifest", 2), ("after-rename", "manifest", 2), ("before-remove", ".seg", 2), ("after-remove", ".seg", 2),
]
KEYS, UPDATES = 20, 2000


def configured(folder, pause):
    config = folder / f"{pause}.conf"
    config.write_text(f'kafka {{ log_cleaner_backoff: "{pause}" }}\n')
    return ["-c", str(config)]


def make_folder(server):
    """A bucket and a compacted topic, each written over and over, and nothing compacted yet."""
    create_topic(server, "updates", **{"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"})
    produce_updates(server, "updates", range(UPDATES), KEYS)
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("KV_b", subjects=["$KV.b.>"], max_msgs_per_subject=1)
        for number in range(UPDATES):
            key = f"key-{number % KEYS}"
            wire.publish(f"$KV.b.{key}", value(key, number))
            if number % 200 == 0:
                wire.expect_nothing_more()
        until(lambda: wire.api("STREAM.INFO.KV_b")["state"]["last_seq"] == UPDATES, 30, lambda: "not all were stored")
    wait_for_segments(server, 60 * MIB)
    wait_until_nothing_changes(server)
    server.stop()


def check(server):
    newest = {f"key-{n % KEYS}": value(f"key-{n % KEYS}", n) for n in range(UPDATES - KEYS, UPDATES)}
    for topic in ("updates", "KV_b"):
        records = read_everything_with_librdkafka(server, topic, UPDATES)
        assert read_everything_with_kafka_python(server, topic, UPDATES) == records
        for offset, key, data in records:
            assert key == f"key-{offset % KEYS}" and data == value(key, offset)
        assert {key: data for _, key, data in records} == newest, topic
    assert len(records) == KEYS, "a bucket shows one value of each key"
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        state = wire.api("STREAM.INFO.KV_b")["state"]
        assert (state["messages"], state["last_seq"]) == (KEYS, UPDATES)
        for key, data in newest.items():
            found = wire.api("STREAM.MSG.GET.KV_b", {"last_by_subj": f"$KV.b.{key}"})["message"]
            assert base64.b64decode(found["data"]) == data
            found = wire.api("STREAM.MSG.GET.updates", {"last_by_subj": f"kafka.updates.{key}"})["message"]
            assert base64.b64decode(found["data"]) == data


@pytest.mark.timeout(900)
def test_a_crash_while_segments_are_written_anew_loses_nothing(own_duolog, tmp_path, report):
    """DUOLOG_KILL_ROUNDS and DUOLOG_KILL_SEED choose how often and where."""
    drawn = chance()
    server = own_duolog(*configured(tmp_path, "1h"))
    make_folder(server)
    before = segment_bytes(server)
    original = tmp_path / "original"
    server.data.rename(original)
    server.arguments = configured(tmp_path, "20ms")
    reached = 0
    for kind in drawn.sample(IN_REWRITING * (1 + ROUNDS // len(IN_REWRITING)), ROUNDS):
        shutil.rmtree(server.data, ignore_errors=True)
        shutil.copytree(original, server.data)
        reached += die_at(server, draw_point(drawn, [kind]), 10)
        server.start()
        wait_for_space(server, before // 4)
        wait_until_nothing_changes(server)
        check(server)
        assert "damage" not in server.log, server.log
        server.kill()
    assert reached >= ROUNDS * 2 // 3, f"{reached} of {ROUNDS} points were where the server passes"
    report(f"crashes in compaction: {reached} of {ROUNDS} rounds reached theirs, from {before // MIB} MiB of segments")
