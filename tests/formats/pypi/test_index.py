"""The simple index, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.formats.pypi.index import Facts, write_project, write_simple
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow

GOLDEN = Path(__file__).parent / "golden"
CREATED = 1_700_000_000_123_456
PROJECT = Moment(at=CREATED, api="https://packhouse.example/api/v4", format="pypi", place=7)
GROUP = Moment(at=CREATED, api="https://packhouse.example/api/v4", format="pypi", level="group", place=3)
AS_OF = Moment(at=CREATED, api="https://packhouse.example/api/v4", format="pypi", place=7, as_of="/-/at/2024-01-01T00:00:00Z")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file(path: str, *, project: int = 7, content: str = "", requires: str = "", metadata: bool = True, origin: int | None = None) -> FileRow:
    facts = msgspec.json.encode(Facts(requires_python=requires, metadata=digest(f"{path}.metadata") if metadata else ""))
    blob = Blob(sha256=digest(content or path), size=len(path) * 100)
    return FileRow(id=len(path), project=project, path=path, blob=blob, facts=facts, created=CREATED, origin_at=origin)


def side_file(path: str) -> FileRow:
    return FileRow(id=len(path), project=7, path=path, blob=Blob(sha256=digest(path), size=1), derived=True, created=CREATED)


def version(number: str, *files: FileRow, project: int = 7, yanked: str | None = None, status: str = "default") -> VersionRow:
    return VersionRow(id=1, project=project, name="Toy.Pkg", version=number, yanked=yanked, status=status, files=files)


def package(*versions: VersionRow, project: int = 7, name: str = "Toy.Pkg") -> PackageRow:
    return PackageRow(id=project, project=project, name=name, key="toy-pkg", versions=versions)


def wheel_name(number: str) -> str:
    return f"toy_pkg-{number}-py3-none-any.whl"


def plain(number: str, **more: str) -> VersionRow:
    return version(number, file(wheel_name(number)), **more)


WHEEL, SDIST = wheel_name("1.0"), "toy_pkg-1.0.tar.gz"
PYTHONS = ">=3.9,<4"


def one(*versions: VersionRow) -> Rows:
    return Rows(packages=(package(*versions),))


TWO_PROJECTS = Rows(
    packages=(
        package(version("1.0", file(WHEEL, project=9), file(SDIST, project=9, content="other"), project=9), project=9, name="toy-pkg"),
        package(version("1.0.0", file(WHEEL), file(SDIST, content="one")), plain("0.9")),
    )
)

PROJECTS: Mapping[str, tuple[Rows, Moment]] = {
    "one-version": (one(plain("1.0")), PROJECT),
    "two-files": (one(version("1.0", file(SDIST, requires=PYTHONS, metadata=False), file(WHEEL, requires=PYTHONS))), PROJECT),
    "order": (one(plain("1.10"), plain("1.9"), plain("1.10rc1"), plain("1!0.1"), plain("1.10.post1"), plain("1.10.dev0")), PROJECT),
    "yanked": (one(plain("1.0", yanked=""), plain("1.1", yanked='broken on <Debian> & "others" – sorry'), plain("1.2")), PROJECT),
    "attested": (one(version("1.0", file(WHEEL), side_file(f"{WHEEL}.metadata"), side_file(f"{WHEEL}.provenance"))), PROJECT),
    "from-upstream": (one(version("1.0", file(WHEEL, origin=1_500_000_000_000_000))), PROJECT),
    "local-version": (one(version("1.0+local.1", file(wheel_name("1.0+local.1")))), PROJECT),
    "error-left-out": (one(plain("1.0"), plain("1.1", status="error"), plain("1.2", status="hidden")), PROJECT),
    "as-of": (one(plain("1.0")), AS_OF),
    "group": (TWO_PROJECTS, GROUP),
}

LISTS: Mapping[str, tuple[Rows, Moment]] = {
    "list-empty": (Rows(), PROJECT),
    "list": (Rows(packages=(package(name="Zope.Thing"), package(name="Alpha_Beta"))), PROJECT),
    "list-group": (Rows(packages=(package(), package(project=9, name="toy_pkg"), package(name="other"))), GROUP),
}


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    return os.environ.get("PACKHOUSE_GOLDEN") == "write" or bool(request.config.getoption("--write-golden", default=False))


def check(name: str, documents: Mapping[str, bytes], rewrite: bool) -> None:
    for kind, body in documents.items():
        golden = GOLDEN / f"{name}.{kind}"
        if rewrite:
            golden.write_bytes(body)
        assert body.decode() == golden.read_text(), f"{golden} differs"


@pytest.mark.parametrize("name", PROJECTS)
def test_project_page_is_golden(name: str, rewrite: bool) -> None:
    """A project's page would have changed without anybody meaning it."""
    rows, moment = PROJECTS[name]
    check(name, {kind: made.body for kind, made in write_project(rows, {}, moment).items()}, rewrite)


