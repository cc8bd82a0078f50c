"""What a module says of itself: go.mod in the parts that matter here, which files go into its zip, and the check of a zip that was uploaded."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from packhouse.errors import InvalidName, InvalidUpload
from packhouse.formats.go import names
from packhouse.grammar.archives import read_zip
from packhouse.model import Struct

MIB = 1024 * 1024
LARGEST_ZIP = 500 * MIB  # packed and unpacked, each (golang.org/x/mod/zip)
LARGEST_MOD = 16 * MIB
LARGEST_LICENSE = 16 * MIB

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|`([^`]*)`|(//[^\n]*)|([()\[\],])|([^\s()\[\],"`]+)|(\n)')
_BAD = re.compile(r'[\x00-\x1f\x7f"\'*<>?`|\\:]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])", re.IGNORECASE)
_SHORT_NAME = re.compile(r".*~[0-9]+")


class GoMod(Struct):
    """`retracted` holds pairs: the first and the last version of a range."""

    module: str = ""
    go: str = ""
    retracted: tuple[tuple[str, str], ...] = ()
    requires: tuple[tuple[str, str], ...] = ()

    def retracts(self, version: str) -> bool:
        """Whether its author has taken the version back."""
        key = names.version_key(version)
        return any(names.version_key(low) <= key <= names.version_key(high) for low, high in self.retracted)

    @property
    def since_1_24(self) -> bool:
        found = re.match(r"([0-9]+)\.([0-9]+)", self.go)
        return found is not None and (int(found[1]), int(found[2])) >= (1, 24)


def read_mod(content: bytes) -> GoMod:
    """The directives that matter here; what cannot be read is passed over, as it is the go command's to judge."""
    module = go = ""
    retracted: list[tuple[str, str]] = []
    requires: list[tuple[str, str]] = []
    for verb, words in _directives(content.decode("utf-8", "replace")):
        if verb == "module" and words and not module:
            module = words[0]
        elif verb == "go" and words and not go:
            go = words[0]
        elif verb == "require" and len(words) >= 2:
            requires.append((words[0], words[1]))
        elif verb == "retract":
            versions = [word for word in words if word not in "[],"]
            if versions and all(names.is_version(one) for one in versions):
                retracted.append((versions[0], versions[-1]))
    return GoMod(module=module, go=go, retracted=tuple(retracted), requires=tuple(requires))


def _directives(text: str) -> Iterator[tuple[str, Sequence[str]]]:
    block = ""
    for words in _lines(text):
        if block:
            if words == [")"]:
                block = ""
            else:
                yield block, words
        elif words[-1:] == ["("] and len(words) == 2:
            block = words[0]
        else:
            yield words[0], words[1:]


