"""What a package says of itself: composer.json from a commit or a zip, and which files of a commit go into its archive. Pure."""

from __future__ import annotations

import fnmatch
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn

import msgspec

from packhouse.errors import InvalidName, InvalidUpload
from packhouse.formats.composer import names
from packhouse.grammar.archives import read_zip
from packhouse.model import About, Dependency, GitEntry, Struct

MIB = 1024 * 1024
LARGEST = MIB  # of a composer.json
DEEPEST = 64
SHOWN = 40  # characters of a bad value that a message repeats
MOST_COMPARED = 5_000_000  # files times lines about export-ignore
MANIFEST = "composer.json"
ATTRIBUTES = ".gitattributes"
OVERRIDDEN = frozenset(
    {"version", "version_normalized", "dist", "source", "uid", "time", "default-branch", "installation-source", "transport-options"}
)


class Manifest(Struct):
    """A composer.json: `text` is its object without what the registry says itself, `version` what it said."""

    name: str
    text: str
    version: str = ""


def read_manifest(data: bytes | None) -> Manifest:
    """The file, checked. Raises `InvalidUpload`, `InvalidName`."""
    if data is None:
        raise InvalidUpload("The file composer.json was not found.")
    if not data.strip():
        raise InvalidUpload("The file composer.json is empty.")
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_refuse_twins, parse_constant=_refuse_constant, parse_float=_read_float)
    except (ValueError, RecursionError) as error:
        raise InvalidUpload(f"The file composer.json is not valid JSON: {str(error)[:120]}") from error
    if not isinstance(value, dict) or _is_deep(value, DEEPEST):
        raise InvalidUpload(f"The file composer.json must hold one object of at most {DEEPEST} levels")
    name = value.get("name")
    if not isinstance(name, str):
        raise InvalidName("Validation failed: Name is invalid: the file composer.json has no name")
    names.check_name(name)
    version = value.get("version")
    kept = {key: each for key, each in value.items() if key not in OVERRIDDEN}
    try:
        text = msgspec.json.encode(kept).decode()
    except (ValueError, OverflowError) as error:
        raise InvalidUpload("The file composer.json holds a number or text that JSON cannot carry") from error
    return Manifest(name=name, text=text, version=version if isinstance(version, str) else "")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidUpload("The file composer.json has the same key twice in one object")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise InvalidUpload(f"The file composer.json holds {text}, which is not JSON")


def _read_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidUpload(f"The file composer.json holds the number {text[:SHOWN]}, which is too large")
    return number


def _is_deep(value: Any, left: int) -> bool:
    if isinstance(value, dict):
        return left == 0 or any(_is_deep(each, left - 1) for each in value.values())
    if isinstance(value, list):
        return left == 0 or any(_is_deep(each, left - 1) for each in value)
    return False


def read_about(text: str, readme: str = "") -> About:
    """What people want to read about a version."""
    value: dict[str, Any] = json.loads(text)
    licences, authors, support = value.get("license"), value.get("authors"), value.get("support")
    links = {"Homepage": value.get("homepage")} | (dict(support) if isinstance(support, dict) else {})
    people = [str(one["name"]) for one in authors if isinstance(one, dict) and one.get("name")] if isinstance(authors, list) else []
    required = value.get("require")
    needs = {str(k): v for k, v in required.items() if isinstance(v, str)} if isinstance(required, dict) else {}
    words = value.get("keywords")
    return About(
        summary=_text(value.get("description")),
        readme=readme,
        license=", ".join(_text(one) for one in licences) if isinstance(licences, list) else _text(licences),
        author=", ".join(people)[:500],
        keywords=tuple(_text(one) for one in words if isinstance(one, str))[:50] if isinstance(words, list) else (),
        links={str(key)[:80]: link for key, link in links.items() if isinstance(link, str) and re.match(r"https?://", link)},
        requires=f"php {needs['php']}" if "php" in needs else "",
        dependencies=tuple(Dependency(name=name, range=wanted) for name, wanted in needs.items()),
    )


def _text(value: Any) -> str:
    return value.replace("\0", "")[:2000] if isinstance(value, str) else ""


# -- an upload -----------------------------------------------------------------------------------------------------------


class Uploaded(Struct):
    """What is in a zip that was sent."""

    manifest: Manifest
    readme: str = ""


