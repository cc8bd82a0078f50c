"""How a client of PyPI publishes, fetches, lists, yanks and deletes: for the conformance suite."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from driving import FormatDriver

from . import samples
from .samples import Sample

JSON = "application/vnd.pypi.simple.v1+json"


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "pypi"

    def sample(self, name: str = "toy-pkg", version: str = "1.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        fields = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("name", sample.name),
            ("version", sample.version),
            ("sha256_digest", sample.sha256),
        ]
        body, headers = write_form(fields, [("content", sample.filename, sample.content)])
        self.ask("POST", self.base(project_id), body, headers)

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The file names of a project."""
        return {file["filename"] for file in self.files(project_id, name)}

    def files(self, project_id: int | str, name: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.ask("GET", f"{self.base(project_id)}/simple/{name}/", None, {"Accept": JSON}))["files"]
        return listed

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        """The file as a client gets it: by the URL in the index, compared with the digest there."""
        [listed] = [file for file in self.files(project_id, sample.name) if file["filename"] == sample.filename]
        content = self.ask("GET", urlsplit(str(listed["url"])).path)
        assert str(listed["url"]).endswith(f"#sha256={hashlib.sha256(content).hexdigest()}")
        return content

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/files/{sample.sha256}/{sample.filename}"

    def yank(self, project_id: int | str, sample: Sample, reason: str = "") -> None:
        self.ask("PUT", f"{self.base(project_id)}/yank/{sample.name}/{sample.version}", json.dumps({"reason": reason}).encode())

    def unyank(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", f"{self.base(project_id)}/yank/{sample.name}/{sample.version}")

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Delete the version through the REST API, as there is no way for it in the format."""
        for package in json.loads(self.ask("GET", f"/api/v4/projects/{project_id}/packages?package_type=pypi&package_version={sample.version}")):
            if package["name"] == sample.name:
                self.ask("DELETE", f"/api/v4/projects/{project_id}/packages/{package['id']}")


def write_form(fields: Iterable[tuple[str, str]], files: Iterable[tuple[str, str, bytes]]) -> tuple[bytes, dict[str, str]]:
    """A multipart body of fields (name, value) and files (name, file name, content), and its header."""
    files = list(files)
    boundary = "boundary" + hashlib.sha256(b"".join(content for _, _, content in files)).hexdigest()[:32]
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    for name, filename, content in files:
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}
