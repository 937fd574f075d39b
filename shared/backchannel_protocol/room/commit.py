"""Commits and the operations beside them: nobody comes in, goes or changes unseen (section 11).

`decide_operation` remembers what the server was told; `decide_commit` takes what a verified MLS
commit changes and checks it against the approvals and against those operations. A commit that is
refused here is skipped by every member alike (section 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import b64u, parse_b64u
from backchannel_protocol.limits import MAX_DRAFTS
from backchannel_protocol.operations import (
    SeatAdd,
    SeatRemove,
    encode_operation,
    parse_operation,
)
from backchannel_protocol.room.admission import use_approvals
from backchannel_protocol.room.decide import At
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


def decide_operation(state: RoomState, at: At, body: bytes) -> RoomState:
    """An operation in clear: remembered until the commit or the act that it belongs to."""
    sender = state.seats.get(at.sender)
    if sender is None or sender.role is not Role.FACILITATOR:
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
    try:
        operation = parse_operation(body)
    except RemoteProtocolError:
        raise FoldRefusal(FoldCode.BODY_MALFORMED) from None
    if not isinstance(operation, (SeatAdd, SeatRemove)):
        return state
    before = _operations_before(state, at)
    if len(before) >= MAX_DRAFTS:
        raise FoldRefusal(FoldCode.TOO_MANY)
    waiting = (*before, b64u(encode_operation(operation)))
    return msgspec.structs.replace(state, operations=waiting, operations_by=at.sender, operations_seq=at.seq)


def _operations_before(state: RoomState, at: At) -> tuple[str, ...]:
    """The operations of the sender that stand right before an event, as in one Submit they do.

    Others belong to a commit that was refused, or to none: they may not spoil the next one.
    """
    adjacent = state.operations_by == at.sender and state.operations_seq + 1 == at.seq
    return state.operations if adjacent else ()


def decide_commit(state: RoomState, at: At, change: CommitChange) -> RoomState:
    """The state after a commit. Raises FoldRefusal: then everybody skips it."""
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
    decided = msgspec.structs.replace(state, operations=(), operations_by=None, operations_seq=0)
    for seat in change.leaving:
        decided = _without(decided, at, seat)
    for joining in change.joining:
        decided = _with(decided, at, joining)
    _check_operations(_operations_before(state, at), decided, change)
    return decided


def _check_operations(operations: Sequence[str], decided: RoomState, change: CommitChange) -> None:
    """What the server was told right before is exactly what the commit does."""
    told = [parse_operation(parse_b64u(operation)) for operation in operations]
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
    wanted, by = _approved_add(state, at, joining)
    if wanted.role is None or wanted.name is None:
        raise FoldRefusal(FoldCode.APPROVALS_MISSING)
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
    )
    left = {key: one for key, one in state.approvals.items() if one.act.seat != joining.seat}
    return msgspec.structs.replace(state, seats={**state.seats, joining.seat: seat}, approvals=left)


def _approved_add(state: RoomState, at: At, joining: Joining) -> tuple[Act, tuple[str, ...]]:
    """The act that admits a seat, and who approved it.

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
