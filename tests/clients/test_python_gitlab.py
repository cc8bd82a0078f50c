"""python-gitlab against a running server: the REST API as its users script it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from programs import Desk
from stand import ADMIN_TOKEN, DEVELOPER, GUEST, MAINTAINER, REPORTER, Stand, Team, new_name

gitlab = pytest.importorskip("gitlab", reason="python-gitlab is not installed")


def sign_in(stand: Stand, token: str = ADMIN_TOKEN) -> Any:
    """A session of python-gitlab."""
    return gitlab.Gitlab(stand.url, private_token=token, retry_transient_errors=False, keep_base_url=True)


@pytest.fixture(name="root")
def sign_in_as_root(stand: Stand, desk: Desk) -> Iterator[Any]:
    """root's session."""
    desk.note("python-gitlab")
    with sign_in(stand) as session:
        yield session


@pytest.fixture(name="project")
def fill_project(root: Any, team: Team, stand: Stand) -> Any:
    """A project with five generic packages, published by its deploy token."""
    for name, version in (("beta", "1.0"), ("alpha", "2.0"), ("alpha", "1.0"), ("gamma-alpha", "3.0"), ("delta", "1.0")):
        path = f"/api/v4/projects/{team.project['id']}/packages/generic/{name}/{version}/file.txt"
        stand.http.put(path, f"{name} {version}".encode(), {"Deploy-Token": team.writer.token}).expect(201)
    return root.projects.get(team.project["path_with_namespace"])


def names(packages: Any) -> list[tuple[str, str]]:
    return [(package.name, package.version) for package in packages]


def test_signs_in(root: Any, stand: Stand, team: Team) -> None:
    """`auth()` fails, does not tell who one is, or lets a wrong token in."""
    root.auth()
    assert root.user.username == "root"
    assert root.version()[0][0].isdigit()
    with sign_in(stand, team.reporter.token) as reporter:
        reporter.auth()
        assert reporter.user.username == team.reporter.user
    with sign_in(stand, "phpat_not_a_token") as nobody, pytest.raises(gitlab.GitlabAuthenticationError):
        nobody.auth()


def test_lists_filters_and_sorts(project: Any) -> None:
    """A filter or an order of the package list does not hold."""
    assert len(project.packages.list(get_all=True)) == 5
    assert names(project.packages.list(package_name="ALPHA", order_by="name", sort="asc", get_all=True)) == [
        ("alpha", "2.0"), ("alpha", "1.0"), ("gamma-alpha", "3.0"),
    ]  # fmt: skip
    assert names(project.packages.list(package_name="alpha", package_version="1.0", get_all=True)) == [("alpha", "1.0")]
    assert [package.version for package in project.packages.list(order_by="version", sort="desc", get_all=True)][:2] == ["3.0", "2.0"]
    created = [package.created_at for package in project.packages.list(order_by="created_at", sort="desc", get_all=True)]
    assert created == sorted(created, reverse=True)
    assert project.packages.list(package_type="npm", get_all=True) == []
    with pytest.raises(gitlab.GitlabListError) as refused:
        project.packages.list(order_by="bogus", get_all=True)
    assert refused.value.response_code == 400


def test_pages(project: Any) -> None:
    """Paging loses, repeats or reorders packages, or counts them wrongly."""
    pages = project.packages.list(per_page=2, iterator=True)

    assert (pages.total, pages.total_pages, pages.per_page, pages.current_page) == (5, 3, 2, 1)
    listed = [package.id for package in pages]
    assert listed == sorted(listed)
    assert listed == [package.id for package in project.packages.list(get_all=True)]
    assert [package.id for package in project.packages.list(page=2, per_page=2)] == listed[2:4]
    assert project.packages.list(page=9, per_page=2) == []


def test_reads_files_and_downloads(project: Any, tmp_path: Path) -> None:
    """The files of a package, their digests or their bytes are not what was published."""
    package = project.packages.list(package_name="delta", get_all=True)[0]
    [file] = project.packages.get(package.id).package_files.list(get_all=True)

    assert (file.file_name, file.size, len(file.file_sha256)) == ("file.txt", 9, 64)
    assert project.generic_packages.download("delta", "1.0", "file.txt") == b"delta 1.0"


def test_uploads(project: Any, tmp_path: Path) -> None:
    """python-gitlab's own upload of a generic package fails."""
    (tmp_path / "tool.bin").write_bytes(b"\0tool")

    project.generic_packages.upload("tool", "1.0", "tool.bin", path=str(tmp_path / "tool.bin"))

    assert project.generic_packages.download("tool", "1.0", "tool.bin") == b"\0tool"


