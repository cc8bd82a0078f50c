"""Pages of results: what was asked for, and the addresses of the next ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from packhouse.errors import InvalidParameter
from packhouse.model import Struct

LIMIT, MOST = 20, 100
# what the addresses of other pages repeat: never a token that came in the query
KNOWN = frozenset({"query", "owner", "module", "module_groups", "sort_by", "exclude_fields", "show_deleted"})
LONGEST = 1000

_SEPARATORS = re.compile(r"[,\s]+")


class Asked(Struct):
    """What a query asks for. `repeated` are its parameters, without those of the page."""

    limit: int = LIMIT
    offset: int = 0
    sort_by: str = ""
    excluded: frozenset[str] = frozenset()
    repeated: tuple[tuple[str, str], ...] = ()


def read_asked(query: Mapping[str, str], sorts: Collection[str] = ()) -> Asked:
    """What a query asks for; `sorts` are the words that `sort_by` may have. Raises `InvalidParameter`."""
    for key in KNOWN & query.keys():
        if len(query[key]) > LONGEST:
            raise InvalidParameter(f"{key} is longer than {LONGEST} characters", parameter=key)
    sort_by = query.get("sort_by", "")
    if sort_by and sorts and sort_by not in sorts:
        raise InvalidParameter(f"sort_by is {sort_by[:40]!r}: it may be one of {', '.join(sorted(sorts))}", parameter="sort_by")
    limit = _read_number(query, "limit", LIMIT)
    if not limit:
        raise InvalidParameter("limit is 0: ask for one result at least", parameter="limit")
    return Asked(
        limit=min(limit, MOST),
        offset=_read_number(query, "offset", 0),
        sort_by=sort_by,
        excluded=frozenset(_SEPARATORS.split(query.get("exclude_fields", ""))) - {""},
        repeated=tuple((key, value) for key, value in query.items() if key in KNOWN),
    )


def _read_number(query: Mapping[str, str], key: str, default: int) -> int:
    text = query.get(key, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidParameter(f"{key} is {text[:40]!r}: it must be a number, 0 or more", parameter=key)
    return int(text)


def write_page(resource: str, asked: Asked, total: int, results: Sequence[Any]) -> dict[str, Any]:
    """A page with the addresses of its neighbours: None where there is none."""
    here, limit = asked.offset, asked.limit
    return {
        "pagination": {
            "limit": limit,
            "offset": here,
            "first": _address(resource, asked, 0),
            "previous": _address(resource, asked, max(0, here - limit)) if here else None,
            "current": _address(resource, asked, here),
            "next": _address(resource, asked, here + limit) if here + limit < total else None,
            "total": total,
        },
        "results": results,
    }


def _address(resource: str, asked: Asked, offset: int) -> str:
    return f"/v3/{resource}?{urlencode([*asked.repeated, ('limit', asked.limit), ('offset', offset)])}"


def without(value: Mapping[str, Any], excluded: Collection[str]) -> dict[str, Any]:
    """The same without some fields; of a module also its current release."""
    kept = {key: each for key, each in value.items() if key not in excluded}
    if isinstance(kept.get("current_release"), dict):
        kept["current_release"] = without(kept["current_release"], excluded)
    return kept
