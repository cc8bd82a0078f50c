"""What happened in a place, or on the whole instance: the one log, filtered and page by page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from packhouse.contract import Answer, Route, Yanking
from packhouse.db import audit
from packhouse.db.audit import AuditQuery, AuditRow
from packhouse.errors import Invalid
from packhouse.model import Action, Instant, Place, Role
from packhouse.packages.history import read_time
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import Changing, settled
from packhouse.ui.compose import CREDENTIALS
from packhouse.ui.panels import Detail, Field, Form, Line, Option, Panel, select
from packhouse.ui.paths import of_places, page_route
from packhouse.ui.views import Pager

SHOWN = 50
DAY: Instant = 86_400_000_000
PLACES = ("create", "update", "transfer", "archive", "unarchive", "delete")
MATTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "packages": (
        "Packages and images",
        (
            *("publish", "delete", "restore", "tag", "untag", "yank", "unyank", "status"),
            *("delete_blob", "delete_tags", "cleanup", "collect"),
        ),
    ),
    "people": (
        "Members and users",
        (
            *(f"member_{what}" for what in ("add", "update", "remove")),
            *(f"user_{what}" for what in ("create", "update", "block", "unblock", "activate", "deactivate")),
            *("sign_in", "identity_connect", "identity_disconnect", "first_start", "backup_restored"),
        ),
    ),
    "tokens": (
        "Tokens",
        (
            *(f"token_{what}" for what in ("create", "revoke", "rotate", "reuse")),
            *(f"{kind}_{what}" for kind, end in (("deploy_token", "revoke"), ("signing_key", "delete")) for what in ("create", end)),
        ),
    ),
    "places": ("Projects and groups", tuple(f"{kind}_{what}" for kind in ("project", "group") for what in PLACES)),
    "rules": (
        "Settings and rules",
        (
            *(f"{kind}_{what}" for kind in ("protection", "tag_rule") for what in ("create", "update", "delete")),
            *(f"job_scope_{what}" for what in ("add", "change", "remove")),
            *("settings_update", "package_settings_update", "cleanup_policy", "keep_policy", "single_sign_on"),
            *("dependency_proxy_settings", "dependency_proxy_purge"),
        ),
    ),
    "jobs": ("Pipelines and jobs", ("pipeline_create", "job_start", "job_finish")),
}
EMPTY: tuple[Any, ...] = (None, "", [], {}, False)
UNTOLD = frozenset({"name_key", "secret", "token_hash"})


PAST = {
    "add": "added", "archive": "archived", "block": "blocked", "change": "changed", "clear": "cleared", "connect": "connected", "create": "created",
    "deactivate": "deactivated", "activate": "activated", "delete": "deleted", "disconnect": "disconnected", "finish": "finished",
    "publish": "published", "purge": "purged", "remove": "removed", "restore": "restored", "reuse": "used after it was replaced",
    "revoke": "revoked", "rotate": "rotated", "start": "started", "tag": "tagged", "transfer": "moved", "unarchive": "unarchived",
    "unblock": "unblocked", "update": "changed",
}  # fmt: skip
DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
WORDS = {
    "sign_in": "Signed in",
    "first_start": "First start",
    "backup_restored": "Backup brought back",
    "token_reuse": "Token used after it was replaced",
    "collect": "Collected what nobody needs",
    "push": "Code was pushed",
}


class AuditPages(Changing):
    """Handlers of the audit log."""

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        return [
            *of_places("GET", "audit_events", self.show, Action.MANAGE, Action.OWN),
            page_route("GET", addresses.ADMIN_AUDIT.removeprefix("/"), self.everything, Action.ADMIN),
        ]

    async def show(self, call: PageCall) -> Answer:
        """What happened in a place and below it."""
        where = settled(call)
        panel = await self._log(call, addresses.audit(where), where)
        line, tabs = await self._desk.line(where), self._tabs(call, where, "audit")
        return await self._panels(call, "Audit events", (panel,), line=line, tabs=tabs)

    async def everything(self, call: PageCall) -> Answer:
        """What happened on the whole instance."""
        panel = await self._log(call, addresses.ADMIN_AUDIT, None)
        return await self._panels(call, "Audit log", (panel,), tabs=self._admin_tabs("audit"))

    async def _log(self, call: PageCall, base: str, where: Place | None) -> Panel:
        matter, actor, since, until = (call.query.get(name, "")[:100] for name in ("matter", "actor", "since", "until"))
        before = call.query.get("before", "")
        query = AuditQuery(
            place=None if where is None else where.id,
            whats=MATTERS[matter][1] if matter in MATTERS else (),
            actor=actor.strip().removeprefix("@"),
            since=_day(since),
            until=_day(until, DAY),
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None,
            limit=SHOWN + 1,
        )
        found = await self._desk.house.database.read(audit.list_audit, query)
        shown = found[:SHOWN]
        kept = {"matter": matter, "actor": actor, "since": since, "until": until}
        more = addresses.with_query(base, **kept, before=shown[-1].event.id) if len(found) > SHOWN else ""
        first = addresses.with_query(base, **kept) if query.before is not None else ""
        return Panel(
            id="log",
            heading="Events",
            text="Every change, with who made it and with which kind of credential. Nothing is ever taken out of this log.",
            form=_filter(base, matter, actor, since, until),
            first=True,
            lines=tuple(event_line(row, self._yanking_of(row)) for row in shown),
            empty="Nothing that happened matches." if any(kept.values()) else "Nothing has happened yet.",
            pager=Pager(newer=first, older=more),
        )

    def _yanking_of(self, row: AuditRow) -> Yanking | None:
        return self._desk.mark(row.event.format).yanking if row.event.format else None


def _filter(base: str, matter: str, actor: str, since: str, until: str) -> Form:
    matters = (Option(value="", text="Everything"), *(Option(value=name, text=text) for name, (text, _) in MATTERS.items()))
    return Form(
        id="filter",
        method="get",
        action=base,
        submit="Filter",
        fields=(
            select("matter", "About", matters, matter),
            Field(name="actor", label="By", kind="search", value=actor),
            Field(name="since", label="From", kind="date", value=since),
            Field(name="until", label="To", kind="date", value=until),
        ),
    )


def event_line(row: AuditRow, yanking: Yanking | None = None) -> Line:
    """An event as a line."""
    event = row.event
    subject = DIGEST.sub(r"\1…", f"{row.package} {row.version}".strip())
    details = [Detail(text=f"by {event.actor}" if event.actor else "by the registry itself", at=None)]
    details += [Detail(text=f"with a {CREDENTIALS[event.credential]}")] if event.credential in CREDENTIALS else []
    details += [Detail(text=row.path, href=addresses.place(row.kind, row.path))] if row.path else []
    details += [Detail(text=told)] if (told := detail_of(event.detail, ("name", "version") if subject else ())) else []
    happened = words_of(event.what, yanking or Yanking())
    return Line(title=f"{subject} {happened}" if subject else happened.capitalize(), details=(Detail(at=event.at), *details))


def words_of(what: str, yanking: Yanking) -> str:
    """An event's name as people say it: member_add is member added, and a yank what its format calls it."""
    if what in ("yank", "unyank"):
        return yanking.state if what == "yank" else yanking.undone
    *thing, verb = what.split("_")
    return WORDS.get(what) or " ".join((*thing, PAST.get(verb, verb)))


def detail_of(text: str, but: tuple[str, ...] = ()) -> str:
    """What an event says beyond who and where, in a line."""
    try:
        values = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return ""
    if not isinstance(values, dict):
        return ""
    told = (
        f"{name.replace('_', ' ')} {_short(name, value)}"
        for name, value in values.items()
        if name not in UNTOLD and name not in but and value not in EMPTY
    )
    return ", ".join(told)[:300]


def _short(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("level") and value in set(Role):
        return Role(value).name.lower()
    if isinstance(value, list | dict):
        return " ".join(str(part) for part in value)[:120]
    return str(value)[:120]


def _day(text: str, more: Instant = 0) -> Instant | None:
    try:
        return read_time(f"{text}T00:00:00Z") + more if text else None
    except Invalid:
        return None
