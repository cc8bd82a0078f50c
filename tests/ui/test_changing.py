"""The pages that change things, over a real house: what each role sees and may send, what a form does, what it says when it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape

import pytest

from packhouse.model import Role, Visibility

from .conftest import Visits, Walker
from .town import PASSWORD, Page, Town

EDIT = "/acme/tools/edit"
GROUP_EDIT = "/groups/acme/-/edit"
PROJECT_SETTINGS = (
    EDIT,
    "/acme/tools/-/settings/packages_and_registries",
    "/acme/tools/-/settings/repository",
    "/acme/tools/-/settings/access_tokens",
    "/acme/tools/-/settings/ci_cd",
    "/acme/tools/-/audit_events",
)
GROUP_SETTINGS = (
    GROUP_EDIT,
    "/groups/acme/-/settings/packages_and_registries",
    "/groups/acme/-/settings/repository",
    "/groups/acme/-/settings/access_tokens",
    "/groups/acme/-/audit_events",
)
ADMIN = ("/admin", "/admin/users", "/admin/application_settings/ci_cd", "/admin/single_sign_on", "/admin/audit_log")


def send(walker: Walker, path: str, fields: Mapping[str, str] | list[tuple[str, str]], page: str = "/-/user_settings/profile") -> Page:
    """A form as the page holds it: with the session's token."""
    pairs = list(fields.items()) if isinstance(fields, Mapping) else fields
    return walker.post(path, [*pairs, ("csrf", walker.get(page).field("csrf"))])


def shown(page: Page, name: str) -> str:
    """The value that a field of the page shows, a text area's and a select's too."""
    area = re.search(rf'<textarea\b[^>]*\bname="{re.escape(name)}"[^>]*>([^<]*)</textarea>', page.html)
    if area is not None:
        return unescape(area.group(1))
    chosen = re.search(rf'<select\b[^>]*\bname="{re.escape(name)}".*?<option value="([^"]*)" selected', page.html, re.DOTALL)
    return unescape(chosen.group(1)) if chosen is not None else page.field(name)


def secret_of(page: Page) -> str:
    """The token that a page shows this once."""
    found = re.search(r'aria-label="The token"><code>([^<]+)</code>', page.html)
    assert found is not None, page.text
    return found.group(1)


@pytest.fixture(scope="module", autouse=True)
def more(visits: Visits) -> Iterator[None]:
    """Olga owns acme, fay is a guest of its tools, and there is a place to try things in."""

    async def furnish(town: Town) -> None:
        for person in ("olga", "fay"):
            await town.add_person(person)
        await town.add_member("acme", "olga", Role.OWNER)
        await town.add_member("acme/tools", "fay", Role.GUEST)

    visits.run(furnish(visits.town))
    yield


def fresh(visits: Visits, path: str, kind: str = "project") -> str:
    """A place for one test, and its path."""
    visits.run(visits.town.add_place(kind, path, Visibility.PRIVATE, "A first word"))
    return path


# -- who sees what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PROJECT_SETTINGS)
def test_settings_of_a_project_are_for_maintainers(visits: Visits, path: str) -> None:
    """Somebody could read or change what they may not, or would learn that a hidden project exists."""
    assert visits.user("anna").get(path).status == 200
    assert visits.user("olga").get(path).status == 200
    assert visits.user("ben").get(path).status == 403
    assert visits.user("fay").get(path).status == 403
    assert visits.user("eve").get(path).status == 404
    assert visits.stranger().get(path).status == 404


@pytest.mark.parametrize("path", GROUP_SETTINGS)
def test_settings_of_a_group_are_for_owners(visits: Visits, path: str) -> None:
    """A maintainer of a group would change what only its owners may."""
    assert visits.user("olga").get(path).status == 200
    assert visits.user("anna").get(path).status == 403
    assert visits.user("eve").get(path).status == 404


@pytest.mark.parametrize("path", ADMIN)
def test_the_admin_area_is_for_administrators(visits: Visits, path: str) -> None:
    """Anybody could read the log of all, or make users."""
    assert visits.user("root").get(path).status == 200
    assert visits.user("olga").get(path).status == 403
    assert visits.stranger().get(path).location.startswith("/users/sign_in")


def test_the_bar_offers_what_the_viewer_may_open(visits: Visits) -> None:
    """A link would lead to a refusal, or a page would be out of reach."""
    assert EDIT in visits.user("anna").get("/acme/tools").links()
    assert EDIT not in visits.user("ben").get("/acme/tools").links()
    assert "/acme/tools/-/project_members" in visits.user("ben").get("/acme/tools").links()
    assert "/open/garden/-/project_members" not in visits.stranger().get("/open/garden").links()
    assert "/admin" in visits.user("root").get("/").links()
    assert "/admin" not in visits.user("olga").get("/").links()
    assert GROUP_EDIT in visits.user("olga").get("/groups/acme").links()
    assert GROUP_EDIT not in visits.user("anna").get("/groups/acme").links()


@pytest.mark.parametrize("page", ["edit", "group_members", "settings/repository", "audit_events"])
def test_a_users_namespace_has_no_settings(visits: Visits, page: str) -> None:
    """Somebody could rename or delete the namespace that their user stands on."""
    assert visits.user("anna").get(f"/groups/anna/-/{page}").status == 404
    assert send(visits.user("anna"), "/groups/anna/-/edit/delete", {"confirm": "anna"}).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/projects/new",
        "/groups/new",
        EDIT,
        f"{EDIT}/path",
        f"{EDIT}/transfer",
        f"{EDIT}/delete",
        f"{EDIT}/archive",
        f"{GROUP_EDIT}/delete",
        "/acme/tools/-/project_members",
        "/acme/tools/-/settings/access_tokens",
        "/acme/tools/-/settings/repository",
        "/acme/tools/-/settings/packages_and_registries/rules/package",
        "/groups/acme/-/settings/packages_and_registries",
        "/acme/tools/-/settings/ci_cd",
        "/admin/users",
        "/admin/users/2/state",
        "/admin/application_settings/ci_cd",
        "/admin/single_sign_on",
        "/-/user_settings/profile",
        "/-/user_settings/password/edit",
        "/-/user_settings/identities",
    ],
)
def test_no_form_counts_without_the_sessions_token(visits: Visits, path: str) -> None:
    """Another site could send a form in the name of whoever visits it."""
    walker = visits.user("root")
    assert walker.post(path, {"name": "x", "confirm": "acme/tools"}).status == 403
    token = walker.get("/-/user_settings/profile").field("csrf")
    assert walker.post(path, {"csrf": token}, headers={"sec-fetch-site": "cross-site"}).status == 403
    assert visits.user("olga").get("/acme/tools").status == 200


# -- projects and groups ---------------------------------------------------------------------------------------------


def test_a_project_is_made_and_shown(visits: Visits) -> None:
    """The form would lose what was typed, or lead nowhere."""
    olga = visits.user("olga")
    acme = str(visits.town.places["acme"])
    assert shown(olga.get(f"/projects/new?namespace_id={acme}"), "namespace_id") == acme
    sent = {"name": "Made Here", "path": "", "namespace_id": acme, "description": "By hand", "visibility": "private"}
    page = send(olga, "/projects/new", sent)
    assert (page.status, page.location) == (303, "/acme/made-here?done=project_created")
    assert "The project was created." in olga.get(page.location).text
    again = send(olga, "/projects/new", sent)
    assert again.status == 422
    assert "Path has already been taken" in again.text
    assert (shown(again, "name"), shown(again, "description"), shown(again, "namespace_id")) == ("Made Here", "By hand", acme)
    too_open = send(olga, "/projects/new", sent | {"path": "open", "visibility": "public"})
    assert (too_open.status, "Visibility level public is not allowed" in too_open.text) == (422, True)


def test_a_group_is_made_and_holds_another(visits: Visits) -> None:
    """A group would not be made where it was meant."""
    olga = visits.user("olga")
    page = send(olga, "/groups/new", {"name": "Olga's", "path": "olgas", "parent_id": "", "visibility": "private"})
    assert (page.status, page.location) == (303, "/groups/olgas?done=group_created")
    parent = re.search(r"parent_id=(\d+)", olga.get("/groups/olgas").html)
    assert parent is not None
    inner = send(olga, "/groups/new", {"name": "Inner", "path": "inner", "parent_id": parent.group(1), "visibility": "private"})
    assert inner.location == "/groups/olgas/inner?done=group_created"
    assert send(olga, "/groups/new", {"name": "Bad", "path": "admin", "visibility": "private"}).status == 422
    assert visits.user("eve").get("/groups/olgas").status == 404


def test_saving_one_thing_leaves_the_others(visits: Visits) -> None:
    """A description would be lost by whoever changes the name."""
    path, olga = fresh(visits, "acme/kept"), visits.user("olga")
    page = olga.get(f"/{path}/edit")
    assert shown(page, "description") == "A first word"
    assert send(olga, f"/{path}/edit", {"name": "Kept", "description": shown(page, "description"), "visibility": "private"}).status == 303
    assert "A first word" in olga.get(f"/{path}").text
    assert send(olga, f"/{path}/edit", {"features": "true", "package_registry_access_level": "private", "keep_deleted_names": "true"}).status == 303
    told = olga.get(f"/{path}/edit")
    assert shown(told, "package_registry_access_level") == "private"
    assert re.search(r'name="keep_deleted_names" value="true" checked', told.html)
    assert "Kept" in olga.get(f"/{path}").text
    assert send(olga, f"/{path}/edit", {"name": "", "description": "typed"}).status == 422
    assert shown(send(olga, f"/{path}/edit", {"name": "", "description": "typed"}), "description") == "typed"


def test_a_switch_takes_the_pages_away(visits: Visits) -> None:
    """What is off would still be offered, or still be served."""
    path, olga = fresh(visits, "acme/quiet"), visits.user("olga")
    sent = {"features": "true", "package_registry_access_level": "disabled", "container_registry_access_level": "disabled"}
    assert send(olga, f"/{path}/edit", sent).status == 303
    links = olga.get(f"/{path}").links()
    assert f"/{path}/-/packages" not in links
    assert f"/{path}/container_registry" not in links
    assert olga.get(f"/{path}/-/packages").status in (403, 404)


def test_only_owners_show_a_project_to_others(visits: Visits) -> None:
    """A maintainer could open a private project to everybody, or move it away."""
    anna = visits.user("anna")
    page = anna.get(EDIT)
    assert 'name="visibility"' not in page.html
    assert 'name="confirm"' not in page.html
    assert send(anna, EDIT, {"visibility": "internal", "name": "tools"}).status == 422
    assert send(anna, f"{EDIT}/path", {"path": "stolen"}).status == 422
    assert send(anna, f"{EDIT}/delete", {"confirm": "acme/tools"}).status == 422
    assert send(anna, f"{EDIT}/archive", {"do": "archive"}).status == 403
    assert anna.get("/acme/tools").status == 200


def test_a_renamed_project_is_found_at_both_paths(visits: Visits) -> None:
    """Every bookmark and every client would break at a rename."""
    path, olga = fresh(visits, "acme/before"), visits.user("olga")
    page = send(olga, f"/{path}/edit/path", {"path": "after"})
    assert (page.status, page.location) == (303, "/acme/after/edit?done=moved")
    assert olga.get("/acme/after").status == 200
    old = olga.get("/acme/before/-/packages?type=pypi")
    assert (old.status, old.location) == (301, "/acme/after/-/packages?type=pypi")
    assert olga.get("/acme/before/edit").location == "/acme/after/edit"
    assert visits.stranger().get("/acme/before").status == 404
    assert visits.user("eve").get("/acme/before").status == 404
    taken = send(olga, "/acme/after/edit/path", {"path": "tools"})
    assert (taken.status, "already been taken" in taken.text, shown(taken, "path")) == (422, True, "tools")
    assert send(olga, "/acme/after/edit/path", {"path": "edit"}).status == 422


