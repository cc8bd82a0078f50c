"""Trusted publishing: who is trusted, which identity tokens are taken, and what the tokens given for them may do."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from issuer import SHA, Issuer, make_key
from stand import ADMIN_TOKEN, DEVELOPER, MAINTAINER, Login, Stand, Team

from .conftest import Desk, Json

EXCHANGE = "/-/oidc/exchange"
RULE = {"project_id": "42", "ref_protected": "true"}


@pytest.fixture(scope="module", name="trusting")
def serve_trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A server that may reach loopback."""
    folder: Path = tmp_path_factory.mktemp("trusting")
    with Stand(folder / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1/32"}) as stand:
        yield stand


@pytest.fixture(name="api")
def sit_at_desk(trusting: Stand) -> Desk:
    """The server that may reach loopback, asked in short words."""
    return Desk(trusting)


@pytest.fixture(name="team")
def make_team(trusting: Stand) -> Team:
    """A private group and project of this test's own."""
    return trusting.make_team()


@pytest.fixture(name="issuer")
def trust_issuer(api: Desk) -> Iterator[Issuer]:
    """An issuer that the instance trusts."""
    with Issuer() as issuer:
        row = add_issuer(api, issuer)
        yield issuer
        api.call("DELETE", f"/-/oidc/issuers/{row['id']}")


def add_issuer(api: Desk, issuer: Issuer, **more: Any) -> Json:
    made: Json = api.call("POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": issuer.url, **more}).expect(201).json()
    return made


def trust(api: Desk, team: Team, issuer: Issuer, claims: Json | None = None, **more: Any) -> Json:
    """A trusted publisher of the team's project."""
    path = f"/projects/{team.project['id']}/-/trusted_publishers"
    made: Json = api.call("POST", path, {"issuer": issuer.url, "claims": claims or RULE, **more}, team.maintainer).expect(201).json()
    return made


def ask(api: Desk, team: Team, text: str, **more: Any) -> Any:
    """The answer to an exchange for the team's project."""
    return api.call("POST", EXCHANGE, {"id_token": text, "project": team.project["id"], **more}, None)


def put(api: Desk, project: Json, token: str, name: str = "tool", version: str = "1.0") -> int:
    path = f"/api/v4/projects/{project['id']}/packages/generic/{name}/{version}/f.txt"
    return api.stand.http.put(path, b"bytes", {"Authorization": f"Bearer {token}"}).status


# -- issuers ---------------------------------------------------------------------------------------------------------


def test_issuers(api: Desk, team: Team) -> None:
    """Somebody who is no administrator could have an issuer trusted, or one could be there twice."""
    with Issuer() as issuer:
        data = {"name": "ci", "issuer_url": issuer.url}
        api.call("POST", "/-/oidc/issuers", data, team.maintainer).expect(403)
        api.call("POST", "/-/oidc/issuers", data, None).expect(401)
        made = add_issuer(api, issuer, audience="registry")
        assert (made["issuer_url"], made["audience"], made["jwks_url"]) == (issuer.url, "registry", f"{issuer.url}/keys")
        api.call("POST", "/-/oidc/issuers", data).expect(409)
        assert made in api.get("/-/oidc/issuers").expect(200).json()
        api.get("/-/oidc/issuers", team.maintainer).expect(403)
        api.call("DELETE", f"/-/oidc/issuers/{made['id']}", None, team.maintainer).expect(403)
        api.call("DELETE", f"/-/oidc/issuers/{made['id']}").expect(204)
        api.call("DELETE", f"/-/oidc/issuers/{made['id']}").expect(404)


@pytest.mark.parametrize(
    "url",
    [
        "http://ci.example",
        "http://10.1.2.3",
        "https://user:x@ci.example",
        "ftp://ci.example",
        "https://ci.example/?a=1",
        "ci.example",
        "http://[",
        "",
    ],
)
def test_refuse_issuer_urls(api: Desk, url: str) -> None:
    """Keys could be fetched from an address that anybody on the way can change."""
    api.call("POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": url}).expect(400)


