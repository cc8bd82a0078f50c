"""Conda channels against a running server: packages built by conda's own tools, solved for and installed by rattler, which is what pixi runs on."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from programs import Desk, Run
from stand import Login, Stand, Team
from wire import basic

from packhouse.formats.conda import names

Json = dict[str, Any]

# py-rattler 0.28 now and then dies of a segmentation fault on its way out
LEAVE = """
import os
sys.stdout.flush()
os._exit(0)
"""
SOLVE = """\
import asyncio, json, sys
from rattler import Channel, Gateway, SourceConfig, install, solve
from rattler.networking import AuthenticationMiddleware, Client

asked = json.load(sys.stdin)

async def main():
    client = Client([AuthenticationMiddleware()])
    gateway = Gateway(cache_dir=asked["cache"] + "/repodata", client=client, default_config=SourceConfig(**asked["source"]))
    records = await solve([Channel(asked["channel"])], asked["specs"], platforms=["noarch", "linux-64"], gateway=gateway)
    if asked["prefix"]:
        await install(records, target_prefix=asked["prefix"], cache_dir=asked["cache"], client=client, show_progress=False)
    print(json.dumps([record.file_name for record in records]))

asyncio.run(main())
"""
MEANWHILE = """\
import asyncio, json, sys, urllib.request
from rattler import Channel, Gateway
from rattler.networking import AuthenticationMiddleware, Client

asked = json.load(sys.stdin)

async def main():
    gateway = Gateway(cache_dir=asked["cache"], client=Client([AuthenticationMiddleware()]))
    await gateway.query([Channel(asked["channel"])], ["noarch"], ["toy"], recursive=False)
    with open(asked["file"], "rb") as file:
        headers = {"Authorization": "Bearer " + asked["token"]}
        urllib.request.urlopen(urllib.request.Request(asked["address"], file.read(), headers, method="PUT"))
    found = await gateway.query([Channel(asked["channel"])], ["noarch"], ["libtoy"], recursive=False)
    print(json.dumps([record.file_name for records in found for record in records]))

asyncio.run(main())
"""
UPLOAD = """\
import json, sys
import rattler_build

asked = json.load(sys.stdin)
getattr(rattler_build, asked.pop("call"))(**asked)
"""
BUILD = """\
import sys
from rattler_build import Stage0Recipe

Stage0Recipe.from_file(sys.argv[1]).run_build(output_dir=sys.argv[2], channels=[])
"""
INDEX = """\
import asyncio, sys
from rattler.index import index_fs

asyncio.run(index_fs(sys.argv[1]))
"""
PEEK = """\
import json, sys
import requests
from conda_package_streaming.url import stream_conda_info

asked = json.load(sys.stdin)
session = requests.Session()
session.auth = tuple(asked["auth"])
fetched = []
session.hooks["response"].append(lambda answer, **_: fetched.append((answer.request.method, int(answer.headers["Content-Length"]))))
for tar, member in stream_conda_info(asked["url"], session=session):
    if member.name == "info/index.json":
        found = json.load(tar.extractfile(member))
print(json.dumps([found, fetched]))
"""
COMPARE = """\
import json, sys
from rattler import Version

pairs = json.load(sys.stdin)
print(json.dumps([(a > b) - (a < b) for a, b in ((Version(a), Version(b)) for a, b in pairs)]))
"""
RECIPE = """\
package:
  name: recipe-toy
  version: 1.2.3
build:
  noarch: generic
  script:
    - mkdir -p $PREFIX/share
    - echo built > $PREFIX/share/recipe-toy.txt
about:
  summary: A toy with a recipe
  license: MIT
