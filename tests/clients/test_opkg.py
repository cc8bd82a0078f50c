"""What opkg does, by the programs it does it with: wget fetches, usign's signature is checked, and packages are taken apart.

No registry of programs has opkg itself; which version was tried by hand is in the format's README.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from base64 import b64decode
from collections.abc import Mapping
from functools import cmp_to_key
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from debian.deb822 import Packages
from programs import Desk
from stand import Login, Stand, Team

FEED = "22.03/x86_64/base"
ENCODED = ":?#[]@!$&'()*+,;=%"  # what opkg encodes of a Filename
WGETS = pytest.mark.parametrize("wget", ["wget", "busybox wget"])


class Router:
    """A machine with a feed of a project or group, and the key it was told of."""

    def __init__(self, stand: Stand, team: Team, desk: Desk, folder: Path) -> None:
        self.stand, self.team, self.desk, self.folder = stand, team, desk, folder
        self.wget, self.source, self.project = "wget", "src/gz", f"projects/{team.project['id']}"
        self.login = team.reader
        self.lists = folder / "lists"
        self.lists.mkdir()

    @property
    def url(self) -> str:
        """The feed as customfeeds.conf has it, with a credential in its address: busybox takes a plus in a name for a blank."""
        scheme, _, host = self.stand.url.partition("://")
        return f"{scheme}://{quote(self.login.user)}:{self.login.token}@{host}/api/v4/{self.project}/packages/opkg/{FEED}"

    def fetch(self, path: str, into: Path, status: int | None = 0) -> bytes:
        """What opkg's one command brings."""
        self.desk.run(self.wget, "-q", "-O", into, f"{self.url}/{path}", cwd=self.folder, status=status)
        return into.read_bytes() if into.exists() else b""

    def add_key(self) -> None:
        key = self.fetch("key.pub", self.folder / "key.pub")
        key_id, public = read_usign(key)
        (self.folder / key_id.hex()).write_bytes(public)

    def update(self) -> list[dict[str, str]]:
        """`opkg update` with check_signature: the list, or an error where the signature is not of it. Raises `InvalidSignature`."""
        body = self.fetch("Packages.gz" if self.source == "src/gz" else "Packages", self.lists / "feed")
        key_id, signature = read_usign(self.fetch("Packages.sig", self.lists / "feed.sig"))
        plain = gzip.decompress(body) if self.source == "src/gz" else body
        Ed25519PublicKey.from_public_bytes((self.folder / key_id.hex()).read_bytes()).verify(signature, plain)
        return [{name: str(one[name]) for name in one} for one in Packages.iter_paragraphs(plain, use_apt_pkg=False)]

    def install(self, name: str, architectures: tuple[str, ...] = ("all", "x86_64")) -> Path:
        """`opkg install`: the newest that fits, with what it is said to have."""
        fitting = [one for one in self.update() if one["Package"] == name and one["Architecture"] in architectures]
        best = max(fitting, key=cmp_to_key(compare))
        file = self.folder / best["Filename"].rpartition("/")[2]
        content = self.fetch(encode(best["Filename"]), file)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (int(best["Size"]), best["SHA256sum"])
        return file

    def upload(self, file: Path, status: int = 201, login: Login | None = None) -> str:
        user = login or self.team.writer
        url = f"{self.stand.url}/api/v4/{self.project}/packages/opkg/{FEED}/"
        command = ["--silent", "--user", f"{user.user}:{user.token}", "--upload-file", str(file), "--write-out", "%{http_code}", url]
        said = self.desk.run("curl", *command, cwd=self.folder).out
        assert said[-3:] == str(status), said
        return said[:-3]

    def publish(self, name: str, version: str, architecture: str = "x86_64", **said: str) -> Path:
        """A package in OpenWrt's container."""
        more = {key.replace("_", "-"): value for key, value in said.items()}
        file = self.folder / f"{name}_{version}_{architecture}.ipk"
        file.write_bytes(pack({"Package": name, "Version": version, "Architecture": architecture, "Description": "a toy", **more}))
        self.upload(file)
        return file


def pack(fields: Mapping[str, str]) -> bytes:
    """A package as OpenWrt's ipkg-build packs it."""
    control = "".join(f"{name}: {value}\n" for name, value in fields.items()).encode()
    return tar({"./debian-binary": b"2.0\n", "./data.tar.gz": tar({"./toy": b"toy\n"}), "./control.tar.gz": tar({"./control": control})})


