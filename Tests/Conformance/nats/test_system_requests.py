"""Requests to the system account on odd input: the same answers from Duolog and from nats-server."""

import json

import pytest

from harness.configured import server_of_each_kind, users
from harness.nats_wire import Wire

CONFIG = """
jetstream: enabled
accounts {
  SYS { users: [{user: sys, password: p}] }
  A {
    jetstream: enabled
    users: [{user: a, password: p}]
  }
}
system_account: SYS
"""

server = server_of_each_kind(CONFIG)
user = users(no_responders=True)


@pytest.fixture
def ask(user):
    """Asks as the system user; the answer without the part that names the server; None where there is to be none."""
    system = user("sys")

    def ask(subject, body="", silent=False):
        if not isinstance(body, str):
            body = json.dumps(body)
        system.send("SUB answer.* 9\r\n").publish(f"$SYS.REQ.{subject}", body, reply="answer.first")
        if silent:
            # What is asked after it is answered first.
            system.publish("$SYS.REQ.SERVER.PING.HEALTHZ", reply="answer.second")
        answered, _, _, _, found = system.message()
        system.send("UNSUB 9\r\n").expect_nothing_more()
        assert answered == ("answer.second" if silent else "answer.first"), found
        if silent:
            return None
        found = json.loads(found)
        if isinstance(found, dict):
            found.pop("server", None)
        return found

    return ask


class TestSubscriptionsAreCounted:
    @pytest.fixture(autouse=True)
    def subscriber(self, user):
        user("a").send("SUB foo 1\r\nSUB foo 2\r\nSUB bar.* 3\r\nSUB foo q 4\r\nSUB foo r 5\r\nSUB foo r 6\r\n"
                       ).expect_nothing_more()

    @pytest.mark.parametrize("request_body, count", [
        ({"acc": "A", "subject": "foo"}, 5),
        ({"acc": "A", "subject": "bar.x"}, 1),
        ({"acc": "A", "subject": "bar.*"}, 1),
        ({"acc": "A", "subject": "bar.>"}, 1),
        ({"acc": "A", "subject": ">"}, 6),
        ({"acc": "A", "subject": "none"}, 0),
        ({"acc": "A", "subject": "foo", "queue": "cg=="}, 2),
        ({"acc": "A", "subject": "foo", "queue": "no base64"}, None),
        ({"acc": "A"}, 0),
        ({"acc": "NOBODY", "subject": "foo"}, None),
        ({"acc": "$G", "subject": "foo"}, None),
        ({"subject": "foo"}, None),
        ({"acc": 5}, None),
        ("", None), ("no JSON", None), ([], None),
    ])
    def test_of_an_account(self, ask, request_body, count):
        assert ask("ACCOUNT.NSUBS", request_body, silent=count is None) == count

    @pytest.mark.parametrize("words, count", [
        ("foo", 2), ("  foo ", 2), ("foo q", 1), ("foo\tq", 0), ("foo none", 0), ("none", 0), ("bar.", 0)])
    def test_of_the_system_account(self, user, words, count):
        user("sys").send("SUB foo 1\r\nSUB foo q 2\r\n").expect_nothing_more()
        assert user("sys").request("$SYS.DEBUG.SUBSCRIBERS", words)[4] == str(count).encode()

    def test_not_for_others(self, user):
        assert b"503" in user("a").request("$SYS.DEBUG.SUBSCRIBERS", "foo")[3]

    def test_those_of_an_account_are_listed(self, ask):
        listed = ask("ACCOUNT.A.SUBSZ")["data"]["subscriptions_list"]
        assert {"foo", "bar.*"} <= {one["subject"] for one in listed}


