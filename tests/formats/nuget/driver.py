"""How a client of NuGet publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "nuget"

    def sample(self, name: str = "Acme.Toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        # The slash at the end is the client's.
        self.ask("PUT", f"{self.base(project_id)}/", *sample.body())

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The file names in the registration of a package."""
        return {urlsplit(item["packageContent"]).path.rpartition("/")[2] for item in self.items(project_id, name)}

    def items(self, project_id: int | str, name: str) -> list[dict[str, Any]]:
        index = json.loads(self.ask("GET", f"{self.base(project_id)}/metadata/{name.lower()}/index.json"))
        return [item for page in index["items"] for item in page["items"]]

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        """The address that clients make up from the flat container."""
        return f"{self.base(project_id)}/download/{sample.name.lower()}/{sample.version.lower()}/{sample.filename}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", f"{self.base(project_id)}/{sample.name}/{sample.version}")
