"""Yanking, deprecating and unlisting by hand, in each format's own words."""

from __future__ import annotations

import re

import pytest

from .conftest import Visits, Walker

TOOLS = "/acme/tools"


def page_of(walker: Walker, search: str) -> str:
    """The page of the first version that a search finds."""
    return next(link for link in walker.get(f"{TOOLS}/-/packages?search={search}").links() if re.fullmatch(r".*/packages/\d+", link))


@pytest.mark.parametrize(
    ("search", "verb", "state", "undo", "undone"),
    [
        ("flask version:2.3.9", "Yank", "yanked", "Offer it again", "offered again"),
        ("design version:10.2.0", "Deprecate", "deprecated", "Take the deprecation back", "undeprecated"),
        ("Acme.Billing", "Unlist", "unlisted", "List it again", "listed again"),
    ],
)
def test_a_version_is_taken_off_offer_and_put_back(showcase: Visits, search: str, verb: str, state: str, undo: str, undone: str) -> None:
    """A broken version could only be deleted, which breaks who depends on it; the way back would be missing, or told in another format's words."""
    anna = showcase.newcomer("anna")
    path = page_of(anna, search)
    assert f"{path}/yank" in anna.get(path).links()
    assert f"{path}/yank" in anna.get(f"{path}/delete").links()
    asked = anna.get(f"{path}/yank")
    assert asked.status == 200 and verb in asked.text
    gone = anna.post(f"{path}/yank", {"csrf": asked.field("csrf"), "do": "yank", "reason": "it <b>fails</b>"})
    assert gone.status == 303
    page = anna.get(path)
    assert f"This version is {state}: it <b>fails</b>" in page.text and "<b>fails" not in page.html
    assert undo in page.text
    back = anna.post(f"{path}/yank", {"csrf": asked.field("csrf"), "do": "offer"})
    told = anna.get(back.location)
    assert "The version is" in told.text and f"This version is {state}" not in told.text
    for words in (f"was {state} by anna", f"was {undone} by anna"):
        assert words in told.text
    log = anna.get(f"{TOOLS}/-/audit_events?matter=packages").text
    assert f" {state} " in log and f" {undone} " in log and "unyanked" not in log


def test_a_deprecation_without_a_reason_is_asked_for_one(showcase: Visits) -> None:
    """Clients show nothing for an empty message, and people would believe that they have warned somebody."""
    anna = showcase.newcomer("anna")
    path = page_of(anna, "design version:10.2.0")
    again = anna.post(f"{path}/yank", {"csrf": anna.get(f"{path}/yank").field("csrf"), "do": "yank", "reason": " "})
    assert again.status == 422 and "Say why" in again.text
    assert "This version is deprecated" not in anna.get(path).text


def test_who_may_not_delete_may_not_yank(showcase: Visits) -> None:
    """A developer could take versions away from everybody."""
    for name in ("ben", "carla"):
        walker = showcase.newcomer(name)
        path = page_of(walker, "flask version:2.3.9")
        assert f"{path}/yank" not in walker.get(path).links()
        assert walker.get(f"{path}/yank").status == 403
        csrf = walker.get("/-/user_settings/profile").field("csrf")
        assert walker.post(f"{path}/yank", {"csrf": csrf, "do": "yank", "reason": "x"}).status == 403
        assert "This version is yanked" not in walker.get(path).text


def test_a_format_that_cannot_yank_is_not_asked(showcase: Visits) -> None:
    """A page would promise what no client of the format understands."""
    anna = showcase.user("anna")
    path = page_of(anna, "firmware")
    assert f"{path}/yank" not in anna.get(path).links()
    assert anna.get(f"{path}/yank").status == 404
    assert anna.get(f"{TOOLS}/-/packages/x/yank").status == 404


def test_a_yank_needs_the_sessions_token(showcase: Visits) -> None:
    """Another site could yank in the name of whoever visits it."""
    anna = showcase.newcomer("anna")
    path = page_of(anna, "flask version:2.3.9")
    assert anna.post(f"{path}/yank", {"do": "yank", "reason": "x"}).status == 403
    assert "This version is yanked" not in anna.get(path).text