class TestAccountsThatAreNotThere:
    def test_have_no_connections(self, ask):
        data = ask("ACCOUNT.NONE.CONNZ")["data"]
        assert (data["server_id"], data["num_connections"], data["connections"]) == ("", 0, None)

    def test_have_no_subscriptions(self, ask):
        data = ask("ACCOUNT.NONE.SUBSZ")["data"]
        assert (data["num_subscriptions"], data["total"]) == (0, 0)

    def test_have_no_leaf_nodes(self, ask):
        assert ask("ACCOUNT.NONE.LEAFZ")["data"]["leafs"] == []

    @pytest.mark.parametrize("name, text", [
        ("JSZ", 'account "NONE" not found'), ("INFO", "Account NONE does not exist")])
    def test_are_an_error(self, ask, name, text):
        assert ask(f"ACCOUNT.NONE.{name}") == {"data": None, "error": {"code": 500, "description": text}}

    @pytest.mark.parametrize("name", ["STATZ", "CONNS"])
    def test_are_not_spoken_of(self, ask, name):
        ask(f"ACCOUNT.NONE.{name}", silent=True)

    def test_another_account_in_the_body(self, ask):
        ask("ACCOUNT.A.CONNS", {"acc": "SYS"}, silent=True)
        assert ask("ACCOUNT.A.CONNZ", {"acc": "SYS"})["data"]["server_id"]


class TestBadRequests:
    @pytest.mark.parametrize("name", ["VARZ", "CONNZ", "SUBSZ", "JSZ", "ACCOUNTZ", "HEALTHZ", "LEAFZ", "STATSZ"])
    @pytest.mark.parametrize("body", ["no JSON", "{", "5", "[]", " "])
    def test_what_is_no_object(self, ask, name, body):
        answer = ask(f"SERVER.PING.{name}", body)
        assert list(answer) == ["error"] and answer["error"]["code"] == 400

    def test_null_is_an_empty_object(self, ask):
        assert ask("SERVER.PING.CONNZ", "null")["data"]["limit"] == 1024

    @pytest.mark.parametrize("name, body", [
        ("CONNZ", {"limit": "x"}), ("CONNZ", {"state": "closed"}), ("CONNZ", {"auth": 1}), ("SUBSZ", {"offset": "x"}),
        ("JSZ", {"streams": 1})])
    def test_options_of_the_wrong_type(self, ask, name, body):
        answer = ask(f"SERVER.PING.{name}", body)
        assert list(answer) == ["error"] and answer["error"]["code"] == 400

    @pytest.mark.parametrize("name, body, text", [
        ("CONNZ", {"sort": "colour"}, "invalid sorting option: colour"),
        ("ACCOUNTZ", {"account": "NONE"}, "Account NONE does not exist")])
    def test_options_that_make_no_sense(self, ask, name, body, text):
        answer = ask(f"SERVER.PING.{name}", body)
        assert answer == {"data": None, "error": {"code": 500, "description": text}}

    def test_a_state_that_is_none(self, ask):
        data = ask("SERVER.PING.CONNZ", {"state": 99})["data"]
        assert (data["num_connections"], data["total"], data["connections"]) == (0, 0, [])

    def test_no_raft_groups(self, ask):
        assert ask("SERVER.PING.RAFTZ") == {"data": {}}

    def test_health_has_its_status_in_it(self, ask):
        assert ask("SERVER.PING.HEALTHZ")["data"] == {"status": "ok", "status_code": 200}
        assert ask("SERVER.PING.HEALTHZ", {"account": "NONE"})["data"] == {
            "status": "unavailable", "status_code": 404, "error": 'JetStream account "NONE" not found'}

    @pytest.mark.parametrize("name, text", [
        ("KICK", "no such client or leafnode id"), ("LDM", "no such client id")])
    def test_a_client_that_is_not_there(self, user, ask, name, text):
        server = user("a").info["server_id"]
        answer = ask(f"SERVER.{server}.{name}", {"cid": 999999})
        assert answer == {"error": {"code": 500, "description": text}}
        ask(f"SERVER.{server}.{name}", "no JSON", silent=True)

    def test_a_reload_with_a_bad_body(self, user, ask):
        assert ask(f"SERVER.{user('a').info['server_id']}.RELOAD", "no JSON")["error"]["code"] == 400


def test_who_is_not_logged_in_yet_counts_in_the_global_account(server, ask):
    """As in nats-server: the accounts of clients are $G until they say who they are."""
    with Wire(server.nats_port), Wire(server.nats_port):
        found = ask("SERVER.PING.CONNZ", {"acc": "$G"})["data"]
        assert found["num_connections"] == 2
        [numbers] = ask("ACCOUNT.PING.STATZ", {"accounts": ["$G"]})["data"]["account_statz"]
        assert numbers["conns"] == 2
