"""Sharing, reading and unsharing on a running server, by token and by signature."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from stand import Login, Stand, Team
from wire import Answer, Client, basic

from .samples import FORM, Sample, cookbook, form, pack, sample
from .signing import KEY, OTHER, pem_of, sign, write_clock


class Shop:
    """A project that cookbooks are shared in."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.base = f"/api/v4/projects/{team.project['id']}/packages/chef"
        self.group = f"/api/v4/groups/{team.group['id']}/-/packages/chef"

    def ask(self, method: str, tail: str, login: Login | None = None, base: str = "", body: Any = None, **headers: str) -> Answer:
        login = login or self.team.reader
        return self.stand.http.request(method, f"{base or self.base}/{tail}", body, {**basic(login.user, login.token), **headers})

    def read(self, tail: str, base: str = "") -> Any:
        return self.ask("GET", f"api/v1/{tail}", None, base).expect(200).json()

    def post(self, content: bytes, login: Login | None = None, base: str = "") -> Answer:
        return self.ask("POST", "api/v1/cookbooks", login or self.team.writer, base, content, **FORM)

    def share(self, name: str = "toy", version: str = "1.0.0", variant: int = 0, **said: Any) -> Sample:
        one = sample(name, version, variant, **said)
        self.post(form(one.content)).expect(201)
        return one

    def universe(self, base: str = "") -> dict[str, list[str]]:
        return {name: list(versions) for name, versions in self.read("universe", base).items()}

    # -- signed

    def register(self, login: Login, key: RSAPrivateKey = KEY) -> Any:
        return self.stand.want(201, "POST", "/personal_access_tokens/self/-/signing_keys", {"key": pem_of(key), "title": "laptop"}, token=login.token)

    def send(
        self, method: str, tail: str, login: Login, body: bytes | None = None, content: bytes = b"", status: int = 200, base: str = "", **how: Any
    ) -> Answer:  # fmt: skip
        """A signed request, as it is made for this login; what is signed can be another path or method."""
        path = f"{base or self.base}/{tail}"
        signed = sign(how.pop("signed_method", method), how.pop("signed_path", path), content, **{"user": login.user, **how})
        return self.stand.http.request(method, path, body, {**signed, **(FORM if body is not None else {})}).expect(status)


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


def told(answer: Answer) -> str:
    """The sentence of a refusal, which knife prints."""
    said = answer.json()
    assert said["error_code"].isupper() and len(said["error_messages"]) == 1
    return str(said["error_messages"][0])


# -- sharing and reading -----------------------------------------------------------------------------------------------


def test_from_end_to_end(shop: Shop) -> None:
    """A cookbook could come out with other bytes, or its addresses lead nowhere."""
    assert shop.universe() == {} == shop.ask("GET", "universe").expect(200).json()
    one = sample("apt", "2.9.2", dependencies={"yum": ">= 3.0"}, platforms={"debian": ">= 0.0.0"})
    answer = shop.post(form(one.content, '{"category":"Package Management"}', filename="whatever.zip")).expect(201)
    url = shop.stand.url + shop.base
    assert answer.json() == {"uri": f"{url}/api/v1/cookbooks/apt"}
    entry = shop.ask("GET", "universe").expect(200).json()["apt"]["2.9.2"]
    assert entry["dependencies"] == {"yum": ">= 3.0"} and shop.stand.http.get(entry["location_path"].removeprefix(shop.stand.url)).status == 401
    said = shop.read("cookbooks/APT")
    assert (said["name"], said["category"], said["maintainer"]) == ("apt", "Package Management", "Zoë")
    assert said["latest_version"] == f"{url}/api/v1/cookbooks/apt/versions/2.9.2" == said["versions"][0]
    for tail in ("2.9.2", "2_9_2", "latest"):
        version = shop.read(f"cookbooks/apt/versions/{tail}")
        assert (version["version"], version["tarball_file_size"], version["supports"]) == ("2.9.2", len(one.content), {"debian": ">= 0.0.0"})
        got = shop.ask("GET", f"api/v1/cookbooks/apt/versions/{tail}/download").expect(200)
        assert got.body == one.content and got.headers["content-type"] == "application/gzip" and got.headers["x-checksum-sha256"] == one.sha256
    etag = shop.ask("GET", "universe").headers["etag"] or ""
    assert shop.ask("GET", "universe", None, "", **{"If-None-Match": etag}).status == 304
    shop.share("yum", "3.0.0")
    assert shop.ask("GET", "universe", None, "", **{"If-None-Match": etag}).status == 200


