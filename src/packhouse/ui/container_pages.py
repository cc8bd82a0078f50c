"""Pages of images: the repositories of a project or group, the tags of one with what they point at, and the rules of cleanup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec
from sqlalchemy import Connection

from packhouse.api.registry_cleanup import save_policy
from packhouse.auth.policy import Access, authorize, may
from packhouse.contract import Answer, Format
from packhouse.db import changes, containers, pipelines, repositories
from packhouse.db.containers import TagRule
from packhouse.db.engine import now
from packhouse.db.pipelines import PipelineRow
from packhouse.db.repositories import Policy, RepositoryRow, RunRow, TagRow
from packhouse.db.scopes import Reader
from packhouse.errors import Invalid, NotFound
from packhouse.model import Action, Moment, PackageRow, Place, Struct, VersionRow, replace
from packhouse.packages import change, cleanup, rules
from packhouse.packages.cleanup import CONTAINER
from packhouse.packages.house import House
from packhouse.packages.sessions import file_name
from packhouse.ui import addresses, compose, images
from packhouse.ui.calls import PageCall
from packhouse.ui.deleting_views import ConfirmPage, Doomed
from packhouse.ui.desk import Desk, number_in, place_in
from packhouse.ui.forms import FormFields
from packhouse.ui.image_views import AttachedLine, CleanupPage, CleanupState, Option, RepositoryLine, RepositoryListPage, RepositoryPage, TagLine
from packhouse.ui.listing import PAGE, ShortState, read_short, short_filters, short_pager, short_sorting
from packhouse.ui.replies import see_other
from packhouse.ui.views import Fact, Guide, Link, Snippet, SnippetBox
from packhouse.ui.words import plural, size

SORTS = {"name": ("Name", "asc"), "created": ("Created", "desc"), "updated": ("Updated", "desc")}
TAG_SORTS = {"pushed": ("Published", "desc"), "name": ("Name", "asc")}
MOST_ATTACHED = 20
MOST_REPOSITORIES = 10_000
SHOWN_RUNS = 5
CADENCES = {"1d": "Every day", "7d": "Every week", "14d": "Every two weeks", "1month": "Every month", "3month": "Every three months"}
AGES = {"7d": "7 days", "14d": "14 days", "30d": "30 days", "60d": "60 days", "90d": "90 days"}


class RepositoryNotFound(NotFound):
    default = "No repository of images is here"


class TagNotFound(NotFound):
    default = "No such tag is here"


class FoundTags(Struct):
    """A page of tags with all that is shown of them."""

    repository: RepositoryRow
    tags: tuple[TagRow, ...]
    total: int
    below: Mapping[str, str]
    attached: Mapping[str, tuple[AttachedLine, ...]]
    rules: tuple[TagRule, ...]
    size: int
    all_tags: int
    latest: TagRow | None = None  # wherever in the list it is
    builds: Mapping[int, PipelineRow] = {}  # version → the build that pushed it last


class ContainerPages:
    """Handlers of the pages of images."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # -- repositories ------------------------------------------------------------------------------------------------

    async def project_list(self, call: PageCall) -> Answer:
        """The repositories of a project."""
        return await self._list(call, place_in(call, "project"))

    async def group_list(self, call: PageCall) -> Answer:
        """The repositories below a group that the viewer may pull from."""
        return await self._list(call, place_in(call, "group"))

    async def _list(self, call: PageCall, where: Place) -> Answer:
        desk, path, access = self._desk, addresses.containers(where), self._desk.images(call)
        authorize(access, Action.READ)
        state, of_project = read_short(call.query, SORTS), where.kind == "project"
        found, total, counts, policy = await desk.house.database.read(_read_repositories, where, Reader() if of_project else desk.reader(call), state)
        deletes = of_project and may(access, Action.DELETE)
        pushes = of_project and may(access, Action.PUBLISH)
        empty = not total and not state.text
        view = RepositoryListPage(
            frame=desk.frame(call, f"Images of {where.full_path}", line=await desk.line(where), current="containers"),
            total=total,
            filters=short_filters(path, state, SORTS),
            lines=tuple(repository_line(row, self._host, counts.get(row.id, 0), grouped=not of_project, deletes=deletes) for row in found),
            sorting=short_sorting(path, state, SORTS),
            cleanup=_cleanup_state(policy, where, manages=may(access, Action.MANAGE)) if of_project else None,
            commands=push_commands(self._host, where) if pushes else (),
            guide=self._guide(call, where) if empty and pushes else None,
            pager=short_pager(path, state, SORTS, total),
            bin_href=addresses.image_bin(where) if pushes and desk.house.settings.retention_days else "",
        )
        return desk.answer(view)

    def _guide(self, call: PageCall, where: Place) -> Guide:
        text = f"An image is pushed under the path of its project: {self._host}/{where.full_path.lower()}, or anything below it."
        token_href = self._desk.new_token_href(call, "docker", "read_registry,write_registry")
        return Guide(heading="Push the first image", text=text, steps=push_commands(self._host, where), token_href=token_href)

    @property
    def _host(self) -> str:
        return self._desk.house.settings.base_url.partition("://")[2]

    # -- one repository ----------------------------------------------------------------------------------------------

    async def show(self, call: PageCall) -> Answer:
        """The tags of a repository."""
        desk, where, access = self._desk, place_in(call, "project"), self._desk.images(call)
        authorize(access, Action.READ)
        state = read_short(call.query, TAG_SORTS)
        found = await desk.house.database.read(_read_tags, where.id, number_in(call, "id", RepositoryNotFound()), state)
        row = found.repository
        path, reference = addresses.repository(row.project_path, row.id), f"{self._host}/{row.name}"
        deletes, deletes_one = may(access, Action.DELETE), may(access, Action.PUBLISH)

        def line(tag: TagRow) -> TagLine:
            delete_href = addresses.with_query(f"{path}/tags/delete", tag=tag.name) if deletes_one else ""
            publisher = compose.made_by(tag.creator, found.builds.get(tag.version_id), row)
            return images.tag_line(tag, reference, found.below, found.attached.get(tag.version, ()), found.rules, delete_href, publisher)

        view = RepositoryPage(
            frame=desk.frame(call, row.name, line=await desk.line(where), current="containers"),
            name=short_name(row),
            reference=reference,
            total=found.total,
            filters=short_filters(path, state, TAG_SORTS),
            tags=tuple(line(tag) for tag in found.tags),
            facts=(
                Fact(label="Size", text=f"{size(found.size)}, what is shared counted once"),
                Fact(label="Tags", text=plural(found.all_tags, "tag")),
                Fact(label="Created", at=row.created),
                Fact(label="Project", text=row.project_path, href=addresses.place("project", row.project_path)),
                Fact(label="Repository id", text=str(row.id), copy=True),
            ),
            install=self._install(call, found),
            sorting=short_sorting(path, state, TAG_SORTS),
            delete_href=f"{path}/delete" if deletes else "",
            bulk_action=f"{path}/tags/delete" if deletes and found.tags else "",
            pager=short_pager(path, state, TAG_SORTS, found.total),
        )
        return desk.answer(view)

    def _install(self, call: PageCall, found: FoundTags) -> SnippetBox | None:
        """How to pull: by the tag everybody means, or else by the first one shown."""
        house, row = self._desk.house, found.repository
        tag = found.latest or (found.tags[0] if found.tags else None)
        if tag is None or CONTAINER not in house.formats:
            return None
        moment = Moment(at=0, api=house.api, format=CONTAINER, level="project", place=row.project)
        version = VersionRow(id=tag.version_id, project=row.project, name=row.name, version=tag.version)
        package = PackageRow(id=row.id, project=row.project, name=row.name, key=row.name, versions=(version,), tags={tag.name: tag.version})
        token_href = self._desk.new_token_href(call, "docker", "read_registry")
        return compose.snippet_box(house.formats[CONTAINER], moment, package, ("install",), id="pull", token_href=token_href)

    # -- deleting ----------------------------------------------------------------------------------------------------

    async def ask_delete(self, call: PageCall) -> Answer:
        """What would go with a repository."""
        desk, where = self._desk, place_in(call, "project")
        authorize(desk.images(call), Action.DELETE)
        row = await self._find(call, where)
        counts = await desk.house.database.read(repositories.count_tags, [row.id])
        taken = await desk.house.database.read(repositories.size_of, package_id=row.id, format=CONTAINER)
        tags = counts.get(row.id, 0)
        path = addresses.repository(row.project_path, row.id)
        view = ConfirmPage(
            frame=desk.frame(call, f"Delete {row.name}", line=await desk.line(where), current="containers"),
            heading=f"Delete the repository {row.name}",
            text=f"All its tags and images go. Whoever pulls from it is told that it does not exist. {desk.keeping()}",
            doomed=(Doomed(text=f"{self._host}/{row.name}", detail=f"{plural(tags, 'tag')}, {size(taken)}"),),
            instead=(
                Link(text="Delete single tags", href=path),
                Link(text="Let old tags go by themselves", href=addresses.cleanup_rules(where)),
            ),
            action=f"{path}/delete",
            button=f"Delete {short_name(row)}",
            cancel=path,
            command=api_command("DELETE", f"{desk.house.api}/projects/{where.id}/registry/repositories/{row.id}"),
        )
        return desk.answer(view)

    async def delete(self, call: PageCall) -> Answer:
        """The repository is gone."""
        desk, where, access = self._desk, place_in(call, "project"), self._desk.images(call)
        await desk.form(call)
        authorize(access, Action.DELETE)
        row = await self._find(call, where)
        uploads = await desk.house.database.write(_delete_repository, desk.house, access, row)
        for upload in uploads:
            (desk.house.spool.folder / file_name(upload)).unlink(missing_ok=True)
        return see_other(addresses.with_query(addresses.containers(where), done="repository_deleted", undo=self._undo(row)))

    async def ask_delete_tags(self, call: PageCall) -> Answer:
        """Which tags would go."""
        desk, where = self._desk, place_in(call, "project")
        row, names = await self._find(call, where), chosen_in(call, "tag")
        path = addresses.repository(row.project_path, row.id)
        if not names:
            return see_other(path)
        self._authorize_tags(call, names)
        found = await desk.house.database.read(repositories.read_tags, row.id, names=names)
        if not found:
            raise TagNotFound()
        what = f"the tag {found[0].name}" if len(found) == 1 else plural(len(found), "tag")
        view = ConfirmPage(
            frame=desk.frame(call, f"Delete {what}", line=await desk.line(where), current="containers"),
            heading=f"Delete {what} of {short_name(row)}",
            text=f"Nobody can pull by these names any more. Other tags of the same image stay. {desk.keeping()}",
            doomed=tuple(Doomed(text=tag.name, detail=tag.version[:19]) for tag in found),
            warnings=("latest is what clients pull that name no tag.",) if any(tag.name == "latest" for tag in found) else (),
            action=f"{path}/tags/delete",
            hidden=tuple(("tag", tag.name) for tag in found),
            button=f"Delete {what}",
            cancel=path,
            command=api_command("DELETE", f"{desk.house.api}/projects/{where.id}/registry/repositories/{row.id}/tags/{found[0].name}"),
        )
        return desk.answer(view)

    async def delete_tags(self, call: PageCall) -> Answer:
        """The tags are gone; those that are gone already, or protected, are said."""
        desk, where, access = self._desk, place_in(call, "project"), self._desk.images(call)
        form = await desk.form(call)
        names = form.texts("tag")
        self._authorize_tags(call, names)
        row = await self._find(call, where)
        for name in names:
            await desk.house.database.write(_delete_tag, desk.house.formats[CONTAINER], access, row, name)
        done, path = "tags_deleted" if len(names) > 1 else "tag_deleted", addresses.repository(row.project_path, row.id)
        return see_other(addresses.with_query(path, done=done, undo=self._undo(row), tags=" ".join(names)))

    def _undo(self, row: RepositoryRow) -> int | None:
        return row.id if self._desk.house.settings.retention_days else None

    def _authorize_tags(self, call: PageCall, names: Sequence[str]) -> None:
        # who may push may take a single tag away again, as over REST; more than one at once is for who may delete
        authorize(self._desk.images(call), Action.PUBLISH if len(names) == 1 else Action.DELETE)

    async def _find(self, call: PageCall, where: Place) -> RepositoryRow:
        id_ = number_in(call, "id", RepositoryNotFound())
        row = await self._desk.house.database.read(repositories.get_repository, CONTAINER, id_, where.id)
        if row is None:
            raise RepositoryNotFound()
        return row

    # -- cleanup -----------------------------------------------------------------------------------------------------

    async def cleanup(self, call: PageCall) -> Answer:
        """Which tags go by themselves."""
        where = place_in(call, "project")
        authorize(self._desk.images(call), Action.MANAGE)
        policy = await self._desk.house.database.read(repositories.get_policy, where.id) or Policy(project=where.id)
        return await self._show_policy(call, where, policy, ())

    async def save_cleanup(self, call: PageCall) -> Answer:
        """The rules as they were sent, or what they would remove now."""
        desk, where = self._desk, place_in(call, "project")
        form = await desk.form(call)
        authorize(desk.images(call), Action.MANAGE)
        known = await desk.house.database.read(repositories.get_policy, where.id) or Policy(project=where.id)
        policy = read_policy(form, known)
        faults = policy_faults(policy)
        if faults or form.text("do") == "preview":
            return await self._show_policy(call, where, policy, faults, preview=not faults)
        await desk.house.database.write(save_policy, policy, call.actor, now())
        return see_other(addresses.with_query(addresses.cleanup_rules(where), done="cleanup_saved"))

    async def _show_policy(
        self, call: PageCall, where: Place, policy: Policy, faults: tuple[tuple[str, str], ...], *, preview: bool = False
    ) -> Answer:
        desk = self._desk
        shown = await desk.house.database.read(_preview, policy) if preview else None
        runs, _ = await desk.house.database.read(repositories.list_runs, where.id, 0, SHOWN_RUNS)
        view = CleanupPage(
            frame=desk.frame(call, "Cleanup of tags", line=await desk.line(where), current="containers"),
            action=addresses.cleanup_rules(where),
            enabled=policy.enabled,
            cadence=options(CADENCES, policy.cadence),
            keep_n=options({"": "None", **{str(n): plural(n, "tag") for n in cleanup.KEEPS}}, "" if policy.keep_n is None else str(policy.keep_n)),
            older_than=options({"": "Any age", **AGES}, policy.older_than or ""),
            remove=policy.name_regex,
            keep=policy.name_regex_keep or "",
            faults=faults,
            next_run=policy.next_run_at if policy.enabled and policy.next_run_at else None,
            preview=tuple((name, tuple(tags)) for name, tags in shown.items() if tags) if shown is not None else None,
            preview_total=sum(map(len, shown.values())) if shown is not None else 0,
            runs=tuple(run_line(row) for row in runs),
            back=addresses.containers(where),
        )
        return desk.answer(view, 422 if faults else 200)


