"""How `gem` publishes, fetches, lists and yanks: for the conformance suite."""

from __future__ import annotations

import hashlib
import json
import re
from urllib.parse import urlencode

from driving import FormatDriver

from . import samples
from .samples import Sample


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "rubygems"

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant)

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/gems/{sample.filename}"

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("POST", f"{self.base(project_id)}/api/v1/gems", sample.content, {"Content-Type": "application/octet-stream"})

    def listing(self, project_id: int | str, name: str) -> set[str]:
        """The versions that a client may choose from."""
        return set(self.checksums(project_id, name))

    def checksums(self, project_id: int | str, name: str) -> dict[str, str]:
        """Version → SHA-256, as the lines of a gem tell them."""
        text = self.ask("GET", f"{self.base(project_id)}/info/{name}").decode()
        return dict(re.findall(r"^(\S+) [^|]*\|checksum:([0-9a-f]{64})", text, re.MULTILINE))

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        """The gem as a client gets it: compared with the digest of its line."""
        content = self.ask("GET", self.file_path(project_id, sample))
        assert hashlib.sha256(content).hexdigest() == self.checksums(project_id, sample.name)[sample.version]
        return content

    def yank(self, project_id: int | str, sample: Sample) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.ask("DELETE", f"{self.base(project_id)}/api/v1/gems/yank", urlencode(fields_of(sample)).encode(), form)

    def removal(self, project_id: int | str, sample: Sample) -> str:
        """The address that yanks, with all in it that a form would say."""
        return f"{self.base(project_id)}/api/v1/gems/yank?{urlencode(fields_of(sample))}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        """Delete the version through the REST API, as a yanked one keeps its number."""
        for package in json.loads(self.ask("GET", f"/api/v4/projects/{project_id}/packages?package_type=rubygems&package_version={sample.version}")):
            if package["name"] == sample.name:
                self.ask("DELETE", f"/api/v4/projects/{project_id}/packages/{package['id']}")

    @staticmethod
    def superseded(path: str, body: bytes) -> set[bytes]:
        """Digests in the list of versions that a later line of the same gem replaces."""
        lines = [line.split(b" ") for line in body.splitlines()[1:]] if path.endswith("/versions") else []
        last = {line[0]: line[-1] for line in lines}
        return {line[-1] for line in lines if line[-1] != last[line[0]]}


def fields_of(sample: Sample) -> dict[str, str]:
    """What `gem yank` says."""
    number, _, platform = sample.version.partition("-")
    return {"gem_name": sample.name, "version": number, **({"platform": platform} if platform else {})}
