"""A list's address is its state: reading and writing agree, and nonsense is passed over."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from packhouse.ui.listing import LAST_PAGE, PAGE, SORTABLE, STATUSES, ListState, address, make_columns, make_filters, make_pager, read_state
from packhouse.ui.views import FormatMark

FORMATS = {"pypi": "PyPI", "npm": "npm", "generic": "Generic"}
WORD = st.text(st.characters(codec="utf-8", exclude_characters=":", exclude_categories=("Cs", "Cc", "Z")), max_size=20)
STATES = st.builds(
    ListState,
    text=WORD,
    format=st.sampled_from(["", *FORMATS]),
    version=WORD,
    status=st.sampled_from(["", *sorted(STATUSES)]),
    order_by=st.sampled_from(sorted(SORTABLE)),
    sort=st.sampled_from(["asc", "desc"]),
    page=st.integers(1, LAST_PAGE),
)


def read(href: str) -> ListState:
    return read_state(dict(parse_qsl(urlsplit(href).query, keep_blank_values=True)), FORMATS)


@given(STATES)
def test_an_address_leads_to_the_state_it_was_made_from(state: ListState) -> None:
    """A copied link would show another list."""
    assert read(address("/p/-/packages", state)) == state


@given(st.dictionaries(st.sampled_from(["search", "search[]", "type", "version", "status", "orderBy", "sort", "page"]), st.text(max_size=40)))
def test_any_query_means_some_list(query: dict[str, str]) -> None:
    """A mistyped address would be answered with an error."""
    state = read_state(query, FORMATS)
    assert state.order_by in SORTABLE
    assert 1 <= state.page <= LAST_PAGE
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
    state = ListState(text="wid", format="npm", version="2.0", page=3)
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
    first, last = make_pager("/x", ListState(), 45), make_pager("/x", ListState(page=3), 45)
    assert (first.summary, first.newer, read(first.older).page) == ("1–20 of 45", "", 2)
    assert (last.summary, read(last.newer).page, last.older) == ("41–45 of 45", 2, "")
    assert make_pager("/x", ListState(), PAGE).summary == "20 in all"
    assert make_pager("/x", ListState(page=9), 45).older == ""
