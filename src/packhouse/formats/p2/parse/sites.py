"""The repository in an archive: its units, each with the first of its artifacts, and what is said of those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element

from packhouse.errors import Invalid, InvalidUpload
from packhouse.formats.p2 import names
from packhouse.formats.p2.names import Key
from packhouse.formats.p2.parse.documents import read_document
from packhouse.formats.p2.parse.facts import Artifact, Facts, Read, Unit
from packhouse.formats.p2.parse.units import read_units
from packhouse.grammar.xml import children
from packhouse.model import About

MOST_PROPERTIES = 64
LONGEST_NAME, LONGEST_VALUE = 256, 64 * 1024
LARGEST_PROPERTIES = 256 * 1024  # of one artifact
LARGEST_TOGETHER = 8 * 1024 * 1024  # of units that are kept in one place, compressed
FREE, RATIO = 8 * 1024 * 1024, 50  # of the XML of all units, before it is set against what it is compressed
# what is measured here: true whatever an upload says of it
MEASURED = ("artifact.size", "download.size", "download.contentType")
DIGESTS = ("download.md5", "download.checksum.")


def read_site(content: str, content_name: str, artifacts: str, artifacts_name: str) -> Read:
    """What is at two paths: the units and the artifacts of an archive. Raises `InvalidUpload`."""
    found: dict[Key, Artifact] = {}
    for artifact in read_artifacts(read_document(artifacts, artifacts_name)):
        assert artifact.facts.key is not None
        if artifact.facts.key in found:
            raise InvalidUpload(f"Artifact {artifact.facts.key.path} is in artifacts.xml twice")
        found[artifact.facts.key] = artifact
    return join(list(read_units(read_document(content, content_name))), found)


def join(units: Sequence[Unit], found: dict[Key, Artifact]) -> Read:
    """Each unit with the first of its artifacts that is here. Raises `InvalidUpload`."""
    held: dict[Key, list[Unit]] = {key: [] for key in found}
    loose: list[Unit] = []
    seen: set[tuple[str, str]] = set()
    for unit in units:
        if (unit.id, unit.version) in seen:
            raise InvalidUpload(f"Unit {unit.id!r} {unit.version} is in content.xml twice")
        seen.add((unit.id, unit.version))
        key = next((key for key in unit.artifacts if key in held), None)
        (loose if key is None else held[key]).append(unit)
    if not units:
        raise InvalidUpload("content.xml has no unit: there is nothing to install")
    if any(sum(len(unit.packed) for unit in together) > LARGEST_TOGETHER for together in (loose, *held.values())):
        raise InvalidUpload(f"The units of one artifact, or those without, take more than {LARGEST_TOGETHER} bytes: publish them in several archives")
    size, packed = sum(unit.size for unit in units), sum(len(unit.packed) for unit in units)
    if size > max(FREE, RATIO * packed):
        raise InvalidUpload(
            f"The units take {size} bytes of XML, more than {RATIO} times what they are compressed: they say the same again and again"
        )
    artifacts = tuple(Artifact(facts=Facts(key=key, properties=one.facts.properties, units=tuple(held[key])), size=one.size, sha256=one.sha256,
                               sha512=one.sha512) for key, one in found.items())  # fmt: skip
    return Read(version=find_version(found, units), artifacts=artifacts, loose=tuple(loose), about=describe(found, units))


def find_version(keys: Iterable[Key], units: Sequence[Unit]) -> str:
    """What the archive is called where nobody says so: the highest version of its features, or else of its bundles, or of all."""
    by_kind = {kind: [key.version for key in keys if key.classifier == kind] for kind in (names.FEATURE, names.BUNDLE)}
    return max(by_kind[names.FEATURE] or by_kind[names.BUNDLE] or [unit.version for unit in units], key=names.version_key)


def describe(found: dict[Key, Artifact], units: Sequence[Unit]) -> About:
    """What people want to know of it."""
    counts = [(sum(key.classifier == kind for key in found), word) for kind, word in ((names.FEATURE, "feature"), (names.BUNDLE, "bundle"))]
    summary = ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts)
    absent = sorted({key.path for unit in units for key in unit.artifacts if key not in found})
    warnings = [f"{path} is not in the archive: units that need it are listed when it is there" for path in absent[:20]]
    return About(summary=f"Repository of {summary}", warnings=tuple(warnings))


def read_artifacts(root: Element) -> Iterator[Artifact]:
    """What artifacts.xml says. Raises `InvalidUpload`."""
    for element in children(root, "artifacts", "artifact"):
        try:
            key = names.read_key(element.get("classifier", ""), element.get("id", ""), element.get("version", ""))
        except Invalid as error:
            raise InvalidUpload(f"artifacts.xml: {error.message}") from error
        said = dict(read_properties(element, key))
        if said.get("format") == "packed" or next(children(element, "processing", "step"), None) is not None:
            raise InvalidUpload(f"Artifact {key.path} is packed (pack200 or the like), which clients cannot read any more: publish it plain")
        if said.get("artifact.folder") == "true":
            raise InvalidUpload(f"Artifact {key.path} is a folder: publish it as a jar")
        kept = tuple((name, value) for name, value in said.items() if name not in MEASURED and not name.startswith(DIGESTS))
        digests = {name: said.get(f"download.checksum.{word}", "").lower() for name, word in (("sha256", "sha-256"), ("sha512", "sha-512"))}
        yield Artifact(facts=Facts(key=key, properties=kept), size=said.get("download.size", ""), **digests)


def read_properties(element: Element, key: Key) -> Iterator[tuple[str, str]]:
    """The properties of an artifact. Raises `InvalidUpload`."""
    room, count = LARGEST_PROPERTIES, 0
    for one in children(element, "properties", "property"):
        name, value = one.get("name", ""), one.get("value", "")
        count, room = count + 1, room - len(name) - len(value)
        if not 0 < len(name) <= LONGEST_NAME or len(value) > LONGEST_VALUE or room < 0 or count > MOST_PROPERTIES:
            raise InvalidUpload(f"Artifact {key.path} has more properties, or longer ones, than are kept: at most {MOST_PROPERTIES} of 64 KiB")
        yield name, value
