"""Deleting and restoring over a real house: what the question says, who may answer it, and what is there afterwards."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import Connection

from packhouse.db import changes, events, pipelines
from packhouse.model import About, Dependency, Role

from .conftest import Visits, Walker
from .town import Page, Town, open_town

LIST = "/acme/tools/-/packages"


def publish(
    visits: Visits, name: str, version: str = "1.0", *, where: str = "acme/tools", format: str = "generic", count: int = 1, **more: object
) -> int:
    files = {f"file-{number}.txt": f"{name} {version} {number}".encode() for number in range(count)}
    return visits.run(visits.town.publish(where, format, name, version, files, person="anna", **more)).version_id  # type: ignore[arg-type]


def listed(walker: Walker, name: str) -> list[str]:
    page = walker.get(f"{LIST}?search={name}")
    return re.findall(r'<td class="col-version"[^>]*><span class="version">([^<]*)</span>', page.html.replace("<wbr>", ""))


def csrf(walker: Walker) -> str:
    return walker.get("/").field("csrf")


def delete(walker: Walker, id: int) -> Page:
    return walker.post(f"{LIST}/{id}/delete", {"csrf": csrf(walker), "consent": "1"})


# -- one version -----------------------------------------------------------------------------------------------------


def test_the_question_names_the_thing_and_what_stops_working(visits: Visits) -> None:
    """Somebody would delete what others install every day, and not know."""
    id_ = publish(visits, "asked", "1.0.0", tags=("stable",), format="npm")

    def download(connection: Connection) -> None:
        changes.add_downloads(connection, {(id_, 500_000, "personal"): 7}, {id_: 500_000 * 3_600_000_000}, {})

    visits.run(visits.town.house.database.write(download))
    page = visits.user("anna").get(f"{LIST}/{id_}/delete")
    downloads, tag, only, kept = (
        "It was downloaded 7 times",
        "The tag stable goes with it.",
        "It is the only version",
        "It can be restored for 30 days",
    )
    for words in ("Delete asked 1.0.0", "1 file", downloads, tag, only, kept, "--request DELETE"):
        assert words in page.text
    publish(visits, "asked", "2.0.0", format="npm")
    assert "It is the only version" not in visits.user("anna").get(f"{LIST}/{id_}/delete").text


def test_a_deleted_version_comes_back_with_undo(visits: Visits) -> None:
    """A version deleted by mistake would be lost, or come back as another one."""
    anna = visits.user("anna")
    id_ = publish(visits, "undone", "1.0.0", count=2, format="npm", tags=("latest",))
    done = delete(anna, id_)
    assert (done.status, done.location) == (303, f"{LIST}?done=package_deleted&undo={id_}")
    shown = anna.get(done.location)
    assert "The version was deleted." in shown.text
    assert f'action="{LIST}/{id_}/restore"' in shown.html
    assert listed(anna, "undone") == []
    assert anna.get(f"{LIST}/{id_}").status == 404
    back = anna.post(f"{LIST}/{id_}/restore", {"csrf": csrf(anna)})
    assert back.status == 303
    page = anna.get(back.location)
    assert "The version was restored." in page.text
    assert "Files 2" in page.text
    assert "latest" in page.text
    assert "1.0.0 was restored by anna" in page.text
    for words in ("1.0.0 was deleted by anna", "2 files were published by anna"):  # what it was before belongs to its life
        assert words in page.text
    file = next(href for href in page.links() if href.endswith("/download"))
    assert anna.get(file).body == b"undone 1.0.0 0"
    assert listed(anna, "undone") == ["1.0.0"]


def test_what_an_earlier_moment_saw_stays_as_it_was(visits: Visits) -> None:
    """A restore would write the past anew: the version would seem never to have been away."""
    anna, town = visits.user("anna"), visits.town
    id_ = publish(visits, "away", "1.0.0", format="npm")
    delete(anna, id_)
    anna.post(f"{LIST}/{id_}/restore", {"csrf": csrf(anna)})

    def deleted(connection: Connection) -> int:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM version WHERE id = {id_} AND deleted IS NOT NULL").scalar_one())

    assert visits.run(town.house.database.read(deleted)) == 1


def test_a_version_published_anew_is_not_overwritten(visits: Visits) -> None:
    """The bin would put old bytes in the place of new ones."""
    anna = visits.user("anna")
    id_ = publish(visits, "anew")
    delete(anna, id_)
    visits.run(visits.town.publish("acme/tools", "generic", "anew", "1.0", {"file-0.txt": b"other"}, person="anna"))
    refused = anna.post(f"{LIST}/{id_}/restore", {"csrf": csrf(anna)})
    assert refused.status == 409
    assert "is there again" in refused.text
    assert "anew" not in anna.get(f"{LIST}/bin").text


def test_bytes_that_were_collected_do_not_come_back(visits: Visits) -> None:
    """A version without its bytes would be offered to clients."""
    anna, town = visits.user("anna"), visits.town
    id_ = publish(visits, "collected")
    delete(anna, id_)

    def condemn(connection: Connection) -> None:
        connection.exec_driver_sql(f"UPDATE blob SET condemned = 1 WHERE id IN (SELECT blob_id FROM file WHERE version_id = {id_})")

    visits.run(town.house.database.write(condemn))
    refused = anna.post(f"{LIST}/{id_}/restore", {"csrf": csrf(anna)})
    assert refused.status == 409
    assert "were collected" in refused.text
    assert listed(anna, "collected") == []


def test_the_bin_forgets_when_its_time_is_over(visits: Visits) -> None:
    """Somebody would be offered a version that nobody keeps any more."""
    anna, town = visits.user("anna"), visits.town
    id_ = publish(visits, "stale")
    delete(anna, id_)
    assert "stale" in anna.get(f"{LIST}/bin").text

    def age(connection: Connection) -> None:
        connection.exec_driver_sql(f"UPDATE version SET deleted = deleted - {31 * 86_400_000_000} WHERE id = {id_}")

    visits.run(town.house.database.write(age))
    assert "stale" not in anna.get(f"{LIST}/bin").text
    assert anna.post(f"{LIST}/{id_}/restore", {"csrf": csrf(anna)}).status == 404


@pytest.mark.parametrize("who", ["ben", "dora", "eve"])
def test_who_may_not_delete_is_asked_nothing(visits: Visits, who: str) -> None:
    """A reader or a developer could take versions away, or bring them back."""
    town = visits.town
    if "dora" not in town.people:
        visits.run(town.add_person("dora"))
        visits.run(town.add_member("acme/tools", "dora", Role.DEVELOPER))
    id_ = publish(visits, f"kept-from-{who}")
    gone = publish(visits, f"gone-from-{who}")
    delete(visits.user("anna"), gone)
    walker = visits.user(who)
    refused = {403} if who != "eve" else {404}
    assert {
        walker.get(f"{LIST}/{id_}/delete").status,
        walker.get(f"{LIST}/bin").status,
        walker.get(f"{LIST}/delete?choice=1-{id_}").status,
    } == refused
    for path in (f"{LIST}/{id_}/delete", f"{LIST}/{gone}/restore", f"{LIST}/delete"):
        assert {walker.post(path, {"csrf": csrf(walker), "choice": f"{town.places['acme/tools']}-{id_}"}).status} == refused
    assert listed(visits.user("anna"), f"kept-from-{who}") == ["1.0"]
    if who != "eve":
        assert f"{LIST}/{id_}/delete" not in walker.get(f"{LIST}/{id_}").links()
        assert 'name="choice"' not in walker.get(LIST).html
        assert f"{LIST}/bin" not in walker.get(LIST).links()


@pytest.mark.parametrize("tail", ["delete", "restore"])
def test_a_form_of_another_session_deletes_nothing(visits: Visits, tail: str) -> None:
    """Another site could delete versions in a maintainer's name."""
    id_ = publish(visits, f"guarded-{tail}")
    anna = visits.user("anna")
    if tail == "restore":
        delete(anna, id_)
    assert anna.post(f"{LIST}/{id_}/{tail}", {"csrf": "guessed"}).status == 403
    assert anna.post(f"{LIST}/{id_}/{tail}", {"csrf": csrf(anna)}, headers={"origin": "https://evil.example"}).status == 403
    assert listed(anna, f"guarded-{tail}") == ([] if tail == "restore" else ["1.0"])


