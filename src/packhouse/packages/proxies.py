"""What changes in a group's dependency proxy: its settings, what it keeps, and what it forgets. Bytes go later, by collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from packhouse.db import changes, proxies
from packhouse.db.proxies import NewEntry, SettingRow
from packhouse.errors import Conflict, Invalid
from packhouse.model import ANONYMOUS, Actor, Instant, Spooled, Struct
from packhouse.packages.house import House
from packhouse.packages.publish import discard, drop_losers, write_with_blobs
from packhouse.upstream.oci import Source
from packhouse.upstream.secrets import SecretBox

FORMAT = "container"
LOCK = "dependency_proxy"
LONGEST_URL = 255
PURGE_EVERY: Instant = 3600 * 1_000_000


def read_upstream(text: str) -> str:
    """The base URL of an upstream registry as it is stored: without `/v2` and slashes at its end. Raises `Invalid`."""
    url = text.strip().rstrip("/").removesuffix("/v2").rstrip("/")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid(f"The upstream URL {text[:120]!r} is not valid: write https://host or https://host:port") from error
    plain = url.isascii() and url.isprintable() and not {" ", '"', "<", ">", "\\", "@", "?", "#"}.intersection(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not plain:
        raise Invalid(f"The upstream URL {text[:120]!r} is not valid: write https://host or https://host:port, without a user and a query")
    if {".", ".."}.intersection(parts.path.split("/")) or "%" in parts.path:
        raise Invalid(f"The path of the upstream URL {text[:120]!r} is not plain")
    if len(url) > LONGEST_URL:
        raise Invalid(f"The upstream URL is too long (maximum is {LONGEST_URL} characters)")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"


def source_of(setting: SettingRow, upstream: str, box: SecretBox, hosts: Iterable[str]) -> Source:
    """An upstream with the identity that was given for it, and for no other. Raises `UpstreamRefused` for a secret that cannot be read."""
    auth_hosts = frozenset((*hosts, *split_hosts(setting.auth_hosts)))
    if not setting.identity or setting.secret is None or setting.identity_for != upstream:
        return Source(url=upstream, auth_hosts=auth_hosts)
    return Source(url=upstream, identity=setting.identity, secret=box.open(setting.secret), auth_hosts=auth_hosts)


def split_hosts(text: str) -> list[str]:
    """A list of hosts as settings have it."""
    return [part.strip().lower() for part in text.split(",") if part.strip()]


class Kept(Struct):
    """Something that was fetched and checked."""

    entry: NewEntry
    content: Spooled
    actor: Actor


async def keep(house: House, what: Kept) -> None:
    """The bytes as a blob and the group's entries for it, durable when it returns. Raises `OutOfSpace`."""
    try:
        placed, names = await write_with_blobs(house, [what.content], _keep, what)
        await drop_losers(house, placed, names)
    finally:
        discard([what.content])


def _keep(connection: Connection, what: Kept, placed: Mapping[str, str]) -> dict[str, str]:
    at = _begin(connection, what.entry.group)
    blob_id, stored = changes.take_blob(connection, what.content.blob, placed.get(what.content.sha256), at)
    proxies.put_entries(connection, what.entry, blob_id, at)
    entry = what.entry
    detail = {"upstream": entry.upstream, "kind": entry.kind, "image": entry.upstream_image, "reference": entry.references[0], "digest": entry.digest}
    _log(connection, at, "fetch", what.actor, entry.group, detail)
    return {what.content.sha256: stored}


def change_setting(connection: Connection, group: int, changed: Mapping[str, Any], actor: Actor) -> SettingRow:
    """The settings of a group's proxy with some of them changed. The log never learns a secret."""
    at = _begin(connection, group)
    row = proxies.get_setting(connection, group)._replace(**changed)
    proxies.put_setting(connection, group, row)
    detail = {name: value for name, value in changed.items() if name not in ("secret", "identity_for")}
    _log(connection, at, "dependency_proxy_settings", actor, group, detail)
    return row


def purge(connection: Connection, group: int, actor: Actor) -> None:
    """Forget all that a group has cached. Raises `Conflict` within an hour of the last time."""
    at = _begin(connection, group)
    row = proxies.get_setting(connection, group)
    if row.purged_at is not None and at - row.purged_at < PURGE_EVERY:
        raise Conflict("This request has already been made. It may run at most once an hour for a given group")
    proxies.put_setting(connection, group, row._replace(purged_at=at))
    _log(connection, at, "dependency_proxy_purge", actor, group, {"entries": proxies.expire_group(connection, group, at)})


def expire(connection: Connection, group: int, before: Instant) -> int:
    """Forget what a group no longer wants to keep at this instant; how many entries."""
    at = _begin(connection, group)
    count = proxies.expire_stale(connection, group, before)
    if count:
        _log(connection, at, "dependency_proxy_expire", ANONYMOUS, group, {"entries": count})
    return count


def _begin(connection: Connection, group: int) -> Instant:
    return changes.begin(connection, group, FORMAT, (), locks=[LOCK])


def _log(connection: Connection, at: Instant, what: str, actor: Actor, group: int, detail: Mapping[str, object]) -> None:
    changes.add_event(connection, at, what, actor, project=group, format=FORMAT, detail=detail)
