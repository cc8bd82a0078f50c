"""What a publish writes: generations in one tree, and indexes without the rows that nobody looks for in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CONDEMNED = sa.text("condemned IS NOT NULL")
SHELVED = sa.text("shelf <> ''")
COLUMNS = "project_id, format, root, number, moved_at"


def upgrade() -> None:
    op.drop_index("ix_blob_condemned", "blob")
    op.create_index("ix_blob_condemned", "blob", ["condemned"], sqlite_where=CONDEMNED, postgresql_where=CONDEMNED)
    op.drop_index("ix_file_shelf", "file")
    op.create_index("ix_file_shelf", "file", ["project_id", "shelf"], sqlite_where=SHELVED, postgresql_where=SHELVED)
    op.drop_index("ix_generation_root", "generation")
    _order_generations(["format", "root", "project_id", "number"], with_rowid=False)


def downgrade() -> None:
    _order_generations(["project_id", "format", "root", "number"], with_rowid=True)
    op.create_index("ix_generation_root", "generation", ["format", "root", "project_id", "number"])
    op.drop_index("ix_file_shelf", "file")
    op.create_index("ix_file_shelf", "file", ["project_id", "shelf"])
    op.drop_index("ix_blob_condemned", "blob")
    op.create_index("ix_blob_condemned", "blob", ["condemned"])


def _order_generations(key: list[str], *, with_rowid: bool) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("pk_generation", "generation")
        op.create_primary_key("pk_generation", "generation", key)
        return
    op.rename_table("generation", "generation_before")
    op.create_table(
        "generation",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("root", sa.String(length=512), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_generation_project_id")),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_generation")),
        sqlite_with_rowid=with_rowid,
    )
    op.execute(f"INSERT INTO generation ({COLUMNS}) SELECT {COLUMNS} FROM generation_before")
    op.drop_table("generation_before")
