"""Chef by the libraries of its clients: requests signed as knife signs them, cookbooks resolved as Berkshelf resolves them."""

from __future__ import annotations

import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from programs import Desk, Run
from stand import Login, Stand, Team

# what `knife supermarket share` and `unshare` send: the form and its signature, one request and no retry
KNIFE = """
require "net/http"
require "openssl"
require "time"
require "mixlib/authentication/signedheaderauth"

method, address, user, key, version, tarball, category = ARGV
url = URI.parse(address)
options = { http_method: method.downcase.to_sym, path: url.path, user_id: user, timestamp: Time.now.utc.iso8601, proto_version: version, headers: {} }
content = tarball && File.binread(tarball)
options[content ? :file : :body] = content ? File.open(tarball, "rb") : ""
headers = Mixlib::Authentication::SignedHeaderAuth.signing_object(options).sign(OpenSSL::PKey::RSA.new(File.read(key)))
request = Net::HTTP.const_get(method.capitalize).new(url.path, headers.to_h { |name, value| [name.to_s, value.to_s] })
if content
  boundary = "----RubyMultipartClient424242ZZZZZ"
  head = "Content-Disposition: form-data; name="
  parts = [%(#{head}"tarball"; filename="#{File.basename(tarball)}"\\r\\nContent-Type: application/octet-stream\\r\\n\\r\\n).b + content]
  parts << %(#{head}"cookbook"\\r\\n\\r\\n{"category":"#{category}"}).b if category
  request.body = parts.map { |part| "--#{boundary}\\r\\n".b + part + "\\r\\n" }.join + "--#{boundary}--\\r\\n"
  request.content_type = "multipart/form-data; boundary=#{boundary}"
end
answer = Net::HTTP.start(url.host, url.port) { |http| http.request(request) }
puts answer.code, answer.body
"""

# what Berkshelf does with a source: the universe, a graph of versions and constraints, then each version's own document and its file
BERKS = """
require "json"
require "net/http"
require "semverse"

source, user, token, *wanted = ARGV
fetch = lambda do |address|
  url = URI.parse(address)
  request = Net::HTTP::Get.new(url.request_uri)
  request.basic_auth(user, token) unless user.empty?
  answer = Net::HTTP.start(url.host, url.port) { |http| http.request(request) }
  abort "#{answer.code} #{answer.body}" unless answer.code == "200"
  answer.body
end
universe = JSON.parse(fetch.call("#{source}/universe"))
solve = lambda do |chosen, open|
  next chosen if open.empty?
  (name, rule), *rest = open
  candidates = chosen.key?(name) ? [chosen[name]] : (universe[name] || {}).keys.sort_by { |text| Semverse::Version.new(text) }.reverse
  fitting = candidates.lazy.select { |text| Semverse::Constraint.new(rule).satisfies?(text) }
  more = ->(text) { chosen.key?(name) ? [] : universe[name][text]["dependencies"].to_a }
  fitting.filter_map { |text| solve.call(chosen.merge(name => text), rest + more.call(text)) }.first
end
chosen = solve.call({}, wanted.each_slice(2).to_a) or abort "no solution"
chosen.each do |name, text|
  place = universe[name][text]
  abort "odd type" unless %w{opscode supermarket}.include?(place["location_type"])
  version = JSON.parse(fetch.call("#{place["location_path"]}/cookbooks/#{name}/versions/#{text.tr(".", "_")}"))
  bytes = fetch.call(version["file"])
  abort "another file" unless bytes == fetch.call(place["download_url"])
  File.binwrite("#{name}.tar.gz", bytes)
end
puts JSON.dump(chosen)
"""


