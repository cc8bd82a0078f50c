"""The routes in a house with this format alone: the layout, checksums, metadata, snapshots, immutability, deletion, groups, the instance."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from packhouse.db.files import read_about

from . import samples
from .house import PUBLIC, Answer, House, Shop

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
JAR = b"PK\x05\x06" + bytes(18)
LIB = "com/acme/lib"
V1 = f"{LIB}/1.0"
SNAPSHOT = f"{LIB}/1.1-SNAPSHOT"
FIRST, SECOND = "1.1-20260102.030405-1", "1.1-20260102.040506-2"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.close()


@pytest.fixture
def shop(house: House) -> Shop:
    """A project of this test's own."""
    return Shop(house)


def digest(algorithm: str, content: bytes) -> bytes:
    return hashlib.new(algorithm, content).hexdigest().encode()


def versions_in(answer: Answer) -> list[str]:
    return re.findall(r"<version>([^<]+)</version>", answer.expect(200).text)


def element(answer: Answer, tag: str) -> list[str]:
    return re.findall(rf"<{tag}>([^<]*)</{tag}>", answer.expect(200).text)


def publish(shop: Shop, version: str = "1.0", package: str = LIB, *inner: str, **fields: str) -> None:
    """A version: its POM and its jar."""
    stem = f"{package}/{version}/{package.rpartition('/')[2]}-{version}"
    shop.put(f"{stem}.jar", JAR + version.encode()).expect(200)
    shop.put(f"{stem}.pom", samples.pom(package, version, *inner, **fields)).expect(200)


# -- files and checksums ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        "lib-1.0.jar",
        "lib-1.0-sources.jar",
        "lib-1.0.module",
        "lib-1.0.jar.asc",
        "lib-1.0-bin.tar.gz",
        "lib_2.13-1.0+b1.jar",
        "anything.sigstore.json",
    ],
)
def test_file_comes_back(shop: Shop, file: str) -> None:
    """A file of the layout would be lost, or come back as another one or without its digests."""
    content = file.encode()
    shop.put(f"{V1}/{file}", content).expect(200)
    answer = shop.get(f"{V1}/{file}").expect(200)
    assert answer.body == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert file in answer.headers["content-disposition"]
    for algorithm in ALGORITHMS:
        assert answer.headers[f"x-checksum-{algorithm}"].encode() == digest(algorithm, content)
    assert shop.head(f"{V1}/{file}").expect(200).headers["content-length"] == str(len(content))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksum_is_served_bare(shop: Shop, algorithm: str) -> None:
    """A client would compare with something else than the digest of the file, or have to upload it first."""
    shop.put(f"{V1}/lib-1.0.jar", JAR).expect(200)
    answer = shop.get(f"{V1}/lib-1.0.jar.{algorithm}").expect(200)
    assert answer.body == digest(algorithm, JAR)
    assert answer.headers["content-type"].startswith("text/plain")
    shop.get(f"{V1}/lib-1.0.jar.{algorithm}", If_None_Match=answer.headers["etag"]).expect(304)
    shop.get(f"{V1}/other-1.0.jar.{algorithm}").expect(404)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksum_is_verified_and_never_stored(shop: Shop, algorithm: str) -> None:
    """A damaged upload would not be told, or a checksum would become a file."""
    path, sum_ = f"{V1}/lib-1.0.jar", f"{V1}/lib-1.0.jar.{algorithm}"
    shop.put(sum_, digest(algorithm, JAR)).expect(404)
    shop.put(path, JAR).expect(200)
    assert shop.put(sum_, digest(algorithm, JAR)).status == (204 if algorithm == "sha1" else 200)
    assert shop.put(sum_, digest(algorithm, JAR).upper() + b"  lib-1.0.jar\n").status in (200, 204)
    wrong = shop.put(sum_, b"0" * len(digest(algorithm, JAR))).expect(409)
    assert digest(algorithm, JAR).decode() in wrong.json()["detail"]
    shop.put(sum_, b"").expect(409)
    shop.put(sum_, b"x" * 300).expect(413)
    assert shop.files() == {"lib-1.0.jar"}
    assert shop.get(path).expect(200).body == JAR


