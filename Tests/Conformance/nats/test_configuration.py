"""Configuration files and flags: the same text means the same to both programs.

What a file means is compared by the digest that `-t` prints: it is taken of the whole tree.
"""

import os
import re

import pytest

from harness.program import Program


@pytest.fixture
def both(tmp_path):
    """Duolog under the name of nats-server, and nats-server."""
    programs = []
    for kind in ("nats-server (duolog)", "nats-server"):
        folder = tmp_path / kind.split()[-1].strip("()")
        folder.mkdir()
        programs.append(Program(kind, folder))
    yield programs
    for program in programs:
        program.stop()


ACCEPTED = [
    "port: 4222\n",
    "port = 4222; debug = true\nlogtime: off",
    '{"port": 4222, "http": "127.0.0.1:8222", "server_tags": ["a", "b:c"]}',
    "{\nport: 4222\n}\n",
    "max_payload: 1MB, max_pending: 8mb, max_control_line 4k\nmax_connections: 1_000 # no number\n".replace("1_000", "1000"),
    "server_name: 5s", "server_name = 127.0.0.1:4222", "server_name 10.0.0.1", "server_name: 1kx", "server_name: 12:34", "server_name: truex",
    "server_name: a//b", "server_name: a#b // c", 'server_name: "a\\x41\\"\\\\"', "server_name: a\\x41b", "server_name: (abc)\n)\n", "server_name: 50%",
    "server_name: 'it\"s'", "server_name: $2a$11$abc", 'server_name: "é<>&"', "server_metadata: {'a b': c, \"d\": '\n'}",
    "# a comment\nport: 1 # another\n// a third\nhost: a // and a fourth\n",
    "tags = [a, b]\nserver_tags = $tags\n", "P = 8k\nmax_payload = $P", "authorization { PASS: x, users: [ {user: a, password: $PASS} ] }",
    "authorization { timeout: 1.5, user: a, pass: b }", "authorization { timeout: 0.00001, token: abc }",
    'authorization { users: [ {user: a, password: b, permissions: {publish: [a, "b.>"], subscribe: {allow: "c q", deny: d}, allow_responses: true}} ] }',
    "jetstream: enabled", "jetstream { store_dir: /tmp/x, max_mem: 1G, max_file: \"10G\" }", "store_dir: /tmp/x",
    'listen: "127.0.0.1:-1"\nhttp_port: -1', "ping_interval: \"30s\"\nping_max: 3\nwrite_deadline: \"1m1.5s\"",
    "lame_duck_duration: \"40s\"\nlame_duck_grace_period: \"1s\"", "debug: yes\ntrace: no\nlogtime: TRUE\nlogtime_utc: OFF",
    "log_file: /tmp/x.log\nlogfile_size_limit: 10MB\nlogfile_max_num: 3", "pid_file: /tmp/x.pid\nports_file_dir: /tmp",
    'mappings { foo: bar, "a.*": [ {destination: "b.$1", weight: "50%"}, {destination: "c.$1", weight: 50} ] }',
    "accounts { A: { users: [ {user: a, password: b} ], exports: [ {stream: \"a.>\"} ] }, B: { imports: [ {stream: {account: A, subject: a.b}, prefix: x} ] } }",
    "websocket { port: 8080, no_tls: true }", "no_fast_producer_stall: true\nmax_sub_tokens: 8\nmax_traced_msg_len: 10",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_both_read_the_same(both, text):
    answers = [program.check(text) for program in both]
    ours, theirs = [re.search(r"x\.conf is valid \((sha256:[0-9a-f]{64})\)", error) for _, _, error in answers]
    assert theirs, answers
    if ours:
        assert answers[0] == answers[1]
    else:
        # Understood, and said to be missing: never ignored.
        assert answers[0][0] == 1 and "is not supported yet" in answers[0][2], answers


@pytest.mark.parametrize("text", [
    "max_pending: 0", "max_connections: -1", "max_connections: 4294967296", "max_connections: -2147483649",
    "max_subscriptions: -1", "max_subscriptions: 4294967296", "ping_max: -1", "ping_max: 4294967296",
    "max_traced_msg_len: -1", "max_traced_msg_len: 4294967296", "logfile_size_limit: -1", "logfile_max_num: -1",
    "logfile_max_num: 4294967296", "connect_error_reports: -1", "reconnect_error_reports: 4294967296", "store_dir: \"\"",
    "cluster {}", "leafnodes {}", "gateway {}", "mqtt {}", "accounts {}", "authorization {}", "mappings {}", "jetstream {}",
])
def test_limits_that_are_none_and_blocks_that_are_empty(both, text):
    answers = [program.check(text) for program in both]
    assert answers[0] == answers[1] and answers[0][0] == 0, answers


@pytest.mark.parametrize("text", [
    "max_payload: -1", "max_pending: -1", "max_control_line: -1", "max_closed_clients: -1", "tls {}", "accounts: 3",
    "accounts { A: { limits: {max_connections: -5} } }", "accounts { A: { exports: [{}] } }", "port: -2",
])
def test_what_nats_server_takes_and_cannot_mean(both, text):
    """It would close its port, cut everybody off or forget what was said; Duolog says so."""
    ours, theirs = [program.check(text) for program in both]
    assert theirs[0] == 0
    assert ours[0] == 1 and re.search(r"x\.conf:1:\d+: ", ours[2]), ours


REFUSED_AT = [
    ("foo: bar\nport 4333\n baz=1\nauthorization { user: a, passw: b }", ["1:0", "3:2", "4:26"]),
    ("port: 4333\nfoo: 1", ["2:1"]), ("debug: 3", ["1:0"]), ("port: \"x\"", ["1:0"]), ("\n\n  listen: foo", ["3:3"]),
    ("ping_interval: 5", ["1:0"]), ("ping_interval: \"5q\"", ["1:0"]), ("\"foo\": 1", ["1:1"]), ("jetstream {\n  foo: 1\n}", ["2:3"]),
    ("server_name: \"a b\"", ["1:0"]), ("lame_duck_duration: \"10s\"", ["1:0"]), ("write_timeout: foo", ["1:0"]),
    ("tls {cert_file: foo}", ["1:0"]), ("authorization { users: [{user: a, pass: b},{user: a, pass: c}] }", ["1:0"]),
    ("max_sub_tokens: 300", ["1:0"]), ("max_sub_tokens: 0", ["1:0"]), ("jetstream: foo", ["1:0"]), ("resolver: FOO", ["1:0"]), ("trusted_keys: foo", ["1:0"]),
    ("accounts { A: 1 }", ["1:11"]),
    ("jetstream {limits {max_ack_pending: 5, foo: 1}}", ["1:39"]),
]


@pytest.mark.parametrize("text, places", REFUSED_AT)
def test_both_find_the_error_at_the_same_place(both, text, places):
    for program in both:
        code, _, error = program.check(text)
        assert code == 1
        assert sorted(re.findall(r"x\.conf:(\d+:\d+): ", error)) == places, error


REFUSED = [
    "port: 1 debug: true", "a = {", "a = [1", "port: 99999999999999999999", "x = $NOPE", "include nofile.conf", "a = \"b", "a = 'b", "= 1",
    "server_tags: [ 1,, 2 ]", "", "# nothing\n", "a", "server_name: \"\\q\"", "server_name:\nx", "port: 5\n}\nhost: a",
]


@pytest.mark.parametrize("text", REFUSED)
def test_both_refuse(both, text):
    for program in both:
        code, _, error = program.check(text)
        assert code == 1 and error.startswith("nats-server: "), error


def test_includes_are_relative_to_the_file(both):
    digests = []
    for program in both:
        program.write("include more/q.conf\nhost: h", "conf/p.conf")
        program.write("port: 4333", "conf/more/q.conf")
        digests.append(program.check("include conf/p.conf\nauthorization { include 'conf/user.conf' }"
                                     if program.write("user: a, pass: b", "conf/user.conf") else ""))
    theirs = digests[1]
    assert theirs[0] == 0
    assert digests[0] == theirs or "authorization is not supported yet" in digests[0][2]


def test_variables_come_from_the_environment(both):
    env = {**os.environ, "NATS_PORT_X": "4333", "NATS_NAME_X": "'a b'"}
    answers = [program.check("port: $NATS_PORT_X\nserver_tags: $NATS_NAME_X", env=env) for program in both]
    assert answers[0] == answers[1] and answers[0][0] == 0


@pytest.mark.parametrize("arguments, code", [
    (["-t"], 1), (["-t", "-c", "nofile.conf"], 1), (["-c", "nofile.conf"], 1), (["bar"], 1), (["-sl", "foo=1"], 1), (["-sl", "reload=/nope"], 1),
    (["-tls"], 1), (["-tls", "--tlscert", "x"], 1), (["-v"], 0), (["--version"], 0), (["version"], 0), (["-v", "extra"], 0), (["help"], 0), (["-h"], 0),
])
def test_both_answer_to_flags_alike(both, arguments, code):
    answers = [program.run(*arguments) for program in both]
    assert [answer[0] for answer in answers] == [code, code], answers
    if code == 1:
        assert answers[0][2].splitlines()[0] == answers[1][2].splitlines()[0]


def test_the_version_line(both):
    for program in both:
        assert re.fullmatch(r"nats-server: v2\.15\.\d+\n", program.run("-v")[1])


def test_unknown_flags_are_named(both):
    for program in both:
        _, _, error = program.run("-nope")
        assert error.startswith("flag provided but not defined: -nope") or error.startswith("nats-server: flag provided but not defined: -nope")


@pytest.mark.parametrize("text", ["cluster { port: 6222 }", "leafnodes { port: 7422 }", "gateway { name: x }", "mqtt { port: 1883 }", "syslog: true"])
def test_what_is_not_there_is_said_with_its_place(both, text):
    code, _, error = both[0].check("port: 4222\n" + text)
    assert code == 1
    assert re.match(r"nats-server: x\.conf:2:1: \w+ is not supported yet", error), error


def test_the_account_that_kafka_clients_see_has_to_be_there(both):
    code, _, error = both[0].check("kafka { account: SHOP }")
    assert code == 1 and 'kafka: there is no account "SHOP"' in error, error
    code, _, error = both[0].check("kafka { account: SHOP }\naccounts { SHOP {} }")
    assert code == 0, error
