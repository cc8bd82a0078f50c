"""The pages over a real house: who sees what, what a form does, where a link leads."""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

import pytest

from packhouse.auth.guesses import Guesses
from packhouse.auth.sessions import Sessions
from packhouse.errors import Forbidden, PlaceNotFound, RegistryError, SwitchedOff, TooManyRequests, Unauthenticated
from packhouse.model import About, Visibility
from packhouse.ui.pages import Pages
from packhouse.ui.replies import POLICY

from .conftest import Visits, Walker
from .town import BASE, PASSWORD, Page, open_town

WIDGETS = "/acme/tools/-/packages"
TOKENS = "/-/user_settings/personal_access_tokens"
PATHS = ("/", "/-/packages", "/groups/open", "/groups/open/-/packages", "/open/garden", "/open/garden/-/packages", "/users/sign_in", "/no/such/place")


def open_package(walker: Walker, name: str, where: str = WIDGETS) -> Page:
    """The page of the newest version of a package, found as a reader finds it."""
    found = re.search(rf'<a class="name" href="([^"]*)">{re.escape(name)}</a>', walker.get(f"{where}?search={name}").html.replace("<wbr>", ""))
    assert found is not None
    return walker.get(found.group(1))


# -- every page ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_every_page_carries_the_policy(visits: Visits, path: str) -> None:
    """A script smuggled into a page would run, or the page would be kept where others read it."""
    page = visits.stranger().get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == POLICY
    assert page.headers["cache-control"] == "no-store, private"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["permissions-policy"].startswith("camera=()")
    assert page.headers["vary"] == "Cookie"
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_its_body(visits: Visits, path: str) -> None:
    """A link checker would be told something else than a reader."""
    walker = visits.stranger()
    page, head = walker.get(path), walker.get(path, method="HEAD")
    assert (head.status, head.body) == (page.status, b"")
    assert head.headers["content-type"] == page.headers["content-type"]


def test_the_bundle_is_served_for_ever(visits: Visits) -> None:
    """Every page would fetch style and script again, or get them unpacked."""
    walker = visits.stranger()
    href = re.search(r'href="(/-/static/app-[0-9a-f]+\.css)"', walker.get("/users/sign_in").html)
    assert href is not None
    plain, packed = walker.get(href.group(1)), walker.get(href.group(1), headers={"accept-encoding": "br, gzip;q=0.8"})
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"] == "text/css; charset=utf-8"
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body)
    assert walker.get("/-/static/app.css").status == 404
    assert "content-encoding" not in walker.get(href.group(1), headers={"accept-encoding": "gzip;q=0"}).headers


# -- signing in and out ----------------------------------------------------------------------------------------------


