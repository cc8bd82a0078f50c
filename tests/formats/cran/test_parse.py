"""Packages and their DESCRIPTION, good and hostile."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.cran.parse import Read, read_description, read_package

from .samples import BUILT, built, describe, gzip_of, pack_zip, sample, source, tar

WINDOWS, MAC = ("windows", "4.2"), ("macosx/big-sur-arm64", "4.2")


def read(content: bytes, folder: Path, *tree: str) -> Read:
    path = folder / "package"
    path.write_bytes(content)
    return read_package(str(path), *tree)


def fields_of(folder: Path, **fields: str) -> Mapping[str, str]:
    return read(sample(**fields).content, folder).facts.fields


def test_smallest(tmp_path: Path) -> None:
    """A package that says no more than it must could be refused."""
    found = read(source({"toy/DESCRIPTION": b"Package: toy\nVersion: 1.0"}), tmp_path)
    assert (found.name, found.version, found.facts.fields) == ("toy", "1.0", {"Package": "toy", "Version": "1.0"})


def test_what_a_list_repeats(tmp_path: Path) -> None:
    """A field that R reads of a list could be missing, or one that says where a file is be the uploader's."""
    said = {
        "Priority": "optional", "Depends": "R (>= 3.5)", "Imports": "bar", "LinkingTo": "cpp", "Suggests": "tests", "Enhances": "more",
        "License": "GPL-3", "License_is_FOSS": "yes", "License_restricts_use": "no", "OS_type": "windows",
        "Archs": "i386, x64", "NeedsCompilation": "yes",
    }  # fmt: skip
    found = fields_of(tmp_path, **said, MD5sum="0" * 32, Path="../..", File="other.tar.gz", Repository="CRAN", Remotes="a/b")
    assert found == {"Package": "toy", "Version": "1.0.0", **said} and list(found)[:3] == ["Package", "Version", "Priority"]


@pytest.mark.parametrize(
    ("said", "written"),
    [("abc,\n123", "abc, 123"), ("abc,\n  def", "abc, def"), ("abc\n\t(>= 1.0),def", "abc (>= 1.0), def"), ("R (>=3.5)", "R (>= 3.5)"),
     ("R(>= 3.5 )", "R (>= 3.5)"), ("R ( >= 3.5), , x.y,", "R (>= 3.5), x.y"), ("aa (== 1-0), bb (!= 2.0)", "aa (== 1-0), bb (!= 2.0)"),
     ("R (> 3)", "R (> 3)")],
)  # fmt: skip
def test_dependencies_are_spelled_as_r_reads_them(tmp_path: Path, said: str, written: str) -> None:
    """A blank too few in what one package needs makes R fail over the list of all."""
    assert fields_of(tmp_path, Imports=said)["Imports"] == written


@pytest.mark.parametrize("field", ["Depends", "Imports", "LinkingTo", "Suggests", "Enhances"])
@pytest.mark.parametrize(
    "said",
    ["R (>= r12345)", "R (>= abc)", "R (=> 3.5)", "R (= 3.5)", "foo (>= )", "foo (1.0)", "foo >= 1.0", "foo (>= 1.0", "foo bar", ".foo",
     "foo (>= 1.0) x", "foo (>= 99999999999)", "foo (>= 2147483648)", "föö", "foo (>= 1.0))", "https://x.y"],
)  # fmt: skip
def test_dependencies_that_r_cannot_read(tmp_path: Path, field: str, said: str) -> None:
    """One package could make the list of a whole repository unreadable for R."""
    with pytest.raises(InvalidUpload, match=field):
        fields_of(tmp_path, **{field: said})


def test_long_field(tmp_path: Path) -> None:
    """One package could make the list of a repository too long for everybody."""
    with pytest.raises(InvalidUpload, match="License has 65537"):
        fields_of(tmp_path, License="x" * 65537)
    assert len(fields_of(tmp_path, License="x" * 65536)["License"]) == 65536