def test_head_hides_a_fresh_checksum(shop: Shop) -> None:
    """Ivy would stop its publish at the checksum that it believes to be there, or never check what it fetched."""
    shop.put(f"{V1}/lib-1.0.jar", JAR).expect(200)
    for algorithm in ALGORITHMS:
        shop.head(f"{V1}/lib-1.0.jar.{algorithm}").expect(404)
        shop.get(f"{V1}/lib-1.0.jar.{algorithm}").expect(200)
    shop.house.age(180)
    for algorithm in ALGORITHMS:
        assert shop.head(f"{V1}/lib-1.0.jar.{algorithm}").expect(200).headers["content-length"] == str(len(digest(algorithm, JAR)))


def test_declared_digest_is_checked(shop: Shop) -> None:
    """Bytes that changed on their way would be stored although the client said which ones it sent."""
    for algorithm in ALGORITHMS:
        header = f"X_Checksum_{algorithm}"
        shop.put(f"{V1}/lib-1.0.jar", JAR, **{header: "0" * 32}).expect(400)
    shop.get(f"{V1}/lib-1.0.jar").expect(404)
    shop.put(f"{V1}/lib-1.0.jar", JAR, X_Checksum_Sha1=digest("sha1", JAR).decode().upper()).expect(200)


def test_missing_body_and_empty_file(shop: Shop) -> None:
    """A request without a body would become an empty file, or an empty javadoc jar be refused."""
    shop.house.ask("PUT", shop.base + f"{V1}/lib-1.0.jar").expect(400)
    shop.put(f"{V1}/lib-1.0-javadoc.jar", b"").expect(200)
    assert shop.files() == {"lib-1.0-javadoc.jar"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("com/acme/lib/1.0/lib$.jar", 400),
        ("com/acme/lib/$%25123/lib.jar", 400),
        ("com/acme/lib/1..0/lib.jar", 400),
        ("com/acme/l%20b/1.0/lib.jar", 400),
        ("com/../lib/1.0/lib.jar", 400),
        ("com/acme/lib/1.0/%2e%2e%2flib.jar", 400),
        ("com/acme/lib/1.0/..%2Flib.jar", 400),
        ("lib/1.0/lib.jar", 400),
        ("lib.jar", 400),
        ("com/acme/lib/1.0/maven%2Dmetadata.xml", 400),
        ("com/acme/lib/1.0/" + "a" * 256, 400),
    ],
)
def test_odd_path_is_refused(shop: Shop, path: str, status: int) -> None:
    """A path that is none of the layout would be stored, or be looked for with another answer than for what is absent."""
    shop.put(path, JAR).expect(status)
    assert shop.get(path).status in (400, 404)
    assert shop.packages() == []


def test_plus_is_a_plus(shop: Shop) -> None:
    """A version with build metadata would be stored under a blank."""
    publish(shop, "1.0+3-abcd")
    assert shop.get(f"{LIB}/1.0%2B3-abcd/lib-1.0%2B3-abcd.jar").expect(200).body == shop.get(f"{LIB}/1.0+3-abcd/lib-1.0+3-abcd.jar").body
    assert versions_in(shop.get(f"{LIB}/maven-metadata.xml")) == ["1.0+3-abcd"]


# -- immutability ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{V1}/lib-1.0.jar", f"{SNAPSHOT}/lib-{FIRST}.jar", f"{V1}/lib-1.0.jar.asc"])
def test_published_bytes_stay(shop: Shop, path: str) -> None:
    """A released file could be replaced, or a retry would fail."""
    shop.put(path, JAR).expect(200)
    shop.put(path, JAR).expect(200)
    refused = shop.put(path, b"other").expect(400).json()
    assert "Duplicate package is not allowed" in refused["message"]
    assert digest("sha256", JAR).decode() in refused["detail"] and digest("sha256", b"other").decode() in refused["detail"]
    assert shop.get(path).expect(200).body == JAR


