"""What to paste for knife, Berkshelf, Policyfiles, curl and a job."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow

CONFIG = """\
knife[:supermarket_site] = "{here}"
node_name "<your_username>"
client_key "#{{__dir__}}/key.pem\""""

KEY = """\
openssl rsa -in ~/.chef/key.pem -pubout -out key.pub
curl --fail-with-body --header "PRIVATE-TOKEN: <your_access_token>" --data-urlencode "key@key.pub" \\
  "{api}/personal_access_tokens/self/-/signing_keys\""""

BERKSFILE = """\
source "{here}"

cookbook "{name}", "~> {version}\""""

POLICYFILE = """\
default_source :supermarket, "{here}"
run_list "{name}\""""

SHARE = 'knife supermarket share {name} "Other" --supermarket-site "{here}"'

UPLOAD = """\
tar --create --gzip --file {name}.tar.gz {name}/
curl --fail-with-body --user "<your_username>:<your_access_token>" --form "tarball=@{name}.tar.gz" "{here}/api/v1/cookbooks\""""

# each folder with a metadata.json is a cookbook
JOB = """\
for metadata in */metadata.json; do
  cookbook="${{metadata%/*}}"
  tar --create --gzip --file "$cookbook.tar.gz" "$cookbook"
  curl --fail-with-body --header "JOB-TOKEN: $CI_JOB_TOKEN" --form "tarball=@$cookbook.tar.gz" "{here}/api/v1/cookbooks"
done"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to depend on the cookbook from this scope, set knife up, and publish to this project."""
    name = package.name if package else "my_cookbook"
    version = package.versions[-1].version if package and package.versions else "1.0.0"
    here = moment.here
    found = [
        Snippet(client="Berkshelf", kind="install", language="ruby", title="Berksfile", text=BERKSFILE.format(here=here, name=name, version=version)),
        Snippet(client="Chef Workstation", kind="install", language="ruby", title="Policyfile.rb", text=POLICYFILE.format(here=here, name=name)),
        Snippet(
            client="knife",
            kind="install",
            language="shell",
            title="Download",
            text=f'knife supermarket download {name} {version} --supermarket-site "{here}"',
        ),
        Snippet(client="knife", kind="setup", language="ruby", title="~/.chef/config.rb", text=CONFIG.format(here=here)),
        Snippet(client="knife", kind="setup", language="shell", title="Make the key known", text=KEY.format(api=moment.api)),
    ]
    if moment.level == "project":
        found += [
            Snippet(client="knife", kind="publish", language="shell", title="Share", text=SHARE.format(here=here, name=name)),
            Snippet(client="curl", kind="publish", language="shell", title="Upload", text=UPLOAD.format(here=here, name=name)),
            Snippet(client="curl", kind="publish", language="shell", title="Upload from a job", text=JOB.format(here=here)),
        ]
    return found
