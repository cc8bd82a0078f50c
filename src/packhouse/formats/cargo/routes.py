"""The sparse index and the web API that Cargo speaks: publish, yank, search, owners, download."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Neighbours, Params, Route
from packhouse.errors import AlreadyExists, FileNotFound, Invalid, InvalidName, InvalidVersion, PackageNotFound, Unsupported, VersionNotFound
from packhouse.formats.cargo import index, names, parse
from packhouse.formats.cargo.errors import TOKENS
from packhouse.model import Place, Search, VersionRow, Visibility
from packhouse.responses import Redirect, json_reply

PAGE, LARGEST_PAGE = 10, 100

_SHA256 = re.compile(r"[0-9a-f]{64}")

PUBLISHED: Mapping[str, Mapping[str, Sequence[str]]] = {"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}}
OK = {"ok": True}

NO_OWNERS = "Crates have no owners of their own here: who may publish is decided by the members of the project, on its page or over the REST API"


# -- the index ---------------------------------------------------------------------------------------------------------


async def show_config(call: Call) -> Answer:
    """Where downloads and the web API are, and whether Cargo has to bring its token along."""
    here = call.moment.here
    # In a group two projects may have the same version: the digest of the line says which one is meant.
    download = f"{here}/api/v1/crates" if call.place.kind == "project" else f"{here}/api/v1/crates/{{crate}}/{{version}}/download/{{sha256-checksum}}"
    return json_reply({"dl": download, "api": here, "auth-required": not is_open(call.place)})


def is_open(place: Place) -> bool:
    """Whether everybody may read here."""
    if place.kind != "project":
        return place.visibility == Visibility.PUBLIC
    return place.packages_access == "public" or (place.packages_access == "enabled" and place.visibility == Visibility.PUBLIC)


async def show_crate(call: Call) -> Answer:
    """The lines of a crate. Raises `PackageNotFound`, also where the address is not quite the one of the name."""
    name = call.params["package"]
    documents = await call.packages.documents("lines", known_name(name))
    if name not in documents or path_of(call.params) != names.index_path(name):
        raise PackageNotFound
    return documents[name]


def path_of(params: Params) -> str:
    """The path below the index that the parameters were taken from."""
    name = params["package"]
    if "length" in params:
        return f"{params['length']}/{name}"
    return f"3/{params['first']}/{name}" if "first" in params else f"{params['ab']}/{params['cd']}/{name}"


def known_name(text: str) -> str:
    """The key of a name in an address. One that cannot exist is not found. Raises `PackageNotFound`."""
    try:
        return names.name_key(text)
    except InvalidName as error:
        raise PackageNotFound from error


# -- files -------------------------------------------------------------------------------------------------------------


async def fetch_crate(call: Call) -> Answer:
    """The crate of a version; of several projects, the one with the digest in the path. Raises `FileNotFound`."""
    name, version, sha256 = call.params["package"], call.params["version"], call.params.get("sha256")
    try:
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            raise FileNotFound
        reply = await call.packages.file(name, version, names.file_name(name, version), sha256)
    except Invalid as error:
        raise FileNotFound from error
    return msgspec.structs.replace(reply, media_type="application/gzip")  # type: ignore[type-var]


# -- publishing --------------------------------------------------------------------------------------------------------


async def publish_crate(call: Call) -> Answer:
    """Publish the crate of a frame. Raises `InvalidUpload` and what publishing raises."""
    form = await call.spool(parse.FrameSplitter())
    document = parse.read_document(dict(form.fields)[parse.DOCUMENT])
    [part] = form.files
    crate = await call.inspect(parse.read_crate, part.content, f"{document.name}-{document.vers}")
    await call.packages.publish(parse.make_upload(document, crate, part.content, own_addresses(call)))
    return json_reply(PUBLISHED)


def check_neighbours(coming: VersionRow, there: Neighbours) -> None:
    """Raises `AlreadyExists` where the crate is known by another spelling, which no client would find under this one."""
    for version in there.versions():
        if version.name != coming.name:
            raise AlreadyExists(f"Crate {coming.name} is too much like {version.name}, which is there already: publish it under a name of its own")


def own_addresses(call: Call) -> Sequence[str]:
    """How clients may name the index that they publish to: by the number of the project, or by its path."""
    path = quote(call.place.full_path, safe="")
    return f"sparse+{call.moment.here}", f"sparse+{call.moment.api}/projects/{path}/packages/{call.moment.format}"


async def yank_version(call: Call) -> Answer:
    """Keep the version for those who have it in a lock file. Raises `PackageNotFound`, `VersionNotFound`."""
    return await set_yank(call, "")


async def unyank_version(call: Call) -> Answer:
    """Offer a yanked version again. Raises `PackageNotFound`, `VersionNotFound`."""
    return await set_yank(call, None)


async def set_yank(call: Call, reason: str | None) -> Answer:
    name = known_name(call.params["package"])
    try:
        version = names.version_id(call.params["version"])
    except InvalidVersion as error:
        raise VersionNotFound from error
    await call.packages.yank(name, version, reason)
    return json_reply(OK)


# -- people ------------------------------------------------------------------------------------------------------------


async def search(call: Call) -> Answer:
    """Crates whose name contains the text, and how many there are."""
    size = min(read_number(call.query.get("per_page"), PAGE), LARGEST_PAGE)
    offset = (read_number(call.query.get("page"), 1) - 1) * size
    text = call.query.get("q", "").replace("\x00", "").strip()
    found, total = await call.packages.find(Search(text=text[: names.NAME_LIMIT], offset=offset, limit=size))
    results = (index.write_result(rows) for rows in found)
    return json_reply({"crates": [each for each in results if each is not None], "meta": {"total": total}})


def read_number(text: str | None, default: int) -> int:
    """A number from 1 upwards; anything else is the default."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 and int(text) > 0 else default


