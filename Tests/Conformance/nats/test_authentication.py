"""Who may connect and what he may do, with the same configuration file for both servers."""

import asyncio
import signal
import time

import nats
import pytest

from harness.nats_keys import Key
from harness.nats_wire import VIOLATION, Wire, violation
from harness.program import Serving, serving

HASH = "$2b$04$WKlVshdAkqAh7glqm1VqGOIeNZQj4pRFx4xmfqEWW2EGxJGPEkcnG"
LISTEN = "listen: 127.0.0.1:-1\n"


class Guarded(Serving):
    def __init__(self, program, opened, text):
        super().__init__(program, opened, LISTEN + text)

    def wire(self, user=None, password=None, **options) -> Wire:
        if user is not None:
            options |= {"user": user, "pass": password or ""}
        return self.raw().connect(**options)

    def refuses(self, **options):
        self.turns_away(self.raw(), **options)

    def reload(self, text):
        self.program.write(LISTEN + text)
        self.running.send(signal.SIGHUP).wait_for("Reloaded server configuration")


serve = serving(Guarded)


class TestCredentials:
    def test_users_with_plain_and_hashed_passwords(self, serve):
        server = serve(f"authorization {{ users: [ {{user: a, password: s}}, {{user: b, password: \"{HASH}\"}} ] }}")
        assert server.raw().info["auth_required"] is True
        assert "nonce" not in server.raw().info
        server.wire("a", "s")
        server.wire("b", "pässword")
        for options in ({}, {"user": "a", "pass": "x"}, {"user": "a"}, {"user": "c", "pass": "s"}, {"pass": "s"},
                        {"user": "b", "pass": "x"}, {"user": "b", "pass": HASH}, {"auth_token": "s"},
                        {"user": "b", "pass": "pässword\u0000x"}):
            server.refuses(**options)
        assert 'authentication error - User "a"' in server.running.log

    def test_a_token(self, serve):
        server = serve("authorization { token: t0k }")
        server.wire(auth_token="t0k")
        server.refuses(auth_token="t0")
        server.refuses(user="t0k")
        server.refuses()

    def test_a_hashed_token(self, serve):
        server = serve(f"authorization {{ token: \"{HASH}\" }}")
        server.wire(auth_token="pässword")
        server.refuses(auth_token=HASH)

    def test_one_user_for_everybody(self, serve):
        server = serve("authorization { user: u, password: p }")
        server.wire("u", "p")
        server.refuses(user="u", **{"pass": "x"})
        server.refuses(user="x", **{"pass": "p"})

    def test_a_key_signs_the_nonce(self, serve):
        key, other = Key("user"), Key("user")
        server = serve(f"authorization {{ users: [ {{nkey: {key.public}}} ] }}")
        wire = server.raw()
        nonce = wire.info["nonce"]
        assert len(nonce) == 15
        wire.connect(nkey=key.public, sig=key.sign(nonce), protocol=1)
        assert wire.later_info["remote_account"] == "$G"
        wire = server.raw()
        assert wire.info["nonce"] != nonce
        # A signature from before, of another key, none, nonsense.
        for options in ({"nkey": key.public, "sig": key.sign(nonce)}, {"nkey": key.public, "sig": other.sign(nonce)},
                        {"nkey": key.public}, {"nkey": key.public, "sig": "%%%"}, {"nkey": other.public, "sig": "x"},
                        {"nkey": "Uxyz", "sig": "x"}):
            server.refuses(**options)

    def test_somebody_stands_for_those_who_bring_nothing(self, serve):
        server = serve("authorization { users: [ {user: a, password: s}, {user: guest, password: g} ] }\nno_auth_user: guest")
        assert "auth_required" not in server.raw().info
        server.wire().send("SUB x 1\r\n").expect_nothing_more()
        server.raw().send("PING\r\n").expect("PONG\r\n")
        server.wire("a", "s")
        server.refuses(user="a", **{"pass": "x"})

    def test_users_of_the_system_account_shut_nobody_out(self, serve):
        server = serve("accounts { $SYS: { users: [ {user: admin, password: s} ] } }")
        assert server.raw().info["auth_required"] is True
        server.raw().send("PING\r\n").expect("PONG\r\n")
        assert server.wire(protocol=1).later_info["remote_account"] == "$G"
        assert server.wire("admin", "s", protocol=1).later_info["remote_account"] == "$SYS"
        server.refuses(user="admin", **{"pass": "x"})

    def test_users_belong_to_their_account(self, serve):
        server = serve("accounts { A: { users: [ {user: a, password: s} ] }, B: { users: [ {user: b, password: s} ] } }")
        a, b = server.wire("a", "s", protocol=1), server.wire("b", "s", protocol=1)
        assert (a.later_info["remote_account"], b.later_info["remote_account"]) == ("A", "B")
        b.send("SUB > 1\r\n").expect_nothing_more()
        a.send("SUB > 1\r\nPUB x 2\r\nhi\r\n").expect("MSG x 1 2\r\nhi\r\n")
        b.expect_nothing_more()

    def test_ways_that_are_not_allowed(self, serve):
        server = serve("authorization { users: [ {user: w, password: s, allowed_connection_types: [WEBSOCKET]},"
                       " {user: s, password: s, allowed_connection_types: [standard]} ] }")
        server.refuses(user="w", **{"pass": "s"})
        server.wire("s", "s")


