"""What the suite needs of a format's driver, and how it is used: the driver says the requests, the suite sends them as whoever it likes.

A format brings `tests/formats/<name>/driver.py` with a class `Driver(http)`. `http(method, path, body, headers)` answers with status, headers
(lower-case names) and body. The driver has `format`, `sample(name, version, variant)`, `base(project)`, `publish(project, sample)`,
`listing(project, name)`, or with a third parameter `version`, and `delete(project, sample)`, and may have `file_path(project, sample)` and, static,
`furnish(connection, box, place)`, what a new project or group needs first; each method may raise what it likes for an answer that is no success. A
driver whose documents tell no digest of a file says `digests = "headers"`: the file's own answer tells them.

A sample has `name`, `version`, `filename`, `content` and `sha256`; another variant has other bytes under the same name. It may have `params`, what
goes into a path's parameters where that is none of the usual, and `marks`: what a listing that offers it holds, where that is not its file name.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import pytest
from wire import Answer

from packhouse.contract import Action, Format, Route
from packhouse.errors import AlreadyExists
from packhouse.formats import FORMATS
from packhouse.model import Reach, write_time
from packhouse.wording import status_of

from .sample import FORMAT as SHELVED

EVERY: Mapping[str, Format] = {format.name: format for format in (*FORMATS, SHELVED)}
# containers are no packages to this suite: their clients speak at the root, in several requests, and have a suite of their own
ALL: Mapping[str, Format] = {name: format for name, format in EVERY.items() if format.listed}

ACCEPTED = (
    "*/*",
    "text/html",
    "application/json",
    "application/vnd.pypi.simple.v1+json",
    "application/vnd.npm.install-v1+json",
)
"""What clients of all formats say they take: each is tried on each document."""

SIGNED = (".signed", ".sig", "/InRelease", ".gpg", ".asc")
"""How the paths of documents end that are made anew for each reading of a moment."""


class Sample(Protocol):
    """A file ready to be published."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def filename(self) -> str: ...

    @property
    def content(self) -> bytes: ...

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Caught(Exception):
    """The request that the suite wanted to know."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        super().__init__(ask.path)


Send = Callable[[Ask], Answer]
Http = Callable[..., tuple[int, Mapping[str, str], bytes]]


class Client:
    """A format's driver, put to the suite's use."""

    def __init__(self, format: Format) -> None:
        self.format = format
        self.name = format.name
        self._class = find_driver(format.name)

    # -- samples -----------------------------------------------------------------------------------------------------

    def sample(self, name: str = "alpha", version: str = "1.0.0", variant: int = 0) -> Sample:
        """A file to publish. The name is put behind the format's usual scope, where it has one."""
        usual = self._driver(_nobody).sample().name
        made: Sample = self._driver(_nobody).sample(usual[: usual.rfind("/") + 1] + name, version, variant)
        return made

    # -- what is asked -----------------------------------------------------------------------------------------------

    def publish(self, project: int | str, sample: Sample) -> Ask:
        """The request that publishes."""
        return self._catch(lambda driver: driver.publish(project, sample))

    def fetch(self, project: int | str, sample: Sample) -> Ask:
        """The request that fetches the file."""
        driver = self._driver(_nobody)
        if hasattr(driver, "file_path"):
            return Ask("GET", driver.file_path(project, sample))
        return self._catch(lambda driver: driver.fetch(project, sample))

    def listing(self, project: int | str, sample: Sample) -> Ask:
        """The request for what a client looks a version up in."""
        by_version = "version" in inspect.signature(self._driver(_nobody).listing).parameters
        return self._catch(lambda driver: driver.listing(project, sample.name, *([sample.version] if by_version else [])))

    def delete(self, project: int | str, sample: Sample, send: Send) -> Answer:
        """A version deleted as its client does it; the last answer on the way."""
        answers: list[Answer] = []

        def http(method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
            answers.append(send(Ask(method, path, body, headers or {})))
            return answers[-1].status, {k.lower(): v for k, v in answers[-1].headers.items()}, answers[-1].body

        try:
            self._driver(http).delete(project, sample)
        except Exception:
            if not answers or answers[-1].status < 400:
                raise
        return answers[-1]

    def removal(self, project: int | str, sample: Sample, listing: bytes) -> Ask:
        """One request of this format that needs DELETE, on this sample: the driver's `removal(project, sample)`, where a path does not say it all."""
        driver = self._driver(_nobody)
        if hasattr(driver, "removal"):
            return Ask("DELETE", driver.removal(project, sample))
        for route in self.format.routes:
            if route.action is Action.DELETE and route.method == "DELETE" and Reach.PROJECT in route.reach:
                for path in fill(route, sample, listing):
                    return Ask(route.method, self.base("projects", project) + path)
        raise AssertionError(f"{self.name} has no route that needs DELETE")

    def base(self, level: str, place: int | str, time: str = "") -> str:
        """The base of this format's URLs: of a project, a group or the instance (`level` is GitLab's plural), at a moment."""
        moment = f"/-/at/{time}" if time else ""
        if level == "groups":
            return f"/api/v4/groups/{place}{moment or '/-'}/packages/{self.name}/"
        if level == "":
            return f"/api/v4{moment}/packages/{self.name}/"
        return f"/api/v4/projects/{place}{moment}/packages/{self.name}/"

    def at(self, ask: Ask, project: int | str, time: str) -> Ask:
        """The same request at an earlier moment."""
        return self._moved(ask, project, self.base("projects", project, time))

    def in_group(self, ask: Ask, project: int | str, group: int | str) -> Ask:
        """The same request of a group."""
        return self._moved(ask, project, self.base("groups", group))

    @property
    def shy(self) -> bool:
        """Whether groups show nothing to anonymous callers, not even what is public."""
        reads = [route for route in self.format.routes if Reach.GROUP in route.reach and route.action is Action.READ and "{" in route.path]
        return bool(reads) and all(route.signed_in for route in reads)

    def _moved(self, ask: Ask, project: int | str, base: str) -> Ask:
        old = self.base("projects", project)[:-1]
        assert ask.path.startswith(old)
        return replace(ask, path=base[:-1] + ask.path.removeprefix(old))

    def documents(self, level: str, place: int | str, sample: Sample, time: str = "", accepted: Sequence[str] = ACCEPTED) -> Iterator[Ask]:
        """Every READ of this format that is no file and not about the caller, filled with the sample, in every form a client may want."""
        reach = {"projects": Reach.PROJECT, "groups": Reach.GROUP, "": Reach.INSTANCE}[level]
        seen = set()
        for route in self.format.routes:
            of_caller = route.signed_in and "{" not in route.path  # whoami and its like
            if route.method == "GET" and route.action is Action.READ and reach in route.reach and not of_caller:
                for path in fill(route, sample, b""):
                    if sample.filename not in path and quote(sample.filename) not in path and path not in seen:
                        seen.add(path)
                        for accept in accepted:
                            yield Ask("GET", self.base(level, place, time) + path, None, {"Accept": accept})

    def only_now(self, ask: Ask) -> bool:
        """Whether a document is not served at moments: the driver's pattern `only_now` fits its path."""
        pattern = getattr(self._class, "only_now", None)
        return pattern is not None and re.search(pattern, ask.path) is not None

    def timeless(self, body: bytes) -> bytes:
        """A document as moments have it: without what the driver's pattern `not_then` fits, digests of addresses."""
        pattern = getattr(self._class, "not_then", None)
        return body if pattern is None else re.sub(pattern, b"", body)

    # -- what comes back ---------------------------------------------------------------------------------------------

    def linked(self, ask: Ask, body: bytes) -> set[str]:
        """The paths that a document names in a way of its format's own: the driver's `linked(path, body)`."""
        linked = getattr(self._class, "linked", None)
        return set() if linked is None else set(linked(ask.path, body))

    def superseded(self, ask: Ask, body: bytes) -> set[bytes]:
        """Digests that a document tells of what was served before, a later one behind them: the driver's `superseded(path, body)`."""
        superseded = getattr(self._class, "superseded", None)
        return set() if superseded is None else set(superseded(ask.path, body))

    @property
    def digests(self) -> str:
        """Who tells the digest of a file: the documents, or the headers of the file itself."""
        return str(getattr(self._class, "digests", "documents"))

    @property
    def conflict(self) -> int:
        """The status for other bytes under a name that is taken."""
        return status_of(AlreadyExists(), self.format.errors.status)

    def shows(self, body: bytes, sample: Sample) -> bool:
        """Whether a listing offers this file."""
        marks: tuple[bytes, ...] | None = getattr(sample, "marks", None)
        if marks is not None:
            return all(mark in body for mark in marks)
        return sample.filename.encode() in body or quote(sample.filename).encode() in body

    def _driver(self, http: Http) -> Any:
        return self._class(http)

    def _catch(self, use: Callable[[Any], object]) -> Ask:
        def http(method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
            raise Caught(Ask(method, path, body, headers or {}))

        try:
            use(self._driver(http))
        except Caught as caught:
            return caught.ask
        raise AssertionError(f"the driver of {self.name} asked for nothing")


def _nobody(*_: object) -> tuple[int, Mapping[str, str], bytes]:
    raise AssertionError("this driver was only to be looked at")


def find_driver(format: str) -> type:
    """The class `Driver` of a format. A missing one fails the test that wants it."""
    home = __package__ + ".sample" if format == SHELVED.name else f"tests.formats.{format}"
    try:
        found: type = importlib.import_module(f"{home}.driver").Driver
    except (ImportError, AttributeError) as error:
        pytest.fail(f"format {format} has no driver for this suite: {home}.driver.Driver ({error})", pytrace=False)
    return found


# -- paths of routes -------------------------------------------------------------------------------------------------

_PARAMETER = re.compile(r"\{(\w+)[*+]?\}")


def values_of(sample: Sample, listing: bytes) -> dict[str, str]:
    """What goes in for a path parameter, by its name."""
    scope, _, bare = sample.name.removeprefix("@").rpartition("/")
    values = {
        "name": bare if scope else sample.name, "package": sample.name, "package_name": sample.name, "version": sample.version,
        "package_version": sample.version, "file": sample.filename, "filename": sample.filename, "path": sample.filename, "sha256": sample.sha256,
        "tag": "latest",
    }  # fmt: skip
    if scope:
        values["scope"] = scope
    values |= getattr(sample, "params", {})
    try:
        values["rev"] = json.loads(listing)["_rev"]
    except (ValueError, KeyError, TypeError):
        values["rev"] = "1-0"
    return values


def fill(route: Route, sample: Sample, listing: bytes) -> Iterator[str]:
    """The route's path with the sample's parts in the place of its parameters: none where it asks for something the sample has not."""
    values = values_of(sample, listing)
    wanted = _PARAMETER.findall(route.path)
    if all(name in values for name in wanted):
        yield _PARAMETER.sub(lambda found: quote(values[found[1]], safe="@"), route.path)


def write_moment(at: int) -> str:
    """This instant as a URL has it, to the microsecond: what has happened by now is in it."""
    return write_time(at)[:-4] + f"{at % 1_000_000:06d}Z"


def path_of(url: str) -> str:
    """The path of an absolute URL, as it stands."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
