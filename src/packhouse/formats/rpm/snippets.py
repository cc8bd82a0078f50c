"""What to paste for dnf, zypper, curl and a job, and the file for /etc/yum.repos.d. Nothing secret is in an address."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

REPO = """\
[{id}]
name={id}
baseurl={base}
enabled=1
gpgcheck=0
repo_gpgcheck=1
gpgkey={base}/repodata/repomd.xml.key
"""

LOGIN = """\
username=<your_username>
password=<your_access_token>"""

ZYPPER = """\
zypper addrepo --refresh "{scheme}://<your_username>:<your_access_token>@{rest}" packhouse
zypper refresh"""

UPLOAD = """\
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file package.rpm "{here}/\""""

OPEN = """\
curl --fail-with-body --request PUT --user "<your_username>:<your_access_token>" "{here}/repository\""""

JOB = """\
rpmbuild -bb --define "_topdir $PWD/rpmbuild" package.spec
for file in rpmbuild/RPMS/*/*.rpm; do
  curl --fail-with-body --user "gitlab-ci-token:$CI_JOB_TOKEN" --upload-file "$file" "{here}/"
done"""


def write_repo_file(moment: Moment, group: str = "") -> str:
    """Where the packages of a group are and how they are checked. Its packages are signed only where their builder did so: no gpgcheck."""
    id_ = "-".join(["packhouse", moment.level, str(moment.place), *group.split("/")]).rstrip("-")
    return REPO.format(id=id_, base="/".join([moment.here, group]).rstrip("/"))


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the package from this scope, set dnf and zypper up, and publish to this project."""
    name, here = package.name if package else "<package>", moment.here
    scheme, _, rest = here.partition("://")
    found = [
        Snippet(client="dnf", kind="install", language="shell", title="Install", text=f"dnf install {name}"),
        Snippet(client="dnf", kind="setup", language="ini", title="/etc/yum.repos.d/packhouse.repo", text=write_repo_file(moment) + LOGIN),
        Snippet(client="zypper", kind="setup", language="shell", title="Set zypper up", text=ZYPPER.format(scheme=scheme, rest=rest)),
    ]
    if moment.level == "project":
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Upload a package", text=UPLOAD.format(here=here)),
            Snippet(client="rpmbuild", kind="publish", language="shell", title="Build and upload from a job", text=JOB.format(here=here)),
        ]
    elif moment.level == "group":
        found.append(Snippet(client="curl", kind="setup", language="shell", title="Open the group's repository, once", text=OPEN.format(here=here)))
    return found
