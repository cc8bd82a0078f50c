"""What apt reads, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import lzma
import os
from pathlib import Path

import msgspec
import pytest

from packhouse.formats.debian.index import write_distribution
from packhouse.formats.debian.parse import Facts
from packhouse.model import Blob, Documents, FileRow, Moment, PackageRow, Rows, VersionRow, replace

GOLDEN = Path(__file__).parent / "golden"
OPTIONS = {
    "codename": "bookworm", "suite": "stable", "origin": "Shop", "label": "Shop", "version": "12", "description": "What the shop sells",
    "valid_time_duration_seconds": 604_800, "components": ["main", "contrib"], "architectures": ["all", "amd64"],
}  # fmt: skip
MOMENT = Moment(at=1_700_000_000_123_456, api="http://registry.example/api/v4", format="debian", place=7, options=OPTIONS)
GROUP = replace(MOMENT, level="group", place=3)
_ids = itertools.count(1)


def package(
    name: str, version: str = "1.0", architecture: str = "amd64", *, source: str = "", component: str = "main", kind: str = "deb", project: int = 7
) -> PackageRow:
    content = f"{name} {version} {architecture}"
    blob = Blob(
        sha256=hashlib.sha256(content.encode()).hexdigest(), size=len(content), md5=hashlib.md5(content.encode()).hexdigest(),
        sha1=hashlib.sha1(content.encode()).hexdigest(),
    )  # fmt: skip
    stanza = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nDescription: ä toy\n Longer.\n .\n"
    facts = Facts(kind=kind, component=component, package=name, version=version, architecture=architecture, stanza=stanza)
    path = f"bookworm/{name}_{version.rpartition(':')[2]}_{architecture}.{kind}"
    file = FileRow(id=next(_ids), project=project, path=path, blob=blob, facts=msgspec.json.encode(facts), shelf="bookworm")
    owner = source or name
    row = VersionRow(id=next(_ids), project=project, name=owner, version=version, files=(file,))
    return PackageRow(id=next(_ids), project=project, name=owner, key=owner, versions=(row,))


def write(*packages: PackageRow, moment: Moment = MOMENT) -> Documents:
    return write_distribution(Rows(packages=packages), {}, moment)


SOME = (
    package("toy", "1:1.10~rc1+b1-1"), package("toy", "1:1.9-1"), package("libtoy", source="toy", version="1:1.9-1", architecture="all"),
    package("arm-only", architecture="arm64"), package("extra", component="contrib"), package("setup-udeb", kind="udeb"),
)  # fmt: skip


def check_golden(name: str, body: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(body)
    assert body == path.read_bytes()


@pytest.mark.parametrize(
    ("golden", "path"),
    [("packages-amd64", "main/binary-amd64/Packages"), ("packages-arm64", "main/binary-arm64/Packages"),
     ("packages-installer", "main/debian-installer/binary-amd64/Packages"), ("release", "Release")],
)  # fmt: skip
def test_documents(golden: str, path: str) -> None:
    """A list or Release could change for the same rows, and every client fetch or distrust it."""
    made = write(*SOME)
    # how well a compressor packs is its own affair: what the Release says of packed lists is checked below
    body = b"".join(line for line in made[path].body.splitlines(True) if not line.rstrip().endswith((b".gz", b".xz")))
    check_golden(golden, body)


def test_group_names_the_project() -> None:
    """A group could lead to a file of another project of the same name."""
    body = write(package("toy", project=7), package("toy", project=8, source="other"), moment=GROUP)["main/binary-amd64/Packages"].body
    assert b"Filename: pool/bookworm/7/t/toy/1.0/toy_1.0_amd64.deb\n" in body
    assert b"Filename: pool/bookworm/8/o/other/1.0/toy_1.0_amd64.deb\n" in body


def test_same_file_in_two_projects() -> None:
    """A file that two projects of a group hold could be listed twice."""
    body = write(package("toy", project=7), package("toy", project=8), moment=GROUP)["main/binary-amd64/Packages"].body
    assert body.count(b"Package: toy\n") == 1


def test_release_tells_what_is_there() -> None:
    """A digest or size could be another than that of the list, or a packed list hold something else than the plain one."""
    made = write(*SOME)
    told = {}
    section = ""
    for line in made["Release"].body.decode().splitlines():
        if line.startswith(" "):
            digest, size, path = line.split()
            told[section, path] = (digest, int(size))
        else:
            section = line.rstrip(":")
    lists = {path: document.body for path, document in made.items() if path != "Release"}
    assert {path for _, path in told} == set(lists)
    for path, body in lists.items():
        assert told["SHA256", path] == (hashlib.sha256(body).hexdigest(), len(body))
        assert told["MD5Sum", path] == (hashlib.md5(body).hexdigest(), len(body))
        plain = lists[path.removesuffix(".gz").removesuffix(".xz")]
        assert plain == (gzip.decompress(body) if path.endswith(".gz") else lzma.decompress(body) if path.endswith(".xz") else body)


def test_all_on_every_list() -> None:
    """A package for all architectures could be missing for one of them."""
    made = write(*SOME)
    for architecture in ("all", "amd64", "arm64"):
        assert b"Package: libtoy\n" in made[f"main/binary-{architecture}/Packages"].body
        assert b"Package: libtoy\n" not in made[f"contrib/binary-{architecture}/Packages"].body


def test_empty() -> None:
    """A distribution without packages could have no lists, and fail the machines that use it."""
    made = write()
    assert made["main/binary-amd64/Packages"].body == b"" and b"main/binary-amd64/Packages\n" in made["Release"].body
    assert "main/binary-arm64/Packages" not in made


def test_not_set() -> None:
    """What is not set could be said as an empty line, which is no field."""
    plain = replace(MOMENT, options={"codename": "bookworm", "suite": None, "origin": None, "components": ["main"], "architectures": ["all"]})
    lines = write(moment=plain)["Release"].body.decode().splitlines()
    assert lines[:3] == ["Suite: bookworm", "Codename: bookworm", "Date: Tue, 14 Nov 2023 22:13:20 UTC"]
    assert not any(line.startswith(("Valid-Until", "Origin", "Label", "Description")) for line in lines)
