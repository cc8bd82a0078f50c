"""The module proxy protocol (golang.org/ref/mod, GOPROXY protocol), over tags and commits of the project's repository and over uploaded zips."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from packhouse.contract import INSTANCE, PROJECT, Action, Answer, Call, Params, Route
from packhouse.errors import (
    FileNotFound,
    InvalidName,
    InvalidUpload,
    InvalidVersion,
    NotFound,
    PackageNotFound,
    Protected,
    RepositoryNotFound,
    VersionNotFound,
)
from packhouse.formats.go import names, parse, source
from packhouse.formats.go.index import TEXT, join
from packhouse.model import About, Dependency, NewFile, Upload
from packhouse.responses import Document, FileReply, empty_reply, json_reply

MEDIA = {"info": "application/json", "mod": TEXT, "zip": "application/zip"}
LARGEST_INFO = 64 * 1024


class Asked(msgspec.Struct, frozen=True):
    """A version of a module, and which of its files. `version` may be any query where the file is `info`."""

    module: str
    version: str
    kind: str

    @property
    def path(self) -> str:
        return f"{self.version}.{self.kind}"


async def list_versions(call: Call) -> Answer:
    """Every version of the module, stored or tagged; pseudo-versions are left out."""
    module = read_module(call)
    stored: Document | None = None
    try:
        stored = (await call.packages.documents("list", module))["list"]
    except PackageNotFound:
        pass
    where = find_where(call, module)
    if where is not None:
        try:
            tagged = await call.packages.from_git(call.packages.project, source.list_versions, where)
        except RepositoryNotFound:
            tagged = None
        if tagged is not None:
            known = stored.body.decode().split() if stored is not None else []
            body = join({*tagged, *known})
            return Document(body=body, media_type=TEXT, etag=hashlib.sha1(body, usedforsecurity=False).hexdigest())
    if stored is None:
        raise PackageNotFound(f"There is no module {module} here")
    return stored


async def get_latest(call: Call) -> Answer:
    """The version that `@latest` means."""
    module = read_module(call)
    where = find_where(call, module)
    if where is not None:
        try:
            found = await call.packages.from_git(call.packages.project, source.latest, where)
        except (RepositoryNotFound, VersionNotFound):
            pass
        else:
            return json_reply(msgspec.json.decode(source.make_info(found)))
    stored = (await call.packages.documents("list", module))["list"].body.decode().split()
    if not stored:
        raise PackageNotFound(f"There is no version of {module} here")
    newest = await find_content(call, Asked(module, max(stored, key=source.rank), "mod"))
    chosen = source.choose_latest(stored, lambda _: newest)
    assert chosen is not None
    return await find_file(call, Asked(module, chosen, "info"))


async def get_file(call: Call) -> Answer:
    """The `.info`, `.mod` or `.zip` of a version; read from the repository and kept when it is first asked for."""
    asked = read_asked(call)
    if not names.is_version(asked.version):
        return await answer_query(call, asked)
    try:
        return await find_file(call, asked)
    except NotFound:
        await take(call, asked)
    return await find_file(call, asked)


async def answer_query(call: Call, asked: Asked) -> Answer:
    """A branch or part of a commit's id as a version."""
    where = find_where(call, asked.module)
    if asked.kind != "info" or where is None:
        raise VersionNotFound(f"{asked.version[: names.SHOWN]!r} is no version of a module")
    found = await call.packages.from_git(call.packages.project, source.query, where, asked.version)
    return json_reply(msgspec.json.decode(source.make_info(found)))


