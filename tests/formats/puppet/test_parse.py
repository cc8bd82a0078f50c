"""What is read out of a module and out of the body of a publish, and what is made of hostile ones."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import random
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidUpload, TooLarge
from packhouse.formats.puppet.parse import Read, ReleaseSplitter, read_module
from packhouse.formats.puppet.parse.metadata import DEEPEST, LARGEST, MOST, MOST_TAGS, TEXTS, read_metadata
from packhouse.formats.puppet.parse.module import LIMITS
from packhouse.model import Dependency, PartEnd, PartStart

from .samples import describe, pack, sample

TOP = "acme-toy-1.0.0"
MEMBER = {f"{TOP}/metadata.json": describe()}


def read(tmp_path: Path, content: bytes) -> Read:
    path = tmp_path / "module"
    path.write_bytes(content)
    return read_module(str(path))


def module(metadata: bytes = describe(), **files: bytes) -> bytes:
    return pack({f"{TOP}/metadata.json": metadata, **{f"{TOP}/{name.replace('__', '.')}": content for name, content in files.items()}})


# -- modules -----------------------------------------------------------------------------------------------------------


def test_what_a_module_says(tmp_path: Path) -> None:
    """What people or clients read of a module could be lost, or be told in other words."""
    needs = [{"name": "acme/base", "version_requirement": ">= 1.0.0 < 2.0.0"}, {"name": "acme-other"}]
    said = {
        "dependencies": needs, "tags": ["time", "ntp"], "pdk-version": "3.0.0", "project_page": "https://toy.example", "issues_url": "javascript:x",
        "requirements": [{"name": "puppet", "version_requirement": ">= 7.0.0"}], "operatingsystem_support": [{"operatingsystem": "Debian"}],
    }  # fmt: skip
    metadata = describe("acme/toy", **said)
    found = read(tmp_path, module(metadata, README__md=b"# Toy\n", CHANGELOG=b"## 1.0.0\n", LICENSE=b"Apache\n"))
    assert (found.name, found.version, found.summary, found.tags, found.pdk) == ("acme-toy", "1.0.0", "A toy", ("time", "ntp"), True)
    told = json.loads(found.release)
    assert told == {"metadata": json.loads(metadata), "readme": "# Toy\n", "changelog": "## 1.0.0\n", "license": "Apache\n"}
    about = found.about
    assert (about.summary, about.license, about.author, about.keywords) == ("A toy", "Apache-2.0", "Zoë", ("time", "ntp"))
    assert about.links == {"Source": "https://code.example/toy", "Homepage": "https://toy.example"}
    assert about.dependencies == (Dependency(name="acme/base", range=">= 1.0.0 < 2.0.0"), Dependency(name="acme-other"))
    assert (about.requires, about.readme, about.readme_type) == ("puppet >= 7.0.0", "# Toy\n", "text/markdown")


def test_smallest(tmp_path: Path) -> None:
    """A module without texts could be refused, or with folders and `./` in front of each name."""
    assert json.loads(read(tmp_path, module()).release) == {"metadata": json.loads(describe())}
    folder = tarfile.TarInfo(f"./{TOP}/")
    folder.type = tarfile.DIRTYPE
    assert read(tmp_path, pack({f"./{TOP}/metadata.json": describe()}, folder)).name == "acme-toy"


def test_texts_are_cut(tmp_path: Path) -> None:
    """A text of a small upload could become a row without bound, or hold what a page or a database cannot."""
    texts = {"README": b"\x00\x01a\xff" + b"\x1b" * 10**5, "changelog.txt": b"\xff" * 10**5, "License.txt": "é".encode() * 10**5}
    ballast = random.Random(1).randbytes(10**4)  # so that the archive is not refused for what it unpacks to
    found = read(tmp_path, pack({**MEMBER, f"{TOP}/x": ballast, **{f"{TOP}/{name}": text for name, text in texts.items()}}))
    told = json.loads(found.release)
    assert told["readme"] == "a\ufffd" and found.about.readme_type == "text/plain"
    assert len(told["changelog"].encode()) <= LIMITS["changelog"] and len(told["license"].encode()) <= LIMITS["license"] == 32768
    assert len(found.release) < 400_000


def test_texts_elsewhere(tmp_path: Path) -> None:
    """A text of a folder below could be taken for that of the module."""
    content = pack(
        {f"{TOP}/metadata.json": describe(), f"{TOP}/spec/README.md": b"no", f"{TOP}/metadata.json.md": b"no", f"{TOP}/readme.markdown": b"yes"}
    )
    assert json.loads(read(tmp_path, content).release)["readme"] == "yes"


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no module"),
        (b"x" * 600, "no module"),
        (bz2.compress(b"x" * 600), "no module"),
        (gzip.compress(b"x" * 600), "no module"),
        (gzip.decompress(module()), "no module"),
        (module()[:-20], "no module"),
        (pack({}), "one folder"),
        (pack({"metadata.json": describe()}), "one folder"),
        (pack({**MEMBER, "other/file": b""}), "one folder"),
        (pack({**MEMBER, "file": b""}), "one folder"),
        (pack({**MEMBER, f"{TOP}/../x": b""}), "'..'"),
        (pack({**MEMBER, "/etc/x": b""}), "absolute"),
        (pack(MEMBER, link(f"{TOP}/a", "metadata.json")), "link"),
        (pack(MEMBER, link(f"{TOP}/a", "../../etc/passwd")), "Link"),
        (pack(MEMBER, link(f"{TOP}/a", f"{TOP}/metadata.json", tarfile.LNKTYPE)), "link"),
        (pack({f"{TOP}/init.pp": b""}), "no metadata.json"),
        (pack({f"{TOP}/sub/metadata.json": describe()}), "no metadata.json"),
        (pack({"toy/metadata.json": describe()}), "lies in the folder"),
        (pack({"acme-toy-1.0.1/metadata.json": describe()}), "lies in the folder"),
        (pack({"Acme-toy-1.0.0/metadata.json": describe()}), "lies in the folder"),
        (pack({**MEMBER, f"{TOP}/METADATA.JSON": describe(version="2.0.0")}), "same file"),
        (module(README=bytes(3 * 1024**2)), "more than"),
        (pack({**MEMBER, f"{TOP}/bomb": bytes(100 * 1024**2)}), "module"),
    ],
)  # fmt: skip
def test_hostile_archives(tmp_path: Path, content: bytes, reason: str) -> None:
    """An archive could be taken that unpacks to another place, to another module than is listed, or to more than a machine holds."""
    with pytest.raises(InvalidUpload, match=reason):
        read(tmp_path, content)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes of whatever kind could end in another error than a refusal."""
    whole = bytearray(gzip.decompress(sample().content))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    for content in (bytes(whole), gzip.compress(bytes(whole)), data.draw(st.binary(max_size=300))):
        try:
            read(tmp_path, content)
        except Invalid:
            pass


