"""A data folder of format 1, as a server of that time left it when it was killed, is taken up with everything in it.

`Tests/Golden/folder_format_1.py` says what was done to it.
"""

import json
import tarfile
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from harness.kafka import consumer, produce, read
from harness.nats_wire import Wire

ARCHIVE = Path(__file__).parents[1] / "Golden" / "folder-format-1.tar.xz"


@pytest.fixture
def server(own_duolog):
    server = own_duolog(launch_only=True)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(server.folder, filter="data")
    assert "format 1\n" in (server.data / "format").read_text()
    return server


def fetch(wire, stream, durable, count):
    """All that the consumer has to give: stream sequences with the number of the delivery."""
    wire.send("SUB inbox 1\r\n")
    wire.publish(
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", json.dumps({"batch": count, "no_wait": True}), reply="inbox")
    found = {}
    while (message := wire.message())[2]:
        _, _, _, _, deliveries, sequence, *_ = message[2].split(".")
        found[int(sequence)] = int(deliveries)
    assert b" 404 " in message[3] or b" 408 " in message[3], message
    wire.send("UNSUB 1\r\n").expect_nothing_more()
    return found


def check_kafka(server, produced):
    one = consumer(server, "another")
    one.assign([TopicPartition("events", partition, 0) for partition in range(2)])
    records = sorted((m.partition(), m.offset(), m.key(), m.value(), m.headers()) for m in read(one, 40 + produced))
    assert one.poll(0.5) is None
    one.close()
    assert records[:20] + records[20 + produced:] == [
        (partition, offset, b"key-%d" % number, b"event %d " % number * 5, [("number", b"%d" % number)])
        for partition in range(2) for offset in range(20) for number in [2 * offset + partition]]
    group = consumer(server, "readers")
    committed = group.committed([TopicPartition("events", partition) for partition in range(2)], timeout=10)
    group.close()
    assert [(entry.offset, entry.metadata) for entry in committed] == [(7, "seven"), (20, None)]


def check_stream(wire):
    state = wire.api("STREAM.INFO.ORDERS")["state"]
    assert (state["messages"], state["first_seq"], state["num_subjects"], state["num_deleted"]) == (19, 1, 3, 1)
    message = wire.api("STREAM.MSG.GET.ORDERS", {"seq": 20})["message"]
    assert (message["subject"], message["time"][:13]) == ("orders.2", "2025-01-01T12")
    assert wire.api("STREAM.MSG.GET.ORDERS", {"seq": 5})["error"]["err_code"] == 10037


def test_everything_of_it_is_there_and_goes_on(server):
    server.start()
    assert "format 2\n" in (server.data / "format").read_text()
    assert "damaged" not in server.log and "not understood" not in server.log
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True)
        check_stream(wire)
        info = wire.api("CONSUMER.INFO.ORDERS.billing")
        assert info["ack_floor"]["stream_seq"] == 7, "1 to 7 are acked, but for 5, which is deleted"
        assert (info["num_ack_pending"], info["num_pending"]) == (4, 9)
        # Those that waited for an ack come again, and then the others.
        assert fetch(wire, "ORDERS", "billing", 100) == {8: 2, 9: 2, 10: 2, 11: 2, **{n: 1 for n in range(12, 21)}}
        assert wire.api("STREAM.INFO.JOBS")["state"]["messages"] == 3
        assert fetch(wire, "JOBS", "worker", 100) == {3: 1, 4: 1, 5: 1}
        assert wire.api("STREAM.INFO.events@0")["state"]["messages"] == 20
        assert json.loads(wire.request("orders.0", "order 21")[4])["seq"] == 21
        wire.api("STREAM.MSG.DELETE.ORDERS", {"seq": 21})
    check_kafka(server, 0)
    assert produce(server, "events", [(b"new", b"new", [], -1, 0)])[0].offset() == 20

    # Once more, of what this version wrote; and once after a clean end, of its snapshots.
    for end in [server.kill, server.stop]:
        end()
        server.start()
        assert "damaged" not in server.log and "not understood" not in server.log
        with Wire(server.nats_port) as wire:
            wire.connect(headers=True)
            state = wire.api("STREAM.INFO.ORDERS")["state"]
            assert (state["messages"], state["last_seq"], state["num_deleted"]) == (19, 21, 2)
            assert wire.api("CONSUMER.INFO.ORDERS.billing")["delivered"]["stream_seq"] == 20
            assert wire.api("STREAM.INFO.JOBS")["state"]["messages"] == 3
        check_kafka(server, 1)
