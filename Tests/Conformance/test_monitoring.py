"""The HTTP port, with nats-server's paths and field names."""

import json
import re
import time
import urllib.error
import urllib.request

import pytest

from harness.kafka import create_topic, produce
from harness.nats_wire import Wire
from harness.server import Server


def get(server, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}{path}", timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


def read(server, path):
    return json.loads(get(server, path)[1])


def refusal(server, path):
    with pytest.raises(urllib.error.HTTPError) as raised:
        get(server, path)
    return raised.value.code, raised.value.read().decode().strip()


def test_health(nats_server):
    kind, body = get(nats_server, "/healthz")
    assert kind.startswith("application/json")
    assert json.loads(body) == {"status": "ok"}


def test_variables(nats_server):
    kind, body = get(nats_server, "/varz")
    variables = json.loads(body)
    assert kind.startswith("application/json")
    assert len(variables["server_id"]) == 56
    assert variables["port"] == nats_server.nats_port
    if nats_server.kind == "duolog":
        assert variables["http_port"] == nats_server.http_port
    assert variables["max_payload"] == 1 << 20
    assert variables["ping_interval"] == 120_000_000_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", variables["start"])


def test_messages_are_counted(nats_server):
    before = read(nats_server, "/varz")
    with Wire(nats_server.nats_port) as wire:
        wire.connect().send("SUB counted 1\r\n" + "PUB counted 5\r\nhello\r\n" * 10)
        for _ in range(10):
            wire.message()
    after = read(nats_server, "/varz")
    assert after["in_msgs"] - before["in_msgs"] >= 10
    assert after["in_bytes"] - before["in_bytes"] >= 50
    assert after["out_msgs"] - before["out_msgs"] >= 10
    assert after["total_connections"] - before["total_connections"] == 1


def test_streams_are_counted(duolog, name):
    before = read(duolog, "/jsz")["streams"]
    create_topic(duolog, name)
    assert read(duolog, "/jsz")["streams"] == before + 1


@pytest.mark.parametrize("kind", ["duolog", "nats-server"])
def test_a_token_is_not_shown(tmp_path, kind):
    server = Server(kind, tmp_path, ["--auth", "secret"]).start()
    try:
        with Wire(server.nats_port) as wire:
            wire.connect(auth_token="secret")
            [row] = read(server, "/connz?auth=1")["connections"]
            assert row["authorized_user"] == "[REDACTED]"
    finally:
        server.kill()


def test_an_unknown_path_is_404(nats_server):
    assert refusal(nats_server, "/nothing/here") == (404, "404 page not found")


def test_the_index_is_a_page_for_people(nats_server):
    kind, body = get(nats_server, "/")
    assert kind.startswith("text/html")
    for path in ("varz", "connz", "jsz", "healthz", "subsz", "accountz"):
        assert f"./{path}".encode() in body


@pytest.mark.parametrize("path, text", [
    ("/connz?sort=bad", "invalid sorting option: bad"),
    ("/connz?sort=stop", "sort by stop only valid on closed connections"),
    ("/connz?sort=reason&state=any", None),
    ("/connz?limit=x", 'Error decoding int for \'limit\': strconv.Atoi: parsing "x": invalid syntax'),
    ("/connz?offset=1.5", 'Error decoding int for \'offset\': strconv.Atoi: parsing "1.5": invalid syntax'),
    ("/connz?cid=-1", 'Error decoding uint64 for \'cid\': strconv.ParseUint: parsing "-1": invalid syntax'),
    ("/connz?subs=maybe", 'Error decoding boolean for \'subs\': strconv.ParseBool: parsing "maybe": invalid syntax'),
    ("/connz?state=half", "Error decoding state for half"),
    ("/subsz?subs=2", 'Error decoding boolean for \'subs\': strconv.ParseBool: parsing "2": invalid syntax'),
    ("/subsz?test=foo.*", "invalid test subject, must be valid publish subject: foo.*"),
    ("/jsz?streams=x", 'Error decoding boolean for \'streams\': strconv.ParseBool: parsing "x": invalid syntax'),
    ("/accountz?acc=nobody", "Account nobody does not exist"),
    ("/healthz?js-enabled-only=x",
     'Error decoding boolean for \'js-enabled-only\': strconv.ParseBool: parsing "x": invalid syntax'),
    ("/gatewayz?accs=x", 'Error decoding boolean for \'accs\': strconv.ParseBool: parsing "x": invalid syntax'),
    ("/leafz?subs=x", 'Error decoding boolean for \'subs\': strconv.ParseBool: parsing "x": invalid syntax'),
])
def test_an_option_that_makes_no_sense_is_400(nats_server, path, text):
    code, body = refusal(nats_server, path)
    assert code == 400
    assert text is None or body == text


