"""NATS clients that are slow, restless or half asleep: bounded memory, and nobody else notices."""

import json
import os
import select
import signal
import socket
import struct
import threading
import time
import urllib.request

import pytest

from harness.nats_wire import Wire
from harness.waiting import until

MEGABYTE = 1 << 20
#: What a receiver may have waiting for it before it is cut off: the default of max_pending.
PENDING = 64 * MEGABYTE


@pytest.fixture
def server(own_duolog):
    """A server of the test's own, so that its memory can be watched."""
    server = own_duolog()
    yield server
    assert server.is_running(), f"the server died:\n{server.log[-5000:]}"


class Witness:
    """Two clients that talk to each other all the time; how long a message takes at most."""

    def __init__(self, port):
        self.receiver = Wire(port, timeout=20).connect().send("SUB witness 1\r\n").expect_nothing_more()
        self.sender = Wire(port, timeout=20).connect()
        self.slowest = 0.0
        self.count = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(0.01):
            began = time.monotonic()
            self.sender.publish("witness", str(self.count))
            assert self.receiver.message()[4] == str(self.count).encode()
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.count += 1

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.sender.close()
        self.receiver.close()


@pytest.fixture
def witness(server):
    witness = Witness(server.nats_port)
    yield witness
    # Some tests are over before it has said much.
    until(lambda: witness.count > 3)
    witness.stop()
    # The machine may be busy; what counts is that nobody waits for somebody else.
    assert witness.slowest < 2


