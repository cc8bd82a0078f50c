"""What clients look a recipe up in, for both versions of the API: revisions, files, binaries; and the list of recipes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from packhouse.formats.conan import names
from packhouse.formats.conan.names import MANIFEST, NO_REVISION, Reference, Unit
from packhouse.formats.conan.parse import write_summary
from packhouse.model import Documents, FileRow, Instant, Moment, NewDocument, Rows, Struct, VersionRow

JSON = "application/json"
MOST_FOUND = 500
UNLISTED = ("error", "processing", "pending_destruction")


class Facts(Struct, omit_defaults=True):
    """What was read out of a file: the text of conaninfo.txt; of a manifest the md5 that it gives for conanfile.py or conaninfo.txt."""

    content: str = ""
    digest: str = ""


class Held(Struct):
    """A unit with its files by name, all of one project. `made` is when its manifest came, which clients send last: until then it is not offered."""

    unit: Unit
    project: int
    files: Mapping[str, FileRow]

    @property
    def complete(self) -> bool:
        return MANIFEST in self.files

    @property
    def made(self) -> tuple[Instant, int]:
        last = self.files[MANIFEST] if self.complete else max(self.files.values(), key=lambda file: file.id)
        return last.created, last.id


class Recipe(Struct):
    """Everything that goes by one reference. Newest first; complete and incomplete units alike."""

    reference: Reference
    revisions: tuple[Held, ...]
    binaries: Mapping[str, Mapping[str, tuple[Held, ...]]]  # recipe revision → package id → package revisions

    def binaries_of(self, revision: str) -> Iterator[tuple[str, Held]]:
        """The newest complete revision of each package id, by package id."""
        for package_id, held in sorted(self.binaries.get(revision, {}).items()):
            newest = next((one for one in held if one.complete), None)
            if newest is not None:
                yield package_id, newest


def read_facts(file: FileRow) -> Facts:
    """The facts of a file."""
    return msgspec.json.decode(file.facts, type=Facts)


# -- one reference ---------------------------------------------------------------------------------------------------


def write_recipe(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """Every answer about one reference, by its path below the reference; those of version 1 begin with `v1/`."""
    recipe = gather(rows)
    if recipe is None:
        return {}
    made: dict[str, Any] = {}
    offered = [held for held in recipe.revisions if held.complete]
    if offered:
        made["latest"] = revision_entry(offered[0].unit.recipe, offered[0])
        made["revisions"] = {"reference": str(recipe.reference), "revisions": [revision_entry(held.unit.recipe, held) for held in offered]}
        made["search"] = write_binaries(recipe, offered[0].unit.recipe)
    for revision in sorted({held.unit.recipe for held in recipe.revisions} | set(recipe.binaries)):
        made[f"search/{revision}"] = write_binaries(recipe, revision)
    for held in recipe.revisions:
        made[f"files/{held.unit.recipe}"] = write_files(held)
        made[f"sums/{held.unit.folder}"] = write_sums(held)
    for revision, binaries in recipe.binaries.items():
        for package_id, revisions in binaries.items():
            made |= write_binary(recipe.reference, revision, package_id, revisions)
    made |= write_first_version(recipe, moment)
    return {path: NewDocument(body=msgspec.json.encode(value), media_type=JSON) for path, value in made.items()}


def write_binary(reference: Reference, revision: str, package_id: str, held: tuple[Held, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    offered = [one for one in held if one.complete]
    if offered:
        listed = [revision_entry(one.unit.revision, one) for one in offered]
        made[f"latest/{revision}/{package_id}"] = listed[0]
        made[f"revisions/{revision}/{package_id}"] = {"reference": f"{reference}#{revision}:{package_id}", "revisions": listed}
    for one in held:
        made[f"files/{revision}/{package_id}/{one.unit.revision}"] = write_files(one)
        made[f"sums/{one.unit.folder}"] = write_sums(one)
    return made


def revision_entry(revision: str, held: Held) -> dict[str, str]:
    return {"revision": revision, "time": timestamp(held.made[0])}


def write_files(held: Held) -> dict[str, Any]:
    return {"files": {name: {} for name in sorted(held.files)}}


def write_sums(held: Held) -> dict[str, str]:
    """For the house only: which bytes a name stands for where several projects have the unit."""
    return {name: file.blob.sha256 for name, file in sorted(held.files.items())}


def write_binaries(recipe: Recipe, revision: str) -> dict[str, Any]:
    """The configurations of a revision's binaries. Conan 2 takes the text and drops entries with a recipe hash, Conan 1 takes the parts."""
    found: dict[str, Any] = {}
    for package_id, held in recipe.binaries_of(revision):
        content = content_of(held)
        found[package_id] = {"content": content, **write_summary(content), "recipe_hash": None}
    return found


def content_of(held: Held) -> str:
    info = held.files.get(names.INFO)
    return read_facts(info).content if info is not None else ""


# -- version 1 of the API --------------------------------------------------------------------------------------------


