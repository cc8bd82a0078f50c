"""What to paste for npm, pnpm and yarn. The registry is bound to the scope of the name, so that private names are asked for in one place only."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from packhouse.contract import Imported, Moment, Sending, Snippet, Transfer
from packhouse.formats.npm import names
from packhouse.model import PackageRow

TOKEN = "${NPM_TOKEN}"

YARNRC_SCOPED = """\
npmScopes:
  {scope}:
    npmRegistryServer: "{registry}"
    npmPublishRegistry: "{registry}"
    npmAlwaysAuth: true
    npmAuthToken: "{token}"
    npmMinimalAgeGate: 0"""

YARNRC = """\
npmRegistryServer: "{registry}"
npmAlwaysAuth: true
npmAuthToken: "{token}\""""

PUBLISH_CONFIG = """\
"publishConfig": {{
  "{key}": "{registry}/"
}}"""

# The scope of the name decides where it goes, so that a manifest without publishConfig cannot publish to the world.
JOB = """\
scope="$(npm pkg get name | sed -En 's|^"(@[^/]+)/.*|\\1:|p')"
npm config set --location=user "${{scope}}registry={registry}/"
npm config set --location=user '{token}=${{CI_JOB_TOKEN}}'
npm publish"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the package from this scope, set the clients up, and publish to this project."""
    name = package.name if package else "@my-scope/my-package"
    scope = names.split_name(name)[0]
    return (*install(name), *setup(scope, moment, package), *(publish(scope, moment.here) if moment.level == "project" else ()))


def install(name: str) -> Sequence[Snippet]:
    return (
        Snippet(client="npm", kind="install", language="shell", title="Install with npm", text=f"npm install {name}"),
        Snippet(client="pnpm", kind="install", language="shell", title="Add with pnpm", text=f"pnpm add {name}"),
        Snippet(client="yarn", kind="install", language="shell", title="Add with Yarn", text=f"yarn add {name}"),
    )


def setup(scope: str | None, moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    yarnrc = YARNRC_SCOPED if scope else YARNRC
    modern = yarnrc.format(scope=scope, registry=moment.here, token=TOKEN)
    return (
        Snippet(client="npm", kind="setup", language="ini", title=".npmrc for npm, pnpm and Yarn 1", text=npmrc(scope, moment, package)),
        Snippet(client="yarn", kind="setup", language="yaml", title=".yarnrc.yml for Yarn 2 and later", text=modern),
    )


def npmrc(scope: str | None, moment: Moment, package: PackageRow | None) -> str:
    """The registry, with the slash at its end that clients insist on, and the token for it.

    Tarballs come from the address of their project, which needs the token too. npm and pnpm find one that is set for the whole API; Yarn 1 does not.
    """
    tarballs = moment.project(package.project) if package else moment.api
    places = [moment.here] if moment.level == "project" else [moment.here, tarballs]
    tokens = (f"{place.partition(':')[2]}/:_authToken={TOKEN}" for place in places)
    return "\n".join((f"{registry_key(scope)}={moment.here}/", *tokens))


def registry_key(scope: str | None) -> str:
    return f"@{scope}:registry" if scope else "registry"


def publish(scope: str | None, registry: str) -> Sequence[Snippet]:
    key, token = registry_key(scope), f"{registry.partition(':')[2]}/:_authToken"
    config = PUBLISH_CONFIG.format(key=key, registry=registry)
    return (
        Snippet(client="npm", kind="publish", language="json", title="package.json", text=config),
        Snippet(client="npm", kind="publish", language="shell", title="Publish with npm", text="npm publish"),
        Snippet(client="pnpm", kind="publish", language="shell", title="Publish with pnpm", text="pnpm publish"),
        Snippet(client="yarn", kind="publish", language="shell", title="Publish with Yarn", text="yarn npm publish"),
        Snippet(client="npm", kind="publish", language="shell", title="Publish from a job", text=JOB.format(registry=registry, token=token)),
    )


# -- the same for `packhouse import` -----------------------------------------------------------------------------------


def publish_tarball(file: Imported) -> Sending:
    """The document that npm sends, made from the tarball alone. Raises `InvalidUpload`."""
    from packhouse.formats.npm.parse.tarball import read_tarball  # not in the processes that serve

    content = Path(file.path).read_bytes()
    dist = {"shasum": hashlib.sha1(content).hexdigest(), "integrity": "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()}
    manifest = {**msgspec.json.decode(read_tarball(file.path).manifest), "dist": dist}
    attachment = {"content_type": "application/octet-stream", "data": base64.b64encode(content).decode(), "length": len(content)}
    document = {
        "_id": file.name,
        "name": file.name,
        "dist-tags": {"latest": file.version},
        "versions": {file.version: manifest},
        "_attachments": {f"{file.name}-{file.version}.tgz": attachment},
    }
    return Sending(method="PUT", tail=quote(file.name, safe="@"), body=msgspec.json.encode(document))


def set_tag(name: str, version: str, tag: str) -> Sending:
    tail = f"-/package/{quote(name, safe='@')}/dist-tags/{quote(tag, safe='')}"
    return Sending(method="PUT", tail=tail, body=msgspec.json.encode(version))


TRANSFER = Transfer(fetch=lambda file: f"{quote(file.name, safe='@/')}/-/{quote(file.file_name, safe='@/')}", publish=publish_tarball, tag=set_tag)