# -- reading ---------------------------------------------------------------------------------------------------------


def _read_repositories(
    connection: Connection, where: Place, reader: Reader, state: ShortState
) -> tuple[list[RepositoryRow], int, dict[int, int], Policy | None]:
    of_project = where.kind == "project"
    found, total = repositories.list_repositories(
        connection,
        CONTAINER,
        project=where.id if of_project else None,
        group=None if of_project else where.id,
        reader=reader,
        text=state.text,
        order=state.order_by,
        descending=state.descending,
        offset=state.offset,
        limit=PAGE,
    )
    policy = repositories.get_policy(connection, where.id) if of_project else None
    return found, total, repositories.count_tags(connection, [row.id for row in found]), policy


def _read_tags(connection: Connection, project: int, id_: int, state: ShortState) -> FoundTags:
    row = repositories.get_repository(connection, CONTAINER, id_, project)
    if row is None:
        raise RepositoryNotFound()
    names, total = repositories.find_tags(
        connection, row.id, text=state.text, order=state.order_by, descending=state.descending, offset=state.offset, limit=PAGE
    )
    by_name = {tag.name: tag for tag in repositories.read_tags(connection, row.id, names=names)}
    tags = tuple(by_name[name] for name in names if name in by_name)
    digests = list(dict.fromkeys(tag.version for tag in tags))
    children = list(dict.fromkeys(digest for tag in tags for digest in images.children_of(tag.facts)))
    attached = {}
    for digest in digests:
        found = containers.list_referring(connection, project, CONTAINER, row.name, digest, "", MOST_ATTACHED)
        attached[digest] = tuple(images.attached_line(other) for other in found)
    for other in repositories.read_tags(connection, row.id, names=images.beside_names(digests)):
        digest = other.name.rpartition(".")[0].replace("-", ":", 1)
        attached[digest] += (images.beside_line(other),)
    return FoundTags(
        repository=row,
        tags=tags,
        total=total,
        below=repositories.read_facts(connection, row.id, children),
        attached=attached,
        rules=tuple(containers.tag_rules(connection, project, CONTAINER)),
        size=repositories.size_of(connection, package_id=row.id, format=CONTAINER),
        all_tags=repositories.count_tags(connection, [row.id]).get(row.id, 0),
        latest=next(iter(repositories.read_tags(connection, row.id, cleanup.KEPT_ALWAYS)), None),
        builds=pipelines.builds_of(connection, [tag.version_id for tag in tags], now()),
    )


