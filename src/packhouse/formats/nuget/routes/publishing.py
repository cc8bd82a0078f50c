"""Publish packages and symbols, delete, unlist and relist."""

from __future__ import annotations

from packhouse.contract import Answer, Call, Form, Part
from packhouse.errors import FileNotFound, InvalidParameter, InvalidUpload, VersionNotFound
from packhouse.formats.nuget import names, parse
from packhouse.formats.nuget.routes.reading import known_name, known_version
from packhouse.grammar.multipart import MultipartSplitter
from packhouse.model import Spooled
from packhouse.responses import empty_reply, json_reply

PART = "package"
PDBS_LIMIT = 64 * 1024**2  # of all PDBs of a symbol package that are served one by one

CREATED = {"message": "201 Created"}


async def publish_package(call: Call) -> Answer:
    """Publish the package of an upload; one of symbols goes to the package it belongs to. Raises `InvalidUpload`, `VersionNotFound`."""
    part, package = await read_upload(call)
    if package.nuspec.symbols:
        return await add_symbols(call, package, part.content)
    await call.packages.publish(parse.make_upload(package, part.content))
    return json_reply(CREATED, 201)


async def publish_symbols(call: Call) -> Answer:
    """Publish the symbols of a package that is there. Raises `InvalidUpload`, `VersionNotFound`."""
    part, package = await read_upload(call)
    if not package.nuspec.symbols:
        raise InvalidUpload(f"{package.nuspec.id} {package.nuspec.version} is no symbol package: its nuspec lacks the package type SymbolsPackage")
    return await add_symbols(call, package, part.content)


async def read_upload(call: Call) -> tuple[Part, parse.Package]:
    form = await call.spool(MultipartSplitter(call.headers.get("content-type", "")))
    part = only_file(form)
    if not part.content.size:
        raise InvalidUpload("The package is empty")
    package = await call.inspect(parse.read_package, part.content)
    parse.check_file_name(part.filename, package.nuspec)
    return part, package


def only_file(form: Form) -> Part:
    """The package: clients send one file, whatever the name of its part. Raises `InvalidParameter`, `InvalidUpload`."""
    if not form.files:
        raise InvalidParameter(f"{PART} is missing", parameter=PART)
    if len(form.files) > 1:
        raise InvalidUpload(f"An upload brings one package, this one has {len(form.files)} files")
    return form.files[0]


async def add_symbols(call: Call, package: parse.Package, content: Spooled) -> Answer:
    nuspec = package.nuspec
    try:
        await call.packages.file(nuspec.id, nuspec.version, names.file_name(nuspec.id, nuspec.version))
    except FileNotFound as error:
        raise VersionNotFound(
            f"Symbol package is invalid, matching package does not exist: publish {nuspec.id} {nuspec.version} before its symbols"
        ) from error
    symbols = []
    left = PDBS_LIMIT
    for member in package.pdbs:
        symbol = await call.inspect(parse.read_symbol, content, member)
        if symbol is not None and len(symbol.content) <= left:
            left -= len(symbol.content)
            symbols.append(symbol)
    await call.packages.publish(parse.make_symbol_upload(package, content, symbols))
    return json_reply(CREATED, 201)


# -- what is there -----------------------------------------------------------------------------------------------------


async def remove_version(call: Call) -> Answer:
    """Delete a version, or with `?unlist=true` keep it for those who name it. Raises `PackageNotFound`, `VersionNotFound`."""
    name, version = target(call)
    if parse.read_flag(call.query, "unlist", False):
        await call.packages.yank(name, version, "")
    else:
        await call.packages.delete(name, version)
    return empty_reply()


async def relist_version(call: Call) -> Answer:
    """Offer an unlisted version again. Raises `PackageNotFound`, `VersionNotFound`."""
    name, version = target(call)
    await call.packages.yank(name, version, None)
    return empty_reply(200)


def target(call: Call) -> tuple[str, str]:
    """The package and version of an address. Raises `PackageNotFound`, `VersionNotFound`."""
    return known_name(call.params["name"]), known_version(call.params["version"])
