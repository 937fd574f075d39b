"""Room tokens beside the host's, and when a room was closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CLOSING_TIME = (
    "UPDATE rooms SET closed_time ="
    " (SELECT time FROM events WHERE events.room = rooms.id AND events.seq = rooms.closed_seq)"
)


def upgrade() -> None:
    """Forward. A token of before is the host's: no number of rooms, no end."""
    # SQLite adds a nullable column in place; a copy of the table would break what refers to it
    op.add_column("tokens", sa.Column("rooms_left", sa.Integer(), nullable=True))
    op.add_column("tokens", sa.Column("expires", sa.BigInteger(), nullable=True))
    op.add_column("rooms", sa.Column("closed_time", sa.BigInteger(), nullable=True))
    op.execute(_CLOSING_TIME)


def downgrade() -> None:
    """Back. Tokens that are not the host's would become so: they go."""
    op.execute("DELETE FROM tokens WHERE rooms_left IS NOT NULL")
    op.drop_column("rooms", "closed_time")
    op.drop_column("tokens", "expires")
    op.drop_column("tokens", "rooms_left")
