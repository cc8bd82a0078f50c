"""What is read out of a podspec and an archive, and what is made of hostile ones."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload, TooLarge
from packhouse.formats.cocoapods import parse
from packhouse.model import Dependency

from .samples import describe, pack, pack_zip, podspec, sample, tar

MANY = 200


def read(tmp_path: Path, content: bytes) -> parse.Read:
    return parse.read_podspec(write(tmp_path, content))


def open_archive(tmp_path: Path, content: bytes) -> parse.Read:
    return parse.read_archive(write(tmp_path, content))


def write(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "file"
    path.write_bytes(content)
    return str(path)


# -- podspecs ----------------------------------------------------------------------------------------------------------


def test_podspec(tmp_path: Path) -> None:
    """What a podspec says could be lost, its order changed, or what is put at its end stand in it twice."""
    said = describe(subspecs=[{"name": "Core"}], dependencies={"Bar": ["~> 1.0", "< 1.5"], "Baz": []}, deprecated=True)
    one = read(tmp_path, json.dumps(said).encode())
    assert (one.name, one.version, one.marks) == ("toy", "1.0.0", {"deprecated": True})
    assert json.loads(one.source) == said["source"]
    kept = json.loads(one.podspec)
    assert list(kept.items()) == [(key, value) for key, value in said.items() if key not in ("source", "deprecated")]
    about = one.about
    assert (about.summary, about.readme, about.license, about.author, about.requires) == ("A toy", "Plays.", "MIT", "Zoë", "ios 13.0")
    assert about.links == {"Homepage": "https://toy.example", "Repository": "https://toy.example/toy.git"} and about.warnings == ()
    assert about.dependencies == (Dependency(name="Bar", range="~> 1.0, < 1.5"), Dependency(name="Baz"))


def test_facts(tmp_path: Path) -> None:
    """A podspec whose archive is here could point elsewhere, or one whose archive is elsewhere nowhere."""
    one = read(tmp_path, podspec(source={"http": "https://x.example/a.zip", "flatten": False, "headers": ["Authorization: secret"]}))
    hosted = msgspec.json.decode(msgspec.structs.replace(one, kind="tgz").write_facts(hosted=True))  # type: ignore[type-var]
    assert (hosted["kind"], hosted["flatten"], hosted["source"]) == ("tgz", False, None) and "secret" not in str(hosted)
    elsewhere = msgspec.json.decode(one.write_facts(hosted=False))
    assert elsewhere["source"]["http"] == "https://x.example/a.zip" and elsewhere["kind"] == ""


def test_warnings(tmp_path: Path) -> None:
    """A podspec could be refused over what only the linter wants, or nobody be told."""
    one = read(tmp_path, podspec(summary=None, homepage=None, license=None, authors=None))
    assert one.about.warnings == ("The podspec has no summary, homepage, license, authors: CocoaPods' linter asks for it",)
    assert read(tmp_path, podspec(authors=None, author="A")).about.warnings == ()


@pytest.mark.parametrize("odd", [None, 1, True, [], {}, [1, {}], {"a": 1}, "x\0y\u202e", ["a", None], {"": []}])
def test_odd_values(tmp_path: Path, odd: Any) -> None:
    """A page could fail over a value of another kind than usual."""
    fields = ("summary", "description", "homepage", "license", "authors", "author", "platforms", "dependencies", "documentation_url", "subspecs")
    about = read(tmp_path, podspec(**dict.fromkeys(fields, odd))).about
    assert "\0" not in repr(about) and "\u202e" not in repr(about)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "JSON"),
        (b"Pod::Spec.new do |s|\nend", "pod ipc spec"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'{"a":NaN}', "JSON"),
        (b"\xff{}", "JSON"),
        (b"[" * 5000, "JSON"),
        (b'{"name":"a","version":"1","x":' + b"[" * 60 + b"]" * 60 + b"}", "deeper"),
        (b'{"name":"\\ud800","version":"1"}', "JSON"),
        (podspec(name=None), "name"),
        (podspec(name=5), "name"),
        (podspec("a/b"), "invalid"),
        (podspec("../x"), "invalid"),
        (podspec("a\nb"), "invalid"),
        (podspec(version=None), "version"),
        (podspec(version=1.0), "version"),
        (podspec(version="1.0 "), "invalid"),
        (podspec(version=".1"), "invalid"),
        (podspec(source="x"), "object"),
        (podspec(source={}), "none"),
        (podspec(source={"git": "a", "http": "b"}), "git and http"),
        (podspec(source={"git": "a", "sha256": "b"}), "sha256"),
        (podspec(source={"git": ""}), "address"),
        (podspec(source={"git": ["a"]}), "address"),
        (podspec(source={"git": "--upload-pack=x"}), "dash"),
        (podspec(source={"git": "a", "tag": "--x"}), "dash"),
        (podspec(source={"git": "a\nb"}), "control"),
        (podspec(source={"git": "https://a", "tag": ["--upload-pack=x"]}), "text for tag"),
        (podspec(source={"git": "https://a", "submodules": "--x"}), "submodules"),
        (podspec(source={"http": "https://a", "flatten": ["-x"]}), "flatten"),
        (podspec(source={"http": "https://a", "headers": ["-K/x"]}), "dash"),
        (podspec(source={"http": "https://a", "headers": ["A: b", "A: b\r\nC: d"]}), "control"),
        (podspec(source={"http": "https://a", "headers": [["-K/x"]]}), "text for headers"),
        (podspec(source={"git": "ext::sh -c id"}), "none of https"),
        (podspec(source={"git": "ext::sh"}), "none of https"),
        (podspec(source={"git": "file:///etc"}), "none of https"),
        (podspec(source={"git": "../toy.git"}), "none of https"),
        (podspec(source={"git": "ssh://-oProxyCommand=x/y"}), "none of https"),
        (podspec(source={"git": "git@host:-x"}), "none of https"),
        (podspec(deprecated="yes"), "deprecated"),
        (podspec(deprecated_in_favor_of=1), "deprecated"),
    ],
)
def test_bad_podspecs(tmp_path: Path, content: bytes, reason: str) -> None:
    """A podspec could be taken that no client can use, or be refused without a word about what is wrong."""
    with pytest.raises(InvalidUpload, match=reason):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "address",
    ["https://a.example/b.git", "http://a:80/b", "ssh://git@a/b", "git://a/b.git", "git@a.example:b/c.git", "a:b.git", "git@a:/b.git", "HTTPS://A/b"],
)
def test_git_addresses(tmp_path: Path, address: str) -> None:
    """A podspec whose sources are where many have theirs could be refused."""
    one = read(tmp_path, podspec(source={"git": address, "tag": "1.0", "submodules": True}))
    assert json.loads(one.source)["git"] == address


def test_large_podspec(tmp_path: Path) -> None:
    """A podspec could be of any size, or one of many files be refused."""
    files = [f"Sources/{number:07}.swift" for number in range(60_000)]
    assert len(read(tmp_path, podspec(source_files=files[:30_000])).podspec) > 700_000
    with pytest.raises(TooLarge, match="1048576"):
        read(tmp_path, podspec(source_files=files))


# -- archives ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "tgz", "tbz", "txz"])
def test_archives(tmp_path: Path, kind: str) -> None:
    """An archive of a kind that the client unpacks could be refused, or be taken for another."""
    one = open_archive(tmp_path, sample(kind=kind).content)
    assert (one.name, one.version, one.kind, one.flatten) == ("toy", "1.0.0", kind, None)
    assert parse.read_kind(str(tmp_path / "file")) == kind


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_archive_with_one_folder(tmp_path: Path, kind: str) -> None:
    """The client leaves the folder of a zip archive in place, and finds no sources, unless it is told otherwise."""
    assert open_archive(tmp_path, sample(kind=kind, folder="toy-1.0.0/").content).flatten is True
    assert open_archive(tmp_path, sample(kind=kind, folder="./").content if kind == "tgz" else sample().content).flatten is None
    beside = pack({"toy/toy.podspec.json": podspec(), "README": b""}, kind)
    assert open_archive(tmp_path, beside).flatten is None
    said = sample(kind=kind, folder="toy/", source={"http": "https://toy.example/x.zip", "flatten": False})
    assert open_archive(tmp_path, said.content).flatten is False


def test_outermost_counts(tmp_path: Path) -> None:
    """A pod that holds the podspecs of others could be taken for one of these."""
    files = {"toy.podspec.json": podspec(), "Vendor/other.podspec.json": podspec("other"), "a/b/c.podspec.json": b"{}", ".podspec.json/x": b""}
    assert open_archive(tmp_path, pack_zip(files)).name == "toy"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no zip"),
        (b"x", "no zip"),
        (b"PK\x03\x04", "zip"),
        (tar({"toy.podspec.json": podspec()}), "no zip"),
        (b"\x1f\x8b", "archive|cut"),
        (pack_zip({"x": b""}), "has no"),
        (pack_zip({"toy.podspec": b"Pod::Spec.new"}), "has no"),
        (pack_zip({"a/b/toy.podspec.json": podspec()}), "has no"),
        (pack_zip({"toy.podspec.json": podspec(), "b.podspec.json": podspec("b")}), "2 podspecs"),
        (pack_zip({"a/toy.podspec.json": podspec(), "b/b.podspec.json": podspec("b")}), "2 podspecs"),
        (pack_zip({"Other.podspec.json": podspec()}), "must be called"),
        (pack_zip({"toy.podspec.json": b"{"}), "JSON"),
        (pack_zip({"toy.podspec.json": podspec(x="x" * 1024**2)}), "1048576"),
        (pack({"toy.podspec.json": podspec(x="x" * 1024**2)}, "tgz"), "1048576"),
        (pack_zip({"../toy.podspec.json": podspec()}), "leaves"),
        (sample().content[:-30], "zip"),
        (sample(kind="txz").content[:-40], "cut|xz|archive"),
    ],
)
def test_bad_archives(tmp_path: Path, content: bytes, reason: str) -> None:
    """An archive could be taken that says nothing of itself, or nobody learn what is wrong with it."""
    with pytest.raises(InvalidUpload, match=reason):
        open_archive(tmp_path, content)


def test_files_of_macos(tmp_path: Path) -> None:
    """What tar on macOS puts beside each file could be taken for a second podspec."""
    for kind in ("zip", "tgz"):
        assert (
            open_archive(tmp_path, pack({"._toy.podspec.json": b"\0", "toy.podspec.json": podspec(), "a/._b.podspec.json": b"\0"}, kind)).name
            == "toy"
        )


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_many_podspecs(tmp_path: Path, kind: str) -> None:
    """A small archive could have the reader hold thousands of podspecs in memory."""
    with pytest.raises(InvalidUpload, match="more than 64 podspecs"):
        open_archive(tmp_path, pack({f"{number}/x.podspec.json": b"{}" for number in range(65)}, kind))


def test_bombs(tmp_path: Path) -> None:
    """A small archive could keep a reader busy with gigabytes of nothing, or fill its memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("toy.podspec.json", b" " * 5 * 1024**2)
    with pytest.raises(InvalidUpload):
        open_archive(tmp_path, out.getvalue())
    for kind in ("tgz", "txz", "tbz"):
        with pytest.raises(InvalidUpload, match="more than"):
            open_archive(tmp_path, pack({"zeros": bytes(50 * 1024**2), "toy.podspec.json": podspec()}, kind))


