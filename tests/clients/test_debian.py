"""apt against a running server: what a machine does with packages that curl has uploaded."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from apt_clients import Apt
from programs import Desk, Run
from stand import Login, Stand, Team

Json = Mapping[str, object]
MAINTAINER = "Zoë Ünsal <zoe@mail.example>"


class Shop:
    """A project with a distribution, and a builder of real packages."""

    def __init__(self, stand: Stand, team: Team, desk: Desk, folder: Path) -> None:
        self.stand, self.team, self.desk, self.folder = stand, team, desk, folder
        self.distribution = self.create("projects", team.project["id"], codename="bookworm", suite="stable", origin="Shop", label="Shop")

    def create(self, where: str, place: int, **values: object) -> Json:
        """A distribution of a project or group, made by a developer."""
        dash = "" if where == "projects" else "/-"
        made: Json = self.stand.want(201, "POST", f"/{where}/{place}{dash}/debian_distributions", values, token=self.team.developer.token)
        return made

    def key(self, where: str = "projects") -> str:
        place, dash = (self.team.project["id"], "") if where == "projects" else (self.team.group["id"], "/-")
        answer = self.stand.api("GET", f"/{where}/{place}{dash}/debian_distributions/bookworm/key.asc", token=self.team.developer.token)
        return answer.expect(200).text

    @property
    def base(self) -> str:
        return f"{self.stand.url}/api/v4/projects/{self.team.project['id']}/packages/debian"

    def build(self, name: str, version: str, architecture: str = "amd64", **fields: str) -> Path:
        """A package with one file in it, made by dpkg-deb."""
        tree = self.folder / "trees" / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/share" / name).mkdir(parents=True)
        (tree / "usr/share" / name / "hello").write_text(f"{name} {version}\n")
        said = {"Package": name, "Version": version, "Architecture": architecture, "Maintainer": MAINTAINER, **fields}
        control = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in said.items())
        (tree / "DEBIAN/control").write_text(f"{control}Description: a toy\n Of more\n .\n than one line.\n")
        out = self.folder / "built"
        out.mkdir(exist_ok=True)
        self.desk.run("dpkg-deb", "--root-owner-group", "--build", tree, out, cwd=self.folder)
        return next(out.glob(f"{name}_{version.rpartition(':')[2]}_*.deb"))

    def upload(self, file: Path, status: int = 201, login: Login | None = None) -> None:
        """Send it with curl, which adds its name to the address."""
        login = login or self.team.writer
        url = f"{self.base}/?distribution=bookworm&component=main"
        command = ["--silent", "--user", f"{login.user}:{login.token}", "--upload-file", str(file), "--write-out", "%{http_code}", url]
        done = self.desk.run("curl", *command, cwd=self.folder)
        assert done.out[-3:] == str(status), done.out

    def publish(self, name: str, version: str, architecture: str = "amd64", **fields: str) -> None:
        self.upload(self.build(name, version, architecture, **fields))

    def apt(self, base: str = "", key: str = "", login: Login | None = None, **more: str) -> Apt:
        """A machine that reads the project with a deploy token."""
        root = self.folder / f"machine-{len(list(self.folder.glob('machine-*')))}"
        return Apt(self.desk, root, base or self.base, key or self.key(), login or self.team.reader, **more)


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    return Shop(stand, team, desk, tmp_path)


def test_update_and_install(shop: Shop) -> None:
    """apt could refuse the signature or a list, not find what a package needs, or get other bytes."""
    shop.publish("lib-all", "1:2.0~rc1+b1-1", "all")
    shop.publish("app++", "1.0", Depends="lib-all (>= 1:2.0~)")
    apt = shop.apt()
    said = apt.update().said
    assert "W:" not in said and "E:" not in said, said
    assert apt.download("app++") == {"app++_1.0_amd64.deb", "lib-all_1%3a2.0~rc1+b1-1_all.deb"}
    shop.desk.run("dpkg-deb", "-x", apt.root / "var/cache/apt/archives/app++_1.0_amd64.deb", "unpacked", cwd=shop.folder)
    assert (shop.folder / "unpacked/usr/share/app++/hello").read_text() == "app++ 1.0\n"


def test_upgrade(shop: Shop) -> None:
    """A machine could keep an old version."""
    shop.publish("app", "1.0~beta")
    apt = shop.apt()
    apt.update()
    apt.install("app", "1.0~beta")
    assert apt.download(verb="upgrade") == set()
    shop.publish("app", "1.0")
    apt.update()
    assert apt.download(verb="upgrade") == {"app_1.0_amd64.deb"}


def test_suite_and_architectures(shop: Shop) -> None:
    """A source that names the suite, or a machine of another architecture, could see nothing or too much."""
    shop.publish("here", "1.0")
    shop.publish("there", "1.0", "arm64")
    apt = shop.apt(suite="stable")
    apt.update()
    assert apt.download("here") == {"here_1.0_amd64.deb"}
    apt.run("install", "--download-only", "there", status=100)


def test_wrong_key(shop: Shop) -> None:
    """A machine could take lists that somebody else has signed."""
    shop.publish("app", "1.0")
    shop.create("groups", shop.team.group["id"], codename="bookworm")
    said = shop.apt(key=shop.key("groups")).update(100).said
    assert "NO_PUBKEY" in said, said


def test_without_credential(shop: Shop) -> None:
    """Lists of a private project could be read by anybody, or a stranger be told something else than that."""
    shop.publish("app", "1.0")
    apt = shop.apt()
    (apt.root / "etc/apt/auth.conf.d/packhouse.conf").unlink()
    assert "401" in apt.update(100).said


def test_tampered_list(shop: Shop) -> None:
    """A list that was changed on its way could be taken."""
    shop.publish("app", "1.0")
    copy = shop.folder / "copy"
    for path in ("InRelease", "main/binary-amd64/Packages.xz"):
        answer = shop.stand.api("GET", f"/projects/{shop.team.project['id']}/packages/debian/dists/bookworm/{path}")
        target = copy / "dists/bookworm" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(answer.expect(200).body)
    shop.apt(copy.as_uri()).update()
    packages = copy / "dists/bookworm/main/binary-amd64/Packages.xz"
    packages.write_bytes(lzma.compress(lzma.decompress(packages.read_bytes()).replace(b"Version: 1.0", b"Version: 9.0")))
    assert "Hash Sum mismatch" in shop.apt(copy.as_uri()).update(100).said


def test_group(shop: Shop) -> None:
    """A group could miss what one of its projects has, or name a file where it is not."""
    shop.create("groups", shop.team.group["id"], codename="bookworm", architectures=["amd64"])
    shop.publish("app", "1.0")
    base = f"{shop.stand.url}/api/v4/groups/{shop.team.group['id']}/-/packages/debian"
    apt = shop.apt(base, shop.key("groups"), shop.team.reporter)
    apt.update()
    assert apt.download("app") == {"app_1.0_amd64.deb"}


def test_as_of(shop: Shop) -> None:
    """A machine built for last week could get what came since."""
    shop.publish("app", "1.0")
    files = shop.stand.list_packages(shop.team.project)
    time = str(files[0]["created_at"])
    shop.publish("app", "2.0")
    apt = shop.apt(shop.base.replace("/packages/", f"/-/at/{time.replace('Z', '999Z')}/packages/"))
    apt.update()
    assert apt.download("app") == {"app_1.0_amd64.deb"}


def test_lists_are_those_of_a_reference(shop: Shop) -> None:
    """A list could say something else of a package than Debian's own program would."""
    for name, version, architecture, more in (
        ("one", "1.0", "amd64", {"Depends": "two (>= 1),\n three | four"}), ("two", "2:1.0-3", "all", {"Source": "origin (1.0-3)"}),
        ("lib3", "0~1", "amd64", {"Multi_Arch": "same", "Homepage": "https://site.example/"}),
    ):  # fmt: skip
        shop.publish(name, version, architecture, **more)
    reference = shop.desk.run("apt-ftparchive", "packages", ".", cwd=shop.folder / "built").out
    path = f"/projects/{shop.team.project['id']}/packages/debian/dists/bookworm/main/binary-amd64/Packages.gz"
    ours = gzip.decompress(shop.stand.api("GET", path).expect(200).body).decode()
    assert paragraphs(ours) == paragraphs(reference)


