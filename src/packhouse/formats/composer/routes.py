"""The repository that Composer reads, publishing by tag, branch or zip, and the archives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Route
from packhouse.errors import (
    AlreadyExists,
    FileNotFound,
    InvalidName,
    InvalidParameter,
    NotFound,
    PackageNotFound,
)
from packhouse.formats.composer import names, parse, source
from packhouse.formats.composer.index import JSON, Facts, facts_of, timestamp
from packhouse.grammar.multipart import MultipartSplitter
from packhouse.grammar.patterns import matches_exact_glob
from packhouse.model import NewFile, Upload
from packhouse.responses import empty_reply, json_reply

ZIP = "application/zip"
COMMIT = 40
EXACTLY_ONE = "tag, branch are missing, exactly one parameter must be provided"
PAGE = 15


# -- reading -------------------------------------------------------------------------------------------------------------


async def show_root(call: Call) -> Answer:
    """What is here; with more in it for clients older than Composer 2."""
    # the digests that Composer 1 follows cover addresses, and a moment has as many as there are ways to write it
    modern = "Composer/2" in call.headers.get("user-agent", "") or call.moment.as_of
    index = "root" if modern else "legacy"
    return (await call.packages.documents(index))["root"]


async def list_names(call: Call) -> Answer:
    """The names of all packages, or of those that match `?filter=`."""
    document = (await call.packages.documents("root"))["list"]
    pattern = call.query.get("filter")
    if not pattern:
        return document
    known: list[str] = msgspec.json.decode(document.body)["packageNames"]
    return json_reply({"packageNames": [name for name in known if matches_exact_glob(pattern.lower(), name)]})


async def search(call: Call) -> Answer:
    """The packages whose name holds the text."""
    page, text = call.query.get("page", "1"), call.query.get("q", "").strip()
    number = max(int(page), 1) if page.isascii() and page.isdigit() and len(page) < 6 else 1
    found, total = await call.packages.search(text, (number - 1) * PAGE, PAGE)
    results = [{"name": match.package.key, "description": match.about.summary, "url": match.about.links.get("Homepage", "")} for match in found]
    answer: dict[str, Any] = {"results": results, "total": total}
    if number * PAGE < total:
        answer["next"] = f"{call.moment.here}/search.json?{urlencode({'q': text, 'page': number + 1})}"
    return json_reply(answer)


async def show_package(call: Call) -> Answer:
    """The versions of a package for Composer 2: tags, or with `~dev` in its name branches."""
    name = call.params["document"].removesuffix(".json")
    dev = name.endswith("~dev")
    documents = await call.packages.documents("package", read_key(name.removesuffix("~dev")))
    return documents["dev" if dev else "stable"]


async def show_providers(call: Call) -> Answer:
    """The hash of each package's document, whatever hash it was asked by."""
    if call.moment.as_of:
        raise FileNotFound
    return (await call.packages.documents("legacy"))["providers"]


async def show_provider(call: Call) -> Answer:
    """The versions of a package for Composer 1. Raises `PackageNotFound` where the address has no hash."""
    name, dollar, _ = call.params["provider"].removesuffix(".json").partition("$")
    if not dollar:
        raise PackageNotFound
    return (await call.packages.documents("package", read_key(name)))["all"]


def read_key(name: str) -> str:
    """The key of a name in an address. Raises `PackageNotFound` for what can be none."""
    try:
        return names.name_key(name)
    except InvalidName as error:
        raise PackageNotFound from error


async def get_archive(call: Call) -> Answer:
    """The zip of a commit, or one that was uploaded. Raises `FileNotFound`."""
    text = call.params["archive"]
    if text.count("/") == 2:
        name, _, path = text.rpartition("/")
    else:
        name, path = text.removesuffix(".zip"), f"{read_sha(call)}.zip"
    reply = await call.packages.file(read_key(name), None, path)
    return msgspec.structs.replace(reply, media_type=ZIP)  # type: ignore[type-var]


def read_sha(call: Call) -> str:
    """The commit that is asked for. Raises `InvalidParameter`, `FileNotFound`."""
    sha = call.query.get("sha", "")
    if not sha:
        raise InvalidParameter("sha is missing", parameter="sha")
    if len(sha) != COMMIT or not sha.isalnum():
        raise FileNotFound
    return sha.lower()


# -- publishing ----------------------------------------------------------------------------------------------------------


