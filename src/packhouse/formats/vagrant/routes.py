"""Catalogs and boxes as the client reads them, and uploads by curl."""

from __future__ import annotations

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Params, Route, fetch_first, receive_file
from packhouse.errors import FileNotFound, Invalid, InvalidUpload, PackageNotFound, VersionNotFound
from packhouse.formats.vagrant import index, names
from packhouse.formats.vagrant.parse import read_box
from packhouse.model import NewFile, Upload
from packhouse.responses import empty_reply, json_reply

SEGMENTS = ("scope", "name", "version", "provider", "file")


def segments_of(params: Params) -> list[str]:
    """The path in its order."""
    return [params[name] for name in SEGMENTS if name in params]


# -- reading -----------------------------------------------------------------------------------------------------------


async def show_catalog(call: Call) -> Answer:
    """Every version of a box. Raises `PackageNotFound`."""
    try:
        return (await call.packages.documents("catalog", names.name_key("/".join(segments_of(call.params)))))[index.CATALOG]
    except Invalid as error:
        raise PackageNotFound from error


async def get_box(call: Call) -> Answer:
    """The file of a provider. Raises `FileNotFound`."""
    try:
        where = names.read_address(segments_of(call.params))
    except Invalid as error:
        raise FileNotFound from error
    return await fetch_first(call, where.name, where.version, where.stored)


async def check_token(call: Call) -> Answer:
    """Whether a token is good: an anonymous caller is not let through to here."""
    return json_reply({})


# -- publishing and deleting -------------------------------------------------------------------------------------------


async def put_box(call: Call) -> Answer:
    """Publish the body as a provider's file. Raises `InvalidUpload`, `AlreadyExists`, and what an address may be refused for."""
    where = names.read_address(segments_of(call.params))
    content = await receive_file(call, inspected=False)
    if not content.size:
        raise InvalidUpload("The body is empty: send the box")
    read = await call.inspect(read_box, content)
    if read.provider and read.provider.lower() != where.provider:
        raise InvalidUpload(f"The box is for {read.provider[: names.SHOWN]}, as its metadata.json says, and the address says {where.provider}")
    facts = index.Facts(provider=where.provider, architecture=where.architecture, description=read.description)
    new = NewFile(path=where.stored, content=content, facts=msgspec.json.encode(facts), about=read.about)
    await call.packages.publish(Upload(name=where.name, version=where.version, files=(new,)))
    return json_reply({"message": "201 Created"}, 201)


async def delete_box(call: Call) -> Answer:
    """Remove a provider's file, or a version where no file is named. Raises `NotFound` and its like."""
    segments = segments_of(call.params)
    try:
        if segments[-1].endswith(names.SUFFIX) and len(segments) > 2:
            where = names.read_address(segments)
            await call.packages.delete(where.name, where.version, where.stored)
        else:
            await delete_version(call, names.split_name(segments))
    except Invalid as error:
        raise FileNotFound from error
    return empty_reply()


async def delete_version(call: Call, parts: list[str]) -> None:
    if len(parts) != 2:
        raise VersionNotFound
    name, version = parts
    await call.packages.delete(name, names.version_id(version))


# -- the table ---------------------------------------------------------------------------------------------------------

BOXES = ("{name}", "{scope}/{name}")
# a path of four parts is either of two things: which one, `names.read_address` tells
FILES = ("{name}/{version}/{file}", "{name}/{version}/{provider}/{file}", "{scope}/{name}/{version}/{provider}/{file}")

ROUTES = (
    *(Route(method="GET", path=f"{prefix}{box}", handler=show_catalog, action=Action.READ) for prefix in ("", "api/v2/vagrant/") for box in BOXES),
    *(
        Route(method="GET", path=f"{prefix}authenticate", handler=check_token, action=Action.READ, signed_in=True, lasting=False)
        for prefix in ("", "api/v1/", "api/v2/")
    ),
    *(Route(method="GET", path=path, handler=get_box, action=Action.READ) for path in FILES),
    *(Route(method="PUT", path=path, handler=put_box, action=Action.PUBLISH, reach=PROJECT, limit=None) for path in FILES),
    *(Route(method="DELETE", path=path, handler=delete_box, action=Action.DELETE, reach=PROJECT) for path in ("{name}/{version}", *FILES)),
)
