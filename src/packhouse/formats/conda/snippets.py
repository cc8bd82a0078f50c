"""What to paste for conda, mamba, pixi and a job. Every command names this channel and no other."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

CONDARC = """\
channels:
  - {scheme}://<your_username>:<your_access_token>@{host}{path}"""

PIXI = """\
[workspace]
name = "my-workspace"
channels = ["{here}"]
platforms = ["linux-64"]

[dependencies]
{name} = "*\""""

UPLOAD = """\
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file my-package-1.0.0-0.conda "{here}/\""""

JOB = """\
for package in output/*/*.conda; do
  curl --fail-with-body --user "gitlab-ci-token:$CI_JOB_TOKEN" --upload-file "$package" "{here}/"
done"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the package from this scope, name the channel to each client, and publish to this project."""
    name, here = package.name if package else "my-package", moment.here
    parts = urlsplit(here)
    condarc = CONDARC.format(scheme=parts.scheme, host=parts.netloc, path=parts.path)
    login = f'pixi auth login --token "<your_access_token>" "{parts.hostname}"'
    found = [
        Snippet(client="conda", kind="install", language="shell", title="Install", text=f"conda install {name}"),
        Snippet(client="pixi", kind="install", language="toml", title="pixi.toml", text=PIXI.format(here=here, name=name)),
        Snippet(client="conda", kind="setup", language="yaml", title="~/.condarc, for conda and mamba", text=condarc),
        Snippet(client="pixi", kind="setup", language="shell", title="Log in", text=login),
    ]
    if moment.level == "project":
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Upload a package", text=UPLOAD.format(here=here)),
            Snippet(client="curl", kind="publish", language="shell", title="Upload what was built in a job", text=JOB.format(here=here)),
        ]
    return found