def test_spellings_of_a_version(shop: Shop) -> None:
    """A version of two numbers could be another one than with a zero behind it, or an address have the wrong one for the newest."""
    shop.share(version="1.9")
    shop.share(version="1.10.0")
    for tail in ("1.9", "1.9.0", "1_9", "1_9_0"):
        assert shop.read(f"cookbooks/toy/versions/{tail}")["version"] == "1.9"
    assert shop.read("cookbooks/toy/versions/latest")["version"] == "1.10.0"
    assert "sha256" in told(shop.post(form(cookbook("toy", "1.9.0"))).expect(409))
    for tail in ("1.8", "1", "x", "1.9-rc", "1__9", "..", "1.9.0.0", "%00"):
        shop.ask("GET", f"api/v1/cookbooks/toy/versions/{tail}").expect(404, 400)
        shop.ask("GET", f"api/v1/cookbooks/toy/versions/{tail}/download").expect(404, 400)
    for name in ("none", "a%20b", "a.b", "%3Cb%3E"):
        shop.ask("GET", f"api/v1/cookbooks/{name}").expect(404)
        shop.ask("GET", f"api/v1/cookbooks/{name}/contingent").expect(404)


def test_again(shop: Shop) -> None:
    """Other bytes could take a place, the same ones be refused, or nobody say which were which."""
    one = shop.share()
    shop.post(form(one.content, '{"category":"Else"}')).expect(201)
    assert shop.read("cookbooks/toy")["category"] == "Other"
    other = sample(variant=1)
    message = told(shop.post(form(other.content)).expect(409))
    assert one.sha256 in message and other.sha256 in message
    assert "case alone" in told(shop.post(form(cookbook("Toy", "2.0.0"))).expect(409))
    assert shop.universe() == {"toy": ["1.0.0"]}


def test_spellings_at_once(shop: Shop) -> None:
    """Of two spellings that come at the same time one could be acknowledged, and be found by nobody."""
    user = shop.team.writer
    for number in range(4):
        spelled = [sample(f"{name}{number}", version) for name, version in (("toy", "1.0.0"), ("Toy", "2.0.0"), ("TOY", "3.0.0"))]
        start = Barrier(len(spelled))

        def share(one: Sample, start: Barrier = start) -> int:
            with Client(shop.stand.url) as client:
                start.wait(30)
                return client.post(f"{shop.base}/api/v1/cookbooks", form(one.content), {**basic(user.user, user.token), **FORM}).status

        with ThreadPoolExecutor(len(spelled)) as pool:
            statuses = list(pool.map(share, spelled))
        assert sorted(statuses) == [201, 409, 409]
        kept = spelled[statuses.index(201)]
        assert shop.universe()[kept.name] == [kept.version] and len(shop.universe()) == number + 1


def test_what_comes_back_and_what_is_promoted(shop: Shop) -> None:
    """A cookbook that is restored or promoted could be there under the name of another one, which it does not have."""
    stand, token = shop.stand, shop.team.maintainer.token
    target = Shop(stand, replace(shop.team, project=stand.make_project(shop.team.group)))
    shop.share("Toy")
    target.post(form(cookbook("toy", "2.0.0")), shop.team.developer).expect(201)
    [package] = stand.list_packages(shop.team.project)
    place, to = f"/projects/{shop.team.project['id']}/packages/{package['id']}/-", {"to": target.team.project["id"]}
    assert "Cookbook Toy differs from toy" in stand.want(409, "POST", f"{place}/promote", to, token=token)["message"]
    boss, reporter = shop.team.maintainer, shop.team.reporter
    assert list(target.ask("GET", "universe", reporter).json()) == ["toy"]
    target.ask("DELETE", "api/v1/cookbooks/toy", boss).expect(200)
    for status in (201, 200):
        stand.want(status, "POST", f"{place}/promote", to, token=token)
    assert list(target.ask("GET", "universe", reporter).json()) == ["Toy"]
    shop.ask("DELETE", "api/v1/cookbooks/toy", boss).expect(200)
    shop.share("toy", "2.0.0")
    said = stand.want(409, "POST", f"{place}/restore", token=token)["message"]
    assert "Toy 1.0.0 cannot be restored" in said and "differs from toy" in said
    assert shop.universe() == {"toy": ["2.0.0"]}
    shop.ask("DELETE", "api/v1/cookbooks/toy", boss).expect(200)
    stand.want(201, "POST", f"{place}/restore", token=token)
    assert shop.universe() == {"Toy": ["1.0.0"]}


