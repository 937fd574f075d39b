"""The codes with which a server refuses (PROTOCOL.md, section 14). A code never changes its meaning."""

from __future__ import annotations

from enum import Enum


class Code(Enum):
    """Value: (code on the wire, sentence for people that says what to do)."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> Code:
        member = object.__new__(cls)
        member._value_ = code
        member.sentence = sentence
        return member

    # ---- the connection
    MALFORMED = ("malformed", "What was sent cannot be read. Update the program that sent it.")
    TOO_LARGE = ("too-large", "What was sent is larger than this server takes. Send less at once.")
    OUT_OF_STATE = ("out-of-state", "This was sent at a moment when it has no meaning. Connect again.")
    VERSION = ("version", "The two programs share no version of the protocol. Update the older one.")
    BAD_SIGNATURE = (
        "bad-signature",
        "The signature is not the seat's. Check that this is the right profile.",
    )
    UNKNOWN_ROOM = ("unknown-room", "There is no such room on this server. It may have been purged.")
    UNKNOWN_SEAT = ("unknown-seat", "This room has no such seat. Ask a facilitator to be admitted.")
    REPLACED = ("replaced", "This seat connected from somewhere else. Close it there, or go on there.")
    TOO_SLOW = ("too-slow", "The connection could not keep up. It catches up when it connects again.")
    TOO_FAST = ("too-fast", "Too much was sent at once. It is sent again by itself, a little later.")
    STOPPING = ("stopping", "The server is stopping. Connect again in a moment.")
    INTERNAL = ("internal", "The server met an error of its own. Try again; tell the host if it stays.")

    # ---- submitting
    STALE_EPOCH = (
        "stale-epoch",
        "The room went on in the meantime. It is encrypted and sent again by itself.",
    )
    DUPLICATE_ID = ("duplicate-id", "An event of this id exists with other content.")
    NOT_ALLOWED = ("not-allowed", "This may not be done from here. A facilitator can, or the host.")
    MUTED = ("muted", "A facilitator muted this seat for a time. The message waits.")
    PAUSED = ("paused", "The room is paused. The message waits until it goes on.")
    SLOW_MODE = ("slow-mode", "The room is in slow mode. The message waits for its turn.")
    REMOVED = ("removed", "This seat was removed from the room.")
    ROOM_CLOSED = ("room-closed", "The room is closed.")
    ROOM_EXISTS = ("room-exists", "There is a room of this id already.")
    TOO_MANY = ("too-many", "There are as many of these as the server allows.")
    STORAGE_FULL = ("storage-full", "The server's disk is full. Nothing is lost; tell the host.")

    # ---- invitations and tokens
    MAILBOX_CLOSED = (
        "mailbox-closed",
        "This invitation was revoked, used, or never existed. Ask for a new one.",
    )
    MAILBOX_TAKEN = (
        "mailbox-taken",
        "Somebody else opened this invitation first. Tell the person who sent it.",
    )
    EXPIRED = ("expired", "This has expired. Ask for a new one.")
    BAD_TOKEN = ("bad-token", "The token is not one of this server's, or it was withdrawn.")

    # ---- attachments
    UNKNOWN_BLOB = (
        "unknown-blob",
        "The server does not have this attachment, or not any more. Ask its author to send it again.",
    )
