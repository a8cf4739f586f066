"""Core NATS beside nats-server: the same load from natsload.c, in turns.

Shown are the medians of the rounds: messages a second as the clients saw them, and the server's own processor time for
each, which a busy machine disturbs less. In the environment: ROUNDS (3), SCALE (1) of the number of messages, ONLY a part
of a workload's name.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from measure import cpu_seconds, running

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SCALE = float(os.environ.get("SCALE", "1"))
ONLY = os.environ.get("ONLY", "")
WORKLOADS = [
    ("pub only, 16 B", "pub", 1, 16, 4_000_000),
    ("pub only, 128 B", "pub", 1, 128, 2_000_000),
    ("1 to 1, 16 B", "pairs", 1, 16, 3_000_000),
    ("1 to 1, 128 B", "pairs", 1, 128, 2_000_000),
    ("1 to 1, 1024 B", "pairs", 1, 1024, 500_000),
    ("4 pairs, 128 B", "pairs", 4, 128, 500_000),
    ("4 pairs, 128 B, 1000 subjects each", "pairs", 4, 128, 500_000, 1000),
    ("1 to 8, 16 B", "fan", 8, 16, 500_000),
    ("1 to 8, 128 B", "fan", 8, 128, 400_000),
    ("1 to 8, 1024 B", "fan", 8, 1024, 60_000),
    ("request-reply, 1 client, 128 B", "request", 1, 128, 20_000),
    ("request-reply, 16 clients, 128 B", "request", 16, 128, 5_000),
]


def build(folder: str) -> Path:
    """The load generator, compiled by whatever C compiler there is."""
    compiler = shutil.which("cc") or shutil.which("clang")
    load = Path(folder) / "natsload"
    source = Path(__file__).with_name("natsload.c")
    subprocess.run([compiler, "-O2", "-pthread", "-o", load, source], check=True)
    return load


def run(load: Path, server, mode: str, count: int, size: int, messages: int, *more) -> tuple[float, float]:
    """Messages a second, and microseconds of the server's processor time for each."""
    before = cpu_seconds(server)
    arguments = [server.nats_port, mode, count, size, max(1, int(messages * SCALE)), *more]
    output = subprocess.run([load, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
    seconds, published, delivered = map(float, output.split())
    time.sleep(0.05)
    done = max(published, delivered)
    return done / seconds, (cpu_seconds(server) - before) / done * 1e6


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, running("duolog") as duolog, running("nats-server") as other:
        load = build(folder)
        print(f"{'':34} {'duolog':>25} {'nats-server':>25} {'duolog is':>22}")
        for name, *workload in WORKLOADS:
            if ONLY not in name:
                continue
            rounds = [[run(load, server, *workload) for server in (duolog, other)] for _ in range(ROUNDS)]
            (rate, cpu), (other_rate, other_cpu) = (
                [statistics.median(one[index][value] for one in rounds) for value in (0, 1)] for index in (0, 1))
            print(f"{name:34} {rate:11,.0f}/s {cpu:6.3f} µs {other_rate:12,.0f}/s {other_cpu:6.3f} µs"
                  f" {rate / other_rate:6.1f} × as fast, {other_cpu / max(cpu, 1e-9):4.1f} × as cheap", flush=True)
