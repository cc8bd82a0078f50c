"""Pipelines and their jobs, what they published, and whose jobs a project lets in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, insert, literal_column, select, union_all, update

from packhouse.db.changes import upsert
from packhouse.db.engine import Hot
from packhouse.db.tables import Id, build, job, job_ally, lineage, open_project, pipeline, place
from packhouse.db.users import UserRow, names_of
from packhouse.model import Instant, Struct

RUNNING = "running"
FAILED = "failed"
ENDS = ("success", FAILED, "canceled")
OPEN = "open"  # the place lets in every project's jobs
ABOVE = "above"  # the place is a group that holds the job's project


class PipelineRow(Struct):
    """A pipeline, its user, and the state that its jobs add up to."""

    id: int
    project: int
    iid: int
    ref: str
    sha: str
    source: str
    web_url: str
    created: Instant
    updated: Instant
    user: UserRow
    status: str = "created"


class JobRow(Struct):
    """A job; `status` counts its end."""

    id: int
    project: int
    pipeline: int
    name: str
    status: str
    user_id: int
    token_id: int
    created: Instant
    expires: Instant
    finished: Instant | None

    def state(self, at: Instant) -> str:
        """Its status: a job that runs past its end has failed."""
        return FAILED if self.status == RUNNING and self.expires <= at else self.status


_PIPELINE = (
    pipeline.c.id, pipeline.c.project_id, pipeline.c.iid, pipeline.c.ref, pipeline.c.sha, pipeline.c.source, pipeline.c.web_url,
    pipeline.c.created, pipeline.c.updated, pipeline.c.user_id,
)  # fmt: skip
_JOB = (
    job.c.id, job.c.project_id, job.c.pipeline_id, job.c.name, job.c.status, job.c.user_id, job.c.token_id, job.c.created, job.c.expires,
    job.c.finished,
)  # fmt: skip


def _job(r: Any) -> JobRow:
    return JobRow(*r)


# -- pipelines -------------------------------------------------------------------------------------------------------


def add_pipeline(
    connection: Connection, project: int, user_id: int, at: Instant, *, ref: str, sha: str, source: str, web_url: str, run: str | None = None
) -> int:
    """The id of a new pipeline, with the project's next number. The caller holds the project's lock."""
    last = connection.scalar(select(func.max(pipeline.c.iid)).where(pipeline.c.project_id == project)) or 0
    values = {"ref": ref, "sha": sha, "source": source, "web_url": web_url, "run": run}
    made = insert(pipeline).values(project_id=project, iid=last + 1, user_id=user_id, created=at, updated=at, **values)
    return int(connection.execute(made.returning(pipeline.c.id)).scalar_one())


def find_run(connection: Connection, project: int, run: str, sha: str) -> int | None:
    """The pipeline of this commit that an issuer calls so."""
    found = select(pipeline.c.id).where(pipeline.c.project_id == project, pipeline.c.run == run, pipeline.c.sha == sha)
    return connection.scalar(found.order_by(pipeline.c.id.desc()).limit(1))


def get_pipeline(connection: Connection, project: int, id_: int, at: Instant) -> PipelineRow | None:
    """A pipeline of this project."""
    found = _pipelines(connection, select(*_PIPELINE).where(pipeline.c.id == id_, pipeline.c.project_id == project), at)
    return found[0] if found else None


def list_pipelines(connection: Connection, project: int, at: Instant, offset: int, limit: int) -> tuple[list[PipelineRow], int]:
    """A page of a project's pipelines, newest first, and how many there are."""
    total = connection.execute(select(func.count()).select_from(pipeline).where(pipeline.c.project_id == project)).scalar_one()
    rows = select(*_PIPELINE).where(pipeline.c.project_id == project).order_by(pipeline.c.id.desc()).offset(offset).limit(limit)
    return _pipelines(connection, rows, at), total