"""


@dataclass(frozen=True)
class Shop:
    """Somebody with conda's tools and a channel."""

    stand: Stand
    desk: Desk
    folder: Path
    team: Team

    @property
    def channel(self) -> str:
        return f"{self.stand.url}/api/v4/projects/{self.team.project['id']}/packages/conda"

    @property
    def group_channel(self) -> str:
        return f"{self.stand.url}/api/v4/groups/{self.team.group['id']}/-/packages/conda"

    def build(self, name: str, version: str = "1.0", build: str = "0", *, extension: str = ".conda", subdir: str = "noarch", **more: Any) -> Path:
        """A package with one file, by conda-package-handling."""
        tree = self.folder / f"{name}-{version}-{build}-{subdir}"
        (tree / "info").mkdir(parents=True, exist_ok=True)
        (tree / "share").mkdir(exist_ok=True)
        (tree / "share" / f"{name}.txt").write_text(f"{name} {version} {build}\n")
        index = {"name": name, "version": version, "build": build, "build_number": 0, "depends": [], "subdir": subdir, **more}
        if subdir == "noarch":
            index["noarch"] = "generic"
        paths = {"paths_version": 1, "paths": [{"_path": f"share/{name}.txt", "path_type": "hardlink"}]}
        for file, content in (("index", index), ("paths", paths), ("about", {"summary": f"the {name}"})):
            (tree / "info" / f"{file}.json").write_text(json.dumps(content))
        (tree / "info" / "files").write_text(f"share/{name}.txt\n")
        made = self.folder / f"{name}-{version}-{build}{extension}"
        self.desk.run("cph", "create", tree, made, cwd=self.folder)
        return made

    def publish(self, file: Path, channel: str = "") -> None:
        """By curl, as nothing else speaks to every registry."""
        login = self.team.writer
        address = f"{self.channel}/{channel}".rstrip("/")
        self.desk.run("curl", "-sS", "--fail-with-body", "--user", f"{login.user}:{login.token}", "-T", file, f"{address}/", cwd=self.folder)

    def script(self, client: str, text: str, asked: object = None, *arguments: str | Path, status: int | None = 0, **env: str) -> Run:
        """A script that uses one of the libraries."""
        return self.desk.run(
            client, "-c", text + LEAVE, *arguments, cwd=self.folder, env=env, status=status, stdin=json.dumps(asked).encode(), timeout=60
        )

    def solve(
        self,
        *specs: str,
        channel: str = "",
        login: Json | None = None,
        install: bool = False,
        status: int | None = 0,
        source: Mapping[str, bool] | None = None,
    ) -> tuple[list[str], Run]:
        """What rattler picks, and where asked, has installed below `prefix`."""
        number = time.monotonic_ns()
        cache = self.folder / f"cache-{number}"
        auth = self.folder / f"auth-{number}.json"
        login = {"BearerToken": self.team.reader.token} if login is None else login
        auth.write_text(json.dumps({urlsplit(self.channel).hostname: login} if login else {}))
        asked = {
            "channel": channel or self.channel, "specs": specs, "cache": str(cache), "source": source or {},
            "prefix": str(self.folder / "prefix") if install else "",
        }  # fmt: skip
        run = self.script("py-rattler", SOLVE, asked, status=status, RATTLER_AUTH_FILE=str(auth), RATTLER_CACHE_DIR=str(cache))
        return sorted(json.loads(run.out)) if run.status == 0 else [], run


@pytest.fixture(name="shop")
def open_shop(stand: Stand, desk: Desk, tmp_path: Path, team: Team) -> Shop:
    return Shop(stand, desk, tmp_path, team)


def basic_login(login: Login) -> Json:
    return {"BasicHTTP": {"username": login.user, "password": login.token}}


def test_publish_and_install(shop: Shop) -> None:
    """A package that was published could not be solved for and installed, or one that it needs, from a project, a channel of it, or a group."""
    lib = shop.build("libtoy", "1.10", extension=".tar.bz2", subdir="linux-64", timestamp=1_700_000_000_000, license="MIT")
    app = shop.build("app", "1!2.0", "h1_0", depends=["libtoy >=1.9"], constrains=["other <1"], x_unknown=[1])
    for channel in ("", "team/test"):
        for file in (shop.build("libtoy", "1.9", subdir="linux-64"), lib, app):
            shop.publish(file, channel)
    wanted = ["app-1!2.0-h1_0.conda", "libtoy-1.10-0.tar.bz2"]
    for channel in (shop.channel, f"{shop.channel}/team/test"):
        assert shop.solve("app", channel=channel)[0] == wanted
    login = {"BearerToken": shop.team.developer.token}
    assert shop.solve("app", channel=shop.group_channel, login=login, install=True)[0] == wanted
    prefix = shop.folder / "prefix"
    assert (prefix / "share/app.txt").read_text() == "app 1!2.0 h1_0\n"
    assert (prefix / "share/libtoy.txt").read_text() == "libtoy 1.10 0\n"
    assert len(list((prefix / "conda-meta").glob("*.json"))) == 2


