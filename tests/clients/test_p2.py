"""Tycho and p2's director against a running server: what Tycho built is uploaded by curl, resolved by another build, and installed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from programs import INSTALLED, Desk, Run, find_version
from stand import Login, Stand, Team
from wire import basic

from ..formats.p2.samples import bundle  # type: ignore[import-not-found,misc]

# this is no package to mypy
from .test_maven import copy_seed  # type: ignore[import-not-found]

SEED = INSTALLED / "tycho"
MAVEN, TYCHO = "3.9.9", "4.0.10"  # Debian's Maven is too old for this Tycho, and Debian's Java for the next one
FETCH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
DIRECTOR = f"org.eclipse.tycho:tycho-p2-director-plugin:{TYCHO}:director"
FEATURE = "toy.feature.feature.group"
pytestmark = pytest.mark.timeout(900)  # the first test may fill the seed

EXTENSION = f"""<build><plugins><plugin><groupId>org.eclipse.tycho</groupId><artifactId>tycho-maven-plugin</artifactId><version>{TYCHO}</version>
<extensions>true</extensions></plugin></plugins></build>"""
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>acme</groupId><artifactId>{name}</artifactId><version>{version}</version><packaging>{packaging}</packaging>
{more}</project>
"""
PART = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<parent><groupId>acme</groupId><artifactId>toy</artifactId><version>{version}</version></parent>
<artifactId>{name}</artifactId><packaging>{packaging}</packaging></project>
"""
BUILD = "source.. = src/\noutput.. = target/classes/\nbin.includes = META-INF/,.\n"


# -- Maven, Tycho and what it fetches for itself, once -------------------------------------------------------------------


@pytest.fixture(scope="session", name="tycho_seed")
def fill_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Maven that Tycho runs in, and a local repository with Tycho. Made once, from where Maven gets its plugins."""
    if find_version("mvn") is None:
        return SEED  # each test says so
    SEED.mkdir(parents=True, exist_ok=True)
    with (SEED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = SEED / "version"
        if not done.exists() or done.read_text() != TYCHO:
            for old in ("repository", f"apache-maven-{MAVEN}"):
                shutil.rmtree(SEED / old, ignore_errors=True)
            fill(tmp_path_factory.mktemp("tycho-seed"))
            done.write_text(TYCHO)
    return SEED


def fill(folder: Path) -> None:
    environment = {**os.environ, "HOME": str(folder), "MAVEN_OPTS": f"-Duser.home={folder}"}

    def run(*command: str | Path, cwd: Path = folder) -> None:
        subprocess.run(command, cwd=cwd, env=environment, check=True, timeout=280, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    run("mvn", "-B", "-q", f"-Dmaven.repo.local={folder / 'm2'}", FETCH, f"-Dartifact=org.apache.maven:apache-maven:{MAVEN}:tar.gz:bin",
        f"-DoutputDirectory={folder}")  # fmt: skip
    run("tar", "-xzf", folder / f"apache-maven-{MAVEN}-bin.tar.gz", "-C", SEED)
    site = write_site(folder / "toy", "1.0.0")
    maven = (SEED / f"apache-maven-{MAVEN}" / "bin" / "mvn", "-B", "-q", f"-Dmaven.repo.local={SEED / 'repository'}")
    run(*maven, "verify", cwd=site.parent.parent.parent)
    here = site.with_name("repository").as_uri()
    run(*maven, DIRECTOR, f"-Drepositories={here}", f"-DinstallIUs={FEATURE}", f"-Ddestination={folder / 'out'}")
    shutil.rmtree(SEED / "repository" / ".cache", ignore_errors=True)


# -- projects ----------------------------------------------------------------------------------------------------------


def write_bundle(folder: Path, name: str, version: str, **headers: str) -> None:
    """What a bundle's folder holds beside its pom.xml."""
    said = {"Manifest-Version": "1.0", "Bundle-ManifestVersion": "2", "Bundle-SymbolicName": name, "Bundle-Version": version,
            "Bundle-RequiredExecutionEnvironment": "JavaSE-17", **{key.replace("_", "-"): value for key, value in headers.items()}}  # fmt: skip
    (folder / "META-INF").mkdir(parents=True)
    (folder / "src" / "toy").mkdir(parents=True)
    (folder / "META-INF" / "MANIFEST.MF").write_text("".join(f"{key}: {value}\n" for key, value in said.items()))
    (folder / "build.properties").write_text(BUILD)


def write_site(folder: Path, version: str, value: int = 42) -> Path:
    """A bundle, a feature with it, and a repository with that; the answer is where Tycho makes the archive."""
    parts = {"toy.bundle": "eclipse-plugin", "toy.feature": "eclipse-feature", "toy.site": "eclipse-repository"}
    modules = f"<modules>{''.join(f'<module>{name}</module>' for name in parts)}</modules>"
    write_bundle(folder / "toy.bundle", "toy.bundle", version, Export_Package="toy")
    (folder / "toy.bundle" / "src" / "toy" / "Toy.java").write_text(
        f"package toy; public class Toy {{ public static int value() {{ return {value}; }} }}\n"
    )
    (folder / "toy.feature").mkdir()
    (folder / "toy.feature" / "feature.xml").write_text(
        f'<feature id="toy.feature" version="{version}"><plugin id="toy.bundle" version="0.0.0"/></feature>\n'
    )
    (folder / "toy.feature" / "build.properties").write_text("bin.includes = feature.xml\n")
    (folder / "toy.site").mkdir()
    category = '<site><feature id="toy.feature"><category name="toys"/></feature><category-def name="toys" label="Toys"/></site>\n'
    (folder / "toy.site" / "category.xml").write_text(category)
    for name, packaging in parts.items():
        (folder / name / "pom.xml").write_text(PART.format(name=name, version=version, packaging=packaging))
    (folder / "pom.xml").write_text(POM.format(name="toy", version=version, packaging="pom", more=modules + EXTENSION))
    return folder / "toy.site" / "target" / f"toy.site-{version}.zip"


@dataclass
class Tycho:
    """Maven with Tycho, in a home and with a local repository of its own."""

    desk: Desk
    seed: Path
    folder: Path

    def run(self, login: Login | None, *arguments: str, cwd: Path, status: int | None = 0) -> Run:
        """Maven with this login for what is called `toys`, and nothing of the world."""
        server = f"<server><id>toys</id><username>{login.user}</username><password>{login.token}</password></server>" if login else ""
        settings = self.folder / "settings.xml"
        settings.write_text(
            f"<settings><localRepository>{self.local}</localRepository><servers>{server}</servers><mirrors><mirror><id>central</id>"
            f"<mirrorOf>central</mirrorOf><url>{(self.folder / 'nowhere').as_uri()}</url></mirror></mirrors></settings>"
        )
        env = {"MAVEN_OPTS": f"-Duser.home={self.desk.home} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
        options = ("-B", "-ntp", "-s", str(settings), "-Dtycho.p2.transport.min-cache-minutes=0")
        return self.desk.run("tycho", *options, *arguments, cwd=cwd, env=env, status=status, timeout=200)

    @property
    def local(self) -> Path:
        return self.folder / "repository"

    def build_site(self, version: str, value: int = 42) -> Path:
        """The archive of a repository, made by Tycho."""
        folder = self.folder / f"toy-{version}"
        archive = write_site(folder, version, value)
        self.run(None, "-q", "verify", cwd=folder)
        return archive

    def install(self, url: str, login: Login | None, *units: str, status: int | None = 0) -> set[str]:
        """The bundles and features that p2's director installs from here into an empty folder."""
        shutil.rmtree(self.folder / "installed", ignore_errors=True)
        self.write_pom(self.folder / "installer", url, "pom")
        goal = (DIRECTOR, f"-Drepositories={url}", f"-DinstallIUs={','.join(units)}", f"-Ddestination={self.folder / 'installed'}")
        self.run(login, "-q", *goal, cwd=self.folder / "installer", status=status)
        return {path.name for path in (self.folder / "installed").glob("*/*") if path.parent.name in ("plugins", "features")}

    def compile(self, url: str, login: Login | None, status: int | None = 0) -> Run:
        """A bundle that needs the other one, built with what is at this address."""
        folder = self.folder / "app"
        shutil.rmtree(folder, ignore_errors=True)
        write_bundle(folder, "app", "1.0.0", Require_Bundle="toy.bundle")
        (folder / "src" / "toy" / "App.java").write_text(
            "package toy; public class App { int v = toy.Toy.value(); }\n".replace("package toy", "package app")
        )
        self.write_pom(folder, url, "eclipse-plugin")
        return self.run(login, "-q", "verify", cwd=folder, status=status)

    def write_pom(self, folder: Path, url: str, packaging: str) -> None:
        folder.mkdir(exist_ok=True)
        repository = f"<repositories><repository><id>toys</id><layout>p2</layout><url>{url}</url></repository></repositories>"
        (folder / "pom.xml").write_text(POM.format(name="app", version="1.0.0", packaging=packaging, more=repository + EXTENSION))

    def upload(self, url: str, login: Login, path: Path) -> None:
        self.desk.run("curl", "--fail-with-body", "-sS", "--user", f"{login.user}:{login.token}", "--upload-file", path, url, cwd=self.folder)


@pytest.fixture(name="tycho")
def make_tycho(desk: Desk, tycho_seed: Path, tmp_path: Path) -> Tycho:
    desk.note("tycho")
    made = Tycho(desk, tycho_seed, tmp_path)
    copy_seed(tycho_seed, made.local)
    return made


def base_of(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/p2"


# -- scenarios ---------------------------------------------------------------------------------------------------------


def test_builds_what_others_resolve_and_install(tycho: Tycho, stand: Stand, team: Team) -> None:
    """What Tycho has built is not what another build resolves and p2's director installs: in the project, as one of several, or in the group."""
    base = base_of(stand, team)
    archive = tycho.build_site("1.0.0")
    for _ in range(2):
        tycho.upload(f"{base}/toys/upload", team.writer, archive)
    tycho.compile(f"{base}/toys", team.reader)
    assert (tycho.folder / "app" / "target" / "app-1.0.0.jar").exists()
    wanted = {"toy.bundle_1.0.0.jar", "toy.feature_1.0.0"}
    assert tycho.install(f"{base}/toys/", team.reader, FEATURE) == wanted
    plugin = tycho.folder / "installed" / "plugins" / "toy.bundle_1.0.0.jar"
    assert plugin.read_bytes() == (tycho.folder / "toy-1.0.0" / "toy.bundle" / "target" / "toy.bundle-1.0.0.jar").read_bytes()
    assert tycho.install(base, team.reader, FEATURE) == wanted
    assert tycho.install(f"{stand.url}/api/v4/groups/{team.group['id']}/-/packages/p2", team.reporter, FEATURE) == wanted


def test_gets_nothing_without_the_right(tycho: Tycho, stand: Stand, team: Team) -> None:
    """Somebody without a login, or a stranger, resolves or installs what is private."""
    tycho.desk.note("curl")
    jar = tycho.folder / "a.jar"
    jar.write_bytes(bundle("a"))
    base = base_of(stand, team)
    tycho.upload(f"{base}/toys/plugins/a_1.0.0.jar", team.writer, jar)
    assert tycho.install(f"{base}/toys", team.reader, "a") == {"a_1.0.0.jar"}
    for login in (None, team.stranger):
        assert tycho.install(f"{base}/toys", login, "a", status=None) == set()


def test_later_versions_are_seen(tycho: Tycho, stand: Stand, team: Team) -> None:
    """A client keeps the index that it has, a lower version is taken for the highest, or a version that is asked for is not found."""
    base, jar = base_of(stand, team), tycho.folder / "a.jar"
    for version, wanted in (("1.9.0", "1.9.0"), ("1.10.0.v1", "1.10.0.v1"), ("1.8.0", "1.10.0.v1")):
        jar.write_bytes(bundle("a", version))
        tycho.upload(f"{base}/toys/plugins/a_{version}.jar", team.writer, jar)
        assert tycho.install(f"{base}/toys", team.reader, "a") == {f"a_{wanted}.jar"}
    assert tycho.install(f"{base}/toys", team.reader, "a/1.8.0") == {"a_1.8.0.jar"}


def test_job_publishes(tycho: Tycho, stand: Stand, team: Team) -> None:
    """A job's token does not publish, or what it published is not installed."""
    path, token = f"/projects/{team.project['id']}/pipelines", team.developer.token
    pipeline = stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
    job = stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)
    login, jar = Login("gitlab-ci-token", job["token"]), tycho.folder / "a.jar"
    jar.write_bytes(bundle("a"))
    tycho.upload(f"{base_of(stand, team)}/toys/plugins/a_1.0.0.jar", login, jar)
    assert tycho.install(f"{base_of(stand, team)}/toys", login, "a") == {"a_1.0.0.jar"}
    assert stand.http.get(f"/api/v4/projects/{team.project['id']}/packages/p2/toys/p2.index", basic(login.user, login.token)).status == 200