def test_a_version_of_another_project_cannot_be_deleted_here(visits: Visits) -> None:
    """A maintainer of one project could delete from any other by its ids."""
    anna = visits.user("anna")
    wine = visits.run(visits.town.publish("open/cellar", "generic", "port", "1.0", {"port.txt": b"port"})).version_id
    assert anna.get(f"{LIST}/{wine}/delete").status == 404
    assert anna.post(f"{LIST}/{wine}/delete", {"csrf": csrf(anna)}).status == 404
    choice = f"{visits.town.places['open/cellar']}-{wine}"
    done = anna.post(f"{LIST}/delete", {"csrf": csrf(anna), "choice": choice})
    assert done.location == f"{LIST}?done=none_deleted"
    crossed = f"{visits.town.places['acme/tools']}-{wine}"
    assert anna.post(f"{LIST}/delete", {"csrf": csrf(anna), "choice": crossed}).location == f"{LIST}?done=none_deleted"
    assert "port" in visits.user("root").get("/open/cellar/-/packages").text


def test_the_api_restores_what_a_page_does(visits: Visits) -> None:
    """Something could be done on a page and nowhere else."""
    anna, town = visits.user("anna"), visits.town
    id_ = publish(visits, "by-command")
    delete(anna, id_)
    page = anna.get("/-/user_settings/personal_access_tokens")
    fields = {"csrf": page.field("csrf"), "name": "bin", "scopes": "api", "expires_at": page.field("expires_at")}
    secret = re.search(r"phpat_[0-9A-Za-z]{49}", anna.post("/-/user_settings/personal_access_tokens", fields).html)
    assert secret is not None
    headers = {"private-token": secret.group()}
    api = f"/api/v4/projects/{town.places['acme/tools']}"
    listed_there = json.loads(visits.stranger().get(f"{api}/-/packages/deleted", headers=headers).body)
    assert next(row for row in listed_there if row["id"] == id_)["name"] == "by-command"
    restored = visits.stranger().post(f"{api}/packages/{id_}/-/restore", {}, headers=headers)
    assert restored.status == 201
    assert json.loads(restored.body)["version"] == "1.0"
    assert visits.stranger().post(f"{api}/packages/{id_}/-/restore", {}, headers=headers).status == 409
    assert visits.stranger().get(f"{api}/-/packages/deleted").status == 404
    assert visits.stranger().post(f"{api}/packages/{id_}/-/restore", {}).status in {401, 404}


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_file_goes_and_the_last_one_takes_its_version(visits: Visits) -> None:
    """A version would stay without anything to download, and nobody was told."""
    anna = visits.user("anna")
    id_ = publish(visits, "filed", count=2)
    asks = [href for href in anna.get(f"{LIST}/{id_}?tab=files").links() if "/files/" in href]
    assert len(asks) == 2
    first = anna.get(asks[0])
    assert "Delete the file file-0.txt" in first.text
    assert "goes with it" not in first.text
    done = anna.post(asks[0], {"csrf": first.field("csrf")})
    assert done.location == f"{LIST}/{id_}?tab=files&done=file_deleted"
    assert "file-0.txt" not in anna.get(f"{LIST}/{id_}?tab=files").text
    last = anna.get(asks[1])
    assert "It is the only file: filed 1.0 goes with it." in last.text
    assert anna.post(asks[1], {"csrf": last.field("csrf")}).location.startswith(f"{LIST}?done=package_deleted")
    assert listed(anna, "filed") == []
    assert anna.get(asks[1]).status == 404


