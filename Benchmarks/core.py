"""Core NATS beside nats-server: the same load from natsload.c, in turns, both servers with two threads.

Shown are the medians of the rounds: messages a second as the clients saw them, and the server's own processor time for
each, which a busy machine disturbs less. A row that misses its target is marked with the target. In the environment: ROUNDS
(3), SCALE (1) of the number of messages, ONLY a part of a workload's name, MARKDOWN=1 for tables as in docs/benchmarks.md.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import cpu_seconds, running

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SCALE = float(os.environ.get("SCALE", "1"))
ONLY = os.environ.get("ONLY", "")
MARKDOWN = bool(os.environ.get("MARKDOWN"))

USERS = """
authorization {
  users: [{
    user: bench, password: bench
    permissions: {
      publish: {allow: ["*.>", "_INBOX.>"], deny: ["secret.>", "internal.*.admin"]}
      subscribe: {allow: ["*.>", "_INBOX.>"], deny: "secret.>"}
    }
  }]
}
"""


@dataclass
class Workload:
    name: str
    mode: str
    count: int
    size: int
    messages: int
    #: How many times as fast as nats-server, and as cheap, it ought to be at least.
    faster: float
    cheaper: float = 0
    subjects: int = 1
    setup: str = "plain"


THROUGHPUT = [
    Workload("publish only, 16 B", "pub", 1, 16, 4_000_000, 5),
    Workload("publish only, 128 B", "pub", 1, 128, 2_000_000, 3, 3),
    Workload("publish only, 1 KiB", "pub", 1, 1024, 500_000, 1.5),
    Workload("1 to 1, 16 B", "pairs", 1, 16, 3_000_000, 5),
    Workload("1 to 1, 128 B", "pairs", 1, 128, 2_000_000, 3, 3),
    Workload("1 to 1, 1 KiB", "pairs", 1, 1024, 500_000, 1.5),
    Workload("1 to 8, 16 B", "fan", 8, 16, 500_000, 5),
    Workload("1 to 8, 128 B", "fan", 8, 128, 400_000, 3, 3),
    Workload("1 to 8, 1 KiB", "fan", 8, 1024, 60_000, 1.5),
    Workload("1 to 64, 16 B", "fan", 64, 16, 80_000, 5),
    Workload("1 to 64, 128 B", "fan", 64, 128, 60_000, 3, 3),
    Workload("4 pairs, 16 B", "pairs", 4, 16, 800_000, 5),
    Workload("4 pairs, 128 B", "pairs", 4, 128, 500_000, 3, 3),
    Workload("4 pairs, 1 KiB", "pairs", 4, 1024, 120_000, 1.5),
    Workload("16 pairs, 128 B", "pairs", 16, 128, 120_000, 3, 3),
    Workload("4 pairs, 1,000 subjects each, 128 B", "pairs", 4, 128, 500_000, 3, 3, subjects=1000),
    Workload("100,000 wildcards, no subject twice, 128 B", "wild", 100_000, 128, 1_500_000, 2),
    Workload("connections that come and go", "churn", 8, 0, 1_000, 1, 1),
    Workload("SUB and UNSUB", "subs", 8, 0, 300, 1, 1),
    Workload("users with permissions: publish only, 128 B", "pub", 1, 128, 2_000_000, 1.5, setup="users"),
    Workload("users with permissions: 1 to 1, 128 B", "pairs", 1, 128, 2_000_000, 1.5, setup="users"),
    Workload("users with permissions: 4 pairs, 128 B", "pairs", 4, 128, 500_000, 1.5, setup="users"),
    Workload("TLS: publish only, 128 B", "pub", 1, 128, 2_000_000, 1.5, setup="tls"),
    Workload("TLS: 1 to 1, 16 B", "pairs", 1, 16, 2_000_000, 1.5, setup="tls"),
    Workload("TLS: 1 to 1, 128 B", "pairs", 1, 128, 1_000_000, 1.5, setup="tls"),
    Workload("TLS: 1 to 1, 1 KiB", "pairs", 1, 1024, 200_000, 1.5, setup="tls"),
    Workload("TLS: 1 to 8, 128 B", "fan", 8, 128, 150_000, 1.5, setup="tls"),
    Workload("TLS: 4 pairs, 128 B", "pairs", 4, 128, 300_000, 1.5, setup="tls"),
]

#: Here `faster` is for the median and the 99th percentile of the time to an answer: 1 / 0.8.
REQUESTS = [
    Workload("request-reply, 1 client, 128 B", "request", 1, 128, 20_000, 1.25, 1 / 0.6),
    Workload("request-reply, 16 clients, 128 B", "request", 16, 128, 5_000, 1.25, 1 / 0.6),
    Workload("TLS: request-reply, 16 clients, 128 B", "request", 16, 128, 5_000, 1, 1.5, setup="tls"),
]

IDLE_CONNECTIONS = 10_000


def build(folder: str) -> Path:
    """The load generator, compiled by whatever C compiler there is."""
    compiler = shutil.which("cc") or shutil.which("clang")
    load = Path(folder) / "natsload"
    source = Path(__file__).with_name("natsload.c")
    subprocess.run([compiler, "-O2", "-pthread", "-o", load, source, "-lssl", "-lcrypto"], check=True)
    return load


def environment(setup: str) -> dict:
    more = {"users": {"NATSLOAD_USER": "bench", "NATSLOAD_PASSWORD": "bench"}, "tls": {"NATSLOAD_TLS": "1"}}
    return {**os.environ, **more.get(setup, {})}


def tls_block(folder: Path) -> str:
    """With a certificate of P-256, made for this run."""
    files = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return f'tls {{ cert_file: "{files[0]}", key_file: "{files[1]}" }}\n'


class Bench:
    """The servers that run, by setup, and what is measured with them."""

    def __init__(self, stack: ExitStack, folder: str):
        self.stack, self.folder = stack, folder
        self.load = build(folder)
        self.pairs = {}

    def servers(self, setup: str):
        """Duolog and nats-server with this setup."""
        if setup not in self.pairs:
            arguments = []
            if setup != "plain":
                config = Path(self.folder) / f"{setup}.conf"
                config.write_text(USERS if setup == "users" else tls_block(Path(self.folder)))
                arguments = ["-c", str(config)]
            self.pairs[setup] = [
                self.stack.enter_context(running(kind, arguments)) for kind in ("duolog", "nats-server")]
        return self.pairs[setup]

    def once(self, workload: Workload, server) -> list[float]:
        """Messages a second, microseconds of the server's processor time for each, and percentiles if there are any."""
        before = cpu_seconds(server)
        messages = max(1, int(workload.messages * SCALE))
        arguments = [server.nats_port, workload.mode, workload.count, workload.size, messages, workload.subjects]
        output = subprocess.run([self.load, *map(str, arguments)], check=True, capture_output=True, text=True,
                                env=environment(workload.setup)).stdout
        seconds, published, delivered, *percentiles = map(float, output.split())
        time.sleep(0.05)
        done = max(published, delivered)
        return [done / seconds, (cpu_seconds(server) - before) / done * 1e6, *percentiles]

    def medians(self, workload: Workload):
        """For each server, in turns."""
        servers = self.servers(workload.setup)
        rounds = [[self.once(workload, server) for server in servers] for _ in range(ROUNDS)]
        return [[statistics.median(values) for values in zip(*(one[index] for one in rounds))] for index in (0, 1)]

    @contextmanager
    def idle(self, server):
        """Many connections that do nothing."""
        before = server.resident_bytes()
        arguments = [server.nats_port, "idle", IDLE_CONNECTIONS, 0, 0]
        process = subprocess.Popen([self.load, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.5)
            yield (server.resident_bytes() - before) / IDLE_CONNECTIONS
        finally:
            process.stdin.close()
            process.wait()


def row(cells, widths):
    if MARKDOWN:
        print("| " + " | ".join(cells) + " |", flush=True)
    else:
        print(f"{cells[0]:{widths[0]}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:])),
              flush=True)


def head(cells, widths):
    row(cells, widths)
    if MARKDOWN:
        row(["---"] * len(cells), widths)


def ratio(value: float, target: float) -> str:
    return f"{value:.1f} ×" if value >= target else f"{value:.1f} × (target {target:.1f})"


def throughput(bench: Bench):
    chosen = [one for one in THROUGHPUT if ONLY in one.name]
    if not chosen:
        return
    widths = [46, 15, 12, 15, 12, 22, 22]
    head(["", "duolog", "", "nats-server", "", "faster", "cheaper"], widths)
    for workload in chosen:
        (rate, cpu), (other_rate, other_cpu) = bench.medians(workload)
        row([workload.name, f"{rate:,.0f}/s", f"{cpu:.3f} µs", f"{other_rate:,.0f}/s", f"{other_cpu:.3f} µs",
             ratio(rate / other_rate, workload.faster), ratio(other_cpu / max(cpu, 1e-9), workload.cheaper)], widths)


def requests(bench: Bench):
    chosen = [one for one in REQUESTS if ONLY in one.name]
    if not chosen:
        return
    print()
    widths = [36, 24, 10, 24, 10, 22, 22, 22]
    head(["", "duolog p50/p99/p99.9 µs", "CPU", "nats-server", "CPU", "p50", "p99", "cheaper"], widths)
    for workload in chosen:
        ours, theirs = bench.medians(workload)
        row([workload.name, "/".join(f"{value:.0f}" for value in ours[2:]), f"{ours[1]:.1f} µs",
             "/".join(f"{value:.0f}" for value in theirs[2:]), f"{theirs[1]:.1f} µs",
             *(ratio(theirs[index] / ours[index], workload.faster) for index in (2, 3)),
             ratio(theirs[1] / max(ours[1], 1e-9), workload.cheaper)], widths)


def memory(bench: Bench):
    name = f"{IDLE_CONNECTIONS:,} idle connections"
    if ONLY not in name:
        return
    figures = []
    for kind in ("duolog", "nats-server"):
        with running(kind) as server, bench.idle(server) as each:
            figures.append(each)
    print(f"\n{name}: {figures[0] / 1024:.2f} KiB each, nats-server {figures[1] / 1024:.2f} KiB: "
          f"{figures[0] / figures[1]:.2f} × (target 0.3)", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(stack, folder)
        throughput(bench)
        requests(bench)
        memory(bench)
