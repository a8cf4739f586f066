"""Accounts with imports and exports, subject mappings, JetStream limits and the system account: the same configuration
file for Duolog and for nats-server."""

import json
import re
import time

import pytest

from harness.configured import server_of_each_kind, users
from harness.nats_wire import Wire
from harness.waiting import until

CONFIG = """
jetstream: enabled
mappings { nothing: here }
accounts {
  SYS { users: [{user: sys, password: p}] }
  A {
    jetstream: enabled
    users: [{user: a, password: p}, {user: r, password: p, permissions: {publish: ["there.x"], subscribe: ">"}}]
    mappings {
      "led.*": "there.$1"
      "map.*.*": "mapped.{{wildcard(2)}}.{{partition(10,1)}}"
      "svc.mapped": "svc.real"
      lost: [{destination: lost, weight: 0}, {destination: found, weight: 0}]
    }
    exports: [
      {stream: "s.>"}, {stream: "w.*.*"}, {stream: "own.*", account_token_position: 2}
      {service: "svc.>"}, {service: "many.*", response_type: stream, threshold: "10s"}
      {service: "parts", response_type: chunked}, {service: "tok.*.x", account_token_position: 2}
      {service: "fast", threshold: "300ms"}
      {service: "$JS.API.>", response_type: stream}, {service: "$JS.ACK.>"}, {service: "orders.>"}
      {stream: "deliver.>"}
    ]
  }
  B {
    users: [{user: b, password: p}]
    imports: [
      {stream: {account: A, subject: "s.>"}, prefix: pre}
      {stream: {account: A, subject: "w.*.*"}, to: "ww.$2.$1"}
      {stream: {account: A, subject: "own.B"}}
      {service: {account: A, subject: "svc.one"}}
      {service: {account: A, subject: "svc.two"}, to: two, share: true}
      {service: {account: A, subject: "svc.w.>"}, to: "sw.>"}
      {service: {account: A, subject: "svc.x.*.*"}, to: "sx.$2.$1"}
      {service: {account: A, subject: "svc.mapped"}, to: mapped}
      {service: {account: A, subject: "many.x"}, to: mx}
      {service: {account: A, subject: "parts"}}
      {service: {account: A, subject: "tok.B.x"}, to: tok}
      {service: {account: A, subject: "fast"}}
      {service: {account: A, subject: "$JS.API.>"}, to: "JS.A.API.>"}
      {service: {account: A, subject: "$JS.ACK.>"}}
      {service: {account: A, subject: "orders.>"}}
      {stream: {account: A, subject: "deliver.>"}}
    ]
    exports: [{service: two}, {stream: "pre.s.>"}]
  }
  C {
    users: [{user: c, password: p}]
    imports: [{service: {account: B, subject: two}, to: ctwo}, {stream: {account: B, subject: "pre.s.>"}}]
  }
  D {
    jetstream: {max_mem: 1M, max_file: 2M, max_streams: 2, max_consumers: 1, max_bytes_required: true,
                disk_max_stream_bytes: 1M, max_ack_pending: 10}
    users: [{user: d, password: p}]
  }
}
system_account: SYS
"""

server = server_of_each_kind(CONFIG)
user = users(no_responders=True)


def lines(wire):
    """What has come once the server answers a PING, without the ends of lines.

    That is all that others had sent before they got an answer to a PING of theirs.
    """
    wire.send("PING\r\n")
    found = []
    while (line := wire.line().decode().rstrip("\r\n")) != "PONG":
        found.append(line)
    return found


def ask(wire, subject, body=""):
    """One answer, as JSON, or the status line."""
    wire.send(f"SUB inbox 99\r\nUNSUB 99 1\r\nPUB {subject} inbox {len(body)}\r\n{body}\r\n")
    head = wire.line().decode()
    text = wire.line().decode().rstrip()
    if head.startswith("HMSG"):
        lines(wire)
        return text
    return json.loads(text)


def reply_of(found):
    return next(line.split()[3] for line in found if "_R_." in line)


# ---- streams ---------------------------------------------------------------------------------


