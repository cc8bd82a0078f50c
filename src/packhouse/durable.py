"""What was written stays, whatever happens to the machine's power."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path | str) -> None:
    """The bytes of a file, or the names in a folder, made durable. Raises `OSError`."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
