"""What clients read of a repository, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import hashlib
import io
import itertools
import lzma
import os
import zipfile
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest

from packhouse.errors import InvalidUpload
from packhouse.formats.p2 import index
from packhouse.formats.p2.names import Key, read_key
from packhouse.formats.p2.parse import Artifact, Facts, Unit
from packhouse.formats.p2.parse.facts import pack_unit
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow, replace

from .samples import unit

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_700_000_000_123_456
MOMENT = Moment(at=NOW, api="http://registry.example/api/v4", format="p2", place=7)
_ids = itertools.count(1)


def unit_of(id: str, version: str = "1.0.0", *artifacts: Key, text: str = "") -> Unit:
    return pack_unit(id, version, unit(id, version, artifact=None, extra=text), artifacts)


def file_of(key: Key | None, *units: Unit, project: int = 7, age: int = 0, content: str = "", **properties: str) -> FileRow:
    data = (content or f"{key}").encode()
    blob = Blob(sha256=hashlib.sha256(data).hexdigest(), size=len(data), sha512=hashlib.sha512(data).hexdigest())
    facts = msgspec.json.encode(Facts(key=key, properties=tuple(properties.items()), units=units))
    path = key.path if key else "units/x.json"
    return FileRow(id=next(_ids), project=project, path=path, blob=blob, facts=facts, derived=key is None, created=NOW - age)


def repository(*files: FileRow, name: str = "toys", version: str = "1.0.0", status: str = "default") -> PackageRow:
    project = files[0].project if files else 7
    row = VersionRow(id=next(_ids), project=project, name=name, version=version, status=status, files=files)
    return PackageRow(id=next(_ids), project=project, name=name, key=name, versions=(row,))


def content(*packages: PackageRow) -> Element:
    return fromstring(b"".join(index.write_content(Rows(packages=packages), MOMENT)))


def artifacts(*packages: PackageRow) -> Element:
    return fromstring(b"".join(index.write_artifacts(Rows(packages=packages), MOMENT)))


def units_in(root: Element) -> list[tuple[str, str]]:
    return [(one.get("id", ""), one.get("version", "")) for one in root.iter("unit")]


TOY, OLD, FEATURE = (
    read_key("osgi.bundle", "toy", "1.0.0"),
    read_key("osgi.bundle", "toy", "0.10.0"),
    read_key("org.eclipse.update.feature", "f", "1"),
)
SOME = repository(
    file_of(
        TOY,
        unit_of("toy", "1.0.0", TOY, text="<copyright>Größe &amp; more</copyright>"),
        **{"maven-groupId": "acme", "pgp.signatures": "a\n<b>\t'c\""},
    ),
    file_of(OLD, unit_of("toy", "0.10.0", OLD)),
    file_of(FEATURE, unit_of("f.feature.jar", "1.0.0", FEATURE)),
    file_of(None, unit_of("f.feature.group"), unit_of("toys", "1.0.0.2--x")),
)


def check_golden(name: str, body: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(body)
    assert body == path.read_bytes()


def test_golden() -> None:
    """A document could change for the same rows, and every client fetch it again."""
    rows = Rows(packages=(SOME,))
    for name, write in index.DOCUMENTS.items():
        body = write(rows, {}, MOMENT)[name].body
        kind, _, suffix = name.partition(".")
        plain = body if suffix == "xml" else lzma.decompress(body) if suffix == "xml.xz" else zipfile.ZipFile(io.BytesIO(body)).read(f"{kind}.xml")
        check_golden(f"{kind}.xml", plain)
    check_golden("p2.index", index.write_lead(rows, {}, MOMENT)["p2.index"].body)
    others = Rows(packages=(SOME, repository(name="a&b")))
    for name, document in index.write_composite(others, {}, MOMENT).items():
        if not name.endswith(".jar"):
            check_golden(f"all-{name}", document.body)


def test_counts_are_true() -> None:
    """Clients take room for as many as a document says."""
    for root in (content(SOME), artifacts(SOME)):
        for element in root.iter():
            assert element.get("size") in (None, str(len(element))), element.tag
    empty = fromstring(index.write_composite(Rows(), {}, MOMENT)["compositeContent.xml"].body)
    assert [child.get("size") for child in empty.iter("children")] == ["0"]


def test_same_rows_same_bytes() -> None:
    """The order in which a database tells its rows could show."""
    (version,) = SOME.versions
    turned = Rows(packages=(replace(SOME, versions=(replace(version, files=version.files[::-1]),)),))
    for write in index.DOCUMENTS.values():
        assert write(turned, {}, MOMENT) == write(Rows(packages=(SOME,)), {}, MOMENT)


def test_units_need_their_artifacts() -> None:
    """A unit whose bundle was deleted, or never came, could be offered and fail when it is installed."""
    there = file_of(TOY, unit_of("toy", "1.0.0", TOY), unit_of("both", "1.0.0", TOY, OLD))
    assert units_in(content(repository(there))) == [("toy", "1.0.0")]
    assert units_in(content(repository(there, file_of(OLD)))) == [("both", "1.0.0"), ("toy", "1.0.0")]
    assert units_in(content(repository(there, status="hidden"))) == []


def test_what_came_twice_is_listed_once() -> None:
    """A unit or artifact that two versions brought could be there twice, or as it came later."""
    first = repository(file_of(TOY, unit_of("toy", "1.0.0", TOY, text="<copyright>first</copyright>"), age=9, content="x"))
    later = repository(file_of(TOY, unit_of("toy", "1.0.0", TOY, text="<copyright>later</copyright>"), content="x"), version="2.0.0")
    both = replace(first, versions=(*first.versions, *later.versions))
    assert [one.text for one in content(both).iter("copyright")] == ["first"] and len(list(artifacts(both).iter("artifact"))) == 1


def test_first_project_of_a_group_counts() -> None:
    """A project of a group could take the place of another's bundle by publishing it later."""
    first, later = repository(file_of(TOY, project=8, age=5, content="a")), repository(file_of(TOY, project=7, content="b"))
    for order in ((first, later), (later, first)):
        places = msgspec.json.decode(index.write_places(Rows(packages=order), {}, MOMENT)["places.json"].body)
        assert places == {TOY.path: hashlib.sha256(b"a").hexdigest()}
        told = [one.get("value") for one in artifacts(*order).iter("property") if one.get("name") == "download.checksum.sha-256"]
        assert told == [places[TOY.path]]


