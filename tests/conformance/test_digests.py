"""Every digest that a document tells is the digest of something that is served, and every address leads to it (threats, P4)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

from .conftest import Home
from .driver import Ask, path_of

HEX = re.compile(rb"(?<![0-9a-fA-F-])(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})(?![0-9a-fA-F])")
PACKAGE_HASH = re.compile(rb'"packageHash":"([A-Za-z0-9+/]{40,}={0,2})"')
INTEGRITY = re.compile(rb"(sha\d{3})-([A-Za-z0-9+/]{40,}={0,2})")
NAMES = ("md5", "sha1", "sha256", "sha512")


def digests_of(content: bytes) -> Iterator[bytes]:
    """Every digest that these bytes may be known by, in hex."""
    for name in NAMES:
        yield hashlib.new(name, content).hexdigest().encode()


def addresses_in(home: Home, body: bytes) -> set[str]:
    """The paths of this format below the project that a document names."""
    base = home.client.base("projects", home.project)
    found = re.findall(rb"(?:https?://[^/\s\"'<>]+)?" + re.escape(base.encode()) + rb"[^\s\"'<>\\]++(?!')", body)
    paths = {path_of(url.decode().replace("&amp;", "&").partition("#")[0]) for url in found}
    return {path for path in paths if not re.search(r"%[a-z]+%", path)}  # a client fills those in


def told_in(body: bytes) -> set[bytes]:
    texts = [text for _, text in INTEGRITY.findall(body)] + PACKAGE_HASH.findall(body)
    integrity = {base64.b64decode(text).hex().encode() for text in texts}
    return set(HEX.findall(body)) | integrity


def test_digests_are_those_of_what_is_served(home: Home) -> None:
    """A client that checks could refuse what we serve, or one that does not could get something else."""
    samples = [home.publish_new(name, version) for name in ("alpha", "beta") for version in ("1.0.0", "2.0.0")]
    told: dict[bytes, str] = {}
    asks = {(ask.path, tuple(ask.headers.items())): ask for sample in samples for ask in home.client.documents("projects", home.project, sample)}
    bodies = [(ask, answer.body) for ask in asks.values() if (answer := home.send(ask)).status == 200]
    served = {digest for _, body in bodies for digest in digests_of(body)}
    addresses: set[str] = set()
    for ask, body in bodies:
        told |= dict.fromkeys(told_in(body) - home.client.superseded(ask, body), ask.path)
        addresses |= addresses_in(home, body) | home.client.linked(ask, body)
    for path in addresses:
        served |= set(digests_of(home.send(Ask("GET", path)).expect(200).body))
    for sample in samples:
        answer = home.fetch(sample).expect(200)
        content = answer.body
        assert content == sample.content
        if home.client.digests == "headers":
            told |= dict.fromkeys(told_in(" ".join(answer.headers.values()).encode()), sample.filename)
        served |= set(digests_of(content))
        assert any(digest in told for digest in digests_of(content)), f"nobody tells the digest of {sample.filename}"
    if home.client.format.indexes:
        served |= {digest for path in side_files(home, addresses) for digest in digests_of(home.send(Ask("GET", path)).body)}
    strangers = {digest.decode(): path for digest, path in told.items() if digest not in served}
    assert not strangers, strangers


def side_files(home: Home, addresses: set[str]) -> Iterator[str]:
    """What may lie beside a file: metadata of its own."""
    for path in addresses:
        if home.send(Ask("HEAD", f"{path}.metadata")).status == 200:
            yield f"{path}.metadata"


def test_declared_digest_is_checked(home: Home) -> None:
    """Bytes that changed on their way could be stored under the digest that the client promised."""
    sample = home.client.sample()
    ask = home.client.publish(home.project, sample)
    assert ask.body is not None
    damaged = ask.body.replace(sample.sha256.encode(), b"0" * 64)
    integrity = base64.b64encode(hashlib.sha512(sample.content).digest())
    damaged = damaged.replace(integrity, base64.b64encode(bytes(64)))
    if damaged == ask.body:
        return  # this client declares nothing
    home.send(Ask(ask.method, ask.path, damaged, ask.headers)).expect(400, 422)
    home.fetch(sample).expect(404)
