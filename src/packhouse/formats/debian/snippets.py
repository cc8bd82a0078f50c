"""What to paste for apt, curl and a job. Keys and credentials are kept apart from the source: nothing secret is in its address."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

SOURCES = """\
Types: deb
URIs: {here}
Suites: bookworm
Components: main
Signed-By: /etc/apt/keyrings/packhouse.asc"""

CREATE = """\
curl --fail-with-body --request POST --header "PRIVATE-TOKEN: <your_access_token>" --data codename=bookworm "{distributions}\""""

KEY = """\
curl --fail-with-body --header "PRIVATE-TOKEN: <your_access_token>" --output /etc/apt/keyrings/packhouse.asc "{distributions}/bookworm/key.asc\""""

UPLOAD = """\
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file package.deb "{here}/?distribution=bookworm&component=main\""""

DPUT = """\
[packhouse]
method = {scheme}
fqdn = {host}
login = <your_username>
incoming = {path}
allow_unsigned_uploads = 1
run_dinstall = 0"""

JOB = """\
dpkg-deb --root-owner-group --build package package.deb
curl --fail-with-body --user "gitlab-ci-token:$CI_JOB_TOKEN" --upload-file package.deb "{here}/?distribution=bookworm&component=main\""""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the package from this scope, set apt up, and publish to this project."""
    name, here, distributions = package.name if package else "<package>", moment.here, distributions_of(moment)
    login = f"machine {here} login <your_username> password <your_access_token>"
    found = [
        Snippet(client="apt", kind="install", language="shell", title="Install", text=f"apt-get update\napt-get install {name}"),
        Snippet(client="apt", kind="setup", language="shell", title="Fetch the key", text=KEY.format(distributions=distributions)),
        Snippet(client="apt", kind="setup", language="ini", title="/etc/apt/sources.list.d/packhouse.sources", text=SOURCES.format(here=here)),
        Snippet(client="apt", kind="setup", language="ini", title="/etc/apt/auth.conf.d/packhouse.conf", text=login),
    ]
    if moment.level == "project":
        create = CREATE.format(distributions=distributions)
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Create the distribution, once", text=create),
            Snippet(client="curl", kind="publish", language="shell", title="Upload a package", text=UPLOAD.format(here=here)),
            Snippet(client="dput", kind="publish", language="ini", title="~/.dput.cf, for whole builds with their .changes", text=dput(here)),
            Snippet(client="curl", kind="publish", language="shell", title="Build and upload from a job", text=JOB.format(here=here)),
        ]
    return found


def dput(here: str) -> str:
    parts = urlsplit(here)
    return DPUT.format(scheme=parts.scheme, host=parts.netloc, path=parts.path)


def distributions_of(moment: Moment) -> str:
    """Where the distributions of this scope are managed."""
    return (
        f"{moment.api}/groups/{moment.place}/-/debian_distributions"
        if moment.level == "group"
        else (f"{moment.api}/projects/{moment.place}/debian_distributions")
    )
