"""Recipe references, revisions and file names of Conan 1 and 2, and the order of Conan's versions. Case counts; nothing is folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.model import Struct

PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+.-]{1,49}")
RULE = "has 2 to 50 letters, digits and . _ + - and begins with a letter, digit or _"
REVISION = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}")
PACKAGE_ID = re.compile(r"[A-Za-z0-9]{1,128}")
METADATA_PART = re.compile(r"[^\x00-\x1f\x7f/\\]{1,255}")
MANIFEST = "conanmanifest.txt"
RECIPE, INFO = "conanfile.py", "conaninfo.txt"
ARCHIVES = (".tgz", ".txz", ".tzst")
RECIPE_FILES = frozenset({RECIPE, MANIFEST, *(stem + end for stem in ("conan_sources", "conan_export") for end in ARCHIVES)})
PACKAGE_FILES = frozenset({INFO, MANIFEST, *("conan_package" + end for end in ARCHIVES)})
METADATA = "metadata/"
NOBODY = "_"
NO_REVISION = "0"  # what clients without revisions publish under
SHELF_OF_RECIPES = "recipes"
SHOWN = 80  # characters of a bad value that a message repeats


class Reference(Struct):
    """`name/version@user/channel`, checked; user and channel are "_" where there is none."""

    name: str
    version: str
    user: str = NOBODY
    channel: str = NOBODY

    @property
    def package(self) -> str:
        """The name the house knows the package by: versions of one name, user and channel belong together."""
        return self.name if self.user == NOBODY else f"{self.name}@{self.user}/{self.channel}"

    @property
    def shelf(self) -> str:
        """The shelf of this reference's files. Its first part is the package, so that a change of one version moves one generation."""
        return self.package.replace("/", ":") + "/" + self.version

    @property
    def path(self) -> str:
        """The reference within a URL."""
        return f"{self.name}/{self.version}/{self.user}/{self.channel}"

    def __str__(self) -> str:
        return f"{self.name}/{self.version}@{self.user}/{self.channel}"


class Unit(Struct):
    """What is published together: the files of a recipe revision, or with a package id those of a package revision."""

    recipe: str
    package_id: str = ""
    revision: str = ""

    @property
    def folder(self) -> str:
        """The start of its files' paths."""
        return f"{self.recipe}/package/{self.package_id}/{self.revision}/" if self.package_id else f"{self.recipe}/export/"

    @property
    def movable(self) -> bool:
        """Whether its files may be replaced: clients without revisions have only one, which they overwrite."""
        return self.recipe == NO_REVISION and self.revision in ("", NO_REVISION)


class Spot(Struct):
    """Where a file lies."""

    reference: Reference
    unit: Unit
    file: str

    @property
    def path(self) -> str:
        return self.unit.folder + self.file

    @property
    def movable(self) -> bool:
        # Conan itself replaces metadata without a new revision.
        return self.unit.movable or self.file.startswith(METADATA)


# -- what a URL says -------------------------------------------------------------------------------------------------


def read_reference(params: Mapping[str, str]) -> Reference:
    """The reference of a URL. Raises `InvalidName`, `InvalidVersion`."""
    name, version, user, channel = (params[key] for key in ("name", "version", "user", "channel"))
    check_part("name", name)
    version_id(version)
    for label, part in (("user", user), ("channel", channel)):
        if part != NOBODY:
            check_part(label, part)
    if user == NOBODY != channel:
        raise InvalidName(f"Recipe {name}/{version}@_/{channel[:SHOWN]} is invalid: a channel needs a user")
    return Reference(name=name, version=version, user=user, channel=channel)


def read_unit(params: Mapping[str, str]) -> Unit:
    """The recipe revision, or the package revision, of a URL. Raises `InvalidVersion`, `InvalidName`."""
    recipe = read_revision(params["rrev"])
    if "package_id" not in params:
        return Unit(recipe=recipe)
    return Unit(recipe=recipe, package_id=read_package_id(params["package_id"]), revision=read_revision(params["prev"]) if "prev" in params else "")


def read_spot(params: Mapping[str, str]) -> Spot:
    """The file of a URL. Raises `InvalidName`, `InvalidVersion`, `InvalidUpload`."""
    reference, unit, file = read_reference(params), read_unit(params), params["file"]
    check_file(unit, file)
    return Spot(reference=reference, unit=unit, file=file)


