"""Paths of the Maven 2 layout, the coordinates in them, and Maven's order of versions. A package is named by its folder: `com/acme/lib`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.model import Struct

METADATA = "maven-metadata.xml"
SNAPSHOT = "-SNAPSHOT"
CHECKSUMS = ("md5", "sha1", "sha256", "sha512")
LIMIT = 255
SHOWN = 80  # characters of a bad value that a message repeats

SEGMENT = re.compile(r"@?[A-Za-z0-9_.-]+")
ARTIFACT = re.compile(r"@?[A-Za-z0-9_.+-]+")
VERSION = re.compile(r"[A-Za-z0-9_.+-]+")
FILE = re.compile(r"[A-Za-z0-9_.+-]+")
TIME = re.compile(r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])\.(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]")
SIGNATURES = (".asc", ".sig", ".sigstore.json", ".sigstore")
DOUBLE_EXTENSIONS = ("tar.gz", "tar.bz2", "tar.xz", "tar.zst")


class Spot(Struct):
    """Where a file lies in the layout."""

    name: str
    version: str
    file: str

    @property
    def artifact(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def shelf(self) -> str:
        return version_shelf(self.name, self.version)


class Build(Struct):
    """What the name of a snapshot's file says. A plain one has neither time nor number."""

    plain: str  # the name with -SNAPSHOT in the place of time and number
    value: str  # the version as the file name has it
    classifier: str
    extension: str
    time: str = ""
    number: int = 0


# -- names -----------------------------------------------------------------------------------------------------------


def name_key(name: str) -> str:
    """The folder of an artifact: its group with slashes, a slash, its id. Raises `InvalidName`."""
    group, _, artifact = name.rpartition("/")
    if not group or not is_folder(group) or not ARTIFACT.fullmatch(artifact) or is_dots(artifact) or len(name) > LIMIT:
        raise InvalidName(
            f"Validation failed: Name is invalid: {name[:SHOWN]!r} must be group/artifact in letters, digits and _ . - (+ in the last part), "
            f"at most {LIMIT} long"
        )
    return name


def version_id(version: str) -> str:
    """The version itself: 1.0 and 1.0.0 lie in two folders. Raises `InvalidVersion`."""
    if not VERSION.fullmatch(version) or is_dots(version) or len(version) > LIMIT:
        raise InvalidVersion(
            f"Validation failed: Version is invalid: {version[:SHOWN]!r} may hold letters, digits and _ . + -, no two dots in a row, "
            f"at most {LIMIT} long"
        )
    return version


def is_folder(path: str) -> bool:
    """Whether the path can be that of a group."""
    return all(SEGMENT.fullmatch(part) and not is_dots(part) for part in path.split("/"))


def is_dots(text: str) -> bool:
    return ".." in text or text == "."


def is_snapshot(version: str) -> bool:
    """Whether the version is one that moves on."""
    return version.endswith(SNAPSHOT) and version != SNAPSHOT


def read_spot(path: str) -> Spot:
    """The parts of the path of a file. Raises `InvalidName`, `InvalidVersion`, `InvalidUpload`."""
    folder, _, file = path.rpartition("/")
    name, _, version = folder.rpartition("/")
    if not FILE.fullmatch(file) or is_dots(file) or len(file) > LIMIT:
        raise InvalidUpload(f"Validation failed: File name is invalid: {file[:SHOWN]!r} may hold letters, digits and _ . + -, at most {LIMIT} long")
    if file == METADATA:
        raise InvalidUpload(f"{METADATA} is made here from what is published: it is no file of a version")
    return Spot(name=name_key(name), version=version_id(version), file=file)


def split_checksum(file: str) -> tuple[str, str]:
    """The file that a checksum is of, and its algorithm; "" for any other file."""
    stem, _, suffix = file.rpartition(".")
    return (stem, suffix) if suffix in CHECKSUMS and stem.rpartition("/")[2] else (file, "")


def group_of(name: str) -> str:
    """The group of a package, with its dots."""
    return name.rpartition("/")[0].replace("/", ".")


# -- shelves: what one maven-metadata.xml is made from ----------------------------------------------------------------


