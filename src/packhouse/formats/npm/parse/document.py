"""The JSON bodies clients send: one PUT may publish, deprecate or be a step of unpublishing."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from packhouse.errors import Invalid, InvalidUpload, InvalidVersion, TooLarge
from packhouse.formats.npm import names
from packhouse.formats.npm.parse.json import read_object
from packhouse.grammar.jsonparts import JsonPartsSplitter
from packhouse.model import Struct

MIB = 1024**2

DOCUMENT_LIMIT = 10 * MIB
"""Of a publish document without its files. Deprecating sends the whole packument back, which may be longer."""

AUDIT_LIMIT = 32 * MIB


class Publish(Struct):
    """A new version. `manifest` is what the client says of it, `tarball` the attachment to look into, `provenance` a bundle."""

    name: str
    version: str
    tag: str
    manifest: Mapping[str, Any]
    tarball: str
    length: int | None = None
    provenance: str | None = None


class Deprecate(Struct):
    """Version → message; "" takes the deprecation back."""

    messages: Mapping[str, str]


class Shrink(Struct):
    """A step of unpublishing: the versions that stay."""

    versions: frozenset[str]


Meaning: TypeAlias = Publish | Deprecate | Shrink


class _Entry(msgspec.Struct):
    deprecated: Any = None


class _Packument(msgspec.Struct):
    versions: dict[str, _Entry]
    name: str = ""


class PutSplitter(JsonPartsSplitter):
    """The body of a PUT: tarballs go to the spool. A provenance bundle is no base64 and stays in the document, as other strings do."""

    def _begin_file(self) -> None:
        if self._path[self._name_from].endswith(".tgz"):
            super()._begin_file()
        else:
            self._in_string = True


def read_put(document: bytes, *, name: str, attachments: Sequence[str], headers: Mapping[str, str], shrink: bool = False) -> Meaning:
    """What a PUT to a package means. `shrink` is set for the route with a revision. Raises `InvalidUpload` and other children of `Invalid`."""
    if shrink:
        return Shrink(versions=frozenset(_read_packument(document, name).versions))
    command = headers.get("npm-command", "")
    if command == "deprecate" or (not attachments and command != "publish" and not _has_attachments(document)):
        return _read_deprecation(_read_packument(document, name))
    if len(document) > DOCUMENT_LIMIT:
        raise TooLarge(f"The document without its file is larger than {DOCUMENT_LIMIT} bytes", limit=DOCUMENT_LIMIT)
    return _read_publish(read_object(document, "the document"), name, attachments)


def _read_packument(document: bytes, name: str) -> _Packument:
    try:
        packument = msgspec.json.decode(document, type=_Packument)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError):
            raise InvalidUpload(f"The document is no packument: {error}") from error
        raise InvalidUpload("Invalid json") from error
    _check_name(packument.name, name)
    return packument


def _has_attachments(document: bytes) -> bool:
    """Whether the key is there at all: an empty one is a publish that forgot its file."""
    return b'"_attachments"' in document


def _read_deprecation(packument: _Packument) -> Deprecate:
    messages = {version: _read_message(version, entry.deprecated) for version, entry in packument.versions.items() if entry.deprecated is not None}
    if not messages:
        raise InvalidUpload("The document has neither an attachment nor a version with a `deprecated` message")
    return Deprecate(messages=messages)


def _read_message(version: str, message: Any) -> str:
    # Tools write booleans, too: false is the absence of a message.
    if message is False:
        return ""
    if not isinstance(message, str):
        raise InvalidUpload(f"The `deprecated` message of version {version} must be a string")
    return message


def _check_name(given: Any, name: str) -> None:
    if given not in ("", None, name):
        raise InvalidUpload(f"The document is about {given!r}, but the address says {name!r}")


def _read_publish(document: Mapping[str, Any], name: str, attachments: Sequence[str]) -> Publish:
    _check_name(document.get("name"), name)
    version, manifest = _read_version(document)
    _check_name(manifest.get("name"), name)
    return Publish(
        name=name,
        version=version,
        tag=_read_tag(document, version),
        manifest=manifest,
        tarball=(tarball := _only_tarball(attachments)),
        length=_declared_length(document, tarball),
        provenance=_provenance(document),
    )


def _read_version(document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    versions = document.get("versions")
    if not isinstance(versions, dict) or not versions:
        raise InvalidUpload("The document has no versions")
    if len(versions) > 1:
        raise InvalidUpload(f"The document has {len(versions)} versions: publish one at a time")
    ((version, manifest),) = versions.items()
    if not version:
        raise InvalidVersion("Version is empty.")
    names.version_id(version)
    if not isinstance(manifest, dict):
        raise InvalidUpload(f"Version {version} of the document must be an object")
    if manifest.get("version") != version:
        raise InvalidUpload(f"The document lists version {version}, but its content says {manifest.get('version')!r}")
    return version, manifest


def _read_tag(document: Mapping[str, Any], version: str) -> str:
    tags = document.get("dist-tags") or {"latest": version}
    if not isinstance(tags, dict) or len(tags) > 1:
        raise InvalidUpload("A publish sets one dist-tag: the document must have exactly one, with the version published")
    ((tag, target),) = tags.items()
    if target != version:
        raise InvalidUpload(f"Tag {tag!r} names version {target!r}, but the version published is {version}")
    try:
        return names.check_tag(tag)
    except Invalid as error:
        raise InvalidUpload(error.message) from error


def _only_tarball(attachments: Sequence[str]) -> str:
    tarballs = [each for each in attachments if each.endswith(".tgz")]
    if not tarballs:
        raise InvalidUpload("Attachment data is empty.")
    if len(tarballs) > 1:
        raise InvalidUpload(f"The document has {len(tarballs)} tarballs: publish one at a time")
    return tarballs[0]


def _attachments_of(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    attachments = document.get("_attachments")
    return {name: each for name, each in attachments.items() if isinstance(each, dict)} if isinstance(attachments, dict) else {}


def _declared_length(document: Mapping[str, Any], tarball: str) -> int | None:
    length = _attachments_of(document).get(tarball, {}).get("length")
    return length if isinstance(length, int) else None


def _provenance(document: Mapping[str, Any]) -> str | None:
    bundles = [each.get("data") for name, each in _attachments_of(document).items() if name.endswith(".sigstore")]
    if not bundles:
        return None
    if len(bundles) > 1 or not isinstance(bundles[0], str):
        raise InvalidUpload("The document may have one provenance bundle, as a string of JSON")
    return bundles[0]


def read_tag_version(body: bytes) -> str:
    """The version in the body of a tag: a JSON string, not an object. Raises `Invalid`."""
    if not body.strip():
        raise Invalid('"Version" not given')
    try:
        version = msgspec.json.decode(body, type=str)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid('Invalid json: send the version as a JSON string, such as "1.0.0"') from error
    if not version:
        raise Invalid('"Version" not given')
    return version


def read_audit(body: bytes, encoding: str) -> None:
    """Check the body of an audit, plain or gzip. Raises `Invalid`, `TooLarge`."""
    if encoding.strip().lower() in ("gzip", "x-gzip"):
        body = _gunzip(body)
    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid("Invalid json: an audit is an object of package names") from error


def _gunzip(body: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = inflate.decompress(body, AUDIT_LIMIT)
    except zlib.error as error:
        raise Invalid("The body says gzip, but is not") from error
    if inflate.unconsumed_tail:
        raise TooLarge(f"The audit is larger than {AUDIT_LIMIT} bytes", limit=AUDIT_LIMIT)
    if not inflate.eof:
        raise Invalid("The gzip body ends too early")
    return plain
