"""How many states of a file a project keeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "package_policy",
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("keep_n", sa.Integer(), nullable=False),
        sa.Column("next_run_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_package_policy_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_package_policy")),
        sqlite_autoincrement=False,
    )
    with op.batch_alter_table("package_policy", schema=None) as batch_op:
        batch_op.create_index("ix_package_policy_due", ["next_run_at"], unique=False)
