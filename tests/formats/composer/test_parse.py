"""composer.json, uploaded zips, and what export-ignore leaves out."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidName, InvalidUpload
from packhouse.formats.composer import names, parse, source
from packhouse.model import GitEntry

from . import samples

GOOD = b'{"name": "acme/lib"}'


@pytest.mark.parametrize(
    "data",
    [
        None, b"", b" \n", b"{", b"[]", b"null", b'"x"', b'{"name": "a/b", "name": "a/c"}', b'{"name": "a/b", "x": NaN}', b"\xff",
        b'{"name": "a/b", "x": 1e999}', b'{"name": "a/b", "x": ' + b"9" * 5000 + b"}",
        b'{"name": "a/b", "x": "\\ud800"}', b'{"name": "a/b", "\\ud800": 1}', b'{"name": "a/b", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": "a/b", "x": ' + b'{"y":' * 64 + b"1" + b"}" * 65, b"PK\x03\x04", GOOD.decode().encode("utf-16"),
    ],
)  # fmt: skip
def test_bad_manifest(data: bytes | None) -> None:
    """A composer.json that cannot be read could be published, or break the server."""
    with pytest.raises(InvalidUpload):
        parse.read_manifest(data)


@pytest.mark.parametrize(
    "name", ["null", "7", '["a/b"]', '"lib"', '"Acme/lib"', '"acme/l\\u0000b"', '"acme/../b"', '"acme/lib$x"', '"../b"', '"\\u212a/b"']
)
def test_bad_name(name: str) -> None:
    """A name that Composer refuses, or that means something in an address, could be published."""
    with pytest.raises(InvalidName):
        parse.read_manifest(b'{"name": ' + name.encode() + b"}")


def test_manifest() -> None:
    """What is the registry's to say could be taken from the file, or the rest of it be lost."""
    given_ = {"name": "acme/lib", "version": "9", "dist": {"url": "https://evil.example"}, "source": 1, "time": 2, "extra": {"ä": [1.5, None, True]}}
    found = parse.read_manifest(b"\xef\xbb\xbf" + json.dumps(given_).encode())
    assert json.loads(found.text) == {"name": "acme/lib", "extra": {"ä": [1.5, None, True]}}
    assert found.version == "9"


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_about_of_anything(value: object) -> None:
    """A composer.json with odd values where texts belong could not be published, or break its page."""
    keys = ("description", "license", "authors", "support", "homepage", "keywords", "require")
    parse.read_about(json.dumps({"name": "acme/lib", **dict.fromkeys(keys, value)}))
    parse.read_about(json.dumps({key: [value] for key in keys}))


# -- zips --------------------------------------------------------------------------------------------------------------


def read(tmp_path: Path, *files: tuple[str | zipfile.ZipInfo, bytes]) -> parse.Uploaded:
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return parse.read_package_zip(str(path))


@pytest.mark.parametrize("top", ["", "acme-lib-1.0.0/"])
def test_zip(top: str, tmp_path: Path) -> None:
    """A zip as Composer packs it, or as a forge does, could be refused, or another composer.json be taken for its own."""
    other = (f"{top}vendor/x/composer.json", b'{"name": "evil/lib"}')
    found = read(tmp_path, other, (f"{top}composer.json", GOOD), (f"{top}README.md", b"# Lib\n"))
    assert (found.manifest.name, found.readme) == ("acme/lib", "# Lib\n")


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "files",
    [
        [],
        [("a.php", b"")],
        [("a/composer.json", GOOD), ("b/composer.json", GOOD)],
        [("a/composer.json", GOOD), ("b.php", b"")],
        [("../evil.php", b""), ("composer.json", GOOD)],
        [("/etc/evil", b""), ("composer.json", GOOD)],
        [("a\\..\\..\\evil.php", b""), ("composer.json", GOOD)],
        [("C:evil.php", b""), ("composer.json", GOOD)],
        [("composer.json", GOOD), ("Composer.json", GOOD)],
        [(link("a"), b"/tmp"), ("a/evil.php", b""), ("composer.json", GOOD)],
        [("bomb", bytes(64 * parse.MIB)), ("composer.json", GOOD)],
        [("composer.json", b'{"name": "acme/lib", "x": "' + b"a" * parse.MIB + b'"}')],
    ],
    ids=["empty", "no manifest", "two", "not the only top", "up", "absolute", "backslash", "drive", "twins", "through a link", "bomb", "large"],
)
def test_hostile_zip(files: list[tuple[str | zipfile.ZipInfo, bytes]], tmp_path: Path) -> None:
    """A zip that writes elsewhere, fills a disk or can be read in two ways could be handed on to clients."""
    with pytest.raises(InvalidUpload):
        read(tmp_path, *files)


def test_sample_is_a_package(tmp_path: Path) -> None:
    """The samples of this suite could be no packages."""
    path = tmp_path / "sample.zip"
    path.write_bytes(samples.sample().content)
    assert parse.read_package_zip(str(path)).manifest.name == "acme/toy"


# -- archives ----------------------------------------------------------------------------------------------------------


def choose(paths: tuple[str, ...], **attributes: bytes) -> list[str]:
    entries = [GitEntry(path=path, kind="module" if path.endswith("module") else "file", id="0" * 40) for path in paths]
    return [entry.path for entry in parse.choose_files(entries, {folder.replace("root", ""): data for folder, data in attributes.items()})]


def test_export_ignore() -> None:
    """Files that the author leaves out would be in the archive, or files that belong there would not."""
    paths = ("a.md", "src/a.php", "src/keep.md", "src/module", "sub/tests/t.php", "tests/t.php")
    assert choose(paths, root=b"/tests export-ignore\n*.md export-ignore\n", src=b"keep.md -export-ignore\n") == [
        "src/a.php", "src/keep.md", "sub/tests/t.php",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "pattern", ["*a" * 100 + "b", "**/" * 60 + "b", "**/a/" * 60 + "b", "[" * 200, "[!" * 100 + "]", "\\" * 99, "*" * 255, "?*" * 100]
)
def test_slow_patterns(pattern: str) -> None:
    """One line of a .gitattributes could keep a thread busy for hours."""
    paths = ("a" * 250, "/".join("a" * 500), "a/" * 500 + "a" * 250)
    choose(paths, root=f"{pattern} export-ignore\n".encode())


def test_many_patterns() -> None:
    """Very many lines for very many files could keep a thread busy for hours."""
    with pytest.raises(InvalidUpload, match="export-ignore"):
        choose(tuple(f"f{n}" for n in range(5001)), root=b"/x export-ignore\n" * 1000)


def test_slow_versions() -> None:
    """One version could keep the server busy for years."""
    for text in ("1.0.0-beta" + "1" * 200 + "x", "1.0.0-beta" + ".1" * 100 + "x", "1" * 250 + "x", "2010" + "-01" * 80, "dev-" + "1." * 120):
        try:
            names.normalize(text)
        except names.InvalidVersion:
            continue


@pytest.mark.parametrize("path", ["..\\..\\evil.php", "a\nb", "a\x7f", "\udcff"])
def test_names_in_archives(path: str) -> None:
    """A file of a commit could be unpacked elsewhere, or not at all, on some systems."""
    with pytest.raises(InvalidUpload):
        source.check_path(path)


def test_ordinary_names_in_archives() -> None:
    """A file with letters of any language could be refused."""
    source.check_path("src/Größe/漢字 (1) 'x' & <y>.php")
