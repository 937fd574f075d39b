"""The chain over a room's log (PROTOCOL.md, section 3): who has another log has another hash."""

from __future__ import annotations

from backchannel_mls.codec import u8, u64, vector
from backchannel_protocol.canonical import digest, label
from backchannel_protocol.events import LogEvent
from backchannel_protocol.ids import RoomId

_LABEL = label("chain")


def first_link(room: RoomId) -> bytes:
    """h(0), 32 bytes."""
    return digest(_LABEL + room)


def next_link(previous: bytes, event: LogEvent) -> bytes:
    """h(n) from h(n−1) and the n-th event, 32 bytes."""
    return digest(
        _LABEL
        + previous
        + u64(event.seq)
        + u64(event.time)
        + event.seat
        + u8(event.kind)
        + event.id
        + u64(event.epoch)
        + vector(event.leaf or b"")
        + event.hash_of_body()
    )
