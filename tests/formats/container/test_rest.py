"""The REST API of the registry: repositories, tags, bulk deletion, cleanup, rules (container registry contract, sections 4 to 7)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from stand import ADMIN_TOKEN
from tests.conformance.furniture import DEVELOPER, GUEST, MAINTAINER, OWNER, PUBLIC, REPORTER, Login
from tests.conformance.test_jobs import SHA, make_worker, start_job
from wire import Answer, basic

from packhouse.db.repositories import TagRow
from packhouse.packages.cleanup import DAY, Choice, choose

from .conftest import BOTH, Home, ask_token, make_home
from .driver import Refused
from .samples import image, index, layer
from .test_moments import moment

Json = dict[str, Any]
HOUR = DAY // 24
ROOT = Login("root", ADMIN_TOKEN)


def api(home: Home, method: str, path: str, data: Json | None = None, login: Login | None = None) -> Answer:
    headers = {"PRIVATE-TOKEN": (login or home.maintainer).secret}
    body = None
    if data is not None:
        body, headers["Content-Type"] = json.dumps(data).encode(), "application/json"
    return home.server.http.request(method, f"/api/v4{path}", body, headers)


def repository(home: Home, name: str) -> Json:
    found: list[Json] = api(home, "GET", f"/projects/{home.project}/registry/repositories?per_page=100").expect(200).json()
    return next(row for row in found if row["path"] == name)


def base(home: Home, name: str) -> str:
    return f"/projects/{home.project}/registry/repositories/{repository(home, name)['id']}"


@BOTH
def test_repositories(home: Home) -> None:
    """A repository is missing from the list of its project or group, or what is said of it is wrong."""
    name, root, driver = home.name, home.path, home.driver()
    for each in (name, root, f"{root}/a/b"):
        driver.push(each, image(each), "1.0")
    driver.push(name, image(name), "latest")
    host = home.server.host

    [found, *_] = [
        row for row in api(home, "GET", f"/projects/{home.project}/registry/repositories?tags=true").expect(200).json() if row["path"] == name
    ]

    assert found["name"] == name.removeprefix(f"{root}/") and found["project_id"] == home.project and found["status"] is None
    assert found["location"] == f"{host}/{name}" and found["created_at"].endswith("Z") and found["cleanup_policy_started_at"] is None
    assert found["tags_count"] == 2 and [tag["name"] for tag in found["tags"]] == ["1.0", "latest"]
    assert found["tags"][0] == {"name": "1.0", "path": f"{name}:1.0", "location": f"{host}/{name}:1.0"}
    assert repository(home, root)["name"] == "" and repository(home, f"{root}/a/b")["name"] == "a/b"
    assert "tags" not in repository(home, name) and "tags_count" not in repository(home, name)
    encoded = root.replace("/", "%2F")
    listed = api(home, "GET", f"/projects/{encoded}/registry/repositories?per_page=2").expect(200)
    assert len(listed.json()) == 2 and listed.headers["x-total"] == "3" and 'rel="next"' in listed.headers["Link"]
    one = api(home, "GET", f"/registry/repositories/{found['id']}?size=true&tags_count=true").expect(200).json()
    pushed = image(name)
    assert one["size"] == sum(map(len, {*pushed.blobs, pushed.manifest})) and one["tags_count"] == 2


def test_group_lists_what_may_be_pulled(home: Home) -> None:
    """A group's list leaves out a repository of a subgroup, or shows one that the caller may not pull from."""
    furniture = home.server.furniture
    inner = furniture.project(0, furniture.group(0, home.group))
    hidden = furniture.path_of(inner) + "/secret"
    admin = home.driver(ROOT)
    name = home.name
    for each in (name, hidden):
        admin.push(each, image(each), "1")
    reporter = furniture.member(home.group, REPORTER)
    everything = {row["path"] for row in api(home, "GET", f"/groups/{home.group}/registry/repositories", login=reporter).expect(200).json()}
    assert everything == {name, hidden}
    outsider = furniture.member(home.project, REPORTER)
    assert {row["path"] for row in api(home, "GET", f"/groups/{home.group}/registry/repositories", login=outsider).expect(200).json()} == {name}
    furniture.change_place(inner, containers_access="disabled")
    assert {row["path"] for row in api(home, "GET", f"/groups/{home.group}/registry/repositories", login=reporter).expect(200).json()} == {name}


