"""How a client of conda channels publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

from urllib.parse import quote

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "conda"

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", f"{self.base(project_id)}/{quote(sample.filename)}", sample.content)

    def listing(self, project_id: int | str, name: str) -> bytes:
        """The records of the platform that packages of this suite are for."""
        return self.ask("GET", f"{self.base(project_id)}/noarch/repodata.json")

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{sample.subdir}/{quote(sample.filename)}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", self.file_path(project_id, sample))