async def list_owners(call: Call) -> Answer:
    """The projects that hold the crate, in the place of people. Raises `PackageNotFound`."""
    rows = await call.packages.rows(known_name(call.params["package"]))
    return json_reply({"users": [{"id": each.project, "login": each.home, "name": f"members of {each.home}"} for each in rows.packages]})


async def refuse_owners(_call: Call) -> Answer:
    """Add or remove an owner."""
    raise Unsupported(NO_OWNERS)


async def show_tokens(call: Call) -> Answer:
    """The page that `cargo login` sends people to."""
    return Redirect(f"{call.moment.api.removesuffix('/api/v4')}{TOKENS}", 302)


# -- the table ---------------------------------------------------------------------------------------------------------

CRATES = "api/v1/crates"
VERSION = f"{CRATES}/{{package}}/{{version}}"
OWNERS = f"{CRATES}/{{package}}/owners"

ROUTES = (
    Route(method="GET", path="config.json", handler=show_config, action=Action.READ),
    Route(method="GET", path="{length}/{package}", handler=show_crate, action=Action.READ),
    Route(method="GET", path="3/{first}/{package}", handler=show_crate, action=Action.READ),
    Route(method="GET", path="{ab}/{cd}/{package}", handler=show_crate, action=Action.READ),
    Route(method="GET", path=f"{VERSION}/download", handler=fetch_crate, action=Action.READ),
    Route(method="GET", path=f"{VERSION}/download/{{sha256}}", handler=fetch_crate, action=Action.READ),
    Route(method="GET", path=CRATES, handler=search, action=Action.READ),
    Route(method="PUT", path=f"{CRATES}/new", handler=publish_crate, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path=f"{VERSION}/yank", handler=yank_version, action=Action.DELETE, reach=PROJECT),
    Route(method="PUT", path=f"{VERSION}/unyank", handler=unyank_version, action=Action.DELETE, reach=PROJECT),
    Route(method="GET", path=OWNERS, handler=list_owners, action=Action.READ),
    Route(method="PUT", path=OWNERS, handler=refuse_owners, action=Action.PUBLISH, reach=PROJECT),
    Route(method="DELETE", path=OWNERS, handler=refuse_owners, action=Action.PUBLISH, reach=PROJECT),
    Route(method="GET", path="me", handler=show_tokens, action=Action.OPEN),
)
