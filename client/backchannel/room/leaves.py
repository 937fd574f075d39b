"""The record's entry of each event, as this client computes it (PROTOCOL.md, section 13). Pure."""

from __future__ import annotations

import hmac

from backchannel_mls import GroupState
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.operations import Operation, VoidCommit
from backchannel_protocol.record.entry import (
    R_BYTES,
    RECORD_LABEL,
    Entry,
    governance_content,
    open_randomness,
    operation_content,
)


def governance_entry(
    mls: GroupState, room: bytes, event: bytes, envelope: Envelope, sender: bytes
) -> Entry | None:
    """The entry of a governance event that stands in the epoch of `mls`; None where it has none."""
    content = governance_content(room, envelope.type, envelope.body, sender)
    return None if content is None else Entry(_randomness(mls, event), content)


def operation_entry(mls: GroupState, room: bytes, event: bytes, operation: Operation) -> Entry | None:
    """The entry of an operation in clear; None where it has none."""
    content = operation_content(room, operation)
    if content is None:
        return None
    open_ = isinstance(operation, VoidCommit)
    return Entry(open_randomness(event) if open_ else _randomness(mls, event), content)


def leaf_of(entry: Entry | None) -> bytes | None:
    """What stands beside the event."""
    return None if entry is None else entry.leaf()


def leaf_fits(entry: Entry | None, leaf: bytes | None) -> bool:
    """Whether an event has the leaf that it must have, or none where it may have none."""
    if entry is None:
        return leaf is None
    return leaf is not None and hmac.compare_digest(entry.leaf(), leaf)


def _randomness(mls: GroupState, event: bytes) -> bytes:
    return mls.export_secret(RECORD_LABEL, event, R_BYTES)
