"""Doors of the web client with the real server: people of both clients let each other in, and talk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import backchannel
from backchannel import Client, NotAllowed, Role, Room
from backchannel.testing import LocalServer
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from client.people import heard, knock_of, make_room, until
from web.engine import CallRefused, Engine, Json, words_of

LOOK_S = 0.2
WAIT_S = 30
SUITES = pytest.mark.parametrize(
    "suite",
    [X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519],
    ids=["suite-1", "x-wing"],
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    with LocalServer(tmp_path) as running:
        yield running


@pytest.fixture
async def python() -> AsyncIterator[Client]:
    async with backchannel.open_profile(None, look_s=LOOK_S) as client:
        yield client


@asynccontextmanager
async def browsers(folder: Path, *names: str) -> AsyncIterator[list[Engine]]:
    """People who use the web client, each with a profile."""
    engines = [Engine(folder / f"{name}.profile") for name in names]
    try:
        await asyncio.gather(*(engine.start() for engine in engines))
        yield engines
    finally:
        await asyncio.gather(*(engine.kill() for engine in engines))


def wish(server: LocalServer, **wanted: object) -> Json:
    """A room of two parties, Ann of Alpha facilitating."""
    return {
        "url": server.url,
        "title": "The harbour",
        "welcome": "Welcome.",
        "rules": ["Speak for yourself."],
        "parties": [{"id": "a", "name": "Alpha"}, {"id": "b", "name": "Beta"}],
        "retention": {"seconds": 0, "after_reading": False},
        "history": "none",
        "admission": "any",
        "name": "Ann",
        "party": "a",
        "suite": X25519_AES128GCM_SHA256_ED25519,
        **wanted,
    }


async def web_room(host: Engine, server: LocalServer, **wanted: object) -> str:
    """A room that a web client makes by a host link, open on its page."""
    await host.call("rememberHost", f"{server.url}/host#{server.token}")
    room: str = await host.call("createRoom", wish(server, **wanted))
    await host.enter(room)
    return room


async def web_link(host: Engine, room: str, party: str | None = "b", role: str = "participant") -> Json:
    """An invitation of a web client's, when the server has it."""
    made: Json = await host.call("invite", room, {"role": role, "party": party, "expiresInS": 3600})

    def known() -> bool:
        return any(one["mailbox"] == made["mailbox"] for one in host.rooms[room]["invitations"])

    await host.until(known)
    return made


async def web_knocking(host: Engine, room: str, name: str) -> Json:
    """Who knocks under a name, as a web client is shown it."""

    def found() -> Json | None:
        return next((one for one in host.rooms[room]["knocking"] if one["name"] == name), None)

    knocking: Json = await host.until(found)
    return knocking


def stage_of(host: Engine, room: str, mailbox: str) -> str:
    """What became of an invitation."""
    (line,) = [one for one in host.rooms[room]["invitations"] if one["mailbox"] == mailbox]
    stage: str = line["stage"]
    return stage


def named(engine: Engine, room: str) -> set[str]:
    """Who is in the room, as a web client sees it."""
    return {member["name"] for member in engine.rooms[room]["members"]}


async def web_in(guest: Engine, knock: str) -> str:
    """The room, when a web client is in and has accepted the rules."""
    line = await guest.knock_in(knock, "admitted", "failed")
    assert line["stage"] == "admitted", line
    room: str = line["room"]
    await guest.enter(room)
    await guest.call("acceptRules", room)
    await guest.until(lambda: guest.rooms[room]["mayWrite"])
    return room


@SUITES
async def test_a_web_client_knocks_at_a_room_of_a_python_client(
    tmp_path: Path, server: LocalServer, python: Client, suite: int
) -> None:
    room = await make_room(python, server.url, server.token, suite=suite)
    link = await room.invite(party="b")
    async with browsers(tmp_path, "bo") as (bo,):
        knock = await bo.knock(link, "Bo")
        waiting = await bo.knock_in(knock, "waiting")
        arrived = await knock_of(room, "Bo")
        assert words_of(waiting) == arrived.words
        await room.approve(arrived)
        entered = await web_in(bo, knock)
        assert entered == room.id
        assert named(bo, entered) == {"Ann", "Bo"}
        await bo.say(entered, "Good evening from Beta")
        assert (await heard(room, "Good evening from Beta")).name == "Bo"
        await room.send("Good evening, Bo")
        await bo.until(lambda: "Good evening, Bo" in bo.texts(entered))
        assert room.state.hash()
        assert "trouble" not in bo.rooms[entered]
