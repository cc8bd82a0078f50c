"""What the go command is given, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from git_work import Work, new_work

from packhouse.blobs.spool import Spool
from packhouse.formats.go import index, parse, source
from packhouse.git import keeping
from packhouse.git.reading import Reader
from packhouse.model import Moment, PackageRow, Rows, VersionRow

GOLDEN = Path(__file__).parent / "golden"
MODULE = "packhouse.example/group/lib"
MOMENT = Moment(at=1_700_000_000_000_000, api="https://packhouse.example/api/v4", format="go", place=7)
DOCUMENTS = ("list", "release.info", "folder.info", "branch.info", "latest.info", "old.info", "old.mod", "release.zip", "folder.zip")


def rows(*versions: str, status: str = "default", project: int = 7) -> PackageRow:
    listed = tuple(
        VersionRow(id=number, project=project, name=MODULE, version=version, status=status) for number, version in enumerate(versions, project)
    )
    return PackageRow(id=project, project=project, name=MODULE, key=MODULE, versions=listed)


def read_zip(git: Reader, where: source.Where, version: str, commit: str) -> bytes:
    """The names and sizes in a zip, and its hash: how it is packed is the library's affair."""
    packed = source.pack(git, where, version, commit)
    with zipfile.ZipFile(packed.content.path) as archive:
        names = [f"{info.filename} {info.file_size} {info.date_time} {info.external_attr}\n" for info in archive.infolist()]
    return "".join([*names, packed.h1, "\n"]).encode()


def write_documents(folder: Path) -> dict[str, bytes]:
    """The documents of a repository with two modules, two tags, a branch, and a time before there were modules."""
    work, bare, spool = new_work(folder / "work"), folder / "x.git", Spool(folder / "spool")
    keeping.make_repository(bare)
    spool.start()
    _commit(work, "v0.1.0", {"README.md": "old\n", "lib.go": "package lib\n"})
    tools = {"tools/go.mod": f"module {MODULE}/tools\n", "tools/t.go": "package tools\n"}
    _commit(work, "v1.2.0", {"go.mod": f"module {MODULE}\n\ngo 1.22\n", "LICENSE": "free\n", "vendor/x.test/y/y.go": "package y\n", **tools})
    work.run("tag", "tools/v0.3.0-rc.1")
    work.commit({"lib.go": "package lib // on the branch\n"})
    for what in ("--all", "--tags"):
        work.run("push", "--quiet", str(bare), what)
    git = Reader(bare, spool)
    root, below = source.Where(module=MODULE, folder=""), source.Where(module=f"{MODULE}/tools", folder="tools")
    try:
        release, folder_release, old = source.find(git, root, "v1.2.0"), source.find(git, below, "v0.3.0-rc.1"), source.find(git, root, "v0.1.0")
        given = Rows(packages=(rows("v1.10.0", "v1.9.0", "v1.10.0-rc.1", "v2.0.0+incompatible", "v0.0.0-20260102030405-abcdefabcdef"),))
        return {
            "list": index.write_list(given, {}, MOMENT)["list"].body,
            "release.info": source.make_info(release),
            "folder.info": source.make_info(folder_release),
            "branch.info": source.make_info(source.query(git, root, "main")),
            "latest.info": source.make_info(source.latest(git, root)),
            "old.info": source.make_info(old),
            "old.mod": old.mod if old.mod is not None else parse.synthetic_mod(MODULE),
            "release.zip": read_zip(git, root, "v1.2.0", release.commit),
            "folder.zip": read_zip(git, below, "v0.3.0-rc.1", folder_release.commit),
        }
    finally:
        git.close()


def _commit(work: Work, tag: str, files: dict[str, str | bytes]) -> None:
    work.commit(files, tag)
    work.run("tag", tag)


@pytest.fixture(name="documents", scope="module")
def make_documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return write_documents(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_the_golden_ones(name: str, documents: dict[str, bytes]) -> None:
    """What checksums and caches out there depend on changes, though the repository does not."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(documents[name])
    assert documents[name] == path.read_bytes()


def test_every_golden_document_belongs_to_a_case(documents: dict[str, bytes]) -> None:
    """A golden document that nothing compares would look like a promise."""
    assert {path.stem for path in GOLDEN.iterdir()} == set(DOCUMENTS) == set(documents)


def test_a_list_of_a_group_is_the_union() -> None:
    """A version that two projects have is listed twice, or one that only the second has is not."""
    given = Rows(packages=(rows("v1.0.0", "v1.1.0"), rows("v1.1.0", "v0.9.0", project=8)))
    assert index.write_list(given, {}, MOMENT)["list"].body == b"v0.9.0\nv1.0.0\nv1.1.0\n"


def test_nothing_listed_is_no_document() -> None:
    """A module whose last version is gone is still there."""
    assert index.write_list(Rows(packages=(rows(),)), {}, MOMENT) == index.write_list(Rows(), {}, MOMENT) == {}
