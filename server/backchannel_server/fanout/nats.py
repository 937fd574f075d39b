"""Hints by NATS: one subject for all processes of a deployment, nothing kept by the broker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from backchannel_server.fanout.sending import PAUSE_S, Packets, for_ever

CONNECT_S: Final = 3.0
PING_S: Final = 2
PINGS: Final = 2
"""After so many unanswered pings the connection is another one."""


class NatsBroker:
    """`url`: nats://HOST:PORT or tls://…; `subject` is this deployment's own."""

    def __init__(self, url: str, subject: str) -> None:
        self._url = url
        self._subject = subject
        self._packets = Packets()

    def send(self, payload: bytes) -> None:
        """See Broker."""
        self._packets.put(payload)

    async def run(self, receive: Callable[[bytes], None], joined: Callable[[], None]) -> None:
        """See Broker. After its first connection, the client connects again by itself."""
        await for_ever(partial(self._serve, receive, joined))

    async def _serve(self, receive: Callable[[bytes], None], joined: Callable[[], None]) -> None:
        async def said(message: Msg) -> None:
            receive(message.data)

        async def again() -> None:
            joined()

        async def ignored(_: Exception) -> None:
            """The client would write it to its own log, with addresses; that no hint comes is told by us."""

        client = await nats.connect(
            self._url,
            name="backchannel",
            error_cb=ignored,
            reconnected_cb=again,
            connect_timeout=CONNECT_S,
            reconnect_time_wait=PAUSE_S,
            max_reconnect_attempts=-1,
            ping_interval=PING_S,
            max_outstanding_pings=PINGS,
        )
        try:
            await client.subscribe(self._subject, cb=said)
            joined()
            await self._send_on(client)
        finally:
            with suppress(Exception):
                await client.close()

    async def _send_on(self, client: Client) -> None:
        while True:
            (payload,) = await self._packets.take(1)
            if client.is_connected:  # else it is dropped: the others look for themselves
                await client.publish(self._subject, payload)
