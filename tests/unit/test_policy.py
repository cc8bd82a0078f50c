"""The table of permissions, compared with one written here by hand (threats, section 7; core API 2.2 and 10)."""

from __future__ import annotations

import itertools

import pytest

from packhouse.auth.policy import Access, authorize, may
from packhouse.errors import Forbidden, InsufficientScope, PlaceNotFound, SwitchedOff, Unauthenticated
from packhouse.model import ANONYMOUS, Action, Actor, Place, Role, Visibility

PUBLIC, INTERNAL, PRIVATE = Visibility.PUBLIC, Visibility.INTERNAL, Visibility.PRIVATE
OK = "ok"
WORDS = {"401": Unauthenticated, "404": PlaceNotFound, "403": Forbidden, "scope": InsufficientScope, "off": SwitchedOff}


def project(visibility: Visibility = PRIVATE, access: str = "enabled", *, kind: str = "project", archived: bool = False) -> Place:
    return Place(id=1, kind=kind, path="p", full_path="g/p", name="p", visibility=visibility, packages_access=access, archived=archived)


def person(*scopes: str, kind: str = "personal", admin: bool = False, external: bool = False) -> Actor:
    return Actor(kind=kind, user_id=7, username="u", admin=admin, external=external, token_id=1, scopes=frozenset(scopes or ("api",)))


def deploy(*scopes: str) -> Actor:
    return Actor(kind="deploy", username="d", token_id=2, token_place=1, scopes=frozenset(scopes))


def outcome(access: Access, action: Action, *, needs_place: bool = True) -> str:
    """The word for what `authorize` says."""
    try:
        authorize(access, action, needs_place=needs_place)
    except Exception as error:
        return next(word for word, kind in WORDS.items() if type(error) is kind)
    return OK


# Over REST: see, read, publish, delete, manage, own — on a public | internal | private project.
REST = {
    "anonymous": "ok ok 403 403 403 403 | 404 404 404 404 404 404 | 404 404 404 404 404 404",
    "stranger": "ok ok 403 403 403 403 | ok ok 403 403 403 403 | 404 404 404 404 404 404",
    "external": "ok ok 403 403 403 403 | 404 404 404 404 404 404 | 404 404 404 404 404 404",
    "guest": "ok ok 403 403 403 403 | ok ok 403 403 403 403 | ok 403 403 403 403 403",
    "reporter": "ok ok 403 403 403 403 | ok ok 403 403 403 403 | ok ok 403 403 403 403",
    "developer": "ok ok ok 403 403 403 | ok ok ok 403 403 403 | ok ok ok 403 403 403",
    "maintainer": "ok ok ok ok ok 403 | ok ok ok ok ok 403 | ok ok ok ok ok 403",
    "owner": "ok ok ok ok ok ok | ok ok ok ok ok ok | ok ok ok ok ok ok",
    "administrator": "ok ok ok ok ok ok | ok ok ok ok ok ok | ok ok ok ok ok ok",
    "deploy": "401 401 401 401 401 401 | 401 401 401 401 401 401 | 401 401 401 401 401 401",
    "foreign job": "ok ok 403 403 403 403 | ok ok 403 403 403 403 | 403 403 403 403 403 403",
}
ACTIONS = (Action.SEE, Action.READ, Action.PUBLISH, Action.DELETE, Action.MANAGE, Action.OWN)
ROLES = {"guest": Role.GUEST, "reporter": Role.REPORTER, "developer": Role.DEVELOPER, "maintainer": Role.MAINTAINER, "owner": Role.OWNER}


def actor_of(who: str) -> Actor:
    if who == "anonymous":
        return ANONYMOUS
    if who == "deploy":
        return deploy("read_package_registry", "write_package_registry", "delete_package_registry")
    if who == "foreign job":
        return person(kind="job")
    return person(admin=who == "administrator", external=who == "external")


