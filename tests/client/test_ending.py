"""A profile ends at whatever moment it is told to."""

from __future__ import annotations

import asyncio

import pytest

from backchannel import Client
from backchannel.connection.session import Session
from backchannel.live import LiveRoom
from client.memory_host import MemoryHost
from client.people import make_room


async def test_it_ends_while_a_connection_breaks(
    host: MemoryHost, clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer is still winding up after the reader's failure when the profile is told to end."""
    winding_up, go_on = asyncio.Event(), asyncio.Event()

    async def slow_to_end(_: LiveRoom, __: Session) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            winding_up.set()
            await go_on.wait()

    room = await make_room(clients[0], host.url)
    monkeypatch.setattr(LiveRoom, "_write", slow_to_end)
    host.break_all()
    await asyncio.wait_for(reconnected(room._live, host), 10)
    host.break_all()
    await winding_up.wait()
    ending = asyncio.create_task(clients[0].end())
    await asyncio.sleep(0)  # the cancellation is on its way
    go_on.set()
    async with asyncio.timeout(10):
        await ending


async def reconnected(live: LiveRoom, host: MemoryHost) -> None:
    async with live.ledger.changed:
        await live.ledger.changed.wait_for(lambda: live.attached and bool(host.pipes))
