"""The pages about formats do what they say: what they show is run, in the real clients, against a running server.

A block below `<!-- run: name -->` is commands, one below `<!-- file: name -->` a file to be written; `<!-- shown: why -->` is neither.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apt_clients import make_machine, make_source
from git_work import Work, new_work
from npm_clients import Npm, Pnpm, installed_version, write_package
from nuget_clients import DOTNET, write_project
from programs import INSTALLED, Desk, find_command
from pypi_clients import PYTHON, environment_of, make_tree, project_index
from pypi_clients import Poetry as PoetryPublisher
from rpm_clients import make_dnf, write_spec
from stand import ADMIN_TOKEN, ROOT, Stand, Team

from ..clients.test_container import PODMAN, Quay
from ..clients.test_maven import Tree as Maven
from ..clients.test_maven import copy_seed, fill_local_repository, small_jar, small_pom  # noqa: F401
from ..clients.test_p2 import fill_seed as fill_tycho_seed  # noqa: F401
from ..clients.test_sbt import IVY_MODULE, fill_seed, settle, write_build  # noqa: F401
from ..formats.chef.samples import cookbook
from ..formats.opkg.samples import sample as make_opkg
from ..formats.p2.samples import bundle, site
from ..formats.vagrant.samples import box

PAGES = ROOT / "docs" / "formats"
BLOCK = re.compile(r"(?:<!-- (?P<kind>\w+): (?P<name>[^\n]+?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)

Json = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """A page's blocks."""

    name: str

    @property
    def blocks(self) -> list[re.Match[str]]:
        return list(BLOCK.finditer((PAGES / f"{self.name}.md").read_text()))

    def names(self, kind: str) -> set[str]:
        return {block["name"] for block in self.blocks if block["kind"] == kind}

    def text(self, kind: str, name: str) -> str:
        """The blocks of that name, in order."""
        found = [block["text"] for block in self.blocks if (block["kind"], block["name"]) == (kind, name)]
        assert found, f"{self.name}.md has no {kind} called {name}"
        return "\n".join(found)


@dataclass
class Walker:
    """Somebody who follows a page: copies its files and commands, with the placeholders filled in."""

    page: Page
    stand: Stand
    team: Team
    desk: Desk
    folder: Path
    seed: Callable[..., Path]  # a local repository of Maven with its plugins; "sbt_seed": what sbt needs for itself
    env: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)  # further placeholders
    walked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.programs = self.folder / "programs"
        self.programs.mkdir(parents=True)
        (self.desk.home / ".curlrc").write_text("fail-with-body\nsilent\n")

    def use(self, *names: str, **clients: str) -> None:
        """Clients under their own names, or as the page names them: `nuget="nuget.exe"`."""
        for name, client in {**{name: name for name in names}, **clients}.items():
            self.desk.note(client)
            self.link(name, *find_command(client))

    def link(self, name: str, *command: str | Path) -> None:
        """A program of this name."""
        self.script(name, f'exec {shlex.join(map(str, command))} "$@"')

    def script(self, name: str, text: str) -> None:
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    def fill(self, text: str) -> str:
        """The text with this server, project and group in it."""
        for word, mine in self.words.items():
            text = text.replace(word, mine)
        text = re.sub(r'https://([^\s"/@]+@)?packhouse\.example', rf"http://\g<1>{self.stand.host}", text)
        text = text.replace("#https:", "#http:").replace("machine packhouse.example", "machine 127.0.0.1")
        text = text.replace("packhouse.example", self.stand.host).replace("<your_access_token>", self.team.developer.token)
        text = re.sub(r"\bprojects/24\b", f"projects/{self.team.project['id']}", text)
        text = re.sub(r"\b(groups?)/7\b", rf"\1/{self.team.group['id']}", text)
        return text.replace("my-group", self.team.scope).replace("my-project", str(self.team.project["path"]))

    def file(self, name: str) -> str:
        """A file of the page."""
        self.walked.add(name)
        return self.fill(self.page.text("file", name))

    def put(self, folder: Path, *names: str) -> None:
        """Write files of the page; one that begins with `~/` into the home."""
        for name in names:
            path = self.desk.home / name[2:] if name.startswith("~/") else folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.file(name))

    def walk(self, name: str, folder: Path, **environment: str) -> str:
        """What the commands printed. Raises `AssertionError` where one fails."""
        folder.mkdir(parents=True, exist_ok=True)
        self.walked.add(name)
        project, group = str(self.team.project["id"]), str(self.team.group["id"])
        where = {"PACKHOUSE": self.stand.url, "PROJECT": project, "GROUP": group, "TOKEN": self.team.developer.token}
        where |= {"CI_API_V4_URL": f"{self.stand.url}/api/v4", "CI_PROJECT_ID": project}
        given = {**self.desk.environment(), **where, **self.env, **environment}
        given["PATH"] = f"{self.programs}:{given['PATH']}"
        script = "set -eu -o pipefail\n" + self.fill(self.page.text("run", name))
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=given, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=250)
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def start_job(self) -> str:
        """The token of a running job."""
        path, token = f"/projects/{self.team.project['id']}/pipelines", self.team.developer.token
        pipeline = self.stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
        return str(self.stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "page"}, token=token)["token"])

    def new_work(self, files: Mapping[str, str]) -> Work:
        """A commit on main, pushed; `origin` is the project's repository."""
        work = new_work(self.folder / "work")
        login = self.team.developer
        work.commit(dict(files))
        work.run("remote", "add", "origin", f"http://{login.user}:{login.token}@{self.stand.host}/{self.team.project['path_with_namespace']}.git")
        work.run("push", "--quiet", "origin", "main")
        return work

    def packages(self) -> set[tuple[str, str]]:
        """Name and version of what the project holds."""
        return {(package["name"], package["version"]) for package in self.stand.list_packages(self.team.project)}


# -- the walks ---------------------------------------------------------------------------------------------------------


def walk_conan(walker: Walker) -> None:
    recipe, home = walker.folder / "recipe", walker.folder / "new"
    recipe.mkdir()
    (recipe / "conanfile.py").write_text('from conan import ConanFile\nclass Hello(ConanFile):\n    settings = "os", "arch"\n')
    for profiles in (home / "profiles", walker.folder / "old" / ".conan" / "profiles"):
        profiles.mkdir(parents=True)
        (profiles / "default").write_text("[settings]\nos=Linux\narch=x86_64\n")
    walker.env = {"USER": "somebody", "CONAN_HOME": str(home), "CONAN_USER_HOME": str(walker.folder / "old"), "CONAN_REVISIONS_ENABLED": "1"}
    walker.use(conan="conan 1")
    for name in ("log in with Conan 1", "upload with Conan 1", "install with Conan 1"):
        walker.walk(name, recipe)
    walker.use("conan")
    for name in ("log in", "upload", "install"):
        walker.walk(name, recipe)
    assert {name for name, _ in walker.packages()} == {"hello/0.1@_/_", "hello/0.1@team/beta"}
    walker.desk.run("conan", "remote", "logout", "packhouse", cwd=recipe, env=walker.env)
    walker.walk("job", recipe, CI_JOB_TOKEN=walker.start_job())
    login = walker.team.maintainer
    walker.desk.run("conan", "remote", "login", "packhouse", login.user, "-p", login.token, cwd=recipe, env=walker.env)
    walker.walk("remove", recipe)
    assert {name for name, _ in walker.packages()} == {"hello/0.1@team/beta"}


def walk_container(walker: Walker) -> None:
    walker.use("curl")
    home, folder, quay = walker.desk.home, walker.folder, Quay(walker.stand, walker.team, walker.desk, walker.folder)
    (home / ".config" / "containers").mkdir(parents=True)
    shutil.copy(home / "policy.json", home / ".config" / "containers")
    # one place for every login; this server is on plain http; and no daemon of docker runs here: podman builds, pushes and pulls in its place
    walker.env = {**quay.env, "USER": walker.team.maintainer.user, "REGISTRY_AUTH_FILE": str(home / "docker" / "config.json")}
    for client in ("docker", "podman", "skopeo", "helm", "oras"):
        walker.desk.note(client)
    podman = shlex.join([*find_command("podman"), *PODMAN])
    docker = f'case "$1" in login) exec {shlex.join(find_command("docker"))} "$@" ;; *) exec {podman} "$@" ;; esac'
    walker.script("docker", docker)
    walker.link("skopeo", *find_command("skopeo"), "--tls-verify=false")
    for client in ("helm", "oras"):
        walker.script(client, f'exec {shlex.join(find_command(client))} "$@" --plain-http')
    walker.walk("sign in", folder, TOKEN=walker.team.maintainer.token)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY report.json /report.json\n")
    for name in ("report.json", "sbom.json"):
        (folder / name).write_text("{}")
    quay.run("helm", "create", "my-chart")
    quay.run("helm", "package", "my-chart")
    for name in ("image", "chart", "artifact"):
        walker.walk(name, folder)
    found = walker.stand.want(200, "GET", f"/projects/{walker.team.project['id']}/registry/repositories")
    [api] = [each["id"] for each in found if each["path"].endswith("/api")]
    then = datetime.now(UTC)
    walker.words = {
        "repositories/7": f"repositories/{api}", "groups/12": f"groups/{walker.team.group['id']}",
        "20260131t120000z": f"{then:%Y%m%dt%H%M%S.%fz}", "2026-01-31T12:00:00Z": f"{then:%Y-%m-%dT%H:%M:%S.%fZ}",
    }  # fmt: skip

    def tags() -> list[str]:
        left = walker.stand.want(200, "GET", f"/projects/{walker.team.project['id']}/registry/repositories?tags=true")
        return [tag["name"] for each in left if each["id"] == api for tag in each["tags"]]

    for name, expected in (
        ("schedule", ["1.0.0"]), ("delete a tag", []), ("restore a tag", ["1.0.0"]), ("delete a tag", []), ("moment", ["1.0.0"]),
        ("moment over REST", ["1.0.0"]), ("delete", []), ("restore", ["1.0.0"]),
    ):  # fmt: skip
        walker.walk(name, folder, TOKEN=walker.team.maintainer.token)
        assert tags() == expected, name


