"""How a client of Composer publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlsplit

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "composer"
    only_now = r"/packages/composer/p/"
    not_then = rb',"providers-url":.*}}(?=})'

    def sample(self, name: str = "acme/toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", f"{self.base(project_id)}?version={quote(sample.version)}", sample.content)

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The archives that the document of a package offers."""
        return {urlsplit(entry["dist"]["url"]).path.rpartition("/")[2] for entry in self.entries(project_id, name) if "dist" in entry}

    def entries(self, project_id: int | str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ask("GET", f"{self.base(project_id)}/p2/{name}.json"))["packages"][name]
        return found

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/archives/{sample.name}/{sample.filename}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Delete the version through the REST API, as there is no way for it in the format."""
        for package in json.loads(self.ask("GET", f"/api/v4/projects/{project_id}/packages?package_type=composer&package_version={sample.version}")):
            if package["name"] == sample.name:
                self.ask("DELETE", f"/api/v4/projects/{project_id}/packages/{package['id']}")