def test_refuse_issuers_that_lie(api: Desk) -> None:
    """An issuer that calls itself otherwise, or sends us elsewhere, could be trusted under a name that is not its own."""
    with Issuer() as issuer, Issuer() as other:
        issuer.called = "https://other.example"
        api.call("POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": issuer.url}).expect(400)
        issuer.called, issuer.redirect = "", other.url
        api.call("POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": issuer.url}).expect(502)
        issuer.redirect, issuer.broken = "", True
        api.call("POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": issuer.url}).expect(502)


def test_private_issuer_is_refused(stand: Stand) -> None:
    """An issuer on a private address could be reached though nobody allowed it."""
    with Issuer() as issuer:
        answer = stand.api("POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": issuer.url})
        assert answer.status == 400 and issuer.asked == []


# -- publishers ------------------------------------------------------------------------------------------------------


def test_publishers(api: Desk, team: Team, issuer: Issuer) -> None:
    """A developer could let strangers publish, or a rule could be kept other than it was written."""
    path = f"/projects/{team.project['id']}/-/trusted_publishers"
    data = {"issuer": issuer.url, "claims": {"project_id": 42, "ref": "v*"}, "format": "pypi", "package": "My_Tool"}
    for login, status in {team.developer: 403, team.stranger: 404}.items():
        api.call("POST", path, data, login).expect(status)
        api.get(path, login).expect(status)
    made = api.call("POST", path, data, team.maintainer).expect(201).json()
    assert made["claims"] == {"project_id": "42", "ref": "v*"} and "warnings" not in made
    assert (made["format"], made["package"], made["access_level"]) == ("pypi", "my-tool", DEVELOPER)
    assert api.get(path, team.maintainer).json() == [made]
    named = api.call("POST", path, {"issuer": issuer.url, "claims": {"project_path": "acme/tools"}}, team.maintainer).expect(201).json()
    assert "number" in named["warnings"][0]
    api.call("DELETE", f"{path}/{made['id']}", None, team.developer).expect(403)
    api.call("DELETE", f"{path}/{made['id']}", None, team.maintainer).expect(204)
    api.call("DELETE", f"{path}/{made['id']}", None, team.maintainer).expect(404)


@pytest.mark.parametrize(
    "data",
    [
        {"claims": {}}, {"claims": {"ref": "*"}}, {"claims": {"sub": "project_path:acme/*", "ref": "v*"}}, {"claims": {"a": None}},
        {"claims": {"a": ["b"]}}, {"claims": "a"}, {"claims": {"a": ""}}, {"claims": {"a": "b" * 513}}, {"issuer": "https://nobody.example"},
        {"format": "floppy"}, {"package": "x"}, {"access_level": 50}, {"access_level": 10}, {"claims": {str(n): "1" for n in range(21)}},
    ],
)  # fmt: skip
def test_refuse_rules(api: Desk, team: Team, issuer: Issuer, data: Json) -> None:
    """A rule that lets in everybody, or that nobody can read, could be kept."""
    path = f"/projects/{team.project['id']}/-/trusted_publishers"
    api.call("POST", path, {"issuer": issuer.url, "claims": RULE, **data}, team.maintainer).expect(400)


# -- exchange --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gitlab", "github"])
def test_exchange(api: Desk, team: Team, issuer: Issuer, kind: str) -> None:
    """A build that is trusted could not publish, or what it published could forget the commit it came from."""
    claims = issuer.of_gitlab() if kind == "gitlab" else issuer.of_github()
    trust(api, team, issuer, RULE if kind == "gitlab" else {"repository_id": "77", "workflow_ref": "acme/tools/.github/workflows/publish.yml@*"})
    given = ask(api, team, issuer.sign(claims)).expect(201).json()
    assert given["token"].startswith("phoid_") and given["expires_at"] > "2000"
    assert put(api, team.project, given["token"]) == 201
    row = api.stand.list_packages(team.project)[0]
    assert (row["pipeline"]["sha"], row["pipeline"]["ref"], row["pipeline"]["source"]) == (SHA, "main", "push")
    assert row["pipeline"]["web_url"] == (f"{issuer.url}/acme/tools/-/pipelines/900" if kind == "gitlab" else "")
    again = ask(api, team, issuer.sign({**claims, "jti": "another"})).expect(201).json()
    assert put(api, team.project, again["token"], version="2.0") == 201
    path = f"/api/v4/projects/{team.project['id']}/packages/generic/tool/3.0/f.txt"
    for headers in ({"JOB-TOKEN": again["token"]}, {"PRIVATE-TOKEN": again["token"]}):
        assert api.stand.http.put(path, b"bytes", headers).status in (200, 201)
    assert api.stand.http.put(path, b"bytes", {"Deploy-Token": again["token"]}).status == 401
    newest = api.stand.list_packages(team.project, order_by="created_at", sort="desc")[0]
    assert newest["pipeline"]["id"] == row["pipeline"]["id"]


