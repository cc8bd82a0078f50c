"""Views as a busy registry would make them, for looking at and for testing templates without a database."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from packhouse.ui.deleting_views import BinLine, BinPage, ConfirmPage, Doomed
from packhouse.ui.image_views import (
    AttachedLine,
    CachedLine,
    CleanupPage,
    CleanupState,
    Option,
    PlatformLine,
    ProxyPage,
    RepositoryLine,
    RepositoryListPage,
    RepositoryPage,
    TagLine,
)
from packhouse.ui.markdown import render_markdown
from packhouse.ui.search_views import SearchPage
from packhouse.ui.views import (
    Badge,
    Column,
    DashboardPage,
    Day,
    DependencyGroup,
    Digest,
    ErrorPage,
    Fact,
    FileLine,
    Filters,
    FormatMark,
    Frame,
    Guide,
    HistoryLine,
    Link,
    Notice,
    PackageListPage,
    PackageListRow,
    PackagePage,
    Pager,
    Pipeline,
    PlaceLine,
    PlacePage,
    Publisher,
    ScopeChoice,
    Section,
    SignInPage,
    Snippet,
    SnippetBox,
    SnippetTab,
    SortChoice,
    TokenLine,
    TokensPage,
    Trend,
    VersionLine,
    View,
    Viewer,
)

from .panel_samples import panel_pages
from .source_samples import source_pages

HOUR = 3_600_000_000
NOW = 1_784_000_000_000_000
PYPI, NPM, MAVEN, GENERIC = (
    FormatMark(name="pypi", title="PyPI"),
    FormatMark(name="npm", title="npm"),
    FormatMark(name="maven", title="Maven"),
    FormatMark(name="generic", title="Generic"),
)
ANNA = Viewer(username="anna", name="Anna Berg", csrf="csrf-of-the-session")
CI = Publisher(
    username="anna",
    name="Anna Berg",
    via="job token",
    pipeline=Pipeline(iid=12, ref="main", sha="1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d", href="https://ci.example/pipelines/12"),
)
BEN = Publisher(username="ben", name="Ben Ode", via="personal access token")
PROJECT_NAV = (Link(text="Overview", href="/acme/tools"), Link(text="Packages", href="/acme/tools/-/packages", current=True))
README = """# flask-widgets

Small widgets for **forms**. Install it, import it, done.

| option | meaning |
| --- | --- |
| `size` | how wide a field is |
| `kind` | text, date or number |

```python
from flask_widgets import Form

form = Form(size=40)
```

- tested on three versions of Python
- no dependencies but one

> It has been quiet and reliable for years.

