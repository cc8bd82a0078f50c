"""What tools that look for newer versions read of a gem: its newest version, and a list of all, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from packhouse.formats.rubygems import names
from packhouse.formats.rubygems.index.facts import Release, join_requirement
from packhouse.model import write_time


def write_gem(releases: Iterable[Release], here: str) -> dict[str, Any]:
    """The newest version, a release where there is one, and where its file is below the base of this format."""
    best = max(releases, key=lambda each: (not names.is_prerelease(each.row.version), names.version_key(each.row.version)))
    spec = best.spec
    needs: dict[str, list[dict[str, str]]] = {"development": [], "runtime": []}
    for each in spec.dependencies:
        needs[each.kind].append({"name": each.name, "requirements": join_requirement(each.requirement, ", ")})
    return {
        "name": spec.name,
        "version": spec.number,
        "version_created_at": write_time(best.row.created),
        "platform": spec.platform,
        "authors": ", ".join(spec.authors),
        "info": spec.description or spec.summary,
        "licenses": spec.licenses,
        "metadata": spec.metadata,
        "yanked": False,
        "sha": best.file.blob.sha256,
        "gem_uri": f"{here}/gems/{names.file_name(spec.name, best.row.version)}",
        "homepage_uri": spec.homepage or None,
        "source_code_uri": spec.metadata.get("source_code_uri"),
        "changelog_uri": spec.metadata.get("changelog_uri"),
        "dependencies": needs,
    }


def write_list(releases: Iterable[Release]) -> Sequence[dict[str, Any]]:
    """Every version, the newest first."""
    return [
        {
            "number": each.spec.number,
            "platform": each.spec.platform,
            "created_at": write_time(each.row.created),
            "prerelease": names.is_prerelease(each.row.version),
            "authors": ", ".join(each.spec.authors),
            "summary": each.spec.summary,
            "licenses": each.spec.licenses,
            "metadata": each.spec.metadata,
            "ruby_version": join_requirement(each.spec.ruby, ", "),
            "rubygems_version": join_requirement(each.spec.rubygems, ", "),
            "sha": each.file.blob.sha256,
        }
        for each in sorted(releases, key=lambda each: names.version_key(each.row.version), reverse=True)
    ]
