"""One round with a client of each format, on each database."""

from __future__ import annotations

from pathlib import Path

from npm_clients import Npm, installed_version, project_registry, publish_package
from programs import Desk
from pypi_clients import Pip, Twine, group_index, make_tree, upload_url
from stand import ADMIN_TOKEN, Stand


def test_publishes_and_installs_on_each_database(database_stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A format does not work on one of the databases, or what was published is gone after a restart."""
    stand, team = database_stand, database_stand.make_team()
    lib = f"@{team.scope}/lib"
    generic = f"{stand.url}/api/v4/projects/{team.project['id']}/packages/generic/tool/1.0/tool.bin"
    (tmp_path / "tool.bin").write_bytes(b"tool")
    tree = make_tree(tmp_path / "tree", "toy", "1.0.0", Twine.build_system)
    Twine().build(desk, tree)

    desk.run("curl", "--silent", "--fail", "--header", f"PRIVATE-TOKEN: {ADMIN_TOKEN}", "--upload-file", "tool.bin", generic, cwd=tmp_path)
    Twine().publish(desk, tree, upload_url(stand, team), team.writer)
    publish_package(Npm(), desk, stand, team, tmp_path / "lib", lib)
    stand.restart()

    assert {package["package_type"] for package in stand.list_packages(team.project)} == {"generic", "pypi", "npm"}
    assert desk.run("curl", "--silent", "--fail", "--header", f"Deploy-Token: {team.reader.token}", generic, cwd=tmp_path).out == "tool"
    assert (Pip().install(desk, tmp_path / "use", group_index(stand, team), team.reporter, "toy") / "toy").is_dir()
    user = Npm().new_user(tmp_path / "user")
    Npm().configure(user, project_registry(stand, team, team.reader), team.scope)
    Npm().install(desk, user, lib)
    assert installed_version(user, lib) == "1.0.0"
