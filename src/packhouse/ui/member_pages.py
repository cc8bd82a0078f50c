"""Members of projects and groups: who belongs here and from where, added, changed, removed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from packhouse.auth.policy import may
from packhouse.contract import Answer, Route
from packhouse.errors import NotFound
from packhouse.model import Action, Place, Role
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import ROLES, Changing, confirmed, done, settled, when
from packhouse.ui.desk import number_in
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Act, Detail, Field, Form, Line, Option, Panel, Trouble, select
from packhouse.ui.paths import of_places
from packhouse.ui.views import Badge, Pager

SHOWN = 50
ROBOT = re.compile(r"(project|group)_\d+_bot_[0-9a-f]{32}")


class MemberPages(Changing):
    """Handlers of the members' page."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        found: list[Route] = []
        for kind, project, group in (("project", Action.MANAGE, None), ("group", None, Action.OWN)):
            see = Action.SEE
            base = f"{kind}_members"
            found += of_places("GET", base, self.show, project and see, group and see)
            found += of_places("POST", base, self.add, project, group)
            found += of_places("POST", f"{base}/{{user_id}}", self.change, project, group)
            found += of_places("POST", f"{base}/{{user_id}}/remove", self.remove, project and see, group and see)
        return found

    async def show(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """Everybody who belongs here, those from above too, and the form that adds one. Only for who is signed in."""
        where = settled(call)
        if call.actor.user_id is None:
            raise NotFound()
        line = await self._desk.line(where)
        search, number = call.query.get("query", "")[:255], _page_number(call)
        query = {"per_page": SHOWN, "page": number} | ({"query": search} if search else {})
        found, total = await self._desk.errands.page(call, "GET", f"{where.kind}s/{{id+}}/members/all", query=query)
        ids = ",".join(str(row["id"]) for row in found)
        own = await self._ask(call, "GET", f"{where.kind}s/{{id+}}/members", query={"user_ids": ids or "0", "per_page": SHOWN})
        direct = {row["id"]: row for row in own}
        manages = may(call.access, Action.MANAGE if where.kind == "project" else Action.OWN)
        most = int(Role.OWNER) if call.actor.admin else int(call.access.role)
        lines = tuple(_line(call, where, row, direct.get(row["id"]), manages=manages, most=most) for row in found)
        panels = [
            Panel(
                id="members",
                heading="Members",
                text="Who is a member of a group above is one here too. The higher role counts.",
                lines=lines,
                empty=f"Nobody matches {search!r}." if search else "Nobody is a member here.",
                form=Form(
                    id="find-member",
                    method="get",
                    action=addresses.members(where),
                    submit="Filter",
                    fields=(Field(name="query", label="Name", kind="search", value=search),),
                ),
                first=True,
                pager=_pager(addresses.members(where), search, number, total),
            )
        ]
        if manages:
            panels.insert(0, self._adding(where, most))
        return await self._panels(call, "Members", panels, trouble, line=line, current="members")

    def _adding(self, where: Place, most: int) -> Panel:
        path = f"{where.kind}s/{where.id}/members"
        form = Form(
            id="add",
            action=addresses.members(where),
            submit="Add member",
            fields=(
                Field(name="username", label="User name", required=True, complete="off", longest=255),
                select("access_level", "Role", _roles(most), 30 if most >= 30 else most),
                Field(name="expires_at", label="Until", kind="date", hint="Empty: until somebody removes them."),
            ),
        )
        return Panel(
            id="add-panel",
            heading="Add a member",
            text="Reporters read packages, developers publish, maintainers delete and change settings, owners do everything.",
            form=form,
            command=self._command("add", "POST", path, {"username": "anna", "access_level": 30}),
        )

    @confirmed
    async def add(self, call: PageCall) -> Answer:
        """A new member."""
        where = settled(call)

        async def work(form: FormFields) -> str:
            sent = {"username": form.text("username").strip().removeprefix("@")} | _standing(form)
            await self._ask(call, "POST", f"{where.kind}s/{{id+}}/members", sent)
            return done(addresses.members(where), "member_added")

        return await self._carry_out(call, "add", work, self._again(self.show))

    @confirmed
    async def change(self, call: PageCall) -> Answer:
        """Another role, or another day on which it ends."""
        where, user_id = settled(call), number_in(call, "user_id", NotFound())

        async def work(form: FormFields) -> str:
            await self._ask(call, "PUT", f"{where.kind}s/{{id+}}/members/{{user_id}}", _standing(form), params={"user_id": user_id})
            return done(addresses.members(where), "member_changed")

        return await self._carry_out(call, f"change-{user_id}", work, self._again(self.show))

    @confirmed
    async def remove(self, call: PageCall) -> Answer:
        """A member no more; everybody may leave."""
        where, user_id = settled(call), number_in(call, "user_id", NotFound())

        async def work(form: FormFields) -> str:
            await self._ask(call, "DELETE", f"{where.kind}s/{{id+}}/members/{{user_id}}", params={"user_id": user_id})
            gone = user_id == call.actor.user_id and not (await call.lookup(where.id)).role
            return done(addresses.HOME if gone else addresses.members(where), "member_removed")

        return await self._carry_out(call, f"remove-{user_id}", work, self._again(self.show))


def _line(call: PageCall, where: Place, row: Mapping[str, Any], own: Mapping[str, Any] | None, *, manages: bool, most: int) -> Line:
    robot = ROBOT.fullmatch(row["username"]) is not None
    details = [Detail(text="a robot of an access token" if robot else f"@{row['username']}"), when("since", row["created_at"])]
    details += [Detail(text=f"until {row['expires_at']}")] if row["expires_at"] else []
    details += [] if own is not None else [Detail(text="from a group above")]
    badges = () if row["state"] == "active" else (Badge(text=row["state"], kind="caution"),)
    acts = [] if own is None or robot else _acts(call, where, own, manages=manages and own["access_level"] <= most, most=most)
    return Line(title=row["name"], tags=(Role(row["access_level"]).name.lower(),), badges=badges, details=tuple(details), acts=tuple(acts))


def _acts(call: PageCall, where: Place, own: Mapping[str, Any], *, manages: bool, most: int) -> list[Act]:
    base, myself = f"{addresses.members(where)}/{own['id']}", own["id"] == call.actor.user_id
    change = Form(
        id=f"change-{own['id']}",
        action=base,
        submit="Save",
        fields=(
            select("access_level", "Role", _roles(most), own["access_level"]),
            Field(name="expires_at", label="Until", kind="date", value=own["expires_at"] or ""),
        ),
    )
    verb = "Leave" if myself else "Remove"
    remove = Form(
        id=f"remove-{own['id']}", action=f"{base}/remove", submit=f"{verb} {where.full_path}" if myself else f"Remove {own['name']}", kind="danger"
    )
    text = f"{'You' if myself else own['name']} will see {where.full_path} only as far as everybody may, or a group above allows."
    return ([Act(label="Change", form=change)] if manages else []) + ([Act(label=verb, form=remove, text=text)] if manages or myself else [])


def _roles(most: int) -> tuple[Option, ...]:
    return tuple(option for option in ROLES if int(option.value) <= most)


def _standing(form: FormFields) -> dict[str, str]:
    return {"access_level": form.text("access_level"), "expires_at": form.text("expires_at").strip()}


def _page_number(call: PageCall) -> int:
    text = call.query.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 5 and int(text) else 1


def _pager(base: str, search: str, number: int, total: int) -> Pager:
    if total <= SHOWN:
        return Pager()
    newer = addresses.with_query(base, query=search, page=number - 1) if number > 1 else ""
    older = addresses.with_query(base, query=search, page=number + 1) if number * SHOWN < total else ""
    return Pager(summary=f"{total} members", newer=newer, older=older)
