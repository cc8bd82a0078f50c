"""Go modules: the GOPROXY protocol over tags and commits of a project's repository, and over uploaded zips."""

from packhouse.contract import MIB, Coordinates, Format, Index
from packhouse.formats.go import index, names, routes, snippets
from packhouse.formats.go.errors import ERRORS

FORMAT = Format(
    name="go",
    title="Go",
    purl="golang",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    indexes={"list": Index(over="package", write=index.write_list, needs="versions")},
    max_file_size=500 * MIB,
    clients=("go",),
    named_by_tag=names.modules_of_tag,
)
