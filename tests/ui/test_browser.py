"""The pages in a real browser: accessible, in place on a narrow screen, useful without scripts, quiet under the strict policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from .gallery import make_gallery
from .samples import pages
from .town import PASSWORD, Town, furnish, open_town
from .windows import Served, Window

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.client
NAMES = sorted(pages())
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    """The sample pages."""

    async def main(served: Served) -> None:
        await served.serve(make_gallery())

    yield from Served().run(main)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A furnished house."""
    folder = tmp_path_factory.mktemp("house")

    async def main(served: Served) -> None:
        async with open_town(folder, listen=served.url.removeprefix("http://")) as town:
            await _more(town)
            await served.serve(town.app)

    yield from Served().run(main)


async def _more(town: Town) -> None:
    await furnish(town)
    for number in range(30):
        await town.publish("acme/tools", "generic", f"part-{number:02}", "1.0.0", {"part.txt": b"%d" % number}, person="anna")
    pusher = town.pusher("anna")
    for tag in ("latest", "2.0"):
        await pusher.index("acme/tools/api", tag, ("linux/amd64", "linux/arm64"), tag)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_keeps_anybody_out(chromium: Any, gallery: str, scheme: str) -> None:
    """Somebody who listens to a page, or needs contrast, could not use it."""
    pytest.importorskip("axe_playwright_python")
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
    window = Window.open(chromium, color_scheme=scheme, viewport={"width": 1280, "height": 800}, bypass_csp=True)
    rules = TAGS if scheme == "light" else {"type": "rule", "values": ["color-contrast"]}  # the rest does not depend on the theme
    broken: list[str] = []
    for name in NAMES:
        window.page.goto(f"{gallery}/{name}")
        window.page.evaluate(axe)
        # An open menu lies over its neighbours, so menus are looked at by themselves.
        for details, context in (("details:not([name], [data-menu])", "body"), ("details[data-menu]", ".menu-body")):
            window.page.evaluate("chosen => { for (const d of document.querySelectorAll(chosen)) d.open = true }", details)
            if window.page.locator(context).count() == 0:
                continue
            found = window.page.evaluate("([context, rules]) => axe.run(context, {runOnly: rules})", [context, rules])
            for violation in found["violations"]:
                broken += [f"{name}: {violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}" for node in violation["nodes"]]
    window.close()
    assert broken == []


@pytest.mark.parametrize("scripts", [True, False])
def test_nothing_scrolls_sideways_on_a_narrow_screen(chromium: Any, gallery: str, scripts: bool) -> None:
    """A reader with a telephone would push every page to and fro."""
    window = Window.open(chromium, viewport={"width": 360, "height": 760}, java_script_enabled=scripts)
    wide = []
    for name in NAMES:
        window.page.goto(f"{gallery}/{name}")
        width = window.page.locator("html").evaluate("e => e.scrollWidth") if scripts else window.page.locator("body").bounding_box()["width"]
        if width > 360:
            wide.append((name, width))
    window.close()
    assert wide == []


def test_no_page_breaks_the_policy(chromium: Any, gallery: str) -> None:
    """A script or style of ours would be refused by the browser, and a part of the page would not work."""
    window = Window.open(chromium)
    for name in NAMES:
        window.page.goto(f"{gallery}/{name}")
    window.close()
    assert window.faults == []


def test_a_package_is_found_and_its_command_copied_with_scripts(chromium: Any, house: str) -> None:
    """The way from the front page to the install line would break somewhere."""
    window = Window.open(chromium, permissions=["clipboard-read", "clipboard-write"])
    page, expect = window.page, playwright.expect
    page.goto(f"{house}/users/sign_in?return_to=/acme/tools/-/packages")
    page.get_by_label("Username or email").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{house}/acme/tools/-/packages")
    page.keyboard.press("/")
    page.keyboard.type("flask")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?search=flask$"))
    page.get_by_role("link", name="flask-widgets").first.click()
    page.get_by_text("uv", exact=True).click()
    page.get_by_role("button", name="Copy Install with uv").click()
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("uv pip install")
    page.reload()
    expect(page.get_by_role("radio", name="uv")).to_be_checked()
    page.get_by_text("Digests").first.click()
    expect(page.get_by_role("button", name=re.compile("Copy SHA-512 of")).first).to_be_visible()
    page.locator(".picker summary").click()
    expect(page.locator(".picker a").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".picker a").first).to_be_hidden()
    assert (
        "UTC" not in page.locator("time").first.get_attribute("title") or page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == "UTC"
    )
    window.close()
    assert window.faults == []


