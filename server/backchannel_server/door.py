"""The door: all connections come in here. Who only stands in it makes room for others.

A connection has *proved* nothing until a seat is attached to it. Those that have not are bounded, and where
there are too many, the oldest goes of the address that has most. Addresses are kept in memory alone.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from aiohttp import web

from backchannel_server import visitor as visiting
from backchannel_server.addresses import household
from backchannel_server.visitor import Visitor

UNPROVED: Final = 1_000
"""How many connections may have proved nothing, at the most: half of all, where that is less."""

STANDING_S: Final = 5.0
"""How long a connection may stand there before it goes for another one of its own address."""

ACCEPTED_A_TURN: Final = 32
"""How many are let in before those who are in have their turn."""

RESERVED_FILES: Final = 100
"""How many files the process may need that are no connections."""

BACKLOG: Final = 1_024
"""How many connections the system holds until they are let in."""

REST_S: Final = 1.0
"""How long nobody is let in where the system has no file left."""

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
log = logging.getLogger(__name__)
Spawn = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most connections, and the most of them that have proved nothing."""

    open: int
    unproved: int

    @classmethod
    def of(cls, connections: int, files: int) -> Bounds:
        """`files`: how many the process may have open."""
        most = max(2, min(connections, files - RESERVED_FILES))
        return cls(most, min(UNPROVED, most // 2))


def raise_file_limit(wanted: int) -> int:
    """Lets the process have as many files as it wants and the system allows; how many it may have now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return wanted if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # macOS calls its limit infinite, and has one
        return soft
    return most


class Unproved:
    """Who has proved nothing, by address; of each, who was heard last stands last."""

    def __init__(self) -> None:
        self._standing: dict[str, dict[Visitor, float]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, visitor: Visitor) -> bool:
        return visitor in self._standing.get(visitor.address, ())

    def add(self, visitor: Visitor, now: float) -> None:
        """`now` in seconds of a monotonic clock."""
        self._standing.setdefault(visitor.address, {})[visitor] = now
        self._count += 1

    def remove(self, visitor: Visitor) -> None:
        """Nothing, where it is not there."""
        standing = self._standing.get(visitor.address, {})
        if standing.pop(visitor, None) is None:
            return
        self._count -= 1
        if not standing:
            del self._standing[visitor.address]

    def first_to_go(self, newcomer: str, now: float) -> Visitor | None:
        """Who makes room for one of that address.

        Nobody, where all have just come and no address has more than its share: else a crowd that comes
        back after a restart would push itself out for ever.
        """
        if not self._standing:
            return None
        crowd = max(self._standing.values(), key=len)
        own = self._standing.get(newcomer, {})
        oldest, since = next(iter(crowd.items()))
        return oldest if len(crowd) > len(own) + 1 or now - since >= STANDING_S else None


class Door:
    """`shut` stops letting in; who is in stays. `spawn` starts a task of the server's."""

    def __init__(
        self,
        server: web.Server,
        bounds: Bounds,
        tls: ssl.SSLContext | None,
        spawn: Spawn,
    ) -> None:
        self.server = server
        self._loop = asyncio.get_running_loop()
        self._bounds = bounds
        self._tls = tls
        self._spawn = spawn
        self._open: set[Visitor] = set()
        self._unproved = Unproved()
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []

    def open(self, listeners: Sequence[socket.socket]) -> int:
        """Lets in who comes there; the port."""
        self._listeners = list(listeners)
        self._accepting = [self._spawn(self._accept(one)) for one in self._listeners]
        return int(self._listeners[0].getsockname()[1])

    async def shut(self) -> None:
        """Nobody comes in any more."""
        ending = [*self._accepting, *(one.connecting for one in self._open if one.connecting is not None)]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for listener in self._listeners:
            listener.close()

    # ---- visitors call these
    def heard(self, visitor: Visitor) -> None:
        """See visitor.Door."""
        if visitor in self._unproved:
            self._unproved.remove(visitor)
            self._unproved.add(visitor, self._loop.time())

    def renamed(self, visitor: Visitor, address: str) -> None:
        """See visitor.Door."""
        if visitor in self._unproved:
            self._unproved.remove(visitor)
            visitor.address = address
            self._unproved.add(visitor, self._loop.time())

    def proved(self, visitor: Visitor) -> None:
        """See visitor.Door."""
        self._unproved.remove(visitor)

    def left(self, visitor: Visitor) -> None:
        """See visitor.Door."""
        self._open.discard(visitor)
        self._unproved.remove(visitor)

    # ---- letting in
    async def _accept(self, listener: socket.socket) -> None:
        for number in count(1):
            try:
                connection, peer = await self._loop.sock_accept(listener)
            except OSError as fault:
                if fault.errno in _EXHAUSTED:
                    log.warning("no file is left for a connection", extra={"fault": type(fault).__name__})
                    self._make_room("")
                    await asyncio.sleep(REST_S)
                continue  # else the peer is gone already
            self._let_in(connection, household(peer[0]))
            if number % ACCEPTED_A_TURN == 0:
                await asyncio.sleep(0)

    def _let_in(self, connection: socket.socket, address: str) -> None:
        is_full = len(self._unproved) >= self._bounds.unproved or len(self._open) >= self._bounds.open
        if is_full and not self._make_room(address):
            connection.close()
            return
        visitor = Visitor(self, address, self._loop)
        self._open.add(visitor)
        self._unproved.add(visitor, self._loop.time())
        visitor.connecting = self._spawn(self._connect(visitor, connection))

    def _make_room(self, newcomer: str) -> bool:
        """Whether somebody goes."""
        leaving = self._unproved.first_to_go(newcomer, self._loop.time())
        if leaving is not None:
            self.left(leaving)
            leaving.end()
        return leaving is not None

    async def _connect(self, visitor: Visitor, connection: socket.socket) -> None:
        """Until the visitor has its transport: with TLS, that takes a handshake."""
        limit = None if self._tls is None else visiting.REQUEST_TIMEOUT_S
        is_made = False
        try:
            await self._loop.connect_accepted_socket(
                lambda: visitor, connection, ssl=self._tls, ssl_handshake_timeout=limit
            )
            is_made = True
        except OSError:  # and TimeoutError, ssl.SSLError: who does not finish a handshake
            pass
        except Exception as fault:  # noqa: BLE001 - it ends this connection and no other
            log.error("a connection failed", extra={"fault": type(fault).__name__})  # noqa: TRY400 - as there
        finally:
            visitor.connecting = None
            if not is_made:
                connection.close()
                self.left(visitor)


async def listen(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host, all at one port. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    listeners: list[socket.socket] = []
    faults: list[OSError] = []
    for family, address in dict.fromkeys((one[0], one[4][0]) for one in found):
        try:
            listener = socket.create_server((address, port), family=family, backlog=BACKLOG)
        except OSError as fault:
            if fault.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                for one in listeners:
                    one.close()
                raise
            faults.append(fault)  # a machine may name an address of its own that it does not have
            continue
        listener.setblocking(False)
        listeners.append(listener)
        port = int(listener.getsockname()[1])
    if not listeners:
        raise faults[0]
    return listeners
