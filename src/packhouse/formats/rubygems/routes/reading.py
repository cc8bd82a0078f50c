"""What `gem` reads: lists, specifications and gems; and what Bundler asks for where it finds no compact index."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from packhouse.contract import Answer, Call
from packhouse.errors import FileNotFound, InvalidName, InvalidParameter, PackageNotFound
from packhouse.formats.rubygems import index, names
from packhouse.formats.rubygems.index import summary
from packhouse.formats.rubygems.index.specs import BINARY, GEMSPEC
from packhouse.model import Rows, replace
from packhouse.responses import FileReply, Reply, json_reply

GEM = ".gem"
READINGS = 8  # of one full name; a gem whose own reading is none of them is not published
ASKED = 100  # names in one question for dependencies; Bundler asks for 50


def known_key(text: str) -> str:
    """The key of a name in an address: one that cannot exist is not found. Raises `PackageNotFound`."""
    try:
        return names.name_key(text)
    except InvalidName as error:
        raise PackageNotFound from error


async def show_root(_call: Call) -> Answer:
    """That somebody is here: older clients look before they ask for more."""
    return Reply(b"gems\n", media_type="text/plain; charset=utf-8")


async def show_list(call: Call, path: str) -> Answer:
    """One of the lists of all versions."""
    return (await call.packages.documents("lists"))[path]


async def show_gemspec(call: Call) -> Answer:
    """The specification of a version. Raises `FileNotFound`."""
    file = call.params["gemspec"]
    for name, _ in readings(file.removesuffix(GEMSPEC)) if file.endswith(GEMSPEC) else ():
        try:
            documents = await call.packages.documents("gemspecs", known_key(name))
        except PackageNotFound:
            continue
        if file in documents:
            return documents[file]
    raise FileNotFound


def readings(full_name: str) -> Iterator[tuple[str, str]]:
    """Names and versions that a full name may mean: as many as are looked for."""
    return islice(names.read_full_name(full_name), READINGS)


async def fetch_gem(call: Call) -> Answer:
    """The gem. Raises `FileNotFound`."""
    file = call.params["filename"]
    for name, version in readings(file.removesuffix(GEM)) if file.endswith(GEM) else ():
        found = await find_gem(call, name, version)
        if found is not None:
            return replace(found, media_type=BINARY)
    raise FileNotFound


async def find_gem(call: Call, name: str, version: str) -> FileReply | None:
    """The file of a version, if there is one; of several projects, the one that is listed."""
    digest = None if call.place.kind == "project" else await find_digest(call, name, version)
    try:
        found = await call.packages.file(name, version, names.file_name(name, version), digest)
    except FileNotFound:
        return None
    return replace(found, immutable=False)  # its address names no digest


async def find_digest(call: Call, name: str, version: str) -> str | None:
    """The checksum that the line of a version tells, if it is listed."""
    try:
        text = (await call.packages.documents("info", known_key(name)))[name].body.decode()
    except (PackageNotFound, KeyError):
        return None
    found = re.search(rf"^{re.escape(version)} [^|\n]*\|checksum:([0-9a-f]+)", text, re.MULTILINE)
    return found[1] if found else None


async def show_dependencies(call: Call) -> Answer:
    """The dependencies of all versions of some gems; nothing where none is asked for. Raises `PackageNotFound` where there is none of them."""
    asked = list(dict.fromkeys(name for name in call.query.get("gems", "").split(",") if name))
    if len(asked) > ASKED:
        raise InvalidParameter(f"gems has {len(asked)} names: ask for at most {ASKED} at once", parameter="gems")
    found = {name: await find_rows(call, name) for name in asked}
    return Reply(await asyncio.to_thread(write_dependencies, found) if asked else b"", media_type=BINARY)


def write_dependencies(found: Mapping[str, Rows]) -> bytes:
    """The answer for the names that were asked for. Raises `PackageNotFound`."""
    releases = [release for name, rows in found.items() for release in list_named(name, rows)]
    if not releases:
        raise PackageNotFound(f"There is no gem {next(iter(found))[:80]!r} here")
    return index.write_dependencies(releases)


async def find_rows(call: Call, name: str) -> Rows:
    """What is visible of a name, which may be nothing."""
    try:
        return await call.packages.rows(known_key(name))
    except PackageNotFound:
        return Rows()


def list_named(name: str, rows: Rows) -> Sequence[index.Release]:
    """What is listed of the gem that is spelled so."""
    return [release for release in index.list_releases(rows) if release.spec.name == name]


async def show_newest(call: Call) -> Answer:
    """The newest version of a gem, for tools. Raises `PackageNotFound`."""
    return await answer_named(call, partial(summary.write_gem, here=call.moment.here))


async def show_all(call: Call) -> Answer:
    """The versions of a gem, for tools. Raises `PackageNotFound`."""
    return await answer_named(call, summary.write_list)


async def answer_named(call: Call, write: Callable[[Sequence[index.Release]], Any]) -> Answer:
    """What is written of the gem that an address ending in `.json` names. Raises `PackageNotFound`."""
    name, dot, kind = call.params["json"].rpartition(".")
    if (dot, kind) != (".", "json"):
        raise PackageNotFound
    # a gem of many versions takes longer than other requests should wait
    return await asyncio.to_thread(write_named, name, await find_rows(call, name), write)


def write_named(name: str, rows: Rows, write: Callable[[Sequence[index.Release]], Any]) -> Answer:
    """The answer, if the gem is listed. Raises `PackageNotFound`."""
    releases = list_named(name, rows)
    if not releases:
        raise PackageNotFound
    return json_reply(write(releases))


SHOW_LISTS = {
    f"{kind}specs.4.8{packed}": partial(show_list, path=f"{kind}specs.4.8{packed}")
    for kind in ("", "latest_", "prerelease_")
    for packed in ("", ".gz")
}
