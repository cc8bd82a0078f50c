"""Removing many tags at once, and on a schedule (container registry contract, sections 4 and 5). Bytes go later, by collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.contract import Format
from packhouse.db import changes, containers, repositories
from packhouse.db.engine import batches, now
from packhouse.db.repositories import Policy, RepositoryRow, TagRow
from packhouse.db.scopes import Reader
from packhouse.errors import Invalid
from packhouse.grammar.patterns import compile_pattern, matches_inside, matches_whole
from packhouse.model import Actor, Instant, Role, Struct, replace
from packhouse.packages import change
from packhouse.packages.house import House
from packhouse.packages.rules import check_bounds

CONTAINER = "container"
KEPT_ALWAYS = "latest"
BATCH = 200
DAY: Instant = 86_400_000_000
SPANS = {"h": DAY // 24, "d": DAY, "w": 7 * DAY, "month": 30 * DAY, "y": 365 * DAY}
CADENCES = {"1d": DAY, "7d": 7 * DAY, "14d": 14 * DAY, "1month": 30 * DAY, "3month": 90 * DAY}
AGES = ("7d", "14d", "30d", "60d", "90d")
KEEPS = (1, 5, 10, 25, 50, 100)
POLICY_BATCH = 1000  # tags of a repository that one run of a policy removes

_SPAN = re.compile(r"(\d{1,6})\s*(h|hours?|d|days?|w|weeks?|months?|y|years?)")


class Choice(Struct):
    """Which tags go: those that match `delete` and not `keep`, older than an age, but not the newest few."""

    delete: str
    keep: str | None = None
    keep_n: int = 0
    older_than: Instant | None = None


def read_span(text: str) -> Instant:
    """`1h`, `2d`, `1month` as microseconds. Raises `Invalid`."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise Invalid(f"older_than is {text[:40]!r}: write a number and a unit, such as 1h, 2d or 1month")
    unit = found[2]
    key = "month" if unit.startswith("month") else unit[0]
    return int(found[1]) * SPANS[key]


def check_choice(choice: Choice) -> None:
    """The expressions can be used. Raises `Invalid`."""
    for pattern in (choice.delete, choice.keep):
        if pattern is not None:
            compile_pattern(pattern)


def choose(tags: Iterable[TagRow], choice: Choice, at: Instant) -> list[TagRow]:
    """The tags that go, newest first. Protection is not looked at."""
    found = [row for row in tags if row.name != KEPT_ALWAYS and matches_whole(choice.delete, row.name)]
    if choice.keep:
        found = [row for row in found if not matches_whole(choice.keep, row.name)]
    dated = sorted((row for row in found if row.made is not None), key=lambda row: (-(row.made or 0), row.name))
    dated = dated[max(0, choice.keep_n) :]
    if choice.older_than is not None:
        dated = [row for row in dated if row.made is not None and row.made < at - choice.older_than]
    return dated


def preview(connection: Connection, access: Access | None, project: int, choice: Choice, packages: Sequence[RepositoryRow]) -> dict[str, list[str]]:
    """Repository → tags that would go now."""
    at = now()
    found = containers.tag_rules(connection, project, CONTAINER)
    shown = {}
    for repository in packages:
        chosen = choose(repositories.read_tags(connection, repository.id), choice, at)
        shown[repository.name] = [row.name for row in chosen if _is_free(found, access, row.name)]
    return shown


def _is_free(found: Iterable[containers.TagRule], access: Access | None, tag: str) -> bool:
    """No rule keeps this tag from whoever asks; a policy (None) acts as a maintainer would."""
    for rule in found:
        if not matches_inside(rule.pattern, tag):
            continue
        if rule.immutable:
            return False
        admin, role = (False, int(Role.MAINTAINER)) if access is None else (access.actor.admin, access.role)
        if rule.delete_level is not None and not admin and (rule.delete_level >= Role.ADMIN or role < rule.delete_level):
            return False
    return True


class Outcome(Struct):
    """What a cleanup did to a repository."""

    removed: tuple[str, ...] = ()
    kept: int = 0