def test_imported_streams_have_their_local_names(user):
    a, b = user("a"), user("b")
    b.send("SUB pre.s.* 2\r\nSUB ww.*.y 3\r\nSUB ww.> 4\r\nSUB own.> 5\r\nSUB s.> 6\r\n")
    lines(b)
    a.send("PUB s.x r 2\r\nhi\r\nPUB w.x.y 2\r\nh1\r\nPUB w.y.x 2\r\nh2\r\nPUB own.B 1\r\nx\r\nPUB own.C 1\r\nx\r\n")
    lines(a)
    found = lines(b)
    heads = sorted(line for line in found if line.startswith("MSG"))
    assert heads == sorted(
        ["MSG pre.s.x 2 r 2", "MSG ww.y.x 4 2", "MSG ww.x.y 3 2", "MSG ww.x.y 4 2", "MSG own.B 5 1"])


def test_what_is_imported_is_not_exported_again(user):
    a, b, c = user("a"), user("b"), user("c")
    c.send("SUB > 1\r\n")
    lines(c)
    a.send("PUB s.x 1\r\n1\r\n")
    b.send("PUB pre.s.y 1\r\n2\r\n")
    lines(a), lines(b)
    assert lines(c) == ["MSG pre.s.y 1 1", "2"]


def test_a_queue_group_spans_the_accounts(user):
    a, b = user("a"), user("b")
    a.send("SUB s.q q 1\r\n")
    b.send("SUB pre.s.q q 2\r\n")
    lines(a), lines(b)
    publisher = user("a")
    publisher.send("PUB s.q 1\r\nx\r\n" * 40)
    lines(publisher)
    mine, theirs = len(lines(a)) // 2, len(lines(b)) // 2
    assert mine + theirs == 40 and mine > 3 and theirs > 3


# ---- services --------------------------------------------------------------------------------


@pytest.mark.parametrize("subject, seen", [
    ("svc.one", "svc.one"), ("two", "svc.two"), ("sw.a.b", "svc.w.a.b"), ("sx.1.2", "svc.x.2.1"),
    ("tok", "tok.B.x"), ("mapped", "svc.real")])
def test_a_request_is_answered_once(user, subject, seen):
    a, b = user("a"), user("b")
    a.send("SUB svc.> 1\r\nSUB tok.> 2\r\n")
    lines(a)
    b.send(f"SUB in 7\r\nPUB {subject} in 1\r\nq\r\n")
    lines(b)
    found = lines(a)
    assert found[0].startswith(f"HMSG {seen} ") and found[-1] == "q"
    reply = reply_of(found)
    a.send(f"PUB {reply} 3\r\nan1\r\nPUB {reply} 3\r\nan2\r\n")
    lines(a)
    assert lines(b) == ["MSG in 7 3", "an1"]


def request_info(user, importer, subject):
    a, b = user("a"), user(importer, name="asker", lang="x", version="9")
    a.send("SUB svc.> 1\r\n")
    lines(a)
    b.send(f"HPUB {subject} 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhh\r\n")
    lines(b)
    found = lines(a)
    assert "A: b" in found and found[-1] == "hh"
    info = next(line for line in found if line.startswith("Nats-Request-Info: "))
    return json.loads(info.removeprefix("Nats-Request-Info: "))


def test_a_service_learns_the_account_of_who_asks(user):
    info = request_info(user, "b", "svc.one")
    info.pop("rtt", None)
    assert info == {"acc": "B"}


def test_a_shared_import_tells_more(user):
    info = request_info(user, "b", "two")
    assert {"acc": "B", "user": "b", "name": "asker", "lang": "x", "ver": "9", "kind": "Client",
            "client_type": "nats"}.items() <= info.items()
    assert {"start", "host", "id", "server"} <= info.keys()


