"""What the routes answer, and what they refuse, on the wire."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from stand import ROOT, Login, Stand, Team
from wire import Answer, Client, basic, bearer

from packhouse.formats.rubygems import index
from packhouse.formats.rubygems.index import Spec, summary
from packhouse.formats.rubygems.routes import reading
from packhouse.formats.rubygems.routes.compact import answer_text, find_start
from packhouse.formats.rubygems.snippets import snippets
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow
from packhouse.responses import Document

from .samples import Sample, data, dependency, gem, gzip_of, metadata, sample

GEMS = "api/v1/gems"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Wire:
    """Requests below the source of a project or group, with the bare token of a maintainer, or what `token` says."""

    def __init__(self, stand: Stand, base: str, token: str) -> None:
        self.stand, self.base, self.token = stand, base, token

    def ask(self, method: str, path: str, body: bytes | None = None, *, token: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        token = self.token if token is None else token
        given = {**({"Authorization": token} if token else {}), **(headers or {})}
        return self.stand.http.request(method, f"{self.base}/{path}", body, given)

    def get(self, path: str, **more: Any) -> Answer:
        return self.ask("GET", path, **more)

    def push(self, new: Sample | bytes, **more: Any) -> Answer:
        return self.ask("POST", GEMS, new if isinstance(new, bytes) else new.content, **more)

    def yank(self, **fields: str) -> Answer:
        return self.ask("DELETE", f"{GEMS}/yank", urlencode(fields).encode(), headers=FORM)

    def lines(self, path: str) -> list[str]:
        return self.get(path).expect(200).text.splitlines()[1:]


@pytest.fixture(name="wire")
def make_wire(stand: Stand, team: Team) -> Wire:
    """The source of a private project."""
    return Wire(stand, f"/api/v4/projects/{team.project['id']}/packages/rubygems", team.maintainer.token)


def said(answer: Answer) -> str:
    """What `gem` prints of a refusal."""
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8" and answer.text.endswith("\n") and answer.text.count("\n") == 1
    return answer.text


# -- reading -----------------------------------------------------------------------------------------------------------


def test_nothing_yet(wire: Wire) -> None:
    """A source without gems could look broken to its clients."""
    assert wire.get("versions").expect(200).text == wire.get("names").expect(200).text == "---\n"
    for kind in ("", "latest_", "prerelease_"):
        body = wire.get(f"{kind}specs.4.8.gz").expect(200).body
        assert gzip.decompress(body) == wire.get(f"{kind}specs.4.8").expect(200).body == b"\x04\x08[\x00"
    for path in ("", "versions", "names"):
        assert wire.ask("HEAD", path).expect(200).body == b""
    for path in ("info/toy", "info/-", "info/a%2fb", "quick/Marshal.4.8/toy-1.0.0.gemspec.rz", "gems/toy-1.0.0.gem", "specs.4.9.gz"):
        wire.get(path).expect(404)


def test_what_a_push_makes(wire: Wire) -> None:
    """A pushed gem could be missing from one of the ways to it, or the list tell another digest than its lines have."""
    new = sample("Toy.box", "1.0.0", dependencies=dependency("bar", ("~>", "1.2")))
    assert wire.push(new).expect(201).json() == {"message": "201 Created"}
    assert wire.lines("info/Toy.box") == [f"1.0.0 bar:~> 1.2|checksum:{new.sha256}"]
    assert wire.lines("names") == ["Toy.box"]
    info = wire.get("info/Toy.box")
    assert wire.lines("versions") == [f"Toy.box 1.0.0 {hashlib.md5(info.body).hexdigest()}"]
    assert (info.headers["ETag"], info.headers["Content-Type"]) == (f'"{hashlib.md5(info.body).hexdigest()}"', "text/plain; charset=utf-8")
    assert info.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(hashlib.sha256(info.body).digest()).decode()}:"
    assert wire.get("gems/Toy.box-1.0.0.gem").expect(200).body == new.content
    specification = zlib.decompress(wire.get("quick/Marshal.4.8/Toy.box-1.0.0.gemspec.rz").expect(200).body)
    assert b"Gem::Dependency" in specification and b"1.2" in specification
    for path in ("info/toy.box", "gems/toy.box-1.0.0.gem", "quick/Marshal.4.8/toy.box-1.0.0.gemspec.rz", "quick/Marshal.4.8/Toy.box-1.0.0.gemspec"):
        wire.get(path).expect(404)


def test_what_is_new(wire: Wire) -> None:
    """A client that asks for the rest of a list could get other bytes than it lacks, a refusal, or bytes it cannot append."""
    wire.push(sample("one")).expect(201)
    old = wire.get("versions").expect(200)
    rest = {"Range": f"bytes={len(old.body) - 1}-", "If-None-Match": old.headers["ETag"]}
    assert wire.get("versions", headers=rest).expect(304).body == b""
    wire.push(sample("two")).expect(201)
    part, whole = wire.get("versions", headers=rest).expect(206), wire.get("versions").expect(200)
    assert old.body + part.body[1:] == whole.body and part.body[:1] == b"\n" == old.body[-1:]
    assert part.headers["ETag"] == whole.headers["ETag"] == f'"{hashlib.md5(whole.body).hexdigest()}"'
    assert part.headers["Repr-Digest"] == whole.headers["Repr-Digest"]
    assert part.headers["Content-Range"] == f"bytes {len(old.body) - 1}-{len(whole.body) - 1}/{len(whole.body)}"
    packed = wire.get("versions", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in packed.headers and packed.body == whole.body
    wire.yank(gem_name="one", version="1.0.0").expect(200)
    # what the client has is no beginning of the list any more, and longer than it
    for headers in (rest, {"Range": f"bytes={len(whole.body) - 1}-", "If-None-Match": whole.headers["ETag"]}):
        assert wire.get("versions", headers=headers).expect(200).text.split("\n")[1].startswith("two 1.0.0 ")


def test_where_the_rest_begins() -> None:
    """A range could be read wrongly, or be cut out of a text that the client has in another state."""
    body = b"---\none\ntwo\n"
    tag = f'"{hashlib.md5(body[:8]).hexdigest()}"'
    assert [find_start(body, "bytes=7-", each) for each in ("", tag, f"W/{tag}", f'"x", {tag}', '"x"')] == [7, 7, 7, 7, 0]
    odd = (
        "bytes=12-",
        "bytes=99999-",
        "bytes=-3",
        "bytes=3-5",
        "bytes=1-,4-",
        "lines=1-",
        "",
        "bytes=a-",
        "bytes=" + "9" * 5000 + "-",
        "bytes=\u0663-",
    )
    assert {find_start(body, each, "") for each in odd} == {0}


def test_ranges_on_a_condition() -> None:
    """A download that broke off could be gone on with on other bytes."""
    document = Document(body=b"---\none\n", media_type="text/plain", etag="x")
    statuses = [answer_text(document, "m", "s", {"range": "bytes=4-", "if-range": each}, 9).status_code for each in ('"m"', '"other"', 'W/"m"')]
    assert statuses == [206, 200, 200]


def test_dates() -> None:
    """A text could be taken for unchanged by a date that may still mean other bytes."""
    document = Document(body=b"---\n", media_type="text/plain", etag="x", changed_at=1_700_000_000_000_000)
    asked = {"if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT"}
    soon, later = document.changed_at + 1_000_000, document.changed_at + 3_000_000
    assert [answer_text(document, "m", "s", asked, now).status_code for now in (soon, later)] == [200, 304]
    assert answer_text(document, "m", "s", {**asked, "if-none-match": '"other"'}, later).status_code == 200
    assert answer_text(document, "m", "s", {"if-none-match": '"m"'}, soon).status_code == 304
    empty = Document(body=b"---\n", media_type="text/plain", etag="x")  # of a project that never had a gem
    assert answer_text(empty, "m", "s", {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"}, later).status_code == 200


def test_dependencies(wire: Wire) -> None:
    """Bundler could find no way past a compact index that it cannot use, or look for gems of another source here in vain."""
    wire.push(sample("foo", "1.0.0", dependencies=dependency("bar", (">=", "1"), ("<", "2")) + dependency("rake", kind="development"))).expect(201)
    wire.push(sample("foo", "1.0.0-java")).expect(201)
    assert wire.get("api/v1/dependencies").expect(200).body == b""
    answer = wire.get("api/v1/dependencies?gems=absent,foo,%2e%2e,foo").expect(200)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.body.startswith(b'\x04\x08[\x07{\t:\tnameI"\x08foo\x06:\x06ET') and b"< 2, >= 1" in answer.body and b"rake" not in answer.body
    assert b"java" in answer.body
    assert "'absent'" in said(wire.get("api/v1/dependencies?gems=absent,other").expect(404))
    many = [f"other-{n}" for n in range(99)]
    assert wire.get(f"api/v1/dependencies?gems={','.join([*many, 'foo', 'foo'])}").expect(200).body == wire.get("api/v1/dependencies?gems=foo").body
    refused = said(wire.get(f"api/v1/dependencies?gems={','.join([*many, 'one', 'foo'])}").expect(400))
    assert "101 names: ask for at most 100" in refused


@pytest.mark.parametrize("handler", [reading.show_dependencies, reading.show_newest, reading.show_all])
def test_long_answers_keep_nobody_waiting(handler: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The facts of many versions could be read, or the answer be written, where all other requests wait for it."""
    threads: list[int] = []

    def note(module: Any, name: str) -> None:
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, **more: (threads.append(threading.get_ident()), real(*given, **more))[1])

    for module, name in (
        (index, "list_releases"),
        (index, "write_dependencies"),
        (summary, "write_gem"),
        (summary, "write_list"),
        (reading, "json_reply"),
    ):
        note(module, name)
    new = sample()
    facts = msgspec.json.encode(Spec(name="toy", number="1.0.0"))
    file = FileRow(id=1, project=7, path=new.filename, blob=Blob(sha256=new.sha256, size=len(new.content)), facts=facts)
    version = VersionRow(id=1, project=7, name="toy", version="1.0.0", files=(file,))

    async def find_rows(_name: str) -> Rows:
        return Rows(packages=(PackageRow(id=1, project=7, name="toy", key="toy", versions=(version,)),))

    call = SimpleNamespace(
        query={"gems": "toy"}, params={"json": "toy.json"}, packages=SimpleNamespace(rows=find_rows), moment=SimpleNamespace(here="")
    )
    assert b"1.0.0" in asyncio.run(handler(call)).body
    assert len(threads) > 1 and threading.get_ident() not in threads


