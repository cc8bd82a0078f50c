"""How a client of opkg packages publishes, fetches, lists and deletes: for the conformance suite."""

from __future__ import annotations

from driving import FormatDriver
from sqlalchemy import Connection

from packhouse.model import ANONYMOUS
from packhouse.packages.shelves import add_missing, make_keys
from packhouse.upstream.secrets import SecretBox

from . import samples
from .samples import Sample

FEED = "22.03/all"


class Driver(FormatDriver):
    """How a client of this format asks."""

    format = "opkg"

    @staticmethod
    def furnish(connection: Connection, box: SecretBox, place: int) -> None:
        """The feed of a new project or group is open."""
        add_missing(connection, place, "opkg", FEED.replace("/", ":"), make_keys(box, "opkg"), ANONYMOUS)

    def sample(self, name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
        return samples.sample(name, version, variant, feed=FEED)

    def publish(self, project_id: int | str, sample: Sample) -> None:
        self.ask("PUT", self.file_path(project_id, sample), sample.content)

    def listing(self, project_id: int | str, name: str) -> bytes:
        """The list that a package of this name is on."""
        return self.ask("GET", f"{self.base(project_id)}/{FEED}/Packages")

    def fetch(self, project_id: int | str, sample: Sample) -> bytes:
        return self.ask("GET", self.file_path(project_id, sample))

    def file_path(self, project_id: int | str, sample: Sample) -> str:
        return f"{self.base(project_id)}/{sample.feed}/{sample.filename}"

    def delete(self, project_id: int | str, sample: Sample) -> None:
        self.ask("DELETE", self.file_path(project_id, sample))
