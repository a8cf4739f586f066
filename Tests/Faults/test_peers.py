"""Slow readers, floods and peers that go away: bounded memory, and nobody else notices."""

import socket
import struct
import threading
import time

import pytest

from harness.kafka import create_topic, produce
from harness.kafka_wire import KafkaWire, request
from harness.nats_wire import Wire

MEGABYTE = 1 << 20


@pytest.fixture
def server(own_duolog):
    """A server of the test's own, so that its memory can be watched."""
    server = own_duolog()
    yield server
    assert server.is_running(), f"the server died:\n{server.log[-5000:]}"


@pytest.fixture
def witness(server):
    """A client that must be served all the time."""
    with Wire(server.nats_port) as wire:
        yield wire.connect(headers=True)
        began = time.monotonic()
        wire.expect_nothing_more()
        assert time.monotonic() - began < 2


class TestSlowReaders:
    def test_a_nats_subscriber_that_never_reads_is_cut_off(self, server, witness):
        slow = Wire(server.nats_port).connect()
        slow.send("SUB flood 1\r\n").expect_nothing_more()
        good = Wire(server.nats_port, timeout=30).connect().send("SUB flood 1\r\n").expect_nothing_more()
        received = []

        def read_all():
            for _ in range(600):
                received.append(len(good.message()[4]))

        thread = threading.Thread(target=read_all)
        thread.start()
        sender = Wire(server.nats_port, timeout=60).connect()
        payload = b"x" * 500_000
        peak = 0
        for _ in range(600):
            sender.publish("flood", payload)
            peak = max(peak, server.resident_bytes())
        thread.join(60)
        assert len(received) == 600, "the other subscriber got everything"
        assert peak < 250 * MEGABYTE, f"{peak >> 20} MiB"
        deadline = time.monotonic() + 20
        while not closed(slow):
            assert time.monotonic() < deadline, "the slow one was cut off"

    def test_a_nats_client_that_never_reads_its_answers(self, server, witness):
        greedy = Wire(server.nats_port, timeout=3).connect()
        try:
            for _ in range(3000):
                greedy.send("PING\r\n" * 10_000)
        except OSError:
            pass
        assert server.resident_bytes() < 250 * MEGABYTE

    def test_a_kafka_client_that_never_reads_its_answers(self, server, witness):
        create_topic(server, "t")
        produce(server, "t", [(b"k", b"x" * 100_000)] * 100)
        with KafkaWire(server.kafka_port, timeout=3) as greedy:
            fetch = request("Fetch", 4, max_wait=0, min_bytes=1, max_bytes=50 * MEGABYTE, topics=[
                {"topic": "t", "partitions": [
                    {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 50 * MEGABYTE}]}])
            try:
                for _ in range(2000):
                    greedy.send(fetch)
            except OSError:
                pass
            time.sleep(1)
            assert server.resident_bytes() < 300 * MEGABYTE
            with KafkaWire(server.kafka_port) as other:
                assert other.is_served()

    def test_a_pull_consumer_that_never_reads(self, server, witness):
        witness.make_stream("s")
        for _ in range(200):
            witness.request("s.k", b"x" * 500_000)
        witness.api("CONSUMER.CREATE.s.c", {"stream_name": "s", "config": {
            "durable_name": "c", "ack_policy": "none"}})
        slow = Wire(server.nats_port).connect().send("SUB in 1\r\n").expect_nothing_more()
        slow.publish("$JS.API.CONSUMER.MSG.NEXT.s.c", '{"batch": 1000, "expires": 20000000000}', reply="in")
        time.sleep(1)
        assert server.resident_bytes() < 300 * MEGABYTE
        assert witness.api("STREAM.INFO.s")["state"]["messages"] == 200
        slow.close()


def closed(wire) -> bool:
    """Reads what is there; whether the server has ended the connection."""
    wire.socket.settimeout(0.5)
    try:
        while True:
            if not wire.socket.recv(MEGABYTE):
                return True
    except TimeoutError:
        return False
    except OSError:
        return True


class TestFloods:
    def test_many_connections_come_and_go(self, server, witness):
        before = server.resident_bytes()
        for _ in range(10):
            wires = [Wire(server.nats_port) for _ in range(100)]
            for wire in wires:
                wire.connect().send("SUB a.b.* 1\r\n")
            for wire in wires:
                wire.close()
            for _ in range(100):
                socket.create_connection(("127.0.0.1", server.kafka_port)).close()
        assert server.resident_bytes() - before < 50 * MEGABYTE

    def test_many_idle_connections_cost_little(self, server, witness, report):
        before = server.resident_bytes()
        wires = [Wire(server.nats_port) for _ in range(400)]
        for wire in wires:
            wire.connect().send("SUB a 1\r\n").expect_nothing_more()
        each = (server.resident_bytes() - before) / len(wires)
        report(f"an idle NATS connection with a subscription: {each / 1024:.1f} KiB of memory")
        assert each < 100 * 1024
        for wire in wires:
            wire.close()

    def test_many_subscriptions(self, server, witness):
        with Wire(server.nats_port, timeout=60) as wire:
            wire.connect()
            for start in range(0, 100_000, 1000):
                wire.send("".join(f"SUB a.{n}.b {n}\r\n" for n in range(start, start + 1000)))
            wire.expect_nothing_more()
            witness.publish("a.77777.b", "found")
            assert wire.message()[1] == "77777"
        assert server.resident_bytes() < 300 * MEGABYTE

    def test_connections_that_say_nothing_or_half_of_something(self, server, witness):
        silent = [socket.create_connection(("127.0.0.1", p)) for p in (server.nats_port, server.kafka_port) * 50]
        for number, one in enumerate(silent):
            one.sendall([b"", b"CONN", b"PUB a 100\r\nhalf", struct.pack(">i", 1000) + b"\0"][number % 4])
        witness.expect_nothing_more()
        with KafkaWire(server.kafka_port) as wire:
            assert wire.is_served()
        for one in silent:
            one.close()

    def test_peers_that_reset_in_the_middle(self, server, witness):
        for number in range(200):
            port = server.nats_port if number % 2 else server.kafka_port
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(b"PUB a 10000\r\nhalf" if number % 2 else struct.pack(">i", 500) + b"\0" * 100)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        witness.expect_nothing_more()

    def test_requests_that_are_no_requests_on_the_api(self, server, witness):
        for body in ("", "{", "[" * 10_000, '{"a":' * 5000, '"' + "x" * 100_000 + '"', "\0" * 100, "9" * 100_000):
            for subject in ("STREAM.CREATE.x", "STREAM.NAMES", "CONSUMER.CREATE.x.y", "STREAM.MSG.GET.x"):
                answer = witness.request(f"$JS.API.{subject}", body)
                assert answer[4] or answer[3]
