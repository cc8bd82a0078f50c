"""Public keys whose holders sign requests on behalf of a token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "signing_key",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("token_id", ID, nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name=op.f("fk_signing_key_token_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
        sa.UniqueConstraint("token_id", "fingerprint", name=op.f("uq_signing_key_token_id_fingerprint")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("signing_key")
