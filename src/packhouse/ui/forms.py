"""Forms: reading them, and making sure they were sent from a page of ours, in the session it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from packhouse.auth.sessions import Session
from packhouse.errors import Forbidden, InvalidParameter

FORM_TYPE = "application/x-www-form-urlencoded"
MOST_FIELDS = 100


class FormFields:
    """The fields of a form, in order."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """The last value of a field, "" where it was not sent."""
        return next((value for key, value in reversed(self._fields) if key == name), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """Every value of a field."""
        return tuple(value for key, value in self._fields if key == name)

    def has(self, name: str) -> bool:
        """Whether a box was ticked, or a field sent at all."""
        return any(key == name for key, _ in self._fields)

    def typed(self) -> Mapping[str, tuple[str, ...]]:
        """Every field with its values, for showing a form again."""
        return {key: self.texts(key) for key, _ in self._fields if key != "csrf"}


def read_form(body: bytes, media_type: str) -> FormFields:
    """The fields of a body. Raises `InvalidParameter` where it is no form."""
    if media_type.partition(";")[0].strip().lower() != FORM_TYPE:
        raise InvalidParameter(f"This page takes a form ({FORM_TYPE}), not {media_type or 'a body of no type'}", parameter="content-type")
    try:
        return FormFields(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError as error:
        raise InvalidParameter("The form is not valid UTF-8, or has too many fields: send it from the page again", parameter="form") from error


def check_origin(headers: Mapping[str, str], external_url: str) -> None:
    """Raises `Forbidden` where a browser says that the form came from another site."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise Forbidden("The form was sent from another site: open the page here and send it again")
    origin = headers.get("origin")
    if origin is None:
        return
    sent = urlsplit(origin)
    if origin == "null" or sent.netloc not in {urlsplit(external_url).netloc, headers.get("host", "")} or not sent.netloc:
        raise Forbidden(f"The form was sent from {origin}: open the page under {external_url} and send it again")


def check_csrf(form: FormFields, session: Session | None) -> None:
    """Raises `Forbidden` where the form was not made for this session."""
    if session is None or not session.checks(form.text("csrf")):
        raise Forbidden("The form was made for another session: open the page again and send it from there")


def read_cookies(header: str) -> Mapping[str, str]:
    """The cookies of a request by name; the first of equal names counts."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, separator, value = part.strip().partition("=")
        if separator:
            found.setdefault(name, value)
    return found
