"""Requirements of versions as manifests and documents write them, in one shape: Cargo publishes `^1.2` where the manifest says `1.2`."""

from __future__ import annotations

import re

from packhouse.errors import InvalidUpload

LIMIT = 512

_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_PART = rf"(?:\.({_NUMBER}|[*xX]))?"
_COMPARATOR = re.compile(rf"(=|>=|>|<=|<|~|\^)?\s*({_NUMBER}){_PART}{_PART}(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_WILD = frozenset("*xX")


def clean_requirement(text: str) -> str:
    """The requirement as Cargo's own library writes it. Raises `InvalidUpload`."""
    if len(text) > LIMIT:
        raise InvalidUpload(f"Requirement {text[:40]!r}... is longer than {LIMIT} characters")
    if text.strip() in _WILD:
        return "*"
    return ", ".join(_clean_comparator(each.strip(), text) for each in text.split(","))


def _clean_comparator(part: str, whole: str) -> str:
    match = _COMPARATOR.fullmatch(part)
    if match is None:
        raise InvalidUpload(f"Requirement {whole!r} cannot be read: write it as 1.2, ^1.2, ~1.2, =1.2.3, 1.* or >=1.2, <2")
    operator, major, minor, patch, prerelease = match.groups()
    numbers = [major, *(number for number in (minor, patch) if number is not None and number not in _WILD)]
    wild = not operator and len(numbers) < 1 + sum(number is not None for number in (minor, patch))
    return f"{operator or ('' if wild else '^')}{'.'.join(numbers)}{'.*' if wild else ''}{prerelease or ''}"
