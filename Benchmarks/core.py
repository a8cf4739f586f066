"""Core NATS over raw sockets: publishers send blocks made beforehand, subscribers count bytes.

The figures of one run say little on a busy machine; compare the servers of the same run.
"""

import multiprocessing
import socket

from measure import measured, running

SUBJECT = "bench.subject"
BLOCK = 64 << 10


def connected(port, *lines):
    """A socket behind CONNECT and the given lines, all of them processed."""
    one = socket.create_connection(("127.0.0.1", port))
    one.recv(1 << 16)
    one.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\n' + b"".join(lines) + b"PING\r\n")
    held = b""
    while not held.endswith(b"PONG\r\n"):
        held += one.recv(1 << 16)
    return one


def publish(port, size, count):
    """Sends `count` messages and waits until the server has read them."""
    message = f"PUB {SUBJECT} {size}\r\n".encode() + b"x" * size + b"\r\n"
    per_block = max(1, BLOCK // len(message))
    one, block = connected(port), message * per_block
    for _ in range(count // per_block):
        one.sendall(block)
    one.sendall(message * (count % per_block) + b"PING\r\n")
    while not one.recv(1 << 16).endswith(b"PONG\r\n"):
        pass


def subscribe(port, size, count, ready):
    """Reads until `count` messages have come."""
    one = connected(port, f"SUB {SUBJECT} 1\r\n".encode())
    ready.set()
    left = count * (len(f"MSG {SUBJECT} 1 {size}\r\n") + size + 2)
    buffer = bytearray(1 << 20)
    while left > 0:
        received = one.recv_into(buffer)
        assert received > 0, "the server closed the connection"
        left -= received


def run(server, publishers, subscribers, size, count):
    ready = [multiprocessing.Event() for _ in range(subscribers)]
    readers = [multiprocessing.Process(target=subscribe, args=(server.nats_port, size, count, event))
               for event in ready]
    for reader in readers:
        reader.start()
    for event in ready:
        event.wait(20)
    label = f"{publishers} pub -> {subscribers} sub, {size} B"
    with measured(label, server, count * max(1, subscribers), size):
        writers = [multiprocessing.Process(target=publish, args=(server.nats_port, size, count // publishers))
                   for _ in range(publishers)]
        for process in writers:
            process.start()
        for process in writers + readers:
            process.join()
            assert process.exitcode == 0


if __name__ == "__main__":
    for publishers, subscribers, size, count in [
            (1, 0, 16, 4_000_000), (1, 0, 128, 4_000_000), (1, 1, 16, 2_000_000), (1, 1, 128, 2_000_000),
            (1, 1, 1024, 1_000_000), (1, 8, 128, 500_000), (4, 1, 128, 2_000_000)]:
        for kind in ("nats-server", "duolog"):
            with running(kind) as server:
                run(server, publishers, subscribers, size, count)
