"""dnf and zypper against a running server: what a machine does with packages that rpmbuild has made and curl has uploaded."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from programs import Desk
from rpm_clients import Dnf, Zypper, build_package
from stand import Login, Stand, Team

from packhouse.db.engine import now
from packhouse.model import write_time

REPO = "{http://linux.duke.edu/metadata/repo}"


class Shop:
    """A project with packages, and a builder of real ones."""

    def __init__(self, stand: Stand, team: Team, desk: Desk, folder: Path) -> None:
        self.stand, self.team, self.desk, self.folder = stand, team, desk, folder
        self.project = f"/projects/{team.project['id']}/packages/rpm"
        self.group = f"/groups/{team.group['id']}/-/packages/rpm"

    def build(self, name: str, version: str, *head: str, release: str = "1", source: bool = False) -> Path:
        return build_package(self.desk, self.folder, name, version, *head, release=release, source=source)

    def upload(self, file: Path, group: str = "", status: int = 201, login: Login | None = None) -> str:
        """Send it with curl, which adds its name to the address; what the server said."""
        login = login or self.team.writer
        url = f"{self.stand.url}/api/v4{self.project}/{group}"
        command = ["--silent", "--user", f"{login.user}:{login.token}", "--upload-file", str(file), "--write-out", "%{http_code}", url]
        done = self.desk.run("curl", *command, cwd=self.folder)
        assert done.out[-3:] == str(status), done.out
        return done.out[:-3]

    def publish(self, name: str, version: str, *head: str, release: str = "1", group: str = "", source: bool = False) -> None:
        self.upload(self.build(name, version, *head, release=release, source=source), group)

    def get(self, tail: str, base: str = "") -> bytes:
        return self.stand.api("GET", f"{base or self.project}/{tail}").expect(200).body

    def dnf(self, base: str = "", group: str = "", login: Login | None = None, **changed: str) -> Dnf:
        """A machine that reads the project as the file says that the server hands out, with a deploy token."""
        machine = Dnf(self.desk, self.folder / f"machine-{len(list(self.folder.glob('machine-*')))}")
        login = login or self.team.reader
        text = self.get(f"{group}repodata/repository.repo", base).decode()
        for old, new in changed.items():
            text = text.replace(f"{old}=", f"{old}={new}\n#")
        machine.add(text, f"username={login.user}", f"password={login.token}")
        return machine

    def copy(self) -> Path:
        """What clients read, in a folder: others may change it there."""
        folder = self.folder / "copy" / "repodata"
        folder.mkdir(parents=True)
        locations = ElementTree.fromstring(self.get("repodata/repomd.xml")).iter(f"{REPO}location")
        names = [location.attrib["href"].rpartition("/")[2] for location in locations]
        for name in ("repomd.xml", "repomd.xml.asc", "repomd.xml.key", *names):
            (folder / name).write_bytes(self.get(f"repodata/{name}"))
        return folder.parent

    def add_to_zypper(self, name: str, url: str) -> Zypper:
        """A machine that reads a repository."""
        zypper = Zypper(self.desk, self.folder / f"zypper-{name}")
        zypper.run("addrepo", "--refresh", url, name)
        return zypper


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Shop:
    return Shop(stand, team, desk, tmp_path)


def downloaded(dnf: Dnf) -> set[str]:
    """The packages that lie in its cache."""
    return {path.name for path in (dnf.root / "cache").rglob("*.rpm")}


# -- dnf -------------------------------------------------------------------------------------------------------------


def test_update_and_install(shop: Shop) -> None:
    """dnf could refuse the signature or a list, not find what a package needs, or get other bytes."""
    shop.publish("lib-all", "2.0~rc1^git1", "Epoch: 1")
    shop.publish("app++", "1.0", "Requires: lib-all >= 1:2.0~", "Requires: /etc/lib-all/settings")
    dnf = shop.dnf()
    dnf.run("makecache")
    assert dnf.query() == ["app++-0:1.0-1.noarch", "lib-all-1:2.0~rc1^git1-1.noarch"]
    dnf.run("install", "app++")
    assert (dnf.root / "root/usr/bin/app++").read_text() == "echo app++ 1.0\n"
    assert (dnf.root / "root/etc/lib-all/settings").exists()


def test_upgrade(shop: Shop) -> None:
    """A machine could keep an old version, or take a candidate for newer than its release."""
    shop.publish("app", "1.0~rc1")
    dnf = shop.dnf()
    dnf.run("install", "app")
    shop.publish("app", "1.0")
    shop.publish("app", "0.9")
    dnf.run("upgrade")
    assert (dnf.root / "root/usr/bin/app").read_text() == "echo app 1.0\n"


def test_rich_and_weak_dependencies(shop: Shop) -> None:
    """What a package recommends or requires under a condition could be left out of the lists."""
    shop.publish("extra", "1.0")
    shop.publish("bridge", "1.0")
    shop.publish("app", "1.0", "Recommends: extra", "Requires: (bridge if extra)")
    dnf = shop.dnf()
    assert "(bridge if extra)" in dnf.query("--requires", "app") and dnf.query("--recommends", "app") == ["extra"]
    dnf.run("install", "--downloadonly", "app")
    assert downloaded(dnf) == {"app-1.0-1.noarch.rpm", "extra-1.0-1.noarch.rpm", "bridge-1.0-1.noarch.rpm"}


def test_files_and_changes(shop: Shop) -> None:
    """Who looks for a file, or for what has changed, could find nothing."""
    shop.publish("app", "1.0")
    dnf = shop.dnf()
    assert dnf.query("--list", "app") == ["/etc/app/settings", "/usr/bin/app", "/usr/share/app", "/usr/share/app/data", "/var/log/app.log"]
    assert dnf.query("--file", "/usr/share/app/data") == ["app-0:1.0-1.noarch"]
    said = "\n".join(dnf.query("--changelogs", "app"))
    assert said.index("the second of a day") < said.index("the first of a day") and "Zoë Ünsal" in said


def test_source_packages(shop: Shop) -> None:
    """A source package could be taken for one to install."""
    shop.publish("app", "1.0")
    shop.publish("app", "1.0", source=True)
    dnf = shop.dnf()
    assert dnf.query("--arch", "src") == ["app-0:1.0-1.src"] and dnf.query("--arch", "noarch") == ["app-0:1.0-1.noarch"]
    dnf.run("install", "--downloadonly", "app")
    assert downloaded(dnf) == {"app-1.0-1.noarch.rpm"}


def test_groups_of_packages(shop: Shop) -> None:
    """Packages of one group could be offered to machines of another, or take the place of theirs."""
    shop.publish("app", "1.0", group="el9/stable/")
    shop.publish("app", "1.0", "Group: Other", group="el8/")
    shop.publish("other", "1.0")
    dnf = shop.dnf(group="el9/stable/")
    assert "-el9-stable]" in (dnf.root / "repos/0.repo").read_text() and dnf.query() == ["app-0:1.0-1.noarch"]
    dnf.run("install", "app")
    assert shop.dnf(group="el8/").query() == ["app-0:1.0-1.noarch"]
    assert shop.dnf().query() == ["other-0:1.0-1.noarch"]


def test_group_of_projects(shop: Shop) -> None:
    """A group could miss what one of its projects has, or name a package where it is not."""
    shop.stand.api("PUT", f"{shop.group}/repository", token=shop.team.developer.token).expect(201)
    shop.publish("app", "1.0")
    dnf = shop.dnf(shop.group, login=shop.team.reporter)
    dnf.run("install", "app")
    assert (dnf.root / "root/usr/bin/app").exists()


def test_signed_packages(shop: Shop) -> None:
    """A package that its builder signed could be refused, or come without its signature to a machine that wants one."""
    shop.publish("plain", "1.0")
    signed = shop.build("app", "1.0")
    home = shop.folder / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    subprocess.run([*gpg, "--passphrase", "", "--quick-generate-key", "Builder", "rsa2048", "sign"], check=True, capture_output=True)
    key = shop.folder / "builder.asc"
    key.write_bytes(subprocess.run([*gpg, "--armor", "--export", "Builder"], check=True, capture_output=True).stdout)
    defines = {"_gpg_name": "Builder", "_gpg_path": home, "__gpg": "/usr/bin/gpg"}
    options = [part for name, value in defines.items() for part in ("--define", f"{name} {value}")]
    shop.desk.run("rpmsign", *options, "--addsign", signed, cwd=shop.folder)
    shop.upload(signed)
    dnf = shop.dnf(gpgcheck="1")
    shop.desk.run("rpmkeys", "--root", dnf.root / "root", "--import", key, cwd=shop.folder)
    dnf.run("install", "app")
    assert "not signed" in dnf.run("install", "plain", status=1).said
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


def test_wrong_key(shop: Shop) -> None:
    """A machine could take lists that somebody else has signed."""
    shop.publish("app", "1.0")
    shop.publish("app", "1.0", group="el9/")
    other = f"{shop.stand.url}/api/v4{shop.project}/el9/repodata/repomd.xml.key"
    said = shop.dnf(gpgkey=other).run("makecache", status=1).said
    assert "signature" in said.lower() or "GPG" in said, said


def test_tampered(shop: Shop) -> None:
    """A repomd.xml that was changed on its way could be taken."""
    shop.publish("app", "1.0")
    copy = shop.copy()
    assert shop.dnf(baseurl=copy.as_uri()).query() == ["app-0:1.0-1.noarch"]
    repomd = copy / "repodata/repomd.xml"
    repomd.write_bytes(repomd.read_bytes().replace(b"<revision>", b"<revision>9"))
    assert "signature" in shop.dnf(baseurl=copy.as_uri()).run("makecache", status=1).said


def test_without_credential(shop: Shop) -> None:
    """Lists of a private project could be read by anybody, or a stranger be told something else than that."""
    shop.publish("app", "1.0")
    assert "401" in shop.dnf(login=Login("nobody", "wrong")).run("makecache", status=1).said


def test_as_of(shop: Shop) -> None:
    """A machine built for last week could get what came since."""
    shop.publish("app", "1.0")
    time = f"{write_time(now())[:-1]}Z"
    shop.publish("app", "2.0")
    dnf = shop.dnf(shop.project.replace("/packages/", f"/-/at/{time}/packages/"))
    assert f"/-/at/{time}/packages" in (dnf.root / "repos/0.repo").read_text()
    assert dnf.query() == ["app-0:1.0-1.noarch"]
    dnf.run("install", "--downloadonly", "app")
    assert downloaded(dnf) == {"app-1.0-1.noarch.rpm"}


def test_slash_at_the_end(shop: Shop) -> None:
    """An address that ends in a slash, as people write it, could lead nowhere."""
    shop.publish("app", "1.0")
    dnf = shop.dnf(baseurl=f"{shop.stand.url}/api/v4{shop.project}/")
    dnf.run("install", "app")
    assert (dnf.root / "root/usr/bin/app").exists()


def test_emptied(shop: Shop) -> None:
    """The deletion of the last package could break the machines that use the repository."""
    shop.publish("app", "1.0")
    shop.stand.api("DELETE", f"{shop.project}/package/app/1.0-1/noarch", token=shop.team.maintainer.token).expect(204)
    dnf = shop.dnf()
    dnf.run("makecache")
    assert dnf.query() == []


def test_old_repomd(shop: Shop) -> None:
    """A machine that read repomd.xml before a publish could find none of the lists that it names."""
    shop.publish("app", "1.0")
    held = {name: shop.get(f"repodata/{name}") for name in ("repomd.xml", "repomd.xml.asc")}
    shop.publish("app", "2.0")
    shop.get("repodata/repomd.xml")
    for location in ElementTree.fromstring(held["repomd.xml"]).iter(f"{REPO}location"):
        shop.get(location.attrib["href"])


# -- zypper ----------------------------------------------------------------------------------------------------------


def test_zypper(shop: Shop) -> None:
    """zypper could refuse the key or the lists, or not find what a package needs."""
    shop.publish("lib", "1.0")
    shop.publish("app", "1.0^git+1", "Requires: lib = 1.0")
    login = shop.team.reader
    zypper = shop.add_to_zypper("shop", f"http://{login.user}:{login.token}@{shop.stand.host}/api/v4{shop.project}/")
    said = zypper.run("refresh").said
    assert "unsigned" not in said.lower(), said
    zypper.run("install", "app")
    assert (zypper.root / "usr/bin/app").read_text() == "echo app 1.0^git+1\n" and (zypper.root / "usr/bin/lib").exists()


def test_zypper_and_a_tampered_list(shop: Shop) -> None:
    """zypper could take a repomd.xml that was changed on its way."""
    shop.publish("app", "1.0")
    copy = shop.copy()
    shop.add_to_zypper("good", copy.as_uri()).run("refresh")
    repomd = copy / "repodata/repomd.xml"
    repomd.write_bytes(repomd.read_bytes().replace(b"<revision>", b"<revision>9"))
    said = shop.add_to_zypper("bad", copy.as_uri()).run("refresh", status=None).said
    assert "ignature verification failed" in said, said


# -- createrepo_c, which says what a repository looks like --------------------------------------------------------------


def test_lists_are_those_of_a_reference(shop: Shop) -> None:
    """A list could say something else of a package than the program would that everybody uses."""
    folder = shop.folder / "reference"
    folder.mkdir()
    for name, version, more in (
        ("one", "1.0", ("Requires: two >= 1:1", "Requires(pre): /bin/sh", "Provides: virtual(one) = 1", "Group: Tools", "Vendor: Shop")),
        ("two", "2.0~rc1", ("Epoch: 1", "URL: https://site.example/?a&b", "Packager: Zoë", "Conflicts: old < 2", "Obsoletes: older <= 1-2")),
        ("three", "3^git", ("Suggests: s", "Enhances: e", "Recommends: r = 1", "Supplements: (a and b)", "Requires: (x if y) /etc/three/settings")),
    ):  # fmt: skip
        for source in (False, True):
            built = shop.build(name, version, *more, source=source)
            shop.upload(built)
            (folder / built.name).write_bytes(built.read_bytes())
    shop.desk.run("createrepo_c", "--no-database", "--quiet", folder, cwd=shop.folder)
    for kind in ("primary", "filelists", "other"):
        [packed] = (folder / "repodata").glob(f"*-{kind}.xml.gz")
        assert packages(shop.get(f"repodata/{kind}.xml")) == packages(gzip.decompress(packed.read_bytes())), kind


def packages(xml: bytes) -> Mapping[str, object]:
    """Each package's element as nested tuples, by its digest, without where it lies and when it came to lie there."""
    found = {}
    root = ElementTree.fromstring(xml)
    for package in root:
        for child in package:
            if child.tag.endswith("}location"):
                child.attrib["href"] = child.attrib["href"].rpartition("/")[2]
            child.attrib.pop("file", None)
        digest = package.attrib.get("pkgid") or next(child.text for child in package if child.tag.endswith("}checksum"))
        found[str(digest)] = shape(package)
    assert len(found) == int(root.attrib["packages"])
    return found


def shape(element: ElementTree.Element) -> tuple[object, ...]:
    return element.tag, sorted(element.attrib.items()), (element.text or "").strip(), [shape(child) for child in element]
