"""A NATS server for the tests: Debian's, on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from debian import program

STARTS_WITHIN_S = 20
PAUSE_S = 0.05


@dataclass
class Broker:
    """It listens on `port` while it runs, and again there when it is started again."""

    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        found = program("nats-server", "nats-server")
        self.process = await asyncio.create_subprocess_exec(
            found.path,
            *("--addr", "127.0.0.1", "--port", str(self.port)),
            env=found.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(STARTS_WITHIN_S):
            while not await self._listens():  # noqa: ASYNC110 - it has no other way to say so
                await asyncio.sleep(PAUSE_S)

    async def stop(self) -> None:
        """At once, as when the machine loses its power."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process._transport.close()  # type: ignore[attr-defined]  # asyncio has no public way
            self.process = None

    async def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, "nats-server ended by itself"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


@asynccontextmanager
async def brokering() -> AsyncIterator[Broker]:
    """Runs until the block ends; skips the test where there is no NATS."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        broker = Broker(free.getsockname()[1])
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()
