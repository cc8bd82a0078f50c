"""What opkg reads, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from debian.deb822 import Packages
from pysequoia import Cert, Sig, verify

from packhouse.formats.opkg.index import pad, write_feed
from packhouse.formats.opkg.names import shelf_of, stored_path
from packhouse.formats.opkg.parse.packages import read_control_file
from packhouse.formats.opkg.sign import sign_feed
from packhouse.model import Blob, Documents, FileRow, Moment, PackageRow, Rows, VersionRow, replace
from packhouse.packages.shelves import PgpSigner, make_keys
from packhouse.upstream.secrets import SecretBox

from ..debian.samples import make_control
from .samples import FIELDS

GOLDEN = Path(__file__).parent / "golden"
MOMENT = Moment(at=1_700_000_000_123_456, api="http://registry.example/api/v4", format="opkg", place=7)
GROUP = replace(MOMENT, level="group", place=3)
FEED = "22.03/x86_64/base"
RICH = {
    "Maintainer": "Zoë <zoe@mail.example>", "License": "MIT", "Source": "utils/toy", "Provides": "toy-any, toy (= 1:2.0-r1)",
    "Installed-Size": "1024", "Description": "a toy\n Of more than\n .\n one line.", "Architecture": "aarch64_cortex-a53",
}  # fmt: skip
_ids = itertools.count(1)


def package(name: str, version: str = "1.0-r1", *, project: int = 7, content: bytes = b"", **said: str) -> PackageRow:
    fields = FIELDS | {"Package": name, "Version": version} | {key.replace("_", "-"): value for key, value in said.items()}
    read = read_control_file(make_control(fields))
    body = content or f"{name} {version}".encode()
    file = FileRow(
        id=next(_ids), project=project, path=stored_path(FEED, read.file), blob=Blob(sha256=hashlib.sha256(body).hexdigest(), size=len(body)),
        facts=msgspec.json.encode(read.facts), shelf=shelf_of(FEED),
    )  # fmt: skip
    row = VersionRow(id=next(_ids), project=project, name=name, version=read.version, files=(file,))
    return PackageRow(id=next(_ids), project=project, name=name, key=name, versions=(row,))


def write(*packages: PackageRow, moment: Moment = MOMENT) -> Documents:
    return write_feed(Rows(packages=packages), {}, moment)


SHELF = (package("toy", "1:2.0-r1", **RICH), package("lib+x", "1.0~rc1"), package("lib+x", "1.0"), package("Big", "2023-01-01-abc", Section=""))


@pytest.mark.parametrize(("name", "moment"), [("Packages", MOMENT), ("Packages.manifest", MOMENT), ("group", GROUP)])
def test_golden(name: str, moment: Moment) -> None:
    """A feed could say something else than it did: every client reads every byte of it."""
    body = write(*SHELF, moment=moment)[name if name != "group" else "Packages"].body
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        (GOLDEN / name).write_bytes(body)
    assert body == (GOLDEN / name).read_bytes()


def test_order_of_rows_does_not_matter() -> None:
    """Two servers could have other bytes for the same feed, or its packages be in another order than OpenWrt's tool has them."""
    assert write(*SHELF) == write(*reversed(SHELF))
    names = [one["Filename"] for one in Packages.iter_paragraphs(write(*SHELF)["Packages"].body, use_apt_pkg=False)]
    assert names == sorted(names) and len(names) == 4


def test_an_independent_reader() -> None:
    """A record could end too early or run into the next one."""
    for name in ("Packages", "Packages.manifest"):
        found = list(Packages.iter_paragraphs(write(*SHELF)[name].body, use_apt_pkg=False))
        toy = next(one for one in found if one["Package"] == "toy")
        assert toy["Version"] == "1:2.0-r1" and toy["Filename"] == "toy_1:2.0-r1_aarch64_cortex-a53.ipk"
        assert toy["Description"] == "a toy\n Of more than\n .\n one line." and list(toy)[-1] == "Description"
        assert (toy["Size"], toy["SHA256sum"]) == ("12", hashlib.sha256(b"toy 1:2.0-r1").hexdigest())
        assert ("Maintainer" in toy) == (name == "Packages.manifest") and toy["Provides"] == "toy-any, toy (= 1:2.0-r1)"


