"""What to paste for R, curl and a job."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

UPLOAD = """\
R CMD build <package>
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file <package>_1.0.0.tar.gz "{here}/src\""""

BUILT = """\
R CMD INSTALL --build <package>_1.0.0.tar.gz
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file <package>_1.0.0.zip "{here}/bin?platform=windows&rversion=4.2\""""

JOB = """\
R CMD build --no-manual .
for package in *.tar.gz; do
  curl --fail-with-body --user "gitlab-ci-token:$CI_JOB_TOKEN" --upload-file "$package" "{here}/src"
done"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the package from this scope, set R up, and publish to this project."""
    name, here = package.name if package else "<package>", moment.here
    scheme, _, rest = here.partition("://")
    options = f'options(repos = c(packhouse = "{scheme}://<your_username>:<your_access_token>@{rest}"))'
    found = [
        Snippet(client="R", kind="install", language="r", title="Install", text=f'install.packages("{name}")'),
        Snippet(client="R", kind="setup", language="r", title="~/.Rprofile", text=options),
    ]
    if moment.level == "project":
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Build and upload a source package", text=UPLOAD.format(here=here)),
            Snippet(client="curl", kind="publish", language="shell", title="Upload what R built on Windows", text=BUILT.format(here=here)),
            Snippet(client="curl", kind="publish", language="shell", title="Build and upload from a job", text=JOB.format(here=here)),
        ]
    return found
