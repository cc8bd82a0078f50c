"""A bucket of an S3-compatible service: bytes are checked on their way in, and read in pieces (design page 016).

Everything in here but `link` waits for the network: on the event loop only through the asynchronous methods, else in a thread. obstore
is imported when it is first used, which must be after the workers were forked: its threads do not survive that.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar
from urllib.parse import quote, urlsplit

import structlog

from packhouse.blobs.store import ASIDE, CANNOT_WRITE
from packhouse.errors import FileNotFound, Unavailable
from packhouse.model import Instant, Spooled, Struct

if TYPE_CHECKING:
    from obstore.store import S3Store as Client

T = TypeVar("T")

MIB = 1024 * 1024
PART = 8 * MIB  # up to here one request, beyond it a multipart upload of parts of at least this size
PARTS = 9_000  # of one upload; the service takes 10,000
PIECE = 256 * 1024  # of a body on its way out; three are held at once: read ahead, waiting, and in the buffer of the connection
LINK_SECONDS = 300
CONNECT_SECONDS, REQUEST_SECONDS, RETRY_SECONDS = 5, 60, 20
RETRIES = 3
SECOND: Instant = 1_000_000
SKEW: Instant = 5 * SECOND


class Bucket(Struct):
    """Where a bucket is, and the keys to it."""

    name: str
    prefix: str  # of every name; "" for none
    endpoint: str  # of the service, without a slash at its end
    region: str
    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"Bucket({self.name}/{self.prefix})"  # no key in a log

    @property
    def base(self) -> str:
        """The address of the bucket."""
        return f"{self.endpoint}/{self.name}"


class S3Store:
    """Names are spread over 256 folders by their first two digits, as on a disk, so that a folder can be listed by itself."""

    near = False

    def __init__(self, bucket: Bucket, *, request_seconds: float = REQUEST_SECONDS) -> None:
        self.at = bucket
        self._request_seconds = request_seconds
        self._creating: Literal["create", "overwrite"] = "create"

    def start(self) -> None:
        """Nothing: the first use connects."""

    def path(self, name: str) -> Path | None:
        return None

    # -- in ----------------------------------------------------------------------------------------------------------

    def place(self, content: Spooled, name: str) -> None:
        self._call("look", self._check_free, name)
        self._write(content, name, new=True)
        Path(content.path).unlink(missing_ok=True)

    async def restore(self, content: Spooled, name: str) -> None:
        await asyncio.to_thread(self._write, content, name, new=False)

    def _check_free(self, name: str) -> None:
        if self._find_size(name) is not None:
            raise FileExistsError(name)

    def _write(self, content: Spooled, name: str, *, new: bool) -> None:
        """What was answered decides nothing: the bytes are there when the service says so, asked for their size. Raises `FileExistsError`.

        Where others may be there already, an error is one: a size does not tell which they are.
        """
        error = self._send(content, name, self._creating if new else "overwrite")
        if error is not None and self._creating == "create" and "501 Not Implemented" in str(error):
            self._creating = "overwrite"  # a service that cannot be told; that the name is free has been seen
            error = self._send(content, name, "overwrite")
        size = self._call("look", self._find_size, name)
        if size != content.size or (error is not None and not new):
            self._fail("write", error or ValueError(f"{size} bytes are there in place of {content.size}"))

    def _send(self, content: Spooled, name: str, mode: Literal["create", "overwrite"]) -> Exception | None:
        """An error is not sure to be one: an answer that came too late, or was lost. Raises `FileExistsError`."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError

        key, path = self._key(name), Path(content.path)
        try:
            if content.size <= PART:
                obstore.put(self._bucket, key, path.read_bytes(), mode=mode, use_multipart=False)
            else:  # becomes visible as a whole; of two at once under the same name, which is a digest, either is right
                part = max(PART, -(-content.size // PARTS))
                obstore.put(self._bucket, key, path, use_multipart=True, chunk_size=part, max_concurrency=2)
        except AlreadyExistsError:
            raise FileExistsError(name) from None
        except (BaseError, FileNotFoundError) as error:  # no such upload, no such bucket
            return error
        return None

    # -- out ---------------------------------------------------------------------------------------------------------

    async def read(self, name: str, first: int, length: int) -> AsyncIterator[bytes]:
        coming: asyncio.Task[bytes] | None = None
        try:
            for start in range(first, first + length, PIECE):
                arrived = await coming if coming is not None else None
                coming = asyncio.create_task(self._piece(name, start, min(PIECE, first + length - start)))
                if arrived is not None:
                    yield arrived
            if coming is not None:
                yield await coming
        finally:
            if coming is not None:
                coming.cancel()

    async def _piece(self, name: str, start: int, length: int) -> bytes:
        import obstore

        data = (await self._wait("read", obstore.get_range_async(self._bucket, self._key(name), start=start, length=length))).to_bytes()
        if len(data) != length:
            self._fail("read", ValueError(f"{len(data)} bytes at {start} of {name} in place of {length}"))
        return data

    def link(self, name: str, media_type: str, disposition: str) -> str:
        headers = {"response-cache-control": "private, no-cache", "response-content-disposition": disposition, "response-content-type": media_type}
        return sign_link(self.at, self._whole_key(name), headers, datetime.now(UTC))

    # -- care --------------------------------------------------------------------------------------------------------

    async def whole(self, name: str, size: int) -> bytes | None:
        try:
            return b"".join([piece async for piece in self.read(name, 0, size)])
        except FileNotFound:
            return None

    async def size(self, name: str) -> int | None:
        import obstore

        try:
            return int((await self._wait("look", obstore.head_async(self._bucket, self._key(name))))["size"])
        except FileNotFound:
            return None

    async def delete(self, name: str) -> None:
        with contextlib.suppress(Unavailable):  # it is in the log; what stays is an orphan, which collection finds
            await asyncio.to_thread(self._call, "delete", self._delete, self._key(name))

    def old_names(self, shard: int, before: Instant) -> Sequence[str]:
        found = self._call("list", self._list, f"{shard:02x}")
        return [name for name, written in found if len(name) >= 64 and written < before]

    def is_old(self, name: str, before: Instant) -> bool:
        written = self._call("look", self._find_time, self._key(name))
        return written is not None and written < before

    def remove_old(self, name: str, before: Instant) -> None:
        if self.is_old(name, before):
            self._call("delete", self._delete, self._key(name))

    def put_aside(self, name: str) -> None:
        import obstore

        def move() -> None:
            try:
                obstore.copy(self._bucket, self._key(name), f"{ASIDE}/{name}")
            except FileNotFoundError:
                return
            self._delete(self._key(name))

        with contextlib.suppress(Unavailable):  # it is in the log; some services copy no more than 5 GiB
            self._call("put aside", move)

    def empty_aside(self, before: Instant) -> int:
        old = [name for name, written in self._call("list", self._list, ASIDE) if written < before]
        for name in old:
            self._call("delete", self._delete, f"{ASIDE}/{name}")
        return len(old)

    def examine(self) -> Iterator[str]:
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError

        probe = f"probe/{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        try:
            self._find_time(probe)  # who may not list is told that everything is forbidden which is only not there
            obstore.put(self._bucket, probe, b"probe", use_multipart=False)
        except (BaseError, FileNotFoundError) as error:
            yield f"{CANNOT_WRITE}: {_first_line(error)}"
            return
        try:
            with contextlib.suppress(AlreadyExistsError):
                obstore.put(self._bucket, probe, b"other", mode="create", use_multipart=False)
                yield "The object store writes over what is there although told not to (If-None-Match): two uploads at once may take the same name"
            skew = _instant(datetime.now(UTC)) - _instant(obstore.head(self._bucket, probe)["last_modified"])
            if abs(skew) > SKEW:
                yield f"The clock of the object store is {skew // SECOND} seconds away from this one: it may refuse what this one signs"
            if self._is_public(self._whole_key(probe)):
                yield "The bucket is readable by anybody: switch public access off"
            self._delete(probe)
        except (BaseError, FileNotFoundError) as error:
            yield f"The object store does not answer as it should: {_first_line(error)}"

    def _is_public(self, key: str) -> bool:
        import urllib.request  # none of it is needed to serve

        try:
            with urllib.request.urlopen(f"{self.at.base}/{quote(key)}", timeout=CONNECT_SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    # -- the service -------------------------------------------------------------------------------------------------

    def _key(self, name: str) -> str:
        return f"{name[:2]}/{name}"

    def _whole_key(self, key: str) -> str:
        key = key if "/" in key else self._key(key)
        return f"{self.at.prefix}/{key}" if self.at.prefix else key

    @cached_property
    def _bucket(self) -> Client:
        return self._connect(RETRIES)

    @cached_property
    def _once(self) -> Client:
        # a delete that is tried again could take away what has been written meanwhile under the same name
        return self._connect(0)

    def _connect(self, retries: int) -> Client:
        from obstore.store import S3Store as Client

        at = self.at
        return Client(
            at.name,
            prefix=at.prefix or None,
            endpoint=at.endpoint,
            region=at.region,
            access_key_id=at.access_key,
            secret_access_key=at.secret_key,
            virtual_hosted_style_request=False,
            checksum_algorithm="sha256",
            client_options={
                "allow_http": at.endpoint.startswith("http:"),
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
                "timeout": timedelta(seconds=self._request_seconds),
            },
            retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
        )

    def _delete(self, key: str) -> None:
        import obstore

        try:
            obstore.delete(self._once, key)
        except FileNotFoundError:
            pass

    def _find_size(self, name: str) -> int | None:
        import obstore

        try:
            return int(obstore.head(self._bucket, self._key(name))["size"])
        except FileNotFoundError:
            return None

    def _find_time(self, key: str) -> Instant | None:
        import obstore

        try:
            return _instant(obstore.head(self._bucket, key)["last_modified"])
        except FileNotFoundError:
            return None

    def _list(self, folder: str) -> list[tuple[str, Instant]]:
        import obstore

        return [(str(one["path"]).rpartition("/")[2], _instant(one["last_modified"])) for page in obstore.list(self._bucket, folder) for one in page]

    def _call(self, what: str, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The result. Raises `Unavailable` in place of an error of the service."""
        from obstore.exceptions import BaseError

        try:
            return work(*args, **kwargs)
        except BaseError as error:
            self._fail(what, error)

    async def _wait(self, what: str, work: Awaitable[T]) -> T:
        from obstore.exceptions import BaseError

        try:
            return await work
        except FileNotFoundError as error:
            raise FileNotFound("The bytes of this file are missing: run the doctor") from error
        except BaseError as error:
            self._fail(what, error)

    def _fail(self, what: str, error: Exception) -> NoReturn:
        structlog.get_logger().error("object store failed", what=what, bucket=self.at.name, error=_first_line(error))
        raise Unavailable("The object store does not answer as it should: try again later") from error


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n\n")[0][:500]


def _instant(when: datetime) -> Instant:
    # the service tells whole seconds: later rather than earlier, where it is asked whether something is old
    return int(when.timestamp()) * SECOND + SECOND - 1


# -- addresses that need no credential ---------------------------------------------------------------------------------


def sign_link(bucket: Bucket, key: str, headers: dict[str, str], at: datetime) -> str:
    """An address to read this key from, for five minutes, answered with these headers (AWS Signature Version 4, in the query).

    obstore signs too, but no headers of the answer.
    """
    stamp, day = f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%d}"
    scope = f"{day}/{bucket.region}/s3/aws4_request"
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{bucket.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(LINK_SECONDS),
        "X-Amz-SignedHeaders": "host",
        **headers,
    }
    parts = urlsplit(f"{bucket.base}/{quote(key)}")
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
    asked = "\n".join(["GET", parts.path, text, f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD"])
    signed = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(asked.encode()).hexdigest()])
    secret = f"AWS4{bucket.secret_key}".encode()
    for part in (day, bucket.region, "s3", "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    return f"{parts.geturl()}?{text}&X-Amz-Signature={hmac.digest(secret, signed.encode(), 'sha256').hex()}"
