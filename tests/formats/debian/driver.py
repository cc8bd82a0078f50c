"""How a client of Debian packages publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from sqlalchemy import Connection

from packhouse.model import ANONYMOUS
from packhouse.packages.shelves import NewShelf, add, make_keys
from packhouse.upstream.secrets import SecretBox

from . import samples
from .samples import Sample

Http = Callable[..., tuple[int, Mapping[str, str], bytes]]
"""`http(method, path, body=None, headers={})` → status, headers (lower-case names), body."""

CODENAME = "bookworm"
VALUES = {"codename": CODENAME, "suite": None, "components": ["main"], "architectures": ["all", "amd64"]}


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body[:500]!r}")


class Driver:
    """The wire of one server, by a user's credentials. Each method raises `Refused` for an answer that is no success."""

    format = "debian"

    def __init__(self, http: Http) -> None:
        self.http = http

    @staticmethod
    def furnish(connection: Connection, box: SecretBox, place: int) -> None:
        """A new project or group has a distribution."""
        add(connection, place, "debian", NewShelf(name=CODENAME, alias="", values=VALUES), make_keys(box, CODENAME), ANONYMOUS)

    @staticmethod
    def linked(path: str, body: bytes) -> Iterator[str]:
        """The lists that a Release names."""
        folder, _, name = path.rpartition("/")
        if name in ("Release", "InRelease"):
            for _, listed in re.findall(r"^ ([0-9a-f]{64}) +\d+ (\S+)$", body.decode(), re.MULTILINE):
                yield f"{folder}/{listed}"

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def base(self, project_id: int | str) -> str:
        return f"/api/v4/projects/{project_id}/packages/debian"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", f"{self.base(project_id)}/{sample.filename}?distribution={CODENAME}&component=main", sample.content)

    def listing(self, project_id: int | str, name: str) -> bytes:
        """The list that a package of this name is on."""
        return self.ask("GET", f"{self.base(project_id)}/dists/{CODENAME}/main/binary-amd64/Packages")

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/pool/{CODENAME}/{sample.params['letter']}/{sample.name}/{sample.version}/{sample.filename}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", self.file_path(project_id, sample))

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        status, _, answer = self.http(method, path, body, dict(headers or {}))
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer
