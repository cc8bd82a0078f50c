"""Looking after a server whose bytes are on object storage: collection and the doctor, from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from object_storage import Between, Storage
from stand import ROOT, Stand, Team
from wire import basic

from packhouse.blobs.s3 import S3Store
from packhouse.model import Spooled

from .conftest import bucket_of

pytestmark = pytest.mark.server

Keep = Callable[[bytes], Spooled]
Run = Callable[[Any], Any]
AT_ONCE = dict.fromkeys(("COLLECT_SECONDS", "COLLECT_GRACE_SECONDS", "COLLECT_SWEEP_SECONDS", "RETENTION_DAYS"), "0")


@pytest.fixture(name="stand")
def serve(storage: Storage, tmp_path: Path) -> Iterator[Stand]:
    """A server that keeps its rows in SQLite, and collects when it is told to and at once."""
    settings = {f"PACKHOUSE_{name}": value for name, value in AT_ONCE.items()}
    with Stand(tmp_path / "data", {**storage.settings(), **settings}) as stand:
        yield stand


@pytest.fixture(name="bucket")
def open_bucket(stand: Stand) -> S3Store:
    """Where the server keeps its bytes."""
    return S3Store(bucket_of(stand.environment))


def packhouse(stand: Stand, *arguments: str, status: int = 0) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "packhouse", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=stand.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stdout


def publish(stand: Stand, team: Team, content: bytes) -> str:
    """A generic package; the stored name of its bytes."""
    path = f"/api/v4/projects/{team.project['id']}/packages/generic/tool/1.0/a.bin"
    stand.http.request("PUT", path, content, basic(team.writer.user, team.writer.token)).expect(201)
    return sha256(content).hexdigest()


def wait_for_next_second() -> None:
    """The service tells in whole seconds when something was written, and collection is careful."""
    second, pause = int(time.time()), threading.Event()
    while int(time.time()) == second:
        pause.wait(0.02)


def test_collected(stand: Stand, bucket: S3Store, run: Run) -> None:
    """What was deleted could stay in the bucket and be paid for, or what is needed go."""
    team, other = stand.make_team(), stand.make_team()
    doomed, kept = publish(stand, team, b"doomed"), publish(stand, other, b"kept")
    wait_for_next_second()
    (package,) = stand.list_packages(team.project)
    stand.want(204, "DELETE", f"/projects/{team.project['id']}/packages/{package['id']}")
    packhouse(stand, "collect")
    packhouse(stand, "collect")
    assert run(bucket.size(doomed)) is None
    assert run(bucket.size(kept)) == 4


def findings(stand: Stand, *options: str, status: int) -> dict[str, str]:
    said = packhouse(stand, "doctor", "--json", *options, status=status).splitlines()
    found = [json.loads(line) for line in said if line.startswith("{")]  # what the store logs is between them
    return {one["check"]: one["text"] for one in found}


def test_doctor(stand: Stand, bucket: S3Store, keep: Keep, run: Run) -> None:
    """Bytes that are lost or damaged in the bucket could go unnoticed, or a sound one be complained about."""
    names = [publish(stand, stand.make_team(), os.urandom(100)) for _ in range(3)]
    assert findings(stand, "--deep", status=0) == {}
    run(bucket.delete(names[0]))
    run(bucket.restore(keep(b"short"), names[1]))
    run(bucket.restore(keep(b"x" * 100), names[2]))
    assert set(findings(stand, status=2)) == {"D03", "D04"}
    found = findings(stand, "--deep", status=2)
    assert names[0] in found["D03"] and names[1] in found["D04"] and names[2] in found["D05"]
    findings(stand, "--deep", "--fix", "safe", status=2)
    assert [run(bucket.size(name)) for name in names] == [None, None, None], "nothing wrong is served any more"


def test_doctor_without_a_bucket(storage: Storage, tmp_path: Path) -> None:
    """A bucket that nobody can write to could pass for a sound one."""
    with Between(storage) as between, Stand(tmp_path / "data", storage.settings(between.url)) as stand:
        between.fail("PUT", "403")
        assert "cannot be written to" in findings(stand, status=2)["D20"]
        publish(stand, stand.make_team(), b"one")
        between.faults.clear()
        between.fail("HEAD", "500", 100)
        assert set(findings(stand, "--deep", "--fix", "safe", status=2)) == {"D20"}, "what is not known is not given up"


def test_refused_at_the_start(storage: Storage, tmp_path: Path) -> None:
    """A server whose keys are wrong could start, and fail at the first publish."""
    settings = {**storage.settings(), "PACKHOUSE_BLOBS_SECRET_KEY": "not-the-secret"}
    with pytest.raises(AssertionError, match="ended at its start") as refused:
        Stand(tmp_path / "data", settings).start()
    assert "cannot be written to" in str(refused.value) and "not-the-secret" not in str(refused.value)
