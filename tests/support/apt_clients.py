"""apt in a folder of its own: its sources, keys, credentials, lists and cache, and what it believes is installed. No root needed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from programs import Desk, Run
from stand import Login

FOLDERS = (
    "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/auth.conf.d", "etc/apt/trusted.gpg.d", "etc/apt/keyrings",
    "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg", "var/log/apt",
)  # fmt: skip


def make_machine(root: Path) -> list[str]:
    """A folder with what apt expects, nothing installed; the options that keep apt below it, with no user to change to."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    status = root / "var/lib/dpkg/status"
    status.write_text("")
    named = {
        "Dir": root, "Dir::State::status": status, "APT::Architecture": "amd64", "APT::Sandbox::User": "root", "Debug::NoLocking": "1",
        "Acquire::Retries": "0", "Acquire::Languages": "none", "APT::Update::Error-Mode": "any",
    }  # fmt: skip
    return [part for name, value in named.items() for part in ("-o", f"{name}={value}")]


def make_source(folder: Path, name: str, version: str) -> Path:
    """A native source package with nothing to build, and its .changes, by dpkg's own tools."""
    tree = folder / "built" / "tree"
    (tree / "debian/source").mkdir(parents=True)
    entry = f"{name} ({version}) bookworm; urgency=medium\n\n  * {version}.\n\n -- Nobody <nobody@mail.example>  Mon, 23 Nov 2026 10:00:00 +0000\n"
    source = f"Source: {name}\nSection: utils\nPriority: optional\nMaintainer: Nobody <nobody@mail.example>\nStandards-Version: 4.6.2\n"
    for path, text in {
        "source/format": "3.0 (native)\n", "rules": "#!/usr/bin/make -f\n%:\n\ttrue\n", "changelog": entry,
        "control": f"{source}\nPackage: {name}-bin\nArchitecture: all\nDescription: a toy\n",
    }.items():  # fmt: skip
        (tree / "debian" / path).write_text(text)
    subprocess.run(["dpkg-source", "--compression=gzip", "-b", "."], cwd=tree, check=True, capture_output=True)
    done = subprocess.run(["dpkg-genchanges", "-S"], cwd=tree, check=True, capture_output=True, text=True)
    changes = folder / f"{name}_{version}_all.changes"
    changes.write_text(done.stdout)
    for file in (folder / "built").glob(f"{name}_*"):
        file.rename(folder / file.name)
    return changes


class Apt:
    """`apt-get` on a machine of its own, whose one source is a distribution at this address."""

    def __init__(self, desk: Desk, root: Path, base: str, key: str, login: Login | None, *, types: str = "deb", suite: str = "bookworm") -> None:
        self.desk, self.root = desk, root
        self.options = make_machine(root)
        key_file = root / "etc/apt/keyrings/packhouse.asc"
        key_file.write_text(key)
        if login is not None:
            line = f"machine {base} login {login.user} password {login.token}\n"
            (root / "etc/apt/auth.conf.d/packhouse.conf").write_text(line)
        source = f"Types: {types}\nURIs: {base}\nSuites: {suite}\nComponents: main\nSigned-By: {key_file}\n"
        (root / "etc/apt/sources.list.d/packhouse.sources").write_text(source)

    def run(self, *arguments: str, status: int | None = 0, folder: Path | None = None) -> Run:
        """`apt-get` with these arguments."""
        return self.desk.run("apt-get", *self.options, "-y", *arguments, cwd=folder or self.root, status=status)

    def update(self, status: int | None = 0) -> Run:
        return self.run("update", status=status)

    def download(self, *packages: str, verb: str = "install") -> set[str]:
        """The files that it would install."""
        archives = self.root / "var/cache/apt/archives"
        before = {path.name for path in archives.glob("*.deb")}
        self.run(verb, "--download-only", *packages)
        return {path.name for path in archives.glob("*.deb")} - before

    def install(self, name: str, version: str, architecture: str = "amd64") -> None:
        """Make it believe that this is installed."""
        said = f"Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: {version}\n"
        with (self.root / "var/lib/dpkg/status").open("a") as status:
            status.write(f"{said}Maintainer: nobody\nDescription: toy\n\n")