def read_revision(text: str) -> str:
    """A revision. Raises `InvalidVersion`."""
    if text != NO_REVISION and not REVISION.fullmatch(text):
        raise InvalidVersion(f"Revision {text[:SHOWN]!r} is invalid: it has 32 or 40 hexadecimal digits, or is 0 for a client without revisions")
    return text


def read_package_id(text: str) -> str:
    """A package id. Raises `InvalidName`."""
    if not PACKAGE_ID.fullmatch(text):
        raise InvalidName(f"Package id {text[:SHOWN]!r} is invalid: it has letters and digits only")
    return text


def check_part(label: str, text: str) -> None:
    if not PART.fullmatch(text):
        raise InvalidName(f"Recipe {label} {text[:SHOWN]!r} is invalid: it {RULE}")


def check_file(unit: Unit, file: str) -> None:
    """Nothing, for a file that a client may publish here. Raises `InvalidUpload`."""
    known = PACKAGE_FILES if unit.package_id else RECIPE_FILES
    if file in known:
        return
    parts = file.removeprefix(METADATA).split("/")
    if not file.startswith(METADATA) or any(not METADATA_PART.fullmatch(part) or part in (".", "..") for part in parts):
        kind = "package" if unit.package_id else "recipe"
        raise InvalidUpload(f"File {file[:SHOWN]!r} is no file of a {kind}: those are {', '.join(sorted(known))} and what lies in metadata/")


def project_path(params: Mapping[str, str]) -> str | None:
    """The project that a reference means where the URL names none: its user is the path with + for each slash."""
    user = params["user"]
    return None if user == NOBODY else user.replace("+", "/")


def unfinished(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The files of each unit without a manifest, which clients send last."""
    units: dict[str, list[str]] = {}
    for path in paths:
        recipe, kind, rest = path.split("/", 2)
        folder = f"{recipe}/{kind}/" if kind == "export" else f"{recipe}/{kind}/{'/'.join(rest.split('/', 2)[:2])}/"
        units.setdefault(folder, []).append(path)
    yield from (tuple(sorted(held)) for folder, held in sorted(units.items()) if folder + MANIFEST not in held)


# -- names and versions as the house knows them ------------------------------------------------------------------------


def name_key(name: str) -> str:
    """The package's name itself: `hello`, or `hello@user/channel`. Raises `InvalidName`."""
    bare, at, owner = name.partition("@")
    check_part("name", bare)
    if at:
        user, _, channel = owner.partition("/")
        check_part("user", user)
        if channel != NOBODY:
            check_part("channel", channel)
    return name


def reference_of(name: str, version: str) -> Reference:
    """The reference of a version that is stored."""
    bare, _, owner = name.partition("@")
    user, _, channel = owner.partition("/")
    return Reference(name=bare, version=version, user=user or NOBODY, channel=channel or NOBODY)


def version_id(version: str) -> str:
    """The version itself. Raises `InvalidVersion`."""
    if not PART.fullmatch(version):
        raise InvalidVersion(f"Recipe version {version[:SHOWN]!r} is invalid: it {RULE}")
    return version


Items = tuple[tuple[int, int, str, str], ...]
ZERO = (1, 0, "", "")


def version_key(version: str) -> tuple[Items, int, Items, Items, str]:
    """Conan's order: items between dots, numbers by value, a pre-release before its release; the text where all else is equal."""
    rest, _, build = version.rpartition("+") if "+" in version else (version, "", "")
    main, dash, pre = rest.partition("-")
    return order_items(main), 0 if dash else 1, order_items(pre), order_items(build), version


def order_items(text: str) -> Items:
    # Conan compares a number with a word as texts, which is no order over three of them; here 1 < 1a < 2 < 10 < a.
    items = [order_item(item) for item in text.split(".")] if text else []
    while items and items[-1] == ZERO:
        items.pop()  # 1.0 and 1 are alike
    return tuple(items)


def order_item(item: str) -> tuple[int, int, str, str]:
    rest = item.lstrip("0123456789")
    if rest == item:
        return 2, 0, "", item
    digits = item.removesuffix(rest).lstrip("0")
    return 1, len(digits), digits, rest


def is_prerelease(version: str) -> bool:
    """Whether the version has a part behind a dash."""
    return "-" in version.rpartition("+")[0] if "+" in version else "-" in version


def archive_rivals(file: str) -> tuple[str, ...]:
    """The other names an archive may have: a revision with two of one kind is broken for every client."""
    for end in ARCHIVES:
        if file.endswith(end) and not file.startswith(METADATA):
            return tuple(file.removesuffix(end) + other for other in ARCHIVES if other != end)
    return ()