def test_requests_pass_through_several_accounts(user):
    assert {"acc": "C", "svc": "B"}.items() <= request_info(user, "c", "ctwo").items()
    a, c = user("a"), user("c")
    a.send("SUB svc.> 1\r\n")
    lines(a)
    c.send("SUB in 1\r\nPUB ctwo in 1\r\nq\r\n")
    lines(c)
    a.send(f"PUB {reply_of(lines(a))} 2\r\nok\r\n")
    lines(a)
    assert lines(c) == ["MSG in 1 2", "ok"]


@pytest.mark.parametrize("subject", ["mx", "parts"])
def test_several_answers_where_the_export_says_so(user, subject):
    a, b = user("a"), user("b")
    a.send("SUB many.* 1\r\nSUB parts 2\r\n")
    lines(a)
    b.send(f"SUB in 7\r\nPUB {subject} in 0\r\n\r\n")
    lines(b)
    reply = reply_of(lines(a))
    a.send(f"PUB {reply} 1\r\n1\r\nPUB {reply} back 1\r\n2\r\nPUB {reply} 0\r\n\r\nPUB {reply} 1\r\n3\r\n")
    lines(a)
    found = lines(b)
    assert found[:2] == ["MSG in 7 1", "1"]
    assert re.fullmatch(r"MSG in 7 _R_\.\S+ 1", found[2]) and found[3] == "2"
    assert found[4:6] == ["MSG in 7 0", ""]
    # The empty message was the last.
    assert found[6:] == []
    # Who asked may answer the second one in turn.
    a.send("SUB back 5\r\n")
    lines(a)
    b.send(f"PUB {found[2].split()[3]} 2\r\nok\r\n")
    lines(b)
    assert lines(a) == ["MSG back 5 2", "ok"]


def test_an_answer_after_the_threshold_is_lost(user):
    a, b = user("a"), user("b")
    a.send("SUB fast 1\r\n")
    lines(a)
    b.send("SUB in 7\r\nPUB fast in 0\r\n\r\n")
    lines(b)
    reply = reply_of(lines(a))
    time.sleep(0.8)
    a.send(f"PUB {reply} 4\r\nlate\r\n")
    lines(a)
    assert lines(b) == []


@pytest.mark.parametrize("name, subject", [("b", "svc.one"), ("b", "two"), ("c", "ctwo")])
def test_nobody_answers(user, name, subject):
    one = user(name)
    one.send(f"SUB in 7\r\nPUB {subject} in 0\r\n\r\n")
    found = lines(one)
    assert found[1:3] == ["NATS/1.0 503", f"Nats-Subject: {subject}"]


# ---- mappings --------------------------------------------------------------------------------


def test_an_accounts_mappings_lead_elsewhere(user):
    a, b = user("a"), user("b")
    a.send("SUB > 1\r\n")
    lines(a)
    a.send("PUB map.x.y r 1\r\n1\r\nPUB lost 1\r\n2\r\nPUB nothing 1\r\n3\r\n")
    assert lines(a) == ["MSG mapped.y.5 1 r 1", "1", "MSG nothing 1 1", "3"]
    b.send("SUB map.> 1\r\nPUB map.x.y 1\r\n1\r\n")
    assert lines(b) == ["MSG map.x.y 1 1", "1"]


def test_permissions_are_for_the_subject_that_a_mapping_chose(user):
    a, restricted = user("a"), user("r")
    a.send("SUB there.* 1\r\n")
    lines(a)
    restricted.send("PUB led.x 1\r\n1\r\nPUB led.y 1\r\n2\r\nPUB there.x 1\r\n3\r\n")
    assert lines(restricted) == ["-ERR 'Permissions Violation for Publish to \"there.y\"'"]
    assert lines(a) == ["MSG there.x 1 1", "1", "MSG there.x 1 1", "3"]


# ---- JetStream -------------------------------------------------------------------------------


def stream(name, **config):
    return json.dumps({"name": name, "subjects": [name.lower() + ".>"], "storage": "file", **config})