def make_upload(shop: Shop, version: str = "1.0-1", section: str = "utils") -> Path:
    """The files of a build of a source package, and its .changes, made by dpkg's own tools."""
    folder = shop.folder / "source"
    tree = folder / "toy-1.0"
    if not tree.exists():
        (tree / "debian/source").mkdir(parents=True)
        (tree / "hello").write_text("hello\n")
        (tree / "debian/source/format").write_text("3.0 (quilt)\n")
        (tree / "debian/rules").write_text("#!/usr/bin/make -f\n%:\n\ttrue\n")
        shop.desk.run("dpkg-deb", "--version", cwd=folder)
        subprocess.run(["tar", "--exclude=debian", "-czf", "toy_1.0.orig.tar.gz", "toy-1.0"], cwd=folder, check=True)
    entry = f"toy ({version}) bookworm; urgency=medium\n\n  * {version}.\n\n -- {MAINTAINER}  Mon, 23 Nov 2026 10:00:00 +0000\n\n"
    log = tree / "debian/changelog"
    log.write_text(entry + (log.read_text() if log.exists() else ""))
    (tree / "debian/control").write_text(
        f"Source: toy\nSection: {section}\nPriority: optional\nMaintainer: {MAINTAINER}\nStandards-Version: 4.6.2\n\n"
        "Package: toy\nArchitecture: all\nDescription: a toy\n Long.\n"
    )
    (tree / "debian/toy/DEBIAN").mkdir(parents=True, exist_ok=True)
    (tree / "debian/files").unlink(missing_ok=True)
    shop.desk.run("dpkg-source", "-b", ".", cwd=tree)
    subprocess.run(["dpkg-gencontrol", "-Pdebian/toy", "-ptoy"], cwd=tree, check=True, capture_output=True)
    shop.desk.run("dpkg-deb", "--root-owner-group", "--build", "debian/toy", "..", cwd=tree)
    changes = folder / f"toy_{version}_amd64.changes"
    changes.write_text(shop.desk.run("dpkg-genchanges", cwd=tree).out)
    return changes


