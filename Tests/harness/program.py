"""Runs a server program with the flags and files of a test, as an operator would."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.nats_wire import VIOLATION, Wire, opened_wires
from harness.server import DUOLOG, nats_server_binary

SECONDS = 20


class Program:
    """A program in a folder of its own. Ends only what it started."""

    def __init__(self, kind: str, folder: Path):
        self.kind = kind
        self.folder = Path(folder)
        if kind == "nats-server":
            self.path = nats_server_binary()
        else:
            # Duolog under the name that it is called by.
            self.path = str(self.folder / kind.removesuffix(" (duolog)"))
            Path(self.path).symlink_to(DUOLOG)
        self.processes = []

    def write(self, text: str, name="x.conf") -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    def run(self, *arguments, env=None):
        """Runs to the end: exit code, standard output, standard error."""
        done = subprocess.run([self.path, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, env=env)
        return done.returncode, done.stdout, done.stderr

    def check(self, text, **options):
        """`-t` of a configuration with this text."""
        return self.run("-t", "-c", self.write(text), **options)

    def start(self, *arguments) -> "Running":
        running = Running(self, arguments)
        self.processes.append(running)
        return running.wait_for("Server is ready")

    def start_in_file(self, *arguments) -> "Running":
        """The same where lines go to `n.log`, or to files that were put aside."""
        running = Running(self, arguments)
        self.processes.append(running)
        deadline = time.monotonic() + SECONDS
        while not any("Server is ready" in path.read_text() for path in self.folder.glob("n.log*")):
            assert running.process.poll() is None and time.monotonic() < deadline, running.log
            time.sleep(0.005)
        return running

    def stop(self):
        for running in self.processes:
            running.end()


class Running:
    def __init__(self, program: Program, arguments):
        self.program = program
        self.log_path = program.folder / f"stderr-{len(program.processes)}"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program.path, *arguments], cwd=program.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def send(self, number: signal.Signals) -> "Running":
        self.process.send_signal(number)
        return self

    def wait_for(self, text: str, count=1, path=None) -> "Running":
        """Waits until the log has the text that often."""
        path = path or self.log_path
        deadline = time.monotonic() + SECONDS
        while not path.exists() or path.read_text(errors="replace").count(text) < count:
            if self.process.poll() is not None and self.log.count(text) < count:
                raise AssertionError(f"exit code {self.process.returncode} before {text!r}:\n{self.log}")
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.log}"
            time.sleep(0.005)
        return self

    def wait(self) -> int:
        return self.process.wait(timeout=SECONDS)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def port(self) -> int:
        """Of NATS clients."""
        return int(re.search(r"Listening for client connections on \S+:(\d+)", self.log).group(1))

    @property
    def http_port(self) -> int:
        """Of monitoring."""
        return int(re.search(r"Starting http monitor on \S+:(\d+)", self.log).group(1))


class Serving:
    """A program that runs with a configuration, and connections to it."""

    def __init__(self, program: Program, opened, configuration: str):
        self.program, self.opened = program, opened
        self.running = program.start("-c", program.write(configuration))

    def raw(self) -> Wire:
        """A connection that has said nothing yet."""
        return self.opened(self.running.port, timeout=8)

    def turns_away(self, wire: Wire, last=VIOLATION, **options):
        """CONNECT with these options is answered with this, and the end."""
        wire.send(f"CONNECT {json.dumps(options)}\r\nPING\r\n").expect_closed(last)

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.running.port}"


def serving(kind=Serving):
    """A fixture: starts the `program` with a configuration, as this kind of `Serving`."""

    @pytest.fixture
    def serve(program):
        with opened_wires() as opened:
            yield lambda configuration: kind(program, opened, configuration)

    return serve