def _pipelines(connection: Connection, statement: Any, at: Instant) -> list[PipelineRow]:
    rows = connection.execute(statement).all()
    people = names_of(connection, list({r.user_id for r in rows}))
    states: dict[int, set[str]] = {}
    of = select(job.c.pipeline_id, job.c.status, job.c.expires).where(job.c.pipeline_id.in_([r.id for r in rows]))
    for pipeline_id, status, expires in connection.execute(of):
        states.setdefault(pipeline_id, set()).add(FAILED if status == RUNNING and expires <= at else status)
    return [_pipeline(r, people[r.user_id], sum_up(states.get(r.id, set()))) for r in rows]


def _pipeline(r: Any, person: UserRow, status: str) -> PipelineRow:
    return PipelineRow(
        id=r.id,
        project=r.project_id,
        iid=r.iid,
        ref=r.ref,
        sha=r.sha,
        source=r.source,
        web_url=r.web_url,
        created=r.created,
        updated=r.updated,
        user=person,
        status=status,
    )


def sum_up(states: Iterable[str]) -> str:
    """The state of a pipeline whose jobs have these."""
    found = set(states)
    return next((state for state in (RUNNING, FAILED, "canceled", "success") if state in found), "created")


# -- jobs ------------------------------------------------------------------------------------------------------------


def add_job(connection: Connection, of: PipelineRow, name: str, token_id: int, at: Instant, expires: Instant) -> int:
    """The id of a new job, which runs as the user of its pipeline."""
    values = {"project_id": of.project, "pipeline_id": of.id, "user_id": of.user.id, "token_id": token_id}
    made = insert(job).values(name=name, status=RUNNING, created=at, expires=expires, **values).returning(job.c.id)
    connection.execute(update(pipeline).where(pipeline.c.id == of.id).values(updated=at))
    return int(connection.execute(made).scalar_one())


def get_job(connection: Connection, project: int, id_: int) -> JobRow | None:
    """A job of this project."""
    row = connection.execute(select(*_JOB).where(job.c.id == id_, job.c.project_id == project)).first()
    return None if row is None else _job(row)


def job_of_token(connection: Connection, token_id: int) -> JobRow | None:
    """The job that a token belongs to."""
    row = connection.execute(select(*_JOB).where(job.c.token_id == token_id)).first()
    return None if row is None else _job(row)


def list_jobs(connection: Connection, pipeline_id: int) -> list[JobRow]:
    """The jobs of a pipeline, oldest first."""
    return [_job(r) for r in connection.execute(select(*_JOB).where(job.c.pipeline_id == pipeline_id).order_by(job.c.id))]


def end_job(connection: Connection, row: JobRow, status: str, at: Instant) -> None:
    connection.execute(update(job).where(job.c.id == row.id).values(status=status, finished=at))
    connection.execute(update(pipeline).where(pipeline.c.id == row.pipeline).values(updated=at))


# -- what they published ---------------------------------------------------------------------------------------------


_OF_TOKEN = Hot(
    select(pipeline.c.id, pipeline.c.iid, pipeline.c.ref, pipeline.c.sha, job.c.id, pipeline.c.project_id)
    .join(job, job.c.pipeline_id == pipeline.c.id)
    .where(job.c.token_id == bindparam("token", type_=Id))
)


class Origin(NamedTuple):
    """Which build a token belongs to."""

    pipeline: int
    iid: int
    ref: str
    sha: str
    job: int
    project: int


def origin_of(connection: Connection, token_id: int) -> Origin | None:
    """The build of a token; None for a token of no build."""
    row = _OF_TOKEN.row(connection, token=token_id)
    return None if row is None else Origin(*row)


def add_build(connection: Connection, version_row: int, pipeline_id: int, at: Instant) -> bool:
    """The pipeline published the version, or published it again; whether that was not known yet."""
    values = {"version_id": version_row, "pipeline_id": pipeline_id, "created": at}
    made = upsert(connection)(build).values(**values).on_conflict_do_nothing().returning(build.c.id)
    return connection.execute(made).first() is not None


