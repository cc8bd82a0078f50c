"""What an upstream says about a manifest, and whether its bytes keep that word. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import msgspec

from packhouse.model import Struct
from packhouse.upstream.oci import UpstreamSpoiled

LARGEST = 4 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_TYPE = re.compile(r"application/(?:json|[a-z0-9.+_-]+\+json|[a-z0-9.+_-]+\+prettyjws)")


class Head(Struct):
    """What an upstream says before the bytes: a digest that it may leave out, and a media type."""

    digest: str
    content_type: str


class _Manifest(msgspec.Struct):
    schemaVersion: int
    mediaType: str | None = None


def is_digest(reference: str) -> bool:
    """A reference is a digest or a tag, and a tag holds no colon."""
    return ":" in reference


def is_tag(reference: str) -> bool:
    """It is within the grammar of tags, and safe in a URL."""
    return _TAG.fullmatch(reference) is not None


def read_head(headers: Mapping[str, str]) -> Head:
    """Digest and media type as they are compared; what is no digest counts as none."""
    digest = headers.get("docker-content-digest", "").strip()
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return Head(digest=digest if _DIGEST.fullmatch(digest) else "", content_type=content_type[:255])


def check_manifest(body: bytes, reference: str, head: Head) -> str:
    """The digest of a manifest that is what was asked for. Raises `UpstreamSpoiled`."""
    wanted = reference if is_digest(reference) else head.digest
    digest = digest_of(body, wanted or "sha256:")
    if wanted and digest != wanted:
        raise UpstreamSpoiled(f"The upstream sent a manifest with {digest} for {wanted}: nothing of it was kept")
    if not _TYPE.fullmatch(head.content_type):
        raise UpstreamSpoiled(f"The upstream sent {head.content_type[:80] or 'no media type'!r} where a manifest was asked for")
    try:
        manifest = msgspec.json.decode(body, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamSpoiled("The upstream sent something that is no manifest") from error
    if manifest.mediaType and manifest.mediaType.lower() != head.content_type:
        raise UpstreamSpoiled(f"The upstream sent a manifest that calls itself {manifest.mediaType[:80]!r} as {head.content_type[:80]!r}")
    return digest


def digest_of(body: bytes, like: str) -> str:
    """The digest of these bytes, by the algorithm of another digest."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"
