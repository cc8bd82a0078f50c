"""Yanking, deprecating, unlisting: a version stays for who needs it, and is offered no more; and the way back."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.contract import Answer, Format, Route, Yanking
from packhouse.db import packages
from packhouse.db.packages import Listed
from packhouse.errors import Invalid, PackageNotFound
from packhouse.model import Action, Place
from packhouse.packages import change, rules
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import Changing, done
from packhouse.ui.desk import number_in, place_in
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Field, Form, Panel, Trouble
from packhouse.ui.paths import page_route

LONGEST = 1024


class YankingPages(Changing):
    """Handlers of the question before a version is yanked, and of what answers it."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        path = "{project+}/-/packages/{id}/yank"
        return [
            page_route("GET", path, self.ask, Action.DELETE, place="project"),
            page_route("POST", path, self.yank, Action.DELETE, place="project"),
        ]

    async def ask(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """What would become of a version that is yanked, or offered again."""
        where = place_in(call, "project")
        item, words = await self._find(call, where)
        title, path = f"{item.name} {item.version or ''}".strip(), addresses.package(where.full_path, item.id)
        offered = item.yanked is None
        reason = Field(name="reason", label="Why", kind="text", required=words.needs_reason, longest=LONGEST, hint="Whoever installs it reads this.")
        form = Form(
            id="yank",
            action=f"{path}/yank",
            submit=f"{words.verb} {title}" if offered else words.undo,
            kind="danger" if offered else "",
            fields=(reason,) if offered else (),
            hidden=(("do", "yank" if offered else "offer"),),
        )
        text = f"{words.effect} Its files stay, and so does every lock file that names it."
        told = f"It is {words.state}{f': {item.yanked}' if item.yanked else ''}. It will be offered to everybody again."
        panel = Panel(id="yank-panel", heading="" if offered else words.undo, text=text if offered else told, form=form)
        line = await self._desk.line(where)
        heading = f"{words.verb} {title}" if offered else title
        return await self._panels(call, heading, (panel,), trouble, line=line, current="packages")

    async def yank(self, call: PageCall) -> Answer:
        """It is offered no more, or again."""
        where = place_in(call, "project")
        item, words = await self._find(call, where)
        path = addresses.package(where.full_path, item.id)

        async def work(form: FormFields) -> str:
            offer, reason = form.text("do") == "offer", form.text("reason").strip()[:LONGEST]
            if words.needs_reason and not offer and not reason:
                raise Invalid("Say why: without a reason nobody is told anything")
            format_ = self._desk.house.formats[item.format]
            await self._desk.house.database.write(_yank, format_, call.access, item, None if offer else reason)
            return done(path, f"version_{words.undone if offer else words.state}".replace(" ", "_"))

        return await self._carry_out(call, "yank", work, self._again(self.ask))

    async def _find(self, call: PageCall, where: Place) -> tuple[Listed, Yanking]:
        item = await self._desk.house.database.read(packages.get_package, where.id, number_in(call, "id", PackageNotFound()))
        words = None if item is None else self._desk.mark(item.format).yanking
        if item is None or item.status == "error" or words is None:
            raise PackageNotFound()
        return item, words


def _yank(connection: Connection, format_: Format, access: Access, item: Listed, reason: str | None) -> None:
    what = change.target(format_, item.project, access.actor, item.name)
    rules.read_rules(connection, access, format_, item.name, what.name_key, item.version or "", Action.DELETE)
    change.yank(connection, what, item.version or "", reason)
