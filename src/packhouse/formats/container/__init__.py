"""Container images and whatever else is pushed to an OCI registry: charts, signatures, artifacts."""

from packhouse.contract import GIB, Coordinates, Format
from packhouse.formats.container import names, routes, snippets
from packhouse.formats.container.errors import ERRORS

FORMAT = Format(
    name="container",
    title="Container",
    purl="oci",
    coordinates=Coordinates(
        name_key=names.name_key,
        version_id=names.version_id,
        version_key=lambda version: version,
        is_prerelease=lambda _version: False,
    ),
    routes=routes.ROUTES,
    errors=ERRORS,
    snippets=snippets.snippets,
    max_file_size=20 * GIB,
    listed=False,
    clients=("docker", "podman", "buildah", "skopeo", "crane", "oras", "helm", "cosign"),
)