def test_who_may_look_and_who_may_change(home: Home) -> None:
    """A role may do more, or less, with repositories over REST than it should; or a hidden one can be told from one that is not there."""
    name = home.name
    home.driver().push(name, image(), "1")
    where, id_ = base(home, name), repository(home, name)["id"]
    furniture = home.server.furniture
    roles = {role: furniture.member(home.project, role) for role in (GUEST, REPORTER, DEVELOPER)}
    stranger = furniture.token(furniture.user())
    for path in (f"/projects/{home.project}/registry/repositories", f"{where}/tags", f"{where}/tags/1", f"/registry/repositories/{id_}"):
        assert api(home, "GET", path, login=roles[REPORTER]).status == 200
        assert api(home, "GET", path, login=roles[GUEST]).status in (403, 404)
        assert api(home, "GET", path, login=stranger).status == 404
        assert home.server.http.get(f"/api/v4{path}").status == 404
    absent = api(home, "GET", "/registry/repositories/999999999", login=stranger)
    hidden = api(home, "GET", f"/registry/repositories/{id_}", login=stranger)
    assert (absent.status, absent.body) == (hidden.status, hidden.body)
    deploy = furniture.deploy_token(home.project, "read_registry", "write_registry")
    assert home.server.http.get(f"/api/v4{where}/tags", {"Deploy-Token": deploy.secret}).status in (401, 404)
    assert api(home, "DELETE", where, login=roles[DEVELOPER]).status == 403
    assert api(home, "DELETE", f"{where}/tags", {"name_regex_delete": ".*"}, roles[DEVELOPER]).status == 403
    assert api(home, "DELETE", f"{where}/tags/1", login=roles[REPORTER]).status == 403
    other = make_home(home.server)
    assert api(other, "GET", f"/projects/{other.project}/registry/repositories/{id_}/tags").status == 404
    api(home, "DELETE", f"{where}/tags/1", login=roles[DEVELOPER]).expect(200)
    assert home.driver().tags(name) == []
    assert api(home, "DELETE", f"{where}/tags/1").status == 404


def test_tag_details(home: Home) -> None:
    """What is said about a tag is not what its image says."""
    name, driver = home.name, home.driver()
    pushed = image("one", created="2025-06-07T08:09:10.123456Z", layers=[layer({"a": b"1"}), layer({"b": b"2" * 1000})])
    multi = index(pushed, image("two", created="2025-01-01T00:00:00Z"))
    driver.push(name, multi, "multi")
    driver.push(name, pushed, "single")
    where = base(home, name)

    tag = api(home, "GET", f"{where}/tags/single").expect(200).json()

    config = pushed.document["config"]["digest"].removeprefix("sha256:")
    assert tag["revision"] == config and tag["short_revision"] == config[:9] and tag["digest"] == pushed.digest
    assert tag["created_at"] == "2025-06-07T08:09:10.123+00:00"
    assert tag["total_size"] == sum(map(len, pushed.blobs[1:]))
    tag = api(home, "GET", f"{where}/tags/multi").expect(200).json()
    assert tag["total_size"] is None and tag["digest"] == multi.digest and tag["created_at"] == "2025-06-07T08:09:10.123+00:00"
    assert api(home, "GET", f"{where}/tags/absent").status == 404


