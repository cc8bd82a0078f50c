"""Copy another repository's branches and tags: from a checked address, without redirects, bounded in size and time (threats, section 9)."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import resource
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from packhouse.errors import UpstreamFailed, UpstreamTimeout
from packhouse.git.program import run
from packhouse.model import Struct

REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
SECONDS = 3600.0
BRANCHES = "refs/heads/"
LONGEST_ERROR = 300
BOUNDS = (
    "http.followRedirects=false",
    "http.lowSpeedLimit=500",
    "http.lowSpeedTime=60",
    "http.proxy=",
    "http.cookieFile=",
    "http.emptyAuth=false",
    "fetch.fsckObjects=true",
    "fetch.unpackLimit=1",
    "fetch.recurseSubmodules=false",
    "fetch.negotiationAlgorithm=consecutive",
    "transfer.bundleURI=false",
    "pack.threads=1",
    "index.threads=1",
    "core.deltaBaseCacheLimit=64m",
    "core.bigFileThreshold=32m",
    "core.fsync=all",
    "maintenance.auto=false",
    "gc.auto=0",
)


class Origin(Struct):
    """Where from: a URL with the addresses its host was checked at, or a folder of this machine."""

    url: str
    addresses: tuple[str, ...] = ()
    user: str = ""
    secret: str = ""
    local: bool = False


def fetch_refs(folder: Path, origin: Origin, *, largest: int, prune: bool) -> str:
    """Make our branches and tags like the other's; its default branch, "" where it tells none. Raises `UpstreamFailed`, `UpstreamTimeout`."""
    told = _run(folder, origin, ["ls-remote", "--symref", "--", origin.url, "HEAD"], 60.0, largest)
    options = ["--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules", "--no-show-forced-updates", "--quiet", "--no-tags"]
    options += ["--prune"] if prune else []
    _run(folder, origin, ["fetch", *options, "--", origin.url, *REFS], SECONDS, largest)
    first = told.decode("utf-8", "replace").partition("\n")[0]
    return first.removeprefix("ref: ").partition("\t")[0].removeprefix(BRANCHES) if first.startswith("ref: " + BRANCHES) else ""


def _run(folder: Path, origin: Origin, arguments: Sequence[str], seconds: float, largest: int) -> bytes:
    with contextlib.ExitStack() as stack:
        more: dict[str, str] = _secret(origin)
        if origin.local:
            # the program that reads the other side takes no settings from our command line
            trust = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".gitconfig"))
            trust.write("[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n")
            trust.flush()
            more["GIT_CONFIG_GLOBAL"] = trust.name

        def bound(pid: int) -> None:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, largest))  # its children are born with it

        try:
            done = run(folder, *arguments, seconds=seconds, settings=(*BOUNDS, *_allowed(origin)), variables=more, begun=bound)
        except subprocess.TimeoutExpired as error:
            raise UpstreamTimeout("The other repository did not send everything in time") from error
    if done.returncode != 0:
        raise UpstreamFailed(f"Copying the other repository failed: {_reason(done.stderr, origin)}")
    return done.stdout


def _allowed(origin: Origin) -> Sequence[str]:
    if origin.local:
        return ("protocol.file.allow=always",)
    parts = urlsplit(origin.url)
    allowed = [f"protocol.{parts.scheme}.allow=always"]
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return allowed
    port = parts.port or (443 if parts.scheme == "https" else 80)
    listed = ",".join(f"[{address}]" if ":" in address else address for address in origin.addresses)
    return [*allowed, f"http.curloptResolve={host}:{port}:{listed}"]  # the connection goes to what was checked


def _secret(origin: Origin) -> dict[str, str]:
    """By the environment: the arguments of a program are seen by everybody on the machine."""
    if not origin.secret:
        return {}
    pair = base64.b64encode(f"{origin.user or 'git'}:{origin.secret}".encode()).decode()
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader", "GIT_CONFIG_VALUE_0": f"Authorization: Basic {pair}"}


def _reason(err: bytes, origin: Origin) -> str:
    lines = [line for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "git said nothing")
    hidden = said.replace(origin.secret, "...") if origin.secret else said
    return "".join(letter for letter in hidden if letter.isprintable())[:LONGEST_ERROR]


def names_of(before: Mapping[str, str], after: Mapping[str, str], absent: str) -> dict[str, str]:
    """What has changed: ref → its new id."""
    changed = {ref: id_ for ref, id_ in after.items() if before.get(ref) != id_}
    return changed | {ref: absent for ref in before if ref not in after}
