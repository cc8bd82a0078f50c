"""Pages of a list: by number, or by the last row seen (core API section 3)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from packhouse.api.call import Call
from packhouse.api.parameters import Parameters, unfit
from packhouse.errors import Unsupported
from packhouse.model import Struct
from packhouse.responses import Reply, json_reply

SIZE = 20
LARGEST = 100
MOST_COUNTED = 10_000
DEEPEST_OFFSET = 50_000
FARTHEST = 2**62
SECRET = frozenset({"private_token", "job_token", "access_token"})


class Page(Struct):
    """Which part of a list is asked for."""

    number: int = 1
    size: int = SIZE

    @property
    def offset(self) -> int:
        return min((self.number - 1) * self.size, FARTHEST)


def read_page(parameters: Parameters) -> Page:
    """The page asked for; a size beyond the largest is the largest. Raises `InvalidParameter`."""
    number, size = parameters.integer("page"), parameters.integer("per_page")
    if size is not None and size < 1:
        raise unfit("per_page")
    return Page(number=max(1, number if number is not None else 1), size=min(size or SIZE, LARGEST))


def check_depth(page: Page, what: str) -> None:
    """A list that has keyset pages is not read far by number. Raises `Unsupported`."""
    if page.offset > DEEPEST_OFFSET:
        raise Unsupported(f"Offset pagination of {what} ends at row {DEEPEST_OFFSET}: use pagination=keyset for the rest")


def paged(call: Call, items: Sequence[Any], page: Page, total: int) -> Reply:
    """A page by number, with its headers."""
    pages = max(1, -(-total // page.size))
    ahead = page.number + 1 if page.number < pages else None
    behind = min(page.number - 1, pages) if page.number > 1 else None
    headers = {
        "x-page": str(page.number),
        "x-per-page": str(page.size),
        "x-next-page": str(ahead or ""),
        "x-prev-page": str(behind or ""),
    }
    links = {"prev": behind, "next": ahead, "first": 1}
    if total <= MOST_COUNTED:
        headers |= {"x-total": str(total), "x-total-pages": str(pages)}
        links["last"] = pages
    wanted = {rel: {"page": str(number), "per_page": str(page.size)} for rel, number in links.items() if number is not None}
    headers["link"] = ", ".join(f'<{page_url(call, changed)}>; rel="{rel}"' for rel, changed in wanted.items())
    return json_reply(items, headers=headers)


def by_keys(call: Call, items: Sequence[Any], after: Mapping[str, str] | None) -> Reply:
    """A keyset page; `after` are the parameters of the next one, None at the end."""
    headers = {} if after is None else {"link": f'<{page_url(call, after)}>; rel="next"'}
    return json_reply(items, headers=headers)


def page_url(call: Call, changed: Mapping[str, str]) -> str:
    """The address of this list with some parameters changed; a project or group stands there by its number, a token never."""
    kept = [(name, value) for name, value in call.query_list if name not in changed and name not in SECRET]
    return f"{call.house.settings.base_url}/{_fill(call)}?{urlencode([*kept, *changed.items()])}"


def _fill(call: Call) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name == "id" and call.access.place is not None:
            return str(call.access.place.id)
        return quote(call.params[name], safe="")

    return re.sub(r"\{(\w+)[*+]?\}", value, call.entry.template)


def write_cursor(values: Mapping[str, Any]) -> str:
    """An opaque place in a list, read forwards."""
    return base64.urlsafe_b64encode(msgspec.json.encode({**values, "_kd": "n"})).decode().rstrip("=")


def read_cursor(parameters: Parameters) -> dict[str, str] | None:
    """The values of `cursor`; None without one. Raises `InvalidParameter`."""
    text = parameters.text("cursor", 2048)
    if not text:
        return None
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=dict[str, str | int])
    except (binascii.Error, ValueError) as error:
        raise unfit("cursor") from error
    return {name: str(value) for name, value in decoded.items()}


def cursor_id(cursor: Mapping[str, str]) -> int:
    """The row id in a cursor. Raises `InvalidParameter`."""
    text = cursor.get("id", "")
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise unfit("cursor")
    return int(text)
