"""How a client of the Forge API publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

from driving import FormatDriver

from . import samples
from .samples import Sample

UNREAD = "readme,changelog,license,uri,module,tags,supported,file_size,downloads,created_at,updated_at,deleted_at"
"""What `puppet module install` asks to be left out."""


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "puppet"

    def sample(self, name: str = "acme-toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("POST", f"{self.base(project_id)}/v3/releases", sample.encoded, {"Content-Type": "application/json"})

    def listing(self, project_id: int | str, name: str) -> bytes:
        return self.ask("GET", f"{self.base(project_id)}/v3/releases?module={name}&sort_by=version&exclude_fields={UNREAD}&limit=100")

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/v3/files/{sample.filename}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", f"{self.base(project_id)}/v3/releases/{sample.name}-{sample.version}")
