"""Who is sent to the object storage for a file, and who never is."""

from __future__ import annotations

import pytest

from packhouse.model import Blob
from packhouse.responses import FileReply
from packhouse.settings import Settings
from packhouse.web.elsewhere import SMALLEST, is_apart, may_leave


@pytest.mark.parametrize(
    ("here", "there", "apart"),
    [
        ("https://packages.example", "https://storage.example", True),
        ("http://packages.example", "https://storage.example", True),
        ("http://packages.example", "http://storage.example:9000", True),
        ("https://packages.example", "http://storage.example", False),
        ("https://packages.example", "https://packages.example:9000", False),
        ("https://packages.example", "https://storage.packages.example", False),
        ("https://packages.example", "https://a.b.PACKAGES.example", False),
        ("https://packages.example", "https://example", False),
        ("https://packages.example", "https://otherpackages.example", True),
    ],
)
def test_apart(here: str, there: str, apart: bool) -> None:
    """A client could be sent from https to plain http, or to the same host or one below it, where it takes its credential along."""
    assert is_apart(Settings(external_url=here, blobs_endpoint=there)) is apart


def test_switched_off() -> None:
    """An operator whose clients do not reach the object storage could not keep them from being sent there."""
    assert not is_apart(Settings(external_url="https://packages.example", blobs_endpoint="https://storage.example", blobs_redirect=False))


@pytest.mark.parametrize(
    ("method", "size", "headers", "leaves"),
    [
        ("GET", SMALLEST, {"user-agent": "pip/26.0 {}"}, True),
        ("GET", SMALLEST, {"user-agent": "npm/11 node/22", "authorization": "Bearer x"}, True),
        ("GET", SMALLEST - 1, {"user-agent": "pip/26.0"}, False),
        ("HEAD", SMALLEST, {"user-agent": "pip/26.0"}, False),
        ("GET", SMALLEST, {}, False),
        ("GET", SMALLEST, {"user-agent": "Mozilla/5.0 pip/26"}, False),
        ("GET", SMALLEST, {"user-agent": "pipx"}, False),
        ("GET", SMALLEST, {"user-agent": "curl/8", "job-token": "x"}, False),
        ("GET", SMALLEST, {"user-agent": "curl/8", "cookie": "x"}, False),
        ("GET", SMALLEST, {"user-agent": "curl/8", "x-ops-sign": "algorithm=sha1;version=1.0"}, False),
        ("GET", SMALLEST, {"user-agent": "curl/8", "x-ops-authorization-12": "x"}, False),
        ("GET", SMALLEST, {"user-agent": "curl/8", "if-range": '"x"'}, False),
    ],
)
def test_leaves(method: str, size: int, headers: dict[str, str], leaves: bool) -> None:
    """A client that may take its credential along is sent elsewhere, or one that does not is not."""
    assert may_leave(FileReply(blob=Blob(sha256="a" * 64, size=size), name="a"), method, headers) is leaves
