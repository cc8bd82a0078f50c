"""Job tokens of every format: by each carrier, and outside of their own project only where they are let in (core API 9.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Connection
from wire import basic, bearer

from packhouse.api.pipelines import add_job_token
from packhouse.auth.tokens import make_token
from packhouse.db import pipelines
from packhouse.db.engine import now
from packhouse.model import ANONYMOUS

from .conftest import Home, make_home
from .driver import Ask, Client
from .furniture import DEVELOPER, INTERNAL, MAINTAINER, OWNER, PRIVATE, PUBLIC, REPORTER, Furniture, Login
from .server import Server
from .test_group import seen_in

SHA = "0123456789abcdef0123456789abcdef01234567"
HOUR = 3_600_000_000

Carrier = tuple[Callable[[str], Mapping[str, str]], str, str]


def start_job(furniture: Furniture, project: int, user: Login) -> Login:
    """The token of a job that runs for this user."""
    secret = make_token("job")

    def start(connection: Connection) -> None:
        at = now()
        id_ = pipelines.add_pipeline(connection, project, user.id, at, ref="main", sha=SHA, source="test", web_url="")
        row = pipelines.get_pipeline(connection, project, id_, at)
        assert row is not None
        token = add_job_token(connection, ANONYMOUS, project, user.id, "test", secret, at, at + HOUR)
        pipelines.add_job(connection, row, "test", token, at, at + HOUR)

    furniture.write(start)
    return Login("gitlab-ci-token", secret, user.id)


def let_in(furniture: Furniture, project: int, ally: int, *policies: str) -> None:
    """The project lets in jobs of the other one, or of a group's projects."""
    furniture.write(pipelines.add_ally, project, ally, policies, now())


def make_worker(furniture: Furniture, place: int, level: int = DEVELOPER, admin: bool = False) -> Login:
    """A user with this role."""
    user = furniture.user(admin=admin)
    furniture.join(place, user, level)
    return user


