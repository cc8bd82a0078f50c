"""Packages good and bad: what is read of them, and what is refused by name."""

from __future__ import annotations

import bz2
import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid
from packhouse.formats.conda.parse import Facts, Read, read_package
from packhouse.formats.conda.parse.packages import INFO
from packhouse.formats.conda.parse.records import read_json, read_record, read_run_exports

from .samples import make_conda, make_index, make_info, make_tar, make_tar_bz2, make_zip, sample, zstd

BOTH = pytest.mark.parametrize("extension", [".conda", ".tar.bz2"])


def read(content: bytes, folder: Path, extension: str = ".conda") -> Read:
    path = folder / "spooled"
    path.write_bytes(content)
    return read_package(str(path), extension)


def make(info: Any, extension: str) -> bytes:
    return make_conda(info) if extension == ".conda" else make_tar_bz2(info)


def refusal(content: bytes, folder: Path, extension: str = ".conda") -> str:
    with pytest.raises(Invalid) as caught:
        read(content, folder, extension)
    return caught.value.message


@BOTH
def test_what_is_read(tmp_path: Path, extension: str) -> None:
    """A record could lack a key, known or not, or have it changed, and a solver decide otherwise."""
    more = {
        "depends": ["python  >=3.11,<3.12.0a0"],
        "constrains": ["b"],
        "track_features": "x",
        "timestamp": 1_700_000_000_000,
        "x": {"y": [1.5, None, "ü"]},
    }
    found = read(make(make_info(make_index("toy", "1!2.0", "h1_0", **more)), extension), tmp_path, extension)
    assert (found.name, found.version, found.build, found.subdir) == ("toy", "1!2.0", "h1_0", "noarch")
    assert msgspec.json.decode(found.facts, type=Facts).record == make_index("toy", "1!2.0", "h1_0", **more)
    about = found.about
    assert (about.summary, about.readme, about.license) == ("a toy", "A longer text.", "MIT")
    assert about.links == {"Homepage": "https://toys.example"}, "no script in a link"
    assert [(one.name, one.range) for one in about.dependencies] == [("python", ">=3.11,<3.12.0a0")]


def test_what_others_say(tmp_path: Path) -> None:
    """A package could tell digests and addresses of itself, and clients believe it."""
    said = {"md5": "0" * 32, "sha256": "0" * 64, "size": 1, "url": "http://elsewhere.example/x", "fn": "x", "channel": "c", "indexed_timestamp": 1}
    found = read(make_conda(make_info(make_index(**said))), tmp_path)
    assert msgspec.json.decode(found.facts, type=Facts).record == make_index()


def test_what_spoils_a_channel(tmp_path: Path) -> None:
    """One value that conda does not expect in keys that nobody needs could lose its readers the whole channel."""
    said = {"record_version": "2", "package_type": "x", "date": [1], "preferred_env": [], "schannel": 1, "features": None, "timestamp": None}
    assert read_record(json.dumps(make_index(**said)).encode()) == make_index()


def test_pages_show_some_dependencies(tmp_path: Path) -> None:
    """A page could be made of a quarter of a million dependencies."""
    found = read(make_conda(make_info(make_index(depends=["a"] * 1000))), tmp_path)
    assert len(found.about.dependencies) == 500
    assert len(msgspec.json.decode(found.facts, type=Facts).record["depends"]) == 1000


@pytest.mark.parametrize(
    ("said", "subdir"),
    [({"subdir": "osx-arm64"}, "osx-arm64"), ({"noarch": "python"}, "noarch"), ({"noarch": True}, "noarch"), ({"platform": "linux", "arch": "x86_64"},
     "linux-64"),
     ({"platform": "win", "arch": "x86"}, "win-32"), ({"platform": "osx", "arch": "arm64"}, "osx-arm64")],
)  # fmt: skip
def test_platforms(said: dict[str, Any], subdir: str) -> None:
    """A package of an old builder could go to another platform."""
    assert read_record(json.dumps(make_index(**{"subdir": None, "noarch": None, **said})).encode())["subdir"] == subdir


