"""Types the session of README.md into a shell, as it stands there, and compares what comes back."""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.server import DUOLOG, REPOSITORY


def session():
    """The commands of all `console` blocks with the lines that the README says they print."""
    text = (REPOSITORY / "README.md").read_text()
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


class Terminal:
    """One shell with job control. What it prints is read line by line."""

    def __init__(self, folder: Path, environment: dict):
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=folder, env={**os.environ, **environment}, start_new_session=True)
        self.held = b""
        self.shown = []
        self.type("set -m")

    def type(self, command: str):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def wait_for(self, pattern: str, seconds=120):
        """Reads on until a line matches."""
        deadline = time.monotonic() + seconds
        while True:
            while b"\n" in self.held:
                line, self.held = self.held.split(b"\n", 1)
                self.shown.append(line.decode(errors="replace"))
                if found := re.fullmatch(pattern, self.shown[-1]):
                    return found
            left = deadline - time.monotonic()
            shown = "\n".join(self.shown[-40:])
            assert left > 0, f"no line like {pattern!r}:\n{shown}"
            if select.select([self.process.stdout], [], [], left)[0]:
                more = os.read(self.process.stdout.fileno(), 1 << 16)
                assert more, f"the shell ended before a line like {pattern!r}:\n{shown}"
                self.held += more

    def end(self):
        """Ends the shell and everything that it started: all processes of its session."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                session_ = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[3])
            except (OSError, IndexError):
                continue
            if session_ == self.process.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(entry.name), signal.SIGKILL)
        self.process.wait(20)


@pytest.fixture
def terminal(tmp_path, free_ports):
    """A folder with the examples and a `./dev` that runs the server under test on free ports."""
    (tmp_path / "Examples").symlink_to(REPOSITORY / "Examples")
    nats, kafka, http = free_ports
    dev = tmp_path / "dev"
    dev.write_text(
        f'#!/bin/sh\n[ "$1" = run ] && exec {DUOLOG} -a 127.0.0.1 -p {nats} --kafka_port {kafka} -m {http}\n')
    dev.chmod(0o755)
    shell = Terminal(tmp_path, {
        "NATS_URL": f"nats://127.0.0.1:{nats}", "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    shell.kafka = f"127.0.0.1:{kafka}"
    yield shell
    shell.end()


def as_pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("…"))


@pytest.mark.timeout(400)
@pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")
def test_the_session_of_the_readme_as_written(terminal):
    commands = session()
    assert len(commands) >= 9
    for number, (command, expected) in enumerate(commands):
        before = len(terminal.shown)
        terminal.type(command.replace("localhost:9092", terminal.kafka))
        terminal.type(f"echo done-{number} $?")
        for line in expected:
            terminal.wait_for(as_pattern(line))
        if command.startswith("./dev run"):
            continue  # a job in the background: its exit code comes with `wait`
        code = next((re.fullmatch(rf"done-{number} (\d+)", s) for s in terminal.shown[before:]
                     if s.startswith(f"done-{number} ")), None) or terminal.wait_for(rf"done-{number} (\d+)")
        assert code.group(1) == "0", f"{command}\n" + "\n".join(terminal.shown[before:])
        # The server's log and the shell's word of ended jobs come when they come.
        printed = [s for s in terminal.shown[before:] if not re.match(r"\[\d+\]|done-|.*Killed", s)]
        assert len(printed) == len([line for line in expected if not line.startswith("…")]), printed
