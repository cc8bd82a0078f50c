"""Headers and links of pages (core API section 3)."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from stand import ADMIN_TOKEN, Stand

from packhouse.api import pages
from packhouse.api.pages import Page
from packhouse.model import Place, Visibility

PLACE = Place(id=7, kind="project", path="p", full_path="g/p", name="p", visibility=Visibility.PUBLIC)


def fake_call(*query: tuple[str, str]) -> Any:
    return SimpleNamespace(
        query_list=list(query), params={"id": "g/p"}, access=SimpleNamespace(place=PLACE),
        entry=SimpleNamespace(template="api/v4/projects/{id+}/packages"), house=SimpleNamespace(settings=SimpleNamespace(base_url="https://host.example")),
    )  # fmt: skip


def links(header: str) -> dict[str, str]:
    return {rel: url for url, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', header)}


def test_headers_of_every_page(api: Any, stand: Stand) -> None:
    """A page header is missing, wrong at an end, or a page beyond the last one is an error."""
    project = stand.make_project()
    for number in range(5):
        api.publish(project, f"tool{number}")
    base = f"/projects/{project['path_with_namespace'].replace('/', '%2F')}/packages"
    first, last = api.get(f"{base}?per_page=2"), api.get(f"{base}?per_page=2&page=3")
    shown = {name: first.headers[name] for name in ("x-page", "x-per-page", "x-next-page", "x-prev-page", "x-total", "x-total-pages")}
    assert shown == {"x-page": "1", "x-per-page": "2", "x-next-page": "2", "x-prev-page": "", "x-total": "5", "x-total-pages": "3"}
    assert (last.headers["x-next-page"], last.headers["x-prev-page"], len(last.json())) == ("", "2", 1)
    beyond = api.get(f"{base}?per_page=2&page=9").expect(200)
    assert (beyond.json(), beyond.headers["x-next-page"]) == ([], "")
    assert api.get(f"{base}?per_page=1000").headers["x-per-page"] == "100"
    assert api.get(f"{base}?page={10**17}&per_page=100").expect(200).json() == []
    rows = [row for page in (1, 2, 3) for row in api.get(f"{base}?per_page=2&page={page}").json()]
    assert [row["created_at"] for row in rows] == sorted(row["created_at"] for row in rows)
    assert len({row["id"] for row in rows}) == 5


def test_links_lead_on(api: Any, stand: Stand) -> None:
    """A link does not repeat what was asked, names the project by its path, or does not lead to the next page."""
    project = stand.make_project()
    for number in range(3):
        api.publish(project, f"tool{number}")
    path = f"/projects/{project['path_with_namespace'].replace('/', '%2F')}/packages?package_name=tool&per_page=1&page=2&sort=asc"
    found = links(api.get(path).headers["link"])
    assert set(found) == {"prev", "next", "first", "last"}
    assert found["next"].startswith(f"{stand.url}/api/v4/projects/{project['id']}/packages?")
    assert all("package_name=tool" in url and "sort=asc" in url for url in found.values())
    follow = stand.http.get(found["next"].removeprefix(stand.url), {"PRIVATE-TOKEN": ADMIN_TOKEN}).expect(200)
    assert (follow.json()[0]["name"], follow.headers["x-page"]) == ("tool2", "3")


def test_a_link_carries_no_token() -> None:
    """A token sent in the query comes back in a link."""
    reply = pages.paged(fake_call(("private_token", "secret"), ("a", "b c")), [], Page(), 50)
    assert "secret" not in reply.headers["link"]
    assert links(reply.headers["link"])["next"] == "https://host.example/api/v4/projects/7/packages?a=b+c&page=2&per_page=20"


def test_many_rows_are_not_counted_out() -> None:
    """Above ten thousand rows the totals are sent all the same, or the next page is not."""
    reply = pages.paged(fake_call(), [], Page(number=2), pages.MOST_COUNTED + 1)
    assert not {"x-total", "x-total-pages"} & set(reply.headers)
    assert set(links(reply.headers["link"])) == {"prev", "next", "first"}
    assert "x-total" in pages.paged(fake_call(), [], Page(number=2), pages.MOST_COUNTED).headers


def test_an_empty_list_has_one_page() -> None:
    """An empty list has no first page, or a next one."""
    headers = pages.paged(fake_call(), [], Page(), 0).headers
    assert (headers["x-total"], headers["x-total-pages"], headers["x-next-page"]) == ("0", "1", "")


def test_far_pages_of_projects(api: Any) -> None:
    """Reading far into a list by number is not sent to keyset pages."""
    answer = api.get("/projects?per_page=100&page=502")
    assert answer.status == 405 and "keyset" in answer.json()["message"]
