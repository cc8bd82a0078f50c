"""Documents of modules byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden ones again."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from packhouse.errors import InvalidParameter
from packhouse.formats.puppet import index, routes
from packhouse.model import Blob, FileRow, Moment, NewFile, PackageRow, Published, Rows, Upload, VersionRow, replace

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_700_000_000_123_456
MOMENT = Moment(at=NOW, api="http://registry.example/api/v4", format="puppet", place=7)
_ids = itertools.count(1)


def version(
    text: str, name: str = "acme-toy", project: int = 7, age: int = 0, yanked: str | None = None, status: str = "default", **said: Any
) -> VersionRow:
    at = NOW - age * 1_000_000
    slug = f"{name}-{text}"
    metadata = {"name": name.replace("-", "/"), "version": text, "dependencies": [], **said}
    content = f"{slug} {project}".encode()
    facts = index.Facts(md5=hashlib.md5(content).hexdigest(), summary=said.get("summary", ""), tags=tuple(said.get("tags", ())))
    blob = Blob(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    file = FileRow(id=next(_ids), project=project, path=f"{slug}.tar.gz", blob=blob, facts=msgspec.json.encode(facts), created=at)
    told = msgspec.json.encode({"metadata": metadata, "readme": f"# {slug}"})
    other = FileRow(id=next(_ids), project=project, path=index.SAID, blob=blob, facts=told, derived=True, created=at)
    return VersionRow(id=next(_ids), project=project, name=name, version=text, created=at, status=status, yanked=yanked, files=(file, other))


def package(*versions: VersionRow, name: str = "acme-toy", project: int = 7) -> PackageRow:
    return PackageRow(id=next(_ids), project=project, name=name, key=name, versions=versions)


def write(*packages: PackageRow) -> tuple[Any, Any]:
    made = index.write_module(Rows(packages=packages), {}, MOMENT)
    return json.loads(made[index.MODULE].body), json.loads(made[index.RELEASES].body)


SOME = package(
    version("1.9.0", age=50, summary="A toy", tags=["toys"], project_page="https://toy.example", issues_url="https://toy.example/issues"),
    version("1.10.0", age=40, summary="A toy", project_page="https://toy.example", odd={"deep": [1, 2.5, None]}),
    version("2.0.0-rc.1", age=30),
)


@pytest.mark.parametrize("path", [index.MODULE, index.RELEASES])
def test_golden(path: str) -> None:
    """A document could change for the same rows, and every client fetch it again."""
    made = index.write_module(Rows(packages=(SOME,)), {}, MOMENT)[path]
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        (GOLDEN / path).write_bytes(made.body)
    assert made.body == (GOLDEN / path).read_bytes() and made.media_type == "application/json"


def test_same_rows_same_bytes() -> None:
    """The order in which a database tells its rows could show."""
    turned = replace(SOME, versions=tuple(replace(row, files=row.files[::-1]) for row in SOME.versions[::-1]))
    for write_all in (index.write_module, index.write_catalog):
        assert write_all(Rows(packages=(turned,)), {}, MOMENT) == write_all(Rows(packages=(SOME,)), {}, MOMENT)


def test_addresses_are_of_the_root() -> None:
    """An address could have our prefix or host in it, which clients put in front a second time."""
    module, releases = write(SOME)
    found = [value for text in map(json.dumps, (module, releases)) for value in text.split('"') if "/v3/" in value]
    assert len(found) > 20 and all(value.startswith("/v3/") for value in found)


def test_one_release() -> None:
    """A release that is asked for alone could be told of otherwise than in the list."""
    documents = index.write_module(Rows(packages=(SOME,)), {}, MOMENT)
    for row, listed in zip(sorted(SOME.versions, key=lambda row: row.created, reverse=True), write(SOME)[1], strict=True):
        one = index.write_one(Rows(packages=(replace(SOME, versions=(row,)),)), documents[index.MODULE].body)
        assert json.loads(msgspec.json.encode(one)) == {**listed, "readme": f"# acme-toy-{row.version}"}
        bare = replace(row, files=tuple(file for file in row.files if file.path == index.SAID))
        assert index.write_one(Rows(packages=(replace(SOME, versions=(bare,)),)), documents[index.MODULE].body) is None


def test_pages_of_a_module() -> None:
    """A page could hold other releases than were asked for, or tell another number of them."""
    body = json.dumps([{"version": "2.0.0", "created_at": "2024-01-01", "x": [1]}, {"version": "1.0.0", "created_at": "2025-01-01"}]).encode()
    asked: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["2.0.0", "1.0.0"]), ({"limit": "1"}, ["2.0.0"]), ({"offset": "1"}, ["1.0.0"]), ({"offset": "2"}, []),
        ({"sort_by": "release_date"}, ["1.0.0", "2.0.0"]),
    ]  # fmt: skip
    for query, wanted in asked:
        page, total = routes.read_page(body, index.read_asked(query))
        assert ([each["version"] for each in page], total) == (wanted, 2)
    assert routes.read_chosen(body, {"2.0.0"}) == {"2.0.0": json.loads(body)[0]}


def test_published_beside_an_older_record() -> None:
    """The same module sent again after the server was updated could end in an error, as what is made from it is kept as it was."""
    [row, *_] = SOME.versions
    file = next(file for file in row.files if file.path != index.SAID)
    said = msgspec.json.encode({"metadata": {"name": "acme/toy"}, "readme": "new"})
    files = (NewFile(path=file.path, content=b"", facts=file.facts), NewFile(path=index.SAID, content=said, facts=said, derived=True))
    published = Published(package_id=1, version_id=1, version=row.version, files=(file,), created=False)
    made = index.write_published(Upload(name="acme-toy", version=row.version, files=files), published)
    assert (made["slug"], made["readme"], made["file_sha256"]) == ("acme-toy-1.9.0", "new", file.blob.sha256)


def test_current_release_and_order() -> None:
    """r10k could take a prerelease, or 1.9 before 1.10, for the latest."""
    module, releases = write(SOME)
    assert [each["version"] for each in releases] == ["2.0.0-rc.1", "1.10.0", "1.9.0"] == [each["version"] for each in module["releases"]]
    assert module["current_release"]["version"] == "1.10.0" and module["homepage_url"] == "https://toy.example" and module["issues_url"] is None
    early, _ = write(package(version("0.1.0-a"), version("0.1.0-b")))
    assert early["current_release"]["version"] == "0.1.0-b"


def test_metadata_is_unchanged() -> None:
    """Metadata could lose what we know nothing of."""
    _, releases = write(SOME)
    assert releases[1]["metadata"]["odd"] == {"deep": [1, 2.5, None]} and releases[1]["metadata"]["name"] == "acme/toy"


def test_deprecation() -> None:
    """A module could be called deprecated while one of its versions is not, or nobody be told what takes its place."""
    some, _ = write(package(version("1.0.0", yanked="Old"), version("1.1.0")))
    assert some["deprecated_at"] is None and some["deprecated_for"] is None
    gone, releases = write(package(version("1.0.0", yanked="Old"), version("1.1.0", yanked=index.write_reason("Too old", "acme-new"))))
    assert gone["deprecated_at"] == "2023-11-14 22:13:20 +0000" == releases[0]["module"]["deprecated_at"]
    assert (gone["deprecated_for"], gone["superseded_by"]["slug"]) == ("Too old", "acme-new")
    for reason, slug in (("", ""), ("a (b)", ""), ("", "acme-new"), ("two\nlines", "acme-new")):
        told, _ = write(package(version("1.0.0", yanked=index.write_reason(reason, slug))))
        assert (told["deprecated_for"] or "", (told["superseded_by"] or {"slug": ""})["slug"]) == (reason, slug)


def test_hidden() -> None:
    """A hidden version could be offered, or a module without any other be found."""
    hidden = package(version("1.0.0", status="hidden"))
    for rows in (Rows(packages=(hidden,)), Rows()):
        assert index.write_module(rows, {}, MOMENT) == {} == index.write_catalog(rows, {}, MOMENT)


def test_first_in_a_group() -> None:
    """A project that publishes a version later could take the place of the first one in a group, or what only it has be missing."""
    first = package(version("1.0.0", project=8, age=9), project=8)
    later = package(version("1.0.0+b", project=7, age=5), version("1.1.0", project=7), project=7)
    for order in ((first, later), (later, first)):
        _, releases = write(*order)
        assert [each["version"] for each in releases] == ["1.1.0", "1.0.0"]
        assert releases[1]["file_sha256"] == first.versions[0].files[0].blob.sha256
        assert index.find_texts(Rows(packages=order)) == {"readme": "# acme-toy-1.1.0", "changelog": None, "license": None}


def test_file_that_was_deleted_alone() -> None:
    """A version whose file is gone could be listed."""
    row = version("1.0.0")
    assert index.write_module(Rows(packages=(package(replace(row, files=row.files[1:])),)), {}, MOMENT) == {}


# -- the catalog -------------------------------------------------------------------------------------------------------


def catalog(*packages: PackageRow) -> list[index.Entry]:
    return index.read_catalog(index.write_catalog(Rows(packages=packages), {}, MOMENT)[index.CATALOG].body)


def test_search() -> None:
    """A search could miss what summary or tags say, or find what only another release says."""
    clock = package(version("1.0.0", name="acme-clock", summary="Sets the TIME", tags=["ntp"], age=5), name="acme-clock")
    ntp = package(version("1.0.0", name="zed-ntp", summary="no", age=1), name="zed-ntp")
    old = package(version("1.0.0", name="b-old", summary="ntp", age=9), version("1.1.0", name="b-old", age=8), name="b-old")
    entries = catalog(ntp, clock, old)
    assert [entry.name for entry in entries] == ["acme-clock", "b-old", "zed-ntp"]

    def find(query: str = "", owner: str = "", sort_by: str = "") -> list[str]:
        return [entry.name for entry in index.find_entries(entries, query, owner, sort_by)]

    assert find("NTP") == ["zed-ntp", "acme-clock"] and find("time sets") == ["acme-clock"] and find("acme/clock") == ["acme-clock"]
    assert find() == ["acme-clock", "b-old", "zed-ntp"] == find("-") and find(sort_by="latest_release") == ["zed-ntp", "acme-clock", "b-old"]
    assert find(owner="ACME") == ["acme-clock"] and find("ntp", "b") == [] == find("none")


def test_users() -> None:
    """An owner could be listed twice, or with the modules of another one."""
    entries = catalog(package(version("1.0.0", age=5), version("1.1.0")), package(version("1.0.0", name="zed-a"), name="zed-a"))
    first, second = index.list_users(entries)
    assert (first["slug"], first["module_count"], first["release_count"], first["created_at"]) == ("acme", 1, 2, "2023-11-14 22:13:15 +0000")
    assert second["uri"] == "/v3/users/zed"


# -- pages -------------------------------------------------------------------------------------------------------------


def page(total: int, **query: str) -> dict[str, Any]:
    made: dict[str, Any] = index.write_page("releases", index.read_asked(query, ("version",)), total, [])["pagination"]
    return made


def test_pages() -> None:
    """A client that follows `next` could miss a result, never come to an end, or lose what it asked for on the way."""
    first = page(41, module="acme-toy", exclude_fields="readme,x y", sort_by="version")
    same = "/v3/releases?module=acme-toy&exclude_fields=readme%2Cx+y&sort_by=version&limit=20&offset="
    assert first == {"limit": 20, "offset": 0, "first": f"{same}0", "previous": None, "current": f"{same}0", "next": f"{same}20", "total": 41}
    assert page(41, offset="20")["next"] == "/v3/releases?limit=20&offset=40" and page(41, offset="40")["next"] is None
    assert page(41, offset="10")["previous"] == "/v3/releases?limit=20&offset=0" and page(0)["next"] is None
    assert page(9, limit="500")["limit"] == 100


def test_pages_repeat_no_token() -> None:
    """A token in a query could be written into a document that others keep."""
    assert "secret" not in json.dumps(page(41, private_token="secret", job_token="secret", unknown="secret"))


@pytest.mark.parametrize(
    "query",
    [{"limit": "abc"}, {"limit": "0"}, {"limit": "-1"}, {"offset": "-1"}, {"offset": "1e9"}, {"offset": "٣"}, {"limit": "1" * 20}, {"sort_by": "x"},
     {"exclude_fields": "x" * 1001}, {"query": "x" * 1001}],
)  # fmt: skip
def test_bad_queries(query: dict[str, str]) -> None:
    """A value that means nothing could be taken for another one."""
    with pytest.raises(InvalidParameter):
        index.read_asked(query, ("version",))


def test_fields_left_out() -> None:
    """A field could be sent that a client asked to be left out, or one that it needs be missing."""
    module, _ = write(SOME)
    asked = index.read_asked({"exclude_fields": "tags, uri readme"})
    short = index.without(module, asked.excluded)
    assert "uri" not in short and "tags" not in short["current_release"] and short["current_release"]["version"] == "1.10.0"
