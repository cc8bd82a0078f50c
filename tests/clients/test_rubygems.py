"""`gem` and Bundler against a running server: gems built and pushed from one home, installed, listed and locked from others."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from programs import Desk, Run, find_command
from stand import Login, Stand, Team

from packhouse.formats.rubygems import names
from packhouse.grammar.gemversions import number_key

Json = dict[str, Any]

GEMSPEC = """\
Gem::Specification.new do |s|
  s.name, s.version, s.summary, s.authors, s.licenses = "{name}", "{version}", "A {name}", ["A toy maker"], ["MIT"]
  s.homepage = "https://toys.example/{name}"
  s.files = Dir["lib/**/*"]
{more}end
"""


def project_source(stand: Stand, project: Json) -> str:
    return f"{stand.url}/api/v4/projects/{project['id']}/packages/rubygems"


def group_source(stand: Stand, group: Json) -> str:
    return f"{stand.url}/api/v4/groups/{group['id']}/-/packages/rubygems"


@dataclass(frozen=True)
class Shop:
    """Somebody with Ruby, a source of gems, and a token for it, or none."""

    desk: Desk
    folder: Path
    source: str
    who: Login | None = None

    def __post_init__(self) -> None:
        (self.folder / "empty").mkdir(parents=True)

    @property
    def login(self) -> str:
        """The source with the token in it, as `gem` wants it."""
        return self.source.replace("://", f"://{self.userinfo}@", 1) if self.who else self.source

    @property
    def userinfo(self) -> str:
        """Both clients read a plus sign as a blank, and deploy tokens have one in their user's name."""
        assert self.who is not None
        return f"{quote(self.who.user)}:{self.who.token}"

    @property
    def env(self) -> dict[str, str]:
        home = str(self.folder / "gems")
        own = {"GEM_HOME": home, "GEM_PATH": home, "GEM_SPEC_CACHE": str(self.folder / "specs"), "BUNDLE_USER_HOME": str(self.folder / "bundle")}
        return {**own, "GEM_HOST_API_KEY": self.who.token} if self.who else own

    def gem(self, *arguments: str | Path, cwd: Path | None = None, status: int | None = 0) -> Run:
        # from an empty folder: `gem install NAME` would take NAME-1.0.0.gem beside it
        return self.desk.run("gem", *arguments, cwd=cwd or self.folder / "empty", env=self.env, status=status)

    def build(self, name: str, version: str = "1.0.0", more: str = "", lib: str = "") -> Path:
        """A gem on disk; `more` are lines of its specification."""
        folder = self.folder / f"{name}-{version}"
        (folder / "lib").mkdir(parents=True, exist_ok=True)
        (folder / "lib" / f"{name}.rb").write_text(lib or f'puts "{name} {version}"\n')
        (folder / f"{name}.gemspec").write_text(GEMSPEC.format(name=name, version=version, more=more))
        for old in folder.glob("*.gem"):
            old.unlink()
        self.gem("build", f"{name}.gemspec", cwd=folder)
        [built] = folder.glob("*.gem")
        return built

    def push(self, built: Path, status: int | None = 0) -> Run:
        return self.gem("push", "--host", self.source, built, status=status)

    def install(self, *wanted: str, status: int | None = 0) -> Run:
        return self.gem("install", "--no-document", "--clear-sources", "--source", f"{self.login}/", *wanted, status=status)

    def installed(self) -> set[str]:
        """Full names of the gems in the home."""
        return {path.name.removesuffix(".gemspec") for path in (self.folder / "gems" / "specifications").glob("*.gemspec")}

    def app(self, *lines: str) -> Path:
        """A folder with a Gemfile for this source, and settings of its own."""
        app = self.folder / "app"
        app.mkdir(exist_ok=True)
        (app / "Gemfile").write_text("\n".join((f'source "{self.source}"', *lines, "")))
        return app

    def bundle(self, *arguments: str, status: int | None = 0) -> Run:
        env = {**self.env, "BUNDLE_RETRY": "0", "BUNDLE_PATH": str(self.folder / "vendor"), "BUNDLE_JOBS": "1", "BUNDLE_SILENCE_ROOT_WARNING": "1"}
        return self.desk.run("bundler", *arguments, cwd=self.folder / "app", env=env, status=status)

    def sign_in(self) -> None:
        self.bundle("config", "set", "--local", self.source, self.userinfo)

    def locked(self) -> set[str]:
        """What Gemfile.lock says is installed."""
        text = (self.folder / "app" / "Gemfile.lock").read_text()
        return set(re.findall(r"^    (\S+ \([^)]+\))$", text, re.MULTILINE))


