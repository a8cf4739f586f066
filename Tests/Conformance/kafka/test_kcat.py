"""Duolog through kcat, as one types it."""

import json
import subprocess

import pytest


def kcat(server, *arguments, text="", seconds=40) -> str:
    done = subprocess.run(
        ["kcat", "-b", server.kafka, *arguments], input=text, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_lines_go_in_and_come_out(duolog, name, codec):
    lines = "".join(f"key{n}:value {n}\n" for n in range(100))
    kcat(duolog, "-P", "-t", name, "-K:", "-z", codec, text=lines)
    assert kcat(duolog, "-C", "-t", name, "-e", "-q", "-K:") == lines


def test_headers_timestamps_and_offsets_are_shown(duolog, name):
    kcat(duolog, "-P", "-t", name, "-k", "the-key", "-H", "a=1", "-H", "b=2", text="body")
    shown = kcat(duolog, "-C", "-t", name, "-e", "-q", "-f", "%p %o %k %h %s\n")
    assert shown == "0 0 the-key a=1,b=2 body\n"


def test_the_metadata_is_listed(duolog, name):
    kcat(duolog, "-P", "-t", name, text="x")
    metadata = json.loads(kcat(duolog, "-L", "-J"))
    assert [broker["name"] for broker in metadata["brokers"]] == [duolog.kafka]
    topic = next(t for t in metadata["topics"] if t["topic"] == name)
    assert len(topic["partitions"]) == 1


def test_offsets_are_asked_for_by_time(duolog, name):
    kcat(duolog, "-P", "-t", name, text="a\nb\nc\n")
    assert kcat(duolog, "-Q", "-t", f"{name}:0:0").strip() == f"{name} [0] offset 0"
    assert kcat(duolog, "-Q", "-t", f"{name}:0:-1").strip() == f"{name} [0] offset 3"


def test_the_last_messages(duolog, name):
    kcat(duolog, "-P", "-t", name, text="".join(f"{n}\n" for n in range(20)))
    assert kcat(duolog, "-C", "-t", name, "-o", "-3", "-e", "-q").split() == ["17", "18", "19"]


def test_a_group(duolog, name):
    kcat(duolog, "-P", "-t", name, text="one\ntwo\n")
    shown = kcat(duolog, "-G", f"{name}-group", name, "-e", "-q", "-X", "auto.offset.reset=earliest", "-c", "2")
    assert shown.split() == ["one", "two"]
