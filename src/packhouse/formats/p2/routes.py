"""The repositories of a project: documents and artifacts that clients read as files, and uploads, which have no client of their own."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Form, Neighbours, Route, receive_file
from packhouse.errors import AlreadyExists, DigestMismatch, FileNotFound, Invalid, InvalidUpload, PackageNotFound
from packhouse.formats.p2 import index, names, parse
from packhouse.model import NewFile, Spooled, Upload, VersionRow, replace
from packhouse.responses import empty_reply, json_reply

JAR, BINARY = "application/java-archive", "application/octet-stream"
ZIP = ".zip"

# -- reading -----------------------------------------------------------------------------------------------------------


async def show_document(call: Call, index_name: str, document: str) -> Answer:
    """A document of a repository. Raises `PackageNotFound`."""
    return (await call.packages.documents(index_name, repository_of(call)))[document]


async def show_composite(call: Call, document: str) -> Answer:
    """What leads to every repository here, which may be none."""
    return (await call.packages.documents("composite"))[document]


async def refuse(call: Call) -> Answer:
    """What else clients look for is not there: they are told so in the way of this format."""
    raise FileNotFound


async def get_artifact(call: Call, folder: str) -> Answer:
    """A bundle, feature or binary. Raises `FileNotFound`."""
    name, path = repository_of(call), path_of(call, folder)
    if not names.is_artifact(path):
        raise FileNotFound
    sha256 = None if call.place.kind == "project" else await find_digest(call, name, path)
    reply = await call.packages.file(name, None, path, sha256)
    return replace(reply, name=call.params["file"], media_type=JAR if path.endswith(".jar") else BINARY, immutable=False)


async def find_digest(call: Call, name: str, path: str) -> str:
    """The digest of the file that a group lists, where several projects have it. Raises `FileNotFound`."""
    documents = await call.packages.documents("places", name)
    places = msgspec.json.decode(documents["places.json"].body, type=dict[str, str])
    if path not in places:
        raise FileNotFound
    return places[path]


def repository_of(call: Call) -> str:
    """The name of the repository in the path. Raises `PackageNotFound` for what can be none."""
    try:
        return names.name_key(call.params["repository"])
    except Invalid as error:
        raise PackageNotFound from error


def path_of(call: Call, folder: str) -> str:
    return f"{folder}/{call.params['file']}"


# -- publishing --------------------------------------------------------------------------------------------------------


async def put_site(call: Call) -> Answer:
    """Publish the repository in an archive, all of it or nothing. Raises `InvalidUpload`, `AlreadyExists`."""
    repository, file = names.name_key(call.params["repository"]), call.params.get("file", "")
    version = names.version_id(file.removesuffix(ZIP)) if file.endswith(ZIP) else ""
    if file and not version:
        raise InvalidUpload(f"The address ends in {file[:80]!r}: send the archive to `upload`, or to its version and `.zip`")
    form = await call.spool(parse.site_splitter(call.headers.get("content-type", "")), inspected=False)
    contents = {part.name: part.content for part in form.files if "/" in part.name}
    content, content_name = find_document(form, "content")
    artifacts, artifacts_name = find_document(form, "artifacts")
    read = await call.inspect(parse.read_site, content, content_name, artifacts.path, artifacts_name)
    return await publish(call, repository, version or read.version, read, contents)


def find_document(form: Form, kind: str) -> tuple[Spooled, str]:
    """One of an archive's documents, and how it is packed: which of them counts is what a client would take. Raises `InvalidUpload`."""
    there = {part.name: part.content for part in form.files}
    for suffix in index.PACKERS:
        if f"{kind}.{suffix}" in there:
            return there[f"{kind}.{suffix}"], f"{kind}.{suffix}"
    raise InvalidUpload(
        f"The archive has no {kind}.xml, {kind}.jar or {kind}.xml.xz at its root: send the repository that Tycho or p2's publisher made"
    )


async def put_artifact(call: Call, folder: str, read_file: Callable[[str], parse.Read]) -> Answer:
    """Publish one bundle or feature, with units that are made from it. Raises `InvalidUpload`, `AlreadyExists`."""
    repository, path = names.name_key(call.params["repository"]), path_of(call, folder)
    content = await receive_file(call)
    if not content.size:
        raise InvalidUpload("The body is empty: send the jar")
    read = await call.inspect(read_file, content)
    (artifact,) = read.artifacts
    if artifact.facts.key is None or artifact.facts.key.path != path:
        raise InvalidUpload(f"The jar is {artifact.facts.key.path if artifact.facts.key else ''}, the address says {path[:200]!r}")
    return await publish(call, repository, read.version, read, {path: content})


async def publish(call: Call, repository: str, version: str, read: parse.Read, contents: Mapping[str, Spooled]) -> Answer:
    """Raises `AlreadyExists` where the repository has other bytes for an artifact, `InvalidUpload` where it would be too large."""
    files = [place(artifact, contents) for artifact in read.artifacts]
    files += [place_loose(units) for units in (read.loose, await find_more(call, repository, version, read)) if units]
    files[0] = replace(files[0], about=read.about)
    done = await call.packages.publish(Upload(name=repository, version=version, files=tuple(files)))
    return json_reply({"message": "201 Created" if done.created else "200 OK"}, 201 if done.created else 200)