@BOTH
def test_tag_of_a_build(home: Home) -> None:
    """Nobody can tell from which build an image came, or a moment that is over tells of a pipeline that goes on."""
    name, furniture = home.name, home.server.furniture
    worker = make_worker(furniture, home.group)
    home.driver().push(name, image("by hand"), "hand")
    home.driver(start_job(furniture, home.project, worker)).push(name, index(image("a"), image("b")), "built")
    where = base(home, name)

    tag = api(home, "GET", f"{where}/tags/built").expect(200).json()

    assert tag["creator_id"] == worker.id and tag["pipeline"]["user"]["id"] == worker.id
    assert (tag["pipeline"]["ref"], tag["pipeline"]["sha"], tag["pipeline"]["project_id"]) == ("main", SHA, home.project)
    by_hand = api(home, "GET", f"{where}/tags/hand").expect(200).json()
    assert by_hand["creator_id"] not in (None, worker.id) and "pipeline" not in by_hand
    home.driver(start_job(furniture, home.project, worker)).push(name, image("by hand"), "again")
    again = api(home, "GET", f"{where}/tags/hand").expect(200).json()
    assert again["pipeline"]["iid"] == 2 and again["creator_id"] == by_hand["creator_id"]
    at = moment()[1]
    then = api(home, "GET", where.replace("/registry/", f"/-/at/{at}/registry/") + "/tags/built").expect(200).json()
    assert then["digest"] == tag["digest"] and "pipeline" not in then


@BOTH
def test_pages_of_tags(home: Home) -> None:
    """A page of tags leaves one out or repeats one, by number or by the last one seen, in either direction."""
    name, driver, pushed = home.name, home.driver(), image()
    tags = sorted([f"t{number:02}" for number in range(11)] + ["A", "Z-1", "_"])
    for tag in tags:
        driver.push(name, pushed, tag)
    where = base(home, name)

    first = api(home, "GET", f"{where}/tags?per_page=10").expect(200)
    second = api(home, "GET", f"{where}/tags?per_page=10&page=2").expect(200)
    assert [tag["name"] for tag in (*first.json(), *second.json())] == tags and first.headers["x-total"] == str(len(tags))
    for sort in ("asc", "desc"):
        seen, path = [], f"{where}/tags?pagination=keyset&per_page=4&sort={sort}"
        while path:
            answer = api(home, "GET", path).expect(200)
            seen += [tag["name"] for tag in answer.json()]
            link = answer.headers.get("Link")
            path = link.partition(">")[0].partition("/api/v4")[2] if link else ""
        assert seen == (tags if sort == "asc" else tags[::-1])


def test_deleted_repository(home: Home) -> None:
    """A repository that was deleted can still be pulled, its uploads go on, or it does not come back when it is pushed again."""
    name, driver, pushed = home.name, home.driver(), image()
    driver.push(name, pushed, "1")
    location = driver.start(name)
    where = base(home, name)

    api(home, "DELETE", where).expect(202)

    assert api(home, "DELETE", where).status == 404
    for path in (f"/v2/{name}/manifests/1", f"/v2/{name}/manifests/{pushed.digest}", f"/v2/{name}/tags/list", location):
        assert home.send("GET", path).status == 404
    assert home.send("HEAD", f"/v2/{name}/blobs/{pushed.document['config']['digest']}").status == 404
    driver.push(name, pushed, "2")
    assert driver.tags(name) == ["2"]


# -- many at once ------------------------------------------------------------------------------------------------------


def test_bulk_deletion(home: Home) -> None:
    """Tags go that should stay, or stay that should go; or the same request works twice within the hour."""
    name, driver = home.name, home.driver()
    for number, tag in enumerate(["latest", "v1", "v2", "v3", "v4", "dev-1", "keep-v9"]):
        driver.push(name, image(tag, created=f"2025-01-{number + 1:02}T00:00:00Z"), tag)
    where = base(home, name)

    for wrong in (
        {},
        {"name_regex_delete": "["},
        {"name_regex_delete": ".*", "name_regex_keep": "(?<=a)"},
        {"name_regex_delete": ".*", "older_than": "soon"},
    ):
        assert api(home, "DELETE", f"{where}/tags", wrong).status == 400
    api(
        home, "DELETE", f"{where}/tags", {"name_regex_delete": "v.+|keep.*|latest", "name_regex_keep": ".*9", "keep_n": 2, "older_than": "1d"}
    ).expect(202)

    assert driver.tags(name) == ["dev-1", "keep-v9", "latest", "v3", "v4"]
    again = api(home, "DELETE", f"{where}/tags", {"name_regex": "v.+"}).expect(400)
    assert "once an hour" in again.text
    other = home.name
    driver.push(other, image("x", created="2025-01-01T00:00:00Z"), "old")
    driver.push(other, image("y"), "latest")
    api(home, "DELETE", f"{base(home, other)}/tags?name_regex=.*").expect(202)
    assert driver.tags(other) == ["latest"]


