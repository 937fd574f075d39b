"""Rooms in which the web client's engine sits beside Python clients, over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import backchannel
from backchannel import Client, Role, Room
from backchannel.errors import NotAllowed
from backchannel.inbox import PATH
from backchannel.outbox import Item, Plan
from backchannel.room.facts import CommitVoided
from backchannel.testing import LocalServer
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from client.people import heard, let_in, make_room, texts, until
from client.test_voiding import ask_to_void
from web.web_client import EngineProcess, Json, WebRoom, engines, let_in_web

SUITES = [X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
async def node() -> AsyncIterator[EngineProcess]:
    async with engines() as running:
        yield running


@pytest.fixture
async def ann() -> AsyncIterator[Client]:
    async with backchannel.open_profile(None, look_s=0.02) as client:
        yield client


async def web_heard(room: WebRoom, text: str) -> str:
    """A message's id, when it is there."""
    await room.client.until(lambda: any(one.text == text for one in room.messages()))
    return next(str(one.id) for one in room.messages() if one.text == text)


async def talk(room: Room, web: WebRoom, word: str) -> None:
    """Both say something, both hear it."""
    await room.send(f"{word} from Python")
    await web_heard(web, f"{word} from Python")
    await web.send(f"{word} from the web")
    await heard(room, f"{word} from the web")


@pytest.mark.parametrize("suite", SUITES)
async def test_they_talk(server: LocalServer, node: EngineProcess, ann: Client, suite: int) -> None:
    room = await make_room(ann, server.url, server.token, suite=suite)
    bo = await let_in_web(room, await node.client(), "Bo")
    await talk(room, bo, "first")
    assert bo.now["state"]["title"] == "The harbour"
    assert [one["name"] for one in bo.now["members"]] == ["Ann", "Bo"]
    assert bo.entries[0]["kind"] == "entered"
    # replies, on both sides
    question = await web_heard(bo, "first from Python")
    await bo.send("an answer", reply_to=question)
    assert (await heard(room, "an answer")).reply_to == question
    # what was seen: one word for all of it, and no longer unread here
    await room.send("news")
    await web_heard(bo, "news")
    assert bo.client.heard
    await bo.client.until(lambda: bo.client.lobby["rooms"][0]["unread"] > 0)
    last = bo.entries[-1]["seq"]
    await bo.seen(last)
    await until(room, lambda: room.ledger.view.seen.get(bo.seat, 0) >= last)
    await bo.client.until(lambda: bo.client.lobby["rooms"][0]["unread"] == 0)
    # taking back: the text goes, the place stays
    await bo.retract(await web_heard(bo, "an answer"))
    await until(room, lambda: "an answer" not in texts(room))
    await bo.client.until(lambda: all(one.text != "an answer" for one in bo.messages()))
    with pytest.raises(NotAllowed):
        await bo.retract(question)


async def test_they_follow_the_facilitators_commits(
    server: LocalServer, node: EngineProcess, ann: Client
) -> None:
    """Adds, removals, new keys, and what is sent while the epoch changes."""
    room = await make_room(ann, server.url, server.token)
    bo = await let_in_web(room, await node.client(), "Bo")
    cy = await let_in_web(room, await node.client(), "Cy")
    async with backchannel.open_profile(None, look_s=0.02) as third:
        di = await let_in(room, third, "Di")
        await talk(room, bo, "with Di")
        await heard(di, "with Di from the web")
        await room.remove(di.seat)
        await bo.client.until(lambda: len(bo.now["members"]) == 3)
    said = [await web.send(f"{name} {at}") for at in range(8) for name, web in (("Bo", bo), ("Cy", cy))]
    await new_keys(room)
    for one in said:
        await one.sent()
    await talk(room, cy, "with new keys")
    await web_heard(bo, "with new keys from the web")
    assert [one.text for one in bo.messages()][-18:] == [one.text for one in cy.messages()][-18:]
    await room.remove(cy.seat)
    await cy.client.until(lambda: bool(cy.now["isOver"]))
    assert cy.trouble == "removed"
    with pytest.raises(NotAllowed):
        await cy.send("too late")
    await talk(room, bo, "without Cy")
    for web in (bo, cy):
        await web.client.until(lambda web=web: web.stored["items"] == 0)  # type: ignore[misc] # bound here
    await agree(room, bo)


async def test_it_goes_on_when_the_server_is_back(tmp_path: Path, node: EngineProcess, ann: Client) -> None:
    with LocalServer(tmp_path) as server:
        await goes_on_with(server, node, ann)


async def goes_on_with(server: LocalServer, node: EngineProcess, ann: Client) -> None:
    room = await make_room(ann, server.url, server.token)
    bo = await let_in_web(room, await node.client(), "Bo")
    await talk(room, bo, "before")
    server.kill()
    await bo.client.until(lambda: bo.now["connection"] == "connecting")
    for at in range(5):
        await bo.send(f"waiting {at}")
    assert {line["reason"]["code"] for line in bo.now["outbox"]} == {"server-unreachable"}
    server.start()
    for at in range(5):
        await heard(room, f"waiting {at}")
    await talk(room, bo, "after")
    assert [text for text in texts(room) if text and text.startswith("waiting")] == [
        f"waiting {at}" for at in range(5)
    ]


