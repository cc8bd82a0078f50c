"""Names and types of parameters (core API section 1)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.api.names import make_path
from packhouse.api.parameters import Parameters, nest
from packhouse.errors import Invalid, InvalidParameter


def test_names_nest() -> None:
    """Lists and hashes of a form are not what they are in JSON."""
    pairs = [("a", "1"), ("a", "2"), ("l[]", "x"), ("l[]", "y"), ("h[k]", "v"), ("h[n][m]", "w"), ("v[0][k]", "p"), ("v[1][k]", "q"), ("o[][k]", "z")]
    assert nest(pairs) == {
        "a": "2",
        "l": ["x", "y"],
        "h": {"k": "v", "n": {"m": "w"}},
        "v": {"0": {"k": "p"}, "1": {"k": "q"}},
        "o": [{"k": "z"}],
    }


@pytest.mark.parametrize(
    "pairs", [[("a", "1"), ("a[]", "2")], [("a[k]", "1"), ("a[]", "2")], [("a[]", "1"), ("a[k]", "2")], [(f"a{n}", "") for n in range(1001)]]
)
def test_names_that_contradict(pairs: list[tuple[str, str]]) -> None:
    """One name is a text and a list at once, or a form has no end."""
    with pytest.raises(Invalid):
        nest(pairs)


@given(st.lists(st.tuples(st.text(alphabet="ab[]01", max_size=40), st.text(max_size=3)), max_size=12))
def test_any_names_are_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    """An odd name of a parameter crashes the reader."""
    try:
        assert isinstance(nest(pairs), dict)
    except Invalid:
        pass


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(True, True), ("true", True), (1, True), ("1", True), (False, False), ("", False), (None, False), ("false", False), (0, False), ("0", False)],
)
def test_truth(value: Any, wanted: bool) -> None:
    """A spelling of true or false is read as the other, or refused."""
    assert Parameters({"flag": value}).flag("flag") is wanted
    assert Parameters({}).flag("flag") is None


@pytest.mark.parametrize(
    ("read", "value"),
    [
        ("flag", "maybe"),
        ("flag", []),
        ("flag", 2),
        ("integer", "x"),
        ("integer", "1.5"),
        ("integer", True),
        ("integer", 2**63),
        ("integer", "9" * 40),
        ("integer", {}),
        ("text", []),
        ("text", "a\x00"),
        ("text", "\ud800"),
        ("text", "x" * 256),
        ("texts", {"k": "v"}),
        ("texts", [1, None]),
        ("texts", ["a\x00"]),
        ("integers", ["x"]),
        ("integers", "-1"),
        ("date", "2026-13-01"),
        ("date", "2026-1-1"),
        ("date", "tomorrow"),
        ("instant", "2026-01-01T25:00:00Z"),
        ("instant", "now"),
    ],
)
def test_wrong_values_name_their_parameter(read: str, value: Any) -> None:
    """A value of a wrong type is taken, or the error does not say where it was."""
    with pytest.raises(InvalidParameter) as refused:
        getattr(Parameters({"thing": value}), read)("thing")
    assert refused.value.message.startswith("thing")


@pytest.mark.parametrize(
    ("read", "value", "wanted"),
    [
        ("integer", "12", 12),
        ("integer", -3, -3),
        ("integer", "", None),
        ("integer", 4.0, 4),
        ("text", 5, "5"),
        ("text", None, None),
        ("texts", "a, b,", ["a", "b"]),
        ("texts", ["a"], ["a"]),
        ("texts", {"1": "b", "0": "a"}, ["a", "b"]),
        ("texts", 7, ["7"]),
        ("integers", "1,2", [1, 2]),
        ("date", "1970-01-02", 86400000000),
        ("date", "1970-01-02T13:00:00Z", 86400000000),
        ("date", "", None),
        ("instant", "1970-01-01T00:00:01.5Z", 1500000),
        ("instant", "1970-01-02", 86400000000),
        ("instant", "1970-01-01T01:00:00+01:00", 0),
        ("instant", "1970-01-01 00:00", 0),
    ],
)
def test_right_values(read: str, value: Any, wanted: Any) -> None:
    """A value that a client may send is read as another one."""
    assert getattr(Parameters({"thing": value}), read)("thing") == wanted


@pytest.mark.parametrize(("name", "path"), [("My Tool", "my-tool"), ("Ünï çode", "uni-code"), (" -a- ", "a"), ("x.git", "x"), ("日本", "")])
def test_paths_from_names(name: str, path: str) -> None:
    """A name gives a path that cannot stand in an address."""
    assert make_path(name) == path