def test_choice_of_the_reference() -> None:
    """The example of the contract comes out otherwise."""
    at = 1000 * DAY
    ages = {
        "latest": 2 * HOUR, "production-v44": 3 * DAY, "production-v43": 6 * DAY, "production-v42": 11 * DAY, "dev-v44": 2 * DAY,
        "dev-v43": 5 * DAY, "dev-v42": 10 * DAY, "v44": DAY, "v43": 12 * DAY, "v42": 20 * DAY,
    }  # fmt: skip
    tags = [TagRow(name, number, "", at - age, "{}", 0) for number, (name, age) in enumerate(ages.items())]
    choice = Choice(delete=".*", keep="production-.*", keep_n=1, older_than=7 * DAY)
    assert {row.name for row in choose(tags, choice, at)} == {"dev-v42", "v43", "v42"}
    assert choose(tags, Choice(delete=".*", keep=".*"), at) == []
    undated = [TagRow("x", 1, "", None, "{}", 0)]
    assert choose(undated, Choice(delete=".*"), at) == []
    assert [row.name for row in choose(tags, Choice(delete="v4"), at)] == []


def test_cleanup_policy(home: Home) -> None:
    """A policy is not kept as it was sent, shows other tags than it removes, or a bad one is taken."""
    name, driver = home.name, home.driver()
    for number in range(4):
        driver.push(name, image(str(number), created=f"2025-01-0{number + 1}T00:00:00Z"), f"v{number}")
    project = f"/projects/{home.project}"
    before = api(home, "GET", project).expect(200).json()["container_expiration_policy"]
    assert before["enabled"] is False and before["name_regex"] == ".*"
    for wrong in ({"cadence": "2d"}, {"keep_n": 7}, {"older_than": "1h"}, {"name_regex": "["}, {"enabled": True, "name_regex": ""}):
        assert api(home, "PUT", project, {"container_expiration_policy_attributes": wrong}).status == 400
    sent = {"enabled": True, "cadence": "7d", "keep_n": 1, "older_than": "7d", "name_regex_delete": "v.*", "name_regex_keep": "v0"}

    changed = api(home, "PUT", project, {"container_expiration_policy_attributes": sent}).expect(200).json()["container_expiration_policy"]

    assert {**changed, "next_run_at": ""} == {
        "enabled": True, "cadence": "7d", "keep_n": 1, "older_than": "7d", "name_regex": "v.*", "name_regex_keep": "v0", "next_run_at": "",
    }  # fmt: skip
    assert api(home, "GET", project).expect(200).json()["container_expiration_policy"] == changed
    shown = api(home, "GET", f"{project}/-/registry/cleanup/preview").expect(200).json()
    assert shown == {"repositories": [{"path": name, "tags": ["v2", "v1"]}], "tags_count": 2}
    tried = api(home, "POST", f"{project}/-/registry/cleanup/preview", {"keep_n": 5}).expect(200).json()
    assert tried["tags_count"] == 0
    assert driver.tags(name) == ["v0", "v1", "v2", "v3"]
    developer = home.server.furniture.member(home.project, DEVELOPER)
    assert api(home, "PUT", project, {"container_expiration_policy_attributes": sent}, developer).status == 403
    assert api(home, "GET", f"{project}/-/registry/cleanup/runs").expect(200).json() == []


# -- rules -------------------------------------------------------------------------------------------------------------


