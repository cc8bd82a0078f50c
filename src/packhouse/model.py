"""The nouns: plain frozen values that every room may hold. No behaviour beyond small derivations, no I/O."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, dataclass_transform

import msgspec

T = TypeVar("T")

Instant: TypeAlias = int
"""Microseconds since 1970-01-01T00:00:00Z."""

_EPOCH = datetime(1970, 1, 1)  # all of it is in UTC


def write_time(at: Instant) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="milliseconds") + "Z"


if TYPE_CHECKING:

    @dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
    class Struct:
        """What all nouns are: immutable, compared by value. Type checkers see a frozen dataclass, the program a msgspec Struct."""

        def __init_subclass__(cls, *, omit_defaults: bool = False, kw_only: bool = False) -> None: ...

else:

    class Struct(msgspec.Struct, frozen=True):
        """What all nouns are: immutable, compared by value."""


def replace(value: T, **changes: Any) -> T:
    """The same noun with some fields changed."""
    return msgspec.structs.replace(value, **changes)  # type: ignore[type-var]


class Action(enum.Enum):
    """What is asked. Declared on every route; decided by `auth.policy`."""

    OPEN = "open"  # anybody, always: health, sign-in page, NuGet's service index
    SIGN_IN = "sign in"  # anybody with a valid credential
    SEE = "see"  # see that the project or group exists
    READ = "read"  # list, look up, download packages
    PUBLISH = "publish"  # publish, set a tag
    DELETE = "delete"  # delete, yank, deprecate, unpublish, remove a tag
    MANAGE = "manage"  # settings, members, tokens of a project
    OWN = "own"  # what only an owner may do
    ADMIN = "admin"  # instance administration


class Role(enum.IntEnum):
    """GitLab's access levels."""

    NONE = 0
    GUEST = 10
    PLANNER = 15
    REPORTER = 20
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50
    ADMIN = 60


class Reach(enum.Flag):
    """Where a route is mounted."""

    PROJECT = enum.auto()
    GROUP = enum.auto()
    INSTANCE = enum.auto()
    ROOT = enum.auto()


class Visibility(enum.IntEnum):
    PRIVATE = 0
    INTERNAL = 10
    PUBLIC = 20


class Actor(Struct):
    """Who is asking. `kind`: anonymous, personal, project, group, deploy, job, session or password."""

    kind: str = "anonymous"
    user_id: int | None = None
    username: str = ""
    name: str = ""
    admin: bool = False
    external: bool = False
    token_id: int | None = None
    token_place: int | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def anonymous(self) -> bool:
        return self.kind == "anonymous"


ANONYMOUS = Actor()


class Place(Struct):
    """A project, a group, or a user's own namespace (`kind`: project, group, user)."""

    id: int
    kind: str
    path: str
    full_path: str
    name: str
    visibility: Visibility
    parent_id: int | None = None
    description: str = ""
    packages_access: str = "enabled"  # disabled, private, enabled, public
    containers_access: str = "enabled"
    archived: bool = False
    creator_id: int | None = None
    created: Instant = 0


class Blob(Struct):
    """Immutable bytes, known by their sha256. Digests are lower-case hex; the size is in bytes."""

    sha256: str
    size: int
    md5: str | None = None
    sha1: str | None = None
    sha512: str | None = None


class Spooled(Struct):
    """Bytes that arrived and lie in the spool, hashed on the way; not a blob yet. A digest that nobody asked for is ""."""

    path: str
    size: int
    sha256: str
    md5: str
    sha1: str
    sha512: str
    synced: bool = True  # safe on disk; else the store sees to it
    memory: str = ""  # where another process finds the same bytes without the disk, while the request lasts

    @property
    def blob(self) -> Blob:
        return Blob(sha256=self.sha256, size=self.size, md5=self.md5 or None, sha1=self.sha1 or None, sha512=self.sha512 or None)


class Dependency(Struct):
    """`kind` is the ecosystem's own word: runtime, dev, peer, an extra, a target framework."""

    name: str
    range: str = ""
    kind: str = ""


class About(Struct, omit_defaults=True):
    """What people want to read about a version: for pages and search, never for an index."""

    summary: str = ""
    readme: str = ""
    readme_type: str = "text/markdown"
    license: str = ""
    author: str = ""
    keywords: tuple[str, ...] = ()
    links: Mapping[str, str] = {}
    requires: str = ""
    dependencies: tuple[Dependency, ...] = ()
    warnings: tuple[str, ...] = ()  # where the parts of an upload disagree, and it was taken all the same


class NewFile(Struct):
    """One file of an upload. `facts` is JSON made by the format, written once and read by its index writers."""

    path: str
    content: Spooled | bytes
    facts: bytes = b"{}"
    about: About | None = None
    shelf: str = ""
    derived: bool = False  # made by us from another file (`.metadata`): served, not listed
    movable: bool = False  # other bytes take its place, as a new row: Maven's snapshots without a time in their name
    origin_at: Instant | None = None


class Reference(Struct):
    """What a version points at by digest (`sha256:...`), in the same package.

    `kind`: blob, a loose blob that must be there; version, another version that must be there; either, one of the two; other, either or
    nothing; subject, which may come later or never.
    """

    kind: str
    digest: str


