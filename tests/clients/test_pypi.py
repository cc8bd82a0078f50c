"""The PyPI family against a running server: build, twine, uv, poetry, hatch, flit and pdm publish; pip, uv, poetry and pdm install."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from programs import Desk
from pypi_clients import (
    PYTHON,
    Flit,
    Hatch,
    Installer,
    Pdm,
    PdmInstall,
    Pip,
    Poetry,
    PoetryInstall,
    Publisher,
    Tree,
    Twine,
    Uv,
    UvPip,
    UvSync,
    group_index,
    make_tree,
    path_index,
    project_index,
    upload_url,
    with_login,
)  # fmt: skip
from stand import REPORTER, Login, Stand, Team, new_name

WRONG = Login("nobody", "phpat_not_a_token")

PUBLISHERS = [Twine(), Uv(), Poetry(), Hatch(), Flit(), Pdm()]
every_publisher = pytest.mark.parametrize("publisher", PUBLISHERS, ids=lambda publisher: publisher.client)


@every_publisher
def test_publishes_what_pip_installs(publisher: Publisher, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A wheel and an sdist published with this client are not both listed, or pip does not get them."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.2.3", publisher.build_system)
    publisher.build(desk, tree)
    publisher.publish(desk, tree, upload_url(stand, team), team.writer)

    [package] = stand.list_packages(team.project, package_type="pypi")
    assert (package["name"], package["version"]) == (tree.name, "1.2.3")
    names = sorted(file["file_name"] for file in stand.list_files(team.project, package))
    assert names == [f"{tree.module}-1.2.3-py3-none-any.whl", f"{tree.module}-1.2.3.tar.gz"]
    site = Pip().install(desk, tmp_path / "use", project_index(stand, team), team.reader, tree.name)
    assert (site / tree.module / "__init__.py").read_text().endswith("VALUE = 42\n")


@every_publisher
def test_is_refused_other_bytes_under_a_published_name(publisher: Publisher, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """This client replaces a published file, or is not told that it was refused."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", publisher.build_system)
    publisher.build(desk, tree)
    publisher.publish(desk, tree, upload_url(stand, team), team.writer)
    [package] = stand.list_packages(team.project)
    before = stand.list_files(team.project, package)

    tree.write_code(43)
    publisher.build(desk, tree)
    said = publisher.publish(desk, tree, upload_url(stand, team), team.writer, status=None).said

    assert "400" in said, said
    assert stand.list_files(team.project, package) == before


@every_publisher
def test_publishes_nothing_without_the_right(publisher: Publisher, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A token that may only read, or none that is ours, publishes with this client."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", publisher.build_system)
    publisher.build(desk, tree)
    for login, status in {team.reader: "403", WRONG: "401", team.stranger: "404"}.items():
        said = publisher.publish(desk, tree, upload_url(stand, team), login, status=None).said
        assert status in said, said

    assert stand.list_packages(team.project) == []


@pytest.mark.parametrize("publisher", [Twine(), Uv()], ids=lambda publisher: publisher.client)
def test_publishes_the_same_bytes_again(publisher: Publisher, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A job that is run again fails on the files it has already published."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", publisher.build_system)
    publisher.build(desk, tree)
    for _ in range(2):
        publisher.publish(desk, tree, upload_url(stand, team), team.writer)

    [package] = stand.list_packages(team.project)
    assert len(stand.list_files(team.project, package)) == 2


