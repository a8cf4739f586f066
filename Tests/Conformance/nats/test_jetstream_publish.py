"""Publishing into streams: PubAck, dedupe, and what a publisher may expect of the stream."""

import json
import time

import pytest

from harness.nats_wire import header_block
from harness.waiting import until


@pytest.fixture
def stream(js, name):
    """An empty stream on `<name>.>`."""
    make(js, name)
    return name


def make(js, name, **config):
    answer = js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], **config})
    assert "error" not in answer, answer


def publish(js, subject, *header_lines, payload="x"):
    """Publishes and returns the PubAck."""
    headers = header_block(*header_lines) if header_lines else b""
    return json.loads(js.request(subject, payload, headers)[4])


def test_the_ack_is_exactly_this(js, stream):
    inbox = f"_INBOX.{stream}"
    js.send(f"SUB {inbox} 1\r\nPUB {stream}.a {inbox} 1\r\nx\r\n")
    ack = f'{{"stream":"{stream}","seq":1}}'
    js.expect(f"MSG {inbox} 1 {len(ack)}\r\n{ack}\r\n").expect_nothing_more()


def test_sequences_rise_by_one(js, stream):
    assert [publish(js, f"{stream}.a")["seq"] for _ in range(100)] == list(range(1, 101))


def test_acks_of_a_pipeline_come_in_order(js, stream):
    js.send(f"SUB _INBOX.{stream}.* 1\r\n")
    for number in range(500):
        js.publish(f"{stream}.a", str(number), reply=f"_INBOX.{stream}.{number}")
    acks = [js.message() for _ in range(500)]
    assert [(a[0], json.loads(a[4])["seq"]) for a in acks] == [
        (f"_INBOX.{stream}.{n}", n + 1) for n in range(500)]


def test_a_publish_without_reply_is_stored_too(js, stream):
    js.publish(f"{stream}.a", "quiet")
    assert publish(js, f"{stream}.a")["seq"] == 2


def test_subscribers_get_the_message_as_well(js, stream, wire):
    listener = wire().send(f"SUB {stream}.> 1\r\n").expect_nothing_more()
    publish(js, f"{stream}.a", payload="seen")
    assert listener.message()[4] == b"seen"


def test_a_subject_of_no_stream_is_503(js, name):
    answer = js.request(f"{name}.nobody", "x")
    assert answer[3] == f"NATS/1.0 503\r\nNats-Subject: {name}.nobody\r\n\r\n".encode()


def test_a_stream_may_give_no_ack(js, name):
    make(js, name, no_ack=True)
    js.send(f"SUB _INBOX.{name} 1\r\n").publish(f"{name}.a", "x", reply=f"_INBOX.{name}")
    until(lambda: js.api(f"STREAM.INFO.{name}")["state"]["messages"] == 1)
    js.expect_nothing_more()


def test_an_empty_message_is_stored(js, stream):
    assert publish(js, f"{stream}.a", payload="")["seq"] == 1
    assert "data" not in js.api(f"STREAM.MSG.GET.{stream}", {"seq": 1})["message"]


