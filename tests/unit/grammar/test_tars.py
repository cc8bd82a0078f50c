"""Tar archives: what real tools write is read, what tools read differently or what reaches outside is refused."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.grammar.archives import Archive, Limits, read_tar

MIB = 1024**2
END = bytes(1024)


def everything(name: str) -> bool:
    return True


def read(data: bytes, **options: object) -> Archive:
    return read_tar(data, everything, **options)  # type: ignore[arg-type]


def header(
    name: bytes = b"a.txt",
    size: int | bytes = 0,
    kind: bytes = b"0",
    target: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """One header block with a right checksum."""
    length = size if isinstance(size, bytes) else b"%011o\0" % size
    block = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + length + b"00000000000\0" + b" " * 8 + kind + target.ljust(100, b"\0")
    block = (block + magic.ljust(8, b"\0")).ljust(345, b"\0") + prefix.ljust(155, b"\0")
    block = block.ljust(512 - len(tail), b"\0") + tail
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def member(name: bytes = b"a.txt", content: bytes = b"hello", **options: bytes) -> bytes:
    return header(name, len(content), **options) + content + bytes(-len(content) % 512)


def record(key: bytes, value: bytes) -> bytes:
    """One pax record; its length counts itself."""
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    while len(b"%d" % length) + len(body) != length:
        length += 1
    return b"%d" % length + body


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    return member(b"pax", b"".join(record(*one) for one in records), kind=kind)


def link(name: bytes, target: bytes, kind: bytes = b"2") -> bytes:
    return header(name, 0, kind, target)


GOOD: dict[str, bytes] = {
    "ustar": member() + END,
    "before ustar": member(magic=b"") + END,
    "before ustar, kind NUL": member(magic=b"", kind=b"\0") + END,
    "GNU": member(magic=b"ustar  \0") + END,
    "contiguous file": member(kind=b"7") + END,
    "leading dot": member(b"./a.txt") + END,
    "dots inside": member(b".//./a.txt") + END,
    "size in binary": header(size=b"\x80" + (5).to_bytes(11, "big")) + b"hello".ljust(512, b"\0") + END,
    "size with spaces": header(size=b"         5  \0"[:12]) + b"hello".ljust(512, b"\0") + END,
    "pax time": pax((b"mtime", b"1.5")) + member() + END,
    "pax name": pax((b"path", b"a.txt")) + member(b"short") + END,
    "pax size that agrees": pax((b"size", b"5")) + member() + END,
    "pax for all": pax((b"comment", b"of a commit"), kind=b"g") + member() + END,
    "GNU long name": member(b"././@LongLink", b"a.txt\0", kind=b"L", magic=b"ustar  \0") + member(b"short") + END,
    "padding that is not zero": header(size=5) + b"hello".ljust(512, b"x") + END,
    "one block at the end": member() + END[:512],
    "long end": member() + END * 20,
    "gzip": gzip.compress(member() + END),
    "bzip2": bz2.compress(member() + END),
    "xz": lzma.compress(member() + END),
    "bzip2 in two streams": bz2.compress(member()) + bz2.compress(END),
    "xz in two streams": lzma.compress(member()) + lzma.compress(END),
}  # fmt: skip


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_ordinary_shapes_are_read(data: bytes) -> None:
    """A shape that real tools write would be refused, or its content misread."""
    archive = read(data, digest=True)
    assert archive.members == {"a.txt": b"hello"}
    assert archive.sizes == {"a.txt": 5}
    assert archive.digests == {"a.txt": hashlib.sha256(b"hello").hexdigest()}


FOUND = member(b"x/f", b"")
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "only a gzip of nothing": gzip.compress(b""),
    "not a tar": b"hello world" * 100,
    "cut in a header": member()[:-100] + header()[:100],
    "cut in a member": header(size=5000) + bytes(512),
    "cut after a member": member(),
    "wrong checksum": b"b" + member()[1:] + END,
    "device": header(kind=b"3") + END,
    "block device": header(kind=b"4") + END,
    "FIFO": header(kind=b"6") + END,
    "unknown type": header(kind=b"V") + END,
    "GNU sparse": header(kind=b"S") + END,
    "pax sparse": pax((b"GNU.sparse.major", b"1")) + member() + END,
    "pax sparse name": pax((b"GNU.sparse.name", b"x")) + member() + END,
    "negative size": header(size=b"\xff" * 12) + END,
    "size with a minus": header(size=b"-0000000005\0") + END,
    "size that is no number": header(size=b"0000000009\0\0") + END,
    "size with something behind": header(size=b"5\0007777777777"[:12]) + b"hello".ljust(512, b"\0") + END,
    "huge size": header(size=b"\x80" + b"\xff" * 11) + END,
    "size larger than the archive": header(size=8**11 - 1) + END,
    "pax size that disagrees": pax((b"size", b"4")) + member() + END,
    "pax size of 0": pax((b"size", b"0")) + member() + END,
    "pax for all with a name": pax((b"path", b"b"), kind=b"g") + member() + END,
    "pax for all with a size": pax((b"size", b"5"), kind=b"g") + member() + END,
    "pax name twice": pax((b"path", b"a"), (b"path", b"b")) + member() + END,
    "two pax headers": pax((b"path", b"a")) + pax((b"mtime", b"1")) + member() + END,
    "pax and GNU name": pax((b"path", b"a")) + member(b"l", b"b\0", kind=b"L") + member() + END,
    "GNU and pax name": member(b"l", b"b\0", kind=b"L") + pax((b"path", b"a")) + member() + END,
    "two GNU names": member(b"l", b"b\0", kind=b"L") * 2 + member() + END,
    "pax for nothing": pax((b"path", b"a")) + END,
    "pax cut short": member(b"p", b"9999 path=a\n", kind=b"x") + member() + END,
    "pax without a length": member(b"p", b"path=a\n", kind=b"x") + member() + END,
    "pax of length 0": member(b"p", b"0 path=a\n", kind=b"x") + member() + END,
    "pax without a newline": member(b"p", b"8 path=a", kind=b"x") + member() + END,
    "pax without a value": member(b"p", b"7 path\n", kind=b"x") + member() + END,
    "pax with a newline in the name": pax((b"path", b"a\nb")) + member() + END,
    "much pax data": pax((b"comment", b"x" * 66_000)) + member() + END,
    "long GNU name": member(b"l", b"x" * 66_000, kind=b"L") + member() + END,
    "name too long": pax((b"path", b"x" * 5000)) + member() + END,
    "name that is not UTF-8": member(b"\xff") + END,
    "pax name that is not UTF-8": pax((b"path", b"\xff")) + member() + END,
    "absolute": member(b"/etc/passwd") + END,
    "absolute by prefix": member(b"etc", prefix=b"/") + END,
    "climbing": member(b"../a") + END,
    "climbing inside": member(b"a/../../b") + END,
    "climbing behind a dot": member(b"./../b") + END,
    "climbing by backslash": member(b"a\\..\\..\\b") + END,
    "backslash in front": member(b"\\a") + END,
    "drive": member(b"C:/a") + END,
    "control character": member(b"a\x1bb") + END,
    "no name": member(b"") + END,
    "root as a file": member(b".") + END,
    "root as a file, with dots": member(b"./.") + END,
    "root as a link": member() + link(b"./", b"x") + END,
    "absolute root": header(b"/", kind=b"5") + END,
    "absolute root twice": header(b"//", kind=b"5") + END,
    "file with the name of a folder": member(b"a/") + END,
    "folder with a size": header(b"a/", 5, b"5") + b"hello".ljust(512, b"\0") + END,
    "link with a size": header(b"l", 5, b"2", b"a") + b"hello".ljust(512, b"\0") + END,
    "same name twice": member() + member() + END,
    "same name with a dot": member() + member(b"./a.txt") + END,
    "twin of a wanted file": member() + member(b"A.TXT") + END,
    "member below a file": member(b"a") + member(b"a/b") + END,
    "member below a link": link(b"a", b"x") + member(b"a/b") + FOUND + END,
    "member below a link that comes later": member(b"a/b") + link(b"a", b"x") + FOUND + END,
    "link to a parent": link(b"l", b"..") + END,
    "link climbing out": link(b"d/l", b"../../x") + END,
    "link climbing out after climbing in": link(b"l", b"x/../../y") + FOUND + END,
    "link through a link": link(b"x/y/l", b"../..") + link(b"m", b"x/y/l/..") + END,
    "absolute link": link(b"l", b"/etc/passwd") + END,
    "link to a drive": link(b"l", b"C:/x") + END,
    "link to a backslash": link(b"l", b"..\\..\\x") + END,
    "link to nothing": link(b"l", b"") + END,
    "pax link climbing out": pax((b"linkpath", b"../../x")) + link(b"l", b"a") + END,
    "GNU link climbing out": member(b"l", b"../../x\0", kind=b"K") + link(b"l", b"a") + END,
    "hard link climbing out": link(b"h", b"../x", b"1") + END,
    "absolute hard link": link(b"h", b"/etc/passwd", b"1") + END,
    "hard link to what is not there": link(b"h", b"a", b"1") + END,
    "hard link to a later file": link(b"h", b"a.txt", b"1") + member() + END,
    "hard link to a link": link(b"x/y/l", b"../f") + link(b"h", b"x/y/l", b"1") + END,
    "bytes after the end": member() + END + b"junk",
    "member after the end": member() + END + member(b"b") + END,
    "member after one block of zeros": member() + END[:512] + member(b"b") + END,
    "prefix without ustar": member(magic=b"ustar  \0", prefix=b"p") + END,
    "header of star": header(tail=b"tar\0") + END,
    "gzip in two members": gzip.compress(member()) + gzip.compress(END),
    "bytes after the gzip": gzip.compress(member() + END) + b"junk",
    "zeros after the gzip": gzip.compress(member() + END) + bytes(512),
    "bytes after the bzip2": bz2.compress(member() + END) + b"junk",
    "bytes after the xz": lzma.compress(member() + END) + b"junk",
    "gzip in gzip": gzip.compress(gzip.compress(member() + END)),
    "wrong CRC of the gzip": gzip.compress(member() + END)[:-8] + b"x" * 8,
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives_are_refused(data: bytes) -> None:
    """An archive that tools read differently, or that reaches outside, would be passed on to clients."""
    with pytest.raises(InvalidUpload):
        read(data)


def test_links_inside_are_told() -> None:
    """An ordinary link would be refused, or the caller could not see that there are links."""
    archive = read(member(b"p/a") + link(b"p/d/l", b"../a") + link(b"p/m", b"d") + link(b"p/h", b"./p/a", b"1") + link(b"r", b"./") + END)
    assert archive.links == {"p/d/l": "../a", "p/m": "d", "p/h": "p/a", "r": "."}
    assert archive.names == ("p/a", "p/d/l", "p/m", "p/h", "r")
    assert archive.file_count == 1


def test_folders_may_repeat_and_the_root_is_none() -> None:
    """Folders listed twice, or the root as `./`, would break an ordinary archive."""
    data = (
        header(b"./", kind=b"5")
        + header(b"./d/", kind=b"5")
        + header(b"d", kind=b"5")
        + header(b"old/", kind=b"\0", magic=b"")
        + member(b"d/a")
        + END
    )
    archive = read(data)
    assert archive.folders == ("d", "old")
    assert archive.names == ("d/a",)


def test_backslash_is_a_plain_character() -> None:
    """A systemd unit with an escaped name could not be packed."""
    assert read(member(b"units/dev-disk-by\\x2dlabel.swap") + END).file_count == 1


def test_twins_of_files_nobody_wants_pass() -> None:
    """Sources made for systems that respect case would be refused."""
    assert read_tar(member(b"Makefile") + member(b"makefile") + END, lambda name: False).file_count == 2


@pytest.mark.parametrize(("compression", "pack"), [("", bytes), ("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_compression_is_what_the_name_says(compression: str, pack: Callable[[bytes], bytes]) -> None:
    """A file with another compression than its name says would be accepted, and only some clients could read it."""
    data = pack(member() + END)
    assert read(data, compression=compression).file_count == 1
    for other in {"", "gz", "bz2", "xz"} - {compression}:
        with pytest.raises(InvalidUpload, match="compressed with"):
            read(data, compression=other)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_bombs_are_refused(pack: Callable[[bytes], bytes]) -> None:
    """A small archive would make us unpack without end."""
    with pytest.raises(InvalidUpload, match="times its size"):
        read_tar(pack(member(content=bytes(64 * MIB)) + END), lambda name: False)


def test_endless_streams_are_refused() -> None:
    """Empty streams behind one another would keep us busy."""
    with pytest.raises(InvalidUpload, match="streams"):
        read(bz2.compress(b"") * 10_001)


def test_limits_are_counted() -> None:
    """A limit on members, on one member, or on produced bytes would not hold."""
    data = member() + member(b"b", b"x" * 600) + END
    assert read(data, limits=Limits(members=2, produced=len(data))).file_count == 2
    with pytest.raises(InvalidUpload, match="more than 1 members"):
        read(data, limits=Limits(members=1))
    with pytest.raises(InvalidUpload, match="more than 0 MiB"):
        read(data, limits=Limits(produced=len(data) - 1))
    assert read_tar(data, lambda name: name == "a.txt", limit_each=5).members == {"a.txt": b"hello"}
    with pytest.raises(InvalidUpload, match="600 bytes, more than 599"):
        read(data, limit_each=599)


def test_a_path_is_read_like_bytes(tmp_path: Path) -> None:
    """Reading from disk would differ from reading from memory."""
    path = tmp_path / "a.tar.gz"
    path.write_bytes(GOOD["gzip"])
    assert read_tar(path, everything) == read_tar(str(path), everything) == read(GOOD["gzip"])


def test_members_across_blocks_are_whole() -> None:
    """A member larger than one block of decompressed data would come out damaged."""
    content = random.Random(1).randbytes(3 * MIB)
    data = gzip.compress(member(content=content) + member(b"b", b"tail") + END)
    archive = read(data, digest=True)
    assert archive.members == {"a.txt": content, "b": b"tail"}
    assert archive.digests["a.txt"] == hashlib.sha256(content).hexdigest()


NAMES = st.lists(st.from_regex(r"[a-zü_]{1,60}(/[a-zü_]{1,60}){0,4}", fullmatch=True), max_size=8, unique=True)


@given(NAMES, st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]), st.sampled_from(["w:", "w:gz", "w:bz2", "w:xz"]), st.data())
def test_agrees_with_the_standard_library(names: list[str], shape: int, mode: str, data: st.DataObject) -> None:
    """An archive of the standard library's writer would be misread, or refused without a clash of names."""
    contents = {name: data.draw(st.binary(max_size=1200)) for name in names}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=shape) as archive:  # type: ignore[call-overload]
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), data.draw(st.sampled_from([0, 1.5]))
            archive.addfile(info, io.BytesIO(content))
    if any(other.startswith(name + "/") for name in names for other in names):
        with pytest.raises(InvalidUpload):
            read(buffer.getvalue())
    else:
        assert read(buffer.getvalue()).members == contents


