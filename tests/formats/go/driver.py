"""How a script publishes, fetches, lists and deletes module zips: for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from packhouse.formats.go.names import encode

from . import samples
from .samples import Sample

Http = Callable[..., tuple[int, Mapping[str, str], bytes]]


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body[:500]!r}")


class Driver:
    """The wire of one server, by a user's credentials. Each method raises `Refused` for an answer that is no success."""

    format = "go"
    digests = "headers"
    only_now = r"/sumdb/"

    def __init__(self, http: Http) -> None:
        self.http = http

    def sample(self, name: str = "example.test/toys/lib", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def base(self, project_id: int | str) -> str:
        return f"/api/v4/projects/{project_id}/packages/go"

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{encode(sample.name)}/@v/{sample.filename}"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", self.file_path(project_id, sample), sample.content)

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The versions that are listed."""
        return set(self.ask("GET", f"{self.base(project_id)}/{encode(name)}/@v/list").decode().split())

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", self.file_path(project_id, sample))

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        status, _, answer = self.http(method, path, body, {})
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer
