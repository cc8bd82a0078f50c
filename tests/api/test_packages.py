"""Lists, look-ups and deletions of packages: the black-box checklist of the contract (core API, section 12)."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import pytest
from stand import ADMIN_TOKEN, DEVELOPER, GUEST, REPORTER, Stand, Team, new_name

Json = dict[str, Any]


def names(answer: Any) -> list[str]:
    return [row["name"] for row in answer.expect(200).json()]


def test_path_and_number_are_one(api: Any, team: Team) -> None:
    """A project or group asked for by its encoded path answers otherwise than by its number."""
    api.publish(team.project)
    project, group = team.encoded_path, quote(team.group["full_path"], safe="")
    for tail in ("", "/packages", "/members/all"):
        assert api.get(f"/projects/{project}{tail}").body == api.get(f"/projects/{team.project['id']}{tail}").body
        assert api.get(f"/groups/{group}{tail}").body == api.get(f"/groups/{team.group['id']}{tail}").body
    assert api.get(f"/projects/{project.replace('%2F', '%2f').upper().replace('%2F', '%2f')}").status == 200


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_who_lists_and_who_deletes(api: Any, stand: Stand, visibility: str) -> None:
    """A cell of the contract's table of callers (2.2) has another status."""
    team = stand.make_team(visibility)
    package = api.publish(team.project)
    guest = stand.make_member(team.project, GUEST, where="projects")
    logins = {"anonymous": None, "stranger": team.stranger, "wrong": "phpat_wrong", "guest": guest, "reporter": team.reporter,
              "developer": team.developer, "reading deploy token": None}  # fmt: skip
    logins.pop("reading deploy token")
    base = f"/projects/{team.project['id']}/packages"
    hidden = {"anonymous": 404, "stranger": 404, "wrong": 401, "guest": 403, "reporter": 200, "developer": 200}
    open_ = dict.fromkeys(logins, 200) | {"wrong": 401}
    wanted = open_ if visibility == "public" else hidden
    for path in (base, f"{base}/{package['id']}", f"{base}/{package['id']}/pipelines", f"{base}/{package['id']}/package_files"):
        assert api.statuses("GET", path, logins) == wanted, path

    refused = dict.fromkeys(logins, 403) | {"wrong": 401} | ({"anonymous": 404, "stranger": 404} if visibility == "private" else {})
    assert api.statuses("DELETE", f"{base}/{package['id']}", logins) == refused
    assert api.call("DELETE", f"{base}/{package['id']}", login=team.maintainer).status == 204


def test_deploy_token_opens_format_urls_only(api: Any, stand: Stand, team: Team) -> None:
    """A deploy token reads the REST API of packages, or is refused on a format's URL."""
    api.publish(team.project)
    for headers in ({"Deploy-Token": team.reader.token}, {"Authorization": f"Bearer {team.reader.token}"}):
        stand.http.get(f"/api/v4/projects/{team.project['id']}/packages", headers).expect(401)
        stand.http.get(f"/api/v4/projects/{team.project['id']}/packages/generic/tool/1.0/f.txt", headers).expect(200)


def test_delete_then_publish_again(api: Any, team: Team) -> None:
    """A deleted version is still listed, can be deleted twice, or cannot be published again with other bytes."""
    package = api.publish(team.project)
    base = f"/projects/{team.project['id']}/packages"
    assert api.call("DELETE", f"{base}/{package['id']}", login=team.maintainer).body == b""
    api.call("DELETE", f"{base}/{package['id']}", login=team.maintainer).expect(404)
    api.get(f"{base}/{package['id']}").expect(404)
    assert names(api.get(base)) == []
    assert api.publish(team.project)["id"] != package["id"]


def test_links_are_for_those_who_may(api: Any, stand: Stand, team: Team) -> None:
    """A developer is offered deletion, a maintainer is not, or a link has the wrong form."""
    package = api.publish(team.project)
    for path in (f"/projects/{team.project['id']}/packages", f"/groups/{team.group['id']}/packages"):
        [mine] = api.get(path, team.maintainer).json()
        [theirs] = api.get(path, team.developer).json()
        assert mine["_links"] == {
            "web_path": f"/{team.project['path_with_namespace']}/-/packages/{package['id']}",
            "delete_api_path": f"{stand.url}/api/v4/projects/{team.project['id']}/packages/{package['id']}",
        }
        assert "delete_api_path" not in theirs["_links"]


@pytest.mark.parametrize("query", ["status=bogus", "package_type=bogus", "order_by=bogus", "sort=bogus", "include_versionless=bogus", "per_page=0",
                                   "per_page=x", "page=x"])  # fmt: skip
