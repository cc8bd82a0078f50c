"""What to paste for opkg, curl and a job."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

FEED = "22.03/x86_64/base"  # a release, an architecture and a part of them, as OpenWrt has it

INSTALL = """\
opkg update
opkg install {name}"""

KEY = """\
wget -O /tmp/packhouse.pub "{url}/key.pub"
opkg-key add /tmp/packhouse.pub"""

UPLOAD = """\
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file <package>_1.0-1_x86_64.ipk "{here}/{feed}/\""""

OPEN = """\
curl --fail-with-body --request PUT --user "<your_username>:<your_access_token>" "{here}/{feed}/feed\""""

JOB = """\
for package in bin/packages/*/*/*.ipk; do
  curl --fail-with-body --user "gitlab-ci-token:$CI_JOB_TOKEN" --upload-file "$package" "{here}/22.03/${{package#bin/packages/}}"
done"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the package from this scope, set opkg up, and publish to this project."""
    name, here = package.name if package else "<package>", moment.here
    scheme, _, rest = here.partition("://")
    url = f"{scheme}://<your_username>:<your_access_token>@{rest}/{FEED}"
    found = [
        Snippet(client="opkg", kind="install", language="shell", title="Install", text=INSTALL.format(name=name)),
        Snippet(client="opkg", kind="setup", language="shell", title="Fetch the key of a feed", text=KEY.format(url=url)),
        Snippet(client="opkg", kind="setup", language="ini", title="/etc/opkg/customfeeds.conf", text=f"src/gz packhouse {url}"),
    ]
    if moment.level == "project":
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Upload a package", text=UPLOAD.format(here=here, feed=FEED)),
            Snippet(client="curl", kind="publish", language="shell", title="Upload what the SDK has built, from a job", text=JOB.format(here=here)),
        ]
    elif moment.level == "group":
        once = OPEN.format(here=here, feed=FEED)
        found.append(Snippet(client="curl", kind="setup", language="shell", title="Open the group's feed, once", text=once))
    return found
