"""Deleted images come back: tags, manifests with all that they point at, whole repositories, as long as their bytes are kept."""

from __future__ import annotations

from sqlalchemy import Connection
from tests.conformance.furniture import DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER
from wire import Answer

from packhouse.db.engine import now
from packhouse.packages.collect import DAY

from .conftest import BOTH, Broom, Home, make_home
from .samples import artifact, digest, image, index
from .test_moments import fresh, is_whole, moment
from .test_rest import Json, api, base, repository


def restore(home: Home, repository_id: int, **what: str) -> Answer:
    return api(home, "POST", f"/projects/{home.project}/registry/repositories/{repository_id}/-/restore", what)


def binned(home: Home) -> list[Json]:
    found: list[Json] = api(home, "GET", f"/projects/{home.project}/-/registry/deleted?per_page=100").expect(200).json()
    return found


def keep(broom: Broom) -> None:
    """Collection has done all that it does to what is still kept for restoring."""
    while broom.sweep(retained=now() - DAY).anything:
        pass


@BOTH
def test_tag_comes_back(home: Home, broom: Broom) -> None:
    """A tag that was deleted by mistake is lost, comes back as another image, or was never away as an earlier moment tells it."""
    name, driver, pushed, other = home.name, home.driver(), fresh(), fresh()
    driver.push(name, pushed, "v1")
    driver.push(name, other, "moved")
    driver.push(name, pushed, "moved")
    id_ = repository(home, name)["id"]
    driver.delete(name, "v1")
    away = moment()[0]
    [entry] = binned(home)
    assert (entry["kind"], entry["repository_id"], entry["path"]) == ("tag", id_, name)
    assert (entry["tag"], entry["digest"]) == ("v1", pushed.digest)

    shown = restore(home, id_, tag="v1").expect(201).json()

    assert (shown["id"], shown["tags_count"]) == (id_, 2) and binned(home) == []
    assert is_whole(driver, name, "v1", pushed) and driver.tags(f"{name}/at/{away}") == ["moved"]
    assert "set again" in restore(home, id_, tag="v1").expect(409).text
    driver.delete(name, "v1")
    driver.delete(name, "moved")
    keep(broom)  # nothing names its manifest any more
    home.send("GET", f"/v2/{name}/manifests/{pushed.digest}").expect(404)
    restore(home, id_, tag="v1").expect(201)
    assert is_whole(driver, name, "v1", pushed) and driver.tags(name) == ["v1"]
    driver.push(name, other, "moved")
    assert "set again" in restore(home, id_, tag="moved").expect(409).text and driver.pull(name, "moved") == other.manifest


@BOTH
def test_manifest_comes_back_with_what_it_lists(home: Home, broom: Broom) -> None:
    """An image of several platforms comes back without one of them, without a layer, or without its tags."""
    name, driver = home.name, home.driver()
    inner = index(fresh(), fresh())
    multi = index(fresh(), inner)
    for tag in ("1", "1.0", "taken"):
        driver.push(name, multi, tag)
    sbom = artifact(multi.descriptor(), text=name)
    driver.push(name, sbom)
    id_ = repository(home, name)["id"]
    driver.delete(name, multi.digest)
    driver.push(name, fresh(), "taken")
    [entry] = binned(home)
    assert (entry["kind"], entry["digest"], entry["tags_count"]) == ("manifest", multi.digest, 3)
    keep(broom)
    for each in (inner, *multi.children):
        home.send("GET", f"/v2/{name}/manifests/{each.digest}").expect(404)

    shown = restore(home, id_, digest=multi.digest).expect(201).json()

    assert shown["tags_count"] == 3 and driver.tags(name) == ["1", "1.0", "taken"] and binned(home) == []
    assert is_whole(driver, name, "1", multi) and is_whole(driver, name, multi.digest, multi)
    assert driver.pull(name, "1.0") == multi.manifest != driver.pull(name, "taken")
    restore(home, id_, digest=multi.digest).expect(409)
    restore(home, id_, digest=sbom.digest).expect(201)
    found = home.send("GET", f"/v2/{name}/referrers/{multi.digest}").expect(200).json()["manifests"]
    assert [entry["digest"] for entry in found] == [sbom.digest]
    keep(broom)
    assert is_whole(driver, name, "1", multi)
    assert home.send("DELETE", f"/v2/{name}/manifests/{inner.digest}").status == 409


