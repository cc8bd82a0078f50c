"""The go command against a running server: modules from tags, commits and uploads, public and private."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from git_work import Work, new_work
from programs import INSTALLED, Desk, Run
from stand import ADMIN_TOKEN, Json, Stand, Team, new_name
from tls import tls_before, write_certificate
from wire import basic

GO = ("go", "go 1.19")


@dataclass(frozen=True)
class Home:
    """A project with a repository, and its module path."""

    stand: Stand
    project: Json
    work: Work
    module: str

    @property
    def proxy(self) -> str:
        return f"{self.stand.url}/api/v4/projects/{self.project['id']}/packages/go"

    def push(self, *refs: str) -> None:
        url = f"http://root:{ADMIN_TOKEN}@{self.stand.host}/{self.project['path_with_namespace']}.git"
        self.work.run("push", "--quiet", "--force", url, *refs)

    def release(self, tag: str, files: Mapping[str, str | bytes]) -> str:
        """A commit with these files, tagged and pushed; its id."""
        commit = self.work.commit(dict(files), tag)
        self.work.run("tag", "--force", tag)
        self.push("main", tag)
        return commit

    def get(self, path: str, status: int = 200) -> bytes:
        return self.stand.http.get(f"/api/v4/projects/{self.project['id']}/packages/go/{path}", basic("root", ADMIN_TOKEN)).expect(status).body


def make_home(stand: Stand, folder: Path, visibility: str = "public") -> Home:
    group = stand.make_group(visibility=visibility)
    project = stand.make_project(group, visibility=visibility)
    return Home(stand, project, new_work(folder / new_name("work")), f"127.0.0.1/{project['path_with_namespace']}")


@pytest.fixture(name="home")
def give_home(stand: Stand, tmp_path: Path) -> Home:
    """A public project without commits yet."""
    return make_home(stand, tmp_path)


def mod(module: str, more: str = "") -> str:
    return f"module {module}\n\ngo 1.19\n{more}"


def code(package: str, value: str) -> str:
    return f'package {package}\n\n// Say says it.\nfunc Say() string {{ return "{value}" }}\n'


class Consumer:
    """A module of somebody else that needs ours."""

    def __init__(self, desk: Desk, folder: Path, client: str, proxy: str, **environment: str) -> None:
        self.desk, self.client, self.folder = desk, client, folder / new_name("consumer")
        self.folder.mkdir()
        (self.folder / "go.mod").write_text("module consumer.test/app\n\ngo 1.19\n")
        caches = {name: str(self.folder.parent / f"{self.folder.name}-{name}") for name in ("GOPATH", "GOMODCACHE")} | {
            "GOCACHE": str(INSTALLED / "go-cache")
        }
        fixed = {"GOENV": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod -modcacherw", "GONOSUMDB": "127.0.0.1,example.test", "CGO_ENABLED": "0"}
        self.env = {**caches, **fixed, "GOPROXY": proxy, **environment}

    def go(self, *arguments: str, status: int | None = 0) -> Run:
        return self.desk.run(self.client, *arguments, cwd=self.folder, env=self.env, status=status, timeout=240)

    def download(self, what: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.go("mod", "download", "-json", what).out)
        return found

    def build(self, package: str) -> str:
        """What a program prints that imports the package."""
        (self.folder / "main.go").write_text(
            f'package main\n\nimport (\n\t"fmt"\n\tours "{package}"\n)\n\nfunc main() {{ fmt.Println(ours.Say()) }}\n'
        )
        return self.go("run", ".").out.strip()


@pytest.mark.parametrize("client", GO)
def test_get_list_and_run(client: str, home: Home, desk: Desk, tmp_path: Path) -> None:
    """A tagged module cannot be found, listed or built."""
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "one")})
    home.release("v1.1.0", {"lib.go": code("lib", "two")})
    home.release("v1.2.0-rc.1", {"lib.go": code("lib", "three")})
    consumer = Consumer(desk, tmp_path, client, home.proxy)
    assert consumer.go("list", "-m", "-versions", home.module).out.split()[1:] == ["v1.0.0", "v1.1.0", "v1.2.0-rc.1"]
    consumer.go("get", f"{home.module}@latest")
    assert consumer.build(home.module) == "two"
    consumer.go("get", f"{home.module}@v1.2.0-rc.1")
    assert consumer.build(home.module) == "three"


@pytest.mark.parametrize("client", GO)
def test_zip_is_what_go_makes(client: str, home: Home, desk: Desk, tmp_path: Path) -> None:
    """The checksum of a module from here differs from that of the same code from its repository."""
    home.work.run("config", "core.symlinks", "true")
    (home.work.folder / "link.go").symlink_to("lib.go")
    home.work.folder.joinpath(".gitattributes").write_text(
        "lib.txt export-subst\nskipped.txt export-ignore\n*.win text eol=crlf\n*.eol eol=crlf\n*.raw -text eol=crlf\n*.auto text=auto eol=crlf\n"
        "*.unix text eol=lf\n*.id ident\n*.bin binary eol=crlf\n[attr]dos text eol=crlf\n*.dos dos\nat/**/x.txt eol=crlf\n/top.txt eol=crlf\n"
        'dir/ eol=crlf\n*.un eol=crlf\n*.un !eol\n"quo ted.txt" eol=crlf\n'
    )
    files = {
        "go.mod": mod(home.module), "lib.go": code("lib", "one"), "LICENSE": "free\n", "lib.txt": "$Format:%H$\n", "skipped.txt": "kept\n",
        "lines.crlf": "a\nb\n", "vendor/modules.txt": "# none\n", "vendor/other.test/x/x.go": "package x\n", "pkg/vendor/y.go": "package y\n",
        "pkg/vendor/deep/z.go": "package z\n", "sub/go.mod": mod(f"{home.module}/sub"), "sub/sub.go": code("sub", "sub"), "emp ty/ü.txt": "x",
        "run.sh": "#!/bin/sh\n", "testdata/.hidden": "x", "a.win": "a\nb\n", "a.eol": "a\n\nb", "a.raw": "a\nb\n", "a.auto": "a\nb\x1b\n",
        "b.auto": "a\n\0\n",
        "c.auto": "a\x01\x02\n", "a.unix": "a\nb\n", "a.id": "$Id$ $Id: old $ $Id: of another one $ $Id:\n$", "a.bin": "a\nb\n",
        "a.dos": "a\n", "at/x.txt": "a\n", "at/deep/er/x.txt": "a\n", "top.txt": "a\n", "at/top.txt": "a\n", "dir/x.go": "package dir\n",
        "a.un": "a\n",
        "quo ted.txt": "a\n", "sub/a.win": "a\n", "sub/deep/.gitattributes": "*.win -text\n", "sub/deep/a.win": "a\n",
    }  # fmt: skip
    home.release("v1.0.0", files)
    home.work.run("tag", "sub/v1.0.0")
    home.push("sub/v1.0.0")
    served = Consumer(desk, tmp_path, client, home.proxy)
    with tls_before(home.stand.port, None, at=80):  # go looks for a module at its own host, and there only at the usual port
        direct = Consumer(desk, tmp_path, client, "direct", GOINSECURE="127.0.0.1", GIT_CONFIG_NOSYSTEM="1", GOVCS="*:git")
        for module in (home.module, f"{home.module}/sub"):
            ours, own = served.download(f"{module}@v1.0.0"), direct.download(f"{module}@v1.0.0")
            assert ours["Sum"].startswith("h1:")
            assert (ours["Sum"], ours["GoModSum"]) == (own["Sum"], own["GoModSum"])


def test_pinned_when_first_served(home: Home, desk: Desk, tmp_path: Path) -> None:
    """A version changes under those who have it, because its tag was moved."""
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "one")})
    first = Consumer(desk, tmp_path, "go", home.proxy).download(f"{home.module}@v1.0.0")
    home.release("v1.0.0", {"lib.go": code("lib", "moved")})
    second = Consumer(desk, tmp_path, "go", home.proxy).download(f"{home.module}@v1.0.0")
    assert second["Sum"] == first["Sum"] and second["GoModSum"] == first["GoModSum"]


def test_commits_and_branches(home: Home, desk: Desk, tmp_path: Path) -> None:
    """A commit without a tag cannot be had, or under a name that go does not take."""
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "one")})
    commit = home.work.commit({"lib.go": code("lib", "untagged")})
    home.push("main")
    consumer = Consumer(desk, tmp_path, "go", home.proxy)
    consumer.go("get", f"{home.module}@main")
    assert consumer.build(home.module) == "untagged"
    version = consumer.go("list", "-m", "-f", "{{.Version}}", home.module).out.strip()
    assert version == f"v1.0.1-0.20260102030405-{commit[:12]}"
    consumer.go("get", f"{home.module}@{commit[:9]}")
    for wrong in (f"v1.0.1-0.20260102030406-{commit[:12]}", f"v1.0.1-0.20260102030405-{commit[:11]}0", f"v1.3.1-0.20260102030405-{commit[:12]}"):
        home.get(f"{home.module}/@v/{wrong}.info", 404)


def test_major_versions_and_folders(home: Home, desk: Desk, tmp_path: Path) -> None:
    """A module in a folder, or of a later major version, is not found where go looks for it."""
    home.release(
        "v1.0.0",
        {"go.mod": mod(home.module), "lib.go": code("lib", "one"), "tools/go.mod": mod(f"{home.module}/tools"), "tools/t.go": code("tools", "t")},
    )
    home.work.run("tag", "tools/v0.3.0")
    home.release(
        "v2.0.0",
        {"go.mod": mod(f"{home.module}/v2"), "lib.go": code("lib", "two"), "v3/go.mod": mod(f"{home.module}/v3"), "v3/lib.go": code("lib", "three")},
    )
    home.work.run("tag", "v3.0.0")
    home.push("tools/v0.3.0", "v3.0.0")
    consumer = Consumer(desk, tmp_path, "go", home.proxy)
    for path, version, said in (("", "v1.0.0", "one"), ("/v2", "v2.0.0", "two"), ("/v3", "v3.0.0", "three"), ("/tools", "v0.3.0", "t")):
        consumer.go("get", f"{home.module}{path}@{version}")
        assert consumer.build(home.module + path) == said
    assert home.get(f"{home.module}/v2/@v/list") == b"v2.0.0\n"
    assert home.get(f"{home.module}/@v/list") == b"v1.0.0\n"


def test_code_without_go_mod(home: Home, desk: Desk, tmp_path: Path) -> None:
    """Old code without a go.mod cannot be had any more."""
    home.release("v1.0.0", {"lib.go": code("lib", "old")})
    home.release("v2.0.0", {"lib.go": code("lib", "older than modules")})
    consumer = Consumer(desk, tmp_path, "go", home.proxy)
    consumer.go("get", f"{home.module}@latest")
    assert consumer.build(home.module) == "older than modules"
    assert home.get(f"{home.module}/@v/list").split() == [b"v1.0.0", b"v2.0.0+incompatible"]


def test_retracted(home: Home, desk: Desk, tmp_path: Path) -> None:
    """`latest` is a version that its author has taken back."""
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "good")})
    home.release("v1.1.0", {"lib.go": code("lib", "bad")})
    home.release("v1.2.0", {"go.mod": mod(home.module, "\nretract (\n\tv1.2.0 // only says so\n\t[v1.1.0, v1.1.9]\n)\n")})
    assert json.loads(home.get(f"{home.module}/@latest"))["Version"] == "v1.0.0"
    consumer = Consumer(desk, tmp_path, "go", home.proxy)
    consumer.go("get", home.module)
    assert consumer.build(home.module) == "good"


def test_letters_are_escaped(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A path with capital letters is not found, or found without them."""
    group = stand.make_group(visibility="public")
    project = stand.make_project(group, path=new_name("MyLib"), visibility="public")
    home = Home(stand, project, new_work(tmp_path / "work"), f"127.0.0.1/{project['path_with_namespace']}")
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "capital")})
    consumer = Consumer(desk, tmp_path, "go", home.proxy)
    consumer.go("get", home.module)
    assert consumer.build(home.module) == "capital"
    home.get(f"{home.module}/@v/list", 404)
    home.get(f"{home.module.lower()}/@v/list", 404)


