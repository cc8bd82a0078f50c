"""Cookbooks for Chef: a Supermarket that knife, Berkshelf and Policyfiles read, with requests that are signed by a key."""

from packhouse.contract import MIB, Coordinates, Format, Index
from packhouse.formats.chef import index, names, routes, snippets
from packhouse.formats.chef.errors import ERRORS

FORMAT = Format(
    name="chef",
    title="Chef",
    purl="chef",
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
        "universe": Index(over="all", write=index.write_universe),
        "cookbook": Index(over="package", write=index.write_cookbook),
        "contingents": Index(over="all", write=index.write_contingents),
        "lists": Index(over="all", write=index.write_lists),
    },
    max_file_size=512 * MIB,
    digests=("sha256", "sha1"),
    clients=("mixlib-authentication", "semverse", "curl"),
    signed_requests=True,
    check_neighbours=routes.check_neighbours,
)
