"""What R reads of a tree, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import re
from pathlib import Path

import msgspec

from packhouse.formats.cran import names
from packhouse.formats.cran.index import write_archive, write_folders, write_lists
from packhouse.formats.cran.parse import Facts
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow, replace

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_700_000_000_123_456
MOMENT = Moment(at=NOW, api="http://registry.example/api/v4", format="cran", place=7)
GROUP = replace(MOMENT, level="group", place=3)
_ids = itertools.count(1)


def package(name: str, *versions: str, project: int = 7, status: str = "default", shelf: str = "src", age: int = 0, **fields: str) -> PackageRow:
    made = tuple(version_of(name, version, project, status, shelf, age, fields) for version in versions)
    return PackageRow(id=next(_ids), project=project, name=name, key=name.lower(), versions=made)


def version_of(name: str, version: str, project: int, status: str, shelf: str, age: int, fields: dict[str, str]) -> VersionRow:
    content = f"{name} {version} {project}".encode()
    blob = Blob(sha256=hashlib.sha256(content).hexdigest(), size=len(content), md5=hashlib.md5(content).hexdigest())
    facts = Facts(fields={"Package": name, "Version": version, **fields})
    file = FileRow(
        id=next(_ids), project=project, path=f"{name}_{version}.tar.gz", blob=blob, facts=msgspec.json.encode(facts), shelf=shelf, created=NOW - age
    )
    return VersionRow(id=next(_ids), project=project, name=name, version=version, status=status, files=(file,))


def lists(*packages: PackageRow, moment: Moment = MOMENT) -> bytes:
    return write_lists(Rows(packages=packages), {}, moment)["PACKAGES"].body


def listed(body: bytes) -> list[tuple[str, str]]:
    return re.findall(r"^Package: (.+)\nVersion: (.+)$", body.decode(), re.MULTILINE)


SOME = (
    package("zoo2", "1.0.9", "1.0-10", "1.0.8", Depends="R (>= 3.5), methods", Imports="bar (>= 1.0)", License="file Größe", NeedsCompilation="no"),
    package("Alpha", "2.0", OS_type="windows", Priority="optional", Archs="i386, x64"),
    package("test.package", "0.0.0.9000", Enhances="more", LinkingTo="cpp", License_is_FOSS="yes", License_restricts_use="no"),
)


def check_golden(name: str, body: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(body)
    assert body == path.read_bytes()


def test_golden() -> None:
    """A list could change for the same rows, and every client fetch it again."""
    made = write_lists(Rows(packages=SOME), {}, MOMENT)
    check_golden("PACKAGES", made["PACKAGES"].body)
    assert gzip.decompress(made["PACKAGES.gz"].body) == made["PACKAGES"].body
    check_golden("PACKAGES.rds", gzip.decompress(made["PACKAGES.rds"].body))
    check_golden("archive.rds", gzip.decompress(write_archive(Rows(packages=SOME), {}, MOMENT)["archive.rds"].body))
    check_golden("folder.html", write_folders(Rows(packages=SOME[:1]), {}, MOMENT)["zoo2"].body)


def test_newest() -> None:
    """A list could offer another version than the newest, or two of one package."""
    assert listed(lists(*SOME)) == [("Alpha", "2.0"), ("test.package", "0.0.0.9000"), ("zoo2", "1.0-10")]
    assert listed(lists(package("aa", "1.1"), package("aa", "1.0", project=8))) == [("aa", "1.1")]


def test_records() -> None:
    """A record could run into the next one, or the list begin or end with an empty line."""
    body = lists(*SOME).decode()
    assert body.count("\n\n") == 2 and not body.startswith("\n") and body.endswith("\n") and not body.endswith("\n\n")
    assert lists() == b"" == lists(package("aa", "1.0", status="hidden"))


def test_no_field_of_ours_is_theirs() -> None:
    """What a package says of its own digest could be listed in place of the real one."""
    row = package("aa", "1.0", MD5sum="0" * 32)
    assert lists(row).decode().splitlines()[-1] == f"MD5sum: {row.versions[0].files[0].blob.md5}"


def test_the_first_of_equal_versions() -> None:
    """A project that publishes a version later could take the place of the first one in a group: under another digest, or in another spelling."""
    first, second = package("aa", "1.0", project=8, age=5), package("aa", "1.0.0", project=7)
    for order in ((first, second), (second, first)):
        assert first.versions[0].files[0].blob.md5 in lists(*order, moment=GROUP).decode() and listed(lists(*order, moment=GROUP)) == [("aa", "1.0")]
    same = package("aa", "1.0", project=7)
    found = Rows(packages=(same, first)).first_file("aa_1.0.tar.gz")
    assert found is not None and found.project == 8
    assert Rows(packages=(same, first)).first_file("aa_2.0.tar.gz") is None
    hidden = package("aa", "1.0", project=9, age=9, status="hidden")
    assert Rows(packages=(hidden, first)).first_file("aa_1.0.tar.gz") == first.versions[0].files[0]
    assert Rows(packages=(hidden,)).first_file("aa_1.0.tar.gz") is not None


def test_spellings_apart() -> None:
    """Two packages of a group whose names differ in case could be one."""
    assert listed(lists(package("Toy", "1.0"), package("toy", "2.0", project=8), moment=GROUP)) == [("Toy", "1.0"), ("toy", "2.0")]
    assert set(write_folders(Rows(packages=(package("Toy", "1.0"), package("toy", "2.0", project=8))), {}, GROUP)) == {"Toy", "toy"}


def test_folders_are_of_sources() -> None:
    """The archive could name a file that was built, and that nobody finds there."""
    built = package("aa", "2.0", shelf=names.read_tree("windows", "4.2").shelf)
    assert write_folders(Rows(packages=(built,)), {}, MOMENT) == {}
    assert b"aa_2.0" not in write_folders(Rows(packages=(built, package("aa", "1.0"))), {}, MOMENT)["aa"].body


def test_same_rows_same_bytes() -> None:
    """The order in which a database tells its rows could show."""
    turned = Rows(packages=tuple(replace(each, versions=each.versions[::-1]) for each in SOME[::-1]))
    rows = Rows(packages=SOME)
    for write in (write_lists, write_archive, write_folders):
        assert write(turned, {}, MOMENT) == write(rows, {}, MOMENT)
