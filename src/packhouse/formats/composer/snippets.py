"""What to paste for Composer."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from packhouse.contract import Moment, Snippet
from packhouse.formats.composer.index import here
from packhouse.model import PackageRow

JOB = """\
git archive --format=zip --output=package.zip HEAD
curl --fail-with-body --header "JOB-TOKEN: $CI_JOB_TOKEN" --upload-file package.zip "{here}?version=${{CI_COMMIT_TAG#v}}\""""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """`composer require`, the repository and its token, and the request that publishes."""
    parts = urlsplit(moment.api)
    host, base = parts.netloc, f"{parts.scheme}://{parts.netloc}{here(moment)}"
    name = package.name if package is not None else "<vendor/project>"
    wanted = f"{name}:{package.versions[-1].version}" if package is not None and package.versions else name
    setup = f"composer config repositories.{moment.place} composer {base}/packages.json\ncomposer config gitlab-domains {host}"
    if parts.scheme == "http":
        setup += "\ncomposer config secure-http false"
    token = f"composer config gitlab-token.{host} <your_access_token>"
    found = [
        Snippet(client="composer", kind="install", language="shell", title="Add to a project", text=f"composer require {wanted}"),
        Snippet(client="composer", kind="setup", language="shell", title="Add the repository", text=setup),
        Snippet(client="composer", kind="setup", language="shell", title="Say who you are", text=token),
    ]
    if moment.level == "project":
        tag = f'curl --fail-with-body --header "PRIVATE-TOKEN: <your_access_token>" --data tag=v1.0.0 "{moment.here}"'
        upload = f'curl --fail-with-body --header "PRIVATE-TOKEN: <your_access_token>" --upload-file package.zip "{moment.here}?version=1.0.0"'
        found.append(Snippet(client="curl", kind="publish", language="shell", title="Publish a tag", text=tag))
        found.append(Snippet(client="curl", kind="publish", language="shell", title="Upload a zip", text=upload))
        found.append(Snippet(client="curl", kind="publish", language="shell", title="Upload from a job", text=JOB.format(here=moment.here)))
    return found
