"""Resumable uploads: a row that says how far one has come, a file in the spool that holds the bytes, and a lock on that file.

Any process can go on where another one stopped. The row's size moves only after the bytes are on disk, and whatever lies beyond it is cut
off when the upload goes on (threats, section 10).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

from packhouse.auth.policy import authorize
from packhouse.blobs.spool import Hasher, SpoolWriter
from packhouse.contract import Chunk, UploadSession
from packhouse.db import uploads
from packhouse.db.engine import now
from packhouse.db.uploads import SessionRow
from packhouse.errors import DigestMismatch, RangeInvalid, SessionNotFound, TooLarge, TooManyRequests, Unavailable
from packhouse.model import Action, Actor, Blob, Instant, Spooled
from packhouse.packages.blobs import Holder, check_digest
from packhouse.packages.house import House

LIFE: Instant = 24 * 3600 * 1_000_000
"""Without progress for this long, an upload is forgotten."""

LOCK_TRIES = 100  # times 50 ms
REMEMBERED = 1024
NOTHING = hashlib.sha256(b"").hexdigest()


def file_name(session: str) -> str:
    """The file of an upload in the spool."""
    return f"upload-{session}"


class Uploads(Holder):
    """`contract.Sessions` of one project."""

    __slots__ = ()

    async def start(self, name: str) -> UploadSession:
        await self.check(name)
        self._house.spool.check_space()
        session = str(uuid4())
        self._path(session).touch(0o600, exist_ok=False)
        added = await self._house.database.jot(
            uploads.add_session, session, self._project, self._format.name, self.key(name), identity(self._access.actor), NOTHING, now()
        )
        if not added:
            self._path(session).unlink(missing_ok=True)
            most = f"{uploads.SESSIONS_OF_ACTOR} of one user or token and {uploads.SESSIONS_OF_PROJECT} in one project"
            raise TooManyRequests(f"Too many uploads are open, at most {most}: finish or cancel some, or retry later", retry_after=60)
        return UploadSession(id=session, size=0)

    async def status(self, name: str, session: str) -> UploadSession:
        return UploadSession(id=session, size=(await self._row(name, session)).size)

    async def append(self, name: str, session: str, chunk: Chunk) -> UploadSession:
        authorize(self._access, Action.PUBLISH)
        async with self._locked(name, session) as row:
            return UploadSession(id=session, size=(await self._append(row, chunk)).size)

    async def finish(self, name: str, session: str, digest: str, chunk: Chunk) -> Blob:
        await self.check(name)
        async with self._locked(name, session) as row:
            row = await self._append(row, chunk)
            content = await self._content(row, digest)
            try:
                check_digest(content, digest)
            except DigestMismatch:
                await self._forget(session)
                raise
            made = await self.keep(name, content, session)
            self._house.hashing.pop(session, None)
            return made

    async def cancel(self, name: str, session: str) -> None:
        authorize(self._access, Action.PUBLISH)
        async with self._locked(name, session):
            await self._forget(session)

    # -- rows and files ----------------------------------------------------------------------------------------------

    def _path(self, session: str) -> Path:
        return self._house.spool.folder / file_name(session)

    async def _row(self, name: str, session: str) -> SessionRow:
        found = await self._house.database.point(uploads.SESSION, {"name": session})
        row = None if found is None else SessionRow(*found)
        if row is None or row.project != self._project or row.format != self._format.name or row.name_key != self.key(name):
            raise SessionNotFound()
        if row.actor != identity(self._access.actor) or now() - row.touched > LIFE:
            raise SessionNotFound()
        return row

    async def _forget(self, session: str) -> None:
        await self._house.database.write(uploads.drop_session, session)
        self._path(session).unlink(missing_ok=True)
        self._house.hashing.pop(session, None)

    @contextlib.asynccontextmanager
    async def _locked(self, name: str, session: str) -> AsyncIterator[SessionRow]:
        """The row, alone with its file. Raises `SessionNotFound`, and `Unavailable` where another request goes on writing to it."""
        await self._row(name, session)  # before a path is made from what a client sent
        try:
            fd = os.open(self._path(session), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise SessionNotFound() from None
        try:
            await _lock(fd)
            yield await self._row(name, session)  # again: it may have ended while we waited
        finally:
            os.close(fd)

    # -- bytes -------------------------------------------------------------------------------------------------------

    async def _append(self, row: SessionRow, chunk: Chunk) -> SessionRow:
        if chunk.first is not None and chunk.first != row.size:
            raise RangeInvalid(f"The upload goes on at byte {row.size}, not {chunk.first}", size=row.size)
        if chunk.first is not None and chunk.last is not None and chunk.length is not None and chunk.last - chunk.first + 1 != chunk.length:
            raise RangeInvalid("The range and the length of the body disagree", size=row.size)
        if chunk.length == 0:
            return row
        self.check_length(chunk)
        self._house.spool.check_space(chunk.length or 0)
        writer: SpoolWriter | None = None
        try:
            async for data in chunk.body:
                if writer is None:
                    writer = self._writer(row)
                await writer.write(data)
        except TooLarge:
            await self._forget(row.name)
            raise
        except BaseException:
            if writer is not None:
                await self._save(row, writer)  # the client may go on from here
            raise
        return row if writer is None else await self._save(row, writer)

    def _writer(self, row: SessionRow) -> SpoolWriter:
        held_size, held = self._house.hashing.pop(row.name, (0, None))
        hashers = {"sha256": hashlib.sha256()} if row.size == 0 else held if held is not None and held_size == row.size else {}
        return self._house.spool.resume(file_name(row.name), row.size, self.limit, hashers)

    async def _save(self, row: SessionRow, writer: SpoolWriter) -> SessionRow:
        """What came, safe on disk, and then in the row."""
        try:
            await writer.sync()
        finally:
            writer.close()
        hasher = writer.hashers.get("sha256")
        sha256 = "" if hasher is None else hasher.hexdigest()
        await self._house.database.jot(uploads.move_session, row.name, writer.size, sha256, now())
        if writer.hashers:
            remember(self._house, row.name, writer.size, writer.hashers)
        return row._replace(size=writer.size, sha256=sha256)

    async def _content(self, row: SessionRow, digest: str) -> Spooled:
        path = self._path(row.name)
        if row.sha256 and digest.startswith("sha256:"):
            return Spooled(path=str(path), size=row.size, sha256=row.sha256, md5="", sha1="", sha512="")
        sha256, sha512 = await asyncio.to_thread(_hash_file, path, row.size, row.sha256, digest.startswith("sha512:"))
        return Spooled(path=str(path), size=row.size, sha256=sha256, md5="", sha1="", sha512=sha512)


def identity(actor: Actor) -> str:
    """Whose upload it is: a user's by whatever token, a deploy token's own."""
    return f"user/{actor.user_id}" if actor.user_id is not None else f"token/{actor.token_id}"


def remember(house: House, session: str, size: int, hashers: dict[str, Hasher]) -> None:
    """Keep the digest in the making in memory: it cannot be stored, and another process makes it anew from the file."""
    while len(house.hashing) >= REMEMBERED:
        house.hashing.pop(next(iter(house.hashing)))
    house.hashing[session] = (size, hashers)


@contextlib.contextmanager
def try_lock(house: House, session: str) -> Iterator[bool]:
    """Whether nobody is writing to an upload, nor can begin to; one that has no file any more counts."""
    try:
        fd = os.open(house.spool.folder / file_name(session), os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield True
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)


async def _lock(fd: int) -> None:
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(0.05)
        else:
            return
    raise Unavailable("Another request is still writing to this upload: ask how far it is, and go on")


def _hash_file(path: Path, size: int, sha256: str, with_sha512: bool) -> tuple[str, str]:
    hashers = ([] if sha256 else [hashlib.sha256()]) + ([hashlib.sha512()] if with_sha512 else [])
    with path.open("rb") as file:
        left = size
        while left and (data := file.read(min(left, 1024 * 1024))):
            left -= len(data)
            for hasher in hashers:
                hasher.update(data)
    made = {hasher.name: hasher.hexdigest() for hasher in hashers}
    return made.get("sha256", sha256), made.get("sha512", "")
