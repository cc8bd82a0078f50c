"""composer.json, and what export-ignore leaves out."""

from __future__ import annotations

import pytest

from packhouse.errors import InvalidUpload
from packhouse.formats.composer import index, parse
from packhouse.model import GitEntry


@pytest.mark.parametrize("data", [None, b"", b"{", b"[]", b'{"name": "a/b", "name": "a/c"}', b'{"name": "a/b", "x": NaN}', b"\xff"])
def test_bad_manifest(data: bytes | None) -> None:
    """A composer.json that cannot be read could be published, or break the server."""
    with pytest.raises(InvalidUpload):
        parse.read_manifest(data)


def test_export_ignore() -> None:
    """Files that the author leaves out would be in the archive, or files that belong there would not."""
    entries = [GitEntry(path=path, kind="file", id="0" * 40) for path in ("a.md", "src/a.php", "src/keep.md", "sub/tests/t.php", "tests/t.php")]
    attributes = {"": b"/tests export-ignore\n*.md export-ignore\n", "src": b"keep.md -export-ignore\n"}
    assert [entry.path for entry in parse.choose_files(entries, attributes)] == ["src/a.php", "src/keep.md", "sub/tests/t.php"]


def test_minify() -> None:
    """A key that a version lacks could be taken from the one before it."""
    assert index.minify([{"a": 1, "b": 2}, {"a": 1, "c": None}]) == [{"a": 1, "b": 2}, {"c": None, "b": "__unset"}]
