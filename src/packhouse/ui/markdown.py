"""A README as safe HTML. Raw HTML never passes: its tags are left out, its text stays; images become links; then all goes through an allow list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

from packhouse.ui.readmes import Readme

TAGS = frozenset(
    {
        "a",
        "blockquote",
        "br",
        "code",
        "em",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    }
)
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
REL = "nofollow noopener noreferrer ugc"
SCHEMES = ("http://", "https://", "mailto:")
LIMIT = 256 * 1024  # the worst text of this length takes three seconds, an ordinary one half a second
HEADING_SHIFT = 2  # h1 and h2 are the page's own


def render_readme(text: str, media_type: str) -> Readme:
    """The README for a page: Markdown by its rules, anything else as it was typed."""
    source, cut = _cut(text)
    if media_type.partition(";")[0].strip().lower() in {"text/markdown", "text/x-markdown"}:
        return Readme(html=render_markdown(source), cut=cut)
    return Readme(html=Markup("<pre>{}</pre>").format(source), cut=cut)


def render_markdown(source: str) -> Markup:
    """CommonMark with tables and strikethrough, as HTML of the allow list."""
    return Markup(nh3.clean(PARSER.render(source), tags=set(TAGS), attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"}, link_rel=REL))


def _cut(text: str) -> tuple[str, bool]:
    text = text.replace("\0", "\ufffd")
    if len(text) <= LIMIT:
        return text, False
    return text[:LIMIT].rpartition("\n")[0] or text[:LIMIT], True


def _tame(state: StateCore) -> None:
    """Rewrite the tokens: no HTML, no images, no links but to the web, headings below the page's own."""
    for token in state.tokens:
        if token.type == "html_block":
            _to_text(token, _text_of_html(token.content))
        elif token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + HEADING_SHIFT)}"
        elif token.type == "inline":
            token.children = list(_tame_inline(token.children or []))


def _tame_inline(tokens: Sequence[Token]) -> Iterator[Token]:
    links: list[bool] = []
    for token in tokens:
        if token.type == "html_inline":
            if token.content.lower().startswith("<br"):
                yield Token("hardbreak", "br", 0)
        elif token.type == "link_open":
            links.append(_leads_to_web(token.attrGet("href")))
            if links[-1]:
                yield token
        elif token.type == "link_close":
            if links and links.pop():
                yield token
        elif token.type == "image":
            yield from _image_as_link(token, inside_link=any(links))
        else:
            yield token


def _image_as_link(token: Token, *, inside_link: bool) -> Iterator[Token]:
    text = Token("text", "", 0, content=token.content or "image")
    source = token.attrGet("src")
    if inside_link or not _leads_to_web(source):
        yield text
        return
    yield Token("link_open", "a", 1, attrs={"href": str(source)})
    yield text
    yield Token("link_close", "a", -1)


def _leads_to_web(href: str | int | float | None) -> bool:
    # A relative link points into a source tree that is not here.
    return isinstance(href, str) and href.lower().startswith(SCHEMES)


def _text_of_html(html: str) -> str:
    return unescape(nh3.clean(html, tags=set())).strip()


def _to_text(token: Token, text: str) -> None:
    token.type, token.content, token.tag = "text_block", text, ""


def _render_text_block(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    text = tokens[index].content
    return str(Markup("<p>{}</p>\n").format(text)) if text else ""


def _make_parser() -> MarkdownIt:
    # HTML is recognised so that it can be left out; shown as text it would bury many a README.
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 20}).enable(["table", "strikethrough"])
    parser.core.ruler.push("tame", _tame)
    parser.add_render_rule("text_block", _render_text_block)
    return parser


PARSER = _make_parser()
