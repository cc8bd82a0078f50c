"""The registry's protocol below `/v2/`: manifests, blobs and their uploads, tags, referrers (OCI distribution 1.1)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from packhouse.contract import MIB, ROOT, Action, Answer, Call, Chunk, FileReply, Found, Route
from packhouse.errors import BlobNotFound, DigestMismatch, InvalidParameter, InvalidUpload, PackageNotFound, RangeInvalid
from packhouse.formats.container import index, names, parse
from packhouse.formats.container.errors import API, ManifestBlobUnknown
from packhouse.model import NewFile, Upload, replace
from packhouse.responses import Reply, empty_reply

Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]

MANIFEST = "manifest"  # the path of a version's one file
PAGE = 1000
MOST_REFERRERS = 500
MOST_TAGS = 100
THREADED = 256 * 1024  # bytes of a manifest that are worth a thread
RANGE = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/(?:\d{1,18}|\*))?")
NUMBER = re.compile(r"\d{1,18}")


async def check_version(_call: Call) -> Answer:
    """That this is a registry, for whoever has shown a credential."""
    return Reply(b"{}", 200, API, "application/json")


# -- manifests ---------------------------------------------------------------------------------------------------------


async def get_manifest(call: Call) -> Answer:
    """The bytes as they were pushed, under their own media type. Raises `PackageNotFound`, `VersionNotFound`."""
    name, reference = names.name_key(call.params["name"]), call.params["reference"]
    found = await pick(call, names.repository_of(name), reference)
    digest = reference if names.is_digest(reference) else found.version
    headers = {**API, "Docker-Content-Digest": digest}
    return replace(found.reply, media_type=parse.read_type(found.facts), headers=headers)


async def pick(call: Call, name: str, reference: str) -> Found:
    if names.is_digest(reference):
        return await call.packages.pick(name, MANIFEST, version=names.check_digest(reference))
    return await call.packages.pick(name, MANIFEST, tag=names.check_tag(reference))


async def put_manifest(call: Call) -> Answer:
    """Store a manifest and point its tags at it. Raises `InvalidUpload`, `DigestMismatch`, and `ManifestBlobUnknown` for what is missing."""
    name, reference = names.new_name(call.params["name"]), call.params["reference"]
    tags = tags_of(call, reference)
    body = await call.body()
    manifest = await read_manifest(body, call.headers.get("content-type", ""))
    digest = check_body(body, reference)
    config = await read_config(call, name, manifest.facts)
    facts, labels, made = parse.add_config(manifest.facts, config)
    file = NewFile(path=MANIFEST, content=body, facts=parse.write_facts(facts), about=parse.about(facts, labels), origin_at=made)
    upload = Upload(name=name, version=digest, files=(file,), tags=tags, references=manifest.references, addressed=True)
    try:
        await call.packages.publish(upload)
    except BlobNotFound as error:
        raise ManifestBlobUnknown(error.message, **error.detail) from error
    headers = {**API, "Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
    if facts.subject:
        headers["OCI-Subject"] = facts.subject
    if names.is_digest(reference) and tags:
        headers["OCI-Tag"] = ", ".join(tags)
    return empty_reply(201, headers)


def tags_of(call: Call, reference: str) -> tuple[str, ...]:
    """The tags a push sets: the one of its URL, or those of its query."""
    if not names.is_digest(reference):
        return (names.check_tag(reference),)
    names.check_digest(reference)
    tags = tuple(dict.fromkeys(names.check_tag(value) for key, value in call.query_list if key == "tag"))
    if len(tags) > MOST_TAGS:
        raise InvalidUpload(f"{len(tags)} tags are sent, the most is {MOST_TAGS}")
    return tags


async def read_manifest(body: bytes, content_type: str) -> parse.Manifest:
    if len(body) > THREADED:
        return await asyncio.to_thread(parse.read_manifest, body, content_type)
    return parse.read_manifest(body, content_type)


def check_body(body: bytes, reference: str) -> str:
    """The digest that the manifest goes by. Raises `DigestMismatch`."""
    if not names.is_digest(reference):
        return names.digest_of(body)
    actual = names.digest_of(body, reference)
    if actual != reference:
        raise DigestMismatch(f"The manifest has {actual}, it was sent as {reference}", sent=reference, actual=actual)
    return reference


async def read_config(call: Call, name: str, facts: parse.Facts) -> bytes | None:
    """The configuration of an image, where it is one and not absurdly long."""
    if facts.config is None or facts.config.type not in parse.CONFIGS or facts.config.size > parse.LARGEST_CONFIG:
        return None
    try:
        reply = await call.packages.blobs.find(name, facts.config.digest)
    except (BlobNotFound, PackageNotFound):
        return None  # publishing says so in its own words
    return await call.packages.content(reply, parse.LARGEST_CONFIG)


async def delete_manifest(call: Call) -> Answer:
    """Remove a tag, or a manifest with every tag on it. Raises `VersionNotFound`, `VersionReferenced`."""
    name, reference = names.name_key(call.params["name"]), call.params["reference"]
    found = await pick(call, name, reference)
    if names.is_digest(reference):
        await call.packages.delete(name, found.version)
    else:
        await call.packages.tag(name, reference, None)
    return empty_reply(202, API)


async def delete_tag(call: Call) -> Answer:
    """Remove a tag, at the address that came before the specification had one."""
    name, tag = names.name_key(call.params["name"]), names.check_tag(call.params["tag"])
    await pick(call, name, tag)
    await call.packages.tag(name, tag, None)
    return empty_reply(202, API)


# -- blobs -------------------------------------------------------------------------------------------------------------


async def get_blob(call: Call) -> Answer:
    """The bytes. Raises `BlobNotFound`."""
    name, digest = names.name_key(call.params["name"]), names.check_digest(call.params["digest"])
    reply: FileReply = await call.packages.blobs.find(names.repository_of(name), digest)
    return replace(reply, headers={**API, "Docker-Content-Digest": digest})


async def delete_blob(call: Call) -> Answer:
    """Take it out of the repository. Raises `BlobNotFound`, `Unsupported` while a manifest points at it."""
    name, digest = names.name_key(call.params["name"]), names.check_digest(call.params["digest"])
    await call.packages.blobs.remove(name, digest)
    return empty_reply(202, API)


async def start_upload(call: Call) -> Answer:
    """Link a blob of another repository, take one in a single request, or open a session."""
    name, query = names.new_name(call.params["name"]), call.query
    if "mount" in query:
        if await mount(call, name, query["mount"], query.get("from") or None):
            return blob_reply(name, query["mount"])
    elif "digest" in query:
        await call.packages.blobs.add(name, names.check_digest(query["digest"]), chunk_of(call))
        return blob_reply(name, query["digest"])
    if query.get("digest-algorithm", "sha256") not in ("sha256", "sha512"):
        raise names.InvalidDigest(f"Algorithm {query['digest-algorithm'][:40]!r} is not known here: sha256 or sha512")
    session = await call.packages.sessions.start(name)
    return session_reply(202, name, session.id, session.size)


async def mount(call: Call, name: str, digest: str, source: str | None) -> bool:
    """Whether the blob could be linked. A source that cannot exist is no reason to refuse a push."""
    names.check_digest(digest)
    if source is not None and not (len(source) <= names.LONGEST and all(map(names.COMPONENT.fullmatch, source.split("/")))):
        return False
    return await call.packages.blobs.mount(name, digest, source, names.projects_of(source) if source is not None else ())


async def get_upload(call: Call) -> Answer:
    """How far a session has come. Raises `SessionNotFound`."""
    name = names.name_key(call.params["name"])
    session = await call.packages.sessions.status(name, call.params["session"])
    return session_reply(204, name, session.id, session.size)


async def append_upload(call: Call) -> Answer:
    """More bytes of a session. Raises `RangeInvalid`, `SessionNotFound`."""
    name = names.name_key(call.params["name"])
    session = await call.packages.sessions.append(name, call.params["session"], chunk_of(call))
    return session_reply(202, name, session.id, session.size)


async def finish_upload(call: Call) -> Answer:
    """The last bytes of a session, and what all of them must hash to. Raises `DigestMismatch`, `RangeInvalid`, `SessionNotFound`."""
    name, digest = names.name_key(call.params["name"]), names.check_digest(call.query.get("digest", ""))
    await call.packages.sessions.finish(name, call.params["session"], digest, chunk_of(call))
    return blob_reply(name, digest)


async def cancel_upload(call: Call) -> Answer:
    """Forget a session. Raises `SessionNotFound`."""
    await call.packages.sessions.cancel(names.name_key(call.params["name"]), call.params["session"])
    return empty_reply(204, API)


def chunk_of(call: Call) -> Chunk:
    """The body, and where it says it goes. Raises `RangeInvalid`."""
    length, span = call.headers.get("content-length", ""), call.headers.get("content-range")
    first = last = None
    if span is not None:
        found = RANGE.fullmatch(span.strip())
        if found is None or int(found[2]) < int(found[1]):
            raise RangeInvalid(f"Content-Range {span[:60]!r} is not first-last")
        first, last = int(found[1]), int(found[2])
    return Chunk(body=call.stream(), first=first, last=last, length=int(length) if NUMBER.fullmatch(length) else None)


def blob_reply(name: str, digest: str) -> Answer:
    return empty_reply(201, {**API, "Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})


def session_reply(status: int, name: str, session: str, size: int) -> Answer:
    headers = {**API, "Location": f"/v2/{name}/blobs/uploads/{session}", "Docker-Upload-UUID": session, "Range": f"0-{max(0, size - 1)}"}
    return empty_reply(status, headers)


# -- lists -------------------------------------------------------------------------------------------------------------


async def list_tags(call: Call) -> Answer:
    """A page of a repository's tags. Raises `PackageNotFound`, `InvalidParameter`."""
    name, count, last = names.name_key(call.params["name"]), page_size(call), read_last(call)
    found = await call.packages.tags(names.repository_of(name), last, count + 1)
    headers = {**API, "Cache-Control": "private, no-cache"}
    if len(found) > count > 0:
        headers["Link"] = index.next_link(f"/v2/{name}/tags/list", n=count, last=found[count - 1])
    return Reply(index.write_tags(name, found[:count]), 200, headers, "application/json")


