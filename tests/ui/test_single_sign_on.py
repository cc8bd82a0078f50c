"""Single sign-on against a provider that answers over real HTTP: there and back, who is let in, and every answer that must not let anybody in."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey

from packhouse.errors import UpstreamFailed, UpstreamRefused
from packhouse.upstream.openid import Attempt, Client, check_issuer, read_identity

from .conftest import Visits, Walker
from .oidc_provider import CLIENT, SECRET, Provider
from .test_confirming import TOKENS, age, make_token
from .town import Page, Town, furnish, open_town

SETTINGS = "/admin/single_sign_on"
START = "/users/auth/openid_connect"
NUMBERS = itertools.count(1)


@contextlib.asynccontextmanager
async def serving(provider: Provider, listening: socket.socket) -> AsyncIterator[None]:
    """The provider behind its socket, in this loop."""
    server = uvicorn.Server(uvicorn.Config(provider.app(), log_level="warning", lifespan="off"))
    running = asyncio.ensure_future(server.serve([listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await running


@dataclass(slots=True)
class Street:
    """A town and a provider it trusts."""

    visits: Visits
    provider: Provider

    def come_back(self, walker: Walker, return_to: str = "") -> Page:
        """A browser goes to the provider, signs in there, and comes back."""
        page = walker.get(f"{START}?return_to={return_to}")
        assert page.status == 303, page.text
        return walker.get(self.provider.authorize(page.location))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """A furnished town and a provider, for the tests of this module."""
    listening = socket.create_server(("127.0.0.1", 0))
    provider = Provider(issuer=f"http://127.0.0.1:{listening.getsockname()[1]}")
    with asyncio.Runner() as runner:
        opened = open_town(tmp_path_factory.mktemp("town"), outbound_allow="127.0.0.1/32")
        served = serving(provider, listening)
        town: Town = runner.run(opened.__aenter__())
        runner.run(served.__aenter__())
        try:
            runner.run(furnish(town))
            yield Street(Visits(runner, town), provider)
        finally:
            runner.run(served.__aexit__(None, None, None))
            runner.run(opened.__aexit__(None, None, None))


@pytest.fixture
def street(built: Street) -> Street:
    """The town trusts the provider, where a person signs in whom nobody has seen before."""
    number = next(NUMBERS)
    built.provider.user = {"sub": f"2482-{number}", "preferred_username": f"jane{number}x", "name": "Jane Doe", "email": f"jane{number}@mail.example"}
    built.provider.spoil, built.provider.shown = {}, None
    assert save(built.visits.user("root"), built.provider.issuer).status == 303
    return built


def save(walker: Walker, issuer: str, **more: str) -> Page:
    """The settings as an administrator sends them; a box of more is left out where it is empty."""
    fields = {"enabled": "true", "makes_users": "true", "title": "Acme ID", "issuer": issuer, "client_id": CLIENT, "secret": SECRET} | more
    fields |= {"csrf": walker.get(SETTINGS).field("csrf")}
    return walker.post(SETTINGS, {name: value for name, value in fields.items() if value})


def test_the_first_time_makes_a_user_and_the_second_finds_them(street: Street) -> None:
    """Everybody would come in as somebody new, or not at all."""
    walker, name = street.visits.stranger(), street.provider.user["preferred_username"]
    assert "Sign in with Acme ID" in walker.get("/users/sign_in").text
    page = street.come_back(walker, "/open/garden")
    assert (page.status, page.location) == (303, "/open/garden")
    assert f"@{name}" in walker.get("/").text
    again = street.visits.stranger()
    street.provider.user |= {"preferred_username": "renamed", "email": "other@mail.example"}
    assert street.come_back(again).status == 303
    assert f"@{name}" in again.get("/").text


def test_a_mail_address_or_a_name_of_somebody_else_opens_nothing(street: Street) -> None:
    """Whoever can choose a name or an address at the provider would become that user here."""
    walker = street.visits.stranger()
    street.provider.user = {"sub": "evil", "preferred_username": "anna", "email": "anna@mail.example", "name": "Anna"}
    assert street.come_back(walker).status == 303
    assert "@anna2" in walker.get("/").text
    assert walker.get("/acme/tools").status == 404


def test_without_making_users_only_the_connected_come_in(street: Street) -> None:
    """A provider of the whole world would fill a private registry with users."""
    root = street.visits.user("root")
    assert save(root, street.provider.issuer, makes_users="", secret="").status == 303
    refused = street.come_back(street.visits.stranger())
    assert refused.status == 403
    assert "No user is connected to this account" in refused.text
    anna = street.visits.newcomer("anna")
    page = anna.post("/-/user_settings/identities", {"csrf": anna.get("/-/user_settings/password/edit").field("csrf")})
    href = next(href for href in page.links() if href.startswith(street.provider.issuer))
    back = anna.get(street.provider.authorize(href))
    assert (back.status, back.location) == (303, "/-/user_settings/password/edit?done=connected")
    walker = street.visits.stranger()
    assert street.come_back(walker, "/acme/tools").location == "/acme/tools"
    assert "@anna" in walker.get("/acme/tools").text
    sent = {"csrf": anna.get("/").field("csrf"), "issuer": street.provider.issuer}
    assert anna.post("/-/user_settings/identities/remove", sent).status == 303
    assert street.come_back(street.visits.stranger()).status == 403


@pytest.mark.parametrize(
    "spoil",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody-else"},
        {"aud": [CLIENT, "another"]},
        {"nonce": "of-another-attempt"},
        {"exp": 1},
        {"iat": 4_000_000_000},
        {"sub": ""},
        {"sub": "x" * 300},
    ],
)
def test_an_identity_token_that_does_not_fit_lets_nobody_in(street: Street, spoil: dict[str, object]) -> None:
    """A token made for another client, another attempt or another time would be a key to this house."""
    street.provider.spoil = spoil
    walker = street.visits.stranger()
    page = street.come_back(walker)
    assert page.status == 502
    assert "The identity token" in page.text
    assert "packhouse_session" not in walker.browser.cookies


def test_a_token_signed_by_another_key_lets_nobody_in(street: Street) -> None:
    """Anybody could write a token themselves."""
    street.provider.shown = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    page = street.come_back(street.visits.stranger())
    assert (page.status, "is not signed by" in page.text) == (502, True)


def test_an_answer_counts_only_in_the_browser_that_asked_and_once(street: Street) -> None:
    """An attacker could sign a victim in as the attacker, or use an answer that was seen on the way."""
    walker, other = street.visits.stranger(), street.visits.stranger()
    back = street.provider.authorize(walker.get(START).location)
    assert other.get(back).status == 400
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert walker.get(back.replace(state, "x" * len(state))).status == 400
    assert walker.get(back).status == 303
    fresh = street.visits.stranger()
    fresh.get(START)
    assert fresh.get(back).status == 400


def test_a_refusal_at_the_provider_is_told(street: Street) -> None:
    """Somebody who pressed Cancel would see a broken page."""
    walker = street.visits.stranger()
    state = parse_qs(urlsplit(walker.get(START).location).query)["state"][0]
    page = walker.get(f"{START}/callback?error=access_denied&state={state}")
    assert (page.status, "did not let you in: access_denied" in page.text) == (502, True)


def test_a_blocked_user_stays_out(street: Street) -> None:
    """Blocking somebody would not keep them out."""
    street.come_back(street.visits.stranger())
    root, name = street.visits.user("root"), street.provider.user["preferred_username"]
    users = root.get(f"/admin/users?search={name}")
    action = next(part for part in users.html.split('"') if part.startswith("/admin/users/") and part.endswith("/state"))
    assert root.post(action, {"csrf": users.field("csrf"), "do": "block"}).status == 303
    page = street.come_back(street.visits.stranger())
    assert (page.status, "The user is blocked" in page.text) == (403, True)


def test_settings_are_for_administrators_and_checked(street: Street) -> None:
    """A typing error would lock everybody out, or anybody could send people elsewhere; the secret would be readable."""
    root, issuer = street.visits.user("root"), street.provider.issuer
    assert street.visits.user("anna").get(SETTINGS).status == 403
    assert SECRET not in root.get(SETTINGS).html
    wrong = save(root, f"{issuer}/other")
    assert (wrong.status, "The provider answers 404" in wrong.text) == (422, True)
    assert save(root, "http://10.0.0.1").status == 422
    assert save(root, "", enabled="true").status == 422
    assert save(root, issuer, enabled="").status == 303
    assert street.visits.stranger().get(START).status == 404
    assert "Acme ID" not in street.visits.stranger().get("/users/sign_in").text


@pytest.mark.parametrize(
    "url", ["ftp://id.example", "https://", "https://id.example?x=1", "http://id.example", "https://127.0.0.1", "https://me:pw@id.example"]
)
def test_an_issuer_is_https_and_public_or_listed(url: str) -> None:
    """The server could be sent to its own network, or secrets over the open one."""
    with pytest.raises(UpstreamRefused):
        check_issuer(url, "")
    check_issuer("https://id.example", "")
    check_issuer("http://id.example", "id.example")


def test_an_issuer_is_trusted_and_a_project_names_its_builds(street: Street) -> None:
    """Builds elsewhere could not be let in from a page, or the wrong ones would."""
    root, anna, page = street.visits.user("root"), street.visits.user("anna"), "/acme/tools/-/settings/ci_cd"

    def send(walker: Walker, path: str, **fields: str) -> Page:
        return walker.post(path, fields | {"csrf": walker.get("/-/user_settings/profile").field("csrf")})

    assert anna.get("/admin/trusted_issuers").status == 403
    assert send(root, "/admin/trusted_issuers", name="CI", issuer_url=f"{street.provider.issuer}/wrong").status == 422
    added = send(root, "/admin/trusted_issuers", name="CI", issuer_url=street.provider.issuer)
    assert added.location == "/admin/trusted_issuers?done=entry_added"
    claims = "repository = acme/tools\n\nref = refs/heads/*"
    sent = {"issuer": street.provider.issuer, "claims": claims, "access_level": "30", "format": "", "package": ""}
    broken = send(anna, f"{page}/publishers", **(sent | {"claims": "no equals sign"}))
    assert (broken.status, "no equals sign" in broken.html) == (422, True)
    assert send(anna, f"{page}/publishers", **(sent | {"issuer": "https://unknown.example"})).status == 422
    assert send(anna, f"{page}/publishers", **sent).location == f"{page}?done=entry_added"
    told = anna.get(page)
    assert "ref = refs/heads/*, repository = acme/tools" in told.text
    action = next(part for part in told.html.split('"') if part.startswith(f"{page}/publishers/") and part.endswith("/remove"))
    assert send(anna, action).location == f"{page}?done=entry_removed"
    assert "No build elsewhere is trusted." in anna.get(page).text
    gone = next(part for part in root.get("/admin/trusted_issuers").html.split('"') if part.endswith("/remove"))
    assert send(root, gone).status == 303


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_without_a_real_signature_is_none(algorithm: str) -> None:
    """Whoever knows the provider's public key, or nothing at all, could write a token."""
    key = RSAKey.generate_key(2048, {"kid": "one"})
    claims = {"iss": "https://id.example", "aud": CLIENT, "sub": "anna", "nonce": "n", "iat": 1000, "exp": 2000}
    client = Client(issuer="https://id.example", client_id=CLIENT, secret=SECRET, redirect_uri="https://packhouse.example/back")
    keys = {"keys": [key.as_dict(private=False)]}
    attempt = Attempt(state="s", nonce="n", verifier="v")

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    signed = f"{part({'alg': algorithm, 'kid': 'one'})}.{part(claims)}"
    forged = base64.urlsafe_b64encode(hmac.new(key.as_pem(private=False), signed.encode(), "sha256").digest()).rstrip(b"=").decode()
    with pytest.raises(UpstreamFailed, match="not signed"):
        read_identity(f"{signed}.{forged if algorithm == 'HS256' else ''}", keys, client, attempt, 1500)
    real = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
    assert read_identity(real, keys, client, attempt, 1500).subject == "anna"
    for broken in ("", "a.b", "a.b.c", real[:-8], real.replace(".", "..", 1)):
        with pytest.raises(UpstreamFailed):
            read_identity(broken, keys, client, attempt, 1500)
    with pytest.raises(UpstreamFailed):
        read_identity(real, {}, client, attempt, 1500)


