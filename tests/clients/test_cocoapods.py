"""A source of pods against a running server. No registry has CocoaPods: its requests are made again, by its own library and curl."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from programs import Desk, Run
from stand import Login, Stand, Team

# what CocoaPods 1.16 asks for, in its order and with its options: is this a source, its shards, then every podspec of a pod at once; on an update
# everything that is there, with its ETag
CLIENT = r"""
require "addressable"
require "digest"
require "fileutils"
require "json"
require "netrc"
require "open-uri"
require "typhoeus"
require "yaml"

BASE, ROOT, UPDATE = ARGV[0].chomp("/") + "/", ARGV[1], ARGV[2] == "update"
PODS = ARGV.drop(3)
TOLD = Hash.new { |all, code| all[code] = [] }

def fetch(*paths)
  hydra = Typhoeus::Hydra.new(max_concurrency: 200)
  paths.each do |path|
    file = File.join(ROOT, path)
    tag = File.exist?("#{file}.etag") ? { "If-None-Match" => File.read("#{file}.etag") } : {}
    next if File.size?(file) && !UPDATE
    request = Typhoeus::Request.new(Addressable::URI.encode(BASE + path), method: :get, http_version: :httpv2_0, timeout: 10, connecttimeout: 10,
                                    accept_encoding: "gzip", netrc: :optional, netrc_file: Netrc.default_path, headers: tag)
    request.on_complete do |response|
      TOLD[response.response_code] << path
      abort "#{path}: #{response.response_code} #{response.response_body}" unless [200, 304, 404].include?(response.response_code)
      if response.response_code == 200
        FileUtils.mkdir_p(File.dirname(file))
        File.write(file, response.response_body.force_encoding("UTF-8"))
        File.write("#{file}.etag", response.headers["etag"]) if response.headers["etag"]
      end
    end
    hydra.queue(request)
  end
  hydra.run
end

login = Netrc.read[URI.parse(BASE).host]
options = login ? { http_basic_authentication: login.to_a } : {}
about = YAML.safe_load(OpenURI.open_uri(BASE + "CocoaPods-version.yml", options).read)
abort "no source of this kind" unless about.is_a?(Hash) && about["last"]

fetch("CocoaPods-version.yml", "all_pods.txt")
if UPDATE
  fetch("deprecated_podspecs.txt")
  fetch(*File.readlines(File.join(ROOT, "deprecated_podspecs.txt"), chomp: true).select { |path| File.exist?(File.join(ROOT, path)) })
end
found = PODS.to_h do |pod|
  digest = Digest::MD5.hexdigest(pod)
  shard = about["prefix_lengths"].map { |length| digest.slice!(0, length) }
  list = "all_pods_versions_#{shard.join("_")}.txt"
  fetch(list)
  lines = File.exist?(File.join(ROOT, list)) ? File.readlines(File.join(ROOT, list), chomp: true) : []
  versions = lines.map { |line| line.split("/") }.find { |name, *| name == pod }.to_a.drop(1)
  paths = versions.map { |version| "Specs/#{shard.join("/")}/#{pod}/#{version}/#{pod}.podspec.json" }
  fetch(*paths.reject { |path| File.exist?(File.join(ROOT, path)) })
  [pod, versions.zip(paths).to_h { |version, path| [version, JSON.parse(File.read(File.join(ROOT, path)))] }]
