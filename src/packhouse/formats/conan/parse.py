"""What the three text files of Conan say: the recipe, the manifest, the configuration of a binary. Read in a child process; nothing is executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packhouse.errors import DigestMismatch, InvalidUpload
from packhouse.model import About, Blob, Dependency, Struct

LARGEST_RECIPE = 1024 * 1024
LARGEST_INFO = 1024 * 1024
LONGEST_LINE = 8192
MOST_LINES = 2_000_000
SECTION = re.compile(r"\[([a-z_]{2,50})\]")
MD5 = re.compile(r"[0-9a-f]{32}")
LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
EMPTY_SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
LONGEST_TEXT = 4096
MOST_WORDS = 100


# -- conanfile.py ----------------------------------------------------------------------------------------------------


class Recipe(Struct):
    """What a recipe says of itself in plain constants; "" where it says nothing or computes it."""

    name: str = ""
    version: str = ""
    about: About = About()


def read_recipe(path: str) -> Recipe:
    """The constants of the recipe's class. A file that is no Python of today, or has not one such class, says nothing and carries a warning."""
    source = Path(path).read_bytes() if Path(path).stat().st_size <= LARGEST_RECIPE else None
    if source is None:
        return warn_of_recipe(f"conanfile.py is larger than {LARGEST_RECIPE} bytes and was not looked into")
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return warn_of_recipe("conanfile.py cannot be read as Python: clients of today will refuse it")
    classes = [node for node in module.body if isinstance(node, ast.ClassDef) and any(is_conanfile(base) for base in node.bases)]
    if len(classes) != 1:
        return warn_of_recipe(f"conanfile.py has {len(classes)} classes that derive from ConanFile, clients expect one")
    said = dict(constants_of(classes[0]))
    return Recipe(name=text_of(said, "name"), version=text_of(said, "version"), about=describe(said))


def warn_of_recipe(warning: str) -> Recipe:
    return Recipe(about=About(warnings=(warning,)))


def is_conanfile(base: ast.expr) -> bool:
    return (isinstance(base, ast.Name) and base.id == "ConanFile") or (isinstance(base, ast.Attribute) and base.attr == "ConanFile")


def constants_of(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    """The assignments of plain constants in a class body, in order."""
    for statement in node.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name):
            try:
                yield target.id, ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                yield target.id, None  # computed: what an earlier line said no longer counts


