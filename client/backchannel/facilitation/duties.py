"""What the room's state asks of this seat's client now: commits, voiding. Pure.

Duties follow from the log, so they survive crashes without being written down, and whoever does
one first spares the others: their commit gets `stale-epoch` and has no purpose any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from backchannel.outbox import Item, Plan
from backchannel.room.view import RoomView
from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import VoidCommit, encode_operation
from backchannel_protocol.room.admission import approvals_of, awaited, is_lone
from backchannel_protocol.room.approvals import has_each_party_its_facilitator
from backchannel_protocol.room.invitations import check_add, require_name
from backchannel_protocol.room.refusals import FoldRefusal
from backchannel_protocol.room.state import Act, RoomState

PATH_MESSAGES: Final = 999
"""After how many messages of one epoch a seat renews its keys: before its 1,000th."""

STAND_IN_S: Final = 60
"""After how long the next facilitator's client does what another's should have done."""

CONFIRM_S: Final = 2.0
"""How long the second and third seat leave it to the first to confirm, and so on, by powers of two."""

PATH_S: Final = 7 * 24 * 3600
"""How often it does so while it writes."""


def plans_due(view: RoomView, packages: Mapping[str, Plan], now_s: int) -> list[Plan]:
    """The commits that this seat can and should make; `packages` are the knocks it holds, by seat."""
    state, time = _governable(view), max(view.time, now_s)
    if state is None:
        return []
    plans = [Plan(seat) for seat in state.leaving if seat != view.own]
    done = {plan.seat for plan in plans}
    for act in acts_of(state):
        if act.seat is None or act.seat in done or act.seat == view.own:
            continue
        if awaited(state, act, time):
            continue
        if act.act == "remove" and act.seat in state.seats:
            plans.append(Plan(act.seat))
        if act.act == "add" and act.seat in packages and _may_come_in(state, act, time):
            plans.append(packages[act.seat])
    return plans


def acts_of(state: RoomState) -> list[Act]:
    """What is approved by somebody, each once, the oldest first; expiries are left out."""
    given = sorted(state.approvals.values(), key=lambda one: (one.since, one.by))
    return list(dict.fromkeys(replace(one.act, expires=0) for one in given))


def acts_due(view: RoomView, now_s: int) -> list[Act]:
    """The changes of roles and of the admission rule that have their approvals, and are this seat's to do.

    One client does it: of the facilitators whom it is not about, the one who approved last. Each of
    the others waits a little longer, for that one may be away.
    """
    state, time = _governable(view), max(view.time, now_s)
    if state is None:
        return []
    due = []
    for act in acts_of(state):
        if act.act not in ("role", "rule") or awaited(state, act, time) or not _is_change(state, act):
            continue
        since = {one.by: one.since for one in approvals_of(state, act, time).values()}
        doers = [id_ for id_ in state.facilitators() if id_ != act.seat]
        doers.sort(key=lambda id_: (-since.get(id_, 0), id_))
        if view.own in doers and time >= max(since.values()) + doers.index(view.own) * STAND_IN_S:
            due.append(act)
    return due


def party_rule_due(view: RoomView) -> bool:
    """Whether the admission rule `party` can be set, and by this seat."""
    state = _governable(view)
    return state is not None and has_each_party_its_facilitator(state)


def _governable(view: RoomView) -> RoomState | None:
    """The state of a room in which this seat may act as a facilitator now."""
    state = view.state
    if state is None or view.skipped or not view.facilitates or state.closed is not None:
        return None
    return None if state.seats[view.own].accepted < state.rules.version else state


def _is_change(state: RoomState, act: Act) -> bool:
    """Whether the act is still one that the room would take."""
    if act.act == "rule":
        return act.admission != state.admission.rule
    return act.seat in state.seats


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


def confirmation_pause_s(view: RoomView) -> float | None:
    """After how long this seat is to tell who came in last what it has of the state; None: not at all.

    One word of one other member is enough (PROTOCOL.md, section 9): if all said it at once, a hundred
    people who come in would cost thousands of events. So the seat with the lowest leaf says it at once, and
    the others only while nobody has written in the epoch, ever more of them together.
    """
    top, state = view.clear.top(), view.state
    if top is None or state is None or top.used or not top.added:
        return None
    silent = {b64u(seat) for seat in (top.author, *top.added)}
    if view.own in silent or view.own not in state.seats:
        return None
    before = sum(
        seat.leaf < state.seats[view.own].leaf for id_, seat in state.seats.items() if id_ not in silent
    )
    return CONFIRM_S * ((before + 1).bit_length() - 1)


def disclosure_due(view: RoomView) -> bool:
    """Whether this seat is to make its leaf key known: the room is closed (section 9)."""
    state = view.state
    if state is None or state.closed is None or view.own not in state.seats or view.skipped:
        return False
    return view.own not in state.disclosed


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
