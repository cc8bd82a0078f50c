"""Passwords over the wire: guessed at by name or by mail it is one user, behind a proxy each client counts for itself; and what ends sessions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from wire import basic

from packhouse.db import users
from packhouse.db.engine import now

from .driver import Ask
from .furniture import Login
from .inside import Inside

PASSWORD = "correct horse battery"
WHOAMI = "/api/v4/packages/npm/-/whoami"


@pytest.fixture(scope="module", name="inside")
def run_inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """One application for the module, behind a proxy on loopback."""
    with Inside(tmp_path_factory.mktemp("passwords") / "data", trusted_proxies="127.0.0.0/8") as inside:
        yield inside


@pytest.fixture(name="bob")
def add_bob(inside: Inside) -> Login:
    """A user with a password."""
    return inside.furniture.user(password=PASSWORD)


def ask(inside: Inside, name: str, password: str, client: str) -> int:
    return inside.ask(Ask("GET", WHOAMI, headers={**basic(name, password), "x-forwarded-for": client}))[0]


def test_unknown_name_is_hashed_too(inside: Inside, bob: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names could be told from others by how long the refusal takes."""
    throttle, looks = inside.app.house.gate.throttle, []

    async def look(stored: str | None, password: str) -> bool:
        looks.append(password)
        return False

    monkeypatch.setattr(throttle, "_verify", look)
    assert [ask(inside, name, f"guess at {name}", "192.0.2.1") for name in (bob.user, "nobody-of-that-name")] == [401, 401]
    assert looks == [f"guess at {bob.user}", "guess at nobody-of-that-name"]


def test_name_and_mail_are_one_user(inside: Inside, bob: Login) -> None:
    """Who guesses at a name, in any case, and at the mail address would have ten guesses for each; others would be locked out with them."""
    names = [bob.user, bob.user.upper(), f"{bob.user}@mail.example"]
    told = [ask(inside, names[number % 3], f"guess {number}", "192.0.2.2") for number in range(11)]
    assert told == [401] * 10 + [429]
    assert ask(inside, bob.user, PASSWORD, "192.0.2.2") == 429
    assert ask(inside, bob.user, PASSWORD, "192.0.2.3") == 200


def test_stale_password_of_a_job(inside: Inside, bob: Login) -> None:
    """A job that repeats the old password would lock out the user it belongs to."""
    assert [ask(inside, bob.user, "the old one", "192.0.2.4") for _ in range(15)] == [401] * 15
    assert ask(inside, bob.user, PASSWORD, "192.0.2.4") == 200


@pytest.mark.parametrize(
    ("change", "stays"), [("admin=true", False), ("admin=false", True), ("name=Bob", True), ("password=another-password", False)]
)
def test_another_standing_ends_sessions(inside: Inside, bob: Login, change: str, stays: bool) -> None:
    """A session that was stolen before would be an administrator's after; or a new name would sign its user out."""
    furniture = inside.furniture
    admin, secret = furniture.token(furniture.user(admin=True)).secret, f"session of {bob.user}".encode()
    furniture.write(users.add_session, secret, bob.id, "csrf", now())
    headers = {"PRIVATE-TOKEN": admin, "Content-Type": "application/x-www-form-urlencoded"}
    assert inside.ask(Ask("PUT", f"/api/v4/users/{bob.id}", change.encode(), headers))[0] == 200
    assert (furniture.read(users.find_session, secret) is not None) == stays