@BOTH
def test_repository_comes_back(home: Home, broom: Broom) -> None:
    """A repository that was deleted comes back in part, or over what was pushed since."""
    name, driver, first, second = home.name, home.driver(), fresh(), fresh()
    multi = index(first, second)
    driver.push(name, multi, "multi")
    driver.push(name, first, "single")
    driver.push(name, second)
    where, id_ = base(home, name), repository(home, name)["id"]
    api(home, "DELETE", where).expect(202)
    assert [(entry["kind"], entry["tags_count"]) for entry in binned(home)] == [("repository", 2)]
    keep(broom)
    newer = fresh()
    driver.push(name, newer, "single")
    driver.push(name, first, "own")
    then = moment()[0]

    assert restore(home, id_).expect(201).json()["tags_count"] == 3

    assert driver.tags(name) == ["multi", "own", "single"] and binned(home) == []
    assert is_whole(driver, name, "multi", multi) and is_whole(driver, name, "single", newer) and is_whole(driver, name, second.digest, second)
    assert driver.tags(f"{name}/at/{then}") == ["own", "single"]
    assert "is there again" in restore(home, id_).expect(409).text
    driver.delete(name, multi.digest)
    api(home, "DELETE", where).expect(202)
    assert {entry["kind"] for entry in binned(home)} == {"repository", "manifest"}
    restore(home, id_).expect(201)
    assert driver.tags(name) == ["own", "single"]


@BOTH
def test_what_was_collected_stays_away(home: Home, broom: Broom) -> None:
    """An image is offered again although a layer of it, or one of its platforms, is gone."""
    name, driver, whole = home.name, home.driver(), fresh()
    halves = [index(fresh(), fresh()) for _ in range(2)]
    for number, multi in enumerate(halves):
        driver.push(name, multi, f"v{number}")
    driver.push(name, whole, "whole")
    id_ = repository(home, name)["id"]
    api(home, "DELETE", base(home, name)).expect(202)
    layer, child = digest(halves[0].children[1].blobs[1]), halves[1].children[0].digest

    def collect(connection: Connection) -> None:
        connection.exec_driver_sql(f"UPDATE blob SET condemned = 1 WHERE sha256 = '{layer[7:]}'")
        connection.exec_driver_sql(f"UPDATE version SET deleted = deleted - {40 * DAY} WHERE version_id = '{child}'")

    home.server.furniture.write(collect)
    for multi in halves:
        assert "was collected" in restore(home, id_, digest=multi.digest).expect(409).text
    assert "was collected" in restore(home, id_).expect(409).text
    home.send("GET", f"/v2/{name}/tags/list").expect(404)
    restore(home, id_, tag="whole").expect(201)
    assert is_whole(driver, name, "whole", whole) and driver.tags(name) == ["whole"]


def test_kept_for_a_while_only(home: Home) -> None:
    """Something is offered that nobody keeps any more, or that was never here."""
    name, driver, pushed = home.name, home.driver(), fresh()
    for tag in ("a", "b"):
        driver.push(name, pushed, tag)
    other, there = make_home(home.server), home.name
    driver.push(there, fresh(), "1")
    id_, where = repository(home, name)["id"], base(home, there)
    driver.delete(name, "a")
    driver.delete(name, pushed.digest)
    api(home, "DELETE", where).expect(202)
    assert {entry["kind"] for entry in binned(home)} == {"tag", "manifest", "repository"}

    def age(connection: Connection) -> None:
        for statement in (
            f"UPDATE version SET deleted = deleted - {31 * DAY} WHERE project_id = {home.project}",
            f"UPDATE tag SET until = until - {31 * DAY} WHERE package_id IN (SELECT id FROM package WHERE project_id = {home.project})",
            f"UPDATE event SET at = at - {31 * DAY} WHERE project_id = {home.project}",
        ):
            connection.exec_driver_sql(statement)

    home.server.furniture.write(age)
    assert binned(home) == []
    for what in ({"tag": "a"}, {"tag": "b"}, {"digest": pushed.digest}, {}, {"tag": "never"}, {"digest": digest(b"never")}, {"digest": "odd"}):
        restore(home, id_, **what).expect(404)
    restore(home, int(where.rpartition("/")[2])).expect(404)
    restore(home, id_, tag="a", digest=pushed.digest).expect(400)
    restore(home, id_, tag="").expect(400)
    restore(other, id_, tag="a").expect(404)


def test_other_path_of_the_project(home: Home) -> None:
    """An image comes back under a name that leads nowhere, because its project has moved since."""
    name, pushed, owner = home.name, fresh(), home.server.furniture.member(home.group, OWNER)
    home.driver().push(name, pushed, "1")
    id_ = repository(home, name)["id"]
    api(home, "DELETE", base(home, name)).expect(202)
    old = home.path.rpartition("/")[2]
    api(home, "PUT", f"/projects/{home.project}", {"path": f"{old}-moved"}, owner).expect(200)
    assert binned(home) == [] and "any more" in restore(home, id_).expect(409).text
    api(home, "PUT", f"/projects/{home.project}", {"path": old}, owner).expect(200)
    restore(home, id_).expect(201)
    assert is_whole(home.driver(), name, "1", pushed)


