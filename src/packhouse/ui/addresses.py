"""Where every page is. The words of GitLab's addresses stay; segments are encoded, slashes between them are not."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from packhouse.model import Place

HOME = "/"
SIGN_IN = "/users/sign_in"
SIGN_OUT = "/users/sign_out"
THEME = "/-/theme"
TOKENS = "/-/user_settings/personal_access_tokens"
EVERYTHING = "/-/packages"


def place(kind: str, full_path: str) -> str:
    """The overview of a project, a group or a user's namespace."""
    return f"/groups/{quote(full_path)}" if kind == "group" else f"/{quote(full_path)}"


def of_place(where: Place) -> str:
    """The overview of this place."""
    return place(where.kind, where.full_path)


def packages(where: Place | None) -> str:
    """The package list of a place; without one, of everything."""
    return EVERYTHING if where is None else f"{of_place(where)}/-/packages"


def package(project_path: str, id: int) -> str:
    """The page of a version."""
    return f"/{quote(project_path)}/-/packages/{id}"


def download(project_path: str, file_id: int) -> str:
    """A file of a version."""
    return f"/{quote(project_path)}/-/package_files/{file_id}/download"


def sign_in(return_to: str) -> str:
    """The sign-in page that leads back here."""
    return SIGN_IN if return_to in ("", HOME) or return_to.startswith(SIGN_IN) else with_query(SIGN_IN, return_to=return_to)


def with_query(path: str, **values: str | int | None) -> str:
    """The path with those values that say something."""
    kept = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def local(path: str) -> str:
    """A path to go back to, if it is one of ours; otherwise the first page."""
    odd = any(ord(char) < 0x21 or ord(char) == 0x7F for char in path)
    if not path.startswith("/") or path.startswith("//") or "\\" in path or odd or len(path) > 2048:
        return HOME
    return path
