"""dnf and zypper in folders of their own: repositories, keys, caches, and what they believe is installed; rpmbuild on small specs. No root needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from programs import Desk, Run

FOLDERS = ("cache", "log", "persist", "repos", "vars", "root", "plugins")
SPEC = """\
Name: {name}
Version: {version}
Release: {release}
Summary: A <toy> & more
License: MIT
{head}
%description
Of more
than one line.
%prep
%build
%install
mkdir -p %{{buildroot}}/usr/bin %{{buildroot}}/etc/{name} %{{buildroot}}/usr/share/{name}
echo 'echo {name} {version}' > %{{buildroot}}/usr/bin/{name}
echo setting > %{{buildroot}}/etc/{name}/settings
echo data > %{{buildroot}}/usr/share/{name}/data
%files
%attr(0755,root,root) /usr/bin/{name}
%config /etc/{name}/settings
/usr/share/{name}
%ghost /var/log/{name}.log
%changelog
* Mon Nov 23 2026 Zoë Ünsal <zoe@mail.example> - 1.0-2
- the second of a day
* Mon Nov 23 2026 Zoë Ünsal <zoe@mail.example> - 1.0-1
- the first of a day
"""


def write_spec(path: Path, name: str, version: str, *head: str, release: str = "1") -> None:
    """What rpmbuild makes a package for every architecture from; `head` are further lines of its head."""
    path.write_text(SPEC.format(name=name, version=version, release=release, head="\n".join(["BuildArch: noarch", *head])))


def build_package(desk: Desk, folder: Path, name: str, version: str, *head: str, release: str = "1", source: bool = False) -> Path:
    """A package with a program, a setting and a folder, made by rpmbuild from such a spec."""
    top = folder / "rpmbuild" / f"{name}-{version}-{release}"
    top.mkdir(parents=True, exist_ok=True)
    write_spec(top / "toy.spec", name, version, *head, release=release)
    desk.run("rpmbuild", "-bs" if source else "-bb", "--define", f"_topdir {top}", top / "toy.spec", cwd=top)
    return next(top.glob("SRPMS/*.rpm" if source else "RPMS/noarch/*.rpm"))


def make_dnf(root: Path) -> list[str]:
    """A machine that dnf knows nothing of but the repositories in its folder `repos`; the options that keep dnf there."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    named = {
        "cachedir": "cache", "logdir": "log", "persistdir": "persist", "reposdir": "repos", "varsdir": "vars", "pluginconfpath": "plugins",
    }  # fmt: skip
    settings = [f"--setopt={name}={root / folder}" for name, folder in named.items()]
    return [
        "-y",
        f"--installroot={root / 'root'}",
        "--releasever=1",
        "--setopt=install_weak_deps=True",
        "--setopt=retries=1",
        "--setopt=skip_if_unavailable=False",
        *settings,
    ]


class Dnf:
    """dnf on a machine of its own."""

    def __init__(self, desk: Desk, root: Path) -> None:
        self.desk, self.root = desk, root
        self.options = make_dnf(root)

    def add(self, repository: str, *lines: str) -> None:
        """A file for its repositories."""
        path = self.root / "repos" / f"{len(list((self.root / 'repos').iterdir()))}.repo"
        path.write_text("\n".join([repository.rstrip("\n"), *lines, ""]))

    def run(self, *arguments: str, status: int | None = 0, refresh: bool = True) -> Run:
        options = [*self.options, *(["--refresh"] if refresh else [])]
        return self.desk.run("dnf", *options, *arguments, cwd=self.root, status=status)

    def query(self, *arguments: str) -> Sequence[str]:
        """The lines of a `repoquery`."""
        return self.run("--quiet", "repoquery", *arguments).out.split("\n")[:-1]


class Zypper:
    """zypper on a machine of its own."""

    def __init__(self, desk: Desk, root: Path) -> None:
        self.desk, self.root = desk, root
        root.mkdir(parents=True)

    def run(self, *arguments: str, status: int | None = 0, keys: str = "--gpg-auto-import-keys") -> Run:
        return self.desk.run("zypper", "--non-interactive", "--root", self.root, keys, *arguments, cwd=self.root, status=status)
