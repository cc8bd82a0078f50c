"""Git repositories made by the git program itself, run with nothing of the machine's own settings."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from requirements import miss

IDENTITY = {
    "GIT_AUTHOR_NAME": "A Developer",
    "GIT_AUTHOR_EMAIL": "dev@mail.example",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "A Developer",
    "GIT_COMMITTER_EMAIL": "dev@mail.example",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}


@dataclass(frozen=True)
class Done:
    """What a run of git said."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Work:
    """A working copy."""

    folder: Path

    def run(self, *arguments: str, status: int | None = 0, data: bytes = b"", **environment: str) -> Done:
        """Run git here; any other exit status than this one is an error."""
        given = {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", **IDENTITY}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=given | environment, input=data, capture_output=True, timeout=120, check=False
        )
        out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        assert status is None or done.returncode == status, f"git {' '.join(arguments)} ended with {done.returncode}:\n{out}\n{err}"
        return Done(done.returncode, out, err)

    def read(self, *arguments: str) -> str:
        """What git prints, without the end of its line."""
        return self.run(*arguments).out.strip()

    def commit(self, files: dict[str, str | bytes], message: str = "change") -> str:
        """A commit with these files changed; its id."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.run("add", "--all")
        self.run("commit", "--quiet", "--allow-empty", "--message", message)
        return self.read("rev-parse", "HEAD")


def new_work(folder: Path) -> Work:
    """An empty working copy on the branch main."""
    folder.mkdir(parents=True)
    work = Work(folder)
    try:
        work.run("init", "--quiet", "--initial-branch=main")
    except FileNotFoundError:
        miss("git")
    return work
