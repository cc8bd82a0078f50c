"""What is read out of recipes, manifests and configurations, and what is made of bytes that are none."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import DigestMismatch, InvalidUpload
from packhouse.formats.conan import parse
from packhouse.model import Blob, Dependency

from . import samples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def write(path: Path, content: bytes | str) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


# -- conanfile.py ----------------------------------------------------------------------------------------------------


def test_recipe_says_what_it_is(path: Path) -> None:
    """The page of a package would be empty, or show what its recipe does not say."""
    recipe = parse.read_recipe(write(path, samples.recipe().files["conanfile.py"]))
    about = recipe.about
    assert (recipe.name, recipe.version) == ("toy", "1.0")
    assert (about.summary, about.license, about.keywords) == ("A toy, of wood", "MIT", ("toy", "test"))
    assert about.links == {"Homepage": "https://toys.example/"}
    assert about.dependencies == (Dependency(name="zlib", range=">=1.2"), Dependency(name="bricks", range="2.0@toys/stable"))
    assert about.warnings == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("name = 'toy'; version = '1.0'", ("toy", "1.0")),
        ("name: str = 'toy'\n    version = 1.5", ("toy", "1.5")),
        ("name = NAME\n    version = f'{1}'", ("", "")),
        ("name = 'toy'\n    name = NAME", ("", "")),
        ("version = None\n    def set_version(self): self.version = '2'", ("", "")),
        ("name = ('toy',); version = True", ("", "")),
        ("pass", ("", "")),
    ],
)
@pytest.mark.parametrize("base", ["ConanFile", "conans.ConanFile", "Mixin, ConanFile"])
def test_only_constants_count(base: str, body: str, expected: tuple[str, str], path: Path) -> None:
    """A recipe that computes its name would be refused for a name that it does not have."""
    recipe = parse.read_recipe(write(path, f"class Toy({base}):\n    {body}\n"))
    assert (recipe.name, recipe.version) == expected


@pytest.mark.parametrize(
    "source",
    ["", "print 'old'", "class Toy: pass", "class A(ConanFile): name='a'\nclass B(ConanFile): name='b'", "\x00", "é" * 10, "x = " + "(" * 5000],
)
def test_what_is_no_recipe_of_today_is_taken_with_a_warning(source: str, path: Path) -> None:
    """A recipe of an old client would be refused for the Python it is written in, or break the reader."""
    recipe = parse.read_recipe(write(path, source))
    assert (recipe.name, recipe.version) == ("", "")
    assert len(recipe.about.warnings) == 1


def test_large_recipe_is_not_looked_into(path: Path) -> None:
    """A huge file would be parsed."""
    assert "larger" in parse.read_recipe(write(path, "#" * (parse.LARGEST_RECIPE + 1))).about.warnings[0]


@pytest.mark.parametrize(("name", "version", "said", "asked"), [("other", "1.0", "'toy'", "'other'"), ("toy", "1.1", "'1.0'", "'1.1'")])
def test_recipe_under_another_path_is_refused(name: str, version: str, said: str, asked: str) -> None:
    """A recipe would be published as something that it says it is not, or the refusal would name only one of both."""
    with pytest.raises(InvalidUpload) as refused:
        parse.check_recipe(parse.Recipe(name="toy", version="1.0"), name, version)
    assert said in refused.value.message and asked in refused.value.message
    parse.check_recipe(parse.Recipe(name="toy", version="1.0"), "toy", "1.0")
    parse.check_recipe(parse.Recipe(), name, version)


def test_links_are_web_addresses(path: Path) -> None:
    """A recipe could put a script behind a link of the page."""
    body = "homepage = 'javascript:alert(1)'\n    url = 'https://a.example/ b'"
    assert parse.read_recipe(write(path, f"class Toy(ConanFile):\n    {body}\n")).about.links == {}


# -- conanmanifest.txt -----------------------------------------------------------------------------------------------


def test_manifest_tells_the_digest_of_one_file(path: Path) -> None:
    """A recipe that does not belong to its manifest would go unseen."""
    part = samples.recipe()
    content = part.files["conanmanifest.txt"]
    expected = samples.md5(part.files["conanfile.py"])
    for written in (content, content.replace(b"\n", b"\r\n")):
        manifest = parse.read_manifest(write(path, written), "conanfile.py")
        assert (manifest.digest, manifest.about.warnings) == (expected, ())
    assert parse.read_manifest(str(path), "conaninfo.txt").digest == ""


@pytest.mark.parametrize("content", [b"", b"abc", b"conanfile.py: 0\n", b"1\nno colon\n", b"1\n\xff: 0\n", b"9" * 5000 + b"\n", b"\n1\n"])
def test_what_is_no_manifest_carries_a_warning(content: bytes, path: Path) -> None:
    """Nobody would know why clients cannot download the package."""
    manifest = parse.read_manifest(write(path, content), "conanfile.py")
    assert manifest.digest == ""
    assert "clients will refuse it" in manifest.about.warnings[0]


def test_manifest_of_another_export_is_refused() -> None:
    """Files of two exports would be mixed in one revision, or the refusal would name only one digest."""
    with pytest.raises(InvalidUpload) as refused:
        parse.check_described("conanfile.py", "a" * 32, "b" * 32)
    assert "a" * 32 in refused.value.message and "b" * 32 in refused.value.message
    for said, actual in (("a", "a"), ("", "b"), ("a", None)):
        parse.check_described("conanfile.py", said, actual)


# -- conaninfo.txt ---------------------------------------------------------------------------------------------------


def test_configuration_of_conan_2(path: Path) -> None:
    """`conan list` would not show the settings and options of a binary."""
    content = samples.binary().files["conaninfo.txt"].decode()
    assert parse.read_info(write(path, content)).content == content
    assert parse.write_summary(content) == {
        "settings": {"arch": "x86_64", "os": "Linux"}, "options": {"shared": "False"}, "requires": {"zlib/1.2.Z": None},
        "full_requires": ["zlib/1.2.Z"], "recipe_hash": None,
    }  # fmt: skip


def test_configuration_of_conan_1() -> None:
    """`conan search` of Conan 1 would not show a binary, or call it outdated."""
    summary = parse.write_summary(samples.INFO_1)
    assert summary["settings"] == {"arch": "x86_64", "os": "Linux"}
    assert summary["options"] == {"shared": "False"}
    assert summary["requires"] == {"zlib/1.Y.Z": None}
    assert summary["full_requires"] == ["zlib/1.2.11:5c6b08cd716c1ced4c456117ea83897fc80f22f8"]
    assert summary["recipe_hash"] == "0123456789abcdef0123456789abcdef"


def test_empty_configuration(path: Path) -> None:
    """A header-only package, whose configuration is empty, would carry a warning or be refused."""
    info = parse.read_info(write(path, b""))
    assert (info.content, info.about.warnings) == ("", ())
    assert parse.write_summary("")["settings"] == {}


@pytest.mark.parametrize("content", ["os=Linux\n", "[settings]\n[settings]\n", "[Bad Section]\n", "[x"])
def test_configuration_that_breaks_clients_is_not_listed(content: str, path: Path) -> None:
    """One binary would break the list of all others of its recipe."""
    info = parse.read_info(write(path, content))
    assert info.content == ""
    assert "without its configuration" in info.about.warnings[0]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * (parse.LARGEST_INFO + 1)])
def test_configuration_that_is_no_short_text_is_refused(content: bytes, path: Path) -> None:
    """Anything at all would be kept in the database as a configuration."""
    with pytest.raises(InvalidUpload, match=r"conaninfo\.txt"):
        parse.read_info(write(path, content))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Bytes that nobody thought of would be an error of ours."""
    with NamedTemporaryFile() as file:
        write(Path(file.name), content)
        with contextlib.suppress(InvalidUpload):
            parse.read_recipe(file.name)
            parse.read_manifest(file.name, "conanfile.py")
            parse.write_summary(parse.read_info(file.name).content)


# -- digests ---------------------------------------------------------------------------------------------------------

BLOB = Blob(size=3, **{name: hashlib.new(name, b"abc").hexdigest() for name in parse.LENGTHS})


@pytest.mark.parametrize("algorithm", parse.LENGTHS)
def test_promised_digests_are_checked(algorithm: str) -> None:
    """Bytes that changed on their way would be stored."""
    right = getattr(BLOB, algorithm)
    header = f"x-checksum-{algorithm}"
    parse.check_digests({header: right.upper()}, BLOB)
    with pytest.raises(DigestMismatch) as refused:
        parse.check_digests({header: "0" * len(right)}, BLOB)
    assert right in refused.value.message and "0" * len(right) in refused.value.message
    with pytest.raises(InvalidUpload, match="hexadecimal"):
        parse.check_digests({header: "zz"}, BLOB)
