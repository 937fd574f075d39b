"""The whole story with the real server, as a process, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

import backchannel
from backchannel import Client, MessageSent, Role, Room, Scope
from backchannel.testing import LocalServer
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from backchannel_protocol.record.note import CheckpointBody, origin, verify_checkpoint
from client.people import heard, knock_of, let_in, make_room, texts, until

LOOK_S = 0.6
"""The server allows two looks into a mailbox a second."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    with LocalServer(tmp_path) as running:
        yield running


@pytest.fixture
async def clients(tmp_path: Path) -> AsyncIterator[list[Client]]:
    async with AsyncExitStack() as stack:
        opened = [backchannel.open_profile(None, look_s=LOOK_S) for _ in range(4)]
        yield [await stack.enter_async_context(one) for one in opened]


@pytest.mark.parametrize("suite", [X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519])
async def test_a_first_room(server: LocalServer, clients: list[Client], suite: int) -> None:
    ann = await make_room(clients[0], server.url, server.token, suite=suite)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    question = await (await ann.send("Shall we begin?")).sent()
    await heard(bea, "Shall we begin?")
    answer = await (await bea.reply(question, "Gladly.")).sent()
    await ann.require_each_party()
    cy = await let_in(ann, clients[2], "Cy", "b", also=(bea,))
    assert texts(cy) == []
    await (await cy.send("Thank you for having me.")).sent()
    await bea.retract(answer)
    for room in (ann, bea):
        await heard(room, "Thank you for having me.")
        await until(room, lambda room=room: None in texts(room))  # type: ignore[misc] # bound here
    assert texts(ann) == texts(bea) == ["Shall we begin?", None, "Thank you for having me."]
    await cy.leave()
    await until(ann, lambda: cy.seat not in ann.members())
    assert ann.state.past[0].how == "left"
    await ann.close()
    await until(bea, lambda: bea.state.closed is not None)
    async with asyncio.timeout(10):
        while ann.state != bea.state:  # noqa: ASYNC110 - two rooms, no one event
            await asyncio.sleep(0.05)
    signed = await asyncio.to_thread(_checkpoint, server.url, ann)
    record = bea.ledger.view.record
    assert ann.ledger.view.record == record
    assert (signed.size, signed.root) == (record.size, record.root())
    assert record.size == 6, "genesis, two admitted, the admission rule, one left, closed"


def _checkpoint(url: str, room: Room) -> CheckpointBody:
    """What the server signed last of a room's record, as anybody may ask for it."""
    with urlopen(f"{url}/v1/record/{room.id}") as answer:
        note = answer.read().decode()
    name = origin(room.ledger.view.room)
    return verify_checkpoint(note, name, room.ledger.about.record_key)


async def test_everybody_is_offline_and_comes_back(server: LocalServer, clients: list[Client]) -> None:
    ann = await make_room(clients[0], server.url, server.token)
    bo = await let_in(ann, clients[1], "Bo")
    server.kill()
    for at in range(5):
        await ann.send(f"ann {at}")
        await bo.send(f"bo {at}")
    server.start()
    await heard(ann, "bo 4")
    await heard(bo, "ann 4")
    await heard(ann, "ann 4")
    await heard(bo, "bo 4")
    assert texts(ann) == texts(bo)
    for name in ("ann", "bo"):
        said = [text for text in texts(ann) if text is not None and text.startswith(name)]
        assert said == [f"{name} {at}" for at in range(5)]


async def test_a_bot_in_ten_lines(server: LocalServer, clients: list[Client]) -> None:
    ann = await make_room(clients[0], server.url, server.token)
    link = await ann.invite(role=Role.BOT, scope=Scope("Repeats what it hears.", "all", writes=True))

    async def bot() -> None:
        async with backchannel.open_profile(None, look_s=LOOK_S) as client:
            room = await (await client.knock(link, "Echo")).admitted()
            await room.accept_rules()
            async for event in room.events():
                if isinstance(event, MessageSent) and event.seat != room.seat:
                    await room.reply(event, f"I hear: {event.text}")

    running = asyncio.create_task(bot())
    await ann.approve(await knock_of(ann, "Echo"))
    await until(ann, lambda: any(seat.accepted for seat in ann.members().values() if seat.role is Role.BOT))
    await ann.send("Is anybody there?")
    await heard(ann, "I hear: Is anybody there?")
    (echo,) = [seat for seat in ann.members().values() if seat.role is Role.BOT]
    assert echo.scope == Scope("Repeats what it hears.", "all", writes=True)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
