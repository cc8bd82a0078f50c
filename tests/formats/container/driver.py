"""How a client pushes, pulls, lists and deletes images, by Basic on every request."""

from __future__ import annotations

import json
from collections.abc import Mapping

import driving

from .samples import Image, digest, image


class Refused(driving.Refused):
    """The server said no."""

    @property
    def code(self) -> str:
        code: str = json.loads(self.body)["errors"][0]["code"]
        return code


class Driver(driving.FormatDriver):
    """How a client of this format asks."""

    format = "container"
    refusal = Refused

    def sample(self, text: str = "toy") -> Image:
        return image(text)

    # -- blobs -------------------------------------------------------------------------------------------------------

    def start(self, name: str) -> str:
        """The location of a new upload."""
        return self.headers("POST", f"/v2/{name}/blobs/uploads/")["location"]

    def push_blob(self, name: str, body: bytes, algorithm: str = "sha256") -> str:
        """A blob in two requests; its digest."""
        found = digest(body, algorithm)
        self.ask("PUT", f"{self.start(name)}?digest={found}", body)
        return found

    def blob(self, name: str, which: str) -> bytes:
        return self.ask("GET", f"/v2/{name}/blobs/{which}")

    # -- manifests ---------------------------------------------------------------------------------------------------

    def push(self, name: str, pushed: Image, reference: str = "") -> str:
        """An image with everything it needs, by tag or by digest; its digest."""
        for body in pushed.blobs:
            self.push_blob(name, body)
        for child in pushed.children:
            self.push(name, child)
        return self.put(name, pushed, reference)

    def put(self, name: str, pushed: Image, reference: str = "") -> str:
        headers = self.headers("PUT", f"/v2/{name}/manifests/{reference or pushed.digest}", pushed.manifest, {"Content-Type": pushed.media_type})
        return headers["docker-content-digest"]

    def pull(self, name: str, reference: str) -> bytes:
        return self.ask("GET", f"/v2/{name}/manifests/{reference}")

    def tags(self, name: str) -> list[str]:
        found: list[str] = json.loads(self.ask("GET", f"/v2/{name}/tags/list"))["tags"]
        return found

    def delete(self, name: str, reference: str) -> None:
        self.ask("DELETE", f"/v2/{name}/manifests/{reference}")

    # -- the wire ----------------------------------------------------------------------------------------------------

    def headers(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Mapping[str, str]:
        return self.send(method, path, body, headers)[0]