def folder_shelf(folder: str) -> str:
    """The shelf of what the metadata of an artifact or a group lists. No slash is left in it, so a folder moves alone."""
    return quote(folder, safe="")


def version_shelf(name: str, version: str) -> str:
    """The shelf of a version's files."""
    return f"{quote(name, safe='')}/{version}"


def read_shelf(shelf: str) -> tuple[str, str]:
    """The folder and the version of a shelf; "" for the shelf of a folder."""
    folder, _, version = shelf.partition("/")
    return unquote(folder), version


# -- snapshots -------------------------------------------------------------------------------------------------------


def read_build(version: str, file: str) -> Build | None:
    """What the name of a file of a snapshot says; None where it is not named after the version."""
    found = build_pattern(version).fullmatch(file)
    if found is None or not is_time(found[2]):
        return None
    head, time, number, tail = found.groups()
    classifier, extension = split_tail(tail)
    if not extension:
        return None
    value = f"{version.removesuffix(SNAPSHOT)}-{time}-{number}" if time else version
    return Build(plain=f"{head}-{version}{tail}", value=value, classifier=classifier, extension=extension, time=time or "", number=int(number or 0))


def has_impossible_time(version: str, file: str) -> bool:
    """Whether what stands for the time in the name of a snapshot's file is none: it would be the newest for ever."""
    found = build_pattern(version).fullmatch(file)
    return found is not None and not is_time(found[2])


def is_time(text: str | None) -> bool:
    return text is None or TIME.fullmatch(text) is not None


@lru_cache(256)
def build_pattern(version: str) -> re.Pattern[str]:
    # What stands before the version need not be the artifact: old sbt plugins leave the Scala version out.
    base = re.escape(version.removesuffix(SNAPSHOT))
    return re.compile(rf"(.+)-{base}-(?:([0-9]{{8}}\.[0-9]{{6}})-([0-9]{{1,9}})|SNAPSHOT)([.-].+)")


def split_tail(tail: str) -> tuple[str, str]:
    """Classifier and extension of what follows the version: `-sources.jar`, `.jar.asc`, `-bin.tar.gz`."""
    if tail.startswith("."):
        return "", tail[1:]
    tail, signature = tail[1:], ""
    for suffix in SIGNATURES:
        if tail.endswith(suffix):
            tail, signature = tail.removesuffix(suffix), suffix
            break
    for extension in DOUBLE_EXTENSIONS:
        if tail.endswith(f".{extension}"):
            return tail.removesuffix(f".{extension}"), extension + signature
    classifier, dot, extension = tail.rpartition(".")
    return (classifier, extension + signature) if dot else (tail, "")


def is_movable(spot: Spot) -> bool:
    """Whether other bytes may take the place of the file: a snapshot's without a time in its name."""
    if not is_snapshot(spot.version):
        return False
    build = read_build(spot.version, spot.file)
    return build is not None and not build.time


def state_of(version: str, file: str) -> tuple[str, tuple[str, int]] | None:
    """What a build of a snapshot is a state of, and its place among them; None for a file that is no build."""
    build = read_build(version, file) if is_snapshot(version) else None
    return None if build is None or not build.time else (build.plain, (build.time, build.number))


# -- the order of versions: the specification is the section "Version Order Specification" of Maven's POM reference ---

Items: TypeAlias = list["int | str | Items"]

QUALIFIERS = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
RELEASE = QUALIFIERS.index("")
ALIASES = {"ga": "", "final": "", "release": "", "cr": "rc"}
SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}
TOKEN = re.compile(r"[0-9]+|[^0-9.-]+|[.-]")
DIGITS = "0123456789"
DEEPEST = 16  # lists in lists: what is further in is read as one list, since no order of real versions is decided there
KEPT = 48  # characters of a version whose key is kept: that of a long one is large

# Ranks of what may stand at one place of a version. What sorts below the end of a version is a pre-release.
EARLY_WORD, EARLY_LIST, EARLY_ZERO, END, WORD, LIST, NUMBER = range(7)