def test_signing_in_leads_back_and_sets_a_careful_cookie(visits: Visits) -> None:
    """A script, or another site, could take the session."""
    walker = visits.stranger()
    page = walker.sign_in("anna", PASSWORD, WIDGETS)
    assert (page.status, page.location) == (303, WIDGETS)
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("packhouse_session=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie.split("; ")
    assert "@anna" in walker.get("/").text
    assert walker.get("/users/sign_in").status == 303


def test_a_mail_address_signs_in_too(visits: Visits) -> None:
    """Somebody who remembers only the address would be locked out."""
    assert visits.stranger().sign_in("Anna@mail.example").status == 303


@pytest.mark.parametrize(("username", "password"), [("anna", "guess-one"), ("nobody", PASSWORD), ("", ""), ("anna", ""), ("anna", "x" * 5000)])
def test_a_wrong_password_gets_the_form_back(visits: Visits, username: str, password: str) -> None:
    """The name typed would be lost, or the answer would tell names from passwords."""
    walker = visits.stranger()
    page = walker.sign_in(username, password, WIDGETS)
    assert page.status == 422
    assert "The username or the password is wrong." in page.text
    assert page.field("return_to") == WIDGETS
    assert page.field("username") == username
    assert password not in page.html or not password
    assert not walker.browser.cookies


def test_too_many_wrong_passwords_are_told_to_wait(visits: Visits) -> None:
    """Passwords could be guessed at full speed."""
    walker = visits.stranger()
    answers = [walker.sign_in("eve", f"guess {number}") for number in range(12)]
    assert [page.status for page in answers[-2:]] == [429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Try again in" in answers[-1].text
    visits.town.house.gate.throttle._guesses = Guesses()


def test_signing_in_gives_a_new_session_and_ends_the_old(visits: Visits) -> None:
    """A session id planted beforehand would become the victim's."""
    walker = visits.newcomer("anna")
    before = dict(walker.browser.cookies)
    walker.sign_in("ben")
    assert walker.browser.cookies["packhouse_session"] != before["packhouse_session"]
    assert "@ben" in walker.get("/").text
    walker.browser.cookies = before
    assert "@anna" not in walker.get("/-/packages").text


def test_signing_out_ends_the_session_on_our_side(visits: Visits) -> None:
    """A copied cookie would work on after its owner has left."""
    walker = visits.newcomer("anna")
    copy = dict(walker.browser.cookies)
    page = walker.post("/users/sign_out", {"csrf": walker.get(WIDGETS).field("csrf")})
    assert (page.status, page.location) == (303, "/users/sign_in?done=signed_out")
    assert "You have signed out." in walker.get(page.location).text
    assert walker.get(WIDGETS).status == 404
    walker.browser.cookies = copy
    assert walker.get(WIDGETS).status == 404


@pytest.mark.parametrize("path", ["/users/sign_out", TOKENS, f"{TOKENS}/1/revoke"])
def test_a_form_without_the_sessions_token_is_refused(visits: Visits, path: str) -> None:
    """Another site could sign a user out, or make and revoke their tokens."""
    anna, ben = visits.user("anna"), visits.user("ben")
    for csrf in ("", "guessed", ben.get("/").field("csrf")):
        page = anna.post(path, {"csrf": csrf, "name": "x", "scopes": "api", "expires_at": "2027-01-01"})
        assert page.status == 403
    assert "@anna" in anna.get("/").text


@pytest.mark.parametrize("path", ["/users/sign_in", "/users/sign_out", TOKENS, "/-/theme"])
@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
def test_a_form_of_another_site_is_refused(visits: Visits, path: str, headers: dict[str, str]) -> None:
    """Another site could sign a reader in as somebody else, or act for them."""
    anna = visits.user("anna")
    fields = {"csrf": anna.get("/").field("csrf"), "username": "ben", "password": PASSWORD, "theme": "dark"}
    assert anna.post(path, fields, headers=headers).status == 403


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_signing_in_leads_nowhere_else(visits: Visits, path: str) -> None:
    """After signing in a reader could land on a page that only looks like ours."""
    assert visits.stranger().sign_in("anna", PASSWORD, path).location == "/"
    assert visits.user("anna").get(f"/users/sign_in?return_to={path}").location == "/"


def test_a_theme_stays_until_the_system_is_followed_again(visits: Visits) -> None:
    """The choice would be forgotten on the next page."""
    walker = visits.stranger()
    page = walker.post("/-/theme", {"theme": "dark", "return_to": "/-/packages?search=x"})
    assert (page.status, page.location) == (303, "/-/packages?search=x")
    assert 'data-theme="dark"' in walker.get("/-/packages").html
    walker.post("/-/theme", {"theme": "", "return_to": "/"})
    assert "data-theme=" not in walker.get("/-/packages").html.replace("data-theme-form", "")
    walker.browser.cookies["packhouse_theme"] = '"><script>'
    assert "<script>" not in walker.get("/-/packages").html


# -- who sees what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/acme/tools", WIDGETS, "/groups/acme", "/groups/acme/-/packages", f"{WIDGETS}/1", "/acme/tools/-/package_files/1/download"]
)
def test_hidden_and_absent_look_the_same(visits: Visits, path: str) -> None:
    """A stranger could find out which private projects exist."""
    for walker in (visits.stranger(), visits.user("eve")):
        hidden, absent = walker.get(path), walker.get(path.replace("acme", "umbra"))
        assert hidden.status == absent.status
        assert hidden.html.replace("acme", "umbra") == absent.html
        assert "flask" not in hidden.html


def test_a_reporter_reads_one_project_and_not_its_neighbour(visits: Visits) -> None:
    """Membership of a project would open the whole group."""
    ben = visits.user("ben")
    assert ben.get(WIDGETS).status == 200
    assert ben.get("/acme/web/site").status == 404
    listed = ben.get("/groups/acme/-/packages").text
    assert "flask-widgets" in listed
    assert "bundle" not in listed


def test_a_group_list_leaves_no_gap_where_a_project_is_hidden(visits: Visits) -> None:
    """The number of versions would tell of packages that the reader may not see."""
    for walker, number in ((visits.stranger(), 1), (visits.user("root"), 2)):
        page = walker.get("/groups/open/-/packages")
        assert page.html.count('<td class="col-name"') == number
        assert f"{number} in all" in page.text
        assert ("secret-wine" in page.text) == (number == 2)


def test_everything_holds_what_the_reader_may_see(visits: Visits) -> None:
    """The list of the whole instance would leak private names, in rows or in counts."""
    stranger = visits.stranger().get("/-/packages")
    assert "1 in all" in stranger.text
    assert "flask" not in stranger.html
    anna = visits.user("anna").get("/-/packages").text
    assert "flask-widgets" in anna
    assert "secret-wine" not in anna


def test_subgroups_are_part_of_the_group(visits: Visits) -> None:
    """A group's list would end at its own projects."""
    page = visits.user("anna").get("/groups/acme/-/packages")
    assert "bundle" in page.text
    assert "acme/web/site" in page.text
    overview = visits.user("anna").get("/groups/acme")
    assert "/groups/acme/web" in overview.links()
    assert "/acme/tools" in overview.links()


def test_who_cannot_publish_is_not_taught_to(visits: Visits) -> None:
    """A reader would follow commands that are refused."""
    visits.run(visits.town.add_place("project", "open/bare", Visibility.PUBLIC))
    assert "Publish the first package" in visits.user("root").get("/open/bare/-/packages").text
    for walker in (visits.stranger(), visits.user("eve")):
        page = walker.get("/open/bare/-/packages")
        assert "Publish the first package" not in page.text
        assert "Nothing matches." in page.text


def test_a_group_path_without_its_prefix_leads_to_the_group(visits: Visits) -> None:
    """A typed address would find nothing although the group is there."""
    page = visits.user("anna").get("/acme")
    assert (page.status, page.location) == (303, "/groups/acme")
    assert visits.stranger().get("/acme").status == 404


def test_a_refused_page_keeps_the_reader_signed_in(visits: Visits) -> None:
    """Somebody would be asked to sign in who has, or sent to a page that never ends."""
    page = visits.user("eve").get("/nothing/here")
    assert page.status == 404
    assert "Nothing is here" in page.text


def test_a_page_for_users_asks_a_stranger_to_sign_in(visits: Visits) -> None:
    """A stranger would be told that their own token page does not exist."""
    page = visits.stranger().get(TOKENS)
    assert page.status == 303
    assert page.location.startswith("/users/sign_in")


# -- lists -----------------------------------------------------------------------------------------------------------


def test_a_list_is_searched_filtered_sorted_and_paged_by_its_address(visits: Visits) -> None:
    """A copied link would show another list than its sender saw."""
    town = visits.town
    visits.run(town.add_place("project", "open/many", Visibility.PUBLIC))
    for number in range(23):
        visits.run(town.publish("open/many", "generic", f"part-{number:02}", "1.0.0", {"part.txt": b"%d" % number}))
    visits.run(town.publish("open/many", "pypi", "part-py", "2.0", {"part_py-2.0.tar.gz": b"py"}))
    walker, path = visits.stranger(), "/open/many/-/packages"

    def names(query: str) -> list[str]:
        return re.findall(r'<a class="name" href="[^"]*">([^<]*)</a>', walker.get(path + query).html.replace("<wbr>", ""))

    on = next(href for href in walker.get(path).links() if "after=" in href)
    first, second = names(""), names(on.removeprefix(path))
    back = next(href for href in walker.get(on).links() if "before=" in href)
    assert names(back.removeprefix(path)) == first
    assert "21–24 of 24" in walker.get(on).text
    assert len(first) == 20
    assert len(second) == 4
    assert first[0] == "part-py"
    assert len({*first, *second}) == 24
    assert names("?orderBy=name&sort=asc")[:2] == ["part-00", "part-01"]
    assert names("?orderBy=name&sort=desc")[0] == "part-py"
    assert names("?search=PART-1&orderBy=name") == [f"part-{number}" for number in range(10, 20)]
    assert names("?type=PyPI") == ["part-py"]
    assert names("?search=type:pypi") == ["part-py"]
    assert names("?version=2.0") == ["part-py"]
    assert names("?search=version:2.*") == ["part-py"]
    assert names("?search=version:*.0.%25") == []
    assert names("?orderBy=type")[0] == "part-py"
    assert names("?orderBy=type&sort=desc")[0] == "part-22"
    assert names("?search=nothing") == []
    assert names("?after=x") == first
    page = walker.get(path)
    assert "1–20 of 24" in page.text
    assert 'aria-sort="descending"' in page.html
    assert f"{path}?type=pypi" in page.links()
    assert "Take all filters off" in walker.get(path + "?search=nothing").text


@pytest.mark.parametrize(
    "query",
    [
        "?after=-1",
        "?before=WyJ4IiwxLDBd",
        "?orderBy=name&after=WzEsMSwwXQ",
        "?sort=up",
        "?orderBy=;drop",
        "?type=%00",
        "?search=%25",
        "?search=_",
        "?search=%27",
        "?status=x",
        "?a=%ff",
    ],
)
def test_an_odd_query_gets_a_list(visits: Visits, query: str) -> None:
    """A mistyped address would be answered with an error, or reach the database as a command."""
    assert visits.stranger().get("/open/garden/-/packages" + query).status in {200, 400}


def test_a_wildcard_in_the_search_is_a_plain_sign(visits: Visits) -> None:
    """Searching for a percent sign would find everything."""
    assert "Nothing matches." in visits.stranger().get("/open/garden/-/packages?search=%25").text


# -- a package -------------------------------------------------------------------------------------------------------


def test_a_package_page_tells_what_there_is_to_know(visits: Visits) -> None:
    """Somebody would have to download a package to learn what it is."""
    page = open_package(visits.user("ben"), "flask-widgets")
    for words in (
        "flask-widgets", "2.4.1", "Small widgets for forms", "MIT", "Anna Berg", "Python >=3.9", "forms", "widgets", "It works. See the guide.",
        "flask_widgets-2.4.1-py3-none-any.whl", "by anna", "2 files were published",
    ):  # fmt: skip
        assert words in page.text
    assert "https://docs.example/guide" in page.links()
    assert "javascript:" not in page.html


def test_every_digest_is_the_one_of_the_file(visits: Visits) -> None:
    """A careful user would check a download against a wrong digest."""
    ben = visits.user("ben")
    page = open_package(ben, "flask-widgets")
    hrefs = [href for href in page.links() if href.endswith("/download")]
    assert len(hrefs) == 2
    for href in hrefs:
        file = ben.get(href)
        for name in ("md5", "sha1", "sha256", "sha512"):
            assert hashlib.new(name, file.body).hexdigest() in page.html


def test_a_download_is_never_shown_as_a_page(visits: Visits) -> None:
    """An uploaded page would run in our origin."""
    visits.run(visits.town.publish("open/garden", "generic", "weeds", "1.0.0", {"evil.html": b"<script>alert(1)</script>"}))
    walker = visits.stranger()
    href = next(href for href in open_package(walker, "weeds", "/open/garden/-/packages").links() if href.endswith("/download"))
    file = walker.get(href)
    assert file.body == b"<script>alert(1)</script>"
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith('attachment; filename="evil.html"')
    assert "sandbox" in file.headers["content-security-policy"]
    assert file.headers["x-content-type-options"] == "nosniff"


def test_a_file_is_reached_through_its_own_project_only(visits: Visits) -> None:
    """A file of a private project could be fetched through a public one."""
    anna = visits.user("anna")
    href = next(href for href in open_package(anna, "flask-widgets").links() if href.endswith("/download"))
    number = re.search(r"package_files/(\d+)/", href)
    assert number is not None
    assert anna.get(f"/open/garden/-/package_files/{number.group(1)}/download").status == 404
    for odd in ("0", "x", "99999999999999999999", "-1", "1.5"):
        assert anna.get(f"/acme/tools/-/package_files/{odd}/download").status == 404
        assert anna.get(f"{WIDGETS}/{odd}").status == 404


def test_snippets_are_filled_in_and_hold_no_secret(visits: Visits) -> None:
    """A reader would have to put host, project and name together by hand."""
    page = open_package(visits.user("ben"), "flask-widgets")
    project = visits.town.places["acme/tools"]
    assert f"{BASE.removeprefix('http://')}/api/v4/projects/{project}/packages/pypi/simple" in page.text
    assert "pip install" in page.text
    assert any(link.startswith(f"{TOKENS}?name=pypi&scopes=read_api&return_to=%2Facme%2Ftools%2F-%2Fpackages%2F") for link in page.links())
    assert "extra-index" not in page.html


def test_versions_and_tags_lead_to_one_another(visits: Visits) -> None:
    """An older version could be found only by its number."""
    anna = visits.user("anna")
    page = open_package(anna, "flask-widgets")
    versions = anna.get(next(href for href in page.links() if href.endswith("?tab=versions")))
    assert "2.4.0" in versions.text
    assert "2.4.1" in versions.text
    old = next(
        href
        for href in versions.links()
        if href.startswith(f"{WIDGETS}/") and "tab" not in href and anna.get(href).text.startswith("flask-widgets 2.4.0")
    )
    assert "flask_widgets-2.4.0.tar.gz" in anna.get(old).text


@pytest.mark.parametrize(
    ("tab", "words"), [("files", "SHA-512"), ("dependencies", "flask >=3.0"), ("activity", "2 files were published"), ("nonsense", "Readme")]
)
def test_every_tab_has_an_address(visits: Visits, tab: str, words: str) -> None:
    """A part of the page could not be linked, or a mistyped one would fail."""
    anna = visits.user("anna")
    path = next(href for href in open_package(anna, "flask-widgets").links() if href.endswith("?tab=files")).replace("files", tab)
    page = anna.get(path)
    assert page.status == 200
    assert words in page.text


def test_a_yanked_version_says_so_and_why(visits: Visits) -> None:
    """Somebody would install a version its makers have taken back."""
    visits.run(visits.town.publish("open/garden", "pypi", "rotten", "1.0", {"rotten-1.0.tar.gz": b"x"}))
    view = visits.run(visits.town.hold("open/garden", "pypi", "root"))
    visits.run(view.yank("rotten", "1.0", "it <b>smells</b>"))
    page = open_package(visits.stranger(), "rotten", "/open/garden/-/packages")
    assert "This version is yanked: it <b>smells</b>." in page.text
    assert "<b>smells" not in page.html
    assert "was yanked by root" in page.text


def test_what_disagrees_with_itself_is_said(visits: Visits) -> None:
    """Somebody would take a jar under a borrowed name for what its POM says it is."""
    about = About(warnings=("The POM names org.other:<i>thing</i>:9.9",))
    visits.run(visits.town.publish("open/garden", "pypi", "borrowed", "1.0", {"borrowed-1.0.tar.gz": b"x"}, about=about))
    page = open_package(visits.stranger(), "borrowed", "/open/garden/-/packages")
    assert "The POM names org.other:<i>thing</i>:9.9" in page.text
    assert "<i>thing" not in page.html


def test_history_is_told_newest_first(visits: Visits) -> None:
    """What happened last would be found last, or not at all."""
    town = visits.town
    visits.run(town.publish("open/garden", "npm", "bulbs", "1.0.0", {"bulbs-1.0.0.tgz": b"x"}, tags=("latest",)))
    view = visits.run(town.hold("open/garden", "npm", "root"))
    visits.run(view.tag("bulbs", "stable", "1.0.0"))
    page = open_package(visits.stranger(), "bulbs", "/open/garden/-/packages")
    tagged, published = page.text.find("Tag stable was put on 1.0.0"), page.text.find("bulbs-1.0.0.tgz was published")
    assert 0 < tagged < published
    assert "latest" in page.text


def test_hostile_metadata_stays_text(visits: Visits) -> None:
    """A package could take over the session of whoever looks at it."""
    evil = "<script>alert(1)</script>"
    about = About(
        summary=evil, readme=f"# {evil}\n\n{evil}\n", license=evil, author=evil, keywords=(evil,), requires=evil, links={evil: "javascript:alert(1)"},
    )  # fmt: skip
    visits.run(visits.town.publish("open/garden", "pypi", "ivy", "1.0", {"ivy-1.0.tar.gz": b"ivy"}, about=about))
    page = open_package(visits.stranger(), "ivy", "/open/garden/-/packages")
    assert "<script>alert" not in page.html
    assert "javascript:" not in page.html


def test_a_version_of_another_project_is_not_found_here(visits: Visits) -> None:
    """A private package could be read through the address of a public project."""
    anna = visits.user("anna")
    href = next(href for href in open_package(anna, "flask-widgets").links() if href.endswith("?tab=files"))
    assert anna.get(href.replace("/acme/tools/", "/open/garden/")).status == 404


# -- the first page --------------------------------------------------------------------------------------------------


def test_a_stranger_sees_what_is_public(visits: Visits) -> None:
    """A public registry would greet its readers with a sign-in form."""
    visits.run(visits.town.publish("open/garden", "generic", "roses", "1.0.0", {"roses.txt": b"red"}))
    page = visits.stranger().get("/")
    assert page.status == 200
    assert "roses" in page.text
    assert "flask" not in page.html


def test_a_user_sees_their_own_places(visits: Visits) -> None:
    """Somebody would have to remember the addresses of their projects."""
    visits.run(visits.town.publish("acme/tools", "generic", "hammer", "1.0.0", {"hammer.txt": b"iron"}, person="anna"))
    page = visits.user("anna").get("/")
    for href in ("/acme/tools", "/acme/web/site", "/groups/acme", "/groups/acme/web"):
        assert href in page.links()
    assert "Your projects" in page.text
    assert "hammer" in page.text
    assert "hammer" not in visits.user("eve").get("/").text


# -- tokens ----------------------------------------------------------------------------------------------------------


def make_token(walker: Walker, **fields: str) -> Page:
    page = walker.get(TOKENS)
    return walker.post(TOKENS, {"csrf": page.field("csrf"), "name": "laptop", "scopes": "api", "expires_at": page.field("expires_at")} | fields)


def test_a_token_is_shown_once_works_and_ends_when_revoked(visits: Visits) -> None:
    """A token could be read again later, or would work on after it was revoked."""
    anna = visits.user("anna")
    page = make_token(anna, name="laptop <b>")
    secret = re.search(r"phpat_[0-9A-Za-z]{49}", page.html)
    assert page.status == 200
    assert secret is not None
    assert "<b>" not in page.html
    listed = anna.get(TOKENS)
    assert "laptop <b>" in listed.text
    assert "never used" in listed.text
    assert secret.group() not in listed.html
    project = visits.town.places["acme/tools"]
    simple = f"/api/v4/projects/{project}/packages/pypi/simple/flask-widgets"
    assert visits.stranger().get(simple, headers={"private-token": secret.group()}).status == 200
    action = re.search(rf'action="({TOKENS}/\d+/revoke)"', listed.html)
    assert action is not None
    done = anna.post(action.group(1), {"csrf": listed.field("csrf")})
    assert (done.status, done.location) == (303, f"{TOKENS}?done=token_revoked")
    assert "laptop" not in anna.get(TOKENS).text
    assert visits.stranger().get(simple, headers={"private-token": secret.group()}).status == 401


def test_a_token_leads_back_to_what_it_is_for(visits: Visits) -> None:
    """Somebody in the middle of publishing would lose their place, or be led to another site."""
    anna = visits.user("anna")
    asked = anna.get(f"{TOKENS}?name=x&scopes=api&return_to=/acme/tools/-/packages?type=pypi")
    assert asked.field("return_to") == "/acme/tools/-/packages?type=pypi"
    made = make_token(anna, return_to="/acme/tools/-/packages?type=pypi")
    assert "/acme/tools/-/packages?type=pypi" in made.links()
    assert make_token(anna, return_to="//evil.example/").links().count("//evil.example/") == 0
    assert anna.get(f"{TOKENS}?return_to=https://evil.example/").field("return_to") == "/"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " "}, "needs a name"), ({"name": "x" * 300}, "needs a name"), ({"scopes": "everything"}, "no scope 'everything'"),
        ({"scopes": "sudo"}, "no scope 'sudo'"), ({"expires_at": "soon"}, "not a date"), ({"expires_at": "2001-01-01"}, "expires after today"),
        ({"expires_at": "9999-01-01"}, "expires after today"), ({"expires_at": ""}, "not a date"),
    ],
)  # fmt: skip
def test_a_form_with_a_fault_comes_back_filled_in(visits: Visits, fields: dict[str, str], words: str) -> None:
    """What was typed would be lost, or a token made that nobody should have."""
    anna = visits.user("anna")
    page = make_token(anna, **fields)
    assert page.status == 422
    assert words in page.text
    assert "phpat_" not in page.html
    assert page.field("name") == fields.get("name", "laptop").strip()