def test_a_project_and_a_group_are_moved(visits: Visits) -> None:
    """A move would lose what is moved, or be offered to where it cannot go."""
    olga = visits.user("olga")
    fresh(visits, "acme/mover")
    fresh(visits, "acme/nest", "group")
    assert send(olga, "/acme/mover/edit/transfer", {"namespace": "no/such"}).status == 422
    page = send(olga, "/acme/mover/edit/transfer", {"namespace": str(visits.town.places["acme/nest"])})
    assert page.location == "/acme/nest/mover/edit?done=moved"
    up = send(olga, "/groups/acme/nest/-/edit/transfer", {"group_id": ""})
    assert up.location == "/groups/nest/-/edit?done=moved"
    assert olga.get("/nest/mover").status == 200
    assert "nest" not in re.findall(r'<option value="[^"]*"[^>]*>([^<]*)</option>', olga.get("/groups/nest/-/edit").html)
    assert send(olga, "/groups/nest/-/edit/transfer", {"group_id": "999999"}).status == 422


def test_deleting_asks_for_the_path(visits: Visits) -> None:
    """A slip of the hand would take a project with everything in it."""
    path, olga = fresh(visits, "acme/doomed"), visits.user("olga")
    wrong = send(olga, f"/{path}/edit/delete", {"confirm": "acme/doom"})
    assert (wrong.status, "Type acme/doomed" in wrong.text) == (422, True)
    assert olga.get(f"/{path}").status == 200
    page = send(olga, f"/{path}/edit/delete", {"confirm": path})
    assert (page.status, page.location) == (303, "/groups/acme?done=project_deleted")
    assert "Its path stays taken." in olga.get(page.location).text
    assert olga.get(f"/{path}").status == 404
    fresh(visits, "acme/emptied", "group")
    assert send(olga, "/groups/acme/emptied/-/edit/delete", {"confirm": "acme/emptied"}).location == "/groups/acme?done=group_deleted"


def test_an_archived_project_says_so_and_comes_back(visits: Visits) -> None:
    """Nobody would know why publishing fails, or could never write again."""
    path, olga = fresh(visits, "acme/old"), visits.user("olga")
    assert send(olga, f"/{path}/edit/archive", {"do": "archive"}).location == f"/{path}/edit?done=archived"
    assert "This project can only be read." in olga.get(f"/{path}/edit").text
    assert send(olga, f"/{path}/edit/archive", {"do": "unarchive"}).location == f"/{path}/edit?done=unarchived"
    assert "Archive project" in olga.get(f"/{path}/edit").text


# -- members ---------------------------------------------------------------------------------------------------------


def test_a_member_is_added_changed_and_removed(visits: Visits) -> None:
    """Somebody would keep a role that was taken from them, or never get one."""
    fresh(visits, "acme/team", "group")
    olga, eve, page = visits.user("olga"), visits.user("eve"), "/groups/acme/team/-/group_members"
    assert eve.get("/groups/acme/team").status == 404
    added = send(olga, page, {"username": "@eve", "access_level": "20", "expires_at": "2030-01-31"})
    assert added.location == f"{page}?done=member_added"
    text = olga.get(page).text
    assert "Eve reporter" in text
    assert "until 2030-01-31" in text
    assert "Olga owner @olga · since just now" in text and "from a group above" in text
    assert eve.get("/groups/acme/team").status == 200
    assert send(olga, page, {"username": "eve", "access_level": "20"}).status == 422
    assert send(olga, page, {"username": "nobody-here", "access_level": "20"}).status == 422
    assert send(olga, page, {"username": "ben", "access_level": "20", "expires_at": "1999-01-01"}).status == 422
    one = f"{page}/{visits.town.people['eve']}"
    assert send(olga, one, {"access_level": "40", "expires_at": ""}).location == f"{page}?done=member_changed"
    assert "Eve maintainer" in olga.get(page).text
    assert send(olga, f"{one}/remove", {}).location == f"{page}?done=member_removed"
    assert eve.get("/groups/acme/team").status == 404


