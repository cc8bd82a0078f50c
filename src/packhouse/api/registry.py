"""Repositories of images and their tags (container registry contract, section 4)."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec
from sqlalchemy import Connection

from packhouse.api.call import Call, Handler, path_id
from packhouse.api.pages import Page, by_keys, paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.shapes import Shape, pipeline_shape
from packhouse.auth.policy import Access, authorize, can_see
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, containers, events, pipelines, repositories
from packhouse.db.engine import now
from packhouse.db.pipelines import PipelineRow
from packhouse.db.repositories import RepositoryRow, TagRow
from packhouse.db.scopes import Reader
from packhouse.errors import Forbidden, Invalid, InvalidParameter, NotFound, PlaceNotFound, Unauthenticated
from packhouse.model import Instant, write_time
from packhouse.packages import change, cleanup, rules
from packhouse.packages.cleanup import CONTAINER, Choice
from packhouse.packages.house import House
from packhouse.packages.sessions import file_name
from packhouse.responses import empty_reply, json_reply

ONCE_SECONDS = 3600
MOST_SHOWN_TAGS = 1000
PROJECT = "api/v4/projects/{id+}"
GROUP = "api/v4/groups/{id+}"
REPOSITORIES = f"{PROJECT}/registry/repositories"
REPOSITORY = REPOSITORIES + "/{repository_id}"


class RepositoryNotFound(NotFound):
    default = "Not found"


class TagNotFound(NotFound):
    default = "Tag Not Found"


def route(method: str, path: str, handler: Handler, action: Action, kind: Literal["project", "group"] = "project") -> Route:
    """A route of the registry at a project or group."""
    return Route(
        method=method, path=path, handler=handler, action=action, reach=ROOT, place_of=lambda params: params["id"], place_kind=kind, area="containers"
    )


# -- repositories ----------------------------------------------------------------------------------------------------


async def list_of_project(call: Call) -> Answer:
    """The repositories of a project."""
    parameters = read_query(call)
    page = read_page(parameters)
    found, total = await call.house.database.read(
        repositories.list_repositories, CONTAINER, project=call.place.id, group=None, reader=Reader(), offset=page.offset, limit=page.size, at=call.at
    )
    return paged(call, await describe(call, found, parameters), page, total)


async def list_of_group(call: Call) -> Answer:
    """The repositories of every project below a group that this actor may pull from."""
    page = read_page(read_query(call))
    reader = Reader.of(call.actor, now(), call.access.guest_reads)
    found, total = await call.house.database.read(
        repositories.list_repositories, CONTAINER, project=None, group=call.place.id, reader=reader, offset=page.offset, limit=page.size, at=call.at
    )
    return paged(call, await describe(call, found, Parameters({})), page, total)


async def get_repository(call: Call) -> Answer:
    """One repository, wherever it is."""
    parameters = read_query(call)
    repository = await call.house.database.read(repositories.get_repository, CONTAINER, path_id(call, "repository_id"))
    if repository is None or not await _may_read(call, repository.project):
        raise RepositoryNotFound()
    [shape] = await describe(call, [repository], parameters)
    if parameters.flag("size"):
        shape["size"] = await call.house.database.read(repositories.size_of, package_id=repository.id, format=CONTAINER)
    return json_reply(shape)


async def _may_read(call: Call, project: int) -> bool:
    access: Access = await call.lookup(project)
    try:
        authorize(access, Action.READ)
    except (PlaceNotFound, Unauthenticated):
        return False
    except Forbidden:
        if access.place is not None and can_see(access, access.place, Action.READ):
            raise
        return False
    return True


async def describe(call: Call, found: list[RepositoryRow], parameters: Parameters) -> list[Shape]:
    """Repositories as lists and look-ups show them."""
    with_tags, counted = bool(parameters.flag("tags")), bool(parameters.flag("tags_count"))
    return await call.house.database.read(_describe, found, host_of(call.house), with_tags, counted or with_tags, call.house.api, call.at)


def _describe(
    connection: Connection, found: list[RepositoryRow], host: str, with_tags: bool, counted: bool, api: str, at: Instant | None
) -> list[Shape]:
    counts = repositories.count_tags(connection, [row.id for row in found], at) if counted else {}
    shapes = []
    for row in found:
        shape = repository_shape(row, host, api)
        if counted:
            shape["tags_count"] = counts.get(row.id, 0)
        if with_tags:
            shape["tags"] = [tag_shape(name, row, host) for name in repositories.page_tags(connection, row.id, 0, MOST_SHOWN_TAGS, at)]
        shapes.append(shape)
    return shapes


def repository_shape(row: RepositoryRow, host: str, api: str) -> Shape:
    return {
        "id": row.id,
        "name": row.name[len(row.project_path) + 1 :],
        "path": row.name,
        "project_id": row.project,
        "location": f"{host}/{row.name}",
        "created_at": write_time(row.created),
        "cleanup_policy_started_at": None,
        "status": None,
        "delete_api_path": f"{api}/projects/{row.project}/registry/repositories/{row.id}",
    }


def tag_shape(name: str, row: RepositoryRow, host: str) -> Shape:
    return {"name": name, "path": f"{row.name}:{name}", "location": f"{host}/{row.name}:{name}"}


def host_of(house: House) -> str:
    """The part of an image's name before the first slash."""
    return house.settings.base_url.partition("://")[2]


