"""Moving a group below another, or to the top (core API 7.1)."""

from __future__ import annotations

from typing import Any

from stand import MAINTAINER, OWNER, Stand


def test_a_group_moves_with_everything_below_it(api: Any, stand: Stand) -> None:
    """Packages would be lost on the way, old addresses would break, or members of the old parent would keep what they had through it."""
    old, new = stand.make_group(), stand.make_group()
    inner = api.call("POST", "/groups", {"name": "Inner", "path": "inner", "parent_id": old["id"]}).expect(201).json()
    project = stand.make_project(inner)
    api.publish(project)
    before, after = stand.make_member(old, OWNER), stand.make_member(new, MAINTAINER)
    path = f"/groups/{inner['id']}/transfer"
    api.get(f"/projects/{project['id']}/packages", before).expect(200)
    api.get(f"/projects/{project['id']}/packages", after).expect(404)
    moved = api.call("POST", path, {"group_id": new["id"]}).expect(201).json()
    assert (moved["full_path"], moved["parent_id"]) == (f"{new['path']}/inner", new["id"])
    assert len(api.get(f"/projects/{new['path']}%2Finner%2F{project['path']}/packages").expect(200).json()) == 1
    assert api.get(f"/projects/{old['path']}%2Finner%2F{project['path']}").status in (200, 301)
    api.get(f"/projects/{project['id']}/packages", before).expect(404)
    api.get(f"/projects/{project['id']}/packages", after).expect(200)


def test_a_group_moves_to_the_top_and_back(api: Any, stand: Stand) -> None:
    """What was inherited at the old place would go on being inherited at the top."""
    parent = stand.make_group()
    name = f"{parent['path']}-inner"
    inner = api.call("POST", "/groups", {"name": "Inner", "path": name, "parent_id": parent["id"]}).expect(201).json()
    member = stand.make_member(parent, MAINTAINER)
    api.get(f"/groups/{inner['id']}", member).expect(200)
    moved = api.call("POST", f"/groups/{inner['id']}/transfer", {}).expect(201).json()
    assert (moved["full_path"], moved["parent_id"]) == (name, None)
    api.get(f"/groups/{inner['id']}", member).expect(404)
    api.call("POST", f"/groups/{inner['id']}/transfer", {}).expect(400)
    back = api.call("POST", f"/groups/{inner['id']}/transfer", {"group_id": parent["id"]}).expect(201).json()
    assert back["full_path"] == f"{parent['path']}/{name}"
    api.get(f"/groups/{inner['id']}", member).expect(200)


def test_where_a_group_may_not_go(api: Any, stand: Stand) -> None:
    """A group would end up below itself, in the hands of who may not, or more visible than what holds it."""
    group, other = stand.make_group(visibility="public"), stand.make_group()
    below = api.call("POST", "/groups", {"name": "b", "path": "b", "parent_id": group["id"]}).expect(201).json()
    path = f"/groups/{group['id']}/transfer"
    api.call("POST", path, {"group_id": below["id"]}).expect(400)
    api.call("POST", path, {"group_id": group["id"]}).expect(400)
    api.call("POST", path, {"group_id": other["id"]}).expect(400)
    api.call("POST", path, {"group_id": 10**9}).expect(404)
    api.call("POST", path, {"group_id": other["id"]}, stand.make_member(group, MAINTAINER)).expect(403)
    api.call("POST", path, {"group_id": other["id"]}, stand.make_member(group, OWNER)).expect(404)
