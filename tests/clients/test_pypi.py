"""The PyPI family against a running server: build, twine, uv, poetry, hatch, flit and pdm publish; pip, uv, poetry and pdm install."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from programs import INSTALLED, Desk, Run
from stand import REPORTER, Login, Stand, Team, new_name

PYTHON = INSTALLED / "pypi" / "bin" / "python"
WRONG = Login("nobody", "phpat_not_a_token")

# -- source trees ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree of one small package."""

    folder: Path
    name: str
    version: str

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def dist(self) -> Path:
        return self.folder / "dist"

    @property
    def dists(self) -> list[Path]:
        return sorted(path for path in self.dist.iterdir() if path.name != ".gitignore")

    def write_code(self, value: int) -> None:
        """Say what the module answers; the distributions built so far are dropped."""
        for built in self.dist.glob("*"):
            built.unlink()
        package = self.folder / "src" / self.module
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(f'"""A small package."""\n\nVALUE = {value}\n')


def make_tree(folder: Path, name: str, version: str, build_system: str, requires: str = "", more: str = "") -> Tree:
    """A tree that builds without a network, with this build system."""
    folder.mkdir(parents=True)
    tree = Tree(folder, name, version)
    (folder / "README.md").write_text(f"# {name}\n")
    dependencies = f'dependencies = ["{requires}"]' if requires else ""
    (folder / "pyproject.toml").write_text(
        dedent(
            f"""\
            [build-system]
            {build_system}

            [project]
            name = "{name}"
            version = "{version}"
            description = "A small package"
            readme = "README.md"
            requires-python = ">=3.9"
            authors = [{{name = "Tester", email = "tester@mail.example"}}]
            {dependencies}
            """
        )
        + dedent(more)
    )
    tree.write_code(42)
    return tree


# -- publishers ------------------------------------------------------------------------------------------------------


class Publisher:
    """How one client builds and publishes."""

    client: str
    build_system = 'requires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"'
    more = ""

    def build(self, desk: Desk, tree: Tree) -> None:
        desk.run("build", "--no-isolation", "--outdir", tree.dist, ".", cwd=tree.folder)

    def publish(self, desk: Desk, tree: Tree, url: str, login: Login, status: int | None = 0) -> Run:
        raise NotImplementedError


class Twine(Publisher):
    client = "twine"

    def publish(self, desk: Desk, tree: Tree, url: str, login: Login, status: int | None = 0) -> Run:
        env = {"TWINE_USERNAME": login.user, "TWINE_PASSWORD": login.token}
        options = ["--non-interactive", "--disable-progress-bar", "--verbose", "--repository-url", url]
        return desk.run("twine", "upload", *options, *tree.dists, cwd=tree.folder, env=env, status=status)


class Uv(Publisher):
    client = "uv"
    build_system = 'requires = ["uv_build"]\nbuild-backend = "uv_build"'

    def build(self, desk: Desk, tree: Tree) -> None:
        env = {"UV_PYTHON": str(PYTHON), "UV_PYTHON_DOWNLOADS": "never"}
        desk.run("uv", "build", "--no-build-isolation", "--no-index", cwd=tree.folder, env=env)

    def publish(self, desk: Desk, tree: Tree, url: str, login: Login, status: int | None = 0) -> Run:
        env = {"UV_PUBLISH_URL": url, "UV_PUBLISH_USERNAME": login.user, "UV_PUBLISH_PASSWORD": login.token, "UV_HTTP_RETRIES": "0"}
        return desk.run("uv", "publish", *tree.dists, cwd=tree.folder, env=env, status=status)


