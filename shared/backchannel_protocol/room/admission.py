"""Who must approve what: the admission rule (PROTOCOL.md, section 11)."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from backchannel_mls.codec import vector
from backchannel_protocol.canonical import jcs
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.keys import sign, verify
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Act, Role, RoomState, Seat, json_of


def approval_content(room: str, act: Act) -> bytes:
    """What an approval signs, under the label `approval`."""
    return parse_b64u(room) + vector(jcs(json_of(act)))


def sign_approval(governance_private: bytes, room: str, act: Act) -> bytes:
    """A facilitator's signature on an act, 64 bytes."""
    return sign(governance_private, "approval", approval_content(room, act))


def verify_approval(state: RoomState, by: Seat, act: Act, signature: str) -> None:
    """Raises FoldRefusal (`approval-signature`)."""
    try:
        verify(
            parse_b64u(by.keys.governance),
            "approval",
            approval_content(state.room, act),
            parse_b64u(signature),
        )
    except RemoteProtocolError:
        raise FoldRefusal(FoldCode.APPROVAL_SIGNATURE) from None


def may_approve(state: RoomState, sender: str, act: Act) -> bool:
    """Facilitators; and members of a party where its only facilitator is to be replaced or removed."""
    seat = state.seats[sender]
    if seat.role is Role.FACILITATOR:
        return True
    return seat.party is not None and seat.party == _party_at_stake(state, act)


def use_approvals(state: RoomState, act: Act, time: int) -> tuple[RoomState, tuple[str, ...]]:
    """The state without the approvals of an act, and by whom they were.

    `act` is compared without its expiry. Raises FoldRefusal (`approvals-missing`) unless the rule
    is satisfied by approvals that have not expired, of this version of the rule, by seats that may.
    """
    fitting = {
        id_: one.by
        for id_, one in state.approvals.items()
        if msgspec.structs.replace(one.act, expires=0) == msgspec.structs.replace(act, expires=0)
        and time < one.act.expires
        and one.by in state.seats
        and may_approve(state, one.by, act)
    }
    by = set(fitting.values())
    if not is_satisfied(state, act, by):
        raise FoldRefusal(FoldCode.APPROVALS_MISSING)
    left = {id_: one for id_, one in state.approvals.items() if id_ not in fitting}
    return msgspec.structs.replace(state, approvals=left), tuple(sorted(by))


def is_satisfied(state: RoomState, act: Act, by: Collection[str]) -> bool:
    """Whether approvals by these seats are what the room's rule asks for."""
    facilitators = state.facilitators()
    approving = [seat for id_, seat in facilitators.items() if id_ in by]
    if state.admission.rule == "any":
        return bool(approving)
    lost = _party_at_stake(state, act)
    if lost is not None:
        return _replacement_is_agreed(state, act, lost, by)
    return {party.id for party in state.parties} <= {seat.party for seat in approving}


def missing_parties(state: RoomState, act: Act, by: Collection[str]) -> list[str]:
    """The parties whose facilitator's approval is still awaited; empty where the rule is `any`."""
    if state.admission.rule == "any":
        return []
    there = {seat.party for id_, seat in state.facilitators().items() if id_ in by}
    return [party.id for party in state.parties if party.id not in there and act.act]


def _party_at_stake(state: RoomState, act: Act) -> str | None:
    """The party that an act would give its facilitator back, or whose only one it would remove.

    Under the rule `party` it could otherwise never be done: the party has nobody to approve it, or
    only the one whom it is about.
    """
    if state.admission.rule == "any":
        return None
    held = {seat.party for seat in state.facilitators().values()}
    alone = _party_held_alone(state, act.seat)
    if act.act == "role" and act.role is Role.FACILITATOR and act.party not in held:
        # a party does not get its facilitator by taking away another party's
        return act.party if alone is None else None
    return alone if act.act == "remove" else None


def _party_held_alone(state: RoomState, id_: str | None) -> str | None:
    """The party whose only facilitator a seat is."""
    facilitators = state.facilitators()
    if id_ not in facilitators:
        return None
    party = facilitators[id_].party
    others = (seat.party for other, seat in facilitators.items() if other != id_)
    return None if party in others else party


def _replacement_is_agreed(state: RoomState, act: Act, party: str, by: Collection[str]) -> bool:
    """All other facilitators, and more than half of the party's other members."""
    others = [id_ for id_ in state.facilitators() if id_ != act.seat]
    members = [
        id_
        for id_, seat in state.seats.items()
        if seat.party == party and seat.role is not Role.FACILITATOR and seat.role is not Role.BOT
    ]
    agreeing = sum(id_ in by for id_ in members)
    return bool(others) and all(id_ in by for id_ in others) and agreeing * 2 > len(members)