def test_deletes_files_and_packages(project: Any, stand: Stand, team: Team) -> None:
    """Deleting leaves the thing, takes another with it, or is open to a developer."""
    first, second = project.packages.list(package_name="alpha", order_by="created_at", get_all=True)[:2]
    [file] = first.package_files.list(get_all=True)
    with sign_in(stand, team.developer.token) as developer, pytest.raises(gitlab.GitlabDeleteError) as refused:
        developer.projects.get(project.id).packages.delete(first.id)
    assert refused.value.response_code == 403

    with sign_in(stand, team.maintainer.token) as maintainer:
        theirs = maintainer.projects.get(project.id).packages
        theirs.get(first.id).package_files.delete(file.id)
        theirs.delete(second.id)

    assert len(project.packages.list(get_all=True)) in (3, 4)  # a package without files may stay listed
    with pytest.raises(gitlab.GitlabGetError) as gone:
        project.packages.get(second.id)
    assert gone.value.response_code == 404
    with pytest.raises(gitlab.GitlabDeleteError) as again:
        project.packages.delete(second.id)
    assert again.value.response_code == 404


def test_lists_packages_of_a_group(root: Any, project: Any, team: Team, stand: Stand) -> None:
    """The list of a group lacks a project's packages, or shows those of a project one may not read."""
    other = stand.make_project(team.group)
    stand.http.put(f"/api/v4/projects/{other['id']}/packages/generic/other/1.0/f", b"x", {"PRIVATE-TOKEN": ADMIN_TOKEN}).expect(201)
    outsider = stand.make_member(other, REPORTER, where="projects")

    packages = root.groups.get(team.group["full_path"]).packages.list(get_all=True)

    assert len(packages) == 6
    assert {package.project_path for package in packages} == {project.path_with_namespace, other["path_with_namespace"]}
    with sign_in(stand, outsider.token) as session:
        assert [package.name for package in session.groups.get(team.group["id"], lazy=True).packages.list(get_all=True)] == ["other"]


def test_delete_path_is_for_those_who_may(project: Any, stand: Stand, team: Team) -> None:
    """A developer is offered a delete link, or a maintainer is not."""
    package = project.packages.list(get_all=True)[0]
    with sign_in(stand, team.developer.token) as developer, sign_in(stand, team.maintainer.token) as maintainer:
        assert "delete_api_path" not in developer.projects.get(project.id).packages.get(package.id)._links
        links = maintainer.projects.get(project.id).packages.get(package.id)._links
    assert links["delete_api_path"] == f"{stand.url}/api/v4/projects/{project.id}/packages/{package.id}"
    assert links["web_path"] == f"/{project.path_with_namespace}/-/packages/{package.id}"


def test_makes_and_changes_groups_and_projects(root: Any) -> None:
    """A group or project cannot be made, found, changed or deleted."""
    group = root.groups.create({"name": "Outer", "path": new_name("outer"), "visibility": "internal"})
    inner = root.groups.create({"name": "Inner", "path": "inner", "parent_id": group.id, "visibility": "private"})
    project = root.projects.create({"name": "Tools", "path": "tools", "namespace_id": inner.id, "visibility": "private"})

    assert inner.full_path == f"{group.path}/inner"
    assert root.projects.get(f"{group.path}/inner/tools").id == project.id
    assert [found.id for found in root.groups.get(group.id).subgroups.list(get_all=True)] == [inner.id]
    assert [found.id for found in root.groups.get(inner.id).projects.list(get_all=True)] == [project.id]
    assert project.id in [found.id for found in root.projects.list(search="tools", get_all=True)]

    project.description = "What we share"
    project.save()
    assert root.projects.get(project.id).description == "What we share"
    with pytest.raises(gitlab.GitlabCreateError) as taken:
        root.projects.create({"name": "Tools", "path": "tools", "namespace_id": inner.id})
    assert taken.value.response_code == 400
    project.delete()
    with pytest.raises(gitlab.GitlabGetError):
        root.projects.get(project.id)


def test_switches_the_registry_of_a_project_off(root: Any, project: Any, stand: Stand, team: Team) -> None:
    """A project whose registry is switched off still serves packages."""
    project.package_registry_access_level = "disabled"
    project.save()

    with sign_in(stand, team.reporter.token) as reporter, pytest.raises(gitlab.GitlabGetError) as refused:
        reporter.projects.get(project.id).generic_packages.download("delta", "1.0", "file.txt")
    assert refused.value.response_code == 403


def test_manages_members(root: Any, project: Any, team: Team, stand: Stand) -> None:
    """A member cannot be added, promoted or removed, or the role does not count at once."""
    user = stand.make_user()
    login = stand.make_personal_token(user)
    with sign_in(stand, login.token) as session:
        with pytest.raises(gitlab.GitlabGetError):
            session.projects.get(project.id)
        project.members.create({"user_id": user["id"], "access_level": GUEST})
        with pytest.raises(gitlab.GitlabListError) as guest:
            session.projects.get(project.id).packages.list(get_all=True)
        assert guest.value.response_code == 403

        member = project.members.get(user["id"])
        member.access_level = DEVELOPER
        member.save()
        assert len(session.projects.get(project.id).packages.list(get_all=True)) == 5
        session.projects.get(project.id).generic_packages.upload("mine", "1.0", "f", data=b"x")

        inherited = project.members_all.list(get_all=True)
        assert {team.maintainer.user, user["username"]} <= {found.username for found in inherited}
        assert {found.access_level for found in inherited if found.username == team.maintainer.user} == {MAINTAINER}
        member.delete()
        with pytest.raises(gitlab.GitlabGetError):
            session.projects.get(project.id)


