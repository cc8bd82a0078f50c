"""How a client of npm publishes, fetches, lists, tags, deprecates and deletes: for the conformance suite."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "npm"

    def sample(self, name: str = "@acme/toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{sample.name}/-/{sample.filename}"

    def package_path(self, project_id: int | str, name: str) -> str:
        return f"{self.base(project_id)}/{name.replace('/', '%2f')}"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.put(self.package_path(project_id, sample.name), sample.document(), "publish")

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
        self.put(path, sample.version, "dist-tag")

    def yank(self, project_id: int | str, sample: Sample, reason: str) -> None:
        """Deprecate, as npm does: the whole packument goes back with a message; an empty one takes it back."""
        document = self.packument(project_id, sample.name)
        document["versions"][sample.version]["deprecated"] = reason
        self.put(self.package_path(project_id, sample.name), document, "deprecate")

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Unpublish a version in the steps of npm; the last one takes the package with it."""
        path = self.package_path(project_id, sample.name)
        document = json.loads(self.ask("GET", f"{path}?write=true"))
        if set(document["versions"]) == {sample.version}:
            self.ask("DELETE", f"{path}/-rev/{document['_rev']}")
            return
        del document["versions"][sample.version]
        self.put(f"{path}/-rev/{document['_rev']}", document, "unpublish")
        revision = json.loads(self.ask("GET", f"{path}?write=true"))["_rev"]
        self.ask("DELETE", f"{self.file_path(project_id, sample)}/-rev/{revision}")

    def put(self, path: str, document: Any, command: str) -> bytes:
        return self.ask("PUT", path, json.dumps(document).encode(), {"Content-Type": "application/json", "npm-command": command})
