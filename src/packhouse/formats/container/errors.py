"""How the registry refuses: a list of errors with the codes that clients know, and a challenge that names the token service."""

from __future__ import annotations

import msgspec

from packhouse import errors as e
from packhouse.contract import Action, ErrorStyle, Refusal
from packhouse.formats.container.names import InvalidDigest, InvalidTag

SERVICE = "container_registry"
API = {"Docker-Distribution-Api-Version": "registry/2.0"}


class ManifestBlobUnknown(e.Invalid):
    """A manifest points at something that was not pushed."""


CODES: dict[type[e.RegistryError], str] = {
    e.RegistryError: "UNKNOWN",
    e.Invalid: "UNSUPPORTED",
    e.NotFound: "NAME_UNKNOWN",
    e.VersionNotFound: "MANIFEST_UNKNOWN",
    e.FileNotFound: "MANIFEST_UNKNOWN",
    e.BlobNotFound: "BLOB_UNKNOWN",
    e.SessionNotFound: "BLOB_UPLOAD_UNKNOWN",
    e.InvalidName: "NAME_INVALID",
    e.InvalidVersion: "DIGEST_INVALID",
    e.InvalidUpload: "MANIFEST_INVALID",
    e.DigestMismatch: "DIGEST_INVALID",
    e.InvalidParameter: "PAGINATION_NUMBER_INVALID",
    InvalidTag: "TAG_INVALID",
    InvalidDigest: "DIGEST_INVALID",
    ManifestBlobUnknown: "MANIFEST_BLOB_UNKNOWN",
    e.VersionReferenced: "MANIFEST_REFERENCED_IN_LIST",
    e.RangeInvalid: "RANGE_INVALID",
    e.Unauthenticated: "UNAUTHORIZED",
    e.Forbidden: "DENIED",
    e.Protected: "DENIED",
    e.TooLarge: "SIZE_INVALID",
    e.QuotaExceeded: "DENIED",
    e.TooManyRequests: "TOOMANYREQUESTS",
    e.Unsupported: "UNSUPPORTED",
    e.Conflict: "BLOB_UPLOAD_INVALID",
    e.OutOfSpace: "UNAVAILABLE",
    e.Unavailable: "UNAVAILABLE",
}
WORDS = {
    e.PlaceNotFound: "repository name not known to registry",
    e.PackageNotFound: "repository name not known to registry",
    e.VersionNotFound: "manifest unknown",
    e.BlobNotFound: "blob unknown to registry",
    e.SessionNotFound: "blob upload unknown to registry",
    e.Unauthenticated: "authentication required",
}
SCOPES = {Action.READ: "pull", Action.PUBLISH: "pull,push", Action.DELETE: "delete"}


def code_of(error: e.RegistryError) -> str:
    """The nearest class of its chain that has a code."""
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def write_body(error: e.RegistryError) -> tuple[str, bytes]:
    """One error with its code, its sentence and what is known beside it."""
    message = WORDS.get(type(error), error.message) if error.message == type(error).default else error.message
    detail = {name: value for name, value in error.detail.items() if isinstance(value, str | int | float)}
    return "application/json", msgspec.json.encode({"errors": [{"code": code_of(error), "message": message, "detail": detail or None}]})


def write_challenge(refusal: Refusal) -> str:
    """Where to get a token, and for what."""
    parts = [f'realm="{refusal.base}/jwt/auth"', f'service="{SERVICE}"']
    if scope := _scope(refusal):
        parts.append(f'scope="{scope}"')
    kind = refusal.error.detail.get("error") or ("invalid_token" if isinstance(refusal.error, e.InvalidCredential) else "")
    if kind:
        parts.append(f'error="{kind}"')
    return "Bearer " + ",".join(parts)


def _scope(refusal: Refusal) -> str:
    if refusal.action is Action.ADMIN:
        return "registry:catalog:*"
    actions, name = SCOPES.get(refusal.action), refusal.params.get("name")
    if actions is None or name is None or not _is_plain(name):
        return ""
    source = refusal.query.get("from", "") if "mount" in refusal.query else ""
    return f"repository:{name}:{actions}" + (f" repository:{source}:pull" if source and _is_plain(source) else "")


def _is_plain(name: str) -> bool:
    """It can stand in a header between quotes."""
    return name.isascii() and name.isprintable() and not {'"', "\\", " "}.intersection(name)


ERRORS = ErrorStyle(body=write_body, bearer=write_challenge, headers=API)
