"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "rooms",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("opening", sa.LargeBinary(length=16), nullable=False),
        sa.Column("last_time", sa.BigInteger(), nullable=False),
        sa.Column("slow_mode_s", sa.BigInteger(), nullable=False),
        sa.Column("retention_s", sa.BigInteger(), nullable=False),
        sa.Column("after_reading", sa.Boolean(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=False),
        sa.Column("policy_seq", sa.BigInteger(), nullable=False),
        sa.Column("closed_seq", sa.BigInteger(), nullable=True),
        sa.Column("record_size", sa.BigInteger(), nullable=False),
        sa.Column("record_frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rooms")),
    )
    op.create_table(
        "tokens",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_tokens")),
    )
    op.create_table(
        "invitations",
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("room", sa.LargeBinary(length=16), nullable=False),
        sa.Column("auth_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("claim_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("closed_time", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name=op.f("fk_invitations_rooms")),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_invitations")),
    )
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitations_room"), ["room"], unique=False)

    op.create_table(
        "seats",
        sa.Column("room", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("may_facilitate", sa.Boolean(), nullable=False),
        sa.Column("muted_until", sa.BigInteger(), nullable=False),
        sa.Column("mute_seq", sa.BigInteger(), nullable=False),
        sa.Column("removed_seq", sa.BigInteger(), nullable=True),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("last_chat", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name=op.f("fk_seats_rooms")),
        sa.PrimaryKeyConstraint("room", "id", name=op.f("pk_seats")),
    )
    op.create_table(
        "events",
        sa.Column("room", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("seat", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("leaf", sa.LargeBinary(length=33), nullable=True),
        sa.ForeignKeyConstraint(["room", "seat"], ["seats.room", "seats.id"], name=op.f("fk_events_seats")),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name=op.f("fk_events_rooms")),
        sa.PrimaryKeyConstraint("room", "seq", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_id_room"), ["id", "room"], unique=True)
        batch_op.create_index(
            "ix_events_unpurged",
            ["room", "time"],
            unique=False,
            sqlite_where=sa.text("kind = 1 AND body IS NOT NULL"),
            postgresql_where=sa.text("kind = 1 AND body IS NOT NULL"),
        )

    op.create_table(
        "mail",
        sa.Column("mailbox", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["invitations.mailbox"], name=op.f("fk_mail_invitations")),
        sa.PrimaryKeyConstraint("mailbox", "number", name=op.f("pk_mail")),
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("mail")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_events_unpurged",
            sqlite_where=sa.text("kind = 1 AND body IS NOT NULL"),
            postgresql_where=sa.text("kind = 1 AND body IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_events_id_room"))

    op.drop_table("events")
    op.drop_table("seats")
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitations_room"))

    op.drop_table("invitations")
    op.drop_table("tokens")
    op.drop_table("rooms")
