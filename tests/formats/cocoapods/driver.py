"""How a client of pods publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "cocoapods"

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", f"{self.base(project_id)}/pods/{sample.name}/{sample.version}", sample.content)

    def listing(self, project_id: int | str, name: str) -> bytes:
        """The shard of the pod, where its versions are."""
        return self.ask("GET", f"{self.base(project_id)}/{samples.Sample(name, '', b'').list}")

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/pods/{sample.name}/{sample.version}/{sample.filename}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", f"{self.base(project_id)}/pods/{sample.name}/{sample.version}")