def tar(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def read_usign(text: bytes) -> tuple[bytes, bytes]:
    """(number of the key, key or signature) of a file of usign's."""
    comment, content = text.splitlines()
    raw = b64decode(content, validate=True)
    assert comment.startswith(b"untrusted comment: ") and raw[:2] == b"Ed"
    return raw[2:10], raw[10:]


def compare(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    """As dpkg compares versions, and opkg after it."""
    newer = subprocess.run(["dpkg", "--compare-versions", one["Version"], "gt", other["Version"]], check=False).returncode == 0
    return 1 if newer else -1


def encode(path: str) -> str:
    return "".join(f"%{ord(character):02X}" if character in ENCODED else character for character in path)


@pytest.fixture(name="router")
def set_up_router(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Router:
    return Router(stand, team, desk, tmp_path)


def build(desk: Desk, folder: Path, fields: Mapping[str, str]) -> Path:
    """A package in Yocto's container, as dpkg builds it."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr").mkdir()
    (tree / "usr" / "toy").write_text("toy\n")
    (tree / "DEBIAN" / "control").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
    desk.run("dpkg-deb", "--root-owner-group", "-Zgzip", "--nocheck", "--build", tree, folder / "toy.ipk", cwd=folder)
    return folder / "toy.ipk"


@WGETS
@pytest.mark.parametrize("source", ["src", "src/gz"])
def test_update_and_install(router: Router, wget: str, source: str) -> None:
    """A router could not fetch a list, find its signature wrong, miss the newest version or not find its file."""
    router.wget, router.source = wget, source
    for version in ("1.0~rc1", "1.0-r9", "1.0-r10", "1:0.1"):
        router.publish("toy", version)
    router.publish("toy", "9", "mips_24kc")
    other = router.publish("lib+other", "2023-01-01-abc", "all")
    router.add_key()
    assert router.install("toy").name == "toy_1:0.1_x86_64.ipk"
    assert router.install("lib+other").read_bytes() == other.read_bytes()


@WGETS
def test_without_a_credential(router: Router, wget: str) -> None:
    """A private feed could be open to everybody, or a list of errors be taken for one of packages."""
    router.wget = wget
    router.publish("toy", "1.0")
    for login in (Login("", ""), Login("nobody", "wrong"), router.team.stranger):
        router.login = login
        assert router.fetch("Packages.gz", router.folder / "list", status=None) == b""


def test_a_package_of_dpkg(router: Router) -> None:
    """A package in Yocto's container could come back as another one, or be listed with less than its control file says."""
    fields = {
        "Package": "toy",
        "Version": "1.0-r0",
        "Architecture": "core2-64",
        "Maintainer": "Zoë <zoe@mail.example>",
        "Description": "a toy\n More.",
    }
    router.upload(build(router.desk, router.folder, fields))
    router.add_key()
    [listed] = router.update()
    assert {name: listed[name] for name in fields if name != "Maintainer"} == {name: value for name, value in fields.items() if name != "Maintainer"}
    file = router.install("toy", ("core2-64",))
    router.desk.run("dpkg-deb", "--extract", file, "extracted", cwd=router.folder)
    assert (router.folder / "extracted" / "usr" / "toy").read_text() == "toy\n"


def test_openpgp(router: Router) -> None:
    """A Yocto device, which asks GnuPG, could find the signature of a list bad, or that of another list good."""
    router.publish("toy", "1.0")
    for name in ("key.asc", "Packages", "Packages.asc"):
        router.fetch(name, router.folder / name)
    gpg = ("--homedir", router.desk.home, "--batch")
    router.desk.run("gpg", *gpg, "--import", "key.asc", cwd=router.folder)
    router.desk.run("gpg", *gpg, "--verify", "Packages.asc", "Packages", cwd=router.folder)
    (router.folder / "Packages").write_bytes((router.folder / "Packages").read_bytes().replace(b"1.0", b"1.1"))
    router.desk.fail("gpg", *gpg, "--verify", "Packages.asc", "Packages", cwd=router.folder)


def test_emptied_and_closed(router: Router) -> None:
    """A feed could fail once its last package is gone, or keep its key when it was opened anew."""
    router.publish("toy", "1.0")
    router.add_key()
    assert len(router.update()) == 1
    maintainer, base = router.team.maintainer, f"/{router.project}/packages/opkg/{FEED}"
    router.stand.api("DELETE", f"{base}/toy_1.0_x86_64.ipk", token=maintainer.token).expect(204)
    assert router.update() == []
    router.stand.api("DELETE", f"{base}/feed", token=maintainer.token).expect(204)
    router.fetch("Packages.gz", router.folder / "list", status=None)
    router.publish("toy", "1.1")
    with pytest.raises((InvalidSignature, FileNotFoundError)):  # another key has another number
        router.update()
    router.add_key()
    assert len(router.update()) == 1


def test_group(router: Router) -> None:
    """A router could not install from a group what one of its projects has."""
    file = router.publish("lib+toy", "1.0")
    router.project, router.login = f"groups/{router.team.group['id']}/-", router.team.maintainer
    router.stand.api("PUT", f"/{router.project}/packages/opkg/{FEED}/feed", token=router.login.token).expect(201)
    router.add_key()
    assert router.install("lib+toy").read_bytes() == file.read_bytes()


def test_refused(router: Router) -> None:
    """Whoever uploads could not be told what is wrong, or read a page of errors for success."""
    file = router.publish("toy", "1.0")
    router.upload(file)
    file.write_bytes(pack({"Package": "toy", "Version": "1.0", "Architecture": "x86_64", "Description": "other"}))
    assert hashlib.sha256(file.read_bytes()).hexdigest() in router.upload(file, 409)
    router.upload(file, 403, router.team.reader)
    file.write_bytes(b"no package")
    assert "neither" in router.upload(file, 400)
