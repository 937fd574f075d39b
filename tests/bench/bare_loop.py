"""What a server could do at most in this language: a bare aiohttp loop with the same group commit.

It appends each message to one SQLite table, commits what waits in one transaction (WAL, synchronous
FULL, as the server does), then acknowledges, then sends it to all. It checks nothing and knows no
rooms. `python bare_loop.py DATABASE` says the port on which it listens.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys

from aiohttp import web

BATCH = 200
ACK = b"ack"


class Loop:
    """One room of everybody who is connected."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
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
            await asyncio.to_thread(self._write, [data for _, data in batch])
            for socket, _ in batch:
                await socket.send_bytes(ACK)
            joined = b"".join(data for _, data in batch)
            for socket in list(self._sockets):
                await socket.send_bytes(joined)

    def _write(self, bodies: list[bytes]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO events (body) VALUES (?)", [(body,) for body in bodies])
        self._database.execute("COMMIT")


async def main(path: str) -> None:
    """Until it is killed."""
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    loop = Loop(database)
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
