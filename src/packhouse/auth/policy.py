"""One table: (who, where, action) → allow, or the error that says no. The edge asks before the handler runs (threats, section 7)."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse.db.scopes import Reader
from packhouse.errors import Forbidden, InsufficientScope, PlaceNotFound, SwitchedOff, Unauthenticated
from packhouse.model import Action, Actor, Instant, Place, Role, Struct, Visibility

FOREVER: Instant = 1 << 62
READ_METHODS = frozenset({"GET", "HEAD"})

# action → least role, on a place that is not open to everybody
LEAST_ROLE = {
    Action.SEE: Role.GUEST,
    Action.READ: Role.REPORTER,
    Action.PUBLISH: Role.DEVELOPER,
    Action.DELETE: Role.MAINTAINER,
    Action.MANAGE: Role.MAINTAINER,
    Action.OWN: Role.OWNER,
}
PACKAGE_ACTIONS = frozenset({Action.READ, Action.PUBLISH, Action.DELETE})
OFF = {"containers": "Forbidden - The container registry is switched off"}
DEPLOY_SCOPE: Mapping[str, Mapping[Action, tuple[str, ...]]] = {
    "packages": {
        Action.READ: ("read_package_registry", "write_package_registry"),
        Action.PUBLISH: ("write_package_registry",),
        Action.DELETE: ("delete_package_registry",),
    },
    "containers": {Action.READ: ("read_registry",), Action.PUBLISH: ("write_registry",)},
    "repository": {Action.READ: ("read_repository",)},
}
EXCHANGED = "exchanged"  # a scope of tokens that stand for an identity of another issuer
CLOSED_TO_BUILDS = frozenset({Action.ADMIN, Action.MANAGE, Action.OWN})
# what else than `api` lets a user's token act on a client's protocol
USER_SCOPE: Mapping[str, Mapping[Action, tuple[str, ...]]] = {
    "packages": {},
    "containers": {Action.READ: ("read_registry",), Action.PUBLISH: ("write_registry",)},
    "repository": {Action.READ: ("read_repository", "write_repository"), Action.PUBLISH: ("write_repository",)},
}
GRANT = {Action.READ: "pull", Action.PUBLISH: "push", Action.DELETE: "delete", Action.ADMIN: "*"}


class Access(Struct):
    """Who asks, where, and with what standing there. `role` counts every ancestor; `reaches`: the deploy token belongs to the place or above it."""

    actor: Actor
    place: Place | None = None
    role: int = Role.NONE
    reaches: bool = False
    switched_on: bool = True
    native: bool = True  # a client's protocol route, not REST or a page
    method: str = "GET"
    guest_reads: bool = False
    area: str = "packages"  # whose switch, access level and token scopes count: packages, containers, repository
    until: Instant = FOREVER  # when the credential ends by itself
    granted: frozenset[str] | None = None  # what a registry token grants on what is asked for; None: no such token was sent

    @property
    def level(self) -> str:
        """Whom the place opens this area to: disabled, private, enabled, public."""
        assert self.place is not None
        if self.area == "repository":
            return "enabled"  # Git has no switch of its own
        return self.place.containers_access if self.area == "containers" else self.place.packages_access

    def reader(self, now: Instant) -> Reader:
        """What decides which projects of a group or of the instance are read. A deploy token that is for something else reads as a stranger."""
        found = Reader.of(self.actor, now, self.guest_reads)
        if self.actor.kind == "deploy" and not self.actor.scopes.intersection(DEPLOY_SCOPE[self.area][Action.READ]):
            return found._replace(token_place=-1)
        return found


def authorize(access: Access, action: Action, *, needs_place: bool = True) -> None:
    """Allow, or raise: `Unauthenticated`, `PlaceNotFound`, `Forbidden`, `InsufficientScope`, `SwitchedOff`."""
    actor = access.actor
    if action is Action.OPEN:
        return
    _check_granted(access, action)
    if actor.kind == "deploy" and not access.native:
        raise Unauthenticated()
    if action in (Action.SIGN_IN, Action.ADMIN):
        if actor.anonymous:
            raise Unauthenticated()
        _check_user_scope(access, action)
        if action is Action.ADMIN and not actor.admin:
            raise Forbidden()
        return
    if not needs_place:
        if not access.switched_on and action in PACKAGE_ACTIONS:
            raise SwitchedOff()
        check_scope(access, action)
        return
    place = access.place
    if place is None or not can_see(access, place, action):
        raise _hidden(access)
    if action in PACKAGE_ACTIONS and (not access.switched_on or (place.kind == "project" and access.level == "disabled")):
        raise SwitchedOff(OFF.get(access.area))
    check_scope(access, action)
    if not _may(access, place, action):
        raise _refusal(access)
    if place.archived and action in (Action.PUBLISH, Action.DELETE):
        raise Forbidden("Forbidden - The project is archived: it can only be read")


def can_see(access: Access, place: Place, action: Action = Action.SEE) -> bool:
    """Whether the actor may know that the place exists."""
    actor = access.actor
    if actor.admin or access.role > Role.NONE:
        return True
    if place.visibility == Visibility.PUBLIC:
        return True
    if place.visibility == Visibility.INTERNAL and actor.user_id is not None and not actor.external:
        return True
    if actor.kind == "deploy" and access.reaches:
        return True
    return action is Action.READ and place.kind == "project" and access.level == "public"


def may(access: Access, action: Action) -> bool:
    """Whether `authorize` would allow it."""
    try:
        authorize(access, action)
    except (Unauthenticated, PlaceNotFound, Forbidden):
        return False
    return True


def _may(access: Access, place: Place, action: Action) -> bool:
    actor = access.actor
    if actor.admin or action is Action.SEE:
        return True
    if actor.kind == "deploy" and access.reaches:
        return action in PACKAGE_ACTIONS  # the scope has said which
    if action is Action.READ and _open_to_read(access, place):
        return True
    if action is Action.READ and access.guest_reads and access.level != "private":
        return access.role >= Role.GUEST
    if action is Action.READ and place.kind != "project":
        return True  # a group that is visible: its lists hold what is readable
    return access.role >= LEAST_ROLE[action]


def _open_to_read(access: Access, place: Place) -> bool:
    actor = access.actor
    if access.level == "public":
        return True
    if access.level != "enabled":
        return False
    if place.visibility == Visibility.PUBLIC:
        return True
    return place.visibility == Visibility.INTERNAL and actor.user_id is not None and not actor.external


def check_scope(access: Access, action: Action) -> None:
    """The token may be used for this at all, whatever its user may. Raises `InsufficientScope`."""
    actor = access.actor
    if actor.anonymous or actor.kind in ("session", "password"):
        return
    if actor.kind == "deploy":
        wanted = DEPLOY_SCOPE[access.area].get(action, ())
        if access.reaches and not actor.scopes.intersection(wanted):
            raise InsufficientScope(scope=" ".join(wanted))
        return
    _check_user_scope(access, action)


def _check_user_scope(access: Access, action: Action) -> None:
    actor = access.actor
    if actor.kind in ("session", "password"):
        return
    if (actor.kind == "job" or EXCHANGED in actor.scopes) and action in CLOSED_TO_BUILDS:
        raise Forbidden()
    if EXCHANGED in actor.scopes and action is Action.SIGN_IN and not access.native and access.method not in READ_METHODS:
        raise Forbidden()
    if actor.kind == "job":
        return
    if "api" in actor.scopes or (access.native and actor.scopes.intersection(USER_SCOPE[access.area].get(action, ()))):
        return
    # a client's protocol may read by POST; REST reads by GET, and lets a token speak of itself
    reading = access.method in READ_METHODS or action is Action.SIGN_IN or (access.native and action in (Action.READ, Action.SEE))
    if reading and action not in (Action.PUBLISH, Action.DELETE) and "read_api" in actor.scopes:
        return
    if action is Action.SIGN_IN and access.method in READ_METHODS and "read_user" in actor.scopes:
        return
    raise InsufficientScope(scope="api" if not reading else "api read_api")


def _check_granted(access: Access, action: Action) -> None:
    wanted = GRANT.get(action)
    if access.granted is not None and wanted is not None and not access.granted.intersection((wanted, "*")):
        raise Unauthenticated("The registry token does not grant this: ask for one with the scope of the challenge", error="insufficient_scope")


def _hidden(access: Access) -> Exception:
    actor = access.actor
    if actor.anonymous and access.native:
        return Unauthenticated()
    if actor.kind == "job":
        return Forbidden()
    return PlaceNotFound()


def _refusal(access: Access) -> Exception:
    if access.actor.anonymous and (access.native or access.method not in READ_METHODS):
        return Unauthenticated() if access.native else Forbidden()
    return Forbidden()
