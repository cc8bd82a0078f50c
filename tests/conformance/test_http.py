"""HTTP as caches, resumers and packers use it: HEAD, validators, ranges, gzip, and what keeps stored bytes harmless in a browser."""

from __future__ import annotations

import gzip
import itertools
import re
from pathlib import Path

import pytest
from wire import Answer, basic

from .conftest import Home, make_home
from .driver import Ask, Client, Sample
from .furniture import PUBLIC

PASSING = {"date", "x-request-id", "last-modified"}  # the last is left out for as long as it could change within its second


def asks_of(home: Home, sample: Sample) -> list[Ask]:
    """The file and every document, each that answers."""
    found = [home.client.fetch(home.project, sample), *home.client.documents("projects", home.project, sample)]
    return [ask for ask in found if home.send(ask).status == 200]


def headers_of(answer: Answer) -> dict[str, str]:
    return {k.lower(): v for k, v in answer.headers.items() if k.lower() not in PASSING}


def with_header(ask: Ask, **headers: str) -> Ask:
    return Ask(ask.method, ask.path, ask.body, {**ask.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})


def test_head_equals_get(home: Home) -> None:
    """A client that looks first could be told another size, digest or type than it gets."""
    sample = home.publish_new()
    asks = asks_of(home, sample)
    assert asks
    for ask in asks:
        got, head = home.send(ask), home.send(Ask("HEAD", ask.path, None, ask.headers))
        assert (head.status, head.body) == (200, b"")
        assert headers_of(head) == headers_of(got), ask.path
        assert int(got.headers["content-length"]) == len(got.body)
    missing = home.client.fetch(home.project, home.client.sample("absent"))
    assert home.send(Ask("HEAD", missing.path)).expect(404).body == b""


def test_validators(home: Home) -> None:
    """A client could fetch again what it has, or keep what has changed."""
    sample = home.publish_new()
    for ask in asks_of(home, sample):
        got = home.send(ask)
        etag = got.headers["etag"]
        if etag is None:
            continue  # made for this request alone
        for asked in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            same = home.send(with_header(ask, If_None_Match=asked))
            assert (same.status, same.body, same.headers["etag"]) == (304, b"", etag), (ask.path, asked)
        assert home.send(with_header(ask, If_None_Match='"other"')).body == got.body
    before = home.listing(sample).headers["etag"]
    home.publish_new(version="2.0.0")
    after = home.send(with_header(home.client.listing(home.project, sample), If_None_Match=before or ""))
    if home.client.format.indexes:
        assert after.status == 200 and after.headers["etag"] != before


def test_last_modified(home: Home) -> None:
    """A client that knows only dates could fetch again what it has, or keep what has changed within a second."""
    sample = home.publish_new()
    assert all(home.send(ask).headers["last-modified"] is None for ask in asks_of(home, sample)), "a date that may still mean other bytes"
    home.age(3)
    for ask in asks_of(home, sample):
        dated = home.send(ask).headers["last-modified"]
        if dated is None:
            assert home.send(ask).headers["etag"] is None, "a document without a date"
            continue
        assert home.send(with_header(ask, If_Modified_Since=dated)).status == 304, ask.path
        assert home.send(with_header(ask, If_Modified_Since=dated, If_None_Match='"other"')).status == 200, "the entity tag decides"
        assert home.send(with_header(ask, If_Modified_Since="Thu, 01 Jan 1970 00:00:00 GMT")).status == 200
        assert home.send(with_header(ask, If_Modified_Since="no date")).status == 200


def test_ranges_of_a_file(home: Home) -> None:
    """A download that broke off could not be gone on with, or be gone on with on other bytes."""
    sample = home.publish_new()
    content, ask = sample.content, home.client.fetch(home.project, sample)
    size = len(content)
    assert home.send(ask).headers["accept-ranges"] == "bytes"
    for asked, first, last in (
        ("0-0", 0, 0),
        ("1-4", 1, 4),
        (f"{size - 3}-", size - 3, size - 1),
        ("-3", size - 3, size - 1),
        (f"0-{size * 9}", 0, size - 1),
    ):
        part = home.send(with_header(ask, Range=f"bytes={asked}")).expect(206)
        assert part.body == content[first : last + 1], asked
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
    assert home.send(with_header(ask, Range=f"bytes={size}-")).expect(416).headers["content-range"] == f"bytes */{size}"
    etag = home.send(ask).headers["etag"]
    assert home.send(with_header(ask, Range="bytes=1-2", If_Range=etag or "")).status == 206
    assert home.send(with_header(ask, Range="bytes=1-2", If_Range='"other"')).expect(200).body == content
    for odd in ("bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=" + "0-1," * 5000 + "0-1", "bytes=" + "9" * 5000 + "-"):
        assert home.send(with_header(ask, Range=odd)).status in (200, 206, 416), odd[:40]


def test_gzip_twin(home: Home) -> None:
    """A packed document could hold something else than the plain one, or share its entity tag."""
    for n in range(40):
        sample = home.publish_new(version=f"{n}.0.0")
    packed_at_all, longest = False, 0
    for ask in asks_of(home, sample)[1:]:
        plain = home.send(ask)
        longest = max(longest, len(plain.body))
        packed = home.send(with_header(ask, Accept_Encoding="gzip, deflate"))
        assert "content-encoding" not in plain.headers
        if packed.headers["content-encoding"] == "gzip":
            packed_at_all = True
            assert gzip.decompress(packed.body) == plain.body
            assert packed.headers["etag"] != plain.headers["etag"]
            assert "Accept-Encoding" in packed.headers["vary"]
            assert home.send(with_header(ask, Accept_Encoding="gzip", If_None_Match=packed.headers["etag"])).status == 304
        assert home.send(with_header(ask, Accept_Encoding="gzip;q=0")).headers["content-encoding"] is None
    assert packed_at_all or longest < 1024  # what is that short is as quick in plain
    assert home.send(with_header(home.client.fetch(home.project, sample), Accept_Encoding="gzip")).headers["content-encoding"] is None


