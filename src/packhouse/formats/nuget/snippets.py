"""What to paste for dotnet, nuget.exe, Chocolatey and a nuget.config. One source alone: a name must not be looked for in two places."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote
from xml.sax.saxutils import escape

from packhouse.contract import Imported, Moment, Sending, Snippet, Transfer
from packhouse.formats.nuget import names
from packhouse.model import PackageRow

TOKEN = "<your_access_token>"

CONFIG = """\
<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <packageSources>
    <clear />
    <add key="packhouse" value="{source}" protocolVersion="3" />
  </packageSources>
  <packageSourceCredentials>
    <packhouse>
      <add key="Username" value="token" />
      <add key="ClearTextPassword" value="{token}" />
    </packhouse>
  </packageSourceCredentials>
</configuration>"""

ADD_SOURCE = 'dotnet nuget add source "{source}" --name packhouse --username token --password "{token}" --store-password-in-clear-text'

# One by one: some SDKs end a push of `*.nupkg` with an error where there are no symbols.
JOB = """\
dotnet pack --configuration Release --output dist
for package in dist/*.nupkg; do
  dotnet nuget push "$package" --source "{source}" --api-key "$CI_JOB_TOKEN"
done"""


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to install the package from this scope, set the clients up, and publish to this project."""
    name, version = "My.Package", ""
    if package is not None:
        name = package.name
        version = max((row.version for row in package.versions), key=names.version_key, default="")
    source = f"{moment.here}/index.json"
    return (*install(name, version), *setup(source), *(publish(moment.here) if moment.level == "project" else ()))


def install(name: str, version: str) -> Sequence[Snippet]:
    of = f" --version {version}" if version else ""
    old = f" -Version {version}" if version else ""
    reference = f'<PackageReference Include="{escape(name)}" Version="{escape(version or "1.0.0")}" />'
    return (
        Snippet(client="dotnet", kind="install", language="shell", title="Add with dotnet", text=f"dotnet add package {name}{of}"),
        Snippet(client="dotnet", kind="install", language="xml", title="Project file", text=reference),
        Snippet(
            client="nuget", kind="install", language="shell", title="Install with nuget.exe", text=f"nuget install {name}{old} -Source packhouse"
        ),
    )


def setup(source: str) -> Sequence[Snippet]:
    config = CONFIG.format(source=escape(source), token=TOKEN)
    return (
        Snippet(client="dotnet", kind="setup", language="xml", title="nuget.config", text=config),
        Snippet(client="dotnet", kind="setup", language="shell", title="Source for dotnet", text=ADD_SOURCE.format(source=source, token=TOKEN)),
    )


def publish(here: str) -> Sequence[Snippet]:
    source = f"{here}/index.json"
    dotnet = f'dotnet nuget push My.Package.1.0.0.nupkg --source "{source}" --api-key "{TOKEN}"'
    old = f'nuget push My.Package.1.0.0.nupkg "{TOKEN}" -Source "{source}"'
    choco = f'choco push My.Package.1.0.0.nupkg --source "{here}/v2" --api-key "{TOKEN}"'
    return (
        Snippet(client="dotnet", kind="publish", language="shell", title="Push with dotnet", text=dotnet),
        Snippet(client="nuget", kind="publish", language="shell", title="Push with nuget.exe", text=old),
        Snippet(client="choco", kind="publish", language="shell", title="Push with Chocolatey", text=choco),
        Snippet(client="dotnet", kind="publish", language="shell", title="Push from a job", text=JOB.format(source=source)),
    )


# -- the same for `packhouse import` -----------------------------------------------------------------------------------


def path_of(file: Imported) -> str:
    """Nothing for symbols, which are at no address of their own."""
    parts = ("download", *(quote(part.lower(), safe="") for part in (file.name, file.version, file.file_name)))
    return "/".join(parts) if file.file_name.endswith(".nupkg") else ""


TRANSFER = Transfer(fetch=path_of, publish=lambda file: Sending(method="PUT", tail="", part="package"))
