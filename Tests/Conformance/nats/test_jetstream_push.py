"""Push consumers with nats-py and with raw frames. Every test runs against Duolog and against nats-server."""

import asyncio
import json

import pytest
from nats.js.api import ConsumerConfig

from harness.nats_py import with_jetstream
from harness.nats_wire import header_block


@with_jetstream
async def test_a_push_subscription_gets_what_is_there_and_what_comes(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.>"])
    for number in range(50):
        await js.publish(f"{name}.a", b"%d" % number)
    subscription = await js.subscribe(f"{name}.>", durable="d", manual_ack=True)
    for number in range(50, 100):
        await js.publish(f"{name}.a", b"%d" % number)
    for number in range(100):
        message = await subscription.next_msg(timeout=5)
        assert message.data == b"%d" % number
        await message.ack_sync()
    info = await subscription.consumer_info()
    assert (info.num_pending, info.num_ack_pending) == (0, 0)


@with_jetstream
async def test_an_ordered_consumer(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.>"])
    for number in range(200):
        await js.publish(f"{name}.a", b"%d" % number)
    subscription = await js.subscribe(f"{name}.>", ordered_consumer=True)
    received = [(await subscription.next_msg(timeout=5)).data for _ in range(200)]
    assert received == [b"%d" % n for n in range(200)]


@with_jetstream
async def test_a_push_queue_group_shares_the_messages(js, name):
    await js.add_stream(name=name, subjects=[name])
    counts = [0, 0]

    def counter(index):
        async def count(message):
            counts[index] += 1
            await message.ack()
        return count

    for index in (0, 1):
        await js.subscribe(name, queue="workers", cb=counter(index), manual_ack=True)
    for number in range(100):
        await js.publish(name, b"%d" % number)
    for _ in range(250):
        if sum(counts) == 100:
            break
        await asyncio.sleep(0.02)
    assert sum(counts) == 100 and min(counts) > 0


@with_jetstream
async def test_what_is_not_acked_is_pushed_again(js, name):
    await js.add_stream(name=name, subjects=[name])
    await js.publish(name, b"x")
    subscription = await js.subscribe(name, durable="d", manual_ack=True, config=ConsumerConfig(ack_wait=0.3))
    first = await subscription.next_msg(timeout=5)
    again = await subscription.next_msg(timeout=5)
    assert (first.metadata.num_delivered, again.metadata.num_delivered) == (1, 2)
    await again.ack_sync()


def test_an_idle_push_consumer_sends_heartbeats(wire, name):
    js = wire(headers=True)
    js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
    js.request(name, "x")
    js.send(f"SUB deliver.{name} d\r\n")
    answer = js.api(f"CONSUMER.CREATE.{name}.c", {"stream_name": name, "config": {
        "durable_name": "c", "ack_policy": "none", "deliver_subject": f"deliver.{name}", "deliver_policy": "new",
        "idle_heartbeat": 150_000_000}})
    assert "error" not in answer, answer
    message = js.message()
    assert message[3].startswith(b"NATS/1.0 100 Idle Heartbeat\r\n")
    assert b"Nats-Last-Consumer: 0\r\n" in message[3] and message[4] == b""


def test_flow_control_asks_before_it_goes_on(wire, name):
    js = wire(headers=True)
    js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
    for _ in range(60):
        js.request(name, b"x" * 100_000)
    js.send(f"SUB deliver.{name} d\r\n")
    js.publish(f"$JS.API.CONSUMER.CREATE.{name}.c", json.dumps({"stream_name": name, "config": {
        "durable_name": "c", "ack_policy": "none", "deliver_subject": f"deliver.{name}",
        "flow_control": True, "idle_heartbeat": 5_000_000_000}}))
    data = asked = 0
    while data < 60:
        message = js.message()
        if message[4]:
            data += 1
        elif message[2]:
            assert message[3] == header_block(status="100 FlowControl Request")
            assert message[2].startswith(f"$JS.FC.{name}.c.")
            asked += 1
            js.publish(message[2], "")
    assert asked > 0


def test_a_push_consumer_waits_for_a_subscriber(wire, name):
    js = wire(headers=True)
    js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
    js.request(name, "x")
    js.api(f"CONSUMER.CREATE.{name}.c", {"stream_name": name, "config": {
        "durable_name": "c", "ack_policy": "explicit", "deliver_subject": f"deliver.{name}"}})
    info = js.api(f"CONSUMER.INFO.{name}.c")
    assert not info.get("push_bound") and info["delivered"]["consumer_seq"] == 0
    js.send(f"SUB deliver.{name} d\r\n")
    assert js.message()[4] == b"x"
    assert js.api(f"CONSUMER.INFO.{name}.c")["push_bound"] is True


def test_pulling_from_a_push_consumer_is_refused(wire, name):
    js = wire(headers=True)
    js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
    js.api(f"CONSUMER.CREATE.{name}.c", {"stream_name": name, "config": {
        "durable_name": "c", "ack_policy": "explicit", "deliver_subject": f"deliver.{name}"}})
    answer = js.request(f"$JS.API.CONSUMER.MSG.NEXT.{name}.c", "1")
    assert answer[3] == header_block(status="409 Consumer is push based")


@pytest.mark.parametrize("config, err_code", [
    ({"deliver_subject": "a.*"}, 10079), ({"deliver_subject": "d", "max_waiting": 5}, 10080),
    ({"deliver_subject": "d", "flow_control": True}, 10108)])
def test_settings_that_do_not_go_together_are_refused(wire, name, config, err_code):
    js = wire(headers=True)
    js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
    answer = js.api(f"CONSUMER.CREATE.{name}.c", {"stream_name": name, "config": {
        "durable_name": "c", "ack_policy": "explicit", **config}})
    assert answer["error"]["err_code"] == err_code
