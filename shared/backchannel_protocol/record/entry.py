"""Leaves of the record: a commitment to each act that must stay provable (PROTOCOL.md, section 13).

A leaf says nothing to who does not have r. Members derive r from their epoch; whoever is given r
and the content, by any member, can check that the act stands in the record.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from backchannel_protocol.canonical import LABEL_PREFIX, JsonObject, digest, jcs, label
from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import Operation, SeatAdd, SeatRemove, VoidCommit

RECORD_LABEL: Final = LABEL_PREFIX + b"record"
"""Of the MLS exporter whose context is the event's id."""

R_BYTES: Final = 32
_VERSION: Final = b"\x01"
_PREFIX: Final = b"room-commit-v1\0"

TYPES: Final = {
    "genesis": "genesis",
    "rules": "rules",
    "admission": "rules",
    "retention": "rules",
    "history": "rules",
    "role": "roster",
    "inbox": "key-rotate",
    "close": "transcript-close",
    "disclose": "disclose",
}
"""The type of a governance event, and what its entry is called."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a leaf commits to. Whoever has both can show it to anybody."""

    r: bytes = field(repr=False)
    content: bytes

    def leaf(self) -> bytes:
        """33 bytes."""
        return _VERSION + hmac.digest(self.r, _PREFIX + self.content, hashlib.sha256)


def governance_content(room: bytes, type_: str, body: JsonObject, sender: bytes) -> bytes | None:
    """What the entry of a governance event says; None where it has none."""
    name = TYPES.get(type_)
    if name is None:
        return None
    act = b64u(digest(jcs(body)))
    return _content(room, name, {"act": act, "type": type_, "seat": b64u(sender)})


def operation_content(room: bytes, operation: Operation) -> bytes | None:
    """What the entry of an operation in clear says; None where it has none."""
    match operation:
        case SeatAdd(seat=seat, seat_key=key):
            return _content(room, "admit", {"seat": b64u(seat), "key": b64u(key)})
        case SeatRemove(seat=seat):
            return _content(room, "leave", {"seat": b64u(seat)})
        case VoidCommit(commit=commit):
            return _content(room, "void-commit", {"commit": b64u(commit)})
        case _:
            return None


def open_randomness(event: bytes) -> bytes:
    """The r of a VoidCommit: who skipped a commit and who took it have no epoch in common."""
    return digest(label("record") + event)


def _content(room: bytes, name: str, members: JsonObject) -> bytes:
    return jcs({"room": b64u(room), "t": name, "v": 1, **members})