def test_emptied_repository() -> None:
    """A repository without versions could be a document that nobody asked to keep, or an error."""
    for write in (*index.DOCUMENTS.values(), index.write_lead):
        assert write(Rows(), {}, MOMENT) == {}
    assert units_in(content(repository())) == []


def test_a_repository_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many archives, each of which may be published, could become a document that no client or server has room for."""
    rows = Rows(packages=(SOME,))
    more = unit_of("more")
    held = sum(each.size for one in index.list_files(rows) for each in one.facts.units)
    monkeypatch.setattr(index, "LARGEST", held + more.size - 1)
    assert index.find_more(rows, "1.0.0", (), index.list_files(rows)[0].facts.units) == ()
    for artifacts, loose in (((), (more,)), ((Artifact(facts=Facts(key=TOY, units=(more,))),), ())):
        with pytest.raises(InvalidUpload, match="another one"):
            index.find_more(rows, "1.0.0", artifacts, loose)


def test_units_that_came_later() -> None:
    """A new unit of an artifact that its version has already could be lost without a word, or one be kept twice."""
    rows, more, (toy, *_) = Rows(packages=(SOME,)), unit_of("more", "1.0.0", TOY), index.list_files(Rows(packages=(SOME,)))
    again = (Artifact(facts=Facts(key=TOY, units=(*toy.facts.units, more))), Artifact(facts=Facts(key=read_key("osgi.bundle", "new", "1"), units=())))
    assert index.find_more(rows, "1.0.0", again, ()) == (more,) and index.find_more(rows, "2.0.0", again, ()) == ()


def test_plain_documents_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small archives whose units unpack to much could fill the memory, or take the packed documents with them."""
    monkeypatch.setattr(index, "LARGEST_PLAIN", 1000)
    rows = Rows(packages=(SOME,))
    assert index.DOCUMENTS["content.xml"](rows, {}, MOMENT) == {}
    assert set(index.DOCUMENTS["content.xml.xz"](rows, {}, MOMENT)) == {"content.xml.xz"}


def test_large_jars(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jar of a very large document could end in an error of the server."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1 << 20)
    packed = index.pack_jar((bytes(65536) for _ in range(40)), "content.xml")
    assert len(zipfile.ZipFile(io.BytesIO(packed)).read("content.xml")) == 40 * 65536