def _preview(connection: Connection, policy: Policy) -> dict[str, list[str]]:
    found, _ = repositories.list_repositories(
        connection, CONTAINER, project=policy.project, group=None, reader=Reader(), offset=0, limit=MOST_REPOSITORIES
    )
    return cleanup.preview(connection, None, policy.project, cleanup.choice_of(policy), found)


# -- changing --------------------------------------------------------------------------------------------------------


def _delete_repository(connection: Connection, house: House, access: Access, repository: RepositoryRow) -> list[str]:
    rules.read_rules(connection, access, house.formats[CONTAINER], repository.name, repository.name, "", Action.DELETE)
    return cleanup.delete_repository(connection, house.formats[CONTAINER], access, repository)


def _delete_tag(connection: Connection, format: Format, access: Access, repository: RepositoryRow, name: str) -> None:
    if changes.tagged_version(connection, repository.id, name) is None:
        return  # somebody was quicker, and it is gone as was asked
    rules.check_tags(connection, access, CONTAINER, repository.name, Action.DELETE, (name,))
    change.tag(connection, change.target(format, repository.project, access.actor, repository.name), name, None)


# -- pure ------------------------------------------------------------------------------------------------------------


def short_name(row: RepositoryRow) -> str:
    """The name below the project; a repository of the project's own path is its root image."""
    return row.name[len(row.project_path) + 1 :] or "root image"


