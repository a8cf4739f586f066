"""What the benchmarks share: servers to compare, and what a run cost them."""

import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests"))

from harness.server import Server  # noqa: E402 (found through the line above)


@contextmanager
def running(kind: str, arguments=()):
    """A fresh server of this kind, with its data on the disk of the repository."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).resolve().parents[1] / ".build") as folder:
        server = Server(kind, Path(folder), arguments).start()
        try:
            yield server
        finally:
            server.kill()


def cpu_seconds(server: Server) -> float:
    """User and system time of the server until now."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kernel_seconds(server: Server) -> float:
    """System time of the server until now."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[12]) / os.sysconf("SC_CLK_TCK")


@contextmanager
def measured(label: str, server: Server, count: int, size: int):
    """Prints the throughput of what happens inside, and the server's CPU time for each message."""
    cpu, began = cpu_seconds(server), time.monotonic()
    yield
    seconds, cpu = time.monotonic() - began, cpu_seconds(server) - cpu
    print(f"{label:34} {server.kind:12} {count / seconds:12,.0f} msg/s {count * size / seconds / 1e6:8.1f} MB/s "
          f"{cpu / count * 1e6:8.3f} µs CPU/msg", flush=True)