def test_jetstream_of_another_account(user):
    a, b = user("a"), user("b")
    assert ask(a, "$JS.API.STREAM.CREATE.ORDERS", stream("ORDERS"))["did_create"]
    assert ask(b, "orders.1", "hello") == {"stream": "ORDERS", "seq": 1}
    assert ask(b, "JS.A.API.STREAM.INFO.ORDERS")["state"]["messages"] == 1
    consumer = {"stream_name": "ORDERS", "config": {"durable_name": "C", "ack_policy": "explicit"}}
    assert ask(b, "JS.A.API.CONSUMER.CREATE.ORDERS.C", json.dumps(consumer))["name"] == "C"
    b.send("SUB in 7\r\nPUB JS.A.API.CONSUMER.MSG.NEXT.ORDERS.C in 11\r\n{\"batch\":1}\r\n")
    subject, sid, ack, _, payload = b.message()
    assert (subject, sid, payload) == ("orders.1", "7", b"hello") and ack.startswith("$JS.ACK.ORDERS.C.1.1.1.")
    # It is confirmed, so that it is known to be done.
    b.publish(ack, "+ACK", reply="in")
    assert b.message()[4] == b""
    info = ask(b, "JS.A.API.CONSUMER.INFO.ORDERS.C")
    assert info["ack_floor"]["stream_seq"] == 1
    ask(a, "$JS.API.STREAM.DELETE.ORDERS")


def test_push_consumers_deliver_across_accounts(user):
    a, b = user("a"), user("b")
    ask(a, "$JS.API.STREAM.CREATE.PUSHED", stream("PUSHED"))
    b.send("SUB deliver.here 7\r\n")
    lines(b)
    consumer = {"stream_name": "PUSHED", "config": {
        "durable_name": "P", "ack_policy": "none", "deliver_subject": "deliver.here"}}
    ask(a, "$JS.API.CONSUMER.CREATE.PUSHED.P", json.dumps(consumer))
    ask(a, "pushed.1", "x")
    subject, sid, _, _, payload = b.message()
    assert subject in ("pushed.1", "deliver.here") and (sid, payload) == ("7", b"x")
    ask(a, "$JS.API.STREAM.DELETE.PUSHED")


def test_accounts_without_jetstream_are_told(user):
    for name in ["b", "sys"]:
        answer = ask(user(name), "$JS.API.INFO")
        assert answer["error"] == {
            "code": 503, "err_code": 10039, "description": "JetStream not enabled for account"}


def test_streams_of_one_name_in_two_accounts(user):
    a, d = user("a"), user("d")
    for one, extra in [(a, {}), (d, {"max_bytes": 1000})]:
        assert ask(one, "$JS.API.STREAM.CREATE.SAME", stream("SAME", **extra))["did_create"]
    assert ask(a, "same.1", "x") == {"stream": "SAME", "seq": 1}
    assert ask(d, "$JS.API.STREAM.INFO.SAME")["state"]["messages"] == 0
    assert ask(a, "$JS.API.STREAM.NAMES")["streams"] == ["SAME"]
    for one in [a, d]:
        assert ask(one, "$JS.API.STREAM.DELETE.SAME")["success"]


def test_limits_of_an_account(user):
    d = user("d")

    def error(answer):
        return answer.get("error", {}).get("err_code")

    def create(name, **config):
        return ask(d, f"$JS.API.STREAM.CREATE.{name}", stream(name, **config))

    limits = ask(d, "$JS.API.INFO")["limits"]
    assert limits == {
        "max_memory": 1000000, "max_storage": 2000000, "max_streams": 2, "max_consumers": 1, "max_ack_pending": 10,
        "memory_max_stream_bytes": -1, "storage_max_stream_bytes": 1000000, "max_bytes_required": True}
    assert error(create("X")) == 10113
    assert error(create("X", max_bytes=1500000)) == 10122
    assert error(create("X", storage="memory", max_bytes=1500000)) == 10028
    assert create("X", max_bytes=1000000)["did_create"]
    assert create("Y", max_bytes=1000000)["did_create"]
    assert error(create("Z", max_bytes=1000)) == 10027
    info = ask(d, "$JS.API.INFO")
    assert (info["streams"], info["reserved_storage"]) == (2, 2000000)

    def consumer(name, **config):
        body = {"stream_name": "X", "config": {"durable_name": name, "ack_policy": "explicit", **config}}
        return ask(d, f"$JS.API.CONSUMER.CREATE.X.{name}", json.dumps(body))

    assert error(consumer("C", max_ack_pending=20)) == 10121
    assert consumer("C")["config"]["max_ack_pending"] == 10
    assert error(consumer("D")) == 10026
    for name in ["X", "Y"]:
        ask(d, f"$JS.API.STREAM.DELETE.{name}")