class Poetry(Publisher):
    client = "poetry"
    build_system = 'requires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"'

    def build(self, desk: Desk, tree: Tree) -> None:
        desk.run("poetry", "build", "--no-interaction", cwd=tree.folder)

    def publish(self, desk: Desk, tree: Tree, url: str, login: Login, status: int | None = 0) -> Run:
        env = {
            "POETRY_REPOSITORIES_LOCAL_URL": url,
            "POETRY_HTTP_BASIC_LOCAL_USERNAME": login.user,
            "POETRY_HTTP_BASIC_LOCAL_PASSWORD": login.token,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        return desk.run("poetry", "publish", "--no-interaction", "-r", "local", cwd=tree.folder, env=env, status=status)


class Hatch(Publisher):
    client = "hatch"
    build_system = 'requires = ["hatchling"]\nbuild-backend = "hatchling.build"'

    def build(self, desk: Desk, tree: Tree) -> None:
        desk.run("build", "--no-isolation", "--outdir", tree.dist, ".", cwd=tree.folder)

    def publish(self, desk: Desk, tree: Tree, url: str, login: Login, status: int | None = 0) -> Run:
        env = {"HATCH_INDEX_REPO": url, "HATCH_INDEX_USER": login.user, "HATCH_INDEX_AUTH": login.token}
        return desk.run("hatch", "publish", "--no-prompt", "--yes", cwd=tree.folder, env=env, status=status)


class Flit(Publisher):
    client = "flit"
    build_system = 'requires = ["flit_core>=3.9"]\nbuild-backend = "flit_core.buildapi"'

    def build(self, desk: Desk, tree: Tree) -> None:
        """flit builds when it publishes."""

    def publish(self, desk: Desk, tree: Tree, url: str, login: Login, status: int | None = 0) -> Run:
        env = {"FLIT_INDEX_URL": url, "FLIT_USERNAME": login.user, "FLIT_PASSWORD": login.token}
        return desk.run("flit", "publish", cwd=tree.folder, env=env, status=status)


class Pdm(Publisher):
    client = "pdm"

    def build(self, desk: Desk, tree: Tree) -> None:
        env = {"PDM_CHECK_UPDATE": "0", "PDM_PYTHON": str(PYTHON)}
        desk.run("pdm", "build", "--no-isolation", cwd=tree.folder, env=env)

    def publish(self, desk: Desk, tree: Tree, url: str, login: Login, status: int | None = 0) -> Run:
        env = {"PDM_CHECK_UPDATE": "0", "PDM_PUBLISH_REPO": url, "PDM_PUBLISH_USERNAME": login.user, "PDM_PUBLISH_PASSWORD": login.token}
        return desk.run("pdm", "publish", "--no-build", cwd=tree.folder, env=env, status=status)


PUBLISHERS = [Twine(), Uv(), Poetry(), Hatch(), Flit(), Pdm()]
every_publisher = pytest.mark.parametrize("publisher", PUBLISHERS, ids=lambda publisher: publisher.client)


def upload_url(stand: Stand, team: Team) -> str:
    """Where twine and its kind publish to."""
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/pypi"


@every_publisher
def test_publishes_what_pip_installs(publisher: Publisher, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A wheel and an sdist published with this client are not both listed, or pip does not get them."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.2.3", publisher.build_system)
    publisher.build(desk, tree)
    publisher.publish(desk, tree, upload_url(stand, team), team.writer)

    [package] = stand.list_packages(team.project, package_type="pypi")
    assert (package["name"], package["version"]) == (tree.name, "1.2.3")
    names = sorted(file["file_name"] for file in stand.list_files(team.project, package))
    assert names == [f"{tree.module}-1.2.3-py3-none-any.whl", f"{tree.module}-1.2.3.tar.gz"]
    site = Pip().install(desk, tmp_path / "use", project_index(stand, team), team.reader, tree.name)
    assert (site / tree.module / "__init__.py").read_text().endswith("VALUE = 42\n")


@every_publisher
def test_is_refused_other_bytes_under_a_published_name(publisher: Publisher, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """This client replaces a published file, or is not told that it was refused."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", publisher.build_system)
    publisher.build(desk, tree)
    publisher.publish(desk, tree, upload_url(stand, team), team.writer)
    [package] = stand.list_packages(team.project)
    before = stand.list_files(team.project, package)

    tree.write_code(43)
    publisher.build(desk, tree)
    publisher.publish(desk, tree, upload_url(stand, team), team.writer, status=None)

    assert stand.list_files(team.project, package) == before


@every_publisher
def test_publishes_nothing_without_the_right(publisher: Publisher, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A token that may only read, or none that is ours, publishes with this client."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", publisher.build_system)
    publisher.build(desk, tree)
    for login in (team.reader, WRONG, team.stranger):
        publisher.publish(desk, tree, upload_url(stand, team), login, status=None)

    assert stand.list_packages(team.project) == []


@pytest.mark.parametrize("publisher", [Twine(), Uv()], ids=lambda publisher: publisher.client)
def test_publishes_the_same_bytes_again(publisher: Publisher, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A job that is run again fails on the files it has already published."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", publisher.build_system)
    publisher.build(desk, tree)
    for _ in range(2):
        publisher.publish(desk, tree, upload_url(stand, team), team.writer)

    [package] = stand.list_packages(team.project)
    assert len(stand.list_files(team.project, package)) == 2


def test_twine_says_why_it_was_refused(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Whoever publishes other bytes cannot read from twine's output that the file exists, and which digests differ."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", Twine.build_system)
    Twine().build(desk, tree)
    Twine().publish(desk, tree, upload_url(stand, team), team.writer)
    [package] = stand.list_packages(team.project)
    stored = {file["file_name"]: file["file_sha256"] for file in stand.list_files(team.project, package)}
    tree.write_code(43)
    Twine().build(desk, tree)

    said = Twine().publish(desk, tree, upload_url(stand, team), team.writer, status=None).said

    assert "400" in said
    assert "already exist" in said
    assert any(digest in said.replace("\n", "") for digest in stored.values())


def test_uv_skips_what_the_index_has(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """`uv publish --check-url` does not recognise a published file by the hash in the index."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", Uv.build_system)
    Uv().build(desk, tree)
    Uv().publish(desk, tree, upload_url(stand, team), team.writer)
    env = {"UV_PUBLISH_URL": upload_url(stand, team), "UV_PUBLISH_USERNAME": team.writer.user, "UV_PUBLISH_PASSWORD": team.writer.token}
    check = with_login(project_index(stand, team), team.writer)

    said = desk.run("uv", "publish", "--check-url", check, *tree.dists, cwd=tree.folder, env=env).said

    assert said.count("already exists, skipping") == 2, said


# -- installers ------------------------------------------------------------------------------------------------------


def project_index(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/pypi/simple"


def path_index(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.encoded_path}/packages/pypi/simple"


def group_index(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/groups/{team.group['id']}/-/packages/pypi/simple"


def with_login(url: str, login: Login | None) -> str:
    """The URL with the login in it, as people write it into an index URL."""
    return url if login is None else url.replace("http://", f"http://{login.user}:{login.token}@")


class Installer:
    """How one client installs into an empty folder; the answer is the folder with the modules."""

    client: str

    def install(self, desk: Desk, folder: Path, index: str, login: Login | None, requirement: str, status: int | None = 0) -> Path:
        raise NotImplementedError


class Pip(Installer):
    client = "pip"

    def install(self, desk: Desk, folder: Path, index: str, login: Login | None, requirement: str, status: int | None = 0) -> Path:
        folder.mkdir()
        site = folder / "site"
        options = ["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--retries", "0", "--target", site]
        desk.run("pip", "install", *options, "--index-url", with_login(index, login), requirement, cwd=folder, status=status)
        return site


class UvPip(Installer):
    client = "uv"

    def install(self, desk: Desk, folder: Path, index: str, login: Login | None, requirement: str, status: int | None = 0) -> Path:
        folder.mkdir()
        site = folder / "site"
        env = {"UV_CACHE_DIR": str(folder / "cache"), "UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_RETRIES": "0"}
        options = ["--python", PYTHON, "--target", site, "--default-index", with_login(index, login)]
        desk.run("uv", "pip", "install", *options, requirement, cwd=folder, env=env, status=status)
        return site


class UvSync(Installer):
    client = "uv"

    def install(self, desk: Desk, folder: Path, index: str, login: Login | None, requirement: str, status: int | None = 0) -> Path:
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "user"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["{requirement}"]\n'
            f'[[tool.uv.index]]\nname = "local"\nurl = "{index}"\ndefault = true\n'
        )
        env = {"UV_CACHE_DIR": str(folder / "cache"), "UV_PYTHON": str(PYTHON), "UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_RETRIES": "0"}
        if login:
            env |= {"UV_INDEX_LOCAL_USERNAME": login.user, "UV_INDEX_LOCAL_PASSWORD": login.token}
        desk.run("uv", "sync", cwd=folder, env=env, status=status)
        return environment_of(folder)


class PoetryInstall(Installer):
    client = "poetry"

    def install(self, desk: Desk, folder: Path, index: str, login: Login | None, requirement: str, status: int | None = 0) -> Path:
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "user"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["{requirement}"]\n'
            f'[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = "local"\nurl = "{index}/"\npriority = "primary"\n'
        )
        env = {
            "POETRY_CACHE_DIR": str(folder / "cache"),
            "POETRY_VIRTUALENVS_IN_PROJECT": "true",
            "POETRY_REQUESTS_MAX_RETRIES": "0",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        if login:
            env |= {"POETRY_HTTP_BASIC_LOCAL_USERNAME": login.user, "POETRY_HTTP_BASIC_LOCAL_PASSWORD": login.token}
        desk.run("poetry", "install", "--no-interaction", cwd=folder, env=env, status=status)
        return environment_of(folder)


class PdmInstall(Installer):
    client = "pdm"

    def install(self, desk: Desk, folder: Path, index: str, login: Login | None, requirement: str, status: int | None = 0) -> Path:
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "user"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["{requirement}"]\n'
            f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{with_login(index, login)}"\nverify_ssl = false\n'
            "[tool.pdm.resolution]\nallow-prereleases = false\n"  # left unset, pdm 2.22 takes a pre-release over a final version
        )
        env = {"PDM_CHECK_UPDATE": "0", "PDM_CACHE_DIR": str(folder / "cache"), "PDM_PYTHON": str(PYTHON)}
        desk.run("pdm", "venv", "create", "--with", "venv", PYTHON, cwd=folder, env={**env, "PDM_VENV_IN_PROJECT": "1"})
        env["PDM_PYTHON"] = str(folder / ".venv" / "bin" / "python")
        desk.run("pdm", "install", "--no-self", cwd=folder, env=env, status=status)
        return environment_of(folder)


def environment_of(folder: Path) -> Path:
    """The modules of the virtual environment that a client has made in its project."""
    return next(folder.glob(".venv/lib/python3*/site-packages"), folder / "nothing-installed")


INSTALLERS = [Pip(), UvPip(), UvSync(), PoetryInstall(), PdmInstall()]
every_installer = pytest.mark.parametrize("installer", INSTALLERS, ids=lambda installer: type(installer).__name__)
every_level = pytest.mark.parametrize("index", [project_index, path_index, group_index], ids=lambda index: index.__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the installers find: an application, and two versions of the library it needs."""

    team: Team
    app: Tree
    lib: Tree


@pytest.fixture(scope="module")
def shelf(stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """A private project with an application and a library, built with build and published with twine."""
    folder = tmp_path_factory.mktemp("shelf")
    desk, team = Desk(folder / "home", []), stand.make_team()
    lib, beta = (make_tree(folder / version, "toy-lib", version, Twine.build_system) for version in ("1.0.0", "1.1.0rc1"))
    app = make_tree(folder / "app", "toy-app", "2.0.0", Twine.build_system, requires="toy.lib>=1")
    for tree in (lib, beta, app):
        Twine().build(desk, tree)
        Twine().publish(desk, tree, upload_url(stand, team), team.writer)
    yield Shelf(team, app, lib)


@every_installer
@every_level
def test_installs_with_a_dependency(
    installer: Installer, index: Callable[[Stand, Team], str], shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path
) -> None:
    """This client does not find a private package or what it depends on, or takes a pre-release for the newest version."""
    login = shelf.team.reporter if index is group_index else shelf.team.reader

    site = installer.install(desk, tmp_path / "use", index(stand, shelf.team), login, "Toy_App")

    assert (site / "toy_app" / "__init__.py").exists()
    assert (site / "toy_lib-1.0.0.dist-info").is_dir()


@every_installer
@pytest.mark.parametrize("login", [None, WRONG], ids=["anonymous", "wrong"])
def test_installs_nothing_private_without_a_login(
    installer: Installer, login: Login | None, shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path
) -> None:
    """This client gets a private package anonymously or with a token that is not ours."""
    site = installer.install(desk, tmp_path / "use", project_index(stand, shelf.team), login, "toy-lib", status=None)

    assert not (site / "toy_lib").exists()


@pytest.mark.parametrize("installer", [Pip(), UvPip()], ids=lambda installer: type(installer).__name__)
def test_installs_from_a_public_project_without_a_login(installer: Installer, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A public package asks for a login."""
    team = stand.make_team(visibility="public")
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", Twine.build_system)
    Twine().build(desk, tree)
    Twine().publish(desk, tree, upload_url(stand, team), team.writer)

    for number, index in enumerate((project_index, group_index)):
        site = installer.install(desk, tmp_path / f"use{number}", index(stand, team), None, tree.name)
        assert (site / tree.module).is_dir()


def test_pip_takes_the_login_from_netrc(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """pip is not challenged in a way that makes it use the login in ~/.netrc."""
    netrc = desk.home / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {shelf.team.reader.user} password {shelf.team.reader.token}\n")
    netrc.chmod(0o600)

    site = Pip().install(desk, tmp_path / "use", project_index(stand, shelf.team), None, "toy-lib==1.0.0")

    assert (site / "toy_lib").is_dir()


def test_pip_installs_with_required_hashes(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """The digest that the registry lists is not the digest of the file that pip gets, or a wrong one is taken."""
    [package] = stand.list_packages(shelf.team.project, package_name="toy-lib", package_version="1.0.0")
    wheel = next(file for file in stand.list_files(shelf.team.project, package) if file["file_name"].endswith(".whl"))
    index = with_login(project_index(stand, shelf.team), shelf.team.reader)
    requirements = tmp_path / "requirements.txt"
    command = ["install", "--no-cache-dir", "--index-url", index, "--require-hashes", "-r", requirements, "--target"]

    requirements.write_text(f"toy-lib==1.0.0 --hash=sha256:{wheel['file_sha256']}\n")
    desk.run("pip", *command, tmp_path / "right", cwd=tmp_path)
    requirements.write_text(f"toy-lib==1.0.0 --hash=sha256:{'0' * 64}\n")
    desk.fail("pip", *command, tmp_path / "wrong", cwd=tmp_path)


def test_pip_builds_from_the_sdist(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """The sdist does not come back as it was published."""
    index = with_login(project_index(stand, shelf.team), shelf.team.reader)
    options = ["--no-cache-dir", "--no-binary", ":all:", "--no-build-isolation", "--no-deps"]

    desk.run("pip", "install", *options, "--index-url", index, "--target", tmp_path / "site", "toy-app", cwd=tmp_path)

    assert (tmp_path / "site" / "toy_app").is_dir()


def test_pip_lists_the_versions(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """`pip index versions` does not see each version, or does not know which one is a pre-release."""
    index = with_login(group_index(stand, shelf.team), shelf.team.reporter)

    stable = desk.run("pip", "index", "versions", "--index-url", index, "toy-lib", cwd=tmp_path).out
    every = desk.run("pip", "index", "versions", "--pre", "--index-url", index, "toy-lib", cwd=tmp_path).out

    assert "Available versions: 1.0.0\n" in stable
    assert "Available versions: 1.1.0rc1, 1.0.0\n" in every


def test_uv_leaves_out_what_is_newer_than_asked(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """The index has no upload times that `--exclude-newer` can use."""
    index = with_login(project_index(stand, shelf.team), shelf.team.reader)
    command = ["pip", "install", "--no-cache", "--python", PYTHON, "--default-index", index]

    old = desk.fail("uv", *command, "--exclude-newer", "2020-01-01", "--target", tmp_path / "old", "toy-lib", cwd=tmp_path)
    desk.run("uv", *command, "--exclude-newer", "2999-01-01", "--target", tmp_path / "new", "toy-lib", cwd=tmp_path)

    assert "no versions of toy-lib" in old.said or "excluded" in old.said or "exclude-newer" in old.said, old.said


def test_group_shows_only_what_its_reader_may_read(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """At group level pip gets a package of a project that this user is no member of."""
    group = stand.make_group()
    seen, hidden = (stand.make_project(group) for _ in range(2))
    writer = stand.make_deploy_token(group, ("read_package_registry", "write_package_registry"), where="groups")
    reader = stand.make_member(seen, REPORTER, where="projects")
    names = []
    for project in (seen, hidden):
        tree = make_tree(tmp_path / project["path"], new_name("toy"), "1.0.0", Twine.build_system)
        Twine().build(desk, tree)
        Twine().publish(desk, tree, f"{stand.url}/api/v4/projects/{project['id']}/packages/pypi", writer)
        names.append(tree.name)
    index = f"{stand.url}/api/v4/groups/{group['id']}/-/packages/pypi/simple"

    Pip().install(desk, tmp_path / "seen", index, reader, names[0])
    Pip().install(desk, tmp_path / "hidden", index, reader, names[1], status=None)
