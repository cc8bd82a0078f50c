"""Channels, uploads and documents on a running server."""

from __future__ import annotations

import bz2
import hashlib
import io
import time
import zipfile
from typing import Any
from urllib.parse import quote, urljoin

import msgspec
import pytest
import zstandard
from stand import Login, Stand, Team
from wire import Answer, basic

from packhouse.db.engine import now
from packhouse.formats.conda.index import timestamp as write_moment

from .samples import Sample, make_conda, make_index, make_info, make_zip, sample

Json = dict[str, Any]
EMPTY = {"info": {"subdir": "noarch"}, "packages": {}, "packages.conda": {}, "removed": [], "repodata_version": 1}


class Shop:
    """A project with channels."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.project = team.project["id"]
        self.base = f"/api/v4/projects/{self.project}/packages/conda"
        self.group = f"/api/v4/groups/{team.group['id']}/-/packages/conda"

    def get(self, tail: str, login: Login | None = None, base: str = "", **headers: str) -> Answer:
        login = login or self.team.reader
        return self.stand.http.get(f"{base or self.base}/{tail}", {**basic(login.user, login.token), **headers})

    def put(self, path: str, content: bytes, login: Login | None = None) -> Answer:
        login = login or self.team.writer
        return self.stand.http.put(f"{self.base}/{quote(path)}", content, basic(login.user, login.token))

    def publish(self, one: Sample, channel: str = "") -> Sample:
        self.put(f"{channel}/{one.filename}".removeprefix("/"), one.content).expect(201)
        return one

    def delete(self, path: str, login: Login | None = None) -> Answer:
        login = login or self.team.maintainer
        return self.stand.http.request("DELETE", f"{self.base}/{quote(path)}", None, basic(login.user, login.token))

    def yank(self, method: str, tail: str, login: Login | None = None) -> Answer:
        login = login or self.team.maintainer
        return self.stand.http.request(method, f"{self.base}/yank/{tail}", None, basic(login.user, login.token))

    def repodata(self, place: str = "noarch", base: str = "") -> Json:
        found: Json = msgspec.json.decode(self.get(f"{place}/repodata.json", base=base).expect(200).body)
        return found

    def shards(self, place: str = "noarch", base: str = "", login: Login | None = None) -> tuple[str, Json]:
        """Where the shards are, and each name's decoded."""
        index = unpack(self.get(f"{place}/repodata_shards.msgpack.zst", login, base).expect(200).body)
        below = urljoin(f"{place}/", index["info"]["shards_base_url"])
        found = {}
        for name, digest in index["shards"].items():
            body = self.get(f"{below}{digest.hex()}.msgpack.zst", login, base).expect(200).body
            assert hashlib.sha256(body).digest() == digest, name
            found[name] = unpack(body)
        return below, found


def unpack(body: bytes) -> Any:
    return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(body))


