"""Maven: the deploy of a large build; maven-metadata.xml of thousands of versions."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from itertools import count

from figures import LimitResult, Result
from load import Request, send_all
from samples import KIB
from stage import Stage
from workloads import Workload
from workloads.many import Many, measure_many
from workloads.places import OK, Spot, own_project

MODULES = 200
FOLDER = "maven/com/bench/library"

POM = """<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.bench</groupId>
  <artifactId>{artifact}</artifactId>
  <version>{version}</version>
  <name>A module of the measurements</name>
  <description>Parses, checks and prints small tables of figures</description>
  <dependencies>
    <dependency><groupId>com.bench</groupId><artifactId>core</artifactId><version>1.4.0</version></dependency>
    <dependency><groupId>com.bench</groupId><artifactId>tables</artifactId><version>2.0.1</version><scope>test</scope></dependency>
  </dependencies>
</project>
"""
METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<metadata>
  <groupId>com.bench</groupId>
  <artifactId>{artifact}</artifactId>
  <versioning>
    <release>{version}</release>
    <versions>
      <version>{version}</version>
    </versions>
    <lastUpdated>20260102030405</lastUpdated>
  </versioning>
</metadata>
"""


def put_file(spot: Spot, path: str, body: bytes) -> Iterator[Request]:
    """A file and the two checksums that Maven sends after it."""
    yield spot.ask(path, "PUT", body)
    for algorithm in ("sha1", "md5"):
        yield spot.ask(f"{path}.{algorithm}", "PUT", hashlib.new(algorithm, body).hexdigest().encode())


def deploy_module(spot: Spot, artifact: str, version: str) -> list[Request]:
    """What Maven sends for one module, its look at the metadata apart."""
    folder = f"maven/com/bench/{artifact}"
    stem = f"{folder}/{version}/{artifact}-{version}"
    metadata = METADATA.format(artifact=artifact, version=version).encode()
    files = ((f"{stem}.pom", POM.format(artifact=artifact, version=version).encode()), (f"{stem}.jar", os.urandom(20 * KIB)))
    return [request for path, body in (*files, (f"{folder}/maven-metadata.xml", metadata)) for request in put_file(spot, path, body)]


def put_pom(spot: Spot, number: int) -> Request:
    """A version of the library: its POM alone, which lists it."""
    version = f"1.{number}.0"
    return spot.ask(f"{FOLDER}/{version}/library-{version}.pom", "PUT", POM.format(artifact="library", version=version).encode())


def measure_deploy(stage: Stage) -> list[Result]:
    """Every request of a build's deploy, on one connection as Maven has it, and on four as with `-T 4`."""
    if not stage.with_ours:
        return []
    spot, numbers = own_project(stage.packhouse()), count()
    results: list[Result] = []
    for connections in (1, 4):
        seconds: list[float] = []
        requests: list[Request] = []
        for _ in range(stage.rounds):
            version = f"1.{next(numbers)}.0"
            requests = [request for module in range(MODULES) for request in deploy_module(spot, f"module-{module}", version)]
            begun = time.perf_counter()
            for wave in _waves(requests, connections):
                send_all(wave, connections, OK)
            seconds.append(time.perf_counter() - begun)
        note = f"{len(requests)} requests: POM, jar of 20 KiB, metadata, two checksums of each"
        results.append(LimitResult(f"Maven deploy of {MODULES} modules, c={connections}", "s", seconds, None, note))
    return results


def _waves(requests: list[Request], connections: int) -> Iterator[list[Request]]:
    # files first, then their checksums: no checksum is sent before its file was answered
    if connections == 1:
        yield requests
        return
    for wave in range(9):
        yield requests[wave::9]


def measure_versions(stage: Stage) -> list[Result]:
    """maven-metadata.xml of an artifact with very many versions."""
    return measure_many(stage, Many("maven-metadata.xml", f"{FOLDER}/maven-metadata.xml", put_pom))


WORKLOADS = (
    Workload("maven-deploy", f"every request of the deploy of {MODULES} modules", measure_deploy),
    Workload("maven-5000-versions", "maven-metadata.xml of 5,000 versions, cold and hot; of a group of 20 projects", measure_versions),
)
