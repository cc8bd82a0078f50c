"""Two servers with data folders of their own behind one address, rows in PostgreSQL and bytes on object storage: what one takes, the other has."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from npm_clients import Npm, installed_version, project_registry, write_package
from object_storage import Asked, Between, Storage
from postgres import Cluster
from programs import Desk
from pypi_clients import Pip, project_index, upload_url
from requirements import miss
from stand import ADMIN_TOKEN, Stand, Team, free_port
from tests.clients.test_container import Quay
from tests.formats.pypi.samples import wheel
from wire import Answer, Client, basic

pytestmark = pytest.mark.server

BIG = 600_000
FRONT = """
global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
frontend front
  bind 127.0.0.1:{port}
  acl upload path_sub /blobs/uploads/
  use_backend one_node if upload
  default_backend nodes
backend nodes
  balance roundrobin
  server a 127.0.0.1:{a}
  server b 127.0.0.1:{b}
backend one_node
  balance source
  server a 127.0.0.1:{a}
  server b 127.0.0.1:{b}
"""


@dataclass(frozen=True)
class Nodes:
    """Two servers, the address that they share, and what they and their clients ask of the object storage."""

    one: Stand
    other: Stand
    front: Stand
    between: Between

    def asked_by(self, program: str) -> list[Asked]:
        return [asked for asked in self.between.asked if asked.headers.get("user-agent", "").startswith(program)]


@pytest.fixture(scope="module", name="nodes")
def serve_nodes(storage: Storage, postgres: Cluster) -> Iterator[Nodes]:
    """Both, with the same keys, behind HAProxy."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    if program is None:
        miss("HAProxy")
    folder = Path(tempfile.mkdtemp(prefix="packhouse-nodes-"))
    database = postgres.make_database()
    port = free_port()
    front_host = f"localhost:{port}"  # not the name of the object storage: clients drop their credential between the two
    with Between(storage) as between:
        settings = {
            **storage.settings(between.url),
            "PACKHOUSE_DATABASE_URL": postgres.url(database),
            "PACKHOUSE_EXTERNAL_URL": f"http://{front_host}",
        }
        one, other = Stand(folder / "a", settings), Stand(folder / "b", settings)
        (folder / "keys").mkdir(mode=0o700)
        for stand in (one, other):
            stand.data.mkdir()
            (stand.data / "keys").symlink_to(folder / "keys")
        (folder / "front.cfg").write_text(FRONT.format(port=port, a=one.port, b=other.port))
        try:
            with one, other:
                proxy = subprocess.Popen([program, "-f", str(folder / "front.cfg"), "-db", "-q"], stdin=subprocess.DEVNULL)
                try:
                    yield Nodes(one, other, make_front(one, front_host), between)
                finally:
                    proxy.send_signal(signal.SIGTERM)
                    proxy.wait(20)
        finally:
            postgres.drop_database(database)
            shutil.rmtree(folder, ignore_errors=True)


def make_front(stand: Stand, host: str) -> Stand:
    """The stand as clients see it."""
    front = copy.copy(stand)
    front.host, front.url = host, f"http://{host}"
    front.http = Client(front.url)
    return front


@pytest.fixture(name="team")
def make_team(nodes: Nodes) -> Team:
    """A private group and project of this test's own."""
    nodes.between.asked.clear()
    nodes.between.faults.clear()
    return nodes.one.make_team()


def generic(team: Team, name: str) -> str:
    return f"/api/v4/projects/{team.project['id']}/packages/generic/tool/1.0/{name}"


def put(stand: Stand, team: Team, name: str, content: bytes) -> Answer:
    return stand.http.request("PUT", generic(team, name), content, basic(team.writer.user, team.writer.token))


def get(stand: Stand, team: Team, name: str, **headers: str) -> Answer:
    return stand.http.request("GET", generic(team, name), None, {**basic(team.reader.user, team.reader.token), **headers})


# -- one and the other -----------------------------------------------------------------------------------------------


def test_at_once_at_the_other(nodes: Nodes, team: Team) -> None:
    """What one has acknowledged could be unknown to the other, or what one has deleted still be given out by it."""
    for number in range(20):
        here, there = (nodes.one, nodes.other)[:: 1 if number % 2 else -1]
        content = os.urandom(100 + number)
        put(here, team, f"{number}.bin", content).expect(201)
        assert get(there, team, f"{number}.bin").expect(200).body == content
        assert put(there, team, f"{number}.bin", content).expect(200, 201)
    (package,) = nodes.one.list_packages(team.project)
    nodes.other.want(204, "DELETE", f"/projects/{team.project['id']}/packages/{package['id']}")
    assert get(nodes.one, team, "1.bin").status == 404


