"""Core NATS as an application uses it, with nats-py. Every test runs against Duolog and against nats-server."""

import asyncio

import nats
import nats.errors
import pytest

from harness.nats_py import connected, settled


@connected
async def test_publish_and_subscribe(client, server, name):
    subscription = await client.subscribe(f"{name}.*")
    for number in range(100):
        await client.publish(f"{name}.{number}", str(number).encode())
    received = [await subscription.next_msg(timeout=5) for _ in range(100)]
    assert [(m.subject, m.data) for m in received] == [(f"{name}.{n}", b"%d" % n) for n in range(100)]


@connected
async def test_request_and_reply(client, server, name):
    async def answer(message):
        await message.respond(b"re: " + message.data)

    await client.subscribe(name, cb=answer)
    answers = await asyncio.gather(*(client.request(name, b"%d" % n, timeout=5) for n in range(50)))
    assert [m.data for m in answers] == [b"re: %d" % n for n in range(50)]


@connected
async def test_a_request_that_nobody_answers_fails_at_once(client, server, name):
    with pytest.raises(nats.errors.NoRespondersError):
        await client.request(name, b"hello?", timeout=5)


@connected
async def test_headers(client, server, name):
    subscription = await client.subscribe(name)
    await client.publish(name, b"body", headers={"A": "one", "B": "two words"})
    message = await subscription.next_msg(timeout=5)
    assert message.headers == {"A": "one", "B": "two words"}
    assert message.data == b"body"


@connected
async def test_a_queue_group_shares_the_work(client, server, name):
    counts = [0, 0, 0]
    others = [await nats.connect(server.nats_url) for _ in counts]
    for index, other in enumerate(others):
        async def count(_, index=index):
            counts[index] += 1

        await other.subscribe(name, queue="workers", cb=count)
        await settled(other)
    for _ in range(300):
        await client.publish(name, b"work")
    await settled(client)
    for _ in range(200):
        if sum(counts) == 300:
            break
        await asyncio.sleep(0.02)
    assert sum(counts) == 300 and min(counts) > 30
    for other in others:
        await other.close()


@connected
async def test_unsubscribe_after_a_number_of_messages(client, server, name):
    received = []

    async def keep(message):
        received.append(message.data)

    subscription = await client.subscribe(name, cb=keep)
    await subscription.unsubscribe(limit=3)
    for number in range(10):
        await client.publish(name, b"%d" % number)
    await settled(client)
    async with asyncio.timeout(10):
        while len(received) < 3:
            await asyncio.sleep(0.01)
    await settled(client)
    assert received == [b"0", b"1", b"2"]


@connected
async def test_drain_finishes_what_has_arrived(client, server, name):
    received = []

    async def keep(message):
        await asyncio.sleep(0)
        received.append(message.data)

    other = await nats.connect(server.nats_url)
    await other.subscribe(name, cb=keep)
    await settled(other)
    for number in range(200):
        await client.publish(name, b"%d" % number)
    await settled(client)
    await other.drain()
    assert received == [b"%d" % n for n in range(200)]
    assert other.is_closed


@connected
async def test_a_large_message(client, server, name):
    payload = bytes(range(256)) * 4096
    assert len(payload) == client.max_payload
    subscription = await client.subscribe(name, pending_bytes_limit=1 << 30)
    for _ in range(8):
        await client.publish(name, payload)
    for _ in range(8):
        assert (await subscription.next_msg(timeout=10)).data == payload


@connected
async def test_the_client_refuses_what_is_too_large(client, server, name):
    with pytest.raises(nats.errors.MaxPayloadError):
        await client.publish(name, b"x" * (client.max_payload + 1))


@connected
async def test_many_connections_talk_at_once(client, server, name):
    others = await asyncio.gather(*(nats.connect(server.nats_url) for _ in range(50)))
    subscriptions = [await other.subscribe(f"{name}.all") for other in others]
    await asyncio.gather(*(settled(other) for other in others))
    for other in others:
        await other.publish(f"{name}.all", b"x")
    await asyncio.gather(*(settled(other) for other in others))
    for subscription in subscriptions:
        for _ in others:
            assert (await subscription.next_msg(timeout=5)).data == b"x"
    await asyncio.gather(*(other.close() for other in others))
