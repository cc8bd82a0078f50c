"""What the tarball itself says: its package.json, readme and the files that change an install. Runs in a child process."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from packhouse.errors import InvalidUpload
from packhouse.formats.npm.parse.json import read_object
from packhouse.grammar.archives import Archive, read_tar
from packhouse.model import Struct

README_LIMIT = 1024 * 1024

HOOKS = ("preinstall", "install", "postinstall")
"""Scripts that run where a package is installed."""

MAPS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")

GYP_BUILD = "node-gyp rebuild"

_README = re.compile(r"readme(?:\.(?:md|markdown|mkdn?|txt))?", re.IGNORECASE)


class Tarball(Struct):
    """`manifest` is the package.json in one shape, as JSON. `bin_folder`: its commands are the files of a folder."""

    manifest: bytes
    readme: str = ""
    file_count: int = 0
    unpacked_size: int = 0
    bin_folder: bool = False


def read_tarball(path: str) -> Tarball:
    """What is inside. Raises `InvalidUpload`."""
    archive = read_tar(path, _is_wanted, compression="gz")
    files = _strip_folder(archive.names)
    package = read_object(_only_package(archive), "package.json of the tarball")
    manifest = clean_manifest(package)
    bin_folder = "bin" not in manifest and isinstance(folder := _bin_folder(package), str)
    if bin_folder and (commands := _commands_in(clean_path(str(folder)), files)):
        manifest["bin"] = commands
    if "npm-shrinkwrap.json" in files:
        manifest["_hasShrinkwrap"] = True
    if "binding.gyp" in files:
        _imply_build(manifest)
    return Tarball(
        manifest=msgspec.json.encode(manifest),
        readme=_readme(archive),
        file_count=archive.file_count,
        unpacked_size=archive.unpacked_size,
        bin_folder=bin_folder,
    )


def _is_wanted(name: str) -> bool:
    inner = _inside(name)
    return inner == "package.json" or bool(_README.fullmatch(inner))


def _inside(name: str) -> str:
    """The path without its first folder, whatever that is called: clients strip it unseen."""
    return name.partition("/")[2]


def _strip_folder(names: Iterable[str]) -> frozenset[str]:
    inner = [_inside(name) for name in names]
    files = frozenset(inner)
    if len(files) != len(inner):
        twice = next(name for name in sorted(files) if inner.count(name) > 1)
        raise InvalidUpload(f"The tarball has {twice or 'files outside a folder'!r} more than once after its first folder is taken away")
    return files


def _only_package(archive: Archive) -> bytes:
    for name, content in archive.members.items():
        if _inside(name) == "package.json":
            return content
    raise InvalidUpload("The tarball has no package.json in its top folder")


def _readme(archive: Archive) -> str:
    found = {_inside(name): content for name, content in archive.members.items() if _inside(name) != "package.json"}
    if not found:
        return ""
    best = min(found, key=lambda name: (not name.lower().endswith((".md", ".markdown")), name))
    return found[best][:README_LIMIT].decode(errors="replace").replace("\x00", "")


# -- one shape for what package.json may say in several ----------------------------------------------------------------


def clean_manifest(package: Mapping[str, Any]) -> dict[str, Any]:
    """A package.json with its fields in the shape that registries serve. Raises `InvalidUpload`."""
    manifest = {key: value for key, value in package.items() if not key.startswith("_") and key not in _DROPPED}
    for kind in MAPS:
        if (versions := clean_map(package, kind)) or kind in manifest:
            manifest[kind] = versions
    _set(manifest, "scripts", {k: v for k, v in _object(package.get("scripts")).items() if isinstance(v, str)})
    _set(manifest, "bin", clean_bin(package))
    _set(manifest, "bundleDependencies", _bundled(package, manifest))
    for person in ("author", "contributors", "maintainers"):
        _set(manifest, person, clean_people(package.get(person)))
    _set(manifest, "directories", _object(package.get("directories")))
    if isinstance(repository := package.get("repository"), str):
        manifest["repository"] = {"type": "git", "url": repository}
    return manifest


# Not part of what is published: texts that are kept elsewhere, and what only the registry may say.
_DROPPED = frozenset({"readme", "readmeFilename", "licenseText", "dist", "deprecated", "bundledDependencies", "hasInstallScript"})


def _set(manifest: dict[str, Any], key: str, value: Any) -> None:
    if value:
        manifest[key] = value
    else:
        manifest.pop(key, None)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def clean_map(package: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Name → range of one of the dependency fields. Raises `InvalidUpload`."""
    value = package.get(kind)
    if not value:
        return {}
    if not isinstance(value, dict):
        raise InvalidUpload(f"The field {kind} must be an object of names and versions")
    for name, wanted in value.items():
        if not isinstance(wanted, str):
            raise InvalidUpload(f"The field {kind} gives {name!r} the version {wanted!r}: it must be a string")
    return {name: wanted.strip() for name, wanted in value.items()}


def clean_bin(package: Mapping[str, Any]) -> dict[str, str]:
    """Command → path inside the package; a single path is a command named like the package."""
    value = package.get("bin")
    if isinstance(value, str):
        value = {str(package.get("name", "")): value}
    elif isinstance(value, list):
        value = {posixpath.basename(each): each for each in value if isinstance(each, str)}
    commands = {}
    for command, path in _object(value).items():
        base = posixpath.basename(clean_path(command))
        if base and isinstance(path, str) and (target := clean_path(path)):
            commands[base] = target
    return commands


def clean_path(path: str) -> str:
    """A path that cannot leave the package, without `./` in front."""
    return posixpath.normpath("/" + re.sub(r"[\\:]", "/", path)).lstrip("/")


def _bundled(package: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[str]:
    value = package.get("bundleDependencies", package.get("bundledDependencies"))
    if value is True:
        return list(manifest.get("dependencies", {}))
    return [name for name in value if isinstance(name, str)] if isinstance(value, list | dict) else []


def _bin_folder(package: Mapping[str, Any]) -> Any:
    return _object(package.get("directories")).get("bin")


def _commands_in(folder: str, files: Iterable[str]) -> dict[str, str]:
    inside = sorted(name for name in files if name.startswith(f"{folder}/"))
    return {posixpath.basename(name): name for name in inside if not posixpath.basename(name).startswith(".")}


def _imply_build(manifest: dict[str, Any]) -> None:
    """npm builds a package with a binding.gyp that says nothing else, so the manifest says so, as npm's own would."""
    scripts = manifest.get("scripts", {})
    if manifest.get("gypfile") is not False and not scripts.get("install") and not scripts.get("preinstall"):
        manifest["scripts"] = {**scripts, "install": GYP_BUILD}
        manifest["gypfile"] = True


_PERSON = re.compile(r"([^<(]*)(?:<([^>]*)>\s*)?(?:\(([^)]*)\)\s*)?")


def clean_people(value: Any) -> Any:
    """`Name <mail> (page)` as an object; lists of them; anything else is no person."""
    if isinstance(value, list):
        return [person for each in value if not isinstance(each, list) and (person := clean_people(each))]
    if isinstance(value, str) and (match := _PERSON.fullmatch(value[:1024])):
        value = dict(zip(("name", "email", "url"), match.groups(""), strict=True))
    if isinstance(value, dict):
        return {key: part.strip() for key in ("name", "email", "url") if isinstance(part := value.get(key), str) and part.strip()}
    return None