def test_signing_in_once_more(street: Street) -> None:
    """Who has no password could never make a token in a session of yesterday, or the provider would not ask them anything."""
    walker = street.visits.stranger()
    assert street.come_back(walker).status == 303
    age(street.visits, walker)
    page = make_token(walker, "mine")
    assert page.status == 403 and 'type="password"' not in page.html
    away = next(href for href in page.links() if href.startswith(START))
    out = walker.get(away).location
    asked = parse_qs(urlsplit(out).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    assert walker.get(street.provider.authorize(out)).location == f"{TOKENS}?name=x"
    assert "Your new token mine" in make_token(walker, "mine").text
    assert walker.get(f"{START}?return_to=/here").location == "/here"


@pytest.mark.parametrize(("since", "enough"), [(None, False), (5, True), (900, False)])
def test_to_come_in_anew_is_no_proof(street: Street, since: int | None, enough: bool) -> None:
    """Who finds an open browser could sign out and in again at a provider that asks nothing, and need no password from then on."""
    walker = street.visits.stranger()
    street.provider.spoil = {"auth_time": None if since is None else int(time.time()) - since}
    assert street.come_back(walker).status == 303
    page = make_token(walker, "mine")
    assert ("Your new token mine" in page.text) == enough
    assert enough or page.status == 403


@pytest.mark.parametrize("signed_in", [None, "now", True, 0, 4_000_000_000, float("nan")])
def test_signing_in_once_more_is_proven(street: Street, signed_in: object) -> None:
    """A provider that lets in whom it remembers, without asking, would confirm for whoever sits at an open browser."""
    walker = street.visits.stranger()
    assert street.come_back(walker).status == 303
    age(street.visits, walker)
    street.provider.spoil = {"auth_time": signed_in}
    page = street.come_back(walker)
    assert (page.status, "The identity token does not say" in page.text) == (502, True)
    assert make_token(walker, "mine").status == 403


@pytest.mark.parametrize(("signed_in", "fits"), [(1339, False), (1340, True), (1450, True), (1560, True), (1561, False)])
def test_when_signing_in_once_more_counts(signed_in: int, fits: bool) -> None:
    """Clocks that differ a little would keep everybody out, or somebody who signed in there before they were asked would come in."""
    key = RSAKey.generate_key(2048, {"kid": "one"})
    claims = {"iss": "https://id.example", "aud": CLIENT, "sub": "anna", "nonce": "n", "iat": 1500, "exp": 2000, "auth_time": signed_in}
    client = Client(issuer="https://id.example", client_id=CLIENT, secret=SECRET, redirect_uri="https://packhouse.example/back")
    attempt = Attempt(state="s", nonce="n", verifier="v", since=1400)
    token, keys = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key), {"keys": [key.as_dict(private=False)]}
    with contextlib.nullcontext() if fits else pytest.raises(UpstreamFailed, match="just now"):
        assert read_identity(token, keys, client, attempt, 1500).subject == "anna"


def test_nobody_takes_the_question_out_on_the_way(street: Street) -> None:
    """Whoever sits at an open browser could send it to the provider without what makes the provider ask."""
    walker = street.visits.stranger()
    assert "max_age" not in walker.get(START).location  # who comes in anew may be known there
    assert street.come_back(walker).status == 303
    age(street.visits, walker)
    out = walker.get(START).location
    page = walker.get(street.provider.authorize(out.replace("&prompt=login", "").replace("&max_age=0", "")))
    assert (page.status, "auth_time" in page.text) == (502, True)
    assert make_token(walker, "mine").status == 403
