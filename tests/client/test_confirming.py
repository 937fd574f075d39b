"""Who came in is told the room's state by one member, not by all; the next speaks where the first is away."""

from __future__ import annotations

from pathlib import Path

import pytest

from backchannel import Client, Room
from backchannel.facilitation.duties import CONFIRM_S, confirmation_pause_s
from backchannel.room.engine import prepare
from backchannel.room.view import RoomView
from backchannel_protocol.events import EventKind, LogEvent
from client.conftest import Open
from client.memory_host import MemoryHost
from client.people import let_in, make_room, until

PAUSE_S = "backchannel.facilitation.duties.CONFIRM_S"
NEVER_S = 3600.0


def is_used(room: Room) -> bool:
    top = room.ledger.view.clear.top()
    return top is not None and top.used


def caught_up(room: Room, events: list[LogEvent]) -> RoomView:
    """What a room that is not connected will be after these events."""
    view = room.ledger.view
    for event in events:
        view = prepare(view, event, None, room.ledger.author_of).view
    return view


def said_since(host: MemoryHost, room: Room) -> list[LogEvent]:
    """What others than who committed and who came in wrote since the last commit."""
    (log,) = host.logs.values()
    top = room.ledger.view.clear.top()
    assert top is not None
    (at,) = [number for number, event in enumerate(log.events) if event.id == top.commit]
    silent = {top.author, *top.added}
    return [
        event
        for event in log.events[at + 1 :]
        if event.seat not in silent and event.kind is not EventKind.CONTROL
    ]


async def test_the_seat_with_the_lowest_leaf_confirms_and_no_other(
    host: MemoryHost, clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PAUSE_S, NEVER_S)
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    cy = await let_in(ann, clients[2], "Cy")
    di = await let_in(ann, clients[3], "Di", accept=False)
    for room in (ann, bo, cy, di):
        await until(room, lambda room=room: is_used(room))  # type: ignore[misc] # bound here
    assert [event.seat for event in said_since(host, ann)] == [bo.ledger.view.seat]
    assert {confirmation_pause_s(room.ledger.view) for room in (ann, bo, cy, di)} == {None}


async def test_where_the_first_is_away_the_next_confirms(
    host: MemoryHost,
    open_client: Open,
    clients: list[Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PAUSE_S, 0.01)
    ann = await make_room(clients[0], host.url)
    async with open_client(tmp_path / "bo") as client:
        await let_in(ann, client, "Bo")
    cy = await let_in(ann, clients[1], "Cy")
    di = await let_in(ann, clients[2], "Di", accept=False)
    await until(di, lambda: is_used(di))
    assert [event.seat for event in said_since(host, ann)] == [cy.ledger.view.seat]


async def test_the_pauses_double_in_number(
    host: MemoryHost, open_client: Open, clients: list[Client], tmp_path: Path
) -> None:
    """Nobody is there who could confirm; those who come back see how long each would leave it to others."""
    ann = await make_room(clients[0], host.url)
    names = ("Bo", "Cy", "Di", "Ed")
    for name in names:
        async with open_client(tmp_path / name) as client:
            await let_in(ann, client, name)
    await let_in(ann, clients[1], "Fay", accept=False)
    (log,) = host.logs.values()
    pauses = []
    for name in names:
        async with open_client(tmp_path / name, connect=False) as client:
            room = client.first_room
            assert room is not None
            events = log.events[room.ledger.view.seq :]
            pauses.append(confirmation_pause_s(caught_up(room, events)))
    assert pauses == [0, CONFIRM_S, CONFIRM_S, 2 * CONFIRM_S]