def _lines(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    for found in _TOKEN.finditer(text.replace("\r\n", "\n") + "\n"):
        quoted, raw, comment, mark, word, end = found.groups()
        if end is not None:
            if words:
                yield words
            words = []
        elif comment is None:
            words.append(next(one for one in (quoted, raw, mark, word) if one is not None))


# -- what goes into a zip --------------------------------------------------------------------------------------------


class Member(Struct):
    """A file of a module: its path there, and the id and size of its bytes."""

    path: str
    id: str
    size: int


class NoModule(Exception):
    """Its files can be no module: why."""


def is_vendored(path: str, *, since_1_24: bool) -> bool:
    """Whether the go command leaves a file out as a vendored package."""
    if path == "vendor/modules.txt":
        return since_1_24
    if path.startswith("vendor/"):
        start = len("vendor/")
    elif (at := path.find("/vendor/")) >= 0:
        # before go 1.24 the search began at a fixed place, and every checksum since depends on that
        start = (at if since_1_24 else 0) + len("/vendor/")
    else:
        return False
    return "/" in path[start:]


def choose_files(files: Iterable[tuple[str, str, str, int]], *, since_1_24: bool) -> list[Member]:
    """The members of a module's zip from (path in the module, kind, id, size). Raises `NoModule`."""
    files = list(files)
    nested = {path.rpartition("/")[0] for path, kind, _, _ in files if path.rpartition("/")[2].lower() == "go.mod" and "/" in path and kind != "link"}
    members: list[Member] = []
    seen: dict[str, str] = {}
    total = 0
    for path, kind, id_, size in files:
        folders = path.split("/")[:-1]
        if kind not in ("file", "executable") or path == ".hg_archival.txt" or is_vendored(path, since_1_24=since_1_24):
            continue
        if any("/".join(folders[: n + 1]) in nested for n in range(len(folders))):
            continue
        check_path(path)
        if path.lower() == "go.mod" and path != "go.mod":
            raise NoModule(f"{path} must be called go.mod")
        for name in ("/".join(path.split("/")[: n + 1]) for n in range(path.count("/") + 1)):
            twin = seen.setdefault(name.casefold(), name)
            if twin != name:
                raise NoModule(f"{twin} and {name} are the same file on some systems")
        if (path == "go.mod" and size > LARGEST_MOD) or (path == "LICENSE" and size > LARGEST_LICENSE):
            raise NoModule(f"{path} is larger than 16 MiB")
        total += size
        if total > LARGEST_ZIP:
            raise NoModule("its files are larger than 500 MiB together")
        members.append(Member(path=path, id=id_, size=size))
    return members


def check_path(path: str) -> None:
    """Raises `NoModule` for a file that the go command would not unpack."""
    for part in path.split("/"):
        stem = part.partition(".")[0]
        if not part.strip(".") or part.endswith(".") or _BAD.search(part) or not part.isprintable() or _RESERVED.fullmatch(stem):
            raise NoModule(f"{path[:120]!r} is no name that a module's file may have")


# -- a zip that comes ready ------------------------------------------------------------------------------------------


class Uploaded(Struct):
    """What is in a module's zip. `mod` is its go.mod, or the one that stands for it."""

    mod: str
    readme: str
    h1: str


def read_module_zip(path: str, module: str, version: str) -> Uploaded:
    """The zip of a module, checked as the go command checks it. Raises `InvalidUpload`."""
    prefix = f"{module}@{version}/"
    wanted = {f"{prefix}go.mod", f"{prefix}README.md", f"{prefix}README"}
    archive = read_zip(path, wanted.__contains__, limit_each=LARGEST_MOD, digest=True)
    stray = next((name for name in archive.names if not name.startswith(prefix)), None)
    if stray is not None:
        raise InvalidUpload(f"{stray[:120]!r} in the zip does not begin with {prefix!r}, as the path of this upload says it must")
    if archive.folders:
        raise InvalidUpload(f"The zip holds the folder entry {archive.folders[0][:120]!r}: the go command takes files only")
    if not archive.names:
        raise InvalidUpload("The zip holds no file")
    if archive.unpacked_size > LARGEST_ZIP:
        raise InvalidUpload("The files of the zip are larger than 500 MiB together")
    mod = archive.members.get(f"{prefix}go.mod")
    said = read_mod(mod) if mod is not None else GoMod(module=module)
    if said.module != module:
        raise InvalidUpload(f"The go.mod in the zip says module {said.module[:120]!r}, the path of this upload says {module!r}")
    if mod is None and names.major_of(module):
        raise InvalidUpload(f"The zip of {module} has no go.mod, which a module with a major version suffix must have")
    if mod is not None and version.endswith(names.INCOMPATIBLE):
        raise InvalidUpload(f"{version} is for code without a go.mod, and the zip has one")
    files = [(name.removeprefix(prefix), "file", "", archive.sizes[name]) for name in archive.names]
    try:
        kept = {member.path for member in choose_files(files, since_1_24=said.since_1_24)}
    except NoModule as error:
        raise InvalidUpload(f"The zip is no module: {error}") from error
    odd = next((path for path, *_ in files if path not in kept), None)
    if odd is not None:
        raise InvalidUpload(
            f"{odd[:120]!r} does not belong into the zip of this module: the go command leaves vendored packages and nested modules out"
        )
    readme = next((archive.members[name] for name in (f"{prefix}README.md", f"{prefix}README") if name in archive.members), b"")
    return Uploaded(
        mod=(mod if mod is not None else synthetic_mod(module)).decode("utf-8", "replace"),
        readme=readme[:MIB].decode("utf-8", "replace").replace("\0", ""),
        h1=hash_files(archive.digests.items()),
    )


def hash_files(sums: Iterable[tuple[str, str]]) -> str:
    """The `h1:` of a zip from (name, sha256 in hex) of its files (golang.org/ref/mod, go.sum)."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def synthetic_mod(module: str) -> bytes:
    """What stands for a go.mod where there is none."""
    return f"module {module}\n".encode()


def check_module(name: str) -> str:
    """A module path that one may publish under. Raises `InvalidName`."""
    names.name_key(name)
    if "." not in name.partition("/")[0]:
        raise InvalidName(f"{name[:120]!r} is no module path to download: its first part must hold a dot, as a host name does")
    return name