def test_nobody_grants_more_than_they_hold(visits: Visits) -> None:
    """A maintainer would make themselves an owner."""
    anna, page = visits.user("anna"), "/acme/tools/-/project_members"
    assert "Owner" not in re.findall(r"<option[^>]*>([^<]*)</option>", anna.get(page).html)
    refused = send(anna, page, {"username": "eve", "access_level": "50"})
    assert (refused.status, "above your own" in refused.text) == (422, True)
    assert visits.user("eve").get("/acme/tools").status == 404


def test_everybody_may_leave_and_no_more(visits: Visits) -> None:
    """A reporter could throw others out, or be held against their will."""
    path = fresh(visits, "acme/left")
    visits.run(visits.town.add_member(path, "ben", Role.REPORTER))
    ben, page = visits.user("ben"), f"/{path}/-/project_members"
    assert "Add a member" not in ben.get(page).text
    assert f"Leave {path}" in ben.get(page).text
    assert send(ben, page, {"username": "eve", "access_level": "10"}).status == 403
    assert send(ben, f"{page}/{visits.town.people['olga']}/remove", {}).status in (403, 404, 422)
    assert send(ben, f"{page}/{visits.town.people['ben']}/remove", {}).location == "/?done=member_removed"
    assert ben.get(f"/{path}").status == 404


def test_members_are_not_for_strangers(visits: Visits) -> None:
    """The users of a registry could be read off a public project."""
    assert visits.stranger().get("/open/garden/-/project_members").status == 404


# -- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["/acme/tools/-/settings", "/groups/acme/-/settings"])
def test_an_access_token_is_shown_once_works_and_ends(visits: Visits, base: str) -> None:
    """The token would be lost, be shown to others, or work after it was revoked."""
    olga, page = visits.user("olga"), f"{base}/access_tokens"
    made = send(olga, page, [("name", "robot"), ("access_level", "30"), ("expires_at", olga.get(page).field("expires_at")), ("scopes", "api")])
    assert made.status == 200
    token = secret_of(made)
    assert token not in olga.get(page).html
    assert visits.stranger().get("/api/v4/projects/acme%2Ftools", headers={"private-token": token}).status == 200
    action = re.search(rf'action="({re.escape(page)}/\d+/revoke)"', olga.get(page).html)
    assert action is not None
    assert send(olga, action.group(1), {}).location == f"{page}?done=token_revoked"
    assert visits.stranger().get("/api/v4/projects/acme%2Ftools", headers={"private-token": token}).status == 401
    assert send(olga, page, [("name", "robot"), ("access_level", "30")]).status == 422
    bad = send(olga, page, [("name", "robot two"), ("access_level", "30"), ("scopes", "sudo")])
    assert (bad.status, bad.field("name")) == (422, "robot two")


def test_a_deploy_token_carries_its_user_name(visits: Visits) -> None:
    """Nobody could use it: a client wants both."""
    olga, page = visits.user("olga"), "/acme/tools/-/settings/repository"
    made = send(olga, page, [("name", "fetch"), ("username", "fetcher"), ("scopes", "read_package_registry"), ("expires_at", "")])
    assert "User name fetcher" in made.text
    token = secret_of(made)
    path = f"/api/v4/projects/{visits.town.places['acme/tools']}/packages/pypi/simple/flask-widgets"
    assert visits.stranger().get(path, headers={"deploy-token": token}).status == 200
    action = re.search(rf'action="({re.escape(page)}/\d+/revoke)"', olga.get(page).html)
    assert action is not None
    assert send(olga, action.group(1), {}).status == 303
    assert visits.stranger().get(path, headers={"deploy-token": token}).status == 401
    assert send(olga, page, [("name", ""), ("scopes", "read_package_registry")]).status == 422


