"""What each request does and answers, through a small house in memory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import fromstring

import msgspec
import pytest

from packhouse.contract import GROUP, PROJECT, Action
from packhouse.errors import (
    AlreadyExists,
    FileNotFound,
    Forbidden,
    Invalid,
    InvalidParameter,
    InvalidUpload,
    NotFound,
    PackageNotFound,
    PlaceNotFound,
    VersionNotFound,
)  # fmt: skip
from packhouse.formats.nuget import FORMAT
from packhouse.formats.nuget.errors import ERRORS, read_api_key
from packhouse.formats.nuget.snippets import snippets
from packhouse.model import ANONYMOUS, Moment, PackageRow, VersionRow
from packhouse.responses import Document, FileReply
from packhouse.wording import status_of

from . import samples
from .fake import MOMENT, House, ask, match
from .samples import Sample, sample

HERE = "https://packhouse.example/api/v4/projects/7/packages/nuget"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def run(house: House, method: str, path: str, content: bytes = b"", **more: Any) -> Any:
    return asyncio.run(ask(house, method, path, content, **more))


def publish(house: House, new: Sample, path: str = "", **form: str) -> Any:
    body, headers = new.body(**form)
    return run(house, "PUT", path, body, headers={name.lower(): text for name, text in headers.items()})


def value(answer: Any) -> Any:
    return json.loads(answer.body)


def versions(house: House, name: str = "acme.toy") -> list[str]:
    found: list[str] = value(run(house, "GET", f"download/{name}/index.json"))["versions"]
    return found


# -- publish and fetch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "v2"])
def test_published_package_comes_back(path: str, house: House) -> None:
    """What was published cannot be found or fetched."""
    answer = publish(house, sample(), path)
    assert (answer.status_code, value(answer)) == (201, {"message": "201 Created"})
    index = run(house, "GET", "metadata/acme.toy/index.json")
    assert isinstance(index, Document)
    url = value(index)["items"][0]["items"][0]["packageContent"]
    assert url == f"{HERE}/download/Acme.Toy/1.0.0/acme.toy.1.0.0.nupkg"
    fetched = run(house, "GET", url.removeprefix(f"{HERE}/"))
    assert isinstance(fetched, FileReply) and fetched.blob.sha256 == sample().sha256 and fetched.version_id is not None


@pytest.mark.parametrize("name", ["acme.toy", "Acme.Toy", "ACME.TOY"])
def test_letter_case_of_an_id_does_not_matter(name: str, house: House) -> None:
    """A client that writes an id as the user typed it finds nothing."""
    publish(house, sample())
    for path in (
        "metadata/{}/index.json",
        "metadata/{}/index",
        "metadata/{}/1.0.json",
        "metadata/{}/1.0.0",
        "download/{}/index.json",
        "download/{}/index",
    ):
        assert run(house, "GET", path.format(name))
    assert run(house, "GET", f"download/{name}/1.0.0/{name}.1.0.0.nupkg").blob.sha256 == sample().sha256


@pytest.mark.parametrize(
    ("part", "filename"), [("package", "package.nupkg"), ("file", "package.nupkg"), ("x", "Acme.Toy.1.0.0.nupkg"), ("package", "whatever.zip")]
)
def test_part_may_have_any_name(part: str, filename: str, house: House) -> None:
    """A client that names its part another way cannot publish."""
    assert publish(house, sample(), part=part, filename=filename).status_code == 201


def test_crafted_fields_mean_nothing(house: House) -> None:
    """A form field makes us read a file of ours, or store another one."""
    body, headers = samples.form([("package", "package.nupkg", sample().content)], {"package.path": "/etc/passwd", "package.sha256": "0" * 64})
    assert run(house, "PUT", "", body, headers={"content-type": headers["Content-Type"]}).status_code == 201
    assert run(house, "GET", "download/acme.toy/1.0.0/acme.toy.1.0.0.nupkg").blob.sha256 == sample().sha256


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([], "missing"),
        ([("a", "a", b"x"), ("b", "b", b"y")], "one package"),
        ([("package", "package.nupkg", b"")], "empty"),
        ([("p", "p", b"x")], "zip"),
    ],
)
def test_uploads_without_one_package_are_refused(files: list[tuple[str, str, bytes]], says: str, house: House) -> None:
    """An upload that brings nothing, or something else, is a success or a failure of the server."""
    body, headers = samples.form(files, {} if files else {"x": "y"})
    with pytest.raises(Invalid) as caught:
        run(house, "PUT", "", body, headers={"content-type": headers["Content-Type"]})
    assert says in caught.value.message and status_of(caught.value, ERRORS.status) == 400
    assert not house.shelf


@pytest.mark.parametrize("content_type", ["", "application/octet-stream", "multipart/form-data"])
def test_body_that_is_no_form_is_refused(content_type: str, house: House) -> None:
    """A body sent the wrong way is a failure of the server."""
    with pytest.raises(InvalidUpload):
        run(house, "PUT", "", sample().content, headers={"content-type": content_type})


def test_same_bytes_again_are_a_success(house: House) -> None:
    """A retry after an unclear answer fails."""
    publish(house, sample())
    assert publish(house, sample()).status_code == 201


@pytest.mark.parametrize("version", ["1.0.0", "1.0", "1.0.0.0", "1.0.0+build"])
def test_other_bytes_are_refused_in_any_spelling(version: str, house: House) -> None:
    """A published version is replaced, or stands beside itself under another spelling; or the client does not learn by which bytes it is taken."""
    publish(house, sample())
    other = sample(version=version, variant=1)
    with pytest.raises(AlreadyExists) as caught:
        publish(house, other)
    media_type, body = ERRORS.body(caught.value)
    said = json.loads(body)["message"]
    assert (status_of(caught.value, ERRORS.status), media_type) == (409, "application/json")
    assert "A package with the same name and version already exists" in said and sample().sha256 in said and other.sha256 in said
    assert versions(house) == ["1.0.0"]


def test_file_name_that_contradicts_is_refused(house: House) -> None:
    """A package goes under other coordinates than its file name says, and nobody is told."""
    with pytest.raises(InvalidUpload, match=r"Acme\.Toy 1\.0\.0"):
        publish(house, sample(), filename="Acme.Toy.2.0.0.nupkg")
    assert not house.shelf


def test_side_files_are_served(house: House) -> None:
    """The nuspec, readme, licence or icon of a package cannot be fetched, runs in a browser, or counts as a download."""
    new = sample(
        files={"r.md": samples.README, "L.txt": b"free", "i.png": samples.PNG},
        readme="r.md",
        icon="i.png",
        license='<license type="file">L.txt</license>',
    )
    publish(house, new)
    base = "download/acme.toy/1.0.0"
    types = {
        "acme.toy.nuspec": "application/xml",
        "readme": "text/markdown; charset=utf-8",
        "license": "text/plain; charset=utf-8",
        "icon.png": "image/png",
    }
    for name, media_type in types.items():
        reply = run(house, "GET", f"{base}/{name}")
        assert (reply.media_type, reply.version_id, reply.inline) == (media_type, None, False)
    entry = value(run(house, "GET", "metadata/acme.toy/1.0.0.json"))["catalogEntry"]
    for field in ("iconUrl", "licenseUrl", "readmeUrl"):
        assert run(house, "GET", entry[field].removeprefix(f"{HERE}/"))


@pytest.mark.parametrize(
    "path",
    [
        "metadata/missing/index.json",
        "metadata/acme.toy/9.0.0.json",
        "metadata/acme.toy/index.xls",
        "metadata/acme.toy/..json",
        "metadata/é/index.json",
        "metadata/acme.toy/page/8.0/9.0.json",
        "metadata/acme.toy/page/x/y.json",
        "download/missing/index.json",
        "download/acme.toy/9.0/acme.toy.9.0.nupkg",
        "download/acme.toy/x/acme.toy.x.nupkg",
        "download/acme.toy/1.0.0/other.nupkg",
        "download/acme.toy/1.0.0/acme.toy.1.0.0.snupkg",
        "download/acme.toy/1.0.0/readme",
        "download/a b/1.0.0/x.nupkg",
        "metadata-semver1/missing/index.json",
        "v2/Nothing()",
        "v2/Packages(Id='missing',Version='1.0')",
        "v2/Packages(Id='acme.toy',Version='9.0')",
        "v2/Packages(Id='acme.toy',Version='x')",
        "v2/Packages(Id='a/b',Version='1.0')",
        "v2/package/acme.toy/9.0",
        "v2/Search()x/$count",
    ],
)
def test_what_is_not_there_is_not_found(path: str, house: House) -> None:
    """A missing package answers something that clients do not take for missing."""
    publish(house, sample())
    with pytest.raises((NotFound, LookupError)):
        run(house, "GET", path)


# -- delete, unlist, relist --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["Acme.Toy/1.0.0", "acme.toy/1.0", "v2/Acme.Toy/1.0.0"])
def test_version_is_deleted(path: str, house: House) -> None:
    """`nuget delete` leaves the version, or takes another with it."""
    publish(house, sample())
    publish(house, sample(version="1.1.0"))
    assert run(house, "DELETE", path).status_code == 204
    assert versions(house) == ["1.1.0"]
    with pytest.raises(VersionNotFound):
        run(house, "DELETE", path)


def test_unlisted_version_is_kept_for_who_names_it(house: House) -> None:
    """An unlisted version is gone for builds that lock it, or is still offered; or it cannot be listed again."""
    publish(house, sample())
    assert run(house, "DELETE", "Acme.Toy/1.0.0?unlist=true").status_code == 204
    assert versions(house) == ["1.0.0"]
    assert value(run(house, "GET", "metadata/acme.toy/1.0.0.json"))["catalogEntry"]["listed"] is False
    assert value(run(house, "GET", "query"))["totalHits"] == 0
    assert run(house, "POST", "Acme.Toy/1.0.0").status_code == 200
    assert value(run(house, "GET", "query"))["totalHits"] == 1


@pytest.mark.parametrize("query", ["?unlist=yes", "?unlist=2"])
def test_unclear_unlisting_deletes_nothing(query: str, house: House) -> None:
    """Who misspells a switch loses a version."""
    publish(house, sample())
    with pytest.raises(InvalidParameter):
        run(house, "DELETE", f"Acme.Toy/1.0.0{query}")
    assert versions(house) == ["1.0.0"]


@pytest.mark.parametrize("path", ["missing/1.0.0", "acme.toy/9.0.0", "acme.toy/x", "a b/1.0"])
def test_nothing_else_is_deleted(path: str, house: House) -> None:
    """A path that means nothing deletes something, or is a failure of the server."""
    publish(house, sample())
    for method in ("DELETE", "POST"):
        with pytest.raises(NotFound):
            run(house, method, path)


# -- service index -----------------------------------------------------------------------------------------------------


def resources(answer: Any) -> dict[str, str]:
    return {each["@type"]: each["@id"] for each in value(answer)["resources"]}


@pytest.mark.parametrize("path", ["index.json", "index"])
def test_service_index_names_what_clients_look_for(path: str, house: House) -> None:
    """A client finds no way to search, install or publish."""
    found = resources(run(house, "GET", path))
    assert found["SearchQueryService"] == f"{HERE}/query"
    assert found["RegistrationsBaseUrl"] == found["RegistrationsBaseUrl/Versioned"] == f"{HERE}/metadata"
    assert found["RegistrationsBaseUrl/3.4.0"] == f"{HERE}/metadata-semver1"
    assert (found["PackageBaseAddress/3.0.0"], found["PackagePublish/2.0.0"]) == (f"{HERE}/download", HERE)
    assert found["SymbolPackagePublish/4.9.0"] == f"{HERE}/symbolpackage"


def test_group_index_has_what_reads(tmp_path: Path) -> None:
    """A client is sent to publish to a group, or does not find its registrations."""
    moment = Moment(at=0, api="https://packhouse.example/api/v4", format="nuget", level="group", place=3)
    found = resources(run(House(tmp_path, moment), "GET", "index.json"))
    assert found["RegistrationsBaseUrl"] == "https://packhouse.example/api/v4/groups/3/-/packages/nuget/metadata"
    assert not any(kind.startswith(("PackagePublish", "SymbolPackagePublish", "PackageBaseAddress")) for kind in found)


@pytest.mark.parametrize("id_", ["7", "999999999", "acme/private", "Acme/sub.group/x"])
def test_anonymous_callers_learn_nothing(id_: str, house: House) -> None:
    """Somebody could find out from the service index that a project exists."""
    found = resources(run(house, "GET", "index.json", actor=ANONYMOUS, sees=False, id=id_))
    assert found["PackagePublish/2.0.0"] == f"https://packhouse.example/api/v4/projects/{quote(id_, safe='')}/packages/nuget"


@pytest.mark.parametrize("id_", ["NaN", " ", "anything25", "", "0", "007", "a/", "a b/c", "-1", "a//b", "é/x"])
def test_ids_that_are_none(id_: str, house: House) -> None:
    """A path that can name no project is answered as if it did."""
    for path in ("index.json", "v2", "v2/$metadata"):
        with pytest.raises(PlaceNotFound):
            run(house, "GET", path, actor=ANONYMOUS, sees=False, id=id_)


def test_signed_in_callers_are_told_what_is_not_there(house: House) -> None:
    """Who mistypes an id finds out only when a package is missing."""
    with pytest.raises(PlaceNotFound):
        run(house, "GET", "index.json", sees=False, id="99")


def test_v2_describes_itself(house: House) -> None:
    """An old client cannot begin."""
    for path in ("v2", "v2/$metadata"):
        answer = run(house, "GET", path)
        assert answer.media_type == "application/xml; charset=utf-8"
        fromstring(answer.body)


# -- search ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def full(house: House) -> House:
    """A house with a few packages."""
    for name, version in (("Acme.Toy", "1.0.0"), ("Acme.Toy", "1.1.0-rc.1"), ("Acme.Tool", "2.0.0-beta"), ("Other", "1.0.0"), ("Other", "1.0.1+x")):
        publish(house, sample(name, version))
    return house


@pytest.mark.parametrize(
    ("query", "ids", "total"),
    [
        ("", ["Acme.Tool", "Acme.Toy", "Other"], 3), ("?q=", ["Acme.Tool", "Acme.Toy", "Other"], 3), ("?q=ACME", ["Acme.Tool", "Acme.Toy"], 2),
        ("?q=nothing", [], 0), ("?skip=1", ["Acme.Toy", "Other"], 3), ("?take=1", ["Acme.Tool"], 3), ("?skip=9", [], 3), ("?take=9999", None, 3),
        ("?prerelease=false", ["Acme.Toy", "Other"], 2), ("?q=acme&prerelease=false", ["Acme.Toy"], 1), ("?prerelease=true&q=tool", ["Acme.Tool"], 1),
        ("?q=packageid:acme.toy", ["Acme.Toy"], 1), ("?q=packageid:acme", [], 0), ("?semVerLevel=1.0.0&q=acme", ["Acme.Tool", "Acme.Toy"], 2),
        ("?semVerLevel=2.0.0", None, 3), ("?packageType=dependency&take=2", ["Acme.Tool", "Acme.Toy"], 3), ("?packageType=dotnettool", [], 0),
    ],
)  # fmt: skip
def test_search(query: str, ids: list[str] | None, total: int, full: House) -> None:
    """A search finds something else than it says, or pages go wrong."""
    found = value(run(full, "GET", f"query{query}"))
    assert found["totalHits"] == total
    if ids is not None:
        assert [each["id"] for each in found["data"]] == ids
        assert value(run(full, "GET", f"autocomplete{query}"))["data"] == ids


@pytest.mark.parametrize(
    "query", ["skip=-1", "skip=x", "take=0", "take=-5", "take=1.5", "prerelease=maybe", "semVerLevel=x", "skip=99999999999", "take=%C2%B2"]
)
def test_bad_searches_are_refused(query: str, full: House) -> None:
    """A search that is spelled wrong answers something."""
    for path in ("query", "autocomplete"):
        with pytest.raises(InvalidParameter) as caught:
            run(full, "GET", f"{path}?{query}")
        assert status_of(caught.value, ERRORS.status) == 400


def test_result_shows_versions(full: House) -> None:
    """A search result shows a version that was not asked for, or leads nowhere."""
    found = value(run(full, "GET", "query?q=toy"))["data"][0]
    assert (found["version"], [each["version"] for each in found["versions"]]) == ("1.1.0-rc.1", ["1.0.0", "1.1.0-rc.1"])
    for address in (found["registration"], *(each["@id"] for each in found["versions"])):
        assert run(full, "GET", address.removeprefix(f"{HERE}/"))
    stable = value(run(full, "GET", "query?q=toy&prerelease=false"))["data"][0]
    assert (stable["version"], len(stable["versions"])) == ("1.0.0", 1)


def test_versions_of_an_id_are_completed(full: House) -> None:
    """Completion offers a version that is not there, or misses one."""
    assert value(run(full, "GET", "autocomplete?id=acme.toy"))["data"] == ["1.0.0", "1.1.0-rc.1"]
    assert value(run(full, "GET", "autocomplete?id=acme.toy&prerelease=false"))["data"] == ["1.0.0"]
    assert value(run(full, "GET", "autocomplete?id=Other&semVerLevel=1.0.0"))["data"] == ["1.0.0"]
    assert value(run(full, "GET", "autocomplete?id=missing")) == {"totalHits": 0, "data": []}


def test_pages_of_a_registration_are_found(house: House) -> None:
    """A page that the index names leads nowhere."""
    for number in range(66):
        publish(house, sample(version=f"1.{number}.0"))
    for hive in ("metadata", "metadata-semver1"):
        index = value(run(house, "GET", f"{hive}/acme.toy/index.json"))
        for page in index["items"]:
            assert f"/{hive}/" in page["@id"]
            answer = run(house, "GET", page["@id"].removeprefix(f"{HERE}/"))
            assert isinstance(answer, Document) and value(answer)["count"] == page["count"]
        assert value(run(house, "GET", f"{hive}/acme.toy/page/1.10.0/1.20.0.json"))["count"] == 11


# -- symbols -----------------------------------------------------------------------------------------------------------


def symbol_path(name: str = "Toy.pdb", same: str = "", signature: str = "") -> str:
    return f"symbolfiles/{name}/{signature or samples.pdb_key(samples.pdb())[0]}/{same or name}"


def checksum(text: str = "") -> dict[str, str]:
    return {"symbolchecksum": text or f"SHA256:{samples.pdb_key(samples.pdb())[1]}"}


@pytest.fixture
def symbols(house: House) -> House:
    """A house with a package and its symbols, whose symbol server is on."""
    publish(house, sample())
    publish(house, samples.symbols(), "symbolpackage")
    house.symbol_server = True
    return house


@pytest.mark.parametrize("path", ["symbolpackage", ""])
def test_symbols_come_back(path: str, house: House) -> None:
    """A debugger finds no symbols, or those of something else."""
    publish(house, sample())
    assert publish(house, samples.symbols(), path).status_code == 201
    house.symbol_server = True
    for name in ("Toy.pdb", "toy.PDB"):
        reply = run(house, "GET", symbol_path(name), headers=checksum(), actor=ANONYMOUS)
        assert (house.content[reply.file_id], reply.name, reply.version_id) == (samples.pdb(), name, None)
    assert run(house, "GET", symbol_path(signature=samples.pdb_key(samples.pdb())[0].upper()), headers=checksum())
    assert run(house, "GET", "download/acme.toy/1.0.0/acme.toy.1.0.0.snupkg").blob.sha256 == samples.symbols().sha256
    assert versions(house) == ["1.0.0"]


def test_symbol_server_is_off_until_it_is_on(symbols: House) -> None:
    """Anybody could fetch symbols of a project that has not opened them, or learn whether they are there."""
    symbols.symbol_server = False
    for headers in (checksum(), {}, checksum(f"SHA256:{'0' * 64}")):
        with pytest.raises(Forbidden):
            run(symbols, "GET", symbol_path(), headers=headers, actor=ANONYMOUS)


@pytest.mark.parametrize("header", ["", "SHA256:", "SHA256:xyz", "SHA1:" + "0" * 40, "0" * 64])
def test_checksum_must_be_told(header: str, symbols: House) -> None:
    """Who does not know a PDB can fetch it by its signature."""
    with pytest.raises(Invalid, match="SymbolChecksum"):
        run(symbols, "GET", symbol_path(), headers={"symbolchecksum": header})


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (symbol_path(), checksum(f"SHA256:{'0' * 64}")), (symbol_path("Other.pdb"), checksum()), (symbol_path(same="Other.pdb"), checksum()),
        (symbol_path(signature="0" * 32 + "FFFFFFFF"), checksum()), (symbol_path(signature="x" * 300), checksum()),
    ],
)  # fmt: skip
def test_other_symbols_are_not_found(path: str, headers: dict[str, str], symbols: House) -> None:
    """A debugger gets symbols that do not fit."""
    with pytest.raises(FileNotFound):
        run(symbols, "GET", path, headers=headers)


def test_one_of_several_checksums_is_enough(symbols: House) -> None:
    """A debugger that knows several digests finds nothing."""
    several = f"SHA256:{'0' * 64};SHA256:{samples.pdb_key(samples.pdb())[1].upper()}"
    assert run(symbols, "GET", symbol_path(), headers=checksum(several))


def test_symbols_need_their_package(house: House) -> None:
    """Symbols of nothing are taken without a word."""
    with pytest.raises(VersionNotFound, match="matching package does not exist"):
        publish(house, samples.symbols(), "symbolpackage")
    assert not house.shelf


def test_package_is_no_symbols(house: House) -> None:
    """A package is published as symbols, where nobody looks for it."""
    with pytest.raises(InvalidUpload, match="no symbol package"):
        publish(house, sample(), "symbolpackage")


def test_windows_symbols_are_refused(house: House) -> None:
    """Symbols that no debugger will find are taken without a word, or leave half of themselves behind."""
    publish(house, sample())
    bad = samples.symbols(files={"lib/A.pdb": samples.pdb(), "lib/B.pdb": b"Microsoft C/C++ MSF 7.00\r\n"})
    with pytest.raises(InvalidUpload, match="Windows PDB"):
        publish(house, bad, "symbolpackage")
    assert [file.path for file in house.shelf["acme.toy"].versions[0].files] == ["acme.toy.1.0.0.nupkg", "acme.toy.nuspec"]


# -- the v2 feed -------------------------------------------------------------------------------------------------------


def told(answer: Any) -> list[str]:
    """Which entries an answer has."""
    root = fromstring(answer.body)
    space = "{http://schemas.microsoft.com/ado/2007/08/dataservices}"
    return [f"{ids.text} {each.text}" for ids, each in zip(root.iter(f"{space}Id"), root.iter(f"{space}Version"), strict=True)]


@pytest.mark.parametrize(
    ("path", "entries"),
    [
        ("Packages(Id='acme.toy',Version='1.0')", ["Acme.Toy 1.0.0"]),
        ("FindPackagesById()?id='ACME.toy'", ["Acme.Toy 1.0.0", "Acme.Toy 1.1.0-rc.1"]),
        ("FindPackagesById()?id='missing'", []),
        ("FindPackagesById()?id='a b'", []),
        ("Packages()?$filter=(tolower(Id) eq 'other')", ["Other 1.0.0", "Other 1.0.1+x"]),
        ("Packages()?$filter=tolower(Id) eq 'acme.toy' and IsLatestVersion", ["Acme.Toy 1.0.0"]),
        ("Packages()?$filter=IsAbsoluteLatestVersion", ["Acme.Tool 2.0.0-beta", "Acme.Toy 1.1.0-rc.1", "Other 1.0.1+x"]),
        ("Packages?$filter=Id eq 'Acme.Toy' and Version eq '1.0.0'", ["Acme.Toy 1.0.0"]),
        ("Packages()?$top=1&$skip=1", ["Acme.Toy 1.0.0"]),
        ("Search()?searchTerm='acme'&includePrerelease=false&$filter=IsLatestVersion", ["Acme.Toy 1.0.0"]),
        ("Search()?searchTerm='acme'&includePrerelease=true&$filter=IsAbsoluteLatestVersion", ["Acme.Tool 2.0.0-beta", "Acme.Toy 1.1.0-rc.1"]),
        ("Search()?searchTerm=''&$filter=IsLatestVersion", ["Acme.Toy 1.0.0", "Other 1.0.1+x"]),
        ("GetUpdates()?packageIds='acme.toy|other|missing'&versions='0.9|1.0.1|1.0'&includePrerelease=false", ["Acme.Toy 1.0.0"]),
        (
            "GetUpdates()?packageIds='acme.toy'&versions='0.9'&includePrerelease=true&includeAllVersions=true",
            ["Acme.Toy 1.0.0", "Acme.Toy 1.1.0-rc.1"],
        ),
    ],
)
def test_feed(path: str, entries: list[str], full: House) -> None:
    """An old client is told of other packages than it asks for."""
    assert told(run(full, "GET", f"v2/{path}")) == entries


@pytest.mark.parametrize(("path", "count"), [("Packages()", 5), ("Search()", 3), ("FindPackagesById()", 2)])
def test_counts(path: str, count: int, full: House) -> None:
    """An old client asks for pages that are not there."""
    answer = run(full, "GET", f"v2/{path}/$count?id='acme.toy'")
    assert answer.body == str(count).encode()


@pytest.mark.parametrize(
    "path",
    [
        "FindPackagesById()", "Packages()?$filter=startswith(Id,'a')", "Packages()?$top=x", "Packages(Id='a')", "Search()?includePrerelease=maybe",
        "GetUpdates()?packageIds='a|b'&versions='1.0'", "GetUpdates()?packageIds='a'&versions='x'",
    ],
)  # fmt: skip
def test_bad_feeds_are_refused(path: str, full: House) -> None:
    """A question that is spelled wrong is answered with everything."""
    with pytest.raises(Invalid) as caught:
        run(full, "GET", f"v2/{path}")
    assert status_of(caught.value, ERRORS.status) == 400


def test_feed_goes_on(house: House) -> None:
    """A feed of many versions ends after its first page, or its next page leads nowhere, or carries a token on."""
    for number in range(101):
        publish(house, sample(version=f"1.{number}.0"))
    answer = run(house, "GET", "v2/FindPackagesById()?id='acme.toy'&private_token=secret")
    assert len(told(answer)) == 100 and b"secret" not in answer.body
    [link] = [element for element in fromstring(answer.body) if element.tag.endswith("}link")]
    assert link.attrib["href"] == f"{HERE}/v2/FindPackagesById()?id=%27acme.toy%27&%24skip=100"
    assert told(run(house, "GET", "v2/FindPackagesById()?id='acme.toy'&$skip=100")) == ["Acme.Toy 1.100.0"]


def test_old_address_leads_to_the_package(house: House) -> None:
    """An old client that makes up the address of a package finds nothing."""
    publish(house, sample())
    assert run(house, "GET", "v2/package/Acme.Toy/1.0").blob.sha256 == sample().sha256


# -- the table and the record ------------------------------------------------------------------------------------------


def test_group_reads_ask_for_a_login() -> None:
    """A client that sends its credential only when it is asked would miss the private projects of a group."""
    for path in ("metadata/a/index.json", "metadata/a/1.0.json", "query", "autocomplete", "metadata-semver1/a/index.json"):
        assert match("GET", path, "group")[0].signed_in and not match("GET", path, "project")[0].signed_in


def test_actions() -> None:
    """Who may publish could delete, or a read could ask for nothing."""
    asked = {(route.method, route.path): route.action for route in FORMAT.routes if PROJECT in route.reach}
    assert {path for (_, path), action in asked.items() if action is Action.OPEN} == {
        "index.json", "index", "symbolfiles/{symbols}/{signature}/{same}", "v2", "v2/$metadata"
    }  # fmt: skip
    assert {method for (method, _), action in asked.items() if action is Action.DELETE} == {"DELETE", "POST"}
    assert {path for (_, path), action in asked.items() if action is Action.PUBLISH} == {"", "symbolpackage", "v2"}
    assert all(route.method == "GET" for route in FORMAT.routes if GROUP in route.reach)


@pytest.mark.parametrize(("headers", "token"), [({"x-nuget-apikey": "abc"}, "abc"), ({"x-nuget-apikey": " "}, None), ({}, None)])
def test_api_key_is_a_token(headers: dict[str, str], token: str | None) -> None:
    """A key is not taken, or an empty one is taken for a wrong one and a client never asks for credentials."""
    assert read_api_key(headers) == token


def test_refusals_are_told_in_the_header_that_clients_print() -> None:
    """Who pushes with a client that prints no bodies never learns why it was refused."""
    assert ERRORS.message_header == "x-nuget-warning"
    assert json.loads(ERRORS.body(PackageNotFound())[1]) == {"message": "404 Package Not Found"}
    assert json.loads(ERRORS.body(AlreadyExists())[1])["message"].startswith("409 Conflict - A package with the same name")


@pytest.mark.parametrize("level", ["project", "group"])
def test_snippets(level: str) -> None:
    """People paste a command that names the wrong address, or that publishes where nothing can be published."""
    moment = msgspec.structs.replace(MOMENT, level=level)
    package = PackageRow(
        id=1,
        project=7,
        name="Acme.Toy",
        key="acme.toy",
        versions=tuple(VersionRow(id=1, project=7, name="Acme.Toy", version=v) for v in ("1.10.0", "1.9.0")),
    )
    found = snippets(moment, package)
    assert any("dotnet add package Acme.Toy --version 1.10.0" in each.text for each in found)
    assert all(f"{moment.here}/index.json" in each.text for each in found if each.kind == "setup")
    assert any(each.kind == "publish" for each in found) is (level == "project")
    assert snippets(moment, None)
