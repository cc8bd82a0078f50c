"""Conda packages: channels that conda, mamba, pixi and rattler read, whole or by shards."""

from collections.abc import Mapping

from packhouse.contract import GIB, Coordinates, Format, Index, Yanking
from packhouse.formats.conda import index, names, routes, snippets
from packhouse.formats.conda.errors import ERRORS


def read_key(headers: Mapping[str, str]) -> str | None:
    """The token as clients of quetz send it."""
    return headers.get("x-api-key")


FORMAT = Format(
    name="conda",
    title="Conda",
    purl="conda",
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
        "repodata": Index(over="shelf", write=index.write_repodata),
        "shards": Index(over="shelf", write=index.write_shards),
        "bzip2": Index(over="shelf", write=index.write_bzip2),
        "run_exports": Index(over="shelf", write=index.write_run_exports),
        "channels": Index(over="all", write=index.write_channels),
    },
    credentials=(read_key,),
    max_file_size=5 * GIB,
    digests=("sha256", "md5"),
    clients=("py-rattler", "py-rattler-build", "cph", "curl"),
    path_tokens=True,
    any_job_user=True,
    yanking=Yanking(effect="Solvers pass it over; its files stay for environments that are locked to them."),
)
