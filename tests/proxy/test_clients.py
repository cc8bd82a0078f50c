"""Real clients pull through a proxy, with the login that the first challenge leads them to."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from programs import INSTALLED, search_path
from requirements import miss
from wire import basic

from .conftest import Group, Registry, digest_of

CRANE = INSTALLED / "go" / "bin" / "crane"


def run(home: Path, *command: str | Path) -> str:
    """What the client printed; it knows nothing of this machine's settings."""
    program = shutil.which(str(command[0]), path=search_path())
    if program is None:
        miss(Path(command[0]).name)
    environment: Mapping[str, str] = {"PATH": search_path(), "HOME": str(home), "LANG": "C.UTF-8", "DOCKER_CONFIG": str(home / ".docker")}
    done = subprocess.run([program, *map(str, command[1:])], env=environment, cwd=home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
    return done.stdout


@pytest.mark.client
def test_skopeo(group: Group, registry: Registry, tmp_path: Path) -> None:
    """skopeo could not copy an image out of a proxy, or would get other bytes."""
    image = registry.push(size=2_000_000)
    source = f"docker://{group.stand.host}/{group.group['path']}/dependency_proxy/containers/{image.name}:1"
    options = ("--src-tls-verify=false", "--src-creds", f"{group.guest.user}:{group.guest.token}")
    for number in range(2):
        target = tmp_path / f"copy{number}"
        run(tmp_path, "skopeo", "--insecure-policy", "copy", *options, "--preserve-digests", source, f"dir:{target}")
        assert (target / "manifest.json").read_bytes() == image.manifest
        assert (target / image.layer_digest.removeprefix("sha256:")).read_bytes() == image.layer
    assert len(group.front.asked("GET")) == 3


@pytest.mark.client
def test_crane(group: Group, registry: Registry, tmp_path: Path) -> None:
    """crane could not log in, read a digest or fetch a layer through a proxy."""
    image = registry.push()
    name = f"{group.stand.host}/{group.group['path']}/dependency_proxy/containers/{image.name}"
    docker = tmp_path / ".docker"
    docker.mkdir()
    login = basic(group.guest.user, group.guest.token)["Authorization"].removeprefix("Basic ")
    (docker / "config.json").write_text(json.dumps({"auths": {group.stand.host: {"auth": login}}}))
    assert run(tmp_path, CRANE, "digest", "--insecure", f"{name}:1").strip() == image.digest
    assert digest_of(run(tmp_path, CRANE, "manifest", "--insecure", f"{name}:1").encode()) == image.digest
    run(tmp_path, CRANE, "pull", "--insecure", "--format", "oci", f"{name}@{image.digest}", tmp_path / "oci")
    assert (tmp_path / "oci" / "blobs" / "sha256" / image.layer_digest.removeprefix("sha256:")).read_bytes() == image.layer
