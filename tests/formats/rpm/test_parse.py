"""Packages, good and hostile."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.rpm.parse import Read, read_package, unpack
from packhouse.formats.rpm.parse.facts import LARGEST_LIST, pack
from packhouse.formats.rpm.parse.headers import MOST_ITEMS, read_headers
from packhouse.formats.rpm.parse.packages import LARGEST_FORMAT, MOST_PATHS

from .samples import (
    ARCHITECTURE,
    BASE_NAMES,
    BINARY,
    CHANGE_AUTHORS,
    CHANGE_TEXTS,
    CHANGE_TIMES,
    DESCRIPTION,
    DIRECTORIES,
    DIRECTORY_OF,
    EPOCH,
    EQUAL,
    FILE_MODES,
    GREATER,
    INT32,
    LESS,
    NAME,
    PACKAGER,
    PROVIDES,
    RELEASE,
    REQUIRES,
    SCRIPT_BEFORE,
    SOURCE_PACKAGE,
    STRINGS,
    SUMMARY,
    URL,
    VERSION,
    files_of,
    make_header,
    make_rpm,
    make_tags,
    relations,
)

GHOST = 1 << 6


def read(content: bytes, folder: Path) -> Read:
    path = folder / "package.rpm"
    path.write_bytes(content)
    return read_package(str(path))


def read_tags(folder: Path, *more: dict[int, Any], without: tuple[int, ...] = ()) -> Read:
    tags = make_tags()
    for one in more:
        tags |= one
    return read(make_rpm({tag: value for tag, value in tags.items() if tag not in without}), folder)


def xml(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(f'<x xmlns:rpm="r">{text}</x>')


def entries(found: Read, kind: str) -> list[dict[str, str]]:
    return [entry.attrib for entry in xml(found.facts.format).iterfind(f"{{r}}{kind}/{{r}}entry")]


def files(text: str) -> list[tuple[str, str]]:
    return [(str(file.text), file.get("type", "")) for file in xml(text).iter("file")]


# -- what is read ----------------------------------------------------------------------------------------------------


def test_coordinates(tmp_path: Path) -> None:
    """A package could be filed under another name or version than rpm knows it by."""
    found = read_tags(tmp_path, {EPOCH: 2, VERSION: "1.0~rc1", RELEASE: "3.el9"})
    assert (found.name, found.version, found.architecture) == ("toy", "2:1.0~rc1-3.el9", "noarch")
    facts = found.facts
    assert (facts.epoch, facts.version, facts.release, facts.built, facts.installed, facts.archive) == (2, "1.0~rc1", "3.el9", 1_700_000_000, 12, 124)
    assert read_tags(tmp_path, {EPOCH: 0}).version == "1.0-1"


def test_source_package(tmp_path: Path) -> None:
    """A source package could be offered to machines of the architecture it was built on."""
    assert read_tags(tmp_path, {ARCHITECTURE: "x86_64"}, without=(SOURCE_PACKAGE,)).architecture == "src"
    assert read_tags(tmp_path, {1051: [0]}, without=(SOURCE_PACKAGE,)).architecture == "nosrc"


def test_header_range(tmp_path: Path) -> None:
    """A client that fetches only the header of a package could get something else."""
    content = make_rpm(make_tags())
    [told] = xml(read(content, tmp_path).facts.format).iterfind("{r}header-range")
    assert content[int(told.attrib["start"]) : int(told.attrib["end"])] == make_header(make_tags())


def test_relations(tmp_path: Path) -> None:
    """What a package requires could lose its comparison, its epoch or that its scripts need it; rich ones could be cut to pieces."""
    told = relations(
        REQUIRES,
        ("a", 0, ""),
        ("b", GREATER | EQUAL, "2:1.0-3"),
        ("c", LESS, "1.0"),
        ("/bin/sh", SCRIPT_BEFORE, ""),
        ("(x if y)", 0, ""),
        ("d", EQUAL, ""),
    )
    assert entries(read_tags(tmp_path, told), "requires") == [
        {"name": "a"}, {"name": "b", "flags": "GE", "epoch": "2", "ver": "1.0", "rel": "3"}, {"name": "c", "flags": "LT", "epoch": "0", "ver": "1.0"},
        {"name": "/bin/sh", "pre": "1"}, {"name": "(x if y)"}, {"name": "d", "flags": "EQ"},
    ]  # fmt: skip


def test_needless_requirements(tmp_path: Path) -> None:
    """A client could look for what rpm itself brings, or for what the package brings with it."""
    told = relations(
        REQUIRES, ("rpmlib(X)", LESS | EQUAL, "1"), ("toy", EQUAL, "1.0-1"), ("toy", EQUAL, "2.0"), ("/usr/bin/toy", 0, ""), ("/usr/share/d", 0, ""),
        ("a", 0, ""), ("a", 0, ""),
    )  # fmt: skip
    found = read_tags(tmp_path, told, files_of(["/usr/bin/toy", "/usr/share/d"]))
    assert [(entry["name"], entry.get("ver")) for entry in entries(found, "requires")] == [("toy", "2.0"), ("/usr/share/d", None), ("a", None)]


def test_files(tmp_path: Path) -> None:
    """A file that others may require could be missing in primary.xml, or a folder pass for a file."""
    paths = ["/etc/toy", "/usr/sbin/x", "/usr/lib/sendmail", "/opt/robin/y", "/usr/share/z", "/usr/share/d", "/var/log/l", "/usr/lib/sendmail2"]
    found = read_tags(tmp_path, files_of(paths, [0o100644] * 5 + [0o040755] + [0o100644] * 2, [0] * 6 + [GHOST, 0]))
    kinds = ["", "", "", "", "", "dir", "ghost", ""]
    assert files(unpack(found.facts.files).decode()) == list(zip(paths, kinds, strict=True))
    assert [path for path, _ in files(found.facts.format)] == ["/etc/toy", "/usr/sbin/x", "/usr/lib/sendmail", "/opt/robin/y"]


def test_old_names_of_files(tmp_path: Path) -> None:
    """A package of rpm 3 could come without its files."""
    assert files(unpack(read_tags(tmp_path, {1027: ["/etc/a", "/b"]}).facts.files).decode()) == [("/etc/a", ""), ("/b", "")]


def test_changes(tmp_path: Path) -> None:
    """The newest changes could be missing, or two of one day change places."""
    times = [50, 50, 50, *range(40, 20, -1)]
    found = read_tags(tmp_path, {CHANGE_TIMES: times, CHANGE_AUTHORS: [f"A{n} " for n in range(23)], CHANGE_TEXTS: [f"t{n}" for n in range(23)]})
    told = [(one.attrib["date"], one.attrib["author"], one.text) for one in xml(unpack(found.facts.changes).decode()).iter("changelog")]
    assert told == [*((str(n), f"A{43 - n}", f"t{43 - n}") for n in range(34, 41)), ("50", "A2", "t2"), ("51", "A1", "t1"), ("52", "A0", "t0")]


def test_text_is_well_formed(tmp_path: Path) -> None:
    """One package with a control character or bytes of another encoding could break the lists of all."""
    found = read_tags(
        tmp_path,
        {SUMMARY: b"\x00"[:0] + b"a\x01b<&>\x1b", DESCRIPTION: b"caf\xe9\xff", PACKAGER: "\ufffe\x7fö", URL: 'x"y'},
        files_of([b"/etc/\xe4\x02<"]),
    )
    told = xml(found.facts.described)
    assert [(child.tag, child.text) for child in told] == [("summary", "ab<&>"), ("description", "café\xff"), ("packager", "\x7fö"), ("url", 'x"y')]
    assert files(found.facts.format) == [("/etc/ä<", "")]


def test_fifty_thousand_files(tmp_path: Path) -> None:
    """A package with very many files could be refused, or swell the database."""
    found = read_tags(tmp_path, files_of([f"/usr/share/doc/toy/folder-{n % 100}/a-file-{n}.html" for n in range(50_000)]))
    assert unpack(found.facts.files).count(b"<file>") == 50_000
    assert len(found.facts.files) < 1024 * 1024


def test_what_people_read(tmp_path: Path) -> None:
    """A page could show nothing of a package, or a link that is none."""
    found = read_tags(tmp_path, {URL: "https://site.example/", 1016: "Tools"}, relations(REQUIRES, ("a", GREATER | EQUAL, "1"))).about
    assert (found.summary, found.license, found.keywords, found.links) == ("a toy", "MIT", ("Tools",), {"Homepage": "https://site.example/"})
    assert [(one.name, one.range) for one in found.dependencies] == [("a", ">= 1")]
    assert read_tags(tmp_path, {URL: "javascript:x", 1016: "Unspecified"}).about.links == {}


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tag", "what"), [(NAME, "name"), (VERSION, "version"), (RELEASE, "release"), (ARCHITECTURE, "architecture")])
def test_missing(tmp_path: Path, tag: int, what: str) -> None:
    """A package without a name, version, release or architecture could be listed."""
    for tags in ({**make_tags(), tag: ""}, {key: value for key, value in make_tags().items() if key != tag}, {**make_tags(), tag: 7}):
        with pytest.raises(InvalidUpload, match=f"has no {what}"):
            read(make_rpm(tags), tmp_path)


@pytest.mark.parametrize(
    ("tags", "error"),
    [({NAME: "../toy"}, InvalidName), ({NAME: b"t\xffy"}, InvalidName), ({VERSION: "1/0"}, InvalidVersion), ({VERSION: "1-0"}, InvalidVersion),
     ({RELEASE: "1\n"}, InvalidVersion), ({ARCHITECTURE: "../x"}, InvalidUpload), ({VERSION: "1" * 200}, InvalidVersion),
     ({NAME: "ev\x01il"}, InvalidName), ({VERSION: "1\x01.0"}, InvalidVersion), ({RELEASE: "\x1b1"}, InvalidVersion),
     ({ARCHITECTURE: "no\x02arch"}, InvalidUpload)],
)  # fmt: skip
def test_bad_coordinates(tmp_path: Path, tags: dict[int, Any], error: type[Invalid]) -> None:
    """A package could be stored where its name leads, or not be addressed at all."""
    with pytest.raises(error):
        read_tags(tmp_path, tags)


@pytest.mark.parametrize(
    "tags",
    [{**files_of(["/a"]), DIRECTORY_OF: [5]}, {**files_of(["/a"]), DIRECTORY_OF: [0, 0]}, {**files_of(["/a"]), FILE_MODES: [1, 2]},
     {**files_of(["/a"]), BASE_NAMES: ["a", "b"]}, relations(REQUIRES, ("a", 0, "")) | {REQUIRES[1]: [0, 0]},
     relations(REQUIRES, ("a", 0, "")) | {REQUIRES[2]: [1]}, relations(PROVIDES, ("a", 0, "")) | {PROVIDES[1]: ["x"]}],
)  # fmt: skip
def test_lists_that_do_not_agree(tmp_path: Path, tags: dict[int, Any]) -> None:
    """A list could be read past its end, or a file be listed in a folder that it is not in."""
    with pytest.raises(InvalidUpload, match="damaged"):
        read_tags(tmp_path, tags)


@pytest.mark.parametrize(
    "value",
    [(INT32, 1000, b"\0" * 4), (STRINGS, 1000, b"a\0"), (STRINGS, 2, b"a\0b"), (BINARY, 1000, b"a"), (17, 1, b"a"), (INT32, MOST_ITEMS + 1, b"a"),
     (INT32, 2**31, b"\0" * 4)],
)  # fmt: skip
def test_tags_that_lie(tmp_path: Path, value: tuple[int, int, bytes]) -> None:
    """A tag could take more memory than the package has bytes, or be read outside of its header."""
    with pytest.raises(InvalidUpload, match="tag 9999"):
        read_tags(tmp_path, {9999: value})


def test_tags_on_one_another(tmp_path: Path) -> None:
    """A small header could be read as a very large one, by tags that all mean the same bytes."""
    store = b"x" * 100_000 + b"\0"
    index = b"".join(struct.pack(">IIiI", tag, BINARY, 0, len(store)) for tag in range(4000))
    main = b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", 4000, len(store)) + index + store
    content = make_rpm({}, signatures={})
    with pytest.raises(InvalidUpload, match="on one another"):
        read(content[: content.index(make_header({}), 100)] + main, tmp_path)


def test_few_bytes_many_paths(tmp_path: Path) -> None:
    """A small package could fill the server's memory: files without names in one directory with a very long one."""
    tags = {DIRECTORIES: ["/" + "d" * 100_000], BASE_NAMES: [""] * 400, DIRECTORY_OF: [0] * 400}
    assert len(make_rpm(make_tags() | tags)) < 110_000 and MOST_PATHS < 400 * 100_001
    with pytest.raises(InvalidUpload, match=f"more than {MOST_PATHS} characters"):
        read_tags(tmp_path, tags)
    assert read_tags(tmp_path, {**tags, BASE_NAMES: [""] * 4, DIRECTORY_OF: [0] * 4}).facts.files