end
puts JSON.generate("pods" => found, "told" => TOLD, "all" => File.readlines(File.join(ROOT, "all_pods.txt"), chomp: true))
"""


class Shop:
    """A project, and the folder that a client keeps a source in."""

    def __init__(self, stand: Stand, team: Team, desk: Desk, folder: Path) -> None:
        self.stand, self.team, self.desk, self.folder = stand, team, desk, folder
        (folder / "client.rb").write_text(CLIENT)

    @property
    def project(self) -> str:
        return f"projects/{self.team.project['id']}"

    def base(self, place: str = "") -> str:
        return f"{self.stand.url}/api/v4/{place or self.project}/packages/cocoapods"

    def log_in(self, login: Login | None) -> None:
        netrc = self.desk.home / ".netrc"
        netrc.write_text(f"machine 127.0.0.1\nlogin {login.user}\npassword {login.token}\n" if login else "")
        netrc.chmod(0o600)

    def write_podspec(self, name: str, version: str, **more: Any) -> Path:
        said = {"name": name, "version": version, "summary": "A toy", "source_files": "Sources/*.swift", **more}
        path = self.folder / f"{name}.podspec.json"
        path.write_text(json.dumps(said))
        return path

    def pack(self, name: str, version: str, kind: str = "zip") -> Path:
        """An archive of a pod, with its podspec."""
        path = self.folder / f"archive.{kind}"
        files = {f"{name}.podspec.json": self.write_podspec(name, version).read_bytes(), f"Sources/{name}.swift": f"// {version}\n".encode()}
        if kind == "zip":
            with zipfile.ZipFile(path, "w") as zipped:
                for file, content in files.items():
                    zipped.writestr(file, content)
            return path
        with tarfile.open(path, "w:gz") as tarred:
            for file, content in files.items():
                member = tarfile.TarInfo(f"{name}-{version}/{file}")
                member.size = len(content)
                tarred.addfile(member, io.BytesIO(content))
        return path

    def curl(self, *options: str, status: int = 201) -> str:
        said = self.desk.run("curl", "--silent", "--netrc", "--write-out", "%{http_code}", *options, cwd=self.folder).out
        assert said[-3:] == str(status), said
        return said[:-3]

    def publish(self, name: str, version: str, kind: str = "zip") -> None:
        self.curl("--upload-file", str(self.pack(name, version, kind)), f"{self.base()}/pods/{name}/{version}")

    def run(self, *pods: str, mode: str = "install", base: str = "", root: str = "source", status: int | None = 0) -> Run:
        command = ["client.rb", base or self.base(), str(self.folder / root), mode, *pods]
        return self.desk.run("typhoeus", *command, cwd=self.folder, status=status)

    def find(self, *pods: str, mode: str = "install", base: str = "", root: str = "source") -> Any:
        return json.loads(self.run(*pods, mode=mode, base=base, root=root).out)

    def download(self, podspec: Any) -> bytes:
        """The archive, as CocoaPods gets and checks it."""
        target = self.folder / "downloaded"
        self.desk.run("curl", "-f", "-L", "-o", str(target), podspec["source"]["http"], "--create-dirs", "--netrc-optional", cwd=self.folder)
        content = target.read_bytes()
        assert hashlib.sha256(content).hexdigest() == podspec["source"]["sha256"]
        return content


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    shop = Shop(stand, team, desk, tmp_path)
    shop.log_in(team.writer)
    return shop


def test_install(shop: Shop) -> None:
    """A pod that curl has sent could not be found by the client, or come out with other bytes than its podspec says."""
    shop.publish("Foo", "1.0.0")
    shop.publish("Foo", "1.1.0", "tgz")
    shop.publish("Foo+Bar", "0.1.0")
    shop.log_in(shop.team.reader)
    found = shop.find("Foo", "Foo+Bar", "None", base=f"{shop.base()}/")
    assert found["all"] == ["Foo", "Foo+Bar"] and {pod: list(versions) for pod, versions in found["pods"].items()} == {
        "Foo": ["1.0.0", "1.1.0"], "Foo+Bar": ["0.1.0"], "None": [],
    }  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(shop.download(found["pods"]["Foo"]["1.0.0"]))) as archive:
        assert archive.read("Sources/Foo.swift") == b"// 1.0.0\n"
    podspec = found["pods"]["Foo"]["1.1.0"]
    with tarfile.open(fileobj=io.BytesIO(shop.download(podspec))) as tarred:
        assert "Foo-1.1.0/Foo.podspec.json" in tarred.getnames()
    assert (podspec["source"]["type"], podspec["source"]["flatten"]) == ("tgz", True)
    shop.download(found["pods"]["Foo+Bar"]["0.1.0"])


def test_podspec_alone(shop: Shop) -> None:
    """A pod whose sources are in Git could not be published, or be sent elsewhere than it says."""
    source = {"git": "https://git.example/foo.git", "tag": "1.0.0"}
    path = shop.write_podspec("Foo", "1.0.0", source=source)
    shop.curl("--data-binary", f"@{path}", "--header", "Content-Type: application/json", f"{shop.base()}/podspecs")
    assert shop.find("Foo")["pods"]["Foo"]["1.0.0"]["source"] == source


def test_every_podspec_at_once(shop: Shop) -> None:
    """A client that asks for hundreds of podspecs at once could be turned away, which ends its run."""
    for number in range(60):
        path = shop.write_podspec("Foo", f"1.{number}.0", source={"git": "https://git.example/foo.git"})
        content, login = path.read_bytes(), shop.team.developer
        shop.stand.http.post(f"/api/v4/{shop.project}/packages/cocoapods/podspecs", content, {"PRIVATE-TOKEN": login.token}).expect(201)
    found = shop.find("Foo")
    assert len(found["pods"]["Foo"]) == 60 and len(found["told"]["200"]) == 63


def test_update(shop: Shop) -> None:
    """What has not changed could be sent again, or what has changed not be: a version, a deprecation."""
    shop.publish("Foo", "1.0.0")
    shop.publish("Bar", "1.0.0")
    shop.find("Foo", "Bar")
    shop.publish("Foo", "1.1.0")
    maintainer = f"PRIVATE-TOKEN: {shop.team.maintainer.token}"
    body = '{"deprecated":true,"in_favor_of":"Bar"}'
    shop.desk.run("curl", "--fail", "--request", "PATCH", "--header", maintainer, "--data", body, f"{shop.base()}/pods/Foo", cwd=shop.folder)
    found = shop.find("Foo", "Bar", mode="update")
    assert {version: podspec["deprecated_in_favor_of"] for version, podspec in found["pods"]["Foo"].items()} == {"1.0.0": "Bar", "1.1.0": "Bar"}
    told = found["told"]
    assert "all_pods.txt" in told["304"] and any(path.startswith("all_pods_versions") for path in told["304"])
    assert [path for path in told["200"] if "/Bar/" in path] == []
    again = shop.find("Foo", "Bar", mode="update")
    assert set(again["told"]["200"]) == {"CocoaPods-version.yml"}


def test_who_may(shop: Shop) -> None:
    """A stranger could read a source that is private, or the client take a refusal for a source."""
    shop.publish("Foo", "1.0.0")
    for login, status in ((None, "401"), (shop.team.stranger, "404")):
        shop.log_in(login)
        assert status in shop.run("Foo", status=None).said
    shop.log_in(shop.team.writer)
    other = shop.pack("Foo", "1.0.0", "tgz")
    assert "sha256" in shop.curl("--upload-file", str(other), f"{shop.base()}/pods/Foo/1.0.0", status=409)
    assert "2.0.0" in shop.curl("--upload-file", str(other), f"{shop.base()}/pods/Foo/2.0.0", status=400)
    shop.curl("--request", "DELETE", f"{shop.base()}/pods/Foo/1.0.0", status=403)
    shop.log_in(shop.team.maintainer)
    shop.curl("--request", "DELETE", f"{shop.base()}/pods/Foo/1.0.0", status=204)
    assert shop.find("Foo")["pods"]["Foo"] == {}


def test_job(shop: Shop) -> None:
    """A job could not publish and install with its token."""
    path, token = f"/{shop.project}/pipelines", shop.team.developer.token
    pipeline = shop.stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
    job = shop.stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)
    shop.log_in(Login("gitlab-ci-token", job["token"]))
    shop.publish("Foo", "1.0.0")
    shop.download(shop.find("Foo")["pods"]["Foo"]["1.0.0"])


def test_moment_and_group(shop: Shop) -> None:
    """Pods could not be read as they were at an earlier time, or a group miss what one of its projects has."""
    shop.publish("Foo", "1.0.0")
    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    shop.publish("Foo", "2.0.0")
    then = shop.find("Foo", base=shop.base(f"{shop.project}/-/at/{time}"), root="then")
    assert list(then["pods"]["Foo"]) == ["1.0.0"]
    shop.download(then["pods"]["Foo"]["1.0.0"])
    shop.log_in(shop.team.reporter)
    of_group = shop.find("Foo", base=shop.base(f"groups/{shop.team.group['id']}/-"), root="group")
    assert list(of_group["pods"]["Foo"]) == ["1.0.0", "2.0.0"]
    shop.download(of_group["pods"]["Foo"]["2.0.0"])
