"""Rows of the database to views. Pure: the same rows give the same page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from packhouse.contract import Format, Yanking
from packhouse.db.events import EventRow
from packhouse.db.packages import Listed
from packhouse.db.pipelines import PipelineRow
from packhouse.db.repositories import RepositoryRow
from packhouse.model import About, Dependency, FileRow, Moment, PackageRow, Place, Role
from packhouse.ui import addresses
from packhouse.ui.views import (
    Badge,
    DependencyGroup,
    Digest,
    Fact,
    FileLine,
    FormatMark,
    Guide,
    HistoryLine,
    Link,
    PackageListRow,
    Pipeline,
    PlaceLine,
    Publisher,
    Snippet,
    SnippetBox,
    SnippetTab,
    VersionLine,
)  # fmt: skip
from packhouse.ui.words import plural, size

CREDENTIALS = {
    "personal": "personal access token", "project": "project token", "group": "group token", "deploy": "deploy token", "job": "job token",
    "session": "browser session", "password": "password",
}  # fmt: skip
KIND_TITLES = {"": "Dependencies", "runtime": "Dependencies"}


# -- lists -----------------------------------------------------------------------------------------------------------


def list_row(item: Listed, mark: FormatMark, *, versions: int | None = None, deletes: bool = False) -> PackageListRow:
    """A version in a list. One in error has no page to open; who may delete it may choose it."""
    return PackageListRow(
        format=mark,
        name=item.name,
        version=item.version or "",
        href="" if item.status == "error" else addresses.package(item.project_path, item.id),
        published=item.created,
        tags=tuple(name for _, name, _ in item.tags),
        badges=badges_of(item, mark.yanking),
        project=Link(text=item.project_path, href=addresses.place("project", item.project_path)),
        publisher=publisher_of(item),
        size=item.size,
        files=item.files,
        downloads=item.downloads,
        versions=versions,
        choice=f"{item.project}-{item.id}" if deletes else "",
    )


def badges_of(item: Listed, yanking: Yanking | None) -> tuple[Badge, ...]:
    """The states of a version that are worth a word."""
    found = []
    if item.yanked is not None:
        words = yanking or Yanking()
        found.append(Badge(text=words.state, kind=words.kind, title=item.yanked or "No reason was given"))
    if item.status == "deprecated" and item.yanked is None:
        found.append(Badge(text="deprecated", kind="caution"))
    if item.status not in {"default", "deprecated"}:
        found.append(Badge(text=item.status.replace("_", " "), kind="danger" if item.status == "error" else "caution"))
    return tuple(found)


def publisher_of(item: Listed) -> Publisher | None:
    """Who published a version, where a user did, and from which build."""
    return made_by(item.creator, item.pipeline, item)


def made_by(creator: str | None, built: PipelineRow | None, item: Listed | RepositoryRow) -> Publisher | None:
    """Who published something of this project, from which build; None where neither is known."""
    if built is None:
        return Publisher(username=creator, name=creator) if creator else None
    pipeline = Pipeline(iid=built.iid, ref=built.ref, sha=built.sha, href=pipeline_page(built, item))
    return Publisher(username=creator or "", name=creator or "", pipeline=pipeline)


def pipeline_page(built: PipelineRow, item: Listed | RepositoryRow) -> str:
    """The page of a pipeline: ours, or where it ran for a version that came from another project."""
    return addresses.pipeline(item.project_path, built.id) if built.project == item.project else built.web_url


def place_line(where: Place, role: int = Role.NONE, packages: int | None = None) -> PlaceLine:
    """A project or group in a list or at the head of its page."""
    known = role in {int(value) for value in Role} and role != Role.NONE
    return PlaceLine(
        kind="group" if where.kind == "group" else "project",
        name=where.name,
        path=where.full_path,
        href=addresses.of_place(where),
        visibility=where.visibility.name.lower(),
        description=where.description,
        role=Role(role).name.lower() if known else "",
        packages=packages,
    )


# -- one package -----------------------------------------------------------------------------------------------------


def version_line(item: Listed, current: int, is_prerelease: Callable[[str], bool], yanking: Yanking | None, *, deletes: bool = False) -> VersionLine:
    """A version among its like."""
    text = item.version or ""
    early = (Badge(text="pre-release"),) if _says_prerelease(is_prerelease, text) else ()
    return VersionLine(
        version=text,
        href=addresses.package(item.project_path, item.id),
        published=item.created,
        current=item.id == current,
        tags=tuple(name for _, name, _ in item.tags),
        badges=early + badges_of(item, yanking),
        publisher=publisher_of(item),
        choice=f"{item.project}-{item.id}" if deletes else "",
    )


def _says_prerelease(is_prerelease: Callable[[str], bool], text: str) -> bool:
    try:
        return bool(text) and is_prerelease(text)
    except ValueError:
        return False


def sort_versions(items: Sequence[Listed], version_key: Callable[[str], Any]) -> tuple[Listed, ...]:
    """The versions, highest first; where the format cannot order them, newest first as they came."""
    try:
        return tuple(sorted(items, key=lambda item: version_key(item.version or ""), reverse=True))
    except (ValueError, TypeError):
        return tuple(items)


def builds_of_files(events: Sequence[EventRow], pages: Mapping[int, str]) -> Mapping[str, Pipeline]:
    """Which build published a file, by its path, the last one first; `pages` as for `history_line`."""
    found: dict[str, Pipeline] = {}
    for event in events:
        detail = msgspec.json.decode(event.detail, type=dict[str, Any]) if event.what == "publish" and event.detail else {}
        if (pipeline := _pipeline(detail, pages)) is not None:
            found = dict.fromkeys(detail.get("files", ()), pipeline) | found
    return found


def file_line(file: FileRow, project_path: str, *, deletes_of: int | None = None, pipeline: Pipeline | None = None) -> FileLine:
    """A file with every digest that is known of it, and the build that published it."""
    blob = file.blob
    digests = (("SHA-256", blob.sha256), ("SHA-512", blob.sha512), ("SHA-1", blob.sha1), ("MD5", blob.md5))
    return FileLine(
        id=file.id,
        path=file.path,
        href=addresses.download(project_path, file.id),
        size=blob.size,
        created=file.created,
        digests=tuple(Digest(name=name, value=value) for name, value in digests if value),
        delete_href=addresses.delete_file(project_path, deletes_of, file.id) if deletes_of is not None else "",
        pipeline=pipeline,
    )


def package_facts(item: Listed, about: About) -> tuple[Fact, ...]:
    """The facts beside a version; what is not known is left out."""
    facts = [Fact(label="Published", at=item.created)]
    facts += [Fact(label="Publisher", text=item.creator)] if item.creator else []
    if (build := item.pipeline) is not None:
        facts.append(Fact(label="Build", text=f"pipeline #{build.iid} on {build.ref}", href=pipeline_page(build, item)))
        facts.append(Fact(label="Commit", text=build.sha[:12], whole=build.sha, copy=True))
    facts += [Fact(label="Last download", at=item.last_downloaded)] if item.last_downloaded is not None else []
    told = (("Licence", about.license), ("Author", about.author), ("Requires", about.requires))
    facts += [Fact(label=label, text=text) for label, text in told if text]
    facts.append(Fact(label="Size", text=f"{size(item.size)} in {plural(item.files, 'file')}"))
    facts.append(Fact(label="Downloads", text=plural(item.downloads, "download")))
    facts.append(Fact(label="Project", text=item.project_path, href=addresses.place("project", item.project_path)))
    facts.append(Fact(label="Package id", text=str(item.id), copy=True))
    return tuple(facts)


def dependency_groups(dependencies: Iterable[Dependency], pages: Mapping[str, str] = {}) -> tuple[DependencyGroup, ...]:
    """The dependencies by their kind, those for running first. `pages` are those of ours, by name."""
    by_kind: dict[str, list[tuple[str, str, str]]] = {}
    for item in dependencies:
        kind = KIND_TITLES.get(item.kind, item.kind)
        by_kind.setdefault(kind, []).append((item.name, item.range, pages.get(item.name, "")))
    ordered = sorted(by_kind, key=lambda kind: (kind != "Dependencies", kind))
    return tuple(DependencyGroup(kind=kind, lines=tuple(by_kind[kind])) for kind in ordered)


# -- history ---------------------------------------------------------------------------------------------------------


def history_line(event: EventRow, pages: Mapping[int, str], yanking: Yanking | None) -> HistoryLine:
    """An event as a sentence. One this page has no words for is told by its name. `pages` are those of the pipelines that are known, by id."""
    detail = msgspec.json.decode(event.detail, type=dict[str, Any]) if event.detail else {}
    text, mark = _sentence(event.what, detail, yanking or Yanking())
    return HistoryLine(
        at=event.at,
        text=text,
        mark=mark,
        detail=str(detail.get("reason") or ""),
        publisher=Publisher(name=event.actor, username=event.actor, via=CREDENTIALS.get(event.credential, ""), pipeline=_pipeline(detail, pages)),
    )


def _pipeline(detail: Mapping[str, Any], pages: Mapping[int, str]) -> Pipeline | None:
    built = detail.get("build")
    if not isinstance(built, dict):
        return None
    return Pipeline(iid=built["iid"], ref=built["ref"], sha=built["sha"], href=pages.get(built.get("pipeline", 0), ""))


def _sentence(what: str, detail: Mapping[str, Any], yanking: Yanking) -> tuple[str, str]:
    version = str(detail.get("version") or detail.get("name") or "")
    match what:
        case "publish":
            return f"{_files(detail)} published", "publish"
        case "tag":
            return f"Tag {detail.get('tag', '')} was put on {version}", "tag"
        case "untag":
            return f"Tag {detail.get('tag', '')} was removed", "tag"
        case "yank":
            return f"{version} was {yanking.state}", "yank"
        case "unyank":
            return f"{version} was {yanking.undone}", "restore"
        case "delete":
            return f"{version} was deleted", "delete"
        case "delete_file":
            return f"File {detail.get('file', '')} was deleted", "delete"
        case "restore":
            return f"{version} was restored", "restore"
    return what.replace("_", " ").capitalize(), "other"


def _files(detail: Mapping[str, Any]) -> str:
    files = sorted(detail.get("files") or ())
    if not files:
        return f"{detail.get('version') or detail.get('name') or 'It'} was"
    return f"{files[0]} was" if len(files) == 1 else f"{len(files)} files were"


# -- what to paste ---------------------------------------------------------------------------------------------------


def snippet_box(format: Format, moment: Moment, package: PackageRow | None, kinds: tuple[str, ...], *, id: str, token_href: str = "") -> SnippetBox:
    """The format's texts of these kinds in tabs of clients; its set-up texts stand behind a fold in the same tabs."""
    commands: dict[str, list[Snippet]] = {}
    setups: dict[str, list[Snippet]] = {}
    for number, text in enumerate(format.snippets(moment, package)):
        shown = Snippet(id=f"{id}-{number}", client=text.client, text=text.text, title=text.title, language=text.language)
        if text.kind in kinds:
            commands.setdefault(text.client, []).append(shown)
        elif text.kind == "setup":
            setups.setdefault(text.client, []).append(shown)
    tabs = tuple(SnippetTab(client=client, commands=tuple(commands[client]), setup=tuple(setups.get(client, ()))) for client in commands)
    return SnippetBox(id=id, group=format.name, tabs=tabs, token_href=token_href)


