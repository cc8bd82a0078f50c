"""Pipelines, jobs, and whose jobs a project lets in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pipeline",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("iid", ID, nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("web_url", sa.String(length=2048), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("run", sa.String(length=255), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_pipeline_project_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_pipeline_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline")),
        sa.UniqueConstraint("project_id", "iid", name=op.f("uq_pipeline_project_id_iid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_pipeline_run", "pipeline", ["project_id", "run"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("pipeline_id", ID, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("token_id", ID, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipeline.id"], name=op.f("fk_job_pipeline_id")),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_job_project_id")),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_job_token_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_job_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("token_id", name=op.f("uq_job_token_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_pipeline_id", "job", ["pipeline_id"], unique=False)
    op.create_table(
        "build",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("pipeline_id", ID, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipeline.id"], name=op.f("fk_build_pipeline_id")),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_build_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_build")),
        sa.UniqueConstraint("version_id", "pipeline_id", name=op.f("uq_build_version_id_pipeline_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_build_pipeline_id", "build", ["pipeline_id"], unique=False)
    op.create_table(
        "job_ally",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("ally_id", ID, autoincrement=False, nullable=False),
        sa.Column("policies", sa.String(length=255), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["ally_id"], ["place.id"], name=op.f("fk_job_ally_ally_id")),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_job_ally_project_id")),
        sa.PrimaryKeyConstraint("project_id", "ally_id", name=op.f("pk_job_ally")),
        sqlite_autoincrement=False,
    )
    op.create_index("ix_job_ally_ally", "job_ally", ["ally_id", "project_id"], unique=False)
    op.create_table(
        "open_project",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_open_project_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_open_project")),
        sqlite_autoincrement=False,
    )
