"""Who may do what: every credential × visibility × action, against tables written here and nowhere else (core API 10, threats 7, design 2)."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
from wire import Answer, basic, bearer
from wire import Client as Wire

from packhouse.db.engine import now

from .conftest import Home, make_home
from .driver import Ask, Client
from .furniture import (
    DEVELOPER,
    GUEST,
    INTERNAL,
    MAINTAINER,
    OWNER,
    PLANNER,
    PRIVATE,
    PUBLIC,
    READ,
    REMOVE,
    REPORTER,
    WRITE,
    Furniture,
    Login,
)  # fmt: skip
from .server import Server

ACTIONS = ("read index", "read file", "publish", "delete")
VISIBILITIES = (PUBLIC, INTERNAL, PRIVATE)

# Each row: read, publish, delete on a public | an internal | a private project. `ok` is any success.
OPEN = "ok 403 403"
ROLES = {
    "stranger": f"{OPEN} | {OPEN} | 404 404 404",
    "external stranger": f"{OPEN} | 404 404 404 | 404 404 404",
    "guest": f"{OPEN} | {OPEN} | 403 403 403",
    "planner": f"{OPEN} | {OPEN} | 403 403 403",
    "reporter": f"{OPEN} | {OPEN} | {OPEN}",
    "external reporter": f"{OPEN} | {OPEN} | {OPEN}",
    "developer": "ok ok 403 | ok ok 403 | ok ok 403",
    "maintainer": "ok ok ok | ok ok ok | ok ok ok",
    "owner": "ok ok ok | ok ok ok | ok ok ok",
    "reporter of the group": f"{OPEN} | {OPEN} | {OPEN}",
    "developer of the group above": "ok ok 403 | ok ok 403 | ok ok 403",
    "former developer": f"{OPEN} | {OPEN} | 404 404 404",
    "administrator": "ok ok ok | ok ok ok | ok ok ok",
}
NEVER = "401 401 401 | 401 401 401 | 401 401 401"
CREDENTIALS = {
    "anonymous": "ok 401 401 | 401 401 401 | 401 401 401",
    "session cookie": "ok 401 401 | 401 401 401 | 401 401 401",
    "wrong token": NEVER,
    "mistyped token": NEVER,
    "expired token": NEVER,
    "revoked token": NEVER,
    "token of a blocked user": NEVER,
    "expired deploy token": NEVER,
    "revoked deploy token": NEVER,
    "token read_api": f"{OPEN} | {OPEN} | {OPEN}",
    "token without a scope for it": "403 403 403 | 403 403 403 | 403 403 403",
    "project token": "ok ok ok | ok ok ok | ok ok ok",
    "project token read_api": f"{OPEN} | {OPEN} | {OPEN}",
    "project token of another project": f"{OPEN} | {OPEN} | 404 404 404",
    "group token": "ok ok 403 | ok ok 403 | ok ok 403",
    "deploy read": f"{OPEN} | {OPEN} | {OPEN}",
    "deploy write": "ok ok 403 | ok ok 403 | ok ok 403",
    "deploy delete": "403 403 ok | 403 403 ok | 403 403 ok",
    "deploy write and delete": "ok ok ok | ok ok ok | ok ok ok",
    "deploy containers only": "403 403 403 | 403 403 403 | 403 403 403",
    "deploy of the group": "ok ok 403 | ok ok 403 | ok ok 403",
    "deploy of another project": f"{OPEN} | 404 404 404 | 404 404 404",
}


def read_row(row: str) -> Iterator[tuple[int, str, str]]:
    """(visibility, action, what is to come back) for each cell of a row."""
    for visibility, cells in zip(VISIBILITIES, row.split("|"), strict=True):
        read, publish, delete = cells.split()
        yield from zip([visibility] * 4, ACTIONS, [read, read, publish, delete], strict=True)


@dataclass(frozen=True)
class Site:
    """A project with a file in it, and a request for each action."""

    home: Home
    group: int
    top: int
    asks: Callable[[str], Ask]


@pytest.fixture(scope="module", name="sites")
def furnish_sites() -> dict[tuple[str, int], Site]:
    """Sites by format and visibility, made when they are first wanted."""
    return {}


def site_of(sites: dict[tuple[str, int], Site], server: Server, client: Client, visibility: int) -> Site:
    if (client.name, visibility) not in sites:
        sites[client.name, visibility] = make_site(server, client, visibility)
    return sites[client.name, visibility]


def make_site(server: Server, client: Client, visibility: int) -> Site:
    top = server.furniture.group(visibility)
    group = server.furniture.group(visibility, top)
    home = make_home(server, client, visibility, group)
    sample = client.sample("alpha", "1.0.0")
    versions = itertools.count()
    there = False

    def asks(action: str) -> Ask:
        nonlocal there, sample
        if not there:
            # another one than before: what was yanked may keep its number
            sample = client.sample("alpha", f"1.0.{next(versions)}")
            home.publish(sample).expect(200, 201)
        there = action != "delete"  # which may take it away
        if action == "delete":
            return client.removal(home.project, sample, home.listing(sample).body)
        return {"read index": client.listing, "read file": client.fetch, "publish": client.publish}[action](home.project, sample)

    return Site(home, group, top, asks)


def check_row(sites: dict[tuple[str, int], Site], server: Server, client: Client, row: str, enter: Callable[[Site], Mapping[str, str]]) -> None:
    """Each cell of the row, all that differ at once."""
    wrong = []
    entered: dict[int, Mapping[str, str]] = {}
    for visibility, action, expected in read_row(row):
        site = site_of(sites, server, client, visibility)
        if visibility not in entered:
            entered[visibility] = enter(site)
        ask = site.asks(action)
        answer = server.send(ask.method, ask.path, ask.body, {**ask.headers, **entered[visibility]})
        if not fits(answer, expected):
            wrong.append(f"{action} on {visibility.name}: wanted {expected}, got {answer.status} {answer.text[:120]}")  # type: ignore[attr-defined]
    assert not wrong, "\n".join(wrong)


def fits(answer: Answer, expected: str) -> bool:
    return answer.status < 300 if expected == "ok" else answer.status == int(expected)


# -- roles -----------------------------------------------------------------------------------------------------------


def join_as(furniture: Furniture, site: Site, role: str) -> Login:
    """A personal token of somebody with this role on the site."""
    user = furniture.user(external=role.startswith("external"), admin=role == "administrator")
    levels = {
        "guest": GUEST, "planner": PLANNER, "reporter": REPORTER, "external reporter": REPORTER, "developer": DEVELOPER, "maintainer": MAINTAINER,
        "owner": OWNER, "former developer": DEVELOPER,
    }  # fmt: skip
    if role in levels:
        furniture.join(site.home.project, user, levels[role])
    elif role == "reporter of the group":
        furniture.join(site.group, user, REPORTER)
    elif role == "developer of the group above":
        furniture.join(site.top, user, DEVELOPER)
    if role == "former developer":
        furniture.end_membership(site.home.project, user)
    return furniture.token(user)


@pytest.mark.parametrize("role", ROLES)
def test_roles(sites: dict[tuple[str, int], Site], server: Server, client: Client, role: str) -> None:
    """Somebody could do more, or less, than their role allows."""
    furniture = server.furniture

    def enter(site: Site) -> Mapping[str, str]:
        login = join_as(furniture, site, role)
        return basic(login.user, login.secret)

    check_row(sites, server, client, ROLES[role], enter)


# -- credentials -----------------------------------------------------------------------------------------------------


def enter_with(furniture: Furniture, site: Site, kind: str) -> Mapping[str, str]:
    """The header of this kind of credential, which is as strong as it can be on the site."""
    project, past = site.home.project, now() - 1_000_000
    if kind in DEPLOYS:
        place, scopes = DEPLOYS[kind](furniture, site)
        deploy = furniture.deploy_token(place, *scopes, expires=past if kind.startswith("expired") else None, revoked=kind.startswith("revoked"))
        return basic(deploy.user, deploy.secret)
    if kind in BOTS:
        bot = BOTS[kind](furniture, site)
        return basic(bot.user, bot.secret)
    owner = furniture.user()
    furniture.join(project, owner, OWNER)
    if kind == "anonymous":
        return {}
    if kind == "session cookie":
        return {"Cookie": f"packhouse_session={furniture.session(owner)}"}
    if kind == "wrong token":
        return basic(owner.user, "phpat_not-a-token")
    scopes = {"token read_api": ("read_api",), "token without a scope for it": ("read_user", "read_registry")}.get(kind, ("api",))
    token = furniture.token(owner, scopes, expires=past if kind == "expired token" else None, revoked=kind == "revoked token")
    if kind == "token of a blocked user":
        furniture.block(owner)
    secret = token.secret[:-1] + ("0" if token.secret[-1] != "0" else "1") if kind == "mistyped token" else token.secret
    return basic(owner.user, secret)


DEPLOYS: dict[str, Callable[[Furniture, Site], tuple[int, tuple[str, ...]]]] = {
    "deploy read": lambda furniture, site: (site.home.project, (READ,)),
    "deploy write": lambda furniture, site: (site.home.project, (WRITE,)),
    "deploy delete": lambda furniture, site: (site.home.project, (REMOVE,)),
    "deploy write and delete": lambda furniture, site: (site.home.project, (READ, WRITE, REMOVE)),
    "deploy containers only": lambda furniture, site: (site.home.project, ("read_registry", "write_registry")),
    "deploy of the group": lambda furniture, site: (site.top, (READ, WRITE)),
    "deploy of another project": lambda furniture, site: (furniture.project(PUBLIC), (READ, WRITE, REMOVE)),
    "expired deploy token": lambda furniture, site: (site.home.project, (READ, WRITE, REMOVE)),
    "revoked deploy token": lambda furniture, site: (site.home.project, (READ, WRITE, REMOVE)),
}
BOTS: dict[str, Callable[[Furniture, Site], Login]] = {
    "project token": lambda furniture, site: furniture.bot_token(site.home.project, "project", MAINTAINER),
    "project token read_api": lambda furniture, site: furniture.bot_token(site.home.project, "project", MAINTAINER, ("read_api",)),
    "project token of another project": lambda furniture, site: furniture.bot_token(furniture.project(PRIVATE), "project", OWNER),
    "group token": lambda furniture, site: furniture.bot_token(site.group, "group", DEVELOPER),
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_credentials(sites: dict[tuple[str, int], Site], server: Server, client: Client, kind: str) -> None:
    """A credential could open more, or less, than it is made for; or a wrong one could pass for none."""
    furniture = server.furniture
    check_row(sites, server, client, CREDENTIALS[kind], lambda site: enter_with(furniture, site, kind))


def test_password(server: Server, client: Client) -> None:
    """A password could open nothing, or a wrong one something."""
    home = make_home(server, client, PUBLIC)
    sample = home.publish_new()
    maintainer = server.furniture.user(password="correct horse battery staple")
    server.furniture.join(home.project, maintainer, MAINTAINER)
    home.send(client.listing(home.project, sample), maintainer).expect(200)
    home.publish_as(client.sample("beta"), maintainer).expect(200, 201)
    home.send(client.listing(home.project, sample), Login(maintainer.user, "wrong")).expect(401)
    home.send_bare(client.listing(home.project, sample), **bearer(maintainer.secret)).expect(401)


# -- carriers --------------------------------------------------------------------------------------------------------


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


Carrier = Callable[[Login], tuple[Mapping[str, str], str]]
CARRIERS: dict[str, Carrier] = {
    "basic": lambda login: (basic(login.user, login.secret), ""),
    "basic, lower-case scheme": lambda login: ({"Authorization": "basic " + encode(f"{login.user}:{login.secret}")}, ""),
    "basic, other user name": lambda login: (basic("somebody-else", login.secret), ""),
    "basic, no user name": lambda login: (basic("", login.secret), ""),
    "bearer": lambda login: (bearer(login.secret), ""),
    "private-token": lambda login: ({"PRIVATE-TOKEN": login.secret}, ""),
    "Private-Token": lambda login: ({"Private-Token": login.secret}, ""),
    "deploy-token": lambda login: ({"Deploy-Token": login.secret}, ""),
    "job-token": lambda login: ({"JOB-TOKEN": login.secret}, ""),
    "query private_token": lambda login: ({}, f"private_token={login.secret}"),
    "query access_token": lambda login: ({}, f"access_token={login.secret}"),
    "query job_token": lambda login: ({}, f"job_token={login.secret}"),
    "basic, no colon": lambda login: ({"Authorization": "Basic " + encode(login.secret)}, ""),
    "basic, no base64": lambda login: ({"Authorization": f"Basic {login.user}:{login.secret}"}, ""),
    "basic with private-token, the same": lambda login: ({**basic(login.user, login.secret), "PRIVATE-TOKEN": login.secret}, ""),
    "basic with private-token, another": lambda login: ({**basic(login.user, login.secret), "PRIVATE-TOKEN": "phpat_other"}, ""),
    "cookie": lambda login: ({"Cookie": f"packhouse_session={login.secret}"}, ""),
}
# A developer's personal token and a deploy token that writes, carried by each of these to a private project: what publishing answers.
CARRIED = {
    "basic": ("ok", "ok"),
    "basic, lower-case scheme": ("ok", "ok"),
    "basic, other user name": ("ok", "401"),
    "basic, no user name": ("ok", "401"),
    "bearer": ("ok", "ok"),
    "private-token": ("ok", "401"),
    "Private-Token": ("ok", "401"),
    "deploy-token": ("401", "ok"),
    "job-token": ("401", "401"),
    "query private_token": ("ok", "401"),
    "query access_token": ("ok", "401"),
    "query job_token": ("401", "401"),
    "basic, no colon": ("401", "401"),
    "basic, no base64": ("401", "401"),
    "basic with private-token, the same": ("ok", "401"),
    "basic with private-token, another": ("400", "400"),
    "cookie": ("401", "401"),
}


@pytest.mark.parametrize("carrier", CARRIED)
def test_carriers(sites: dict[tuple[str, int], Site], server: Server, client: Client, carrier: str) -> None:
    """A token could be worth more, or less, by the way it is carried."""
    site = site_of(sites, server, client, PRIVATE)
    logins = (server.furniture.member(site.home.project, DEVELOPER), server.furniture.deploy_token(site.home.project, READ, WRITE))
    wrong = []
    for login, expected in zip(logins, CARRIED[carrier], strict=True):
        headers, query = CARRIERS[carrier](login)
        for action in ("read index", "publish"):
            ask = site.asks(action)
            path = f"{ask.path}{'&' if '?' in ask.path else '?'}{query}" if query else ask.path
            answer = server.send(ask.method, path, ask.body, {**ask.headers, **headers})
            if not fits(answer, expected):
                wrong.append(f"{action} as {login.user}: wanted {expected}, got {answer.status} {answer.text[:120]}")
    assert not wrong, "\n".join(wrong)


# -- settings of the project -----------------------------------------------------------------------------------------

SETTINGS = {
    # packages_access → anonymous, stranger, guest, reporter: reading a file of a public | a private project
    "enabled": "ok ok ok ok | 401 404 403 ok",
    "private": "401 403 403 ok | 401 404 403 ok",
    "public": "ok ok ok ok | ok ok ok ok",
    "disabled": "403 403 403 403 | 401 404 403 403",
}


@pytest.mark.parametrize("access", SETTINGS)
def test_package_access(server: Server, client: Client, access: str) -> None:
    """The project's switch for packages could be wider or narrower than it says."""
    wrong = []
    for visibility, cells in zip((PUBLIC, PRIVATE), SETTINGS[access].split("|"), strict=True):
        home = make_home(server, client, visibility)
        sample = home.publish_new()
        server.furniture.change_place(home.project, packages_access=access)
        stranger = server.furniture.token(server.furniture.user())
        guest, reporter = (server.furniture.member(home.project, level) for level in (GUEST, REPORTER))
        for who, login, expected in zip(
            ("anonymous", "stranger", "guest", "reporter"), (None, stranger, guest, reporter), cells.split(), strict=True
        ):
            ask = client.fetch(home.project, sample)
            answer = home.send(ask, login) if login else home.send_bare(ask)
            if not fits(answer, expected):
                wrong.append(f"{who} on {visibility.name}: wanted {expected}, got {answer.status} {answer.text[:120]}")
    assert not wrong, "\n".join(wrong)


