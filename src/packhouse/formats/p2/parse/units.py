"""Installable units, as content.xml has them: checked for what keeps a client from reading the whole repository, and written again on one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, tostring

from packhouse.errors import Invalid, InvalidUpload
from packhouse.formats.p2 import names
from packhouse.formats.p2.parse.facts import Unit, pack_unit
from packhouse.formats.p2.parse.filters import check_filter
from packhouse.grammar.xml import bare, children

NAMESPACE = "org.eclipse.equinox.p2.iu"
LONGEST_MATCH = 16 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def read_units(root: Element) -> Iterator[Unit]:
    """The units of a repository. Raises `InvalidUpload`, `InvalidName`, `InvalidVersion`."""
    for element in children(root, "units", "unit"):
        yield read_unit(element)


def read_unit(element: Element) -> Unit:
    """Raises `InvalidUpload`, `InvalidName`, `InvalidVersion`."""
    id, version = element.get("id", ""), element.get("version", "")
    if not 0 < len(id) <= names.LONGEST or _CONTROL.search(id):
        raise InvalidUpload(
            f"A unit of content.xml has the id {id[:80]!r}: it must have 1 to {names.LONGEST} characters, none of them a control character"
        )
    try:
        version = names.version_id(version)
        artifacts = tuple(
            names.read_key(one.get("classifier", ""), one.get("id", ""), one.get("version", "")) for one in children(element, "artifacts", "artifact")
        )
    except Invalid as error:
        raise InvalidUpload(f"Unit {id!r} of content.xml: {error.message}") from error
    _check_parts(element, id)
    if not any((one.get("namespace"), one.get("name")) == (NAMESPACE, id) for one in children(element, "provides", "provided")):
        raise InvalidUpload(f"Unit {id!r} does not provide itself in {NAMESPACE}: nobody could install it")
    return pack_unit(id, version, write_unit(element), artifacts)


def _check_parts(element: Element, id: str) -> None:
    for part in element.iter():
        if "}" in str(part.tag):
            raise InvalidUpload(f"Unit {id!r} has an element in a namespace: p2 has none")
        if bare(part) == "filter":
            check_filter(part.text or "")
        match = part.get("match", "")
        if bare(part) == "requiredProperties":
            check_filter(match)
        elif len(match) > LONGEST_MATCH or _unbalanced(match):
            raise InvalidUpload(
                f"Unit {id!r} has a requirement whose match {match[:80]!r} is too long, or has a bracket or quote without its other half"
            )


def _unbalanced(expression: str) -> bool:
    """Whether a bracket or quote of a p2 query has no other half: the whole of a query is not read here."""
    bare_text = re.sub(r"'[^']*'|\"[^\"]*\"", "", expression)
    return any(quote in bare_text for quote in "'\"") or any(bare_text.count(a) != bare_text.count(b) for a, b in ("()", "[]", "{}"))


def write_unit(element: Element) -> str:
    """The element on one line; what it says of the numbers of its parts is counted, as clients take room for as many."""
    for part in element.iter():
        if "size" in part.attrib:
            part.set("size", str(len(part)))
        part.text = None if len(part) else (part.text or "").strip() or None  # clients trim it as well
        part.tail = None
    return tostring(element, encoding="unicode")
