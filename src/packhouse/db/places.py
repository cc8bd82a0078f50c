"""Projects, groups and users' namespaces; their settings and protection rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy import Integer as SqlInteger

from packhouse.db.engine import Hot
from packhouse.db.scopes import Reader
from packhouse.db.tables import Id, Time, lineage, member, option, place, place_alias, protection, setting, version
from packhouse.model import Instant, Place, Struct, Visibility

_COLUMNS = (
    place.c.id,
    place.c.kind,
    place.c.parent_id,
    place.c.path,
    place.c.full_path,
    place.c.name,
    place.c.description,
    place.c.visibility,
    place.c.packages_access,
    place.c.containers_access,
    place.c.archived,
    place.c.creator_id,
    place.c.created,
)


def _row(r: Any) -> Place:
    return Place(
        id=r[0],
        kind=r[1],
        parent_id=r[2],
        path=r[3],
        full_path=r[4],
        name=r[5],
        description=r[6],
        visibility=Visibility(r[7]),
        packages_access=r[8],
        containers_access=r[9],
        archived=bool(r[10]),
        creator_id=r[11],
        created=r[12],
    )


class Root(NamedTuple):
    id: int
    full_path: str
    settings: str
    own: str  # the settings of the place itself


class Protection(NamedTuple):
    id: int
    pattern: str
    format: str
    push_level: int | None
    delete_level: int | None


def get_place(connection: Connection, id_: int) -> Place | None:
    row = connection.execute(select(*_COLUMNS).where(place.c.id == id_, place.c.deleted.is_(None))).first()
    return None if row is None else _row(row)


def find_place(connection: Connection, path: str) -> Place | None:
    row = connection.execute(select(*_COLUMNS).where(place.c.path_key == path.lower(), place.c.deleted.is_(None))).first()
    return None if row is None else _row(row)


ALIAS = Hot(
    select(place_alias.c.place_id)
    .join(place, place.c.id == place_alias.c.place_id)
    .where(place_alias.c.path_key == bindparam("path", type_=place_alias.c.path_key.type), place.c.deleted.is_(None))
)


def find_alias(connection: Connection, path: str) -> int | None:
    """The id that an old path leads to."""
    found: int | None = ALIAS.value(connection, path=path.lower())
    return found


def path_taken(connection: Connection, path: str) -> bool:
    """Somebody has this path, or had it: a deleted or renamed place keeps its name (threats, T28)."""
    key = path.lower()
    held = select(place.c.id).where(place.c.path_key == key)
    old = select(place_alias.c.place_id).where(place_alias.c.path_key == key)
    return connection.execute(held).first() is not None or connection.execute(old).first() is not None


_OWN = place.alias("own")
_ROOT_OF = Hot(
    select(place.c.id, place.c.full_path, place.c.settings, _OWN.c.settings)
    .join(lineage, lineage.c.ancestor_id == place.c.id)
    .join(_OWN, _OWN.c.id == lineage.c.place_id)
    .where(lineage.c.place_id == bindparam("place", type_=Id))
    .order_by(lineage.c.depth.desc())
    .limit(literal_column("1"))
)
_SETTINGS_OF = Hot(select(place.c.settings).where(place.c.id == bindparam("place", type_=Id)))


def root_of(connection: Connection, id_: int) -> Root:
    """The place at the top of this one's line."""
    row = _ROOT_OF.row(connection, place=id_)
    assert row is not None
    return Root(*row)


def settings_of(connection: Connection, id_: int) -> str:
    """The JSON of a place's own settings."""
    return str(_SETTINGS_OF.value(connection, place=id_))


def ancestors_of(connection: Connection, id_: int) -> list[Place]:
    """The line of a place from the top, itself last."""
    rows = connection.execute(
        select(*_COLUMNS).join(lineage, lineage.c.ancestor_id == place.c.id).where(lineage.c.place_id == id_).order_by(lineage.c.depth.desc())
    )
    return [_row(r) for r in rows]


def add_place(
    connection: Connection,
    *,
    kind: str,
    path: str,
    name: str,
    parent: Place | None,
    visibility: int,
    description: str,
    creator_id: int | None,
    at: Instant,
    packages_access: str = "enabled",
    containers_access: str = "enabled",
    settings: str = "{}",
) -> int:
    """A project or group below `parent`, with its line of ancestors. Raises IntegrityError where the path is taken."""
    full_path = f"{parent.full_path}/{path}" if parent is not None else path
    place_id = int(
        connection.execute(
            insert(place)
            .values(
                kind=kind,
                parent_id=None if parent is None else parent.id,
                path=path,
                full_path=full_path,
                path_key=full_path.lower(),
                name=name,
                description=description,
                visibility=visibility,
                packages_access=packages_access,
                containers_access=containers_access,
                archived=False,
                settings=settings,
                creator_id=creator_id,
                created=at,
            )
            .returning(place.c.id)
        ).scalar_one()
    )
    connection.execute(insert(lineage).values(place_id=place_id, ancestor_id=place_id, depth=0))
    if parent is not None:
        _attach(connection, place_id, parent.id)
    return place_id


