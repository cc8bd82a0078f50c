"""XML of strangers, read without DOCTYPE, entities or network, in bounded depth and size (threats, section 4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from packhouse.errors import InvalidUpload

DEEPEST = 64
MOST_ELEMENTS = 200_000
LONGEST_ATTRIBUTE = 64 * 1024
UNDEFINED_ENTITY = 11  # XML_ERROR_UNDEFINED_ENTITY of Expat


class UndefinedEntity(InvalidUpload):
    """The text uses an entity that it does not define, as old POMs do."""


class _Builder(TreeBuilder):
    """A tree of bounded depth and size."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._depth = 0
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > DEEPEST or self._count > MOST_ELEMENTS:
            raise InvalidUpload(f"{self._what} nests deeper than {DEEPEST} or has more than {MOST_ELEMENTS} elements")
        if any(len(value) > LONGEST_ATTRIBUTE for value in attributes.values()):
            raise InvalidUpload(f"{self._what} has an attribute longer than {LONGEST_ATTRIBUTE} characters")
        return super().start(tag, attributes)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def read_xml(data: bytes, what: str, root: str) -> Element:
    """The root element, which must have this tag; `what` names the file in messages. Raises `InvalidUpload`, and its `UndefinedEntity`."""
    parser = DefusedXMLParser(target=_Builder(what), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(data)
        element: Element = parser.close()
    except DefusedXmlException as error:
        raise InvalidUpload(f"{what} has a DOCTYPE or an entity: leave it out") from error
    except ParseError as error:
        kind = UndefinedEntity if error.code == UNDEFINED_ENTITY else InvalidUpload
        raise kind(f"{what} is not well-formed XML: {error}") from error
    except (ValueError, LookupError, AssertionError) as error:
        raise InvalidUpload(f"{what} is not well-formed XML in an encoding that is known here") from error
    if bare(element) != root:
        raise InvalidUpload(f"{what} begins with <{bare(element)[:80]}>, not with <{root}>")
    return element


def bare(element: Element) -> str:
    """The tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element | None, *path: str) -> Iterator[Element]:
    """The elements at a path of tags, in whatever namespace."""
    if element is None:
        return
    if not path:
        yield element
        return
    for child in element:
        if bare(child) == path[0]:
            yield from children(child, *path[1:])


def text_of(element: Element | None, *path: str) -> str:
    """The text of the first element at a path, "" where there is none."""
    found = next(children(element, *path), None)
    return "" if found is None else (found.text or "").strip()
