"""What the templates are given: frozen values, finished for showing. No template reaches past them, and none of them knows where it came from."""

from __future__ import annotations

from typing import ClassVar

from markupsafe import Markup

from packhouse.contract import Yanking
from packhouse.model import Instant, Struct


class View(Struct):
    """A whole page; the class names its template."""

    template: ClassVar[str]


# -- the frame around every page -------------------------------------------------------------------------------------


class Viewer(Struct):
    """Who looks at the page. `csrf` is bound to the session; `theme` is "" (as the system), light or dark."""

    username: str = ""
    name: str = ""
    admin: bool = False
    csrf: str = ""
    theme: str = ""

    @property
    def signed_in(self) -> bool:
        return bool(self.username)


class Link(Struct):
    text: str
    href: str
    current: bool = False
    count: int | None = None


class Notice(Struct):
    """A line above the page. `kind`: good, caution or danger. With an action it has a button that takes back what was done."""

    text: str
    kind: str = "good"
    action: str = ""
    button: str = ""


class Frame(Struct):
    """The bar above a page, and what is common to all. `here` is the path and query of the page itself."""

    title: str
    now: Instant
    here: str = "/"
    viewer: Viewer = Viewer()
    crumbs: tuple[Link, ...] = ()
    nav: tuple[Link, ...] = ()
    search_action: str = ""
    search_label: str = "Search"
    notices: tuple[Notice, ...] = ()


# -- parts that several pages show -----------------------------------------------------------------------------------


class Pipeline(Struct):
    """The build that published something."""

    iid: int
    ref: str = ""
    sha: str = ""
    href: str = ""


class Publisher(Struct):
    """Who did something, with which kind of credential, from which build."""

    name: str = ""
    username: str = ""
    via: str = ""
    pipeline: Pipeline | None = None


class FormatMark(Struct):
    """A format as people see it: its name is the one of the URL, its title the one in text."""

    name: str
    title: str
    yanking: Yanking | None = None


class Badge(Struct):
    """A state worth a word. `kind`: plain, good, caution or danger."""

    text: str
    kind: str = "plain"
    title: str = ""


class Snippet(Struct):
    """A text to copy. `id` is unique on its page."""

    id: str
    client: str
    text: str
    title: str = ""
    language: str = ""


class SnippetTab(Struct):
    """All a client needs: what to run, and behind a fold how to set it up."""

    client: str
    commands: tuple[Snippet, ...] = ()
    setup: tuple[Snippet, ...] = ()


class SnippetBox(Struct):
    """Tabs of clients; `group` names the choice so that it is remembered, `token_href` makes a token where the viewer may."""

    id: str
    group: str
    tabs: tuple[SnippetTab, ...] = ()
    token_href: str = ""


class Guide(Struct):
    """An empty place teaches: steps to take in order, or how to publish here, one box for each format."""

    heading: str
    text: str = ""
    token_href: str = ""
    steps: tuple[Snippet, ...] = ()
    boxes: tuple[tuple[FormatMark, SnippetBox], ...] = ()


class Pager(Struct):
    """Where this page stands among its like."""

    summary: str = ""
    newer: str = ""
    older: str = ""


class PackageListRow(Struct):
    """One version of a package in a list. `href` "" is a version that cannot be opened."""

    format: FormatMark
    name: str
    version: str
    href: str
    published: Instant
    tags: tuple[str, ...] = ()
    badges: tuple[Badge, ...] = ()
    project: Link | None = None
    publisher: Publisher | None = None
    size: int | None = None
    files: int | None = None
    downloads: int | None = None
    versions: int | None = None
    choice: str = ""  # what a form sends to choose this row


class Column(Struct):
    """A column head. `sorted` is what aria-sort says: "", ascending or descending."""

    id: str
    text: str
    href: str = ""
    sorted: str = ""


class Fact(Struct):
    """One line of the facts beside a page. `href` has been checked; `at` is an instant to show as an age; `whole` is what a short text stands for."""

    label: str
    text: str = ""
    href: str = ""
    at: Instant | None = None
    copy: bool = False
    whole: str = ""


# -- pages -----------------------------------------------------------------------------------------------------------


class SignInPage(View):
    template: ClassVar[str] = "sign_in.html"

    frame: Frame
    username: str = ""
    return_to: str = ""
    error: str = ""
    sign_on: Link | None = None


class PlaceLine(Struct):
    """A project or group in a list."""

    kind: str
    name: str
    path: str
    href: str
    visibility: str
    description: str = ""
    packages: int | None = None
    role: str = ""
    active: Instant | None = None


class Section(Struct):
    """A list of places under a heading."""

    heading: str
    lines: tuple[PlaceLine, ...] = ()
    more: str = ""


class DashboardPage(View):
    """The first page: where you publish, what moved lately, and how to begin."""

    template: ClassVar[str] = "dashboard.html"

    frame: Frame
    heading: str
    text: str = ""
    sections: tuple[Section, ...] = ()
    recent: tuple[PackageListRow, ...] = ()
    columns: tuple[Column, ...] = ()
    recent_href: str = ""
    guide: Guide | None = None
    links: tuple[Link, ...] = ()  # what can be made here


