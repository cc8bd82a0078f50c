"""Builds: whose job tokens open a project, which builds elsewhere may publish without a secret, and which issuers the instance trusts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhouse.contract import Answer, Route
from packhouse.errors import Invalid, NotFound
from packhouse.model import Action, Place, Role
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import ROLES, Changing, confirmed, done, settled, when
from packhouse.ui.desk import CONTAINER, number_in
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Act, Detail, Field, Form, Line, Option, Panel, Trouble, check, select
from packhouse.ui.paths import page_route

SHOWN = 100
ISSUERS = "-/oidc/issuers"
PUBLISHERS = "projects/{id+}/-/trusted_publishers"


class BuildPages(Changing):
    """Handlers of the pages about builds."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        found = [
            page_route(method, f"{{project+}}/-/settings/ci_cd{below}", handler, Action.MANAGE, place="project")
            for method, below, handler in (
                ("GET", "", self.show_jobs),
                ("POST", "", self.switch_jobs),
                ("POST", "/allow", self.allow),
                ("POST", "/{kind}/{ally_id}/remove", self.disallow),
                ("POST", "/publishers", self.trust),
                ("POST", "/publishers/{publisher_id}/remove", self.distrust),
            )
        ]
        issuers = addresses.ADMIN_ISSUERS.removeprefix("/")
        return [
            *found,
            page_route("GET", issuers, self.show_issuers, Action.ADMIN),
            page_route("POST", issuers, self.add_issuer, Action.ADMIN),
            page_route("POST", f"{issuers}/{{issuer_id}}/remove", self.remove_issuer, Action.ADMIN),
        ]

    # -- jobs --------------------------------------------------------------------------------------------------------

    async def show_jobs(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """Whose jobs may use their tokens here."""
        where, base = settled(call), "projects/{id+}/job_token_scope"
        limited = (await self._ask(call, "GET", base))["inbound_enabled"]
        projects = await self._ask(call, "GET", f"{base}/allowlist", query={"per_page": SHOWN})
        groups = await self._ask(call, "GET", f"{base}/groups_allowlist", query={"per_page": SHOWN})
        lines = [_ally(where, "project", row["id"], row["path_with_namespace"]) for row in projects]
        lines += [_ally(where, "group", row["id"], row["full_path"]) for row in groups]
        switch = Form(
            id="switch",
            action=addresses.settings(where, "ci_cd"),
            submit="Save",
            fields=(
                check(
                    "enabled",
                    "Only jobs of the projects and groups below",
                    limited,
                    "Otherwise jobs of every project come in, as far as their user may.",
                ),
            ),
        )
        allow = Form(
            id="allow",
            action=f"{addresses.settings(where, 'ci_cd')}/allow",
            submit="Add",
            fields=(Field(name="target", label="Project or group", required=True, longest=1024, hint="Its path or its id."),),
        )
        path = f"projects/{where.id}/job_token_scope"
        panels: tuple[Panel, ...] = (
            Panel(
                id="scope",
                heading="Job tokens",
                text="A job carries a token of its own. This says whose tokens open this project.",
                form=switch,
                command=self._command("switch", "PATCH", path, {"enabled": True}),
            ),
            Panel(
                id="allowlist",
                heading="Allow list",
                text="Their jobs may use their tokens here, as far as the user of each job may.",
                lines=tuple(lines),
                form=allow,
                command=self._command("allow", "POST", f"{path}/allowlist", {"target_project_id": 42}),
            ),
        )
        if self._desk.errands.has("GET", PUBLISHERS):
            panels = (*panels, self._publishers(where, await self._ask(call, "GET", PUBLISHERS)))
        return await self._panels(call, "CI/CD", panels, trouble, line=await self._desk.line(where), tabs=self._tabs(call, where, "ci_cd"))

    @confirmed
    async def switch_jobs(self, call: PageCall) -> Answer:
        """The list counts, or does not."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            await self._ask(call, "PATCH", "projects/{id+}/job_token_scope", {"enabled": form.has("enabled")})
            return done(addresses.settings(where, "ci_cd"), "saved")

        return await self._carry_out(call, "switch", work, self._again(self.show_jobs))

    @confirmed
    async def allow(self, call: PageCall) -> Answer:
        """One more project or group whose jobs come in."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            target = form.text("target").strip().strip("/").removeprefix("groups/")
            named: Any = int(target) if target.isascii() and target.isdigit() and len(target) < 16 else target
            place = (await call.lookup(named)).place
            if place is None or place.kind == "user":
                raise Invalid(f"There is no project or group {target[:64]!r} that you may see")
            path = "allowlist" if place.kind == "project" else "groups_allowlist"
            await self._ask(call, "POST", f"projects/{{id+}}/job_token_scope/{path}", {f"target_{place.kind}_id": place.id})
            return done(addresses.settings(where, "ci_cd"), "entry_added")

        return await self._carry_out(call, "allow", work, self._again(self.show_jobs))

    @confirmed
    async def disallow(self, call: PageCall) -> Answer:
        """Its jobs come in no more."""
        where, kind, ally = settled(call), call.params["kind"], number_in(call, "ally_id", NotFound())
        if kind not in ("project", "group"):
            raise NotFound()

        async def work(form: FormFields) -> str:
            path, name = ("allowlist" if kind == "project" else "groups_allowlist"), f"target_{kind}_id"
            await self._ask(call, "DELETE", f"projects/{{id+}}/job_token_scope/{path}/{{{name}}}", params={name: ally})
            return done(addresses.settings(where, "ci_cd"), "entry_removed")

        return await self._carry_out(call, f"disallow-{ally}", work, self._again(self.show_jobs))

    # -- builds elsewhere --------------------------------------------------------------------------------------------

    def _publishers(self, where: Place, rows: list[Mapping[str, Any]]) -> Panel:
        formats = (
            Option(value="", text="Every format"),
            *(Option(value=name, text=format_.title) for name, format_ in sorted(self._desk.house.formats.items()) if name != CONTAINER),
        )
        form = Form(
            id="publisher",
            action=f"{addresses.settings(where, 'ci_cd')}/publishers",
            submit="Trust these builds",
            fields=(
                Field(name="issuer", label="Issuer", kind="url", required=True, longest=512, hint="One that an administrator has named."),
                Field(
                    name="claims",
                    label="Claims",
                    kind="area",
                    required=True,
                    hint="One a line, all must match: repository = acme/tools",
                ),
                select("format", "Publishes", formats, ""),
                Field(name="package", label="Package", longest=255, hint="Empty: any."),
                select("access_level", "As a", (option for option in ROLES if 30 <= int(option.value) <= 40), 30),
            ),
        )
        sent = {"issuer": "https://ci.example", "claims": {"repository": "acme/tools"}}
        return Panel(
            id="publishers",
            heading="Trusted publishers",
            text="Builds of another system that publish with an identity token, without any secret kept there.",
            lines=tuple(_publisher_line(where, row) for row in rows),
            empty="No build elsewhere is trusted.",
            form=form,
            fold="Trust a build",
            command=self._command("publisher", "POST", f"projects/{where.id}/-/trusted_publishers", sent),
        )

    @confirmed
    async def trust(self, call: PageCall) -> Answer:
        """Builds with these claims may publish here."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            sent: dict[str, Any] = {
                name: form.text(name).strip() for name in ("issuer", "format", "package", "access_level") if form.text(name).strip()
            }
            await self._ask(call, "POST", PUBLISHERS, sent | {"claims": read_claims(form.text("claims"))})
            return done(addresses.settings(where, "ci_cd"), "entry_added")

        return await self._carry_out(call, "publisher", work, self._again(self.show_jobs))

    @confirmed
    async def distrust(self, call: PageCall) -> Answer:
        """Those builds publish here no more."""
        where, id_ = settled(call), number_in(call, "publisher_id", NotFound())

        async def work(form: FormFields) -> str:
            await self._ask(call, "DELETE", f"{PUBLISHERS}/{{publisher_id}}", params={"publisher_id": id_})
            return done(addresses.settings(where, "ci_cd"), "entry_removed")

        return await self._carry_out(call, f"publisher-{id_}", work, self._again(self.show_jobs))

    # -- issuers -----------------------------------------------------------------------------------------------------

    async def show_issuers(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """Whose identity tokens count on this instance."""
        rows = await self._ask(call, "GET", ISSUERS)
        form = Form(
            id="issuer",
            action=addresses.ADMIN_ISSUERS,
            submit="Trust issuer",
            fields=(
                Field(name="name", label="Name", required=True, longest=255),
                Field(name="issuer_url", label="Issuer", kind="url", required=True, longest=512, hint="As its tokens write it."),
                Field(name="audience", label="Audience", longest=255, hint="Whom its tokens must be made for. Empty: packhouse."),
            ),
        )
        panel = Panel(
            id="issuers",
            heading="Trusted issuers",
            text="Build systems whose identity tokens projects may trust. Naming one lets nobody in yet: each project says which builds it means.",
            lines=tuple(_issuer_line(row) for row in rows),
            empty="No issuer is trusted.",
            form=form,
            command=self._command("issuer", "POST", ISSUERS, {"name": "CI", "issuer_url": "https://ci.example"}),
        )
        return await self._panels(call, "Trusted issuers", (panel,), trouble, tabs=self._admin_tabs("issuers"))

    @confirmed
    async def add_issuer(self, call: PageCall) -> Answer:
        """An issuer to be trusted, where it answers."""

        async def work(form: FormFields) -> str:
            sent = {name: form.text(name).strip() for name in ("name", "issuer_url", "audience") if form.text(name).strip()}
            await self._ask(call, "POST", ISSUERS, sent)
            return done(addresses.ADMIN_ISSUERS, "entry_added")

        return await self._carry_out(call, "issuer", work, self._again(self.show_issuers))

    @confirmed
    async def remove_issuer(self, call: PageCall) -> Answer:
        """Its tokens count no more."""
        id_ = number_in(call, "issuer_id", NotFound())

        async def work(form: FormFields) -> str:
            await self._ask(call, "DELETE", f"{ISSUERS}/{{issuer_id}}", params={"issuer_id": id_})
            return done(addresses.ADMIN_ISSUERS, "entry_removed")

        return await self._carry_out(call, f"issuer-{id_}", work, self._again(self.show_issuers))


def read_claims(text: str) -> dict[str, str]:
    """Claims as people write them, one a line. Raises `Invalid`."""
    claims: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if not line.strip():
            continue
        if not separator or not name.strip() or not value.strip():
            raise Invalid(f"The line {line.strip()[:64]!r} is no claim: write name = value")
        claims[name.strip()] = value.strip()
    return claims


def _publisher_line(where: Place, row: Mapping[str, Any]) -> Line:
    claims = ", ".join(f"{name} = {value}" for name, value in row["claims"].items())
    action = f"{addresses.settings(where, 'ci_cd')}/publishers/{row['id']}/remove"
    form = Form(id=f"publisher-{row['id']}", action=action, submit="Trust it no more", kind="danger")
    details = [Detail(text=row["issuer"]), Detail(text=" ".join(part for part in (row["format"], row["package"]) if part) or "every package")]
    details += [Detail(text=str(warning)) for warning in row.get("warnings", ())]
    tags = (Role(row["access_level"]).name.lower(),)
    return Line(
        title=claims, code=True, tags=tags, details=tuple(details), acts=(Act(label="Remove", form=form, text="Those builds publish here no more."),)
    )


def _issuer_line(row: Mapping[str, Any]) -> Line:
    form = Form(id=f"issuer-{row['id']}", action=f"{addresses.ADMIN_ISSUERS}/{row['id']}/remove", submit=f"Remove {row['name']}", kind="danger")
    details = (Detail(text=row["issuer_url"]), Detail(text=f"audience {row['audience']}"), when("since", row["created_at"]))
    return Line(
        title=row["name"], details=details, acts=(Act(label="Remove", form=form, text="Every project that trusts builds of it stops doing so."),)
    )


def _ally(where: Place, kind: str, id: int, path: str) -> Line:
    own = kind == "project" and id == where.id
    action = f"{addresses.settings(where, 'ci_cd')}/{kind}/{id}/remove"
    form = Form(id=f"disallow-{id}", action=action, submit=f"Remove {path}", kind="danger")
    acts = () if own else (Act(label="Remove", form=form, text=f"Jobs of {path} can no longer use their tokens here."),)
    return Line(title=path, href=addresses.place(kind, path), details=(Detail(text="this project" if own else kind),), acts=acts)
