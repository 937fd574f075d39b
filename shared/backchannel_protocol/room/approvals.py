"""Approvals given, taken back and used by an event (PROTOCOL.md, section 11)."""

from __future__ import annotations

import msgspec

from backchannel_protocol.room import bodies
from backchannel_protocol.room.admission import (
    MAX_APPROVAL_S,
    alive,
    may_approve,
    use_approvals,
    verify_approval,
)
from backchannel_protocol.room.invitations import check_add, require_name
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import (
    MAX_APPROVALS,
    Act,
    Admission,
    Approval,
    Role,
    RoomState,
)


def approve(state: RoomState, at: At, body: bodies.Approve) -> RoomState:
    """A seat has one opinion of an act on a seat: a newer approval takes the older one's place."""
    act = body.act
    if not may_approve(state, at.sender, act):
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
    verify_approval(state, state.seats[at.sender], act, body.signature)
    if act.rule_version != state.admission.version or act.expires > at.time + MAX_APPROVAL_S:
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)
    if act.expires <= at.time:
        raise FoldRefusal(FoldCode.EXPIRED)
    _check_act(state, act, at.time)
    others = {
        id_: one
        for id_, one in alive(state.approvals, at.time).items()
        if (one.act.act, one.act.seat, one.by) != (act.act, act.seat, at.sender)
    }
    if at.event in others:  # a client chose the id: nobody's approval may take the place of another's
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)
    if sum(one.by == at.sender for one in others.values()) >= MAX_APPROVALS:
        raise FoldRefusal(FoldCode.TOO_MANY)
    given = Approval(act, at.sender, at.time)
    return msgspec.structs.replace(state, approvals={**others, at.event: given})


def unapprove(state: RoomState, at: At, body: bodies.Unapprove) -> RoomState:
    """The sender takes an approval back."""
    approval = state.approvals.get(body.approval)
    if approval is None or approval.by != at.sender:
        raise FoldRefusal(FoldCode.APPROVAL_UNKNOWN)
    left = {id_: one for id_, one in state.approvals.items() if id_ != body.approval}
    return msgspec.structs.replace(state, approvals=left)


def set_role(state: RoomState, at: At, body: bodies.SetRole) -> RoomState:
    """A change of role that was approved. Nobody becomes a bot, which would have no scope."""
    act = Act("role", state.admission.version, 0, seat=body.seat, role=body.role, party=body.party)
    seat = state.seats.get(body.seat)
    if seat is None:
        raise FoldRefusal(FoldCode.SEAT_UNKNOWN)
    state.require_party(body.party)
    if body.role is Role.BOT:
        raise FoldRefusal(FoldCode.SCOPE_UNFIT)
    if body.role is not Role.FACILITATOR and is_last_facilitator(state, body.seat):
        raise FoldRefusal(FoldCode.LAST_FACILITATOR)
    approved, by = use_approvals(state, act, at.time)
    changed = msgspec.structs.replace(seat, role=body.role, party=body.party, scope=None, by=by)
    return msgspec.structs.replace(approved, seats={**approved.seats, body.seat: changed})


def set_admission(state: RoomState, at: At, body: bodies.SetAdmission) -> RoomState:
    """Tightening is any facilitator's to do; loosening needs what the strict rule needs."""
    version = state.admission.version
    if body.rule == state.admission.rule:  # it would only void the approvals that wait
        raise FoldRefusal(FoldCode.VERSION_STALE)
    if body.rule == "party":
        if not has_each_party_its_facilitator(state):
            raise FoldRefusal(FoldCode.PARTY_WITHOUT_FACILITATOR)
    else:
        state, _ = use_approvals(state, Act("rule", version, 0, admission="any"), at.time)
    return msgspec.structs.replace(state, admission=Admission(body.rule, version + 1), approvals={})


def has_each_party_its_facilitator(state: RoomState) -> bool:
    """Whether there are parties, and a facilitator of each: then the rule `party` may be set."""
    held = {seat.party for seat in state.facilitators().values()}
    return bool(state.parties) and {party.id for party in state.parties} <= held


def is_last_facilitator(state: RoomState, id_: str) -> bool:
    """Whether the seat facilitates, and no other that has not left does."""
    facilitators = set(state.facilitators())
    return id_ in facilitators and facilitators <= {id_, *state.leaving}


def _check_act(state: RoomState, act: Act, time: int) -> None:
    """Whether an act names what its kind needs, and nothing that is not in the room. Raises FoldRefusal."""
    if act.act == "add":
        check_add(state, act, time)
        require_name(state, act.seat, act.name)
        return
    in_room = act.seat is not None and act.seat in state.seats
    known_party = act.party is None or any(party.id == act.party for party in state.parties)
    fits = {
        "remove": in_room,
        "role": in_room and known_party and act.role not in (None, Role.BOT),
        "rule": act.admission is not None,
    }
    if not fits[act.act]:
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)
