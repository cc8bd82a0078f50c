"""How a client of Maven repositories publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from . import samples
from .samples import Sample

Http = Callable[..., tuple[int, Mapping[str, str], bytes]]
"""`http(method, path, body=None, headers={})` → status, headers (lower-case names), body."""


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body[:500]!r}")


class Driver:
    """The wire of one server, by a user's credentials. Each method raises `Refused` for an answer that is no success."""

    format = "maven"
    duplicate_status = 400
    digests = "headers"  # metadata has none

    def __init__(self, http: Http) -> None:
        self.http = http

    def sample(self, name: str = f"{samples.GROUP}/toy", version: str = "1.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def base(self, project_id: int | str) -> str:
        return f"/api/v4/projects/{project_id}/packages/maven"

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

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        status, _, answer = self.http(method, path, body, dict(headers or {}))
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer
