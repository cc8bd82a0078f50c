"""Whether the publish document says the same as the tarball (threats, T21). The index is built from the tarball in any case.

Clients tidy some fields before they send them. Each tolerance here names the client that needs it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from packhouse.errors import DigestMismatch, InvalidUpload
from packhouse.formats.npm.names import clean_version
from packhouse.formats.npm.parse.document import Publish
from packhouse.formats.npm.parse.tarball import GYP_BUILD, HOOKS, Tarball, clean_bin, clean_map
from packhouse.model import Spooled

_RUNTIME_MAPS = ("dependencies", "optionalDependencies", "peerDependencies")


def check_agreement(publish: Publish, package: Mapping[str, Any], tarball: Tarball) -> None:
    """Raises `InvalidUpload` that names both sides."""
    _check_identity(publish, package)
    for kind in _RUNTIME_MAPS:
        _check_map(kind, _counted(publish.manifest, kind), _counted(package, kind))
    _check_hooks(publish.manifest, package)
    _check_bin(publish.manifest, package, tarball)


def _differ(field: str, document: Any, tarball: Any) -> InvalidUpload:
    return InvalidUpload(
        f"The document says {field} is {_short(document)}, but package.json in the tarball says {_short(tarball)}: publish them alike"
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _check_identity(publish: Publish, package: Mapping[str, Any]) -> None:
    name, version = package.get("name"), package.get("version")
    # npm trims spaces around the name.
    if not isinstance(name, str) or name.strip() != publish.name:
        raise _differ("the name", publish.name, name)
    # npm and yarn 1 send 1.0.0 for the 1.0.0+build or v1.0.0 of package.json.
    if not isinstance(version, str) or publish.version not in (version, clean_version(version)):
        raise _differ("the version", publish.version, version)


def _counted(manifest: Mapping[str, Any], kind: str) -> dict[str, str]:
    versions = clean_map(manifest, kind)
    if kind == "dependencies":
        # npm up to 6 copies optional dependencies here, later ones may take them away.
        for name in clean_map(manifest, "optionalDependencies"):
            versions.pop(name, None)
    return versions


def _check_map(kind: str, document: Mapping[str, str], tarball: Mapping[str, str]) -> None:
    if document == tarball:
        return
    for name in sorted({*document, *tarball}):
        if name not in document or name not in tarball or not _same_range(document[name], tarball[name]):
            raise _differ(f"{kind} {name!r}", document.get(name), tarball.get(name))


_GIT = re.compile(r"(?:.*[/:])?([\w.-]+/[\w.-]+?)(?:\.git)?(#.*)?", re.ASCII | re.DOTALL)


def _same_range(document: str, tarball: str) -> bool:
    if document == tarball:
        return True
    # npm writes `owner/repository` and git addresses in a form of its own.
    left, right = _GIT.fullmatch(document), _GIT.fullmatch(tarball)
    return bool(left and right and left.groups() == right.groups())


_LOCAL_TOOL = re.compile(r"(?:\.[/\\])?node_modules[/\\]\.bin[\\/]")


def _hooks(manifest: Mapping[str, Any]) -> dict[str, str]:
    scripts = manifest.get("scripts")
    if not isinstance(scripts, dict):
        return {}
    # npm strips the path of local tools.
    return {hook: _LOCAL_TOOL.sub("", text, count=1) for hook in HOOKS if isinstance(text := scripts.get(hook), str) and text}


def _check_hooks(document: Mapping[str, Any], package: Mapping[str, Any]) -> None:
    theirs, ours = _hooks(document), _hooks(package)
    for hook in HOOKS:
        said, found = theirs.get(hook), ours.get(hook)
        # npm and yarn 1 add this one where they see a *.gyp file, pnpm and yarn berry do not.
        if hook == "install" and {said, found} == {None, GYP_BUILD}:
            continue
        if said != found:
            raise _differ(f"the script {hook!r}", said, found)


def _check_bin(document: Mapping[str, Any], package: Mapping[str, Any], tarball: Tarball) -> None:
    # npm lists the files of `directories.bin` as it finds them on disk, yarn berry leaves that to the reader.
    if tarball.bin_folder or (document.get("bin") == package.get("bin") and document.get("name") == package.get("name")):
        return
    said, found = clean_bin(document), clean_bin(package)
    if said != found:
        raise _differ("bin", said, found)


# -- digests -----------------------------------------------------------------------------------------------------------


def check_digests(publish: Publish, content: Spooled) -> None:
    """What the client says of the bytes must be true of them. Raises `DigestMismatch`, `InvalidUpload`."""
    if publish.length is not None and publish.length != content.size:
        raise DigestMismatch(
            f"The attachment says it has {publish.length} bytes, but {content.size} arrived", stated=publish.length, sent=content.size
        )
    dist = publish.manifest.get("dist")
    if not isinstance(dist, dict):
        return
    if (shasum := dist.get("shasum")) is not None and shasum != content.sha1:
        raise DigestMismatch(f"dist.shasum says {shasum!r}, but the tarball has {content.sha1}", stated=shasum, sent=content.sha1)
    if (integrity := dist.get("integrity")) is not None:
        _check_integrity(integrity, content)


def _check_integrity(integrity: Any, content: Spooled) -> None:
    """Subresource integrity (W3C): of every algorithm named, one digest must be right."""
    real = {"sha512": content.sha512, "sha256": content.sha256, "sha1": content.sha1}
    stated: dict[str, list[str]] = {}
    for each in integrity.split() if isinstance(integrity, str) else ():
        algorithm, _, digest = each.partition("-")
        if algorithm in real:
            stated.setdefault(algorithm, []).append(_hex(digest.partition("?")[0]))
    if not stated:
        raise InvalidUpload(f"dist.integrity is {_short(integrity)}: give a sha512")
    for algorithm, digests in stated.items():
        if real[algorithm] not in digests:
            raise DigestMismatch(
                f"dist.integrity says {algorithm} {digests[0]}, but the tarball has {real[algorithm]}", stated=digests[0], sent=real[algorithm]
            )


def _hex(digest: str) -> str:
    try:
        return base64.b64decode(digest, validate=True).hex()
    except (binascii.Error, ValueError) as error:
        raise InvalidUpload(f"dist.integrity has {digest[:100]!r}, which is not base64") from error


def integrity_of(sha512: str) -> str:
    """The digest as clients compare it."""
    return f"sha512-{base64.b64encode(bytes.fromhex(sha512)).decode()}"