def test_protected_repository(home: Home) -> None:
    """A rule about repositories does not keep developers from pushing, or maintainers from deleting; or names another project."""
    rules = f"/projects/{home.project}/registry/protection/repository/rules"
    name = f"{home.path}/prod-app"
    developer, maintainer = home.server.furniture.member(home.project, DEVELOPER), home.maintainer
    home.driver(developer).push(name, image(), "0")
    sent = {
        "repository_path_pattern": f"{home.path}/prod*",
        "minimum_access_level_for_push": "maintainer",
        "minimum_access_level_for_delete": "owner",
    }
    made = api(home, "POST", rules, sent).expect(201).json()
    assert {k: v for k, v in made.items() if k in sent} == sent and made["project_id"] == home.project
    assert api(home, "GET", rules).expect(200).json() == [made]
    assert api(home, "GET", f"/projects/{home.project}/packages/protection/rules").expect(200).json() == []
    assert api(home, "POST", rules, sent).status == 422
    assert api(home, "POST", rules, {"repository_path_pattern": f"{home.path}/x"}).status == 422
    assert api(home, "POST", rules, {**sent, "repository_path_pattern": "other/project/*"}).status == 400
    assert api(home, "POST", rules, {**sent, "minimum_access_level_for_push": "developer"}).status == 400
    assert api(home, "POST", rules, sent, developer).status == 403

    refused = ask_token(home.server, [f"repository:{name}:pull,push", f"repository:{home.name}:pull"], basic(developer.user, developer.secret))
    assert refused.status == 403 and refused.json()["errors"][0]["code"] == "DENIED"
    assert home.send("POST", f"/v2/{name}/blobs/uploads/", login=developer).status == 403
    assert home.send("PUT", f"/v2/{name}/manifests/1", image().manifest, {"Content-Type": image().media_type}, developer).status == 403
    assert home.driver(developer).pull(name, "0")
    home.driver(maintainer).push(name, image("by maintainer"), "1")
    assert api(home, "DELETE", base(home, name)).status == 403
    changed = api(home, "PATCH", f"{rules}/{made['id']}", {"minimum_access_level_for_delete": ""}).expect(200).json()
    assert changed["minimum_access_level_for_delete"] is None
    assert api(home, "PATCH", f"{rules}/{made['id']}", {"minimum_access_level_for_push": ""}).status == 422
    api(home, "DELETE", base(home, name)).expect(202)
    api(home, "DELETE", f"{rules}/{made['id']}").expect(204)
    assert api(home, "DELETE", f"{rules}/{made['id']}").status == 404
    home.driver(developer).push(name, image(), "2")


def test_protected_tags(home: Home) -> None:
    """A protected tag is moved or removed by somebody who may not, through any of the ways."""
    rules = f"/projects/{home.project}/registry/protection/tag/rules"
    name, developer = home.name, home.server.furniture.member(home.project, DEVELOPER)
    sent = {"tag_name_pattern": "^v\\d+$", "minimum_access_level_for_push": "maintainer", "minimum_access_level_for_delete": "owner"}
    made = api(home, "POST", rules, sent).expect(201).json()
    assert api(home, "POST", rules, {"tag_name_pattern": "x", "minimum_access_level_for_push": "maintainer"}).status == 422
    assert api(home, "POST", rules, {**sent, "tag_name_pattern": "["}).status == 400
    assert api(home, "POST", rules, {**sent, "tag_name_pattern": "x" * 101}).status == 400
    home.driver().push(name, image(), "v1")
    home.driver(developer).push(name, image(), "dev")

    for reference in ("v1", "v2"):
        with pytest.raises(Refused) as refused:
            home.driver(developer).put(name, image(), reference)
        assert (refused.value.status, refused.value.code) == (403, "DENIED")
    for reference in ("v1", image().digest):
        assert home.send("DELETE", f"/v2/{name}/manifests/{reference}").status == 403
    where = base(home, name)
    assert api(home, "DELETE", f"{where}/tags/v1", login=developer).status == 403
    assert api(home, "DELETE", where).status == 403
    api(home, "DELETE", f"{where}/tags", {"name_regex_delete": ".*"}).expect(202)
    assert home.driver().tags(name) == ["v1"]
    token = ask_token(home.server, [f"repository:{name}:pull,push"], basic(developer.user, developer.secret)).expect(200).json()["token"]
    part = token.split(".")[1]
    [entry] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["access"]
    assert entry["meta"]["tag_deny_access_patterns"] == {"push": ["^v\\d+$"]}
    owner = home.server.furniture.member(home.project, OWNER)
    api(home, "PATCH", f"{rules}/{made['id']}", {"minimum_access_level_for_push": "owner"}).expect(200)
    with pytest.raises(Refused):
        home.driver().put(name, image(), "v1")
    home.driver(owner).delete(name, "v1")
    for number in range(4):
        api(home, "POST", rules, {**sent, "tag_name_pattern": f"p{number}"}).expect(201)
    assert api(home, "POST", rules, {**sent, "tag_name_pattern": "one-too-many"}).status == 422


