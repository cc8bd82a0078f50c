"""Module zips to publish."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass

EPOCH = (2026, 1, 2, 3, 4, 6)


@dataclass(frozen=True)
class Sample:
    """A module zip ready to be published."""

    name: str
    version: str
    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def params(self) -> dict[str, str]:
        return {
            "module": self.name,
            "file": self.filename,
            "database": "127.0.0.1",
            "what": f"{self.name}@{self.version}",
            "tile": "8/0/000.p/1",
        }

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a list holds that offers this version."""
        return (f"{self.version}\n".encode(),)


def write_zip(files: dict[str, str | bytes]) -> bytes:
    """A zip of these files, the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def module_zip(module: str, version: str, files: dict[str, str | bytes] | None = None, *, mod: str | None = "") -> bytes:
    """The zip of a module; `mod` is its go.mod, None for none."""
    prefix = f"{module}@{version}/"
    own: dict[str, str | bytes] = {} if mod is None else {"go.mod": mod or f"module {module}\n\ngo 1.22\n"}
    return write_zip({prefix + name: content for name, content in {**own, **(files or {"lib.go": "package lib\n"})}.items()})


def sample(name: str = "example.test/toys/lib", version: str = "1.0.0", variant: int = 0) -> Sample:
    """A module; another variant has other bytes under the same version."""
    first, second, rest = version.removeprefix("v").split(".", 2)
    # a module of a later major version has another path: for the suite one path is to have them all
    version = f"v{min(int(first), 1)}.{second if int(first) < 2 else int(first) * 1000 + int(second)}.{rest}"
    content = module_zip(name, version, {"lib.go": f"package lib // {variant}\n"})
    return Sample(name, version, f"{version}.zip", content)