class Kitchen:
    """A project, a cook with a key, and the clients' libraries."""

    def __init__(self, stand: Stand, team: Team, desk: Desk, folder: Path) -> None:
        self.stand, self.team, self.desk, self.folder = stand, team, desk, folder
        self.site = f"{stand.url}/api/v4/projects/{team.project['id']}/packages/chef"
        self.key = folder / "key.pem"
        (folder / "knife.rb").write_text(KNIFE)
        (folder / "berks.rb").write_text(BERKS)
        make = "require 'openssl'; key = OpenSSL::PKey::RSA.new(2048); File.write('key.pem', key.to_pem); puts key.public_key.to_pem"
        self.public = desk.run("mixlib-authentication", "-e", make, cwd=folder).out

    def register(self, login: Login) -> None:
        self.stand.want(201, "POST", "/personal_access_tokens/self/-/signing_keys", {"key": self.public}, token=login.token)

    def build(self, name: str, version: str, **said: Any) -> Path:
        """A cookbook packed as knife packs it: `metadata.json` beside `metadata.rb`."""
        folder = self.folder / "cookbooks" / name
        (folder / "recipes").mkdir(parents=True, exist_ok=True)
        (folder / "recipes" / "default.rb").write_text(f"log '{name} {version}'\n")
        (folder / "metadata.rb").write_text(f"name '{name}'\nversion '{version}'\n")
        (folder / "metadata.json").write_text(json.dumps({"name": name, "version": version, "description": f"Cooks {name}", **said}))
        made = self.folder / f"{name}.tgz"
        with tarfile.open(made, "w:gz") as archive:
            archive.add(folder, name)
        return made

    def knife(self, method: str, tail: str, login: Login, *more: object, status: int, version: str = "1.1", site: str = "") -> Any:
        """The answer to a signed request."""
        address, rest = f"{site or self.site}/api/v1/{tail}", map(str, more)
        code, _, body = self.desk.run(
            "mixlib-authentication", "knife.rb", method, address, login.user, self.key, version, *rest, cwd=self.folder
        ).out.partition("\n")
        assert int(code) == status, body
        return json.loads(body)

    def share(self, name: str, version: str, login: Login, status: int = 201, **said: Any) -> Any:
        return self.knife("POST", "cookbooks", login, self.build(name, version, **said), "Other", status=status)

    def solve(self, *wanted: str, login: Login | None = None, site: str = "", status: int | None = 0) -> Run:
        login = login or self.team.reader
        return self.desk.run("semverse", "berks.rb", site or self.site, login.user, login.token, *wanted, cwd=self.folder, status=status)

    def cooked(self, name: str) -> str:
        """The recipe in the cookbook that was downloaded last."""
        with tarfile.open(self.folder / f"{name}.tar.gz") as archive:
            found = archive.extractfile(f"{name}/recipes/default.rb")
            assert found is not None
            return found.read().decode()


