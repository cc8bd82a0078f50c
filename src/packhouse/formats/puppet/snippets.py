"""What to paste for puppet, r10k, librarian-puppet, curl and a job."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Imported, Moment, Sending, Snippet, Transfer
from packhouse.formats.puppet import names
from packhouse.model import PackageRow

INSTALL = "puppet module install {name} --version {version} --module_repository {here}"

PUPPETFILE = "mod '{owner}/{module}', '{version}'"

CONF = """\
[main]
module_repository = {here}
forge_authorization = Bearer <your_access_token>"""

R10K = """\
forge:
  baseurl: '{here}'
  authorization_token: 'Bearer <your_access_token>'"""

UPLOAD = """\
curl --fail-with-body --header "Authorization: Bearer <your_access_token>" --form file=@{name}-{version}.tar.gz "{here}/v3/releases\""""

PDK = "pdk release publish --forge-upload-url {here}/v3/releases --forge-token <your_access_token>"

# the folder in a module's file bears the name that metadata.json says
JOB = """\
release="$(python3 -c 'import json; said = json.load(open("metadata.json")); print(said["name"].replace("/", "-") + "-" + said["version"])')"
git archive --prefix "$release/" --output "$release.tar.gz" HEAD
curl --fail-with-body --header "JOB-TOKEN: $CI_JOB_TOKEN" --form "file=@$release.tar.gz" "{here}/v3/releases\""""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the module from this scope, name the scope to each client, and publish to this project."""
    name, version = newest_of(package)
    owner, module = names.split_name(name)
    words = {"here": moment.here, "name": name, "version": version, "owner": owner, "module": module}
    found = [
        Snippet(client="puppet", kind="install", language="shell", title="Install with puppet", text=INSTALL.format(**words)),
        Snippet(client="r10k", kind="install", language="ruby", title="Puppetfile, for r10k", text=PUPPETFILE.format(**words)),
        Snippet(client="puppet", kind="setup", language="ini", title="puppet.conf", text=CONF.format(**words)),
        Snippet(client="r10k", kind="setup", language="yaml", title="r10k.yaml", text=R10K.format(**words)),
    ]
    if moment.level == "project":
        found += [
            Snippet(client="curl", kind="publish", language="shell", title="Upload a module", text=UPLOAD.format(**words)),
            Snippet(client="pdk", kind="publish", language="shell", title="Publish with PDK", text=PDK.format(**words)),
            Snippet(client="curl", kind="publish", language="shell", title="Publish from a job", text=JOB.format(**words)),
        ]
    return found


def newest_of(package: PackageRow | None) -> tuple[str, str]:
    """The name, and its newest version."""
    if package is None:
        return "acme-ntp", "1.0.0"
    return package.name, max((row.version for row in package.versions), key=names.version_key, default="1.0.0")


# -- the same for `packhouse import` -----------------------------------------------------------------------------------


def find_file(file: Imported) -> str:
    """Where the file is fetched; nothing for what is none."""
    return f"v3/files/{file.name}-{file.version}{names.SUFFIX}" if file.file_name.endswith(names.SUFFIX) else ""


TRANSFER = Transfer(fetch=find_file, publish=lambda _file: Sending(method="POST", tail="v3/releases", part="file"))
