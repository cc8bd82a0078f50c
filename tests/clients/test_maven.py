"""Maven and Ivy against a running server: deploy, resolve, snapshots, modules in parallel, plugins by prefix, damage on the way."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from programs import INSTALLED, Desk, Run, find_version
from stand import Login, Stand, Team
from wire import basic

SEED = INSTALLED / "maven"
IVY = "org.apache.ivy:ivy:2.5.3"
PLUGINS = {
    "maven-resources-plugin": "3.3.1",
    "maven-compiler-plugin": "3.13.0",
    "maven-surefire-plugin": "3.2.5",
    "maven-jar-plugin": "3.4.2",
    "maven-source-plugin": "3.3.1",
    "maven-install-plugin": "3.1.3",
    "maven-deploy-plugin": "3.1.3",
    "maven-dependency-plugin": "3.8.1",
}
WRONG = Login("nobody", "phpat_not_a_token")
HEADERS = ("Private-Token", "Deploy-Token")


# -- a local repository with every plugin, filled once ---------------------------------------------------------------


@pytest.fixture(scope="session", name="seed")
def fill_local_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local repository that holds what Maven needs for itself. Made once, by Maven, from where it gets its plugins."""
    if find_version("mvn") is None:
        return SEED  # each test says so
    wanted = hashlib.sha256(f"{PLUGINS} {IVY} {find_version('mvn')}".encode()).hexdigest()
    SEED.mkdir(parents=True, exist_ok=True)
    with (SEED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = SEED / ".done"
        if not done.exists() or done.read_text() != wanted:
            shutil.rmtree(SEED / "repository", ignore_errors=True)
            fill(tmp_path_factory.mktemp("seed"))
            done.write_text(wanted)
    return SEED


def fill(folder: Path) -> None:
    repository, here = SEED / "repository", (folder / "remote").as_uri()
    tree = Tree(folder / "tree", "com.acme", "seed", "1.0", here)
    tree.write()
    plain = [f"-Dmaven.repo.local={repository}", "-B", "-q"]
    dependency = f"org.apache.maven.plugins:maven-dependency-plugin:{PLUGINS['maven-dependency-plugin']}"
    for arguments in (
        ["deploy"],
        [f"{dependency}:get", f"-Dartifact={tree.coordinates}", "-Dtransitive=false", f"-DremoteRepositories=here::::{here}"],
        [f"{dependency}:copy", f"-Dartifact={IVY}", f"-DoutputDirectory={SEED}", "-Dmdep.stripVersion=true"],
    ):
        subprocess.run(["mvn", *plain, *arguments], cwd=tree.folder, env={**os.environ, "HOME": str(folder)}, check=True, timeout=280)
    shutil.rmtree(repository / "com" / "acme")


def copy_seed(seed: Path, target: Path) -> None:
    def copy(source: str, to: str) -> None:
        # Maven writes on in its own records, never in a jar.
        (os.link if source.endswith(".jar") else shutil.copyfile)(source, to)

    shutil.copytree(seed / "repository", target, copy_function=copy)


# -- projects --------------------------------------------------------------------------------------------------------


@dataclass
class Tree:
    """A small Maven project."""

    folder: Path
    group: str
    artifact: str
    version: str
    url: str = ""
    value: int = 42
    depends: str = ""
    modules: tuple[str, ...] = ()
    parent: str = ""

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def path(self) -> str:
        return f"{self.group.replace('.', '/')}/{self.artifact}"

    def write(self) -> None:
        """The POM and one class with one value."""
        code = self.folder / "src" / "main" / "java" / "toy"
        if not self.modules:
            code.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"\W", "", self.artifact).capitalize()
            uses = "static int used() { return Lib.value(); } " if self.depends else ""
            (code / f"{name}.java").write_text(f"package toy; public class {name} {{ {uses}public static int value() {{ return {self.value}; }} }}\n")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "pom.xml").write_text(self.pom())

    def pom(self) -> str:
        plugins = "".join(
            f"<plugin><artifactId>{name}</artifactId><version>{version}</version>"
            + ("<executions><execution><goals><goal>jar-no-fork</goal></goals></execution></executions>" if name == "maven-source-plugin" else "")
            + "</plugin>"
            for name, version in PLUGINS.items()
        )
        head = f"<parent>{coordinate_elements(self.group, self.parent, self.version)}</parent>" if self.parent else ""
        targets = "".join(f"<{tag}><id>toy</id><url>{self.url}</url></{tag}>" for tag in ("repository", "snapshotRepository"))
        return "\n".join(
            (
                '<project xmlns="http://maven.apache.org/POM/4.0.0">',
                f"<modelVersion>4.0.0</modelVersion>{head}",
                coordinate_elements(self.group, self.artifact, self.version),
                f"<packaging>{'pom' if self.modules else 'jar'}</packaging>",
                "<properties><maven.compiler.release>11</maven.compiler.release>",
                "<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>",
                "<project.build.outputTimestamp>2026-01-01T00:00:00Z</project.build.outputTimestamp></properties>",
                f"<modules>{''.join(f'<module>{name}</module>' for name in self.modules)}</modules>" if self.modules else "",
                f"<dependencies><dependency>{coordinate_elements(*self.depends.split(':'))}</dependency></dependencies>" if self.depends else "",
                f"<distributionManagement>{targets}</distributionManagement>",
                f"<build><plugins>{plugins}</plugins></build></project>\n",
            )
        )


