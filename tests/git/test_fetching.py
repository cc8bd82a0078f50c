"""Copying from a server that means harm: what it says leads nowhere but to the address that was checked."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from git_work import Work
from loopback import Loopback, send

from packhouse.errors import UpstreamFailed
from packhouse.git import fetching, keeping
from packhouse.git.fetching import Origin, fetch_refs

MIB = 1024 * 1024


class Host(Loopback):
    """A web server on loopback: path → status, headers, body; everything else is 404. It notes what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str]] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.asked.append((path, request.headers.get("Authorization", "")))
        status, headers, body = self.answers.get(path, (404, {}, b""))
        send(request, status, body, headers)

    def repository(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/x.git"


@pytest.fixture(name="hosts")
def start_two() -> Iterator[tuple[Host, Host]]:
    """The one that is copied from, and one that nobody may be led to."""
    with Host() as outside, Host() as inside:
        yield outside, inside


@pytest.fixture(name="bare")
def make_bare(tmp_path: Path) -> Path:
    folder = tmp_path / "x.git"
    keeping.make_repository(folder)
    return folder


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int, hosts: tuple[Host, Host], bare: Path) -> None:
    """A public server sends ours to an address that only ours can reach."""
    outside, inside = hosts
    outside.answers["/x.git/info/refs"] = (status, {"Location": f"{inside.repository()}/info/refs?service=git-upload-pack"}, b"")
    with pytest.raises(UpstreamFailed):
        fetch_refs(bare, Origin(url=outside.repository(), addresses=("127.0.0.1",)), largest=MIB, prune=True)
    assert outside.asked and not inside.asked


def test_alternates_of_a_plain_server_are_not_followed(hosts: tuple[Host, Host], bare: Path) -> None:
    """A server that speaks the old protocol names another place for its objects, and we look there."""
    outside, inside = hosts
    commit = "a" * 40
    outside.answers["/x.git/info/refs"] = (200, {"Content-Type": "text/plain"}, f"{commit}\trefs/heads/main\n".encode())
    outside.answers["/x.git/HEAD"] = (200, {}, b"ref: refs/heads/main\n")
    for name in ("http-alternates", "alternates"):
        outside.answers[f"/x.git/objects/info/{name}"] = (200, {}, f"http://127.0.0.1:{inside.port}/x.git/objects\n".encode())
    with pytest.raises(UpstreamFailed):
        fetch_refs(bare, Origin(url=outside.repository(), addresses=("127.0.0.1",)), largest=MIB, prune=True)
    assert any("objects" in path for path, _ in outside.asked) and not inside.asked


def test_the_connection_goes_to_what_was_checked(hosts: tuple[Host, Host], bare: Path) -> None:
    """A name is resolved again after it was checked, and leads elsewhere by then."""
    outside, _ = hosts
    for host in ("nowhere.invalid", "NOWHERE.invalid"):
        outside.asked.clear()
        with pytest.raises(UpstreamFailed):
            fetch_refs(bare, Origin(url=outside.repository(host), addresses=("127.0.0.1",)), largest=MIB, prune=True)
        assert outside.asked, host


def test_a_secret_is_sent_and_never_shown(hosts: tuple[Host, Host], bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password of a mirror is in the arguments of a program, or in the reason that is shown when it fails."""
    outside, _ = hosts
    outside.answers["/x.git/info/refs"] = (500, {"Content-Type": "text/plain"}, b"sec-ret is wrong")
    started: list[str] = []
    run = fetching.run

    def noting(folder: Path, *arguments: str, **more: object) -> object:
        started.extend([*arguments, *map(str, more.get("settings", ()))])  # type: ignore[call-overload]
        return run(folder, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(fetching, "run", noting)
    with pytest.raises(UpstreamFailed) as caught:
        fetch_refs(bare, Origin(url=outside.repository(), addresses=("127.0.0.1",), user="robot", secret="sec-ret"), largest=MIB, prune=True)
    assert "sec-ret" not in caught.value.message and started and not any("sec-ret" in one for one in started)
    assert outside.asked[0][1].startswith("Basic ")


def test_a_copy_is_bounded_in_size(work: Work, bare: Path) -> None:
    """A source without end fills the disk."""
    import random

    work.commit({"large": random.Random(1).randbytes(3 * MIB)})
    with pytest.raises(UpstreamFailed):
        fetch_refs(bare, Origin(url=str(work.folder / ".git"), local=True), largest=MIB, prune=True)
    assert not keeping.read_refs(bare)