@pytest.mark.parametrize(
    "source",
    [{}, {"sharded_enabled": False}, {"sharded_enabled": False, "zstd_enabled": False},
     {"sharded_enabled": False, "zstd_enabled": False, "bz2_enabled": False}],
    ids=["shards", "zstd", "bzip2", "plain"],
)  # fmt: skip
def test_every_form_of_the_records(shop: Shop, source: Mapping[str, bool]) -> None:
    """A client could fail over one of the forms that the records come in, or not see what was published since."""
    shop.publish(shop.build("toy", "1.0", track_features="a b", features="c", license_family="MIT", python_site_packages_path=None))
    assert shop.solve("toy", source=source)[0] == ["toy-1.0-0.conda"]
    shop.publish(shop.build("toy", "1.1", build="1"))
    assert shop.solve("toy", source=source)[0] == ["toy-1.1-1.conda"]
    assert shop.solve("toy <1.1", source=source, install=True)[0] == ["toy-1.0-0.conda"]


def test_publish_while_somebody_solves(shop: Shop) -> None:
    """A client that has read which shards there are could find one gone, and give up, as somebody has published meanwhile."""
    for name in ("toy", "libtoy"):
        shop.publish(shop.build(name))
    new = shop.build("libtoy", "2.0")
    auth = shop.folder / "auth.json"
    auth.write_text(json.dumps({urlsplit(shop.channel).hostname: {"BearerToken": shop.team.writer.token}}))
    asked = {
        "channel": shop.channel, "file": str(new), "address": f"{shop.channel}/{new.name}", "token": shop.team.writer.token,
        "cache": str(shop.folder / "cache"),
    }  # fmt: skip
    run = shop.script("py-rattler", MEANWHILE, asked, RATTLER_AUTH_FILE=str(auth))
    assert json.loads(run.out) == ["libtoy-1.0-0.conda"], "as of the list"
    assert shop.solve("libtoy")[0] == ["libtoy-2.0-0.conda"]


def test_who_may_read(shop: Shop) -> None:
    """A way of saying who one is could be refused, or a stranger be let in."""
    shop.publish(shop.build("toy"))
    assert shop.solve("toy", login=basic_login(shop.team.reader), install=True)[0] == ["toy-1.0-0.conda"]
    assert shop.solve("toy", login={"CondaToken": shop.team.reader.token}, install=True)[0] == ["toy-1.0-0.conda"]
    for login in ({}, basic_login(shop.team.stranger), {"BearerToken": "wrong"}):
        _, run = shop.solve("toy", login=login, status=None)
        assert "toy-1.0-0" not in run.out


def test_yanked(shop: Shop) -> None:
    """A version that was withdrawn could still be picked."""
    for version in ("1.0", "1.1"):
        shop.publish(shop.build("toy", version))
    assert shop.solve("toy")[0] == ["toy-1.1-0.conda"]
    maintainer = shop.team.maintainer
    path = urlsplit(shop.channel).path
    shop.stand.http.request("PUT", f"{path}/yank/toy/1.1", None, basic(maintainer.user, maintainer.token)).expect(204)
    for source in ({}, {"sharded_enabled": False}):
        assert shop.solve("toy", source=source)[0] == ["toy-1.0-0.conda"]


def test_rattler_build(shop: Shop) -> None:
    """A package that rattler-build made could not be published by it, in either of the ways that fit."""
    recipe = shop.folder / "recipe" / "recipe.yaml"
    recipe.parent.mkdir()
    recipe.write_text(RECIPE)
    shop.script("py-rattler-build", BUILD, None, recipe, shop.folder / "output")
    (built,) = (shop.folder / "output").glob("noarch/recipe-toy-1.2.3-*.conda")
    token = shop.team.writer.token
    quetz = {"call": "upload_package_to_quetz", "package_files": [str(built)], "url": shop.channel, "channels": "quetz", "api_key": token}
    shop.script("py-rattler-build", UPLOAD, quetz)
    artifactory = {"call": "upload_package_to_artifactory", "package_files": [str(built)], "url": shop.channel, "channels": "art", "token": token}
    shop.script("py-rattler-build", UPLOAD, artifactory)
    for channel in ("quetz", "art"):
        assert shop.solve("recipe-toy", channel=f"{shop.channel}/{channel}", install=True)[0] == [built.name]
    assert (shop.folder / "prefix/share/recipe-toy.txt").read_text() == "built\n"


