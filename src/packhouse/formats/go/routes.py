"""The module proxy protocol (golang.org/ref/mod, GOPROXY protocol), over tags and commits of the project's repository and over uploaded zips."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from packhouse.contract import GROUP, INSTANCE, PROJECT, Action, Answer, Call, Params, Route
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
from packhouse.formats.go import names, parse, sign, source
from packhouse.formats.go.errors import Gone
from packhouse.formats.go.index import TEXT, join
from packhouse.model import About, Dependency, NewFile, Struct, Upload
from packhouse.responses import Document, FileReply, Reply, empty_reply, json_reply

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
    home = await find_home(call, module)
    if home is not None:
        try:
            tagged = await call.packages.from_git(home.project, source.list_versions, home.where)
        except RepositoryNotFound:
            tagged = None
        if tagged is not None:
            gone = await call.packages.deleted(module, home.project)
            known = stored.body.decode().split() if stored is not None else []
            body = join({*(tagged.keys() - gone.keys()), *known})
            return Document(body=body, media_type=TEXT, etag=hashlib.sha1(body, usedforsecurity=False).hexdigest())
    if stored is None:
        raise PackageNotFound("There is no such module here")
    return stored


async def get_latest(call: Call) -> Answer:
    """The version that `@latest` means."""
    module = read_module(call)
    home = await find_home(call, module)
    if home is not None:
        gone = frozenset(await call.packages.deleted(module, home.project))
        try:
            found = await call.packages.from_git(home.project, source.latest, home.where, gone)
        except (RepositoryNotFound, VersionNotFound):
            pass
        else:
            return json_reply(msgspec.json.decode(source.make_info(found)))
    stored = (await call.packages.documents("list", module))["list"].body.decode().split()
    if not stored:
        raise PackageNotFound("There is no such module here")
    newest = await find_content(call, Asked(module, max(stored, key=source.rank), "mod"))
    chosen = source.choose_latest(stored, lambda _: newest)
    assert chosen is not None
    return await find_file(call, Asked(module, chosen, "info"))


async def get_file(call: Call) -> Answer:
    """The `.info`, `.mod` or `.zip` of a version; read from the repository and kept when it is first asked for."""
    asked = read_asked(call)
    if not names.is_version(asked.version):
        return await answer_query(call, asked)
    return await obtain(call, asked)


async def obtain(call: Call, asked: Asked) -> FileReply:
    """A file of a version, stored now where it was not. Raises `VersionNotFound`, `Gone`."""
    try:
        return await find_file(call, asked)
    except NotFound:
        await take(call, asked, await find_home(call, asked.module))
    return await find_file(call, asked)


async def answer_query(call: Call, asked: Asked) -> Answer:
    """A branch or part of a commit's id as a version."""
    home = await find_home(call, asked.module)
    if asked.kind != "info" or home is None:
        raise VersionNotFound(f"{asked.version[: names.SHOWN]!r} is no version of a module")
    gone = frozenset(await call.packages.deleted(asked.module, home.project))
    found = await call.packages.from_git(home.project, source.query, home.where, asked.version, gone)
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
    check_own(call, asked.module)
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


# -- the checksum database of what is served here (golang.org/ref/mod, checksum database) -------------------------------


async def get_key(call: Call) -> Answer:
    """The key of the database, as GOSUMDB takes it."""
    if call.moment.as_of:
        raise FileNotFound("The key of the checksum database is asked for without a moment")
    name = database_name(call)
    return Reply(sign.write_key(name, (await call.packages.log.sign(b"")).key) + "\n", 200, media_type=TEXT)


async def support_database(call: Call) -> Answer:
    """Whether this proxy speaks for a checksum database: for its own, and for no other."""
    check_database(call)
    return empty_reply(200)


async def get_head(call: Call) -> Answer:
    """How far the database has come, signed."""
    check_database(call)
    return Reply(await write_head(call), 200, media_type=TEXT)


async def look_up(call: Call) -> Answer:
    """The checksums of a version that is served here, with the proof that they are in the database; added when they are first asked for."""
    check_database(call)
    module, _, wanted = call.params["what"].rpartition("@")
    try:
        asked = Asked(names.name_key(names.decode(module)), names.version_id(names.decode(wanted)), "zip")
    except (InvalidName, InvalidVersion) as error:
        raise VersionNotFound(error.message) from error
    stored = await obtain(call, asked)
    assert stored.project is not None
    found = await call.packages.rows(asked.module, asked.version)
    own = [version for package in found.packages if package.project == stored.project for version in package.versions]
    files = {file.path: file for version in own for file in version.files}
    packed, mod = files.get(asked.path), files.get(f"{asked.version}.mod")
    if packed is None or mod is None:
        raise FileNotFound("A file of this version was deleted: there is nothing to vouch for")
    text = sign.write_sums(asked.module, asked.version, msgspec.json.decode(packed.facts)["h1"], mod.blob.sha256)
    record = await call.packages.log.add(stored.project, asked.module, asked.version, text)
    return Reply(sign.write_record(record) + await write_head(call), 200, media_type=TEXT)


