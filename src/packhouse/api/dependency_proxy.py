"""A group's dependency proxy over REST: its settings, its use, and emptying it (design, section 2)."""

from __future__ import annotations

import re
from typing import Any

from packhouse.api.call import Call, route_of, writing
from packhouse.api.parameters import Parameters, read_parameters
from packhouse.contract import Action, Answer, Route
from packhouse.db import proxies
from packhouse.db.proxies import SettingRow, Usage
from packhouse.errors import Invalid, InvalidParameter, NotFound, UpstreamRefused
from packhouse.packages import proxies as changes
from packhouse.responses import empty_reply, json_reply
from packhouse.upstream.client import Outbound, check_address, keeps_secrets
from packhouse.upstream.guard import Guard
from packhouse.upstream.oci import RegistryClient, Trial
from packhouse.upstream.secrets import SecretBox

TRIED = frozenset({"upstream_url", "identity", "secret", "auth_hosts"})  # what is worth asking the upstream about
MOST_DAYS = 3650
LONGEST_IDENTITY = 255
LONGEST_SECRET = 4096
LONGEST_HOSTS = 1024
HOST = re.compile(r"[a-z0-9.-]+(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?")


async def get_settings(call: Call) -> Answer:
    """What the group says, what is in force, and what is cached. The secret is never shown."""
    row = await call.house.database.read(proxies.get_setting, call.place.id)
    return json_reply(_shape(call, row, await call.house.database.read(proxies.usage_of, call.place.id)))


async def put_settings(call: Call) -> Answer:
    """The settings with what was sent, and what the upstream said to them. Raises `InvalidParameter`."""
    parameters = await read_parameters(call)
    row = await call.house.database.read(proxies.get_setting, call.place.id)
    changed = read_changes(call, parameters, row)
    worth_trying = any(changed[name] != getattr(row, name) for name in TRIED & changed.keys())
    trial = await _try(call, row._replace(**changed)) if worth_trying else None
    if trial is not None and trial.is_wrong:
        name = "identity" if trial.result == "refused_credentials" else "upstream_url"
        raise InvalidParameter(f"{name} does not work: {trial.message}", parameter=name)
    if changed:
        row = await call.house.database.write(changes.change_setting, call.place.id, changed, call.actor)
    shape = _shape(call, row, await call.house.database.read(proxies.usage_of, call.place.id))
    return json_reply(shape if trial is None else {**shape, "upstream_check": trial})


async def _try(call: Call, row: SettingRow) -> Trial | None:
    """Ask the upstream as these settings would have it; None where the group says nothing about one."""
    upstream = effective(call, row.upstream_url)
    if upstream is None or (row.upstream_url is None and row.identity is None):
        return None
    settings = call.house.settings
    box, hosts = SecretBox(settings.data_path / "keys" / "upstream"), changes.split_hosts(settings.dependency_proxy_auth_hosts)
    outbound = Outbound(Guard(settings.outbound_allow))
    try:
        return await RegistryClient(outbound).test(changes.source_of(row, upstream, box, hosts))
    finally:
        await outbound.close()


async def purge_cache(call: Call) -> Answer:
    """Forget everything that is cached; the bytes follow. Raises `Conflict` within an hour of the last time, `NotFound`."""
    if not call.house.settings.dependency_proxy:
        raise NotFound()
    await call.house.database.write(changes.purge, call.place.id, call.actor)
    return empty_reply(202)


# -- what is sent ----------------------------------------------------------------------------------------------------


def read_changes(call: Call, parameters: Parameters, row: SettingRow) -> dict[str, Any]:
    """The fields to change. Raises `InvalidParameter`."""
    changed: dict[str, Any] = {}
    if (enabled := parameters.flag("enabled")) is not None:
        changed["enabled"] = enabled
    if "upstream_url" in parameters:
        changed["upstream_url"] = read_url(parameters.text("upstream_url", changes.LONGEST_URL), call.house.settings.outbound_allow)
    if "ttl_days" in parameters:
        days = parameters.integer("ttl_days")
        if days is not None and not 0 <= days <= MOST_DAYS:
            raise InvalidParameter(f"ttl_days does not have a valid value: 1 to {MOST_DAYS}, or 0 to keep everything", parameter="ttl_days")
        changed["ttl_days"] = days or None
    if "library_prefix" in parameters:
        changed["library_prefix"] = None if parameters.text("library_prefix") in (None, "") else parameters.flag("library_prefix")
    if "auth_hosts" in parameters:
        changed["auth_hosts"] = read_hosts(parameters.texts("auth_hosts") or [])
    upstream = effective(call, changed.get("upstream_url", row.upstream_url))
    if "identity" in parameters or "secret" in parameters:
        changed |= read_identity(call, parameters, upstream)
    elif row.identity is not None and row.identity_for != upstream:
        changed |= {"identity": None, "secret": None, "identity_for": None}  # what was given for one upstream is not for another
    return changed