async def publish_ref(call: Call) -> Answer:
    """Publish a tag or a branch of the project's repository."""
    given = await read_parameters(call)
    tag, branch = (str(given.get(name) or "") for name in ("tag", "branch"))
    if bool(tag) == bool(branch):
        raise InvalidParameter(EXACTLY_ONE, parameter="tag")
    project = call.packages.project
    release = (
        await call.packages.from_git(project, source.read_tag, tag) if tag else await call.packages.from_git(project, source.read_branch, branch)
    )
    await check_commit(call, release)
    content = await call.packages.from_git(project, source.pack, release.manifest.name, release.commit)
    facts = Facts(
        composer=msgspec.Raw(release.manifest.text.encode()),
        reference=release.commit,
        shasum=content.sha1,
        time=timestamp(release.time),
        default=release.default,
    )
    written = msgspec.json.encode(facts)
    about = parse.read_about(release.manifest.text, release.readme)
    main = NewFile(path=parse.MANIFEST, content=written, facts=written, about=about, movable=names.is_dev(release.version))
    packed = NewFile(path=f"{release.commit}.zip", content=content, derived=True)
    await call.packages.publish(Upload(name=release.manifest.name, version=release.version, files=(main, packed)))
    return json_reply({"message": "201 Created"}, 201)


async def check_commit(call: Call, release: source.Release) -> None:
    """A tag's version stays at its commit. Raises `AlreadyExists` naming both."""
    if names.is_dev(release.version):
        return
    try:
        rows = await call.packages.rows(release.manifest.name, release.version)
    except NotFound:
        return
    for facts in (facts_of(version) for package in rows.packages for version in package.versions):
        if facts is not None and facts.reference != release.commit:
            raise AlreadyExists(
                f"Validation failed: {release.manifest.name} {release.version} is published from {facts.reference}, "
                f"the tag is at {release.commit}: publish another version"
            )


async def read_parameters(call: Call) -> Mapping[str, Any]:
    """Parameters of the query and of a body that is a form or JSON. Raises `InvalidUpload`."""
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    given: dict[str, Any] = dict(call.query)
    if kind == "multipart/form-data":
        form = await call.spool(MultipartSplitter(call.headers["content-type"], frozenset()))
        return given | {name: value.decode("utf-8", "replace") for name, value in form.fields}
    body = await call.body()
    if kind == JSON and body:
        try:
            return given | msgspec.json.decode(body, type=dict[str, str | None])
        except msgspec.DecodeError as error:
            raise InvalidParameter("the body is no JSON object of texts", parameter="tag") from error
    try:
        return given | dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError as error:
        raise InvalidParameter("the body is no form", parameter="tag") from error


async def put_zip(call: Call) -> Answer:
    """Publish a zip with a composer.json inside, for code that lives elsewhere."""
    form = await call.spool()
    content = form.files[0].content
    found = await call.inspect(parse.read_package_zip, content)
    said = call.query.get("version") or found.manifest.version
    if not said:
        raise InvalidParameter("version is missing: send ?version=1.2.3, or say it in composer.json", parameter="version")
    version = names.version_id(said.removeprefix("v"))
    name = found.manifest.name
    dev = names.is_dev(version)
    path = f"{content.sha1}.zip" if dev else f"{name}-{version}.zip".replace("/", "-")
    facts = Facts(composer=msgspec.Raw(found.manifest.text.encode()), reference=content.sha1, shasum=content.sha1, file=path)
    written = msgspec.json.encode(facts)
    about = parse.read_about(found.manifest.text, found.readme)
    if dev:  # as with a branch of the repository: what it was stays, for lock files
        main = NewFile(path=parse.MANIFEST, content=written, facts=written, about=about, movable=True)
        files: tuple[NewFile, ...] = (main, NewFile(path=path, content=content, derived=True))
    else:
        files = (NewFile(path=path, content=content, facts=written, about=about),)
    await call.packages.publish(Upload(name=name, version=version, files=files))
    return json_reply({"message": "201 Created", "name": name, "version": version}, 201)


async def delete_version(call: Call) -> Answer:
    """Remove a version with its files."""
    await call.packages.delete(read_key(call.params["package"]), call.params["version"])
    return empty_reply(204)


READ = Action.READ

ROUTES = (
    Route(method="GET", path="", handler=show_root, action=READ),
    Route(method="GET", path="packages.json", handler=show_root, action=READ),
    Route(method="GET", path="packages", handler=show_root, action=READ),
    Route(method="GET", path="list.json", handler=list_names, action=READ),
    Route(method="GET", path="search.json", handler=search, action=READ),
    Route(method="GET", path="p/{hash}", handler=show_providers, action=READ),
    Route(method="GET", path="p2/{document*}", handler=show_package, action=READ),
    Route(method="GET", path="archives/{archive*}", handler=get_archive, action=READ, reach=PROJECT),
    Route(method="GET", path="{provider*}", handler=show_provider, action=READ),
    Route(method="POST", path="", handler=publish_ref, action=Action.PUBLISH, reach=PROJECT),
    Route(method="PUT", path="", handler=put_zip, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path="versions/{package}/{version}", handler=delete_version, action=Action.DELETE, reach=PROJECT),
    Route(method="PUT", path="{file}", handler=put_zip, action=Action.PUBLISH, reach=PROJECT, limit=None),
)
