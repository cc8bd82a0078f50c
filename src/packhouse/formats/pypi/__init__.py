"""Python packages: the simple repository API and the legacy upload form, as pip, uv, twine and their like speak them."""

from packhouse.contract import GIB, Coordinates, Format, Index, Yanking
from packhouse.formats.pypi import index, names, routes, snippets
from packhouse.formats.pypi.errors import ERRORS

VARY = "Accept, Authorization, Accept-Encoding"

FORMAT = Format(
    name="pypi",
    title="PyPI",
    purl="pypi",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
        fold=names.fold,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    transfer=snippets.TRANSFER,
    indexes={
        "project": Index(over="package", write=index.write_project, vary=VARY),
        "simple": Index(over="all", write=index.write_simple, needs="names", vary=VARY),
    },
    max_file_size=3 * GIB,
    digests=("sha256",),  # no client and no document asks for another; one that a form names is checked
    clients=("pip", "twine", "uv", "poetry", "pdm", "hatch", "flit"),
    identities="mint",
    yanking=Yanking(),
)