@pytest.mark.parametrize(
    "changes",
    [{"name": None}, {"version": None}, {"build": None}, {"build_number": None}, {"name": 1}, {"name": "Toy"}, {"version": "1..0"},
     {"version": "1-0"},
     {"build": "a b"}, {"build": ""}, {"build_number": -1}, {"build_number": "0"}, {"build_number": 2**63}, {"depends": "python"}, {"depends": [1]},
     {"constrains": {}}, {"subdir": "../x"}, {"subdir": ""}, {"subdir": "a/b"}, {"subdir": 1}, {"subdir": None, "noarch": None}, {"noarch": "ruby"},
     {"license": 1}, {"timestamp": "soon"}, {"timestamp": -1}, {"timestamp": 10**14}, {"track_features": 1}, {"purls": ["x"]},
     {"purls": ["pkg:x/y?z"]}, {"legacy_bz2_size": "1"}, {"legacy_bz2_md5": "x"}, {"legacy_bz2_md5": "0" * 32 + "\n"},
     {"purls": ["pkg:pypi/@1"]}, {"purls": ["pkg:a//"]}, {"purls": ["pkg:a/@b/c"]}, {"purls": ["pkg:pypi/b/"]}, {"purls": ["pkg:a/b\n"]},
     {"x": 2**64}, {"extra_depends": []}, {"run_exports": []},
     {"flags": "x"}],
)  # fmt: skip
def test_bad_records(changes: dict[str, Any]) -> None:
    """One record that clients cannot decode could lose them the whole channel."""
    with pytest.raises(Invalid) as caught:
        read_record(json.dumps(make_index(**changes)).encode())
    assert caught.value.message


