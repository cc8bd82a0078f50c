"""A name belongs to the first project of a root group that publishes it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stand import ADMIN_TOKEN, Stand
from wire import Answer, Client, basic

from . import samples

Json = dict[str, Any]
ROOT = basic("root", ADMIN_TOKEN)


def publish(stand: Stand, project: Json, version: str, name: str = "acme/toy") -> Answer:
    """The answer to a zip of that version."""
    path = f"/api/v4/projects/{project['id']}/packages/composer?version={version}"
    with Client(stand.url) as wire:
        return wire.put(path, samples.sample(name, version).content, ROOT)


def remove(stand: Stand, project: Json, version: str) -> None:
    stand.http.delete(f"/api/v4/projects/{project['id']}/packages/composer/versions/acme%2Ftoy/{version}", ROOT).expect(204)


def test_name_of_another_project(stand: Stand) -> None:
    """A second project could slip versions under a name that people trust, or a name stay taken for ever."""
    group = stand.make_group()
    first, second = stand.make_project(group), stand.make_project(stand.make_group(parent_id=group["id"]))
    publish(stand, first, "1.0.0").expect(201)
    publish(stand, first, "dev-main").expect(201)
    for version in ("1.0.0", "2.0.0"):
        refused = publish(stand, second, version).expect(400).text
        assert "Name is already taken by another project" in refused and f"project {first['id']} " in refused and "delete its versions" in refused
    assert publish(stand, second, "1.0.0", "acme/other").status == 201
    publish(stand, stand.make_project(stand.make_group()), "1.0.0").expect(201)
    remove(stand, first, "1.0.0")
    publish(stand, second, "2.0.0").expect(400)
    remove(stand, first, "dev-main")
    publish(stand, second, "2.0.0").expect(201)
    publish(stand, first, "3.0.0").expect(400)


def test_restored_name(stand: Stand) -> None:
    """A name could have two owners once a deleted version comes back."""
    group = stand.make_group()
    first, second = stand.make_project(group), stand.make_project(group)
    publish(stand, first, "1.0.0").expect(201)
    remove(stand, first, "1.0.0")
    publish(stand, second, "1.0.0").expect(201)
    [gone] = stand.want(200, "GET", f"/projects/{first['id']}/-/packages/deleted")
    path = f"/projects/{first['id']}/packages/{gone['id']}/-/restore"
    assert "already taken" in stand.api("POST", path).expect(400).text
    remove(stand, second, "1.0.0")
    stand.api("POST", path).expect(201)


def test_project_that_moves_in(stand: Stand) -> None:
    """A project that moves into the group could take a name from its owner, or keep the owner from publishing."""
    group, elsewhere = stand.make_group(), stand.make_group()
    owner, other = stand.make_project(group), stand.make_project(elsewhere)
    publish(stand, owner, "1.0.0").expect(201)
    publish(stand, other, "1.1.0").expect(201)
    stand.want(200, "PUT", f"/projects/{other['id']}/transfer", {"namespace": group["id"]})
    publish(stand, other, "1.2.0").expect(400)
    publish(stand, owner, "1.2.0").expect(201)


def test_two_first_publishers(database_stand: Stand) -> None:
    """Two projects that publish a new name at once could both own it."""
    group = database_stand.make_group()
    projects = [database_stand.make_project(group) for _ in range(8)]
    for round_ in range(3):
        barrier = threading.Barrier(len(projects))

        def run(project: Json, name: str = f"acme/toy{round_}", barrier: threading.Barrier = barrier) -> int:
            barrier.wait(30)
            return publish(database_stand, project, "1.0.0", name).status

        with ThreadPoolExecutor(len(projects)) as pool:
            assert sorted(pool.map(run, projects)) == [201] + [400] * 7
