"""The HTTP port, with nats-server's paths and field names."""

import json
import urllib.error
import urllib.request

import pytest

from harness.kafka import create_topic
from harness.nats_wire import Wire


def get(server, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}{path}", timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


def test_health(nats_server):
    kind, body = get(nats_server, "/healthz")
    assert kind.startswith("application/json")
    assert json.loads(body) == {"status": "ok"}


def test_variables(nats_server):
    kind, body = get(nats_server, "/varz")
    variables = json.loads(body)
    assert kind.startswith("application/json")
    assert len(variables["server_id"]) == 56
    assert variables["port"] == nats_server.nats_port
    assert variables["max_payload"] == 1 << 20
    for name in ("connections", "in_msgs", "out_msgs", "in_bytes", "out_bytes", "subscriptions", "mem", "cores"):
        assert isinstance(variables[name], int), name


def test_messages_are_counted(nats_server):
    before = json.loads(get(nats_server, "/varz")[1])
    with Wire(nats_server.nats_port) as wire:
        wire.connect().send("SUB counted 1\r\n" + "PUB counted 5\r\nhello\r\n" * 10)
        for _ in range(10):
            wire.message()
    after = json.loads(get(nats_server, "/varz")[1])
    assert after["in_msgs"] - before["in_msgs"] >= 10
    assert after["in_bytes"] - before["in_bytes"] >= 50
    assert after["out_msgs"] - before["out_msgs"] >= 10


def test_streams_are_counted(duolog, name):
    before = json.loads(get(duolog, "/jsz")[1])["streams"]
    create_topic(duolog, name)
    assert json.loads(get(duolog, "/jsz")[1])["streams"] == before + 1


def test_an_unknown_path_is_404(nats_server):
    with pytest.raises(urllib.error.HTTPError) as raised:
        get(nats_server, "/nothing/here")
    assert raised.value.code == 404