class TestBeforeConnect:
    USERS = "authorization { users: [ {user: a, password: s} ] }"

    @pytest.mark.parametrize("first", ["PING\r\n", "SUB x 1\r\n", "P", "+OK\r\n", "PUB x 100000\r\n"])
    def test_nothing_else_is_listened_to(self, serve, first):
        serve(self.USERS).raw().send(first).expect_closed(VIOLATION)

    def test_silence_ends(self, serve):
        server = serve("authorization { users: [ {user: a, password: s} ], timeout: 0.3 }")
        began = time.monotonic()
        server.raw().expect_closed("-ERR 'Authentication Timeout'\r\n")
        assert time.monotonic() - began < 3

    def test_a_long_connect_is_cut_off(self, serve):
        server = serve(self.USERS)
        server.raw().send('CONNECT {"user":"' + "a" * 5000 + '"}\r\n').expect_closed(
            "-ERR 'maximum control line exceeded'\r\n")

    def test_the_right_account_may_not_be_asked_for(self, serve):
        server = serve(self.USERS)
        server.refuses(user="a", account="$G", **{"pass": "s"})

    def test_who_is_unknown_learns_nothing_of_his_other_mistakes(self, serve):
        server = serve(self.USERS)
        server.refuses(user="x", protocol=7)
        wire = server.raw()
        wire.send('CONNECT {"user":"a","pass":"s","protocol":7}\r\n').expect_closed("-ERR 'invalid client protocol'\r\n")

    def test_whoever_connects_again_is_looked_at_again(self, serve):
        server = serve(self.USERS)
        server.wire("a", "s").send('CONNECT {"user":"a","pass":"x"}\r\n').expect_closed(VIOLATION)


PERMISSIONS = """
authorization {
  default_permissions: { publish: "default.>" }
  users: [
    {user: a, password: s, permissions: {
      publish: {allow: ["foo.*", "bar.>"], deny: "bar.secret"},
      subscribe: {allow: ["foo.*", "q.> v1", p, "p v1", "w dev.*"], deny: ["foo.secret"]}}}
    {user: denied, password: s, permissions: {subscribe: {deny: ["bar.x", "jobs b"]}}}
    {user: service, password: s, permissions: {subscribe: ">", allow_responses: true}}
    {user: twice, password: s, permissions: {subscribe: ">", publish: {allow: "x"}, allow_responses: {max: 2, expires: "1s"}}}
    {user: default, password: s}
    {user: all, password: s, permissions: {publish: ">"}}
  ]
}
"""


