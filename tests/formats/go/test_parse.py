"""go.mod, the choice of files, and uploaded zips: what is taken and what is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.go import parse
from packhouse.formats.go.parse import GoMod, NoModule

from .samples import module_zip, write_zip

MODULE = "example.test/lib"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("module example.test/lib\n", GoMod(module=MODULE)),
        ('// first a comment\nmodule "example.test/lib" // and one behind\n\ngo 1.21.3\n', GoMod(module=MODULE, go="1.21.3")),
        ("module (\n\t`example.test/lib`\n)\n", GoMod(module=MODULE)),
        ("module example.test/lib\r\ngo 1.20\r\n", GoMod(module=MODULE, go="1.20")),
        (
            "module example.test/lib\nrequire a.test/b v1.0.0\nrequire (\n\tc.test/d v0.1.0 // indirect\n)\n",
            GoMod(module=MODULE, requires=(("a.test/b", "v1.0.0"), ("c.test/d", "v0.1.0"))),
        ),
        (
            "module example.test/lib\nretract v1.0.0\nretract [v1.1.0, v1.2.0] // bad\nretract (\n\tv2.0.0\n)",
            GoMod(module=MODULE, retracted=(("v1.0.0", "v1.0.0"), ("v1.1.0", "v1.2.0"), ("v2.0.0", "v2.0.0"))),
        ),
        ("", GoMod()),
    ],
)
def test_go_mod(text: str, found: GoMod) -> None:
    """A go.mod that go reads is read as something else."""
    assert parse.read_mod(text.encode()) == found


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_go_mod(content: bytes) -> None:
    """A broken go.mod breaks us."""
    assert isinstance(parse.read_mod(content), GoMod)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("vendor/modules.txt", False, True),
        ("vendor/x.go", False, False),
        ("vendor/a.test/b/b.go", True, True),
        ("pkg/vendor/x.go", True, False),
        ("pkg/vendor/a/b.go", True, True),
        ("a/vendor/x.go", True, False),
        ("vendors/x.go", False, False),
        ("x/y.go", False, False),
    ],
)
def test_vendored(path: str, old: bool, new: bool) -> None:
    """The checksum of a module with vendored code differs from go's."""
    assert (parse.is_vendored(path, since_1_24=False), parse.is_vendored(path, since_1_24=True)) == (old, new)


def test_chosen_files() -> None:
    """A nested module, a link or a vendored package gets into the zip, or something else does not."""
    files = [
        (path, kind, "", 1)
        for path, kind in [
            ("go.mod", "file"),
            ("a.go", "file"),
            ("run.sh", "executable"),
            ("link", "link"),
            ("sub", "module"),
            ("nested/go.mod", "file"),
            ("nested/x.go", "file"),
            ("nested/deep/y.go", "file"),
            ("nestedly/z.go", "file"),
            ("vendor/q/q.go", "file"),
            (".hg_archival.txt", "file"),
        ]
    ]
    assert [one.path for one in parse.choose_files(files, since_1_24=False)] == ["go.mod", "a.go", "run.sh", "nestedly/z.go"]


@pytest.mark.parametrize(
    "paths", [["A.go", "a.go"], ["a/x", "A/y"], ["Go.mod"], ["con.txt"], ["a:b"], ["x/aux/y"], ["trailing."], ["a\tb"], ["\udcff"]]
)
def test_no_module(paths: list[str]) -> None:
    """A zip is served that go refuses to unpack."""
    with pytest.raises(NoModule):
        parse.choose_files([(path, "file", "", 1) for path in paths], since_1_24=True)


def check(folder: Path, content: bytes, module: str = MODULE, version: str = "v1.0.0") -> parse.Uploaded:
    path = folder / "module.zip"
    path.write_bytes(content)
    return parse.read_module_zip(str(path), module, version)


def test_uploaded(tmp_path: Path) -> None:
    """A good zip is refused, or its go.mod and readme are lost."""
    found = check(tmp_path, module_zip(MODULE, "v1.0.0", {"README.md": "# Lib\n", "lib.go": "package lib\n"}))
    assert (found.mod, found.readme) == (f"module {MODULE}\n\ngo 1.22\n", "# Lib\n")
    assert found.h1.startswith("h1:")
    assert check(tmp_path, module_zip(MODULE, "v1.0.0", mod=None)).mod == f"module {MODULE}\n"


HOSTILE = {
    "another module": (module_zip("example.test/other", "v1.0.0"), "does not begin with"),
    "another version": (module_zip(MODULE, "v1.0.1"), "does not begin with"),
    "another module inside": (module_zip(MODULE, "v1.0.0", mod="module example.test/other\n"), "says module"),
    "a way out": (write_zip({f"{MODULE}@v1.0.0/go.mod": f"module {MODULE}\n", f"{MODULE}@v1.0.0/../x": "x"}), ""),
    "a nested module": (module_zip(MODULE, "v1.0.0", {"sub/go.mod": f"module {MODULE}/sub\n", "sub/x.go": ""}), "does not belong"),
    "twins": (module_zip(MODULE, "v1.0.0", {"a.go": "", "A.go": ""}), ""),
    "nothing": (write_zip({}), ""),
    "no zip": (b"PK nothing", ""),
}


@pytest.mark.parametrize(("content", "said"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_zips(content: bytes, said: str, tmp_path: Path) -> None:
    """A zip that does not agree with its address, or with itself, is published."""
    with pytest.raises(InvalidUpload) as caught:
        check(tmp_path, content)
    assert said in caught.value.message


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Strange bytes raise something that is no refusal."""
    with contextlib.suppress(InvalidUpload):
        check(tmp_path_factory.mktemp("any"), content)
