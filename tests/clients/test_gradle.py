"""Gradle, as Debian has it, against a running server: resolve, publish, snapshots and ranges."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from programs import Desk, Run
from stand import Login, Stand, Team
from wire import basic

pytestmark = pytest.mark.timeout(400)

BUILD = """
{plugins}
group = '{group}'
version = '{version}'
{repositories}
{more}
"""
REPOSITORY = """maven {{ url '{url}'
  credentials {{ username '{user}'; password '{token}' }}
  authentication {{ basic(BasicAuthentication) }} }}"""
FETCH = """
configurations {{ toy }}
configurations.toy.resolutionStrategy.cacheChangingModulesFor 0, 'seconds'
configurations.toy.resolutionStrategy.cacheDynamicVersionsFor 0, 'seconds'
dependencies {{ toy('{asked}') {{ changing = true }} }}
task fetch(type: Copy) {{ from configurations.toy; into 'got' }}
"""
POM = "<project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>lib</artifactId><version>{version}</version></project>"
PUBLISH = """
publishing {{
  publications {{ lib(IvyPublication) {{
    artifact file('lib.jar')
    artifact(file('lib.pom')) {{ extension 'pom'; type 'pom' }} }} }}
  repositories {{
    {repository}
  }}
}}
"""
WRONG = Login("nobody", "phpat_not_a_token")


class Gradle:
    """Gradle in an empty home, with no daemon left behind."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.folder = folder / "build"
        self.folder.mkdir()
        (self.folder / "settings.gradle").write_text("rootProject.name = 'lib'\n")

    def run(self, *tasks: str, status: int | None = 0) -> Run:
        """The run of these tasks of the build."""
        env = {"GRADLE_USER_HOME": str(self.desk.home / ".gradle"), "JAVA_OPTS": "-Xmx400m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
        return self.desk.run("gradle", "--no-daemon", "--console=plain", "-q", *tasks, cwd=self.folder, env=env, status=status, timeout=200)

    def write(self, group: str = "com.acme", version: str = "1.0.0", plugins: str = "", repositories: str = "", more: str = "") -> None:
        """The build script."""
        (self.folder / "build.gradle").write_text(BUILD.format(plugins=plugins, group=group, version=version, repositories=repositories, more=more))

    def fetch(self, url: str, login: Login, asked: str, status: int | None = 0) -> Run:
        """What a configuration with one dependency resolves to, copied into `got`."""
        repository = REPOSITORY.format(url=url, user=login.user, token=login.token)
        self.write(group="com.user", repositories=f"repositories {{ {repository} }}", more=FETCH.format(asked=asked))
        return self.run("fetch", status=status)

    def fetched(self) -> list[str]:
        """The names of the files that came."""
        got = self.folder / "got"
        return sorted(path.name for path in got.iterdir()) if got.exists() else []


@pytest.fixture(name="gradle")
def make_gradle(desk: Desk, tmp_path: Path) -> Gradle:
    desk.note("gradle")
    return Gradle(desk, tmp_path)


def project_path(team: Team) -> str:
    return f"/api/v4/projects/{team.project['id']}/packages/maven"


def put(stand: Stand, team: Team, version: str, body: bytes) -> None:
    """A version, published without Gradle."""
    stem = f"{project_path(team)}/com/acme/lib/{version}/lib-{version}"
    for suffix, content in (("jar", body), ("pom", POM.format(version=version).encode())):
        stand.http.put(f"{stem}.{suffix}", content, basic(team.writer.user, team.writer.token)).expect(200)


def make_jar(text: str) -> bytes:
    """A jar without classes; another text makes other bytes."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(zipfile.ZipInfo("text.txt"), text)
    return sink.getvalue()


# -- resolving -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "version"), [("1.9.0", "1.9.0"), ("1.+", "1.10.0"), ("latest.release", "1.10.0"), ("2.0-SNAPSHOT", "2.0-SNAPSHOT")]
)
def test_resolves(asked: str, version: str, gradle: Gradle, stand: Stand, team: Team) -> None:
    """Gradle does not send its login after the challenge, or goes by other versions than the metadata lists, or gets other bytes."""
    for published in ("1.10.0", "1.9.0", "2.0-SNAPSHOT"):
        put(stand, team, published, make_jar(published))

    gradle.fetch(f"{stand.url}/api/v4/groups/{team.group['id']}/-/packages/maven", team.reporter, f"com.acme:lib:{asked}")

    assert gradle.fetched() == [f"lib-{version}.jar"]
    assert (gradle.folder / "got" / f"lib-{version}.jar").read_bytes() == make_jar(version)


@pytest.mark.parametrize("who", ["stranger", "wrong"])
def test_resolves_nothing_without_the_right(who: str, gradle: Gradle, stand: Stand, team: Team) -> None:
    """Somebody who may not resolves with Gradle what is private."""
    put(stand, team, "1.0.0", make_jar("1"))

    gradle.fetch(stand.url + project_path(team), team.stranger if who == "stranger" else WRONG, "com.acme:lib:1.0.0", status=None)

    assert gradle.fetched() == []


# -- publishing: Debian's Gradle has no transport for Maven's own uploader, so its Ivy one publishes into the Maven layout ----


def publish(gradle: Gradle, url: str, login: Login, version: str, jar: bytes, status: int | None = 0) -> Run:
    """A jar and a POM, by Gradle's own HTTP client."""
    (gradle.folder / "lib.jar").write_bytes(jar)
    (gradle.folder / "lib.pom").write_text(POM.format(version=version))
    repository = REPOSITORY.replace("maven", "ivy", 1).replace("url", "layout 'maven'; url", 1).format(url=url, user=login.user, token=login.token)
    gradle.write(version=version, plugins="apply plugin: 'ivy-publish'", more=PUBLISH.format(repository=repository))
    return gradle.run("publish", status=status)


def test_publishes_what_gradle_resolves(gradle: Gradle, stand: Stand, team: Team) -> None:
    """Gradle ends at a checksum that it sends, or does not find what it published, or replaces a release, or does not say why not."""
    url, jar = stand.url + project_path(team), make_jar("lib")
    publish(gradle, url, team.writer, "1.0.0", jar)

    [package] = stand.list_packages(team.project)
    assert (package["name"], package["version"]) == ("com/acme/lib", "1.0.0")
    assert sorted(file["file_name"] for file in stand.list_files(team.project, package)) == ["ivy-1.0.0.xml", "lib-1.0.0.jar", "lib-1.0.0.pom"]
    gradle.fetch(url, team.reader, "com.acme:lib:1.0.0")
    assert (gradle.folder / "got" / "lib-1.0.0.jar").read_bytes() == jar

    said = publish(gradle, url, team.writer, "1.0.0", make_jar("another"), status=None).said

    assert "400" in said


def test_snapshot_moves_on(gradle: Gradle, stand: Stand, team: Team) -> None:
    """The second state of a snapshot is refused, or Gradle keeps the first one."""
    url = stand.url + project_path(team)
    for text in ("first", "second"):
        publish(gradle, url, team.writer, "1.1-SNAPSHOT", make_jar(text))

    gradle.fetch(url, team.reader, "com.acme:lib:1.1-SNAPSHOT")

    assert (gradle.folder / "got" / "lib-1.1-SNAPSHOT.jar").read_bytes() == make_jar("second")
