"""Writes with both protocols until the server dies, and checks afterwards that it kept its promises.

    crash.py write    writes to the stream `ledger` and reads from it, until the server is gone
    crash.py check    after a restart: compares the log with what had been acknowledged
"""

import asyncio
import json
import os
import sys
import threading
import time

import nats
from confluent_kafka import Consumer, Producer, TopicPartition

NATS = os.environ.get("NATS_URL", "nats://localhost:4222")
KAFKA = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
NOTES = "crash-notes.json"


async def ignore(_):
    """What nats-py tells of a lost connection. Here that is no news."""


async def connect():
    return await nats.connect(NATS, allow_reconnect=False, error_cb=ignore)


# ---- write ---------------------------------------------------------------------------------------


def write_as_kafka(acked, gone):
    """An idempotent producer. Acknowledged values and their offsets go to `acked`."""
    producer = Producer({
        "bootstrap.servers": KAFKA, "enable.idempotence": True, "linger.ms": 2, "log_level": 0,
        "error_cb": lambda error: None})

    def report(error, message):
        if error is None:
            acked[message.value().decode()] = message.offset()

    n = 0
    while not gone.is_set():
        producer.produce("ledger", key=f"kafka.{n % 10}", value=f"kafka {n}", on_delivery=report)
        n += 1
        producer.poll(0.001 if len(producer) < 1000 else 0.05)
    producer.purge()
    producer.flush(5)


def commit_as_kafka(committed, gone):
    """A consumer group that commits as it reads. The last acknowledged commit stays in `committed`."""
    consumer = Consumer({
        "bootstrap.servers": KAFKA, "group.id": "audit", "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "log_level": 0, "error_cb": lambda error: None})
    consumer.subscribe(["ledger"])
    while not gone.is_set():
        if messages := consumer.consume(100, 0.1):
            try:
                after = messages[-1].offset() + 1
                consumer.commit(offsets=[TopicPartition("ledger", 0, after)], asynchronous=False)
                committed.append(after)
            except Exception:
                break


async def write():
    notes = {"nats": {}, "kafka": {}, "committed": [0], "acked": 0}
    setup = await connect()
    js = setup.jetstream()
    await js.add_stream(name="ledger", subjects=["ledger.>"])
    await js.pull_subscribe("ledger.>", durable="audit")
    gone = threading.Event()
    threads = [
        threading.Thread(target=write_as_kafka, args=(notes["kafka"], gone), daemon=True),
        threading.Thread(target=commit_as_kafka, args=(notes["committed"], gone), daemon=True),
    ]
    for thread in threads:
        thread.start()

    async def publish():
        publisher = (await connect()).jetstream(timeout=2)
        for start in range(0, 1 << 40, 50):
            values = [f"nats {n}" for n in range(start, start + 50)]
            acks = await asyncio.gather(*(
                publisher.publish("ledger.nats", value.encode()) for value in values))
            notes["nats"].update((value, ack.seq - 1) for value, ack in zip(values, acks))

    async def acknowledge():
        subscription = await (await connect()).jetstream(timeout=2).pull_subscribe_bind("audit", stream="ledger")
        while True:
            for message in await subscription.fetch(50, timeout=2):
                await message.ack_sync(timeout=2)
                notes["acked"] = message.metadata.sequence.stream

    print("writing until the server is gone", flush=True)
    tasks = [asyncio.create_task(publish()), asyncio.create_task(acknowledge())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    gone.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for thread in threads:
        await asyncio.to_thread(thread.join, 3)
    with open(NOTES, "w") as file:
        json.dump({**notes, "kafka": dict(notes["kafka"]), "committed": notes["committed"][-1]}, file)
    print(f"gone; acknowledged were {len(notes['nats'])} NATS messages and {len(notes['kafka'])} Kafka records")


# ---- check ---------------------------------------------------------------------------------------


def read_as_kafka():
    """Offset to value, for all of the log; and where the group `audit` goes on."""
    consumer = Consumer({"bootstrap.servers": KAFKA, "group.id": "audit", "enable.auto.commit": False})
    partition = TopicPartition("ledger", 0, 0)
    end = consumer.get_watermark_offsets(partition, timeout=20)[1]
    goes_on = consumer.committed([partition], timeout=20)[0].offset
    consumer.assign([partition])
    records = {}
    while len(records) < end:
        for message in consumer.consume(1000, 1):
            records[message.offset()] = message.value().decode()
    consumer.close()
    return records, goes_on


async def read_as_jetstream(count):
    """Sequence to value, for all of the stream; and where the consumer `audit` goes on."""
    js = (await connect()).jetstream(timeout=10)
    floor = (await js.consumer_info("ledger", "audit")).ack_floor.stream_seq
    subscription = await js.pull_subscribe("ledger.>", durable=f"check-{time.time_ns()}")
    messages = {}
    while len(messages) < count:
        for message in await subscription.fetch(500, timeout=10):
            messages[message.metadata.sequence.stream] = message.data.decode()
            await message.ack()
    return messages, floor


async def check():
    with open(NOTES) as file:
        notes = json.load(file)
    records, goes_on = await asyncio.to_thread(read_as_kafka)
    messages, floor = await read_as_jetstream(len(records))

    assert messages == {offset + 1: value for offset, value in records.items()}, "the views differ"
    values = list(records.values())
    for writer in ("nats", "kafka"):
        for value, offset in notes[writer].items():
            assert records[offset] == value, f"{value} was acknowledged at {offset}"
        numbers = [int(value.split()[1]) for value in values if value.startswith(writer)]
        assert numbers == sorted(set(numbers)), f"{writer}: doubled or reordered"
    assert goes_on >= notes["committed"] and floor >= notes["acked"]
    acked = len(notes["nats"]) + len(notes["kafka"])
    print(f"all {acked} acknowledged messages are there, once, at their places, in both views")
    print(f"the consumer group goes on at offset {goes_on}, the pull consumer behind sequence {floor}")


asyncio.run({"write": write, "check": check}[sys.argv[1]]())
