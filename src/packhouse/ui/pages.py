"""The web pages: their routes, and the page that says what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packhouse.auth.sessions import Session, Sessions
from packhouse.contract import Answer, Route
from packhouse.db.engine import now
from packhouse.errors import FileNotFound, Forbidden, NotFound, PlaceNotFound, RegistryError, TooManyRequests, Unauthenticated
from packhouse.model import ANONYMOUS, Action, Actor
from packhouse.packages.house import House
from packhouse.responses import Reply
from packhouse.ui import addresses
from packhouse.ui.account_pages import AccountPages
from packhouse.ui.admin_pages import AdminPages
from packhouse.ui.audit_pages import AuditPages
from packhouse.ui.build_pages import BuildPages
from packhouse.ui.calls import PageCall
from packhouse.ui.code_settings_pages import CodeSettingsPages
from packhouse.ui.confirming import Confirming
from packhouse.ui.container_pages import ContainerPages
from packhouse.ui.deleting_pages import DeletingPages
from packhouse.ui.desk import Desk, here, viewer_of
from packhouse.ui.entering import Door
from packhouse.ui.general_pages import GeneralPages
from packhouse.ui.icons import read_icons
from packhouse.ui.image_bin_pages import ImageBinPages
from packhouse.ui.member_pages import MemberPages
from packhouse.ui.moved import find_moved
from packhouse.ui.package_pages import PackagePages
from packhouse.ui.paths import page_route as _page
from packhouse.ui.pipeline_pages import PipelinePages
from packhouse.ui.place_pages import PlacePages
from packhouse.ui.place_token_pages import PlaceTokenPages
from packhouse.ui.proxy_pages import ProxyPages
from packhouse.ui.render import Renderer
from packhouse.ui.replies import html_reply, see_other, static_reply
from packhouse.ui.search_pages import SearchPages
from packhouse.ui.settings_pages import SettingsPages
from packhouse.ui.single_sign_on import SingleSignOn
from packhouse.ui.source_pages import SourcePages
from packhouse.ui.static_files import read_static_files
from packhouse.ui.token_pages import TokenPages
from packhouse.ui.views import ErrorPage, Frame
from packhouse.ui.yanking_pages import YankingPages
from packhouse.wording import status_of

FORMATS = Path(__file__).parent.parent / "formats"
TOKENS = addresses.TOKENS.removeprefix("/")
HEADINGS = {400: "That cannot be done", 403: "You may not do that", 404: "Nothing is here", 413: "That is too large", 429: "Too many requests"}
HIDDEN = "The page does not exist, or you may not see it."
BROKEN = "The registry could not answer. It has been noted; try again."


class Pages:
    """All pages of a house."""

    def __init__(self, house: House, sessions: Sessions) -> None:
        self._static = read_static_files()
        self._desk = Desk(house, sessions, Renderer(read_icons(FORMATS), self._static))
        self._places = PlacePages(self._desk)
        self._packages = PackagePages(self._desk)
        self._containers = ContainerPages(self._desk)
        self._proxies = ProxyPages(self._desk)
        self._deleting = DeletingPages(self._desk)
        self._search = SearchPages(self._desk)
        door = Door(self._desk)
        sign_on = SingleSignOn(self._desk, door)
        self._confirming = Confirming(self._desk, door, sign_on)
        self._account = AccountPages(self._desk, door, sign_on)
        self._tokens = TokenPages(self._desk)
        self._changing = (
            GeneralPages(self._desk),
            MemberPages(self._desk),
            PlaceTokenPages(self._desk),
            SettingsPages(self._desk),
            BuildPages(self._desk),
            CodeSettingsPages(self._desk),
            AuditPages(self._desk),
            AdminPages(self._desk),
            YankingPages(self._desk),
            PipelinePages(self._desk),
            ImageBinPages(self._desk),
            SourcePages(self._desk),
            sign_on,
        )

    def routes(self) -> Sequence[Route]:
        """Every page, by method and address."""
        return tuple(self._confirming.guard(route) for route in self._routes())

    def _routes(self) -> Sequence[Route]:
        places, packages, account, tokens = self._places, self._packages, self._account, self._tokens
        return (
            _page("GET", "", places.home, Action.OPEN),
            _page("GET", "-/static/{name}", self.static, Action.OPEN),
            _page("POST", "-/theme", account.set_theme, Action.OPEN),
            _page("GET", "users/sign_in", account.sign_in, Action.OPEN),
            _page("POST", "users/sign_in", account.open_session, Action.OPEN),
            _page("POST", "users/sign_out", account.close_session, Action.OPEN),
            _page("GET", addresses.PROFILE.removeprefix("/"), account.profile, Action.SIGN_IN),
            _page("POST", addresses.PROFILE.removeprefix("/"), account.save_profile, Action.SIGN_IN),
            _page("GET", addresses.PASSWORD.removeprefix("/"), account.password, Action.SIGN_IN),
            _page("POST", addresses.PASSWORD.removeprefix("/"), account.save_password, Action.SIGN_IN),
            _page("GET", TOKENS, tokens.show, Action.SIGN_IN),
            _page("POST", TOKENS, tokens.make, Action.SIGN_IN),
            _page("POST", TOKENS + "/{id}/revoke", tokens.revoke, Action.SIGN_IN),
            *(route for pages in self._changing for route in pages.routes()),
            _page("GET", "-/packages", packages.everything, Action.OPEN),
            _page("GET", "groups/{group+}/-/packages/{id}", packages.in_group, Action.SEE, place="group"),
            _page("GET", "search", self._search.show, Action.OPEN),
            *self._deleting_routes(),
            *self._container_routes(),
            _page("GET", "groups/{group*}", places.group, Action.SEE, place="group"),
            _page("GET", "groups/{group+}/-/packages", packages.group_list, Action.READ, place="group"),
            _page("GET", "{project*}", places.project, Action.SEE, place="project", any_kind=True),
            _page("GET", "{project+}/-/packages", packages.project_list, Action.READ, place="project"),
            _page("GET", "{project+}/-/packages/{id}", packages.show, Action.READ, place="project"),
            _page("GET", "{project+}/-/package_files/{id}/download", packages.download, Action.READ, place="project"),
        )

    def _deleting_routes(self) -> Sequence[Route]:
        pages, version = self._deleting, "{project+}/-/packages/{id}"
        return (
            _page("GET", f"{version}/delete", pages.ask, Action.DELETE, place="project"),
            _page("POST", f"{version}/delete", pages.delete, Action.DELETE, place="project"),
            _page("GET", f"{version}/files/{{file}}/delete", pages.ask_file, Action.DELETE, place="project"),
            _page("POST", f"{version}/files/{{file}}/delete", pages.delete_file, Action.DELETE, place="project"),
            _page("GET", f"{version}/files/delete", pages.ask_files, Action.DELETE, place="project"),
            _page("POST", f"{version}/files/delete", pages.delete_files, Action.DELETE, place="project"),
            _page("POST", f"{version}/restore", pages.restore, Action.DELETE, place="project"),
            _page("GET", "{project+}/-/packages/bin", pages.bin, Action.DELETE, place="project"),
            _page("GET", "{project+}/-/packages/delete", pages.ask_many, Action.DELETE, place="project"),
            _page("POST", "{project+}/-/packages/delete", pages.delete_many, Action.DELETE, place="project"),
            _page("GET", "groups/{group+}/-/packages/delete", pages.ask_many, Action.READ, place="group"),
            _page("POST", "groups/{group+}/-/packages/delete", pages.delete_many, Action.READ, place="group"),
        )

    def _container_routes(self) -> Sequence[Route]:
        # to see the place is enough here: whether its images may be read is another switch, which the handlers ask
        pages, proxies, one = self._containers, self._proxies, "{project+}/container_registry/{id}"
        rules = "{project+}/-/settings/packages_and_registries/cleanup_image_tags"
        return (
            _page("GET", "{project+}/container_registry", pages.project_list, Action.SEE, place="project"),
            _page("GET", "groups/{group+}/-/container_registries", pages.group_list, Action.SEE, place="group"),
            _page("GET", one, pages.show, Action.SEE, place="project"),
            _page("GET", f"{one}/delete", pages.ask_delete, Action.SEE, place="project"),
            _page("POST", f"{one}/delete", pages.delete, Action.SEE, place="project"),
            _page("GET", f"{one}/tags/delete", pages.ask_delete_tags, Action.SEE, place="project"),
            _page("POST", f"{one}/tags/delete", pages.delete_tags, Action.SEE, place="project"),
            _page("GET", rules, pages.cleanup, Action.MANAGE, place="project"),
            _page("POST", rules, pages.save_cleanup, Action.MANAGE, place="project"),
            _page("GET", "groups/{group+}/-/dependency_proxy", proxies.show, Action.SEE, place="group"),
            _page("GET", "groups/{group+}/-/dependency_proxy/clear", proxies.ask_clear, Action.OWN, place="group"),
            _page("POST", "groups/{group+}/-/dependency_proxy/clear", proxies.clear, Action.OWN, place="group"),
        )

    async def static(self, call: PageCall) -> Answer:
        """A file of the bundle. Raises `FileNotFound`."""
        found = self._static.find(call.params["name"])
        if found is None:
            raise FileNotFound()
        return static_reply(found, accepts_gzip=takes_gzip(call.headers.get("accept-encoding", "")))

    async def refuse(self, error: RegistryError, scope: Mapping[str, Any]) -> Reply:
        """What went wrong as a page in the viewer's own frame; who must sign in first is led to where that is done, and back."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        session, actor = await self._desk.find_viewer(headers)
        reads = scope["method"] in {"GET", "HEAD"}
        if reads and isinstance(error, PlaceNotFound) and (moved := await find_moved(self._desk.house, session, here(scope))):
            return see_other(moved, status=301)
        return self.error(error, session=session, actor=actor, headers=headers, here=here(scope) if reads else "/")

    def error(
        self,
        error: RegistryError,
        status: int = 0,
        session: Session | None = None,
        *,
        actor: Actor = ANONYMOUS,
        headers: Mapping[str, str] | None = None,
        here: str = "/",
    ) -> Reply:
        """The same for a viewer of whom no more is known."""
        if isinstance(error, Unauthenticated) and session is None:
            return see_other(addresses.sign_in(here))
        status = status or status_of(error)
        hidden = isinstance(error, NotFound)
        heading = HEADINGS.get(status, "Something went wrong")
        view = ErrorPage(
            frame=Frame(title=heading, now=now(), here=here, viewer=viewer_of(actor, session, headers or {}), search_action=addresses.SEARCH),
            status=status,
            heading=heading,
            text=HIDDEN if hidden else error.message if status < 500 or status in {503, 507} else BROKEN,
            search=addresses.SEARCH if hidden else "",
            guess=guess_of(here) if hidden else "",
            sign_in=addresses.sign_in(here) if session is None and (hidden or isinstance(error, Forbidden)) else "",
        )
        extra = {"Retry-After": str(error.detail.get("retry_after", 60))} if isinstance(error, TooManyRequests) else {}
        return html_reply(self._desk.renderer.page(view), status, extra)


def guess_of(address: str) -> str:
    """The last word of an address that could be a name."""
    words = [unquote(word) for word in urlsplit(address).path.split("/")]
    return next((word[:64] for word in reversed(words) if word.isprintable() and not word.isdigit() and word not in ("", "-", "packages")), "")


def takes_gzip(accepted: str) -> bool:
    """Whether a client takes gzip."""
    for part in accepted.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        if name.strip() in {"gzip", "*"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
