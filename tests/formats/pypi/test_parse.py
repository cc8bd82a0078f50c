"""Wheels and source distributions: good ones are read, contradictory, ambiguous and hostile ones are refused."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.pypi.parse import Artifact, files, read_file, read_metadata
from packhouse.grammar.archives import Limits
from packhouse.model import Dependency

from . import samples
from .samples import Sample

MIB = 1024 * 1024
INFO = "toy_pkg-1.0.dist-info"
WHEEL = f"{INFO}/WHEEL"


def read(folder: Path, sample: Sample, filename: str | None = None, digests: tuple[str, ...] = ()) -> Artifact:
    path = folder / "spooled"
    path.write_bytes(sample.content)
    return read_file(str(path), filename or sample.filename, digests)


def repacked(members: dict[str, bytes]) -> Sample:
    """A wheel with exactly these members."""
    return Sample("toy-pkg", "1.0", "toy_pkg-1.0-py3-none-any.whl", samples.zip_of(members.items()))


def smallest(**replaced: bytes | None) -> dict[str, bytes]:
    """The members of the smallest good wheel, some of METADATA, WHEEL and RECORD replaced or left out."""
    members = {"toy_pkg.py": b"", f"{INFO}/METADATA": samples.metadata(), WHEEL: b"Wheel-Version: 1.0\n"}
    members[f"{INFO}/RECORD"] = samples.record(members, f"{INFO}/RECORD")
    for name, content in replaced.items():
        if content is None:
            del members[f"{INFO}/{name}"]
        else:
            members[f"{INFO}/{name}"] = content
    return members


def reread(members: dict[str, bytes]) -> dict[str, bytes]:
    """The members with a RECORD that fits them."""
    rest = {name: content for name, content in members.items() if not name.endswith("/RECORD")}
    return {**rest, f"{INFO}/RECORD": samples.record(rest, f"{INFO}/RECORD")}


# -- good ones -------------------------------------------------------------------------------------------------------


def test_wheel_is_read(tmp_path: Path) -> None:
    """What a wheel says of itself would be lost or changed."""
    lines = (
        "Summary: A toy", "Author: Ann", "License-Expression: MIT", "Keywords: toy,play", "Requires-Python: >=3.9", "Requires-Dist: left>=1,<2",
        "Requires-Dist: right ; extra == 'more'", "Provides-Extra: more", "Project-URL: Source, https://code.example/toy",
        "Project-URL: Bad, javascript:alert(1)", "Description-Content-Type: text/markdown; variant=GFM",
    )  # fmt: skip
    artifact = read(tmp_path, samples.wheel("Toy.Pkg", "1.0", *lines), digests=("md5", "blake2"))

    described, about = artifact.described, artifact.described.about
    assert (artifact.kind, described.name, described.version, described.requires_python) == ("wheel", "Toy.Pkg", "1.0", ">=3.9")
    assert artifact.metadata == samples.metadata("Toy.Pkg", "1.0", *lines)
    assert (about.summary, about.author, about.license, about.keywords, about.requires) == ("A toy", "Ann", "MIT", ("toy", "play"), "Python >=3.9")
    assert (about.readme, about.readme_type) == ("# Toy\n", "text/markdown")
    assert about.links == {"Source": "https://code.example/toy"}
    assert about.dependencies == (
        Dependency(name="left", range="<2,>=1", kind="runtime"),
        Dependency(name="right", range='extra == "more"', kind="more"),
    )
    content = samples.wheel("Toy.Pkg", "1.0", *lines).content
    real = {"md5": hashlib.md5(content), "blake2": hashlib.blake2b(content, digest_size=32)}
    assert artifact.digests == {name: made.hexdigest() for name, made in real.items()}


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_sdist_is_read(suffix: str, tmp_path: Path) -> None:
    """What a source distribution says of itself would be lost."""
    artifact = read(tmp_path, samples.sdist("toy-pkg", "1.0", "Requires-Python: >=3.9", suffix=suffix))
    assert (artifact.kind, artifact.described.name, artifact.described.requires_python) == ("sdist", "toy-pkg", ">=3.9")


@pytest.mark.parametrize(
    ("version", "lines", "expected"),
    [
        ("2.1", (), False),
        ("2.2", (), True),
        ("2.4", ("Dynamic: License-File",), True),
        ("2.2", ("Dynamic: Requires-Dist",), False),
        ("2.2", ("Dynamic: requires-python",), False),
    ],
)
def test_only_settled_sdists_speak_for_their_wheels(version: str, lines: tuple[str, ...], expected: bool, tmp_path: Path) -> None:
    """A resolver would be given dependencies that the build may still change, or none where they are settled."""
    assert read(tmp_path, samples.sdist("toy-pkg", "1.0", *lines, metadata_version=version)).resolvable is expected


def test_record_may_leave_out_a_hash(tmp_path: Path) -> None:
    """A wheel whose list claims nothing about a file would be refused, though no installer minds."""
    members = smallest()
    members[f"{INFO}/RECORD"] = "".join(f"{name},,\n" for name in members).encode()
    read(tmp_path, repacked(members))


def test_wheel_too_large_to_inflate_is_held_to_names_and_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A very large wheel would be refused, or its list not looked at any more."""
    monkeypatch.setattr(files, "LIMITS", Limits(produced=1))
    members = smallest()
    read(tmp_path, repacked(members))
    with pytest.raises(InvalidUpload, match="does not list"):
        read(tmp_path, repacked({**members, "more.py": b""}))


