"""Pipelines and jobs of builds that run elsewhere, and the tokens their jobs publish with (core API 9.1; the addresses are our own)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from packhouse.api.call import Call, begin, check_write, path_id, route_of, standing, user_id, writing
from packhouse.api.failures import JobNotFound, PipelineNotFound
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query, unfit
from packhouse.api.places import get_live
from packhouse.api.shapes import Shape, job_shape, pipeline_shape, user_shape
from packhouse.auth.policy import Access
from packhouse.auth.tokens import hash_token, make_token
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, members, pipelines, tokens, users
from packhouse.db.engine import now
from packhouse.db.pipelines import ENDS, RUNNING, JobRow, PipelineRow
from packhouse.db.users import UserRow
from packhouse.errors import Conflict, Forbidden, InvalidParameter, Unauthenticated
from packhouse.model import Actor, Instant, Role, Struct
from packhouse.packages.rules import bounds_in
from packhouse.responses import json_reply

SECOND: Instant = 1_000_000
USUAL_SECONDS = 3600
LONGEST_SECONDS = 7 * 24 * 3600

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class NewPipeline(Struct):
    """What is sent about a pipeline, checked."""

    ref: str
    sha: str
    source: str
    web_url: str
    user: str | None


# -- pipelines -------------------------------------------------------------------------------------------------------


async def create(call: Call) -> Answer:
    """A pipeline that runs elsewhere, made known here: what its jobs publish is told to come from it."""
    new = read_new(await read_parameters(call))
    row = await call.house.database.write(_create, call.access, new)
    return json_reply(pipeline_shape(row, call.house.settings.base_url), 201)


def read_new(parameters: Parameters) -> NewPipeline:
    """What is sent about a pipeline. Raises `InvalidParameter`."""
    parameters.require("ref", "sha")
    ref, sha, source = parameters.needed("ref"), parameters.needed("sha").lower(), parameters.text("source") or "api"
    web_url = parameters.text("web_url", 2048) or ""
    if not ref.strip() or not ref.isprintable():
        raise unfit("ref")
    if _SHA.fullmatch(sha) is None:
        raise InvalidParameter("sha must be the 40 or 64 hex digits of a commit", parameter="sha")
    if _SOURCE.fullmatch(source) is None:
        raise unfit("source")
    if web_url and not is_web_url(web_url):
        raise InvalidParameter("web_url must be an http or https URL", parameter="web_url")
    return NewPipeline(ref=ref, sha=sha, source=source, web_url=web_url, user=parameters.text("user"))


def is_web_url(text: str) -> bool:
    """Whether people can be sent there."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and text.isprintable()


def _create(connection: Connection, access: Access, new: NewPipeline) -> PipelineRow:
    assert access.place is not None
    project = access.place.id
    at = begin(connection, project)
    get_live(connection, project)
    person = _person(connection, access, new.user, at)
    id_ = pipelines.add_pipeline(connection, project, person, at, ref=new.ref, sha=new.sha, source=new.source, web_url=new.web_url)
    row = pipelines.get_pipeline(connection, project, id_, at)
    assert row is not None
    detail = {"pipeline": id_, "iid": row.iid, "ref": row.ref, "sha": row.sha, "user": row.user.username}
    changes.add_event(connection, at, "pipeline_create", access.actor, project=project, detail=detail)
    return row


def _person(connection: Connection, access: Access, username: str | None, at: Instant) -> int:
    """The user that the jobs of a pipeline stand for: the caller, or somebody a maintainer names. Raises `Forbidden`, `InvalidParameter`."""
    own = user_id(access.actor)
    if username is None or username.lower() == access.actor.username.lower():
        return own
    if standing(access) < Role.MAINTAINER:
        raise Forbidden("Forbidden - Only a maintainer registers a pipeline of somebody else")
    found = users.find_user(connection, username)
    assert access.place is not None
    if found is None or found.state != "active" or not members.role_of(connection, access.place.id, found.id, at):
        raise InvalidParameter("user must be the name of an active member of this project", parameter="user")
    _check_below(connection, access, found, at)
    return found.id