@pytest.mark.parametrize("who", REST)
def test_rest(who: str) -> None:
    """A REST route could answer more, or less, than the contract says."""
    for visibility, cells in zip((PUBLIC, INTERNAL, PRIVATE), REST[who].split("|"), strict=True):
        for action, wanted in zip(ACTIONS, cells.split(), strict=True):
            for method in ("GET", "POST") if action not in (Action.SEE, Action.READ) else ("GET",):
                access = Access(
                    actor=actor_of(who),
                    place=project(visibility),
                    role=ROLES.get(who, Role.NONE),
                    reaches=who == "deploy",
                    native=False,
                    method=method,
                )
                # a caller without a credential is told to sign in only where signing in is part of the protocol
                assert outcome(access, action) == wanted, (who, visibility, action, method)


@pytest.mark.parametrize(("scopes", "method", "action", "wanted"), [
    (("api",), "GET", Action.READ, OK), (("api",), "POST", Action.PUBLISH, OK), (("read_api",), "GET", Action.READ, OK),
    (("read_api",), "POST", Action.PUBLISH, "scope"), (("read_api",), "DELETE", Action.DELETE, "scope"), (("read_api",), "GET", Action.MANAGE, OK),
    (("read_api",), "PUT", Action.MANAGE, "scope"), (("read_user",), "GET", Action.READ, "scope"), (("read_user",), "GET", Action.SIGN_IN, OK),
    (("read_user",), "POST", Action.SIGN_IN, "scope"), ((), "GET", Action.READ, "scope"),
    (("read_registry", "write_registry"), "GET", Action.READ, "scope"),
    (("read_registry",), "GET", Action.SEE, "scope"),
])  # fmt: skip
def test_scopes_of_a_person(scopes: tuple[str, ...], method: str, action: Action, wanted: str) -> None:
    """A token could do what its scopes do not say."""
    actor = Actor(kind="personal", user_id=7, username="u", token_id=1, scopes=frozenset(scopes))
    for native in (True, False):
        assert outcome(Access(actor=actor, place=project(), role=Role.OWNER, method=method, native=native), action) == wanted


@pytest.mark.parametrize("native", [True, False])
def test_scope_never_widens_a_role(native: bool) -> None:
    """A strong token could make up for a weak role, or an administrator's token work without its scope."""
    for role, action in itertools.product((Role.NONE, Role.GUEST, Role.REPORTER, Role.DEVELOPER, Role.MAINTAINER), (Action.PUBLISH, Action.DELETE)):
        least = {Action.PUBLISH: Role.DEVELOPER, Action.DELETE: Role.MAINTAINER}[action]
        access = Access(actor=person("api", "sudo", "admin_mode"), place=project(PUBLIC), role=role, native=native, method="POST")
        assert (outcome(access, action) == OK) is (role >= least)
    weak = person("read_user", admin=True)
    assert outcome(Access(actor=weak, place=project(), native=native), Action.READ) == "scope"


def test_administration() -> None:
    """Somebody else than an administrator could change the instance."""
    assert outcome(Access(actor=ANONYMOUS), Action.ADMIN) == "401"
    assert outcome(Access(actor=person()), Action.ADMIN) == "403"
    assert outcome(Access(actor=person(admin=True)), Action.ADMIN) == OK
    assert outcome(Access(actor=person("read_api", admin=True), method="POST"), Action.ADMIN) == "scope"
    assert outcome(Access(actor=person("read_api", admin=True), method="GET"), Action.ADMIN) == OK
    assert outcome(Access(actor=person(kind="job", admin=True)), Action.ADMIN) == "403"
    assert outcome(Access(actor=ANONYMOUS), Action.SIGN_IN) == "401"
    assert outcome(Access(actor=ANONYMOUS), Action.OPEN) == OK


def test_switches() -> None:
    """A switch could be overlooked, or tell a stranger that something is there."""
    member = Access(actor=person(), place=project(), role=Role.OWNER, switched_on=False)
    for action in (Action.READ, Action.PUBLISH, Action.DELETE):
        assert outcome(member, action) == "off"
    assert outcome(member, Action.MANAGE) == OK, "who manages can switch it on again"
    stranger = Access(actor=person(), place=project(), switched_on=False)
    assert outcome(stranger, Action.READ) == "404"
    disabled = Access(actor=person(), place=project(access="disabled"), role=Role.OWNER)
    assert outcome(disabled, Action.READ) == "off"
    assert outcome(Access(actor=ANONYMOUS, switched_on=False), Action.READ, needs_place=False) == "off"


