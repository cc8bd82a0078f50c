"""A gem: a plain tar archive of metadata, data and checksums, each packed by itself. Runs in a child process."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping

from packhouse.errors import InvalidUpload
from packhouse.formats.rubygems.index.facts import Spec
from packhouse.formats.rubygems.parse.specification import read_specification
from packhouse.grammar.archive import LIMITS, Limits, find_clash, opened, shown
from packhouse.grammar.inflating import Inflated, inflate
from packhouse.grammar.tarheaders import Member, read_headers
from packhouse.model import replace

GIB, MIB = 1024**3, 1024**2
MAX_FILE_SIZE = 3 * GIB
METADATA, DATA, CHECKSUMS = "metadata.gz", "data.tar.gz", "checksums.yaml.gz"
SMALL = {METADATA: 4 * MIB, CHECKSUMS: MIB}  # and what they may unpack to

_SIGNED = tuple(f"{name}.sig" for name in (METADATA, DATA, CHECKSUMS))
_OUTSIDE = Limits(members=len(SMALL) + 1 + len(_SIGNED), produced=MAX_FILE_SIZE)
_INSIDE = replace(LIMITS, produced=2 * GIB)


def read_gem(path: str) -> Spec:
    """What is in a gem, its contents looked through. Raises `InvalidUpload`."""
    found: dict[str, bytes] = {}
    digests: dict[str, str] = {}
    with opened(path) as (file, size):
        stream = Inflated(inflate(file, size, "", _OUTSIDE))
        for member in read_headers(stream, _OUTSIDE):
            if member.name in digests:
                raise InvalidUpload(f"The gem has the member {member.name} twice")
            if member.kind != "file" or member.name not in (*SMALL, DATA, *_SIGNED):
                raise InvalidUpload(f"The gem has the member {shown(member.name)}: it must be metadata.gz, data.tar.gz and checksums.yaml.gz")
            content = _Content(stream.pieces(member.size))
            if member.name == DATA:
                _check_data(content, member.size)
            else:
                found[member.name] = _read_small(content, member)
            digests[member.name] = content.finish()
            stream.skip(-member.size % 512)
    for name in (METADATA, DATA):
        if name not in digests:
            raise InvalidUpload(f"The gem has no member {name}: build it again with `gem build`")
    if CHECKSUMS in found:
        _check_sums(_unpack(CHECKSUMS, found[CHECKSUMS]), digests)
    return read_specification(_unpack(METADATA, found[METADATA]))


class _Content:
    """The bytes of a member as a file, hashed as they pass; it goes back to its start for as long as nothing but that was read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = self._first = b""
        self._sha256 = hashlib.sha256()

    def read(self, size: int) -> bytes:
        while len(self._held) < size and (piece := next(self._pieces, b"")):
            self._sha256.update(piece)
            self._held += piece
        data, self._held = self._held[:size], self._held[size:]
        self._first = data if not self._first else self._first
        return data

    def seek(self, _start: int) -> None:
        self._held = self._first + self._held

    def finish(self) -> str:
        """The SHA-256 of all of it."""
        for piece in self._pieces:
            self._sha256.update(piece)
        return self._sha256.hexdigest()


# -- the small members -------------------------------------------------------------------------------------------------


def _read_small(content: _Content, member: Member) -> bytes:
    if member.name in SMALL and member.size > SMALL[member.name]:
        raise InvalidUpload(f"{member.name} of the gem has {member.size} bytes, more than {SMALL[member.name]}")
    return content.read(member.size) if member.name in SMALL else b""


def _unpack(name: str, packed: bytes) -> bytes:
    """The one gzip stream. Raises `InvalidUpload`."""
    unpacker = zlib.decompressobj(31)
    try:
        plain = unpacker.decompress(packed, SMALL[name] + 1)
    except zlib.error as error:
        raise InvalidUpload(f"{name} of the gem is damaged: its gzip data cannot be read") from error
    if len(plain) > SMALL[name]:
        raise InvalidUpload(f"{name} of the gem unpacks to more than {SMALL[name] // MIB} MiB")
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidUpload(f"{name} of the gem must be one gzip stream from its first byte to its last")
    return plain


def _check_sums(content: bytes, digests: Mapping[str, str]) -> None:
    """`gem` refuses to install what does not agree. Other algorithms are passed over."""
    from packhouse.formats.rubygems.parse.yamls import read_yaml

    sums = read_yaml(content, "checksums.yaml.gz of the gem")
    told = sums.get("SHA256") if isinstance(sums, dict) else {}
    for name, digest in told.items() if isinstance(told, dict) else ():
        if name in digests and digest != digests[name]:
            raise InvalidUpload(f"{name} of the gem has sha256 {digests[name]}, its checksums say {str(digest)[:80]}: build the gem again")


# -- what is installed -------------------------------------------------------------------------------------------------


def _check_data(content: _Content, size: int) -> None:
    """Raises `InvalidUpload` for what would leave the folder of the gem, or take another file's place, where it is unpacked."""
    stream = Inflated(inflate(content, size, "gz", _INSIDE))  # type: ignore[arg-type]  # reads and goes back, and no more
    seen: list[Member] = []
    for member in read_headers(stream, _INSIDE):
        if len(seen) == _INSIDE.members:
            raise InvalidUpload(f"The gem has more than {_INSIDE.members} files")
        _check_link(member)
        seen.append(member)
        stream.skip(member.size + -member.size % 512)
    clash = find_clash([each.name for each in seen if not each.folder], {each.name for each in seen if each.folder}, str)
    if clash is not None:
        raise InvalidUpload(f"Files {shown(clash[0])} and {shown(clash[1])} of the gem are in each other's way")


def _check_link(member: Member) -> None:
    """Up to the folder of the gem and down again, and never up on the way: no chain of such links leads out."""
    if member.kind == "hard link":
        raise InvalidUpload(f"The gem has the hard link {shown(member.name)}: pack the file itself")
    if member.kind != "symbolic link":
        return
    parts = member.target.split("/")
    climbs = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if not member.target or climbs > member.name.count("/") or ".." in parts[climbs:] or member.target[0] == "/" or "\\" in member.target:
        raise InvalidUpload(f"Link {shown(member.name)} of the gem leaves its folder: {shown(member.target)}")
