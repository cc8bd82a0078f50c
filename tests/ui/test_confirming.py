"""What outlasts a session wants the password once more, where the viewer signed in a while ago."""

from __future__ import annotations

import re
from functools import partial

from sqlalchemy import Connection

from packhouse.auth.sessions import FRESH
from packhouse.auth.tokens import hash_token
from packhouse.db import oidc, users
from packhouse.ui.changing import wants_confirming
from packhouse.ui.pages import Pages

from .conftest import Visits, Walker
from .town import PASSWORD, Page

TOKENS = "/-/user_settings/personal_access_tokens"
MEMBERS = "/acme/tools/-/project_members"
COOKIE = "packhouse_session"
WANTING = {
    TOKENS.removeprefix("/"),
    "{project+}/-/settings/access_tokens",
    "{project+}/-/settings/repository",
    "{project+}/-/project_members",
    "{project+}/-/project_members/{user_id}",
    "{project+}/-/project_members/{user_id}/remove",
    "groups/{group+}/-/settings/access_tokens",
    "groups/{group+}/-/settings/repository",
    "groups/{group+}/-/group_members",
    "groups/{group+}/-/group_members/{user_id}",
    "groups/{group+}/-/group_members/{user_id}/remove",
    "{project+}/-/settings/ci_cd",
    "{project+}/-/settings/ci_cd/allow",
    "{project+}/-/settings/ci_cd/{kind}/{ally_id}/remove",
    "{project+}/-/settings/ci_cd/publishers",
    "{project+}/-/settings/ci_cd/publishers/{publisher_id}/remove",
    "admin/trusted_issuers",
    "admin/trusted_issuers/{issuer_id}/remove",
    "admin/users",
    "admin/users/{user_id}",
    "admin/single_sign_on",
    "-/user_settings/identities",
}


def age(visits: Visits, walker: Walker) -> None:
    """The session was opened a while ago."""
    hashed = hash_token(walker.browser.cookies[COOKIE])

    def work(connection: Connection) -> None:
        found = users.find_session(connection, hashed)
        assert found is not None
        users.drop_session(connection, hashed)
        users.add_session(connection, hashed, found[0], found[1], found[2] - FRESH)

    visits.run(visits.town.house.database.write(work))


def returning(visits: Visits, name: str = "anna") -> Walker:
    """Somebody who signed in a while ago."""
    walker = visits.newcomer(name)
    age(visits, walker)
    return walker


def make_token(walker: Walker, name: str, **more: str) -> Page:
    page = walker.get(TOKENS)
    fields = [("csrf", page.field("csrf")), ("name", name), ("expires_at", page.field("expires_at")), ("scopes", "api"), ("scopes", "read_user")]
    return walker.post(TOKENS, [*fields, *more.items()], headers={"referer": f"http://127.0.0.1:8080{TOKENS}?name=x"})


def carried(page: Page) -> list[tuple[str, str]]:
    """What the page that asks would send again, without a password."""
    form = page.html.partition('id="confirm-panel"')[2]
    inputs = [part.partition(">")[0] for part in form.split('<input type="hidden" ')[1:]]
    return [(one.split('"')[1], one.split('"')[3].replace("&amp;", "&")) for one in inputs]


def test_every_form_that_wants_it(visits: Visits) -> None:
    """A page that makes lasting keys could be added, or lose its question, without anybody noticing."""
    house = visits.town.house
    found = {route.path for route in Pages(house, visits.town.app._entrance.sessions)._routes() if wants_confirming(route.handler)}
    assert found == WANTING


def test_a_fresh_session_is_not_asked(visits: Visits) -> None:
    """Who has just signed in would be asked for the password they have just typed."""
    assert "Your new token plain" in make_token(visits.newcomer("anna"), "plain").text


def test_an_older_session_confirms_and_loses_nothing(visits: Visits) -> None:
    """A session that was left open, or whose cookie was stolen, could make a key that outlasts it."""
    walker = returning(visits)
    old = dict(walker.browser.cookies)
    page = make_token(walker, "stale & co")
    assert (page.status, "Confirm that it is you" in page.text) == (403, True)
    assert "stale & co" not in walker.get(TOKENS).text
    assert f"{TOKENS}?name=x" in page.links()
    sent = carried(page)
    assert [value for name, value in sent if name == "scopes"] == ["api", "read_user"]
    wrong = walker.post(TOKENS, [*sent, ("confirm_password", "wrong")])
    assert (wrong.status, "The password is wrong." in wrong.text) == (422, True)
    assert f"{TOKENS}?name=x" in wrong.links()
    assert carried(wrong) == sent
    made = walker.post(TOKENS, [*carried(wrong), ("confirm_password", PASSWORD)])
    assert (made.status, "Your new token stale & co" in made.text) == (200, True)
    assert PASSWORD not in made.html and PASSWORD not in wrong.html
    # a fresh session, whose forms work and which is not asked again
    assert walker.browser.cookies[COOKIE] != old[COOKIE]
    assert made.field("csrf") == walker.get(TOKENS).field("csrf") != sent[0][1]
    assert make_token(walker, "next").status == 200
    walker.browser.cookies.update(old)
    assert walker.get(TOKENS).status == 303  # whoever holds the old cookie is out


