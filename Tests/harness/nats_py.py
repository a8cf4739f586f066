"""Hands tests a connected nats-py client."""

import nats


def connected(test):
    """Calls the test with a connected client, the server, and a name that no other test uses."""

    async def run(nats_server, name):
        client = await nats.connect(nats_server.nats_url, connect_timeout=5)
        try:
            await test(client, nats_server, name)
        finally:
            await client.close()

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def with_jetstream(test):
    """Calls the test with a JetStream context, and a name that no other test uses."""

    @connected
    async def run(client, _, name):
        await test(client.jetstream(timeout=5), name)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def settled(client):
    """Returns when the server has seen all that the client was told to send.

    nats-py's `flush` writes its PING at once, past what still waits to be sent; the second PING comes behind it.
    """
    await client.flush()
    await client.flush()


async def round_trip(url, **options):
    """A client connects, and gets an answer from itself that is larger than what is read or written at once."""
    client = await nats.connect(url, connect_timeout=5, allow_reconnect=False, max_reconnect_attempts=0, **options)
    try:
        async def answer(message):
            await message.respond(message.data * 2)

        await client.subscribe("double", cb=answer)
        assert (await client.request("double", b"x" * 100_000, timeout=5)).data == b"x" * 200_000
    finally:
        await client.close()
