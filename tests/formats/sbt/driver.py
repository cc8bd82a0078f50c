"""How Ivy publishes, fetches, lists and deletes in its own layout: for the conformance suite. Maven's layout is that format's."""

from __future__ import annotations

import json
from urllib.parse import quote

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "sbt"
    digests = "headers"  # listings have none

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{quote(sample.path)}"

    def removal(self, project_id: int | str, sample: Sample) -> str:
        return self.file_path(project_id, sample)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", self.file_path(project_id, sample), sample.content)

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def listing(self, project_id: int | str, name: str) -> bytes:
        """The folder of the package."""
        return self.ask("GET", f"{self.base(project_id)}/{name.replace('#', '/')}/")

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Delete the version through the REST API, as there is no way for it in the layout."""
        for package in json.loads(self.ask("GET", f"/api/v4/projects/{project_id}/packages?package_type=sbt&package_version={sample.version}")):
            if package["name"] == sample.name:
                self.ask("DELETE", f"/api/v4/projects/{project_id}/packages/{package['id']}")
