"""What personal, project and group access tokens share: expiry, scopes, rotation, revocation (core API 8)."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.api.call import begin
from packhouse.api.failures import TokenNotFound
from packhouse.api.names import check_name
from packhouse.api.parameters import DAY, Parameters, unfit
from packhouse.auth.tokens import USER_SCOPES, hash_token, make_token
from packhouse.db import changes, members, tokens
from packhouse.db.engine import now
from packhouse.db.tokens import TokenRow
from packhouse.errors import Forbidden, Invalid, InvalidCredential, InvalidParameter
from packhouse.model import Actor, Instant, Struct

LONGEST_LIFE = 365  # days
ROTATED_LIFE = 7
LONGEST_DESCRIPTION = 1000
PRIVILEGED = frozenset({"sudo", "admin_mode"})
PLACE_SCOPES = USER_SCOPES - PRIVILEGED - {"read_user"}


class NewToken(Struct):
    """What is sent about a new token, checked."""

    name: str
    description: str
    scopes: tuple[str, ...]
    expires: Instant
    secret: str


def today() -> Instant:
    """The first instant of this day, in UTC."""
    return now() // DAY * DAY


def read_expiry(parameters: Parameters, usual: int) -> Instant:
    """The day a token ends: what is sent, or so many days from now. Raises `InvalidParameter`."""
    expires = parameters.date("expires_at")
    if expires is None:
        return today() + usual * DAY
    if expires <= now():
        raise InvalidParameter("expires_at does not have a valid value: it must be a future date", parameter="expires_at")
    if expires > today() + LONGEST_LIFE * DAY:
        raise InvalidParameter(f"expires_at does not have a valid value: a token lasts at most {LONGEST_LIFE} days", parameter="expires_at")
    return expires


def read_new(parameters: Parameters, kind: str, allowed: frozenset[str]) -> NewToken:
    """The parameters of a new token. Raises `InvalidParameter`."""
    parameters.require("name", "scopes")
    name = parameters.needed("name")
    check_name(name)
    scopes = tuple(dict.fromkeys(parameters.texts("scopes") or []))
    if not scopes or not allowed.issuperset(scopes):
        raise unfit("scopes")
    return NewToken(
        name=name,
        description=parameters.text("description", LONGEST_DESCRIPTION) or "",
        scopes=scopes,
        expires=read_expiry(parameters, LONGEST_LIFE),
        secret=make_token(kind),
    )


def check_privileges(actor: Actor, scopes: tuple[str, ...]) -> None:
    """Nobody mints more than they hold. Raises `Forbidden`."""
    if actor.token_id is not None and not PRIVILEGED.intersection(scopes) <= actor.scopes:
        raise Forbidden("Forbidden - A token with sudo or admin_mode is made only with a token that has it")


# -- rotating and revoking -------------------------------------------------------------------------------------------


class Rotation(Struct):
    """A new secret for an old token."""

    token_id: int
    secret: str
    expires: Instant
    actor: Actor


def rotation(row: TokenRow, expires: Instant, actor: Actor) -> Rotation:
    return Rotation(token_id=row.id, secret=make_token(row.kind), expires=expires, actor=actor)


def rotate(connection: Connection, wanted: Rotation) -> TokenRow | None:
    """The new token in place of the old one; None where the old one is revoked already, and then its whole family is. Raises `Invalid`."""
    old = tokens.get_token(connection, wanted.token_id)
    if old is None:
        raise TokenNotFound()
    at = begin(connection, old.place_id or 0)
    if old.revoked is None and old.expires is not None and old.expires <= at:
        raise InvalidCredential("Token is expired. You can either do re-authorization or token refresh.")
    if not tokens.end_token(connection, old.id, at):
        revoke_family(connection, old, wanted.actor, at)
        return None
    new = tokens.add_token(
        connection,
        kind=old.kind,
        hash_=hash_token(wanted.secret),
        user_id=old.user_id,
        place_id=old.place_id,
        name=old.name,
        description=old.description,
        scopes=old.scopes,
        at=at,
        expires=wanted.expires,
        creator_id=wanted.actor.user_id,
        level=old.level,
        family=old.family,
    )
    if old.place_id is not None and old.user_id is not None:
        members.update_member(connection, old.place_id, old.user_id, expires=wanted.expires)
    detail = {"token": new, "name": old.name, "instead_of": old.id}
    changes.add_event(connection, at, "token_rotate", wanted.actor, project=old.place_id, detail=detail)
    return tokens.get_token(connection, new)


def revoke_family(connection: Connection, row: TokenRow, actor: Actor, at: Instant) -> None:
    """A revoked token was used to make another: whoever holds one of its line may have stolen it, so all of them end."""
    tokens.revoke_family(connection, row.family, at)
    changes.add_event(connection, at, "token_reuse", actor, project=row.place_id, detail={"token": row.id, "name": row.name})


def answer_reuse() -> Invalid | InvalidCredential:
    """What the one is told who rotates a revoked token."""
    return InvalidCredential("Token was revoked. You have to re-authorize from the user.")


def revoke(connection: Connection, row: TokenRow, actor: Actor) -> None:
    """The token opens nothing any more; the robot behind a project's or group's token is no member any more."""
    at = begin(connection, row.place_id or 0)
    if not tokens.end_token(connection, row.id, at):
        return
    if row.kind in ("project", "group") and row.place_id is not None and row.user_id is not None:
        members.drop_member(connection, row.place_id, row.user_id)
    changes.add_event(connection, at, "token_revoke", actor, project=row.place_id, detail={"token": row.id, "name": row.name})
