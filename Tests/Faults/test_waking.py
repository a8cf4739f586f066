"""Two million records that only Kafka has seen, and then NATS asks for them: whoever asks waits, and nobody else does.

All that is asked of the others meanwhile is answered by the loop that reads the records.
"""

import base64
import json
import time

import pytest

from harness.kafka import create_topic
from harness.kafka_wire import KafkaWire, batch, produce_request, request
from harness.nats_wire import Wire, header_block

PER_BATCH = 10_000
BATCHES = 200
COUNT = PER_BATCH * BATCHES


@pytest.fixture
def server(own_duolog):
    server = own_duolog()
    create_topic(server, "long")
    now = int(time.time() * 1000)
    records = batch([(b"key-%d" % (n % 1000), b"%d" % n) for n in range(PER_BATCH)], base_timestamp=now)
    with KafkaWire(server.kafka_port, timeout=30) as wire:
        for _ in range(BATCHES):
            answer = wire.call(produce_request("long", records))
            assert answer.responses[0].partition_responses[0].error_code == 0
    return server


def connected(server):
    return Wire(server.nats_port, timeout=60).connect(headers=True, no_responders=True)


def ask(wire, inbox, subject, body=None):
    """Sends a request and does not wait for the answer."""
    wire.send(f"SUB {inbox} {inbox}\r\nUNSUB {inbox} 1\r\n")
    wire.publish(subject, json.dumps(body) if body is not None else b"", reply=inbox)


def is_answered(wire) -> bool:
    """Whether an answer is there, without waiting for it."""
    wire.socket.setblocking(False)
    try:
        return b"MSG" in wire.held or wire.more() and b"MSG" in wire.held
    except BlockingIOError:
        return False
    finally:
        wire.socket.settimeout(60)


@pytest.mark.timeout(240)
def test_others_are_answered_while_a_long_topic_is_read(server, report):
    with connected(server) as asking, connected(server) as other, KafkaWire(server.kafka_port, timeout=30) as kafka:
        other.api("INFO")
        start = time.monotonic()
        ask(asking, "_INBOX.info", "$JS.API.STREAM.INFO.long")
        asking.expect_nothing_more()
        times = []
        produced = 0
        small = batch([(b"new", b"x")], base_timestamp=int(time.time() * 1000))
        while not is_answered(asking):
            before = time.monotonic()
            if len(times) % 3 == 0:
                assert "error" not in other.api("INFO")
            elif len(times) % 3 == 1:
                kafka.call(request("ApiVersions", 3, client_software_name="w", client_software_version="1"))
            else:
                kafka.call(produce_request("long", small))
                produced += 1
            times.append(time.monotonic() - before)
        whole = time.monotonic() - start
        state = json.loads(asking.message()[4])["state"]
        times.sort()
        median = times[len(times) // 2] if times else whole
        report(f"reading {COUNT} records for JetStream took {whole:.2f} s, others were answered {len(times)} times, "
               f"median {median * 1000:.1f} ms, longest {max(times, default=whole) * 1000:.0f} ms")
        # Before the topic is read in slices it is one answer, which takes as long as the reading.
        assert len(times) >= 20
        assert median < whole / 10
        assert COUNT <= state["messages"] <= COUNT + produced and state["num_subjects"] in (1000, 1001)
        assert other.api("STREAM.INFO.long")["state"]["messages"] == COUNT + produced


@pytest.mark.timeout(240)
def test_what_needs_the_topic_waits_in_line(server):
    with connected(server) as wire:
        ask(wire, "_INBOX.1", "$JS.API.CONSUMER.CREATE.long.c", {
            "stream_name": "long", "config": {"name": "c", "durable_name": "c", "ack_policy": "explicit", "deliver_policy": "last"}})
        ask(wire, "_INBOX.2", "$JS.API.CONSUMER.MSG.NEXT.long.c", {"batch": 1, "expires": 30_000_000_000})
        ask(wire, "_INBOX.3", "$JS.API.STREAM.MSG.GET.long", {"seq": COUNT})
        wire.send("SUB _INBOX.4 _INBOX.4\r\nSUB _INBOX.5 _INBOX.5\r\n")
        for inbox in ("_INBOX.4", "_INBOX.5"):
            # The second one finds the first.
            wire.publish("kafka.long.once", b"once", reply=inbox, headers=header_block("Nats-Msg-Id: once"))
        wire.publish("kafka.long.plain", b"plain", reply="_INBOX.5")
        wire.expect_nothing_more()
        answers = {}
        found = []
        while len(found) < 6:
            subject, sid, reply, headers, payload = wire.message()
            found.append(sid)
            answers.setdefault(sid, []).append(payload)
        assert json.loads(answers["_INBOX.1"][0])["name"] == "c"
        assert answers["_INBOX.2"] == [b"%d" % (PER_BATCH - 1)]
        message = json.loads(answers["_INBOX.3"][0])["message"]
        assert base64.b64decode(message["data"]) == b"%d" % (PER_BATCH - 1) and message["subject"] == "kafka.long.key-999"
        assert json.loads(answers["_INBOX.4"][0]) == {"stream": "long", "seq": COUNT + 1}
        again, plain = (json.loads(payload) for payload in answers["_INBOX.5"])
        assert again == {"stream": "long", "seq": COUNT + 1, "duplicate": True}
        # It came behind those that wait, and has its place behind them.
        assert plain == {"stream": "long", "seq": COUNT + 2}


@pytest.mark.timeout(240)
def test_a_topic_that_is_deleted_meanwhile_answers_all(server):
    with connected(server) as wire:
        ask(wire, "_INBOX.info", "$JS.API.STREAM.INFO.long")
        ask(wire, "_INBOX.consumer", "$JS.API.CONSUMER.CREATE.long.c", {"stream_name": "long", "config": {"name": "c"}})
        wire.send("SUB _INBOX.ack _INBOX.ack\r\n")
        wire.publish("kafka.long.once", b"once", reply="_INBOX.ack", headers=header_block("Nats-Msg-Id: once"))
        ask(wire, "_INBOX.delete", "$JS.API.STREAM.DELETE.long")
        answers = {}
        while len(answers) < 4:
            subject, sid, reply, headers, payload = wire.message()
            answers[sid] = (headers, payload)
        assert json.loads(answers["_INBOX.delete"][1])["success"] is True
        for sid in ("_INBOX.info", "_INBOX.consumer"):
            assert json.loads(answers[sid][1])["error"]["err_code"] == 10059
        assert answers["_INBOX.ack"][0].startswith(b"NATS/1.0 503")
        assert wire.api("STREAM.NAMES")["total"] == 0
    create_topic(server, "long")
    with connected(server) as wire:
        assert wire.api("STREAM.INFO.long")["state"]["messages"] == 0
