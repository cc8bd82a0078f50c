"""Keys that sign requests, registered by several processes at once."""

from __future__ import annotations

import asyncio
from typing import Any

from packhouse.api import signing_keys as api
from packhouse.db import signing_keys, tokens, users
from packhouse.db.engine import now
from packhouse.grammar.opssignatures import Key
from packhouse.model import ANONYMOUS

from .conftest import Desk

KEY = Key(pem="one", fingerprint="f" * 64, bits=2048)


def make_tokens(desk: Desk, number: int) -> list[tokens.TokenRow]:
    """Tokens of one user."""
    at = now()
    user = desk.write(users.add_user, username="ada", name="Ada", email="ada@mail.example", password=None, at=at)
    said: dict[str, Any] = {"kind": "personal", "user_id": user, "place_id": None, "name": "", "scopes": ["api"], "expires": None, "creator_id": user}
    ids = [desk.write(tokens.add_token, hash_=bytes([one]) * 32, at=at, **said) for one in range(number)]
    return [row for row in (desk.read(tokens.get_token, id_) for id_ in ids) if row is not None]


def add(desk: Desk, rows: list[tokens.TokenRow]) -> list[Any]:
    """What becomes of adding the key to all of these at once."""

    async def go() -> list[Any]:
        return await asyncio.gather(*(desk.database.write(api._add, row, "", KEY, ANONYMOUS) for row in rows), return_exceptions=True)

    return list(desk.run(go()))


def test_one_key_many_times(desk: Desk) -> None:
    """A key that a token has, or is given by another process at the same time, could be our own fault."""
    (row,) = make_tokens(desk, 1)
    added = add(desk, [row] * 8)
    assert [type(one) for one in added] == [signing_keys.KeyRow] * 8 and len({one.id for one in added}) == 1


def test_one_key_for_two_tokens(desk: Desk) -> None:
    """A narrow token could take over what another token of its user signs, by registering the same key."""
    first, second, third = make_tokens(desk, 3)
    outcomes = add(desk, [first, second, third])
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "Conflict", "KeyRow"]
    (holder,) = [one.token for one in outcomes if isinstance(one, signing_keys.KeyRow)]
    desk.write(tokens.revoke_token, holder, now())
    other = second if holder == first.id else first
    assert isinstance(add(desk, [other])[0], signing_keys.KeyRow)
