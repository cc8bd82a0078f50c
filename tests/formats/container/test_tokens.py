"""The token service, row by row, and what its tokens are good for (container registry contract, section 3; threats, 6.7)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from stand import ADMIN_TOKEN
from tests.conformance.furniture import DEVELOPER, GUEST, INTERNAL, MAINTAINER, OWNER, PRIVATE, PUBLIC, REPORTER, Login
from tests.conformance.test_jobs import let_in, make_worker, start_job
from wire import basic, bearer

from packhouse.auth.passwords import hash_password
from packhouse.auth.registry_tokens import RegistryTokens
from packhouse.db import users
from packhouse.errors import InvalidCredential
from packhouse.model import ANONYMOUS

from .conftest import Home, ask_token, make_home
from .driver import Refused
from .samples import image

ROOT = Login("root", ADMIN_TOKEN)


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def granted(home: Home, login: Login | None, *scopes: str, service: str = "container_registry") -> dict[str, list[str]]:
    """Resource → actions of a token for these scopes."""
    answer = ask_token(home.server, list(scopes), basic(login.user, login.secret) if login else {}, service).expect(200)
    return {entry["name"]: entry["actions"] for entry in claims_of(answer.json()["token"])["access"]}


# -- the table of 3.2 --------------------------------------------------------------------------------------------------


def test_unknown_service(home: Home) -> None:
    """A token is given for a service that is not here."""
    for service in ("", "other", "container_registry2"):
        answer = ask_token(home.server, [], basic(home.maintainer.user, home.maintainer.secret), service)
        assert (answer.status, answer.body) == (404, b"")


def test_newer_way_of_asking(home: Home) -> None:
    """Clients that try OAuth 2 first do not fall back."""
    body = f"grant_type=password&username={home.maintainer.user}&password={home.maintainer.secret}&service=container_registry".encode()
    answer = home.server.http.request("POST", "/jwt/auth", body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 404


def test_wrong_credential(home: Home) -> None:
    """A wrong password or token gets an anonymous token, or words that docker cannot show; also on a public project."""
    name = make_home(home.server, PUBLIC).name
    revoked = home.server.furniture.deploy_token(home.project, "read_registry", revoked=True)
    for user, secret in (("root", "wrong"), (home.maintainer.user, "phpat_wrong"), (revoked.user, revoked.secret), ("", "")):
        answer = ask_token(home.server, [f"repository:{name}:pull"], basic(user, secret))
        assert answer.status == 401, user
        assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED" and "HTTP Basic: Access denied" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("scopes", [(), ("repository:HIDDEN:pull",), ("repository:no/such/thing:pull",), ("registry:catalog:*",), ("nonsense",)])
def test_nothing_for_nobody(home: Home, scopes: tuple[str, ...]) -> None:
    """Somebody without a credential gets a token that is good for nothing, or learns what exists."""
    asked = [scope.replace("HIDDEN", home.name) for scope in scopes]
    answer = ask_token(home.server, asked)
    assert answer.status == 403
    assert answer.json() == {"errors": [{"code": "DENIED", "message": "access forbidden", "detail": None}], "http_status": 403}


def test_anonymous_pulls_what_is_public(home: Home) -> None:
    """A public image cannot be pulled without a credential, or be pushed to; or a private one can."""
    open_home = make_home(home.server, PUBLIC)
    name, pushed = open_home.name, image("public")
    open_home.driver().push(name, pushed, "1")

    assert granted(open_home, None, f"repository:{name}:pull,push") == {name: ["pull"]}
    token = ask_token(home.server, [f"repository:{name}:pull", f"repository:{home.name}:pull"]).expect(200).json()["token"]
    assert "sub" not in claims_of(token) and [entry["name"] for entry in claims_of(token)["access"]] == [name]
    driver = open_home.driver_with(bearer(token))
    assert driver.pull(name, "1") == pushed.manifest
    assert json.loads(driver.ask("GET", "/v2/")) == {}
    with pytest.raises(Refused) as refused:
        driver.start(name)
    assert refused.value.status == 401 and 'error="insufficient_scope"' in refused.value.headers["www-authenticate"]


def test_signed_in_gets_a_token_for_nothing(home: Home) -> None:
    """docker login fails, or a scope that is not granted is told apart from one that does not exist."""
    stranger = home.server.furniture.token(home.server.furniture.user())
    for scopes in (
        [],
        [f"repository:{home.name}:pull,push"],
        ["repository:no/such/thing:pull"],
        ["repository:A B:pull"],
        [":", "::", "x"],
        ["repository:a/b:"],
    ):
        assert granted(home, stranger, *scopes) == {}


def test_scopes_in_every_form(home: Home) -> None:
    """The second of two scopes is lost, whether it comes in a parameter of its own or after a blank."""
    one, two, three = home.name, home.name, home.name
    scopes = [f"repository:{one}:pull repository:{two}:push,pull", f"repository:{three}:pull"]
    wanted = {one: ["pull"], two: ["push", "pull"], three: ["pull"]}
    assert granted(home, home.maintainer, *scopes) == wanted
    assert granted(home, home.maintainer, *scopes, service="dependency_proxy") == wanted
    assert granted(home, home.maintainer, f"repository(plugin):{one}:pull") == {one: ["pull"]}
    assert granted(home, home.maintainer, f"repository:{one.upper()}:pull") == {one: ["pull"]}


def test_token_says_what_gitlab_says(home: Home) -> None:
    """A tool that reads the token does not find what it looks for."""
    name = home.name
    answer = ask_token(home.server, [f"repository:{name}:pull"], basic(home.maintainer.user, home.maintainer.secret)).expect(200).json()
    assert answer["token"] == answer["access_token"] and answer["expires_in"] == 300 and answer["issued_at"].endswith("Z")
    assert "refresh_token" not in answer
    header = json.loads(base64.urlsafe_b64decode(answer["token"].split(".")[0] + "=="))
    assert header["alg"] == "RS256" and header["kid"]
    claims = claims_of(answer["token"])
    assert claims["aud"] == "container_registry" and claims["sub"] == home.maintainer.user and claims["auth_type"] == "personal_access_token"
    assert claims["exp"] - claims["iat"] == 300 and claims["nbf"] == claims["iat"] - 5 and claims["jti"]
    [entry] = claims["access"]
    assert (entry["type"], entry["name"]) == ("repository", name)
    assert entry["meta"]["project_path"] == home.path and entry["meta"]["project_id"] == home.project
    inner = claims_of(claims["user"])["user_info"]
    assert inner["username"] == home.maintainer.user and inner["token_type"] == "personal_access_token"


def test_password_signs_in(home: Home) -> None:
    """A user's own password is not taken where a token is."""
    person = home.server.furniture.user(password="correct horse battery")
    home.server.furniture.join(home.project, person, DEVELOPER)
    name = home.name
    assert granted(home, person, f"repository:{name}:pull,push,delete") == {name: ["pull", "push"]}
    home.driver_of([f"repository:{name}:pull,push"], person).push(name, image(), "1")