def test_the_address_fills_the_token_forms(visits: Visits) -> None:
    """A link of ours that says which scope is needed would open an empty form."""
    page = visits.user("olga").get("/acme/tools/-/settings/repository?name=ci&scopes=read_registry,write_registry")
    assert page.field("name") == "ci"
    assert len(re.findall(r'name="scopes" value="(?:read|write)_registry" checked', page.html)) == 2


# -- packages and registries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        (
            "package",
            {"package_name_pattern": "inner-*", "package_type": "npm", "minimum_access_level_for_push": "owner"},
            {"package_name_pattern": "inner-*", "package_type": "npm"},
        ),
        (
            "repository",
            {"repository_path_pattern": "acme/tools/*", "minimum_access_level_for_delete": "owner"},
            {"repository_path_pattern": "elsewhere/*", "minimum_access_level_for_delete": "owner"},
        ),
        (
            "tag",
            {"tag_name_pattern": "v.+", "minimum_access_level_for_push": "owner", "minimum_access_level_for_delete": "owner"},
            {"tag_name_pattern": "(", "minimum_access_level_for_push": "owner", "minimum_access_level_for_delete": "owner"},
        ),
    ],
)
def test_a_rule_is_added_refused_and_removed(visits: Visits, kind: str, fields: dict[str, str], wrong: dict[str, str]) -> None:
    """A rule that somebody relies on would not be there, or a wrong one would."""
    anna, page = visits.user("anna"), "/acme/tools/-/settings/packages_and_registries"
    assert send(anna, f"{page}/rules/{kind}", fields).location == f"{page}?done=rule_added"
    pattern = next(iter(fields.values()))
    told = anna.get(page)
    assert f"{pattern}" in told.text
    refused = send(anna, f"{page}/rules/{kind}", wrong)
    assert refused.status == 422
    assert 'role="alert"' in refused.html
    action = re.search(rf'action="({re.escape(page)}/rules/{kind}/\d+/remove)"', told.html)
    assert action is not None
    levels = {"minimum_access_level_for_push": "owner", "minimum_access_level_for_delete": "owner"}
    assert send(anna, action.group(1).removesuffix("/remove"), levels).location == f"{page}?done=saved"
    assert anna.get(page).text.count("owner and up") == 2
    assert send(anna, action.group(1), {}).location == f"{page}?done=rule_removed"
    assert action.group(1) not in anna.get(page).html


def test_a_group_settles_duplicates_and_forwarding(visits: Visits) -> None:
    """A box that is ticked would not count, or saving one part would change the other."""
    olga, page = visits.user("olga"), "/groups/acme/-/settings/packages_and_registries"
    assert send(olga, page, {"maven_duplicates_allowed": "true", "maven_duplicate_exception_regex": "com\\.acme\\..*"}).status == 303
    assert send(olga, f"{page}/forwarding", {"npm_package_requests_forwarding": "true"}).status == 303
    told = olga.get(page)
    assert re.search(r'name="maven_duplicates_allowed" value="true" checked', told.html)
    assert told.field("maven_duplicate_exception_regex") == "com\\.acme\\..*"
    assert re.search(r'name="npm_package_requests_forwarding" value="true" checked', told.html)
    assert not re.search(r'name="generic_duplicates_allowed" value="true" checked', told.html)
    wrong = send(olga, page, {"maven_duplicate_exception_regex": "("})
    assert (wrong.status, wrong.field("maven_duplicate_exception_regex")) == (422, "(")
    assert "settled by the group at the top" in olga.get("/groups/acme/web/-/settings/packages_and_registries").text


def test_the_dependency_proxy_is_set_up_without_showing_its_secret(visits: Visits) -> None:
    """The password of an upstream could be read off the page, or would be lost when something else is saved."""
    olga, page = visits.user("olga"), "/groups/acme/-/settings/packages_and_registries"
    sent = {"enabled": "true", "upstream_url": "https://upstream.example", "identity": "robot", "secret": "hush-hush", "ttl_days": "90"}
    assert send(olga, f"{page}/dependency_proxy", sent).location == f"{page}?done=saved_not_reachable"
    told = olga.get(page)
    assert (told.field("upstream_url"), told.field("identity"), told.field("ttl_days")) == ("https://upstream.example", "robot", "90")
    assert "hush-hush" not in told.html
    assert send(olga, f"{page}/dependency_proxy", sent | {"secret": "", "ttl_days": "30"}).status == 303
    assert olga.get(page).field("identity") == "robot"
    refused = send(olga, f"{page}/dependency_proxy", sent | {"upstream_url": "http://127.0.0.1:1"})
    assert (refused.status, "hush-hush" in refused.html) == (422, False)