# -- contradictions and gaps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (smallest(METADATA=None), "METADATA"),
        (smallest(WHEEL=None), "WHEEL"),
        (smallest(RECORD=None), "RECORD"),
        (reread(smallest(WHEEL=b"Wheel-Version: 2.0\n")), "Wheel-Version"),
        (reread(smallest(WHEEL=b"Root-Is-Purelib: true\n")), "Wheel-Version"),
        (smallest(RECORD=b"\xff"), "UTF-8"),
        (smallest(RECORD=b"toy_pkg.py\n"), "three columns"),
        (smallest(RECORD=b'"toy_pkg.py\n'), "not a table"),
        ({**smallest(), "extra.py": b"1"}, "does not list extra.py"),
        ({**smallest(), "toy_pkg.py": b"tampered"}, "toy_pkg.py"),
        (reread({**smallest(), "other-1.0.dist-info/METADATA": b"x"}), "one folder"),
        ({"toy_pkg.py": b""}, "one folder"),
    ],
)  # fmt: skip
def test_broken_wheels_are_refused(members: dict[str, bytes], message: str, tmp_path: Path) -> None:
    """A wheel that lacks or contradicts its own list would be published."""
    with pytest.raises(InvalidUpload, match=message):
        read(tmp_path, repacked(members))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("absent.py,,", "not in the wheel"),
        ("toy_pkg.py,,", "twice"),
    ],
)
def test_record_that_lists_too_much_is_refused(row: str, message: str, tmp_path: Path) -> None:
    """A list with a file that is not there, or one listed twice, would be taken."""
    members = smallest()
    members[f"{INFO}/RECORD"] += f"{row}\n".encode()
    with pytest.raises(InvalidUpload, match=message):
        read(tmp_path, repacked(members))


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_longer_hashes_are_taken(algorithm: str, tmp_path: Path) -> None:
    """A wheel whose list has longer hashes than most, which the wheel specification allows, would be refused."""
    members = smallest()
    lines = [line for line in members[f"{INFO}/RECORD"].decode().splitlines() if not line.startswith("toy_pkg.py")]
    members[f"{INFO}/RECORD"] = "\n".join([f"toy_pkg.py,{algorithm}=AAAA,0", *lines, ""]).encode()
    assert read(tmp_path, repacked(members)).kind == "wheel"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("toy_pkg.py,sha256=AAAA,0", "sha256 AAAA"),
        ("toy_pkg.py,,17", "17 bytes"),
        ("toy_pkg.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,0", "must use sha256"),
        ("toy_pkg.py,nothing,0", "must use sha256"),
    ],
)
def test_record_that_lies_is_refused(row: str, message: str, tmp_path: Path) -> None:
    """A wheel whose list names another hash or size would be taken."""
    members = smallest()
    lines = [line for line in members[f"{INFO}/RECORD"].decode().splitlines() if not line.startswith("toy_pkg.py")]
    members[f"{INFO}/RECORD"] = "\n".join([row, *lines, ""]).encode()
    with pytest.raises(InvalidUpload, match=message):
        read(tmp_path, repacked(members))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (b"Name: toy-pkg\nVersion: 1.0\n", "Metadata-Version"),
        (b"Metadata-Version: 3.0\nName: toy-pkg\nVersion: 1.0\n", "Metadata-Version"),
        (b"Metadata-Version: 2.1\nVersion: 1.0\n", "no valid Name"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\n", "no valid Version"),
        (b"Metadata-Version: 2.1\nName: ../toy\nVersion: 1.0\n", "no valid Name"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: one\n", "no valid Version"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nName: other\nVersion: 1.0\n", "name once"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\nVersion: 2.0\n", "version once"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\nRequires-Python: three\n", "Requires-Python"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\nRequires-Python: >=3\nRequires-Python: >=2\n", "requires-python once"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\nRequires-Python: " + b">=3," * 80 + b">=3\n", "longer than 255"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\nRequires-Dist: ???\n", "Requires-Dist"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\nRequires-Dist: a; " + b"(" * 3000 + b"\n", "Requires-Dist"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\nRequires-Dist: a==" + b"1" * 5000 + b"\n", "longer than"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\n" + b"Requires-Dist: a\n" * 4097, "more than 4096"),
        (b"Metadata-Version: 2.4\nName: toy-pkg\nVersion: 1.0\nLicense-Expression: Whatever I like\n", "License-Expression"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\nVersion: 1.0\nSummary: a\0b\n", "NUL"),
        (b"Metadata-Version: 2.1\nName: t\xf6y\nVersion: 1.0\n", "name once, in UTF-8"),
        (b"Metadata-Version: 2.1\nName: toy-pkg\n 2\nVersion: 1.0\n", "no valid Name"),
        (b"", "Name"),
    ],
)  # fmt: skip
def test_bad_metadata_is_refused(metadata: bytes, message: str) -> None:
    """A distribution that does not say clearly what it is would be published."""
    with pytest.raises(InvalidUpload, match=message):
        read_metadata(metadata, "METADATA")


