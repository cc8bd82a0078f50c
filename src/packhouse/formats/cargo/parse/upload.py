"""A checked crate as what the house stores: one file, whose facts hold its line of the index but for what may change."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

import msgspec

from packhouse.formats.cargo import names
from packhouse.formats.cargo.index import Facts
from packhouse.formats.cargo.parse.agreement import check_agreement
from packhouse.formats.cargo.parse.crate import Crate
from packhouse.formats.cargo.parse.document import Dep, Document
from packhouse.model import About, Dependency, NewFile, Spooled, Upload

SUMMARY_LIMIT = 1000

_ORDER = {"normal": 0, "build": 1, "dev": 2}


def make_upload(document: Document, crate: Crate, content: Spooled, own: Collection[str]) -> Upload:
    """The upload of a crate that agrees with its document. `own`: addresses of the index it goes to. Raises `InvalidUpload`."""
    check_agreement(document, crate)
    line = write_line(document, crate, {address.rstrip("/") for address in own})
    facts = Facts(name=document.name, line=msgspec.Raw(line), description=_clean(document.description)[:SUMMARY_LIMIT])
    path = names.file_name(document.name, document.vers)
    file = NewFile(path=path, content=content, facts=msgspec.json.encode(facts), about=make_about(document, crate))
    return Upload(name=document.name, version=document.vers, files=(file,))


def write_line(document: Document, crate: Crate, own: Collection[str]) -> bytes:
    """The line of a version without its digest, its time and whether it is yanked."""
    return msgspec.json.encode(
        {
            "name": document.name,
            "vers": document.vers,
            "deps": [_write_dep(dep, own) for dep in sorted(document.deps, key=_place)],
            "features": dict(sorted(document.features.items())),
            "links": document.links,
            "rust_version": crate.rust_version,
            "v": 2,
        }
    )


def _place(dep: Dep) -> tuple[Any, ...]:
    """Older clients misread which dependencies are optional in another order."""
    return (dep.explicit_name_in_toml or dep.name, _ORDER[dep.kind or "normal"], dep.name, dep.target or "", dep.version_req)


def _write_dep(dep: Dep, own: Collection[str]) -> dict[str, Any]:
    # an index that names itself by one of its addresses would be another registry to who knows it by another one
    registry = None if dep.registry is None or dep.registry.rstrip("/") in own else dep.registry
    return {
        "name": dep.explicit_name_in_toml or dep.name,
        "req": dep.version_req,
        "features": dep.features,
        "optional": dep.optional,
        "default_features": dep.default_features,
        "target": dep.target,
        "kind": dep.kind or "normal",
        "registry": registry,
        "package": dep.name if dep.explicit_name_in_toml else None,
    }


def make_about(document: Document, crate: Crate) -> About:
    """What people want to read about the version."""
    links = {"Homepage": document.homepage, "Repository": document.repository, "Documentation": document.documentation}
    return About(
        summary=_clean(document.description),
        readme=_clean(document.readme),
        license=_clean(document.license or document.license_file),
        author=_clean(", ".join(document.authors or ())),
        keywords=tuple(map(_clean, (*(document.keywords or ()), *(document.categories or ())))),
        links={title: link for title, link in links.items() if link and _is_web_address(link)},
        requires=f"Rust {crate.rust_version}" if crate.rust_version else "",
        dependencies=tuple(Dependency(name=dep.name, range=dep.version_req, kind=dep.kind or "normal") for dep in sorted(document.deps, key=_place)),
    )


def _clean(text: str | None) -> str:
    return (text or "").replace("\x00", "").strip()


def _is_web_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