def test_changed_password_ends_what_it_was_given(home: Home) -> None:
    """Whoever knew a password could pull on with a token of it, after it was changed because they knew it."""
    furniture, name = home.server.furniture, home.name
    person = furniture.user(password="correct horse battery")
    furniture.join(home.project, person, REPORTER)
    home.driver().push(name, image(), "1")
    by_password, by_token = home.token([f"repository:{name}:pull"], person), home.token([f"repository:{name}:pull"], furniture.token(person))
    pull = f"/v2/{name}/manifests/1"
    assert [home.server.http.get(pull, bearer(token)).status for token in (by_password, by_token)] == [200, 200]
    furniture.write(users.update_user, person.id, password=hash_password("another horse"))
    refused = home.server.http.get(pull, bearer(by_password)).expect(401)
    assert refused.json()["errors"][0]["code"] == "UNAUTHORIZED" and refused.headers["WWW-Authenticate"].startswith("Bearer ")
    home.server.http.get(pull, bearer(by_token)).expect(200)
    home.server.http.get(pull, bearer(home.token([f"repository:{name}:pull"], Login(person.user, "another horse")))).expect(200)


# -- who is granted what -----------------------------------------------------------------------------------------------

ALL = ("pull", "push", "delete", "*")
ROLES: Mapping[int, tuple[str, ...]] = {
    GUEST: (), REPORTER: ("pull",), DEVELOPER: ("pull", "push"), MAINTAINER: ALL, OWNER: ALL,
}  # fmt: skip
SCOPES: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("api",): ALL, ("read_api",): ("pull",), ("read_registry",): ("pull",), ("write_registry",): ("push",),
    ("read_registry", "write_registry"): ("pull", "push"),
}  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_roles(home: Home, role: int) -> None:
    """A role may do more with images, or less, than it should."""
    name = home.name
    found = granted(home, home.server.furniture.member(home.project, role), f"repository:{name}:pull,push,delete,*")
    assert found == ({name: list(ROLES[role])} if ROLES[role] else {})


