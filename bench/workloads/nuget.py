"""NuGet: the registration of a package with thousands of versions; the restore of a solution with 300 packages."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile

from figures import LimitResult, Result
from load import Request, send_all
from samples import KIB
from stage import Stage
from workloads import Workload
from workloads.many import Many, measure_many
from workloads.places import Spot, own_project, send_in_parts

PACKAGES = 300
CONNECTIONS = 6  # as many as a client opens

NUSPEC = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
  <metadata>
    <id>{id}</id>
    <version>{version}</version>
    <authors>The sample authors</authors>
    <description>Parses, checks and prints small tables of figures</description>
    <tags>sample tables figures bench</tags>
    <dependencies>
      <group targetFramework="net8.0"><dependency id="Bench.Core" version="1.4.0" /><dependency id="Bench.Tables" version="2.0.1" /></group>
      <group targetFramework="netstandard2.0"><dependency id="Bench.Core" version="1.4.0" /></group>
    </dependencies>
  </metadata>
</package>
"""


def build_package(name: str, version: str, size: int) -> bytes:
    """A package of about this size that does not compress."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{name}.nuspec", NUSPEC.format(id=name, version=version))
        archive.writestr(f"lib/net8.0/{name}.dll", os.urandom(size))
    return out.getvalue()


def push(spot: Spot, name: str, version: str, size: int) -> Request:
    """What a client sends to publish."""
    mark = "bench" + os.urandom(12).hex()
    head = f'--{mark}\r\nContent-Disposition: form-data; name="package"; filename="package.nupkg"\r\n\r\n'
    body = b"".join([head.encode(), build_package(name, version, size), f"\r\n--{mark}--\r\n".encode()])
    return spot.ask("nuget/", "PUT", body, Content_Type=f"multipart/form-data; boundary={mark}", X_NuGet_ApiKey=spot.token)


def push_number(spot: Spot, number: int) -> Request:
    return push(spot, "Bench.Library", f"1.{number}.0", 100)


def measure_versions(stage: Stage) -> list[Result]:
    """The registration of a package with very many versions."""
    return measure_many(stage, Many("NuGet registration", "nuget/metadata/bench.library/index.json", push_number, last_page))


def last_page(body: bytes) -> str:
    """The page with the newest versions, by the index."""
    return str(json.loads(body)["items"][-1]["@id"])


def measure_restore(stage: Stage) -> list[Result]:
    """What a restore without anything cached asks: of each package the list of its versions, and one of them."""
    if not stage.with_ours:
        return []
    spot = own_project(stage.packhouse())
    names = [f"Bench.Restored{number}" for number in range(PACKAGES)]
    stage.prepare("nuget restore", lambda: send_in_parts(lambda number: push(spot, names[number], "1.0.0", 50 * KIB), range(PACKAGES)))
    paths = [f"nuget/download/{name.lower()}" for name in names]
    waves = (
        [spot.ask(f"{path}/index.json") for path in paths],
        [spot.ask(f"{path}/1.0.0/{path.rpartition('/')[2]}.1.0.0.nupkg") for path in paths],
    )
    seconds = [_time(waves) for _ in range(stage.rounds)]
    note = f"{2 * PACKAGES} GETs on {CONNECTIONS} connections, packages of 50 KiB"
    return [LimitResult(f"NuGet restore of {PACKAGES} packages", "s", seconds, None, note)]


def _time(waves: tuple[list[Request], ...]) -> float:
    begun = time.perf_counter()
    for wave in waves:
        send_all(wave, CONNECTIONS, (200,))
    return time.perf_counter() - begun


WORKLOADS = (
    Workload("nuget-restore", f"every GET of the restore of {PACKAGES} packages", measure_restore),
    Workload("nuget-5000-versions", "registration of 5,000 versions, cold and hot; of a group of 20 projects", measure_versions),
)