def test_uploaded(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A module whose code lives elsewhere cannot be published, or not be installed with what it holds."""
    project = stand.make_project(stand.make_group(visibility="public"), visibility="public")
    home = Home(stand, project, new_work(tmp_path / "work"), f"127.0.0.1/{project['path_with_namespace']}")
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "elsewhere")})
    packed = home.get(f"{home.module}/@v/v1.0.0.zip")
    module = "example.test/Toy/lib"
    content = rename_zip(packed, f"{home.module}@v1.0.0/", f"{module}@v1.5.0/", {"go.mod": mod(module).encode()})
    target = "/api/v4/projects/{}/packages/go/example.test/!toy/lib/@v/v1.5.0.zip"
    path, root = target.format(project["id"]), basic("root", ADMIN_TOKEN)
    first = stand.http.put(path, content, root).expect(201).json()
    assert stand.http.put(path, content, root).expect(201).json() == first
    stand.http.put(path, rename_zip(content, "", "", {f"{module}@v1.5.0/x.txt": b"more"}), root).expect(409)
    consumer = Consumer(desk, tmp_path, "go", home.proxy)
    assert consumer.download(f"{module}@v1.5.0")["Sum"] == first["h1"]
    consumer.go("get", f"{module}@latest")
    assert consumer.build(module) == "elsewhere"
    stand.http.put(path.replace("1.5.0", "1.6.0"), content, root).expect(400, 422)


def rename_zip(content: bytes, old: str, new: str, changed: Mapping[str, bytes]) -> bytes:
    """The zip with another prefix before each name, and some files changed or added."""
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            bare = name.removeprefix(old)
            target.writestr(new + bare, changed.get(bare, source.read(name)))
        for name in changed.keys() - {name.removeprefix(old) for name in source.namelist()}:
            target.writestr(new + name, changed[name])
    return out.getvalue()


def test_chain_falls_through(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """What is not here is not looked for in the next proxy, or what is private here is."""
    here, next_ = make_home(stand, tmp_path), make_home(stand, tmp_path)
    next_.release("v1.0.0", {"go.mod": mod(next_.module), "lib.go": code("lib", "next")})
    consumer = Consumer(desk, tmp_path, "go", f"{here.proxy},{next_.proxy}")
    consumer.go("get", next_.module)
    assert consumer.build(next_.module) == "next"
    private = make_home(stand, tmp_path, "private")
    stopped = Consumer(desk, tmp_path, "go", f"{private.proxy},{next_.proxy}")
    assert "401" in stopped.go("get", next_.module, status=None).said


@pytest.fixture(name="secure")
def give_secure(stand: Stand, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a TLS listener before the server, and the certificate to trust."""
    certificate = write_certificate(tmp_path)
    with tls_before(stand.port, certificate) as port:
        yield port, certificate


@pytest.mark.parametrize("client", GO)
def test_private_by_netrc(client: str, stand: Stand, secure: tuple[int, Path], desk: Desk, tmp_path: Path) -> None:
    """A private module cannot be had with a token, or can be had without."""
    port, certificate = secure
    home = make_home(stand, tmp_path, "private")
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "secret")})
    proxy = f"https://127.0.0.1:{port}/api/v4/projects/{home.project['id']}/packages/go"
    bare = Consumer(desk, tmp_path, client, proxy, SSL_CERT_FILE=str(certificate))
    assert "401" in bare.go("get", home.module, status=None).said
    netrc = desk.home / ".netrc"
    netrc.write_text(
        "".join(f"machine {host} login root password {ADMIN_TOKEN}\n" for host in (f"127.0.0.1:{port}", "127.0.0.1"))
    )  # newer go wants the port
    netrc.chmod(0o600)
    consumer = Consumer(desk, tmp_path, client, proxy, SSL_CERT_FILE=str(certificate))
    consumer.go("get", home.module)
    assert consumer.build(home.module) == "secret"