class TestDedupe:
    def test_a_repeated_id_is_answered_with_the_first_sequence(self, js, stream):
        assert publish(js, f"{stream}.a", "Nats-Msg-Id: 1") == {"stream": stream, "seq": 1}
        publish(js, f"{stream}.a", "Nats-Msg-Id: 2")
        again = js.request(f"{stream}.a", "x", header_block("Nats-Msg-Id: 1"))[4]
        assert again == f'{{"stream":"{stream}","seq":1,"duplicate": true}}'.encode()
        assert js.api(f"STREAM.INFO.{stream}")["state"]["messages"] == 2

    def test_the_subject_does_not_matter(self, js, stream):
        publish(js, f"{stream}.a", "Nats-Msg-Id: 1")
        assert publish(js, f"{stream}.b", "Nats-Msg-Id: 1")["duplicate"] is True

    def test_the_name_of_the_header_is_case_sensitive(self, js, stream):
        publish(js, f"{stream}.a", "nats-msg-id: 1")
        assert publish(js, f"{stream}.a", "nats-msg-id: 1") == {"stream": stream, "seq": 2}

    def test_each_stream_has_its_own_ids(self, js, stream, name):
        make(js, f"{name}other")
        publish(js, f"{stream}.a", "Nats-Msg-Id: 1")
        assert publish(js, f"{name}other.a", "Nats-Msg-Id: 1") == {"stream": f"{name}other", "seq": 1}

    def test_ids_in_one_burst_are_told_apart(self, js, stream):
        js.send(f"SUB _INBOX.{stream} 1\r\n")
        for number in range(200):
            headers = header_block(f"Nats-Msg-Id: {number // 2}")
            js.publish(f"{stream}.a", "x", reply=f"_INBOX.{stream}", headers=headers)
        acks = [json.loads(js.message()[4]) for _ in range(200)]
        assert [(a["seq"], "duplicate" in a) for a in acks] == [(n // 2 + 1, n % 2 == 1) for n in range(200)]

    def test_the_window_ends(self, js, name):
        make(js, name, duplicate_window=100_000_000)
        publish(js, f"{name}.a", "Nats-Msg-Id: 1")
        deadline = time.monotonic() + 10
        while publish(js, f"{name}.a", "Nats-Msg-Id: 1").get("duplicate"):
            assert time.monotonic() < deadline
            time.sleep(0.2)


class TestExpectations:
    """Each error is the whole answer: the error, the stream and sequence 0."""

    def refused(self, js, stream, code, err_code, description, *header_lines):
        answer = publish(js, f"{stream}.a", *header_lines)
        assert answer == {
            "error": {"code": code, "err_code": err_code, "description": description},
            "stream": stream, "seq": 0}

    def test_the_stream(self, js, stream):
        self.refused(js, stream, 400, 10060, "expected stream does not match", "Nats-Expected-Stream: other")
        assert publish(js, f"{stream}.a", f"Nats-Expected-Stream: {stream}")["seq"] == 1

    def test_the_last_sequence(self, js, stream):
        assert publish(js, f"{stream}.a", "Nats-Expected-Last-Sequence: 0")["seq"] == 1
        self.refused(js, stream, 400, 10071, "wrong last sequence: 1", "Nats-Expected-Last-Sequence: 0")
        self.refused(js, stream, 400, 10071, "wrong last sequence: 1", "Nats-Expected-Last-Sequence: 7")
        assert publish(js, f"{stream}.a", "Nats-Expected-Last-Sequence: 1")["seq"] == 2

    def test_the_last_sequence_of_the_subject(self, js, stream):
        publish(js, f"{stream}.b")
        assert publish(js, f"{stream}.a", "Nats-Expected-Last-Subject-Sequence: 0")["seq"] == 2
        publish(js, f"{stream}.b")
        self.refused(
            js, stream, 400, 10071, "wrong last sequence: 2", "Nats-Expected-Last-Subject-Sequence: 3")
        assert publish(js, f"{stream}.a", "Nats-Expected-Last-Subject-Sequence: 2")["seq"] == 4

    def test_the_last_sequence_of_other_subjects(self, js, stream):
        publish(js, f"{stream}.b.1")
        publish(js, f"{stream}.c")
        ack = publish(
            js, f"{stream}.a", "Nats-Expected-Last-Subject-Sequence: 1",
            f"Nats-Expected-Last-Subject-Sequence-Subject: {stream}.b.*")
        assert ack["seq"] == 3

    def test_the_last_message_id(self, js, stream):
        publish(js, f"{stream}.a", "Nats-Msg-Id: one")
        self.refused(js, stream, 400, 10070, "wrong last msg ID: one", "Nats-Expected-Last-Msg-Id: two")
        assert publish(js, f"{stream}.a", "Nats-Expected-Last-Msg-Id: one")["seq"] == 2

    def test_a_failed_expectation_wins_over_a_duplicate(self, js, stream):
        publish(js, f"{stream}.a", "Nats-Msg-Id: one")
        self.refused(
            js, stream, 400, 10071, "wrong last sequence: 1", "Nats-Msg-Id: one", "Nats-Expected-Last-Sequence: 9")

    def test_of_racing_writers_one_wins(self, js, stream, wire):
        others = [wire(headers=True) for _ in range(4)]
        headers = header_block("Nats-Expected-Last-Sequence: 0")
        replies = [f"race.{stream}.{n}" for n in range(4)]
        js.send(f"SUB race.{stream}.* 1\r\n").expect_nothing_more()
        for one, reply in zip(others, replies):
            one.publish(f"{stream}.a", "x", reply=reply, headers=headers)
        acks = [json.loads(js.message()[4]) for _ in range(4)]
        assert sorted(a["seq"] for a in acks) == [0, 0, 0, 1]


class TestRollup:
    def test_it_keeps_only_this_message_of_the_subject(self, js, name):
        make(js, name, allow_rollup_hdrs=True)
        for subject in "aba":
            publish(js, f"{name}.{subject}")
        assert publish(js, f"{name}.a", "Nats-Rollup: sub")["seq"] == 4
        state = js.api(f"STREAM.INFO.{name}", {"subjects_filter": ">"})["state"]
        assert state["subjects"] == {f"{name}.a": 1, f"{name}.b": 1}

    def test_it_keeps_only_this_message_of_all(self, js, name):
        make(js, name, allow_rollup_hdrs=True)
        for subject in "aba":
            publish(js, f"{name}.{subject}")
        publish(js, f"{name}.a", "Nats-Rollup: all")
        assert js.api(f"STREAM.INFO.{name}")["state"]["first_seq"] == 4

    def test_it_has_to_be_allowed(self, js, stream):
        answer = publish(js, f"{stream}.a", "Nats-Rollup: sub")
        assert answer["error"]["err_code"] == 10111


def test_headers_of_more_than_64_kilobytes_are_refused(js, stream):
    answer = publish(js, f"{stream}.a", "Big: " + "x" * 66000)
    assert (answer["error"]["code"], answer["error"]["err_code"]) == (400, 10097)
