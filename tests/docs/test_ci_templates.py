"""The templates that `packhouse snippets` prints: each is run as a job would run it, with the real clients, on a small project of its kind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from git_work import new_work
from issuer import REQUEST_TOKEN, SHA, Issuer
from npm_clients import write_package
from nuget_clients import DOTNET, write_config, write_project
from programs import INSTALLED, Desk, find_command
from pypi_clients import PYTHON, make_tree
from rpm_clients import write_spec
from stand import ROOT, Stand, Team

from packhouse.formats import FORMATS
from packhouse.web.ci import SYSTEMS

# these are no package to mypy
from ..clients.test_conan import make_tree as make_recipe  # type: ignore[import-not-found]
from ..clients.test_container import PODMAN, Quay  # type: ignore[import-not-found]
from ..clients.test_maven import Tree, copy_seed, fill_local_repository  # type: ignore[import-not-found] # noqa: F401
from ..clients.test_sbt import fill_seed, settle, write_build  # type: ignore[import-not-found] # noqa: F401
from ..formats.chef.samples import cookbook  # type: ignore[import-not-found]
from ..formats.opkg.samples import sample as make_opkg  # type: ignore[import-not-found]
from ..formats.p2.samples import bundle, site  # type: ignore[import-not-found]
from ..formats.vagrant.samples import box  # type: ignore[import-not-found]

TAG = "v1.2.0"
VERSION = "1.2.0"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

Json = dict[str, Any]

pytestmark = pytest.mark.timeout(600)  # Maven's first test may fill the local repository


@dataclass
class Work:
    """The checkout in which a job starts, and the machine it runs on: programs by the names that scripts call them."""

    desk: Desk
    stand: Stand
    team: Team
    folder: Path
    name: str = "lib"  # of the package
    version: str = VERSION
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def programs(self) -> Path:
        return self.desk.home / "programs"

    def provide(self, name: str, client: str, *options: str, environment: Mapping[str, str] | None = None) -> None:
        """A client under the name that scripts call, with what it needs on this machine."""
        self.desk.note(client)
        settings = "".join(f"export {key}='{value}'\n" for key, value in (environment or {}).items())
        command = " ".join(f"'{part}'" for part in (*find_command(client), *options))
        self.write_program(name, f'{settings}exec {command} "$@"\n')

    def write_program(self, name: str, script: str) -> None:
        self.programs.mkdir(exist_ok=True)
        program = self.programs / name
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)

    def commit(self, files: Mapping[str, str]) -> None:
        """The checkout is one of a Git repository."""
        self.desk.note("git")
        self.desk.note("curl")
        work = new_work(self.folder)
        work.commit(dict(files))
        work.run("tag", TAG)

    def run(self, shell: str, script: str, *, status: int = 0, **environment: str) -> str:
        """What the job printed. Raises `AssertionError` unless it ends with this status."""
        given = {**self.desk.environment(), **self.environment, **environment}
        given["PATH"] = f"{self.programs}:{given['PATH']}"
        done = subprocess.run(
            [shell, "-c", script], cwd=self.folder, env=given, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == status, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr


# -- a project of each kind ------------------------------------------------------------------------------------------


def prepare_generic(work: Work) -> None:
    work.desk.note("curl")
    work.folder.mkdir()
    (work.folder / "file.txt").write_text("built\n")


def prepare_pypi(work: Work) -> None:
    make_python_tree(work.folder, work.name, VERSION)
    provide_python(work)


def provide_python(work: Work) -> None:
    """`python` with pip, build and twine, and no index to install from."""
    for client in ("pip", "build", "twine"):
        work.desk.note(client)
    for name in ("python", "pip"):
        work.write_program(name, f'exec {PYTHON.parent / name} "$@"\n')
    work.environment |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def make_python_tree(folder: Path, name: str, version: str) -> None:
    """A source tree that an isolated environment builds without an index: its backend knows where to find a real one."""
    backend = 'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]'
    make_tree(folder, name, version, backend, more='[tool.flit.sdist]\ninclude = ["backend.py"]\n')
    libraries = next(PYTHON.parents[1].glob("lib/*/site-packages"))
    (folder / "backend.py").write_text(f"import sys\n\nsys.path.append({str(libraries)!r})\nfrom flit_core.buildapi import *  # noqa\n")


def prepare_npm(work: Work) -> None:
    work.desk.note("npm")
    work.name = f"@{work.team.scope}/lib"
    write_package(work.folder, work.name, VERSION)
    work.environment = {"npm_config_update_notifier": "false", "npm_config_fetch_retries": "0"}


def prepare_maven(work: Work) -> None:
    work.name = "com/acme/lib"
    Tree(work.folder, "com.acme", "lib", VERSION, "http://127.0.0.1:9/not-there").write()
    local, nowhere = work.desk.home / "repository", (work.desk.home / "nowhere").as_uri()
    copy_seed(INSTALLED / "maven", local)
    machine = work.desk.home / "machine.xml"
    machine.write_text(f"<settings><mirrors><mirror><id>central</id><mirrorOf>central</mirrorOf><url>{nowhere}</url></mirror></mirrors></settings>")
    work.provide("mvn", "mvn", f"-Dmaven.repo.local={local}", "--global-settings", str(machine))


def prepare_nuget(work: Work) -> None:
    work.name = "Toy"
    work.folder.mkdir()
    write_project(work.folder / "Toy.csproj", f"<Version>{VERSION}</Version><Authors>Tester</Authors><Description>A small library</Description>")
    (work.folder / "Lib.cs").write_text("namespace Toy { public static class Lib { public static int Value => 42; } }\n")
    write_config(work.folder, "http://127.0.0.1:9/index.json", None)  # nothing is to be restored
    work.provide("dotnet", "dotnet", environment=DOTNET)


def prepare_conan(work: Work) -> None:
    work.name = f"toy/{VERSION}@_/_"
    make_recipe(work.folder, "toy", VERSION)
    work.provide("conan", "conan")


def prepare_container(work: Work) -> None:
    """Podman under Docker's name, as this machine has no Docker engine."""
    work.name = work.team.project["path_with_namespace"]
    work.folder.mkdir()
    work.environment = Quay(work.stand, work.team, work.desk, work.folder).env
    (work.folder / "Dockerfile").write_text("FROM scratch\nCOPY hello.txt /\n")
    (work.folder / "hello.txt").write_text("hello\n")
    work.provide("podman-here", "podman", *PODMAN)
    policy = work.desk.home / "policy.json"
    more = f'build) set -- build --isolation chroot --signature-policy {policy} "$@";; push) set -- push --signature-policy {policy} "$@";;'
    work.write_program("docker", f'verb="$1"; shift\ncase "$verb" in {more} *) set -- "$verb" "$@";; esac\nexec podman-here "$@"\n')


