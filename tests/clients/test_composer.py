"""Composer against a running server: packages from tags and branches, through the group's repository."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from git_work import Work, new_work
from programs import Desk, Run
from stand import ADMIN_TOKEN, DEVELOPER, REPORTER, Login, Stand, new_name
from wire import basic

Json = dict[str, Any]
ROOT = Login("root", ADMIN_TOKEN)
WAYS = ["http-basic", "token", "user and token", "domain alone", "deploy token", "job token", "bearer"]


@dataclass(frozen=True)
class Library:
    """A project, and a working copy of its repository."""

    stand: Stand
    project: Json
    work: Work

    def commit(self, files: Mapping[str, str] | None = None, tag: str = "", **manifest: Any) -> str:
        """A pushed commit, tagged and with another composer.json where that is said."""
        fresh = manifest or not (self.work.folder / "composer.json").exists()
        said = {"composer.json": json.dumps({"name": "acme/lib", **manifest})} if fresh else {}
        id_ = self.work.commit({**said, **(files or {})})
        if tag:
            self.work.run("tag", "--force", tag)
        self.push("main", *([tag] if tag else []))
        return id_

    def push(self, *refs: str) -> None:
        url = f"http://root:{ADMIN_TOKEN}@{self.stand.host}/{self.project['path_with_namespace']}.git"
        self.work.run("push", "--quiet", "--force", url, *refs)

    def publish(self, query: str, status: int = 201) -> str:
        """What the registry says to `tag=…` or `branch=…`."""
        path = f"/api/v4/projects/{self.project['id']}/packages/composer"
        return self.stand.http.post(f"{path}?{query}", b"", basic(ROOT.user, ROOT.token)).expect(status).text


def new_library(stand: Stand, group: Json, folder: Path) -> Library:
    return Library(stand, stand.make_project(group), new_work(folder / new_name("work")))


@dataclass(frozen=True)
class App:
    """A project of somebody who uses Composer, with one repository and nothing else."""

    desk: Desk
    folder: Path
    url: str
    auth: Json
    config: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        settings = {"repositories": [{"type": "composer", "url": self.url}, {"packagist": False}], "config": {"secure-http": False, **self.config}}
        (self.folder / "composer.json").write_text(json.dumps(settings))

    def run(self, *arguments: str, status: int | None = 0) -> Run:
        """A run of Composer, with a home and a cache of this app's own."""
        env = {
            "COMPOSER_HOME": str(self.folder / "home"),
            "COMPOSER_CACHE_DIR": str(self.cache),
            "COMPOSER_ALLOW_SUPERUSER": "1",
            "COMPOSER_NO_INTERACTION": "1",
            "COMPOSER_AUTH": json.dumps(self.auth),
        }
        quiet = ["--no-progress"] if arguments[0] in ("install", "update", "require") else []
        return self.desk.run("composer", *arguments, *quiet, cwd=self.folder, env=env, status=status)

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def read(self, path: str, package: str = "acme/lib") -> str:
        return (self.folder / "vendor" / package / path).read_text()

    def forget(self, *, cache: bool = True) -> None:
        """What was installed is gone, and what was kept of it."""
        shutil.rmtree(self.folder / "vendor")
        if cache:
            shutil.rmtree(self.cache)

    def lock(self, package: str = "acme/lib") -> Json:
        """What the lock file says of a package."""
        found = json.loads((self.folder / "composer.lock").read_text())["packages"]
        [entry] = [each for each in found if each["name"] == package]
        return dict(entry)


def group_url(stand: Stand, group: Json) -> str:
    return f"{stand.url}/api/v4/group/{group['id']}/-/packages/composer/packages.json"


def http_basic(stand: Stand, login: Login = ROOT) -> Json:
    return {"http-basic": {stand.host: {"username": login.user, "password": login.token}}}


@pytest.fixture(name="group")
def make_group(stand: Stand) -> Json:
    """A private group."""
    return stand.make_group()


@pytest.fixture(name="library")
def make_library(stand: Stand, group: Json, tmp_path: Path) -> Library:
    """A private project with acme/lib 1.0.0 and dev-main."""
    library = new_library(stand, group, tmp_path)
    files = {"src/Lib.php": "<?php // one\n", "tests/T.php": "<?php\n", ".gitattributes": "/tests export-ignore\n"}
    library.commit(files, "v1.0.0", description="A lib of parts", autoload={"psr-4": {"Acme\\Lib\\": "src/"}})
    library.publish("tag=v1.0.0")
    library.publish("branch=main")
    return library


@pytest.fixture(name="app")
def make_app(stand: Stand, group: Json, desk: Desk, tmp_path: Path) -> App:
    """Somebody who reads the group with http-basic."""
    return App(desk, tmp_path / "app", group_url(stand, group), http_basic(stand))