def test_plain_snapshot_moves(shop: Shop) -> None:
    """sbt could not publish a snapshot twice, or its readers would get the old one."""
    path = f"{SNAPSHOT}/lib-1.1-SNAPSHOT.jar"
    for content in (JAR, b"second", b"third"):
        shop.put(path, content).expect(200)
        assert shop.get(path).expect(200).body == content
        assert shop.get(f"{path}.sha1").expect(200).body == digest("sha1", content)
    shop.put(f"{path}.sha1", digest("sha1", JAR)).expect(409)
    shop.put(f"{path}.sha1", digest("sha1", b"third")).expect(204)
    assert shop.files() == {"lib-1.1-SNAPSHOT.jar"}


def test_plain_snapshot_pom_moves_with_its_listing(shop: Shop) -> None:
    """A plugin's snapshot would be listed by a prefix that it no longer has."""
    name = "com/acme/toy-maven-plugin"
    for prefix in ("one", "two"):
        plugin = f"<artifactId>maven-plugin-plugin</artifactId><configuration><goalPrefix>{prefix}</goalPrefix></configuration>"
        goal = f"<build><plugins><plugin>{plugin}</plugin></plugins></build>"
        pom = samples.pom(name, "1.1-SNAPSHOT", goal, packaging="maven-plugin")
        shop.put(f"{name}/1.1-SNAPSHOT/toy-maven-plugin-1.1-SNAPSHOT.pom", pom).expect(200)
        assert element(shop.get("com/acme/maven-metadata.xml"), "prefix") == [prefix]
        assert shop.get(f"{name}/1.1-SNAPSHOT/toy-maven-plugin-1.1-SNAPSHOT.pom").body == pom


# -- metadata --------------------------------------------------------------------------------------------------------


def test_artifact_metadata_is_made_from_versions(shop: Shop) -> None:
    """A version range or LATEST would be resolved from something else than what is there."""
    for version in ("1.0", "1.10", "1.9", "2.0-rc1", "2.0-SNAPSHOT"):
        publish(shop, version)
    answer = shop.get(f"{LIB}/maven-metadata.xml")
    assert versions_in(answer) == ["1.0", "1.9", "1.10", "2.0-rc1", "2.0-SNAPSHOT"]
    assert (element(answer, "latest"), element(answer, "release")) == (["2.0-SNAPSHOT"], ["2.0-rc1"])
    assert (element(answer, "groupId"), element(answer, "artifactId")) == (["com.acme"], ["lib"])


def test_version_enters_metadata_with_its_pom(shop: Shop) -> None:
    """A version of which only a part has arrived would be chosen by a range."""
    shop.put(f"{V1}/lib-1.0.jar", JAR).expect(200)
    shop.get(f"{LIB}/maven-metadata.xml").expect(404)
    assert shop.get(f"{V1}/lib-1.0.jar").expect(200).body == JAR
    shop.put(f"{V1}/lib-1.0.pom", samples.pom(LIB)).expect(200)
    assert versions_in(shop.get(f"{LIB}/maven-metadata.xml")) == ["1.0"]


def test_uploaded_metadata_lists_what_has_no_pom(shop: Shop) -> None:
    """A jar deployed without a POM would never be found by a range, or a version that is not there would be."""
    shop.put(f"{V1}/lib-1.0.jar", JAR).expect(200)
    shop.put(f"{LIB}/maven-metadata.xml", samples.metadata("1.0", "9.9")).expect(200)
    assert versions_in(shop.get(f"{LIB}/maven-metadata.xml")) == ["1.0"]
    assert shop.files() == {"lib-1.0.jar"}
    shop.put(f"{LIB}/maven-metadata.xml", samples.metadata("1.0", "9.9")).expect(200)
    shop.delete(f"{V1}/lib-1.0.jar").expect(204)
    shop.get(f"{LIB}/maven-metadata.xml").expect(404)


