"""Names of repositories, OSGi versions and their order, and where the artifacts of a repository are."""

from __future__ import annotations

import re

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.model import Struct

SHOWN = 80
LONGEST = 200  # of a name, an id or a version: two of them are a segment of paths
LARGEST = 2**31 - 1  # what a version's numbers may be in Java
BUNDLE, FEATURE, BINARY = "osgi.bundle", "org.eclipse.update.feature", "binary"

_ID = re.compile(r"[A-Za-z0-9_.-]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,10})(?:\.([0-9]{1,10})(?:\.([A-Za-z0-9_-]+))?)?)?")
_FOLDERS = {BUNDLE: ("plugins", ".jar"), FEATURE: ("features", ".jar"), BINARY: ("binary", "")}
_PATH = re.compile(r"(?:(?:plugins|features)/[A-Za-z0-9_.-]+\.jar|binary/[A-Za-z0-9_.-]+)")


class Key(Struct):
    """What an artifact is known by; its version is spelled as Java prints it."""

    classifier: str
    id: str
    version: str

    @property
    def path(self) -> str:
        """Where it is below the repository."""
        folder, suffix = _FOLDERS[self.classifier]
        return f"{folder}/{self.id}_{self.version}{suffix}"


def name_key(name: str) -> str:
    """The name itself: addresses differ in case. Raises `InvalidName`."""
    if len(name) > LONGEST or not _NAME.fullmatch(name):
        raise InvalidName(f"Repository name {name[:SHOWN]!r} is invalid: use letters, digits, '.', '_' and '-', and begin with a letter or digit")
    return name


def version_id(version: str) -> str:
    """As Java prints it, with three numbers: 1.0 and 1.0.0 are one version. Raises `InvalidVersion`."""
    *numbers, qualifier = version_key(version)
    return ".".join([*map(str, numbers), *([qualifier] if qualifier else [])])


def version_key(version: str) -> tuple[int, int, int, str]:
    """Sorts as OSGi does: by numbers, then by qualifier as text, which comes after none. Raises `InvalidVersion`."""
    found = _VERSION.fullmatch(version) if len(version) <= LONGEST else None
    numbers = [int(number or 0) for number in found.groups()[:3]] if found else []
    if found is None or max(numbers) > LARGEST:
        raise InvalidVersion(
            f"Version {version[:SHOWN]!r} is invalid: use one to three numbers and perhaps a qualifier, such as 1.2.0 or 1.2.0.v20260131"
        )
    return numbers[0], numbers[1], numbers[2], found[4] or ""


def is_prerelease(version: str) -> bool:
    """Never: 1.0.0.RC1 comes after 1.0.0. Raises `InvalidVersion`."""
    version_key(version)
    return False


def read_key(classifier: str, id: str, version: str) -> Key:
    """Raises `InvalidName`, `InvalidVersion`."""
    if classifier not in _FOLDERS:
        raise InvalidName(f"Artifact {id[:SHOWN]!r} has the classifier {classifier[:SHOWN]!r}: it must be {BUNDLE}, {FEATURE} or {BINARY}")
    if len(id) > LONGEST or not _ID.fullmatch(id):
        raise InvalidName(f"Artifact id {id[:SHOWN]!r} is invalid: use letters, digits, '.', '_' and '-'")
    return Key(classifier=classifier, id=id, version=version_id(version))


def is_artifact(path: str) -> bool:
    """Whether a path below a repository can be one of an artifact."""
    return len(path) <= 3 * LONGEST and _PATH.fullmatch(path) is not None