def repository_line(row: RepositoryRow, host: str, tags: int, *, grouped: bool = False, deletes: bool = False) -> RepositoryLine:
    """A repository in a list."""
    path = addresses.repository(row.project_path, row.id)
    return RepositoryLine(
        name=row.name if grouped else short_name(row),
        href=path,
        reference=f"{host}/{row.name}",
        tags=tags,
        created=row.created,
        updated=row.updated,
        project=Link(text=row.project_path, href=addresses.place("project", row.project_path)) if grouped else None,
        delete_href=f"{path}/delete" if deletes else "",
    )


def push_commands(host: str, where: Place) -> tuple[Snippet, ...]:
    """Sign in, build, push."""
    reference = f"{host}/{where.full_path.lower()}"
    return (
        Snippet(id="cli-login", client="docker", title="Sign in", text=f"docker login {host}", language="shell"),
        Snippet(id="cli-build", client="docker", title="Build an image", text=f"docker build -t {reference} .", language="shell"),
        Snippet(id="cli-push", client="docker", title="Push it", text=f"docker push {reference}", language="shell"),
    )


def api_command(method: str, url: str) -> Snippet:
    """What a page does, as a command."""
    text = f'curl --request {method} --header "PRIVATE-TOKEN: <your_access_token>" "{url}"'
    return Snippet(id="as-command", client="curl", title="As a command", text=text, language="shell")


