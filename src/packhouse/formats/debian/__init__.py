"""Debian packages: distributions with signed indexes that apt reads, packages sent one by one or as the `.changes` of a build."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.debian import index, names, routes, sign, snippets
from packhouse.formats.debian.errors import ERRORS

FORMAT = Format(
    name="debian",
    title="Debian",
    purl="deb",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    indexes={"distribution": Index(over="shelf", write=index.write_distribution, sign=sign.sign_release, set_up=True)},
    max_file_size=3 * GIB,
    clients=("apt-get", "dput", "curl"),
    any_job_user=True,
)
