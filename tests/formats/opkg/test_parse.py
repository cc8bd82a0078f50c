"""Packages in both containers, good and hostile."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.opkg.parse import Read, read_package
from packhouse.formats.opkg.parse.packages import LARGEST, read_control_file
from packhouse.grammar.stanzas import read_stanza

from ..debian.samples import make_ar, make_control, make_tar
from .samples import FIELDS, make_ipk, make_members, make_openwrt, make_yocto


def read(content: bytes, folder: Path) -> Read:
    path = folder / "package.ipk"
    path.write_bytes(content)
    return read_package(str(path))


def control(**said: str) -> bytes:
    return make_control({**FIELDS, **{name.replace("_", "-"): value for name, value in said.items()}})


@pytest.mark.parametrize("packed", ["", ".xz", ".zst"])
def test_other_compressions(tmp_path: Path, packed: str) -> None:
    """A package of Yocto could be refused, or one be taken for OpenWrt of which opkg installs nothing and says nothing."""
    members = make_members(FIELDS, packed=packed)
    assert read(make_yocto(members), tmp_path) == read(make_ipk(), tmp_path)
    with pytest.raises(InvalidUpload, match=r"control\.tar\.gz"):
        read(make_openwrt(members), tmp_path)


@pytest.mark.parametrize("member", ["./control", "control"])
def test_both_containers_are_read_alike(tmp_path: Path, member: str) -> None:
    """The same package could be refused in one container, or be listed otherwise than in the other."""
    members = make_members(FIELDS, member=member)
    found = [read(content, tmp_path) for content in (make_openwrt(members), make_openwrt(members, ""), make_yocto(members))]
    assert found[0] == found[1] == found[2]
    assert (found[0].name, found[0].version, found[0].file) == ("toy", "1.0-r1", "toy_1.0-r1_x86_64.ipk")
    assert found[0].facts.fields == "Package: toy\nVersion: 1.0-r1\nDepends: libc\nSection: utils\nArchitecture: x86_64\n"


@pytest.mark.parametrize("missing", ["Package", "Version", "Architecture"])
def test_missing_fields(missing: str) -> None:
    """A package without a name, version or architecture could be listed, and stop a client."""
    for said in ({}, {missing: ""}):
        fields = {name: value for name, value in FIELDS.items() if name != missing} | said
        with pytest.raises(InvalidUpload, match=missing):
            read_control_file(make_control(fields))


@pytest.mark.parametrize(
    ("field", "value"), [("Package", "a b"), ("Version", "1/2"), ("Architecture", "x 64"), ("Package", "../a"), ("Architecture", "x/y")]
)
def test_bad_values(field: str, value: str) -> None:
    """A value could put a file elsewhere, or break the name of one."""
    with pytest.raises(InvalidUpload, match="invalid"):
        read_control_file(control(**{field: value}))


def test_too_long_for_a_file() -> None:
    """A file could get a name that no client can store, or that costs a look-up for each underscore in it."""
    for said in ({"Package": "a" * 128, "Version": "1" * 128}, {"Version": "1_2_3_4_5_6_7_8_9_10"}):
        with pytest.raises(InvalidUpload, match="would be called"):
            read_control_file(control(**said))


def test_what_a_package_may_not_say() -> None:
    """A package could say of itself where it is, how large, with which digest, or that it is installed already."""
    said = {
        "Filename": "../../x.ipk",
        "size": "1",
        "SHA256sum": "0" * 64,
        "md5sum": "0",
        "Status": "install ok installed",
        "Conffiles": "\n /etc/x 0",
    }
    facts = read_control_file(control(**said)).facts
    assert facts.fields + facts.more == "".join(f"{name}: {value}\n" for name, value in FIELDS.items() if name != "Description")


@pytest.mark.parametrize("name", ["Package-Type", "Version2", "FilenameX", "Size-Of", "SHA256sum-x", "Description-md5", "Architectures", "Statusx"])
def test_fields_that_opkg_takes_for_others(name: str) -> None:
    """A field whose name begins with another's is that other one to opkg: a record could be of another package, file or digest."""
    facts = read_control_file(make_control({**FIELDS, name: "other"})).facts
    assert facts.fields == read_control_file(control()).facts.fields
    assert facts.more == f"{name}: other\n"


def test_spelling() -> None:
    """A field spelled otherwise could be there for us and not for opkg, which tells capital letters from small ones."""
    fields = {name.upper(): value for name, value in FIELDS.items()}
    assert read_control_file(make_control(fields)).facts == read_control_file(control()).facts