def test_nothing_is_kept_here(nodes: Nodes, team: Team) -> None:
    """Bytes could stay on the machine that took them, where no other finds them."""
    put(nodes.one, team, "a.bin", os.urandom(BIG)).expect(201)
    assert not (nodes.one.data / "blobs").exists()
    assert not any(path.is_file() for path in (nodes.one.data / "spool").iterdir())


# -- how files leave -------------------------------------------------------------------------------------------------


def test_a_trusted_client_is_sent_there(nodes: Nodes, team: Team) -> None:
    """A client that could fetch a large file from the object storage is served by us, or told by an answer that caches may keep."""
    content = os.urandom(BIG)
    put(nodes.one, team, "a.bin", content).expect(201)
    answer = get(nodes.other, team, "a.bin", **{"User-Agent": "curl/8.0"}).expect(307)
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["location"].startswith(nodes.between.url)
    head = nodes.other.http.request("HEAD", generic(team, "a.bin"), None, {**basic(team.reader.user, team.reader.token), "User-Agent": "curl/8.0"})
    assert head.status == 200 and head.headers["content-length"] == str(BIG)


@pytest.mark.parametrize(
    "headers",
    [{}, {"User-Agent": "Wget/1.21"}, {"User-Agent": "curl/8.0", "PRIVATE-TOKEN": "x"}, {"User-Agent": "pip/24", "If-None-Match": '"x"'}],
    ids=["unknown", "wget", "own header", "condition"],
)
def test_others_are_not(nodes: Nodes, team: Team, headers: dict[str, str]) -> None:
    """A client could take its credential along to the object storage."""
    content = os.urandom(BIG)
    put(nodes.one, team, "a.bin", content).expect(201)
    if "PRIVATE-TOKEN" in headers:
        answer = nodes.other.http.request("GET", generic(team, "a.bin"), None, {**headers, "PRIVATE-TOKEN": ADMIN_TOKEN})
    else:
        answer = get(nodes.other, team, "a.bin", **headers)
    assert answer.expect(200).body == content


def test_ranges_by_ourselves(nodes: Nodes, team: Team) -> None:
    """A part of a large file that we carry could be another part."""
    content = os.urandom(3_000_000)
    put(nodes.one, team, "a.bin", content).expect(201)
    assert get(nodes.other, team, "a.bin", Range="bytes=1048570-2097160").expect(206).body == content[1048570:2097161]
    assert get(nodes.other, team, "a.bin", Range="bytes=-7").expect(206).body == content[-7:]
    get(nodes.other, team, "a.bin", Range="bytes=3000000-").expect(416)


# -- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["403", "500", "lose"])
def test_a_failed_publish(nodes: Nodes, team: Team, kind: str) -> None:
    """A publish whose bytes did not arrive could be acknowledged, be visible, or block its name."""
    content = os.urandom(30)
    nodes.between.fail("PUT", kind, 4)
    answer = put(nodes.one, team, "a.bin", content)
    assert answer.status == 503 and "try again" in answer.text, answer.text
    get(nodes.other, team, "a.bin").expect(404)
    assert nodes.one.list_packages(team.project) == []
    nodes.between.faults.clear()
    put(nodes.one, team, "a.bin", content).expect(201)
    assert get(nodes.other, team, "a.bin").expect(200).body == content


def test_a_failed_read(nodes: Nodes, team: Team) -> None:
    """A file that cannot be read now could be called absent, or cut short."""
    put(nodes.one, team, "a.bin", b"one" * 100).expect(201)
    nodes.between.fail("GET", "500", 4)
    answer = get(nodes.one, team, "a.bin")
    assert answer.status == 503 and "try again" in answer.text
    assert get(nodes.one, team, "a.bin").expect(200).body == b"one" * 100


def test_lost_bytes_come_back(nodes: Nodes, team: Team) -> None:
    """A file whose bytes are gone could never be healed, however often it is sent."""
    put(nodes.one, team, "a.bin", b"lost").expect(201)
    nodes.between.fail("HEAD", "404")
    put(nodes.other, team, "a.bin", b"lost").expect(200, 201)
    assert any(asked.method == "PUT" and "if-none-match" not in asked.headers for asked in nodes.between.asked)
    assert get(nodes.one, team, "a.bin").expect(200).body == b"lost"


# -- uploads that are resumed ----------------------------------------------------------------------------------------