# -- metadata ----------------------------------------------------------------------------------------------------------


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BAD_ADDRESSES = ("not a uri", "", 5, "ftp://x.example", "https://x.example/a b", "https://x.example/\n", "http://[", "https://x/%zz", "https://x:y",
                 "https://" + "x" * 1000)  # fmt: skip


@pytest.mark.parametrize("address", [None, "https://code.example:8443/toy-1/a%20b", "http://code.example"])
def test_repositories(address: str | None) -> None:
    """A dependency that says where it comes from could be refused."""
    assert read_metadata(describe(dependencies=[{"name": "acme/x", "repository": address}])).name == "acme-toy"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "JSON"), (b"{", "JSON"), (b"\xff", "JSON"), (b"[]", "object"), (b"\xef\xbb\xbf" + describe(), "JSON"), (b'{"a": NaN}', "JSON"),
        (b'{"name": 1e999}', "JSON"), (b"[" * 5000 + b"]" * 5000, "JSON"),
        *((describe(**{key: None}), key) for key in (*TEXTS, "dependencies")),
        *((describe(**{key: 5}), key) for key in (*TEXTS, "dependencies", "tags", "requirements")),
        (describe(name="toy"), "Module name"), (describe(name="acme/toy/x"), "Module name"), (describe(name="acme-Toy"), "small letters"),
        (describe(name="Acme-toy"), "small letters"),
        (describe(version="1.0"), "semantic"), (describe(summary="\x1b[31m"), "control"), (describe(author="a\u0085b"), "control"),
        (describe(summary="x" * 1001), "characters"), (describe(tags=["x" * 51]), "tag"),
        (describe(tags=["x"] * (MOST_TAGS + 1)), "tags"), (describe(tags=[5]), "tags"),
        (describe(dependencies=["acme/x"]), "dependencies"), (describe(dependencies=[{}]), "dependencies"),
        (describe(dependencies=[{"name": "acme/x", "version_requirement": 5}]), "dependencies"),
        (describe(dependencies=[{"name": "x"}]), "Module name"),
        (describe(dependencies=[{"name": "acme/x"}] * (MOST + 1)), "dependencies"), (describe(dependencies={"acme/x": "1"}), "dependencies"),
        *((describe(dependencies=[{"name": "acme/x", "repository": bad}]), "repository") for bad in BAD_ADDRESSES),
        (describe(x=deep(DEEPEST)), "nested"), (describe(x="x" * LARGEST), "bytes"),
    ],
)  # fmt: skip
def test_hostile_metadata(content: bytes, reason: str) -> None:
    """A record could be stored that breaks a client's reading of a whole list, or that grows every list without bound."""
    with pytest.raises(Invalid, match=reason):
        read_metadata(content)


