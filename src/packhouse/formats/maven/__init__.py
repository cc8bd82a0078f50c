"""Maven repositories (mvn, Gradle, sbt, Ivy): files at the paths of the Maven 2 layout, their checksums and maven-metadata.xml made here."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.maven import index, names, routes, snippets
from packhouse.formats.maven.errors import ERRORS

FORMAT = Format(
    name="maven",
    title="Maven",
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
    transfer=snippets.TRANSFER,
    indexes={
        "folder": Index(over="shelf", write=index.write_folder),
        "snapshot": Index(over="shelf", write=index.write_snapshot),
    },
    state_of=names.state_of,
    max_file_size=3 * GIB,
    clients=("mvn", "gradle", "sbt", "ivy", "coursier"),
)
