"""puppet, r10k, librarian-puppet and the library of the Forge against a running server: modules that curl and PDK's own request have published."""

from __future__ import annotations

import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from programs import Desk, Run
from stand import Login, Stand, Team
from wire import Answer, basic

# what the library of the Forge does since 3.1, which Debian does not have yet: `encode64` breaks its lines
UPLOAD = """
require "puppet_forge"; require "base64"; require "json"
url, token, path = ARGV
PuppetForge.host = url.dup
PuppetForge::Connection.authorization = token
body = { file: Base64.encode64(File.binread(path)) }.to_json
begin
  response = PuppetForge::Connection.make_connection(url).post("#{url}/v3/releases", body, "Content-Type" => "application/json")
rescue Faraday::ClientError => error
  puts error.response[:status], error.response[:body]
  exit
end
puts response.status, response.body.is_a?(String) ? response.body : response.body.to_json
"""

READ = """
require "puppet_forge"
url, token, name, target = ARGV
PuppetForge.host = url.dup
PuppetForge::Connection.authorization = token
mod = PuppetForge::V3::Module.find(name)
release = mod.current_release
puts release.version, mod.owner.username, mod.releases.length, release.metadata[:summary], release.readme
puts PuppetForge::V3::Release.where(module: name, limit: 2).unpaginated.map(&:version).join(" ")
puts PuppetForge::V3::Module.where(query: "toy").map(&:slug).join(" ")
puts PuppetForge::V3::User.find(mod.owner.slug).username
release.download(Pathname.new(target))
release.verify(Pathname.new(target))
begin
  PuppetForge::V3::Release.find("#{name}-9.9.9")
rescue Faraday::ResourceNotFound
  puts "none"
end
"""


class Shop:
    """A project, and machines that install from it."""

    def __init__(self, stand: Stand, team: Team, desk: Desk, folder: Path) -> None:
        self.stand, self.team, self.desk, self.folder = stand, team, desk, folder
        self.conf = folder / "conf"
        self.conf.mkdir()
        self.modules = folder / "modules"

    @property
    def project(self) -> str:
        return f"projects/{self.team.project['id']}"

    def base(self, place: str = "", login: Login | None = None) -> str:
        """The address of the API, with a credential where one is given."""
        scheme, _, host = self.stand.url.partition("://")
        user = f"{login.user}:{login.token}@" if login else ""
        return f"{scheme}://{user}{host}/api/v4/{place or self.project}/packages/puppet"

    def build(self, name: str, version: str, needs: dict[str, str] | None = None, **said: Any) -> Path:
        """A module, packed as PDK packs it."""
        top = f"{name}-{version}"
        tree = self.folder / "trees" / top
        (tree / "manifests").mkdir(parents=True, exist_ok=True)
        (tree / "manifests" / "init.pp").write_text(f"class {name.partition('-')[2]} {{ notice('{version}') }}\n")
        (tree / "README.md").write_text(f"# {name}\n\nReads of {version}.\n")
        metadata = {
            "name": name, "version": version, "author": "Zoë", "license": "Apache-2.0", "summary": f"The toy {name}",
            "source": "https://code.example/toy", "tags": ["toys"],
            "dependencies": [{"name": each.replace("-", "/"), "version_requirement": wanted} for each, wanted in (needs or {}).items()], **said,
        }  # fmt: skip
        (tree / "metadata.json").write_text(json.dumps(metadata))
        packed = self.folder / f"{top}.tar.gz"
        with tarfile.open(packed, "w:gz") as archive:
            archive.add(tree, top)
        return packed

    def upload(self, packed: Path, status: int = 201, login: Login | None = None) -> Any:
        user = login or self.team.writer
        command = ["--silent", "--user", f"{user.user}:{user.token}", "--form", f"file=@{packed}", "--write-out", "\n%{http_code}"]
        said = self.desk.run("curl", *command, f"{self.base()}/v3/releases", cwd=self.folder).out
        body, _, code = said.rpartition("\n")
        assert code == str(status), said
        return json.loads(body)

    def publish(self, name: str, version: str, needs: dict[str, str] | None = None, **said: Any) -> Path:
        packed = self.build(name, version, needs, **said)
        self.upload(packed)
        return packed

    def api(self, method: str, tail: str, body: bytes | None = None, login: Login | None = None) -> Answer:
        user = login or self.team.maintainer
        headers = {**basic(user.user, user.token), "Content-Type": "application/json"}
        return self.stand.http.request(method, f"/api/v4/{self.project}/packages/puppet/v3/{tail}", body, headers)

    def puppet(self, *arguments: str, base: str = "", login: Login | None = None, authorization: str = "", status: int | None = 0) -> Run:
        """`puppet module`, with a repository and a token in its settings."""
        said = authorization or f"Bearer {(login or self.team.reader).token}"
        settings = [f"module_repository = {base or self.base()}", *([f"forge_authorization = {said}"] if "@" not in base else [])]
        (self.conf / "puppet.conf").write_text("[main]\n" + "".join(f"{line}\n" for line in settings))
        folders = [f"--{kind}={self.folder / kind}" for kind in ("vardir", "codedir", "logdir", "rundir", "publicdir")]
        where = [f"--confdir={self.conf}", *folders, f"--modulepath={self.modules}", "--color=false"]
        return self.desk.run("puppet", "module", *arguments, *where, cwd=self.folder, status=status)

    def search(self, term: str) -> list[str]:
        """What puppet's own code finds; its command `search` is gone since version 7."""
        self.puppet("list")  # the settings
        script = 'Puppet.initialize_settings(["--confdir", ARGV[0], "--vardir", ARGV[1]]); puts Puppet::Forge.new.search(ARGV[2]).map { |m| '
        script += '[m["full_name"], m["version"], m["desc"], "[#{m["tag_list"].join(" ")}]", m["project_url"]].compact.join(" ") }'
        required = ("-r", "puppet", "-r", "puppet/forge", "-r", "puppet/module_tool")
        return self.desk.run("ruby-puppet-forge", *required, "-e", script, self.conf, self.folder / "vardir", term, cwd=self.folder).out.splitlines()

    def installed(self) -> dict[str, str]:
        """Name → version of what is unpacked."""
        found = [json.loads(path.read_text()) for path in self.modules.glob("*/metadata.json")]
        return {each["name"]: each["version"] for each in found}

    def r10k(self, puppetfile: str, login: Login | None = None, base: str = "", status: int | None = 0) -> Run:
        (self.folder / "Puppetfile").write_text(puppetfile)
        token = (login or self.team.reader).token
        forge = f"forge:\n  baseurl: '{base or self.base()}'\n  authorization_token: 'Bearer {token}'\n"
        (self.folder / "r10k.yaml").write_text(f"cachedir: '{self.folder / 'cache'}'\n{forge}")
        return self.desk.run("r10k", "puppetfile", "install", "-c", "r10k.yaml", "--moduledir", str(self.modules), cwd=self.folder, status=status)


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    return Shop(stand, team, desk, tmp_path)


