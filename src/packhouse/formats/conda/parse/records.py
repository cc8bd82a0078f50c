"""`info/index.json` → the record that clients resolve from. It is passed on with keys nobody here knows, but for what would spoil a whole channel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.conda import names
from packhouse.model import About, Dependency, Struct

DEEPEST = 16
LATEST = 32_503_680_000_000  # the year 3000 in milliseconds: clients end somewhere behind it
INTEGERS = range(-(2**63), 2**63)
# said by whoever lists the file
OURS = frozenset({"md5", "sha256", "size", "indexed_timestamp", "attestations_sha256", "url", "fn", "channel", "schannel"})
# of no use in a record, and conda gives up on a channel where one has a value that it does not expect
SPOILING = frozenset({"record_version", "package_type", "preferred_env", "date", "extra-depends"})
_PART = "[A-Za-z0-9._~+-]+"
PURL = rf"^pkg:[a-z][a-z0-9.+-]*/(?:{_PART}/)*{_PART}(?:@{_PART})?\Z"  # without qualifiers: clients disagree on them
MOST_SHOWN = 500
MACHINES = {"x86_64": "64", "x86": "32"}

Texts = list[str]
Text = str | None
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Facts(Struct, omit_defaults=True):
    """What an index needs of a file: its record without what only its bytes tell, and what it asks of whatever is built with it."""

    record: Mapping[str, Any]
    run_exports: Mapping[str, Any] = {}


class Known(msgspec.Struct):
    """The keys that clients decode: one value of another type, and they give up on the channel."""

    name: str
    version: str
    build: str
    build_number: Number
    depends: Texts = []
    constrains: Texts = []
    subdir: Text = None
    arch: Text = None
    platform: Text = None
    noarch: str | bool | None = None
    license: Text = None
    license_family: Text = None
    features: Text = None
    track_features: str | Texts = ""
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=LATEST)] | None = None
    python_site_packages_path: Text = None
    purls: list[Annotated[str, msgspec.Meta(pattern=PURL)]] | None = None
    legacy_bz2_md5: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")] | None = None
    legacy_bz2_size: Number | None = None
    extra_depends: dict[str, Texts] = {}
    flags: Texts = []
    run_exports: dict[str, Texts] = {}


def read_json(content: bytes, what: str) -> dict[str, Any]:
    """An object that every client can decode. Raises `InvalidUpload`."""
    try:
        value = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidUpload(f"{what} is no JSON object in UTF-8: {str(error)[:200]}") from error
    _check_value(value, what, 0)
    return value


def _check_value(value: object, what: str, depth: int) -> None:
    if depth > DEEPEST:
        raise InvalidUpload(f"{what} is nested more than {DEEPEST} deep")
    if isinstance(value, dict):
        for inner in value.values():
            _check_value(inner, what, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_value(inner, what, depth + 1)
    elif (isinstance(value, int) and value not in INTEGERS) or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidUpload(f"{what} has a number that does not fit into 64 bits")


def read_record(content: bytes) -> dict[str, Any]:
    """The record of a package, its platform settled. Raises `InvalidUpload`."""
    what = "info/index.json"
    told = read_json(content, what).items()
    value = {key: inner for key, inner in told if key not in OURS | SPOILING and not (inner is None and key in ("features", "timestamp"))}
    try:
        known = msgspec.convert(value, Known)
    except msgspec.ValidationError as error:
        raise InvalidUpload(f"{what} is invalid: {str(error)[:200]}") from error
    if known.noarch not in (None, True, False, "python", "generic"):
        raise InvalidUpload(f"{what} is invalid: noarch is {str(known.noarch)[:80]!r}, it must be python or generic")
    try:
        names.name_key(known.name)
        names.version_id(known.version)
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(f"{what} is invalid: {error.message}") from error
    names.read_build(known.build)
    return {**value, "depends": known.depends, "subdir": names.read_subdir(_subdir_of(known))}


def _subdir_of(known: Known) -> str:
    """As it says, or as the older keys say. Raises `InvalidUpload`."""
    if known.subdir is not None:
        return known.subdir
    if known.noarch:
        return names.NOARCH
    if known.platform and known.arch:
        return f"{known.platform}-{MACHINES.get(known.arch, known.arch)}"
    raise InvalidUpload("info/index.json says no platform: it has neither subdir, nor noarch, nor platform and arch")


def read_run_exports(content: bytes) -> dict[str, Texts]:
    """What a package asks of those that are built with it; a plain list is the weak kind. Raises `InvalidUpload`."""
    what = "info/run_exports.json"
    try:
        value = msgspec.json.decode(content, type=dict[str, Texts] | Texts)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidUpload(f"{what} is invalid: {str(error)[:200]}") from error
    return value if isinstance(value, dict) else {"weak": value}


# -- for people ------------------------------------------------------------------------------------------------------


def describe(record: Mapping[str, Any], about: Mapping[str, Any]) -> About:
    """What a page shows of the package."""
    links = {title: url for title, key in (("Homepage", "home"), ("Source", "dev_url"), ("Documentation", "doc_url")) if (url := _text(about, key))}
    return About(
        summary=_text(about, "summary")[:500],
        readme=_text(about, "description"),
        license=(_text(record, "license") or _text(about, "license"))[:255],
        links={title: url for title, url in links.items() if url.startswith(("https://", "http://"))},
        dependencies=tuple(_dependency(spec) for spec in record["depends"][:MOST_SHOWN]),
    )


def _dependency(spec: str) -> Dependency:
    name, _, wanted = spec.strip().partition(" ")
    return Dependency(name=name[:255], range=wanted.strip()[:255])


def _text(values: Mapping[str, Any], key: str) -> str:
    """Recipes may give a list where one text is usual."""
    value = values.get(key)
    if isinstance(value, list) and value:
        value = value[0]
    return value.strip() if isinstance(value, str) else ""
