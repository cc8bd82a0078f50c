"""How Cargo publishes, fetches, lists and yanks: for the conformance suite."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from packhouse.formats.cargo.names import index_path

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

    format = "cargo"
    duplicate_status = 409

    def __init__(self, http: Http) -> None:
        self.http = http

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def base(self, project_id: int | str) -> str:
        return f"/api/v4/projects/{project_id}/packages/cargo"

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

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        status, _, answer = self.http(method, path, body, dict(headers or {}))
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer
