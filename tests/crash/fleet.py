"""A fleet: several server processes on one PostgreSQL, with NATS between them, and one way in.

Each server reaches database and broker through wires of its own, which can be cut, or swallow what is said,
so that each can be parted from either alone. People reach whichever server the way in picks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from backchannel_server.command import LINK_FILE
from broker import Broker, brokering
from crash.proxy import Proxy, Streams, proxied, to_port
from postgres import OWNER, Cluster

STARTS_WITHIN_S = 60
SERVERS = 3


@dataclass(eq=False)
class Server:
    """One of them; it keeps its port. `database` and `broker` are its wires."""

    data: Path
    port: int
    database: Proxy
    broker: Proxy
    name: str
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Until it serves. What it logs stands beside the data folder."""
        url = URL.create(
            "postgresql",
            username=OWNER,
            host="127.0.0.1",
            port=self.database.port,
            database=self.name,
            query={"ssl": "disable"},
        )
        words = ("--data", str(self.data), "--port", str(self.port))
        hints = ("--hints", f"nats://127.0.0.1:{self.broker.port}")
        with (self.data.parent / f"server-{self.port}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "backchannel_server", *words, *hints),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    "BACKCHANNEL_DATABASE": url.render_as_string(hide_password=False),
                    "BACKCHANNEL_REQUESTS_A_MINUTE": "100000",
                },
            )

    async def serves(self) -> bool:
        """Whether it came to listen, or ended: without its database it does not start."""
        assert self.process is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(STARTS_WITHIN_S):
            while line := await self.process.stdout.readline():
                if line.startswith(b"host link"):
                    return True
        return False

    async def start_again(self) -> None:
        """As a service manager does: until it serves."""
        await self.start()
        while not await self.serves():
            await self.kill()
            await asyncio.sleep(0.5)
            await self.start()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.returncode is None:
            # not process.kill(), which would take the exit code of one that has just died away from asyncio
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        # the transport of a process that was killed closes with the loop's next turns
        process._transport.close()  # type: ignore[attr-defined]  # asyncio has no public way


@dataclass
class Fleet:
    """All of it. `way_in` is where people connect."""

    cluster: Cluster
    broker: Broker
    servers: Sequence[Server]
    way_in: Proxy
    moments: random.Random
    token: str = ""

    @property
    def data(self) -> Path:
        """The servers' data folder."""
        return self.servers[0].data

    @property
    def name(self) -> str:
        """Of the database."""
        return self.servers[0].name

    def heal(self) -> None:
        """No wire swallows anything any more, and no server stands still."""
        for server in self.servers:
            server.database.gate.set()
            server.broker.gate.set()
            server.signal(signal.SIGCONT)
        self.way_in.gate.set()


@asynccontextmanager
async def sailing(folder: Path, cluster: Cluster, moments: random.Random) -> AsyncIterator[Fleet]:
    """Until the block ends."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(brokering())
        name = cluster.take()
        stack.callback(cluster.give_back, name)
        servers: list[Server] = []

        async def to_any() -> Streams:
            """As Caddy does with several upstreams: who refuses is passed over."""
            for server in moments.sample(servers, len(servers)):
                try:
                    return await asyncio.open_connection("127.0.0.1", server.port)
                except OSError:
                    continue
            raise ConnectionError

        for _ in range(SERVERS):
            database = await stack.enter_async_context(
                proxied(lambda: asyncio.open_unix_connection(cluster.socket), taps=False)
            )
            hints = await stack.enter_async_context(proxied(to_port(broker.port), taps=False))
            servers.append(Server(folder / "server", free_port(moments, servers), database, hints, name))
        way_in = await stack.enter_async_context(proxied(to_any))
        fleet = Fleet(cluster, broker, servers, way_in, moments)
        for server in servers:
            stack.push_async_callback(server.kill)
            await server.start_again()
        stack.callback(fleet.heal)
        fleet.token = (folder / "server" / LINK_FILE).read_text().strip().partition("#")[2]
        yield fleet


def free_port(moments: random.Random, taken: Sequence[Server]) -> int:
    """One that no system gives to those who ask for any, so that nobody takes it while the server is away."""
    used = {server.port for server in taken}
    while (port := moments.randrange(12_000, 20_000)) in used or not _is_free(port):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
