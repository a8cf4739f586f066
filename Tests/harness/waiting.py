"""Waiting for what is to come, instead of sleeping."""

import time


def until(condition, seconds=20, trouble=lambda: "it did not happen in time"):
    """Returns when the condition holds; fails with the `trouble` of then after some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, trouble()
        time.sleep(0.05)
