"""Glyphs and the bundle."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from packhouse.ui.icons import HUES, hue, read_glyph, read_icons
from packhouse.ui.pages import FORMATS
from packhouse.ui.static_files import DIST, read_static_files

ASSETS = DIST.parent.parent / "assets"
BUDGET = 40 * 1024


@pytest.mark.parametrize("room", sorted(path.parent.name for path in FORMATS.glob("*/icon.svg")))
def test_every_formats_glyph_is_read(room: str) -> None:
    """A format would be shown by the plain parcel although its room has a glyph."""
    assert read_glyph(room, (FORMATS / room / "icon.svg").read_text())


@pytest.mark.parametrize(
    "svg",
    [
        "<svg><script>alert(1)</script></svg>", '<svg><path onload="alert(1)" d="M0 0"/></svg>', '<svg><path style="fill:red" d="M0 0"/></svg>',
        '<svg><image href="https://evil.example/x.png"/></svg>', '<svg><path fill="url(https://evil.example)" d="M0 0"/></svg>', "<svg><path",
        "not a picture",
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', '<svg><foreignObject><p/></foreignObject></svg>', '<svg><use href="#x"/></svg>',
    ],
)  # fmt: skip
def test_what_is_no_glyph_is_not_shown(svg: str) -> None:
    """A picture could bring a script, a style or a foreign address into every page."""
    assert read_glyph("x", svg) == ""


def test_a_glyph_keeps_its_shape_and_gets_the_formats_hue() -> None:
    """A format could not be told from another at a glance."""
    glyph = read_glyph(
        "pypi", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" stroke="currentColor"><title>x</title><path d="M1 2"/></svg>'
    )
    assert f'class="glyph hue-{hue("pypi")}"' in glyph
    assert '<path d="M1 2"></path>' in glyph
    assert "title" not in glyph
    assert 'aria-hidden="true"' in glyph


def test_a_format_without_a_glyph_gets_one(tmp_path: Path) -> None:
    """A new format would leave a hole in every list."""
    assert "<path" in read_icons(tmp_path).markup("anything")
    assert 0 <= hue("anything") < HUES


def test_style_and_script_are_light() -> None:
    """Pages would be slow on a thin line."""
    static = read_static_files()
    sizes = [len(found.gzip) for name in ("app.css", "app.js") if (found := static.find(static.href(name).rpartition("/")[2]))]
    assert len(sizes) == 2, "the bundle is not built: make setup"
    assert sum(sizes) < BUDGET


def test_files_are_found_by_their_hashed_names_only(tmp_path: Path) -> None:
    """A path could lead out of the bundle, or an old name to a new file that is cached for ever."""
    static = read_static_files()
    assert re.fullmatch(r"/-/static/app-[0-9a-f]{12}\.js", static.href("app.js"))
    for name in ("app.js", "manifest.json", "../manifest.json", "", "/etc/passwd"):
        assert static.find(name) is None
    assert read_static_files(tmp_path).href("app.js") == ""


def test_the_lock_names_no_host() -> None:
    """An install would depend on one registry's address."""
    lock = (ASSETS / "package-lock.json").read_text()
    assert "http" not in lock
    packages = msgspec.json.decode(lock)["packages"]
    assert all("integrity" in package for path, package in packages.items() if path)
