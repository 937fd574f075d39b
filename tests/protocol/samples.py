"""One sample of each frame and operation, and values out of the bounds of each field."""

from __future__ import annotations

from typing import Any

from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.frames import (
    Ack,
    Attach,
    Attached,
    Bye,
    Checkpoint,
    ClientFrame,
    Cursor,
    Events,
    Frame,
    Hello,
    Mail,
    Placed,
    Refused,
    ServerFrame,
    Submit,
)
from backchannel_protocol.limits import (
    MAX_BODY_BYTES,
    MAX_DRAFTS,
    MAX_EVENTS_A_FRAME,
    MAX_MAIL_BYTES,
    MAX_SENTENCE_CHARS,
)
from backchannel_protocol.operations import (
    CloseRoom,
    InvitationClose,
    InvitationOpen,
    Mute,
    Operation,
    SeatAdd,
    SeatRemove,
    SeatSet,
    SetPolicy,
    VoidCommit,
)
from protocol.people import seed_of

ID = seed_of("an id")[:16]
OTHER_ID = seed_of("another id")[:16]
HASH = seed_of("a hash")
KEY = seed_of("a key")
SIGNATURE = seed_of("a signature") * 2
LEAF = b"\x01" + HASH

EVENT = LogEvent(7, 1_800_000_000, ID, EventKind.CHAT, OTHER_ID, 3, b"body")
PURGED = LogEvent(8, 1_800_000_001, ID, EventKind.CHAT, HASH[:16], 3, None, None, HASH)
ENTERED = LogEvent(9, 1_800_000_002, ID, EventKind.GOVERNANCE, KEY[:16], 3, b"act", LEAF)
DRAFT = Draft(OTHER_ID, EventKind.GOVERNANCE, 3, ID, b"body", LEAF)
BARE_DRAFT = Draft(ID, EventKind.CONTROL, 3, OTHER_ID, b"\x92\x09\xc0")

CLIENT_FRAMES: dict[str, ClientFrame] = {
    "attach": Attach(1, ID, OTHER_ID, 12, SIGNATURE),
    "submit": Submit([DRAFT, BARE_DRAFT]),
    "cursor": Cursor(12),
    "mail": Mail(ID, 2, b"sealed"),
}
SERVER_FRAMES: dict[str, ServerFrame] = {
    "hello": Hello([1], HASH, KEY, 1_800_000_000),
    "attached": Attached(12, 3, ID, 1, 1_800_000_000, "note\n"),
    "replay": Events([EVENT, PURGED, ENTERED], live=False),
    "follow": Events([EVENT], live=True),
    "live, nothing new": Events([], live=True),
    "ack": Ack([Placed(ID, 8, 1_800_000_001), Placed(OTHER_ID, 9, 1_800_000_001)]),
    "refused": Refused(ID, "muted", "A facilitator muted this seat for a time.", 7, 30),
    "refused, nothing known": Refused(None, "malformed", ""),
    "mail": Mail(ID, 4, b"sealed"),
    "checkpoint": Checkpoint("backchannel/AAAAAAAAAAAAAAAAAAAAAA\n0\n"),
    "bye": Bye("stopping", "Der Server hält an. Он остановлен. השרת נעצר."),
}
FRAMES: dict[str, Frame] = {
    **{f"client {name}": frame for name, frame in CLIENT_FRAMES.items()},
    **{f"server {name}": frame for name, frame in SERVER_FRAMES.items()},
}

OPERATIONS: dict[str, Operation] = {
    "seat-add": SeatAdd(None, ID, KEY, may_facilitate=False),
    "seat-add with an act": SeatAdd(OTHER_ID, ID, KEY, may_facilitate=True),
    "seat-remove": SeatRemove(OTHER_ID, ID),
    "seat-set": SeatSet(OTHER_ID, ID, may_facilitate=True),
    "mute": Mute(OTHER_ID, ID, 1_800_000_600),
    "policy": SetPolicy(OTHER_ID, 30, 86_400, after_reading=True, paused_until=0),
    "invitation-open": InvitationOpen(OTHER_ID, ID, KEY, 1_800_086_400),
    "invitation-close": InvitationClose(None, ID),
    "void-commit": VoidCommit(OTHER_ID, ID),
    "close": CloseRoom(OTHER_ID),
}

