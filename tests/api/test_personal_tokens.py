"""Personal access tokens, and what a token may do about itself (core API 8.1)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from stand import Login, Stand, new_name

FIELDS = {"id", "name", "description", "revoked", "created_at", "scopes", "user_id", "last_used_at", "active", "expires_at"}


def day(offset: int) -> str:
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=offset)).isoformat()


def make(api: Any, user: dict[str, Any], *scopes: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = (
        api.call("POST", f"/users/{user['id']}/personal_access_tokens", {"name": "t", "scopes": list(scopes), **more}).expect(201).json()
    )
    return made


def test_the_object_of_a_token(api: Any, stand: Stand) -> None:
    """The object lacks a field, a token lasts too long, or its secret is shown twice."""
    user = stand.make_user()
    made = make(api, user, "api", description="for tests")
    secret = made.pop("token")
    assert set(made) == FIELDS
    assert (made["user_id"], made["scopes"], made["active"], made["revoked"], made["expires_at"]) == (user["id"], ["api"], True, False, day(365))
    assert secret.startswith("phpat_")
    assert set(api.get(f"/personal_access_tokens/{made['id']}", secret).json()) == FIELDS
    assert make(api, user, "api", expires_at=day(30))["expires_at"] == day(30)


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": []},
        {"scopes": None},
        {"scopes": ["bogus"]},
        {"scopes": ["read_package_registry"]},
        {"name": ""},
        {"expires_at": "2001-01-01"},
        {"expires_at": day(400)},
        {"expires_at": day(0)},
        {"expires_at": "soon"},
    ],
)
def test_bad_tokens(api: Any, stand: Stand, change: dict[str, Any]) -> None:
    """A token is made without a scope, with one of another kind of token, or to last for ever."""
    root = api.get("/user").json()
    api.call("POST", f"/users/{root['id']}/personal_access_tokens", {"name": "t", "scopes": ["api"]} | change).expect(400)


def test_own_tokens_are_narrow(api: Any, stand: Stand) -> None:
    """A token mints one that may do more than it needs to, or one of another user."""
    user = stand.make_user()
    login = stand.make_personal_token(user)
    api.call("POST", "/user/personal_access_tokens", {"name": "t", "scopes": ["api"]}, login).expect(400)
    made = api.call("POST", "/user/personal_access_tokens", {"name": "t", "scopes": ["read_api", "self_rotate"]}, login).expect(201).json()
    assert made["user_id"] == user["id"]
    admin = stand.make_user(admin=True)
    plain = make(api, admin, "api")["token"]
    api.call("POST", f"/users/{user['id']}/personal_access_tokens", {"name": "t", "scopes": ["sudo"]}, plain).expect(403)


def test_lists(api: Any, stand: Stand) -> None:
    """A list of tokens shows another user's, or misses one that fits its filters."""
    mark = new_name("mark")
    user, other = stand.make_user(), stand.make_user()
    login = stand.make_personal_token(user)
    first = make(api, user, "read_api", name=f"{mark} b", expires_at=day(3))
    second = make(api, user, "read_api", name=f"{mark} a", expires_at=day(9))
    foreign = make(api, other, "read_api", name=f"{mark} other")
    api.call("DELETE", f"/personal_access_tokens/{first['id']}", login=login).expect(204)
    base = f"/personal_access_tokens?search={mark}"

    def ids(query: str, who: Login | str | None = login) -> list[int]:
        return [row["id"] for row in api.get(base + query, who).expect(200).json()]

    assert ids("&sort=name_asc") == [second["id"], first["id"]]
    assert ids("&sort=created_asc") == [first["id"], second["id"]]
    assert ids("&state=active") == ids("&revoked=false") == ids(f"&expires_after={day(5)}") == [second["id"]]
    assert ids("&state=inactive") == ids("&revoked=true") == ids(f"&expires_before={day(5)}") == [first["id"]]
    assert ids(f"&created_after={day(1)}") == []
    assert ids(f"&user_id={user['id']}&sort=created_asc") == [first["id"], second["id"]]
    api.get(f"{base}&user_id={other['id']}", login).expect(401)
    api.get(f"{base}&state=bogus", login).expect(400)
    assert foreign["id"] in [row["id"] for row in api.get(base).json()]
    assert [row["id"] for row in api.get(f"{base}&user_id={other['id']}").json()] == [foreign["id"]]
    api.get("/personal_access_tokens", None).expect(401)


