"""Repositories that are copied from elsewhere: on demand, by the clock, or once from a folder of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from sqlalchemy import Connection

from packhouse.db import changes, gits
from packhouse.db.engine import now
from packhouse.db.gits import GitRow
from packhouse.errors import Conflict, Forbidden, Invalid, InvalidParameter, RegistryError, UpstreamFailed
from packhouse.git import keeping
from packhouse.git.fetching import Origin, fetch_refs, names_of
from packhouse.model import Actor, Instant, Struct
from packhouse.packages.house import House
from packhouse.packages.repositories import folder_to_change, in_background, note_change
from packhouse.upstream.guard import Guard
from packhouse.upstream.secrets import SecretBox

SHORTEST, USUAL, LONGEST = 5, 30, 7 * 24 * 60
MINUTE: Instant = 60_000_000
TURN: Instant = 70 * MINUTE  # longer than any copy may take
MIB = 1024 * 1024
ROBOT = Actor(kind="mirror", name="mirror")
NO_MIRROR: Mapping[str, Any] = {
    "mirror_url": None, "mirror_user": None, "mirror_secret": None, "mirror_minutes": None,
    "mirror_next": None, "mirror_state": "none", "mirror_error": None,
}  # fmt: skip


class Source(Struct):
    """Where a repository is copied from."""

    url: str
    user: str = ""
    secret: str = ""
    local: bool = False


async def check_url(house: House, text: str) -> str:
    """The URL as it is stored. Raises `InvalidParameter`, `UpstreamRefused` for addresses that are not public."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    plain = url.isascii() and url.isprintable() and not {" ", '"', "'", "<", ">", "\\", "#"}.intersection(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or port == 0
        or not plain
        or parts.hostname.startswith("-")
        or parts.hostname.endswith(".")
    ):
        raise InvalidParameter(f"url {text[:120]!r} is not valid: write https://host/path.git", parameter="url")
    if parts.username is not None or parts.password is not None:
        raise InvalidParameter("url must not hold a user or password: send auth_user and auth_password", parameter="url")
    await _addresses(house, url)
    return url


async def read_import(house: House, text: str) -> dict[str, Any]:
    """What a new project copies once: the URL of a repository, with a user and password in it or without. Raises as `check_url`."""
    try:
        parts = urlsplit(text.strip())
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError as error:
        raise InvalidParameter("import_url is not valid: write https://host/path.git", parameter="import_url") from error
    if not password:
        user, password = "", user  # a token alone, as some hosts have it
    sealed = await asyncio.to_thread(seal, house, password) if password else None
    return {
        "mirror_url": await check_url(house, bare), "mirror_user": user or None, "mirror_secret": sealed,
        "mirror_minutes": None, "mirror_next": 0, "mirror_state": "scheduled",
    }  # fmt: skip


async def _addresses(house: House, url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UpstreamFailed(f"The host {host} is not known") from error
    return tuple(Guard(house.settings.outbound_allow).check(host, dict.fromkeys(str(info[4][0]) for info in found)))


def find_source(house: House, text: str) -> Path:
    """A repository in a folder that the settings allow. Raises `Forbidden`, `Invalid`."""
    allowed = [Path(part.strip()).resolve() for part in house.settings.git_import_paths.split(",") if part.strip()]
    path = Path(text)
    if not path.is_absolute() or "\0" in text or not any(path.resolve().is_relative_to(folder) for folder in allowed):
        raise Forbidden(f"Forbidden - {text[:120]!r} is not below a folder that the setting git_import_paths names")
    folder = path.resolve()
    if (folder / ".git").is_dir() and not (folder / ".git").is_symlink():
        folder = folder / ".git"
    if not (folder / "objects").is_dir():
        raise Invalid(f"{text[:120]!r} is no Git repository")
    return folder


def seal(house: House, secret: str) -> str:
    """A password as the database may hold it."""
    return _box(house).seal(secret)


def _box(house: House) -> SecretBox:
    return SecretBox(house.settings.data_path / "keys" / "upstream")


async def check_own(house: House, project: int) -> None:
    """A mirror is changed by its source alone. Raises `Forbidden`."""
    row = await house.database.read(gits.get_repository, project)
    if row is not None and row.mirror_url is not None and row.mirror_minutes is not None:
        raise Forbidden("Forbidden - This repository is a mirror: push to where it is copied from, or switch the mirror off")


def change_mirror(connection: Connection, project: int, changed: Mapping[str, Any], actor: Actor) -> None:
    """Other settings for a mirror. The log never learns a secret."""
    at = changes.begin(connection, project, "", (), locks=["mirror"])
    gits.put_repository(connection, project, **changed)
    shown = {name: value for name, value in changed.items() if name in ("mirror_url", "mirror_minutes")}
    changes.add_event(connection, at, "mirror_settings", actor, project=project, detail=shown)


async def pull(house: House, row: GitRow, actor: Actor = ROBOT) -> None:
    """Copy a mirror now. Raises `Conflict` while it is being copied, `UpstreamFailed` and its like."""
    if row.mirror_state == "started" and (row.mirror_next or 0) > now():
        raise Conflict("The mirror is being updated: look again in a while")
    if not await house.database.write(gits.claim_mirror, row.project_id, row.mirror_next, now() + TURN):
        raise Conflict("The mirror is being updated: look again in a while")
    state, error = "failed", "The server was stopped meanwhile"
    try:
        secret = "" if row.mirror_secret is None else await asyncio.to_thread(_box(house).open, row.mirror_secret)
        source = Source(url=row.mirror_url or "", user=row.mirror_user or "", secret=secret)
        once = row.mirror_minutes is None and row.mirrored is None  # what was pushed before a first copy came is not lost by it
        await copy_from(house, row.project_id, actor, source, prune=not once)
        state, error = "finished", ""
    except RegistryError as caught:
        error = caught.message
        raise
    finally:
        following = None if row.mirror_minutes is None else now() + row.mirror_minutes * MINUTE
        done = {"mirrored": now()} if state == "finished" else {}
        await house.database.write(
            gits.put_repository, row.project_id, mirror_state=state, mirror_error=error[:1024] or None, mirror_next=following, **done
        )


async def copy_from(house: House, project: int, actor: Actor, source: Source, *, prune: bool = False) -> None:
    """Make the branches and tags of a project like those of another repository. Raises `UpstreamFailed` and its like."""
    addresses = () if source.local else await _addresses(house, source.url)
    folder = await folder_to_change(house, project)
    house.spool.check_space()
    origin = Origin(url=source.url, addresses=addresses, user=source.user, secret=source.secret, local=source.local)
    before = await asyncio.to_thread(keeping.read_refs, folder)
    branch = await in_background(fetch_refs, folder, origin, largest=house.settings.max_push_mib * MIB, prune=prune)
    after = await asyncio.to_thread(keeping.read_refs, folder)
    if branch and keeping.BRANCHES + branch in after:
        await asyncio.to_thread(keeping.set_head, folder, branch)
    await note_change(house, project, actor, names_of(before, after, keeping.ABSENT), "mirror" if prune else "import")
