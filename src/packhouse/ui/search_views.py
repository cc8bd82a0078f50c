"""The view of what a search found."""

from __future__ import annotations

from typing import ClassVar

from packhouse.ui.image_views import RepositoryLine
from packhouse.ui.views import Column, Frame, Link, PackageListRow, Section, View


class SearchPage(View):
    """What was found of a text in everything the viewer may see."""

    template: ClassVar[str] = "search.html"

    frame: Frame
    text: str
    packages: tuple[PackageListRow, ...] = ()
    packages_more: Link | None = None
    columns: tuple[Column, ...] = ()
    images: tuple[RepositoryLine, ...] = ()
    images_total: int = 0
    sections: tuple[Section, ...] = ()
