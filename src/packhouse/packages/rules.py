"""What a project and its groups say about changing a name: protection, duplicates, names that stay taken (core API 6, 11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.contract import Format
from packhouse.db import containers, places
from packhouse.errors import InsufficientScope, Protected
from packhouse.grammar.patterns import matches_exact_glob, matches_glob, matches_inside, matches_whole
from packhouse.model import Action, Actor, Role
from packhouse.packages.publish import Rules

DUPLICATE_FORMATS = ("maven", "generic", "nuget", "terraform_module")


def read_rules(
    connection: Connection, access: Access, format: Format, name: str, key: str, version: str, action: Action, tags: Sequence[str] = ()
) -> Rules:
    """The rules in force for this name. Raises `Protected` where one of them forbids the action to this actor."""
    assert access.place is not None
    check_bounds(access.actor, format.name, {name, key})
    if _protects(_forbidden(connection, access, format.name, action), format, {name, key}):
        raise Protected()
    fixed = _check_tag_rules(connection, access, format.name, key, version, action, tags)
    root = places.root_of(connection, access.place.id)
    settings = msgspec.json.decode(root.settings, type=dict[str, Any])
    own = msgspec.json.decode(root.own, type=dict[str, Any])
    return Rules(
        duplicates=_duplicates(settings, format.name, name, version),
        keep_deleted_names=bool(own.get("keep_deleted_names", False)),
        root=root.id,
        root_path=root.full_path,
        fixed_tags=fixed,
    )


def check_tags(connection: Connection, access: Access, format: str, key: str, action: Action, tags: Sequence[str]) -> None:
    """Whether this actor may do this to these tags alone. Raises `Protected`, `InsufficientScope`."""
    check_bounds(access.actor, format, {key})
    _check_tag_rules(connection, access, format, key, "", action, tags)


def _check_tag_rules(
    connection: Connection, access: Access, format: str, key: str, version: str, action: Action, tags: Sequence[str]
) -> tuple[str, ...]:
    """The patterns of tags that never move. To delete a version, or all, is to delete its tags. Raises `Protected`."""
    assert access.place is not None
    found = containers.tag_rules(connection, access.place.id, format)
    if found and action is Action.DELETE and not tags:
        tags = containers.tags_of(connection, access.place.id, format, key, (version,) if version else ())
    for rule in found:
        level = rule.push_level if action is Action.PUBLISH else rule.delete_level
        for tag in tags:
            if not matches_inside(rule.pattern, tag):
                continue
            if rule.immutable and action is Action.DELETE:
                raise Protected(f"Tag {tag} is immutable: nobody can remove it while the rule {rule.pattern!r} stands")
            if level is not None and not _holds(access, level):
                raise Protected(f"Tag {tag} is protected: the rule {rule.pattern!r} wants a higher role")
    return tuple(rule.pattern for rule in found if rule.immutable)


def _holds(access: Access, level: int) -> bool:
    return access.actor.admin or (access.actor.kind != "deploy" and access.role >= level and level < Role.ADMIN)


def _duplicates(settings: dict[str, Any], format: str, name: str, version: str) -> bool:
    if format not in DUPLICATE_FORMATS:
        return False
    allowed = bool(settings.get(f"{format}_duplicates_allowed", False))
    pattern = settings.get(f"{format}_duplicate_exception_regex") or ""
    # the exception inverts the switch, for a name or for a version that it matches whole
    if pattern and any(matches_whole(pattern, text) for text in (name, version)):
        return not allowed
    return allowed


def is_open(connection: Connection, place: int, setting: str) -> bool:
    """Whether the group at the top of this place's line has a setting on."""
    settings = msgspec.json.decode(places.root_of(connection, place).settings, type=dict[str, Any])
    return bool(setting) and settings.get(setting) is True


def bounds_of(format: str, key: str) -> tuple[str, ...]:
    """The scopes of a token that is for this format and this package alone; "" is any."""
    return tuple(f"{word}:{quote(value, safe='')}" for word, value in (("format", format), ("package", key)) if value)


def bounds_in(actor: Actor) -> tuple[str, ...]:
    """Those of this actor's token."""
    return tuple(sorted(scope for scope in actor.scopes if scope.startswith(("format:", "package:"))))


def check_bounds(actor: Actor, format: str, names: set[str]) -> None:
    """A token that came from elsewhere may be for one format or package. Raises `InsufficientScope`."""
    for word, allowed in (("format", {format}), ("package", names)):
        held = {scope for scope in actor.scopes if scope.startswith(f"{word}:")}
        if held and not held & {f"{word}:{quote(value, safe='')}" for value in allowed}:
            raise InsufficientScope(f"This token is for {' '.join(sorted(held))} only", scope=" ".join(sorted(held)))


def refuse_tags(connection: Connection, access: Access, formats: Sequence[Format], address: str, tags: Sequence[str]) -> Mapping[str, str]:
    """A tag that makes a version is a publish of it: of these tags, those that a rule forbids this actor, with the reason."""
    refused: dict[str, str] = {}
    for format in formats:
        published = {tag: set(format.named_by_tag(address, tag)) for tag in tags} if format.named_by_tag is not None else {}
        if not any(published.values()):
            continue
        forbidden = _forbidden(connection, access, format.name, Action.PUBLISH)
        for tag, names in published.items():
            if _protects(forbidden, format, names):
                refused[tag] = Protected.default
    return refused


def _protects(patterns: Iterable[str], format: Format, names: Collection[str]) -> bool:
    """Whether one of these patterns means one of these names, however either is spelled."""
    fold = format.coordinates.fold
    for pattern in patterns:
        if any(matches_glob(pattern, name) for name in names):
            return True
        if fold is not None and any(matches_exact_glob(fold(pattern), fold(name)) for name in names):
            return True
    return False


def _forbidden(connection: Connection, access: Access, format: str, action: Action) -> list[str]:
    """The patterns of names that rules keep from this actor."""
    assert access.place is not None
    found = []
    for rule in places.protections(connection, access.place.id, format):
        level = rule.push_level if action is Action.PUBLISH else rule.delete_level
        if level is not None and not _holds(access, level):
            found.append(rule.pattern)
    return found
