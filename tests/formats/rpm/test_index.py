"""What dnf and zypper read, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import os
import re
import tracemalloc
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from packhouse.formats.rpm.index import LISTS, write_repository
from packhouse.formats.rpm.names import shelf_of, stored_path
from packhouse.formats.rpm.parse import Facts, read_package
from packhouse.formats.rpm.parse.facts import LARGEST_LIST
from packhouse.model import Blob, Documents, FileRow, Moment, PackageRow, Rows, VersionRow, replace

from .samples import (
    CHANGE_AUTHORS,
    CHANGE_TEXTS,
    CHANGE_TIMES,
    DIRECTORIES,
    DIRECTORY_OF,
    EQUAL,
    GREATER,
    RECOMMENDS,
    REQUIRES,
    SUMMARY,
    URL,
    files_of,
    make_rpm,
    make_tags,
    relations,
)

GOLDEN = Path(__file__).parent / "golden"
MOMENT = Moment(at=1_700_000_000_123_456, api="http://registry.example/api/v4", format="rpm", place=7)
GROUP = replace(MOMENT, level="group", place=3)
REPO = "{http://linux.duke.edu/metadata/repo}"
RICH = {
    **relations(REQUIRES, ("bash", GREATER | EQUAL, "1:4-2"), ("(x if y)", 0, "")), **relations(RECOMMENDS, ("more", 0, "")),
    **files_of(["/usr/bin/toy", "/usr/share/toy", "/etc/<ä>"], [0o100755, 0o040755, 0o100644]), URL: "https://site.example/?a&b", SUMMARY: "ä <toy>",
    CHANGE_TIMES: [1_690_000_000, 1_690_000_000], CHANGE_AUTHORS: ["Zoë <zoe@mail.example> - 2", "Zoë <zoe@mail.example> - 1"],
    CHANGE_TEXTS: ["- two\n- lines", "- one"],
}  # fmt: skip
_ids = itertools.count(1)


@pytest.fixture(name="folder", scope="module")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packages")


def package(
    folder: Path, name: str, version: str = "1.0-1", architecture: str = "noarch", *, project: int = 7, group: str = "", **more: Any
) -> PackageRow:
    content = make_rpm(make_tags(name, version, architecture) | more.get("tags", {}), payload=more.get("payload", b"payload"))
    (folder / "package.rpm").write_bytes(content)
    read = read_package(str(folder / "package.rpm"))
    path = stored_path(group, f"{name}-{version.rpartition(':')[2]}.{read.architecture}.rpm")
    file = FileRow(
        id=next(_ids), project=project, path=path, blob=Blob(sha256=hashlib.sha256(content).hexdigest(), size=len(content)),
        facts=msgspec.json.encode(read.facts), shelf=shelf_of(group), created=1_699_000_000_500_000,
    )  # fmt: skip
    row = VersionRow(id=next(_ids), project=project, name=name, version=read.version, files=(file,))
    return PackageRow(id=next(_ids), project=project, name=name, key=name, versions=(row,))


def write(*packages: PackageRow, moment: Moment = MOMENT) -> Documents:
    return write_repository(Rows(packages=packages), {}, moment)


def plain(made: Documents, kind: str) -> bytes:
    [packed] = [document.body for path, document in made.items() if path.endswith(f"-{kind}.xml.gz")]
    return gzip.decompress(packed)


def make_some(folder: Path) -> tuple[PackageRow, ...]:
    return (
        package(folder, "toy", "2:1.10-1", tags=RICH), package(folder, "toy", "2:1.9-1"), package(folder, "toy", "2:1.10~rc1-1"),
        package(folder, "lib++", "1.0^git1-1", "x86_64"), package(folder, "toy", "1.0-1", tags={1044: 0}),
    )  # fmt: skip


def check_golden(name: str, body: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(body)
    assert body == path.read_bytes()


@pytest.mark.parametrize("kind", LISTS)
def test_lists(folder: Path, kind: str) -> None:
    """A list could change for the same rows, and every client fetch it again."""
    check_golden(f"{kind}.xml", plain(write(*make_some(folder)), kind))


def test_repomd(folder: Path) -> None:
    """What leads to the lists could change its shape."""
    body = write(*make_some(folder))["repomd.xml"].body
    # how well a compressor packs is its own affair: what is said of packed lists is checked below
    body = re.sub(rb'<checksum type="sha256">\w+|<location href="repodata/\w+|<size>\d+', lambda found: found[0][:20], body)
    check_golden("repomd.xml", body)


def test_repomd_tells_what_is_there(folder: Path) -> None:
    """A digest or size could be another than that of the list, and every client refuse it."""
    made = write(*make_some(folder))
    root = ElementTree.fromstring(made["repomd.xml"].body)
    told = {data.attrib["type"]: data for data in root.iter(f"{REPO}data")}
    assert set(told) == {"primary", "filelists", "other"} and len(made) == 4
    for data in told.values():
        location = data.find(f"{REPO}location")
        assert location is not None
        body = made[location.attrib["href"].removeprefix("repodata/")].body
        opened = gzip.decompress(body)
        assert body[4:8] == b"\0\0\0\0", "the time of its making"
        expected = {
            "checksum": hashlib.sha256(body).hexdigest(), "open-checksum": hashlib.sha256(opened).hexdigest(), "size": str(len(body)),
            "open-size": str(len(opened)), "timestamp": "1700000000",
        }  # fmt: skip
        assert {name: data.findtext(f"{REPO}{name}") for name in expected} == expected


def test_one_order_in_all_lists(folder: Path) -> None:
    """The packages of the three lists could stand in different orders, or be counted wrongly."""
    some = make_some(folder)
    made = write(*some)
    digests = [re.findall(rb"\b[0-9a-f]{64}\b", plain(made, kind)) for kind in LISTS]
    assert digests[0] == digests[1] == digests[2] and len(digests[0]) == 5
    assert all(b'packages="5"' in plain(made, kind) for kind in LISTS)
    assert write(*reversed(some)) == made


def test_addresses(folder: Path) -> None:
    """A package could be looked for where it is not: in another project of a group, or with its group twice."""
    some = package(folder, "lib++", "1:1.0^git1-1", "x86_64", group="el9/stable")
    assert b'href="package/lib++/1:1.0^git1-1/x86_64/lib++-1.0^git1-1.x86_64.rpm"' in plain(write(some), "primary")
    assert b'href="package/7/lib++/1:1.0^git1-1/x86_64/lib++-1.0^git1-1.x86_64.rpm"' in plain(write(some, moment=GROUP), "primary")


def test_two_projects(folder: Path) -> None:
    """A package that two projects of a group hold could be listed twice, or one of two different ones be left out."""
    same = (package(folder, "toy", project=7), package(folder, "toy", project=8))
    assert b'packages="1"' in plain(write(*same, moment=GROUP), "primary")
    other = plain(write(same[0], package(folder, "toy", project=8, payload=b"other"), moment=GROUP), "primary")
    assert b'"package/7/toy/' in other and b'"package/8/toy/' in other and b'packages="2"' in other


def test_old_facts_of_enormous_lists(folder: Path) -> None:
    """A package that came before lists were bounded could fill the server's memory, or break the lists of all others."""
    some = package(folder, "toy")
    [version] = some.versions
    [file] = version.files
    huge = base64.b64encode(zlib.compress(b" " * (LARGEST_LIST + 1))).decode()
    facts = replace(msgspec.json.decode(file.facts, type=Facts), files=huge, changes=huge)
    old = replace(some, versions=(replace(version, files=(replace(file, facts=msgspec.json.encode(facts)),)),))
    made = write(old, package(folder, "other", tags=RICH))
    for kind, element in (("filelists", b"<file"), ("other", b"<changelog")):
        body = plain(made, kind)
        assert len(body) < 10_000 and body.count(b"pkgid=") == 2 and element in body
        ElementTree.fromstring(body)


def test_one_package_in_memory(folder: Path) -> None:
    """Some small packages with long lists could fill the server's memory together."""
    tags = files_of(["/d"] * 100) | {DIRECTORIES: ["/" + "d" * 50_000], DIRECTORY_OF: [0] * 100}
    some = [package(folder, f"toy{number}", tags=tags) for number in range(10)]
    tracemalloc.start()
    try:
        made = write(*some)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(plain(made, "filelists")) > 50_000_000 > 2 * peak


def test_empty(folder: Path) -> None:
    """A repository without packages could have no lists, and fail the machines that use it."""
    made = write()
    assert len(made) == 4 and all(b'packages="0"' in plain(made, kind) for kind in LISTS)
    assert all(list(ElementTree.fromstring(plain(made, kind))) == [] for kind in LISTS)
