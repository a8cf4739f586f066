"""Writes Tests/Golden/folder-format-1.tar.xz: a data folder of format 1, as a server left it that was killed.

    DUOLOG_BIN=<a server of commit c37b745, the last of that format> PYTHONPATH=Tests python Tests/Golden/folder_format_1.py

Its clock says 2025, through libfaketime, so that whoever opens it comes later. Nothing in it grows too old: the topic keeps
its records for ever, and its group has a member, whose absence counts from the next start on. `Tests/Faults/test_first_format.py` reads it.
"""

import glob
import json
import tarfile
import tempfile
from pathlib import Path

from confluent_kafka import TopicPartition

from harness.kafka import consumer, create_topic, produce, read
from harness.nats_wire import Wire, header_block
from harness.server import Server

ARCHIVE = Path(__file__).with_name("folder-format-1.tar.xz")


def fill(server: Server):
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)

        def api(subject, request):
            answer = wire.api(subject, request)
            assert "error" not in answer, answer

        def fetch(stream, durable, count):
            wire.send("SUB inbox 1\r\n")
            wire.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", json.dumps({"batch": count}), reply="inbox")
            subjects = [wire.message()[2] for _ in range(count)]
            wire.send("UNSUB 1\r\n").expect_nothing_more()
            return subjects

        api("STREAM.CREATE.ORDERS", {"name": "ORDERS", "subjects": ["orders.>"], "duplicate_window": 10**9 * 3600})
        for number in range(1, 21):
            headers = header_block(f"Nats-Msg-Id: id-{number}", "Colour: blue")
            answer = json.loads(wire.request(f"orders.{number % 3}", f"order {number}", headers)[4])
            assert answer["seq"] == number, answer
        api("STREAM.MSG.DELETE.ORDERS", {"seq": 5})
        durable = {"durable_name": "billing", "ack_policy": "explicit", "filter_subject": "orders.>"}
        api("CONSUMER.CREATE.ORDERS.billing", {"stream_name": "ORDERS", "config": durable})
        for subject in fetch("ORDERS", "billing", 10)[:6]:
            wire.request(subject, "+ACK")

        api("STREAM.CREATE.JOBS", {"name": "JOBS", "subjects": ["jobs"], "retention": "workqueue"})
        for number in range(1, 6):
            wire.request("jobs", f"job {number}")
        durable = {"durable_name": "worker", "ack_policy": "explicit"}
        api("CONSUMER.CREATE.JOBS.worker", {"stream_name": "JOBS", "config": durable})
        for subject in fetch("JOBS", "worker", 2):
            wire.request(subject, "+ACK")

    create_topic(server, "events", 2, **{"retention.ms": "-1"})
    for codec, numbers in [("none", range(20)), ("lz4", range(20, 40))]:
        produce(server, "events", [
            (b"key-%d" % number, b"event %d " % number * 5, [("number", b"%d" % number)], -1, number % 2)
            for number in numbers], compression_type=codec)


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server("duolog", Path(folder))
        server.environment = {
            "LD_PRELOAD": glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0], "FAKETIME": "@2025-01-01 12:00:00",
            "DONT_FAKE_MONOTONIC": "1"}
        server.launcher = ["env"]
        server.start()
        fill(server)
        # A member of the group until the end.
        member = consumer(server, "readers")
        member.subscribe(["events"])
        read(member, 40)
        offsets = [TopicPartition("events", 0, 7, metadata="seven"), TopicPartition("events", 1, 20)]
        member.commit(offsets=offsets, asynchronous=False)
        server.kill()
        assert "format 1\n" in (server.data / "format").read_text(), "this server is not of that time"
        with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
            archive.add(server.data, "data")
    print(f"{ARCHIVE}: {ARCHIVE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