def varz(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/varz", timeout=10) as answer:
        return json.load(answer)


def test_twenty_readers_that_never_read(server, witness):
    before = server.resident_bytes()
    readers = []
    for _ in range(20):
        reader = Wire(server.nats_port).connect()
        readers.append(reader.send("SUB flood 1\r\n").expect_nothing_more())
    good = Wire(server.nats_port, timeout=60).connect().send("SUB flood 1\r\n").expect_nothing_more()
    got = []
    thread = threading.Thread(target=lambda: got.extend(len(good.message()[4]) for _ in range(400)))
    thread.start()
    sender = Wire(server.nats_port, timeout=60).connect()
    peak = 0
    for _ in range(400):
        sender.publish("flood", b"x" * 200_000)
        peak = max(peak, server.resident_bytes() - before)
    thread.join(60)
    assert len(got) == 400, "the good reader got everything"
    assert peak < 20 * PENDING + 64 * MEGABYTE, f"{peak >> 20} MiB"
    until(lambda: varz(server)["slow_consumers"] == 20)
    until(lambda: server.resident_bytes() - before < 64 * MEGABYTE)
    assert server.log.count("Slow Consumer Detected: MaxPending of 67108864 Exceeded") == 20


def test_a_thousand_connections_that_come_and_go(server, witness):
    def come_and_go(count):
        for number in range(count):
            client = Wire(server.nats_port, timeout=20).connect(name="restless")
            client.send(f"SUB a.{number}.* 1\r\nSUB b.> q 2\r\n")
            if number % 3 == 0:
                # Without a goodbye.
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if number % 3 == 1:
                client.send("PUB a.1.b 1000000\r\nhalf of a message")
            client.close()

    come_and_go(50)
    before = server.resident_bytes()
    threads = [threading.Thread(target=come_and_go, args=(250,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: varz(server)["connections"] == 2)
    assert varz(server)["subscriptions"] == 1, "only the witness's is left"
    assert varz(server)["total_connections"] == 1052
    assert server.resident_bytes() - before < 32 * MEGABYTE


def test_a_flood_of_sub_and_unsub(server, witness):
    before = server.resident_bytes()

    def flood():
        client = Wire(server.nats_port, timeout=60).connect()
        for round in range(40):
            lines = "".join(f"SUB flood.{round}.{n}.* {n}\r\n" for n in range(500))
            client.send(lines + "".join(f"UNSUB {n}\r\n" for n in range(500))).expect_nothing_more()
        client.close()

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert varz(server)["subscriptions"] == 1
    assert server.resident_bytes() - before < 32 * MEGABYTE


def test_a_million_subscriptions_are_forgotten(server, witness):
    """Also by the server's memory; what the allocator keeps for later is given back to the system."""
    before = server.resident_bytes()
    for _ in range(2):
        client = Wire(server.nats_port, timeout=60).connect()
        for start in range(0, 1_000_000, 20_000):
            client.send("".join(f"SUB a{n % 100}.b{n}.c {n}\r\n" for n in range(start, start + 20_000)))
        client.expect_nothing_more()
        assert server.resident_bytes() - before > 100 * MEGABYTE
        client.close()
        until(lambda: varz(server)["subscriptions"] == 1)
        # Of 600 MB.
        until(lambda: server.resident_bytes() - before < 48 * MEGABYTE)


def test_large_messages_that_never_end(server, witness):
    before = server.resident_bytes()
    clients = []
    for _ in range(2000):
        clients.append(socket.create_connection(("127.0.0.1", server.nats_port), timeout=20))
        clients[-1].sendall(b"CONNECT {}\r\nPUB large 1000000\r\n" + b"x" * 200_000)
    until(lambda: server.resident_bytes() - before > 200 * MEGABYTE)
    for client in clients:
        client.close()
    until(lambda: varz(server)["connections"] == 2)
    until(lambda: server.resident_bytes() - before < 32 * MEGABYTE)


#: "secret" with 2^12 rounds: a quarter of a second for each check.
SLOW_HASH = "$2b$12$WKlVshdAkqAh7glqm1VqGOvi2cttWL8WvTjRWbz2bKWFqOdIBxSJW"


#: "secret" with 2^14 rounds: a second.
VERY_SLOW_HASH = "$2b$14$abcdefghijklmnopqrstuug2/T3netL3BPRcnafSaAr9lEfTNoLyC"


class TestSlowPasswords:
    @pytest.fixture
    def guarded(self, own_duolog, tmp_path):
        """Starts a server that gives its clients so many seconds to come in."""
        started = []

        def start(seconds):
            (tmp_path / "guarded.conf").write_text(f"""
                authorization {{
                  timeout: {seconds}
                  users: [{{user: popular, password: "{SLOW_HASH}"}}, {{user: good, password: "{SLOW_HASH}"}}]
                }}""")
            started.append(own_duolog("-c", str(tmp_path / "guarded.conf")))
            return started[-1]

        yield start
        for server in started:
            assert server.is_running(), server.log[-5000:]

    @staticmethod
    def try_in(server, user, password):
        client = Wire(server.nats_port, timeout=20)
        options = json.dumps({"user": user, "pass": password, "verbose": False})
        return client.send(f"CONNECT {options}\r\nPING\r\n")

    def test_who_tries_one_password_after_the_other_waits_for_himself(self, guarded):
        server = guarded(60)
        guessers = [self.try_in(server, "popular", f"guess{n}") for n in range(200)]
        with self.try_in(server, "good", "secret") as good:
            good.expect("PONG\r\n")
        # Who came in last was not the last to come to his turn.
        answered, _, _ = select.select([guesser.socket for guesser in guessers], [], [], 0)
        assert len(answered) < 100
        for guesser in guessers:
            guesser.close()

    def test_a_check_that_does_not_come_to_its_turn_is_an_authentication_timeout(self, guarded):
        server = guarded(3)
        guessers = [self.try_in(server, "popular", f"guess{n}") for n in range(200)]
        told = [guesser.take(100) for guesser in guessers]
        refused = told.count("-ERR 'Authorization Violation'\r\n".encode())
        assert 1 <= refused < 100 and told[-1] == b"-ERR 'Authentication Timeout'\r\n"
        assert told.count(told[-1]) == len(told) - refused
        for guesser in guessers:
            guesser.close()
        # Those that have gone cost nothing any more.
        with self.try_in(server, "popular", "secret") as good:
            good.expect("PONG\r\n")

    def test_who_is_removed_while_his_password_is_checked_stays_out(self, own_duolog, tmp_path):
        config = tmp_path / "reloaded.conf"
        users = "authorization {timeout: 20, users: [{user: other, password: s}%s]}"
        config.write_text(users % f', {{user: slow, password: "{VERY_SLOW_HASH}"}}')
        server = own_duolog("-c", str(config))
        with self.try_in(server, "slow", "secret") as client:
            client.expect("PONG\r\n")
        with self.try_in(server, "slow", "secret") as client:
            time.sleep(0.2)
            config.write_text(users % "")
            os.kill(server.pid, signal.SIGHUP)
            until(lambda: "Reloaded server configuration" in server.log)
            client.expect_closed("-ERR 'Authorization Violation'\r\n")

    def test_when_too_many_wait_the_longest_queue_gives(self, guarded):
        server = guarded(60)
        guessers = [self.try_in(server, "popular", f"guess{n}") for n in range(1100)]
        with self.try_in(server, "good", "secret") as good:
            good.expect("PONG\r\n")
        assert "too many logins wait for their answer" in server.log
        for guesser in guessers:
            guesser.close()


def test_clients_that_send_a_byte_at_a_time(server, witness):
    text = b'CONNECT {"verbose":false}\r\nSUB slow 1\r\nPUB slow 3\r\nabc\r\nPING\r\n'
    clients = [Wire(server.nats_port) for _ in range(100)]
    for index in range(len(text)):
        for client in clients:
            client.send(text[index:index + 1])
    for client in clients:
        got = b""
        while b"PONG\r\n" not in got:
            assert client.more()
            got, client.held = got + client.held, b""
        assert b"MSG slow 1 3\r\nabc\r\n" in got
        client.close()


def test_a_client_that_asks_and_never_reads(server, witness):
    """Answers to PING pile up to the limit and not beyond; then the client is cut off."""
    before = server.resident_bytes()
    greedy = socket.create_connection(("127.0.0.1", server.nats_port))
    greedy.setblocking(False)
    pings = b"PING\r\n" * 20_000
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and varz(server)["slow_consumers"] == 0:
        if not select.select([], [greedy], [], 0.5)[1]:
            break
        try:
            greedy.send(pings)
        except BlockingIOError:
            continue
        except OSError:
            break
    assert server.resident_bytes() - before < PENDING + 64 * MEGABYTE
    greedy.close()
