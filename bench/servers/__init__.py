"""The servers that are measured: how each is started, what each is asked."""

from __future__ import annotations

import base64
import socket
from typing import Protocol

from load import Request
from processes import Group
from samples import Wheel


class Server(Protocol):
    """A running server."""

    @property
    def name(self) -> str: ...

    @property
    def group(self) -> Group: ...

    @property
    def version(self) -> str: ...


class NpmServer(Server, Protocol):
    """A server that holds npm packages."""

    def packument(self, package: str) -> Request:
        """The request of a client that installs."""

    def publish_npm(self, package: str, document: bytes) -> Request:
        """The request of `npm publish`."""

    def npm_tarball(self, url: str) -> Request:
        """The request for a tarball, by the address in the packument."""


class PypiServer(Server, Protocol):
    """A server that holds PyPI packages."""

    def page(self, project: str) -> Request:
        """The request of an installer for the files of a project."""

    def upload(self, wheel: Wheel) -> Request:
        """The request of `twine upload`."""


# What pip sends: each server answers in the form that it prefers among those that it knows.
PIP_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def quote_npm(package: str) -> str:
    """A package name as npm writes it into a path: only the slash escaped."""
    return package.replace("/", "%2f")
