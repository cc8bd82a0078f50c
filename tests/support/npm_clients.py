"""How each client of the npm family is set up, publishes and installs: one class for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from programs import Desk, Run
from stand import Login, Stand, Team

NOWHERE = "http://127.0.0.1:1/"  # where anything without our scope would come from


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry URL, and the token sent to it; `also` are further URLs that get the token."""

    url: str
    login: Login | None
    also: tuple[str, ...] = ()


def project_registry(stand: Stand, team: Team, login: Login | None) -> Registry:
    return Registry(f"{stand.url}/api/v4/projects/{team.project['id']}/packages/npm/", login)


def group_registry(stand: Stand, team: Team, login: Login | None) -> Registry:
    return Registry(f"{stand.url}/api/v4/groups/{team.group['id']}/-/packages/npm/", login, (project_registry(stand, team, None).url,))


def instance_registry(stand: Stand, team: Team, login: Login | None) -> Registry:
    return Registry(f"{stand.url}/api/v4/packages/npm/", login, (project_registry(stand, team, None).url,))


def write_package(folder: Path, name: str, version: str, **more: Any) -> Path:
    """The source of a small package."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"name": name, "version": version, "description": "a small package", "license": "MIT", "main": "index.js", **more}
    (folder / "package.json").write_text(json.dumps(document))
    (folder / "index.js").write_text("module.exports = 42\n")
    (folder / "README.md").write_text(f"# {name}\n")
    return folder


class Client:
    """How one client is set up, publishes and installs."""

    name: str
    frozen: tuple[str, ...]  # installs exactly what the lock file says

    def configure(self, folder: Path, registry: Registry, scope: str) -> None:
        """Write .npmrc, as npm, pnpm and yarn 1 read it."""
        lines = [f"registry={NOWHERE}", f"@{scope}:registry={registry.url}"]
        if registry.login:
            lines += [f"{url.removeprefix('http:')}:_authToken={registry.login.token}" for url in (registry.url, *registry.also)]
        (folder / ".npmrc").write_text("\n".join(lines) + "\n")

    def environment(self, folder: Path) -> dict[str, str]:
        return {"npm_config_fetch_retries": "0", "npm_config_update_notifier": "false", "npm_config_globalconfig": "/dev/null"}

    def publish(self, desk: Desk, folder: Path, *options: str, status: int | None = 0) -> Run:
        return desk.run(self.name, "publish", *options, cwd=folder, env=self.environment(folder), status=status)

    def install(self, desk: Desk, folder: Path, *specs: str, status: int | None = 0) -> Run:
        return desk.run(self.name, *self.adding, *specs, cwd=folder, env=self.environment(folder), status=status)

    def install_frozen(self, desk: Desk, folder: Path) -> Run:
        return desk.run(self.name, *self.frozen, cwd=folder, env=self.environment(folder))

    adding: tuple[str, ...] = ()

    def new_user(self, folder: Path) -> Path:
        """A project that uses packages."""
        folder.mkdir()
        (folder / "package.json").write_text('{"name": "user", "version": "0.0.0", "private": true}')
        return folder


class Npm(Client):
    name = "npm"
    adding = ("install", "--no-audit", "--no-fund")
    frozen = ("ci", "--no-audit", "--no-fund")


class Pnpm(Client):
    name = "pnpm"
    adding = ("add",)
    frozen = ("install", "--frozen-lockfile")

    def environment(self, folder: Path) -> dict[str, str]:
        return {**super().environment(folder), "CI": "true"}

    def publish(self, desk: Desk, folder: Path, *options: str, status: int | None = 0) -> Run:
        return super().publish(desk, folder, "--no-git-checks", *options, status=status)


class YarnOne(Client):
    name = "yarn 1"
    adding = ("add", "--non-interactive")
    frozen = ("install", "--non-interactive", "--frozen-lockfile")

    def configure(self, folder: Path, registry: Registry, scope: str) -> None:
        super().configure(folder, registry, scope)
        with (folder / ".npmrc").open("a") as settings:
            # Without the suffix it sends no token to a tarball outside the registry's own path.
            settings.write(f"always-auth=true\ncustom-host-suffix={urlsplit(registry.url).netloc}\n")

    def publish(self, desk: Desk, folder: Path, *options: str, status: int | None = 0) -> Run:
        return super().publish(desk, folder, "--non-interactive", "--no-git-tag-version", *options, status=status)


class YarnBerry(Client):
    name = "yarn berry"
    adding = ("add",)
    frozen = ("install", "--immutable")

    def configure(self, folder: Path, registry: Registry, scope: str) -> None:
        # The gate's default of one day holds for each scope anew, whatever the file says at its top.
        url = registry.url.rstrip("/")
        token = f'\n    npmAuthToken: "{registry.login.token}"\n    npmAlwaysAuth: true' if registry.login else ""
        (folder / ".yarnrc.yml").write_text(
            f'npmScopes:\n  {scope}:\n    npmRegistryServer: "{url}"\n    npmPublishRegistry: "{url}"\n    npmMinimalAgeGate: 0{token}\n'
            f'npmRegistryServer: "{NOWHERE}"\n'
            'unsafeHttpWhitelist: ["127.0.0.1"]\nenableTelemetry: false\nnodeLinker: node-modules\nhttpRetry: 0\n'
            "enableGlobalCache: false\n"
        )
        (folder / "yarn.lock").touch()

    def publish(self, desk: Desk, folder: Path, *options: str, status: int | None = 0) -> Run:
        desk.run(self.name, "install", cwd=folder, env=self.environment(folder))
        return desk.run(self.name, "npm", "publish", *options, cwd=folder, env=self.environment(folder), status=status)


def publish_package(client: Client, desk: Desk, stand: Stand, team: Team, folder: Path, name: str, version: str = "1.0.0", **more: Any) -> Path:
    """Publish a small package with a token that may; its source tree."""
    write_package(folder, name, version, **more)
    client.configure(folder, project_registry(stand, team, team.writer), team.scope)
    client.publish(desk, folder)
    return folder


def installed_version(folder: Path, name: str) -> str | None:
    """The version that lies in node_modules, if any."""
    manifest = folder / "node_modules" / name / "package.json"
    return str(json.loads(manifest.read_text())["version"]) if manifest.exists() else None
