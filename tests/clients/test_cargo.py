"""Cargo against a running server: crates published from one home, built, yanked and searched for from another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from programs import Desk, Run, find_command
from stand import REPORTER, Login, Stand, Team

Json = dict[str, Any]

CONFIG = """\
[registries.packhouse]
index = "sparse+{index}/"
credential-provider = ["cargo:token"]
[net]
retry = 0
"""
LIB = "pub fn value() -> u32 { 42 }\n"
MORE = '#[cfg(feature = "more")]\npub fn more() -> u32 { 1 }\n'


def project_index(stand: Stand, project: Json) -> str:
    return f"{stand.url}/api/v4/projects/{project['id']}/packages/cargo"


def group_index(stand: Stand, group: Json) -> str:
    return f"{stand.url}/api/v4/groups/{group['id']}/-/packages/cargo"


@dataclass(frozen=True)
class Shop:
    """Somebody with Cargo, a registry called packhouse, and a token for it, or none."""

    desk: Desk
    folder: Path
    index: str
    token: str = ""

    def __post_init__(self) -> None:
        settings = self.folder / ".cargo"
        settings.mkdir(parents=True)
        (settings / "config.toml").write_text(CONFIG.format(index=self.index))

    def write(self, name: str, version: str = "1.0.0", *, manifest: str = "", main: str = "", lib: str = LIB + MORE) -> Path:
        """A crate on disk; with `main`, one that is run."""
        folder = self.folder / f"{name}-{version}"
        (folder / "src").mkdir(parents=True)
        head = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\ndescription = "A {name}"\nlicense = "MIT"\n'
        (folder / "Cargo.toml").write_text(head + manifest)
        (folder / "src" / ("main.rs" if main else "lib.rs")).write_text(main or lib)
        return folder

    def run(self, *arguments: str, cwd: Path | None = None, status: int | None = 0) -> Run:
        """A run of Cargo, with a home, a cache and a token of this one's own."""
        env = {"CARGO_HOME": str(self.folder / "home"), "CARGO_TERM_COLOR": "never", "CARGO_BUILD_JOBS": "1", "CARGO_INCREMENTAL": "0"}
        if self.token:
            env["CARGO_REGISTRIES_PACKHOUSE_TOKEN"] = self.token
        return self.desk.run("cargo", *arguments, cwd=cwd or self.folder, env=env, status=status)

    def publish(self, folder: Path, *options: str, status: int | None = 0) -> Run:
        return self.run("publish", "--registry", "packhouse", "--allow-dirty", *options, cwd=folder, status=status)

    def forget(self) -> None:
        """Nothing is kept of what was downloaded."""
        shutil.rmtree(self.folder / "home", ignore_errors=True)