async def list_repositories(call: Call) -> Answer:
    """A page of every repository's name, for administrators."""
    count = page_size(call)
    found = await call.packages.names(read_last(call), count + 1)
    headers = dict(API)
    if len(found) > count > 0:
        headers["Link"] = index.next_link("/v2/_catalog", n=count, last=found[count - 1])
    return Reply(index.write_catalog(found[:count]), 200, headers, "application/json")


def page_size(call: Call) -> int:
    text = call.query.get("n")
    if text is None or text == "":
        return PAGE
    if not NUMBER.fullmatch(text):
        raise InvalidParameter(f"n must be a number, not {text[:40]!r}", parameter="n")
    return min(int(text), PAGE)


def read_last(call: Call) -> str:
    """Where a page begins. Nothing listed holds a NUL, which not every database can compare: what follows one changes no order."""
    return call.query.get("last", "").partition("\0")[0]


async def list_referrers(call: Call) -> Answer:
    """The manifests whose subject is this digest, pushed or not. Raises `InvalidVersion`."""
    name, digest = names.name_key(call.params["name"]), names.check_digest(call.params["digest"])
    wanted, last = call.query.get("artifactType", ""), read_last(call)
    try:
        found = await call.packages.referring(names.repository_of(name), digest, last, MOST_REFERRERS + 1)
    except PackageNotFound:
        found = []
    headers, entries = dict(API), []
    for one in found[:MOST_REFERRERS]:
        facts = parse.read_facts(one.facts)
        if not wanted or index.artifact_type(facts) == wanted:
            entries.append(index.write_referrer(one.version, one.size, facts, await annotations_of(call, one, facts)))
    if wanted:
        headers["OCI-Filters-Applied"] = "artifactType"
    if len(found) > MOST_REFERRERS:
        query = {"artifactType": wanted} if wanted else {}
        headers["Link"] = index.next_link(f"/v2/{name}/referrers/{digest}", **query, last=found[MOST_REFERRERS - 1].version)
    return Reply(index.write_referrers(entries), 200, headers, parse.OCI_INDEX)


