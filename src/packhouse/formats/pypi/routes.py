"""The simple index, file downloads, the upload form, and yanking."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from packhouse.contract import MIB, PROJECT, Action, Answer, Call, Form, Params, Part, Route
from packhouse.errors import FileNotFound, InvalidName, InvalidParameter, InvalidUpload, NotAcceptable, NotFound, PackageNotFound
from packhouse.formats.pypi import names
from packhouse.formats.pypi.index import HTML, HTML_V1, JSON, Facts
from packhouse.formats.pypi.parse import HASHES, Artifact, check_agreement, check_digests, read_attestations, read_fields, read_file
from packhouse.grammar.multipart import MultipartSplitter
from packhouse.model import NewFile, Upload
from packhouse.responses import Document, FileReply, empty_reply, json_reply

METADATA, PROVENANCE = ".metadata", ".provenance"
SIDE_TYPES = {METADATA: "text/plain; charset=utf-8", PROVENANCE: "application/vnd.pypi.integrity.v1+json"}

# What can be answered: the document, its media type, and the names a client may ask for it by; the first wins a draw of names.
OFFERS = (
    ("json", JSON, ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json")),
    ("html", HTML_V1, ("application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html")),
    ("html", HTML, ("text/html",)),
)
SHORT_FORMATS = {"json": ("json", JSON), "html": ("html", HTML)}


# -- reading ---------------------------------------------------------------------------------------------------------


async def list_projects(call: Call) -> Answer:
    """The names of all projects."""
    return choose(await call.packages.documents("simple"), call)


async def show_project(call: Call) -> Answer:
    """The files of one project. Raises `PackageNotFound`."""
    try:
        key = names.name_key(call.params["name"])
    except InvalidName as error:
        raise PackageNotFound from error
    return choose(await call.packages.documents("project", key), call)


def forward(params: Params) -> tuple[str, str]:
    """Where an absent project is asked for upstream (page section 6)."""
    return params["name"], params["name"] + "/"


def choose(documents: Mapping[str, Document], call: Call) -> Document:
    """The document in the form the client likes best. Raises `NotAcceptable`, `InvalidParameter`."""
    document, media_type = choose_form(call.headers.get("accept"), call.query.get("format"))
    return msgspec.structs.replace(documents[document], media_type=media_type)  # type: ignore[type-var]


@lru_cache(512)
def choose_form(accept: str | None, wanted: str | None) -> tuple[str, str]:
    """Which document to send and as what: `?format=` decides, else Accept by its weights; JSON wins a draw, HTML where anything goes."""
    if wanted:
        return read_format(wanted)
    weights = read_accept(accept or "*/*")
    weighed = [(weigh(aliases, weights), rank) for rank, (_, _, aliases) in enumerate(OFFERS)]
    # A bare wildcard is a client that knows nothing of JSON: the last offer has always been its answer.
    (weight, _), rank = max(weighed, key=lambda one: (*one[0], -one[1] if one[0][1] else one[1]))
    if not weight:
        raise NotAcceptable("Accept must allow text/html, application/vnd.pypi.simple.v1+html or application/vnd.pypi.simple.v1+json")
    return OFFERS[rank][:2]


def read_format(wanted: str) -> tuple[str, str]:
    for document, media_type, aliases in OFFERS:
        if wanted in aliases:
            return document, media_type
    if wanted in SHORT_FORMATS:
        return SHORT_FORMATS[wanted]
    raise InvalidParameter("format does not have a valid value", parameter="format")


def weigh(aliases: tuple[str, ...], weights: Mapping[str, float]) -> tuple[float, int]:
    """The weight of the nearest entry that covers an offer (RFC 9110 section 12.5.1), and how near it is."""
    family = aliases[0].partition("/")[0]
    for nearness, entries in ((2, aliases), (1, (f"{family}/*",)), (0, ("*/*",))):
        if found := [weights[entry] for entry in entries if entry in weights]:
            return max(found), nearness
    return 0.0, 0


def read_accept(accept: str) -> dict[str, float]:
    """Media types and their weights; of a type given twice the highest counts."""
    weights: dict[str, float] = {}
    for element in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in element.split(";"))
        if media_type:
            weights[media_type] = max(weights.get(media_type, 0.0), read_weight(parameters))
    return weights


def read_weight(parameters: list[str]) -> float:
    text = next((value for name, _, value in (part.partition("=") for part in parameters) if name.strip() == "q"), "1")
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


async def get_file(call: Call) -> Answer:
    """A file by its digest and name, or what lies beside it: `.metadata`, `.provenance`. Raises `FileNotFound`."""
    sha256, filename = call.params["sha256"].lower(), call.params["filename"]
    for suffix, media_type in SIDE_TYPES.items():
        if filename.endswith(suffix):
            return await get_side_file(call, sha256, filename.removesuffix(suffix), suffix, media_type)
    for name in candidate_names(filename):
        try:
            return await call.packages.file(name, None, filename, sha256=sha256)
        except NotFound:
            continue
    raise FileNotFound


async def get_side_file(call: Call, sha256: str, filename: str, suffix: str, media_type: str) -> Answer:
    for name in candidate_names(filename):
        try:
            main = await call.packages.file(name, None, filename, sha256=sha256)
            side = await call.packages.file(name, None, filename + suffix)
            if side.version_id != main.version_id:
                side = await find_side_file(call, name, sha256, filename, suffix)
        except NotFound:
            continue
        return msgspec.structs.replace(side, media_type=media_type)  # type: ignore[type-var]
    raise FileNotFound


async def find_side_file(call: Call, name: str, sha256: str, filename: str, suffix: str) -> FileReply:
    # In a group two projects may hold files of one name: what lies beside the one that was asked for counts.
    rows = await call.packages.rows(name)
    for version in (version for package in rows.packages for version in package.versions):
        if any(file.path == filename and file.blob.sha256 == sha256 for file in version.files):
            for file in version.files:
                if file.path == filename + suffix:
                    return await call.packages.file(name, version.version, file.path, sha256=file.blob.sha256)
    raise FileNotFound


def candidate_names(filename: str) -> Iterator[str]:
    """The normalised names a file of this name may belong to, each once."""
    yield from dict.fromkeys(names.name_key(reading.name) for reading in names.read_file_names(filename))


# -- publishing ------------------------------------------------------------------------------------------------------


async def upload_file(call: Call) -> Answer:
    """Publish the wheel or source distribution of an upload form."""
    form = await call.spool(splitter(call.headers.get("content-type", "")))
    fields = read_fields(form.fields)
    part = only_file(form)
    check_digests(fields, {"sha256": part.content.sha256})
    artifact = await call.inspect(read_file, part.content, part.filename, [name for name in fields.digests if name in HASHES])
    check_digests(fields, artifact.digests)
    check_agreement(fields, artifact)
    provenance = read_attestations(fields.attestations, part.filename, part.content.sha256) if fields.attestations else None
    await call.packages.publish(make_upload(part, artifact, provenance))
    return json_reply({"message": "201 Created"}, 201)


def splitter(content_type: str) -> MultipartSplitter:
    # One part for each classifier and requirement; some clients attach a signature, which is passed over.
    files = frozenset({"content", "gpg_signature"})
    limits = {"description": 5 * MIB}
    return MultipartSplitter(content_type, files, max_parts=4096, field_limits=limits, text_limit=10 * MIB)


def only_file(form: Form) -> Part:
    """The part `content`. Raises `InvalidParameter` where it is missing, `InvalidUpload` where it is not one file with a plain name."""
    parts = [part for part in form.files if part.name == "content"]
    if not parts:
        raise InvalidParameter("content is missing", parameter="content")
    if len(parts) > 1:
        raise InvalidUpload(f"An upload brings one file, this one has {len(parts)}: {', '.join(part.filename[:80] for part in parts[:5])}")
    if not names.FILE_NAME.fullmatch(parts[0].filename):
        raise InvalidUpload(f"File name {parts[0].filename[:255]!r} may hold letters, digits and . _ + ! - and begins with a letter or digit")
    return parts[0]


def make_upload(part: Part, artifact: Artifact, provenance: bytes | None) -> Upload:
    """The file with its facts, and the files made from it."""
    described, path = artifact.described, part.filename
    content = msgspec.structs.replace(part.content, md5=artifact.digests.get("md5", part.content.md5))  # type: ignore[type-var]
    metadata = artifact.metadata if artifact.resolvable else b""
    facts = Facts(requires_python=described.requires_python, metadata=hashlib.sha256(metadata).hexdigest() if metadata else "")
    files = [NewFile(path=path, content=content, facts=msgspec.json.encode(facts), about=described.about)]
    if metadata:
        files.append(NewFile(path=path + METADATA, content=metadata, derived=True))
    if provenance:
        files.append(NewFile(path=path + PROVENANCE, content=provenance, derived=True))
    return Upload(name=described.name, version=described.version, files=tuple(files))


# -- yanking: our own, as uploaders have no standard for it ----------------------------------------------------------


async def yank(call: Call) -> Answer:
    """Keep a version installable by exact version only; the reason is shown by installers."""
    reason = await read_reason(call)
    await call.packages.yank(call.params["name"], call.params["version"], reason)
    return json_reply({"name": names.name_key(call.params["name"]), "version": call.params["version"], "yanked": reason or True})


async def unyank(call: Call) -> Answer:
    """Offer a yanked version again."""
    await call.packages.yank(call.params["name"], call.params["version"], None)
    return empty_reply(204)


async def read_reason(call: Call) -> str:
    """The reason from `?reason=` or the JSON body, "" where none is given. Raises `InvalidParameter`."""
    reason = call.query.get("reason")
    body = await call.body()
    if reason is None and body:
        try:
            reason = msgspec.json.decode(body, type=YankBody).reason
        except msgspec.DecodeError as error:
            raise InvalidParameter(f'The body must be {{"reason": "text"}}: {error}', parameter="reason") from error
    reason = (reason or "").strip()
    if len(reason) > 255 or not reason.isprintable():
        raise InvalidParameter("reason is invalid: it is one line of at most 255 characters", parameter="reason")
    return reason


class YankBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str = ""


# The house takes each path with and without a slash at its end: pip sends one, the documented index URL has none.
ROUTES = (
    Route(method="GET", path="simple", handler=list_projects, action=Action.READ),
    Route(method="GET", path="simple/{name}", handler=show_project, action=Action.READ, forward=forward),
    Route(method="GET", path="files/{sha256}/{filename}", handler=get_file, action=Action.READ),
    Route(method="POST", path="", handler=upload_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="PUT", path="yank/{name}/{version}", handler=yank, action=Action.DELETE, reach=PROJECT),
    Route(method="DELETE", path="yank/{name}/{version}", handler=unyank, action=Action.DELETE, reach=PROJECT),
)