def test_one_proxy_for_many_projects(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A team must list every project in GOPROXY."""
    homes = [make_home(stand, tmp_path) for _ in range(2)]
    for number, home in enumerate(homes):
        home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", f"project {number}")})
    consumer = Consumer(desk, tmp_path, "go", f"{stand.url}/api/v4/packages/go")
    for number, home in enumerate(homes):
        consumer.go("get", home.module)
        assert consumer.build(home.module) == f"project {number}"


def test_one_proxy_for_a_group(stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A group's proxy lacks a project, an upload or a subgroup, or serves what lies elsewhere or may not be read."""
    group = stand.make_group(visibility="public")
    below = stand.make_group(visibility="public", parent_id=group["id"])
    homes = [
        Home(stand, project, new_work(tmp_path / new_name("work")), f"127.0.0.1/{project['path_with_namespace']}")
        for project in (stand.make_project(group, visibility="public"), stand.make_project(below, visibility="public"))
    ]
    for number, home in enumerate(homes):
        home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", f"project {number}")})
    packed = homes[1].get(f"{homes[1].module}/@v/v1.0.0.zip")
    loose = rename_zip(packed, f"{homes[1].module}@v1.0.0/", "example.test/loose@v1.0.0/", {"go.mod": b"module example.test/loose\n"})
    stand.http.put(
        f"/api/v4/projects/{homes[1].project['id']}/packages/go/example.test/loose/@v/v1.0.0.zip", loose, basic("root", ADMIN_TOKEN)
    ).expect(201)
    consumer = Consumer(desk, tmp_path, "go", f"{stand.url}/api/v4/groups/{group['id']}/-/packages/go")
    for module, said in ((homes[0].module, "project 0"), (homes[1].module, "project 1"), ("example.test/loose", "project 1")):
        consumer.go("get", f"{module}@latest")
        assert consumer.build(module) == said
    private = Home(stand, hidden := stand.make_project(group), new_work(tmp_path / new_name("work")), f"127.0.0.1/{hidden['path_with_namespace']}")
    private.release("v1.0.0", {"go.mod": mod(private.module), "lib.go": code("lib", "secret")})
    base, stranger = f"/api/v4/groups/{group['id']}/-/packages/go", stand.make_personal_token(stand.make_user())
    for path in ("@v/list", "@latest", "@v/main.info", "@v/v1.0.0.info", "@v/v1.0.0.zip"):
        stand.http.get(f"{base}/{private.module}/{path}", basic("root", ADMIN_TOKEN)).expect(200)
        hidden_one, absent = (stand.http.get(f"{base}/{module}/{path}") for module in (private.module, f"{private.module}-not"))
        assert (hidden_one.status, hidden_one.text) == (absent.status, absent.text) and absent.status in (401, 404)
        stand.http.get(f"{base}/{private.module}/{path}", basic("x", stranger.token)).expect(404)
        stand.http.get(f"/api/v4/groups/{below['id']}/-/packages/go/{homes[0].module}/{path}", basic("root", ADMIN_TOKEN)).expect(404)


def test_nobody_publishes_under_the_path_of_another_project(home: Home, stand: Stand, tmp_path: Path) -> None:
    """Whoever has a project in a group takes the place of a module of another one there."""
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "ours")})
    packed = home.get(f"{home.module}/@v/v1.0.0.zip")
    other = make_home(stand, tmp_path)
    for module in (home.module, f"{other.module}-not", "127.0.0.1/nobody/nothing"):
        content = rename_zip(packed, f"{home.module}@v1.0.0/", f"{module}@v1.9.0/", {"go.mod": mod(module).encode()})
        path = f"/api/v4/projects/{other.project['id']}/packages/go/{module}/@v/v1.9.0.zip"
        answer = stand.http.put(path, content, basic("root", ADMIN_TOKEN)).expect(400)
        assert "publish it there" in answer.text


