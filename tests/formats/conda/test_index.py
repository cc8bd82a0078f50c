"""What clients read, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import bz2
import hashlib
import itertools
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from packhouse.formats.conda import index, names
from packhouse.formats.conda.parse import Facts
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow, replace

GOLDEN = Path(__file__).parent / "golden"
AT = 1_700_000_000_123_456
MOMENT = Moment(at=AT, api="http://registry.example/api/v4", format="conda", place=7)
_ids = itertools.count(1)


def package(
    name: str = "toy", version: str = "1.0", build: str = "0", *, subdir: str = "linux-64", channel: str = "", extension: str = ".conda",
    project: int = 7,
    yanked: str | None = None, status: str = "default", created: int = AT, content: str = "", **more: Any,
) -> PackageRow:  # fmt: skip
    """A package with one version and file."""
    data = (content or f"{name} {version} {build}").encode()
    blob = Blob(sha256=hashlib.sha256(data).hexdigest(), size=len(data), md5=hashlib.md5(data).hexdigest())
    run_exports = more.pop("run_exports", {})
    record = {"name": name, "version": version, "build": build, "build_number": 0, "depends": ["libtoy >=1,<2"], "subdir": subdir, **more}
    spot = names.Spot(channel=channel, subdir=subdir, file=f"{name}-{version}-{build}{extension}")
    facts = msgspec.json.encode(Facts(record=record, run_exports=run_exports))
    file = FileRow(id=next(_ids), project=project, path=spot.path, blob=blob, facts=facts, shelf=names.shelf_of(channel, subdir), created=created)
    row = VersionRow(id=next(_ids), project=project, name=name, version=version, status=status, yanked=yanked, files=(file,), created=created)
    return PackageRow(id=next(_ids), project=project, name=name, key=name, versions=(row,))


SOME = Rows(
    packages=(
        package("toy", "1!2.0+local.1", "h1_0", constrains=["other <2"], license="Ünïcode", x_unknown={"a": [1, None, 2.5]},
            timestamp=1_600_000_000_000),
        package("toy", "1.0", extension=".tar.bz2", run_exports={"weak": ["toy >=1"]}, created=AT - 1_000_000),
        package("toy", "0.9", yanked="broken"), package("_odd.name", "1.0post1", track_features="a b"), package("hidden", status="hidden"),
    )
)  # fmt: skip


def check_golden(name: str, body: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(body)
    assert body == path.read_bytes()


def unpack(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(body)


def pretty(body: bytes) -> bytes:
    """A packed document as text; digests of what a compressor made are its own affair."""
    value = msgspec.msgpack.decode(unpack(body))
    for name in value.get("shards", {}):
        value["shards"][name] = "…"
    return msgspec.json.format(msgspec.json.encode(value))


def test_documents() -> None:
    """A document could change for the same rows, and every client fetch it again, or read something else."""
    made = index.write_repodata(SOME, {}, MOMENT)
    check_golden("repodata.json", made["repodata.json"].body)
    check_golden("run_exports.json", index.write_run_exports(SOME, {}, MOMENT)["run_exports.json"].body)
    assert unpack(made["repodata.json.zst"].body) == made["repodata.json"].body
    assert bz2.decompress(index.write_bzip2(SOME, {}, MOMENT)["repodata.json.bz2"].body) == made["repodata.json"].body


def test_shards() -> None:
    """The list of shards could lead to other bytes than it says, or to none."""
    made = index.write_shards(SOME, {}, MOMENT)
    listed = msgspec.msgpack.decode(unpack(made["repodata_shards.msgpack.zst"].body))
    check_golden("shards.json", pretty(made["repodata_shards.msgpack.zst"].body))
    assert set(listed["shards"]) == {"toy", "_odd.name"}
    for digest in listed["shards"].values():
        assert hashlib.sha256(made[f"shards/{digest.hex()}"].body).digest() == digest
    check_golden("shard.json", pretty(made[f"shards/{listed['shards']['toy'].hex()}"].body))


@pytest.mark.parametrize(
    ("channel", "base"),
    [("", "../shards/2023-11-14T22:13:20.123456Z/linux-64/"), ("a/b", "../../../shards/2023-11-14T22:13:20.123456Z/a/b/linux-64/")],
)
def test_where_shards_are(channel: str, base: str) -> None:
    """A client could look for shards below another address than the channel's own: without its token, or in the present."""
    made = index.write_shards(Rows(packages=(package(channel=channel),)), {}, MOMENT)
    assert msgspec.msgpack.decode(unpack(made["repodata_shards.msgpack.zst"].body))["info"]["shards_base_url"] == base


