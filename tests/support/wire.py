"""A small HTTP client for black-box tests: one kept-alive connection, paths sent as written, redirects shown and not followed."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

Body = bytes | Iterable[bytes] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    method: str
    path: str
    status: int
    reason: str
    headers: Message
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def expect(self, *statuses: int) -> Self:
        """This answer, when its status is one of these. Raises `AssertionError`."""
        assert self.status in statuses, f"{self.method} {self.path}: wanted {statuses}, got {self.status} {self.text[:500]}"
        return self


class Client:
    """A connection to one server; it opens at the first request and again when the server has closed it."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None, timeout: float = 60) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"the base of a test client is http://host:port, not {base_url!r}")
        self.headers = dict(headers or {})
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)

    def request(self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to one request. An iterable body is sent in chunks; the path is sent as it stands."""
        reused = self._connection.sock is not None
        try:
            return self._exchange(method, path, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if not reused or not (body is None or isinstance(body, bytes)):
                raise
            return self._exchange(method, path, body, headers)  # a kept-alive connection may end between two requests

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("GET", path, None, headers)

    def head(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("HEAD", path, None, headers)

    def put(self, path: str, body: Body, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("PUT", path, body, headers)

    def post(self, path: str, body: Body = None, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("POST", path, body, headers)

    def delete(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("DELETE", path, None, headers)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _exchange(self, method: str, path: str, body: Body, headers: Mapping[str, str] | None) -> Answer:
        connection = self._connection
        sent = {**self.headers, **(headers or {})}
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            sent["Transfer-Encoding"] = "chunked"
        elif body is None and method in {"POST", "PUT", "PATCH"}:
            sent.setdefault("Content-Length", "0")
        try:
            connection.request(method, path, body, sent, encode_chunked=chunked)
        except (BrokenPipeError, ConnectionResetError):
            if connection.sock is None:
                raise  # closed before a byte went out; otherwise the server has refused early, and its answer is worth reading
        response = connection.getresponse()
        with contextlib.closing(response):
            content = response.read()
        return Answer(method, path, response.status, response.reason, response.headers, content)


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """The header of a bearer token."""
    return {"Authorization": f"Bearer {token}"}


def write_form(fields: Iterable[tuple[str, str]], files: Iterable[tuple[str, str, bytes]]) -> tuple[bytes, dict[str, str]]:
    """A multipart body of fields (name, value) and files (name, file name, content), and its header."""
    boundary = secrets.token_hex(16)
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    for name, filename, content in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={boundary}"}
