"""Commits: the tree changes by exactly what was approved, and the server is told the same."""

from __future__ import annotations

import msgspec
import pytest

from backchannel_protocol.operations import Mute, SeatAdd, SeatRemove
from backchannel_protocol.room.refusals import FoldCode
from backchannel_protocol.room.state import Act, Role
from protocol.errors import refused
from protocol.history import LONG, Story, add_act, joined, package_of
from protocol.people import ANNA, BORIS, CLARA, DAVID, EDITH, FARID, MALLORY, Person, id_of
from protocol.rooms import open_room, strict_room


def seat_add(person: Person, *, may_facilitate: bool = False) -> SeatAdd:
    return SeatAdd(None, person.seat, person.credential.seat_key, may_facilitate)


def room_with_approval(person: Person = EDITH) -> Story:
    story = open_room()
    story.approve(ANNA, add_act(person))
    return story


# ---- the committer's own leaf
@pytest.mark.parametrize("who", [ANNA, CLARA], ids=["facilitator", "participant"])
def test_everybody_renews_their_own_leaf(who: Person) -> None:
    story = open_room()
    before = story.state
    assert story.commit(who, renewed=((who.id, True),)) == before


def test_nobody_renews_anothers_leaf() -> None:
    for renewed in (((CLARA.id, True),), ((ANNA.id, True), (CLARA.id, True))):
        with refused(FoldCode.COMMIT_UNEXPECTED):
            open_room().commit(ANNA, renewed=renewed)


def test_a_renewed_leaf_keeps_credential_and_key() -> None:
    with refused(FoldCode.CREDENTIAL_CHANGED):
        open_room().commit(CLARA, renewed=((CLARA.id, False),))


def test_nothing_else_stands_in_a_commit() -> None:
    with refused(FoldCode.COMMIT_UNEXPECTED):
        open_room().commit(ANNA, other=True)


def test_a_seat_that_is_not_in_the_room_commits_nothing() -> None:
    with refused(FoldCode.SENDER_UNKNOWN):
        open_room().commit(MALLORY)


def test_a_removed_seat_commits_nothing() -> None:
    story = open_room()
    story.leave(CLARA)
    story.commit_remove(ANNA, CLARA)
    with refused(FoldCode.SENDER_UNKNOWN):
        story.commit(CLARA, renewed=((CLARA.id, True),))


def test_nobody_removes_the_seat_that_commits() -> None:
    story = open_room()
    story.leave(ANNA)
    with refused(FoldCode.COMMIT_UNEXPECTED):
        story.commit_remove(ANNA, ANNA)


# ---- who changes the roster
@pytest.mark.parametrize("who", [CLARA, DAVID])
def test_members_add_and_remove_nobody(who: Person) -> None:
    story = room_with_approval()
    story.leave(BORIS)
    with refused(FoldCode.COMMIT_NOT_ALLOWED):
        story.commit(who, joining=(joined(EDITH),))
    with refused(FoldCode.COMMIT_NOT_ALLOWED):
        story.commit(who, leaving=(BORIS.id,))


def test_a_facilitator_who_has_not_accepted_the_rules_adds_nobody() -> None:
    story = room_with_approval()
    story.governance(BORIS, "rules", {"lines": []})
    with refused(FoldCode.COMMIT_NOT_ALLOWED):
        story.commit_add(ANNA, EDITH)


# ---- ghosts
@pytest.mark.parametrize(
    "changed",
    [
        {"seat": FARID.id},
        {"package": package_of("Edith")},
        {"keys": MALLORY.keys},
        {
            "keys": type(EDITH.keys)(
                EDITH.keys.seat, MALLORY.keys.leaf, EDITH.keys.governance, EDITH.keys.inbox
            )
        },
        {
            "keys": type(EDITH.keys)(
                EDITH.keys.seat, EDITH.keys.leaf, MALLORY.keys.governance, EDITH.keys.inbox
            )
        },
        {
            "keys": type(EDITH.keys)(
                EDITH.keys.seat, EDITH.keys.leaf, EDITH.keys.governance, MALLORY.keys.inbox
            )
        },
    ],
    ids=["seat", "package", "all keys", "leaf key", "governance key", "inbox key"],
)
def test_who_joins_is_who_was_approved(changed: dict[str, object]) -> None:
    with refused(FoldCode.APPROVALS_MISSING):
        room_with_approval().commit_add(ANNA, EDITH, **changed)  # type: ignore[arg-type]  # any field


