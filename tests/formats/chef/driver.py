"""How a client of cookbooks publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

from driving import FormatDriver, Refused

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "chef"
    digests = "headers"  # the protocol has none

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("POST", f"{self.base(project_id)}/api/v1/cookbooks", samples.form(sample.content), samples.FORM)

    def listing(self, project_id: int | str, name: str) -> bytes:
        return self.ask("GET", f"{self.base(project_id)}/api/v1/cookbooks/{name}")

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/api/v1/cookbooks/{sample.name}/versions/{sample.version}/download"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        try:
            self.ask("DELETE", f"{self.base(project_id)}/api/v1/cookbooks/{sample.name}/versions/{sample.version}")
        except Refused as refused:
            if refused.status != 409:
                raise
            self.ask("DELETE", self.removal(project_id, sample))  # the only version goes with its cookbook

    def removal(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/api/v1/cookbooks/{sample.name}"
