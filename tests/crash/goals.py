"""What a person in a storm wants, and what it does next: decided from the room as it is, each time anew.

So a person that dies and comes back goes on where the room is, as people do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import msgspec

from backchannel import KnockArrived, Role, Room
from backchannel_protocol.room.state import Act


class Guest(msgspec.Struct, frozen=True):
    """Whom to invite, when the room has that many messages."""

    name: str
    party: str
    role: Role = Role.PARTICIPANT
    after: int = 0


class Goals(msgspec.Struct, frozen=True):
    """What a person wants.

    guests      whom it invites and lets in
    removals    whom it removes, by name, after how many of the removed one's messages
    party_rule  that each party approves, as soon as each has a facilitator
    consents    approves what other facilitators propose
    leaves_at   after how many messages of its own it leaves; 0: never
    """

    guests: tuple[Guest, ...] = ()
    removals: dict[str, int] = {}
    party_rule: bool = False
    consents: bool = False
    leaves_at: int = 0


@dataclass(frozen=True, slots=True)
class Accept:
    """Accepts the rules."""


@dataclass(frozen=True, slots=True)
class Invite:
    """Makes a link for somebody."""

    guest: Guest


@dataclass(frozen=True, slots=True)
class Approve:
    """Approves a knock of a guest of one's own, or what another facilitator proposed."""

    wanted: KnockArrived | Act


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes a seat."""

    seat: str


@dataclass(frozen=True, slots=True)
class RequireParty:
    """Sets the rule `party`."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Leaves."""


Deed = Accept | Invite | Approve | Remove | RequireParty | Leave


def next_deed(room: Room, goals: Goals, links: set[str]) -> Deed | None:
    """What is to be done now; `links`: for whom a link was handed over."""
    state = room.state
    own = state.seats.get(room.seat)
    if own is None or room.seat in state.leaving:
        return None
    if own.accepted < state.rules.version:
        return Accept()
    if own.role is Role.FACILITATOR:
        return _facilitate(room, goals, links)
    return Leave() if leaves(room, goals) else None


def _facilitate(room: Room, goals: Goals, links: set[str]) -> Deed | None:
    state = room.state
    sides = {seat.party for seat in state.facilitators().values()}
    if goals.party_rule and state.admission.rule == "any" and len(sides) == len(state.parties):
        return RequireParty()
    mine = {(one.act.act, one.act.seat) for one in state.approvals.values() if one.by == room.seat}
    guests = {guest.name for guest in goals.guests}
    for knock in room.knocks():
        if knock.name in guests and ("add", knock.joining) not in mine:
            return Approve(knock)
    for act in room.proposals() if goals.consents else []:
        if (act.act, act.seat) not in mine:
            return Approve(act)
    said = Counter(message.seat for message in room.messages())
    for seat, one in state.seats.items():
        due = one.name in goals.removals and said[seat] >= goals.removals[one.name]
        if due and ("remove", seat) not in mine:
            return Remove(seat)
    for guest in goals.guests:
        if guest.name not in links and said.total() >= guest.after:
            return Invite(guest)
    return None


def is_done(room: Room, goals: Goals) -> bool:
    """Whether all that a person wanted is so."""
    state = room.state
    past = {one.name for one in state.past}
    present = {one.name for one in state.seats.values() if one.accepted == state.rules.version}
    return (
        all(guest.name in past | present for guest in goals.guests)
        and all(name in past for name in goals.removals)
        and (not goals.party_rule or state.admission.rule == "party")
        and not leaves(room, goals)
    )


def leaves(room: Room, goals: Goals) -> bool:
    """Whether somebody has said what it came to say."""
    if not goals.leaves_at:
        return False
    return sum(message.seat == room.seat for message in room.messages()) >= goals.leaves_at
