"""kill -9 at random moments while both protocols write: nothing acknowledged is lost, doubled or reordered."""

import base64
import json

import pytest
from confluent_kafka import TopicPartition

from harness.crash_load import KafkaWriter, Load, NATSWriter, Reader, chance, crash_rounds
from harness.kafka import consumer, create_topic, poll_until, produce
from harness.nats_wire import Wire, header_block

ROUNDS = crash_rounds(12)


@pytest.mark.timeout(900)
def test_acknowledged_messages_survive(own_duolog, report):
    """DUOLOG_KILL_ROUNDS and DUOLOG_KILL_SEED choose how often and when."""
    drawn = chance()
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("both")
    create_topic(server, "parted", 6)
    reader = Reader(server, "both")
    load = Load(
        server,
        (reader, [
            NATSWriter(server, "nats-a", "both.nats.a"), NATSWriter(server, "nats-b", "both.nats.b"),
            KafkaWriter(server, "kafka-a", "both", lambda n: "kafka.a"),
            KafkaWriter(server, "kafka-b", "both", lambda n: f"kafka.b.{n % 100}")]),
        (Reader(server, "parted", 6), [KafkaWriter(server, "kafka-c", "parted", lambda n: f"key-{n % 50}")])).start()
    load.survive_kills(ROUNDS, drawn, 1.2)
    report(f"kill -9, {ROUNDS} rounds: {load.end(100 * ROUNDS)}")
    same_in_jetstream(server, reader, drawn)


def same_in_jetstream(server, reader, chance):
    """A sample of the log, seen as JetStream messages."""
    records = reader.records[0]
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        state = wire.api("STREAM.INFO.both")["state"]
        assert (state["messages"], state["last_seq"]) == (len(records), len(records))
        for offset in chance.sample(sorted(records), 200):
            message = wire.api("STREAM.MSG.GET.both", {"seq": offset + 1})["message"]
            assert base64.b64decode(message["data"]).decode() == records[offset]


@pytest.mark.timeout(300)
def test_acks_and_commits_survive(own_duolog):
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("s")
        for number in range(200):
            wire.request("s.k", str(number))
        wire.api("CONSUMER.CREATE.s.c", {"stream_name": "s", "config": {
            "durable_name": "c", "ack_policy": "explicit", "ack_wait": 60_000_000_000}})
    committed = floor = 0
    for round_ in range(5):
        with Wire(server.nats_port) as wire:
            wire.connect(headers=True)
            for _ in range(10):
                _, _, reply, _, payload = wire.request("$JS.API.CONSUMER.MSG.NEXT.s.c", '{"batch": 1}')
                assert int(payload) == floor, "delivery goes on behind what was acknowledged"
                assert wire.request(reply, "+ACK")[4] == b""
                floor += 1
        one = consumer(server, "g")
        committed += 7
        one.commit(offsets=[TopicPartition("s", 0, committed, f"round {round_}")], asynchronous=False)
        server.kill()
        one.close()
        server.start()
        with Wire(server.nats_port) as wire:
            state = wire.connect(headers=True).api("CONSUMER.INFO.s.c")
            assert (state["ack_floor"]["stream_seq"], state["num_ack_pending"]) == (floor, 0)
        one = consumer(server, "g")
        found = one.committed([TopicPartition("s", 0)], timeout=20)[0]
        assert (found.offset, found.metadata) == (committed, f"round {round_}")
        one.close()


@pytest.mark.timeout(120)
def test_what_was_made_changed_and_deleted_survives(own_duolog):
    server = own_duolog()
    create_topic(server, "topic", 3)
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        for name in ("kept", "deleted"):
            wire.make_stream(name)
        wire.api("STREAM.UPDATE.kept", {"name": "kept", "subjects": ["kept.>"], "description": "changed"})
        for _ in range(5):
            wire.request("kept.a", "x")
        wire.api("STREAM.MSG.DELETE.kept", {"seq": 3})
        wire.api("STREAM.PURGE.kept", {"seq": 2})
        wire.api("STREAM.DELETE.deleted")
        before = wire.api("STREAM.INFO.kept")
        names = wire.api("STREAM.NAMES")["streams"]
    server.kill()
    server.start()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        assert wire.api("STREAM.NAMES")["streams"] == names
        after = wire.api("STREAM.INFO.kept", {"deleted_details": True})
        assert after["config"] == before["config"] and after["created"] == before["created"]
        assert after["state"]["deleted"] == [3]
        for field in ("messages", "first_seq", "last_seq", "first_ts", "last_ts", "num_subjects", "bytes"):
            assert after["state"][field] == before["state"][field], field
        assert json.loads(wire.request("kept.a", "x")[4])["seq"] == 6


@pytest.mark.timeout(120)
def test_a_message_id_is_remembered_over_a_crash(own_duolog):
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("s")
        assert json.loads(wire.request("s.a", "x", header_block("Nats-Msg-Id: 1"))[4])["seq"] == 1
    server.kill()
    server.start()
    with Wire(server.nats_port) as wire:
        again = json.loads(wire.connect(headers=True).request("s.a", "x", header_block("Nats-Msg-Id: 1"))[4])
    assert again == {"stream": "s", "seq": 1, "duplicate": True}


@pytest.mark.timeout(120)
def test_members_of_a_group_come_back_after_a_crash(own_duolog):
    server = own_duolog()
    create_topic(server, "topic", 4)
    members = [consumer(server, "g") for _ in range(2)]
    for member in members:
        member.subscribe(["topic"])
    poll_until(members, lambda: [len(m.assignment()) for m in members] == [2, 2])
    server.kill()
    server.start()
    produce(server, "topic", [(None, b"%d" % n, [], 0, n % 4) for n in range(100)])
    seen = []
    # Without commits a rebalance reads again from the start, so a message may be seen more than once.
    poll_until(members, lambda: {int(m.value()) for m in seen} == set(range(100)), seen=seen, seconds=60)
    for member in members:
        member.close()
