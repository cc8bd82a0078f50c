"""What a manifest says, as people read it: platforms, sizes, and what is attached to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from packhouse.db.containers import Referring, TagRule
from packhouse.db.repositories import TagRow
from packhouse.grammar.patterns import matches_inside
from packhouse.model import Role
from packhouse.ui.image_views import AttachedLine, PlatformLine, TagLine
from packhouse.ui.views import Badge, Publisher

SIGNATURES = ("cosign.artifact.sig", "cosign.simplesigning", "sigstore.bundle", "notary.signature")
MATERIALS = ("spdx", "cyclonedx", "syft")
CHART = "application/vnd.cncf.helm.config.v1+json"
# the tags that older signers leave beside an image: sha256-<hex>.sig
LEFT_BESIDE = {"sig": "signature", "att": "attestation", "sbom": "bill of materials"}


class _Part(msgspec.Struct):
    digest: str = ""
    size: int = 0
    type: str = ""
    platform: dict[str, Any] | None = None
    annotations: dict[str, str] | None = None


class _Facts(msgspec.Struct):
    """What the room of images keeps of a manifest, as far as pages show it."""

    type: str = ""
    kind: str = "other"
    config: _Part | None = None
    layers: list[_Part] = []
    children: list[_Part] = []
    artifact_type: str = ""
    platform: dict[str, Any] | None = None

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.layers) + (self.config.size if self.config is not None else 0)


def read_facts(text: str) -> _Facts:
    """The facts of a manifest."""
    return msgspec.json.decode(text, type=_Facts)


def children_of(facts: str) -> tuple[str, ...]:
    """The digests of the manifests that an index lists."""
    return tuple(child.digest for child in read_facts(facts).children)


def platform_name(platform: Mapping[str, Any] | None) -> str:
    """linux/arm64/v8; "" where it is not said."""
    if not platform:
        return ""
    parts = [platform.get(name) for name in ("os", "architecture", "variant")]
    return "/".join(str(part) for part in parts if part)


def attached_line(row: Referring) -> AttachedLine:
    """A manifest that names another as its subject."""
    facts = read_facts(row.facts)
    kind = artifact_kind(facts.artifact_type or (facts.config.type if facts.config is not None else ""))
    return AttachedLine(kind=kind, digest=row.version, size=facts.size or row.size, signature=kind == "signature")


def artifact_kind(type: str) -> str:
    """What an artifact type means; the type itself where it is none of those that everybody knows."""
    lower = type.lower()
    if any(word in lower for word in SIGNATURES):
        return "signature"
    if any(word in lower for word in MATERIALS):
        return "bill of materials"
    if "in-toto" in lower or "attestation" in lower or "slsa" in lower:
        return "attestation"
    return type or "artifact"


def beside_names(digests: Sequence[str]) -> tuple[str, ...]:
    """The tags under which older signers leave what belongs to these images."""
    return tuple(f"{digest.replace(':', '-')}.{end}" for digest in digests for end in LEFT_BESIDE)


def beside_line(row: TagRow) -> AttachedLine:
    """What such a tag points at."""
    kind = LEFT_BESIDE[row.name.rpartition(".")[2]]
    return AttachedLine(kind=kind, digest=row.version, size=read_facts(row.facts).size, signature=kind == "signature")


def tag_line(
    row: TagRow,
    reference: str,
    below: Mapping[str, str],
    attached: Sequence[AttachedLine],
    rules: Sequence[TagRule],
    delete_href: str,
    publisher: Publisher | None = None,
) -> TagLine:
    """A tag in the list of its repository. `below` are the facts of the manifests that indexes list, by digest."""
    facts = read_facts(row.facts)
    images, noted = [], []
    for child in facts.children:
        size = read_facts(below[child.digest]).size if child.digest in below else None
        if (child.annotations or {}).get("vnd.docker.reference.type") == "attestation-manifest":
            noted.append(AttachedLine(kind="attestation", digest=child.digest, size=size or 0))
        else:
            images.append(PlatformLine(name=platform_name(child.platform) or "any platform", digest=child.digest, size=size))
    if facts.kind == "image" and facts.platform:
        images.append(PlatformLine(name=platform_name(facts.platform), digest=row.version, size=facts.size))
    total = sum(image.size or 0 for image in images) if facts.children else facts.size
    return TagLine(
        name=row.name,
        reference=f"{reference}:{row.name}",
        digest=row.version,
        pushed=row.pushed,
        platforms=tuple(images),
        attached=(*attached, *noted),
        badges=_badges(row.name, facts, rules),
        size=total or row.size,
        layers=len(facts.layers) if facts.kind == "image" else None,
        media_type=facts.type,
        config=facts.config.digest if facts.config is not None else "",
        made=row.made,
        publisher=publisher,
        delete_href=delete_href,
    )


def _badges(name: str, facts: _Facts, rules: Sequence[TagRule]) -> tuple[Badge, ...]:
    found = []
    if facts.config is not None and facts.config.type == CHART:
        found.append(Badge(text="Helm chart"))
    elif facts.kind == "other" or (facts.artifact_type and facts.kind == "image"):
        found.append(Badge(text=artifact_kind(facts.artifact_type or facts.type)))
    for rule in rules:
        if matches_inside(rule.pattern, name):
            if rule.immutable:
                found.append(Badge(text="immutable", kind="caution", title=f"The rule {rule.pattern} keeps it: nobody moves or removes it"))
            else:
                found.append(Badge(text="protected", kind="caution", title=f"The rule {rule.pattern}: {_wanted(rule)}"))
            break
    return tuple(found)


def _wanted(rule: TagRule) -> str:
    said = [(rule.push_level, "to push"), (rule.delete_level, "to delete")]
    return ", ".join(f"{Role(level).name.lower()} {what}" for level, what in said if level in {int(role) for role in Role})