def test_the_password_is_of_the_viewer(visits: Visits) -> None:
    """Anybody's password, under a name of the sender's choice, could confirm."""
    visits.run(visits.town.house.database.write(users.add_user, username="zoe", name="Zoe", email="zoe@mail.example", password=None, at=0))
    walker = returning(visits)
    page = make_token(walker, "other", confirm_password="", username="zoe")
    assert (page.status, "The password is wrong." in page.text) == (422, True)


def test_a_form_of_another_session_confirms_nothing(visits: Visits) -> None:
    """Another site could have the viewer confirm what it made up."""
    walker = returning(visits)
    page = walker.post(TOKENS, {"csrf": "made up", "name": "x", "confirm_password": PASSWORD})
    assert page.status == 403 and "made for another session" in page.text


def test_members_and_where_the_form_leads(visits: Visits) -> None:
    """Whoever finds an open browser could make themselves an owner."""
    walker = returning(visits)
    fields = {"csrf": walker.get(MEMBERS).field("csrf"), "username": "eve", "access_level": "20", "expires_at": ""}
    page = walker.post(MEMBERS, fields)
    assert page.status == 403 and "@eve" not in walker.get(MEMBERS).text
    done = walker.post(MEMBERS, [*carried(page), ("confirm_password", PASSWORD)])
    assert (done.status, done.location) == (303, f"{MEMBERS}?done=member_added")
    assert walker.get(done.location).status == 200


def confirm(walker: Walker, where: str, path: str, **fields: str) -> Page:
    """Send a form as somebody who signed in a while ago: it waits for the password, and does nothing before."""
    before = walker.get(where).text
    asked = walker.post(path, fields | {"csrf": walker.get(where).field("csrf")})
    assert (asked.status, "Confirm that it is you" in asked.text) == (403, True)
    assert walker.get(where).text == before
    return walker.post(path, [*carried(asked), ("confirm_password", PASSWORD)])


def trust_builds(connection: Connection, project: int, robot: int) -> None:
    """An issuer, and a project that trusts builds of it."""
    issuer = oidc.add_issuer(connection, "CI", "https://ci.example", "packhouse", "https://ci.example/keys", 0)
    assert issuer is not None
    oidc.add_publisher(connection, project, issuer, {"repository": "acme/tools"}, "", "", robot, 30, 0)


def removing(page: Page, below: str) -> str:
    """Where the first form on a page leads that removes something of this kind."""
    return next(part for part in page.html.split('"') if part.startswith(below) and part.endswith("/remove"))


def test_whose_jobs_come_in(visits: Visits) -> None:
    """Whoever finds an open browser could let in the jobs of a project of theirs, or of every project, or shut out those that publish."""
    walker, where = returning(visits), "/acme/tools/-/settings/ci_cd"
    assert confirm(walker, where, f"{where}/allow", target="acme/web/site").location == f"{where}?done=entry_added"
    age(visits, walker)
    assert confirm(walker, where, removing(walker.get(where), f"{where}/project/")).location == f"{where}?done=entry_removed"
    age(visits, walker)
    assert confirm(walker, where, where).location == f"{where}?done=saved"
    assert not re.search(r'name="enabled" value="true" checked', walker.get(where).html)


def test_who_is_trusted_no_more(visits: Visits) -> None:
    """Whoever finds an open browser could stop the builds of a project, or of every project, from publishing."""
    issuers, where = "/admin/trusted_issuers", "/acme/tools/-/settings/ci_cd"
    visits.run(visits.town.house.database.write(trust_builds, visits.town.places["acme/tools"], visits.town.people["anna"]))
    anna, root = returning(visits), returning(visits, "root")
    done = confirm(anna, where, removing(anna.get(where), f"{where}/publishers/"))
    assert (done.location, "No build elsewhere is trusted." in anna.get(where).text) == (f"{where}?done=entry_removed", True)
    done = confirm(root, issuers, removing(root.get(issuers), f"{issuers}/"))
    assert (done.location, "No issuer is trusted." in root.get(issuers).text) == (f"{issuers}?done=entry_removed", True)


def test_a_refusal_after_the_password_keeps_the_session(visits: Visits) -> None:
    """A mistake in the form could sign the viewer out."""
    walker = returning(visits)
    page = walker.post("/acme/tools/-/project_members/999999999", {"csrf": walker.get(MEMBERS).field("csrf"), "access_level": "20", "expires_at": ""})
    refused = walker.post("/acme/tools/-/project_members/999999999", [*carried(page), ("confirm_password", PASSWORD)])
    assert refused.status in (404, 422)
    assert "@anna" in walker.get("/").text
    gone = walker.post("/nowhere/x/-/project_members", [*carried(page), ("confirm_password", PASSWORD)])
    assert gone.status == 404
    assert "@anna" in walker.get("/").text


def test_too_many_wrong_passwords(visits: Visits) -> None:
    """The question could be used to guess a password."""
    walker = returning(visits, "ben")
    pages = [make_token(walker, "x", confirm_password=f"guess {number}") for number in range(11)]
    assert [page.status for page in pages] == [422] * 10 + [429]
    assert "Try again in" in pages[-1].text and int(pages[-1].headers["retry-after"]) > 0


def test_without_a_password(visits: Visits) -> None:
    """Who has no password would be asked for one."""
    walker = returning(visits, "eve")
    visits.run(visits.town.house.database.write(partial(users.update_user, password=None), visits.town.people["eve"]))
    page = make_token(walker, "none")
    assert page.status == 403 and "Sign out, sign in again" in page.text
    assert 'type="password"' not in page.html
