"""What to paste for sbt, Ivy, Coursier and curl."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from packhouse.contract import Moment, Snippet
from packhouse.formats.sbt import names
from packhouse.maven2.names import group_of
from packhouse.model import PackageRow

USER, TOKEN = "<your_username>", "<your_access_token>"
REALM = "GitLab Packages Registry"  # sbt and Ivy look a login up by the realm of the challenge

CREDENTIALS = """\
realm={realm}
host={host}
user={user}
password={token}"""

SETUP = """\
resolvers += {repository}
credentials += Credentials(Path.userHome / ".sbt" / ".credentials")"""

IVY_SETTINGS = """\
<ivysettings>
  <settings defaultResolver="packhouse"/>
  <credentials host="{host}" realm="{realm}" username="{user}" passwd="{token}"/>
  <property name="base" value="{here}/[organisation]/[module]/(scala_[scalaVersion]/)(sbt_[sbtVersion]/)[revision]/[type]s"/>
  <resolvers>
    <url name="packhouse">
      <ivy pattern="${{base}}/[artifact](-[classifier]).[ext]"/>
      <artifact pattern="${{base}}/[artifact](-[classifier]).[ext]"/>
    </url>
  </resolvers>
</ivysettings>"""

IVY_DEPENDENCY = '<dependency org="{group}" name="{module}" rev="{version}"/>'
IVY_PUBLISH = 'ivy -settings ivysettings.xml -publish packhouse -publishpattern "out/[artifact].[ext]" -revision 1.0.0'

# As a file of its own it holds for every project of the build.
JOB_BUILD = """\
ThisBuild / publishTo := Some({repository})
ThisBuild / credentials += Credentials("{realm}", "{host}", "gitlab-ci-token", sys.env("CI_JOB_TOKEN"))"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to depend on the package, set the clients up for this scope, and publish to this project."""
    here = moment.here
    parts = urlsplit(here)
    insecure = ".withAllowInsecureProtocol(true)" if parts.scheme == "http" else ""
    plain, ivy = f'"packhouse" at "{here}"', f'Resolver.url("packhouse-ivy", url("{here}"))(Resolver.ivyStylePatterns)'
    values = {
        "here": here, "host": parts.hostname or "", "realm": REALM, "user": USER, "token": TOKEN,
        "repository": f"({plain}){insecure}" if insecure else plain, "ivy": ivy + insecure,
    }  # fmt: skip
    return (*install(package, values), *setup(values), *(publish(values) if moment.level == "project" else ()))


def install(package: PackageRow | None, values: dict[str, str]) -> Sequence[Snippet]:
    group, module, version = coordinates(package)
    ivy = IVY_DEPENDENCY.format(group=group, module=module, version=version)
    login = f'--credentials "{values["host"]} {USER}:{TOKEN}"'
    found = [Snippet(client="sbt", kind="install", language="scala", title="Dependency for sbt", text=write_dependency(package))]
    if package is None or names.is_ivy(package.name):
        found.append(Snippet(client="ivy", kind="install", language="xml", title="Dependency for Ivy", text=ivy))
    if package is None or not names.is_ivy(package.name):
        fetch = f"cs fetch -r {values['here']} {login} {group}:{module}:{version}"
        found.append(Snippet(client="coursier", kind="install", language="shell", title="Fetch with Coursier", text=fetch))
    return found


def write_dependency(package: PackageRow | None) -> str:
    """A plugin of sbt is added as one: sbt completes its name by itself."""
    group, module, version = coordinates(package)
    plugin = names.read_plugin(package.name) if package else ""
    return f'addSbtPlugin("{group}" % "{plugin}" % "{version}")' if plugin else f'libraryDependencies += "{group}" % "{module}" % "{version}"'


def setup(values: dict[str, str]) -> Sequence[Snippet]:
    ivy = f"resolvers += {values['ivy']}"
    return (
        Snippet(client="sbt", kind="setup", language="ini", title="~/.sbt/.credentials", text=CREDENTIALS.format(**values)),
        Snippet(client="sbt", kind="setup", language="scala", title="Repository for build.sbt", text=SETUP.format(**values)),
        Snippet(client="sbt", kind="setup", language="scala", title="The same in Ivy's layout", text=ivy),
        Snippet(client="ivy", kind="setup", language="xml", title="ivysettings.xml", text=IVY_SETTINGS.format(**values)),
    )


def publish(values: dict[str, str]) -> Sequence[Snippet]:
    ivy = f"publishMavenStyle := false\npublishTo := Some({values['ivy']})"
    upload = f'curl --fail-with-body --user "{USER}:{TOKEN}" --upload-file lib.jar "{values["here"]}/com.example/lib/1.0.0/jars/lib.jar"'
    return (
        Snippet(client="sbt", kind="setup", language="scala", title="packhouse.sbt in a job", text=JOB_BUILD.format(**values)),
        Snippet(client="sbt", kind="publish", language="scala", title="Target for build.sbt", text=f"publishTo := Some({values['repository']})"),
        Snippet(client="sbt", kind="publish", language="scala", title="The same in Ivy's layout", text=ivy),
        Snippet(client="sbt", kind="publish", language="shell", title="Publish", text="sbt publish"),
        Snippet(client="ivy", kind="publish", language="shell", title="Publish with Ivy", text=IVY_PUBLISH),
        Snippet(client="curl", kind="publish", language="shell", title="Upload a file", text=upload),
        Snippet(client="sbt", kind="publish", language="shell", title="Publish from a job", text="sbt publish"),
    )


def coordinates(package: PackageRow | None) -> tuple[str, str, str]:
    """Organisation, module and revision, of the newest version."""
    if package is None:
        return "com.example", "my-library_2.13", "1.0.0"
    version = max((row.version for row in package.versions), key=names.version_key, default="1.0.0")
    if names.is_ivy(package.name):
        organisation, _, module = package.name.partition("#")
        return organisation, module.partition("/")[0], version
    return group_of(package.name), package.name.rpartition("/")[2], version
