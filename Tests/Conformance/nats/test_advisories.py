"""What JetStream tells without being asked: the same story from Duolog and from nats-server."""

import contextlib
import json
import time

import pytest

from harness.configured import server_of_each_kind, users
from harness.nats_wire import header_block
from harness.waiting import until

CONFIG = """
server_name: teller
jetstream: enabled
accounts {
  SYS { users: [{user: sys, password: p}] }
  A {
    jetstream: enabled
    users: [{user: a, password: p}]
    exports: [{service: "$JS.API.>", response_type: stream}, {service: "svc"}]
  }
  B {
    users: [{user: b, password: p}]
    imports: [{service: {account: A, subject: "$JS.API.>"}, to: "A.>"}]
  }
  C {
    users: [{user: c, password: p}]
    imports: [{service: {account: A, subject: "$JS.API.>"}, to: "A.>", share: true}
              {service: {account: A, subject: "svc"}, share: true}]
  }
}
system_account: SYS
"""

server = server_of_each_kind(CONFIG)
user = users(name="asker", lang="none")


@pytest.fixture
def a(user):
    return user("a")


class Ear:
    """Hears the advisories of account A."""

    def __init__(self, wire):
        self.wire = wire.send("SUB $JS.EVENT.ADVISORY.> 1\r\n").expect_nothing_more()

    def next(self):
        """What stands behind `$JS.EVENT.ADVISORY.`, and the body."""
        subject, _, _, _, body = self.wire.message()
        return subject.removeprefix("$JS.EVENT.ADVISORY."), json.loads(body)

    def until(self, *subjects):
        """Returns when each of these was heard."""
        missing = set(subjects)
        while missing:
            missing.discard(self.next()[0])

    def until_asked_for_nothing(self, a):
        """What is told before `a` asks for a stream that is not there, and was never asked for before."""
        last = f"$JS.API.STREAM.INFO.NONE{time.monotonic_ns()}"
        a.api(last.removeprefix("$JS.API."))
        found = []
        while (one := self.next())[1].get("subject") != last:
            found.append(one)
        return found


@pytest.fixture
def heard(server, user, a):
    """The next advisories, so many and no more."""
    ear = Ear(user("a"))
    ear.until_asked_for_nothing(a)

    def take(count):
        found = [ear.next() for _ in range(count)]
        assert ear.until_asked_for_nothing(a) == []
        if server.kind == "nats-server":
            # It tells them from several threads.
            found.sort(key=lambda one: one[0] == "API")
        return found

    return take


@pytest.fixture
def stream(server, user, a):
    ear = Ear(user("a"))
    a.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
    ear.until("STREAM.CREATED.S", "API")
    yield "S"
    end_stream(server, user, a, "S")


def end_stream(server, user, a, name):
    """Nobody hears of it later. nats-server tells of it when it comes to it, or not at all."""
    ear = Ear(user("a"))
    a.api(f"STREAM.DELETE.{name}")
    with contextlib.suppress(*[TimeoutError] if server.kind == "nats-server" else []):
        ear.until(f"STREAM.DELETED.{name}", "API")


def told_of_the_end_of_a_stream(server, a, heard, consumers=()):
    """The advisories of the end of a stream with consumers.

    nats-server may stop what sends a stream's advisories before it sent the last: it gets some tries.
    """
    for tries_left in reversed(range(1 if server.kind == "duolog" else 10)):
        a.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        for name in consumers:
            config = {"durable_name": name, "ack_policy": "explicit"}
            a.api(f"CONSUMER.CREATE.S.{name}", {"stream_name": "S", "config": config})
        heard(2 + 2 * len(consumers))
        a.api("STREAM.DELETE.S")
        try:
            return [subject for subject, _ in heard(2 + len(consumers))]
        except TimeoutError:
            if not tries_left:
                raise


