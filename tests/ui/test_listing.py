"""A list's address is its state: reading and writing agree, and nonsense is passed over."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from packhouse.ui.listing import (
    PAGE,
    SORTABLE,
    STATUSES,
    Cursor,
    Edge,
    ListState,
    ShortState,
    address,
    make_columns,
    make_filters,
    make_pager,
    make_sorting,
    read_short,
    read_state,
    short_address,
)
from packhouse.ui.views import FormatMark

FORMATS = {"pypi": "PyPI", "npm": "npm", "generic": "Generic"}
WORD = st.text(st.characters(codec="utf-8", exclude_characters=":", exclude_categories=("Cs", "Cc", "Z")), max_size=20)
CURSORS = {
    text: st.builds(
        Cursor,
        value=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))) if text else st.integers(0, 2**53),
        id=st.integers(1, 2**53),
        start=st.integers(0, 10**6),
        backwards=st.booleans(),
    )
    for text in (True, False)
}


@st.composite
def states(draw: st.DrawFn) -> ListState:
    order_by = draw(st.sampled_from(sorted(SORTABLE)))
    return ListState(
        text=draw(WORD),
        format=draw(st.sampled_from(["", *FORMATS])),
        version=draw(WORD),
        status=draw(st.sampled_from(["", *sorted(STATUSES)])),
        order_by=order_by,
        sort=draw(st.sampled_from(["asc", "desc"])),
        cursor=draw(st.none() | CURSORS[order_by not in {"created_at", "type"}]),
    )


def read(href: str) -> ListState:
    return read_state(dict(parse_qsl(urlsplit(href).query, keep_blank_values=True)), FORMATS)


@given(states())
def test_an_address_leads_to_the_state_it_was_made_from(state: ListState) -> None:
    """A copied link would show another list."""
    assert read(address("/p/-/packages", state)) == state


@given(
    st.dictionaries(st.sampled_from(["search", "search[]", "type", "version", "status", "orderBy", "sort", "after", "before"]), st.text(max_size=40))
)
def test_any_query_means_some_list(query: dict[str, str]) -> None:
    """A mistyped address would be answered with an error."""
    state = read_state(query, FORMATS)
    assert state.order_by in SORTABLE
    assert read(address("/x", state)) == state


def test_words_of_the_search_field_become_filters() -> None:
    """Filters could not be typed."""
    state = read_state({"search": "wid type:PyPI version:2.0 status:hidden gets"}, FORMATS)
    assert (state.text, state.format, state.version, state.status) == ("wid gets", "pypi", "2.0", "hidden")


def test_gitlabs_names_are_understood() -> None:
    """A bookmark of the registry people come from would show another list."""
    state = read_state({"search[]": "wid", "type": "PyPI", "orderBy": "name", "sort": "asc"}, FORMATS)
    assert (state.text, state.format, state.order_by, state.sort) == ("wid", "pypi", "name", "asc")


def test_a_column_sorts_and_then_turns_round() -> None:
    """A head would not sort, or not say how the list is sorted."""
    columns = {column.id: column for column in make_columns("/x", ListState())}
    assert columns["published"].sorted == "descending"
    assert read(columns["published"].href).sort == "asc"
    assert (read(columns["name"].href).order_by, read(columns["name"].href).sort) == ("name", "asc")
    assert columns["name"].sorted == ""
    assert columns["size"].href == ""


def test_chips_choose_and_take_off() -> None:
    """A filter could not be taken off again without writing the address by hand."""
    state = ListState(text="wid", format="npm", version="2.0", cursor=Cursor(value=7, id=1))
    counts = [(FormatMark(name="npm", title="npm"), 2), (FormatMark(name="pypi", title="PyPI"), 5)]
    filters = make_filters("/x", state, counts)
    assert [(chip.text, chip.count, chip.current) for chip in filters.formats] == [("All", 7, False), ("npm", 2, True), ("PyPI", 5, False)]
    assert read(filters.formats[2].href) == ListState(text="wid", format="pypi", version="2.0")
    assert [read(chip.href).version for chip in filters.active] == [""]
    assert dict(filters.hidden) == {"type": "npm", "version": "2.0"}
    assert filters.clear == "/x"


def test_one_format_needs_no_chips() -> None:
    """A project of one format would offer a choice that is none."""
    assert make_filters("/x", ListState(), [(FormatMark(name="npm", title="npm"), 2)]).formats == ()


def test_a_pager_knows_its_neighbours() -> None:
    """The reader would be led past the end, or could not go back."""
    ends = (Edge(value=9, id=30), Edge(value=5, id=11))
    first = make_pager("/x", ListState(), 45, ends, 20, newer=False, older=True)
    assert (first.summary, first.newer) == ("1–20 of 45", "")
    second = read(first.older)
    assert second.cursor == Cursor(value=5, id=11, start=20)
    last = make_pager("/x", second, 45, ends, 20, newer=True, older=False)
    assert (last.summary, last.older) == ("21–40 of 45", "")
    assert read(last.newer).cursor == Cursor(value=9, id=30, start=0, backwards=True)
    assert make_pager("/x", ListState(), PAGE, ends, PAGE, newer=False, older=False).summary == "20 in all"
    assert read(make_pager("/x", second, 0, None, 0, newer=True, older=False).newer).cursor is None


def test_a_list_sorts_by_every_field() -> None:
    """A field of the list could not be sorted by, or a project's list would offer to sort by itself."""
    grouped, single = make_sorting("/x", ListState(), with_project=True), make_sorting("/x", ListState(), with_project=False)
    assert [item.text for item in grouped.fields] == ["Published", "Name", "Version", "Type", "Project"]
    assert {read(item.href).order_by for item in grouped.fields} == SORTABLE
    assert "Project" not in [item.text for item in single.fields]
    assert grouped.turn is not None
    assert read(grouped.turn.href).sort == "asc"


FIELDS = {"pushed": ("Published", "desc"), "name": ("Name", "asc")}


@given(st.builds(ShortState, text=WORD, order_by=st.sampled_from(sorted(FIELDS)), sort=st.sampled_from(["asc", "desc"]), page=st.integers(1, 10_000)))
def test_an_address_of_a_short_list_leads_to_its_state(state: ShortState) -> None:
    """A copied link to the tags of an image would show others."""
    query = dict(parse_qsl(urlsplit(short_address("/x", state, FIELDS)).query, keep_blank_values=True))
    assert read_short(query, FIELDS) == state
