"""An archive with a pod in it: its kind by its first bytes, and the podspec that lies in it. Runs in a child process."""

from __future__ import annotations

from pathlib import Path

from packhouse.errors import InvalidUpload
from packhouse.formats.cocoapods.parse.podspecs import LARGEST, Read, read_content
from packhouse.grammar.archives import Archive, Limits, read_tar, read_zip
from packhouse.model import replace

MIB = 1024**2
SUFFIX = ".podspec.json"
MAGIC = {"zip": b"PK\x03\x04", "tgz": b"\x1f\x8b", "tbz": b"BZh", "txz": b"\xfd7zXZ\0"}
# a tar archive is read to its end: what is slow to unpack gets less; whoever has more sends the podspec beside it
LIMITS = {"zip": Limits(produced=64 * MIB, ratio=1000), "tgz": Limits(produced=2048 * MIB, ratio=1000)}
SLOW = Limits(produced=256 * MIB, ratio=1000)
MOST = 64  # podspecs that are kept in memory to choose from


def read_kind(path: str) -> str:
    """What kind of archive this is. Raises `InvalidUpload`."""
    with Path(path).open("rb") as file:
        magic = file.read(6)
    kind = next((kind for kind, begin in MAGIC.items() if magic.startswith(begin)), "")
    if not kind:
        raise InvalidUpload("The file is no zip archive, and no tar archive packed with gzip, bzip2 or xz: pods come in one of these")
    return kind


def read_archive(path: str) -> Read:
    """The podspec of an archive, which lies in it on its own, or in the one folder. Raises `InvalidUpload`."""
    kind = read_kind(path)
    archive = _open(path, kind)
    # the outermost, as pods that are packed whole may hold those of others
    found = sorted(archive.members, key=lambda name: (name.count("/"), name))
    if not found:
        raise InvalidUpload(f"The archive has no *{SUFFIX} at its root or one folder deep: put it there, or send it in the field podspec of a form")
    nested = "/" in found[0]
    if len(found) > 1 and ("/" in found[1]) == nested:
        raise InvalidUpload(
            f"The archive has {len(found)} podspecs, {found[0][:100]!r} among them: send the one that counts in the field podspec of a form"
        )
    read = read_content(archive.members[found[0]])
    if found[0].rpartition("/")[2] != f"{read.name}{SUFFIX}":
        raise InvalidUpload(f"The archive's {found[0][:100]!r} is of the pod {read.name}: its file must be called {read.name}{SUFFIX}")
    alone = nested and not any(name.partition("/")[0] != found[0].partition("/")[0] for name in (*archive.names, *archive.folders))
    # the client takes the one folder of an archive away only where it is told to, or the archive is a tar
    return replace(read, kind=kind, flatten=True if alone and read.flatten is None else read.flatten)


class _Podspecs:
    """Says which members are wanted. macOS puts files of its own that begin with a dot beside others."""

    def __init__(self) -> None:
        self._left = MOST

    def __call__(self, name: str) -> bool:
        folder, _, file = name.rpartition("/")
        wanted = file.endswith(SUFFIX) and not file.startswith(".") and "/" not in folder
        self._left -= wanted
        if self._left < 0:
            raise InvalidUpload(f"The archive has more than {MOST} podspecs: send the one that counts in the field podspec of a form")
        return wanted


def _open(path: str, kind: str) -> Archive:
    if kind == "zip":
        return read_zip(path, _Podspecs(), limit_each=LARGEST, whole=False, limits=LIMITS[kind])
    return read_tar(path, _Podspecs(), limit_each=LARGEST, limits=LIMITS.get(kind, SLOW))
