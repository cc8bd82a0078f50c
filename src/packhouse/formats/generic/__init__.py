"""Generic packages: one file at a path, no index. The smallest room; `docs/developing/add-a-format.md` walks through it."""

from packhouse.contract import GIB, Coordinates, Format
from packhouse.formats.generic import names, routes, snippets
from packhouse.formats.generic.errors import ERRORS

FORMAT = Format(
    name="generic",
    title="Generic",
    purl="generic",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    transfer=snippets.TRANSFER,
    max_file_size=5 * GIB,
    clients=("curl", "wget"),
)
