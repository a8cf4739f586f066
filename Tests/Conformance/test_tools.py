"""What operators' tools read, put together from both servers after the same story: nats-top, prometheus-nats-exporter, the
`nats` command line, and a Prometheus server.

Those tools decode with nats-server's own Go types, so a field of another type is a failure of the whole answer."""

import json
import re
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.nats_wire import Wire
from harness.server import Server

CONFIG = """
server_name: one
server_tags: [east, "rack:1"]
server_metadata: {zone: z1, "a b": c}
jetstream: enabled
accounts {
  SYS { users: [{user: sys, password: p}] }
  A {
    jetstream: enabled
    users: [{user: a, password: p, permissions: {publish: ">", subscribe: {allow: ">", deny: "secret"}}}]
  }
}
system_account: SYS
"""


class Story:
    """A server, what has happened to it, and ways to ask it."""

    def __init__(self, kind, folder):
        (folder / "tools.conf").write_text(CONFIG)
        self.server = Server(kind, folder, ["-c", str(folder / "tools.conf")]).start()
        options = {"pass": "p", "headers": True, "no_responders": True, "lang": "go", "version": "1.50.0"}
        self.system = Wire(self.server.nats_port).connect(user="sys", name="NATS CLI", **options)
        self.client = Wire(self.server.nats_port).connect(user="a", name="worker", **options)
        js = self.client
        js.api("STREAM.CREATE.ORDERS", {
            "name": "ORDERS", "subjects": ["orders.>"], "max_msgs": 10, "description": "all orders",
            "metadata": {"team": "x"}, "max_age": 3_600_000_000_000, "allow_direct": True})
        js.api("CONSUMER.CREATE.ORDERS.pull", {"stream_name": "ORDERS", "config": {
            "name": "pull", "durable_name": "pull", "ack_policy": "explicit", "description": "a puller"}})
        js.api("CONSUMER.CREATE.ORDERS.push", {"stream_name": "ORDERS", "config": {
            "name": "push", "durable_name": "push", "ack_policy": "explicit", "deliver_subject": "to.push",
            "filter_subject": "orders.none", "idle_heartbeat": 30_000_000_000, "flow_control": True}})
        for number in range(5):
            js.request(f"orders.{number % 2}", "hello")
        reply = js.request("$JS.API.CONSUMER.MSG.NEXT.ORDERS.pull")[2]
        js.request(reply, "+ACK")
        js.request("$JS.API.CONSUMER.MSG.NEXT.ORDERS.pull")
        js.api("STREAM.MSG.DELETE.ORDERS", {"seq": 3})
        js.send("SUB work.* q 50\r\nSUB to.push 51\r\n").expect_nothing_more()

    def read(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.http_port}/{path}", timeout=10) as answer:
            return json.load(answer)

    def ask(self, subject, body):
        """As the system user."""
        server = self.system.info["server_id"]
        return json.loads(self.system.request(subject.replace("<id>", server), json.dumps(body) if body else "")[4])

    def end(self):
        self.system.close()
        self.client.close()
        self.server.kill()


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    both = [Story(kind, tmp_path_factory.mktemp(kind)) for kind in ("duolog", "nats-server")]
    yield both
    for story in both:
        story.end()


# ---- the nats command line ---------------------------------------------------------------------

