"""What to paste for vagrant, curl and a job."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.formats.vagrant import names
from packhouse.model import PackageRow

UPLOAD = """\
curl --fail-with-body --header "Authorization: Bearer <your_access_token>" --upload-file package.box "{here}/{name}/{version}/{provider}.box\""""

# each box in the folder that bears its name, called by its provider
JOB = """\
for box in */*.box; do
  curl --fail-with-body --header "JOB-TOKEN: $CI_JOB_TOKEN" --upload-file "$box" "{here}/${{box%/*}}/${{CI_COMMIT_TAG#v}}/${{box##*/}}"
done"""

ADD = "vagrant box add {here}/{name} --provider {provider}"
VAGRANTFILE = """\
Vagrant.configure("2") do |config|
  config.vm.box = "{name}"
  config.vm.box_url = "{here}/{name}"
end"""

TOKEN = """\
export VAGRANT_SERVER_URL={here}
export VAGRANT_CLOUD_TOKEN=<your_access_token>"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to add the box from this scope, give vagrant a token, and publish to this project."""
    name, version, provider = newest_of(package)
    here, machine = moment.here, provider.partition("/")[0]  # an architecture may follow
    found = [
        Snippet(client="vagrant", kind="install", language="shell", title="Add", text=ADD.format(here=here, name=name, provider=machine)),
        Snippet(client="vagrant", kind="install", language="ruby", title="Vagrantfile", text=VAGRANTFILE.format(name=name, here=here)),
        Snippet(client="vagrant", kind="setup", language="shell", title="Give vagrant a token", text=TOKEN.format(here=here)),
    ]
    if moment.level == "project":
        upload = UPLOAD.format(here=here, name=name, version=version, provider=provider)
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Upload a box", text=upload),
            Snippet(client="curl", kind="publish", language="shell", title="Upload from a job", text=JOB.format(here=here)),
        ]
    return found


def newest_of(package: PackageRow | None) -> tuple[str, str, str]:
    """The name, and what was published last."""
    if package is None:
        return "my-box", "1.0.0", "virtualbox"
    if not package.versions or not package.versions[-1].files:
        return package.name, "1.0.0", "virtualbox"
    version = package.versions[-1]
    return package.name, version.version, version.files[0].path.removesuffix(names.SUFFIX)
