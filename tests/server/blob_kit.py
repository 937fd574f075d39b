"""A seat that uploads, reads and deletes blobs, and asks for what it may not."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import msgspec

from backchannel_protocol.blobs import open_part, seal_parts, sealed_size
from backchannel_protocol.frames import Refused
from backchannel_protocol.http_bodies import (
    BeginBlob,
    BlobBegun,
    BlobDeleted,
    DeleteBlob,
    ForBlob,
    PartPut,
    PartRead,
    PutPart,
    ReadPart,
    blob_content,
)
from backchannel_protocol.keys import sign
from server.server_kit import Host, Seat, post, random_id

PATHS: dict[type[ForBlob], tuple[str, type[msgspec.Struct]]] = {
    BeginBlob: ("/v1/blobs/begin", BlobBegun),
    PutPart: ("/v1/blobs/part", PartPut),
    ReadPart: ("/v1/blobs/read", PartRead),
    DeleteBlob: ("/v1/blobs/delete", BlobDeleted),
}


@dataclass(frozen=True)
class File:
    """A content under a key of its own, and its ciphertext."""

    content: bytes = field(repr=False)
    blob: bytes = field(default_factory=random_id)
    key: bytes = field(default_factory=lambda: os.urandom(32))

    @property
    def parts(self) -> list[bytes]:
        return list(seal_parts(self.key, self.content))

    @property
    def size(self) -> int:
        return sealed_size(len(self.content))


@dataclass
class Porter:
    """A seat at a server; `record_key` is that of the server which it believes to be there."""

    url: str
    seat: Seat
    record_key: bytes
    now: int

    @classmethod
    def of(cls, host: Host, seat: Seat) -> Porter:
        return cls(host.url, seat, host.running.key.public, host.clock.now)

    def signed(self, request: ForBlob) -> ForBlob:
        signature = sign(self.seat.private, "blob", blob_content(request, self.record_key))
        return msgspec.structs.replace(request, signature=signature)

    async def ask(self, request: ForBlob) -> msgspec.Struct | str:
        """The answer, or the code of the refusal."""
        path, kind = PATHS[type(request)]
        status, body = await post(self.url, path, request)
        answer: msgspec.Struct = msgspec.msgpack.decode(body, type=kind if status == 200 else Refused)
        return answer.code if isinstance(answer, Refused) else answer

    async def begin(self, blob: bytes, size: int) -> msgspec.Struct | str:
        return await self.ask(self.signed(BeginBlob(*self.about(blob), size)))

    async def put(self, blob: bytes, number: int, body: bytes) -> msgspec.Struct | str:
        return await self.ask(self.signed(PutPart(*self.about(blob), number, body)))

    async def read(self, blob: bytes, number: int = 0) -> msgspec.Struct | str:
        return await self.ask(self.signed(ReadPart(*self.about(blob), number)))

    async def delete(self, blob: bytes) -> msgspec.Struct | str:
        return await self.ask(self.signed(DeleteBlob(*self.about(blob))))

    async def upload(self, file: File) -> None:
        """All of it, part by part."""
        assert await self.begin(file.blob, file.size) == BlobBegun([])
        parts = file.parts
        for number, part in enumerate(parts):
            assert await self.put(file.blob, number, part) == PartPut(len(parts) - number - 1)

    async def download(self, file: File) -> bytes:
        """The content."""
        content = b""
        for number in range(len(file.parts)):
            answer = await self.read(file.blob, number)
            assert isinstance(answer, PartRead), answer
            content += open_part(file.key, len(file.content), number, answer.body)
        return content

    def about(self, blob: bytes) -> tuple[bytes, bytes, bytes, int, bytes]:
        """What each request begins with, still without a signature."""
        return self.seat.room, self.seat.id, blob, self.now, bytes(64)
