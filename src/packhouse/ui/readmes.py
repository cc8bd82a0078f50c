"""READMEs ready to be shown, and those shown lately kept: nothing on a page costs as much."""

from __future__ import annotations

from collections import OrderedDict

from markupsafe import Markup

from packhouse.model import Struct


class Readme(Struct):
    """The HTML, and whether the text was too long to show whole."""

    html: Markup
    cut: bool = False


class ReadmeCache:
    """The last READMEs rendered, by their key; the costliest part of a package page is done once."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, str], Readme] = OrderedDict()

    def find(self, text: str, media_type: str) -> Readme | None:
        """The README rendered before, now the youngest."""
        readme = self._kept.get((text, media_type))
        if readme is not None:
            self._kept.move_to_end((text, media_type))
        return readme

    def keep(self, text: str, media_type: str, readme: Readme) -> None:
        """Remember it; the oldest goes."""
        self._kept[(text, media_type)] = readme
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
