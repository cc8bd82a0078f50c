"""Real clients with a job token: each publishes and installs as its documentation says a job does, and the package names its build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from npm_clients import Npm, installed_version, project_registry, write_package
from nuget_clients import NugetExe, project_source
from programs import Desk
from pypi_clients import Pip, Publisher, Twine, Uv, make_tree, project_index, upload_url
from stand import Login, Stand, Team, new_name

# these are no package to mypy
from .test_conan import Conan, project_base  # type: ignore[import-not-found]
from .test_conan import make_tree as make_recipe
from .test_container import Quay, make_quay  # type: ignore[import-not-found] # noqa: F401
from .test_maven import (  # type: ignore[import-not-found]
    LIB,
    Maven,
    fill_local_repository,  # noqa: F401
    make_maven,  # noqa: F401
    project_url,
    small_jar,
)

SHA = "0123456789abcdef0123456789abcdef01234567"
Json = dict[str, Any]

pytestmark = pytest.mark.timeout(900)  # Maven's first test may fill the local repository


@dataclass(frozen=True, slots=True)
class Job:
    """A running job of a developer's pipeline."""

    stand: Stand
    team: Team
    id: int
    token: str

    @property
    def login(self) -> Login:
        return Login("gitlab-ci-token", self.token)

    @property
    def conan(self) -> Login:
        return Login("ci_user", self.token)

    def finish(self) -> None:
        path = f"/projects/{self.team.project['id']}/jobs/{self.id}/finish"
        self.stand.want(200, "POST", path, {"status": "success"}, token=self.team.developer.token)

    def check_build(self, format: str) -> None:
        """The one package of this format names the commit it was built from."""
        [package] = self.stand.list_packages(self.team.project, package_type=format)
        assert package["pipeline"]["sha"] == SHA
        assert package["pipeline"]["user"]["username"] == self.team.developer.user


@pytest.fixture(name="job")
def start_job(stand: Stand, team: Team) -> Job:
    """A job that runs."""
    path, token = f"/projects/{team.project['id']}/pipelines", team.developer.token
    pipeline = stand.want(201, "POST", path, {"ref": "main", "sha": SHA}, token=token)
    made = stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)
    return Job(stand, team, made["id"], made["token"])


@pytest.mark.parametrize("publisher", [Twine(), Uv()], ids=lambda publisher: publisher.client)
def test_python(publisher: Publisher, job: Job, desk: Desk, tmp_path: Path) -> None:
    """twine, uv or pip cannot work in a job, or go on working when it has ended."""
    stand, team = job.stand, job.team
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", publisher.build_system)
    publisher.build(desk, tree)
    publisher.publish(desk, tree, upload_url(stand, team), job.login)
    job.check_build("pypi")
    site = Pip().install(desk, tmp_path / "use", project_index(stand, team), job.login, tree.name)
    assert (site / tree.module).exists()
    job.finish()
    assert "401" in publisher.publish(desk, tree, upload_url(stand, team), job.login, status=None).said
    Pip().install(desk, tmp_path / "again", project_index(stand, team), job.login, tree.name, status=1)


def test_npm(job: Job, desk: Desk, tmp_path: Path) -> None:
    """npm cannot publish and install with a job token as its `_authToken`."""
    stand, team, npm = job.stand, job.team, Npm()
    name = f"@{team.scope}/lib"
    lib = write_package(tmp_path / "lib", name, "1.0.0")
    npm.configure(lib, project_registry(stand, team, job.login), team.scope)
    npm.publish(desk, lib)
    job.check_build("npm")
    user = npm.new_user(tmp_path / "use")
    npm.configure(user, project_registry(stand, team, job.login), team.scope)
    npm.install(desk, user, name)
    assert installed_version(user, name) == "1.0.0"