class TestHealthOfOneStream:
    @pytest.mark.parametrize("query, code, text", [
        ("stream=none", 400, '"account" must not be empty when checking stream health'),
        ("consumer=none", 400, '"stream" must not be empty when checking consumer health'),
        ("account=NOBODY", 404, 'JetStream account "NOBODY" not found'),
        ("account=$G&stream=none", 404, 'JetStream stream "none" not found on account "$G"'),
    ])
    def test_what_is_not_there(self, nats_server, wire, query, code, text):
        # nats-server's account has JetStream once it has a stream.
        wire().api("STREAM.CREATE.there", {"name": "there"})
        answer = refusal(nats_server, f"/healthz?{query}")
        assert answer[0] == code and json.loads(answer[1])["error"] == text

    def test_with_details_the_error_is_one_of_a_list(self, nats_server, wire):
        wire().api("STREAM.CREATE.there", {"name": "there"})
        code, body = refusal(nats_server, "/healthz?account=%24G&stream=none&details=1")
        assert code == 404
        assert json.loads(body) == {"status": "error", "errors": [
            {"type": "STREAM", "account": "$G", "stream": "none",
             "error": 'JetStream stream "none" not found on account "$G"'}]}

    @pytest.mark.parametrize("query, error", [
        ("stream=none", {"type": "BAD_REQUEST"}),
        ("account=NOBODY&stream=s&consumer=c", {"type": "ACCOUNT", "account": "NOBODY"}),
        ("account=$G&stream=none&consumer=c", {"type": "STREAM", "account": "$G", "stream": "none"}),
        ("account=$G&stream=there&consumer=c",
         {"type": "CONSUMER", "account": "$G", "stream": "there", "consumer": "c"}),
    ])
    def test_details_name_what_was_looked_at(self, nats_server, wire, query, error):
        wire().api("STREAM.CREATE.there", {"name": "there"})
        [told] = json.loads(refusal(nats_server, f"/healthz?{query}&details=1")[1])["errors"]
        assert told.pop("error")
        assert told == error

    @pytest.mark.parametrize("only", ["js-enabled-only", "js-server-only", "js-enabled"])
    def test_without_a_look_at_what_jetstream_has(self, nats_server, only):
        assert read(nats_server, f"/healthz?account=NOBODY&{only}=true") == {"status": "ok"}
        assert refusal(nats_server, f"/healthz?stream=none&{only}=true")[0] == 400

    def test_what_is_there(self, nats_server, name):
        with Wire(nats_server.nats_port) as wire:
            wire.connect().api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
            wire.api(f"CONSUMER.DURABLE.CREATE.{name}.c", {
                "stream_name": name, "config": {"durable_name": "c", "ack_policy": "explicit"}})
        assert read(nats_server, f"/healthz?account=$G&stream={name}&consumer=c") == {"status": "ok"}


# ---- connections -----------------------------------------------------------------------------


def named(server, name, query=""):
    """The one connection of that name in /connz."""
    rows = [row for row in read(server, f"/connz?{query}")["connections"] if row.get("name") == name]
    assert len(rows) == 1, rows
    return rows[0]


