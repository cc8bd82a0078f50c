"""What projects host in Git: tags, branches, commits, and where a repository comes from (core API 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packhouse.api.call import Call, can, route_of, standing, writing
from packhouse.api.failures import BranchNotFound, CommitNotFound, TagNotFound
from packhouse.api.git_http import check_push, refused_tags
from packhouse.api.pages import Page, paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.shapes import Shape, when
from packhouse.contract import Action, Answer, Route
from packhouse.db import gits
from packhouse.db.gits import GitRow, ProtectedBranch
from packhouse.errors import Forbidden, Invalid, InvalidParameter, Protected, RepositoryNotFound
from packhouse.git import keeping
from packhouse.git.keeping import ABSENT, BRANCHES, TAGS
from packhouse.model import Role
from packhouse.packages import mirrors
from packhouse.packages.branches import may_delete, may_push, rules_for
from packhouse.packages.repositories import change_default_branch, folder_to_change, note_change, read_repository, repository_path
from packhouse.responses import empty_reply, json_reply
from packhouse.upstream.client import keeps_secrets
from packhouse.upstream.guard import Guard

if TYPE_CHECKING:
    from packhouse.git.reading import Described, Reader

ORDERS = ("name", "updated", "version")
LONGEST_MESSAGE = 64 * 1024


# -- reading ---------------------------------------------------------------------------------------------------------


def _list(git: Reader, kind: str, search: str, order: str, page: Page, *, down: bool) -> tuple[Sequence[tuple[str, Described]], int, str]:
    refs = git.tags() if kind == "tags" else git.branches()
    names = [name for name in refs if _fits(name, search)]
    if order == "updated":
        times = {name: found.time if (found := git.commit(refs[name])) else 0 for name in names}
        names.sort(key=lambda name: (times[name], name), reverse=down)
    elif order == "version":
        names.sort(key=_version_key, reverse=down)
    else:
        names.sort(reverse=down)
    shown = [(name, git.describe(refs[name])) for name in names[page.offset : page.offset + page.size]]
    return [(name, found) for name, found in shown if found is not None], len(names), git.default_branch


def _fits(name: str, search: str) -> bool:
    """`^` and `$` tie a search to the beginning and the end of a name."""
    wanted = search.removeprefix("^").removesuffix("$").lower()
    held = name.lower()
    begins, ends = search.startswith("^"), search.endswith("$")
    if begins and ends:
        return held == wanted
    return held.startswith(wanted) if begins else held.endswith(wanted) if ends else wanted in held


def _version_key(name: str) -> tuple[tuple[int, int, str], ...]:
    parts: list[tuple[int, int, str]] = []
    for part in name.lower().removeprefix("v").replace("-", ".").split("."):
        number = part.isascii() and part.isdigit() and len(part) <= 18
        parts.append((1, int(part), "") if number else (0, 0, part))
    return tuple(parts)


async def _answer_list(call: Call, kind: str) -> Answer:
    parameters = read_query(call)
    page = read_page(parameters)
    order = parameters.choice("order_by", ORDERS) or ("updated" if kind == "tags" else "name")
    direction = parameters.choice("sort", ("asc", "desc", "name_asc", "updated_asc", "updated_desc"))
    down = (direction or ("desc" if kind == "tags" else "asc")).endswith("desc")
    if direction is not None and "_" in direction:
        order = direction.partition("_")[0]
    search = parameters.text("search") or ""
    try:
        found, total, default = await read_repository(call.house, call.place.id, _list, kind, search, order, page, down=down)
    except RepositoryNotFound:
        found, total, default = (), 0, ""
    if kind == "branches":
        rules = await call.house.database.read(gits.list_protected, call.place.id)
        return paged(call, [_branch_shape(call, name, commit, default, rules) for name, commit in found], page, total)
    messages = await _messages(call, [name for name, _ in found])
    return paged(call, [_tag_shape(call, name, commit, messages) for name, commit in found], page, total)


async def _messages(call: Call, names: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    return await read_repository(call.house, call.place.id, lambda git: git.tag_messages(names)) if names else {}


async def list_tags(call: Call) -> Answer:
    """The tags, the latest commit first."""
    return await _answer_list(call, "tags")


async def list_branches(call: Call) -> Answer:
    """The branches, by name."""
    return await _answer_list(call, "branches")


def _look(git: Reader, kind: str, name: str) -> tuple[Described | None, str]:
    commit = git.find_tag(name) if kind == "tags" else git.find_branch(name)
    return (None if commit is None else git.describe(commit)), git.default_branch


async def _find(call: Call, kind: str, name: str) -> tuple[Described, str]:
    try:
        found, default = await read_repository(call.house, call.place.id, _look, kind, name)
    except RepositoryNotFound:
        found, default = None, ""
    if found is None:
        raise TagNotFound() if kind == "tags" else BranchNotFound()
    return found, default


async def get_tag(call: Call) -> Answer:
    """One tag. Raises `TagNotFound`."""
    return json_reply(await _describe_tag(call, call.params["name"]))


async def _describe_tag(call: Call, name: str) -> Shape:
    found, _ = await _find(call, "tags", name)
    return _tag_shape(call, name, found, await _messages(call, [name]))


async def get_branch(call: Call) -> Answer:
    """One branch. Raises `BranchNotFound`."""
    return json_reply(await _describe_branch(call, call.params["name"]))


async def _describe_branch(call: Call, name: str) -> Shape:
    found, default = await _find(call, "branches", name)
    return _branch_shape(call, name, found, default, await call.house.database.read(gits.list_protected, call.place.id))


async def get_commit(call: Call) -> Answer:
    """One commit, by its id, or a branch or tag that leads to it. Raises `CommitNotFound`."""

    def look(git: Reader) -> Described | None:
        commit = git.resolve(call.params["name"])
        return None if commit is None else git.describe(commit)

    try:
        found = await read_repository(call.house, call.place.id, look)
    except RepositoryNotFound:
        found = None
    if found is None:
        raise CommitNotFound()
    return json_reply(commit_shape(call, found))


# -- shapes ----------------------------------------------------------------------------------------------------------


def commit_shape(call: Call, found: Described) -> Shape:
    """A commit as GitLab shows it."""
    commit = found.commit
    committed = _time(commit.time)
    return {
        "id": commit.id,
        "short_id": commit.id[:8],
        "created_at": committed,
        "parent_ids": list(commit.parents),
        "title": commit.message.partition("\n")[0],
        "message": commit.message,
        "author_name": found.author_name,
        "author_email": found.author_email,
        "authored_date": _time(found.author_time),
        "committer_name": found.committer_name,
        "committer_email": found.committer_email,
        "committed_date": committed,
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{_page(call)}/-/commit/{commit.id}",
    }


def _time(seconds: int) -> str:
    """A time as commits have it; one that no calendar has is the first there is."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+00:00")
    except (ValueError, OverflowError, OSError):
        return "1970-01-01T00:00:00.000+00:00"


