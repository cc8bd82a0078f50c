"""How a client of Conan publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from . import samples
from .samples import CHANNEL, OWNER, RREV, Sample

Http = Callable[..., tuple[int, Mapping[str, str], bytes]]
"""`http(method, path, body=None, headers={})` → status, headers (lower-case names), body."""


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body[:500]!r}")


class Driver:
    """The wire of one server, by a user's credentials. Each method raises `Refused` for an answer that is no success."""

    format = "conan"
    duplicate_status = 409

    def __init__(self, http: Http) -> None:
        self.http = http

    def sample(self, name: str = "toy", version: str = "1.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def base(self, project_id: int | str) -> str:
        return f"/api/v4/projects/{project_id}/packages/conan"

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

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        status, _, answer = self.http(method, path, body, dict(headers or {}))
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer
