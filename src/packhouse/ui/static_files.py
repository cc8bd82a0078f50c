"""The bundled style and script: read once, served for ever under names that hold their digest."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import msgspec

from packhouse.model import Struct

DIST = Path(__file__).parent / "static" / "dist"
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
PREFIX = "/-/static/"


class StaticFile(Struct):
    """A file of the bundle and its gzip twin."""

    body: bytes
    gzip: bytes
    media_type: str


class StaticFiles:
    """The files by their hashed names, and those names by the plain ones."""

    def __init__(self, names: Mapping[str, str], files: Mapping[str, StaticFile]) -> None:
        self._names = names
        self._files = files

    def href(self, name: str) -> str:
        """The address of a file of the bundle, "" where there is no bundle: pages are plain then, and work."""
        return PREFIX + self._names[name] if name in self._names else ""

    def find(self, hashed: str) -> StaticFile | None:
        """The file of that hashed name."""
        return self._files.get(hashed)


def read_static_files(folder: Path = DIST) -> StaticFiles:
    """The bundle as `npm run build` left it; an empty one where it has not run."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return StaticFiles({}, {})
    names = msgspec.json.decode(manifest.read_bytes(), type=dict[str, str])
    return StaticFiles(names, {hashed: _read_file(folder / hashed) for hashed in names.values()})


def _read_file(path: Path) -> StaticFile:
    body = path.read_bytes()
    return StaticFile(body=body, gzip=gzip.compress(body, 9, mtime=0), media_type=MEDIA_TYPES[path.suffix])