def _page(call: Call) -> str:
    return f"{call.house.settings.base_url}/{quote(call.place.full_path)}"


def _tag_shape(call: Call, name: str, found: Described, messages: Mapping[str, tuple[str, str]]) -> Shape:
    target, message = messages.get(name, (found.commit.id, ""))
    return {
        "name": name,
        "message": message.rstrip("\n"),
        "target": target,
        "commit": commit_shape(call, found),
        "release": None,
        "protected": False,
        "created_at": None,
    }


def _branch_shape(call: Call, name: str, found: Described, default: str, rules: Sequence[ProtectedBranch]) -> Shape:
    protected = bool(rules_for(rules, name))
    return {
        "name": name,
        "commit": commit_shape(call, found),
        "merged": False,
        "protected": protected,
        "developers_can_push": protected and may_push(rules, name, Role.DEVELOPER),
        "developers_can_merge": protected and any(0 < rule.merge_level <= Role.DEVELOPER for rule in rules_for(rules, name)),
        "can_push": can(call.access, Action.PUBLISH) and may_push(rules, name, standing(call.access)),
        "default": name == default,
        "web_url": f"{_page(call)}/-/tree/{quote(name)}",
    }


# -- changing --------------------------------------------------------------------------------------------------------


async def create_tag(call: Call) -> Answer:
    """A tag at a branch, a tag or a commit; with a message it is an annotated one. Raises `Invalid`, `AlreadyExists`, `Protected`."""
    parameters = await read_parameters(call)
    name, ref, message = parameters.needed("tag_name"), parameters.needed("ref"), parameters.text("message", LONGEST_MESSAGE)
    if refused := await refused_tags(call, [name]):
        raise Protected(refused[name])
    await _make(call, TAGS + name, ref, message or "")
    return json_reply(await _describe_tag(call, name), 201)


