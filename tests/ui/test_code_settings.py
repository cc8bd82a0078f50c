"""Settings of hosted repositories: the default branch, protected branches, the mirror."""

from __future__ import annotations

import pytest

from .conftest import Visits, Walker

CODE = "/acme/tools/-/settings/code"


def send(walker: Walker, tail: str, **fields: str) -> None:
    """A form of the page, taken well."""
    page = walker.post(f"{CODE}{tail}", {"csrf": walker.get(CODE).field("csrf"), **fields})
    assert page.status == 303, page.text


def test_the_default_branch_is_changed(showcase: Visits) -> None:
    """A clone would begin with the wrong branch, and nobody could say another one."""
    anna = showcase.newcomer("anna")
    assert "http://127.0.0.1:8080/acme/tools.git" in anna.get(CODE).text
    send(anna, "", default_branch="release/1.x")
    assert 'value="release/1.x" selected' in anna.get(CODE).html
    assert "/acme/tools/-/blob/release/1.x/main.go" in anna.get("/acme/tools/-/tree").links()
    refused = anna.post(CODE, {"csrf": anna.get(CODE).field("csrf"), "default_branch": "none"})
    assert refused.status == 422 and "is not there" in refused.text
    send(anna, "", default_branch="main")


def test_a_branch_is_protected_and_set_free(showcase: Visits) -> None:
    """Anybody could rewrite a release branch, or a rule could never be taken back."""
    anna = showcase.newcomer("anna")
    send(anna, "/protect", name="rel<b>/*", push_access_level="0")
    page = anna.get(CODE)
    assert "rel<b>/*" in page.text and "<b>/" not in page.html and "push: nobody" in page.text
    again = anna.post(f"{CODE}/protect", {"csrf": page.field("csrf"), "name": "rel<b>/*", "push_access_level": "40"})
    assert again.status == 422 and "already exists" in again.text
    send(anna, "/unprotect", name="rel<b>/*")
    assert "rel<b>/*" not in anna.get(CODE).text


def test_a_mirror_says_what_it_copies_and_never_its_password(showcase: Visits) -> None:
    """A copy could not be set up by hand, or its password would stand on the page."""
    anna = showcase.newcomer("anna")
    refused = anna.post(f"{CODE}/mirror", {"csrf": anna.get(CODE).field("csrf"), "url": "file:///etc", "interval_minutes": "30"})
    assert refused.status == 422 and "not valid" in refused.text
    refused = anna.post(f"{CODE}/mirror", {"csrf": anna.get(CODE).field("csrf"), "url": "http://127.0.0.1/x.git", "interval_minutes": "30"})
    assert refused.status == 422
    send(anna, "/mirror", url="https://192.0.2.1/acme/tools.git", auth_user="robot", auth_password="hunter22", interval_minutes="60")
    page = anna.get(CODE)
    assert "https://192.0.2.1/acme/tools.git" in page.text and "hunter22" not in page.html and 'value="60"' in page.html
    send(anna, "/mirror/remove")
    assert "It is not a copy of another repository." in anna.get(CODE).text


@pytest.mark.parametrize("tail", ["", "/protect", "/unprotect", "/mirror", "/mirror/pull", "/mirror/remove"])
def test_only_maintainers_settle_a_repository(showcase: Visits, tail: str) -> None:
    """A developer could let themselves push to a protected branch."""
    for name in ("ben", "carla"):
        walker = showcase.user(name)
        csrf = walker.get("/-/user_settings/profile").field("csrf")
        assert walker.post(f"{CODE}{tail}", {"csrf": csrf, "name": "main", "default_branch": "main"}).status == 403
        assert walker.get(CODE).status == 403
    anna = showcase.user("anna")
    assert anna.post(f"{CODE}{tail}", {"name": "main"}).status == 403


def test_a_project_without_a_repository_has_the_page(showcase: Visits) -> None:
    """Nobody could mirror a repository into a new project."""
    page = showcase.user("anna").get("/acme/fresh/-/settings/code")
    assert page.status == 200 and "Copy from elsewhere" in page.text and "Default branch" not in page.text