def test_by_path(api: Desk, team: Team, issuer: Issuer) -> None:
    """A project could be named by its number only."""
    trust(api, team, issuer)
    path = team.project["path_with_namespace"]
    ask(api, team, issuer.sign(issuer.of_gitlab()), project=path).expect(201)
    ask(api, team, issuer.sign(issuer.of_gitlab()), project=path.upper()).expect(201)
    ask(api, team, issuer.sign(issuer.of_gitlab()), project=path + "x").expect(403)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "Ed25519"])
def test_algorithms(api: Desk, team: Team, algorithm: str) -> None:
    """An issuer that signs with elliptic curves could not be trusted."""
    with Issuer(algorithm) as issuer:
        row = add_issuer(api, issuer)
        trust(api, team, issuer)
        ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201)
        api.call("DELETE", f"/-/oidc/issuers/{row['id']}").expect(204)


def test_token_is_for_its_project(api: Desk, team: Team, issuer: Issuer) -> None:
    """A token could publish elsewhere, change settings, make other tokens or outlive its minutes."""
    trust(api, team, issuer, access_level=MAINTAINER)
    token = ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201).json()["token"]
    internal, private = api.stand.make_project(visibility="internal"), api.stand.make_project()
    assert put(api, internal, token) == 404
    assert put(api, private, token) == 404
    project = f"/projects/{team.project['id']}"
    asks = [
        ("POST", f"{project}/access_tokens", {"name": "x", "scopes": ["api"]}),
        ("POST", f"{project}/deploy_tokens", {"name": "x", "scopes": ["read_registry"]}),
        ("POST", f"{project}/-/trusted_publishers", {"issuer": issuer.url, "claims": RULE}),
        ("POST", f"{project}/members", {"user_id": 1, "access_level": 30}),
        ("PUT", project, {"description": "x"}),
        ("POST", "/personal_access_tokens/self/rotate", {}),
        ("POST", f"{project}/access_tokens/self/rotate", {}),
        ("POST", "/projects", {"name": "stolen"}),
    ]
    for method, path, data in asks:
        answer = api.call(method, path, data, token)
        assert answer.status in (401, 403, 405), f"{method} {path}: {answer.status}"
    assert put(api, team.project, token) == 201


def test_format_and_package(api: Desk, team: Team, issuer: Issuer) -> None:
    """A rule for one package could let a build publish, delete or hand on the right to another one."""
    trust(api, team, issuer, format="generic", package="tool")
    token = ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201).json()["token"]
    assert put(api, team.project, token) == 201
    assert put(api, team.project, token, "other") == 403
    path = f"/projects/{team.project['id']}/pipelines"
    pipeline = api.call("POST", path, {"ref": "main", "sha": SHA}, token).expect(201).json()
    job = api.call("POST", f"{path}/{pipeline['id']}/jobs", {"name": "more"}, token).expect(201).json()
    assert put(api, team.project, job["token"], "tool", "2.0") == 201
    assert put(api, team.project, job["token"], "other") == 403