async def test_killed_while_it_sends_it_loses_and_doubles_nothing(
    server: LocalServer, ann: Client, tmp_path: Path
) -> None:
    room = await make_room(ann, server.url, server.token)
    profile, said = tmp_path / "profile", 0
    async with engines() as node:
        bo = await let_in_web(room, await node.client(profile), "Bo")
        await talk(room, bo, "first")
        for _ in range(20):
            said += 1
            await bo.client.call("send", bo.id, draft_of(f"message {said}"))
        await node.kill()
    async with engines() as node:
        client = await node.client(profile)
        bo = await client.open(client.lobby["rooms"][0]["id"])
        for at in range(1, said + 1):
            await heard(room, f"message {at}")
        await talk(room, bo, "second")
        await agree(room, bo)
    assert [text for text in texts(room) if text and text.startswith("message")] == [
        f"message {at}" for at in range(1, said + 1)
    ]


async def test_what_stands_in_the_composer_is_kept(server: LocalServer, ann: Client, tmp_path: Path) -> None:
    room = await make_room(ann, server.url, server.token)
    draft = draft_of("half a sent")
    async with engines() as node:
        bo = await let_in_web(room, await node.client(tmp_path / "profile"), "Bo")
        await bo.client.call("keepDraft", bo.id, draft)
    async with engines() as node:
        client = await node.client(tmp_path / "profile")
        bo = await client.open(client.lobby["rooms"][0]["id"])
        assert bo.now["draft"]["text"] == "half a sent"
        await bo.send("half a sentence")
        await bo.client.until(lambda: bo.now["draft"]["text"] == "")


async def test_a_message_goes_when_its_time_is_over(
    server: LocalServer, node: EngineProcess, ann: Client
) -> None:
    room = await make_room(ann, server.url, server.token)
    bo = await let_in_web(room, await node.client(), "Bo")
    await bo.send("for a moment", keep_s=2)
    await heard(room, "for a moment")
    await bo.client.until(lambda: bo.entries[-1].get("gone") == "expired")
    assert "text" not in bo.entries[-1]


async def test_a_closed_room_is_read_and_its_keys_are_disclosed(
    server: LocalServer, node: EngineProcess, ann: Client
) -> None:
    room = await make_room(ann, server.url, server.token)
    bo = await let_in_web(room, await node.client(), "Bo")
    await talk(room, bo, "first")
    await room.close()
    await until(room, lambda: set(room.state.disclosed) == {room.seat, bo.seat})
    await bo.client.until(lambda: any(entry["kind"] == "ended" for entry in bo.entries))
    assert bo.now["isOver"]
    assert [one.text for one in bo.messages()] == ["first from Python", "first from the web"]
    with pytest.raises(NotAllowed):
        await bo.send("too late")


async def test_a_commit_that_all_took_is_taken_back(
    server: LocalServer, node: EngineProcess, ann: Client
) -> None:
    """Bea does not like that Ann renewed her keys, and is quicker than the others: all go back, and on."""
    room = await make_room(ann, server.url, server.token)
    async with backchannel.open_profile(None, look_s=0.02) as second:
        bea = await let_in(room, second, "Bea", "b", Role.FACILITATOR)
        bo = await let_in_web(room, await node.client(), "Bo")
        await talk(room, bo, "before")
        await heard(bea, "before from the web")
        await new_keys(room)
        await until(bea, lambda: bea.ledger.view.opening == room.ledger.view.opening)
        await bo.client.until(lambda: bool(bo.stored["epoch"] == room.ledger.view.epoch))
        await ask_to_void(bea)
        await bo.client.until(lambda: any(isinstance(fact, CommitVoided) for fact in bo.history()))
        await talk(room, bo, "after")
        await heard(bea, "after from the web")
        await agree(room, bo)
        assert bea.state == room.state


# ---- what the stories are made of
def draft_of(text: str) -> Json:
    return {"text": text, "quotable": "no", "keepS": 0, "replyTo": None}


async def new_keys(room: Room) -> None:
    """Somebody's client renews the seat's keys before it says something."""
    epoch = room.ledger.view.epoch
    plan = Plan(room.ledger.view.own, path=True)
    room.ledger.notes[PATH] = b"0"
    async with room.ledger.lock:
        await room.ledger.enqueue_plain(Item(place=0, lane="governance", plan=plan))
    await room.send("with new keys")
    await until(room, lambda: room.ledger.view.epoch > epoch)


async def agree(room: Room, web: WebRoom) -> None:
    """Both have computed the same room from the same log."""
    async with asyncio.timeout(20):
        while web.stored["seq"] != room.ledger.view.seq:  # noqa: ASYNC110 - of two programs
            await asyncio.sleep(0.02)
    assert web.state == room.state
    assert web.ledger.view.chain == room.ledger.view.chain
