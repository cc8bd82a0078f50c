"""Installable units, as content.xml has them: checked for what keeps a client from reading the whole repository, and written again on one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from xml.etree.ElementTree import Element, tostring

from packhouse.errors import Invalid, InvalidUpload
from packhouse.formats.p2 import names
from packhouse.formats.p2.parse.facts import Unit, pack_unit
from packhouse.formats.p2.parse.filters import check_filter
from packhouse.formats.p2.parse.queries import check_query
from packhouse.grammar.xml import bare, children

NAMESPACE = "org.eclipse.equinox.p2.iu"
NEEDED: Mapping[str, tuple[str, ...]] = {
    "provided": ("namespace", "name"), "required": ("namespace", "name"), "requiredProperties": ("namespace", "match"), "touchpoint": ("id",),
}  # fmt: skip
_INTEGER, _DECIMAL, _LIST = re.compile("[+-]?[0-9]{1,19}"), re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?"), re.compile(r"List(?:<\s*(\w+)\s*>)?")
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
        tag = bare(part)
        if tag == "filter":
            check_filter(part.text or "")
        elif tag == "requiredProperties":
            check_filter(part.get("match", ""), needed=True)
        elif "match" in part.attrib:
            check_query(part.get("match", ""), part.get("matchParameters"))
        _check_attributes(part, tag, id)


def _check_attributes(part: Element, tag: str, id: str) -> None:
    """What a client does not bear to be missing."""
    needed = NEEDED.get(tag, ()) if tag != "required" or "match" not in part.attrib else ()
    absent = [name for name in needed if name not in part.attrib]
    if absent:
        raise InvalidUpload(f"Unit {id!r} has a <{tag}> without {' and '.join(absent)}")
    if tag == "change":
        changed = [one for side in ("from", "to") for one in children(part, side, "required")]
        if not changed or any("match" in one.attrib for one in changed):
            raise InvalidUpload(f"Unit {id!r} has a <change> of no requirement, or of one that has no namespace and name but a match")
    if tag == "provided":
        for one in children(part, "properties", "property"):
            _check_typed(one, id)


def _check_typed(one: Element, id: str) -> None:
    name, value, type = one.get("name"), one.get("value"), one.get("type", "String").strip()
    found = _LIST.fullmatch(type)
    read = READERS.get(found[1] if found else type)
    try:
        if name is None or value is None:
            raise ValueError
        for each in value.split(",") if found else (value,):
            if read is not None:
                read(each.strip())
    except (ValueError, Invalid) as error:
        raise InvalidUpload(
            f"Unit {id!r} has the property {str(name)[:80]!r} of the type {type[:40]!r}, and the value {str(value)[:80]!r}"
        ) from error


def _read_integer(text: str, bits: int = 31) -> None:
    if not _INTEGER.fullmatch(text) or abs(int(text)) >= 1 << bits:
        raise ValueError


def _read_letter(text: str) -> None:
    if not text:
        raise ValueError


def _read_decimal(text: str) -> None:
    if not _DECIMAL.fullmatch(text):
        raise ValueError


READERS: Mapping[str | None, Callable[[str], object]] = {
    "Byte": partial(_read_integer, bits=7),
    "Short": partial(_read_integer, bits=15),
    "Integer": _read_integer,
    "Long": partial(_read_integer, bits=63),
    "Double": _read_decimal,
    "Float": _read_decimal,
    "Character": _read_letter,
    "Version": names.version_key,
}


def write_unit(element: Element) -> str:
    """The element on one line; what it says of the numbers of its parts is counted, as clients take room for as many."""
    for part in element.iter():
        if "size" in part.attrib:
            part.set("size", str(len(part)))
        part.text = None if len(part) else (part.text or "").strip() or None  # clients trim it as well
        part.tail = None
    return tostring(element, encoding="unicode")