@pytest.mark.parametrize("folder", [LIB, SNAPSHOT, "com/acme", "com"])
def test_uploaded_metadata_never_becomes_the_document(shop: Shop, folder: str) -> None:
    """A client could list what is not there, or hide what is."""
    publish(shop)
    shop.put(f"{SNAPSHOT}/lib-{FIRST}.jar", JAR).expect(200)
    before = shop.get(f"{folder}/maven-metadata.xml")
    shop.put(f"{folder}/maven-metadata.xml", b"<metadata><groupId>evil</groupId></metadata>").expect(200)
    for algorithm in ALGORITHMS:
        shop.put(f"{folder}/maven-metadata.xml.{algorithm}", b"0" * 40).expect(200)
    after = shop.get(f"{folder}/maven-metadata.xml")
    assert (after.status, after.body if after.status == 200 else b"") == (before.status, before.body if before.status == 200 else b"")


@pytest.mark.parametrize(
    "body",
    [b"", b"<metadata>", b"<project/>", b"no xml", b'<!DOCTYPE m [<!ENTITY a "b">]><metadata>&a;</metadata>', b"<!DOCTYPE metadata><metadata/>"],
)
def test_odd_metadata_is_refused(shop: Shop, body: bytes) -> None:
    """Something that is no metadata, or wants an entity, would be taken."""
    shop.put(f"{LIB}/maven-metadata.xml", body).expect(400)
    shop.put("com/a$b/maven-metadata.xml", samples.metadata("1.0")).expect(400)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_metadata_checksums_are_of_the_document(shop: Shop, algorithm: str) -> None:
    """A client that checks would refuse our metadata, or go on using an old one after a publish."""
    for version in ("1.0", "2.0"):
        publish(shop, version)
        body = shop.get(f"{LIB}/maven-metadata.xml").expect(200).body
        assert shop.get(f"{LIB}/maven-metadata.xml.{algorithm}").expect(200).body == digest(algorithm, body)
        assert shop.head(f"{LIB}/maven-metadata.xml.{algorithm}").expect(200).body == b""
    shop.get(f"com/nothing/here/maven-metadata.xml.{algorithm}").expect(404)


def test_plugin_metadata(shop: Shop) -> None:
    """`mvn toy:run` would not find the plugin by its prefix, or go on finding one that was deleted."""
    shop.get("com/acme/maven-metadata.xml").expect(404)
    publish(shop, "1.0", "com/acme/toy-maven-plugin", packaging="maven-plugin")
    publish(shop, "1.1", "com/acme/toy-maven-plugin", packaging="maven-plugin")
    publish(shop, "1.0", "com/acme/maven-play-plugin", packaging="maven-plugin", name="Play & more")
    publish(shop, "1.0", "com/acme/lib")
    answer = shop.get("com/acme/maven-metadata.xml")
    assert element(answer, "prefix") == ["play", "toy"]
    assert element(answer, "artifactId") == ["maven-play-plugin", "toy-maven-plugin"]
    assert element(answer, "name") == ["Play &amp; more", "toy-maven-plugin"]
    for version in ("1.0", "1.1"):
        for kind in ("pom", "jar"):
            shop.delete(f"com/acme/toy-maven-plugin/{version}/toy-maven-plugin-{version}.{kind}").expect(204)
    assert element(shop.get("com/acme/maven-metadata.xml"), "prefix") == ["play"]


def test_folder_of_an_artifact_and_a_group(shop: Shop) -> None:
    """Where a group has the name of an artifact, one of the two would hide the other."""
    publish(shop, "1.0", "com/acme")
    publish(shop, "1.0", "com/acme/toy-maven-plugin", packaging="maven-plugin")
    answer = shop.get("com/acme/maven-metadata.xml")
    assert (element(answer, "prefix"), versions_in(answer), element(answer, "groupId")) == (["toy"], ["1.0"], ["com"])


# -- snapshots -------------------------------------------------------------------------------------------------------