def test_platforms(wire: Wire) -> None:
    """The gem of one platform could be that of another, or go with it."""
    for version in ("1.0.0", "1.0.0-java", "1.0.0-x86_64-darwin-20"):
        wire.push(sample(version=version)).expect(201)
    assert [line.split()[0] for line in wire.lines("info/toy")] == ["1.0.0", "1.0.0-java", "1.0.0-x86_64-darwin-20"]
    assert wire.get("gems/toy-1.0.0-x86_64-darwin-20.gem").expect(200).body == sample(version="1.0.0-x86_64-darwin-20").content
    assert "toy (1.0.0-java)" in wire.yank(gem_name="toy", version="1.0.0", platform="java").expect(200).text
    assert [line.split()[0] for line in wire.lines("info/toy")] == ["1.0.0", "1.0.0-x86_64-darwin-20"]
    wire.get("quick/Marshal.4.8/toy-1.0.0-java.gemspec.rz").expect(404)
    wire.get("quick/Marshal.4.8/toy-1.0.0.gemspec.rz").expect(200)
    wire.yank(gem_name="toy", version="1.0.0", platform="ruby").expect(200)
    assert [line.split()[0] for line in wire.lines("info/toy")] == ["1.0.0-x86_64-darwin-20"]


def test_json_for_tools(wire: Wire) -> None:
    """A tool that looks for updates could be told of none, of one that was yanked, or of a prerelease as the newest."""
    fields = "description: All about it\nlicenses: [MIT]\nmetadata: {source_code_uri: https://code.example/toy}\n"
    needs = dependency("bar", ("~>", "1.2")) + dependency("rake", kind="development")
    versions = ("1.9.0", "1.10.0", "2.0.0.rc1", "1.10.0-java", "3.0.0")
    for version in versions:
        wire.push(sample("Toy.box", version, dependencies=needs, fields=fields)).expect(201)
    wire.yank(gem_name="Toy.box", version="3.0.0").expect(200)
    newest = wire.get(f"{GEMS}/Toy.box.json").expect(200).json()
    told = {key: newest[key] for key in ("name", "version", "platform", "info", "licenses", "sha", "source_code_uri", "dependencies")}
    assert told == {
        "name": "Toy.box", "version": "1.10.0", "platform": "ruby", "info": "All about it", "licenses": ["MIT"],
        "sha": sample("Toy.box", "1.10.0", dependencies=needs, fields=fields).sha256, "source_code_uri": "https://code.example/toy",
        "dependencies": {"development": [{"name": "rake", "requirements": ">= 0"}], "runtime": [{"name": "bar", "requirements": "~> 1.2"}]},
    }  # fmt: skip
    assert newest["gem_uri"] == f"{wire.stand.url}{wire.base}/gems/Toy.box-1.10.0.gem"
    listed = wire.get("api/v1/versions/Toy.box.json").expect(200).json()
    assert [(each["number"], each["platform"], each["prerelease"]) for each in listed] == [
        ("2.0.0.rc1", "ruby", True), ("1.10.0", "ruby", False), ("1.10.0", "java", False), ("1.9.0", "ruby", False),
    ]  # fmt: skip
    for path in (f"{GEMS}/absent.json", f"{GEMS}/Toy.box", f"{GEMS}/toy.box.json", "api/v1/versions/absent.json", "api/v1/versions/.json"):
        said(wire.get(path).expect(404))