def test_what_is_refused(shop: Shop) -> None:
    """An upload could be taken that no client can use, be refused without a word about what is wrong, or leave something behind."""
    good = cookbook()
    for body, reason in (
        (form(None), "brings 0"), (form(good, part="file"), "tarball"), (form(b""), "not with gz"), (form(pack({"toy/x": b""})), "metadata.json"),
        (form(good, "{"), "category"), (form(good)[:-20], "cut short"), (b"", "boundary|cut short"),
        (form(good).rpartition(b"--of-a")[0] + form(good), "brings 2"), (form(cookbook(version="1.0.0-rc")), "Version"),
    ):  # fmt: skip
        message = told(shop.post(body).expect(400))
        assert any(word in message for word in reason.split("|")), message
    for content_type in ("application/gzip", "multipart/form-data", ""):
        told(shop.ask("POST", "api/v1/cookbooks", shop.team.writer, "", good, **{"Content-Type": content_type}).expect(400))
    assert shop.stand.http.post(f"{shop.base}/api/v1/cookbooks", form(good), FORM).status == 401
    told(shop.post(form(good), shop.team.reader).expect(403))
    shop.post(form(good), shop.team.developer, shop.group).expect(404, 405)
    assert shop.universe() == {} and shop.stand.list_packages(shop.team.project) == []


def test_without_a_category(shop: Shop) -> None:
    """A form of curl, with the archive alone, could be refused."""
    shop.post(form(cookbook(), None)).expect(201)
    assert shop.read("cookbooks/toy")["category"] == "Other"


def test_lists(shop: Shop) -> None:
    """A page could hold other cookbooks than its number says, or a total of something else."""
    for number in range(12):
        shop.share(f"c{number:02}", maintainer="Ann" if number % 2 else "Ben", description=f"No {number}")
    shop.share("c00", "2.0.0", maintainer="Ben")

    def names(tail: str) -> tuple[int, int, list[str]]:
        said = shop.read(tail)
        return said["start"], said["total"], [item["cookbook_name"] for item in said["items"]]

    every = [f"c{number:02}" for number in range(12)]
    assert names("cookbooks") == (0, 12, every[:10]) == names("cookbooks?items=0") == names("cookbooks?items=x&start=-1")
    assert names("cookbooks?start=10&items=5") == (10, 12, every[10:])
    assert names("cookbooks?start=99") == (99, 12, []) == names("cookbooks?start=99&order=recently_added")
    assert names("cookbooks?items=100000")[2] == every == names("cookbooks?items=100&order=most_downloaded")[2]
    assert names("cookbooks?order=recently_added&items=3") == (0, 12, every[:-4:-1])
    assert names("cookbooks?order=recently_updated&items=3") == (0, 12, ["c00", "c11", "c10"])
    assert names("cookbooks?user=ANN&start=1&items=2") == (1, 6, ["c03", "c05"])
    assert names("cookbooks?user=nobody") == (0, 0, [])
    assert names("search?q=C0&start=2&items=3") == (2, 10, every[2:5])
    assert names("search?q=nothing%00") == (0, 0, []) and names("search?q=%25")[1] == 0
    item = shop.read("search?q=c01")["items"][0]
    assert item == {
        "cookbook_name": "c01", "cookbook_maintainer": "Ann", "cookbook_description": "No 1",
        "cookbook": f"{shop.stand.url}{shop.base}/api/v1/cookbooks/c01",
    }  # fmt: skip


def test_empty_lists(shop: Shop) -> None:
    """A project without cookbooks could have no lists."""
    for tail in ("cookbooks", "cookbooks?order=recently_added", "cookbooks?user=x", "search?q=x"):
        assert shop.read(tail) == {"start": 0, "total": 0, "items": []}
    assert set(shop.ask("GET", "api/v1").expect(200).json()) == {"universe", "cookbooks", "search"}