def test_what_routers_are_spared() -> None:
    """A router could have to read what only people want to know, or people find it nowhere."""
    said = {"Maintainer": "Zoë", "LicenseFiles": "COPYING", "Source": "utils/toy", "SourceName": "toy", "SourceDateEpoch": "1", "License": "MIT"}
    facts = read_control_file(control(**said)).facts
    assert facts.fields.endswith("Architecture: x86_64\nLicense: MIT\n")
    assert facts.more == "Maintainer: Zoë\nLicenseFiles: COPYING\nSource: utils/toy\nSourceName: toy\nSourceDateEpoch: 1\n"


def test_folded_fields_become_one_line() -> None:
    """opkg reads the first line of a folded field: a package could be installed without what it needs."""
    facts = read_control_file(control(Depends="libc,\n libone (>= 1),\n\tlibtwo")).facts
    assert "Depends: libc, libone (>= 1), libtwo\n" in facts.fields


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("a, b", "a, b"), ("a,b(>=1.0)", "a, b (>= 1.0)"), ("a, , b,", "a, b"), ("a|b (= 1)", "a | b (= 1)"), ("a (1.0)", "a (1.0)"),
        ("libfoo-any, libfoo (= 1:2.0-r1)", "libfoo-any, libfoo (= 1:2.0-r1)"), ("mod *", "mod *"), ("a (>> 1), b (<< 2)", "a (>> 1), b (<< 2)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["Depends", "Provides", "Conflicts", "Replaces", "Recommends", "Suggests", "Pre-Depends"])
def test_relations(field: str, told: str, written: str) -> None:
    """A list of packages could lose a version or an alternative, or keep an empty item, which opkg does not survive."""
    assert f"{field}: {written}\n" in read_control_file(control(**{field: told})).facts.fields


@pytest.mark.parametrize("told", ["a ()", "a (>= )", "a (", "a b", "a | ", "| a", "a (>= 1", "a) b", "(>= 1)", "a (>= 1) (<< 2)"])
def test_relations_that_stop_opkg(told: str) -> None:
    """One package could stop every client of a feed: opkg takes a version for granted behind a bracket."""
    with pytest.raises(InvalidUpload, match="Depends"):
        read_control_file(control(Depends=told))


def test_empty_fields_are_left_out() -> None:
    """opkg compares the value of some fields without looking whether there is one."""
    assert "Essential" not in read_control_file(control(Essential="", Depends=" , ")).facts.fields


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("a toy\n Long.\n .\n End.", "Description: a toy\n Long.\n .\n End.\n"),
        ("a toy\n\tTab.\n   deep", "Description: a toy\n Tab.\n deep\n"),
        ("\n first line", "Description: first line\n"),
        ("a toy\n \u00a0\n more", "Description: a toy\n more\n"),
        ("\n \u00a0\n more", "Description: more\n"),
        ("", ""),
    ],
)
def test_descriptions(told: str, written: str) -> None:
    """A description could run into the next field or record, or lose its first line."""
    assert read_control_file(control(Description=told)).facts.description == written


@pytest.mark.parametrize("told", ["a toy\nwithout a blank", "a toy\n\n more", "a toy\n \n more", "a\x0b", "a\r b", "a\x85b"])
def test_descriptions_that_break_a_record(told: str) -> None:
    """A line of a description could be read as a field of the record, or as its end."""
    with pytest.raises(InvalidUpload):
        read_control_file(control(Description=told))


def test_bounds() -> None:
    """A small upload could make every list large."""
    with pytest.raises(InvalidUpload, match="Description has"):
        read_control_file(control(Description="x" * 20_000))
    for size in (LARGEST, 32 * 1024):
        with pytest.raises(InvalidUpload, match="The control file has"):
            read_control_file(control(Tags="x" * size))
    with pytest.raises(InvalidUpload, match="fields"):
        read_control_file(make_control({**FIELDS, **{f"X{number}": "1" for number in range(300)}}))


def test_many_folded_lines() -> None:
    """A field of many lines could lose some, or be put together anew with each of them."""
    [(name, value)] = read_stanza(b"X: a\n" + b" b\n" * 300_000, "The file")
    assert name == "X" and value == "a" + "\n b" * 300_000


def test_about() -> None:
    """A page could show nothing of what a package says of itself, or a link that is none."""
    said = {
        "License": "MIT",
        "Maintainer": "Zoë",
        "URL": "https://site.example/",
        "Depends": "libc, b (>= 1) | c",
        "Description": "a toy\n Long.\n .\n End.",
    }
    about = read_control_file(control(**said)).about
    assert (about.summary, about.readme, about.license, about.author, about.keywords) == ("a toy", "Long.\n\nEnd.", "MIT", "Zoë", ("utils",))
    assert about.links == {"Homepage": "https://site.example/"}
    assert [(one.name, one.range, one.kind) for one in about.dependencies] == [("libc", "", "runtime"), ("b", ">= 1", "runtime")]
    assert read_control_file(control(URL="javascript:alert(1)")).about.links == {}


