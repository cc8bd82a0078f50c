"""What is read out of a cookbook and of a form, and what is made of hostile ones."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.chef import parse
from packhouse.model import Dependency

from .samples import cookbook, pack


def read(tmp_path: Path, content: bytes) -> parse.Read:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    return parse.read_cookbook(str(path))


def of(said: Any) -> bytes:
    """A cookbook with this metadata."""
    return pack({"toy/metadata.json": said if isinstance(said, bytes) else json.dumps(said).encode()})


def test_everything_that_is_said(tmp_path: Path) -> None:
    """Something that a document or a page shows could be lost."""
    content = cookbook(
        "apt", "2.9.2", description="Sets\nup\0 apt", source_url="https://git.example/apt", issues_url="javascript:x", long_description="long",
        platforms={"debian": ">= 11.0", "ubuntu": []}, dependencies={"yum": "~> 3.0", "Old": ["> 1.0"], "any": "", "same": "1.0"},
        chef_versions=[[">= 12", "< 15"], [">= 16"], 7],
    )  # fmt: skip
    found = read(tmp_path, content)
    assert (found.name, found.version) == ("apt", "2.9.2")
    facts = found.facts
    assert (facts.description, facts.maintainer, facts.license) == ("Sets\nup apt", "Zoë", "Apache-2.0")
    assert (facts.source_url, facts.issues_url) == ("https://git.example/apt", "")
    assert facts.supports == {"debian": ">= 11.0", "ubuntu": ">= 0.0.0"}
    assert facts.dependencies == {"yum": "~> 3.0", "Old": "> 1.0", "any": ">= 0.0.0", "same": "= 1.0"}
    about = found.about
    assert (about.summary, about.readme, about.requires) == ("Sets up apt", "long", "Chef >= 12, < 15 or >= 16")
    assert about.links == {"Source": "https://git.example/apt"} and Dependency(name="yum", range="~> 3.0") in about.dependencies


def test_the_least(tmp_path: Path) -> None:
    """A cookbook with a name and a version alone could be refused, or one in a folder of another name, or with what a Mac leaves beside it."""
    found = read(
        tmp_path, pack({"./._x": b"", "folder/metadata.json": b'\xef\xbb\xbf{"name":"toy","version":"1.0"}', "folder/README.md": b"# Toy \xff"})
    )
    assert (found.name, found.version, found.facts.dependencies, found.about.readme) == ("toy", "1.0", {}, "# Toy \ufffd")


LINK = tarfile.TarInfo("toy/metadata.json")
LINK.type, LINK.linkname = tarfile.SYMTYPE, "../../etc/passwd"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not with gz"),
        (b"x" * 2000, "not with gz"),
        (gzip.compress(b"x" * 2000), "tar archive"),
        (pack({"toy/metadata.rb": b"name 'toy'"}), "no toy/metadata.json"),
        (pack({"metadata.json": b"{}"}), "one folder"),
        (pack({"a/toy/metadata.json": b"{}"}), "no a/metadata.json"),
        (pack({"toy/metadata.json": b"{}", "other/x": b""}), "2 files and folders"),
        (pack({"toy/metadata.json": b"{}", "toy/METADATA.json": b"{}"}), "same file"),
        (pack({"toy/metadata.json": b"{}", "toy/../x": b""}), "x"),
        (pack({"toy/x": b""}, LINK), "leaves the archive"),
        (pack({"toy/metadata.json": b" " * 2_000_000}), "more than"),
        (of(b"{"), "not valid JSON"),
        (of(b"[" * 100_000), "not valid JSON"),
        (of([]), "JSON object"),
        (of({"version": "1.0"}), "no text name"),
        (of({"name": "toy"}), "no text version"),
        (of({"name": 1, "version": "1.0"}), "no text name"),
        (of({"name": "a b", "version": "1.0"}), "name 'a b'"),
        (of({"name": "toy", "version": "1.0.0-rc1"}), "Version"),
        (of({"name": "toy", "version": "1.0", "dependencies": []}), "dependencies must be"),
        (of({"name": "toy", "version": "1.0", "dependencies": {"a": ["> 1", "< 2"]}}), "one constraint"),
        (of({"name": "toy", "version": "1.0", "dependencies": {"a": 1}}), "one constraint"),
        (of({"name": "toy", "version": "1.0", "dependencies": {"a": [{}]}}), "one constraint"),
        (of({"name": "toy", "version": "1.0", "dependencies": {"a": "x"}}), "Constraint 'x'"),
        (of({"name": "toy", "version": "1.0", "dependencies": {"a/b": "1.0"}}), "name 'a/b'"),
        (of({"name": "toy", "version": "1.0", "dependencies": {f"a{number}": "1.0" for number in range(501)}}), "at most 500"),
        (of({"name": "toy", "version": "1.0", "dependencies": {f"a{number:0199}": "1.0" for number in range(90)}}), "at most 16384 bytes"),
        (of({"name": "toy", "version": "1.0", "platforms": {f"ä{number:0199}": "1.0" for number in range(90)}}), "at most 16384 bytes"),
        (of({"name": "toy", "version": "1.0", "platforms": {"a\n": "1.0"}}), "platforms has"),
        (of({"name": "toy", "version": "1.0", "platforms": {"a" * 300: "1.0"}}), "platforms has"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """A cookbook that no client can use could be taken, or be refused without a word about what is wrong."""
    with pytest.raises(InvalidUpload, match=reason):
        read(tmp_path, content)


def test_bombs(tmp_path: Path) -> None:
    """A small upload could keep a process busy for long, or become a large row."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, pack({"toy/zeros": bytes(30 * 1024 * 1024), "toy/metadata.json": b"{}"}))
    said = {
        "name": "toy",
        "version": "1.0",
        **dict.fromkeys(("description", "maintainer", "license", "source_url", "long_description"), "x" * 100000),
    }
    found = read(tmp_path, of({**said, "chef_versions": [["x" * 1000] * 100]}))
    assert len(found.facts.description) == 4000 and len(found.facts.maintainer) == len(found.facts.license) == 255
    assert len(found.about.readme) <= 256 * 1024 and len(found.about.requires) <= 255


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.binary(max_size=600), st.binary(max_size=600).map(gzip.compress), st.binary(max_size=300).map(of)))
def test_arbitrary_bytes(tmp_path: Path, content: bytes) -> None:
    """Some bytes could be the end of the reader instead of a refusal."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, content)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
KEYS = ("description", "maintainer", "license", "platforms", "dependencies", "source_url", "chef_versions", "long_description")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_arbitrary_metadata(tmp_path: Path, said: dict[str, Any]) -> None:
    """Metadata of odd types could be the end of the reader, or get into a document."""
    try:
        found = read(tmp_path, of({"name": "toy", "version": "1.0", **said}))
    except InvalidUpload:
        return
    facts = found.facts
    assert all(isinstance(text, str) for text in (facts.description, *facts.supports.values(), *facts.dependencies.values(), found.about.requires))


@pytest.mark.parametrize(
    ("texts", "category"),
    [([], "Other"), ([""], "Other"), (['{"category":"Web Servers"}'], "Web Servers"), (["{}"], "Other"), (['{"category":" "}'], "Other")],
)
def test_category(texts: list[str], category: str) -> None:
    """The category could be lost, or an upload without one be refused."""
    assert parse.read_category(texts) == category


@pytest.mark.parametrize(
    "texts",
    [["{"], ["[]"], ['"x"'], ['{"category":1}'], ['{"category":"a\\nb"}'], ['{"category":"' + "x" * 101 + '"}'], ["{}", "{}"], ["[" * 50_000]],
)
def test_bad_category(texts: list[str]) -> None:
    """A field of another shape could get into a document, or be the end of the handler."""
    with pytest.raises(InvalidUpload):
        parse.read_category(texts)


@given(st.text(max_size=200))
def test_arbitrary_field(text: str) -> None:
    """Some text could be the end of the reader instead of a refusal."""
    try:
        assert isinstance(parse.read_category([text]), str)
    except InvalidUpload:
        pass