def test_nothing_is_kept_by_others(home: Home, client: Client) -> None:
    """A shared cache could hand a private answer to somebody else, or an answer for one credential to another."""
    sample = home.publish_new()
    for ask in asks_of(home, sample):
        answer = home.send(ask)
        assert "private" in answer.headers["cache-control"] and "public" not in answer.headers["cache-control"], ask.path
        if answer.headers["etag"] is None or not answer.headers["accept-ranges"]:
            assert "Authorization" in answer.headers["vary"], ask.path
    open_ = make_home(home.server, client, PUBLIC)
    shown = open_.publish_new()
    for ask in asks_of(open_, shown):
        signed_in, anonymous = open_.send(ask), open_.send_bare(ask)
        assert "private" in signed_in.headers["cache-control"]
        assert anonymous.body == signed_in.body


def test_stored_bytes_are_harmless(home: Home) -> None:
    """A page in a package could run in our origin, in the browser of somebody who is signed in."""
    sample = home.publish_new()
    for ask in asks_of(home, sample):
        answer = home.send(ask)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'"), ask.path
        assert answer.headers["x-frame-options"] == "DENY"
    content = home.fetch(sample)
    assert content.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in content.headers["content-security-policy"]
    assert content.headers["content-type"].split(";")[0] not in (
        "text/html",
        "image/svg+xml",
        "application/xml",
        "text/xml",
        "application/javascript",
    )


def test_other_methods(home: Home) -> None:
    """A method nobody offers could be an error of ours, or be taken for another one."""
    sample = home.publish_new()
    path = home.client.fetch(home.project, sample).path
    for method in ("PATCH", "TRACE", "OPTIONS", "PROPFIND", "SEARCH"):
        answer = home.send(Ask(method, path))
        assert answer.status == 405, method
        assert "GET" in answer.headers["allow"] and "HEAD" in answer.headers["allow"]
    home.send_bare(Ask("GET", path), X_HTTP_Method_Override="DELETE")
    home.fetch(sample).expect(200)


def test_large_body_streams(home: Home) -> None:
    """A large file could be held in memory, on its way in or out: a few of them at once would end the server."""
    sample = home.client.sample()
    ask = home.client.publish(home.project, sample)
    if ask.body != sample.content or home.client.format.indexes:
        pytest.skip(f"{home.client.name} reads what it is given: it takes no bytes of ours")
    block = bytes(range(256)) * 4096
    size = 96 * len(block)
    before = memory(home)
    home.server.send(ask.method, ask.path, itertools.repeat(block, 96), basic(home.maintainer.user, home.maintainer.secret)).expect(200, 201)
    fetched = home.fetch(sample).expect(200)
    assert len(fetched.body) == size and fetched.body.startswith(block) and fetched.body.endswith(block)
    last = home.send(with_header(home.client.fetch(home.project, sample), Range=f"bytes={size - 10}-")).expect(206)
    assert last.body == block[-10:]
    assert memory(home) - before < size // 2


def memory(home: Home) -> int:
    """The most that any process of the server has ever held, in bytes."""
    children = Path(f"/proc/{home.server.pid}/task/{home.server.pid}/children").read_text().split()
    peaks = [re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in children]
    return max(int(found[1]) * 1024 for found in peaks if found)


ODD_QUERIES = (
    "&".join(["a=1"] * 300), "a" * 60_000, "%ff=%fe", "%00=%00", "a=%zz", "=", "&&&", "?a=1?b=2", "private_token=", "job_token=", "sudo=root",
    "page=-1&per_page=99999999999999999999", "a[]=1&a[b]=2", "format=%3Cscript%3E", "write=true&write=false", "size=NaN&from=-1",
)  # fmt: skip


def test_odd_queries(home: Home) -> None:
    """A query could be an error of ours."""
    sample = home.publish_new()
    for ask in (home.client.fetch(home.project, sample), home.client.listing(home.project, sample)):
        for query in ODD_QUERIES:
            answer = home.send(Ask("GET", f"{ask.path}?{query}", None, ask.headers))
            assert answer.status < 500, (query[:80], answer.text)


ODD_HEADERS = (
    {"Accept": "a" * 5000}, {"Accept": ";;;q=,,,"}, {"Accept": "text/html;q=9e999"}, {"Accept": "*/*;q=0"}, {"Content-Type": "multipart/form-data"},
    {"If-None-Match": "x" * 5000}, {"Authorization": "Basic"}, {"Authorization": ""}, {"Authorization": "Negotiate abc"}, {"Authorization": "Bearer"},
    {"Cookie": "a=b; ;; packhouse_session=\x80"}, {"Range": "bytes=" + "-" * 100}, {"Accept-Encoding": "gzip;q=x"}, {"Content-Length": "-1"},
    {"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}, {"Content-Encoding": "gzip"},
)  # fmt: skip


def test_odd_headers(home: Home) -> None:
    """A header could be an error of ours, or get into a document."""
    sample = home.publish_new()
    ask = home.client.listing(home.project, sample)
    plain = home.send(ask).body
    for headers in ODD_HEADERS:
        answer = (
            home.send_bare(ask, **headers) if "Authorization" in headers else home.send(Ask(ask.method, ask.path, None, {**ask.headers, **headers}))
        )
        assert answer.status < 500, (headers, answer.text)
        assert b"evil.example" not in answer.body
    assert home.send(ask).body == plain