def place(artifact: parse.Artifact, contents: Mapping[str, Spooled]) -> NewFile:
    """Raises `InvalidUpload` where the file is not there, `DigestMismatch` where it is not what the upload says of it."""
    assert artifact.facts.key is not None
    path = artifact.facts.key.path
    content = contents.get(path)
    if content is None:
        raise InvalidUpload(f"artifacts.xml names {path}, which is not in the archive: leave it out, or pack the file too")
    for said, true, what in (
        (artifact.size, str(content.size), "bytes"), (artifact.sha256, content.sha256, "sha256"), (artifact.sha512, content.sha512, "sha512"),
    ):  # fmt: skip
        if said and said != true:
            raise DigestMismatch(f"artifacts.xml gives {path} {what} {said[:130]}, the file has {true}: build the repository again")
    return NewFile(path=path, content=content, facts=msgspec.json.encode(artifact.facts))


def place_loose(units: tuple[parse.Unit, ...]) -> NewFile:
    """Units without artifacts, categories and the like, in a file of ours: the same ones again are the same file."""
    facts = msgspec.json.encode(parse.Facts(units=units))
    return NewFile(path=f"units/{hashlib.sha256(facts).hexdigest()}.json", content=facts, facts=facts, derived=True)


async def find_more(call: Call, repository: str, version: str, read: parse.Read) -> tuple[parse.Unit, ...]:
    """New units of artifacts that this version has already: what is kept of those does not change. Raises `InvalidUpload`."""
    try:
        rows = await call.packages.rows(repository)
    except PackageNotFound:
        return ()
    return await asyncio.to_thread(index.find_more, rows, version, read.artifacts, read.loose)


def check_neighbours(coming: VersionRow, there: Neighbours) -> None:
    """Raises `AlreadyExists`: to clients a repository is one, whatever versions it came in."""
    sent = {file.path: file.blob.sha256 for file in coming.files if not file.derived}
    served: dict[str, str] = {}
    for _, file in there.files(list(sent)):  # the newest at each path
        served.setdefault(file.path, file.blob.sha256)
    for path, sha256 in sent.items():
        stored = served.get(path, sha256)
        if stored != sha256:
            raise AlreadyExists(f"{path} already exists with other bytes", path=path, stored=stored, sent=sha256)


# -- deleting ----------------------------------------------------------------------------------------------------------


async def delete_version(call: Call) -> Answer:
    """Remove what came under a version; what others brought too stays. Raises `VersionNotFound` and its like."""
    try:
        await call.packages.delete(repository_of(call), call.params["version"])
    except Invalid as error:
        raise FileNotFound from error
    return empty_reply()


async def delete_artifact(call: Call, folder: str) -> Answer:
    """Remove an artifact from every version; units that need it are not listed any more. Raises `FileNotFound`."""
    repository, path = repository_of(call), path_of(call, folder)
    rows = await call.packages.rows(repository)
    held = [version.version for package in rows.packages for version in package.versions if any(file.path == path for file in version.files)]
    if not held or not names.is_artifact(path):
        raise FileNotFound
    await call.packages.delete_files(repository, [(version, path) for version in held])
    return empty_reply()


# -- the table ---------------------------------------------------------------------------------------------------------

READ, PUBLISH, DELETE = Action.READ, Action.PUBLISH, Action.DELETE
FOLDERS = ("plugins", "features", "binary")
COMPOSITE = (index.P2_INDEX, *(f"{name}.{suffix}" for name in index.COMPOSITES for suffix in ("xml", "jar")))

ROUTES = (
    *(Route(method="GET", path=name, handler=partial(show_composite, document=name), action=READ) for name in COMPOSITE),
    Route(
        method="GET", path=f"{{repository}}/{index.P2_INDEX}", handler=partial(show_document, index_name="lead", document=index.P2_INDEX), action=READ
    ),
    *(
        Route(method="GET", path=f"{{repository}}/{name}", handler=partial(show_document, index_name=name, document=name), action=READ)
        for name in index.DOCUMENTS
    ),
    *(Route(method="GET", path=f"{{repository}}/{folder}/{{file}}", handler=partial(get_artifact, folder=folder), action=READ) for folder in FOLDERS),
    Route(method="GET", path="{repository}/{document}", handler=refuse, action=READ),
    Route(method="PUT", path="{repository}/upload", handler=put_site, action=PUBLISH, reach=PROJECT, limit=None),
    Route(method="PUT", path="{repository}/{file}", handler=put_site, action=PUBLISH, reach=PROJECT, limit=None),
    *(
        Route(
            method="PUT",
            path=f"{{repository}}/{folder}/{{file}}",
            handler=partial(put_artifact, folder=folder, read_file=read_file),
            action=PUBLISH,
            reach=PROJECT,
            limit=None,
        )
        for folder, read_file in (("plugins", parse.read_bundle), ("features", parse.read_feature))
    ),
    *(
        Route(
            method="DELETE", path=f"{{repository}}/{folder}/{{file}}", handler=partial(delete_artifact, folder=folder), action=DELETE, reach=PROJECT
        )
        for folder in FOLDERS
    ),
    Route(method="DELETE", path="{repository}/{version}", handler=delete_version, action=DELETE, reach=PROJECT),
)
