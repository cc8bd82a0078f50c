"""Gems for Ruby: the compact index, the older lists, and the API that `gem` and Bundler speak."""

from packhouse.contract import Coordinates, Format, Index, Yanking
from packhouse.formats.rubygems import index, names, routes, snippets
from packhouse.formats.rubygems.errors import ERRORS
from packhouse.formats.rubygems.parse.gem import MAX_FILE_SIZE
from packhouse.formats.rubygems.routes.publishing import check_neighbours
from packhouse.grammar.credentials import read_bare_token

FORMAT = Format(
    name="rubygems",
    title="RubyGems",
    purl="gem",
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
        "info": Index(over="package", write=index.write_info, needs="uploads"),
        "versions": Index(over="all", write=index.write_versions, needs="uploads"),
        "names": Index(over="all", write=index.write_names, needs="versions"),
        "lists": Index(over="all", write=index.write_lists, needs="versions"),
        "gemspecs": Index(over="package", write=index.write_gemspecs, needs="uploads"),
    },
    credentials=(read_bare_token,),
    max_file_size=MAX_FILE_SIZE,
    digests=("sha256",),
    clients=("gem", "bundler"),
    yanking=Yanking(effect="It is on no list any more, and no client finds it; its number stays taken."),
    transfer=snippets.TRANSFER,
    check_neighbours=check_neighbours,
)
