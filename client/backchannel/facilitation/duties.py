"""What the room's state asks of this seat's client now: commits, voiding. Pure.

Duties follow from the log, so they survive crashes without being written down, and whoever does
one first spares the others: their commit gets `stale-epoch` and has no purpose any more.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from backchannel.outbox import Item, Plan
from backchannel.room.view import RoomView
from backchannel_protocol.operations import VoidCommit, encode_operation
from backchannel_protocol.room.admission import is_satisfied
from backchannel_protocol.room.state import Act, RoomState


def plans_due(view: RoomView, packages: Mapping[str, Plan]) -> list[Plan]:
    """The commits that this seat can and should make; `packages` are the knocks it holds, by seat."""
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
        if not is_satisfied(state, act, approvers(state, act, view.time)):
            continue
        if act.act == "remove" and act.seat in state.seats:
            plans.append(Plan(act.seat))
        if act.act == "add" and act.seat in packages:
            plans.append(packages[act.seat])
    return plans


def approvers(state: RoomState, act: Act, time: int) -> set[str]:
    """Who approved an act, in whatever words about its expiry, and may still be counted."""
    return {
        one.by
        for one in state.approvals.values()
        if _same(one.act, act) and time < one.act.expires and one.by in state.seats
    }


def _same(one: Act, other: Act) -> bool:
    return replace(one, expires=0) == replace(other, expires=0)


def void_due(view: RoomView) -> Item | None:
    """The operation that takes a skipped commit back, where it is this seat's to send."""
    if not view.may_void():
        return None
    operation = encode_operation(VoidCommit(None, view.skipped[-1].commit))
    return Item(place=0, lane="governance", operations=(operation,))


def still_wanted(view: RoomView, plan: Plan) -> bool:
    """Whether a planned commit has still something to do."""
    if view.state is None:
        return False
    present = plan.seat in view.state.seats
    return not present if plan.package else present