def test_metadata_has_a_limit() -> None:
    """A metadata file of any size would be parsed and kept."""
    with pytest.raises(InvalidUpload, match="larger than 5 MiB"):
        read_metadata(samples.metadata(body="x" * (5 * MIB)), "METADATA")


def test_newer_metadata_with_unknown_fields_is_taken() -> None:
    """A package built by next year's tools would be refused for a field nobody here reads."""
    data = samples.metadata("toy-pkg", "1.0", "Invented-Next-Year: yes", metadata_version="2.99")
    assert read_metadata(data, "METADATA").metadata_version == (2, 99)


@pytest.mark.parametrize(
    ("sample", "filename", "message"),
    [
        (samples.wheel(), "toy_pkg-1.1-py3-none-any.whl", "speaks of toy-pkg 1.1, the metadata inside says toy-pkg 1.0"),
        (samples.wheel(), "other-1.0-py3-none-any.whl", "speaks of other 1.0"),
        (samples.wheel(), "toy_pkg-1.0.whl", "no file name"),
        (samples.wheel(), "toy_pkg-1.0.exe", "must end in"),
        (samples.sdist(), "toy_pkg-2.tar.gz", "speaks of toy_pkg 2"),
        (samples.wheel(described=samples.metadata("other", "1.0")), None, "does not belong to other 1.0"),
        (samples.wheel(described=samples.metadata("toy-pkg", "2.0")), None, "does not belong to toy-pkg 2.0"),
    ],
)
def test_file_name_and_metadata_must_agree(sample: Sample, filename: str | None, message: str, tmp_path: Path) -> None:
    """A file would be listed under another name or version than the one inside it."""
    with pytest.raises(InvalidUpload, match=message):
        read(tmp_path, sample, filename)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "at its top nothing"),
        ({"toy_pkg-1.0/setup.py": b""}, "has no toy_pkg-1.0/PKG-INFO"),
        ({"PKG-INFO": samples.metadata()}, "has no PKG-INFO/PKG-INFO"),
        ({"toy_pkg-1.0/PKG-INFO": samples.metadata(), "toy_pkg-1.1/PKG-INFO": samples.metadata()}, "one folder"),
        ({"toy_pkg-1.0/PKG-INFO": samples.metadata(), "setup.py": b""}, "one folder"),
        ({"other-1.0/PKG-INFO": samples.metadata()}, "does not belong"),
        ({"toy_pkg-1.0/sub/PKG-INFO": samples.metadata()}, "has no toy_pkg-1.0/PKG-INFO"),
    ],
)
@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_broken_sdists_are_refused(members: dict[str, bytes], message: str, suffix: str, tmp_path: Path) -> None:
    """A source distribution without its metadata in its one folder would be published."""
    content = samples.zip_of(members.items()) if suffix == ".zip" else samples.tar_of(members.items())
    with pytest.raises(InvalidUpload, match=message):
        read(tmp_path, Sample("toy-pkg", "1.0", f"toy_pkg-1.0{suffix}", content))


