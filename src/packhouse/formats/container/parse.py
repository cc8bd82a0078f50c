"""Manifests: bytes → what they are and what they point at. Everything the specification leaves open is kept as it came.

OCI image specification 1.1 (manifest.md, image-index.md, descriptor.md) and Docker's image manifest version 2, schema 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from packhouse.errors import InvalidUpload, InvalidVersion
from packhouse.formats.container import names
from packhouse.model import About, Instant, Reference, Struct, replace

OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
IMAGES = frozenset({OCI_IMAGE, DOCKER_IMAGE})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
SCHEMA_1 = frozenset({"application/vnd.docker.distribution.manifest.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws"})
FOREIGN = (".nondistributable.", ".foreign.")
CONFIGS = frozenset({"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"})

LARGEST = 4 * 1024 * 1024
LARGEST_CONFIG = 4 * 1024 * 1024
MOST = 1000  # layers of an image, entries of an index, descriptors of what we do not know
LONGEST_TYPE = 255
KEPT_ANNOTATIONS = 64 * 1024
DEEPEST = 32
ANNOTATION = "org.opencontainers.image."


class Descriptor(Struct, omit_defaults=True):
    """A digest with its type and size, as manifests have it."""

    type: str
    digest: str
    size: int
    platform: Mapping[str, Any] | None = None
    annotations: Mapping[str, str] | None = None


class Facts(Struct, omit_defaults=True):
    """What we keep of a manifest beside its bytes."""

    type: str
    kind: str = "other"  # image, index, other
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    subject: str = ""
    artifact_type: str = ""
    annotations: Mapping[str, str] = {}
    long: bool = False  # the annotations are too long to be kept here: they are in the bytes
    platform: Mapping[str, Any] | None = None
    created: str = ""  # of the image, as its configuration says

    @property
    def size(self) -> int:
        """Bytes of the configuration and the layers, compressed as they are stored."""
        return sum(layer.size for layer in self.layers) + (self.config.size if self.config is not None else 0)


class Manifest(Struct):
    """A manifest that was read."""

    facts: Facts
    references: tuple[Reference, ...]


def read_manifest(body: bytes, content_type: str) -> Manifest:
    """What a manifest is and what it points at. Raises `InvalidUpload`."""
    document = _read_object(body)
    media_type = _media_type(document, content_type.partition(";")[0].strip())
    if media_type in SCHEMA_1 or document.get("schemaVersion") == 1:
        raise InvalidUpload("Manifests of schema version 1 are not taken: push the image with a client of this decade")
    if document.get("manifests") is not None and any(document.get(name) is not None for name in ("layers", "fsLayers", "config")):
        raise InvalidUpload("The manifest has both layers and manifests: it would mean different things to different clients")
    subject = _subject(document)
    annotations = _annotations(document)
    facts = Facts(
        type=media_type,
        subject=subject,
        artifact_type=_text(document, "artifactType"),
        annotations=annotations if len(body) <= KEPT_ANNOTATIONS else {},
        long=len(body) > KEPT_ANNOTATIONS and bool(annotations),
    )
    found = (Reference(kind="subject", digest=subject),) if subject else ()
    if media_type in IMAGES:
        return _read_image(document, facts, found)
    if media_type in INDEXES:
        return _read_index(document, facts, found)
    others = tuple(Reference(kind="other", digest=digest) for digest in dict.fromkeys(_digests_in(document)))
    return Manifest(facts=facts, references=found + others)


def _read_image(document: Mapping[str, Any], facts: Facts, found: tuple[Reference, ...]) -> Manifest:
    _check_schema(document)
    if not isinstance(document.get("config"), dict) or not isinstance(document.get("layers"), list):
        raise InvalidUpload("The manifest of an image needs a config and a list of layers, which may be empty")
    config = _descriptor(document["config"], "config")
    layers = [_descriptor(entry, "layer") for entry in _bounded(document["layers"], "layers")]
    kinds = ["other" if _is_foreign(entry) else "blob" for entry in document["layers"]]
    pointed = [Reference(kind="blob", digest=config.digest)]
    pointed += [Reference(kind=kind, digest=layer.digest) for kind, layer in zip(kinds, layers, strict=True)]
    made = replace(facts, kind="image", config=config, layers=tuple(layers))
    return Manifest(facts=made, references=found + tuple(dict.fromkeys(pointed)))


def _read_index(document: Mapping[str, Any], facts: Facts, found: tuple[Reference, ...]) -> Manifest:
    _check_schema(document)
    if not isinstance(document.get("manifests"), list):
        raise InvalidUpload("An index needs a list of manifests, which may be empty")
    children = [_descriptor(entry, "manifest") for entry in _bounded(document["manifests"], "manifests")]
    # build caches are indexes whose entries are layers
    pointed = [Reference(kind="version" if child.type in IMAGES | INDEXES else "either", digest=child.digest) for child in children]
    made = replace(facts, kind="index", children=tuple(children))
    return Manifest(facts=made, references=found + tuple(dict.fromkeys(pointed)))


# -- parts of a manifest ---------------------------------------------------------------------------------------------


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidUpload(f"The manifest is not valid JSON: {str(error)[:200]}") from error
    if not isinstance(document, dict):
        raise InvalidUpload("The manifest is not a JSON object")
    return document


def _media_type(document: Mapping[str, Any], sent: str) -> str:
    own = _text(document, "mediaType")
    if own and sent and own != sent:
        raise InvalidUpload(f"Content-Type is {sent[:80]!r}, but the manifest says it is {own[:80]!r}")
    media_type = own or sent
    if not media_type:
        media_type = OCI_INDEX if "manifests" in document else OCI_IMAGE if "layers" in document else ""
    if not media_type or len(media_type) > LONGEST_TYPE or not media_type.isascii() or not media_type.isprintable():
        raise InvalidUpload("The manifest has no media type, or none that fits in a header: send it as Content-Type")
    return media_type


def _check_schema(document: Mapping[str, Any]) -> None:
    if document.get("schemaVersion") != 2:
        raise InvalidUpload(f"schemaVersion must be 2, not {str(document.get('schemaVersion'))[:40]!r}")


def _bounded(entries: list[Any], what: str) -> list[Any]:
    if len(entries) > MOST:
        raise InvalidUpload(f"The manifest has {len(entries)} {what}, the most is {MOST}")
    return entries


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_TYPE:
        raise InvalidUpload(f"{name} of the manifest must be a text of at most {LONGEST_TYPE} characters")
    return value


def _descriptor(entry: Any, what: str) -> Descriptor:
    if not isinstance(entry, dict):
        raise InvalidUpload(f"A {what} of the manifest is no descriptor")
    digest, size, media_type, platform = (entry.get(name) for name in ("digest", "size", "mediaType", "platform"))
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 2**63:
        raise InvalidUpload(f"The size of a {what} must be a number of bytes, not {str(size)[:40]!r}")
    if not isinstance(media_type, str) or not media_type or len(media_type) > LONGEST_TYPE:
        raise InvalidUpload(f"A {what} of the manifest has no media type")
    if platform is not None and not isinstance(platform, dict):
        raise InvalidUpload(f"The platform of a {what} must be an object")
    kept = None if platform is None else {k: v for k, v in platform.items() if isinstance(v, str)}
    annotations = entry.get("annotations")
    if what != "manifest" or not isinstance(annotations, dict) or len(annotations) > 32:
        annotations = None
    else:
        annotations = {k: v for k, v in annotations.items() if isinstance(v, str) and len(k) + len(v) < 512}
    return Descriptor(type=media_type, digest=_digest(digest, what), size=size, platform=kept, annotations=annotations or None)


def _digest(digest: Any, what: str) -> str:
    if not isinstance(digest, str):
        raise InvalidUpload(f"A {what} of the manifest has no digest")
    try:
        return names.check_digest(digest)
    except InvalidVersion as error:
        raise InvalidUpload(f"A {what} of the manifest: {error.message}") from error


def _subject(document: Mapping[str, Any]) -> str:
    subject = document.get("subject")
    return "" if subject is None else _descriptor(subject, "subject").digest


def _annotations(document: Mapping[str, Any]) -> dict[str, str]:
    found = document.get("annotations")
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidUpload("annotations of the manifest must be texts by name")
    return found


def _is_foreign(entry: Mapping[str, Any]) -> bool:
    """A layer that is fetched from elsewhere and may be missing here."""
    return bool(entry.get("urls")) or any(word in str(entry.get("mediaType")) for word in FOREIGN)


def _digests_in(value: Any, depth: int = 0) -> Iterator[str]:
    """The digests of everything in a document that looks like a descriptor."""
    if depth > DEEPEST:
        return
    if isinstance(value, dict):
        digest = value.get("digest")
        if isinstance(digest, str) and isinstance(value.get("size"), int) and names.DIGEST.fullmatch(digest):
            yield digest
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _digests_in(entry, depth + 1)


# -- facts -----------------------------------------------------------------------------------------------------------


def read_facts(facts: bytes) -> Facts:
    return msgspec.json.decode(facts, type=Facts)


class _Type(msgspec.Struct):
    type: str


def read_type(facts: bytes) -> str:
    """The media type alone: this is on the hot path."""
    return msgspec.json.decode(facts, type=_Type).type


def write_facts(facts: Facts) -> bytes:
    return msgspec.json.encode(facts)


def read_annotations(body: bytes) -> Mapping[str, str]:
    """The annotations of a stored manifest."""
    return _annotations(_read_object(body))


class _Inner(msgspec.Struct):
    labels: Any = msgspec.field(default=None, name="Labels")


class _Config(msgspec.Struct):
    created: Any = None
    author: Any = None
    architecture: Any = None
    os: Any = None
    variant: Any = None
    config: Any = None


def add_config(facts: Facts, config: bytes | None) -> tuple[Facts, Mapping[str, str], Instant | None]:
    """The facts with what an image's configuration says, its labels, and when the image was made. Never raises: it is the user's file."""
    if config is None or facts.config is None or facts.config.type not in CONFIGS:
        return facts, {}, None
    try:
        read = msgspec.json.decode(config, type=_Config)
        labels = msgspec.convert(read.config, _Inner).labels if isinstance(read.config, dict) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return facts, {}, None
    platform = {k: v for k, v in (("architecture", read.architecture), ("os", read.os), ("variant", read.variant)) if isinstance(v, str) and v}
    created = read.created if isinstance(read.created, str) and len(read.created) < 64 else ""
    made = replace(facts, platform=platform or None, created=created)
    kept = {k: v for k, v in labels.items() if isinstance(v, str)} if isinstance(labels, dict) else {}
    return made, kept, read_time(created)


def read_time(text: str) -> Instant | None:
    """An RFC 3339 time as an instant; None for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)


def about(facts: Facts, labels: Mapping[str, str]) -> About | None:
    """What people want to read, as annotations or labels say it."""
    said = {**labels, **facts.annotations}
    found = {name: said.get(ANNOTATION + name, "")[:4096] for name in ("description", "licenses", "authors", "url", "source", "documentation")}
    links = {name: found[name] for name in ("url", "source", "documentation") if found[name].startswith(("https://", "http://"))}
    if not any(found.values()):
        return None
    return About(summary=found["description"], license=found["licenses"], author=found["authors"], links=links)
