"""Binary packages, good and hostile."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.debian.parse import Read, read_deb
from packhouse.grammar.stanzas import read_stanza, write_stanza

from .samples import PACK, make_ar, make_deb, make_tar

FIELDS = {
    "Package": "toy",
    "Version": "1:1.0-1",
    "Architecture": "amd64",
    "Maintainer": "Zoë <zoe@mail.example>",
    "Description": "a toy\n Long.\n .\n End.",
}
CONTROL = "".join(f"{name}: {value}\n" for name, value in FIELDS.items()).encode()


def read(content: bytes, folder: Path) -> Read:
    path = folder / "package.deb"
    path.write_bytes(content)
    return read_deb(str(path), "deb")


@pytest.mark.parametrize("packed", ["", ".gz", ".xz", ".zst"])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("member", ["./control", "control"])
def test_every_packing(tmp_path: Path, packed: str, slash: str, member: str) -> None:
    """A package as some builder packs it could be refused, or read as another one."""
    found = read(make_deb(FIELDS, packed=packed, slash=slash, member=member), tmp_path)
    assert (found.name, found.version, found.file) == ("toy", "1:1.0-1", "toy_1.0-1_amd64.deb")
    assert found.facts.stanza == CONTROL.decode()


def test_source_package(tmp_path: Path) -> None:
    """A package could be filed under its own name instead of its source package's."""
    found = read(make_deb(FIELDS | {"Source": "origin (3.0-2)"}), tmp_path)
    assert (found.name, found.version, found.file) == ("origin", "3.0-2", "toy_1.0-1_amd64.deb")
    assert read(make_deb(FIELDS | {"Source": "origin"}), tmp_path).version == "1:1.0-1"


def test_what_a_package_may_not_say(tmp_path: Path) -> None:
    """A package could say of itself where it is, how large, or with which digest."""
    said = FIELDS | {"Filename": "../../etc/passwd", "size": "1", "SHA256": "0" * 64, "MD5Sum": "0", "Status": "installed", "Tag": "kept"}
    stanza = read(make_deb(said), tmp_path).facts.stanza
    assert stanza.splitlines()[-1] == "Tag: kept" and "passwd" not in stanza and "0000" not in stanza and "Status" not in stanza


def test_text_is_kept(tmp_path: Path) -> None:
    """CRLF, folded fields or long descriptions could break a list, or lose what they say."""
    control = "Package: toy\r\nVersion: 1\r\nArchitecture: all\r\nDepends: aa,\r\n bb (>= 1)\r\nTag:\r\n x\r\nDescription: ö\r\n .dot\r\n".encode()
    found = read(make_deb(control), tmp_path)
    assert found.facts.stanza == "Package: toy\nVersion: 1\nArchitecture: all\nDepends: aa,\n bb (>= 1)\nTag:\n x\nDescription: ö\n .dot\n"
    assert [(one.name, one.range) for one in found.about.dependencies] == [("aa", ""), ("bb", ">= 1")]


@pytest.mark.parametrize("missing", ["Package", "Version", "Architecture"])
def test_missing_field(tmp_path: Path, missing: str) -> None:
    """A package without a name, version or architecture could be listed."""
    with pytest.raises(InvalidUpload, match=missing):
        read(make_deb({name: value for name, value in FIELDS.items() if name != missing}), tmp_path)


@pytest.mark.parametrize(
    "control",
    [b"", b"\n", b"Package", b" Package: toy\n", CONTROL + b"\n" + CONTROL, CONTROL + b"version: 2\n", CONTROL + b"A: \xff\n", CONTROL + b"A: \0\n",
     CONTROL + b"A: b\rPackage: c\n", CONTROL + b"A\xc2\x85B: c\n", CONTROL + "A: \u2028B: c\n".encode(), CONTROL.replace(b"toy\n", b"../toy\n", 1),
     CONTROL.replace(b"amd64", b"amd64 arm64"), CONTROL.replace(b"amd64", b"../x"), CONTROL.replace(b"1:1.0", b"1 1"), CONTROL + b"Source: a b c\n",
     CONTROL + b"Source: ../a\n", CONTROL + b"".join(b"A%d: b\n" % n for n in range(200)), b"A: " + b"b" * 2**21],
)  # fmt: skip
def test_bad_control(tmp_path: Path, control: bytes) -> None:
    """A control file that can be read in two ways could put a paragraph of its own into a list."""
    with pytest.raises(InvalidUpload):
        read(make_deb(control), tmp_path)


GOOD = make_deb(FIELDS)
TAR = make_tar({"control": CONTROL})


@pytest.mark.parametrize(
    "content",
    [b"", b"!<arch>\n", GOOD[:-70], GOOD[:100], b"x" + GOOD, GOOD[:8] + GOOD[8:].replace(b"2.0\n", b"3.0\n", 1), b"!<arch>\n" + b" " * 60,
     make_ar([("control.tar", TAR), ("debian-binary", b"2.0\n"), ("data.tar", b"")]), make_ar([("debian-binary", b"2.0\n"), ("control.tar", TAR)]),
     make_ar([("debian-binary", b"2.0\n"), ("data.tar", b"")]), make_ar([("debian-binary", b"2.0\n"), ("data.tar", b""), ("control.tar", TAR)]),
     make_ar([("debian-binary", b"2.0\n"), ("control.tar", TAR), ("control.tar", TAR), ("data.tar", b"")]),
     make_ar([("debian-binary", b"2.0\n"), ("evil", b""), ("control.tar", TAR), ("data.tar", b"")]),
     make_ar([("debian-binary", b"2.0\n"), ("control.tar.xz", TAR), ("data.tar", b"")]),
     make_ar([("debian-binary", b"2.0\n"), ("control.tar.zst", TAR), ("data.tar", b"")]),
     make_ar([("debian-binary", b"2.0\n"), ("control.tar", make_tar({"../control": CONTROL})), ("data.tar", b"")]),
     make_ar([("debian-binary", b"2.0\n"), ("control.tar", make_tar({"other": CONTROL})), ("data.tar", b"")]),
     make_deb(FIELDS, packed=".lzma"),
     make_ar([("debian-binary", b"2.0\n"), ("control.tar.zst", PACK[".zst"](bytes(65 * 2**20))), ("data.tar", b"")])],
)  # fmt: skip
def test_bad_archive(tmp_path: Path, content: bytes) -> None:
    """What is no package, or unpacks to more than anybody has memory for, could be taken or break the reader."""
    with pytest.raises(InvalidUpload):
        read(content, tmp_path)


def test_more_members(tmp_path: Path) -> None:
    """A package with a member that readers are told to pass over (deb(5)) could be refused."""
    members = [("debian-binary", b"2.0\n"), ("_signed", b"x"), ("control.tar", TAR), ("data.tar", b"")]
    assert read(make_ar(members), tmp_path).name == "toy"


@given(st.binary(max_size=300))
def test_arbitrary_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Bytes that nobody has thought of could end in an error that is not the uploader's."""
    folder = tmp_path_factory.getbasetemp()
    for one in (content, make_deb(content), b"!<arch>\n" + content, make_ar([("debian-binary", b"2.0\n"), ("control.tar", content)])):
        try:
            read(one, folder)
        except InvalidUpload:
            continue


@given(st.text(max_size=200))
@example("# a comment")
def test_paragraphs_stay_what_they_are(text: str) -> None:
    """What was read could be written as something else: another field, or a second paragraph."""
    try:
        fields = read_stanza(text.encode(errors="replace"), "It")
    except InvalidUpload:
        return
    written = write_stanza(fields)
    assert read_stanza(written.encode(), "It") == fields and "\n\n" not in written