def test_few_bytes_much_of_primary(tmp_path: Path) -> None:
    """A small package could swell the database by files that primary.xml has too, where nothing is packed."""
    tags = {DIRECTORIES: ["/bin/" + "d" * 100_000], BASE_NAMES: [""] * 100, DIRECTORY_OF: [0] * 100}
    with pytest.raises(InvalidUpload, match=f"more than {LARGEST_FORMAT} characters"):
        read_tags(tmp_path, tags)


def test_large_lists() -> None:
    """A list could be kept that nobody unpacks again."""
    assert unpack(pack("x" * LARGEST_LIST)) == b"x" * LARGEST_LIST
    with pytest.raises(InvalidUpload, match="split it"):
        pack("x" * (LARGEST_LIST + 1))


@pytest.mark.parametrize("place", ["main", "signatures"])
def test_tags_that_come_twice(tmp_path: Path, place: str) -> None:
    """A package could have one name here, and another one for whoever reads the first of two tags."""
    header = make_header({NAME: "evil", VERSION: "1"})
    twice = header[:32] + struct.pack(">I", NAME) + header[36:]
    content = make_rpm({}, signatures={})
    whole = content[:96] + twice + b"\0" * (-len(twice) % 8) + make_header(make_tags()) if place == "signatures" else content[:112] + twice
    with pytest.raises(InvalidUpload, match=f"tag {NAME} comes twice"):
        read(whole, tmp_path)


