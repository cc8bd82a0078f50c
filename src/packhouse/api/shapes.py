"""The JSON objects of packages, users, members and tokens. Times are UTC with milliseconds, dates are bare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from packhouse.db.members import MemberRow
from packhouse.db.packages import Listed
from packhouse.db.pipelines import JobRow, PipelineRow
from packhouse.db.places import Protection
from packhouse.db.tokens import TokenRow
from packhouse.db.users import UserRow
from packhouse.model import FileRow, Instant, Role, write_time

Shape = dict[str, Any]

READABLE = frozenset({"default", "deprecated"})  # what a look-up by id finds
LISTED = frozenset({"default", "deprecated", "error"})  # what a list shows unless asked for more
PROTECTION_LEVELS = {"maintainer": int(Role.MAINTAINER), "owner": int(Role.OWNER), "admin": int(Role.ADMIN)}


def when(at: Instant | None) -> str | None:
    return None if at is None else write_time(at)


def day(at: Instant | None) -> str | None:
    return None if at is None else write_time(at)[:10]


# -- packages --------------------------------------------------------------------------------------------------------


def pipeline_shape(row: PipelineRow, base_url: str) -> Shape:
    """A pipeline, wherever it is shown."""
    return {
        "id": row.id,
        "iid": row.iid,
        "project_id": row.project,
        "sha": row.sha,
        "ref": row.ref,
        "status": row.status,
        "source": row.source,
        "created_at": write_time(row.created),
        "updated_at": write_time(row.updated),
        "web_url": row.web_url,
        "user": user_shape(row.user, base_url),
    }


PACKAGE_TYPES = {"go": "golang"}  # GitLab's words, where they are not those of its addresses


def package_type(format: str) -> str:
    """What the API calls a format."""
    return PACKAGE_TYPES.get(format, format)


def format_of(type: str | None) -> str | None:
    """The format that the API calls so."""
    return next((format for format, word in PACKAGE_TYPES.items() if word == type), type)


def package_shape(row: Listed, api: str, *, deletable: bool, grouped: bool = False) -> Shape:
    """A version in a list (core API 4.5)."""
    shape: Shape = {"id": row.id, "name": row.name}
    if row.format == "conan":
        recipe, _, owner = row.name.partition("@")
        whole = row.name if "/" in recipe else f"{recipe}/{row.version}@{owner or '_/_'}"
        shape |= {"name": whole, "conan_package_name": recipe.partition("/")[0]}
    links: Shape = {}
    if row.status in READABLE:
        page = "terraform_module_registry" if row.format == "terraform_module" else "packages"
        links["web_path"] = f"/{quote(row.project_path)}/-/{page}/{row.id}"
    if deletable:
        links["delete_api_path"] = f"{api}/projects/{row.project}/packages/{row.id}"
    shape |= {
        "version": row.version,
        "package_type": package_type(row.format),
        "status": row.status,
        "_links": links,
        "created_at": write_time(row.created),
        "last_downloaded_at": when(row.last_downloaded),
        "creator_id": row.creator_id,
    }
    if grouped:
        shape |= {"project_id": row.project, "project_path": row.project_path}
    if row.pipeline is not None:  # the list of all is an address of its own (core API 4.5)
        shape |= {"pipeline": pipeline_shape(row.pipeline, api.removesuffix("/api/v4")), "pipelines": []}
    return shape | {"tags": tag_shapes(row)}


def tag_shapes(row: Listed) -> list[Shape]:
    return [
        {"id": id_, "package_id": row.id, "name": name, "created_at": write_time(since), "updated_at": write_time(since)}
        for id_, name, since in row.tags
    ]


def version_shape(row: Listed, base_url: str) -> Shape:
    """Another version of the same package."""
    shape: Shape = {"id": row.id, "version": row.version, "created_at": write_time(row.created), "tags": tag_shapes(row)}
    return shape if row.pipeline is None else shape | {"pipeline": pipeline_shape(row.pipeline, base_url)}


def file_shape(row: FileRow, version_id: int) -> Shape:
    """A file of a version (core API 4.6)."""
    return {
        "id": row.id,
        "package_id": version_id,
        "created_at": write_time(row.created),
        "file_name": row.path.rpartition("/")[2],
        "size": row.blob.size,
        "file_md5": row.blob.md5,
        "file_sha1": row.blob.sha1,
        "file_sha256": row.blob.sha256,
    }


def rule_shape(row: Protection, project: int) -> Shape:
    """A protection rule; its levels are words."""
    words = {level: word for word, level in PROTECTION_LEVELS.items()}
    return {
        "id": row.id,
        "project_id": project,
        "package_name_pattern": row.pattern,
        "package_type": package_type(row.format),
        "minimum_access_level_for_push": words.get(row.push_level or 0),
        "minimum_access_level_for_delete": words.get(row.delete_level or 0),
    }


# -- people ----------------------------------------------------------------------------------------------------------


def user_shape(row: UserRow, base_url: str) -> Shape:
    """What everybody may know of a user."""
    return {
        "id": row.id,
        "username": row.username,
        "name": row.name,
        "state": row.state,
        "locked": False,
        "avatar_url": None,
        "web_url": f"{base_url}/{quote(row.username)}",
    }


def account_shape(row: UserRow, base_url: str, namespace: int | None) -> Shape:
    """What a user may know of themselves, and an administrator of everybody."""
    return user_shape(row, base_url) | {
        "created_at": write_time(row.created),
        "email": row.email,
        "commit_email": row.email,
        "public_email": None,
        "bot": row.kind == "bot",
        "external": row.external,
        "is_admin": row.admin,
        "namespace_id": namespace,
        "confirmed_at": write_time(row.created),
        "two_factor_enabled": False,
        "can_create_group": not row.external and row.kind == "human",
        "can_create_project": not row.external,
        "private_profile": False,
    }


def member_shape(row: MemberRow, base_url: str) -> Shape:
    return {
        "id": row.user_id,
        "username": row.username,
        "name": row.name,
        "state": row.state,
        "locked": False,
        "avatar_url": None,
        "web_url": f"{base_url}/{quote(row.username)}",
        "access_level": row.level,
        "created_at": write_time(row.created),
        "expires_at": day(row.expires),
        "membership_state": "active",
    }


# -- builds ----------------------------------------------------------------------------------------------------------


def job_shape(row: JobRow, at: Instant, secret: str | None = None) -> Shape:
    """A job of a pipeline; its token only where it was just made."""
    shape: Shape = {
        "id": row.id,
        "name": row.name,
        "status": row.state(at),
        "created_at": write_time(row.created),
        "started_at": write_time(row.created),
        "finished_at": when(row.finished if row.finished is not None else row.expires if row.expires <= at else None),
        "expires_at": write_time(row.expires),
        "pipeline": {"id": row.pipeline, "project_id": row.project},
    }
    return shape if secret is None else shape | {"token": secret}


# -- tokens ----------------------------------------------------------------------------------------------------------


def token_shape(row: TokenRow, at: Instant, secret: str | None = None) -> Shape:
    """A personal, project or group access token; the secret only where it was just made."""
    shape: Shape = {
        "id": row.id,
        "name": row.name,
        "revoked": row.revoked is not None,
        "created_at": write_time(row.created),
        "description": row.description,
        "scopes": list(row.scopes),
        "user_id": row.user_id,
        "last_used_at": when(row.last_used),
        "active": row.active(at),
        "expires_at": day(row.expires),
    }
    if row.kind != "personal":
        shape |= {"access_level": row.level, "resource_type": row.kind, "resource_id": row.place_id}
    return shape if secret is None else shape | {"token": secret}


def deploy_token_shape(row: TokenRow, at: Instant, secret: str | None = None) -> Shape:
    shape: Shape = {
        "id": row.id,
        "name": row.name,
        "username": row.username,
        "expires_at": when(row.expires),
        "revoked": row.revoked is not None,
        "expired": row.expires is not None and row.expires <= at,
        "scopes": list(row.scopes),
    }
    return shape if secret is None else shape | {"token": secret}


def select_keys(shapes: Iterable[Shape], keys: Iterable[str]) -> list[Mapping[str, Any]]:
    """The same objects with these keys only."""
    wanted = tuple(keys)
    return [{key: shape[key] for key in wanted if key in shape} for shape in shapes]
