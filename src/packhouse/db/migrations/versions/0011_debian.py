"""Distributions of Debian packages: what is set for the shelves of a project or group."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LIVE = sa.text("deleted IS NULL")
OPEN = sa.text("until IS NULL")


def upgrade() -> None:
    op.create_table(
        "shelf",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("place_id", ID, nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("secret_key", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_shelf_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shelf")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_shelf_live", "shelf", ["place_id", "format", "name"], unique=True, sqlite_where=LIVE, postgresql_where=LIVE)
    op.create_table(
        "shelf_state",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("shelf_id", ID, nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=True),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("renew_at", sa.BigInteger(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["shelf_id"], ["shelf.id"], name=op.f("fk_shelf_state_shelf_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shelf_state")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_shelf_state_open", "shelf_state", ["shelf_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_shelf_state_due", "shelf_state", ["renew_at"])


def downgrade() -> None:
    op.drop_table("shelf_state")
    op.drop_table("shelf")
