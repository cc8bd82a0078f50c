"""Routes on the undecoded path: a path means one thing, however it is spelled, or nothing (threats, T07; habit 1)."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from packhouse.contract import GROUP, INSTANCE, PROJECT, Action, Coordinates, ErrorStyle, Format, Route
from packhouse.errors import Invalid
from packhouse.web.match import DEEPEST, LONGEST_PATH, LONGEST_SEGMENT, Entry, Matcher, decode_segment, mount


async def answer(_call: object) -> None:
    raise NotImplementedError


def route(method: str, path: str, **more: object) -> Route:
    return Route(method=method, path=path, handler=answer, action=Action.READ, **more)  # type: ignore[arg-type]


def matcher(*templates: str) -> Matcher:
    return Matcher(Entry(route("GET", template), template, "root") for template in templates)


def find(made: Matcher, path: str, method: str = "GET") -> tuple[str, dict[str, str]] | None:
    """The template that answers, and its parameters."""
    entry, params, _ = made.match(method, path)
    return None if entry is None else (entry.template, dict(params))


TOY = Format(
    name="toy", title="Toy", purl="toy", errors=ErrorStyle(), snippets=lambda moment, package: (),
    coordinates=Coordinates(name_key=str, version_id=str, version_key=str, is_prerelease=lambda version: False),
    routes=(
        route("GET", "{name}"), route("GET", "@{scope}/{name}"), route("GET", "@{scope}"), route("PUT", "{name}", reach=PROJECT),
        route("GET", "file/{path*}", reach=PROJECT | GROUP | INSTANCE), route("GET", "-/ping", reach=INSTANCE), route("GET", ""),
    ),
)  # fmt: skip


@pytest.fixture(scope="module", name="toy")
def mount_toy() -> Matcher:
    """The routes of a small format, wherever they reach."""
    return Matcher(mount(TOY))


@pytest.mark.parametrize(("path", "wanted"), [
    ("/api/v4/projects/7/packages/toy/thing", ("7", "thing")),
    ("/api/v4/projects/group%2Fproject/packages/toy/thing", ("group/project", "thing")),
    ("/api/v4/projects/group%2fproject/packages/toy/thing", ("group/project", "thing")),
    ("/api/v4/projects/group/project/packages/toy/thing", ("group/project", "thing")),
    ("/api/v4/projects/a%2Fb%2Fc/packages/toy/thing", ("a/b/c", "thing")),
    ("/api/v4/projects/a/b%2Fc/packages/toy/thing", ("a/b/c", "thing")),
    ("/api/v4/projects/7/packages/toy/th%69ng", ("7", "thing")),
    ("/api/v4/projects/7/packages/toy/thing/", ("7", "thing")),
    ("/api/v4/projects/packages/packages/toy/thing", ("packages", "thing")),
    ("/api/v4/projects/a/packages/toy/b/packages/toy/thing", ("a/packages/toy/b", "thing")),
])  # fmt: skip
def test_one_project(toy: Matcher, path: str, wanted: tuple[str, str]) -> None:
    """A project could be found by one spelling of its path and not by another one."""
    found = find(toy, path)
    assert found is not None and (found[1]["id"], found[1]["name"]) == wanted


@pytest.mark.parametrize(("path", "template", "params"), [
    ("/api/v4/projects/7/packages/toy/@a%2fb", "@{scope}", {"scope": "a/b"}),
    ("/api/v4/projects/7/packages/toy/@a%2Fb", "@{scope}", {"scope": "a/b"}),
    ("/api/v4/projects/7/packages/toy/@a/b", "@{scope}/{name}", {"scope": "a", "name": "b"}),
    ("/api/v4/projects/7/packages/toy/file/a/b/c", "file/{path*}", {"path": "a/b/c"}),
    ("/api/v4/projects/7/packages/toy/file/a%2Fb/c", "file/{path*}", {"path": "a/b/c"}),
    ("/api/v4/groups/7/-/packages/toy/file/a", "file/{path*}", {"path": "a"}),
    ("/api/v4/packages/toy/file/a", "file/{path*}", {"path": "a"}),
    ("/api/v4/projects/7/-/at/2026-01-01T00:00:00Z/packages/toy/file/a", "file/{path*}", {"path": "a", "time": "2026-01-01T00:00:00Z"}),
    ("/api/v4/projects/7/packages/toy", "", {}),
    ("/api/v4/projects/7/packages/toy/", "", {}),
])  # fmt: skip
def test_forms(toy: Matcher, path: str, template: str, params: dict[str, str]) -> None:
    """A client's way to write a path could lead elsewhere, or nowhere."""
    found = find(toy, path)
    assert found is not None and found[0].endswith(f"packages/toy/{template}".rstrip("/"))
    assert {k: v for k, v in found[1].items() if k != "id"} == params


