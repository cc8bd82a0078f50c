"""Maven and Ivy against a running server: deploy, resolve, snapshots, modules in parallel, plugins by prefix, damage on the way."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from programs import INSTALLED, Desk, Run, find_version
from stand import Login, Stand, Team
from wire import Answer, basic

SEED = INSTALLED / "maven"
IVY = "org.apache.ivy:ivy:2.5.3"
COURSIER = "io.get-coursier:coursier-cli_2.13:2.1.24"
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
pytestmark = pytest.mark.timeout(900)  # the first test may fill the local repository

WRONG = Login("nobody", "phpat_not_a_token")


# -- a local repository with every plugin, filled once ---------------------------------------------------------------


@pytest.fixture(scope="session", name="seed")
def fill_local_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local repository that holds what Maven needs for itself. Made once, by Maven, from where it gets its plugins."""
    if find_version("mvn") is None:
        return SEED  # each test says so
    wanted = hashlib.sha256(f"{PLUGINS} {IVY} {COURSIER} {find_version('mvn')}".encode()).hexdigest()
    SEED.mkdir(parents=True, exist_ok=True)
    with (SEED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = SEED / ".done"
        if not done.exists() or done.read_text() != wanted:
            for folder in ("repository", "coursier"):
                shutil.rmtree(SEED / folder, ignore_errors=True)
            fill(tmp_path_factory.mktemp("seed"))
            done.write_text(wanted)
    return SEED


def fill(folder: Path) -> None:
    repository, here = SEED / "repository", (folder / "remote").as_uri()
    tree = Tree(folder / "tree", "com.acme", "seed", "1.0", here)
    tree.write()
    plain = [f"-Dmaven.repo.local={repository}", "-B", "-q"]
    dependency = f"org.apache.maven.plugins:maven-dependency-plugin:{PLUGINS['maven-dependency-plugin']}"
    coursier = Tree(folder / "coursier", "com.acme", "coursier", "1.0", here, depends=COURSIER)
    coursier.write()
    for arguments in (
        ["deploy"],
        ["-f", str(coursier.folder), f"{dependency}:copy-dependencies", f"-DoutputDirectory={SEED / 'coursier'}"],
        [f"{dependency}:get", "-Dartifact=org.codehaus.plexus:plexus-utils:1.1"],  # what Maven gives each plugin that names none
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
    """A small Maven project. With a value it has a class that holds it, and uses the library that it depends on."""

    folder: Path
    group: str
    artifact: str
    version: str
    url: str = ""
    value: int | None = 42
    depends: str = ""
    modules: tuple[str, ...] = ()
    parent: str = ""

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def built(self) -> bytes:
        """The jar that Maven has made."""
        return (self.folder / "target" / f"{self.artifact}-{self.version}.jar").read_bytes()

    def write(self) -> None:
        """The POM and the class."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "pom.xml").write_text(self.pom())
        if self.value is not None and not self.modules:
            code = self.folder / "src" / "main" / "java" / "toy"
            code.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"\W", "", self.artifact).capitalize()
            uses = "static int used() { return Lib.value(); } " if self.depends else ""
            (code / f"{name}.java").write_text(f"package toy; public class {name} {{ {uses}public static int value() {{ return {self.value}; }} }}\n")

    def pom(self) -> str:
        plugins = "".join(
            f"<plugin><artifactId>{name}</artifactId><version>{version}</version>"
            + ("<executions><execution><goals><goal>jar-no-fork</goal></goals></execution></executions>" if name == "maven-source-plugin" else "")
            + "</plugin>"
            for name, version in PLUGINS.items()
        )
        targets = "".join(f"<{tag}><id>toy</id><url>{self.url}</url></{tag}>" for tag in ("repository", "snapshotRepository"))
        return "\n".join(
            (
                '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
                f"<parent>{coordinate_elements(f'{self.group}:{self.parent}:{self.version}')}</parent>" if self.parent else "",
                coordinate_elements(self.coordinates),
                f"<packaging>{'pom' if self.modules else 'jar'}</packaging>",
                "<properties><maven.compiler.release>11</maven.compiler.release>",
                "<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>",
                f"<modules>{''.join(f'<module>{name}</module>' for name in self.modules)}</modules>" if self.modules else "",
                f"<dependencies><dependency>{coordinate_elements(self.depends)}</dependency></dependencies>" if self.depends else "",
                f"<distributionManagement>{targets}</distributionManagement>",
                f"<build><plugins>{plugins}</plugins></build></project>\n",
            )
        )


def coordinate_elements(coordinates: str) -> str:
    group, artifact, version = coordinates.split(":")
    return f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"


def small_pom(coordinates: str, packaging: str = "jar") -> str:
    return f"<project><modelVersion>4.0.0</modelVersion>{coordinate_elements(coordinates)}<packaging>{packaging}</packaging></project>"


def small_jar(text: str) -> bytes:
    """A jar without classes; another text makes other bytes."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(zipfile.ZipInfo("text.txt"), text)
    return sink.getvalue()


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
            "<pluginGroups><pluginGroup>com.acme</pluginGroup></pluginGroups>"
            f"<profiles><profile><id>toy</id><repositories><repository>{repository}</repository></repositories>"
            f"<pluginRepositories><pluginRepository>{repository}</pluginRepository></pluginRepositories></profile></profiles>"
            "<activeProfiles><activeProfile>toy</activeProfile></activeProfiles></settings>"
        )
        return path

    def run(self, url: str, login: Login | None, *arguments: str, cwd: Path, status: int | None = 0, header: str = "") -> Run:
        """The run of Maven with this repository."""
        env = {"MAVEN_OPTS": f"-Duser.home={self.desk.home} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
        settings = self.settings(url, login, header)
        return self.desk.run("mvn", "-B", "-s", settings, *arguments, cwd=cwd, env=env, status=status, timeout=200)

    def deploy_file(
        self, url: str, login: Login | None, coordinates: str, jar: bytes, packaging: str = "jar", status: int | None = 0, header: str = ""
    ) -> Run:
        """A jar and a POM that are there already, published."""
        (self.folder / "file.jar").write_bytes(jar)
        (self.folder / "file.pom").write_text(small_pom(coordinates, packaging))
        goal = f"org.apache.maven.plugins:maven-deploy-plugin:{PLUGINS['maven-deploy-plugin']}:deploy-file"
        options = ("-Dfile=file.jar", "-DpomFile=file.pom", "-DrepositoryId=toy", f"-Durl={url}")
        return self.run(url, login, "-q", goal, *options, cwd=self.folder, status=status, header=header)

    def fetch(self, url: str, login: Login | None, coordinates: str, *arguments: str, value: int | None = None, status: int | None = 0) -> Run:
        """A project that depends on this, compiled with what the repository alone gives."""
        shutil.rmtree(self.local / "com" / "acme", ignore_errors=True)
        tree = Tree(self.folder / "app", "com.user", "app", "1.0", url, value=value, depends=coordinates)
        tree.write()
        return self.run(url, login, "compiler:compile", *arguments, cwd=tree.folder, status=status)

    def fetched(self, coordinates: str) -> bytes | None:
        """The jar that came; None where none did."""
        group, artifact, version = coordinates.split(":")
        path = self.local.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")
        return path.read_bytes() if path.exists() else None


@pytest.fixture(name="maven")
def make_maven(desk: Desk, seed: Path, tmp_path: Path) -> Maven:
    return Maven(desk, seed, tmp_path)


def project_url(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/maven"


def path_url(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.encoded_path}/packages/maven"


def group_url(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/groups/{team.group['id']}/-/packages/maven"


def read(stand: Stand, team: Team, path: str) -> Answer:
    """What the project answers to its reader."""
    url = project_url(stand, team).removeprefix(stand.url)
    return stand.http.get(f"{url}/{path}", basic(team.reader.user, team.reader.token))


def put(stand: Stand, team: Team, coordinates: str, jar: bytes) -> None:
    """A version, published without Maven."""
    group, artifact, version = coordinates.split(":")
    stem = f"{project_url(stand, team).removeprefix(stand.url)}/{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}"
    for suffix, body in (("jar", jar), ("pom", small_pom(coordinates).encode())):
        stand.http.put(f"{stem}.{suffix}", body, basic(team.writer.user, team.writer.token)).expect(200)


def files_of(stand: Stand, team: Team) -> list[str]:
    """The names of the files of the one package there is."""
    [package] = stand.list_packages(team.project, package_type="maven")
    return sorted(file["file_name"] for file in stand.list_files(team.project, package))


LIB = "com.acme:lib:1.0.0"


# -- releases --------------------------------------------------------------------------------------------------------


def test_deploys_what_others_resolve(stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """What Maven has deployed is not what Maven resolves, through the project, its path or its group, strictly by its checksums."""
    tree = Tree(tmp_path / "lib", "com.acme", "lib", "1.0.0", project_url(stand, team))
    tree.write()
    maven.run(tree.url, team.writer, "-q", "deploy", cwd=tree.folder)

    assert files_of(stand, team) == ["lib-1.0.0-sources.jar", "lib-1.0.0.jar", "lib-1.0.0.pom"]
    for url, login in ((project_url, team.reader), (path_url, team.reporter), (group_url, team.reporter)):
        maven.fetch(url(stand, team), login, LIB, "-C", "-q", value=1)
        assert maven.fetched(LIB) == tree.built


@pytest.mark.parametrize("header", ["Private-Token", "Deploy-Token"])
def test_takes_the_login_from_a_header(header: str, stand: Stand, team: Team, maven: Maven) -> None:
    """The settings that GitLab's documentation shows do not work here."""
    login = team.developer if header == "Private-Token" else team.writer

    maven.deploy_file(project_url(stand, team), login, LIB, small_jar("1"), header=header)

    assert files_of(stand, team) == ["lib-1.0.0.jar", "lib-1.0.0.pom"]


def test_range_takes_the_newest_version(stand: Stand, team: Team, maven: Maven) -> None:
    """A range does not end at the version that Maven takes for the newest."""
    for version in ("1.10.0", "1.9.0", "2.0.0"):
        put(stand, team, f"com.acme:lib:{version}", small_jar(version))

    maven.fetch(group_url(stand, team), team.reporter, "com.acme:lib:[1.0,2.0)", "-q")

    assert maven.fetched("com.acme:lib:1.10.0") == small_jar("1.10.0")
    assert maven.fetched("com.acme:lib:1.9.0") is None


def test_deploys_the_same_bytes_again_and_no_others(stand: Stand, team: Team, maven: Maven) -> None:
    """A job that is run again fails, or a release is replaced, or Maven does not say why not."""
    url = project_url(stand, team)
    for _ in range(2):
        maven.deploy_file(url, team.writer, LIB, small_jar("1"))

    refused = maven.deploy_file(url, team.writer, LIB, small_jar("2"), status=None)

    assert "400" in refused.said
    assert read(stand, team, "com/acme/lib/1.0.0/lib-1.0.0.jar").body == small_jar("1")


@pytest.mark.parametrize("who", ["reader", "stranger", "wrong", "nobody"])
def test_gets_nothing_without_the_right(who: str, stand: Stand, team: Team, maven: Maven) -> None:
    """Somebody who may not publishes with Maven, or resolves what is private."""
    login = {"reader": team.reader, "stranger": team.stranger, "wrong": WRONG, "nobody": None}[who]

    maven.deploy_file(project_url(stand, team), login, LIB, small_jar("1"), status=None)
    assert stand.list_packages(team.project) == []

    if who != "reader":
        put(stand, team, LIB, small_jar("1"))
        maven.fetch(project_url(stand, team), login, LIB, status=None)
        assert maven.fetched(LIB) is None


# -- snapshots -------------------------------------------------------------------------------------------------------


def test_snapshots_move_on(stand: Stand, team: Team, maven: Maven) -> None:
    """A second build of a snapshot is not the one that is resolved, loses its number, or takes the first one's place."""
    snapshot = "com.acme:lib:1.1-SNAPSHOT"
    for text in ("1", "2"):
        maven.deploy_file(project_url(stand, team), team.writer, snapshot, small_jar(text))
        maven.fetch(project_url(stand, team), team.reader, snapshot, "-q", "-C")
        assert maven.fetched(snapshot) == small_jar(text)

    metadata = read(stand, team, "com/acme/lib/1.1-SNAPSHOT/maven-metadata.xml").expect(200).text
    assert "<buildNumber>2</buildNumber>" in metadata
    assert len(set(re.findall(r"<value>([^<]+)</value>", metadata))) == 1
    assert len([name for name in files_of(stand, team) if re.fullmatch(r"lib-1\.1-\d{8}\.\d{6}-[12]\.jar", name)]) == 2
    assert read(stand, team, "com/acme/lib/1.1-SNAPSHOT/lib-1.1-SNAPSHOT.jar").expect(200).body == small_jar("2")


# -- many modules ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0.0", "1.0-SNAPSHOT"])
def test_modules_deploy_in_parallel(version: str, stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """A parallel deploy of a build with several modules loses a file or fails."""
    modules = tuple(f"module-{number}" for number in range(6))
    parent = Tree(tmp_path / "parent", "com.acme", "parent", version, project_url(stand, team), modules=modules)
    parent.write()
    for module in modules:
        Tree(parent.folder / module, "com.acme", module, version, parent.url, parent="parent").write()

    maven.run(parent.url, team.writer, "-q", "-T", "4", "deploy", cwd=parent.folder)

    packages = stand.list_packages(team.project)
    assert {package["name"] for package in packages} == {f"com/acme/{name}" for name in (*modules, "parent")}
    for package in packages:
        assert len(stand.list_files(team.project, package)) == (1 if package["name"] == "com/acme/parent" else 3)
        assert f"<version>{version}</version>" in read(stand, team, f"{package['name']}/maven-metadata.xml").expect(200).text
    maven.fetch(project_url(stand, team), team.reader, f"com.acme:module-5:{version}", "-q", "-C")


# -- plugins ---------------------------------------------------------------------------------------------------------

MOJO = """package toy;
public class Hello extends org.apache.maven.plugin.AbstractMojo {
  public void execute() { getLog().info("hello from the plugin"); }
}
"""
DESCRIPTOR = """<plugin><groupId>com.acme</groupId><artifactId>toy-maven-plugin</artifactId><version>1.0</version><goalPrefix>toy</goalPrefix>
<mojos><mojo><goal>hello</goal><requiresProject>false</requiresProject><implementation>toy.Hello</implementation>
<language>java</language><instantiationStrategy>per-lookup</instantiationStrategy></mojo></mojos>
</plugin>"""


def build_plugin(folder: Path) -> bytes:
    """A plugin's jar, compiled against Maven's own library."""
    folder.mkdir()
    (folder / "Hello.java").write_text(MOJO)
    api = next(Path("/usr/share/maven/lib").glob("maven-plugin-api*.jar"))
    subprocess.run(["javac", "--release", "11", "-cp", api, "-d", folder, folder / "Hello.java"], check=True, timeout=100)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.write(folder / "toy" / "Hello.class", "toy/Hello.class")
        archive.writestr("META-INF/maven/plugin.xml", DESCRIPTOR)
    return sink.getvalue()


def test_plugin_is_found_by_its_prefix(stand: Stand, team: Team, maven: Maven, tmp_path: Path) -> None:
    """`mvn toy:hello` does not find a published plugin by the metadata of its group."""
    url = project_url(stand, team)
    maven.deploy_file(url, team.writer, "com.acme:toy-maven-plugin:1.0", build_plugin(tmp_path / "plugin"), "maven-plugin")
    shutil.rmtree(maven.local / "com" / "acme", ignore_errors=True)

    said = maven.run(url, team.reader, "toy:hello", cwd=tmp_path).said

    assert "hello from the plugin" in said


# -- damage ----------------------------------------------------------------------------------------------------------


def test_wrong_checksum_is_refused_by_c(stand: Stand, team: Team, maven: Maven) -> None:
    """Bytes that rotted on the disk are not told by the checksums that the server announces."""
    jar = small_jar(f"rotting {team.project['id']}")
    put(stand, team, LIB, jar)
    [stored] = [path for path in (stand.data / "blobs").rglob(f"{hashlib.sha256(jar).hexdigest()}*") if path.is_file()]
    rotten = bytes([*jar[:-1], jar[-1] ^ 1])
    stored.unlink()
    stored.write_bytes(rotten)

    said = maven.fetch(project_url(stand, team), team.reader, LIB, "-C", status=None).said

    assert "hecksum" in said
    assert maven.fetched(LIB) is None


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
    (out / "toy.pom").write_text(small_pom("com.acme:toy:1.0.0"))
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


# -- coursier, with which sbt resolves -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "version"), [("1.9.0", "1.9.0"), ("latest.release", "1.10.0"), ("[1.0,1.10.0)", "1.9.0"), ("2.0-SNAPSHOT", "2.0-SNAPSHOT")]
)
def test_coursier_fetches(asked: str, version: str, seed: Path, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Coursier does not find a version by its name, a range or as the newest release, or does not send its login."""
    desk.note("cs")
    for published in ("1.9.0", "1.10.0", "2.0-SNAPSHOT"):
        put(stand, team, f"com.acme:lib:{published}", small_jar(published))
    login = {"username": team.reader.user, "password": team.reader.token, "host": "127.0.0.1", "realm": REALM, "https-only": "false"}
    (tmp_path / "login").write_text("".join(f"toy.{name}={value}\n" for name, value in login.items()))
    options = ("--no-default", "-r", project_url(stand, team), "--credential-file", "login", "--cache", "cache", "--quiet")

    said = desk.run("cs", "fetch", *options, f"com.acme:lib:{asked}", cwd=tmp_path).out

    assert (tmp_path / said.strip()).read_bytes() == small_jar(version)
