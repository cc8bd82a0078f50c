"""The two kinds of archives: `.conda`, a zip of zstd-packed tars (CEP 35), and the older `.tar.bz2`. Of either nothing but `info/` is looked into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from packhouse.errors import InvalidUpload
from packhouse.formats.conda.parse.records import Facts, describe, read_json, read_record, read_run_exports
from packhouse.grammar.archive import MIB, Limits
from packhouse.grammar.inflating import Inflated, inflate
from packhouse.grammar.tarheaders import read_headers
from packhouse.grammar.tars import read_tar
from packhouse.grammar.zipdirectory import read_directory
from packhouse.grammar.zips import read_zip
from packhouse.grammar.zstd import unpack_zstd
from packhouse.model import About, Struct

INDEX, ABOUT, RUN_EXPORTS = "info/index.json", "info/about.json", "info/run_exports.json"
WANTED = {INDEX: MIB, ABOUT: 4 * MIB, RUN_EXPORTS: MIB}
LARGEST_INFO = 64 * MIB  # packed
INFO = Limits(members=100_000, produced=128 * MIB, ratio=1000)
WHOLE = Limits(members=1_000_000, produced=4096 * MIB, ratio=1000)  # a .tar.bz2 is read up to the end of its info alone


class Read(Struct):
    """A package that was read."""

    name: str
    version: str
    build: str
    subdir: str
    facts: bytes
    about: About = About()


def read_package(path: str, extension: str) -> Read:
    """What a package says about itself. Raises `InvalidUpload`."""
    found = _read_conda(path) if extension == ".conda" else _read_tar_bz2(path)
    if INDEX not in found:
        raise InvalidUpload(f"The package has no {INDEX}: build it again")
    record = read_record(found[INDEX])
    about = read_json(found[ABOUT], ABOUT) if ABOUT in found else {}
    facts = Facts(record=record, run_exports=read_run_exports(found[RUN_EXPORTS]) if RUN_EXPORTS in found else {})
    return Read(
        name=record["name"],
        version=record["version"],
        build=record["build"],
        subdir=record["subdir"],
        facts=msgspec.json.encode(facts),
        about=describe(record, about),
    )


# -- .conda ----------------------------------------------------------------------------------------------------------


def _read_conda(path: str) -> Mapping[str, bytes]:
    packed = read_zip(path, _is_info, limit_each=LARGEST_INFO, whole=False)
    _check_stored(path)
    parts = sorted(name for name in packed.names if name.endswith(".tar.zst"))
    if len(parts) != 2 or not (parts[0].startswith("info-") and parts[1] == f"pkg-{parts[0][5:]}"):
        raise InvalidUpload("The .conda file must hold one info-….tar.zst, and a pkg-….tar.zst of the same name")
    _check_version(packed.members.get("metadata.json", b""))
    info = unpack_zstd(packed.members[parts[0]], "The info of the .conda file", INFO.produced)
    found = read_tar(info, WANTED.__contains__, limit_each=4 * MIB, compression="", limits=INFO)
    return found.members


def _is_info(name: str) -> bool:
    return name == "metadata.json" or (name.startswith("info-") and name.endswith(".tar.zst"))


def _check_stored(path: str) -> None:
    """Clients read members by ranges, where they lie: packed ones they cannot."""
    with Path(path).open("rb") as file:
        entries, _ = read_directory(file, Path(path).stat().st_size, Limits())
    if any(entry.method for entry in entries):
        raise InvalidUpload("The .conda file must store its members as they are, not deflate them")


def _check_version(content: bytes) -> None:
    if read_json(content, "metadata.json").get("conda_pkg_format_version") != 2:
        raise InvalidUpload("metadata.json must say conda_pkg_format_version 2")


# -- .tar.bz2 --------------------------------------------------------------------------------------------------------


def _read_tar_bz2(path: str) -> Mapping[str, bytes]:
    """The wanted files; what follows the info is not unpacked once there is an index: builders put the info first."""
    found: dict[str, bytes] = {}
    with Path(path).open("rb") as file:
        stream = Inflated(inflate(file, Path(path).stat().st_size, "bz2", WHOLE))
        for number, member in enumerate(read_headers(stream, WHOLE)):
            if number == WHOLE.members:
                raise InvalidUpload(f"The package has more than {WHOLE.members} members")
            if INDEX in found and not member.name.startswith("info/"):
                break
            limit = WANTED.get(member.name)
            if limit is None or member.kind != "file":
                stream.skip(member.size + -member.size % 512)
                continue
            if member.name in found or member.size > limit:
                raise InvalidUpload(f"The package has {member.name} twice, or larger than {limit // MIB} MiB")
            found[member.name] = stream.read(member.size)
            stream.skip(-member.size % 512)
    return found
