"""The checker of the crash tests notices each kind of broken promise."""

import pytest

from harness.crash_load import Load, check


class Told:
    """A writer that was promised the given places."""

    def __init__(self, name, acked, sent=10):
        self.name, self.acked, self.sent = name, acked, sent

    def finish(self):
        """It has."""


class Log:
    """A log that was read once, and reads as `again` the second time."""

    def __init__(self, records, again=None):
        self.records = {0: dict(enumerate(records))}
        self._again = {0: dict(enumerate(again if again is not None else records))}

    def read_again(self):
        return self._again

    def read_on(self):
        """All was read."""


class NoServer:
    def kill(self):
        """There is none."""

    start = kill


ACKED = {0: (0, 0), 1: (0, 1)}


def test_a_log_that_kept_its_promises_passes():
    assert check(Log(["w:0", "w:1", "w:2"]), [Told("w", ACKED)]) == 3


@pytest.mark.parametrize("records, complaint", [
    (["w:0"], "was acknowledged at"),
    (["w:0", "w:2", "w:1"], "was acknowledged at"),
    (["w:0", "w:1", "w:1"], "there twice"),
    (["w:0", "w:1", "w:3", "w:2"], "was reordered"),
    (["w:0", "w:1", "w:99"], "never sent this"),
    (["w:0", "w:1", "x:0"], "nobody wrote"),
])
def test_what_is_lost_moved_doubled_reordered_or_invented_is_noticed(records, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check(Log(records), [Told("w", ACKED)])


def test_a_record_that_changes_between_two_readings_is_noticed():
    with pytest.raises(AssertionError, match="changed place or value"):
        check(Log(["w:0", "w:1", "w:2"], ["w:0", "w:1", "w:3"]), [Told("w", ACKED)])


def test_a_gap_is_noticed():
    log = Log(["w:0", "w:1"])
    log._again[0][5] = "w:2"
    with pytest.raises(AssertionError, match="gaps"):
        check(log, [Told("w", ACKED)])


class TestALoad:
    def load(self, records):
        return Load(NoServer(), (Log(["v:0"]), [Told("v", {0: (0, 0)})]), (Log(records), [Told("w", ACKED)]))

    def test_that_kept_its_promises_is_counted(self):
        assert self.load(["w:0", "w:1", "w:2"]).end(3) == "3 acknowledged messages of 4 in the log, all in place"

    def test_that_broke_one_is_noticed(self):
        with pytest.raises(AssertionError, match="was acknowledged at"):
            self.load(["w:0"]).end(3)

    def test_that_was_hardly_there_is_noticed(self):
        with pytest.raises(AssertionError, match="no load to speak of"):
            self.load(["w:0", "w:1"]).end(4)
