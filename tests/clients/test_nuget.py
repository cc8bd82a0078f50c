"""nuget.exe and the .NET SDK against a running server: pack, push, install, restore, list and delete, symbols, and the v2 feed."""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from nuget_clients import (
    Dotnet,
    NugetExe,
    group_source,
    make_package,
    old_source,
    path_source,
    project_source,
    send_package,
    write_config,
)  # fmt: skip
from programs import Desk
from stand import Login, Stand, Team

WRONG = Login("nobody", "phpat_not_a_token")

Source = Callable[[Stand, Team], str]
every_source = pytest.mark.parametrize("source", [project_source, path_source, group_source, old_source], ids=lambda source: source.__name__)
every_feed = pytest.mark.parametrize("source", [project_source, old_source], ids=lambda source: source.__name__)


@pytest.fixture
def nuget(desk: Desk) -> NugetExe:
    """nuget.exe in an empty home."""
    return NugetExe(desk)


@pytest.fixture
def dotnet(desk: Desk) -> Dotnet:
    """The .NET SDK in an empty home."""
    return Dotnet(desk)


def listed(stand: Stand, team: Team) -> list[tuple[str, str]]:
    return sorted((package["name"], package["version"]) for package in stand.list_packages(team.project, package_type="nuget"))


# -- nuget.exe: push ---------------------------------------------------------------------------------------------------


@every_feed
def test_pushes_with_a_key(source: Source, nuget: NugetExe, stand: Stand, team: Team, tmp_path: Path) -> None:
    """What nuget.exe pushes with a token as its key is not there, or under another name."""
    package = nuget.pack(tmp_path / "toy", "Toy.Pkg", "1.2.3")

    said = nuget.push(package, source(stand, team), team.writer.token).said

    assert "Your package was pushed" in said
    assert listed(stand, team) == [("Toy.Pkg", "1.2.3")]
    [file] = stand.list_files(team.project, stand.list_packages(team.project)[0])
    assert file["file_name"] == "toy.pkg.1.2.3.nupkg" and file["size"] == package.stat().st_size


def test_pushes_with_a_placeholder_and_a_login(nuget: NugetExe, stand: Stand, team: Team, tmp_path: Path) -> None:
    """A key that is none of ours stands in the way of a login that is right."""
    package = nuget.pack(tmp_path / "toy", "Toy", "1.0.0")

    nuget.push(package, project_source(stand, team), "any-old-key", team.writer)

    assert listed(stand, team) == [("Toy", "1.0.0")]


def test_pushes_the_same_bytes_again(nuget: NugetExe, stand: Stand, team: Team, tmp_path: Path) -> None:
    """A job that is run again fails on what it has already pushed."""
    package = nuget.pack(tmp_path / "toy", "Toy", "1.0.0")

    for _ in range(2):
        nuget.push(package, project_source(stand, team), team.writer.token)


def test_is_refused_other_bytes(nuget: NugetExe, stand: Stand, team: Team, tmp_path: Path) -> None:
    """A pushed version is replaced, also under another spelling, or nuget.exe does not say why it was refused."""
    nuget.push(nuget.pack(tmp_path / "a", "Toy", "1.0.0"), project_source(stand, team), team.writer.token)
    before = stand.list_files(team.project, stand.list_packages(team.project)[0])
    other = nuget.pack(tmp_path / "b", "Toy", "1.0.0", text="other\n")

    said = nuget.push(other, project_source(stand, team), team.writer.token, status=None).said

    assert "409" in said and "already exists" in said, said
    assert before[0]["file_sha256"] in said.replace("\n", ""), said
    assert stand.list_files(team.project, stand.list_packages(team.project)[0]) == before


def test_pushes_nothing_without_the_right(nuget: NugetExe, stand: Stand, team: Team, tmp_path: Path) -> None:
    """A key that may only read, or none that is ours, pushes."""
    package = nuget.pack(tmp_path / "toy", "Toy", "1.0.0")
    for login, status in {team.reader: "403", team.stranger: "404"}.items():
        said = nuget.push(package, project_source(stand, team), login.token, login, status=None).said
        assert status in said, said
    nuget.push(package, project_source(stand, team), WRONG.token, WRONG, status=None)

    assert listed(stand, team) == []


# -- nuget.exe: install ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shelf:
    """A private project with an application and two versions of the library it needs."""

    team: Team


@pytest.fixture(scope="module")
def shelf(stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The shelf, packed and pushed with nuget.exe."""
    folder = tmp_path_factory.mktemp("shelf")
    nuget, team = NugetExe(Desk(folder / "home", [])), stand.make_team()
    source = project_source(stand, team)
    packages = [nuget.pack(folder / version, "Toy.Lib", version) for version in ("1.0.0", "1.1.0-rc.1")]
    packages.append(nuget.pack(folder / "app", "Toy.App", "2.0.0", {"Toy.Lib": "[1.0,2.0)"}))
    for package in packages:
        nuget.push(package, source, team.writer.token)
    yield Shelf(team)


@every_source
def test_installs_with_a_dependency(source: Source, shelf: Shelf, nuget: NugetExe, stand: Stand, tmp_path: Path) -> None:
    """nuget.exe does not find a private package or what it depends on, or takes a pre-release for the newest version."""
    login = shelf.team.reporter if source is group_source else shelf.team.reader

    found = nuget.install(tmp_path / "use", source(stand, shelf.team), login, "toy.app")

    assert found == ["Toy.App.2.0.0", "Toy.Lib.1.0.0"]
    assert (tmp_path / "use/packages/Toy.Lib.1.0.0/content/Toy.Lib.txt").read_text() == "toy\n"


@every_feed
@pytest.mark.parametrize(
    ("options", "version"),
    [((), "1.0.0"), (("-Prerelease",), "1.1.0-rc.1"), (("-Version", "1.1.0-rc.1"), "1.1.0-rc.1"), (("-Version", "1.0"), "1.0.0")],
)
def test_picks_versions(
    source: Source, options: tuple[str, ...], version: str, shelf: Shelf, nuget: NugetExe, stand: Stand, tmp_path: Path
) -> None:  # fmt: skip
    """nuget.exe gets another version than it asks for."""
    found = nuget.install(tmp_path / "use", source(stand, shelf.team), shelf.team.reader, "Toy.Lib", *options)

    assert found == [f"Toy.Lib.{version}"]


@every_source
@pytest.mark.parametrize("login", [None, WRONG], ids=["anonymous", "wrong"])
def test_installs_nothing_private_without_a_login(
    source: Source, login: Login | None, shelf: Shelf, nuget: NugetExe, stand: Stand, tmp_path: Path
) -> None:  # fmt: skip
    """nuget.exe gets a private package anonymously or with a token that is not ours."""
    assert nuget.install(tmp_path / "use", source(stand, shelf.team), login, "Toy.Lib", status=None) == []


def test_installs_from_a_public_project_without_a_login(nuget: NugetExe, stand: Stand, tmp_path: Path) -> None:
    """A public package asks for a login in its project."""
    team = stand.make_team(visibility="public")
    nuget.push(nuget.pack(tmp_path / "toy", "Toy", "1.0.0"), project_source(stand, team), team.writer.token)

    assert nuget.install(tmp_path / "use", project_source(stand, team), None, "Toy") == ["Toy.1.0.0"]


def test_restores_what_is_locked(shelf: Shelf, nuget: NugetExe, stand: Stand, tmp_path: Path) -> None:
    """`nuget restore` does not get what packages.config names."""
    folder = tmp_path / "use"
    config = write_config(folder, project_source(stand, shelf.team), shelf.team.reader)
    (folder / "packages.config").write_text('<packages><package id="Toy.Lib" version="1.0.0"/><package id="Toy.App" version="2.0.0"/></packages>')

    nuget.run("restore", "packages.config", "-ConfigFile", config, "-PackagesDirectory", folder / "out", "-NoCache", cwd=folder)

    assert sorted(path.name for path in (folder / "out").iterdir()) == ["Toy.App.2.0.0", "Toy.Lib.1.0.0"]


@every_feed
def test_lists_packages(source: Source, shelf: Shelf, nuget: NugetExe, stand: Stand, tmp_path: Path) -> None:
    """`nuget list` does not show what is there, or shows what was not asked for."""
    config = write_config(tmp_path, source(stand, shelf.team), shelf.team.reader)
    options = ["-Source", "toy", "-ConfigFile", str(config)]

    newest = nuget.run("list", *options, cwd=tmp_path).out
    every = nuget.run("list", "lib", "-AllVersions", "-PreRelease", *options, cwd=tmp_path).out

    assert {"Toy.App 2.0.0", "Toy.Lib 1.0.0"} <= set(newest.splitlines()) and "rc.1" not in newest
    assert {"Toy.Lib 1.0.0", "Toy.Lib 1.1.0-rc.1"} <= set(every.splitlines()) and "Toy.App" not in every


# -- delete and unlist -------------------------------------------------------------------------------------------------


@every_feed
def test_deletes(source: Source, nuget: NugetExe, stand: Stand, team: Team, tmp_path: Path) -> None:
    """`nuget delete` leaves the version, takes another with it, or works for who may only push."""
    for version in ("1.0.0", "1.1.0"):
        nuget.push(nuget.pack(tmp_path / version, "Toy", version), project_source(stand, team), team.writer.token)
    config = write_config(tmp_path, source(stand, team), None)
    command = ["delete", "Toy", "1.0.0"]
    options = ["-Source", "toy", "-ConfigFile", str(config)]

    nuget.run(*command, team.writer.token, *options, cwd=tmp_path, status=None)
    assert listed(stand, team) == [("Toy", "1.0.0"), ("Toy", "1.1.0")]
    nuget.run(*command, team.maintainer.token, *options, cwd=tmp_path)

    assert listed(stand, team) == [("Toy", "1.1.0")]


@every_feed
def test_unlisted_version_is_had_by_its_number_only(source: Source, nuget: NugetExe, stand: Stand, team: Team, tmp_path: Path) -> None:
    """An unlisted version is offered still, or a build that names it fails; or it cannot be listed again."""
    for version in ("1.0.0", "2.0.0"):
        nuget.push(nuget.pack(tmp_path / version, "Toy", version), project_source(stand, team), team.writer.token)
    address = f"/projects/{team.project['id']}/packages/nuget/Toy/2.0.0"
    stand.api("DELETE", f"{address}?unlist=true", token=team.maintainer.token).expect(204)

    config = write_config(tmp_path, source(stand, team), team.reader)
    command = ["list", "Toy", "-Source", "toy", "-ConfigFile", str(config)]

    assert "Toy 1.0.0" in nuget.run(*command, cwd=tmp_path).out.splitlines()
    assert nuget.install(tmp_path / "named", source(stand, team), team.reader, "Toy", "-Version", "2.0.0") == ["Toy.2.0.0"]
    stand.api("POST", address, token=team.maintainer.token).expect(200)
    assert "Toy 2.0.0" in nuget.run(*command, cwd=tmp_path).out.splitlines()


# -- the .NET SDK ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Library:
    """A library that was compiled, packed and pushed with dotnet, and its symbols."""

    team: Team
    package: Path
    symbols: Path


@pytest.fixture(scope="module")
def library(stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The library in a private project. dotnet pushes the symbols that lie beside it too."""
    folder = tmp_path_factory.mktemp("library")
    dotnet, team = Dotnet(Desk(folder / "home", [])), stand.make_team()
    package, symbols = dotnet.pack(folder / "lib", "Toy.Net", "1.0.0")
    dotnet.push(package, project_source(stand, team), "placeholder", team.writer)
    yield Library(team, package, symbols)


@pytest.mark.parametrize("source", [project_source, group_source, old_source], ids=lambda source: source.__name__)
def test_restores_builds_and_runs(source: Source, library: Library, dotnet: Dotnet, stand: Stand, tmp_path: Path) -> None:
    """A project that refers to a private library cannot be restored, or does not run with it."""
    login = library.team.reporter if source is group_source else library.team.reader
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "App.cs").write_text('class App { static void Main() { System.Console.WriteLine("value " + Toy.Lib.Value); } }\n')

    assert dotnet.restore(folder, source(stand, library.team), login, "Toy.Net", "1.*") == ["toy.net/1.0.0"]

    if source is project_source:
        assert "value 42" in dotnet.run("run", "--no-restore", cwd=folder).out