def test_install_with_what_it_needs(shop: Shop) -> None:
    """puppet could not read a list, choose another version than a range allows, or miss what a module needs."""
    for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0"):
        shop.publish("acme-base", version)
    shop.publish("acme-mid", "0.2.0", {"acme-base": ">= 1.1.0 < 2.0.0"})
    shop.publish("acme-app", "1.0.0", {"acme-mid": "0.x", "acme-base": ">= 1.0.0"})
    shop.puppet("install", "acme-app")
    assert shop.installed() == {"acme-app": "1.0.0", "acme-mid": "0.2.0", "acme-base": "1.10.0"}
    assert "acme-base (v1.10.0)" in shop.puppet("list").out
    assert "notice('1.10.0')" in (shop.modules / "base" / "manifests" / "init.pp").read_text()


def test_versions(shop: Shop) -> None:
    """A version or a range that is asked for could get another one, a prerelease be taken for the newest, or an upgrade go unseen."""
    for version in ("1.0.0", "1.1.0", "2.0.0-rc.1"):
        shop.publish("acme-toy", version)
    shop.puppet("install", "acme-toy", "--version", "1.0.0")
    assert shop.installed() == {"acme-toy": "1.0.0"}
    shop.puppet("upgrade", "acme-toy")
    assert shop.installed() == {"acme-toy": "1.1.0"}
    shop.puppet("install", "acme/toy", "--version", ">= 2.0.0-rc.0", "--force")
    assert shop.installed() == {"acme-toy": "2.0.0-rc.1"}
    shop.publish("acme-toy", "2.0.0")
    shop.puppet("upgrade", "acme/toy")
    shop.puppet("uninstall", "acme-toy")
    assert shop.installed() == {}


def test_more_versions_than_a_page(shop: Shop) -> None:
    """The pages behind the first could not be found, and the only version that fits with them."""
    for number in range(23):
        shop.publish("acme-toy", f"1.{number}.0")
    shop.puppet("install", "acme-toy", "--version", "1.1.0")
    assert shop.installed() == {"acme-toy": "1.1.0"}
    shop.r10k("mod 'acme/toy', '1.0.0'\n")
    assert shop.installed() == {"acme-toy": "1.0.0"}


