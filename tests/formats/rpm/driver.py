"""How a client of RPM packages publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import re
from collections.abc import Iterator

from driving import FormatDriver
from sqlalchemy import Connection

from packhouse.model import ANONYMOUS
from packhouse.packages.shelves import add_missing, make_keys
from packhouse.upstream.secrets import SecretBox

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "rpm"

    @staticmethod
    def furnish(connection: Connection, box: SecretBox, place: int) -> None:
        """The repository of a new project or group is open."""
        add_missing(connection, place, "rpm", ".", make_keys(box, "rpm"), ANONYMOUS)

    @staticmethod
    def linked(path: str, body: bytes) -> Iterator[str]:
        """The lists that a repomd.xml names."""
        if path.endswith("/repomd.xml"):
            for href in re.findall(rb'<location href="repodata/([^"]+)"', body):
                yield f"{path.rpartition('/')[0]}/{href.decode()}"

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", f"{self.base(project_id)}/{sample.filename}", sample.content)

    def listing(self, project_id: int | str, name: str) -> bytes:
        """The list that a package of this name is on."""
        return self.ask("GET", f"{self.base(project_id)}/repodata/primary.xml")

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self._package(project_id, sample)}/{sample.filename}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", self._package(project_id, sample))

    def _package(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/package/{sample.name}/{sample.version}/{sample.architecture}"