def test_the_same_version_in_two_projects(wire: Wire, team: Team) -> None:
    """A group could tell the checksum of one project's gem and give another's: no client would install it."""
    other = wire.stand.make_project(team.group)
    second = Wire(wire.stand, wire.base.replace(f"/{team.project['id']}/", f"/{other['id']}/"), team.maintainer.token)
    grouped = Wire(wire.stand, f"/api/v4/groups/{team.group['id']}/-/packages/rubygems", team.maintainer.token)
    for first, then, name in ((wire, second, "one"), (second, wire, "two")):
        first.push(sample(name)).expect(201)
        then.push(sample(name, variant=1)).expect(201)
        then.push(sample(name, "2.0.0", variant=1)).expect(201)
        assert grouped.lines(f"info/{name}")[0] == f"1.0.0 |checksum:{sample(name).sha256}"
        assert grouped.get(f"gems/{name}-1.0.0.gem").expect(200).body == sample(name).content
        assert grouped.get(f"gems/{name}-2.0.0.gem").expect(200).body == sample(name, "2.0.0", variant=1).content
        assert [line.split()[:2] for line in grouped.lines("versions")][-2:] == [[name, "1.0.0"], [name, "2.0.0"]]
    for path in ("gems/three-1.0.0.gem", "gems/One-1.0.0.gem", "gems/one-3.0.0.gem"):
        grouped.get(path).expect(404)