@pytest.fixture(name="kitchen")
def open_kitchen(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Kitchen:
    return Kitchen(stand, team, desk, tmp_path)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.3"])
def test_share_and_unshare(kitchen: Kitchen, version: str) -> None:
    """What the library of knife signs could be refused, or somebody unshare who may only share."""
    developer, boss = kitchen.team.developer, kitchen.team.maintainer
    kitchen.register(developer)
    made = kitchen.build("apt", "2.9.2")
    said = kitchen.knife("POST", "cookbooks", developer, made, "Package Management", status=201, version=version)
    assert said == {"uri": f"{kitchen.site}/api/v1/cookbooks/apt"}
    assert kitchen.knife("GET", "cookbooks/apt", developer, status=200, version=version)["category"] == "Package Management"
    refused = kitchen.knife("DELETE", "cookbooks/apt", developer, status=403, version=version)
    assert refused["error_code"] == "FORBIDDEN"
    assert kitchen.knife("DELETE", "cookbooks/apt", boss, status=401, version=version)["error_code"] == "AUTHENTICATION_FAILED"
    kitchen.register(boss)
    assert kitchen.knife("DELETE", "cookbooks/apt", boss, status=200, version=version)["name"] == "apt"
    assert kitchen.knife("GET", "cookbooks/apt", developer, status=404, version=version)["error_messages"] == ["Package Not Found"]


def test_addresses_that_people_type(kitchen: Kitchen) -> None:
    """A signature over an address with a path, a doubled slash or an escape could not fit what arrives."""
    login = kitchen.team.developer
    kitchen.register(login)
    path = kitchen.team.project["path_with_namespace"].replace("/", "%2F")
    by_path = f"{kitchen.stand.url}/api/v4/projects/{path}/packages/chef"
    kitchen.knife("POST", "cookbooks", login, kitchen.build("apt", "1.0.0"), "Other", status=201, site=by_path)
    kitchen.knife("GET", "cookbooks/", login, status=200)


def test_share_again(kitchen: Kitchen) -> None:
    """A version that is there could be replaced, or knife print nothing of why it was not."""
    login = kitchen.team.developer
    kitchen.register(login)
    kitchen.share("apt", "1.0.0", login)
    [message] = kitchen.share("apt", "1.0.0", login, 409, description="Other")["error_messages"]
    assert message.count("sha256") == 2
    [message] = kitchen.share("apt", "1.0.0-rc", login, 400)["error_messages"]
    assert "Version '1.0.0-rc' is invalid" in message


def test_resolve(kitchen: Kitchen) -> None:
    """A resolver could miss a version, misread a constraint, or get another file than the one it chose."""
    login = kitchen.team.developer
    kitchen.register(login)
    kitchen.share("apt", "2.9.2", login)
    kitchen.share("apt", "2.10", login)
    kitchen.share("apt", "3.0.0", login)
    kitchen.share("web", "1.0.0", login, dependencies={"apt": "~> 2.0", "web": "> 9.0"})
    kitchen.share("web", "1.1.0", login, dependencies={"apt": "< 2.0"})
    kitchen.share("site", "0.1.0", login, dependencies={"web": "", "apt": ["> 1.0"]})
    assert json.loads(kitchen.solve("site", ">= 0.0.0").out) == {"site": "0.1.0", "web": "1.0.0", "apt": "2.10"}
    assert kitchen.cooked("apt") == "log 'apt 2.10'\n" and kitchen.cooked("web") == "log 'web 1.0.0'\n"
    assert json.loads(kitchen.solve("apt", "~> 2.9.0").out) == {"apt": "2.9.2"}
    assert "no solution" in kitchen.solve("web", "= 1.1.0", status=None).said


def test_moment_and_group(kitchen: Kitchen) -> None:
    """Cookbooks could not be read as they were at an earlier time, or a group miss what one of its projects has."""
    login = kitchen.team.developer
    kitchen.register(login)
    kitchen.share("apt", "1.0.0", login)
    time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    kitchen.share("apt", "2.0.0", login)
    then = kitchen.site.replace("/packages/chef", f"/-/at/{time}/packages/chef")
    assert json.loads(kitchen.solve("apt", "> 0.0.0", site=then).out) == {"apt": "1.0.0"}
    group = f"{kitchen.stand.url}/api/v4/groups/{kitchen.team.group['id']}/-/packages/chef"
    assert json.loads(kitchen.solve("apt", "> 0.0.0", site=group, login=kitchen.team.reporter).out) == {"apt": "2.0.0"}
    assert kitchen.cooked("apt") == "log 'apt 2.0.0'\n"


def test_who_may(kitchen: Kitchen) -> None:
    """A stranger could read what is private, or nobody what is public."""
    login = kitchen.team.developer
    kitchen.register(login)
    kitchen.share("apt", "1.0.0", login)
    assert "401" in kitchen.solve("apt", "> 0.0.0", login=Login("", ""), status=None).said
    assert "404" in kitchen.solve("apt", "> 0.0.0", login=kitchen.team.stranger, status=None).said
    kitchen.stand.want(200, "PUT", f"/projects/{kitchen.team.project['id']}", {"package_registry_access_level": "public"})
    assert json.loads(kitchen.solve("apt", "> 0.0.0", login=Login("", "")).out) == {"apt": "1.0.0"}


def test_curl_as_knife_reads(kitchen: Kitchen) -> None:
    """One of the requests that knife makes to list, search, show and download could be answered in another shape."""
    login, curl = kitchen.team.developer, kitchen.desk
    kitchen.build("apt", "1.2.0")
    host = urlsplit(kitchen.site).netloc
    site = kitchen.site.replace(host, f"{login.user}:{login.token}@{host}")

    def ask(address: str, *options: str) -> Any:
        return json.loads(curl.run("curl", "--silent", "--fail-with-body", *options, address, cwd=kitchen.folder).out)

    assert ask(f"{site}/api/v1/cookbooks", "--form", "tarball=@apt.tgz")["uri"].endswith("/cookbooks/apt")
    assert ask(f"{site}/api/v1/cookbooks?items=10&start=0")["items"][0]["cookbook_name"] == "apt"
    assert ask(f"{site}/api/v1/search?q=ap&items=10&start=0")["total"] == 1
    shown = ask(f"{site}/api/v1/cookbooks/apt")
    assert shown["deprecated"] is False and shown["latest_version"].rpartition("/")[2].replace("_", ".") == "1.2.0"
    version = ask(f"{site}/api/v1/cookbooks/apt/versions/1_2_0")
    curl.run(
        "curl", "--silent", "--fail", "--location", "--user", f"{login.user}:{login.token}", "-o", "apt.tar.gz", version["file"], cwd=kitchen.folder
    )
    assert kitchen.cooked("apt") == "log 'apt 1.2.0'\n"
