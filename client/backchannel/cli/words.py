"""Roles, times and lengths of time, as people say them and as they type them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import click

from backchannel import text
from backchannel_protocol.room.state import Role, RoomState, Seat

ROLES: Final = tuple(role.value for role in Role)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_NAMES: Final = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_DURATION: Final = re.compile(r"(\d{1,7})([smhdw])")
_LONGEST_S: Final = 10 * 366 * 24 * 3600


class Duration(click.ParamType[int]):
    """A length of time as it is typed: 30m, 12h, 7d, 2w. In seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises UsageError."""
        if isinstance(value, int):
            return value
        seconds = parse_duration(str(value))
        if seconds is None:
            self.fail("a length of time is a number and s, m, h, d or w: 30m, 12h, 7d.", param, ctx)
        return seconds


def parse_duration(typed: str) -> int | None:
    """Seconds; None for what is not a length of time up to ten years."""
    found = _DURATION.fullmatch(typed.strip())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    return seconds if 0 < seconds <= _LONGEST_S else None


def duration(seconds: int) -> str:
    """In the two largest units that say something: "7 days", "1 hour 30 minutes"."""
    said: list[str] = []
    for unit, called in _NAMES.items():
        count, seconds = divmod(seconds, _UNITS[unit])
        if count and len(said) < 2:
            said.append(f"{count} {called}{'' if count == 1 else 's'}")
    return " ".join(said) or "no time"


def moment(time_s: int) -> str:
    """Date and time, in this machine's zone."""
    return datetime.fromtimestamp(time_s).astimezone().strftime("%Y-%m-%d %H:%M")


def party_name(state: RoomState, party: str | None) -> str | None:
    """The name of a party, clean; None for none."""
    return next((text.name(one.name) for one in state.parties if one.id == party), None)


def described(state: RoomState, role: str, party: str | None) -> str:
    """ "participant, Beta"."""
    name = party_name(state, party)
    return role if name is None else f"{role}, {name}"


def seat_name(state: RoomState, seat: str) -> str:
    """The name of a seat that is or was in the room."""
    found = state.seats.get(seat)
    if found is not None:
        return text.name(found.name)
    past = next((one.name for one in reversed(state.past) if one.seat == seat), None)
    return "somebody who left" if past is None else text.name(past)


def described_seat(state: RoomState, seat: Seat) -> str:
    """ "Ann (facilitator, Alpha)"."""
    return f"{text.name(seat.name)} ({described(state, seat.role.value, seat.party)})"


def listed(names: list[str]) -> str:
    """ "Ann, Bo and Cy"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