def read_log(stand: Stand, path: str) -> str:
    """The log once this path is in it: it is written a moment after the answer."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        if path in (log := stand.log.read_text()):
            return log
        stand.want(200, "GET", "/version")
    raise AssertionError(f"{path} is not in the log")


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


# -- documents -------------------------------------------------------------------------------------------------------


def test_a_package_from_end_to_end(shop: Shop) -> None:
    """A package could be listed other than it says of itself, or with digests that are not those of its bytes."""
    depends = ["python  >=3.11,<3.12.0a0", "libtoy 1.*"]
    one = shop.publish(sample("toy", "1!2.0+local.1", build="h1_0", depends=depends, constrains=["other <2"], x_unknown={"a": [1, None]}))
    record = shop.repodata()["packages.conda"].pop("toy-1!2.0+local.1-h1_0.conda")
    assert record.pop("indexed_timestamp") > 1_600_000_000_000
    index = make_index("toy", "1!2.0+local.1", "h1_0", depends=depends, constrains=["other <2"], x_unknown={"a": [1, None]})
    assert record == {**index, "md5": hashlib.md5(one.content).hexdigest(), "sha256": one.sha256, "size": len(one.content)}
    for spelling in (one.filename, quote(one.filename, safe=""), quote(one.filename, safe="!")):
        assert shop.get(f"noarch/{spelling}").expect(200).body == one.content, spelling


def test_all_forms_agree(shop: Shop) -> None:
    """A client that takes one form could see other packages than one that takes another."""
    for one in (sample("toy"), sample("toy", "2.0", extension=".tar.bz2"), sample("other", subdir="linux-64")):
        shop.publish(one)
    for subdir, count in (("noarch", 2), ("linux-64", 1)):
        plain = shop.repodata(subdir)
        assert len(plain["packages"]) + len(plain["packages.conda"]) == count
        for name in ("repodata", "current_repodata", "repodata_from_packages"):
            body = shop.get(f"{subdir}/{name}.json").expect(200).body
            assert zstandard.ZstdDecompressor().decompress(shop.get(f"{subdir}/{name}.json.zst").expect(200).body) == body
        assert bz2.decompress(shop.get(f"{subdir}/repodata.json.bz2").expect(200).body) == body
        _, shards = shop.shards(subdir)
        joined: Json = {"packages": {}, "packages.conda": {}}
        for shard in shards.values():
            assert shard["removed"] == []
            for section, found in joined.items():
                for file, record in shard[section].items():
                    found[file] = {**record, "md5": record["md5"].hex(), "sha256": record["sha256"].hex()}
        assert joined == {section: plain[section] for section in joined}


def test_media_types(shop: Shop) -> None:
    """A packed document could be unpacked on its way by a client that was promised something else."""
    shop.publish(sample())
    for name, kind in (
        ("repodata.json", "application/json"), ("repodata.json.zst", "application/zstd"), ("repodata.json.bz2", "application/x-bzip2"),
        ("repodata_shards.msgpack.zst", "application/zstd"), ("run_exports.json.zst", "application/zstd"),
    ):  # fmt: skip
        for subdir in ("noarch", "osx-64"):
            answer = shop.get(f"{subdir}/{name}", **{"Accept-Encoding": "gzip"}).expect(200)
            assert answer.headers["content-type"] == kind
            assert name.endswith(".json") or "content-encoding" not in answer.headers
            head = shop.stand.http.request("HEAD", f"{shop.base}/{subdir}/{name}", None, basic(shop.team.reader.user, shop.team.reader.token))
            assert head.status == 200 and head.headers["content-length"] == answer.headers["content-length"]
        etag = shop.get(f"noarch/{name}").headers["etag"]
        assert shop.get(f"noarch/{name}", **{"If-None-Match": etag}).status == 304


def test_empty_platforms(shop: Shop) -> None:
    """A channel without packages for all platforms, or with none at all, could be refused as a whole."""
    assert shop.repodata() == EMPTY == shop.repodata("new/noarch")
    shop.publish(sample(subdir="linux-64"))
    assert shop.repodata() == EMPTY
    assert unpack(shop.get("noarch/repodata_shards.msgpack.zst").expect(200).body)["shards"] == {}
    assert bz2.decompress(shop.get("noarch/repodata.json.bz2").expect(200).body) == shop.get("noarch/repodata.json").body
    assert shop.get("plan9-mips/repodata.json").status == 404
    shop.delete("linux-64/toy-1.0.0-0.conda").expect(204)
    assert shop.repodata("linux-64") == {**EMPTY, "info": {"subdir": "linux-64"}}


def test_platforms_change_alone(shop: Shop) -> None:
    """A package for one platform could have the documents of all others fetched again."""
    shop.publish(sample(subdir="linux-64"))
    names = ("repodata.json", "repodata_shards.msgpack.zst")
    before = [shop.get(f"linux-64/{name}").headers["etag"] for name in names]
    shop.publish(sample())
    shop.publish(sample("other", subdir="linux-64"), "elsewhere")
    assert [shop.get(f"linux-64/{name}").headers["etag"] for name in names] == before


def test_channels_are_apart(shop: Shop) -> None:
    """A package could be seen in a channel that it was not published in."""
    one = shop.publish(sample())
    other = shop.publish(sample(variant=1), "team/test")
    assert (one.filename, other.filename) == ("toy-1.0.0-0.conda", "toy-1.0.0-0.conda")
    for place, content in (("noarch", one.content), ("team/test/noarch", other.content)):
        assert shop.get(f"{place}/{one.filename}").expect(200).body == content
        assert [record["sha256"] for record in shop.repodata(place)["packages.conda"].values()] == [hashlib.sha256(content).hexdigest()]
    for place in ("team/noarch", "test/noarch"):
        assert shop.get(f"{place}/{one.filename}").status == 404
        assert shop.repodata(place) == EMPTY


def test_old_shards_stay(shop: Shop) -> None:
    """A client that has read the list of shards could find them gone, as somebody published or deleted meanwhile."""
    shop.publish(sample())
    below, _ = shop.shards()
    index = unpack(shop.get("noarch/repodata_shards.msgpack.zst").body)
    path = f"{below}{index['shards']['toy'].hex()}.msgpack.zst"
    before = shop.get(path).expect(200).body
    shop.publish(sample(version="2.0"))
    shop.delete("noarch/toy-1.0.0-0.conda").expect(204)
    login = shop.team.reader
    for base, headers in ((shop.base, basic(login.user, login.token)), (f"/t/{login.token}{shop.base}", {})):
        moved = shop.stand.http.get(f"{base}/{path}", headers).expect(302).headers["location"]
        assert shop.stand.http.get(urljoin(f"{base}/{path}", moved), headers).expect(200).body == before
    developer = basic(shop.team.developer.user, shop.team.developer.token)
    moved = shop.stand.http.get(f"{shop.group}/{path}", developer).expect(302).headers["location"]
    assert shop.stand.http.get(urljoin(f"{shop.group}/{path}", moved), developer).expect(200).body == before
    assert list(shop.shards()[1]["toy"]["packages.conda"]) == ["toy-2.0-0.conda"]
    unknown = f"{below}{'0' * 64}.msgpack.zst"
    moved = shop.get(unknown).expect(302).headers["location"]
    assert shop.stand.http.get(urljoin(f"{shop.base}/{unknown}", moved), basic(login.user, login.token)).status == 404
    assert shop.get(path.removesuffix(".zst")).status == 404


@pytest.mark.parametrize(
    "made",
    ["yesterday", "%0d%0aSet-Cookie:%20x=1", "..%2f..%2fx", "a%2fb", "%25zz", "%c3%a9", "http:%2f%2felsewhere.example", "2999-01-01T00:00:00Z"],
)
def test_odd_addresses_of_shards(shop: Shop, made: str) -> None:
    """An address could lead somebody with a token to another place, or end in an error of the server's."""
    path = f"{shop.base}/shards/{made}/noarch/{'0' * 64}.msgpack.zst"
    login = basic(shop.team.reader.user, shop.team.reader.token)
    answer = shop.stand.http.get(path, login)
    if answer.status == 302:
        moved = urljoin(path, answer.headers["location"])
        assert moved.startswith(f"/api/v4/projects/{shop.project}/-/at/") and "set-cookie" not in answer.headers
        answer = shop.stand.http.get(moved, login)
    assert answer.status in (400, 404)