def prepare_go(work: Work) -> None:
    work.name, work.version = "example.test/Acme/lib", TAG
    work.commit({"go.mod": f"module {work.name}\n\ngo 1.19\n", "lib.go": "package lib\n"})


def prepare_composer(work: Work) -> None:
    work.name = f"{work.team.scope}/lib"
    work.commit({"composer.json": json.dumps({"name": work.name, "description": "A small library"}), "src/Lib.php": "<?php\n"})


def prepare_cargo(work: Work) -> None:
    (work.folder / "src").mkdir(parents=True)
    manifest = f'[package]\nname = "{work.name}"\nversion = "{VERSION}"\nedition = "2021"\ndescription = "A small library"\nlicense = "MIT"\n'
    (work.folder / "Cargo.toml").write_text(manifest)
    (work.folder / "src" / "lib.rs").write_text("pub const ANSWER: u32 = 42;\n")
    work.provide("cargo", "cargo")


def prepare_debian(work: Work) -> None:
    work.desk.note("dpkg-deb")
    work.desk.note("curl")
    work.stand.want(201, "POST", f"/projects/{work.team.project['id']}/debian_distributions", {"codename": "bookworm"})
    control = {"Package": work.name, "Version": VERSION, "Architecture": "all", "Maintainer": "nobody", "Description": "a toy"}
    (work.folder / "package" / "DEBIAN").mkdir(parents=True)
    (work.folder / "package" / "DEBIAN" / "control").write_text("".join(f"{name}: {value}\n" for name, value in control.items()))


def prepare_cran(work: Work) -> None:
    work.desk.note("R")
    work.desk.note("curl")
    work.folder.mkdir(parents=True, exist_ok=True)
    fields = {"Package": work.name, "Version": VERSION, "Title": "Toy", "License": "MIT", "Description": "It", "Author": "A", "Maintainer": "A <a@b>"}
    (work.folder / "DESCRIPTION").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
    (work.folder / "NAMESPACE").write_text("")


def prepare_rubygems(work: Work) -> None:
    (work.folder / "lib").mkdir(parents=True)
    (work.folder / "lib" / "lib.rb").write_text("ANSWER = 42\n")
    said = f's.name, s.version, s.summary, s.authors, s.files = "{work.name}", "{VERSION}", "A toy", ["nobody"], ["lib/lib.rb"]'
    (work.folder / f"{work.name}.gemspec").write_text(f"Gem::Specification.new {{ |s| {said} }}\n")
    work.provide("gem", "gem")


