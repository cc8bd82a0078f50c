"""`?go-get=1` on any path: the page that leads the go command to a repository. The same for what is hidden and what is absent (threats, T01)."""

from __future__ import annotations

from html import escape
from urllib.parse import quote, urlsplit

from packhouse.auth.access import Where
from packhouse.auth.credentials import read_credential
from packhouse.auth.policy import Access, can_see
from packhouse.db.scopes import MOST_CANDIDATES
from packhouse.errors import NotFound, RegistryError
from packhouse.packages.house import House
from packhouse.responses import Reply
from packhouse.web.asgi import Scope
from packhouse.web.entrance import read_headers
from packhouse.web.match import decode_segment

# what a project or group at the top can never be called, so that its pages never hide ours
RESERVED = frozenset(
    {"-", "api", "v2", "jwt", "users", "groups", "admin", "oauth", ".well-known", "_", "dashboard", "explore", "help", "projects", "profile"}
)


class Discovery:
    """Answers the go command."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, scope: Scope, address: str) -> Reply:
        """The page: of the project that the caller may see; else of the first two parts of the path. Raises `NotFound`."""
        parts = [decode_segment(part) for part in scope["raw_path"].decode("latin-1").split("/") if part]
        if len(parts) < 2 or parts[0] in RESERVED or len(parts) > 64:
            raise NotFound()
        access = await self._look(scope, parts, address)
        if access is not None and access.place is not None and access.place.kind == "project" and can_see(access, access.place):
            return self._page(access.place.full_path)
        return self._page("/".join(parts[:2]).removesuffix(".git"))

    async def _look(self, scope: Scope, parts: list[str], address: str) -> Access | None:
        paths = tuple("/".join(parts[:end]).removesuffix(".git") for end in range(min(len(parts), MOST_CANDIDATES), 1, -1))
        try:
            return await self._find(scope, paths, address)
        except RegistryError:
            # a stale password in a netrc is no reason to refuse
            return await self._house.gate.identify(None, paths, address=address, area="repository")

    async def _find(self, scope: Scope, where: Where, address: str) -> Access:
        credential = read_credential(read_headers(scope), {})
        return await self._house.gate.identify(credential, where, address=address, area="repository")

    def _page(self, path: str) -> Reply:
        base = self._house.settings.base_url
        parts = urlsplit(base)  # a module path has no room for a port
        root = escape(f"{parts.hostname}{parts.path}/{path}", quote=True)
        meta = f'<meta name="go-import" content="{root} git {escape(f"{base}/{quote(path)}.git", quote=True)}">'
        page = f"<!doctype html>\n<html><head>{meta}</head><body>go get {root}</body></html>\n"
        return Reply(page.encode(), 200, {"cache-control": "no-store"}, "text/html; charset=utf-8")
