"""The fields of the legacy upload form, and their agreement with the file that came along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from packhouse.errors import DigestMismatch, InvalidParameter, InvalidUpload
from packhouse.formats.pypi import names
from packhouse.formats.pypi.parse.files import Artifact
from packhouse.model import Struct

DIGESTS = {"md5_digest": ("md5", 32), "sha256_digest": ("sha256", 64), "blake2_256_digest": ("blake2", 64)}  # field → digest, hexadecimal digits
# Sent once by every client; two of them leave open which one counts.
SINGLE = (
    ":action", "name", "version", "filetype", "pyversion", "metadata_version", "requires_python", "attestations", *DIGESTS,
)  # fmt: skip
KINDS = {"bdist_wheel": "wheel", "sdist": "sdist"}


class Fields(Struct):
    """What the form claims. An empty string is a field that was not sent."""

    name: str
    version: str
    filetype: str = ""
    requires_python: str = ""
    requires_dist: tuple[str, ...] = ()
    attestations: str = ""
    digests: Mapping[str, str] = {}


def read_fields(pairs: Iterable[tuple[str, bytes]]) -> Fields:
    """The fields that matter; others are passed over. Raises `InvalidUpload`, `InvalidParameter`."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in SINGLE or name == "requires_dist":
            found.setdefault(name, []).append(read_text(name, value))
    if twice := next((name for name in SINGLE if len(found.get(name, ())) > 1), None):
        raise InvalidUpload(f"Field {twice} is sent {len(found[twice])} times, it must come once")
    single = {name: found.get(name, [""])[0].strip() for name in SINGLE}
    if missing := [f"{name} is missing" for name in ("name", "version") if not single[name]]:
        raise InvalidParameter(", ".join(missing), parameter="name" if not single["name"] else "version")
    if single[":action"] not in ("", "file_upload"):
        raise InvalidParameter(f":action must be file_upload, not {single[':action'][: names.SHOWN]!r}", parameter=":action")
    names.name_key(single["name"])
    names.version_id(single["version"])
    return Fields(
        name=single["name"],
        version=single["version"],
        filetype=single["filetype"],
        requires_python=single["requires_python"],
        requires_dist=tuple(found.get("requires_dist", ())),
        attestations=single["attestations"],
        digests={name: read_digest(field, single[field], length) for field, (name, length) in DIGESTS.items() if single[field]},
    )


def read_text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidUpload(f"Field {name} is not valid UTF-8") from error


def read_digest(field: str, text: str, length: int) -> str:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", text):
        raise InvalidParameter(f"{field} is invalid: it must be {length} hexadecimal digits", parameter=field)
    return text.lower()


def check_digests(fields: Fields, digests: Mapping[str, str]) -> None:
    """Nothing, if what the form names of these digests is that of the file. Raises `DigestMismatch`."""
    for name, sent in fields.digests.items():
        actual = digests.get(name, sent)
        if sent != actual:
            field = next(field for field, (known, _) in DIGESTS.items() if known == name)
            raise DigestMismatch(f"{field} says {sent}, the file that arrived has {actual}; send it again", sent=sent, actual=actual)


def check_agreement(fields: Fields, artifact: Artifact) -> None:
    """Nothing, if form and file speak of the same thing. Raises `InvalidUpload` naming both."""
    described = artifact.described
    if fields.filetype and KINDS.get(fields.filetype) != artifact.kind:
        raise InvalidUpload(f"filetype says {fields.filetype[: names.SHOWN]!r}, the file is a {artifact.kind}")
    if names.name_key(fields.name) != names.name_key(described.name):
        raise InvalidUpload(f"name says {fields.name!r}, the metadata inside the file says {described.name!r}")
    if names.version_id(fields.version) != names.version_id(described.version):
        raise InvalidUpload(f"version says {fields.version!r}, the metadata inside the file says {described.version!r}")
    check_requires_python(fields, artifact)
    check_requires_dist(fields, artifact)


def check_requires_python(fields: Fields, artifact: Artifact) -> None:
    inside = artifact.described.requires_python
    if not fields.requires_python or not (inside or artifact.resolvable):
        return
    if read_specifiers(fields.requires_python) != SpecifierSet(inside):
        raise InvalidUpload(f"requires_python says {fields.requires_python[:255]!r}, the metadata inside the file says {inside!r}")


def read_specifiers(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text[:4096])
    except ValueError as error:
        raise InvalidUpload(f"requires_python is not a list of version specifiers: {text[: names.SHOWN]!r}") from error


def check_requires_dist(fields: Fields, artifact: Artifact) -> None:
    # A source distribution may leave its requirements to the build; then the form can know more than PKG-INFO does.
    if not fields.requires_dist or not artifact.resolvable:
        return
    claimed = {read_requirement(text) for text in fields.requires_dist}
    inside = {read_requirement(text) for text in artifact.described.requires_dist}
    if claimed != inside:
        only_form, only_file = sorted(claimed - inside)[:3], sorted(inside - claimed)[:3]
        raise InvalidUpload(f"requires_dist and the metadata inside the file differ: the form alone has {only_form}, the file alone {only_file}")


def read_requirement(text: str) -> str:
    """One spelling for requirements that mean the same."""
    try:
        requirement = Requirement(text[:4096])
    except Exception as error:
        # RecursionError on nesting and ValueError on huge numbers, beside the library's own.
        raise InvalidUpload(f"requires_dist is not a requirement: {text[: names.SHOWN]!r}") from error
    requirement.name = names.name_key(requirement.name)
    return str(requirement)
