"""Where an operation stands in its Submit (PROTOCOL.md, section 6).

The fold judges an operation by the state at its place, so the place is part of what it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.ids import EventId
from backchannel_protocol.operations import Operation, SeatAdd, SeatRemove, SeatSet, VoidCommit
from backchannel_protocol.refusals import Code
from backchannel_server.refusal import Refusal


def verify_places(drafts: Sequence[Draft], operations: Mapping[EventId, Operation]) -> None:
    """Raises `malformed` unless each operation stands where section 6 says. Ids are different."""
    beside_commit = _row_before_commit(drafts, operations)
    has_commit = any(draft.kind is EventKind.COMMIT for draft in drafts)
    governed: set[bytes] = set()
    for at, draft in enumerate(drafts):
        operation = operations.get(EventId(draft.id))
        match operation:
            case None:
                stands = True
            case SeatAdd() | SeatRemove():
                stands = at in beside_commit and operation.act is None
            case SeatSet():
                stands = bool(governed) and not has_commit
            case VoidCommit():
                stands = len(drafts) == 1
            case _:
                stands = True
        if operation is not None and operation.act is not None:
            stands = stands and operation.act in governed
        if not stands:
            raise Refusal(Code.MALFORMED)
        if draft.kind is EventKind.GOVERNANCE:
            governed.add(draft.id)


def _row_before_commit(drafts: Sequence[Draft], operations: Mapping[EventId, Operation]) -> range:
    """The places directly before the commit that hold nothing but SeatAdd and SeatRemove."""
    commit = next((at for at, draft in enumerate(drafts) if draft.kind is EventKind.COMMIT), 0)
    first = commit
    while first > 0 and isinstance(operations.get(EventId(drafts[first - 1].id)), SeatAdd | SeatRemove):
        first -= 1
    return range(first, commit)