def deploy_snapshot(shop: Shop, value: str, *tails: str) -> None:
    for tail in tails or (".jar", ".pom"):
        body = samples.pom(LIB, "1.1-SNAPSHOT") if tail == ".pom" else f"{value}{tail}".encode()
        shop.put(f"{SNAPSHOT}/lib-{value}{tail}", body).expect(200)


def test_snapshot_metadata(shop: Shop) -> None:
    """A client would take an old build, or a build number be given twice."""
    deploy_snapshot(shop, FIRST, ".jar", ".pom", "-sources.jar")
    deploy_snapshot(shop, SECOND, ".jar", ".pom")
    answer = shop.get(f"{SNAPSHOT}/maven-metadata.xml")
    assert (element(answer, "timestamp"), element(answer, "buildNumber")) == (["20260102.040506"], ["2"])
    assert list(zip(element(answer, "extension"), element(answer, "value"), strict=True)) == [("jar", SECOND), ("pom", SECOND), ("jar", FIRST)]
    assert element(answer, "classifier") == ["sources"]
    assert element(answer, "lastUpdated") == ["20260102040506"]
    assert element(answer, "version") == ["1.1-SNAPSHOT"]
    assert versions_in(shop.get(f"{LIB}/maven-metadata.xml")) == ["1.1-SNAPSHOT"]
    for algorithm in ALGORITHMS:
        assert shop.get(f"{SNAPSHOT}/maven-metadata.xml.{algorithm}").body == digest(algorithm, answer.body)


def test_snapshot_name_leads_to_the_newest_build(shop: Shop) -> None:
    """Whoever asks for the name with -SNAPSHOT would get nothing, an old build, or another classifier's."""
    deploy_snapshot(shop, FIRST, ".jar", ".pom", "-sources.jar", ".jar.asc")
    deploy_snapshot(shop, SECOND, ".jar", ".pom")
    for tail, value in ((".jar", SECOND), ("-sources.jar", FIRST), (".jar.asc", FIRST)):
        answer = shop.get(f"{SNAPSHOT}/lib-1.1-SNAPSHOT{tail}").expect(200)
        assert answer.body == f"{value}{tail}".encode()
        assert f"lib-1.1-SNAPSHOT{tail}" in answer.headers["content-disposition"]
        assert shop.get(f"{SNAPSHOT}/lib-1.1-SNAPSHOT{tail}.sha1").body == digest("sha1", answer.body)
    shop.get(f"{SNAPSHOT}/lib-1.1-SNAPSHOT-javadoc.jar").expect(404)
    shop.get(f"{SNAPSHOT}/lib-1.1-20260102.030405-9.jar").expect(404)
    shop.put(f"{SNAPSHOT}/lib-1.1-SNAPSHOT.jar.sha1", digest("sha1", f"{SECOND}.jar".encode())).expect(404)


def test_build_of_an_impossible_time_is_refused(shop: Shop) -> None:
    """One file with nines in its name would be the newest build for ever."""
    assert "time" in shop.put(f"{SNAPSHOT}/lib-1.1-99999999.999999-3.jar", JAR).expect(400).text
    shop.put(f"{LIB}/1.1/lib-1.1-99999999.999999-3.jar", JAR).expect(200)


def test_deleted_build_leaves_metadata(shop: Shop) -> None:
    """Metadata would name a build that is gone."""
    deploy_snapshot(shop, FIRST)
    deploy_snapshot(shop, SECOND)
    for tail in (".jar", ".pom"):
        shop.delete(f"{SNAPSHOT}/lib-{SECOND}{tail}").expect(204)
    assert element(shop.get(f"{SNAPSHOT}/maven-metadata.xml"), "value") == [FIRST, FIRST]
    assert shop.get(f"{SNAPSHOT}/lib-1.1-SNAPSHOT.jar").body == f"{FIRST}.jar".encode()


