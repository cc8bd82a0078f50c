"""Conan 1 and 2 against a running server: create, upload, install with options, search, list, remove; in a project, a group and the instance."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from programs import INSTALLED, Desk, Run
from stand import DEVELOPER, MAINTAINER, READ, WRITE, Login, Stand, Team, new_name

from packhouse.formats.conan import names

WRONG = Login("nobody", "phpat_not_a_token")

Base = Callable[[Stand, Team], str]


def project_base(stand: Stand, team: Team) -> str:
    """The remote of a project, by its number."""
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/conan"


def path_base(stand: Stand, team: Team) -> str:
    """The same by the project's path."""
    return f"{stand.url}/api/v4/projects/{team.encoded_path}/packages/conan"


def instance_base(stand: Stand, team: Team) -> str:
    """The remote of the whole instance."""
    return f"{stand.url}/api/v4/packages/conan"


def group_base(stand: Stand, team: Team) -> str:
    """The remote of a group."""
    return f"{stand.url}/api/v4/groups/{team.group['id']}/-/packages/conan"


def owner_of(team: Team) -> str:
    """User and channel by which an instance remote finds the project."""
    return str(team.project["path_with_namespace"]).replace("/", "+") + "/beta"


# -- recipes and clients ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tree:
    """A recipe of one header that both Conans understand. No compiler is needed."""

    folder: Path
    name: str
    version: str = "1.0"

    def write_code(self, value: int) -> None:
        (self.folder / "toy.h").write_text(f"#define TOY {value}\n")


def make_tree(folder: Path, name: str, version: str = "1.0", body: str = "") -> Tree:
    """A recipe with an option, and a header with a number in it."""
    folder.mkdir(parents=True)
    recipe = f'''\
        from conan import ConanFile
        from conan.tools.files import copy


        class Toy(ConanFile):
            name = "{name}"
            version = "{version}"
            license = "MIT"
            description = "A toy"
            exports_sources = "*.h"
            settings = "os", "arch"
            options = {{"shared": [True, False]}}
            default_options = {{"shared": False}}
            no_copy_source = True

            def package(self):
                copy(self, "*.h", self.source_folder, self.package_folder + "/include")
        '''
    (folder / "conanfile.py").write_text(dedent(recipe) + body)
    tree = Tree(folder, name, version)
    tree.write_code(1)
    return tree


def furnish(home: Path, base: str) -> None:
    """The files of a client that has one remote and knows its machine, as its own commands leave them."""
    (home / "profiles").mkdir(parents=True)
    (home / "profiles" / "default").write_text("[settings]\nos=Linux\narch=x86_64\nbuild_type=Release\n")
    (home / "remotes.json").write_text(json.dumps({"remotes": [{"name": "toys", "url": base, "verify_ssl": True}]}))


class Conan:
    """Conan 2, with a cache of its own and one remote."""

    client = "conan"

    def __init__(self, desk: Desk, base: str, login: Login | None, cache: str = "cache") -> None:
        self.desk = desk
        self.home = desk.home / cache
        self.env = {"CONAN_HOME": str(self.home)}
        furnish(self.home, base)
        if login is not None:
            # No login command: the client is refused first, and takes these from its environment then.
            self.env |= {"CONAN_LOGIN_USERNAME": login.user, "CONAN_PASSWORD": login.token}
        (self.home / "global.conf").write_text("core:non_interactive=True\ncore.upload:retry=0\ncore.download:retry=0\n")

    def run(self, *arguments: str | Path, status: int | None = 0) -> Run:
        return self.desk.run(self.client, *arguments, cwd=self.desk.home, env=self.env, status=status)

    def create(self, tree: Tree, owner: str = "", **options: bool) -> None:
        user, _, channel = owner.partition("/")
        named = ["--user", user, "--channel", channel] if owner else []
        self.run("create", tree.folder, *named, *(text for key, value in options.items() for text in ("-o", f"&:{key}={value}")))

    def upload(self, pattern: str, *, status: int | None = 0) -> Run:
        return self.run("upload", pattern, "-r", "toys", "-c", status=status)

    def install(self, reference: str, *, status: int | None = 0, **options: bool) -> Path:
        """Where the package lies that was fetched into an empty cache."""
        self.run("remove", "*", "-c")
        chosen = [text for key, value in options.items() for text in ("-o", f"*:{key}={value}")]
        done = self.run("install", f"--requires={reference}", "-r", "toys", *chosen, "--format=json", status=status)
        if done.status:
            return self.home / "nothing"
        nodes = json.loads(done.out)["graph"]["nodes"].values()
        return Path(next(node["package_folder"] for node in nodes if node["package_folder"]))

    def list(self, pattern: str) -> dict[str, object]:
        """What the remote lists, as JSON."""
        found: dict[str, object] = json.loads(self.run("list", pattern, "-r", "toys", "--format=json").out)["toys"]
        return found

    def remove(self, pattern: str, *, status: int | None = 0) -> Run:
        return self.run("remove", pattern, "-r", "toys", "-c", status=status)


