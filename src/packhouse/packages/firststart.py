"""The first start on an empty data folder: schema, the user root, and what is printed once."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection

from packhouse.auth.passwords import hash_password
from packhouse.auth.tokens import hash_token, make_token
from packhouse.db import changes, tokens, users
from packhouse.db.engine import now
from packhouse.db.migrate import migrate, one_at_a_time
from packhouse.errors import Unavailable
from packhouse.model import ANONYMOUS, Instant, Struct
from packhouse.packages.house import House

YEAR: Instant = 365 * 86400 * 1_000_000


class Secrets(Struct):
    """Shown once, stored hashed."""

    password: str
    token: str
    given: bool  # the token came with the settings


async def prepare(house: House) -> Secrets | None:
    """Bring folder, schema and first user into being; the secrets of a first start, None at every other.

    Raises `Unavailable` where folder or database cannot be used.
    """
    data = house.settings.data_path
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        house.spool.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{data} cannot be the data folder: {error.strerror}: give this user a folder of its own in PACKHOUSE_DATA") from error
    await house.database.start()
    try:
        await house.database.write(migrate)
        if await house.database.read(users.count_users):
            return None
        given = house.settings.initial_admin_token
        made = Secrets(password=secrets.token_urlsafe(15), token=given or make_token("personal"), given=bool(given))
        first = await house.database.write(_add_root, made)
        return made if first else None
    finally:
        await house.database.close()


def _add_root(connection: Connection, made: Secrets) -> bool:
    """Whether there was nobody yet: of two first starts at once, one makes the user and the other finds them."""
    one_at_a_time(connection)
    if users.count_users(connection):
        return False
    at = now()
    password = hash_password(made.password)
    user_id = users.add_user(connection, username="root", name="Administrator", email="root@localhost", password=password, at=at, admin=True)
    tokens.add_token(
        connection,
        kind="personal",
        hash_=hash_token(made.token),
        user_id=user_id,
        place_id=None,
        name="initial administration token",
        scopes=("api", "sudo"),
        at=at,
        expires=at + YEAR,
        creator_id=user_id,
    )
    changes.add_event(connection, at, "first_start", ANONYMOUS)
    return True
