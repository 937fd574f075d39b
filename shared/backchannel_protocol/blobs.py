"""Blobs: attachments as the server has them (PROTOCOL.md, section 12a).

Content is padded to a PADMÉ size (Nikitin, Barman, Lueks, Underwood, Hubaux, Ford, "Reducing Metadata
Leakage from Encrypted Files and Communication with PURBs", 2019, section 4) and encrypted in the STREAM
construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance", 2015, section 7): AES-256-GCM over chunks, the nonce holding the chunk's
number and whether it is the last. The key is of one blob alone, so no nonce is used twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backchannel_protocol.errors import LocalProtocolError, RemoteProtocolError
from backchannel_protocol.limits import (
    BLOB_CHUNK_BYTES,
    BLOB_PART_CHUNKS,
    BLOB_TAG_BYTES,
    MAX_BLOB_BYTES,
    MAX_PART_BYTES,
    MIN_BLOB_BYTES,
)
from backchannel_protocol.refusals import Code

ALTERED: Final = "What the server has of this attachment is not what its author sent. Ask for it again."

_PART_CONTENT_BYTES: Final = BLOB_PART_CHUNKS * BLOB_CHUNK_BYTES
_SEALED_CHUNK_BYTES: Final = BLOB_CHUNK_BYTES + BLOB_TAG_BYTES


def padded_size(size: int) -> int:
    """PADMÉ: at most 12 % more, so that a size tells O(log log size) bits. Nothing is smaller than
    MIN_BLOB_BYTES."""
    if size <= MIN_BLOB_BYTES:
        return MIN_BLOB_BYTES
    exponent = size.bit_length() - 1
    loose_bits = exponent - exponent.bit_length()
    mask = (1 << loose_bits) - 1
    return (size + mask) & ~mask


def sealed_size(size: int) -> int:
    """How many bytes the server has of a content of `size` bytes."""
    padded = padded_size(size)
    return padded + _ceil(padded, BLOB_CHUNK_BYTES) * BLOB_TAG_BYTES


def part_count(sealed: int) -> int:
    """In how many parts a blob of `sealed` bytes travels: at least one."""
    return max(1, _ceil(sealed, MAX_PART_BYTES))


def part_size(sealed: int, number: int) -> int:
    """How many bytes part `number`, from 0, of a blob of `sealed` bytes has; 0 where there is none."""
    return max(0, min(MAX_PART_BYTES, sealed - number * MAX_PART_BYTES))


def seal_parts(key: bytes, content: bytes) -> Iterator[bytes]:
    """The parts of a blob, in order. `key`: 32 random bytes that were never used."""
    if len(content) > MAX_BLOB_BYTES:
        raise LocalProtocolError(Code.TOO_LARGE)
    aead, padded = AESGCM(key), padded_size(len(content))
    for begin in range(0, padded, _PART_CONTENT_BYTES):
        end = min(begin + _PART_CONTENT_BYTES, padded)
        part = content[begin:end].ljust(end - begin, b"\0")
        chunks = [part[at : at + BLOB_CHUNK_BYTES] for at in range(0, len(part), BLOB_CHUNK_BYTES)]
        first, last = begin // BLOB_CHUNK_BYTES, _last_chunk(padded)
        yield b"".join(
            aead.encrypt(_nonce(number, last), chunk, None) for number, chunk in enumerate(chunks, first)
        )


def open_part(key: bytes, size: int, number: int, sealed: bytes) -> bytes:
    """The content of part `number` of a blob whose content has `size` bytes.

    Raises RemoteProtocolError where it is not that part of that blob, whole.
    """
    if len(sealed) != part_size(sealed_size(size), number):
        raise RemoteProtocolError(Code.MALFORMED, ALTERED)
    aead, last = AESGCM(key), _last_chunk(padded_size(size))
    chunks = [sealed[at : at + _SEALED_CHUNK_BYTES] for at in range(0, len(sealed), _SEALED_CHUNK_BYTES)]
    try:
        opened = b"".join(
            aead.decrypt(_nonce(at, last), chunk, None)
            for at, chunk in enumerate(chunks, number * BLOB_PART_CHUNKS)
        )
    except InvalidTag:
        raise RemoteProtocolError(Code.MALFORMED, ALTERED) from None
    content = max(0, min(len(opened), size - number * _PART_CONTENT_BYTES))
    if opened[content:].strip(b"\0"):
        raise RemoteProtocolError(Code.MALFORMED, ALTERED)
    return opened[:content]


def _nonce(chunk: int, last: int) -> bytes:
    return bytes(7) + chunk.to_bytes(4, "big") + bytes([chunk == last])


def _last_chunk(padded: int) -> int:
    return _ceil(padded, BLOB_CHUNK_BYTES) - 1


def _ceil(value: int, by: int) -> int:
    return -(-value // by)