# -- publishing --------------------------------------------------------------------------------------------------------


def form(*parts: tuple[str, str, bytes]) -> tuple[bytes, dict[str, str]]:
    """A form of fields, and of files where there is a file name."""
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        % (name.encode(), f'; filename="{file}"'.encode() if file else b"", content)
        for name, file, content in parts
    )
    return body + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def test_forms(wire: Wire) -> None:
    """A gem could be taken in one way of sending it alone, or something beside it be taken for it."""
    for part, name in (("gem", "by-gem"), ("file", "by-file")):
        body, headers = form((part, "x.gem", sample(name).content), ("attestations", "", b"[]"))
        wire.push(body, headers=headers).expect(201)
    assert wire.lines("names") == ["by-file", "by-gem"]
    whole = sample("two").content
    for parts in ([], [("gem", "a", b"")], [("gem", "a", whole), ("file", "b", whole)], [("other", "a", whole)]):
        body, headers = form(*parts) if parts else (b"", {})
        assert "Send one gem" in said(wire.push(body, headers=headers).expect(400))


def test_again(wire: Wire) -> None:
    """A version could be published twice with other bytes, or a retry be refused; and each refusal must tell why."""
    wire.push(sample()).expect(201)
    before = wire.get("versions").body
    wire.push(sample()).expect(201)
    text = said(wire.push(sample(variant=1)).expect(409))
    assert sample().sha256 in text and sample(variant=1).sha256 in text
    assert "too much like toy" in said(wire.push(sample("Toy", "2.0.0")).expect(409))
    assert "the same as 1.0.0" in said(wire.push(sample(version="1.0")).expect(409))
    wire.push(sample(version="1.0-java")).expect(201)
    wire.yank(gem_name="toy", version="1.0", platform="java").expect(200)
    for variant in (0, 1):
        assert "was yanked" in said(wire.push(sample(version="1.0-java", variant=variant)).expect(409))
    assert wire.get("versions").body == before


