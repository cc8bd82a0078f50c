"""Module descriptors of Ivy (`ivy.xml`), read without entities, DOCTYPE or network, and POMs: what people want to read of a revision."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from packhouse.errors import InvalidUpload
from packhouse.formats.sbt import names
from packhouse.grammar.xml import UndefinedEntity, children, read_xml
from packhouse.maven2 import poms
from packhouse.maven2.names import SHOWN
from packhouse.maven2.poms import MOST_DEPENDENCIES, POM_LIMIT, SUMMARY, TEXT_LIMIT, Pom, one_line, read_limited
from packhouse.model import About, Dependency, replace

WHAT = "The ivy.xml"


def read_pom(path: str, name: str, version: str) -> Pom:
    """What the POM says, and what the name of the package says beside it. Raises `InvalidUpload`."""
    pom = poms.read_pom(path, name, version)
    requires = ", ".join(filter(None, (names.describe_cross(name), pom.about.requires)))
    return replace(pom, about=replace(pom.about, requires=requires))


def read_module(path: str, name: str, version: str) -> About:
    """What the descriptor says of what lies under this name and revision; where it names others, a warning. Raises `InvalidUpload`."""
    try:
        root = read_xml(read_limited(path, POM_LIMIT, WHAT), WHAT, "ivy-module")
    except UndefinedEntity:
        return About(warnings=(f"{WHAT} uses an entity that it does not define: nothing is read out of it",))
    info = next(children(root, "info"), None)
    if info is None:
        raise InvalidUpload(f"{WHAT} has no <info>, which names the module")
    description = next(children(info, "description"), None)
    return About(
        summary=one_line(" ".join("".join(description.itertext()).split()) if description is not None else "", SUMMARY),
        license=join_names(info, "license"),
        author=join_names(info, "ivyauthor"),
        links=dict(read_links(description)),
        requires=names.describe_cross(name),
        dependencies=tuple(read_dependencies(root)),
        warnings=tuple(compare_coordinates(info, name, version)),
    )


def join_names(info: Element, tag: str) -> str:
    said = (each.get("name", "") or each.get("url", "") for each in children(info, tag))
    return one_line(", ".join(filter(None, said)), TEXT_LIMIT)


def read_links(description: Element | None) -> Iterator[tuple[str, str]]:
    url = "" if description is None else description.get("homepage", "")
    if poms.is_link(url):
        yield "Homepage", url


def read_dependencies(root: Element) -> Iterator[Dependency]:
    for number, each in enumerate(children(root, "dependencies", "dependency")):
        if number == MOST_DEPENDENCIES:
            raise InvalidUpload(f"{WHAT} names more than {MOST_DEPENDENCIES} dependencies")
        organisation, module, revision, configurations = (one_line(each.get(key, ""), TEXT_LIMIT) for key in ("org", "name", "rev", "conf"))
        yield Dependency(name=f"{organisation}#{module}" if organisation else module, range=revision, kind=configurations.partition("->")[0].strip())


def compare_coordinates(info: Element, name: str, version: str) -> Iterator[str]:
    """A sentence where the descriptor is about something else than its path."""
    organisation, _, folders = name.partition("#")
    asked = [organisation, folders.partition("/")[0], version]
    said = [info.get(key, "") for key in ("organisation", "module", "revision")]
    # Ivy fills the revision in when it publishes, and one that is made by hand may lack it.
    if any(one and one != other for one, other in zip(said, asked, strict=True)):
        named = " ".join(one_line(one, SHOWN) or "?" for one in said)
        yield f"{WHAT} names {named}, its path says {' '.join(asked)}: it is kept under its path"