def test_require_and_reinstall(library: Library, app: App) -> None:
    """A package published by tag could not be required through its group, or installed again from the lock file, as an archive or from its source."""
    app.run("require", "acme/lib:^1.0")
    assert app.read("src/Lib.php") == "<?php // one\n"
    assert not (app.folder / "vendor/acme/lib/tests").exists()
    app.forget()
    app.run("install")
    assert app.read("src/Lib.php") == "<?php // one\n"
    app.forget()
    app.run("install", "--prefer-source")
    assert (app.folder / "vendor/acme/lib/.git").is_dir()


def test_update(library: Library, app: App) -> None:
    """A new tag could stay unseen because of what Composer keeps, or a branch that moved."""
    app.run("require", "acme/lib:^1.0")
    library.commit({"src/Lib.php": "<?php // two\n"}, "v1.1.0")
    library.publish("tag=v1.1.0")
    told = app.run("outdated", "--format=json")
    assert [(each["version"], each["latest"]) for each in json.loads(told.out)["installed"]] == [("1.0.0", "1.1.0")]
    app.run("update")
    assert (app.lock()["version"], app.read("src/Lib.php")) == ("1.1.0", "<?php // two\n")
    app.run("require", "acme/lib:dev-main")
    assert app.read("src/Lib.php") == "<?php // one\n"
    tip = library.commit({"src/Lib.php": "<?php // three\n"})
    library.publish("branch=main")
    app.run("update")
    assert (app.lock()["dist"]["reference"], app.read("src/Lib.php")) == (tip, "<?php // three\n")


@pytest.mark.parametrize("how", ["dist", "source"])
def test_old_lock_file(how: str, library: Library, app: App) -> None:
    """A lock file of before a branch moved, by a push or by force, could not be installed, or would bring other code."""
    library.push("main:topic")
    library.publish("branch=topic")
    app.run("require", "acme/lib:dev-topic")
    first = app.lock()["dist"]["reference"]
    for text in ("two", "three"):
        library.work.commit({"src/Lib.php": f"<?php // {text}\n"})
        library.work.run("commit", "--quiet", "--amend", "--message", text)
        library.push("main:topic")
        library.publish("branch=topic")
        library.work.run("reset", "--quiet", "--hard", "HEAD~1")
    app.forget()
    app.run("install", f"--prefer-{how}")
    assert (app.lock()["dist"]["reference"], app.read("src/Lib.php")) == (first, "<?php // one\n")


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_say_who_one_is(way: str, stand: Stand, group: Json, library: Library, desk: Desk, tmp_path: Path) -> None:
    """A way to configure a token could open the repository and not its archives, or neither."""
    login = stand.make_member(group, REPORTER)
    config: Json = {"gitlab-domains": [stand.host]}
    if way == "http-basic":
        auth, config = http_basic(stand, login), {}
    elif way == "bearer":
        auth, config = {"bearer": {stand.host: login.token}}, {}
    elif way == "token":
        auth = {"gitlab-token": {stand.host: login.token}}
    elif way == "user and token":
        auth = {"gitlab-token": {stand.host: {"username": login.user, "token": login.token}}}
    elif way == "domain alone":
        auth, config = {"gitlab-token": {stand.host: login.token}}, {}
    elif way == "deploy token":
        deploy = stand.make_deploy_token(group, where="groups")
        auth = {"gitlab-token": {stand.host: {"username": deploy.user, "token": deploy.token}}}
    else:
        auth = {"gitlab-token": {stand.host: {"username": "gitlab-ci-token", "token": start_job(stand, group, library.project)}}}
    app = App(desk, tmp_path / "app", group_url(stand, group), auth, config)
    app.run("require", "acme/lib:^1.0")
    assert app.read("src/Lib.php") == "<?php // one\n"


def test_wrong_token(stand: Stand, group: Json, library: Library, desk: Desk, tmp_path: Path) -> None:
    """Composer could go on as if there were no such package, where its token is wrong or opens nothing here."""
    stranger = stand.make_personal_token(stand.make_user())
    for login, status in ((Login("root", "wrong"), "(HTTP 401)"), (stranger, "HTTP/1.1 404")):
        app = App(desk, tmp_path / login.user, group_url(stand, group), http_basic(stand, login))
        assert status in app.run("require", "acme/lib:^1.0", status=None).said


def start_job(stand: Stand, group: Json, project: Json) -> str:
    """The token of a running job."""
    developer = stand.make_member(group, DEVELOPER)
    path = f"/projects/{project['id']}/pipelines"
    pipeline = stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=developer.token)
    made = stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "test"}, token=developer.token)
    return str(made["token"])


