"""What each operation in clear does, and when it is refused (PROTOCOL.md, sections 6 and 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from backchannel_protocol.ids import EventId, MailboxId, SeatId
from backchannel_protocol.limits import MAX_INVITATION_S, MAX_MAILBOXES, MAX_SEATS
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
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.void import Opening, Verdict, judge_void
from backchannel_server.enforce.course import Course
from backchannel_server.refusal import Refusal
from backchannel_server.storage.rows import NEVER_THERE, Mailbox, Room, Seat


def apply_operation(course: Course, operation: Operation) -> None:
    """What the operation does, at the seq that its draft is about to get. Raises Refusal."""
    match operation:
        case SeatAdd():
            _add_seat(course, operation)
        case SeatRemove():
            seat = course.present_seat(SeatId(operation.seat))
            course.put_seat(replace(seat, removed_seq=course.seq))
        case SeatSet():
            seat = course.present_seat(SeatId(operation.seat))
            course.put_seat(replace(seat, may_facilitate=operation.may_facilitate))
        case Mute():
            seat = course.present_seat(SeatId(operation.seat))
            course.put_seat(replace(seat, muted_until=operation.until, mute_seq=course.seq))
        case SetPolicy():
            _set_policy(course, operation)
        case InvitationOpen():
            _open_mailbox(course, operation)
        case InvitationClose():
            _close_mailbox(course, operation)
        case VoidCommit():
            _void_commit(course, operation)
        case CloseRoom():
            closed = course.seq
            course.change_room(lambda room: replace(room, closed_seq=closed, closed_time=course.time))
        case _:
            assert_never(operation)


def _add_seat(course: Course, operation: SeatAdd) -> None:
    known = course.seat(SeatId(operation.seat))
    if known is not None and known.floor != NEVER_THERE:
        raise Refusal(Code.DUPLICATE_ID)
    if known is None and course.count_seats() >= MAX_SEATS:
        raise Refusal(Code.TOO_MANY)
    course.put_seat(
        Seat(
            course.room.id,
            SeatId(operation.seat),
            operation.seat_key,
            operation.may_facilitate,
            floor=course.first,
        )
    )


def _set_policy(course: Course, operation: SetPolicy) -> None:
    set_by = course.seq

    def change(room: Room) -> Room:
        return replace(
            room,
            slow_mode_s=operation.slow_mode_s,
            retention_s=operation.retention_s,
            after_reading=operation.after_reading,
            paused_until=operation.paused_until,
            policy_seq=set_by,
        )

    course.change_room(change)


def _open_mailbox(course: Course, operation: InvitationOpen) -> None:
    if course.mailbox(MailboxId(operation.mailbox)) is not None:
        raise Refusal(Code.DUPLICATE_ID)
    if course.count_open_mailboxes() >= MAX_MAILBOXES:
        raise Refusal(Code.TOO_MANY)
    if operation.expires <= course.time:
        raise Refusal(Code.EXPIRED)
    if operation.expires > course.time + MAX_INVITATION_S:
        raise Refusal(Code.NOT_ALLOWED)
    course.put_mailbox(
        Mailbox(MailboxId(operation.mailbox), course.room.id, operation.auth_key, operation.expires)
    )


def _close_mailbox(course: Course, operation: InvitationClose) -> None:
    mailbox = course.mailbox(MailboxId(operation.mailbox))
    if mailbox is None or mailbox.room != course.room.id:
        raise Refusal(Code.MAILBOX_CLOSED)
    if mailbox.closed_time is None:
        course.put_mailbox(replace(mailbox, closed_time=course.time))


def _void_commit(course: Course, operation: VoidCommit) -> None:
    """Section 8. Members judge it by the same function, from the same log."""
    opened = course.world.opened
    opening = None if opened is None else opened.opening
    match judge_void(opening, course.with_bit(), operation.commit, course.author):
        case Verdict.REFUSED:
            raise Refusal(Code.NOT_ALLOWED, cause=None if opened is None else opened.seq)
        case Verdict.ASKED:
            pass  # the event itself is what is remembered
        case Verdict.VOIDED:
            assert opening is not None
            _take_back(course, opening)


def _take_back(course: Course, opening: Opening) -> None:
    """Epoch and seats as they were before the commit. Who was added was never there, removed again or not."""
    course.change_room(lambda room: replace(room, epoch=opening.epoch, opening=EventId(opening.before)))
    for id_ in opening.added:
        seat = course.seat(SeatId(id_))
        if seat is not None:
            course.put_seat(replace(seat, removed_seq=course.seq, floor=NEVER_THERE))
    for id_ in opening.removed - opening.added:
        seat = course.seat(SeatId(id_))
        if seat is not None:
            course.put_seat(replace(seat, removed_seq=None))