def test_plain_and_timed_snapshot_together(shop: Shop) -> None:
    """A plain file that came last would be hidden by an older build."""
    deploy_snapshot(shop, FIRST)
    shop.put(f"{SNAPSHOT}/lib-1.1-SNAPSHOT.jar", JAR).expect(200)
    answer = shop.get(f"{SNAPSHOT}/maven-metadata.xml")
    assert element(answer, "value") == ["1.1-SNAPSHOT", FIRST]
    assert element(answer, "buildNumber") == ["1"]


# -- POMs ------------------------------------------------------------------------------------------------------------


def test_pom_of_something_else_is_kept_with_a_warning(shop: Shop) -> None:
    """A third party's POM could not be published again under a path of one's own, or nobody would be told."""
    pom = samples.pom("org/other/thing", "9.9")
    shop.put(f"{V1}/lib-1.0.pom", pom).expect(200)
    assert shop.get(f"{V1}/lib-1.0.pom").body == pom
    assert versions_in(shop.get(f"{LIB}/maven-metadata.xml")) == ["1.0"]
    shop.get("org/other/thing/maven-metadata.xml").expect(404)
    [package] = shop.packages()
    assert "org.other:thing:9.9" in shop.house.write(read_about, package["id"]).warnings[0]


@pytest.mark.parametrize(
    "body",
    [b"", b"not xml", b"<html/>", b'<!DOCTYPE p SYSTEM "http://127.0.0.1:9/x"><project/>', b"<project>" + b"<a>" * 80 + b"</a>" * 80 + b"</project>"],
)
def test_hostile_pom_is_refused(shop: Shop, body: bytes) -> None:
    """A POM that no tool reads, or that makes its reader fetch something, would be published."""
    shop.put(f"{V1}/lib-1.0.pom", body).expect(400)
    assert shop.packages() == []


# -- deletion, time --------------------------------------------------------------------------------------------------


def test_deleted_file_takes_its_checksums_and_its_listing(shop: Shop) -> None:
    """A checksum or a listing would be left of what is gone."""
    publish(shop)
    shop.delete(f"{V1}/lib-1.0.pom").expect(204)
    shop.get(f"{V1}/lib-1.0.pom.sha1").expect(404)
    shop.get(f"{LIB}/maven-metadata.xml").expect(404)
    shop.get(f"{V1}/lib-1.0.jar").expect(200)
    shop.delete(f"{V1}/lib-1.0.pom").expect(404)
    shop.delete(f"{V1}/lib-1.0.jar.sha1").expect(404)
    shop.delete(f"{V1}/lib-1.0.jar").expect(204)
    assert shop.packages() == []
    shop.put(f"{V1}/lib-1.0.jar", b"corrected").expect(200)


# -- many at once ----------------------------------------------------------------------------------------------------


def test_files_of_one_version_at_once(shop: Shop) -> None:
    """A parallel deploy would lose a file or fail."""
    paths = [f"{V1}/lib-1.0-c{number}.jar" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda path: shop.put(path, path.encode()), paths))
        sums = list(pool.map(lambda path: shop.put(f"{path}.sha1", digest("sha1", path.encode())), paths))
    assert {answer.status for answer in answers} == {200} and {answer.status for answer in sums} == {204}
    assert len(shop.files()) == 24
    assert len(shop.packages()) == 1


# -- groups and the instance -----------------------------------------------------------------------------------------


