"""How a client of Debian packages publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import re
from collections.abc import Iterator

from driving import FormatDriver
from sqlalchemy import Connection

from packhouse.model import ANONYMOUS
from packhouse.packages.shelves import NewShelf, add, make_keys
from packhouse.upstream.secrets import SecretBox

from . import samples
from .samples import Sample

CODENAME = "bookworm"
VALUES = {"codename": CODENAME, "suite": None, "components": ["main"], "architectures": ["all", "amd64"]}


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "debian"

    @staticmethod
    def furnish(connection: Connection, box: SecretBox, place: int) -> None:
        """A new project or group has a distribution."""
        add(connection, place, "debian", NewShelf(name=CODENAME, alias="", values=VALUES), make_keys(box, CODENAME), ANONYMOUS)

    @staticmethod
    def linked(path: str, body: bytes) -> Iterator[str]:
        """The lists that a Release names."""
        folder, _, name = path.rpartition("/")
        if name in ("Release", "InRelease"):
            for _, listed in re.findall(r"^ ([0-9a-f]{64}) +\d+ (\S+)$", body.decode(), re.MULTILINE):
                yield f"{folder}/{listed}"

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", f"{self.base(project_id)}/{sample.filename}?distribution={CODENAME}&component=main", sample.content)

    def listing(self, project_id: int | str, name: str) -> bytes:
        """The list that a package of this name is on."""
        return self.ask("GET", f"{self.base(project_id)}/dists/{CODENAME}/main/binary-amd64/Packages")

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/pool/{CODENAME}/{sample.params['letter']}/{sample.name}/{sample.version}/{sample.filename}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", self.file_path(project_id, sample))
