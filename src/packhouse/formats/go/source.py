"""Modules read from a project's Git repository: which versions its tags mean, what a revision holds, and the zip of one. Blocks; no writes."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, BinaryIO

import msgspec

from packhouse.contract import Git
from packhouse.errors import VersionNotFound
from packhouse.formats.go import names, parse
from packhouse.model import Spooled, Struct

MOST_KNOWN = 100_000
MOST_BASES = 50  # tags that are tried as the base of a pseudo-version
LAST_TIME = 253_402_300_799  # the end of the year 9999
EPOCH = (1980, 1, 1, 0, 0, 0)
ATTRIBUTES = ("text", "crlf", "eol", "ident")
PLAIN = ("unspecified",) * len(ATTRIBUTES)
_KEYWORD = re.compile(rb"\$Id(?:\$|:([^$\n]*)\$)")
_LONE_LF = re.compile(rb"(?<!\r)\n")
_PRINTABLE = bytes({*b"\b\t\n\r\x0c\x1b", *range(32, 127), *range(128, 256)})
MIB = 1024 * 1024


class Where(Struct):
    """A module path in a project: `folder` is its path below the project, with the major suffix; "" for the root."""

    module: str
    folder: str

    @property
    def parent(self) -> str:
        """The folder without the major suffix: tags of a module in a folder begin with it."""
        if names.major_of(self.module) == 0:
            return self.folder
        return self.folder.rpartition("/")[0]

    @property
    def folders(self) -> Sequence[str]:
        """Where its go.mod may lie."""
        return (self.folder,) if self.parent == self.folder else (self.folder, self.parent)


class Revision(Struct):
    """A version of a module at a commit. `mod` is None where the commit has no go.mod."""

    version: str
    commit: str
    time: int
    folder: str
    mod: bytes | None


class _Spot(Struct):
    """What a commit holds of a module: where, and whether there is a go.mod."""

    folder: str
    has_mod: bool


_known: dict[tuple[str, str, str], _Spot | None] = {}  # a commit never changes


def locate(git: Git, commit: str, where: Where) -> _Spot | None:
    """Where the module lies in a commit; None where it is not there."""
    key = (commit, where.module, where.folder)
    if key not in _known:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[key] = _look(git, commit, where)
    return _known[key]


def _look(git: Git, commit: str, where: Where) -> _Spot | None:
    for folder in where.folders:
        mod = git.read(commit, _join(folder, "go.mod"), parse.LARGEST_MOD)
        if mod is not None and parse.read_mod(mod).module == where.module:
            return _Spot(folder=folder, has_mod=True)
        if mod is None and not where.folder and names.major_of(where.module) == 0:
            return _Spot(folder="", has_mod=False)
    return None


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def tagged(git: Git, where: Where) -> dict[str, str]:
    """Every version that a tag may mean for this module → its commit. A tag below the module's folder goes before a plain one."""
    prefix = f"{where.parent}/" if where.parent else ""
    plain: dict[str, str] = {}
    own: dict[str, str] = {}
    for tag, commit in git.tags().items():
        if names.is_version(tag) and not tag.endswith(names.INCOMPATIBLE):
            plain[tag] = commit
        elif prefix and tag.startswith(prefix) and names.is_version(tag[len(prefix) :]):
            own[tag[len(prefix) :]] = commit
    found = plain | own
    return {version: commit for version, commit in found.items() if not names.is_pseudo(version)}


def list_versions(git: Git, where: Where) -> dict[str, str]:
    """The versions of the module → commit. Where some have a go.mod, those without one are left out, as nobody means them."""
    with_mod: dict[str, str] = {}
    without: dict[str, str] = {}
    for tag, commit in tagged(git, where).items():
        version = _version_of(tag, where)
        if version is None:
            continue
        spot = locate(git, commit, where)
        if spot is not None and spot.has_mod == (not version.endswith(names.INCOMPATIBLE)):
            (with_mod if spot.has_mod else without)[version] = commit
        elif spot is not None and not version.endswith(names.INCOMPATIBLE):
            without[version] = commit
    return with_mod or without


def _version_of(tag: str, where: Where) -> str | None:
    if names.fits(where.module, tag):
        return tag
    incompatible = tag + names.INCOMPATIBLE
    return incompatible if not where.folder and names.fits(where.module, incompatible) else None


