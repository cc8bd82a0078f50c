"""sbt against a running server, with the settings that it has by itself: publish, resolve, a release that stays, a snapshot that moves on."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import INSTALLED, Desk, Run, find_version
from stand import Login, Stand, Team
from wire import basic

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
credentials += Credentials("{realm}", "127.0.0.1", "{user}", "{token}")
{more}
"""
CODE = "package toy\nobject {name} {{ def value: Int = {value} }}\n"


# -- sbt and what it fetches for itself, once ------------------------------------------------------------------------


@pytest.fixture(scope="session", name="seed")
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
    build = write_build(folder / "build", "seed", "1.0", Login("", ""), f'publishTo := Some("out" at "{(folder / "out").as_uri()}")')
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


def write_build(folder: Path, name: str, version: str, login: Login, more: str, value: str = "42", description: str = "toy") -> Path:
    """A small build with one Scala class."""
    (folder / "project").mkdir(parents=True, exist_ok=True)
    (folder / "project" / "build.properties").write_text(f"sbt.version={SBT}\n")
    values = {"name": name, "version": version, "scala": SCALA, "realm": REALM, "user": login.user, "token": login.token}
    (folder / "build.sbt").write_text(BUILD.format(**values, description=description, more=more))
    code = folder / "src" / "main" / "scala"
    code.mkdir(parents=True, exist_ok=True)
    (code / f"{name.capitalize()}.scala").write_text(CODE.format(name=name.capitalize(), value=value))
    return folder


# -- sbt in an empty home --------------------------------------------------------------------------------------------


class Sbt:
    """sbt with a home of its own, which reaches the seed and what a build names, nothing else."""

    def __init__(self, desk: Desk, seed: Path, folder: Path) -> None:
        self.desk = desk
        self.folder = folder
        desk.note("sbt")
        [world] = (seed / "coursier" / "cache" / "https").glob("*/maven2")
        self.repositories = folder / "repositories"
        self.repositories.write_text(f"[repositories]\nlocal\nseed: {world.as_uri()}/\n")
        shutil.copytree(seed / "zinc", folder / "global" / "zinc")

    def run(self, build: Path, *commands: str, status: int | None = 0) -> Run:
        """The run of these commands in a build."""
        options = [*java_options(self.folder, SEED / "boot"), f"-Dsbt.repository.config={self.repositories}"]
        options.append(f"-Dsbt.coursier.home={self.folder / 'coursier'}")
        return self.desk.run("sbt", *commands, cwd=build, env={"JDK_JAVA_OPTIONS": " ".join(options)}, status=status, timeout=200)


@pytest.fixture(name="sbt")
def make_sbt(desk: Desk, seed: Path, tmp_path: Path) -> Sbt:
    return Sbt(desk, seed, tmp_path)


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
