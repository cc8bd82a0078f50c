"""Crates for Rust: a sparse index and the web API, as Cargo speaks them."""

from packhouse.contract import Coordinates, Format, Index, Yanking
from packhouse.formats.cargo import index, names, parse, routes, snippets
from packhouse.formats.cargo.errors import ERRORS
from packhouse.grammar.credentials import read_bare_token

FORMAT = Format(
    name="cargo",
    title="Cargo",
    purl="cargo",
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
    indexes={"lines": Index(over="package", write=index.write_lines, needs="uploads")},
    credentials=(read_bare_token,),
    max_file_size=parse.MAX_FILE_SIZE,
    digests=("sha256",),
    clients=("cargo",),
    check_neighbours=routes.check_neighbours,
    yanking=Yanking(effect="Cargo takes it for lock files that name it already, and for nothing else."),
)
