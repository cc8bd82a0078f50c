"""Pods: a source of podspecs as CocoaPods reads it from a web server, in shards, with the archives beside it."""

from packhouse.contract import GIB, Coordinates, Format, Index, Yanking
from packhouse.formats.cocoapods import index, names, routes, snippets
from packhouse.formats.cocoapods.errors import ERRORS

FORMAT = Format(
    name="cocoapods",
    title="CocoaPods",
    purl="cocoapods",
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
    indexes={
        "shards": Index(over="shelf", write=index.write_shard),
        "sizes": Index(over="shelf", write=index.write_size),
        "lists": Index(over="all", write=index.write_lists, needs="versions"),
    },
    max_file_size=5 * GIB,
    digests=("sha256",),
    clients=("typhoeus", "curl"),
    check_neighbours=routes.check_neighbours,
    yanking=Yanking(
        state="deprecated",
        verb="Deprecate",
        undo="No longer deprecate",
        undone="no longer deprecated",
        effect="CocoaPods installs it all the same and says that it is deprecated; `in favor of <pod>` as the reason names another one.",
        kind="caution",
    ),
)
