"""Users (core API 7.5)."""

from __future__ import annotations

from typing import Any

import pytest
from stand import Stand, new_name

PUBLIC = {"id", "username", "name", "state", "locked", "avatar_url", "web_url"}


def new(name: str, **more: Any) -> dict[str, Any]:
    return {"username": name, "name": name, "email": f"{name}@mail.example", "password": "correct-horse-9", **more}


def test_make_find_and_sign_in(api: Any, stand: Stand) -> None:
    """A new user cannot be found or cannot sign in with the password, or the answer shows a secret."""
    name = new_name("Person")
    made = api.call("POST", "/users", new(name)).expect(201).json()
    assert (made["username"], made["state"], made["is_admin"], made["external"]) == (name, "active", False, False)
    assert not [key for key in made if "password" in key]
    assert [row["id"] for row in api.get(f"/users?username={name.lower()}", None).json()] == [made["id"]]
    login = stand.make_personal_token(made)
    shown = api.get("/user", login).expect(200).json()
    assert (shown["id"], shown["email"]) == (made["id"], f"{name}@mail.example")


def test_names_are_taken_once(api: Any, stand: Stand) -> None:
    """Two users share a name or address, or a user takes a group's path."""
    name = new_name("person")
    api.call("POST", "/users", new(name)).expect(201)
    api.call("POST", "/users", new(name.upper(), email="other@mail.example")).expect(409)
    api.call("POST", "/users", new(new_name("person"), email=f"{name.upper()}@mail.example")).expect(409)
    api.call("POST", "/users", new(stand.make_group()["path"])).expect(409)


@pytest.mark.parametrize(
    "change",
    [{"username": "-x"}, {"username": "api"}, {"username": "a b"}, {"email": "nobody"}, {"password": "short"}, {"password": None}, {"name": " "},
     {"name": "a\u0000b"}, {"username": None}, {"admin": "maybe"}],
)  # fmt: skip
def test_bad_users(api: Any, change: dict[str, Any]) -> None:
    """A user is made from something that is missing or wrong."""
    api.call("POST", "/users", new(new_name("bad")) | change).expect(400)


def test_users_are_for_administrators(api: Any, stand: Stand) -> None:
    """Somebody else makes, changes or blocks users, or reads what is not public."""
    user, other = stand.make_user(), stand.make_user()
    login = stand.make_personal_token(user)
    for method, path in (("POST", "/users"), ("POST", f"/users/{other['id']}/block"), ("POST", f"/users/{other['id']}/personal_access_tokens"),
                         ("PUT", f"/users/{user['id']}")):  # fmt: skip
        api.call(method, path, new(new_name("x")), login).expect(403)
        api.call(method, path, new(new_name("x")), None).expect(401)
    assert set(api.get(f"/users/{other['id']}", login).json()) == PUBLIC
    assert set(api.get(f"/users?username={other['username']}", None).json()[0]) == PUBLIC
    assert "email" in api.get(f"/users/{other['id']}").json()
    api.get("/users", None).expect(403)
    api.get(f"/users/{other['id']}", None).expect(401)
    api.get("/user", None).expect(401)
    assert api.get("/users/99999999").expect(404).json() == {"message": "404 User Not Found"}


def test_lists(api: Any, stand: Stand) -> None:
    """A list of users does not hold its filter, order or pages."""
    mark = new_name("mark")
    ids = [stand.make_user(f"{mark}-{letter}")["id"] for letter in "abc"]
    for id_, name in zip(ids, "zyz", strict=True):
        api.call("PUT", f"/users/{id_}", {"name": name}).expect(200)
    assert [row["id"] for row in api.get(f"/users?search={mark.upper()}").json()] == ids[::-1]
    assert [row["id"] for row in api.get(f"/users?search={mark}&order_by=username&sort=asc").json()] == ids
    api.call("POST", f"/users/{ids[1]}/block").expect(201)
    assert [row["id"] for row in api.get(f"/users?search={mark}&active=true").json()] == [ids[2], ids[0]]
    assert [row["id"] for row in api.get(f"/users?search={mark}&blocked=true").json()] == [ids[1]]
    for order in ("id", "name", "username", "created_at"):
        path: str | None = f"/users?search={mark}&pagination=keyset&order_by={order}&sort=asc&per_page=1"
        seen: list[int] = []
        while path is not None:
            answer = api.get(path).expect(200)
            seen += [row["id"] for row in answer.json()]
            link = answer.headers.get("link")
            path = link[1 : link.index(">")].removeprefix(f"{stand.url}/api/v4") if link else None
        assert seen == ([ids[1], ids[0], ids[2]] if order == "name" else ids), order


def test_a_blocked_user_is_let_in_nowhere(api: Any, stand: Stand) -> None:
    """A blocked or deactivated user's token opens something, or does not when the user is let in again."""
    user = stand.make_user()
    login = stand.make_personal_token(user)
    public = stand.make_project(stand.make_group(visibility="public"), visibility="public")
    for there, back in (("block", "unblock"), ("deactivate", "activate")):
        assert api.call("POST", f"/users/{user['id']}/{there}").expect(201).json() is True
        for path in ("/user", f"/projects/{public['id']}", f"/projects/{public['id']}/packages", "/personal_access_tokens/self"):
            api.get(path, login).expect(401)
        assert api.get(f"/users?username={user['username']}").json()[0]["state"] in ("blocked", "deactivated")
        api.call("POST", f"/users/{user['id']}/{back}").expect(201)
        api.get("/user", login).expect(200)
    root = api.get("/user").json()["id"]
    api.call("POST", f"/users/{root}/block").expect(403)
    api.call("POST", f"/users/{user['id']}/block").expect(201)
    api.call("POST", f"/users/{user['id']}/activate").expect(403)


def test_changes(api: Any, stand: Stand) -> None:
    """A change of a user is not kept, takes another's address, or lets an administrator lock themselves out."""
    user, other = stand.make_user(), stand.make_user()
    changed = api.call("PUT", f"/users/{user['id']}", {"name": "New", "email": "new@mail.example", "external": True}).expect(200).json()
    assert (changed["name"], changed["email"], changed["external"]) == ("New", "new@mail.example", True)
    api.call("PUT", f"/users/{user['id']}", {"email": f"{other['username']}@mail.example"}).expect(409)
    api.call("PUT", f"/users/{api.get('/user').json()['id']}", {"admin": False}).expect(403)


def test_sudo(api: Any, stand: Stand) -> None:
    """An administrator cannot act as another user, or somebody else can."""
    user = stand.make_user()
    login = stand.make_personal_token(user)
    assert api.get(f"/user?sudo={user['username']}").json()["id"] == user["id"]
    assert api.call("GET", "/user", headers={"Sudo": str(user["id"])}).json()["id"] == user["id"]
    api.get("/user?sudo=root", login).expect(403)
    api.get("/user?sudo=no-such-user").expect(404)
