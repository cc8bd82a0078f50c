"""How nuget.exe and the .NET SDK pack, push and install: one class for each, and the settings file they share."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import quoteattr

from programs import INSTALLED, Desk, Run
from stand import Login, Stand, Team

OPENSSL = INSTALLED / "openssl" / "lib"
PATIENCE = 200  # seconds: the first push of a fresh home has been seen to take one minute

# -- sources -----------------------------------------------------------------------------------------------------------


def project_source(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/nuget/index.json"


def path_source(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/projects/{team.encoded_path}/packages/nuget/index.json"


def group_source(stand: Stand, team: Team) -> str:
    return f"{stand.url}/api/v4/groups/{team.group['id']}/-/packages/nuget/index.json"


def old_source(stand: Stand, team: Team) -> str:
    """The v2 feed."""
    return f"{stand.url}/api/v4/projects/{team.project['id']}/packages/nuget/v2"


def write_config(folder: Path, source: str, login: Login | None) -> Path:
    """A nuget.config with this one source, called `toy`."""
    folder.mkdir(parents=True, exist_ok=True)
    version = ' protocolVersion="3"' if source.endswith(".json") else ""
    credentials = ""
    if login is not None:
        credentials = (
            f'<packageSourceCredentials><toy><add key="Username" value={quoteattr(login.user)}/>'
            f'<add key="ClearTextPassword" value={quoteattr(login.token)}/></toy></packageSourceCredentials>'
        )
    config = folder / "nuget.config"
    config.write_text(
        f'<?xml version="1.0" encoding="utf-8"?><configuration><packageSources><clear/><add key="toy" value={quoteattr(source)}{version}/>'
        f"</packageSources>{credentials}</configuration>"
    )
    return config


# -- nuget.exe ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NugetExe:
    """nuget.exe on Mono, with a home and caches of its own."""

    desk: Desk

    def run(self, *arguments: str | Path, cwd: Path, status: int | None = 0) -> Run:
        home = self.desk.home
        env = {"NUGET_PACKAGES": str(home / "packages"), "NUGET_HTTP_CACHE_PATH": str(home / "http")}
        return self.desk.run("nuget.exe", *arguments, "-NonInteractive", cwd=cwd, env=env, status=status, timeout=PATIENCE)

    def pack(self, folder: Path, name: str, version: str, dependencies: Mapping[str, str] | None = None, text: str = "toy\n") -> Path:
        """A package of one file, packed by nuget.exe."""
        (folder / "content").mkdir(parents=True, exist_ok=True)
        (folder / "content" / f"{name}.txt").write_text(text)
        needed = "".join(f'<dependency id="{id_}" version="{wanted}"/>' for id_, wanted in (dependencies or {}).items())
        nuspec = folder / f"{name}.nuspec"
        nuspec.write_text(
            f'<?xml version="1.0"?><package><metadata><id>{name}</id><version>{version}</version><authors>Tester</authors>'
            f"<description>A small package</description><dependencies>{needed}</dependencies></metadata>"
            '<files><file src="content/**" target="content"/></files></package>'
        )
        self.run("pack", nuspec, cwd=folder)
        return next(folder.glob(f"{name}.{version}.nupkg"))

    def push(self, package: Path, source: str, key: str, login: Login | None = None, status: int | None = 0) -> Run:
        config = write_config(package.parent, source, login)
        return self.run("push", package, key, "-Source", "toy", "-ConfigFile", config, cwd=package.parent, status=status)

    def install(self, folder: Path, source: str, login: Login | None, name: str, *options: str, status: int | None = 0) -> list[str]:
        """What lies in the folder afterwards: `Name.1.0.0`."""
        config = write_config(folder, source, login)
        out = folder / "packages"
        self.run("install", name, *options, "-ConfigFile", config, "-OutputDirectory", out, "-NoCache", "-DirectDownload", cwd=folder, status=status)
        return sorted(path.name for path in out.iterdir()) if out.exists() else []


# -- the .NET SDK ------------------------------------------------------------------------------------------------------

DOTNET = {
    "LD_LIBRARY_PATH": str(OPENSSL),
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
    "DOTNET_NOLOGO": "1",
    "MSBUILDDISABLENODEREUSE": "1",  # else a build server outlives the test
    "UseSharedCompilation": "false",
}


@dataclass(frozen=True, slots=True)
class Dotnet:
    """The .NET SDK, which wants an OpenSSL that Debian has no more, and no language data."""

    desk: Desk

    def run(self, *arguments: str | Path, cwd: Path, status: int | None = 0) -> Run:
        return self.desk.run("dotnet", *arguments, cwd=cwd, env=DOTNET, status=status, timeout=PATIENCE)

    def pack(self, folder: Path, name: str, version: str) -> tuple[Path, Path]:
        """A library and its symbols, compiled and packed."""
        folder.mkdir(parents=True)
        write_project(
            folder / f"{name}.csproj",
            f"<Version>{version}</Version><Authors>Tester</Authors><Description>A small library</Description><IncludeSymbols>true</IncludeSymbols>"
            "<SymbolPackageFormat>snupkg</SymbolPackageFormat>",
        )
        (folder / "Lib.cs").write_text("namespace Toy { public static class Lib { public static int Value => 42; } }\n")
        write_config(folder, "http://127.0.0.1:9/index.json", None)  # nothing is to be restored
        self.run("pack", "-o", "out", cwd=folder)
        return folder / "out" / f"{name}.{version}.nupkg", folder / "out" / f"{name}.{version}.snupkg"

    def push(self, package: Path, source: str, key: str, login: Login | None = None, *options: str, status: int | None = 0) -> Run:
        write_config(package.parent, source, login)
        return self.run("nuget", "push", package, "--source", "toy", "--api-key", key, *options, cwd=package.parent, status=status)

    def restore(self, folder: Path, source: str, login: Login | None, name: str, wanted: str, status: int | None = 0) -> list[str]:
        """The packages that a project got: `toy/1.0.0`."""
        write_config(folder, source, login)
        write_project(folder / "App.csproj", "<OutputType>Exe</OutputType><UseAppHost>false</UseAppHost>", f'Include="{name}" Version="{wanted}"')
        self.run("restore", "--no-cache", "--packages", folder / "packages", cwd=folder, status=status)
        return sorted(f"{path.parent.name}/{path.name}" for path in (folder / "packages").glob("*/*"))


def write_project(path: Path, properties: str, reference: str = "") -> None:
    items = f"<ItemGroup><PackageReference {reference}/></ItemGroup>" if reference else ""
    path.write_text(
        f'<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>netcoreapp3.1</TargetFramework>{properties}</PropertyGroup>'
        f"{items}</Project>"
    )


# -- packages in bulk --------------------------------------------------------------------------------------------------


def make_package(name: str, version: str) -> bytes:
    """A package without a packer, for tests that want many."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            f"{name}.nuspec",
            f'<?xml version="1.0"?><package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"><metadata><id>{name}</id>'
            f"<version>{version}</version><authors>Tester</authors><description>One of many</description></metadata></package>",
        )
        archive.writestr("[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>')
    return out.getvalue()


def send_package(stand: Stand, team: Team, login: Login, content: bytes) -> None:
    """Publish it as `curl --form package=@file` does. Raises `AssertionError`."""
    body = b'--cut\r\nContent-Disposition: form-data; name="package"; filename="package.nupkg"\r\n\r\n' + content + b"\r\n--cut--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=cut", "X-NuGet-ApiKey": login.token}
    stand.http.request("PUT", f"/api/v4/projects/{team.project['id']}/packages/nuget", body, headers).expect(201)
