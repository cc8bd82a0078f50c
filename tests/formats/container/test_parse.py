"""Manifests: what they are and what they point at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.container import index as documents
from packhouse.formats.container import parse
from packhouse.model import Reference

from .samples import FOREIGN_LAYER, OCI_CONFIG, OCI_IMAGE, OCI_INDEX, OCI_LAYER, artifact, descriptor, digest, image, index

KEYS = st.sampled_from(["layers", "config", "manifests", "digest", "size", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def read(pushed: Any) -> parse.Manifest:
    return parse.read_manifest(pushed.manifest, pushed.media_type)


def test_image() -> None:
    """What an image points at is not what it says."""
    pushed = image("x", layers=[b"one", b"two", b"one"])
    found = read(pushed)
    config = pushed.document["config"]["digest"]
    assert found.facts.kind == "image" and found.facts.type == OCI_IMAGE
    assert found.references == tuple(Reference(kind="blob", digest=d) for d in (config, digest(b"one"), digest(b"two")))
    assert found.facts.size == len(pushed.blobs[0]) + 9


def test_index_and_cache() -> None:
    """An image in an index need not be there, or a layer in a build cache must be an image."""
    child = image("x")
    cache = {"schemaVersion": 2, "manifests": [child.descriptor(), descriptor(b"layer", OCI_LAYER)]}
    found = parse.read_manifest(json.dumps(cache).encode(), OCI_INDEX)
    assert [one.kind for one in found.references] == ["version", "either"]
    assert read(index(child)).facts.children[0].platform == {"os": "linux", "architecture": "amd64"}


def test_subject_and_artifact_type() -> None:
    """A referrer is not found by its subject, or is described by another type than its own."""
    subject = image("x")
    found = read(artifact(subject.descriptor(), "application/vnd.example.kind", annotations={"a": "b"}))
    assert Reference(kind="subject", digest=subject.digest) in found.references
    assert documents.artifact_type(found.facts) == "application/vnd.example.kind"
    assert documents.artifact_type(read(subject).facts) == OCI_CONFIG and documents.artifact_type(read(index()).facts) == ""


@pytest.mark.parametrize("more", [{"mediaType": FOREIGN_LAYER}, {"urls": ["https://layers.example/x"]}])
def test_foreign_layers(more: dict[str, Any]) -> None:
    """A layer that is fetched from elsewhere must be here."""
    document = image("x").document
    document["layers"].append(descriptor(b"far", OCI_LAYER) | more)
    found = parse.read_manifest(json.dumps(document).encode(), OCI_IMAGE)
    assert Reference(kind="other", digest=digest(b"far")) in found.references


def test_unknown_type_keeps_what_it_names() -> None:
    """What a manifest of an unknown type names is collected under it, or has to be there."""
    body = json.dumps({"deep": [{"in": {"digest": digest(b"x"), "size": 1}}, {"digest": "no digest", "size": 1}]}).encode()
    found = parse.read_manifest(body, "application/vnd.example+json")
    assert found.references == (Reference(kind="other", digest=digest(b"x")),)


def test_most_layers() -> None:
    """A manifest with more layers than anybody needs is taken."""
    document = image("x").document | {"layers": [descriptor(b"x", OCI_LAYER)] * 1001}
    with pytest.raises(InvalidUpload, match="1001 layers"):
        parse.read_manifest(json.dumps(document).encode(), OCI_IMAGE)


def test_facts_come_back() -> None:
    """What is kept of a manifest is not what was read, or its type cannot be read alone."""
    for pushed in (image("x"), index(image("x")), artifact(None)):
        facts = read(pushed).facts
        written = parse.write_facts(facts)
        assert parse.read_facts(written) == facts and parse.read_type(written) == facts.type


@pytest.mark.parametrize(
    "config", [None, b"", b"{", b"[]", b"\xff", b'{"created": 7, "os": [], "config": "x"}', b'{"created": "yesterday", "config": {"Labels": 1}}']
)
def test_odd_configuration(config: bytes | None) -> None:
    """A configuration that says nothing useful keeps an image from being pushed."""
    facts, labels, made = parse.add_config(read(image("x")).facts, config)
    assert made is None and labels == {} and not facts.platform


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2025-01-01T00:00:00.123456789Z", "2025-01-01T00:00:00+14:00"])
def test_times_at_the_edge(text: str) -> None:
    """A time that tools write for "none", or with nanoseconds, keeps an image from being pushed."""
    assert isinstance(parse.read_time(text), int)


@given(st.binary(max_size=200), st.sampled_from([OCI_IMAGE, OCI_INDEX, "", "x/y"]))
def test_any_bytes(body: bytes, media_type: str) -> None:
    """Some bytes are neither a manifest nor refused as one."""
    try:
        parse.read_manifest(body, media_type)
    except InvalidUpload:
        pass


@given(st.dictionaries(st.sampled_from(["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "annotations"]), JSON))
def test_any_object(document: dict[str, Any]) -> None:
    """Some JSON is neither a manifest nor refused as one."""
    for media_type in (OCI_IMAGE, OCI_INDEX, "x/y"):
        try:
            parse.read_manifest(json.dumps({"schemaVersion": 2, **document}).encode(), media_type)
        except InvalidUpload:
            pass