def test_streams_capture_advisories(user):
    a = user("a")
    advisories = {"name": "ADV", "subjects": ["$JS.EVENT.ADVISORY.>"], "storage": "file"}
    ask(a, "$JS.API.STREAM.CREATE.ADV", json.dumps(advisories))
    ask(a, "$JS.API.STREAM.CREATE.SEEN", stream("SEEN"))

    def kept():
        return ask(a, "$JS.API.STREAM.INFO.ADV", json.dumps({"subjects_filter": ">"}))["state"].get("subjects", {})

    until(lambda: kept().get("$JS.EVENT.ADVISORY.STREAM.CREATED.SEEN") == 1)
    for name in ["SEEN", "ADV"]:
        ask(a, f"$JS.API.STREAM.DELETE.{name}")


def test_jsz_shows_each_account(user):
    system, a, d = user("sys"), user("a"), user("d")
    for one, extra in [(a, {}), (d, {"max_bytes": 1000})]:
        ask(one, "$JS.API.STREAM.CREATE.SHOWN", stream("SHOWN", **extra))
    shown = ask(system, "$SYS.REQ.SERVER.PING.JSZ", json.dumps({"streams": True}))["data"]
    details = {one["name"]: one for one in shown["account_details"]}
    assert set(details) == {"A", "D"} and shown["accounts"] == 2
    assert [one["name"] for one in details["D"]["stream_detail"]] == ["SHOWN"]
    assert details["D"]["reserved_storage"] == 2000000
    only = ask(system, "$SYS.REQ.ACCOUNT.D.JSZ")["data"]
    assert only["name"] == "D"
    for account, enabled in [("A", True), ("B", False)]:
        assert ask(system, f"$SYS.REQ.ACCOUNT.{account}.INFO")["data"]["jetstream_enabled"] == enabled
    for one in [a, d]:
        ask(one, "$JS.API.STREAM.DELETE.SHOWN")


# ---- the system account ----------------------------------------------------------------------


@pytest.mark.parametrize("name, fields", [
    ("VARZ", {"server_id", "version", "connections", "in_msgs", "mem"}), ("CONNZ", {"num_connections", "connections"}),
    ("SUBSZ", {"num_subscriptions", "num_cache"}), ("JSZ", {"streams", "consumers", "api"}),
    ("ACCOUNTZ", {"system_account", "accounts"}), ("HEALTHZ", {"status", "status_code"}),
    ("ROUTEZ", {"num_routes"}), ("LEAFZ", {"leafnodes"}), ("GATEWAYZ", {"now"})])
def test_the_server_reports_to_the_system_account(user, name, fields):
    system = user("sys")
    server_id = system.info["server_id"]
    for target in ["PING", server_id]:
        answer = ask(system, f"$SYS.REQ.SERVER.{target}.{name}")
        assert answer["server"]["id"] == server_id
        assert fields <= answer["data"].keys()


def test_the_numbers_of_the_server(user):
    system = user("sys")
    for subject in ["$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.STATSZ"]:
        numbers = ask(system, subject)["statsz"]
        assert {"start", "mem", "cores", "cpu", "connections", "total_connections", "active_accounts",
                "subscriptions", "sent", "received", "slow_consumers", "jetstream"} <= numbers.keys()


@pytest.mark.parametrize("filter, is_meant", [
    ({"server_name": "no such server"}, False), ({"tags": ["x"]}, False), ({"cluster": "x"}, False),
    ({"domain": "x"}, False), ({"host": "127.0.0.1"}, True), ({"host": "127"}, True),
    ({"host": "127", "exact_match": True}, False)])