def test_a_deleted_version_is_gone(home: Home, desk: Desk, tmp_path: Path, stand: Stand) -> None:
    """A version that was deleted is still listed because its tag is there, or go does not look for it in the next proxy."""
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "one")})
    home.release("v1.1.0", {"lib.go": code("lib", "two")})
    copy = Consumer(desk, tmp_path, "go", home.proxy)
    copy.download(f"{home.module}@v1.1.0")
    base, root = f"/api/v4/projects/{home.project['id']}/packages/go/{home.module}", basic("root", ADMIN_TOKEN)
    stand.http.delete(f"{base}/@v/v1.1.0.zip", root).expect(204)
    assert home.get(f"{home.module}/@v/list") == b"v1.0.0\n"
    assert json.loads(home.get(f"{home.module}/@latest"))["Version"] == "v1.0.0"
    assert json.loads(home.get(f"{home.module}/@v/main.info"))["Version"].startswith("v1.0.1-0.")
    for kind in ("info", "mod", "zip"):
        assert b"deleted" in home.get(f"{home.module}/@v/v1.1.0.{kind}", 410)
    cache = f"file://{copy.env['GOMODCACHE']}/cache/download"
    assert Consumer(desk, tmp_path, "go", f"{home.proxy},{cache}").download(f"{home.module}@v1.1.0")["Version"] == "v1.1.0"
    home.get(f"{home.module}/@v/v1.5.0.info", 404)


