"""Commits and operations: the members' change, checked and entered, or taken back (sections 8 and 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backchannel.room.checks import check_authenticated_data, stop
from backchannel.room.facts import AnyFact, CommitVoided, SeatJoined, SeatLeft, VoidAsked
from backchannel.room.leaves import leaf_fits, operation_entry
from backchannel.room.membership import POLICY, change_of
from backchannel.room.unfit import operation_unfit
from backchannel.room.view import KEPT_EPOCHS, EndedEpoch, Presence, RoomView
from backchannel_mls import EpochTransition, GroupState, StagedCommit, merge_commit, receive
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import LogEvent
from backchannel_protocol.ids import EventId, b64u
from backchannel_protocol.operations import VoidCommit, parse_operation
from backchannel_protocol.record.entry import Entry
from backchannel_protocol.room.clear import Clear, Followed, Told, forgotten
from backchannel_protocol.room.commit import CommitChange, decide_commit
from backchannel_protocol.room.operations import decide_operation, with_bits
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import RoomState
from backchannel_protocol.room.void import Opening, Verdict

Entered = tuple[RoomView, tuple[AnyFact, ...]]


def told_of(view: RoomView, event: LogEvent, before: Clear) -> list[Told]:
    """What the server was told directly before a commit. Raises FoldRefusal (`record-unfit`).

    Nothing of it may be missing in the record, and a commit has no entry of its own.
    """
    told = before.told_before(event.seq, event.seat)
    fits = all(
        leaf_fits(operation_entry(view.mls, view.room, one.event, one.operation), one.leaf) for one in told
    )
    if not fits or event.leaf is not None:
        raise FoldRefusal(FoldCode.RECORD_UNFIT)
    return [one.operation for one in told]


def enter(view: RoomView, event: LogEvent, at: At, told: Sequence[Told]) -> Entered:
    """The view after somebody else's commit. Raises MlsError and FoldRefusal: then it is skipped."""
    state = _state(view)
    received = receive(view.mls, event.body or b"", policy=POLICY, now_s=event.time)
    if not isinstance(received, StagedCommit):
        raise FoldRefusal(FoldCode.COMMIT_UNEXPECTED)
    effect = received.effect
    change = change_of(view.mls.suite.id, effect)
    committer = None if effect.sender.index is None else _seat_at(state, effect.sender.index)
    if committer != at.sender or not check_authenticated_data(view, event, effect.authenticated_data):
        raise FoldRefusal(FoldCode.COMMIT_UNEXPECTED)
    decided = decide_commit(state, at, change, told)
    return _entered(view, event, at, decided, merge_commit(received, view.mls), change)


def enter_own(
    view: RoomView,
    event: LogEvent,
    at: At,
    told: Sequence[Told],
    transition: EpochTransition,
    change: CommitChange,
) -> Entered:
    """The view after a commit of this client's, which was kept until its fate was known."""
    decided = decide_commit(_state(view), at, change, told)
    return _entered(view, event, at, decided, merge_commit(transition, view.mls), change)


def entry_of(view: RoomView, event: LogEvent, before: Clear) -> Entry | None:
    """The record's entry of an operation in clear, where it must have one and this client can tell."""
    try:
        operation = parse_operation(event.body or b"")
    except RemoteProtocolError:
        return None
    follows = before.opening == view.opening
    if not follows and not isinstance(operation, VoidCommit):
        return None
    return operation_entry(view.mls, view.room, event.id, operation)


def operate(
    view: RoomView, event: LogEvent, at: At, before: Clear, entry: Entry | None, body: bytes
) -> Entered:
    """The view after an operation in clear. Raises FoldRefusal; `before`: the clear log before it."""
    obeyed = event.epoch == before.epoch and event.seat in before.with_bit()
    state, unfit = decide_operation(_state(view), at, body, obeyed=obeyed)
    operated = view if state is view.state else replace(view, state=state)
    if before.opening == view.opening and not leaf_fits(entry, event.leaf):
        unfit = FoldCode.RECORD_UNFIT
    return operated, () if unfit is None else (operation_unfit(operated.state, event, unfit),)


def void(view: RoomView, event: LogEvent, followed: Followed, entry: Entry | None) -> Entered:
    """The view after a VoidCommit, which the clear log has judged. Raises FoldRefusal, Stopped.

    It does what it does whatever its leaf: the server cannot wait for what members say of that.
    """
    unfit = (
        () if leaf_fits(entry, event.leaf) else (operation_unfit(view.state, event, FoldCode.RECORD_UNFIT),)
    )
    where = {"seq": event.seq, "time": event.time}
    opening = followed.voided
    if opening is None:
        if followed.verdict is not Verdict.ASKED:
            raise FoldRefusal(FoldCode.COMMIT_NOT_ALLOWED)
        asked = VoidAsked(**where, seat=b64u(event.seat), commit=b64u(view.clear.opening))
        return view, (asked, *unfit)
    fact = CommitVoided(**where, seat=b64u(event.seat), commit=b64u(opening.commit))
    return _taken_back(view, opening), (fact, *unfit)


def _taken_back(view: RoomView, opening: Opening) -> RoomView:
    """Without a commit. Where this client took it, with the state that it kept; bits stay as told."""
    if opening.commit != view.opening:
        return view
    if view.seat in opening.added:
        return replace(view, presence=Presence.REMOVED)
    if not view.previous or view.previous[-1].commit != opening.commit:
        stop("void-late")
    ended = view.previous[-1]
    bits = {b64u(seat): bit for seat, bit in view.clear.bits.items()}
    return replace(
        view,
        mls=ended.mls,
        state=with_bits(ended.state, bits),
        opening=ended.opening,
        previous=view.previous[:-1],
        presence=Presence.PRESENT,
    )


def _entered(
    view: RoomView, event: LogEvent, at: At, state: RoomState, mls: GroupState, change: CommitChange
) -> Entered:
    presence = view.presence
    gone = {past.seat: past for past in state.past if past.seq == event.seq}
    if view.own in gone:
        presence = Presence.LEFT if gone[view.own].how == "left" else Presence.REMOVED
    ended = EndedEpoch(view.mls, _state(view), view.opening, EventId(event.id))
    kept = (*view.previous, ended)[-KEPT_EPOCHS:]
    entered = replace(
        view,
        mls=mls,
        state=state,
        opening=EventId(event.id),
        presence=presence,
        previous=kept if presence is Presence.PRESENT else (),
        clear=forgotten(view.clear),
    )
    where = {"seq": event.seq, "time": event.time}
    left = [
        SeatLeft(**where, seat=at.sender, left=past.seat, name=past.name, how=past.how)
        for past in gone.values()
    ]
    joined = [
        SeatJoined(
            **where,
            seat=at.sender,
            joined=one.seat,
            name=state.seats[one.seat].name,
            role=state.seats[one.seat].role.value,
            party=state.seats[one.seat].party,
            by=state.seats[one.seat].by,
        )
        for one in change.joining
    ]
    return entered, (*left, *joined)


def _state(view: RoomView) -> RoomState:
    if view.state is None:
        raise FoldRefusal(FoldCode.NO_GENESIS)
    return view.state


def _seat_at(state: RoomState, leaf: int) -> str | None:
    return next((id_ for id_, seat in state.seats.items() if seat.leaf == leaf), None)
