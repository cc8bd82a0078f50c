"""The lists of a tree (`PACKAGES`, plain, packed, and as R's own data) and what its archive holds. Pure."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from packhouse.formats.cran import names
from packhouse.formats.cran.index import rds
from packhouse.formats.cran.parse import FIELDS, Facts
from packhouse.model import Documents, FileRow, Moment, NewDocument, Rows, Struct

TEXT, HTML, PACKED = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/gzip"
LIST, ARCHIVE = "PACKAGES", "archive.rds"
MD5 = "MD5sum"
PAGE = "<!DOCTYPE html>\n<title>{0}</title>\n<h1>{0}</h1>\n"
COLUMNS = (*FIELDS[:-1], MD5, FIELDS[-1])


class Listed(Struct):
    """A file that may be listed."""

    name: str
    version: str
    fields: Mapping[str, str]
    file: FileRow


_read_facts = msgspec.json.Decoder(Facts).decode


def read_fields(file: FileRow) -> Mapping[str, str]:
    """The fields of a file's record."""
    return _read_facts(file.facts).fields


def write_lists(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """The newest version of each package; lists without any where there is none, which is what clients want of an empty repository."""
    records = [write_record(one) for one in list_newest(list_files(rows))]
    body = "\n".join("".join(f"{name}: {value}\n" for name, value in record.items()) for record in records).encode()
    matrix = rds.write_matrix({name: [record.get(name) for record in records] for name in COLUMNS}, len(records))
    return {
        LIST: NewDocument(body=body, media_type=TEXT),
        f"{LIST}.gz": NewDocument(body=gzip.compress(body, 6, mtime=0), media_type=PACKED),
        f"{LIST}.rds": NewDocument(body=rds.write_file(matrix), media_type=PACKED),
    }


def write_record(one: Listed) -> Mapping[str, str]:
    """The fields of a package, in R's order."""
    said = {**one.fields, MD5: one.file.blob.md5 or ""}
    return {name: said[name] for name in COLUMNS if said.get(name)}


def write_archive(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """The versions that are not listed, by package, oldest first: what clients look an earlier version up in."""
    files = list_files(rows)
    newest = {one.file.id for one in list_newest(files)}
    archived: dict[str, list[Listed]] = {}
    for one in files:
        if one.file.id not in newest:
            archived.setdefault(one.name, []).append(one)
    frames = [write_frame(name, found) for name, found in archived.items()]
    body = rds.write_file(rds.write_list(frames, {"names": rds.write_texts(list(archived))}))
    return {ARCHIVE: NewDocument(body=body, media_type=PACKED)}


def write_frame(name: str, found: Sequence[Listed]) -> bytes:
    """Size and time of each version of a package, as `file.info` tells them."""
    columns = {
        "size": rds.write_reals([one.file.blob.size for one in found]),
        "isdir": rds.write_logicals([False] * len(found)),
        "mtime": rds.write_times([one.file.created / 1_000_000 for one in found]),
    }
    return rds.write_frame(columns, [f"{name}/{names.file_name(name, one.version, None)}" for one in found])


def write_folders(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """A folder of the archive for each spelling of the name: every version, as a page with links."""
    folders: dict[str, list[str]] = {}
    for one in list_files(rows, names.SOURCES):
        file = names.file_name(one.name, one.version, None)
        address = f"{moment.here}/src/contrib/Archive/{one.name}/{file}#md5={one.file.blob.md5}"
        folders.setdefault(one.name, []).append(f'<a href="{address}">{file}</a> {one.file.blob.size}<br>\n')
    return {name: NewDocument(body=f"{PAGE.format(name)}{''.join(lines)}".encode(), media_type=HTML) for name, lines in folders.items()}


def list_files(rows: Rows, shelf: str | None = None) -> list[Listed]:
    """Every version, or every one in a tree, once: of equal ones, in several projects or spellings, the first counts."""
    found: dict[tuple[str, tuple[int, ...]], Listed] = {}
    visible = (version for package in rows.packages for version in package.versions if version.status != "hidden")
    for file in sorted((file for version in visible for file in version.files if shelf in (None, file.shelf)), key=lambda file: file.age):
        fields = read_fields(file)
        key = (fields["Package"], names.version_key(fields["Version"]))
        found.setdefault(key, Listed(name=fields["Package"], version=fields["Version"], fields=fields, file=file))
    return [one for _, one in sorted(found.items())]


def list_newest(files: Iterable[Listed]) -> list[Listed]:
    """The last version of each package, of files in order."""
    return list({one.name: one for one in files}.values())
