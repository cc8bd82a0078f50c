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
SEARCH = "/search"
NEW_PROJECT = "/projects/new"
NEW_GROUP = "/groups/new"
PROFILE = "/-/user_settings/profile"
PASSWORD = "/-/user_settings/password/edit"
IDENTITIES = "/-/user_settings/identities"
ADMIN = "/admin"
ADMIN_USERS = "/admin/users"
ADMIN_SETTINGS = "/admin/application_settings/ci_cd"
ADMIN_SIGN_ON = "/admin/single_sign_on"
ADMIN_ISSUERS = "/admin/trusted_issuers"
ADMIN_AUDIT = "/admin/audit_log"
SIGN_ON = "/users/auth/openid_connect"
SIGN_ON_BACK = "/users/auth/openid_connect/callback"


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


def restore_package(project_path: str, id: int) -> str:
    """Where a deleted version is taken out of the bin."""
    return f"{package(project_path, id)}/restore"


def bin_of(where: Place) -> str:
    """What was deleted from a project and can be restored."""
    return f"{packages(where)}/bin"


def delete_packages(where: Place) -> str:
    """Where several versions are deleted at once."""
    return f"{packages(where)}/delete"


def delete_file(project_path: str, id: int, file_id: int) -> str:
    """Where a file of a version is deleted."""
    return f"{package(project_path, id)}/files/{file_id}/delete"


def pipelines(where: Place) -> str:
    """The builds that published to a project."""
    return f"{of_place(where)}/-/pipelines"


def pipeline(project_path: str, id: int) -> str:
    """One of them."""
    return f"/{quote(project_path)}/-/pipelines/{id}"


def source(where: Place, kind: str, ref: str = "", path: str = "") -> str:
    """What a project hosts in Git. `kind`: tree, blob, raw, commits, branches or tags."""
    tail = "/".join(part for part in (ref, path) if part)
    return f"{of_place(where)}/-/{kind}/{quote(tail)}" if tail else f"{of_place(where)}/-/{kind}"


def containers(where: Place) -> str:
    """The images of a project or a group."""
    return f"{of_place(where)}/-/container_registries" if where.kind == "group" else f"{of_place(where)}/container_registry"


def repository(project_path: str, id: int) -> str:
    """The tags of a repository of images."""
    return f"/{quote(project_path)}/container_registry/{id}"


def restore_images(project_path: str, id: int, *, tags: str = "", digest: str = "") -> str:
    """Where deleted tags of a repository, a manifest or all of it are taken out of the bin."""
    return with_query(f"{repository(project_path, id)}/restore", tags=tags, digest=digest)


def image_bin(where: Place) -> str:
    """What was deleted from a project's images and can be restored."""
    return f"{containers(where)}/bin"


def cleanup_rules(where: Place) -> str:
    """Where a project says which tags go by themselves."""
    return f"{of_place(where)}/-/settings/packages_and_registries/cleanup_image_tags"


def dependency_proxy(where: Place) -> str:
    """What the dependency proxy of a group holds."""
    return f"{of_place(where)}/-/dependency_proxy"


def edit(where: Place) -> str:
    """The general settings of a project or group."""
    return f"{of_place(where)}/-/edit" if where.kind == "group" else f"{of_place(where)}/edit"


def settings(where: Place, page: str) -> str:
    """One of the other pages of settings."""
    return f"{of_place(where)}/-/settings/{page}"


def members(where: Place) -> str:
    """Who belongs to a place."""
    return f"{of_place(where)}/-/{'group' if where.kind == 'group' else 'project'}_members"


def audit(where: Place) -> str:
    """What happened in a place."""
    return f"{of_place(where)}/-/audit_events"


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
