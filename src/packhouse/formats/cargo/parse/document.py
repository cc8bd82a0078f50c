"""The JSON document that comes in front of a crate: what the client says of it, checked for what an index may repeat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from packhouse.errors import InvalidName, InvalidUpload
from packhouse.formats.cargo import names
from packhouse.formats.cargo.parse.requirements import clean_requirement
from packhouse.model import Struct

Kind: TypeAlias = Literal["normal", "build", "dev"]

TEXT_LIMIT = 1024

_ODD = re.compile(r"[\s\x00-\x1f\x7f]")


class Dep(Struct):
    """A dependency, in the words of the document."""

    name: str
    version_req: str
    features: tuple[str, ...] = ()
    optional: bool = False
    default_features: bool = True
    target: str | None = None
    kind: Kind | None = "normal"
    registry: str | None = None
    explicit_name_in_toml: str | None = None


class Document(Struct):
    """A version as its client describes it. What nobody here asks for is passed over."""

    name: str
    vers: str
    deps: tuple[Dep, ...] = ()
    features: Mapping[str, tuple[str, ...]] = {}
    authors: tuple[str, ...] | None = None
    description: str | None = None
    documentation: str | None = None
    homepage: str | None = None
    readme: str | None = None
    keywords: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    license: str | None = None
    license_file: str | None = None
    repository: str | None = None
    links: str | None = None


_decode = msgspec.json.Decoder(Document).decode


def read_document(data: bytes) -> Document:
    """The document that the bytes are. Raises `InvalidUpload`, `InvalidName`, `InvalidVersion`."""
    try:
        document = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidUpload(f"The document in front of the crate is invalid: {error}") from error
    names.name_key(document.name)
    names.version_id(document.vers)
    for dep in document.deps:
        _check_dep(dep)
    for feature, wanted in document.features.items():
        for text in (feature, *wanted):
            _check_word("Feature", text)
    if document.links is not None:
        _check_word("The value of `links`", document.links)
    return document


def _check_dep(dep: Dep) -> None:
    for name in (dep.name, dep.explicit_name_in_toml):
        # a rename may be any name of Rust, which may begin with an underscore
        if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name, re.ASCII):
            raise InvalidName(f"Dependency {name[:80]!r} has no valid name: use letters, digits, - and _")
    clean_requirement(dep.version_req)
    for feature in dep.features:
        _check_word("Feature", feature)
    if dep.registry is not None:
        _check_word("Registry", dep.registry)
    if dep.target is not None and (not dep.target or len(dep.target) > TEXT_LIMIT or not dep.target.isprintable()):
        raise InvalidUpload(f"Target {dep.target[:80]!r} of dependency {dep.name} is invalid: write a triple or cfg(...)")


def _check_word(what: str, text: str) -> None:
    if not text or len(text) > TEXT_LIMIT or _ODD.search(text):
        raise InvalidUpload(f"{what} {text[:80]!r} is invalid: use 1 to {TEXT_LIMIT} characters without spaces")
