"""Trusted publishing: an identity token of an issuer that is trusted, for a token of ours that lives a few minutes (threats, 6.5)."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from packhouse.api.call import Call, begin, path_id, route_of, standing, writing
from packhouse.api.failures import IssuerNotFound, PublisherNotFound
from packhouse.api.parameters import Parameters, read_parameters, unfit
from packhouse.api.pipelines import is_web_url
from packhouse.api.places import get_live
from packhouse.api.shapes import Shape
from packhouse.auth.credentials import read_authorization
from packhouse.auth.oidc import LEEWAY, SECOND, Identity, check_rule, fits, peek, verify, warn_of
from packhouse.auth.policy import EXCHANGED
from packhouse.auth.tokens import hash_token, make_token
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, members, oidc, pipelines, places, tokens, users
from packhouse.db.oidc import IssuerRow, PublisherRow
from packhouse.errors import Conflict, Forbidden, Invalid, InvalidCredential, InvalidParameter, RegistryError
from packhouse.model import Action as Act
from packhouse.model import Actor, Instant, Role, Struct, write_time
from packhouse.packages.rules import bounds_of
from packhouse.responses import empty_reply, json_reply
from packhouse.wording import status_of

AUDIENCE = "packhouse"
LIFE = 15 * 60 * SECOND
MOST = 100
LEVELS = (int(Role.REPORTER), int(Role.DEVELOPER), int(Role.MAINTAINER))
SCOPES = ("api", "read_api", "read_registry", "write_registry")
TOLD = ("sub", "jti", "project_path", "repository", "ref", "sha", "environment", "workflow_ref", "pipeline_id", "run_id", "job_id")

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Minted(Struct):
    """A token of ours, for an identity."""

    token: str
    expires: Instant


# -- issuers ---------------------------------------------------------------------------------------------------------


def issuer_shape(row: IssuerRow) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "issuer_url": row.url,
        "audience": row.audience,
        "jwks_url": row.jwks_url,
        "created_at": write_time(row.created),
    }


async def add_issuer(call: Call) -> Answer:
    """An issuer to be trusted; where its keys are is looked up now, once."""
    parameters = await read_parameters(call)
    name, url = parameters.needed("name"), parameters.needed("issuer_url", 512)
    audience = parameters.text("audience") or AUDIENCE
    jwks_url = await _identities(call).discover(url)
    return json_reply(issuer_shape(await call.house.database.write(_add_issuer, name, url, audience, jwks_url, call.actor)), 201)


def _add_issuer(connection: Connection, name: str, url: str, audience: str, jwks_url: str, actor: Actor) -> IssuerRow:
    at = begin(connection)
    id_ = oidc.add_issuer(connection, name, url, audience, jwks_url, at)
    row = None if id_ is None else oidc.get_issuer(connection, id_)
    if row is None:
        raise Conflict(f"The issuer {url} is trusted already")
    changes.add_event(connection, at, "issuer_create", actor, detail={"issuer": id_, "url": url, "audience": audience})
    return row


async def list_issuers(call: Call) -> Answer:
    """Every issuer that is trusted."""
    return json_reply([issuer_shape(row) for row in await call.house.database.read(oidc.list_issuers)])


async def drop_issuer(call: Call) -> Answer:
    """The issuer is trusted no more, nor what projects trusted of it."""
    await call.house.database.write(_drop_issuer, path_id(call, "issuer_id"), call.actor)
    return empty_reply()


def _drop_issuer(connection: Connection, id_: int, actor: Actor) -> None:
    at = begin(connection)
    row = oidc.get_issuer(connection, id_)
    if row is None:
        raise IssuerNotFound()
    for publisher in oidc.every_publisher_of(connection, id_):
        _end(connection, publisher, at)
    oidc.drop_issuer(connection, id_)
    changes.add_event(connection, at, "issuer_delete", actor, detail={"issuer": id_, "url": row.url})


# -- trusted publishers ----------------------------------------------------------------------------------------------


class NewPublisher(Struct):
    """What is sent about a trusted publisher, checked."""

    issuer: str
    claims: Mapping[str, str]
    format: str
    package: str
    level: int


def publisher_shape(row: PublisherRow) -> Shape:
    warnings = warn_of(row.claims)
    shape: Shape = {
        "id": row.id,
        "project_id": row.project,
        "issuer": row.issuer_url,
        "claims": row.claims,
        "format": row.format or None,
        "package": row.package or None,
        "access_level": row.level,
        "user_id": row.user_id,
        "created_at": write_time(row.created),
    }
    return shape | ({"warnings": warnings} if warnings else {})


async def add_publisher(call: Call) -> Answer:
    """Builds with these claims may publish here."""
    new = read_new(call, await read_parameters(call))
    if new.level > standing(call.access):
        raise Forbidden("Forbidden - You cannot grant a role above your own")
    return json_reply(publisher_shape(await call.house.database.write(_add_publisher, call.place.id, new, call.actor)), 201)


def read_new(call: Call, parameters: Parameters) -> NewPublisher:
    """What is sent about a trusted publisher. Raises `InvalidParameter`, `InvalidName`."""
    parameters.require("issuer", "claims")
    inner = parameters.inner("claims")
    format_ = parameters.choice("format", call.house.formats) or ""
    package = parameters.text("package") or ""
    if package and not format_:
        raise InvalidParameter("format is missing: a package is one of a format", parameter="format")
    return NewPublisher(
        issuer=parameters.needed("issuer", 512),
        claims=check_rule(inner.all if inner is not None else None),
        format=format_,
        package=call.house.formats[format_].coordinates.name_key(package) if package else "",
        level=parameters.level("access_level", LEVELS) or int(Role.DEVELOPER),
    )


def _add_publisher(connection: Connection, project: int, new: NewPublisher, actor: Actor) -> PublisherRow:
    at = begin(connection, project)
    place = get_live(connection, project)
    issuer = oidc.find_issuer(connection, new.issuer)
    if issuer is None:
        raise InvalidParameter(f"issuer {new.issuer[:200]!r} is not trusted here: an administrator adds it first", parameter="issuer")
    if oidc.count_publishers(connection, project) >= MOST:
        raise Invalid(f"A project has at most {MOST} trusted publishers: remove one first")
    name = f"project_{project}_publisher_{secrets.token_hex(16)}"
    robot = users.add_user(
        connection,
        username=name,
        name=f"Trusted publisher of {place.name}"[:255],
        email=f"{name}@noreply.invalid",
        password=None,
        at=at,
        kind="bot",
        external=True,
    )
    members.set_member(connection, project, robot, new.level, None, at)
    id_ = oidc.add_publisher(connection, project, issuer.id, new.claims, new.format, new.package, robot, new.level, at)
    detail = {"publisher": id_, "issuer": issuer.url, "claims": dict(new.claims), "format": new.format, "package": new.package, "level": new.level}
    changes.add_event(connection, at, "publisher_create", actor, project=project, detail=detail)
    row = oidc.get_publisher(connection, project, id_)
    assert row is not None
    return row


async def list_publishers(call: Call) -> Answer:
    """What this project trusts."""
    return json_reply([publisher_shape(row) for row in await call.house.database.read(oidc.publishers_of_project, call.place.id)])


async def drop_publisher(call: Call) -> Answer:
    """It is trusted no more, and its tokens end."""
    await call.house.database.write(_drop_publisher, call.place.id, path_id(call, "publisher_id"), call.actor)
    return empty_reply()


def _drop_publisher(connection: Connection, project: int, id_: int, actor: Actor) -> None:
    at = begin(connection, project)
    row = oidc.get_publisher(connection, project, id_)
    if row is None:
        raise PublisherNotFound()
    _end(connection, row, at)
    changes.add_event(connection, at, "publisher_delete", actor, project=project, detail={"publisher": id_})


def _end(connection: Connection, row: PublisherRow, at: Instant) -> None:
    oidc.drop_publisher(connection, row.id)
    tokens.revoke_user(connection, row.user_id, at)
    members.drop_member(connection, row.project, row.user_id)


# -- exchange --------------------------------------------------------------------------------------------------------


async def exchange(call: Call) -> Answer:
    """A token of a project for an identity that the project trusts."""
    parameters = await read_parameters(call)
    parameters.require("id_token", "project")
    scopes = tuple(dict.fromkeys(parameters.texts("scopes") or ["api"]))
    if not set(SCOPES).issuperset(scopes):
        raise unfit("scopes")
    project = parameters.needed("project", 1024)

    def wanted(connection: Connection, row: PublisherRow) -> bool:
        found = (
            places.find_place(connection, project)
            if not (project.isascii() and project.isdigit())
            else places.get_place(connection, int(project[:18]))
        )
        return found is not None and found.id == row.project

    try:
        minted = await _exchange(call, parameters.needed("id_token", 1 << 20), wanted, scopes)
    except InvalidCredential as error:
        return _refuse(error)
    return json_reply({"token": minted.token, "expires_at": write_time(minted.expires)}, 201)


def _refuse(error: InvalidCredential) -> Answer:
    """With the reason, which is about a token that is not ours: whoever runs the build has nothing else to go by."""
    return json_reply({"message": f"401 Unauthorized - {error.message}"}, 401)


async def tell_audience(call: Call) -> Answer:
    """The audience that identity tokens for us must have."""
    issuers = await call.house.database.read(oidc.list_issuers)
    return json_reply({"audience": issuers[0].audience if issuers else AUDIENCE})


async def mint(call: Call) -> Answer:
    """The same at the address, and in the words, of clients that publish Python packages."""
    formats = _formats(call, "mint")
    try:
        text = (await read_parameters(call)).needed("token", 1 << 20)
        minted = await _exchange(call, text, lambda _, row: row.format in formats, ("api",))
    except RegistryError as error:
        if status_of(error) >= 500:
            raise
        problem = {"code": error.code, "description": error.message}
        return json_reply({"message": "Token request failed", "errors": [problem]}, max(422, status_of(error)))
    return json_reply({"success": True, "message": "Minted", "token": minted.token, "expires": minted.expires // SECOND})


async def exchange_for_package(call: Call) -> Answer:
    """The same at the address of clients that publish npm packages: for one package, which only the address names."""
    formats = _formats(call, "exchange")
    name = call.params["name"]
    credential = read_authorization(call.headers.get("authorization", "").encode("latin-1"))
    if credential is None or credential.username is not None:
        raise InvalidCredential("Send the identity token as a Bearer credential")
    keys = {format_: call.house.formats[format_].coordinates.name_key(name) for format_ in formats if format_}

    def wanted(_: Connection, row: PublisherRow) -> bool:
        return row.format in formats and row.package in ("", *keys.values())

    host = urlsplit(call.house.settings.base_url).hostname or ""
    format_ = next(iter(keys))
    extra = bounds_of(format_, keys[format_])
    try:
        minted = await _exchange(call, credential.secret, wanted, ("api",), audiences=(f"{format_}:{host}",), bounds=extra)
    except InvalidCredential as error:
        return _refuse(error)
    return json_reply({"token": minted.token, "token_type": "oidc", "expires": write_time(minted.expires)}, 201)


def _formats(call: Call, address: str) -> frozenset[str]:
    """The formats whose clients come to this address, and the rules that are for any."""
    return frozenset({"", *(name for name, format_ in call.house.formats.items() if format_.identities == address)})


def _identities(call: Call) -> Any:
    assert call.house.identities is not None
    return call.house.identities


async def _exchange(
    call: Call,
    text: str,
    wanted: Callable[[Connection, PublisherRow], bool],
    scopes: tuple[str, ...],
    *,
    audiences: Collection[str] = (),
    bounds: tuple[str, ...] = (),
) -> Minted:
    """Raises `InvalidCredential`, `Forbidden` where no project trusts it, `Conflict` where several do, `TooManyRequests`."""
    throttle, secret = call.house.gate.throttle, hash_token(text)
    throttle.check(call.address, "", secret)
    try:
        identity, issuer = await _identify(call, text, audiences)
        return await call.house.database.write(_mint, identity, issuer, wanted, scopes, bounds)
    except (InvalidCredential, Forbidden):
        throttle.wrong(call.address, "", secret)
        raise


async def _identify(call: Call, text: str, audiences: Collection[str]) -> tuple[Identity, IssuerRow]:
    seen = peek(text)
    issuer = await call.house.database.read(oidc.find_issuer, seen.issuer)
    if issuer is None:
        raise InvalidCredential("The issuer of the identity token is not trusted here")
    keys = await _identities(call).keys(issuer, seen.kid)
    return verify(text, keys, issuer.url, (issuer.audience, *audiences), time.time()), issuer


def _mint(
    connection: Connection,
    identity: Identity,
    issuer: IssuerRow,
    wanted: Callable[[Connection, PublisherRow], bool],
    scopes: tuple[str, ...],
    bounds: tuple[str, ...],
) -> Minted:
    known = oidc.publishers_of_issuer(connection, issuer.id)
    fitting = [row for row in known if fits(row.claims, identity.claims) and wanted(connection, row)]
    if not fitting:
        raise Forbidden("No project that was asked for has a trusted publisher whose claims are those of this identity token")
    if len({row.project for row in fitting}) > 1:
        raise Conflict("Several projects trust this identity token: exchange it at /api/v4/-/oidc/exchange, which names the project")
    publisher = max(fitting, key=lambda row: (row.level, not row.package, not row.format, -row.id))
    at = begin(connection, publisher.project)
    if not oidc.spend(connection, identity.digest, identity.expires + 2 * LEEWAY * SECOND, at):
        raise InvalidCredential("The identity token was used before: ask for a new one")
    return _add_token(connection, identity, publisher, scopes, bounds, at)


def _add_token(
    connection: Connection, identity: Identity, publisher: PublisherRow, scopes: tuple[str, ...], bounds: tuple[str, ...], at: Instant
) -> Minted:
    secret, expires = make_token(EXCHANGED), at + LIFE
    token_id = tokens.add_token(
        connection,
        kind=EXCHANGED,
        hash_=hash_token(secret),
        user_id=publisher.user_id,
        place_id=publisher.project,
        name="Trusted publishing",
        scopes=(*scopes, EXCHANGED, *(bounds or bounds_of(publisher.format, publisher.package))),
        at=at,
        expires=expires,
        creator_id=None,
        level=publisher.level,
    )
    told = {name: str(identity.claims[name])[:255] for name in TOLD if name in identity.claims}
    detail = {"publisher": publisher.id, "issuer": identity.issuer, "token": token_id, "claims": told}
    robot = users.get_user(connection, publisher.user_id)
    actor = Actor(kind=EXCHANGED, user_id=publisher.user_id, username=robot.username if robot else "")
    changes.add_event(connection, at, "identity_exchange", actor, project=publisher.project, detail=detail)
    _note_build(connection, identity, publisher, token_id, at, expires)
    return Minted(token=secret, expires=expires)


def _note_build(connection: Connection, identity: Identity, publisher: PublisherRow, token_id: int, at: Instant, expires: Instant) -> None:
    """What the token publishes comes from this build, where the claims tell of one."""
    claims = identity.claims
    ref, sha = str(claims.get("ref", "")), str(claims.get("sha", "")).lower()
    if not ref or not ref.isprintable() or _SHA.fullmatch(sha) is None:
        return
    number = str(claims.get("pipeline_id") or claims.get("run_id") or "")
    run = f"{publisher.issuer} {number}"[:255] if number else None
    id_ = pipelines.find_run(connection, publisher.project, run, sha) if run is not None else None
    if id_ is None:
        source = str(claims.get("pipeline_source") or claims.get("event_name") or "")
        id_ = pipelines.add_pipeline(
            connection,
            publisher.project,
            publisher.user_id,
            at,
            ref=ref.removeprefix("refs/heads/").removeprefix("refs/tags/")[:255],
            sha=sha,
            source=source if _WORD.fullmatch(source) else "identity",
            web_url=_address_of(identity, number),
            run=run,
        )
    row = pipelines.get_pipeline(connection, publisher.project, id_, at)
    assert row is not None
    pipelines.add_job(connection, row, "trusted publishing", token_id, at, expires)


def _address_of(identity: Identity, number: str) -> str:
    """Where people read about a pipeline of an issuer that is a forge of GitLab's kind; "" elsewhere."""
    path = identity.claims.get("project_path")
    url = f"{identity.issuer.rstrip('/')}/{path}/-/pipelines/{number}"
    return url if isinstance(path, str) and number.isdigit() and len(url) <= 2048 and is_web_url(url) else ""