def test_look(library: Library, app: App) -> None:
    """What is there could not be looked up, or the question for security advisories break the run."""
    library.commit(tag="v1.1.0-beta.2")
    library.publish("tag=v1.1.0-beta.2")
    shown = app.run("show", "-a", "acme/lib", "--format=json")
    assert json.loads(shown.out)["versions"] == ["1.1.0-beta.2", "1.0.0", "dev-main"]
    assert "acme/lib" in app.run("show", "-a", "acme/*").out
    assert "A lib of parts" in app.run("search", "lib").out
    assert json.loads(app.run("search", "--only-name", "--format=json", "acme").out)[0]["name"] == "acme/lib"
    assert app.run("search", "--only-vendor", "acme").out.strip() == "acme"
    app.run("require", "acme/lib:^1.0")
    assert "No security vulnerability advisories found" in app.run("audit").said
    assert json.loads(app.run("audit", "--format=json").out)["advisories"] == []


def test_two_private_projects(stand: Stand, group: Json, library: Library, app: App, tmp_path: Path) -> None:
    """A package could not depend on one of another project, or one that its authors gave up be offered without a word."""
    other = new_library(stand, group, tmp_path)
    other.commit({"src/Old.php": "<?php\n"}, "v2.0.0", name="acme/old", require={"acme/lib": "^1.0"}, abandoned="acme/new")
    other.publish("tag=v2.0.0")
    told = app.run("require", "acme/old:^2.0").said
    assert "Package acme/old is abandoned" in told and "Use acme/new instead" in told
    assert app.read("src/Lib.php") == "<?php // one\n"
    assert "acme/old" in app.run("why", "acme/lib").out
    app.forget()
    app.run("install", "--prefer-source")
    assert (app.folder / "vendor/acme/old/.git").is_dir() and (app.folder / "vendor/acme/lib/.git").is_dir()


def test_earlier_moment(stand: Stand, group: Json, library: Library, desk: Desk, tmp_path: Path) -> None:
    """Composer could not install what was there at a moment, or be shown what has come since."""
    then = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    library.commit({"src/Lib.php": "<?php // two\n"}, "v1.1.0")
    for query in ("tag=v1.1.0", "branch=main"):
        library.publish(query)
    path = f"/api/v4/projects/{library.project['id']}/packages/composer/versions/acme%2Flib/1.0.0"
    stand.http.delete(path, basic(ROOT.user, ROOT.token)).expect(204)
    stand.want(200, "PUT", f"/projects/{library.project['id']}", {"path": new_name("renamed")})
    url = f"{stand.url}/api/v4/groups/{group['id']}/-/at/{then}/packages/composer/packages.json"
    app = App(desk, tmp_path / "then", url, http_basic(stand))
    for wanted in ("^1.0", "dev-main"):
        app.run("require", f"acme/lib:{wanted}")
        assert app.read("src/Lib.php") == "<?php // one\n"
    app.forget()
    app.run("install", "--prefer-source")
    assert app.read("src/Lib.php") == "<?php // one\n"


def test_composer_1(stand: Stand, group: Json, library: Library, desk: Desk, tmp_path: Path) -> None:
    """Composer 1 could not follow the hashes from the root to a package, or be told a digest that is none of what it gets."""
    app = tmp_path / "app"
    app.mkdir()
    # this one knows neither ports in auth.json nor a repository that is named with packages.json
    url = group_url(stand, group).removesuffix("/packages.json")
    settings = {"repositories": [{"type": "composer", "url": url}, {"packagist": False}], "require": {"acme/lib": "^1.0"}}
    (app / "composer.json").write_text(json.dumps(settings))
    (desk.home / "auth.json").write_text(json.dumps({"http-basic": {"127.0.0.1": {"username": "root", "password": ADMIN_TOKEN}}}))
    env = {"COMPOSER_HOME": str(desk.home), "COMPOSER_CACHE_DIR": str(tmp_path / "cache")}
    desk.run("composer 1", "install", "--no-interaction", "--no-progress", cwd=app, env=env)
    assert (app / "vendor/acme/lib/src/Lib.php").read_text() == "<?php // one\n"
    library.commit({"src/Lib.php": "<?php // two\n"}, "v1.1.0")
    library.publish("tag=v1.1.0")
    desk.run("composer 1", "update", "--no-interaction", "--no-progress", cwd=app, env=env)
    assert (app / "vendor/acme/lib/src/Lib.php").read_text() == "<?php // two\n"


def test_refusals(library: Library) -> None:
    """A moved tag could replace a version, or a request that names nothing publishable be taken."""
    first = library.work.read("rev-parse", "HEAD")
    assert "exactly one parameter must be provided" in library.publish("", 400)
    library.publish("tag=v1.0.0&branch=main", 400)
    library.publish("tag=v3.0.0", 404)
    library.publish("branch=v1.0.0", 404)
    library.publish("tag=v1.0.0")
    second = library.commit({"a.php": "<?php // two\n"}, "v1.0.0")
    refused = library.publish("tag=v1.0.0", 400)
    assert first in refused and second in refused
    (library.work.folder / "composer.json").unlink()
    library.work.run("add", "--all")
    library.work.run("commit", "--quiet", "--message", "none")
    library.work.run("tag", "v0.9.0")
    library.push("v0.9.0")
    assert "composer.json was not found" in library.publish("tag=v0.9.0", 422)
