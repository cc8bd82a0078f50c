"""p2's own queries (`match`, `matchParameters`): a small plain part of their grammar. One that cannot be read fails with the whole repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import NoReturn

from packhouse.errors import Invalid, InvalidUpload, InvalidVersion
from packhouse.formats.p2 import names
from packhouse.formats.p2.parse.filters import check_filter

LONGEST, DEEPEST = 16 * 1024, 32
CONSTANTS = frozenset({"true", "false", "null"})
TESTS = frozenset({"all", "exists"})
# words of the language that can name nothing
KEYWORDS = CONSTANTS | TESTS | frozenset({"collect", "first", "flatten", "intersect", "iquery", "latest", "limit", "select", "set", "traverse",
                                          "union", "unique"})  # fmt: skip
COMPARISONS = frozenset({"==", "!=", "~=", "<=", ">=", "<", ">"})

_TOKEN = re.compile(r"""\s*('[^'\\]*'|"[^"\\]*"|[0-9]{1,9}|[A-Za-z_][A-Za-z0-9_]*|\$[0-9]{1,3}|\|\||&&|[=!~<>]=|[]<>!()[.,|])""")
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def check_query(text: str, parameters: str | None) -> None:
    """A query and the list of its parameters, if there is one. Raises `InvalidUpload`."""
    count = 0 if parameters is None else _Reader(parameters).read_parameters()
    _Reader(text, count).read_query()


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, text: str, parameters: int = 0) -> None:
        self._text, self._parameters, self._depth = text, parameters, 0
        self._tokens = self._split()
        self._at = 0

    def _split(self) -> list[str]:
        if len(self._text) > LONGEST:
            self._refuse()
        tokens, at = [], 0
        while at < len(self._text.rstrip()):
            found = _TOKEN.match(self._text, at)
            if found is None:
                self._refuse()
            tokens.append(found[1])
            at = found.end()
        return [*tokens, ""]

    def read_query(self) -> None:
        """The whole is one condition. Raises `InvalidUpload`."""
        self._read_condition()
        self._end()

    def read_parameters(self) -> int:
        """The whole is a list of constants: how many. Raises `InvalidUpload`."""
        count = 0
        while self._take("," if count else "["):
            if not self._read_constant():
                self._refuse()
            count += 1
        if not count or not self._take("]"):
            self._refuse()
        self._end()
        return count

    def _read_condition(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse()
        self._read_comparison()
        while self._take("||") or self._take("&&"):
            self._read_comparison()
        self._depth -= 1

    def _read_comparison(self) -> None:
        self._read_operand()
        operator = self._tokens[self._at]
        if operator in COMPARISONS:
            self._at += 1
            if operator == "~=" and self._tokens[self._at][:1] in ("'", '"', "!", "("):
                self._refuse()  # a text is no pattern
            self._read_operand()

    def _read_operand(self) -> None:
        for _ in range(DEEPEST):
            if not self._take("!"):
                break
        if self._take("("):
            self._read_condition()
            self._expect(")")
        elif not self._read_constant():
            self._read_name()
        for _ in range(DEEPEST):
            if not (self._take(".") or self._tokens[self._at] == "["):
                break
            self._read_member()

    def _read_member(self) -> None:
        if self._take("["):
            if not self._read_constant():
                self._refuse()
            self._expect("]")
        elif self._tokens[self._at] in TESTS:
            self._at += 1
            self._expect("(")
            self._read_name()
            self._expect("|")
            self._read_condition()
            self._expect(")")
        else:
            self._read_name()

    def _read_constant(self) -> bool:
        token = self._tokens[self._at]
        if token in FUNCTIONS and self._tokens[self._at + 1] == "(":
            self._at += 2
            self._check_argument(token, self._tokens[self._at])
            self._at += 1
            self._expect(")")
            return True
        known = token[:1] in ("'", '"') or token.isdigit() or token in CONSTANTS
        known = known or (token[:1] == "$" and int(token[1:]) < self._parameters)
        self._at += known
        return known

    def _check_argument(self, function: str, token: str) -> None:
        if token[:1] not in ("'", '"'):
            self._refuse()
        text = token[1:-1]
        try:
            FUNCTIONS[function](text)
        except Invalid as error:
            raise InvalidUpload(f"Query {self._text[:80]!r}: {error.message}") from error

    def _read_name(self) -> None:
        token = self._tokens[self._at]
        if not _NAME.fullmatch(token) or token in KEYWORDS:
            self._refuse()
        self._at += 1

    def _take(self, token: str) -> bool:
        there = self._tokens[self._at] == token
        self._at += there
        return there

    def _expect(self, token: str) -> None:
        if not self._take(token):
            self._refuse()

    def _end(self) -> None:
        if self._tokens[self._at]:
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise InvalidUpload(
            f"Query {self._text[:80]!r} is malformed, or more than is taken here: write match as providedCapabilities.exists(x | x.name == 'acme'), "
            "and matchParameters as ['a', 'b']"
        )


def check_range(text: str) -> None:
    """A version, or two of them in brackets. Raises `InvalidVersion`."""
    text = text.strip()
    if text[:1] in ("[", "(") and text[-1:] in ("]", ")"):
        low, _, high = text[1:-1].partition(",")
        if names.version_key(low.strip()) > names.version_key(high.strip()):
            raise InvalidVersion(f"Range {text[:80]!r} ends before it begins")
    else:
        names.version_key(text)


# with a text in brackets; without, names as any other
FUNCTIONS: Mapping[str, Callable[[str], object]] = {
    "filter": partial(check_filter, needed=True), "range": check_range, "version": names.version_key,
}  # fmt: skip
