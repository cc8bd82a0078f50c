"""The routes in a house with this format alone: both layouts, what Ivy asks step by step, checksums, listings, immutability, deletion, groups."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import pytest

from packhouse.db.engine import Hot, SqliteDatabase
from packhouse.db.files import read_about
from packhouse.formats.sbt import FORMAT
from packhouse.model import Moment, PackageRow, VersionRow

from ..maven.house import PUBLIC, Answer, House
from ..maven.house import Shop as MavenShop
from ..maven.samples import pom
from .samples import JAR, descriptor

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
V1 = "com.acme/lib/1.0.0"
IVY_JAR, IVY_XML = f"{V1}/jars/lib.jar", f"{V1}/ivys/ivy.xml"
MAVEN = "com/acme/lib_2.13"
MAVEN_JAR = f"{MAVEN}/1.0.0/lib_2.13-1.0.0.jar"
REALM = 'Basic realm="GitLab Packages Registry"'


class Shop(MavenShop):
    """One project of a house, by its paths below this format."""

    def __init__(self, house: House, project: int | None = None) -> None:
        super().__init__(house, project)
        self.base = f"/api/v4/projects/{self.project}/packages/sbt/"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"), (FORMAT,))
    yield house
    house.close()


@pytest.fixture
def shop(house: House) -> Shop:
    """A project of this test's own."""
    return Shop(house)


def digest(algorithm: str, content: bytes) -> bytes:
    return hashlib.new(algorithm, content).hexdigest().encode()


def links(answer: Answer) -> list[str]:
    """What a listing offers, as Ivy reads it: anchors whose text is their address."""
    assert answer.expect(200).headers["content-type"].startswith("text/html")
    found = re.findall(r'<a href="([^"]*)">([^<]*)</a>', answer.text)
    assert all(href.replace("%20", " ") == text for href, text in found)
    return [text for _, text in found if text != "../"]


def packages(shop: Shop) -> set[tuple[str, str]]:
    return {(one["name"], one["version"]) for one in shop.packages()}


# -- a publish and a retrieval, request by request -------------------------------------------------------------------


def test_what_ivy_asks_to_publish(shop: Shop) -> None:
    """Ivy 2.5 stops at whatever it finds before it has sent it, and takes anything but success for a failure."""
    content = {IVY_JAR: JAR, IVY_XML: descriptor()}
    for path, body in content.items():
        for suffix in ("", ".sha1", ".md5"):
            sent = body if not suffix else digest(suffix[1:], body)
            assert shop.head(path + suffix).expect(404).body == b""
            assert 200 <= shop.put(path + suffix, sent).status < 300
    shop.house.age(180)  # what is a second old may change within it: it has no Last-Modified yet
    for path, body in content.items():
        length = shop.head(path).expect(200).headers["content-length"]
        answer = shop.get(path).expect(200)
        assert (answer.body, length) == (body, str(len(body)))
        assert answer.headers["last-modified"] and answer.headers["etag"]
        assert shop.get(f"{path}.sha1").expect(200).body == digest("sha1", body)
    assert packages(shop) == {("com.acme#lib", "1.0.0")}
    assert shop.files() == {"lib.jar", "ivy.xml"}


