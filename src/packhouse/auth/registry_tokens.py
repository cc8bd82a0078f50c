"""The container registry's own tokens: signed JSON web tokens of a few minutes that say who asked and what was granted.

Keys lie in a folder, one file each, the newest signs; they are made at first need and can be rotated while the server runs. A token
names the principal, never more: what it may do is looked up again on every request (threats, 6.7).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from packhouse.errors import InvalidCredential
from packhouse.keyfiles import make_key_file
from packhouse.model import Actor, Struct

SERVICE = "container_registry"
SERVICES = frozenset({SERVICE, "dependency_proxy"})  # either is good for both: docker learns one for the whole host, from /v2/
SECONDS = 300
LEEWAY = 30
EARLIER = 5
ALGORITHM = "RS256"
BITS = 2048
KEPT_KEYS = 2
LOOK_SECONDS = 1.0
REMEMBERED = 4096
LONGEST = 16 * 1024
AUTH_TYPES = {"personal": "personal_access_token", "project": "personal_access_token", "group": "personal_access_token", "deploy": "deploy_token",
              "job": "build", "password": "gitlab_or_ldap", "anonymous": "none"}  # fmt: skip


class Principal(Struct):
    """Who a token was given to: an access token, a user who came with a password, or nobody."""

    kind: str = "anonymous"
    token_id: int | None = None
    user_id: int | None = None
    stamp: str = ""  # of the password they came with

    @classmethod
    def of(cls, actor: Actor) -> Principal:
        return cls(kind=actor.kind, token_id=actor.token_id, user_id=actor.user_id)


class Grant(Struct):
    """What was granted on one resource."""

    type: str
    name: str
    actions: tuple[str, ...]
    meta: Mapping[str, Any] | None = None


class Claims(Struct):
    """What a valid token says: resource → actions."""

    principal: Principal
    grants: Mapping[str, frozenset[str]]
    expires: float


def looks_signed(secret: str) -> bool:
    """It has the form of a signed JSON web token."""
    return secret.startswith("eyJ") and secret.count(".") == 2


class RegistryTokens:
    """Makes tokens and reads them. Every process has one; the keys are shared through their folder."""

    def __init__(self, folder: Path, issuer: str, seconds: int = SECONDS) -> None:
        self._folder = folder
        self._issuer = issuer
        self.seconds = seconds
        self._keys: dict[str, Any] = {}
        self._newest = ""
        self._names: tuple[str, ...] = ()
        self._looked = 0.0
        self._read: dict[str, Claims] = {}

    # -- making ------------------------------------------------------------------------------------------------------

    def issue(self, actor: Actor, audience: str, grants: Sequence[Grant], now: float | None = None, *, stamp: str = "") -> tuple[str, int]:
        """A token for what was granted, and the second it was made in. `stamp`: of the password that the actor came with."""
        at = int(time.time() if now is None else now)
        principal = Principal.of(actor)
        auth_type = AUTH_TYPES.get(actor.kind, actor.kind)
        standard = {"iss": self._issuer, "iat": at, "nbf": at - EARLIER, "exp": at + self.seconds, "jti": secrets.token_urlsafe(16)}
        claims: dict[str, Any] = standard | {"aud": audience, "auth_type": auth_type, "access": [_access(grant) for grant in grants]}
        if actor.username and actor.kind != "deploy":
            claims["sub"] = actor.username
        if not actor.anonymous:
            who: dict[str, Any] = {"token_type": auth_type, "username": actor.username}
            who |= {"deploy_token_id": actor.token_id} if actor.kind == "deploy" else {"user_id": actor.user_id}
            claims["user"] = self._sign({"user_info": who} | standard)
        claims["packhouse"] = {"kind": principal.kind, "token_id": principal.token_id, "user_id": principal.user_id, "stamp": stamp}
        return self._sign(claims), at

    def _sign(self, claims: Mapping[str, Any]) -> str:
        from joserfc import jwt

        key = self._signing_key()
        return jwt.encode({"alg": ALGORITHM, "kid": self._newest}, dict(claims), key, algorithms=[ALGORITHM])

    # -- reading -----------------------------------------------------------------------------------------------------

    def read(self, text: str, now: float | None = None) -> Claims:
        """What a token says. Raises `InvalidCredential`."""
        at = time.time() if now is None else now
        known = self._read.get(text)
        if known is None:
            known = self._verify(text, at)
            if len(self._read) >= REMEMBERED:
                self._read.clear()
            self._read[text] = known
        if known.expires + LEEWAY <= at:
            raise InvalidCredential("The registry token is expired: ask for a new one")
        return known

    def _verify(self, text: str, at: float) -> Claims:
        from joserfc import errors, jwt

        if len(text) > LONGEST:
            raise InvalidCredential("The registry token is too long")
        try:
            # the header only chooses among our own keys; one that it carries or points to is never looked at
            decoded = jwt.decode(text, lambda found: self._key_of(found.headers()), algorithms=[ALGORITHM])
        except (errors.JoseError, ValueError, KeyError, TypeError) as error:
            raise InvalidCredential("The registry token is not one of ours") from error
        return _read_claims(decoded.claims, self._issuer, at)

    def _key_of(self, header: Mapping[str, Any]) -> Any:
        kid = header.get("kid")
        if kid not in self._keys:
            self._load()
        found = self._keys.get(kid) if isinstance(kid, str) else None
        if found is None:
            raise InvalidCredential("The registry token is signed by a key that is gone")
        return found

    # -- keys --------------------------------------------------------------------------------------------------------

    def warm(self) -> None:
        """Have the key at hand before the first client asks."""
        self._signing_key()

    def rotate(self) -> str:
        """Sign with a new key from now on; tokens of the one before stay good. Answers the new key's id."""
        with self._locked():
            self._make()
            for name in self._list()[:-KEPT_KEYS]:
                (self._folder / name).unlink(missing_ok=True)
        self._load()
        return self._newest

    def _signing_key(self) -> Any:
        moment = time.monotonic()
        if not self._newest or moment - self._looked > LOOK_SECONDS:
            self._looked = moment
            if not self._newest or self._list() != self._names:
                self._load()
        if not self._newest:
            with self._locked():
                if not self._list():
                    self._make()
            self._load()
        return self._keys[self._newest]

    def _load(self) -> None:
        from joserfc.jwk import RSAKey

        names = self._list()
        keys = {}
        for name in names:
            kid = name.partition("-")[2].removesuffix(".pem")
            keys[kid] = self._keys.get(kid) or RSAKey.import_key((self._folder / name).read_text())
        self._names, self._keys = names, keys
        self._newest = names[-1].partition("-")[2].removesuffix(".pem") if names else ""

    def _make(self) -> None:
        from joserfc.jwk import RSAKey

        names = self._list()
        number = int(names[-1].partition("-")[0]) + 1 if names else 1
        key = RSAKey.generate_key(BITS, private=True, auto_kid=False)
        made = self._folder / f"{number:04d}-{key.thumbprint()}.pem"
        make_key_file(made, key.as_pem(private=True))

    def _list(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(path.name for path in self._folder.iterdir() if path.suffix == ".pem"))
        except FileNotFoundError:
            return ()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def resource(type: str, name: str) -> str:
    """The key of a resource in `Claims.grants`."""
    return name if type == "repository" else f"{type}:{name}"


def _access(grant: Grant) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": grant.type, "name": grant.name, "actions": list(grant.actions)}
    return entry if grant.meta is None else entry | {"meta": dict(grant.meta)}


def _read_claims(claims: Mapping[str, Any], issuer: str, at: float) -> Claims:
    expires, starts, who = claims.get("exp"), claims.get("nbf"), claims.get("packhouse")
    if not isinstance(expires, int) or not isinstance(starts, int) or not isinstance(who, dict):
        raise InvalidCredential("The registry token is not one of ours")
    if claims.get("iss") != issuer or claims.get("aud") not in SERVICES:
        raise InvalidCredential("The registry token is for another service")
    if starts > at + LEEWAY:
        raise InvalidCredential("The registry token is not valid yet: the clocks disagree")
    grants: dict[str, frozenset[str]] = {}
    for entry in claims.get("access", ()):
        key = resource(entry["type"], entry["name"])
        grants[key] = grants.get(key, frozenset()) | frozenset(entry["actions"])
    principal = Principal(kind=who["kind"], token_id=who["token_id"], user_id=who["user_id"], stamp=who.get("stamp", ""))
    return Claims(principal=principal, grants=grants, expires=float(expires))