def coordinate_elements(group: str, artifact: str, version: str) -> str:
    return f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"


# -- Maven with a login ----------------------------------------------------------------------------------------------


class Maven:
    """Maven with a home and a local repository of its own."""

    def __init__(self, desk: Desk, seed: Path, folder: Path) -> None:
        self.desk = desk
        self.folder = folder
        self.local = folder / "repository"
        desk.note("mvn")
        copy_seed(seed, self.local)

    def settings(self, url: str, login: Login | None, header: str = "") -> Path:
        """Settings with one repository, this login for it, and nothing of the world."""
        if login is None:
            server = ""
        elif header:
            property_ = f"<property><name>{header}</name><value>{login.token}</value></property>"
            server = f"<server><id>toy</id><configuration><httpHeaders>{property_}</httpHeaders></configuration></server>"
        else:
            server = f"<server><id>toy</id><username>{login.user}</username><password>{login.token}</password></server>"
        repository = f"<id>toy</id><url>{url}</url><releases/><snapshots><updatePolicy>always</updatePolicy></snapshots>"
        path = self.folder / "settings.xml"
        path.write_text(
            f"<settings><localRepository>{self.local}</localRepository><servers>{server}</servers>"
            f"<mirrors><mirror><id>central</id><mirrorOf>central</mirrorOf><url>{(self.folder / 'nowhere').as_uri()}</url></mirror></mirrors>"
            f"<pluginGroups><pluginGroup>com.acme</pluginGroup></pluginGroups>"
            f"<profiles><profile><id>toy</id><repositories><repository>{repository}</repository></repositories>"
            f"<pluginRepositories><pluginRepository>{repository}</pluginRepository></pluginRepositories></profile></profiles>"
            "<activeProfiles><activeProfile>toy</activeProfile></activeProfiles></settings>"
        )
        return path

    def run(self, url: str, login: Login | None, *arguments: str, cwd: Path, status: int | None = 0, header: str = "") -> Run:
        """The run of Maven with this repository."""
        env = {"MAVEN_OPTS": f"-Duser.home={self.desk.home}"}
        settings = self.settings(url, login, header)
        return self.desk.run("mvn", "-B", "-s", settings, *arguments, cwd=cwd, env=env, status=status, timeout=200)

    def deploy(self, tree: Tree, login: Login | None, *arguments: str, status: int | None = 0, header: str = "") -> Run:
        tree.write()
        return self.run(tree.url, login, "-q", "deploy", *arguments, cwd=tree.folder, status=status, header=header)

    def forget(self, group: str = "com/acme") -> None:
        """Empty the local repository of what was published."""
        shutil.rmtree(self.local / group, ignore_errors=True)

    def compile(self, folder: Path, url: str, login: Login | None, depends: str, *arguments: str, status: int | None = 0) -> Run:
        """A project that needs this, compiled from the repository alone."""
        self.forget()
        Tree(folder, "com.user", "app", "1.0", url, depends=depends).write()
        return self.run(url, login, "compile", *arguments, cwd=folder, status=status)


@pytest.fixture(name="maven")
def make_maven(desk: Desk, seed: Path, tmp_path: Path) -> Maven:
    return Maven(desk, seed, tmp_path)


