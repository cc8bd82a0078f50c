"""How each client of the PyPI family builds, publishes and installs: one class for each, and the trees they build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from programs import INSTALLED, Desk, Run
from stand import Login, Stand, Team

PYTHON = INSTALLED / "pypi" / "bin" / "python"

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
        options: list[str | Path] = ["--non-interactive", "--disable-progress-bar", "--verbose", "--repository-url", url]
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


def upload_url(stand: Stand, team: Team) -> str:
    """Where twine and its kind publish to."""
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/pypi"


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
        options: list[str | Path] = ["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--retries", "0", "--target", site]
        desk.run("pip", "install", *options, "--index-url", with_login(index, login), requirement, cwd=folder, status=status)
        return site


class UvPip(Installer):
    client = "uv"

    def install(self, desk: Desk, folder: Path, index: str, login: Login | None, requirement: str, status: int | None = 0) -> Path:
        folder.mkdir()
        site = folder / "site"
        env = {"UV_CACHE_DIR": str(folder / "cache"), "UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_RETRIES": "0"}
        options: list[str | Path] = ["--python", PYTHON, "--target", site, "--default-index", with_login(index, login)]
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
