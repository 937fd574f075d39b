"""What a server could do at most in this language: a bare aiohttp loop with the same group commit.

It appends each message to one table, commits what waits in one transaction (SQLite: WAL, synchronous FULL,
as the server does; PostgreSQL: as the cluster is set), then acknowledges, then sends it to all. It checks
nothing and knows no rooms. `python bare_loop.py DATABASE` says the port on which it listens; DATABASE is a
file of SQLite's, or postgresql://….
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web

BATCH = 200
ACK = b"ack"
POSTGRESQL = "postgresql:"
Write = Callable[[list[bytes]], Awaitable[None]]
"""One transaction."""


class Loop:
    """One room of everybody who is connected."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._sockets: set[web.WebSocketResponse] = set()
        self._queue: asyncio.Queue[tuple[web.WebSocketResponse, bytes]] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One connection."""
        socket = web.WebSocketResponse(compress=False, protocols=("backchannel.v1",))
        await socket.prepare(request)
        self._sockets.add(socket)
        async for message in socket:
            await self._queue.put((socket, message.data))
        self._sockets.discard(socket)
        return socket

    async def commit(self) -> None:
        """The group committer."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._write([data for _, data in batch])
            for socket, _ in batch:
                await socket.send_bytes(ACK)
            joined = b"".join(data for _, data in batch)
            for socket in list(self._sockets):
                await socket.send_bytes(joined)


def open_sqlite(path: str) -> Write:
    """Writes from a thread."""
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    def write(bodies: list[bytes]) -> None:
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO events (body) VALUES (?)", [(body,) for body in bodies])
        database.execute("COMMIT")

    return lambda bodies: asyncio.to_thread(write, bodies)


async def open_postgresql(url: str) -> Write:
    """Over one connection."""
    import asyncpg  # type: ignore[import-untyped]  # and not everywhere installed

    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE events (seq BIGSERIAL PRIMARY KEY, body BYTEA NOT NULL)")

    async def write(bodies: list[bytes]) -> None:
        async with connection.transaction():
            await connection.executemany("INSERT INTO events (body) VALUES ($1)", [(one,) for one in bodies])

    return write


async def main(database: str) -> None:
    """Until it is killed."""
    is_postgresql = database.startswith(POSTGRESQL)
    loop = Loop(await open_postgresql(database) if is_postgresql else open_sqlite(database))
    application = web.Application()
    application.add_routes([web.get("/", loop.handle)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await loop.commit()


def run(path: str) -> None:
    """With uvloop where there is one, as the server does."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main(path))
    else:
        uvloop.run(main(path))


if __name__ == "__main__":
    run(sys.argv[1])
