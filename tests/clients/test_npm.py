"""The npm family against a running server: npm, pnpm, yarn 1 and yarn berry publish and install, each with its own settings file."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from npm_clients import (
    NOWHERE,
    Client,
    Npm,
    Pnpm,
    YarnBerry,
    YarnOne,
    group_registry,
    installed_version,
    instance_registry,
    project_registry,
    publish_package,
    write_package,
)  # fmt: skip
from programs import Desk, Run
from stand import Login, Stand, Team, new_name

WRONG = Login("nobody", "phpat_not_a_token")

CLIENTS = [Npm(), Pnpm(), YarnOne(), YarnBerry()]
every_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)


@every_client
def test_publishes_and_installs(client: Client, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A private package published with this client, or what it depends on, does not come back."""
    lib, app = (f"@{team.scope}/{name}" for name in ("lib", "app"))
    publish_package(client, desk, stand, team, tmp_path / "lib", lib, "1.2.3")
    publish_package(client, desk, stand, team, tmp_path / "app", app, "2.0.0", dependencies={lib: "^1.0.0"})
    user = client.new_user(tmp_path / "use")
    client.configure(user, project_registry(stand, team, team.reader), team.scope)

    client.install(desk, user, app)

    assert installed_version(user, app) == "2.0.0"
    packages = stand.list_packages(team.project, package_type="npm")
    assert {package["name"]: package["version"] for package in packages} == {lib: "1.2.3", app: "2.0.0"}
    assert [tag["name"] for tag in packages[0]["tags"]] == ["latest"]
    shutil.rmtree(user / "node_modules")
    client.install_frozen(desk, user)
    assert installed_version(user, app) == "2.0.0"
    assert (user / "node_modules" / app / "index.js").read_text() == "module.exports = 42\n"