def project_url(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/maven"


def path_url(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.encoded_path}/packages/maven"


def group_url(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/groups/{team.group['id']}/-/packages/maven"


def read(stand: Stand, team: Team, path: str, method: str = "GET") -> Any:
    """What the project answers to its reader."""
    url = project_url(stand, team).removeprefix(stand.url)
    return stand.http.request(method, f"{url}/{path}", None, basic(team.reader.user, team.reader.token))


def resolved(maven: Maven, tree: Tree, value: str | None = None) -> bytes:
    """The jar that Maven has fetched."""
    folder = maven.local / tree.path / tree.version
    return (folder / f"{tree.artifact}-{value or tree.version}.jar").read_bytes()


def built(tree: Tree) -> bytes:
    return (tree.folder / "target" / f"{tree.artifact}-{tree.version}.jar").read_bytes()


# -- releases --------------------------------------------------------------------------------------------------------


def test_deploys_what_others_resolve(stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """What Maven has deployed is not what Maven resolves, through the project, its path or its group, strictly by its checksums."""
    tree = Tree(tmp_path / "lib", "com.acme", "lib", "1.0.0", project_url(stand, team))
    maven.deploy(tree, team.writer)

    [package] = stand.list_packages(team.project, package_type="maven")
    assert (package["name"], package["version"]) == ("com/acme/lib", "1.0.0")
    assert {file["file_name"] for file in stand.list_files(team.project, package)} == {
        "lib-1.0.0.pom",
        "lib-1.0.0.jar",
        "lib-1.0.0-sources.jar",
    }
    for url, login in ((project_url, team.reader), (path_url, team.reporter), (group_url, team.reporter)):
        maven.compile(tmp_path / "app", url(stand, team), login, "com.acme:lib:1.0.0", "-C", "-q")
        assert resolved(maven, tree) == built(tree)


@pytest.mark.parametrize("header", HEADERS)
def test_takes_the_login_from_a_header(header: str, stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """The settings that GitLab's documentation shows do not work here."""
    login = team.developer if header == "Private-Token" else team.writer
    tree = Tree(tmp_path / "lib", "com.acme", "lib", "1.0.0", project_url(stand, team))

    maven.deploy(tree, login, header=header)

    assert len(stand.list_packages(team.project)) == 1


def test_range_takes_the_newest_version(stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """A range does not end at the version that Maven takes for the newest."""
    for version in ("1.10.0", "1.9.0", "2.0.0"):
        maven.deploy(Tree(tmp_path / version, "com.acme", "lib", version, project_url(stand, team)), team.writer)

    maven.compile(tmp_path / "app", group_url(stand, team), team.reporter, "com.acme:lib:[1.0,2.0)", "-q")

    assert (maven.local / "com/acme/lib/1.10.0/lib-1.10.0.jar").exists()
    assert not (maven.local / "com/acme/lib/1.9.0/lib-1.9.0.jar").exists()


def test_deploys_the_same_bytes_again_and_no_others(stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """A job that is run again fails, or a release is replaced, or Maven does not say why not."""
    tree = Tree(tmp_path / "lib", "com.acme", "lib", "1.0.0", project_url(stand, team))
    maven.deploy(tree, team.writer)
    [package] = stand.list_packages(team.project)
    before = stand.list_files(team.project, package)
    maven.deploy(tree, team.writer)

    tree.value = 43
    refused = maven.deploy(tree, team.writer, status=None)

    assert "400" in refused.said
    assert stand.list_files(team.project, package) == before


@pytest.mark.parametrize("who", ["reader", "stranger", "wrong", "nobody"])
def test_gets_nothing_without_the_right(who: str, stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """Somebody who may not publishes with Maven, or resolves what is private."""
    login = {"reader": team.reader, "stranger": team.stranger, "wrong": WRONG, "nobody": None}[who]
    tree = Tree(tmp_path / "lib", "com.acme", "lib", "1.0.0", project_url(stand, team))

    maven.deploy(tree, login, status=None)
    assert stand.list_packages(team.project) == []

    if who != "reader":
        maven.deploy(tree, team.writer)
        maven.compile(tmp_path / "app", project_url(stand, team), login, "com.acme:lib:1.0.0", status=None)
        assert not (maven.local / "com/acme/lib/1.0.0/lib-1.0.0.jar").exists()


# -- snapshots -------------------------------------------------------------------------------------------------------


def test_snapshots_move_on(stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """A second build of a snapshot is not the one that is resolved, loses its number, or takes the first one's place."""
    tree = Tree(tmp_path / "lib", "com.acme", "lib", "1.1-SNAPSHOT", project_url(stand, team))
    jars = []
    for value in (1, 2):
        tree.value = value
        maven.deploy(tree, team.writer)
        jars.append(built(tree))
        maven.compile(tmp_path / f"app{value}", project_url(stand, team), team.reader, "com.acme:lib:1.1-SNAPSHOT", "-q", "-C", "-U")
        assert resolved(maven, tree) == jars[-1] != jars[0] or value == 1

    metadata = read(stand, team, "com/acme/lib/1.1-SNAPSHOT/maven-metadata.xml").expect(200).text
    assert "<buildNumber>2</buildNumber>" in metadata
    assert len(set(re.findall(r"<value>([^<]+)</value>", metadata))) == 1
    [package] = stand.list_packages(team.project)
    timed = [file["file_name"] for file in stand.list_files(team.project, package) if re.fullmatch(r"lib-1\.1-\d{8}\.\d{6}-[12]\.jar", file["file_name"])]
    assert len(timed) == 2
    assert read(stand, team, "com/acme/lib/1.1-SNAPSHOT/lib-1.1-SNAPSHOT.jar").expect(200).body == jars[1]


# -- many modules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0.0", "1.0-SNAPSHOT"])
def test_modules_deploy_in_parallel(version: str, stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """A parallel deploy of a build with many modules loses a file or fails."""
    modules = tuple(f"module-{number}" for number in range(8))
    parent = Tree(tmp_path / "parent", "com.acme", "parent", version, project_url(stand, team), modules=modules)
    for module in modules:
        Tree(parent.folder / module, "com.acme", module, version, parent.url, parent="parent").write()

    maven.deploy(parent, team.writer, "-T", "4")

    packages = stand.list_packages(team.project)
    assert {package["name"] for package in packages} == {f"com/acme/{name}" for name in (*modules, "parent")}
    for package in packages:
        assert len(stand.list_files(team.project, package)) == (1 if package["name"] == "com/acme/parent" else 3)
        assert f"<version>{version}</version>" in read(stand, team, f"{package['name']}/maven-metadata.xml").expect(200).text
    maven.compile(tmp_path / "app", project_url(stand, team), team.reader, f"com.acme:module-7:{version}", "-q", "-C", "-DskipTests", "-Dmaven.main.skip")


# -- plugins ---------------------------------------------------------------------------------------------------------

MOJO = """package toy;
public class Hello extends org.apache.maven.plugin.AbstractMojo {
  public void execute() { getLog().info("hello from the plugin"); }
}
"""
DESCRIPTOR = """<plugin><groupId>com.acme</groupId><artifactId>toy-maven-plugin</artifactId><version>1.0</version><goalPrefix>toy</goalPrefix>
<mojos><mojo><goal>hello</goal><requiresProject>false</requiresProject><implementation>toy.Hello</implementation><language>java</language></mojo></mojos>
</plugin>"""


def build_plugin(folder: Path) -> tuple[Path, Path]:
    """A plugin's jar and POM, compiled against Maven's own library."""
    folder.mkdir()
    (folder / "Hello.java").write_text(MOJO)
    api = next(Path("/usr/share/maven/lib").glob("maven-plugin-api*.jar"))
    subprocess.run(["javac", "--release", "11", "-cp", api, "-d", folder, folder / "Hello.java"], check=True, timeout=100)
    jar, pom = folder / "plugin.jar", folder / "plugin.pom"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.write(folder / "toy" / "Hello.class", "toy/Hello.class")
        archive.writestr("META-INF/maven/plugin.xml", DESCRIPTOR)
    head = coordinate_elements("com.acme", "toy-maven-plugin", "1.0")
    pom.write_text(f"<project><modelVersion>4.0.0</modelVersion>{head}<packaging>maven-plugin</packaging></project>")
    return jar, pom


def test_plugin_is_found_by_its_prefix(stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """`mvn toy:hello` does not find a published plugin by the metadata of its group."""
    jar, pom = build_plugin(tmp_path / "plugin")
    url = project_url(stand, team)
    file = f"org.apache.maven.plugins:maven-deploy-plugin:{PLUGINS['maven-deploy-plugin']}:deploy-file"
    maven.run(url, team.writer, "-q", file, f"-Dfile={jar}", f"-DpomFile={pom}", "-DrepositoryId=toy", f"-Durl={url}", cwd=tmp_path)
    maven.forget()

    said = maven.run(url, team.reader, "toy:hello", cwd=tmp_path).said

    assert "hello from the plugin" in said


# -- damage ----------------------------------------------------------------------------------------------------------


def test_wrong_checksum_is_refused_by_c(stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """Bytes that rotted on the disk are not told by the checksums that the server announces."""
    tree = Tree(tmp_path / "lib", "com.acme", "lib", "1.0.0", project_url(stand, team))
    maven.deploy(tree, team.writer)
    sha256 = hashlib.sha256(built(tree)).hexdigest()
    [stored] = [path for path in (stand.data / "blobs").rglob(f"{sha256}*") if path.is_file()]
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(content)

    said = maven.compile(tmp_path / "app", project_url(stand, team), team.reader, "com.acme:lib:1.0.0", "-C", status=None).said

    assert "hecksum" in said
    assert not (maven.local / "com/acme/lib/1.0.0/lib-1.0.0.jar").exists()


# -- Ivy, with which sbt publishes -----------------------------------------------------------------------------------

IVY_SETTINGS = """<ivysettings>
  <settings defaultResolver="toy"/>
  <caches defaultCacheDir="{cache}"/>
  <credentials host="127.0.0.1" realm="{realm}" username="{user}" passwd="{token}"/>
  <resolvers><ibiblio name="toy" m2compatible="true" usepoms="true" root="{url}/"/></resolvers>
</ivysettings>"""
IVY_MODULE = """<ivy-module version="2.0"><info organisation="com.acme" module="{module}" revision="{version}"/>
  <configurations><conf name="default"/></configurations>
  <publications><artifact name="{module}" type="jar" ext="jar"/><artifact name="{module}" type="pom" ext="pom"/></publications>
</ivy-module>"""
REALM = "GitLab Packages Registry"


def run_ivy(desk: Desk, folder: Path, url: str, login: Login, *arguments: str, realm: str = REALM, status: int | None = 0) -> Run:
    """A run of Ivy with an empty cache and this login."""
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    settings = folder / "ivysettings.xml"
    settings.write_text(IVY_SETTINGS.format(cache=cache, realm=realm, user=login.user, token=login.token, url=url))
    return desk.run("ivy", "-settings", str(settings), *arguments, cwd=folder, status=status, timeout=100)


@pytest.fixture(name="ivy_publish")
def make_ivy_files(seed: Path, desk: Desk, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The arguments with which Ivy publishes a jar and its POM."""
    desk.note("ivy")
    out = tmp_path / "out"
    out.mkdir()
    (out / "toy.jar").write_bytes(b"PK\x05\x06" + bytes(18))
    (out / "toy.pom").write_text(f"<project><modelVersion>4.0.0</modelVersion>{coordinate_elements('com.acme', 'toy', '1.0.0')}</project>")
    ivy = tmp_path / "ivy.xml"
    ivy.write_text(IVY_MODULE.format(module="toy", version="1.0.0"))
    yield ("-ivy", str(ivy), "-publish", "toy", "-publishpattern", f"{out}/[artifact].[ext]", "-revision", "1.0.0")


def test_ivy_publishes_and_retrieves(stand: Stand, team: Team, ivy_publish: tuple[str, ...], desk: Desk, tmp_path: Path) -> None:
    """Ivy stops at a checksum that it finds before it has sent it, or does not find its login, or gets other bytes than it sent."""
    url = project_url(stand, team)
    run_ivy(desk, tmp_path, url, team.writer, *ivy_publish)

    [package] = stand.list_packages(team.project)
    assert {file["file_name"] for file in stand.list_files(team.project, package)} >= {"toy-1.0.0.jar", "toy-1.0.0.pom"}
    retrieve = ("-dependency", "com.acme", "toy", "1.0.0", "-retrieve", f"{tmp_path}/got/[artifact].[ext]")
    run_ivy(desk, tmp_path, url, team.reader, *retrieve)
    assert (tmp_path / "got" / "toy.jar").read_bytes() == (tmp_path / "out" / "toy.jar").read_bytes()
    latest = ("-dependency", "com.acme", "toy", "latest.release", "-retrieve", f"{tmp_path}/latest/[artifact].[ext]")
    run_ivy(desk, tmp_path, url, team.reader, *latest)
    assert (tmp_path / "latest" / "toy.jar").exists()


def test_ivy_does_not_overwrite(stand: Stand, team: Team, ivy_publish: tuple[str, ...], desk: Desk, tmp_path: Path) -> None:
    """Ivy replaces a release, by itself or when it is told to."""
    url = project_url(stand, team)
    run_ivy(desk, tmp_path, url, team.writer, *ivy_publish)
    [package] = stand.list_packages(team.project)
    before = stand.list_files(team.project, package)
    (tmp_path / "out" / "toy.jar").write_bytes(b"PK\x05\x06" + b"\1" * 18)

    assert "overwrite == false" in run_ivy(desk, tmp_path, url, team.writer, *ivy_publish, status=None).said
    run_ivy(desk, tmp_path, url, team.writer, *ivy_publish, "-overwrite", status=None)

    assert stand.list_files(team.project, package) == before


def test_ivy_looks_the_login_up_by_the_realm(stand: Stand, team: Team, ivy_publish: tuple[str, ...], desk: Desk, tmp_path: Path) -> None:
    """The realm of the challenge is another one than the documentation of sbt's users says."""
    run_ivy(desk, tmp_path, project_url(stand, team), team.writer, *ivy_publish, realm="Another", status=None)

    assert stand.list_packages(team.project) == []

