"""A podspec as `pod ipc spec` prints it: a JSON object. Those in Ruby are programs, which nobody runs here. Runs in a child process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion, TooLarge
from packhouse.formats.cocoapods import names
from packhouse.model import About, Dependency, Struct

MIB = 1024**2
LARGEST = MIB
DEEPEST = 50  # the client reads no more than 100 levels
LONGEST, LONGEST_TEXT, LONGEST_README = 255, 1000, 20_000
MOST_SHOWN = 200  # dependencies on a page
MARKS = ("deprecated", "deprecated_in_favor_of")

# besides these, where the archive is told by what kind of place it is
PLACES: Mapping[str, frozenset[str]] = {
    "git": frozenset({"tag", "branch", "commit", "submodules"}),
    "svn": frozenset({"folder", "tag", "revision"}),
    "hg": frozenset({"revision"}),
    "http": frozenset({"flatten", "type", "sha256", "sha1", "headers"}),
}
FLAGS = ("submodules", "flatten")
WANTED = ("summary", "homepage", "license", "authors")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# git runs a program for others, which the address may name: ext::
_GIT = re.compile(r"(?:https?|ssh|git)://[^\s-]\S*|(?:[\w.-]+@)?\w[\w.-]*:(?!//)[^\s:-]\S*", re.ASCII | re.IGNORECASE)


class Facts(Struct):
    """What an index needs of a podspec: itself without what is put at its end, the source among that: elsewhere, or an archive here (`kind`)."""

    podspec: msgspec.Raw
    marks: Mapping[str, bool | str] = {}
    source: msgspec.Raw = msgspec.Raw(b"null")
    kind: str = ""
    flatten: bool | None = None


class Read(Struct):
    """A podspec that was read. `source` is "" where it has none, `flatten` what that says of archives with one folder in them."""

    name: str
    version: str
    podspec: bytes
    marks: Mapping[str, bool | str] = {}
    source: bytes = b""
    flatten: bool | None = None
    kind: str = ""
    about: About = About()

    def write_facts(self, hosted: bool) -> bytes:
        """The facts of a podspec whose archive came along, or is elsewhere."""
        podspec = msgspec.Raw(self.podspec)
        if hosted:
            return msgspec.json.encode(Facts(podspec=podspec, marks=self.marks, kind=self.kind, flatten=self.flatten))
        return msgspec.json.encode(Facts(podspec=podspec, marks=self.marks, source=msgspec.Raw(self.source or b"null")))


def read_podspec(path: str) -> Read:
    """What a file with a podspec says. Raises `InvalidUpload`, `TooLarge`."""
    with Path(path).open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise TooLarge(f"The podspec has more than {LARGEST} bytes", limit=LARGEST)
    return read_content(content)


def read_content(content: bytes) -> Read:
    """What a podspec says. Raises `InvalidUpload`."""
    podspec = _decode(content)
    name, version = _read_name(podspec), _read_version(podspec)
    source = podspec.pop("source", None)
    if source is not None:
        _check_source(source)
    flatten = source.get("flatten") if source else None
    about = describe(podspec, source or {})
    marks = {mark: podspec.pop(mark) for mark in MARKS if mark in podspec}
    _check_marks(marks)
    return Read(
        name=name,
        version=version,
        podspec=msgspec.json.encode(podspec),
        marks=marks,
        source=msgspec.json.encode(source) if source else b"",
        flatten=flatten if isinstance(flatten, bool) else None,
        about=about,
    )


def _decode(content: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(content)
        msgspec.json.encode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        told = "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise InvalidUpload(f"The podspec is not valid JSON: {told}. Make it with `pod ipc spec <name>.podspec`") from error
    if not isinstance(value, dict):
        raise InvalidUpload("The podspec is no JSON object: make it with `pod ipc spec <name>.podspec`")
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for each in level if isinstance(each, dict | list) for inner in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return
    raise InvalidUpload(f"The podspec is nested deeper than {DEEPEST}")


def _read_name(podspec: Mapping[str, Any]) -> str:
    name = podspec.get("name")
    if not isinstance(name, str):
        raise InvalidUpload("The podspec has no name")
    try:
        names.name_key(name)
    except InvalidName as error:
        raise InvalidUpload(error.message) from error
    return name


def _read_version(podspec: Mapping[str, Any]) -> str:
    version = podspec.get("version")
    if not isinstance(version, str):
        raise InvalidUpload("The podspec has no version, or one that is no text")
    try:
        names.version_id(version)
    except InvalidVersion as error:
        raise InvalidUpload(error.message) from error
    return version


def _check_source(source: Any) -> None:
    if not isinstance(source, dict):
        raise InvalidUpload("The podspec's source is no JSON object")
    kinds = [kind for kind in PLACES if kind in source]
    if len(kinds) != 1:
        raise InvalidUpload(f"The podspec's source must have one of {', '.join(PLACES)}, and has {' and '.join(kinds) or 'none'}")
    unknown = sorted(source.keys() - PLACES[kinds[0]] - set(kinds))
    if unknown:
        raise InvalidUpload(f"The podspec's source has {unknown[0][: names.SHOWN]!r}, which goes with no {kinds[0]}")
    for key, value in source.items():
        _check_value(key, value)
    if not source[kinds[0]]:
        raise InvalidUpload(f"The podspec's source says no address for {kinds[0]}")
    if kinds == ["git"] and not _GIT.fullmatch(source["git"]):
        raise InvalidUpload("The podspec's source has a git address that is none of https, ssh, git, http or user@host:path")


def _check_value(key: str, value: Any) -> None:
    if key in FLAGS:
        if not isinstance(value, bool):
            raise InvalidUpload(f"The podspec's source must say true or false for {key}")
        return
    texts = value if key == "headers" and isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidUpload(f"The podspec's source must say text for {key}, such as an address or a tag")
    if any(_CONTROL.search(text) or text.startswith("-") for text in texts):
        # the client hands these to other programs
        raise InvalidUpload(f"The podspec's source has a control character in {key}, or begins it with a dash")


def _check_marks(marks: Mapping[str, Any]) -> None:
    if not isinstance(marks.get("deprecated", False), bool) or not isinstance(marks.get("deprecated_in_favor_of", ""), str):
        raise InvalidUpload("The podspec's deprecated must be true or false, and deprecated_in_favor_of the name of a pod")


# -- what it says ------------------------------------------------------------------------------------------------------


def describe(podspec: Mapping[str, Any], source: Mapping[str, Any]) -> About:
    """What a page shows of the pod. Whatever is of another kind than the client expects is passed over."""
    license = podspec.get("license")
    if isinstance(license, dict):
        license = license.get("type")
    missing = [field for field in WANTED if not (podspec.get(field) or (field == "authors" and podspec.get("author")))]
    return About(
        summary=" ".join(_text(podspec.get("summary")).split())[:LONGEST],
        readme=_text(podspec.get("description"))[:LONGEST_README],
        readme_type="text/plain",
        license=_text(license)[:LONGEST],
        author=", ".join(_list_authors(podspec.get("authors") or podspec.get("author")))[:LONGEST],
        links=dict(_list_links(podspec, source)),
        requires=", ".join(_list_platforms(podspec.get("platforms")))[:LONGEST],
        dependencies=tuple(_list_dependencies(podspec.get("dependencies")))[:MOST_SHOWN],
        warnings=(f"The podspec has no {', '.join(missing)}: CocoaPods' linter asks for it",) if missing else (),
    )


def _text(value: Any) -> str:
    return "".join(letter for letter in value if letter.isprintable() or letter == "\n").strip() if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [text for each in (value if isinstance(value, list) else [value]) if (text := _text(each))]


def _list_authors(value: Any) -> list[str]:
    return [text for each in value if (text := _text(each))] if isinstance(value, dict) else _texts(value)


def _list_links(podspec: Mapping[str, Any], source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = {"Homepage": podspec.get("homepage"), "Documentation": podspec.get("documentation_url"), "Repository": source.get("git")}
    for title, value in found.items():
        link = _text(value)
        if link.startswith(("https://", "http://")) and len(link.split()) == 1:
            yield title, link[:LONGEST_TEXT]


def _list_platforms(value: Any) -> list[str]:
    return [f"{_text(name)} {_text(least)}".strip() for name, least in value.items()][:MOST_SHOWN] if isinstance(value, dict) else []


def _list_dependencies(value: Any) -> Iterator[Dependency]:
    for name, ranges in list(value.items())[:MOST_SHOWN] if isinstance(value, dict) else ():
        yield Dependency(name=_text(name)[:LONGEST], range=", ".join(_texts(ranges))[:LONGEST])