def test_yanked(shop: Shop) -> None:
    """A version that was withdrawn could still be solved for, or be lost to environments that are locked to it."""
    one = shop.publish(sample())
    shop.publish(sample(version="2.0"))
    assert shop.yank("PUT", "toy/1.0.0", shop.team.writer).status == 403
    assert shop.yank("PUT", "toy/1.0.0?reason=a%0ab").status == 400
    assert shop.yank("PUT", "toy/9").status == 404
    shop.yank("PUT", "toy/1.0.0?reason=broken").expect(204)
    found = shop.repodata()
    assert found["removed"] == [one.filename] and list(found["packages.conda"]) == ["toy-2.0-0.conda"]
    assert shop.shards()[1]["toy"]["removed"] == [one.filename]
    assert shop.get(f"noarch/{one.filename}").expect(200).body == one.content
    shop.yank("DELETE", "toy/1.0.0").expect(204)
    assert shop.repodata()["removed"] == []


def test_channeldata(shop: Shop) -> None:
    """A channel could tell of packages or platforms that it does not have."""
    for one in (sample("toy", "1.10", license="MIT"), sample("toy", "1.9", subdir="osx-64"), sample("other", subdir="linux-64")):
        shop.publish(one, "a/b")
    assert shop.get("channeldata.json").status == shop.get("a/channeldata.json").status == 404
    found = msgspec.json.decode(shop.get("a/b/channeldata.json").expect(200).body)
    assert found["subdirs"] == ["linux-64", "noarch", "osx-64"] and sorted(found["packages"]) == ["other", "toy"]
    assert found["packages"]["toy"] == {"version": "1.10", "license": "MIT", "timestamp": None, "subdirs": ["noarch", "osx-64"]}
    shop.publish(sample(), "single")
    assert shop.get("single/channeldata.json").status == 200


