"""Frames, documents, crates and whether they agree; whatever the bytes, a plain refusal."""

from __future__ import annotations

import hashlib
import json
import struct
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidUpload, TooLarge
from packhouse.formats.cargo import parse
from packhouse.formats.cargo.parse.crate import MANIFEST_LIMIT, Crate, clean_target, read_manifest
from packhouse.formats.cargo.parse.frame import DOCUMENT_LIMIT
from packhouse.formats.cargo.parse.requirements import clean_requirement
from packhouse.model import PartEnd, PartStart, Spooled, Upload

from . import samples
from .samples import Sample, dep, frame, gzip_of, sample

FOLDER = "toy-1.0.0"
HEAD = b'[package]\nname = "toy"\nversion = "1.0.0"\n'
OWN = ("sparse+https://packhouse.example/api/v4/projects/7/packages/cargo",)


# -- frames ------------------------------------------------------------------------------------------------------------


def split(body: bytes, step: int) -> dict[str, bytes]:
    """The parts of a body that arrives in pieces of this size."""
    splitter = parse.FrameSplitter()
    pieces = [piece for start in range(0, len(body), step) for piece in splitter.feed(body[start : start + step])]
    parts: dict[str, bytes] = {}
    open_, held = "", b""
    for piece in (*pieces, *splitter.end()):
        if isinstance(piece, PartStart):
            assert piece.file is (piece.name == parse.CRATE)
            open_, held = piece.name, b""
        elif isinstance(piece, PartEnd):
            parts[open_] = held
        else:
            held += piece
    return parts


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 90))
def test_parts(document: bytes, crate: bytes, step: int) -> None:
    """A part could lose bytes, or gain some of the other, by where the network cuts the body."""
    assert split(frame(document, crate), step) == {"document": document, "crate": crate}


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_cut_short(step: int) -> None:
    """An upload that broke off could be published as far as it came."""
    whole = frame(b'{"a":1}', b"crate")
    for end in range(len(whole)):
        with pytest.raises(InvalidUpload, match="cut short"):
            split(whole[:end], step)


@pytest.mark.parametrize("step", [1, 1000])
def test_bytes_behind(step: int) -> None:
    """Something could be smuggled in behind the crate."""
    with pytest.raises(InvalidUpload, match="behind the crate"):
        split(frame(b"{}", b"crate") + b"x", step)


def test_lengths_are_bounded() -> None:
    """A document or a crate of any size could be taken into memory, or on disk, before it is refused."""
    for head in (struct.pack("<I", DOCUMENT_LIMIT + 1), struct.pack("<I", 2) + b"{}" + struct.pack("<I", parse.MAX_FILE_SIZE + 1)):
        with pytest.raises(TooLarge) as refused:
            list(parse.FrameSplitter().feed(head))
        assert refused.value.detail["limit"] in (DOCUMENT_LIMIT, parse.MAX_FILE_SIZE)


# -- documents ---------------------------------------------------------------------------------------------------------


def document(**changes: Any) -> bytes:
    return json.dumps({**sample().document, **changes}).encode()


def test_a_document_is_read() -> None:
    """What a client says of a crate could be read as something else."""
    read = parse.read_document(document(deps=[dep("bar", "^1.2", kind="build", explicit_name_in_toml="baz")], features={"a": ["dep:baz"]}))
    assert (read.name, read.vers, read.license) == ("toy", "1.0.0", "MIT")
    assert (read.deps[0].name, read.deps[0].explicit_name_in_toml, read.deps[0].kind) == ("bar", "baz", "build")
    assert read.features == {"a": ("dep:baz",)}


