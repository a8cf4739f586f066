"""Servers that end themselves at a named moment; see docs/TESTING.md, "Crash points"."""

import signal
import subprocess

from harness.server import Server, ServerDied


def draw_point(chance, points) -> str:
    """One of some (moment, kind of file, greatest number of times that it may pass before)."""
    moment, part, limit = chance.choice(points)
    return f"{moment}:{part}:{chance.randint(1, limit)}"


def die_at(server: Server, point: str, seconds: float) -> bool:
    """Starts the server so that it dies at this point, or after some seconds; whether it came to the point."""
    print(f"start {server.starts + 1}: {point}")
    server.environment = {"DUOLOG_CRASH_AT": point}
    try:
        server.start()
        server.process.wait(seconds)
        is_reached = True
    except subprocess.TimeoutExpired:
        server.kill()
        is_reached = False
    except ServerDied:
        is_reached = True
    server.environment = {}
    assert server.process.returncode == -signal.SIGKILL, server.log
    return is_reached