def test_a_ghost_beside_an_approved_seat_stops_both() -> None:
    story = room_with_approval()
    story.operation(ANNA, seat_add(EDITH))
    story.operation(ANNA, seat_add(MALLORY))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit(ANNA, joining=(joined(EDITH), joined(MALLORY, leaf=2)))
    assert EDITH.id not in story.state.seats


def test_nobody_joins_twice_in_a_commit() -> None:
    story = room_with_approval()
    story.operation(ANNA, seat_add(EDITH))
    with refused(FoldCode.COMMIT_UNEXPECTED):
        story.commit(ANNA, joining=(joined(EDITH), joined(EDITH, leaf=2)))


def test_a_seat_that_is_there_does_not_join() -> None:
    with refused(FoldCode.COMMIT_UNEXPECTED):
        open_room().commit_add(ANNA, CLARA)


def test_a_key_is_one_seats() -> None:
    """Nobody proves a governance key on joining: a copy of another's must not come in."""
    story = open_room()
    for keys in (
        type(EDITH.keys)(EDITH.keys.seat, EDITH.keys.leaf, BORIS.keys.governance, EDITH.keys.inbox),
        type(EDITH.keys)(BORIS.keys.seat, EDITH.keys.leaf, EDITH.keys.governance, EDITH.keys.inbox),
        type(EDITH.keys)(EDITH.keys.seat, BORIS.keys.governance, EDITH.keys.governance, EDITH.keys.inbox),
    ):
        story.approve(ANNA, msgspec.structs.replace(add_act(EDITH), keys=keys))
        with refused(FoldCode.COMMIT_UNEXPECTED):
            story.commit_add(ANNA, EDITH, keys=keys)


def test_nobody_is_removed_without_approval_or_leaving() -> None:
    for story in (open_room(), strict_room()):
        with refused(FoldCode.APPROVALS_MISSING):
            story.commit_remove(ANNA, DAVID)


def test_a_seat_that_is_not_there_is_not_removed() -> None:
    story = open_room()
    with refused(FoldCode.SEAT_UNKNOWN):
        story.commit_remove(ANNA, EDITH)


def test_nobody_is_removed_twice_in_a_commit() -> None:
    story = open_room()
    story.leave(CLARA)
    story.operation(ANNA, SeatRemove(None, CLARA.seat))
    with refused(FoldCode.SEAT_UNKNOWN):
        story.commit(ANNA, leaving=(CLARA.id, CLARA.id))


def test_the_last_facilitator_is_not_removed() -> None:
    story = open_room()
    story.leave(BORIS)
    story.approve(BORIS, Act("remove", 1, LONG, seat=ANNA.id))
    story.commit_remove(BORIS, ANNA)
    story.approve(BORIS, Act("remove", 1, LONG, seat=BORIS.id))
    with refused(FoldCode.COMMIT_UNEXPECTED):
        story.commit_remove(BORIS, BORIS)


def test_several_come_and_go_in_one_commit() -> None:
    story = open_room()
    story.leave(CLARA)
    story.approve(BORIS, Act("remove", 1, LONG, seat=DAVID.id))
    story.approve(ANNA, add_act(EDITH))
    story.approve(BORIS, add_act(FARID, Role.FACILITATOR, "b"))
    for operation in (
        SeatRemove(None, CLARA.seat),
        seat_add(FARID, may_facilitate=True),
        SeatRemove(None, DAVID.seat),
        seat_add(EDITH),
    ):
        story.operation(ANNA, operation)
    story.commit(
        ANNA,
        joining=(joined(EDITH, leaf=2), joined(FARID, leaf=3)),
        leaving=(CLARA.id, DAVID.id),
        renewed=((ANNA.id, True),),
    )
    assert set(story.state.seats) == {one.id for one in (ANNA, BORIS, EDITH, FARID)}
    assert [one.how for one in story.state.past] == ["left", "removed"]