def test_two_gems_of_one_full_name(wire: Wire) -> None:
    """A gem could be published under the full name of another one, and be installed in its place."""
    wire.push(sample("a-1-b", "2")).expect(201)
    assert "full name of version 2 of a-1-b" in said(wire.push(sample("a", "1-b-2")).expect(409))
    wire.push(sample("a", "1-c-2")).expect(201)
    assert "full name of version 1-c-2 of a" in said(wire.push(sample("a-1-c", "2")).expect(409))
    assert wire.get("gems/a-1-b-2.gem").body == sample("a-1-b", "2").content
    assert wire.get("gems/a-1-c-2.gem").body == sample("a", "1-c-2").content
    for name in ("a", "a-1-b"):
        wire.get(f"info/{name}").expect(200)
    assert "too many parts" in said(wire.push(sample("z", "1-" + "x-1-" * 9 + "y")).expect(400))


TWINS = [
    ([("toy", "1.0.0"), ("Toy", "2.0.0"), ("TOY", "3.0.0")], "too much like"),
    ([("toy", "1.0.0"), ("toy", "1.0"), ("toy", "1")], "the same as"),
    ([("a-1-b", "2"), ("a", "1-b-2")], "full name"),
]


@pytest.mark.parametrize(("gems", "reason"), TWINS)
def test_twins_at_once(wire: Wire, gems: list[tuple[str, str]], reason: str) -> None:
    """Of two gems that no client can tell apart, and that come at the same time, both could be there."""
    start = threading.Barrier(len(gems))

    def push(new: tuple[str, str]) -> int:
        with Client(wire.stand.url) as client:
            start.wait(30)
            return client.post(f"{wire.base}/{GEMS}", sample(*new).content, {"Authorization": wire.token}).status

    with ThreadPoolExecutor(len(gems)) as pool:
        statuses = list(pool.map(push, gems))
    assert sorted(statuses) == [201, *[409] * (len(gems) - 1)]
    name, version = gems[statuses.index(201)]
    assert [line.split()[:2] for line in wire.lines("versions")] == [[name, version]]
    assert wire.get(f"gems/{name}-{version}.gem").expect(200).body == sample(name, version).content


