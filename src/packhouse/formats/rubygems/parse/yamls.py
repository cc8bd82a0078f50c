"""YAML as plain lists, maps and texts: nothing is built from a tag, an alias copies nothing, and every size is bounded."""

from __future__ import annotations

import base64
import binascii
from typing import TypeAlias

import yaml

from packhouse.errors import InvalidUpload

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

DEPTH, NODES, ALIASES = 50, 200_000, 1_000

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # for its events alone

_CORE = "tag:yaml.org,2002:"
_BINARY = frozenset({"!binary", f"{_CORE}binary"})
# What RubyGems itself lets through; all of them are read as the plain value behind the tag.
_TAGS = frozenset(
    {
        *(f"!ruby/object:{name}" for name in ("Gem::Specification", "Gem::Version", "Gem::Requirement", "Gem::Dependency", "Gem::Platform")),
        *(f"!ruby/object:{name}" for name in ("Gem::Version::Requirement", "YAML::Syck::DefaultKey", "Syck::DefaultKey")),
        *("!ruby/sym", "!ruby/symbol", "!str", "!"),
        *(f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")),
    }
)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


def read_yaml(content: bytes, what: str) -> Value:
    """The one document of a text; numbers and truths stay texts. Raises `InvalidUpload`."""
    try:
        text = content.decode()
        reader = _Reader(what)
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        problem = getattr(error, "problem", None) or type(error).__name__
        raise InvalidUpload(f"{what} is no YAML that can be read: {str(problem)[:200]}") from error
    return reader.result


class _Reader:
    """Events → one value. A container has its anchor once it is complete, so that none can hold itself."""

    def __init__(self, what: str) -> None:
        self.result: Value = None
        self._what = what
        self._open: list[tuple[list[Value] | dict[str, Value], str | None]] = []  # with its anchor
        self._key: str | None = None
        self._anchors: dict[str, Value] = {}
        self._nodes = self._aliases = self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._refuse("has more than one document")
        elif isinstance(event, yaml.AliasEvent):
            self._take_alias(event.anchor or "")
        elif isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin([] if isinstance(event, yaml.SequenceStartEvent) else {}, event)
        elif isinstance(event, yaml.CollectionEndEvent):
            value, anchor = self._open.pop()
            if anchor:
                self._anchors[anchor] = value

    def _take_alias(self, anchor: str) -> None:
        self._aliases += 1
        if self._aliases > ALIASES:
            raise self._refuse(f"has more than {ALIASES} aliases")
        if self._wants_key:
            raise self._refuse("has an alias for a key")
        if anchor not in self._anchors:
            raise self._refuse(f"has an alias of {anchor[:40]!r}, which is not complete before it")
        self._put(self._anchors[anchor])

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        self._count(event)
        value: str | None = event.value
        if event.tag in _BINARY:
            value = self._decode(event.value)
        elif event.tag is None and event.style in (None, "") and event.value in _NULLS:
            value = None
        if self._wants_key:
            self._take_key(event.value if value is None else value)
            return
        if event.anchor:
            self._anchors[event.anchor] = value
        self._put(value)

    def _take_key(self, key: str) -> None:
        if key == "<<":
            raise self._refuse("has the key '<<', which merges maps in Ruby: write out what it merges")
        if key in self._open[-1][0]:
            raise self._refuse(f"has the key {key[:40]!r} twice")
        self._key = key

    def _begin(self, value: list[Value] | dict[str, Value], event: yaml.CollectionStartEvent) -> None:
        self._count(event)
        if self._wants_key:
            raise self._refuse("has a list or a map for a key")
        if len(self._open) == DEPTH:
            raise self._refuse(f"is nested deeper than {DEPTH}")
        self._put(value)
        self._open.append((value, event.anchor))

    @property
    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], dict) and self._key is None

    def _put(self, value: Value) -> None:
        held = self._open[-1][0] if self._open else None
        if isinstance(held, list):
            held.append(value)
        elif isinstance(held, dict):
            assert self._key is not None
            held[self._key] = value
            self._key = None
        else:
            self.result = value

    def _count(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        self._nodes += 1
        if self._nodes > NODES:
            raise self._refuse(f"has more than {NODES} values")
        if event.tag is not None and event.tag not in _TAGS and event.tag not in _BINARY:
            raise self._refuse(f"has the tag {event.tag[:80]!r}: only those that RubyGems writes into a gem are read")

    def _decode(self, text: str) -> str:
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise self._refuse("has a binary value that is no base64") from error

    def _refuse(self, reason: str) -> InvalidUpload:
        return InvalidUpload(f"{self._what} {reason}")