class TestPermissions:
    @pytest.mark.parametrize("subject,allowed", [
        ("foo.a", True), ("foo.a.b", False), ("foo", False), ("bar.x.y", True), ("bar", False), ("bar.secret", False),
        ("bar.secret.x", True), ("other", False), ("foo..a", False), ('fo"o\\', False), ("é", False)])
    def test_publish(self, serve, subject, allowed):
        wire = serve(PERMISSIONS).wire("a", "s", verbose=True)
        quoted = subject.replace("\\", "\\\\").replace('"', '\\"')
        for _ in range(3):
            wire.publish(subject)
            wire.expect("+OK\r\n" if allowed else violation(f'Publish to "{quoted}"'))

    @pytest.mark.parametrize("subject,queue,allowed", [
        ("foo.a", "", True), ("foo.*", "", True), ("foo.secret", "", False), ("*", "", False), (">", "", False),
        ("q.x", "", False), ("q.x", "v1", True), ("q.x", "v2", False), ("p", "", True), ("p", "v1", True),
        ("p", "v2", False), ("w", "dev.1", True), ("w", "dev", False), ("foo.*.x", "", False)])
    def test_subscribe(self, serve, subject, queue, allowed):
        wire = serve(PERMISSIONS).wire("a", "s", verbose=True)
        wire.send(f"SUB {subject} {queue} 1\r\n")
        using = f' using queue "{queue}"' if queue else ""
        wire.expect("+OK\r\n" if allowed else violation(f'Subscription to "{subject}"{using}'))

    def test_a_wildcard_does_not_get_what_is_denied(self, serve):
        server = serve(PERMISSIONS)
        reader, writer = server.wire("denied", "s"), server.wire("all", "s")
        reader.send("SUB > 1\r\nSUB bar.* 2\r\nSUB bar.x 3\r\nSUB jobs b 4\r\nSUB jobs a 5\r\n")
        reader.expect(violation('Subscription to "bar.x"') + violation('Subscription to "jobs" using queue "b"'))
        reader.expect_nothing_more()
        writer.send("PUB bar.x 0\r\n\r\nPUB bar.y 0\r\n\r\n").expect_nothing_more()
        got = sorted(reader.message()[:2] for _ in range(2))
        assert got == [("bar.y", "1"), ("bar.y", "2")]
        reader.expect_nothing_more()

    def test_an_answer_may_be_given_once(self, serve):
        server = serve(PERMISSIONS)
        service, client = server.wire("service", "s"), server.wire("all", "s")
        service.send("SUB do 1\r\nPUB in.1 0\r\n\r\n").expect(violation('Publish to "in.1"'))
        client.send("SUB in.* 1\r\nPUB do in.1 0\r\n\r\n")
        assert service.message()[2] == "in.1"
        service.send("PUB in.1 2\r\nok\r\nPUB in.1 2\r\nno\r\n").expect(violation('Publish to "in.1"'))
        client.expect("MSG in.1 1 2\r\nok\r\n").expect_nothing_more()
        service.send("PUB x 0\r\n\r\n").expect(violation('Publish to "x"'))

    def test_answers_are_counted_and_end(self, serve):
        server = serve(PERMISSIONS)
        service, client = server.wire("twice", "s"), server.wire("all", "s")
        service.send("SUB do 1\r\nPUB x 0\r\n\r\n").expect_nothing_more()
        client.send("PUB do in.1 0\r\n\r\nPUB do in.2 0\r\n\r\n")
        service.message(), service.message()
        service.send("PUB in.1 0\r\n\r\n" * 3).expect(violation('Publish to "in.1"')).expect_nothing_more()
        time.sleep(1.1)
        service.send("PUB in.2 0\r\n\r\n").expect(violation('Publish to "in.2"'))

    def test_who_has_no_permissions_has_the_default(self, serve):
        wire = serve(PERMISSIONS).wire("default", "s")
        wire.send("PUB default.x 0\r\n\r\nPUB x 0\r\n\r\n").expect(violation('Publish to "x"')).expect_nothing_more()

    def test_the_log_says_who_was_refused_what(self, serve):
        server = serve(PERMISSIONS)
        server.wire("a", "s").send("PUB no 0\r\n\r\nSUB no 7\r\nSUB no group 8\r\n").expect(
            violation('Publish to "no"') + violation('Subscription to "no"')
            + violation('Subscription to "no" using queue "group"'))
        log = server.running.log
        for line in ('"$G/user:a" - Publish Violation - Subject "no"',
                     '"$G/user:a" - Subscription Violation - Subject "no", SID 7',
                     '"$G/user:a" - Subscription Violation - Subject "no", Queue: "group", SID 8',
                     "[WRN] Plaintext passwords detected, use nkeys or bcrypt"):
            assert line in log, log

    async def test_an_unmodified_client_learns_of_it(self, serve):
        server = serve(PERMISSIONS)
        errors = asyncio.Queue()
        client = await nats.connect(server.url, user="a", password="s", error_cb=errors.put)
        await client.publish("no")
        await client.subscribe("no")
        found = [str(await asyncio.wait_for(errors.get(), 5)) for _ in range(2)]
        await client.close()
        assert "permissions violation for publish" in found[0] and "permissions violation for subscription" in found[1], found

    async def test_an_unmodified_client_is_refused(self, serve):
        server = serve(PERMISSIONS)
        with pytest.raises(nats.errors.Error, match="(?i)authorization violation"):
            await nats.connect(server.url, user="a", password="x", allow_reconnect=False)


