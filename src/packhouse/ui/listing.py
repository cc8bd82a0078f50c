"""The state of a package list, as its address holds it: filters, order, page. Reading an address and writing it again gives the same list."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import structs

from packhouse.model import Struct
from packhouse.ui.addresses import with_query
from packhouse.ui.views import Column, Filters, FormatMark, Link, Pager, SortChoice
from packhouse.ui.words import number

PAGE = 20
LAST_PAGE = 10_000
LARGEST = 2**62
COLUMNS = (
    ("name", "Name", "name"),
    ("version", "Version", "version"),
    ("size", "Size", ""),
    ("downloads", "Downloads", ""),
    ("published", "Published", "created_at"),
)
SORTABLE = frozenset({"name", "version", "type", "created_at", "project_path"})
STATUSES = frozenset({"default", "hidden", "error", "deprecated", "processing", "pending_destruction"})
OLD_NAMES = {"created": "created_at", "published": "created_at", "project": "project_path"}
TOKEN = re.compile(r"\b(type|version|status):(\S+)")


class Cursor(Struct):
    """Where a page of a list begins: behind a version, or before it. `start` is how many come before it, as far as that is known."""

    value: str | int
    id: int
    start: int = 0
    backwards: bool = False


class ListState(Struct):
    """What a list is asked to show."""

    text: str = ""
    format: str = ""
    version: str = ""
    status: str = ""
    order_by: str = "created_at"
    sort: str = "desc"
    cursor: Cursor | None = None

    @property
    def filtered(self) -> bool:
        return bool(self.text or self.format or self.version or self.status)

    def but(self, **changes: str | Cursor) -> ListState:
        """The same list with something changed, from its first page."""
        return structs.replace(self, **({"cursor": None} | changes))  # type: ignore[type-var]


def read_state(query: Mapping[str, str], formats: Mapping[str, str]) -> ListState:
    """The state an address means; what it says wrongly is passed over. `formats` are titles by name."""
    text = (query.get("search") or query.get("search[]") or "").strip()[:255]
    tokens = dict(TOKEN.findall(text))
    order_by = query.get("orderBy", "")
    order_by = OLD_NAMES.get(order_by, order_by)
    known = order_by if order_by in SORTABLE else "created_at"
    default_sort = "asc" if order_by in SORTABLE - {"created_at"} else "desc"
    status = tokens.get("status") or query.get("status", "")
    return ListState(
        text=" ".join(TOKEN.sub("", text).split()),
        format=_format(tokens.get("type") or query.get("type", ""), formats),
        version=(tokens.get("version") or query.get("version", "")).strip()[:255],
        status=status if status in STATUSES else "",
        order_by=known,
        sort=query["sort"] if query.get("sort") in {"asc", "desc"} else default_sort,
        cursor=read_cursor(query, known),
    )


def read_cursor(query: Mapping[str, str], order_by: str) -> Cursor | None:
    """Where the page begins; None, the first one, for anything that no list has written."""
    backwards = "before" in query
    text = query.get("before" if backwards else "after", "")
    try:
        cursor = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=tuple[str | int, int, int])
    except (ValueError, msgspec.DecodeError):
        return None
    value, id_, start = cursor
    if isinstance(value, int) != (order_by in {"created_at", "type"}) or abs(id_) > LARGEST or not 0 <= start <= LARGEST:
        return None
    if (isinstance(value, int) and abs(value) > LARGEST) or (isinstance(value, str) and "\x00" in value):
        return None
    return Cursor(value=value, id=id_, start=start, backwards=backwards)


def write_cursor(cursor: Cursor) -> str:
    """A cursor as a part of an address."""
    return urlsafe_b64encode(msgspec.json.encode((cursor.value, cursor.id, cursor.start))).decode().rstrip("=")


def _format(text: str, formats: Mapping[str, str]) -> str:
    wanted = text.strip().lower()
    return next((name for name, title in formats.items() if wanted in {name, title.lower()}), "")


def read_page(text: str) -> int:
    """The number of a page; the first for anything that is none."""
    return min(int(text), LAST_PAGE) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else 1


def address(path: str, state: ListState) -> str:
    """The address of this state of a list; what is usual goes without saying."""
    usual = state.order_by == "created_at" and state.sort == "desc"
    return with_query(
        path,
        type=state.format,
        search=state.text,
        version=state.version,
        status=state.status,
        orderBy="" if usual else state.order_by,
        sort="" if usual else state.sort,
        after=write_cursor(state.cursor) if state.cursor is not None and not state.cursor.backwards else "",
        before=write_cursor(state.cursor) if state.cursor is not None and state.cursor.backwards else "",
    )


def make_columns(path: str, state: ListState) -> tuple[Column, ...]:
    """The heads of the list; those that sort lead to the list sorted by them, and the one in force turns it round."""
    return tuple(_column(path, state, id, text, field) for id, text, field in COLUMNS)


def plain_columns() -> tuple[Column, ...]:
    """The heads of a short list that does not sort."""
    return tuple(Column(id=id, text=text) for id, text, _ in COLUMNS if id in {"name", "version", "published"})


def _column(path: str, state: ListState, id: str, text: str, field: str) -> Column:
    if not field:
        return Column(id=id, text=text)
    if state.order_by == field:
        turned = "desc" if state.sort == "asc" else "asc"
        said = "ascending" if state.sort == "asc" else "descending"
        return Column(id=id, text=text, href=address(path, state.but(sort=turned)), sorted=said)
    first = "desc" if field == "created_at" else "asc"
    return Column(id=id, text=text, href=address(path, state.but(order_by=field, sort=first)))


def make_filters(path: str, state: ListState, counts: Sequence[tuple[FormatMark, int]]) -> Filters:
    """The search field and the chips. `counts` are the formats that are there, each with its number of versions."""
    hidden = (("type", state.format), ("version", state.version), ("status", state.status), ("orderBy", state.order_by), ("sort", state.sort))
    usual = {"orderBy", "sort"} if (state.order_by, state.sort) == ("created_at", "desc") else set()
    active = [
        Link(text=f"{name}: {value}", href=address(path, state.but(**{name: ""})))
        for name, value in (("version", state.version), ("status", state.status))
        if value
    ]
    if state.format and state.format not in {mark.name for mark, _ in counts}:
        active.append(Link(text=f"type: {state.format}", href=address(path, state.but(format=""))))
    everything = Link(text="All", href=address(path, state.but(format="")), current=not state.format, count=sum(count for _, count in counts))
    chips = tuple(
        Link(text=mark.title, href=address(path, state.but(format=mark.name)), current=mark.name == state.format, count=n) for mark, n in counts
    )
    return Filters(
        action=path,
        text=state.text,
        hidden=tuple((name, value) for name, value in hidden if value and name not in usual),
        active=tuple(active),
        formats=(everything, *chips) if len(chips) > 1 or state.format else (),
        clear=path if state.filtered else "",
    )


def make_sorting(path: str, state: ListState, *, with_project: bool) -> SortChoice:
    """The fields to sort by, and the way to turn the order round."""
    fields = [("created_at", "Published"), ("name", "Name"), ("version", "Version"), ("type", "Type")]
    fields += [("project_path", "Project")] if with_project else []
    turned = "asc" if state.sort == "desc" else "desc"
    return SortChoice(
        label=dict(fields).get(state.order_by, "Project"),
        fields=tuple(
            Link(
                text=title,
                href=address(path, state.but(order_by=field, sort="desc" if field == "created_at" else "asc")),
                current=field == state.order_by,
            )
            for field, title in fields
        ),
        turn=Link(text="Descending" if state.sort == "desc" else "Ascending", href=address(path, state.but(sort=turned))),
    )


class Edge(Struct):
    """The version at one end of a page: what it is sorted by, and its id."""

    value: str | int
    id: int


def make_pager(path: str, state: ListState, total: int, ends: tuple[Edge, Edge] | None, shown: int, *, newer: bool, older: bool) -> Pager:
    """Where this page of the list stands, and the way to its neighbours. `ends` are its first and its last version."""
    if ends is None:
        return Pager(newer=address(path, state.but()) if state.cursor is not None else "")
    start = state.cursor.start if state.cursor is not None else 0
    start = start if newer else 0
    first, last = ends
    back = Cursor(value=first.value, id=first.id, start=max(0, start - PAGE), backwards=True)
    on = Cursor(value=last.value, id=last.id, start=start + shown)
    return Pager(
        summary=f"{number(total)} in all" if total <= PAGE else f"{number(start + 1)}–{number(start + shown)} of {number(max(total, start + shown))}",
        newer=address(path, state.but(cursor=back)) if newer else "",
        older=address(path, state.but(cursor=on)) if older else "",
    )


# -- short lists: images, tags, cached manifests ---------------------------------------------------------------------


class ShortState(Struct):
    """What a list that is searched by one text and sorted by a few fields is asked to show."""

    text: str = ""
    order_by: str = ""
    sort: str = "asc"
    page: int = 1

    @property
    def offset(self) -> int:
        return (self.page - 1) * PAGE

    @property
    def descending(self) -> bool:
        return self.sort == "desc"


SHORT_FIELDS = Mapping[str, tuple[str, str]]
"""Field → its title, and the direction it is sorted in at first. The first one is the usual one."""


def read_short(query: Mapping[str, str], fields: SHORT_FIELDS) -> ShortState:
    """The state an address means; what it says wrongly is passed over."""
    usual = next(iter(fields))
    order_by = query.get("orderBy", "")
    order_by = order_by if order_by in fields else usual
    sort = query["sort"] if query.get("sort") in {"asc", "desc"} else fields[order_by][1]
    return ShortState(text=query.get("search", "").strip()[:255], order_by=order_by, sort=sort, page=read_page(query.get("page", "")))


def short_address(path: str, state: ShortState, fields: SHORT_FIELDS) -> str:
    """The address of this state; what is usual goes without saying."""
    usual = next(iter(fields))
    return with_query(
        path,
        search=state.text,
        orderBy="" if state.order_by == usual else state.order_by,
        sort="" if state.sort == fields[state.order_by][1] else state.sort,
        page=state.page if state.page > 1 else None,
    )


def short_filters(path: str, state: ShortState, fields: SHORT_FIELDS) -> Filters:
    """The search field; the order stays when the text changes."""
    usual = next(iter(fields))
    hidden = [("orderBy", state.order_by)] if state.order_by != usual else []
    hidden += [("sort", state.sort)] if state.sort != fields[state.order_by][1] else []
    return Filters(action=path, text=state.text, hidden=tuple(hidden), clear=path if state.text else "")


def short_sorting(path: str, state: ShortState, fields: SHORT_FIELDS) -> SortChoice:
    """The fields to sort by, and the way to turn the order round."""

    def sorted_by(field: str, sort: str) -> str:
        return short_address(path, structs.replace(state, order_by=field, sort=sort, page=1), fields)  # type: ignore[type-var]

    turned = "asc" if state.sort == "desc" else "desc"
    return SortChoice(
        label=fields[state.order_by][0],
        fields=tuple(Link(text=title, href=sorted_by(field, first), current=field == state.order_by) for field, (title, first) in fields.items()),
        turn=Link(text="Descending" if state.sort == "desc" else "Ascending", href=sorted_by(state.order_by, turned)),
    )


def short_pager(path: str, state: ShortState, fields: SHORT_FIELDS, total: int) -> Pager:
    """Where this page stands, and the way to its neighbours."""

    def page(number_: int) -> str:
        return short_address(path, structs.replace(state, page=number_), fields)  # type: ignore[type-var]

    return Pager(
        summary=page_summary(state.page, total),
        newer=page(state.page - 1) if state.page > 1 else "",
        older=page(state.page + 1) if state.page * PAGE < total else "",
    )


def page_summary(page: int, total: int) -> str:
    """Which of how many a page shows."""
    first, last = (page - 1) * PAGE + 1, min(page * PAGE, total)
    if first > total:
        return ""
    return f"{number(total)} in all" if total <= PAGE else f"{number(first)}–{number(last)} of {number(total)}"
