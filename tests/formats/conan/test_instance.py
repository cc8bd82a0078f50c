"""The remote of the whole instance on a running server: the reference's user names the project, and its rules hold."""

from __future__ import annotations

import pytest
from stand import GUEST, Login, Stand, Team
from wire import Answer, basic, bearer

from .samples import RREV

CALLERS = ("anonymous", "wrong", "stranger", "guest", "reporter", "developer", "maintainer")
PRIVATE = "anonymous 401, wrong 401, stranger 404, guest 403, "
# What each caller gets for something in a private project, by what is asked; the last is for what is in no project at all.
TABLE = {
    "GET v2/conans/{ref}/latest": PRIVATE + "reporter 200, developer 200, maintainer 200",
    "GET v1/conans/{ref}": PRIVATE + "reporter 200, developer 200, maintainer 200",
    "GET v2/conans/{ref}/revisions/{rrev}/files/conanmanifest.txt": PRIVATE + "reporter 200, developer 200, maintainer 200",
    "POST v1/conans/{ref}/upload_urls": PRIVATE + "reporter 200, developer 200, maintainer 200",
    "PUT v2/conans/{ref}/revisions/{rrev}/files/metadata/log": PRIVATE + "reporter 403, developer 200, maintainer 200",
    "DELETE v2/conans/{ref}/revisions/{rrev}/packages": PRIVATE + "reporter 403, developer 403, maintainer 404",
    "GET v2/conans/toy/1.0/no+such/beta/latest": "anonymous 401, wrong 401, stranger 404, guest 404, reporter 404, developer 404, maintainer 404",
    "GET v2/conans/toy/1.0/_/_/latest": "anonymous 401, wrong 401, stranger 404, guest 404, reporter 404, developer 404, maintainer 404",
    "GET v1/ping": "anonymous 200, wrong 401, stranger 200, guest 200, reporter 200, developer 200, maintainer 200",
    "GET v2/conans/search": "anonymous 200, wrong 401, stranger 200, guest 200, reporter 200, developer 200, maintainer 200",
    "GET v2/users/authenticate": "anonymous 401, wrong 401, stranger 200, guest 200, reporter 200, developer 200, maintainer 200",
}


def reference_of(team: Team) -> str:
    return f"toy/1.0/{team.project['path_with_namespace'].replace('/', '+')}/beta"


def send(stand: Stand, method: str, tail: str, login: Login | None = None, body: bytes | None = None) -> Answer:
    headers = basic(login.user, login.token) if login else {}
    return stand.http.request(method, f"/api/v4/packages/conan/{tail}", body, headers)


def upload(stand: Stand, team: Team) -> str:
    """A complete recipe in the team's project; its reference."""
    reference = reference_of(team)
    send(stand, "PUT", f"v2/conans/{reference}/revisions/{RREV}/files/conanmanifest.txt", team.writer, b"1\n").expect(200)
    return reference


@pytest.mark.parametrize("ask", TABLE)
def test_rules_of_the_project_hold(ask: str, stand: Stand, team: Team) -> None:
    """By way of the instance somebody could do more, or less, than in the project; or learn that it exists."""
    reference = upload(stand, team)
    guest = stand.make_member(team.project, GUEST, "projects")
    logins = {
        "anonymous": None, "wrong": Login("nobody", "phpat_wrong"), "stranger": team.stranger, "guest": guest,
        "reporter": team.reporter, "developer": team.developer, "maintainer": team.maintainer,
    }  # fmt: skip
    method, _, tail = ask.partition(" ")
    body = {"POST": b"{}", "PUT": b"log"}.get(method)
    answers = [f"{who} {send(stand, method, tail.format(ref=reference, rrev=RREV), logins[who], body).status}" for who in CALLERS]
    assert ", ".join(answers) == TABLE[ask]


def test_search_shows_what_its_reader_may_read(stand: Stand, team: Team) -> None:
    """A search of the instance could name a recipe of a private project."""
    mine, open_ = upload(stand, team), upload(stand, stand.make_team("public"))
    shown = {who: set(send(stand, "GET", "v1/conans/search?q=toy", login).json()["results"]) for who, login in
             {"anonymous": None, "stranger": team.stranger, "reporter": team.reporter}.items()}  # fmt: skip
    mine, open_ = ("{}/{}@{}/{}".format(*reference.split("/")) for reference in (mine, open_))
    assert open_ in shown["anonymous"] and open_ in shown["stranger"] and {mine, open_} <= shown["reporter"]
    assert mine not in shown["anonymous"] | shown["stranger"]


def test_addresses_stay_in_the_instance(stand: Stand, team: Team) -> None:
    """A client of the instance could be sent to addresses that its login is not meant for."""
    reference = upload(stand, team)
    [url] = send(stand, "GET", f"v1/conans/{reference}/download_urls", team.reporter).json().values()
    assert url == f"{stand.url}/api/v4/packages/conan/v1/files/{reference}/{RREV}/export/conanmanifest.txt"
    assert send(stand, "GET", url.rpartition("/packages/conan/")[2], team.reporter).expect(200).body == b"1\n"


def test_token_of_the_login_is_good_as_bearer(stand: Stand, team: Team) -> None:
    """A client that has logged in could be refused all the same, or let in with something that is no token."""
    reference = upload(stand, team)
    token = send(stand, "GET", "v2/users/authenticate", team.reader).expect(200).text
    path = f"/api/v4/packages/conan/v2/conans/{reference}/latest"
    stand.http.get(path, bearer(token)).expect(200)
    for other in ("eyJhbGciOiJIUzI1NiJ9.eyJhY2Nlc3NfdG9rZW4iOiJ4In0.AAAA", token[:-1], "unset"):
        stand.http.get(path, bearer(other)).expect(401)
