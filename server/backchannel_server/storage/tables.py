"""The tables, each column with what it tells the server.

The comments are documentation for people: the page "what the server sees" is made of them
(`backchannel_server.http`), so a column without one does not pass the tests. No table has a
name, a title, a party, a contact, an address or a user agent.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    and_,
    literal_column,
)

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

rooms = Table(
    "rooms",
    metadata,
    Column("id", LargeBinary(16), primary_key=True, comment="Random bytes that stand for the room."),
    Column("head", BigInteger, nullable=False, comment="How many events the room has had."),
    Column("epoch", BigInteger, nullable=False, comment="How many times its keys were changed."),
    Column("opening", LargeBinary(16), nullable=False, comment="Which event changed the keys last."),
    Column("last_time", BigInteger, nullable=False, comment="When its last event came, to the second."),
    Column("slow_mode_s", BigInteger, nullable=False, comment="Slow mode: seconds between two messages."),
    Column(
        "retention_s", BigInteger, nullable=False, comment="After how many seconds messages go; 0: never."
    ),
    Column("after_reading", Boolean, nullable=False, comment="Whether messages go once every seat had them."),
    Column("paused_until", BigInteger, nullable=False, comment="Until when the room is paused."),
    Column("policy_seq", BigInteger, nullable=False, comment="Which event set these numbers."),
    Column("closed_seq", BigInteger, comment="Which event closed the room."),
    Column("closed_time", BigInteger, comment="When it was closed; 30 days later all of it is deleted."),
    Column("record_size", BigInteger, nullable=False, comment="How many entries its public record has."),
    Column(
        "record_frontier", LargeBinary, nullable=False, comment="Hashes from which the record's root follows."
    ),
    comment="One row for each room.",
)

seats = Table(
    "seats",
    metadata,
    Column("room", ForeignKey("rooms.id"), primary_key=True, comment="The room."),
    Column(
        "id",
        LargeBinary(16),
        primary_key=True,
        comment="Random bytes made for this room alone: a place in it, never a person.",
    ),
    Column("key", LargeBinary(32), nullable=False, comment="A public key made for this room alone."),
    Column(
        "may_facilitate", Boolean, nullable=False, comment="Whether the seat may send operations in clear."
    ),
    Column("muted_until", BigInteger, nullable=False, comment="Until when its messages are refused."),
    Column("mute_seq", BigInteger, nullable=False, comment="Which event muted it last."),
    Column("removed_seq", BigInteger, comment="Which event removed it."),
    Column("floor", BigInteger, nullable=False, comment="The first event that is for this seat; 0: none."),
    Column("cursor", BigInteger, nullable=False, comment="Up to which event its device has everything."),
    Column("last_chat", BigInteger, nullable=False, comment="When it last wrote a message, to the second."),
    comment="One row for each seat that a room ever had.",
)

events = Table(
    "events",
    metadata,
    Column("room", ForeignKey("rooms.id"), primary_key=True, comment="The room."),
    Column("seq", BigInteger, primary_key=True, comment="The event's number in the room."),
    Column("first", BigInteger, nullable=False, comment="The first event of those sent together with it."),
    Column("time", BigInteger, nullable=False, comment="When it came, to the second."),
    Column("seat", LargeBinary(16), nullable=False, comment="Which seat sent it."),
    Column(
        "kind",
        SmallInteger,
        nullable=False,
        comment="1 chat, 2 governance, 3 change of keys, 4 operation in clear.",
    ),
    Column("id", LargeBinary(16), nullable=False, comment="Random bytes by which it is sent only once."),
    Column("epoch", BigInteger, nullable=False, comment="With which of the room's keys it is encrypted."),
    Column(
        "body",
        LargeBinary,
        comment="The padded ciphertext, for which the server has no key, until it is purged; an operation: "
        "what it asks the server to do.",
    ),
    Column("body_hash", LargeBinary(32), nullable=False, comment="The hash of the body, which stays."),
    Column(
        "leaf", LargeBinary(33), comment="Its entry in the record: a commitment that hides what it is to."
    ),
    Index(None, "id", "room", unique=True),
    ForeignKeyConstraint(["room", "seat"], ["seats.room", "seats.id"]),
    comment="One row for each event of a room's log.",
)

unpurged_chat = and_(events.c.kind == literal_column("1"), events.c.body.is_not(None))
"""What retention may take. The literal lets SQLite see that the index below serves."""

Index(
    "ix_events_unpurged",
    events.c.room,
    events.c.time,
    sqlite_where=unpurged_chat,
    postgresql_where=unpurged_chat,
)

invitations = Table(
    "invitations",
    metadata,
    Column(
        "mailbox", LargeBinary(16), primary_key=True, comment="Random bytes that stand for the invitation."
    ),
    Column("room", ForeignKey("rooms.id"), nullable=False, index=True, comment="The room that it leads to."),
    Column("auth_key", LargeBinary(32), nullable=False, comment="A public key of this invitation alone."),
    Column("claim_key", LargeBinary(32), comment="A public key of whoever used the link first."),
    Column("expires", BigInteger, nullable=False, comment="When it stops working."),
    Column("closed_time", BigInteger, comment="When it was used or revoked."),
    comment="One row for each invitation, until a week after it ended. The link's secret is never sent here.",
)

mail = Table(
    "mail",
    metadata,
    Column("mailbox", ForeignKey("invitations.mailbox"), primary_key=True, comment="The invitation."),
    Column("number", Integer, primary_key=True, comment="The piece's place in the conversation."),
    Column("step", SmallInteger, nullable=False, comment="1 claim, 2 challenge, 3 reveal, 4 answer."),
    Column("sealed", LargeBinary, nullable=False, comment="The piece, sealed with a key from the link."),
    comment="What invitee and facilitator say to each other before admission.",
)

blobs = Table(
    "blobs",
    metadata,
    Column("room", ForeignKey("rooms.id"), primary_key=True, comment="The room."),
    Column("id", LargeBinary(16), primary_key=True, comment="Random bytes that stand for the attachment."),
    Column("seat", LargeBinary(16), nullable=False, comment="Which seat sends it."),
    Column(
        "size",
        BigInteger,
        nullable=False,
        comment="How many bytes it has, encrypted and padded: not its size, which it tells roughly.",
    ),
    Column("begun", BigInteger, nullable=False, comment="When its sending began, to the second."),
    Column(
        "completed",
        BigInteger,
        comment="When all of it was here. Retention counts from then: it goes as old as messages do, and "
        "where messages go once every seat had them, a day later; what is not whole after a day goes too.",
    ),
    ForeignKeyConstraint(["room", "seat"], ["seats.room", "seats.id"]),
    comment="One row for each attachment. Its name and kind, and which message it goes with, are encrypted. "
    "Who fetches one is not written down.",
)

blob_parts = Table(
    "blob_parts",
    metadata,
    Column("room", LargeBinary(16), primary_key=True, comment="The room."),
    Column("blob", LargeBinary(16), primary_key=True, comment="The attachment."),
    Column("number", Integer, primary_key=True, comment="The part's place in it."),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        comment="Its ciphertext, for which the server has no key, until the attachment goes.",
    ),
    ForeignKeyConstraint(["room", "blob"], ["blobs.room", "blobs.id"]),
    comment="The parts of the attachments, of 256 KiB.",
)

server = Table(
    "server",
    metadata,
    Column("record_key", LargeBinary(32), primary_key=True, comment="The public key that signs the records."),
    comment="One row: which server's rooms these are.",
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True, comment="The hash of a token that may create rooms."),
    Column("rooms_left", Integer, comment="How many rooms it may still create; the host's own has no limit."),
    Column("expires", BigInteger, comment="When it stops working; the host's own does not."),
    comment="One row for each token: the host's own, and those that the host gave away.",
)
