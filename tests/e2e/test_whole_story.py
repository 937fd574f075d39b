"""A room's whole life with the real server, profiles on disk, and real sockets, in both suites."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

import backchannel
from backchannel import Client, NotAllowed, Role, Room, RoomEntered, ServerRefused
from backchannel.testing import LocalServer
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from backchannel_protocol.limits import CLOSED_ROOM_S
from backchannel_server.storage.engine import DATABASE
from client.people import heard, knock_of, let_in, make_room, texts, until

LOOK_S = 0.6
WAIT_S = 20
PASSPHRASE = "correct horse"
SUITES = pytest.mark.parametrize(
    "suite",
    [X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519],
    ids=["suite-1", "x-wing"],
)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """It looks every second for what is to be purged; the profiles have a cheap key derivation."""
    monkeypatch.setattr("backchannel.store.seal.ARGON2_MEMORY_KIB", 64)
    monkeypatch.setenv("BACKCHANNEL_SWEEP_INTERVAL_S", "1")
    with LocalServer(tmp_path) as running:
        yield running


@asynccontextmanager
async def everybody(folder: Path, *names: str) -> AsyncIterator[list[Client]]:
    """People's profiles on disk, all open."""
    async with AsyncExitStack() as stack:
        opening = [
            backchannel.open_profile(folder / f"{name}.db", PASSPHRASE, look_s=LOOK_S) for name in names
        ]
        yield [await stack.enter_async_context(one) for one in opening]


def the_room(client: Client) -> Room:
    (room,) = client.rooms.values()
    return room


def alike(rooms: tuple[Room, ...]) -> bool:
    """Whether nobody has anything to send, and all have computed the same room."""
    return not any(one.ledger.items for one in rooms) and len({one.state.hash() for one in rooms}) == 1


async def all_alike(*rooms: Room) -> None:
    """Until they are."""
    async with asyncio.timeout(WAIT_S):
        while not alike(rooms):  # noqa: ASYNC110 - several rooms, no one event
            await asyncio.sleep(0.05)


@SUITES
async def test_a_rooms_whole_life(server: LocalServer, tmp_path: Path, suite: int) -> None:
    async with everybody(tmp_path, "ann", "bea", "cy", "dan") as (host, second, third, fourth):
        # two invitations to two parties, words compared, under the rule "any"
        ann = await make_room(host, server.url, server.token, suite=suite)
        assert ann.state.suite == suite
        links = {"Bea": await ann.invite(role=Role.FACILITATOR, party="b"), "Cy": await ann.invite(party="a")}
        assert len(set(links.values())) == 2
        knocks = [await client.knock(links[name], name) for client, name in ((second, "Bea"), (third, "Cy"))]
        joining = [asyncio.create_task(one.admitted()) for one in knocks]
        for knocking, name in zip(knocks, links, strict=True):
            knock = await knock_of(ann, name)
            assert await knocking.words() == knock.words
            assert await ann.approve(knock) == ()
        async with asyncio.timeout(WAIT_S):
            bea, cy = [await one for one in joining]
        with pytest.raises(NotAllowed, match="rules"):
            await bea.send("I have not read the rules.")
        await bea.accept_rules()
        await cy.accept_rules()

        # both ways, a reply, a retraction
        question = await (await ann.send("Shall we begin?")).sent()
        await heard(bea, "Shall we begin?")
        answer = await (await bea.reply(question, "Gladly, and at once.")).sent()
        assert (await heard(ann, "Gladly, and at once.")).reply_to == question.id
        await bea.retract(answer)
        await (await bea.send("Gladly.")).sent()
        for room in (ann, bea, cy):
            await heard(room, "Gladly.")
        assert texts(ann) == texts(bea) == texts(cy) == ["Shall we begin?", None, "Gladly."]

        # a third one later, under "one per party": she waits for the other side's facilitator
        await ann.require_each_party()
        knocking = await fourth.knock(await ann.invite(party="a"), "Dan")
        waiting = asyncio.create_task(knocking.admitted())
        assert await ann.approve(await knock_of(ann, "Dan")) == (("b", "Beta"),)
        async with asyncio.timeout(WAIT_S):
            while "Beta" not in knocking.waiting_for:  # noqa: ASYNC110 - the next look into the mailbox
                await asyncio.sleep(0.05)
        assert "Dan" not in {seat.name for seat in bea.members().values()}
        await until(bea, lambda: bool(bea.proposals()))
        await bea.approve(bea.proposals()[0])
        async with asyncio.timeout(WAIT_S):
            dan = await waiting
        await dan.accept_rules()
        assert texts(dan) == []
        told = dan.history()[0]
        assert isinstance(told, RoomEntered)
        assert told.history == "none"
        assert told.sentence.startswith("What was said before you came is not shown")
        await (await dan.send("I am new here.")).sent()

        # one leaves, one is removed by both sides
        await cy.leave()
        await until(ann, lambda: cy.seat not in ann.members())
        assert await ann.remove(dan.seat) == (("b", "Beta"),)
        await until(bea, lambda: bool(bea.proposals()))
        await bea.approve(bea.proposals()[0])
        await until(ann, lambda: dan.seat not in ann.members())
        await until(bea, lambda: dan.seat not in bea.members())
        assert [(past.name, past.how) for past in ann.state.past] == [("Cy", "left"), ("Dan", "removed")]
        await until(dan, lambda: dan.seat not in dan.members())
        with pytest.raises(NotAllowed, match="no longer in the room"):
            await dan.send("Am I still here?")
        await all_alike(ann, bea)
        assert texts(ann) == texts(bea)
        assert texts(cy) == texts(ann)[: len(texts(cy))]


