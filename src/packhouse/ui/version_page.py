"""The page of a version, made from what was found. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packhouse.contract import Format, Yanking
from packhouse.db.packages import Listed
from packhouse.errors import InvalidName
from packhouse.model import Action, Moment, PackageRow, Place, Reach, Struct, VersionRow
from packhouse.ui import addresses, compose
from packhouse.ui.listing import PAGE, read_page
from packhouse.ui.readmes import Readme
from packhouse.ui.reads import FoundVersion
from packhouse.ui.views import Day, FormatMark, Frame, Link, PackagePage, Pager, SnippetBox, Trend
from packhouse.ui.words import DAY, day_label, number, plural

LEVELS = {"project": Reach.PROJECT, "group": Reach.GROUP, "instance": Reach.INSTANCE}
TREND_DAYS = 90
TABS = ("overview", "versions", "files", "dependencies", "activity")
PICKED = 12
FILES_AT_FIRST = 10
EVENTS_AT_FIRST = 5


class TabState(Struct):
    """Which part of a version is shown, and which page of it."""

    tab: str = TABS[0]
    page: int = 1
    level: str = "project"

    @property
    def window(self) -> slice:
        return slice((self.page - 1) * PAGE, self.page * PAGE)


def read_tab(query: Mapping[str, str]) -> TabState:
    """The part an address names; the overview where it names none."""
    tab = query.get("tab", "")
    level = query.get("level", "")
    return TabState(tab=tab if tab in TABS else TABS[0], page=read_page(query.get("page", "")), level=level if level in LEVELS else "project")


def make_version_page(
    found: FoundVersion,
    state: TabState,
    *,
    frame: Frame,
    mark: FormatMark,
    format: Format | None,
    api: str,
    readme: Readme | None,
    token_href: str,
    line: Sequence[Place] = (),
    deletes: bool = False,
    needed: Mapping[str, str] = {},
) -> PackagePage:
    """The whole page; every part of it is there on the tab that shows it."""
    item, about = found.item, found.about
    path = addresses.package(item.project_path, item.id)
    overview = state.tab == "overview"
    counts = {"versions": len(found.versions), "files": found.total_files, "dependencies": len(about.dependencies), "activity": len(found.events)}
    events = found.events[:EVENTS_AT_FIRST] if overview else found.events[state.window]
    pages = {build.id: compose.pipeline_page(build, item) for build in found.builds}
    built = compose.builds_of_files(found.events, pages) if pages else {}
    is_prerelease = format.coordinates.is_prerelease if format is not None else _never
    return PackagePage(
        frame=frame,
        format=mark,
        name=item.name,
        version=item.version or "",
        tab=state.tab,
        tabs=tuple(
            Link(text=tab.capitalize(), href=_tab(path, tab), current=tab == state.tab, count=None if tab == "activity" else counts.get(tab))
            for tab in TABS
        ),
        summary=about.summary,
        tags=tuple(name for _, name, _ in item.tags),
        badges=compose.badges_of(item, mark.yanking),
        warning=_warning(item, mark.yanking or Yanking()),
        remarks=about.warnings,
        picker=tuple(compose.version_line(other, item.id, is_prerelease, mark.yanking) for other in _picked(found.versions, item, format)),
        all_versions=_tab(path, "versions") if len(found.versions) > PICKED else "",
        install=_install(found, state, format, api, token_href, line) if overview else None,
        levels=_levels(path, state, format, line) if overview else (),
        trend=make_trend(found.days, frame.now // DAY) if overview and found.days else None,
        delete_href=f"{path}/delete" if deletes else "",
        yank=_yank(path, item, mark.yanking) if deletes else None,
        bulk_action=_bulk_action(path, state) if deletes else "",
        readme=readme.html if readme is not None else None,
        readme_cut=readme is not None and readme.cut,
        facts=compose.package_facts(item, about),
        links=tuple(Link(text=text, href=href) for text, href in about.links.items()),
        keywords=about.keywords[:40],
        moving=tuple(
            (name, other.version or "", addresses.package(other.project_path, other.id)) for other in found.versions for _, name, _ in other.tags
        ),
        files=tuple(
            compose.file_line(file, item.project_path, deletes_of=item.id if deletes else None, pipeline=built.get(file.path))
            for file in (found.files[:FILES_AT_FIRST] if overview else found.files)
        ),
        all_files=_more(path, "files", found.total_files, FILES_AT_FIRST, "file"),
        versions=tuple(compose.version_line(other, item.id, is_prerelease, mark.yanking, deletes=deletes) for other in found.versions[state.window]),
        dependencies=compose.dependency_groups(about.dependencies, needed),
        history=tuple(compose.history_line(event, pages, mark.yanking) for event in events),
        all_history=_more(path, "activity", len(found.events), EVENTS_AT_FIRST, "event"),
        pager=_pager(path, state, counts.get(state.tab, 0)) if state.tab in {"versions", "files", "activity"} else Pager(),
    )


def package_of(found: FoundVersion, format: Format) -> PackageRow:
    """The package as if it had this one version: what its snippets speak of."""
    item = found.item
    try:
        key = format.coordinates.name_key(item.name)
    except InvalidName:
        key = item.name
    version = VersionRow(
        id=item.id, project=item.project, name=item.name, version=item.version or "", created=item.created, yanked=item.yanked, files=found.files
    )
    tags = {name: item.version or "" for _, name, _ in item.tags}
    return PackageRow(id=item.package_id, project=item.project, name=item.name, key=key, versions=(version,), tags=tags)


def _install(found: FoundVersion, state: TabState, format: Format | None, api: str, token_href: str, line: Sequence[Place]) -> SnippetBox | None:
    if format is None:
        return None
    levels = levels_of(format, line)
    level = state.level if state.level in levels else "project"
    place = {"project": found.item.project, "group": line[0].id if line else 0, "instance": 0}[level]
    moment = Moment(at=0, api=api, format=format.name, level=level, place=place)
    return compose.snippet_box(format, moment, package_of(found, format), ("install",), id="install", token_href=token_href)


def levels_of(format: Format, line: Sequence[Place]) -> tuple[str, ...]:
    """Where clients of a format can install from: the project, the group at the top of its line, the whole instance."""
    grouped = bool(line) and line[0].kind == "group"
    return tuple(
        level
        for level, reach in LEVELS.items()
        if (level != "group" or grouped) and any(route.action is Action.READ and reach in route.reach for route in format.routes)
    )


def _levels(path: str, state: TabState, format: Format | None, line: Sequence[Place]) -> tuple[Link, ...]:
    levels = levels_of(format, line) if format is not None else ()
    if len(levels) < 2:
        return ()
    texts = {"project": "This project", "group": f"Group {line[0].path}" if line else "", "instance": "Everywhere"}
    current = state.level if state.level in levels else "project"
    return tuple(
        Link(text=texts[level], href=addresses.with_query(path, level="" if level == "project" else level), current=level == current)
        for level in levels
    )


def make_trend(days: Mapping[int, int], today: int) -> Trend:
    """Downloads of the last days as a line and as a table; a day without any is a zero."""
    counts = [days.get(day, 0) for day in range(today - TREND_DAYS + 1, today + 1)]
    top = max(max(counts), 1)
    points = " ".join(f"{300 * n / (TREND_DAYS - 1):.1f},{44 - 40 * count / top:.1f}" for n, count in enumerate(counts))
    labels = [day_label((today - TREND_DAYS + 1 + n) * DAY) for n in range(TREND_DAYS)]
    return Trend(total=sum(counts), points=points, days=tuple(Day(label=label, count=count) for label, count in zip(labels, counts, strict=True)))


def _picked(versions: Sequence[Listed], item: Listed, format: Format | None) -> tuple[Listed, ...]:
    """The highest versions, and the one that is open among them whatever its rank."""
    ordered = compose.sort_versions(versions, format.coordinates.version_key) if format is not None else tuple(versions)
    picked = ordered[:PICKED]
    return picked if any(other.id == item.id for other in picked) else (*picked[: PICKED - 1], item)


def _warning(item: Listed, words: Yanking) -> str:
    if item.yanked is None:
        return ""
    return f"This version is {words.state}{f': {item.yanked}' if item.yanked else ''}. {words.effect}"


def _yank(path: str, item: Listed, words: Yanking | None) -> Link | None:
    return None if words is None else Link(text=words.verb if item.yanked is None else words.undo, href=f"{path}/yank")


def _bulk_action(path: str, state: TabState) -> str:
    return {"versions": f"{path.rpartition('/')[0]}/delete", "files": f"{path}/files/delete"}.get(state.tab, "")


def _tab(path: str, tab: str) -> str:
    return path if tab == TABS[0] else addresses.with_query(path, tab=tab)


def _more(path: str, tab: str, total: int, shown: int, noun: str) -> Link | None:
    return Link(text=f"All {plural(total, noun)}", href=_tab(path, tab)) if total > shown else None


def _pager(path: str, state: TabState, total: int) -> Pager:
    last = min(state.page * PAGE, total)
    return Pager(
        summary=f"{number((state.page - 1) * PAGE + 1)}–{number(last)} of {number(total)}" if total > PAGE else "",
        newer=addresses.with_query(path, tab=state.tab, page=state.page - 1) if state.page > 1 else "",
        older=addresses.with_query(path, tab=state.tab, page=state.page + 1) if last < total else "",
    )


def _never(_version: str) -> bool:
    return False
