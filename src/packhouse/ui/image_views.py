"""Views of images: the repositories of a place, the tags of one, cleanup, and what a dependency proxy holds."""

from __future__ import annotations

from typing import ClassVar

from packhouse.model import Instant, Struct
from packhouse.ui.views import Badge, Fact, Filters, Frame, Guide, Link, Pager, Publisher, Snippet, SnippetBox, SortChoice, View


class RepositoryLine(Struct):
    """A repository of images in a list. `reference` is what clients are told, `name` is below the project."""

    name: str
    href: str
    reference: str
    tags: int
    created: Instant
    updated: Instant | None = None
    project: Link | None = None
    delete_href: str = ""


class CleanupState(Struct):
    """What is said of cleanup beside the images of a project."""

    text: str
    href: str = ""
    next_run: Instant | None = None


class RepositoryListPage(View):
    """The images of a project or group."""

    template: ClassVar[str] = "repository_list.html"

    frame: Frame
    total: int
    filters: Filters
    lines: tuple[RepositoryLine, ...] = ()
    sorting: SortChoice | None = None
    cleanup: CleanupState | None = None
    commands: tuple[Snippet, ...] = ()
    guide: Guide | None = None
    pager: Pager = Pager()
    bin_href: str = ""


class PlatformLine(Struct):
    """One of the images that a tag stands for."""

    name: str
    digest: str
    size: int | None = None


class AttachedLine(Struct):
    """Something that speaks of an image: a signature, an attestation, a bill of materials."""

    kind: str
    digest: str
    size: int
    signature: bool = False


class TagLine(Struct):
    """A tag with what it points at."""

    name: str
    reference: str
    digest: str
    pushed: Instant
    platforms: tuple[PlatformLine, ...] = ()
    attached: tuple[AttachedLine, ...] = ()
    badges: tuple[Badge, ...] = ()
    size: int | None = None
    layers: int | None = None
    media_type: str = ""
    config: str = ""
    made: Instant | None = None
    publisher: Publisher | None = None
    delete_href: str = ""

    @property
    def signed(self) -> bool:
        return any(item.signature for item in self.attached)


class RepositoryPage(View):
    """A repository of images with its tags."""

    template: ClassVar[str] = "repository.html"

    frame: Frame
    name: str
    reference: str
    total: int
    filters: Filters
    tags: tuple[TagLine, ...] = ()
    facts: tuple[Fact, ...] = ()
    install: SnippetBox | None = None
    sorting: SortChoice | None = None
    delete_href: str = ""
    bulk_action: str = ""
    pager: Pager = Pager()


class Option(Struct):
    """One of the values a form offers."""

    value: str
    text: str
    chosen: bool = False


class CleanupPage(View):
    """Which tags go by themselves: the form, what it would remove now, and what was removed. `faults` are by field."""

    template: ClassVar[str] = "cleanup.html"

    frame: Frame
    action: str
    enabled: bool
    cadence: tuple[Option, ...]
    keep_n: tuple[Option, ...]
    older_than: tuple[Option, ...]
    remove: str
    keep: str
    faults: tuple[tuple[str, str], ...] = ()
    next_run: Instant | None = None
    preview: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    preview_total: int = 0
    runs: tuple[tuple[Instant, str, str], ...] = ()
    back: str = ""


class CachedLine(Struct):
    """A manifest that a dependency proxy holds."""

    image: str
    tag: str
    digest: str
    size: int
    created: Instant
    read: Instant
    command: str


class ProxyPage(View):
    """What the dependency proxy of a group holds. `state`: on, off or aimless (there is no upstream)."""

    template: ClassVar[str] = "dependency_proxy.html"

    frame: Frame
    state: str
    prefix: str
    text: str = ""
    upstream: str = ""
    facts: tuple[Fact, ...] = ()
    lines: tuple[CachedLine, ...] = ()
    commands: tuple[Snippet, ...] = ()
    clear_href: str = ""
    settings_href: str = ""
    pager: Pager = Pager()
