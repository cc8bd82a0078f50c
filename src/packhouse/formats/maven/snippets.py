"""What to paste for mvn, Gradle and sbt."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from packhouse.contract import Imported, Moment, Sending, Snippet, Transfer
from packhouse.maven2 import names
from packhouse.model import PackageRow

TOKEN = "<your_access_token>"
ID = "packhouse"
REALM = "GitLab Packages Registry"  # sbt looks a login up by the realm of the challenge

SETTINGS = """\
<settings>
  <servers>
    <server>
      <id>{id}</id>
      <configuration>
        <httpHeaders>
          <property>
            <name>{header}</name>
            <value>{token}</value>
          </property>
        </httpHeaders>
      </configuration>
    </server>
  </servers>
</settings>"""

REPOSITORIES = """\
<repositories>
  <repository>
    <id>{id}</id>
    <url>{url}</url>
  </repository>
</repositories>"""

DISTRIBUTION = """\
<distributionManagement>
  <repository>
    <id>{id}</id>
    <url>{url}</url>
  </repository>
  <snapshotRepository>
    <id>{id}</id>
    <url>{url}</url>
  </snapshotRepository>
</distributionManagement>"""

# The word in the middle is for plugins before version 3, which do not know an address without it.
JOB = "mvn --batch-mode --settings ci_settings.xml deploy -DaltDeploymentRepository={id}::default::{url}"

DEPENDENCY = """\
<dependency>
  <groupId>{group}</groupId>
  <artifactId>{artifact}</artifactId>
  <version>{version}</version>
</dependency>"""

GRADLE = """\
maven {{
    url "{url}"
    name "{id}"
    credentials(HttpHeaderCredentials) {{
        name = "Private-Token"
        value = "{token}"
    }}
    authentication {{
        header(HttpHeaderAuthentication)
    }}
}}"""

KOTLIN = """\
maven {{
    url = uri("{url}")
    name = "{id}"
    credentials(HttpHeaderCredentials::class) {{
        name = "Private-Token"
        value = "{token}"
    }}
    authentication {{
        create("header", HttpHeaderAuthentication::class)
    }}
}}"""

GRADLE_PUBLISH = """\
publishing {{
    publications {{
        library(MavenPublication) {{
            from components.java
        }}
    }}
    repositories {{
{repository}
    }}
}}"""

SBT = """\
resolvers += "{id}" at "{url}"
credentials += Credentials("{realm}", "{host}", "<your_username>", "{token}")"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to depend on the package, set the clients up for this scope, and publish to this project."""
    url = moment.here
    return (*install(package, url), *setup(url), *(publish(url) if moment.level == "project" else ()))


def install(package: PackageRow | None, url: str) -> Sequence[Snippet]:
    group, artifact, version = coordinates(package)
    xml = DEPENDENCY.format(group=group, artifact=artifact, version=version)
    short = f"{group}:{artifact}:{version}"
    get = f"mvn dependency:get -Dartifact={short} -DremoteRepositories={ID}::::{url}"
    return (
        Snippet(client="mvn", kind="install", language="xml", title="Dependency for Maven", text=xml),
        Snippet(client="mvn", kind="install", language="shell", title="Fetch with Maven", text=get),
        Snippet(client="gradle", kind="install", language="groovy", title="Dependency for Gradle", text=f"implementation '{short}'"),
        Snippet(client="gradle", kind="install", language="kotlin", title="Dependency for Gradle (Kotlin)", text=f'implementation("{short}")'),
        Snippet(client="sbt", kind="install", language="scala", title="Dependency for sbt", text=sbt_dependency(group, artifact, version)),
    )


def sbt_dependency(group: str, artifact: str, version: str) -> str:
    return f'libraryDependencies += "{group}" % "{artifact}" % "{version}"'


def setup(url: str) -> Sequence[Snippet]:
    values = {"id": ID, "url": url, "token": TOKEN}
    settings = SETTINGS.format(header="Private-Token", **values)
    job = SETTINGS.format(header="Job-Token", **{**values, "token": "${CI_JOB_TOKEN}"})
    sbt = SBT.format(realm=REALM, host=urlsplit(url).hostname, **values)
    return (
        Snippet(client="mvn", kind="setup", language="xml", title="~/.m2/settings.xml", text=settings),
        Snippet(client="mvn", kind="setup", language="xml", title="ci_settings.xml in a job", text=job),
        Snippet(client="mvn", kind="setup", language="xml", title="Repository for pom.xml", text=REPOSITORIES.format(**values)),
        Snippet(client="gradle", kind="setup", language="groovy", title="Repository for build.gradle", text=GRADLE.format(**values)),
        Snippet(client="gradle", kind="setup", language="kotlin", title="Repository for build.gradle.kts", text=KOTLIN.format(**values)),
        Snippet(client="sbt", kind="setup", language="scala", title="Repository for build.sbt", text=sbt),
    )


def publish(url: str) -> Sequence[Snippet]:
    values = {"id": ID, "url": url, "token": TOKEN}
    indented = "\n".join(f"        {line}" for line in GRADLE.format(**values).splitlines())
    target = f'publishTo := Some("{ID}" at "{url}")'
    return (
        Snippet(client="mvn", kind="publish", language="xml", title="Target for pom.xml", text=DISTRIBUTION.format(**values)),
        Snippet(client="mvn", kind="publish", language="shell", title="Publish with Maven", text="mvn deploy"),
        Snippet(client="mvn", kind="publish", language="shell", title="Publish from a job", text=JOB.format(**values)),
        Snippet(client="gradle", kind="publish", language="groovy", title="Target for build.gradle", text=GRADLE_PUBLISH.format(repository=indented)),
        Snippet(client="gradle", kind="publish", language="shell", title="Publish with Gradle", text="gradle publish"),
        Snippet(client="sbt", kind="publish", language="scala", title="Target for build.sbt", text=target),
    )


def coordinates(package: PackageRow | None) -> tuple[str, str, str]:
    if package is None:
        return "com.example", "my-library", "1.0.0"
    version = max((row.version for row in package.versions), key=names.version_key, default="1.0.0")
    return names.group_of(package.name), package.name.rpartition("/")[2], version


# -- the same for `packhouse import` -----------------------------------------------------------------------------------


def path_of(file: Imported) -> str:
    """Nothing for what the registry writes itself."""
    made_here = file.file_name.startswith("maven-metadata.xml") or file.file_name.endswith((".md5", ".sha1", ".sha256", ".sha512"))
    return "" if made_here else quote(f"{file.name}/{file.version}/{file.file_name}")


TRANSFER = Transfer(fetch=path_of, publish=lambda file: Sending(method="PUT", tail=path_of(file)))