class TestConnections:
    def test_what_a_client_does_is_counted_for_it(self, nats_server, wire, name):
        reader = wire(name=f"{name}-r").send(f"SUB {name}.* 7\r\nSUB {name}.b q 8\r\n").expect_nothing_more()
        writer = wire(name=f"{name}-w", headers=True, lang="test", version="1.2")
        writer.publish(f"{name}.a", "hello").publish(f"{name}.b", "x" * 100).expect_nothing_more()
        for _ in range(3):
            reader.message()
        row = named(nats_server, f"{name}-r")
        assert (row["out_msgs"], row["out_bytes"], row["in_msgs"], row["subscriptions"]) == (3, 205, 0, 2)
        row = named(nats_server, f"{name}-w")
        assert (row["in_msgs"], row["in_bytes"], row["out_msgs"]) == (2, 105, 0)
        assert (row["lang"], row["version"], row["kind"], row["type"]) == ("test", "1.2", "Client", "nats")
        assert row["port"] == writer.socket.getsockname()[1] and row["ip"] == "127.0.0.1"

    def test_subscriptions_are_shown_where_asked_for(self, nats_server, wire, name):
        wire(name=name).send(f"SUB {name}.* 7\r\nSUB {name}.b q 8\r\nUNSUB 8 5\r\n").expect_nothing_more()
        assert "subscriptions_list" not in named(nats_server, name)
        assert sorted(named(nats_server, name, "subs=1")["subscriptions_list"]) == [f"{name}.*", f"{name}.b"]
        details = sorted(named(nats_server, name, "subs=detail")["subscriptions_list_detail"], key=lambda d: d["sid"])
        cid = named(nats_server, name)["cid"]
        assert details == [{"subject": f"{name}.*", "sid": "7", "msgs": 0, "cid": cid},
                           {"subject": f"{name}.b", "qgroup": "q", "sid": "8", "msgs": 0, "max": 5, "cid": cid}]

    def test_a_page_has_so_many(self, nats_server, wire):
        for _ in range(5):
            wire()
        whole = [row["cid"] for row in read(nats_server, "/connz")["connections"]]
        page = read(nats_server, "/connz?limit=2&offset=1")
        assert [row["cid"] for row in page["connections"]] == whole[1:3]
        assert (page["num_connections"], page["limit"], page["offset"]) == (2, 2, 1)
        assert page["total"] == len(whole)

    @pytest.mark.parametrize("sort", [
        "cid", "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "last", "idle", "uptime",
        "rtt"])
    def test_sorted_by(self, nats_server, wire, name, sort):
        for number in (2, 3, 1):
            client = wire(name=f"{name}-{number}")
            for sid in range(number):
                client.send(f"SUB {name}.{number} {sid}\r\n")
            for _ in range(number):
                client.publish(f"{name}.{number}", "x" * number)
            client.send("PING\r\n")
            while client.line() != b"PONG\r\n":
                pass
            time.sleep(0.02)
        rows = [row["name"][-1] for row in read(nats_server, f"/connz?sort={sort}")["connections"]
                if row.get("name", "").startswith(f"{name}-")]
        if sort in ("subs", "msgs_to", "msgs_from", "bytes_to", "bytes_from"):
            assert rows == ["3", "2", "1"]
        elif sort in ("cid", "start"):
            assert rows == ["2", "3", "1"]
        elif sort in ("last", "uptime"):
            assert rows == ["1", "3", "2"]
        elif sort == "idle":
            assert rows == ["2", "3", "1"]
        else:
            assert sorted(rows) == ["1", "2", "3"]

    def test_by_number(self, nats_server, wire, name):
        wire(name=name)
        cid = named(nats_server, name)["cid"]
        answer = read(nats_server, f"/connz?cid={cid}")
        assert [row["name"] for row in answer["connections"]] == [name] and answer["limit"] == 1
        assert read(nats_server, "/connz?cid=999999")["connections"] == []

    @pytest.mark.parametrize("query", ["cid=999999", "user=nobody", "mqtt_client=none", "acc=$G&user=nobody"])
    def test_the_total_counts_all_of_the_account(self, nats_server, wire, query):
        wire()
        answer = read(nats_server, f"/connz?{query}")
        assert answer["num_connections"] == 0 and answer["total"] > 0

    def test_of_an_account_that_is_not_there(self, nats_server):
        answer = read(nats_server, "/connz?acc=nobody")
        assert answer.pop("now")
        assert answer == {"server_id": "", "num_connections": 0, "total": 0, "offset": 0, "limit": 1024,
                          "connections": None}

    def test_by_subject(self, duolog, duolog_wire, name):
        duolog_wire(name=name).send(f"SUB {name}.a.* 1\r\n").expect_nothing_more()
        duolog_wire(name=f"{name}-other").send(f"SUB {name}.b.* 1\r\n").expect_nothing_more()
        rows = read(duolog, f"/connz?filter_subject={name}.a.x")["connections"]
        assert [row["name"] for row in rows] == [name]
        assert read(duolog, f"/connz?filter_subject={name}.c.x")["connections"] == []

    @pytest.mark.parametrize("sort", ["stop", "reason"])
    def test_closed_ones_sorted_by(self, nats_server, wire, name, sort):
        cids = []
        for number, last in enumerate(["FOO\r\n", 'CONNECT {"protocol":9}\r\n', "-ERR x\r\n"]):
            client = wire(name=f"{name}-{number}")
            cids.append(client.info["client_id"])
            client.send(last)
            while client.more():
                pass
            while not read(nats_server, f"/connz?state=closed&cid={cids[-1]}")["connections"]:
                time.sleep(0.02)
            time.sleep(0.02)
        rows = [row["cid"] for row in read(nats_server, f"/connz?state=closed&sort={sort}")["connections"]
                if row["cid"] in cids]
        assert rows == (cids[::-1] if sort == "stop" else [cids[1], cids[2], cids[0]])

    @pytest.mark.parametrize("sent, reason", [
        ("", "Client Closed"),
        ("FOO\r\n", "Protocol Violation"),
        ("SUB a\r\n", "Protocol Violation"),
        ("CONNECT x\r\n", "Protocol Violation"),
        ("-ERR 'x'\r\n", "Parse Error"),
        ("PUB a 99999999\r\n", "Maximum Message Payload Exceeded"),
        ("PUB " + "a" * 5000 + " 0\r\n", "Maximum Control Line Exceeded"),
        ('CONNECT {"protocol":9}\r\n', "Bad Client Protocol Version"),
        ('CONNECT {"no_responders":true}\r\n', "No Responders Requires Headers"),
        ('CONNECT {"account":"x"}\r\n', "Authentication Failure"),
    ])
    def test_why_it_closed(self, nats_server, wire, name, sent, reason):
        client = wire(name=name)
        client.send(f"SUB {name} 1\r\nPUB {name} 1\r\nx\r\n").message()
        cid = named(nats_server, name)["cid"]
        if sent:
            client.send(sent)
            while client.more():
                pass
        else:
            client.close()
        for _ in range(100):
            rows = read(nats_server, f"/connz?state=closed&cid={cid}")["connections"]
            if rows:
                break
            time.sleep(0.02)
        assert rows[0]["reason"] == reason
        assert rows[0]["in_msgs"] == 1 and rows[0]["out_msgs"] == 1
        assert rows[0]["stop"] >= rows[0]["start"]
        assert read(nats_server, f"/connz?cid={cid}")["connections"] == []
        assert [row["cid"] for row in read(nats_server, f"/connz?state=any&cid={cid}")["connections"]] == [cid]


