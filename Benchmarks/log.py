"""The log beside nats-server and beside what the disk itself can do: the same load from logload.c, in turns.

nats-server runs twice: as it comes, when it syncs every two minutes and answers before, and with `sync_interval: always`.
Duolog answers after its fdatasync, but in the section of the durability classes. The disk is that of the repository's .build. In the environment: SCALE (1) of the
number of messages, ONLY a part of a section's name.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from measure import cpu_seconds, kernel_seconds, running

from harness.kafka import create_topic
from harness.nats_wire import Wire

SCALE = float(os.environ.get("SCALE", "1"))
ONLY = os.environ.get("ONLY", "")
BUILD = Path(__file__).resolve().parents[1] / ".build"


def scaled(count, least=1):
    return max(least, int(count * SCALE))


class Load:
    """logload, compiled by whatever C compiler there is."""

    def __init__(self, folder):
        self.path = Path(folder) / "logload"
        compiler = shutil.which("cc") or shutil.which("clang")
        source = Path(__file__).with_name("logload.c")
        subprocess.run([compiler, "-O2", "-pthread", "-D_GNU_SOURCE", "-o", self.path, source], check=True)

    def __call__(self, *arguments):
        output = subprocess.run([self.path, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
        return [float(field) for field in output.split()]


def make_streams(server, count, **config):
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        for number in range(count):
            name = f"b{number}"
            answer = wire.api(f"STREAM.CREATE.{name}", {
                "name": name, "subjects": [f"{name}.>"], "storage": "file", **config})
            assert "error" not in answer, answer


@contextmanager
def servers():
    """Name and a way to start it: each measurement gets a fresh one."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "always.conf"
        config.write_text("jetstream {\n  sync_interval: always\n}\n")
        yield [("duolog", "duolog", ()), ("nats-server", "nats-server", ()),
               ("nats-server, always", "nats-server", ("-c", str(config)))]


