"""The parts that every request may need, put together once by `assemble`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from packhouse.auth.access import Gate
from packhouse.blobs.spool import Hasher, Spool
from packhouse.blobs.store import FarStore, Store
from packhouse.contract import Format, Signer
from packhouse.db.engine import Database
from packhouse.model import Instant
from packhouse.packages.documents import DocumentCache
from packhouse.packages.identities import Identities
from packhouse.packages.inspect import Inspector
from packhouse.settings import Settings


@dataclass(slots=True)
class Counters:
    """Downloads, kept in memory and flushed by a job: never a row written for one."""

    downloads: dict[tuple[int, int, str], int] = field(default_factory=dict)
    latest: dict[int, Instant] = field(default_factory=dict)

    def count(self, version_id: int, credential: str, at: Instant) -> None:
        key = (version_id, at // 3_600_000_000, credential)
        self.downloads[key] = self.downloads.get(key, 0) + 1
        self.latest[version_id] = at


@dataclass(slots=True)
class House:
    """Settings, database, bytes, formats, the gate, and what is kept in memory."""

    settings: Settings
    database: Database
    store: Store
    spool: Spool
    formats: Mapping[str, Format]
    gate: Gate
    cache: DocumentCache
    inspector: Inspector
    identities: Identities | None = None  # keys of the issuers that are trusted
    signers: Callable[[int | None], Signer] | None = None  # the signer of a project or group, by its id; None: the instance
    counters: Counters = field(default_factory=Counters)
    hashing: dict[str, tuple[int, dict[str, Hasher]]] = field(default_factory=dict)  # resumable uploads: bytes so far, digests in the making

    @property
    def api(self) -> str:
        return self.settings.base_url + "/api/v4"

    @property
    def far(self) -> FarStore | None:
        """The store, where its bytes are not on a disk of this machine."""
        return None if self.store.near else cast(FarStore, self.store)

    def file_limit(self, format: Format) -> int:
        """The largest file of a format, in bytes."""
        return self.settings.max_file_size.get(format.name, format.max_file_size)
