"""What streams that put off their syncs, or keep messages in memory, keep of what they acknowledged."""

import json
import os
import random
import time

import pytest
from confluent_kafka import KafkaError, TopicPartition

from harness.crash_load import KafkaWriter, NATSWriter, Reader, check
from harness.kafka import consumer, create_topic, produce, read
from harness.nats_wire import Wire

ROUNDS = int(os.environ.get("DUOLOG_KILL_ROUNDS", "8"))
SEED = int(os.environ.get("DUOLOG_KILL_SEED", str(random.randrange(1 << 32))))
FOR_EVER = "9223372036854775807"


@pytest.mark.timeout(600)
def test_a_killed_process_loses_nothing_that_was_to_be_synced_later(own_duolog, report):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        for name, config in (("later", {"persist_mode": "async"}), ("now", {})):
            answer = wire.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], **config})
            assert "error" not in answer, answer
    create_topic(server, "never", 3, **{"flush.ms": FOR_EVER})
    create_topic(server, "some", 1, **{"flush.ms": "60000", "flush.messages": "500"})
    loads = [
        (Reader(server, "later"), [NATSWriter(server, "nats-a", "later.nats"),
                                   KafkaWriter(server, "kafka-a", "later", lambda n: "kafka.a")]),
        (Reader(server, "now"), [NATSWriter(server, "nats-b", "now.nats")]),
        (Reader(server, "never", 3), [KafkaWriter(server, "kafka-b", "never", lambda n: f"key-{n % 50}")]),
        (Reader(server, "some"), [KafkaWriter(server, "kafka-c", "some", lambda n: "k")]),
    ]
    writers = [writer for _, some in loads for writer in some]
    for writer in writers:
        writer.start()
    for _ in range(ROUNDS):
        time.sleep(chance.uniform(0.1, 1.0))
        server.kill()
        time.sleep(chance.uniform(0, 0.1))
        server.start()
        if chance.random() < 0.5:
            for reader, _ in loads:
                reader.read_on()
    for writer in writers:
        writer.finish()
    for reader, _ in loads:
        reader.read_on()
    server.kill()
    server.start()
    count = sum(check(reader, some) for reader, some in loads)
    acked = sum(len(writer.acked) for writer in writers)
    assert acked > 100 * ROUNDS, "there was no load to speak of"
    report(f"kill -9 with syncs put off, {ROUNDS} rounds: {acked} acknowledged messages of {count}, all in place")


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_stream_in_memory_begins_anew(own_duolog, end):
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        answer = wire.api("STREAM.CREATE.m", {"name": "m", "subjects": ["m.>"], "storage": "memory", "max_msgs": 50})
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