def test_run_exports(shop: Shop) -> None:
    """What a build must add for a library could be lost, and its users break."""
    info = {**make_info(make_index()), "info/run_exports.json": b'{"weak": ["libtoy >=1"]}'}
    shop.put("toy-1.0.0-0.conda", make_conda(info)).expect(201)
    shop.publish(sample("other"))
    found = msgspec.json.decode(shop.get("noarch/run_exports.json").expect(200).body)
    assert found["packages.conda"] == {
        "other-1.0.0-0.conda": {"run_exports": {}},
        "toy-1.0.0-0.conda": {"run_exports": {"weak": ["libtoy >=1"]}},
    }


def test_tail_of_a_file(shop: Shop) -> None:
    """Clients that read a package's metadata by ranges could get the wrong end of it."""
    one = shop.publish(sample())
    answer = shop.get(f"noarch/{one.filename}", Range="bytes=-22").expect(206)
    assert answer.body == one.content[-22:]
    with zipfile.ZipFile(io.BytesIO(one.content)) as archive:
        assert "metadata.json" in archive.namelist()


# -- tokens in the path ----------------------------------------------------------------------------------------------


def test_token_in_the_path(shop: Shop) -> None:
    """A client that has its token in the channel's address could not read, publish or stay in it, or the token be written to the log."""
    one, http = sample(), shop.stand.http
    base = f"/t/{shop.team.developer.token}{shop.base}"
    http.put(f"{base}/{one.filename}", one.content).expect(201)
    assert http.get(f"{base}/noarch/{one.filename}").expect(200).body == one.content
    index = unpack(http.get(f"{base}/noarch/repodata_shards.msgpack.zst").expect(200).body)
    below = urljoin(f"{base}/noarch/", index["info"]["shards_base_url"])
    assert http.get(f"{below}{index['shards']['toy'].hex()}.msgpack.zst").expect(200).status == 200
    for _ in range(3):  # the last of them is remembered
        assert http.get(f"{base}/noarch/repodata.json").expect(200).json()["packages.conda"]
    assert http.get(f"{base}/noarch/repodata.json", basic(shop.team.reader.user, shop.team.reader.token)).status == 400, "two different ones"
    for wrong in ("secret-word", "phpat_secret_word", "%00", "a%2fb"):
        assert http.get(f"/t/{wrong}{shop.base}/noarch/repodata.json").status == 401
    log = read_log(shop.stand, f"{shop.base}/noarch/repodata.json")
    assert shop.team.developer.token not in log and "secret-word" not in log and "secret_word" not in log


