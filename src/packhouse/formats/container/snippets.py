"""What to paste for docker, podman and their like: sign in, push, pull."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

DEFAULT = "my-group/my-project"
JOB = """\
echo "$CI_JOB_TOKEN" | docker login --username gitlab-ci-token --password-stdin {host}
docker build -t "{host}/{name}:$CI_COMMIT_TAG" .
docker push "{host}/{name}:$CI_COMMIT_TAG\""""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to pull the image by its newest tag, sign in, and push another one."""
    host = host_of(moment)
    name = package.name if package is not None else DEFAULT
    reference = f"{host}/{name}{newest(package)}"
    push, charts = f"{host}/{name}:1.0.0", name.rpartition("/")[0] or name
    return (
        Snippet(client="docker", kind="install", language="shell", title="Pull with Docker", text=f"docker pull {reference}"),
        Snippet(client="podman", kind="install", language="shell", title="Pull with Podman", text=f"podman pull {reference}"),
        Snippet(client="docker", kind="setup", language="shell", title="Sign in", text=f"docker login {host}"),
        Snippet(client="docker", kind="publish", language="shell", title="Build and push", text=f"docker build -t {push} .\ndocker push {push}"),
        Snippet(client="docker", kind="publish", language="shell", title="Push from a job", text=JOB.format(host=host, name=name)),
        Snippet(client="helm", kind="publish", language="shell", title="Push a chart", text=f"helm push my-chart-0.1.0.tgz oci://{host}/{charts}"),
    )


def host_of(moment: Moment) -> str:
    return moment.api.removesuffix("/api/v4").partition("://")[2]


def newest(package: PackageRow | None) -> str:
    """`:tag`, or `@digest` where there is no tag."""
    if package is None or not package.versions:
        return ":latest"
    if package.tags:
        tag = "latest" if "latest" in package.tags else max(package.tags)
        return f":{tag}"
    return f"@{package.versions[-1].version}"
