"""The whole story with the real server, as a process, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

import backchannel
from backchannel import Client, EventIgnored, NotAllowed, Role, Room, RoomEnded
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
        opened = [backchannel.open_profile(None, look_s=LOOK_S, sweep_s=0.2) for _ in range(4)]
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
    for room in (ann, bea):
        await until(room, lambda room=room: isinstance(room.history()[-1], RoomEnded))  # type: ignore[misc]
    assert ann.state == bea.state
    signed = await asyncio.to_thread(_checkpoint, server.url, ann)
    record = bea.ledger.view.record
    assert ann.ledger.view.record == record
    assert (signed.size, signed.root) == (record.size, record.root())
    assert record.size == 8, "genesis, two admitted, the admission rule, one left, closed, two disclosed"


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


async def test_two_facilitators_govern_and_the_room_is_closed(
    server: LocalServer, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], server.url, server.token, retention_s=3600)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    # Bea answers a knock at the door that Ann opened, and comes to be the one who governs
    knocking = await clients[2].knock(await ann.invite(party="b"), "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    knock = await knock_of(bea, "Cy")
    assert knock.words == await knocking.words()
    await bea.approve(knock)
    cy = await waiting
    await cy.accept_rules()
    await ann.require_each_party()
    assert await ann.set_role(cy.seat, Role.FACILITATOR) == (("b", "Beta"),)
    await until(bea, lambda: bool(bea.proposals()))
    await bea.approve(bea.proposals()[0])
    await until(cy, lambda: cy.state.seats[cy.seat].operates)
    await cy.set_title("The lighthouse")
    await cy.rotate_inbox()
    await until(ann, lambda: ann.title == "The lighthouse")
    declined = asyncio.create_task((await clients[3].knock(await ann.invite(), "Dee")).admitted())
    await cy.decline(await knock_of(cy, "Dee"))
    with pytest.raises(NotAllowed, match="declined"):
        await declined
    await (await bea.send("What was said.")).sent()
    await cy.close()
    for room in (ann, bea, cy):
        await until(room, lambda room=room: isinstance(room.history()[-1], RoomEnded))  # type: ignore[misc] # bound
        assert texts(room) == ["What was said."]
        assert len(room.state.disclosed) == 3
        ignored = [fact for fact in room.history() if isinstance(fact, EventIgnored)]
        assert ignored == []
