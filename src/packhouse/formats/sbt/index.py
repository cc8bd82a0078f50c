"""Listings of folders, which Ivy looks revisions up in, as HTML. Pure. maven-metadata.xml is that of every Maven repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from urllib.parse import quote

from packhouse.formats.sbt import names
from packhouse.maven2.metadata import list_files, list_versions, write_folder, write_snapshot
from packhouse.maven2.names import read_shelf
from packhouse.model import Documents, Moment, NewDocument, Rows

HTML = "text/html; charset=utf-8"
PLAIN = "/+~"  # what an address need not escape
MOST_FOLDERS = 20_000  # that have a listing of their own beside the root: no client needs these, and each is a document


def write_versions(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The listing of a package: its revisions, in their order."""
    name = rows.packages[0].key if rows.packages else ""
    versions = list_versions(rows, name)
    return {"": write_listing(moment, names.folder_of(name), (f"{version}/" for version in versions))} if versions else {}


def write_contents(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The listings of a revision, and of each type in it."""
    shelf = next((file.shelf for file in list_files(rows)), "")
    name, version = read_shelf(shelf)
    if not list_versions(rows, name):
        return {}
    top = f"{names.folder_of(name)}/{version}"
    found = gather((file.path, False) for file in list_files(rows))
    return {folder: write_listing(moment, f"{top}/{folder}".rstrip("/"), sorted(entries)) for folder, entries in found.items()}


def write_folders(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The listings of what leads to packages: the root, organisations, groups."""
    found = {"": set[str](), **gather((names.folder_of(package.key), True) for package in rows.packages)}
    return {folder: write_listing(moment, folder, sorted(found[folder])) for folder in sorted(found)[: MOST_FOLDERS + 1]}


def gather(paths: Iterable[tuple[str, bool]]) -> dict[str, set[str]]:
    """Folder → what is in it, of paths of files, or of folders where a path comes with True."""
    found: dict[str, set[str]] = {}
    for path, last in paths:
        parts = path.split("/")
        for place, part in enumerate(parts):
            slash = "/" if last or place < len(parts) - 1 else ""
            found.setdefault("/".join(parts[:place]), set()).add(part + slash)
    return found


def write_listing(moment: Moment, folder: str, entries: Iterable[str]) -> NewDocument:
    """A page with a link for each entry. It names its own address: whoever left the last slash out finds the entries too."""
    here = f"{moment.here}/{quote(folder, safe=PLAIN)}".rstrip("/") + "/"
    links = [*(['<a href="../">../</a><br>'] if folder else []), *(list_links(entries))]
    head = f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><base href="{escape(here)}"><title>{escape(folder)}/</title></head><body>\n'
    return NewDocument(body=(head + "".join(f"{link}\n" for link in links) + "</body></html>\n").encode(), media_type=HTML)


def list_links(entries: Iterable[str]) -> Iterator[str]:
    # Ivy 2.5 takes no entry whose text is another than its address.
    return (f'<a href="{quote(entry, safe=PLAIN)}">{escape(entry)}</a><br>' for entry in entries)


__all__ = ["write_contents", "write_folder", "write_folders", "write_snapshot", "write_versions"]
