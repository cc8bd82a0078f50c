"""The pages of images and of dependency proxies over a real house: who sees what, what they say, and what their buttons do."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote_plus

import pytest
from sqlalchemy import Connection

from packhouse.db import changes, pipelines, proxies, repositories
from packhouse.db.engine import now
from packhouse.db.proxies import NewEntry
from packhouse.model import Actor, Role, Visibility
from packhouse.packages import change
from packhouse.packages.cleanup import CONTAINER

from .conftest import Visits, Walker
from .town import OCI, Page

TOOLS = "/acme/tools/container_registry"
CLEANUP = "/acme/tools/-/settings/packages_and_registries/cleanup_image_tags"
PROXY = "/groups/acme/-/dependency_proxy"


@pytest.fixture(scope="module", autouse=True)
def images(visits: Visits) -> None:
    """Images in two projects, one with platforms, a signature and a bill of materials."""

    async def push() -> None:
        town = visits.town
        anna, root = town.pusher("anna"), town.pusher()
        await town.add_person("dave")
        await town.add_member("acme/tools", "dave", Role.DEVELOPER)
        await anna.image("acme/tools", "latest")
        index = await anna.index("acme/tools/api", "latest", ("linux/amd64", "linux/arm64"))
        await anna.attach("acme/tools/api", index, "application/vnd.dev.sigstore.bundle.v0.3+json")
        await anna.attach("acme/tools/api", index, "application/spdx+json")
        for number in range(23):
            await anna.image("acme/tools/many", f"1.{number}", b"layer %d" % number)
        await anna.image("acme/web/site", "0.1", b"site")
        await root.image("open/garden/tree", "oak", b"oak")
        await root.image("open/cellar/wine", "red", b"wine")

    visits.run(push())


def names(page: Page) -> list[str]:
    return re.findall(r'class="name"[^>]*>([^<]*)<', page.html.replace("<wbr>", ""))


def repository(walker: Walker, name: str, where: str = TOOLS) -> str:
    """The address of a repository, found as a reader finds it."""
    found = re.search(rf'<a class="name" href="([^"]*)">{re.escape(name)}</a>', walker.get(where).html.replace("<wbr>", ""))
    assert found is not None
    return found.group(1)


# -- repositories ----------------------------------------------------------------------------------------------------


def test_a_project_lists_its_repositories(visits: Visits) -> None:
    """Somebody who looks for an image would not find it, or not its address."""
    page = visits.user("anna").get(TOOLS)
    assert names(page) == ["root image", "api", "many"]
    assert 'data-copy="127.0.0.1:8080/acme/tools/api"' in page.html
    assert "23 tags" in page.text
    assert "docker push 127.0.0.1:8080/acme/tools" in page.text
    assert "Cleanup is off" in page.text
    assert names(visits.user("anna").get(f"{TOOLS}?search=AP")) == ["api"]
    assert names(visits.user("anna").get(f"{TOOLS}?orderBy=created")) == ["many", "api", "root image"]
    assert names(visits.user("anna").get(f"{TOOLS}?sort=desc")) == ["many", "api", "root image"]
    assert "Nothing matches." in visits.user("anna").get(f"{TOOLS}?search=%25").text


def test_a_group_lists_what_the_reader_may_pull(visits: Visits) -> None:
    """A private image would show in the list of a public group, or a gap where it is."""
    stranger, root = visits.stranger().get("/groups/open/-/container_registries"), visits.user("root").get("/groups/open/-/container_registries")
    assert names(stranger) == ["open/garden/tree"]
    assert "1 repository" in stranger.text
    assert "wine" not in stranger.html
    assert names(root) == ["open/cellar/wine", "open/garden/tree"]
    assert "docker push" not in root.text


@pytest.mark.parametrize(("who", "status"), [("anna", 200), ("ben", 200), ("dave", 200), ("eve", 404)])
def test_who_may_not_pull_sees_no_images(visits: Visits, who: str, status: int) -> None:
    """A stranger to a private project could read the names of its images."""
    assert visits.user(who).get(TOOLS).status == status
    assert visits.stranger().get(TOOLS).status == 404


@pytest.mark.parametrize(("who", "deletes", "deletes_one"), [("anna", True, True), ("dave", False, True), ("ben", False, False)])
def test_each_role_gets_its_buttons(visits: Visits, who: str, deletes: bool, deletes_one: bool) -> None:
    """A reader would be offered what is refused, or a maintainer could not do their work."""
    walker = visits.user(who)
    path = repository(walker, "api")
    shown = walker.get(path)
    assert ("Delete repository" in shown.text) == deletes
    assert ("Delete chosen tags" in shown.text) == deletes
    assert (f"{path}/tags/delete?tag=latest" in shown.links()) == deletes_one
    assert (f"{path}/delete" in walker.get(TOOLS).links()) == deletes
    assert (walker.get(f"{path}/delete").status == 200) == deletes
    assert (walker.get(f"{path}/tags/delete?tag=latest").status == 200) == deletes_one
    assert (walker.get(f"{path}/tags/delete?tag=latest&tag=other").status == 200) == deletes
    assert (CLEANUP in walker.get(TOOLS).links()) == deletes
    assert (walker.get(CLEANUP).status == 200) == deletes


def test_an_empty_registry_teaches_who_may_push(visits: Visits) -> None:
    """The first image would not be pushed, because nobody says how; or a reader would follow commands that are refused."""
    visits.run(visits.town.add_place("project", "open/slip", Visibility.PUBLIC))
    page = visits.user("root").get("/open/slip/container_registry")
    assert "Push the first image" in page.text
    assert "docker push 127.0.0.1:8080/open/slip" in page.text
    stranger = visits.stranger().get("/open/slip/container_registry")
    assert "No images yet." in stranger.text
    assert "docker push" not in stranger.text


def test_a_registry_that_is_switched_off_has_no_page(visits: Visits) -> None:
    """The pages would show what the switch hides."""
    town = visits.town
    project = visits.run(town.add_place("project", "open/mute", Visibility.PUBLIC))

    def switch_off(connection: Connection) -> None:
        connection.exec_driver_sql(f"UPDATE place SET containers_access = 'disabled' WHERE id = {project}")

    visits.run(town.house.database.write(switch_off))
    root = visits.user("root")
    assert root.get("/open/mute/container_registry").status == 403
    assert "/open/mute/container_registry" not in root.get("/open/mute").links()


# -- tags ------------------------------------------------------------------------------------------------------------


def test_a_tag_says_what_it_points_at(visits: Visits) -> None:
    """A reader could not tell for which machines an image is, whether it is signed, or copy its digest."""
    walker = visits.user("ben")
    page = walker.get(repository(walker, "api"))
    for words in ("linux/amd64", "linux/arm64", "signed", "bill of materials", "2 platforms", "docker pull 127.0.0.1:8080/acme/tools/api:latest"):
        assert words in page.text
    assert 'data-copy="127.0.0.1:8080/acme/tools/api:latest"' in page.html
    assert len(set(re.findall(r'data-copy="(sha256:[0-9a-f]{64})"', page.html))) == 5


def test_what_a_manifest_says_stays_text(visits: Visits) -> None:
    """An image could take over the session of whoever looks at it."""
    pusher, evil = visits.town.pusher("anna"), "<script>alert(1)</script>"

    async def push() -> None:
        image = await pusher.image("acme/tools/evil", "", b"evil")
        entry = image.entry(platform={"os": evil, "architecture": evil}, annotations={"vnd.docker.reference.type": evil})
        index = await pusher.manifest("acme/tools/evil", {"mediaType": f"{OCI}.index.v1+json", "manifests": [entry], "artifactType": evil}, "bad")
        await pusher.attach("acme/tools/evil", index, evil)

    visits.run(push())
    page = visits.user("anna").get(repository(visits.user("anna"), "evil"))
    assert "alert(1)" in page.text
    assert "<script>alert" not in page.html


def test_images_have_a_switch_of_their_own(visits: Visits) -> None:
    """A project that holds images only would lose them with its package list."""
    town = visits.town
    project = visits.run(town.add_place("project", "open/tins", Visibility.PUBLIC))
    visits.run(town.pusher().image("open/tins/soup", "1", b"soup"))

    def switch_off(connection: Connection) -> None:
        connection.exec_driver_sql(f"UPDATE place SET packages_access = 'disabled' WHERE id = {project}")

    visits.run(town.house.database.write(switch_off))
    stranger = visits.stranger()
    assert names(stranger.get("/open/tins/container_registry")) == ["soup"]
    assert stranger.get("/open/tins/-/packages").status == 403
    links = stranger.get("/open/tins").links()
    assert "/open/tins/container_registry" in links
    assert "/open/tins/-/packages" not in links


def test_tags_are_searched_sorted_and_paged_by_their_address(visits: Visits) -> None:
    """A copied link would show other tags than its sender saw."""
    walker = visits.user("ben")
    path = repository(walker, "many")
    first = walker.get(path)
    assert names(first)[:2] == ["1.22", "1.21"]
    assert len(names(first)) == 20
    assert "1–20 of 23" in first.text
    assert f"{path}?page=2" in first.links()
    assert names(walker.get(f"{path}?page=2")) == ["1.2", "1.1", "1.0"]
    assert names(walker.get(f"{path}?orderBy=name"))[:3] == ["1.0", "1.1", "1.10"]
    searched = walker.get(f"{path}?search=1.2&orderBy=name")
    assert names(searched) == ["1.2", "1.20", "1.21", "1.22"]
    assert "4 in all" in searched.text
    assert "23 tags" in searched.text
    assert "Nothing matches." in walker.get(f"{path}?search=zz").text


def test_a_repository_of_another_project_is_not_found_here(visits: Visits) -> None:
    """A private image could be read through the address of a public project."""
    path = repository(visits.user("anna"), "api")
    for walker in (visits.user("anna"), visits.stranger()):
        assert walker.get(path.replace("/acme/tools/", "/open/garden/")).status == 404
    assert visits.user("anna").get(f"{TOOLS}/x").status == 404


def test_deleting_a_tag_leaves_the_other_tag_of_its_image(visits: Visits) -> None:
    """Two tags share a digest: deleting one would delete both."""
    pusher = visits.town.pusher("anna")

    async def push() -> None:
        for tag in ("blue", "green"):
            await pusher.image("acme/tools/paint", tag, b"same")

    visits.run(push())
    dave = visits.user("dave")
    path = repository(dave, "paint")
    asked = dave.get(f"{path}/tags/delete?tag=blue")
    assert "Delete the tag blue of paint" in asked.text
    assert "Other tags of the same image stay" in asked.text
    done = dave.post(f"{path}/tags/delete", {"csrf": asked.field("csrf"), "tag": asked.field("tag")})
    assert (done.status, done.location) == (303, f"{path}?done=tag_deleted&undo={path.rpartition('/')[2]}&tags=blue")
    assert names(dave.get(done.location)) == ["green"]
    assert "The tag was deleted." in dave.get(done.location).text


def test_chosen_tags_go_together(visits: Visits) -> None:
    """Old tags would have to be deleted one by one; or a developer could empty a repository."""
    pusher = visits.town.pusher("anna")

    async def push() -> None:
        for tag in ("a", "b", "latest"):
            await pusher.image("acme/tools/bunch", tag, tag.encode())

    visits.run(push())
    anna, dave = visits.user("anna"), visits.user("dave")
    path = repository(anna, "bunch")
    asked = anna.get(f"{path}/tags/delete?tag=a&tag=latest&tag=gone")
    assert "Delete 2 tags of bunch" in asked.text
    assert "latest is what clients pull that name no tag." in asked.text
    fields = [("tag", "a"), ("tag", "latest")]
    assert dave.post(f"{path}/tags/delete", [("csrf", dave.get("/").field("csrf")), *fields]).status == 403
    assert anna.post(f"{path}/tags/delete", [("csrf", asked.field("csrf")), *fields]).status == 303
    assert names(anna.get(path)) == ["b"]


def test_deleting_a_repository_takes_all_of_it(visits: Visits) -> None:
    """A repository would stay half there, or go without being asked for."""
    visits.run(visits.town.pusher("anna").image("acme/tools/doomed", "1", b"doomed"))
    anna = visits.user("anna")
    path = repository(anna, "doomed")
    assert anna.post(f"{path}/delete", {"csrf": "guessed"}).status == 403
    asked = anna.get(f"{path}/delete")
    assert "Delete the repository acme/tools/doomed" in asked.text
    assert "1 tag" in asked.text
    done = anna.post(f"{path}/delete", {"csrf": asked.field("csrf")})
    assert (done.status, done.location) == (303, f"{TOOLS}?done=repository_deleted&undo={path.rpartition('/')[2]}")
    assert "doomed" not in names(anna.get(TOOLS))
    assert anna.get(path).status == 404


# -- the way back ----------------------------------------------------------------------------------------------------


def undo(walker: Walker, page: Page) -> Page:
    """Press the button of the line that says what was done."""
    found = re.search(r'<form method="post" action="([^"]*/restore[^"]*)"', page.html.partition("<main")[2])
    assert found is not None
    return walker.post(unescape(found.group(1)), {"csrf": page.field("csrf")})


def test_deleted_images_come_back_with_undo(visits: Visits) -> None:
    """A tag or a repository that was deleted by mistake would be lost, or a developer could not take back what they did."""
    anna, dave = visits.user("anna"), visits.user("dave")
    for tag in ("1", "2"):
        visits.run(visits.town.pusher("anna").image("acme/tools/undone", tag, tag.encode()))
    path = repository(anna, "undone")

    page = dave.get(dave.post(f"{path}/tags/delete", {"csrf": dave.get("/").field("csrf"), "tag": "1"}).location)
    assert "The tag was deleted." in page.text and "Undo" in page.text
    back = undo(dave, page)
    assert back.location == f"{path}?done=images_restored"
    assert "It was restored." in dave.get(back.location).text and sorted(names(dave.get(path))) == ["1", "2"]

    page = anna.get(anna.post(f"{path}/tags/delete", [("csrf", anna.get("/").field("csrf")), ("tag", "1"), ("tag", "2")]).location)
    assert names(page) == [] and undo(anna, page).status == 303 and sorted(names(anna.get(path))) == ["1", "2"]

    assert "It can be restored for 30 days." in anna.get(f"{path}/delete").text
    page = anna.get(anna.post(f"{path}/delete", {"csrf": anna.get("/").field("csrf")}).location)
    assert "The repository was deleted." in page.text and anna.get(path).status == 404
    assert undo(anna, page).location == f"{path}?done=images_restored" and sorted(names(anna.get(path))) == ["1", "2"]


def test_the_bin_lists_what_can_come_back(visits: Visits) -> None:
    """Nobody would find what was deleted last week, or somebody could bring back what they may not delete."""
    anna, dave, town = visits.user("anna"), visits.user("dave"), visits.town
    bin_page = f"{TOOLS}/bin"
    pushed = visits.run(town.pusher("anna").image("acme/tools/binned", "1", b"binned"))
    visits.run(town.pusher("anna").image("acme/tools/binned", "other", b"other"))
    path = repository(anna, "binned")
    anna.post(f"{path}/tags/delete", {"csrf": anna.get("/").field("csrf"), "tag": "other"})
    package_id = int(path.rpartition("/")[2])

    def delete(connection: Connection) -> None:
        what = change.target(town.house.formats[CONTAINER], town.places["acme/tools"], Actor(kind="session"), "acme/tools/binned")
        change.delete(connection, what, pushed.digest, None)

    visits.run(town.house.database.write(delete))
    assert bin_page in anna.get(TOOLS).links() and bin_page in dave.get(TOOLS).links() and bin_page not in visits.user("ben").get(TOOLS).links()
    page = anna.get(bin_page)
    assert "acme/tools/binned tag other" in page.text and f"image {pushed.digest[:19]}… with 1 tag" in page.text
    tag, manifest = f"{path}/restore?tags=other", f"{path}/restore?digest={quote_plus(pushed.digest)}"
    assert tag in page.html and manifest in page.html
    theirs = dave.get(bin_page).html
    assert tag in theirs and manifest not in theirs
    token = {"csrf": dave.get("/").field("csrf")}
    assert dave.post(manifest, token).status == 403 and dave.post(f"{path}/restore", token).status == 403
    assert visits.user("ben").get(bin_page).status == 403 and visits.user("eve").get(bin_page).status == 404
    assert visits.user("ben").post(tag, {"csrf": visits.user("ben").get("/").field("csrf")}).status == 403
    assert anna.post(manifest, {"csrf": "guessed"}).status == 403
    assert anna.post(manifest, {"csrf": page.field("csrf")}).status == 303 and dave.post(tag, token).status == 303
    assert sorted(names(anna.get(path))) == ["1", "other"] and "binned" not in anna.get(bin_page).text
    assert anna.post(manifest, {"csrf": page.field("csrf")}).status == 409
    assert anna.post(f"{TOOLS}/{package_id + 10_000}/restore", {"csrf": page.field("csrf")}).status == 404


# -- cleanup ---------------------------------------------------------------------------------------------------------


def policy_form(walker: Walker, **fields: str) -> Page:
    usual = {"enabled": "1", "cadence": "7d", "keep_n": "5", "older_than": "", "name_regex": "1\\..*", "name_regex_keep": ""}
    return walker.post(CLEANUP, usual | {"csrf": walker.get(CLEANUP).field("csrf")} | fields)


def test_cleanup_shows_what_would_go_before_it_is_saved(visits: Visits) -> None:
    """Tags would be lost to a pattern that meant others."""
    anna = visits.user("anna")
    page = policy_form(anna, do="preview", name_regex_keep="1\\.1.")
    assert page.status == 200
    assert "would go now" in page.text
    shown = re.findall(r'<span class="pill">(1\.\d+)</span>', page.html)
    assert len(shown) == 23 - 10 - 5
    assert not [tag for tag in shown if tag.startswith("1.1") and len(tag) == 4]
    saved = visits.run(visits.town.house.database.read(repositories.get_policy, visits.town.places["acme/tools"]))
    assert saved is None


@pytest.mark.parametrize(
    ("field", "value", "words"), [("name_regex", "(", "name_regex"), ("name_regex", "", "which tags go"), ("name_regex_keep", "*", "name_regex_keep")]
)
def test_cleanup_refuses_what_it_cannot_use(visits: Visits, field: str, value: str, words: str) -> None:
    """A policy would be saved that never runs, or removes everything."""
    page = policy_form(visits.user("anna"), **{field: value})
    assert page.status == 422
    assert f'id="{field}"' in page.html
    assert 'aria-invalid="true"' in page.html
    assert words in page.html
    assert page.field(field) == value


def test_cleanup_is_saved_and_told(visits: Visits) -> None:
    """The rules that were typed would not be those that run."""
    anna = visits.user("anna")
    done = policy_form(anna, older_than="14d")
    assert (done.status, done.location) == (303, f"{CLEANUP}?done=cleanup_saved")
    policy = visits.run(visits.town.house.database.read(repositories.get_policy, visits.town.places["acme/tools"]))
    assert policy is not None
    assert (policy.enabled, policy.cadence, policy.keep_n, policy.older_than, policy.name_regex) == (True, "7d", 5, "14d", "1\\..*")
    assert "Cleanup runs next" in anna.get(TOOLS).text
    assert policy_form(visits.user("anna"), enabled="").status == 303
    assert visits.user("dave").post(CLEANUP, {"csrf": visits.user("dave").get("/").field("csrf")}).status == 403


# -- dependency proxy ------------------------------------------------------------------------------------------------


def cache(visits: Visits) -> None:
    def put(connection: Connection) -> None:
        blob = connection.exec_driver_sql("SELECT min(id) FROM blob").scalar_one()
        for image, reference in (("library/alpine", "3.22"), ("library/alpine", "sha256:" + "ab" * 32)):
            proxies.put_entries(
                connection,
                NewEntry(
                    group=visits.town.places["acme"], upstream="https://registry.example", kind="manifest", image=image, references=(reference,),
                    digest="sha256:" + "ab" * 32, content_type="x", size=1638, upstream_image=image,
                ),
                blob,
                now(),
            )  # fmt: skip

    visits.run(visits.town.house.database.write(put))


def test_a_proxy_without_an_upstream_says_so(visits: Visits) -> None:
    """Pulls would fail and nobody would know why."""
    page = visits.user("anna").get(PROXY)
    assert page.status == 200
    assert "There is no upstream registry" in page.text
    assert visits.stranger().get(PROXY).status == 404
    assert visits.stranger().get("/groups/open/-/dependency_proxy").status == 200


def test_a_proxy_shows_its_prefix_and_what_it_holds_and_forgets_it(visits: Visits) -> None:
    """A member could not tell how to pull through the proxy, or clear the cache without owning the group."""
    cache(visits)
    page = visits.user("anna").get(PROXY)
    assert 'data-copy="127.0.0.1:8080/acme/dependency_proxy/containers"' in page.html
    assert "library/alpine:3.22" in page.text
    assert f'data-copy="docker pull 127.0.0.1:8080/acme/dependency_proxy/containers/library/alpine@sha256:{"ab" * 32}"' in page.html
    assert "1 image" in page.text
    assert "Clear the cache" not in page.text
    assert visits.user("anna").get(f"{PROXY}/clear").status == 403
    root = visits.user("root")
    asked = root.get(f"{PROXY}/clear")
    assert "Clear the cache of acme" in asked.text
    settings = "/groups/acme/-/settings/packages_and_registries"
    assert settings in root.get(PROXY).links()
    assert root.get(settings).status == 200
    done = root.post(f"{PROXY}/clear", {"csrf": asked.field("csrf")})
    assert (done.status, done.location) == (303, f"{PROXY}?done=cache_cleared")
    assert "Nothing is cached yet." in root.get(PROXY).text
    assert root.post(f"{PROXY}/clear", {"csrf": asked.field("csrf")}).status == 409


def test_a_proxy_that_is_off_says_so(visits: Visits) -> None:
    """A page of a proxy that answers nobody would look like one that works."""

    def switch(connection: Connection) -> None:
        group = visits.town.places["open"]
        proxies.put_setting(connection, group, proxies.get_setting(connection, group)._replace(enabled=False))

    visits.run(visits.town.house.database.write(switch))
    page = visits.stranger().get("/groups/open/-/dependency_proxy")
    assert "is switched off" in page.text
    assert "dependency_proxy/containers" not in page.text


# -- search ----------------------------------------------------------------------------------------------------------


def test_search_finds_everything_the_reader_may_see_and_nothing_else(visits: Visits) -> None:
    """A name would not be found although it is there, or a private one would be told to a stranger."""
    anna, stranger = visits.user("anna"), visits.stranger()
    found = anna.get("/search?search=tool")
    assert TOOLS.replace("/container_registry", "") in found.links()
    assert "acme/tools/api" in found.text
    assert "flask-widgets" in anna.get("/search?search=FLASK").text
    assert "open/garden/tree" in stranger.get("/search?search=tree").text
    for text in ("tool", "flask", "wine", "cellar", "acme"):
        page = stranger.get(f"/search?search={text}")
        assert "Nothing is called so." in page.text
    assert "Type a part of a name" in stranger.get("/search").text
    assert "<b>" not in stranger.get("/search?search=%3Cb%3E").html


def test_images_are_listed_with_packages_nowhere(visits: Visits) -> None:
    """The package list would be full of digests."""
    assert CONTAINER not in visits.user("anna").get("/acme/tools/-/packages").html.replace("/container_registry", "").replace("Containers", "")


# -- builds ---------------------------------------------------------------------------------------------------------


def test_a_tag_and_its_build_lead_to_one_another(visits: Visits) -> None:
    """Nobody could tell from which commit an image was built, or what a build has pushed."""
    town, sha = visits.town, "1a2b3c4d" * 5
    project, anna = town.places["acme/tools"], town.people["anna"]
    pushed = visits.run(town.pusher("anna").image("acme/tools/built", "1.0", b"built"))

    def build(connection: Connection) -> int:
        made = pipelines.add_pipeline(connection, project, anna, now(), ref="main<b>", sha=sha, source="push", web_url="")
        package_id = changes.find_package(connection, project, CONTAINER, "acme/tools/built")
        assert package_id is not None
        found = changes.find_version(connection, package_id, pushed.digest)
        assert found is not None
        pipelines.add_build(connection, found[0], made, now())
        return made

    pipeline = f"/acme/tools/-/pipelines/{visits.run(town.house.database.write(build))}"
    ben = visits.user("ben")
    path = repository(ben, "built")
    page = ben.get(path)
    assert "by anna from pipeline #1 on main<b> at 1a2b3c4d" in page.text
    assert pipeline in page.links() and sha in page.html and "<b>" not in page.html
    assert "pipeline" not in ben.get(repository(ben, "api")).text.partition("Tags")[2]
    build_page = ben.get(pipeline)
    assert path in build_page.links() and "acme/tools/built:1.0" in build_page.text