async def put_zip(call: Call) -> Answer:
    """Publish a module zip, for code that lives elsewhere."""
    asked = read_asked(call)
    if asked.kind != "zip":
        raise InvalidUpload(f"Send the zip of the module: {asked.kind} is made from it")
    parse.check_module(asked.module)
    names.version_id(asked.version)
    if not names.fits(asked.module, asked.version):
        raise InvalidVersion(f"{asked.module} cannot have the version {asked.version}: the path of a module from v2 on ends in its major version")
    if names.is_pseudo(asked.version):
        raise InvalidVersion(f"{asked.version} stands for a commit, and cannot be uploaded: use a version like v1.2.3")
    form = await call.spool()
    content = form.files[0].content
    found = await call.inspect(parse.read_module_zip, content, asked.module, asked.version)
    mod = found.mod.encode()
    info = msgspec.json.encode({"Version": asked.version, "Time": names.timestamp(call.now // 1_000_000)})
    files = (
        NewFile(path=f"{asked.version}.zip", content=content, facts=msgspec.json.encode({"h1": found.h1})),
        NewFile(path=f"{asked.version}.mod", content=mod, about=about_of(mod, found.readme)),
        NewFile(path=f"{asked.version}.info", content=info, derived=True),
    )
    await call.packages.publish(Upload(name=asked.module, version=asked.version, files=files))
    return json_reply({"message": "201 Created", "module": asked.module, "version": asked.version, "h1": found.h1}, 201)


async def delete_version(call: Call) -> Answer:
    """Remove a version with its files."""
    asked = read_asked(call)
    await call.packages.delete(asked.module, names.version_id(asked.version))
    return empty_reply(204)


# -- what is stored, and what is taken ---------------------------------------------------------------------------------


async def find_file(call: Call, asked: Asked) -> FileReply:
    """A stored file. Raises `NotFound` and its like."""
    reply = await call.packages.file(asked.module, asked.version, asked.path)
    headers = {**reply.headers}
    if asked.kind == "zip":
        headers["Content-Transfer-Encoding"] = "binary"
    return msgspec.structs.replace(reply, media_type=MEDIA[asked.kind], headers=headers, inline=asked.kind != "zip")  # type: ignore[type-var]


async def find_content(call: Call, asked: Asked) -> bytes | None:
    try:
        return await call.packages.content(await find_file(call, asked), parse.LARGEST_MOD)
    except NotFound:
        return None


async def take(call: Call, asked: Asked) -> None:
    """Read a version from the repository and keep it: from then on it stays as it is, wherever its tag goes. Raises `VersionNotFound`."""
    where = find_where(call, asked.module)
    if where is None:
        raise VersionNotFound(f"There is no {asked.module} {asked.version} here")
    project = call.packages.project
    try:
        commit = await pinned(call, asked)
        if commit is None:
            found, readme = await call.packages.from_git(project, source.find_with_readme, where, asked.version)
            mod = found.mod if found.mod is not None else parse.synthetic_mod(asked.module)
            files = (
                NewFile(path=f"{asked.version}.info", content=source.make_info(found), origin_at=found.time * 1_000_000),
                NewFile(path=f"{asked.version}.mod", content=mod, about=about_of(mod, readme)),
            )
            await call.packages.take(Upload(name=asked.module, version=asked.version, files=files), project)
            commit = found.commit
        if asked.kind == "zip":
            packed = await call.packages.from_git(project, source.pack, where, asked.version, commit)
            new = NewFile(path=asked.path, content=packed.content, facts=msgspec.json.encode({"h1": packed.h1}))
            await call.packages.take(Upload(name=asked.module, version=asked.version, files=(new,)), project)
    except RepositoryNotFound as error:
        raise VersionNotFound(f"There is no {asked.module} {asked.version} here") from error
    except Protected as error:
        raise VersionNotFound(f"{asked.module} {asked.version} was deleted") from error


async def pinned(call: Call, asked: Asked) -> str | None:
    """The commit that a stored version was made from; None where it is not stored."""
    content = await find_content(call, Asked(asked.module, asked.version, "info"))
    if content is None:
        return None
    origin = msgspec.json.decode(content).get("Origin")
    if not origin:
        raise FileNotFound(f"{asked.module} {asked.version} was uploaded, and has no {asked.kind}")
    return str(origin["Hash"])


def about_of(mod: bytes, readme: str) -> About:
    said = parse.read_mod(mod)
    dependencies = tuple(Dependency(name=name, range=version) for name, version in said.requires)
    return About(readme=readme, dependencies=dependencies, requires=f"go {said.go}" if said.go else "")


# -- what is asked ------------------------------------------------------------------------------------------------------


def read_module(call: Call) -> str:
    """The module path, decoded. Raises `PackageNotFound` for what can be none."""
    try:
        return names.name_key(names.decode(call.params["module"]))
    except InvalidName as error:
        if call.method in ("GET", "HEAD"):
            raise PackageNotFound(error.message) from error
        raise


def read_asked(call: Call) -> Asked:
    """Module, version and kind of file. Raises `FileNotFound` where that is none of the protocol's."""
    module = read_module(call)
    version, _, kind = call.params["file"].rpartition(".")
    if kind not in MEDIA or not version:
        raise FileNotFound(f"{call.params['file'][: names.SHOWN]!r} is none of the files of a version: .info, .mod and .zip")
    try:
        return Asked(module, names.decode(version), kind)
    except InvalidName as error:
        raise VersionNotFound(error.message) from error


def find_where(call: Call, module: str) -> source.Where | None:
    """The folder of the project's repository that a module path means; None where it begins with another project's address, or at a moment."""
    if call.moment.as_of:
        return None  # a repository knows no moments: only what was stored then counts
    base = urlsplit(call.moment.api.removesuffix("/api/v4"))
    prefix = f"{base.hostname}{base.path}/{call.place.full_path}"
    if module != prefix and not module.startswith(f"{prefix}/"):
        return None
    return source.Where(module=module, folder=module[len(prefix) :].strip("/"))


def place_of(params: Params) -> Sequence[str] | None:
    """The projects that a module path may lie in, the longest path first."""
    try:
        segments = names.decode(params["module"]).split("/")[1:]
    except InvalidName:
        return None
    return tuple("/".join(segments[:end]) for end in range(min(len(segments), 20), 1, -1))


BOTH = PROJECT | INSTANCE
FILE = "{module*}/@v/{file}"

ROUTES = (
    Route(method="GET", path="{module*}/@v/list", handler=list_versions, action=Action.READ, reach=BOTH, place_of=place_of, bound=True),
    Route(method="GET", path="{module*}/@latest", handler=get_latest, action=Action.READ, reach=BOTH, place_of=place_of, bound=True),
    Route(method="GET", path=FILE, handler=get_file, action=Action.READ, reach=BOTH, place_of=place_of, bound=True),
    Route(method="PUT", path=FILE, handler=put_zip, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path=FILE, handler=delete_version, action=Action.DELETE, reach=PROJECT),
)
