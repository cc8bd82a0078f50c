"""C and C++ packages: recipes and their binaries, as Conan 1 and 2 speak of them, with revisions."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.conan import index, names, routes, snippets
from packhouse.formats.conan.errors import ERRORS

FORMAT = Format(
    name="conan",
    title="Conan",
    purl="conan",
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
        "recipe": Index(over="shelf", write=index.write_recipe),
        "list": Index(over="shelf", write=index.write_list),
    },
    unfinished=names.unfinished,
    max_file_size=3 * GIB,
    clients=("conan", "conan 1"),
    any_job_user=True,
    check_neighbours=routes.check_neighbours,
)
