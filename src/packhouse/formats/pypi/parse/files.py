"""Wheels and source distributions: what lies in them, checked against their own lists and their file name. Runs in a child process."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from packhouse.errors import InvalidUpload
from packhouse.formats.pypi import names
from packhouse.formats.pypi.parse.metadata import Described, read_metadata
from packhouse.grammar.archives import LIMITS, Archive, read_tar, read_zip
from packhouse.model import Struct

MIB = 1024**2
LIST_LIMIT = 32 * MIB
DIST_INFO = re.compile(r"[^/]+\.dist-info/(?:METADATA|RECORD|WHEEL)")
PKG_INFO = re.compile(r"[^/]+/PKG-INFO")
WHEEL_VERSION = re.compile(rb"^Wheel-Version:[ \t]*([0-9]{1,4})\.[0-9]{1,4}[ \t]*\r?$", re.MULTILINE)
HASHES: Mapping[str, Callable[[], Any]] = {
    "md5": partial(hashlib.md5, usedforsecurity=False),
    "blake2": partial(hashlib.blake2b, digest_size=32),
}
LONGER = ("sha384", "sha512")  # the wheel specification has "sha256 or better"; these are left to who installs
UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")  # a list cannot hold its own hash, nor that of its signature


class Artifact(Struct):
    """A distribution file, read and found in order. `metadata` is its metadata file as it is."""

    kind: str  # wheel, sdist
    described: Described
    metadata: bytes
    digests: Mapping[str, str] = {}  # those that were asked for

    @property
    def resolvable(self) -> bool:
        """Whether the metadata may be offered to resolvers in place of the file."""
        return self.kind == "wheel" or self.described.resolvable


def read_file(path: str, filename: str, digests: Sequence[str] = ()) -> Artifact:
    """The wheel or source distribution at the path, with those of `HASHES` that are asked for. Raises `InvalidUpload`."""
    if filename.endswith(".whl"):
        kind, (metadata, where) = "wheel", read_wheel(path)
    elif filename.endswith(names.SDIST_SUFFIXES):
        kind, (metadata, where) = "sdist", read_sdist(path, zipped=filename.endswith(".zip"))
    else:
        raise InvalidUpload(f"File name {filename[:255]!r} must end in .whl, .tar.gz or .zip")
    described = read_metadata(metadata, where)
    folder = where.partition("/")[0]
    check_folder(folder.removesuffix(".dist-info") if kind == "wheel" else folder, described, where)
    names.check_file_name(filename, kind, described.name, described.version)
    return Artifact(kind=kind, described=described, metadata=metadata, digests={name: digest(path, name) for name in digests})


def read_wheel(path: str) -> tuple[bytes, str]:
    """METADATA of a wheel, and where it lies. Raises `InvalidUpload`."""
    archive = read_zip(path, is_dist_info_file, limit_each=LIST_LIMIT, whole=False)
    folder = only_folder(archive, ".dist-info")
    for name in ("METADATA", "WHEEL", "RECORD"):
        if f"{folder}/{name}" not in archive.members:
            raise InvalidUpload(f"The wheel has no {folder}/{name}")
    version = WHEEL_VERSION.search(archive.members[f"{folder}/WHEEL"])
    if not version or int(version[1]) != 1:
        raise InvalidUpload(f"{folder}/WHEEL must say Wheel-Version: 1.x")
    if archive.unpacked_size <= LIMITS.produced:
        archive = read_zip(path, is_dist_info_file, limit_each=LIST_LIMIT, digest=True)
    check_record(archive, folder)
    return archive.members[f"{folder}/METADATA"], f"{folder}/METADATA"


def is_dist_info_file(name: str) -> bool:
    return DIST_INFO.fullmatch(name) is not None


def only_folder(archive: Archive, suffix: str) -> str:
    folders = sorted({name.partition("/")[0] for name in (*archive.names, *archive.folders) if name.partition("/")[0].endswith(suffix)})
    if len(folders) != 1:
        raise InvalidUpload(f"A wheel has one folder *{suffix} at its top, this one has {folders[:5] or 'none'}")
    return folders[0]


def check_record(archive: Archive, folder: str) -> None:
    """Nothing, if RECORD lists exactly the wheel's files, with their hashes and sizes. Raises `InvalidUpload`."""
    where = f"{folder}/RECORD"
    unlisted = {f"{folder}/{name}" for name in UNLISTED}
    listed = set()
    for name, hashed, size in read_record(archive.members[where], where):
        if name in listed:
            raise InvalidUpload(f"{where} lists {name[:255]} twice")
        listed.add(name)
        if name in unlisted:
            continue
        if name not in archive.sizes:
            raise InvalidUpload(f"{where} lists {name[:255]}, which is not in the wheel")
        if size and size != str(archive.sizes[name]):
            raise InvalidUpload(f"{where} says {name[:255]} has {size[:20]} bytes, it has {archive.sizes[name]}")
        check_member_hash(archive, name, hashed, where)
    if missing := sorted(set(archive.names) - listed - unlisted):
        raise InvalidUpload(f"{where} does not list {', '.join(name[:255] for name in missing[:3])}, which the wheel holds")


