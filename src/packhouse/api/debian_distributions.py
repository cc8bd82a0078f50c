"""Distributions of Debian packages, of a project or a group: what they are called, what their Release says, and their keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from packhouse.api.call import Call, Kind, route_of, writing_packages
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query, unfit
from packhouse.api.shapes import Shape
from packhouse.contract import Action, Answer, Route
from packhouse.db import shelves
from packhouse.errors import InvalidParameter, ShelfNotFound
from packhouse.grammar.distributions import ARCHITECTURE, COMPONENT, DISTRIBUTION
from packhouse.model import Shelf
from packhouse.packages.shelves import SECONDS, NewShelf, change, create, remove
from packhouse.responses import Reply, json_reply

FORMAT = "debian"
LINE = re.compile(r"[^\x00-\x1f\x7f\x85\u2028\u2029]*")
TEXTS = ("origin", "label", "version", "description")
DEFAULTS: Mapping[str, Any] = {"components": ["main"], "architectures": ["amd64"]}
ALL = "all"
MOST = 100
DAY = 86_400
LONGEST = 3650 * DAY


async def list_all(call: Call) -> Answer:
    """Those of the project or group, by codename."""
    query = read_query(call)
    page, wanted = read_page(query), {name: query.text(name) for name in ("codename", "suite")}
    found = [distribution_shape(shelf) for shelf in await call.house.database.read(shelves.list_shelves, call.place.id, FORMAT)]
    found = [shape for shape in found if all(value is None or shape[name] == value for name, value in wanted.items())]
    return paged(call, found[page.offset : page.offset + page.size], page, len(found))


async def get_one(call: Call) -> Answer:
    """One of them."""
    return json_reply(distribution_shape(await find(call)))


async def get_key(call: Call) -> Answer:
    """The public key that its Release is signed with, armoured."""
    return Reply((await find(call)).public_key, 200, {}, "text/plain")


async def find(call: Call) -> Shelf:
    """The distribution of the path. Raises `ShelfNotFound`."""
    found = await call.house.database.read(shelves.find_shelf, call.place.id, FORMAT, call.params["codename"])
    if found is None:
        raise ShelfNotFound()
    return found


async def create_one(call: Call) -> Answer:
    """A new one, with a key of its own. Raises `Invalid`."""
    parameters = await read_parameters(call)
    codename = parameters.needed("codename")
    if not DISTRIBUTION.fullmatch(codename):
        raise InvalidParameter("codename is invalid: use letters, digits, dots and dashes", parameter="codename")
    new = read_values(parameters, codename, {})
    return json_reply(distribution_shape(await create(call.house, call.place.id, FORMAT, new, call.actor)), 201)


async def update_one(call: Call) -> Answer:
    """The same with what was sent; its key and codename stay. Raises `Invalid`, `ShelfNotFound`."""
    parameters = await read_parameters(call)

    def changed(held: Shelf) -> NewShelf:
        return read_values(parameters, held.name, msgspec.json.decode(held.values))

    write, codename = call.house.database.write, call.params["codename"]
    return json_reply(distribution_shape(await write(change, call.place.id, FORMAT, codename, changed, call.actor)))


async def delete_one(call: Call) -> Answer:
    """It is not served any more; the packages in it stay in the project. Raises `ShelfNotFound`."""
    await call.house.database.write(remove, call.place.id, FORMAT, call.params["codename"], call.actor)
    return json_reply({"message": "202 Accepted"}, 202)


def read_values(parameters: Parameters, codename: str, held: Mapping[str, Any]) -> NewShelf:
    """What is sent about a distribution, over what it says already. Raises `InvalidParameter`."""
    suite = _line(parameters, "suite", held)
    if suite and not DISTRIBUTION.fullmatch(suite):
        raise unfit("suite")
    seconds = parameters.integer(SECONDS) if SECONDS in parameters else held.get(SECONDS)
    if seconds is not None and not DAY <= seconds <= LONGEST:
        raise InvalidParameter(f"{SECONDS} must be {DAY} to {LONGEST}, a day to ten years", parameter=SECONDS)
    values = {
        "codename": codename,
        "suite": suite,
        **{name: _line(parameters, name, held) for name in TEXTS},
        SECONDS: seconds,
        "components": _names(parameters, "components", COMPONENT, held),
        "architectures": sorted({ALL, *_names(parameters, "architectures", ARCHITECTURE, held)}),
    }
    return NewShelf(name=codename, alias=suite if suite and suite != codename else "", values=values, seconds=seconds)


def _line(parameters: Parameters, name: str, held: Mapping[str, Any]) -> str | None:
    text = parameters.text(name) if name in parameters else held.get(name)
    if text is not None and not LINE.fullmatch(text):
        raise InvalidParameter(f"{name} is invalid: it must be one line", parameter=name)
    return text.strip() or None if text is not None else None


def _names(parameters: Parameters, name: str, pattern: re.Pattern[str], held: Mapping[str, Any]) -> Sequence[str]:
    found = parameters.texts(name)
    if found is None:
        found = list(held.get(name) or DEFAULTS[name])
    if not found or len(found) > MOST or not all(pattern.fullmatch(text) for text in found):
        raise unfit(name)
    return list(dict.fromkeys(found))


def distribution_shape(shelf: Shelf) -> Shape:
    """A distribution, as GitLab shows it."""
    return {"id": shelf.id, **msgspec.json.decode(shelf.values)}


def routes() -> list[Route]:
    found: list[Route] = []
    kinds: tuple[tuple[Kind, str], ...] = (("project", ""), ("group", "/-"))
    for kind, dash in kinds:
        base, one = f"{dash}/debian_distributions", f"{dash}/debian_distributions/{{codename}}"
        found += [
            route_of(kind, "GET", base, list_all, Action.READ),
            route_of(kind, "POST", base, writing_packages(create_one), Action.PUBLISH),
            route_of(kind, "GET", one, get_one, Action.READ),
            route_of(kind, "GET", f"{one}/key.asc", get_key, Action.READ),
            route_of(kind, "PUT", one, writing_packages(update_one), Action.PUBLISH),
            route_of(kind, "DELETE", one, writing_packages(delete_one), Action.DELETE),
        ]
    return found
