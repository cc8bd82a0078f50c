"""The state of a package list, as its address holds it: filters, order, page. Reading an address and writing it again gives the same list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import structs

from packhouse.model import Struct
from packhouse.ui.addresses import with_query
from packhouse.ui.views import Column, Filters, FormatMark, Link, Pager
from packhouse.ui.words import number

PAGE = 20
LAST_PAGE = 10_000
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


class ListState(Struct):
    """What a list is asked to show."""

    text: str = ""
    format: str = ""
    version: str = ""
    status: str = ""
    order_by: str = "created_at"
    sort: str = "desc"
    page: int = 1

    @property
    def filtered(self) -> bool:
        return bool(self.text or self.format or self.version or self.status)

    def but(self, **changes: str | int) -> ListState:
        """The same list with something changed, from its first page."""
        return structs.replace(self, **({"page": 1} | changes))  # type: ignore[type-var]


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
        page=read_page(query.get("page", "")),
    )


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
        page=state.page if state.page > 1 else None,
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


def make_pager(path: str, state: ListState, total: int) -> Pager:
    """Where this page of the list stands, and the way to its neighbours."""
    first, last = (state.page - 1) * PAGE + 1, min(state.page * PAGE, total)
    if first > total:
        summary = ""
    elif total <= PAGE:
        summary = f"{number(total)} in all"
    else:
        summary = f"{number(first)}–{number(last)} of {number(total)}"
    return Pager(
        summary=summary,
        newer=address(path, state.but(page=state.page - 1)) if state.page > 1 else "",
        older=address(path, state.but(page=state.page + 1)) if last < total else "",
    )
