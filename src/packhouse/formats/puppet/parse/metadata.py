"""`metadata.json`: what it must say, and bounds on the rest, which clients are told as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from packhouse.errors import Invalid, InvalidUpload
from packhouse.formats.puppet import names
from packhouse.model import About, Dependency, Struct

KIB = 1024
LARGEST = 32 * KIB
DEEPEST = 32  # clients refuse a whole list that is nested deeper than 100
MOST, LONGEST = 200, 1000
MOST_TAGS, LONGEST_TAG = 50, 50  # the catalog reads those of all releases
TEXTS = ("name", "version", "author", "license", "summary", "source")

# as strictly as the library that puppet reads it with, over which it fails with every version of the module
_REPOSITORY = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?")

_LINKS: Mapping[str, str] = {"source": "Source", "project_page": "Homepage", "issues_url": "Issues"}


class Metadata(Struct):
    """What is kept of it. `json` is the whole."""

    name: str  # with a dash
    version: str
    summary: str
    tags: tuple[str, ...]
    pdk: bool
    json: bytes
    about: About


def read_metadata(content: bytes) -> Metadata:
    """Raises `InvalidUpload` and its kin for what clients could not read."""
    said = _read_object(content)
    texts = {key: _read_text(key, said.get(key)) for key in TEXTS}
    name = texts["name"].replace("/", "-", 1)
    if names.name_key(name) != name:  # clients tell capitals apart: two spellings would be two modules to them
        _refuse(f"the name {name!r}: write it in small letters")
    names.version_id(texts["version"])
    if "dependencies" not in said:
        _refuse("no dependencies: write an empty list where there are none")
    dependencies = tuple(_read_dependencies("dependencies", said["dependencies"]))
    requirements = tuple(_read_dependencies("requirements", said.get("requirements") or []))
    tags = tuple(_read_tags(said.get("tags") or []))
    return Metadata(
        name=name,
        version=texts["version"],
        summary=texts["summary"],
        tags=tags,
        pdk="pdk-version" in said,
        json=msgspec.json.encode(said),
        about=About(
            summary=texts["summary"],
            license=texts["license"],
            author=texts["author"],
            keywords=tags,
            links={title: said[key] for key, title in _LINKS.items() if _is_link(said.get(key))},
            requires=", ".join(f"{each.name} {each.range}".strip() for each in requirements),
            dependencies=dependencies,
        ),
    )


def _read_object(content: bytes) -> Mapping[str, Any]:
    if len(content) > LARGEST:
        _refuse(f"{len(content)} bytes, more than {LARGEST}")
    try:
        said = msgspec.json.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidUpload(f"metadata.json is not valid JSON: {str(error)[:100]}") from error
    if not isinstance(said, dict):
        _refuse("something else than an object")
    _check_depth(said)
    return said


def _check_depth(said: object) -> None:
    level: Sequence[object] = [said]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    _refuse(f"values nested deeper than {DEEPEST}")


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _read_text(key: str, value: object) -> str:
    """A text that terminals can show: clients print it as it stands."""
    if not isinstance(value, str):
        _refuse(f"no text for {key}")
    if len(value) > LONGEST:
        _refuse(f"more than {LONGEST} characters in {key}")
    if any(not letter.isprintable() and letter not in "\n\t" for letter in value):
        _refuse(f"a control character in {key}")
    return value


def _read_dependencies(key: str, value: object) -> Iterator[Dependency]:
    if not isinstance(value, list) or len(value) > MOST:
        _refuse(f"no list of at most {MOST} objects for {key}")
    for each in value:
        name = each.get("name") if isinstance(each, dict) else None
        wanted = each.get("version_requirement", "") if isinstance(each, dict) else None
        if not isinstance(name, str) or not (isinstance(wanted, str) or wanted is None):
            _refuse(f"something in {key} that is no object with a name and a version_requirement")
        if key == "dependencies":
            try:
                names.name_key(name.replace("/", "-", 1))
            except Invalid as error:
                raise InvalidUpload(f"metadata.json has a dependency without a name: {error.message}") from error
        repository = each.get("repository")
        if repository is not None and not (isinstance(repository, str) and len(repository) <= LONGEST and _REPOSITORY.fullmatch(repository)):
            _refuse(f"a repository in {key} that is no address: write one that begins with https://, or leave it out")
        yield Dependency(name=_read_text(key, name), range=_read_text(key, wanted or ""))


def _read_tags(value: object) -> Iterator[str]:
    if not isinstance(value, list) or len(value) > MOST_TAGS:
        _refuse(f"no list of at most {MOST_TAGS} texts for tags")
    for each in value:
        tag = _read_text("tags", each)
        if len(tag) > LONGEST_TAG:
            _refuse(f"a tag of more than {LONGEST_TAG} characters")
        yield tag


def _is_link(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://")) and len(value) <= LONGEST and len(value.split()) == 1


def _refuse(what: str) -> NoReturn:
    raise InvalidUpload(f"metadata.json has {what}")
