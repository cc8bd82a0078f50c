"""Names of repositories, tags and digests, and which project a name lies in (OCI distribution 1.1, pulling manifests)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from packhouse.errors import Invalid, InvalidName, InvalidVersion

COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")
MOMENT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})t([0-9]{2})([0-9]{2})([0-9]{2}(?:\.[0-9]{1,6})?)z")
LONGEST = 255
MOST_COMPONENTS = 20
SHOWN = 80


class InvalidTag(Invalid):
    """A tag outside of the grammar."""


class InvalidDigest(InvalidVersion):
    """A digest outside of the grammar, or of an algorithm that is not known here."""


def name_key(name: str) -> str:
    """The name itself. Raises `InvalidName`."""
    components = name.split("/")
    if not name or len(name) > LONGEST or len(components) > MOST_COMPONENTS or not all(map(COMPONENT.fullmatch, components)):
        raise InvalidName(
            f"Repository name {name[:SHOWN]!r} is invalid: lower-case letters and digits, between them a dot, one or two underscores or any dashes,"
            f" at most {LONGEST} characters and {MOST_COMPONENTS} components"
        )
    return name


def version_id(version: str) -> str:
    """The digest itself. Raises `InvalidVersion`."""
    return check_digest(version)


def check_digest(digest: str) -> str:
    """Raises `InvalidVersion` for what is no sha256 or sha512 digest."""
    if not DIGEST.fullmatch(digest):
        raise InvalidDigest(f"Digest {digest[:SHOWN]!r} is invalid: sha256: and 64, or sha512: and 128 lower-case hexadecimal digits")
    return digest


def is_digest(reference: str) -> bool:
    """A reference is a digest or a tag, and a tag holds no colon."""
    return ":" in reference


def check_tag(tag: str) -> str:
    """Raises `Invalid`."""
    if not TAG.fullmatch(tag):
        raise InvalidTag(f"Tag {tag[:SHOWN]!r} is invalid: at most 128 letters, digits, underscores, dots and dashes, no dot or dash in front")
    return tag


def digest_of(body: bytes, like: str = "sha256:") -> str:
    """The digest of these bytes, by the algorithm of another digest."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def projects_of(name: str) -> tuple[str, ...]:
    """Every path that may be the project of a repository, longest first: a project lies below a group or a user."""
    components = name.lower().split("/")[:MOST_COMPONENTS]
    return tuple("/".join(components[:count]) for count in range(len(components), 1, -1))


def place_of(params: Mapping[str, str]) -> tuple[str, ...]:
    return projects_of(repository_of(params["name"]))


# -- earlier moments ---------------------------------------------------------------------------------------------------

# a name that clients can write holds neither a colon nor a capital letter, so the time in it is without them


def split_moment(name: str) -> tuple[str, str | None]:
    """The repository of a name, and the RFC 3339 time of the moment that it asks for."""
    repository, _, text = name.rpartition("/at/")
    found = MOMENT.fullmatch(text) if "/" in repository else None
    return (name, None) if found is None else (repository, "{}-{}-{}T{}:{}:{}Z".format(*found.groups()))


def repository_of(name: str) -> str:
    return split_moment(name)[0]


def moment_of(params: Mapping[str, str]) -> str | None:
    return split_moment(params["name"])[1]


def new_name(name: str) -> str:
    """The name itself, where something may be pushed to it. Raises `InvalidName`."""
    if repository_of(name) != name:
        raise InvalidName(f"{name[:SHOWN]!r} is {repository_of(name)[:SHOWN]} at an earlier moment, which can only be read")
    return name_key(name)
