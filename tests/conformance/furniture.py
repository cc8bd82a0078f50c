"""People, places and tokens of a test, put straight into the database: fast, and without the REST API that other suites test."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select, update

from packhouse.auth.passwords import hash_password
from packhouse.auth.tokens import hash_token, make_token
from packhouse.db import members, places, tokens, users
from packhouse.db.engine import now, open_database
from packhouse.db.tables import file, generation, shelf, shelf_state, version
from packhouse.model import Visibility
from packhouse.upstream.secrets import SecretBox

from .driver import ALL, find_driver

T = TypeVar("T")

YEAR = 365 * 86400 * 1_000_000
PRIVATE, INTERNAL, PUBLIC = Visibility.PRIVATE, Visibility.INTERNAL, Visibility.PUBLIC
GUEST, PLANNER, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 15, 20, 30, 40, 50
READ, WRITE, REMOVE = "read_package_registry", "write_package_registry", "delete_package_registry"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and a secret."""

    user: str
    secret: str
    id: int = 0


class Furniture:
    """Adds to the database of a server that is running."""

    def __init__(self, url: str, data: Path) -> None:
        self._runner = asyncio.Runner()
        self._box = SecretBox(data / "keys" / "shelves")
        self._database = open_database(url, data)
        self._runner.run(self._database.start())

    def close(self) -> None:
        self._runner.run(self._database.close())
        self._runner.close()

    def write(self, change: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """The change, in a transaction of its own."""
        return self._runner.run(self._database.write(change, *args, **kwargs))

    def read(self, query: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        return self._runner.run(self._database.read(query, *args, **kwargs))

    # -- places ------------------------------------------------------------------------------------------------------

    def group(self, visibility: int = PUBLIC, parent: int | None = None, path: str = "") -> int:
        """A new group."""
        return self._furnish(self.write(_add_place, "group", path or _name("group"), parent, visibility, "enabled"))

    def project(self, visibility: int = PRIVATE, parent: int | None = None, access: str = "enabled") -> int:
        """A new project, in a group of its own where none is given."""
        if parent is None:
            parent = self.group(visibility)
        return self._furnish(self.write(_add_place, "project", _name("project"), parent, visibility, access))

    def _furnish(self, place: int) -> int:
        """What clients of a format set up before they publish: its driver's `furnish(connection, box, place)`."""
        for name in ALL:
            if furnish := getattr(find_driver(name), "furnish", None):
                self.write(furnish, self._box, place)
        return place

    def change_place(self, place: int, **values: Any) -> None:
        self.write(places.update_place, place, **values)

    def path_of(self, place: int) -> str:
        found = self.read(places.get_place, place)
        assert found is not None
        return found.full_path

    def age(self, project: int, seconds: int) -> None:
        """Everything in the project happened so many seconds earlier: a test need not wait."""
        self.write(_age, project, seconds * 1_000_000)

    # -- people and tokens -------------------------------------------------------------------------------------------

    def user(self, *, kind: str = "human", external: bool = False, admin: bool = False, password: str | None = None) -> Login:
        """A new user, a member of nothing."""
        name = _name("user")
        hashed = hash_password(password) if password else None
        id_ = self.write(
            users.add_user,
            username=name,
            name=name,
            email=f"{name}@mail.example",
            password=hashed,
            at=now(),
            kind=kind,
            admin=admin,
            external=external,
        )
        return Login(name, password or "", id_)

    def join(self, place: int, user: Login, level: int) -> None:
        """Make the user a member."""
        self.write(members.set_member, place, user.id, level, None, now())

    def owner_of(self, token: Login) -> Login:
        """The user of a token."""
        row = self.read(users.find_user, token.user)
        assert row is not None
        return Login(row.username, "", row.id)

    def end_membership(self, place: int, user: Login) -> None:
        """The membership expired a second ago."""
        self.write(members.update_member, place, user.id, expires=now() - 1_000_000)

    def block(self, user: Login) -> None:
        self.write(users.update_user, user.id, state="blocked")

    def revoke(self, token: Login) -> None:
        self.write(tokens.revoke_token, token.id, now())

    def token(self, user: Login, scopes: Sequence[str] = ("api",), *, expires: int | None = None, revoked: bool = False) -> Login:
        """A personal access token."""
        return self._token("personal", user, None, scopes, expires, revoked)

    def member(self, place: int, level: int, scopes: Sequence[str] = ("api",)) -> Login:
        """A personal access token of a new user with this role."""
        user = self.user()
        self.join(place, user, level)
        return self.token(user, scopes)

    def bot_token(self, place: int, kind: str, level: int, scopes: Sequence[str] = ("api",)) -> Login:
        """A project's or group's access token."""
        bot = self.user(kind="bot")
        self.join(place, bot, level)
        return self._token(kind, bot, place, scopes)

    def deploy_token(self, place: int, *scopes: str, expires: int | None = None, revoked: bool = False) -> Login:
        """A deploy token of a project or group."""
        return self._token("deploy", None, place, scopes, expires, revoked)

    def session(self, user: Login) -> str:
        """The cookie value of a session."""
        secret = make_token("session")
        self.write(users.add_session, hash_token(secret), user.id, "csrf", now())
        return secret

    def _token(
        self, kind: str, user: Login | None, place: int | None, scopes: Sequence[str], expires: int | None = None, revoked: bool = False
    ) -> Login:
        secret = make_token(kind)
        at = now()
        id_ = self.write(
            tokens.add_token, kind=kind, hash_=hash_token(secret), user_id=user.id if user else None, place_id=place, name="test", scopes=scopes,
            at=at, expires=at + YEAR if expires is None else expires, creator_id=None,
        )  # fmt: skip
        if revoked:
            self.write(tokens.revoke_token, id_, at)
        row = self.read(tokens.get_token, id_)
        assert row is not None
        return Login(user.user if user else row.username, secret, id_)


def _add_place(connection: Connection, kind: str, path: str, parent: int | None, visibility: int, access: str) -> int:
    above = places.get_place(connection, parent) if parent is not None else None
    return places.add_place(
        connection, kind=kind, path=path, name=path, parent=above, visibility=int(visibility), description="", creator_id=None, at=now(),
        packages_access=access,
    )  # fmt: skip


def _age(connection: Connection, project: int, by: int) -> None:
    for table, column in ((generation, generation.c.moved_at), (version, version.c.created), (file, file.c.created)):
        connection.execute(update(table).where(table.c.project_id == project).values({column: column - by}))
    here = select(shelf.c.id).where(shelf.c.place_id == project)
    connection.execute(update(shelf_state).where(shelf_state.c.shelf_id.in_(here)).values(since=shelf_state.c.since - by))


def _name(kind: str) -> str:
    return f"{kind}-{next(_numbers)}-{secrets.token_hex(3)}"
