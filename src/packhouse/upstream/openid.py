"""A provider of single sign-on as we speak to it: OpenID Connect, code flow with PKCE, identity tokens checked against its keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from packhouse.errors import UpstreamFailed, UpstreamRefused
from packhouse.model import Struct
from packhouse.upstream.client import Outbound, check_address, keeps_secrets
from packhouse.upstream.guard import Guard

LARGEST = 1024 * 1024
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY = 60  # seconds that two clocks may differ
LONGEST_SUBJECT = 255


class Client(Struct):
    """What we are at a provider."""

    issuer: str
    client_id: str
    secret: str
    redirect_uri: str


class Provider(Struct):
    """What a provider says about itself."""

    issuer: str
    authorization: str
    token: str
    keys: str
    posts_secret: bool


class Attempt(Struct):
    """One try to sign in: what the answer must fit."""

    state: str
    nonce: str
    verifier: str
    since: int = 0  # in seconds: the person must have signed in there after that, whatever the provider remembers; 0: whenever it was


class Person(Struct):
    """Who signed in there."""

    subject: str
    username: str
    name: str
    email: str
    signed_in: int = 0  # in seconds; 0 where the provider does not say


def check_issuer(url: str, allow: str) -> None:
    """An issuer is https and public, or listed. Raises `UpstreamRefused`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise UpstreamRefused("The issuer must be an http or https URL without a query")
    guard = Guard(allow)
    check_address(url, guard)
    if not keeps_secrets(url, guard):
        raise UpstreamRefused("The issuer is not spoken to over plain http: use https, or list the host in outbound_allow")


async def discover(outbound: Outbound, issuer: str) -> Provider:
    """The provider behind an issuer's URL. Raises `UpstreamFailed`, `UpstreamRefused`."""
    told = await _fetch(outbound, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if told.get("issuer") != issuer:
        raise UpstreamFailed(f"The provider calls itself {str(told.get('issuer'))[:200]!r}, not {issuer!r}: set the issuer to what it says")
    found = {name: told.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    for name, url in found.items():
        if (
            not isinstance(url, str)
            or urlsplit(url).scheme not in ("http", "https")
            or (issuer.startswith("https:") and not url.startswith("https:"))
        ):
            raise UpstreamFailed(f"The provider names no usable {name}")
    methods = told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Provider(
        issuer=issuer,
        authorization=str(found["authorization_endpoint"]),
        token=str(found["token_endpoint"]),
        keys=str(found["jwks_uri"]),
        posts_secret="client_secret_basic" not in methods,
    )


def authorization_url(provider: Provider, client: Client, attempt: Attempt) -> str:
    """Where the browser goes to sign in."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "scope": "openid profile email",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if attempt.since:
        # `prompt` alone can be taken out on the way, and nothing in the answer would show it
        query |= {"prompt": "login", "max_age": "0"}
    return f"{provider.authorization}{'&' if urlsplit(provider.authorization).query else '?'}{urlencode(query)}"


async def redeem(outbound: Outbound, provider: Provider, client: Client, attempt: Attempt, code: str) -> Person:
    """Who the code speaks of. Raises `UpstreamFailed`, `UpstreamRefused`."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri, "code_verifier": attempt.verifier}
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if client.secret and not provider.posts_secret:
        pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        fields |= {"client_id": client.client_id} | ({"client_secret": client.secret} if client.secret else {})
    told = await _fetch(outbound, provider.token, "POST", headers, urlencode(fields).encode())
    token = told.get("id_token")
    if not isinstance(token, str):
        raise UpstreamFailed("The provider sent no identity token")
    return read_identity(token, await _fetch(outbound, provider.keys), client, attempt, time.time())


def read_identity(token: str, keys: Mapping[str, Any], client: Client, attempt: Attempt, at: float) -> Person:
    """The claims of an identity token that was made for us and this attempt. Raises `UpstreamFailed`."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        usable = [key for key in keys.get("keys", []) if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use") != "enc"]
        claims = jwt.decode(token, KeySet.import_key_set({"keys": usable}), algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise UpstreamFailed("The identity token is not signed by the provider's keys") from error
    _check_claims(claims, client, attempt, at)
    subject = claims["sub"]
    return Person(
        subject=subject,
        username=_text(claims.get("preferred_username")) or _text(claims.get("nickname")),
        name=_text(claims.get("name")),
        email=_text(claims.get("email")) if claims.get("email_verified", True) is True else "",
        signed_in=_moment(claims.get("auth_time")),
    )


def _check_claims(claims: Mapping[str, Any], client: Client, attempt: Attempt, at: float) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != client.issuer:
        raise UpstreamFailed("The identity token comes from another issuer")
    if client.client_id not in audiences or (len(audiences) > 1 and claims.get("azp") != client.client_id):
        raise UpstreamFailed("The identity token was made for somebody else")
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or expires <= at - LEEWAY or not isinstance(issued, int | float) or issued > at + LEEWAY:
        raise UpstreamFailed("The identity token is out of date: see that both clocks are right")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
        raise UpstreamFailed("The identity token was made for another attempt to sign in")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise UpstreamFailed("The identity token names no subject")
    if attempt.since:
        _check_sign_in(claims.get("auth_time"), attempt.since, at)


def _check_sign_in(signed_in: Any, since: float, at: float) -> None:
    if isinstance(signed_in, bool) or not isinstance(signed_in, int | float):
        raise UpstreamFailed(
            "The identity token does not say when you signed in: the provider must send the claim auth_time where max_age is asked for"
        )
    if not since - LEEWAY <= signed_in <= at + LEEWAY:
        raise UpstreamFailed(
            "The identity token does not say that you signed in just now: sign in at the provider once more, and see that its clock is right"
        )


def _moment(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**40 else 0


def _text(value: Any) -> str:
    return value.strip()[:255] if isinstance(value, str) and value.isprintable() else ""


async def _fetch(
    outbound: Outbound, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> dict[str, Any]:
    async with outbound.request(method, url, headers=headers or {"accept": "application/json"}, body=body) as incoming:
        answer = await incoming.read(LARGEST)
        if incoming.status != 200:
            raise UpstreamFailed(f"The provider answers {incoming.status}{_reason(answer)}")
    try:
        return msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UpstreamFailed("The provider sends no JSON object") from error


def _reason(answer: bytes) -> str:
    try:
        told = msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.DecodeError:
        return ""
    error = _text(told.get("error"))
    return f": {error[:64]}" if error else ""
