"""One frozen Settings, read once from a TOML file and the environment; nothing else reads either."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

Network: TypeAlias = IPv4Network | IPv6Network
Port = Annotated[int, Meta(ge=0, le=65535)]


class SettingsError(Exception):
    """A setting that cannot be used: which one, its value, and what would be right."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting. The environment variable is `PACKHOUSE_` and the name in capitals; it wins over the file."""

    data: Annotated[str, Meta(description="Folder of the database, the blobs and the spool")] = "./var"
    listen: Annotated[str, Meta(description="Host and port to listen on")] = "127.0.0.1:8080"
    external_url: Annotated[str, Meta(description="Base of absolute URLs in documents; default: http:// and the listen address")] = ""
    database_url: Annotated[str, Meta(description="SQLAlchemy URL; default: an SQLite file in the data folder")] = ""
    blobs: Annotated[
        str, Meta(description="Blob store: a file: path, or s3://bucket/prefix on S3-compatible object storage; default: a folder in the data folder")
    ] = ""
    blobs_endpoint: Annotated[
        str, Meta(description="Address of the object storage, as https://host; plain http for this machine only. Else `AWS_ENDPOINT_URL_S3`")
    ] = ""
    blobs_plain_http: Annotated[bool, Meta(description="Object storage may be reached by plain http on another machine too")] = False
    blobs_region: Annotated[str, Meta(description="Region of the bucket. Else `AWS_REGION`, else us-east-1")] = ""
    blobs_access_key: Annotated[str, Meta(description="Access key for the bucket. Else `AWS_ACCESS_KEY_ID`")] = ""
    blobs_secret_key: Annotated[str, Meta(description="The secret that goes with it. Else `AWS_SECRET_ACCESS_KEY`")] = ""
    blobs_redirect: Annotated[
        bool, Meta(description="Send clients that can be trusted with it to the object storage for large files; off: everything goes through here")
    ] = True
    workers: Annotated[int, Meta(ge=0, le=256, description="Processes; 0: one for each core")] = 0
    outbound_allow: Annotated[str, Meta(description="Comma-separated networks or hosts that outbound requests may reach although private")] = ""
    dependency_proxy: Annotated[bool, Meta(description="Dependency proxies of groups; off: their routes answer 404")] = True
    dependency_proxy_upstream: Annotated[str, Meta(description="Default upstream of group dependency proxies")] = ""
    dependency_proxy_auth_hosts: Annotated[
        str, Meta(description="Comma-separated hosts, as host or host:port, that may give out tokens for upstreams beside the upstream itself")
    ] = ""
    initial_admin_token: Annotated[
        str, Meta(description="Personal access token given to root at first start; default: one is made and printed once")
    ] = ""
    packages: Annotated[bool, Meta(description="The package registry of this instance; off: its routes answer 403")] = True
    query_tokens: Annotated[bool, Meta(description="Accept private_token and job_token in the query, and tokens in front of a path")] = True
    guest_reads: Annotated[bool, Meta(description="Guests of a private project may read its packages")] = False
    access_log: Annotated[bool, Meta(description="One line for each request on standard output")] = True
    document_cache_mib: Annotated[int, Meta(ge=1, description="Finished index documents kept in memory, for each process")] = 32
    containers: Annotated[bool, Meta(description="The container registry of this instance; off: its routes answer 403")] = True
    collect_seconds: Annotated[int, Meta(ge=0, description="Seconds between two rounds of garbage collection; 0: none")] = 3600
    collect_grace_seconds: Annotated[int, Meta(ge=0, description="How long bytes that nothing points at are kept; below an hour for tests only")] = (
        86400
    )
    collect_sweep_seconds: Annotated[int, Meta(ge=0, description="How long condemned bytes stay on disk after that")] = 3600
    collect_untagged: Annotated[bool, Meta(description="Collect manifests that have lost their last tag, index and subject, after the same time")] = (
        True
    )
    retention_days: Annotated[int, Meta(ge=0, description="Days that deleted files can still be read at an earlier moment and restored")] = 30
    max_file_size: Annotated[dict[str, int], Meta(description="Largest file in bytes by format; as format=bytes, comma-separated")] = {}
    max_push_mib: Annotated[int, Meta(ge=1, description="Largest push to a Git repository")] = 2048
    git_import_paths: Annotated[str, Meta(description="Comma-separated folders from which administrators may import repositories")] = ""
    forward: Annotated[dict[str, str], Meta(description="Where clients are sent for names that are not here, as format=URL, comma-separated")] = {}
    min_free_mib: Annotated[int, Meta(ge=0, description="Space kept free on the volume of the blobs: below it, writes answer 507")] = 256
    metrics_allow: Annotated[
        str, Meta(description="Comma-separated networks that read `/-/metrics` without an administrator's token; `none`: administrators only")
    ] = "127.0.0.0/8,::1"
    trusted_proxies: Annotated[
        str, Meta(description="Comma-separated networks of reverse proxies whose `X-Forwarded-For` tells the client's address")
    ] = ""
    drain_seconds: Annotated[int, Meta(ge=0, description="Time given to open requests at shutdown")] = 30

    def __repr__(self) -> str:
        return f"Settings(data={self.data!r})"  # some of the others are secret

    @property
    def data_path(self) -> Path:
        return Path(self.data).absolute()

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]") or "127.0.0.1"

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def base_url(self) -> str:
        return (self.external_url or f"http://{self.listen}").rstrip("/")

    @property
    def bucket(self) -> tuple[str, str]:
        """The bucket of the blob store and the prefix in it; nothing where it is on disk."""
        kind, _, rest = self.blobs.partition("s3://")
        bucket, _, prefix = rest.partition("/")
        return ("", "") if kind else (bucket, prefix.strip("/"))

    @property
    def secure(self) -> bool:
        return self.base_url.startswith("https:")

    @property
    def processes(self) -> int:
        return self.workers or os.cpu_count() or 1