def test_tags_of_images_are_bound_too(api: Desk, team: Team, issuer: Issuer) -> None:
    """A token for one package of one format could remove the tags of a project's images."""
    trust(api, team, issuer, format="npm", package="@sec/lib", access_level=40)
    token = ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201).json()["token"]
    repository = push_image(api, team)
    path = f"/projects/{team.project['id']}/registry/repositories/{repository['id']}/tags"
    assert api.call("DELETE", f"{path}/v1", None, token).status == 403
    assert api.call("DELETE", f"{path}?name_regex_delete=.*", None, token).status == 403
    assert [row["name"] for row in api.get(path).json()] == ["v1"]


def push_image(api: Desk, team: Team) -> Json:
    """The repository of an image without layers that was just pushed as `v1`."""
    config = b"{}"
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    media = "application/vnd.oci.image.manifest.v1+json"
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": described, "layers": []}).encode()
    base, login = f"/v2/{team.project['path_with_namespace']}", base64.b64encode(f"root:{ADMIN_TOKEN}".encode()).decode()
    http, headers = api.stand.http, {"Authorization": f"Basic {login}"}
    http.request("POST", f"{base}/blobs/uploads/?digest={digest}", config, headers).expect(201)
    http.put(f"{base}/manifests/v1", manifest, {**headers, "Content-Type": media}).expect(201)
    [found] = api.get(f"/projects/{team.project['id']}/registry/repositories").expect(200).json()
    row: Json = found
    return row


def test_a_job_ends_with_the_token_that_started_it(api: Desk, team: Team, issuer: Issuer) -> None:
    """A build whose right ends in minutes could give itself one that lasts a week."""
    trust(api, team, issuer)
    given = ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201).json()
    path = f"/projects/{team.project['id']}/pipelines"
    pipeline = api.call("POST", path, {"ref": "main", "sha": SHA}, given["token"]).expect(201).json()
    job = api.call("POST", f"{path}/{pipeline['id']}/jobs", {"name": "long", "timeout_seconds": 604800}, given["token"]).expect(201).json()
    with sqlite3.connect(api.stand.data / "packhouse.sqlite3") as rows:
        (expires,) = rows.execute("SELECT expires FROM job WHERE id = ?", (job["id"],)).fetchone()
    assert expires / 1_000_000 <= datetime.fromisoformat(given["expires_at"]).timestamp() + 1


def test_scopes(api: Desk, team: Team, issuer: Issuer) -> None:
    """A build that asks for less could be given more, or one that asks for more could get it."""
    trust(api, team, issuer)
    token = ask(api, team, issuer.sign(issuer.of_gitlab()), scopes=["read_api"]).expect(201).json()["token"]
    assert put(api, team.project, token) == 403
    api.get(f"/projects/{team.project['id']}/packages", token).expect(200)
    for scope in ("sudo", "exchanged", "admin_mode", "format:npm"):
        ask(api, team, issuer.sign(issuer.of_gitlab()), scopes=[scope]).expect(400)


def test_replay(api: Desk, team: Team, issuer: Issuer) -> None:
    """Whoever reads an identity token in a log could exchange it once more."""
    trust(api, team, issuer)
    text = issuer.sign(issuer.of_gitlab())
    ask(api, team, text).expect(201)
    assert "used before" in ask(api, team, text).expect(401).json()["message"]
    claims = issuer.of_gitlab()
    del claims["jti"]
    text = issuer.sign(claims)
    ask(api, team, text).expect(201)
    ask(api, team, text).expect(401)


