"""Who must approve what: the admission rule (PROTOCOL.md, section 11)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from backchannel_mls.codec import vector
from backchannel_protocol.canonical import jcs
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.keys import sign, verify
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Act, Approval, Role, RoomState, Seat, json_of

MAX_APPROVAL_S: Final = 14 * 24 * 3600
"""How long an approval may live."""

LONE_WAIT_S: Final = 3 * 24 * 3600
"""How old approvals must be where nobody of the party can speak for it."""

_SIDES: Final = (Role.FACILITATOR, Role.PARTICIPANT, Role.INTERPRETER)
"""The roles in which a seat makes its party one that is asked."""

_VOTERS: Final = (Role.PARTICIPANT, Role.INTERPRETER)
"""The roles of a party's members that speak where its facilitator cannot."""


# ---- signatures
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


# ---- what is awaited
@dataclass(frozen=True, slots=True)
class Awaited:
    """Which approvals an act still lacks; all empty where it may be done.

    anybody       any one facilitator's
    parties       those of one facilitator of each of these parties
    facilitators  those of these seats
    party         those of `members` more of this party's members
    until         nothing but time: the approvals count from then on (0: now)
    """

    anybody: bool = False
    parties: tuple[str, ...] = ()
    facilitators: tuple[str, ...] = ()
    party: str | None = None
    members: int = 0
    until: int = 0

    def __bool__(self) -> bool:
        return bool(self.anybody or self.parties or self.facilitators or self.members or self.until)

    def all_parties(self, state: RoomState) -> list[str]:
        """The parties that somebody has to approve for, in the room's order."""
        wanted = {*self.parties, *(state.seats[seat].party for seat in self.facilitators)}
        if self.members:
            wanted.add(self.party)
        return [party.id for party in state.parties if party.id in wanted]


def awaited(state: RoomState, act: Act, time: int) -> Awaited:
    """Which approvals an act still lacks. `act` is compared without its expiry."""
    by = approvals_of(state, act, time)
    facilitators = state.facilitators()
    approving = {seat.party for id_, seat in facilitators.items() if id_ in by}
    if state.admission.rule == "any":
        return Awaited(anybody=not approving)
    lost = party_at_stake(state, act)
    if lost is not None:
        return _awaited_for(state, act, lost, by, time)
    missing = [party.id for party in state.parties if party.id in parties_asked(state) - approving]
    return Awaited(anybody=not approving and not missing, parties=tuple(missing))


def approvals_of(state: RoomState, act: Act, time: int) -> dict[str, Approval]:
    """The approvals of an act that count now, by the seat that gave them."""
    return {one.by: one for _, one in _fitting(state, act, time)}


def use_approvals(state: RoomState, act: Act, time: int) -> tuple[RoomState, tuple[str, ...]]:
    """The state without the approvals of an act, and by whom they were.

    Raises FoldRefusal (`approvals-missing`) unless the rule is satisfied by approvals that have not
    expired, of this version of the rule, by seats that may.
    """
    if awaited(state, act, time):
        raise FoldRefusal(FoldCode.APPROVALS_MISSING)
    used = dict(_fitting(state, act, time))
    left = {id_: one for id_, one in state.approvals.items() if id_ not in used}
    by = tuple(sorted({one.by for one in used.values()}))
    return msgspec.structs.replace(state, approvals=left), by


def may_approve(state: RoomState, sender: str, act: Act) -> bool:
    """Facilitators; and members of a party that cannot speak through a facilitator of its own."""
    seat = state.seats[sender]
    if seat.role is Role.FACILITATOR:
        return True
    return seat.role in _VOTERS and seat.party is not None and seat.party == party_at_stake(state, act)


def parties_asked(state: RoomState) -> set[str]:
    """The parties that have a seat which speaks for a side."""
    return {seat.party for seat in state.seats.values() if seat.role in _SIDES and seat.party is not None}


def party_at_stake(state: RoomState, act: Act) -> str | None:
    """The party that an act would give a facilitator, or whose only one it would remove.

    Under the rule `party` it could otherwise never be done: the party has nobody to approve it, or
    only the one whom it is about.
    """
    if state.admission.rule == "any":
        return None
    alone = _party_held_alone(state, act.seat)
    if act.act == "remove":
        return alone
    held = {seat.party for seat in state.facilitators().values()}
    names = act.act in ("add", "role") and act.role is Role.FACILITATOR and act.party not in held
    # a party does not get its facilitator by taking away another party's
    return act.party if names and alone is None else None


def is_lone(state: RoomState, act: Act) -> bool:
    """Whether an act removes the only facilitator of a party in whose name nobody else can speak."""
    party = party_at_stake(state, act)
    return act.act == "remove" and party is not None and not _voters(state, party)


def alive(approvals: Mapping[str, Approval], time: int) -> dict[str, Approval]:
    """Those that have not expired."""
    return {id_: one for id_, one in approvals.items() if time < one.act.expires}


def seen_alive(state: RoomState, seat: str, time: int) -> RoomState:
    """After a seat governed: nobody removes it for being lost.

    Approvals of its removal are dropped where nobody else can speak for its party. Elsewhere a
    majority may want it gone all the same; there only their age begins anew, for when it becomes so.
    """
    if all((one.act.act, one.act.seat) != ("remove", seat) for one in state.approvals.values()):
        return state
    left = {}
    for id_, one in state.approvals.items():
        if (one.act.act, one.act.seat) != ("remove", seat):
            left[id_] = one
        elif not is_lone(state, one.act):
            left[id_] = msgspec.structs.replace(one, since=max(one.since, time))
    return msgspec.structs.replace(state, approvals=left)


# ---- within
def _fitting(state: RoomState, act: Act, time: int) -> list[tuple[str, Approval]]:
    wanted = msgspec.structs.replace(act, expires=0)
    return [
        (id_, one)
        for id_, one in sorted(alive(state.approvals, time).items())
        if msgspec.structs.replace(one.act, expires=0) == wanted
        and one.by in state.seats
        and may_approve(state, one.by, act)
    ]


def _party_held_alone(state: RoomState, id_: str | None) -> str | None:
    """The party whose only facilitator a seat is."""
    facilitators = state.facilitators()
    if id_ not in facilitators:
        return None
    party = facilitators[id_].party
    others = (seat.party for other, seat in facilitators.items() if other != id_)
    return None if party in others else party


def _awaited_for(state: RoomState, act: Act, party: str, by: Mapping[str, Approval], time: int) -> Awaited:
    """All other facilitators, and more than half of the party's other members; without any, time."""
    others = [id_ for id_ in sorted(state.facilitators()) if id_ != act.seat]
    missing = tuple(id_ for id_ in others if id_ not in by)
    if not others:
        return Awaited(anybody=True)
    voters = _voters(state, party)
    if voters:
        needed = len(voters) // 2 + 1
        return Awaited(
            facilitators=missing,
            party=party,
            members=max(0, needed - _count(voters, by)),
        )
    if missing:
        return Awaited(facilitators=missing, party=party)
    counts_from = max(by[id_].since for id_ in others) + LONE_WAIT_S
    return Awaited(party=party, until=counts_from if time < counts_from else 0)


def _voters(state: RoomState, party: str) -> list[str]:
    return [id_ for id_, seat in state.seats.items() if seat.party == party and seat.role in _VOTERS]


def _count(seats: Collection[str], by: Mapping[str, Approval]) -> int:
    return sum(id_ in by for id_ in seats)