class OldConan:
    """Conan 1, with or without revisions."""

    client = "conan 1"

    def __init__(self, desk: Desk, base: str, login: Login | None, *, revisions: bool) -> None:
        self.desk = desk
        self.home = desk.home / "old"
        furnish(self.home / ".conan", base)
        self.env = {"CONAN_USER_HOME": str(self.home), "CONAN_REVISIONS_ENABLED": str(int(revisions)), "CONAN_NON_INTERACTIVE": "1"}
        self.env |= {"CONAN_RETRY": "0"}
        if login is not None:
            self.run("user", "-r", "toys", "-p", login.token, login.user)

    def run(self, *arguments: str | Path, status: int | None = 0) -> Run:
        return self.desk.run(self.client, *arguments, cwd=self.desk.home, env=self.env, status=status)

    def create(self, tree: Tree, owner: str, **options: bool) -> None:
        self.run("create", tree.folder, owner, *(text for key, value in options.items() for text in ("-o", f"{tree.name}:{key}={value}")))

    def upload(self, reference: str, *, status: int | None = 0) -> Run:
        return self.run("upload", reference, "-r", "toys", "--all", "-c", status=status)

    def install(self, reference: str, *, status: int | None = 0, **options: bool) -> Path:
        """Where the package lies that was fetched into an empty cache."""
        shutil.rmtree(self.home / ".conan" / "data", ignore_errors=True)
        chosen = [text for key, value in options.items() for text in ("-o", f"{key}={value}")]
        self.run("install", reference, "-r", "toys", *chosen, status=status)
        found = list((self.home / ".conan" / "data").glob("*/*/*/*/package/*"))
        return found[0] if found else self.home / "nothing"

    def search(self, pattern: str) -> list[str]:
        return self.run("search", pattern, "-r", "toys", "--raw").out.split()


def code_of(package: Path) -> str:
    return (package / "include" / "toy.h").read_text()


