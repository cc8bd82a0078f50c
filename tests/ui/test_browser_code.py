"""Code, builds and yanking in a real browser: by keyboard, with scripts and without."""

from __future__ import annotations

from typing import Any

import pytest

from .town import PASSWORD
from .windows import Window

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.client


def enter(window: Window, house: str, path: str) -> Any:
    """The page at an address, for anna."""
    page = window.page
    page.goto(f"{house}/users/sign_in?return_to={path}")
    page.get_by_label("Username or email").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    return page


def test_code_is_found_read_and_cloned(chromium: Any, busy_house: str) -> None:
    """The way from a project to a line of its code, or to a clone of it, would break somewhere."""
    window = Window.open(chromium, permissions=["clipboard-read", "clipboard-write"])
    page, expect = enter(window, busy_house, "/acme/tools"), playwright.expect
    page.get_by_role("link", name="Repository").click()
    page.get_by_text("Clone", exact=True).first.click()
    page.get_by_role("button", name="Copy Address").click()
    expect(page.locator("#said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{busy_house}/acme/tools.git"
    page.keyboard.press("Escape")
    page.locator(".source-head .picker summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="release/1.x").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="main.go").click()
    expect(page).to_have_url(f"{busy_house}/acme/tools/-/blob/release/1.x/main.go")
    page.get_by_role("button", name="Copy the text").click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("package main")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download").click()
    assert coming.value.suggested_filename == "main.go"
    window.close()
    assert window.faults == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_build_leads_to_its_package_and_the_package_is_yanked_and_offered(chromium: Any, busy_house: str, scripts: bool) -> None:
    """Who finds out that a build was broken could not take its package off offer, or not without scripts or a mouse."""
    window = Window.open(chromium, java_script_enabled=scripts)
    page, expect = enter(window, busy_house, "/acme/tools/-/pipelines"), playwright.expect
    page.get_by_role("link", name="#1", exact=True).click()
    expect(page.get_by_role("heading", name="Pipeline #1")).to_be_visible()
    page.get_by_role("link", name="flask-widgets").click()
    page.get_by_role("link", name="Yank").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Why").fill("the templates are missing")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This version is yanked: the templates are missing.")).to_be_visible()
    page.get_by_role("link", name="Offer it again").click()
    page.get_by_role("button", name="Offer it again").click()
    expect(page.get_by_text("The version is offered again.")).to_be_visible()
    expect(page.get_by_role("link", name="Yank")).to_be_visible()
    window.close()
    assert window.faults == []
