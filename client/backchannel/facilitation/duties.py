"""What the room's state asks of this seat's client now: commits, voiding. Pure.

Duties follow from the log, so they survive crashes without being written down, and whoever does
one first spares the others: their commit gets `stale-epoch` and has no purpose any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backchannel.outbox import Item, Plan
from backchannel.room.view import RoomView
from backchannel_protocol.operations import VoidCommit, encode_operation
from backchannel_protocol.room.admission import awaited, is_lone
from backchannel_protocol.room.invitations import check_add, require_name
from backchannel_protocol.room.refusals import FoldRefusal
from backchannel_protocol.room.state import Act, RoomState

PATH_MESSAGES: Final = 999
"""After how many messages of one epoch a seat renews its keys: before its 1,000th."""

PATH_S: Final = 7 * 24 * 3600
"""How often it does so while it writes."""


def plans_due(view: RoomView, packages: Mapping[str, Plan], now_s: int) -> list[Plan]:
    """The commits that this seat can and should make; `packages` are the knocks it holds, by seat."""
    time = max(view.time, now_s)
    state = view.state
    if state is None or view.skipped or not view.facilitates or state.closed is not None:
        return []
    if state.seats[view.own].accepted < state.rules.version:
        return []
    plans = [Plan(seat) for seat in state.leaving if seat != view.own]
    done = {plan.seat for plan in plans}
    for act in {approval.act.seat: approval.act for approval in state.approvals.values()}.values():
        if act.seat is None or act.seat in done or act.seat == view.own:
            continue
        if awaited(state, act, time):
            continue
        if act.act == "remove" and act.seat in state.seats:
            plans.append(Plan(act.seat))
        if act.act == "add" and act.seat in packages and _may_come_in(state, act, time):
            plans.append(packages[act.seat])
    return plans


def _may_come_in(state: RoomState, act: Act, time: int) -> bool:
    """Whether the invitation is still open, and the name still free."""
    try:
        check_add(state, act, time)
        require_name(state, act.seat, act.name)
    except FoldRefusal:
        return False
    return True


def is_given_up(view: RoomView) -> bool:
    """Whether others approved that this seat goes because nobody hears of it: it says that it is there."""
    state = view.state
    if state is None or view.own not in state.seats:
        return False
    return any(one.act.seat == view.own and is_lone(state, one.act) for one in state.approvals.values())


def void_due(view: RoomView) -> Item | None:
    """The operation that takes a skipped commit back, where it is this seat's to send."""
    if not view.may_void():
        return None
    operation = encode_operation(VoidCommit(None, view.clear.opening))
    return Item(place=0, lane="governance", operations=(operation,))


def path_due(view: RoomView, since_s: int, *, writes: bool) -> bool:
    """Whether this seat is to renew its keys before it writes on (PROTOCOL.md, section 8).

    since_s  how long ago it did so last
    writes   whether a message is waiting to be sent
    """
    state = view.state
    if state is None or state.closed is not None or view.skipped or len(state.seats) == 1:
        return False
    return view.mls.sent_messages >= PATH_MESSAGES or (writes and since_s >= PATH_S)


def still_wanted(view: RoomView, plan: Plan) -> bool:
    """Whether a planned change of the roster has still something to do."""
    if view.state is None:
        return False
    present = plan.seat in view.state.seats
    return not present if plan.package else present
