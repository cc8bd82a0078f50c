"""A credential and the place a path names → who asks, with what standing there: one statement on the hot path."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

from packhouse.auth.credentials import PERSONAL, Credential
from packhouse.auth.policy import EXCHANGED, FOREVER, Access
from packhouse.auth.registry_tokens import Principal, RegistryTokens, looks_signed
from packhouse.auth.throttle import Throttle
from packhouse.auth.tokens import hash_token, is_mistyped
from packhouse.db import users
from packhouse.db.engine import Database, now, this_second
from packhouse.db.pipelines import ABOVE, OPEN, WAYS_IN
from packhouse.db.scopes import ACCESS_BY_ID, ACCESS_BY_PATH, ACCESS_OF_TOKEN, ACCESS_OF_TOKEN_BY_PATH, MOST_CANDIDATES, AccessRow, deepest
from packhouse.errors import InvalidCredential
from packhouse.model import ANONYMOUS, Actor, Instant, Place, Role, Visibility, replace

NO_TOKEN = b""
USE_EVERY = 600_000_000  # a token's last use is written at most every ten minutes
JOB_USER = "gitlab-ci-token"
_BUILDS = frozenset({"project", "job"})  # an exchanged token comes as either: scripts of jobs need not know
STAMP = 16  # letters
PROJECT = "project"  # the kind of actor behind an exchanged token
ANY_CARRIER = Credential("")

Where: TypeAlias = str | int | tuple[str, ...] | None
"""A place by path or id, the deepest project of several paths, or none."""


class Gate:
    """Finds out who is asking."""

    def __init__(
        self,
        database: Database,
        *,
        guest_reads: bool = False,
        packages: bool = True,
        containers: bool = True,
        registry: RegistryTokens | None = None,
    ) -> None:
        self.database = database
        self.throttle = Throttle()
        self.guest_reads = guest_reads
        self.packages = packages
        self.containers = containers
        self.registry = registry
        self.used: dict[int, Instant] = {}  # tokens to be marked as used, flushed by a job

    async def identify(
        self,
        credential: Credential | None,
        place: Where,
        *,
        address: str = "",
        native: bool = True,
        method: str = "GET",
        area: str = "packages",
        resource: str = "",
    ) -> Access:
        """Who asks for this place. `resource`: what a registry token must grant. Raises `InvalidCredential`, `TooManyRequests`."""
        if isinstance(place, tuple):
            place = await self._deepest(place)
        if area == "containers" and native and self.registry is not None and credential is not None and looks_signed(credential.secret):
            claims = self.registry.read(credential.secret)
            if claims.principal.stamp != await self.stamp(claims.principal):
                raise InvalidCredential("The password that this registry token was given for is changed: sign in again")
            access = await self.of_principal(claims.principal, place, native=native, method=method)
            until = min(access.until, int(claims.expires * 1_000_000))
            return replace(access, granted=claims.grants.get(resource, frozenset()), until=until)
        access = await self._by_credential(credential, place, address, native, method, area)
        return access if area == "packages" else self._in_area(access, area)

    async def _by_credential(
        self, credential: Credential | None, place: str | int | None, address: str, native: bool, method: str, area: str
    ) -> Access:
        if credential is None:
            row = await self._look(NO_TOKEN, -1, place)
            return self._access(row, ANONYMOUS, native, method)
        secret = hash_token(credential.secret)
        row = await self._look(secret, -1, place)
        if row.token_id is None:
            return await self._by_password(credential, secret, place, address, native, method)
        self._check(row, credential)
        access = self._access(row, self._actor(row), native, method)
        if row.token_kind == "job" and not access.reaches:
            return await self._of_job(access if area == "packages" else self._in_area(access, area))
        return access

    async def as_user(self, user_id: int, kind: str, place: Where, *, native: bool = False, method: str = "GET", area: str = "packages") -> Access:
        """The same for a user who is known already: a session, or sudo."""
        if isinstance(place, tuple):
            place = await self._deepest(place)
        row = await self._look(NO_TOKEN, user_id, place)
        if row.user_id is None or row.user_state != "active":
            raise InvalidCredential("The user is blocked")
        access = self._access(row, _user_actor(row, kind), native, method)
        return access if area == "packages" else self._in_area(access, area)

    async def of_principal(self, who: Principal, place: Where, *, native: bool = True, method: str = "GET") -> Access:
        """The standing that the holder of a registry token has now. Raises `InvalidCredential` where there is none any more."""
        if isinstance(place, tuple):
            place = await self._deepest(place)
        if who.token_id is None:
            if who.user_id is not None:
                return await self.as_user(who.user_id, who.kind, place, native=native, method=method, area="containers")
            return self._in_area(self._access(await self._look(NO_TOKEN, -1, place), ANONYMOUS, native, method), "containers")
        access = self._in_area(await self.as_token(who.token_id, place, native=native, method=method), "containers")
        return await self._of_job(access) if access.actor.kind == "job" and not access.reaches else access

    async def as_token(self, token_id: int, place: Where, *, native: bool = True, method: str = "GET") -> Access:
        """The standing of who holds this token, known by another way than its secret. Raises `InvalidCredential` where it is over."""
        if isinstance(place, tuple):
            place = await self._deepest(place)
        where = place.lower() if isinstance(place, str) else -1 if place is None else place
        params = {"token": token_id, "user_id": -1, "place": where, "now": this_second()}
        found = await self.database.point(ACCESS_OF_TOKEN_BY_PATH if isinstance(place, str) else ACCESS_OF_TOKEN, params)
        assert found is not None
        row = AccessRow(*found)
        if row.token_id is None:
            raise InvalidCredential("The access token behind this request is gone")
        self._check(row, ANY_CARRIER)
        return self._access(row, self._actor(row), native, method)

    async def stamp(self, who: Principal) -> str:
        """What changes with the password of a user who came with one, and tells nothing of it; "" for all others."""
        if who.token_id is not None or who.user_id is None:
            return ""
        found = await self.database.point(users.PASSWORD, {"user_id": who.user_id})
        stored = "" if found is None or found[0] is None else str(found[0])
        return sha256(stored.encode()).hexdigest()[:STAMP]

    async def _of_job(self, access: Access) -> Access:
        """The standing of a job outside of its own project: its user's, as far as the place lets it in (core API 9.1)."""
        place, actor = access.place, access.actor
        if place is None:
            return access
        found = await self.database.points(WAYS_IN, {"source": actor.token_place, "target": place.id})
        ways = [str(row[0]) for row in found]
        if place.kind == "group":
            # its lists hold what lets the job in; what a group keeps for itself is for the projects below it
            return access if ABOVE in ways or access.area == "packages" else _as_stranger(access)
        if not ways:
            return _as_stranger(access)
        most = max(_most(way) for way in ways)
        role = min(Role.OWNER if actor.admin else access.role, most if access.area == "packages" else Role.REPORTER)
        return replace(access, actor=replace(actor, admin=False), role=role)

    async def _deepest(self, paths: tuple[str, ...]) -> int | None:
        params = {f"p{number}": path for number, path in enumerate(paths[:MOST_CANDIDATES])}
        found = await self.database.point(deepest(len(params)), params) if params else None
        return None if found is None else int(found[0])

    def _in_area(self, access: Access, area: str) -> Access:
        if area == "repository":
            # neither the switch of packages nor what guests may read of them is about code
            return replace(access, area=area, switched_on=True, guest_reads=False)
        return replace(access, area=area, switched_on=self.containers)

    async def _look(self, token_hash: bytes, user_id: int, place: str | int | None) -> AccessRow:
        by_path = isinstance(place, str)
        found = await self.database.point(
            ACCESS_BY_PATH if by_path else ACCESS_BY_ID,
            {
                "hash": token_hash,
                "user_id": user_id,
                "place": place.lower() if isinstance(place, str) else -1 if place is None else place,
                "now": this_second(),
            },
        )
        assert found is not None
        return AccessRow(*found)

    def _check(self, row: AccessRow, credential: Credential) -> None:
        if not _carries(credential, row.token_kind):
            raise InvalidCredential(f"This header does not carry {row.token_kind} tokens")
        if row.token_revoked is not None:
            raise InvalidCredential("Token was revoked. You have to re-authorize from the user.")
        moment = now()
        if row.token_expires is not None and row.token_expires <= moment:
            raise InvalidCredential("Token is expired. You can either do re-authorization or token refresh.")
        if row.token_kind == "deploy":
            if credential.username is not None and credential.username != row.token_username:
                raise InvalidCredential("The user name does not belong to this deploy token")
        elif row.user_id is None or row.user_state != "active":
            raise InvalidCredential("The user of this token is blocked")
        if row.token_kind == "job" and credential.username not in (None, JOB_USER) and not credential.any_job_user:
            raise InvalidCredential(f"A job token needs the user name {JOB_USER}")
        if row.token_last_used is None or moment - row.token_last_used > USE_EVERY:
            assert row.token_id is not None
            self.used[row.token_id] = moment

    async def _by_password(self, credential: Credential, secret: bytes, place: str | int | None, address: str, native: bool, method: str) -> Access:
        name = credential.username or ""
        # passwords open the clients' protocols; REST takes tokens
        if native and name and not is_mistyped(credential.secret) and name != JOB_USER:
            found = await self.database.read(users.find_password, name)
            if await self.throttle.is_right(address, name, found, credential.secret) and found is not None:
                return await self.as_user(found[0], "password", place, native=native, method=method)
        else:
            self.throttle.check(address, name, secret)
            self.throttle.wrong(address, name, secret)
        raise InvalidCredential("The token or password is wrong")

    def _access(self, row: AccessRow, actor: Actor, native: bool, method: str) -> Access:
        return Access(
            actor=actor,
            place=_place(row),
            role=row.role or Role.NONE,
            reaches=bool(row.token_reaches),
            switched_on=self.packages and row.switch != "false",
            native=native,
            method=method,
            guest_reads=self.guest_reads,
            until=FOREVER if row.token_expires is None else row.token_expires,
        )

    def _actor(self, row: AccessRow) -> Actor:
        if row.token_kind == "deploy":
            return _deploy_actor(row.token_id, row.token_username, row.token_place, row.token_scopes)
        assert row.token_kind is not None
        return _user_actor(row, PROJECT if row.token_kind == EXCHANGED else row.token_kind)