def test_what_may_be_left_out() -> None:
    """A client that says no more than it must could be refused."""
    read = parse.read_document(b'{"name":"toy","vers":"1.0.0","deps":[{"name":"a","version_req":"*"}]}')
    assert (read.deps[0].kind, read.deps[0].default_features, read.deps[0].registry) == ("normal", True, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "0test"}, {"name": None}, {"name": 7}, {"vers": "-1.0.0"}, {"vers": ""}, {"deps": None}, {"deps": [{}]}, {"deps": [dep("a b")]},
        {"deps": [dep("a", "nonsense")]}, {"deps": [dep("a", "")]}, {"deps": [dep("a", kind="other")]}, {"deps": [dep("a", registry="")]},
        {"deps": [dep("a", registry="https://a b")]}, {"deps": [dep("a", target="")]}, {"deps": [dep("a", target="cfg(\n)")]},
        {"deps": [dep("a", explicit_name_in_toml="a/b")]}, {"deps": [dep("a", features=["x y"])]}, {"features": {"a b": []}},
        {"features": {"a": [""]}}, {"features": []}, {"links": "a\nb"}, {"links": ""},
    ],
)  # fmt: skip
def test_documents_refused(changes: Mapping[str, Any]) -> None:
    """A document could bring into the index what clients cannot read, and take every version of the crate with it."""
    with pytest.raises(Invalid):
        parse.read_document(document(**changes))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"name":"\xff"}', b"[" * 100_000, b'{"x":' * 50_000, b'{"name":"\\ud800"}'])
def test_bytes_that_are_no_document(data: bytes) -> None:
    """Bytes that are no document could be an error of ours."""
    with pytest.raises(InvalidUpload):
        parse.read_document(data)


@given(st.binary(max_size=60))
def test_any_bytes_for_a_document(data: bytes) -> None:
    """Some bytes could break the reader."""
    with pytest.raises(Invalid):
        parse.read_document(data)


# -- requirements ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("1.2", "^1.2"), ("^1.2", "^1.2"), (" 1 ", "^1"), ("*", "*"), ("X", "*"), ("1.*", "1.*"), ("1.x", "1.*"), ("1.*.*", "1.*"),
        ("1.2.*", "1.2.*"),
        (">=1.0,<2", ">=1.0, <2"), ("= 1.2.3", "=1.2.3"), ("~1.2", "~1.2"), ("1.0.0-rc.1", "^1.0.0-rc.1"), ("=1.0.0+build", "=1.0.0"),
        ("> 1, < 3.1", ">1, <3.1"), ("=1.*", "=1"),
    ],
)  # fmt: skip
def test_requirements(said: str, clean: str) -> None:
    """What Cargo writes for a requirement could seem another one than the manifest's."""
    assert clean_requirement(said) == clean
    assert clean_requirement(clean) == clean


@pytest.mark.parametrize("text", ["", " ", ",", "1,", "a", "1.2.3.4", "==1", "1 2", "01", "v1", "^", "1" * 600, "9" * 30])
def test_requirements_refused(text: str) -> None:
    """A requirement that clients cannot read could be listed."""
    with pytest.raises(InvalidUpload):
        clean_requirement(text)


def test_targets() -> None:
    """A target that Cargo writes with other blanks could seem another one."""
    assert clean_target('cfg(any(unix,target_os="x",))') == clean_target('cfg(any(unix, target_os = "x"))')
    assert clean_target("cfg(unix)") != clean_target("cfg(windows)")


# -- crates ------------------------------------------------------------------------------------------------------------


def read(content: bytes, folder: Path) -> Crate:
    """The crate as a child process answers: through its wire form."""
    path = folder / "it.crate"
    path.write_bytes(content)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(parse.read_crate(str(path), FOLDER)), type=Crate)


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


GOOD = {f"{FOLDER}/Cargo.toml": HEAD}


def test_a_crate_is_read(tmp_path: Path) -> None:
    """The smallest good crate could be refused, or one with folders of its own."""
    folders = (member(FOLDER, tarfile.DIRTYPE), member(f"{FOLDER}/src", tarfile.DIRTYPE))
    for content in (sample().content, gzip_of(samples.tar(GOOD, *folders))):
        assert (read(content, tmp_path).name, read(content, tmp_path).version) == ("toy", "1.0.0")


