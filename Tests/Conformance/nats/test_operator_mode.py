"""Operator mode: users and accounts known by the JWTs that operators and accounts sign."""

import asyncio
import time

import nats
import pytest

from harness.nats_keys import UNLIMITED, Key, Operator, login, user_token
from harness.nats_wire import VIOLATION, Wire, violation
from harness.program import Serving, serving


class Guarded(Serving):
    def wire(self, user, token, **options) -> Wire:
        wire = self.raw()
        return wire.connect(**login(wire.info, user, token), **options)

    def refuses(self, user, token, last=VIOLATION, **changes):
        wire = self.raw()
        self.turns_away(wire, last, **{**login(wire.info, user, token), **changes})


serve = serving(Guarded)


@pytest.fixture
def world():
    """An operator, an account A with a signing key and a scoped one, and a user key."""
    class World:
        operator, account, signer, scoped, user = Operator(), Key("account"), Key("account"), Key("account"), Key("user")

        def account_token(self, template=None, **claims):
            template = {**UNLIMITED, **(template or {"pub": {"allow": ["t.{{name()}}", "{{tag(team)}}.x"]}})}
            scope = {"kind": "user_scope", "key": self.scoped.public, "template": template}
            return self.operator.account(self.account, signing_keys=[self.signer.public, scope], **claims)

        def configuration(self, extra="", **claims):
            return self.operator.configuration((self.account.public, self.account_token(**claims)), extra=extra)

    return World()


class TestUsers:
    def test_account_and_signing_key_let_users_in(self, serve, world):
        server = serve(world.configuration())
        info = server.raw().info
        assert info["auth_required"] is True and len(info["nonce"]) == 15
        for signer, account in ((world.account, None), (world.account, world.account), (world.signer, world.account)):
            wire = server.wire(world.user, user_token(signer, world.user, account), protocol=1)
            assert wire.later_info["remote_account"] == world.account.public
        wire.send("SUB x 1\r\nPUB x 2\r\nhi\r\n").expect("MSG x 1 2\r\nhi\r\n")

    def test_whatever_is_missing_in_the_chain_keeps_them_out(self, serve, world):
        server = serve(world.configuration())
        good = user_token(world.account, world.user)
        stranger = Key("account")
        server.refuses(world.user, user_token(stranger, world.user))
        server.refuses(world.user, user_token(stranger, world.user, world.account))
        server.refuses(world.user, user_token(world.operator.key, world.user))
        server.refuses(world.user, good, sig=world.user.sign("another nonce"))
        server.refuses(world.user, good, sig="")
        server.refuses(Key("user"), good)
        server.refuses(world.user, world.account_token())
        for token in ("", "x", "a.b.c", good[:-4], good + "A", "eyJhbGciOiJub25lIn0.e30."):
            server.refuses(world.user, token)
        server.raw().send('CONNECT {"user":"a","pass":"b"}\r\n').expect_closed(VIOLATION)
        assert "authentication error" in server.running.log

    def test_an_account_that_another_operator_signed_is_unknown(self, serve, world):
        other = Operator()
        server = serve(world.operator.configuration())
        server.refuses(world.user, user_token(world.account, world.user))
        assert other.key.public not in server.running.log

    def test_permissions_and_limits(self, serve, world):
        token = user_token(world.account, world.user, pub={"allow": ["ok.>"]}, sub={"deny": ["no"]}, resp={"max": 1, "ttl": 0},
                           limits={"subs": 1, "payload": 4, "data": -1})
        wire = serve(world.configuration()).wire(world.user, token, protocol=1)
        assert wire.later_info["max_payload"] == 4
        wire.send("PUB no 0\r\n\r\nSUB no 1\r\nSUB a 2\r\nSUB b 3\r\n").expect(
            violation('Publish to "no"') + violation('Subscription to "no"') + "-ERR 'maximum subscriptions exceeded'\r\n")
        wire.send("PUB ok.x 5\r\n12345\r\n").expect_closed("-ERR 'Maximum Payload Violation'\r\n")

    def test_default_permissions_of_the_account(self, serve, world):
        server = serve(world.configuration(default_permissions={"pub": {"allow": ["d"]}}))
        wire = server.wire(world.user, user_token(world.account, world.user))
        wire.send("PUB d 0\r\n\r\nPUB x 0\r\n\r\n").expect(violation('Publish to "x"')).expect_nothing_more()

    def test_a_scoped_key_gives_what_its_template_says(self, serve, world):
        server = serve(world.configuration())
        token = user_token(world.scoped, world.user, world.account, limits={}, tags=["team:red", "team:blue"])
        wire = server.wire(world.user, token)
        wire.send("PUB t.joe 0\r\n\r\nPUB red.x 0\r\n\r\nPUB blue.x 0\r\n\r\nPUB t.ann 0\r\n\r\n")
        wire.expect(violation('Publish to "t.ann"')).expect_nothing_more()
        server.refuses(world.user, user_token(world.scoped, world.user, world.account))

    def test_bearers(self, serve, world):
        bearer = user_token(world.account, world.user, bearer_token=True)
        serve(world.configuration()).raw().connect(jwt=bearer)

    def test_bearers_where_the_account_wants_none(self, serve, world):
        server = serve(world.configuration(limits={"disallow_bearer": True}))
        server.refuses(world.user, user_token(world.account, world.user, bearer_token=True))

    def test_places_ways_and_hours(self, serve, world):
        server = serve(world.configuration())
        server.wire(world.user, user_token(world.account, world.user, src=["127.0.0.0/8", "10.0.0.0/8"]))
        server.refuses(world.user, user_token(world.account, world.user, src=["10.0.0.0/8"]))
        server.wire(world.user, user_token(world.account, world.user, allowed_connection_types=["STANDARD"]))
        server.refuses(world.user, user_token(world.account, world.user, allowed_connection_types=["WEBSOCKET"]))
        now = time.gmtime()
        day = [{"start": "00:00:00", "end": "23:59:59"}]
        if (now.tm_hour, now.tm_min) not in ((23, 59), (0, 0)):
            server.wire(world.user, user_token(world.account, world.user, times=day, times_location="UTC"))
        hour = (now.tm_hour + 12) % 24
        other = [{"start": f"{hour:02}:00:00", "end": f"{hour:02}:00:01"}]
        server.refuses(world.user, user_token(world.account, world.user, times=other, times_location="UTC"))

    def test_revocations(self, serve, world):
        now = int(time.time())
        server = serve(world.configuration(revocations={world.user.public: now}))
        server.refuses(world.user, user_token(world.account, world.user, iat=now - 10))
        server.wire(world.user, user_token(world.account, world.user, iat=now + 10))

    def test_connections_of_an_account(self, serve, world):
        server = serve(world.configuration(limits={"conn": 1}))
        token = user_token(world.account, world.user)
        server.wire(world.user, token)
        server.refuses(world.user, token, last="-ERR 'maximum account active connections exceeded'\r\n")