def test_contingents(shop: Shop) -> None:
    """What depends on a cookbook could be missing, or what depends on itself be told."""
    shop.share("yum", "3.0.0", dependencies={"yum": "> 1.0"})
    assert shop.read("cookbooks/yum/contingent") == {"contingents": []}
    shop.share("apt", "1.0.0", dependencies={"Yum": "> 1.0", "none": "= 1.0"})
    shop.share("apt", "2.0.0", dependencies={"yum": "> 1.0"})
    found = shop.read("cookbooks/YUM/contingent")["contingents"]
    assert [(each["name"], each["version"], each["url"].rpartition("/")[2]) for each in found] == [
        ("apt", "2.0.0", "2.0.0"),
        ("apt", "1.0.0", "1.0.0"),
    ]


def test_deleting(shop: Shop) -> None:
    """A version could stay in the universe, the only one go without its cookbook, or somebody delete who may only publish."""
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        shop.share(version=version)
    boss = shop.team.maintainer
    for login in (shop.team.writer, shop.team.developer, shop.team.reader):
        for tail in ("toy", "toy/versions/1.0.0"):
            shop.ask("DELETE", f"api/v1/cookbooks/{tail}", login).expect(403)
    for tail in ("none", "a.b", "toy/versions/9.0.0", "toy/versions/x", "none/versions/1.0.0"):
        shop.ask("DELETE", f"api/v1/cookbooks/{tail}", boss).expect(404)
    told(shop.ask("DELETE", "api/v1/cookbooks/toy/versions/latest", boss).expect(409))
    assert shop.ask("DELETE", "api/v1/cookbooks/toy/versions/1_0_0", boss).expect(200).json()["version"] == "1.0.0"
    assert shop.universe() == {"toy": ["3.0.0", "2.0.0"]}
    shop.ask("DELETE", "api/v1/cookbooks/Toy/versions/3.0", boss).expect(200)
    assert "only version" in told(shop.ask("DELETE", "api/v1/cookbooks/toy/versions/2.0.0", boss).expect(409))
    assert shop.ask("DELETE", "api/v1/cookbooks/toy", boss).expect(200).json()["name"] == "toy"
    assert shop.universe() == {}
    for tail in ("toy", "toy/versions/2.0.0", "toy/versions/latest/download", "toy/contingent"):
        assert told(shop.ask("GET", f"api/v1/cookbooks/{tail}").expect(404)).endswith("Not Found")
    shop.share(version="2.0.0", variant=1)
    assert shop.universe() == {"toy": ["2.0.0"]}


def test_another_spelling_later(shop: Shop) -> None:
    """A cookbook that was shared anew in other letters could keep the name of the one that is gone, and be found by nobody."""
    shop.share("Toy", "1.0.0")
    shop.ask("DELETE", "api/v1/cookbooks/toy", shop.team.maintainer).expect(200)
    shop.share("toy", "1.0.0")
    shop.share("toy", "2.0.0")
    assert shop.universe() == {"toy": ["2.0.0", "1.0.0"]}


def test_version_without_its_file(shop: Shop) -> None:
    """What is left where the API takes the only file away could be listed, or be the end of the next upload."""
    shop.share()
    [package] = shop.stand.list_packages(shop.team.project)
    path = f"/projects/{shop.team.project['id']}/packages/{package['id']}/package_files"
    [file] = shop.stand.want(200, "GET", path)
    shop.stand.want(204, "DELETE", f"{path}/{file['id']}")
    assert shop.universe() == {} and shop.read("cookbooks")["items"] == [] == shop.read("cookbooks?order=recently_added")["items"]
    for tail in ("toy", "toy/versions/1.0.0", "toy/versions/latest/download", "toy/versions/1.0.0/download"):
        shop.ask("GET", f"api/v1/cookbooks/{tail}").expect(404)
    shop.share(variant=1)
    assert shop.universe() == {"toy": ["1.0.0"]}


