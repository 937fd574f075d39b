"""Checkpoints: signed when somebody reads them, and only over rows that are on disk."""

from __future__ import annotations

from backchannel_protocol.record.note import CheckpointBody, origin, sign_checkpoint
from backchannel_server.record.key import RecordKey
from backchannel_server.storage.rows import Room


def sign_room(key: RecordKey, room: Room) -> str:
    """The checkpoint of a room's record as the row has it (C2SP tlog-checkpoint)."""
    body = CheckpointBody(origin(room.id), room.record_size, room.frontier().root())
    return sign_checkpoint(body, key.private)