@pytest.mark.parametrize("offset", [-1, 10_000_000])
def test_tags_outside(tmp_path: Path, offset: int) -> None:
    """A tag could be read before or behind its header."""
    content = bytearray(make_rpm(make_tags(), signatures={}))
    at = content.index(struct.pack(">I", NAME)) + 8
    content[at : at + 4] = struct.pack(">i", offset)
    with pytest.raises(InvalidUpload, match="outside"):
        read(bytes(content), tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "no RPM"), (b"garbage" * 100, "no RPM"), (make_rpm(make_tags())[:95], "no RPM"), (make_rpm(make_tags())[:110], "does not begin"),
     (make_rpm(make_tags())[:130], "cut short"), (make_rpm(make_tags())[:400], "cut short"),
     (make_rpm(make_tags(), lead=b"\xed\xab\xee\xdb\x02" + b"\0" * 91), "format 2"),
     (make_rpm(make_tags(), signatures={1000: 5}), "cut short or damaged"),
     (make_rpm(make_tags())[:-1], "cut short or damaged"), (make_rpm(make_tags(), signatures={273: "0" * 64}), "another sha256"),
     (make_rpm(make_tags(), signatures={269: "0" * 40}), "another sha1")],
    ids=range(11),
)  # fmt: skip
def test_no_package(tmp_path: Path, content: bytes, said: str) -> None:
    """Something that is no package, or not whole, could be published, and fail every machine that installs it."""
    with pytest.raises(InvalidUpload, match=re.escape(said)):
        read(content, tmp_path)