def test_restores_nothing_private_without_a_login(library: Library, dotnet: Dotnet, stand: Stand, tmp_path: Path) -> None:
    """dotnet gets a private package anonymously."""
    assert dotnet.restore(tmp_path / "app", project_source(stand, library.team), None, "Toy.Net", "1.0.0", status=None) == []


def test_dotnet_skips_what_is_there(library: Library, dotnet: Dotnet, stand: Stand, tmp_path: Path) -> None:
    """`dotnet nuget push --skip-duplicate` does not recognise the refusal of a version that exists."""
    content = make_package("Toy.Net", "1.0.0")
    other = tmp_path / "Toy.Net.1.0.0.nupkg"
    other.write_bytes(content)
    source = project_source(stand, library.team)

    refused = dotnet.push(other, source, library.team.writer.token, status=None).said
    skipped = dotnet.push(other, source, library.team.writer.token, None, "--skip-duplicate").said

    assert "409" in refused, refused
    assert "already exists" in skipped or "Conflict" in skipped, skipped


def test_dotnet_deletes(dotnet: Dotnet, stand: Stand, team: Team, tmp_path: Path) -> None:
    """`dotnet nuget delete` leaves the version."""
    send_package(stand, team, team.writer, make_package("Toy", "1.0.0"))
    write_config(tmp_path, project_source(stand, team), None)
    command = ["nuget", "delete", "Toy", "1.0.0", "--source", "toy", "--non-interactive", "--api-key"]

    dotnet.run(*command, team.developer.token, cwd=tmp_path, status=None)
    assert listed(stand, team) == [("Toy", "1.0.0")]
    dotnet.run(*command, team.maintainer.token, cwd=tmp_path)

    assert listed(stand, team) == []