def test_everything_works_without_scripts(chromium: Any, house: str) -> None:
    """Somebody whose browser runs no scripts could sign in but not search, choose a client or read a digest."""
    window = Window.open(chromium, java_script_enabled=False)
    page, expect = window.page, playwright.expect
    page.goto(f"{house}/users/sign_in?return_to=/acme/tools/-/packages")
    page.get_by_label("Username or email").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("tbody tr")).to_have_count(20)
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(12)
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(page.locator("tbody .name").first).to_have_text("flask-widgets")
    page.get_by_label("Filter packages").fill("flask version:2.4.0")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="version: 2.4.0").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="flask-widgets").first.click()
    expect(page.get_by_text("pip install --index-url")).to_be_visible()
    page.get_by_text("poetry", exact=True).click()
    expect(page.get_by_text("pip install --index-url")).to_be_hidden()
    expect(page.get_by_text("poetry add")).to_be_visible()
    expect(page.locator(".copy").first).to_be_hidden()
    page.get_by_text("Digests").first.click()
    expect(page.get_by_text("SHA-512").first).to_be_visible()
    page.get_by_role("link", name="Activity").click()
    expect(page.get_by_text("published by anna").first).to_be_visible()
    page.locator(".who summary").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator(".who summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You have signed out.")).to_be_visible()
    window.close()


def sign_in(page: Any, house: str, path: str) -> None:
    page.goto(f"{house}/users/sign_in?return_to={path}")
    page.get_by_label("Username or email").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_version_is_deleted_after_a_question_and_comes_back(chromium: Any, house: str, scripts: bool) -> None:
    """Somebody would delete without being asked, could not say no, or not take it back; and without scripts not at all."""
    window = Window.open(chromium, java_script_enabled=scripts)
    page, expect = window.page, playwright.expect
    sign_in(page, house, "/acme/tools/-/packages")
    page.get_by_label("Filter packages").fill("part-07")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="part-07").click()
    page.get_by_role("link", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="Delete part-07 1.0.0")).to_be_visible()
    expect(page.locator("dialog")).to_have_count(1 if scripts else 0)
    page.get_by_role("link", name="Keep it").click()
    expect(page.get_by_role("heading", name="part-07", exact=True)).to_be_visible()
    expect(page.locator("dialog")).to_have_count(0)
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete part-07 1.0.0").click()
    expect(page.get_by_text("The version was deleted.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The version was restored.")).to_be_visible()
    expect(page.get_by_role("heading", name="part-07", exact=True)).to_be_visible()
    window.close()
    assert window.faults == []


def test_chosen_versions_are_asked_about_with_the_keyboard_alone(chromium: Any, house: str) -> None:
    """Somebody without a mouse could not choose versions, or would be stuck behind the question."""
    window = Window.open(chromium)
    page, expect = window.page, playwright.expect
    sign_in(page, house, "/acme/tools/-/packages?search=part-0&orderBy=name")
    button = page.get_by_role("button", name="Delete chosen versions")
    expect(button).to_be_disabled()
    page.get_by_role("checkbox", name="Choose part-00 1.0.0").focus()
    page.keyboard.press("Space")
    expect(button).to_be_enabled()
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete 1 version")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_text("part-00 1.0.0")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_label("All on this page").check()
    expect(page.locator("input[name=choice]:checked")).to_have_count(10)
    button.click()
    expect(page.get_by_role("dialog", name="Delete 10 versions")).to_be_visible()
    window.close()
    assert window.faults == []


