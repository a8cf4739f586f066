"""Flags, files and signals of a server that runs: log lines, pid and ports files, reload, log files, lame duck."""

import ctypes
import json
import os
import re
import signal
import subprocess

import pytest

from harness.nats_wire import Wire
from harness.server import DUOLOG
from harness.waiting import until


CONF = 'listen: "127.0.0.1:-1"\nmax_payload: 1000\n'


def max_payload(server):
    with Wire(server.port) as wire:
        return wire.info["max_payload"]


def test_the_lines_of_a_start_and_an_end(program):
    server = program.start("-c", program.write(CONF))
    stamp = rf"\[{server.pid}\] \d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{{6}} \[INF\] "
    for text in ("Starting nats-server", r"Using configuration file: x\.conf \(sha256:[0-9a-f]{64}\)",
                 r"Listening for client connections on 127\.0\.0\.1:\d+", "Server is ready"):
        assert re.search("(?m)^" + stamp + text + "$", server.log), server.log
    assert server.send(signal.SIGTERM).wait() == 0
    for text in ('Trapped "terminated" signal', r"Initiating Shutdown\.\.\.", r"Server Exiting\.\."):
        assert re.search("(?m)^" + stamp + text + "$", server.log), server.log


def test_a_start_without_a_name_is_refused(tmp_path):
    """execve with no arguments at all: nothing says what to be, so nothing is opened or written."""
    def without_arguments():
        execv = ctypes.CDLL(None).execv
        execv(os.fsencode(DUOLOG), (ctypes.c_char_p * 1)(None))
        os._exit(99)

    ended = subprocess.run(["true"], preexec_fn=without_arguments, cwd=tmp_path, capture_output=True, timeout=20)
    assert ended.returncode == 1
    assert b"started without a name" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_sigint_ends_with_code_0(program):
    assert program.start("-p", "-1", "-a", "127.0.0.1").send(signal.SIGINT).wait() == 0


def test_nothing_but_nats_listens_unless_asked_for(program):
    server = program.start("-p", "-1", "-a", "127.0.0.1")
    assert len(re.findall(r"Listening for|Starting http monitor", server.log)) == 1
    with Wire(server.port) as wire:
        assert "jetstream" not in wire.info


def test_flags_count_more_than_the_file(program):
    server = program.start("-c", program.write(CONF + "server_name: file"), "--name", "flag", "--client_advertise=h:99", "-m", "-1")
    with Wire(server.port) as wire:
        assert wire.info["server_name"] == "flag" and wire.info["max_payload"] == 1000
    assert "Starting http monitor on 127.0.0.1:" in server.log


def test_pid_and_ports_files(program):
    server = program.start("-c", program.write(CONF + "pid_file: x.pid\nports_file_dir: './'\nhttp: \"127.0.0.1:-1\""))
    assert (program.folder / "x.pid").read_text() == str(server.pid)
    ports_file = program.folder / f"nats-server_{server.pid}.ports"
    # nats-server writes it a moment after it says that it is ready.
    until(lambda: ports_file.exists() and ports_file.read_text().endswith("}"))
    ports = json.loads(ports_file.read_text())
    assert ports["nats"] == [f"nats://127.0.0.1:{server.port}"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", ports["monitoring"][0])
    server.send(signal.SIGTERM).wait()
    assert not ports_file.exists()


def test_time_stamps_can_be_left_out(program):
    server = program.start("-p", "-1", "-a", "127.0.0.1", "-T=false")
    assert re.search(rf"(?m)^\[{server.pid}\] \[INF\] Server is ready$", server.log)


def test_a_port_that_is_taken_ends_the_start(program):
    taken = program.start("-p", "-1", "-a", "127.0.0.1").port
    code, _, error = program.run("-p", str(taken), "-a", "127.0.0.1")
    assert code == 1
    assert re.search(rf"\[FTL\] .*127\.0\.0\.1:{taken}", error), error


# ---- reload ---------------------------------------------------------------------------------------


def test_a_reload_takes_what_changed(program):
    server = program.start("-c", program.write(CONF))
    assert max_payload(server) == 1000
    program.write(CONF.replace("1000", "2000") + "debug: true")
    server.send(signal.SIGHUP).wait_for("Reloaded server configuration (sha256:")
    assert max_payload(server) == 2000
    server.wait_for("[DBG]")


def test_a_client_that_is_connected_gets_the_new_limit(program):
    server = program.start("-c", program.write(CONF))
    with Wire(server.port) as wire:
        wire.connect()
        program.write(CONF.replace("1000", "10"))
        server.send(signal.SIGHUP).wait_for("Reloaded server configuration")
        wire.send("PUB x 11\r\nhello world\r\n").expect("-ERR 'Maximum Payload Violation'\r\n")


@pytest.mark.parametrize("text, why", [
    ("foo: 1\n", 'x.conf:3:1: unknown field "foo"'), ("a = {", ""),
    ("server_name: other\n", "config reload not supported for"), ("max_pending: 1\n", ""),
])
def test_a_reload_that_cannot_be_changes_nothing(program, text, why):
    server = program.start("-c", program.write(CONF))
    program.write(CONF.replace("1000", "2000") + text)
    server.send(signal.SIGHUP).wait_for("[ERR] Failed to reload server configuration: " + why)
    assert max_payload(server) == 1000
    program.write(CONF.replace("1000", "3000"))
    server.send(signal.SIGHUP).wait_for("Reloaded server configuration")
    assert max_payload(server) == 3000


def test_without_a_file_there_is_nothing_to_reload(program):
    server = program.start("-p", "-1", "-a", "127.0.0.1").send(signal.SIGHUP)
    server.wait_for("[ERR] Failed to reload server configuration: can only reload config when a file is provided using -c or --config")


def test_signals_by_flag(program):
    server = program.start("-c", program.write(CONF + "pid_file: x.pid"))
    assert program.run("-sl", f"reload={server.pid}")[0] == 0
    server.wait_for("Reloaded server configuration")
    assert program.run("--signal", "reopen=x.pid")[0] == 0
    server.wait_for("File log re-open ignored, not a file logger")
    assert program.run("-sl=quit=x.pid")[0] == 0
    assert server.wait() == 0


# ---- the log file ---------------------------------------------------------------------------------


def test_a_log_file_is_opened_again_on_sigusr1(program):
    server = program.start_in_file("-l", "n.log", "-p", "-1", "-a", "127.0.0.1")
    log = program.folder / "n.log"
    log.rename(program.folder / "old.log")
    server.send(signal.SIGUSR1).wait_for("File log re-opened", path=log)
    server.send(signal.SIGTERM).wait()
    assert "Server is ready" not in log.read_text() and "Server Exiting.." in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o640


def test_a_log_file_that_is_full_is_put_aside_and_old_ones_go(program):
    server = program.start_in_file("-c", program.write(
        'listen: "127.0.0.1:-1"\ndebug: true\nlog_file: n.log\nlogfile_size_limit: 600\nlogfile_max_num: 3'))
    port = int(re.search(r"client connections on \S+:(\d+)", "".join(p.read_text() for p in program.folder.glob("n.log*"))).group(1))
    for _ in range(40):
        Wire(port).close()
    server.send(signal.SIGTERM).wait()
    files = sorted(program.folder.glob("n.log*"))
    assert len(files) == 3, files
    for backup in files[1:]:
        assert re.fullmatch(r"n\.log\.\d{4}(\.\d\d){5}\.\d{9}", backup.name)
        assert 600 < backup.stat().st_size < 1200
    assert re.search(r'\[INF\] Rotated log, backup saved as ".*n\.log\.', files[-1].read_text())
