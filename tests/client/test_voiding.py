"""Commits that are taken back: who follows what, what waits, and that the room goes on (PROTOCOL.md, 8)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from backchannel import Client, Delivery, Role, Room
from backchannel.outbox import Item
from backchannel.room.facts import CommitSkipped, CommitVoided, LeftBehind, SeatJoined, VoidAsked
from backchannel.room.view import Presence
from backchannel_mls import encode_message
from backchannel_mls.types import ContentType, EpochNumber, GroupId
from backchannel_mls.wire.framing import PrivateMessage
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack
from backchannel_protocol.keys import generate_key
from backchannel_protocol.operations import Operation, SeatAdd, VoidCommit, encode_operation
from client.conftest import Open
from client.memory_host import Log, MemoryHost
from client.people import heard, knock_of, let_in, make_room, texts, until


def the_log(host: MemoryHost) -> Log:
    return next(iter(host.logs.values()))


def write_as(host: MemoryHost, seat: bytes, kind: EventKind, *told: Operation) -> bytes:
    """A hostile seat writes what nobody can read, with operations before it; the last event's id."""
    log = the_log(host)
    content = ContentType.COMMIT if kind is EventKind.COMMIT else ContentType.APPLICATION
    epoch, opening = log.clear.epoch, log.clear.opening
    message = PrivateMessage(
        GroupId(log.room), EpochNumber(epoch), content, b"", os.urandom(32), os.urandom(99)
    )
    drafts = [Draft(os.urandom(16), EventKind.CONTROL, epoch, opening, encode_operation(one)) for one in told]
    drafts.append(Draft(os.urandom(16), kind, epoch, opening, encode_message(message)))
    answer = host.submit(log, seat, drafts)
    assert isinstance(answer, Ack), answer
    return answer.placed[-1].id


async def ask_to_void(room: Room) -> None:
    """A facilitator asks for the last commit to be taken back, though it is fine."""
    operation = encode_operation(VoidCommit(None, room.ledger.view.opening))
    async with room.ledger.lock:
        await room.ledger.enqueue_plain(Item(place=0, lane="governance", operations=(operation,)))
    room._live.wake()


def facts(room: Room, kind: type) -> int:
    """How many facts of a kind a room has."""
    return sum(isinstance(fact, kind) for fact in room.history())


async def go_on(*rooms: Room) -> None:
    """They hear each other, and compute the same room."""
    for at, room in enumerate(rooms):
        words = f"{at} is here {os.urandom(4).hex()}"
        await (await room.send(words)).sent()
        for other in rooms:
            await heard(other, words)
    for room in rooms:
        assert room.ledger.stopped is None
        await until(room, lambda room=room: room.state.hash() == rooms[0].state.hash())  # type: ignore[misc] # bound here


async def test_two_who_collude_hold_a_room_up_until_a_majority_has_asked(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    cy = await let_in(ann, clients[2], "Cy")
    di = await let_in(ann, clients[3], "Di")
    await go_on(ann, bea, cy, di)
    host.down = True
    host.break_all()
    write_as(host, cy.ledger.view.seat, EventKind.COMMIT)
    write_as(host, di.ledger.view.seat, EventKind.CHAT)
    waiting = await ann.send("It waits.")
    host.down = False
    for room in (ann, bea):
        await until(room, lambda room=room: facts(room, CommitVoided) == 1)  # type: ignore[misc] # bound here
        assert (facts(room, CommitSkipped), facts(room, LeftBehind), facts(room, VoidAsked)) == (1, 1, 1)
    await heard(bea, "It waits.")
    assert waiting.delivery is not Delivery.FAILED
    await go_on(ann, bea)


async def test_a_ghost_that_writes_does_not_keep_a_commit(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    cy = await let_in(ann, clients[2], "Cy")
    await go_on(ann, bea, cy)
    host.down = True
    host.break_all()
    ghost = os.urandom(16)
    add = SeatAdd(None, ghost, generate_key(), may_facilitate=True)
    write_as(host, bea.ledger.view.seat, EventKind.COMMIT, add)
    write_as(host, ghost, EventKind.CHAT)
    write_as(host, ghost, EventKind.COMMIT)
    host.down = False
    await until(ann, lambda: facts(ann, CommitVoided) == 2)
    assert the_log(host).seats[ghost].removed
    assert facts(ann, VoidAsked) == 0, "one asker was enough each time"
    await go_on(ann, cy)
    assert len(ann.members()) == 3


async def test_a_commit_that_all_took_is_taken_back(host: MemoryHost, clients: list[Client]) -> None:
    """Bea does not like whom Ann let in, and is quicker than he: Ann lets him in once more."""
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    await go_on(ann, bea)
    knocking = await clients[2].knock(await ann.invite(party="b"), "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    knock = await knock_of(ann, "Cy")
    before = the_log(host).clear.epoch
    await ann.approve(knock)
    await until(bea, lambda: len(bea.members()) == 3)
    waiting.cancel()
    assert bea.ledger.view.previous
    await ask_to_void(bea)
    for room in (ann, bea):
        await until(room, lambda room=room: facts(room, CommitVoided) == 1)  # type: ignore[misc] # bound here
        await until(room, lambda room=room: facts(room, SeatJoined) == (3 if room is ann else 2))  # type: ignore[misc] # bound here
    assert the_log(host).clear.epoch == before + 1
    await go_on(ann, bea)


async def test_who_has_the_old_epoch_no_more_stops(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    cy = await let_in(ann, clients[2], "Cy")
    await go_on(ann, bea, cy)
    await ask_to_void(bea)
    await until(ann, lambda: ann.ledger.stopped is not None)
    assert ann.ledger.stopped is not None
    assert ann.ledger.stopped.code == "void-late"
    await until(cy, lambda: cy.ledger.view.presence is Presence.REMOVED)


async def test_a_device_that_restarts_in_between_goes_on(
    host: MemoryHost, open_client: Open, clients: list[Client], tmp_path: Path
) -> None:
    """What was skipped, and who has asked, is on disk."""
    async with open_client(tmp_path / "ann.db") as first, open_client(tmp_path / "bea.db") as second:
        ann = await make_room(first, host.url)
        bea = await let_in(ann, second, "Bea", "b", Role.FACILITATOR)
        cy = await let_in(ann, clients[0], "Cy")
        di = await let_in(ann, clients[1], "Di")
        await go_on(ann, bea, cy, di)
    commit = write_as(host, cy.ledger.view.seat, EventKind.COMMIT)
    write_as(host, di.ledger.view.seat, EventKind.CHAT)
    async with open_client(tmp_path / "ann.db") as first:
        (ann,) = first.rooms.values()
        await ann.send("It waits.")
        await until(ann, lambda: facts(ann, VoidAsked) == 1)
    async with open_client(tmp_path / "ann.db") as first:
        (ann,) = first.rooms.values()
        assert [one.commit for one in ann.ledger.view.skipped] == [commit]
        assert ann.ledger.view.left_behind
        assert texts(ann)[-1] != "It waits."
        async with open_client(tmp_path / "bea.db") as second:
            (bea,) = second.rooms.values()
            await heard(bea, "It waits.")
            await go_on(ann, bea)
            assert facts(ann, VoidAsked) == 1
