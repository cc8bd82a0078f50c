"""The page of a group's dependency proxy: its prefix, what it holds, and emptying it."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.auth.policy import may
from packhouse.contract import Answer
from packhouse.db import proxies
from packhouse.db.proxies import SettingRow, Usage
from packhouse.errors import Invalid, NotFound
from packhouse.model import Action, Place
from packhouse.packages import proxies as proxy_changes
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.container_pages import api_command
from packhouse.ui.deleting_views import ConfirmPage, Doomed
from packhouse.ui.desk import Desk, place_in
from packhouse.ui.image_views import CachedLine, ProxyPage
from packhouse.ui.listing import PAGE, read_page
from packhouse.ui.replies import see_other
from packhouse.ui.views import Fact, Pager, Snippet
from packhouse.ui.words import number, plural, size

EXAMPLE = "alpine:latest"


class ProxyPages:
    """Handlers of the page of a dependency proxy."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, call: PageCall) -> Answer:
        """What the proxy of a group holds. Raises `NotFound` where the instance has none."""
        desk, where = self._desk, self._group(call)
        page = read_page(call.query.get("page", ""))
        setting, usage, found = await desk.house.database.read(_read_proxy, where.id, page)
        upstream = self._upstream(setting)
        state = "off" if not setting.enabled else "on" if upstream else "aimless"
        path = addresses.dependency_proxy(where)
        prefix = f"{desk.house.settings.base_url.partition('://')[2]}/{where.full_path.lower()}/dependency_proxy/containers"
        owns = may(call.access, Action.OWN)
        view = ProxyPage(
            frame=desk.frame(call, f"Dependency proxy of {where.full_path}", line=await desk.line(where), current="dependency_proxy"),
            state=state,
            prefix=prefix,
            text=_text(state, owns=owns),
            upstream=upstream,
            facts=_facts(setting, usage, upstream),
            lines=tuple(cached_line(row, prefix) for row in found[:PAGE]),
            commands=(
                Snippet(id="pull-through", client="docker", title="Pull through the proxy", text=f"docker pull {prefix}/{EXAMPLE}", language="shell"),
            ),
            settings_href=addresses.settings(where, "packages_and_registries") if owns else "",
            clear_href=f"{path}/clear" if owns and (usage.images or usage.blobs) else "",
            pager=Pager(
                summary=f"{number((page - 1) * PAGE + 1)}–{number((page - 1) * PAGE + len(found[:PAGE]))}" if page > 1 or len(found) > PAGE else "",
                newer=addresses.with_query(path, page=page - 1 if page > 2 else None) if page > 1 else "",
                older=addresses.with_query(path, page=page + 1) if len(found) > PAGE else "",
            ),
        )
        return desk.answer(view)

    async def ask_clear(self, call: PageCall) -> Answer:
        """What would be forgotten."""
        desk, where = self._desk, self._group(call)
        usage = await desk.house.database.read(proxies.usage_of, where.id)
        path = addresses.dependency_proxy(where)
        view = ConfirmPage(
            frame=desk.frame(call, "Clear the cache", line=await desk.line(where), current="dependency_proxy"),
            heading=f"Clear the cache of {where.full_path}",
            text="Everything the dependency proxy holds is forgotten, and fetched from the upstream again when somebody pulls it.",
            doomed=(Doomed(text=plural(usage.images, "image"), detail=f"{plural(usage.blobs, 'blob')}, {size(usage.size)}"),),
            warnings=("An image that the upstream has removed since cannot be pulled any more.",),
            action=f"{path}/clear",
            button="Clear the cache",
            cancel=path,
            command=api_command("DELETE", f"{desk.house.api}/groups/{where.id}/dependency_proxy/cache"),
        )
        return desk.answer(view)

    async def clear(self, call: PageCall) -> Answer:
        """The cache is empty. Raises `Conflict` within an hour of the last time."""
        desk, where = self._desk, self._group(call)
        await desk.form(call)
        await desk.house.database.write(proxy_changes.purge, where.id, call.actor)
        return see_other(addresses.with_query(addresses.dependency_proxy(where), done="cache_cleared"))

    def _group(self, call: PageCall) -> Place:
        where = place_in(call, "group")
        if not self._desk.house.settings.dependency_proxy or where.kind != "group":
            raise NotFound()
        return where

    def _upstream(self, setting: SettingRow) -> str:
        usual = self._desk.house.settings.dependency_proxy_upstream
        if setting.upstream_url is not None or not usual:
            return setting.upstream_url or ""
        try:
            return proxy_changes.read_upstream(usual)
        except Invalid:
            return ""


def _read_proxy(connection: Connection, group: int, page: int) -> tuple[SettingRow, Usage, list[proxies.Listed]]:
    found = proxies.list_manifests(connection, group, (page - 1) * PAGE, PAGE + 1)
    return proxies.get_setting(connection, group), proxies.usage_of(connection, group), found


def cached_line(row: proxies.Listed, prefix: str) -> CachedLine:
    """A cached manifest in the list."""
    by_digest = ":" in row.reference
    return CachedLine(
        image=row.image,
        tag="" if by_digest else row.reference,
        digest=row.digest,
        size=row.size,
        created=row.created,
        read=row.read_at,
        command=f"docker pull {prefix}/{row.image}{'@' if by_digest else ':'}{row.reference}",
    )


def _facts(setting: SettingRow, usage: Usage, upstream: str) -> tuple[Fact, ...]:
    facts = [
        Fact(label="Images", text=plural(usage.images, "image")),
        Fact(label="Blobs", text=plural(usage.blobs, "blob")),
        Fact(label="Size", text=size(usage.size)),
    ]
    if upstream:
        facts.append(Fact(label="Upstream", text=upstream))
    facts.append(Fact(label="Kept", text="for ever" if setting.ttl_days is None else f"{plural(setting.ttl_days, 'day')} after the last pull"))
    if setting.purged_at is not None:
        facts.append(Fact(label="Cleared", at=setting.purged_at))
    return tuple(facts)


def _text(state: str, *, owns: bool) -> str:
    who = "An owner of the group" if not owns else "You"
    if state == "off":
        return f"The dependency proxy of this group is switched off. {who} can switch it on in its settings."
    if state == "aimless":
        return f"There is no upstream registry: pulls are answered with 503. {who} can name one in its settings."
    return ""
