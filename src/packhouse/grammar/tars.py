"""Tar archives, plain or compressed, read as a stream under limits (POSIX ustar and pax, GNU long names).

The headers are read here because `tarfile` reads extended headers of any size into memory, hides sizes that disagree,
and takes 3 times as long (one run, 1,000 members).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from packhouse.errors import InvalidUpload
from packhouse.grammar.archive import LIMITS, MIB, Archive, Limits, Source, Wanted, check_name, find_clash, folded, opened, shown
from packhouse.grammar.inflating import Compression, Inflated, inflate
from packhouse.grammar.tarheaders import Member, read_headers


def read_tar(
    source: Source,
    wanted: Wanted,
    *,
    limit_each: int = 5 * MIB,
    digest: bool = False,
    compression: Compression | None = None,
    limits: Limits = LIMITS,
) -> Archive:
    """The wanted members and everything's names and sizes; `compression` None goes by the first bytes. Raises `InvalidUpload`."""
    with opened(source) as (file, size):
        members: dict[str, bytes] = {}
        digests: dict[str, str] = {}
        seen: list[Member] = []
        stream = Inflated(inflate(file, size, compression, limits))
        for member in read_headers(stream, limits):
            if len(seen) == limits.members:
                raise InvalidUpload(f"The tar archive has more than {limits.members} members")
            seen.append(member)
            if member.kind != "file":
                continue
            picked = wanted(member.name)
            if picked and member.size > limit_each:
                raise InvalidUpload(f"Member {shown(member.name)} of the tar archive has {member.size} bytes, more than {limit_each}")
            if picked or digest:
                content, digests[member.name] = _read(stream.pieces(member.size), keep=picked)
            else:
                stream.skip(member.size)
            if picked:
                members[member.name] = content
            stream.skip(-member.size % 512)
    _check_names(seen, members)
    _check_links(seen)
    return _sum_up(seen, members, digests if digest else {})


def _sum_up(seen: Sequence[Member], members: dict[str, bytes], digests: dict[str, str]) -> Archive:
    files = [member for member in seen if member.kind == "file"]
    return Archive(
        names=tuple(member.name for member in seen if not member.folder),
        members=members,
        sizes={member.name: member.size for member in files},
        unpacked_size=sum(member.size for member in files),
        file_count=len(files),
        folders=tuple(dict.fromkeys(member.name for member in seen if member.folder and member.name)),
        links={member.name: member.target for member in seen if member.target},
        digests=digests,
    )


def _read(pieces: Iterable[bytes], *, keep: bool) -> tuple[bytes, str]:
    sha256 = hashlib.sha256()
    chunks = []
    for piece in pieces:
        sha256.update(piece)
        if keep:
            chunks.append(piece)
    return b"".join(chunks), sha256.hexdigest()


def _check_names(seen: Sequence[Member], members: Iterable[str]) -> None:
    """Refuses a name that comes twice, what lies below a file or link, and a twin of a wanted file on systems that ignore case."""
    leaves = [member.name for member in seen if not member.folder]
    clash = find_clash(leaves, {member.name for member in seen if member.folder}, str)
    if clash is not None:
        raise InvalidUpload(f"Members {shown(clash[0])} and {shown(clash[1])} of the tar archive are in each other's way")
    originals = {folded(name): name for name in members}
    for name in leaves:
        twin = originals.get(folded(name), name)
        if twin != name:
            raise InvalidUpload(f"Members {shown(twin)} and {shown(name)} of the tar archive are the same file on some systems")


def _check_links(seen: Sequence[Member]) -> None:
    files: set[str] = set()
    for member in seen:
        if member.kind == "file":
            files.add(member.name)
        elif member.kind == "symbolic link":
            _check_target(member)
        elif member.kind == "hard link":
            # A hard link to a symbolic link would move that one to another folder, where it means another place.
            if member.target not in files:
                raise InvalidUpload(f"Hard link {shown(member.name)} of the tar archive points at {shown(member.target)}, which is no file before it")
            files.add(member.name)


def _check_target(member: Member) -> None:
    """Only targets of the form `../../x/y`: then no chain of links can climb out (members below a link are refused elsewhere)."""
    parts = member.target.split("/")
    climbs = 0
    while climbs < len(parts) and parts[climbs] == "..":
        climbs += 1
    rest = "/".join(parts[climbs:])
    if climbs > member.name.count("/") or member.target[:1] == "/" or ".." in parts[climbs:] or not member.target:
        raise InvalidUpload(f"Link {shown(member.name)} of the tar archive leaves the archive: {shown(member.target)}")
    if rest not in ("", "."):
        check_name(rest, "tar")