def test_deepest() -> None:
    """Metadata that clients can read could be refused."""
    assert read_metadata(describe(x=deep(DEEPEST - 2))).name == "acme-toy"


KEYS = st.sampled_from(["name", "version", "tags", "dependencies", "requirements", "version_requirement", "x"])
LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=5)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8))
def test_any_metadata(value: Any) -> None:
    """JSON of whatever shape could end in another error than a refusal."""
    usual = json.loads(describe())
    for said in (value, {**usual, **value} if isinstance(value, dict) else {**usual, "dependencies": value, "tags": value}):
        try:
            read_metadata(json.dumps(said).encode())
        except Invalid:
            pass


# -- the body of a publish ---------------------------------------------------------------------------------------------


def split(pieces: Iterable[bytes]) -> bytes:
    """The file in a body that comes in pieces."""
    splitter = ReleaseSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)] + list(splitter.end())
    assert [event for event in events if isinstance(event, PartStart | PartEnd)][:2] == [PartStart(name="file", file=True), PartEnd()]
    return b"".join(event for event in events[: events.index(PartEnd())] if isinstance(event, bytes))


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["\n", "\r\n", ""]), st.integers(1, 70), st.integers(1, 40))
@example(b"\xff\xff\xff", "\n", 1, 1)
def test_base64_with_line_breaks(content: bytes, ending: str, width: int, cut: int) -> None:
    """What Ruby writes could be refused, or come out as other bytes where a piece of the body ends inside of an escape."""
    digits = base64.b64encode(content).decode()
    lines = "".join(f"{digits[at : at + width]}{ending}" for at in range(0, len(digits), width))
    body = json.dumps({"a": "\\n\\\\n", "file": lines.replace("/", "\\/")}).replace("\\\\/", "\\/").encode()
    assert split(body[at : at + cut] for at in range(0, len(body), cut)) == content


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]x", b'{"file": "====" }', b'{"file": "AAA"}', b'{"file": "A A="}', b'{"file": "AAAA", "file": "AAAA"}',
        b'{"file": "AA\\\\n=="}',
        b'{"file": "AA\nAA"}', b'{"file": "AAAA\\t"}',
        b'{"file": "AAAA"', b'{"file": "AAAA\\"}', b'{"file": "AAAA"}\\',
    ],
)  # fmt: skip
def test_bad_bodies(body: bytes) -> None:
    """A body that is no publish could be taken for one."""
    with pytest.raises(InvalidUpload):
        split([body])


def test_body_is_bounded() -> None:
    """What is beside the file could fill the memory."""
    with pytest.raises(TooLarge):
        split([b'{"x": "' + b"x" * 70_000 + b'"}'])


@given(st.binary(max_size=200), st.integers(1, 20))
def test_any_body(body: bytes, cut: int) -> None:
    """Bytes of whatever kind could end in another error than a refusal."""
    splitter = ReleaseSplitter()
    try:
        for at in range(0, len(body), cut):
            list(splitter.feed(body[at : at + cut]))
        list(splitter.end())
    except (Invalid, TooLarge):
        pass


def test_tar_of_samples() -> None:
    """The samples could be something else than what PDK makes."""
    with tarfile.open(fileobj=io.BytesIO(sample().content)) as archive:
        assert archive.getnames() == [f"{TOP}/metadata.json", f"{TOP}/manifests/init.pp"]
