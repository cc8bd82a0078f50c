"""Git over HTTP at `/<group>/<project>.git` (gitprotocol-http)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from packhouse.api.call import Call, standing
from packhouse.auth.policy import EXCHANGED, Access, authorize
from packhouse.contract import ROOT, Action, Answer, ErrorStyle, Params, Route
from packhouse.db import gits
from packhouse.errors import Forbidden, Invalid, RegistryError, TooLarge, Unsupported
from packhouse.git.keeping import TAGS
from packhouse.git.serving import LARGEST_ASK, Commands, Service, advertise, bounded, converse, read_protocol, write_refusal
from packhouse.packages.branches import keeps_history, refuse_push
from packhouse.packages.mirrors import check_own
from packhouse.packages.repositories import folder_to_change, folder_to_read, note_change, recall
from packhouse.packages.rules import refuse_tags
from packhouse.responses import Reply, StreamReply
from packhouse.wording import status_line

READ: Service = "git-upload-pack"
PUSH: Service = "git-receive-pack"
NO_CACHE = {"cache-control": "no-cache, max-age=0, must-revalidate", "expires": "Fri, 01 Jan 1980 00:00:00 GMT", "pragma": "no-cache"}
MIB = 1024 * 1024


class Carrier(Call, Protocol):
    """A call whose body comes as a stream."""

    def stream(self) -> AsyncIterator[bytes]: ...


def git_body(error: RegistryError) -> tuple[str, bytes]:
    """One line, which the git program prints after `remote:`."""
    return "text/plain; charset=utf-8", (status_line(error) + "\n").encode()


STYLE = ErrorStyle(body=git_body, challenge=lambda action, params: 'Basic realm="GitLab"')


def routes() -> Iterable[Route]:
    """What a Git client asks for. The dumb protocol is not among it."""

    def route(method: str, tail: str, handler: Any, action: Action) -> Route:
        return Route(
            method=method,
            path="{id+}/" + tail,
            handler=handler,
            action=action,
            reach=ROOT,
            place_of=_place_of,
            place_kind="project",
            area="repository",
            lasting=False,
        )

    return (
        route("GET", "info/refs", list_refs, Action.READ),
        route("POST", READ, fetch, Action.READ),
        route("POST", PUSH, push, Action.PUBLISH),
    )


def _place_of(params: Params) -> str:
    return params["id"].removesuffix(".git")


async def list_refs(call: Carrier) -> Answer:
    """What a fetch or a push starts with. Raises `Unsupported` for the dumb protocol, `Forbidden` for those who may not push."""
    service = call.query.get("service", "")
    protocol = read_protocol(call.headers.get("git-protocol", ""))
    if service == READ:
        folder = await folder_to_read(call.house, call.place.id)
        said = await advertise(READ, folder, protocol)
    elif service == PUSH:
        check_push(call.access)
        await check_own(call.house, call.place.id)
        folder = await folder_to_read(call.house, call.place.id)
        await recall(call.house, call.place.id, call.actor)
        said = await advertise(PUSH, folder, protocol)
    else:
        raise Unsupported("Only Git's smart protocol is spoken here: use git 1.6.6 or later")
    return Reply(said, 200, NO_CACHE, f"application/x-{service}-advertisement")


async def fetch(call: Carrier) -> Answer:
    """The objects that a client lacks."""
    _check_type(call, READ)
    folder = await folder_to_read(call.house, call.place.id)
    body = bounded(call.stream(), LARGEST_ASK, gzip=_is_gzip(call))
    said = await converse(READ, folder, read_protocol(call.headers.get("git-protocol", "")), body)
    return StreamReply(said, 200, NO_CACHE, f"application/x-{READ}-result")


async def push(call: Carrier) -> Answer:
    """Take objects and move refs; the repository is made by the first push. Raises `TooLarge`."""
    check_push(call.access)
    _check_type(call, PUSH)
    await check_own(call.house, call.place.id)
    limit = call.house.settings.max_push_mib * MIB
    declared = call.headers.get("content-length", "0")
    if declared.isdigit() and len(declared) < 19 and int(declared) > limit:
        raise TooLarge(f"The push is larger than {limit // MIB} MiB, which this server takes at once", limit=limit)
    call.house.spool.check_space(int(declared) if declared.isdigit() and len(declared) < 19 else 0)
    project = call.place.id
    folder = await folder_to_change(call.house, project)
    commands = Commands()

    async def finished() -> None:
        await note_change(call.house, project, call.actor, commands.wanted)

    body = bounded(call.stream(), limit, gzip=_is_gzip(call), watch=commands.feed)
    begun = [data async for data in _beginning(body, commands)]
    rules = await call.house.database.read(gits.list_protected, project)
    refused = {**refuse_push(rules, commands.wanted, standing(call.access)), **await _refuse_tags(call, commands.wanted)}
    if refused:
        return await _refuse(commands, refused, body)
    protocol, keep = read_protocol(call.headers.get("git-protocol", "")), keeps_history(rules, commands.wanted)
    said = await converse(PUSH, folder, protocol, _whole(begun, body), limit=limit, keep_history=keep, finished=finished)
    return StreamReply(said, 200, NO_CACHE, f"application/x-{PUSH}-result")


async def _refuse_tags(call: Call, wanted: Iterable[str]) -> Mapping[str, str]:
    """The tags that would publish what this actor may not: ref → the reason."""
    found = await refused_tags(call, [ref.removeprefix(TAGS) for ref in wanted if ref.startswith(TAGS)])
    return {TAGS + tag: reason for tag, reason in found.items()}


async def refused_tags(call: Call, tags: Sequence[str]) -> Mapping[str, str]:
    """A tag may be a version of a package, whose protection rules hold then: tag → the reason."""
    base = urlsplit(call.house.settings.base_url)
    address = f"{base.hostname}{base.path}/{call.place.full_path}"
    formats = [format for format in call.house.formats.values() if format.named_by_tag is not None]
    return await call.house.database.read(refuse_tags, call.access, formats, address, tags) if tags else {}


async def _beginning(body: AsyncIterator[bytes], commands: Commands) -> AsyncIterator[bytes]:
    """What comes until it is known what the push wants."""
    while not commands.complete:
        try:
            yield await anext(body)
        except StopAsyncIteration:
            return


async def _whole(begun: Iterable[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for data in begun:
        yield data
    async for data in rest:
        yield data


async def _refuse(commands: Commands, refused: Mapping[str, str], rest: AsyncIterator[bytes]) -> Answer:
    if "report-status" not in commands.abilities and "report-status-v2" not in commands.abilities:
        raise Forbidden(f"Forbidden - {next(iter(refused.values()))}")
    async for _ in rest:  # the client listens when it has sent everything
        pass
    return Reply(write_refusal(commands, refused), 200, NO_CACHE, f"application/x-{PUSH}-result")


def check_push(access: Access) -> None:
    """Jobs and exchanged identities publish packages; code is pushed by people and their tokens. Raises what `authorize` raises."""
    authorize(access, Action.PUBLISH)
    if access.actor.kind == "job" or EXCHANGED in access.actor.scopes:
        raise Forbidden("Forbidden - This token publishes packages and does not push code")


def _check_type(call: Carrier, service: Service) -> None:
    # a form on another site cannot send this type, so it can neither fetch nor push in a user's name
    if call.headers.get("content-type", "") != f"application/x-{service}-request":
        raise Invalid(f"The Content-Type must be application/x-{service}-request")


def _is_gzip(call: Carrier) -> bool:
    coding = call.headers.get("content-encoding", "identity").lower()
    if coding not in ("gzip", "x-gzip", "identity", ""):
        raise Invalid(f"The Content-Encoding {coding[:40]!r} is not known: send gzip, or none")
    return "gzip" in coding