def test_records_as_an_indexer_has_them(shop: Shop) -> None:
    """A record could differ from what rattler's own indexer makes of the same file."""
    more = {"depends": ["a >=1"], "constrains": ["b"], "timestamp": 1_700_000_000_000, "license": "MIT"}
    for subdir, extension in itertools.product(("noarch", "linux-64"), (".conda", ".tar.bz2")):
        file = shop.build("toy", "1.0", extension[1:2], extension=extension, subdir=subdir, **more)
        shop.publish(file)
        target = shop.folder / "channel" / subdir / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    shop.script("py-rattler", INDEX, None, shop.folder / "channel")
    login = shop.team.reader
    for subdir in ("noarch", "linux-64"):
        path = f"{urlsplit(shop.channel).path}/{subdir}/repodata.json"
        ours = shop.stand.http.get(path, basic(login.user, login.token)).expect(200).json()
        theirs = json.loads((shop.folder / "channel" / subdir / "repodata.json").read_text())
        assert ours["info"] == theirs["info"] and ours["repodata_version"] == theirs["repodata_version"]
        for section in ("packages", "packages.conda"):
            for record in (*ours[section].values(), *theirs[section].values()):
                record.pop("indexed_timestamp")
            assert ours[section] == theirs[section] and len(ours[section]) == 1


def test_info_of_a_large_package(shop: Shop) -> None:
    """A client that wants to know what is in a package could have to fetch all of it."""
    (shop.folder / "large-1.0-0-noarch" / "share").mkdir(parents=True)
    (shop.folder / "large-1.0-0-noarch" / "share" / "noise").write_bytes(os.urandom(1024 * 1024))
    shop.publish(shop.build("large", "1.0"))
    login = shop.team.reader
    asked = {"url": f"{shop.channel}/noarch/large-1.0-0.conda", "auth": [login.user, login.token]}
    found, fetched = json.loads(shop.script("conda-package-streaming", PEEK, asked).out)
    assert found["name"] == "large"
    assert 0 < sum(size for method, size in fetched if method == "GET") < 100_000


# what is accepted of an index that no builder writes: a solver may pass such a package over, but not the others of its channel
ODD: tuple[Json, ...] = (
    {"depends": ["!!!bad === ["]}, {"depends": ["python >=", "", "a\nb"]}, {"constrains": ["=== ["]}, {"noarch": True}, {"license": None},
    {"features": None}, {"timestamp": None}, {"timestamp": 32_503_680_000_000}, {"purls": ["pkg:pypi/toy@1.0"]},
    {"purls": None}, {"build_number": 2**63 - 1},
    {"run_exports": {"odd": ["a"]}}, {"extra_depends": {"a": ["b"]}}, {"flags": ["a"]}, {"arch": None, "platform": "odd"}, {"x": [-(2**63), 1e308]},
    {"python_site_packages_path": None}, {"legacy_bz2_size": None, "legacy_bz2_md5": None}, {"track_features": ["a", "b"]},
)  # fmt: skip


def test_odd_records(shop: Shop) -> None:
    """One package that says odd things of itself could lose its readers all others of the channel."""
    for number, more in enumerate(ODD):
        shop.publish(shop.build("toy", f"2.{number}", **more))
    shop.publish(shop.build("good", depends=["toy"]))
    for source in ({}, {"sharded_enabled": False}):
        assert len(shop.solve("good", source=source)[0]) == 2


VERSIONS = (
    "0", "0.4", "0.4.0", "0.4.1.rc", "0.4.1rc1", "0.4.1", "0.5a1", "0.5b3", "0.5c1", "0.5", "0.9.6", "0.960923", "1.0", "1.1dev1", "1.1a1",
    "1.1.0dev1",
    "1.1.dev1", "1.1.a1", "1.1.0rc1", "1.1.0", "1.1", "1.1.0post1", "1.1.post1", "1.1post1", "1996.07.12", "1!0.4.1", "1!3.1.1.6", "2!0.4.1",
    "1.0+local",
    "1.0+local.1", "1.0+1", "1_0", "rc", "dev", "post", "1.0.1a", "1.0.1post.a", "1.0.1post.z", "0.0.0.1", "1a1b2", "1.1rc", "1.1.0rc", "1.1.rc",
    "1.2dev",
    "1.2post", "999999999999999999",
)  # fmt: skip


def test_order_of_versions(shop: Shop) -> None:
    """What is shown as the newest version could be another than clients install."""
    pairs = list(itertools.product(VERSIONS, repeat=2))
    theirs = json.loads(shop.script("py-rattler", COMPARE, pairs).out)
    keys = {version: names.version_key(version) for version in VERSIONS}
    ours = [(keys[a] > keys[b]) - (keys[a] < keys[b]) for a, b in pairs]
    assert [(pair, mine, other) for pair, mine, other in zip(pairs, ours, theirs, strict=True) if mine != other] == []
