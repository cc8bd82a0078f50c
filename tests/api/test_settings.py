"""Settings of the instance and of groups, and what the instance says it is (core API section 11)."""

from __future__ import annotations

from typing import Any

import pytest
from stand import ADMIN_TOKEN, MAINTAINER, OWNER, READ, WRITE, Stand


def test_version_and_metadata(api: Any, stand: Stand) -> None:
    """Clients cannot ask for the version, or everybody can."""
    login = stand.make_personal_token(stand.make_user(), ("read_user",))
    assert api.get("/version", login).expect(200).json()["version"][0].isdigit()
    assert api.get("/metadata").expect(200).json()["enterprise"] is False
    for path in ("/version", "/metadata"):
        api.get(path, None).expect(401)


def test_instance_settings(api: Any, stand: Stand, switch: Any) -> None:
    """A setting is not kept, a wrong value is taken, or others than administrators see or change them."""
    assert switch(container_registry_token_expire_delay=9)["container_registry_token_expire_delay"] == 9
    assert api.get("/application/settings").json()["container_registry_token_expire_delay"] == 9
    api.call("PUT", "/application/settings", {"container_registry_token_expire_delay": "many"}).expect(400)
    api.call("PUT", "/application/settings", {"packages_enabled": "perhaps"}).expect(400)
    login = stand.make_personal_token(stand.make_user())
    for who, status in ((login, 403), (None, 401)):
        api.get("/application/settings", who).expect(status)
        api.call("PUT", "/application/settings", {}, who).expect(status)
        api.get("/application/plan_limits", who).expect(status)
    assert api.get("/application/plan_limits").json()["generic_max_file_size"] > 0


def test_packages_switched_off(api: Any, stand: Stand, switch: Any) -> None:
    """With the registry of the instance off, packages are read or published, or other things are closed."""
    project = stand.make_project()
    package = api.publish(project)
    token = stand.make_deploy_token(project, (READ, WRITE))
    switch(packages_enabled=False)
    base = f"/projects/{project['id']}/packages"
    for path in (base, f"{base}/{package['id']}", f"/groups/{stand.make_group()['id']}/packages", f"{base}/generic/tool/1.0/f.txt"):
        api.get(path).expect(403)
    stand.http.put(f"/api/v4{base}/generic/a/1/f", b"x", {"Deploy-Token": token.token}).expect(403)
    api.get(f"/projects/{project['id']}").expect(200)
    switch(packages_enabled=True)
    api.get(base).expect(200)


def test_duplicates_of_a_group(api: Any, stand: Stand) -> None:
    """Allowing duplicates in a top group does not allow them in its projects, or an exception does not hold."""
    group = stand.make_group()
    project = stand.make_project(stand.make_group("inner", parent_id=group["id"]))
    settings = f"/groups/{group['id']}/-/package_settings"
    assert api.get(settings).json()["generic_duplicates_allowed"] is False

    def publish(name: str, body: bytes) -> int:
        return stand.http.put(f"/api/v4/projects/{project['id']}/packages/generic/{name}/1.0/f", body, {"PRIVATE-TOKEN": ADMIN_TOKEN}).status

    assert (publish("a", b"1"), publish("a", b"2")) == (201, 400)
    shown = api.call("PUT", settings, {"generic_duplicates_allowed": True, "generic_duplicate_exception_regex": "fixed.*"}).expect(200).json()
    assert (shown["generic_duplicates_allowed"], shown["maven_duplicates_allowed"]) == (True, False)
    assert (publish("a", b"2"), publish("fixed-1", b"1"), publish("fixed-1", b"2")) == (201, 201, 400)
    assert api.get(f"/groups/{group['path']}%2Finner/-/package_settings").json() == shown
    api.call("PUT", f"/groups/{group['path']}%2Finner/-/package_settings", {}).expect(400)


@pytest.mark.parametrize("data", [{"generic_duplicate_exception_regex": "("}, {"generic_duplicates_allowed": "x"},
                                  {"maven_duplicate_exception_regex": "a" * 256}])  # fmt: skip
def test_bad_package_settings(api: Any, stand: Stand, data: dict[str, Any]) -> None:
    """A package setting takes what it cannot mean."""
    assert "error" in api.call("PUT", f"/groups/{stand.make_group()['id']}/-/package_settings", data).expect(400).json()


def test_package_settings_are_for_owners(api: Any, stand: Stand) -> None:
    """A maintainer reads or changes the package settings of a group, or forwarding cannot be unset."""
    group = stand.make_group()
    maintainer, owner = stand.make_member(group, MAINTAINER), stand.make_member(group, OWNER)
    path = f"/groups/{group['id']}/-/package_settings"
    api.get(path, maintainer).expect(403)
    api.call("PUT", path, {"npm_package_requests_forwarding": True}, maintainer).expect(403)
    assert api.call("PUT", path, {"npm_package_requests_forwarding": True}, owner).json()["npm_package_requests_forwarding"] is True
    assert api.call("PUT", path, {"npm_package_requests_forwarding": None}, owner).json()["npm_package_requests_forwarding"] is None
    assert api.get(path, owner).json()["npm_package_requests_forwarding_locked"] is False
