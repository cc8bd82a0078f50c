"""Views of the pages that change things: panels of forms and of lines that can be acted on. Pure values, and the two functions that fill them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from msgspec import structs

from packhouse.model import Instant, Struct, replace
from packhouse.ui.views import Badge, Fact, Frame, Link, Pager, Snippet, View


class Option(Struct):
    """One of several values to choose from."""

    value: str
    text: str
    hint: str = ""


class Field(Struct):
    """A field of a form. `kind`: text, email, password, number, date, url, area, select, check, checks, radios or hidden."""

    name: str
    label: str = ""
    kind: str = "text"
    value: str = ""
    options: tuple[Option, ...] = ()
    chosen: tuple[str, ...] = ()  # of checks and radios; a single check is on where this is not empty
    hint: str = ""
    required: bool = False
    locked: bool = False
    least: str = ""
    most: str = ""
    longest: int | None = None
    complete: str = ""  # what a browser may fill in


class Form(Struct):
    """Fields and a button. `kind`: "", danger or plain; `error` says why the last try failed."""

    id: str
    action: str
    submit: str
    fields: tuple[Field, ...] = ()
    kind: str = ""
    error: str = ""
    hidden: tuple[tuple[str, str], ...] = ()
    method: str = "post"


class Act(Struct):
    """Something to do with a line: a button that opens what it would do, and the form that does it."""

    label: str
    form: Form
    text: str = ""


class Detail(Struct):
    """A word about a line, or the instant behind it."""

    text: str = ""
    at: Instant | None = None
    href: str = ""


class Line(Struct):
    """One thing in a list, and what can be done with it."""

    title: str
    href: str = ""
    code: bool = False
    tags: tuple[str, ...] = ()
    badges: tuple[Badge, ...] = ()
    details: tuple[Detail, ...] = ()
    acts: tuple[Act, ...] = ()


class Panel(Struct):
    """One matter of a page. `kind`: "" or danger; `fold` is the word on a button that opens the form."""

    id: str
    heading: str
    text: str = ""
    kind: str = ""
    facts: tuple[Fact, ...] = ()
    lines: tuple[Line, ...] = ()
    empty: str = ""
    form: Form | None = None
    fold: str = ""
    command: Snippet | None = None
    pager: Pager = Pager()
    first: bool = False  # the form stands above the lines: a filter


class Secret(Struct):
    """A token that was just made: shown once."""

    name: str
    value: str
    username: str = ""


class PanelsPage(View):
    """A page of panels."""

    template: ClassVar[str] = "panels.html"

    frame: Frame
    heading: str
    lead: str = ""
    tabs: tuple[Link, ...] = ()
    panels: tuple[Panel, ...] = ()
    secret: Secret | None = None
    links: tuple[Link, ...] = ()


class Trouble(Struct):
    """A form that could not be dealt with: which, why, and what was typed."""

    form: str
    text: str
    typed: Mapping[str, tuple[str, ...]]


def retype(panels: Iterable[Panel], trouble: Trouble | None) -> tuple[Panel, ...]:
    """The panels with what was typed into the form that failed, and why it failed."""
    return tuple(panels) if trouble is None else tuple(_retype_panel(panel, trouble) for panel in panels)


def _retype_panel(panel: Panel, trouble: Trouble) -> Panel:
    form = None if panel.form is None else _retype_form(panel.form, trouble)
    lines = tuple(
        replace(line, acts=tuple(replace(act, form=_retype_form(act.form, trouble)) for act in line.acts)) if line.acts else line
        for line in panel.lines
    )
    return replace(panel, form=form, lines=lines)


def _retype_form(form: Form, trouble: Trouble) -> Form:
    if form.id != trouble.form:
        return form
    return replace(form, error=trouble.text, fields=tuple(_retype_field(field, trouble.typed) for field in form.fields))


def _retype_field(field: Field, typed: Mapping[str, tuple[str, ...]]) -> Field:
    sent = typed.get(field.name, ())
    if field.kind in ("check", "checks", "radios"):
        return replace(field, chosen=sent)
    if field.kind == "password" or not sent:
        return field
    return structs.replace(field, value=sent[-1])  # type: ignore[type-var]


def check(name: str, label: str, on: object, hint: str = "", *, locked: bool = False) -> Field:
    """A box that is ticked or not."""
    return Field(name=name, label=label, kind="check", value="true", chosen=("true",) if on else (), hint=hint, locked=locked)


def select(name: str, label: str, options: Iterable[Option], value: object, hint: str = "") -> Field:
    """One value of several."""
    return Field(name=name, label=label, kind="select", options=tuple(options), value="" if value is None else str(value), hint=hint)
