"""Settings of the repository a project hosts: its default branch, who may push to which branches, and where it is copied from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from packhouse.contract import Answer, Route
from packhouse.db import gits
from packhouse.db.gits import GitRow
from packhouse.errors import NotFound, RepositoryNotFound
from packhouse.git.reading import Reader
from packhouse.model import Action, Place
from packhouse.packages.repositories import read_repository
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import Changing, done, settled
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Act, Detail, Field, Form, Line, Option, Panel, Trouble, check, select
from packhouse.ui.paths import page_route
from packhouse.ui.views import Badge, Fact

SHOWN_BRANCHES = 200
PROTECTED = "projects/{id+}/protected_branches"
MIRROR = "projects/{id+}/mirror/pull"
LEVELS = (Option(value="40", text="Maintainers"), Option(value="30", text="Developers"), Option(value="0", text="Nobody"))
STATES = {"finished": "good", "failed": "danger", "started": "caution"}


class CodeSettingsPages(Changing):
    """Handlers of the settings of hosted repositories."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        handlers = (
            ("GET", "", self.show),
            ("POST", "", self.save),
            ("POST", "/protect", self.protect),
            ("POST", "/unprotect", self.unprotect),
            ("POST", "/mirror", self.mirror),
            ("POST", "/mirror/pull", self.pull),
            ("POST", "/mirror/remove", self.unmirror),
        )
        base = "{project+}/-/settings/code"
        return [page_route(method, base + tail, handler, Action.MANAGE, place="project") for method, tail, handler in handlers]

    async def show(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """How the repository of a project is settled."""
        where = settled(call)
        row = await self._desk.house.database.read(gits.get_repository, where.id)
        panels = [self._about(where, row, await self._branches(where))]
        if self._desk.errands.has("GET", PROTECTED):
            panels.append(self._protected(where, await self._ask(call, "GET", PROTECTED, query={"per_page": 100})))
        panels.append(self._mirror_panel(where, row))
        return await self._panels(call, "Repository", panels, trouble, line=await self._desk.line(where), tabs=self._tabs(call, where, "code"))

    async def _branches(self, where: Place) -> Sequence[str]:
        try:
            return await read_repository(self._desk.house, where.id, _names)
        except RepositoryNotFound:
            return ()

    def _about(self, where: Place, row: GitRow | None, branches: Sequence[str]) -> Panel:
        default = row.default_branch if row is not None else ""
        facts = [Fact(label="Address", text=f"{self._desk.house.settings.base_url}/{quote(where.full_path)}.git", copy=True)]
        facts += [Fact(label="Last change", at=row.pushed)] if row is not None and row.pushed is not None else []
        options = tuple(Option(value=name, text=name) for name in dict.fromkeys((default, *branches)) if name)
        fields = (select("default_branch", "Default branch", options, default, "What a clone begins with, and what the pages show first."),)
        return Panel(
            id="code",
            heading="Hosted repository",
            text="Go and Composer take versions from its tags. The first push makes it.",
            facts=tuple(facts),
            form=Form(id="default-branch", action=_base(where), submit="Save", fields=fields) if options else None,
            command=self._command("default-branch", "PUT", f"projects/{where.id}/-/repository", {"default_branch": default or "main"}),
        )

    async def save(self, call: PageCall) -> Answer:
        """Another default branch."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            await self._ask(call, "PUT", "projects/{id+}/-/repository", {"default_branch": form.text("default_branch")})
            return done(_base(where), "saved")

        return await self._carry_out(call, "default-branch", work, self._again(self.show))

    # -- protected branches ------------------------------------------------------------------------------------------

    def _protected(self, where: Place, rows: list[Mapping[str, Any]]) -> Panel:
        form = Form(
            id="protect",
            action=f"{_base(where)}/protect",
            submit="Protect",
            fields=(
                Field(name="name", label="Branch", required=True, longest=255, hint="* stands for any characters: release/*"),
                select("push_access_level", "May push", LEVELS, 40),
                check("allow_force_push", "History may be rewritten", False),
            ),
        )
        return Panel(
            id="protected-branches",
            heading="Protected branches",
            text="Who may push to them, beyond what roles say. They cannot be deleted by a push.",
            lines=tuple(_branch_line(where, row) for row in rows),
            empty="No branch is protected.",
            form=form,
            fold="Protect a branch",
            command=self._command("protect", "POST", f"projects/{where.id}/protected_branches", {"name": "release/*", "push_access_level": 40}),
        )

    async def protect(self, call: PageCall) -> Answer:
        """One more protected branch, or pattern of branches."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            sent = {"name": form.text("name").strip(), "push_access_level": form.text("push_access_level")}
            await self._ask(call, "POST", PROTECTED, sent | {"allow_force_push": form.has("allow_force_push")})
            return done(_base(where), "rule_added")

        return await self._carry_out(call, "protect", work, self._again(self.show))

    async def unprotect(self, call: PageCall) -> Answer:
        """A branch is protected by roles alone again."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            if not form.text("name"):
                raise NotFound("No branch was named")
            await self._ask(call, "DELETE", f"{PROTECTED}/{{name*}}", params={"name": form.text("name")})
            return done(_base(where), "rule_removed")

        return await self._carry_out(call, "unprotect", work, self._again(self.show))

    # -- the mirror --------------------------------------------------------------------------------------------------

    def _mirror_panel(self, where: Place, row: GitRow | None) -> Panel:
        kept = row if row is not None and row.mirror_url is not None else None
        form = Form(
            id="mirror",
            action=f"{_base(where)}/mirror",
            submit="Save",
            fields=(
                Field(name="url", label="Copy from", kind="url", value=kept.mirror_url or "" if kept else "", required=True, longest=1024),
                Field(name="auth_user", label="User name there", value=kept.mirror_user or "" if kept else "", complete="off"),
                Field(name="auth_password", label="Password or token there", kind="password", complete="off", hint="Empty: stays as it is."),
                Field(
                    name="interval_minutes",
                    label="Every",
                    kind="number",
                    value=str(kept.mirror_minutes or 30 if kept else 30),
                    least="5",
                    most="10080",
                    hint="Minutes.",
                ),
            ),
        )
        return Panel(
            id="mirror-panel",
            heading="Mirror",
            text="The repository is a copy of another one, fetched again and again. What was pushed here is overwritten.",
            lines=(_mirror_line(where, kept),) if kept is not None else (),
            empty="It is not a copy of another repository.",
            form=form,
            fold="Change" if kept is not None else "Copy from elsewhere",
            command=self._command("mirror", "PUT", f"projects/{where.id}/mirror/pull", {"url": "https://code.example/acme/tools.git"}),
        )

    async def mirror(self, call: PageCall) -> Answer:
        """Copied from there from now on."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            sent: dict[str, Any] = {name: form.text(name).strip() for name in ("url", "auth_user", "interval_minutes")}
            password = form.text("auth_password")
            await self._ask(call, "PUT", MIRROR, sent | {"enabled": True} | ({"auth_password": password} if password else {}))
            return done(_base(where), "saved")

        return await self._carry_out(call, "mirror", work, self._again(self.show))

    async def pull(self, call: PageCall) -> Answer:
        """Copied now; what goes wrong is said."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            await self._ask(call, "POST", MIRROR)
            return done(_base(where), "saved")

        return await self._carry_out(call, "pull", work, self._again(self.show))

    async def unmirror(self, call: PageCall) -> Answer:
        """Not copied any more; what is here stays."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            await self._ask(call, "DELETE", MIRROR)
            return done(_base(where), "entry_removed")

        return await self._carry_out(call, "unmirror", work, self._again(self.show))


def _names(git: Reader) -> Sequence[str]:
    return tuple(git.branches())[:SHOWN_BRANCHES]


def _base(where: Place) -> str:
    return addresses.settings(where, "code")


def _branch_line(where: Place, row: Mapping[str, Any]) -> Line:
    levels = {option.value: option.text for option in LEVELS}
    told = row["push_access_levels"][0]
    pushes = levels.get(str(told["access_level"]), told["access_level_description"]).lower()
    form = Form(id="unprotect", action=f"{_base(where)}/unprotect", submit=f"Unprotect {row['name']}", kind="danger", hidden=(("name", row["name"]),))
    details = (Detail(text=f"push: {pushes}"), *((Detail(text="history may be rewritten"),) if row["allow_force_push"] else ()))
    act = Act(label="Remove", form=form, text="Every developer may then push to it.")
    return Line(title=row["name"], code=True, details=details, acts=(act,))


def _mirror_line(where: Place, row: GitRow) -> Line:
    details = [Detail(text="last copied", at=row.mirrored)] if row.mirrored is not None else [Detail(text="not copied yet")]
    details += [Detail(text="next", at=row.mirror_next)] if row.mirror_next else []
    details += [Detail(text=row.mirror_error)] if row.mirror_error else []
    pull = Form(id="pull", action=f"{_base(where)}/mirror/pull", submit="Copy now", kind="plain")
    remove = Form(id="unmirror", action=f"{_base(where)}/mirror/remove", submit="Stop copying", kind="danger")
    return Line(
        title=row.mirror_url or "",
        code=True,
        badges=(Badge(text=row.mirror_state, kind=STATES.get(row.mirror_state, "plain")),) if row.mirror_state != "none" else (),
        details=tuple(details),
        acts=(
            Act(label="Copy now", form=pull, text="This waits until it is done."),
            Act(label="Remove", form=remove, text="What is here stays as it is."),
        ),
    )