def test_group(shop: Shop) -> None:
    """A group could send another file than that of the version it lists, or list what is nowhere."""
    one = shop.share("toy", "1.0.0")
    second = shop.stand.want(201, "POST", "/projects", {"name": "second", "namespace_id": shop.team.group["id"]})
    base = f"/api/v4/projects/{second['id']}/packages/chef"
    later, other = sample("toy", "1.0", 1), sample("more", "1.0.0")
    for each in (later, other):
        shop.post(form(each.content), shop.team.developer, base).expect(201)
    reporter, group = shop.team.reporter, shop.group
    said = shop.ask("GET", "universe", reporter, group).expect(200).json()
    assert {name: list(versions) for name, versions in said.items()} == {"more": ["1.0.0"], "toy": ["1.0.0"]}
    assert said["toy"]["1.0.0"]["download_url"].startswith(f"{shop.stand.url}{group}/")
    for tail in ("1.0.0", "1.0", "latest"):
        assert shop.ask("GET", f"api/v1/cookbooks/toy/versions/{tail}/download", reporter, group).expect(200).body == one.content
    assert shop.ask("GET", "api/v1/cookbooks?order=recently_added", reporter, group).expect(200).json()["total"] == 2
    for tail in ("toy/versions/9.0/download", "none/versions/1.0/download", "none"):
        shop.ask("GET", f"api/v1/cookbooks/{tail}", reporter, group).expect(404)
    shop.ask("DELETE", "api/v1/cookbooks/toy", shop.team.maintainer).expect(200)
    assert shop.ask("GET", "api/v1/cookbooks/toy/versions/1.0/download", reporter, group).expect(200).body == later.content


# -- signed ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_signed(shop: Shop, version: str) -> None:
    """A request that was signed by one of the protocols could be refused, or be somebody else's."""
    login, boss, one = shop.team.developer, shop.team.maintainer, sample()
    shop.register(login)
    shop.register(boss, OTHER)
    shop.send("POST", "api/v1/cookbooks", login, form(one.content), one.content, 201, version=version)
    assert shop.send("GET", "api/v1/cookbooks/toy", login, version=version).json()["name"] == "toy"
    assert shop.send("GET", "api/v1//cookbooks?items=1", login, version=version, status=404) is not None
    assert shop.send("GET", "api/v1/cookbooks/toy/versions/1.0.0/download", login, version=version).body == one.content
    shop.send("DELETE", "api/v1/cookbooks/toy", login, version=version, status=403)
    assert shop.send("DELETE", "api/v1/cookbooks/toy", boss, version=version, key=OTHER).json()["name"] == "toy"


def test_signed_in_a_group_and_by_path(shop: Shop) -> None:
    """A signature could be good by the number of a project alone, or a group not know who signed."""
    login, one = shop.team.developer, sample()
    shop.register(login)
    path = shop.team.project["path_with_namespace"].replace("/", "%2F")
    base = f"/api/v4/projects/{path}/packages/chef"
    shop.send("POST", "api/v1/cookbooks", login, form(one.content), one.content, 201, base)
    assert list(shop.send("GET", "universe", login, base=shop.group).json()) == ["toy"]
    assert shop.send("GET", "api/v1/cookbooks/toy/versions/1.0.0/download", login, base=shop.group).body == one.content


def test_bad_signatures(shop: Shop) -> None:
    """Somebody could publish with a signature of other bytes, another request, another time or another person."""
    login, one, other = shop.team.developer, sample(), sample(variant=1)
    share, body = ("POST", "api/v1/cookbooks", login), form(one.content)
    assert "No key" in told(shop.send(*share, body, one.content, 401))
    shop.register(login)
    assert "digest" in told(shop.send(*share, form(other.content), one.content, 401))
    assert "digest" in told(shop.send(*share, body, body, 401))
    assert "digest" in told(shop.send(*share, form(other.content), one.content, 401, version="1.3"))
    for how in ({"user": "nobody-here"}, {"user": shop.team.reporter.user}, {"key": OTHER}, {"signed_path": "/"}, {"signed_method": "PUT"}):
        assert "No key" in told(shop.send(*share, body, one.content, 401, **how)), how
    for offset in (-3600, -16 * 60, 16 * 60, 10**9):
        assert "clock" in told(shop.send(*share, body, one.content, 401, at=write_clock(offset))), offset
    for at in ("x", "2026-01-31"):
        shop.send(*share, body, one.content, 401, at=at)
    headers = sign("POST", f"{shop.base}/api/v1/cookbooks", one.content, user=login.user)
    for name in headers:
        left = {key: value for key, value in headers.items() if key != name}
        shop.stand.http.post(f"{shop.base}/api/v1/cookbooks", body, {**left, **FORM}).expect(401)
    assert shop.universe() == {}
    shop.send(*share, body, one.content, 201, at=write_clock(-14 * 60))


