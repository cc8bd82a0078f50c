"""Snippets say where to go, and never a second index."""

from __future__ import annotations

import pytest

from packhouse.formats.pypi import FORMAT
from packhouse.formats.pypi.snippets import TOKEN
from packhouse.model import PackageRow

from .fake import address

PACKAGE = PackageRow(id=1, project=7, name="Toy.Pkg", key="toy-pkg")


@pytest.mark.parametrize("level", ["project", "group"])
@pytest.mark.parametrize("package", [None, PACKAGE])
def test_snippets_name_this_scope_and_no_second_index(level: str, package: PackageRow | None) -> None:
    """Pasting would look for a private name elsewhere, or at the wrong address."""
    texts = [snippet.text for snippet in FORMAT.snippets(address(level), package)]
    assert not any("extra" in text for text in texts)
    base = address(level).here.partition("://")[2]
    assert all(base in text for text in texts if "://" in text)
    assert all(TOKEN in text for text in texts if "assword" in text or "__token__" in text)


def test_package_is_named_as_installers_ask_for_it() -> None:
    """The command to copy would name another package."""
    [pip] = [
        snippet for snippet in FORMAT.snippets(address(), PACKAGE) if (snippet.client, snippet.kind, snippet.language) == ("pip", "install", "shell")
    ]
    assert pip.text == f'pip install --index-url "https://__token__:{TOKEN}@packhouse.example/api/v4/projects/7/packages/pypi/simple" toy-pkg'


def test_publishing_is_offered_in_projects_only() -> None:
    """A group would be named as a place to upload to."""
    assert {snippet.kind for snippet in FORMAT.snippets(address("group"), None)} == {"install", "setup"}
    assert {snippet.client for snippet in FORMAT.snippets(address(), None) if snippet.kind == "publish"} == {"twine", "uv", "poetry"}


def test_every_setup_replaces_the_built_in_index() -> None:
    """A private name would be looked for in a public index too, and the higher version there would win."""
    texts = {(snippet.client, snippet.language): snippet.text for snippet in FORMAT.snippets(address(), None) if snippet.kind == "setup"}
    assert "index-url = " in texts["pip", "ini"]
    assert "default = true" in texts["uv", "toml"]
    assert "--priority=primary" in texts["poetry", "shell"]
    assert 'name = "pypi"' in texts["pdm", "toml"]