class TestTimes:
    def test_what_has_ended_or_not_begun_is_refused(self, serve, world):
        server = serve(world.configuration())
        now = int(time.time())
        server.refuses(world.user, user_token(world.account, world.user, exp=now - 1))

    def test_a_user_goes_when_his_time_is_over(self, serve, world):
        server = serve(world.configuration())
        end = int(time.time()) + 2
        server.wire(world.user, user_token(world.account, world.user, exp=end)).expect_closed(
            "-ERR 'User Authentication Expired'\r\n")
        assert -0.1 < time.time() - end < 3

    async def test_an_unmodified_client_is_told(self, serve, world, tmp_path):
        server = serve(world.configuration())
        token = user_token(world.account, world.user, exp=int(time.time()) + 2)
        credentials = tmp_path / "user.creds"
        credentials.write_text(
            f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{world.user.seed.decode()}\n------END USER NKEY SEED------\n")
        errors, closed = [], asyncio.Event()

        async def on_error(error):
            errors.append(str(error))

        async def on_closed():
            closed.set()

        client = await nats.connect(
            server.url, user_credentials=str(credentials), error_cb=on_error, closed_cb=on_closed, allow_reconnect=False)
        await client.flush()
        await asyncio.wait_for(closed.wait(), 6)
        assert "authentication expired" in str(client.last_error), client.last_error


class TestAccounts:
    def test_accounts_share_what_their_tokens_say(self, serve, world):
        exporter, guest = Key("account"), Key("user")
        exports = [{"name": "e", "subject": "e.>", "type": "stream"}, {"name": "s", "subject": "help", "type": "service"}]
        imports = [
            {"name": "e", "subject": "e.>", "account": exporter.public, "type": "stream", "local_subject": "from.e.>"},
            {"name": "s", "subject": "help", "account": exporter.public, "type": "service", "local_subject": "ask"}]
        server = serve(world.operator.configuration(
            (exporter.public, world.operator.account(exporter, "EXP", exports=exports)),
            (world.account.public, world.account_token(imports=imports))))
        here = server.wire(world.user, user_token(world.account, world.user))
        there = server.wire(guest, user_token(exporter, guest))
        here.send("SUB from.> 1\r\nSUB in 2\r\n").expect_nothing_more()
        there.send("SUB help 1\r\nPUB e.x 2\r\nhi\r\n").expect_nothing_more()
        here.expect("MSG from.e.x 1 2\r\nhi\r\n")
        here.send("PUB ask in 1\r\n?\r\n")
        subject, _, reply, _, payload = there.message()
        assert (subject, payload) == ("help", b"?")
        there.publish(reply, "!")
        here.expect("MSG in 2 1\r\n!\r\n")


class TestFolder:
    """The resolver of type full."""

    def configuration(self, world, tmp_path, *accounts, extra=""):
        resolver = f'{{ type: full, dir: "{tmp_path}/jwt", allow_delete: true, hard_delete: false, interval: "2m" }}'
        return world.operator.configuration(*accounts, resolver=resolver, extra=extra)

    def test_files_are_found_when_their_users_come(self, serve, world, tmp_path):
        server = serve(self.configuration(world, tmp_path))
        token = user_token(world.account, world.user)
        server.refuses(world.user, token)
        (tmp_path / "jwt" / f"{world.account.public}.jwt").write_text(world.account_token())
        server.wire(world.user, token)

    def test_preloaded_accounts_are_there(self, serve, world, tmp_path):
        server = serve(self.configuration(world, tmp_path, (world.account.public, world.account_token())))
        server.wire(world.user, user_token(world.account, world.user))
