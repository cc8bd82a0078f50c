"""How a client of npm publishes, fetches, lists, tags, deprecates and deletes: for the conformance suite."""

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

    format = "npm"
    duplicate_status = 403

    def __init__(self, http: Http) -> None:
        self.http = http

    def sample(self, name: str = "@acme/toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def base(self, project_id: int | str) -> str:
        return f"/api/v4/projects/{project_id}/packages/npm"

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{sample.name}/-/{sample.filename}"

    def package_path(self, project_id: int | str, name: str) -> str:
        return f"{self.base(project_id)}/{name.replace('/', '%2f')}"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.send("PUT", self.package_path(project_id, sample.name), sample.document(), "publish")

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The versions that a client may choose from."""
        return set(self.packument(project_id, name)["versions"])

    def packument(self, project_id: int | str, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.ask("GET", self.package_path(project_id, name)))
        return document

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        """The tarball as a client gets it: by the address in the packument, compared with the integrity there."""
        dist = self.packument(project_id, sample.name)["versions"][sample.version]["dist"]
        content = self.ask("GET", urlsplit(dist["tarball"]).path)
        assert samples.integrity(content) == dist["integrity"]
        return content

    def tag(self, project_id: int | str, sample: Sample, tag: str) -> None:
        path = f"{self.base(project_id)}/-/package/{sample.name.replace('/', '%2f')}/dist-tags/{tag}"
        self.send("PUT", path, sample.version, "dist-tag")

    def yank(self, project_id: int | str, sample: Sample, reason: str) -> None:
        """Deprecate, as npm does: the whole packument goes back with a message; an empty one takes it back."""
        document = self.packument(project_id, sample.name)
        document["versions"][sample.version]["deprecated"] = reason
        self.send("PUT", self.package_path(project_id, sample.name), document, "deprecate")

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Unpublish a version in the steps of npm; the last one takes the package with it."""
        path = self.package_path(project_id, sample.name)
        document = json.loads(self.ask("GET", f"{path}?write=true"))
        if set(document["versions"]) == {sample.version}:
            self.ask("DELETE", f"{path}/-rev/{document['_rev']}")
            return
        del document["versions"][sample.version]
        self.send("PUT", f"{path}/-rev/{document['_rev']}", document, "unpublish")
        revision = json.loads(self.ask("GET", f"{path}?write=true"))["_rev"]
        self.ask("DELETE", f"{self.file_path(project_id, sample)}/-rev/{revision}")

    def send(self, method: str, path: str, document: Any, command: str) -> bytes:
        return self.ask(method, path, json.dumps(document).encode(), {"Content-Type": "application/json", "npm-command": command})

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        status, _, answer = self.http(method, path, body, dict(headers or {}))
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer
