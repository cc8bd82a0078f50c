"""Eclipse p2: repositories of bundles and features, as update sites lay them out."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.p2 import index, names, routes, snippets
from packhouse.formats.p2.errors import ERRORS

FORMAT = Format(
    name="p2",
    title="P2",
    purl="p2",
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
        "lead": Index(over="package", write=index.write_lead, needs="names"),
        **{name: Index(over="package", write=write) for name, write in index.DOCUMENTS.items()},
        "places": Index(over="package", write=index.write_places),
        "composite": Index(over="all", write=index.write_composite, needs="names"),
    },
    max_file_size=3 * GIB,
    digests=("sha256", "sha512"),
    clients=("Tycho", "p2 director", "curl"),
    check_neighbours=routes.check_neighbours,
)