def test_links(tmp_path: Path) -> None:
    """A link could be followed out of an archive, or one of a framework, which has some, be refused."""
    link = tarfile.TarInfo("Toy.framework/Toy")
    link.type, link.linkname = tarfile.SYMTYPE, "Versions/A/Toy"
    content = gzip.compress(tar({"toy.podspec.json": podspec()}, link))
    assert open_archive(tmp_path, content).name == "toy"
    outside = tarfile.TarInfo("toy.podspec.json")
    outside.type, outside.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(InvalidUpload):
        open_archive(tmp_path, gzip.compress(tar({}, outside)))


# -- whatever they are fed ---------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)
)


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_podspec(tmp_path: Path, content: bytes) -> None:
    """Bytes could break the reader in a way that nobody catches."""
    try:
        read(tmp_path, content)
    except InvalidUpload:
        pass


@given(st.sampled_from(sorted(describe())), JSON)
@settings(max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value(tmp_path: Path, field: str, value: Any) -> None:
    """A value could break the reader in a way that nobody catches, or what it made not be JSON."""
    try:
        one = read(tmp_path, json.dumps({**describe(), field: value}).encode())
    except InvalidUpload:
        return
    assert json.loads(one.write_facts(hosted=False))["podspec"]["name"] == one.name


@given(st.sampled_from(["zip", "tgz", "tbz", "txz"]), st.integers(0, 400), st.binary(min_size=1, max_size=8))
@settings(max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_archive(tmp_path: Path, kind: str, at: int, noise: bytes) -> None:
    """A damaged archive could break the reader in a way that nobody catches."""
    content = sample(kind=kind).content
    for spoiled in (content[:at] + noise + content[at + len(noise) :], content[:at] + noise):
        try:
            open_archive(tmp_path, spoiled)
        except InvalidUpload:
            continue
