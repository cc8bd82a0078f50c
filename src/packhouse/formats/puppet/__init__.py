"""Puppet modules: the Forge API v3, below the address of a project or group."""

from packhouse.contract import MIB, Coordinates, Format, Index, Yanking
from packhouse.formats.puppet import index, names, routes, snippets
from packhouse.formats.puppet.errors import ERRORS
from packhouse.grammar.credentials import read_bare_token

FORMAT = Format(
    name="puppet",
    title="Puppet",
    purl="puppet",
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
        "module": Index(over="package", write=index.write_module),
        "catalog": Index(over="all", write=index.write_catalog, needs="uploads"),
    },
    credentials=(read_bare_token,),
    max_file_size=512 * MIB,
    digests=("sha256", "md5"),
    clients=("puppet", "r10k", "librarian-puppet", "ruby-puppet-forge", "curl"),
    yanking=Yanking(
        state="deprecated",
        verb="Deprecate",
        undo="Take the deprecation back",
        undone="undeprecated",
        effect="Once all versions of a module are deprecated, whoever installs it is told so.",
        kind="caution",
    ),
    transfer=snippets.TRANSFER,
)
