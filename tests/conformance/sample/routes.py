"""PUT, GET and DELETE of a file, the documents, by-hash, and holding a version back."""

from __future__ import annotations

from functools import partial

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Route
from packhouse.errors import FileNotFound, InvalidUpload
from packhouse.model import NewFile, Upload
from packhouse.responses import empty_reply, json_reply

from . import names
from .index import Facts
from .parse import read_package

MOST_SHELVES = 8


def spot_of(call: Call) -> names.Spot:
    p = call.params
    return names.read_spot(p["dist"], p["component"], p["arch"], p["file"])


async def put_file(call: Call) -> Answer:
    """Publish the body on its shelf, and on the further shelves that it names."""
    spot = spot_of(call)
    form = await call.spool()
    content = form.files[0].content
    described = await call.inspect(read_package, content, spot.name, spot.version)
    dist = spot.shelf.partition("/")[0]
    shelves = dict.fromkeys([spot.shelf, *(f"{dist}/{rest}" for rest in described.also)])
    if len(shelves) > MOST_SHELVES or any(names.PART.fullmatch(part) is None for shelf in shelves for part in shelf.split("/")):
        raise InvalidUpload(f"Field Also must name up to {MOST_SHELVES} shelves as component/arch")
    facts = msgspec.json.encode(Facts(fields=described.fields))
    files = tuple(NewFile(path=spot.path, content=content, facts=facts, about=described.about, shelf=shelf) for shelf in shelves)
    published = await call.packages.publish(Upload(name=spot.name, version=spot.version, files=files))
    return json_reply({"created": published.created}, 201)


async def get_file(call: Call) -> Answer:
    """The file. Raises `FileNotFound`."""
    spot = spot_of(call)
    return await call.packages.file(spot.name, spot.version, spot.path)


async def delete_file(call: Call) -> Answer:
    """Remove the file from all its shelves."""
    spot = spot_of(call)
    await call.packages.delete(spot.name, spot.version, spot.path)
    return empty_reply()


async def show_list(call: Call, document: str) -> Answer:
    """`packages` of a shelf, plain or packed."""
    return (await call.packages.documents("packages", shelf_of(call)))[document]


async def show_old_list(call: Call) -> Answer:
    """A list by its digest, of this generation or of one that has just been replaced."""
    return await call.packages.document("packages", shelf_of(call), call.params["sha256"])


def shelf_of(call: Call) -> str:
    return f"{call.params['dist']}/{call.params['component']}/{call.params['arch']}"


async def show_release(call: Call, document: str) -> Answer:
    """The release of a distribution, or a signature of it. Raises `FileNotFound` where nothing is signed."""
    documents = await call.packages.documents("release", call.params["dist"])
    if document not in documents:
        raise FileNotFound
    return documents[document]


async def show_names(call: Call) -> Answer:
    """Every name."""
    return (await call.packages.documents("names"))["names"]


async def hold(call: Call) -> Answer:
    """Keep a version back."""
    await call.packages.yank(call.params["name"], call.params["version"], "held")
    return empty_reply()


async def release(call: Call) -> Answer:
    """Offer it again."""
    await call.packages.yank(call.params["name"], call.params["version"], None)
    return empty_reply()


FILE = "pool/{dist}/{component}/{arch}/{file}"

ROUTES = (
    Route(method="PUT", path=FILE, handler=put_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="GET", path=FILE, handler=get_file, action=Action.READ),
    Route(method="DELETE", path=FILE, handler=delete_file, action=Action.DELETE, reach=PROJECT),
    *(
        Route(method="GET", path=f"lists/{{dist}}/{name}", handler=partial(show_release, document=name), action=Action.READ)
        for name in ("release", "release.signed", "release.sig")
    ),
    *(
        Route(method="GET", path=f"lists/{{dist}}/{{component}}/{{arch}}/{name}", handler=partial(show_list, document=name), action=Action.READ)
        for name in ("packages", "packages.gz")
    ),
    Route(method="GET", path="lists/{dist}/{component}/{arch}/by-hash/{sha256}", handler=show_old_list, action=Action.READ),
    Route(method="GET", path="names", handler=show_names, action=Action.READ),
    Route(method="PUT", path="held/{name}/{version}", handler=hold, action=Action.DELETE, reach=PROJECT),
    Route(method="DELETE", path="held/{name}/{version}", handler=release, action=Action.DELETE, reach=PROJECT),
)