def _attach(connection: Connection, place_id: int, parent_id: int) -> None:
    below = connection.execute(select(lineage.c.place_id, lineage.c.depth).where(lineage.c.ancestor_id == place_id)).all()
    above = connection.execute(select(lineage.c.ancestor_id, lineage.c.depth).where(lineage.c.place_id == parent_id)).all()
    rows = [{"place_id": b.place_id, "ancestor_id": a.ancestor_id, "depth": b.depth + a.depth + 1} for b in below for a in above]
    connection.execute(insert(lineage), rows)


def update_place(connection: Connection, id_: int, **values: Any) -> None:
    connection.execute(update(place).where(place.c.id == id_).values(**values))


def move_place(connection: Connection, id_: int, new_path: str, parent: Place | None) -> None:
    """Rename or transfer: everything below gets its new path, old paths lead to the new ones and stay reserved."""
    current = get_place(connection, id_)
    assert current is not None
    full_path = f"{parent.full_path}/{new_path}" if parent is not None else new_path
    if (None if parent is None else parent.id) != current.parent_id:
        inside = select(lineage.c.place_id).where(lineage.c.ancestor_id == id_)
        outside = select(lineage.c.ancestor_id).where(lineage.c.place_id == id_, lineage.c.ancestor_id != id_)
        connection.execute(delete(lineage).where(lineage.c.place_id.in_(inside), lineage.c.ancestor_id.in_(outside)))
        if parent is not None:
            _attach(connection, id_, parent.id)
    for row in connection.execute(
        select(place.c.id, place.c.full_path).join(lineage, lineage.c.place_id == place.c.id).where(lineage.c.ancestor_id == id_)
    ):
        moved = full_path + row.full_path[len(current.full_path) :]
        connection.execute(delete(place_alias).where(place_alias.c.path_key == moved.lower(), place_alias.c.place_id == row.id))
        if moved.lower() != row.full_path.lower():
            connection.execute(delete(place_alias).where(place_alias.c.path_key == row.full_path.lower()))  # a longer gone place had it too
            connection.execute(insert(place_alias).values(path_key=row.full_path.lower(), place_id=row.id))
        connection.execute(update(place).where(place.c.id == row.id).values(full_path=moved, path_key=moved.lower()))
    connection.execute(update(place).where(place.c.id == id_).values(path=new_path, parent_id=None if parent is None else parent.id))


def delete_place(connection: Connection, id_: int, at: Instant) -> None:
    """The place and everything below it are gone; their paths stay reserved, their versions end now."""
    below = select(lineage.c.place_id).where(lineage.c.ancestor_id == id_)
    connection.execute(update(version).where(version.c.project_id.in_(below), version.c.deleted.is_(None)).values(deleted=at))
    connection.execute(update(place).where(place.c.id.in_(below), place.c.deleted.is_(None)).values(deleted=at))


def is_below(connection: Connection, id_: int, ancestor: int) -> bool:
    """A place lies below another, or is it."""
    return connection.execute(select(lineage.c.depth).where(lineage.c.place_id == id_, lineage.c.ancestor_id == ancestor)).first() is not None


def most_visible_below(connection: Connection, id_: int) -> int:
    """The highest visibility of anything below a group; -1 where there is nothing."""
    found = connection.scalar(
        select(func.max(place.c.visibility))
        .join(lineage, lineage.c.place_id == place.c.id)
        .where(lineage.c.ancestor_id == id_, place.c.id != id_, place.c.deleted.is_(None))
    )
    return -1 if found is None else int(found)


# -- lists ----------------------------------------------------------------------------------------------------------


def _member_now() -> tuple[ColumnElement[bool], ...]:
    """`member` is one of the reader's, and has not ended."""
    return member.c.user_id == bindparam("r_uid", type_=Id), or_(member.c.expires.is_(None), member.c.expires > bindparam("r_now", type_=Time))


