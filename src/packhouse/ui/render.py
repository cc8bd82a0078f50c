"""Views to HTML: one Jinja environment, escaping everything, refusing what is undefined, each template read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markupsafe import Markup

from packhouse.model import Instant
from packhouse.ui import words
from packhouse.ui.icons import Icons
from packhouse.ui.static_files import StaticFiles
from packhouse.ui.views import View

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
LINK_SCHEMES = frozenset({"http", "https", "mailto"})


def safe_href(href: str) -> str:
    """The address, or "" where following it could run something: only web and mail addresses and paths of ours pass."""
    cleaned = href.strip()
    if any(ord(char) < 0x21 or ord(char) == 0x7F for char in cleaned) or "\\" in cleaned:
        return ""
    if cleaned.startswith(("/", "?", "#")):
        return "" if cleaned.startswith("//") else cleaned
    try:
        scheme = urlsplit(cleaned).scheme.lower()
    except ValueError:
        return ""
    return cleaned if scheme in LINK_SCHEMES else ""


class Renderer:
    """Renders views. `icons` are the formats' glyphs, `static` the bundled style and script."""

    def __init__(self, icons: Icons, static: StaticFiles) -> None:
        self._icons = icons
        self._static = static

    def page(self, view: View) -> bytes:
        """The whole page as UTF-8."""
        return self._environment.get_template(view.template).render(page=view, frame=getattr(view, "frame")).encode()  # noqa: B009 views all have one

    @cached_property
    def _environment(self) -> Environment:
        # Here and not above: a registry that nobody looks at starts without it.
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            cache_size=-1,  # a template is read and compiled at its first use, and kept
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(FILTERS)
        environment.globals.update(icon=self._icons.markup, asset=self._static.href)
        return environment


def _time(at: Instant, now: Instant) -> Markup:
    # The age is for the eye; whoever listens, or hovers, gets the time itself. The script puts both in the viewer's own zone.
    return Markup('<time datetime="{}" title="{}">{}<span class="unseen">, {}</span></time>').format(
        words.iso_time(at), words.full_time(at), words.age(at, now), words.full_time(at)
    )


FILTERS: Mapping[str, Callable[..., object]] = {
    "age": _time,
    "size": words.size,
    "number": words.number,
    "plural": words.plural,
    "href": safe_href,
    "short": words.short,
    "breaks": words.breaks,
}
