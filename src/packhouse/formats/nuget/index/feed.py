"""The v2 feed: Atom entries with OData properties, from rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from packhouse.formats.nuget.index.releases import Release, content_address, iso, published, read_entry
from packhouse.formats.nuget.index.service import PROPERTIES
from packhouse.model import Moment, Struct

ATOM = "application/atom+xml; charset=utf-8"

_SPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
)
_SCHEME = "http://schemas.microsoft.com/ado/2007/08/dataservices/scheme"
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_TYPED = {name: kind for name, kind, _ in PROPERTIES if kind != "Edm.String"}


class Line(Struct):
    """A release with what only its fellows tell: whether it is the highest of its package, of releases and of all."""

    release: Release
    latest: bool = False
    highest: bool = False


def mark_latest(releases: Sequence[Release]) -> list[Line]:
    """The releases of one package in their order, with the highest marked. What is not listed is never the highest."""
    listed = [release for release in releases if release.listed]
    highest = listed[-1] if listed else None
    latest = next((release for release in reversed(listed) if not release.version.labels), None)
    return [Line(release=release, latest=release is latest, highest=release is highest) for release in releases]


def write_feed(lines: Iterable[Line], moment: Moment, operation: str, following: str = "") -> str:
    """A feed of entries; `following` is the address of the next page."""
    base = f"{moment.here}/v2"
    lines = list(lines)
    updated = iso(max((line.release.row.created for line in lines), default=0))
    link = f'<link rel="next" href={quoteattr(following)}/>' if following else ""
    entries = "".join(_write_entry(line, moment, root=False) for line in lines)
    return (
        f"{_HEAD}<feed xml:base={quoteattr(f'{base}/')} {_SPACES}><id>{escape(f'{base}/{operation}')}</id>"
        f'<title type="text">{escape(operation)}</title>'
        f"<updated>{updated}</updated>{entries}{link}</feed>"
    )


def write_entry_document(line: Line, moment: Moment) -> str:
    """One entry alone."""
    return _HEAD + _write_entry(line, moment, root=True)


def _write_entry(line: Line, moment: Moment, *, root: bool) -> str:
    release = line.release
    base = f"{moment.here}/v2"
    row = release.row
    properties = "".join(_write_properties(line, read_entry(release, moment)))
    spaces = f" xml:base={quoteattr(base)} {_SPACES}" if root else ""
    address = f"{base}/Packages(Id='{row.name}',Version='{row.version}')"
    content = f'<content type="application/zip" src={quoteattr(content_address(release, moment))}/>'
    return (
        f'<entry{spaces}><id>{escape(address)}</id><category term="V2FeedPackage" scheme="{_SCHEME}"/>'
        f'<title type="text">{escape(row.name)}</title><updated>{published(release)}</updated>{content}'
        f"<m:properties>{properties}</m:properties></entry>"
    )


def _write_properties(line: Line, entry: dict[str, Any]) -> Iterator[str]:
    values = _values(line, entry)
    for name, _, _ in PROPERTIES:
        kind = f' m:type="{_TYPED[name]}"' if name in _TYPED else ""
        value = values[name]
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield f"<d:{name}{kind}>{escape(text)}</d:{name}>" if text else f'<d:{name}{kind} m:null="true"/>'


def _values(line: Line, entry: dict[str, Any]) -> dict[str, Any]:
    release = line.release
    when = published(release)
    return {
        "Id": entry["id"], "Version": release.row.version, "NormalizedVersion": release.version.normal, "Authors": entry.get("authors", ""),
        "Copyright": entry.get("copyright", ""), "Created": when, "Dependencies": dependencies(entry), "Description": entry.get("description", ""),
        "DownloadCount": 0, "IconUrl": entry.get("iconUrl", ""), "IsLatestVersion": line.latest, "IsAbsoluteLatestVersion": line.highest,
        "IsPrerelease": bool(release.version.labels), "Language": entry.get("language", ""), "LicenseUrl": entry.get("licenseUrl", ""),
        "Listed": release.listed, "MinClientVersion": entry.get("minClientVersion", ""), "PackageHash": entry.get("packageHash", ""),
        "PackageHashAlgorithm": entry.get("packageHashAlgorithm", ""), "PackageSize": entry["packageSize"], "ProjectUrl": entry.get("projectUrl", ""),
        # Clients of this protocol take the year 1900 for unlisted.
        "Published": when if release.listed else "1900-01-01T00:00:00Z",
        "ReleaseNotes": entry.get("releaseNotes", ""), "RequireLicenseAcceptance": entry.get("requireLicenseAcceptance", False),
        "Summary": entry.get("summary", ""), "Tags": entry.get("tags", ""), "Title": entry.get("title", "") or entry["id"],
    }  # fmt: skip


def dependencies(entry: dict[str, Any]) -> str:
    """The dependencies in one line, as `id:range:framework` with bars between."""
    found = []
    for group in entry.get("dependencyGroups", ()):
        framework = group.get("targetFramework", "")
        found += [f"{each['id']}:{each['range']}:{framework}" for each in group.get("dependencies", ())] or [f"::{framework}"]
    return "|".join(found)
