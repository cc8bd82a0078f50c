"""Go modules read from a repository with a long history, and a group with very many Composer versions. Ours alone: no registry serves their peers."""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import zipfile
from pathlib import Path

from figures import LimitResult, Result
from load import Request, warm_up
from servers import basic
from servers.packhouse import Packhouse
from stage import Stage
from workloads import Workload
from workloads.places import Spot, make_group, send_in_parts, time_get, time_hot

COMMITS, EVERY = 50_000, 25  # a tag at every 25th: 2,000
PACKAGES, VERSIONS, PROJECTS = 270, 100, 3
FIRST = 1_700_000_000
HOT = "median of 100 GETs on one connection, each round"


def measure_go(stage: Stage) -> list[Result]:
    """The list of versions and the zips of a module with 2,000 tags on 50,000 commits."""
    if not stage.with_ours:
        return []
    server = stage.own("go")
    base = _push(stage, server)
    after_restart = []
    for _ in range(stage.rounds):
        server.restart()
        after_restart.append(time_get(base("list")))
    hot = [time_hot(base("list")) for _ in range(stage.rounds)]
    zips = [time_get(base(f"v1.{number}.0.zip")) for number in range(1, 1 + 20 * stage.rounds)]
    zip_hot = [time_hot(base("v1.1.0.zip")) for _ in range(stage.rounds)]
    server.group.stop()
    about = f"Go module, {COMMITS // EVERY:,} tags, {COMMITS:,} commits"
    return [
        LimitResult(f"{about}: @v/list, first GET after a restart", "ms", after_restart),
        LimitResult(f"{about}: @v/list, hot", "ms", hot, None, HOT),
        LimitResult(f"{about}: .zip, first GET of a version", "ms", zips, None, f"median over {len(zips)} versions"),
        LimitResult(f"{about}: .zip, hot", "ms", zip_hot, None, HOT),
    ]


def _push(stage: Stage, server: Packhouse) -> Base:
    group = server.call("GET", "/groups/bench", expect=200)
    assert isinstance(group, dict)
    wanted = {"name": "module", "path": "module", "visibility": "private", "namespace_id": group["id"]}
    project = server.call("POST", "/projects", wanted)
    assert isinstance(project, dict)
    folder = stage.folder / "module.git"
    stage.say(f"  making and pushing {COMMITS:,} commits")
    git = ["git", "-C", str(folder)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(stage.folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(folder)], check=True, env=environment)
    subprocess.run([*git, "fast-import", "--quiet"], input=_history().encode(), check=True, env=environment)
    url = server.url.replace("http://", f"http://root:{server.admin}@")
    subprocess.run([*git, "push", "--quiet", "--mirror", f"{url}/bench/module.git"], check=True, env=environment, cwd=Path.cwd())
    return Base(f"{server.api}/projects/{project['id']}/packages/go/127.0.0.1/bench/module/@v", server.admin)


class Base:
    """Requests for the files of the module's versions."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.headers = {"Authorization": basic("root", token)}

    def __call__(self, path: str) -> Request:
        return Request(f"{self.url}/{path}", self.headers)


def _history() -> str:
    lines: list[str] = []
    mod = "module 127.0.0.1/bench/module\n\ngo 1.20\n"
    for number in range(1, COMMITS + 1):
        code = f"package lib // {number}\n"
        lines.append(f"commit refs/heads/main\nmark :{number}\ncommitter A <a@mail.example> {FIRST + number * 60} +0000\ndata 1\nx\n")
        if number == 1:
            lines.append(f"M 100644 inline go.mod\ndata {len(mod)}\n{mod}\n")
        lines.append(f"M 100644 inline lib.go\ndata {len(code)}\n{code}\n")
        if number % EVERY == 0:
            lines.append(f"reset refs/tags/v1.{number // EVERY}.0\nfrom :{number}\n\n")
    return "".join(lines)


def measure_composer(stage: Stage) -> list[Result]:
    """The root document of a group with 27,000 versions, and the document of one package."""
    if not stage.with_ours:
        return []
    server = stage.own("composer")
    group, projects = make_group(server, "php", PROJECTS)
    stage.say(f"  publishing {PACKAGES * VERSIONS:,} Composer versions")
    filled = send_in_parts(lambda number: _put(projects[number % PACKAGES % PROJECTS], number), range(PACKAGES * VERSIONS))
    root = group.ask("composer/packages.json", User_Agent="Composer/2.8.0")
    old = group.ask("composer/packages.json", User_Agent="Composer/1.10.0")
    one = group.ask("composer/p2/acme/p7.json")
    cold: dict[str, list[float]] = {"root": [], "old": [], "one": []}
    for _ in range(stage.rounds):
        server.restart()
        for name, request in (("root", root), ("old", old), ("one", one)):
            cold[name].append(time_get(request))
    warm_up(root, 200)
    hot = [time_hot(root) for _ in range(stage.rounds)]
    server.group.stop()
    about = f"Composer, a group with {PACKAGES * VERSIONS:,} versions"
    return [
        LimitResult(f"{about}: packages.json, first GET after a restart", "ms", cold["root"], 2000),
        LimitResult(f"{about}: packages.json, hot", "ms", hot, 10, HOT),
        LimitResult(f"{about}: packages.json of Composer 1 with every digest, after that", "ms", cold["old"], 2000),
        LimitResult(f"{about}: a package of {VERSIONS} versions, after that", "ms", cold["one"]),
        LimitResult("Composer: uploads of small zips, while it was filled, c=4", "uploads/s", [statistics.median([filled])]),
    ]


def _put(spot: Spot, number: int) -> Request:
    name, version = f"acme/p{number % PACKAGES}", f"1.{number // PACKAGES}.0"
    manifest = {
        "name": name, "description": "Prints small tables", "license": "MIT", "require": {"php": ">=8.1", "acme/base": "^1.0"},
        "autoload": {"psr-4": {"Acme\\Tables\\": "src/"}}, "authors": [{"name": "A", "email": "a@mail.example"}],
    }  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("composer.json"), json.dumps(manifest))
        archive.writestr(zipfile.ZipInfo("src/Tables.php"), f"<?php // {number}\n")
    return spot.ask(f"composer?version={version}", "PUT", out.getvalue())


WORKLOADS = (
    Workload("go", "list and zips of a module with 2,000 tags on 50,000 commits, ours", measure_go),
    Workload("composer", "a group with 27,000 Composer versions, ours", measure_composer),
)