def test_the_name_of_a_deleted_upload_may_stay_taken(home: Home, stand: Stand) -> None:
    """A project that keeps deleted names says of one that it was never there."""
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "one")})
    content = rename_zip(
        home.get(f"{home.module}/@v/v1.0.0.zip"), f"{home.module}@v1.0.0/", "example.test/up@v1.0.0/", {"go.mod": b"module example.test/up\n"}
    )
    path, root = f"/api/v4/projects/{home.project['id']}/packages/go/example.test/up/@v/v1.0.0.zip", basic("root", ADMIN_TOKEN)
    stand.http.put(path, content, root).expect(201)
    stand.http.delete(path, root).expect(204)
    stand.http.get(path, root).expect(404)
    stand.want(200, "PUT", f"/projects/{home.project['id']}", {"keep_deleted_names": True})
    stand.http.get(path, root).expect(410)


@pytest.mark.parametrize("client", GO)
def test_install_a_command(client: str, home: Home, desk: Desk, tmp_path: Path) -> None:
    """A program cannot be installed at a version, with what it needs from here."""
    main = f'package main\n\nimport (\n\t"fmt"\n\n\t"{home.module}"\n)\n\nfunc main() {{ fmt.Println(lib.Say()) }}\n'
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "installed"), "cmd/toy/main.go": main})
    home.release("v1.1.0", {"lib.go": code("lib", "newer")})
    consumer = Consumer(desk, tmp_path, client, home.proxy)
    for version, said in (("v1.0.0", "installed"), ("latest", "newer")):
        consumer.go("install", f"{home.module}/cmd/toy@{version}")
        toy = Path(consumer.env["GOPATH"]) / "bin" / "toy"
        assert subprocess.run([toy], capture_output=True, check=True, text=True).stdout.strip() == said


