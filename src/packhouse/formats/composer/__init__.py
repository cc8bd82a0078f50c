"""Composer packages for PHP: a repository over tags and branches of the project's Git repository, and over uploaded zips."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.composer import index, names, routes, snippets
from packhouse.formats.composer.errors import ERRORS

VARY = "Authorization, Accept-Encoding, User-Agent"  # the root has more in it for Composer 1

FORMAT = Format(
    name="composer",
    title="Composer",
    purl="composer",
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
        "package": Index(over="package", write=index.write_package, needs="uploads", names_places=True),
        "root": Index(over="all", write=index.write_root, needs="names", vary=VARY),
        "legacy": Index(over="all", write=index.write_legacy, needs="uploads", vary=VARY, names_places=True),
    },
    max_file_size=3 * GIB,
    clients=("composer", "composer 1"),
    owned_names=True,
    singular=True,
    any_job_user=True,
)