@pytest.mark.parametrize(("gems", "reason"), TWINS)
def test_what_comes_back_and_what_is_promoted(wire: Wire, team: Team, gems: list[tuple[str, str]], reason: str) -> None:
    """A gem that is restored or promoted could be there beside one that no client can tell it from."""
    stand, second = wire.stand, wire.stand.make_project(team.group)
    target = Wire(stand, f"/api/v4/projects/{second['id']}/packages/rubygems", wire.token)
    one, other = gems[:2]
    wire.push(sample(*one)).expect(201)
    target.push(sample(*other)).expect(201)
    [package], [beside] = stand.list_packages(team.project), stand.list_packages(second)
    place, to = f"/projects/{team.project['id']}/packages", {"to": second["id"]}
    assert reason in stand.want(409, "POST", f"{place}/{package['id']}/-/promote", to, token=wire.token)["message"]
    assert [line.split()[:2] for line in target.lines("versions")] == [list(other)]
    stand.want(204, "DELETE", f"/projects/{second['id']}/packages/{beside['id']}")
    for status in (201, 200):
        stand.want(status, "POST", f"{place}/{package['id']}/-/promote", to, token=wire.token)
    assert [line.split()[:2] for line in target.lines("versions")] == [list(one)]
    stand.want(204, "DELETE", f"{place}/{package['id']}")
    wire.push(sample(*other)).expect(201)
    text = stand.want(409, "POST", f"{place}/{package['id']}/-/restore", token=wire.token)["message"]
    assert "cannot be restored" in text and reason in text
    [beside] = stand.list_packages(team.project)
    stand.want(204, "DELETE", f"{place}/{beside['id']}")
    stand.want(201, "POST", f"{place}/{package['id']}/-/restore", token=wire.token)
    assert [line.split()[:2] for line in wire.lines("versions")] == [list(one)]


@pytest.mark.parametrize(
    "content",
    [b"no gem", sample().content[:700], gem({"data.tar.gz": data({})}), gem({"metadata.gz": gzip_of(metadata(name="-a")), "data.tar.gz": data({})})],
)
def test_bad_gems(content: bytes, wire: Wire) -> None:
    """What is no gem could be published, or the refusal not say what is wrong."""
    assert said(wire.push(content).expect(400))
    assert wire.get("versions").text == "---\n"


# -- yank --------------------------------------------------------------------------------------------------------------


def test_yank(wire: Wire) -> None:
    """A yanked version could still be offered, or the form of a client not be read."""
    for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0"):
        wire.push(sample(version=version)).expect(201)
    wire.yank(gem_name="toy", version="1.3.0").expect(200)
    body, headers = form(("gem_name", "", b"toy"), ("version", "", b"1.2.0"))
    wire.ask("DELETE", f"{GEMS}/yank", body, headers=headers).expect(200)
    wire.ask("DELETE", f"{GEMS}/yank?gem_name=toy&version=1.1.0").expect(200)
    assert [line.split()[0] for line in wire.lines("info/toy")] == ["1.0.0"]
    assert gzip.decompress(wire.get("specs.4.8.gz").body).count(b"toy") == 1
    wire.yank(gem_name="toy", version="1.3.0").expect(200)
    wire.yank(gem_name="toy", version="1.0.0").expect(200)
    wire.get("info/toy").expect(404)
    assert wire.get("versions").text == wire.get("names").text == "---\n"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"gem_name": "toy", "version": "7.0"}, 404),
        ({"gem_name": "toy", "version": "x"}, 404),
        ({"gem_name": "toy", "version": "1.0.0", "platform": "java"}, 404),
        ({"gem_name": "toy", "version": "1.0.0", "platform": "a/b"}, 404),
        ({"gem_name": "absent", "version": "1.0.0"}, 404),
        ({"gem_name": "..", "version": "1.0.0"}, 404),
        ({"gem_name": "toy"}, 400),
        ({}, 400),
    ],
)
def test_nothing_to_yank(fields: dict[str, str], status: int, wire: Wire) -> None:
    """A mistake could yank something else, or pass for a success."""
    wire.push(sample()).expect(201)
    assert said(wire.yank(**fields).expect(status))
    assert len(wire.lines("info/toy")) == 1


def test_two_answers_to_one_question(wire: Wire) -> None:
    """A form that says two things could be read in another way than by who let it pass."""
    body = b"gem_name=toy&version=1.0.0&version=2.0.0"
    assert "twice" in said(wire.ask("DELETE", f"{GEMS}/yank", body, headers=FORM).expect(400))


# -- people ------------------------------------------------------------------------------------------------------------


