"""A package read from a commit: its composer.json and the archive that clients unpack. Runs in the thread that holds the repository."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import BinaryIO

from packhouse.contract import Git
from packhouse.errors import InvalidUpload, NotFound
from packhouse.formats.composer import names, parse
from packhouse.model import Spooled, Struct

EPOCH = (1980, 1, 1, 0, 0, 0)
SHOWN = 80
MODES = {"file": 0o100644, "executable": 0o100755, "link": 0o120777}


class Release(Struct):
    """A tag or branch as it stands: `time` is the commit's, in seconds since 1970."""

    version: str
    commit: str
    time: int
    manifest: parse.Manifest
    readme: str = ""
    default: bool = False


class TagNotFound(NotFound):
    code = "tag_not_found"
    default = "Tag Not Found"


class BranchNotFound(NotFound):
    code = "branch_not_found"
    default = "Branch Not Found"


def read_tag(git: Git, tag: str) -> Release:
    """Raises `TagNotFound`, `InvalidVersion`, `InvalidUpload`, `InvalidName`."""
    commit = git.tags().get(tag)
    if commit is None:
        raise TagNotFound
    return _read(git, names.version_of_tag(tag), commit)


def read_branch(git: Git, branch: str) -> Release:
    """Raises `BranchNotFound`, `InvalidVersion`, `InvalidUpload`, `InvalidName`."""
    commit = git.branches().get(branch)
    if commit is None:
        raise BranchNotFound
    return _read(git, names.version_of_branch(branch), commit, default=branch == git.default_branch)


def _read(git: Git, version: str, commit: str, *, default: bool = False) -> Release:
    manifest = parse.read_manifest(git.read(commit, parse.MANIFEST, parse.LARGEST))
    known = git.commit(commit)
    readme = git.read(commit, "README.md", parse.MIB) or b""
    return Release(
        version=version,
        commit=commit,
        time=known.time if known is not None else 0,
        manifest=manifest,
        readme=readme.decode("utf-8", "replace").replace("\0", ""),
        default=default,
    )


def pack(git: Git, name: str, commit: str) -> Spooled:
    """The archive of a commit below one folder, the same bytes each time."""
    entries = git.entries(commit)
    top = f"{name.replace('/', '-')}-{commit}"
    chosen = parse.choose_files(entries, _attributes(git, commit, [entry.path for entry in entries]))
    for entry in chosen:
        check_path(entry.path)

    def write(out: BinaryIO) -> None:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry in chosen:
                info = zipfile.ZipInfo(f"{top}/{entry.path}", EPOCH)
                info.create_system = 3
                info.external_attr = MODES[entry.kind] << 16
                archive.writestr(info, git.blob(entry.id), zipfile.ZIP_DEFLATED, 6)

    return git.spool(write)


def check_path(path: str) -> None:
    """Raises `InvalidUpload` for names that some clients cannot unpack, or would unpack elsewhere."""
    if any("\ud800" <= c <= "\udfff" for c in path):
        raise InvalidUpload(f"The file {path[:SHOWN]!r} of the commit has a name that is not UTF-8: rename it")
    if "\\" in path or any(c < " " or c == "\x7f" for c in path):
        raise InvalidUpload(f"The file {path[:SHOWN]!r} of the commit has a backslash or a control character in its name: rename it")


def _attributes(git: Git, commit: str, paths: list[str]) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for path in paths:
        folder, _, file = path.rpartition("/")
        if file == parse.ATTRIBUTES and (data := git.read(commit, path, 256 * 1024)) is not None:
            found[folder] = data
    return found
