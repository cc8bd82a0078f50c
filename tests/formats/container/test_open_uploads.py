"""How many uploads may be open: each holds a row and a file."""

from __future__ import annotations

from tests.conformance.furniture import DEVELOPER, Login

from packhouse.db.uploads import SESSIONS_OF_ACTOR, SESSIONS_OF_PROJECT

from .conftest import BOTH, Home


def open_uploads(home: Home, login: Login, count: int) -> list[str]:
    """Where these go on."""
    path = f"/v2/{home.name}/blobs/uploads/"
    return [home.send("POST", path, login=login).expect(202).headers["Location"] or "" for _ in range(count)]


@BOTH
def test_uploads_of_one_user_and_of_one_project(home: Home) -> None:
    """One token could open uploads without an end; or nobody could go on after the limit, though uploads were given up."""
    path = f"/v2/{home.name}/blobs/uploads/"
    others = [home.server.furniture.member(home.project, DEVELOPER) for _ in range(2)]
    spool = home.server.data / "spool"
    opened = open_uploads(home, home.maintainer, SESSIONS_OF_ACTOR)
    files = len(list(spool.iterdir()))
    refused = home.send("POST", path).expect(429)
    assert refused.json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert int(refused.headers["Retry-After"] or 0) > 0
    assert len(list(spool.iterdir())) == files, "a refused upload leaves a file"
    home.send("DELETE", opened[0]).expect(204)
    open_uploads(home, home.maintainer, 1)
    open_uploads(home, others[0], SESSIONS_OF_PROJECT - SESSIONS_OF_ACTOR)
    home.send("POST", path, login=others[1]).expect(429)
