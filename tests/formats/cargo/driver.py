"""How Cargo publishes, fetches, lists and yanks: for the conformance suite."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from driving import FormatDriver

from packhouse.formats.cargo.names import index_path

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "cargo"

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/api/v1/crates/{sample.name}/{sample.version}/download"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", f"{self.base(project_id)}/api/v1/crates/new", sample.frame())

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The versions that a client may choose from."""
        return {line["vers"] for line in self.lines(project_id, name)}

    def lines(self, project_id: int | str, name: str) -> list[dict[str, Any]]:
        body = self.ask("GET", f"{self.base(project_id)}/{index_path(name)}", headers={"cargo-protocol": "version=1"})
        return [json.loads(line) for line in body.splitlines()]

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        """The crate as a client gets it: compared with the digest of its line."""
        [line] = [line for line in self.lines(project_id, sample.name) if line["vers"] == sample.version]
        content = self.ask("GET", self.file_path(project_id, sample))
        assert hashlib.sha256(content).hexdigest() == line["cksum"]
        return content

    def yank(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", f"{self.base(project_id)}/api/v1/crates/{sample.name}/{sample.version}/yank")

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Delete the version through the REST API, as Cargo has no way for it."""
        for package in json.loads(self.ask("GET", f"/api/v4/projects/{project_id}/packages?package_type=cargo&package_version={sample.version}")):
            if package["name"] == sample.name:
                self.ask("DELETE", f"/api/v4/projects/{project_id}/packages/{package['id']}")