def test_twine_says_why_it_was_refused(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Whoever publishes other bytes cannot read from twine's output that the file exists, and which digests differ."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", Twine.build_system)
    Twine().build(desk, tree)
    Twine().publish(desk, tree, upload_url(stand, team), team.writer)
    [package] = stand.list_packages(team.project)
    stored = {file["file_name"]: file["file_sha256"] for file in stand.list_files(team.project, package)}
    tree.write_code(43)
    Twine().build(desk, tree)

    said = Twine().publish(desk, tree, upload_url(stand, team), team.writer, status=None).said

    assert "400" in said
    assert "already exist" in said
    assert any(digest in said.replace("\n", "") for digest in stored.values())


def test_uv_skips_what_the_index_has(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """`uv publish --check-url` does not recognise a published file by the hash in the index."""
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", Uv.build_system)
    Uv().build(desk, tree)
    Uv().publish(desk, tree, upload_url(stand, team), team.writer)
    env = {"UV_PUBLISH_URL": upload_url(stand, team), "UV_PUBLISH_USERNAME": team.writer.user, "UV_PUBLISH_PASSWORD": team.writer.token}
    check = with_login(project_index(stand, team), team.writer)

    said = desk.run("uv", "publish", "--check-url", check, *tree.dists, cwd=tree.folder, env=env).said

    assert said.count("already exists, skipping") == 2, said


# -- installers ------------------------------------------------------------------------------------------------------


INSTALLERS = [Pip(), UvPip(), UvSync(), PoetryInstall(), PdmInstall()]
every_installer = pytest.mark.parametrize("installer", INSTALLERS, ids=lambda installer: type(installer).__name__)
every_level = pytest.mark.parametrize("index", [project_index, path_index, group_index], ids=lambda index: index.__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the installers find: an application, and two versions of the library it needs."""

    team: Team
    app: Tree
    lib: Tree


@pytest.fixture(scope="module")
def shelf(stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """A private project with an application and a library, built with build and published with twine."""
    folder = tmp_path_factory.mktemp("shelf")
    desk, team = Desk(folder / "home", []), stand.make_team()
    lib, beta = (make_tree(folder / version, "toy-lib", version, Twine.build_system) for version in ("1.0.0", "1.1.0rc1"))
    app = make_tree(folder / "app", "toy-app", "2.0.0", Twine.build_system, requires="toy.lib>=1")
    for tree in (lib, beta, app):
        Twine().build(desk, tree)
        Twine().publish(desk, tree, upload_url(stand, team), team.writer)
    yield Shelf(team, app, lib)


@every_installer
@every_level
def test_installs_with_a_dependency(
    installer: Installer, index: Callable[[Stand, Team], str], shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path
) -> None:
    """This client does not find a private package or what it depends on, or takes a pre-release for the newest version."""
    login = shelf.team.reporter if index is group_index else shelf.team.reader

    site = installer.install(desk, tmp_path / "use", index(stand, shelf.team), login, "Toy_App")

    assert (site / "toy_app" / "__init__.py").exists()
    assert (site / "toy_lib-1.0.0.dist-info").is_dir()


@every_installer
@pytest.mark.parametrize("login", [None, WRONG], ids=["anonymous", "wrong"])
def test_installs_nothing_private_without_a_login(
    installer: Installer, login: Login | None, shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path
) -> None:
    """This client gets a private package anonymously or with a token that is not ours."""
    site = installer.install(desk, tmp_path / "use", project_index(stand, shelf.team), login, "toy-lib", status=None)

    assert not (site / "toy_lib").exists()


@pytest.mark.parametrize("installer", [Pip(), UvPip()], ids=lambda installer: type(installer).__name__)
def test_installs_from_a_public_project_without_a_login(installer: Installer, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A public package asks for a login."""
    team = stand.make_team(visibility="public")
    tree = make_tree(tmp_path / "tree", new_name("toy"), "1.0.0", Twine.build_system)
    Twine().build(desk, tree)
    Twine().publish(desk, tree, upload_url(stand, team), team.writer)

    for number, index in enumerate((project_index, group_index)):
        site = installer.install(desk, tmp_path / f"use{number}", index(stand, team), None, tree.name)
        assert (site / tree.module).is_dir()


def test_pip_takes_the_login_from_netrc(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """pip is not challenged in a way that makes it use the login in ~/.netrc."""
    netrc = desk.home / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {shelf.team.reader.user} password {shelf.team.reader.token}\n")
    netrc.chmod(0o600)

    site = Pip().install(desk, tmp_path / "use", project_index(stand, shelf.team), None, "toy-lib==1.0.0")

    assert (site / "toy_lib").is_dir()


def test_pip_installs_with_required_hashes(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """The digest that the registry lists is not the digest of the file that pip gets, or a wrong one is taken."""
    [package] = stand.list_packages(shelf.team.project, package_name="toy-lib", package_version="1.0.0")
    wheel = next(file for file in stand.list_files(shelf.team.project, package) if file["file_name"].endswith(".whl"))
    index = with_login(project_index(stand, shelf.team), shelf.team.reader)
    requirements = tmp_path / "requirements.txt"
    command: list[str | Path] = ["install", "--no-cache-dir", "--index-url", index, "--require-hashes", "-r", requirements, "--target"]

    requirements.write_text(f"toy-lib==1.0.0 --hash=sha256:{wheel['file_sha256']}\n")
    desk.run("pip", *command, tmp_path / "right", cwd=tmp_path)
    requirements.write_text(f"toy-lib==1.0.0 --hash=sha256:{'0' * 64}\n")
    desk.fail("pip", *command, tmp_path / "wrong", cwd=tmp_path)


def test_pip_builds_from_the_sdist(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """The sdist does not come back as it was published."""
    index = with_login(project_index(stand, shelf.team), shelf.team.reader)
    options: list[str | Path] = ["--no-cache-dir", "--no-binary", ":all:", "--no-build-isolation", "--no-deps"]

    desk.run("pip", "install", *options, "--index-url", index, "--target", tmp_path / "site", "toy-app", cwd=tmp_path)

    assert (tmp_path / "site" / "toy_app").is_dir()


def test_pip_lists_the_versions(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """`pip index versions` does not see each version, or does not know which one is a pre-release."""
    index = with_login(group_index(stand, shelf.team), shelf.team.reporter)

    stable = desk.run("pip", "index", "versions", "--index-url", index, "toy-lib", cwd=tmp_path).out
    every = desk.run("pip", "index", "versions", "--pre", "--index-url", index, "toy-lib", cwd=tmp_path).out

    assert "Available versions: 1.0.0\n" in stable
    assert "Available versions: 1.1.0rc1, 1.0.0\n" in every


def test_uv_leaves_out_what_is_newer_than_asked(shelf: Shelf, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """The index has no upload times that `--exclude-newer` can use."""
    index = with_login(project_index(stand, shelf.team), shelf.team.reader)
    command: list[str | Path] = ["pip", "install", "--no-cache", "--python", PYTHON, "--default-index", index]

    old = desk.fail("uv", *command, "--exclude-newer", "2020-01-01", "--target", tmp_path / "old", "toy-lib", cwd=tmp_path)
    desk.run("uv", *command, "--exclude-newer", "2999-01-01", "--target", tmp_path / "new", "toy-lib", cwd=tmp_path)

    assert "no versions of toy-lib" in old.said or "excluded" in old.said or "exclude-newer" in old.said, old.said


def test_group_shows_only_what_its_reader_may_read(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """At group level pip gets a package of a project that this user is no member of."""
    group = stand.make_group()
    seen, hidden = (stand.make_project(group) for _ in range(2))
    writer = stand.make_deploy_token(group, ("read_package_registry", "write_package_registry"), where="groups")
    reader = stand.make_member(seen, REPORTER, where="projects")
    names = []
    for project in (seen, hidden):
        tree = make_tree(tmp_path / project["path"], new_name("toy"), "1.0.0", Twine.build_system)
        Twine().build(desk, tree)
        Twine().publish(desk, tree, f"{stand.url}/api/v4/projects/{project['id']}/packages/pypi", writer)
        names.append(tree.name)
    index = f"{stand.url}/api/v4/groups/{group['id']}/-/packages/pypi/simple"

    Pip().install(desk, tmp_path / "seen", index, reader, names[0])
    Pip().install(desk, tmp_path / "hidden", index, reader, names[1], status=None)
