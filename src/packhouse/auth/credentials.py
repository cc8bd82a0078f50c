"""Request headers, query and path → the one credential they carry (core API section 2). One request, one credential."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from packhouse.errors import Invalid, InvalidCredential

MAX_LENGTH = 16 * 1024  # job tokens are JSON web tokens of several KiB

PERSONAL = frozenset({"personal", "project", "group"})
JOB = frozenset({"job"})
DEPLOY = frozenset({"deploy"})
ANY = PERSONAL | JOB | DEPLOY


class Credential(NamedTuple):
    """A secret as it was sent: with a user name by Basic, and the kinds of token its carrier may hold."""

    secret: str
    kinds: frozenset[str] = ANY
    username: str | None = None
    any_job_user: bool = False  # a job token goes with whatever user name


_HEADERS = ((b"private-token", PERSONAL), (b"job-token", JOB), (b"deploy-token", DEPLOY))
_IN_PATH = re.compile(r"/t/([^/]+)(/api/v4/.+)")
_QUERY = (("private_token", PERSONAL), ("job_token", JOB), ("access_token", PERSONAL))


def read_credential(
    headers: Mapping[bytes, bytes],
    query: Mapping[str, str],
    extra: Sequence[Callable[[Mapping[str, str]], str | None]] = (),
    *,
    in_path: str | None = None,
    query_allowed: bool = True,
    any_job_user: bool = False,
) -> Credential | None:
    """The credential of a request, None for an anonymous one. Raises `InvalidCredential`, and `Invalid` for two different ones."""
    found = _in_headers(headers)
    if query:
        found += _in_query(query, query_allowed)
    if in_path is not None:
        found.append(_of_address(Credential(in_path), query_allowed))
    if extra and not found:
        plain = {k.decode("latin-1"): v.decode("latin-1") for k, v in headers.items()}
        found += [Credential(secret) for read in extra if (secret := read(plain)) is not None]
    return _the_one(found)._replace(any_job_user=any_job_user) if found else None


def _in_headers(headers: Mapping[bytes, bytes]) -> list[Credential]:
    found: list[Credential] = []
    authorization = headers.get(b"authorization")
    if authorization is not None and (credential := read_authorization(authorization)) is not None:
        found.append(credential)
    for name, kinds in _HEADERS:
        value = headers.get(name)
        if value is not None:
            found.append(Credential(_text(value), kinds))
    return found


def _in_query(query: Mapping[str, str], allowed: bool) -> list[Credential]:
    return [_of_address(Credential(query[parameter], kinds), allowed) for parameter, kinds in _QUERY if parameter in query]


def _of_address(credential: Credential, allowed: bool) -> Credential:
    if not allowed:
        raise InvalidCredential("Tokens in addresses are switched off on this instance: send a header instead")
    return credential


def split_path(path: str) -> tuple[str | None, str]:
    """The token that a path begins with, as conda sends it (`/t/<token>/…`), and what follows."""
    found = _IN_PATH.fullmatch(path)
    return (None, path) if found is None else (unquote(found[1], errors="surrogateescape"), found[2])


def _the_one(found: Sequence[Credential]) -> Credential:
    first = found[0]
    if any(other.secret != first.secret for other in found[1:]):
        raise Invalid("The request carries two different credentials: send one")
    if not first.secret or len(first.secret) > MAX_LENGTH:
        raise InvalidCredential("The token is empty or too long")
    kinds = first.kinds
    for other in found[1:]:
        kinds &= other.kinds
    return first._replace(kinds=kinds)


def read_authorization(value: bytes) -> Credential | None:
    """What an Authorization header carries; None for a scheme that is not ours to read. Raises `InvalidCredential`."""
    scheme, _, rest = value.partition(b" ")
    kind = scheme.lower()
    if kind == b"bearer":
        return Credential(_text(rest.strip()))
    if kind == b"basic":
        try:
            text = base64.b64decode(rest.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidCredential("The Basic credential is not valid base64 of user:token") from error
        username, colon, secret = text.partition(":")
        if not colon:
            raise InvalidCredential("The Basic credential must be user:token")
        return Credential(secret, username=username)
    return None


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