def find(git: Git, where: Where, version: str) -> Revision:
    """A version by its tag, or a pseudo-version by its commit. Raises `VersionNotFound` with the reason."""
    if not names.fits(where.module, version):
        raise VersionNotFound(f"{where.module} cannot have the version {version}: the path of a module from v2 on ends in its major version")
    pseudo = names.read_pseudo(version)
    commit = tagged(git, where).get(version.removesuffix(names.INCOMPATIBLE)) if pseudo is None else _commit_of(git, where, version, pseudo)
    if commit is None:
        raise VersionNotFound(f"No tag of the repository means {where.module} {version}")
    return revision(git, where, version, commit)


def revision(git: Git, where: Where, version: str, commit: str) -> Revision:
    """What a commit holds as this version. Raises `VersionNotFound`."""
    spot, known = locate(git, commit, where), git.commit(commit)
    if spot is None or known is None:
        raise VersionNotFound(f"The commit {commit[:12]} of {version} has no go.mod that says module {where.module}")
    if not 0 <= known.time <= LAST_TIME:
        raise VersionNotFound(f"The commit {commit[:12]} of {version} has a date that no calendar has")
    if spot.has_mod and version.endswith(names.INCOMPATIBLE):
        raise VersionNotFound(f"{version} is for code without a go.mod, and the commit {commit[:12]} has one")
    mod = git.read(commit, _join(spot.folder, "go.mod"), parse.LARGEST_MOD) if spot.has_mod else None
    return Revision(version=version, commit=commit, time=known.time, folder=spot.folder, mod=mod)


def _commit_of(git: Git, where: Where, version: str, pseudo: names.Pseudo) -> str:
    commit = git.resolve(pseudo.revision)
    known = None if commit is None else git.commit(commit)
    if commit is None or known is None or not commit.startswith(pseudo.revision):
        raise VersionNotFound(f"The repository has no commit {pseudo.revision}")
    if known.time != pseudo.time and 0 <= known.time <= LAST_TIME:
        raise VersionNotFound(f"{version} does not tell the time of its commit, which is {names.timestamp(known.time)}")
    if pseudo.base:
        base = tagged(git, where).get(pseudo.base)
        if base is None or not git.is_ancestor(base, commit):
            raise VersionNotFound(f"{version} comes after {pseudo.base}, which is no tag before the commit {pseudo.revision}")
    return commit


def query(git: Git, where: Where, text: str, gone: Set[str] = frozenset()) -> Revision:
    """A branch, or the start of a commit's id, as a version that is not gone. Raises `VersionNotFound`."""
    commit = git.resolve(text)
    if commit is None:
        raise VersionNotFound(f"The repository has no branch, tag or commit {text[:80]!r}")
    return _named(git, where, commit, _left(git, where, gone))


def _left(git: Git, where: Where, gone: Set[str]) -> Mapping[str, str]:
    return {version: commit for version, commit in list_versions(git, where).items() if version not in gone}


def _named(git: Git, where: Where, commit: str, versions: Mapping[str, str]) -> Revision:
    here = [version for version, tagged_at in versions.items() if tagged_at == commit]
    if here:
        return revision(git, where, max(here, key=names.version_key), commit)
    known, spot = git.commit(commit), locate(git, commit, where)
    if known is None or spot is None or not 0 <= known.time <= LAST_TIME:
        raise VersionNotFound(f"The commit {commit[:12]} has no go.mod that says module {where.module}")
    number = names.major_of(where.module)
    older = sorted((one for one in versions if not one.endswith(names.INCOMPATIBLE)), key=names.version_key, reverse=True)[:MOST_BASES]
    base = next((version for version in older if git.is_ancestor(versions[version], commit)), "")
    number = names.major(base) if base else number
    return revision(git, where, names.make_pseudo(number, base, known.time, commit), commit)


def latest(git: Git, where: Where, gone: Set[str] = frozenset()) -> Revision:
    """The highest release that is neither retracted nor gone, else pre-release, else the head of the default branch. Raises `VersionNotFound`."""
    versions = _left(git, where, gone)
    chosen = choose_latest(versions, lambda version: revision(git, where, version, versions[version]).mod)
    if chosen is not None:
        return revision(git, where, chosen, versions[chosen])
    head = git.resolve(git.default_branch) if git.default_branch else None
    if head is None:
        raise VersionNotFound(f"The repository has no version of {where.module}")
    return _named(git, where, head, versions)


def rank(version: str) -> tuple[bool, Any]:
    """Orders releases before pre-releases, each by precedence; the greatest is the newest."""
    return not names.is_prerelease(version), names.version_key(version)