PREFIX = "PACKHOUSE_"
FILE_VARIABLE = "PACKHOUSE_CONFIG"
PAIRS = ("max_file_size", "forward")
OF_S3 = {  # what else is asked where a setting is not there: names that other programs know too
    "blobs_endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "blobs_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "blobs_access_key": ("AWS_ACCESS_KEY_ID",),
    "blobs_secret_key": ("AWS_SECRET_ACCESS_KEY",),
}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force. Raises `SettingsError`."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = _read_file(environ.get(FILE_VARIABLE, ""))
    fields = {f.name: f for f in msgspec.structs.fields(Settings)}
    for name in fields:
        text = environ.get(PREFIX + name.upper())
        if text is not None and text.strip() != "":
            values[name] = _pairs(name, text) if name in PAIRS else text.strip()
    if str(values.get("blobs", "")).startswith("s3:"):
        values = {**{name: environ[one] for name, others in OF_S3.items() for one in reversed(others) if environ.get(one)}, **values}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise SettingsError(f"Unknown setting {unknown[0]!r}: the known ones are {', '.join(fields)}")
    try:
        settings = msgspec.convert(values, Settings, strict=False)
        if not 0 <= settings.port <= 65535:
            raise ValueError
    except ValueError as error:  # msgspec.ValidationError is one
        if isinstance(error, msgspec.ValidationError):
            raise SettingsError(f"A setting has an unusable value: {error}") from error
        raise SettingsError(f"Setting listen must be host:port, not {values.get('listen')!r}") from error
    read_networks("metrics_allow", settings.metrics_allow)
    read_networks("trusted_proxies", settings.trusted_proxies)
    check_blobs(settings)
    return msgspec.structs.replace(settings, blobs_endpoint=_plain_address(settings.blobs_endpoint)) if settings.bucket[0] else settings


def check_blobs(settings: Settings) -> None:
    """What is said of the blob store goes together. Raises `SettingsError`, which names no key."""
    kind, colon, _ = settings.blobs.partition(":")
    if colon and kind not in ("file", "s3"):
        raise SettingsError(f"Setting blobs must be a file: path or s3://bucket/prefix, not one that begins with {kind[:20]!r}:")
    if kind != "s3" or not colon:
        return
    bucket, _ = settings.bucket
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?", settings.blobs) or not 3 <= len(bucket) <= 63:
        raise SettingsError("Setting blobs must be s3://bucket/prefix, of small letters, digits, dots and dashes; keys have settings of their own")
    for name in ("blobs_endpoint", "blobs_access_key", "blobs_secret_key"):
        if not getattr(settings, name):
            raise SettingsError(f"Setting {name} is missing: object storage needs blobs_endpoint, blobs_access_key and blobs_secret_key")
    try:
        parts = urlsplit(settings.blobs_endpoint)
        odd = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or parts.query or parts.fragment or "@" in parts.netloc
    except ValueError:
        odd = True
    if odd:
        raise SettingsError("Setting blobs_endpoint must be https://host or https://host:port, without a user: keys have settings of their own")
    if parts.scheme == "http" and not settings.blobs_plain_http and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise SettingsError("Setting blobs_endpoint must begin with https:, unless blobs_plain_http allows plain http to another machine")


def _plain_address(url: str) -> str:
    """As clients spell its host, which is signed: small letters, and no port that the scheme has anyway."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    usual = parts.port in (None, {"http": 80, "https": 443}[parts.scheme])
    return parts._replace(netloc=host if usual else f"{host}:{parts.port}").geturl()


def read_networks(setting: str, text: str) -> tuple[Network, ...]:
    """The networks that a setting lists; none for `none`. Raises `SettingsError`."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip() not in ("", "none"))
    except ValueError as error:
        raise SettingsError(f"Setting {setting} must be networks such as 10.0.0.0/8, comma-separated, not {text!r}") from error


def _read_file(path: str) -> dict[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise SettingsError(f"The settings file {path} named by {FILE_VARIABLE} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}") from error


def _pairs(setting: str, text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(equals and value.strip() for _, equals, value in pairs):
        raise SettingsError(f"Setting {setting} must be format=value pairs, comma-separated, not {text!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def describe_settings() -> list[tuple[str, str, str]]:
    """Variable, meaning and default of every setting."""
    out = []
    hints = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        meaning = next((m.description for m in hints[field.name].__metadata__ if isinstance(m, Meta) and m.description), "")
        default = "none" if field.default in ("", msgspec.NODEFAULT) else f"`{str(field.default).lower()}`"
        out.append((PREFIX + field.name.upper(), meaning, default))
    return out
