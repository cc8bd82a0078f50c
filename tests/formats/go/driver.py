"""How a script publishes, fetches, lists and deletes module zips: for the conformance suite."""

from __future__ import annotations

from driving import FormatDriver

from packhouse.formats.go.names import encode

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "go"
    digests = "headers"
    only_now = r"/sumdb/"

    def sample(self, name: str = "example.test/toys/lib", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{encode(sample.name)}/@v/{sample.filename}"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", self.file_path(project_id, sample), sample.content)

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The versions that are listed."""
        return set(self.ask("GET", f"{self.base(project_id)}/{encode(name)}/@v/list").decode().split())

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", self.file_path(project_id, sample))
