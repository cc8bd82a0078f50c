"""What clients read of a platform: its records as one document (plain, zstd, bzip2), as shards by name (CEP 16); and what a channel holds. Pure."""

from __future__ import annotations

import bz2
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import zstandard

from packhouse.formats.conda import names
from packhouse.formats.conda.parse import Facts
from packhouse.model import Documents, FileRow, Instant, Moment, NewDocument, PackageRow, Rows, Struct, VersionRow

JSON, ZSTD, BZIP2 = "application/json", "application/zstd", "application/x-bzip2"
REPODATA, SHARDS, RUN_EXPORTS, CHANNELDATA = "repodata.json", "repodata_shards.msgpack.zst", "run_exports.json", "channeldata.json"
SHARD_ENDING = ".msgpack.zst"
LARGE = 4 * 1024 * 1024

_read_facts = msgspec.json.Decoder(Facts).decode


class Listed(Struct):
    """A file that is offered; yanked ones are named, so that clients know not to."""

    file: FileRow
    facts: Facts
    yanked: bool

    @property
    def name(self) -> str:
        return self.file.path.rpartition("/")[2]

    @property
    def subdir(self) -> str:
        return str(self.facts.record["subdir"])


# -- a platform of a channel -----------------------------------------------------------------------------------------


def write_repodata(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """The records, plain and packed with zstd."""
    listed = list_files(rows.packages)
    return documents(REPODATA, repodata(listed[0].subdir, listed)) if listed else {}


def write_bzip2(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """The records packed with bzip2: apart, as it is slow, and only old clients ask for it."""
    listed = list_files(rows.packages)
    return bzip2_document(repodata(listed[0].subdir, listed)) if listed else {}


def write_run_exports(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """What packages ask of those that are built with them."""
    listed = list_files(rows.packages)
    return documents(RUN_EXPORTS, run_exports(listed[0].subdir, listed)) if listed else {}


def write_shards(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The list of shards, and each by the digest of its bytes. They lie below the instant that they are of, where they stay when all has changed."""
    listed = list_files(rows.packages)
    by_name: dict[str, list[Listed]] = {}
    for one in listed:
        by_name.setdefault(one.facts.record["name"], []).append(one)
    if not listed:
        return {}
    made: dict[str, NewDocument] = {}
    digests: dict[str, bytes] = {}
    for name, found in sorted(by_name.items()):
        body = compress(msgspec.msgpack.encode(sort_records(found, as_bytes)))
        digests[name] = hashlib.sha256(body).digest()
        made[shard_path(digests[name].hex())] = NewDocument(body=body, media_type=ZSTD)
    place = listed[0].file.path.rpartition("/")[0]
    base = f"{'../' * len(place.split('/'))}shards/{timestamp(moment.at)}/{place}/"
    return {SHARDS: shard_index(listed[0].subdir, base, digests, max(one.file.created for one in listed)), **made}


def repodata(subdir: str, listed: Iterable[Listed]) -> dict[str, Any]:
    """The document of a platform."""
    return {"info": {"subdir": subdir}, **sort_records(listed, as_text), "repodata_version": 1}


def shard_path(digest: str) -> str:
    """Where a shard stands among the documents of its platform."""
    return f"shards/{digest}"


def shard_index(subdir: str, base: str, shards: Mapping[str, bytes], created: Instant) -> NewDocument:
    """Where the shards are: name → digest."""
    info = {"subdir": subdir, "base_url": "./", "shards_base_url": base, "created_at": f"{timestamp(created)[:19]}Z"}
    return NewDocument(body=compress(msgspec.msgpack.encode({"version": 1, "info": info, "shards": shards})), media_type=ZSTD)


def run_exports(subdir: str, listed: Iterable[Listed]) -> dict[str, Any]:
    """The document of a platform (CEP 12)."""
    found: dict[str, Any] = {"info": {"subdir": subdir, "version": 1}, "packages": {}, "packages.conda": {}}
    for one in listed:
        if not one.yanked:
            found[section_of(one.name)][one.name] = {"run_exports": one.facts.run_exports}
    return found


def sort_records(listed: Iterable[Listed], write: Callable[[Listed], dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"packages": {}, "packages.conda": {}, "removed": []}
    for one in listed:
        if one.yanked:
            found["removed"].append(one.name)
        else:
            found[section_of(one.name)][one.name] = write(one)
    return found


def section_of(file: str) -> str:
    return "packages.conda" if file.endswith(".conda") else "packages"


def as_text(one: Listed) -> dict[str, Any]:
    """The record as the package has it, with what its bytes tell, and when it came."""
    blob = one.file.blob
    digests = {name: digest for name, digest in (("md5", blob.md5), ("sha256", blob.sha256)) if digest}
    return {**one.facts.record, **digests, "size": blob.size, "indexed_timestamp": one.file.created // 1000}


def as_bytes(one: Listed) -> dict[str, Any]:
    """The same as shards have it: digests as bytes."""
    return {key: bytes.fromhex(value) if key in ("md5", "sha256") else value for key, value in as_text(one).items()}


def documents(name: str, value: Any) -> Documents:
    """A document, and its twin packed with zstd."""
    body = msgspec.json.encode(value)
    return {name: NewDocument(body=body, media_type=JSON), f"{name}.zst": NewDocument(body=compress(body), media_type=ZSTD)}


def bzip2_document(value: Any) -> Documents:
    return {f"{REPODATA}.bz2": NewDocument(body=bz2.compress(msgspec.json.encode(value)), media_type=BZIP2)}


def compress(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3 if len(body) > LARGE else 9).compress(body)


@lru_cache(len(names.PLATFORMS))
def write_empty(subdir: str) -> Documents:
    """What there is to read where no package is: clients give up on a channel that lacks one of their platforms."""
    value = repodata(subdir, ())
    shards = {SHARDS: shard_index(subdir, "./shards/", {}, 0)}
    return {**documents(REPODATA, value), **bzip2_document(value), **documents(RUN_EXPORTS, run_exports(subdir, ())), **shards}


def timestamp(at: Instant) -> str:
    """The instant as a path has it, to the microsecond."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1_000_000:06d}Z"


# -- rows ------------------------------------------------------------------------------------------------------------


def list_files(packages: Iterable[PackageRow]) -> list[Listed]:
    """The files of one platform by name. Of a file that several projects of a group have, the one that `prefer` says."""
    found: dict[str, list[tuple[VersionRow, FileRow]]] = {}
    for package in packages:
        for version in package.versions:
            if version.status != "hidden":
                for file in version.files:
                    found.setdefault(file.path, []).append((version, file))
    chosen = (prefer(rows) for _, rows in sorted(found.items()))
    return [Listed(file=file, facts=_read_facts(file.facts), yanked=version.yanked is not None) for version, file in chosen]


def prefer(rows: Sequence[tuple[VersionRow, FileRow]]) -> tuple[VersionRow, FileRow]:
    """Of equal paths the one that came first, as lock files of that time hold its digest; one that is not yanked before those that are."""
    return min(rows, key=lambda row: (row[0].yanked is not None, row[1].created, row[1].project, row[1].id))


# -- a channel -------------------------------------------------------------------------------------------------------


def write_channels(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """What each channel holds, by its path: platforms, and of every package its newest version."""
    channels: dict[str, list[Listed]] = {}
    for one in list_files(rows.packages):
        if not one.yanked:
            channels.setdefault("/".join(one.file.path.split("/")[:-2]), []).append(one)
    return {channel: NewDocument(body=msgspec.json.encode(channeldata(listed)), media_type=JSON) for channel, listed in channels.items()}


def channeldata(listed: Sequence[Listed]) -> dict[str, Any]:
    packages: dict[str, Any] = {}
    for one in sorted(listed, key=lambda one: (one.facts.record["name"], names.version_key(one.facts.record["version"]), one.name)):
        record = one.facts.record
        subdirs = {one.subdir, *packages.get(record["name"], {}).get("subdirs", ())}
        packages[record["name"]] = {
            "version": record["version"],
            "license": record.get("license"),
            "timestamp": record.get("timestamp"),
            "subdirs": sorted(subdirs),
        }
    return {"channeldata_version": 1, "subdirs": sorted({one.subdir for one in listed}), "packages": packages}
