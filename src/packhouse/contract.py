"""What a format says about itself, and what the house hands to its handlers. A format room imports this and nothing above it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Concatenate, Literal, ParamSpec, Protocol, TypeAlias, TypeVar

from packhouse.errors import AlreadyExists, FileNotFound, InvalidParameter, InvalidUpload, RegistryError
from packhouse.grammar.multipart import splitter_of
from packhouse.model import (
    Action,
    Actor,
    Blob,
    Commit,
    Documents,
    FileRow,
    GitEntry,
    Instant,
    LogRecord,
    LogTree,
    Match,
    Moment,
    NewDocument,
    PackageRow,
    PartEnd,
    PartStart,
    Place,
    Published,
    Reach,
    Rows,
    Search,
    Shelf,
    Signed,
    Spooled,
    Struct,
    Upload,
    VersionRow,
    replace,
)
from packhouse.responses import Answer, Document, FileReply

P = ParamSpec("P")
T = TypeVar("T")

Params: TypeAlias = Mapping[str, str]
"""Path parameters, decoded."""

PROJECT, GROUP, INSTANCE, ROOT = Reach.PROJECT, Reach.GROUP, Reach.INSTANCE, Reach.ROOT

KIB, MIB, GIB = 1024, 1024**2, 1024**3

ALL_DIGESTS = ("sha256", "md5", "sha1", "sha512")


# -- bodies in parts -------------------------------------------------------------------------------------------------


class Splitter(Protocol):
    """Cuts a body into parts as it arrives. Pure: bytes in, pieces out; raises `InvalidUpload` on anything odd."""

    def feed(self, data: bytes) -> Iterable[PartStart | bytes | PartEnd]: ...

    def end(self) -> Iterable[PartStart | bytes | PartEnd]: ...


class Part(Struct):
    """A file that arrived."""

    name: str
    filename: str
    media_type: str
    content: Spooled


class Form(Struct):
    """A body in parts: files in the spool, fields in memory, both in the order they came."""

    files: tuple[Part, ...] = ()
    fields: tuple[tuple[str, bytes], ...] = ()

    def texts(self, name: str) -> list[str]:
        """All values of a field. Raises `InvalidUpload` where one is not UTF-8."""
        try:
            return [value.decode() for key, value in self.fields if key == name]
        except UnicodeDecodeError as error:
            raise InvalidUpload(f"Field {name} is not valid UTF-8") from error

    def the_file(self) -> Part:
        """The one file: the body itself, or the field `file` of a form. Raises `InvalidParameter`, or `InvalidUpload` where there are others."""
        if not self.files:
            raise InvalidParameter("file is missing", parameter="file")
        if len(self.files) > 1 or self.files[0].name not in ("", "file"):
            brought = ", ".join(part.name[:80] or "an unnamed one" for part in self.files[:5])
            raise InvalidUpload(f"The form must bring one file in the field `file`, not {brought}")
        return self.files[0]


# -- what a handler holds --------------------------------------------------------------------------------------------


class Chunk(Struct):
    """A body on its way in: its bytes as they come, where the client says they go (first and last offset), and how many it announced."""

    body: AsyncIterator[bytes]
    first: int | None = None
    last: int | None = None
    length: int | None = None


class UploadSession(Struct):
    """A resumable upload: its id, and how many of its bytes are safe on disk."""

    id: str
    size: int


class Sessions(Protocol):
    """Resumable uploads of loose blobs. An id is good for its own package and actor only: else `SessionNotFound`."""

    async def start(self, name: str) -> UploadSession:
        """A new one, empty. Raises `Protected`, `InvalidName`."""

    async def status(self, name: str, session: str) -> UploadSession:
        """How far it has come."""

    async def append(self, name: str, session: str, chunk: Chunk) -> UploadSession:
        """More bytes, on disk when it returns, as is what came before a cut; once the power failed, an upload may be at an earlier byte.

        Raises `RangeInvalid` where they do not start at the end, `TooLarge`.
        """

    async def finish(self, name: str, session: str, digest: str, chunk: Chunk) -> Blob:
        """The last bytes, if any, and a blob of the package. Raises `DigestMismatch`, which ends the session, and what `append` raises."""

    async def cancel(self, name: str, session: str) -> None:
        """Forget it."""


class LooseBlobs(Protocol):
    """Blobs that no file of a package holds: readable only through a link of that package. Digests are `sha256:...` or `sha512:...`."""

    async def find(self, name: str, digest: str) -> FileReply:
        """A blob of the package. Raises `BlobNotFound`, and `PackageNotFound` where there is no such package."""

    async def add(self, name: str, digest: str, chunk: Chunk) -> Blob:
        """The body as a blob of the package. Raises `DigestMismatch`, `TooLarge`."""

    async def mount(self, name: str, digest: str, source: str | None, places: Sequence[str] = ()) -> bool:
        """Link a blob of another package, in the deepest project of `places`, or with None of any package in the same project.

        False where there is none that this actor may read.
        """

    async def remove(self, name: str, digest: str) -> None:
        """Unlink. Raises `BlobNotFound`, and `Unsupported` while a version points at it."""


class Git(Protocol):
    """A project's bare Git repository, read in a worker thread: every call blocks. Ids are 40 lower-case hex digits."""

    @property
    def default_branch(self) -> str:
        """The branch that HEAD names, "" where there is none."""

    def branches(self) -> Mapping[str, str]:
        """Name → commit id."""

    def tags(self) -> Mapping[str, str]:
        """Name → commit id, annotated tags peeled; those of anything but a commit are left out."""

    def resolve(self, text: str) -> str | None:
        """The commit that a branch, a tag, or at least 7 digits of an id mean."""

    def commit(self, commit: str) -> Commit | None: ...

    def entries(self, commit: str, path: str = "") -> Sequence[GitEntry]:
        """Every file below a folder of a commit, in order of their paths, which are relative to the root."""

    def read(self, commit: str, path: str, limit: int = MIB) -> bytes | None:
        """A file of a commit; None where it is absent, no regular file, or larger than the limit."""

    def blob(self, blob: str) -> bytes:
        """The bytes of an entry."""

    def attributes(self, commit: str, paths: Sequence[str], names: Sequence[str]) -> Sequence[Sequence[str]]:
        """What the .gitattributes of a commit say of files: for each the value of each name: set, unset, unspecified, or another."""

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether one commit is reachable from the other, or the same."""

    def spool(self, write: Callable[[BinaryIO], None]) -> Spooled:
        """What `write` puts into a new file of the spool, with all four digests."""


class Found(Struct):
    """A file with what its format knows of it: `version` as its text."""

    reply: FileReply
    version: str
    facts: bytes
    size: int = 0


class Log(Protocol):
    """What the instance vouches for, for good: one log for all, of records that are only ever added (RFC 6962)."""

    async def add(self, project: int, name: str, version: str, text: str) -> LogRecord:
        """The record of a version in a project, added where it has none; one that is there keeps its text, whatever is said now."""

    async def tree(self) -> LogTree:
        """How many records there are, and the hash of all."""

    async def nodes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        """Hashes of complete subtrees, each of 2^level records, as far as there are any."""

    async def sign(self, text: bytes) -> Signed:
        """A signature by the key of this instance."""


class Packages(Protocol):
    """The verbs, bound to the scope, actor, format and moment of the request."""

    @property
    def sessions(self) -> Sessions: ...

    @property
    def blobs(self) -> LooseBlobs: ...

    @property
    def log(self) -> Log: ...

    async def pick(self, name: str, path: str, *, tag: str | None = None, version: str | None = None) -> Found:
        """The file at a path of one version, by tag or by version. Raises `PackageNotFound`, `VersionNotFound`."""

    async def content(self, reply: FileReply, limit: int) -> bytes | None:
        """The bytes of a small file that was found; None where they are not at hand or more than the limit."""

    async def tags(self, name: str, after: str, limit: int) -> Sequence[str]:
        """A page of a package's tags, in order of their bytes. Raises `PackageNotFound`."""

    async def names(self, after: str, limit: int) -> Sequence[str]:
        """A page of every package's name of this format, wherever it is, in order of their bytes."""

    async def referring(self, name: str, digest: str, after: str, limit: int) -> Sequence[Found]:
        """A page of the versions whose subject is this digest, by version; their files are not opened."""

    @property
    def project(self) -> int:
        """The project's id. Raises `Unsupported` where the scope is not one project."""

    async def publish(self, upload: Upload) -> Published:
        """Check, store and list: all or nothing. Raises `AlreadyExists`, `Protected`, `Forbidden`, `InvalidName`, `InvalidVersion`."""

    async def rows(self, name: str, version: str | None = None) -> Rows:
        """What this actor sees of a package here and now. Raises `PackageNotFound`, `VersionNotFound`."""

    async def search(self, text: str, offset: int, limit: int) -> tuple[Sequence[Match], int]:
        """A page of the packages whose name contains the text, and how many there are."""

    async def find(self, search: Search) -> tuple[Sequence[Rows], int]:
        """A page of the names that a search finds, each with what every project here has of it, and how many names there are."""

    async def open_file(self, shelf: str, path: str) -> FileReply:
        """A file by its shelf and path, whoever asks, where the setting `Format.open_files` is on. Raises `Forbidden` where not, `FileNotFound`."""

    async def file(self, name: str, version: str | None, path: str, sha256: str | None = None) -> FileReply:
        """A file of a version; with `version` None, of any version of the package, newest first. Raises `FileNotFound` and its like."""

    async def documents(self, index: str, key: str = "") -> Mapping[str, Document]:
        """The documents of an index, from cache or made now. Raises `PackageNotFound` where it is empty, `ShelfNotFound`."""

    async def shelf(self, name: str) -> Shelf:
        """What is set for a shelf here, by its name or its alias. Raises `ShelfNotFound`."""

    async def open_shelf(self, name: str) -> Shelf:
        """The shelf of this name; where nothing is set for it, it is set up with a key and without settings. Raises `Invalid`, `Forbidden`."""

    async def close_shelf(self, name: str) -> None:
        """Nothing is set for it any more, and its key is not used again; its files stay. Raises `ShelfNotFound`, `Forbidden`."""

    async def document(self, index: str, key: str, sha256: str) -> Document:
        """A document of an index by its digest: of this generation, or an older one of a signed index, kept an hour. Raises `FileNotFound`."""

    async def tag(self, name: str, tag: str, version: str | None) -> None:
        """Move a tag, or remove it with `version` None. Raises `VersionNotFound`, `NotFound`."""

    async def yank(self, name: str, version: str, reason: str | None) -> None:
        """Set the reason ("" for none given), or clear it with None. Raises `VersionNotFound`."""

    async def yank_all(self, name: str, reasons: Mapping[str, str | None]) -> None:
        """The same for several versions: all or nothing. One that is gone by now is passed over. Raises `PackageNotFound`."""

    async def from_git(self, project: int, read: Callable[Concatenate[Git, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read(git, ...)` over a project's repository, in a thread, under a time limit. Raises `RepositoryNotFound`."""

    async def project_at(self, paths: Sequence[str]) -> Place | None:
        """The first of these paths below this group that is a project, where this actor may read it."""

    async def deleted(self, name: str, project: int) -> Mapping[str, bool]:
        """The versions of a package that a project had and has no more → whether their names stay taken."""

    async def take(self, upload: Upload, project: int) -> Published:
        """Store what was read from a project's repository, as `publish` does, on behalf of the repository: the reader needs no right to publish."""

    async def delete(self, name: str, version: str | None = None, path: str | None = None) -> None:
        """Remove a file, all below a path that ends in a slash, a version or a whole package. Raises `NotFound` and its like."""

    async def delete_files(self, name: str, files: Collection[tuple[str, str]]) -> None:
        """Remove what these paths of versions mean: all or nothing. What is gone by now is passed over; all of it: raises `FileNotFound`."""


class Neighbours(Protocol):
    """What a project has already, as the transaction sees it that adds a version to it: nothing comes beside it meanwhile.

    That holds for the package, and for others where a list is made of both: where an `Index` is over their shelf, or over all.
    """

    def versions(self) -> Sequence[VersionRow]:
        """Those of the package that the version belongs to, in whatever spelling, oldest first, without their files."""

    def files(self, paths: Sequence[str], packages: Sequence[str] = (), *, facts: bool = False) -> Sequence[tuple[VersionRow, FileRow]]:
        """What is at these paths, newest first: of this package, or of those with these keys. `facts`: with what is kept of each."""


class Call(Protocol):
    """One request, authorised."""

    @property
    def method(self) -> str: ...

    @property
    def params(self) -> Params: ...

    @property
    def query(self) -> Mapping[str, str]:
        """Query parameters; the last of equal names."""

    @property
    def query_list(self) -> list[tuple[str, str]]:
        """Every query parameter in order."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields by lower-case name."""

    @property
    def actor(self) -> Actor: ...

    @property
    def signed(self) -> bool:
        """Whether a signature over the request says who calls (`Format.signed_requests`): what it says of the body is for the handler to check."""

    @property
    def now(self) -> Instant:
        """The clock of this machine: for rules that speak of a few minutes, never for what a document says."""

    @property
    def place(self) -> Place:
        """The project or group that the route speaks of."""

    @property
    def packages(self) -> Packages: ...

    @property
    def moment(self) -> Moment:
        """The addresses of this scope (`here`, `project()`), and the instant asked for."""

    async def sees_place(self) -> bool:
        """Whether the caller may know of the place that the path names: for routes that are open to anybody."""

    async def body(self) -> bytes:
        """The whole body in memory, bounded by the route's limit. Raises `TooLarge`."""

    async def spool(self, splitter: Splitter | None = None, *, inspected: bool = True) -> Form:
        """The body to disk; without a splitter it is one file named "". Raises `TooLarge`, `InvalidUpload`.

        Not `inspected`: nobody looks into a file here, so that a large one need not come to lie in memory.
        """

    def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes, for what neither of the two above serves."""

    async def inspect(self, read: Callable[Concatenate[str, P], T], content: Spooled, *args: P.args, **kwargs: P.kwargs) -> T:
        """`read(path, ...)` in a child process with limits on memory and time: for archives. Arguments: plain values. Result: those, or a Struct."""


async def receive_file(call: Call, *, inspected: bool = True) -> Spooled:
    """The one file of a request: the body itself, or the field `file` of a form. Raises `InvalidParameter`, `InvalidUpload`, `TooLarge`."""
    return (await call.spool(splitter_of(call.headers.get("content-type", "")), inspected=inspected)).the_file().content


async def fetch_first(call: Call, name: str, version: str, path: str) -> FileReply:
    """A file of a project; of a group, the one that was there first in its projects, as its lists have it. Raises `FileNotFound`."""
    if call.place.kind == "project":
        sha256 = None
    else:
        first = (await call.packages.rows(name, version)).first_file(path)
        if first is None:
            raise FileNotFound
        sha256 = first.blob.sha256
    return replace(await call.packages.file(name, version, path, sha256), immutable=False)


# -- the record ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """Rules of name and version. Each raises `InvalidName` or `InvalidVersion`."""

    name_key: Callable[[str], str]  # equal keys are the same package; idempotent
    version_id: Callable[[str], str]  # equal ids are the same version
    version_key: Callable[[str], Any]  # sorts only; total over every valid version
    is_prerelease: Callable[[str], bool]
    # the spellings of one name alike, of any text: patterns of names are compared so. None where at most the case of letters tells names apart
    fold: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`path` is the tail below the scope's prefix: literal segments, `{name}`, `@{name}`, and `{name*}` for one segment or more."""

    method: str
    path: str
    handler: Callable[[Any], Awaitable[Answer]]
    action: Action
    reach: Reach = PROJECT | GROUP
    # ROOT and INSTANCE: the project or group a path means; several: the first that is a project, the longest path first
    place_of: Callable[[Params], str | Sequence[str] | None] | None = None
    # ROOT: the RFC 3339 time of the moment that a path asks for, None for now; reads only
    moment_of: Callable[[Params], str | None] | None = None
    area: Literal["packages", "containers", "repository"] = "packages"  # whose switch, access level and token scopes count
    place_kind: Literal["project", "group"] | None = None  # ROOT: what that place must be
    bound: bool = False  # INSTANCE: acts in the place that `place_of` names and nowhere else, as ROOT does
    limit: int | None = 64 * KIB  # bytes of body; None: the format's limit for files
    forward: Callable[[Params], tuple[str, str]] | None = None  # of an absent package: its name, and its path below an upstream's base URL
    lasting: bool = True  # what it answers changes with a commit, and with nothing else
    signed_in: bool = False  # 401 for anonymous callers even where anybody may read


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A family of documents, a pure function of rows at a moment."""

    over: Literal["package", "shelf", "all"]  # what one set of documents is made from
    write: Callable[[Rows, Mapping[str, Documents], Moment], Documents]  # second: the sets of `reads`, by index name and key
    needs: Literal["names", "versions", "uploads", "files"] = "files"  # uploads: files without those that were made from others
    reads: tuple[str, ...] = ()  # other indexes whose documents it digests
    sign: Callable[[Documents, Signer], Documents] | None = None
    vary: str = "Authorization, Accept-Encoding"
    names_places: bool = False  # its documents name the paths of projects: made again when one of them has moved
    # over shelves: there where a shelf of this name is set up, packages or not; `Moment.options` has what is set, and its key signs
    set_up: bool = False
    opened: bool = False  # what comes to a shelf that is not set up sets it up, with a key; else somebody has to (`Packages.open_shelf`)


class Signer(Protocol):
    """Signs with a project's key."""

    def clear(self, data: bytes) -> bytes:
        """The text, clear-signed."""

    def detached(self, data: bytes) -> bytes:
        """An armoured signature beside the text."""

    def bare(self, data: bytes) -> Signed:
        """An Ed25519 signature of the bytes themselves, by a key of its own that belongs to the same shelf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A remote registry as one more source of rows."""

    kind: Literal["http", "oci", "git"]
    index_url: Callable[[str, str], str]  # (base, name) → URL
    read_index: Callable[[str, bytes], Rows]


def house_body(error: RegistryError) -> tuple[str, bytes]:
    """The REST API's error body: `message`, or `error` for a parameter (core API section 1)."""
    import msgspec

    from packhouse.errors import InsufficientScope, InvalidParameter
    from packhouse.wording import status_line

    if isinstance(error, InvalidParameter):
        return "application/json", msgspec.json.encode({"error": error.message})
    if isinstance(error, InsufficientScope):
        body = {"error": "insufficient_scope", "error_description": error.message, "scope": error.detail.get("scope", "api")}
        return "application/json", msgspec.json.encode(body)
    return "application/json", msgspec.json.encode({"message": status_line(error)})


def twin_body(error: RegistryError, advice: str, named: str = "") -> tuple[str, bytes]:
    """`house_body`, where a duplicate names both digests and says what to do. `named`: the file, where its path is not to be cut to its last part."""
    import msgspec

    from packhouse.wording import describe_twin

    if not isinstance(error, AlreadyExists) or not error.detail.get("stored") or not error.detail.get("sent"):
        return house_body(error)
    text = describe_twin(error, named or str(error.detail.get("path", "")).rpartition("/")[2], advice)
    return "application/json", msgspec.json.encode({"message": f"409 Conflict - {text}"})


REALM = 'Basic realm="GitLab Packages Registry"'


def basic_challenge(action: Action, params: Params) -> str:
    """The challenge most clients know; sbt matches credentials by its realm."""
    return REALM


class Refusal(Struct):
    """A 401 on its way out: the error, what was asked, and the external URL."""

    error: Any
    action: Action
    params: Params
    query: Mapping[str, str]
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorStyle:
    """How this format's clients want to be refused."""

    body: Callable[[RegistryError], tuple[str, bytes]] = house_body  # media type, bytes
    status: Mapping[type[RegistryError], int] = field(default_factory=dict)  # only where it differs from the house
    challenge: Callable[[Action, Params], str] = basic_challenge  # WWW-Authenticate
    bearer: Callable[[Refusal], str] | None = None  # the same where tokens come from a token service
    headers: Mapping[str, str] = field(default_factory=dict)  # of every refusal
    message_header: str = ""  # repeats the message, for clients that print a header and no body


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A command or file for people to copy. `kind`: install, setup or publish."""

    client: str
    kind: Literal["install", "setup", "publish"]
    language: str
    text: str
    title: str = ""


class Yanking(Struct):
    """How a format's clients speak of a version that is not offered any more. `needs_reason`: without one they are told nothing."""

    state: str = "yanked"
    verb: str = "Yank"
    undo: str = "Offer it again"
    undone: str = "offered again"  # what it was then
    effect: str = "Installers offer it only to those who ask for exactly this version."
    kind: str = "danger"  # of its badge: caution or danger
    needs_reason: bool = False


# -- from registry to registry ---------------------------------------------------------------------------------------


class Imported(Struct):
    """A file of a version in another registry; `path` is where its bytes lie here."""

    name: str
    version: str
    file_name: str
    sha256: str
    path: str = ""


class Sending(Struct):
    """A request below the base of the format: the file as its body, or as the part of a form. `body` is sent in its place."""

    method: str
    tail: str
    part: str = ""
    fields: Mapping[str, str] = {}
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """How the packages of this format are read from another registry with these addresses, and published again."""

    fetch: Callable[[Imported], str]  # below the base of the format; "": not a file to be published
    publish: Callable[[Imported], Sending]
    tag: Callable[[str, str, str], Sending] | None = None  # (name, version, tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format is this record; what it cannot do, it leaves out."""

    name: str  # GitLab's package_type, the folder, the URL part
    title: str
    purl: str  # package-url type
    coordinates: Coordinates
    routes: Sequence[Route]
    errors: ErrorStyle
    snippets: Callable[[Moment, PackageRow | None], Sequence[Snippet]]
    indexes: Mapping[str, Index] = field(default_factory=dict)  # none for generic
    upstream: Upstream | None = None  # none: cannot be proxied
    options: type | None = None  # per-project settings
    keep: Callable[[Rows, frozenset[str]], frozenset[str]] | None = None
    credentials: Sequence[Callable[[Mapping[str, str]], str | None]] = ()  # odd headers only: headers → token
    max_file_size: int = 3 * GIB
    digests: Sequence[str] = ALL_DIGESTS  # what an upload is hashed with; of the others the API says null
    clients: Sequence[str] = ()  # real clients the suite drives, for the support table
    listed: bool = True  # in the lists of packages; a format with lists of its own is not
    open_files: str = ""  # the package setting of a top group that opens files to whoever knows their shelf and path
    identities: Literal["", "mint", "exchange"] = ""  # where its clients bring an identity token: PyPI's address, npm's, or none of their own
    path_tokens: bool = False  # its clients put a token in front of the path: /t/<token>/api/v4/…
    signed_requests: bool = False  # its clients sign requests with a key that was registered for a token: headers X-Ops-…
    any_job_user: bool = False  # a job token by Basic goes with whatever user name, and in the header of personal tokens
    # (version, path) → what the file is a state of, and the order of such states: builds of a snapshot; None: of nothing
    state_of: Callable[[str, str], tuple[str, Any] | None] | None = None
    unfinished: Callable[[Iterable[str]], Iterable[Sequence[str]]] | None = None  # of a version's paths: uploads that lack what comes last
    unique_in_group: Callable[[str, str], bool] | None = None  # (name, root group): coordinates must be unique under the root group
    # (what is to come, what is there) → raises where clients could not tell them apart; whether it is published, promoted or restored
    check_neighbours: Callable[[VersionRow, Neighbours], None] | None = None
    owned_names: bool = False  # a name belongs to the first project under the root group that publishes it, until no version is left
    yanking: Yanking | None = None  # None: its clients know nothing like it
    transfer: Transfer | None = None  # None: `packhouse import` does not know it
    # (address of a repository without scheme, tag) → names that get a version by that tag: who may not publish them may not push it
    named_by_tag: Callable[[str, str], Sequence[str]] | None = None
    singular: bool = False  # its addresses of a group are found under `group/` too, as GitLab spells them for this format


__all__ = [
    "GROUP",
    "INSTANCE",
    "PROJECT",
    "ROOT",
    "Action",
    "Answer",
    "Call",
    "Chunk",
    "Commit",
    "Coordinates",
    "Document",
    "Documents",
    "ErrorStyle",
    "FileReply",
    "Form",
    "Format",
    "Found",
    "Git",
    "GitEntry",
    "Imported",
    "Index",
    "Log",
    "LooseBlobs",
    "Moment",
    "Neighbours",
    "NewDocument",
    "Packages",
    "Params",
    "Part",
    "PartEnd",
    "PartStart",
    "Refusal",
    "Route",
    "Rows",
    "Search",
    "Sending",
    "Sessions",
    "Shelf",
    "Signer",
    "Snippet",
    "Splitter",
    "Transfer",
    "Upload",
    "UploadSession",
    "Upstream",
    "Yanking",
    "basic_challenge",
    "house_body",
]