def test_archived(home: Home) -> None:
    """An archived project could still be written to, or not be read."""
    sample = home.publish_new()
    home.server.furniture.change_place(home.project, archived=True)
    home.fetch(sample).expect(200)
    home.listing(sample).expect(200)
    home.publish(home.client.sample("beta")).expect(403)
    home.send(home.client.removal(home.project, sample, home.listing(sample).body)).expect(403)


def test_refused_before_the_body(home: Home) -> None:
    """A refused upload could be read to its end, and keep the disk busy for somebody who may not write."""
    reporter = home.server.furniture.member(home.project, REPORTER)
    ask = home.client.publish(home.project, home.client.sample("big"))
    spool = home.server.data / "spool"
    before = set(spool.iterdir())
    refused = home.send(Ask(ask.method, ask.path, ask.body, {**ask.headers, "Expect": "100-continue"}), reporter)
    assert refused.status == 403
    assert set(spool.iterdir()) <= before


def test_role_ends_at_once(home: Home) -> None:
    """A token could keep a role, or itself, after it was taken away: in another process, or on an open connection."""
    furniture = home.server.furniture
    sample = home.publish_new()
    user = furniture.user()
    furniture.join(home.project, user, REPORTER)
    token = furniture.token(user)
    ask = home.client.fetch(home.project, sample)

    def statuses() -> set[int]:
        """What both processes answer: connections of their own are spread over them."""
        found = {home.send(ask, token).status}
        for _ in range(8):
            with Wire(home.server.url) as wire:
                found.add(wire.get(ask.path, {**ask.headers, **basic(token.user, token.secret)}).status)
        return found

    assert statuses() == {200}
    furniture.end_membership(home.project, user)
    assert statuses() == {404}
    furniture.revoke(token)
    assert statuses() == {401}
