"""A package → what the repository says of it, by the rules of createrepo_c: which requirements, files and changes clients are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from packhouse.errors import InvalidUpload, InvalidVersion
from packhouse.formats.rpm import names
from packhouse.formats.rpm.parse.facts import Facts, pack
from packhouse.formats.rpm.parse.headers import SIG_LONG_PAYLOAD_SIZE, SIG_PAYLOAD_SIZE, Headers, Value, read_headers
from packhouse.formats.rpm.parse.markup import decode, read_text, write_element
from packhouse.formats.rpm.parse.relations import PROVIDES, RELATIONS, REQUIRES, Relation, read_relations, without_needless, write_relations
from packhouse.model import About, Dependency, Struct

NAME, VERSION, RELEASE, EPOCH, SUMMARY, DESCRIPTION = 1000, 1001, 1002, 1003, 1004, 1005
BUILD_TIME, BUILD_HOST, SIZE, LONG_SIZE, VENDOR, LICENSE, PACKAGER, GROUP, URL = 1006, 1007, 1009, 5009, 1011, 1014, 1015, 1016, 1020
ARCHITECTURE, SOURCE_PACKAGE, ARCHIVE_SIZE, NO_SOURCE, NO_PATCH = 1022, 1044, 1046, 1051, 1052
FILE_MODES, FILE_FLAGS, BASE_NAMES, DIRECTORIES, DIRECTORY_OF, OLD_NAMES = 1030, 1037, 1117, 1118, 1116, 1027
CHANGE_TIMES, CHANGE_AUTHORS, CHANGE_TEXTS = 1080, 1081, 1082
DIRECTORY_MODE, TYPE_MASK, GHOST = 0o040000, 0o170000, 1 << 6
CHANGES = 10  # the newest ones are told
SHOWN_DEPENDENCIES = 500
LARGEST_FORMAT = 8 * 1024 * 1024  # characters of what primary.xml says, which is kept as it is
MOST_PATHS = 32 * 1024 * 1024  # characters of all paths: a directory is told once, however many files lie in it


class Read(Struct):
    """What a package is, and what the lists say of it."""

    name: str
    version: str
    architecture: str
    facts: Facts
    about: About


class Listed(Struct):
    """A file that a package installs. `kind`: dir, ghost, or "" for a plain one."""

    path: str
    kind: str = ""

    @property
    def primary(self) -> bool:
        """Whether packages may require it without looking into filelists.xml."""
        return self.path.startswith("/etc/") or "bin/" in self.path or self.path == "/usr/lib/sendmail"


def read_package(path: str) -> Read:
    """Raises `InvalidUpload`, `InvalidName`, `InvalidVersion`."""
    file = Path(path)
    with file.open("rb") as opened:
        headers = read_headers(opened, file.stat().st_size)
    name, version = names.name_key(_needed(headers, NAME, "name")), _read_version(headers)
    architecture, files = _read_architecture(headers), list(_read_files(headers))
    relations = {kind: list(read_relations(headers.tags, kind)) for kind in RELATIONS}
    relations[REQUIRES] = list(without_needless(relations[REQUIRES], relations[PROVIDES], {file.path for file in files if file.primary}))
    epoch, _, rest = version.rpartition(":")
    facts = Facts(
        name=name,
        epoch=int(epoch or 0),
        version=rest.partition("-")[0],
        release=rest.partition("-")[2],
        architecture=architecture,
        built=_number(headers, BUILD_TIME),
        installed=_number(headers, LONG_SIZE) or _number(headers, SIZE),
        archive=_read_archive_size(headers),
        described=_write_description(headers),
        format=_write_format(headers, relations, files),
        files=pack("".join(_write_file(file) for file in files)),
        changes=pack("".join(_write_changes(headers))),
    )
    return Read(name=name, version=version, architecture=architecture, facts=facts, about=_describe(headers, relations[REQUIRES]))


def _read_version(headers: Headers) -> str:
    version, release = _needed(headers, VERSION, "version"), _needed(headers, RELEASE, "release")
    if "-" in version or "-" in release:
        raise InvalidVersion(f"Version {version[: names.SHOWN]!r} or release {release[: names.SHOWN]!r} has a dash, which parts the two")
    return names.version_id(names.join_version(_number(headers, EPOCH), version, release))


def _read_architecture(headers: Headers) -> str:
    found = _needed(headers, ARCHITECTURE, "architecture")
    if not names.ARCHITECTURE.fullmatch(found):
        raise InvalidUpload(f"Architecture {found[: names.SHOWN]!r} is invalid: use letters, digits and _")
    if SOURCE_PACKAGE in headers.tags:
        return found
    return "nosrc" if NO_SOURCE in headers.tags or NO_PATCH in headers.tags else "src"  # a source package says what it was built on


def _read_archive_size(headers: Headers) -> int:
    sizes = (headers.tags.get(ARCHIVE_SIZE), headers.signatures.get(SIG_LONG_PAYLOAD_SIZE), headers.signatures.get(SIG_PAYLOAD_SIZE))
    return next((size[0] for size in sizes if size and isinstance(size[0], int)), 0)


def _read_files(headers: Headers) -> Iterator[Listed]:
    paths, modes, flags = list(_read_paths(headers)), numbers_of(headers, FILE_MODES), numbers_of(headers, FILE_FLAGS)
    if any(len(told) not in (0, len(paths)) for told in (modes, flags)):
        raise InvalidUpload(f"The package is damaged: it has {len(paths)} files and {len(modes)} modes and {len(flags)} flags of files")
    for number, path in enumerate(paths):
        if modes and modes[number] & TYPE_MASK == DIRECTORY_MODE:
            yield Listed(path=path, kind="dir")
        else:
            yield Listed(path=path, kind="ghost" if flags and flags[number] & GHOST else "")


def _read_paths(headers: Headers) -> Iterator[str]:
    told = 0
    for path in _join_paths(headers):
        told += len(path)
        if told > MOST_PATHS:
            raise InvalidUpload(f"The paths of the package's files have more than {MOST_PATHS} characters: split it, or shorten its directories")
        yield path


def _join_paths(headers: Headers) -> Iterator[str]:
    bases, places = texts_of(headers, BASE_NAMES), numbers_of(headers, DIRECTORY_OF)
    if not bases:
        yield from texts_of(headers, OLD_NAMES)
        return
    folders = texts_of(headers, DIRECTORIES)
    if len(places) != len(bases) or max(places) >= len(folders):
        raise InvalidUpload("The package is damaged: a file of it lies in no directory")
    for base, place in zip(bases, places, strict=True):
        yield folders[place] + base


# -- values ----------------------------------------------------------------------------------------------------------


def texts_of(headers: Headers, tag: int) -> Sequence[str]:
    """The texts of a tag, none where it has numbers or is absent."""
    return [read_text(value) for value in headers.tags.get(tag, ()) if isinstance(value, bytes)]


def numbers_of(headers: Headers, tag: int) -> Sequence[int]:
    """The numbers of a tag, none where it has texts or is absent."""
    return [value for value in headers.tags.get(tag, ()) if isinstance(value, int)]


def _text(headers: Headers, tag: int) -> str:
    value: Value = headers.tags.get(tag, ())
    return read_text(value[0]) if value and isinstance(value[0], bytes) else ""


def _number(headers: Headers, tag: int) -> int:
    return next(iter(numbers_of(headers, tag)), 0)


def _needed(headers: Headers, tag: int, what: str) -> str:
    value = headers.tags.get(tag, ())
    if not value or not isinstance(value[0], bytes) or not value[0]:
        raise InvalidUpload(f"The package has no {what}: build it with rpmbuild")
    return decode(value[0])  # as it is: a name that lost its control characters is another name


# -- what the documents say ------------------------------------------------------------------------------------------


def _write_description(headers: Headers) -> str:
    tags = {"summary": SUMMARY, "description": DESCRIPTION, "packager": PACKAGER, "url": URL}
    return "".join(write_element(name, _text(headers, tag)) for name, tag in tags.items())


def _write_format(headers: Headers, relations: dict[str, list[Relation]], files: Sequence[Listed]) -> str:
    tags = {"license": LICENSE, "vendor": VENDOR, "group": GROUP, "buildhost": BUILD_HOST, "sourcerpm": SOURCE_PACKAGE}
    said = "".join(write_element(f"rpm:{name}", _text(headers, tag)) for name, tag in tags.items())
    said += write_element("rpm:header-range", start=headers.start, end=headers.end)
    said += "".join(write_relations(kind, found) for kind, found in relations.items())
    said += "".join(_write_file(file) for file in files if file.primary)
    if len(said) > LARGEST_FORMAT:
        raise InvalidUpload(f"Dependencies and files in /etc and bin take more than {LARGEST_FORMAT} characters as XML: split the package")
    return said


def _write_file(file: Listed) -> str:
    return write_element("file", file.path, type=file.kind)


def _write_changes(headers: Headers) -> list[str]:
    """Oldest first. What happened in the same second gets seconds of its own, so that its order is told."""
    times, authors, texts = numbers_of(headers, CHANGE_TIMES), texts_of(headers, CHANGE_AUTHORS), texts_of(headers, CHANGE_TEXTS)
    found: list[tuple[int, str, str]] = list(zip(times, authors, texts, strict=False))[:CHANGES]
    said, last, later = [], -1, 0
    for time, author, text in reversed(found):
        later = later + 1 if time == last else 0
        last = time
        said.append(write_element("changelog", text, author=author.rstrip(), date=time + later))
    return said


# -- for people ------------------------------------------------------------------------------------------------------


def _describe(headers: Headers, required: Sequence[Relation]) -> About:
    url = _text(headers, URL).strip()
    group = _text(headers, GROUP).strip()
    return About(
        summary=_text(headers, SUMMARY).strip()[:500],
        readme=_text(headers, DESCRIPTION),
        readme_type="text/plain",
        license=_text(headers, LICENSE).strip()[:255],
        author=(_text(headers, PACKAGER) or _text(headers, VENDOR)).strip()[:255],
        keywords=(group,) if group not in ("", "Unspecified") else (),
        links={"Homepage": url} if url.startswith(("http://", "https://")) and "\n" not in url else {},
        dependencies=tuple(Dependency(name=one.name, range=one.range, kind="runtime") for one in required[:SHOWN_DEPENDENCIES]),
    )
