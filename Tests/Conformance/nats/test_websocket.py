"""NATS inside WebSocket, asked of Duolog and of nats-server."""

import asyncio
import base64
import json
import re
import socket
import ssl
import urllib.request

import aiohttp
import nats
import pytest

from harness.certificates import Authority
from harness.nats_py import round_trip, settled
from harness.server import Server


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An authority with a server's certificate."""

    class Files:
        authority = Authority(tmp_path_factory.mktemp("certificates"))
        server = authority.issue("server", {"CN": "localhost"}, "localhost", "127.0.0.1")

    return Files


@pytest.fixture(params=["duolog", "nats-server"])
def start(request, tmp_path):
    """Starts a server with the lines of a `websocket` block; its port is found in the log."""
    started = []

    def one(block: str, more: str = "") -> Server:
        configuration = tmp_path / "server.conf"
        configuration.write_text(f"websocket {{ port: -1, {block} }}\n{more}")
        server = Server(request.param, tmp_path / "server", ["-c", str(configuration), "-D"])
        started.append(server)
        server.start()
        found = re.search(r"Listening for websocket clients on (wss?)://[^ ]*:(\d+)", server.log)
        server.web = f"{found[1]}://localhost:{found[2]}", int(found[2])
        return server

    yield one
    for server in started:
        server.stop()


async def conversation(url, headers=None, context=None, compress=0, text=b'CONNECT {"verbose":false}\r\nPING\r\n'):
    """INFO, and what is answered to `text`."""
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, headers=headers, ssl=context, compress=compress) as web:
            info = await web.receive(5)
            await web.send_bytes(text)
            return json.loads(info.data[5:]), (await web.receive(5)).data, web


async def test_an_unmodified_client_talks_through_websocket(start):
    await round_trip(start("no_tls: true").web[0])


async def test_an_unmodified_client_talks_through_websocket_over_tls(start, files):
    server = start(f"tls {{ {files.server.block} }}")
    context = ssl.create_default_context(cafile=str(files.authority.file))
    await round_trip(server.web[0], tls=context)
    info, answer, _ = await conversation(server.web[0], context=context)
    assert info["tls_required"] and info["tls_available"] and info["port"] == server.web[1]
    assert answer.startswith(b"PONG\r\n")


async def test_messages_go_between_websocket_and_plain_clients(start):
    server = start("no_tls: true")
    plain = await nats.connect(server.nats_url)
    web = await nats.connect(server.web[0])
    subscription = await plain.subscribe("x")
    await settled(plain)
    await web.publish("x", b"from the web")
    assert (await subscription.next_msg(timeout=5)).data == b"from the web"
    await plain.close()
    await web.close()


async def test_info_names_the_port_that_the_client_came_by(start):
    server = start("no_tls: true")
    info, answer, _ = await conversation(server.web[0])
    assert info["port"] == server.web[1]
    assert "tls_required" not in info and "tls_available" not in info
    assert answer.startswith(b"PONG\r\n")


async def test_compression_is_agreed_on(start):
    server = start("no_tls: true, compression: true")
    payload = b"compress me " * 2000
    text = b'CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a %d\r\n%s\r\n' % (len(payload), payload)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.web[0], compress=15) as web:
            assert web.compress == 15
            await web.receive(5)
            await web.send_bytes(text)
            got = b""
            while not got.endswith(payload + b"\r\n"):
                got += (await web.receive(5)).data
    assert got.startswith(b"MSG a 1 %d\r\n" % len(payload))


async def test_compression_is_not_agreed_on_where_it_is_off(start):
    server = start("no_tls: true")
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.web[0], compress=15) as web:
            assert web.compress == 0
            assert (await web.receive(5)).data.startswith(b"INFO")


async def test_a_browser_gets_small_frames(start):
    server = start("no_tls: true")
    text = b'CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 20000\r\n' + b"x" * 20000 + b"\r\n"
    connection = upgraded(server, "User-Agent: Mozilla/5.0")
    connection.sendall(masked(0x82, text))
    sizes, total = [], 0
    while total < 20000:
        size = len(frame(connection)[1])
        sizes.append(size)
        total += size
    assert max(sizes) <= 4096


async def test_a_page_of_another_origin_is_refused(start):
    server = start('no_tls: true, allowed_origins: ["https://app.example"]')
    assert (await conversation(server.web[0], {"Origin": "https://app.example"}))[1].startswith(b"PONG\r\n")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await conversation(server.web[0], {"Origin": "https://evil.example"})
    assert refusal.value.status == 403


async def test_credentials_come_in_cookies(start):
    server = start('no_tls: true, user_cookie: "u", pass_cookie: "p"',
                   'authorization { users [ { user: "bob", password: "secret" } ] }')
    good = await conversation(server.web[0], {"Cookie": "u=bob; p=secret"})
    assert good[1].startswith(b"PONG\r\n")
    bad = await conversation(server.web[0], {"Cookie": "u=bob; p=wrong"})
    # nats-server's text may be lost behind its close.
    assert bad[1] in (b"-ERR 'Authorization Violation'\r\n", aiohttp.WSCloseCode.POLICY_VIOLATION)


async def test_connections_can_be_allowed_by_kind(start):
    server = start("no_tls: true", '''authorization { users [
        { user: "web", password: "x", allowed_connection_types: ["WEBSOCKET"] }
        { user: "tcp", password: "x", allowed_connection_types: ["STANDARD"] }
    ] }''')
    await round_trip(server.web[0], user="web", password="x")
    await round_trip(server.nats_url, user="tcp", password="x")
    for url, user in [(server.web[0], "tcp"), (server.nats_url, "web")]:
        with pytest.raises(Exception):
            await round_trip(url, user=user, password="x")


async def test_connz_shows_the_kind_and_the_log_whom_a_proxy_names(start):
    server = start("no_tls: true")
    connection = upgraded(server, "X-Forwarded-For: 192.0.2.7")
    connection.sendall(masked(0x82, b'CONNECT {"verbose":false}\r\nPING\r\n'))
    assert b"PONG" in frame(connection)[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/connz", timeout=5) as answer:
        shown = json.load(answer)["connections"][0]
    assert shown["type"] == "websocket"
    assert shown["ip"] == "127.0.0.1"
    assert re.search(r"192\.0\.2\.7/127\.0\.0\.1:\d+ - wid:\d+", server.log)


def test_custom_headers_are_in_the_answer(start):
    server = start('no_tls: true, headers { X-Extra: "yes" }')
    assert b"X-Extra: yes\r\n" in upgraded(server).answer


# ---- frames by hand ----------------------------------------------------------------------------


class Raw(socket.socket):
    """A connection whose request was answered."""


def upgraded(server, *headers):
    connection = socket.create_connection(("127.0.0.1", server.web[1]), timeout=5)
    key = base64.b64encode(b"0123456789abcdef").decode()
    lines = ["GET / HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    made = Raw(fileno=connection.detach())
    made.settimeout(5)
    made.answer = answer
    frame(made)  # INFO
    return made


def masked(first, payload):
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([first]) + size + b"\0\0\0\0" + payload


def exactly(connection, count):
    got = b""
    while len(got) < count:
        more = connection.recv(count - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def frame(connection):
    first, size = exactly(connection, 2)
    if size >= 126:
        size = int.from_bytes(exactly(connection, 2 if size == 126 else 8), "big")
    return first, exactly(connection, size)


def test_a_ping_is_answered_with_its_payload(start):
    connection = upgraded(start("no_tls: true"))
    connection.sendall(masked(0x89, b"hi"))
    assert frame(connection) == (0x8A, b"hi")


def test_a_close_is_answered_with_its_code(start):
    connection = upgraded(start("no_tls: true"))
    connection.sendall(masked(0x88, b"\x03\xe8"))
    first, payload = frame(connection)
    assert first == 0x88 and payload[:2] == b"\x03\xe8"
    assert connection.recv(1) == b""


@pytest.mark.parametrize("bytes_", [
    b"\x82\x01x", b"\x83\x80\0\0\0\0", b"\x80\x80\0\0\0\0", b"\xa2\x80\0\0\0\0", b"\x88\x81\0\0\0\0\x03",
    b"\xc2\x86\0\0\0\0PING\r\n",
])
def test_frames_against_the_protocol_end_the_connection(start, bytes_):
    connection = upgraded(start("no_tls: true"))
    connection.sendall(bytes_)
    try:
        while True:
            first, _ = frame(connection)
            assert first == 0x88
    except (EOFError, ConnectionResetError):
        pass


async def test_a_message_may_come_in_any_pieces(start):
    server = start("no_tls: true")
    connection = upgraded(server)
    whole = masked(0x02, b'CONNECT {"verb') + masked(0x00, b'ose":false}\r\nPI') + masked(0x80, b"NG\r\n")
    for byte in whole:
        connection.sendall(bytes([byte]))
        await asyncio.sleep(0)
    assert frame(connection)[1].startswith(b"PONG\r\n")
