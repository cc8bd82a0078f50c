"""Repositories of sbt: files in Ivy's layout, with listings, and in Maven's, with maven-metadata.xml, side by side."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.sbt import index, names, routes, snippets
from packhouse.formats.sbt.errors import ERRORS

FORMAT = Format(
    name="sbt",
    title="sbt",
    purl="maven",
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
        "folder": Index(over="shelf", write=index.write_folder),
        "snapshot": Index(over="shelf", write=index.write_snapshot),
        "versions": Index(over="package", write=index.write_versions, needs="versions"),
        "contents": Index(over="shelf", write=index.write_contents),
        "folders": Index(over="all", write=index.write_folders, needs="names"),
    },
    state_of=names.state_of,
    max_file_size=3 * GIB,
    clients=("sbt", "ivy", "coursier", "curl"),
)