@pytest.mark.parametrize("source", [project_source, group_source], ids=lambda source: source.__name__)
def test_versions_beyond_one_page_are_found(source: Source, dotnet: Dotnet, stand: Stand, team: Team, tmp_path: Path) -> None:
    """Of a package with more versions than a page of its registration holds, dotnet does not find the newest, or not the oldest."""
    for number in range(66):
        send_package(stand, team, team.writer, make_package("Toy.Many", f"1.{number}.0"))

    newest = dotnet.restore(tmp_path / "newest", source(stand, team), team.reporter, "Toy.Many", "1.*")
    oldest = dotnet.restore(tmp_path / "oldest", source(stand, team), team.reporter, "Toy.Many", "1.0.0")

    assert (newest, oldest) == (["toy.many/1.65.0"], ["toy.many/1.0.0"])


# -- symbols -----------------------------------------------------------------------------------------------------------


def test_symbols_are_found_by_what_the_library_says(library: Library, stand: Stand, desk: Desk) -> None:
    """A debugger asks with the id and the checksum in a library that was compiled, and does not get its PDB; or gets it while the server is off."""
    desk.note("dotnet")
    signature, checksum = read_debug_directory(library.package)
    path = f"/projects/{library.team.project['id']}/packages/nuget/symbolfiles/Toy.Net.pdb/{signature}/Toy.Net.pdb"
    settings = f"/groups/{library.team.group['id']}/-/package_settings"
    headers = {"SymbolChecksum": f"SHA256:{checksum}"}

    stand.api("GET", path, token=None, headers=headers).expect(403)
    stand.want(200, "PUT", settings, {"nuget_symbol_server_enabled": True})
    found = stand.api("GET", path, token=None, headers=headers).expect(200).body
    stand.api("GET", path, token=None).expect(400)
    stand.api("GET", path, token=None, headers={"SymbolChecksum": f"SHA256:{'0' * 64}"}).expect(404)
    of_group = path.replace(f"/projects/{library.team.project['id']}/", f"/groups/{library.team.group['id']}/-/")
    assert stand.api("GET", of_group, token=None, headers=headers).expect(200).body == found

    with zipfile.ZipFile(library.symbols) as archive:
        assert found == archive.read("lib/netcoreapp3.1/Toy.Net.pdb")
    assert len(stand.list_files(library.team.project, stand.list_packages(library.team.project)[0])) == 2


def read_debug_directory(package: Path) -> tuple[str, str]:
    """The key under which a compiled library looks for its symbols, and their checksum."""
    with zipfile.ZipFile(package) as archive:
        dll = archive.read("lib/netcoreapp3.1/Toy.Net.dll")
    guid = dll.index(b"RSDS") + 4
    checksum = dll.index(b"SHA256\0") + 7
    return uuid.UUID(bytes_le=dll[guid : guid + 16]).hex + "FFFFFFFF", dll[checksum : checksum + 32].hex()


def test_symbols_of_nothing_are_refused(library: Library, nuget: NugetExe, stand: Stand, team: Team, tmp_path: Path) -> None:
    """Symbols without their package are taken, and nobody will ever find them; or nuget.exe does not say why they were refused."""
    symbols = tmp_path / library.symbols.name
    symbols.write_bytes(library.symbols.read_bytes())

    said = nuget.push(symbols, project_source(stand, team), team.writer.token, status=None).said

    assert "404" in said and "matching package does not exist" in said, said
    assert listed(stand, team) == []