def _seen() -> ColumnElement[bool]:
    """`place` is one that the reader (parameters `r_*`) may know of."""
    line = lineage.alias("line")
    held = exists(
        select(literal_column("1"))
        .select_from(line.join(member, member.c.place_id == line.c.ancestor_id))
        .where(line.c.place_id == place.c.id, *_member_now())
        .correlate(place)
    )
    below, under = lineage.alias("below"), place.alias("under")
    inside = exists(
        select(literal_column("1"))
        .select_from(below.join(member, member.c.place_id == below.c.place_id))
        .join(under, under.c.id == below.c.place_id)
        .where(below.c.ancestor_id == place.c.id, under.c.deleted.is_(None), *_member_now())
        .correlate(place)
    )
    internal = bindparam("r_internal", type_=place.c.archived.type)
    return or_(
        bindparam("r_admin", type_=place.c.archived.type) == true(),
        place.c.visibility == int(Visibility.PUBLIC),
        and_(place.c.visibility == int(Visibility.INTERNAL), internal == true()),
        held,
        inside,
    )


class PlaceQuery(Struct):
    """A list of projects or groups (core API 7.1, 7.2)."""

    kind: str
    reader: Reader
    search: str | None = None
    parent: int | None = None
    below: int | None = None
    top_level: bool = False
    archived: bool | None = None
    visibility: int | None = None
    min_level: int | None = None  # only places where the reader holds this role
    order_by: str = "id"
    descending: bool = True
    after: int | None = None
    after_name: tuple[str, int] | None = None  # a keyset page by name starts behind this name and id
    offset: int = 0
    limit: int = 20


def list_places(connection: Connection, query: PlaceQuery) -> tuple[list[Place], int]:
    """A page of what the reader may know of, and how many there are."""
    conditions: list[ColumnElement[bool]] = [place.c.kind == query.kind, place.c.deleted.is_(None), _seen()]
    if query.search:
        needle = query.search.lower()
        conditions.append(or_(func.lower(place.c.name).contains(needle, autoescape=True), place.c.path_key.contains(needle, autoescape=True)))
    if query.parent is not None:
        conditions.append(place.c.parent_id == query.parent)
    if query.below is not None:
        inside = lineage.alias("inside")
        conditions += [
            exists(select(inside.c.place_id).where(inside.c.place_id == place.c.id, inside.c.ancestor_id == query.below)),
            place.c.id != query.below,
        ]
    if query.top_level:
        conditions.append(place.c.parent_id.is_(None))
    if query.visibility is not None:
        conditions.append(place.c.visibility == query.visibility)
    if query.archived is not None:
        conditions.append(place.c.archived == query.archived)
    if query.min_level is not None:
        conditions.append(_holds(query.min_level))
    params = query.reader.params()
    total = connection.execute(select(func.count()).select_from(place).where(*conditions), params).scalar_one()
    if query.after is not None:
        conditions.append(place.c.id < query.after if query.descending else place.c.id > query.after)
    if query.after_name is not None:
        here, there = tuple_(func.lower(place.c.name), place.c.id), tuple_(literal(query.after_name[0]), literal(query.after_name[1]))
        conditions.append(here < there if query.descending else here > there)
    columns = {"id": place.c.id, "name": func.lower(place.c.name), "path": place.c.path_key, "created_at": place.c.created}
    column: Any = columns.get(query.order_by, place.c.id)
    order = (column.desc(), place.c.id.desc()) if query.descending else (column.asc(), place.c.id.asc())
    rows = connection.execute(select(*_COLUMNS).where(*conditions).order_by(*order).offset(query.offset).limit(query.limit), params)
    return [_row(r) for r in rows], total


def _holds(level: int) -> ColumnElement[bool]:
    line = lineage.alias("mine")
    return exists(
        select(literal_column("1"))
        .select_from(line.join(member, member.c.place_id == line.c.ancestor_id))
        .where(
            line.c.place_id == place.c.id,
            member.c.user_id == bindparam("r_uid", type_=Id),
            member.c.level >= bindparam("min_level", level, type_=SqlInteger),
            or_(member.c.expires.is_(None), member.c.expires > bindparam("r_now", type_=Time)),
        )
        .correlate(place)
    )


def _holds_below() -> Hot:
    below = lineage.join(place, place.c.id == lineage.c.place_id)
    # a sum uses no index: the search begins at what the reader holds, not at what the group does
    here = (lineage.c.ancestor_id + literal_column("0") == bindparam("group", type_=Id), place.c.deleted.is_(None))
    one: Any = literal_column("1")
    held = exists(select(one).select_from(below.join(member, member.c.place_id == lineage.c.place_id)).where(*here, *_member_now()))
    given = exists(select(one).select_from(below).where(*here, lineage.c.place_id == bindparam("r_token_place", type_=Id)))
    return Hot(select(or_(held, given)))


