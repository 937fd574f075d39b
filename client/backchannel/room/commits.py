"""Commits and operations: the members' change, checked and entered, or taken back (sections 8 and 11)."""

from __future__ import annotations

from dataclasses import replace

from backchannel.room.checks import check_authenticated_data
from backchannel.room.facts import AnyFact, CommitVoided, SeatJoined, SeatLeft
from backchannel.room.membership import POLICY, change_of
from backchannel.room.view import EndedEpoch, Presence, RoomView
from backchannel_mls import EpochTransition, GroupState, StagedCommit, merge_commit, receive
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import LogEvent
from backchannel_protocol.ids import EventId, b64u
from backchannel_protocol.operations import VoidCommit, parse_operation
from backchannel_protocol.room.commit import CommitChange, decide_commit, decide_operation
from backchannel_protocol.room.decide import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import RoomState

Entered = tuple[RoomView, tuple[AnyFact, ...]]


def enter(view: RoomView, event: LogEvent, at: At) -> Entered:
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
    decided = decide_commit(state, at, change)
    return _entered(view, event, at, decided, merge_commit(received, view.mls), change)


def enter_own(
    view: RoomView, event: LogEvent, at: At, transition: EpochTransition, change: CommitChange
) -> Entered:
    """The view after a commit of this client's, which was kept until its fate was known."""
    decided = decide_commit(_state(view), at, change)
    return _entered(view, event, at, decided, merge_commit(transition, view.mls), change)


def operate(view: RoomView, event: LogEvent, at: At, body: bytes) -> Entered:
    """The view after an operation in clear. Raises FoldRefusal."""
    try:
        operation = parse_operation(body)
    except RemoteProtocolError:
        raise FoldRefusal(FoldCode.BODY_MALFORMED) from None
    if isinstance(operation, VoidCommit):
        return _void(view, event, at, EventId(operation.commit))
    return replace(view, state=decide_operation(_state(view), at, body)), ()


def _void(view: RoomView, event: LogEvent, at: At, commit: EventId) -> Entered:
    """Takes back a skipped commit, or one whose epoch nobody but its author has used (section 8)."""
    fact = CommitVoided(seq=event.seq, time=event.time, seat=at.sender, commit=b64u(commit))
    if view.skipped and view.skipped[-1].commit == commit:
        _may_void(_state(view), at.sender, view.skipped[-1].author)
        return replace(view, skipped=view.skipped[:-1]), (fact,)
    previous = view.previous
    if view.skipped or previous is None or previous.commit != commit or at.sender in previous.removed:
        raise FoldRefusal(FoldCode.COMMIT_NOT_ALLOWED)
    _may_void(previous.state, at.sender, previous.author)
    restored = replace(view, mls=previous.mls, state=previous.state, opening=previous.opening, previous=None)
    return restored, (fact,)


def _may_void(state: RoomState, sender: str, author: str) -> None:
    facilitators = set(state.facilitators())
    if sender not in facilitators or (sender == author and facilitators != {sender}):
        raise FoldRefusal(FoldCode.COMMIT_NOT_ALLOWED)


def _entered(
    view: RoomView, event: LogEvent, at: At, state: RoomState, mls: GroupState, change: CommitChange
) -> Entered:
    presence = view.presence
    gone = {past.seat: past for past in state.past if past.seq == event.seq}
    if view.own in gone:
        presence = Presence.LEFT if gone[view.own].how == "left" else Presence.REMOVED
    ended = EndedEpoch(view.mls, _state(view), view.opening, EventId(event.id), at.sender, change.leaving)
    entered = replace(
        view,
        mls=mls,
        state=state,
        opening=EventId(event.id),
        presence=presence,
        previous=ended if presence is Presence.PRESENT else None,
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
