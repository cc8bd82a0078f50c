"""Tokens of projects and groups: access tokens, which are robots with a role, and deploy tokens, which only carry packages and images."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from packhouse.contract import Answer, Route
from packhouse.errors import NotFound
from packhouse.model import Action, Place, Role
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import REFUSALS, ROLES, Changing, confirmed, done, said, settled, when
from packhouse.ui.desk import number_in
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Act, Detail, Field, Form, Line, Option, Panel, Secret, Trouble, select
from packhouse.ui.paths import of_places
from packhouse.ui.token_pages import SCOPES, last_day, today

SHOWN = 100
ACCESS_SCOPES = tuple(
    Option(value=name, text=name, hint="Everything its role may do, over the API and with every client" if name == "api" else text)
    for name, text in SCOPES.items()
    if name != "read_user"
)
DEPLOY_SCOPES = (
    Option(value="read_package_registry", text="read_package_registry", hint="Read packages"),
    Option(value="write_package_registry", text="write_package_registry", hint="Publish packages"),
    Option(value="delete_package_registry", text="delete_package_registry", hint="Delete packages; no other token of this kind can"),
    Option(value="read_registry", text="read_registry", hint="Pull container images"),
    Option(value="write_registry", text="write_registry", hint="Push container images"),
    Option(value="read_repository", text="read_repository", hint="Read Git repositories"),
)


class PlaceTokenPages(Changing):
    """Handlers of the two token pages of a place."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        found: list[Route] = []
        for tail, show, make, revoke in (
            ("settings/access_tokens", self.show_access, self.make_access, self.revoke_access),
            ("settings/repository", self.show_deploy, self.make_deploy, self.revoke_deploy),
        ):
            found += of_places("GET", tail, show, Action.MANAGE, Action.OWN)
            found += of_places("POST", tail, make, Action.MANAGE, Action.OWN)
            found += of_places("POST", f"{tail}/{{token_id}}/revoke", revoke, Action.MANAGE, Action.OWN)
        return found

    # -- access tokens -----------------------------------------------------------------------------------------------

    async def show_access(self, call: PageCall, trouble: Trouble | None = None, secret: Secret | None = None) -> Answer:
        """The active access tokens, and the form for one more."""
        where = settled(call)
        found = await self._ask(call, "GET", f"{where.kind}s/{{id+}}/access_tokens", query={"state": "active", "per_page": SHOWN})
        most = int(Role.OWNER) if call.actor.admin else int(call.access.role)
        asked = tuple(call.query.get("scopes", "").split(","))
        form = Form(
            id="make",
            action=addresses.settings(where, "access_tokens"),
            submit="Make token",
            fields=(
                Field(name="name", label="Name", required=True, longest=255, value=call.query.get("name", "")[:255]),
                select("access_level", "Role", (option for option in ROLES if int(option.value) <= most), min(30, most)),
                _expiry(),
                Field(name="scopes", label="Scopes", kind="checks", options=ACCESS_SCOPES, chosen=asked),
            ),
        )
        panels = (
            _tokens_panel("Active tokens", [_access_line(where, row) for row in found], f"This {where.kind} has no access tokens."),
            Panel(
                id="new",
                heading="New token",
                text=f"A robot with a role in this {where.kind}. It outlives the person who makes it.",
                form=form,
                command=self._command(
                    "make", "POST", f"{where.kind}s/{where.id}/access_tokens", {"name": "ci", "scopes": ["api"], "access_level": 30}
                ),
            ),
        )
        line, tabs = await self._desk.line(where), self._tabs(call, where, "tokens")
        lead = "Each token is a member of its own: it can do what its role and its scopes both allow."
        return await self._panels(call, "Access tokens", panels, trouble, line=line, tabs=tabs, lead=lead, secret=secret)

    @confirmed
    async def make_access(self, call: PageCall) -> Answer:
        """A new access token, shown this once."""
        where, form = settled(call), await self._desk.form(call)
        sent = _new(form) | {"access_level": form.text("access_level")}
        try:
            made = await self._ask(call, "POST", f"{where.kind}s/{{id+}}/access_tokens", sent)
        except REFUSALS as error:
            return await self.show_access(call, Trouble(form="make", text=said(error.message), typed=form.typed()))
        return await self.show_access(call, secret=Secret(name=made["name"], value=made["token"]))

    async def revoke_access(self, call: PageCall) -> Answer:
        """The token is of no use from now on."""
        where, token_id = settled(call), number_in(call, "token_id", NotFound())

        async def work(form: FormFields) -> str:
            await self._ask(call, "DELETE", f"{where.kind}s/{{id+}}/access_tokens/{{token_id}}", params={"token_id": token_id})
            return done(addresses.settings(where, "access_tokens"), "token_revoked")

        return await self._carry_out(call, f"revoke-{token_id}", work, self._again(self.show_access))

    # -- deploy tokens -----------------------------------------------------------------------------------------------

    async def show_deploy(self, call: PageCall, trouble: Trouble | None = None, secret: Secret | None = None) -> Answer:
        """The deploy tokens that are not revoked, and the form for one more."""
        where = settled(call)
        found = await self._ask(call, "GET", f"{where.kind}s/{{id+}}/deploy_tokens", query={"active": "true", "per_page": SHOWN})
        form = Form(
            id="make",
            action=addresses.settings(where, "repository"),
            submit="Make deploy token",
            fields=(
                Field(name="name", label="Name", required=True, longest=255, value=call.query.get("name", "")[:255]),
                Field(name="username", label="User name", longest=255, hint="Empty: one is made up.", complete="off"),
                Field(name="expires_at", label="Expires on", kind="date", least=(today() + timedelta(days=1)).isoformat(), hint="Empty: never."),
                Field(name="scopes", label="Scopes", kind="checks", options=DEPLOY_SCOPES, chosen=tuple(call.query.get("scopes", "").split(","))),
            ),
        )
        panels = (
            _tokens_panel("Active deploy tokens", [_deploy_line(where, row) for row in found], f"This {where.kind} has no deploy tokens."),
            Panel(
                id="new",
                heading="New deploy token",
                text="For machines that only fetch or publish. It belongs to nobody, and does nothing else.",
                form=form,
                command=self._command(
                    "make", "POST", f"{where.kind}s/{where.id}/deploy_tokens", {"name": "fetch", "scopes": ["read_package_registry"]}
                ),
            ),
        )
        line, tabs = await self._desk.line(where), self._tabs(call, where, "repository")
        return await self._panels(call, "Deploy tokens", panels, trouble, line=line, tabs=tabs, secret=secret)

    @confirmed
    async def make_deploy(self, call: PageCall) -> Answer:
        """A new deploy token, shown this once with its user name."""
        where, form = settled(call), await self._desk.form(call)
        username = form.text("username").strip()
        try:
            made = await self._ask(call, "POST", f"{where.kind}s/{{id+}}/deploy_tokens", _new(form) | ({"username": username} if username else {}))
        except REFUSALS as error:
            return await self.show_deploy(call, Trouble(form="make", text=said(error.message), typed=form.typed()))
        return await self.show_deploy(call, secret=Secret(name=made["name"], value=made["token"], username=made["username"]))

    async def revoke_deploy(self, call: PageCall) -> Answer:
        """The deploy token is of no use from now on."""
        where, token_id = settled(call), number_in(call, "token_id", NotFound())

        async def work(form: FormFields) -> str:
            await self._ask(call, "DELETE", f"{where.kind}s/{{id+}}/deploy_tokens/{{token_id}}", params={"token_id": token_id})
            return done(addresses.settings(where, "repository"), "token_revoked")

        return await self._carry_out(call, f"revoke-{token_id}", work, self._again(self.show_deploy))


