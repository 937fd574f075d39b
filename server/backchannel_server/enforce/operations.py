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
from backchannel_server.enforce.course import Course
from backchannel_server.refusal import Refusal
from backchannel_server.storage.rows import Mailbox, Room, Seat


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
    if course.seat(SeatId(operation.seat)) is not None:
        raise Refusal(Code.DUPLICATE_ID)
    if course.count_seats() >= MAX_SEATS:
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
    """Section 8: by another facilitator, or the only one; while nobody but the author used the epoch.

    A seat that the commit removed never comes so far: the removal holds until it is voided.
    """
    commit = course.world.voidable
    if commit is None or commit.id != operation.commit or course.room.opening != commit.id:
        raise Refusal(Code.NOT_ALLOWED)
    if commit.others_wrote:
        raise Refusal(Code.NOT_ALLOWED, cause=commit.seq)
    if commit.author == course.author and course.count_facilitators() > 1:
        raise Refusal(Code.NOT_ALLOWED, cause=commit.seq)
    course.change_room(lambda room: replace(room, epoch=commit.epoch, opening=EventId(commit.opening)))
    for id_ in commit.added:
        seat = course.seat(id_)
        if seat is not None and seat.removed_seq is None:
            course.put_seat(replace(seat, removed_seq=course.seq))
    for id_ in commit.removed:
        seat = course.seat(id_)
        if seat is not None:
            course.put_seat(replace(seat, removed_seq=None))
    for id_, bit in commit.bits.items():
        seat = course.seat(id_)
        if seat is not None:
            course.put_seat(replace(seat, may_facilitate=bit))