def test_who_is_removed_approves_nothing_in_the_same_commit() -> None:
    story = open_room()
    story.approve(BORIS, add_act(EDITH))
    story.leave(BORIS)
    story.operation(ANNA, SeatRemove(None, BORIS.seat))
    story.operation(ANNA, seat_add(EDITH))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit(ANNA, joining=(joined(EDITH),), leaving=(BORIS.id,))


# ---- what the server was told
def test_the_server_is_told_of_each_change() -> None:
    story = room_with_approval()
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.commit(ANNA, joining=(joined(EDITH),))
    story.leave(CLARA)
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.commit(ANNA, leaving=(CLARA.id,))


def test_the_server_is_told_the_key_that_members_see() -> None:
    with refused(FoldCode.OPERATIONS_UNFIT):
        room_with_approval().commit_add(ANNA, EDITH, seat_key=MALLORY.credential.seat_key)


def test_the_server_is_told_the_role_that_members_see() -> None:
    with refused(FoldCode.OPERATIONS_UNFIT):
        room_with_approval().commit_add(ANNA, EDITH, may_facilitate=True)
    story = open_room()
    story.approve(ANNA, add_act(EDITH, Role.FACILITATOR))
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.commit_add(ANNA, EDITH, may_facilitate=False)


def test_an_operation_too_many_is_refused() -> None:
    for more in (seat_add(MALLORY), seat_add(EDITH), SeatRemove(None, CLARA.seat)):
        story = room_with_approval()
        story.operation(ANNA, more)
        with refused(FoldCode.OPERATIONS_UNFIT):
            story.commit_add(ANNA, EDITH)
        assert EDITH.id not in story.state.seats


def test_a_seat_is_not_added_at_the_server_by_a_commit_that_adds_nobody() -> None:
    story = open_room()
    story.operation(ANNA, seat_add(MALLORY))
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.commit(ANNA, renewed=((ANNA.id, True),))


def test_anothers_operations_do_not_count() -> None:
    story = room_with_approval()
    story.operation(BORIS, seat_add(EDITH))
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.commit(ANNA, joining=(joined(EDITH),))


@pytest.mark.parametrize("between", ["title", "mute"])
def test_operations_stand_right_before_their_commit(between: str) -> None:
    story = room_with_approval()
    story.operation(ANNA, seat_add(EDITH))
    if between == "title":
        story.governance(ANNA, "title", {"title": "x"})
    else:
        story.operation(ANNA, Mute(None, CLARA.seat, 0))
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.commit(ANNA, joining=(joined(EDITH),))


# ---- after a refused commit the room goes on
def skipped(story: Story) -> Story:
    """Anna's commit came after the approval that it needs was withdrawn; it is skipped."""
    approval = story.approve(ANNA, add_act(FARID))
    story.governance(ANNA, "unapprove", {"approval": approval})
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, FARID)
    return story


@pytest.mark.parametrize("who", [ANNA, BORIS, CLARA], ids=["its author", "a facilitator", "a member"])
def test_after_a_skipped_commit_everybody_can_renew_their_leaf(who: Person) -> None:
    story = skipped(open_room())
    story.commit(who, renewed=((who.id, True),))


@pytest.mark.parametrize("who", [ANNA, BORIS], ids=["its author", "another facilitator"])
def test_after_a_skipped_commit_facilitators_can_admit(who: Person) -> None:
    story = skipped(open_room())
    story.admit(EDITH, (who,))
    assert EDITH.id in story.state.seats


def test_after_a_skipped_commit_the_same_seat_can_be_admitted() -> None:
    story = skipped(open_room())
    story.admit(FARID, (ANNA,))


def test_operations_without_a_commit_spoil_nobodys_commit() -> None:
    story = open_room()
    story.operation(ANNA, seat_add(MALLORY))
    story.commit(CLARA, renewed=((CLARA.id, True),))
    story.operation(ANNA, SeatRemove(None, CLARA.seat))
    story.admit(EDITH, (ANNA,))
    assert id_of("nobody") not in story.state.seats
