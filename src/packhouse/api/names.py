"""Rules of the paths of users, groups and projects (core API 7.2)."""

from __future__ import annotations

import re
import unicodedata

from packhouse.errors import Invalid

# what the first segment of an address can mean beside a group: nobody can be called so
RESERVED = frozenset((
    "-", "_", ".well-known", "404.html", "422.html", "500.html", "502.html", "503.html", "admin", "api", "apple-touch-icon.png", "assets",
    "dashboard", "deploy.html", "explore", "favicon.ico", "files", "groups", "health_check", "help", "import", "jwt", "login", "oauth", "profile",
    "projects", "public", "robots.txt", "s", "search", "sitemap", "sitemap.xml", "sitemap.xml.gz", "slash-command", "snippets", "static",
    "unsubscribes", "uploads", "users", "v2",
))  # fmt: skip
INSIDE = frozenset({"-", "edit", "new", "container_registry"})  # pages of a project that lie right below its path
LONGEST = 255
MOST_SEGMENTS = 20  # image names have fewer path components than this

_PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*", re.ASCII)
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")


def check_path(path: str, parent: str | None, what: str = "Path") -> None:
    """One segment that may name a user, group or project below `parent`. Raises `Invalid`."""
    shown = path[:64]
    if not path or len(path) > LONGEST:
        raise Invalid(f"{what} must have 1 to {LONGEST} characters")
    if _PATH.fullmatch(path) is None or path.endswith((".", ".git", ".atom")):
        raise Invalid(
            f"{what} {shown!r} can contain only letters, digits, '_', '-' and '.', and cannot start with '-' or end in '.', '.git' or '.atom'"
        )
    if path.lower() in (RESERVED if parent is None else INSIDE):
        raise Invalid(f"{what} {shown!r} is a reserved name: choose another")
    if parent is not None and parent.count("/") + 2 >= MOST_SEGMENTS:
        raise Invalid(f"{what} {shown!r} would be too deep: groups and projects nest fewer than {MOST_SEGMENTS} levels")


def check_name(name: str) -> None:
    """What people read. Raises `Invalid`."""
    if not name.strip() or len(name) > LONGEST or any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise Invalid(f"Name must have 1 to {LONGEST} characters, none of them a control character")


def check_email(email: str) -> None:
    """Raises `Invalid`."""
    if _EMAIL.fullmatch(email) is None:
        raise Invalid(f"Email {email[:64]!r} is invalid")


def make_path(name: str) -> str:
    """A path from a name: accents dropped, everything else that does not fit a dash."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    path = re.sub(r"[^A-Za-z0-9_.]+", "-", plain).strip("-.").lower()
    return path.removesuffix(".git").removesuffix(".atom")
