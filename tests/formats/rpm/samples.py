"""Tiny packages built in memory: the headers of an RPM file, and a payload that nobody unpacks."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAME, VERSION, RELEASE, EPOCH, SUMMARY, DESCRIPTION, BUILD_TIME, BUILD_HOST, SIZE = 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1009
VENDOR, LICENSE, PACKAGER, GROUP, URL, ARCHITECTURE, SOURCE_PACKAGE = 1011, 1014, 1015, 1016, 1020, 1022, 1044
FILE_MODES, FILE_FLAGS, DIRECTORY_OF, BASE_NAMES, DIRECTORIES = 1030, 1037, 1116, 1117, 1118
CHANGE_TIMES, CHANGE_AUTHORS, CHANGE_TEXTS = 1080, 1081, 1082
PROVIDES, REQUIRES, RECOMMENDS = (1047, 1112, 1113), (1049, 1048, 1050), (5046, 5048, 5047)
LESS, GREATER, EQUAL, SCRIPT_BEFORE = 2, 4, 8, 1 << 9
INT16, INT32, STRING, BINARY, STRINGS, TRANSLATED = 3, 4, 6, 7, 8, 9
TRANSLATED_TAGS = frozenset({SUMMARY, DESCRIPTION, GROUP})
SHORT_TAGS = frozenset({FILE_MODES})


def make_header(tags: Mapping[int, Any]) -> bytes:
    """A header with these tags: numbers, texts, lists of either, or (type, count, bytes) as they are."""
    index, store = b"", b""
    for tag, value in tags.items():
        kind, count, raw = encode(tag, value)
        store += b"\0" * (-len(store) % {INT16: 2, INT32: 4}.get(kind, 1))
        index += struct.pack(">IIiI", tag, kind, len(store), count)
        store += raw
    return b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", len(tags), len(store)) + index + store


def encode(tag: int, value: Any) -> tuple[int, int, bytes]:
    match value:
        case tuple():
            return value
        case int():
            return INT32, 1, struct.pack(">I", value)
        case str() | bytes():
            return TRANSLATED if tag in TRANSLATED_TAGS else STRING, 1, to_bytes(value) + b"\0"
        case [int(), *_] if tag in SHORT_TAGS:
            return INT16, len(value), struct.pack(f">{len(value)}H", *value)
        case [int(), *_]:
            return INT32, len(value), struct.pack(f">{len(value)}I", *value)
        case _:
            return STRINGS, len(value), b"".join(to_bytes(one) + b"\0" for one in value)


def to_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def make_rpm(tags: Mapping[int, Any], *, signatures: Mapping[int, Any] | None = None, payload: bytes = b"payload", lead: bytes = b"") -> bytes:
    """A package with these tags, told whole by its signatures where none are given."""
    main = make_header(tags)
    if signatures is None:
        signatures = {273: hashlib.sha256(main).hexdigest(), 269: hashlib.sha1(main).hexdigest(), 1000: len(main) + len(payload), 1007: 124}
    signed = make_header(signatures)
    lead = lead or struct.pack(">4sBBhh66shh16x", b"\xed\xab\xee\xdb", 3, 0, 0, 1, b"toy", 1, 5)
    return lead + signed + b"\0" * (-len(signed) % 8) + main + payload


def relations(of: tuple[int, int, int], *told: tuple[str, int, str]) -> dict[int, Any]:
    """The three tags of a kind of relation: (name, flags, version) of each."""
    names, flags, versions = of
    return {names: [name for name, _, _ in told], flags: [flag for _, flag, _ in told], versions: [version for _, _, version in told]}


def files_of(paths: Sequence[str | bytes], modes: Sequence[int] | None = None, flags: Sequence[int] | None = None) -> dict[int, Any]:
    """The tags of these files; a folder for each."""
    split = [to_bytes(path).rpartition(b"/") for path in paths]
    return {
        BASE_NAMES: [base for _, _, base in split], DIRECTORIES: [folder + b"/" for folder, _, _ in split], DIRECTORY_OF: list(range(len(paths))),
        FILE_MODES: list(modes or [0o100755] * len(paths)), FILE_FLAGS: list(flags or [0] * len(paths)),
    }  # fmt: skip


def make_tags(name: str = "toy", version: str = "1.0-1", architecture: str = "noarch") -> dict[int, Any]:
    """What every package says."""
    epoch, _, rest = version.rpartition(":")
    number, _, release = rest.partition("-")
    return {
        NAME: name, VERSION: number, RELEASE: release, **({EPOCH: int(epoch)} if epoch else {}),
        SUMMARY: "a toy", DESCRIPTION: "Of more\nthan one line.",
        BUILD_TIME: 1_700_000_000, SIZE: 12, LICENSE: "MIT", ARCHITECTURE: architecture, SOURCE_PACKAGE: f"{name}-{number}-{release}.src.rpm",
        **relations(PROVIDES, (name, EQUAL, version)),
    }  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A package ready to be published, and where it goes."""

    name: str
    version: str
    content: bytes
    architecture: str = "noarch"
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version.rpartition(':')[2]}.{self.architecture}.rpm"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def sample(
    name: str = "toy", version: str = "1.0.0-1", variant: int = 0, architecture: str = "noarch", more: Mapping[int, Any] | None = None
) -> Sample:
    """A package; another variant has other bytes under the same file name. A version without a release gets one."""
    version = version if "-" in version else f"{version}-1"
    tags = make_tags(name, version, architecture) | files_of([f"/usr/bin/{name}"]) | {DESCRIPTION: f"A toy, variant {variant}.", **(more or {})}
    params = {"architecture": architecture, "group": "el9", "document": "primary.xml", "file_name": f"{name}-{version}.{architecture}.rpm"}
    # without digests of its own: the suite takes what it is told at the address of a package for what a document says
    return Sample(name, version, make_rpm(tags, signatures={1007: 124}), architecture, params)
