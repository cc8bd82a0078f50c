"""Zip archives: ordinary ones are read, ambiguous and hostile ones are refused."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.grammar.archives import LIMITS, Archive, Limits, read_zip

MIB = 1024**2


def everything(name: str) -> bool:
    return True


@dataclass(kw_only=True)
class Member:
    """One member, written with whatever lies about it a test wants to tell."""

    name: bytes = b"a.txt"
    content: bytes = b"hello"
    method: int = 8
    flags: int = 0x0800
    attributes: int = 0
    extra: bytes = b""
    descriptor: str = ""  # struct format of what follows the data
    packed: bytes | None = None
    central: dict[str, Any] = field(default_factory=dict)
    local: dict[str, Any] = field(default_factory=dict)
    gap: bytes = b""

    def facts(self) -> dict[str, Any]:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = self.packed if self.packed is not None else deflate.compress(self.content) + deflate.flush() if self.method == 8 else self.content
        return {
            "needed": 20, "name": self.name, "flags": self.flags | (8 if self.descriptor else 0), "method": self.method,
            "crc": zlib.crc32(self.content),
            "packed": len(packed), "size": len(self.content), "extra": self.extra, "data": packed,
        }  # fmt: skip


def middle(told: dict[str, Any]) -> bytes:
    """What local header and directory have in common: from the method to the length of the extra fields."""
    return struct.pack("<3H3L2H", told["method"], 0, 0, told["crc"], told["packed"], told["size"], len(told["name"]), len(told["extra"]))


def build(
    *members: Member, end: dict[str, int] | None = None, comment: bytes = b"", before: bytes = b"", between: bytes = b"", after: bytes = b""
) -> bytes:
    """An archive of these members."""
    body, directory = bytearray(before), bytearray()
    for member in members:
        facts = member.facts()
        offset = len(body)
        zeros = {"crc": 0, "packed": 0, "size": 0} if member.descriptor else {}
        told = facts | zeros | member.local
        body += struct.pack("<4s2H", b"PK\3\4", told["needed"], told["flags"]) + middle(told) + told["name"] + told["extra"] + facts["data"]
        if member.descriptor:
            signature = [b"PK\7\10"] if "s" in member.descriptor else []
            body += struct.pack("<" + member.descriptor, *signature, facts["crc"], facts["packed"], facts["size"])
        body += member.gap
        said = {"disk": 0, "offset": offset} | facts | member.central
        directory += struct.pack("<4s3H", b"PK\1\2", 0x031E, said["needed"], said["flags"]) + middle(said)
        directory += struct.pack("<3H2L", 0, said["disk"], 0, member.attributes << 16, said["offset"]) + said["name"] + said["extra"]
    at = len(body)
    body += directory + between
    last = {"disk": 0, "here": len(members), "count": len(members), "size": len(directory), "offset": at} | (end or {})
    body += struct.pack("<4s4H2LH", b"PK\5\6", last["disk"], 0, last["here"], last["count"], last["size"], last["offset"], len(comment)) + comment
    return bytes(body + after)


def read(data: bytes, **options: object) -> Archive:
    return read_zip(data, everything, **options)  # type: ignore[arg-type]


GOOD: dict[str, bytes] = {
    "plain": build(Member()),
    "stored": build(Member(method=0)),
    "comment": build(Member(), comment=b"made by hand"),
    "descriptor of 12": build(Member(descriptor="3L")),
    "descriptor of 16": build(Member(descriptor="4s3L")),
    "descriptor of 20": build(Member(descriptor="L2Q")),
    "descriptor of 24": build(Member(descriptor="4sL2Q")),
    "descriptor, sizes known": build(Member(descriptor="4s3L", local={"crc": zlib.crc32(b"hello"), "packed": 7, "size": 5})),
    "wide sizes": build(Member(local={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF, "extra": struct.pack("<2H2Q", 1, 16, 5, 7)})),
    "wide sizes in the directory": build(Member(central={"size": 0xFFFFFFFF, "extra": struct.pack("<2HQ", 1, 8, 5)})),
    "mode of a file": build(Member(attributes=0o100644)),
    "name without the flag": build(Member(flags=0)),
    "extra field": build(Member(extra=struct.pack("<2H5s", 0x5455, 5, b"times"))),
    "same unicode name": build(Member(extra=struct.pack("<2HBL5s", 0x7075, 10, 1, 0, b"a.txt"))),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_ordinary_shapes_are_read(data: bytes) -> None:
    """A shape that real tools write would be refused, or its content misread."""
    archive = read(data, digest=True)
    assert archive.members == {"a.txt": b"hello"}
    assert archive.sizes == {"a.txt": 5}
    assert archive.digests == {"a.txt": hashlib.sha256(b"hello").hexdigest()}
    assert zipfile.ZipFile(io.BytesIO(data)).read("a.txt") == b"hello"


def wide_end(data: bytes, **lies: int) -> bytes:
    """The archive with a zip64 end record, and full fields in the plain one."""
    at = data.rindex(b"PK\5\6")
    _, _, _, count, _, size, offset, _ = struct.unpack_from("<4s4H2LH", data, at)
    told = {"count": count, "size": size, "offset": offset, "at": at, "length": 44, "disks": 1, "narrow": 0xFFFF} | lies
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", told["length"], 45, 45, 0, 0, told["count"], told["count"], told["size"], told["offset"])
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, told["at"], told["disks"])
    plain = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, told["narrow"], told["narrow"], 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:at] + record + locator + plain


def test_wide_end_record_is_read() -> None:
    """An archive with a zip64 end record would be refused."""
    data = wide_end(GOOD["plain"])
    assert zipfile.ZipFile(io.BytesIO(data)).read("a.txt") == b"hello"
    assert read(data).members == {"a.txt": b"hello"}


UPPER, LOWER = Member(name=b"README"), Member(name=b"readme")
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "not a zip": b"hello world" * 100,
    "same name twice": build(Member(), Member()),
    "same name in another case": build(UPPER, LOWER),
    "same name in another normal form": build(Member(name="é".encode()), Member(name="e\u0301".encode())),
    "file and folder of one name": build(Member(name=b"a"), Member(name=b"a/", content=b"", method=0)),
    "member below a file": build(Member(name=b"a"), Member(name=b"a/b")),
    "member below a file in another case": build(Member(name=b"A"), Member(name=b"b"), Member(name=b"a/b")),
    "other name in the local header": build(Member(local={"name": b"b.txt"})),
    "other size in the local header": build(Member(local={"size": 6})),
    "other packed size in the local header": build(Member(local={"packed": 8})),
    "other CRC in the local header": build(Member(local={"crc": 1})),
    "other method in the local header": build(Member(local={"method": 0})),
    "other flags in the local header": build(Member(local={"flags": 0})),
    "sizes of 0 without a descriptor": build(Member(local={"crc": 0, "packed": 0, "size": 0})),
    "wrong sizes beside a descriptor": build(Member(descriptor="4s3L", local={"size": 4})),
    "same bytes for two names": build(Member(), Member(name=b"b.txt", central={"offset": 0})),
    "overlapping members": build(Member(content=b"x" * 40, method=0), Member(name=b"b.txt", central={"offset": 50})),
    "bytes between members": build(Member(gap=b"junk"), Member(name=b"b.txt")),
    "bytes after the last member": build(Member(gap=b"junk")),
    "bytes in front, offsets adjusted": build(Member(), before=b"#!/bin/sh\n"),
    "bytes in front, offsets not adjusted": b"#!/bin/sh\n" + build(Member()),
    "bytes before the end record": build(Member(), between=b"junk"),
    "bytes after the end record": build(Member(), after=b"junk"),
    "an archive after the archive": build(Member()) + build(Member()),
    "end record in the comment": build(Member(), comment=build()),
    "signature of an end record in the comment": build(Member(), comment=b"PK\5\6"),
    "end record hidden in a longer comment": build(Member(), comment=build() + b"tail"),
    "two end records": build(Member(), after=struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)),
    "more entries than there are": build(Member(), end={"here": 2, "count": 2}),
    "fewer entries than there are": build(Member(), Member(name=b"b"), end={"here": 1, "count": 1}),
    "two counts": build(Member(), end={"here": 2}),
    "several disks": build(Member(), end={"disk": 1}),
    "member on another disk": build(Member(central={"disk": 1})),
    "directory elsewhere": build(Member(), end={"offset": 1}),
    "encrypted": build(Member(flags=0x0801)),
    "strongly encrypted": build(Member(flags=0x0841)),
    "masked headers": build(Member(flags=0x2800)),
    "newer version": build(Member(central={"needed": 64})),
    "newer version in the local header": build(Member(local={"needed": 64})),
    "bzip2": build(Member(method=12)),
    "lzma": build(Member(method=14)),
    "zstd": build(Member(method=93)),
    "stored with two sizes": build(Member(method=0, central={"size": 4}, local={"size": 4})),
    "less content than it says": build(Member(central={"size": 9}, local={"size": 9})),
    "more content than it says": build(Member(central={"size": 3}, local={"size": 3})),
    "wrong CRC": build(Member(central={"crc": 1}, local={"crc": 1})),
    "bytes after the deflate stream": build(Member(packed=Member().facts()["data"] + b"junk")),
    "deflate stream cut short": build(Member(packed=Member().facts()["data"][:-1])),
    "broken deflate stream": build(Member(packed=b"\xff" * 9)),
    "descriptor that differs": build(Member(descriptor="4s3L", gap=b"", central={"crc": 1})),
    "descriptor missing": build(Member(flags=0x0808, local={"crc": 0, "packed": 0, "size": 0})),
    "symbolic link": build(Member(attributes=0o120777)),
    "FIFO": build(Member(attributes=0o010644)),
    "device": build(Member(attributes=0o020644)),
    "folder without a slash": build(Member(attributes=0o040755)),
    "folder with content": build(Member(name=b"a/")),
    "absolute": build(Member(name=b"/etc/passwd")),
    "climbing": build(Member(name=b"../a")),
    "climbing inside": build(Member(name=b"a/../../b")),
    "climbing at the end": build(Member(name=b"a/..")),
    "backslash": build(Member(name=b"a\\b")),
    "drive": build(Member(name=b"C:/a")),
    "drive without a slash": build(Member(name=b"c:a")),
    "NUL": build(Member(name=b"a\0.txt")),
    "control character": build(Member(name=b"a\x1b[2J")),
    "newline": build(Member(name=b"a\nb")),
    "no name": build(Member(name=b"")),
    "only a slash": build(Member(name=b"/", content=b"", method=0)),
    "empty segment": build(Member(name=b"a//b")),
    "dot segment": build(Member(name=b"a/./b")),
    "leading dot": build(Member(name=b"./a")),
    "name that is not UTF-8": build(Member(name=b"\xff")),
    "name in an unknown encoding": build(Member(name="ü".encode(), flags=0)),
    "name too long": build(Member(name=b"a" * 5000)),
    "other unicode name": build(Member(extra=struct.pack("<2HBL5s", 0x7075, 10, 1, 0, b"b.txt"))),
    "extra field cut short": build(Member(extra=struct.pack("<2H", 0x5455, 5))),
    "two wide fields": build(Member(extra=struct.pack("<2H2Q", 1, 16, 5, 7) * 2)),
    "wide sizes that differ": build(Member(extra=struct.pack("<2H2Q", 1, 16, 6, 7))),
    "wide size missing": build(Member(central={"size": 0xFFFFFFFF})),
    "wide end that differs": wide_end(build(Member()), narrow=2),
    "wide end elsewhere": wide_end(build(Member()), at=0),
    "wide end with more data": wide_end(build(Member()), length=45),
    "wide end on another disk": wide_end(build(Member()), disks=2),
    "wide directory elsewhere": wide_end(build(Member()), offset=1),
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives_are_refused(data: bytes) -> None:
    """An archive that tools read differently, or that reaches outside, would be passed on to clients."""
    with pytest.raises(InvalidUpload):
        read(data)


def test_whole_or_wanted() -> None:
    """`whole=False` would look into members nobody asked for, or the default would leave some unverified."""
    data = build(Member(), Member(name=b"b.bin", central={"crc": 1}, local={"crc": 1}))
    assert read_zip(data, lambda name: name == "a.txt", whole=False).members == {"a.txt": b"hello"}
    with pytest.raises(InvalidUpload, match="CRC"):
        read_zip(data, lambda name: name == "a.txt")


def test_names_keep_the_order_and_leave_folders_out() -> None:
    """Folders would be counted as files, or names would come in another order."""
    archive = read(build(Member(name=b"d/", content=b"", method=0), Member(name=b"d/z"), Member(name=b"d/a")))
    assert archive.names == ("d/z", "d/a")
    assert archive.folders == ("d",)
    assert (archive.file_count, archive.unpacked_size) == (2, 10)


def test_limit_each_is_for_wanted_members_only() -> None:
    """A large member would be read into memory, or one that nobody wants would be refused."""
    data = build(Member(content=bytes(range(256)) * 8))
    assert read_zip(data, lambda name: False, limit_each=100).members == {}
    with pytest.raises(InvalidUpload, match="2048 bytes, more than 100"):
        read(data, limit_each=100)


@pytest.mark.parametrize("declared", [None, 5])
def test_bombs_are_refused(declared: int | None) -> None:
    """A small archive would make us inflate without end, whether it admits its size or not."""
    lie = {} if declared is None else {"size": declared}
    data = build(Member(content=bytes(64 * MIB), central=dict(lie), local=dict(lie)))
    with pytest.raises(InvalidUpload, match=r"times its size|more than the 5 bytes"):
        read_zip(data, lambda name: False)


def test_many_small_zeros_below_a_mebibyte_pass() -> None:
    """A tiny package of repetitive text would be taken for a bomb."""
    assert read(build(Member(content=bytes(MIB)))).unpacked_size == MIB


def test_limits_are_counted() -> None:
    """A limit on members or on produced bytes would not hold."""
    data = build(Member(content=b"x" * 600), Member(name=b"b", content=b"y" * 600))
    assert read(data, limits=Limits(members=2, produced=1200)).file_count == 2
    with pytest.raises(InvalidUpload, match="2 members"):
        read(data, limits=Limits(members=1))
    with pytest.raises(InvalidUpload, match="more than 0 MiB"):
        read(data, limits=Limits(produced=1199))
    assert read_zip(data, lambda name: name == "b", whole=False, limits=Limits(produced=600)).file_count == 2
    assert LIMITS.members == 100_000


def test_a_path_is_read_like_bytes(tmp_path: Path) -> None:
    """Reading from disk would differ from reading from memory."""
    path = tmp_path / "a.zip"
    path.write_bytes(GOOD["plain"])
    assert read_zip(path, everything) == read_zip(str(path), everything) == read(GOOD["plain"])


NAMES = st.lists(st.from_regex(r"[a-zü_]{1,5}(/[a-zü_]{1,5}){0,3}", fullmatch=True), max_size=8, unique=True)


@given(NAMES, st.data())
def test_agrees_with_the_standard_library(names: list[str], data: st.DataObject) -> None:
    """An archive of the standard library's writer would be misread, or refused without a clash of names."""
    contents = {name: data.draw(st.binary(max_size=200)) for name in names}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content, data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])))
    if any(other.startswith(name + "/") for name in names for other in names):
        with pytest.raises(InvalidUpload):
            read(buffer.getvalue())
    else:
        assert read(buffer.getvalue()).members == contents


def only_invalid_upload(read_it: Callable[[], object]) -> None:
    try:
        read_it()
    except InvalidUpload as error:
        assert error.message


@given(st.binary(max_size=400))
def test_any_bytes_are_answered(data: bytes) -> None:
    """Some bytes would raise something else than InvalidUpload."""
    only_invalid_upload(lambda: read(data))
    only_invalid_upload(lambda: read(data + GOOD["plain"][GOOD["plain"].rindex(b"PK\5\6") :]))


@given(st.sampled_from([*GOOD.values(), wide_end(GOOD["plain"]), build(Member(), Member(name=b"b", descriptor="4s3L"))]), st.data())
def test_any_damage_is_answered(data: bytes, draw: st.DataObject) -> None:
    """A damaged archive would raise something else than InvalidUpload, or be read as something the standard library does not see."""
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        archive = read(bytes(damaged))
    except InvalidUpload:
        return
    with zipfile.ZipFile(io.BytesIO(damaged)) as other:
        assert {name: other.read(name) for name in archive.names} == archive.members


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_every_cut_is_refused(data: bytes) -> None:
    """An upload cut short would be accepted."""
    for length in range(len(data)):
        with pytest.raises(InvalidUpload):
            read(data[:length])