PLAIN = re.compile(r"([0-9]+(?:\.[0-9]+)*)(-SNAPSHOT)?")
BEFORE_RELEASE = ((EARLY_LIST,), (EARLY_WORD, QUALIFIERS.index("snapshot"), ""), (END,))


def version_key(version: str) -> tuple[Any, ...]:
    """Maven's order; versions that Maven takes for the same have equal keys."""
    return kept_key(version) if len(version) <= KEPT else make_key(version)


def make_key(version: str) -> tuple[Any, ...]:
    plain = PLAIN.fullmatch(version)
    if plain is None:
        return list_key(read_items(version))
    # Most versions are numbers alone: nine times as fast.
    numbers = [int(part) for part in plain[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return (*((NUMBER, number) for number in numbers), *(BEFORE_RELEASE if plain[2] else ()), (END,))


kept_key = lru_cache(8192)(make_key)


def is_prerelease(version: str) -> bool:
    """Whether a qualifier puts the version before its release: alpha, beta, milestone, rc, SNAPSHOT."""
    return any(rank_word(word) < RELEASE for word in list_words(read_items(version)))


def list_words(items: Items) -> Iterator[str]:
    for item in items:
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            yield from list_words(item)


def read_items(version: str) -> Items:
    """Numbers, words and lists: a dash, and each change between digits and letters, opens a list that runs to the end."""
    top: Items = []
    lists = [top]
    tokens = TOKEN.findall(version.lower())
    for previous, token, following in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if token in (".", "-"):
            if previous in ("", ".", "-"):
                lists[-1].append(0)  # nothing before a separator is a zero
            if token == "-":
                open_list(lists)
            continue
        if previous not in ("", ".", "-"):
            open_list(lists)
        number = token[0] in DIGITS
        # A word behind a dot is as one behind a dash where it ends the version or a number follows at once: 1.0.rc1 is 1.0-rc1.
        if not number and lists[-1] and following not in (".", "-"):
            open_list(lists)
        lists[-1].append(int(token) if number else read_word(token, following))
    for items in reversed(lists):
        trim(items)
    return top


def open_list(lists: list[Items]) -> None:
    if len(lists) > DEEPEST:
        return
    inner: Items = []
    lists[-1].append(inner)
    lists.append(inner)


def read_word(word: str, following: str) -> str:
    # One letter stands for a word only where a number follows at once: 1.0-a1, not 1.0-a.
    if following[:1] in DIGITS and following:
        word = SHORT.get(word, word)
    return ALIASES.get(word, word)


def trim(items: Items) -> None:
    # Trailing zeros and empty words mean nothing, also before the lists at the end: 1.0-alpha is 1-alpha.
    for place in reversed(range(len(items))):
        if not items[place]:
            del items[place]
        elif not isinstance(items[place], list):
            break


def list_key(items: Items) -> tuple[Any, ...]:
    """A tuple that compares with others as the lists do, each ended by a mark. It is flat: tuples in tuples are slow to compare."""
    return tuple(list_marks(items))


def list_marks(items: Items) -> Iterator[tuple[Any, ...]]:
    for place, item in enumerate(items):
        if isinstance(item, list):
            yield (LIST if sign(item) > 0 else EARLY_LIST,)
            yield from list_marks(item)
        else:
            yield item_mark(item, items[place + 1 :])
    yield (END,)


def item_mark(item: int | str, rest: Items) -> tuple[Any, ...]:
    if isinstance(item, str):
        rank = rank_word(item)
        return (EARLY_WORD if rank < RELEASE else WORD, rank, item if rank == len(QUALIFIERS) else "")
    # A zero is as good as nothing: what follows says on which side of the end it lies.
    return (EARLY_ZERO,) if item == 0 and sign(rest) < 0 else (NUMBER, item)


def rank_word(word: str) -> int:
    return QUALIFIERS.index(word) if word in QUALIFIERS else len(QUALIFIERS)


def sign(items: Items) -> int:
    """Where a list lies beside nothing: before it, on it or after it."""
    for item in items:
        found = sign(item) if isinstance(item, list) else rank_word(item) - RELEASE if isinstance(item, str) else item
        if found:
            return found
    return 0
