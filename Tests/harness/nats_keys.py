"""Nkeys and the tokens that they sign, made by other code than the server's."""

import base64
import json
import os
import time

import nkeys

PREFIXES = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}


class Key:
    """A key pair of one kind."""

    def __init__(self, kind: str):
        self.seed = nkeys.encode_seed(os.urandom(32), PREFIXES[kind])
        self.pair = nkeys.from_seed(self.seed)

    @property
    def public(self) -> str:
        return self.pair.public_key.decode()

    def sign(self, text: str) -> str:
        """Base64 for URLs, without padding."""
        return unpadded(self.pair.sign(text.encode()))

    def token(self, subject: str, claims: dict, **fields) -> str:
        """A JWT about `subject`, signed by this key."""
        payload = {"jti": os.urandom(8).hex(), "iat": int(time.time()), "iss": self.public, "sub": subject, **fields,
                   "nats": {"version": 2, **claims}}
        head = unpadded(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode())
        body = f"{head}.{unpadded(json.dumps(payload).encode())}"
        return f"{body}.{self.sign(body)}"


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


UNLIMITED = {"subs": -1, "data": -1, "payload": -1}
ACCOUNT_LIMITS = {**UNLIMITED, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}


class Operator:
    """An operator with accounts and users, as `nsc` would make them."""

    def __init__(self):
        self.key = Key("operator")
        self.system = Key("account")
        self.token = self.key.token(
            self.key.public, {"type": "operator", "system_account": self.system.public}, name="OP")

    def account(self, key: Key, name="ACC", limits=None, **claims) -> str:
        fields = {"exp": claims.pop("exp")} if "exp" in claims else {}
        return self.key.token(
            key.public, {"type": "account", "limits": {**ACCOUNT_LIMITS, **(limits or {})}, **claims}, name=name, **fields)

    def configuration(self, *accounts, extra="", resolver="MEMORY") -> str:
        """With the JWTs of these accounts, and the system account's."""
        tokens = {self.system.public: self.account(self.system, "SYS")}
        tokens.update(accounts)
        preload = "\n".join(f"  {key}: {token}" for key, token in tokens.items())
        return (f"listen: 127.0.0.1:-1\nmax_control_line: 64k\noperator: {self.token}\nresolver: {resolver}\n"
                f"resolver_preload {{\n{preload}\n}}\n{extra}")


def user_token(signer: Key, user: Key, account: Key = None, name="joe", limits=None, **claims) -> str:
    """`limits` of {} for a user of a scoped key, which says nothing itself."""
    fields = {field: claims.pop(field) for field in ("exp", "iat") if field in claims}
    if account:
        claims["issuer_account"] = account.public
    return signer.token(
        user.public, {"type": "user", **(UNLIMITED if limits is None else limits), **claims}, name=name, **fields)


def login(info: dict, user: Key, token: str) -> dict:
    """The fields of CONNECT."""
    return {"jwt": token, "sig": user.sign(info["nonce"])}
