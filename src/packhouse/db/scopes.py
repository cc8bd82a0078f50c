"""Who and where in one statement: credential, user, place, role. And which projects of a group somebody may read."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, literal_column, or_, select, true, union_all
from sqlalchemy import Integer as SqlInteger
from sqlalchemy.sql import FromClause

from packhouse.db.engine import Hot
from packhouse.db.tables import Id, Time, generation, job_ally, lineage, member, open_project, place, setting, token, user
from packhouse.model import Actor, Role, Visibility


class AccessRow(NamedTuple):
    """The answer of the one statement; each part may be missing."""

    token_id: int | None
    token_kind: str | None
    token_scopes: str | None
    token_expires: int | None
    token_revoked: int | None
    token_username: str | None
    token_place: int | None
    token_last_used: int | None
    user_id: int | None
    username: str | None
    user_name: str | None
    user_admin: bool | None
    user_external: bool | None
    user_state: str | None
    place_id: int | None
    place_kind: str | None
    place_path: str | None
    place_full_path: str | None
    place_name: str | None
    place_visibility: int | None
    place_parent: int | None
    place_packages: str | None
    place_archived: bool | None
    role: int | None
    token_reaches: int | None
    switch: str | None
    place_containers: str | None


def _access(place_match: ColumnElement[bool], token_match: ColumnElement[bool]) -> Hot:
    base: FromClause = select(literal_column("1").label("one")).subquery("base")
    role = (
        select(func.max(member.c.level))
        .select_from(lineage.join(member, member.c.place_id == lineage.c.ancestor_id))
        .where(
            lineage.c.place_id == place.c.id,
            member.c.user_id == user.c.id,
            or_(member.c.expires.is_(None), member.c.expires > bindparam("now", type_=Time)),
        )
        .correlate(place, user)
        .scalar_subquery()
    )
    reaches = (
        select(literal_column("1"))
        .where(lineage.c.place_id == place.c.id, lineage.c.ancestor_id == token.c.place_id)
        .correlate(place, token)
        .scalar_subquery()
    )
    switch = select(setting.c.value).where(setting.c.name == literal_column("'packages_enabled'")).scalar_subquery()
    statement: Select[Any] = select(
        token.c.id,
        token.c.kind,
        token.c.scopes,
        token.c.expires,
        token.c.revoked,
        token.c.username,
        token.c.place_id,
        token.c.last_used,
        user.c.id,
        user.c.username,
        user.c.name,
        user.c.admin,
        user.c.external,
        user.c.state,
        place.c.id,
        place.c.kind,
        place.c.path,
        place.c.full_path,
        place.c.name,
        place.c.visibility,
        place.c.parent_id,
        place.c.packages_access,
        place.c.archived,
        role,
        reaches,
        switch,
        place.c.containers_access,
    ).select_from(
        base.outerjoin(token, token_match)
        .outerjoin(user, user.c.id == func.coalesce(token.c.user_id, bindparam("user_id", type_=Id)))
        .outerjoin(place, and_(place_match, place.c.deleted.is_(None)))
    )
    return Hot(statement)


_BY_HASH = token.c.hash == bindparam("hash", type_=token.c.hash.type)
ACCESS_BY_ID = _access(place.c.id == bindparam("place", type_=Id), _BY_HASH)
ACCESS_BY_PATH = _access(place.c.path_key == bindparam("place", type_=place.c.path_key.type), _BY_HASH)
ACCESS_OF_TOKEN = _access(place.c.id == bindparam("place", type_=Id), token.c.id == bindparam("token", type_=Id))
ACCESS_OF_TOKEN_BY_PATH = _access(place.c.path_key == bindparam("place", type_=place.c.path_key.type), token.c.id == bindparam("token", type_=Id))

MOST_CANDIDATES = 20


@cache
def deepest(count: int) -> Hot:
    """The id of the project with the longest of so many paths (`p0`, `p1`...): images mostly lie a few folders deep."""
    candidates = [bindparam(f"p{number}", type_=place.c.path_key.type) for number in range(count)]
    return Hot(
        select(place.c.id)
        .where(place.c.path_key.in_(candidates), place.c.kind == literal_column("'project'"), place.c.deleted.is_(None))
        .order_by(func.length(place.c.path_key).desc())
        .limit(literal_column("1"))
    )


# -- which projects of a scope somebody may read --------------------------------------------------------------------


class Reader(NamedTuple):
    """The parts of an actor that decide what is readable, as parameters of `readable`."""

    uid: int = -1
    internal: bool = False
    admin: bool = False
    token_place: int = -1
    least: int = Role.REPORTER
    now: int = 0
    job_project: int = -1  # a job token reads there, where it is let in, and what is public

    @classmethod
    def of(cls, actor: Actor, now: int, guest_reads: bool = False) -> Reader:
        return cls(
            uid=-1 if actor.user_id is None else actor.user_id,
            internal=actor.user_id is not None and not actor.external,
            admin=actor.admin,
            token_place=actor.token_place if actor.kind == "deploy" and actor.token_place is not None else -1,
            least=Role.GUEST if guest_reads else Role.REPORTER,
            now=now,
            job_project=actor.token_place if actor.kind == "job" and actor.token_place is not None else -1,
        )

    def params(self) -> dict[str, Any]:
        return {f"r_{name}": value for name, value in self._asdict().items()}


def _bound(name: str, kind: Any) -> Any:
    return bindparam(f"r_{name}", type_=kind)


def readable(level: Any = place.c.packages_access) -> ColumnElement[bool]:
    """`place` is a project whose packages (or by `level` images) the reader (parameters `r_*`) may list and fetch on group and instance routes."""
    ancestors = lineage.alias("ra")
    held = exists(
        select(literal_column("1"))
        .select_from(ancestors.join(member, member.c.place_id == ancestors.c.ancestor_id))
        .where(
            ancestors.c.place_id == place.c.id,
            member.c.user_id == _bound("uid", Id),
            member.c.level >= _bound("least", SqlInteger),
            or_(member.c.level >= literal_column(str(int(Role.REPORTER))), level != literal_column("'private'")),  # guests read no members' packages
            or_(member.c.expires.is_(None), member.c.expires > _bound("now", Time)),
        )
        .correlate(place)
    )
    reached = exists(
        select(literal_column("1"))
        .where(ancestors.c.place_id == place.c.id, ancestors.c.ancestor_id == _bound("token_place", Id))
        .select_from(ancestors)
        .correlate(place)
    )
    admin = _bound("admin", user.c.admin.type)
    internal = _bound("internal", user.c.admin.type)
    open_to_all = and_(
        level.in_((literal_column("'enabled'"), literal_column("'public'"))),
        or_(
            place.c.visibility == literal_column(str(int(Visibility.PUBLIC))),
            and_(place.c.visibility == literal_column(str(int(Visibility.INTERNAL))), internal == true()),
        ),
    )
    return and_(
        place.c.kind == literal_column("'project'"),
        place.c.deleted.is_(None),
        level != literal_column("'disabled'"),
        or_(admin == true(), open_to_all, held, reached),
        _lets_in(level),
    )


def _lets_in(level: Any) -> ColumnElement[bool]:
    """`place` takes the reader, who may be a job of another project (core API 9.1)."""
    source = _bound("job_project", Id)
    line = lineage.alias("job_line")
    listed = exists(
        select(literal_column("1"))
        .select_from(job_ally.join(line, line.c.ancestor_id == job_ally.c.ally_id))
        .where(job_ally.c.project_id == place.c.id, line.c.place_id == source)
        .correlate(place)
    )
    opened = exists(select(literal_column("1")).select_from(open_project).where(open_project.c.project_id == place.c.id).correlate(place))
    public = and_(place.c.visibility == literal_column(str(int(Visibility.PUBLIC))), level != literal_column("'private'"))
    return or_(source == literal_column("-1"), source == place.c.id, public, listed, opened)


def within(ancestor: ColumnElement[Any]) -> ColumnElement[bool]:
    """`place` lies in the group, at any depth."""
    inside = lineage.alias("inside")
    return exists(
        select(literal_column("1")).where(inside.c.place_id == place.c.id, inside.c.ancestor_id == ancestor).select_from(inside).correlate(place)
    )


MOVES = "place"  # the format of the generations of a project's path, whose root is ""
_ASKED = and_(generation.c.format == bindparam("format"), generation.c.root == bindparam("root"))
_MOVED = and_(generation.c.format == literal_column(f"'{MOVES}'"), generation.c.root == literal_column("''"))

# only of these is a move of interest: else every read would go through all moves of the instance
_held = generation.alias("held")
_HOLDERS = select(_held.c.project_id).where(_held.c.format == bindparam("format"), _held.c.root == bindparam("root"))


def _generations(*conditions: ColumnElement[bool], at: bool, moves: bool = False) -> Hot:
    joined = generation.join(place, place.c.id == generation.c.project_id)
    statement = (
        select(generation.c.project_id, func.max(generation.c.number), func.max(generation.c.moved_at))
        .select_from(joined)
        .where(or_(_ASKED, and_(_MOVED, generation.c.project_id.in_(_HOLDERS))) if moves else _ASKED, *conditions)
        .group_by(generation.c.project_id, generation.c.format)
        .order_by(generation.c.project_id, generation.c.format)
    )
    if at:
        statement = statement.where(generation.c.moved_at <= bindparam("at", type_=Time))
    return Hot(statement)


_GROUP = (within(bindparam("group", type_=Id)), readable())
GROUP_GENERATIONS = _generations(*_GROUP, at=False)
GROUP_GENERATIONS_AT = _generations(*_GROUP, at=True)
GROUP_GENERATIONS_AND_MOVES = _generations(*_GROUP, at=False, moves=True)
INSTANCE_GENERATIONS = _generations(readable(), at=False)
INSTANCE_GENERATIONS_AT = _generations(readable(), at=True)
INSTANCE_GENERATIONS_AND_MOVES = _generations(readable(), at=False, moves=True)


def _newest(wanted: ColumnElement[bool]) -> Select[Any]:
    return (
        select(generation.c.number, generation.c.moved_at)
        .where(generation.c.project_id == bindparam("project", type_=Id), wanted)
        .order_by(generation.c.number.desc())
        .limit(literal_column("1"))
    )


GENERATION = Hot(_newest(_ASKED))
GENERATION_AT = Hot(_newest(_ASKED).where(generation.c.moved_at <= bindparam("at", type_=Time)))
GENERATION_AND_MOVES = Hot(union_all(select(_newest(_ASKED).subquery()), select(_newest(_MOVED).subquery())))
