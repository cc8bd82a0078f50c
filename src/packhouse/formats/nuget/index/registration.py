"""Registrations (NuGet server API, package metadata) and the list of versions of the flat container.

Each version's JSON was made when it was published: a document of thousands of versions only puts pieces together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from packhouse.formats.nuget import names
from packhouse.formats.nuget.index.releases import Release, container_address, fill_entry, leaf_address, list_releases, order_of
from packhouse.model import Documents, Moment, NewDocument, Rows

JSON = "application/json"
INDEX = "index"

PAGE = 64  # versions: as many stand in the index itself; beyond that each page is a document of its own

HIVE, HIVE_1 = "metadata", "metadata-semver1"
"""Path of the registrations: of every version, and of those that clients without Semantic Versioning 2 can read."""


def write_registration(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The registration of a package with every version."""
    return write_hive(rows, moment, HIVE)


def write_registration_1(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The registration without versions, or dependencies, of Semantic Versioning 2."""
    return write_hive(rows, moment, HIVE_1)


def write_pages(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The pages of the registration with every version, where it has more than one. A set of its own: the index is asked for first, and alone."""
    return write_pages_of(rows, moment, HIVE)


def write_pages_1(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The same without versions, or dependencies, of Semantic Versioning 2."""
    return write_pages_of(rows, moment, HIVE_1)


def write_versions(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """The versions of a package, for the flat container: clients put them into addresses as they stand."""
    releases = list_releases(rows)
    if not releases:
        return {}
    return {INDEX: NewDocument(body=msgspec.json.encode({"versions": [release.normal for release in releases]}), media_type=JSON)}


def write_hive(rows: Rows, moment: Moment, hive: str) -> Documents:
    """The index of a registration, with the versions in it where they are few; none where nothing is listed."""
    pages = _split(rows, hive)
    if not pages:
        return {}
    base = hive_address(rows, moment, hive)
    items = ",".join(_write_page(page, moment, base, items=len(pages) == 1) for page in pages)
    head = f'{{"@id":"{base}/index.json","count":{len(pages)},"items":[{items}]}}'
    return {INDEX: NewDocument(body=head.encode(), media_type=JSON)}


def write_pages_of(rows: Rows, moment: Moment, hive: str) -> Documents:
    """The pages of a registration; none where the index holds the one there is."""
    pages = _split(rows, hive)
    if len(pages) < 2:
        return {}
    base = hive_address(rows, moment, hive)
    bodies = {page_path(page[0].normal, page[-1].normal): _write_page(page, moment, base, items=True, parent=True) for page in pages}
    return {path: NewDocument(body=body.encode(), media_type=JSON) for path, body in bodies.items()}


def _split(rows: Rows, hive: str) -> list[list[Release]]:
    releases = list_releases(rows, semver1=hive == HIVE_1)
    return [releases[start : start + PAGE] for start in range(0, len(releases), PAGE)]


def hive_address(rows: Rows, moment: Moment, hive: str) -> str:
    """The address of a package's registration in a hive, without the `/index.json`."""
    return f"{moment.here}/{hive}/{rows.packages[0].key}"


def page_path(lower: str, upper: str) -> str:
    """The path of a page within the set."""
    return f"page/{lower}/{upper}"


def write_page(rows: Rows, lower: str, upper: str, moment: Moment, hive: str) -> bytes | None:
    """The versions from one to another as a page, None where there are none: for a client that read an index just before it changed."""
    bounds = names.version_key(lower), names.version_key(upper)
    releases = [each for each in list_releases(rows, semver1=hive == HIVE_1) if bounds[0] <= order_of(each) <= bounds[1]]
    return _write_page(releases, moment, hive_address(rows, moment, hive), items=True, parent=True).encode() if releases else None


def write_leaf(rows: Rows, version: str, moment: Moment) -> bytes | None:
    """The document of one version, None where it is not listed."""
    for release in list_releases(rows):
        if release.normal == names.version_id(version):
            return _write_item(release, moment, hive_address(rows, moment, HIVE)).encode()
    return None


def _write_page(releases: Sequence[Release], moment: Moment, base: str, *, items: bool, parent: bool = False) -> str:
    lower, upper = releases[0].normal, releases[-1].normal
    pieces = [f'{{"@id":"{base}/{page_path(lower, upper)}.json","count":{len(releases)},"lower":"{lower}","upper":"{upper}"']
    if parent:
        pieces.append(f',"parent":"{base}/index.json"')
    if items:
        pieces += [',"items":[', ",".join(_write_items(releases, moment, base)), "]"]
    return "".join([*pieces, "}"])


def _write_items(releases: Sequence[Release], moment: Moment, base: str) -> Iterator[str]:
    for release in releases:
        yield _write_item(release, moment, base)


def _write_item(release: Release, moment: Moment, base: str) -> str:
    leaf, container = leaf_address(release, moment), container_address(release, moment)
    content, entry = f"{container}/{release.file.path}", fill_entry(release, leaf, container)
    return f'{{"@id":"{leaf}.json","packageContent":"{content}","registration":"{base}/index.json","catalogEntry":{entry}}}'
