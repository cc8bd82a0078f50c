"""Pages of builds that ran elsewhere and published here: the pipelines of a project, and one with its jobs and packages."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.auth.policy import may
from packhouse.contract import Answer, Route
from packhouse.db import packages, pipelines, repositories
from packhouse.db.engine import now
from packhouse.db.packages import Listed, PackageQuery
from packhouse.db.pipelines import JobRow, PipelineRow
from packhouse.errors import NotFound, RepositoryNotFound
from packhouse.model import Action, Instant, Place, replace
from packhouse.packages.cleanup import CONTAINER
from packhouse.packages.repositories import read_repository
from packhouse.ui import addresses, compose
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import Desk, number_in, place_in
from packhouse.ui.listing import PAGE, page_summary, plain_columns, read_page
from packhouse.ui.paths import page_route
from packhouse.ui.pipeline_views import JobLine, PipelineLine, PipelineListPage, PipelinePage
from packhouse.ui.views import Badge, Fact, Guide, Link, Pager, Snippet
from packhouse.ui.words import duration

SHOWN = 50
STATE_KINDS = {"success": "good", "failed": "danger", "running": "caution"}


class PipelineNotFound(NotFound):
    default = "No such pipeline is here"


class PipelinePages:
    """Handlers of the pages of pipelines."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        return [
            page_route("GET", "{project+}/-/pipelines", self.list_here, Action.READ, place="project"),
            page_route("GET", "{project+}/-/pipelines/{id}", self.show, Action.READ, place="project"),
        ]

    async def list_here(self, call: PageCall) -> Answer:
        """The pipelines of a project, newest first."""
        desk, where, page = self._desk, place_in(call, "project"), read_page(call.query.get("page", ""))
        rows, total = await desk.house.database.read(pipelines.list_pipelines, where.id, now(), (page - 1) * PAGE, PAGE)
        path = addresses.pipelines(where)
        view = PipelineListPage(
            frame=desk.frame(call, f"Pipelines of {where.full_path}", line=await desk.line(where), current="pipelines"),
            lines=tuple(_line(row, where) for row in rows),
            guide=self._guide(where) if not total and may(call.access, Action.PUBLISH) else None,
            pager=Pager(
                summary=page_summary(page, total),
                newer=addresses.with_query(path, page=page - 1 if page > 2 else None) if page > 1 else "",
                older=addresses.with_query(path, page=page + 1) if page * PAGE < total else "",
            ),
        )
        return desk.answer(view)

    def _guide(self, where: Place) -> Guide:
        base, header = f"{self._desk.house.api}/projects/{where.id}", '--header "PRIVATE-TOKEN: <your_access_token>"'
        register = f'curl --request POST {header} \\\n  --data "ref=main&sha=$(git rev-parse HEAD)" "{base}/pipelines"'
        start = f'curl --request POST {header} \\\n  --data "name=publish" "{base}/pipelines/<id>/jobs"'
        steps = (
            Snippet(id="register", client="curl", title="Make a pipeline known: its branch and its commit", text=register),
            Snippet(id="start", client="curl", title="Start a job: the answer holds its token, which publishes as CI_JOB_TOKEN", text=start),
        )
        text = "A build anywhere can publish here with a token that ends with its job. Its packages then name the pipeline, branch and commit."
        return Guide(heading="No pipeline has been registered", text=text, steps=steps)

    async def show(self, call: PageCall) -> Answer:
        """One pipeline. Raises `PipelineNotFound`."""
        desk, where = self._desk, place_in(call, "project")
        id_, at = number_in(call, "id", PipelineNotFound()), now()
        row, jobs, found, total = await desk.house.database.read(_read, where.id, id_, at)
        pulls = may(desk.images(call), Action.READ)
        images = await desk.house.database.read(repositories.tags_of_build, row.id, CONTAINER, SHOWN) if pulls else []
        view = PipelinePage(
            frame=desk.frame(call, f"Pipeline #{row.iid} · {where.full_path}", line=await desk.line(where), current="pipelines"),
            iid=row.iid,
            state=state_badge(row.status),
            facts=_facts(row, await self._commit_page(call, where, row.sha)),
            jobs=tuple(_job(job, at) for job in jobs),
            packages=tuple(replace(compose.list_row(item, desk.mark(item.format)), publisher=None) for item in found),
            columns=plain_columns(),
            images=tuple(Link(text=f"{tag.name}:{tag.tag}", href=addresses.repository(where.full_path, tag.repository)) for tag in images),
            more=max(0, total - SHOWN),
        )
        return desk.answer(view)

    async def _commit_page(self, call: PageCall, where: Place, sha: str) -> str:
        """Where the commit can be read, if this project hosts it and the viewer may read its code."""
        if not may(self._desk.code(call), Action.READ):
            return ""
        try:
            known = await read_repository(self._desk.house, where.id, lambda git: git.commit(sha) is not None)
        except RepositoryNotFound:
            return ""
        return addresses.source(where, "commits", sha) if known else ""


def _read(connection: Connection, project: int, id_: int, at: Instant) -> tuple[PipelineRow, list[JobRow], list[Listed], int]:
    row = pipelines.get_pipeline(connection, project, id_, at)
    if row is None:
        raise PipelineNotFound()
    asked = PackageQuery(project=project, pipeline=id_, include_versionless=True, limit=SHOWN)
    found, total = packages.list_packages(connection, asked)
    return row, pipelines.list_jobs(connection, id_), found, total or 0


def state_badge(status: str) -> Badge:
    """The state of a pipeline or a job; what runs is told apart by its word and its colour."""
    return Badge(text=status, kind=STATE_KINDS.get(status, "plain"))


def _line(row: PipelineRow, where: Place) -> PipelineLine:
    return PipelineLine(
        iid=row.iid,
        href=addresses.pipeline(where.full_path, row.id),
        state=state_badge(row.status),
        ref=row.ref,
        sha=row.sha,
        source=row.source,
        user=row.user.username,
        created=row.created,
    )


def _job(job: JobRow, at: Instant) -> JobLine:
    state = job.state(at)
    end = job.finished if job.finished is not None else job.expires if job.expires <= at else None
    return JobLine(id=job.id, name=job.name, state=state_badge(state), started=job.created, took="" if end is None else duration(end - job.created))


def _facts(row: PipelineRow, commit_page: str) -> tuple[Fact, ...]:
    facts = [
        Fact(label="Branch or tag", text=row.ref, copy=True),
        Fact(label="Commit", text=row.sha[:12], whole=row.sha, href=commit_page, copy=True),
        Fact(label="Started by", text=row.user.username),
        Fact(label="Source", text=row.source),
        Fact(label="Registered", at=row.created),
    ]
    facts += [Fact(label="Last change", at=row.updated)] if row.updated != row.created else []
    facts += [Fact(label="Build system", text=row.web_url, href=row.web_url)] if row.web_url else []
    return (*facts, Fact(label="Pipeline id", text=str(row.id), copy=True))