class TestSubscriptions:
    def test_who_would_get_a_subject(self, nats_server, wire, name):
        wire().send(f"SUB {name}.* 11\r\nSUB {name}.b 12\r\nSUB {name}.a q 13\r\n").expect_nothing_more()
        answer = read(nats_server, f"/subsz?subs=1&test={name}.a")
        assert sorted((row["subject"], row["sid"]) for row in answer["subscriptions_list"]) == [
            (f"{name}.*", "11"), (f"{name}.a", "13")]
        assert answer["total"] == 2
        assert all(row["account"] == "$G" for row in answer["subscriptions_list"])


# ---- the same fields with the same types -------------------------------------------------------

# What Duolog leaves out, and why.
LEFT_OUT = {
    "varz.feature_flags": "there are none",
    "varz.disk_io_wait_stats": "one thread writes, so nobody waits for a turn",
    "accountz.account_detail.imports": "the exports of the system account are not imports of each account here",
}

ENDPOINTS = [
    "varz", "connz", "connz?subs=1&auth=1", "connz?subs=detail&state=any", "connz?state=closed", "subsz", "subsz?subs=1",
    "routez", "leafz", "gatewayz", "accountz", "accountz?acc=$G", "accstatz", "accstatz?unused=1", "jsz",
    "jsz?accounts=1", "jsz?consumers=1&config=1", "jsz?raft=1", "healthz", "ipqueuesz",
]