class TestReload:
    def users(self, *users) -> str:
        return "authorization { users: [ " + ", ".join(users) + " ] }"

    def test_who_is_gone_has_to_go_and_who_stays_does_what_is_allowed_now(self, serve):
        server = serve(self.users("{user: a, password: s}", "{user: b, password: s}", "{user: c, password: s}"))
        a, b, c = (server.wire(name, "s") for name in "abc")
        a.send("SUB x.* 1\r\nSUB y 2\r\n").expect_nothing_more()
        server.reload(self.users(
            "{user: a, password: s, permissions: {publish: p, subscribe: {allow: \"x.*\", deny: x.no}}}",
            "{user: b, password: s}", "{user: c, password: other}"))
        a.expect(violation('Subscription to "y" (sid "2")'))
        c.expect_closed(VIOLATION)
        a.send("PUB q 0\r\n\r\n").expect(violation('Publish to "q"'))
        b.send("PUB y 0\r\n\r\nPUB x.yes 0\r\n\r\n").expect_nothing_more()
        assert a.message()[0] == "x.yes"
        a.send("SUB x.no 3\r\n").expect(violation('Subscription to "x.no"')).expect_nothing_more()
        server.wire("c", "other")
        server.refuses(user="c", **{"pass": "s"})

    @pytest.mark.parametrize("before, after, login", [
        ("users: [{user: a, password: s}, {user: b, password: s}]", "users: [{user: b, password: s}]", True),
        ("user: a, password: s", "user: other, password: s", True),
        ("user: a, password: s", "user: a, password: other", True),
        ("user: a, password: s", "token: t", True),
        ("users: [{user: a, password: s}]", "users: [{user: a, password: other}]", False),
    ])
    def test_who_is_not_among_the_users_any_more_goes_without_a_word(self, serve, before, after, login):
        """Who is still there and has another password is told that he is not let in."""
        server = serve(f"authorization {{ {before} }}")
        wire = server.wire("a", "s")
        server.reload(f"authorization {{ {after} }}")
        wire.expect_closed("" if login else VIOLATION)

    def test_who_is_in_another_account_now_goes_without_a_word(self, serve):
        accounts = "accounts { A: { users: [%s] }, B: { users: [%s] } }"
        server = serve(accounts % ("{user: a, password: s}", "{user: b, password: s}"))
        a, b = server.wire("a", "s"), server.wire("b", "s")
        server.reload(accounts % ("", "{user: b, password: s}, {user: a, password: s}"))
        a.expect_closed("")
        b.expect_nothing_more()

    def test_all_subscriptions_that_are_not_allowed_any_more_are_told(self, serve):
        server = serve(self.users("{user: a, password: s}"))
        wire = server.wire("a", "s").send("".join(f"SUB no.{n} {n}\r\n" for n in range(20)) + "SUB no.q g 20\r\n")
        wire.expect_nothing_more()
        server.reload(self.users("{user: a, password: s, permissions: {subscribe: only.this}}"))
        told = sorted(wire.line().decode() for _ in range(21))
        wanted = [violation(f'Subscription to "no.{n}" (sid "{n}")') for n in range(20)]
        assert told == sorted([*wanted, violation('Subscription to "no.q" using queue "g" (sid "20")')])
        wire.expect_nothing_more()

    def test_users_come_into_a_server_that_had_none(self, serve):
        server = serve("debug: false\n")
        wire = server.wire()
        assert "auth_required" not in wire.info
        server.reload(self.users("{user: a, password: s}"))
        wire.expect_closed(VIOLATION)
        assert server.raw().info["auth_required"] is True
        server.wire("a", "s")


class TestLimitsOfAccounts:
    def test_connections_subscriptions_and_payload(self, serve):
        server = serve("accounts { A: { users: [ {user: a, password: s} ], limits: { max_connections: 2, max_subscriptions: 2, max_payload: 10 } } }")
        first = server.wire("a", "s", protocol=1)
        server.wire("a", "s")
        third = server.raw().send('CONNECT {"user":"a","pass":"s","verbose":false}\r\nPING\r\n')
        third.expect_closed("-ERR 'maximum account active connections exceeded'\r\n")
        assert first.later_info["max_payload"] == 10
        first.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n").expect("-ERR 'maximum subscriptions exceeded'\r\n")
        first.send("PUB x 10\r\n0123456789\r\n").expect_nothing_more()
        first.send("PUB x 11\r\n0123456789a\r\n").expect_closed("-ERR 'Maximum Payload Violation'\r\n")
