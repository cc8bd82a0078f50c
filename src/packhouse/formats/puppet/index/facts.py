"""What is kept of a release beside its bytes, which releases are listed, and what a deprecation says."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from packhouse.formats.puppet import names
from packhouse.model import FileRow, Instant, Rows, Struct, VersionRow

SAID = "release.json"  # the file of a version that holds its metadata and texts as its facts
TEXTS = ("readme", "changelog", "license")

_REPLACED = re.compile(r"(?s)(.*?) ?\(replaced by ([A-Za-z0-9]+-[A-Za-z][A-Za-z0-9_]*)\)")


class Facts(Struct, omit_defaults=True):
    """What the catalog needs of a release, and the digest that a blob may lack which came as something else before."""

    md5: str
    summary: str = ""
    tags: tuple[str, ...] = ()
    pdk: bool = False


class Said(Struct):
    """The metadata, as the module has it."""

    metadata: msgspec.Raw


class Texts(Struct):
    """What people read."""

    readme: str | None = None
    changelog: str | None = None
    license: str | None = None


class Release(Struct):
    """A version that is listed. `said` is None where only what a catalog needs was read."""

    row: VersionRow
    file: FileRow
    facts: Facts
    said: FileRow | None = None

    @property
    def slug(self) -> str:
        return f"{self.row.name}-{self.row.version}"


read_facts = msgspec.json.Decoder(Facts).decode
read_said = msgspec.json.Decoder(Said).decode
_read_texts = msgspec.json.Decoder(Texts).decode


def list_releases(rows: Rows) -> list[Release]:
    """What is listed of a name, the newest version first; of equal versions in several projects the one that was published first."""
    found: dict[str, Release] = {}
    visible = (row for package in rows.packages for row in package.versions if row.status != "hidden")
    for row in sorted(visible, key=lambda row: (row.created, row.id)):
        files = {file.path: file for file in row.files}
        said = files.pop(SAID, None)
        file = next((file for path, file in sorted(files.items()) if path.endswith(names.SUFFIX)), None)
        if file is not None:
            found.setdefault(names.version_id(row.version), Release(row=row, file=file, facts=read_facts(file.facts), said=said))
    return sorted(found.values(), key=lambda each: (names.version_key(each.row.version), each.row.version), reverse=True)


def find_texts(rows: Rows) -> dict[str, str | None]:
    """What people read of the release that is listed of these rows of one version."""
    said = next((each.said for each in list_releases(rows)), None)
    return {} if said is None else read_texts(said.facts)


def read_texts(facts: bytes) -> dict[str, str | None]:
    """Each text, None where a module has it not."""
    texts = _read_texts(facts)
    return {"readme": texts.readme, "changelog": texts.changelog, "license": texts.license}


def pick_current(releases: list[Release]) -> Release:
    """The newest that is no prerelease, or where there are only those the newest of them."""
    return next((each for each in releases if not names.is_prerelease(each.row.version)), releases[0])


def write_time(at: Instant) -> str:
    """A time as the Forge spells it, in UTC."""
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%d %H:%M:%S} +0000"


# -- deprecation -------------------------------------------------------------------------------------------------------


def write_reason(reason: str, replacement: str) -> str:
    """Both in one sentence, as pages show it."""
    return f"{reason} (replaced by {replacement})".lstrip() if replacement else reason


def read_reason(text: str) -> tuple[str, str]:
    """The same apart."""
    found = _REPLACED.fullmatch(text)
    return (found[1], found[2]) if found else (text, "")
