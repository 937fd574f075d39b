"""Where an event stands: all that the fold knows of the world (PROTOCOL.md, section 9)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class At:
    """Where an event stands in the log. Ids are b64u."""

    room: str
    seq: int
    time: int
    sender: str
    event: str