def test_tags_of_an_image_are_searched_copied_and_deleted(chromium: Any, house: str) -> None:
    """The way from a project to the address of an image would break somewhere."""
    window = Window.open(chromium, permissions=["clipboard-read", "clipboard-write"])
    page, expect = window.page, playwright.expect
    sign_in(page, house, "/acme/tools")
    page.get_by_role("link", name="Containers").click()
    page.get_by_role("link", name="api", exact=True).click()
    page.get_by_role("searchbox", name="Filter tags").press_sequentially("2.")
    expect(page.locator(".tag-row")).to_have_count(1)
    page.get_by_role("button", name=f"Copy {house.removeprefix('http://')}/acme/tools/api:2.0").click()
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/acme/tools/api:2.0")
    page.get_by_text("Details").click()
    expect(page.get_by_text("linux/arm64").last).to_be_visible()
    page.get_by_role("link", name="Delete 2.0").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the tag 2.0").click()
    expect(page.get_by_text("The tag was deleted.")).to_be_visible()
    expect(page.locator(".tag-row")).to_have_count(1)
    window.close()
    assert window.faults == []


def test_a_project_is_made_protected_and_deleted_by_keyboard(chromium: Any, house: str) -> None:
    """Who cannot use a mouse could not run a registry; and the strict policy would stop a form that works in our tests."""
    window = Window.open(chromium)
    page, press = window.page, window.page.keyboard.press
    page.goto(f"{house}/users/sign_in?return_to=/projects/new")
    page.get_by_label("Username or email").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    press("Enter")
    page.get_by_label("Name", exact=True).fill("By keyboard")
    press("Enter")
    expect = playwright.expect
    expect(page.get_by_text("The project was created.")).to_be_visible()
    expect(page.get_by_role("heading", name="Publish")).to_be_visible()
    page.get_by_role("link", name="Settings", exact=True).focus()
    press("Enter")
    page.get_by_role("link", name="Packages and registries").focus()
    press("Enter")
    page.locator("#package-rules .fold > summary").focus()
    press("Enter")
    page.get_by_label("Package name").fill("inner-*")
    press("Enter")
    expect(page.get_by_text("The rule was added.")).to_be_visible()
    expect(page.locator("#package-rules .lines code")).to_have_text("inner-*")
    page.get_by_role("link", name="General").focus()
    press("Enter")
    page.locator("#delete-panel .fold > summary").focus()
    press("Enter")
    page.get_by_label("Type anna/by-keyboard to delete it").fill("anna/by-keyboard")
    press("Enter")
    expect(page.get_by_text("The project was deleted", exact=False)).to_be_visible()
    assert window.faults == []
    window.close()


def test_a_token_just_made_is_not_kept_by_the_browser(chromium: Any, house: str) -> None:
    """Going back would show the token to whoever sits there next."""
    window = Window.open(chromium)
    page = window.page
    page.goto(f"{house}/users/sign_in?return_to=/-/user_settings/personal_access_tokens")
    page.get_by_label("Username or email").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name", exact=True).fill("laptop")
    page.locator("#scope-1").check()
    page.get_by_role("button", name="Make token").click()
    token = page.get_by_label("The token", exact=True).inner_text()
    assert token.startswith("phpat_")
    page.goto(f"{house}/")
    with pytest.raises(playwright.Error, match="ERR_CACHE_MISS"):  # it would have to send the form again, and asks first
        page.go_back()
    playwright.expect(page.get_by_text(token)).to_have_count(0)
    window.close()


def test_a_download_is_saved_and_not_opened(chromium: Any, house: str, tmp_path: Path) -> None:
    """An uploaded file would be shown as a page of ours."""
    window = Window.open(chromium)
    window.page.goto(f"{house}/open/garden/-/packages")
    window.page.get_by_role("link", name="seeds").click()
    with window.page.expect_download() as coming:
        window.page.get_by_role("link", name="seeds.txt").click()
    coming.value.save_as(tmp_path / "seeds.txt")
    assert coming.value.suggested_filename == "seeds.txt"
    assert (tmp_path / "seeds.txt").read_bytes() == b"seeds"
    window.close()