def test_what_is_missing(shop: Shop) -> None:
    """A module or a dependency that is not there could end in a trace, and not in a sentence that names it."""
    shop.publish("acme-app", "1.0.0", {"acme-gone": ">= 1.0.0"})
    assert "cannot satisfy all dependencies" in shop.puppet("install", "acme-app", status=1).said
    assert "acme-none" in shop.puppet("install", "acme-none", status=1).said
    assert "No releases matching '7.0.0'" in shop.puppet("install", "acme-app", "--version", "7.0.0", status=1).said


def test_search(shop: Shop) -> None:
    """A search could end in an error, or not find what the summary or a tag says."""
    shop.publish("acme-toy", "1.0.0", tags=["playground"])
    shop.publish("acme-ntp", "1.0.0", summary="Sets clocks", project_page="https://ntp.example")
    assert shop.search("playground") == ["acme/toy 1.0.0 The toy acme-toy [toys]".replace("toys", "playground")]
    assert shop.search("clocks") == ["acme/ntp 1.0.0 Sets clocks [toys] https://ntp.example"]
    assert shop.search("nothing") == []


def test_deprecated(shop: Shop) -> None:
    """A deprecated module could be installed without a word, or no more at all."""
    shop.publish("acme-toy", "1.0.0")
    change = json.dumps({"action": "deprecate", "params": {"reason": "Old", "replacement_slug": "acme-new"}}).encode()
    shop.api("PATCH", "modules/acme-toy", change).expect(204)
    script = 'require "puppet_forge"; PuppetForge.host = ARGV[0].dup; PuppetForge::Connection.authorization = ARGV[1]; '
    script += 'm = PuppetForge::V3::Module.find("acme-toy"); '
    script += "puts m.deprecated_for, m.superseded_by[:slug], m.deprecated_at"
    told = shop.desk.run("ruby-puppet-forge", "-e", script, shop.base(), f"Bearer {shop.team.reader.token}", cwd=shop.folder).out.splitlines()
    assert told[:2] == ["Old", "acme-new"] and told[2].startswith(f"{datetime.now(UTC):%Y-}")
    assert "deprecated" in shop.r10k("mod 'acme/toy', '1.0.0'\n").said
    assert shop.installed() == {"acme-toy": "1.0.0"}


def test_r10k(shop: Shop) -> None:
    """r10k could take a prerelease for the latest, not find a version, or accept other bytes than were published."""
    for version in ("1.2.0", "1.10.0", "2.0.0-rc1"):
        shop.publish("acme-toy", version)
    shop.publish("acme-early", "0.1.0-alpha")
    shop.r10k("mod 'acme/toy', :latest\nmod 'acme-early', :latest\n")
    assert shop.installed() == {"acme-toy": "1.10.0", "acme-early": "0.1.0-alpha"}
    shop.r10k("mod 'acme/toy', '1.2.0'\n")
    assert shop.installed()["acme-toy"] == "1.2.0"
    assert "acme-none" in shop.r10k("mod 'acme/none', '1.0.0'\n", status=None).said


def test_library(shop: Shop) -> None:
    """The library that PDK, r10k and others stand on could not page, find the texts, download, or compare what it got."""
    for number in range(5):
        shop.publish("acme-toy", f"1.{number}.0")
    target = shop.folder / "got.tar.gz"
    said = shop.desk.run("ruby-puppet-forge", "-e", READ, shop.base(), f"Bearer {shop.team.reader.token}", "acme-toy", target, cwd=shop.folder).out
    assert said.splitlines() == [
        "1.4.0", "acme", "5", "The toy acme-toy", "# acme-toy", "", "Reads of 1.4.0.", "1.4.0 1.3.0 1.2.0 1.1.0 1.0.0", "acme-toy", "acme", "none",
    ]  # fmt: skip
    assert target.read_bytes() == (shop.folder / "acme-toy-1.4.0.tar.gz").read_bytes()


def test_publish_as_pdk_does(shop: Shop) -> None:
    """What PDK sends could be refused for its line breaks, or a refusal not say why in the words that it shows."""
    packed = shop.build("acme-toy", "1.0.0")

    def send(file: Path, login: Login) -> str:
        return shop.desk.run("ruby-puppet-forge", "-e", UPLOAD, shop.base(), f"Bearer {login.token}", file, cwd=shop.folder).out

    done = send(packed, shop.team.developer)
    assert done.startswith("201\n") and '"slug":"acme-toy-1.0.0"' in done
    shop.puppet("install", "acme-toy")
    assert shop.installed() == {"acme-toy": "1.0.0"}
    assert send(packed, shop.team.reader).startswith('403\n{"message":"403 Forbidden')
    (shop.folder / "bad.tar.gz").write_bytes(b"no module")
    assert "The file is no module" in send(shop.folder / "bad.tar.gz", shop.team.developer)
    again = shop.build("acme-toy", "1.0.0", variant=2)
    assert "is there with sha256" in send(again, shop.team.developer)


