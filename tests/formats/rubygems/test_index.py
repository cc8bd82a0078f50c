"""The documents, byte for byte, and what must hold of them whatever the rows."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from packhouse.formats.rubygems import index, parse
from packhouse.formats.rubygems.index.marshal import Built, Symbol, dump
from packhouse.model import Blob, Documents, FileRow, Moment, PackageRow, Rows, Spooled, VersionRow

from .samples import dependency, metadata, requirement, sample

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_700_000_000_123_456
HOUR = 3_600_000_000
MOMENT = Moment(at=NOW, api="https://packhouse.example/api/v4", format="rubygems", place=7)


def row(
    version: str,
    number: int,
    *,
    name: str = "foo",
    project: int = 7,
    variant: int = 0,
    yanked: str | None = None,
    status: str = "default",
    **said: Any,
) -> VersionRow:
    """A version published `number` hours after the first."""
    new = sample(name, version, variant, **said)
    content = Spooled(path="", size=len(new.content), sha256=new.sha256, md5="", sha1="", sha512="")
    [made] = parse.make_upload(parse.read_specification(metadata(name, version, **said)), content).files
    file = FileRow(id=number * 10, project=project, path=made.path, blob=Blob(sha256=new.sha256, size=1), facts=made.facts)
    return VersionRow(
        id=number, project=project, name=name, version=version, created=NOW + number * HOUR, files=(file,), yanked=yanked, status=status
    )


def rows(*versions: VersionRow) -> Rows:
    """One package for each project and name."""
    groups = sorted({(version.name.lower(), version.project) for version in versions})
    return Rows(
        packages=tuple(
            PackageRow(
                id=n,
                project=project,
                name=key,
                key=key,
                versions=tuple(each for each in versions if (each.name.lower(), each.project) == (key, project)),
            )
            for n, (key, project) in enumerate(groups)
        )
    )


NEEDS = dependency("zed") + dependency("bar", (">=", "1.2"), ("<", "2")) + dependency("rake", ("~>", "13"), kind="development")
WANTS = requirement("required_ruby_version", (">=", "2.3"), ("<", "4")) + requirement("required_rubygems_version", (">", "1.3.1"))

SAID = WANTS + "description: Größe 📦\nemail: a@toys.example\nmetadata: {a: b}\n"
OTHER = (row("0.1", 1, name="Bar.baz"), row("0.2", 5, name="Bar.baz"))

SHAPES: Mapping[str, Rows] = {
    "none": rows(),
    "one": rows(row("1.0.0", 0)),
    "rich": rows(row("1.0.0", 0, dependencies=NEEDS, fields=SAID)),
    "many": rows(
        row("1.0.0", 0), row("1.10.0", 2), row("1.9.0", 3), row("2.0.0.rc1", 4), row("0.1", 1, name="Bar.baz"), row("0.2", 5, name="Bar.baz")
    ),
    "platforms": rows(row("1.0", 0), row("1.0-java", 1), row("1.1-java", 2), row("1.1.a-java", 3), row("1.0-x86_64-linux", 4)),
    "yanked": rows(row("1.0.0", 0), row("1.1.0", 1, yanked=""), row("1.2.0", 2, status="hidden"), row("1.0", 3, name="bar", yanked="broken")),
    "group": rows(row("1.0.0", 0, project=7, variant=1), row("1.0.0", 1, project=8, variant=2), row("1.1.0", 2, project=8)),
}

WRITERS = {"info": index.write_info, "versions": index.write_versions, "names": index.write_names, "lists": index.write_lists,
           "gemspecs": index.write_gemspecs}  # fmt: skip


def written(shape: Rows) -> Mapping[str, Documents]:
    return {name: write(shape, {}, MOMENT) for name, write in WRITERS.items()}


def shown(name: str, body: bytes) -> str:
    """A document as it can be read in a difference: packed ones unpacked, Marshal with its bytes escaped."""
    if name.endswith(".gz"):
        return f"packed, as {gzip.decompress(body)!r}\n"
    if name.endswith(".rz"):
        return f"{zlib.decompress(body)!r}\n"
    return f"{body!r}\n" if ".4.8" in name else f"{body.decode()}\n"


@pytest.mark.parametrize("shape", SHAPES)
def test_golden(shape: str) -> None:
    """A document could come out otherwise than it was looked at and agreed to."""
    text = "".join(
        f"== {made}: {name}, {document.media_type}\n{shown(name, document.body)}"
        for made, documents in written(SHAPES[shape]).items()
        for name, document in sorted(documents.items())
    )
    path = GOLDEN / f"{shape}.txt"
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def info(shape: Rows, name: str = "foo") -> list[str]:
    return index.write_info(shape, {}, MOMENT)[name].body.decode().splitlines()[1:]


def versions(shape: Rows) -> bytes:
    return index.write_versions(shape, {}, MOMENT)["versions"].body


def test_lines() -> None:
    """A line could say other dependencies than the gem, those for development too, or in an order that no client expects."""
    digest = sample("foo", "1.0.0", dependencies=NEEDS, fields=SAID).sha256
    assert info(SHAPES["rich"]) == [f"1.0.0 bar:< 2&>= 1.2,zed:>= 0|checksum:{digest},ruby:< 4&>= 2.3,rubygems:> 1.3.1"]
    assert info(SHAPES["one"]) == [f"1.0.0 |checksum:{sample('foo').sha256}"]
    assert info(SHAPES["platforms"])[-1].startswith("1.0-x86_64-linux |checksum:")


@pytest.mark.parametrize("shape", SHAPES)
def test_digests_of_the_lines(shape: str) -> None:
    """Bundler could fetch the lines of a gem each time, or never again, as the list tells another MD5 than they have."""
    last = {line.split()[0]: line.split()[2] for line in versions(SHAPES[shape]).decode().splitlines()[1:]}
    documents = index.write_info(SHAPES[shape], {}, MOMENT)
    names = {name for name in documents if not name.startswith(index.DIGESTS)}
    assert last == {name: hashlib.md5(documents[name].body).hexdigest() for name in names}
    for name in names:
        assert documents[index.DIGESTS + name].body.decode().split()[0] == last[name]


def test_publishing_appends() -> None:
    """One more version could move what clients have of the lists already: each of them would fetch everything again."""
    all_ = [row(f"1.{n}.0", n, name="foo" if n % 3 else "bar") for n in range(7)]
    for n in range(len(all_)):
        before, after = rows(*all_[:n]), rows(*all_[: n + 1])
        assert versions(after).startswith(versions(before)) and versions(after) != versions(before)
    assert "\n".join(info(rows(*all_))).startswith("\n".join(info(rows(*all_[:-2]))))


def test_what_is_not_offered() -> None:
    """A yanked or hidden version could be on some list."""
    for name, documents in written(rows(row("1.0.0", 0, yanked=""), row("1.1.0", 1, status="hidden"))).items():
        bodies = b"".join(document.body for document in documents.values())
        assert b"foo" not in bodies and b"1.0.0" not in bodies, name
    assert index.write_info(rows(row("1.0.0", 0, yanked="")), {}, MOMENT) == {}


def test_the_first_of_equal_versions() -> None:
    """A project that publishes a version later could move what a lock file of the group holds."""
    lines = info(SHAPES["group"])
    assert [line.split()[0] for line in lines] == ["1.0.0", "1.1.0"] and sample("foo", "1.0.0", 1).sha256 in lines[0]
    assert index.write_lists(SHAPES["group"], {}, MOMENT)["specs.4.8"].body.count(b"1.0.0") == 1


def test_same_rows_same_bytes() -> None:
    """The order in which a database tells its rows could show."""
    for shape in ("group", "many", "platforms"):
        packages = [
            PackageRow(id=each.id, project=each.project, name=each.name, key=each.key, versions=each.versions[::-1])
            for each in SHAPES[shape].packages[::-1]
        ]
        assert written(Rows(packages=tuple(packages))) == written(SHAPES[shape])


# What Ruby 3.1 writes: ruby -e 'puts Marshal.dump(VALUE).inspect'
BY_RUBY: Mapping[bytes, Any] = {
    b'\x04\b[\a[\bI"\bfoo\x06:\x06ETU:\x11Gem::Version[\x06I"\b1.0\x06;\x00TI"\truby\x06;\x00T[\bI"\bbar\x06;\x00TU;\x06[\x06I"\n2.0.a\x06;\x00T'
    b'I"\tjava\x06;\x00T': [["foo", Built(of="Gem::Version", payload=["1.0"]), "ruby"], ["bar", Built(of="Gem::Version", payload=["2.0.a"]), "java"]],
    b'\x04\b[\x140TFi\x00i\x06i\x7fi\x01{i\x01\xffi\x02\x00\x01i\x03\x00\x00\x01I"\a\xc3\xbc\x06:\x06ET{\x06I"\x06a\x06;\x00TI"\x06b\x06;\x00T'
    b"{\x06:\x06a[\x00;\x06:\fruntime": [
        None, True, False, 0, 1, 122, 123, 255, 256, 65536, "ü", {"a": "b"}, {Symbol(name="a"): []}, Symbol(name="a"), Symbol(name="runtime"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("expected", BY_RUBY)
def test_marshal(expected: bytes) -> None:
    """Ruby could read another value than was written, or none."""
    assert dump(BY_RUBY[expected]) == expected


def test_marshal_refuses() -> None:
    """A value that it does not know could be written as something else."""
    with pytest.raises(TypeError):
        dump([1.5])  # type: ignore[list-item]
