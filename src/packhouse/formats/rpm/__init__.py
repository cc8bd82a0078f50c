"""RPM packages: repositories with signed metadata that dnf and zypper read, of a project, of groups inside of it, and of a group of projects."""

from packhouse.contract import GIB, Coordinates, Format, Index
from packhouse.formats.rpm import index, names, routes, sign, snippets
from packhouse.formats.rpm.errors import ERRORS

FORMAT = Format(
    name="rpm",
    title="RPM",
    purl="rpm",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=names.version_key,
        is_prerelease=names.is_prerelease,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    indexes={"repository": Index(over="shelf", write=index.write_repository, sign=sign.sign_repomd, set_up=True, opened=True)},
    max_file_size=3 * GIB,
    digests=("sha256",),
    clients=("dnf", "zypper", "rpmbuild", "curl"),
    any_job_user=True,
)