@pytest.fixture(name="publisher")
def make_publisher(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    """A maintainer at the index of a private project."""
    return Shop(desk, tmp_path / "publisher", project_index(stand, team.project), team.maintainer.token)


@pytest.fixture(name="reader")
def make_reader(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    """Somebody else with a deploy token that reads."""
    return Shop(desk, tmp_path / "reader", project_index(stand, team.project), team.reader.token)


def test_publish_and_build(publisher: Shop, reader: Shop, team: Team, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A published crate could not be built from elsewhere, or one that needs it under another name and with a feature, in a project or its group."""
    publisher.publish(
        publisher.write("foo-base", manifest='[features]\nmore = []\n[dev-dependencies]\nsomething = { path = "." , package = "foo-base" }\n')
    )
    needs = '[dependencies]\nbase = { package = "foo-base", version = "1", registry = "packhouse", features = ["more"] }\n'
    targets = '[target.\'cfg(any(unix,windows,))\'.dependencies]\nfoo-base = { version = ">=1.0, <2", registry = "packhouse", optional = true }\n'
    publisher.publish(publisher.write("bar", "0.2.0+build.5", manifest=needs + targets, lib="pub fn sum() -> u32 { base::value() + base::more() }\n"))
    assert {(each["name"], each["version"]) for each in stand.list_packages(team.project)} == {("foo-base", "1.0.0"), ("bar", "0.2.0+build.5")}
    grouped = Shop(desk, tmp_path / "grouped", group_index(stand, team.group), team.reporter.token)
    for shop in (reader, grouped):
        app = shop.write("app", main='fn main() { println!("sum {} and {}", bar::sum(), foo_base::value()); }\n')
        shop.run("add", "bar", "--registry", "packhouse", cwd=app)
        shop.run("add", "foo-base@1", "--registry", "packhouse", cwd=app)
        assert shop.run("run", "--quiet", cwd=app).out == "sum 43 and 42\n"
        # from the lock file, and with what is asked of the index when nothing has changed there
        shop.run("update", cwd=app)
        shop.forget()
        assert shop.run("run", "--quiet", "--locked", cwd=app).out == "sum 43 and 42\n"


def test_same_version_again(publisher: Shop) -> None:
    """A version could be published twice, or one that differs in its build alone."""
    publisher.publish(publisher.write("foo"), "--no-verify")
    for version in ("1.0.0", "1.0.0+other"):
        shutil.rmtree(publisher.folder / f"foo-{version}", ignore_errors=True)
        refused = publisher.publish(publisher.write("foo", version, lib="pub fn other() {}\n"), "--no-verify", status=None)
        assert "already exists" in refused.err or "already uploaded" in refused.err
    alike = publisher.publish(publisher.write("Foo", "2.0.0"), "--no-verify", status=None)
    assert "409" in alike.err and "too much like foo" in alike.err


def test_yank(publisher: Shop, reader: Shop) -> None:
    """A yanked version could still be chosen, be lost to a lock file that names it, or not come back."""
    publisher.publish(publisher.write("foo"), "--no-verify")
    app = reader.write(
        "app", main='fn main() { println!("{}", foo::value()); }\n', manifest='[dependencies]\nfoo = { version = "1", registry = "packhouse" }\n'
    )
    reader.run("generate-lockfile", cwd=app)
    publisher.run("yank", "--registry", "packhouse", "foo@1.0.0")
    reader.forget()
    assert reader.run("run", "--quiet", "--locked", cwd=app).out == "42\n"
    (app / "Cargo.lock").unlink()
    assert "yanked" in reader.run("generate-lockfile", cwd=app, status=None).err
    publisher.run("yank", "--registry", "packhouse", "--undo", "foo@1.0.0")
    reader.run("generate-lockfile", cwd=app)
    refused = reader.run("yank", "--registry", "packhouse", "foo@1.0.0", status=None)
    assert "403" in refused.err
    assert "404" in publisher.run("yank", "--registry", "packhouse", "foo@7.0.0", status=None).err


def test_search_info_and_owners(publisher: Shop, reader: Shop, team: Team) -> None:
    """A crate could not be found by a part of its name, be looked at, or tell whose it is."""
    for version in ("1.0.0", "1.10.0", "1.9.0", "2.0.0"):
        publisher.publish(publisher.write("foo-base", version), "--no-verify")
    publisher.run("yank", "--registry", "packhouse", "foo-base@2.0.0")
    assert 'foo-base = "1.10.0"    # A foo-base' in reader.run("search", "--registry", "packhouse", "o-ba").out
    assert reader.run("search", "--registry", "packhouse", "nothing-like-it").out == ""
    assert "A foo-base" in reader.run("info", "--registry", "packhouse", "foo-base").out
    assert team.project["path_with_namespace"] in publisher.run("owner", "--registry", "packhouse", "--list", "foo-base").out
    refused = publisher.run("owner", "--registry", "packhouse", "--add", "somebody", "foo-base", status=None)
    assert "members of the project" in refused.err


def test_who_may(publisher: Shop, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A private crate could be read without a token or with a wrong one, or be published by who may only read."""
    publisher.publish(publisher.write("foo"), "--no-verify")
    absent = r"config\.json not found|no matching package named `foo` found"  # cargo 1.95 and 1.96
    outsiders = {"": "no token found", "phpat_wrong": "token rejected", team.stranger.token: absent}
    for token, advice in outsiders.items():
        shop = Shop(desk, tmp_path / f"outsider{len(token)}", publisher.index, token)
        app = shop.write("app", manifest='[dependencies]\nfoo = { version = "1", registry = "packhouse" }\n')
        said = shop.run("generate-lockfile", cwd=app, status=None).err
        assert re.search(advice, said), said
    for name, login in (("reader", team.reader), ("reporter", team.reporter)):
        shop = Shop(desk, tmp_path / f"{name}-publishes", publisher.index, login.token)
        refused = shop.publish(shop.write("mine"), "--no-verify", status=None)
        assert "403" in refused.err
    assert [each["name"] for each in stand.list_packages(team.project)] == ["foo"]


def test_tokens(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A token that Cargo stored itself, a deploy token, a job's token or one behind a scheme word could be no credential."""
    path, token = f"/projects/{team.project['id']}/pipelines", team.developer.token
    pipeline = stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
    job = stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)["token"]
    index = project_index(stand, team.project)
    for name, secret in (("deploy", team.writer.token), ("job", job), ("bearer", f"Bearer {team.developer.token}")):
        shop = Shop(desk, tmp_path / name, index, secret)
        shop.publish(shop.write(f"by-{name}"), "--no-verify")
    stored = Shop(desk, tmp_path / "stored", index)
    login = {"CARGO_HOME": str(stored.folder / "home")}
    desk.run("cargo", "login", "--registry", "packhouse", cwd=stored.folder, env=login, stdin=team.developer.token.encode() + b"\n")
    stored.publish(stored.write("by-login"), "--no-verify")
    built: Json = {each["name"]: each.get("pipeline") for each in stand.list_packages(team.project)}
    assert set(built) == {"by-deploy", "by-job", "by-bearer", "by-login"}
    assert built["by-job"]["id"] == pipeline["id"]


def test_login_at_a_terminal(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Somebody who signs in from a terminal could not be told where tokens are made."""
    desk.note("cargo")
    shop = Shop(desk, tmp_path / "terminal", project_index(stand, team.project))
    typed, terminal = os.openpty()
    os.write(typed, team.developer.token.encode() + b"\n")
    command = [*find_command("cargo"), "login", "--registry", "packhouse"]
    env = {**desk.environment(), "CARGO_HOME": str(shop.folder / "home")}
    done = subprocess.run(command, cwd=shop.folder, env=env, stdin=terminal, capture_output=True, text=True, timeout=60)
    os.close(terminal)
    os.close(typed)
    assert f"{stand.url}/-/user_settings/personal_access_tokens" in done.stdout + done.stderr
    shop.publish(shop.write("by-login"), "--no-verify")


def test_public(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A crate of a public project could ask for a token, or be published without one."""
    team = stand.make_team("public")
    publisher = Shop(desk, tmp_path / "publisher", project_index(stand, team.project), team.developer.token)
    publisher.publish(publisher.write("foo"), "--no-verify")
    by_path = publisher.index.replace(f"/{team.project['id']}/", f"/{team.encoded_path}/")
    for name, index in (("one", publisher.index), ("path", by_path), ("group", group_index(stand, team.group))):
        anybody = Shop(desk, tmp_path / name, index)
        app = anybody.write("app", main='fn main() { println!("{}", foo::value()); }\n')
        anybody.run("add", "foo", "--registry", "packhouse", cwd=app)
        assert anybody.run("run", "--quiet", cwd=app).out == "42\n"
    nobody = Shop(desk, tmp_path / "nobody", publisher.index)
    assert "no token found" in nobody.publish(nobody.write("mine"), "--no-verify", status=None).err


def test_across_projects(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A crate that needs one of another project could not be built through the indexes of both."""
    other = stand.make_project(team.group)
    login: Login = stand.make_member(team.group, REPORTER)
    first = Shop(desk, tmp_path / "first", project_index(stand, team.project), team.developer.token)
    first.publish(first.write("foo"), "--no-verify")
    second = Shop(desk, tmp_path / "second", project_index(stand, other), team.developer.token)
    with (second.folder / ".cargo" / "config.toml").open("a") as config:
        config.write(
            f'[registries.first]\nindex = "sparse+{first.index}/"\ncredential-provider = ["cargo:token"]\ntoken = "{team.developer.token}"\n'
        )
    needs = '[dependencies]\nfoo = { version = "1", registry = "first" }\n'
    second.publish(second.write("bar", manifest=needs, lib="pub fn twice() -> u32 { 2 * foo::value() }\n"))
    reader = Shop(desk, tmp_path / "reader", second.index, login.token)
    with (reader.folder / ".cargo" / "config.toml").open("a") as config:
        config.write(f'[registries.first]\nindex = "sparse+{first.index}/"\ncredential-provider = ["cargo:token"]\ntoken = "{login.token}"\n')
    app = reader.write("app", main='fn main() { println!("{}", bar::twice()); }\n')
    reader.run("add", "bar", "--registry", "packhouse", cwd=app)
    assert reader.run("run", "--quiet", cwd=app).out == "84\n"


def test_as_of(publisher: Shop, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """The index of an earlier moment could offer what came later, or lead to no crate."""
    publisher.publish(publisher.write("foo"), "--no-verify")
    then = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    publisher.publish(publisher.write("foo", "1.1.0", lib="pub fn value() -> u32 { 43 }\n"), "--no-verify")
    index = publisher.index.replace("/packages/cargo", f"/-/at/{then}/packages/cargo")
    historian = Shop(desk, tmp_path / "historian", index, team.reader.token)
    app = historian.write("app", main='fn main() { println!("{}", foo::value()); }\n')
    historian.run("add", "foo", "--registry", "packhouse", cwd=app)
    assert historian.run("run", "--quiet", cwd=app).out == "42\n"
    assert historian.publish(historian.write("late"), "--no-verify", status=None).status
    assert {each["name"] for each in stand.list_packages(team.project)} == {"foo"}