See [the guide](https://docs.example/widgets) and [![build](https://ci.example/badge.svg)](https://ci.example/).
"""
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
DIGESTS = (
    Digest(name="SHA-256", value=SHA256),
    Digest(
        name="SHA-512",
        value="ee26b0dd4af7e749aa1a8ee3c10ae9923f618980772e473f8819a5d4940e0db27ac185f8a0e1d5f84f88bc887fd67b143732c304cc5fa9ad8e6f57f50028a8ff",
    ),
    Digest(name="SHA-1", value="a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"),
    Digest(name="MD5", value="098f6bcd4621d373cade4e832627b4f6"),
)


def frame(title: str, viewer: Viewer = ANNA, **more: object) -> Frame:
    base: dict[str, object] = {
        "title": title,
        "now": NOW,
        "viewer": viewer,
        "here": "/acme/tools/-/packages",
        "crumbs": (Link(text="acme", href="/groups/acme"), Link(text="tools", href="/acme/tools")),
        "search_action": "/-/packages",
    }
    return Frame(**(base | more))  # type: ignore[arg-type]


def row(name: str, version: str, format: FormatMark = PYPI, **more: object) -> PackageListRow:
    base: dict[str, object] = {
        "format": format,
        "name": name,
        "version": version,
        "href": "/acme/tools/-/packages/41",
        "published": NOW - 3 * HOUR,
        "publisher": CI,
        "size": 48_213,
        "files": 2,
        "versions": 12,
        "project": Link(text="acme/tools", href="/acme/tools"),
    }
    return PackageListRow(**(base | more))  # type: ignore[arg-type]


ROWS = (
    row("flask-widgets", "2.4.1"),
    row(
        "@acme/design-tokens",
        "11.0.0-rc.2",
        NPM,
        tags=("next",),
        badges=(Badge(text="deprecated", kind="caution", title="use @acme/tokens"),),
        published=NOW - 30 * HOUR,
        publisher=BEN,
    ),
    row(
        "com.acme.billing/invoice-renderer-with-a-rather-long-artifact-name",
        "2026.11.25-SNAPSHOT",
        MAVEN,
        size=1_843_213,
        files=6,
        versions=1,
        published=NOW - 60 * HOUR,
    ),
    row("firmware", "1.0", GENERIC, size=148_000_213, files=1, publisher=None, published=NOW - 24 * 40 * HOUR),
    row("flask-widgets", "2.4.0", badges=(Badge(text="yanked", kind="danger", title="broken wheel"),), published=NOW - 24 * 90 * HOUR),
    row("broken-thing", "0.1", NPM, href="", badges=(Badge(text="error", kind="danger"),), published=NOW - 24 * 900 * HOUR),
)
COLUMNS = (
    Column(id="name", text="Name", href="?orderBy=name&sort=asc"),
    Column(id="version", text="Version", href="?orderBy=version&sort=asc"),
    Column(id="size", text="Size"),
    Column(id="published", text="Published", href="?orderBy=created_at&sort=asc", sorted="descending"),
)


def snippets(box: str) -> SnippetBox:
    pip = SnippetTab(
        client="pip",
        commands=(
            Snippet(
                id=f"{box}-pip",
                client="pip",
                text="pip install flask-widgets==2.4.1 --index-url https://__token__:<token>@packages.example/api/v4/projects/7/packages/pypi/simple",
            ),
        ),
        setup=(
            Snippet(
                id=f"{box}-pip-setup",
                client="pip",
                title="pip.conf",
                text="[global]\nindex-url = https://__token__:<token>@packages.example/api/v4/projects/7/packages/pypi/simple",
            ),
        ),
    )
    uv = SnippetTab(
        client="uv",
        commands=(
            Snippet(
                id=f"{box}-uv",
                client="uv",
                text="uv add flask-widgets==2.4.1 --index acme=https://packages.example/api/v4/projects/7/packages/pypi/simple",
            ),
        ),
    )
    poetry = SnippetTab(
        client="poetry",
        commands=(
            Snippet(
                id=f"{box}-poetry",
                client="poetry",
                text="poetry source add acme https://packages.example/simple\npoetry add --source acme flask-widgets@2.4.1",
            ),
        ),
    )
    return SnippetBox(id=box, group="pypi", tabs=(pip, uv, poetry), token_href="/-/user_settings/personal_access_tokens?name=pip&scopes=read_api")


GUIDE = Guide(
    heading="Publish the first package",
    text="Three commands, filled in for this project. Any of these clients will do.",
    boxes=((PYPI, snippets("g1")), (NPM, snippets("g2")), (GENERIC, snippets("g3"))),
)
PROJECTS = Section(
    heading="Your projects",
    lines=(
        PlaceLine(
            kind="project",
            name="tools",
            path="acme/tools",
            href="/acme/tools",
            visibility="private",
            packages=41,
            role="maintainer",
            active=NOW - HOUR,
        ),
        PlaceLine(
            kind="project",
            name="site",
            path="acme/web/site",
            href="/acme/web/site",
            visibility="public",
            packages=3,
            role="developer",
            description="The public site and its parts",
        ),
    ),
)
GROUPS = Section(
    heading="Your groups",
    lines=(PlaceLine(kind="group", name="acme", path="acme", href="/groups/acme", visibility="internal", packages=44, role="owner"),),
)

VERSIONS = tuple(
    VersionLine(
        version=text, href=f"/acme/tools/-/packages/{id}", published=NOW - age * HOUR, current=id == 41, tags=tags, badges=badges, publisher=publisher
    )
    for id, text, age, tags, badges, publisher in (
        (41, "2.4.1", 3, ("latest",), (), CI),
        (40, "2.4.0", 2160, (), (Badge(text="yanked", kind="danger", title="broken wheel"),), CI),
        (39, "2.3.9", 4000, (), (), BEN),
        (38, "3.0.0rc1", 4400, ("next",), (Badge(text="pre-release"),), BEN),
    )
)
FILES = (
    FileLine(
        id=1,
        path="flask_widgets-2.4.1-py3-none-any.whl",
        href="/acme/tools/-/package_files/1/download",
        size=23_411,
        created=NOW - 3 * HOUR,
        digests=DIGESTS,
        downloads=1204,
    ),
    FileLine(
        id=2,
        path="flask_widgets-2.4.1.tar.gz",
        href="/acme/tools/-/package_files/2/download",
        size=24_802,
        created=NOW - 3 * HOUR,
        digests=DIGESTS,
        downloads=9,
    ),
)
HISTORY = (
    HistoryLine(at=NOW - HOUR, text="Tag latest was moved here", mark="tag", publisher=BEN),
    HistoryLine(at=NOW - 2 * HOUR, text="File flask_widgets-2.4.1.tar.gz was published", mark="publish", publisher=CI),
    HistoryLine(at=NOW - 3 * HOUR, text="Version 2.4.1 was published", mark="publish", publisher=CI),
    HistoryLine(at=NOW - 50 * HOUR, text="Version 2.4.0 was yanked", mark="yank", detail="broken wheel", publisher=BEN),
)
TABS = ("overview", "versions", "files", "dependencies", "activity")


def package_page(tab: str, **more: object) -> PackagePage:
    base: dict[str, object] = {
        "frame": frame("flask-widgets 2.4.1", nav=PROJECT_NAV),
        "format": PYPI,
        "name": "flask-widgets",
        "version": "2.4.1",
        "tab": tab,
        "tabs": tuple(
            Link(text=text.capitalize(), href=f"?tab={text}", current=text == tab, count=count)
            for text, count in zip(TABS, (None, 4, 2, 3, None), strict=True)
        ),
        "summary": "Small widgets for forms",
        "tags": ("latest",),
        "picker": VERSIONS,
        "all_versions": "?tab=versions",
        "install": snippets("i"),
        "readme": render_markdown(README),
        "facts": (
            Fact(label="Published", at=NOW - 3 * HOUR),
            Fact(label="By", text="Anna Berg"),
            Fact(label="Build", text="pipeline #12 on main", href="https://ci.example/pipelines/12"),
            Fact(label="Licence", text="MIT"),
            Fact(label="Requires", text="Python >=3.9"),
            Fact(label="Size", text="47.1 KiB in 2 files"),
            Fact(label="Package id", text="41", copy=True),
        ),
        "links": (Link(text="Documentation", href="https://docs.example/widgets"), Link(text="Source", href="https://code.example/widgets")),
        "moving": (("latest", "2.4.1", "/acme/tools/-/packages/41"), ("next", "3.0.0rc1", "/acme/tools/-/packages/38")),
        "keywords": ("forms", "widgets", "html"),
        "trend": Trend(
            total=1213,
            points="0,40 30,38 60,41 90,20 120,24 150,12 180,16 210,30 240,8 270,12 300,4",
            days=tuple(Day(label=f"{day} Nov 2026", count=day * 7) for day in range(1, 26)),
        ),
        "files": FILES,
        "versions": VERSIONS,
        "history": HISTORY,
        "dependencies": (
            DependencyGroup(kind="", lines=(("flask", ">=3.0", ""), ("markupsafe", ">=2.1", "/acme/tools/-/packages/3"))),
            DependencyGroup(kind="tests", lines=(("pytest", ">=8", ""),)),
        ),
    }
    return PackagePage(**(base | more))  # type: ignore[arg-type]


LONG = "acme/web/" + "a-rather-long-name-of-an-image/" * 3 + "end"
DIGEST = f"sha256:{SHA256}"
CONTAINER_NAV = (
    Link(text="Overview", href="/acme/tools"),
    Link(text="Packages", href="/acme/tools/-/packages"),
    Link(text="Containers", href="/acme/tools/container_registry", current=True),
)
PUSH = (
    Snippet(id="cli-login", client="docker", title="Sign in", text="docker login packages.example"),
    Snippet(id="cli-build", client="docker", title="Build an image", text="docker build -t packages.example/acme/tools ."),
    Snippet(id="cli-push", client="docker", title="Push it", text="docker push packages.example/acme/tools"),
)
SORTING = SortChoice(
    label="Name",
    fields=(Link(text="Name", href="?", current=True), Link(text="Created", href="?orderBy=created")),
    turn=Link(text="Ascending", href="?sort=desc"),
)
REPOSITORIES = (
    RepositoryLine(
        name="root image",
        href="/acme/tools/container_registry/1",
        reference="packages.example/acme/tools",
        tags=1,
        created=NOW - 9 * HOUR,
        delete_href="/x/delete",
    ),
    RepositoryLine(
        name=LONG,
        href="/acme/tools/container_registry/2",
        reference=f"packages.example/{LONG}",
        tags=1244,
        created=NOW - 900 * HOUR,
        project=Link(text="acme/tools", href="/acme/tools"),
        delete_href="/y/delete",
    ),
)
TAGS = (
    TagLine(
        name="latest",
        reference="packages.example/acme/tools/api:latest",
        digest=DIGEST,
        pushed=NOW - 2 * HOUR,
        platforms=(
            PlatformLine(name="linux/amd64", digest=DIGEST.replace("9f", "1a"), size=12_000_000),
            PlatformLine(name="linux/arm64/v8", digest="sha256:ab"),
        ),
        attached=(
            AttachedLine(kind="signature", digest=DIGEST, size=1200, signature=True),
            AttachedLine(kind="bill of materials", digest=DIGEST, size=99_000),
        ),
        badges=(Badge(text="immutable", kind="caution", title="The rule keeps it"),),
        size=24_000_000,
        media_type="application/vnd.oci.image.index.v1+json",
        delete_href="/x/tags/delete?tag=latest",
    ),
    TagLine(
        name="release-2026.11.25-" + "build-" * 8 + "9",
        reference="packages.example/acme/tools/api:long",
        digest=DIGEST,
        pushed=NOW - 90 * HOUR,
        size=1200,
        layers=7,
        config=DIGEST,
        made=NOW - 99 * HOUR,
        media_type="application/vnd.oci.image.manifest.v1+json",
        delete_href="/x/tags/delete?tag=long",
    ),
)


def container_pages() -> Mapping[str, View]:
    """The pages of images, of what goes, and of search."""
    place = {"nav": CONTAINER_NAV}
    found = Filters(action="/acme/tools/container_registry", text="api", hidden=(("sort", "desc"),), clear="/acme/tools/container_registry")
    plain = Filters(action="/acme/tools/container_registry")
    repository: dict[str, object] = {
        "frame": frame("acme/tools/api", **place),
        "name": "api",
        "reference": "packages.example/acme/tools/api",
        "total": 2,
        "filters": plain,
        "tags": TAGS,
        "facts": (Fact(label="Size", text="24 MiB"), Fact(label="Created", at=NOW - HOUR)),
        "install": snippets("pull"),
        "sorting": SORTING,
        "delete_href": "/x/delete",
        "bulk_action": "/x/tags/delete",
        "pager": Pager(summary="2 in all"),
    }
    cleanup: dict[str, object] = {
        "frame": frame("Cleanup of tags", **place),
        "action": "/x",
        "enabled": True,
        "cadence": (Option(value="1d", text="Every day", chosen=True),),
        "keep_n": (Option(value="", text="None"), Option(value="10", text="10 tags", chosen=True)),
        "older_than": (Option(value="90d", text="90 days", chosen=True),),
        "remove": ".*",
        "keep": "release-.*",
        "back": "/acme/tools/container_registry",
    }
    proxy: dict[str, object] = {
        "frame": frame("Dependency proxy"),
        "state": "on",
        "prefix": "packages.example/acme/dependency_proxy/containers",
        "upstream": "https://registry.example",
        "facts": (Fact(label="Images", text="2 images"),),
        "clear_href": "/x/clear",
        "settings_href": "/x/settings",
        "commands": (Snippet(id="pull-through", client="docker", title="Pull through the proxy", text="docker pull packages.example/alpine"),),
    }
    return {
        "repositories": RepositoryListPage(
            frame=frame(
                "Images", **place, notices=(Notice(text="The version was deleted.", action="/acme/tools/-/packages/9/restore", button="Undo"),)
            ),
            total=2,
            filters=found,
            lines=REPOSITORIES,
            sorting=SORTING,
            cleanup=CleanupState(text="Cleanup runs next", href="/x", next_run=NOW + 3 * HOUR),
            commands=PUSH,
            pager=Pager(summary="1–20 of 44", newer="?", older="?page=2"),
        ),
        "repositories_none": RepositoryListPage(frame=frame("Images", **place), total=0, filters=plain, cleanup=CleanupState(text="Cleanup is off")),
        "repositories_nothing": RepositoryListPage(frame=frame("Images", **place), total=0, filters=found, sorting=SORTING),
        "repositories_new": RepositoryListPage(
            frame=frame("Images", **place),
            total=0,
            filters=plain,
            guide=Guide(heading="Push the first image", text="Under the project.", steps=PUSH),
        ),
        "repository": RepositoryPage(**repository),
        "repository_read": RepositoryPage(**(repository | {"tags": (), "delete_href": "", "bulk_action": "", "install": None})),
        "repository_nothing": RepositoryPage(**(repository | {"tags": (), "filters": found})),
        "cleanup": CleanupPage(
            **(cleanup | {"next_run": NOW + HOUR, "runs": ((NOW - HOUR, "By its time", "removed 2 tags, kept 9 tags: acme/tools/api"),)})
        ),
        "cleanup_fault": CleanupPage(**(cleanup | {"faults": (("name_regex", "( is not closed"), ("name_regex_keep", "* repeats nothing"))})),
        "cleanup_preview": CleanupPage(
            **(cleanup | {"preview": ((LONG, tuple(f"1.{n}" for n in range(70))), ("acme/tools", ("old",))), "preview_total": 71}),
        ),
        "cleanup_nothing": CleanupPage(**(cleanup | {"preview": ()})),
        "proxy": ProxyPage(
            **(
                proxy
                | {
                    "lines": (
                        CachedLine(
                            image="library/alpine", tag="3.22", digest=DIGEST, size=1638, created=NOW - HOUR, read=NOW - HOUR, command="docker pull x"
                        ),
                        CachedLine(image=LONG, tag="", digest=DIGEST, size=1638, created=NOW - HOUR, read=NOW - HOUR, command="docker pull y"),
                    ),
                    "pager": Pager(summary="1–20", older="?page=2"),
                }
            ),
        ),
        "proxy_empty": ProxyPage(**proxy),
        "proxy_off": ProxyPage(**(proxy | {"state": "off", "text": "It is switched off."})),
        "proxy_aimless": ProxyPage(**(proxy | {"state": "aimless", "text": "There is no upstream."})),
        "confirm": ConfirmPage(
            frame=frame("Delete"),
            heading="Delete flask-widgets 2.4.1",
            text="Whoever installs it is told that it does not exist.",
            action="/x",
            button="Delete it",
            cancel="/acme/tools",
            doomed=(Doomed(text="flask-widgets 2.4.1", detail="2 files, 48 KiB"), Doomed(text=LONG)),
            error="It is protected.",
            warnings=("It was downloaded 1 204 times.", "The tag latest goes with it."),
            instead=(Link(text="Yank it", href="/y"),),
            consent="Delete it although requests are forwarded",
            hidden=(("choice", "7-41"),),
            command=Snippet(
                id="as-command",
                client="curl",
                title="As a command",
                text="curl --request DELETE https://packages.example/api/v4/projects/7/packages/41",
            ),
        ),
        "bin": BinPage(
            frame=frame("Deleted versions"),
            text="A deleted version can be restored for 30 days.",
            back="/acme/tools/-/packages",
            lines=(
                BinLine(format=PYPI, name="flask-widgets", version="2.3.0", deleted=NOW - HOUR, gone=NOW + 700 * HOUR, restore_action="/x/restore"),
            ),
        ),
        "bin_empty": BinPage(frame=frame("Deleted versions"), text="For 30 days.", back="/acme/tools/-/packages"),
        "search": SearchPage(
            frame=frame("Search: to", crumbs=()),
            text="to",
            packages=ROWS[:2],
            packages_more=Link(text="All 40 versions", href="/-/packages?search=to"),
            columns=tuple(Column(id=c.id, text=c.text) for c in COLUMNS if c.id != "size"),
            images=REPOSITORIES,
            images_total=9,
            sections=(GROUPS, PROJECTS),
        ),
        "search_places": SearchPage(frame=frame("Search: to", crumbs=()), text="to", sections=(GROUPS,)),
        "search_nothing": SearchPage(frame=frame("Search: zz", crumbs=()), text="zz"),
        "search_blank": SearchPage(frame=frame("Search", crumbs=()), text=""),
    }


def pages() -> Mapping[str, View]:
    """Every page in its usual and its odd states, by a name for the address."""
    anonymous = Viewer()
    filters = Filters(
        action="/acme/-/packages",
        text="wid",
        hidden=(("type", "pypi"),),
        active=(Link(text="version: 2.*", href="?search=wid"),),
        clear="/acme/-/packages",
        formats=(
            Link(text="All", href="?", count=1244),
            Link(text="PyPI", href="?type=pypi", count=1200, current=True),
            Link(text="npm", href="?type=npm", count=40),
            Link(text="Maven", href="?type=maven", count=4),
        ),
    )
    chosen = tuple(msgspec.structs.replace(item, choice=f"7-{number}") for number, item in enumerate(ROWS))
    group_nav = (Link(text="Overview", href="/groups/acme"), Link(text="Packages", href="/groups/acme/-/packages", current=True))
    return {
        "sign_in": SignInPage(frame=frame("Sign in", anonymous, crumbs=(), search_action="")),
        "sign_in_refused": SignInPage(
            frame=frame("Sign in", anonymous, crumbs=(), search_action=""), username="anna", error="The username or the password is wrong."
        ),
        "dashboard": DashboardPage(
            frame=frame("Packhouse", crumbs=()),
            heading="Packages",
            sections=(PROJECTS, GROUPS),
            recent=ROWS[:4],
            columns=tuple(Column(id=c.id, text=c.text) for c in COLUMNS if c.id != "size"),
            recent_href="/-/packages",
        ),
        "first_run": DashboardPage(frame=frame("Packhouse", crumbs=()), heading="Welcome, Anna", guide=GUIDE),
        "package_list": PackageListPage(
            frame=frame("Packages of acme/tools", nav=PROJECT_NAV),
            heading="Packages",
            total=1244,
            filters=filters,
            columns=COLUMNS,
            rows=ROWS,
            pager=Pager(summary="1–20 of 1 244", older="?page=2"),
        ),
        "package_list_managed": PackageListPage(
            frame=frame("Packages of acme/tools", nav=PROJECT_NAV),
            heading="Packages",
            total=1244,
            filters=filters,
            columns=COLUMNS,
            rows=chosen,
            pager=Pager(summary="1–20 of 1 244", older="?page=2"),
            sorting=SORTING,
            bulk_action="/acme/tools/-/packages/delete",
            broken=Link(text="1 version could not be read when it arrived", href="?status=error"),
            bin_href="/acme/tools/-/packages/bin",
        ),
        "group_list": PackageListPage(
            frame=frame("Packages of acme", nav=group_nav, crumbs=(Link(text="acme", href="/groups/acme"),)),
            heading="Packages",
            total=1244,
            filters=filters,
            columns=COLUMNS,
            rows=ROWS,
            with_project=True,
            pager=Pager(summary="21–40 of 1 244", newer="?page=1", older="?page=3"),
        ),
        "list_empty": PackageListPage(
            frame=frame("Packages of acme/tools", nav=PROJECT_NAV),
            heading="Packages",
            total=0,
            filters=Filters(action="/acme/tools/-/packages"),
            guide=GUIDE,
        ),
        "list_nothing": PackageListPage(frame=frame("Packages of acme/tools", nav=PROJECT_NAV), heading="Packages", total=0, filters=filters),
        "project": PlacePage(
            frame=frame("acme/tools", nav=PROJECT_NAV),
            place=PROJECTS.lines[0],
            facts=(
                Fact(label="Project id", text="7", copy=True),
                Fact(label="Path", text="acme/tools", copy=True),
                Fact(label="Created", at=NOW - 9000 * HOUR),
            ),
            formats=((PYPI, Link(text="PyPI", href="?type=pypi", count=30)), (NPM, Link(text="npm", href="?type=npm", count=11))),
            recent=ROWS,
            columns=tuple(Column(id=c.id, text=c.text) for c in COLUMNS if c.id != "size"),
            recent_href="/acme/tools/-/packages",
        ),
        "project_new": PlacePage(
            frame=frame("acme/tools", nav=PROJECT_NAV), place=PROJECTS.lines[0], facts=(Fact(label="Project id", text="7", copy=True),), guide=GUIDE
        ),
        "group": PlacePage(
            frame=frame("acme", nav=group_nav),
            place=GROUPS.lines[0],
            facts=(Fact(label="Group id", text="3", copy=True),),
            sections=(Section(heading="Subgroups", lines=GROUPS.lines), Section(heading="Projects", lines=PROJECTS.lines)),
            recent=ROWS[:3],
            columns=tuple(Column(id=c.id, text=c.text) for c in COLUMNS if c.id != "size"),
            recent_href="/groups/acme/-/packages",
        ),
        **{f"package_{tab}": package_page(tab) for tab in TABS},
        **container_pages(),
        "package_versions_managed": package_page(
            "versions",
            bulk_action="/acme/tools/-/packages/delete",
            versions=tuple(msgspec.structs.replace(line, choice=f"7-{number}") for number, line in enumerate(VERSIONS)),
        ),
        "package_files_managed": package_page(
            "files",
            bulk_action="/acme/tools/-/packages/41/files/delete",
            files=tuple(msgspec.structs.replace(file, delete_href=f"/x/files/{file.id}/delete") for file in FILES),
        ),
        "package_managed": package_page(
            "overview",
            delete_href="/acme/tools/-/packages/41/delete",
            yank=Link(text="Yank", href="/acme/tools/-/packages/41/yank"),
            levels=(Link(text="This project", href="?", current=True), Link(text="Group acme", href="?level=group")),
            files=tuple(msgspec.structs.replace(file, delete_href=f"/x/files/{file.id}/delete", pipeline=CI.pipeline) for file in FILES),
        ),
        "package_odd": package_page(
            "overview",
            name="com.acme.very.long.group.name/" + "artifact-" * 8 + "end",
            version="2026.11.25.123456-SNAPSHOT.build.7",
            picker=(),
            badges=(Badge(text="yanked", kind="danger"),),
            warning="This version was yanked: broken wheel. Installers offer it only to those who ask for exactly this version.",
            readme=None,
            install=None,
            trend=None,
            tags=(),
        ),
        **panel_pages(frame("Settings")),
        **source_pages(frame("Repository", nav=PROJECT_NAV), ROWS, tuple(Column(id=c.id, text=c.text) for c in COLUMNS if c.id != "size")),
        "sign_in_elsewhere": SignInPage(
            frame=frame("Sign in", anonymous, crumbs=()), return_to="/", sign_on=Link(text="Sign in with Acme ID", href="/users/auth/openid_connect")
        ),
        "tokens": TokensPage(
            frame=frame("Access tokens", crumbs=()),
            tabs=(Link(text="Profile", href="/x"), Link(text="Access tokens", href="/y", current=True)),
            action="/-/user_settings/personal_access_tokens",
            expires="2027-11-25",
            expires_min="2026-11-26",
            expires_max="2027-11-25",
            lines=(
                TokenLine(
                    id=1,
                    name="laptop",
                    scopes=("api",),
                    created=NOW - 900 * HOUR,
                    last_used=NOW - HOUR,
                    expires="2027-01-31",
                    revoke_action="/-/user_settings/personal_access_tokens/1/revoke",
                ),
                TokenLine(
                    id=2,
                    name="ci",
                    scopes=("read_api", "read_registry"),
                    created=NOW - 90 * HOUR,
                    revoke_action="/-/user_settings/personal_access_tokens/2/revoke",
                ),
            ),
            scopes=(
                ScopeChoice(name="api", text="Everything you may do", chosen=True),
                ScopeChoice(name="read_api", text="Read projects, packages and settings"),
            ),
        ),
        "token_made": TokensPage(
            frame=frame("Access tokens", crumbs=(), notices=(Notice(text="Token laptop was made."),)),
            action="/x",
            secret="ph-abcdefghijklmnopqrst",
            secret_name="laptop",
            back="/acme/tools",
            error="A name is needed.",
        ),
        "not_found": ErrorPage(
            frame=frame("Not found", anonymous, crumbs=()),
            status=404,
            heading="Nothing is here",
            text="The page does not exist, or you may not see it.",
            search="/-/packages",
            guess="nothing",
            sign_in="/users/sign_in?return_to=/x",
        ),
        "failed": ErrorPage(
            frame=frame("Error", crumbs=()),
            status=500,
            heading="Something went wrong",
            text="The registry could not answer. It has been noted; try again.",
            request_id="01HX",
        ),
    }
