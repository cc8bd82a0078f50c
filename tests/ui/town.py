"""A furnished house in memory of this process, and a browser without a network to walk through it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection

from packhouse.assemble import make_app
from packhouse.auth.credentials import Credential
from packhouse.auth.passwords import hash_password
from packhouse.db import members, places, users
from packhouse.db.engine import now
from packhouse.model import About, Dependency, Moment, NewFile, Published, Role, Upload, Visibility
from packhouse.packages.firststart import prepare
from packhouse.packages.house import House
from packhouse.packages.view import View
from packhouse.settings import Settings
from packhouse.web.app import App

PASSWORD = "correct horse battery staple"
BASE = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, as a reader sees it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def html(self) -> str:
        return self.body.decode()

    @property
    def text(self) -> str:
        """The words of the page, its tags taken out."""
        inner = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", self.html, flags=re.DOTALL)
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", inner.replace("<wbr>", "")))).strip()

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    def links(self) -> list[str]:
        """The addresses the page leads to."""
        return [unescape(href) for href in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', self.html)]

    def field(self, name: str) -> str:
        """The value of the first form field of that name; those of the page itself come before those of the bar above it."""
        bar, _, main = self.html.partition("<main")
        found = re.search(rf'<input\b[^>]*\bname="{re.escape(name)}"[^>]*\bvalue="([^"]*)"', main + bar)
        return unescape(found.group(1)) if found else ""


@dataclass(slots=True)
class Browser:
    """Asks the application directly, keeps its cookies, and sends what a browser sends with a form."""

    app: App
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Page:
        return await self._ask(method, path, headers or {}, b"")

    async def post(self, path: str, fields: Mapping[str, str] | list[tuple[str, str]], headers: Mapping[str, str] | None = None) -> Page:
        sent = {"content-type": "application/x-www-form-urlencoded", "origin": BASE, "sec-fetch-site": "same-origin"} | dict(headers or {})
        return await self._ask("POST", path, sent, urlencode(fields).encode())

    async def sign_in(self, username: str, password: str = PASSWORD, return_to: str = "") -> Page:
        return await self.post("/users/sign_in", {"username": username, "password": password, "return_to": return_to})

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Page:
        parts = urlsplit(path)
        sent = {"host": "127.0.0.1:8080", **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            sent["content-length"] = str(len(body))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": ("127.0.0.1", 50000),
            "extensions": {},
        }
        received: list[tuple[bytes, bytes]] = []
        status, pieces = 0, []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, object]:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Mapping[str, object]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(str(message["status"]))
                received.extend(message["headers"])  # type: ignore[call-overload]
            else:
                pieces.append(bytes(message.get("body") or b""))  # type: ignore[call-overload]

        await self.app(scope, receive, send)  # type: ignore[arg-type]
        for name, value in received:
            if name.lower() == b"set-cookie":
                self._keep(value.decode())
        return Page(status, {name.decode().lower(): value.decode("latin-1") for name, value in received}, b"".join(pieces))

    def _keep(self, header: str) -> None:
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


@dataclass(slots=True)
class Town:
    """The house, and who and what lives in it: names to ids."""

    app: App
    people: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    @property
    def house(self) -> House:
        return self.app.house

    def browser(self) -> Browser:
        return Browser(self.app)

    async def signed_in(self, username: str) -> Browser:
        browser = self.browser()
        page = await browser.sign_in(username)
        assert page.status == 303, page.text
        return browser

    async def add_person(self, name: str, *, admin: bool = False) -> None:
        stored = hash_password(PASSWORD)
        self.people[name] = await self.house.database.write(
            users.add_user, username=name, name=name.capitalize(), email=f"{name}@mail.example", password=stored, at=now(), admin=admin
        )

    async def add_place(self, kind: str, full_path: str, visibility: Visibility = Visibility.PRIVATE, description: str = "") -> int:
        self.places[full_path] = await self.house.database.write(_add_place, kind, full_path, visibility, description)
        return self.places[full_path]

    async def add_member(self, full_path: str, person: str, role: Role) -> None:
        await self.house.database.write(members.set_member, self.places[full_path], self.people[person], int(role), None, now())

    async def hold(self, full_path: str, format: str, person: str, job: str = "") -> View:
        """The verbs of the packages room, as this person in this project; with the token of a job, as that."""
        place = self.places[full_path]
        gate = self.house.gate
        access = await (gate.identify(Credential(job), place) if job else gate.as_user(self.people[person], "session", place))
        moment = Moment(at=0, api=self.house.api, format=format, level="project", place=self.places[full_path])

        async def lookup(project: int) -> object:
            return access

        return View(
            self.house, self.house.formats[format], access, level="project", place=self.places[full_path], moment=moment, at=None, lookup=lookup
        )  # type: ignore[arg-type]

    def pusher(self, person: str = "root") -> Pusher:
        """A client that pushes images as this person."""
        return Pusher(self.browser(), person)

    async def publish(
        self, full_path: str, format: str, name: str, version: str, files: Mapping[str, bytes], *, person: str = "root", about: About | None = None,
        tags: tuple[str, ...] = (), status: str | None = None, job: str = "",
    ) -> Published:  # fmt: skip
        new = tuple(NewFile(path=path, content=content, about=about if number == 0 else None) for number, (path, content) in enumerate(files.items()))
        view = await self.hold(full_path, format, person, job)
        return await view.publish(Upload(name=name, version=version, files=new, tags=tags, status=status))


@dataclass(frozen=True, slots=True)
class Pushed:
    """A manifest that was pushed, and how an index speaks of it."""

    digest: str
    media_type: str
    size: int

    def entry(self, **more: object) -> dict[str, object]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size, **more}


OCI = "application/vnd.oci.image"


@dataclass(slots=True)
class Pusher:
    """Pushes images as a client does, with the password of everybody."""

    browser: Browser
    person: str = "root"

    async def ask(self, method: str, path: str, body: bytes = b"", media_type: str = "application/octet-stream") -> Page:
        login = b64encode(f"{self.person}:{PASSWORD}".encode()).decode()
        scope = re.sub(r"/(blobs|manifests)/.*", "", path.removeprefix("/v2/"))
        granted = await self.browser.get(
            f"/jwt/auth?service=container_registry&scope=repository:{scope}:pull,push", {"authorization": f"Basic {login}"}
        )
        assert granted.status == 200, granted.text
        headers = {"authorization": f"Bearer {json.loads(granted.body)['token']}", "content-type": media_type, "content-length": str(len(body))}
        return await self.browser._ask(method, path, headers, body)

    async def blob(self, name: str, body: bytes) -> dict[str, object]:
        digest = f"sha256:{sha256(body).hexdigest()}"
        page = await self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", body)
        assert page.status == 201, page.text
        return {"digest": digest, "size": len(body), "mediaType": f"{OCI}.layer.v1.tar+gzip"}

    async def manifest(self, name: str, document: Mapping[str, object], reference: str = "") -> Pushed:
        body = json.dumps({"schemaVersion": 2, **document}).encode()
        digest = f"sha256:{sha256(body).hexdigest()}"
        media_type = str(document["mediaType"])
        page = await self.ask("PUT", f"/v2/{name}/manifests/{reference or digest}", body, media_type)
        assert page.status == 201, page.text
        return Pushed(digest, media_type, len(body))

    async def image(self, name: str, tag: str, content: bytes = b"layer", platform: str = "linux/amd64") -> Pushed:
        """An image of one layer for one platform; without a tag it is there by its digest."""
        os, _, architecture = platform.partition("/")
        config = json.dumps({"os": os, "architecture": architecture, "created": "2026-11-20T10:00:00Z", "n": content.decode()}).encode()
        described = await self.blob(name, config) | {"mediaType": f"{OCI}.config.v1+json"}
        return await self.manifest(
            name, {"mediaType": f"{OCI}.manifest.v1+json", "config": described, "layers": [await self.blob(name, content)]}, tag
        )

    async def index(self, name: str, tag: str, platforms: tuple[str, ...], content: str = "") -> Pushed:
        """An index of images, one for each platform."""
        entries = []
        for platform in platforms:
            os, _, architecture = platform.partition("/")
            made = await self.image(name, "", f"{platform}{content}".encode(), platform)
            entries.append(made.entry(platform={"os": os, "architecture": architecture}))
        return await self.manifest(name, {"mediaType": f"{OCI}.index.v1+json", "manifests": entries}, tag)

    async def attach(self, name: str, subject: Pushed, artifact_type: str, content: bytes = b"signed") -> Pushed:
        """Something that speaks of an image."""
        empty = await self.blob(name, b"{}") | {"mediaType": "application/vnd.oci.empty.v1+json"}
        document = {
            "mediaType": f"{OCI}.manifest.v1+json", "artifactType": artifact_type, "config": empty, "layers": [await self.blob(name, content)],
            "subject": subject.entry(),
        }  # fmt: skip
        return await self.manifest(name, document)


def _add_place(connection: Connection, kind: str, full_path: str, visibility: Visibility, description: str) -> int:
    above, _, path = full_path.rpartition("/")
    parent = places.find_place(connection, above) if above else None
    return places.add_place(
        connection, kind=kind, path=path, name=path, parent=parent, visibility=int(visibility), description=description, creator_id=None, at=now()
    )


@contextlib.asynccontextmanager
async def open_town(folder: Path, **settings: object) -> AsyncIterator[Town]:
    """An empty house with its first user, root, whose password is the one of everybody."""
    values: dict[str, object] = {"data": str(folder), "listen": "127.0.0.1:8080", "workers": 1, "access_log": False} | settings
    app = make_app(Settings(**values))  # type: ignore[arg-type]
    await prepare(app.house)
    app.house.store.start()
    app.house.spool.start()
    await app.house.database.start()
    town = Town(app)
    root = await app.house.database.read(users.find_user, "root")
    assert root is not None
    town.people["root"] = root.id
    town.places["root"] = 0
    await app.house.database.write(users.update_user, root.id, password=hash_password(PASSWORD))
    try:
        yield town
    finally:
        if app.house.identities is not None:
            await app.house.identities.close()
        await app.house.database.close()


ABOUT = About(
    summary="Small widgets for forms",
    readme="# flask-widgets\n\nIt *works*. See [the guide](https://docs.example/guide).\n\n```python\nimport flask_widgets\n```\n",
    license="MIT",
    author="Anna Berg",
    keywords=("forms", "widgets"),
    links={"Documentation": "https://docs.example/guide", "Evil": "javascript:alert(1)"},
    requires="Python >=3.9",
    dependencies=(Dependency(name="flask", range=">=3.0", kind="runtime"), Dependency(name="pytest", range=">=8", kind="tests")),
)


async def furnish(town: Town) -> None:
    """Three people, a group with a subgroup, four projects of every visibility, and packages in most of them."""
    for person in ("anna", "ben", "eve"):
        await town.add_person(person)
    await town.add_place("group", "acme", Visibility.PRIVATE, "Tools and their parts")
    await town.add_place("group", "acme/web", Visibility.PRIVATE)
    await town.add_place("project", "acme/tools", Visibility.PRIVATE, "What the teams share")
    await town.add_place("project", "acme/web/site", Visibility.PRIVATE)
    await town.add_place("group", "open", Visibility.PUBLIC)
    await town.add_place("project", "open/garden", Visibility.PUBLIC, "Anybody may look")
    await town.add_place("project", "open/cellar", Visibility.PRIVATE)
    await town.add_member("acme", "anna", Role.MAINTAINER)
    await town.add_member("acme/tools", "ben", Role.REPORTER)
    await town.publish("acme/tools", "pypi", "flask-widgets", "2.4.0", {"flask_widgets-2.4.0.tar.gz": b"old"}, person="anna", about=ABOUT)
    await town.publish(
        "acme/tools", "pypi", "flask-widgets", "2.4.1", {"flask_widgets-2.4.1.tar.gz": b"new", "flask_widgets-2.4.1-py3-none-any.whl": b"wheel"},
        person="anna", about=ABOUT,
    )  # fmt: skip
    await town.publish("acme/web/site", "generic", "bundle", "1.0.0", {"bundle.zip": b"site"}, person="anna")
    await town.publish("open/garden", "generic", "seeds", "0.1.0", {"seeds.txt": b"seeds"})
    await town.publish("open/cellar", "generic", "secret-wine", "1.0.0", {"wine.txt": b"wine"})
