"""The first start on an empty data folder: schema, the user root, and what is printed once."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection

from packhouse.auth.passwords import hash_password
from packhouse.auth.tokens import hash_token, make_token
from packhouse.db import changes, tokens, users
from packhouse.db.engine import now
from packhouse.db.migrate import migrate
from packhouse.model import ANONYMOUS, Instant, Struct
from packhouse.packages.house import House

YEAR: Instant = 365 * 86400 * 1_000_000


class Secrets(Struct):
    """Shown once, stored hashed."""

    password: str
    token: str
    given: bool  # the token came with the settings


async def prepare(house: House) -> Secrets | None:
    """Bring folder, schema and first user into being; the secrets of a first start, None at every other."""
    data = house.settings.data_path
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    house.spool.folder.mkdir(parents=True, exist_ok=True)
    await house.database.start()
    try:
        await house.database.write(migrate)
        if await house.database.read(users.count_users):
            return None
        given = house.settings.initial_admin_token
        made = Secrets(password=secrets.token_urlsafe(15), token=given or make_token("personal"), given=bool(given))
        await house.database.write(_add_root, hash_password(made.password), hash_token(made.token))
        return made
    finally:
        await house.database.close()


def _add_root(connection: Connection, password: str, token_hash: bytes) -> None:
    at = now()
    user_id = users.add_user(connection, username="root", name="Administrator", email="root@localhost", password=password, at=at, admin=True)
    tokens.add_token(
        connection,
        kind="personal",
        hash_=token_hash,
        user_id=user_id,
        place_id=None,
        name="initial administration token",
        scopes=("api", "sudo"),
        at=at,
        expires=at + YEAR,
        creator_id=user_id,
    )
    changes.add_event(connection, at, "first_start", ANONYMOUS)
