"""A server in the attacker's hands that brings the pages too: tests/attack/rooms' proxy for a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from attack.rooms.proxy import SUBPROTOCOL, Proxy
from backchannel_protocol.frames import ClientFrame, encode_frame
from backchannel_protocol.http_bodies import Knock

_OWN: Final = ("Content-Length", "Content-Encoding", "Transfer-Encoding", "Date", "Server")


class PageProxy(Proxy):
    """`page`: what becomes of a file, by its path. `garbage`: what connections get instead of frames."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.page: Callable[[str, bytes], bytes] = lambda _, content: content
        self.garbage: bytes | str | None = None
        self.told: list[bytes] = []
        """All that the browser sent: paths, headers, frames, letters."""
        self.up = self._note_frame
        self.knock = self._note_letter

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/{path:.*}", self.get)]

    async def get(self, request: web.Request) -> web.StreamResponse:
        """A file of the page."""
        self._note_request(request)
        async with self._http.get(self.upstream + request.path_qs) as answer:
            content = self.page(request.path, await answer.read())
            headers = {name: value for name, value in answer.headers.items() if name not in _OWN}
            return web.Response(status=answer.status, body=content, headers=headers)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        self._note_request(request)
        if self.garbage is None:
            return await super().websocket(request)
        client = web.WebSocketResponse(protocols=(SUBPROTOCOL,))
        await client.prepare(request)
        if isinstance(self.garbage, bytes):
            await client.send_bytes(self.garbage)
        else:
            await client.send_str(self.garbage)
        async for _ in client:
            pass
        return client

    async def post(self, request: web.Request) -> web.StreamResponse:
        self._note_request(request)
        if self.garbage is None:
            return await super().post(request)
        garbage = self.garbage.encode() if isinstance(self.garbage, str) else self.garbage
        return web.Response(body=garbage, content_type="text/html")

    def _note_request(self, request: web.Request) -> None:
        self.told.append(str(request.rel_url).encode())
        self.told += [name + b": " + value for name, value in request.raw_headers]

    def _note_frame(self, frame: ClientFrame) -> list[ClientFrame]:
        self.told.append(encode_frame(frame))
        return [frame]

    def _note_letter(self, letter: Knock) -> Knock:
        self.told.append(repr(letter).encode())
        return letter
