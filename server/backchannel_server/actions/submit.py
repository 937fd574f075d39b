"""do_submit: drafts become events (PROTOCOL.md, section 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Checkpoint, Placed, Refused, encode_frame
from backchannel_protocol.ids import EventId, RoomId, SeatId
from backchannel_protocol.refusals import Code
from backchannel_server.actions.context import Context
from backchannel_server.actions.world import read_world
from backchannel_server.enforce.submit import decide_submit, find_repeated
from backchannel_server.enforce.world import Decision, World
from backchannel_server.refusal import Refusal
from backchannel_server.storage.committer import Performer
from backchannel_server.storage.dialects import Touched
from backchannel_server.storage.reads import read_known, read_placed, read_rooms, read_seats
from backchannel_server.storage.rows import Known, Room, Seat
from backchannel_server.storage.writes import (
    insert_events,
    insert_mailboxes,
    insert_seats,
    save_mailboxes,
    save_rooms,
    save_seats,
)


@dataclass(frozen=True, slots=True)
class Request:
    """A Submit of an attached seat; `now` in seconds."""

    room: RoomId
    seat: SeatId
    drafts: Sequence[Draft]
    now: int

    def ids(self) -> set[tuple[RoomId, EventId]]:
        """The ids of the drafts."""
        return {(self.room, EventId(draft.id)) for draft in self.drafts}

    def changes_room(self) -> bool:
        """Whether an operation or a commit is among the drafts."""
        return any(draft.kind in (EventKind.CONTROL, EventKind.COMMIT) for draft in self.drafts)


@dataclass(frozen=True, slots=True)
class Written:
    """Where the drafts stand; `decision` is None where they stood there before."""

    placed: tuple[Placed, ...]
    decision: Decision | None = None


async def do_submit(
    context: Context,
    room: RoomId,
    seat: SeatId,
    drafts: Sequence[Draft],
    reply: Callable[[Ack | Refused], None],
) -> None:
    """Queues a Submit. `reply` is called once, with the Ack when everything is on disk.

    Then the events go to everybody attached: nothing is sent before it is acknowledged.
    """

    def settle(answer: Written | Refusal) -> None:
        if isinstance(answer, Refusal):
            context.metrics.refused(answer.code)
            reply(answer.frame(drafts[0].id))
            return
        reply(Ack(list(answer.placed)))
        if answer.decision is None:
            context.feeds.remember(room, answer.placed[-1].seq)
        else:
            _publish(context, answer.decision)

    await context.committer.put(SUBMITS, Request(room, seat, drafts, context.clock()), settle)


async def _perform(connection: AsyncConnection, requests: Sequence[Request]) -> Sequence[Written | Refusal]:
    """Messages and governance need little of their rooms and are done together."""
    answers: list[Written | Refusal] = []
    for changes_room, group in groupby(requests, Request.changes_room):
        if changes_room:
            answers += [await _perform_changing(connection, request) for request in group]
        else:
            answers += await _perform_plain(connection, list(group))
    return answers


SUBMITS: Final = Performer(_perform, lambda request: Touched(frozenset({request.room})))


async def _perform_plain(connection: AsyncConnection, requests: Sequence[Request]) -> list[Written | Refusal]:
    """Read once, decide each on what those before it left, write once."""
    rooms = await read_rooms(connection, {request.room for request in requests})
    seats = await read_seats(connection, {(request.room, request.seat) for request in requests})
    known = _by_room(await read_known(connection, set().union(*(request.ids() for request in requests))))
    decisions: list[Decision] = []
    answers: list[Written | Refusal] = []
    for request in requests:
        room, seat = rooms.get(request.room), seats.get((request.room, request.seat))
        own = known.setdefault(request.room, {})
        world = None if room is None else World(room, {} if seat is None else {seat.id: seat})
        try:
            written = await _decide(connection, request, own, world)
        except Refusal as refusal:
            answers.append(refusal)
            continue
        answers.append(written)
        if written.decision is not None:
            decisions.append(written.decision)
            rooms[request.room] = written.decision.room
            seats.update({(seat.room, seat.id): seat for seat in written.decision.seats})
            own.update(_now_known(written.decision))
    await _write(connection, decisions)
    return answers


async def _perform_changing(connection: AsyncConnection, request: Request) -> Written | Refusal:
    """An operation or a commit may look at the whole room."""
    known = _by_room(await read_known(connection, request.ids())).get(request.room, {})
    world = await read_world(connection, request.room, request.drafts, request.now)
    try:
        written = await _decide(connection, request, known, world)
    except Refusal as refusal:
        return refusal
    if written.decision is not None:
        await _write(connection, [written.decision])
    return written


async def _decide(
    connection: AsyncConnection,
    request: Request,
    own: Mapping[EventId, Known],
    world: World | None,
) -> Written:
    """`own`: the events of the room that have ids of the drafts."""
    if world is None:
        raise Refusal(Code.UNKNOWN_ROOM)
    repeated = find_repeated(request.drafts, request.seat, own)
    if repeated is not None:
        together = [event for event in own.values() if event.first == repeated.first]
        stored = await read_placed(connection, request.room, repeated.first)
        return Written(stored or _placed(together))
    decision = decide_submit(world, request.seat, request.drafts, request.now)
    return Written(decision.placed(), decision)


def _placed(together: Sequence[Known]) -> tuple[Placed, ...]:
    """Of a Submit that was decided in this same transaction and is not written yet."""
    return tuple(
        Placed(event.id, event.seq, event.time) for event in sorted(together, key=lambda one: one.seq)
    )


def _by_room(known: Mapping[tuple[RoomId, EventId], Known]) -> dict[RoomId, dict[EventId, Known]]:
    found: dict[RoomId, dict[EventId, Known]] = {}
    for (room, id_), event in known.items():
        found.setdefault(room, {})[id_] = event
    return found


def _now_known(decision: Decision) -> dict[EventId, Known]:
    room = decision.room.id
    return {
        EventId(event.id): Known(
            room,
            EventId(event.id),
            SeatId(event.seat),
            event.seq,
            decision.first,
            event.time,
            event.kind,
            event.epoch,
            event.hash_of_body(),
            event.leaf,
        )
        for event in decision.events
    }


async def _write(connection: AsyncConnection, decisions: Sequence[Decision]) -> None:
    """All rows, new seats before the events that they may be named in; of a room its last state."""
    rooms: dict[RoomId, Room] = {}
    seats: dict[tuple[RoomId, SeatId], Seat] = {}
    for decision in decisions:
        rooms[decision.room.id] = decision.room
        seats.update({(seat.room, seat.id): seat for seat in decision.seats})
        await insert_seats(connection, decision.new_seats)
        await insert_mailboxes(connection, decision.new_mailboxes)
        await save_mailboxes(connection, decision.mailboxes)
    await insert_events(
        connection,
        [(decision.room.id, decision.first, event) for decision in decisions for event in decision.events],
    )
    await save_seats(connection, seats.values())
    await save_rooms(connection, rooms.values())


def _publish(context: Context, decision: Decision) -> None:
    grown = any(event.leaf is not None for event in decision.events)
    note = encode_frame(Checkpoint(context.checkpoint(decision.room))) if grown else None
    context.metrics.events.inc(len(decision.events))
    context.feeds.publish(decision.room.id, decision.events, removed=decision.removed(), note=note)
