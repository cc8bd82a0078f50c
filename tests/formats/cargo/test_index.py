"""The lines of a crate, byte for byte, and what must hold of them whatever the rows."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from packhouse.formats.cargo import parse
from packhouse.formats.cargo.index import write_lines, write_result
from packhouse.formats.cargo.parse.crate import Crate
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, Spooled, VersionRow

from .samples import dep, sample

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_700_000_000_123_456
HOUR = 3_600_000_000
MOMENT = Moment(at=NOW, api="https://packhouse.example/api/v4", format="cargo", place=7)


def row(
    version: str,
    number: int,
    *,
    name: str = "foo-bar",
    project: int = 7,
    variant: int = 0,
    yanked: str | None = None,
    status: str = "default",
    **document: Any,
) -> VersionRow:
    """A version published `number` hours after the first."""
    new = sample(name, version, variant, **document)
    said = parse.read_document(json.dumps(new.document).encode())
    crate = Crate(name=name, version=version, deps=tuple(parse.state_dep(each) for each in said.deps), features=said.features, links=said.links)
    content = Spooled(path="", size=len(new.content), sha256=new.sha256, md5="", sha1="", sha512="")
    [made] = parse.make_upload(said, crate, content, ()).files
    file = FileRow(id=number * 10, project=project, path=made.path, blob=Blob(sha256=new.sha256, size=1), facts=made.facts)
    return VersionRow(
        id=number, project=project, name=name, version=version, created=NOW + number * HOUR, files=(file,), yanked=yanked, status=status
    )


def rows(*versions: VersionRow) -> Rows:
    """One package for each project."""
    projects = sorted({version.project for version in versions})
    return Rows(
        packages=tuple(
            PackageRow(id=n, project=n, name=versions[0].name, key="foo_bar", versions=tuple(v for v in versions if v.project == n)) for n in projects
        )
    )


DEPS = [
    dep("zed", "^0.3", explicit_name_in_toml="base", optional=True, features=["a"]),
    dep("bar", "^1", target="cfg(unix)"),
    dep("bar", "^2", kind="build"),
]

SHAPES: Mapping[str, Rows] = {
    "one": rows(row("1.0.0", 0)),
    "rich": rows(row("1.0.0-rc.1+build.7", 0, deps=DEPS, features={"more": ["dep:base"], "default": []}, links="z")),
    "many": rows(row("1.0.0", 0), row("1.10.0", 1), row("1.9.0", 2)),
    "yanked": rows(row("1.0.0", 0, yanked=""), row("1.1.0", 1)),
    "unicode": rows(row("1.0.0", 0, description="Größe 📦 \u2028", features={"größe": []})),
    "spelled": rows(row("1.0.0", 0, name="Foo_Bar")),
    "group": rows(row("1.0.0", 0, project=7, variant=1), row("1.0.0", 1, project=8, variant=2), row("1.1.0", 2, project=8)),
    "group of spellings": rows(row("1.0.0", 0, project=7), row("1.0.0", 1, project=8, name="foo_bar")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_golden(shape: str) -> None:
    """A document could come out otherwise than it was looked at and agreed to."""
    written = "".join(f"== {name}, {made.media_type}\n{made.body.decode()}" for name, made in sorted(write_lines(SHAPES[shape], {}, MOMENT).items()))
    path = GOLDEN / f"{shape.replace(' ', '-')}.txt"
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_text(written)
    assert written == path.read_text()


def lines(found: Rows, name: str = "foo-bar") -> list[dict[str, Any]]:
    return [json.loads(line) for line in write_lines(found, {}, MOMENT)[name].body.splitlines()]


def test_every_field_is_there() -> None:
    """A client before 1.84 could fail over a dependency that lacks a field."""
    [line] = lines(SHAPES["rich"])
    fields = {"name", "req", "features", "optional", "default_features", "target", "kind", "registry", "package"}
    assert all(set(each) == fields for each in line["deps"])
    assert set(line) == {"name", "vers", "deps", "cksum", "features", "yanked", "links", "v", "rust_version", "pubtime"}
    assert (line["cksum"], line["pubtime"]) == (sample("foo-bar", "1.0.0-rc.1+build.7").sha256, "2023-11-14T22:13:20Z")


def test_a_yank_moves_one_thing() -> None:
    """A yank could change more of a line than it may, or nothing."""
    before, after = lines(rows(row("1.0.0", 0))), lines(rows(row("1.0.0", 0, yanked="")))
    assert [{**line, "yanked": True} for line in before] == after != before


def test_a_line_ends() -> None:
    """The last line could lack its end, or a text bring a second one."""
    body = write_lines(rows(row("1.0.0", 0, description="a\nb\r\n"), row("1.1.0", 1)), {}, MOMENT)["foo-bar"].body
    assert body.endswith(b"}\n") and body.count(b"\n") == 2 and b"\r" not in body


def test_hidden_versions() -> None:
    """A hidden version could be listed, or a package of hidden versions be there."""
    hidden = row("1.0.0", 0, status="hidden")
    assert [line["vers"] for line in lines(rows(hidden, row("1.1.0", 1)))] == ["1.1.0"]
    assert write_lines(rows(hidden), {}, MOMENT) == {} and write_result(rows(hidden)) is None


def test_the_first_of_equal_versions() -> None:
    """A project that publishes a version later could move what a lock file of the group holds."""
    assert lines(SHAPES["group"])[0]["cksum"] == sample("foo-bar", "1.0.0", 1).sha256
    assert [line["vers"] for line in lines(SHAPES["group"])] == ["1.0.0", "1.1.0"]


def test_same_rows_same_bytes() -> None:
    """The order in which a database tells its rows could show."""
    turned = Rows(packages=tuple(PackageRow(**{**_fields(each), "versions": each.versions[::-1]}) for each in SHAPES["group"].packages[::-1]))
    assert write_lines(turned, {}, MOMENT) == write_lines(SHAPES["group"], {}, MOMENT)


def _fields(package: PackageRow) -> dict[str, Any]:
    return {name: getattr(package, name) for name in package.__struct_fields__}  # type: ignore[attr-defined]


def test_results() -> None:
    """A search could offer a yanked version where there is another, or compare versions as texts."""
    assert write_result(SHAPES["many"]) == {"name": "foo-bar", "max_version": "1.10.0", "description": "A toy"}
    assert write_result(rows(row("1.0.0", 0), row("2.0.0", 1, yanked=""))) == {"name": "foo-bar", "max_version": "1.0.0", "description": "A toy"}
    assert write_result(rows(row("1.0.0", 0, yanked=""))) == {"name": "foo-bar", "max_version": "1.0.0", "description": "A toy"}


def test_digests_are_of_the_bytes() -> None:
    """A checksum could be of other bytes than those that are served."""
    [line] = lines(rows(row("1.0.0", 0, variant=3)))
    assert line["cksum"] == hashlib.sha256(sample("foo-bar", "1.0.0", 3).content).hexdigest()