def test_bad_parameters_name_themselves(api: Any, team: Team, query: str) -> None:
    """A value outside of what is allowed is taken, or the error does not say which parameter it is."""
    for path in (f"/projects/{team.project['id']}/packages", f"/groups/{team.group['id']}/packages"):
        body = api.get(f"{path}?{query}").expect(400).json()
        assert body["error"].startswith(query.partition("=")[0])
    api.get(f"/projects/{team.project['id']}/packages?order_by=project_path").expect(400)
    api.get(f"/groups/{team.group['id']}/packages?order_by=project_path").expect(200)
    assert api.get(f"/projects/{team.project['id']}/packages?status=bogus").json() == {"error": "status does not have a valid value"}


def test_package_id_is_a_number(api: Any, team: Team) -> None:
    """A text where an id must be is looked up, or a foreign or unknown id is found."""
    base = f"/projects/{team.project['id']}/packages"
    api.get(f"{base}/abc").expect(400)
    api.get(f"{base}/99999999").expect(404)
    api.get(f"{base}/{10**30}").expect(400)


def test_ids_of_another_project_are_unknown(api: Any, stand: Stand, team: Team) -> None:
    """A package or file of one project is read or deleted through another one."""
    other = stand.make_team()
    package = api.publish(other.project)
    [file] = api.get(f"/projects/{other.project['id']}/packages/{package['id']}/package_files").json()
    own = api.publish(team.project)
    here = f"/projects/{team.project['id']}/packages"
    for path in (f"{here}/{package['id']}", f"{here}/{package['id']}/package_files", f"{here}/{own['id']}/package_files/{file['id']}/download"):
        api.get(path).expect(404)
    for path in (f"{here}/{package['id']}", f"{here}/{package['id']}/package_files/{file['id']}", f"{here}/{own['id']}/package_files/{file['id']}"):
        api.call("DELETE", path).expect(404)
    assert len(api.get(f"/projects/{other.project['id']}/packages").json()) == 1


def test_statuses_in_lists_and_look_ups(api: Any, team: Team) -> None:
    """A package in some status is shown where it must not be, or not where it must."""
    base = f"/projects/{team.project['id']}/packages"
    ids = {status: api.plant(team.project, "npm", f"in-{status}", "1.0.0", None if status == "default" else status)
           for status in ("default", "error", "hidden", "processing")}  # fmt: skip
    assert names(api.get(base)) == ["in-default", "in-error"]
    for status, id_ in ids.items():
        assert names(api.get(f"{base}?status={status}")) == [f"in-{status}"]
        assert api.get(f"{base}/{id_}").status == (200 if status == "default" else 404), status
    assert names(api.get(f"{base}?status=deprecated")) == []
    [broken] = api.get(f"{base}?status=error").json()
    assert "web_path" not in broken["_links"]


@pytest.mark.parametrize(("value", "shown"), [("true", True), ("1", True), ("false", False), ("", False), ("0", False)])
def test_versionless_packages(api: Any, team: Team, value: str, shown: bool) -> None:
    """A package without a version is listed unasked, or not when asked for, or beside a wanted version."""
    base = f"/projects/{team.project['id']}/packages"
    api.plant(team.project, "maven", "holder", "")
    api.publish(team.project)
    assert names(api.get(base)) == ["tool"]
    assert names(api.get(f"{base}?include_versionless={value}")) == (["holder", "tool"] if shown else ["tool"])
    assert names(api.get(f"{base}?include_versionless=true&package_version=1.0")) == ["tool"]
    assert [row["version"] for row in api.get(f"{base}?include_versionless=true").json()] == [None, "1.0"]


def test_terraform_modules_are_asked_for(api: Any, stand: Stand, team: Team) -> None:
    """Terraform modules are listed unasked, or their page is not the one of their registry."""
    inner = stand.make_group("inner", parent_id=team.group["id"])
    project = stand.make_project(inner, "modules")
    id_ = api.plant(project, "terraform_module", "module/local", "1.0.0")
    assert names(api.get(f"/projects/{project['id']}/packages")) == []
    [row] = api.get(f"/projects/{project['id']}/packages?package_type=terraform_module").json()
    assert row["_links"]["web_path"] == f"/{team.group['full_path']}/inner/modules/-/terraform_module_registry/{id_}"


def test_conan_has_two_names(api: Any, team: Team) -> None:
    """A Conan package is not listed under its whole recipe, or not under its bare name too."""
    id_ = api.plant(team.project, "conan", "zlib@acme/stable", "1.3.1")
    row = api.get(f"/projects/{team.project['id']}/packages/{id_}").json()
    assert (row["name"], row["conan_package_name"], row["version"]) == ("zlib/1.3.1@acme/stable", "zlib", "1.3.1")