def test_used_once(shop: Shop) -> None:
    """Whoever sees a request that deletes could send it again after the cookbook is shared anew, to whichever process."""
    boss, one = shop.team.maintainer, sample()
    shop.register(boss)
    path = f"{shop.base}/api/v1/cookbooks"
    post, delete = sign("POST", path, one.content, user=boss.user), sign("DELETE", f"{path}/toy", user=boss.user)
    shop.stand.http.post(path, form(one.content), {**post, **FORM}).expect(201)
    shop.stand.http.request("DELETE", f"{path}/toy", None, delete).expect(200)
    for _ in range(4):
        assert "used already" in told(shop.stand.http.post(path, form(one.content), {**post, **FORM}).expect(401))
    shop.share()
    for _ in range(4):
        assert "used already" in told(shop.stand.http.request("DELETE", f"{path}/toy", None, delete).expect(401))
        assert "No key" in told(shop.stand.http.request("DELETE", f"{path}/toy", None, {**delete, "X-Ops-Userid": boss.user + "x"}).expect(401))
    assert shop.universe() == {"toy": ["1.0.0"]}
    read = sign("GET", f"{path}/toy", user=boss.user)
    for _ in range(2):
        shop.stand.http.get(f"{path}/toy", read).expect(200)


def test_used_once_whichever_token(shop: Shop) -> None:
    """Whoever sees a request that deletes could send it again once its key belongs to another token of the user."""
    stand, login = shop.stand, shop.team.maintainer
    path = f"{shop.base}/api/v1/cookbooks/toy"
    shop.share()
    shop.register(login)
    signed = sign("DELETE", path, user=login.user)
    stand.http.request("DELETE", path, None, signed).expect(200)
    other = stand.make_personal_token(stand.want(200, "GET", "/user", token=login.token))
    keys = "/personal_access_tokens/self/-/signing_keys"
    assert "Another token" in json.dumps(stand.api("POST", keys, {"key": pem_of(KEY)}, token=other.token).expect(409).json())
    stand.api("DELETE", "/personal_access_tokens/self", token=login.token).expect(204)
    shop.register(other)
    shop.share()
    assert "used already" in told(stand.http.request("DELETE", path, None, signed).expect(401))
    assert shop.universe() == {"toy": ["1.0.0"]}


def test_refused_is_not_used(shop: Shop) -> None:
    """Who may not do what they sign for could fill the database with their refusals."""
    login = shop.team.reporter
    shop.register(login)
    path = f"{shop.base}/api/v1/cookbooks/toy"
    shop.share()
    signed = sign("DELETE", path, user=login.user)
    for _ in range(2):
        shop.stand.http.request("DELETE", path, None, signed).expect(403)


def test_a_project_that_moved(shop: Shop) -> None:
    """A signed request to an old path could find nothing, where a token is led on."""
    stand, login, group = shop.stand, shop.team.developer, shop.team.group
    shop.register(login)
    project = shop.team.project["path_with_namespace"].replace("/", "%2F")
    stand.want(200, "PUT", f"/groups/{group['id']}", {"path": group["path"] + "-moved"})
    old = f"/api/v4/projects/{project}/packages/chef"
    answer = shop.send("GET", "universe", login, base=old, status=301)
    assert answer.headers["location"] == f"{stand.url}{shop.base}/universe"
    shop.send("GET", "universe", login, base=old, status=401, key=OTHER)


