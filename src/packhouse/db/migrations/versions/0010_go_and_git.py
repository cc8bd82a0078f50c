"""Branches that are protected, and the log of what was vouched for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "protected_branch",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("push_level", sa.Integer(), nullable=False),
        sa.Column("merge_level", sa.Integer(), nullable=False),
        sa.Column("force_push", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_protected_branch_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protected_branch")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_protected_branch_project_id_name")),
        sqlite_autoincrement=True,
    )
    # default branches are protected from their first push on: those that were pushed before are from now on
    op.execute(
        "INSERT INTO protected_branch (project_id, name, push_level, merge_level, force_push, created) "
        "SELECT project_id, default_branch, 40, 40, false, COALESCE(pushed, 0) FROM git_repository WHERE default_branch <> ''"
    )
    op.create_table(
        "log_record",
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_record")),
        sa.UniqueConstraint("project_id", "format", "name", "version", name=op.f("uq_log_record_project_id_format_name_version")),
    )
    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_node")),
    )