def test_chosen_files_go_together_but_never_all(visits: Visits) -> None:
    """Files would have to be deleted one by one; or a version would be left without any."""
    anna = visits.user("anna")
    id_ = publish(visits, "many-files", count=4)
    path = f"{LIST}/{id_}"
    boxes = re.findall(r'name="file" value="(\d+)"', anna.get(f"{path}?tab=files").html)
    assert len(boxes) == 4
    asked = anna.get(f"{path}/files/delete?file={boxes[0]}&file={boxes[1]}&file=x&file=999999")
    assert "Delete 2 files of many-files 1.0" in asked.text
    done = anna.post(f"{path}/files/delete", [("csrf", asked.field("csrf")), ("file", boxes[0]), ("file", boxes[1])])
    assert done.location == f"{path}?tab=files&done=files_deleted"
    assert re.findall(r'name="file" value="(\d+)"', anna.get(f"{path}?tab=files").html) == boxes[2:]
    all_of_them = f"{path}/files/delete?file={boxes[2]}&file={boxes[3]}"
    assert anna.get(all_of_them).location == f"{path}/delete"
    anna.post(f"{path}/files/delete", [("csrf", asked.field("csrf")), ("file", boxes[2]), ("file", boxes[3])])
    assert len(re.findall(r'name="file" value="(\d+)"', anna.get(f"{path}?tab=files").html)) == 1
    ben = visits.user("ben")
    assert 'name="file"' not in ben.get(f"{path}?tab=files").html
    assert ben.post(f"{path}/files/delete", {"csrf": csrf(ben), "file": boxes[3]}).status == 403