@pytest.mark.parametrize("name", LISTS)
def test_project_list_is_golden(name: str, rewrite: bool) -> None:
    """The list of projects would have changed without anybody meaning it."""
    rows, moment = LISTS[name]
    check(name, {kind: made.body for kind, made in write_simple(rows, {}, moment).items()}, rewrite)


def test_every_golden_document_belongs_to_a_case() -> None:
    """A golden document that nothing compares would look like a promise."""
    assert {path.stem for path in GOLDEN.iterdir()} == {*PROJECTS, *LISTS}


def test_nothing_to_show_is_no_document() -> None:
    """A project without versions would be answered as if it were there."""
    assert write_project(Rows(), {}, PROJECT) == {}
    assert write_project(Rows(packages=(package(plain("1.0", status="error")),)), {}, PROJECT) == {}


class Anchors(HTMLParser):
    """The anchors of a page with their attributes and texts."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append((dict(attrs), ""))
        else:
            assert tag in {"html", "head", "meta", "title", "body", "h1", "br"}

    def handle_data(self, data: str) -> None:
        if self.found and data.strip():
            self.found[-1] = (self.found[-1][0], data)


@given(reason=st.text(max_size=20), requires=st.text(max_size=20), suffix=st.text(max_size=20))
def test_nothing_escapes_into_the_page(reason: str, requires: str, suffix: str) -> None:
    """Text from a package would become markup of ours, or JSON and HTML would say different things."""
    path = f"toy_pkg-1.0-py3-none-any.whl{suffix}"
    rows = Rows(packages=(package(version("1.0", file(path, requires=requires), yanked=reason)),))
    made = write_project(rows, {}, PROJECT)
    [[attributes, _]] = Anchors(made["html"].body).found
    [listed] = json.loads(made["json"].body)["files"]
    assert attributes["data-yanked"] == reason
    assert attributes["data-requires-python"] == requires
    assert attributes["href"] == listed["url"]
    assert listed["yanked"] == (reason or True)
    assert listed.get("requires-python", "") == requires


def test_mandatory_keys_of_the_announced_version_are_there() -> None:
    """Version 1.4 would be announced without what it demands."""
    for rows, moment in PROJECTS.values():
        page = json.loads(write_project(rows, {}, moment)["json"].body)
        assert page["meta"]["api-version"] == "1.4"
        assert page["versions"]
        for listed in page["files"]:
            assert isinstance(listed["size"], int)
            assert listed["hashes"]["sha256"] in listed["url"]
            assert listed["upload-time"].endswith("Z")


def test_rows_in_another_order_make_the_same_bytes() -> None:
    """Two processes would serve different bytes for the same rows."""
    rows, moment = PROJECTS["group"]
    turned = Rows(packages=tuple(msgspec.structs.replace(one, versions=tuple(reversed(one.versions))) for one in reversed(rows.packages)))
    assert write_project(turned, {}, moment) == write_project(rows, {}, moment)
