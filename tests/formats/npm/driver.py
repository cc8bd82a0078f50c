"""How a client of this format publishes, fetches, lists and deletes, over plain requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .samples import Sample, sample

Answered = tuple[int, Mapping[str, str], bytes]
Http = Callable[..., Answered]


class Driver:
    """The requests of npm, at project level. `http(method, path, body=None, headers={})` answers with status, headers and body."""

    format = "npm"
    published = 200
    same_again = 200
    other_bytes = 403
    read_only_probe = "-/ping"

    def __init__(self, http: Http) -> None:
        self.http = http

    def sample(self, name: str = "@acme/toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return sample(name, version, variant)

    def base(self, project: int | str) -> str:
        return f"/api/v4/projects/{project}/packages/npm"

    def publish(self, project: int | str, new: Sample, headers: Mapping[str, str] | None = None) -> Answered:
        headers = {"Content-Type": "application/json", "npm-command": "publish", **(headers or {})}
        return self.http("PUT", f"{self.base(project)}/{escape(new.name)}", new.body(), headers)

    def fetch(self, project: int | str, old: Sample, headers: Mapping[str, str] | None = None) -> Answered:
        return self.http("GET", f"{self.base(project)}/{old.name}/-/{old.filename}", None, headers or {})

    def listing(self, project: int | str, name: str, headers: Mapping[str, str] | None = None) -> Answered:
        """The document of a package at project level."""
        return self.http("GET", f"{self.base(project)}/{escape(name)}", None, headers or {})

    def group_listing(self, group: int | str, name: str, headers: Mapping[str, str] | None = None) -> Answered:
        return self.http("GET", f"/api/v4/groups/{group}/-/packages/npm/{escape(name)}", None, headers or {})

    def versions(self, body: bytes) -> list[str]:
        """The versions that a listing offers."""
        return list(json.loads(body)["versions"])

    def digests(self, body: bytes) -> dict[str, str]:
        """Address of a file → the sha1 that a listing promises for it."""
        return {each["dist"]["tarball"]: each["dist"]["shasum"] for each in json.loads(body)["versions"].values()}

    def delete(self, project: int | str, old: Sample, headers: Mapping[str, str] | None = None) -> Answered:
        """Unpublish one version, in the steps npm takes."""
        status, fields, body = self.http("GET", f"{self.base(project)}/{escape(old.name)}?write=true", None, headers or {})
        if status != 200:
            return status, fields, body
        document: dict[str, Any] = json.loads(body)
        versions, revision = document["versions"], document["_rev"]
        if old.version in versions and len(versions) > 1:
            del versions[old.version]
            path = f"{self.base(project)}/{escape(old.name)}/-rev/{revision}"
            return self.http("PUT", path, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})})
        return self.http("DELETE", f"{self.base(project)}/{escape(old.name)}/-rev/{revision}", None, headers or {})

    def refusal(self, body: bytes) -> str:
        """The reason that npm prints."""
        return str(json.loads(body)["error"])


def escape(name: str) -> str:
    """A name as npm writes it into a path."""
    return name.replace("/", "%2f")
