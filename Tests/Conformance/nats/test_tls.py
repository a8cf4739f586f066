"""TLS on the client port and in front of monitoring, asked of Duolog and of nats-server."""

import json
import re
import shutil
import signal
import socket
import ssl
import urllib.request

import pytest
from nats.errors import NoServersError

from harness.certificates import Authority
from harness.nats_py import round_trip
from harness.server import Server
from harness.waiting import until


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An authority with a server's and a client's certificate, and one that nobody knows."""
    folder = tmp_path_factory.mktemp("certificates")

    class Files:
        authority = Authority(folder)
        server = authority.issue("server", {"CN": "localhost"}, "localhost", "127.0.0.1")
        client = authority.issue("client", {"O": "Acme", "OU": "Ops", "CN": "bob"}, "bob@acme.example")
        stranger = Authority(folder, "Other CA").issue("stranger", {"CN": "bob"}, "bob@acme.example")

    return Files


@pytest.fixture(params=["duolog", "nats-server"])
def start(request, tmp_path):
    """Starts a server with the lines of a configuration file."""
    started = []

    def one(text: str, monitoring=True) -> Server:
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        configuration = folder / "server.conf"
        configuration.write_text(text)
        server = Server(request.param, folder, ["-c", str(configuration), "-D"])
        server.has_http = monitoring
        started.append(server)
        return server.start()

    yield one
    for server in started:
        server.stop()


def context(files, client=None, version=None) -> ssl.SSLContext:
    """What a client trusts, and what it shows."""
    made = ssl.create_default_context(cafile=str(files.authority.file))
    if client:
        made.load_cert_chain(client.certificate, client.key)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def plain(server):
    """A bare connection, and the INFO on it."""
    connection = socket.create_connection(("127.0.0.1", server.nats_port), timeout=5)
    return connection, json.loads(read_line(connection)[5:])


def read_line(connection) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            break
        line += byte
    return line


def secured(connection, files, **options):
    return context(files, **options).wrap_socket(connection, server_hostname="localhost")


def ask(connection, text=b'CONNECT {"verbose":false}\r\nPING\r\n') -> bytes:
    """The line that answers it. The server itself asks two seconds after CONNECT whether the client is there."""
    connection.sendall(text)
    while (line := read_line(connection)) == b"PING\r\n":
        connection.sendall(b"PONG\r\n")
    return line


async def tls_round_trip(server, context, **options):
    await round_trip(f"tls://localhost:{server.nats_port}", tls=context, **options)


# ---- how it begins ----------------------------------------------------------------------------


async def test_an_unmodified_client_talks_over_tls(start, files):
    server = start(f"tls {{ {files.server.block} }}")
    await tls_round_trip(server, context(files))


def test_info_says_that_tls_is_required(start, files):
    server = start(f"tls {{ {files.server.block} }}")
    connection, info = plain(server)
    assert info["tls_required"] is True
    assert "tls_available" not in info and "tls_verify" not in info
    assert ask(secured(connection, files)) == b"PONG\r\n"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_are_spoken(start, files, version):
    server = start(f"tls {{ {files.server.block} }}")
    assert ask(secured(plain(server)[0], files, version=version)) == b"PONG\r\n"


def test_the_smallest_version_can_be_raised(start, files):
    server = start(f'tls {{ {files.server.block}, min_version: "1.3" }}')
    with pytest.raises((ssl.SSLError, ConnectionError)):
        secured(plain(server)[0], files, version=ssl.TLSVersion.TLSv1_2)
    assert ask(secured(plain(server)[0], files)) == b"PONG\r\n"


async def test_handshake_first_begins_without_info(start, files):
    server = start(f"tls {{ {files.server.block}, handshake_first: true }}")
    connection = secured(socket.create_connection(("127.0.0.1", server.nats_port), timeout=5), files)
    assert json.loads(read_line(connection)[5:])["tls_required"] is True
    assert ask(connection) == b"PONG\r\n"
    await tls_round_trip(server, context(files), tls_handshake_first=True)


@pytest.mark.parametrize("value", ["auto", "100ms"])
def test_handshake_first_can_wait_for_old_clients(start, files, value):
    server = start(f'tls {{ {files.server.block}, handshake_first: "{value}" }}')
    quick = secured(socket.create_connection(("127.0.0.1", server.nats_port), timeout=5), files)
    assert read_line(quick).startswith(b"INFO")
    connection, info = plain(server)
    assert info["tls_required"] is True
    assert ask(secured(connection, files)) == b"PONG\r\n"


def test_both_may_be_allowed(start, files):
    server = start(f"allow_non_tls: true\ntls {{ {files.server.block} }}")
    connection, info = plain(server)
    assert "tls_required" not in info and info["tls_available"] is True
    assert ask(connection) == b"PONG\r\n"
    assert ask(secured(plain(server)[0], files)) == b"PONG\r\n"


# ---- who does not play along -------------------------------------------------------------------


def test_a_handshake_that_never_ends_is_ended_without_a_word(start, files):
    server = start(f"tls {{ {files.server.block}, timeout: 0.5 }}")
    connection, _ = plain(server)
    connection.sendall(b"\x16\x03\x01\x02\x00")
    assert connection.recv(100) == b""
    until(lambda: "Client connection closed: TLS Handshake Failure" in server.log)


def test_what_is_not_tls_gets_no_answer_of_the_protocol(start, files):
    server = start(f"tls {{ {files.server.block} }}")
    connection, _ = plain(server)
    connection.sendall(b"CONNECT {}\r\nPING\r\n")
    try:
        assert b"PONG" not in connection.recv(1000)
    except ConnectionResetError:
        pass


def test_too_many_handshakes_a_second_are_told_so(start, files):
    server = start(f"tls {{ {files.server.block}, timeout: 1, connection_rate_limit: 1 }}")
    connections = [plain(server)[0] for _ in range(5)]
    # Those that are not refused are cut off without a word, as they do not begin with the handshake.
    refused = [answer for answer in map(read_line, connections) if answer]
    assert 3 <= len(refused) <= 4
    assert set(refused) == {b"-ERR 'Connection throttling is active. Please try again later.'\r\n"}


# ---- who the client is -------------------------------------------------------------------------


async def test_a_client_shows_its_certificate(start, files):
    server = start(f'tls {{ {files.server.block}, ca_file: "{files.authority.file}", verify: true }}')
    assert plain(server)[1]["tls_verify"] is True
    await tls_round_trip(server, context(files, files.client))


@pytest.mark.parametrize("shown", ["none", "stranger"])
def test_a_client_that_nobody_vouches_for_is_not_let_in(start, files, shown):
    server = start(f'tls {{ {files.server.block}, ca_file: "{files.authority.file}", verify: true }}')
    client = files.stranger if shown == "stranger" else None
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        # In TLS 1.3 the client learns of it with its first read.
        assert ask(secured(plain(server)[0], files, client=client)) == b"PONG\r\n"


@pytest.mark.parametrize("user", ["bob@acme.example", "CN=bob,OU=Ops,O=Acme"])
def test_a_certificate_can_say_who_the_user_is(start, files, user):
    server = start(f'''
        tls {{ {files.server.block}, ca_file: "{files.authority.file}", verify_and_map: true }}
        authorization {{ users [ {{ user: "{user}", permissions: {{ publish: "mine.>" }} }} ] }}
    ''')
    connection = secured(plain(server)[0], files, client=files.client)
    assert ask(connection) == b"PONG\r\n"
    assert ask(connection, b"PUB other 0\r\n\r\n").startswith(b"-ERR 'Permissions Violation for Publish to")


def test_a_certificate_of_nobody_is_not_let_in(start, files):
    server = start(f'''
        tls {{ {files.server.block}, ca_file: "{files.authority.file}", verify_and_map: true }}
        authorization {{ users [ {{ user: "alice@acme.example" }} ] }}
    ''')
    connection = secured(plain(server)[0], files, client=files.client)
    assert ask(connection) == b"-ERR 'Authorization Violation'\r\n"


# ---- other ports and times ---------------------------------------------------------------------


def test_certificates_are_read_again_on_reload(start, files, tmp_path):
    first = files.authority.issue("first", {"CN": "first"}, "localhost")
    second = files.authority.issue("second", {"CN": "second"}, "localhost")
    live = tmp_path / "live.pem", tmp_path / "live.key"

    def use(pair):
        shutil.copy(pair.certificate, live[0])
        shutil.copy(pair.key, live[1])

    def name(server):
        connection = secured(plain(server)[0], files)
        assert ask(connection) == b"PONG\r\n"
        return dict(pair[0] for pair in connection.getpeercert()["subject"])["commonName"], connection

    use(first)
    server = start(f'tls {{ cert_file: "{live[0]}", key_file: "{live[1]}" }}')
    seen, old = name(server)
    assert seen == "first"
    use(second)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: name(server)[0] == "second")
    assert ask(old, b"PING\r\n") == b"PONG\r\n"


def test_connz_shows_the_tls_of_a_connection(start, files):
    server = start(f'tls {{ {files.server.block}, ca_file: "{files.authority.file}", verify: true }}')
    connection = secured(plain(server)[0], files, client=files.client)
    assert ask(connection) == b"PONG\r\n"
    url = f"http://127.0.0.1:{server.http_port}/connz?auth=1"
    with urllib.request.urlopen(url, timeout=5) as answer:
        shown = json.load(answer)["connections"][0]
    assert shown["tls_version"] == "1.3"
    assert shown["tls_cipher_suite"] == "TLS_AES_128_GCM_SHA256"
    assert shown["tls_peer_certs"][0]["subject"] == "CN=bob,OU=Ops,O=Acme"
    assert len(shown["tls_peer_certs"][0]["spki_sha256"]) == 64


def test_monitoring_goes_over_tls_too(start, files):
    server = start(f"https_port: -1\ntls {{ {files.server.block} }}", monitoring=False)
    port = re.search(r"Starting https monitor on [^ ]*:(\d+)", server.log)[1]
    for path in ["varz", "connz", "healthz", "varz"]:
        url = f"https://localhost:{port}/{path}"
        with urllib.request.urlopen(url, context=context(files), timeout=5) as answer:
            assert answer.status == 200
            body = json.load(answer)
        if path == "varz":
            assert body["http_port"] == 0 and body["https_port"] != 0
    with pytest.raises((ConnectionError, OSError)):
        urllib.request.urlopen(f"http://localhost:{port}/varz", timeout=5)


async def test_a_wrong_authority_is_found_out_by_the_client(start, files):
    server = start(f"tls {{ {files.server.block} }}")
    with pytest.raises((ssl.SSLError, NoServersError)):
        await tls_round_trip(server, ssl.create_default_context())
