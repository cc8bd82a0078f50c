"""Settings of the instance and of top groups, and what this instance is (core API section 11)."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from packhouse import __version__
from packhouse.api.call import Call, begin, route_of, writing
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.places import get_live, read_settings, write_settings
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, places
from packhouse.errors import Invalid, InvalidParameter
from packhouse.grammar.patterns import compile_pattern
from packhouse.model import Actor
from packhouse.packages.rules import DUPLICATE_FORMATS
from packhouse.responses import json_reply

SPOKEN = "18.9.0"  # the version of GitLab whose API this is

FORWARDED = ("npm", "pypi", "maven")
INSTANCE: dict[str, Any] = {
    "packages_enabled": True,
    "package_registry_allow_anyone_to_pull_option": True,
    "package_registry_cleanup_policies_worker_capacity": 2,
    "packages_cleanup_package_file_worker_capacity": 2,
    **{f"{name}_package_requests_forwarding": False for name in FORWARDED},
    **{f"lock_{name}_package_requests_forwarding": False for name in FORWARDED},
    "container_registry_token_expire_delay": 5,
    "container_registry_expiration_policies_worker_capacity": 4,
    "container_registry_delete_tags_service_timeout": 250,
    "container_registry_cleanup_tags_service_max_list_size": 200,
    "container_registry_expiration_policies_caching": True,
}
LARGEST_NUMBER = 1_000_000
LONGEST_REGEX = 255


# -- the instance ----------------------------------------------------------------------------------------------------


async def get_instance(call: Call) -> Answer:
    """Every setting of the instance."""
    return json_reply(await call.house.database.read(_instance))


def _instance(connection: Connection) -> dict[str, Any]:
    stored = {name: msgspec.json.decode(value) for name, value in places.instance_settings(connection).items() if name in INSTANCE}
    return {"id": 1, **INSTANCE, **stored}


async def update_instance(call: Call) -> Answer:
    """The settings with what was sent."""
    parameters = await read_parameters(call)
    values: dict[str, Any] = {}
    for name, usual in INSTANCE.items():
        value: bool | int | None
        if isinstance(usual, bool):
            value = parameters.flag(name)
        else:
            value = parameters.integer(name)
            if value is not None and not 0 <= value <= LARGEST_NUMBER:
                raise InvalidParameter(f"{name} does not have a valid value: 0 to {LARGEST_NUMBER}", parameter=name)
        if value is not None:
            values[name] = value
    return json_reply(await call.house.database.write(_update_instance, values, call.actor))


def _update_instance(connection: Connection, values: dict[str, Any], actor: Actor) -> dict[str, Any]:
    at = begin(connection)
    for name, value in values.items():
        places.set_instance_setting(connection, name, msgspec.json.encode(value).decode())
    if values.get("package_registry_allow_anyone_to_pull_option") is False:
        places.close_public_pull(connection)
    if values:
        changes.add_event(connection, at, "settings_update", actor, detail=values)
    return _instance(connection)


async def get_limits(call: Call) -> Answer:
    """The largest file of every format, in bytes."""
    read_query(call).choice("plan_name", ("default", "free", "premium", "ultimate"))
    house = call.house
    return json_reply({f"{name}_max_file_size": house.file_limit(format_) for name, format_ in sorted(house.formats.items())})


# -- a top group -----------------------------------------------------------------------------------------------------


def group_settings() -> dict[str, Any]:
    """Every package setting of a group, at its default."""
    settings: dict[str, Any] = {}
    for name in DUPLICATE_FORMATS:
        settings |= {f"{name}_duplicates_allowed": False, f"{name}_duplicate_exception_regex": ""}
    settings["nuget_symbol_server_enabled"] = False
    for name in FORWARDED:
        settings |= {f"{name}_package_requests_forwarding": None, f"lock_{name}_package_requests_forwarding": False}
    return settings


GROUP = group_settings()


async def get_package_settings(call: Call) -> Answer:
    """The package settings in force in a group: those of the group at its top."""
    return json_reply(await call.house.database.read(_package_settings, call.place.id))


def _package_settings(connection: Connection, group: int) -> dict[str, Any]:
    stored = read_settings(connection, places.root_of(connection, group).id)
    shown = {name: stored.get(name, usual) for name, usual in GROUP.items()}
    locked = {name: value for name, value in _instance(connection).items() if name.startswith("lock_")}
    return shown | {f"{name}_package_requests_forwarding_locked": bool(locked[f"lock_{name}_package_requests_forwarding"]) for name in FORWARDED}


async def update_package_settings(call: Call) -> Answer:
    """The package settings of a top group with what was sent."""
    values = read_package_settings(await read_parameters(call))
    if call.place.parent_id is not None:
        top = await call.house.database.read(places.root_of, call.place.id)
        raise Invalid(f"Package settings belong to the group at the top: set them in {top.full_path!r}")
    return json_reply(await call.house.database.write(_update_package_settings, call.place.id, values, call.actor))


def read_package_settings(parameters: Parameters) -> dict[str, Any]:
    """What is sent of a group's package settings. Raises `InvalidParameter`."""
    values: dict[str, Any] = {}
    for name in GROUP:
        if name not in parameters:
            continue
        if not name.endswith("_regex"):
            nullable = name.endswith("_package_requests_forwarding") and not name.startswith("lock_")
            values[name] = None if nullable and parameters.text(name) in (None, "") else parameters.flag(name)
            continue
        pattern = parameters.text(name, LONGEST_REGEX) or ""
        try:
            compile_pattern(pattern)
        except Invalid as error:
            raise InvalidParameter(f"{name} is invalid: {error.message}", parameter=name) from error
        values[name] = pattern
    return values


def _update_package_settings(connection: Connection, group: int, values: dict[str, Any], actor: Actor) -> dict[str, Any]:
    at = begin(connection, group)
    get_live(connection, group)
    write_settings(connection, group, values)
    if values:
        changes.add_event(connection, at, "package_settings_update", actor, project=group, detail=values)
    return _package_settings(connection, group)


# -- what this is ----------------------------------------------------------------------------------------------------


async def get_version(call: Call) -> Answer:
    """The version of the API, and of the program."""
    return json_reply({"version": SPOKEN, "revision": f"packhouse-{__version__}"})


async def get_metadata(call: Call) -> Answer:
    """The same, as newer clients ask for it."""
    kas = {"enabled": False, "externalUrl": None, "externalKubernetesProxyUrl": None, "version": None}
    return json_reply({"version": SPOKEN, "revision": f"packhouse-{__version__}", "kas": kas, "enterprise": False})


def routes() -> list[Route]:
    def at_root(method: str, tail: str, handler: Any, action: Action) -> Route:
        return Route(method=method, path=f"api/v4/{tail}", handler=handler, action=action, reach=ROOT)

    def of_group(method: str, handler: Any) -> Route:
        return route_of("group", method, "/-/package_settings", handler, Action.OWN)

    return [
        at_root("GET", "version", get_version, Action.SIGN_IN),
        at_root("GET", "metadata", get_metadata, Action.SIGN_IN),
        at_root("GET", "application/settings", get_instance, Action.ADMIN),
        at_root("PUT", "application/settings", writing(update_instance), Action.ADMIN),
        at_root("GET", "application/plan_limits", get_limits, Action.ADMIN),
        of_group("GET", get_package_settings),
        of_group("PUT", writing(update_package_settings)),
    ]