async def create_branch(call: Call) -> Answer:
    """A branch at a branch, a tag or a commit. Raises `Invalid`, `AlreadyExists`."""
    parameters = await read_parameters(call)
    name, ref = parameters.needed("branch"), parameters.needed("ref")
    if not may_push(await call.house.database.read(gits.list_protected, call.place.id), name, standing(call.access)):
        raise Forbidden("Forbidden - The name is that of a protected branch, which you may not push to")
    await _make(call, BRANCHES + name, ref, "")
    return json_reply(await _describe_branch(call, name), 201)


async def _make(call: Call, name: str, ref: str, message: str) -> None:
    await mirrors.check_own(call.house, call.place.id)
    try:
        commit = await read_repository(call.house, call.place.id, lambda git: git.resolve(ref))
    except RepositoryNotFound:
        commit = None
    if commit is None:
        raise Invalid(f"Target {ref[:120]!r} is invalid: no branch, tag or commit is called so")
    folder = repository_path(call.house, call.place.id)
    who = call.actor.name or call.actor.username or call.actor.kind
    made = await asyncio.to_thread(keeping.make_ref, folder, name, commit, message, who)
    await note_change(call.house, call.place.id, call.actor, {name: made})


async def delete_tag(call: Call) -> Answer:
    """The tag is gone; what was published from it stays. Raises `TagNotFound`."""
    await _find(call, "tags", call.params["name"])
    return await _remove(call, TAGS + call.params["name"])


async def delete_branch(call: Call) -> Answer:
    """The branch is gone. Raises `BranchNotFound`, and `Forbidden` for the default branch."""
    _, default = await _find(call, "branches", call.params["name"])
    if call.params["name"] == default:
        raise Forbidden("Forbidden - The default branch cannot be deleted: make another one the default first")
    if not may_delete(await call.house.database.read(gits.list_protected, call.place.id), call.params["name"], standing(call.access)):
        raise Forbidden("Forbidden - A protected branch is deleted by maintainers")
    return await _remove(call, BRANCHES + call.params["name"])


async def _remove(call: Call, ref: str) -> Answer:
    await mirrors.check_own(call.house, call.place.id)
    folder = repository_path(call.house, call.place.id)
    held = (await asyncio.to_thread(keeping.read_refs, folder)).get(ref, ABSENT)
    await asyncio.to_thread(keeping.change_ref, folder, ref, ABSENT, held)
    await note_change(call.house, call.place.id, call.actor, {ref: ABSENT})
    return empty_reply(204)


# -- the repository itself -------------------------------------------------------------------------------------------


async def get_repository(call: Call) -> Answer:
    """Whether there is a repository, and where."""
    row = await call.house.database.read(gits.get_repository, call.place.id)
    return json_reply(_repository_shape(call, row))