def forged(api: Desk, issuer: Issuer) -> dict[str, str]:
    """Tokens that must not be taken, by what is wrong with them."""
    at = int(time.time())
    good = issuer.sign(issuer.of_gitlab())
    header, payload, signature = good.split(".")
    plain = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": issuer.kid}).encode()).decode().rstrip("=")
    changed = base64.urlsafe_b64encode(json.dumps(issuer.of_gitlab(project_id="43")).encode()).decode().rstrip("=")
    return {
        "another key": issuer.sign(issuer.of_gitlab(), key=make_key("RS256", issuer.kid)),
        "unknown key": issuer.sign(issuer.of_gitlab(), key=make_key("RS256", "x"), kid="x"),
        "no signature": f"{plain}.{payload}.",
        "signature of another": f"{header}.{changed}.{signature}",
        "another audience": issuer.sign(issuer.of_gitlab(aud="elsewhere")),
        "several audiences": issuer.sign(issuer.of_gitlab(aud=["packhouse", "elsewhere"])),
        "no audience": issuer.sign({k: v for k, v in issuer.of_gitlab().items() if k != "aud"}),
        "another issuer": issuer.sign(issuer.of_gitlab(iss="https://elsewhere.example")),
        "issuer with a slash": issuer.sign(issuer.of_gitlab(iss=issuer.url + "/")),
        "expired": issuer.sign(issuer.of_gitlab(exp=at - 31)),
        "without an end": issuer.sign({k: v for k, v in issuer.of_gitlab().items() if k != "exp"}),
        "without a beginning": issuer.sign({k: v for k, v in issuer.of_gitlab().items() if k != "iat"}),
        "not yet": issuer.sign(issuer.of_gitlab(nbf=at + 60)),
        "from tomorrow": issuer.sign(issuer.of_gitlab(iat=at + 60)),
        "old": issuer.sign(issuer.of_gitlab(iat=at - 700)),
        "times as text": issuer.sign(issuer.of_gitlab(iat=str(at))),
        "too long": issuer.sign(issuer.of_gitlab(more="x" * 17_000)),
        "no token": "no token",
        "two parts": "a.b",
        "no base64": "!.!.!",
        "no JSON": "YQ.YQ.YQ",
        "empty": "..",
    }


def test_refuse_forged(api: Desk, team: Team, issuer: Issuer, trusting: Stand) -> None:
    """A token that the issuer did not make for us, now, could be taken."""
    trust(api, team, issuer)
    for what, text in forged(api, issuer).items():
        answer = ask(api, team, text)
        assert answer.status in (401, 429), f"{what}: {answer.status} {answer.text}"
        if answer.status == 429:
            break
    assert "Traceback" not in trusting.log.read_text()


def test_rules_are_asked(api: Desk, team: Team, issuer: Issuer) -> None:
    """A build of another project, of an unprotected branch, or without the claim at all could publish."""
    trust(api, team, issuer, {"project_id": "42", "ref": "release/*"})
    wrong: list[Json] = [
        {"project_id": "43", "ref": "release/1"}, {"project_id": "420", "ref": "release/1"}, {"ref": "main"}, {"ref": "a-release/1"},
        {"ref": "RELEASE/1"}, {"project_id": ["42"], "ref": "release/1"}, {"project_id": None, "ref": "release/1"},
    ]  # fmt: skip
    for claims in wrong:
        ask(api, team, issuer.sign(issuer.of_gitlab(**claims))).expect(403)
    ask(api, team, issuer.sign(issuer.of_gitlab(ref="release/1"))).expect(201)
    ask(api, team, issuer.sign(issuer.of_gitlab(ref="release/1", project_id=42))).expect(201)


def test_absent_project(api: Desk, team: Team, issuer: Issuer) -> None:
    """An exchange could tell which projects there are."""
    trust(api, team, issuer)
    other = api.stand.make_project()
    hidden = ask(api, team, issuer.sign(issuer.of_gitlab()), project=other["id"]).expect(403)
    absent = ask(api, team, issuer.sign(issuer.of_gitlab()), project=999_999_999).expect(403)
    assert hidden.body == absent.body


def test_end_of_trust(api: Desk, team: Team, issuer: Issuer) -> None:
    """A token could work on when the rule it was given for is gone, or the project."""
    made = trust(api, team, issuer)
    token = ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201).json()["token"]
    api.call("DELETE", f"/projects/{team.project['id']}/-/trusted_publishers/{made['id']}").expect(204)
    assert put(api, team.project, token) == 401
    ask(api, team, issuer.sign(issuer.of_gitlab())).expect(403)
    trust(api, team, issuer)
    token = ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201).json()["token"]
    api.call("DELETE", f"/projects/{team.project['id']}").expect(202)
    assert put(api, team.project, token) == 401
    ask(api, team, issuer.sign(issuer.of_gitlab())).expect(403)


