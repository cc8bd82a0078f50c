"""Conan: uploads and installs of recipes with a binary each, as Conan 2 sends them; beside conan_server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from figures import Race, Result, Sample, run_race
from load import Flood, Request, ask, flood, send_all
from samples import KIB
from servers.conan import ConanServer
from servers.packhouse import Packhouse
from stage import Stage
from workloads import Workload
from workloads.places import OK, own_project

RECIPES = 40
SIZE = 50 * KIB
CONNECTIONS = 4
INFO = b"[settings]\narch=x86_64\nbuild_type=Release\ncompiler=gcc\ncompiler.version=12\nos=Linux\n[options]\nfPIC=True\nshared=False\n"
RECIPE = """from conan import ConanFile


class Sample(ConanFile):
    name = "{name}"
    version = "1.0"
    license = "Apache-2.0"
    description = "Parses, checks and prints small tables of figures"
    settings = "os", "arch", "compiler", "build_type"
    options = {{"shared": [True, False], "fPIC": [True, False]}}
"""

Ask = Callable[..., Request]


@dataclass(frozen=True, slots=True)
class Built:
    """A recipe and its binary, by the paths of their files below the reference."""

    reference: str
    recipe: dict[str, bytes]
    binary: dict[str, bytes]

    @property
    def revision(self) -> str:
        return hashlib.md5(self.recipe["conanmanifest.txt"]).hexdigest()

    @property
    def recipe_path(self) -> str:
        return f"v2/conans/{self.reference}/revisions/{self.revision}"

    @property
    def binary_path(self) -> str:
        return f"{self.recipe_path}/packages/{hashlib.sha1(INFO).hexdigest()}"

    @property
    def binary_revision(self) -> str:
        return hashlib.md5(self.binary["conanmanifest.txt"]).hexdigest()


def build(name: str) -> Built:
    """A recipe, and a binary of bytes that no other has."""
    recipe = {"conan_sources.tgz": os.urandom(2 * KIB), "conanfile.py": RECIPE.format(name=name).encode()}
    binary = {"conan_package.tgz": os.urandom(SIZE), "conaninfo.txt": INFO}
    for files, described in ((recipe, "conanfile.py"), (binary, "conaninfo.txt")):
        files["conanmanifest.txt"] = f"1700000000\n{described}: {hashlib.md5(files[described]).hexdigest()}\n".encode()
    return Built(f"{name}/1.0/_/_", recipe, binary)


def upload(ask_: Ask, built: Sequence[Built]) -> list[list[Request]]:
    """What a client sends for each: every recipe before the binaries, and of both the manifest last."""
    waves = [[ask_("v2/users/check_credentials") for _ in built]]
    waves += [[ask_(f"{one.recipe_path}/files/{file}", "PUT", one.recipe[file]) for one in built] for file in built[0].recipe]
    waves += [
        [ask_(f"{one.binary_path}/revisions/{one.binary_revision}/files/{file}", "PUT", one.binary[file]) for one in built]
        for file in built[0].binary
    ]
    return waves


def install(ask_: Ask, built: Sequence[Built]) -> list[Request]:
    """What a client asks for each: the newest revisions, their files, and all of those but the sources."""
    return [request for one in built for request in _install(ask_, one)]


def _install(ask_: Ask, one: Built) -> list[Request]:
    binary = f"{one.binary_path}/revisions/{one.binary_revision}/files"
    paths = [f"v2/conans/{one.reference}/latest", f"{one.recipe_path}/files"]
    paths += [f"{one.recipe_path}/files/{file}" for file in ("conanfile.py", "conanmanifest.txt")]
    paths += [f"{one.binary_path}/latest", binary, *(f"{binary}/{file}" for file in one.binary)]
    return [ask_(path) for path in paths]


def measure_upload(stage: Stage) -> list[Result]:
    """Uploads of new recipes, each with one binary."""
    numbers = count()

    def uploads(ask_: Ask) -> list[list[Request]]:
        return upload(ask_, [build(f"fresh{next(numbers)}") for _ in range(RECIPES)])

    for server in _servers(stage):
        stage.prepare(f"conan first uploads of {server.name}", lambda s=server: _send(uploads(_ask(s))))  # type: ignore[misc]
    title = f"Conan upload, recipe and binary of {SIZE // KIB} KiB, c={CONNECTIONS}"
    entries = {server.name: _uploads(stage, server, uploads) for server in _servers(stage)}
    return [run_race(Race(title, "requests/s", entries, {"conan_server": 3}), stage.rounds)]


def _uploads(stage: Stage, server: Packhouse | ConanServer, make: Callable[[Ask], list[list[Request]]]) -> Callable[[], Sample]:
    def measure() -> Sample:
        waves = make(_ask(server))
        return stage.sample(server, lambda: _send(waves))

    return measure


def measure_install(stage: Stage) -> list[Result]:
    """Installs of recipes that are there, from clients without a cache: the GETs of each in turn."""
    built = [build(f"library{number}") for number in range(RECIPES)]
    entries: dict[str, Callable[[], Sample]] = {}
    for server in _servers(stage):
        ask_ = _ask(server)
        stage.prepare(f"conan libraries of {server.name}", lambda a=ask_: _send(upload(a, built) + [install(a, built)] * 2))  # type: ignore[misc]
        first, *others = install(ask_, built)
        entries[server.name] = _floods(stage, server, first, others)
    title = f"Conan install, recipe and binary of {SIZE // KIB} KiB, c={CONNECTIONS}"
    return [run_race(Race(title, "requests/s", entries, {"conan_server": 3}), stage.rounds)]


def _floods(stage: Stage, server: Packhouse | ConanServer, first: Request, others: list[Request]) -> Callable[[], Sample]:
    return lambda: stage.sample(server, lambda: flood(first, stage.seconds, CONNECTIONS, others))


def _servers(stage: Stage) -> list[Packhouse | ConanServer]:
    return [stage.packhouse(), stage.conan_server()] if stage.with_ours else [stage.conan_server()]


def _ask(server: Packhouse | ConanServer) -> Ask:
    if isinstance(server, ConanServer):
        return server.conan
    spot = own_project(server)
    # ours by the token of a login as well, which holds a signature to check
    token = ask(spot.ask("conan/v2/users/authenticate"), (200,)).body.decode()
    return lambda path, method="GET", body=b"": Request(f"{spot.base}/conan/{path}", {"Authorization": f"Bearer {token}"}, method, body)


def _send(waves: list[list[Request]]) -> Flood:
    floods = [send_all(wave, CONNECTIONS, OK) for wave in waves]
    requests, seconds = sum(one.requests for one in floods), sum(one.seconds for one in floods)
    slowest = max(floods, key=lambda one: one.p99_ms)
    sent = sum(one.bytes_each * one.requests for one in floods)
    return Flood(requests, seconds, slowest.p50_ms, slowest.p99_ms, sent / requests)


WORKLOADS = (
    Workload("conan-upload", "uploads of recipes with a binary; beside conan_server", measure_upload),
    Workload("conan-install", "installs of the same; beside conan_server", measure_install),
)
