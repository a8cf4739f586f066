"""Start and end of the process, and what it says of itself."""

import json
import re
import signal
import socket
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from harness.nats_wire import Wire
from harness.server import DUOLOG, Server


def test_sigterm_ends_it_cleanly(own_duolog):
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("s")
        for number in range(50):
            wire.request("s.k", str(number))
    assert server.stop() == 0
    assert not list(server.folder.glob("*.ports")), "the ports file goes with the server"
    server.start()
    with Wire(server.nats_port) as wire:
        assert wire.connect(headers=True).api("STREAM.INFO.s")["state"]["messages"] == 50


def test_sigint_ends_it_cleanly(own_duolog):
    server = own_duolog()
    assert server._end(signal.SIGINT) == 0


def test_it_ends_while_clients_are_busy(own_duolog):
    server = own_duolog()
    wires = [Wire(server.nats_port).connect() for _ in range(20)]
    for wire in wires:
        wire.send("SUB a 1\r\n" + "PUB a 5\r\nhello\r\n" * 1000)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10


def test_start_time_and_idle_memory(own_duolog, report):
    """Both are reported. Time fails no test: the machine may be busy."""
    server = own_duolog()
    times = []
    for _ in range(5):
        server.kill()
        began = time.monotonic()
        server.launch()
        for port in (server.nats_port, server.kafka_port):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert time.monotonic() - began < 20
                    time.sleep(0.0005)
        times.append(time.monotonic() - began)
    report(f"start of an empty server to both ports open: {statistics.median(times) * 1000:.1f} ms")
    time.sleep(0.5)
    resident = server.resident_bytes()
    report(f"idle memory of an empty server: {resident / (1 << 20):.1f} MiB")
    assert resident < 24 << 20


def test_it_says_where_it_listens_and_what_it_recovered(own_duolog):
    server = own_duolog()
    log = server.log
    assert re.search(rf"Listening for client connections on 127\.0\.0\.1:{server.nats_port}", log)
    assert f"127.0.0.1:{server.kafka_port}" in log
    assert f"127.0.0.1:{server.http_port}" in log
    assert str(server.data) in log
    assert re.search(r"\b0 streams\b", log)
    assert "Server is ready" in log.strip().splitlines()[-1]
    line = re.compile(r"\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[(INF|WRN|ERR|FTL|DBG|TRC)\] ")
    assert all(line.match(text) for text in log.strip().splitlines()), "every line is as nats-server writes it"


def test_the_pid_file(own_duolog, tmp_path):
    server = own_duolog("-P", str(tmp_path / "pid"))
    assert (tmp_path / "pid").read_text() == str(server.pid)


def test_the_ports_file_has_all_three(own_duolog):
    server = own_duolog()
    content = json.loads((server.folder / f"duolog_{server.pid}.ports").read_text())
    assert content["nats"] == [f"nats://127.0.0.1:{server.nats_port}"]
    assert content["monitoring"] == [f"http://127.0.0.1:{server.http_port}"]
    assert content["kafka"] == [f"127.0.0.1:{server.kafka_port}"]


def test_the_version():
    for flag in ("-v", "--version"):
        done = subprocess.run([DUOLOG, flag], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0
        assert re.match(r"duolog: v\d+\.\d+\.\d+", done.stdout)


def test_an_unknown_flag_is_an_error():
    done = subprocess.run([DUOLOG, "--no-such-flag"], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "no-such-flag" in done.stderr + done.stdout


@pytest.mark.parametrize("flag", ["-D", "-V", "-DV"])
def test_flags_for_more_log_lines(own_duolog, flag):
    server = own_duolog(flag)
    with Wire(server.nats_port) as wire:
        wire.connect()
    assert server.is_running()


def test_health(own_duolog):
    server = own_duolog()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/healthz", timeout=10) as answer:
        assert answer.status == 200
        assert json.load(answer) == {"status": "ok"}


class TestUnderTheNameOfNatsServer:
    """Called `nats-server`, it does what nats-server would."""

    @pytest.fixture
    def start(self, tmp_path):
        link = tmp_path / "nats-server"
        link.symlink_to(DUOLOG)
        started = []

        def start(*arguments):
            class Renamed(Server):
                def command(self):
                    return [str(link), "-a", "127.0.0.1", "-p", str(self.ports["nats"]),
                            "--ports_file_dir", str(self.folder), *self.arguments]

            server = Renamed("duolog", tmp_path / f"run{len(started)}", arguments)
            started.append(server)
            return server.start()

        yield start
        for server in started:
            server.kill()

    def test_jetstream_and_kafka_are_off(self, start):
        server = start()
        assert server.kafka_port == -1
        with Wire(server.nats_port) as wire:
            assert not wire.info.get("jetstream")
            wire.connect(headers=True, no_responders=True)
            assert wire.request("$JS.API.INFO")[3].startswith(b"NATS/1.0 503")
            assert not Path(server.folder / "data").exists()

    def test_jetstream_is_on_when_asked_for(self, start, tmp_path):
        server = start("-js", "-sd", str(tmp_path / "store"))
        with Wire(server.nats_port) as wire:
            assert wire.info["jetstream"] is True
            assert "streams" in wire.connect(headers=True).api("INFO")

    def test_kafka_is_on_when_asked_for(self, start, tmp_path):
        server = start("-js", "-sd", str(tmp_path / "store"), "--kafka_port", "-1")
        assert server.kafka_port > 0


def test_the_log_shows_clients_and_their_commands_when_asked(own_duolog):
    server = own_duolog("-DV")
    with Wire(server.nats_port) as wire:
        wire.send('CONNECT {"pass":"secret","verbose":false}\r\n').send("SUB foo 1\r\nPUB foo 2\r\nhi\r\n")
        assert wire.message()[4] == b"hi"
    server.stop()
    assert "Client connection created" in server.log and "Client connection closed" in server.log
    assert "<<- [SUB foo 1]" in server.log and "<<- [PUB foo 2]" in server.log
    assert "secret" not in server.log