def test_access_levels() -> None:
    """Packages for members only could be read by others, or packages for everybody only by members."""
    for visibility in (PUBLIC, INTERNAL, PRIVATE):
        for role, wanted in ((Role.NONE, "404" if visibility is PRIVATE else "403"), (Role.GUEST, "403"), (Role.REPORTER, OK)):
            assert outcome(Access(actor=person(), place=project(visibility, "private"), role=role), Action.READ) == wanted
        assert outcome(Access(actor=ANONYMOUS, place=project(visibility, "public")), Action.READ) == OK
    # open packages do not open the project
    assert outcome(Access(actor=ANONYMOUS, place=project(PRIVATE, "public"), native=False), Action.SEE) == "404"
    assert outcome(Access(actor=ANONYMOUS, place=project(PRIVATE, "public"), native=False), Action.PUBLISH) == "404"


def test_guests_may_read_where_the_setting_says_so() -> None:
    """The setting for guests could do nothing, or open what only members may read."""
    access = Access(actor=person(), place=project(), role=Role.GUEST, guest_reads=True)
    assert outcome(access, Action.READ) == OK
    assert outcome(Access(actor=person(), place=project(), role=Role.NONE, guest_reads=True), Action.READ) == "404"
    assert outcome(Access(actor=person(), place=project(access="private"), role=Role.GUEST, guest_reads=True), Action.READ) == "403"
    assert outcome(Access(actor=person(), place=project(), role=Role.GUEST, guest_reads=True), Action.PUBLISH) == "403"


def test_archived() -> None:
    """An archived project could be changed, even by its owner, or not be read."""
    archived = project(archived=True)
    for role, action, wanted in (
        (Role.OWNER, Action.PUBLISH, "403"), (Role.OWNER, Action.DELETE, "403"), (Role.REPORTER, Action.READ, OK), (Role.OWNER, Action.MANAGE, OK),
    ):  # fmt: skip
        assert outcome(Access(actor=person(), place=archived, role=role), action) == wanted


def test_groups() -> None:
    """A private group could be listed by strangers, or a public one ask for a role."""
    for visibility, wanted in ((PUBLIC, OK), (INTERNAL, OK), (PRIVATE, "404")):
        assert outcome(Access(actor=person(), place=project(visibility, kind="group")), Action.READ) == wanted
    assert outcome(Access(actor=ANONYMOUS, place=project(PRIVATE, kind="group")), Action.READ) == "401"
    assert outcome(Access(actor=person(), place=project(PRIVATE, kind="group"), role=Role.GUEST), Action.READ) == OK


@pytest.mark.parametrize("area", ["packages", "containers"])
def test_areas_do_not_mix(area: str) -> None:
    """A deploy token for packages could move containers, or the other way round; or either could delete containers."""
    scopes = {
        "packages": ("read_package_registry", "write_package_registry", "delete_package_registry"),
        "containers": ("read_registry", "write_registry"),
    }
    for kind, held in scopes.items():
        for action in (Action.READ, Action.PUBLISH, Action.DELETE):
            access = Access(actor=deploy(*held), place=project(), reaches=True, area=area)
            allowed = kind == area and not (area == "containers" and action is Action.DELETE)
            assert (outcome(access, action) == OK) is allowed, (kind, area, action)


def test_may_agrees() -> None:
    """The question and the check could answer differently."""
    for role, action in itertools.product(Role, ACTIONS):
        access = Access(actor=person(), place=project(), role=role)
        assert may(access, action) is (outcome(access, action) == OK)
    assert not may(Access(actor=person(), place=project(), role=Role.OWNER, switched_on=False), Action.READ)
