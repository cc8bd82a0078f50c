"""Composer against a running server: packages from tags and branches, through the group's repository."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from git_work import new_work
from programs import Desk
from stand import ADMIN_TOKEN, Stand, new_name
from wire import basic


def test_require_and_reinstall(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A package published by tag could not be required through its group, updated, or installed again from the lock file."""
    group = stand.make_group(visibility="private")
    project = stand.make_project(group, visibility="private")
    work = new_work(tmp_path / new_name("work"))
    manifest = json.dumps({"name": "acme/lib", "autoload": {"psr-4": {"Acme\\Lib\\": "src/"}}})
    work.commit({"composer.json": manifest, "src/Lib.php": "<?php // one\n", "tests/T.php": "<?php\n", ".gitattributes": "/tests export-ignore\n"})
    work.run("tag", "v1.0.0")
    url = f"http://root:{ADMIN_TOKEN}@{stand.host}/{project['path_with_namespace']}.git"
    work.run("push", "--quiet", url, "main", "v1.0.0")
    base = f"/api/v4/projects/{project['id']}/packages/composer"
    root = basic("root", ADMIN_TOKEN)
    for data in ("tag=v1.0.0", "branch=main"):
        stand.http.post(f"{base}?{data}", b"", root).expect(201)

    app = tmp_path / "app"
    app.mkdir()
    repository = f"{stand.url}/api/v4/group/{group['id']}/-/packages/composer/packages.json"
    settings = {"repositories": [{"type": "composer", "url": repository}, {"packagist": False}], "config": {"secure-http": False}}
    (app / "composer.json").write_text(json.dumps(settings))
    auth = {"http-basic": {stand.host: {"username": "root", "password": ADMIN_TOKEN}}}
    env = {
        "COMPOSER_HOME": str(tmp_path / "home"),
        "COMPOSER_CACHE_DIR": str(tmp_path / "cache"),
        "COMPOSER_ALLOW_SUPERUSER": "1",
        "COMPOSER_NO_INTERACTION": "1",
        "COMPOSER_AUTH": json.dumps(auth),
    }
    desk.run("composer", "require", "--no-progress", "acme/lib:^1.0", cwd=app, env=env)
    installed = app / "vendor" / "acme" / "lib"
    assert (installed / "src" / "Lib.php").read_text() == "<?php // one\n"
    assert not (installed / "tests").exists()
    shutil.rmtree(app / "vendor")
    shutil.rmtree(tmp_path / "cache")
    desk.run("composer", "install", "--no-progress", cwd=app, env=env)
    assert (installed / "src" / "Lib.php").exists()
    desk.run("composer", "require", "--no-progress", "acme/lib:dev-main", cwd=app, env=env)
    shutil.rmtree(app / "vendor")
    desk.run("composer", "install", "--no-progress", "--prefer-source", cwd=app, env=env)
    assert (installed / ".git").is_dir()


def test_refusals(stand: Stand, tmp_path: Path) -> None:
    """A moved tag could replace a version, or a request that names nothing publishable be taken."""
    project = stand.make_project(stand.make_group())
    work = new_work(tmp_path / new_name("work"))
    url = f"http://root:{ADMIN_TOKEN}@{stand.host}/{project['path_with_namespace']}.git"
    base = f"/api/v4/projects/{project['id']}/packages/composer"
    root = basic("root", ADMIN_TOKEN)

    def publish(query: str, status: int) -> str:
        return stand.http.post(f"{base}{query}", b"", root).expect(status).text

    bare = work.commit({"a.php": "<?php\n"})
    work.run("tag", "v0.9.0")
    first = work.commit({"composer.json": '{"name": "acme/lib"}'})
    work.run("tag", "v1.0.0")
    work.run("push", "--quiet", url, "main", "v0.9.0", "v1.0.0")
    assert "exactly one parameter must be provided" in publish("", 400)
    publish("?tag=v1.0.0&branch=main", 400)
    publish("?tag=v3.0.0", 404)
    assert bare and "composer.json was not found" in publish("?tag=v0.9.0", 422)
    publish("?tag=v1.0.0", 201)
    publish("?tag=v1.0.0", 201)
    second = work.commit({"a.php": "<?php // two\n"})
    work.run("tag", "--force", "v1.0.0")
    work.run("push", "--quiet", "--force", url, "v1.0.0")
    refused = publish("?tag=v1.0.0", 400)
    assert first in refused and second in refused
