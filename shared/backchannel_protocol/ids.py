"""Identifiers and numbers of the protocol (PROTOCOL.md, section 1)."""

from __future__ import annotations

import binascii
from typing import Final, NewType

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.refusals import Code

RoomId = NewType("RoomId", bytes)
SeatId = NewType("SeatId", bytes)
EventId = NewType("EventId", bytes)
MailboxId = NewType("MailboxId", bytes)
BlobId = NewType("BlobId", bytes)
Seq = NewType("Seq", int)
Time = NewType("Time", int)
"""Seconds since 1970-01-01T00:00:00Z."""

ID_SIZE: Final = 16
KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
HASH_SIZE: Final = 32


_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def b64u(data: bytes) -> str:
    """base64url without padding."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def parse_b64u(text: str, size: int | None = None) -> bytes:
    """The bytes of canonical base64url without padding; `size` in bytes where it is known."""
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + b"==="[: -len(text) % 4])
    except ValueError:
        raise RemoteProtocolError(Code.MALFORMED, "A value is not base64url.") from None
    # a2b_base64 passes over what it does not know: only what comes out the same is taken
    if b64u(data) != text or (size is not None and len(data) != size):
        raise RemoteProtocolError(Code.MALFORMED, "A value is not base64url of the right length.")
    return data
