"""A commit as an archive: made from its objects, below one folder, without links and without anything that attributes would run or expand (T91)."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from datetime import UTC, datetime
from typing import BinaryIO, Literal, cast

from packhouse.errors import TooLarge
from packhouse.git.keeping import as_text
from packhouse.git.reading import Reader
from packhouse.model import GitEntry, Spooled

Kind = Literal["zip", "tar", "tar.gz"]
LARGEST_MEMBER = 128 * 1024 * 1024  # it comes into memory whole
MODES = {"file": 0o644, "executable": 0o755}
FIRST = datetime(1980, 1, 1, tzinfo=UTC)  # before it a zip knows no time


def pack_commit(git: Reader, commit: str, kind: Kind, top: str, path: str = "") -> Spooled | None:
    """The files of a commit, or of a folder of it; the same bytes each time. None where there is no such folder. Raises `TooLarge`."""
    known = git.commit(commit)
    entries = [entry for entry in git.entries(commit, path) if entry.kind in MODES]
    large = next((entry for entry in entries if entry.size > LARGEST_MEMBER), None)
    if large is not None:
        raise TooLarge(f"The file {large.path[:120]!r} is too large for an archive: clone the repository", limit=LARGEST_MEMBER)
    if known is None or (path.strip("/") and not entries):
        return None

    def write(out: BinaryIO) -> None:
        if kind == "zip":
            _write_zip(git, out, entries, top, known.time)
        elif kind == "tar":
            _write_tar(git, out, entries, top, known.time)
        else:
            with gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
                _write_tar(git, cast(BinaryIO, packed), entries, top, known.time)

    return git.spool(write)


def _write_zip(git: Reader, out: BinaryIO, entries: list[GitEntry], top: str, seconds: int) -> None:
    try:
        when = max(FIRST, datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        when = FIRST
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo(f"{top}/{as_text(entry.path)}", when.timetuple()[:6] if when.year < 2108 else FIRST.timetuple()[:6])
            info.create_system = 3
            info.external_attr = (0o100000 | MODES[entry.kind]) << 16
            archive.writestr(info, git.blob(entry.id), zipfile.ZIP_DEFLATED, 6)


def _write_tar(git: Reader, out: BinaryIO, entries: list[GitEntry], top: str, seconds: int) -> None:
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            data = git.blob(entry.id)
            info = tarfile.TarInfo(f"{top}/{as_text(entry.path)}")
            info.size, info.mode, info.mtime = len(data), MODES[entry.kind], max(0, seconds)
            archive.addfile(info, io.BytesIO(data))