def builds_of(connection: Connection, versions: Sequence[int], at: Instant) -> dict[int, PipelineRow]:
    """The last pipeline that published each of these versions."""
    last = select(func.max(build.c.id)).where(build.c.version_id.in_(versions)).group_by(build.c.version_id)
    pairs = [(r[0], r[1]) for r in connection.execute(select(build.c.version_id, build.c.pipeline_id).where(build.c.id.in_(last)))]
    if not pairs:
        return {}
    found = _pipelines(connection, select(*_PIPELINE).where(pipeline.c.id.in_({p for _, p in pairs})), at)
    by_id = {row.id: row for row in found}
    return {version_id: by_id[pipeline_id] for version_id, pipeline_id in pairs}


def list_builds(connection: Connection, version_row: int, before: int | None, at: Instant, limit: int) -> list[PipelineRow]:
    """The pipelines that published a version, the newest pipeline first, below an id."""
    chosen: list[ColumnElement[bool]] = [build.c.version_id == version_row]
    if before is not None:
        chosen.append(pipeline.c.id < before)
    rows = select(*_PIPELINE).join(build, build.c.pipeline_id == pipeline.c.id).where(*chosen).order_by(pipeline.c.id.desc()).limit(limit)
    return _pipelines(connection, rows, at)


# -- whose jobs a project lets in ------------------------------------------------------------------------------------


def _ways_in() -> Hot:
    source, target = bindparam("source", type_=Id), bindparam("target", type_=Id)
    listed = (
        select(job_ally.c.policies)
        .join(lineage, and_(lineage.c.place_id == source, lineage.c.ancestor_id == job_ally.c.ally_id))
        .where(job_ally.c.project_id == target)
    )
    opened: Select[Any] = select(literal_column(f"'{OPEN}'")).select_from(open_project).where(open_project.c.project_id == target)
    line = (lineage.c.place_id == source, lineage.c.ancestor_id == target)
    above: Select[Any] = select(literal_column(f"'{ABOVE}'")).select_from(lineage).where(*line)
    return Hot(union_all(listed, opened, above))


WAYS_IN = _ways_in()
"""What lets the jobs of a project (`source`) into another place (`target`): the policies of each entry, or one of the words below."""


def read_allow_list(connection: Connection, project: int, kind: str, offset: int, limit: int) -> tuple[list[int], int]:
    """The projects or groups on a project's list, by id, and how many there are."""
    chosen = (
        select(job_ally.c.ally_id)
        .join(place, place.c.id == job_ally.c.ally_id)
        .where(job_ally.c.project_id == project, place.c.kind == kind, place.c.deleted.is_(None))
    )
    total = connection.execute(select(func.count()).select_from(chosen.subquery())).scalar_one()
    return list(connection.scalars(chosen.order_by(job_ally.c.ally_id).offset(offset).limit(limit))), total


def count_allies(connection: Connection, project: int) -> int:
    return connection.execute(select(func.count()).select_from(job_ally).where(job_ally.c.project_id == project)).scalar_one()


def add_ally(connection: Connection, project: int, ally: int, policies: Sequence[str], at: Instant) -> bool:
    """Whether it was not on the list yet."""
    values = {"project_id": project, "ally_id": ally, "policies": " ".join(policies), "created": at}
    made = upsert(connection)(job_ally).values(**values).on_conflict_do_nothing().returning(job_ally.c.ally_id)
    return connection.execute(made).first() is not None


def drop_ally(connection: Connection, project: int, ally: int) -> bool:
    return connection.execute(delete(job_ally).where(job_ally.c.project_id == project, job_ally.c.ally_id == ally)).rowcount > 0


def is_open(connection: Connection, project: int) -> bool:
    """Whether the project lets in jobs of every other one."""
    return connection.scalar(select(open_project.c.project_id).where(open_project.c.project_id == project)) is not None


def set_open(connection: Connection, project: int, opened: bool) -> None:
    if not opened:
        connection.execute(delete(open_project).where(open_project.c.project_id == project))
    elif not is_open(connection, project):
        connection.execute(insert(open_project).values(project_id=project))