def test_versions_are_chosen_among_their_like(visits: Visits) -> None:
    """Old versions of one package could not be deleted together from its page."""
    id_ = publish(visits, "aging", "1.0")
    publish(visits, "aging", "2.0")
    page = visits.user("anna").get(f"{LIST}/{id_}?tab=versions")
    assert page.html.count('name="choice"') == 2
    assert f'action="{LIST}/delete"' in page.html
    assert 'name="choice"' not in visits.user("ben").get(f"{LIST}/{id_}?tab=versions").html


def test_a_groups_address_of_a_version_leads_to_its_project(visits: Visits) -> None:
    """A link from a group's list of another registry would lead nowhere, or tell a stranger where a package is."""
    id_ = publish(visits, "led")
    assert visits.user("anna").get(f"/groups/acme/-/packages/{id_}").location == f"{LIST}/{id_}"
    assert visits.user("anna").get(f"/groups/open/-/packages/{id_}").status == 404
    wine = visits.run(visits.town.publish("open/cellar", "generic", "sherry", "1.0", {"a.txt": b"sherry"})).version_id
    assert visits.stranger().get(f"/groups/open/-/packages/{wine}").status == 404
    assert visits.stranger().get("/groups/open/-/packages/x").status == 404


# -- several versions ------------------------------------------------------------------------------------------------


def test_chosen_versions_go_together(visits: Visits) -> None:
    """Old versions would have to be deleted one by one; or what was not chosen would go too."""
    anna, project = visits.user("anna"), visits.town.places["acme/tools"]
    ids = [publish(visits, "bulk", f"{number}.0") for number in range(3)]
    assert anna.get(f"{LIST}?search=bulk").html.count('name="choice"') == 3
    query = "&".join(f"choice={project}-{id_}" for id_ in ids[:2])
    asked = anna.get(f"{LIST}/delete?{query}")
    assert "Delete 2 versions" in asked.text
    assert "bulk 0.0" in asked.text
    assert "bulk 2.0" not in asked.text
    fields = [("csrf", asked.field("csrf")), *(("choice", f"{project}-{id_}") for id_ in ids[:2])]
    done = anna.post(f"{LIST}/delete", fields)
    assert (done.status, done.location) == (303, f"{LIST}?done=packages_deleted")
    assert listed(anna, "bulk") == ["2.0"]
    assert anna.post(f"{LIST}/delete", fields).location == f"{LIST}?done=none_deleted"
    mixed = [*fields, ("choice", f"{project}-{ids[2]}"), ("choice", "nonsense"), ("choice", "9" * 40 + "-1")]
    assert anna.post(f"{LIST}/delete", mixed).location == f"{LIST}?done=some_deleted"


def test_a_group_deletes_where_the_viewer_may(visits: Visits) -> None:
    """Rights in the group would not count, or rights in one project would count in another."""
    town, anna, ben = visits.town, visits.user("anna"), visits.user("ben")
    id_ = visits.run(town.publish("acme/web/site", "generic", "grouped", "1.0", {"a.txt": b"grouped"}, person="anna")).version_id
    path, choice = "/groups/acme/-/packages/delete", f"{town.places['acme/web/site']}-{id_}"
    assert ben.post(path, {"csrf": csrf(ben), "choice": choice}).location == "/groups/acme/-/packages?done=none_deleted"
    assert "Delete 1 version" in anna.get(f"{path}?choice={choice}").text
    assert anna.post(path, {"csrf": csrf(anna), "choice": choice}).location == "/groups/acme/-/packages?done=packages_deleted"


def test_a_broken_version_is_told_and_can_only_be_deleted(visits: Visits) -> None:
    """A version nobody can read would be in the way for ever, or fail the reader who opens it."""
    anna = visits.user("anna")
    id_ = publish(visits, "mangled", status="error")
    page = anna.get(LIST)
    assert "1 version could not be read when it arrived" in page.text
    assert f"{LIST}/{id_}" not in page.links()
    assert [listed(anna, "status:error"), anna.get(f"{LIST}/{id_}").status] == [["1.0"], 404]
    assert delete(anna, id_).status == 303
    assert "could not be read" not in anna.get(LIST).text


# -- forwarding ------------------------------------------------------------------------------------------------------


def test_a_forwarded_format_asks_once_more(tmp_path: Path) -> None:
    """A name could be taken over at an upstream because nobody was warned."""

    async def walk() -> None:
        async with open_town(tmp_path / "forwarding", forward={"npm": "https://registry.example/npm"}) as town:
            await _ask_once_more(town)

    asyncio.run(walk())