def with_sums(stand: Stand, desk: Desk, folder: Path, client: str, proxy: str) -> Consumer:
    """A consumer that trusts this registry's checksum database, and nothing that is not in it."""
    key = stand.http.get("/api/v4/packages/go/sumdb/key").expect(200).text.strip()
    return Consumer(desk, folder, client, proxy, GOSUMDB=key, GONOSUMDB="", GOPRIVATE="")


@pytest.mark.parametrize("client", GO)
def test_checksum_database(client: str, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """go does not verify a module against our checksum database, or not as the database grows."""
    homes = [make_home(stand, tmp_path) for _ in range(3)]
    consumer = with_sums(stand, desk, tmp_path, client, f"{stand.url}/api/v4/packages/go")
    for number, home in enumerate(homes):
        for version in ("v1.0.0", "v1.1.0", "v1.2.0"):
            home.release(version, {"go.mod": mod(home.module), "lib.go": code("lib", f"{number} {version}")})
            assert consumer.download(f"{home.module}@{version}")["Sum"].startswith("h1:")
        consumer.go("get", f"{home.module}@latest")
        assert consumer.build(home.module) == f"{number} v1.2.0"
    assert len((consumer.folder / "go.sum").read_text().splitlines()) >= 3


@pytest.mark.parametrize("client", GO)
def test_other_bytes_are_refused_by_the_checksum_database(client: str, home: Home, stand: Stand, desk: Desk, tmp_path: Path) -> None:
    """A version whose bytes were exchanged passes for the one that others have."""
    home.release("v1.0.0", {"go.mod": mod(home.module), "lib.go": code("lib", "one")})
    packed, module = home.get(f"{home.module}/@v/v1.0.0.zip"), f"example.test/{new_name('exchanged')}"
    path, root = f"/api/v4/projects/{home.project['id']}/packages/go/{module}/@v/v1.0.0.zip", basic("root", ADMIN_TOKEN)

    def publish(more: bytes) -> None:
        changed = {"go.mod": mod(module).encode(), "more.txt": more}
        stand.http.put(path, rename_zip(packed, f"{home.module}@v1.0.0/", f"{module}@v1.0.0/", changed), root).expect(201)

    publish(b"first")
    with_sums(stand, desk, tmp_path, client, home.proxy).go("get", f"{module}@v1.0.0")
    stand.http.delete(path, root).expect(204)
    publish(b"second")
    Consumer(desk, tmp_path, client, home.proxy).go("get", f"{module}@v1.0.0")
    refused = with_sums(stand, desk, tmp_path, client, home.proxy).go("get", f"{module}@v1.0.0", status=None)
    assert "SECURITY ERROR" in refused.said and "checksum mismatch" in refused.said


def test_checksum_database_tells_nobody_of_private_modules(stand: Stand, tmp_path: Path) -> None:
    """The checksum database names a module to whoever may not read it, or speaks for another database."""
    private = make_home(stand, tmp_path, "private")
    private.release("v1.0.0", {"go.mod": mod(private.module), "lib.go": code("lib", "secret")})
    what, stranger = f"lookup/{private.module}@v1.0.0", stand.make_personal_token(stand.make_user())
    shown = private.get(f"sumdb/127.0.0.1/{what}").decode()
    number = shown.partition("\n")[0]
    assert f"{private.module} v1.0.0 h1:" in shown and "go.sum database tree" in shown
    for base in (f"/api/v4/projects/{private.project['id']}/packages/go", "/api/v4/packages/go"):
        stand.http.get(f"{base}/sumdb/127.0.0.1/{what}").expect(401)
        stand.http.get(f"{base}/sumdb/127.0.0.1/{what}", basic("x", stranger.token)).expect(404)
    odd = (
        f"tile/8/data/000.p/{int(number) + 1}",
        "tile/9/0/000",
        "tile/8/0/999",
        "tile/8/0/000.p/256",
        "tile/8/0/0",
        "lookup/127.0.0.1/a@b",
        "lookup/@",
    )
    for path in odd:
        stand.http.get(f"/api/v4/packages/go/sumdb/127.0.0.1/{path}", basic("root", ADMIN_TOKEN)).expect(404)
    for path in ("supported", "latest"):
        stand.http.get(f"/api/v4/packages/go/sumdb/127.0.0.1/{path}").expect(200)
        stand.http.get(f"/api/v4/packages/go/sumdb/sum.example/{path}").expect(401, 404)
