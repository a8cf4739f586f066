#!/usr/bin/env python3
"""Core NATS speed: Duolog against nats-server, same load, one after the other.

    bench.py <duolog command…> -- <nats-server command…>

Each command gets `-a 127.0.0.1 -p <port>` appended. Rounds alternate between the servers; the medians are shown:
messages per second as the clients saw them, and the server's own processor time per message, which a busy machine
disturbs less.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SCALE = float(os.environ.get("SCALE", "1"))
ONLY = os.environ.get("ONLY", "")
WORKLOADS = [
    ("pub only, 16 B", ["pub", 1, 16, 4_000_000]),
    ("pub only, 128 B", ["pub", 1, 128, 2_000_000]),
    ("1 to 1, 16 B", ["pairs", 1, 16, 3_000_000]),
    ("1 to 1, 128 B", ["pairs", 1, 128, 2_000_000]),
    ("1 to 1, 1024 B", ["pairs", 1, 1024, 500_000]),
    ("4 pairs, 128 B", ["pairs", 4, 128, 500_000]),
    ("4 pairs, 128 B, 1000 subjects", ["pairs", 4, 128, 500_000, 1000]),
    ("1 to 8, 16 B", ["fan", 8, 16, 500_000]),
    ("1 to 8, 128 B", ["fan", 8, 128, 400_000]),
    ("1 to 8, 1024 B", ["fan", 8, 1024, 60_000]),
    ("request-reply, 1 client, 128 B", ["request", 1, 128, 20_000]),
    ("request-reply, 16 clients, 128 B", ["request", 16, 128, 5_000]),
]


class Server:
    def __init__(self, command, load):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.load = load
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [*command, "-a", "127.0.0.1", "-p", str(self.port)], cwd=self.folder.name,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.01)
        raise SystemExit(f"{command[0]} does not listen")

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def run(self, workload):
        mode, count, payload, messages, *rest = workload
        messages = max(1, int(messages * SCALE))
        before = self.cpu()
        out = subprocess.run(
            [str(self.load), str(self.port), mode, *map(str, [count, payload, messages, *rest])],
            check=True, capture_output=True, text=True).stdout.split()
        seconds, published, delivered = float(out[0]), int(out[1]), int(out[2])
        time.sleep(0.05)
        done = max(published, delivered)
        return done / seconds, (self.cpu() - before) / done * 1e6

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main():
    split = sys.argv.index("--")
    ours, theirs = sys.argv[1:split], sys.argv[split + 1:]
    with tempfile.TemporaryDirectory() as folder:
        load = Path(folder) / "natsload"
        subprocess.run(["cc", "-O2", "-pthread", "-o", load, HERE / "natsload.c"], check=True)
        servers = [Server(ours, load), Server(theirs, load)]
        print(f"{'workload':36} {'duolog msg/s':>14} {'nats msg/s':>14} {'ratio':>6}"
              f" {'duolog µs/msg':>14} {'nats µs/msg':>12} {'ratio':>6}")
        try:
            for name, workload in WORKLOADS:
                if ONLY not in name:
                    continue
                results = [[], []]
                for _ in range(ROUNDS):
                    for index, server in enumerate(servers):
                        results[index].append(server.run(workload))
                rate = [statistics.median(r[0] for r in result) for result in results]
                cpu = [statistics.median(r[1] for r in result) for result in results]
                print(f"{name:36} {rate[0]:14,.0f} {rate[1]:14,.0f} {rate[0] / rate[1]:6.2f}"
                      f" {cpu[0]:14.3f} {cpu[1]:12.3f} {cpu[1] / max(cpu[0], 1e-9):6.2f}", flush=True)
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    main()
