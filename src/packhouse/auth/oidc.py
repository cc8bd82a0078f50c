"""Identity tokens of other issuers: what they say, whether that is true, and whether a rule fits it (threats, 6.5). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from packhouse.errors import InvalidCredential, InvalidParameter
from packhouse.grammar.patterns import matches_exact_glob
from packhouse.model import Instant, Struct

LONGEST = 16 * 1024
LEEWAY = 30  # seconds
OLDEST = 600
ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
KINDS = frozenset({"RSA", "EC", "OKP"})
SECOND: Instant = 1_000_000
MOST_CLAIMS = 20
LONGEST_CLAIM = 512
LASTING = frozenset({"project_id", "namespace_id", "repository_id", "repository_owner_id", "actor_id", "user_id", "org_id", "organization_id"})
"""Claims that are numbers: a name may be given to somebody else one day, a number is not."""


class Peek(Struct):
    """What a token says before anybody has looked whether it is true."""

    issuer: str
    kid: str


class Identity(Struct):
    """A token that is true."""

    issuer: str
    claims: Mapping[str, Any]
    digest: bytes  # the same for every presentation of it
    expires: Instant


def peek(text: str) -> Peek:
    """Whose token it claims to be, and by which key. Raises `InvalidCredential`."""
    if len(text) > LONGEST:
        raise InvalidCredential("The identity token is longer than 16 KiB")
    parts = text.split(".")
    if len(parts) != 3:
        raise InvalidCredential("The identity token is not a signed JSON web token: it must have three parts")
    header, claims = (_decode(part) for part in parts[:2])
    issuer, kid = claims.get("iss"), header.get("kid", "")
    if not isinstance(issuer, str) or not isinstance(kid, str):
        raise InvalidCredential("The identity token does not say who issued it")
    return Peek(issuer=issuer, kid=kid)


def _decode(part: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidCredential("The identity token is not a signed JSON web token") from error
    if not isinstance(value, dict):
        raise InvalidCredential("The identity token is not a signed JSON web token")
    return value


def read_keys(document: bytes) -> Mapping[str, Any]:
    """The public signing keys of an issuer's key set, by their ids. Raises `InvalidCredential`."""
    try:
        found = msgspec.json.decode(document)["keys"]
        keys = [key for key in found if key.get("kty") in KINDS and key.get("use", "sig") == "sig"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidCredential("The issuer's keys cannot be read") from error
    return {str(key.get("kid", "")): key for key in keys}


def verify(text: str, keys: Mapping[str, Any], issuer: str, audiences: Collection[str], now: float) -> Identity:
    """The token's claims, once signature, issuer, audience and times are right. Raises `InvalidCredential`."""
    seen = peek(text)
    if seen.issuer != issuer:
        raise InvalidCredential("The identity token is another issuer's")
    claims = _check_signature(text, keys, seen.kid)
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not isinstance(audience, str) or audience not in audiences:
        raise InvalidCredential(f"The identity token is not for us: its audience must be {' or '.join(map(repr, audiences))}")
    expires, issued, start = (_time(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise InvalidCredential("The identity token must say when it was issued and when it expires: the claims iat and exp")
    if expires + LEEWAY <= now:
        raise InvalidCredential("The identity token is expired")
    if issued - LEEWAY > now or (start is not None and start - LEEWAY > now):
        raise InvalidCredential("The identity token is not valid yet: compare the clocks")
    if issued + OLDEST + LEEWAY < now:
        raise InvalidCredential(f"The identity token was issued more than {OLDEST // 60} minutes ago: ask for a new one")
    return Identity(issuer=issuer, claims=claims, digest=_digest(text, issuer, claims), expires=int(expires * SECOND))


def _check_signature(text: str, keys: Mapping[str, Any], kid: str) -> dict[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError, SecurityWarning
    from joserfc.jwk import JWKRegistry

    key = keys.get(kid) if kid or len(keys) != 1 else next(iter(keys.values()))
    if key is None:
        raise InvalidCredential("The identity token is signed with a key that its issuer does not have")
    try:
        algorithms = [name for name in ALGORITHMS if key.get("alg", name) == name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # EdDSA has a newer name, and issuers that use the old one
            return dict(jwt.decode(text, JWKRegistry.import_key(key), algorithms=algorithms).claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidCredential("The signature of the identity token is wrong") from error


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 40:
        raise InvalidCredential(f"The claim {name} of the identity token is no time")
    return float(value)


def _digest(text: str, issuer: str, claims: Mapping[str, Any]) -> bytes:
    token_id = claims.get("jti")
    # without an id it is what was signed: the signature itself can be written in more than one way
    spoken = f"id {token_id}" if isinstance(token_id, str) and token_id else f"text {text.rpartition('.')[0]}"
    return hashlib.sha256(f"{issuer}\n{spoken}".encode()).digest()


# -- rules -----------------------------------------------------------------------------------------------------------


def check_rule(claims: Any) -> dict[str, str]:
    """The claims that a rule asks for. Raises `InvalidParameter`."""
    if not isinstance(claims, dict) or not 1 <= len(claims) <= MOST_CLAIMS:
        raise InvalidParameter(f"claims must be an object of 1 to {MOST_CLAIMS} names and values", parameter="claims")
    rule: dict[str, str] = {}
    for name, value in claims.items():
        text = write_claim(value)
        if not name or len(name) > 255 or not text or len(text) > LONGEST_CLAIM:
            raise InvalidParameter(f"claims[{name[:64]}] must be a value or a pattern of at most {LONGEST_CLAIM} characters", parameter="claims")
        rule[name] = text
    if all("*" in value for value in rule.values()):
        raise InvalidParameter("claims needs at least one exact value, such as a project_id: patterns alone let in too many", parameter="claims")
    return rule


def warn_of(rule: Mapping[str, str]) -> list[str]:
    """What is doubtful about a rule."""
    if any(name in LASTING and "*" not in value for name, value in rule.items()):
        return []
    return ["No claim is a number that lasts, such as project_id or repository_id: whoever gets a freed name would be trusted too"]


def fits(rule: Mapping[str, str], claims: Mapping[str, Any]) -> bool:
    """Whether every claim that the rule asks for is there, as it asks: a value, or a pattern in which `*` stands for anything."""
    return all((text := write_claim(claims.get(name))) is not None and matches_exact_glob(wanted, text) for name, wanted in rule.items())


def write_claim(value: Any) -> str | None:
    """A claim as rules compare it; None for what is no text, number or truth value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else None
