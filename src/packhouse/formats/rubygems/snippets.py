"""What to paste for gems: the source and its token, a dependency, and `gem push`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from packhouse.contract import Imported, Moment, Sending, Snippet, Transfer
from packhouse.formats.rubygems import names
from packhouse.model import PackageRow

GEMFILE = """\
source "{here}" do
  gem "{name}", "~> {number}"
end"""

INSTALL = "gem install {name} --version {number} --clear-sources --source {login}"

# The environment alone: nothing is written that a later job could find.
JOB = """\
gem build *.gemspec
GEM_HOST_API_KEY="$CI_JOB_TOKEN" gem push --host {here} *.gem"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the gem from this scope, name the source, and publish to this project."""
    name, version = "my-gem", "1.0.0"
    if package is not None:
        name = package.name
        version = max((row.version for row in package.versions), key=names.version_key, default=version)
    return (*install(moment.here, name, version), *setup(moment.here), *(publish(moment.here) if moment.level == "project" else ()))


def install(here: str, name: str, version: str) -> Sequence[Snippet]:
    number = names.split_version(version)[0]
    scheme, _, rest = here.partition("://")
    login = f"{scheme}://token:<your_access_token>@{rest}"
    return (
        Snippet(client="gem", kind="install", language="shell", title="Install with gem", text=INSTALL.format(name=name, number=number, login=login)),
        Snippet(client="bundler", kind="install", language="ruby", title="Gemfile", text=GEMFILE.format(here=here, name=name, number=number)),
    )


def setup(here: str) -> Sequence[Snippet]:
    text = f"bundle config set --local {here} token:<your_access_token>"
    return (Snippet(client="bundler", kind="setup", language="shell", title="Say who you are", text=text),)


def publish(here: str) -> Sequence[Snippet]:
    push = f'export GEM_HOST_API_KEY="<your_access_token>"\ngem push --host {here} my-gem-1.0.0.gem'
    return (
        Snippet(client="gem", kind="publish", language="shell", title="Publish with gem", text=push),
        Snippet(client="gem", kind="publish", language="shell", title="Publish from a job", text=JOB.format(here=here)),
    )


# -- the same for `packhouse import` -----------------------------------------------------------------------------------


def find_gem(file: Imported) -> str:
    """Where the gem is fetched; nothing for what is none."""
    return f"gems/{quote(file.file_name, safe='')}" if file.file_name.endswith(".gem") else ""


TRANSFER = Transfer(fetch=find_gem, publish=lambda _file: Sending(method="POST", tail="api/v1/gems"))
