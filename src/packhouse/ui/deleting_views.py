"""The views around deleting: the question before something goes, and the bin it can come back from."""

from __future__ import annotations

from typing import ClassVar

from packhouse.model import Instant, Struct
from packhouse.ui.views import FormatMark, Frame, Link, Pager, Snippet, View


class Doomed(Struct):
    """One of the things that would go, and what is worth knowing about it."""

    text: str
    detail: str = ""


class ConfirmPage(View):
    """Names what would go and says what will stop working. `instead` are gentler ways; `consent` is a box that must be ticked first."""

    template: ClassVar[str] = "confirm.html"

    frame: Frame
    heading: str
    text: str
    action: str
    button: str
    cancel: str
    doomed: tuple[Doomed, ...] = ()
    warnings: tuple[str, ...] = ()
    instead: tuple[Link, ...] = ()
    consent: str = ""
    hidden: tuple[tuple[str, str], ...] = ()
    command: Snippet | None = None
    error: str = ""


class BinLine(Struct):
    """Something deleted that can come back. Without an action it is not for this viewer."""

    format: FormatMark
    name: str
    version: str
    deleted: Instant
    gone: Instant  # when it cannot come back any more
    restore_action: str


class BinPage(View):
    """What was deleted from a project and can be restored."""

    template: ClassVar[str] = "bin.html"

    frame: Frame
    text: str
    lines: tuple[BinLine, ...] = ()
    back: str = ""
    heading: str = "Deleted versions"
    back_text: str = "Back to the packages"
    pager: Pager = Pager()