def first_package_guide(formats: Iterable[Format], api: str, project: Place, token_href: str) -> Guide:
    """How to publish the first package to this project, for each format that has words for it."""
    boxes = []
    for format in formats:
        moment = Moment(at=0, api=api, format=format.name, level="project", place=project.id)
        box = snippet_box(format, moment, None, ("publish",), id=f"guide-{format.name}", token_href=token_href)
        if box.tabs:
            boxes.append((FormatMark(name=format.name, title=format.title), box))
    text = f"Every command is filled in for {project.full_path}. Put a token where the placeholder stands."
    return Guide(heading="Publish the first package", text=text, boxes=tuple(boxes), token_href=token_href)


def first_project_guide(api: str, username: str, token_href: str) -> Guide:
    """How to begin where there is no project yet: make one, then publish to it."""
    header = '--header "PRIVATE-TOKEN: <your_access_token>"'
    make = f'curl --request POST {header} --data "name=my-project" "{api}/projects"'
    file = f"{api}/projects/{quote(username)}%2Fmy-project/packages/generic/hello/1.0.0/hello.txt"
    publish = f'echo "hello" > hello.txt\ncurl {header} --upload-file hello.txt "{file}"'
    fetch = f'curl {header} "{file}"'
    steps = (
        Snippet(id="make-project", client="curl", title="Make a project: it holds packages of every format", text=make, language="shell"),
        Snippet(id="publish-file", client="curl", title="Publish a file to it", text=publish, language="shell"),
        Snippet(id="fetch-file", client="curl", title="Fetch it again", text=fetch, language="shell"),
    )
    return Guide(heading="Publish the first package", text="Three commands, once you have a token.", steps=steps, token_href=token_href)
