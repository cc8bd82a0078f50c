"""Document against crate: an index that says other things than the manifest would let nobody know what they build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packhouse.errors import InvalidUpload
from packhouse.formats.cargo.parse.crate import Crate, Stated, clean_target
from packhouse.formats.cargo.parse.document import Dep, Document
from packhouse.formats.cargo.parse.requirements import clean_requirement


def check_agreement(document: Document, crate: Crate) -> None:
    """Raises `InvalidUpload` for what the document and Cargo.toml say differently."""
    for what, said, found in (
        ("the name", document.name, crate.name),
        ("the version", document.vers, crate.version),
        ("links", document.links, crate.links),
        ("the features", _sorted(document.features), _sorted(crate.features)),
    ):
        if said != found:
            raise _differ(what, said, found)
    said_deps = {state_dep(dep) for dep in document.deps if dep.kind != "dev"}
    found_deps = set(crate.deps)
    for name in sorted(dep.name for dep in said_deps ^ found_deps):
        raise _differ(f"dependency {name}", _of_name(said_deps, name), _of_name(found_deps, name))


def state_dep(dep: Dep) -> Stated:
    """A dependency of the document in the shape that both are compared in."""
    return Stated(
        name=dep.explicit_name_in_toml or dep.name,
        package=dep.name,
        kind=dep.kind or "normal",
        target=clean_target(dep.target or ""),
        requirement=clean_requirement(dep.version_req),
        optional=dep.optional,
        default_features=dep.default_features,
        features=tuple(sorted(dep.features)),
    )


def _sorted(features: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {name: sorted(wanted) for name, wanted in sorted(features.items())}


def _of_name(deps: Iterable[Stated], name: str) -> str:
    lines = [f"{dep.package} {dep.requirement} {dep.kind} {dep.target} {','.join(dep.features)}".split() for dep in deps if dep.name == name]
    return "; ".join(sorted(" ".join(line) for line in lines))


def _differ(what: str, document: Any, manifest: Any) -> InvalidUpload:
    return InvalidUpload(f"The document gives {what} as {_short(document)}, but Cargo.toml in the crate as {_short(manifest)}: publish them alike")


def _short(value: Any) -> str:
    text = repr(value or None)
    return text if len(text) <= 120 else f"{text[:117]}..."