def test_packed() -> None:
    """What `src/gz` reads could be of another list than the one that is signed, or differ from one server to the next."""
    made = write(*SHELF)
    assert gzip.decompress(made["Packages.gz"].body) == made["Packages"].body
    assert made["Packages.gz"].body[4:8] == bytes(4) and made["Packages.gz"].media_type == "application/gzip"


def test_empty() -> None:
    """A feed whose last package is gone could stop clients."""
    made = write()
    assert made["Packages"].body == b"" and gzip.decompress(made["Packages.gz"].body) == b""


def test_group() -> None:
    """A group could list a package twice that two projects have, or name the file of another project."""
    made = write(package("toy"), package("toy", project=8), package("toy", project=9, content=b"other"), moment=GROUP)
    found = [one["Filename"] for one in Packages.iter_paragraphs(made["Packages"].body, use_apt_pkg=False)]
    assert found == ["7/toy_1.0-r1_x86_64.ipk", "9/toy_1.0-r1_x86_64.ipk"]


def test_two_packages_with_one_file() -> None:
    """A promotion or a restore could put a package beside another that has its file's name, and the list say a digest that nobody gets there."""
    older, newer, longer = (
        package("a", "1_x86", Architecture="64"),
        package("a", "1", Architecture="x86_64"),
        package("a_1", "x86", Architecture="64"),
    )
    for some in ((older, newer, longer), (longer, newer, older)):
        [one] = Packages.iter_paragraphs(write(*some)["Packages"].body, use_apt_pkg=False)
        assert (one["Package"], one["Version"], one["Filename"]) == ("a", "1", "a_1_x86_64.ipk")
    assert write(longer, moment=GROUP)["Packages"].body.count(b"Package: ") == 1


@pytest.mark.parametrize("length", range(130))
def test_lengths_that_usign_gets_wrong(length: int) -> None:
    """usign's SHA-512 is wrong where its padding fills a block but for one or two bytes: the client would throw the list away."""
    padded = pad(b"x" * length)
    assert (64 + len(padded)) % 128 not in (110, 111)
    assert padded in (b"x" * length, b"x" * length + b"\n\n")


def test_packed_and_padded_alike() -> None:
    """The packed list could lack the lines that the plain one was given, and its signature be wrong for it."""
    padded = 0
    for size in range(128):
        made = write(package("toy", Section="x" * (size + 1)))
        padded += made["Packages"].body.endswith(b"\n\n\n\n")
        assert gzip.decompress(made["Packages.gz"].body) == made["Packages"].body
    assert padded == 2


def test_signatures(tmp_path: Path) -> None:
    """A router or a Yocto device could refuse a list that nobody has changed, or take one that somebody has."""
    certificate, sealed = make_keys(SecretBox(tmp_path / "box"), "feed")
    secret = SecretBox(tmp_path / "box").open(sealed)
    made = sign_feed(write(*SHELF), PgpSigner(secret))
    packages = made["Packages"].body
    id_, key = read_usign(made["key.pub"].body)
    assert read_usign(made["Packages.sig"].body)[0] == id_ and len(key) == 32
    Ed25519PublicKey.from_public_bytes(key).verify(read_usign(made["Packages.sig"].body)[1], packages)
    assert made["Packages.sig"].body.startswith(f"untrusted comment: signed by key {id_.hex()}\n".encode())
    store = [Cert.from_bytes(certificate.encode())]
    assert verify(bytes=packages, signature=Sig.from_bytes(made["Packages.asc"].body), store=lambda _ids: store).valid_sigs
    assert sign_feed(write(*SHELF), PgpSigner(secret))["key.pub"] == made["key.pub"]


def read_usign(text: bytes) -> tuple[bytes, bytes]:
    """(number of the key, the rest) of a file of usign's."""
    comment, content, end = text.split(b"\n")
    assert comment.startswith(b"untrusted comment: ") and end == b""
    raw = b64decode(content, validate=True)
    assert raw[:2] == b"Ed"
    return raw[2:10], raw[10:]
