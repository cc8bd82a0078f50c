"""Listings, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again. maven-metadata.xml is looked at in Maven's room."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from pathlib import Path

import pytest

from packhouse.formats.sbt import index
from packhouse.formats.sbt.index import write_contents, write_folders, write_listing, write_versions
from packhouse.maven2.names import version_shelf
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow

GOLDEN = Path(__file__).parent / "golden"
PROJECT = Moment(at=1_700_000_000_000_000, api="https://packhouse.example/api/v4", format="sbt", place=7)
GROUP = Moment(at=0, api="https://packhouse.example/api/v4", format="sbt", level="group", place=3, as_of="/-/at/2026-01-31T12:00:00Z")
LIB = "com.acme#lib"
_ids = itertools.count(1)


def package(name: str, *versions: str, files: tuple[str, ...] = (), project: int = 7, **more: str) -> PackageRow:
    rows = []
    for text in versions:
        blob = Blob(sha256=hashlib.sha256(text.encode()).hexdigest(), size=1)
        held = tuple(FileRow(id=next(_ids), project=project, path=path, blob=blob, shelf=version_shelf(name, text)) for path in files)
        rows.append(VersionRow(id=next(_ids), project=project, name=name, version=text, files=held, **more))  # type: ignore[arg-type]
    return PackageRow(id=next(_ids), project=project, name=name, key=name, versions=tuple(rows))


IVY_FILES = ("jars/lib.jar", "ivys/ivy.xml", "srcs/lib-sources.jar", "jars/lib.jar.asc")
CASES = {
    "versions": (write_versions, Rows(packages=(package(LIB, "1.10.0", "1.9.0", "1.10.1+3-ab~c d", "2.0-SNAPSHOT", "2.0-RC1"),)), PROJECT),
    "versions-group": (write_versions, Rows(packages=(package(LIB, "1.0", "2.0"), package(LIB, "2.0", "1.5", project=9))), GROUP),
    "contents-ivy": (write_contents, Rows(packages=(package(LIB, "1.0.0", files=IVY_FILES),)), PROJECT),
    "contents-maven": (write_contents, Rows(packages=(package("com/acme/lib_3", "1.0", files=("lib_3-1.0.pom", "lib_3-1.0.jar")),)), PROJECT),
    "folders": (
        write_folders,
        Rows(packages=tuple(map(package, (LIB, "com.acme#plug/scala_2.12/sbt_1.0", "com/acme/lib_2.13", "com/acme/lib_3", "org/x")))),
        PROJECT,
    ),
    "folders-empty": (write_folders, Rows(), PROJECT),
}


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    """A listing would change without anybody having looked at it."""
    write, rows, moment = CASES[case]
    made = "".join(f"== {path}\n{document.body.decode()}" for path, document in sorted(write(rows, {}, moment).items()))
    golden = GOLDEN / f"{case}.txt"
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        golden.write_text(made)
    assert made == golden.read_text()


@pytest.mark.parametrize("status", ["hidden", "error"])
def test_what_is_hidden_is_not_listed(status: str) -> None:
    """A client would resolve to a revision that is kept back."""
    hidden, plain = package(LIB, "2.0", files=IVY_FILES, status=status), package(LIB, "1.0", project=9)
    assert write_versions(Rows(packages=(hidden,)), {}, PROJECT) == {}
    assert write_contents(Rows(packages=(hidden,)), {}, PROJECT) == {}
    assert b"2.0/" not in write_versions(Rows(packages=(hidden, plain)), {}, GROUP)[""].body


def test_nothing_is_no_listing() -> None:
    """The listing of a package without revisions would say that there is one."""
    assert write_versions(Rows(), {}, PROJECT) == {} == write_contents(Rows(), {}, PROJECT)


def test_folders_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever publishes under many organisations would fill the memory with listings that nobody needs."""
    monkeypatch.setattr(index, "MOST_FOLDERS", 3)
    made = write_folders(Rows(packages=tuple(package(f"org{number}#lib") for number in range(9))), {}, PROJECT)
    assert list(made) == ["", "org0", "org1", "org2"]
    assert made[""].body.count(b"org") == 18


def test_listings_escape() -> None:
    """A name would act as markup, or an address as another one."""
    body = write_listing(PROJECT, 'a"><b', ["<c>&/", "d e"]).body.decode()
    assert re.findall("<[^>]*>", body.partition("<body>")[2]) == ['<a href="../">', "</a>", "<br>", '<a href="%3Cc%3E%26/">', "</a>", "<br>",
                                                                 '<a href="d%20e">', "</a>", "<br>", "</body>", "</html>"]  # fmt: skip
    assert 'a"><b' not in body