def test_carriers(wire: Wire, team: Team) -> None:
    """A token could count in one way of sending it alone, or one that is wrong pass for none."""
    login: Login = team.developer
    for headers in (bearer(login.token), basic(login.user, login.token), {"PRIVATE-TOKEN": login.token}):
        wire.get("versions", token="", headers=headers).expect(200)
    wire.get("versions", token=f"  {login.token} ").expect(200)
    for wrong in ("phpat_wrong", "Token", "Bearer", f"Token {login.token}", f"{login.token}x"):
        said(wire.get("versions", token=wrong).expect(401))
    for method, path in (("GET", ""), ("GET", "versions"), ("GET", "api/v1/dependencies"), ("POST", GEMS), ("DELETE", f"{GEMS}/yank")):
        refused = wire.ask(method, path, token="").expect(401)
        assert refused.headers["WWW-Authenticate"].startswith("Basic ") and said(refused)


def test_key(wire: Wire, team: Team) -> None:
    """`gem signin` could keep another key than the one that somebody signed in with, or take one that is none."""
    login: Login = team.developer
    for method in ("GET", "POST"):
        assert wire.ask(method, "api/v1/api_key", token="", headers=basic(login.user, login.token)).expect(200).text == login.token
    said(wire.ask("POST", "api/v1/api_key", token="", headers=basic(login.user, "phpat_wrong")).expect(401))
    said(wire.ask("POST", "api/v1/api_key", token=login.token).expect(403))


def test_owners(wire: Wire, team: Team) -> None:
    """`gem owner` could show nobody, or seem to change what it cannot."""
    wire.push(sample()).expect(201)
    path = team.project["path_with_namespace"]
    assert wire.get(f"{GEMS}/toy/owners.yaml").expect(200).text == f"---\n- id: {team.project['id']}\n  handle: {path}\n"
    for method in ("POST", "DELETE"):
        assert "members of the project" in said(wire.ask(method, f"{GEMS}/toy/owners", b"email=a%40b", headers=FORM).expect(405))
    wire.get(f"{GEMS}/absent/owners.yaml").expect(404)


# -- moving in ---------------------------------------------------------------------------------------------------------


def test_import(wire: Wire, team: Team) -> None:
    """A gem could be left behind by `packhouse import`, or arrive as another one."""
    for new in (sample(), sample(version="1.0.0-java"), sample("Toy.box", "2.0.a")):
        wire.push(new).expect(201)
    other = wire.stand.make_team()
    api = f"{wire.stand.url}/api/v4/projects"
    command = [sys.executable, "-m", "packhouse", "import", "rubygems"]
    command += ["--from", f"{api}/{team.project['id']}", "--to", f"{api}/{other.project['id']}"]
    env = {"PYTHONPATH": str(ROOT / "src"), "PACKHOUSE_IMPORT_FROM_TOKEN": team.reporter.token, "PACKHOUSE_IMPORT_TO_TOKEN": other.developer.token}
    for count in ("3 published, 0 there", "0 published, 3 there"):
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
        assert count in done.stdout, done.stdout + done.stderr
    there = Wire(wire.stand, wire.base.replace(f"/{team.project['id']}/", f"/{other.project['id']}/"), other.developer.token)
    assert [there.get(path).body for path in ("names", "specs.4.8", "prerelease_specs.4.8")] == [
        wire.get(path).body for path in ("names", "specs.4.8", "prerelease_specs.4.8")
    ]


# -- snippets ----------------------------------------------------------------------------------------------------------


def test_snippets() -> None:
    """What people paste could name another version, a platform where a number belongs, or publish to a group."""
    versions = tuple(VersionRow(id=n, project=7, name="toy", version=version) for n, version in enumerate(("1.9.0", "1.10.0-java", "1.2.0")))
    package = PackageRow(id=1, project=7, name="toy", key="toy", versions=versions)
    here = Moment(at=0, api="https://packhouse.example/api/v4", format="rubygems", place=7)
    texts = [each.text for each in snippets(here, package)]
    assert 'gem "toy", "~> 1.10.0"' in texts[1] and "--version 1.10.0 " in texts[0]
    assert all("https://packhouse.example/api/v4/projects/7/packages/rubygems" in text or "@packhouse.example/api/v4" in text for text in texts)
    grouped = snippets(Moment(at=0, api=here.api, format="rubygems", place=7, level="group"), None)
    assert {each.kind for each in grouped} == {"install", "setup"}
