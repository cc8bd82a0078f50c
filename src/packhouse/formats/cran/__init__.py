"""R packages: trees of sources and of what was built for Windows and macOS, as CRAN lays them out."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.cran import index, names, routes, snippets
from packhouse.formats.cran.errors import ERRORS

FORMAT = Format(
    name="cran",
    title="CRAN",
    purl="cran",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    indexes={
        "lists": Index(over="shelf", write=index.write_lists),
        "archive": Index(over="shelf", write=index.write_archive),
        "folders": Index(over="package", write=index.write_folders),
    },
    max_file_size=3 * GIB,
    digests=("sha256", "md5"),
    clients=("R", "remotes", "curl"),
    check_neighbours=routes.check_neighbours,
)
