"""Names, versions, tags and file names of npm packages (semver.org 2.0.0; a name is `name` or `@scope/name`)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packhouse.errors import FileNotFound, Invalid, InvalidName, InvalidVersion
from packhouse.grammar import semver

NAME_LIMIT = 214
TAG_LIMIT = 255

_SCOPE = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*", re.ASCII)
_BARE = re.compile(r"[A-Za-z0-9_+.-]+", re.ASCII)

# npm installs a package into `node_modules/<name>`: these would land on its own files there.
_RESERVED = frozenset({"node_modules", "favicon.ico"})

_NUMBER = r"(?:\d+|[xX*])"
_PARTIAL = rf"[v=]*{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?:-?[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?)?"
_COMPARATOR = rf"(?:[<>]?=?|~>?|\^)(?:{_PARTIAL})?"
_RANGE = re.compile(rf"{_COMPARATOR}(?:\|\|{_COMPARATOR})*", re.ASCII)
_BUILD = re.compile(r"\+[0-9A-Za-z.-]+", re.ASCII)
_TAG = re.compile(r"[^\s\x00-\x1f\x7f]+")


def split_name(name: str) -> tuple[str | None, str]:
    """The scope without `@`, or None, and the rest of a name."""
    if name.startswith("@") and "/" in name:
        scope, _, bare = name[1:].partition("/")
        return scope, bare
    return None, name


def name_key(name: str) -> str:
    """The name itself: npm tells upper case from lower case. Raises `InvalidName`."""
    if len(name) > NAME_LIMIT:
        raise InvalidName(f"Package name {name[:40]}… is longer than {NAME_LIMIT} characters")
    scope, bare = split_name(name)
    if (scope is not None and not _is_scope(scope)) or not _BARE.fullmatch(bare):
        raise InvalidName(f"Package name {name!r} is invalid: use letters, digits and - + . _, with an optional @scope/ in front")
    if bare.startswith((".", "-")) or bare.lower() in _RESERVED:
        raise InvalidName(f"Package name {name!r} is invalid: clients cannot install {bare!r}, choose another name")
    return name


def _is_scope(scope: str) -> bool:
    return bool(_SCOPE.fullmatch(scope)) and not scope.endswith((".", ".git", ".atom"))


def version_id(version: str) -> str:
    """The version without build metadata: clients drop it, so 1.0.0+a and 1.0.0+b are one version. Raises `InvalidVersion`."""
    return semver.without_build(version)


def version_key(version: str) -> semver.Key:
    """Orders versions by precedence. Raises `InvalidVersion`."""
    return semver.sort_key(version)


def is_prerelease(version: str) -> bool:
    """Whether the version comes before its release. Raises `InvalidVersion`."""
    return semver.is_prerelease(version)


def clean_version(version: str) -> str:
    """A version as npm and yarn 1 put it into the publish document: no spaces, `v`, `=` in front, no build metadata."""
    return version.strip().lstrip("v=").strip().partition("+")[0]


def is_version(text: str) -> bool:
    """Whether the text is a version and not a tag."""
    return semver.is_valid(text)


def check_tag(tag: str) -> str:
    """The tag, when a client can tell it from a version range. Raises `Invalid`."""
    if not tag:
        raise Invalid('"Tag" not given')
    if len(tag) > TAG_LIMIT or not _TAG.fullmatch(tag):
        raise Invalid(f"Tag {tag[:40]!r} is invalid: use up to {TAG_LIMIT} characters, no spaces")
    if _RANGE.fullmatch(_BUILD.sub("", tag)):
        raise Invalid(f"Tag {tag!r} reads as a version range: choose a name that is not one")
    return tag


def tarball_name(name: str, version: str) -> str:
    """The name of a version's file: scoped names keep their scope and its slash."""
    return f"{name}-{version}.tgz"


def provenance_name(name: str, version: str) -> str:
    """The name of the provenance bundle beside the file."""
    return f"{name}-{version}.sigstore"


def version_of_file(name: str, file: str) -> str:
    """The version in a tarball's name, long or short form, read with the known package name. Raises `FileNotFound`."""
    for prefix in (f"{name}-", f"{split_name(name)[1]}-"):
        version = file.removeprefix(prefix).removesuffix(".tgz")
        if file == f"{prefix}{version}.tgz" and semver.is_valid(version):
            return version
    raise FileNotFound


def split_spec(spec: str) -> tuple[str, str]:
    """Name and version of `name@version`. Raises `InvalidVersion`."""
    name, at, version = spec.rpartition("@")
    if not at or not name:
        raise InvalidVersion(f"{spec!r} names no version: write name@version")
    return name, version


def in_root_group(name: str, root: str) -> bool:
    """Whether the scope is the path of the root group, so that the name is looked up from the whole instance."""
    return split_name(name)[0] == root


# -- path parameters ---------------------------------------------------------------------------------------------------
# A scoped name comes as `@scope%2fname` (one segment) or `@scope/name` (two); both may be caught by `@{scope}`.


def name_in(params: Mapping[str, str]) -> str:
    """The package name that a path means, unchecked."""
    if "package" in params:
        return params["package"]
    scope = params.get("scope", "")
    return f"@{scope}" if "/" in scope or "name" not in params else f"@{scope}/{params['name']}"


def version_in(params: Mapping[str, str]) -> str | None:
    """The version or tag that a path means: `@scope%2fname/1.0.0` may be caught as scope and name."""
    if "version" in params:
        return params["version"]
    return params.get("name") if "/" in params.get("scope", "") else None


def file_in(params: Mapping[str, str]) -> str:
    """The file name that a path means, with or without a scope."""
    if "fscope" not in params:
        return params["file"]
    return f"@{params['fscope']}/{params['file']}" if "file" in params else f"@{params['fscope']}"


def root_group_of(params: Mapping[str, str]) -> str | None:
    """The scope of the name in a path: at instance level it is the path of the root group that owns the package."""
    return split_name(name_in(params))[0]
