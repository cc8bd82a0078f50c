"""What changes something: push, yank, and the questions about owners and keys that come with them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

from packhouse.contract import Answer, Call, Form, Neighbours, Part
from packhouse.errors import AlreadyExists, Forbidden, InvalidParameter, InvalidUpload, InvalidVersion, NotFound, Unsupported, VersionNotFound
from packhouse.formats.rubygems import names, parse
from packhouse.formats.rubygems.routes.reading import known_key, readings
from packhouse.grammar.gemversions import number_key
from packhouse.grammar.multipart import splitter_of
from packhouse.model import Upload, VersionRow
from packhouse.responses import Reply, json_reply

TEXT = "text/plain; charset=utf-8"
PARTS = ("", "gem", "file")  # the body itself, as `gem` names it in a form, as GitLab does

NO_OWNERS = "Gems have no owners of their own here: who may push is decided by the members of the project, on its page or over the REST API"

Fields: TypeAlias = Mapping[str, str]


# -- push --------------------------------------------------------------------------------------------------------------


async def push_gem(call: Call) -> Answer:
    """Publish the gem of the body. Raises `InvalidUpload` and what publishing raises."""
    part = the_gem(await call.spool(splitter_of(call.headers.get("content-type", ""))))
    spec = await call.inspect(parse.read_gem, part.content)
    upload = parse.make_upload(spec, part.content)
    check_readings(upload)
    await check_yanked(call, upload)
    await call.packages.publish(upload)
    return json_reply({"message": "201 Created"}, 201)


def the_gem(form: Form) -> Part:
    """The one file that is the gem; attestations beside it are passed over. Raises `InvalidUpload`."""
    found = [part for part in form.files if part.name in PARTS]
    if len(found) != 1 or not found[0].content.size:
        raise InvalidUpload("Send one gem: as the body, or in the field gem of a form")
    return found[0]


def check_readings(upload: Upload) -> None:
    """Raises `InvalidUpload` where the name could not be found again in the full name."""
    if (upload.name, upload.version) not in readings(f"{upload.name}-{upload.version}"):
        raise InvalidUpload(f"Gem name {upload.name!r} has too many parts that begin with a digit: push it under another name")


async def check_yanked(call: Call, upload: Upload) -> None:
    """Raises `AlreadyExists` where the version was yanked, the same bytes too."""
    try:
        rows = await call.packages.rows(upload.name, upload.version)
    except NotFound:
        return
    if any(row.name == upload.name and row.yanked is not None for package in rows.packages for row in package.versions):
        raise AlreadyExists(f"Version {upload.version} of {upload.name} was yanked, and its number stays taken: push another version")


def check_neighbours(coming: VersionRow, there: Neighbours) -> None:
    """Raises `AlreadyExists` where the gem is there in another spelling, its version by another text, or another gem of this very full name."""
    name, version = coming.name, coming.version
    number, platform = names.split_version(version)
    key = number_key(number)
    for row in there.versions():
        if row.name != name:
            raise AlreadyExists(f"Gem {name} is too much like {row.name}, which is there already: push it under a name of its own")
        other, other_platform = names.split_version(row.version)
        if row.version != version and other_platform == platform and number_key(other) == key:
            raise AlreadyExists(f"Version {version} of {name} is the same as {row.version}, which is there already: push another version")
    others = sorted({names.name_key(each) for each, _ in readings(f"{name}-{version}") if each != name})
    for row, _ in there.files([names.file_name(name, version)], others) if others else ():
        raise AlreadyExists(f"{name}-{version} is the full name of version {row.version} of {row.name} too: push it under another name")


# -- yank --------------------------------------------------------------------------------------------------------------


async def yank_gem(call: Call) -> Answer:
    """Take a version out of every list; its number stays taken. Raises `PackageNotFound`, `VersionNotFound`, `InvalidParameter`."""
    fields = {**call.query, **await read_fields(call)}
    name, number = need(fields, "gem_name"), need(fields, "version")
    try:
        version = names.join_version(names.read_number(number), fields.get("platform", ""))
    except InvalidVersion as error:
        raise VersionNotFound from error
    await call.packages.yank(known_key(name), version, "")
    return Reply(f"Successfully deleted gem: {name} ({version})\n".encode(), media_type=TEXT)


async def read_fields(call: Call) -> Fields:
    """The fields of a form in the body of a DELETE, in either way of writing one. Raises `InvalidUpload`."""
    splitter = splitter_of(call.headers.get("content-type", ""))
    if splitter is None:
        return read_pairs(parse_qsl((await call.body()).decode("utf-8", "replace")))
    form = await call.spool(splitter)
    return read_pairs((name, value.decode("utf-8", "replace")) for name, value in form.fields)


def read_pairs(pairs: Iterable[tuple[str, str]]) -> Fields:
    """The fields, each once. Raises `InvalidParameter`."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        if fields.setdefault(name, value) != value:
            raise InvalidParameter(f"{name[:40]} is there twice, with different values", parameter=name[:40])
    return fields


def need(fields: Fields, name: str) -> str:
    """A field that must be there. Raises `InvalidParameter`."""
    if not fields.get(name):
        raise InvalidParameter(f"{name} is missing", parameter=name)
    return fields[name]


# -- people ------------------------------------------------------------------------------------------------------------


async def list_owners(call: Call) -> Answer:
    """The projects that hold the gem, in the place of people; the paths of projects need no quotes in YAML. Raises `PackageNotFound`."""
    rows = await call.packages.rows(known_key(call.params["package"]))
    lines = "".join(f"- id: {each.project}\n  handle: {each.home}\n" for each in rows.packages)
    return Reply(f"---\n{lines}".encode(), media_type="text/yaml; charset=utf-8")


async def refuse_owners(_call: Call) -> Answer:
    """Add or remove an owner."""
    raise Unsupported(NO_OWNERS)


async def show_key(call: Call) -> Answer:
    """The token that somebody signs in with, for `gem signin` to keep. Raises `Forbidden`."""
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Forbidden("Sign in with a username and a token")
    # it has been read once already, to find out who asks
    secret = base64.b64decode(encoded.strip()).decode().partition(":")[2]
    return Reply(secret.encode(), media_type=TEXT)
