"""Creates the JetStream stream `orders` and publishes 10,000 messages to it, with nats-py."""

import asyncio
import os

import nats

COUNT = 10_000


async def main():
    client = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    js = client.jetstream()
    await js.add_stream(name="orders", subjects=["orders.>"])

    sequences = []
    for start in range(0, COUNT, 500):
        acks = [
            js.publish(f"orders.eu.{n}", f"order {n}".encode(), headers={"Number": str(n)})
            for n in range(start, start + 500)
        ]
        sequences += [ack.seq for ack in await asyncio.gather(*acks)]

    assert sequences == list(range(1, COUNT + 1))
    print(f"{len(sequences)} messages are on disk, with sequences {sequences[0]} to {sequences[-1]}")
    await client.close()


asyncio.run(main())
