"""Hints by PostgreSQL's LISTEN and NOTIFY, over one connection of their own."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from backchannel_server.fanout.sending import Packets, for_ever

CHANNEL: Final = "backchannel_hints"
SEND_S: Final = 3.0
"""How long one sending may take."""

A_SENDING: Final = 64
"""The most packets in one transaction: PostgreSQL lets one NOTIFY commit at a time."""


class PostgresBroker:
    """`engine` has a pool of one connection, in autocommit."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._packets = Packets()

    def send(self, payload: bytes) -> None:
        """See Broker."""
        self._packets.put(payload)

    async def run(self, receive: Callable[[bytes], None], joined: Callable[[], None]) -> None:
        """See Broker."""
        await for_ever(partial(self._serve, receive, joined))

    async def _serve(self, receive: Callable[[bytes], None], joined: Callable[[], None]) -> None:
        """One connection, until it breaks."""
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection  # asyncpg, untyped
            ended = asyncio.Event()
            driver.add_termination_listener(lambda _: ended.set())
            await driver.add_listener(CHANNEL, lambda *heard: _hand_on(heard[-1], receive))
            joined()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_raise_when(ended))
                    await self._send_on(driver)
            finally:
                # whatever state it is in, nobody else gets it
                await connection.invalidate()

    async def _send_on(self, driver: Any) -> None:
        while True:
            some = [(CHANNEL, b64encode(one).decode()) for one in await self._packets.take(A_SENDING)]
            await driver.executemany("SELECT pg_notify($1, $2)", some, timeout=SEND_S)


async def _raise_when(ended: asyncio.Event) -> None:
    await ended.wait()
    raise ConnectionError


def _hand_on(payload: object, receive: Callable[[bytes], None]) -> None:
    if isinstance(payload, str):
        with suppress(Error, ValueError):  # somebody else's, who has the database too
            receive(b64decode(payload, validate=True))
