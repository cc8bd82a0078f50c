"""Packages to publish: valid, with bytes that no other has, of a size asked for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
import zipfile
from dataclasses import dataclass

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that an installer would take."""

    project: str
    version: str
    filename: str
    content: bytes
    blake2: bool = False  # sent along in the form


def build_manifest(name: str, version: str) -> dict[str, object]:
    """A package.json as real ones are: a few hundred bytes of prose, scripts and dependencies."""
    return {
        "name": name,
        "version": version,
        "description": "Sample library of the measurements: parses, checks and prints small tables of figures",
        "keywords": ["sample", "tables", "figures", "bench"],
        "license": "Apache-2.0",
        "author": "The sample authors",
        "main": "dist/index.js",
        "types": "dist/index.d.ts",
        "bin": {"sample-tables": "bin/tables.js"},
        "engines": {"node": ">=18.12.0"},
        "scripts": {"build": "tsc -p .", "test": "node --test dist", "lint": "eslint src", "prepublishOnly": "npm run build"},
        "dependencies": {
            "left-columns": "^1.4.0",
            "right-columns": "^2.0.1",
            "cell-styles": "~3.2.0",
            "number-words": "^5.1.0",
            "wide-text": "^0.9.3",
        },
        "devDependencies": {"sample-tests": "^4.0.0", "sample-types": "^20.11.5", "sample-lint": "^9.1.0"},
        "peerDependencies": {"sample-core": ">=7 <9"},
    }


def build_tarball(name: str, version: str, size: int) -> bytes:
    """An npm tarball of about this size that does not compress."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in (("package/package.json", json.dumps(build_manifest(name, version)).encode()), ("package/dist/index.js", os.urandom(size))):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 0 if size > 4096 else 6, mtime=0)


def build_npm_document(name: str, version: str, size: int) -> bytes:
    """The body of an `npm publish`: manifest, tag and the tarball in base64."""
    tarball = build_tarball(name, version, size)
    file = f"{name}-{version}.tgz"
    dist = {
        "shasum": hashlib.sha1(tarball).hexdigest(),
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode(),
        "tarball": f"http://registry.example/{name}/-/{file}",
    }
    attachment = {"content_type": "application/octet-stream", "data": base64.b64encode(tarball).decode(), "length": len(tarball)}
    document = {
        "_id": name,
        "name": name,
        "description": "Sample library of the measurements",
        "dist-tags": {"latest": version},
        "versions": {version: {**build_manifest(name, version), "_id": f"{name}@{version}", "dist": dist}},
        "_attachments": {file: attachment},
    }
    return json.dumps(document).encode()


def build_wheel(project: str, version: str, size: int) -> Wheel:
    """A wheel of about this size that does not compress."""
    module = project.replace("-", "_")
    metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nSummary: A sample of the measurements\nRequires-Python: >=3.9\n"
    files = {
        f"{module}/__init__.py": b"",
        f"{module}/data.bin": os.urandom(size),
        f"{module}-{version}.dist-info/METADATA": metadata.encode(),
        f"{module}-{version}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{module}-{version}.dist-info/RECORD"
    lines = [f"{path},sha256={_record_digest(data)},{len(data)}" for path, data in files.items()]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, data in {**files, record: ("\n".join([*lines, f"{record},,"]) + "\n").encode()}.items():
            archive.writestr(path, data)
    return Wheel(project, version, f"{module}-{version}-py3-none-any.whl", out.getvalue())


def build_upload_form(wheel: Wheel) -> tuple[bytes, str]:
    """The body of an upload form and its media type."""
    digests = {"blake2_256_digest": hashlib.blake2b(wheel.content, digest_size=32).hexdigest()} if wheel.blake2 else {}
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": wheel.project,
        "version": wheel.version,
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "summary": "A sample of the measurements",
        "requires_python": ">=3.9",
        "sha256_digest": hashlib.sha256(wheel.content).hexdigest(),
        **digests,
    }
    mark = "bench" + os.urandom(12).hex()
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
    file = (
        f'--{mark}\r\nContent-Disposition: form-data; name="content"; filename="{wheel.filename}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    )
    return b"".join([*parts, file.encode(), wheel.content, f"\r\n--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"


def _record_digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
