"""How a client of Maven repositories publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import json

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "maven"
    digests = "headers"  # metadata has none

    def sample(self, name: str = f"{samples.GROUP}/toy", version: str = "1.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{sample.path}"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", self.file_path(project_id, sample), sample.content)

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def listing(self, project_id: int | str, name: str) -> bytes:
        """The metadata of the artifact."""
        return self.ask("GET", f"{self.base(project_id)}/{name}/maven-metadata.xml")

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Delete the version through the REST API, as there is no way for it in the layout."""
        for package in json.loads(self.ask("GET", f"/api/v4/projects/{project_id}/packages?package_type=maven&package_version={sample.version}")):
            if package["name"] == sample.name:
                self.ask("DELETE", f"/api/v4/projects/{project_id}/packages/{package['id']}")
