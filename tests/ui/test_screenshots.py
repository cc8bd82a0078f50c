"""The pictures of the docs: taken from the pages themselves, so that none shows what is not there any more. PACKHOUSE_PICTURES=write keeps them."""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .town import PASSWORD
from .windows import Window

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.client
ROOT = Path(__file__).parent.parent.parent
PICTURES = ROOT / "docs" / "pictures"
LARGEST = 120 * 1024
SHOWN = re.compile(r"!\[[^\]]+\]\((?:\.\./|docs/)*pictures/([\w-]+)\.png\)")


class Picture(NamedTuple):
    """A page as a picture: where it is, what to click there, who looks, and in which light."""

    path: str
    click: str = ""
    user: str = "anna"
    theme: str = "light"


DOCUMENTED = {
    "first-run": Picture("/acme/fresh"),
    "packages": Picture("/acme/tools/-/packages"),
    "packages-dark": Picture("/groups/acme/-/packages", theme="dark"),
    "package": Picture("/acme/tools/-/packages?search=flask version:2.4.1", "flask-widgets"),
    "containers": Picture("/acme/tools/container_registry?search=api", "api"),
    "pipeline": Picture("/acme/tools/-/pipelines", "#1"),
    "repository": Picture("/acme/tools/-/tree"),
    "settings": Picture("/acme/tools/-/settings/packages_and_registries"),
    "members": Picture("/acme/tools/-/project_members"),
    "admin": Picture("/admin", user="root"),
}


def take(window: Window, house: str, picture: Picture) -> bytes:
    """The picture, with the name of an example where this run's own address stands."""
    page = window.page
    page.goto(house + picture.path)
    if picture.click:
        page.locator("main").get_by_role("link", name=picture.click, exact=True).first.click()
        page.wait_for_load_state()
    page.evaluate(
        """here => {
            for (const chance of document.querySelectorAll("wbr")) chance.remove();
            document.body.normalize();
            const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walk.nextNode()) walk.currentNode.data = walk.currentNode.data.replaceAll(here, "packages.example");
        }""",
        house.removeprefix("http://"),
    )
    taken: bytes = page.screenshot()
    return taken


def shades(png: bytes) -> int:
    """How many different bytes its rows hold: one colour has a few."""
    packed, at = b"", 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + length]
        at += 12 + length
    return len(set(zlib.decompress(packed)))


@pytest.mark.parametrize(("user", "theme"), sorted({(picture.user, picture.theme) for picture in DOCUMENTED.values()}))
def test_every_picture_is_of_a_page_that_is_there(chromium: Any, busy_house: str, user: str, theme: str) -> None:
    """A picture of the docs would show what was once, or nothing."""
    window = Window.open(chromium, color_scheme=theme, viewport={"width": 1200, "height": 750})
    window.page.goto(f"{busy_house}/users/sign_in")
    window.page.get_by_label("Username or email").fill(user)
    window.page.get_by_label("Password").fill(PASSWORD)
    window.page.get_by_role("button", name="Sign in").click()
    for name, picture in DOCUMENTED.items():
        if (picture.user, picture.theme) != (user, theme):
            continue
        taken = take(window, busy_house, picture)
        assert window.page.locator("h1").count() == 1, name
        assert window.page.locator(".status").count() == 0, name
        assert shades(taken) > 64, f"{name} is blank"
        assert len(taken) < LARGEST, f"{name} has {len(taken)} bytes"
        if os.environ.get("PACKHOUSE_PICTURES") == "write":
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / f"{name}.png").write_bytes(taken)
    window.close()
    assert window.faults == []


def test_the_docs_show_the_pictures_that_are_made() -> None:
    """A page of the docs would have a hole, or a picture would go stale where no test looks."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {name for page in pages for name in SHOWN.findall(page.read_text())}
    assert shown == set(DOCUMENTED)
    kept = {path.stem: path.read_bytes() for path in PICTURES.glob("*.png")}
    assert set(kept) == set(DOCUMENTED)
    for name, picture in kept.items():
        assert picture.startswith(b"\x89PNG") and len(picture) < LARGEST and shades(picture) > 64, name


def test_a_blank_picture_is_noticed() -> None:
    """The measure would pass whatever it is given."""
    plain = zlib.compress(b"\0" + b"\xff" * 300)
    chunk = len(plain).to_bytes(4) + b"IDAT" + plain + b"\0" * 4
    assert shades(b"\x89PNG\r\n\x1a\n" + chunk) == 2