#: What only nats-server tells, and why nobody misses it.
LEFT_OUT = {
    "server.feature_flags": "there are none", "data.feature_flags": "there are none",
    "varz.feature_flags": "there are none", "varz.disk_io_wait_stats": "as below",
    "data.disk_io_wait_stats": "one thread writes, so nobody waits for a turn",
    "data.imports": "the exports of the system account are not imports of each account here",
    "data.account_detail.imports": "as above",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def kind(value):
    """What Go's decoder tells apart: a number with a fraction does not fit its integers, a word is no time."""
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    if isinstance(value, (int, float)):
        return "number"
    return "time" if isinstance(value, str) and TIME.fullmatch(value) else type(value).__name__


def differences(ours, theirs, path=""):
    if kind(ours) != kind(theirs):
        yield f"{path}: {kind(ours)} in place of {kind(theirs)}"
    elif isinstance(theirs, dict):
        for field, value in theirs.items():
            place = f"{path}.{field}".lstrip(".")
            if field in ours:
                yield from differences(ours[field], value, place)
            elif place not in LEFT_OUT:
                yield f"{place} is missing"
    elif isinstance(theirs, list) and theirs:
        if not ours:
            yield f"{path} is empty"
            return
        if isinstance(theirs[0], dict):
            ours, theirs = ([{key: value for row in rows for key, value in row.items()}] for rows in (ours, theirs))
        yield from differences(ours[0], theirs[0], path + "[]")


@pytest.mark.parametrize("subject, body", [
    # server list, server ping, server report cpu and mem
    ("$SYS.REQ.SERVER.PING", {}), ("$SYS.REQ.SERVER.PING", {"server_name": "one", "tags": ["east"]}),
    ("$SYS.REQ.SERVER.PING.STATSZ", {"exact_match": True, "server_name": "one"}), ("$SYS.REQ.SERVER.<id>.STATSZ", {}),
    # server info, server request variables
    ("$SYS.REQ.SERVER.PING.VARZ", {"server_name": "one"}), ("$SYS.REQ.SERVER.<id>.VARZ", {}),
    # server report connections, server request connections
    ("$SYS.REQ.SERVER.PING.CONNZ", {"limit": 2048, "auth": True, "account": "A", "acc": "A", "subscriptions": True,
                                    "subscriptions_detail": True, "sort": "subs", "state": 2}),
    ("$SYS.REQ.SERVER.PING.CONNZ", {"limit": 1024, "sort": "", "username": False, "offset": 0, "cid": 0,
                                    "mqtt_client": "", "state": 0, "user": "", "acc": "", "filter_subject": ""}),
    # server report accounts
    ("$SYS.REQ.SERVER.PING.ACCOUNTZ", {}), ("$SYS.REQ.SERVER.PING.ACCOUNTZ", {"account": "A"}),
    ("$SYS.REQ.ACCOUNT.PING.STATZ", {"accounts": ["A"], "include_unused": True}),
    # server report jetstream, server check jetstream
    ("$SYS.REQ.SERVER.PING.JSZ", {"leader_only": True}),
    ("$SYS.REQ.SERVER.PING.JSZ", {"accounts": True, "streams": True, "consumer": True, "config": True, "raft": True}),
    ("$SYS.REQ.ACCOUNT.A.JSZ", {"streams": True, "consumer": True}),
    # server report health, gateways, routes; server request
    ("$SYS.REQ.SERVER.PING.HEALTHZ", {"details": True}),
    ("$SYS.REQ.SERVER.PING.HEALTHZ", {"account": "A", "stream": "ORDERS", "consumer": "pull", "details": True}),
    ("$SYS.REQ.SERVER.PING.HEALTHZ", {"account": "A", "stream": "NONE", "details": True}),
    ("$SYS.REQ.SERVER.PING.GATEWAYZ", {"accounts": True, "name": ""}), ("$SYS.REQ.SERVER.PING.ROUTEZ", {}),
    ("$SYS.REQ.SERVER.PING.LEAFZ", {"subscriptions": True}),
    ("$SYS.REQ.SERVER.PING.SUBSZ", {"subscriptions": True, "limit": 10}),
    ("$SYS.REQ.SERVER.PING.IDZ", {}),
    # server account info, account reports
    ("$SYS.REQ.ACCOUNT.A.INFO", {}), ("$SYS.REQ.ACCOUNT.A.CONNZ", {"subscriptions": True}),
    ("$SYS.REQ.ACCOUNT.A.SUBSZ", {}), ("$SYS.REQ.ACCOUNT.A.STATZ", {}), ("$SYS.REQ.ACCOUNT.A.CONNS", {}),
    ("$SYS.REQ.USER.INFO", {}),
])
def test_an_answer_to_the_system_user_has_the_fields_and_types(stories, subject, body):
    ours, theirs = (story.ask(subject, body) for story in stories)
    assert list(differences(ours, theirs)) == []


@pytest.mark.parametrize("subject, body", [
    # account info, stream ls, stream info, stream report, consumer ls, consumer info, consumer report, kv ls, stream get
    ("$JS.API.INFO", {}), ("$SYS.REQ.USER.INFO", {}), ("$SYS.REQ.SERVER.PING.CONNZ", {}),
    ("$SYS.REQ.ACCOUNT.PING.STATZ", {}), ("$JS.API.STREAM.NAMES", {"offset": 0}),
    ("$JS.API.STREAM.LIST", {"offset": 0, "subject": ""}), ("$JS.API.STREAM.INFO.ORDERS", {}),
    ("$JS.API.STREAM.INFO.ORDERS", {"deleted_details": True, "subjects_filter": ">"}),
    ("$JS.API.STREAM.MSG.GET.ORDERS", {"last_by_subj": "orders.1"}),
    ("$JS.API.CONSUMER.NAMES.ORDERS", {"offset": 0}), ("$JS.API.CONSUMER.LIST.ORDERS", {"offset": 0}),
    ("$JS.API.CONSUMER.INFO.ORDERS.pull", {}), ("$JS.API.CONSUMER.INFO.ORDERS.push", {}),
    ("$JS.API.CONSUMER.INFO.ORDERS.none", {}), ("$JS.API.STREAM.INFO.NONE", {}),
])
def test_an_answer_to_a_user_has_the_fields_and_types(stories, subject, body):
    ours, theirs = (json.loads(story.client.request(subject, json.dumps(body) if body else "")[4]) for story in stories)
    assert list(differences(ours, theirs)) == []


# ---- nats-top ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [
    "cid", "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "last", "idle", "uptime", "rtt"])
def test_nats_top_reads_its_two_pages(stories, order):
    pages = [(story.read("varz"), story.read(f"connz?limit=1024&sort={order}&subs=1&auth=1")) for story in stories]
    for ours, theirs, page in zip(*pages, ("varz", "connz")):
        assert list(differences(ours, theirs, page)) == []
    for varz, connz in pages:
        assert all(isinstance(varz[name], int) for name in (
            "mem", "in_msgs", "out_msgs", "in_bytes", "out_bytes", "slow_consumers", "connections", "subscriptions"))
        assert re.fullmatch(r"(\d+[ydhms])+", varz["uptime"])
        [row] = [row for row in connz["connections"] if row.get("name") == "worker"]
        assert (row["lang"], row["version"], row["authorized_user"], row["account"]) == ("go", "1.50.0", "a", "A")
        assert {"work.*", "to.push"} <= set(row["subscriptions_list"])


# ---- prometheus-nats-exporter ------------------------------------------------------------------


def numbers(value, name):
    """All numbers in a page under the names that the exporter gives them; it takes flags and texts for no numbers."""
    if isinstance(value, dict):
        for field, inner in value.items():
            yield from numbers(inner, f"{name}_{field}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, value


@pytest.mark.parametrize("page", ["varz", "subsz", "routez"])
def test_the_exporter_finds_all_its_numbers(stories, page):
    ours, theirs = (dict(numbers(story.read(page), f"gnatsd_{page}")) for story in stories)
    assert {name for name in set(theirs) - set(ours) if "disk_io_wait" not in name} == set()
    if page == "varz":
        assert {"gnatsd_varz_" + name for name in (
            "cpu", "mem", "connections", "subscriptions", "in_msgs", "out_msgs", "in_bytes", "out_bytes",
            "slow_consumers", "jetstream_config_max_memory", "jetstream_config_max_storage",
            "jetstream_stats_storage", "max_payload", "leafnodes", "routes", "remotes", "total_connections")} <= set(ours)


def test_the_exporter_finds_streams_and_consumers(stories):
    """The samples that it makes of /jsz, with their values."""
    def samples(story):
        page = story.read("jsz?consumers=true&config=true")
        found = {"streams": page["streams"], "consumers": page["consumers"], "messages": page["messages"],
                 "has memory": page["config"]["max_memory"] > 0, "has storage": page["config"]["max_storage"] > 0,
                 "disabled": page.get("disabled", False), "bytes": page["bytes"] > 0}
        for account in page["account_details"]:
            for stream in account["stream_detail"]:
                state, place = stream["state"], (account["name"], account["id"], stream["name"])
                for field in ("messages", "first_seq", "last_seq", "consumer_count"):
                    found[place, field] = state[field]
                found[place, "leader"] = stream["cluster"]["leader"]
                found[place, "limit"] = stream["config"]["max_msgs"]
                for one in stream["consumer_detail"]:
                    here = (*place, one["name"], one["config"].get("description", ""))
                    assert TIME.fullmatch(one["created"])
                    for field in ("num_ack_pending", "num_redelivered", "num_waiting", "num_pending"):
                        found[here, field] = one[field]
                    for field in ("delivered", "ack_floor"):
                        found[here, field] = (one[field]["consumer_seq"], one[field]["stream_seq"])
        return found

    ours, theirs = map(samples, stories)
    assert ours == theirs


def test_the_exporter_finds_accounts_health_and_connections(stories):
    for story in stories:
        assert story.read("healthz")["status"] == "ok"
        [account] = [one for one in story.read("accstatz?unused=1")["account_statz"] if one["acc"] == "A"]
        assert account["conns"] == 1 and account["num_subscriptions"] >= 2
        for way in ("sent", "received"):
            assert account[way]["msgs"] > 0 and account[way]["bytes"] > 0
        for row in story.read("connz?auth=true")["connections"]:
            for field in ("pending_bytes", "subscriptions", "in_bytes", "out_bytes", "in_msgs", "out_msgs"):
                assert isinstance(row[field], int)


# ---- Prometheus --------------------------------------------------------------------------------


def test_prometheus_parses_the_metrics(stories):
    with urllib.request.urlopen(f"http://127.0.0.1:{stories[0].server.http_port}/metrics", timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    assert len({(family.name, family.type) for family in families}) == len(families)
    for family in families:
        assert family.documentation and family.type in ("gauge", "counter")
        assert all(sample.value >= 0 for sample in family.samples)
        keys = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert len(set(keys)) == len(keys)
    pending = {tuple(sorted(sample.labels.items())): sample.value for family in families for sample in family.samples
               if sample.name == "duolog_consumer_pending_messages"}
    assert any(("consumer", "pull") in labels for labels in pending)
