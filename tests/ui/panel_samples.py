"""The pages that change things, in their usual and odd states."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse.ui.panels import Act, Detail, Field, Form, Line, Option, Panel, PanelsPage, Secret, Trouble, check, retype, select
from packhouse.ui.views import Badge, Fact, Frame, Link, Pager, Snippet, View

HOUR = 3_600_000_000
NOW = 1_784_000_000_000_000
SCOPES = (Option(value="api", text="api"), Option(value="read_api", text="read_api"))
ROLES = (Option(value="20", text="Reporter"), Option(value="30", text="Developer"), Option(value="40", text="Maintainer"))
TABS = (Link(text="General", href="/acme/tools/edit", current=True), Link(text="Access tokens", href="/acme/tools/-/settings/access_tokens"))
MORE = (Link(text="New project", href="/projects/new"),)
SECRET = Secret(name="fetch", value="phdep_" + "x" * 49, username="fetcher")
FIND = (Field(name="query", label="Name of a member", kind="search", value="an"),)
FORM = Form(
    id="general",
    action="/acme/tools/edit",
    submit="Save changes",
    hidden=(("part", "general"),),
    fields=(
        Field(name="name", label="Name", value="tools", required=True, longest=255),
        Field(name="description", label="Description", kind="area", value="What the teams share", hint="In lists, too."),
        Field(name="email", label="Email", kind="email", value="anna@mail.example", complete="email"),
        Field(name="secret", label="Secret", kind="password", complete="off", hint="Empty: stays as it is."),
        Field(name="days", label="Days", kind="number", value="90", least="0", most="3650"),
        Field(name="until", label="Until", kind="date", value="2027-01-31", least="2026-11-26"),
        Field(name="fixed", label="Fixed", value="cannot be changed", locked=True),
        select("role", "Role", ROLES, 30, "What it may do."),
        check("keep", "Names stay taken", True, "Not even whoever deleted it can publish it again."),
        check("locked", "Decided elsewhere", False, locked=True),
        Field(
            name="visibility",
            label="Who may see it",
            kind="radios",
            chosen=("private",),
            hint="Never more than the group.",
            options=(Option(value="private", text="Private", hint="Its members only"), Option(value="public", text="Public")),
        ),
        Field(
            name="scopes",
            label="Scopes",
            kind="checks",
            chosen=("api",),
            options=SCOPES,
        ),
    ),
)
LINES = (
    Line(
        title="Anna Berg",
        tags=("maintainer",),
        badges=(Badge(text="blocked", kind="caution"),),
        details=(Detail(text="@anna"), Detail(text="since", at=NOW - 90 * HOUR), Detail(text="acme", href="/groups/acme")),
        acts=(
            Act(label="Change", form=Form(id="change-1", action="/x/1", submit="Save", fields=(select("access_level", "Role", ROLES, 40),))),
            Act(
                label="Remove",
                form=Form(id="remove-1", action="/x/1/remove", submit="Remove Anna", kind="danger"),
                text="She sees it no more.",
            ),
        ),
    ),
    Line(title="@acme/*", code=True, details=(Detail(text="npm"),)),
    Line(title="acme/web/a-project-whose-name-is-so-long-that-no-line-of-a-narrow-screen-can-hold-it", href="/acme/web/x", code=True),
    Line(title="Settings of acme", href="/groups/acme/-/edit"),
)
PANELS = (
    Panel(
        id="about",
        heading="Name and visibility",
        text="How people find the project, and who may.",
        facts=(Fact(label="Project id", text="7", copy=True), Fact(label="Since", at=NOW - 900 * HOUR)),
        form=FORM,
        command=Snippet(
            id="general-command",
            client="curl",
            text='curl --request PUT --json \'{"name":"tools"}\' \\\n  https://packhouse.example/api/v4/projects/7',
        ),
    ),
    Panel(
        id="members",
        heading="Members",
        first=True,
        form=Form(id="find", method="get", action="/x", submit="Filter", fields=FIND),
        lines=LINES,
        pager=Pager(summary="120 members", older="/x?page=2"),
    ),
    Panel(
        id="delete",
        heading="Delete the project",
        kind="danger",
        text="It goes, with everything in it.",
        fold="Delete this project",
        empty="Nothing keeps it.",
        form=Form(
            id="delete-form",
            action="/acme/tools/edit/delete",
            submit="Delete acme/tools",
            kind="danger",
            fields=(Field(name="confirm", label="Type acme/tools to delete it", required=True),),
        ),
    ),
)


def panel_pages(frame: Frame) -> Mapping[str, View]:
    """Pages of panels: at rest, with a form that failed, with a token just made."""
    typed = {"name": ("typed again",), "role": ("40",), "scopes": ("read_api",)}
    failed = Trouble(form="general", text="Path has already been taken: choose another", typed=typed)
    return {
        "panels": PanelsPage(
            frame=frame,
            heading="Settings",
            lead="Of this project.",
            tabs=TABS,
            panels=PANELS,
            links=MORE,
        ),
        "panels_failed": PanelsPage(frame=frame, heading="Settings", tabs=TABS, panels=retype(PANELS, failed)),
        "panels_refused_act": PanelsPage(
            frame=frame, heading="Members", panels=retype(PANELS[1:2], Trouble(form="remove-1", text="A group keeps at least one owner", typed={}))
        ),
        "panels_secret": PanelsPage(
            frame=frame,
            heading="Deploy tokens",
            tabs=TABS,
            panels=PANELS[2:],
            secret=SECRET,
        ),
    }