async def annotations_of(call: Call, found: Found, facts: parse.Facts) -> dict[str, str]:
    if not facts.long:
        return dict(facts.annotations)
    body = await call.packages.content(found.reply, parse.LARGEST)
    return {} if body is None else dict(parse.read_annotations(body))


# -- the table ---------------------------------------------------------------------------------------------------------


def of_repository(method: str, path: str, handler: Handler, action: Action, *, limit: int | None = 0) -> Route:
    return Route(
        method=method,
        path=f"v2/{{name*}}/{path}",
        handler=handler,
        action=action,
        reach=ROOT,
        place_of=names.place_of,
        moment_of=names.moment_of if action is Action.READ else None,
        place_kind="project",
        area="containers",
        limit=limit,
    )


SESSION = "blobs/uploads/{session}"

ROUTES = (
    Route(method="GET", path="v2", handler=check_version, action=Action.OPEN, reach=ROOT, area="containers", signed_in=True),
    Route(method="GET", path="v2/_catalog", handler=list_repositories, action=Action.ADMIN, reach=ROOT, area="containers"),
    of_repository("GET", "manifests/{reference}", get_manifest, Action.READ),
    of_repository("PUT", "manifests/{reference}", put_manifest, Action.PUBLISH, limit=4 * MIB),
    of_repository("DELETE", "manifests/{reference}", delete_manifest, Action.DELETE),
    of_repository("DELETE", "tags/reference/{tag}", delete_tag, Action.DELETE),
    of_repository("GET", "tags/list", list_tags, Action.READ),
    of_repository("GET", "referrers/{digest}", list_referrers, Action.READ),
    of_repository("GET", "blobs/{digest}", get_blob, Action.READ),
    of_repository("DELETE", "blobs/{digest}", delete_blob, Action.DELETE),
    of_repository("POST", "blobs/uploads", start_upload, Action.PUBLISH, limit=None),
    of_repository("GET", SESSION, get_upload, Action.PUBLISH),
    of_repository("PATCH", SESSION, append_upload, Action.PUBLISH, limit=None),
    of_repository("PUT", SESSION, finish_upload, Action.PUBLISH, limit=None),
    of_repository("DELETE", SESSION, cancel_upload, Action.PUBLISH),
)
