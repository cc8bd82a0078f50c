"""A feature that comes alone: its two units, the jar and the group, are made from its feature.xml, as p2's publisher does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement

from packhouse.errors import Invalid, InvalidUpload
from packhouse.formats.p2 import names
from packhouse.formats.p2.names import Key
from packhouse.formats.p2.parse.building import (
    BUNDLE_TYPE,
    NOTHING,
    OSGI,
    add_all,
    begin_unit,
    end_unit,
    exactly,
    provide,
    provide_itself,
    require,
)
from packhouse.formats.p2.parse.facts import Artifact, Facts, Read
from packhouse.formats.p2.parse.texts import read_texts, translate
from packhouse.formats.p2.parse.units import NAMESPACE, read_unit
from packhouse.grammar.archives import read_zip
from packhouse.grammar.xml import children, read_xml, text_of
from packhouse.model import About

FEATURE_XML, TEXTS = "feature.xml", "feature.properties"
LARGEST = 4 * 1024 * 1024
INSTALLED = "(org.eclipse.update.install.features=true)"
PLATFORM = (("os", "osgi.os"), ("ws", "osgi.ws"), ("arch", "osgi.arch"), ("nl", "osgi.nl"))
# how a version that is imported may differ: the number of parts that stay the same
MATCHES = {"equivalent": 2, "compatible": 1}


def read_feature(path: str) -> Read:
    """The feature at a path. Raises `InvalidUpload`."""
    archive = read_zip(path, lambda name: name in (FEATURE_XML, TEXTS), limit_each=LARGEST, whole=False)
    if FEATURE_XML not in archive.members:
        raise InvalidUpload(f"The jar is no feature: it has no {FEATURE_XML}")
    feature, texts = read_xml(archive.members[FEATURE_XML], FEATURE_XML, "feature"), read_texts(archive.members.get(TEXTS, b""))
    try:
        key = names.read_key(names.FEATURE, feature.get("id", ""), feature.get("version", ""))
        units = (read_unit(build_jar(key)), read_unit(build_group(key, feature, texts)))
    except Invalid as error:
        raise InvalidUpload(f"{FEATURE_XML}: {error.message}") from error
    about = About(summary=translate(feature.get("label", key.id), texts)[:1000], author=translate(feature.get("provider-name", ""), texts)[:255])
    return Read(version=key.version, artifacts=(Artifact(facts=Facts(key=key, units=units)),), about=about)


def build_jar(key: Key) -> Element:
    """The unit that has the feature's own file."""
    id = f"{key.id}.feature.jar"
    unit = begin_unit(id, key.version, {})
    provided = (provide_itself(id, key.version), provide(BUNDLE_TYPE, "feature", "1.0.0"), provide("org.eclipse.update.feature", key.id, key.version))
    add_all(unit, "provides", "provided", provided)
    SubElement(unit, "filter").text = INSTALLED
    return end_unit(unit, key, OSGI, {"zipped": "true"})


def build_group(key: Key, feature: Element, texts: Mapping[str, str]) -> Element:
    """The unit that people install: it needs what the feature includes."""
    id = f"{key.id}.feature.group"
    properties = {
        "org.eclipse.equinox.p2.name": feature.get("label", ""),
        "org.eclipse.equinox.p2.description": text_of(feature, "description"),
        "org.eclipse.equinox.p2.provider": feature.get("provider-name", ""),
        "org.eclipse.equinox.p2.type.group": "true",
    }
    unit = begin_unit(id, key.version, {name: translate(value, texts)[:4000] for name, value in properties.items()}, singleton=False)
    add_all(unit, "provides", "provided", [provide_itself(id, key.version)])
    requires = SubElement(unit, "requires")
    for attributes, condition in _list_required(key, feature):
        required = SubElement(requires, "required", dict(attributes))
        if condition:
            SubElement(required, "filter").text = condition
    requires.set("size", str(len(requires)))
    condition = _write_filter(feature)
    if condition:
        SubElement(unit, "filter").text = condition
    return end_unit(unit, None, NOTHING, {})


def _list_required(key: Key, feature: Element) -> Iterator[tuple[Mapping[str, str], str]]:
    for one in children(feature, "includes"):
        name, version = f"{one.get('id', '')}.feature.group", names.version_id(one.get("version", ""))
        yield require(NAMESPACE, name, exactly(version), optional=one.get("optional") == "true"), _write_filter(one)
    for one in children(feature, "requires", "import"):
        wanted = f"{one.get('feature')}.feature.group" if one.get("feature") else one.get("plugin", "")
        namespace = NAMESPACE if one.get("feature") else names.BUNDLE
        yield require(namespace, wanted, _write_range(one.get("version", ""), one.get("match", ""))), _write_filter(one)
    for one in children(feature, "plugin"):
        yield require(NAMESPACE, one.get("id", ""), exactly(names.version_id(one.get("version", "")))), _write_filter(one)
    yield require(NAMESPACE, f"{key.id}.feature.jar", exactly(key.version)), INSTALLED


def _write_range(version: str, match: str) -> str:
    low = names.version_id(version or "0.0.0")
    if match == "perfect":
        return exactly(low)
    same = MATCHES.get(match)
    if same is None or low == "0.0.0":
        return low
    major, minor, _, _ = names.version_key(low)
    return f"[{low},{names.version_id(f'{major + 1}' if same == 1 else f'{major}.{minor + 1}')})"


def _write_filter(element: Element) -> str:
    """The platforms that a part is for."""
    terms = []
    for attribute, name in PLATFORM:
        values = [f"({name}={value.strip()})" for value in element.get(attribute, "").split(",") if value.strip()]
        terms += values if len(values) < 2 else [f"(|{''.join(values)})"]
    return "" if not terms else terms[0] if len(terms) == 1 else f"(&{''.join(terms)})"