async def find(call: Call) -> RepositoryRow:
    """The repository of the path, in the project of the path. Raises `RepositoryNotFound`."""
    found = await call.house.database.read(repositories.get_repository, CONTAINER, path_id(call, "repository_id"), call.place.id, call.at)
    if found is None:
        raise RepositoryNotFound()
    return found


async def delete_repository(call: Call) -> Answer:
    """Everything in the repository is gone."""
    repository = await find(call)
    uploads = await call.house.database.write(_delete_repository, call.house, call.access, repository)
    for upload in uploads:
        (call.house.spool.folder / file_name(upload)).unlink(missing_ok=True)
    return empty_reply(202)


def _delete_repository(connection: Connection, house: House, access: Access, repository: RepositoryRow) -> list[str]:
    name = repository.name
    rules.read_rules(connection, access, house.formats[CONTAINER], name, name, "", Action.DELETE)
    return cleanup.delete_repository(connection, house.formats[CONTAINER], access, repository)


# -- tags ------------------------------------------------------------------------------------------------------------


async def list_tags(call: Call) -> Answer:
    """The tags of a repository, by number or by the last one seen."""
    repository = await find(call)
    parameters = read_query(call)
    page = read_page(parameters)
    host = host_of(call.house)
    if parameters.choice("pagination", ("offset", "legacy", "keyset")) == "keyset":
        return await _keyset(call, repository, parameters, page)
    found = await call.house.database.read(repositories.page_tags, repository.id, page.offset, page.size, call.at)
    total = (await call.house.database.read(repositories.count_tags, [repository.id], call.at)).get(repository.id, 0)
    return paged(call, [tag_shape(name, repository, host) for name in found], page, total)


async def _keyset(call: Call, repository: RepositoryRow, parameters: Parameters, page: Page) -> Answer:
    descending = (parameters.choice("sort", ("asc", "desc")) or "asc") == "desc"
    last = parameters.text("last") or ""
    found = await call.house.database.read(containers.list_tags, repository.id, last, page.size + 1, descending=descending, at=call.at)
    more = len(found) > page.size
    found = found[: page.size]
    following = {"pagination": "keyset", "last": found[-1]} if more else None
    return by_keys(call, [tag_shape(name, repository, host_of(call.house)) for name in found], following)


class _Part(msgspec.Struct):
    digest: str = ""
    size: int = 0


class _Facts(msgspec.Struct):
    """What the room of images keeps of a manifest, as far as people ask for it here."""

    config: _Part | None = None
    layers: list[_Part] = []
    created: str = ""


async def get_tag(call: Call) -> Answer:
    """One tag, and what it points at."""
    repository = await find(call)
    name = call.params["tag_name"]
    row, built = await call.house.database.read(_read_tag, repository.id, name, call.at)
    shape = tag_detail(row, repository, host_of(call.house))
    return json_reply(shape if built is None else shape | {"pipeline": pipeline_shape(built, call.house.settings.base_url)})


def _read_tag(connection: Connection, repository: int, name: str, at: Instant | None) -> tuple[TagRow, PipelineRow | None]:
    found = repositories.read_tags(connection, repository, name, at=at)
    if not found:
        raise TagNotFound()
    # a pipeline goes on, and what a moment shows never changes
    built = pipelines.builds_of(connection, [found[0].version_id], now()) if at is None else {}
    return found[0], built.get(found[0].version_id)