class TestAudit:
    def test_who_asked_for_what_and_got_what(self, server, user, a, heard):
        inbox, request = "answers", json.dumps({"name": "S", "subjects": ["s.>"]})
        a.send(f"SUB {inbox} 5\r\n").publish("$JS.API.STREAM.CREATE.S", request, reply=inbox)
        answer = a.message()[4]
        created, audit = heard(2)
        assert created[0] == "STREAM.CREATED.S"
        assert audit[0] == "API"
        body = audit[1]
        assert list(body) == ["type", "id", "timestamp", "server", "client", "subject", "request", "response"]
        assert body["type"] == "io.nats.jetstream.advisory.v1.api_audit"
        assert body["server"] == "teller"
        assert body["subject"] == "$JS.API.STREAM.CREATE.S"
        assert body["request"] == request
        assert json.loads(body["response"]) == json.loads(answer)
        client = body["client"]
        assert list(client) == ["start", "host", "id", "acc", "user", "name", "lang", "rtt", "server", "kind",
                                "client_type"]
        assert [client[key] for key in ["host", "acc", "user", "name", "lang", "server", "kind", "client_type"]] == [
            "127.0.0.1", "A", "a", "asker", "none", "teller", "Client", "nats"]
        end_stream(server, user, a, "S")

    def test_the_end_of_a_stream(self, server, a, heard):
        assert told_of_the_end_of_a_stream(server, a, heard) == ["STREAM.DELETED.S", "API"]

    def test_requests_that_only_look_and_those_that_are_refused(self, a, stream, heard):
        for subject in ["INFO", "STREAM.INFO.S", "STREAM.INFO.NONE", "STREAM.NAMES", "STREAM.LIST", "CONSUMER.LIST.S",
                        "STREAM.LEADER.STEPDOWN.S"]:
            a.api(subject)
            [(where, body)] = heard(1)
            assert (where, body["subject"]) == ("API", f"$JS.API.{subject}")
            assert "request" not in body
            refused = subject in ("STREAM.INFO.NONE", "STREAM.LEADER.STEPDOWN.S")
            assert ("error" in json.loads(body["response"])) == refused
        a.api("STREAM.PURGE.S", {"keep": "x"})
        assert json.loads(heard(1)[0][1]["response"])["error"]["err_code"] == 10025

    def test_also_without_a_reply_subject(self, a, stream, heard):
        a.publish("$JS.API.STREAM.PURGE.S")
        assert json.loads(heard(1)[0][1]["response"])["purged"] == 0

    def test_an_api_level_that_is_not_offered(self, a, heard):
        a.request("$JS.API.STREAM.INFO.S", headers=header_block("Nats-Required-Api-Level: 99"))
        assert json.loads(heard(1)[0][1]["response"])["error"]["err_code"] == 10185

    def test_reading_and_resets_are_not_told(self, a, stream, heard):
        a.api("CONSUMER.CREATE.S.c", {"stream_name": "S", "config": {"name": "c", "ack_policy": "explicit"}})
        heard(2)
        a.publish("s.a", "x")
        assert a.request("$JS.API.CONSUMER.MSG.NEXT.S.c", "1")[0] == "s.a"
        a.api("CONSUMER.RESET.S.c", {})
        heard(0)

    def test_requests_of_another_account(self, user, heard):
        user("b").request("A.INFO")
        [(_, body)] = heard(1)
        assert body["subject"] == "$JS.API.INFO"
        assert list(body["client"]) == ["acc", "svc", "rtt", "server"]
        assert (body["client"]["acc"], body["client"]["svc"], body["client"]["server"]) == ("B", "A", "teller")

    def test_requests_of_another_account_that_is_shown(self, user, heard):
        user("c").request("A.INFO")
        client = heard(1)[0][1]["client"]
        assert list(client) == ["start", "host", "id", "acc", "svc", "user", "name", "lang", "rtt", "server", "kind",
                                "client_type"]
        assert (client["acc"], client["svc"], client["user"], client["server"]) == ("C", "A", "c", "teller")

    def test_an_account_without_jetstream_hears_its_refusals(self, user):
        b = user("b").send("SUB $JS.EVENT.ADVISORY.API 1\r\nPUB $JS.API.INFO 0\r\n\r\n")
        body = json.loads(b.message()[4])
        assert json.loads(body["response"])["error"]["err_code"] == 10039

    def test_a_stream_keeps_them(self, server, user, a):
        a.api("STREAM.CREATE.AUDIT", {"name": "AUDIT", "subjects": ["$JS.EVENT.ADVISORY.API"]})
        a.api("STREAM.INFO.NONE")
        until(lambda: a.api("STREAM.INFO.AUDIT")["state"]["messages"] >= 2)
        end_stream(server, user, a, "AUDIT")


def test_a_service_is_told_the_name_of_the_server(a, user):
    a.send("SUB svc 1\r\n").expect_nothing_more()
    user("c").publish("svc", "x", reply="answers")
    headers = a.message()[3].decode()
    info = next(line for line in headers.split("\r\n") if line.startswith("Nats-Request-Info: "))
    assert json.loads(info.removeprefix("Nats-Request-Info: "))["server"] == "teller"


class TestConsumers:
    @pytest.fixture
    def consumer(self, user, a, stream):
        ear = Ear(user("a"))
        a.api("CONSUMER.CREATE.S.c", {"stream_name": "S", "config": {"durable_name": "c", "ack_policy": "explicit"}})
        ear.until("CONSUMER.CREATED.S.c", "API")

    @staticmethod
    def pause(a, until):
        return a.api("CONSUMER.PAUSE.S.c", {"pause_until": until} if until else {})

    def test_a_pause_is_told_once(self, a, consumer, heard):
        story = [(None, []), ("2036-01-01T00:00:00Z", [True]), ("2036-01-01T00:00:00Z", []),
                 ("2037-01-01T00:00:00Z", [True]), ("2020-01-01T00:00:00Z", [False]), (None, [False]), (None, [])]
        for until, told in story:
            self.pause(a, until)
            found = [body for subject, body in heard(1 + len(told)) if subject == "CONSUMER.PAUSE.S.c"]
            assert [one["paused"] for one in found] == told
            assert all(one["pause_until"] == (until or "0001-01-01T00:00:00Z") for one in found)

    def test_the_end_of_a_pause_is_told(self, a, consumer, heard):
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        self.pause(a, until)
        found = heard(3)
        assert sorted(subject for subject, _ in found) == ["API", "CONSUMER.PAUSE.S.c", "CONSUMER.PAUSE.S.c"]
        pauses = [body for subject, body in found if subject == "CONSUMER.PAUSE.S.c"]
        assert [(one["paused"], one["pause_until"]) for one in pauses] == [(True, until), (False, until)]

    def test_a_consumer_that_begins_with_a_pause(self, a, stream, heard):
        config = {"durable_name": "p", "ack_policy": "explicit", "pause_until": "2036-01-01T00:00:00Z"}
        a.api("CONSUMER.CREATE.S.p", {"stream_name": "S", "config": config})
        assert [subject for subject, _ in heard(3)] == ["CONSUMER.CREATED.S.p", "CONSUMER.PAUSE.S.p", "API"]

    def test_a_deleted_stream_takes_its_consumers_along(self, server, a, heard):
        # nats-server tells them from several threads.
        assert sorted(told_of_the_end_of_a_stream(server, a, heard, ["b", "c"])) == [
            "API", "CONSUMER.DELETED.S.b", "CONSUMER.DELETED.S.c", "STREAM.DELETED.S"]
