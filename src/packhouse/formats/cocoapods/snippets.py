"""What to paste for pod, curl and a job."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

PODFILE = """\
source '{here}/'

pod '{name}'"""

# the client reads no credentials in an address: it would take such a source for a Git repository
NETRC = """\
machine {host}
login <your_username>
password <your_access_token>"""

UPLOAD = """\
pod ipc spec {name}.podspec > {name}.podspec.json
zip -r {name}.zip {name}.podspec.json LICENSE Sources
curl --fail-with-body --user "<your_username>:<your_access_token>" --upload-file {name}.zip "{here}/pods/{name}/1.0.0\""""

PODSPEC = """\
pod ipc spec {name}.podspec > {name}.podspec.json
curl --fail-with-body --user "<your_username>:<your_access_token>" --data-binary @{name}.podspec.json \\
  --header "Content-Type: application/json" "{here}/podspecs\""""

# each podspec beside the sources, as `pod ipc spec` prints it
JOB = """\
for podspec in *.podspec.json; do
  name="${{podspec%.podspec.json}}"
  tar --exclude=.git -czf "../$name.tgz" .
  curl --fail-with-body --user "gitlab-ci-token:$CI_JOB_TOKEN" --request PUT \\
    --form "podspec=@$podspec" --form "file=@../$name.tgz" "{here}/pods/$name/${{CI_COMMIT_TAG#v}}"
done"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the pod from this scope, hand the client a token, and publish to this project."""
    name, here = package.name if package else "MyPod", moment.here
    host = urlsplit(here).hostname or ""
    found = [
        Snippet(client="pod", kind="install", language="ruby", title="Podfile", text=PODFILE.format(here=here, name=name)),
        Snippet(client="pod", kind="setup", language="text", title="~/.netrc", text=NETRC.format(host=host)),
    ]
    if moment.level == "project":
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Upload an archive", text=UPLOAD.format(here=here, name=name)),
            Snippet(client="curl", kind="publish", language="shell", title="Upload a podspec alone", text=PODSPEC.format(here=here, name=name)),
            Snippet(client="curl", kind="publish", language="shell", title="Pack and upload from a job", text=JOB.format(here=here)),
        ]
    return found