@pytest.mark.parametrize("scopes", SCOPES, ids=" ".join)
def test_scopes_of_personal_tokens(home: Home, scopes: tuple[str, ...]) -> None:
    """A token may do more with images, or less, than its scopes say."""
    name = home.name
    found = granted(home, home.server.furniture.member(home.project, MAINTAINER, scopes), f"repository:{name}:pull,push,delete,*")
    assert found == {name: list(SCOPES[scopes])}


@pytest.mark.parametrize("scopes", [("read_user",), ("read_repository",)], ids=" ".join)
def test_tokens_without_any_ability(home: Home, scopes: tuple[str, ...]) -> None:
    """A token that has nothing to do with images signs in to the registry."""
    login = home.server.furniture.member(home.project, MAINTAINER, scopes)
    answer = ask_token(home.server, [f"repository:{home.name}:pull"], basic(login.user, login.secret))
    assert (answer.status, answer.json()["errors"][0]["message"]) == (403, "access forbidden")


@pytest.mark.parametrize(
    ("scopes", "wanted"),
    [
        (("read_registry",), ["pull"]),
        (("write_registry",), ["push"]),
        (("read_registry", "write_registry"), ["pull", "push"]),
    ],
)
def test_deploy_tokens(home: Home, scopes: tuple[str, ...], wanted: list[str]) -> None:
    """A deploy token does more than its scopes say, deletes, or reaches another project."""
    furniture = home.server.furniture
    name, other = home.name, make_home(home.server).name
    for place in (home.project, home.group):
        login = furniture.deploy_token(place, *scopes)
        assert granted(home, login, f"repository:{name}:pull,push,delete,*", f"repository:{other}:pull,push") == {name: wanted}
    answer = ask_token(home.server, [f"repository:{name}:pull"], basic("somebody-else", login.secret))
    assert answer.status == 401


def test_deploy_token_of_packages_only(home: Home) -> None:
    """A deploy token for packages works on images."""
    login = home.server.furniture.deploy_token(home.project, "read_package_registry", "write_package_registry", "delete_package_registry")
    assert ask_token(home.server, [f"repository:{home.name}:pull"], basic(login.user, login.secret)).status == 403
    assert home.send("GET", f"/v2/{home.name}/tags/list", login=login).status == 403