async def get_tile(call: Call) -> Answer:
    """Hashes of the tree, which proofs are made of."""
    check_database(call)
    tile = sign.read_tile(call.params["tile"])
    hashes = await call.packages.log.nodes(tile.level, tile.first, tile.count)
    if len(hashes) < tile.count:
        raise FileNotFound("The database has not come so far")
    return Reply(b"".join(hashes), 200, media_type="application/octet-stream")


async def write_head(call: Call) -> bytes:
    text = sign.write_head(await call.packages.log.tree())
    return sign.write_note(database_name(call), text, await call.packages.log.sign(text))


def database_name(call: Call) -> str:
    """The database is called as the host of this registry, as its modules are."""
    return urlsplit(call.moment.api).hostname or ""


def check_database(call: Call) -> None:
    """Raises `FileNotFound` for another database, which go then asks itself, and at a moment."""
    if call.params["database"] != database_name(call) or call.moment.as_of:
        raise FileNotFound("This proxy does not speak for that checksum database")


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


async def take(call: Call, asked: Asked, home: Home | None) -> None:
    """Read a version from the repository and keep it: from then on it stays as it is, wherever its tag goes. Raises `VersionNotFound`, `Gone`."""
    await check_kept(call, asked, home)
    if home is None:
        raise VersionNotFound("There is no such version here")
    project, where = home.project, home.where
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
        raise VersionNotFound("There is no such version here") from error
    except Protected as error:
        raise Gone(f"{asked.module} {asked.version} was deleted here, although the repository has it: restore it, or tag another version") from error


async def check_kept(call: Call, asked: Asked, home: Home | None) -> None:
    """Raises `Gone` for a version that was deleted, where its name stays taken."""
    if home is None and (call.moment.level == "group" or call.moment.as_of):
        return
    gone = await call.packages.deleted(asked.module, call.packages.project if home is None else home.project)
    if gone.get(asked.version):
        raise Gone(f"{asked.module} {asked.version} was deleted, and this project keeps the names of deleted versions taken")


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


class Home(Struct):
    """The project whose repository a module lies in, and where there."""

    project: int
    where: source.Where


async def find_home(call: Call, module: str) -> Home | None:
    """None where the path is not that of the project, or in a group of any project there that the caller may read; and at a moment."""
    ours = own_prefix(call)
    if call.moment.as_of or not module.startswith(ours):
        return None  # a repository knows no moments: only what was stored then counts
    path = module[len(ours) :]
    place = await call.packages.project_at(paths_of(path)) if call.moment.level == "group" else call.place
    if place is None or not f"{path}/".startswith(f"{place.full_path}/"):
        return None
    return Home(project=place.id, where=source.Where(module=module, folder=path[len(place.full_path) :].strip("/")))


def own_prefix(call: Call) -> str:
    """What the paths of all modules in repositories here begin with."""
    base = urlsplit(call.moment.api.removesuffix("/api/v4"))
    return f"{base.hostname}{base.path}/"


def check_own(call: Call, module: str) -> None:
    """Nobody publishes under the path of another project here: a group would serve one for the other. Raises `InvalidName`."""
    ours = own_prefix(call)
    if module.startswith(ours) and not f"{module[len(ours) :]}/".startswith(f"{call.place.full_path}/"):
        raise InvalidName(
            f"{module[: names.SHOWN]!r} lies below {ours} and not in this project, which is {ours}{call.place.full_path}: publish it there"
        )


def place_of(params: Params) -> Sequence[str] | None:
    """The projects that a module path may lie in, the longest path first."""
    try:
        return paths_of(names.decode(params["module"]).partition("/")[2])
    except InvalidName:
        return None


def paths_of(path: str) -> tuple[str, ...]:
    """The paths that a project may have which holds this one, the longest first."""
    segments = path.split("/")
    return tuple("/".join(segments[:end]) for end in range(min(len(segments), 20), 1, -1))


def place_of_sums(params: Params) -> Sequence[str] | None:
    """The projects that the module of a record may lie in."""
    return place_of({"module": params["what"].rpartition("@")[0]})


READING = PROJECT | GROUP | INSTANCE
DATABASE = "sumdb/{database}/"
FILE = "{module*}/@v/{file}"

ROUTES = (
    Route(method="GET", path="{module*}/@v/list", handler=list_versions, action=Action.READ, reach=READING, place_of=place_of, bound=True),
    Route(method="GET", path="{module*}/@latest", handler=get_latest, action=Action.READ, reach=READING, place_of=place_of, bound=True),
    Route(method="GET", path=FILE, handler=get_file, action=Action.READ, reach=READING, place_of=place_of, bound=True),
    Route(method="GET", path="sumdb/key", handler=get_key, action=Action.READ, reach=READING),
    Route(method="GET", path=DATABASE + "supported", handler=support_database, action=Action.READ, reach=READING),
    Route(method="GET", path=DATABASE + "latest", handler=get_head, action=Action.READ, reach=READING, lasting=False),
    Route(method="GET", path=DATABASE + "tile/{tile*}", handler=get_tile, action=Action.READ, reach=READING, lasting=False),
    Route(
        method="GET",
        path=DATABASE + "lookup/{what*}",
        handler=look_up,
        action=Action.READ,
        reach=READING,
        place_of=place_of_sums,
        bound=True,
        lasting=False,
    ),
    Route(method="PUT", path=FILE, handler=put_zip, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path=FILE, handler=delete_version, action=Action.DELETE, reach=PROJECT),
)