def test_immutable_tags(home: Home) -> None:
    """An immutable tag is moved or removed, by an administrator at least; or it cannot be set in the first place."""
    rules = f"/projects/{home.project}/registry/protection/tag/rules"
    name, furniture = home.name, home.server.furniture
    owner, maintainer = furniture.member(home.project, OWNER), furniture.member(home.project, MAINTAINER)
    assert api(home, "POST", rules, {"tag_name_pattern": "^release"}, maintainer).status == 403
    made = api(home, "POST", rules, {"tag_name_pattern": "^release"}, owner).expect(201).json()
    assert made["immutable"] is True and made["minimum_access_level_for_push"] is None
    assert api(home, "PATCH", f"{rules}/{made['id']}", {"tag_name_pattern": "x"}, owner).status == 422
    first, second = image("first"), image("second")
    home.driver().push(name, first, "release-1")
    home.driver().push(name, second, "dev")

    home.driver().put(name, first, "release-1")
    for login in (maintainer, owner, ROOT):
        with pytest.raises(Refused) as refused:
            home.driver(login).put(name, second, "release-1")
        assert (refused.value.status, refused.value.code) == (403, "DENIED")
        for reference in ("release-1", first.digest):
            assert home.send("DELETE", f"/v2/{name}/manifests/{reference}", login=login).status == 403
        assert api(home, "DELETE", f"{base(home, name)}/tags/release-1", login=login).status == 403
        assert api(home, "DELETE", base(home, name), login=login).status == 403
    api(home, "DELETE", f"{base(home, name)}/tags", {"name_regex_delete": ".*"}, ROOT).expect(202)
    assert home.driver().pull(name, "release-1") == first.manifest and home.driver().tags(name) == ["release-1"]
    assert api(home, "DELETE", f"{rules}/{made['id']}", login=maintainer).status == 403
    api(home, "DELETE", f"{rules}/{made['id']}", login=owner).expect(204)
    home.driver().put(name, second, "release-1")


# -- usage -------------------------------------------------------------------------------------------------------------


@BOTH
def test_usage_counts_what_is_shared_once(home: Home) -> None:
    """A layer that two images share is counted twice, an untagged one is counted, or one of an image in an index is not."""
    driver = home.driver()
    shared, own = layer({"shared": b"s" * 5000}), layer({"own": b"o" * 3000})
    one, two = image("one", layers=[shared]), image("two", layers=[shared, own])
    names = (home.name, home.name)
    driver.push(names[0], one, "1")
    driver.push(names[1], index(two), "multi")
    driver.push(names[1], image("untagged", layers=[layer({"u": b"u" * 9000})]))
    driver.push_blob(names[0], b"loose" * 1000)
    wanted = sum(map(len, {*one.blobs, *two.blobs, one.manifest, two.manifest, index(two).manifest}))
    for where in (f"/projects/{home.project}", f"/groups/{home.group}"):
        login = None if "projects" in where else ROOT
        assert api(home, "GET", f"{where}/-/registry/usage", login=login).expect(200).json() == {"container_registry_size": wanted}


def test_path_of_a_project_with_images_stays(home: Home) -> None:
    """A project or group is renamed under its images, which nobody can pull any more."""
    name = home.name
    home.driver().push(name, image(), "1")
    for place, kind in ((home.project, "projects"), (home.group, "groups")):
        answer = api(home, "PUT", f"/{kind}/{place}", {"path": "another-path-for-it"}, ROOT)
        assert answer.status == 400 and "container" in answer.text
    assert home.driver().pull(name, "1") == image().manifest


def test_images_are_no_packages(home: Home) -> None:
    """Images show up in the lists of packages, which no client of packages can read."""
    open_home = make_home(home.server, PUBLIC)
    name = open_home.name
    open_home.driver().push(name, image(), "1")
    assert api(open_home, "GET", f"/projects/{open_home.project}/packages").expect(200).json() == []
    assert api(open_home, "GET", f"/groups/{open_home.group}/packages").expect(200).json() == []
