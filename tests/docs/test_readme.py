"""The README does what it says: its tour is run, its tables are what the program prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import Desk, find_command
from stand import ADMIN_TOKEN, Stand

ROOT = Path(__file__).resolve().parents[2]
TOUR = re.compile(r"<!-- tour: (?P<name>\w+) -->\n```shell\n(?P<text>.*?)```", re.DOTALL)


def read_tour() -> dict[str, str]:
    """The commands of each stop of the tour."""
    return {stop["name"]: stop["text"] for stop in TOUR.finditer((ROOT / "README.md").read_text())}


@pytest.fixture(name="tour")
def start_tour(tmp_path: Path, desk: Desk) -> Iterator[Walker]:
    """A server at its first start, and somebody who follows the README there."""
    with Stand(tmp_path / "data") as stand:
        yield Walker(stand, desk, tmp_path / "walk")


class Walker:
    """Copies the commands of a stop into a shell, with the placeholders filled in."""

    def __init__(self, stand: Stand, desk: Desk, folder: Path) -> None:
        self.stand = stand
        self.desk = desk
        self.folder = folder
        folder.mkdir()

    def walk(self, stop: str, **placeholders: str) -> str:
        """What the shell printed. Raises `AssertionError` where a command fails."""
        tour = read_tour()
        text = (tour["setup"] if stop == "setup" else tour["setup"].splitlines()[0] + "\n" + tour[stop]).replace("127.0.0.1:8080", self.stand.host)
        for name, value in {"the token": ADMIN_TOKEN, **placeholders}.items():
            text = text.replace(f"<{name}>", value)
        python = Path(find_command("twine")[0]).parent
        environment = {**self.desk.environment(), "PIP_TARGET": str(self.folder / "installed"), "PIP_NO_CACHE_DIR": "1"}
        environment["PATH"] = os.pathsep.join([str(python), environment["PATH"]])
        script = "set -eu -o pipefail\nalias curl='curl --fail'\nshopt -s expand_aliases\n" + text
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout


@pytest.mark.client
def test_the_tour_of_curl(tour: Walker) -> None:
    """A stranger's first package would not go in and out."""
    (tour.folder / "README.md").write_text("# A first file\n")
    project = json.loads(tour.walk("setup"))
    assert project["path_with_namespace"] == "root/first"
    tour.desk.note("curl")
    assert tour.walk("curl").endswith("# A first file\n")


@pytest.mark.client
def test_the_tour_of_pip(tour: Walker) -> None:
    """A stranger's first wheel would not go in and out."""
    tour.walk("setup")
    (tour.folder / "tourist").mkdir()
    (tour.folder / "tourist/__init__.py").write_text("FELT = 'welcome'\n")
    (tour.folder / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n[project]\nname = 'tourist'\nversion = '1.0'\n"
    )
    tour.desk.run("build", "--no-isolation", "--outdir", tour.folder / "dist", tour.folder, cwd=tour.folder)
    for client in ("twine", "pip"):
        tour.desk.note(client)
    tour.walk("pip", name="tourist")
    assert (tour.folder / "installed/tourist/__init__.py").exists()


@pytest.mark.client
def test_the_tour_of_npm(tour: Walker) -> None:
    """A stranger's first npm package would not go in and out."""
    project = json.loads(tour.walk("setup"))
    (tour.folder / "package.json").write_text('{"name": "tourist-js", "version": "1.0.0"}')
    tour.desk.note("npm")
    text = read_tour()["npm"]
    assert f"projects/{project['id']}/" in text, "the README shows the id that the first project of an instance has"
    publish, install = text.rsplit("npm install", 1)
    for commands, folder in ((publish, tour.folder), ("".join(publish.splitlines(keepends=True)[:2]) + "npm install" + install, tour.folder / "use")):
        folder.mkdir(exist_ok=True)
        if folder.name == "use":
            (folder / "package.json").write_text('{"name": "use", "version": "0.0.0"}')
        script = f"set -eu\nexport TOKEN={ADMIN_TOKEN} HOST={tour.stand.url}\n" + commands.replace("127.0.0.1:8080", tour.stand.host)
        script = script.replace("<name>", "tourist-js")
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=tour.desk.environment(), capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert (tour.folder / "use/node_modules/tourist-js/package.json").exists()


def test_tables_are_what_the_program_prints() -> None:
    """The README could promise what is not there."""
    done = subprocess.run(
        [sys.executable, "scripts/write-docs", "--check"], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "src"}
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_described() -> None:
    """A setting nobody can find is no setting."""
    sys.path.insert(0, str(ROOT / "src"))
    from packhouse.settings import describe_settings

    assert [name for name, meaning, _ in describe_settings() if not meaning] == []
