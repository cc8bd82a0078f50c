"""Views of builds that ran elsewhere: the pipelines of a project, and one with its jobs and what they published."""

from __future__ import annotations

from typing import ClassVar

from packhouse.model import Instant, Struct
from packhouse.ui.views import Badge, Column, Fact, Frame, Guide, Link, PackageListRow, Pager, View


class PipelineLine(Struct):
    """A pipeline in a list."""

    iid: int
    href: str
    state: Badge
    ref: str
    sha: str
    source: str
    user: str
    created: Instant


class PipelineListPage(View):
    """The pipelines of a project, newest first."""

    template: ClassVar[str] = "pipeline_list.html"

    frame: Frame
    lines: tuple[PipelineLine, ...] = ()
    guide: Guide | None = None
    pager: Pager = Pager()


class JobLine(Struct):
    """A job of a pipeline. `took` is its time in words, "" while it runs."""

    id: int
    name: str
    state: Badge
    started: Instant
    took: str = ""


class PipelinePage(View):
    """A pipeline with its jobs and what they published."""

    template: ClassVar[str] = "pipeline.html"

    frame: Frame
    iid: int
    state: Badge
    facts: tuple[Fact, ...]
    jobs: tuple[JobLine, ...] = ()
    packages: tuple[PackageListRow, ...] = ()
    columns: tuple[Column, ...] = ()
    more: int = 0  # packages beyond those shown
    images: tuple[Link, ...] = ()
