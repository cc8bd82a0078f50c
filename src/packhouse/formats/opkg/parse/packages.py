"""A package in either container: OpenWrt's, a tar archive packed with gzip, or Yocto's, an ar archive. Runs in a child process."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.opkg import names
from packhouse.formats.opkg.parse.control import Facts, describe, spell, write_facts
from packhouse.grammar.archive import MIB, Limits
from packhouse.grammar.ars import AR, CONTROL, LARGEST_CONTROL, list_members, read_control
from packhouse.grammar.stanzas import read_stanza
from packhouse.grammar.tars import read_tar
from packhouse.model import About, Struct

GZIP = b"\x1f\x8b"
LARGEST = 32 * 1024  # of the control file: everybody reads it with every list
LIMITS = Limits(members=20, produced=1024 * MIB)
BINARY, DATA = "debian-binary", "data.tar"
PACKED_CONTROL, PACKED_DATA = "control.tar.gz", "data.tar.gz"


class Read(Struct):
    """A package that was read."""

    name: str
    version: str
    file: str
    facts: Facts
    about: About = About()


def read_package(path: str) -> Read:
    """What a package says about itself. Raises `InvalidUpload`."""
    with Path(path).open("rb") as file:
        magic = file.read(len(AR))
        file.seek(0)
        if magic == AR:
            control = _read_ar(file, Path(path).stat().st_size)
        elif magic.startswith(GZIP):
            control = _read_tar(path)
        else:
            raise InvalidUpload("The file is no package: it is neither a tar archive packed with gzip, as OpenWrt has them, nor an ar archive")
    return read_control_file(control)


def read_control_file(control: bytes) -> Read:
    """What the control file says. Raises `InvalidUpload`."""
    if len(control) > LARGEST:
        raise InvalidUpload(f"The control file has {len(control)} bytes, more than {LARGEST}: everybody reads it with every list")
    fields = spell(read_stanza(control, "The control file"))
    package, version, architecture = (_need(fields, name) for name in ("Package", "Version", "Architecture"))
    if not names.ARCHITECTURE.fullmatch(architecture):
        raise InvalidUpload(f"Architecture {architecture[:80]!r} is invalid: use up to 64 letters, digits and + . _ -")
    try:
        package, version = names.name_key(package), names.version_id(version)
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(error.message) from error
    file = names.file_name(package, version, architecture)
    if len(file) > names.LONGEST_FILE or file.count("_") > names.MOST_UNDERSCORES:
        raise InvalidUpload(
            f"The package would be called {file[:80]!r}…: at most {names.LONGEST_FILE} characters, {names.MOST_UNDERSCORES} of them underscores"
        )
    return Read(name=package, version=version, file=file, facts=write_facts({**fields, "Version": version}), about=describe(fields))


def _need(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "").strip()
    if not value:
        raise InvalidUpload(f"The control file has no field {name}: build the package again")
    return value


# -- the containers --------------------------------------------------------------------------------------------------


def _read_ar(file: BinaryIO, size: int) -> bytes:
    found: dict[str, bytes] = {}
    for name, length in list_members(file, size):
        if name in found:
            raise InvalidUpload(f"The package has the member {name[:40]!r} twice")
        control = CONTROL.fullmatch(name)
        found[name] = read_control(file, length, control[1]) if control else file.read(min(length, 4))
    return _pick(found)


def _read_tar(path: str) -> bytes:
    """The outer archive is read to its end; what is in data.tar is not unpacked."""
    archive = read_tar(path, lambda name: name in (BINARY, PACKED_CONTROL), limit_each=LARGEST_CONTROL, compression="gz", limits=LIMITS)
    control = archive.members.get(PACKED_CONTROL, b"")
    found = {**dict.fromkeys(archive.names, b""), BINARY: archive.members.get(BINARY, b"")}
    if PACKED_CONTROL not in archive.sizes or PACKED_DATA not in archive.sizes:
        raise InvalidUpload(f"The tar archive lacks {PACKED_CONTROL} or {PACKED_DATA}: opkg looks for these two names, and installs nothing else")
    return _pick({**found, PACKED_CONTROL: read_control(BytesIO(control), len(control), "gz")})


def _pick(found: dict[str, bytes]) -> bytes:
    """The control file of a package that has what a package must have, and nothing that somebody could take for it."""
    if not found.get(BINARY, b"").startswith(b"2."):
        raise InvalidUpload("The package has no member debian-binary of version 2.0")
    controls = [name for name in found if CONTROL.fullmatch(name)]
    data = [name for name in found if name == DATA or name.startswith(f"{DATA}.")]
    for what, members in (("control.tar", controls), (DATA, data)):
        if len(members) != 1:
            raise InvalidUpload(f"The package has {len(members) or 'no'} members {what}: it must have one")
    strangers = [name for name in found if name not in (BINARY, *controls, *data) and not name.startswith("_")]
    if strangers:
        raise InvalidUpload(f"The package has the member {strangers[0][:40]!r} where debian-binary, control.tar and data.tar must be")
    return found[controls[0]]