def test_a_key_ends_with_its_token(shop: Shop) -> None:
    """Somebody whose token was revoked, or whose key was removed, could go on."""
    stand, login = shop.stand, shop.team.developer
    keys = "/personal_access_tokens/self/-/signing_keys"
    made = shop.register(login)
    assert shop.register(login)["id"] == made["id"] and made["title"] == "laptop" and "PUBLIC KEY" in made["key"]
    assert [each["id"] for each in stand.want(200, "GET", keys, token=login.token)] == [made["id"]]
    shop.send("GET", "universe", login)
    stand.api("DELETE", f"{keys}/{made['id']}", token=shop.team.maintainer.token).expect(404)
    stand.api("DELETE", f"{keys}/{made['id']}", token=login.token).expect(204)
    stand.api("DELETE", f"{keys}/{made['id']}", token=login.token).expect(404)
    shop.send("GET", "universe", login, status=401)
    shop.register(login)
    shop.send("GET", "universe", login)
    stand.api("DELETE", "/personal_access_tokens/self", token=login.token).expect(204)
    shop.send("GET", "universe", login, status=401)


def test_robots_and_narrow_tokens(shop: Shop) -> None:
    """The robot of a project could not sign, or a key do more than the token that it stands for."""
    stand, project = shop.stand, shop.team.project["id"]
    said = {"name": "bot", "scopes": ["api"], "access_level": 30, "expires_at": write_clock(86400 * 30)[:10]}
    made = stand.want(201, "POST", f"/projects/{project}/access_tokens", said)
    robot = Login(stand.want(200, "GET", "/user", token=made["token"])["username"], made["token"])
    shop.register(robot)
    one = sample()
    shop.send("POST", "api/v1/cookbooks", robot, form(one.content), one.content, 201)
    narrow = stand.want(201, "POST", "/user/personal_access_tokens", {"name": "x", "scopes": ["read_api"]}, token=shop.team.developer.token)
    reader = Login(shop.team.developer.user, narrow["token"])
    shop.register(reader, OTHER)
    shop.send("GET", "universe", reader, key=OTHER)
    shop.send("POST", "api/v1/cookbooks", reader, form(one.content), one.content, 403, key=OTHER)


def test_keys_of_the_api(shop: Shop) -> None:
    """A key that is none could be kept, or a token have any number of them, or somebody register one without a token."""
    stand, token = shop.stand, shop.team.developer.token
    keys = "/personal_access_tokens/self/-/signing_keys"
    for body in ({}, {"key": "x"}, {"key": "x" * 5000}, {"key": 1}, {"key": pem_of(KEY), "title": "x" * 256}):
        stand.api("POST", keys, body, token=token).expect(400)
    assert stand.http.post(f"/api/v4{keys}", json.dumps({"key": pem_of(KEY)}).encode(), {"Content-Type": "application/json"}).status == 401
    deploy = {"DEPLOY-TOKEN": shop.team.writer.token}
    assert stand.http.get(f"/api/v4{keys}", deploy).status in (401, 403)


def test_a_token_beside_a_signature(shop: Shop) -> None:
    """A client with a credential in its address, which signs all the same, could be refused, or a wrong token be passed over."""
    login, one = shop.team.developer, sample()
    signed = sign("POST", "/elsewhere", b"", user="nobody")
    shop.ask("POST", "api/v1/cookbooks", login, "", form(one.content), **FORM, **signed).expect(201)
    shop.register(login)
    good = sign("GET", f"{shop.base}/universe", user=login.user)
    shop.stand.http.get(f"{shop.base}/universe", {**good, "PRIVATE-TOKEN": "glpat-wrong"}).expect(401)


def test_signatures_are_of_cookbooks_alone(shop: Shop) -> None:
    """A signature could open what its clients never ask for."""
    login = shop.team.developer
    shop.register(login)
    for path in ("/api/v4/user", f"/api/v4/projects/{shop.team.project['id']}", f"/api/v4/projects/{shop.team.project['id']}/packages/pypi/simple/x"):
        assert shop.stand.http.get(path, sign("GET", path, user=login.user)).status in (401, 404)


def test_below_a_path(tmp_path: Path) -> None:
    """A signature over the address that people know could be refused behind a proxy that takes the front of its path away."""
    with Stand(tmp_path / "data", {"PACKHOUSE_EXTERNAL_URL": "http://registry.example/below/"}) as stand:
        shop = Shop(stand, stand.make_team())
        login, path = shop.team.developer, f"{shop.base}/universe"
        shop.register(login)
        shop.send("GET", "universe", login, signed_path=f"/below{path}")
        shop.send("GET", "universe", login, signed_path=path, status=401)
