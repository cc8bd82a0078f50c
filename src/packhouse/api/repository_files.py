"""What lies in a project's repository: folders, files, archives, history (GitLab's repositories, repository files and commits APIs). Reads only."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from packhouse.api.call import Call, route_of
from packhouse.api.failures import CommitNotFound
from packhouse.api.pages import page_url, paged, read_page
from packhouse.api.parameters import read_query
from packhouse.api.repository import commit_shape
from packhouse.api.shapes import Shape
from packhouse.contract import Action, Answer, Route
from packhouse.errors import FileNotFound, NotFound, RepositoryNotFound, TooLarge
from packhouse.git.keeping import as_text
from packhouse.model import Spooled
from packhouse.packages.repositories import read_repository
from packhouse.responses import Reply, StreamReply, json_reply

if TYPE_CHECKING:
    from packhouse.git.archiving import Kind
    from packhouse.git.reading import FoundBlob, Reader, TreeEntry

MIB = 1024 * 1024
LARGEST_SHOWN = 10 * MIB  # as base64 in JSON
LARGEST_RAW = 128 * MIB
LARGEST_HELD = MIB  # more is not kept in memory while a client reads it slowly
CHUNK = 256 * 1024
TYPES = {"folder": "tree", "module": "commit"}
MEDIA = {"zip": "application/zip", "tar": "application/x-tar", "tar.gz": "application/gzip"}
KINDS: dict[str, Kind] = {"zip": "zip", "tar": "tar", "tar.gz": "tar.gz"}


class TreeNotFound(NotFound):
    default = "Tree Not Found"


# -- folders ---------------------------------------------------------------------------------------------------------


async def list_tree(call: Call) -> Answer:
    """What a folder holds, folders first; with `recursive` everything below it too. Raises `TreeNotFound`."""
    parameters = read_query(call)
    page, ref, path = read_page(parameters), parameters.text("ref"), parameters.text("path", 4096) or ""
    found = await read_repository(call.house, call.place.id, _list, ref, path, recursive=bool(parameters.flag("recursive")))
    shown = [_entry_shape(entry) for entry in found[page.offset : page.offset + page.size]]
    return paged(call, shown, page, len(found))


def _list(git: Reader, ref: str | None, path: str, *, recursive: bool) -> list[TreeEntry]:
    from packhouse.git.reading import list_tree

    listed = list_tree(git, ref or git.default_branch, path)
    if listed is None:
        raise TreeNotFound()
    return sorted(git.below(listed), key=lambda entry: (entry.kind != "folder", entry.kind == "module")) if recursive else list(listed)


def _entry_shape(entry: TreeEntry) -> Shape:
    return {"id": entry.id, "name": as_text(entry.name), "type": TYPES.get(entry.kind, "blob"), "path": as_text(entry.path), "mode": entry.mode}


# -- files -----------------------------------------------------------------------------------------------------------


async def get_file(call: Call) -> Answer:
    """A file with its bytes in base64, and what is known of it. Raises `FileNotFound`, `TooLarge`."""
    found, last, ref = await _find(call, call.params["path"], LARGEST_SHOWN)
    content = _content(found, LARGEST_SHOWN)
    shape = {
        "file_name": as_text(found.path.rpartition("/")[2]),
        "file_path": as_text(found.path),
        "size": found.size,
        "encoding": "base64",
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "ref": ref,
        "blob_id": found.id,
        "commit_id": found.commit,
        "last_commit_id": last,
        "execute_filemode": found.kind == "executable",
    }
    headers = {f"x-gitlab-{name.replace('_', '-')}": _header(value) for name, value in shape.items()}
    return json_reply(shape | {"content": base64.b64encode(content).decode()}, headers=headers)


def _header(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else quote(str(value), safe="/ @:+,;=()!~*'")


async def get_raw(call: Call) -> Answer:
    """The bytes of a file: as text where they are, never as anything that a browser would run. Raises `FileNotFound`, `TooLarge`."""
    return await _answer_raw(call, call.params["path"])


async def get_either(call: Call) -> Answer:
    """One of the two where a proxy has decoded the path of the file. Raises `FileNotFound`, `TooLarge`."""
    try:
        return await get_file(call)
    except FileNotFound:
        if not call.params["path"].endswith("/raw"):
            raise
    return await _answer_raw(call, call.params["path"].removesuffix("/raw"))


async def _answer_raw(call: Call, path: str) -> Answer:
    found, last, ref = await _find(call, path, LARGEST_HELD)
    known = {"blob-id": found.id, "commit-id": found.commit, "last-commit-id": last, "ref": ref, "size": found.size, "file-path": as_text(found.path)}
    headers = {f"x-gitlab-{name}": _header(value) for name, value in known.items()}
    name = quote(as_text(found.path.rpartition("/")[2]))
    headers["content-disposition"] = f"inline; filename*=UTF-8''{name}"
    content = found.content
    if content is None:
        if found.size > LARGEST_RAW:
            raise TooLarge(f"The file has {found.size} bytes, and this answer holds at most {LARGEST_RAW}: clone the repository", limit=LARGEST_RAW)
        file = await read_repository(call.house, call.place.id, _spool, found.id)
        return StreamReply(_send(file), 200, headers, "application/octet-stream")
    return Reply(content, 200, headers, "application/octet-stream" if b"\0" in content[:8000] else "text/plain; charset=utf-8")


def _spool(git: Reader, blob: str) -> BinaryIO:
    def write(out: BinaryIO) -> None:
        out.write(git.blob(blob))

    return _open(git.spool(write))


def _open(made: Spooled) -> BinaryIO:
    """A spooled file for one answer: nothing is left of it, however that ends."""
    file = Path(made.path).open("rb")  # noqa: SIM115  the answer closes it
    Path(made.path).unlink()
    return file


async def _find(call: Call, path: str, limit: int) -> tuple[FoundBlob, str, str]:
    ref = read_query(call).text("ref")
    try:
        return await read_repository(call.house, call.place.id, _read, ref, path, limit)
    except RepositoryNotFound as error:
        raise FileNotFound() from error


def _read(git: Reader, ref: str | None, path: str, limit: int) -> tuple[FoundBlob, str, str]:
    from packhouse.git.reading import read_blob

    ref = ref if ref and ref != "HEAD" else git.default_branch
    found = read_blob(git, ref, path, limit)
    if found is None:
        raise FileNotFound()
    last = git.history(found.commit, 1, 0, path)
    return found, last[0] if last else found.commit, ref


def _content(found: FoundBlob, limit: int) -> bytes:
    if found.content is None:
        raise TooLarge(f"The file has {found.size} bytes, and this answer holds at most {limit}: take the archive, or clone", limit=limit)
    return found.content


# -- archives --------------------------------------------------------------------------------------------------------


async def get_archive(call: Call) -> Answer:
    """The files of a commit below one folder, without links. Raises `CommitNotFound`."""
    parameters = read_query(call)
    kind = KINDS[call.entry.template.partition("/repository/archive")[2].lstrip(".") or "tar.gz"]
    sha, path = parameters.text("sha"), parameters.text("path", 4096) or ""
    name, file = await read_repository(call.house, call.place.id, _pack, sha, kind, call.place.path, path)
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    return StreamReply(_send(file), 200, headers, MEDIA[kind])


def _pack(git: Reader, sha: str | None, kind: Kind, project: str, path: str) -> tuple[str, BinaryIO]:
    from packhouse.git.archiving import pack_commit

    ref = sha if sha and sha != "HEAD" else git.default_branch
    commit = git.resolve(ref)
    if commit is None:
        raise CommitNotFound()
    parts = [project, *([] if commit.startswith(ref.lower()) else [ref]), commit, *([path] if path else [])]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-")
    packed = pack_commit(git, commit, kind, name, path)
    if packed is None:
        raise TreeNotFound()
    return name, _open(packed)


async def _send(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while data := await asyncio.to_thread(file.read, CHUNK):
            yield data


# -- history ---------------------------------------------------------------------------------------------------------


async def list_commits(call: Call) -> Answer:
    """The commits that lead to a branch, tag or commit, newest first; with `path` those that changed it. Raises `CommitNotFound`."""
    parameters = read_query(call)
    page, ref, path = read_page(parameters), parameters.text("ref_name"), parameters.text("path", 4096) or ""

    def read(git: Reader) -> list[Shape] | None:
        from packhouse.git.reading import list_commits

        found = list_commits(git, ref or git.default_branch, page.size + 1, page.offset, path)
        return None if found is None else [commit_shape(call, one) for one in found]

    try:
        found = await read_repository(call.house, call.place.id, read)
    except RepositoryNotFound:
        found = []
    if found is None:
        raise CommitNotFound()
    following = page.number + 1 if len(found) > page.size else None
    headers = {"x-page": str(page.number), "x-per-page": str(page.size), "x-next-page": str(following or "")}
    if following is not None:
        headers["link"] = f'<{page_url(call, {"page": str(following), "per_page": str(page.size)})}>; rel="next"'
    return json_reply(found[: page.size], headers=headers)


def routes() -> Iterable[Route]:
    """What reads a repository without Git."""

    def one(tail: str, handler: object) -> Route:
        return route_of("project", "GET", f"/repository/{tail}", handler, Action.READ, area="repository")

    return (
        one("tree", list_tree),
        one("files/{path}/raw", get_raw),
        one("files/{path}", get_file),
        one("files/{path*}", get_either),
        one("commits", list_commits),
        *(one(f"archive{ending}", get_archive) for ending in ("", ".zip", ".tar", ".tar.gz")),
    )