# -- Conan 2 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [project_base, path_base, instance_base], ids=lambda base: base.__name__)
def test_uploads_what_it_installs(base: Base, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A recipe and its binaries do not come back, or not the binary of the options that were asked for."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    owner = owner_of(team) if base is instance_base else ""
    reference = f"{tree.name}/1.0" + (f"@{owner}" if owner else "")
    conan = Conan(desk, base(stand, team), team.writer)
    conan.create(tree, owner)
    conan.create(tree, owner, shared=True)
    conan.upload(f"{tree.name}/*")

    [package] = stand.list_packages(team.project, package_type="conan")
    assert (package["name"], package["conan_package_name"], package["version"]) == (f"{tree.name}/1.0@{owner or '_/_'}", tree.name, "1.0")
    assert len(stand.list_files(team.project, package)) == 3 + 2 * 3
    installed = conan.install(reference, shared=True)
    assert code_of(installed) == "#define TOY 1\n"
    conan.run("graph", "info", f"--requires={reference}", "-r", "toys")
    [listed] = conan.list(f"{tree.name}/*:*").values()
    [revision] = listed["revisions"].values()  # type: ignore[index]
    shown = sorted(binary["info"]["options"]["shared"] for binary in revision["packages"].values())
    assert shown == ["False", "True"]
    assert all(binary["info"]["settings"]["os"] == "Linux" for binary in revision["packages"].values())


def test_header_only_package(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A package without settings, whose configuration is an empty file, cannot be installed."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), body="\n    def package_id(self):\n        self.info.clear()\n")
    conan = Conan(desk, project_base(stand, team), team.writer)
    conan.create(tree)
    conan.upload(f"{tree.name}/1.0")

    assert code_of(conan.install(f"{tree.name}/1.0")) == "#define TOY 1\n"


def test_searches(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A search finds too much or too little, or a recipe that only another project has."""
    name = new_name("toy")
    conan = Conan(desk, project_base(stand, team), team.writer)
    for version, owner in (("1.0", ""), ("2.0", ""), ("2.0", "team/beta")):
        tree = make_tree(tmp_path / f"{version}{owner.replace('/', '-')}", name, version)
        user, _, channel = owner.partition("/")
        conan.run("export", tree.folder, *(["--user", user, "--channel", channel] if owner else []))
    conan.upload(f"{name}/*")

    found = {pattern: set(conan.list(pattern)) for pattern in (f"{name}/*", f"{name[:-1]}*", f"{name}/2*", f"{name}/*@team/*")}
    everything = {f"{name}/1.0", f"{name}/2.0", f"{name}/2.0@team/beta"}
    assert found == {
        f"{name}/*": everything, f"{name[:-1]}*": everything, f"{name}/2*": {f"{name}/2.0", f"{name}/2.0@team/beta"},
        f"{name}/*@team/*": {f"{name}/2.0@team/beta"},
    }  # fmt: skip
    assert name in conan.run("search", name.upper().lower(), "-r", "toys").out
    assert set(conan.list("other*")) <= {"error"}


def test_revisions(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """The newest revision is not the latest, an old one cannot be had any more, or one goes with another."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    conan = Conan(desk, project_base(stand, team), team.writer)
    for value in (1, 2):
        tree.write_code(value)
        conan.create(tree)
        conan.upload(f"{tree.name}/1.0")
    reference = f"{tree.name}/1.0"

    revisions = conan.list(f"{reference}#*")[reference]["revisions"]  # type: ignore[index]
    old, new = sorted(revisions, key=lambda revision: revisions[revision]["timestamp"])
    assert code_of(conan.install(reference)) == "#define TOY 2\n"
    assert code_of(conan.install(f"{reference}#{old}")) == "#define TOY 1\n"

    maintainer = Conan(desk, project_base(stand, team), team.maintainer, "other")
    maintainer.remove(f"{reference}#{new}")
    assert code_of(conan.install(reference)) == "#define TOY 1\n"
    maintainer.remove(f"{reference}#{old}:*")
    assert not conan.list(f"{reference}:*")[reference]["revisions"][old]["packages"]  # type: ignore[index]
    maintainer.remove(reference)
    assert stand.list_packages(team.project) == []


def test_uploads_again_what_is_there(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A job that runs again fails on what it has uploaded already."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    conan = Conan(desk, project_base(stand, team), team.writer)
    conan.create(tree)
    conan.upload(f"{tree.name}/1.0")

    assert "already in server" in conan.upload(f"{tree.name}/1.0").said
    conan.run("upload", f"{tree.name}/1.0", "-r", "toys", "-c", "--force")


def test_metadata(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """What is uploaded beside a recipe, such as its logs, is refused, lost, or stays as it was first."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    conan = Conan(desk, project_base(stand, team), team.writer)
    conan.create(tree)
    reference = f"{tree.name}/1.0"
    folder = Path(conan.run("cache", "path", reference, "--folder=metadata").out.strip())
    (folder / "logs").mkdir(parents=True)
    for text in ("first", "second"):
        (folder / "logs" / "build log.txt").write_text(text)
        conan.run("upload", reference, "-r", "toys", "-c", "--metadata=*")

    conan.run("remove", "*", "-c")
    conan.run("download", reference, "-r", "toys", "--only-recipe", "--metadata=*")
    folder = Path(conan.run("cache", "path", reference, "--folder=metadata").out.strip())
    assert (folder / "logs" / "build log.txt").read_text() == "second"


def test_group_installs_from_its_projects(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A remote of a group does not find what its projects hold, or shows what its reader may not see."""
    hidden = stand.make_project(team.group)
    writer = stand.make_deploy_token(hidden, (READ, WRITE))
    made = []
    for number, (project, login) in enumerate(((team.project, team.writer), (hidden, writer))):
        tree = make_tree(tmp_path / f"tree{number}", new_name("toy"))
        conan = Conan(desk, f"{stand.url}/api/v4/projects/{project['id']}/packages/conan", login, f"cache{number}")
        conan.create(tree)
        conan.upload(f"{tree.name}/1.0")
        made.append(tree.name)

    reader = Conan(desk, group_base(stand, team), team.reporter, "reader")
    for name in made:
        assert code_of(reader.install(f"{name}/1.0")) == "#define TOY 1\n"
    guest = Conan(desk, group_base(stand, team), stand.make_member(team.project, DEVELOPER, where="projects"), "guest")
    assert set(guest.list("toy*")) == {f"{made[0]}/1.0"}


# -- rights ----------------------------------------------------------------------------------------------------------


def test_uploads_nothing_without_the_right(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A token that may only read, or none that is ours, uploads; or nobody is told why it did not."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    expected = [(team.reader, "Permission denied"), (team.reporter, "Permission denied"), (WRONG, "Authentication error"), (team.stranger, "404")]
    for number, (login, words) in enumerate(expected):
        conan = Conan(desk, project_base(stand, team), login, f"cache{number}")
        conan.create(tree)
        said = conan.upload(f"{tree.name}/1.0", status=None).said
        assert words in said or (login is WRONG and "Wrong user or password" in said), said
    assert stand.list_packages(team.project) == []


@pytest.mark.parametrize("login", [None, WRONG], ids=["anonymous", "wrong"])
def test_installs_nothing_private_without_a_login(login: Login | None, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A private package is had anonymously or with a token that is not ours, or the client is not asked for one."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    writer = Conan(desk, project_base(stand, team), team.writer)
    writer.create(tree)
    writer.upload(f"{tree.name}/1.0")
    reader = Conan(desk, project_base(stand, team), login, "reader")

    said = reader.run("install", f"--requires={tree.name}/1.0", "-r", "toys", status=None).said
    assert "needs authentication" in said, said
    assert not reader.install(f"{tree.name}/1.0", status=None).exists()


def test_login_is_told_what_a_password_is_not(stand: Stand, team: Team, desk: Desk) -> None:
    """Somebody who types a password, or a wrong token, is not told what to do."""
    password = "correct horse battery staple"
    user = stand.make_user(password=password)
    stand.add_member(team.project, user, MAINTAINER, where="projects")
    conan = Conan(desk, project_base(stand, team), None)
    conan.run("remote", "remove", "toys")
    conan.run("remote", "add", "toys", project_base(stand, team))

    assert "access token" in conan.run("remote", "login", "toys", user["username"], "-p", password, status=None).said
    assert "Wrong user or password" in conan.run("remote", "login", "toys", WRONG.user, "-p", WRONG.token, status=None).said
    conan.run("remote", "login", "toys", "whoever", "-p", team.developer.token)
    assert "authenticated" in conan.run("remote", "auth", "toys").said.lower() or "whoever" in conan.run("remote", "list-users").said


def test_installs_from_a_public_project_without_a_login(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A public package asks for a login."""
    team = stand.make_team(visibility="public")
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    writer = Conan(desk, instance_base(stand, team), team.writer)
    writer.create(tree, owner_of(team))
    writer.upload(f"{tree.name}/*")

    for number, base in enumerate((project_base, group_base, instance_base)):
        reader = Conan(desk, base(stand, team), None, f"reader{number}")
        assert code_of(reader.install(f"{tree.name}/1.0@{owner_of(team)}")) == "#define TOY 1\n"
        assert set(reader.list(f"{tree.name}*")) == {f"{tree.name}/1.0@{owner_of(team)}"}


def test_developer_does_not_remove(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Somebody who may publish removes what others depend on."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    developer = Conan(desk, project_base(stand, team), team.developer)
    developer.create(tree)
    developer.upload(f"{tree.name}/1.0")

    assert "Permission denied" in developer.remove(f"{tree.name}/1.0", status=None).said
    assert code_of(developer.install(f"{tree.name}/1.0")) == "#define TOY 1\n"


def test_instance_remote_acts_in_its_project_only(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """An instance remote uploads to another project than the reference names, or to one that the token has nothing to do with."""
    other = stand.make_team()
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    conan = Conan(desk, instance_base(stand, team), team.writer)
    for owner in (owner_of(other), "no+such/beta", ""):
        conan.create(tree, owner)
    for owner in (f"@{owner_of(other)}", "@no+such/beta", ""):
        assert conan.upload(f"{tree.name}/1.0{owner}", status=None).status
    assert stand.list_packages(other.project) == stand.list_packages(team.project) == []


# -- Conan 1 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "revisions"),
    [(project_base, False), (project_base, True), (instance_base, False)],
    ids=["project, without revisions", "project, with revisions", "instance, without revisions"],
)
def test_conan_1_uploads_what_it_installs(base: Base, revisions: bool, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Conan 1 does not get back what it uploaded, finds nothing, or cannot remove it."""
    tree = make_tree(tmp_path / "tree", new_name("Toy"))
    reference = f"{tree.name}/1.0@{owner_of(team)}"
    conan = OldConan(desk, base(stand, team), team.maintainer, revisions=revisions)
    conan.create(tree, owner_of(team))
    conan.create(tree, owner_of(team), shared=True)
    conan.upload(f"{tree.name}/*")

    assert reference in conan.search(f"{tree.name[:-1]}*")
    found = conan.run("search", reference, "-r", "toys").out
    assert "shared: True" in found and "shared: False" in found and "os: Linux" in found
    assert "Outdated from recipe: True" not in found
    conan.run("info", reference, "-r", "toys")
    conan.run("inspect", reference, "-r", "toys")
    assert code_of(conan.install(reference, shared=True)) == "#define TOY 1\n"

    tree.write_code(2)
    conan.create(tree, owner_of(team))
    conan.upload(reference)
    assert code_of(conan.install(reference)) == "#define TOY 2\n"
    conan.run("remove", reference, "-r", "toys", "-p", "-f")
    assert "There are no packages" in conan.run("search", reference, "-r", "toys").out
    conan.run("remove", reference, "-r", "toys", "-f")
    assert stand.list_packages(team.project) == []


def test_conan_1_takes_files_back(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A recipe of a client without revisions keeps the sources that it no longer has."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    reference = f"{tree.name}/1.0@team/beta"
    conan = OldConan(desk, project_base(stand, team), team.maintainer, revisions=False)
    conan.run("export", tree.folder, "team/beta")
    conan.upload(reference)
    recipe = tree.folder / "conanfile.py"
    recipe.write_text(recipe.read_text().replace('    exports_sources = "*.h"\n', ""))
    conan.run("export", tree.folder, "team/beta")
    conan.upload(reference)

    [package] = stand.list_packages(team.project)
    assert {file["file_name"] for file in stand.list_files(team.project, package)} == {"conanfile.py", "conanmanifest.txt"}


def test_conan_1_uploads_nothing_without_the_right(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Conan 1 uploads with a token that may only read, or logs in with none that is ours."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    reader = OldConan(desk, project_base(stand, team), team.reader, revisions=False)
    reader.run("export", tree.folder, "team/beta")
    reader.upload(f"{tree.name}/1.0@team/beta", status=None)

    assert stand.list_packages(team.project) == []
    assert "Wrong user or password" in reader.run("user", "-r", "toys", "-p", WRONG.token, WRONG.user, status=None).said


def test_both_conans_share_a_recipe(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A recipe that a client without revisions uploaded is not there for Conan 2, or the other way round."""
    tree = make_tree(tmp_path / "tree", new_name("toy"))
    new = Conan(desk, project_base(stand, team), team.writer)
    old = OldConan(desk, project_base(stand, team), team.writer, revisions=False)
    old.run("export", tree.folder, "old/beta")
    old.upload(f"{tree.name}/1.0@old/beta")
    new.create(tree, "new/beta")
    new.upload(f"{tree.name}/1.0@new/beta")

    new.run("download", f"{tree.name}/1.0@old/beta", "-r", "toys", "--only-recipe")
    old.run("download", f"{tree.name}/1.0@new/beta", "-r", "toys", "--recipe")
    assert set(new.list(f"{tree.name}/*")) == set(old.search(f"{tree.name}/*")) == {f"{tree.name}/1.0@old/beta", f"{tree.name}/1.0@new/beta"}


# -- versions --------------------------------------------------------------------------------------------------------


def test_order_of_versions_is_that_of_conan(desk: Desk) -> None:
    """The newest version on a page is not the one that a version range takes."""
    desk.note("conan")
    # Not 1.10 beside 1.1a: where a number meets a word Conan compares texts, which is no order over more than two.
    numbers = ["0.1", "0.9", "0.10", "1.0", "1.0.0", "1.0.1", "1.2", "2024.01.02", "10.0", "9.9", "1.a", "1.b", "1.1a"]
    versions = [number + tail for number in numbers for tail in ("", "-alpha", "-alpha.1", "-rc.2", "-rc.10", "+1", "-rc.2+5")]
    compare = "print(json.dumps([(V(a) > V(b)) - (V(a) < V(b)) for a, b in json.load(sys.stdin)]))"
    code = f"import json, sys; from conan.tools.scm import Version as V; {compare}"
    pairs = list(itertools.combinations(versions, 2))
    command = [str(INSTALLED / "conan" / "bin" / "python"), "-c", code]
    done = subprocess.run(command, env=desk.environment(), input=json.dumps(pairs), capture_output=True, text=True, timeout=60, check=True)
    wrong = []
    for (one, other), expected in zip(pairs, json.loads(done.stdout), strict=True):
        ours = names.version_key(one)[:-1], names.version_key(other)[:-1]  # the last part only tells equal versions apart
        if (ours[0] > ours[1]) - (ours[0] < ours[1]) != expected:
            wrong.append((one, other, expected))
    assert not wrong, wrong[:20]
