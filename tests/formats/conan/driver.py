"""How a client of Conan publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import json

from driving import FormatDriver

from . import samples
from .samples import CHANNEL, OWNER, RREV, Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "conan"

    def sample(self, name: str = "toy", version: str = "1.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def revision_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/v2/conans/{sample.name}/{sample.version}/{OWNER}/{CHANNEL}/revisions/{RREV}"

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.revision_path(project_id, sample)}/files/conanmanifest.txt"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        """The file with which a recipe revision is complete."""
        self.ask("PUT", self.file_path(project_id, sample), sample.content)

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The references of a project."""
        return set(json.loads(self.ask("GET", f"{self.base(project_id)}/v2/conans/search"))["results"])

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Remove the revision, as Conan 2 does."""
        self.ask("DELETE", self.revision_path(project_id, sample))