CARRIERS: dict[str, Carrier] = {
    "job-token": (lambda secret: {"JOB-TOKEN": secret}, "", "ok"),
    "Job-Token": (lambda secret: {"Job-Token": secret}, "", "ok"),
    "basic": (lambda secret: basic("gitlab-ci-token", secret), "", "ok"),
    "basic, another user name": (lambda secret: basic("somebody", secret), "", "401"),
    "bearer": (lambda secret: bearer(secret), "", "ok"),
    "query job_token": (lambda _: {}, "job_token={}", "ok"),
    "query private_token": (lambda _: {}, "private_token={}", "401"),
    "private-token": (lambda secret: {"PRIVATE-TOKEN": secret}, "", "401"),
    "deploy-token": (lambda secret: {"Deploy-Token": secret}, "", "401"),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_carriers(home: Home, carrier: str) -> None:
    """A client of some format could have no way to send a job token, or a wrong way could be taken."""
    make_headers, query, expected = CARRIERS[carrier]
    job = start_job(home.server.furniture, home.project, make_worker(home.server.furniture, home.project))
    if home.client.format.any_job_user and carrier in ("basic, another user name", "private-token", "query private_token"):
        expected = "ok"
    sample = home.client.sample()
    wrong = []
    for ask in (home.client.publish(home.project, sample), home.client.listing(home.project, sample)):
        path = f"{ask.path}{'&' if '?' in ask.path else '?'}{query.format(job.secret)}" if query else ask.path
        answer = home.server.send(ask.method, path, ask.body, {**ask.headers, **make_headers(job.secret)})
        if not (answer.status < 300 if expected == "ok" else answer.status == int(expected)):
            wrong.append(f"{ask.method}: wanted {expected}, got {answer.status} {answer.text[:120]}")
    assert not wrong, "\n".join(wrong)


def statuses(home: Home, login: Login, number: int) -> str:
    """What reading, publishing and deleting answer this login: `ok` or a status."""
    old, new = home.client.sample("alpha", "1.0.0"), home.client.sample("alpha", f"2.0.{number}")
    home.publish(old)
    answers = [home.send(ask, login).status for ask in (home.client.fetch(home.project, old), home.client.publish(home.project, new))]
    answers.append(home.send(home.client.removal(home.project, old, home.listing(old).body), login).status)
    return " ".join("ok" if status < 300 else str(status) for status in answers)


def test_elsewhere(server: Server, client: Client) -> None:
    """A job could reach what its user reaches anywhere, or less than an allow list grants."""
    furniture = server.furniture
    group = furniture.group(PRIVATE)
    source = furniture.project(PRIVATE, group)
    target, public, internal = (make_home(server, client, visibility) for visibility in (PRIVATE, PUBLIC, INTERNAL))
    worker, stranger, reporter = furniture.user(), furniture.user(), furniture.user()
    for place, user, level in ((source, worker, OWNER), (source, stranger, OWNER), (source, reporter, OWNER)):
        furniture.join(place, user, level)
    for home in (target, public, internal):
        furniture.join(home.project, worker, MAINTAINER)
        furniture.join(home.project, reporter, REPORTER)
    jobs = {who: start_job(furniture, source, user) for who, user in (("worker", worker), ("stranger", stranger), ("reporter", reporter))}
    admin = start_job(furniture, source, make_worker(furniture, source, admin=True))
    assert statuses(target, jobs["worker"], 1) == "403 403 403"
    assert statuses(target, admin, 2) == "403 403 403"
    assert statuses(internal, jobs["worker"], 3) == "403 403 403"
    assert statuses(public, jobs["worker"], 4) == "ok 403 403"
    let_in(furniture, target.project, source)
    assert statuses(target, jobs["worker"], 5) == "ok ok 403"
    assert statuses(target, jobs["reporter"], 6) == "ok 403 403"
    assert statuses(target, jobs["stranger"], 7) == "403 403 403"
    furniture.write(pipelines.drop_ally, target.project, source)
    assert statuses(target, jobs["worker"], 8) == "403 403 403"
    let_in(furniture, target.project, group, "ADMIN_PACKAGES")
    assert statuses(target, jobs["worker"], 9) == "ok ok ok"
    furniture.write(pipelines.drop_ally, target.project, group)
    let_in(furniture, target.project, group, "READ_PACKAGES")
    assert statuses(target, jobs["worker"], 10) == "ok 403 403"
    furniture.write(pipelines.drop_ally, target.project, group)
    furniture.write(pipelines.set_open, target.project, True)
    assert statuses(target, jobs["worker"], 11) == "ok ok 403"
    assert statuses(target, jobs["stranger"], 12) == "403 403 403"


def test_absent_or_hidden(server: Server, client: Client, home: Home) -> None:
    """A job could find out which private projects there are."""
    job = start_job(server.furniture, server.furniture.project(PRIVATE), server.furniture.user())
    sample = home.publish_new()
    hidden, absent = (server.send(ask.method, ask.path, ask.body, {**ask.headers, "JOB-TOKEN": job.secret})
                      for ask in (client.listing(home.project, sample), client.listing(999_999_999, sample)))  # fmt: skip
    assert (hidden.status, hidden.body) == (absent.status, absent.body)
    assert hidden.status == 403


def test_group_lists(server: Server, client: Client) -> None:
    """A group's list could show a job what its user may read, though the projects do not let the job in."""
    if not any(route.reach & route.reach.GROUP for route in client.format.routes):
        pytest.skip(f"{client.name} has no routes in a group")
    furniture = server.furniture
    top = furniture.group(PUBLIC)
    homes = {name: make_home(server, client, PUBLIC if name == "public" else PRIVATE, top) for name in ("own", "closed", "listed", "open", "public")}
    samples = {name: home.publish_new(f"of-{name}") for name, home in homes.items()}
    own = homes["own"].project
    worker = make_worker(furniture, top)
    job = start_job(furniture, own, worker)
    let_in(furniture, homes["listed"].project, own)
    furniture.write(pipelines.set_open, homes["open"].project, True)
    assert seen_in(homes["own"], top, samples, login=job) == {"own", "listed", "open", "public"}
    assert seen_in(homes["own"], top, samples, login=start_job(furniture, own, furniture.user())) <= {"open", "public"}


def test_build_is_recorded(home: Home) -> None:
    """What some format publishes could forget the build that it came from."""
    job = start_job(home.server.furniture, home.project, make_worker(home.server.furniture, home.project))
    home.send(home.client.publish(home.project, home.client.sample()), job).expect(200, 201)
    rows = home.send(Ask("GET", f"/api/v4/projects/{home.project}/packages?include_versionless=true"), home.maintainer).json()
    assert rows or home.client.name == "sample"
    assert all(row["pipeline"]["sha"] == SHA for row in rows)
