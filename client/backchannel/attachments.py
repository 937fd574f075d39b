"""Attachments of this device: what is to be uploaded or deleted, as the ledger keeps it (PROTOCOL.md, 12a).

A file is encrypted when it is attached, and its parts are kept in the profile as they will be sent: first
the parts, then the note that names them, so that a crash in between leaves parts that nobody names, which
go at the next opening. The message itself becomes an intent when all its blobs are whole.
"""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from backchannel.errors import BackchannelError, NotAllowed
from backchannel.pictures import warning_of, without_metadata
from backchannel_protocol.blobs import part_count, seal_parts, sealed_size
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import ID_SIZE, KEY_SIZE, b64u
from backchannel_protocol.limits import MAX_ATTACHMENTS, MAX_BLOB_BYTES, MAX_BLOB_PARTS
from backchannel_protocol.room.attachments import Attachment
from backchannel_protocol.room.names import file_name_of
from backchannel_protocol.room.state import json_of
from backchannel_protocol.room.timeline import Message

UPLOAD: Final = "upload/"
"""Notes: a message whose attachments are being uploaded, by its number."""

UNBLOB: Final = "unblob/"
"""Notes: a blob of this seat that nobody needs any more, by its id: the server is told."""

MAX_WAITING_BYTES: Final = 200 << 20
"""How much may wait in a room to be uploaded, as it is encrypted."""

MEBIBYTE: Final = 1 << 20
OTHER_TYPE: Final = "application/octet-stream"
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,62}/[a-z0-9][a-z0-9.+_-]{0,62}")

Attached = Path | tuple[str, str, bytes]
"""What a program attaches: a file, or name, media type and content."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is to leave this device, without what a picture says beside what it shows.

    warning  what it may tell that nobody sees, in a sentence; None: nothing that is known
    """

    name: str
    type: str
    content: bytes = field(repr=False)
    warning: str | None


class Upload(msgspec.Struct, array_like=True, frozen=True):
    """A message whose attachments are not all at the server. `body`: the message's, whole."""

    number: int
    body: bytes
    time: int

    def message(self) -> Message:
        """What will be said."""
        return msgspec.json.decode(self.body, type=Message)

    @property
    def places(self) -> range:
        """Where its parts stand in the profile."""
        return range(_place(self.number, 0, 0), _place(self.number + 1, 0, 0))

    def part_places(self, index: int) -> range:
        """Where the parts of one of its attachments stand, in order."""
        first = _place(self.number, index, 0)
        size = self.message().attachments[index].size
        return range(first, first + part_count(sealed_size(size)))

    @property
    def sealed_bytes(self) -> int:
        """How much there is to upload."""
        return sum(sealed_size(one.size) for one in self.message().attachments)


def _place(number: int, index: int, part: int) -> int:
    return (number * MAX_ATTACHMENTS + index) * MAX_BLOB_PARTS + part


def read_file(attached: Attached) -> File:
    """What a program attaches, as it may leave this device. Blocks. Raises NotAllowed."""
    if isinstance(attached, Path):
        content = _read(attached)
        name, type_ = attached.name, mimetypes.guess_type(attached.name)[0] or OTHER_TYPE
    else:
        name, type_, content = attached
    if len(content) > MAX_BLOB_BYTES:
        raise too_large(name)
    plain = without_metadata(content)
    type_ = type_.lower() if _TYPE.fullmatch(type_.lower()) else OTHER_TYPE
    warning = warning_of(type_, stripped=plain is not None)
    return File(file_name_of(name), type_, content if plain is None else plain, warning)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BLOB_BYTES + 1)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise NotAllowed("attachment-unreadable", f"{path} cannot be read: {reason}.") from None
    return content


def too_large(name: str) -> NotAllowed:
    """Of a file."""
    most = MAX_BLOB_BYTES // MEBIBYTE
    sentence = (
        f"{file_name_of(name)} is larger than {most} MiB, the most that a room takes. Send a part of it."
    )
    return NotAllowed("too-large", sentence)


def attach(file: File) -> Attachment:
    """A new blob and a new key for a file."""
    blob, key = os.urandom(ID_SIZE), os.urandom(KEY_SIZE)
    return Attachment(b64u(blob), b64u(key), len(file.content), file.name, file.type)


def sealed_parts(number: int, index: int, key: bytes, file: File) -> Iterator[tuple[int, bytes]]:
    """The parts of a file by their places in the profile."""
    for part, sealed in enumerate(seal_parts(key, file.content)):
        yield _place(number, index, part), sealed


def body_with(body: JsonObject, attachments: Sequence[Attachment]) -> JsonObject:
    """A message's body with its attachments."""
    return {**body, "attachments": [json_of(one) for one in attachments]}


def uploads_of(notes: Mapping[str, bytes]) -> list[Upload]:
    """What is being uploaded, in the order in which it was written."""
    found = [
        msgspec.msgpack.decode(note, type=Upload) for name, note in notes.items() if name.startswith(UPLOAD)
    ]
    return sorted(found, key=lambda one: one.number)


def encode_upload(upload: Upload) -> dict[str, bytes]:
    """Its note."""
    return {f"{UPLOAD}{upload.number}": msgspec.msgpack.encode(upload)}


def unneeded(attachments: Sequence[Attachment]) -> dict[str, bytes]:
    """Notes that tell the server to delete what nobody needs any more."""
    return {UNBLOB + one.blob: b"" for one in attachments}


def attachments_in(type_: str, body: bytes) -> tuple[Attachment, ...]:
    """Those of an item of the outbox; none where its words are gone."""
    if type_ != "message" or b'"attachments"' not in body:
        return ()
    return msgspec.json.decode(body, type=Message).attachments


def gone() -> BackchannelError:
    """Of an attachment that the server does not have."""
    sentence = (
        "This attachment is no longer on the server: its time was over, or its author took it back. "
        "Ask its author to send it again."
    )
    return BackchannelError("attachment-gone", sentence)
