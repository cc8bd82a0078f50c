"""Forms and the way back: only what was sent from a page of ours counts, and nobody is led elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.auth.sessions import Session
from packhouse.errors import Forbidden, InvalidParameter
from packhouse.model import Place, Visibility
from packhouse.ui.addresses import local, of_place, package, sign_in
from packhouse.ui.forms import check_csrf, check_origin, read_cookies, read_form

HERE = "https://packages.example"


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"origin": HERE, "sec-fetch-site": "same-origin"}, {"origin": HERE}, {"sec-fetch-site": "none"},
        {"origin": "http://127.0.0.1:8080", "host": "127.0.0.1:8080", "sec-fetch-site": "same-origin"},
    ],
)  # fmt: skip
def test_a_form_of_ours_passes(headers: dict[str, str]) -> None:
    """Nobody could sign in."""
    check_origin(headers, HERE)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ""},
        {"origin": "https://packages.example.evil.example", "host": "packages.example"},
    ],
)  # fmt: skip
def test_a_form_from_another_site_is_refused(headers: dict[str, str]) -> None:
    """Another site could act in the name of whoever is signed in."""
    with pytest.raises(Forbidden):
        check_origin(headers, HERE)


@pytest.mark.parametrize("sent", ["", "other", "secre", "secret ", "sécret"])
def test_a_form_of_another_session_is_refused(sent: str) -> None:
    """A token from one session would work in another."""
    form = read_form(f"csrf={sent}".encode(), "application/x-www-form-urlencoded")
    for session in (Session(user_id=1, csrf="secret", secret="x"), None):
        with pytest.raises(Forbidden):
            check_csrf(form, session)
    check_csrf(read_form(b"csrf=secret", "application/x-www-form-urlencoded; charset=utf-8"), Session(user_id=1, csrf="secret", secret="x"))


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"a=b", "application/json"),
        (b"a=b", ""),
        (b"\xff=b", "application/x-www-form-urlencoded"),
        (b"&".join([b"a=b"] * 200), "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, media_type: str) -> None:
    """A body of another kind would be read as a form without fields."""
    with pytest.raises(InvalidParameter):
        read_form(body, media_type)


def test_fields_keep_every_value() -> None:
    """Of several boxes ticked only one would count."""
    form = read_form(b"scopes=api&scopes=read_api&name=a+b&empty=", "application/x-www-form-urlencoded")
    assert form.texts("scopes") == ("api", "read_api")
    assert (form.text("name"), form.text("empty"), form.text("missing")) == ("a b", "", "")


@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "x", "/a\r\nSet-Cookie: x=y", "/a b", "/" + "a" * 3000],
)
def test_nobody_is_led_elsewhere(path: str) -> None:
    """After signing in a reader could land on a page that only looks like ours."""
    assert local(path) == "/"


@given(st.text())
def test_a_way_back_is_a_path_of_ours(path: str) -> None:
    """A way back could name another host."""
    kept = local(path)
    assert kept.startswith("/")
    assert not kept.startswith("//")
    assert "\\" not in kept
    assert sign_in(kept).startswith("/users/sign_in")


def test_addresses_encode_what_they_hold() -> None:
    """A place with an odd path could not be reached."""
    odd = Place(id=1, kind="group", path="b c", full_path="a/b c?d", name="", visibility=Visibility.PRIVATE)
    assert of_place(odd) == "/groups/a/b%20c%3Fd"
    assert package("a/ü", 4) == "/a/%C3%BC/-/packages/4"


def test_cookies_are_read() -> None:
    """A theme or a session would not be found among other cookies."""
    assert read_cookies("a=1; b=x=y; broken; a=2") == {"a": "1", "b": "x=y"}
    assert read_cookies("") == {}