def test_no_token_in_other_paths(shop: Shop) -> None:
    """A token could be taken from the path of a format or of pages that have it nowhere in their contract, and end up in the logs of others."""
    token = shop.team.developer.token
    for path in ("/projects", f"/projects/{shop.project}/packages", f"/projects/{shop.project}/packages/pypi/simple"):
        assert shop.stand.http.get(f"/t/{token}/api/v4{path}").status == 404
    assert shop.stand.http.get(f"/t//{shop.base}/noarch/repodata.json").status == 404
    for path in (shop.base, f"{shop.base}?go-get=1", "/api/v4/none"):  # a page for these would name its own address
        reply = shop.stand.http.get(f"/t/{token}{path}")
        assert reply.status == 404 and token.encode() not in reply.body and token not in str(reply.headers)


# -- groups ----------------------------------------------------------------------------------------------------------


def test_group(shop: Shop) -> None:
    """A group could list a file of one project and serve that of another."""
    other = shop.stand.make_project(shop.team.group)
    first = shop.publish(sample())
    second = sample(variant=1)
    developer = shop.team.developer
    path = f"/api/v4/projects/{other['id']}/packages/conda"
    for one in (second, sample("other")):
        shop.stand.http.put(f"{path}/{one.filename}", one.content, basic(developer.user, developer.token)).expect(201)
    login = shop.team.developer
    found = msgspec.json.decode(shop.get("noarch/repodata.json", login, shop.group).expect(200).body)["packages.conda"]
    assert sorted(found) == ["other-1.0.0-0.conda", "toy-1.0.0-0.conda"]
    assert found["toy-1.0.0-0.conda"]["sha256"] == first.sha256
    assert shop.get("noarch/toy-1.0.0-0.conda", login, shop.group).expect(200).body == first.content
    shop.delete("noarch/toy-1.0.0-0.conda").expect(204)
    found = msgspec.json.decode(shop.get("noarch/repodata.json", login, shop.group).expect(200).body)["packages.conda"]
    assert found["toy-1.0.0-0.conda"]["sha256"] == second.sha256
    assert shop.get("noarch/toy-1.0.0-0.conda", login, shop.group).expect(200).body == second.content
    assert shop.get("noarch/toy-9-0.conda", login, shop.group).status == 404
    assert sorted(shop.shards(base=shop.group, login=login)[1]) == ["other", "toy"]


def test_shards_of_a_moment(shop: Shop) -> None:
    """A build of last week could be led from the list of its moment to the records of today."""
    shop.publish(sample(), "a/b")
    moment = f"/-/at/{write_moment(now())}/packages/conda"
    shop.publish(sample(version="2.0"), "a/b")
    project = shop.base.replace("/packages/conda", moment)
    group = shop.group.replace("/-/packages/conda", moment)
    for base, login in ((project, shop.team.reader), (group, shop.team.developer)):
        assert list(shop.shards("a/b/noarch", base, login)[1]["toy"]["packages.conda"]) == ["toy-1.0.0-0.conda"]
    assert len(shop.shards("a/b/noarch")[1]["toy"]["packages.conda"]) == 2


# -- uploads ---------------------------------------------------------------------------------------------------------


def test_where_an_upload_goes(shop: Shop) -> None:
    """A package could be published in another channel or for another platform than was asked for."""
    one = sample(subdir="linux-64")
    for path in (one.filename, f"linux-64/{one.filename}", f"a/b/{one.filename}", f"c/linux-64/{one.filename}"):
        shop.put(path, one.content).expect(201)
    for channel in ("", "a/b/", "c/"):
        assert list(shop.repodata(f"{channel}linux-64")["packages.conda"]) == [one.filename]
    odd = sample(subdir="plan9-mips")
    shop.put(f"d/plan9-mips/{odd.filename}", odd.content).expect(201)
    assert list(shop.repodata("d/plan9-mips")["packages.conda"]) == [odd.filename]
    assert shop.put(f"osx-64/{one.filename}", one.content).expect(400).json()["message"].endswith("is for linux-64, not for osx-64")


