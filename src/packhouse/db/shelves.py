"""What is set for the shelves of a project or group: names, settings and keys. Settings are intervals: nothing of them is overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, literal_column, or_, select, update

from packhouse.db.engine import Hot, Row
from packhouse.db.intervals import in_force, visible
from packhouse.db.tables import Id, Time, generation, place, shelf, shelf_state
from packhouse.model import Instant, Shelf

_COLUMNS = (shelf.c.id, shelf.c.name, shelf_state.c.id, shelf_state.c.alias, shelf_state.c["values"], shelf_state.c.since, shelf.c.public_key)


def _find(at: Instant | None, *more: ColumnElement[Any]) -> Any:
    joined = shelf.join(shelf_state, shelf_state.c.shelf_id == shelf.c.id)
    return select(*_COLUMNS, *more).select_from(joined).where(visible(shelf, at), in_force(shelf_state, at))


def _by_name(at: Any) -> Hot:
    """A shelf by its name or its alias, and the generation of a project's own files on it."""
    name = bindparam("name", type_=shelf.c.name.type)
    wanted = (
        generation.c.project_id == bindparam("place", type_=Id),
        generation.c.format == bindparam("format", type_=shelf.c.format.type),
        generation.c.root == literal_column("'/'").op("||")(shelf.c.name),
        *(() if at is None else (generation.c.moved_at <= at,)),
    )
    number = select(func.max(generation.c.number)).where(*wanted).scalar_subquery()
    moved = select(func.max(generation.c.moved_at)).where(*wanted).scalar_subquery()
    return Hot(
        _find(at, number, moved)
        .where(
            shelf.c.place_id == bindparam("place", type_=Id),
            shelf.c.format == bindparam("format", type_=shelf.c.format.type),
            or_(shelf.c.name == name, shelf_state.c.alias == name),
        )
        .order_by((shelf.c.name == name).desc())
        .limit(literal_column("1"))
    )


BY_NAME = _by_name(None)
BY_NAME_AT = _by_name(bindparam("at", type_=Time))


def read_shelf(row: Row) -> Shelf:
    """A shelf from the columns that the statements of this module begin with."""
    id_, name, state, alias, values, since, public_key = row[:7]
    return Shelf(id=id_, name=name, state=state, alias=alias or "", values=values, since=since, public_key=public_key)


def list_shelves(connection: Connection, place_id: int, format: str) -> list[Shelf]:
    """Those of a project or group, by name."""
    chosen = _find(None).where(shelf.c.place_id == place_id, shelf.c.format == format).order_by(shelf.c.name)
    return [read_shelf(row) for row in connection.execute(chosen)]


def find_shelf(connection: Connection, place_id: int, format: str, name: str) -> Shelf | None:
    """By its name alone."""
    row = connection.execute(_find(None).where(shelf.c.place_id == place_id, shelf.c.format == format, shelf.c.name == name)).first()
    return None if row is None else read_shelf(row)


def secret_of(connection: Connection, shelf_id: int) -> str:
    """The sealed key that its indexes are signed with."""
    return str(connection.execute(select(shelf.c.secret_key).where(shelf.c.id == shelf_id)).scalar_one())


def add_shelf(connection: Connection, place_id: int, format: str, name: str, keys: tuple[str, str], at: Instant) -> int:
    """Its row, without a state; `keys` are the public one and the sealed secret one."""
    values = {"place_id": place_id, "format": format, "name": name, "public_key": keys[0], "secret_key": keys[1], "created": at}
    return int(connection.execute(insert(shelf).values(**values).returning(shelf.c.id)).scalar_one())


def set_state(connection: Connection, shelf_id: int, alias: str, values: str, renew_at: Instant | None, at: Instant) -> None:
    """What holds from now on."""
    connection.execute(update(shelf_state).where(shelf_state.c.shelf_id == shelf_id, in_force(shelf_state, None)).values(until=at))
    row = {"shelf_id": shelf_id, "alias": alias or None, "values": values, "renew_at": renew_at, "since": at}
    connection.execute(insert(shelf_state).values(**row))


def delete_shelf(connection: Connection, shelf_id: int, at: Instant) -> None:
    """Gone from now on; earlier moments still see it."""
    connection.execute(update(shelf_state).where(shelf_state.c.shelf_id == shelf_id, in_force(shelf_state, None)).values(until=at))
    connection.execute(update(shelf).where(shelf.c.id == shelf_id).values(deleted=at))


def due_shelves(connection: Connection, at: Instant) -> Sequence[tuple[int, str, str]]:
    """(place, format, name) of those whose signature runs out soon."""
    rows = connection.execute(
        select(shelf.c.place_id, shelf.c.format, shelf.c.name)
        .join(shelf_state, shelf_state.c.shelf_id == shelf.c.id)
        .join(place, place.c.id == shelf.c.place_id)
        .where(visible(shelf, None), in_force(shelf_state, None), shelf_state.c.renew_at <= at, place.c.deleted.is_(None))
        .order_by(shelf_state.c.renew_at)
        .limit(100)
    )
    return [(row[0], row[1], row[2]) for row in rows]
