"""A server in the attacker's hands: between one client and the real server, real sockets on both sides.

It reads and rewrites each frame and each letter; nothing forces it to pass on what it got. Each
client has one of its own, so that views can differ. With nothing set it is honest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from aiohttp import web

from backchannel_protocol.events import LogEvent
from backchannel_protocol.frames import (
    ClientFrame,
    Events,
    Frame,
    Mail,
    ServerFrame,
    encode_frame,
    parse_client_frame,
    parse_server_frame,
)
from backchannel_protocol.http_bodies import Knock, MailSoFar
from backchannel_protocol.limits import MAX_FRAME_BYTES

SUBPROTOCOL = "backchannel.v1"


class Proxy:
    """`event`, `down`, `up`, `knock`, `letters`: what becomes of what passes (None: nothing passes)."""

    def __init__(self, upstream: str) -> None:
        self.url = upstream
        self.event: Callable[[LogEvent], list[LogEvent]] = lambda event: [event]
        self.down: Callable[[ServerFrame], list[ServerFrame]] = lambda frame: [frame]
        self.up: Callable[[ClientFrame], list[ClientFrame]] = lambda frame: [frame]
        self.knock: Callable[[Knock], Knock] = lambda request: request
        self.letters: Callable[[list[Mail]], list[Mail]] = lambda letters: letters
        self.upstream = upstream
        self._lines: list[_Line] = []
        self._http: aiohttp.ClientSession

    # ---- what the attacker does of his own accord
    async def tell(self, *frames: ServerFrame) -> None:
        """The client hears these from "the server"."""
        await self._lines[-1].to_client(*frames)

    async def ask(self, *frames: ClientFrame) -> None:
        """The real server hears these from "the client"."""
        await self._lines[-1].to_server(*frames)

    async def cut(self) -> None:
        """The client's connection breaks; it will come again."""
        for line in list(self._lines):
            await line.end()

    # ---- passing on
    async def websocket(self, request: web.Request) -> web.StreamResponse:
        client = web.WebSocketResponse(protocols=(SUBPROTOCOL,), max_msg_size=2 * MAX_FRAME_BYTES)
        await client.prepare(request)
        try:
            async with self._http.ws_connect(
                f"{self.upstream}/v1/ws", protocols=(SUBPROTOCOL,), max_msg_size=2 * MAX_FRAME_BYTES
            ) as server:
                line = _Line(self, client, server)
                self._lines.append(line)
                try:
                    await line.run()
                finally:
                    self._lines.remove(line)
        except aiohttp.ClientError:
            await client.close()
        return client

    async def post(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        is_mail = request.path == "/v1/mail"
        if is_mail:
            body = msgspec.msgpack.encode(self.knock(msgspec.msgpack.decode(body, type=Knock)))
        headers = {name: request.headers[name] for name in ("Authorization",) if name in request.headers}
        try:
            async with self._http.post(self.upstream + request.path, data=body, headers=headers) as answer:
                status, content = answer.status, await answer.read()
        except aiohttp.ClientError:
            return web.Response(status=502)
        if is_mail and status == 200:
            letters = msgspec.msgpack.decode(content, type=MailSoFar).letters
            content = msgspec.msgpack.encode(MailSoFar(self.letters(letters)))
        return web.Response(status=status, body=content, content_type="application/msgpack")

    def passed_down(self, frame: ServerFrame) -> list[ServerFrame]:
        """What the client gets instead of a frame."""
        if isinstance(frame, Events):
            events = [one for event in frame.events for one in self.event(event)]
            frame = Events(events, frame.live)
        return self.down(frame)

    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [web.get("/v1/ws", self.websocket), web.post("/v1/{what}", self.post)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        """Listens on a free port inside the block."""
        application = web.Application(client_max_size=2 * MAX_FRAME_BYTES)
        application.add_routes(self.routes())
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        async with aiohttp.ClientSession() as self._http:
            await runner.setup()
            try:
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield self
                await self.cut()
            finally:
                await runner.cleanup()


class _Line:
    """One client's WebSocket, and the one that stands for it at the real server."""

    def __init__(
        self, proxy: Proxy, client: web.WebSocketResponse, server: aiohttp.ClientWebSocketResponse
    ) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server

    async def run(self) -> None:
        """Until one side ends; then the other is ended too."""
        ways = [asyncio.create_task(self._downwards()), asyncio.create_task(self._upwards())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            results = await asyncio.gather(*ways, return_exceptions=True)
            await self.end()
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                raise result

    async def end(self) -> None:
        await self._server.close()
        await self._client.close()

    async def to_client(self, *frames: ServerFrame) -> None:
        await self._put(self._client, frames)

    async def to_server(self, *frames: ClientFrame) -> None:
        await self._put(self._server, frames)

    async def _put(
        self, socket: web.WebSocketResponse | aiohttp.ClientWebSocketResponse, frames: tuple[Frame, ...]
    ) -> None:
        for frame in frames:
            await socket.send_bytes(encode_frame(frame))

    async def _downwards(self) -> None:
        async for message in self._server:
            assert isinstance(message.data, bytes)
            await self.to_client(*self._proxy.passed_down(parse_server_frame(message.data)))

    async def _upwards(self) -> None:
        async for message in self._client:
            assert isinstance(message.data, bytes)
            await self.to_server(*self._proxy.up(parse_client_frame(message.data)))
