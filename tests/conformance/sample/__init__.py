"""Shelved: a tiny apt-like format that only the suite knows, for what the contract must carry: shelves, signed indexes of indexes, by-hash."""

from packhouse.contract import MIB, Coordinates, Format, Index

from . import errors, index, names, routes, sign, snippets

FORMAT = Format(
    name="shelved",
    title="Shelved",
    purl="generic",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=routes.ROUTES,
    errors=errors.ERRORS,
    snippets=snippets.snippets,
    indexes={
        "packages": Index(over="shelf", write=index.write_packages),
        "release": Index(over="shelf", write=index.write_release, needs="names", reads=("packages",), sign=sign.sign_release),
        "names": Index(over="all", write=index.write_names, needs="names"),
    },
    max_file_size=8 * MIB,
    clients=(),
)
