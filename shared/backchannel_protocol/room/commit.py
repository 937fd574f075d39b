"""Commits and the operations beside them: nobody comes in, goes or changes unseen (section 11).

`decide_commit` takes what a verified MLS commit changes and checks it against the approvals and
against what the server was told directly before. A commit that is refused here is skipped by every
member alike (section 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import SeatAdd, SeatRemove
from backchannel_protocol.room.admission import seen_alive, use_approvals
from backchannel_protocol.room.clear import Told
from backchannel_protocol.room.invitations import check_add, require_name, without_mailboxes
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Act, Keys, Past, Role, RoomState, Seat


@dataclass(frozen=True, slots=True)
class Joining:
    """A member that a commit adds: its leaf, keys, and the reference of its KeyPackage (b64u)."""

    seat: str
    leaf: int
    keys: Keys
    package: str


@dataclass(frozen=True, slots=True)
class CommitChange:
    """What a verified commit changes, in the fold's words.

    renewed  seats whose leaf was replaced, and whether credential and signature key stayed
    other    whether it holds anything else than Add, Remove and the committer's own path
    """

    joining: tuple[Joining, ...]
    leaving: tuple[str, ...]
    renewed: tuple[tuple[str, bool], ...]
    other: bool


def decide_commit(state: RoomState, at: At, change: CommitChange, told: Sequence[Told]) -> RoomState:
    """The state after a commit. Raises FoldRefusal: then everybody skips it.

    told  the SeatAdd and SeatRemove of the same seat directly before it (`Clear.told_before`)
    """
    sender = state.seats.get(at.sender)
    if sender is None:
        raise FoldRefusal(FoldCode.SENDER_UNKNOWN)
    if state.closed is not None:
        raise FoldRefusal(FoldCode.CLOSED)
    if change.other or any(seat != at.sender for seat, _ in change.renewed) or at.sender in change.leaving:
        raise FoldRefusal(FoldCode.COMMIT_UNEXPECTED)
    if not all(same for _, same in change.renewed):
        raise FoldRefusal(FoldCode.CREDENTIAL_CHANGED)
    may_change_roster = sender.role is Role.FACILITATOR and sender.accepted >= state.rules.version
    if (change.joining or change.leaving) and not may_change_roster:
        raise FoldRefusal(FoldCode.COMMIT_NOT_ALLOWED)
    decided = seen_alive(state, at.sender, at.time)
    for seat in change.leaving:
        decided = _without(decided, at, seat)
    for joining in change.joining:
        decided = _with(decided, at, joining)
    _check_operations(told, decided, change)
    return decided


def _check_operations(told: Sequence[Told], decided: RoomState, change: CommitChange) -> None:
    """What the server was told right before is exactly what the commit does."""
    added = {
        (b64u(one.seat), b64u(one.seat_key), one.may_facilitate) for one in told if isinstance(one, SeatAdd)
    }
    removed = {b64u(one.seat) for one in told if isinstance(one, SeatRemove)}
    joining = {
        (one.seat, one.keys.seat, decided.seats[one.seat].role is Role.FACILITATOR) for one in change.joining
    }
    if added != joining or removed != set(change.leaving) or len(told) != len(added) + len(removed):
        raise FoldRefusal(FoldCode.OPERATIONS_UNFIT)


def _without(state: RoomState, at: At, id_: str) -> RoomState:
    """Without a seat that left by itself or whose removal was approved."""
    seat = state.seats.get(id_)
    if seat is None:
        raise FoldRefusal(FoldCode.SEAT_UNKNOWN)
    left = id_ in state.leaving
    if not left:
        state, _ = use_approvals(state, Act("remove", state.admission.version, 0, seat=id_), at.time)
    if set(state.facilitators()) == {id_}:
        raise FoldRefusal(FoldCode.LAST_FACILITATOR)
    gone = Past(id_, seat.name, "left" if left else "removed", at.seq)
    return msgspec.structs.replace(
        state,
        seats={other: one for other, one in state.seats.items() if other != id_},
        intents={other: one for other, one in state.intents.items() if other != id_},
        approvals={key: one for key, one in state.approvals.items() if id_ not in (one.by, one.act.seat)},
        leaving=tuple(other for other in state.leaving if other != id_),
        past=(*state.past, gone),
    )


def _with(state: RoomState, at: At, joining: Joining) -> RoomState:
    """With a seat whose admission was approved, as it was approved."""
    if joining.seat in state.seats or any(one.seat == joining.seat for one in state.past):
        raise FoldRefusal(FoldCode.COMMIT_UNEXPECTED)
    own = {joining.keys.seat, joining.keys.leaf, joining.keys.governance}
    if any(own & {one.keys.seat, one.keys.leaf, one.keys.governance} for one in state.seats.values()):
        raise FoldRefusal(FoldCode.COMMIT_UNEXPECTED)
    wanted, by = approved_add(state, at, joining)
    check_add(state, wanted, at.time)
    require_name(state, joining.seat, wanted.name)
    assert wanted.role is not None
    assert wanted.name is not None
    assert wanted.mailbox is not None
    seat = Seat(
        leaf=joining.leaf,
        role=wanted.role,
        party=wanted.party,
        name=wanted.name,
        keys=joining.keys,
        scope=wanted.scope,
        accepted=0,
        since=at.seq,
        by=by,
        operates=wanted.role is Role.FACILITATOR,
    )
    state = without_mailboxes(state, {wanted.mailbox})
    left = {key: one for key, one in state.approvals.items() if one.act.seat != joining.seat}
    return msgspec.structs.replace(state, seats={**state.seats, joining.seat: seat}, approvals=left)


def approved_add(state: RoomState, at: At, joining: Joining) -> tuple[Act, tuple[str, ...]]:
    """The act that admits a seat, and who approved it. Raises FoldRefusal.

    Facilitators may have approved different acts for the same seat (another role, another name). Of
    those that have what the rule asks for, the one counts that the committer approved herself; it is
    never a matter of the order in which a member's program keeps them.
    """
    approved: dict[Act, tuple[str, ...]] = {}
    for one in state.approvals.values():
        act = msgspec.structs.replace(one.act, expires=0)
        if (act.act, act.seat, act.package, act.keys) != ("add", joining.seat, joining.package, joining.keys):
            continue
        with suppress(FoldRefusal):
            approved[act] = use_approvals(state, act, at.time)[1]
    own = {act: by for act, by in approved.items() if at.sender in by}
    candidates = list((own or approved).items())
    if not candidates:
        raise FoldRefusal(FoldCode.APPROVALS_MISSING)
    if len(candidates) > 1:
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)
    return candidates[0]