def test_the_object_of_a_manual_publish(api: Any, team: Team) -> None:
    """A field of the package object is missing, has another form, or a pipeline is invented."""
    api.publish(team.project, "tool", "1.0")
    api.publish(team.project, "tool", "2.0")
    hidden = api.publish(team.project, "tool", "3.0", query="?status=hidden")
    assert hidden == {}
    [first] = api.get(f"/projects/{team.project['id']}/packages?package_version=1.0").json()
    assert set(first) == {"id", "name", "version", "package_type", "status", "_links", "created_at", "last_downloaded_at", "creator_id", "tags"}
    assert (first["package_type"], first["status"], first["tags"], first["last_downloaded_at"]) == ("generic", "default", [], None)
    assert first["created_at"].endswith("Z") and first["created_at"][19] == "."
    one = api.get(f"/projects/{team.project['id']}/packages/{first['id']}").json()
    assert [row["version"] for row in one["versions"]] == ["2.0"]
    assert not {"pipeline", "pipelines"} & set(one)


def test_pipelines_of_a_package(api: Any, stand: Stand) -> None:
    """The pages of pipelines take another size than 1 to 20, a broken cursor, or are closed on a public project."""
    team = stand.make_team("public")
    base = f"/projects/{team.project['id']}/packages/{api.publish(team.project)['id']}/pipelines"
    answer = api.get(base, None).expect(200)
    assert answer.json() == [] and "x-total" not in answer.headers
    for size, status in ((1, 200), (20, 200), (21, 400), (-2, 400), (0, 400)):
        api.get(f"{base}?per_page={size}").expect(status)
    api.get(f"{base}?cursor=eyJpZCI6IjEiLCJfa2QiOiJuIn0").expect(200)
    api.get(f"{base}?cursor=%21%21").expect(400)


def test_filters_and_orders(api: Any, team: Team) -> None:
    """A filter or an order of the list does not hold."""
    for name, version in (("Beta", "1.0"), ("alpha", "2.0"), ("alpha-x", "10.0"), ("alpha", "1.0")):
        api.publish(team.project, name, version)
    api.plant(team.project, "npm", "zeta", "0.1.0")
    base = f"/projects/{team.project['id']}/packages"
    assert names(api.get(f"{base}?package_name=ALPHA&order_by=name")) == ["alpha", "alpha", "alpha-x"]
    assert [row["version"] for row in api.get(f"{base}?order_by=version&sort=desc").json()] == ["2.0", "10.0", "1.0", "1.0", "0.1.0"]
    assert names(api.get(f"{base}?order_by=type"))[0] == "zeta"
    assert names(api.get(f"{base}?package_type=npm")) == ["zeta"]
    assert names(api.get(f"{base}?package_name=al%25")) == []
    assert names(api.get(f"{base}?sort=desc"))[0] == "zeta"


def test_group_lists_what_is_readable(api: Any, stand: Stand, team: Team) -> None:
    """A group's list shows a project that one may not read, misses one, or loses where a package is from."""
    inner = stand.make_group("inner", parent_id=team.group["id"])
    nested = stand.make_project(inner)
    closed = stand.make_project(team.group)
    off = stand.make_project(team.group)
    for project, name in ((team.project, "here"), (nested, "nested"), (closed, "closed"), (off, "off")):
        api.publish(project, name)
    api.call("PUT", f"/projects/{off['id']}", {"package_registry_access_level": "disabled"}).expect(200)
    member = stand.make_member(nested, REPORTER, where="projects")
    guest = stand.make_member(nested, GUEST, where="projects")
    base = f"/groups/{team.group['id']}/packages"

    assert sorted(names(api.get(base, team.reporter))) == ["closed", "here", "nested"]
    assert sorted(names(api.get(f"{base}?exclude_subgroups=true", team.reporter))) == ["closed", "here"]
    assert names(api.get(base, member)) == ["nested"]
    assert names(api.get(base, guest)) == []
    assert api.get(base, team.stranger).status == 404
    assert api.get(base, None).status == 404
    [row] = api.get(base, member).json()
    assert (row["project_id"], row["project_path"]) == (nested["id"], nested["path_with_namespace"])
    assert names(api.get(f"{base}?order_by=project_path&sort=asc"))[-1] in ("here", "closed", "nested")


def test_anonymous_sees_public_projects_of_a_group(api: Any, stand: Stand) -> None:
    """The list of a public group is closed to everybody, or shows its private projects."""
    group = stand.make_group(visibility="public")
    public, private = stand.make_project(group, visibility="public"), stand.make_project(group)
    api.publish(public, "open")
    api.publish(private, "closed")
    assert names(api.get(f"/groups/{group['id']}/packages", None)) == ["open"]


