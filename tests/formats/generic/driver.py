"""How a script publishes, fetches, lists and deletes Generic packages: for the conformance suite."""

from __future__ import annotations

import json

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "generic"

    def sample(self, name: str = "toy.pkg", version: str = "1.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{sample.path}"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", self.file_path(project_id, sample), sample.content)

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def listing(self, project_id: int | str, name: str, version: str = "1.0") -> set[str]:
        """The paths of a version's files."""
        return {file["path"] for file in json.loads(self.ask("GET", f"{self.base(project_id)}/{name}/{version}/"))["files"]}

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", self.file_path(project_id, sample))
