"""POMs and uploaded maven-metadata.xml, read without entities, DOCTYPE or network: Maven's POM and repository metadata references."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

from packhouse.errors import DigestMismatch, InvalidUpload
from packhouse.grammar.xml import UndefinedEntity, bare, children, read_xml, text_of
from packhouse.maven2 import names
from packhouse.model import About, Blob, Dependency, Struct

MIB = 1024**2
POM_LIMIT = 5 * MIB
METADATA_LIMIT = 10 * MIB

SUMMARY, TEXT_LIMIT, URL_LIMIT, MOST_DEPENDENCIES = 512, 255, 2048, 4096
PASSES = 8  # a property may name another one
LONGEST_PROPERTY = 255  # a longer one is not filled in: one of a megabyte can be named two hundred times
LONGEST_FILLED = 20 * 1024  # a longer text is left as it is written
MOST_FILLED = 4 * MIB  # characters of all texts of a POM
PROPERTY = re.compile(r"\$\{([^${}]{1,255})\}")
SBT_SUFFIX = re.compile(r"(?:_[0-9.]+){1,2}")
CHECKSUM_HEADERS = {f"x-checksum-{algorithm}": algorithm for algorithm in names.CHECKSUMS}


class Pom(Struct):
    """What a POM says. `prefix` is how a plugin is called on the command line; "" for anything else."""

    packaging: str = "jar"
    prefix: str = ""
    title: str = ""
    about: About = About()


def read_old_xml(data: bytes, what: str, root: str) -> Element | None:
    """The root element, None where the text uses an entity that it does not define. Raises `InvalidUpload`."""
    try:
        return read_xml(data, what, root)
    except UndefinedEntity:
        return None


def read_limited(path: str, limit: int, what: str) -> bytes:
    with Path(path).open("rb") as source:
        data = source.read(limit + 1)
    if len(data) > limit:
        raise InvalidUpload(f"{what} is larger than {limit // MIB} MiB")
    return data


# -- POMs ------------------------------------------------------------------------------------------------------------


def read_pom(path: str, name: str, version: str) -> Pom:
    """What the POM says of what lies under this name and version; where it names other coordinates, a warning. Raises `InvalidUpload`."""
    root = read_old_xml(read_limited(path, POM_LIMIT, "The POM"), "The POM", "project")
    if root is None:
        return Pom(about=About(warnings=("The POM uses an entity that it does not define: nothing is read out of it",)))
    values = Values(root)
    packaging = values.read("packaging") or "jar"
    artifact = name.rpartition("/")[2]
    return Pom(
        packaging=packaging[:TEXT_LIMIT],
        prefix=read_prefix(values, artifact) if packaging == "maven-plugin" else "",
        title=one_line(values.read("name"), TEXT_LIMIT),
        about=read_about(values, tuple(compare_coordinates(values, name, version))),
    )


class Values:
    """The texts of a POM, with its properties in the place of their names."""

    def __init__(self, root: Element) -> None:
        self.root, self.filled = root, 0
        given = {bare(each): (each.text or "").strip() for each in next(children(root, "properties"), ())}
        for field in ("groupId", "artifactId", "version", "packaging", "name", "url"):
            own, parent = text_of(root, field), text_of(root, "parent", field)
            value = own or (parent if field in ("groupId", "version") else "")
            for prefix in ("project.", "pom.", ""):
                given.setdefault(prefix + field, value)
            given.setdefault(f"project.parent.{field}", parent)
        self.properties = {key: value for key, value in given.items() if len(value) <= LONGEST_PROPERTY}

    def read(self, *path: str, at: Element | None = None) -> str:
        """The text at a path."""
        return self.fill(text_of(self.root if at is None else at, *path))

    def fill(self, text: str) -> str:
        """The text with properties filled in; one that is not known, or too long, stays as it is written."""
        for _ in range(PASSES):
            if len(text) > LONGEST_FILLED or self.filled > MOST_FILLED:
                break
            filled = PROPERTY.sub(lambda found: self.properties.get(found[1], found[0]), text)
            if filled == text:
                break
            self.filled += len(text) + len(filled)
            if len(filled) > LONGEST_FILLED:
                break  # properties that double each other are not followed for ever
            text = filled
        return text

    def coordinate(self, field: str) -> str:
        return self.fill(self.properties.get(f"project.{field}", ""))


def compare_coordinates(values: Values, name: str, version: str) -> Iterator[str]:
    """A sentence where the POM is about something else than its path."""
    artifact = name.rpartition("/")[2]
    said = [values.coordinate(field) for field in ("groupId", "artifactId", "version")]
    asked = [names.group_of(name), artifact, version]
    # Old sbt plugins leave the versions of Scala and sbt out of the POM's name.
    if said[1] and artifact.startswith(said[1]) and SBT_SUFFIX.fullmatch(artifact.removeprefix(said[1])):
        said[1] = artifact
    if any(one and "${" not in one and one != other for one, other in zip(said, asked, strict=True)):
        named = ":".join(one[: names.SHOWN] or "?" for one in said)
        yield f"The POM names {named}, its path says {':'.join(asked)}: it is kept under its path"


def read_prefix(values: Values, artifact: str) -> str:
    """A plugin's prefix: what its POM configures, else what Maven makes of its name."""
    for build in (("build", "plugins", "plugin"), ("build", "pluginManagement", "plugins", "plugin")):
        for plugin in children(values.root, *build):
            if text_of(plugin, "artifactId") == "maven-plugin-plugin" and (prefix := values.read("configuration", "goalPrefix", at=plugin)):
                return prefix[:TEXT_LIMIT]
    if artifact == "maven-plugin-plugin":
        return "plugin"
    return re.sub(r"-?plugin-?", "", re.sub(r"-?maven-?", "", artifact)) or artifact