# -- the table -------------------------------------------------------------------------------------------------------


def routes() -> list[Route]:
    def at_root(method: str, path: str, handler: Any, action: Act) -> Route:
        return Route(method=method, path=path, handler=handler, action=action, reach=ROOT)

    def of_project(method: str, tail: str, handler: Any) -> Route:
        return route_of("project", method, f"/-/trusted_publishers{tail}", handler, Action.MANAGE)

    issuers = "api/v4/-/oidc/issuers"
    return [
        at_root("POST", issuers, writing(add_issuer), Action.ADMIN),
        at_root("GET", issuers, list_issuers, Action.ADMIN),
        at_root("DELETE", f"{issuers}/{{issuer_id}}", writing(drop_issuer), Action.ADMIN),
        of_project("POST", "", writing(add_publisher)),
        of_project("GET", "", list_publishers),
        of_project("DELETE", "/{publisher_id}", writing(drop_publisher)),
        at_root("POST", "api/v4/-/oidc/exchange", exchange, Action.OPEN),
        at_root("GET", "_/oidc/audience", tell_audience, Action.OPEN),
        at_root("POST", "_/oidc/mint-token", mint, Action.OPEN),
        at_root("POST", "-/npm/v1/oidc/token/exchange/package/{name*}", exchange_for_package, Action.OPEN),
    ]
