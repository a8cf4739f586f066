"""What a configuration file asks for, seen by clients: users, accounts, TLS, WebSocket, and what a reload does to them."""

import base64
import contextlib
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess

import pytest

from harness.nats_wire import Wire


LISTEN = 'listen: "127.0.0.1:-1"\n'


def accepted(port, **credentials) -> bool:
    with Wire(port) as wire:
        try:
            wire.connect(**credentials)
            return True
        except AssertionError:
            return False


def certificate(folder, name) -> str:
    """Makes a certificate for localhost and its key."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
        check=True, capture_output=True)
    return f"tls {{ cert_file: '{folder / name}.pem', key_file: '{folder / name}.key' }}\n"


def shown_certificate(port) -> bytes:
    """What a client that trusts everybody sees, after INFO."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        info = plain.recv(4096)
        assert info.startswith(b"INFO ") and b'"tls_required":true' in info
        with context.wrap_socket(plain) as encrypted:
            encrypted.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
            assert encrypted.recv(4096).endswith(b"PONG\r\n")
            return encrypted.getpeercert(binary_form=True)


def test_users_of_a_file(program):
    server = program.start("-c", program.write(LISTEN + "authorization { users: [ {user: a, password: b}, {user: c, pass: \"d\"} ] }"))
    assert accepted(server.port, user="a", **{"pass": "b"}) and accepted(server.port, user="c", **{"pass": "d"})
    assert not accepted(server.port, user="a", **{"pass": "d"}) and not accepted(server.port)


@pytest.mark.parametrize("flags, credentials", [
    (["--user", "a", "--pass", "b"], {"user": "a", "pass": "b"}), (["--auth", "t"], {"auth_token": "t"}),
])
def test_users_and_tokens_of_flags(program, flags, credentials):
    server = program.start("-p", "-1", "-a", "127.0.0.1", *flags)
    assert accepted(server.port, **credentials) and not accepted(server.port)


def test_permissions_of_a_file(program):
    server = program.start("-c", program.write(LISTEN + """
        authorization { users: [ {user: a, password: b, permissions: { publish: "ok.>", subscribe: {deny: "no"} }} ] }"""))
    with Wire(server.port) as wire:
        wire.connect(user="a", **{"pass": "b"})
        wire.send("PUB other 0\r\n\r\n").expect("-ERR 'Permissions Violation for Publish to \"other\"'\r\n")
        wire.send("SUB no 1\r\n").expect("-ERR 'Permissions Violation for Subscription to \"no\"'\r\n")
        wire.send("SUB ok.x 2\r\nPUB ok.x 1\r\n1\r\n").expect("MSG ok.x 2 1\r\n1\r\n")


def test_accounts_of_a_file_keep_apart_and_share_what_they_say(program):
    server = program.start("-c", program.write(LISTEN + """
        accounts {
          A { users: [ {user: a, password: x} ], exports: [ {stream: "ticks.>"} ] }
          B { users: [ {user: b, password: x} ], imports: [ {stream: {account: A, subject: "ticks.>"}, prefix: in} ] }
        }"""))
    with Wire(server.port) as a, Wire(server.port) as b:
        a.connect(user="a", **{"pass": "x"})
        b.connect(user="b", **{"pass": "x"}).send("SUB > 1\r\nPING\r\n").expect("PONG\r\n")
        a.send("PUB private 1\r\n0\r\nPUB ticks.x 1\r\n1\r\n")
        b.expect("MSG in.ticks.x 1 1\r\n1\r\n")


def test_mappings_of_a_file(program):
    server = program.start("-c", program.write(LISTEN + 'mappings { "foo.*": "bar.$1" }'))
    with Wire(server.port) as wire:
        wire.connect().send("SUB bar.* 1\r\nPUB foo.x 1\r\n1\r\n").expect("MSG bar.x 1 1\r\n1\r\n")


def test_a_reload_lets_go_who_is_no_user_any_more(program):
    users = "authorization {{ users: [ {{user: a, password: x}}{} ] }}\n"
    server = program.start("-c", program.write(LISTEN + users.format(", {user: b, password: x}")))
    with Wire(server.port) as a, Wire(server.port) as b:
        a.connect(user="a", **{"pass": "x"})
        b.connect(user="b", **{"pass": "x"})
        program.write(LISTEN + users.format(""))
        server.send(signal.SIGHUP).wait_for("Reloaded server configuration")
        while b.more():
            pass
        # nats-server closes sometimes before it has said why.
        assert b.held in (b"", b"-ERR 'Authorization Violation'\r\n")
        a.send("PING\r\n").expect("PONG\r\n")
    assert not accepted(server.port, user="b", **{"pass": "x"})


