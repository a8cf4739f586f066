"""Fixtures of test files that share one configured server of each kind: the server, and the connections of its users."""

import pytest

from harness.nats_wire import Wire, opened_wires
from harness.server import Server


def server_of_each_kind(configuration: str):
    """Duolog and then nats-server with this configuration file; at the end of the tests it must still be running."""

    @pytest.fixture(scope="module", params=["duolog", "nats-server"])
    def server(request, tmp_path_factory):
        folder = tmp_path_factory.mktemp("configured")
        (folder / "server.conf").write_text(configuration)
        started = Server(request.param, folder, ["-c", str(folder / "server.conf")]).start()
        yield started
        assert started.is_running(), started.log[-5000:]
        started.kill()

    return server


def users(**always):
    """Opens connections of the `server`'s users by their names, with these options; each one's password is `p`."""

    @pytest.fixture
    def user(server):
        with opened_wires() as opened:

            def open_one(login, **options) -> Wire:
                return opened(server.nats_port).connect(**{"user": login, "pass": "p", "headers": True, **always, **options})

            yield open_one

    return user
