"""Projects and groups: made, described, switched on and off, renamed, moved, archived, deleted."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.auth.policy import may
from packhouse.contract import Answer, Route
from packhouse.errors import Invalid
from packhouse.model import Action, Place
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import VISIBILITIES, Changing, done, level_of, settled
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Field, Form, Option, Panel, Trouble, check, select
from packhouse.ui.paths import page_route
from packhouse.ui.views import Fact

PACKAGES = (
    Option(value="enabled", text="Everybody who may see the project"),
    Option(value="private", text="Members only"),
    Option(value="public", text="Anybody, even where the project is hidden"),
    Option(value="disabled", text="Off"),
)
CONTAINERS = (
    Option(value="enabled", text="Everybody who may see the project"),
    Option(value="private", text="Members only"),
    Option(value="disabled", text="Off"),
)
PROJECT_MAKERS = (
    Option(value="developer", text="Developers"),
    Option(value="maintainer", text="Maintainers"),
    Option(value="owner", text="Owners"),
    Option(value="administrator", text="Administrators"),
    Option(value="noone", text="Nobody"),
)
SUBGROUP_MAKERS = (Option(value="maintainer", text="Maintainers"), Option(value="owner", text="Owners"))
PATH_HINT = "Part of every address: letters, digits, dots, dashes and underscores."
TOP = Option(value="", text="Nowhere: at the top")


class GeneralPages(Changing):
    """Handlers of the general settings, and of the forms that make projects and groups."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        found = [
            page_route("GET", "projects/new", self.new_project, Action.SIGN_IN),
            page_route("POST", "projects/new", self.make_project, Action.SIGN_IN),
            page_route("GET", "groups/new", self.new_group, Action.SIGN_IN),
            page_route("POST", "groups/new", self.make_group, Action.SIGN_IN),
        ]
        for tail, handler in (("", self.save), ("/path", self.rename), ("/transfer", self.transfer), ("/delete", self.delete)):
            found.append(page_route("POST", f"{{project+}}/edit{tail}", handler, Action.MANAGE, place="project"))
            found.append(page_route("POST", f"groups/{{group+}}/-/edit{tail}", handler, Action.OWN, place="group"))
        return [
            *found,
            page_route("POST", "{project+}/edit/archive", self.archive, Action.OWN, place="project"),
            page_route("GET", "{project+}/edit", self.edit, Action.MANAGE, place="project"),
            page_route("GET", "groups/{group+}/-/edit", self.edit, Action.OWN, place="group"),
        ]

    # -- making ------------------------------------------------------------------------------------------------------

    async def new_project(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """The form that makes a project; the address may say where."""
        where = await self._namespaces(call, 30)
        form = Form(
            id="new-project",
            action=addresses.NEW_PROJECT,
            submit="Create project",
            fields=(
                Field(name="name", label="Name", required=True, longest=255),
                Field(name="path", label="Path", longest=255, hint=f"{PATH_HINT} Empty: made from the name."),
                select(
                    "namespace_id", "Where", (Option(value="", text=f"{call.actor.username} (your own)"), *where), call.query.get("namespace_id", "")
                ),
                Field(name="description", label="Description", kind="area", longest=2000),
                Field(name="visibility", label="Who may see it", kind="radios", options=VISIBILITIES, chosen=("private",)),
            ),
        )
        command = self._command("new-project", "POST", "projects", {"name": "tools", "visibility": "private"})
        panel = Panel(
            id="new", heading="", text="A project holds packages of any format, container images and their settings.", form=form, command=command
        )
        return await self._panels(call, "New project", (panel,), trouble)

    async def make_project(self, call: PageCall) -> Answer:
        """A new project, and on to it."""

        async def work(form: FormFields) -> str:
            namespace = form.text("namespace_id").strip()
            sent = _filled(form, "name", "path", "description", "visibility") | ({"namespace_id": namespace} if namespace else {})
            made = await self._ask(call, "POST", "projects", sent)
            return done(addresses.place("project", made["path_with_namespace"]), "project_created")

        return await self._carry_out(call, "new-project", work, self._again(self.new_project))

    async def new_group(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """The form that makes a group; the address may say below which."""
        where = await self._namespaces(call, 40)
        form = Form(
            id="new-group",
            action=addresses.NEW_GROUP,
            submit="Create group",
            fields=(
                Field(name="name", label="Name", required=True, longest=255),
                Field(name="path", label="Path", required=True, longest=255, hint=PATH_HINT),
                select("parent_id", "Where", (TOP, *where), call.query.get("parent_id", "")),
                Field(name="description", label="Description", kind="area", longest=2000),
                Field(name="visibility", label="Who may see it", kind="radios", options=VISIBILITIES, chosen=("private",)),
            ),
        )
        command = self._command("new-group", "POST", "groups", {"name": "Acme", "path": "acme", "visibility": "private"})
        text = "A group holds projects and other groups. Its members belong to everything below it, and its address serves all of its packages."
        return await self._panels(call, "New group", (Panel(id="new", heading="", text=text, form=form, command=command),), trouble)

    async def make_group(self, call: PageCall) -> Answer:
        """A new group, and on to it."""

        async def work(form: FormFields) -> str:
            parent = form.text("parent_id").strip()
            sent = _filled(form, "name", "path", "description", "visibility") | ({"parent_id": parent} if parent else {})
            made = await self._ask(call, "POST", "groups", sent)
            return done(addresses.place("group", made["full_path"]), "group_created")

        return await self._carry_out(call, "new-group", work, self._again(self.new_group))

    async def _namespaces(self, call: PageCall, least: int, but: Place | None = None) -> list[Option]:
        """The groups that the viewer may put something into, as far as their role says."""
        query = {"min_access_level": least, "per_page": 100} if not call.actor.admin else {"per_page": 100}
        found = await self._ask(call, "GET", "groups", query=query)
        inside = () if but is None else (but.full_path, f"{but.full_path}/")
        return [
            Option(value=str(group["id"]), text=group["full_path"])
            for group in sorted(found, key=lambda group: str(group["full_path"]))
            if not inside or (group["full_path"] != inside[0] and not group["full_path"].startswith(inside[1]))
        ]

    # -- changing ----------------------------------------------------------------------------------------------------

    async def edit(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """The general settings of a project or a group."""
        line = await self._desk.line(settled(call))
        where = line[-1]  # whole: what a request is authorised for holds no description
        owner = may(call.access, Action.OWN)
        panels = await (self._project_panels(call, where, owner) if where.kind == "project" else self._group_panels(call, where))
        return await self._panels(call, "Settings", panels, trouble, line=line, tabs=self._tabs(call, where, "general"))

    async def _project_panels(self, call: PageCall, where: Place, owner: bool) -> Sequence[Panel]:
        told = await self._ask(call, "GET", "projects/{id+}")
        path, action = f"projects/{where.id}", addresses.edit(where)
        general = Form(
            id="general",
            action=action,
            submit="Save changes",
            fields=(
                Field(name="name", label="Name", value=where.name, required=True, longest=255),
                Field(name="description", label="Description", kind="area", value=where.description, longest=2000),
                *(
                    (Field(name="visibility", label="Who may see it", kind="radios", options=VISIBILITIES, chosen=(level_of(where),)),)
                    if owner
                    else ()
                ),
            ),
        )
        features = Form(
            id="features",
            action=action,
            submit="Save switches",
            hidden=(("features", "true"),),
            fields=(
                select("package_registry_access_level", "Packages may be read by", PACKAGES, where.packages_access),
                select("container_registry_access_level", "Container images may be read by", CONTAINERS, where.containers_access),
                check(
                    "keep_deleted_names",
                    "Names of deleted versions stay taken",
                    told["keep_deleted_names"],
                    "A deleted version cannot be published again, not even by whoever deleted it.",
                ),
            ),
        )
        facts = (Fact(label="Project id", text=str(where.id), copy=True), Fact(label="Path", text=where.full_path, copy=True))
        panels = [
            Panel(
                id="about",
                heading="Name and visibility",
                text="How people find the project, and who may.",
                facts=facts,
                form=general,
                command=self._command("general", "PUT", path, {"description": where.description or "Shared tools"}),
            ),
            Panel(
                id="visibility",
                heading="Features",
                text="What is off is gone from the pages, and its addresses answer 403. Nothing is deleted.",
                form=features,
                command=self._command("features", "PUT", path, {"package_registry_access_level": "private"}),
            ),
        ]
        return (*panels, *(await self._owner_panels(call, where) if owner else ()))

    async def _group_panels(self, call: PageCall, where: Place) -> Sequence[Panel]:
        told = await self._ask(call, "GET", "groups/{id+}", query={"with_projects": "false"})
        form = Form(
            id="general",
            action=addresses.edit(where),
            submit="Save changes",
            fields=(
                Field(name="name", label="Name", value=where.name, required=True, longest=255),
                Field(name="description", label="Description", kind="area", value=where.description, longest=2000),
                Field(name="visibility", label="Who may see it", kind="radios", options=VISIBILITIES, chosen=(level_of(where),)),
                select("project_creation_level", "Projects are made by", PROJECT_MAKERS, told["project_creation_level"]),
                select("subgroup_creation_level", "Subgroups are made by", SUBGROUP_MAKERS, told["subgroup_creation_level"]),
            ),
        )
        about = Panel(
            id="about",
            heading="Name and visibility",
            text="How people find the group, and who may. Nothing below it can be more visible than the group itself.",
            facts=(Fact(label="Group id", text=str(where.id), copy=True), Fact(label="Path", text=where.full_path, copy=True)),
            form=form,
            command=self._command("general", "PUT", f"groups/{where.id}", {"description": where.description or "Tools and their parts"}),
        )
        return (about, *(await self._owner_panels(call, where)))

    async def _owner_panels(self, call: PageCall, where: Place) -> Sequence[Panel]:
        """What only an owner may do: another path, another parent, rest, and the end."""
        word, path, action = where.kind, f"{where.kind}s/{where.id}", addresses.edit(where)
        groups = await self._namespaces(call, 40, where if where.kind == "group" else None)
        elsewhere = tuple(option for option in groups if option.value != str(where.parent_id))
        top = (TOP,) if where.kind == "group" and where.parent_id is not None else ()
        own = (Option(value=call.actor.username, text=f"{call.actor.username} (your own)"),) if where.kind == "project" else ()
        rename = Form(
            id="path",
            action=f"{action}/path",
            submit="Change path",
            fields=(Field(name="path", label="Path", value=where.path, required=True, hint=PATH_HINT),),
        )
        target = "namespace" if where.kind == "project" else "group_id"
        transfer = Form(
            id="transfer", action=f"{action}/transfer", submit=f"Move {word}", fields=(select(target, "To", (*top, *own, *elsewhere), ""),)
        )
        moving = {"namespace": "acme/web"} if where.kind == "project" else {"group_id": 42}
        panels = [
            Panel(
                id="path-panel",
                heading="Path",
                text=f"The old address leads on to the new one and stays reserved. A {word} that holds container images keeps its path.",
                form=rename,
                command=self._command("path", "PUT", path, {"path": where.path}),
            )
        ]
        if top or own or elsewhere:
            panels.append(
                Panel(
                    id="transfer-panel",
                    heading=f"Move the {word}",
                    text="It takes its packages and settings along. Members of the old group lose what they had only through it.",
                    form=transfer,
                    command=self._command("transfer", "PUT" if where.kind == "project" else "POST", f"{path}/transfer", moving),
                )
            )
        if where.kind == "project":
            panels.append(self._archive_panel(where, path))
        gone = "its packages and its tokens" if where.kind == "project" else "every project and group below it, their packages and their tokens"
        confirm = Field(name="confirm", label=f"Type {where.full_path} to delete it", required=True)
        delete = Form(id="delete", action=f"{action}/delete", submit=f"Delete {where.full_path}", kind="danger", fields=(confirm,))
        panels.append(
            Panel(
                id="delete-panel",
                heading=f"Delete the {word}",
                kind="danger",
                text=f"The {word} goes, with {gone}. Its path stays taken, so that nobody else can answer in its name.",
                form=delete,
                fold=f"Delete this {word}",
                command=self._command("delete", "DELETE", path),
            )
        )
        return panels

    def _archive_panel(self, where: Place, path: str) -> Panel:
        verb, text = ("unarchive", "Make it writable again") if where.archived else ("archive", "Archive project")
        form = Form(id="archive", action=f"{addresses.edit(where)}/archive", submit=text, kind="plain", hidden=(("do", verb),))
        return Panel(
            id="archive-panel",
            heading="Archive",
            text="This project can only be read."
            if where.archived
            else "An archived project can only be read. Everything in it stays, and goes on being served.",
            form=form,
            command=self._command("archive", "POST", f"{path}/{verb}"),
        )

    async def save(self, call: PageCall) -> Answer:
        """The name, the description, the visibility or the switches, as sent."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            if where.kind == "group":
                sent = _filled(form, "name", "description", "visibility", "project_creation_level", "subgroup_creation_level", empty=True)
                await self._ask(call, "PUT", "groups/{id+}", sent)
            elif form.has("features"):
                levels = _filled(form, "package_registry_access_level", "container_registry_access_level")
                await self._ask(call, "PUT", "projects/{id+}", levels | {"keep_deleted_names": form.has("keep_deleted_names")})
            else:
                await self._ask(call, "PUT", "projects/{id+}", _filled(form, "name", "description", "visibility", empty=True))
            return done(addresses.edit(where), "saved")

        sent = await self._desk.form(call)
        return await self._carry_out(call, "features" if sent.has("features") else "general", work, self._again(self.edit), sent)

    async def rename(self, call: PageCall) -> Answer:
        """Another path; the old one leads here."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            told = await self._ask(call, "PUT", f"{where.kind}s/{{id+}}", {"path": form.text("path").strip()})
            return done(_edit_of(where, told), "moved")

        return await self._carry_out(call, "path", work, self._again(self.edit))

    async def transfer(self, call: PageCall) -> Answer:
        """Another parent."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            if where.kind == "project":
                told = await self._ask(call, "PUT", "projects/{id+}/transfer", {"namespace": form.text("namespace").strip()})
            else:
                target = form.text("group_id").strip()
                told = await self._ask(call, "POST", "groups/{id+}/transfer", {"group_id": target} if target else {})
            return done(_edit_of(where, told), "moved")

        return await self._carry_out(call, "transfer", work, self._again(self.edit))

    async def archive(self, call: PageCall) -> Answer:
        """Only to be read from now on, or writable again."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            verb = "unarchive" if form.text("do") == "unarchive" else "archive"
            await self._ask(call, "POST", f"projects/{{id+}}/{verb}")
            return done(addresses.edit(where), f"{verb}d")

        return await self._carry_out(call, "archive", work, self._again(self.edit))

    async def delete(self, call: PageCall) -> Answer:
        """Gone, where its path was typed."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            if form.text("confirm").strip() != where.full_path:
                raise Invalid(f"Type {where.full_path} into the field to say that you mean it")
            await self._ask(call, "DELETE", f"{where.kind}s/{{id+}}")
            above = where.full_path.rpartition("/")[0] if where.parent_id is not None else ""
            parent = None if not above else await call.lookup(where.parent_id or 0)
            place = None if parent is None else parent.place
            return done(addresses.HOME if place is None else addresses.of_place(place), f"{where.kind}_deleted")

        return await self._carry_out(call, "delete", work, self._again(self.edit))


def _filled(form: FormFields, *names: str, empty: bool = False) -> dict[str, str]:
    """Those fields that were sent; with `empty`, those too that were emptied."""
    return {name: form.text(name).strip() for name in names if form.has(name) and (form.text(name).strip() or empty)}


def _edit_of(where: Place, told: dict[str, str]) -> str:
    path = told["path_with_namespace"] if where.kind == "project" else told["full_path"]
    return f"{addresses.place(where.kind, path)}{'/edit' if where.kind == 'project' else '/-/edit'}"
