"""Pulling messages and acknowledging them, through raw MSG.NEXT requests and ack subjects."""

import json
import time

import pytest

from harness.nats_wire import header_block
from harness.waiting import until

SECOND = 1_000_000_000


@pytest.fixture
def stream(js, name):
    """A stream on `<name>.>` with the messages 1, 2, 3, 4, 5 on `<name>.a`."""
    js.make_stream(name)
    for number in range(1, 6):
        js.request(f"{name}.a", str(number))
    return name


def consumer(js, stream, **config):
    """A durable consumer `c`, and one inbox for all that it delivers."""
    answer = js.api(f"CONSUMER.CREATE.{stream}.c", {
        "stream_name": stream, "config": {"durable_name": "c", "ack_policy": "explicit", **config}})
    assert "error" not in answer, answer
    js.send(f"SUB in.{stream}.* in\r\n")
    return stream


def pull(js, stream, inbox="1", **request):
    """Asks for messages; they come to `in.<stream>.<inbox>`."""
    return js.publish(
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.c", json.dumps(request), reply=f"in.{stream}.{inbox}")


def status(message):
    """The status line of a message that is not data."""
    assert message[4] == b"", f"this is data: {message}"
    return message[3].split(b"\r\n")[0].removeprefix(b"NATS/1.0 ").decode()


def receive(js, count):
    """The next deliveries as (payload, ack subject)."""
    messages = [js.message() for _ in range(count)]
    assert all(m[2] and m[2].startswith("$JS.ACK.") for m in messages), messages
    return [(m[4].decode(), m[2]) for m in messages]


def info(js, stream):
    return js.api(f"CONSUMER.INFO.{stream}.c")


def ack(js, subject, body="+ACK"):
    """Acknowledges and waits until the server says that it has been applied."""
    answer = js.request(subject, body)
    assert answer[3:] == (b"", b""), answer


class TestPull:
    def test_a_message_keeps_its_subject_and_has_an_ack_subject(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        subject, sid, reply, headers, payload = js.message()
        assert (subject, sid, headers, payload) == (f"{stream}.a", "in", b"", b"1")
        tokens = reply.split(".")
        assert len(tokens) == 9
        assert tokens[:7] == ["$JS", "ACK", stream, "c", "1", "1", "1"]
        assert abs(int(tokens[7]) - time.time_ns()) < 60 * SECOND
        assert tokens[8] == "4"

    @pytest.mark.parametrize("body", ["", "1", '{"batch":1}', "neither number nor JSON"])
    def test_one_message_can_be_asked_for_in_several_ways(self, js, stream, body):
        consumer(js, stream)
        js.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.c", body, reply=f"in.{stream}.1")
        assert receive(js, 1)[0][0] == "1"
        js.expect_nothing_more()

    def test_a_batch_comes_in_order(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=3, expires=SECOND)
        assert [payload for payload, _ in receive(js, 3)] == ["1", "2", "3"]
        pull(js, stream, batch=2, expires=SECOND)
        assert [payload for payload, _ in receive(js, 2)] == ["4", "5"]

    def test_headers_come_along(self, js, stream):
        consumer(js, stream, deliver_policy="new")
        js.request(f"{stream}.h", "body", header_block("A: 1", "A: 2"))
        pull(js, stream, batch=1, expires=SECOND)
        assert js.message()[3:] == (header_block("A: 1", "A: 2"), b"body")

    def test_headers_alone_can_be_asked_for(self, js, stream):
        consumer(js, stream, headers_only=True)
        pull(js, stream, batch=1, expires=SECOND)
        assert js.message()[3:] == (header_block("Nats-Msg-Size: 1"), b"")

    def test_a_waiting_pull_gets_what_is_published_later(self, js, stream):
        consumer(js, stream, deliver_policy="new")
        pull(js, stream, batch=2, expires=10 * SECOND)
        js.publish(f"{stream}.later", "6").publish(f"{stream}.later", "7")
        assert [payload for payload, _ in receive(js, 2)] == ["6", "7"]

    def test_filters_choose(self, js, stream):
        consumer(js, stream, filter_subjects=[f"{stream}.b", f"{stream}.c.*"])
        for subject in ("b", "c", "c.x", "d", "b"):
            js.request(f"{stream}.{subject}", subject)
        pull(js, stream, batch=3, expires=SECOND)
        assert [payload for payload, _ in receive(js, 3)] == ["b", "c.x", "b"]

    def test_two_waiting_pulls_share_what_comes(self, js, stream):
        consumer(js, stream, deliver_policy="new")
        pull(js, stream, inbox="one", batch=2, expires=10 * SECOND)
        pull(js, stream, inbox="two", batch=2, expires=10 * SECOND)
        js.expect_nothing_more()
        for number in range(4):
            js.publish(f"{stream}.n", str(number))
        assert sorted(payload for payload, _ in receive(js, 4)) == ["0", "1", "2", "3"]

    def test_state_counts_deliveries(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=3, expires=SECOND)
        receive(js, 3)
        state = info(js, stream)
        assert (state["delivered"]["consumer_seq"], state["delivered"]["stream_seq"]) == (3, 3)
        assert (state["num_pending"], state["num_ack_pending"]) == (2, 3)
        assert state["ack_floor"]["stream_seq"] == 0

    def test_a_waiting_pull_is_counted(self, js, stream):
        consumer(js, stream, deliver_policy="new")
        pull(js, stream, batch=1, expires=10 * SECOND).expect_nothing_more()
        assert info(js, stream)["num_waiting"] == 1


class TestStatuses:
    def test_no_wait_with_nothing_there_is_404(self, js, stream):
        consumer(js, stream, deliver_policy="new")
        pull(js, stream, batch=1, no_wait=True)
        assert status(js.message()) == "404 No Messages"

    def test_no_wait_gives_what_is_there_and_then_404(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=10, no_wait=True)
        receive(js, 5)
        assert status(js.message()) == "404 No Messages"
        js.expect_nothing_more()

    def test_expires_ends_with_408_and_what_was_pending(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=7, expires=200_000_000)
        receive(js, 5)
        last = js.message()
        assert status(last) == "408 Request Timeout"
        assert last[3] == header_block(
            "Nats-Pending-Messages: 2", "Nats-Pending-Bytes: 0", status="408 Request Timeout")

    def test_an_idle_pull_gets_heartbeats(self, js, stream):
        consumer(js, stream, deliver_policy="new")
        pull(js, stream, batch=1, expires=SECOND, idle_heartbeat=150_000_000)
        first = js.message()
        assert status(first) == "100 Idle Heartbeat"
        assert first[3] == header_block(
            "Nats-Last-Consumer: 0", "Nats-Last-Stream: 5", status="100 Idle Heartbeat")
        while status(message := js.message()) == "100 Idle Heartbeat":
            pass
        assert status(message) == "408 Request Timeout"

    def test_max_bytes_that_are_too_few_end_with_409(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=5, expires=SECOND, max_bytes=10)
        message = js.message()
        assert status(message) == "409 Message Size Exceeds MaxBytes"
        assert b"Nats-Pending-Messages: 5\r\nNats-Pending-Bytes: 10\r\n" in message[3]

    def test_a_missing_consumer_is_503(self, js, stream):
        js.send(f"SUB in.{stream}.* in\r\n")
        pull(js, stream, batch=1)
        assert js.message()[3].startswith(b"NATS/1.0 503\r\n")

    @pytest.mark.parametrize("body", ["{", '{"batch":"x"}'])
    def test_bad_json_is_400(self, js, stream, body):
        consumer(js, stream)
        js.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.c", body, reply=f"in.{stream}.1")
        assert status(js.message()).startswith("400 Bad Request")

    def test_a_heartbeat_longer_than_half_the_time_is_400(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND, idle_heartbeat=900_000_000)
        assert status(js.message()) == "400 Bad Request - heartbeat value too large"

    def test_a_deleted_consumer_ends_its_pulls_with_409(self, js, stream):
        consumer(js, stream, deliver_policy="new")
        pull(js, stream, batch=1, expires=30 * SECOND).expect_nothing_more()
        js.publish(f"$JS.API.CONSUMER.DELETE.{stream}.c", "", reply=f"in.{stream}.deleted")
        answers = [js.message(), js.message()]
        assert "409 Consumer Deleted" in [status(m) for m in answers if not m[4]]

    @pytest.mark.parametrize("config, request_body, text", [
        ({"max_batch": 2}, {"batch": 3, "expires": SECOND}, "409 Exceeded MaxRequestBatch of 2"),
        ({"max_expires": SECOND}, {"batch": 1, "expires": 2 * SECOND}, "409 Exceeded MaxRequestExpires of 1s"),
        ({"max_bytes": 100}, {"batch": 1, "expires": SECOND, "max_bytes": 200},
         "409 Exceeded MaxRequestMaxBytes of 100"),
    ])
    def test_a_consumer_may_limit_requests(self, js, stream, config, request_body, text):
        consumer(js, stream, **config)
        pull(js, stream, **request_body)
        assert status(js.message()) == text

    def test_too_many_waiting_pulls_are_refused(self, js, stream):
        consumer(js, stream, deliver_policy="new", max_waiting=2)
        for number in range(3):
            pull(js, stream, inbox=str(number), batch=1, expires=20 * SECOND)
        assert status(js.message()) == "409 Exceeded MaxWaiting"


class TestAcks:
    def test_an_ack_moves_the_floor(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=3, expires=SECOND)
        (_, first), (_, second), (_, third) = receive(js, 3)
        ack(js, second)
        assert info(js, stream)["ack_floor"]["stream_seq"] == 0
        ack(js, first)
        state = info(js, stream)
        assert (state["ack_floor"]["stream_seq"], state["ack_floor"]["consumer_seq"]) == (2, 2)
        assert state["num_ack_pending"] == 1
        ack(js, third)
        assert info(js, stream)["num_ack_pending"] == 0

    @pytest.mark.parametrize("body", ["", "+ACK", "+OK"])
    def test_an_ack_may_be_written_in_three_ways(self, js, stream, body):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        ack(js, receive(js, 1)[0][1], body)
        assert info(js, stream)["ack_floor"]["stream_seq"] == 1

    def test_an_ack_without_reply_counts_too(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        js.publish(receive(js, 1)[0][1], "+ACK")
        until(lambda: info(js, stream)["ack_floor"]["stream_seq"] == 1)

    def test_the_same_ack_again_is_answered_again(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        subject = receive(js, 1)[0][1]
        ack(js, subject)
        ack(js, subject)
        assert info(js, stream)["ack_floor"]["stream_seq"] == 1

    def test_the_ack_of_what_was_never_delivered_is_not_answered(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        subject = receive(js, 1)[0][1]
        tokens = subject.split(".")
        tokens[5] = tokens[6] = "4"
        js.publish(".".join(tokens), "+ACK", reply=f"in.{stream}.never")
        assert js.request(subject, "+ACK")[1] != "in"
        assert info(js, stream)["num_pending"] == 4
        pull(js, stream, batch=4, expires=SECOND)
        assert [payload for payload, _ in receive(js, 4)] == ["2", "3", "4", "5"]

    def test_ack_all_covers_what_came_before(self, js, stream):
        consumer(js, stream, ack_policy="all")
        pull(js, stream, batch=4, expires=SECOND)
        ack(js, receive(js, 4)[2][1])
        state = info(js, stream)
        assert (state["ack_floor"]["stream_seq"], state["num_ack_pending"]) == (3, 1)

    def test_ack_none_has_nothing_pending(self, js, stream):
        consumer(js, stream, ack_policy="none")
        pull(js, stream, batch=3, expires=SECOND)
        assert [js.message()[4] for _ in range(3)] == [b"1", b"2", b"3"]
        assert info(js, stream)["num_ack_pending"] == 0

    def test_nak_brings_it_again_at_once(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        ack(js, receive(js, 1)[0][1], "-NAK")
        pull(js, stream, batch=2, expires=SECOND)
        (again, subject), (following, _) = receive(js, 2)
        assert (again, following) == ("1", "2")
        assert subject.split(".")[4] == "2", "the number of deliveries"
        assert info(js, stream)["num_redelivered"] == 1

    def test_nak_with_a_delay_brings_it_again_later(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        began = time.monotonic()
        ack(js, receive(js, 1)[0][1], '-NAK {"delay": 300000000}')
        pull(js, stream, batch=5, expires=10 * SECOND)
        assert [payload for payload, _ in receive(js, 5)] == ["2", "3", "4", "5", "1"]
        assert time.monotonic() - began >= 0.29

    def test_term_brings_it_never_again(self, js, stream):
        consumer(js, stream, ack_wait=300_000_000)
        pull(js, stream, batch=1, expires=SECOND)
        ack(js, receive(js, 1)[0][1], "+TERM")
        assert info(js, stream)["num_ack_pending"] == 0
        pull(js, stream, batch=1, expires=SECOND)
        assert receive(js, 1)[0][0] == "2"

    def test_term_is_announced_with_its_reason(self, js, stream):
        consumer(js, stream)
        js.send(f"SUB $JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.{stream}.c adv\r\n")
        pull(js, stream, batch=1, expires=SECOND)
        js.publish(receive(js, 1)[0][1], "+TERM not fit to eat")
        advisory = json.loads(js.message()[4])
        assert advisory["type"] == "io.nats.jetstream.advisory.v1.terminated"
        assert (advisory["stream"], advisory["consumer"], advisory["stream_seq"]) == (stream, "c", 1)
        assert advisory["reason"] == "not fit to eat"

    def test_progress_restarts_the_wait(self, js, stream):
        consumer(js, stream, ack_wait=1_500_000_000, max_ack_pending=1)
        pull(js, stream, batch=1, expires=SECOND)
        subject = receive(js, 1)[0][1]
        pull(js, stream, batch=1, expires=20 * SECOND)
        for _ in range(4):
            time.sleep(0.5)
            ack(js, subject, "+WPI")
        js.expect_nothing_more()
        # Without a reply: that could come before or after the next message.
        js.publish(subject, "")
        assert receive(js, 1)[0][0] == "2"

    def test_next_acks_and_pulls(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        js.publish(receive(js, 1)[0][1], "+NXT", reply=f"in.{stream}.next")
        assert receive(js, 1)[0][0] == "2"
        assert info(js, stream)["ack_floor"]["stream_seq"] == 1

    def test_next_can_ask_for_several(self, js, stream):
        consumer(js, stream)
        pull(js, stream, batch=1, expires=SECOND)
        js.publish(receive(js, 1)[0][1], '+NXT {"batch": 2}', reply=f"in.{stream}.next")
        assert [payload for payload, _ in receive(js, 2)] == ["2", "3"]

    def test_max_ack_pending_holds_delivery(self, js, stream):
        consumer(js, stream, max_ack_pending=2)
        pull(js, stream, batch=5, expires=20 * SECOND)
        (_, first), _ = receive(js, 2)
        js.expect_nothing_more()
        js.publish(first, "+ACK")
        assert receive(js, 1)[0][0] == "3"


class TestRedelivery:
    def test_what_is_not_acked_in_time_comes_again(self, js, stream):
        consumer(js, stream, ack_wait=300_000_000)
        pull(js, stream, batch=2, expires=SECOND)
        (_, first), _ = receive(js, 2)
        ack(js, first)
        pull(js, stream, inbox="2", batch=4, expires=20 * SECOND)
        received = receive(js, 4)
        assert sorted(payload for payload, _ in received) == ["2", "3", "4", "5"]
        again = next(subject for payload, subject in received if payload == "2")
        assert again.split(".")[4:6] == ["2", "2"]

    def test_after_the_last_delivery_it_is_announced_and_left(self, js, stream):
        consumer(js, stream, ack_wait=200_000_000, max_deliver=2, max_ack_pending=1)
        js.send(f"SUB $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.c adv\r\n")
        pull(js, stream, batch=3, expires=20 * SECOND)
        seen, advisory = [], None
        while advisory is None or "2" not in seen:
            message = js.message()
            if message[1] == "adv":
                advisory = json.loads(message[4])
            else:
                seen.append(message[4].decode())
        assert seen[:3] == ["1", "1", "2"]
        assert advisory["type"] == "io.nats.jetstream.advisory.v1.max_deliver"
        assert (advisory["stream"], advisory["consumer"]) == (stream, "c")
        assert (advisory["stream_seq"], advisory["deliveries"]) == (1, 2)
        assert js.api(f"STREAM.INFO.{stream}")["state"]["messages"] == 5

    def test_backoff_gives_each_delivery_its_own_wait(self, js, stream):
        consumer(js, stream, backoff=[100_000_000, 700_000_000], max_deliver=3, filter_subject=f"{stream}.b")
        js.request(f"{stream}.b", "x")
        pull(js, stream, batch=3, expires=20 * SECOND)
        times = []
        for _ in range(3):
            receive(js, 1)
            times.append(time.monotonic())
        assert times[1] - times[0] >= 0.09
        assert times[2] - times[1] >= 0.65

    def test_a_deleted_message_is_not_delivered(self, js, stream):
        consumer(js, stream)
        js.api(f"STREAM.MSG.DELETE.{stream}", {"seq": 2})
        pull(js, stream, batch=4, expires=SECOND)
        assert [payload for payload, _ in receive(js, 4)] == ["1", "3", "4", "5"]


class TestWorkQueue:
    def test_an_acked_message_leaves_the_stream(self, js, name):
        answer = js.api(f"STREAM.CREATE.{name}", {
            "name": name, "subjects": [f"{name}.>"], "retention": "workqueue"})
        assert "error" not in answer, answer
        for number in range(3):
            js.request(f"{name}.a", str(number))
        consumer(js, name)
        pull(js, name, batch=2, expires=SECOND)
        (_, first), _ = receive(js, 2)
        ack(js, first)
        until(lambda: js.api(f"STREAM.INFO.{name}")["state"]["messages"] == 2)

    @pytest.mark.parametrize("retention", ["workqueue", "interest"])
    def test_what_was_given_up_stays_until_it_is_acked_late(self, js, name, retention):
        js.make_stream(name, retention=retention)
        consumer(js, name, max_deliver=1, ack_wait=200_000_000)
        for number in range(4):
            js.request(f"{name}.a", str(number))
        pull(js, name, batch=4, expires=SECOND)
        (_, first), (_, second), (_, third), (_, fourth) = receive(js, 4)
        ack(js, fourth)
        until(lambda: info(js, name)["num_ack_pending"] == 0)
        assert stored(js, name) == 3
        for word in ("-NAK", "+WPI"):
            ack(js, third, word)
        assert stored(js, name) == 3
        ack(js, first)
        until(lambda: stored(js, name) == 2)
        ack(js, second, "+TERM")
        until(lambda: stored(js, name) == 1)


def stored(js, stream):
    return js.api(f"STREAM.INFO.{stream}")["state"]["messages"]


class TestInterest:
    def test_what_nobody_wants_after_a_change_of_the_filter_leaves_the_stream(self, js, name):
        js.make_stream(name, retention="interest")
        consumer(js, name, filter_subject=f"{name}.>")
        for subject in ("a", "b", "a", "b"):
            js.request(f"{name}.{subject}", "x")
        assert stored(js, name) == 4
        consumer(js, name, filter_subject=f"{name}.a")
        until(lambda: stored(js, name) == 2)

    def test_what_was_acked_before_a_stream_kept_by_interest_leaves_it(self, js, name):
        js.make_stream(name)
        for subject in ("a", "b", "a", "b"):
            js.request(f"{name}.{subject}", "x")
        consumer(js, name, filter_subject=f"{name}.a")
        pull(js, name, batch=2, expires=SECOND)
        (_, first), (_, second) = receive(js, 2)
        ack(js, first)
        answer = js.api(f"STREAM.UPDATE.{name}", {"name": name, "subjects": [f"{name}.>"], "retention": "interest"})
        assert "error" not in answer, answer
        until(lambda: stored(js, name) == 3)
        ack(js, second)
        until(lambda: stored(js, name) == 2)