def prepare_rpm(work: Work) -> None:
    work.desk.note("curl")
    work.folder.mkdir(parents=True, exist_ok=True)
    write_spec(work.folder / "package.spec", work.name, VERSION)
    work.provide("rpmbuild", "rpmbuild")
    work.version = f"{VERSION}-1"


def prepare_conda(work: Work) -> None:
    work.desk.note("curl")
    info = {"name": work.name, "version": VERSION, "build": "0", "build_number": 0, "depends": [], "noarch": "generic", "subdir": "noarch"}
    tree, output = work.folder / "tree" / "info", work.folder / "output" / "noarch"
    tree.mkdir(parents=True)
    output.mkdir(parents=True)
    (tree / "index.json").write_text(json.dumps(info))
    made = output / f"{work.name}-{VERSION}-0.conda"
    work.desk.run("cph", "create", tree.parent, made, cwd=work.folder)


def prepare_vagrant(work: Work) -> None:
    work.desk.note("curl")
    (work.folder / work.name).mkdir(parents=True)
    (work.folder / work.name / "virtualbox.box").write_bytes(box())


def prepare_opkg(work: Work) -> None:
    work.desk.note("curl")
    made = make_opkg(work.name, f"{VERSION}-1")
    built = work.folder / "bin" / "packages" / "x86_64" / "base"
    built.mkdir(parents=True)
    (built / made.filename).write_bytes(made.content)
    work.version = made.version


def prepare_p2(work: Work) -> None:
    work.desk.note("curl")
    work.name = "releases"
    target = work.folder / "site" / "target"
    target.mkdir(parents=True)
    (target / f"site-{VERSION}.zip").write_bytes(site({f"toy_{VERSION}": bundle("toy", VERSION)}))
    work.write_program("mvn", "")  # what Tycho makes is there: it runs with the other clients


def prepare_sbt(work: Work) -> None:
    work.name = "com/acme/lib_2.12"
    write_build(work.folder, "lib", VERSION, None, "")
    work.provide("sbt", "sbt", environment={"JDK_JAVA_OPTIONS": settle(work.desk.home)})


def prepare_chef(work: Work) -> None:
    work.desk.note("curl")
    work.folder.mkdir(parents=True)
    (work.folder / "new.tgz").write_bytes(cookbook(work.name, VERSION))
    subprocess.run(["tar", "-xzf", "new.tgz"], cwd=work.folder, check=True)


def prepare_cocoapods(work: Work) -> None:
    work.desk.note("curl")
    (work.folder / "Sources").mkdir(parents=True)
    (work.folder / f"{work.name}.podspec.json").write_text(json.dumps({"name": work.name, "version": VERSION, "summary": "A toy"}))


def prepare_puppet(work: Work) -> None:
    work.name = "acme-toy"
    said = {"name": work.name, "version": VERSION, "author": "acme", "license": "MIT", "summary": "A toy", "source": "", "dependencies": []}
    work.commit({"metadata.json": json.dumps(said, indent=2), "manifests/init.pp": "class toy {}\n"})


PREPARE: Mapping[str, Callable[[Work], None]] = {
    "generic": prepare_generic, "pypi": prepare_pypi, "npm": prepare_npm, "maven": prepare_maven, "nuget": prepare_nuget,
    "conan": prepare_conan, "container": prepare_container, "go": prepare_go, "composer": prepare_composer,
    "cargo": prepare_cargo, "debian": prepare_debian, "rubygems": prepare_rubygems, "cran": prepare_cran, "conda": prepare_conda, "rpm": prepare_rpm,
    "vagrant": prepare_vagrant, "opkg": prepare_opkg, "chef": prepare_chef, "sbt": prepare_sbt, "p2": prepare_p2,
    "cocoapods": prepare_cocoapods,
    "puppet": prepare_puppet,
}  # fmt: skip