def _repository_shape(call: Call, row: GitRow | None) -> Shape:
    return {
        "exists": row is not None,
        "empty": row is None or not row.default_branch,
        "default_branch": None if row is None else row.default_branch or None,
        "pushed_at": None if row is None else when(row.pushed),
        "http_url_to_repo": f"{_page(call)}.git",
    }


async def create_repository(call: Call) -> Answer:
    """An empty repository before the first push; one that is there stays as it is."""
    await folder_to_change(call.house, call.place.id)
    await call.house.database.write(gits.put_repository, call.place.id)
    row = await call.house.database.read(gits.get_repository, call.place.id)
    return json_reply(_repository_shape(call, row), 201)


async def set_default_branch(call: Call) -> Answer:
    """Another default branch. Raises `Invalid` for one that is not there."""
    parameters = await read_parameters(call)
    branch = parameters.needed("default_branch")
    await change_default_branch(call.house, call.place.id, branch)
    return json_reply(_repository_shape(call, await call.house.database.read(gits.get_repository, call.place.id)))


async def import_repository(call: Call) -> Answer:
    """Copy all branches and tags from a folder on the server that the settings allow. Raises `Forbidden`, `Invalid`."""
    if not call.actor.admin:
        raise Forbidden("Forbidden - Only an administrator imports from a folder of the server")
    parameters = await read_parameters(call)
    source = mirrors.find_source(call.house, parameters.needed("path", 1024))
    await mirrors.copy_from(call.house, call.place.id, call.actor, mirrors.Source(url=str(source), local=True))
    row = await call.house.database.read(gits.get_repository, call.place.id)
    return json_reply(_repository_shape(call, row), 201)


# -- mirrors ---------------------------------------------------------------------------------------------------------


def _mirror_shape(row: GitRow) -> Shape:
    """GitLab's pull mirror, and our interval. The password is never shown."""
    return {
        "id": row.project_id,
        "enabled": row.mirror_minutes is not None,
        "url": row.mirror_url,
        "auth_user": row.mirror_user,
        "update_status": row.mirror_state,
        "last_error": row.mirror_error,
        "last_update_at": when(row.mirrored),
        "last_successful_update_at": when(row.mirrored) if row.mirror_state == "finished" else None,
        "next_update_at": when(row.mirror_next),
        "interval_minutes": row.mirror_minutes,
        "mirror_trigger_builds": False,
        "only_mirror_protected_branches": False,
        "mirror_overwrites_diverged_branches": True,
        "mirror_branch_regex": None,
    }


async def _mirror(call: Call) -> GitRow:
    row = await call.house.database.read(gits.get_repository, call.place.id)
    if row is None or row.mirror_url is None:
        raise RepositoryNotFound("This project's repository is not a mirror: set the url first")
    return row


async def get_mirror(call: Call) -> Answer:
    """Where the repository is copied from, and how that went. Raises `RepositoryNotFound`."""
    return json_reply(_mirror_shape(await _mirror(call)))


async def set_mirror(call: Call) -> Answer:
    """Copy from this URL from now on, or with `enabled` false no more by itself. Raises `InvalidParameter`, `UpstreamRefused`."""
    parameters = await read_parameters(call)
    changed = await _read_mirror(call, parameters)
    await call.house.database.write(mirrors.change_mirror, call.place.id, changed, call.actor)
    return json_reply(_mirror_shape(await _mirror(call)))


