"""What the crate itself says: its folder, and the Cargo.toml in it. Runs in a child process."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from packhouse.errors import InvalidUpload
from packhouse.formats.cargo.parse.document import Kind
from packhouse.formats.cargo.parse.requirements import clean_requirement
from packhouse.grammar.archives import Archive, read_tar
from packhouse.model import Struct

MANIFEST = "Cargo.toml"
MANIFEST_LIMIT = 1024**2

_RUST_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,2}", re.ASCII)


class Stated(Struct):
    """A dependency in the one shape that the manifest and the document are compared in. `name` is what the code calls it."""

    name: str
    package: str
    kind: Kind
    target: str
    requirement: str
    optional: bool
    default_features: bool
    features: tuple[str, ...]


class Crate(Struct):
    """What the manifest says."""

    name: str
    version: str
    deps: tuple[Stated, ...] = ()
    features: Mapping[str, tuple[str, ...]] = {}
    links: str | None = None
    rust_version: str | None = None


def read_crate(path: str, folder: str) -> Crate:
    """What is in a crate that has everything in this folder. Raises `InvalidUpload`."""
    wanted = f"{folder}/{MANIFEST}"
    archive = read_tar(path, lambda name: name == wanted, limit_each=MANIFEST_LIMIT, compression="gz")
    _check_members(archive, folder)
    if wanted not in archive.members:
        raise InvalidUpload(f"The crate has no {wanted}: the name of the manifest is spelled exactly so")
    return read_manifest(archive.members[wanted])


def _check_members(archive: Archive, folder: str) -> None:
    if archive.links:
        raise InvalidUpload(f"The crate has the link {next(iter(archive.links))!r}: pack the file itself")
    for name in (*archive.names, *archive.folders):
        if not f"{name}/".startswith(f"{folder}/") or (name == folder and name in archive.names):
            raise InvalidUpload(f"The crate has {name[:100]!r} outside its folder {folder}/")


def read_manifest(content: bytes) -> Crate:
    """What a Cargo.toml says that an index repeats. Raises `InvalidUpload`."""
    try:
        manifest = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidUpload(f"Cargo.toml of the crate cannot be read: {str(error)[:200] or type(error).__name__}") from error
    package = _table(manifest, "package")
    return Crate(
        name=_text(package, "name"),
        version=_text(package, "version"),
        deps=tuple(sorted(_all_deps(manifest), key=repr)),
        features={key: _list(value, f"feature {key}") for key, value in _table(manifest, "features").items()},
        links=_text(package, "links") if "links" in package else None,
        rust_version=_rust_version(package.get("rust-version")),
    )


def _rust_version(value: Any) -> str | None:
    return value if isinstance(value, str) and _RUST_VERSION.fullmatch(value) else None


# -- dependencies ------------------------------------------------------------------------------------------------------

# Those for development are left out: no client looks at them in an index, and Cargo drops some of them on the way.
_TABLES: Mapping[str, Kind] = {"dependencies": "normal", "build-dependencies": "build", "build_dependencies": "build"}


def _all_deps(manifest: Mapping[str, Any]) -> Iterator[Stated]:
    yield from _deps_in(manifest, "")
    targets = _table(manifest, "target")
    for target in targets:
        yield from _deps_in(_table(targets, target), clean_target(target))


def _deps_in(tables: Mapping[str, Any], target: str) -> Iterator[Stated]:
    for key, kind in _TABLES.items():
        for name, value in _table(tables, key).items():
            yield _read_dep(name, {"version": value} if isinstance(value, str) else value, kind, target)


def _read_dep(name: str, value: Any, kind: Kind, target: str) -> Stated:
    if not isinstance(value, dict):
        raise InvalidUpload(f"Cargo.toml of the crate gives dependency {name[:80]!r} neither a version nor a table")
    defaults = value.get("default-features", value.get("default_features", True))
    return Stated(
        name=name,
        package=_text(value, "package") if "package" in value else name,
        kind=kind,
        target=target,
        requirement=clean_requirement(_text(value, "version") if "version" in value else "*"),
        optional=value.get("optional", False) is True,
        default_features=defaults is not False,
        features=tuple(sorted(_list(value.get("features", []), f"features of {name}"))),
    )


def clean_target(target: str) -> str:
    """A triple or `cfg(...)` without the blanks and commas that Cargo drops."""
    return re.sub(r",(?=\))", "", "".join(target.split()))


# -- values of TOML ----------------------------------------------------------------------------------------------------


def _table(within: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = within.get(key, {})
    if not isinstance(value, dict):
        raise InvalidUpload(f"Cargo.toml of the crate has {key[:80]!r}, which is no table")
    return value


def _text(within: Mapping[str, Any], key: str) -> str:
    value = within.get(key)
    if not isinstance(value, str):
        raise InvalidUpload(f"Cargo.toml of the crate has no text for {key!r}")
    return value


def _list(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidUpload(f"Cargo.toml of the crate has no list of texts for {what[:80]}")
    return tuple(value)
