"""The documents that Composer reads, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden ones again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from packhouse.formats.composer import index
from packhouse.model import Blob, Documents, FileRow, Moment, PackageRow, Rows, VersionRow

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_700_000_000_123_456
API = "https://packhouse.example/api/v4"
PROJECT = Moment(at=NOW, api=API, format="composer", place=7)
GROUP = Moment(at=NOW, api=API, format="composer", level="group", place=3)
AS_OF = Moment(at=NOW, api=API, format="composer", place=7, as_of="/-/at/2024-01-01T00:00:00Z")
GROUP_AS_OF = Moment(at=NOW, api=API, format="composer", level="group", place=3, as_of="/-/at/2024-01-01T00:00:00Z")
BELOW = Moment(at=NOW, api="https://packhouse.example/registry/api/v4", format="composer", level="group", place=3)


def version(text: str, project: int = 7, *, file: str = "", default: bool = False, **manifest: Any) -> VersionRow:
    """A version read from a commit or, with a file, uploaded as a zip."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    facts = index.Facts(
        composer=msgspec.Raw(msgspec.json.encode({"name": "acme/lib", **manifest})),
        reference=digest[:40],
        shasum=digest[24:],
        file=file,
        time="" if file else "2023-11-14T20:00:00+00:00",
        default=default,
    )
    row = FileRow(id=1, project=project, path=file or "composer.json", blob=Blob(sha256=digest, size=9), facts=msgspec.json.encode(facts))
    return VersionRow(id=int(digest[:4], 16), project=project, name="acme/lib", version=text, created=NOW, files=(row,))


def package(*versions: VersionRow, project: int = 7, name: str = "acme/lib", home: str = "acme/tools/lib") -> PackageRow:
    return PackageRow(id=project, project=project, name=name, key=name, versions=versions, home=home)


def rows(*packages: PackageRow) -> Rows:
    return Rows(packages=packages)


ONE = package(version("1.0.0", description="A lib", require={"php": ">=8.1"}, autoload={"psr-4": {"Acme\\Lib\\": "src/"}}))
MANY = package(
    version("1.0.0", description="A lib", license="MIT"),
    version("1.10.0", description="A lib", license="MIT", require={"acme/other": "^1.0"}),
    version("1.9.0", description="A lib"),
    version("2.0.0-beta.2", description="A lib", license="MIT"),
    version("dev-main", default=True, description="A lib", extra={"branch-alias": {"dev-main": "2.x-dev"}}),
    version("1.x-dev", description="A lib"),
)
SHAPES: Mapping[str, tuple[Rows, Moment]] = {
    "one": (rows(ONE), PROJECT),
    "many": (rows(MANY), GROUP),
    "branches-alone": (rows(package(version("dev-feature/a-b"))), PROJECT),
    "upload": (rows(package(version("1.0.0+build.1", file="acme-lib-1.0.0+build.1.zip"))), PROJECT),
    "abandoned": (rows(package(version("1.0.0", abandoned="acme/new"), version("1.1.0", abandoned=True))), PROJECT),
    "unicode": (rows(package(version("1.0.0", description="Größe – «ß» \u2028 </script>"), home="grüppe/ä b")), PROJECT),
    "two-projects": (rows(package(version("1.0.0", 9), version("1.1.0", 9), project=9, home="acme/fork"), package(version("1.0.0"))), GROUP),
    "two-names": (rows(package(version("2.0.0"), name="acme/zeta"), package(version("1.0.0"), name="acme/alpha")), GROUP),
    "empty": (rows(), GROUP),
    "no-files": (rows(PackageRow(id=1, project=7, name="acme/lib", key="acme/lib", versions=(VersionRow(1, 7, "acme/lib", "1.0.0"),))), PROJECT),
    "as-of": (rows(ONE), AS_OF),
    "group-as-of": (rows(ONE), GROUP_AS_OF),
    "below-a-path": (rows(ONE), BELOW),
}
WRITERS = {"package": index.write_package, "root": index.write_root, "legacy": index.write_legacy}


def write(shape: str) -> dict[str, Documents]:
    given, moment = SHAPES[shape]
    first = Rows(packages=given.packages[:1]) if shape == "two-names" else given  # a package's documents are made from its rows alone
    return {name: make(first if name == "package" else given, {}, moment) for name, make in WRITERS.items()}


def write_text(shape: str) -> str:
    """Every document of a shape, a line each under its name."""
    made = write(shape)
    return "".join(f"# {name} {path}\n{document.body.decode()}\n" for name, documents in made.items() for path, document in documents.items())


@pytest.mark.parametrize("shape", SHAPES)
def test_documents_are_the_golden_ones(shape: str) -> None:
    """A document could have changed without anybody meaning it."""
    golden = GOLDEN / f"{shape}.txt"
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(write_text(shape))
    assert write_text(shape) == golden.read_text(), f"{golden.name} differs"


def test_every_golden_document_belongs_to_a_shape() -> None:
    """A golden document that nothing compares would look like a promise."""
    assert {path.stem for path in GOLDEN.iterdir()} == {*SHAPES}


@pytest.mark.parametrize("shape", SHAPES)
def test_hashes_are_those_of_the_bytes(shape: str) -> None:
    """Composer 1 would refuse what it is led to."""
    made = write(shape)
    root, providers = json.loads(made["legacy"]["root"].body), made["legacy"]["providers"].body
    assert root["provider-includes"]["p/%hash%.json"]["sha256"] == hashlib.sha256(providers).hexdigest()
    for name, said in json.loads(providers)["providers"].items():
        [alone] = [each for each in [rows(*(p for p in SHAPES[shape][0].packages if p.key == name))] if each.packages]
        body = index.write_package(alone, {}, SHAPES[shape][1])["all"].body
        assert said["sha256"] == hashlib.sha256(body).hexdigest()


def expand(minified: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Composer makes of the minified form."""
    full: list[dict[str, Any]] = []
    held: dict[str, Any] = {}
    for entry in minified:
        held = {key: value for key, value in {**held, **entry}.items() if value != "__unset"}
        full.append(held)
    return full


@pytest.mark.parametrize("shape", SHAPES)
def test_minified_says_the_same(shape: str) -> None:
    """A version could take a key from the one before it, or lose one."""
    made = write(shape)["package"]
    if not made:
        return
    both = [json.loads(made[path].body) for path in ("stable", "dev")]
    assert all(document["minified"] == "composer/2.0" for document in both)
    [(name, whole)] = json.loads(made["all"].body)["packages"].items()
    found = [entry for document in both for entry in expand(document["packages"][name])]
    assert {entry["version"]: entry for entry in found} == whole
    assert sum(len(document["packages"][name]) for document in both) == len(whole)


def test_minify() -> None:
    """A key that a version lacks could be taken from the one before it, or one that is null be lost."""
    entries = [{"a": 1, "b": 2}, {"a": 1, "c": None}, {"b": 3}]
    assert index.minify(entries) == [{"a": 1, "b": 2}, {"c": None, "b": "__unset"}, {"b": 3, "a": "__unset", "c": "__unset"}]
    assert expand(index.minify(entries)) == entries
