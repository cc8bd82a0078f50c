"""What the drivers of the formats share: the wire of a server, and an answer that is no success as an exception."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

Http = Callable[..., tuple[int, Mapping[str, str], bytes]]
"""`http(method, path, body=None, headers={})` → status, headers (lower-case names), body."""


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body
        super().__init__(f"{status} {body[:500]!r}")


class FormatDriver:
    """The wire of one server, by a user's credentials. Each method raises `Refused` for an answer that is no success."""

    format: ClassVar[str]
    refusal: ClassVar[type[Refused]] = Refused

    def __init__(self, http: Http) -> None:
        self.http = http

    def base(self, project_id: int | str) -> str:
        """Where a project has its packages of this format."""
        return f"/api/v4/projects/{project_id}/packages/{self.format}"

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of the answer."""
        return self.send(method, path, body, headers)[1]

    def send(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[Mapping[str, str], bytes]:
        """The headers of the answer and its body."""
        status, got, answer = self.http(method, path, body, dict(headers or {}))
        if not 200 <= status < 300:
            raise self.refusal(status, got, answer)
        return got, answer
