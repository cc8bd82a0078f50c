"""Elements of units that are made here, from a bundle or a feature: in the words of p2's own publisher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement

from packhouse.formats.p2.names import Key
from packhouse.formats.p2.parse.units import NAMESPACE

BUNDLE_TYPE = "org.eclipse.equinox.p2.eclipse.type"
OSGI, NOTHING = ("org.eclipse.equinox.p2.osgi", "1.0.0"), ("null", "0.0.0")
ANY = "0.0.0"


def begin_unit(id: str, version: str, properties: Mapping[str, str], *, singleton: bool = True) -> Element:
    """A unit that updates whatever was there before it, with those of the properties that say something."""
    unit = Element("unit", {"id": id, "version": version} | ({} if singleton else {"singleton": "false"}))
    SubElement(unit, "update", id=id, range=f"[0.0.0,{version})", severity="0")
    said = {name: value for name, value in properties.items() if value}
    if said:
        add_all(unit, "properties", "property", ({"name": name, "value": value} for name, value in said.items()))
    return unit


def add_all(parent: Element, tag: str, each: str, attributes: Iterable[Mapping[str, str]]) -> Element:
    """A list of elements, and how many there are."""
    added = SubElement(parent, tag)
    for one in attributes:
        SubElement(added, each, dict(one))
    added.set("size", str(len(added)))
    return added


def provide(namespace: str, name: str, version: str) -> Mapping[str, str]:
    return {"namespace": namespace, "name": name, "version": version}


def require(namespace: str, name: str, range: str, *, optional: bool = False, greedy: bool = True) -> Mapping[str, str]:
    """What a unit needs; what is optional is not fetched for its sake unless it is greedy."""
    needed = {"namespace": namespace, "name": name, "range": range}
    return needed | ({"optional": "true"} if optional else {}) | ({} if greedy else {"greedy": "false"})


def provide_itself(id: str, version: str) -> Mapping[str, str]:
    return provide(NAMESPACE, id, version)


def exactly(version: str) -> str:
    """The range of one version; 0.0.0 stands for any."""
    return ANY if version == ANY else f"[{version},{version}]"


def end_unit(unit: Element, artifact: Key | None, touchpoint: tuple[str, str], instructions: Mapping[str, str]) -> Element:
    """The unit with its artifact and with what a client does to install it."""
    if artifact is not None:
        add_all(unit, "artifacts", "artifact", [{"classifier": artifact.classifier, "id": artifact.id, "version": artifact.version}])
    SubElement(unit, "touchpoint", id=touchpoint[0], version=touchpoint[1])
    if instructions:
        data = SubElement(unit, "touchpointData", size="1")
        added = SubElement(data, "instructions", size=str(len(instructions)))
        for key, text in instructions.items():
            SubElement(added, "instruction", key=key).text = text
    return unit
