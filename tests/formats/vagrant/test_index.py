"""Catalogs byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden document again."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import msgspec

from packhouse.formats.vagrant.index import Facts, write_catalog
from packhouse.formats.vagrant.names import Address
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow, replace

GOLDEN = Path(__file__).parent / "golden" / "catalog.json"
NOW = 1_700_000_000_123_456
MOMENT = Moment(at=NOW, api="http://registry.example/api/v4", format="vagrant", place=7)
GROUP = replace(MOMENT, level="group", place=3)
_ids = itertools.count(1)


def file(provider: str, architecture: str = "", description: str = "", project: int = 7, age: int = 0) -> FileRow:
    path = Address(name="x", version="1", provider=provider, architecture=architecture).stored
    content = f"{path} {project}".encode()
    facts = Facts(provider=provider, architecture=architecture, description=description)
    blob = Blob(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    return FileRow(id=next(_ids), project=project, path=path, blob=blob, facts=msgspec.json.encode(facts), created=NOW - age)


def package(project: int = 7, name: str = "acme/toy", status: str = "default", **versions: tuple[FileRow, ...]) -> PackageRow:
    made = [(text.strip("_").replace("_", "."), files) for text, files in versions.items()]
    rows = tuple(VersionRow(id=next(_ids), project=project, name=name, version=text, status=status, files=files) for text, files in made)
    return PackageRow(id=next(_ids), project=project, name=name, key=name, versions=rows)


def catalog(*packages: PackageRow, moment: Moment = MOMENT) -> Any:
    return json.loads(write_catalog(Rows(packages=packages), {}, moment)["catalog.json"].body)


SOME = package(
    _1_9_0=(file("virtualbox", description="old"), file("libvirt")),
    _1_10_0=(file("virtualbox", description="A toy\nto play"),),
    _1_10_0_pre=(file("hyperv"),),
)


def test_golden() -> None:
    """A catalog could change for the same rows, and every client fetch it again."""
    made = write_catalog(Rows(packages=(SOME,)), {}, MOMENT)["catalog.json"]
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        GOLDEN.write_bytes(made.body)
    assert made.body == GOLDEN.read_bytes() and made.media_type == "application/json"


def test_same_rows_same_bytes() -> None:
    """The order in which a database tells its rows could show."""
    turned = replace(SOME, versions=tuple(replace(version, files=version.files[::-1]) for version in SOME.versions[::-1]))
    assert write_catalog(Rows(packages=(turned,)), {}, MOMENT) == write_catalog(Rows(packages=(SOME,)), {}, MOMENT)


def test_order_and_description() -> None:
    """The description of another version than the newest could be shown."""
    said = catalog(SOME)
    assert [version["version"] for version in said["versions"]] == ["1.10.0", "1.10.0.pre", "1.9.0"]
    assert (said["name"], said["description"], said["short_description"]) == ("acme/toy", "A toy\nto play", "A toy to play")


def test_architectures_only_where_one_is_named() -> None:
    """A catalog could have the keys of architectures, and clients of 2.4 find no entry for their machine."""
    assert all(
        "architecture" not in entry and "default_architecture" not in entry for version in catalog(SOME)["versions"] for entry in version["providers"]
    )


def test_default_architecture() -> None:
    """A provider could have no default, two of them, or one that earlier clients, which take the last entry, do not get."""
    made = catalog(
        package(_1_0=(file("a", "arm64"), file("a", "amd64"), file("a", "i386"), file("b", "arm64"), file("b"), file("c"), file("d", "s390")))
    )
    entries = [(each["name"], each["architecture"], each["default_architecture"]) for each in made["versions"][0]["providers"]]
    assert entries == [
        ("a", "arm64", False), ("a", "i386", False), ("a", "amd64", True), ("b", "arm64", False), ("b", "unknown", True), ("c", "unknown", True),
        ("d", "s390", True),
    ]  # fmt: skip


def test_hidden() -> None:
    """A hidden version could be offered, or a box without any other have a catalog."""
    hidden = package(status="hidden", _1_0=(file("a"),))
    assert write_catalog(Rows(packages=(hidden,)), {}, MOMENT) == {} == write_catalog(Rows(), {}, MOMENT)


def test_first_in_a_group() -> None:
    """A project that publishes a box later could take the place of the first one in a group, or what only it has be missing."""
    first, second = file("a", project=8, age=5), file("a", project=7)
    rows = (package(7, _1_0=(second, file("b")), _2_0=(file("a"),)), package(8, _1_0=(first,)))
    for order in (rows, rows[::-1]):
        versions = catalog(*order, moment=GROUP)["versions"]
        assert [version["version"] for version in versions] == ["2.0", "1.0"]
        assert [entry["name"] for entry in versions[1]["providers"]] == ["a", "b"]
        assert versions[1]["providers"][0]["checksum"] == first.blob.sha256 == Rows(packages=order).first_file("a.box").blob.sha256  # type: ignore[union-attr]
        assert versions[0]["providers"][0]["url"] == "http://registry.example/api/v4/groups/3/-/packages/vagrant/acme/toy/2.0/a.box"
    assert Rows(packages=rows).first_file("c.box") is None
