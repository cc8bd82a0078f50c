"""What clients ask first: the service indexes. They are answered to anybody, as they hold nothing but addresses made from the request."""

from __future__ import annotations

import re
from urllib.parse import quote

from packhouse.contract import Answer, Call
from packhouse.errors import PlaceNotFound
from packhouse.formats.nuget.index.service import XML, write_service_index, write_v2_metadata, write_v2_service
from packhouse.responses import Reply, json_reply

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_SEGMENT = r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}"
_PATHS = {"project": re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})+", re.ASCII), "group": re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*", re.ASCII)}


async def show_index(call: Call) -> Answer:
    """The v3 service index: to an anonymous caller the same for every id. Raises `PlaceNotFound`."""
    return json_reply(write_service_index(await find_address(call), project=call.moment.level == "project"))


async def show_v2_service(call: Call) -> Answer:
    """The service document of the v2 feed, by the same rule."""
    return Reply(write_v2_service(await find_address(call)), media_type=XML)


async def show_v2_metadata(call: Call) -> Answer:
    """The schema of the v2 feed, by the same rule."""
    await find_address(call)
    return Reply(write_v2_metadata(), media_type=XML)


async def find_address(call: Call) -> str:
    """The base address of this format in the place that the path names. Raises `PlaceNotFound`.

    By number where the caller may know of the place; else, for anonymous callers, as the request has it: the hidden and the absent look alike.
    """
    if await call.sees_place():
        return call.moment.here
    named, level = call.params["id"], call.moment.level
    # What is neither a number nor a path is no id at all: to say so tells nothing.
    if not call.actor.anonymous or not (_NUMBER.fullmatch(named) or _PATHS[level].fullmatch(named)):
        raise PlaceNotFound
    return f"{call.moment.api}/{level}s/{quote(named, safe='')}{call.moment.as_of or ('/-' if level == 'group' else '')}/packages/nuget"
