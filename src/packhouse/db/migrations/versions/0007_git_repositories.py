"""Git repositories of projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "git_repository",
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("default_branch", sa.String(length=255), nullable=False),
        sa.Column("pushed", sa.BigInteger(), nullable=True),
        sa.Column("mirror_url", sa.String(length=1024), nullable=True),
        sa.Column("mirror_user", sa.String(length=255), nullable=True),
        sa.Column("mirror_secret", sa.Text(), nullable=True),
        sa.Column("mirror_minutes", sa.Integer(), nullable=True),
        sa.Column("mirror_next", sa.BigInteger(), nullable=True),
        sa.Column("mirror_state", sa.String(length=16), nullable=False),
        sa.Column("mirror_error", sa.String(length=1024), nullable=True),
        sa.Column("mirrored", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_git_repository_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_git_repository")),
        sqlite_autoincrement=False,
    )
    with op.batch_alter_table("git_repository", schema=None) as batch_op:
        batch_op.create_index("ix_git_repository_due", ["mirror_next"], unique=False)
