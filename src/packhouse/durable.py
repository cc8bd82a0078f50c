"""What was written stays, whatever happens to the machine's power."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def sync(path: Path | str) -> None:
    """The bytes of a file, or the names in a folder, made durable. Raises `OSError`."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def move_to_new(source: Path | str, target: Path | str) -> None:
    """Rename, but never over what is there: a name belongs to whoever took it first. Raises `FileExistsError`."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if os.path.lexists(target):  # a file system without links: a look has to do
            raise FileExistsError(target) from error
        Path(source).rename(target)
    else:
        Path(source).unlink(missing_ok=True)  # whoever waited for this may have gone, and swept it away