def _carries(credential: Credential, kind: str | None) -> bool:
    """Whether such a token may come this way."""
    if kind == EXCHANGED:
        return bool(_BUILDS & credential.kinds)
    return kind in credential.kinds or (kind == "job" and credential.any_job_user and credential.kinds == PERSONAL)


def _as_stranger(access: Access) -> Access:
    """What is public stays readable; nothing else is there."""
    return replace(access, actor=replace(access.actor, admin=False, external=True), role=Role.NONE)


def _most(way: str) -> Role:
    """The highest role that an entry of an allow list leaves to a job: it deletes only where the entry says so."""
    words = way.split()
    if way == OPEN or not words:
        return Role.DEVELOPER
    return Role.OWNER if "ADMIN_PACKAGES" in words else Role.REPORTER if "READ_PACKAGES" in words else Role.NONE


@lru_cache(1024)
def _deploy_actor(token_id: int, username: str, place: int, scopes: str) -> Actor:
    return Actor(kind="deploy", username=username, name=username, token_id=token_id, token_place=place, scopes=frozenset(scopes.split()))


def _user_actor(row: AccessRow, kind: str) -> Actor:
    admin = bool(row.user_admin) and (
        kind not in PERSONAL or "api" in (row.token_scopes or "").split() or "read_api" in (row.token_scopes or "").split()
    )
    return _make_actor(
        kind, row.user_id, row.username, row.user_name, admin, bool(row.user_external), row.token_id, row.token_place, row.token_scopes or ""
    )


@lru_cache(1024)
def _make_actor(
    kind: str, user_id: int, username: str, name: str, admin: bool, external: bool, token_id: int | None, token_place: int | None, scopes: str
) -> Actor:
    return Actor(
        kind=kind,
        user_id=user_id,
        username=username,
        name=name,
        admin=admin,
        external=external,
        token_id=token_id,
        token_place=token_place,
        scopes=frozenset(scopes.split()),
    )


def _place(row: AccessRow) -> Place | None:
    if row.place_id is None:
        return None
    return _make_place(
        row.place_id,
        row.place_kind,
        row.place_path,
        row.place_full_path,
        row.place_name,
        row.place_visibility,
        row.place_parent,
        row.place_packages,
        row.place_containers,
        bool(row.place_archived),
    )


@lru_cache(4096)
def _make_place(
    id: int, kind: str, path: str, full_path: str, name: str, visibility: int, parent: int | None, packages: str, containers: str, archived: bool
) -> Place:
    return Place(
        id=id,
        kind=kind,
        path=path,
        full_path=full_path,
        name=name,
        visibility=Visibility(visibility),
        parent_id=parent,
        packages_access=packages,
        containers_access=containers,
        archived=archived,
    )
