"""Every template with every view: nothing a package says becomes markup, and the document is sound."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from markupsafe import Markup

from packhouse.model import Struct
from packhouse.ui import views
from packhouse.ui.icons import Icons, read_icons
from packhouse.ui.pages import FORMATS
from packhouse.ui.render import TEMPLATES, Renderer, safe_href
from packhouse.ui.static_files import StaticFiles, read_static_files

from .samples import pages

PAYLOAD = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7007*7 }}\u202e"
BAD_HREF = "javascript:alert(1)"
RENDERER = Renderer(read_icons(FORMATS), read_static_files())
VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
KEPT = {"template", "tab", "kind", "mark", "sorted", "theme", "now", "at", "id", "state", "purl"}


class Document(HTMLParser):
    """Collects elements with their attributes, and checks that they close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.misnested: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def poison(value: Any, name: str = "") -> Any:
    """The same view with every text a stranger could have written replaced by a hostile one."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        if name in KEPT:
            return value
        return BAD_HREF if "href" in name or name in {"action", "newer", "older", "clear", "all_versions"} else PAYLOAD
    if isinstance(value, tuple):
        return tuple(poison(item, name) for item in value)
    if isinstance(value, Struct):
        fields = {field.name: poison(getattr(value, field.name), field.name) for field in msgspec.structs.fields(type(value))}
        return type(value)(**fields)
    return value


NAMES = sorted(pages())


@pytest.mark.parametrize("name", NAMES)
def test_no_text_becomes_markup(name: str) -> None:
    """A package name, tag, user name or any other text could run a script in the reader's browser."""
    document = Document(RENDERER.page(poison(pages()[name])).decode())
    for tag, attributes in document.elements:
        assert tag not in {"img", "iframe", "object", "embed", "base", "style"}
        assert not [key for key in attributes if key.startswith("on") or key == "style"]
        for key in ("href", "action", "src"):
            assert not str(attributes.get(key) or "").lower().startswith(("javascript:", "data:"))
    assert all(str(script.get("src", "")).startswith("/-/static/") for script in document.all("script"))
    assert "49049" not in document.words


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_a_sound_document(name: str) -> None:
    """A browser would have to guess what the page means, and so would a screen reader."""
    html = RENDERER.page(pages()[name]).decode()
    document = Document(html)
    assert html.startswith("<!doctype html>")
    assert not document.misnested
    assert not document.open
    assert len(document.all("h1")) == 1
    assert len(document.all("main")) == 1
    assert len(document.all("title")) == 1
    ids = Counter(attributes["id"] for _, attributes in document.elements if "id" in attributes)
    assert [id for id, count in ids.items() if count > 1] == []
    labelled = {attributes.get("for") for attributes in document.all("label")}
    for field in document.all("input"):
        assert field.get("type") == "hidden" or field.get("id") in labelled or field.get("aria-label"), field
    for attributes in [attributes for _, attributes in document.elements]:
        for key in ("aria-labelledby", "aria-describedby"):
            assert all(part in ids for part in (attributes.get(key) or "").split())


@pytest.mark.parametrize("name", NAMES)
def test_a_page_holds_no_inline_script_or_style(name: str) -> None:
    """The strict policy would break the page, or would have to be loosened."""
    document = Document(RENDERER.page(pages()[name]).decode())
    assert all("src" in script for script in document.all("script"))
    assert document.all("style") == []
    assert [attributes for _, attributes in document.elements if "style" in attributes] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_form_that_changes_something_is_bound_to_the_session(name: str) -> None:
    """Another site could act in the name of whoever is signed in."""
    html = RENDERER.page(pages()[name]).decode()
    for form in re.findall(r"<form\b.*?</form>", html, re.DOTALL):
        if 'method="post"' in form and "/users/sign_in" not in form and "/-/theme" not in form:
            assert 'name="csrf"' in form


def test_every_template_is_shown_by_a_sample() -> None:
    """A template could break without a test that notices."""
    shown = {view.template for view in pages().values()}
    assert shown == {path.name for path in TEMPLATES.glob("*.html")} - {"base.html", "parts.html", "fields.html", "source.html"}
    assert shown == {kind.template for kind in views.View.__subclasses__()}


def test_pages_work_without_the_bundle() -> None:
    """A checkout whose bundle was never built would answer nothing but errors."""
    html = Renderer(Icons({}), StaticFiles({}, {})).page(pages()["dashboard"]).decode()
    assert "stylesheet" not in html
    assert "flask-widgets" in Document(html).words


@pytest.mark.parametrize("href", ["https://a.example/x", "http://a.example", "mailto:a@b.example", "/x/y", "?tab=files", "#part"])
def test_a_good_link_passes(href: str) -> None:
    """A link to a project's documentation would lead nowhere."""
    assert safe_href(href) == href


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)", " JAVASCRIPT:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "//evil.example", "/\\evil.example",
        "\\\\evil.example", "file:///etc/passwd", "ftp://a.example", "https://[", "\x01javascript:alert(1)", "", "relative/path",
    ],
)  # fmt: skip
def test_a_link_that_could_act_does_not_pass(href: str) -> None:
    """A link from metadata could run a script, or leave for a site that looks like ours."""
    assert safe_href(href) == ""
