"""METADATA and PKG-INFO: the core metadata specification, read by `packaging` and judged here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from packaging.licenses import canonicalize_license_expression
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.pypi import names
from packhouse.model import About, Dependency, Struct

MIB = 1024**2
METADATA_LIMIT = 5 * MIB
README_LIMIT = MIB
TEXT_LIMIT = 255
REQUIREMENT_LIMIT = 4096  # characters of one, and how many there may be
LINKS = 50
EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']+)["']""")
METADATA_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")
SINGLE = ("metadata-version", "name", "version", "requires-python", "license-expression")
# What resolvers read: where a source distribution leaves one of these to the build, its PKG-INFO does not speak for the wheel.
RESOLVED = frozenset({"requires-dist", "requires-python", "provides-extra", "name", "version"})


class Described(Struct):
    """What a metadata file says of the distribution it lies in."""

    name: str
    version: str
    metadata_version: tuple[int, int]
    requires_python: str = ""
    requires_dist: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    about: About = About()

    @property
    def resolvable(self) -> bool:
        """Whether dependencies are settled before a build (metadata 2.2 on, nothing dynamic that resolvers read)."""
        return self.metadata_version >= (2, 2) and RESOLVED.isdisjoint(self.dynamic)


def read_metadata(data: bytes, where: str) -> Described:
    """The metadata, checked. `where` names the file in messages. Raises `InvalidUpload`."""
    if len(data) > METADATA_LIMIT:
        raise InvalidUpload(f"{where} is larger than {METADATA_LIMIT // MIB} MiB")
    if b"\0" in data:
        raise InvalidUpload(f"{where} holds a NUL byte")
    raw, unparsed = read_headers(data, where)
    for field in SINGLE:
        if field in unparsed:
            raise InvalidUpload(f"{where} must hold {field} once, in UTF-8; it says {[value[: names.SHOWN] for value in unparsed[field][:3]]}")
    return Described(
        name=read_name(raw, where),
        version=read_version(raw, where),
        metadata_version=read_metadata_version(raw, where),
        requires_python=read_requires_python(raw, where),
        requires_dist=read_requires_dist(raw, where),
        dynamic=tuple(sorted(field.strip().lower() for field in raw.get("dynamic", ()))),
        about=read_about(raw, where),
    )


def read_headers(data: bytes, where: str) -> tuple[Mapping, Mapping[str, list[str]]]:  # type: ignore[type-arg]
    try:
        return parse_email(data)
    except Exception as error:
        # The email package is known to fail in many ways on hostile headers; each of them is the sender's fault.
        raise InvalidUpload(f"{where} cannot be read as metadata: {type(error).__name__}") from error


def read_name(raw: Mapping[str, str], where: str) -> str:
    name = raw.get("name", "")
    try:
        names.name_key(name)
    except InvalidName as error:
        raise InvalidUpload(f"{where} has no valid Name: {name[: names.SHOWN]!r}") from error
    return name


def read_version(raw: Mapping[str, str], where: str) -> str:
    version = raw.get("version", "")
    try:
        names.version_id(version)
    except InvalidVersion as error:
        raise InvalidUpload(f"{where} has no valid Version: {version[: names.SHOWN]!r}") from error
    return version


def read_metadata_version(raw: Mapping[str, str], where: str) -> tuple[int, int]:
    found = METADATA_VERSION.fullmatch(raw.get("metadata_version", ""))
    # A newer minor version adds fields only; a newer major one may change what the known ones mean.
    if not found or int(found[1]) not in (1, 2):
        raise InvalidUpload(f"{where} must have a Metadata-Version from 1.0 to 2.x, not {raw.get('metadata_version', '')[: names.SHOWN]!r}")
    return int(found[1]), int(found[2])


def read_requires_python(raw: Mapping[str, str], where: str) -> str:
    text = raw.get("requires_python", "").strip()
    if len(text) > TEXT_LIMIT:
        raise InvalidUpload(f"Requires-Python in {where} is longer than {TEXT_LIMIT} characters")
    read_or_refuse(SpecifierSet, text, f"Requires-Python in {where}")
    return text


def read_requires_dist(raw: Mapping[str, list[str]], where: str) -> tuple[str, ...]:
    requirements = tuple(raw.get("requires_dist", ()))
    if len(requirements) > REQUIREMENT_LIMIT:
        raise InvalidUpload(f"{where} names more than {REQUIREMENT_LIMIT} requirements")
    for text in requirements:
        if len(text) > REQUIREMENT_LIMIT:
            raise InvalidUpload(f"A Requires-Dist in {where} is longer than {REQUIREMENT_LIMIT} characters")
        read_or_refuse(Requirement, text, f"Requires-Dist in {where}")
    return requirements


def read_or_refuse(read: Callable[[str], object], text: str, where: str) -> None:
    try:
        read(text)
    except Exception as error:
        # Beside their own errors these give RecursionError on nesting and ValueError on huge numbers.
        raise InvalidUpload(f"{where} is not valid: {text[: names.SHOWN]!r}") from error


def read_about(raw: Mapping, where: str) -> About:  # type: ignore[type-arg]
    requires_python = raw.get("requires_python", "").strip()
    return About(
        summary=one_line(raw.get("summary", ""), 512),
        readme=raw.get("description", "")[:README_LIMIT],
        readme_type=raw.get("description_content_type", "text/x-rst").partition(";")[0].strip().lower()[:TEXT_LIMIT],
        license=read_license(raw, where),
        author=one_line(raw.get("author", "") or raw.get("author_email", "") or raw.get("maintainer", ""), TEXT_LIMIT),
        keywords=tuple(word[:TEXT_LIMIT] for word in raw.get("keywords", ())[:LINKS] if word),
        links=dict(read_links(raw)),
        requires=f"Python {requires_python}" if requires_python else "",
        dependencies=tuple(describe_requirement(Requirement(text)) for text in raw.get("requires_dist", ())),
    )


def read_license(raw: Mapping, where: str) -> str:  # type: ignore[type-arg]
    if expression := raw.get("license_expression"):
        read_or_refuse(canonicalize_license_expression, expression[: TEXT_LIMIT * 4], f"License-Expression in {where}")
        return one_line(expression, TEXT_LIMIT)
    if text := raw.get("license"):
        return one_line(text, TEXT_LIMIT)
    classifiers = [line.rpartition("::")[2].strip() for line in raw.get("classifiers", ()) if line.startswith("License ::")]
    return one_line(", ".join(classifiers), TEXT_LIMIT)


def read_links(raw: Mapping) -> Iterator[tuple[str, str]]:  # type: ignore[type-arg]
    given = {"Homepage": raw.get("home_page", ""), "Download": raw.get("download_url", ""), **raw.get("project_urls", {})}
    for label, url in list(given.items())[:LINKS]:
        # Only what a page may link to: no script, no data.
        if url.lower().startswith(("https://", "http://")) and len(url) <= 2048:
            yield one_line(label, 64), url


def describe_requirement(requirement: Requirement) -> Dependency:
    marker = str(requirement.marker or "")
    extra = EXTRA.search(marker)
    wanted = f"@ {requirement.url}" if requirement.url else str(requirement.specifier)
    return Dependency(name=requirement.name, range="; ".join(part for part in (wanted, marker) if part), kind=extra[1] if extra else "runtime")


def one_line(text: str, limit: int) -> str:
    """The first line, no longer than the limit, without control characters."""
    line = next(iter(text.strip().splitlines()), "")
    return "".join(letter for letter in line if letter.isprintable())[:limit]
