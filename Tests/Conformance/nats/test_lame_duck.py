"""SIGUSR2: the server lets its clients go and ends, in the words and the order of nats-server."""

import json
import signal
import time

import pytest

from harness.nats_wire import Wire
from harness.server import Server


@pytest.mark.parametrize("kind", ["duolog", "nats-server"])
def test_clients_are_told_and_let_go_and_the_server_ends(kind, tmp_path):
    config = tmp_path / "lame.conf"
    config.write_text("lame_duck_duration: 30s\nlame_duck_grace_period: 1s\n")
    server = Server(kind, tmp_path / "server", ["-c", str(config)]).start()
    try:
        modern = Wire(server.nats_port).connect(protocol=1)
        old = Wire(server.nats_port).connect()
        began = time.monotonic()
        server.process.send_signal(signal.SIGUSR2)
        info = json.loads(modern.line()[5:])
        assert info["ldm"] is True
        assert info["client_id"] == modern.info["client_id"]
        with pytest.raises(OSError):
            Wire(server.nats_port)
        modern.expect_closed()
        old.expect_closed()
        # The first goes after the grace period, the other at most a second later.
        assert 0.9 < time.monotonic() - began < 4
        assert server.process.wait(timeout=20) == 0
        for line in ("Entering lame duck mode, stop accepting new clients", "Closing existing clients",
                     "Initiating Shutdown...", "Server Exiting.."):
            assert line in server.log
    finally:
        server.kill()