def tag_detail(row: TagRow, repository: RepositoryRow, host: str) -> Shape:
    facts = msgspec.json.decode(row.facts, type=_Facts)
    revision = facts.config.digest.partition(":")[2] if facts.config is not None else ""
    return tag_shape(row.name, repository, host) | {
        "creator_id": row.creator_id,
        "revision": revision,
        "short_revision": revision[:9],
        "digest": row.version,
        "created_at": None if row.made is None else offset_time(row.made),
        "total_size": sum(layer.size for layer in facts.layers) if facts.config is not None else None,
    }


def offset_time(at: Instant) -> str:
    """With `+00:00` in place of `Z`, as tags have it."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="milliseconds")


async def delete_tag(call: Call) -> Answer:
    """The tag is gone; what it pointed at is collected later."""
    repository = await find(call)
    await call.house.database.write(_delete_tag, call.house, call.access, repository, call.params["tag_name"])
    return json_reply({})


def _delete_tag(connection: Connection, house: House, access: Access, repository: RepositoryRow, name: str) -> None:
    if changes.tagged_version(connection, repository.id, name) is None:
        raise TagNotFound()
    rules.check_tags(connection, access, CONTAINER, repository.name, Action.DELETE, (name,))
    change.tag(connection, change.target(house.formats[CONTAINER], repository.project, access.actor, repository.name), name, None)


async def delete_tags(call: Call) -> Answer:
    """Remove many tags, once in an hour."""
    repository = await find(call)
    choice = read_choice(await read_parameters(call))
    if not await call.house.database.write(events.take_lease, f"tags/{repository.id}", secrets.token_hex(8), now(), ONCE_SECONDS):
        raise Invalid("This request has already been made. You can run this at most once an hour for a given container repository")
    started = now()
    outcome = await cleanup.clean(call.house, call.access, call.actor, repository, choice)
    await call.house.database.write(_note_run, repository, started, outcome)
    return empty_reply(202)


def _note_run(connection: Connection, repository: RepositoryRow, started: Instant, outcome: cleanup.Outcome) -> None:
    run = repositories.add_run(connection, repository.project, "api", started)
    detail = msgspec.json.encode({"removed": {repository.name: outcome.removed} if outcome.removed else {}}).decode()
    repositories.end_run(connection, run, now(), len(outcome.removed), outcome.kept, detail)


def read_choice(parameters: Parameters) -> Choice:
    """Which tags go. Raises `InvalidParameter`, `Invalid`."""
    pattern = parameters.text("name_regex_delete") or parameters.text("name_regex")
    if not pattern:
        raise InvalidParameter("name_regex_delete is missing", parameter="name_regex_delete")
    keep_n, older_than = parameters.integer("keep_n"), parameters.text("older_than")
    if keep_n is not None and keep_n < 0:
        raise InvalidParameter("keep_n is invalid", parameter="keep_n")
    choice = Choice(
        delete=pattern,
        keep=parameters.text("name_regex_keep") or None,
        keep_n=keep_n or 0,
        older_than=cleanup.read_span(older_than) if older_than else None,
    )
    cleanup.check_choice(choice)
    return choice


# -- the table -------------------------------------------------------------------------------------------------------


def at_a_moment(base: str, tail: str, handler: Handler, kind: Literal["project", "group"] = "project") -> Route:
    """The same list or look-up at an earlier moment."""
    return dataclasses.replace(
        route("GET", f"{base}/-/at/{{time}}/registry/repositories{tail}", handler, Action.READ, kind), moment_of=lambda params: params["time"]
    )


def routes() -> Iterable[Route]:
    yield at_a_moment(PROJECT, "", list_of_project)
    yield at_a_moment(GROUP, "", list_of_group, "group")
    yield at_a_moment(PROJECT, "/{repository_id}/tags", list_tags)
    yield at_a_moment(PROJECT, "/{repository_id}/tags/{tag_name}", get_tag)
    yield route("GET", REPOSITORIES, list_of_project, Action.READ)
    yield route("GET", f"{GROUP}/registry/repositories", list_of_group, Action.READ, "group")
    yield Route(
        method="GET", path="api/v4/registry/repositories/{repository_id}", handler=get_repository, action=Action.READ, reach=ROOT, area="containers"
    )
    yield route("DELETE", REPOSITORY, delete_repository, Action.DELETE)
    yield route("GET", f"{REPOSITORY}/tags", list_tags, Action.READ)
    yield route("DELETE", f"{REPOSITORY}/tags", delete_tags, Action.DELETE)
    yield route("GET", f"{REPOSITORY}/tags/{{tag_name}}", get_tag, Action.READ)
    yield route("DELETE", f"{REPOSITORY}/tags/{{tag_name}}", delete_tag, Action.PUBLISH)