@pytest.mark.parametrize(
    ("path", "says"),
    [("toy.conda", "is not name-version-build.conda"), ("toy-1.0.0-0.zip", "ends in neither .conda nor .tar.bz2"), ("toy-1.0.0-1.conda",
     "called otherwise"),
     ("other-1.0.0-0.conda", "called otherwise"), ("Toy-1.0.0-0.conda", "Package name 'Toy' is invalid"), ("toy-1..0-0.conda", "is invalid"),
     ("noarch/noarch/toy-1.0.0-0.conda", "A channel cannot be called noarch"), ("shards/toy-1.0.0-0.conda", "A channel cannot be called shards"),
     (".git/toy-1.0.0-0.conda", "Channel '.git' is invalid"), ("toy-1.0.0-0.tar.bz2", "")],
)  # fmt: skip
def test_refused_paths(shop: Shop, path: str, says: str) -> None:
    """A package could be published under a name that is not its own, or where no client finds it."""
    answer = shop.put(path, sample().content).expect(400)
    assert says in answer.json()["message"]
    assert shop.repodata() == EMPTY


def test_refused_bodies(shop: Shop) -> None:
    """What is no package could be published, or end in an error of the server's."""
    for body in (b"", b"garbage", make_zip([]), make_conda({"info/other": b""}), make_conda(make_info(b"[]")), make_conda(make_info(b"{}"))):
        answer = shop.put("toy-1.0.0-0.conda", body).expect(400)
        assert answer.json()["message"].startswith("400 Bad request - ")
    assert shop.put("toy-1.0.0-0.conda", sample().content, shop.team.reader).status == 403
    assert shop.stand.http.put(f"{shop.base}/toy-1.0.0-0.conda", sample().content, {}).status == 401


def test_twice(shop: Shop) -> None:
    """A package that is out could get other bytes, or a retry fail."""
    one, other = shop.publish(sample()), sample(variant=1)
    shop.put(one.filename, one.content).expect(201)
    message = shop.put(one.filename, other.content).expect(409).json()["message"]
    assert one.sha256 in message and other.sha256 in message
    assert shop.get(f"noarch/{one.filename}").body == one.content
    shop.publish(sample(extension=".tar.bz2"))
    found = shop.repodata()
    assert (len(found["packages"]), len(found["packages.conda"])) == (1, 1)


def test_the_way_of_quetz(shop: Shop) -> None:
    """A client of quetz could not publish, or damage on the way go unseen."""
    one = sample()
    path = f"{shop.base}/api/channels/a/b/upload/{one.filename}?force=false&sha256="
    key = {"X-API-Key": shop.team.writer.token}
    assert shop.stand.http.request("POST", path + "0" * 64, one.content, key).status == 400
    assert shop.stand.http.request("POST", path + one.sha256, one.content, {"X-API-Key": "wrong"}).status == 401
    shop.stand.http.request("POST", path + one.sha256, one.content, key).expect(201)
    assert list(shop.repodata("a/b/noarch")["packages.conda"]) == [one.filename]


def test_delete(shop: Shop) -> None:
    """A token that may write could delete, or a build take the others of its version along."""
    for build in ("0", "1"):
        shop.publish(sample(build=build))
    assert shop.delete("noarch/toy-1.0.0-0.conda", shop.team.writer).status == 403
    assert shop.delete("noarch/toy-1.0.0-7.conda").status == 404
    assert shop.delete("a/noarch/toy-1.0.0-0.conda").status == 404
    shop.delete("noarch/toy-1.0.0-0.conda").expect(204)
    assert list(shop.repodata()["packages.conda"]) == ["toy-1.0.0-1.conda"]
    assert shop.get("noarch/toy-1.0.0-0.conda").status == 404