def dput(shop: Shop, changes: Path, status: int | None = 0) -> Run:
    """Send an upload with dput; the configuration is what our page shows."""
    login, where = shop.team.writer, f"/api/v4/projects/{shop.team.project['id']}/packages/debian"
    (shop.desk.home / ".dput.cf").write_text(
        f"[shop]\nmethod = http\nfqdn = {shop.stand.host}\nlogin = {login.user}\nincoming = {where}\nallow_unsigned_uploads = 1\n"
        "run_dinstall = 0\nprogress_indicator = 0\n"
    )
    return shop.desk.run("dput", "--force", "shop", changes, cwd=changes.parent, status=status, stdin=f"{login.token}\n".encode())


def test_dput_and_source(shop: Shop) -> None:
    """A build could not be sent with dput, be seen before it is complete, or apt not get its source."""
    changes = make_upload(shop)
    dput(shop, changes)
    apt = shop.apt(types="deb deb-src")
    apt.update()
    assert apt.download("toy") == {"toy_1.0-1_all.deb"}
    apt.run("source", "--download-only", "toy", folder=shop.folder)
    assert {path.name for path in shop.folder.glob("toy_1.0*")} == {"toy_1.0-1.dsc", "toy_1.0.orig.tar.gz", "toy_1.0-1.debian.tar.xz"}
    [package] = shop.stand.list_packages(shop.team.project)
    assert (package["name"], package["version"]) == ("toy", "1.0-1")
    dput(shop, changes)  # a retry
    dput(shop, make_upload(shop, "1.0-2"))  # brings its own code, and not that of upstream
    apt.update()
    for old in shop.folder.glob("toy_1.0*"):
        old.unlink()
    apt.run("source", "--download-only", "toy", folder=shop.folder)
    assert {path.name for path in shop.folder.glob("toy_1.0*")} == {"toy_1.0-2.dsc", "toy_1.0.orig.tar.gz", "toy_1.0-2.debian.tar.xz"}


def test_sources_are_those_of_a_reference(shop: Shop) -> None:
    """A list of sources could say something else than Debian's own program would."""
    dput(shop, make_upload(shop))
    reference = shop.desk.run("apt-ftparchive", "sources", ".", cwd=shop.folder / "source").out
    path = f"/projects/{shop.team.project['id']}/packages/debian/dists/bookworm/main/source/Sources"
    [ours], [theirs] = paragraphs(shop.stand.api("GET", path).expect(200).text), paragraphs(reference)
    assert (ours.pop("Section"), ours.pop("Priority")) == ("utils", "optional")  # as the .changes has it, which that program does not read
    for fields in (ours, theirs):
        fields.pop("Directory", None)
        fields.pop("Checksums-Sha512", None)
        for name in ("Files", "Checksums-Sha1", "Checksums-Sha256"):
            fields[name] = "\n".join(sorted(line.strip() for line in fields[name].splitlines()))
    assert ours == theirs


def test_incomplete_upload(shop: Shop) -> None:
    """Some files of a build that failed on its way could be published."""
    changes = make_upload(shop)
    deb = next(changes.parent.glob("*.deb"))
    base = f"/projects/{shop.team.project['id']}/packages/debian"
    for file in (*changes.parent.glob("*.dsc"), *changes.parent.glob("*.tar.*")):
        shop.stand.api("PUT", f"{base}/{file.name}", body=file.read_bytes()).expect(201)
    said = shop.stand.api("PUT", f"{base}/{changes.name}", body=changes.read_bytes()).expect(400).text
    assert f"{deb.name} was not sent" in said
    assert shop.stand.list_packages(shop.team.project) == []
    for path in ("main/source/Sources", "main/binary-amd64/Packages"):
        assert shop.stand.api("GET", f"{base}/dists/bookworm/{path}").expect(200).body == b""


def paragraphs(text: str) -> list[dict[str, str]]:
    """The fields of each paragraph that do not tell where the file is, by name."""
    found = []
    for paragraph in text.strip().split("\n\n"):
        fields: dict[str, str] = {}
        for line in paragraph.split("\n"):
            name, _, value = line.partition(":")
            if line.startswith(" "):
                fields[next(reversed(fields))] += f"\n{line}"
            else:
                fields[name] = value.strip()
        found.append({name: value for name, value in fields.items() if name not in ("Filename", "SHA512")})
    return sorted(found, key=lambda fields: fields["Package"])
