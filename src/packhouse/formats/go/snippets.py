"""How to point the go command here, and how to publish."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

# Git writes an entry for each folder, which go does not take; an address has `!` and the small letter for each capital one.
JOB = """\
module="$(sed -n 's/^module *//p' go.mod)"
git archive --format=zip --prefix="$module@$CI_COMMIT_TAG/" --output=module.zip HEAD
zip --quiet --delete module.zip '*/'
curl --fail-with-body --header "JOB-TOKEN: $CI_JOB_TOKEN" --upload-file module.zip \\
  "{here}/$(echo "$module" | sed 's/[A-Z]/!\\l&/g')/@v/$CI_COMMIT_TAG.zip\""""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """`go get`, the settings for a private module, and the tag that publishes."""
    parts = urlsplit(moment.here)
    host = parts.hostname or ""
    module = package.name if package is not None else f"{host}/group/project"
    version = package.versions[-1].version if package is not None and package.versions else "latest"
    proxy = f"{parts.scheme}://<username>:<your_access_token>@{parts.netloc}{parts.path}"
    setup = f"go env -w GOPROXY='{proxy},direct'\ngo env -w GONOSUMDB='{module.partition('/')[0]}/*'"
    netrc = f"machine {host} login <username> password <your_access_token>"
    upload = f'curl --header "PRIVATE-TOKEN: <your_access_token>" --upload-file module.zip "{moment.here}/{module}/@v/v1.0.0.zip"'
    reading = (
        Snippet(client="go", kind="install", language="shell", title="Add to a module", text=f"go get {module}@{version}"),
        Snippet(client="go", kind="setup", language="shell", title="Set the proxy", text=setup),
        Snippet(client="go", kind="setup", language="text", title="~/.netrc", text=netrc),
    )
    if moment.level != "project":
        return reading
    return (
        *reading,
        Snippet(client="git", kind="publish", language="shell", title="Publish by a tag", text="git tag v1.0.0\ngit push origin v1.0.0"),
        Snippet(client="curl", kind="publish", language="shell", title="Upload a zip", text=upload),
        Snippet(client="curl", kind="publish", language="shell", title="Upload from a job", text=JOB.format(here=moment.here)),
    )