class PlacePage(View):
    """The overview of a project or a group."""

    template: ClassVar[str] = "place.html"

    frame: Frame
    place: PlaceLine
    facts: tuple[Fact, ...] = ()
    formats: tuple[tuple[FormatMark, Link], ...] = ()
    sections: tuple[Section, ...] = ()
    recent: tuple[PackageListRow, ...] = ()
    columns: tuple[Column, ...] = ()
    recent_href: str = ""
    guide: Guide | None = None
    links: tuple[Link, ...] = ()  # what can be made here


class Filters(Struct):
    """The search field, what is fixed beside it, the chips that take a filter off, and the chips that choose a format."""

    action: str
    text: str = ""
    hidden: tuple[tuple[str, str], ...] = ()
    active: tuple[Link, ...] = ()
    formats: tuple[Link, ...] = ()
    clear: str = ""


class PackageListPage(View):
    template: ClassVar[str] = "package_list.html"

    frame: Frame
    heading: str
    total: int | None
    filters: Filters
    columns: tuple[Column, ...] = ()
    rows: tuple[PackageListRow, ...] = ()
    pager: Pager = Pager()
    with_project: bool = False
    guide: Guide | None = None
    sorting: SortChoice | None = None
    bulk_action: str = ""
    broken: Link | None = None  # versions in error, where there are any
    bin_href: str = ""


class Digest(Struct):
    name: str
    value: str


class FileLine(Struct):
    id: int
    path: str
    href: str
    size: int
    created: Instant
    digests: tuple[Digest, ...] = ()
    downloads: int | None = None
    delete_href: str = ""
    pipeline: Pipeline | None = None


class VersionLine(Struct):
    version: str
    href: str
    published: Instant
    current: bool = False
    tags: tuple[str, ...] = ()
    badges: tuple[Badge, ...] = ()
    publisher: Publisher | None = None
    choice: str = ""


class DependencyGroup(Struct):
    """Dependencies of one kind, each as name, range and a page of ours where there is one."""

    kind: str
    lines: tuple[tuple[str, str, str], ...]


class HistoryLine(Struct):
    """One event, as a sentence in parts. `mark`: publish, tag, yank, delete, restore or other."""

    at: Instant
    text: str
    mark: str = "other"
    detail: str = ""
    publisher: Publisher | None = None


class Day(Struct):
    """Downloads of one day."""

    label: str
    count: int


class Trend(Struct):
    """Downloads over time: the line's points on a 300 by 48 field, and the table behind it."""

    total: int
    points: str
    days: tuple[Day, ...] = ()


class PackagePage(View):
    """A version of a package. `tab`: overview, versions, files, dependencies or activity."""

    template: ClassVar[str] = "package.html"

    frame: Frame
    format: FormatMark
    name: str
    version: str
    tab: str
    tabs: tuple[Link, ...]
    summary: str = ""
    tags: tuple[str, ...] = ()
    badges: tuple[Badge, ...] = ()
    warning: str = ""
    remarks: tuple[str, ...] = ()  # where what was published disagrees with itself
    picker: tuple[VersionLine, ...] = ()
    all_versions: str = ""
    install: SnippetBox | None = None
    levels: tuple[Link, ...] = ()  # where to install from
    yank: Link | None = None  # the gentler way, or the way back from it
    delete_href: str = ""
    bulk_action: str = ""  # where what is chosen on this tab is deleted
    readme: Markup | None = None
    readme_cut: bool = False
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()
    keywords: tuple[str, ...] = ()
    moving: tuple[tuple[str, str, str], ...] = ()  # tag, version, page
    trend: Trend | None = None
    files: tuple[FileLine, ...] = ()
    all_files: Link | None = None
    versions: tuple[VersionLine, ...] = ()
    dependencies: tuple[DependencyGroup, ...] = ()
    history: tuple[HistoryLine, ...] = ()
    all_history: Link | None = None
    pager: Pager = Pager()


class ScopeChoice(Struct):
    name: str
    text: str
    chosen: bool = False


class TokenLine(Struct):
    id: int
    name: str
    scopes: tuple[str, ...]
    created: Instant
    last_used: Instant | None = None
    expires: str = ""
    state: str = "active"
    revoke_action: str = ""


class TokensPage(View):
    """Personal access tokens. `secret` is the token just made: shown once."""

    template: ClassVar[str] = "tokens.html"

    frame: Frame
    tabs: tuple[Link, ...] = ()
    lines: tuple[TokenLine, ...] = ()
    scopes: tuple[ScopeChoice, ...] = ()
    action: str = ""
    name: str = ""
    expires: str = ""
    expires_min: str = ""
    expires_max: str = ""
    error: str = ""
    secret: str = ""
    secret_name: str = ""
    back: str = ""  # the page that asked for a token


class ErrorPage(View):
    """What is wrong and what to do. `search` offers to look for what was meant, of which `guess` is the likeliest word."""

    template: ClassVar[str] = "error.html"

    frame: Frame
    status: int
    heading: str
    text: str
    search: str = ""
    guess: str = ""
    sign_in: str = ""
    request_id: str = ""


# -- sorting -----------------------------------------------------------------------------------------------------------


class SortChoice(Struct):
    """The fields a list can be sorted by, the one in force, and its direction."""

    label: str
    fields: tuple[Link, ...] = ()
    turn: Link | None = None