def read_package_zip(path: str) -> Uploaded:
    """The zip of a package: composer.json at its root, or in its only folder. Raises `InvalidUpload`, `InvalidName`."""

    def wanted(name: str) -> bool:
        return name.count("/") <= 1 and name.rpartition("/")[2] in (MANIFEST, "README.md")

    archive = read_zip(path, wanted, limit_each=5 * MIB)
    tops = {name.partition("/")[0] for name in archive.names if "/" in name}
    prefix = ""
    if MANIFEST not in archive.members and len(tops) == 1 and all("/" in name for name in archive.names):
        prefix = f"{next(iter(tops))}/"
    manifest = archive.members.get(prefix + MANIFEST)
    if manifest is not None and len(manifest) > LARGEST:
        raise InvalidUpload("The file composer.json is larger than 1 MiB")
    readme = archive.members.get(f"{prefix}README.md", b"")[:MIB].decode("utf-8", "replace").replace("\0", "")
    return Uploaded(manifest=read_manifest(manifest), readme=readme)


# -- what export-ignore leaves out (gitattributes) -----------------------------------------------------------------------


class Rule(Struct):
    """A line of a .gitattributes: the folder it stands in, its pattern, and whether it sets or unsets export-ignore."""

    folder: str
    pattern: str
    ignores: bool


def read_attributes(folder: str, data: bytes) -> Sequence[Rule]:
    """The lines that speak of export-ignore, in order."""
    rules: list[Rule] = []
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        found = re.match(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"#]\S*))\s+(.*)', line)
        if found is None:
            continue
        pattern = re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2]
        for word in found[3].split():
            if word.lstrip("-!").partition("=")[0] == "export-ignore":
                rules.append(Rule(folder=folder, pattern=pattern, ignores=word == "export-ignore"))
    return rules


def choose_files(entries: Iterable[GitEntry], attributes: Mapping[str, bytes]) -> list[GitEntry]:
    """The entries that are not ignored; `attributes` are the .gitattributes of the commit by folder, "" for the root. Raises `InvalidUpload`."""
    entries = tuple(entries)
    folders = sorted(attributes, key=lambda each: (each.count("/") + bool(each), each))
    rules = [rule for folder in folders for rule in read_attributes(folder, attributes[folder])]
    if len(rules) * len(entries) > MOST_COMPARED:
        raise InvalidUpload(f"{len(rules)} lines about export-ignore are too many for {len(entries)} files: use patterns that name folders")
    known: dict[str, bool] = {}

    def is_left_out(path: str, directory: bool) -> bool:
        if path not in known:
            parent = path.rpartition("/")[0]
            known[path] = (bool(parent) and is_left_out(parent, True)) or _ignores(rules, path, directory)
        return known[path]

    return [entry for entry in entries if entry.kind != "module" and not is_left_out(entry.path, False)]


def _ignores(rules: Sequence[Rule], path: str, directory: bool) -> bool:
    for rule in reversed(rules):
        if rule.folder and not path.startswith(f"{rule.folder}/"):
            continue
        below = path[len(rule.folder) + 1 :] if rule.folder else path
        if (directory or not rule.pattern.endswith("/")) and matches_pattern(rule.pattern.rstrip("/"), below):
            return rule.ignores
    return False


def matches_pattern(pattern: str, path: str) -> bool:
    """Whether a glob of Git means this path: without a slash in it any file or folder of that name."""
    if "/" not in pattern:
        return fnmatch.fnmatchcase(path.rpartition("/")[2], _segments(pattern)[0])
    wanted, given = _segments(pattern), path.split("/")
    at = there = 0
    deep = from_ = -1  # the last `**`, and the first segment that it does not cover
    while there < len(given):
        if at < len(wanted) and wanted[at] == "**":
            deep, from_, at = at, there, at + 1
        elif at < len(wanted) and fnmatch.fnmatchcase(given[there], wanted[at]):
            at, there = at + 1, there + 1
        elif deep >= 0:
            from_ += 1
            at, there = deep + 1, from_
        else:
            return False
    return all(segment == "**" for segment in wanted[at:])


@lru_cache(1024)
def _segments(pattern: str) -> tuple[str, ...]:
    found = [_spell(segment) for segment in pattern.removeprefix("/").split("/")]
    # what ends in `/**` is everything inside of a folder, and not the folder
    return (*found[:-1], "*", "**") if len(found) > 1 and found[-1] == "**" else tuple(found)


def _spell(segment: str) -> str:
    """A segment as `fnmatch` spells it, which knows neither `[^a]` nor an escape, and is linear in time."""
    if segment == "**":
        return segment
    return re.sub(r"\\(.)|\[\^|\*+", lambda found: f"[{found[1]}]" if found[1] else "[!" if found[0] == "[^" else "*", segment)
