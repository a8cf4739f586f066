"""What streams that put off their syncs, or keep messages in memory, keep of what they acknowledged."""

import json
import time

import pytest
from confluent_kafka import KafkaError, TopicPartition

from harness.crash_load import KafkaWriter, Load, NATSWriter, Reader, chance, crash_rounds
from harness.kafka import consumer, create_topic, produce, read
from harness.nats_wire import Wire

ROUNDS = crash_rounds(8)
FOR_EVER = "9223372036854775807"


@pytest.mark.timeout(600)
def test_a_killed_process_loses_nothing_that_was_to_be_synced_later(own_duolog, report):
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream("later", persist_mode="async")
        wire.make_stream("now")
    create_topic(server, "never", 3, **{"flush.ms": FOR_EVER})
    create_topic(server, "some", 1, **{"flush.ms": "60000", "flush.messages": "500"})
    load = Load(
        server,
        (Reader(server, "later"), [
            NATSWriter(server, "nats-a", "later.nats"), KafkaWriter(server, "kafka-a", "later", lambda n: "kafka.a")]),
        (Reader(server, "now"), [NATSWriter(server, "nats-b", "now.nats")]),
        (Reader(server, "never", 3), [KafkaWriter(server, "kafka-b", "never", lambda n: f"key-{n % 50}")]),
        (Reader(server, "some"), [KafkaWriter(server, "kafka-c", "some", lambda n: "k")])).start()
    load.survive_kills(ROUNDS, chance(), 1.0)
    report(f"kill -9 with syncs put off, {ROUNDS} rounds: {load.end(100 * ROUNDS)}")


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_stream_in_memory_begins_anew(own_duolog, end):
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        answer = wire.make_stream("m", storage="memory", max_msgs=50)
        assert answer["config"]["storage"] == "memory"
        wire.api("STREAM.CREATE.f", {"name": "f", "subjects": ["f"]})
        wire.api("CONSUMER.CREATE.m.c", {"stream_name": "m", "config": {
            "durable_name": "c", "ack_policy": "explicit", "ack_wait": 60_000_000_000}})
        for number in range(100):
            wire.request("m.k", str(number))
        assert json.loads(wire.request("f", "kept")[4])["seq"] == 1
    produce(server, "m", [(b"kafka", b"one")])
    reader = consumer(server, "g")
    reader.assign([TopicPartition("m", 0, 60)])
    last = read(reader, 41)[-1]
    reader.commit(last, asynchronous=False)
    reader.close()

    getattr(server, end)()
    server.start()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        info = wire.api("STREAM.INFO.m")
        assert info["config"]["storage"] == "memory" and info["config"]["max_msgs"] == 50
        state = info["state"]
        assert (state["messages"], state["first_seq"], state["last_seq"]) == (0, 102, 101)
        assert wire.api("STREAM.INFO.f")["state"]["messages"] == 1
        found = wire.api("CONSUMER.INFO.m.c")
        assert (found["num_pending"], found["num_ack_pending"], found["delivered"]["consumer_seq"]) == (0, 0, 0)
        assert json.loads(wire.request("m.new", "anew")[4])["seq"] == 102
        assert wire.api("CONSUMER.INFO.m.c")["num_pending"] == 1
    # The group goes on behind what is gone.
    again = consumer(server, "g")
    again.subscribe(["m"])
    message = read(again, 1)[0]
    assert (message.offset(), message.value()) == (101, b"anew")
    again.close()
    # Who asks for what is gone is told so.
    strict = consumer(server, "h", auto_offset_reset="error")
    strict.assign([TopicPartition("m", 0, 5)])
    deadline = time.monotonic() + 20
    while (message := strict.poll(0.2)) is None:
        assert time.monotonic() < deadline
    assert message.error().code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)
    strict.close()