@pytest.fixture(name="publisher")
def make_publisher(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    """A maintainer at a private project."""
    return Shop(desk, tmp_path / "publisher", project_source(stand, team.project), team.maintainer)


@pytest.fixture(name="reader")
def make_reader(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    """Somebody else with a deploy token that reads."""
    return Shop(desk, tmp_path / "reader", project_source(stand, team.project), team.reader)


NEEDS = '  s.add_dependency "foo", ">= 1.0", "< 3"\n  s.add_development_dependency "absent"\n  s.required_ruby_version = ">= 2.3"\n'


def test_push_and_install(publisher: Shop, reader: Shop, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A gem could not be installed with what it needs, by `gem` or by Bundler, from a project or its group."""
    assert "201 Created" in publisher.push(publisher.build("foo")).out
    publisher.push(publisher.build("Bar.baz", "0.2.0", NEEDS))
    assert {(each["name"], each["version"]) for each in stand.list_packages(team.project)} == {("foo", "1.0.0"), ("Bar.baz", "0.2.0")}
    grouped = Shop(desk, tmp_path / "grouped", group_source(stand, team.group), team.reporter)
    for shop in (reader, grouped):
        shop.install("Bar.baz")
        assert shop.installed() == {"foo-1.0.0", "Bar.baz-0.2.0"}
        shop.app('gem "Bar.baz"')
        shop.sign_in()
        shop.bundle("install")
        assert shop.locked() == {"Bar.baz (0.2.0)", "foo (1.0.0)"}
        assert shop.bundle("exec", "ruby", "-e", 'require "foo"').out == "foo 1.0.0\n"


def test_versions_that_come_later(publisher: Shop, reader: Shop, stand: Stand) -> None:
    """Bundler could not append to what it has of the index, or have to fall back from it."""
    publisher.push(publisher.build("foo"))
    publisher.push(publisher.build("bar"))
    reader.app('gem "foo"')
    reader.sign_in()
    reader.bundle("lock")
    for version in ("1.1.0", "1.10.0", "1.9.0"):
        publisher.push(publisher.build("foo", version))
    said = reader.bundle("lock", "--update", "--verbose").said
    assert reader.locked() == {"foo (1.10.0)"}
    assert re.search(r"206 Partial Content \S+/versions", said), said
    assert "api/v1/dependencies" not in said and "specs.4.8" not in said, said
    assert "304 Not Modified" in reader.bundle("lock", "--update", "--verbose").said
    publisher.gem("yank", "--host", publisher.source, "foo", "--version", "1.10.0")
    (reader.folder / "app" / "Gemfile.lock").unlink()  # it never goes back behind what is locked
    said = reader.bundle("lock", "--verbose").said
    assert reader.locked() == {"foo (1.9.0)"} and "specs.4.8" not in said, said


def test_lists(publisher: Shop, reader: Shop) -> None:
    """`gem list`, `search`, `info`, `fetch`, `outdated` or `dependency` could see no version, or one too many."""
    for version in ("1.0.0", "1.10.0", "1.9.0", "2.0.0.rc1"):
        publisher.push(publisher.build("foo", version))
    publisher.push(publisher.build("bar", "1.0.0", NEEDS))
    source = ("--clear-sources", "--source", f"{reader.login}/")
    assert reader.gem("list", "--remote", *source).out.split() == ["bar", "(1.0.0)", "foo", "(1.10.0)"]
    assert "foo (1.10.0, 1.9.0, 1.0.0)" in reader.gem("list", "--remote", "--all", *source).out
    assert "foo (2.0.0.rc1, 1.10.0, 1.9.0, 1.0.0)" in reader.gem("search", "--all", "--prerelease", "^fo", *source).out
    assert "foo (>= 1.0, < 3)" in re.sub(r"< 3, >= 1.0", ">= 1.0, < 3", reader.gem("dependency", "bar", "--remote", *source).out)
    specification = reader.gem("specification", "--remote", "bar", *source).out
    assert {word for word in ("A toy maker", "https://toys.example/bar", "A bar", "absent") if word not in specification} == set(), specification
    reader.gem("fetch", "foo", "--version", "1.9.0", *source)
    fetched = reader.folder / "empty" / "foo-1.9.0.gem"
    assert fetched.read_bytes() == (publisher.folder / "foo-1.9.0" / "foo-1.9.0.gem").read_bytes()
    fetched.unlink()
    reader.install("foo", "--pre")
    assert reader.installed() == {"foo-2.0.0.rc1"}


def test_platforms(publisher: Shop, reader: Shop) -> None:
    """A gem for one platform could take the place of the one for all, or go with it."""
    for platform in ("ruby", "java", "x86_64-linux"):
        publisher.push(publisher.build("foo", "1.0.0", f'  s.platform = "{platform}"\n', f'puts "{platform}"\n'))
        shutil.rmtree(publisher.folder / "foo-1.0.0")
    reader.install("foo")
    assert reader.installed() == {"foo-1.0.0-x86_64-linux"}
    reader.install("foo", "--platform", "ruby")
    assert reader.installed() == {"foo-1.0.0-x86_64-linux", "foo-1.0.0"}
    reader.app('gem "foo"')
    reader.sign_in()
    reader.bundle("lock", "--add-platform", "java")
    assert {"foo (1.0.0-java)", "foo (1.0.0-x86_64-linux)"} <= reader.locked()
    reader.bundle("install")
    assert reader.bundle("exec", "ruby", "-e", 'require "foo"').out == "x86_64-linux\n"
    said = publisher.gem("yank", "--host", publisher.source, "foo", "--version", "1.0.0", "--platform", "java").out
    assert "Successfully deleted gem: foo (1.0.0-java)" in said
    listed = reader.gem("list", "--remote", "--all", "--clear-sources", "--source", f"{reader.login}/").out
    assert "foo (1.0.0 ruby x86_64-linux)" in listed


def test_settings_of_a_machine(publisher: Shop, reader: Shop) -> None:
    """A source that is set once for all, in `.gemrc` or as Bundler's mirror of another one, could be no source."""
    for name, more in (("foo", ""), ("bar", NEEDS)):
        publisher.push(publisher.build(name, more=more))
    (reader.desk.home / ".gemrc").write_text(f"---\n:sources:\n- {reader.login}/\n")
    reader.gem("install", "--no-document", "bar")
    publisher.push(publisher.build("foo", "1.1.0"))
    assert "foo (1.0.0 < 1.1.0)" in reader.gem("outdated").out
    reader.gem("update", "--no-document", "foo")
    assert reader.installed() == {"foo-1.0.0", "foo-1.1.0", "bar-1.0.0"}
    app = reader.app()
    (app / "Gemfile").write_text('source "http://gems.example"\ngem "bar"\n')
    reader.bundle("config", "set", "--local", "mirror.http://gems.example", reader.source)
    reader.sign_in()
    reader.bundle("lock")
    assert reader.locked() == {"bar (1.0.0)", "foo (1.1.0)"}


def test_older_ways(publisher: Shop, reader: Shop) -> None:
    """Somebody who wants the old lists, or has a cache of gems beside the application, could be given something else."""
    for name, more in (("foo", ""), ("bar", NEEDS)):
        publisher.push(publisher.build(name, more=more))
    app = reader.app('gem "bar"')
    reader.sign_in()
    said = reader.bundle("install", "--full-index", "--verbose").said
    assert "/quick/Marshal.4.8/bar-1.0.0.gemspec.rz" in said and reader.locked() == {"bar (1.0.0)", "foo (1.0.0)"}
    reader.bundle("cache")
    assert {path.name for path in (app / "vendor" / "cache").iterdir()} == {"bar-1.0.0.gem", "foo-1.0.0.gem"}


def test_same_version_again(publisher: Shop) -> None:
    """A version could be pushed twice with other bytes, in another spelling, or after it was yanked."""
    built = publisher.build("foo")
    publisher.push(built)
    publisher.push(built)
    other = publisher.build("foo", lib="puts 'other'\n")
    assert re.search(r"already been pushed: it has sha256 [0-9a-f]{64}, the gem sent has [0-9a-f]{64}", publisher.push(other, status=None).said)
    assert "too much like foo" in publisher.push(publisher.build("FOO", "2.0.0"), status=None).said
    assert "the same as 1.0.0" in publisher.push(publisher.build("foo", "1.0"), status=None).said
    publisher.gem("yank", "--host", publisher.source, "foo", "--version", "1.0.0")
    assert "was yanked" in publisher.push(built, status=None).said


def test_yank(publisher: Shop, reader: Shop) -> None:
    """A yanked version could still be installed, or be yanked by somebody who may only read."""
    for version in ("1.0.0", "1.1.0"):
        publisher.push(publisher.build("foo", version))
    # this gem ends with 0 when it is refused
    assert "higher privileges" in reader.gem("yank", "--host", reader.source, "foo", "--version", "1.1.0").said
    publisher.gem("yank", "--host", publisher.source, "foo", "--version", "1.1.0")
    reader.install("foo")
    assert reader.installed() == {"foo-1.0.0"}
    assert "Could not find a valid gem" in reader.install("foo", "--version", "1.1.0", status=None).said
    assert "Not Found" in publisher.gem("yank", "--host", publisher.source, "foo", "--version", "7.0.0").said


def test_who_may(publisher: Shop, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A private gem could be installed without a token or with a wrong one, or be pushed by who may only read."""
    publisher.push(publisher.build("foo"))
    wrong = Login("somebody", "phpat_wrong")
    outsiders = {
        "nobody": (None, "401", "Authentication is required", ""),
        "wrong": (wrong, "401", "Bad username or password", "The token or password is wrong"),
        "stranger": (team.stranger, "404", "404|Could not find", "Not Found"),
    }
    for name, (who, status, advice, refusal) in outsiders.items():
        shop = Shop(desk, tmp_path / name, publisher.source, who)
        assert status in shop.install("foo", status=None).said
        shop.app('gem "foo"')
        if who is not None:
            shop.sign_in()
            assert refusal in shop.push(shop.build("mine"), status=None).said
        said = shop.bundle("install", status=None).said
        assert re.search(advice, said), said
    for name, who in (("reader", team.reader), ("reporter", team.reporter)):
        shop = Shop(desk, tmp_path / f"{name}-pushes", publisher.source, who)
        assert re.search("Forbidden|privileges", shop.push(shop.build("mine"), status=None).said)
    assert [each["name"] for each in stand.list_packages(team.project)] == ["foo"]


def test_tokens(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A deploy token, a job's token, or one that lies in the file of credentials could be no credential, or the job not be known afterwards."""
    path, token = f"/projects/{team.project['id']}/pipelines", team.developer.token
    pipeline = stand.want(201, "POST", path, {"ref": "main", "sha": "0" * 40}, token=token)
    job = stand.want(201, "POST", f"{path}/{pipeline['id']}/jobs", {"name": "publish"}, token=token)["token"]
    source = project_source(stand, team.project)
    by_job = Login("gitlab-ci-token", job)
    for name, who in (("deploy", team.writer), ("job", by_job)):
        shop = Shop(desk, tmp_path / name, source, who)
        shop.push(shop.build(f"by-{name}"))
    Shop(desk, tmp_path / "reads", source, by_job).install("by-deploy")
    stored = Shop(desk, tmp_path / "stored", source)
    credentials = desk.home / ".gem" / "credentials"
    credentials.parent.mkdir()
    credentials.write_text(f"---\n{source}: {team.developer.token}\n")
    credentials.chmod(0o600)
    stored.push(stored.build("by-file"))
    built: Json = {each["name"]: each.get("pipeline") for each in stand.list_packages(team.project)}
    assert set(built) == {"by-deploy", "by-job", "by-file"} and built["by-job"]["id"] == pipeline["id"]


def test_sign_in_at_a_terminal(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Somebody who signs in from a terminal could be left without a key, or with one that is not theirs."""
    desk.note("gem")
    shop = Shop(desk, tmp_path / "terminal", project_source(stand, team.project))
    typed, terminal = os.openpty()
    os.write(typed, f"{team.developer.user}\n{team.developer.token}\n\n{'n' + chr(10)}".encode() + b"n\n" * 8)
    # with --host in its place, this gem asks the public registry for the user's settings
    env = {**desk.environment(), **shop.env, "RUBYGEMS_HOST": shop.source}
    done = subprocess.run([*find_command("gem"), "signin"], cwd=shop.folder, env=env, stdin=terminal, capture_output=True, text=True, timeout=60)
    os.close(terminal)
    os.close(typed)
    assert done.returncode == 0 and "Signed in with API key" in done.stdout, done.stdout + done.stderr
    shop.push(shop.build("by-signin"))
    assert f"- {team.project['path_with_namespace']}" in shop.gem("owner", "--host", shop.source, "by-signin").out
    assert "members of the project" in shop.gem("owner", "--host", shop.source, "--add", "a@toys.example", "by-signin", status=None).said


def test_public(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A gem of a public project could ask for a token, or be found by the project's number alone."""
    team = stand.make_team("public")
    publisher = Shop(desk, tmp_path / "publisher", project_source(stand, team.project), team.developer)
    publisher.push(publisher.build("foo"))
    by_path = publisher.source.replace(f"/{team.project['id']}/", f"/{team.encoded_path}/")
    for name, source in (("one", publisher.source), ("path", by_path), ("group", group_source(stand, team.group))):
        anybody = Shop(desk, tmp_path / name, source)
        anybody.gem("install", "--no-document", "--clear-sources", "--source", source, "foo")  # no slash at its end
        assert anybody.installed() == {"foo-1.0.0"}
        anybody.app('gem "foo"')
        anybody.bundle("install")
        assert anybody.locked() == {"foo (1.0.0)"}


def test_as_of(publisher: Shop, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """The source of an earlier moment could offer what came later, lack what was yanked since, or lead to no gem."""
    for version in ("1.0.0", "1.1.0"):
        publisher.push(publisher.build("foo", version))
    then = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    publisher.push(publisher.build("foo", "1.2.0"))
    publisher.gem("yank", "--host", publisher.source, "foo", "--version", "1.1.0")
    historian = Shop(desk, tmp_path / "historian", publisher.source.replace("/packages/rubygems", f"/-/at/{then}/packages/rubygems"), team.reader)
    historian.install("foo")
    assert historian.installed() == {"foo-1.1.0"}
    historian.app('gem "foo"')
    historian.sign_in()
    historian.bundle("install")
    assert historian.locked() == {"foo (1.1.0)"}
    historian.push(historian.build("late"), status=None)
    assert {each["name"] for each in stand.list_packages(team.project)} == {"foo"}


COMPARE = """require "json"
pairs = JSON.parse($stdin.read)
puts JSON.dump(pairs.map { |a, b| [Gem::Version.new(a) <=> Gem::Version.new(b), Gem::Version.new(a).prerelease?, Gem::Version.new(a).to_s] })
"""

LOAD = """require "json"
spec = Marshal.load(Zlib.inflate(File.binread(ARGV[0])))
needs = spec.dependencies.map { |one| [one.name, one.requirement.to_s, one.type.to_s, one.prerelease?] }
list = Marshal.load(File.binread(ARGV[1])).map { |name, version, platform| [name, version.to_s, version.class.name, platform] }
asked = Marshal.load(File.binread(ARGV[2]))
said = [spec.name, spec.version.to_s, spec.platform.to_s, spec.full_name, spec.description, spec.email, spec.authors, spec.metadata]
puts JSON.dump([said, needs, spec.required_ruby_version.to_s, list, asked])
"""


def ask_ruby(desk: Desk, script: str, *arguments: Path, given: Any = None) -> Any:
    """What a script of Ruby, the one that runs `gem`, prints as JSON."""
    desk.note("gem")
    command = ["ruby", "-rrubygems", "-rzlib", "-e", script, *map(str, arguments)]
    done = subprocess.run(command, env=desk.environment(), input=json.dumps(given), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_order_of_versions(desk: Desk) -> None:
    """Versions could be sorted otherwise than Ruby sorts them."""
    chance = random.Random(7)
    parts = ["0", "00", "1", "2", "10", "a", "b", "rc1", "1a", "pre", "A"]
    made = [".".join([chance.choice(parts[:5]), *(chance.choice(parts) for _ in range(chance.randrange(5)))]) for _ in range(400)]
    made += ["1.0-a", "1-1", "1.0-a.b-c", "3-x-1"]
    pairs = [(chance.choice(made), chance.choice(made)) for _ in range(4000)]
    for (one, other), (sign, prerelease, text) in zip(pairs, ask_ruby(desk, COMPARE, given=pairs), strict=True):
        ours = [names.read_number(each) for each in (one, other)]
        keys = [number_key(each) for each in ours]
        assert ((keys[0] > keys[1]) - (keys[0] < keys[1]), names.is_prerelease(ours[0]), ours[0]) == (sign, prerelease, text), (one, other)


def test_documents_that_ruby_loads(publisher: Shop, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """Ruby could load something else out of our documents than the gem says."""
    more = '  s.add_dependency "a", "~> 1.0", ">= 1.0.3.pre"\n  s.add_dependency "b"\n  s.add_development_dependency "c", "= 2"\n'
    more += '  s.description = "Größe 📦"\n  s.email = ["a@toys.example"]\n  s.metadata = { "k" => "v" }\n  s.platform = "x86_64-linux"\n'
    publisher.push(publisher.build("foo", "1.0.0.rc1", f'{more}  s.required_ruby_version = ">= 2.3", "< 9"\n'))
    paths: list[Path] = []
    base = f"/projects/{team.project['id']}/packages/rubygems"
    for name in ("quick/Marshal.4.8/foo-1.0.0.rc1-x86_64-linux.gemspec.rz", "prerelease_specs.4.8", "api/v1/dependencies?gems=foo"):
        paths.append(tmp_path / f"document{len(paths)}")
        answer = stand.http.request("GET", f"/api/v4{base}/{name}", None, {"Authorization": team.reporter.token}).expect(200)
        paths[-1].write_bytes(answer.body)
    said, needs, ruby, listed, asked = ask_ruby(desk, LOAD, *paths)
    assert said == [
        "foo", "1.0.0.rc1", "x86_64-linux", "foo-1.0.0.rc1-x86_64-linux", "Größe 📦", ["a@toys.example"], ["A toy maker"], {"k": "v"},
    ]  # fmt: skip
    assert [(name, sorted(wanted.split(", ")), kind, early) for name, wanted, kind, early in needs] == [
        ("a", [">= 1.0.3.pre", "~> 1.0"], "runtime", True), ("b", [">= 0"], "runtime", False), ("c", ["= 2"], "development", False),
    ]  # fmt: skip
    assert sorted(ruby.split(", ")) == ["< 9", ">= 2.3"]
    assert listed == [["foo", "1.0.0.rc1", "Gem::Version", "x86_64-linux"]]
    dependencies = [["a", ">= 1.0.3.pre, ~> 1.0"], ["b", ">= 0"]]
    assert asked == [{"name": "foo", "number": "1.0.0.rc1", "platform": "x86_64-linux", "dependencies": dependencies}]
