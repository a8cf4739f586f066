"""JetStream as an application uses it, with nats-py. Every test runs against Duolog and against nats-server."""

import asyncio

import nats.errors
import pytest
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError

from harness.nats_py import with_jetstream


@with_jetstream
async def test_streams_are_made_changed_listed_and_deleted(js, name):
    info = await js.add_stream(name=name, subjects=[f"{name}.*"], storage=StorageType.FILE)
    assert (info.config.name, info.config.subjects) == (name, [f"{name}.*"])
    info = await js.update_stream(StreamConfig(name=name, subjects=[f"{name}.*"], description="changed"))
    assert info.config.description == "changed"
    assert name in [stream.config.name for stream in await js.streams_info()]
    assert await js.find_stream_name_by_subject(f"{name}.a") == name
    assert await js.delete_stream(name)
    with pytest.raises(NotFoundError):
        await js.stream_info(name)


@with_jetstream
async def test_publishes_are_acked_with_rising_sequences(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.>"])
    acks = [await js.publish(f"{name}.{n}", b"%d" % n, headers={"n": str(n)}) for n in range(200)]
    assert [(ack.stream, ack.seq) for ack in acks] == [(name, n + 1) for n in range(200)]


@with_jetstream
async def test_many_publishes_at_once(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.>"])
    acks = await asyncio.gather(*(js.publish(f"{name}.{n}", b"%d" % n) for n in range(500)))
    assert [ack.seq for ack in acks] == list(range(1, 501))
    for sequence in (1, 250, 500):
        assert (await js.get_msg(name, sequence)).data == b"%d" % (sequence - 1)


@with_jetstream
async def test_a_message_id_is_stored_once(js, name):
    await js.add_stream(name=name, subjects=[name])
    first = await js.publish(name, b"x", headers={"Nats-Msg-Id": "7"})
    again = await js.publish(name, b"x", headers={"Nats-Msg-Id": "7"})
    assert (again.seq, again.duplicate) == (first.seq, True)
    assert (await js.stream_info(name)).state.messages == 1


@with_jetstream
async def test_an_expectation_that_fails_raises(js, name):
    await js.add_stream(name=name, subjects=[name])
    await js.publish(name, b"x")
    with pytest.raises(BadRequestError) as raised:
        await js.publish(name, b"x", headers={"Nats-Expected-Last-Sequence": "7"})
    assert raised.value.err_code == 10071


@with_jetstream
async def test_fetch_and_ack_to_the_end(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.>"])
    for number in range(100):
        await js.publish(f"{name}.{number}", b"%d" % number)
    subscription = await js.pull_subscribe(f"{name}.>", durable="d")
    received = []
    while len(received) < 100:
        for message in await subscription.fetch(30, timeout=5):
            assert message.metadata.sequence.stream == len(received) + 1
            assert message.metadata.num_delivered == 1
            received.append(message.data)
            await message.ack_sync()
    assert received == [b"%d" % n for n in range(100)]
    info = await subscription.consumer_info()
    assert (info.num_pending, info.num_ack_pending, info.ack_floor.stream_seq) == (0, 0, 100)


@with_jetstream
async def test_a_fetch_of_nothing_times_out(js, name):
    await js.add_stream(name=name, subjects=[name])
    subscription = await js.pull_subscribe(name, durable="d")
    with pytest.raises(nats.errors.TimeoutError):
        await subscription.fetch(1, timeout=0.5)


@with_jetstream
async def test_a_fetch_waits_for_what_comes(js, name):
    await js.add_stream(name=name, subjects=[name])
    subscription = await js.pull_subscribe(name, durable="d")
    fetch = asyncio.create_task(subscription.fetch(1, timeout=10))
    await asyncio.sleep(0.1)
    await js.publish(name, b"late")
    assert [message.data for message in await fetch] == [b"late"]


@with_jetstream
async def test_nak_in_progress_and_term(js, name):
    await js.add_stream(name=name, subjects=[name])
    for number in range(3):
        await js.publish(name, b"%d" % number)
    subscription = await js.pull_subscribe(name, durable="d", config=ConsumerConfig(ack_wait=2))
    zero, one, two = await subscription.fetch(3, timeout=5)
    await zero.nak()
    await one.term()
    await two.in_progress()
    await two.ack()
    again = (await subscription.fetch(1, timeout=5))[0]
    assert (again.data, again.metadata.num_delivered) == (b"0", 2)
    await again.ack_sync()
    assert (await subscription.consumer_info()).num_ack_pending == 0


@with_jetstream
async def test_a_consumer_goes_on_where_it_was(js, name):
    await js.add_stream(name=name, subjects=[name])
    for number in range(10):
        await js.publish(name, b"%d" % number)
    first = await js.pull_subscribe(name, durable="d")
    for message in await first.fetch(4, timeout=5):
        await message.ack_sync()
    await first.unsubscribe()
    second = await js.pull_subscribe_bind("d", stream=name)
    assert (await second.fetch(1, timeout=5))[0].data == b"4"


@with_jetstream
async def test_where_delivery_starts(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.*"])
    for number in range(10):
        await js.publish(f"{name}.{number % 2}", b"%d" % number)

    async def first_with(**config):
        consumer = f"c{sum(map(ord, str(config)))}"
        await js.add_consumer(name, ConsumerConfig(durable_name=consumer, ack_policy=AckPolicy.EXPLICIT, **config))
        subscription = await js.pull_subscribe_bind(consumer, stream=name)
        return (await subscription.fetch(1, timeout=5))[0].data

    assert await first_with(deliver_policy=DeliverPolicy.ALL) == b"0"
    assert await first_with(deliver_policy=DeliverPolicy.LAST) == b"9"
    assert await first_with(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=5) == b"4"
    assert await first_with(
        deliver_policy=DeliverPolicy.LAST_PER_SUBJECT, filter_subject=f"{name}.*") == b"8"
    assert await first_with(filter_subject=f"{name}.1") == b"1"


@with_jetstream
async def test_messages_are_read_and_deleted_one_by_one(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.*"], allow_direct=True)
    await js.publish(f"{name}.a", b"one", headers={"H": "1"})
    await js.publish(f"{name}.b", b"two")
    message = await js.get_msg(name, 1)
    assert (message.subject, message.data, message.headers["H"]) == (f"{name}.a", b"one", "1")
    assert (await js.get_last_msg(name, f"{name}.b")).data == b"two"
    assert (await js.get_msg(name, 1, direct=True)).data == b"one"
    assert (await js.get_msg(name, subject=f"{name}.b", direct=True, next=True)).data == b"two"
    await js.delete_msg(name, 1)
    with pytest.raises(NotFoundError):
        await js.get_msg(name, 1)


@with_jetstream
async def test_purge(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.*"])
    for number in range(10):
        await js.publish(f"{name}.{number % 2}", b"x")
    await js.purge_stream(name, subject=f"{name}.0")
    assert (await js.stream_info(name)).state.messages == 5
    await js.purge_stream(name, keep=1)
    assert (await js.stream_info(name)).state.messages == 1
    await js.purge_stream(name)
    assert (await js.stream_info(name)).state.messages == 0


@with_jetstream
async def test_account_info(js, name):
    info = await js.account_info()
    assert info.limits.max_streams == -1 and info.streams >= 0


@with_jetstream
async def test_errors_have_their_numbers(js, name):
    await js.add_stream(name=name, subjects=[name])
    with pytest.raises(APIError) as raised:
        await js.add_stream(name=name, subjects=[f"{name}.other"])
    assert raised.value.err_code == 10058
    with pytest.raises(NotFoundError) as raised:
        await js.consumer_info(name, "nobody")
    assert raised.value.err_code == 10014