HOLDS_BELOW = _holds_below()
"""Whether the reader (parameters `r_*`) is a member of anything below this group, or holds a deploy token of it.

Nothing else below can be readable where the group is not: it is no more visible. So it is not looked at, and costs the same for any group.
"""


# -- protection rules, options --------------------------------------------------------------------------------------

_PROTECTION = (protection.c.id, protection.c.pattern, protection.c.format, protection.c.push_level, protection.c.delete_level)


_PROTECTIONS = Hot(select(*_PROTECTION).where(protection.c.project_id == bindparam("project", type_=Id)).order_by(protection.c.id))


def protections(connection: Connection, project: int, format: str | None = None) -> list[Protection]:
    """The rules of a format, or of every format whose packages are listed."""
    rules = [Protection(*row) for row in _PROTECTIONS.rows(connection, project=project)]
    return [rule for rule in rules if (rule.format != "container" if format is None else rule.format == format)]


def add_protection(connection: Connection, project: int, pattern: str, format: str, push: int | None, delete_: int | None) -> int:
    """Raises IntegrityError for a pattern that is there."""
    values = {"project_id": project, "pattern": pattern, "format": format, "push_level": push, "delete_level": delete_}
    return int(connection.execute(insert(protection).values(**values).returning(protection.c.id)).scalar_one())


def update_protection(connection: Connection, project: int, id_: int, **values: Any) -> bool:
    chosen = (protection.c.id == id_, protection.c.project_id == project)
    return connection.execute(update(protection).where(*chosen).values(**values)).rowcount > 0


def drop_protection(connection: Connection, project: int, id_: int) -> bool:
    return connection.execute(delete(protection).where(protection.c.id == id_, protection.c.project_id == project)).rowcount > 0


def read_options(connection: Connection, project: int, format: str, at: Instant | None) -> str:
    """The JSON of a project's settings for a format at a moment."""
    force = option.c.until.is_(None) if at is None else and_(option.c.since <= at, or_(option.c.until.is_(None), option.c.until > at))
    found = connection.scalar(select(option.c["values"]).where(option.c.project_id == project, option.c.format == format, force))
    return found or "{}"


# -- for the REST API -----------------------------------------------------------------------------------------------


def get_places(connection: Connection, ids: Sequence[int]) -> dict[int, Place]:
    """Those of these places that are there, by id."""
    return {r[0]: _row(r) for r in connection.execute(select(*_COLUMNS).where(place.c.id.in_(ids), place.c.deleted.is_(None)))}


def full_names(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """The names from the top down: `Group / Subgroup / Project`."""
    above = place.alias("above")
    rows = connection.execute(
        select(lineage.c.place_id, above.c.name)
        .join(above, above.c.id == lineage.c.ancestor_id)
        .where(lineage.c.place_id.in_(ids))
        .order_by(lineage.c.place_id, lineage.c.depth.desc())
    )
    names: dict[int, list[str]] = {}
    for place_id, name in rows:
        names.setdefault(place_id, []).append(name)
    return {place_id: " / ".join(line) for place_id, line in names.items()}


def path_free_for(connection: Connection, path: str, id_: int) -> bool:
    """The place may take this path: nobody else has it or had it."""
    key = path.lower()
    held = select(place.c.id).where(place.c.path_key == key, place.c.id != id_)
    old = select(place_alias.c.place_id).where(place_alias.c.path_key == key, place_alias.c.place_id != id_)
    return connection.execute(held).first() is None and connection.execute(old).first() is None


def close_public_pull(connection: Connection) -> None:
    """No project is open to everybody beyond its visibility any more."""
    connection.execute(update(place).where(place.c.packages_access == "public").values(packages_access="enabled"))


def instance_settings(connection: Connection) -> dict[str, str]:
    """The settings of the instance that were changed, as JSON texts by name."""
    return {r.name: r.value for r in connection.execute(select(setting.c.name, setting.c.value))}


def set_instance_setting(connection: Connection, name: str, value: str) -> None:
    if connection.execute(update(setting).where(setting.c.name == name).values(value=value)).rowcount == 0:
        connection.execute(insert(setting).values(name=name, value=value))


def read_setting(connection: Connection, name: str) -> str | None:
    """A setting of the instance."""
    return connection.scalar(select(setting.c.value).where(setting.c.name == name))


def line_settings(connection: Connection, id_: int) -> list[str]:
    """The settings of every place above this one and of itself, from the top."""
    rows = (
        select(place.c.settings).join(lineage, lineage.c.ancestor_id == place.c.id).where(lineage.c.place_id == id_).order_by(lineage.c.depth.desc())
    )
    return list(connection.scalars(rows))