@SUITES
async def test_everybody_goes_home_and_comes_back(server: LocalServer, tmp_path: Path, suite: int) -> None:
    async with everybody(tmp_path, "ann", "bo", "cy") as clients:
        ann = await make_room(clients[0], server.url, server.token, suite=suite)
        await let_in(ann, clients[1], "Bo")
        await let_in(ann, clients[2], "Cy")
        await (await ann.send("Until tomorrow.")).sent()
        for client in clients:
            await heard(the_room(client), "Until tomorrow.")
        members = ann.members().keys()
        await all_alike(*(the_room(client) for client in clients))
    server.kill()
    async with everybody(tmp_path, "ann", "bo") as clients:  # without the server, and without Cy
        for client, name in zip(clients, ("ann", "bo"), strict=True):
            for at in range(3):
                await the_room(client).send(f"{name} {at}")
    server.start()
    async with everybody(tmp_path, "ann", "bo", "cy") as clients:
        rooms = [the_room(client) for client in clients]
        for room in rooms:
            for name in ("ann", "bo"):
                await heard(room, f"{name} 2")
        await all_alike(*rooms)
        assert {one.state.hash() for one in rooms} == {rooms[0].state.hash()}
        assert texts(rooms[0]) == texts(rooms[1]) == texts(rooms[2])
        for name in ("ann", "bo"):
            assert [text for text in texts(rooms[2]) if text and text.startswith(name)] == [
                f"{name} {at}" for at in range(3)
            ]
        assert all(room.members().keys() == members for room in rooms)


@SUITES
async def test_a_room_is_closed_and_purged(server: LocalServer, tmp_path: Path, suite: int) -> None:
    database = tmp_path / "server" / DATABASE
    async with everybody(tmp_path, "ann", "bo") as clients:
        ann = await make_room(clients[0], server.url, server.token, suite=suite)
        bo = await let_in(ann, clients[1], "Bo")
        await (await bo.send("Before we part.")).sent()
        await heard(ann, "Before we part.")
        assert chat_bodies(database) == 1
        await ann.close()
        await until(bo, lambda: bo.state.closed is not None)
        with pytest.raises(NotAllowed):
            await (await bo.send("One thing more.")).sent()
        async with asyncio.timeout(WAIT_S):
            while chat_bodies(database):  # noqa: ASYNC110 - the server's sweep
                await asyncio.sleep(0.1)
        await all_alike(ann, bo)
        assert texts(ann) == texts(bo)
    server.stop()
    a_month_passes(database)
    server.start()
    async with asyncio.timeout(WAIT_S):
        while held_of_rooms(database):  # noqa: ASYNC110 - the server's sweep
            await asyncio.sleep(0.1)
    async with everybody(tmp_path, "bo") as (client,):
        with pytest.raises(ServerRefused) as refused:
            await asyncio.wait_for(the_room(client).caught_up(), WAIT_S)
        assert refused.value.code == "room-ended"  # everybody disclosed: the keys are gone from the device
        assert texts(the_room(client)) == ["Before we part."]


def chat_bodies(path: Path) -> int:
    """How many messages the server still has."""
    return count(path, "SELECT count(*) FROM events WHERE kind = 1 AND body IS NOT NULL")


def held_of_rooms(path: Path) -> int:
    """How many rows speak of a room at all."""
    return sum(
        count(path, f"SELECT count(*) FROM {table}") for table in ("rooms", "seats", "events", "invitations")
    )


def count(path: Path, statement: str) -> int:
    """The one number that a question asks for, of a server that may run."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        return int(database.execute(statement).fetchone()[0])
    finally:
        database.close()


def a_month_passes(path: Path) -> None:
    """As if the room had been closed as long ago as the server keeps closed rooms."""
    database = sqlite3.connect(path)
    with database:
        database.execute("UPDATE rooms SET closed_time = closed_time - ?", (CLOSED_ROOM_S,))
    database.close()