# -- hostile containers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [make_openwrt, make_yocto])
def test_members(tmp_path: Path, make: object) -> None:
    """A package could lack what it must have, or have it twice, and mean one thing here and another to a client."""
    members = make_members(FIELDS)
    for missing in members:
        with pytest.raises(InvalidUpload):
            read(make({name: content for name, content in members.items() if name != missing}), tmp_path)  # type: ignore[operator]
    for name in ("control.tar.xz", "control.tar", "data.tar.xz", "more", "control.tar.gz.old"):
        with pytest.raises(InvalidUpload):
            read(make({**members, name: members["control.tar.gz"]}), tmp_path)  # type: ignore[operator]
    for name, content in (("debian-binary", b"3.0\n"), ("control.tar.gz", b"x"), ("control.tar.gz", gzip.compress(make_tar({"other": b""})))):
        with pytest.raises(InvalidUpload):
            read(make({**members, name: content}), tmp_path)  # type: ignore[operator]
    with pytest.raises(InvalidUpload, match=r"lzma|control\.tar\.gz"):
        read(make({"debian-binary": b"2.0\n", "control.tar.lzma": b"", "data.tar.gz": b""}), tmp_path)  # type: ignore[operator]


def test_links(tmp_path: Path) -> None:
    """A link could stand where the payload must be, and a client install nothing."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        for name, content in make_members(FIELDS).items():
            member = tarfile.TarInfo(name)
            if name == "data.tar.gz":
                member.type, member.linkname = tarfile.SYMTYPE, "control.tar.gz"
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(InvalidUpload, match=r"data\.tar\.gz"):
        read(sink.getvalue(), tmp_path)


def test_twins(tmp_path: Path) -> None:
    """A second control file could be the one that a client reads."""
    members = list(make_members(FIELDS).items())
    with pytest.raises(InvalidUpload, match="twice"):
        read(make_ar([*members, members[-1]]), tmp_path)
    two = make_members(FIELDS) | {"control.tar.gz": gzip.compress(make_tar({"./control": control(), "control": control()}))}
    with pytest.raises(InvalidUpload):
        read(make_openwrt(two), tmp_path)


@pytest.mark.parametrize("content", [b"", b"MZ", b"!<arch>", b"\x1f\x8b", b"\x1f\x8b\x08", b"!<arch>\nx", gzip.compress(b"x" * 2000)])
def test_no_package(tmp_path: Path, content: bytes) -> None:
    """Something else could be taken for a package."""
    with pytest.raises(InvalidUpload):
        read(content, tmp_path)


def test_bombs(tmp_path: Path) -> None:
    """A small package could fill the memory: an outer archive, a control.tar inside of it, or a control file in that."""
    zeros = bytes(32 * 1024 * 1024)
    bombs = [
        make_openwrt(make_members(FIELDS) | {"data.tar.gz": zeros}),
        make_openwrt(make_members(FIELDS) | {"control.tar.gz": gzip.compress(make_tar({"control": zeros}))}),
        make_yocto(make_members(FIELDS) | {"control.tar.gz": gzip.compress(make_tar({"control": b"A: " + b"x" * 10_000_000}))}),
        make_openwrt(make_members(FIELDS) | {f"_{number}": b"" for number in range(200)}),
    ]
    for bomb in bombs:
        assert len(bomb) < 2 * 1024 * 1024
        with pytest.raises(InvalidUpload):
            read(bomb, tmp_path)


def test_cut_short(tmp_path: Path) -> None:
    """Half of an upload could be taken for a package."""
    for whole in (make_ipk(), make_yocto(make_members(FIELDS))):
        for length in range(0, len(whole) - 2, 23):
            with pytest.raises(InvalidUpload):
                read(whole[:length], tmp_path)


@given(st.binary(max_size=300), st.sampled_from([b"", b"!<arch>\n", b"\x1f\x8b"]))
def test_fuzz_packages(tmp_path_factory: pytest.TempPathFactory, content: bytes, magic: bytes) -> None:
    """Bytes could end in another error than a refusal."""
    with pytest.raises(InvalidUpload):
        read(magic + content, tmp_path_factory.getbasetemp())


@given(st.dictionaries(st.sampled_from([*FIELDS, "Provides", "Description", "X"]) | st.text("ab-:", min_size=1, max_size=4), st.text(max_size=30)))
def test_fuzz_control(fields: dict[str, str]) -> None:
    """What a record says could differ from what a client reads: one line to a field, names in front, nothing empty."""
    try:
        found = read_control_file(make_control({"Package": "toy", "Version": "1", "Architecture": "all", **fields}))
    except (InvalidUpload, UnicodeEncodeError):
        return
    for line in (found.facts.fields + found.facts.more).splitlines():
        name, colon, value = line.partition(": ")
        assert colon and value.strip() and " " not in name
    assert found.facts.fields.startswith("Package: ")