def only_invalid_upload(data: bytes) -> None:
    try:
        read(data)
    except InvalidUpload as error:
        assert error.message


@given(st.binary(max_size=600))
def test_any_bytes_are_answered(data: bytes) -> None:
    """Some bytes would raise something else than InvalidUpload."""
    for start in (b"", b"\x1f\x8b", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0"):
        only_invalid_upload(start + data)
    only_invalid_upload(gzip.compress(data))
    only_invalid_upload(member(b"p", data, kind=b"x") + member() + END)


@given(st.binary(max_size=30), st.binary(max_size=30), st.binary(min_size=1, max_size=1), st.binary(min_size=12, max_size=12) | st.integers(0, 2000))
def test_any_header_is_answered(name: bytes, target: bytes, kind: bytes, size: bytes | int) -> None:
    """A header with a right checksum and odd fields would raise something else than InvalidUpload."""
    only_invalid_upload(header(name, size, kind, target) + bytes(2048))


@given(st.sampled_from([*GOOD.values()]), st.data())
def test_any_damage_is_answered(data: bytes, draw: st.DataObject) -> None:
    """A damaged archive would raise something else than InvalidUpload."""
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    only_invalid_upload(bytes(damaged))


@pytest.mark.parametrize("name", ["ustar", "gzip", "bzip2", "xz", "pax name"])
def test_every_cut_is_refused(name: str) -> None:
    """An upload cut short would be accepted."""
    data = GOOD[name]
    # In a plain tar one block of zeros is an end already.
    whole = len(data) if data[:1] not in (b"a", b"p") else len(data) - 512
    for length in range(whole):
        with pytest.raises(InvalidUpload):
            read(data[:length])
