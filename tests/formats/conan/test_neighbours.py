"""Archives that come beside their twins in another compression, on a running server."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from stand import Stand, Team
from wire import Client, basic

from .samples import RREV


def test_compressions_at_once_and_promoted(stand: Stand, team: Team) -> None:
    """A revision could be there in two compressions, which every client takes for broken, where they come at once or one is promoted."""
    second = stand.make_project(team.group)
    tail = f"packages/conan/v2/conans/toy/{{}}/_/_/revisions/{RREV}/files/conan_sources"
    login = basic(team.developer.user, team.developer.token)
    for number in range(4):
        start = threading.Barrier(3)

        def put(end: str, path: str = f"/api/v4/projects/{team.project['id']}/{tail.format(f'1.{number}')}", start: threading.Barrier = start) -> int:
            with Client(stand.url) as client:
                start.wait(30)
                return client.put(f"{path}.{end}", end.encode(), login).status

        with ThreadPoolExecutor(3) as pool:
            assert sorted(pool.map(put, ("tgz", "txz", "tzst"))) == [200, 409, 409]
    for project, end in ((team.project, "tgz"), (second, "txz")):
        stand.http.put(f"/api/v4/projects/{project['id']}/{tail.format('2.0')}.{end}", b"x", login).expect(200)
    [package] = [each for each in stand.list_packages(team.project) if each["version"] == "2.0"]
    path, to = f"/projects/{team.project['id']}/packages/{package['id']}/-/promote", {"to": second["id"]}
    said = stand.want(409, "POST", path, to, token=team.developer.token)["message"]
    assert "conan_sources.txz is there already" in said
    [beside] = stand.list_packages(second)
    assert [each["file_name"] for each in stand.list_files(second, beside)] == ["conan_sources.txz"]
    stand.want(204, "DELETE", f"/projects/{second['id']}/packages/{beside['id']}")
    stand.want(201, "POST", path, to, token=team.developer.token)