# -- the jobs --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="trusting")
def serve_trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A server that may reach loopback, where the issuer is."""
    with Stand(tmp_path_factory.mktemp("trusting") / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1/32"}) as stand:
        yield stand


def read_script(system: str, format: str, work: Work) -> str:
    """The script of a template, as the system would read it from the file."""
    command = [sys.executable, "-m", "packhouse", "snippets", format, "--ci", system, "--project", str(work.team.project["id"])]
    command += ["--url", work.stand.url, *(["--package", work.name] if format in ("generic", "conan", "container") else [])]
    environment = {"PYTHONPATH": str(ROOT / "src"), "HOME": str(work.desk.home)}
    printed = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return dedent(printed.partition("|\n")[2])


def variables_of_gitlab(work: Work, **more: str) -> dict[str, str]:
    """What a job of GitLab's kind finds in its environment."""
    project, host = work.team.project, work.stand.host
    return {
        "CI": "true", "GITLAB_CI": "true", "CI_SERVER_HOST": "127.0.0.1",
        "CI_SERVER_URL": work.stand.url, "CI_API_V4_URL": f"{work.stand.url}/api/v4",
        "CI_PROJECT_ID": str(project["id"]), "CI_PROJECT_PATH": project["path_with_namespace"], "CI_COMMIT_TAG": TAG, "CI_COMMIT_REF_NAME": TAG,
        "CI_COMMIT_SHA": COMMIT, "CI_REGISTRY": host, "CI_REGISTRY_IMAGE": f"{host}/{project['path_with_namespace']}", **more,
    }  # fmt: skip


def check_published(work: Work, format: str, sha: str, ref: str) -> Json:
    """The pipeline of the one package that is there now; nothing for an image, which has none in the API."""
    project = work.team.project["id"]
    if format == "container":
        [repository] = work.stand.want(200, "GET", f"/projects/{project}/registry/repositories?tags=true")
        assert [tag["name"] for tag in repository["tags"]] == [TAG]
        return {}
    [package] = work.stand.list_packages(work.team.project)
    kind = {"go": "golang"}.get(format, format)  # GitLab's word for it
    assert (package["package_type"], package["name"], package["version"]) == (kind, work.name, work.version)
    assert (package["pipeline"]["sha"], package["pipeline"]["ref"]) == (sha, ref)
    pipeline: Json = package["pipeline"]
    return pipeline


@pytest.mark.parametrize("format", [one.name for one in FORMATS])
def test_job_with_its_token(format: str, stand: Stand, team: Team, desk: Desk, tmp_path: Path, seed: Path, sbt_seed: Path) -> None:
    """A job of this registry's pipelines cannot publish with the printed script, or its package does not say where it came from."""
    work = Work(desk, stand, team, tmp_path / "work")
    PREPARE[format](work)
    path, token = f"/projects/{team.project['id']}/pipelines", team.developer.token
    pipeline = stand.want(201, "POST", path, {"ref": TAG, "sha": COMMIT}, token=token)
    job = stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)
    login = {"CI_JOB_TOKEN": job["token"], "CI_REGISTRY_USER": "gitlab-ci-token", "CI_REGISTRY_PASSWORD": job["token"]}
    printed = work.run("sh", read_script("gitlab", format, work), **variables_of_gitlab(work, **login))
    assert job["token"] not in printed, "the token is in the log of the job"
    made = check_published(work, format, COMMIT, TAG)
    assert not made or (made["id"], made["user"]["username"]) == (pipeline["id"], team.developer.user)


@pytest.mark.parametrize("format", [one.name for one in FORMATS])
@pytest.mark.parametrize("system", SYSTEMS)
def test_build_without_a_token(system: str, format: str, trusting: Stand, desk: Desk, tmp_path: Path, seed: Path, sbt_seed: Path) -> None:
    """A build elsewhere cannot exchange its identity token with the printed script, or publish with what it got."""
    team = trusting.make_team()
    work = Work(desk, trusting, team, tmp_path / "work")
    PREPARE[format](work)
    with Issuer() as issuer:
        trusting.want(201, "POST", "/-/oidc/issuers", {"name": system, "issuer_url": issuer.url})
        claims = {"project_id": "42"} if system == "gitlab" else {"repository_id": "77"}
        trusting.want(201, "POST", f"/projects/{team.project['id']}/-/trusted_publishers", {"issuer": issuer.url, "claims": claims})
        at_tag = {"ref": f"refs/tags/{TAG}" if system == "github" else TAG, "ref_type": "tag"}
        if system == "gitlab":
            identity = issuer.sign(issuer.of_gitlab(**at_tag))
            environment = variables_of_gitlab(work, CI_JOB_TOKEN="of-another-system", PACKHOUSE_ID_TOKEN=identity)
        else:
            issuer.claims = issuer.of_github(**at_tag)
            environment = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": TAG, "GITHUB_SHA": SHA,
                           "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token?v=2"}  # fmt: skip
        work.run("sh" if system == "gitlab" else "bash", "set -e\n" + read_script(system, format, work), **environment)
    check_published(work, format, SHA, TAG)
