"""Load from both protocols that survives the death of the server, and a checker of what was promised.

Each writer writes the numbers 0, 1, 2, … as `<writer>:<number>`. What the server acknowledged is remembered with
the place that it gave. After any number of crashes the log must hold every acknowledged number, at that place, once,
and the numbers of each writer in their order.
"""

import json
import os
import random
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from harness.nats_wire import Wire, header_block


def crash_rounds(usual: int) -> int:
    """How often a test crashes the server; DUOLOG_KILL_ROUNDS says otherwise."""
    return int(os.environ.get("DUOLOG_KILL_ROUNDS", usual))


def chance() -> random.Random:
    """What the crashes of a test are drawn from. The seed is in its output, and DUOLOG_KILL_SEED repeats it."""
    seed = int(os.environ.get("DUOLOG_KILL_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    return random.Random(seed)


class Load:
    """Readers of some topics, each with the topic's writers."""

    def __init__(self, server, *parts):
        self.server, self.parts = server, parts
        self.writers = [writer for _, writers in parts for writer in writers]

    def start(self) -> "Load":
        for writer in self.writers:
            writer.start()
        return self

    def read_on(self):
        for reader, _ in self.parts:
            reader.read_on()

    def survive_kills(self, rounds: int, chance, longest: float):
        """The server is killed after a while that is drawn, so often; half of the times all is read before the next time."""
        for _ in range(rounds):
            time.sleep(chance.uniform(0.1, longest))
            self.server.kill()
            time.sleep(chance.uniform(0, 0.1))
            self.server.start()
            if chance.random() < 0.5:
                self.read_on()

    def end(self, least: int) -> str:
        """Ends it with one more crash. At least so many messages were acknowledged, and all have kept their places."""
        for writer in self.writers:
            writer.finish()
        self.read_on()
        self.server.kill()
        self.server.start()
        count = sum(check(reader, writers) for reader, writers in self.parts)
        acked = sum(len(writer.acked) for writer in self.writers)
        assert acked >= least, f"{acked} messages are no load to speak of"
        return f"{acked} acknowledged messages of {count} in the log, all in place"


class Writer:
    """What all writers have: a thread that runs until it is told to stop, and the places it was given."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.acked = {}
        self.sent = 0
        self.trouble = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name=name, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def finish(self, seconds=60):
        """Stops and waits until everything that was sent is acknowledged."""
        self._stop.set()
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"{self.name} did not finish in {seconds} s"
        assert not self.trouble, f"{self.name}: {self.trouble[:3]}"

    def _guarded(self):
        try:
            self.run()
        except Exception as error:
            self.trouble.append(repr(error))


class NATSWriter(Writer):
    """Publishes to a stream in pipelines of some messages, each with an id; repeats what was not acknowledged."""

    pipeline = 40

    def __init__(self, server, name, subject):
        super().__init__(server, name)
        self.subject = subject

    def run(self):
        pending, wire = [], None
        while not self._stop.is_set() or pending:
            if not pending:
                pending = list(range(self.sent, self.sent + self.pipeline))
                self.sent += self.pipeline
            try:
                wire = wire or self._connect()
                for number in pending:
                    wire.publish(
                        self.subject, f"{self.name}:{number}", reply=f"acks.{self.name}.{number}",
                        headers=header_block(f"Nats-Msg-Id: {self.name}-{number}"))
                while pending:
                    subject, _, _, _, payload = wire.message()
                    ack = json.loads(payload)
                    if "error" in ack:
                        self.trouble.append(ack["error"])
                        return
                    number = int(subject.rsplit(".", 1)[1])
                    self.acked[number] = (0, ack["seq"] - 1)
                    pending.remove(number)
            except (OSError, AssertionError, ValueError):
                wire = None
                time.sleep(0.02)

    def _connect(self):
        return Wire(self.server.nats_port, timeout=5).connect(headers=True).send(f"SUB acks.{self.name}.* 1\r\n")


class KafkaWriter(Writer):
    """One idempotent producer that lives through all crashes; its library repeats what was not acknowledged."""

    def __init__(self, server, name, topic, key, rate=4000):
        super().__init__(server, name)
        self.topic, self.key, self.rate = topic, key, rate

    def run(self):
        producer = Producer({
            "bootstrap.servers": self.server.kafka, "enable.idempotence": True, "linger.ms": 2,
            "message.timeout.ms": 300_000, "retry.backoff.ms": 20, "reconnect.backoff.ms": 10,
            "reconnect.backoff.max.ms": 50, "socket.timeout.ms": 5000, "log_level": 0,
            "error_cb": lambda error: None})

        def report(error, message):
            if error:
                self.trouble.append(str(error))
            else:
                number = int(message.value().split(b":")[1])
                self.acked[number] = (message.partition(), message.offset())

        began = time.monotonic()
        while not self._stop.is_set() and not self.trouble:
            allowed = (time.monotonic() - began) * self.rate
            while self.sent < allowed and len(producer) < 5000:
                producer.produce(
                    self.topic, key=self.key(self.sent), value=f"{self.name}:{self.sent}", on_delivery=report)
                self.sent += 1
            producer.poll(0.005)
        left = producer.flush(50)
        if left:
            self.trouble.append(f"{left} messages were not delivered")


class Reader:
    """Reads a topic through Kafka, a part after each crash, and remembers every record's place and value."""

    def __init__(self, server, topic, partitions=1):
        self.server, self.topic, self.partitions = server, topic, partitions
        self.records = {(p): {} for p in range(partitions)}

    def read_on(self):
        """Reads from where it was to the end of now."""
        starts = {p: max(found, default=-1) + 1 for p, found in self.records.items()}
        for partition, found in read_partitions(self.server, self.topic, starts).items():
            self.records[partition].update(found)

    def read_again(self):
        """All records from the start, afresh."""
        return read_partitions(self.server, self.topic, dict.fromkeys(range(self.partitions), 0))


def read_partitions(server, topic, starts, seconds=60):
    """Offset to value for each partition, from the given offsets to the end of now."""
    one = Consumer({"bootstrap.servers": server.kafka, "group.id": "reader", "enable.auto.commit": False,
                    "enable.partition.eof": False, "fetch.wait.max.ms": 10, "log_level": 0})
    found = {p: {} for p in starts}
    ends = {p: one.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in starts}
    open_ = {p for p in starts if starts[p] < ends[p]}
    one.assign([TopicPartition(topic, p, starts[p]) for p in open_])
    deadline = time.monotonic() + seconds
    while open_:
        assert time.monotonic() < deadline, f"{topic} could not be read in {seconds} s; open: {open_}"
        for message in one.consume(5000, 0.1):
            assert not message.error(), message.error()
            if message.offset() < ends[message.partition()]:
                found[message.partition()][message.offset()] = message.value().decode()
            if message.offset() >= ends[message.partition()] - 1:
                open_.discard(message.partition())
    one.close()
    return found


def check(reader: Reader, writers):
    """Raises unless the log holds what the writers were promised."""
    again = reader.read_again()
    for partition, records in reader.records.items():
        moved = {o for o, value in records.items() if again[partition].get(o) != value}
        assert not moved, f"{len(moved)} records changed place or value, such as {sorted(moved)[:5]}"
        offsets = sorted(again[partition])
        assert offsets == list(range(len(offsets))), "there are gaps"
    places = {}
    for partition, records in again.items():
        for offset, value in sorted(records.items()):
            places.setdefault(value, []).append((partition, offset))
    twice = {value: found for value, found in places.items() if len(found) > 1}
    assert not twice, f"{len(twice)} numbers are there twice, such as {list(twice.items())[:3]}"
    known = 0
    for writer in writers:
        for number, place in writer.acked.items():
            found = places.get(f"{writer.name}:{number}")
            assert found == [place], f"{writer.name}:{number} was acknowledged at {place}, and is at {found}"
        for partition, records in again.items():
            numbers = [int(value.split(":")[1]) for _, value in sorted(records.items())
                       if value.startswith(writer.name + ":")]
            known += len(numbers)
            assert numbers == sorted(numbers), f"{writer.name} was reordered in partition {partition}"
            assert all(number < writer.sent for number in numbers), f"{writer.name} never sent this"
    assert known == sum(map(len, again.values())), "there are records that nobody wrote"
    return known