class Upload(Struct):
    """What one publish brings. `version` "" is a package without versions."""

    name: str
    version: str
    files: tuple[NewFile, ...] = ()
    tags: tuple[str, ...] = ()
    status: str | None = None  # default, hidden; None leaves it
    references: tuple[Reference, ...] = ()
    addressed: bool = False  # the version is the digest of its bytes: to publish it again is no retry, its tags move here
    # (name, version, paths): files of this project that go with the same commit, as what they held has its place now
    takes: tuple[str, str, tuple[str, ...]] | None = None


class FileRow(Struct):
    id: int
    project: int
    path: str
    blob: Blob
    facts: bytes = b"{}"
    shelf: str = ""
    derived: bool = False
    created: Instant = 0
    origin_at: Instant | None = None
    source: str | None = None

    @property
    def age(self) -> tuple[Instant, int]:
        """Sorts files by when they came."""
        return self.created, self.id


class VersionRow(Struct):
    """`yanked` is the reason, "" where none was given, None while it is not yanked."""

    id: int
    project: int
    name: str
    version: str
    created: Instant = 0
    status: str = "default"
    yanked: str | None = None
    files: tuple[FileRow, ...] = ()


class PackageRow(Struct):
    """A package of one project: display name, key, versions oldest first, and its tags as tag → version. `home` is the project's path today."""

    id: int
    project: int
    name: str
    key: str
    versions: tuple[VersionRow, ...] = ()
    tags: Mapping[str, str] = {}
    home: str = ""


class Rows(Struct):
    """What is visible of a scope: one PackageRow for each project that has the package, by project id."""

    packages: tuple[PackageRow, ...] = ()

    def first_file(self, path: str) -> FileRow | None:
        """The file at a path that was there first, what is offered before what is hidden: of several projects, the one that lists name."""
        versions = (version for package in self.packages for version in package.versions)
        found = [(version.status == "hidden", *file.age, file) for version in versions for file in version.files if file.path == path]
        return min(found, key=lambda each: each[:3])[3] if found else None


class Moment(Struct):
    """The instant an index speaks of, and the addresses its documents may name.

    `at` is the time of the generation, never now. `api` is the base of the API: external URL, `/api/v4`.
    `as_of` is "" now, else the segment `/-/at/<time>` that keeps links inside the moment.
    """

    at: Instant
    api: str
    format: str
    as_of: str = ""
    level: str = "project"  # project, group, instance
    place: int = 0
    options: Mapping[str, Any] = {}

    @property
    def here(self) -> str:
        """The base URL of this format in the scope of the request."""
        if self.level == "project":
            return self.project(self.place)
        if self.level == "group":
            return f"{self.api}/groups/{self.place}{self.as_of or '/-'}/packages/{self.format}"
        return f"{self.api}{self.as_of}/packages/{self.format}"

    def project(self, project: int) -> str:
        """The base URL of this format in a project."""
        return f"{self.api}/projects/{project}{self.as_of}/packages/{self.format}"


class Shelf(Struct):
    """What is set for the shelves whose first part is this name: a Debian distribution. `values` is JSON, as the format's REST API has it."""

    id: int
    name: str
    state: int  # moves with every change of what is set
    alias: str = ""
    values: str = "{}"
    since: Instant = 0
    public_key: str = ""


class NewDocument(Struct):
    """A document as an index writer makes it."""

    body: bytes
    media_type: str


Documents: TypeAlias = Mapping[str, NewDocument]
"""Path within the set → document. Empty: there is nothing here, answer not found."""


class Published(Struct):
    """What a publish did. `created` is False where every byte was there before."""

    package_id: int
    version_id: int
    version: str
    files: tuple[FileRow, ...]
    created: bool


class Match(Struct):
    """A package found by a search: the latest version stands for it."""

    package: PackageRow
    about: About


class Search(Struct):
    """What a search for names asks. `exact`: the text is the whole name. False leaves out names that have nothing but what it speaks of."""

    text: str = ""
    exact: bool = False
    prereleases: bool = True  # versions with a dash in their id
    yanked: bool = True
    offset: int = 0
    limit: int = 20


class PartStart(Struct):
    """A part of a body begins. `file` parts go to the spool, others are kept in memory under a limit."""

    name: str
    filename: str = ""
    media_type: str = ""
    file: bool = False


class PartEnd(Struct):
    """The part that was open is complete."""


class Commit(Struct):
    """A commit of a Git repository: `time` is the committer's, in seconds since 1970."""

    id: str
    tree: str
    parents: tuple[str, ...]
    time: int
    message: str = ""


class GitEntry(Struct):
    """A file of a commit. `kind`: file, executable, link or module (a submodule, which has no bytes here); the size is in bytes."""

    path: str
    kind: str
    id: str
    size: int = 0


class LogRecord(Struct):
    """A line of the log of what was vouched for, and its number there."""

    number: int
    text: str


class LogTree(Struct):
    """How many records the log has, and the hash of the tree that they are the leaves of (RFC 6962)."""

    size: int
    root: bytes


class Signed(Struct):
    """An Ed25519 signature and the public key that it is checked with."""

    key: bytes
    signature: bytes