def test_absent_files_cost_one_look(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of many modules asks for thousands of files before it sends them: each would cost several queries."""
    shop.put(IVY_JAR, JAR).expect(200)
    asked: list[str] = []
    point = SqliteDatabase.point

    async def noting(self: SqliteDatabase, hot: Hot, params: dict[str, Any]) -> Any:
        asked.extend(str(params[name]) for name in ("path", "root") if name in params)
        return await point(self, hot, params)

    monkeypatch.setattr(SqliteDatabase, "point", noting)
    paths = (f"{V1}/jars/no.jar", f"{V1}/jars/no.jar.sha1", f"{MAVEN}/1.0.0/lib_2.13-1.0.0.pom", f"{MAVEN}/1.0.0/lib_2.13-1.0.0.jar.md5")
    for path in paths:
        shop.head(path).expect(404)
    assert asked == ["jars/no.jar", "jars/no.jar", "lib_2.13-1.0.0.pom", "lib_2.13-1.0.0.jar"]


# -- files and checksums ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [IVY_JAR, MAVEN_JAR])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksums_are_compared_and_served(shop: Shop, path: str, algorithm: str) -> None:
    """A damaged upload would not be told, or a checksum be served that is not the file's."""
    right = digest(algorithm, JAR)
    assert "upload it before its checksum" in shop.put(f"{path}.{algorithm}", right).expect(400).json()["detail"]
    shop.put(path, JAR).expect(200)
    assert shop.get(f"{path}.{algorithm}").expect(200).body == right
    assert shop.get(path).headers[f"x-checksum-{algorithm}"].encode() == right
    assert 200 <= shop.put(f"{path}.{algorithm}", right + b"  lib.jar\n").status < 300
    assert right.decode() in shop.put(f"{path}.{algorithm}", b"0" * len(right)).expect(409).json()["detail"]
    shop.put(f"{path}.{algorithm}", b"x" * 300).expect(413)
    assert shop.get(path).expect(200).body == JAR
    assert len(shop.files()) == 1


def test_head_hides_a_fresh_checksum(shop: Shop) -> None:
    """Ivy would stop its publish at the checksum that it believes to be there."""
    shop.put(IVY_JAR, JAR).expect(200)
    shop.head(f"{IVY_JAR}.sha1").expect(404)
    shop.house.age(180)
    assert shop.head(f"{IVY_JAR}.sha1").expect(200).headers["content-length"] == "40"


def test_declared_digest_is_checked(shop: Shop) -> None:
    """Bytes that changed on their way would be stored although the client said which ones it sent."""
    shop.put(IVY_JAR, JAR, X_Checksum_Sha1="0" * 40).expect(400)
    shop.get(IVY_JAR).expect(404)


def test_empty_files_and_parts(shop: Shop) -> None:
    """An empty jar of documentation would be refused, a request without a body be taken, or a fetch not be continued."""
    shop.put(f"{V1}/docs/lib-javadoc.jar", b"").expect(200)
    assert shop.get(f"{V1}/docs/lib-javadoc.jar").expect(200).body == b""
    shop.house.ask("PUT", shop.base + IVY_JAR).expect(400)
    shop.put(IVY_JAR, JAR).expect(200)
    shop.house.age(180)
    part = shop.get(IVY_JAR, Range="bytes=4-9").expect(206)
    assert (part.body, part.headers["content-range"]) == (JAR[4:10], f"bytes 4-9/{len(JAR)}")
    shop.get(IVY_JAR, If_Modified_Since=part.headers["last-modified"]).expect(304)


def test_the_layouts_lie_side_by_side(shop: Shop) -> None:
    """Files of one layout would be listed in the other, or an organisation without dots be taken for a group."""
    shop.put("acme/lib/1.0.0/jars/lib.jar", b"ivy").expect(200)
    shop.put("acme/lib/1.0.0/lib-1.0.0.jar", b"maven").expect(200)
    shop.put("acme/lib/2.0.0/lib-2.0.0.pom", pom("acme/lib", "2.0.0")).expect(200)
    assert packages(shop) == {("acme#lib", "1.0.0"), ("acme/lib", "1.0.0"), ("acme/lib", "2.0.0")}
    assert links(shop.get("acme/lib/")) == ["1.0.0/"]
    assert "<version>2.0.0</version>" in shop.get("acme/lib/maven-metadata.xml").expect(200).text
    assert shop.get("acme/lib/1.0.0/jars/lib.jar").body + shop.get("acme/lib/1.0.0/lib-1.0.0.jar").body == b"ivymaven"


def test_both_poms_of_a_plugin_are_one_version(shop: Shop) -> None:
    """sbt publishes a POM under two names: the second would be refused, or be another package."""
    name = "com/acme/plug_2.12_1.0"
    for file in ("plug_2.12_1.0-1.0.0.pom", "plug-1.0.0.pom"):
        shop.put(f"{name}/1.0.0/{file}", pom(name, "1.0.0", description=file)).expect(200)
    assert packages(shop) == {(name, "1.0.0")}
    assert shop.files() == {"plug_2.12_1.0-1.0.0.pom", "plug-1.0.0.pom"}
    [package] = shop.packages()
    about = shop.house.write(read_about, package["id"])
    assert (about.requires, about.warnings) == ("Scala 2.12, sbt 1.0", ())


@pytest.mark.parametrize("revision", ["1.0+3-abcd", "1.0~rc1", "1.0%20beta", "1.0%2B3"])
def test_revisions_are_free_text(shop: Shop, revision: str) -> None:
    """A revision that sbt makes of a commit would be stored under another name, or not be found in the listing."""
    shop.put(f"com.acme/lib/{revision}/jars/lib.jar", JAR).expect(200)
    assert shop.get(f"com.acme/lib/{revision}/jars/lib.jar").expect(200).body == JAR
    plain = revision.replace("%20", " ").replace("%2B", "+")
    assert packages(shop) == {("com.acme#lib", plain)}
    assert links(shop.get("com.acme/lib/")) == [f"{plain}/"]


@pytest.mark.parametrize(
    "path",
    [
        "com.acme/../lib/1.0.0/jars/lib.jar", "com.acme/%2e%2e/1.0.0/jars/lib.jar", "com.acme/lib/..%2F1.0.0/jars/lib.jar",
        "com.acme/lib/1.0.0/jars/%2e%2e%2flib.jar", "com.acme/lib/1.0.0/jars/..", "com.acme%2F%2Flib/1.0.0/jars/lib.jar",
        "com.acme/lib/1.0.0/jars/lib%00.jar", "com.acme/lib/1.0.0/jars/l%5cb.jar", "com.acme/lib/1%0a0/jars/lib.jar", "com/acme/lib/1.0/jars/lib.jar",
        "com.acme/plug/scala_2.12/sbt_1.0", "com.acme%23lib/1.0.0/jars/lib.jar", "lib.jar", "com.acme/lib",
    ],
)  # fmt: skip
def test_odd_paths_are_refused(shop: Shop, path: str) -> None:
    """A path that is none of the layouts would be stored, or lead out of its place."""
    assert shop.put(path, JAR).expect(400).json()["message"].startswith("400 Bad request")
    assert shop.get(path).status in (400, 404)
    assert shop.packages() == []


def test_doubled_slashes_lead_nowhere(shop: Shop) -> None:
    """An address with an empty part would be a second one of the same file."""
    assert shop.put("com.acme//lib/1.0.0/jars/lib.jar", JAR).status in (400, 404)
    assert shop.packages() == []


# -- descriptors -----------------------------------------------------------------------------------------------------


def test_descriptor_is_read(shop: Shop) -> None:
    """The page of a revision would say nothing of what its descriptor says."""
    shop.put(IVY_XML, descriptor(revision="9.9", info="<description>A toy</description>")).expect(200)
    [package] = shop.packages()
    about = shop.house.write(read_about, package["id"])
    assert about.summary == "A toy"
    assert "com.acme lib 9.9" in about.warnings[0]


@pytest.mark.parametrize("body", [b"", b"no xml", b"<html/>", b'<!DOCTYPE i SYSTEM "http://127.0.0.1:9/x"><ivy-module><info/></ivy-module>'])
def test_hostile_descriptors_are_refused(shop: Shop, body: bytes) -> None:
    """A descriptor that no tool reads, or that makes its reader fetch something, would be published."""
    shop.put(IVY_XML, body).expect(400)
    shop.put(f"{MAVEN}/1.0.0/lib_2.13-1.0.0.pom", body).expect(400)
    assert shop.packages() == []


# -- immutability ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [IVY_JAR, IVY_XML, f"{IVY_JAR}.asc", MAVEN_JAR])
def test_releases_stay(shop: Shop, path: str) -> None:
    """A release could be replaced, or a retry would fail."""
    first, other = (descriptor(revision=text) if path == IVY_XML else text.encode() for text in ("1", "2"))
    shop.put(path, first).expect(200)
    shop.put(path, first).expect(200)
    detail = shop.put(path, other).expect(409).json()["detail"]
    assert digest("sha256", first).decode() in detail and digest("sha256", other).decode() in detail
    assert shop.get(path).expect(200).body == first


@pytest.mark.parametrize("path", ["com.acme/lib/1.1-SNAPSHOT/jars/lib.jar", f"{MAVEN}/1.1-SNAPSHOT/lib_2.13-1.1-SNAPSHOT.jar"])
def test_snapshots_move(shop: Shop, path: str) -> None:
    """A snapshot could not be published twice, or its readers would get the old one."""
    for content in (b"first", b"second"):
        shop.put(path, content).expect(200)
        assert shop.get(path).expect(200).body == content
        assert shop.get(f"{path}.sha1").expect(200).body == digest("sha1", content)
    assert len(shop.files()) == 1


# -- what clients look revisions up in -------------------------------------------------------------------------------


def test_listings(shop: Shop) -> None:
    """A dynamic revision would not be found, or one that is not there."""
    shop.put(IVY_JAR, JAR).expect(200)
    shop.put(IVY_XML, descriptor()).expect(200)
    shop.put("com.acme/lib/1.10.0/jars/lib.jar", JAR).expect(200)
    shop.put("com.acme/plug/scala_2.12/sbt_1.0/1.0.0/jars/plug.jar", JAR).expect(200)
    shop.put(MAVEN_JAR, JAR).expect(200)
    wanted = {
        "": ["com.acme/", "com/"], "com.acme/": ["lib/", "plug/"], "com.acme/lib/": ["1.0.0/", "1.10.0/"], f"{V1}/": ["ivys/", "jars/"],
        f"{V1}/jars/": ["lib.jar"], "com.acme/plug/": ["scala_2.12/"], "com.acme/plug/scala_2.12/sbt_1.0/": ["1.0.0/"], "com/": ["acme/"],
        f"{MAVEN}/": ["1.0.0/"], f"{MAVEN}/1.0.0/": ["lib_2.13-1.0.0.jar"], "com.acme/plug/scala_2.12/sbt_1.0/1.0.0/jars/": ["plug.jar"],
    }  # fmt: skip
    for path, entries in wanted.items():
        answer = shop.get(path)
        assert links(answer) == entries, path
        assert shop.get(path.rstrip("/")).body == answer.body, "whoever leaves the last slash out gets the same, with its address in it"
        assert f'<base href="https://packhouse.example{shop.base}{path}">' in answer.text
        shop.get(path, If_None_Match=answer.headers["etag"]).expect(304)
        assert shop.head(path).expect(200).headers["content-length"] == str(len(answer.body))
    for path in ("com.acme/no/", f"{V1}/srcs/", "org/", "com.acme/lib/9/", "com.acme/lib/9/jars/", "<b>/", "a/" * 50):
        shop.get(path).expect(404)


def test_an_empty_project_has_an_empty_listing(shop: Shop) -> None:
    """Somebody who looks would be told that there is no repository."""
    assert links(shop.get("")) == []


def test_metadata_is_made_here(shop: Shop) -> None:
    """Coursier would find no newest release, or one that a client made up."""
    for version in ("1.0.0", "1.10.0", "1.9.0"):
        shop.put(f"{MAVEN}/{version}/lib_2.13-{version}.pom", pom(MAVEN, version)).expect(200)
    shop.put(f"{MAVEN}/maven-metadata.xml", b"<metadata><groupId>evil</groupId></metadata>").expect(200)
    shop.put(f"{MAVEN}/maven-metadata.xml.sha1", b"0" * 40).expect(200)
    answer = shop.get(f"{MAVEN}/maven-metadata.xml").expect(200)
    assert re.findall("<version>(.*)</version>", answer.text) == ["1.0.0", "1.9.0", "1.10.0"]
    assert "<release>1.10.0</release>" in answer.text and "evil" not in answer.text
    assert shop.get(f"{MAVEN}/maven-metadata.xml.sha1").expect(200).body == digest("sha1", answer.body)


def test_what_is_deleted_is_listed_no_more(shop: Shop) -> None:
    """A client would resolve to a revision that is gone."""
    for version in ("1.0.0", "1.1.0"):
        shop.put(f"com.acme/lib/{version}/jars/lib.jar", JAR).expect(200)
        shop.put(f"{MAVEN}/{version}/lib_2.13-{version}.pom", pom(MAVEN, version)).expect(200)
    shop.delete("com.acme/lib/1.1.0/jars/lib.jar").expect(204)
    shop.delete(f"{MAVEN}/1.1.0/lib_2.13-1.1.0.pom").expect(204)
    assert links(shop.get("com.acme/lib/")) == ["1.0.0/"] == links(shop.get(f"{MAVEN}/"))
    assert "<version>1.1.0" not in shop.get(f"{MAVEN}/maven-metadata.xml").expect(200).text
    for path in ("com.acme/lib/1.1.0/jars/lib.jar", "com.acme/lib/1.1.0/jars/lib.jar.sha1", "com.acme/lib/1.1.0/"):
        shop.get(path).expect(404)
    shop.delete("com.acme/lib/1.1.0/jars/lib.jar").expect(404)
    shop.delete("com.acme/lib/1.0.0/jars/lib.jar.sha1").expect(404)


# -- who may ---------------------------------------------------------------------------------------------------------


def test_nobody_is_asked_for_a_login(shop: Shop) -> None:
    """Ivy and sbt send a login only where they are challenged, by the realm that users are told."""
    shop.put(IVY_JAR, JAR).expect(200)
    for method, path in (
        ("HEAD", IVY_JAR),
        ("GET", f"{V1}/"),
        ("GET", ""),
        ("PUT", IVY_JAR),
        ("HEAD", "no/such/1.0/jars/x.jar"),
        ("DELETE", IVY_JAR),
    ):
        answer = shop.house.ask(method, shop.base + path, JAR if method == "PUT" else None, token=None).expect(401)
        assert answer.headers["www-authenticate"] == REALM


def test_group_is_the_union(house: House) -> None:
    """A group would show a part of what its projects hold, or take uploads."""
    group = house.group(visibility=PUBLIC)
    one, two = Shop(house, house.project(group)), Shop(house, house.project(group))
    one.put(IVY_JAR, JAR).expect(200)
    two.put("com.acme/lib/2.0.0/jars/lib.jar", b"two").expect(200)
    base = f"/api/v4/groups/{group}/-/packages/sbt/"
    assert links(house.ask("GET", f"{base}com.acme/lib/")) == ["1.0.0/", "2.0.0/"]
    assert links(house.ask("GET", base)) == ["com.acme/"]
    assert house.ask("GET", f"{base}{IVY_JAR}").expect(200).body == JAR
    assert house.ask("GET", f"{base}com.acme/lib/2.0.0/jars/lib.jar").expect(200).body == b"two"
    assert house.ask("PUT", f"{base}{IVY_JAR}", JAR).status in (404, 405)


def test_files_of_one_version_at_once(shop: Shop) -> None:
    """A parallel publish would lose a file or fail."""
    paths = [f"{V1}/jars/lib-c{number}.jar" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status for answer in pool.map(lambda path: shop.put(path, path.encode()), paths)} == {200}
    assert len(shop.files()) == 24
    assert packages(shop) == {("com.acme#lib", "1.0.0")}


# -- snippets --------------------------------------------------------------------------------------------------------

PROJECT = Moment(at=0, api="https://packhouse.example/api/v4", format="sbt", place=7)
GROUP = Moment(at=0, api="http://packhouse.example/api/v4", format="sbt", level="group", place=3)


def row(name: str, *versions: str) -> PackageRow:
    listed = tuple(VersionRow(id=number, project=7, name=name, version=text) for number, text in enumerate(versions))
    return PackageRow(id=1, project=7, name=name, key=name, versions=listed)


@pytest.mark.parametrize("moment", [PROJECT, GROUP], ids=lambda moment: moment.level)
def test_snippets_name_this_scope(moment: Moment) -> None:
    """Somebody would paste the address of another place, one that sbt takes for unsafe, or publish to a group."""
    made = FORMAT.snippets(moment, None)
    assert {one.kind for one in made} == ({"install", "setup", "publish"} if moment is PROJECT else {"install", "setup"})
    for one in made:
        assert "://packhouse.example" not in one.text or moment.here in one.text
        if one.language == "xml":
            ElementTree.fromstring(one.text.replace("<your_access_token>", "token").replace("<your_username>", "name"))
        if one.language == "scala" and moment.here in one.text:
            assert ("withAllowInsecureProtocol" in one.text) == (moment is GROUP)


@pytest.mark.parametrize(
    ("package", "text"),
    [
        (row("com/acme/lib_2.13", "1.10", "1.9"), '"com.acme" % "lib_2.13" % "1.10"'),
        (row("com.acme#lib", "1.10", "1.9"), 'libraryDependencies += "com.acme" % "lib" % "1.10"'),
        (row("com.acme#lib", "1.10", "1.9"), '<dependency org="com.acme" name="lib" rev="1.10"/>'),
        (row("com/acme/lib_2.13", "1.0"), "com.acme:lib_2.13:1.0"),
        (row("com.acme#plug/scala_2.12/sbt_1.0", "1.0"), 'addSbtPlugin("com.acme" % "plug" % "1.0")'),
        (row("com/acme/plug_2.12_1.0", "1.0"), 'addSbtPlugin("com.acme" % "plug" % "1.0")'),
    ],
)
def test_snippets_depend_on_the_newest_version(package: PackageRow, text: str) -> None:
    """Somebody would paste an older version, or a name that the client does not know."""
    assert any(text in one.text for one in FORMAT.snippets(PROJECT, package) if one.kind == "install")
