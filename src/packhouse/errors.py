"""The errors of the house. They know a code, a sentence for people and detail for machines; they do not know HTTP.

RegistryError
├─ NotFound         ├─ PackageNotFound ├─ VersionNotFound ├─ FileNotFound ├─ BlobNotFound ├─ SessionNotFound
│                   ├─ ShelfNotFound        (nothing is set for it: a Debian distribution)
│                   └─ PlaceNotFound        (a project or group that is absent, or hidden: the same answer)
├─ Invalid          ├─ InvalidName ├─ InvalidVersion ├─ InvalidUpload ├─ DigestMismatch
│                   └─ InvalidParameter     (a parameter of ours: the `error` key of the REST API)
├─ AlreadyExists    └─ SameFileExists       (identical bytes: some clients treat it as success)
├─ Protected        (immutable version, protection rule, retention)
├─ Unauthenticated  └─ InvalidCredential    (sent, but wrong, expired or revoked)
├─ Forbidden        ├─ InsufficientScope
│                   └─ SwitchedOff          (the registry is off for this project or instance)
├─ TooLarge         ├─ QuotaExceeded        ├─ TooManyRequests
├─ RangeInvalid     ├─ PreconditionFailed   ├─ NotAcceptable
├─ Unsupported      └─ UnsupportedType      (a body of a media type that is not read)
├─ Conflict         └─ VersionReferenced    (another version lists this one)
├─ OutOfSpace       ├─ Unavailable          ├─ RequestTimeout
└─ UpstreamFailed   ├─ UpstreamTimeout      └─ UpstreamRefused
"""

from __future__ import annotations

from typing import Any, ClassVar


class RegistryError(Exception):
    """What went wrong, with which value, and what to do, in one sentence."""

    code: ClassVar[str] = "registry_error"
    default: ClassVar[str] = "Something went wrong"

    def __init__(self, message: str | None = None, **detail: Any) -> None:
        self.message = message if message is not None else self.default
        self.detail = detail
        super().__init__(self.message)


class NotFound(RegistryError):
    code = "not_found"
    default = "Not Found"


class PlaceNotFound(NotFound):
    code = "project_not_found"
    default = "Project Not Found"


class PackageNotFound(NotFound):
    code = "package_not_found"
    default = "Package Not Found"


class VersionNotFound(NotFound):
    code = "version_not_found"
    default = "Version Not Found"


class FileNotFound(NotFound):
    code = "file_not_found"
    default = "File Not Found"


class RepositoryNotFound(NotFound):
    code = "repository_not_found"
    default = "Repository Not Found"


class ShelfNotFound(NotFound):
    code = "distribution_not_found"
    default = "Distribution Not Found"


class BlobNotFound(NotFound):
    code = "blob_not_found"
    default = "Blob Not Found"


class SessionNotFound(NotFound):
    code = "session_not_found"
    default = "Upload Session Not Found"


class Invalid(RegistryError):
    code = "invalid"
    default = "Bad request"


class InvalidName(Invalid):
    code = "invalid_name"


class InvalidVersion(Invalid):
    code = "invalid_version"


class InvalidUpload(Invalid):
    code = "invalid_upload"


class DigestMismatch(Invalid):
    code = "digest_mismatch"


class InvalidParameter(Invalid):
    """Carries `parameter`: its name."""

    code = "invalid_parameter"


class AlreadyExists(RegistryError):
    """Carries `path`, `stored` and `sent` (digests), where they are known."""

    code = "already_exists"
    default = "Already exists"


class SameFileExists(AlreadyExists):
    code = "same_file_exists"


class Protected(RegistryError):
    code = "protected"
    default = "Package protected."


class Unauthenticated(RegistryError):
    code = "unauthenticated"
    default = "Unauthorized"


class InvalidCredential(Unauthenticated):
    code = "invalid_credential"


class Forbidden(RegistryError):
    code = "forbidden"
    default = "Forbidden"


class InsufficientScope(Forbidden):
    """Carries `scope`: what the token would need."""

    code = "insufficient_scope"
    default = "The request requires higher privileges than provided by the access token."


class SwitchedOff(Forbidden):
    code = "switched_off"
    default = "Forbidden - The package registry is switched off"


class TooLarge(RegistryError):
    """Carries `limit` in bytes."""

    code = "too_large"
    default = "File is too large"


class QuotaExceeded(RegistryError):
    code = "quota_exceeded"
    default = "Quota exceeded"


class TooManyRequests(RegistryError):
    """Carries `retry_after` in seconds."""

    code = "too_many_requests"
    default = "Too many requests, retry later"


class RangeInvalid(RegistryError):
    code = "range_invalid"
    default = "Range not satisfiable"


class PreconditionFailed(RegistryError):
    code = "precondition_failed"
    default = "Precondition Failed"


class NotAcceptable(RegistryError):
    code = "not_acceptable"
    default = "None of the accepted media types is available"


class Unsupported(RegistryError):
    code = "unsupported"
    default = "Not supported"


class UnsupportedType(Unsupported):
    code = "unsupported_type"
    default = "Unsupported Media Type"


class Conflict(RegistryError):
    code = "conflict"
    default = "Conflict"


class VersionReferenced(Conflict):
    """Carries `parent`: the version that lists this one."""

    code = "version_referenced"


class OutOfSpace(RegistryError):
    code = "out_of_space"
    default = "Insufficient storage: free some space and try again"


class Unavailable(RegistryError):
    code = "unavailable"
    default = "The service is busy, try again"


class RequestTimeout(RegistryError):
    code = "request_timeout"
    default = "Request Timeout"


class UpstreamFailed(RegistryError):
    code = "upstream_failed"
    default = "The upstream registry failed"


class UpstreamTimeout(UpstreamFailed):
    code = "upstream_timeout"


class UpstreamRefused(UpstreamFailed):
    code = "upstream_refused"