def test_nuget(job: Job, desk: Desk, tmp_path: Path) -> None:
    """nuget.exe cannot push and install with a job token, by its key or by the login of the source."""
    stand, team, nuget = job.stand, job.team, NugetExe(desk)
    nuget.push(nuget.pack(tmp_path / "toy", "Toy", "1.0.0"), project_source(stand, team), "any-key", job.login)
    job.check_build("nuget")
    nuget.push(nuget.pack(tmp_path / "other", "Other", "1.0.0"), project_source(stand, team), job.token)
    assert nuget.install(tmp_path / "use", project_source(stand, team), job.login, "Toy") == ["Toy.1.0.0"]


def test_conan(job: Job, desk: Desk, tmp_path: Path) -> None:
    """Conan cannot upload and install as `ci_user` with a job token."""
    name = new_name("toy").replace("-", "")
    conan = Conan(desk, project_base(job.stand, job.team), job.conan)
    conan.create(make_recipe(tmp_path / "recipe", name))
    conan.upload(name)
    job.check_build("conan")
    assert (conan.install(f"{name}/1.0") / "include" / "toy.h").exists()


@pytest.mark.parametrize("header", ["Job-Token", ""], ids=["header", "basic"])
def test_maven(header: str, job: Job, maven: Maven) -> None:
    """Maven cannot deploy with a job token in the header that its documentation shows, or by name and password."""
    url = project_url(job.stand, job.team)
    maven.deploy_file(url, job.login, LIB, small_jar("1"), header=header)
    job.check_build("maven")
    maven.fetch(url, job.login, LIB, "-q")
    assert maven.fetched(LIB) == small_jar("1")


@pytest.mark.parametrize("carrier", ["header", "basic", "query"])
def test_curl(carrier: str, job: Job, desk: Desk, tmp_path: Path) -> None:
    """curl cannot upload with a job token in one of the ways that scripts use."""
    url = f"{job.stand.url}/api/v4/projects/{job.team.project['id']}/packages/generic/tool/1.0.0/app.bin"
    (tmp_path / "app.bin").write_bytes(b"app")
    options = {"header": ["--header", f"JOB-TOKEN: {job.token}"], "basic": ["--user", f"gitlab-ci-token:{job.token}"], "query": []}[carrier]
    where = f"{url}?job_token={job.token}" if carrier == "query" else url
    desk.run("curl", "--silent", "--show-error", "--fail", *options, "--upload-file", "app.bin", where, cwd=tmp_path)
    job.check_build("generic")
    got = desk.run("curl", "--silent", "--show-error", "--fail", *options, where, cwd=tmp_path)
    assert got.out == "app"
    assert job.token not in job.stand.log.read_text()


def find_tag(stand: Stand, team: Team, repository: str, tag: str) -> Json:
    """A tag as REST tells it."""
    base = f"/projects/{team.project['id']}/registry/repositories"
    found = next(row for row in stand.want(200, "GET", base, token=team.reporter.token) if row["name"] == repository)
    tag_found: Json = stand.want(200, "GET", f"{base}/{found['id']}/tags/{tag}", token=team.reporter.token)
    return tag_found


def test_images(job: Job, quay: Quay) -> None:
    """docker cannot sign in with a job token, skopeo cannot push and pull with one or goes on when the job has ended, or the image names no build."""
    quay.login(job.login)
    quay.push("img:v1", job.login)
    tag = find_tag(job.stand, job.team, "img", "v1")
    assert tag["pipeline"]["sha"] == SHA and tag["pipeline"]["user"]["username"] == job.team.developer.user
    credentials = f"{job.login.user}:{job.login.token}"
    where = f"docker://{quay.ref('img:v1')}"
    quay.skopeo("copy", "--src-tls-verify=false", "--src-creds", credentials, where, "dir:pulled")
    quay.skopeo("delete", "--tls-verify=false", "--creds", credentials, where, status=None)
    job.finish()
    quay.skopeo("copy", "--src-tls-verify=false", "--src-creds", credentials, where, "dir:again", status=None)