@pytest.mark.parametrize("path", [
    "/api/v4/projects/7/packages/toy/a/b/c", "/api/v4/projects//packages/toy/a", "//api/v4/projects/7/packages/toy/a",
    "/api/v4/projects/7/packages//toy/a",
    "/api/v4/groups/7/packages/toy/a", "/api/v4/packages/toy/a", "/API/v4/projects/7/packages/toy/a", "/api/v4/projects/7/packages/other/a", "/",
    "", "x",
    "/api%2Fv4/projects/7/packages/toy/a", "/api/v4/projects/7%2Fpackages%2Ftoy%2Fa", "/" + "a/" * (DEEPEST + 1),
])  # fmt: skip
def test_no_route(toy: Matcher, path: str) -> None:
    """A path could be taken for another one that somebody else looks at."""
    assert find(toy, path) is None


@pytest.mark.parametrize("spelled", [
    "..", ".", "%2e%2e", "%2E%2e", "a%2f..%2fb", "a%2f.%2fb", "%2e", "a%5cb", "a\\b", "a%00b", "a%0d%0ab", "a%09b", "a%7fb", "a%1fb", "%ff", "%c0%af",
    "%ed%a0%80", "a" * (LONGEST_SEGMENT + 1), "%2f..", "..%2f",
])  # fmt: skip
def test_hostile_segments(toy: Matcher, spelled: str) -> None:
    """A dot segment, a backslash or a control character could reach a handler."""
    for path in (
        f"/api/v4/projects/7/packages/toy/{spelled}",
        f"/api/v4/projects/{spelled}/packages/toy/a",
        f"/api/v4/projects/7/packages/toy/file/a/{spelled}",
    ):
        with pytest.raises(Invalid):
            toy.match("GET", path)


def test_decoded_once(toy: Matcher) -> None:
    """A name that holds a per cent sign could be decoded twice, and mean something else."""
    found = find(toy, "/api/v4/projects/7/packages/toy/a%252fb")
    assert found is not None and found[1]["name"] == "a%2fb"
    with pytest.raises(Invalid):
        toy.match("GET", "/" + "a" * LONGEST_PATH)


def test_methods(toy: Matcher) -> None:
    """HEAD could have no route where GET has one, or a method that is not there look like a missing path."""
    assert find(toy, "/api/v4/projects/7/packages/toy/a", "HEAD") == find(toy, "/api/v4/projects/7/packages/toy/a")
    entry, _, allowed = toy.match("DELETE", "/api/v4/projects/7/packages/toy/a")
    assert entry is None and allowed == {"GET", "PUT"}
    entry, _, allowed = toy.match("PUT", "/api/v4/projects/7/-/at/2026-01-01T00:00:00Z/packages/toy/a")
    assert entry is None and allowed == {"GET"}, "moments are read only"
    assert toy.match("GET", "/nowhere")[2] == frozenset()


def test_literals_win() -> None:
    """A name could hide a route of ours, or a route of ours a name."""
    made = matcher("a/-/ping", "a/{name}/ping", "a/{name}", "a/x", "{rest*}")
    assert find(made, "/a/-/ping") == ("a/-/ping", {})
    assert find(made, "/a/b/ping") == ("a/{name}/ping", {"name": "b"})
    assert find(made, "/a/x") == ("a/x", {})
    assert find(made, "/a/%78") == ("a/{name}", {"name": "x"})
    assert find(made, "/other/thing") == ("{rest*}", {"rest": "other/thing"})


def test_two_handlers_for_one_path() -> None:
    """Two routes could claim one path, and the order of imports decide."""

    async def other(_call: object) -> None:
        raise NotImplementedError

    twice = Route(method="GET", path="a/{id}", handler=other, action=Action.READ)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Two routes"):
        Matcher([Entry(route("GET", "a/{id}"), "a/{id}", "root"), Entry(twice, "a/{id}", "root")])


PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\\x7f"), min_size=1, max_size=30).filter(
    lambda t: t not in (".", "..")
)


@given(st.lists(PLAIN, min_size=1, max_size=4), PLAIN, st.booleans())
def test_whatever_the_name(toy: Matcher, parts: list[str], name: str, small: bool) -> None:
    """A name in another script, or with odd signs in it, could come to its handler as something else."""
    assume(not name.startswith("@") and name != "-" and "-" not in parts)
    slash = "%2f" if small else "%2F"
    path = slash.join(quote(part, safe="") for part in parts)
    found = find(toy, f"/api/v4/projects/{path}/packages/toy/{quote(name, safe='')}")
    assert found is not None and (found[1]["id"], found[1]["name"]) == ("/".join(parts), name)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=200))
def test_whatever_the_path(toy: Matcher, path: str) -> None:
    """A path could be an error of ours, or a handler get a value that no path should hold."""
    try:
        found = find(toy, "/api/v4/projects/7/packages/toy/" + path)
    except Invalid:
        return
    for value in (found[1] if found else {}).values():
        assert ("\\" not in value and not {".", ".."}.intersection(value.split("/")) and value.isprintable()) or any(c > "\x7f" for c in value)


@given(st.text(max_size=60))
def test_decoding_is_one_step(text: str) -> None:
    """Decoding could do more, or less, than one step."""
    try:
        decoded = decode_segment(quote(text, safe=""))
    except Invalid:
        assert any(c < " " or c in "\x7f\\" for c in text) or {".", ".."}.intersection(text.split("/"))
        return
    except UnicodeEncodeError:
        return
    assert decoded == text == unquote(quote(text, safe=""))