def test_a_request_to_all_servers_chooses(user, filter, is_meant):
    system = user("sys")
    body = json.dumps(filter)
    system.send("SUB in.* 1\r\n").publish("$SYS.REQ.SERVER.PING.HEALTHZ", body, reply="in.some")
    system.publish("$SYS.REQ.SERVER.PING.HEALTHZ", reply="in.all")
    assert system.message()[0] == ("in.some" if is_meant else "in.all")


def connected_to_a(wire, account="A"):
    return [one["name"] for one in ask(wire, f"$SYS.REQ.ACCOUNT.{account}.CONNZ")["data"]["connections"]]


def test_accounts_and_the_system_account(user):
    system, a = user("sys"), user("a", name="me")
    assert ask(system, "$SYS.REQ.ACCOUNT.A.INFO")["data"]["account_name"] == "A"
    # The server may not have seen yet that those of the test before have gone.
    until(lambda: connected_to_a(system) == ["me"])
    assert ask(system, "$SYS.REQ.ACCOUNT.A.STATZ")["data"]["account_statz"][0]["acc"] == "A"
    assert ask(system, "$SYS.REQ.ACCOUNT.A.CONNS")["conns"] == 1
    assert ask(system, "$SYS.REQ.ACCOUNT.NOPE.INFO")["error"]["description"] == "Account NOPE does not exist"
    assert connected_to_a(a, "PING") == ["me"]
    assert ask(a, "$SYS.REQ.ACCOUNT.PING.STATZ")["data"]["account_statz"][0]["acc"] == "A"
    assert ask(a, "$SYS.REQ.USER.INFO")["data"] == {"user": "a", "account": "A", "account_name": "A"}
    for subject in ["$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.A.INFO", "$SYS.REQ.SERVER.PING.VARZ"]:
        assert ask(a, subject) == "NATS/1.0 503"


def test_events_of_clients(user, server):
    system = user("sys")
    system.send("SUB $SYS.ACCOUNT.*.CONNECT 1\r\nSUB $SYS.ACCOUNT.*.DISCONNECT 2\r\n")
    system.send("SUB $SYS.SERVER.*.CLIENT.AUTH.ERR 3\r\n")
    lines(system)
    user("a", name="event").close()
    with Wire(server.nats_port) as stranger:
        stranger.send('CONNECT {"user":"nobody","pass":"x"}\r\n')
        while stranger.more():
            pass
    refusal, events = f"$SYS.SERVER.{system.info['server_id']}.CLIENT.AUTH.ERR", {}
    while not {"$SYS.ACCOUNT.A.CONNECT", "$SYS.ACCOUNT.A.DISCONNECT", refusal} <= events.keys():
        subject, _, _, _, body = system.message()
        event = json.loads(body)
        # Those of the test before may go only now.
        if subject == refusal or event["client"].get("name") == "event":
            events[subject] = event
    connect, disconnect, refused = events["$SYS.ACCOUNT.A.CONNECT"], events["$SYS.ACCOUNT.A.DISCONNECT"], events[refusal]
    assert connect["type"] == "io.nats.server.advisory.v1.client_connect"
    assert connect["client"]["user"] == "a"
    assert disconnect["reason"] == "Client Closed" and disconnect["client"]["id"] == connect["client"]["id"]
    assert refused["reason"] == "Authentication Failure"


def test_a_client_is_kicked(user):
    system, a = user("sys"), user("a", name="victim")
    cid = a.info["client_id"]
    assert cid in [one["cid"] for one in ask(system, "$SYS.REQ.ACCOUNT.A.CONNZ")["data"]["connections"]]
    server_id = system.info["server_id"]
    assert "error" not in ask(system, f"$SYS.REQ.SERVER.{server_id}.KICK", json.dumps({"cid": cid}))
    while a.more():
        pass
    assert ask(system, f"$SYS.REQ.SERVER.{server_id}.KICK", json.dumps({"cid": cid}))["error"]["code"] == 500