def test_group_is_the_union(house: House) -> None:
    """A group would show a part of what its projects hold, or metadata whose checksum is another's."""
    group = house.group()
    one, two = Shop(house, house.project(group)), Shop(house, house.project(group))
    publish(one, "1.0")
    publish(two, "2.0")
    two.put(f"{V1}/lib-1.0.jar", b"newer").expect(200)
    deploy_snapshot(one, SECOND)
    deploy_snapshot(two, FIRST)
    base = f"/api/v4/groups/{group}/-/packages/maven"
    answer = house.ask("GET", f"{base}/{LIB}/maven-metadata.xml")
    assert versions_in(answer) == ["1.0", "1.1-SNAPSHOT", "2.0"]
    assert house.ask("GET", f"{base}/{LIB}/maven-metadata.xml.sha1").body == digest("sha1", answer.body)
    assert house.ask("GET", f"{base}/{V1}/lib-1.0.jar").expect(200).body == b"newer"
    assert house.ask("GET", f"{base}/{V1}/lib-1.0.jar.sha1").expect(200).body == digest("sha1", b"newer")
    assert set(element(house.ask("GET", f"{base}/{SNAPSHOT}/maven-metadata.xml"), "value")) == {SECOND}
    assert house.ask("GET", f"{base}/{SNAPSHOT}/lib-1.1-SNAPSHOT.jar").expect(200).body == f"{SECOND}.jar".encode()
    house.ask("GET", f"{base}/{LIB}/9.9/lib-9.9.jar").expect(404)
    assert house.ask("PUT", f"{base}/{V1}/lib-1.0.jar", JAR).status in (404, 405)


def test_instance_serves_packages_named_as_their_project(house: House) -> None:
    """Anybody could shadow a package of the instance from a project of their own."""
    group = house.group(path="acme", visibility=PUBLIC)
    home, other = Shop(house, house.project(group, "lib", PUBLIC)), Shop(house, house.project(visibility=PUBLIC))
    name, base = "acme/lib", "/api/v4/packages/maven"
    publish(home, "1.0", name)
    publish(other, "9.0", name)
    publish(other, "1.0", "com/acme/elsewhere")
    for token in ("", None):
        answer = house.ask("GET", f"{base}/{name}/maven-metadata.xml", token=token)
        assert versions_in(answer) == ["1.0"]
        assert house.ask("GET", f"{base}/{name}/maven-metadata.xml.sha1", token=token).body == digest("sha1", answer.body)
        assert house.ask("GET", f"{base}/{name}/1.0/lib-1.0.jar", token=token).expect(200).body == JAR + b"1.0"
    for path in (f"{name}/9.0/lib-9.0.jar", "com/acme/elsewhere/1.0/elsewhere-1.0.jar", "acme/maven-metadata.xml", "x", "acme/lib/2.0/lib-2.0.jar"):
        house.ask("GET", f"{base}/{path}").expect(404)
        house.ask("GET", f"{base}/{path}", token=None).expect(401)


def test_refusals_are_problem_documents(shop: Shop) -> None:
    """A client would print nothing of why it was refused, or sbt not find its login by the realm."""
    missing = shop.get(f"{V1}/lib-1.0.jar").expect(404)
    assert missing.json() == {
        "type": "about:blank", "status": 404, "title": "Not Found", "detail": "Package Not Found", "error": "Package Not Found",
        "message": "404 Package Not Found",
    }  # fmt: skip
    nobody = shop.house.ask("PUT", shop.base + f"{V1}/lib-1.0.jar", JAR, token=None).expect(401)
    assert nobody.headers["www-authenticate"] == 'Basic realm="GitLab Packages Registry"'
    assert nobody.json()["message"] == "401 Unauthorized"


def test_absent_package_is_forwarded(tmp_path: Path) -> None:
    """A client would be sent away for a name that is ours, or not be sent for one that is not."""
    house = House(tmp_path, forward={"maven": "https://upstream.example/maven2/"})
    try:
        shop = Shop(house)
        publish(shop)
        for path in ("org/other/thing/1.0/thing-1.0.jar.sha1", "org/other/maven-metadata.xml", "org/other/thing/maven-metadata.xml.md5"):
            assert shop.get(path).expect(302).headers["location"] == f"https://upstream.example/maven2/{path}"
        for path in (f"{LIB}/9.9/lib-9.9.jar", f"{V1}/lib-1.0-sources.jar", "single/maven-metadata.xml", "x", f"{LIB}/9-SNAPSHOT/maven-metadata.xml"):
            shop.get(path).expect(404)
        house.ask("GET", "/api/v4/packages/maven/org/other/thing/1.0/thing-1.0.jar").expect(404)
    finally:
        house.close()
