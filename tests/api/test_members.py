"""Members of projects and groups (core API 7.4)."""

from __future__ import annotations

import datetime
from typing import Any

from stand import DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER, Stand


def day(offset: int) -> str:
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=offset)).isoformat()


def test_a_member_from_end_to_end(api: Any, stand: Stand) -> None:
    """A member cannot be added, read, changed or removed, or the object lacks a field."""
    project = stand.make_project()
    user = stand.make_user()
    login = stand.make_personal_token(user)
    base = f"/projects/{project['id']}/members"
    made = api.call("POST", base, {"username": user["username"].upper(), "access_level": DEVELOPER, "expires_at": day(9)}).expect(201).json()
    assert {"id", "username", "name", "state", "avatar_url", "web_url", "access_level", "created_at", "expires_at"} <= set(made)
    assert (made["id"], made["access_level"], made["expires_at"]) == (user["id"], DEVELOPER, day(9))
    assert api.get(f"{base}/{user['id']}").json() == made
    api.call("POST", base, {"user_id": user["id"], "access_level": GUEST}).expect(409)
    changed = api.call("PUT", f"{base}/{user['id']}", {"access_level": GUEST, "expires_at": None}).expect(200).json()
    assert (changed["access_level"], changed["expires_at"]) == (GUEST, None)
    api.get(f"/projects/{project['id']}/packages", login).expect(403)
    api.call("DELETE", f"{base}/{user['id']}").expect(204)
    api.call("DELETE", f"{base}/{user['id']}").expect(404)
    api.get(f"{base}/{user['id']}").expect(404)
    api.get(f"/projects/{project['id']}", login).expect(404)


def test_bad_memberships(api: Any, stand: Stand) -> None:
    """A membership is made from a wrong level, user or day."""
    base = f"/projects/{stand.make_project()['id']}/members"
    user = stand.make_user()["id"]
    assert api.call("POST", base, {"user_id": user}).expect(400).json() == {"error": "access_level is missing"}
    assert api.call("POST", base, {"user_id": user, "access_level": 31}).expect(400).json() == {"error": "access_level does not have a valid value"}
    api.call("POST", base, {"user_id": user, "access_level": 60}).expect(400)
    api.call("POST", base, {"access_level": GUEST}).expect(400)
    api.call("POST", base, {"user_id": user, "access_level": GUEST, "expires_at": day(-1)}).expect(400)
    api.call("POST", base, {"user_id": user, "access_level": GUEST, "expires_at": "soon"}).expect(400)
    assert api.call("POST", base, {"user_id": 99999999, "access_level": GUEST}).expect(404).json() == {"message": "404 User Not Found"}


def test_several_at_once(api: Any, stand: Stand) -> None:
    """A list of users is not added whole, or one that fails is not named."""
    base = f"/groups/{stand.make_group()['id']}/members"
    first, second = stand.make_user()["id"], stand.make_user()["id"]
    assert api.call("POST", base, {"user_id": f"{first},{second}", "access_level": GUEST}).expect(201).json() == {"status": "success"}
    answer = api.call("POST", base, {"user_id": [first, 99999999], "access_level": GUEST}).expect(201).json()
    assert (answer["status"], set(answer["message"])) == ("error", {str(first), "99999999"})


def test_roles_come_from_above(api: Any, stand: Stand) -> None:
    """`all` misses a member of a group above, shows the lower of two levels, or `members` shows more than its own."""
    top = stand.make_group()
    inner = stand.make_group("inner", parent_id=top["id"])
    project = stand.make_project(inner)
    user, other = stand.make_user(), stand.make_user()
    stand.add_member(top, user, REPORTER)
    stand.add_member(project, user, MAINTAINER, where="projects")
    stand.add_member(inner, other, DEVELOPER)
    base = f"/projects/{project['id']}/members"
    everybody = {row["id"]: row["access_level"] for row in api.get(f"{base}/all?per_page=100").json()}
    assert (everybody[user["id"]], everybody[other["id"]]) == (MAINTAINER, DEVELOPER)
    assert [row["id"] for row in api.get(base).json()] == [user["id"]]
    assert api.get(f"{base}/all/{other['id']}").json()["access_level"] == DEVELOPER
    api.get(f"{base}/{other['id']}").expect(404)
    assert [row["id"] for row in api.get(f"{base}/all?query={other['username']}").json()] == [other["id"]]
    assert [row["id"] for row in api.get(f"{base}/all?user_ids[]={user['id']}").json()] == [user["id"]]
    api.call("POST", base, {"user_id": other["id"], "access_level": GUEST}).expect(400)
    api.call("POST", base, {"user_id": other["id"], "access_level": OWNER}).expect(201)


def test_nobody_grants_above_their_own_role(api: Any, stand: Stand) -> None:
    """A maintainer makes an owner, changes one, or a developer adds somebody."""
    group = stand.make_group()
    project = stand.make_project(group)
    base = f"/projects/{project['id']}/members"
    developer, maintainer = stand.make_member(group, DEVELOPER), stand.make_member(group, MAINTAINER)
    owner, user = stand.make_user(), stand.make_user()
    stand.add_member(project, owner, OWNER, where="projects")
    api.call("POST", base, {"user_id": user["id"], "access_level": GUEST}, developer).expect(403)
    api.call("POST", base, {"user_id": user["id"], "access_level": OWNER}, maintainer).expect(403)
    api.call("POST", base, {"user_id": user["id"], "access_level": MAINTAINER}, maintainer).expect(201)
    api.call("PUT", f"{base}/{user['id']}", {"access_level": OWNER}, maintainer).expect(403)
    api.call("PUT", f"{base}/{owner['id']}", {"access_level": GUEST}, maintainer).expect(403)
    api.call("DELETE", f"{base}/{owner['id']}", login=maintainer).expect(403)
    api.call("POST", f"/groups/{group['id']}/members", {"user_id": owner["id"], "access_level": GUEST}, maintainer).expect(403)


def test_everybody_may_leave_but_the_last_owner(api: Any, stand: Stand) -> None:
    """A member cannot leave, or a group is left without an owner."""
    group = stand.make_group()
    user = stand.make_user()
    stand.add_member(group, user, GUEST)
    login = stand.make_personal_token(user)
    root = api.get("/user").json()["id"]
    api.call("DELETE", f"/groups/{group['id']}/members/{root}", login=login).expect(403)
    api.call("DELETE", f"/groups/{group['id']}/members/{user['id']}", login=login).expect(204)
    api.call("DELETE", f"/groups/{group['id']}/members/{root}").expect(403)
    api.call("PUT", f"/groups/{group['id']}/members/{root}", {"access_level": GUEST}).expect(403)


def test_members_are_paged(api: Any, stand: Stand) -> None:
    """The list of members has no pages."""
    group = stand.make_group()
    stand.add_member(group, stand.make_user(), GUEST)
    answer = api.get(f"/groups/{group['id']}/members?per_page=1")
    assert (len(answer.json()), answer.headers["x-total"], answer.headers["x-next-page"]) == (1, "2", "2")
