"""A gem's specification, out of its metadata: what indexes repeat and what people read, each value checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.rubygems import names
from packhouse.formats.rubygems.index.facts import ANY, Dependency, Requirement, Spec

if TYPE_CHECKING:
    from packhouse.formats.rubygems.parse.yamls import Value

T = TypeVar("T")

TEXT_LIMIT, LIST_LIMIT, DEPENDENCY_LIMIT = 4_000, 100, 1_000
PAIR_LIMIT, SIZE_LIMIT = 3_000, 1024**2  # of a gem: aliases make much of a short text

_OPERATORS = frozenset({"=", "!=", ">", "<", ">=", "<=", "~>"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def read_specification(content: bytes) -> Spec:
    """What the metadata of a gem says. Raises `InvalidUpload`."""
    from packhouse.formats.rubygems.parse.yamls import read_yaml  # the library takes 30 ms that only a child process need pay

    fields = read_yaml(content, "The metadata of the gem")
    if not isinstance(fields, dict):
        raise InvalidUpload("The metadata of the gem is no specification")
    name = _checked(names.name_key, _need(fields, "name"))
    number = _read_number(fields.get("version"), "version")
    platform = _read_platform(fields.get("platform"))
    _check(names.join_version, number, platform)
    spec = Spec(
        name=name,
        number=number,
        platform=platform,
        dependencies=tuple(_read_dependencies(fields.get("dependencies"))),
        ruby=_read_requirement(fields.get("required_ruby_version"), "required_ruby_version"),
        rubygems=_read_requirement(fields.get("required_rubygems_version"), "required_rubygems_version"),
        made_by=_text(fields.get("rubygems_version")) or "0",
        summary=_text(fields.get("summary")),
        description=_text(fields.get("description")),
        homepage=_text(fields.get("homepage")),
        authors=_texts(fields.get("authors")),
        emails=_texts(fields.get("email")),
        licenses=_texts(fields.get("licenses")),
        metadata=_read_metadata(fields.get("metadata")),
    )
    _check_size(spec)
    return spec


def _check_size(spec: Spec) -> None:
    """Each reader of an index pays for the facts of every version."""
    pairs = sum(map(len, (spec.ruby, spec.rubygems, *(each.requirement for each in spec.dependencies))))
    if pairs > PAIR_LIMIT:
        raise InvalidUpload(f"The requirements of the gem are {pairs} pairs of operator and version: at most {PAIR_LIMIT} are taken, write fewer")
    size = len(msgspec.json.encode(spec))
    if size > SIZE_LIMIT:
        raise InvalidUpload(f"The specification of the gem comes to {size} bytes: at most {SIZE_LIMIT} are taken, shorten its texts and lists")


def _need(fields: Mapping[str, Value], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidUpload(f"The metadata of the gem has no {key}: build the gem again")
    return value


def _check(check: Callable[..., T], *values: str) -> T:
    try:
        return check(*values)
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(error.message) from error


def _checked(check: Callable[[str], str], value: str) -> str:
    _check(check, value)
    return value


def _read_number(value: Value, what: str) -> str:
    """A `Gem::Version`: a map with one text, or in the oldest gems the text itself."""
    text = value.get("version") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise InvalidUpload(f"The metadata of the gem has no version where {what} wants one")
    return _check(names.read_number, text)


def _read_platform(value: Value) -> str:
    """A text, or in older gems a `Gem::Platform` in its parts."""
    if isinstance(value, dict):
        parts = [part for part in (value.get(key) for key in ("cpu", "os", "version")) if part]
        return "-".join(part for part in parts if isinstance(part, str)) or names.RUBY
    if value is None or value == "":
        return names.RUBY
    if not isinstance(value, str):
        raise InvalidUpload("The platform of the gem is no text")
    return value


def _read_requirement(value: Value, what: str) -> Requirement:
    """Pairs of operator and number, in the order of their texts; none at all is any version."""
    if value is None:
        return ANY
    pairs = value.get("requirements") if isinstance(value, dict) else None
    if not isinstance(pairs, list) or len(pairs) > LIST_LIMIT:
        raise InvalidUpload(f"{what} of the gem is no requirement")
    return tuple(sorted({_read_pair(pair, what) for pair in pairs})) or ANY


def _read_pair(pair: Value, what: str) -> tuple[str, str]:
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str) or pair[0] not in _OPERATORS:
        raise InvalidUpload(f"{what} of the gem must be pairs of an operator, such as >= or ~>, and a version")
    return pair[0], _read_number(pair[1], what)


def _read_dependencies(value: Value) -> Iterable[Dependency]:
    if not isinstance(value, list | None) or len(value or ()) > DEPENDENCY_LIMIT:
        raise InvalidUpload(f"The dependencies of the gem are no list of at most {DEPENDENCY_LIMIT}")
    for each in value or ():
        if not isinstance(each, dict):
            raise InvalidUpload("A dependency of the gem is no map")
        name = _checked(names.name_key, _need(each, "name"))
        kind = str(each.get("type") or "runtime").removeprefix(":")
        if kind not in ("runtime", "development"):
            raise InvalidUpload(f"Dependency {name} of the gem is of the type {kind[:40]!r}, it must be runtime or development")
        # the second is what gems of 2009 have
        wanted = each.get("requirement") or each.get("version_requirements")
        yield Dependency(name=name, requirement=_read_requirement(wanted, f"Dependency {name}"), kind=kind)


def _read_metadata(value: Value) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > LIST_LIMIT or not all(isinstance(text, str | None) for text in value.values()):
        raise InvalidUpload(f"metadata of the gem is no map of at most {LIST_LIMIT} texts")
    return {_text(key): _text(text) for key, text in sorted(value.items())}


def _text(value: Value) -> str:
    return _CONTROL.sub("", value)[:TEXT_LIMIT].strip() if isinstance(value, str) else ""


def _texts(value: Value) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(text for text in map(_text, found[:LIST_LIMIT]) if text)