def _check_below(connection: Connection, access: Access, person: UserRow, at: Instant) -> None:
    """Nobody gets a token that may do more than they may. Raises `Forbidden`."""
    assert access.place is not None
    above = members.role_of(connection, access.place.id, person.id, at) > standing(access)
    if (above or person.admin) and not access.actor.admin:
        raise Forbidden(f"Forbidden - {person.username} has a role above your own here")


async def list_here(call: Call) -> Answer:
    """The pipelines of a project, newest first."""
    page = read_page(read_query(call))
    rows, total = await call.house.database.read(pipelines.list_pipelines, call.place.id, now(), page.offset, page.size)
    return paged(call, [pipeline_shape(row, call.house.settings.base_url) for row in rows], page, total)


async def get_one(call: Call) -> Answer:
    """One pipeline."""
    row = await call.house.database.read(_pipeline, call.place.id, path_id(call, "pipeline_id"), now())
    return json_reply(pipeline_shape(row, call.house.settings.base_url))


def _pipeline(connection: Connection, project: int, id_: int, at: Instant) -> PipelineRow:
    row = pipelines.get_pipeline(connection, project, id_, at)
    if row is None:
        raise PipelineNotFound()
    return row


# -- jobs ------------------------------------------------------------------------------------------------------------


async def start_job(call: Call) -> Answer:
    """A job begins: its token works until it is finished, or until its timeout."""
    parameters = await read_parameters(call)
    name = parameters.needed("name")
    if not name.strip() or not name.isprintable():
        raise unfit("name")
    seconds = parameters.integer("timeout_seconds")
    if seconds is not None and not 1 <= seconds <= LONGEST_SECONDS:
        raise InvalidParameter(f"timeout_seconds must be 1 to {LONGEST_SECONDS}", parameter="timeout_seconds")
    secret = make_token("job")
    row = await call.house.database.write(_start, call.access, path_id(call, "pipeline_id"), name, seconds or USUAL_SECONDS, secret)
    return json_reply(job_shape(row, row.created, secret), 201)


def _start(connection: Connection, access: Access, pipeline_id: int, name: str, seconds: int, secret: str) -> JobRow:
    assert access.place is not None
    project = access.place.id
    at = begin(connection, project)
    get_live(connection, project)
    pipeline = _pipeline(connection, project, pipeline_id, at)
    check_runner(connection, access, pipeline.user, at)
    expires = min(at + seconds * SECOND, access.until)  # a token does not outlive the one it was asked for with
    token_id = add_job_token(connection, access.actor, project, pipeline.user.id, name, secret, at, expires)
    id_ = pipelines.add_job(connection, pipeline, name, token_id, at, expires)
    row = _job(connection, project, id_)
    detail = {"job": id_, "name": name, "pipeline": pipeline.id, "user": pipeline.user.username, "token": token_id}
    changes.add_event(connection, at, "job_start", access.actor, project=project, detail=detail)
    return row


def check_runner(connection: Connection, access: Access, person: UserRow, at: Instant) -> None:
    """Jobs of a pipeline are its user's, or a maintainer's who stands no lower. Raises `Forbidden`."""
    if access.actor.user_id == person.id:
        return
    if standing(access) < Role.MAINTAINER:
        raise Forbidden(f"Forbidden - The pipeline is {person.username}'s: only they and maintainers start and end its jobs")
    _check_below(connection, access, person, at)


def add_job_token(connection: Connection, actor: Actor, project: int, person: int, name: str, secret: str, at: Instant, expires: Instant) -> int:
    """The id of a new token that is no wider than the one it was asked for with."""
    return tokens.add_token(
        connection,
        kind="job",
        hash_=hash_token(secret),
        user_id=person,
        place_id=project,
        name=name,
        scopes=bounds_in(actor),
        at=at,
        expires=expires,
        creator_id=actor.user_id,
    )


async def finish_job(call: Call) -> Answer:
    """The job is over, and so is its token."""
    status = (await read_parameters(call)).choice("status", ENDS)
    if status is None:
        raise InvalidParameter("status is missing", parameter="status")
    if call.actor.kind != "job":
        check_write(call.actor)
    row, at = await call.house.database.write(_finish, call.access, path_id(call, "job_id"), status)
    return json_reply(job_shape(row, at))