def written_bytes(server):
    """What the process had the disk write."""
    for line in Path(f"/proc/{server.pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise AssertionError("no write_bytes")


def line(what, who, *figures):
    print(f"{what:44} {who:20} " + "  ".join(figures), flush=True)


def disk(load, size, count):
    seconds, total, median, late = load("disk", BUILD / "disktest", size, count)
    line(f"write + fdatasync, {size} B", "disk", f"{total / size / seconds:11,.0f} /s", f"{total / seconds / 1e6:8.1f} MB/s",
         f"p50 {median / 1000:6.2f} ms", f"p99 {late / 1000:6.2f} ms")


def publish(load, kinds):
    """JetStream, 128 B: as fast as it goes, at half of that for the time to the answer, and one at a time."""
    disk(load, 4096, scaled(10_000))
    for publishers in (1, 8):
        for name, kind, arguments in kinds:
            count = scaled(400_000 if "always" not in name else 8_000) // publishers
            with running(kind, arguments) as server:
                make_streams(server, 1)
                cpu = cpu_seconds(server)
                seconds, done, *_ = load("publish", server.nats_port, publishers, 128, count, 2000)
                cpu = cpu_seconds(server) - cpu
                rate = done / seconds
                half = load("publish", server.nats_port, publishers, 128, max(1, int(count / 2)), 2000, 1, 1, int(rate / 2 / publishers))
            line(f"async publish, 128 B, {publishers} publishers", name, f"{rate:11,.0f} /s", f"{cpu / done * 1e6:8.2f} µs CPU",
                 f"at half load p50 {half[2] / 1000:6.2f} ms  p99 {half[3] / 1000:6.2f} ms")
    for name, kind, arguments in kinds:
        with running(kind, arguments) as server:
            make_streams(server, 1)
            seconds, done, median, late = load("publish", server.nats_port, 1, 128, scaled(16_000), 1)
        line("sync publish, 128 B", name, f"{done / seconds:11,.0f} /s", f"p50 {median / 1000:6.2f} ms  p99 {late / 1000:6.2f} ms")


def classes(load, kinds):
    """What less durability is worth: JetStream and Kafka in each durability class."""
    for name, config, settings in (
            ("sync", {}, {}), ("interval", {"persist_mode": "async"}, {"flush.ms": "60000"}), ("memory", {"storage": "memory"}, None)):
        for kind in ("duolog", "nats-server"):
            count = scaled(400_000) // 8
            with running(kind) as server:
                make_streams(server, 1, **config)
                cpu = cpu_seconds(server)
                seconds, done, *_ = load("publish", server.nats_port, 8, 128, count, 2000)
                cpu = cpu_seconds(server) - cpu
                one = load("publish", server.nats_port, 1, 128, scaled(16_000), 1)
            line(f"{name}: async publish, 128 B, 8 publishers", kind, f"{done / seconds:11,.0f} /s",
                 f"{cpu / done * 1e6:8.2f} µs CPU", f"one at a time {one[1] / one[0]:9,.0f} /s  p50 {one[2] / 1000:6.3f} ms")
        if settings is None:
            continue
        with running("duolog") as server:
            create_topic(server, "bench", 1, **settings)
            seconds, records = load("produce", server.kafka_port, "bench", 1, 1024, 65536, scaled(8_000), 64)
            line(f"{name}: Kafka produce, 1 KiB in batches of 64 KiB", "duolog", f"{records / seconds:11,.0f} /s",
                 f"{records * 1024 / seconds / 1e6:8.1f} MB/s")


def kafka(load, kinds):
    """Produce in batches of 64 KiB, and fetch of what is no longer in memory, over loopback."""
    disk(load, 1 << 20, scaled(300))
    batches = scaled(12_000)
    with running("duolog") as server:
        create_topic(server, "bench", 1)
        cpu, disk_bytes = cpu_seconds(server), written_bytes(server)
        seconds, records = load("produce", server.kafka_port, "bench", 1, 1024, 65536, batches, 64)
        cpu = cpu_seconds(server) - cpu
        size = batches * 65536
        line("Kafka produce, 1 KiB in batches of 64 KiB", "duolog", f"{records / seconds:11,.0f} /s",
             f"{size / seconds / 1e6:8.1f} MB/s", f"{cpu / records * 1e6:6.2f} µs CPU")
        time.sleep(2)
        line("bytes written for each byte acknowledged", "duolog", f"{(written_bytes(server) - disk_bytes) / size:11.2f}")
        for _ in range(2):
            cpu, kernel = cpu_seconds(server), kernel_seconds(server)
            # What is still in the write-ahead log is no old data.
            seconds, got = load("fetch", server.kafka_port, "bench", 0, max(int(size * 0.5), size - (200 << 20)))
            cpu, kernel = cpu_seconds(server) - cpu, kernel_seconds(server) - kernel
            line("Kafka fetch of old data", "duolog", f"{got / seconds / 1e9:11.2f} GB/s", f"{cpu / got * 1e9:8.3f} s CPU/GB",
                 f"{kernel / max(cpu, 1e-9) * 100:4.0f} % of it in the kernel")


def many_logs(load, kinds):
    """Batches of 1 KiB, to one log and to 10,000 in turns."""
    rates = {}
    batches = scaled(60_000)
    for partitions in (1, 10_000):
        with running("duolog") as server:
            create_topic(server, "bench", partitions)
            seconds, records = load("produce", server.kafka_port, "bench", partitions, 1024, 1024, batches, 512)
            rates[partitions] = records / seconds
            line(f"batches of 1 KiB to {partitions} logs", "duolog", f"{rates[partitions]:11,.0f} /s")
    line("10,000 logs beside one", "duolog", f"{rates[10_000] / rates[1] * 100:11.0f} %")


def start(load, kinds):
    """Ten million messages (times SCALE) in 100 streams: starts after a clean stop and after kill -9."""
    for name, kind, arguments in kinds[:2]:
        with running(kind, arguments) as server:
            make_streams(server, 100)
            load("publish", server.nats_port, 4, 128, scaled(10_000_000) // 4, 2000, 100, 10)
            time.sleep(2)
            server.kill()
            server.start()
            killed = server.seconds_to_ready
            server.stop()
            server.start()
            line(f"start with {scaled(10_000_000):,} messages in 100 streams", name, f"clean {server.seconds_to_ready * 1000:8.0f} ms",
                 f"after kill -9 {killed * 1000:8.0f} ms")


def memory(load, kinds):
    """Ten million messages (times SCALE) of 128 B on 1,000 subjects of one stream."""
    for name, kind, arguments in kinds[:2]:
        with running(kind, arguments) as server:
            make_streams(server, 1)
            before = written_bytes(server)
            load("publish", server.nats_port, 4, 128, scaled(10_000_000) // 4, 2000, 1, 1000)
            time.sleep(2)
            resident = server.resident_bytes()
            with Wire(server.nats_port) as wire:
                state = wire.connect(headers=True).api("STREAM.INFO.b0")["state"]
            assert state["messages"] == scaled(10_000_000) // 4 * 4, json.dumps(state)
            line(f"memory with {state['messages']:,} messages on 1,000 subjects", name, f"{resident / (1 << 20):11.1f} MiB",
                 f"{(written_bytes(server) - before) / state['bytes']:6.2f} bytes written for each byte stored")


def subjects(load, kinds):
    """Messages of 128 B, each on a subject of its own of 20 B: the memory that the subjects take, beside as many messages on one, and
    starts. nats-server with the smaller number only: it takes minutes."""
    for count, servers in ((scaled(1_000_000), kinds[:2]), (scaled(10_000_000), kinds[:1])):
        for name, kind, arguments in servers:
            resident = {}
            for distinct in (1, count):
                with running(kind, arguments) as server:
                    make_streams(server, 1)
                    load("publish", server.nats_port, 1, 128, count, 2000, 1, distinct, 0, 17)
                    with Wire(server.nats_port) as wire:
                        state = wire.connect(headers=True).api("STREAM.INFO.b0")["state"]
                    assert (state["messages"], state["num_subjects"]) == (count, distinct), json.dumps(state)
                    time.sleep(5)
                    resident[distinct] = server.resident_bytes()
                    if distinct == 1:
                        continue
                    server.kill()
                    server.start()
                    killed = server.seconds_to_ready
                    server.stop()
                    server.start()
                    time.sleep(1)
                    line(f"{count:,} subjects of one stream", name, f"{resident[count] / (1 << 20):11.1f} MiB",
                         f"{(resident[count] - resident[1]) / count:8.1f} B for each",
                         f"started clean {server.seconds_to_ready * 1000:8.0f} ms  after kill -9 {killed * 1000:8.0f} ms",
                         f"then {server.resident_bytes() / (1 << 20):8.1f} MiB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, servers() as kinds:
        load = Load(folder)
        for section in (publish, classes, kafka, many_logs, start, memory, subjects):
            if ONLY in section.__name__:
                section(load, kinds)