async def _ask_once_more(town: Town) -> None:
    await town.add_place("project", "root/web")
    npm = (await town.publish("root/web", "npm", "ours", "1.0.0", {"ours-1.0.0.tgz": b"x"})).version_id
    plain = (await town.publish("root/web", "generic", "ours", "1.0.0", {"a.txt": b"x"})).version_id
    root = await town.signed_in("root")
    asked = await root.get(f"/root/web/-/packages/{npm}/delete")
    assert "are forwarded to an upstream" in asked.text
    assert 'name="consent"' in asked.html
    assert (await root.post(f"/root/web/-/packages/{npm}/delete", {"csrf": asked.field("csrf")})).status == 403
    assert (await root.post(f"/root/web/-/packages/{npm}/delete", {"csrf": asked.field("csrf"), "consent": "1"})).status == 303
    assert "forwarded" not in (await root.get(f"/root/web/-/packages/{plain}/delete")).text
    told = await town.house.database.read(events.of_version, npm, 5)
    assert told[0].what == "delete"


# -- the page of a version -------------------------------------------------------------------------------------------


def test_downloads_are_drawn_and_told(visits: Visits) -> None:
    """Nobody could tell whether a version is still in use."""
    id_ = publish(visits, "loaded")
    assert "in the last 90 days" not in visits.user("ben").get(f"{LIST}/{id_}").text

    def download(connection: Connection) -> None:
        hour = changes.begin(connection, 1, "generic", ()) // 3_600_000_000
        changes.add_downloads(connection, {(id_, hour - 24, "personal"): 3, (id_, hour, "job"): 4, (id_, hour - 24 * 200, "job"): 9}, {}, {})

    visits.run(visits.town.house.database.write(download))
    page = visits.user("ben").get(f"{LIST}/{id_}")
    assert "7 in the last 90 days" in page.text
    assert "<polyline" in page.html
    assert len(re.findall(r"<tr><td>[^<]*20\d\d</td>", page.html)) == 2


def test_a_build_is_named_wherever_its_package_is(visits: Visits) -> None:
    """Nobody could tell from which commit a package was built, or a build's address could run a script."""
    town = visits.town
    id_, hand = publish(visits, "built"), publish(visits, "made-by-hand")
    project, anna = town.places["acme/tools"], town.people["anna"]
    sha = "1a2b3c4d" * 5

    def build(connection: Connection) -> None:
        pipeline = pipelines.add_pipeline(
            connection, project, anna, 1_700_000_000_000_000, ref="main<b>", sha=sha, source="push", web_url="https://ci.example/12"
        )
        pipelines.add_build(connection, id_, pipeline, 1_700_000_000_000_000)

    visits.run(town.house.database.write(build))
    walker = visits.user("ben")
    for path in (f"{LIST}?search=built", f"{LIST}/{id_}"):
        page = walker.get(path)
        assert "pipeline #1 on main<b>" in page.text
        assert "<b>" not in page.html
        build_page = next(link for link in page.links() if "/-/pipelines/" in link)
        assert "https://ci.example/12" in walker.get(build_page).links()
    assert sha in walker.get(f"{LIST}/{id_}").html
    assert "pipeline" not in walker.get(f"{LIST}/{hand}").text


def test_what_is_needed_leads_to_its_page_and_warns_before_it_goes(visits: Visits) -> None:
    """A package would be deleted although its neighbours need it, or a dependency of ours could not be followed."""
    anna = visits.user("anna")
    base = publish(visits, "base_lib", "1.0", format="pypi")
    about = About(dependencies=(Dependency(name="Base-Lib", range=">=1"), Dependency(name="base_lib", range=">=1"), Dependency(name="elsewhere")))
    top = publish(visits, "top", "1.0", format="pypi", about=about)
    publish(visits, "stray", "1.0", format="pypi", about=About(dependencies=(Dependency(name="basexlib"),)))
    page = anna.get(f"{LIST}/{top}?tab=dependencies")
    assert page.links().count(f"{LIST}/{base}") == 2
    assert "elsewhere" in page.text
    assert "In this project top depends on the package." in anna.get(f"{LIST}/{base}/delete").text
    assert "on the package" not in anna.get(f"{LIST}/{top}/delete").text


def test_a_snippet_can_install_from_the_group(visits: Visits) -> None:
    """Somebody who installs from a whole group would have to write the address by hand."""
    anna, group = visits.user("anna"), visits.town.places["acme"]
    id_ = publish(visits, "leveled", format="pypi")
    page = anna.get(f"{LIST}/{id_}")
    assert f"{LIST}/{id_}?level=group" in page.links()
    assert f"/groups/{group}/-/packages/pypi" in anna.get(f"{LIST}/{id_}?level=group").text
    assert f"/groups/{group}/" not in page.text
    assert anna.get(f"{LIST}/{id_}?level=x").status == 200
