"""A checked publish as what the house stores: files with facts. The facts hold ready JSON, so that an index only puts pieces together."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from isal import isal_zlib

from packhouse.errors import InvalidUpload, TooLarge
from packhouse.formats.npm import names
from packhouse.formats.npm.index import SHORT_FIELDS, Facts, ProvenanceFacts
from packhouse.formats.npm.parse.agreement import check_agreement, check_digests, integrity_of
from packhouse.formats.npm.parse.document import Publish
from packhouse.formats.npm.parse.provenance import Provenance
from packhouse.formats.npm.parse.tarball import HOOKS, MAPS, Tarball
from packhouse.model import About, Dependency, NewFile, Spooled, Upload

MAX_FILE_SIZE = 500 * 1024**2

README_IN_INDEX = 64 * 1024

# What only the client knows, and nothing is decided by.
_FROM_CLIENT = {"gitHead": str, "_nodeVersion": str, "_npmVersion": str, "contributors": list, "bugs": dict, "homepage": str}

_KINDS = {"dependencies": "runtime", "devDependencies": "dev", "optionalDependencies": "optional", "peerDependencies": "peer"}


def make_upload(publish: Publish, tarball: Tarball, content: Spooled, provenance: Provenance | None = None) -> Upload:
    """The upload of a publish whose content was checked. Raises `InvalidUpload`."""
    package = msgspec.json.decode(tarball.manifest, type=dict[str, Any])
    check_agreement(publish, package, tarball)
    manifest = complete_manifest(publish, package)
    main = NewFile(
        path=names.tarball_name(publish.name, publish.version),
        content=content,
        facts=make_facts(manifest, tarball, content),
        about=make_about(manifest, tarball.readme),
    )
    return Upload(name=publish.name, version=publish.version, files=(main, *_provenance_file(publish, provenance)), tags=(publish.tag,))


def check_content(publish: Publish, content: Spooled) -> None:
    """What needs no look inside. Raises `TooLarge`, `DigestMismatch`, `InvalidUpload`."""
    if content.size > MAX_FILE_SIZE:
        raise TooLarge("File is too large", limit=MAX_FILE_SIZE)
    if not content.size:
        raise InvalidUpload("Attachment data is empty.")
    check_digests(publish, content)


def _provenance_file(publish: Publish, provenance: Provenance | None) -> tuple[NewFile, ...]:
    if provenance is None:
        return ()
    facts = msgspec.json.encode(ProvenanceFacts(predicate=provenance.predicate))
    return (NewFile(path=names.provenance_name(publish.name, publish.version), content=provenance.answer, facts=facts, derived=True),)


def complete_manifest(publish: Publish, package: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a version as registries serve it: the tarball's, under the published version, with what only the client knows."""
    told = {key: value for key, kind in _FROM_CLIENT.items() if isinstance(value := publish.manifest.get(key), kind) and value}
    ours = {key: value for key, value in package.items() if key not in ("name", "version")}
    manifest = {"name": publish.name, "version": publish.version, **told, **ours, "_id": f"{publish.name}@{publish.version}"}
    if any(manifest.get("scripts", {}).get(hook) for hook in HOOKS):
        manifest["hasInstallScript"] = True
    return manifest


def make_facts(manifest: Mapping[str, Any], tarball: Tarball, content: Spooled) -> bytes:
    """The facts of a tarball, as JSON."""
    dist = {
        "integrity": integrity_of(content.sha512),
        "shasum": content.sha1,
        "fileCount": tarball.file_count,
        "unpackedSize": tarball.unpacked_size,
    }
    return msgspec.json.encode(
        Facts(
            manifest=msgspec.Raw(msgspec.json.encode(manifest)),
            short=msgspec.Raw(msgspec.json.encode({key: manifest[key] for key in SHORT_FIELDS if key in manifest})),
            dist=msgspec.Raw(msgspec.json.encode(dist)),
            readme=pack_text(tarball.readme[:README_IN_INDEX]),
        )
    )


def pack_text(text: str) -> str:
    """A text small enough to keep with every version. Undone by the index."""
    return base64.b64encode(isal_zlib.compress(text.encode())).decode() if text else ""


def make_about(manifest: Mapping[str, Any], readme: str) -> About:
    """What people want to read about the version."""
    engines = manifest.get("engines")
    node = engines.get("node") if isinstance(engines, dict) else None
    return About(
        summary=_text(manifest.get("description")),
        readme=readme,
        license=license_of(manifest),
        author=_author(manifest.get("author")),
        keywords=_keywords(manifest.get("keywords")),
        links=_links(manifest),
        requires=f"node {node}" if isinstance(node, str) else "",
        dependencies=tuple(
            Dependency(name=name, range=wanted, kind=_KINDS[kind]) for kind in MAPS for name, wanted in sorted(manifest.get(kind, {}).items())
        ),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def license_of(manifest: Mapping[str, Any]) -> str:
    """The licence, also in the two shapes of old: an object, or a list of them."""
    value = manifest.get("license") or manifest.get("licenses")
    first = value[0] if isinstance(value, list) and value else value
    return _text(first.get("type") if isinstance(first, dict) else first)


def _author(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    return f"{value.get('name', '')} <{value['email']}>".strip() if value.get("email") else _text(value.get("name"))


def _keywords(value: Any) -> tuple[str, ...]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(word for word in words if isinstance(word, str))


def _links(manifest: Mapping[str, Any]) -> dict[str, str]:
    found = {"Homepage": manifest.get("homepage"), "Repository": manifest.get("repository"), "Bugs": manifest.get("bugs")}
    return {title: link for title, value in found.items() if (link := _web_address(value))}


def _web_address(value: Any) -> str:
    address = _text(value.get("url") if isinstance(value, dict) else value).removeprefix("git+")
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.netloc else ""