def text_of(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    return str(value).strip()[:LONGEST_TEXT] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def words_of(said: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = said.get(key)
    listed = (value,) if isinstance(value, str) else value if isinstance(value, tuple | list | set) else ()
    return tuple(str(word).strip()[:255] for word in listed if isinstance(word, str))[:MOST_WORDS]


def describe(said: Mapping[str, Any]) -> About:
    links = {title: url for title, key in (("Homepage", "homepage"), ("Recipe", "url")) if is_link(url := text_of(said, key))}
    return About(
        summary=" ".join(text_of(said, "description").split())[:1024],
        license=", ".join(words_of(said, "license")),
        author=" ".join(text_of(said, "author").split())[:255],
        keywords=words_of(said, "topics"),
        links=links,
        dependencies=tuple(
            Dependency(name=name, range=rest.strip("[]"), kind=kind)
            for key, kind in (("requires", ""), ("tool_requires", "build"), ("build_requires", "build"), ("test_requires", "test"))
            for name, _, rest in (word.partition("/") for word in words_of(said, key))
        ),
    )


def is_link(url: str) -> bool:
    return url.startswith(("https://", "http://")) and url.isprintable() and " " not in url


def check_recipe(recipe: Recipe, name: str, version: str) -> None:
    """Nothing, where the recipe agrees with its path. Raises `InvalidUpload` with both."""
    for label, said, asked in (("name", recipe.name, name), ("version", recipe.version, version)):
        if said and said != asked:
            raise InvalidUpload(f"conanfile.py says its {label} is {said[:80]!r}, the path says {asked!r}: upload it as what it is")


# -- conanmanifest.txt -----------------------------------------------------------------------------------------------


class Manifest(Struct):
    """`digest` is the md5 that the manifest gives for the one file it is compared with, "" where it does not name it."""

    digest: str = ""
    about: About = About()


def read_manifest(path: str, described: str) -> Manifest:
    """What a manifest says of the file `described`. One that clients cannot read says nothing and carries a warning."""
    digest = ""
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            int(file.readline(LONGEST_LINE))
            for _ in range(MOST_LINES):
                line = file.readline(LONGEST_LINE)
                if not line:
                    return Manifest(digest=digest)
                name, colon, md5 = line.strip("\r\n").rpartition(": ")
                if colon and name == described and MD5.fullmatch(md5):
                    digest = md5
                elif line.strip() and not colon:
                    break
    except (ValueError, OverflowError):
        pass
    return Manifest(about=About(warnings=("conanmanifest.txt is not a time and a list of files with their md5: clients will refuse it",)))


def check_described(file: str, said: str, actual: str | None) -> None:
    """Nothing, where a manifest agrees with a file. Raises `InvalidUpload` with both digests."""
    if said and actual and said != actual:
        raise InvalidUpload(f"conanmanifest.txt says {file} has md5 {said}, but {file} has md5 {actual}: upload both from one export")


# -- conaninfo.txt ---------------------------------------------------------------------------------------------------


class Info(Struct):
    """The text as it is, "" where clients could not read it."""

    content: str = ""
    about: About = About()


def read_info(path: str) -> Info:
    """The configuration of a binary. Raises `InvalidUpload` where it is no short text."""
    if Path(path).stat().st_size > LARGEST_INFO:
        raise InvalidUpload(f"conaninfo.txt is larger than {LARGEST_INFO} bytes: it lists settings, options and requirements only")
    try:
        content = Path(path).read_bytes().decode()
        read_sections(content)
    except UnicodeDecodeError as error:
        raise InvalidUpload("conaninfo.txt is not UTF-8 text") from error
    except ValueError as error:
        # One such text would break the list of every other binary of the recipe: the client parses them all.
        return Info(about=About(warnings=(f"conaninfo.txt cannot be read ({error}): the binary is listed without its configuration",)))
    return Info(content=content)


def read_sections(content: str) -> dict[str, list[str]]:
    """The lines of each section. Raises `ValueError` for what Conan's own reader refuses."""
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in (raw.strip() for raw in content.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = SECTION.match(line)
            if section is None or section[1] in found:
                raise ValueError(f"bad section {line[:80]!r}")
            lines = found[section[1]] = []
        elif lines is None:
            raise ValueError(f"line {line[:80]!r} before the first section")
        else:
            lines.append(line)
    return found


def write_summary(content: str) -> dict[str, Any]:
    """Settings, options, requirements and the recipe's hash as Conan 1 lists them."""
    sections = read_sections(content)
    requires = sections.get("requires", [])
    return {
        "settings": pairs_of(sections.get("settings", [])),
        "options": pairs_of(sections.get("options", [])),
        "requires": dict.fromkeys(requires),
        "full_requires": sections.get("full_requires", requires),
        "recipe_hash": "".join(sections.get("recipe_hash", [])[:1]) or None,
    }


def pairs_of(lines: list[str]) -> dict[str, str]:
    return {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}


# -- digests ---------------------------------------------------------------------------------------------------------


def check_digests(headers: Mapping[str, str], blob: Blob) -> None:
    """Nothing, if the bytes are what the X-Checksum headers promise. Raises `DigestMismatch`, `InvalidUpload`."""
    for algorithm, length in LENGTHS.items():
        header = f"x-checksum-{algorithm}"
        said = headers.get(header)
        if said is None:
            continue
        if not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", said.strip()):
            raise InvalidUpload(f"Header {header} must be {length} hexadecimal digits, not {said[:140]!r}")
        actual = getattr(blob, algorithm)
        if actual is not None and actual != said.strip().lower():
            raise DigestMismatch(f"Header {header} declares {said.strip().lower()}, the file has {actual}", sent=said, actual=actual)


def promises_nothing(headers: Mapping[str, str]) -> bool:
    """Whether the headers say that the file is meant to be empty."""
    return headers.get("x-checksum-sha1", "").strip().lower() == EMPTY_SHA1
