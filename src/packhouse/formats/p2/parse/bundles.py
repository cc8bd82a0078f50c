"""A bundle that comes alone: its unit is made from its manifest, as p2's publisher does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement

from packhouse.errors import Invalid, InvalidUpload
from packhouse.formats.p2 import names
from packhouse.formats.p2.names import Key
from packhouse.formats.p2.parse.building import BUNDLE_TYPE, OSGI, add_all, begin_unit, end_unit, provide, provide_itself, require
from packhouse.formats.p2.parse.facts import Artifact, Facts, Read
from packhouse.formats.p2.parse.manifests import LARGEST, Clause, read_clauses, read_manifest
from packhouse.formats.p2.parse.texts import read_texts, translate
from packhouse.formats.p2.parse.units import read_unit
from packhouse.grammar.archives import read_zip
from packhouse.model import About

MANIFEST = "META-INF/MANIFEST.MF"
PACKAGE, HOST = "java.package", "osgi.fragment"
SHOWN = {"org.eclipse.equinox.p2.name": "bundle-name", "org.eclipse.equinox.p2.provider": "bundle-vendor",
         "org.eclipse.equinox.p2.description": "bundle-description", "org.eclipse.equinox.p2.doc.url": "bundle-docurl"}  # fmt: skip


def read_bundle(path: str) -> Read:
    """The bundle at a path. Raises `InvalidUpload`, `InvalidName`, `InvalidVersion`."""
    manifest = _read_member(path, MANIFEST)
    if not manifest:
        raise InvalidUpload(f"The bundle has no {MANIFEST}")
    headers = read_manifest(manifest)
    symbolic = next(iter(_clauses(headers, "bundle-symbolicname")), None)
    if symbolic is None:
        raise InvalidUpload("The jar is no bundle: its manifest has no Bundle-SymbolicName")
    try:
        key = names.read_key(names.BUNDLE, symbolic.path, headers.get("bundle-version") or "0.0.0")
    except Invalid as error:
        raise InvalidUpload(f"{MANIFEST}: {error.message}") from error
    translated = read_texts(_read_member(path, f"{headers.get('bundle-localization') or 'OSGI-INF/l10n/bundle'}.properties"))
    texts = {header: translate(value, translated) for header, value in headers.items()}
    unit = read_unit(_build(key, headers, texts, singleton=symbolic.parameters.get("singleton") == "true"))
    about = About(
        summary=texts.get("bundle-name", "")[:1000] or key.id,
        license=texts.get("bundle-license", "")[:255],
        author=texts.get("bundle-vendor", "")[:255],
    )
    return Read(version=key.version, artifacts=(Artifact(facts=Facts(key=key, units=(unit,))),), about=about)


def _read_member(path: str, name: str) -> bytes:
    return read_zip(path, lambda member: member == name, limit_each=LARGEST, whole=False).members.get(name, b"")


def _build(key: Key, headers: Mapping[str, str], texts: Mapping[str, str], *, singleton: bool) -> Element:
    unit = begin_unit(key.id, key.version, {name: texts.get(header, "")[:4000] for name, header in SHOWN.items()}, singleton=singleton)
    add_all(unit, "provides", "provided", _list_provided(key, headers))
    required = add_all(unit, "requires", "required", _list_required(headers))
    for clause in _clauses(headers, "require-capability"):
        if clause.path == "osgi.ee" and clause.parameters.get("filter"):
            match = {"namespace": clause.path, "match": clause.parameters["filter"]}
            SubElement(required, "requiredProperties", match | ({"optional": "true"} if _is_optional(clause) else {}))
    required.set("size", str(len(required)))
    lines = f"Bundle-SymbolicName: {headers['bundle-symbolicname']}\nBundle-Version: {key.version}\n"
    host = headers.get("fragment-host")
    instructions = {"manifest": lines + (f"Fragment-Host: {host}\n" if host else "")}
    if headers.get("eclipse-bundleshape") == "dir":
        instructions["zipped"] = "true"
    return end_unit(unit, key, OSGI, instructions)


def _list_provided(key: Key, headers: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    yield provide_itself(key.id, key.version)
    yield provide(names.BUNDLE, key.id, key.version)
    exported = {clause.path: _version(clause.parameters.get("version", "")) for clause in _clauses(headers, "export-package")}
    for name, version in exported.items():
        yield provide(PACKAGE, name, version)
    for clause in _clauses(headers, "fragment-host"):
        yield provide(HOST, clause.path, key.version)
    yield provide(BUNDLE_TYPE, "bundle", "1.0.0")


def _list_required(headers: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    for clause in (*_clauses(headers, "fragment-host"), *_clauses(headers, "require-bundle")):
        optional = _is_optional(clause)
        yield require(names.BUNDLE, clause.path, _range(clause.parameters.get("bundle-version", "")), optional=optional, greedy=not optional)
    for clause in _clauses(headers, "import-package"):
        optional = _is_optional(clause)
        yield require(PACKAGE, clause.path, _range(clause.parameters.get("version", "")), optional=optional, greedy=not optional)


def _is_optional(clause: Clause) -> bool:
    return clause.parameters.get("resolution") == "optional"


def _clauses(headers: Mapping[str, str], header: str) -> list[Clause]:
    return list(read_clauses(headers[header], header)) if headers.get(header) else []


def _version(text: str) -> str:
    return names.version_id(text or "0.0.0")


def _range(text: str) -> str:
    """A range of versions as it is written into a unit; no version means any. Raises `InvalidVersion`."""
    text = "".join(text.split()) or "0.0.0"
    if text[0] in "[(" and text[-1] in "])":
        low, _, high = text[1:-1].partition(",")
        return f"{text[0]}{_version(low)},{_version(high)}{text[-1]}"
    return _version(text)
