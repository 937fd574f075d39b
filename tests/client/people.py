"""People of the tests: opening profiles, making rooms, letting each other in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from backchannel import Client, KnockArrived, MessageSent, Role, Room, Scope
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519

PARTIES = [("a", "Alpha"), ("b", "Beta")]
WAIT_S = 20


async def until(room: Room, ready: Callable[[], bool]) -> None:
    """Until something is true of a room, with a bound."""

    async with asyncio.timeout(WAIT_S), room.ledger.changed:
        await room.ledger.changed.wait_for(ready)


async def make_room(client: Client, url: str, token: str = "token", **wanted: object) -> Room:
    """A room of two parties, Ann of Alpha facilitating."""
    settings: dict[str, object] = {
        "title": "The harbour",
        "name": "Ann",
        "rules": ["Speak for yourself."],
        "parties": PARTIES,
        "party": "a",
        "suite": X25519_AES128GCM_SHA256_ED25519,
        **wanted,
    }
    return await client.create_room(url, token, **settings)  # type: ignore[arg-type] # the tests' own words


async def knock_of(room: Room, name: str) -> KnockArrived:
    """The knock under a name, when it is there."""
    await until(room, lambda: any(knock.name == name for knock in room.knocks()))
    return next(knock for knock in room.knocks() if knock.name == name)


async def let_in(
    room: Room,
    client: Client,
    name: str,
    party: str | None = "b",
    role: Role = Role.PARTICIPANT,
    *,
    also: tuple[Room, ...] = (),
    accept: bool = True,
    scope: Scope | None = None,
) -> Room:
    """Invites, knocks, compares the words, approves (`also`: other facilitators), and waits."""
    link = await room.invite(role=role, party=party, scope=scope)
    knocking = await client.knock(link, name)
    waiting = asyncio.create_task(knocking.admitted())
    knock = await knock_of(room, name)
    assert await knocking.words() == knock.words
    await room.approve(knock)
    for other in also:
        await until(other, lambda other=other: bool(other.proposals()))  # type: ignore[misc] # bound here
        await other.approve(other.proposals()[0])
    async with asyncio.timeout(WAIT_S):
        joined = await waiting
    if accept:
        await joined.accept_rules()
    return joined


def texts(room: Room) -> list[str | None]:
    """What was said, in order; None for what was taken back."""
    return [message.text for message in room.messages()]


async def heard(room: Room, text: str) -> MessageSent:
    """A message, when it is there."""
    await until(room, lambda: text in texts(room))
    return next(message for message in room.messages() if message.text == text)


@asynccontextmanager
async def bo_away(
    open_client: Callable[..., AbstractAsyncContextManager[Client]], url: str, path: Path, said: str
) -> AsyncIterator[tuple[Room, Room]]:
    """Ann in her room, and Bo, who came in with a profile on disk, said something and closed it."""
    async with open_client() as first:
        ann = await make_room(first, url)
        async with open_client(path) as client:
            bo = await let_in(ann, client, "Bo")
            await (await bo.send(said)).sent()
        yield ann, bo
