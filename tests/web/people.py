"""People who use the web client, in rooms with each other and with Python clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backchannel import Client, Room
from backchannel.testing import LocalServer
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519
from web.engine import Engine, Json


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
        "name": "Ann",
        "party": "a",
        "suite": X25519_AES128GCM_SHA256_ED25519,
        **wanted,
    }


async def web_room(host: Engine, server: LocalServer, *, url: str = "", **wanted: object) -> str:
    """A room that a web client makes by a host link, open on its page."""
    url = url or server.url
    await host.call("rememberHost", f"{url}/host#{server.token}")
    room: str = await host.call("createRoom", wish(server, url=url, **wanted))
    await host.enter(room)
    return room


async def web_link(host: Engine, room: str, party: str | None = "b", role: str = "participant") -> Json:
    """An invitation of a web client's, when the server has it."""
    made: Json = await host.call("invite", room, {"role": role, "party": party, "expiresInS": 3600})

    await host.until(lambda: stage_of(host, room, made["mailbox"]))
    return made


async def web_knocking(host: Engine, room: str, name: str) -> Json:
    """Who knocks under a name, as a web client is shown it."""

    def found() -> Json | None:
        return next((one for one in host.rooms[room]["knocking"] if one["name"] == name), None)

    knocking: Json = await host.until(found)
    return knocking


def stage_of(host: Engine, room: str, mailbox: str) -> str:
    """What became of an invitation; empty before the room has it."""
    stages: list[str] = [one["stage"] for one in host.rooms[room]["invitations"] if one["mailbox"] == mailbox]
    return stages[0] if stages else ""


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


async def python_in(host: Engine, room: str, client: Client, name: str) -> Room:
    """A Python client, let in by a web client."""
    link = await web_link(host, room)
    knocking = await client.knock(link["link"], name)
    admitted = asyncio.create_task(knocking.admitted())
    await web_knocking(host, room, name)
    await host.call("approveKnock", room, link["mailbox"])
    joined = await admitted
    await joined.accept_rules()
    return joined
