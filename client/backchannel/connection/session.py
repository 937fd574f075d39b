"""One attached connection of one seat, over anything that carries bytes (PROTOCOL.md, section 4)."""

from __future__ import annotations

import asyncio
import hmac
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from backchannel.errors import ServerRefused, ServerUnreachable, Stopped
from backchannel_protocol.connection import Connection, Role, choose_version
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import (
    Attach,
    Attached,
    Bye,
    ClientFrame,
    Frame,
    Hello,
    attach_content,
)
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.keys import fingerprint, sign
from backchannel_protocol.limits import ATTACH_TIMEOUT_S
from backchannel_protocol.refusals import Code


class Pipe(Protocol):
    """Carries whole frames. Raises ServerUnreachable when it breaks."""

    async def send(self, data: bytes) -> None:
        """One frame out."""

    async def receive(self) -> bytes:
        """One frame in."""

    async def close(self) -> None:
        """Ends it; more than once is no error."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a seat attaches, and with which key. `cursor`: everything up to this seq is stored."""

    room: RoomId
    seat: SeatId
    seat_key: bytes = field(repr=False)
    record_key_fingerprint: bytes
    cursor: int


class Session:
    """An attached connection. One reader and one writer."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._connection = Connection(Role.CLIENT)

    async def greet(self) -> Hello:
        """What the server says first: its key and its time."""
        hello = await self._read()
        if not isinstance(hello, Hello):
            raise refused(hello)
        return hello

    async def attach(self, place: Place) -> Attached:
        """Greets and attaches. Raises ServerRefused, Stopped where the server is another."""
        async with asyncio.timeout(ATTACH_TIMEOUT_S):
            hello = await self.greet()
            known = fingerprint(hello.record_key)
            if not hmac.compare_digest(known, place.record_key_fingerprint):
                sentence = "The server is not the one of this room: its key differs. Nothing was sent to it."
                raise Stopped("record-key", sentence)
            version = choose_version(hello.versions)
            content = attach_content(version, hello.nonce, place.room, place.seat, known)
            signature = sign(place.seat_key, "attach", content)
            await self.send(Attach(version, place.room, place.seat, place.cursor, signature))
            attached = await self._read()
            if not isinstance(attached, Attached):
                raise refused(attached)
            return attached

    async def send(self, frame: ClientFrame) -> None:
        """A connection that breaks here is found out by who receives, after all that came before.

        The server's last events and its last word may say why: they are not thrown away.
        """
        data = self._connection.send(frame)
        with suppress(ServerUnreachable):
            await self._pipe.send(data)

    async def receive(self) -> Frame:
        """The next frame. Raises ServerUnreachable, and ServerRefused for the server's last word."""
        frame = await self._read()
        if isinstance(frame, Bye):
            raise refused(frame)
        return frame

    async def close(self) -> None:
        """Ends the connection."""
        await self._pipe.close()

    async def _read(self) -> Frame:
        data = await self._pipe.receive()
        try:
            return self._connection.receive(data)
        except RemoteProtocolError as error:
            raise ServerRefused(error.code.value, error.sentence) from None


def refused(frame: Frame) -> ServerRefused:
    """What a server says last, as an error."""
    if isinstance(frame, Bye):
        return ServerRefused(frame.code, known_sentence(frame.code, frame.sentence))
    return ServerRefused(Code.OUT_OF_STATE.value, Code.OUT_OF_STATE.sentence)


def known_sentence(code: str, sentence: str) -> str:
    """Our own sentence for a code that we know: what a server writes is not shown as ours."""
    return next((known.sentence for known in Code if known.value == code), sentence)