def test_for_people(tmp_path: Path) -> None:
    """A page could show nothing of what a package is, or a link that is none."""
    said = {
        "Title": "A Toy", "Maintainer": "Zoë <zoe@mail.example>", "Depends": "R (>= 3.5), methods", "Suggests": "bar (>= 1.0)",
        "URL": "https://one.example, <http://two.example>\n https://three.example javascript:x", "BugReports": "mailto:x",
        "Description": "First line,\n  second line.",
    }  # fmt: skip
    about = read(sample(**said).content, tmp_path).about
    assert (about.summary, about.readme, about.author, about.requires) == ("A Toy", "First line, second line.", "Zoë <zoe@mail.example>", "R >= 3.5")
    assert [(one.name, one.range, one.kind) for one in about.dependencies] == [("methods", "", "depends"), ("bar", ">= 1.0", "suggests")]
    assert list(about.links.values()) == ["https://one.example", "http://two.example", "https://three.example"]


def test_pages_show_some_dependencies(tmp_path: Path) -> None:
    """A page could be made of tens of thousands of dependencies."""
    assert len(read(sample(Suggests=", ".join(["aa"] * 1000)).content, tmp_path).about.dependencies) == 500


@pytest.mark.parametrize(("encoding", "text"), [("latin1", "Größe"), ("latin2", "Łódź"), ("UTF-8", "大小"), ("", "Größe"), ("ascii", "size")])
def test_encodings(tmp_path: Path, encoding: str, text: str) -> None:
    """Letters could come out as others, or a package in another encoding break a list."""
    plain = describe("toy", "1.0.0", Encoding=encoding, License=f"file {text}", Author="", Title=text).decode()
    codec = {"latin2": "iso8859-2", "": "utf-8"}.get(encoding, encoding)
    found = read(source({"toy/DESCRIPTION": plain.encode(codec)}), tmp_path)
    assert (found.facts.fields["License"], found.about.summary) == (f"file {text}", text)


def test_lines_end_otherwise(tmp_path: Path) -> None:
    """A file from another system, or one with a mark of its byte order, could be refused or read otherwise."""
    content = b"\xef\xbb\xbfPackage: toy\r\nVersion: 1.0\r\nEncoding: UTF-8\r\nImports: abc,\r\n  def\r\n \r\n\t\n"
    assert read(source({"toy/DESCRIPTION": content}), tmp_path).facts.fields["Imports"] == "abc, def"


GOOD = describe("toy", "1.0.0")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"Package", b" Package: toy\n", GOOD + b"\n" + GOOD, GOOD + b"Version: 2.0\n", GOOD + b"License: \xff\n", GOOD + b"A: \0\n",
     GOOD + b"A: b\rPackage: c\n", GOOD + b"A\xc2\x85B: c\n", GOOD + b": x\n", GOOD + b"A B: c\n", GOOD.replace(b"UTF-8", b"EBCDIC"),
     GOOD.replace(b"UTF-8", b"ascii"), GOOD + b"".join(b"A%d: b\n" % n for n in range(300)), b"A: " + b"b" * 2**20, GOOD + b"\x1b: x\n"],
)  # fmt: skip
def test_bad_description(content: bytes) -> None:
    """A DESCRIPTION that can be read in two ways could put a record of its own into a list."""
    with pytest.raises(InvalidUpload):
        read_description(content)


@pytest.mark.parametrize(
    "fields",
    [{"Package": ""}, {"Version": ""}, {"Package": "a"}, {"Package": "1foo"}, {"Package": "../toy"}, {"Version": "1"}, {"Version": "1.x"},
     {"Version": "1.0 2.0"}, {"Package": "other"}, {"Package": "Toy"}],
)  # fmt: skip
def test_bad_names(tmp_path: Path, fields: Mapping[str, str]) -> None:
    """A package could be listed under a name or version that R cannot use, or that is not its folder's."""
    with pytest.raises(InvalidUpload):
        read(source({"toy/DESCRIPTION": describe("toy", "1.0.0", **fields)}), tmp_path)


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"PK", tar({"toy/DESCRIPTION": GOOD}),
     bz2.compress(tar({"toy/DESCRIPTION": GOOD})), lzma.compress(tar({"toy/DESCRIPTION": GOOD})),
     pack_zip({"toy/DESCRIPTION": GOOD}), source({}), source({"DESCRIPTION": GOOD}), source({"toy/DESCRIPTIONS": GOOD}),
     source({"toy/inst/DESCRIPTION": GOOD}), source({"toy/DESCRIPTION": GOOD, "other": b""}),
     source({"toy/DESCRIPTION": GOOD, "toy2/x": b""}), source({"toy/DESCRIPTION": GOOD, "other/DESCRIPTION": GOOD}),
     source({"other/DESCRIPTION": GOOD}), source({"toy/DESCRIPTION": GOOD, "../x": b""}), source({"toy/DESCRIPTION": GOOD, "/etc/x": b""}),
     source({"toy/description": GOOD}), source({}, link("toy/DESCRIPTION", "/etc/passwd")),
     source({"toy/DESCRIPTION": GOOD}, link("toy/x", "../../x")), source({"toy/DESCRIPTION": GOOD, "toy/Description": GOOD}),
     sample().content[:-20], source({"toy/DESCRIPTION": b"A: " + b"b" * 2**21})],
)  # fmt: skip
def test_bad_archive(tmp_path: Path, content: bytes) -> None:
    """What is no package could be taken, or one that puts files where R does not expect them."""
    with pytest.raises(InvalidUpload):
        read(content, tmp_path)