def read_about(values: Values, warnings: tuple[str, ...]) -> About:
    read = values.read
    licenses = [values.read("name", at=each) or values.read("url", at=each) for each in children(values.root, "licenses", "license")]
    people = [values.read("name", at=each) or values.read("id", at=each) for each in children(values.root, "developers", "developer")]
    return About(
        summary=one_line(" ".join(read("description").split()) or read("name"), SUMMARY),
        license=one_line(", ".join(filter(None, licenses)), TEXT_LIMIT),
        author=one_line(", ".join(filter(None, people)) or read("organization", "name"), TEXT_LIMIT),
        links=dict(read_links(values)),
        requires=read_java(values),
        dependencies=tuple(read_dependencies(values)),
        warnings=warnings,
    )


def read_links(values: Values) -> Iterator[tuple[str, str]]:
    for label, path in (("Homepage", ("url",)), ("Source", ("scm", "url")), ("Issues", ("issueManagement", "url"))):
        url = values.read(*path)
        if is_link(url):
            yield label, url


def is_link(url: str) -> bool:
    """Whether a page may link to it: no script, no data."""
    return url.lower().startswith(("https://", "http://")) and len(url) <= URL_LIMIT and url.isprintable()


def read_java(values: Values) -> str:
    wanted = (f"maven.compiler.{key}" for key in ("release", "target"))
    found = next((values.fill(values.properties[key]) for key in wanted if values.properties.get(key)), "")
    return f"Java {found}" if re.fullmatch(r"[0-9.]{1,8}", found) else ""


def read_dependencies(values: Values) -> Iterator[Dependency]:
    for number, each in enumerate(children(values.root, "dependencies", "dependency")):
        if number == MOST_DEPENDENCIES:
            raise InvalidUpload(f"The POM names more than {MOST_DEPENDENCIES} dependencies")
        group, artifact, version, scope = (one_line(values.read(key, at=each), TEXT_LIMIT) for key in ("groupId", "artifactId", "version", "scope"))
        optional = values.read("optional", at=each) == "true"
        yield Dependency(name=f"{group}:{artifact}", range=version, kind="optional" if optional else scope or "compile")


def one_line(text: str, limit: int) -> str:
    """The first line, no longer than the limit, without control characters."""
    line = next(iter(text.strip().splitlines()), "")
    return "".join(letter for letter in line if letter.isprintable())[:limit]


# -- what else a client sends ----------------------------------------------------------------------------------------


def read_versions(path: str) -> tuple[str, ...]:
    """The versions that an uploaded maven-metadata.xml lists. Raises `InvalidUpload`."""
    what = f"The {names.METADATA}"
    root = read_old_xml(read_limited(path, METADATA_LIMIT, what), what, "metadata")
    if root is None:
        raise InvalidUpload(f"{what} uses an entity that it does not define")
    return tuple((each.text or "").strip() for each in children(root, "versioning", "versions", "version"))


def read_checksum(body: bytes) -> str:
    """The digest in a checksum file: its first word, in lower case; some tools write the file's name behind it."""
    words = body.decode("ascii", "replace").split()
    return words[0].lower() if words else ""


def check_declared(headers: Mapping[str, str], blob: Blob) -> None:
    """Nothing, if every X-Checksum header is the digest of what arrived. Raises `DigestMismatch`."""
    for header, algorithm in CHECKSUM_HEADERS.items():
        sent, actual = headers.get(header, "").strip().lower(), getattr(blob, algorithm)
        if sent and sent != actual:
            raise DigestMismatch(f"Header {header} declares {sent[:140]}, the file has {algorithm} {actual}", sent=sent, actual=actual)
