"""Odd values on every route: each is answered, none crashes the server or comes back as an error of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from stand import ADMIN_TOKEN, Stand

from packhouse.api.routes import api_routes
from packhouse.contract import Route

ROUTES = list(api_routes(None))  # type: ignore[arg-type]  # which routes there are does not depend on the house
NAMES = [
    "access_level", "active", "admin", "archived", "cursor", "description", "email", "expires_at", "expires_after", "external",
    "force_random_password", "generic_duplicate_exception_regex", "generic_duplicates_allowed", "id_after", "include_subgroups",
    "include_versionless", "membership", "min_access_level", "minimum_access_level_for_delete", "minimum_access_level_for_push", "name",
    "namespace", "namespace_id", "order_by", "package_name", "package_name_pattern", "package_registry_access_level", "package_type",
    "package_version", "packages_enabled", "page", "pagination", "parent_id", "password", "path", "per_page", "project_creation_level", "query",
    "scopes", "search", "sort", "state", "status", "user_id", "user_ids", "username", "visibility",
]  # fmt: skip
GOOD = {
    "name": "n", "path": "p", "email": "e@mail.example", "username": "u", "force_random_password": True, "scopes": ["read_api"], "access_level": 30,
    "user_id": 1, "package_name_pattern": "x", "package_type": "npm", "minimum_access_level_for_push": "owner", "namespace": "root",
}  # fmt: skip
VALUES: list[Any] = [
    None, True, -1, 2**63, 10**40, 1.5, "", "x", "\u0000", "\ud800", "a" * 3000, "%", "2026-01-01", "9" * 30, "²", ["a"], [[]], [None], {"0": "a"},
    {"a": {"b": "c"}}, "(" * 200,
]  # fmt: skip
EVERYWHERE = ("\u0000", "9" * 30, "²")  # tried under every name; the others under a few


def fill(route: Route, ids: dict[str, str], odd: str | None = None) -> str:
    kind = "project" if "/projects/" in route.path else "group"

    def value(found: re.Match[str]) -> str:
        return ids[kind] if found[1] == "id" else odd if odd is not None else "1"

    return "/" + re.sub(r"\{(\w+)[*+]?\}", value, route.path)


def make_ids(stand: Stand) -> dict[str, str]:
    group = stand.make_group()
    return {"group": str(group["id"]), "project": str(stand.make_project(group)["id"])}


def changes_things(route: Route) -> bool:
    """The routes whose bodies are tried; who is rotated away or blocked could not go on trying."""
    return route.method in ("POST", "PUT", "PATCH") and not route.path.endswith(("/rotate", "block", "activate"))


@pytest.fixture(scope="module", name="fresh")
def serve_for_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A server that these tests may fill with odd things."""
    with Stand(tmp_path_factory.mktemp("hostile") / "data") as stand:
        yield stand


@pytest.fixture(scope="module", name="ids")
def make_places(fresh: Stand) -> dict[str, str]:
    return make_ids(fresh)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "GET"], ids=lambda route: route.path)
def test_odd_queries(fresh: Stand, ids: dict[str, str], route: Route) -> None:
    """A value in the query or the path of a list or look-up crashes it."""
    headers = {"PRIVATE-TOKEN": ADMIN_TOKEN}
    for value in VALUES:
        text = value if isinstance(value, str) else json.dumps(value)
        for name in NAMES if value in EVERYWHERE else ("page", "order_by"):
            query = urlencode({name: text}, errors="surrogatepass")
            assert fresh.http.get(f"{fill(route, ids)}?{query}", headers).status < 500, (name, value)
    for odd in ("0", "abc", "9" * 30, "%00", "%C2%B2", "-1", quote("a/b", safe="")):
        assert fresh.http.get(fill(route, ids, odd), headers).status < 500, odd


@pytest.mark.parametrize("route", [route for route in ROUTES if changes_things(route)], ids=lambda route: f"{route.method} {route.path}")
def test_odd_bodies(fresh: Stand, route: Route) -> None:
    """A value in the body of a change crashes it."""
    headers = {"PRIVATE-TOKEN": ADMIN_TOKEN, "Content-Type": "application/json"}
    path = fill(route, make_ids(fresh))
    for value in VALUES:
        for name in (None, *GOOD, "expires_at", "description", "visibility") if value in EVERYWHERE else (None, "name", "scopes"):
            body = dict.fromkeys(NAMES, value) if name is None else {**GOOD, name: value}
            answer = fresh.http.request(route.method, path, json.dumps(body).encode(), headers)
            assert answer.status < 500, (body, answer.text)
    for raw, media_type in (
        (b"a[]=1&a=2&a[b]=3", "application/x-www-form-urlencoded"),
        (b"\x00\xff", "application/json"),
        (b"[" * 5000, "application/json"),
        (b"x", "text/weird"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"x", "multipart/form-data"),
    ):
        answer = fresh.http.request(route.method, path, raw, {**headers, "Content-Type": media_type})
        assert answer.status < 500, (raw, answer.text)