@pytest.mark.parametrize(
    "text", ["[]", "", "{", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"a": ' + "[" * 17 + "]" * 17 + "}", "[" * 100_000, "\ufeff{}"]
)
def test_bad_json(text: str) -> None:
    """A document that other readers refuse could get into one of ours."""
    with pytest.raises(Invalid):
        read_json(text.encode(), "info/index.json")


def test_run_exports() -> None:
    """What a package asks of its users could be lost where it is written in the short way, or be of a kind that clients cannot read."""
    assert read_run_exports(b'["a"]') == {"weak": ["a"]}
    assert read_run_exports(b'{"strong": ["a >=1"], "noarch": []}') == {"strong": ["a >=1"], "noarch": []}
    for bad in (b"1", b'{"weak": "a"}', b"{", b"\xff"):
        with pytest.raises(Invalid):
            read_run_exports(bad)


@pytest.mark.parametrize(
    "about", [{}, {"summary": ["first", "second"], "home": ["https://a.example"]}, {"summary": 1, "home": None, "description": {}}]
)
def test_odd_descriptions(tmp_path: Path, about: dict[str, Any]) -> None:
    """A text for people could keep a good package from being published."""
    assert read(make_conda(make_info(make_index(), about=about)), tmp_path).name == "toy"


# -- hostile archives ------------------------------------------------------------------------------------------------


@BOTH
def test_no_index(tmp_path: Path, extension: str) -> None:
    """An archive of anything could be published as a package."""
    assert refusal(make({"info/about.json": b"{}"}, extension), tmp_path, extension) == "The package has no info/index.json: build it again"


@BOTH
def test_two_indexes(tmp_path: Path, extension: str) -> None:
    """What we list could differ from what a client that reads on finds."""
    index = json.dumps(make_index()).encode()
    info = [("info/index.json", index), ("info/index.json", index.replace(b"toy", b"boy"))]
    assert "info/index.json" in refusal(make(info, extension), tmp_path, extension)


@BOTH
@pytest.mark.parametrize("name", ["../info/index.json", "/info/index.json", "info/../../x"])
def test_names_that_leave(tmp_path: Path, extension: str, name: str) -> None:
    """A file could be unpacked to somewhere else."""
    assert refusal(make({name: b"x", "info/index.json": b"{}"}, extension), tmp_path, extension)


@pytest.mark.parametrize(
    "members",
    [[], [("metadata.json", b"{}")], [("info-a.tar.zst", b""), ("pkg-b.tar.zst", b"")], [("info-a.tar.zst", b""), ("info-b.tar.zst", b"")],
     [("info-a.tar.zst", b""), ("pkg-a.tar.zst", b"")], [("info-a.tar.zst", b""), ("pkg-a.tar.zst", b""), ("metadata.json",
      b'{"conda_pkg_format_version": 1}')],
     [("info-a.tar.zst", b"x"), ("pkg-a.tar.zst", b""), ("metadata.json", b'{"conda_pkg_format_version": 2}')],
     [("info-a.tar.zst", b""), ("pkg-a.tar.zst", b""), ("x.tar.zst", b""), ("metadata.json", b'{"conda_pkg_format_version": 2}')]],
)  # fmt: skip
def test_other_zips(tmp_path: Path, members: list[tuple[str, bytes]]) -> None:
    """A zip that clients cannot unpack as a package could be published as one."""
    assert refusal(make_zip(members), tmp_path)


def test_deflated(tmp_path: Path) -> None:
    """A package could be published that clients who read it by ranges cannot open."""
    assert "not deflate them" in refusal(make_conda(make_info(make_index()), method=zipfile.ZIP_DEFLATED), tmp_path)


def test_bombs(tmp_path: Path) -> None:
    """A small file could fill the memory of the machine."""
    zeros = zstd(bytes(INFO.produced + 1))
    bomb = make_zip([("metadata.json", b'{"conda_pkg_format_version": 2}'), ("info-a.tar.zst", zeros), ("pkg-a.tar.zst", b"")])
    assert len(bomb) < 100_000
    assert refusal(bomb, tmp_path) == "The info of the .conda file unpacks to more than 128 MiB"
    assert "1000 times its size" in refusal(bz2.compress(make_tar({"a": bytes(20 * 2**20)})), tmp_path, ".tar.bz2")
    assert "twice, or larger than 1 MiB" in refusal(make_tar_bz2({"info/index.json": bytes(2**20 + 1)}), tmp_path, ".tar.bz2")
    assert "more than" in refusal(make_conda({"info/index.json": bytes(4 * 2**20 + 1)}), tmp_path)


def test_info_first(tmp_path: Path) -> None:
    """A large package could be unpacked to its end to read what stands at its beginning."""
    whole = make_tar([*make_info(make_index()).items(), ("share/large", b"x")])
    damaged = bz2.compress(whole[: whole.index(b"share/large") + 512])
    assert read(damaged, tmp_path, ".tar.bz2").name == "toy"


@BOTH
def test_cut_short(tmp_path: Path, extension: str) -> None:
    """Half of a package could be published."""
    content = sample(extension=extension).content
    for size in (0, 1, 10, len(content) // 2):
        assert refusal(content[:size], tmp_path, extension)


@BOTH
def test_of_the_other_kind(tmp_path: Path, extension: str) -> None:
    """A package could be published under the extension of the other kind."""
    other = ".tar.bz2" if extension == ".conda" else ".conda"
    assert refusal(sample(extension=other).content, tmp_path, extension)


@BOTH
@given(data=st.data())
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, extension: str, data: st.DataObject) -> None:
    """Bytes that nobody thought of could be an error of the server's, or end the child that reads them."""
    good = sample(extension=extension).content
    at = data.draw(st.integers(0, len(good) - 1))
    content = data.draw(
        st.one_of(st.binary(max_size=200), st.binary(min_size=1, max_size=8).map(lambda piece: good[:at] + piece + good[at + len(piece) :]))
    )
    try:
        read(content, tmp_path_factory.getbasetemp(), extension)
    except Invalid:
        pass


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json(value: object) -> None:
    """A record that nobody thought of could be an error of the server's."""
    for content in (json.dumps(value), json.dumps({**make_index(), "x": value}), json.dumps({**make_index(), "depends": value})):
        for reader in (read_record, read_run_exports):
            try:
                reader(content.encode("utf-8", "surrogatepass"))
            except Invalid:
                pass
