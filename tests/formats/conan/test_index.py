"""The documents about a reference and the list of references, byte for byte, and what must hold of them whatever the rows."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from packhouse.formats.conan import FORMAT, index, names
from packhouse.formats.conan.names import SHELF_OF_RECIPES, Reference
from packhouse.model import Moment, Rows

from . import samples
from .fake import API, MOMENT, NOW, House, ask
from .samples import PID, Part

GOLDEN = Path(__file__).parent / "golden"
AS_OF = Moment(at=NOW, api=API, format="conan", as_of="/-/at/2024-01-01T00:00:00Z", place=7)
GROUP = Moment(at=NOW, api=API, format="conan", level="group", place=3)
INSTANCE = Moment(at=NOW, api=API, format="conan", level="instance", place=7)
HELLO = Reference(name="toy", version="1.0", user="acme+cpp", channel="beta")
BARE = Reference(name="toy", version="1.0")
OTHER_PID = "5c6b08cd716c1ced4c456117ea83897fc80f22f8"


def put(house: House, reference: Reference, part: Part, package_id: str = "", recipe: str = "", *, leave: tuple[str, ...] = ()) -> None:
    """Publish a recipe, or with a package id a binary, as Conan 2 does."""
    recipe = recipe or part.revision
    path = f"v2/conans/{reference.path}/revisions/{recipe}" + (f"/packages/{package_id}/revisions/{part.revision}" if package_id else "")
    for name, content in part.files.items():
        if name not in leave:
            asyncio.run(ask(house, "PUT", f"{path}/files/{name}", content))


def put_first(house: House, reference: Reference, part: Part, package_id: str = "") -> None:
    """The same as Conan 1 does, without revisions."""
    path = f"v1/files/{reference.path}/0/" + (f"package/{package_id}/0" if package_id else "export")
    for name, content in part.files.items():
        asyncio.run(ask(house, "PUT", f"{path}/{name}", content))


def furnish(folder: Path, shape: str) -> tuple[Rows, Moment]:
    """One set of rows for each shape of documents."""
    house, other = House(folder), House(folder, project=8)
    recipe, newer = samples.recipe(), samples.recipe(variant="tin")
    reference = BARE if shape == "bare" else HELLO
    if shape == "first":
        put_first(house, reference, recipe)
        put_first(house, reference, samples.binary(), PID)
    elif shape == "half":
        put(house, reference, recipe)
        put(house, reference, newer, leave=("conanmanifest.txt",))
        put(house, reference, samples.binary(), PID, recipe.revision, leave=("conanmanifest.txt",))
    else:
        put(house, reference, recipe)
        put(house, reference, samples.binary(), PID, recipe.revision)
        put(house, reference, samples.binary(shared=True), OTHER_PID, recipe.revision)
    if shape == "revisions":
        put(house, reference, newer)
        put(house, reference, samples.binary(header=b"#define TOY 2\n"), PID, recipe.revision)
        put(house, reference, samples.binary(), PID, newer.revision)
    if shape == "group":
        put(other, reference, recipe)
        put(other, reference, newer)
    moment = {"as_of": AS_OF, "group": GROUP, "instance": INSTANCE}.get(shape, MOMENT)
    return Rows(packages=tuple(package for each in (house, other) for package in each.on_shelf(reference.shelf))), moment


def write(given: Rows, moment: Moment = MOMENT) -> dict[str, Any]:
    return {path: json.loads(document.body) for path, document in index.write_recipe(given, {}, moment).items()}


SHAPES = ["one", "bare", "revisions", "first", "half", "group", "as_of", "instance"]


@pytest.mark.parametrize("shape", SHAPES)
def test_documents_are_the_golden_ones(shape: str, tmp_path: Path) -> None:
    """A document that clients have stored changes though its rows do not. `PACKHOUSE_GOLDEN=write` writes them anew."""
    made = index.write_recipe(*_with_reads(furnish(tmp_path, shape)))
    written = b"".join(f"# {path}\n".encode() + document.body + b"\n\n" for path, document in sorted(made.items()))
    path = GOLDEN / f"{shape}.txt"
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(written)
    assert written == path.read_bytes()
    assert {document.media_type for document in made.values()} == {"application/json"}, "clients take no other spelling"


def _with_reads(given: tuple[Rows, Moment]) -> tuple[Rows, Mapping[str, Any], Moment]:
    return given[0], {}, given[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_same_rows_same_bytes(shape: str, tmp_path: Path) -> None:
    """Two processes make different documents of the same rows."""
    given, moment = furnish(tmp_path, shape)
    turned = tuple(
        msgspec.structs.replace(package, versions=tuple(msgspec.structs.replace(row, files=row.files[::-1]) for row in package.versions[::-1]))
        for package in given.packages[::-1]
    )
    assert index.write_recipe(Rows(packages=turned), {}, moment) == index.write_recipe(given, {}, moment)


def test_nothing_is_no_document() -> None:
    """A recipe whose last file is gone is still there, with nothing in it."""
    assert write(Rows()) == {}
    assert index.write_list(Rows(), {}, MOMENT)["refs"].body == b""


def test_newest_revision_is_the_latest(tmp_path: Path) -> None:
    """Clients get an old revision, of a recipe or of a binary."""
    made = write(*furnish(tmp_path, "revisions"))
    old, new = samples.recipe().revision, samples.recipe(variant="tin").revision
    assert [one["revision"] for one in made["revisions"]["revisions"]] == [new, old]
    assert made["latest"] == made["revisions"]["revisions"][0]
    assert made["revisions"]["reference"] == "toy/1.0@acme+cpp/beta"
    binaries = made[f"revisions/{old}/{PID}"]
    assert binaries["reference"] == f"toy/1.0@acme+cpp/beta#{old}:{PID}"
    assert [one["revision"] for one in binaries["revisions"]] == [samples.binary(header=b"#define TOY 2\n").revision, samples.binary().revision]
    assert set(made["search"]) == {PID} and set(made[f"search/{old}"]) == {PID, OTHER_PID}


def test_half_of_an_upload_is_not_offered(tmp_path: Path) -> None:
    """Clients get a revision whose manifest has not arrived, or the upload that goes on later is told that it is there."""
    made = write(*furnish(tmp_path, "half"))
    recipe, newer = samples.recipe().revision, samples.recipe(variant="tin").revision
    assert made["latest"]["revision"] == recipe and len(made["revisions"]["revisions"]) == 1
    assert made["search"] == made[f"search/{recipe}"] == {}
    assert f"latest/{recipe}/{PID}" not in made and f"revisions/{recipe}/{PID}" not in made
    assert set(made[f"files/{newer}"]["files"]) == {"conan_sources.tgz", "conanfile.py"}, "whoever asks for exactly this sees what is there"
    assert "v1/urls" in made and f"v1/urls/{PID}" not in made


def test_binaries_are_what_conan_2_takes(tmp_path: Path) -> None:
    """Conan 2 drops a binary for its recipe hash, or shows it without settings."""
    house = House(tmp_path)
    recipe = samples.recipe()
    info = {"conaninfo.txt": samples.INFO_1.encode()}
    put(house, HELLO, recipe)
    put(house, HELLO, Part({**info, "conanmanifest.txt": samples.manifest(info)}, samples.PREV), PID, recipe.revision)
    made = write(Rows(packages=tuple(house.on_shelf(HELLO.shelf))))
    [entry] = made["search"].values()
    assert entry["content"] == samples.INFO_1
    assert not entry["recipe_hash"]
    assert made["v1/search"][PID]["recipe_hash"] == "0123456789abcdef0123456789abcdef"


def test_snapshot_tells_the_md5_of_each_file(tmp_path: Path) -> None:
    """Conan 1 would upload again what is there, or not what has changed."""
    made = write(*furnish(tmp_path, "first"))
    assert made["v1/snapshot"] == {name: samples.md5(content) for name, content in samples.recipe().files.items()}
    assert made[f"v1/snapshot/{PID}"] == {name: samples.md5(content) for name, content in samples.binary().files.items()}


def test_addresses_of_version_1(tmp_path: Path) -> None:
    """Conan 1 would be sent to another scope or moment, or fetch archives to read a manifest."""
    for shape, base in (
        ("first", f"{API}/projects/7/packages/conan"), ("as_of", f"{API}/projects/7/-/at/2024-01-01T00:00:00Z/packages/conan"),
        ("group", f"{API}/groups/3/-/packages/conan"), ("instance", f"{API}/packages/conan"),
    ):  # fmt: skip
        made = write(*furnish(tmp_path, shape))
        assert all(url.startswith(f"{base}/v1/files/toy/1.0/acme+cpp/beta/") for url in made["v1/urls"].values())
        assert all(url.endswith(f"/export/{name}") for name, url in made["v1/urls"].items())
        assert set(made["v1/digest"]) == {"conanfile.py", "conanmanifest.txt"}


def test_client_without_revisions_sees_its_own(tmp_path: Path) -> None:
    """Conan 1 would get a newer revision of somebody else in place of what it uploaded, or nothing where there is no revision 0."""
    house = House(tmp_path)
    put_first(house, HELLO, samples.recipe())
    put(house, HELLO, samples.recipe(variant="tin"))
    made = write(Rows(packages=tuple(house.on_shelf(HELLO.shelf))))
    assert "/0/export/" in made["v1/urls"]["conanfile.py"]
    assert made["latest"]["revision"] == samples.recipe(variant="tin").revision
    assert [one["revision"] for one in made["revisions"]["revisions"]][1] == "0"
    assert samples.recipe().revision in write(*furnish(tmp_path, "one"))["v1/urls"]["conanfile.py"]


def test_metadata_is_listed_for_conan_2_only(tmp_path: Path) -> None:
    """Conan 1 would stumble over files that it does not know."""
    house = House(tmp_path)
    recipe = samples.recipe()
    put(house, HELLO, Part({**recipe.files, "metadata/logs/build.log": b"log"}, recipe.revision))
    made = write(Rows(packages=tuple(house.on_shelf(HELLO.shelf))))
    assert "metadata/logs/build.log" in made[f"files/{recipe.revision}"]["files"]
    assert set(made["v1/snapshot"]) == set(made["v1/urls"]) == set(recipe.files)


def test_group_takes_a_revision_from_one_project(tmp_path: Path) -> None:
    """Files of two projects would be mixed in one revision."""
    one, other = House(tmp_path), House(tmp_path, project=8)
    put_first(one, HELLO, samples.recipe())
    tin = samples.recipe(variant="tin")
    put_first(other, HELLO, Part({name: content for name, content in tin.files.items() if name != "conan_sources.tgz"}, "0"))
    made = write(Rows(packages=(*one.on_shelf(HELLO.shelf), *other.on_shelf(HELLO.shelf))), GROUP)
    assert set(made["files/0"]["files"]) == {"conanfile.py", "conanmanifest.txt"}
    assert made["v1/snapshot"] == {name: samples.md5(tin.files[name]) for name in ("conanfile.py", "conanmanifest.txt")}


# -- the list --------------------------------------------------------------------------------------------------------


def listed(house: House, moment: Moment = MOMENT, *others: House) -> list[str]:
    packages = tuple(package for each in (house, *others) for package in each.on_shelf(SHELF_OF_RECIPES))
    made = index.write_list(Rows(packages=packages), {}, moment)
    found: list[str] = json.loads(made["results"].body)["results"]
    assert found == made["refs"].body.decode().split("\n")[: len(found)]
    return found


def test_list_has_complete_recipes_newest_first(tmp_path: Path) -> None:
    """A search finds what cannot be installed yet, or the newest last."""
    house = House(tmp_path)
    for version in ("1.0", "3.0", "2.0"):
        put(house, Reference(name="toy", version=version), samples.recipe(version=version))
    put(house, Reference(name="half", version="1.0"), samples.recipe("half"), leave=("conanmanifest.txt",))
    assert listed(house) == ["toy/2.0@_/_", "toy/3.0@_/_", "toy/1.0@_/_"]
    put(house, Reference(name="toy", version="1.0"), samples.recipe(variant="tin"))
    assert listed(house)[0] == "toy/1.0@_/_"


def test_list_of_the_instance_has_what_its_addresses_reach(tmp_path: Path) -> None:
    """A search of the instance names recipes that its own URLs cannot find."""
    house, other = House(tmp_path), House(tmp_path, project=8)
    for reference in (HELLO, BARE):
        put(house, reference, samples.recipe())
    put(other, BARE, samples.recipe())
    assert listed(house, INSTANCE, other) == [str(HELLO)]
    assert listed(house, GROUP, other) == [str(BARE), str(HELLO)]


def test_writers_are_those_of_the_record() -> None:
    """The house would write another document than the one that is tested here."""
    assert {name: made.write for name, made in FORMAT.indexes.items()} == {"recipe": index.write_recipe, "list": index.write_list}
    assert names.SHELF_OF_RECIPES == SHELF_OF_RECIPES