NOT_IDS: list[Any] = [b"", bytes(15), bytes(17), "A" * 16, 7, None, True]
NOT_KEYS: list[Any] = [b"", bytes(31), bytes(33), "A" * 32, None]
NOT_U53: list[Any] = [-1, 1 << 53, (1 << 64) - 1, 1.0, "1", None, True, b"\1"]
NOT_OPTIONAL_IDS = [value for value in NOT_IDS if value is not None]
NOT_BOOLEANS: list[Any] = [0, 1, None, "true"]
NOT_NOTES: list[Any] = ["n" * 16_385, b"note", None]
NOT_CODES: list[Any] = ["c" * 65, b"code", None, 1]
NOT_SENTENCES: list[Any] = ["s" * (MAX_SENTENCE_CHARS + 1), b"sentence", None]
NOT_STEPS: list[Any] = [0, 5, -1, None, True]
NOT_SEALED: list[Any] = [b"", bytes(MAX_MAIL_BYTES + 1), "sealed", None]
NOT_VERSIONS: list[Any] = [-1, 1 << 16, None, True]
NOT_LEAVES: list[Any] = [b"", bytes(32), bytes(34), "A" * 33]
NOT_BODIES: list[Any] = [b"", bytes(MAX_BODY_BYTES + 1), "body"]
NOT_KINDS: list[Any] = [0, 6, -1, None, True, "chat"]
NOT_SECONDS: list[Any] = [-1, 10 * 366 * 24 * 3600 + 1, None, True, 1.5]


def draft_with(field: int, value: Any) -> list[Any]:
    row: list[Any] = [OTHER_ID, 2, 3, ID, b"body", LEAF]
    row[field] = value
    return row


def event_with(field: int, value: Any) -> list[Any]:
    row: list[Any] = [7, 8, ID, 1, OTHER_ID, 3, b"body", LEAF, None]
    row[field] = value
    return row


_DRAFT_FIELDS = [NOT_IDS, NOT_KINDS, NOT_U53, NOT_IDS, [*NOT_BODIES, None], NOT_LEAVES]
BAD_DRAFTS = [draft_with(at, bad) for at, wrong in enumerate(_DRAFT_FIELDS) for bad in wrong]
_EVENT_FIELDS = [NOT_U53, NOT_U53, NOT_IDS, NOT_KINDS, NOT_IDS, NOT_U53, [*NOT_BODIES, None], NOT_LEAVES]
BAD_EVENTS = [
    *(event_with(at, bad) for at, wrong in enumerate(_EVENT_FIELDS) for bad in wrong),
    event_with(8, HASH),  # a body and a hash
    *([7, 8, ID, 1, OTHER_ID, 3, None, None, bad] for bad in (None, b"", bytes(31), "A" * 32)),
]
BAD_PLACES: list[Any] = [[], [ID, 1], *([bad, 1, 1] for bad in NOT_IDS), *([ID, bad, 1] for bad in NOT_U53)]

CLIENT_BOUNDS: dict[str, list[list[Any]]] = {
    "attach": [NOT_VERSIONS, NOT_IDS, NOT_IDS, NOT_U53, [b"", bytes(63), bytes(65), None]],
    "submit": [[[], [DRAFT] * (MAX_DRAFTS + 1), None, DRAFT, *([bad] for bad in BAD_DRAFTS)]],
    "cursor": [NOT_U53],
    "mail": [NOT_IDS, NOT_STEPS, NOT_SEALED],
}
"""For each frame of a client, for each field: values that are refused."""

SERVER_BOUNDS: dict[str, list[list[Any]]] = {
    "hello": [[[], [1] * 17, [1 << 16], [-1], None, 1], NOT_KEYS, NOT_KEYS, NOT_U53],
    "attached": [NOT_U53, NOT_U53, NOT_IDS, NOT_U53, NOT_U53, NOT_NOTES],
    "replay": [[None, [EVENT] * (MAX_EVENTS_A_FRAME + 1), *([bad] for bad in BAD_EVENTS)], NOT_BOOLEANS],
    "ack": [[[], None, [Placed(ID, 1, 1)] * (MAX_DRAFTS + 1), *([bad] for bad in BAD_PLACES)]],
    "refused": [
        NOT_OPTIONAL_IDS,
        NOT_CODES,
        NOT_SENTENCES,
        [value for value in NOT_U53 if value is not None],
        [value for value in NOT_U53 if value is not None],
    ],
    "mail": [NOT_IDS, NOT_STEPS, NOT_SEALED],
    "checkpoint": [NOT_NOTES],
    "bye": [NOT_CODES, NOT_SENTENCES],
}
"""For each frame of a server, for each field: values that are refused."""

OPERATION_BOUNDS: dict[str, list[list[Any]]] = {
    "seat-add": [NOT_OPTIONAL_IDS, NOT_IDS, NOT_KEYS, NOT_BOOLEANS],
    "seat-remove": [NOT_OPTIONAL_IDS, NOT_IDS],
    "seat-set": [NOT_OPTIONAL_IDS, NOT_IDS, NOT_BOOLEANS],
    "mute": [NOT_OPTIONAL_IDS, NOT_IDS, NOT_U53],
    "policy": [NOT_OPTIONAL_IDS, NOT_SECONDS, NOT_SECONDS, NOT_BOOLEANS, NOT_U53],
    "invitation-open": [NOT_OPTIONAL_IDS, NOT_IDS, NOT_KEYS, NOT_U53],
    "invitation-close": [NOT_OPTIONAL_IDS, NOT_IDS],
    "void-commit": [NOT_OPTIONAL_IDS, NOT_IDS],
    "close": [NOT_OPTIONAL_IDS],
}
"""For each operation, for each field: values that are refused."""
