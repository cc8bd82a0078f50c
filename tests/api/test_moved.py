"""Old paths lead on (core API section 1)."""

from __future__ import annotations

from typing import Any

from stand import GUEST, REPORTER, Stand, new_name


def test_an_old_path_leads_to_the_number(api: Any, stand: Stand) -> None:
    """An old path is lost, leads a stranger on, or leads on what changes something."""
    group = stand.make_group()
    project = stand.make_project(group, "tool")
    api.publish(project)
    reporter, stranger = stand.make_member(group, REPORTER), stand.make_personal_token(stand.make_user())
    guest = stand.make_member(project, GUEST, where="projects")
    api.call("PUT", f"/groups/{group['id']}", {"path": new_name("renamed")}).expect(200)
    base, old = f"{stand.url}/api/v4/projects/{project['id']}", f"/projects/{group['path']}%2Ftool"
    for tail in ("", "/packages?per_page=1&sort=asc", "/packages/generic/tool/1.0/f.txt"):
        assert api.get(old + tail, reporter).expect(301).headers["location"] == base + tail
    assert api.get(f"/groups/{group['path'].upper()}", reporter).expect(301).headers["location"] == f"{stand.url}/api/v4/groups/{group['id']}"
    api.get(old, stranger).expect(404)
    api.get(old, None).expect(404)
    api.get(f"{old}/packages/generic/tool/1.0/f.txt", None).expect(401)
    api.get(f"{old}/packages", guest).expect(404)
    api.get(f"/groups/{group['path']}%2Ftool", reporter).expect(404)
    api.call("PUT", old, {"name": "x"}).expect(404)
    api.call("DELETE", old).expect(404)