def _new(form: FormFields) -> dict[str, Any]:
    sent: dict[str, Any] = {"name": form.text("name").strip(), "scopes": list(form.texts("scopes"))}
    return sent | ({"expires_at": form.text("expires_at")} if form.text("expires_at").strip() else {})


def _expiry() -> Field:
    first = (today() + timedelta(days=1)).isoformat()
    return Field(name="expires_at", label="Expires on", kind="date", value=last_day(), least=first, most=last_day(), required=True)


def _tokens_panel(heading: str, lines: list[Line], empty: str) -> Panel:
    return Panel(id="tokens", heading=heading, lines=tuple(lines), empty=empty)


def _access_line(where: Place, row: Mapping[str, Any]) -> Line:
    details = (when("made", row["created_at"]), when("last used", row["last_used_at"], "never used"), Detail(text=f"expires {row['expires_at']}"))
    tags = (Role(row["access_level"]).name.lower(), *row["scopes"])
    return Line(title=row["name"], tags=tags, details=details, acts=(_revoke(where, "access_tokens", row),))


def _deploy_line(where: Place, row: Mapping[str, Any]) -> Line:
    until = f"expires {row['expires_at'][:10]}" if row["expires_at"] else "does not expire"
    details = (Detail(text=f"user name {row['username']}"), Detail(text=until))
    return Line(title=row["name"], tags=tuple(row["scopes"]), details=details, acts=(_revoke(where, "repository", row),))


def _revoke(where: Place, page: str, row: Mapping[str, Any]) -> Act:
    action = f"{addresses.settings(where, page)}/{row['id']}/revoke"
    form = Form(id=f"revoke-{row['id']}", action=action, submit=f"Revoke {row['name']}", kind="danger")
    return Act(label="Revoke", form=form, text=f"Whatever uses {row['name']} is refused from now on. This cannot be taken back.")
