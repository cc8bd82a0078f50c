"""Who may pull through a proxy, and how everybody else is refused."""

from __future__ import annotations

import pytest
from stand import DEVELOPER, MAINTAINER, OWNER, REPORTER, Stand
from wire import Client, basic

from .conftest import Front, Group, Registry, make_group, token_of

BOTH = ("read_registry", "write_registry")
VIRTUAL = ("read_virtual_registry", "write_virtual_registry")


def pull(group: Group, login: object, path: str) -> int:
    """The status of a pull with a token for this login; that of the token service where it gives none."""
    with Client(group.stand.url) as client:
        got = client.get("/jwt/auth?service=dependency_proxy", basic(login.user, login.token))  # type: ignore[attr-defined]
    return group.get(path, headers=token_of(group.stand, login)).status if got.status == 200 else got.status  # type: ignore[arg-type]


@pytest.mark.parametrize("visibility", ["private", "internal", "public"])
def test_members_only(house: Stand, registry: Registry, front: Front, visibility: str) -> None:
    """A guest could not pull, or somebody who is no member could, from a group of whatever visibility."""
    image = registry.push()
    group = make_group(house, front, visibility)
    path = f"{image.name}/manifests/1"
    sub = house.make_group(parent_id=group.group["id"], visibility=visibility)
    assert pull(group, group.guest, path) == 200
    assert pull(group, house.make_member(group.group, REPORTER), path) == 200
    assert pull(group, house.make_member(group.group, OWNER), path) == 200
    assert pull(group, house.make_personal_token(house.make_user()), path) == 404
    assert pull(group, house.make_member(sub, OWNER), path) == 404
    anonymous = group.get(path, headers={}).expect(401)
    assert anonymous.headers["WWW-Authenticate"] == f'Bearer realm="{house.url}/jwt/auth",service="dependency_proxy"'
    assert group.get(path, headers=basic(group.guest.user, group.guest.token)).status == 200


def test_members_above(house: Stand, registry: Registry, front: Front) -> None:
    """A member of a group could not pull through the proxy of a group below it."""
    image = registry.push()
    top = house.make_group()
    sub = house.make_group(parent_id=top["id"])
    house.want(200, "PUT", f"/groups/{sub['id']}/dependency_proxy", {"upstream_url": front.url})
    member = house.make_member(top, DEVELOPER)
    group = Group(house, {**sub, "path": sub["full_path"]}, member, front, token_of(house, member))
    assert group.manifest(image).expect(200).body == image.manifest


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (("api",), 200), (BOTH, 200), (VIRTUAL, 200), (("read_registry",), 403), (("write_registry",), 403), (("read_api",), 403),
        (("read_virtual_registry",), 403), (("read_user",), 403),
    ],
)  # fmt: skip
def test_scopes_of_personal_tokens(group: Group, registry: Registry, scopes: tuple[str, ...], status: int) -> None:
    """A personal token would pull with too few scopes, or not with enough of them."""
    image = registry.push()
    user = group.stand.make_user()
    group.stand.add_member(group.group, user, REPORTER)
    assert pull(group, group.stand.make_personal_token(user, scopes), f"{image.name}/manifests/1") == status


def test_deploy_tokens(house: Stand, group: Group, registry: Registry) -> None:
    """A deploy token would pull for a group that it does not belong to, or with too few scopes."""
    image = registry.push()
    path = f"{image.name}/manifests/1"
    project = house.make_project(group.group)
    assert pull(group, house.make_deploy_token(group.group, BOTH, "groups"), path) == 200
    assert pull(group, house.make_deploy_token(group.group, VIRTUAL, "groups"), path) == 200
    assert pull(group, house.make_deploy_token(group.group, ("read_registry",), "groups"), path) == 403
    assert pull(group, house.make_deploy_token(house.make_group(), BOTH, "groups"), path) == 404
    assert pull(group, house.make_deploy_token(project, BOTH), path) == 404


