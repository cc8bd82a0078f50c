"""What to paste for Eclipse, Tycho, p2's director, curl and a job."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

SETTINGS = """\
<settings>
  <servers>
    <server>
      <id>packhouse</id>
      <username><your_username></username>
      <password><your_access_token></password>
    </server>
  </servers>
</settings>"""

REPOSITORY = """\
<repositories>
  <repository>
    <id>packhouse</id>
    <layout>p2</layout>
    <url>{address}</url>
  </repository>
</repositories>"""

DIRECTOR = """\
mvn org.eclipse.tycho:tycho-p2-director-plugin:4.0.10:director -Drepositories={address} \\
  -DinstallIUs=<feature>.feature.group -Ddestination=<folder>"""

UPLOAD = """\
mvn verify
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file <site>/target/<site>-1.0.0.zip "{address}/upload\""""

BUNDLE = """\
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file <bundle>_1.0.0.jar "{address}/plugins/<bundle>_1.0.0.jar\""""

JOB = """\
mvn --batch-mode verify
for site in */target/*.zip; do
  curl --fail-with-body --user "gitlab-ci-token:$CI_JOB_TOKEN" --upload-file "$site" "{here}/releases/upload"
done"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install from this scope, and publish to this project."""
    here = moment.here
    address = f"{here}/{package.name if package else '<repository>'}"
    found = [
        Snippet(client="Eclipse", kind="install", language="text", title="Help, Install New Software, Add", text=f"{address}/"),
        Snippet(client="p2 director", kind="install", language="shell", title="Install without Eclipse", text=DIRECTOR.format(address=address)),
        Snippet(client="Tycho", kind="setup", language="xml", title="pom.xml", text=REPOSITORY.format(address=address)),
        Snippet(client="Tycho", kind="setup", language="xml", title="~/.m2/settings.xml", text=SETTINGS),
    ]
    if moment.level == "project":
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Build a repository and upload it", text=UPLOAD.format(address=address)),
            Snippet(client="curl", kind="publish", language="shell", title="Upload one bundle", text=BUNDLE.format(address=address)),
            Snippet(client="curl", kind="publish", language="shell", title="Build and upload from a job", text=JOB.format(here=here)),
        ]
    return found