@pytest.mark.parametrize("visibility", [PRIVATE, INTERNAL, PUBLIC])
@pytest.mark.parametrize("level", ["disabled", "private", "enabled"])
def test_levels_of_a_project(home: Home, visibility: int, level: str) -> None:
    """The registry's own access level of a project does not count, or that of its packages does."""
    there = make_home(home.server, visibility)
    furniture = home.server.furniture
    furniture.change_place(there.project, containers_access=level, packages_access="disabled" if level == "enabled" else "enabled")
    name = there.name
    everybody = {
        "anonymous": None,
        "stranger": furniture.token(furniture.user()),
        "external": furniture.token(furniture.user(external=True)),
        "guest": furniture.member(there.project, GUEST),
        "reporter": furniture.member(there.project, REPORTER),
    }
    may = set() if level == "disabled" else {"reporter"}
    if level == "enabled":
        may |= {PRIVATE: set(), INTERNAL: {"stranger", "guest"}, PUBLIC: {"anonymous", "stranger", "external", "guest"}}[visibility]
    for who, login in everybody.items():
        answer = ask_token(home.server, [f"repository:{name}:pull"], basic(login.user, login.secret) if login else {})
        found = answer.status == 200 and bool(claims_of(answer.json()["token"])["access"])
        assert found == (who in may), who


def test_admin(home: Home) -> None:
    """An administrator is no member of a project, and cannot work on its images."""
    name = home.name
    assert granted(home, ROOT, f"repository:{name}:pull,push,delete,*", "registry:catalog:*", "registry:catalog:pull") == {
        name: list(ALL), "catalog": ["*"],
    }  # fmt: skip


# -- what a token is good for ------------------------------------------------------------------------------------------


def test_token_is_for_its_repository(home: Home) -> None:
    """A token works on a repository that it does not name, or for more than it grants."""
    name, other, pushed = home.name, home.name, image()
    for each in (name, other):
        home.driver().push(each, pushed, "1")
    reader = home.driver_of([f"repository:{name}:pull"])
    assert reader.pull(name, "1") == pushed.manifest
    for ask in (
        lambda: reader.pull(other, "1"),
        lambda: reader.blob(other, "sha256:" + hashlib.sha256(pushed.blobs[0]).hexdigest()),
        lambda: reader.tags(other),
        lambda: reader.start(name),
        lambda: reader.put(name, pushed, "2"),
        lambda: reader.delete(name, "1"),
    ):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.status == 401 and refused.value.code == "UNAUTHORIZED"
        assert 'error="insufficient_scope"' in refused.value.headers["www-authenticate"]
    writer = home.driver_of([f"repository:{name}:pull,push"])
    writer.put(name, pushed, "2")
    for doomed in ("2", pushed.digest):
        with pytest.raises(Refused):
            writer.delete(name, doomed)
    home.driver_of([f"repository:{name}:*"]).delete(name, "2")


def test_registry_token_is_for_the_registry(home: Home) -> None:
    """A token of the registry opens the REST API or the packages."""
    headers = bearer(home.token([f"repository:{home.name}:pull,push,delete"]))
    for path in (
        f"/api/v4/projects/{home.project}",
        f"/api/v4/projects/{home.project}/packages",
        f"/api/v4/projects/{home.project}/packages/pypi/simple",
    ):
        assert home.server.http.request("GET", path, None, headers).status == 401
    assert ask_token(home.server, [f"repository:{home.name}:pull"], headers).status == 401


@pytest.mark.parametrize("way", ["token", "member", "user", "project", "deploy"])
def test_what_is_taken_away_ends_at_once(home: Home, way: str) -> None:
    """A registry token outlives the right that it was given for."""
    furniture, name, pushed = home.server.furniture, home.name, image()
    home.driver().push(name, pushed, "1")
    person = furniture.user()
    furniture.join(home.project, person, DEVELOPER)
    login = furniture.deploy_token(home.project, "read_registry") if way == "deploy" else furniture.token(person)
    driver = home.driver_of([f"repository:{name}:pull"], login)
    assert driver.pull(name, "1") == pushed.manifest

    if way in ("token", "deploy"):
        furniture.revoke(login)
    elif way == "member":
        furniture.end_membership(home.project, person)
    elif way == "user":
        furniture.block(person)
    else:
        furniture.change_place(home.project, containers_access="disabled")

    deadline = time.monotonic() + 5
    while True:
        try:
            driver.pull(name, "1")
        except Refused as refused:
            assert refused.status in (401, 403, 404)
            break
        assert time.monotonic() < deadline, "still pulling five seconds later"