def test_jobs_of_others_are_let_in_one_by_one(visits: Visits) -> None:
    """A project could not say whose jobs may use it."""
    olga, page = visits.user("olga"), "/acme/tools/-/settings/ci_cd"
    assert send(olga, f"{page}/allow", {"target": "acme/web/site"}).location == f"{page}?done=entry_added"
    assert "acme/web/site" in olga.get(page).text
    assert send(olga, f"{page}/allow", {"target": "groups/acme/web"}).status == 303
    assert send(olga, f"{page}/allow", {"target": "open/cellar"}).status == 422
    action = re.search(rf'action="({re.escape(page)}/project/\d+/remove)"', olga.get(page).html)
    assert action is not None
    assert send(olga, action.group(1), {}).location == f"{page}?done=entry_removed"
    assert send(olga, page, {}).location == f"{page}?done=saved"
    assert not re.search(r'name="enabled" value="true" checked', olga.get(page).html)
    assert send(olga, page, {"enabled": "true"}).status == 303


# -- users, the instance, the log ------------------------------------------------------------------------------------


def test_an_administrator_makes_changes_and_blocks_users(visits: Visits) -> None:
    """Somebody who has left could still come in, or nobody new could."""
    root = visits.user("root")
    sent = {"username": "newt", "name": "Newt", "email": "newt@mail.example", "password": PASSWORD, "external": "true"}
    assert send(root, "/admin/users", sent).location == "/admin/users?done=user_created"
    again = send(root, "/admin/users", sent)
    typed = re.search(r'id="new-user-3" name="email" type="email" value="([^"]*)"', again.html)
    assert typed is not None
    assert (again.status, typed.group(1), PASSWORD in again.html) == (422, "newt@mail.example", False)
    newt = visits.newcomer("newt")
    page = root.get("/admin/users?search=newt")
    action = re.search(r'action="(/admin/users/\d+)/state"', page.html)
    assert action is not None
    assert "external" in page.text
    assert send(root, action.group(1), {"name": "Newton", "email": "newt@mail.example"}).status == 303
    assert "Newton" in root.get("/admin/users?search=newt").text
    assert send(root, f"{action.group(1)}/state", {"do": "block"}).status == 303
    assert "blocked" in root.get("/admin/users?search=newt").text
    assert "@newt" not in newt.get("/").text
    assert visits.stranger().sign_in("newt").status == 422
    assert send(root, f"{action.group(1)}/state", {"do": "unblock"}).status == 303
    assert visits.stranger().sign_in("newt").status == 303
    myself = f"/admin/users/{visits.town.people['root']}"
    assert send(root, f"{myself}/state", {"do": "block"}).status == 422
    assert send(root, myself, {"name": "Administrator", "email": "root@localhost"}).status == 303
    assert root.get("/admin").status == 200


def test_the_switches_of_the_instance(visits: Visits) -> None:
    """A box would say one thing and the instance do another."""
    root, page = visits.user("root"), "/admin/application_settings/ci_cd"
    assert send(root, page, {"part": "switches", "packages_enabled": "true"}).status == 303
    told = root.get(page)
    assert re.search(r'name="packages_enabled" value="true" checked', told.html)
    assert not re.search(r'name="package_registry_allow_anyone_to_pull_option" value="true" checked', told.html)
    assert send(root, page, {"part": "switches", "packages_enabled": "true", "package_registry_allow_anyone_to_pull_option": "true"}).status == 303
    assert send(root, page, {"part": "numbers", "container_registry_token_expire_delay": "-1"}).status == 422
    assert send(root, page, {"part": "numbers", "container_registry_token_expire_delay": "10"}).status == 303
    assert root.get(page).field("container_registry_token_expire_delay") == "10"


