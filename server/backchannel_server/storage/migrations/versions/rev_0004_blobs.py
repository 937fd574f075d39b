"""Attachments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "blobs",
        sa.Column("room", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seat", sa.LargeBinary(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.Column("completed", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name=op.f("fk_blobs_rooms")),
        sa.ForeignKeyConstraint(["room", "seat"], ["seats.room", "seats.id"], name=op.f("fk_blobs_seats")),
        sa.PrimaryKeyConstraint("room", "id", name=op.f("pk_blobs")),
    )
    op.create_table(
        "blob_parts",
        sa.Column("room", sa.LargeBinary(length=16), nullable=False),
        sa.Column("blob", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["room", "blob"], ["blobs.room", "blobs.id"], name=op.f("fk_blob_parts_blobs")
        ),
        sa.PrimaryKeyConstraint("room", "blob", "number", name=op.f("pk_blob_parts")),
    )


def downgrade() -> None:
    """Back. What was attached goes."""
    op.drop_table("blob_parts")
    op.drop_table("blobs")