def test_upload_goes_on_with_a_fresh_token(home: Home) -> None:
    """An upload that takes longer than its token lives cannot be ended."""
    name, body = home.name, b"part one, part two"
    scopes = [f"repository:{name}:pull,push"]
    first, second = home.driver_of(scopes), home.driver_of(scopes)
    location = first.headers("PATCH", first.start(name), body[:8])["location"]
    assert home.driver_with(bearer("eyJ.expired.token")).http("PATCH", location, body[8:])[0] == 401
    location = second.headers("PATCH", location, body[8:])["location"]
    second.ask("PUT", f"{location}?digest=sha256:{hashlib.sha256(body).hexdigest()}")
    assert second.blob(name, f"sha256:{hashlib.sha256(body).hexdigest()}") == body


def test_challenges(home: Home) -> None:
    """A client is not told where to get which token, or told the same for what is hidden and what is not there in different words."""
    name, nowhere = home.name, "no/such/image"
    http = home.server.http
    assert http.get("/v2/").headers["WWW-Authenticate"] == f'Bearer realm="{home.server.url}/jwt/auth",service="container_registry"'
    for repository in (name, nowhere):
        for method, path, actions in (
            ("GET", "manifests/1", "pull"), ("HEAD", "blobs/sha256:" + "0" * 64, "pull"), ("PUT", "manifests/1", "pull,push"),
            ("POST", "blobs/uploads/", "pull,push"), ("DELETE", "manifests/1", "delete"), ("GET", "tags/list", "pull"),
        ):  # fmt: skip
            answer = http.request(method, f"/v2/{repository}/{path}", b"" if method in ("PUT", "POST") else None)
            wanted = f'Bearer realm="{home.server.url}/jwt/auth",service="container_registry",scope="repository:{repository}:{actions}"'
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, wanted)
    stale = http.get(f"/v2/{name}/manifests/1", bearer("eyJhbGciOiJSUzI1NiJ9.e30.AAAA"))
    assert stale.status == 401 and 'error="invalid_token"' in stale.headers["WWW-Authenticate"]
    odd = http.get("/v2/" + quote('a/b"c d') + "/manifests/1")
    assert odd.status == 401 and '"c d' not in odd.headers["WWW-Authenticate"]


# -- forgery -----------------------------------------------------------------------------------------------------------


@pytest.fixture(name="tokens")
def make_tokens(tmp_path: Any) -> RegistryTokens:
    return RegistryTokens(tmp_path / "keys", "https://packhouse.example")


