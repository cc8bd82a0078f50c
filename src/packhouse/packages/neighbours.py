"""What a format looks at before a version comes: published, promoted or restored, in the transaction that adds it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from packhouse.db import neighbours
from packhouse.model import FileRow, VersionRow


class Held:
    """`contract.Neighbours` of one package, on the connection of a change that holds its locks (`changes.begin`)."""

    __slots__ = ("_connection", "_format", "_name_key", "_project")

    def __init__(self, connection: Connection, project: int, format: str, name_key: str) -> None:
        self._connection = connection
        self._project = project
        self._format = format
        self._name_key = name_key

    def versions(self) -> Sequence[VersionRow]:
        return neighbours.list_versions(self._connection, self._project, self._format, self._name_key)

    def files(self, paths: Sequence[str], packages: Sequence[str] = (), *, facts: bool = False) -> Sequence[tuple[VersionRow, FileRow]]:
        return neighbours.find_files(self._connection, self._project, self._format, packages or (self._name_key,), paths, facts=facts)