def walk_generic(walker: Walker) -> None:
    walker.use("curl", "wget")
    here, there = walker.folder / "here", walker.folder / "there"
    here.mkdir()
    (here / "app.tgz").write_bytes(b"an app")
    for name in ("never replace", "upload", "digest"):
        walker.walk(name, here)
    for name in ("download", "wget"):
        walker.walk(name, there)
        assert (there / "app.tgz").read_bytes() == b"an app"
        (there / "app.tgz").unlink()
    assert "app.tgz" in walker.walk("list", there)
    walker.walk("delete", there, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == set()


def walk_go(walker: Walker) -> None:
    walker.use("go", "git", "curl")
    walker.env = {"GOPATH": str(walker.folder / "go"), "GOCACHE": str(INSTALLED / "go-cache"), "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw"}
    # the path of a module has no port
    module = f"127.0.0.1/{walker.team.project['path_with_namespace']}"
    walker.words = {"packhouse.example/group/project": module, "packhouse.example/*": "127.0.0.1/*"}
    work = walker.new_work({"go.mod": f"module {module}\n\ngo 1.19\n", "lib.go": "package lib\n"})
    walker.walk("publish", work.folder)
    app = walker.folder / "app"
    app.mkdir()
    (app / "go.mod").write_text("module consumer.test/app\n\ngo 1.19\n")
    walker.walk("get", app)
    assert f"{module} v1.0.0" in (app / "go.mod").read_text()
    with zipfile.ZipFile(work.folder / "module.zip", "w") as archive:
        archive.writestr("example.test/lib@v1.0.0/go.mod", "module example.test/lib\n\ngo 1.19\n")
        archive.writestr("example.test/lib@v1.0.0/lib.go", "package lib\n")
    walker.walk("upload", work.folder)
    assert ("example.test/lib", "v1.0.0") in walker.packages()
    walker.walk("checksum database", app)
    (app / "go.sum").unlink()
    walker.desk.run("go", "mod", "download", cwd=app, env={**walker.env, "GOPATH": str(walker.folder / "again")})


def walk_maven(walker: Walker) -> None:
    walker.use("mvn", "curl")
    home, lib, app = walker.desk.home, walker.folder / "lib", walker.folder / "app"
    walker.env = {"MAVEN_OPTS": f"-Duser.home={home}"}
    walker.put(lib, "~/.m2/settings.xml")
    copy_seed(walker.seed(), home / ".m2" / "repository")
    repositories = walker.file("pom.xml, in part")
    for tree in (Maven(lib, "com.acme", "lib", "2.0"), Maven(app, "com.user", "app", "1.0", depends="com.acme:lib:2.0")):
        tree.write()
        whole = re.sub("<distributionManagement>.*</distributionManagement>", lambda _: repositories, tree.pom())
        (tree.folder / "pom.xml").write_text(whole)
    walker.walk("deploy", lib)
    (lib / "lib.jar").write_bytes(small_jar("file"))
    (lib / "lib.pom").write_text(small_pom("com.acme:filed:1.0"))
    walker.walk("deploy a file", lib)
    shutil.rmtree(home / ".m2/repository/com/acme")
    environment = {**walker.env, "TOKEN": walker.team.reporter.token}
    walker.desk.run("mvn", "-B", "compile", cwd=app, env=environment, timeout=250)
    shutil.copy(lib / "lib.jar", lib / "lib-1.0.jar")
    (lib / "lib-1.0.pom").write_text(small_pom("com.acme:lib:1.0"))
    walker.walk("curl", lib)
    assert walker.packages() == {("com/acme/lib", "1.0"), ("com/acme/lib", "2.0"), ("com/acme/filed", "1.0")}
    walker.walk("cleanup", lib, TOKEN=walker.team.maintainer.token)
    walker.walk("delete", lib, TOKEN=walker.team.maintainer.token)


def walk_nuget(walker: Walker) -> None:
    walker.use("dotnet", "curl", nuget="nuget.exe")
    walker.env = {**DOTNET, "NUGET_PACKAGES": str(walker.folder / "cache"), "NUGET_HTTP_CACHE_PATH": str(walker.folder / "http")}
    lib, app, maintainer = walker.folder / "lib", walker.folder / "app", walker.team.maintainer.token
    for folder in (lib, app):
        walker.put(folder, "nuget.config")
    write_project(lib / "My.Package.csproj", "<Version>1.0.0</Version><Authors>Tester</Authors><Description>A library</Description>")
    (lib / "Lib.cs").write_text("namespace Toy { public static class Lib { public static int Value => 42; } }\n")
    write_project(app / "App.csproj", "<UseAppHost>false</UseAppHost>")
    walker.walk("pack and push", lib)
    assert walker.packages() == {("My.Package", "1.0.0")}
    shutil.copy(lib / "bin/Release/My.Package.1.0.0.nupkg", lib)
    for name in ("push", "put"):
        walker.walk(name, lib)
    for name in ("dotnet", "nuget"):
        walker.walk(name, app)
    assert "My.Package" in (app / "App.csproj").read_text() and (app / "My.Package.1.0.0").is_dir()
    (lib / "nuget.config").unlink()
    walker.walk("add source", lib)
    walker.walk("push", lib)
    walker.put(lib, "nuget.config")
    walker.walk("unlist and list", lib, TOKEN=maintainer)
    walker.walk("delete", lib, TOKEN=maintainer)
    assert walker.packages() == set()
    walker.walk("symbols", lib)
    walker.walk("symbol server", lib, TOKEN=ADMIN_TOKEN)
    assert {package["version"] for package in walker.stand.list_packages(walker.team.project)} == {"1.0.0"}


def walk_pypi(walker: Walker) -> None:
    walker.use("pip", "uv", "poetry", "curl")
    walker.desk.note("twine")
    walker.link("python", PYTHON)
    walker.env = {
        "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_PYTHON": str(PYTHON), "UV_PYTHON_DOWNLOADS": "never",
        "POETRY_VIRTUALENVS_IN_PROJECT": "true", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }  # fmt: skip
    trees = [make_tree(walker.folder / version, "my-package", version, PoetryPublisher.build_system) for version in ("1.0.0", "1.1.0")]
    walker.desk.run("build", "--no-isolation", "--outdir", trees[0].dist, ".", cwd=trees[0].folder)
    walker.put(trees[0].folder, "~/.pypirc")
    for name in ("twine", "uv publish"):
        walker.walk(name, trees[0].folder)
    walker.walk("job", trees[0].folder, CI_JOB_TOKEN=walker.start_job())
    walker.walk("poetry publish", trees[1].folder)
    assert walker.packages() == {("my-package", "1.0.0"), ("my-package", "1.1.0")}
    walker.walk("pip", walker.folder, PIP_TARGET=str(walker.folder / "pip"))
    uv = walker.folder / "uv"
    uv.mkdir()
    walker.desk.run("uv", "venv", cwd=uv, env=walker.env)
    walker.walk("uv pip", uv)
    project = '[project]\nname = "user"\nversion = "0"\nrequires-python = ">=3.11"\n'
    depends = 'dependencies = ["my-package"]\n'
    (uv / "pyproject.toml").write_text(project + depends + walker.file("uv.toml"))
    walker.walk("uv", uv)
    poetry = walker.folder / "poetry"
    poetry.mkdir()
    (poetry / "pyproject.toml").write_text(project + "[tool.poetry]\npackage-mode = false\n")
    walker.walk("poetry", poetry)
    pdm = walker.folder / "pdm"
    pdm.mkdir()
    (pdm / "pyproject.toml").write_text(project + depends + walker.file("pdm.toml") + "verify_ssl = false\n")
    at_home = {"PDM_CHECK_UPDATE": "0", "PDM_VENV_IN_PROJECT": "1", "TOKEN": walker.team.developer.token}
    walker.desk.run("pdm", "venv", "create", "--with", "venv", PYTHON, cwd=pdm, env=at_home)
    walker.desk.run("pdm", "install", "--no-self", cwd=pdm, env={**at_home, "PDM_PYTHON": str(pdm / ".venv/bin/python")})
    for folder in (uv, poetry, pdm):
        assert (environment_of(folder) / "my_package").is_dir(), folder
    assert (walker.folder / "pip" / "my_package").is_dir()
    walker.put(walker.folder, "~/.netrc")
    index = project_index(walker.stand, walker.team)
    walker.desk.run("pip", "install", "--index-url", index, "--target", walker.folder / "netrc", "my-package", cwd=uv, env=walker.env)
    walker.walk("yank", uv, TOKEN=walker.team.maintainer.token)
    walker.walk("clear", uv, TOKEN=walker.team.maintainer.token)


def walk_npm(walker: Walker) -> None:
    walker.use("npm", "pnpm")
    name, token, maintainer = f"@{walker.team.scope}/my-package", walker.team.developer.token, walker.team.maintainer.token
    walker.env = {**Pnpm().environment(walker.folder), "NPM_TOKEN": token}
    lib = walker.folder / "lib"
    for version, command in (("1.0.0", "publish with npm"), ("1.1.0", "publish beta"), ("1.2.0", "job")):
        write_package(lib, name, version)
        walker.put(lib, ".npmrc")
        walker.walk(command, lib, CI_JOB_TOKEN=walker.start_job())
    assert walker.packages() == {(name, version) for version in ("1.0.0", "1.1.0", "1.2.0")}
    settings = walker.file(".npmrc")
    yarn1 = settings.replace("${NPM_TOKEN}", token) + walker.file("yarn1.npmrc")
    berry = walker.file(".yarnrc.yml") + 'unsafeHttpWhitelist: ["127.0.0.1"]\nenableTelemetry: false\nnodeLinker: node-modules\n'
    ways = (
        ("npm", "npm", {".npmrc": settings}), ("npm", "npm", {".npmrc": walker.file("instance/.npmrc")}), ("pnpm", "pnpm", {".npmrc": settings}),
        ("yarn", "yarn 1", {".npmrc": yarn1}), ("yarn", "yarn berry", {".yarnrc.yml": berry, "yarn.lock": ""}),
    )  # fmt: skip
    for number, (command, client, files) in enumerate(ways):
        walker.use(**{command: client})
        app = Npm().new_user(walker.folder / f"app{number}")
        for file, text in files.items():
            ((walker.desk.home if client == "pnpm" else app) / file).write_text(text)
        walker.walk(command, app)
        (walker.desk.home / ".npmrc").unlink(missing_ok=True)
        assert installed_version(app, name) == "1.2.0"
    walker.put(lib, ".npmrc")
    assert "my-package" in walker.walk("look", lib)
    walker.walk("tags", lib, NPM_TOKEN=maintainer)
    walker.walk("remove", lib, NPM_TOKEN=maintainer)
    assert walker.packages() == set()


def walk_composer(walker: Walker) -> None:
    walker.use("composer", "git", "curl")
    home = walker.desk.home / "composer"
    home.mkdir()
    # this server is on plain http, and no other one can be reached
    (home / "config.json").write_text(json.dumps({"config": {"secure-http": False}, "repositories": [{"packagist": False}]}))
    walker.env = {"COMPOSER_HOME": str(home), "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_NO_INTERACTION": "1"}
    work = walker.new_work({"composer.json": '{"name": "acme/lib"}', "src/Lib.php": "<?php\n"})
    walker.walk("publish", work.folder)
    walker.walk("upload", work.folder)
    assert walker.packages() == {("acme/lib", version) for version in ("1.2.3", "1.3.0", "dev-main")}
    app = walker.folder / "app"
    app.mkdir()
    (app / "composer.json").write_text("{}")
    walker.walk("install", app)
    again = {
        "deploy": {"DEPLOY_USER": walker.team.reader.user, "DEPLOY_TOKEN": walker.team.reader.token},
        "job": {"CI_JOB_TOKEN": walker.start_job()},
    }
    for name, environment in again.items():
        shutil.rmtree(app / "vendor")
        (app / "auth.json").unlink()
        walker.walk(name, app, **environment)
        assert (app / "vendor/acme/lib/src/Lib.php").exists()
    assert "acme/lib" in walker.walk("look", app)
    walker.walk("delete", app, TOKEN=walker.team.maintainer.token)
    assert ("acme/lib", "1.2.3") not in walker.packages()


def walk_cargo(walker: Walker) -> None:
    walker.use("cargo", "curl")
    lib, app, maintainer = walker.folder / "lib", walker.folder / "app", walker.team.maintainer.token
    walker.put(lib, ".cargo/config.toml", "Cargo.toml")
    (lib / "src").mkdir()
    (lib / "src" / "lib.rs").write_text("pub const ANSWER: u32 = 42;\n")
    for name in ("log in", "publish"):
        walker.walk(name, lib)
    manifest = (lib / "Cargo.toml").read_text()
    (lib / "Cargo.toml").write_text(manifest.replace("1.2.0", "1.3.0"))
    walker.walk("job", lib, CI_JOB_TOKEN=walker.start_job())
    assert walker.packages() == {("my-crate", "1.2.0"), ("my-crate", "1.3.0")}
    walker.put(app, ".cargo/config.toml")
    (app / "Cargo.toml").write_text('[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n')
    (app / "src").mkdir()
    (app / "src" / "main.rs").write_text("fn main() { assert_eq!(my_crate::ANSWER, 42); }\n")
    walker.walk("install", app)
    assert 'my-crate = { version = "1.2", registry = "packhouse" }' in (app / "Cargo.toml").read_text()
    assert 'my-crate = "1.3.0"' in walker.walk("look", app)
    walker.walk("yank", app, CARGO_REGISTRIES_PACKHOUSE_TOKEN=maintainer)
    walker.walk("delete", app, TOKEN=maintainer)
    assert walker.packages() == {("my-crate", "1.3.0")}


def walk_debian(walker: Walker) -> None:
    walker.use("curl", "dpkg-deb")
    walker.desk.note("apt-get")
    root = walker.folder / "machine"
    walker.link("apt-get", *find_command("apt-get"), *make_machine(root))
    walker.words = {"/etc/apt/": f"{root}/etc/apt/", "method = https": "method = http"}
    tree = walker.folder / "hello" / "DEBIAN"
    tree.mkdir(parents=True)
    control = {"Package": "hello", "Version": "1.0", "Architecture": "all", "Maintainer": "nobody", "Description": "a toy"}
    (tree / "control").write_text("".join(f"{name}: {value}\n" for name, value in control.items()))
    for name in ("create", "upload", "key"):
        walker.walk(name, walker.folder)
    walker.desk.note("dput")
    # by its path: what is called by its name here is this script itself
    walker.script("dput", f'echo "$TOKEN" | {shlex.join(find_command("dput"))} --force "$@"')
    walker.put(walker.folder, "~/.dput.cf")
    make_source(walker.folder, "hello-source", "1.0")
    walker.walk("dput", walker.folder)
    walker.put(root, "etc/apt/sources.list.d/packhouse.sources", "etc/apt/auth.conf.d/packhouse.conf")
    walker.walk("install", walker.folder)
    assert (root / "var/cache/apt/archives/hello_1.0_all.deb").exists() and (walker.folder / "hello-source_1.0.tar.gz").exists()
    walker.walk("delete", walker.folder, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == {("hello-source", "1.0")}


def walk_cran(walker: Walker) -> None:
    walker.use("R", "curl", Rscript="remotes")
    tree, library = walker.folder / "toy", walker.folder / "library"
    for folder in (tree / "R", library):
        folder.mkdir(parents=True)
    (tree / "NAMESPACE").write_text("export(answer)\n")
    (tree / "R" / "answer.R").write_text("answer <- function() 42\n")
    fields = {"Package": "toy", "Version": "1.0.0", "Title": "Toy", "License": "MIT", "Description": "It", "Author": "A", "Maintainer": "A <a@b>"}
    description = "".join(f"{name}: {value}\n" for name, value in fields.items())
    (tree / "DESCRIPTION").write_text(description)
    walker.walk("publish", walker.folder)
    walker.walk("built", walker.folder)
    (tree / "DESCRIPTION").write_text(description.replace("1.0.0", "1.1.0"))
    walker.walk("job", walker.folder, CI_JOB_TOKEN=walker.start_job())
    assert walker.packages() == {("toy", "1.0.0"), ("toy", "1.1.0")}
    walker.env = {"R_LIBS_USER": str(library)}
    walker.put(walker.folder, "~/.Rprofile")
    assert "1.1.0" in walker.walk("install", walker.folder) and "Version: 1.1.0" in (library / "toy" / "DESCRIPTION").read_text()
    walker.walk("earlier", walker.folder)
    assert "Version: 1.0.0" in (library / "toy" / "DESCRIPTION").read_text()
    (walker.desk.home / ".Rprofile").write_text(walker.file("netrc.R"))
    (walker.desk.home / ".netrc").write_text(f"machine 127.0.0.1 login name password {walker.team.developer.token}\n")
    walker.walk("install", walker.folder)
    assert "Version: 1.1.0" in (library / "toy" / "DESCRIPTION").read_text()
    walker.walk("delete", walker.folder, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == {("toy", "1.0.0")}


def walk_p2(walker: Walker) -> None:
    seed = walker.seed("tycho_seed")
    walker.use("curl")
    walker.desk.note("tycho")
    walker.link("mvn", *find_command("tycho"), "-B", "-q", "-Dtycho.p2.transport.min-cache-minutes=0")
    copy_seed(seed, walker.desk.home / ".m2" / "repository")
    walker.env = {"MAVEN_OPTS": f"-Duser.home={walker.desk.home} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    nowhere = f"<url>{(walker.folder / 'nowhere').as_uri()}</url>"
    mirror = f"<mirrors><mirror><id>central</id><mirrorOf>central</mirrorOf>{nowhere}</mirror></mirrors>"
    walker.words = {"<settings>": f"<settings>{mirror}", "your_access_token": walker.team.developer.token}
    walker.put(walker.folder, "pom.xml", "~/.m2/settings.xml")
    archive = walker.folder / "toy.site" / "target" / "toy.site-1.0.0.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(site())
    (walker.folder / "more_1.0.0.jar").write_bytes(bundle("more"))
    for name in ("publish", "version", "bundle"):
        walker.walk(name, walker.folder)
    walker.walk("job", walker.folder, CI_JOB_TOKEN=walker.start_job())
    assert walker.packages() == {("tools", "1.0.0"), ("tools", "2.0.0"), ("nightly", "1.0.0")}
    walker.walk("install", walker.folder)
    assert (walker.folder / "installed" / "plugins" / "toy_1.0.0.jar").read_bytes() == bundle()
    walker.walk("delete", walker.folder, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == {("tools", "1.0.0"), ("nightly", "1.0.0")}


def walk_sbt(walker: Walker) -> None:
    walker.seed()
    walker.seed("sbt_seed")
    walker.use("sbt", "ivy", "curl")
    walker.env = {"JDK_JAVA_OPTIONS": settle(walker.desk.home)}
    here = "https://packhouse.example/api/v4/projects/24/packages/sbt"
    insecure = ".withAllowInsecureProtocol(true)"
    walker.words = {
        f'"packhouse" at "{here}"': f'("packhouse" at "{here}"){insecure}', "Resolver.ivyStylePatterns)": f"Resolver.ivyStylePatterns){insecure}",
        'host="packhouse.example"': 'host="127.0.0.1"', "host=packhouse.example": "host=127.0.0.1", '"packhouse.example"': '"127.0.0.1"',
    }  # fmt: skip
    builds = {
        name: write_build(walker.folder / name, "toy", version, None, "") for name, version in (("maven", "1.0"), ("ivy", "1.1"), ("job", "1.2"))
    }
    walker.put(builds["maven"], "~/.sbt/.credentials", "repository.sbt")
    walker.put(builds["ivy"], "ivy.sbt")
    walker.put(builds["job"], "packhouse.sbt")
    walker.walk("publish", builds["maven"])
    walker.walk("publish", builds["ivy"])
    walker.walk("job", builds["job"], CI_JOB_TOKEN=walker.start_job())
    assert walker.packages() == {("com/acme/toy_2.12", "1.0"), ("com.acme#toy_2.12", "1.1"), ("com/acme/toy_2.12", "1.2")}
    for jar in (walker.folder / "toy.jar", walker.folder / "out" / "toy.jar"):
        jar.parent.mkdir(exist_ok=True)
        jar.write_bytes(small_jar("toy"))
    walker.walk("curl", walker.folder)
    walker.put(walker.folder, "ivysettings.xml")
    (walker.folder / "ivy.xml").write_text(IVY_MODULE.format(version="1.1.0"))
    walker.walk("ivy", walker.folder)
    assert (walker.folder / "lib" / "toy.jar").read_bytes() == small_jar("toy")
    walker.walk("delete", walker.folder, TOKEN=walker.team.maintainer.token)
    assert {version for name, version in walker.packages() if name == "com.acme#toy"} == {"1.1.0"}


def walk_rubygems(walker: Walker) -> None:
    walker.use("gem", "curl", bundle="bundler")
    lib, app = walker.folder / "lib", walker.folder / "app"
    homes = {"GEM_HOME": str(walker.folder / "gems"), "BUNDLE_PATH": str(walker.folder / "vendor"), "BUNDLE_SILENCE_ROOT_WARNING": "1"}
    walker.env |= homes
    walker.put(lib, "my-gem.gemspec", "~/.gem/credentials")
    (lib / "lib").mkdir()
    (lib / "lib" / "my-gem.rb").write_text("puts 42\n")
    for name in ("publish", "credentials"):
        walker.walk(name, lib)
    specification = (lib / "my-gem.gemspec").read_text()
    (lib / "my-gem.gemspec").write_text(specification.replace("1.2.0", "1.3.0"))
    walker.walk("job", lib, CI_JOB_TOKEN=walker.start_job())
    assert walker.packages() == {("my-gem", "1.2.0"), ("my-gem", "1.3.0")}
    walker.put(app, "Gemfile")
    for name in ("bundler", "bundle", "install"):
        walker.walk(name, app)
    assert "my-gem (1.3.0)" in (app / "Gemfile.lock").read_text()
    looked = walker.walk("look", app)
    assert "my-gem (1.3.0, 1.2.0)" in looked and str(walker.team.project["path_with_namespace"]) in looked
    maintainer = walker.team.maintainer.token
    assert "Successfully deleted gem: my-gem (1.2.0)" in walker.walk("yank", app, TOKEN=maintainer)
    walker.walk("delete", app, TOKEN=maintainer)
    assert walker.packages() == {("my-gem", "1.3.0")}


def walk_rpm(walker: Walker) -> None:
    walker.use("curl", "rpmbuild")
    root = walker.folder / "machine"
    for client in ("dnf", "zypper"):
        walker.desk.note(client)
    walker.link("dnf", *find_command("dnf"), *make_dnf(root))
    walker.link("zypper", *find_command("zypper"), "--root", root / "suse")
    (root / "suse").mkdir()
    walker.words = {"/etc/yum.repos.d/": f"{root}/repos/", "packhouse-project-24": f"packhouse-project-{walker.team.project['id']}"}
    write_spec(walker.folder / "hello.spec", "hello", "1.0")
    write_spec(walker.folder / "package.spec", "hello", "1.1")
    for name in ("upload", "group"):
        walker.walk(name, walker.folder)
    walker.walk("repo", walker.folder)
    shown = walker.file("packhouse.repo")
    assert shown.startswith((root / "repos/packhouse.repo").read_text())
    (root / "repos/packhouse.repo").write_text(shown)
    walker.walk("install", walker.folder)
    assert (root / "root/usr/bin/hello").read_text() == "echo hello 1.0\n"
    walker.walk("job", walker.folder, CI_JOB_TOKEN=walker.start_job())
    walker.walk("zypper", walker.folder)
    assert (root / "suse/usr/bin/hello").read_text() == "echo hello 1.1\n"
    assert f"[packhouse-group-{walker.team.group['id']}]" in walker.walk("open", walker.folder)
    assert walker.walk("look", walker.folder).count("<name>hello</name>") == 2
    walker.walk("delete", walker.folder, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == {("hello", "1.0-1"), ("hello", "1.1-1")}  # the former in its other group still
    assert walker.walk("look", walker.folder).count("<name>hello</name>") == 1


def walk_conda(walker: Walker) -> None:
    walker.use("curl", "cph")
    walker.words = {'{"packhouse.example": {': '{"127.0.0.1": {'}
    folder, maintainer = walker.folder / "work", walker.team.maintainer.token
    info = {"name": "my-package", "version": "1.0.0", "build": "0", "build_number": 0, "depends": [], "noarch": "generic", "subdir": "noarch"}
    paths = {"paths_version": 1, "paths": [{"_path": "share/hello.txt", "path_type": "hardlink"}]}
    files = {
        "share/hello.txt": "hello\n",
        "info/index.json": json.dumps(info),
        "info/paths.json": json.dumps(paths),
        "info/files": "share/hello.txt\n",
    }
    for name, text in files.items():
        (folder / "my-package" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "my-package" / name).write_text(text)
    walker.walk("publish", folder)
    walker.walk("channel", folder)
    (folder / "output" / "noarch").mkdir(parents=True)
    shutil.copy(folder / "my-package-1.0.0-0.conda", folder / "output" / "noarch")
    walker.walk("job", folder, CI_JOB_TOKEN=walker.start_job())
    walker.put(folder, "auth.json", "install.py")
    leave = "import os, runpy; runpy.run_path('install.py'); os._exit(0)"  # rattler now and then dies on its way out
    env = {"RATTLER_AUTH_FILE": str(folder / "auth.json"), "RATTLER_CACHE_DIR": str(walker.folder / "cache")}
    walker.desk.run("py-rattler", "-c", leave, cwd=folder, env=env)
    assert (folder / "environment/share/hello.txt").read_text() == "hello\n"
    walker.walk("yank", folder, TOKEN=maintainer)
    (package,) = walker.stand.list_packages(walker.team.project)
    assert len(walker.stand.list_files(walker.team.project, package)) == 2, "one for each channel"
    walker.walk("delete", folder, TOKEN=maintainer)
    assert walker.packages() == {("my-package", "1.0.0")}, "that of the channel stays"


def walk_chef(walker: Walker) -> None:
    walker.use("curl")
    walker.words = {"my-name": walker.team.developer.user}

    def build(version: str) -> None:
        (walker.folder / "new.tar.gz").write_bytes(cookbook("my_cookbook", version))
        subprocess.run(["tar", "-xzf", "new.tar.gz"], cwd=walker.folder, check=True)

    assert "BEGIN PUBLIC KEY" in walker.walk("key", walker.folder)
    build("1.0.0")
    assert "/cookbooks/my_cookbook" in walker.walk("publish", walker.folder)
    (walker.folder / "my_cookbook.tar.gz").write_bytes(cookbook("my_cookbook", "1.1.0", dependencies={"my_cookbook": "> 0.0.0"}))
    walker.walk("job", walker.folder, CI_JOB_TOKEN=walker.start_job())
    walker.put(walker.folder, "config.rb", "Berksfile", "Policyfile.rb")
    site = f"{walker.stand.url}/api/v4/projects/{walker.team.project['id']}/packages/chef"
    assert all(f'"{site}"' in (walker.folder / name).read_text() for name in ("config.rb", "Berksfile", "Policyfile.rb"))
    said = walker.walk("look", walker.folder)
    assert '"total":1' in said and f'"location_path":"{site}/api/v1"' in said and '"contingents":[]' in said
    shutil.rmtree(walker.folder / "my_cookbook")
    walker.walk("download", walker.folder)
    assert json.loads((walker.folder / "my_cookbook" / "metadata.json").read_text())["version"] == "1.0.0"
    walker.walk("delete", walker.folder, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == {("my_cookbook", "1.1.0")}


def walk_opkg(walker: Walker) -> None:
    walker.use("curl", "wget", "gpg")
    hello, built = make_opkg("hello", "1.0-1", 0, "x86_64"), make_opkg("hello", "1.1-1", 0, "x86_64")
    folder = walker.folder / "bin" / "packages" / "x86_64" / "base"
    folder.mkdir(parents=True)
    (walker.folder / hello.filename).write_bytes(hello.content)
    (folder / built.filename).write_bytes(built.content)
    walker.walk("upload", walker.folder)
    walker.walk("job", walker.folder, CI_JOB_TOKEN=walker.start_job())
    assert walker.packages() == {("hello", "1.0-1"), ("hello", "1.1-1")}
    router = walker.folder / "router"
    for name in ("key", "update", "gpg"):
        walker.walk(name, router)
    assert "untrusted comment: public key" in (router / "packhouse.pub").read_text()
    assert (router / "hello.ipk").read_bytes() == hello.content
    address = walker.file("customfeeds.conf").split()[2]
    assert walker.desk.run("wget", "-q", "-O", "-", f"{address}/Packages", cwd=router).out == (router / "Packages").read_text()
    assert f"Filename: {walker.team.project['id']}/hello_1.1-1_x86_64.ipk" in walker.walk("open", router)
    assert "Package: hello" in walker.walk("look", router)
    walker.walk("delete", router, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == {("hello", "1.1-1")}


def walk_vagrant(walker: Walker) -> None:
    walker.use("curl", "vagrant")
    walker.env = {"VAGRANT_HOME": str(walker.folder / "boxes"), "VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_DEFAULT_PROVIDER": "virtualbox"}
    (walker.folder / "package.box").write_bytes(box())
    for name in ("publish", "architecture"):
        walker.walk(name, walker.folder)
    walker.walk("job", walker.folder, CI_JOB_TOKEN=walker.start_job(), CI_COMMIT_TAG="v1.2.0")
    assert walker.packages() == {("acme/toy", f"1.{minor}.0") for minor in range(3)}
    assert "1.2.0" in walker.walk("setup", walker.folder)
    token = {"VAGRANT_SERVER_URL": walker.stand.url, "VAGRANT_CLOUD_TOKEN": walker.team.reporter.token}
    walker.walk("add", walker.folder, **token)
    walker.walk("file", walker.folder)
    assert "my-toy " in walker.desk.run("vagrant", "box", "list", cwd=walker.folder, env=walker.env).out
    added = walker.folder / "boxes" / "boxes" / "acme-VAGRANTSLASH-toy"
    assert {path.name for path in added.iterdir() if path.is_dir()} == {"1.0.0", "1.2.0"}
    walker.put(walker.folder / "machine", "Vagrantfile")
    walker.desk.run("vagrant", "validate", "--ignore-provider", cwd=walker.folder / "machine", env={**walker.env, **token})
    walker.walk("delete", walker.folder, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == {("acme/toy", "1.0.0")}


def walk_cocoapods(walker: Walker) -> None:
    walker.use("curl")
    work, maintainer = walker.folder / "work", walker.team.maintainer.token
    (work / "Sources").mkdir(parents=True)
    (work / "LICENSE").write_text("free\n")

    def write(name: str, version: str) -> None:
        said = {"name": name, "version": version, "summary": "A toy", "source": {"git": "https://git.example/toy.git", "tag": version}}
        (work / f"{name}.podspec.json").write_text(json.dumps(said))

    write("MyPod", "1.0.0")
    walker.walk("publish", work)
    write("MyPod", "1.1.0")
    walker.walk("form", work)
    write("Other", "1.0.0")
    walker.walk("podspec", work)
    write("MyPod", "1.2.0")
    walker.walk("job", work, CI_JOB_TOKEN=walker.start_job(), CI_COMMIT_TAG="v1.2.0")
    assert walker.packages() == {("MyPod", "1.0.0"), ("MyPod", "1.1.0"), ("MyPod", "1.2.0"), ("Other", "1.0.0")}
    walker.put(work, "~/.netrc")
    assert walker.walk("look", work) == "MyPod\nOther\n"
    (source,) = re.findall("source '(.*)'", walker.file("Podfile"))
    found = walker.desk.run("curl", "--netrc", "--location", f"{source}all_pods_versions_7_8_1.txt", cwd=work).out
    assert found == "MyPod/1.0.0/1.1.0/1.2.0\n"
    assert '"deprecated":true' in walker.walk("deprecate", work, TOKEN=maintainer)
    walker.walk("delete", work, TOKEN=maintainer)
    assert walker.packages() == {("MyPod", "1.0.0"), ("MyPod", "1.2.0"), ("Other", "1.0.0")}


def walk_puppet(walker: Walker) -> None:
    walker.use("curl", "git", "r10k")
    machine = {kind: walker.folder / kind for kind in ("confdir", "vardir", "codedir", "logdir", "rundir", "modulepath")}
    walker.desk.note("puppet")
    settings = " ".join(f"--{kind}={path}" for kind, path in machine.items())
    walker.script("puppet", f'exec {shlex.join(find_command("puppet"))} "$@" --color=false {settings}')
    said = {"name": "acme-toy", "version": "1.0.0", "author": "acme", "license": "MIT", "summary": "A toy", "source": "", "dependencies": []}
    work = walker.new_work({"metadata.json": json.dumps(said, indent=2), "manifests/init.pp": "class toy {}\n"})
    for name in ("build", "publish"):
        walker.walk(name, work.folder)
    work.commit({"metadata.json": json.dumps({**said, "version": "1.1.0"}, indent=2)})
    walker.walk("job", work.folder, CI_JOB_TOKEN=walker.start_job())
    assert walker.packages() == {("acme-toy", "1.0.0"), ("acme-toy", "1.1.0")}
    walker.put(machine["confdir"], "puppet.conf")
    assert "acme-toy (v1.1.0)" in walker.walk("install", walker.folder)
    walker.put(walker.folder / "control", "Puppetfile", "r10k.yaml")
    walker.walk("r10k", walker.folder / "control")
    assert json.loads((walker.folder / "control" / "modules" / "toy" / "metadata.json").read_text())["version"] == "1.0.0"
    for name in ("deprecate", "delete"):
        walker.walk(name, walker.folder, TOKEN=walker.team.maintainer.token)
    assert walker.packages() == set()


WALKS: Mapping[str, Callable[[Walker], None]] = {
    "cargo": walk_cargo,
    "cocoapods": walk_cocoapods,
    "composer": walk_composer,
    "conan": walk_conan,
    "conda": walk_conda,
    "container": walk_container,
    "cran": walk_cran,
    "debian": walk_debian,
    "generic": walk_generic,
    "go": walk_go,
    "maven": walk_maven,
    "npm": walk_npm,
    "nuget": walk_nuget,
    "puppet": walk_puppet,
    "pypi": walk_pypi,
    "rpm": walk_rpm,
    "rubygems": walk_rubygems,
    "sbt": walk_sbt,
    "p2": walk_p2,
    "vagrant": walk_vagrant,
    "opkg": walk_opkg,
    "chef": walk_chef,
}


@pytest.mark.parametrize("name", WALKS)
@pytest.mark.timeout(900)  # Maven's first test may fill the local repository
def test_what_a_page_shows_is_run(name: str, stand: Stand, desk: Desk, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Somebody who follows the page could be led into an error."""
    team = stand.make_team("public" if name == "go" else "private")  # go sends no credentials over plain http
    walker = Walker(Page(name), stand, team, desk, tmp_path / "walk", lambda name="seed": request.getfixturevalue(name))
    WALKS[name](walker)
    assert walker.walked == walker.page.names("run") | walker.page.names("file")


@pytest.mark.parametrize("name", sorted(path.stem for path in PAGES.glob("*.md")))
def test_every_command_is_marked(name: str) -> None:
    """Commands that nobody runs could stand on a page as if they had been."""
    assert name in WALKS
    unmarked = [block["text"] for block in Page(name).blocks if block["kind"] is None and block["language"] == "shell"]
    assert [text for text in unmarked if not text.startswith(("PACKHOUSE=", "export NPM_TOKEN="))] == []
