"""What feeds read of the log, and of the mail, that any process may have written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Final

from backchannel_protocol.events import EventKind
from backchannel_protocol.frames import Checkpoint, encode_frame
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_server.fanout.feeds import Glance, Mailbag, Passage
from backchannel_server.storage.engine import Engines
from backchannel_server.storage.reads import (
    read_events,
    read_facilitators,
    read_letter_names,
    read_room,
    read_room_letters,
    read_rooms,
    read_seats,
)
from backchannel_server.storage.rows import Room

AT_ONCE: Final = 500
"""How many rooms are looked at in one query."""


class RoomLog:
    """See fanout.feeds.Log. `checkpoint` gives the signed note of a room's record."""

    def __init__(self, engines: Engines, clock: Callable[[], int], checkpoint: Callable[[Room], str]) -> None:
        self._reader = engines.reader
        self._clock = clock
        self._checkpoint = checkpoint

    async def read(self, room: RoomId, first: int, seats: Collection[SeatId]) -> Passage | None:
        """One look: the events are those of the same moment as the rest."""
        async with self._reader.connect() as connection:
            found = await read_room(connection, room)
            if found is None or found.is_over(self._clock()):
                return None
            events = await read_events(connection, room, first)
            removed: frozenset[SeatId] = frozenset()
            if any(event.kind is EventKind.CONTROL for event in events):
                present = await read_seats(connection, {(room, seat) for seat in seats})
                removed = frozenset(seat.id for seat in present.values() if seat.removed_seq is not None)
        has_grown = any(event.leaf is not None for event in events)
        note = encode_frame(Checkpoint(self._checkpoint(found))) if has_grown else None
        return Passage(events, removed, note)

    async def glance(self, rooms: Collection[RoomId]) -> Mapping[RoomId, Glance]:
        """See Log."""
        now, asked = self._clock(), list(rooms)
        found: dict[RoomId, Glance] = {}
        async with self._reader.connect() as connection:
            for at in range(0, len(asked), AT_ONCE):
                some = asked[at : at + AT_ONCE]
                letters: defaultdict[RoomId, set[Hashable]] = defaultdict(set)
                for room, name in await read_letter_names(connection, some, now):
                    letters[room].add(name)
                for row in (await read_rooms(connection, some)).values():
                    if not row.is_over(now):
                        found[row.id] = Glance(row.head, frozenset(letters[row.id]))
        return found

    async def letters(self, room: RoomId) -> Mailbag:
        """See Log."""
        async with self._reader.connect() as connection:
            facilitators = await read_facilitators(connection, room)
            letters = await read_room_letters(connection, room, self._clock())
        return Mailbag(facilitators, {letter.name: encode_frame(letter.frame()) for letter in letters})