def write_first_version(recipe: Recipe, moment: Moment) -> dict[str, Any]:
    """What clients without revisions see: one revision, which is their own `0` where that is complete, else the newest."""
    seen = pick_seen(recipe.revisions)
    if seen is None:
        return {}
    revision = seen.unit.recipe
    made: dict[str, Any] = {
        "v1/snapshot": write_snapshot(seen),
        "v1/urls": write_urls(recipe.reference, seen, moment),
        "v1/digest": write_urls(recipe.reference, seen, moment, archives=False),
        "v1/search": {package_id: write_summary(content_of(held)) for package_id, held in recipe.binaries_of(revision)},
    }
    for package_id, held in recipe.binaries.get(revision, {}).items():
        binary = pick_seen(held)
        if binary is not None:
            made[f"v1/snapshot/{package_id}"] = write_snapshot(binary)
            made[f"v1/urls/{package_id}"] = write_urls(recipe.reference, binary, moment)
            made[f"v1/digest/{package_id}"] = write_urls(recipe.reference, binary, moment, archives=False)
    return made


def pick_seen(revisions: tuple[Held, ...]) -> Held | None:
    complete = [held for held in revisions if held.complete]
    return next((held for held in complete if (held.unit.revision or held.unit.recipe) == NO_REVISION), complete[0] if complete else None)


def plain_files(held: Held) -> Iterator[tuple[str, FileRow]]:
    """The files that a client of version 1 knows of."""
    return ((name, file) for name, file in sorted(held.files.items()) if not name.startswith(names.METADATA))


def write_snapshot(held: Held) -> dict[str, str | None]:
    return {name: file.blob.md5 for name, file in plain_files(held)}


def write_urls(reference: Reference, held: Held, moment: Moment, *, archives: bool = True) -> dict[str, str]:
    # The client downloads all that `digest` lists and reads only the manifest: archives would be fetched in vain.
    return {name: file_url(moment, reference, held.unit, name) for name, _ in plain_files(held) if archives or not name.endswith(names.ARCHIVES)}


def file_url(moment: Moment, reference: Reference, unit: Unit, file: str) -> str:
    """Where version 1 of the API keeps a file."""
    return f"{moment.here}/v1/files/{reference.path}/{unit.folder}{file}"


# -- the rows of one reference ---------------------------------------------------------------------------------------


def gather(rows: Rows) -> Recipe | None:
    """The rows in the shape of Conan. A unit that several projects of a scope hold is taken whole from one: the newest complete one."""
    files: dict[Unit, dict[int, dict[str, FileRow]]] = {}
    reference: Reference | None = None
    listed = (version for package in rows.packages for version in package.versions if version.status not in UNLISTED)
    for version in sorted(listed, key=lambda version: (version.name, version.version, version.project)):
        reference = names.reference_of(version.name, version.version)
        for unit, name, file in split_files(version):
            files.setdefault(unit, {}).setdefault(version.project, {})[name] = file
    if reference is None or not files:
        return None
    held = [newest(unit, by_project) for unit, by_project in files.items()]
    held.sort(key=lambda one: one.made, reverse=True)
    binaries: dict[str, dict[str, tuple[Held, ...]]] = {}
    for one in held:
        if one.unit.package_id:
            of_recipe = binaries.setdefault(one.unit.recipe, {})
            of_recipe[one.unit.package_id] = (*of_recipe.get(one.unit.package_id, ()), one)
    return Recipe(reference=reference, revisions=tuple(one for one in held if not one.unit.package_id), binaries=binaries)


def newest(unit: Unit, by_project: Mapping[int, Mapping[str, FileRow]]) -> Held:
    held = [Held(unit=unit, project=project, files=files) for project, files in sorted(by_project.items())]
    return max(held, key=lambda one: (one.complete, one.made))


def split_files(version: VersionRow) -> Iterator[tuple[Unit, str, FileRow]]:
    for file in version.files:
        if file.derived:
            continue
        recipe, kind, rest = file.path.split("/", 2)
        if kind == "export":
            yield Unit(recipe=recipe), rest, file
        else:
            package_id, revision, name = rest.split("/", 2)
            yield Unit(recipe=recipe, package_id=package_id, revision=revision), name, file


# -- the list of recipes ---------------------------------------------------------------------------------------------


def write_list(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """Every reference with a complete revision, newest first: `refs` as lines to search in, `results` as a client gets the first of them."""
    newest: dict[str, tuple[Instant, int]] = {}
    for version in (version for package in rows.packages for version in package.versions if version.status not in UNLISTED and version.files):
        reference = names.reference_of(version.name, version.version)
        if moment.level == "instance" and reference.user == names.NOBODY:
            continue  # the URLs of the instance find a project by the reference's user
        made = max((file.created, file.id) for file in version.files)
        newest[str(reference)] = max(made, newest.get(str(reference), made))
    found = sorted(newest, key=lambda text: (newest[text], text), reverse=True)
    return {
        "refs": NewDocument(body="\n".join(found).encode(), media_type="text/plain"),
        "results": NewDocument(body=msgspec.json.encode({"results": found[:MOST_FOUND]}), media_type=JSON),
    }


def timestamp(instant: Instant) -> str:
    """ISO 8601 in UTC to the millisecond."""
    return datetime.fromtimestamp(instant // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{instant // 1000 % 1000:03d}+0000"