def read_record(data: bytes, where: str) -> Iterator[tuple[str, str, str]]:
    try:
        for row in csv.reader(io.StringIO(data.decode(), newline=""), strict=True):
            if not row:
                continue
            if len(row) != 3:
                raise InvalidUpload(f"{where} must have three columns, not {len(row)}, for {row[0][:255]!r}")
            yield row[0], row[1], row[2]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidUpload(f"{where} is not a table of file, hash and size in UTF-8: {error}") from error


def check_member_hash(archive: Archive, name: str, hashed: str, where: str) -> None:
    # No hash claims nothing; and a wheel too large to inflate here is held to names and sizes only.
    if not hashed or (not archive.digests and hashed.startswith("sha256=")):
        return
    algorithm, _, text = hashed.partition("=")
    if algorithm in LONGER:
        return
    if algorithm != "sha256":
        raise InvalidUpload(f"{where} must use sha256, sha384 or sha512, not {algorithm[:40]!r}, for {name[:255]}")
    actual = base64.urlsafe_b64encode(bytes.fromhex(archive.digests[name])).rstrip(b"=").decode()
    if text.rstrip("=") != actual:
        raise InvalidUpload(f"{where} says {name[:255]} has sha256 {text[:60]}, it has {actual}")


def read_sdist(path: str, *, zipped: bool) -> tuple[bytes, str]:
    """PKG-INFO of a source distribution, and where it lies. Raises `InvalidUpload`."""
    archive = read_zip(path, is_pkg_info) if zipped else read_tar(path, is_pkg_info, compression="gz")
    tops = sorted({name.partition("/")[0] for name in archive.names})
    if len(tops) != 1:
        raise InvalidUpload(f"A source distribution holds one folder name-version, this one has at its top {tops[:5] or 'nothing'}")
    where = f"{tops[0]}/PKG-INFO"
    if where not in archive.members:
        raise InvalidUpload(f"The source distribution has no {where[:255]}")
    return archive.members[where], where


def is_pkg_info(name: str) -> bool:
    return PKG_INFO.fullmatch(name) is not None


def check_folder(folder: str, described: Described, where: str) -> None:
    """Nothing, if the folder is named after the distribution. Raises `InvalidUpload`."""
    wanted = names.name_key(described.name), names.version_id(described.version)
    readings = names.read_sdist_names(folder)
    if not any((names.name_key(reading.name), names.version_id(reading.version)) == wanted for reading in readings):
        raise InvalidUpload(f"The folder {folder[:255]!r} does not belong to {described.name} {described.version}, which {where[:255]} names")


def digest(path: str, name: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, HASHES[name]).hexdigest()
