"""A format is a room: the same furniture in each, and nothing of it anywhere else (notes, sections 1, 4 and 17)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import packhouse
from packhouse import formats
from packhouse.contract import Format
from packhouse.formats import FORMATS

SOURCE = Path(packhouse.__file__).parent
ROOMS = sorted(folder for folder in Path(formats.__file__).parent.iterdir() if folder.is_dir() and not folder.name.startswith("__"))
REQUIRED = ("__init__", "names", "parse", "routes", "snippets")
KNOWN = {*REQUIRED, "index", "errors", "upstream", "sign", "keep", "sessions", "manifests", "source"}
PLAIN = {"icon.svg", "README.md"}

# GitLab's contract names formats in fields, lists and sentences of its own; each place that has to is here with what for.
SPOKEN = {
    "formats/__init__.py": "the one line",
    "db/packages.py": "the order of GitLab's enum of package types, which `order_by=type` sorts by",
    "db/places.py": "protection rules of packages and of containers are two lists of the API",
    "packages/rules.py": "the formats whose duplicates can be allowed by a setting of the API",
    "api/debian_distributions.py": "distributions have addresses of their own in the API",
    "formats/maven/__init__.py": "sbt is a client of Maven repositories too",
    "formats/maven/snippets.py": "sbt is a client of Maven repositories too",
    "formats/sbt/__init__.py": "package URLs have no type of their own for what sbt publishes",
    "formats/conda/parse/records.py": "what conda calls a package for every platform that is none of Python",
    "api/settings.py": "fields of the package settings",
    "api/projects.py": "a project with containers cannot be moved",
    "api/registry_auth.py": "the token service of the container registry",
    "api/shapes.py": "the API shows a recipe's name in two ways",
    "packages/cleanup.py": "cleanup policies are of container tags alone",
    "packages/proxies.py": "the dependency proxy is of containers alone",
    "packages/restore.py": "images have no bin: their layers are collected",
    "ui/admin_pages.py": "fields of the package settings",
    "ui/settings_pages.py": "fields of the package settings, and an example",
    "ui/deleting_pages.py": "the formats whose names can be forwarded by a setting of the API",
    "ui/compose.py": "what people call a yank",
    "ui/desk.py": "the menu has an entry for packages and one for containers",
    "ui/single_sign_on.py": "a panel, and no format",
}


def find(name: str) -> Format | None:
    return next((format for format in FORMATS if format.name == name), None)


@pytest.mark.parametrize("room", ROOMS, ids=[room.name for room in ROOMS])
def test_furniture(room: Path) -> None:
    """A room could lack what every reader looks for, or hold something that only its author knows."""
    entries = {entry.name for entry in room.iterdir() if entry.name not in ("__pycache__", "static")}
    modules = {name.removesuffix(".py") for name in entries if name.endswith(".py") or (room / name).is_dir()}
    assert not set(REQUIRED) - modules, "missing"
    assert not modules - KNOWN, "unknown"
    assert not {name for name in entries if not name.endswith(".py") and (room / name).is_file()} - PLAIN, "unknown"
    assert entries >= PLAIN, "missing"
    twice = {name.removesuffix(".py") for name in entries if name.endswith(".py")} & {name for name in entries if (room / name).is_dir()}
    assert not twice, "a file and a folder of one name"
    for folder in (entry for entry in room.iterdir() if entry.is_dir() and entry.name != "__pycache__"):
        assert (folder / "__init__.py").exists()


@pytest.mark.parametrize("room", ROOMS, ids=[room.name for room in ROOMS])
def test_the_plate_says_what_is_inside(room: Path) -> None:
    """The record could promise an index or an upstream that the room has not, or the room hold one that nobody uses."""
    format = find(room.name)
    assert format is not None, "a room that no list of formats names"
    for module, used in (("index", bool(format.indexes)), ("upstream", format.upstream is not None), ("keep", format.keep is not None)):
        there = (room / f"{module}.py").exists() or (room / module).is_dir()
        assert there or not used, f"{module} is missing"


def spoken(names: set[str]) -> Iterator[tuple[str, str, int]]:
    """(file, name, line) of each string of our source that is a format's name, outside that format's room."""
    for path in sorted(SOURCE.rglob("*.py")):
        inside = path.relative_to(SOURCE)
        if "node_modules" in inside.parts:
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in names and inside.parts[:2] != ("formats", node.value):
                yield inside.as_posix(), str(node.value), node.lineno
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("packhouse.formats.") and inside.parts[0] != "formats":
                yield inside.as_posix(), str(node.module), node.lineno


def test_formats_are_named_nowhere_else() -> None:
    """A switch over formats could grow outside of their rooms, and the next format have to be added to it."""
    found = list(spoken({format.name for format in FORMATS}))
    strangers = [f"{file}:{line} says {name!r}" for file, name, line in found if file not in SPOKEN]
    assert not strangers
    assert found or len(FORMATS) == 0


def test_names_are_unique() -> None:
    """Two formats could share a name, and so their addresses and rows."""
    assert len({format.name for format in FORMATS}) == len(FORMATS)
    for format in FORMATS:
        assert format.name == format.name.lower() and format.name.isidentifier()
        assert format.title and format.purl and format.clients


@pytest.mark.parametrize("format", FORMATS, ids=[format.name for format in FORMATS])
def test_every_route_says_who_may(format: Format) -> None:
    """A route could be open to anybody because nobody said otherwise, or change something under the name of a read."""
    for route in format.routes:
        assert route.action.name in ("OPEN", "SIGN_IN", "READ", "PUBLISH", "DELETE", "ADMIN"), route.path
        if route.method in ("PUT", "DELETE") and route.action.name == "READ":
            raise AssertionError(f"{route.method} {route.path} changes something as a read")
        assert not route.path.startswith("/")
        assert route.limit is None or route.limit >= 0