async def clean(house: House, access: Access | None, actor: Actor, repository: RepositoryRow, choice: Choice, most: int | None = None) -> Outcome:
    """Remove the chosen tags of a repository, some in each transaction; a tag that has moved meanwhile stays. Raises `InsufficientScope`."""
    check_bounds(actor, CONTAINER, {repository.name})
    tags = await house.database.read(repositories.read_tags, repository.id)
    found = await house.database.read(containers.tag_rules, repository.project, CONTAINER)
    chosen = [row for row in choose(tags, choice, now()) if _is_free(found, access, row.name)]
    doomed = list(reversed(chosen))[:most]  # the oldest go first
    removed: list[str] = []
    for some in batches(doomed, BATCH):
        removed += await house.database.write(_remove, house.formats[CONTAINER], access, actor, repository, some)
    return Outcome(removed=tuple(removed), kept=len(tags) - len(removed))


def _remove(
    connection: Connection, format: Format, access: Access | None, actor: Actor, repository: RepositoryRow, doomed: Sequence[TagRow]
) -> list[str]:
    key = format.coordinates.name_key(repository.name)
    at = changes.begin(connection, repository.project, format.name, (), locks=[key])
    found = containers.tag_rules(connection, repository.project, format.name)  # again: one may have been made meanwhile
    removed = []
    for row in doomed:
        if _is_free(found, access, row.name) and changes.tagged_version(connection, repository.id, row.name) == row.version_id:
            changes.set_tag(connection, repository.id, row.name, None, at)
            removed.append(row.name)
    if removed:
        detail = {"name": repository.name, "tags": removed}
        changes.add_event(connection, at, "cleanup", actor, project=repository.project, format=format.name, package_id=repository.id, detail=detail)
    return removed


def delete_repository(connection: Connection, format: Format, access: Access, repository: RepositoryRow) -> list[str]:
    """Everything in a repository is gone; the names of the uploads that were open in it. Raises `Protected`."""
    what = change.target(format, repository.project, access.actor, repository.name)
    at = changes.begin(connection, repository.project, format.name, (), locks=[what.name_key])
    changes.delete_package(connection, repository.id, at)
    detail = {"name": repository.name}
    changes.add_event(connection, at, "delete", access.actor, project=repository.project, format=format.name, package_id=repository.id, detail=detail)
    return repositories.drop_loose(connection, repository.id, repository.project, format.name, what.name_key)


# -- on a schedule ---------------------------------------------------------------------------------------------------

POLICY_ACTOR = Actor(kind="policy", name="cleanup policy")


def choice_of(policy: Policy) -> Choice:
    return Choice(
        delete=policy.name_regex,
        keep=policy.name_regex_keep or None,
        keep_n=policy.keep_n or 0,
        older_than=None if policy.older_than is None else read_span(policy.older_than),
    )


async def run_policies(house: House) -> int:
    """Run every policy whose time has come; how many."""
    due = await house.database.read(repositories.due_policies, now())
    for policy in due:
        await run_policy(house, policy)
    return len(due)


async def run_policy(house: House, policy: Policy) -> None:
    """One run over every repository of a project, written down from its beginning."""
    started = now()
    # the next time is set first: what fails is not tried again in a circle
    run = await house.database.write(_begin_run, policy, started)
    found = await house.database.read(_repositories_of, policy.project)
    removed: dict[str, Sequence[str]] = {}
    kept = 0
    for repository in found:
        outcome = await clean(house, None, POLICY_ACTOR, repository, choice_of(policy), POLICY_BATCH)
        kept += outcome.kept
        if outcome.removed:
            removed[repository.name] = outcome.removed
    detail = msgspec.json.encode({"removed": removed}).decode()
    await house.database.write(repositories.end_run, run, now(), sum(map(len, removed.values())), kept, detail)


def _begin_run(connection: Connection, policy: Policy, started: Instant) -> int:
    repositories.put_policy(connection, replace(policy, next_run_at=started + CADENCES.get(policy.cadence, DAY)))
    return repositories.add_run(connection, policy.project, "policy", started)


def _repositories_of(connection: Connection, project: int) -> list[RepositoryRow]:
    return repositories.list_repositories(connection, CONTAINER, project=project, group=None, reader=Reader(), offset=0, limit=100_000)[0]
