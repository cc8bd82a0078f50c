"""How a client of NuGet publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

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

    format = "nuget"
    duplicate_status = 409

    def __init__(self, http: Http) -> None:
        self.http = http

    def sample(self, name: str = "Acme.Toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def base(self, project_id: int | str) -> str:
        return f"/api/v4/projects/{project_id}/packages/nuget"

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

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        status, _, answer = self.http(method, path, body, dict(headers or {}))
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer
