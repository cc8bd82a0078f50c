"""What is read out of a box, and what is made of hostile ones."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.vagrant import parse

from .samples import box, tar

METADATA = {"metadata.json": b'{"provider":"libvirt"}'}


def read(tmp_path: Path, content: bytes) -> parse.Read:
    path = tmp_path / "x.box"
    path.write_bytes(content)
    return parse.read_box(str(path))


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("metadata.json", METADATA["metadata.json"])
        archive.writestr("disk", bytes(1000))
    return out.getvalue()


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress, bytes], ids=["gzip", "bzip2", "xz", "plain"])
def test_packings(tmp_path: Path, packed: object) -> None:
    """A box that vagrant unpacks could be refused, or its provider not be seen."""
    assert callable(packed)
    assert read(tmp_path, packed(tar({"disk": bytes(2000), **METADATA}))).provider == "libvirt"
    assert read(tmp_path, zipped()).provider == "libvirt"


def test_info(tmp_path: Path) -> None:
    """What people wrote about a box could be lost, or one value of an odd kind lose the rest."""
    said = {
        "Author": "Zoë",
        "description": "A\ntoy\0",
        "homepage": "https://toy.example",
        "source": 5,
        "repository": "javascript:x",
        "authors": ["A", {}],
    }
    about = read(tmp_path, box(**said)).about
    assert (about.author, about.readme, about.summary) == ("Zoë, A", "A\ntoy", "A toy")
    assert about.links == {"Homepage": "https://toy.example"} and about.warnings == ()
    short = read(tmp_path, box(short_description="short", description="long")).about
    assert (short.summary, short.readme) == ("short", "long")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'"\\ud800"', b"1" * 5000])
def test_odd_json(tmp_path: Path, content: bytes) -> None:
    """A box could be lost over a file that only describes it, or nobody be told."""
    found = read(tmp_path, tar({"metadata.json": content, "info.json": content}))
    assert found.provider == "" and found.about.warnings == ("metadata.json is no JSON object", "info.json is no JSON object")
    assert read(tmp_path, tar({"metadata.json": b'{"provider": 5}'})).provider == ""
    assert read(tmp_path, tar({"metadata.json": b'\xef\xbb\xbf{"provider": "x"}'})).provider == "x"


def test_only_at_the_root(tmp_path: Path) -> None:
    """A file of the same name elsewhere in the box could speak for it."""
    assert read(tmp_path, tar({"a/metadata.json": METADATA["metadata.json"]})).provider == ""


def test_large_json(tmp_path: Path) -> None:
    """A description of any size could be taken into memory."""
    large = json.dumps({"provider": "x", "y": "z" * parse.LARGEST}).encode()
    assert read(tmp_path, tar({"metadata.json": large})).provider == ""


def test_disk_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader could go through gigabytes of a disk, or a box be refused because its disk comes first."""
    monkeypatch.setattr(parse, "SCANNED", 10_000)
    disk = gzip.compress(tar({"box.img": bytes(20_000), **METADATA}))
    found = read(tmp_path, disk)
    assert found.provider == "" and "before the disks" in found.about.warnings[0]
    assert read(tmp_path, gzip.compress(tar({**METADATA, "info.json": b"{}", "box.img": bytes(20_000)}))).about.warnings == ()


def test_empty_disk(tmp_path: Path) -> None:
    """An empty disk shrinks a thousandfold: its box could be taken for a bomb."""
    assert read(tmp_path, gzip.compress(tar({"box.img": bytes(40 * 1024 * 1024), **METADATA}))).provider == "libvirt"


def test_sparse_disk(tmp_path: Path) -> None:
    """Boxes with sparse disks, as libvirt's are packed, could be refused."""
    sparse = tarfile.TarInfo("box.img")
    sparse.type = tarfile.GNUTYPE_SPARSE
    found = read(tmp_path, tar(METADATA, sparse))
    assert found.provider == "libvirt" and "sparse" in found.about.warnings[0]


@pytest.mark.parametrize(
    "content", [b"", b"x", b"not a box" * 200, gzip.compress(b"text"), gzip.compress(b"x" * 5000), b"PK\x03\x04", zipped()[:-30], b"\x1f\x8b",
                bytes(100), tar({}), b"\x28\xb5\x2f\xfd" + bytes(600)]
)  # fmt: skip
def test_garbage(tmp_path: Path, content: bytes) -> None:
    """What is no box could be published as one."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, content)


@given(st.binary(max_size=3000), st.integers(0, 3000), st.sampled_from([bytes, gzip.compress]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes(tmp_path: Path, noise: bytes, at: int, packed: object) -> None:
    """Bytes could break the reader in a way that nobody expects."""
    assert callable(packed)
    good = tar({**METADATA, "info.json": b"{}", "disk": bytes(100)})
    for content in (noise, packed(noise), packed(good[:at] + noise + good[at + len(noise) :]), zipped()[:at] + noise):
        try:
            read(tmp_path, content)
        except InvalidUpload:
            continue
