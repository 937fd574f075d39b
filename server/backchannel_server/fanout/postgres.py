"""Hints by PostgreSQL's LISTEN and NOTIFY, over one connection of their own."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from binascii import Error
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from backchannel_server.fanout.hints import PAUSE_S, WAITING

CHANNEL: Final = "backchannel_hints"
SEND_S: Final = 3.0
"""How long one sending may take."""

A_SENDING: Final = 64
"""The most packets in one transaction: PostgreSQL lets one NOTIFY commit at a time."""


class PostgresBroker:
    """`engine` has a pool of one connection, in autocommit."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._filled = asyncio.Event()

    def send(self, payload: bytes) -> None:
        """See Broker."""
        self._waiting.append(payload)
        self._filled.set()

    async def run(self, receive: Callable[[bytes], None]) -> None:
        """See Broker."""
        while True:
            with suppress(Exception):  # whatever it was: another connection is made, and the silence is told
                await self._serve(receive)
            await asyncio.sleep(PAUSE_S)

    async def _serve(self, receive: Callable[[bytes], None]) -> None:
        """One connection, until it breaks."""
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection  # asyncpg, untyped
            ended = asyncio.Event()
            driver.add_termination_listener(lambda _: ended.set())
            await driver.add_listener(CHANNEL, lambda *heard: _hand_on(heard[-1], receive))
            try:
                await self._send_until(driver, ended)
            finally:
                # whatever state it is in, nobody else gets it
                await connection.invalidate()

    async def _send_until(self, driver: Any, ended: asyncio.Event) -> None:
        self._waiting.clear()  # old hints: a look was taken meanwhile
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_raise_when(ended))
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._waiting:
                    count = min(len(self._waiting), A_SENDING)
                    some = [(CHANNEL, b64encode(self._waiting.popleft()).decode()) for _ in range(count)]
                    await driver.executemany("SELECT pg_notify($1, $2)", some, timeout=SEND_S)


async def _raise_when(ended: asyncio.Event) -> None:
    await ended.wait()
    raise ConnectionError


def _hand_on(payload: object, receive: Callable[[bytes], None]) -> None:
    if isinstance(payload, str):
        with suppress(Error, ValueError):  # somebody else's, who has the database too
            receive(b64decode(payload, validate=True))
