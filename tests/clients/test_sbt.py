"""sbt, Ivy and Coursier against a running server: both layouts, cross versions, plugins, dynamic revisions, releases that stay, snapshots."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from programs import INSTALLED, Desk, Run, find_version
from stand import Login, Stand, Team
from wire import basic

# this is no package to mypy
from .test_maven import (  # type: ignore[import-not-found]
    LIB,
    Maven,
    fill_local_repository,  # noqa: F401
    make_maven,  # noqa: F401
    small_jar,
    small_pom,
)

SEED = INSTALLED / "sbt"
SBT = "1.11.7"
LAUNCHER = f"org.scala-sbt:sbt-launch:{SBT}"
SCALA = "2.12.20"  # the one that this sbt is written in: no other compiler has to be fetched
FETCH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
REALM = "GitLab Packages Registry"
pytestmark = pytest.mark.timeout(900)  # the first test may fill the seed

BUILD = """
organization := "com.acme"
name := "{name}"
version := "{version}"
scalaVersion := "{scala}"
description := "{description}"
{credentials}
{more}
"""
CREDENTIALS = 'credentials += Credentials("{realm}", "127.0.0.1", "{user}", "{token}")'

PLUGIN = """
package toy
import sbt._
object Plugin extends AutoPlugin {
  override def trigger = allRequirements
  override def projectSettings = Seq(TaskKey[Unit]("greet") := println("the plugin was here"))
}
"""
CODE = "package toy\nobject {name} {{ def value: Int = {value} }}\n"


# -- sbt and what it fetches for itself, once ------------------------------------------------------------------------


@pytest.fixture(scope="session", name="sbt_seed")
def fill_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher, the sbt that it starts, and the compiler. Made once, from where Maven and sbt get theirs."""
    if find_version("mvn") is None:
        return SEED  # each test says so
    SEED.mkdir(parents=True, exist_ok=True)
    with (SEED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = SEED / "version"
        if not done.exists() or done.read_text() != SBT:
            for folder in ("boot", "coursier", "zinc"):
                shutil.rmtree(SEED / folder, ignore_errors=True)
            fill(tmp_path_factory.mktemp("sbt-seed"))
            done.write_text(SBT)
    return SEED


def fill(folder: Path) -> None:
    environment = {**os.environ, "HOME": str(folder)}
    copy = ["mvn", "-B", "-q", f"-Dmaven.repo.local={folder / 'm2'}", FETCH, f"-Dartifact={LAUNCHER}", f"-DoutputDirectory={SEED}"]
    subprocess.run([*copy, "-Dmdep.stripVersion=true"], cwd=folder, env=environment, check=True, timeout=280)
    build = write_build(folder / "build", "seed", "1.0", None, f'publishTo := Some("out" at "{(folder / "out").as_uri()}")')
    options = [*java_options(folder, SEED / "boot"), f"-Dsbt.coursier.home={SEED / 'coursier'}"]
    command = ["java", *options, "-jar", str(SEED / "sbt-launch.jar"), "publish", "update"]
    subprocess.run(command, cwd=build, env=environment, check=True, timeout=500, stdin=subprocess.DEVNULL)
    shutil.copytree(folder / "global" / "zinc", SEED / "zinc")


def java_options(folder: Path, boot: Path) -> list[str]:
    """What keeps sbt inside a folder, small and quiet."""
    return [
        "-Xmx700m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        f"-Duser.home={folder}",
        f"-Dsbt.global.base={folder / 'global'}",
        f"-Dsbt.boot.directory={boot}",
        f"-Dsbt.ivy.home={folder / 'ivy'}",
        "-Dsbt.color=false",
        "-Dsbt.supershell=false",
        "-Dsbt.server.autostart=false",
        "-Dsbt.boot.lock=false",  # it would lock inside the seed
    ]


def write_build(folder: Path, name: str, version: str, login: Login | None, more: str, value: str = "42", description: str = "toy") -> Path:
    """A small build with one Scala class."""
    (folder / "project").mkdir(parents=True, exist_ok=True)
    (folder / "project" / "build.properties").write_text(f"sbt.version={SBT}\n")
    credentials = "" if login is None else CREDENTIALS.format(realm=REALM, user=login.user, token=login.token)
    values = {"name": name, "version": version, "scala": SCALA, "credentials": credentials, "description": description, "more": more}
    (folder / "build.sbt").write_text(BUILD.format(**values))
    code = folder / "src" / "main" / "scala"
    code.mkdir(parents=True, exist_ok=True)
    (code / f"{name.capitalize()}.scala").write_text(CODE.format(name=name.capitalize(), value=value))
    return folder


# -- sbt in an empty home --------------------------------------------------------------------------------------------


def settle(home: Path) -> str:
    """The options of Java with which sbt lives in a home, and reaches the seed and what a build names, nothing else."""
    [world] = (SEED / "coursier" / "cache" / "https").glob("*/maven2")
    repositories = home / "repositories"
    repositories.write_text(f"[repositories]\nlocal\nseed: {world.as_uri()}/\n")
    shutil.copytree(SEED / "zinc", home / "global" / "zinc")
    return " ".join([*java_options(home, SEED / "boot"), f"-Dsbt.repository.config={repositories}", f"-Dsbt.coursier.home={home / 'coursier'}"])


class Sbt:
    """sbt with a home of its own."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        desk.note("sbt")
        self.options = settle(folder)

    def run(self, build: Path, *commands: str, status: int | None = 0) -> Run:
        """The run of these commands in a build."""
        return self.desk.run("sbt", *commands, cwd=build, env={"JDK_JAVA_OPTIONS": self.options}, status=status, timeout=200)


@pytest.fixture(name="sbt")
def make_sbt(desk: Desk, sbt_seed: Path, tmp_path: Path) -> Sbt:
    assert sbt_seed == SEED
    return Sbt(desk, tmp_path)


def project_path(team: Team) -> str:
    return f"/api/v4/projects/{team.project['id']}/packages/maven"


def repository(stand: Stand, path: str) -> str:
    """The address as sbt wants one that is not https."""
    return f'("toy" at "{stand.url}{path}").withAllowInsecureProtocol(true)'


def target(stand: Stand, team: Team) -> str:
    return f"publishTo := Some({repository(stand, project_path(team))})"


def digest_of(stand: Stand, team: Team, file: str) -> str:
    answer = stand.http.get(f"{project_path(team)}/com/acme/{file}", basic(team.reader.user, team.reader.token))
    return hashlib.sha256(answer.expect(200).body).hexdigest()


# -- what teams do ---------------------------------------------------------------------------------------------------


def test_publishes_what_sbt_resolves(sbt: Sbt, stand: Stand, team: Team, tmp_path: Path) -> None:
    """sbt stops at a checksum that it finds before it has sent it, does not find its login, or does not compile against what it published."""
    lib = write_build(tmp_path / "lib", "lib", "1.0.0", team.writer, target(stand, team))
    sbt.run(lib, "publish")

    [package] = stand.list_packages(team.project)
    assert (package["name"], package["version"]) == ("com/acme/lib_2.12", "1.0.0")
    names = {file["file_name"] for file in stand.list_files(team.project, package)}
    assert names == {f"lib_2.12-1.0.0{end}" for end in (".pom", ".jar", "-sources.jar", "-javadoc.jar")}
    group = f"/api/v4/groups/{team.group['id']}/-/packages/maven"
    more = f'resolvers += {repository(stand, group)}\nlibraryDependencies += "com.acme" %% "lib" % "latest.release"'
    app = write_build(tmp_path / "app", "app", "1.0", team.reporter, more, value="Lib.value")
    sbt.run(app, "compile")
    jars = list((tmp_path / "coursier").rglob("lib_2.12-1.0.0.jar"))
    assert [hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars] == [digest_of(stand, team, "lib_2.12/1.0.0/lib_2.12-1.0.0.jar")]


def test_does_not_overwrite_a_release(sbt: Sbt, stand: Stand, team: Team, tmp_path: Path) -> None:
    """sbt takes a release that stands for one that is not there, and does not tell that it stays."""
    path = f"{project_path(team)}/com/acme/lib_2.12/1.0.0/lib_2.12-1.0.0.jar"
    stand.http.put(path, b"PK\x05\x06" + bytes(18), basic(team.writer.user, team.writer.token)).expect(200)
    before = digest_of(stand, team, "lib_2.12/1.0.0/lib_2.12-1.0.0.jar")
    lib = write_build(tmp_path / "lib", "lib", "1.0.0", team.writer, target(stand, team))

    said = sbt.run(lib, "publish", status=None).said

    assert "overwrite" in said
    assert digest_of(stand, team, "lib_2.12/1.0.0/lib_2.12-1.0.0.jar") == before


def test_snapshot_moves_on(sbt: Sbt, stand: Stand, team: Team, tmp_path: Path) -> None:
    """The second state of a snapshot is refused, or the first one is served, or a client that goes by the metadata finds neither."""
    lib = write_build(tmp_path / "lib", "lib", "1.1-SNAPSHOT", team.writer, target(stand, team))
    sbt.run(lib, "publish", 'set description := "another"', "publish")

    folder = f"{project_path(team)}/com/acme/lib_2.12/1.1-SNAPSHOT"
    login = basic(team.reader.user, team.reader.token)
    assert "another" in stand.http.get(f"{folder}/lib_2.12-1.1-SNAPSHOT.pom", login).expect(200).text
    assert "<value>1.1-SNAPSHOT</value>" in stand.http.get(f"{folder}/maven-metadata.xml", login).expect(200).text


@pytest.mark.parametrize("who", ["reader", "stranger"])
def test_publishes_nothing_without_the_right(who: str, sbt: Sbt, stand: Stand, team: Team, tmp_path: Path) -> None:
    """Somebody who may not publishes with sbt."""
    lib = write_build(tmp_path / "lib", "lib", "1.0.0", team.reader if who == "reader" else team.stranger, target(stand, team))

    sbt.run(lib, "publish", status=None)

    assert stand.list_packages(team.project) == []


# -- sbt's own format, in both layouts --------------------------------------------------------------------------------


def sbt_path(team: Team) -> str:
    return f"/api/v4/projects/{team.project['id']}/packages/sbt"


def in_layout(layout: str, stand: Stand, path: str) -> str:
    """The repository at a path, in Maven's layout or in Ivy's."""
    if layout == "maven":
        return repository(stand, path)
    return f'Resolver.url("toy", url("{stand.url}{path}"))(Resolver.ivyStylePatterns).withAllowInsecureProtocol(true)'


def publish_to(layout: str, stand: Stand, team: Team) -> str:
    return f"publishTo := Some({in_layout(layout, stand, sbt_path(team))})\npublishMavenStyle := {str(layout == 'maven').lower()}"


LAYOUTS = {
    "maven": ("com/acme/lib_2.12", {f"lib_2.12-1.0.0{end}" for end in (".pom", ".jar", "-sources.jar", "-javadoc.jar")}),
    "ivy": ("com.acme#lib_2.12", {"ivy.xml", "lib_2.12.jar", "lib_2.12-sources.jar", "lib_2.12-javadoc.jar"}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sbt_resolves_what_it_publishes(layout: str, sbt: Sbt, stand: Stand, team: Team, tmp_path: Path) -> None:
    """sbt cannot publish in a layout, does not find its login in a file, or finds no newest release, or another one."""
    lib = write_build(tmp_path / "lib", "lib", "1.0.0", team.writer, publish_to(layout, stand, team))
    sbt.run(lib, "+publish")

    package, files = LAYOUTS[layout]
    [listed] = stand.list_packages(team.project)
    assert (listed["name"], listed["version"]) == (package, "1.0.0")
    assert {file["file_name"] for file in stand.list_files(team.project, listed)} == files
    login = {"realm": REALM, "host": "127.0.0.1", "user": team.reader.user, "password": team.reader.token}
    (tmp_path / "credentials").write_text("".join(f"{key}={value}\n" for key, value in login.items()))
    more = f"""
        resolvers += {in_layout(layout, stand, sbt_path(team))}
        credentials += Credentials(file("{tmp_path}/credentials"))
        libraryDependencies += "com.acme" %% "lib" % "latest.release"
    """
    app = write_build(tmp_path / "app", "app", "1.0", None, more, value="Lib.value")
    sbt.run(app, "compile")


def test_sbt_publishes_cross_versions_side_by_side(sbt: Sbt, stand: Stand, team: Team, tmp_path: Path) -> None:
    """What was built for one version of Scala, or lies in one layout, takes the place of what was built for another, or lies in the other."""
    # Empty packages: no second compiler has to be fetched for them.
    more = f"""
        crossScalaVersions := Seq("{SCALA}", "2.13.99")
        autoScalaLibrary := false
        managedScalaInstance := false
        Compile / compile := sbt.internal.inc.Analysis.Empty
        Compile / packageBin / mappings := Nil
        Compile / packageSrc / mappings := Nil
        Compile / packageDoc / publishArtifact := false
        {publish_to("maven", stand, team)}
    """
    lib = write_build(tmp_path / "lib", "lib", "1.0.0", team.writer, more)
    ivy = f"set publishTo := Some({in_layout('ivy', stand, sbt_path(team))})"
    sbt.run(lib, "+publish", ivy, "set publishMavenStyle := false", "+publish")

    names = {package["name"] for package in stand.list_packages(team.project)}
    assert names == {"com/acme/lib_2.12", "com/acme/lib_2.13", "com.acme#lib_2.12", "com.acme#lib_2.13"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sbt_builds_with_a_plugin(layout: str, sbt: Sbt, stand: Stand, team: Team, tmp_path: Path) -> None:
    """A plugin, whose path names two more versions or whose POM goes by two names, cannot be published or not be loaded."""
    jars = SEED / "boot"
    more = f"""
        sbtPlugin := true
        libraryDependencies := Nil
        Compile / unmanagedJars := (file("{jars}") ** "*.jar").classpath
        {publish_to(layout, stand, team)}
    """
    plugin = write_build(tmp_path / "plugin", "plugin", "1.0.0", team.writer, more)
    code = plugin / "src" / "main" / "scala" / "Plugin.scala"
    code.write_text(PLUGIN)
    sbt.run(plugin, "publish")

    [listed] = stand.list_packages(team.project)
    assert listed["name"] == {"maven": "com/acme/plugin_2.12_1.0", "ivy": "com.acme#plugin/scala_2.12/sbt_1.0"}[layout]
    app = write_build(tmp_path / "app", "app", "1.0", None, "")
    (app / "project" / "plugins.sbt").write_text(
        f"""
        resolvers += {in_layout(layout, stand, sbt_path(team))}
        credentials += Credentials("{REALM}", "127.0.0.1", "{team.reader.user}", "{team.reader.token}")
        addSbtPlugin("com.acme" % "plugin" % "1.0.0")
        """
    )
    assert "the plugin was here" in sbt.run(app, "greet").out


# -- Ivy's layout, by Ivy: the format of sbt's own ---------------------------------------------------------------------

IVY_PATTERN = "[organisation]/[module]/(scala_[scalaVersion]/)(sbt_[sbtVersion]/)[revision]/[type]s/[artifact](-[classifier]).[ext]"
IVY_SETTINGS = """<ivysettings>
  <settings defaultResolver="packhouse"/>
  <caches defaultCacheDir="{cache}"/>
  <credentials host="127.0.0.1" realm="{realm}" username="{user}" passwd="{token}"/>
  <resolvers><url name="packhouse">
    <ivy pattern="{url}/{pattern}"/><artifact pattern="{url}/{pattern}"/>
  </url></resolvers>
</ivysettings>"""
IVY_MODULE = """<ivy-module version="2.0">
  <info organisation="com.acme" module="toy" revision="{version}" status="release"><description>A toy</description></info>
  <publications><artifact name="toy" type="jar" ext="jar"/></publications>
</ivy-module>"""


@dataclass
class Ivy:
    """Ivy with an empty cache for each run, at the project of a team."""

    desk: Desk
    folder: Path
    stand: Stand
    team: Team

    @property
    def path(self) -> str:
        return f"/api/v4/projects/{self.team.project['id']}/packages/sbt"

    def run(self, login: Login, *arguments: str, realm: str = REALM, path: str = "", status: int | None = 0) -> Run:
        cache = self.folder / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        values = {
            "cache": cache,
            "realm": realm,
            "user": login.user,
            "token": login.token,
            "url": self.stand.url + (path or self.path),
            "pattern": IVY_PATTERN,
        }
        (self.folder / "ivysettings.xml").write_text(IVY_SETTINGS.format(**values))
        return self.desk.run("ivy", "-settings", "ivysettings.xml", *arguments, cwd=self.folder, status=status, timeout=100)

    def publish(self, version: str, *options: str, content: bytes = b"", realm: str = REALM, status: int | None = 0) -> Run:
        (self.folder / "out").mkdir(exist_ok=True)
        (self.folder / "out" / "toy.jar").write_bytes(content or small_jar(version))
        (self.folder / "ivy.xml").write_text(IVY_MODULE.format(version=version))
        pattern = f"{self.folder}/out/[artifact].[ext]"
        arguments = ("-ivy", "ivy.xml", "-publish", "packhouse", "-publishpattern", pattern, "-revision", version)
        return self.run(self.team.writer, *arguments, *options, realm=realm, status=status)

    def retrieve(self, version: str, login: Login | None = None, path: str = "") -> bytes:
        """The jar that Ivy takes for a revision, which may be a dynamic one."""
        got = self.folder / "got"
        shutil.rmtree(got, ignore_errors=True)
        self.run(login or self.team.reader, "-dependency", "com.acme", "toy", version, "-retrieve", f"{got}/[artifact].[ext]", path=path)
        return (got / "toy.jar").read_bytes()

    def files(self) -> dict[tuple[str, str], dict[str, str]]:
        """Package and version → file → digest."""
        packages = self.stand.list_packages(self.team.project)
        listed = {(one["name"], one["version"]): self.stand.list_files(self.team.project, one) for one in packages}
        return {key: {file["file_name"]: file["file_sha256"] for file in files} for key, files in listed.items()}


@pytest.fixture(name="ivy")
def make_ivy(desk: Desk, stand: Stand, team: Team, tmp_path: Path, seed: Path) -> Ivy:
    assert seed == INSTALLED / "maven"
    desk.note("ivy")
    (tmp_path / "ivy").mkdir()
    return Ivy(desk, tmp_path / "ivy", stand, team)


def test_ivy_publishes_what_it_retrieves(ivy: Ivy) -> None:
    """Ivy stops at a checksum that it finds before it has sent it, or does not find its login, or gets other bytes than it sent."""
    ivy.publish("1.0.0")

    assert {key: set(files) for key, files in ivy.files().items()} == {("com.acme#toy", "1.0.0"): {"toy.jar", "ivy.xml"}}
    assert ivy.retrieve("1.0.0") == small_jar("1.0.0")
    group = f"/api/v4/groups/{ivy.team.group['id']}/-/packages/sbt"
    assert ivy.retrieve("1.0.0", ivy.team.reporter, group) == small_jar("1.0.0")


def test_ivy_finds_dynamic_revisions(ivy: Ivy) -> None:
    """Ivy finds no revision in a listing, or one that is not the newest or not yet whole, or none with signs that an address may have to escape."""
    for version in ("1.0 beta", "1.9.0", "1.10.0", "1.10.1+3-ab~c", "2.0.0"):
        ivy.publish(version)
    login = basic(ivy.team.writer.user, ivy.team.writer.token)
    ivy.stand.http.put(f"{ivy.path}/com.acme/toy/3.0.0/jars/toy.jar", b"its descriptor is still to come", login).expect(200)

    wanted = {
        "1.0 b+": "1.0 beta", "1.9.+": "1.9.0", "1.10.+": "1.10.1+3-ab~c", "latest.integration": "2.0.0", "latest.release": "2.0.0",
        "[1.0,1.10[": "1.9.0", "1.10.1+3-ab~c": "1.10.1+3-ab~c",
    }  # fmt: skip
    assert {asked: ivy.retrieve(asked) for asked in wanted} == {asked: small_jar(version) for asked, version in wanted.items()}


def test_ivy_does_not_overwrite_a_release(ivy: Ivy) -> None:
    """Ivy replaces a release, by itself or when it is told to, or cannot replace a snapshot."""
    ivy.publish("1.0.0")
    before = ivy.files()

    assert "overwrite == false" in ivy.publish("1.0.0", content=b"other", status=None).said
    assert "409" in ivy.publish("1.0.0", "-overwrite", content=b"other", status=None).said
    assert ivy.files() == before
    ivy.publish("1.1-SNAPSHOT")
    ivy.publish("1.1-SNAPSHOT", "-overwrite", content=b"other")
    assert ivy.retrieve("1.1-SNAPSHOT") == b"other"


def test_ivy_looks_the_login_up_by_realm(ivy: Ivy) -> None:
    """The realm of the challenge is another one than the documentation says."""
    ivy.publish("1.0.0", realm="Another", status=None)

    assert ivy.files() == {}


# -- Coursier ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "version"), [("1.9.0", "1.9.0"), ("latest.release", "1.10.0"), ("[1.0,1.10.0)", "1.9.0")])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_coursier_fetches(layout: str, asked: str, version: str, ivy: Ivy) -> None:
    """Coursier does not find a version by its name, a range or as the newest release, or does not send its login."""
    ivy.desk.note("cs")
    login, url = ivy.team.reader, ivy.stand.url + ivy.path
    for published in ("1.9.0", "1.10.0"):
        files = {
            "maven": {
                f"com/acme/toy/{published}/toy-{published}.jar": small_jar(published),
                f"com/acme/toy/{published}/toy-{published}.pom": small_pom(f"com.acme:toy:{published}").encode(),
            },
            "ivy": {
                f"com.acme/toy/{published}/jars/toy.jar": small_jar(published),
                f"com.acme/toy/{published}/ivys/ivy.xml": IVY_MODULE.format(version=published).encode(),
            },
        }
        for path, content in files[layout].items():
            ivy.stand.http.put(f"{ivy.path}/{path}", content, basic(ivy.team.writer.user, ivy.team.writer.token)).expect(200)
    said = {"username": login.user, "password": login.token, "host": "127.0.0.1", "realm": REALM, "https-only": "false"}
    (ivy.folder / "login").write_text("".join(f"toy.{name}={value}\n" for name, value in said.items()))
    where = url if layout == "maven" else f"ivy:{url}/{IVY_PATTERN}"
    options = ("--no-default", "-r", where, "--credential-file", "login", "--cache", "cache", "--quiet")

    got = ivy.desk.run("cs", "fetch", *options, f"com.acme:toy:{asked}", cwd=ivy.folder).out

    assert (ivy.folder / got.strip()).read_bytes() == small_jar(version)


# -- Maven -------------------------------------------------------------------------------------------------------------


def test_maven_reads_what_it_deploys(stand: Stand, team: Team, maven: Maven) -> None:
    """A build of Maven beside those of sbt cannot publish here, or resolve, strictly by its checksums, or replaces a release."""
    url = stand.url + sbt_path(team)
    maven.deploy_file(url, team.writer, LIB, small_jar("1"))
    refused = maven.deploy_file(url, team.writer, LIB, small_jar("2"), status=None)

    assert "409" in refused.said
    maven.fetch(url, team.reader, LIB, "-C", "-q")
    assert maven.fetched(LIB) == small_jar("1")
