"""Composer against a running server: packages from tags and branches, through the group's repository."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import cast

from git_work import new_work
from programs import PROGRAMS, Desk, Program
from stand import ADMIN_TOKEN, Stand, new_name
from wire import basic

cast("dict[str, Program]", PROGRAMS).setdefault("composer", Program(("composer",)))


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
