"""Work queues and streams with interest retention under kill -9: what was acked is gone for everybody, all else is there.

An ack with a reply subject that was answered is a promise. A consumer made after the one that acked is deleted must never get that
message, and must get each that was published and that nobody has tried to ack.
"""

import json
import os
import random
import threading
import time

import pytest

from harness.nats_wire import Wire

ROUNDS = int(os.environ.get("DUOLOG_KILL_ROUNDS", "8"))
SEED = int(os.environ.get("DUOLOG_KILL_SEED", str(random.randrange(1 << 32))))


class Load:
    """Publishes and acks on one connection a role until the server dies, and knows what was promised."""

    def __init__(self):
        self.published = set()
        self.acked = set()
        # Acks that were sent: whether they count is not known before they are answered.
        self.tried = set()

    def publish(self, port, subject):
        inbox = f"_INBOX.p.{subject}"
        with Wire(port) as wire:
            wire.connect(headers=True)
            wire.send(f"SUB {inbox} p\r\n")
            while True:
                wire.send(f"PUB {subject} {inbox} 1\r\nx\r\n" * 20)
                for _ in range(20):
                    self.published.add(json.loads(wire.message()[4])["seq"])

    def work(self, port, stream, consumer, chance):
        with Wire(port) as wire:
            wire.connect(headers=True)
            wire.send(f"SUB _INBOX.m.{consumer} m\r\nSUB _INBOX.a.{consumer}.* a\r\n")
            while True:
                wire.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
                             json.dumps({"batch": 30, "expires": 200_000_000}), reply=f"_INBOX.m.{consumer}")
                waiting, count, is_over = set(), 0, False
                while not is_over or waiting:
                    subject, sid, reply, headers, payload = wire.message()
                    if sid == "a":
                        sequence = int(subject.rsplit(".", 1)[1])
                        self.acked.add(sequence)
                        waiting.discard(sequence)
                    elif reply is None:
                        is_over = True
                    else:
                        count += 1
                        is_over = is_over or count == 30
                        if chance.random() < 0.7:
                            sequence = int(reply.split(".")[5])
                            self.tried.add(sequence)
                            waiting.add(sequence)
                            wire.publish(reply, b"+ACK", reply=f"_INBOX.a.{consumer}.{sequence}")


def until_it_dies(body, *arguments):
    """A thread that ends when its connection does."""

    def run():
        try:
            body(*arguments)
        except (AssertionError, OSError):
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def make_consumer(wire, stream, name, **more):
    config = {"durable_name": name, "ack_policy": "explicit", "max_ack_pending": -1, "ack_wait": 400_000_000, **more}
    answer = wire.api(f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": config})
    assert "error" not in answer, answer


def read_all(wire, stream, consumer):
    """The sequences of all that a consumer gets that acks nothing."""
    found = []
    wire.send(f"SUB _INBOX.r.{consumer} {consumer}\r\n")
    while True:
        wire.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", json.dumps({"batch": 500, "no_wait": True}), reply=f"_INBOX.r.{consumer}")
        count = len(found)
        while True:
            reply = wire.message()[2]
            if reply is None:
                break
            found.append(int(reply.split(".")[5]))
            if len(found) - count == 500:
                break
        if len(found) == count:
            return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("retention", ["workqueue", "interest"])
def test_what_was_acked_is_gone_and_nothing_else(own_duolog, report, retention):
    """DUOLOG_KILL_ROUNDS and DUOLOG_KILL_SEED choose how often and when."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    server = own_duolog()
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        answer = wire.api("STREAM.CREATE.jobs", {"name": "jobs", "subjects": ["jobs.>"], "retention": retention})
        assert "error" not in answer, answer
        make_consumer(wire, "jobs", "a", filter_subject="jobs.a")
        make_consumer(wire, "jobs", "b", filter_subject="jobs.b")
    loads = {"a": Load(), "b": Load()}
    for round_ in range(ROUNDS):
        threads = []
        for name, load in loads.items():
            threads.append(until_it_dies(load.publish, server.nats_port, f"jobs.{name}"))
            threads.append(until_it_dies(load.work, server.nats_port, "jobs", name, random.Random(chance.random())))
        time.sleep(chance.uniform(0.1, 0.8))
        server.kill()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        server.start()
        assert "damage" not in server.log and "not understood" not in server.log, server.log
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        state = wire.api("STREAM.INFO.jobs")["state"]
        counted = 0
        for name, load in loads.items():
            info = wire.api(f"CONSUMER.INFO.jobs.{name}")
            counted += info["num_ack_pending"] + info["num_pending"]
            if retention == "interest":
                # One that is deleted takes what it wants with it, so it begins again instead: what went does not come back.
                assert "error" not in wire.api(f"CONSUMER.RESET.jobs.{name}", {"seq": 1})
                reader = name
            else:
                assert wire.api(f"CONSUMER.DELETE.jobs.{name}")["success"]
                reader = f"new-{name}"
                make_consumer(wire, "jobs", reader, filter_subject=f"jobs.{name}", ack_wait=60_000_000_000)
            found = read_all(wire, "jobs", reader)
            assert len(found) == len(set(found))
            assert not load.acked & set(found), "acked, and there again"
            assert not (load.published - load.tried) - set(found), "lost"
            assert len(load.acked) > 20 * ROUNDS, "there was no load to speak of"
        # What consumers are done with takes no room, whether it was promised or not.
        assert state["messages"] == counted, "the stream keeps what its consumers are done with"
        acked, published = (sum(len(getattr(load, what)) for load in loads.values()) for what in ("acked", "published"))
    report(f"{retention} under {ROUNDS} kills: {acked} of {published} messages acked and gone, {state['messages']} left")
