"""Which server's rooms these are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. The row is written by the first server that starts on the database."""
    op.create_table(
        "server",
        sa.Column("record_key", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("record_key", name=op.f("pk_server")),
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("server")
