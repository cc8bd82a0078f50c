"""Answers made of rows: lists of tags and repositories, and the index of what refers to a manifest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from packhouse.formats.container.parse import OCI_INDEX, Facts


def write_tags(name: str, tags: Sequence[str]) -> bytes:
    return msgspec.json.encode({"name": name, "tags": tags})


def write_catalog(repositories: Sequence[str]) -> bytes:
    return msgspec.json.encode({"repositories": repositories})


def write_referrers(entries: Iterable[Mapping[str, Any]]) -> bytes:
    return msgspec.json.encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)})


def write_referrer(digest: str, size: int, facts: Facts, annotations: Mapping[str, str]) -> dict[str, Any]:
    """The descriptor of a manifest that refers to another one."""
    entry: dict[str, Any] = {"mediaType": facts.type, "digest": digest, "size": size}
    if kind := artifact_type(facts):
        entry["artifactType"] = kind
    if annotations:
        entry["annotations"] = annotations
    return entry


def artifact_type(facts: Facts) -> str:
    """Its own, or for an image that of its configuration (distribution 1.1, listing referrers)."""
    return facts.artifact_type or (facts.config.type if facts.config is not None else "")


def next_link(path: str, **query: str | int) -> str:
    return f'<{path}?{urlencode(query)}>; rel="next"'