def choose_latest(versions: Iterable[str], mod_of: Callable[[str], bytes | None]) -> str | None:
    """The version that `latest` means; retractions are those of the newest one's own go.mod (golang.org/ref/mod, retract)."""
    ordered = sorted(versions, key=rank, reverse=True)
    if not ordered:
        return None
    mod = mod_of(ordered[0])
    said = parse.read_mod(mod) if mod else parse.GoMod()
    return next((version for version in ordered if not said.retracts(version)), ordered[0])


# -- files -----------------------------------------------------------------------------------------------------------


def make_info(found: Revision) -> bytes:
    """The `.info` of a version: what go reads, and the commit that the version is pinned to."""
    value = {"Version": found.version, "Time": names.timestamp(found.time), "Origin": {"VCS": "git", "Hash": found.commit}}
    return msgspec.json.encode(value)


class Packed(Struct):
    """A module's zip and its hash as go.sum writes it."""

    content: Spooled
    h1: str


def pack(git: Git, where: Where, version: str, commit: str) -> Packed:
    """The zip of a version, the same bytes each time. Raises `VersionNotFound` where its files can be no module."""
    found = revision(git, where, version, commit)
    prefix = f"{found.folder}/" if found.folder else ""
    said = parse.read_mod(found.mod) if found.mod is not None else parse.GoMod()
    files = [(entry.path.removeprefix(prefix), entry.kind, entry.id, entry.size) for entry in git.entries(commit, found.folder)]
    try:
        members = parse.choose_files(files, since_1_24=said.since_1_24)
    except parse.NoModule as error:
        raise VersionNotFound(f"{where.module} {version} cannot be a module: {error}") from error
    attributes: Sequence[Sequence[str]] = [PLAIN] * len(members)
    if has_attributes(git, commit, found.folder, (path for path, *_ in files)):
        attributes = git.attributes(commit, [prefix + member.path for member in members], ATTRIBUTES)
    if not members:
        raise VersionNotFound(f"{where.module} {version} has no files")
    licence = None
    if found.folder and all(member.path != "LICENSE" for member in members):
        licence = git.read(commit, "LICENSE", parse.LARGEST_LICENSE)
    sums: list[tuple[str, str]] = []

    def write(out: BinaryIO) -> None:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

            def add(path: str, data: bytes) -> None:
                name = f"{where.module}@{version}/{path}"
                sums.append((name, hashlib.sha256(data).hexdigest()))
                archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)

            for member, said in zip(members, attributes, strict=True):
                add(member.path, write_out(git.blob(member.id), member.id, said))
            if licence is not None:
                add("LICENSE", licence)

    content = git.spool(write)
    if content.size > parse.LARGEST_ZIP:
        raise VersionNotFound(f"{where.module} {version} is larger than 500 MiB")
    return Packed(content=content, h1=parse.hash_files(sums))


# -- what git does to a file that it writes out, which is where go takes it from ---------------------------------------


def has_attributes(git: Git, commit: str, folder: str, paths: Iterable[str]) -> bool:
    """Whether a .gitattributes file may speak of the files below a folder."""
    above = ["/".join(folder.split("/")[:depth]) for depth in range(folder.count("/") + 1)] if folder else []
    inside = any(path.rpartition("/")[2] == ".gitattributes" for path in paths)
    return inside or any(git.read(commit, _join(one, ".gitattributes")) is not None for one in above)


def write_out(data: bytes, blob: str, attributes: Sequence[str]) -> bytes:
    """The bytes of a blob as git writes them with these attributes (gitattributes, "text", "eol" and "ident")."""
    text, old, eol, ident = attributes
    if ident == "set":
        data = _KEYWORD.sub(lambda found: found[0] if _is_foreign(found[1]) else b"$Id: %s $" % blob.encode(), data)
    how = text if text in ("set", "unset", "auto") else old
    if eol != "crlf" or how == "unset" or (how == "auto" and not _is_plain(data)):
        return data
    return _LONE_LF.sub(b"\r\n", data)


def _is_foreign(inner: bytes | None) -> bool:
    return inner is not None and b" " in inner[1:-1]


def _is_plain(data: bytes) -> bool:
    """Text with no CR in it, as git guesses that."""
    odd = len(data.removesuffix(b"\x1a").translate(None, _PRINTABLE))
    printable = len(data) - odd - data.count(b"\n")
    return b"\r" not in data and b"\0" not in data and printable // 128 >= odd


def find_with_readme(git: Git, where: Where, version: str) -> tuple[Revision, str]:
    """What `find` finds, and the readme beside its go.mod, "" where there is none."""
    found = find(git, where, version)
    data = git.read(found.commit, _join(found.folder, "README.md"), MIB)
    return found, "" if data is None else data.decode("utf-8", "replace").replace("\0", "")