def encode(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_forged_tokens(tokens: RegistryTokens) -> None:
    """A token that we did not sign is taken: unsigned, signed with our public key as a secret, or with a key that it brings along."""
    good, _ = tokens.issue(ANONYMOUS, "container_registry", [])
    claims = claims_of(good)
    header = json.loads(base64.urlsafe_b64decode(good.split(".")[0] + "=="))
    assert tokens.read(good).principal.kind == "anonymous"
    [path] = [p for p in tokens._folder.iterdir() if p.suffix == ".pem"]
    key = RSAKey.import_key(path.read_text())
    public = key.as_pem(private=False)
    mine = RSAKey.generate_key(2048, private=True)
    signing_input = encode({"alg": "HS256", "kid": header["kid"]}, claims).rpartition(".")[0]
    forged = [
        encode({"alg": "none"}, claims),
        encode({"alg": "none", "kid": header["kid"]}, claims),
        encode({"alg": "HS256", "kid": header["kid"]}, claims, hmac.new(public, signing_input.encode(), "sha256").digest()),
        jwt.encode({"alg": "RS256", "kid": header["kid"]}, claims, mine, algorithms=["RS256"]),
        jwt.encode({"alg": "RS256", "kid": header["kid"], "jwk": mine.as_dict(private=False)}, claims, mine, algorithms=["RS256"]),
        jwt.encode({"alg": "RS256", "kid": "other"}, claims, mine, algorithms=["RS256"]),
        jwt.encode({"alg": "PS256", "kid": header["kid"]}, claims, key, algorithms=["PS256"]),
        good[:-4] + "AAAA",
        good.rpartition(".")[0] + ".",
        "eyJ.." + "a" * 20_000,
    ]
    for text in forged:
        with pytest.raises(InvalidCredential):
            tokens.read(text)


def test_tokens_of_another_time_or_place(tokens: RegistryTokens) -> None:
    """A token is taken after its end, before its beginning, for another service, or from another house with the same key."""
    now = time.time()
    good, _ = tokens.issue(ANONYMOUS, "container_registry", [], now)
    assert tokens.read(good, now + 299)
    with pytest.raises(InvalidCredential, match="expired"):
        tokens.read(good, now + 300 + 31)
    early, _ = tokens.issue(ANONYMOUS, "container_registry", [], now + 3600)
    with pytest.raises(InvalidCredential, match="not valid yet"):
        tokens.read(early, now)
    elsewhere, _ = tokens.issue(ANONYMOUS, "another_service", [])
    with pytest.raises(InvalidCredential):
        tokens.read(elsewhere)
    with pytest.raises(InvalidCredential):
        RegistryTokens(tokens._folder, "https://other.example").read(good)
    inner = RegistryTokens(tokens._folder, "https://packhouse.example")._sign(
        {"user_info": {}, "iss": "https://packhouse.example", "exp": int(now) + 60}
    )
    with pytest.raises(InvalidCredential):
        tokens.read(inner)


def test_keys_are_rotated(tokens: RegistryTokens) -> None:
    """A new key ends the tokens of the old one at once, another process does not see it, or the old one stays for ever."""
    other = RegistryTokens(tokens._folder, "https://packhouse.example")
    before, _ = tokens.issue(ANONYMOUS, "container_registry", [])
    assert other.read(before)
    tokens.rotate()
    after, _ = tokens.issue(ANONYMOUS, "container_registry", [])
    kids = [json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))["kid"] for text in (before, after)]
    assert kids[0] != kids[1]
    assert tokens.read(before) and other.read(after)
    tokens.rotate()
    fresh = RegistryTokens(tokens._folder, "https://packhouse.example")
    with pytest.raises(InvalidCredential):
        fresh.read(before)
    assert fresh.read(after)
    assert all(path.stat().st_mode & 0o77 == 0 for path in tokens._folder.iterdir())


# -- jobs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [DEVELOPER, MAINTAINER])
def test_job_tokens(home: Home, role: int) -> None:
    """A job pushes to another project, deletes what its user may not, pulls where it is not let in, or cannot work on its own project."""
    furniture = home.server.furniture
    worker = make_worker(furniture, home.group, role)
    ally, stranger = (furniture.project(PRIVATE, home.group) for _ in range(2))
    let_in(furniture, ally, home.project)
    job = start_job(furniture, home.project, worker)
    names = {name: f"{furniture.path_of(place)}/img" for name, place in (("own", home.project), ("ally", ally), ("stranger", stranger))}

    everything = {name: granted(home, job, f"repository:{path}:pull,push,delete").get(path, []) for name, path in names.items()}

    assert everything == {"own": ["pull", "push", "delete"] if role == MAINTAINER else ["pull", "push"], "ally": ["pull"], "stranger": []}
    home.driver(furniture.token(worker)).push(names["ally"], image("of the ally"), "1")
    driver = home.driver(job)
    driver.push(names["own"], pushed := image("of a job"), "1")
    assert driver.pull(names["own"], "1") == pushed.manifest and driver.pull(names["ally"], "1") == image("of the ally").manifest
    for name, reference in (("ally", "2"), ("stranger", "1")):
        with pytest.raises(Refused) as refused:
            driver.put(names[name], pushed, reference)
        assert refused.value.status == 403, name
    mounted = home.send("POST", f"/v2/{names['ally']}/blobs/uploads/?mount={pushed.digest}&from={names['own']}", login=job)
    assert mounted.status == 403
