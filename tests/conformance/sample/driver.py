"""How a client of the sample format publishes, fetches, lists and deletes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Answered = tuple[int, Mapping[str, str], bytes]
SHELF = ("stable", "main", "x1")


@dataclass(frozen=True)
class Sample:
    """A file ready to be published."""

    name: str
    version: str
    content: bytes
    shelf: tuple[str, str, str] = SHELF
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name}_{self.version}.pkg"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, shelf: tuple[str, str, str] = SHELF, **more: str) -> Sample:
    """A file; another variant has other bytes under the same file name."""
    fields = {"Name": name, "Version": version, "Summary": f"A toy, variant {variant}", **more}
    content = "".join(f"{key}: {value}\n" for key, value in fields.items()).encode()
    dist, component, arch = shelf
    return Sample(name, version, content, shelf, {"dist": dist, "component": component, "arch": arch})


class Driver:
    """The requests of this format."""

    format = "shelved"

    def __init__(self, http: Callable[..., Answered]) -> None:
        self.http = http

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return sample(name, version, variant)

    def base(self, project: int | str) -> str:
        return f"/api/v4/projects/{project}/packages/shelved"

    def file_path(self, project: int | str, one: Sample) -> str:
        return f"{self.base(project)}/pool/{'/'.join(one.shelf)}/{one.filename}"

    def publish(self, project: int | str, one: Sample) -> Answered:
        return self.http("PUT", self.file_path(project, one), one.content, {})

    def fetch(self, project: int | str, one: Sample) -> Answered:
        return self.http("GET", self.file_path(project, one), None, {})

    def listing(self, project: int | str, name: str) -> Answered:
        return self.http("GET", f"{self.base(project)}/lists/{'/'.join(SHELF)}/packages", None, {})

    def delete(self, project: int | str, one: Sample) -> Answered:
        return self.http("DELETE", self.file_path(project, one), None, {})