def test_jetstream_is_where_the_file_says(program):
    server = program.start("-c", program.write(LISTEN + "jetstream { store_dir: './here' }"))
    with Wire(server.port) as wire:
        assert wire.info["jetstream"] is True
    assert (program.folder / "here").is_dir()


def test_a_reload_to_fewer_connections_lets_the_others_go(program):
    server = program.start("-c", program.write(LISTEN + "max_connections: 10"))
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(server.port)) for _ in range(5)]
        for wire in wires:
            wire.connect()
        program.write(LISTEN + "max_connections: 2")
        server.send(signal.SIGHUP).wait_for("Reloaded: max_connections")
        gone = [wire for wire in wires if select.select([wire.socket], [], [], 0.5)[0]]
        assert [wire.line() for wire in gone] == [b"-ERR 'maximum connections exceeded'\r\n"] * 3


def test_tls_of_a_file_and_another_certificate_after_a_reload(program):
    server = program.start("-c", program.write(LISTEN + certificate(program.folder, "one")))
    first = shown_certificate(server.port)
    program.write(LISTEN + certificate(program.folder, "two"))
    server.send(signal.SIGHUP).wait_for("Reloaded server configuration")
    assert shown_certificate(server.port) != first


def test_tls_by_flags(program):
    certificate(program.folder, "one")
    server = program.start("-p", "-1", "-a", "127.0.0.1", "--tls", "--tlscert", "one.pem", "--tlskey=one.key")
    assert shown_certificate(server.port)


def test_a_certificate_that_is_not_there_ends_the_start(program):
    code, _, error = program.check(LISTEN + "tls { cert_file: none.pem, key_file: none.key }")
    assert code == 1 and "error parsing X509 certificate/key pair" in error


def test_websockets_of_a_file(program):
    server = program.start("-c", program.write(LISTEN + 'websocket { listen: "127.0.0.1:-1", no_tls: true }'))
    port = int(re.search(r"Listening for websocket clients on ws://127\.0\.0\.1:(\d+)", server.log).group(1))
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        key = base64.b64encode(os.urandom(16)).decode()
        client.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = b""
        while b"INFO {" not in answer:
            answer += client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101")


def test_https_monitoring(program):
    text = LISTEN + certificate(program.folder, "one") + 'https: "127.0.0.1:-1"\n'
    server = program.start("-c", program.write(text))
    port = int(re.search(r"Starting https monitor on 127\.0\.0\.1:(\d+)", server.log).group(1))
    context = ssl.create_default_context(cafile=program.folder / "one.pem")
    with socket.create_connection(("localhost", port), timeout=5) as plain, context.wrap_socket(
            plain, server_hostname="localhost") as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := client.recv(4096):
            answer += more
    assert answer.startswith(b"HTTP/1.1 200") and b'"ok"' in answer


def test_sigusr2_lets_clients_go_gently(program):
    server = program.start("-c", program.write(LISTEN + 'lame_duck_duration: "30s"\nlame_duck_grace_period: "10ms"'))
    with Wire(server.port) as wire:
        wire.connect(protocol=1)
        server.send(signal.SIGUSR2).wait_for("Entering lame duck mode, stop accepting new clients")
        assert b'"ldm":true' in wire.line()
        wire.expect_closed()
    assert server.wait() == 0
    assert "Server Exiting.." in server.log


def test_a_jetstream_domain_is_told_and_can_be_asked(program):
    server = program.start("-c", program.write(LISTEN + "jetstream { domain: hub, store_dir: js }"))
    with Wire(server.port) as wire:
        wire.connect(headers=True)
        first, second = wire.api("INFO"), wire.api("INFO")
        assert first["domain"] == "hub"
        assert (first["api"]["total"], second["api"]["total"]) == (0, 1)
        made = {"name": "a", "subjects": ["a"]}
        assert "error" not in json.loads(wire.request("$JS.hub.API.STREAM.CREATE.a", json.dumps(made).encode())[4])
        assert wire.request("a", b"x")[4] == b'{"stream":"a","domain":"hub","seq":1}'


def test_direct_reads_from_a_mirror_need_a_mirror(program):
    server = program.start("-c", program.write(LISTEN + "jetstream { store_dir: js }"))
    with Wire(server.port) as wire:
        answer = wire.connect(headers=True).api("STREAM.CREATE.m", {"name": "m", "mirror_direct": True})
        assert answer["error"]["err_code"] == 10052
        assert answer["error"]["description"] == "stream has no mirror but does have mirror direct"