def test_robots_of_groups_and_projects(house: Stand, group: Group, registry: Registry) -> None:
    """The token of a group could not pull, or that of a project could."""
    image = registry.push()
    path = f"{image.name}/manifests/1"
    project = house.make_project(group.group)
    data = {"name": "robot", "scopes": list(BOTH), "access_level": REPORTER, "expires_at": "2027-06-01"}
    of_group = house.want(201, "POST", f"/groups/{group.group['id']}/access_tokens", data)
    of_project = house.want(201, "POST", f"/projects/{project['id']}/access_tokens", data)
    assert group.get(path, headers=basic("robot", of_group["token"])).status == 200
    assert group.get(path, headers=basic("robot", of_project["token"])).status == 404


def test_revoked_is_revoked(house: Stand, group: Group, registry: Registry) -> None:
    """A registry token would outlive the token or the membership that it was given for."""
    image = registry.push()
    path = f"{image.name}/manifests/1"
    user = house.make_user()
    house.add_member(group.group, user, REPORTER)
    headers = token_of(house, house.make_personal_token(user))
    assert group.get(path, headers=headers).status == 200
    house.want(204, "DELETE", f"/groups/{group.group['id']}/members/{user['id']}")
    assert group.get(path, headers=headers).status == 404


def test_nothing_is_pushed(group: Group, registry: Registry) -> None:
    """Something could be pushed into a proxy, deleted from it or listed in it."""
    image = registry.push()
    owner = group.stand.make_member(group.group, OWNER)
    headers = token_of(group.stand, owner)
    for method, path in (
        ("PUT", f"{image.name}/manifests/1"), ("DELETE", f"{image.name}/manifests/1"), ("POST", f"{image.name}/blobs/uploads/"),
        ("PATCH", f"{image.name}/blobs/uploads/x"), ("PUT", f"{image.name}/blobs/uploads/x"), ("DELETE", f"{image.name}/blobs/{image.layer_digest}"),
        ("GET", f"{image.name}/tags/list"), ("GET", f"{image.name}/referrers/{image.digest}"),
    ):  # fmt: skip
        assert group.get(path, method, headers).status == 404, (method, path)
    assert group.front.seen == []


def test_projects_have_no_proxy(house: Stand, group: Group) -> None:
    """The path of a project or of nothing would lead to a proxy, or be told apart."""
    project = house.make_project(group.group)
    for path in (project["path_with_namespace"], "nowhere", f"{group.group['path']}/nowhere"):
        with Client(house.url) as client:
            assert client.get(f"/v2/{path}/dependency_proxy/containers/a/manifests/1", dict(group.headers)).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "UPPER/manifests/1",
        "a/manifests/sha256:1",
        "a/blobs/latest",
        "a/blobs/md5:00",
        "a/../b/manifests/1",
        "a/manifests/x%3Fy",
        "a/manifests/b%2Fc",
        "a/manifests/-1",
        "a/manifests/x%23",
        "a/manifests/" + "x" * 129,
    ],
)
def test_names_are_checked_here(group: Group, path: str) -> None:
    """A name outside of the grammar would be sent to the upstream."""
    assert group.get(path).status in (400, 404)
    assert group.front.seen == []


def test_maintainers_settings(house: Stand, group: Group) -> None:
    """Somebody who is no owner could read or change a proxy's settings, or empty it."""
    maintainer, stranger = house.make_member(group.group, MAINTAINER), house.make_personal_token(house.make_user())
    for method, path in (("GET", group.api), ("PUT", group.api), ("DELETE", f"{group.api}/cache")):
        assert house.api(method, path, {} if method == "PUT" else None, token=maintainer.token).status == 403
        assert house.api(method, path, {} if method == "PUT" else None, token=stranger.token).status == 404
        assert house.api(method, path, {} if method == "PUT" else None, token=None).status in (401, 404)
