"""Routes by segment on the undecoded path, so that `group%2Fproject` and `@scope%2fname` are one segment. The prefixes of every level live here.

Patterns: literal segments; `{name}` one segment; `@{name}` one with a prefix; `{name*}` one or more, as many as needed; `{name+}` the same, as few as
fit: the id of a project or group, whose `%2F` a proxy may have decoded. Literals win over parameters, parameters over what spans segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import unquote_to_bytes

from packhouse.contract import ErrorStyle, Format, Route
from packhouse.errors import Invalid
from packhouse.model import Reach

Level = Literal["project", "group", "instance", "root"]

# what programs ask for: no page of a place answers there
PROGRAMS = frozenset({"api", "v2", "jwt", "oauth", ".well-known"})

PREFIXES: dict[Reach, tuple[Level, str, str]] = {
    Reach.PROJECT: ("project", "api/v4/projects/{id+}/packages/", "api/v4/projects/{id+}/-/at/{time}/packages/"),
    Reach.GROUP: ("group", "api/v4/groups/{id+}/-/packages/", "api/v4/groups/{id+}/-/at/{time}/packages/"),
    Reach.INSTANCE: ("instance", "api/v4/packages/", "api/v4/-/at/{time}/packages/"),
}

Matched: TypeAlias = tuple["Entry | None", Mapping[str, str], frozenset[str]]
REMEMBERED = 4096  # paths, so that a hot one is matched once

DEEPEST = 64
LONGEST_SEGMENT = 1024
LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """A route where it is mounted."""

    route: Route
    template: str
    level: Level
    format: Format | None = None
    style: ErrorStyle = field(default_factory=ErrorStyle)
    native: bool = False  # a client's protocol, not REST or a page
    page: bool = False
    moving: bool = False  # below /-/at/<time>


class _Node:
    __slots__ = ("greedy", "lazy", "leaves", "literals", "parameter", "prefixed")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.prefixed: list[tuple[str, str, _Node]] = []
        self.parameter: dict[str, _Node] = {}
        self.lazy: dict[str, _Node] = {}
        self.greedy: dict[str, _Node] = {}
        self.leaves: dict[str, Entry] = {}

    def child(self, segment: str) -> _Node:
        found = re.fullmatch(r"([^{}]*)\{(\w+)([*+]?)\}", segment)
        if found is None:
            return self.literals.setdefault(segment, _Node())
        prefix, name, span = found.groups()
        if prefix:
            for known, parameter, node in self.prefixed:
                if known == prefix and parameter == name:
                    return node
            node = _Node()
            self.prefixed.append((prefix, name, node))
            return node
        kind = self.greedy if span == "*" else self.lazy if span == "+" else self.parameter
        return kind.setdefault(name, _Node())


class Matcher:
    """A tree over undecoded segments."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._root = _Node()
        self._known: dict[tuple[str, str], Matched] = {}
        self.entries = list(entries)
        for entry in self.entries:
            node = self._root
            for segment in entry.template.split("/") if entry.template else []:
                node = node.child(segment)
            standing = node.leaves.get(entry.route.method)
            if standing is not None and standing.route.handler != entry.route.handler:
                raise ValueError(f"Two routes answer {entry.route.method} /{entry.template}")
            node.leaves[entry.route.method] = entry

    def match(self, method: str, raw_path: str) -> Matched:
        """The entry and its decoded parameters; or None and the methods that would have fitted. Raises `Invalid` for a path nobody should send."""
        known = self._known.get((method, raw_path))
        if known is not None:
            return known
        found = self._match(method, raw_path)
        if found[0] is not None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[method, raw_path] = found
        return found

    def means_page(self, method: str, raw_path: str) -> bool:
        """Whether a path that `match` refuses would lead to a page."""
        entry, _, _ = self._find(method, raw_path)
        return entry is not None and entry.page

    def _match(self, method: str, raw_path: str) -> Matched:
        if len(raw_path) > LONGEST_PATH:
            raise Invalid("The path is too long")
        entry, captured, allowed = self._find(method, raw_path)
        return entry, {name: decode_segment(text) for name, text in captured.items()}, allowed

    def _find(self, method: str, raw_path: str) -> Matched:
        """The same with the parameters as they were sent."""
        segments = raw_path.split("/")[1:]
        if segments and segments[-1] == "":
            segments.pop()
        if len(segments) > DEEPEST or "" in segments:
            return None, {}, frozenset()
        allowed: set[str] = set()
        wanted = "GET" if method == "HEAD" else method
        found = _descend(self._root, segments, 0, wanted, allowed)
        if found is None:
            return None, {}, frozenset(allowed)
        return *found, frozenset()


def _descend(node: _Node, segments: list[str], index: int, method: str, allowed: set[str]) -> tuple[Entry, dict[str, str]] | None:
    if index == len(segments):
        entry = node.leaves.get(method)
        if entry is None:
            allowed.update(node.leaves)
            return None
        return entry, {}
    segment = segments[index]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _descend(literal, segments, index + 1, method, allowed)
        if found is not None:
            return found
    for prefix, name, child in node.prefixed:
        if segment.startswith(prefix) and len(segment) > len(prefix):
            found = _descend(child, segments, index + 1, method, allowed)
            if found is not None:
                found[1][name] = segment[len(prefix) :]
                return found
    for name, child in node.parameter.items():
        found = _descend(child, segments, index + 1, method, allowed)
        if found is not None:
            found[1][name] = segment
            return found
    if (node.lazy or node.greedy) and not (index == 0 and segment in PROGRAMS):
        return _span(node, segments, index, method, allowed)
    return None


def _span(node: _Node, segments: list[str], index: int, method: str, allowed: set[str]) -> tuple[Entry, dict[str, str]] | None:
    for name, child in node.lazy.items():
        for end in range(index + 1, len(segments) + 1):
            if segments[end - 1] == "-":
                break  # no place is called so: what follows is ours
            if end > index + 1 and name == "id" and segments[index].isascii() and segments[index].isdigit():
                break  # a number is an id, whole
            found = _descend(child, segments, end, method, allowed)
            if found is not None:
                found[1][name] = "/".join(segments[index:end])
                return found
    for name, child in node.greedy.items():
        for end in range(len(segments), index, -1):
            found = _descend(child, segments, end, method, allowed)
            if found is not None:
                found[1][name] = "/".join(segments[index:end])
                return found
    return None


def decode_segment(text: str) -> str:
    """One decoding, ever. Raises `Invalid` for bytes that are not UTF-8, control characters, backslashes and dot segments."""
    if "%" in text:
        try:
            text = unquote_to_bytes(text).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid("The path is not valid UTF-8") from error
    if len(text) > LONGEST_SEGMENT:
        raise Invalid("A part of the path is too long")
    if "\\" in text or any(c < " " or c == "\x7f" for c in text):
        raise Invalid("The path holds a control character or a backslash")
    if "." in text and not {".", ".."}.isdisjoint(text.split("/")):
        raise Invalid("The path holds a dot segment")
    return text


def mount(format: Format) -> Iterator[Entry]:
    """A format's routes at every level they reach, and its reads below `/-/at/<time>`."""
    for route in format.routes:
        if Reach.ROOT in route.reach:
            yield Entry(route, route.path, "root", format, format.errors, native=True)
        for reach, (level, prefix, moving) in PREFIXES.items():
            if reach in route.reach:
                tail = f"{format.name}/{route.path}".rstrip("/")
                yield Entry(route, prefix + tail, level, format, format.errors, native=True)
                if route.method == "GET":
                    yield Entry(route, moving + tail, level, format, format.errors, native=True, moving=True)