def test_the_log_tells_who_did_what_and_where(visits: Visits) -> None:
    """An auditor could not find who changed something, or would read of places that are not theirs."""
    olga, root = visits.user("olga"), visits.user("root")
    path = fresh(visits, "acme/watched")
    assert send(olga, f"/{path}/edit", {"name": "Watched", "description": "x", "visibility": "private"}).status == 303
    mine = olga.get(f"/{path}/-/audit_events").text
    assert "Project changed" in mine
    assert "by olga · with a browser session" in mine
    above = olga.get("/groups/acme/-/audit_events?matter=packages").text
    assert "flask-widgets 2.4.1 published" in above
    assert "Project changed" not in above
    assert "secret-wine" not in above
    everything = root.get("/admin/audit_log").text
    assert "Signed in" in everything
    assert "Watched" in everything
    assert "Nothing that happened matches." in root.get("/admin/audit_log?actor=nobody-at-all").text
    assert "Signed in" in root.get("/admin/audit_log?matter=people&actor=olga&since=2020-01-01&until=2999-01-01").text
    assert "Signed in" not in root.get("/admin/audit_log?since=2999-01-01").text
    assert root.get("/admin/audit_log?since=nonsense&before=x&matter=odd").status == 200


def test_the_log_is_read_page_by_page(visits: Visits) -> None:
    """Old events would be out of reach, or be told twice."""
    root = visits.user("root")
    first = root.get("/admin/audit_log")
    older = next(href for href in first.links() if "before=" in href)

    def lines(page: Page) -> list[str]:
        return re.findall(r"<li>.*?</li>", page.html.partition('class="lines"')[2], re.DOTALL)

    second = root.get(older)
    assert len(lines(first)) == 50
    assert lines(second)
    assert not set(lines(first)) & set(lines(second)) or "First start" in second.text


def test_the_viewer_changes_their_own_profile(visits: Visits) -> None:
    """Nobody could correct their own name, or would change another's."""
    fay = visits.user("fay")
    assert send(fay, "/-/user_settings/profile", {"name": "Fay Wood", "email": "fay@mail.example"}).location == "/-/user_settings/profile?done=saved"
    assert fay.get("/-/user_settings/profile").field("name") == "Fay Wood"
    taken = send(fay, "/-/user_settings/profile", {"name": "Fay Wood", "email": "anna@mail.example"})
    assert (taken.status, taken.field("email")) == (422, "anna@mail.example")
    assert send(fay, "/-/user_settings/profile", {"name": "", "email": "fay@mail.example"}).status == 422


def test_a_password_change_wants_the_old_one_and_ends_other_sessions(visits: Visits) -> None:
    """Whoever finds an open browser would take the account; a thief would stay in."""
    path, new = "/-/user_settings/password/edit", "another good password"
    fay, elsewhere = visits.newcomer("fay"), visits.newcomer("fay")
    before = dict(fay.browser.cookies)
    for fields in (
        {"current": "wrong", "password": new, "again": new},
        {"current": PASSWORD, "password": new, "again": "other"},
        {"current": PASSWORD, "password": "short", "again": "short"},
        {"current": PASSWORD, "password": "x" * 200, "again": "x" * 200},
    ):
        page = send(fay, path, fields)
        assert (page.status, new in page.html, PASSWORD in page.html) == (422, False, False)
    page = send(fay, path, {"current": PASSWORD, "password": new, "again": new})
    assert (page.status, page.location) == (303, f"{path}?done=password_changed")
    assert fay.browser.cookies != before
    assert "@fay" in fay.get("/").text
    assert "@fay" not in elsewhere.get("/").text
    assert visits.stranger().sign_in("fay").status == 422
    assert visits.stranger().sign_in("fay", new).status == 303
    visits.cookies.pop("fay", None)