def chosen_in(call: PageCall, name: str) -> tuple[str, ...]:
    """What was ticked in a list, as its form sends it in the address."""
    query = bytes(call.scope.get("query_string") or b"").decode("latin-1")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    return tuple(dict.fromkeys(value for key, value in pairs if key == name and value))


def options(texts: Mapping[str, str], chosen: str) -> tuple[Option, ...]:
    """The values of a form's field; one that is not among the usual ones is offered too."""
    known = dict(texts) if chosen in texts else {**texts, chosen: chosen}
    return tuple(Option(value=value, text=text, chosen=value == chosen) for value, text in known.items())


def read_policy(form: FormFields, known: Policy) -> Policy:
    """The rules as a form sends them. What it cannot send stays."""
    keep_n, older_than = form.text("keep_n"), form.text("older_than")
    return replace(
        known,
        enabled=form.text("enabled") == "1",
        cadence=form.text("cadence") if form.text("cadence") in cleanup.CADENCES else known.cadence,
        keep_n=int(keep_n) if keep_n in {str(n) for n in cleanup.KEEPS} else None,
        older_than=older_than if older_than in AGES else None,
        name_regex=form.text("name_regex").strip()[:255],
        name_regex_keep=form.text("name_regex_keep").strip()[:255] or None,
    )


