"""The admin area: what there is and how it is, users, switches of the instance."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from packhouse import __version__
from packhouse.contract import Answer, Route
from packhouse.db import audit
from packhouse.db.audit import Lease, ProjectSize, Totals
from packhouse.db.engine import now
from packhouse.errors import NotFound, OutOfSpace
from packhouse.model import Action
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import Changing, confirmed, done, when
from packhouse.ui.desk import number_in
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Act, Detail, Field, Form, Line, Panel, Trouble, check
from packhouse.ui.paths import page_route
from packhouse.ui.views import Badge, Fact, Pager
from packhouse.ui.words import number, plural, size

SHOWN = 50
LARGEST = 10
SWITCHES = (
    ("packages_enabled", "Package registry", "Off: every package address answers 403."),
    ("package_registry_allow_anyone_to_pull_option", "Projects may let anybody pull", "Off: what projects have opened that way is closed again."),
)
FORWARDED = (("npm", "npm"), ("pypi", "PyPI"), ("maven", "Maven"))
NUMBERS = (
    ("container_registry_token_expire_delay", "A registry token lasts", "Minutes."),
    ("container_registry_delete_tags_service_timeout", "One cleanup of tags may take", "Seconds."),
    ("container_registry_cleanup_tags_service_max_list_size", "One cleanup looks at so many tags", ""),
)
VERBS = {
    "active": (("block", "Block"), ("deactivate", "Deactivate")),
    "blocked": (("unblock", "Unblock"),),
    "deactivated": (("activate", "Activate"),),
}


class AdminPages(Changing):
    """Handlers of the admin area."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        users, settings = addresses.ADMIN_USERS.removeprefix("/"), addresses.ADMIN_SETTINGS.removeprefix("/")
        return [
            page_route(method, path, handler, Action.ADMIN)
            for method, path, handler in (
                ("GET", "admin", self.overview),
                ("GET", users, self.users),
                ("POST", users, self.make_user),
                ("POST", f"{users}/{{user_id}}", self.change_user),
                ("POST", f"{users}/{{user_id}}/state", self.change_state),
                ("GET", settings, self.settings),
                ("POST", settings, self.save_settings),
            )
        ]

    # -- overview ----------------------------------------------------------------------------------------------------

    async def overview(self, call: PageCall) -> Answer:
        """How the instance is, and what takes space."""
        house = self._desk.house
        totals, largest, leases = await house.database.read(_overview)
        usage = await asyncio.to_thread(shutil.disk_usage, house.settings.data_path)
        try:
            house.spool.check_space()
            room = ("enough", "good")
        except OutOfSpace:
            room = ("too little: publishing answers 507", "danger")
        health = Panel(
            id="health",
            heading="Health",
            facts=(
                Fact(label="Version", text=__version__),
                Fact(label="Database", text=f"{house.database.dialect}, answers"),
                Fact(label="Free space", text=f"{size(usage.free)} of {size(usage.total)}, {room[0]}"),
                Fact(label="Address", text=house.settings.base_url, copy=True),
                Fact(label="Formats", text=", ".join(format_.title for _, format_ in sorted(house.formats.items()))),
            ),
        )
        panels = (health, _storage(totals, largest), _jobs(leases))
        return await self._panels(call, "Admin area", panels, tabs=self._admin_tabs("overview"))

    # -- users -------------------------------------------------------------------------------------------------------

    async def users(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """Everybody, and the form that makes a user."""
        search, page = call.query.get("search", "")[:255], call.query.get("page", "1")
        current = int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 5 and int(page) else 1
        query = {"per_page": SHOWN, "page": current, "order_by": "username", "sort": "asc"} | ({"search": search} if search else {})
        found, total = await self._desk.errands.page(call, "GET", "users", query=query)
        base = addresses.ADMIN_USERS
        listed = Panel(
            id="users",
            heading="Users",
            text=plural(total, "user"),
            first=True,
            form=Form(
                id="find-user",
                method="get",
                action=base,
                submit="Filter",
                fields=(Field(name="search", label="Name or user name", kind="search", value=search),),
            ),
            lines=tuple(_user_line(call, row) for row in found),
            empty=f"Nobody matches {search!r}.",
            pager=Pager(
                newer=addresses.with_query(base, search=search, page=current - 1) if current > 1 else "",
                older=addresses.with_query(base, search=search, page=current + 1) if current * SHOWN < total else "",
            ),
        )
        return await self._panels(call, "Users", (listed, self._new_user()), trouble, tabs=self._admin_tabs("users"))

    def _new_user(self) -> Panel:
        form = Form(
            id="new-user",
            action=addresses.ADMIN_USERS,
            submit="Create user",
            fields=(
                Field(name="username", label="User name", required=True, longest=255, complete="off"),
                Field(name="name", label="Name", required=True, longest=255, complete="off"),
                Field(name="email", label="Email", kind="email", required=True, longest=255, complete="off"),
                Field(
                    name="password",
                    label="Password",
                    kind="password",
                    complete="new-password",
                    longest=128,
                    hint="At least 8 characters. Empty: the user signs in some other way.",
                ),
                check("admin", "Administrator", False, "May do everything on this instance."),
                check("external", "External", False, "Sees only what they are a member of, and public things."),
            ),
        )
        sent = {"username": "anna", "name": "Anna Berg", "email": "anna@mail.example", "force_random_password": True}
        return Panel(id="new", heading="New user", form=form, fold="Make a user", command=self._command("new-user", "POST", "users", sent))

    @confirmed
    async def make_user(self, call: PageCall) -> Answer:
        """A new user."""

        async def work(form: FormFields) -> str:
            sent: dict[str, Any] = {name: form.text(name).strip() for name in ("username", "name", "email")}
            password = form.text("password")
            sent |= {"password": password} if password else {"force_random_password": True}
            await self._ask(call, "POST", "users", sent | {"admin": form.has("admin"), "external": form.has("external")})
            return done(addresses.ADMIN_USERS, "user_created")

        return await self._carry_out(call, "new-user", work, self._again(self.users))

    @confirmed
    async def change_user(self, call: PageCall) -> Answer:
        """A user with another name, address, password or standing."""
        user_id = number_in(call, "user_id", NotFound())

        async def work(form: FormFields) -> str:
            sent: dict[str, Any] = {name: form.text(name).strip() for name in ("name", "email")}
            sent |= {"external": form.has("external")} | ({"password": form.text("password")} if form.text("password") else {})
            sent |= {"admin": form.has("admin")} if user_id != call.actor.user_id else {}
            await self._ask(call, "PUT", "users/{user_id}", sent, params={"user_id": user_id})
            return done(addresses.ADMIN_USERS, "user_changed")

        return await self._carry_out(call, f"user-{user_id}", work, self._again(self.users))

    async def change_state(self, call: PageCall) -> Answer:
        """A user who is let in no more, or again."""
        user_id = number_in(call, "user_id", NotFound())

        async def work(form: FormFields) -> str:
            verb = form.text("do")
            if verb not in {name for verbs in VERBS.values() for name, _ in verbs}:
                raise NotFound()
            await self._ask(call, "POST", f"users/{{user_id}}/{verb}", params={"user_id": user_id})
            return done(addresses.ADMIN_USERS, "user_changed")

        return await self._carry_out(call, f"state-{user_id}", work, self._again(self.users))

    # -- switches ----------------------------------------------------------------------------------------------------

    async def settings(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """The switches of the instance."""
        told = await self._ask(call, "GET", "application/settings")
        base, path = addresses.ADMIN_SETTINGS, "application/settings"
        forwarding: list[Field] = []
        for name, title in FORWARDED:
            field = f"{name}_package_requests_forwarding"
            forwarding.append(check(field, f"{title}: forward", told[field]))
            forwarding.append(check(f"lock_{field}", f"{title}: groups cannot decide otherwise", told[f"lock_{field}"]))
        panels = (
            Panel(
                id="packages",
                heading="Packages",
                form=Form(
                    id="switches",
                    action=base,
                    submit="Save",
                    hidden=(("part", "switches"),),
                    fields=tuple(check(name, label, told[name], hint) for name, label, hint in SWITCHES),
                ),
                command=self._command("switches", "PUT", path, {"packages_enabled": True}),
            ),
            Panel(
                id="forwarding",
                heading="Forwarding",
                text="What is not found here is asked of the public registry that the server is told of. Groups may decide for themselves.",
                form=Form(id="forward", action=base, submit="Save", hidden=(("part", "forward"),), fields=tuple(forwarding)),
                command=self._command("forward", "PUT", path, {"npm_package_requests_forwarding": False}),
            ),
            Panel(
                id="containers",
                heading="Containers",
                form=Form(
                    id="numbers",
                    action=base,
                    submit="Save",
                    hidden=(("part", "numbers"),),
                    fields=tuple(
                        Field(name=name, label=label, kind="number", value=str(told[name]), least="0", most="1000000", hint=hint)
                        for name, label, hint in NUMBERS
                    ),
                ),
                command=self._command("numbers", "PUT", path, {"container_registry_token_expire_delay": 5}),
            ),
            Panel(id="limits", heading="Largest files", facts=await self._limits(call), text="Settings of the server: max_file_size."),
        )
        return await self._panels(call, "Instance settings", panels, trouble, tabs=self._admin_tabs("settings"))

    async def _limits(self, call: PageCall) -> tuple[Fact, ...]:
        told = await self._ask(call, "GET", "application/plan_limits")
        return tuple(
            Fact(label=self._desk.titles.get(name.removesuffix("_max_file_size"), name), text=size(most)) for name, most in sorted(told.items())
        )

    async def save_settings(self, call: PageCall) -> Answer:
        """One part of the switches, as sent."""
        sent_form = await self._desk.form(call)
        part = sent_form.text("part")

        async def work(form: FormFields) -> str:
            if part == "numbers":
                sent: dict[str, Any] = {name: form.text(name).strip() for name, _, _ in NUMBERS if form.text(name).strip()}
            elif part == "forward":
                names = [f"{prefix}{name}_package_requests_forwarding" for name, _ in FORWARDED for prefix in ("", "lock_")]
                sent = {name: form.has(name) for name in names}
            else:
                sent = {name: form.has(name) for name, _, _ in SWITCHES}
            await self._ask(call, "PUT", "application/settings", sent)
            return done(addresses.ADMIN_SETTINGS, "saved")

        return await self._carry_out(call, part, work, self._again(self.settings), sent_form)


def _overview(connection: Connection) -> tuple[Totals, list[ProjectSize], list[Lease]]:
    return audit.count_everything(connection), audit.largest_projects(connection, LARGEST), list(audit.list_leases(connection))


def _storage(totals: Totals, largest: list[ProjectSize]) -> Panel:
    counts = (
        ("Users", totals.users),
        ("Groups", totals.groups),
        ("Projects", totals.projects),
        ("Packages", totals.packages),
        ("Versions", totals.versions),
        ("Blobs", totals.blobs),
    )
    return Panel(
        id="storage",
        heading="Storage",
        text="Equal bytes are kept once, wherever they are. A project's figure counts all of its files.",
        facts=(*(Fact(label=label, text=number(count)) for label, count in counts), Fact(label="On disk", text=size(totals.size))),
        lines=tuple(
            Line(
                title=row.path,
                href=addresses.place("project", row.path),
                details=(Detail(text=size(row.size)), Detail(text=plural(row.files, "file"))),
            )
            for row in largest
        ),
    )


def _jobs(leases: list[Lease]) -> Panel:
    at = now()
    lines = tuple(
        Line(
            title=row.name,
            code=True,
            badges=(Badge(text="held", kind="good"),) if row.expires > at else (Badge(text="free"),),
            details=(Detail(text=f"process {row.holder}"), Detail(text="last held" if row.expires <= at else "held until", at=row.expires)),
        )
        for row in leases
        if not row.name.startswith("tags/")
    )
    text = "Work that one process does for all: sealing the log, cleaning up, collecting what nobody needs."
    return Panel(id="jobs", heading="Jobs", text=text, lines=lines, empty="No process has taken up a job yet.")


def _user_line(call: PageCall, row: Mapping[str, Any]) -> Line:
    badges = [Badge(text="administrator", kind="good")] if row["is_admin"] else []
    badges += [Badge(text="external")] if row["external"] else []
    badges += [] if row["state"] == "active" else [Badge(text=row["state"], kind="caution")]
    details = (Detail(text=f"@{row['username']}"), Detail(text=row["email"]), when("since", row["created_at"]))
    return Line(title=row["name"], badges=tuple(badges), details=details, acts=_user_acts(call, row))


def _user_acts(call: PageCall, row: Mapping[str, Any]) -> tuple[Act, ...]:
    base, myself = f"{addresses.ADMIN_USERS}/{row['id']}", row["id"] == call.actor.user_id
    fields = (
        Field(name="name", label="Name", value=row["name"], required=True, longest=255),
        Field(name="email", label="Email", kind="email", value=row["email"], required=True, longest=255),
        Field(name="password", label="New password", kind="password", complete="new-password", longest=128, hint="Empty: stays as it is."),
        *(() if myself else (check("admin", "Administrator", row["is_admin"]),)),
        check("external", "External", row["external"]),
    )
    acts = [Act(label="Edit", form=Form(id=f"user-{row['id']}", action=base, submit="Save", fields=fields))]
    if not myself:
        for verb, label in VERBS.get(row["state"], ()):
            kind = "danger" if verb in ("block", "deactivate") else "plain"
            form = Form(id=f"state-{row['id']}", action=f"{base}/state", submit=f"{label} {row['username']}", kind=kind, hidden=(("do", verb),))
            acts.append(Act(label=label, form=form, text=_consequence(verb, row["name"])))
    return tuple(acts)


def _consequence(verb: str, name: str) -> str:
    if verb in ("block", "deactivate"):
        return f"{name} is let in nowhere, and no token of theirs works, until somebody takes it back."
    return f"{name} is let in again."