def test_files_of_a_package(api: Any, stand: Stand, team: Team) -> None:
    """The list of files lacks a digest or a page, or the file that comes is another one."""
    package = api.publish(team.project)
    for name in ("b.txt", "c.txt"):
        path = f"/api/v4/projects/{team.project['id']}/packages/generic/tool/1.0/{name}"
        stand.http.put(path, name.encode(), {"PRIVATE-TOKEN": ADMIN_TOKEN}).expect(201)
    base = f"/projects/{team.project['id']}/packages/{package['id']}/package_files"
    answer = api.get(f"{base}?per_page=2").expect(200)
    assert [row["file_name"] for row in answer.json()] == ["f.txt", "b.txt"]
    assert (answer.headers["x-total"], answer.headers["x-next-page"]) == ("3", "2")
    first = answer.json()[0]
    assert set(first) == {"id", "package_id", "created_at", "file_name", "size", "file_md5", "file_sha1", "file_sha256"}
    assert (first["package_id"], first["size"], len(first["file_md5"]), len(first["file_sha1"]), len(first["file_sha256"])) == (
        package["id"],
        8,
        32,
        40,
        64,
    )
    download = api.get(f"{base}/{first['id']}/download", team.reporter).expect(200)
    assert download.body == b"tool 1.0" and 'filename="f.txt"' in download.headers["content-disposition"]
    api.get(f"{base}/{first['id']}/download", None).expect(404)
    api.call("DELETE", f"{base}/{first['id']}", login=team.developer).expect(403)
    for row in api.get(base).json():
        api.call("DELETE", f"{base}/{row['id']}", login=team.maintainer).expect(204)
    api.call("DELETE", f"{base}/{first['id']}", login=team.maintainer).expect(404)
    assert names(api.get(f"/projects/{team.project['id']}/packages")) == ["tool"]
    assert api.get(base).json() == []


def test_conditional_delete(api: Any, team: Team) -> None:
    """A version that changed since is deleted all the same, or one that did not is kept."""
    package = api.publish(team.project)
    path = f"/projects/{team.project['id']}/packages/{package['id']}"
    before = api.call("DELETE", path, headers={"If-Unmodified-Since": formatdate(946684800, usegmt=True)})
    assert before.expect(412).json() == {"message": "412 Precondition Failed"}
    api.get(path).expect(200)
    api.call("DELETE", path, headers={"If-Unmodified-Since": "no date at all"}).expect(204)
    again = api.publish(team.project)
    api.call(
        "DELETE", f"/projects/{team.project['id']}/packages/{again['id']}", headers={"If-Unmodified-Since": formatdate(4102444800, usegmt=True)}
    ).expect(204)


def test_read_only_token_lists_and_cannot_delete(api: Any, stand: Stand, team: Team) -> None:
    """A token with read_api deletes, or a scope that says nothing of packages reads them."""
    package = api.publish(team.project)
    user = stand.make_user()
    stand.add_member(team.group, user, 40)
    reader, nothing = stand.make_personal_token(user, ("read_api",)), stand.make_personal_token(user, ("read_user",))
    path = f"/projects/{team.project['id']}/packages/{package['id']}"
    shown = api.get(path, reader).expect(200).json()
    assert "delete_api_path" not in shown["_links"]
    refused = api.call("DELETE", path, login=reader).expect(403).json()
    assert refused["error"] == "insufficient_scope"
    assert api.get(path, nothing).expect(403).json()["error"] == "insufficient_scope"


def test_archived_project_keeps_its_packages(api: Any, team: Team) -> None:
    """A package is deleted from a project that can only be read."""
    package = api.publish(team.project)
    api.call("POST", f"/projects/{team.project['id']}/archive").expect(201)
    path = f"/projects/{team.project['id']}/packages/{package['id']}"
    api.get(path, team.reporter).expect(200)
    api.call("DELETE", path, login=team.maintainer).expect(403)
    api.call("POST", f"/projects/{team.project['id']}/unarchive").expect(201)
    api.call("DELETE", path, login=team.maintainer).expect(204)


def test_head_is_like_get(api: Any, team: Team) -> None:
    """HEAD on a list has other headers than GET, or a body."""
    api.publish(team.project)
    path = f"/projects/{team.project['id']}/packages?per_page=1"
    head, get = api.call("HEAD", path), api.get(path)
    assert (head.status, head.body, head.headers["x-total"]) == (200, b"", get.headers["x-total"])
    assert "x-request-id" in head.headers


def test_developer_of_a_subgroup_is_not_one_above(api: Any, stand: Stand, team: Team) -> None:
    """A role in a group below counts in the one above."""
    inner = stand.make_group(new_name("inner"), parent_id=team.group["id"])
    member = stand.make_member(inner, DEVELOPER)
    package = api.publish(team.project)
    assert api.get(f"/projects/{team.project['id']}/packages/{package['id']}", member).status == 404
