"""A bot's scope is seen by all and kept by its library, on screen and on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from backchannel import Client, MessageRetracted, MessageSent, NotAllowed, Role, Room, Scope
from backchannel.room.facts import decode_facts
from backchannel.room.scope import begins_with_name
from client.conftest import Open
from client.memory_host import MemoryHost
from client.people import heard, let_in, make_room, texts, until

Reads = Literal["all", "addressed", "none"]
SAID = ["Good morning.", "@echobot hello", "@Echo: hello", "hello @Echo", "@ECHO"]


async def bring(ann: Room, client: Client, reads: Reads, *, writes: bool = True) -> Room:
    """A bot named Echo."""
    scope = Scope(purpose="Repeats what it hears.", reads=reads, writes=writes)
    bot = await let_in(ann, client, "Echo", None, Role.BOT, scope=scope)
    assert ann.members()[bot.seat].scope == scope
    return bot


async def seq_of(room: Room, seq: int) -> None:
    await until(room, lambda: room.ledger.view.seq >= seq)


@pytest.mark.parametrize(
    ("reads", "got"),
    [("all", list(SAID)), ("addressed", ["@Echo: hello", "@ECHO"]), ("none", [])],
)
async def test_a_bot_gets_what_its_scope_names(
    host: MemoryHost,
    open_client: Open,
    clients: list[Client],
    tmp_path: Path,
    reads: Reads,
    got: list[str | None],
) -> None:
    ann = await make_room(clients[0], host.url)
    path = tmp_path / "bot.db"
    async with open_client(path) as client:
        bot = await bring(ann, client, reads)
        await (await bot.send("I am here.")).sent()
        for text in SAID:
            await (await ann.send(text)).sent()
        question = await heard(ann, "I am here.")
        await (await ann.reply(question, "so I see")).sent()
        other = await (await ann.send("between us")).sent()
        await ann.reply(other, "to each other")
        await ann.retract(other)
        last = await (await ann.send("over")).sent()
        await seq_of(bot, last.seq)
        expected: list[str | None] = ["I am here.", *got]
        if reads == "addressed":
            expected += ["so I see"]
        if reads == "all":
            expected += ["so I see", None, "to each other", "over"]
        assert texts(bot) == expected
        assert any(isinstance(fact, MessageRetracted) for fact in bot.history()) is (reads == "all")
        kept = await client._profile.timeline(bot.ledger.view.room)
        stored = [
            fact.text for row in kept.values() for fact in decode_facts(row) if isinstance(fact, MessageSent)
        ]
        assert stored == texts(bot)
    async with open_client(path, connect=False) as client:
        (bot,) = client.rooms.values()
        assert texts(bot) == expected


async def test_a_bot_that_does_not_write_is_refused_before_anything_is_sent(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url)
    bot = await bring(ann, clients[1], "all", writes=False)
    message = await (await ann.send("Hello?")).sent()
    for act in (bot.send("Hello!"), bot.reply(message, "Hello!")):
        with pytest.raises(NotAllowed, match="scope says that it does not write"):
            await act
    assert bot.pending() == []


def test_a_name_is_addressed_whole() -> None:
    for text in ("@Echo", "@echo, please", "@ECHO\nplease", "@Echo: a"):
        assert begins_with_name(text, "Echo")
    for text in ("@Echoes", "Echo", " @Echo", "", "@", "@Echo2", "hey @Echo"):
        assert not begins_with_name(text, "Echo")
    assert begins_with_name("@Straße, ja", "STRASSE")