@pytest.mark.parametrize(("count", "length"), [(5000, 10), (10, 2**31), (2**32 - 1, 2**32 - 1)])
def test_enormous_headers(tmp_path: Path, count: int, length: int) -> None:
    """A header could make the server take gigabytes of memory by saying that it is so long."""
    lead = make_rpm({})[:96]
    with pytest.raises(InvalidUpload, match="at most"):
        read(lead + b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", count, length) + b"x" * 100, tmp_path)


@given(st.binary(max_size=400))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Some bytes could end in an error of the server's instead of a refusal."""
    folder = tmp_path_factory.getbasetemp()
    for whole in (content, make_rpm({})[:96] + content, make_rpm({}, signatures={})[:112] + b"\x8e\xad\xe8\x01\0\0\0\0" + content):
        with pytest.raises(Invalid):
            read(whole, folder)


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8))
def test_damaged_bytes(tmp_path_factory: pytest.TempPathFactory, at: int, changed: bytes) -> None:
    """A package with some bytes changed could end in an error of the server's."""
    tags = make_tags() | files_of(["/etc/a", "/usr/bin/b"]) | {CHANGE_TIMES: [1], CHANGE_AUTHORS: ["a"], CHANGE_TEXTS: ["b"]}
    content = bytearray(make_rpm(tags, signatures={1007: 1}))
    at %= len(content)
    content[at : at + len(changed)] = changed
    try:
        xml(read(bytes(content), tmp_path_factory.getbasetemp()).facts.format)
    except Invalid:
        pass


def test_other_tags_are_kept_apart(tmp_path: Path) -> None:
    """A number of the signatures could be taken for one of the package."""
    path = tmp_path / "toy.rpm"
    path.write_bytes(make_rpm(make_tags(), signatures={1007: 99, NAME: 0}))
    with path.open("rb") as file, pytest.raises(InvalidUpload):
        read_headers(file, path.stat().st_size)
