"""Issuers of identity tokens, what projects trust of them, and tokens that were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "issuer",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("url", sa.String(length=512), nullable=False),
        sa.Column("audience", sa.String(length=255), nullable=False),
        sa.Column("jwks_url", sa.String(length=2048), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuer")),
        sa.UniqueConstraint("url", name=op.f("uq_issuer_url")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "trusted_publisher",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("issuer_id", ID, nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("package", sa.String(length=512), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_trusted_publisher_issuer_id")),
        sa.ForeignKeyConstraint(["project_id"], ["place.id"], name=op.f("fk_trusted_publisher_project_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_trusted_publisher_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_publisher")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trusted_publisher_issuer_id", "trusted_publisher", ["issuer_id"], unique=False)
    op.create_index("ix_trusted_publisher_project_id", "trusted_publisher", ["project_id"], unique=False)
    op.create_table(
        "spent_identity",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_identity")),
        sqlite_autoincrement=False,
    )
    op.create_index("ix_spent_identity_until", "spent_identity", ["until"], unique=False)
