"""Public keys of the token that asks: whose holder signs requests, as knife does, acts with that token, and for as long as it is good."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.api.call import Call, begin, path_id
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import read_parameters, read_query
from packhouse.api.personal_tokens import identify_self
from packhouse.api.shapes import Shape, when
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, signing_keys
from packhouse.db.signing_keys import KeyRow
from packhouse.db.tokens import TokenRow
from packhouse.errors import Conflict, NotFound
from packhouse.grammar.opssignatures import PEM_LIMIT, Key, read_key
from packhouse.model import Actor
from packhouse.responses import empty_reply, json_reply

MOST = 10  # keys of a token


async def list_keys(call: Call) -> Answer:
    """The keys of the token of this request."""
    row, _ = await identify_self(call)
    page = read_page(read_query(call))
    found = await call.house.database.read(signing_keys.keys_of_token, row.id)
    return paged(call, [key_shape(key) for key in found[page.offset : page.offset + page.size]], page, len(found))


async def add_key(call: Call) -> Answer:
    """A new key of the token of this request; one that it has already is answered as it is. Raises `Invalid`, `Conflict`."""
    row, actor = await identify_self(call)
    parameters = await read_parameters(call)
    key = read_key(parameters.needed("key", PEM_LIMIT))
    title = parameters.text("title") or ""
    return json_reply(key_shape(await call.house.database.write(_add, row, title, key, actor)), 201)


def _add(connection: Connection, row: TokenRow, title: str, key: Key, actor: Actor) -> KeyRow:
    at = begin(connection, row.place_id or 0)
    found = signing_keys.find_key(connection, row.id, key.fingerprint)
    if found is not None:
        return found
    if row.user_id is not None and signing_keys.is_taken(connection, row.user_id, key.fingerprint, at):
        raise Conflict("Another token of this user has this key: remove it there first, or use a key of its own")
    if signing_keys.count_keys(connection, row.id) >= MOST:
        raise Conflict(f"A token has at most {MOST} keys: remove one first")
    id_ = signing_keys.add_key(connection, row.id, title, key.pem, key.fingerprint, at)
    detail = {"token": row.id, "title": title, "fingerprint": key.fingerprint}
    changes.add_event(connection, at, "signing_key_create", actor, project=row.place_id, detail=detail)
    return KeyRow(id=id_, token=row.id, title=title, public_key=key.pem, fingerprint=key.fingerprint, created=at)


async def remove_key(call: Call) -> Answer:
    """The key signs nothing any more. Raises `NotFound`."""
    row, actor = await identify_self(call)
    await call.house.database.write(_remove, row, path_id(call, "key_id"), actor)
    return empty_reply()


def _remove(connection: Connection, row: TokenRow, id_: int, actor: Actor) -> None:
    at = begin(connection, row.place_id or 0)
    if not signing_keys.drop_key(connection, row.id, id_):
        raise NotFound("Key Not Found")
    changes.add_event(connection, at, "signing_key_delete", actor, project=row.place_id, detail={"token": row.id, "key": id_})


def key_shape(key: KeyRow) -> Shape:
    """A key as the API shows it."""
    return {
        "id": key.id,
        "title": key.title,
        "key": key.public_key,
        "fingerprint_sha256": key.fingerprint,
        "created_at": when(key.created),
    }


def routes() -> list[Route]:
    base = "api/v4/personal_access_tokens/self/-/signing_keys"
    # open at the edge: a token speaks of itself whatever its scopes, as below `self`
    return [
        Route(method="GET", path=base, handler=list_keys, action=Action.OPEN, reach=ROOT),
        Route(method="POST", path=base, handler=add_key, action=Action.OPEN, reach=ROOT),
        Route(method="DELETE", path=f"{base}/{{key_id}}", handler=remove_key, action=Action.OPEN, reach=ROOT),
    ]
