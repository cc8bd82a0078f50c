"""Tiny repositories of p2 built in memory: bundles, features, and the documents that Tycho writes beside them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

REPOSITORY = "toys"
HEAD = "<?xml version='1.0' encoding='UTF-8'?>\n"


@dataclass(frozen=True)
class Sample:
    """A bundle ready to be published."""

    name: str
    version: str
    content: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name}_{self.version}.jar"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a listing tells of it: not the name of its file."""
        return (self.sha256.encode(),)


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
    """A bundle in a repository of its own name; another variant has other bytes under the same coordinates."""
    content = bundle(name, version, Variant=str(variant))
    return Sample(name, version, content, {"repository": name, "document": "content.xml", "version": version})


def pack(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive without times."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            archive.writestr(info, content)
    return out.getvalue()


def manifest(headers: Mapping[str, str]) -> bytes:
    """A MANIFEST.MF; an empty header is left out."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value).encode() + b"\r\n"


def bundle(name: str = "toy", version: str = "1.0.0", /, **headers: str) -> bytes:
    """A jar with a manifest, not compressed: its bytes, and so the golden digests, do not depend on the release of zlib."""
    said = {"Manifest-Version": "1.0", "Bundle-ManifestVersion": "2", "Bundle-SymbolicName": name, "Bundle-Version": version}
    said |= {key.replace("_", "-"): value for key, value in headers.items()}
    return pack({"META-INF/MANIFEST.MF": manifest(said), "toy/Toy.class": b"\xca\xfe\xba\xbe"}, zipfile.ZIP_STORED)


def feature(name: str = "toy.feature", version: str = "1.0.0", inner: str = "<plugin id='toy' version='1.0.0'/>", **attributes: str) -> bytes:
    """A jar with a feature.xml."""
    said = "".join(f" {key}='{value}'" for key, value in attributes.items())
    return pack({"feature.xml": f"{HEAD}<feature id='{name}' version='{version}'{said}>{inner}</feature>".encode()}, zipfile.ZIP_STORED)


def unit(id: str = "toy", version: str = "1.0.0", artifact: str | None = "osgi.bundle", extra: str = "", name: str = "") -> str:
    """An installable unit, with an artifact of its own coordinates unless there is no classifier."""
    files = f"<artifacts size='1'><artifact classifier='{artifact}' id='{name or id}' version='{version}'/></artifacts>" if artifact else ""
    provided = f"<provides size='1'><provided namespace='org.eclipse.equinox.p2.iu' name='{id}' version='{version}'/></provides>"
    return f"<unit id='{id}' version='{version}'>{provided}{extra}{files}<touchpoint id='org.eclipse.equinox.p2.osgi' version='1.0.0'/></unit>"


def content_xml(units: Sequence[str]) -> bytes:
    return f"{HEAD}<repository name='x' version='1'><units size='{len(units)}'>{''.join(units)}</units></repository>".encode()


def artifact(id: str = "toy", version: str = "1.0.0", classifier: str = "osgi.bundle", **properties: str) -> str:
    """What artifacts.xml says of an artifact; names of properties are spelled with `__` for a dot and `_` for a dash."""
    said = "".join(f"<property name='{name.replace('__', '.').replace('_', '-')}' value='{value}'/>" for name, value in properties.items())
    return f"<artifact classifier='{classifier}' id='{id}' version='{version}'><properties>{said}</properties></artifact>"


def artifacts_xml(artifacts: Sequence[str]) -> bytes:
    return f"{HEAD}<repository name='x' version='1'><artifacts size='{len(artifacts)}'>{''.join(artifacts)}</artifacts></repository>".encode()


def site(
    bundles: Mapping[str, bytes] | None = None,
    *,
    units: Sequence[str] | None = None,
    artifacts: Sequence[str] | None = None,
    others: Mapping[str, bytes] | None = None,
) -> bytes:
    """The archive of a repository with these bundles, by `name_version`, unless its documents are said."""
    bundles = {"toy_1.0.0": bundle()} if bundles is None else bundles
    keys = [key.rsplit("_", 1) for key in bundles]
    documents = {
        "content.xml": content_xml([unit(name, version) for name, version in keys] if units is None else units),
        "artifacts.xml": artifacts_xml([artifact(name, version) for name, version in keys] if artifacts is None else artifacts),
    }
    return pack({**documents, **{f"plugins/{key}.jar": content for key, content in bundles.items()}, **(others or {})})