def _finish(connection: Connection, access: Access, id_: int, status: str) -> tuple[JobRow, Instant]:
    assert access.place is not None
    project = access.place.id
    at = begin(connection, project)
    row = _job(connection, project, id_)
    if access.actor.kind == "job" and access.actor.token_id != row.token_id:
        raise Forbidden("Forbidden - A job token ends its own job only")
    if access.actor.kind != "job":
        check_runner(connection, access, _pipeline(connection, project, row.pipeline, at).user, at)
    state = row.state(at)
    if state != RUNNING:
        if state != status:
            raise Conflict(f"The job has ended already: its status is {state}")
        return row, at
    pipelines.end_job(connection, row, status, at)
    tokens.end_token(connection, row.token_id, at)
    changes.add_event(connection, at, "job_finish", access.actor, project=project, detail={"job": id_, "name": row.name, "status": status})
    return _job(connection, project, id_), at


def _job(connection: Connection, project: int, id_: int) -> JobRow:
    row = pipelines.get_job(connection, project, id_)
    if row is None:
        raise JobNotFound()
    return row


async def list_jobs(call: Call) -> Answer:
    """The jobs of a pipeline, oldest first."""
    page = read_page(read_query(call))
    at = now()
    rows = await call.house.database.read(_jobs, call.place.id, path_id(call, "pipeline_id"), at)
    return paged(call, [job_shape(row, at) for row in rows[page.offset : page.offset + page.size]], page, len(rows))


def _jobs(connection: Connection, project: int, pipeline_id: int, at: Instant) -> list[JobRow]:
    return pipelines.list_jobs(connection, _pipeline(connection, project, pipeline_id, at).id)


async def get_job(call: Call) -> Answer:
    """One job; never its token."""
    return json_reply(job_shape(await call.house.database.read(_job, call.place.id, path_id(call, "job_id")), now()))


async def get_own_job(call: Call) -> Answer:
    """The job that a job token belongs to."""
    actor = call.actor
    if actor.kind != "job" or actor.token_id is None:
        raise Unauthenticated()
    shape = await call.house.database.read(_describe_own, actor.token_id, call.house.settings.base_url)
    return json_reply(shape)


def _describe_own(connection: Connection, token_id: int, base_url: str) -> Shape:
    at = now()
    row = pipelines.job_of_token(connection, token_id)
    if row is None:
        raise Unauthenticated()
    pipeline = _pipeline(connection, row.project, row.pipeline, at)
    return job_shape(row, at) | {
        "stage": "publish",
        "ref": pipeline.ref,
        "tag": False,
        "coverage": None,
        "allow_failure": False,
        "duration": (at - row.created) / SECOND,
        "queued_duration": 0.0,
        "user": user_shape(pipeline.user, base_url),
        "commit": {"id": pipeline.sha, "short_id": pipeline.sha[:8]},
        "pipeline": pipeline_shape(pipeline, base_url) | {"user": None},
        "web_url": pipeline.web_url,
        "project": {"ci_job_token_scope_enabled": not pipelines.is_open(connection, row.project)},
    }


# -- the table -------------------------------------------------------------------------------------------------------


def routes() -> list[Route]:
    def one(method: str, tail: str, handler: Any, action: Action) -> Route:
        return route_of("project", method, f"/{tail}", handler, action)

    pipeline = "pipelines/{pipeline_id}"
    return [
        one("POST", "pipelines", writing(create), Action.PUBLISH),
        one("GET", "pipelines", list_here, Action.READ),
        one("GET", pipeline, get_one, Action.READ),
        one("POST", f"{pipeline}/jobs", writing(start_job), Action.PUBLISH),
        one("GET", f"{pipeline}/jobs", list_jobs, Action.READ),
        one("GET", "jobs/{job_id}", get_job, Action.READ),
        one("POST", "jobs/{job_id}/finish", finish_job, Action.PUBLISH),
        Route(method="GET", path="api/v4/job", handler=get_own_job, action=Action.SIGN_IN, reach=ROOT),
    ]
