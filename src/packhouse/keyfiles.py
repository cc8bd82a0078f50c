"""Files of keys: readable by us alone, safe on disk before anybody relies on them, and never overwritten."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def make_key_file(path: Path, content: bytes) -> None:
    """A file with this key; one that another process or thread made meanwhile stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
