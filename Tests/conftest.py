"""Fixtures for all tests that talk to a real server."""

import asyncio
import inspect
import itertools
import socket
import subprocess

import pytest

pytest.register_assert_rewrite("harness")

from harness.nats_wire import Wire, opened_wires  # noqa: E402 (after the line above, so that its asserts explain themselves)
from harness.program import Program  # noqa: E402
from harness.server import Server  # noqa: E402

_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Lets a test be a coroutine."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def name():
    """A name that no other test of this run uses."""
    return f"t{next(_numbers)}"


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """Servers by kind, started when first asked for and shared by the tests of this run."""
    servers = {}

    def get(kind: str) -> Server:
        server = servers.get(kind)
        if server is None or not server.is_running():
            server = servers[kind] = Server(kind, tmp_path_factory.mktemp(kind)).start()
        return server

    yield get
    for server in servers.values():
        server.stop()


@pytest.fixture
def duolog(running):
    """Duolog, shared with other tests; afterwards it must still be running."""
    server = running("duolog")
    yield server
    assert server.is_running(), f"the server died:\n{server.log[-5000:]}"


@pytest.fixture(params=["duolog", "nats-server"])
def nats_server(request, running):
    """Duolog and then nats-server: a test that passes with both tests Duolog for the right thing."""
    server = running(request.param)
    yield server
    assert server.is_running(), f"the server died:\n{server.log[-5000:]}"


@pytest.fixture
def wire(nats_server):
    """Opens raw connections to the NATS port and closes them after the test."""
    yield from _wires(nats_server)


@pytest.fixture
def js(wire):
    """A raw connection that may use headers and hears of missing responders."""
    return wire(headers=True, no_responders=True)


@pytest.fixture
def duolog_wire(duolog):
    """As `wire`, for Duolog alone."""
    yield from _wires(duolog)


def _wires(server):
    with opened_wires() as opened:

        def open_one(**options) -> Wire:
            one = opened(server.nats_port)
            return one.connect(**options) if options.pop("connect", True) else one

        yield open_one


@pytest.fixture(params=["nats-server (duolog)", "nats-server"])
def program(request, tmp_path):
    """What is called nats-server, Duolog and then nats-server itself, to be started with the flags and files of a test."""
    program = Program(request.param, tmp_path)
    yield program
    program.stop()


@pytest.fixture
def own_duolog(tmp_path):
    """Starts servers of a test's own, each in its folder, and ends them after the test."""
    started = []

    def start(*arguments, folder=None, launch_only=False, **options) -> Server:
        server = Server("duolog", folder or tmp_path / f"server{len(started)}", arguments, **options)
        started.append(server)
        return server if launch_only else server.start()

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with room for little more than two files of the log."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=150M", "duolog-test", str(folder)], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def free_ports():
    """Three ports that were free a moment ago."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


_reports = []


@pytest.fixture
def report():
    """Takes a line for the end of the run: a measured figure, which no test asserts."""
    return _reports.append


def pytest_terminal_summary(terminalreporter):
    if _reports:
        terminalreporter.section("measured")
        for line in _reports:
            terminalreporter.write_line(line)
