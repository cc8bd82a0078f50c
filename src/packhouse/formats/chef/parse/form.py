"""What comes beside the tarball: the field `cookbook`, a JSON object with the category."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from packhouse.errors import InvalidUpload

CATEGORY = "Other"
LONGEST = 100


def read_category(texts: Sequence[str]) -> str:
    """The category, `Other` where none is said. Raises `InvalidUpload`."""
    if len(texts) > 1:
        raise InvalidUpload("The form has the field cookbook more than once")
    if not texts or not texts[0].strip():
        return CATEGORY
    try:
        said = msgspec.json.decode(texts[0])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        said = None
    category = said.get("category", CATEGORY) if isinstance(said, dict) else None
    if not isinstance(category, str) or not category.isprintable() or len(category) > LONGEST:
        raise InvalidUpload(f'The field cookbook must be a JSON object such as {{"category":"Other"}}, with a category of up to {LONGEST} letters')
    return category.strip() or CATEGORY
