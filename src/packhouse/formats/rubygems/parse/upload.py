"""A gem that was read as what the house stores: one file, with its specification for facts."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from packhouse.formats.rubygems import names
from packhouse.formats.rubygems.index.facts import ANY, Spec, join_requirement
from packhouse.model import About, Dependency, NewFile, Spooled, Upload

SUMMARY_LIMIT = 500
LINKS: Mapping[str, str] = {
    "Repository": "source_code_uri",
    "Documentation": "documentation_uri",
    "Changelog": "changelog_uri",
    "Issues": "bug_tracker_uri",
    "Wiki": "wiki_uri",
}


def make_upload(spec: Spec, content: Spooled) -> Upload:
    """The upload of a gem."""
    version = names.join_version(spec.number, spec.platform)
    path = names.file_name(spec.name, version)
    return Upload(
        name=spec.name, version=version, files=(NewFile(path=path, content=content, facts=msgspec.json.encode(spec), about=describe(spec)),)
    )


def describe(spec: Spec) -> About:
    """What people want to read about the version."""
    links = {"Homepage": spec.homepage, **{title: spec.metadata.get(key, "") for title, key in LINKS.items()}}
    return About(
        summary=spec.summary[:SUMMARY_LIMIT],
        readme=spec.description,
        readme_type="text/plain",
        license=", ".join(spec.licenses),
        author=", ".join(spec.authors),
        links={title: link for title, link in links.items() if _is_web_address(link)},
        requires="" if spec.ruby == ANY else f"Ruby {join_requirement(spec.ruby, ', ')}",
        dependencies=tuple(
            Dependency(name=each.name, range="" if each.requirement == ANY else join_requirement(each.requirement, ", "), kind=each.kind)
            for each in sorted(spec.dependencies, key=lambda each: (each.kind != "runtime", each.name))
        ),
    )


def _is_web_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
