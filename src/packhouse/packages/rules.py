"""What a project and its groups say about changing a name: protection, duplicates, names that stay taken (core API 6, 11)."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Any

import msgspec
from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.db import places
from packhouse.errors import Protected
from packhouse.model import Action, Role
from packhouse.packages.publish import Rules

DUPLICATE_FORMATS = ("maven", "generic", "nuget", "terraform_module")


def read_rules(connection: Connection, access: Access, format: str, name: str, key: str, version: str, action: Action) -> Rules:
    """The rules in force for this name. Raises `Protected` where one of them forbids the action to this actor."""
    assert access.place is not None
    _check_protection(connection, access, format, {name, key}, action)
    root = places.root_of(connection, access.place.id)
    settings = msgspec.json.decode(root.settings, type=dict[str, Any])
    own = msgspec.json.decode(places.settings_of(connection, access.place.id), type=dict[str, Any])
    return Rules(
        duplicates=_duplicates(settings, format, name, version),
        keep_deleted_names=bool(own.get("keep_deleted_names", False)),
        root=root.id,
        root_path=root.full_path,
    )


def _duplicates(settings: dict[str, Any], format: str, name: str, version: str) -> bool:
    if format not in DUPLICATE_FORMATS:
        return False
    allowed = bool(settings.get(f"{format}_duplicates_allowed", False))
    pattern = settings.get(f"{format}_duplicate_exception_regex") or ""
    # the exception inverts the switch, for a name or for a version that it matches whole
    if pattern and any(re.fullmatch(pattern, text) for text in (name, version)):
        return not allowed
    return allowed


def _check_protection(connection: Connection, access: Access, format: str, names: set[str], action: Action) -> None:
    assert access.place is not None
    for rule in places.protections(connection, access.place.id, format):
        level = rule.push_level if action is Action.PUBLISH else rule.delete_level
        if level is None or not any(_matches(rule.pattern, name) for name in names):
            continue
        if access.actor.admin:
            continue
        if access.actor.kind == "deploy" or access.role < level or level >= Role.ADMIN:
            raise Protected()


def _matches(pattern: str, name: str) -> bool:
    """Only `*` is special; the whole name must match, in either case of letters."""
    literal = re.sub(r"([\[\]?])", r"[\1]", pattern)
    return re.match(translate(literal.lower()), name.lower()) is not None
