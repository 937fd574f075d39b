"""The decision on a Submit (PROTOCOL.md, section 5), in the order of its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from backchannel_protocol.canonical import digest
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.ids import EventId, SeatId
from backchannel_protocol.operations import Operation, SetPolicy, parse_operation
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.void import may_commit
from backchannel_server.enforce.course import Course
from backchannel_server.enforce.framing import verify_framing
from backchannel_server.enforce.operations import apply_operation
from backchannel_server.enforce.places import verify_places
from backchannel_server.enforce.world import Decision, World
from backchannel_server.refusal import Refusal
from backchannel_server.storage.rows import Known, Room


def find_repeated(drafts: Sequence[Draft], seat: SeatId, known: Mapping[EventId, Known]) -> Known | None:
    """Rule 1: the first draft's event where it exists already. Raises `duplicate-id`.

    Before every other check, and by hash, so that it outlives purging. An id is taken once in a
    room, whoever took it: `opening` and VoidCommit name a commit by its id alone.
    """
    first = known.get(EventId(drafts[0].id))
    if first is not None:
        if first.seat != seat or not _is_same(drafts[0], first):
            raise Refusal(Code.DUPLICATE_ID, cause=first.seq)
        return first
    ids = [draft.id for draft in drafts]
    if len(set(ids)) < len(ids) or any(id_ in known for id_ in ids):
        raise Refusal(Code.DUPLICATE_ID)
    return None


def decide_submit(world: World, author: SeatId, drafts: Sequence[Draft], now: int) -> Decision:
    """What a Submit that is not a repetition does. Raises Refusal, and then it does nothing.

    `now` in seconds; the room's time never goes back (section 3).
    """
    if world.room.is_over(now):
        raise Refusal(Code.UNKNOWN_ROOM)
    course = Course(world, author, max(now, world.room.last_time))
    operations = _parse_operations(drafts)
    for draft in drafts:
        operation = operations.get(EventId(draft.id))
        # looked at for each: an operation of this Submit may have taken the seat or its bit away
        if not course.present_seat(author).may_facilitate and operation is not None:
            raise Refusal(Code.NOT_ALLOWED)
        _verify_closed(course.room, draft, operation)
        _verify_epoch(course.room, draft)
        match draft.kind:
            case EventKind.CONTROL:
                assert operation is not None
                apply_operation(course, operation)
            case EventKind.CHAT:
                _take_turn(course)
                verify_framing(draft, course.room.id)
            case EventKind.COMMIT:
                _verify_committer(course)
                verify_framing(draft, course.room.id)
            case _:
                verify_framing(draft, course.room.id)
        course.place(draft)
    return course.decision()


def _is_same(draft: Draft, known: Known) -> bool:
    return (draft.kind, draft.epoch, draft.leaf, digest(draft.body)) == (
        known.kind,
        known.epoch,
        known.leaf,
        known.body_hash,
    )


def _parse_operations(drafts: Sequence[Draft]) -> dict[EventId, Operation]:
    """The operations of a Submit, each where it may stand; at most one commit beside them."""
    kinds = [draft.kind for draft in drafts]
    if EventKind.ANONYMOUS in kinds:
        raise Refusal(Code.NOT_ALLOWED)
    if kinds.count(EventKind.COMMIT) > 1:
        raise Refusal(Code.MALFORMED)
    if any(draft.kind is EventKind.CHAT and draft.leaf is not None for draft in drafts):
        raise Refusal(Code.MALFORMED)  # section 13: chat leaves nothing in the record
    operations: dict[EventId, Operation] = {}
    for draft in drafts:
        if draft.kind is EventKind.CONTROL:
            try:
                operation = parse_operation(draft.body)
            except RemoteProtocolError as error:
                raise Refusal(error.code) from None
            operations[EventId(draft.id)] = operation
    verify_places(drafts, operations)
    return operations


def _verify_closed(room: Room, draft: Draft, operation: Operation | None) -> None:
    """After Close: governance, by which members disclose their leaf keys (section 9), and retention."""
    if room.closed_seq is None or draft.kind is EventKind.GOVERNANCE or isinstance(operation, SetPolicy):
        return
    raise Refusal(Code.ROOM_CLOSED, cause=room.closed_seq)


def _verify_epoch(room: Room, draft: Draft) -> None:
    """Rule 3: the epoch by number and by the commit that opened it."""
    if (draft.epoch, draft.opening) != (room.epoch, room.opening):
        raise Refusal(Code.STALE_EPOCH)


def _verify_committer(course: Course) -> None:
    """Section 8: while the epoch's commit is asked to be voided, nobody puts another on top but askers."""
    opened = course.world.opened
    if opened is not None and not may_commit(opened.opening, course.with_bit(), course.author):
        raise Refusal(Code.NOT_ALLOWED, cause=opened.asked_seq)


def _take_turn(course: Course) -> None:
    """Rule 2, for chat: what is governance inside a body the server cannot tell, so it lets it pass."""
    seat, room, time = course.present_seat(course.author), course.room, course.time
    if seat.muted_until > time:
        raise Refusal(Code.MUTED, cause=seat.mute_seq, retry_after_s=seat.muted_until - time)
    if room.paused_until > time:
        raise Refusal(Code.PAUSED, cause=room.policy_seq, retry_after_s=room.paused_until - time)
    next_turn = seat.last_chat + room.slow_mode_s
    if next_turn > time:
        raise Refusal(Code.SLOW_MODE, cause=room.policy_seq, retry_after_s=next_turn - time)
    if room.slow_mode_s:  # kept only while a slow mode needs it
        course.put_seat(replace(seat, last_chat=time))