async def _read_mirror(call: Call, parameters: Parameters) -> dict[str, Any]:
    row = await call.house.database.read(gits.get_repository, call.place.id) or GitRow(call.place.id)
    changed: dict[str, Any] = {}
    url = parameters.text("url", 1024)
    if url is not None:
        changed["mirror_url"] = await mirrors.check_url(call.house, url)
        if row.mirror_url is not None and row.mirror_url != changed["mirror_url"]:
            changed |= {"mirror_user": None, "mirror_secret": None}  # what opens one repository is not tried on another
    elif row.mirror_url is None:
        raise InvalidParameter("url is missing", parameter="url")
    user, password = parameters.text("auth_user"), parameters.text("auth_password", 4096)
    if user is not None:
        changed["mirror_user"] = user or None
    if password is not None:
        changed["mirror_secret"] = await asyncio.to_thread(mirrors.seal, call.house, password) if password else None
    secret, target = changed.get("mirror_secret", row.mirror_secret), changed.get("mirror_url", row.mirror_url)
    if secret is not None and not keeps_secrets(target or "", Guard(call.house.settings.outbound_allow)):
        raise InvalidParameter("auth_password is not sent over plain http: use https, or list the host in outbound_allow", parameter="auth_password")
    minutes = parameters.integer("interval_minutes")
    if minutes is not None and not mirrors.SHORTEST <= minutes <= mirrors.LONGEST:
        raise InvalidParameter(f"interval_minutes must be {mirrors.SHORTEST} to {mirrors.LONGEST}", parameter="interval_minutes")
    enabled = parameters.flag("enabled")
    if enabled is not False and (enabled or minutes is not None or row.mirror_url is None):
        minutes = minutes or row.mirror_minutes or mirrors.USUAL
        changed |= {"mirror_minutes": minutes, "mirror_next": 0, "mirror_state": "scheduled"}
    elif enabled is False:
        changed |= {"mirror_minutes": None, "mirror_next": None, "mirror_state": "none"}
    return changed


async def remove_mirror(call: Call) -> Answer:
    """The repository is this project's own from now on; what was copied stays."""
    await _mirror(call)
    await call.house.database.write(mirrors.change_mirror, call.place.id, mirrors.NO_MIRROR, call.actor)
    return empty_reply(204)


async def pull_mirror(call: Call) -> Answer:
    """Copy now, and wait for it. Raises `UpstreamFailed`, `UpstreamRefused`, `Conflict`."""
    await mirrors.pull(call.house, await _mirror(call), call.actor)
    return json_reply(_mirror_shape(await _mirror(call)))


# -- routes ----------------------------------------------------------------------------------------------------------


def pushing(handler: Any) -> Any:
    """The handler, for those who may push code."""

    async def checked(call: Call) -> Answer:
        check_push(call.access)
        return await handler(call)  # type: ignore[no-any-return]

    return writing(checked)


def routes() -> Iterable[Route]:
    def one(method: str, tail: str, handler: Any, action: Action) -> Route:
        return route_of("project", method, f"/{tail}", handler, action, area="repository", limit=256 * 1024)

    return (
        one("GET", "repository/tags", list_tags, Action.READ),
        one("POST", "repository/tags", pushing(create_tag), Action.PUBLISH),
        one("GET", "repository/tags/{name*}", get_tag, Action.READ),
        one("DELETE", "repository/tags/{name*}", pushing(delete_tag), Action.PUBLISH),
        one("GET", "repository/branches", list_branches, Action.READ),
        one("POST", "repository/branches", pushing(create_branch), Action.PUBLISH),
        one("GET", "repository/branches/{name*}", get_branch, Action.READ),
        one("DELETE", "repository/branches/{name*}", pushing(delete_branch), Action.PUBLISH),
        one("GET", "repository/commits/{name*}", get_commit, Action.READ),
        one("GET", "-/repository", get_repository, Action.READ),
        one("POST", "-/repository", pushing(create_repository), Action.PUBLISH),
        one("PUT", "-/repository", writing(set_default_branch), Action.MANAGE),
        one("POST", "-/repository/import", writing(import_repository), Action.MANAGE),
        one("GET", "mirror/pull", get_mirror, Action.MANAGE),
        one("PUT", "mirror/pull", writing(set_mirror), Action.MANAGE),
        one("DELETE", "mirror/pull", writing(remove_mirror), Action.MANAGE),
        one("POST", "mirror/pull", writing(pull_mirror), Action.MANAGE),
    )