def differences(ours, theirs, path):
    """Where the tree of nats-server has a field that ours lacks or has in another type."""
    if type(ours) is not type(theirs):
        if {type(ours), type(theirs)} == {int, float}:
            return
        yield f"{path}: {type(ours).__name__} in place of {type(theirs).__name__}"
    elif isinstance(theirs, dict):
        for field, value in theirs.items():
            place = f"{path}.{field}"
            if field in ours:
                yield from differences(ours[field], value, place)
            elif place not in LEFT_OUT:
                yield f"{place} is missing"
    elif isinstance(theirs, list) and theirs and ours:
        # The rows need not be the same; what any of theirs has, some of ours must have.
        if isinstance(theirs[0], dict):
            ours, theirs = ([{field: value for row in rows for field, value in row.items()}] for rows in (ours, theirs))
        yield from differences(ours[0], theirs[0], path + "[]")
    elif isinstance(theirs, list) and theirs:
        yield f"{path} is empty"


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """Both servers after the same things have happened to them."""
    servers, wires = [], []
    for kind in ("duolog", "nats-server"):
        server = Server(kind, tmp_path_factory.mktemp(kind)).start()
        servers.append(server)
        client = Wire(server.nats_port).connect(name="busy", lang="test", version="1", headers=True)
        wires.append(client)
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        client.api("CONSUMER.DURABLE.CREATE.S.c", {
            "stream_name": "S", "config": {"durable_name": "c", "ack_policy": "explicit"}})
        for _ in range(5):
            client.request("s.a", "hello")
        reply = client.request("$JS.API.CONSUMER.MSG.NEXT.S.c")[2]
        client.publish(reply, "+ACK", reply="_INBOX.nobody").expect_nothing_more()
        client.send("SUB a.* 1\r\nSUB b q 2\r\nPUB a.b 2\r\nhi\r\n").message()
        for _ in range(2):
            gone = Wire(server.nats_port).connect(name="gone", lang="test", version="1")
            gone.send("SUB gone 1\r\n").expect_nothing_more().close()
        deadline = time.monotonic() + 5
        while len(read(server, "/connz?state=closed")["connections"]) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    yield servers
    for wire, server in zip(wires, servers):
        wire.close()
        server.kill()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_field_of_nats_server_is_there_with_its_type(busy, endpoint):
    ours, theirs = (read(server, "/" + endpoint) for server in busy)
    assert list(differences(ours, theirs, endpoint.split("?")[0])) == []


def test_what_is_asked_for_is_counted(busy):
    read(busy[0], "/varz")
    assert read(busy[0], "/varz")["http_req_stats"]["/varz"] >= 2


def test_the_answers_are_laid_out_for_people(busy):
    for server in busy:
        body = get(server, "/routez")[1].decode()
        assert body.startswith('{\n  "server_id": "') and body.endswith('"routes": []\n}')
        assert get(server, "/healthz")[1] == b'{"status":"ok"}'


# ---- Prometheus --------------------------------------------------------------------------------

SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')


def metrics(server, query=""):
    """Samples by name and labels; checks the form of every line on the way."""
    kind, body = get(server, "/metrics" + query)
    assert kind.startswith("text/plain; version=0.0.4")
    samples, typed = {}, set()
    for line in body.decode().splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
        elif not line.startswith("# HELP "):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert name in typed, line
            labels = tuple(sorted(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels or "")))
            assert (name, labels) not in samples, line
            samples[name, labels] = float(value)
    return samples


def test_metrics_of_both_protocols(duolog, name):
    create_topic(duolog, name)
    produce(duolog, name, [(None, "one"), (None, "two")])
    with Wire(duolog.nats_port) as wire:
        wire.connect().send(f"SUB {name} 1\r\nPUB {name} 2\r\nhi\r\n").message()
        wire.api(f"CONSUMER.DURABLE.CREATE.{name}.c", {
            "stream_name": name, "config": {"durable_name": "c", "ack_policy": "explicit"}})
        samples = metrics(duolog)
    assert samples["duolog_nats_connections", ()] >= 1
    assert samples["duolog_nats_messages_total", (("account", "$G"), ("direction", "in"))] >= 1
    assert samples["duolog_stream_messages", (("stream", name),)] == 2
    assert samples["duolog_stream_last_sequence", (("stream", name),)] == 2
    assert samples["duolog_consumer_pending_messages", (("consumer", "c"), ("stream", name))] == 2
    assert samples["duolog_partition_end_offset", (("partition", "0"), ("topic", name))] == 2
    assert samples["duolog_kafka_requests_total", (("api", "produce"),)] >= 1
    assert samples["process_resident_memory_bytes", ()] > 1 << 20


def test_metrics_without_those_of_each_stream(duolog, name):
    create_topic(duolog, name)
    samples = metrics(duolog, "?streams=0")
    assert samples["duolog_streams", ()] >= 1
    assert not any(metric.startswith(("duolog_stream_", "duolog_partition_")) for metric, _ in samples)