def test_end_of_an_issuer(api: Desk, team: Team) -> None:
    """A token could work on when its issuer is trusted no more."""
    with Issuer() as issuer:
        row = add_issuer(api, issuer)
        trust(api, team, issuer)
        token = ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201).json()["token"]
        api.call("DELETE", f"/-/oidc/issuers/{row['id']}").expect(204)
        assert put(api, team.project, token) == 401
        ask(api, team, issuer.sign(issuer.of_gitlab())).expect(401)
        assert api.get(f"/projects/{team.project['id']}/-/trusted_publishers").json() == []


def test_keys_change(api: Desk, team: Team) -> None:
    """An issuer could not change its keys, or somebody could have them fetched again and again."""
    with Issuer() as issuer:
        row = add_issuer(api, issuer)
        trust(api, team, issuer)
        issuer.change_key("key-2")
        ask(api, team, issuer.sign(issuer.of_gitlab())).expect(201)
        assert issuer.asked.count("/keys") == 1
        for kid in ("x", "y", "z"):
            ask(api, team, issuer.sign(issuer.of_gitlab(), kid=kid)).expect(401, 429)
        assert issuer.asked.count("/keys") == 1
        api.call("DELETE", f"/-/oidc/issuers/{row['id']}").expect(204)


# -- the clients' own addresses --------------------------------------------------------------------------------------


def test_mint(api: Desk, team: Team, issuer: Issuer) -> None:
    """uv could not learn the audience or get its token, or could get one for another format."""
    http = api.stand.http
    assert isinstance(http.get("/_/oidc/audience").expect(200).json()["audience"], str)
    trust(api, team, issuer, {"project_id": "1042"}, format="npm")
    headers = {"Content-Type": "application/json"}

    def mint(claims: Json) -> Any:
        return http.request("POST", "/_/oidc/mint-token", json.dumps({"token": issuer.sign(claims)}).encode(), headers)

    refused = mint(issuer.of_gitlab(project_id="1042")).expect(422).json()
    assert refused["errors"][0]["code"] == "forbidden" and refused["errors"][0]["description"]
    trust(api, team, issuer, {"project_id": "1042"}, format="pypi")
    given = mint(issuer.of_gitlab(project_id="1042")).expect(200).json()
    assert given["success"] is True and given["expires"] > time.time()
    assert put(api, team.project, given["token"]) == 403
    http.request("POST", "/_/oidc/mint-token", b"{}", headers).expect(422)
    other = api.stand.make_team()
    trust(api, other, issuer, {"project_id": "1042"})
    assert mint(issuer.of_gitlab(project_id="1042")).expect(422).json()["errors"][0]["code"] == "conflict"


def test_exchange_for_a_package(api: Desk, team: Team, issuer: Issuer) -> None:
    """npm could not get its token, or could get one for more than the package it names."""
    trust(api, team, issuer, {"project_id": "2042"})
    http = api.stand.http
    path = f"/-/npm/v1/oidc/token/exchange/package/@{team.scope}%2flib"

    def exchange(claims: Json) -> Any:
        return http.request("POST", path, b"", {"Authorization": f"Bearer {issuer.sign(claims)}"})

    given = exchange(issuer.of_gitlab(project_id="2042", aud="npm:127.0.0.1")).expect(201).json()
    assert put(api, team.project, given["token"]) == 403
    exchange(issuer.of_gitlab(project_id="2042", aud="packhouse")).expect(201)
    exchange(issuer.of_gitlab(project_id="2042", aud="npm:elsewhere.example")).expect(401)
    exchange(issuer.of_gitlab(project_id="2043", aud="npm:127.0.0.1")).expect(403)
    http.request("POST", path, b"").expect(401)


def test_nobody_makes_such_a_token(api: Desk, team: Team) -> None:
    """Somebody could make themselves a token with the marks of an exchanged one."""
    login: Login = team.maintainer
    user = api.get("/user", login).json()
    for scope in ("exchanged", "format:npm"):
        api.call("POST", f"/users/{user['id']}/personal_access_tokens", {"name": "x", "scopes": ["api", scope]}).expect(400)