HOSTILE: Mapping[str, bytes] = {
    "no archive": b"test",
    "nothing": b"",
    "not packed": samples.tar(GOOD),
    "cut": sample().content[:-30],
    "no manifest": gzip_of(samples.tar({f"{FOLDER}/src/lib.rs": b""})),
    "manifest in small letters": gzip_of(samples.tar({f"{FOLDER}/cargo.toml": HEAD})),
    "two manifests": gzip_of(samples.tar({**GOOD, f"{FOLDER}/cargo.toml": HEAD})),
    "manifest elsewhere": gzip_of(samples.tar({"Cargo.toml": HEAD})),
    "manifest deeper": gzip_of(samples.tar({f"{FOLDER}/a/Cargo.toml": HEAD})),
    "another folder": gzip_of(samples.tar({"toy-2.0.0/Cargo.toml": HEAD})),
    "a file beside": gzip_of(samples.tar({**GOOD, "evil": b""})),
    "a folder of a longer name": gzip_of(samples.tar({**GOOD, f"{FOLDER}0/evil": b""})),
    "a folder beside": gzip_of(samples.tar(GOOD, member("other", tarfile.DIRTYPE))),
    "up": gzip_of(samples.tar({**GOOD, f"{FOLDER}/../evil": b""})),
    "absolute": gzip_of(samples.tar({**GOOD, "/etc/evil": b""})),
    "symbolic link": gzip_of(samples.tar(GOOD, member(f"{FOLDER}/link", tarfile.SYMTYPE, "Cargo.toml"))),
    "link out": gzip_of(samples.tar(GOOD, member(f"{FOLDER}/link", tarfile.SYMTYPE, "/etc/passwd"))),
    "hard link": gzip_of(samples.tar(GOOD, member(f"{FOLDER}/link", tarfile.LNKTYPE, f"{FOLDER}/Cargo.toml"))),
    "device": gzip_of(samples.tar(GOOD, member(f"{FOLDER}/null", tarfile.CHRTYPE))),
    "fifo": gzip_of(samples.tar(GOOD, member(f"{FOLDER}/pipe", tarfile.FIFOTYPE))),
    "long manifest": gzip_of(samples.tar({f"{FOLDER}/Cargo.toml": HEAD + b"#" * MANIFEST_LIMIT})),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_crates_refused(what: str, tmp_path: Path) -> None:
    """A crate that unpacks elsewhere, or to something else than files, could be published."""
    with pytest.raises(InvalidUpload):
        read(HOSTILE[what], tmp_path)


def test_a_bomb(tmp_path: Path) -> None:
    """A small crate could unpack to more than any disk holds."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(samples.tar({**GOOD, f"{FOLDER}/zeros": bytes(64 * 1024**2)})) + packer.flush()
    with pytest.raises(InvalidUpload):
        read(packed, tmp_path)


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_any_bytes_for_a_crate(tmp_path: Path, data: bytes) -> None:
    """Some bytes could break the reader."""
    for content in (data, gzip_of(data)):
        with pytest.raises(InvalidUpload):
            read(content, tmp_path)


# -- manifests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "toml",
    [
        "", "[package]", '[package]\nname = "a"', '[package]\nname = 1\nversion = "1.0.0"', "package = 1", "[[package]]", "a = [" * 5000, "\x00",
        '[package]\nname = "a"\nversion = { workspace = true }', "dependencies = 1\n" + HEAD.decode(), HEAD.decode() + "[dependencies]\na = 1",
        HEAD.decode() + "[dependencies]\na = { version = 1 }", HEAD.decode() + '[dependencies]\na = { version = "1", features = "x" }',
        HEAD.decode() + "[features]\na = 1", HEAD.decode() + "[target]\nx = 1", HEAD.decode() + "links = 1",
        HEAD.decode() + '[dependencies]\na = "?"',
    ],
)  # fmt: skip
def test_manifests_refused(toml: str) -> None:
    """A manifest that Cargo cannot read could be published, or be an error of ours."""
    with pytest.raises(InvalidUpload):
        read_manifest(toml.encode())


@given(st.text(max_size=80))
def test_any_text_for_a_manifest(text: str) -> None:
    """Some text could break the reader."""
    with pytest.raises(InvalidUpload):
        read_manifest(text.encode("utf-8", "surrogatepass"))


# -- agreement, and what is stored -------------------------------------------------------------------------------------


def make(new: Sample, folder: Path) -> Upload:
    path = folder / new.filename
    path.write_bytes(new.content)
    crate = parse.read_crate(str(path), f"{new.name}-{new.version}")
    sha256 = hashlib.sha256(new.content).hexdigest()
    content = Spooled(path=str(path), size=len(new.content), sha256=sha256, md5="", sha1="", sha512="")
    return parse.make_upload(parse.read_document(json.dumps(new.document).encode()), crate, content, OWN)


MANIFEST = """\
links = "z"
rust-version = "1.70"
[features]
default = ["more"]
more = ["dep:zed", "bar?/x"]
[dependencies]
bar = ">= 1, <3"
zed = { package = "real-zed", version = "0.3", optional = true, default-features = false, features = ["b", "a"] }
[build-dependencies]
bar = "2"
[dev-dependencies]
left-out = "1"
[target.'cfg(any(unix,windows))'.dependencies]
bar = { version = "1.*", registry-index = "sparse+https://registry.example/" }
"""
DEPS = [
    dep("real-zed", "^0.3", explicit_name_in_toml="zed", optional=True, default_features=False, features=["b", "a"]),
    dep("bar", "1.*", target="cfg(any(unix, windows))", registry="sparse+https://registry.example/"),
    dep("bar", "^2", kind="build", registry=OWN[0] + "/"),
    dep("bar", ">=1, <3"),
    dep("dev-only", "^1", kind="dev"),
]
FEATURES = {"more": ["dep:zed", "bar?/x"], "default": ["more"]}


def rich(**changes: Any) -> Sample:
    return sample(manifest=MANIFEST, **{"deps": DEPS, "features": FEATURES, "links": "z", **changes})


def test_what_is_stored(tmp_path: Path) -> None:
    """A line of the index could say something else than the document: renames, registries and the order of dependencies."""
    [file] = make(rich(), tmp_path).files
    line = json.loads(file.facts)["line"]
    assert file.path == "toy-1.0.0.crate"
    assert [(each["name"], each["kind"], each["package"], each["registry"]) for each in line["deps"]] == [
        ("bar", "normal", None, None),
        ("bar", "normal", None, "sparse+https://registry.example/"),
        ("bar", "build", None, None),
        ("dev-only", "dev", None, None),
        ("zed", "normal", "real-zed", None),
    ]
    assert line["deps"][-1] == {
        "name": "zed", "req": "^0.3", "features": ["b", "a"], "optional": True, "default_features": False, "target": None, "kind": "normal",
        "registry": None, "package": "real-zed",
    }  # fmt: skip
    assert (line["features"], line["links"], line["rust_version"], line["v"]) == (FEATURES, "z", "1.70", 2)
    assert file.about is not None
    assert (file.about.summary, file.about.license, file.about.requires, file.about.links) == (
        "A toy", "MIT", "Rust 1.70", {"Repository": "https://code.example/toy"},
    )  # fmt: skip


def without(index: int, **changes: Any) -> list[dict[str, Any]]:
    """The dependencies with one of them changed, or left out."""
    return [{**each, **changes} if place == index else each for place, each in enumerate(DEPS) if changes or place != index]


DIFFERENT: Mapping[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "other"}, "the name"),
    "version": ({"vers": "1.0.1"}, "the version"),
    "links": ({"links": None}, "links"),
    "features": ({"features": {**FEATURES, "default": []}}, "the features"),
    "one left out": ({"deps": without(0)}, "dependency zed"),
    "one more": ({"deps": [*DEPS, dep("evil")]}, "dependency evil"),
    "requirement": ({"deps": without(3, version_req="^1")}, "dependency bar"),
    "package behind a name": ({"deps": without(0, name="evil")}, "dependency zed"),
    "optional": ({"deps": without(0, optional=False)}, "dependency zed"),
    "default features": ({"deps": without(0, default_features=True)}, "dependency zed"),
    "features of one": ({"deps": without(0, features=["a"])}, "dependency zed"),
    "kind": ({"deps": without(2, kind="normal")}, "dependency bar"),
    "target": ({"deps": without(1, target="cfg(unix)")}, "dependency bar"),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_disagreement(what: str, tmp_path: Path) -> None:
    """The index could say other things of a crate than its manifest, so that nobody knows what they build."""
    changes, named = DIFFERENT[what]
    original = rich()
    with pytest.raises(InvalidUpload, match=named):
        make(Sample("toy", "1.0.0", original.content, {**original.document, **changes}), tmp_path)