def test_a_token_of_somebody_else_cannot_be_revoked(visits: Visits) -> None:
    """Any user could lock out any other."""
    anna, ben = visits.user("anna"), visits.user("ben")
    make_token(anna, name="hers")
    action = re.search(rf'action="({TOKENS}/\d+/revoke)"', anna.get(TOKENS).html)
    assert action is not None
    assert ben.post(action.group(1), {"csrf": ben.get(TOKENS).field("csrf")}).status == 404
    assert "hers" in anna.get(TOKENS).text


def test_an_address_fills_the_form_in(visits: Visits) -> None:
    """The link beside a snippet would lead to an empty form."""
    page = visits.user("anna").get(f"{TOKENS}?name=pip&scopes=read_api,nonsense")
    assert page.field("name") == "pip"
    assert re.findall(r'value="([a-z_]+)" checked', page.html) == ["read_api"]


# -- what went wrong -------------------------------------------------------------------------------------------------


def scope_of(path: str, cookies: dict[str, str] | None = None) -> dict[str, object]:
    cookie = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
    return {"method": "GET", "raw_path": path.encode(), "query_string": b"tab=files", "headers": [(b"cookie", cookie.encode())] if cookie else []}


def refuse(visits: Visits, error: RegistryError, scope: dict[str, object]) -> Page:
    house = visits.town.house
    reply = visits.run(Pages(house, Sessions(house.database)).refuse(error, scope))
    return Page(reply.status_code, dict(reply.headers), bytes(reply.body))


