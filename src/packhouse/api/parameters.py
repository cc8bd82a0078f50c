"""Parameters of the query and the body, typed: forms, multipart and JSON say the same things (core API section 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from packhouse.api.call import LARGEST_ID, Call
from packhouse.errors import Invalid, InvalidParameter, UnsupportedType
from packhouse.grammar.multipart import MultipartSplitter
from packhouse.model import Instant, PartEnd, PartStart
from packhouse.packages.history import read_time

TRUE = frozenset({"true", "1", "t", "yes", "on"})
FALSE = frozenset({"false", "", "0", "f", "no", "off"})
MOST = 1000
DEEPEST = 8
DAY: Instant = 86_400_000_000

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEY = re.compile(r"\[([^\[\]]*)\]")
_LOST = re.compile("[\x00\ud800-\udfff]")


class Parameters:
    """Named values, read as what they must be: a wrong one raises `InvalidParameter` with its name."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @property
    def all(self) -> Mapping[str, Any]:
        """The values as they came."""
        return self._values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def require(self, *names: str) -> None:
        """All of them are there. Raises `InvalidParameter` naming those that are missing."""
        missing = [name for name in names if self._values.get(name) is None]
        if missing:
            raise InvalidParameter(", ".join(f"{name} is missing" for name in missing), parameter=missing[0])

    def text(self, name: str, most: int = 255) -> str | None:
        """A text; None where it is absent or null."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        if not isinstance(value, str) or _LOST.search(value):
            raise _invalid(name)
        if len(value) > most:
            raise InvalidParameter(f"{name} is too long (maximum is {most} characters)", parameter=name)
        return value

    def needed(self, name: str, most: int = 255) -> str:
        """A text that must be there."""
        self.require(name)
        return self.text(name, most) or ""

    def integer(self, name: str) -> int | None:
        """A whole number; None where it is absent, null or empty."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,19}", value, re.ASCII):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST_ID:
            raise _invalid(name)
        return value

    def flag(self, name: str) -> bool | None:
        """A truth value; None where it is absent. Null and the empty text are false."""
        if name not in self._values:
            return None
        value = self._values[name]
        if value is None or isinstance(value, bool):
            return bool(value)
        text = str(value).lower() if isinstance(value, str | int) else "?"
        if text not in TRUE | FALSE:
            raise _invalid(name)
        return text in TRUE

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        """One of some words; None where it is absent or null."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise unfit(name)
        return value

    def level(self, name: str, allowed: Iterable[int]) -> int | None:
        """One of some numbers; None where it is absent or null."""
        value = self.integer(name)
        if value is not None and value not in allowed:
            raise unfit(name)
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of texts, or one text with commas; None where it is absent or null."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, dict) and all(key.isdigit() for key in value):
            value = [value[key] for key in sorted(value, key=int)]
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        parts: Any = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(parts, list) or any(isinstance(part, bool) or not isinstance(part, str | int) for part in parts):
            raise _invalid(name)
        texts = [str(part) for part in parts if part != ""]
        if any(_LOST.search(text) for text in texts):
            raise _invalid(name)
        return texts

    def integers(self, name: str) -> list[int] | None:
        """A list of whole numbers; None where it is absent or null."""
        texts = self.texts(name)
        if texts is None:
            return None
        if not all(re.fullmatch(r"\d{1,18}", text, re.ASCII) for text in texts):
            raise _invalid(name)
        return [int(text) for text in texts]

    def inner(self, name: str) -> Parameters | None:
        """Parameters inside of one; None where it is absent or null."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _invalid(name)
        return Parameters(value)

    def date(self, name: str) -> Instant | None:
        """A date, as its first instant in UTC; None where it is absent, null or empty. A time is cut to its date."""
        text = self.text(name)
        if not text:
            return None
        found = _DATE.match(text)
        if found is None or not (found.end() == len(text) or text[found.end()] in "Tt "):
            raise _invalid(name)
        return _first_instant(name, found)

    def instant(self, name: str) -> Instant | None:
        """A time with its zone, or a date; None where it is absent, null or empty."""
        text = self.text(name)
        if not text:
            return None
        found = _DATE.fullmatch(text)
        if found is not None:
            return _first_instant(name, found)
        if re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?", text):
            text += ":00Z" if text.count(":") == 1 else "Z"
        try:
            return read_time(text)
        except Invalid as error:
            raise _invalid(name) from error


def unfit(name: str) -> InvalidParameter:
    """A value outside of what is allowed."""
    return InvalidParameter(f"{name} does not have a valid value", parameter=name)


def _invalid(name: str) -> InvalidParameter:
    return InvalidParameter(f"{name} is invalid", parameter=name)


def _first_instant(name: str, found: re.Match[str]) -> Instant:
    try:
        moment = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    except ValueError as error:
        raise _invalid(name) from error
    return int(moment.timestamp()) * 1_000_000


# -- reading ---------------------------------------------------------------------------------------------------------


async def read_parameters(call: Call) -> Parameters:
    """Those of the query and, where the method has one, of the body, which win. Raises `Invalid`, `TooLarge`, `Unsupported`."""
    values = nest(call.query_list)
    if call.method not in ("GET", "HEAD"):
        values |= _read_body(call.headers.get("content-type", ""), await call.body())
    return Parameters(values)


def read_query(call: Call) -> Parameters:
    """Those of the query alone."""
    return Parameters(nest(call.query_list))


def _read_body(content_type: str, body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            decoded = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid("The body is not valid JSON") from error
        if not isinstance(decoded, dict):
            raise Invalid("The body must be a JSON object")
        return decoded
    if media_type == "multipart/form-data":
        return nest(_read_multipart(content_type, body))
    if media_type in ("application/x-www-form-urlencoded", ""):
        try:
            return nest(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST))
        except ValueError as error:
            raise Invalid(f"The form is not valid: at most {MOST} fields of UTF-8") from error
    raise UnsupportedType(f"The content type {media_type[:64]!r} is not read here: send JSON or a form")


def _read_multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    splitter = MultipartSplitter(content_type, max_parts=MOST)
    fields: list[tuple[str, bytearray]] = []
    for piece in (*splitter.feed(body), *splitter.end()):
        if isinstance(piece, PartStart):
            fields.append((piece.name, bytearray()))
        elif not isinstance(piece, PartEnd):
            fields[-1][1].extend(piece)
    try:
        return [(name, value.decode()) for name, value in fields]
    except UnicodeDecodeError as error:
        raise Invalid("A field of the form is not valid UTF-8") from error


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a[]=x&a[]=y` as a list, `h[k]=v` as a hash, `v[0][k]=x` as a hash of hashes. Raises `Invalid`."""
    values: dict[str, Any] = {}
    for count, (name, value) in enumerate(pairs):
        if count >= MOST:
            raise Invalid(f"There are more than {MOST} parameters")
        found = _NAME.fullmatch(name)
        keys = _KEY.findall(found[2]) if found is not None else []
        if found is None or len(keys) > DEEPEST:
            values[name] = value
            continue
        _put(values, found[1], keys, value)
    return values


def _put(values: dict[str, Any], name: str, keys: list[str], value: str) -> None:
    path = [name, *keys]
    into: Any = values
    for here, following in pairwise(path):
        into = _descend(into, here, [] if following == "" else {}, name)
    if isinstance(into, list):
        into.append(value)
    else:
        into[path[-1]] = value


def _descend(into: Any, key: str, fresh: Any, name: str) -> Any:
    if isinstance(into, list):
        into.append(fresh)
        return fresh
    held = into.setdefault(key, fresh)
    if type(held) is not type(fresh):
        raise _invalid(name)
    return held