def test_foreign_and_unknown_tokens(api: Any, stand: Stand) -> None:
    """A user reads, rotates or ends another's token, or can tell it from one that is not there."""
    user, other = stand.make_user(), stand.make_user()
    login, token = stand.make_personal_token(user), make(api, other, "api")
    for method, tail in (("GET", ""), ("POST", "/rotate"), ("DELETE", "")):
        for id_ in (token["id"], 99999999):
            refused = api.call(method, f"/personal_access_tokens/{id_}{tail}", login=login).expect(401)
            assert refused.json() == {"message": "401 Unauthorized"}
        api.call(method, f"/personal_access_tokens/99999999{tail}").expect(404)
    api.get("/user", token["token"]).expect(200)


def test_rotate(api: Any, stand: Stand) -> None:
    """A rotated token goes on working, or the new one is not like it."""
    user = stand.make_user()
    old = make(api, user, "api", name="keeps", description="this")
    new = api.call("POST", f"/personal_access_tokens/{old['id']}/rotate", login=old["token"]).expect(200).json()
    assert (new["name"], new["description"], new["scopes"], new["expires_at"]) == ("keeps", "this", ["api"], day(7))
    api.get("/user", old["token"]).expect(401)
    again = api.call("POST", f"/personal_access_tokens/{new['id']}/rotate", {"expires_at": day(20)}, new["token"]).expect(200).json()
    assert again["expires_at"] == day(20)
    api.call("POST", f"/personal_access_tokens/{again['id']}/rotate", {"expires_at": "2001-01-01"}, again["token"]).expect(400)
    api.get("/user", again["token"]).expect(200)


@pytest.mark.parametrize("way", ["self", "id"])
def test_rotating_an_old_value_ends_the_whole_family(api: Any, stand: Stand, way: str) -> None:
    """Who replays a rotated token learns nothing, and the token in place of it goes on working for a thief."""
    user = stand.make_user()
    keeper = stand.make_personal_token(user)
    old = make(api, user, "api")
    new = api.call("POST", "/personal_access_tokens/self/rotate", login=old["token"]).expect(200).json()
    api.get("/user", new["token"]).expect(200)
    path, login = ("/personal_access_tokens/self/rotate", old["token"]) if way == "self" else (f"/personal_access_tokens/{old['id']}/rotate", keeper)
    api.call("POST", path, login=login).expect(401)
    api.get("/user", new["token"]).expect(401)
    api.get("/user", keeper).expect(200)


def test_every_scope_may_speak_of_itself(api: Any, stand: Stand) -> None:
    """A token with a small scope cannot look itself up or end itself, or rotates without the right to."""
    user = stand.make_user()
    for scope in ("read_registry", "read_user", "read_api"):
        token = make(api, user, scope)
        assert api.get("/personal_access_tokens/self", token["token"]).expect(200).json()["id"] == token["id"]
        api.call("POST", "/personal_access_tokens/self/rotate", login=token["token"]).expect(403)
        api.call("DELETE", "/personal_access_tokens/self", login=token["token"]).expect(204)
        api.get("/personal_access_tokens/self", token["token"]).expect(401)
    rotating = make(api, user, "read_api", "self_rotate")
    new = api.call("POST", "/personal_access_tokens/self/rotate", login=rotating["token"]).expect(200).json()["token"]
    api.call("DELETE", f"/personal_access_tokens/{api.get('/personal_access_tokens/self', new).json()['id']}", login=new).expect(204)
    for login in (None, "phpat_wrong"):
        api.get("/personal_access_tokens/self", login).expect(401)


def test_self_is_for_access_tokens(api: Any, stand: Stand) -> None:
    """A deploy token or a password passes for an access token."""
    token = stand.make_deploy_token(stand.make_project())
    path = "/api/v4/personal_access_tokens/self"
    stand.http.get(path, {"Deploy-Token": token.token}).expect(401)
    stand.http.get(path, {"Authorization": f"Bearer {token.token}"}).expect(401)


def test_associations(api: Any, stand: Stand) -> None:
    """The groups and projects of a token's user are not all there, or have another level."""
    group = stand.make_group()
    project = stand.make_project(group)
    member = stand.make_member(group, 30)
    found = api.get("/personal_access_tokens/self/associations", member).expect(200).json()
    assert [(row["id"], row["access_levels"]) for row in found["groups"]] == [(group["id"], 30)]
    assert [(row["id"], row["access_levels"]) for row in found["projects"] if row["id"] == project["id"]] == [
        (project["id"], {"project_access_level": None, "group_access_level": 30})
    ]
    assert api.get("/personal_access_tokens/self/associations?min_access_level=40", member).json()["groups"] == []