@every_client
def test_is_refused_other_bytes_under_a_published_version(client: Client, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """This client replaces a published version, or is not told that it was refused."""
    folder = publish_package(client, desk, stand, team, tmp_path / "lib", f"@{team.scope}/lib")
    [package] = stand.list_packages(team.project)
    before = stand.list_files(team.project, package)
    (folder / "index.js").write_text("module.exports = 43\n")

    said = client.publish(desk, folder, status=None).said

    assert re.search("already exists|previously published", said), said  # npm looks before it asks
    assert stand.list_files(team.project, package) == before


@every_client
def test_publishes_nothing_without_the_right(client: Client, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A token that may only read, or none that is ours, publishes with this client."""
    folder = write_package(tmp_path / "lib", f"@{team.scope}/lib", "1.0.0")
    reasons = {
        team.reader: r"\b403|higher privileges",
        WRONG: r"\b401|E401|is wrong|Invalid authentication",
        team.stranger: r"\b404|Project not found",
    }
    for login, reason in reasons.items():
        client.configure(folder, project_registry(stand, team, login), team.scope)
        said = client.publish(desk, folder, status=None).said
        assert re.search(reason, said), said

    assert stand.list_packages(team.project) == []


@every_client
def test_installs_nothing_private_without_a_login(client: Client, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """This client gets a private package anonymously, with a token that is not ours, or as a stranger."""
    name = f"@{team.scope}/lib"
    publish_package(Npm(), desk, stand, team, tmp_path / "lib", name)
    user = client.new_user(tmp_path / "use")
    for login, reason in {
        None: "401|Unauthorized|Invalid authentication",
        WRONG: "401|Invalid authentication|is wrong",
        team.stranger: "404|not found",
    }.items():
        client.configure(user, project_registry(stand, team, login), team.scope)
        said = client.install(desk, user, name, status=None).said
        assert re.search(reason, said), said

    assert installed_version(user, name) is None


@every_client
@pytest.mark.parametrize("level", [group_registry, instance_registry], ids=["group", "instance"])
def test_installs_from_higher_levels(client: Client, level: Any, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """This client does not find a package at group level, or at instance level by its scope."""
    name = f"@{team.scope}/lib"
    publish_package(Npm(), desk, stand, team, tmp_path / "lib", name)
    user = client.new_user(tmp_path / "use")
    client.configure(user, level(stand, team, team.reporter), team.scope)

    client.install(desk, user, name)

    assert installed_version(user, name) == "1.0.0"


@every_client
def test_installs_by_tag_and_range(client: Client, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A published tag or a range picks another version than it should."""
    name = f"@{team.scope}/lib"
    folder = publish_package(client, desk, stand, team, tmp_path / "lib", name, "1.0.0")
    write_package(folder, name, "2.0.0-beta.1")
    client.publish(desk, folder, "--tag", "beta")
    picked = []
    for number, wanted in enumerate(("", "@beta", "@^1.0.0")):
        user = client.new_user(tmp_path / f"use{number}")
        client.configure(user, project_registry(stand, team, team.reader), team.scope)
        client.install(desk, user, name + wanted)
        picked.append(installed_version(user, name))

    assert picked == ["1.0.0", "2.0.0-beta.1", "1.0.0"]


# -- what only npm does ----------------------------------------------------------------------------------------------


class Shop:
    """npm in the source tree of one package, as a person with this login."""

    def __init__(self, desk: Desk, stand: Stand, team: Team, folder: Path) -> None:
        self.desk, self.stand, self.team, self.folder = desk, stand, team, folder
        self.package = f"@{team.scope}/lib"

    def publish(self, version: str, *options: str) -> None:
        write_package(self.folder, self.package, version)
        self.npm(self.team.writer, "publish", *options)

    def npm(self, login: Login | None, *arguments: str, status: int | None = 0) -> Run:
        npm = Npm()
        npm.configure(self.folder, project_registry(self.stand, self.team, login), self.team.scope)
        return self.desk.run("npm", *arguments, cwd=self.folder, env=npm.environment(self.folder), status=status)

    def unpublish(self, login: Login, *arguments: str, status: int | None = 0) -> Run:
        # npm 9 asks the default registry here, whatever the scope says.
        registry = project_registry(self.stand, self.team, None).url
        return self.npm(login, "unpublish", "--registry", registry, *arguments, status=status)

    def view(self, *fields: str) -> Any:
        return json.loads(self.npm(self.team.reader, "view", "--json", self.package, *fields).out or "null")

    def tags(self) -> set[str]:
        return set(self.npm(self.team.reader, "dist-tag", "ls", self.package).out.splitlines())


@pytest.fixture
def shop(desk: Desk, stand: Stand, team: Team, tmp_path: Path) -> Shop:
    """npm in a folder of its own, with nothing published yet."""
    return Shop(desk, stand, team, tmp_path / "lib")


def test_dist_tags_move(shop: Shop) -> None:
    """`npm dist-tag` does not add, move, list or remove a tag, or removes it for one who may not."""
    shop.publish("1.0.0")
    shop.publish("1.1.0-beta.1", "--tag", "beta")
    shop.npm(shop.team.writer, "dist-tag", "add", f"{shop.package}@1.1.0-beta.1", "next")
    assert shop.tags() == {"beta: 1.1.0-beta.1", "latest: 1.0.0", "next: 1.1.0-beta.1"}

    shop.npm(shop.team.developer, "dist-tag", "add", f"{shop.package}@1.0.0", "next")
    shop.npm(shop.team.developer, "dist-tag", "rm", shop.package, "beta", status=None)
    assert shop.tags() == {"beta: 1.1.0-beta.1", "latest: 1.0.0", "next: 1.0.0"}

    shop.npm(shop.team.maintainer, "dist-tag", "rm", shop.package, "beta")
    shop.npm(shop.team.reader, "dist-tag", "add", f"{shop.package}@1.0.0", "mine", status=None)
    assert shop.tags() == {"latest: 1.0.0", "next: 1.0.0"}


def test_deprecation_is_shown_and_taken_back(shop: Shop) -> None:
    """`npm deprecate` does not reach who installs, cannot be undone, or works for a developer."""
    shop.publish("1.0.0")
    shop.npm(shop.team.developer, "deprecate", shop.package, "no", status=None)
    assert shop.view("deprecated") is None

    shop.npm(shop.team.maintainer, "deprecate", shop.package, "use another")
    assert shop.view("deprecated") == "use another"

    shop.npm(shop.team.maintainer, "deprecate", shop.package, "")
    assert shop.view("deprecated") is None


def test_one_version_is_unpublished(shop: Shop) -> None:
    """`npm unpublish` leaves the version, takes another with it, or works for a developer."""
    shop.publish("1.0.0")
    shop.publish("1.1.0")
    shop.unpublish(shop.team.developer, f"{shop.package}@1.1.0", status=None)
    assert shop.view("versions") == ["1.0.0", "1.1.0"]

    shop.unpublish(shop.team.maintainer, f"{shop.package}@1.1.0")

    assert shop.view("versions") in ("1.0.0", ["1.0.0"])
    assert shop.view("dist-tags") == {"latest": "1.0.0"}


def test_whole_package_is_unpublished(shop: Shop) -> None:
    """`npm unpublish --force` leaves something behind, or the name cannot be used again."""
    shop.publish("1.0.0")
    shop.publish("1.1.0")

    shop.unpublish(shop.team.maintainer, "--force", shop.package)

    assert shop.stand.list_packages(shop.team.project) == []
    assert "E404" in shop.npm(shop.team.reader, "view", shop.package, status=None).err
    shop.publish("1.0.0")
    assert shop.view("version") == "1.0.0"


def test_view_shows_what_was_published(shop: Shop) -> None:
    """`npm view` lacks what the package says of itself, its integrity, or when it was published."""
    shop.publish("1.0.0")

    seen = shop.view()

    assert (seen["name"], seen["version"], seen["license"]) == (shop.package, "1.0.0", "MIT")
    assert seen["description"] == "a small package"
    assert seen["dist"]["integrity"].startswith("sha512-")
    assert set(seen["time"]) >= {"1.0.0", "created", "modified"}


def test_tarball_has_the_integrity_that_the_document_says(shop: Shop, tmp_path: Path) -> None:
    """`npm pack` of a published package gets bytes other than its integrity says."""
    shop.publish("1.0.0")
    promised = shop.view("dist.integrity")
    shop.folder = tmp_path / "elsewhere"
    shop.folder.mkdir()

    [packed] = json.loads(shop.npm(shop.team.reader, "pack", "--json", f"{shop.package}@1.0.0").out)

    assert packed["integrity"] == promised


def test_small_commands_answer(shop: Shop) -> None:
    """`npm ping`, `npm whoami`, `npm search` or `npm audit` fails against this registry."""
    shop.publish("1.0.0")
    registry = project_registry(shop.stand, shop.team, None).url

    shop.npm(shop.team.developer, "ping", "--registry", registry)
    assert shop.npm(shop.team.developer, "whoami", "--registry", registry).out.strip() == shop.team.developer.user
    found = json.loads(shop.npm(shop.team.developer, "search", "--json", "--registry", registry, "lib").out)
    assert [entry["name"] for entry in found] == [shop.package]


def test_audit_of_a_private_package_finds_nothing(shop: Shop, tmp_path: Path) -> None:
    """`npm audit` breaks on the answer of this registry."""
    shop.publish("1.0.0")
    user = Npm().new_user(tmp_path / "use")
    registry = project_registry(shop.stand, shop.team, shop.team.reader)
    Npm().configure(user, registry, shop.team.scope)
    Npm().install(shop.desk, user, shop.package)

    audit = shop.desk.run("npm", "audit", "--json", "--registry", registry.url, cwd=user, env=Npm().environment(user))

    assert json.loads(audit.out)["metadata"]["vulnerabilities"]["total"] == 0


def test_unscoped_name_is_published_to_a_project(desk: Desk, stand: Stand, team: Team, tmp_path: Path) -> None:
    """A name without a scope cannot be published and installed at project level."""
    name = new_name("plain")
    registry = project_registry(stand, team, team.writer)
    folder, user = write_package(tmp_path / "lib", name, "1.0.0"), Npm().new_user(tmp_path / "use")
    for place in (folder, user):
        Npm().configure(place, registry, team.scope)
        (place / ".npmrc").write_text((place / ".npmrc").read_text().replace(NOWHERE, registry.url))

    Npm().publish(desk, folder)
    Npm().install(desk, user, name)

    assert installed_version(user, name) == "1.0.0"


def test_public_package_is_installed_without_a_login(desk: Desk, stand: Stand, tmp_path: Path) -> None:
    """A public package asks for a login."""
    team = stand.make_team(visibility="public")
    name = f"@{team.scope}/lib"
    publish_package(Npm(), desk, stand, team, tmp_path / "lib", name)
    for level in (project_registry, group_registry, instance_registry):
        user = Npm().new_user(tmp_path / level.__name__)
        Npm().configure(user, level(stand, team, None), team.scope)
        Npm().install(desk, user, name)
        assert installed_version(user, name) == "1.0.0"


def test_npm_says_why_it_was_refused(shop: Shop) -> None:
    """Whoever publishes other bytes under a published version cannot read from npm's output that it exists."""
    shop.publish("1.0.0")
    (shop.folder / "index.js").write_text("module.exports = 43\n")

    refused = shop.npm(shop.team.writer, "publish", status=None)

    assert "403" in refused.err or "cannot publish over" in refused.err, refused.err
    assert "already exists" in refused.err or "previously published" in refused.err, refused.err