def test_who_must_sign_in_is_led_there_and_back(visits: Visits) -> None:
    """Somebody would have to find the page again after signing in."""
    page = refuse(visits, Unauthenticated(), scope_of("/acme/tools/-/packages/1"))
    assert (page.status, page.location) == (303, "/users/sign_in?return_to=%2Facme%2Ftools%2F-%2Fpackages%2F1%3Ftab%3Dfiles")
    hidden = refuse(visits, PlaceNotFound(), scope_of("/acme/tools"))
    assert hidden.status == 404
    assert "/users/sign_in?return_to=%2Facme%2Ftools%3Ftab%3Dfiles" in hidden.links()


def test_a_refusal_knows_who_is_signed_in(visits: Visits) -> None:
    """Somebody would be asked to sign in who has."""
    cookies = visits.user("eve").browser.cookies
    for error, status in ((PlaceNotFound(), 404), (Forbidden("Forbidden - the <b>reason</b>"), 403), (SwitchedOff(), 403)):
        page = refuse(visits, error, scope_of("/acme/tools", cookies))
        assert page.status == status
        assert "@eve" in page.text
        assert "Sign in" not in page.text
        assert "<b>" not in page.html


@pytest.mark.parametrize(
    ("path", "word"), [("/acme/flask-widgets", "flask-widgets"), ("/acme/nothing/-/packages/9999", "nothing"), ("/x%22%3E%3Cb%3E", 'x"><b>')]
)
def test_what_was_meant_is_ready_to_be_searched(visits: Visits, path: str, word: str) -> None:
    """Somebody who mistyped an address would have to type its name again; or the address would become markup."""
    page = visits.user("anna").get(path)
    assert page.status == 404
    assert page.field("search") == word
    assert "<b>" not in page.html