def policy_faults(policy: Policy) -> tuple[tuple[str, str], ...]:
    """What is wrong with the expressions, by the field of the form."""
    faults = []
    if not policy.name_regex:
        faults.append(("name_regex", "Say which tags go: .* means all of them."))
    for field, pattern in (("name_regex", policy.name_regex), ("name_regex_keep", policy.name_regex_keep)):
        try:
            cleanup.check_choice(cleanup.Choice(delete=pattern or ".*"))
        except Invalid as error:
            faults.append((field, error.message))
    return tuple(faults)


def _cleanup_state(policy: Policy | None, where: Place, *, manages: bool) -> CleanupState:
    href = addresses.cleanup_rules(where) if manages else ""
    if policy is None or not policy.enabled:
        return CleanupState(text="Cleanup is off", href=href)
    return CleanupState(text="Cleanup runs next", href=href, next_run=policy.next_run_at)


def run_line(row: RunRow) -> tuple[int, str, str]:
    """A run of cleanup: when, by whom, and what it did."""
    removed = msgspec.json.decode(row.detail).get("removed", {})
    where = ", ".join(sorted(removed)[:3]) + ("…" if len(removed) > 3 else "")
    done = "is running" if row.ended is None else f"removed {plural(row.removed, 'tag')}, kept {plural(row.kept, 'tag')}"
    return row.started, "By its time" if row.trigger == "policy" else "Asked for", f"{done}{': ' + where if where else ''}"
