"""`backchannel members`: who is in a room."""

from __future__ import annotations

import click

from backchannel import Room, text
from backchannel.cli.base import Command, options, run
from backchannel.cli.opening import in_room, room_option
from backchannel.cli.output import Record, table
from backchannel.cli.words import listed, moment, party_name, seat_name
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.keys import fingerprint
from backchannel_protocol.room.state import RoomState, Seat


@click.command(cls=Command)
@room_option
@click.option("--offline", is_flag=True, help="As this device last saw it, without asking the server.")
def members(wanted: str | None, *, offline: bool) -> None:
    """Who is in the room: role, party, since when, admitted by whom, and the fingerprint of the key.

    Everybody's device computes this list from signed admissions; the server cannot add to it. Compare
    fingerprints aloud where you want to be sure who is behind a name.
    """
    run(lambda: _members(wanted, offline=offline))


async def _members(wanted: str | None, *, offline: bool) -> None:
    async with in_room(wanted, online=not offline) as room:
        out = options().output
        if options().as_json:
            for id_, seat in room.members().items():
                out.result(record_of(room, id_, seat))
        else:
            for line in roster(room):
                out.result({}, line)


def record_of(room: Room, id_: str, seat: Seat) -> Record:
    """A member, for programs."""
    state = room.state
    return {
        "seat": id_,
        "name": seat.name,
        "role": seat.role.value,
        "party": seat.party,
        "party_name": next((one.name for one in state.parties if one.id == seat.party), None),
        "you": id_ == room.seat,
        "since": since(room, seat),
        "admitted_by": [_plain_name(state, by) for by in seat.by if by != id_],
        "accepted_rules": seat.accepted >= state.rules.version,
        "fingerprint": print_of(seat),
    }


def _plain_name(state: RoomState, seat: str) -> str:
    found = state.seats.get(seat)
    return next((one.name for one in state.past if one.seat == seat), seat) if found is None else found.name


def since(room: Room, seat: Seat) -> int | None:
    """When a seat came in; None where that was before this device was there."""
    return next((fact.time for fact in room.history() if fact.seq == seat.since), None)


def print_of(seat: Seat) -> str:
    """The fingerprint of the governance key, in groups that can be read aloud."""
    digits = fingerprint(parse_b64u(seat.keys.governance)).hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def roster(room: Room) -> list[str]:
    """The members, for people."""
    state = room.state
    rows = [("name", "role", "party", "here since", "admitted by", "fingerprint")]
    for id_, seat in state.seats.items():
        you = " (you)" if id_ == room.seat else ""
        when = since(room, seat)
        by = [seat_name(state, one) for one in seat.by if one != id_]
        waiting = "" if seat.accepted >= state.rules.version else " (has not accepted the rules)"
        rows.append(
            (
                text.name(seat.name) + you,
                seat.role.value + waiting,
                party_name(state, seat.party) or "–",
                "before you" if when is None else moment(when),
                listed(by) or "made the room",
                print_of(seat),
            )
        )
    return table(rows)