def test_a_failure_tells_nothing_of_its_cause(visits: Visits) -> None:
    """An error of ours would show paths, names or secrets of the server."""
    page = refuse(visits, RegistryError("/srv/secret is broken"), scope_of("/"))
    assert page.status == 500
    assert "secret" not in page.html
    assert refuse(visits, TooManyRequests(retry_after=7), scope_of("/")).headers["retry-after"] == "7"


# -- an empty house --------------------------------------------------------------------------------------------------


def test_an_empty_house_teaches_its_first_user(visits: Visits, tmp_path: Path) -> None:
    """Whoever has just installed the registry would look at a blank page."""

    async def walk() -> None:
        async with open_town(tmp_path / "empty") as town:
            stranger = await town.browser().get("/")
            assert (stranger.status, stranger.location) == (303, "/users/sign_in")
            root = await town.signed_in("root")
            page = await root.get("/")
            assert "Publish the first package" in page.text
            assert f"{BASE}/api/v4/projects/root%2Fmy-project/packages/generic/" in page.text
            project = await town.add_place("project", "root/first")
            page = await root.get("/")
            assert f"{BASE}/api/v4/projects/{project}/packages/pypi" in page.text
            assert "/-/user_settings/personal_access_tokens?name=first&scopes=api&return_to=%2F" in page.links()
            await town.publish("root/first", "generic", "hello", "1.0.0", {"hello.txt": b"hello"})
            page = await root.get("/")
            assert "Publish the first package" not in page.text
            assert "hello" in page.text

    asyncio.run(walk())


@pytest.mark.parametrize("path", ["/acme/../x", "/acme/%2e%2e/x", "/acme/tools/-/packages/%00", "/groups/a%ffb", "/acme/" + "a" * 4200])
def test_a_path_that_cannot_be_read_is_answered_by_a_page(visits: Visits, path: str) -> None:
    """A browser that was led to an odd address would show a line of JSON."""
    page = visits.stranger().get(path)
    assert page.status in (400, 404)
    assert page.headers["content-type"] == "text/html; charset=utf-8" and page.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("path", ["/api/v4/projects/%2e%2e/packages", "/api/v4/projects/1/packages/generic/a/1/%00"])
def test_a_path_of_the_api_that_cannot_be_read_is_answered_in_json(visits: Visits, path: str) -> None:
    """A client would get a page to parse."""
    page = visits.stranger().get(path)
    assert (page.status, page.headers["content-type"]) == (400, "application/json")
