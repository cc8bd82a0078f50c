"""Shards, podspecs and lists byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import msgspec

from packhouse.formats.cocoapods import index, names
from packhouse.formats.cocoapods.parse import Facts
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow, replace

from .samples import describe

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_700_000_000_123_456
MOMENT = Moment(at=NOW, api="http://registry.example/api/v4", format="cocoapods", place=7)
GROUP = replace(MOMENT, level="group", place=3)
IN_FAVOR = "in favor of Bar+2"
_ids = itertools.count(1)


def version(name: str, text: str, kind: str = "zip", project: int = 7, age: int = 0, **more: Any) -> VersionRow:
    """A version with its archive here, or with none where `kind` is ""."""
    said = describe(name, text)
    source = said.pop("source")
    facts = Facts(
        podspec=msgspec.Raw(msgspec.json.encode(said)), **({"kind": kind} if kind else {"source": msgspec.Raw(msgspec.json.encode(source))})
    )
    path = names.archive_file(name, text, kind) if kind else names.podspec_file(name)
    content = f"{path} {project}".encode()
    blob = Blob(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    file = FileRow(
        id=next(_ids), project=project, path=path, blob=blob, facts=msgspec.json.encode(facts), shelf=names.shard_of(name), created=NOW - age
    )
    return VersionRow(id=next(_ids), project=project, name=name, version=text, files=(file,), **more)


def package(name: str, *versions: VersionRow, project: int = 7) -> PackageRow:
    return PackageRow(id=next(_ids), project=project, name=name, key=names.name_key(name), versions=versions)


SOME = Rows(
    packages=(
        package(
            "Foo", version("Foo", "1.10.0"), version("Foo", "1.9.0", "", yanked=""), version("Foo", "1.10.0-rc.1", "tgz", yanked="in favor of Bar+2")
        ),
        package("Pod146", version("Pod146", "0.1.0+5", "")),
    )
)


def shard(rows: Rows, moment: Moment = MOMENT) -> dict[str, bytes]:
    return {path: made.body for path, made in index.write_shard(rows, {}, moment).items()}


def podspec(rows: Rows, name: str, text: str, moment: Moment = MOMENT) -> Any:
    return json.loads(shard(rows, moment)[names.podspec_path(name, text)])


def test_golden() -> None:
    """A document could change for the same rows, and every client fetch it again."""
    made = {**index.write_shard(SOME, {}, MOMENT), **index.write_lists(SOME, {}, MOMENT)}
    for path, document in made.items():
        golden = GOLDEN / path.removeprefix("Specs/").replace("/", "_")
        if os.environ.get("PACKHOUSE_GOLDEN") == "write":
            golden.write_bytes(document.body)
        assert document.body == golden.read_bytes()
        assert document.media_type == ("application/json" if path.endswith(".json") else "text/plain; charset=utf-8")
    assert len(made) == len(list(GOLDEN.iterdir()))


def test_same_rows_same_bytes() -> None:
    """The order in which a database tells its rows could show."""
    turned = Rows(packages=tuple(replace(each, versions=each.versions[::-1]) for each in SOME.packages[::-1]))
    assert shard(turned) == shard(SOME) and index.write_lists(turned, {}, MOMENT) == index.write_lists(SOME, {}, MOMENT)


def test_lines() -> None:
    """A version could be missing from its line, or pods of one shard run together."""
    assert names.shard_of("Foo") == names.shard_of("Pod146")
    assert shard(SOME)["all_pods_versions_1_3_5.txt"] == b"Foo/1.9.0/1.10.0-rc.1/1.10.0\nPod146/0.1.0+5\n"


def test_source() -> None:
    """The client could be sent elsewhere for an archive that is here, or here for one that is elsewhere."""
    archive = SOME.packages[0].versions[0].files[0]
    assert podspec(SOME, "Foo", "1.10.0")["source"] == {
        "http": "http://registry.example/api/v4/projects/7/packages/cocoapods/pods/Foo/1.10.0/Foo-1.10.0.zip",
        "type": "zip",
        "sha256": archive.blob.sha256,
    }
    assert podspec(SOME, "Foo", "1.9.0")["source"] == {"git": "https://toy.example/toy.git", "tag": "1.9.0"}
    odd = Rows(packages=(package("Ü+!", version("Ü+!", "1.0+5")),))
    assert podspec(odd, "Ü+!", "1.0+5", GROUP)["source"]["http"].endswith("/groups/3/-/packages/cocoapods/pods/%C3%9C+!/1.0+5/%C3%9C+!-1.0+5.zip")


def test_deprecated() -> None:
    """A deprecation could be told to nobody, name no other pod, or stand in a podspec twice."""
    plain, named = podspec(SOME, "Foo", "1.9.0"), podspec(SOME, "Foo", "1.10.0-rc.1")
    assert (plain["deprecated"], named["deprecated"], named["deprecated_in_favor_of"]) == (True, True, "Bar+2")
    assert "deprecated_in_favor_of" not in plain and "deprecated" not in podspec(SOME, "Foo", "1.10.0")
    said = version("Foo", "1.0", yanked="broken")
    facts = msgspec.json.encode({**msgspec.json.decode(said.files[0].facts), "marks": {"deprecated": False, "deprecated_in_favor_of": "X"}})
    rows = Rows(packages=(package("Foo", replace(said, files=(replace(said.files[0], facts=facts),))),))
    body = shard(rows)[names.podspec_path("Foo", "1.0")]
    assert body.count(b'"deprecated"') == 1 == body.count(b'"deprecated_in_favor_of"') and json.loads(body)["deprecated"] is True
    listed = index.write_lists(SOME, {}, MOMENT)["deprecated_podspecs.txt"].body
    assert listed == b"Specs/1/3/5/Foo/1.10.0-rc.1/Foo.podspec.json\nSpecs/1/3/5/Foo/1.9.0/Foo.podspec.json\n"


def test_hidden_and_bare() -> None:
    """A hidden version could be offered, or one whose archive was deleted; and a shard without any be an empty file."""
    bare = version("Foo", "2.0")
    gone = replace(bare, files=(replace(bare.files[0], path="Foo.podspec.json", shelf=""),))
    rows = Rows(packages=(package("Foo", version("Foo", "1.0", status="hidden"), gone),))
    assert shard(rows) == {} == shard(Rows())
    assert {path: made.body for path, made in index.write_lists(Rows(), {}, MOMENT).items()} == {"all_pods.txt": b"", "deprecated_podspecs.txt": b""}


def test_other_spellings_in_one_version() -> None:
    """Uploads of `Foo 1.0`, `foo 1.0` and `Foo 1.0.0` that come at once lie in one version: a shard could list or show another one."""
    mine, other_case, other_version = (version(*each).files[0] for each in (("Foo", "1.0"), ("foo", "1.0"), ("Foo", "1.0.0")))
    row = replace(version("Foo", "1.0"), files=(other_version, mine, other_case))
    assert index.find_carrier(row) == mine
    assert index.find_carrier(replace(row, files=(other_version, other_case))) is None
    assert shard(Rows(packages=(package("Foo", replace(row, files=(other_case,))),))) == {}


def test_first_in_a_group() -> None:
    """A project that publishes a version later could take the place of the first one in a group, in this spelling or another."""
    first, second, third = version("Foo", "1.0", project=8, age=5), version("Foo", "1.0"), version("Foo", "1.0.0", project=9, age=2)
    rows = (package("Foo", second, version("Foo", "2.0")), package("Foo", first, project=8), package("Foo", third, project=9))
    for order in (Rows(packages=rows), Rows(packages=rows[::-1])):
        made = shard(order, GROUP)
        assert made["all_pods_versions_1_3_5.txt"] == b"Foo/1.0/2.0\n"
        digest = json.loads(made[names.podspec_path("Foo", "1.0")])["source"]["sha256"]
        assert digest == first.files[0].blob.sha256 == order.first_file("Foo-1.0.zip").blob.sha256  # type: ignore[union-attr]
    assert Rows(packages=rows).first_file("Foo-3.0.zip") is None


def test_metadata() -> None:
    """The client could take the source for a Git repository, or look for podspecs elsewhere."""
    assert index.METADATA == "min: 1.0.0\nlast: 1.16.2\nprefix_lengths:\n- 1\n- 1\n- 1\n"


def test_size_of_a_shard() -> None:
    """A shard could be filled with hidden versions that nobody counts, and take the memory of the server when they are shown again."""
    hidden = replace(version("Foo", "2.0"), status="hidden")
    rows = Rows(packages=(package("Foo", version("Foo", "1.0"), hidden),))
    want = sum(len(file.facts) + 512 for package in rows.packages for each in package.versions for file in each.files)
    assert index.write_size(rows, {}, MOMENT)["size"].body == str(want).encode()