def test_several_tags_at_once(home: Home) -> None:
    """What a script removed with one request needs as many to come back as it had tags, or a part of it comes back and nobody is told."""
    name, driver, pushed = home.name, home.driver(), fresh()
    for tag in ("a", "b", "c"):
        driver.push(name, pushed, tag)
    id_, developer = repository(home, name)["id"], home.server.furniture.member(home.project, DEVELOPER)
    api(home, "DELETE", f"{base(home, name)}/tags", {"name_regex_delete": ".*"}).expect(202)
    path = f"/projects/{home.project}/registry/repositories/{id_}/-/restore"
    restore(home, id_, tag="a,never").expect(404)
    api(home, "POST", path, {"tag": []}).expect(400)
    api(home, "POST", path, {"tag": ["a", "b"]}, developer).expect(403)
    assert driver.tags(name) == [] and {entry["tag"] for entry in binned(home)} == {"a", "b", "c"}
    api(home, "POST", path, {"tag": ["a", "b"]}).expect(201)
    api(home, "POST", path, {"tag": "c"}, developer).expect(201)
    assert driver.tags(name) == ["a", "b", "c"] and driver.pull(name, "b") == pushed.manifest


def test_who_may_bring_back(home: Home) -> None:
    """Somebody who may not delete an image could undo that it was deleted, or a rule that keeps a tag from them is passed by."""
    name, furniture = home.name, home.server.furniture
    pushed = fresh()
    for tag in ("v1", "dev"):
        home.driver().push(name, pushed, tag)
    id_ = repository(home, name)["id"]
    roles = {role: furniture.member(home.project, role) for role in (GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER)}
    path, stranger = f"/projects/{home.project}/registry/repositories/{id_}/-/restore", furniture.token(furniture.user())
    for tag in ("v1", "dev"):
        home.driver().delete(name, tag)

    for role in (GUEST, REPORTER):
        assert api(home, "POST", path, {"tag": "v1"}, roles[role]).status == 403
        assert api(home, "GET", f"/projects/{home.project}/-/registry/deleted", login=roles[role]).status == 403
    assert api(home, "POST", path, {"tag": "v1"}, stranger).status == 404
    assert home.server.http.request("POST", f"/api/v4{path}").status in (401, 404)
    deploy = furniture.deploy_token(home.project, "read_registry", "write_registry")
    assert api(home, "POST", path, {"tag": "v1"}, deploy).status in (401, 404)

    rules = f"/projects/{home.project}/registry/protection"
    levels = {"minimum_access_level_for_push": "maintainer", "minimum_access_level_for_delete": "maintainer"}
    api(home, "POST", f"{rules}/tag/rules", {"tag_name_pattern": "^v", **levels}).expect(201)
    assert api(home, "POST", path, {"tag": "v1"}, roles[DEVELOPER]).status == 403
    assert api(home, "POST", path, {"tag": "dev"}, roles[DEVELOPER]).status == 201
    assert api(home, "POST", path, {"tag": "v1"}, roles[MAINTAINER]).status == 201
    home.driver().delete(name, pushed.digest)
    for what in ({"digest": pushed.digest}, {}):
        assert api(home, "POST", path, what, roles[DEVELOPER]).status == 403
    protected = {"repository_path_pattern": name, "minimum_access_level_for_push": "owner"}
    api(home, "POST", f"{rules}/repository/rules", protected).expect(201)
    assert api(home, "POST", path, {"digest": pushed.digest}, roles[MAINTAINER]).status == 403
    home.send("GET", f"/v2/{name}/manifests/{pushed.digest}").expect(404)
    assert api(home, "POST", path, {"digest": pushed.digest}, roles[OWNER]).status == 201
    assert home.driver().tags(name) == ["dev", "v1"]


def test_build_comes_back_too(home: Home) -> None:
    """An image that came back does not tell who made it and from which commit."""
    from tests.conformance.test_jobs import SHA, make_worker, start_job

    name, pushed = home.name, image(home.name)
    worker = make_worker(home.server.furniture, home.group)
    home.driver(start_job(home.server.furniture, home.project, worker)).push(name, pushed, "1")
    where = base(home, name)
    home.driver().delete(name, pushed.digest)
    restore(home, int(where.rpartition("/")[2]), digest=pushed.digest).expect(201)
    tag = api(home, "GET", f"{where}/tags/1").expect(200).json()
    assert (tag["pipeline"]["sha"], tag["creator_id"]) == (SHA, worker.id)
