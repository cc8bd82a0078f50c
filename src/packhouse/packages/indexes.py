"""The documents of a format's indexes, as one actor sees them in one scope at one moment: out of memory or the store, or made now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.contract import Format, Index
from packhouse.db import rows as rows_db
from packhouse.db import shelves
from packhouse.db.engine import Hot, this_second
from packhouse.db.scopes import (
    GENERATION,
    GENERATION_AND_MOVES,
    GENERATION_AT,
    GROUP_GENERATIONS,
    GROUP_GENERATIONS_AND_MOVES,
    GROUP_GENERATIONS_AT,
    INSTANCE_GENERATIONS,
    INSTANCE_GENERATIONS_AND_MOVES,
    INSTANCE_GENERATIONS_AT,
)
from packhouse.errors import FileNotFound, OutOfSpace, PackageNotFound, ShelfNotFound, Unavailable
from packhouse.model import Documents, Instant, Moment, Rows, Shelf, replace
from packhouse.packages import stored
from packhouse.packages.documents import RENDERER, Finished, finish
from packhouse.packages.house import House
from packhouse.packages.shelves import shelf_root, signer_of
from packhouse.responses import Document

Generations = tuple[tuple[int, int, Instant], ...]
"""(project, number, moved at) of every project that counts."""


class Indexes:
    """Answers `documents` and `document` of the contract; a set is made once, whoever asks, and signed ones are stored."""

    __slots__ = ("_access", "_at", "_format", "_house", "_level", "_moment", "_place")

    def __init__(self, house: House, format: Format, access: Access, *, level: str, place: int | None, moment: Moment, at: Instant | None) -> None:
        self._house = house
        self._format = format
        self._access = access
        self._level = level  # project, group, instance
        self._place = place  # project or group id; None: the instance
        self._moment = moment
        self._at = at

    async def documents(self, index: str, key: str = "") -> Mapping[str, Document]:
        made = self._format.indexes[index]
        shelf, generations = await self.find_shelf(key) if made.set_up else (None, await self._generations(self._root(made, key), made.names_places))
        if not generations and made.over != "all":
            raise PackageNotFound()
        name = key if shelf is None else shelf.name
        cache_key = self._cache_key(index, name, generations)
        found = self._house.cache.get(cache_key)
        if found is None:
            found = await self._house.cache.build(cache_key, lambda: self._make(index, name, generations, shelf))
        if not found:
            raise PackageNotFound()
        return found

    async def document(self, index: str, key: str, sha256: str) -> Document:
        definition = self._format.indexes[index]
        try:
            for current in (await self.documents(index, key)).values():
                if sha256.startswith(current.etag):
                    return current
        except PackageNotFound:
            pass  # emptied since
        if self._at is None:
            shelf, generations = await self.find_shelf(key) if definition.set_up else (None, await self._generations(self._root(definition, key)))
            key = key if shelf is None else shelf.name
            projects = [project for project, _, _ in generations]
            found = await stored.load_document(self._house, self._series(index, key), sha256, projects)
            if found is not None:
                return finish({"": found[0]}, found[1], definition.vary)[""]
        raise FileNotFound()

    async def find_shelf(self, name: str) -> tuple[Shelf, Generations]:
        """A shelf that is set up here; the generations of its files, and beside them its own: what is set for it moves its documents too.

        Raises `ShelfNotFound`.
        """
        place = self._place or 0
        params: dict[str, Any] = {"place": place, "format": self._format.name, "name": name}
        hot = shelves.BY_NAME if self._at is None else shelves.BY_NAME_AT
        row = await self._house.database.point(hot, params if self._at is None else {**params, "at": self._at})
        if row is None:
            raise ShelfNotFound()
        found = shelves.read_shelf(row)
        if self._level == "project":
            of_files: Generations = () if row[-1] is None else ((place, row[-2], row[-1]),)
        else:
            of_files = await self._generations(shelf_root(found.name))
        return found, (*of_files, (place, found.state, found.since))

    def _root(self, definition: Index, key: str) -> str:
        return key if definition.over == "package" else shelf_root(key) if definition.over == "shelf" else ""

    def _cache_key(self, index: str, key: str, generations: Generations) -> tuple[Any, ...]:
        return (RENDERER, self._format.name, index, key, self._moment.here, generations)

    def _series(self, index: str, key: str) -> str:
        return stored.digest_key((self._format.name, index, key, self._level, self._place))

    def _generation_read(self, root: str, moves: bool = False) -> tuple[Hot, dict[str, Any]]:
        """The read that answers the generation of this root, and now those of their paths, in every project that this actor may read here."""
        at = self._at
        params: dict[str, Any] = {"format": self._format.name, "root": root}
        if at is not None:
            params["at"] = at
        if self._level == "project":
            params["project"] = self._place
            return (GENERATION_AT if at is not None else GENERATION_AND_MOVES if moves else GENERATION), params
        params |= self._access.reader(this_second()).params()
        if self._place is None:
            return (INSTANCE_GENERATIONS_AT if at is not None else INSTANCE_GENERATIONS_AND_MOVES if moves else INSTANCE_GENERATIONS), params
        params["group"] = self._place
        return (GROUP_GENERATIONS_AT if at is not None else GROUP_GENERATIONS_AND_MOVES if moves else GROUP_GENERATIONS), params

    async def _generations(self, root: str, moves: bool = False) -> Generations:
        hot, params = self._generation_read(root, moves)
        if self._level != "project":
            return tuple((r[0], r[1], r[2]) for r in await self._house.database.points(hot, params))
        place = self._place
        assert place is not None
        if moves:
            return tuple((place, r[0], r[1]) for r in await self._house.database.points(hot, params))
        row = await self._house.database.point(hot, params)
        return () if row is None else ((place, row[0], row[1]),)

    async def _make(self, index: str, key: str, wanted: Generations, shelf: Shelf | None) -> tuple[tuple[Any, ...], Finished]:
        definition = self._format.indexes[index]
        root = self._root(definition, key)
        signed = definition.sign is not None and (shelf is not None or self._house.signers is not None)
        keeping = signed and self._at is None  # an earlier moment is signed anew: whoever asks for moments must not fill the store
        wanted_key = self._cache_key(index, key, wanted)
        if keeping and (kept := await stored.load_set(self._house, wanted_key)) is not None:
            return wanted_key, await self._finish(definition, kept, wanted)
        read = self._generation_read(root, definition.names_places)
        snapshot = await self._house.database.read(_read_snapshot, self._format, definition, key, root, read, self._place, self._at)
        generations = snapshot.generations if shelf is None else (*snapshot.generations, wanted[-1])
        reads: dict[str, Documents] = {}
        for (other, part), rows in snapshot.reads.items():
            reads[f"{other}/{part}"] = await self._write(self._format.indexes[other], rows, {}, generations)
        made = await self._write(definition, snapshot.rows, reads, generations, shelf)
        for other, part in snapshot.reads:
            self._house.cache.put(
                self._cache_key(other, part, generations), await self._finish(self._format.indexes[other], reads[f"{other}/{part}"], generations)
            )
        if keeping and made:
            sets = [self._made(index, key, generations, made)]
            sets += [self._made(other, part, generations, reads[f"{other}/{part}"]) for other, part in snapshot.reads]
            made = await self._keep(sets)
        return self._cache_key(index, key, generations), await self._finish(definition, made, generations)

    async def _write(
        self, definition: Index, rows: Rows, reads: Mapping[str, Documents], generations: Generations, shelf: Shelf | None = None
    ) -> Documents:
        moment = self._moment_of(generations)
        if shelf is not None:
            moment = replace(moment, options=msgspec.json.decode(shelf.values))
        made = await asyncio.to_thread(definition.write, rows, reads, moment)
        if definition.sign is not None and made:
            signer = await signer_of(self._house, shelf) if shelf is not None else self._house.signers and self._house.signers(self._place)
            if signer is not None:
                made = await asyncio.to_thread(definition.sign, made, signer)
        return made

    async def _finish(self, definition: Index, made: Documents, generations: Generations) -> Finished:
        return await asyncio.to_thread(finish, made, self._moment_of(generations).at, definition.vary)

    def _made(self, index: str, key: str, generations: Generations, made: Documents) -> stored.MadeSet:
        projects = tuple(project for project, _, _ in generations)
        return stored.MadeSet(key=self._cache_key(index, key, generations), series=self._series(index, key), projects=projects, documents=made)

    async def _keep(self, sets: Sequence[stored.MadeSet]) -> Documents:
        """The first of these sets as it is stored: by this process, or by another one that was first."""
        try:
            await stored.keep_sets(self._house, sets)
        except (OutOfSpace, Unavailable):
            return sets[0].documents  # readers are served all the same
        return await stored.load_set(self._house, sets[0].key) or sets[0].documents

    def _moment_of(self, generations: Generations) -> Moment:
        at = max((moved for _, _, moved in generations), default=0)
        m = self._moment
        return Moment(at=at, api=m.api, format=m.format, as_of=m.as_of, level=m.level, place=m.place, options=m.options)


class Snapshot(NamedTuple):
    """Generations, the rows of an index, and the rows of each set that it digests, as one transaction saw them."""

    generations: Generations
    rows: Rows
    reads: Mapping[tuple[str, str], Rows]


def _read_snapshot(
    connection: Connection,
    format: Format,
    definition: Index,
    key: str,
    root: str,
    read: tuple[Hot, dict[str, Any]],
    place: int | None,
    at: Instant | None,
) -> Snapshot:
    hot, params = read
    found = connection.execute(hot.statement, params).all()
    # a project's own generation comes without the project
    generations: Generations = tuple((place or 0, *r) if len(r) == 2 else (r[0], r[1], r[2]) for r in found)
    projects = [project for project, _, _ in generations]
    shelves = rows_db.read_shelves(connection, projects, format.name, root.removeprefix("/"), at) if definition.reads else []
    reads = {
        (other, shelf): _read_rows(connection, format.indexes[other], format.name, projects, shelf, at)
        for other in definition.reads
        for shelf in shelves
    }
    return Snapshot(generations, _read_rows(connection, definition, format.name, projects, key, at), reads)


def _read_rows(connection: Connection, definition: Index, format: str, projects: list[int], key: str, at: Instant | None) -> Rows:
    if definition.over == "package":
        return Rows(packages=rows_db.read_rows(connection, projects, format, name_key=key, at=at, needs=definition.needs))
    if definition.over == "shelf":
        return Rows(packages=rows_db.read_rows(connection, projects, format, shelf=key, at=at, needs=definition.needs))
    return Rows(packages=rows_db.read_rows(connection, projects, format, at=at, needs=definition.needs))