def test_other_names_leave_a_shard_alone() -> None:
    """A publish could have clients fetch the records of every name again."""
    before, after = (index.write_shards(Rows(packages=rows), {}, MOMENT) for rows in (SOME.packages, (*SOME.packages, package("new"))))
    assert set(before) <= set(after)


def test_order_of_rows() -> None:
    """A document could depend on the order in which a database gives rows."""
    turned = Rows(packages=SOME.packages[::-1])
    for write in (index.write_repodata, index.write_shards, index.write_run_exports, index.write_bzip2, index.write_channels):
        assert write(SOME, {}, MOMENT) == write(turned, {}, MOMENT)


def test_same_file_in_two_projects() -> None:
    """A group could list a file with one project's digest and serve the other's; a yank in one hide the file of the other."""
    early, late = package(project=8, created=AT, content="a"), package(project=7, created=AT + 1, content="b")
    withdrawn = replace(early, versions=(replace(early.versions[0], yanked=""),))
    for rows, content in (((early, late), b"a"), ((late, early), b"a"), ((withdrawn, late), b"b")):
        found = msgspec.json.decode(index.write_repodata(Rows(packages=rows), {}, MOMENT)["repodata.json"].body)
        assert found["packages.conda"]["toy-1.0-0.conda"]["sha256"] == hashlib.sha256(content).hexdigest() and found["removed"] == []
    gone = replace(late, versions=(replace(late.versions[0], yanked="too"),))
    made = index.write_repodata(Rows(packages=(withdrawn, gone)), {}, MOMENT)
    assert msgspec.json.decode(made["repodata.json"].body)["removed"] == ["toy-1.0-0.conda"]


def test_nothing_is_there() -> None:
    """A platform without packages could show the records of another one, or shards that are not there."""
    for write in (index.write_repodata, index.write_shards, index.write_run_exports, index.write_bzip2, index.write_channels):
        assert write(Rows(), {}, MOMENT) == {}
    empty = index.write_empty("osx-64")
    assert empty["repodata.json"].body == b'{"info":{"subdir":"osx-64"},"packages":{},"packages.conda":{},"removed":[],"repodata_version":1}'
    assert unpack(empty["repodata.json.zst"].body) == bz2.decompress(empty["repodata.json.bz2"].body) == empty["repodata.json"].body
    assert msgspec.msgpack.decode(unpack(empty["repodata_shards.msgpack.zst"].body))["shards"] == {}


def test_channels() -> None:
    """A channel could tell of what another one holds, or of an older version as the newest."""
    rows = (
        package("toy", "1.9", channel="a/b"), package("toy", "1.10", channel="a/b", subdir="osx-64", license="MIT"), package("toy", "9"),
        package("other", channel="a/b", yanked=""),
    )  # fmt: skip
    found = {channel: msgspec.json.decode(made.body) for channel, made in index.write_channels(Rows(packages=rows), {}, MOMENT).items()}
    assert set(found) == {"", "a/b"}
    toy = {"version": "1.10", "license": "MIT", "timestamp": None, "subdirs": ["linux-64", "osx-64"]}
    assert found["a/b"] == {"channeldata_version": 1, "subdirs": ["linux-64", "osx-64"], "packages": {"toy": toy}}
    assert found[""]["packages"]["toy"]["version"] == "9"