def test_an_upload_belongs_to_a_node(nodes: Nodes, team: Team) -> None:
    """An upload that is sent on to the other node could be answered by anything but that it is to begin again, or end in half a blob."""
    path = f"/v2/{team.project['path_with_namespace']}/img/blobs/uploads/"
    login = basic(team.developer.user, team.developer.token)
    begun = nodes.one.http.request("POST", path, b"", login).expect(202)
    where = begun.headers["location"].removeprefix(nodes.front.url)
    digest = sha256(b"layer").hexdigest()
    answer = nodes.other.http.request("PUT", f"{where}?digest=sha256:{digest}", b"layer", login)
    assert answer.status == 404 and "BLOB_UPLOAD_UNKNOWN" in answer.text
    nodes.one.http.request("PUT", f"{where}?digest=sha256:{digest}", b"layer", login).expect(201)
    nodes.other.http.request("HEAD", f"{path.removesuffix('uploads/')}sha256:{digest}", None, login).expect(200)


# -- real clients ----------------------------------------------------------------------------------------------------


def check_no_credential(asked: Sequence[Asked]) -> None:
    """The client was at the object storage, and took nothing along."""
    assert asked
    for one in asked:
        assert not {"authorization", "private-token", "cookie"}.intersection(one.headers)


def test_pip(nodes: Nodes, team: Team, desk: Desk, tmp_path: Path) -> None:
    """pip cannot install from several nodes, or takes its password to the object storage."""
    sample = wheel("toy-big", "1.0", extra={"toy_big/data.bin": os.urandom(BIG)})
    (tmp_path / sample.filename).write_bytes(sample.content)
    env = {"TWINE_USERNAME": team.writer.user, "TWINE_PASSWORD": team.writer.token}
    options = ["--non-interactive", "--disable-progress-bar", "--repository-url", upload_url(nodes.front, team)]
    desk.run("twine", "upload", *options, sample.filename, cwd=tmp_path, env=env)
    for number in range(3):
        site = Pip().install(desk, tmp_path / f"use{number}", project_index(nodes.front, team), team.reader, "toy-big")
        assert (site / "toy_big" / "data.bin").stat().st_size == BIG
    check_no_credential(nodes.asked_by("pip/"))


def test_npm(nodes: Nodes, team: Team, desk: Desk, tmp_path: Path) -> None:
    """npm cannot publish to several nodes or install from them, or takes its token to the object storage."""
    npm, name = Npm(), f"@{team.scope}/big"
    package = write_package(tmp_path / "big", name, "1.0.0")
    (package / "data.bin").write_bytes(os.urandom(BIG))
    npm.configure(package, project_registry(nodes.front, team, team.writer), team.scope)
    npm.publish(desk, package)
    for number in range(2):
        user = npm.new_user(tmp_path / f"user{number}")
        npm.configure(user, project_registry(nodes.front, team, team.reader), team.scope)
        desk.run("npm", "install", "--no-audit", "--no-fund", "--cache", str(tmp_path / f"cache{number}"), name, cwd=user, env=npm.environment(user))
        assert installed_version(user, name) == "1.0.0"
    check_no_credential(nodes.asked_by("npm/"))


def test_skopeo(nodes: Nodes, team: Team, desk: Desk, tmp_path: Path) -> None:
    """skopeo cannot push to several nodes or pull from them, or takes its token to the object storage."""
    folder = tmp_path / "work"
    folder.mkdir()
    quay = Quay(nodes.front, team, desk, folder)
    quay.make_layout()
    (folder / "bundle" / "rootfs" / "data.bin").write_bytes(os.urandom(BIG))
    quay.run("umoci", "repack", "--image", "img:v1", "bundle")
    quay.push("img:v1")
    source = ("--src-tls-verify=false", "--src-creds", f"{team.reporter.user}:{team.reporter.token}")
    for number in range(2):
        quay.skopeo("copy", *source, f"docker://{quay.ref('img:v1')}", f"dir:pulled{number}")
        assert max(path.stat().st_size for path in (folder / f"pulled{number}").iterdir()) > BIG
    check_no_credential(nodes.asked_by("skopeo/"))
    quay.run("skopeo", "delete", "--tls-verify=false", "--creds", f"{team.maintainer.user}:{team.maintainer.token}", f"docker://{quay.ref('img:v1')}")


def test_curl(nodes: Nodes, team: Team, desk: Desk, tmp_path: Path) -> None:
    """curl takes a credential to the object storage, in whatever header it came."""
    content = os.urandom(BIG)
    put(nodes.one, team, "a.bin", content).expect(201)
    url = f"{nodes.front.url}{generic(team, 'a.bin')}"
    desk.run("curl", "-sSfL", "--user", f"{team.reader.user}:{team.reader.token}", "-o", "a", url, cwd=tmp_path)
    check_no_credential(nodes.asked_by("curl/"))
    nodes.between.asked.clear()
    desk.run("curl", "-sSfL", "--header", f"Deploy-Token: {team.reader.token}", "-o", "b", url, cwd=tmp_path)
    assert nodes.asked_by("curl/") == []
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == content
