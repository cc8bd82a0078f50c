"""Glyphs of the formats: each room's icon.svg, taken apart and put together again from what a glyph may hold."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

SHAPES = frozenset({"g", "path", "circle", "ellipse", "rect", "line", "polyline", "polygon"})
PAINT = frozenset({"fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-dasharray", "fill-rule", "opacity", "color"})
MEASURES = frozenset(
    {"d", "cx", "cy", "r", "rx", "ry", "x", "y", "x1", "y1", "x2", "y2", "width", "height", "points", "transform", "clip-rule", "fill-opacity"}
)
VALUE = re.compile(r"[\w\s.,#%()+-]*")
HUES = 12
FALLBACK = '<path d="M12 3 4 7v10l8 4 8-4V7z"/><path d="m4 7 8 4 8-4M12 11v10"/>'


class Icons:
    """The glyphs by format name; a format without one gets a plain parcel in a hue of its own."""

    def __init__(self, glyphs: Mapping[str, str]) -> None:
        self._glyphs = {name: Markup(glyph) for name, glyph in glyphs.items()}

    def markup(self, name: str) -> Markup:
        """The glyph of a format, as an inline image that says nothing to those who listen: the format's title stands beside it."""
        return self._glyphs.get(name) or Markup(frame_glyph(name, FALLBACK))


def read_icons(formats: Path) -> Icons:
    """The glyphs of all rooms under a folder. A file that is no glyph counts as missing."""
    glyphs = {}
    for file in sorted(formats.glob("*/icon.svg")):
        glyph = read_glyph(file.parent.name, file.read_text())
        if glyph:
            glyphs[file.parent.name] = glyph
    return Icons(glyphs)


def read_glyph(name: str, svg: str) -> str:
    """The inline image of an SVG text, or "" where it is none or holds more than shapes."""
    if "<!" in svg.replace("<!--", ""):
        return ""
    try:
        root = ElementTree.fromstring(svg)
        body = "".join(_shape(child) for child in root if _name(child) not in {"title", "desc"})
    except (ElementTree.ParseError, ValueError):
        return ""
    paint = {key: value for key, value in root.attrib.items() if key in PAINT and VALUE.fullmatch(value)}
    return frame_glyph(name, body, view_box=root.get("viewBox", "0 0 24 24"), paint=paint)


def frame_glyph(name: str, body: str, *, view_box: str = "0 0 24 24", paint: Mapping[str, str] | None = None) -> str:
    """The shapes as an image in the hue of the format; what the glyph says about its own paint comes first."""
    painted = {"fill": "none", "stroke": "currentColor", "stroke-width": "1.5", "stroke-linecap": "round", "stroke-linejoin": "round"} | dict(
        paint or {}
    )
    box = view_box if re.fullmatch(r"[\d.\s-]+", view_box) else "0 0 24 24"
    attributes = "".join(f' {key}="{value}"' for key, value in sorted(painted.items()))
    return f'<svg class="glyph hue-{hue(name)}" viewBox="{box}" width="24" height="24" aria-hidden="true" focusable="false"{attributes}>{body}</svg>'


def hue(name: str) -> int:
    """The place of a format on the wheel of hues: the same in every process."""
    return zlib.crc32(name.encode()) % HUES


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _shape(element: ElementTree.Element) -> str:
    name = _name(element)
    if name not in SHAPES:
        raise ValueError(name)
    attributes = ""
    for key, value in sorted(element.attrib.items()):
        if key in {"id", "class"}:
            continue
        if key not in PAINT | MEASURES or not VALUE.fullmatch(value):
            raise ValueError(key)
        attributes += f' {key}="{value}"'
    return f"<{name}{attributes}>" + "".join(_shape(child) for child in element) + f"</{name}>"
