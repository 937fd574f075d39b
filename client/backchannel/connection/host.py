"""A server as the client needs it: rooms, mail, and attaching (PROTOCOL.md, sections 4, 10 and 12)."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from backchannel.connection.session import Pipe, Session, known_sentence
from backchannel.errors import BackchannelError, ServerRefused, ServerUnreachable
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import Mail, Refused
from backchannel_protocol.http_bodies import (
    MEDIA_TYPE,
    BeginBlob,
    BlobBegun,
    BlobDeleted,
    CreateRoom,
    DeleteBlob,
    Knock,
    MailSoFar,
    MakeToken,
    PartPut,
    PartRead,
    PutPart,
    ReadPart,
    RoomCreated,
    TokenMade,
    encode_body,
    parse_body,
)
from backchannel_protocol.limits import MAX_FRAME_BYTES, PING_INTERVAL_S, SILENCE_TIMEOUT_S

TIMEOUT_S: Final = 20
BYTES_A_SECOND: Final = 2_000
"""What is sent may take longer by as much as it is: a third of what a poor line (50 kbit/s) does."""
_MAX_ANSWER_BYTES: Final = 16 * MAX_FRAME_BYTES
_SUBPROTOCOL: Final = Subprotocol("backchannel.v1")
T = TypeVar("T", bound=msgspec.Struct)


class Host(Protocol):
    """A server. All of it raises ServerUnreachable and ServerRefused."""

    url: str

    async def create_room(self, token: str, request: CreateRoom) -> RoomCreated:
        """A new room, for a holder of a token."""

    async def mail(self, request: Knock) -> list[Mail]:
        """An invitee's letter, or a look into the mailbox."""

    async def begin_blob(self, request: BeginBlob) -> BlobBegun:
        """A blob's beginning, or which of its parts stand."""

    async def put_part(self, request: PutPart) -> PartPut:
        """One part of a blob."""

    async def read_part(self, request: ReadPart) -> PartRead:
        """One part of a whole blob."""

    async def delete_blob(self, request: DeleteBlob) -> BlobDeleted:
        """An own blob goes."""

    async def open(self) -> Session:
        """A connection that waits to be attached."""


class HttpHost:
    """A server at a URL. TLS is verified against the system's authorities."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            sentence = "A server's address begins with https:// (or http:// on this machine). Check it."
            raise BackchannelError("server-address", sentence)
        if parts.scheme == "http" and not is_local(parts.hostname):
            sentence = "This server is reached without encryption. Use its https:// address."
            raise BackchannelError("server-without-tls", sentence)
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._tls = parts.scheme == "https"
        self._netloc = parts.netloc

    async def create_room(self, token: str, request: CreateRoom) -> RoomCreated:
        """A new room, for a holder of a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return await self._post("/v1/rooms", request, RoomCreated, headers)

    async def make_token(self, token: str, request: MakeToken) -> TokenMade:
        """A room token to give away, for the holder of the host's."""
        return await self._post("/v1/tokens", request, TokenMade, {"Authorization": f"Bearer {token}"})

    async def mail(self, request: Knock) -> list[Mail]:
        """An invitee's letter, or a look into the mailbox."""
        return (await self._post("/v1/mail", request, MailSoFar, {})).letters

    async def begin_blob(self, request: BeginBlob) -> BlobBegun:
        """A blob's beginning, or which of its parts stand."""
        return await self._post("/v1/blobs/begin", request, BlobBegun, {})

    async def put_part(self, request: PutPart) -> PartPut:
        """One part of a blob."""
        return await self._post("/v1/blobs/part", request, PartPut, {})

    async def read_part(self, request: ReadPart) -> PartRead:
        """One part of a whole blob."""
        return await self._post("/v1/blobs/read", request, PartRead, {})

    async def delete_blob(self, request: DeleteBlob) -> BlobDeleted:
        """An own blob goes."""
        return await self._post("/v1/blobs/delete", request, BlobDeleted, {})

    async def open(self) -> Session:
        """A connection that waits to be attached."""
        address = f"{'wss' if self._tls else 'ws'}://{self._netloc}/v1/ws"
        try:
            opened = await connect(
                address,
                subprotocols=[_SUBPROTOCOL],
                compression=None,
                max_size=MAX_FRAME_BYTES,
                ping_interval=PING_INTERVAL_S,
                ping_timeout=SILENCE_TIMEOUT_S - PING_INTERVAL_S,
                open_timeout=TIMEOUT_S,
                user_agent_header=None,
            )
        except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed):
            raise ServerUnreachable from None
        return Session(_SocketPipe(opened))

    async def _post(self, path: str, body: msgspec.Struct, answer: type[T], headers: Mapping[str, str]) -> T:
        data = encode_body(body)
        connection = self._connection(TIMEOUT_S + len(data) / BYTES_A_SECOND)
        try:
            status, content = await asyncio.to_thread(_exchange, connection, path, data, headers)
        except asyncio.CancelledError:
            _cut(connection)  # its thread would go on, and whoever ends the program would wait for it
            raise
        try:
            if status in (http.HTTPStatus.OK, http.HTTPStatus.CREATED):
                return parse_body(content, answer)
            refusal = parse_body(content, Refused)
        except RemoteProtocolError:
            raise ServerUnreachable from None
        sentence = known_sentence(refusal.code, refusal.sentence)
        raise ServerRefused(refusal.code, sentence, refusal.retry_after_s)

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._netloc, timeout=timeout_s, context=context)
        return http.client.HTTPConnection(self._netloc, timeout=timeout_s)


def _exchange(
    connection: http.client.HTTPConnection, path: str, data: bytes, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    """One request, in a thread."""
    try:
        connection.request("POST", path, data, {"Content-Type": MEDIA_TYPE, **headers})
        response = connection.getresponse()
        return response.status, response.read(_MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        raise ServerUnreachable from None
    finally:
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    """What waits on it ends with an error."""
    open_socket: socket.socket | None = connection.sock
    if open_socket is not None:
        with suppress(OSError):
            open_socket.shutdown(socket.SHUT_RDWR)


class _SocketPipe(Pipe):
    """A WebSocket as a pipe."""

    def __init__(self, opened: ClientConnection) -> None:
        self._socket = opened

    async def send(self, data: bytes) -> None:
        try:
            await self._socket.send(data)
        except ConnectionClosed:
            raise ServerUnreachable from None

    async def receive(self) -> bytes:
        try:
            data = await self._socket.recv()
        except ConnectionClosed:
            raise ServerUnreachable from None
        return data if isinstance(data, bytes) else data.encode()

    async def close(self) -> None:
        await self._socket.close()


def is_local(hostname: str) -> bool:
    """Whether a server may be reached without TLS: this machine, or an onion service."""
    return hostname in ("localhost", "127.0.0.1", "::1") or hostname.endswith(".onion")
