"""The doctor: what is lost or damaged is found and no longer served, and the same bytes again heal it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Cluster
from stand import ROOT
from tests.conformance.server import Server

from packhouse.assemble import make_house
from packhouse.db.engine import now
from packhouse.packages import doctor
from packhouse.packages.collect import DAY, SECOND
from packhouse.packages.doctor import Finding, examine, status_of
from packhouse.settings import Settings

from .conftest import Home, make_home
from .samples import digest, image, layer


@pytest.fixture(scope="module", name="own_server", params=["sqlite", "postgresql"])
def serve_for_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own, on each database: what other tests leave behind would be found too."""
    url = ""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        url = cluster.url(cluster.make_database())
    with Server(tmp_path_factory.mktemp("doctor") / "data", url) as server:
        yield server


@pytest.fixture(name="home")
def give_home(own_server: Server) -> Home:
    return make_home(own_server)


def run(home: Home, *, deep: bool = False, fix: bool = False) -> tuple[int, list[Finding]]:
    """How the doctor would end, and what it found."""

    async def look() -> list[Finding]:
        house = make_house(Settings(data=str(home.server.data), database_url=home.server._database_url))
        await house.database.start()
        try:
            return [finding async for finding in examine(house, deep=deep, fix=fix)]
        finally:
            await house.database.close()

    found = asyncio.run(look())
    return status_of(found), found


def command(home: Home, *arguments: str, data: Path | None = None) -> tuple[int, str]:
    """The status of the command, and what it said."""
    environment = {**home.server.environment, "PACKHOUSE_DATA": str(data or home.server.data)}
    line = [sys.executable, "-m", "packhouse", *arguments]
    done = subprocess.run(line, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def file_of(home: Home, body: bytes) -> Path:
    sha256 = digest(body).removeprefix("sha256:")
    return home.server.data / "blobs" / sha256[:2] / sha256


def test_healthy(home: Home) -> None:
    """A healthy installation is reported as damaged."""
    home.driver().push(home.name, image(), "1")
    home.driver().start(home.name)
    assert run(home, deep=True) == (0, [])


@pytest.mark.parametrize("harm", ["lost", "cut", "flipped"])
@pytest.mark.parametrize("kind", ["layer", "manifest", "package"])
def test_harm_is_found_and_healed(home: Home, harm: str, kind: str) -> None:
    """Bytes that are lost or damaged are not noticed, are served, or do not come back when a client sends them again."""
    name, driver = home.name, home.driver()
    pushed = image(layers=[layer({"a": os.urandom(5000)})])
    driver.push(name, pushed, "1")
    url = f"/api/v4/projects/{home.project}/packages/generic/tool/1.0/f"
    package = os.urandom(3000)
    home.send("PUT", url, package).expect(201)
    body = {"layer": pushed.blobs[1], "manifest": pushed.manifest, "package": package}[kind]
    path = file_of(home, body)
    if harm == "lost":
        path.unlink()
    else:
        path.chmod(0o600)
        path.write_bytes(body[:-1] if harm == "cut" else body[:-1] + bytes([body[-1] ^ 1]))
    check = {"lost": "D03", "cut": "D04", "flipped": "D05"}[harm]

    status, found = run(home, deep=True)

    assert status == 2 and [one.check for one in found] == [check]
    assert digest(body) in found[0].text and (name in found[0].text or "tool" in found[0].text)
    if harm == "flipped":
        assert run(home) == (0, []), "reading every byte is for --deep"
    assert run(home, deep=True, fix=True)[0] == 2
    where = {"layer": f"/v2/{name}/blobs/{digest(body)}", "manifest": f"/v2/{name}/manifests/1", "package": url}[kind]
    assert home.send("GET", where).status == 404
    assert run(home)[0] == 2, "it stays a problem until the bytes are there"
    if kind == "package":
        home.send("PUT", url, package).expect(201)
    else:
        driver.push(name, pushed, "1")
    assert home.send("GET", where).expect(200).body == body
    assert run(home, deep=True) == (0, [])


def test_heals_without_the_doctor(home: Home) -> None:
    """A client that sends bytes again which were lost is told that they are there, and nobody can ever fetch them."""
    name, driver, pushed = home.name, home.driver(), image(os.urandom(4).hex())
    driver.push(name, pushed, "1")
    file_of(home, pushed.blobs[1]).unlink()
    driver.push_blob(name, pushed.blobs[1])
    assert driver.blob(name, digest(pushed.blobs[1])) == pushed.blobs[1]


def test_strays_are_put_aside(home: Home) -> None:
    """A file without a row is not found, or is lost when it is put aside; or what a crash left in the spool stays."""
    stray = home.server.data / "blobs" / "cd" / ("cd" + "0" * 62)
    stray.write_bytes(b"who am I")
    left = home.server.data / "spool" / "0123456789abcdef"
    left.write_bytes(b"half of something")
    assert run(home) == (0, []), "they may be under way"
    for path in (stray, left):
        os.utime(path, (1, 1))
    assert [one.check for one in run(home)[1]] == ["D07"], "a file was given its name just now"

    status, found = run(home, fix=True)

    assert status == 1 and [(one.check, one.repaired) for one in found] == [("D07", True)]
    assert not left.exists() and stray.exists()
    assert run(home) == (0, [])


def test_strays_that_are_wanted_meanwhile(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that somebody sends again while the doctor is at work could be put aside, and be missing."""
    monkeypatch.setattr(doctor, "now", lambda: now() + 2 * DAY)
    strays = [home.server.data / "blobs" / "cd" / f"cd{'0' * 61}{number}" for number in range(3)]
    for path in strays:
        path.write_bytes(b"who am I")

    async def look() -> list[str]:
        house = make_house(Settings(data=str(home.server.data), database_url=home.server._database_url))
        await house.database.start()
        found, young = [], (now() + 2 * DAY) // SECOND
        try:
            async for finding in doctor.examine(house, fix=True):
                found.append(finding.text)
                for path in strays:
                    if "cd000" in finding.text and path.exists():
                        os.utime(path, (young, young))
            return found
        finally:
            await house.database.close()

    found = [text for text in asyncio.run(look()) if "cd000" in text]
    assert len(found) == 1 and sum(path.exists() for path in strays) == 2
    for path in strays:
        path.unlink(missing_ok=True)


def test_command(home: Home, tmp_path: Path) -> None:
    """The command ends with another status than what was found, or reports health where there is nothing to examine."""
    name, pushed = home.name, image(os.urandom(4).hex())
    home.driver().push(name, pushed, "1")
    file_of(home, pushed.blobs[1]).unlink()

    status, said = command(home, "doctor", "--json")

    assert status == 2 and json.loads(said.splitlines()[0])["check"] == "D03"
    home.driver().push(name, pushed, "1")
    assert command(home, "doctor", "--deep") == (0, "0 findings, 0 problems remain\n")
    nothing = 2 if home.server._database_url else 3  # a database without its folder has lost every file
    assert command(home, "doctor", data=tmp_path / "nothing")[0] == nothing
    status, said = command(home, "collect", "--dry-run")
    assert status == 0 and json.loads(said.splitlines()[-1])["versions"] == 0
