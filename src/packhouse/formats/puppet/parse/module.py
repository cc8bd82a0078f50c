"""A module → its `metadata.json` and the texts beside it. Runs in a child process."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from packhouse.errors import InvalidUpload
from packhouse.formats.puppet.parse.metadata import Metadata, read_metadata
from packhouse.grammar.archive import KIB, MIB, shown
from packhouse.grammar.archives import Archive, read_tar
from packhouse.model import About, Struct, replace

METADATA = "metadata.json"
LIMITS: Mapping[str, int] = {"readme": 64 * KIB, "changelog": 64 * KIB, "license": 32 * KIB}  # bytes that are kept of each
LARGEST = 2 * MIB  # of any of these files

_NAMES = {f"{name}{end}": name for name in LIMITS for end in ("", ".md", ".markdown", ".txt", ".rdoc")}


# each would take six bytes in JSON
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Read(Struct):
    """What a module says. `release` is JSON: the metadata and the texts."""

    name: str
    version: str
    summary: str
    tags: tuple[str, ...]
    pdk: bool
    release: bytes
    about: About


def read_module(path: str) -> Read:
    """Raises `InvalidUpload` and its kin."""
    wanted = _Wanted()
    try:
        archive = read_tar(path, wanted, limit_each=LARGEST, compression="gz")
    except InvalidUpload as error:
        raise InvalidUpload(f"The file is no module, which is a tar archive packed with gzip: {error.message}") from error
    check_folder(archive, wanted.top)
    if archive.links:
        raise InvalidUpload(f"The module has a link in it, {shown(min(archive.links))}: replace links by files, as not every client unpacks them")
    content = archive.members.get(f"{wanted.top}/{METADATA}")
    if content is None:
        raise InvalidUpload(f"The module has no {METADATA} in its folder {shown(wanted.top)}")
    metadata = read_metadata(content)
    if wanted.top != f"{metadata.name}-{metadata.version}":
        raise InvalidUpload(f"The module lies in the folder {shown(wanted.top)}, and its {METADATA} says {metadata.name}-{metadata.version}")
    return sum_up(metadata, {name.partition("/")[2]: text for name, text in archive.members.items()})


class _Wanted:
    """Picks the files that are looked into, from the one folder that everything lies in."""

    def __init__(self) -> None:
        self.top = ""

    def __call__(self, name: str) -> bool:
        folder, _, file = name.partition("/")
        self.top = self.top or folder
        return folder == self.top and (file == METADATA or file.lower() in _NAMES)


def check_folder(archive: Archive, top: str) -> None:
    """Refuses what would be unpacked beside the one folder. Raises `InvalidUpload`."""
    stray = next((name for name in (*archive.names, *archive.folders) if name != top and not name.startswith(f"{top}/")), None)
    if stray is None and top in archive.names:
        stray = top
    if not top or stray is not None:
        raise InvalidUpload(f"A module is one folder, named by owner, name and version, with all files in it: {shown(stray or 'nothing')} is not")


def sum_up(metadata: Metadata, files: Mapping[str, bytes]) -> Read:
    """What is kept of the module."""
    found = {_NAMES[name.lower()]: name for name in sorted(files, reverse=True) if name.lower() in _NAMES}
    texts = {kind: clean(files[name], LIMITS[kind]) for kind, name in found.items()}
    plain = not found.get("readme", "").lower().endswith((".md", ".markdown"))
    return Read(
        name=metadata.name,
        version=metadata.version,
        summary=metadata.summary,
        tags=metadata.tags,
        pdk=metadata.pdk,
        release=msgspec.json.encode({"metadata": msgspec.Raw(metadata.json), **texts}),
        about=replace(metadata.about, readme=texts.get("readme", ""), readme_type="text/plain" if plain else "text/markdown"),
    )


def clean(content: bytes, limit: int) -> str:
    """The text as far as it is kept, without control characters."""
    text = _CONTROL.sub("", content[:limit].decode("utf-8", "replace"))
    return text.encode()[:limit].decode("utf-8", "ignore")
