"""npm packages: packuments, publish documents and dist-tags, as npm, pnpm, Yarn and their like speak them."""

from packhouse.contract import Coordinates, Format, Index, Yanking
from packhouse.formats.npm import index, names, parse, routes, snippets
from packhouse.formats.npm.errors import ERRORS

FORMAT = Format(
    name="npm",
    title="npm",
    purl="npm",
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
    indexes={"packument": Index(over="package", write=index.write_packument, vary="Accept, Authorization, Accept-Encoding")},
    max_file_size=parse.MAX_FILE_SIZE,
    digests=("sha256", "sha1", "sha512"),
    clients=("npm", "pnpm", "yarn 1", "yarn"),
    identities="exchange",
    unique_in_group=names.in_root_group,
    yanking=Yanking(
        state="deprecated",
        verb="Deprecate",
        undo="Take the deprecation back",
        undone="undeprecated",
        effect="Whoever installs it is told so.",
        kind="caution",
        needs_reason=True,
    ),
)