def test_librarian(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """librarian-puppet could not find a module's versions or what it needs, or not take its own lock file."""
    shop = Shop(stand, stand.make_team("public"), desk, tmp_path)  # it does not take an address with a credential for the one in its lock file
    shop.publish("acme-base", "1.0.0")
    shop.publish("acme-base", "2.0.0")
    shop.publish("acme-app", "1.0.0", {"acme-base": ">= 1.0.0 < 2.0.0"})
    (shop.folder / "bin").mkdir()
    (shop.folder / "bin" / "puppet").write_text(f'#!/bin/sh\nexec /usr/bin/puppet "$@" --confdir={shop.conf} --vardir={shop.folder / "vardir"}\n')
    (shop.folder / "bin" / "puppet").chmod(0o755)
    (shop.folder / "Puppetfile").write_text(f"forge '{shop.base()}'\nmod 'acme-app', '>= 0'\n")
    path = {"PATH": f"{shop.folder / 'bin'}:{shop.desk.environment()['PATH']}"}
    for _ in range(2):
        run = shop.desk.run("librarian-puppet", "install", "--no-use-v1-api", "--path", shop.modules, cwd=shop.folder, env=path)
        assert shop.installed() == {"acme-app": "1.0.0", "acme-base": "1.0.0"}, run.said
    assert "acme-base (1.0.0)" in (shop.folder / "Puppetfile.lock").read_text()


def test_who_may(shop: Shop) -> None:
    """A stranger could install what is private, or a token not be taken in one of the ways that clients send it."""
    shop.publish("acme-toy", "1.0.0")
    for wrong in ({"login": shop.team.stranger}, {"authorization": "Bearer glpat-wrong"}):
        assert "acme-toy" in shop.puppet("install", "acme-toy", status=1, **wrong).said
    assert shop.installed() == {}
    for right in ({}, {"login": shop.team.reporter}, {"authorization": shop.team.reader.token}, {"base": shop.base(login=shop.team.reader)}):
        shop.puppet("install", "acme-toy", "--force", **right)
        assert shop.installed() == {"acme-toy": "1.0.0"}
    other = shop.build("acme-toy", "1.0.1")
    assert "401" in shop.upload(other, 401, Login("name", "glpat-wrong"))["message"]
    assert "403" in shop.upload(other, 403, shop.team.reader)["message"]


def test_job(shop: Shop) -> None:
    """A job could not publish and install with its token, or go on when it has ended."""
    path, token = f"/{shop.project}/pipelines", shop.team.developer.token
    pipeline = shop.stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
    job = shop.stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)
    login = Login("gitlab-ci-token", job["token"])
    packed = shop.build("acme-toy", "1.0.0")
    shop.upload(packed, login=login)
    shop.puppet("install", "acme-toy", base=shop.base(login=login))
    assert shop.installed() == {"acme-toy": "1.0.0"}
    shop.stand.want(200, "POST", f"/{shop.project}/jobs/{job['id']}/finish", {"status": "success"}, token=token)
    shop.upload(packed, 401, login)


def test_group_and_moment(shop: Shop) -> None:
    """A group could miss what a project has, or a control repository not be set up as it was at an earlier time."""
    shop.publish("acme-toy", "1.0.0")
    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    shop.publish("acme-toy", "2.0.0")
    shop.puppet("install", "acme-toy", base=shop.base(f"{shop.project}/-/at/{time}"))
    assert shop.installed() == {"acme-toy": "1.0.0"}
    shop.r10k("mod 'acme/toy', :latest\n", shop.team.reporter, shop.base(f"groups/{shop.team.group['id']}/-"))
    assert shop.installed() == {"acme-toy": "2.0.0"}


def test_deleted(shop: Shop) -> None:
    """A release that was deleted could still be offered, or take the others with it."""
    for version in ("1.0.0", "1.1.0"):
        shop.publish("acme-toy", version)
    shop.api("DELETE", "releases/acme-toy-1.1.0?reason=broken").expect(204)
    shop.puppet("install", "acme-toy")
    assert shop.installed() == {"acme-toy": "1.0.0"}
