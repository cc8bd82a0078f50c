"""Packuments and tarballs, the PUT that publishes or deprecates, unpublishing, dist-tags, search, and what else npm asks a registry.

A scoped name comes as `@scope%2fname` or `@scope/name`; each package route is written in every form that the matcher may see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias
from urllib.parse import quote

import msgspec

from packhouse.contract import GROUP, INSTANCE, KIB, MIB, PROJECT, Action, Answer, Call, Form, Params, Part, Route
from packhouse.errors import (
    Conflict,
    FileNotFound,
    Invalid,
    InvalidName,
    InvalidUpload,
    InvalidVersion,
    NotFound,
    PackageNotFound,
    TooLarge,
    Unsupported,
    VersionNotFound,
)
from packhouse.formats.npm import index, names, parse
from packhouse.model import Reach, write_time
from packhouse.responses import Document, empty_reply, json_reply

Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]

# A packument that is sent back to deprecate a version holds every version.
PACKUMENT_LIMIT = 64 * MIB
SHORT_DOCUMENT = 64 * KIB
AUDIT_LIMIT = 10 * MIB
SMALL = 64 * KIB
ANYWHERE = PROJECT | GROUP | INSTANCE

SEARCH_DEFAULT, SEARCH_LIMIT = 20, 250

OK = {"ok": True}

USE_TOKEN = "Signing in from the command line is not offered: make an access token on the pages and set it as _authToken in .npmrc"


# -- reading -----------------------------------------------------------------------------------------------------------


async def show_package(call: Call) -> Answer:
    """The packument, short or in full, or the manifest of one version where the path goes on. Raises `PackageNotFound`."""
    name = known_name(call)
    version = names.version_in(call.params)
    if version is not None:
        return await show_version(call, name, version)
    documents = await call.packages.documents("packument", name)
    short = wants_short(call.headers.get("accept", "")) and "write" not in call.query
    return documents[index.SHORT if short else index.FULL]


async def show_version(call: Call, name: str, version: str) -> Answer:
    """The manifest of a version, or of the version behind a tag. Raises `VersionNotFound`."""
    if not names.is_version(version):
        tags = await read_tags(call, name)
        if version not in tags:
            raise VersionNotFound
        version = tags[version]
    manifest = index.write_manifest(await call.packages.rows(name, version), version, call.moment)
    if manifest is None:
        raise VersionNotFound
    return json_reply(msgspec.Raw(manifest))


def wants_short(accept: str) -> bool:
    """Whether the short form is asked for by name, and no less than the full one."""
    weights = {}
    for element in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in element.split(";"))
        weights[media_type] = _weight(parameters)
    short = weights.get(index.SHORT_JSON, 0.0)
    return short > 0 and short >= weights.get(index.JSON, 0.0)


def _weight(parameters: list[str]) -> float:
    text = next((value for name, _, value in (part.partition("=") for part in parameters) if name.strip() == "q"), "1")
    try:
        return float(text)
    except ValueError:
        return 0.0


async def fetch_tarball(call: Call) -> Answer:
    """The tarball, by its long or its short name. Raises `FileNotFound`."""
    name = known_name(call)
    version = names.version_of_file(name, names.file_in(call.params))
    return await call.packages.file(name, version, names.tarball_name(name, version))


async def fetch_provenance(call: Call) -> Answer:
    """The provenance bundle of a version. Raises `FileNotFound`."""
    try:
        name, version = names.split_spec(names.name_in(call.params))
        names.name_key(name)
    except (InvalidName, InvalidVersion) as error:
        raise FileNotFound from error
    reply = await call.packages.file(name, version, names.provenance_name(name, version))
    return msgspec.structs.replace(reply, media_type=index.JSON)  # type: ignore[type-var]


def known_name(call: Call) -> str:
    """The name in the path. One that cannot exist is not found. Raises `PackageNotFound`."""
    try:
        return names.name_key(names.name_in(call.params))
    except InvalidName as error:
        raise PackageNotFound from error


# -- the PUT that means several things ---------------------------------------------------------------------------------


async def put_package(call: Call) -> Answer:
    """Publish a version, or deprecate some. Raises `InvalidUpload` and what publishing raises."""
    name = names.name_key(names.name_in(call.params))
    files, meaning = await read_put(call, name)
    if isinstance(meaning, parse.Publish):
        return await publish(call, files, meaning)
    if isinstance(meaning, parse.Deprecate):
        return await deprecate(call, name, meaning)
    raise InvalidUpload("The document is neither a publish nor a deprecation")


async def read_put(call: Call, name: str, *, shrink: bool = False) -> tuple[Sequence[Part], parse.Publish | parse.Deprecate | parse.Shrink]:
    files: Sequence[Part] = ()
    if shrink or call.headers.get("npm-command") == "deprecate":
        document = await read_whole(call)
    else:
        form = await read_parts(call)
        files, document = form.files, dict(form.fields).get("document", b"")
    attachments = [part.name for part in files]
    read = partial(parse.read_put, document, name=name, attachments=attachments, headers=call.headers, shrink=shrink)
    # a long document takes longer than other requests should wait
    return files, read() if len(document) <= SHORT_DOCUMENT else await asyncio.to_thread(read)


async def read_whole(call: Call) -> bytes:
    """A packument that was fetched before: long, but without a file, so that cutting it in parts would only cost time."""
    document = bytearray()
    async for piece in call.stream():
        document += piece
        if len(document) > PACKUMENT_LIMIT:
            raise TooLarge(f"The document is larger than {PACKUMENT_LIMIT} bytes", limit=PACKUMENT_LIMIT)
    return bytes(document)


async def read_parts(call: Call) -> Form:
    try:
        return await call.spool(parse.PutSplitter(limit=PACKUMENT_LIMIT, check=False))
    except InvalidUpload as error:
        raise InvalidUpload(f"Invalid json: {error.message}") from error


async def publish(call: Call, files: Sequence[Part], new: parse.Publish) -> Answer:
    content = next(part.content for part in files if part.name == new.tarball)
    parse.check_content(new, content)
    tarball = await call.inspect(parse.read_tarball, content)
    provenance = None
    if new.provenance is not None:
        provenance = parse.read_provenance(new.provenance, new.name, new.version, content.sha512)
    published = await call.packages.publish(parse.make_upload(new, tarball, content, provenance))
    return json_reply({**OK, "success": True, "id": new.name, "version": published.version})


async def deprecate(call: Call, name: str, wanted: parse.Deprecate) -> Answer:
    """The whole packument comes back, so most versions are as they were, and those gone since are none of its business."""
    listed = index.list_releases(await call.packages.rows(name))
    new = {version: text for version, text in wanted.messages.items() if version in listed and text != index.message_of(listed[version].row)}
    await call.packages.yank_all(name, {version: text or None for version, text in new.items()})
    return json_reply({**OK, "id": name})


# -- unpublishing: npm shows the revision it has seen ------------------------------------------------------------------


async def unpublish_package(call: Call) -> Answer:
    """Remove a package with all its versions. Raises `PackageNotFound`, `Conflict`."""
    name = known_name(call)
    await check_revision(call, name)
    await call.packages.delete(name)
    return json_reply(OK)


async def shrink_package(call: Call) -> Answer:
    """Remove the one version that is no longer in the document. Raises `PackageNotFound`, `Conflict`, `InvalidUpload`."""
    name = known_name(call)
    _, meaning = await read_put(call, name, shrink=True)
    await check_revision(call, name)
    listed = index.list_releases(await call.packages.rows(name))
    gone = [version for version in listed if isinstance(meaning, parse.Shrink) and version not in meaning.versions]
    if len(gone) != 1:
        raise InvalidUpload(f"The document leaves out {len(gone)} of {len(listed)} versions: unpublish one version at a time")
    await call.packages.delete(name, gone[0])
    return json_reply({**OK, "id": name})


async def unpublish_tarball(call: Call) -> Answer:
    """The last step for one version: its tarball, which the step before has removed with the version. Raises `PackageNotFound`, `Conflict`."""
    name = known_name(call)
    version = names.version_of_file(name, names.file_in(call.params))
    await check_revision(call, name)
    try:
        await call.packages.delete(name, version)
    except NotFound:
        pass
    return json_reply(OK)


class _Revision(msgspec.Struct):
    rev: str = msgspec.field(name="_rev")


async def check_revision(call: Call, name: str) -> None:
    documents = await call.packages.documents("packument", name)
    now = msgspec.json.decode(documents[index.FULL].body, type=_Revision).rev
    if call.params["rev"] != now:
        raise Conflict(f"Revision {call.params['rev'][:64]} of {name} is not the current one: fetch the package and try again")


# -- dist-tags ---------------------------------------------------------------------------------------------------------


async def list_tags(call: Call) -> Answer:
    """Tag → version. Raises `PackageNotFound`."""
    return (await call.packages.documents("packument", names.name_key(names.name_in(call.params))))[index.TAGS]


async def read_tags(call: Call, name: str) -> Mapping[str, str]:
    document: Document = (await call.packages.documents("packument", name))[index.TAGS]
    return msgspec.json.decode(document.body, type=dict[str, str])


async def set_tag(call: Call) -> Answer:
    """Move a tag to the version in the body. Raises `Invalid`, `PackageNotFound`, `VersionNotFound`."""
    name = names.name_key(names.name_in(call.params))
    tag = names.check_tag(call.params["tag"].strip())
    await call.packages.tag(name, tag, parse.read_tag_version(await call.body()))
    # yarn 1 takes anything but {"ok": true} for a failure.
    return json_reply(OK) if call.headers.get("user-agent", "").startswith("yarn/1.") else empty_reply()


async def remove_tag(call: Call) -> Answer:
    """Remove a tag. Raises `Invalid`, `NotFound`."""
    name = names.name_key(names.name_in(call.params))
    if not (tag := call.params["tag"].strip()):
        raise Invalid('"Tag" not given')
    await call.packages.tag(name, tag, None)
    return empty_reply()


# -- the rest of what clients ask --------------------------------------------------------------------------------------


async def search(call: Call) -> Answer:
    """Packages whose name contains the text."""
    offset = number(call.query.get("from"), 0)
    limit = min(number(call.query.get("size"), SEARCH_DEFAULT), SEARCH_LIMIT)
    found, total = await call.packages.search(call.query.get("text", "").strip(), offset, limit)
    objects = [index.write_match(match) for match in found]
    return json_reply({"objects": objects, "total": total, "time": max((each["package"]["date"] for each in objects), default=write_time(0))})


def number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


async def whoami(call: Call) -> Answer:
    """The name of the caller."""
    return json_reply({"username": call.actor.username or call.actor.name})


async def show_profile(call: Call) -> Answer:
    """The caller, as `npm profile get` prints it."""
    return json_reply({"tfa": None, "name": call.actor.username or call.actor.name, "fullname": call.actor.name})


async def ping(_call: Call) -> Answer:
    """That there is a registry."""
    return json_reply({})


async def audit_bulk(call: Call) -> Answer:
    """Advisories by package name: none are known here."""
    parse.read_audit(await call.body(), call.headers.get("content-encoding", ""))
    return json_reply({})


async def audit_quick(call: Call) -> Answer:
    """The older report, with nothing to report."""
    parse.read_audit(await call.body(), call.headers.get("content-encoding", ""))
    counts = dict.fromkeys(("info", "low", "moderate", "high", "critical"), 0)
    kinds = dict.fromkeys(("dependencies", "devDependencies", "optionalDependencies", "totalDependencies"), 0)
    return json_reply({"actions": [], "advisories": {}, "muted": [], "metadata": {"vulnerabilities": counts, **kinds}})


async def show_keys(_call: Call) -> Answer:
    """Signing keys: there are none, which clients read from the status."""
    raise NotFound("This registry has no signing keys")


async def refuse_login(_call: Call) -> Answer:
    """Sign-in, sign-out and tokens from the command line."""
    raise Unsupported(USE_TOKEN)


# -- the table ---------------------------------------------------------------------------------------------------------

PACKAGE_FORMS = ("{package}", "@{scope}/{name}", "@{scope}")
FILE_FORMS = ("{file}", "@{fscope}/{file}", "@{fscope}")


def forms(path: str) -> Iterator[str]:
    """The path with PACKAGE and FILE in every form they come in."""
    for package in PACKAGE_FORMS:
        for file in FILE_FORMS if "FILE" in path else ("",):
            yield path.replace("PACKAGE", package).replace("FILE", file)


def of_package(
    method: str, path: str, handler: Handler, action: Action = Action.READ, *, reach: Reach = ANYWHERE, limit: int | None = SMALL
) -> Iterator[Route]:
    """Routes of one package. At instance level the scope of the name is the path of the group that owns it."""
    for form in forms(path):
        yield Route(
            method=method, path=form, handler=handler, action=action, reach=reach, limit=limit, signed_in=method != "GET",
            place_of=names.root_group_of if INSTANCE in reach else None, forward=forward if handler is show_package else None,
        )  # fmt: skip


def forward(params: Params) -> tuple[str, str]:
    """Where an absent package is asked for upstream (page section 6)."""
    name, version = names.name_in(params), names.version_in(params)
    return name, quote(name, safe="@") + ("" if version is None else f"/{quote(version, safe='')}")


def of_registry(method: str, path: str, handler: Handler, everywhere: Action, *, limit: int = SMALL) -> Iterator[Route]:
    """Routes of no package: for who may read in a project or group, and by `everywhere` at instance level."""
    here = Action.OPEN if everywhere is Action.OPEN and method != "GET" else Action.READ
    signed_in = everywhere is Action.SIGN_IN
    yield Route(method=method, path=path, handler=handler, action=here, limit=limit, signed_in=signed_in)
    yield Route(method=method, path=path, handler=handler, action=everywhere, reach=INSTANCE, limit=limit, signed_in=signed_in)


ROUTES = (
    *of_package("GET", "PACKAGE", show_package),
    *of_package("PUT", "PACKAGE", put_package, Action.PUBLISH, reach=PROJECT, limit=None),
    # In its escaped form, a scoped name and a version look like scope and name: `show_package` tells them apart.
    Route(method="GET", path="{package}/{version}", handler=show_package, action=Action.READ, reach=ANYWHERE, place_of=names.root_group_of),
    Route(method="GET", path="@{scope}/{name}/{version}", handler=show_package, action=Action.READ, reach=ANYWHERE, place_of=names.root_group_of),
    *of_package("GET", "PACKAGE/-/FILE", fetch_tarball, reach=PROJECT),
    *of_package("PUT", "PACKAGE/-rev/{rev}", shrink_package, Action.DELETE, reach=PROJECT, limit=PACKUMENT_LIMIT),
    *of_package("DELETE", "PACKAGE/-rev/{rev}", unpublish_package, Action.DELETE, reach=PROJECT),
    *of_package("DELETE", "PACKAGE/-/FILE/-rev/{rev}", unpublish_tarball, Action.DELETE, reach=PROJECT),
    *of_package("GET", "-/package/PACKAGE/dist-tags", list_tags),
    *of_package("PUT", "-/package/PACKAGE/dist-tags/{tag}", set_tag, Action.PUBLISH),
    *of_package("DELETE", "-/package/PACKAGE/dist-tags/{tag}", remove_tag, Action.DELETE),
    *of_package("GET", "-/npm/v1/attestations/PACKAGE", fetch_provenance, reach=PROJECT),
    Route(method="GET", path="-/v1/search", handler=search, action=Action.READ),
    *of_registry("GET", "-/whoami", whoami, Action.SIGN_IN),
    *of_registry("GET", "-/npm/v1/user", show_profile, Action.SIGN_IN),
    *of_registry("GET", "-/ping", ping, Action.OPEN),
    *of_registry("GET", "-/npm/v1/keys", show_keys, Action.OPEN),
    *of_registry("POST", "-/npm/v1/security/advisories/bulk", audit_bulk, Action.SIGN_IN, limit=AUDIT_LIMIT),
    *of_registry("POST", "-/npm/v1/security/audits/quick", audit_quick, Action.SIGN_IN, limit=AUDIT_LIMIT),
    *of_registry("POST", "-/npm/v1/security/audits", audit_quick, Action.SIGN_IN, limit=AUDIT_LIMIT),
    *of_registry("POST", "-/v1/login", refuse_login, Action.OPEN),
    *of_registry("PUT", "-/user/{user}", refuse_login, Action.OPEN),
    *of_registry("DELETE", "-/user/token/{token}", refuse_login, Action.OPEN),
    *of_registry("GET", "-/npm/v1/tokens", refuse_login, Action.SIGN_IN),
    *of_registry("POST", "-/npm/v1/tokens", refuse_login, Action.SIGN_IN),
)