def test_bomb(tmp_path: Path) -> None:
    """A small file could unpack to more than anybody has memory for."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("toy/data")
        member.size = 2**28
        archive.addfile(member, io.BytesIO(bytes(2**28)))
    with pytest.raises(InvalidUpload, match="times"):
        read(out.getvalue(), tmp_path)


# -- what was built --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "tree"), [("zip", WINDOWS), ("tgz", MAC), ("tgz", ("macosx", "4.2")), ("zip", ("windows/contrib", "4.2"))])
def test_what_was_built(tmp_path: Path, suffix: str, tree: tuple[str, str]) -> None:
    """A package for a platform could be refused there."""
    found = read(built(suffix=suffix).content, tmp_path, *tree)
    assert (found.name, found.version) == ("toy", "1.0.0") and "Built" not in found.facts.fields


@pytest.mark.parametrize(
    ("content", "tree"),
    [(built().content, MAC), (built(suffix="tgz").content, WINDOWS), (built().content, ("windows", "4.1")), (sample().content, MAC),
     (built(suffix="tgz").content, ()), (built(Built="").content, WINDOWS), (built(Built="4.2.2").content, WINDOWS),
     (built(Built=BUILT.format("unix")).content, WINDOWS), (built(suffix="tgz", Built=BUILT.format("windows")).content, MAC),
     (pack_zip({"toy/DESCRIPTION": GOOD}), WINDOWS), (pack_zip({"DESCRIPTION": GOOD}), WINDOWS), (b"PK\x03\x04" + bytes(100), WINDOWS)],
)  # fmt: skip
def test_built_for_something_else(tmp_path: Path, content: bytes, tree: tuple[str, str]) -> None:
    """A package could be offered to a platform or a version of R that it was not built for, or as its own source."""
    with pytest.raises(InvalidUpload):
        read(content, tmp_path, *tree)


def test_two_of_one_name(tmp_path: Path) -> None:
    """A zip archive could show one DESCRIPTION to us and another one to R."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns(UserWarning):
        for version in ("1.0.0", "2.0.0"):
            archive.writestr(zipfile.ZipInfo("toy/DESCRIPTION"), describe("toy", version, Built=BUILT.format("windows")))
    with pytest.raises(InvalidUpload):
        read(out.getvalue(), tmp_path, *WINDOWS)


# -- bytes that nobody has thought of --------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_arbitrary_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Bytes that nobody has thought of could end in an error that is not the uploader's."""
    folder = tmp_path_factory.getbasetemp()
    described = {"toy/DESCRIPTION": content}
    for one, tree in (
        (content, ()),
        (gzip_of(content), ()),
        (source(described), ()),
        (pack_zip(described), WINDOWS),
        (b"PK\x03\x04" + content, WINDOWS),
    ):
        try:
            read(one, folder, *tree)
        except InvalidUpload:
            continue


@given(st.text(max_size=100), st.sampled_from(["Depends", "License", "OS_type", "Title"]))
def test_a_record_stays_one(tmp_path_factory: pytest.TempPathFactory, text: str, field: str) -> None:
    """A text could break out of its line, and be another field or another record of a list."""
    content = b"Package: toy\nVersion: 1.0\n" + f"{field}: {text}\n".encode(errors="replace")
    try:
        found = read(source({"toy/DESCRIPTION": content}), tmp_path_factory.getbasetemp())
    except InvalidUpload:
        return
    assert all(len(value.splitlines()) == 1 for value in found.facts.fields.values())
