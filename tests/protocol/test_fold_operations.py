"""Operations in clear: what the server is told is so in the room, or everybody is shown that it is not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import (
    CloseRoom,
    InvitationClose,
    InvitationOpen,
    Mute,
    Operation,
    SeatAdd,
    SeatSet,
    SetPolicy,
    VoidCommit,
)
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Act, Role
from protocol.errors import refused
from protocol.history import LONG, Control, Story, invite_body
from protocol.people import ANNA, BORIS, CLARA, EDITH, MALLORY, seed_of
from protocol.rooms import open_room

MAILBOX, AUTH = seed_of("mailbox")[:16], seed_of("auth")


def open_mailbox(story: Story) -> None:
    story.governance(ANNA, "invite", invite_body(b64u(MAILBOX)))


def keep_for_a_minute(story: Story) -> None:
    story.governance(ANNA, "retention", {"retention": {"seconds": 60, "after_reading": True}})


def make_boris_an_observer(story: Story) -> None:
    story.approve(ANNA, Act("role", 1, LONG, seat=BORIS.id, role=Role.OBSERVER, party="b"))
    story.governance(ANNA, "role", {"seat": BORIS.id, "role": "observer", "party": "b"})


def close(story: Story) -> None:
    story.governance(ANNA, "close", {})


def nothing(_: Story) -> None:
    """The room as it is."""


FIT: list[tuple[Callable[[Story], None], Operation]] = [
    (open_mailbox, InvitationOpen(None, MAILBOX, AUTH, LONG)),
    (nothing, InvitationClose(None, MAILBOX)),
    (keep_for_a_minute, SetPolicy(None, 0, 60, after_reading=True, paused_until=0)),
    (nothing, Mute(None, CLARA.seat, 0)),
    (make_boris_an_observer, SeatSet(None, BORIS.seat, may_facilitate=False)),
    (nothing, SeatSet(None, BORIS.seat, may_facilitate=True)),
    (close, CloseRoom(None)),
    (nothing, VoidCommit(None, MAILBOX)),
]
UNFIT: list[tuple[Callable[[Story], None], Operation]] = [
    (nothing, InvitationOpen(None, MAILBOX, AUTH, LONG)),
    (open_mailbox, InvitationOpen(None, MAILBOX, AUTH, LONG + 1)),
    (open_mailbox, InvitationClose(None, MAILBOX)),
    (nothing, SetPolicy(None, 0, 60, after_reading=True, paused_until=0)),
    (keep_for_a_minute, SetPolicy(None, 0, 60, after_reading=False, paused_until=0)),
    (keep_for_a_minute, SetPolicy(None, 1, 60, after_reading=True, paused_until=0)),
    (keep_for_a_minute, SetPolicy(None, 0, 60, after_reading=True, paused_until=LONG)),
    (nothing, Mute(None, CLARA.seat, LONG)),
    (make_boris_an_observer, SeatSet(None, BORIS.seat, may_facilitate=True)),
    (nothing, SeatSet(None, BORIS.seat, may_facilitate=False)),
    (nothing, SeatSet(None, CLARA.seat, may_facilitate=True)),
    (nothing, SeatSet(None, EDITH.seat, may_facilitate=False)),
    (nothing, CloseRoom(None)),
]


@pytest.mark.parametrize(("before", "operation"), FIT)
def test_what_is_so_may_be_told(before: Callable[[Story], None], operation: Operation) -> None:
    story = open_room()
    before(story)
    story.operation(ANNA, operation)


@pytest.mark.parametrize(("before", "operation"), UNFIT)
def test_what_is_not_so_is_shown(before: Callable[[Story], None], operation: Operation) -> None:
    story = open_room()
    before(story)
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.operation(ANNA, operation)


def test_only_what_the_server_was_told_of_a_bit_changes_the_state() -> None:
    story = open_room()
    before = story.state
    for make, operation in (*FIT, *UNFIT):
        if make is nothing and not isinstance(operation, SeatSet):
            with suppress(FoldRefusal):
                story.operation(ANNA, operation)
            assert story.state == before


def test_the_bit_is_kept_as_the_server_was_told_and_gives_no_right_in_the_room() -> None:
    story = open_room()
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.operation(BORIS, SeatSet(None, CLARA.seat, may_facilitate=True))
    assert story.state.seats[CLARA.id].operates
    with refused(FoldCode.ROLE_FORBIDS):
        story.operation(CLARA, SeatSet(None, ANNA.seat, may_facilitate=False))
    assert not story.state.seats[ANNA.id].operates, "the server obeys who has the bit"
    with refused(FoldCode.ROLE_FORBIDS):
        story.operation(ANNA, Mute(None, CLARA.seat, 0))
    story.governance(ANNA, "title", {"title": "Still hers"})


@pytest.mark.parametrize("who", [CLARA, MALLORY])
def test_who_has_no_bit_tells_the_server_nothing(who: object) -> None:
    story = open_room()
    before = story.state
    for operation in (
        SeatAdd(None, EDITH.seat, EDITH.credential.seat_key, may_facilitate=False),
        SeatSet(None, ANNA.seat, may_facilitate=False),
    ):
        with refused(FoldCode.ROLE_FORBIDS):
            story.operation(who, operation)  # type: ignore[arg-type]  # a person
    assert story.state == before


def test_what_is_no_operation_is_malformed() -> None:
    story = open_room()
    with refused(FoldCode.BODY_MALFORMED):
        story.write(Control(seat=ANNA.id, body="c0", **story.place()))