# -- hostile ones ----------------------------------------------------------------------------------------------------


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


TOP = ("toy_pkg-1.0/PKG-INFO", samples.metadata())
HOSTILE_TARS = {
    "climbs": samples.tar_of([TOP, ("toy_pkg-1.0/../../etc/passwd", b"")]),
    "absolute": samples.tar_of([TOP, ("/etc/passwd", b"")]),
    "link out": samples.tar_of([TOP], [link("toy_pkg-1.0/x", "../../etc/passwd")]),
    "device": samples.tar_of([TOP], [link("toy_pkg-1.0/x", "", tarfile.CHRTYPE)]),
    "pipe": samples.tar_of([TOP], [link("toy_pkg-1.0/x", "", tarfile.FIFOTYPE)]),
    "twice": samples.tar_of([TOP, TOP]),
    "metadata is a link": samples.tar_of([("toy_pkg-1.0/a", b"")], [link("toy_pkg-1.0/PKG-INFO", "a")]),
    "bomb": samples.tar_of([TOP, ("toy_pkg-1.0/x", bytes(64 * MIB))]),
    "cut": samples.tar_of([TOP])[:-30],
    "not gzip": b"x" * 100,
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE_TARS)
def test_hostile_sdists_are_refused(name: str, tmp_path: Path) -> None:
    """An archive made to escape, to deceive or to exhaust would be passed on to installers."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, Sample("toy-pkg", "1.0", "toy_pkg-1.0.tar.gz", HOSTILE_TARS[name]))


GOOD = list(smallest().items())
HOSTILE_ZIPS = {
    "climbs": samples.zip_of([*GOOD, ("../../etc/passwd", b"")]),
    "absolute": samples.zip_of([*GOOD, ("/etc/passwd", b"")]),
    "twice by case": samples.zip_of([*GOOD, (f"{INFO}/metadata", b"")]),
    "bytes before": b"#!/bin/sh\n" + samples.zip_of(GOOD),
    "bytes behind": samples.zip_of(GOOD) + b"more",
    "two archives": samples.zip_of(GOOD) + samples.zip_of(GOOD),
    "bomb": samples.zip_of([*GOOD, ("x", bytes(64 * MIB))]),
    "cut": samples.zip_of(GOOD)[:-30],
    "not zip": b"x" * 100,
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE_ZIPS)
def test_hostile_wheels_are_refused(name: str, tmp_path: Path) -> None:
    """An archive made to escape, to deceive or to exhaust would be passed on to installers."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, Sample("toy-pkg", "1.0", "toy_pkg-1.0-py3-none-any.whl", HOSTILE_ZIPS[name]))


@pytest.mark.parametrize("filename", ["toy_pkg-1.0-py3-none-any.whl", "toy_pkg-1.0.tar.gz", "toy_pkg-1.0.zip"])
@given(data=st.binary(max_size=200), cut=st.integers(0, 2000), place=st.integers(0, 2000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_read_or_refused(filename: str, data: bytes, cut: int, place: int, tmp_path: Path) -> None:
    """Some bytes would end in a traceback instead of a refusal."""
    good = {".whl": samples.wheel(), ".gz": samples.sdist(), ".zip": samples.sdist(suffix=".zip")}[Path(filename).suffix].content
    for content in (data, good[:cut], good[:place] + data + good[place:], good[:place] + data[:3] + good[place + 3 :]):
        try:
            read(tmp_path, Sample("toy-pkg", "1.0", filename, content))
        except InvalidUpload:
            continue


LINES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Name",
                "Version",
                "Metadata-Version",
                "Requires-Dist",
                "Requires-Python",
                "Keywords",
                "Project-URL",
                "License-Expression",
                "Dynamic",
                "X",
            ]
        ),
        st.text(max_size=60) | st.sampled_from(["toy", "1.0", "2.4", "=?utf-8?q?=C3?=", "a; extra == 'b'", ">=3", "MIT", "Home, https://a.example"]),
    ),
    max_size=12,
)


@given(LINES, st.binary(max_size=50))
@settings(deadline=None)
def test_any_metadata_is_read_or_refused(lines: list[tuple[str, str]], body: bytes) -> None:
    """Some header would end in a traceback instead of a refusal."""
    data = "".join(f"{name}: {value}\n" for name, value in lines).encode("utf-8", "surrogatepass") + b"\n" + body
    for content in (data, b"Metadata-Version: 2.1\nName: toy\nVersion: 1\n" + data):
        try:
            read_metadata(content, "METADATA")
        except InvalidUpload:
            continue
