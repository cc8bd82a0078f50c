"""Snippets name this remote and the reference as each client takes it."""

from __future__ import annotations

import pytest

from packhouse.formats.conan import FORMAT
from packhouse.model import PackageRow, VersionRow

from .fake import MOMENT
from .test_index import GROUP, INSTANCE


def package(name: str, version: str) -> PackageRow:
    return PackageRow(id=1, project=7, name=name, key=name, versions=(VersionRow(id=1, project=7, name=name, version=version),))


@pytest.mark.parametrize("moment", [MOMENT, GROUP, INSTANCE], ids=["project", "group", "instance"])
def test_setup_names_this_remote(moment: object) -> None:
    """Pasting would add a remote that is not this one."""
    setups = [snippet.text for snippet in FORMAT.snippets(moment, None) if snippet.kind == "setup"]  # type: ignore[arg-type]
    assert len(setups) == 2
    assert all(f"conan remote add packhouse {moment.here}\n" in text for text in setups)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "version", "new", "old"),
    [
        ("hello@grp+proj/beta", "0.1", "hello/0.1@grp+proj/beta", "hello/0.1@grp+proj/beta"),
        ("hello", "0.1", "hello/0.1", "hello/0.1@"),
        ("hello@grp/_", "0.1", "hello/0.1@grp", "hello/0.1@grp"),
    ],
)
def test_reference_is_written_as_the_client_takes_it(name: str, version: str, new: str, old: str) -> None:
    """The command to copy would install another package, or a folder."""
    texts = {(snippet.client, snippet.kind, snippet.language): snippet.text for snippet in FORMAT.snippets(MOMENT, package(name, version))}
    assert texts["conan", "install", "shell"] == f"conan install --requires={new} -r packhouse"
    assert texts["conan 1", "install", "shell"] == f"conan install {old} -r packhouse"
    assert texts["conan", "install", "ini"] == f"[requires]\n{new}"


def test_installing_asks_this_remote_only() -> None:
    """A private name would be looked for in a public remote too."""
    for snippet in FORMAT.snippets(MOMENT, package("hello", "0.1")):
        if snippet.kind != "setup" and snippet.language == "shell":
            assert "-r packhouse" in snippet.text


def test_group_is_no_place_to_upload_to() -> None:
    """A group would be named as a remote to upload to."""
    assert {snippet.kind for snippet in FORMAT.snippets(GROUP, None)} == {"install", "setup"}