def read_url(text: str | None, allow: str) -> str | None:
    """An upstream's URL; None for the instance's own. Raises `InvalidParameter`, also for an address that may not be reached."""
    if not text:
        return None
    try:
        url = changes.read_upstream(text)
        check_address(url, Guard(allow))
    except (Invalid, UpstreamRefused) as error:
        raise InvalidParameter(f"upstream_url is invalid: {error.message}", parameter="upstream_url") from error
    return url


def read_hosts(texts: list[str]) -> str:
    """Hosts that may give out tokens, as they are stored. Raises `InvalidParameter`."""
    hosts = [text.lower() for text in texts]
    joined = ",".join(hosts)
    if not all(HOST.fullmatch(host) for host in hosts) or len(joined) > LONGEST_HOSTS:
        raise InvalidParameter("auth_hosts is invalid: write host or host:port, several separated by commas", parameter="auth_hosts")
    return joined


def read_identity(call: Call, parameters: Parameters, upstream: str | None) -> dict[str, Any]:
    """Who we are at this upstream: both or none. Raises `InvalidParameter`."""
    identity, secret = parameters.text("identity", LONGEST_IDENTITY) or "", parameters.text("secret", LONGEST_SECRET) or ""
    if bool(identity) != bool(secret):
        missing = "identity" if not identity else "secret"
        raise InvalidParameter(f"{missing} is missing: identity and secret are set together, and cleared together", parameter=missing)
    if not identity:
        return {"identity": None, "secret": None, "identity_for": None}
    if ":" in identity or not identity.isprintable() or not secret.isprintable():
        raise InvalidParameter("identity is invalid: a user name without a colon, and a secret without control characters", parameter="identity")
    if upstream is None:
        raise InvalidParameter("identity is of no use without an upstream: send upstream_url too", parameter="identity")
    _check_privacy(upstream, call.house.settings.outbound_allow)
    sealed = SecretBox(call.house.settings.data_path / "keys" / "upstream").seal(secret)
    return {"identity": identity, "secret": sealed, "identity_for": upstream}


def _check_privacy(upstream: str, allow: str) -> None:
    """A secret crosses the public network encrypted only. Raises `InvalidParameter`."""
    if not keeps_secrets(upstream, Guard(allow)):
        raise InvalidParameter("identity is not sent over plain http: use https, or list the host in outbound_allow", parameter="identity")


# -- what is shown ---------------------------------------------------------------------------------------------------


def effective(call: Call, own: str | None) -> str | None:
    """The upstream in force; None where there is none."""
    usual = call.house.settings.dependency_proxy_upstream
    if own is not None or not usual:
        return own
    try:
        return changes.read_upstream(usual)
    except Invalid:
        return None


def _shape(call: Call, row: SettingRow, usage: Usage) -> dict[str, Any]:
    host = call.house.settings.base_url.partition("://")[2]
    upstream = effective(call, row.upstream_url)
    return {
        "enabled": row.enabled,
        "upstream_url": row.upstream_url,
        "effective_upstream_url": upstream,
        "identity": row.identity if row.identity_for == upstream else None,
        "auth_hosts": row.auth_hosts.split(",") if row.auth_hosts else [],
        "library_prefix": row.library_prefix,
        "ttl_days": row.ttl_days,
        "image_prefix": f"{host}/{call.place.full_path.lower()}/dependency_proxy/containers",
        "blob_count": usage.blobs,
        "image_count": usage.images,
        "total_size": usage.size,
    }


def routes() -> list[Route]:
    def of_group(method: str, tail: str, handler: Any) -> Route:
        return route_of("group", method, f"/dependency_proxy{tail}", handler, Action.OWN)

    return [
        of_group("GET", "", get_settings),
        of_group("PUT", "", writing(put_settings)),
        of_group("DELETE", "/cache", writing(purge_cache)),
    ]