def test_manages_users(root: Any) -> None:
    """A user cannot be made, found or blocked, or a blocked user's token still works."""
    name = new_name("person")
    user = root.users.create({"username": name, "name": "A Person", "email": f"{name}@mail.example", "password": "correct-horse-9-battery"})
    assert [found.id for found in root.users.list(username=name)] == [user.id]
    token = user.personal_access_tokens.create({"name": "t", "scopes": ["api"], "expires_at": tomorrow()})
    with gitlab.Gitlab(root.url, private_token=token.token) as session:
        session.auth()
        assert session.user.id == user.id
        user.block()
        with pytest.raises(gitlab.GitlabError) as refused:
            session.auth()
        assert refused.value.response_code in (401, 403)


def tomorrow() -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).date().isoformat()


def test_personal_tokens_read_rotate_and_end(root: Any, stand: Stand, team: Team, project: Any) -> None:
    """A read-only token writes, a rotated or revoked token goes on working, or the list shows a secret."""
    user = stand.make_user()
    stand.add_member(team.group, user, DEVELOPER)
    login = stand.make_personal_token(user, ("read_api", "self_rotate"))
    with sign_in(stand, login.token) as session:
        theirs = session.projects.get(project.id)
        assert len(theirs.packages.list(get_all=True)) == 5
        with pytest.raises(gitlab.GitlabUploadError) as refused:
            theirs.generic_packages.upload("x", "1", "f", data=b"x")
        assert refused.value.response_code == 403
        token = session.personal_access_tokens.get("self")
        assert (token.user_id, token.scopes) == (user["id"], ["read_api", "self_rotate"])
        assert not hasattr(token, "token")
        new = token.rotate(self_rotate=True)
    with sign_in(stand, login.token) as old, pytest.raises(gitlab.GitlabAuthenticationError):
        old.auth()
    with sign_in(stand, new["token"]) as rotated:
        rotated.projects.get(project.id)
        rotated.personal_access_tokens.delete("self")
        with pytest.raises(gitlab.GitlabAuthenticationError):
            rotated.projects.get(project.id)


def test_project_and_group_tokens_act_with_their_role(root: Any, project: Any, team: Team, stand: Stand) -> None:
    """A project or group access token reaches more, or less, than its role in its own place."""
    ours = project.access_tokens.create({"name": "ci", "scopes": ["api"], "access_level": DEVELOPER, "expires_at": tomorrow()})
    theirs = root.groups.get(team.group["id"]).access_tokens.create(
        {"name": "ci", "scopes": ["read_api"], "access_level": REPORTER, "expires_at": tomorrow()}
    )
    elsewhere = stand.make_team().project
    for token in (ours, theirs):
        with sign_in(stand, token.token) as session:
            assert len(session.projects.get(project.id).packages.list(get_all=True)) == 5
            with pytest.raises(gitlab.GitlabGetError) as hidden:
                session.projects.get(elsewhere["id"])
            assert hidden.value.response_code == 404
    with sign_in(stand, ours.token) as session:
        session.projects.get(project.id).generic_packages.upload("ci", "1", "f", data=b"x")
    assert [token.name for token in project.access_tokens.list(get_all=True)] == ["ci"]
    project.access_tokens.delete(ours.id)
    with sign_in(stand, ours.token) as session, pytest.raises(gitlab.GitlabAuthenticationError):
        session.projects.get(project.id)


def test_deploy_tokens_reach_packages_and_no_api(root: Any, project: Any, team: Team, stand: Stand) -> None:
    """A deploy token opens the REST API, works after it was deleted, or one of a group misses its projects."""
    ours = project.deploytokens.create({"name": "d", "scopes": ["read_package_registry"]})
    theirs = root.groups.get(team.group["id"]).deploytokens.create({"name": "g", "scopes": ["read_package_registry"], "username": new_name("robot")})
    path = f"/api/v4/projects/{project.id}/packages/generic/delta/1.0/file.txt"
    for token in (ours, theirs):
        assert stand.http.get(path, {"Deploy-Token": token.token}).expect(200).body == b"delta 1.0"
        stand.http.get(f"/api/v4/projects/{project.id}/packages", {"Deploy-Token": token.token}).expect(401)
        stand.http.put(path.replace("delta", "other"), b"x", {"Deploy-Token": token.token}).expect(403)
    assert "d" in [token.name for token in project.deploytokens.list(get_all=True)]

    project.deploytokens.delete(ours.id)

    stand.http.get(path, {"Deploy-Token": ours.token}).expect(401)
