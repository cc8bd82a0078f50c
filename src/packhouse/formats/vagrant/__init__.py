"""Vagrant boxes: a catalog for each box, with its versions, providers and architectures."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.vagrant import index, names, routes, snippets
from packhouse.formats.vagrant.errors import ERRORS

FORMAT = Format(
    name="vagrant",
    title="Vagrant",
    purl="vagrant",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    indexes={"catalog": Index(over="package", write=index.write_catalog)},
    max_file_size=20 * GIB,
    digests=("sha256",),
    clients=("vagrant", "curl"),
)
