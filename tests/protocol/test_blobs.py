"""Blobs: what is sealed comes out whole, or nothing comes out."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from backchannel_protocol.blobs import (
    open_part,
    padded_size,
    part_count,
    part_size,
    seal_parts,
    sealed_size,
)
from backchannel_protocol.errors import LocalProtocolError
from backchannel_protocol.limits import (
    BLOB_CHUNK_BYTES,
    MAX_BLOB_BYTES,
    MAX_BLOB_PARTS,
    MAX_PART_BYTES,
    MAX_SEALED_BLOB_BYTES,
    MIN_BLOB_BYTES,
)
from protocol.errors import remote

KEY = bytes(range(32))
PART = 4 * BLOB_CHUNK_BYTES
SIZES = [0, 1, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537, 200_000, PART - 1, PART, PART + 1, 700_001]


def opened(key: bytes, size: int, parts: list[bytes]) -> bytes:
    return b"".join(open_part(key, size, number, part) for number, part in enumerate(parts))


@pytest.mark.parametrize("size", SIZES)
def test_content_comes_back(size: int) -> None:
    content = os.urandom(size)
    parts = list(seal_parts(KEY, content))
    sealed = sealed_size(size)
    assert sum(map(len, parts)) == sealed
    assert [len(part) for part in parts] == [part_size(sealed, at) for at in range(part_count(sealed))]
    assert part_size(sealed, part_count(sealed)) == 0
    assert opened(KEY, size, parts) == content


def test_it_is_the_construction_that_the_protocol_names() -> None:
    """Each chunk alone, by the library: 7 zero bytes, number, last."""
    content = os.urandom(BLOB_CHUNK_BYTES + 1)
    padded = content.ljust(padded_size(len(content)), b"\0")
    first = AESGCM(KEY).encrypt(bytes(12), padded[:BLOB_CHUNK_BYTES], None)
    last = AESGCM(KEY).encrypt(bytes(7) + b"\0\0\0\1" + b"\1", padded[BLOB_CHUNK_BYTES:], None)
    assert b"".join(seal_parts(KEY, content)) == first + last


def test_the_largest_blob_is_what_the_limits_say() -> None:
    assert padded_size(MAX_BLOB_BYTES) == MAX_BLOB_BYTES
    assert sealed_size(MAX_BLOB_BYTES) == MAX_SEALED_BLOB_BYTES
    assert part_count(MAX_SEALED_BLOB_BYTES) == MAX_BLOB_PARTS
    with pytest.raises(LocalProtocolError):
        next(seal_parts(KEY, bytes(MAX_BLOB_BYTES + 1)))


@given(size=st.integers(0, MAX_BLOB_BYTES))
def test_padding_hides_the_size_and_costs_an_eighth_at_most(size: int) -> None:
    padded = padded_size(size)
    assert max(size, MIN_BLOB_BYTES) <= padded <= max(size * 9 // 8, MIN_BLOB_BYTES)
    assert padded_size(padded) == padded
    mantissa = padded >> (padded.bit_length() - 1).bit_length()  # PADMÉ: few bits are not zero
    assert padded == MIN_BLOB_BYTES or padded % (mantissa & -mantissa) == 0


def test_only_few_sizes_can_be_seen() -> None:
    assert len({padded_size(size) for size in range(0, MAX_BLOB_BYTES + 1, 997)}) < 400


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


SIZE = 3 * PART - 10_000
ATTACKS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "two parts change places": lambda parts: [parts[1], parts[0], parts[2]],
    "a part twice": lambda parts: [parts[0], parts[0], parts[2]],
    "the last part first": lambda parts: [parts[2], parts[1], parts[0]],
    "the last part cut": lambda parts: [*parts[:2], parts[2][:-1]],
    "the last chunk gone": lambda parts: [*parts[:2], parts[2][: -(BLOB_CHUNK_BYTES + 16)]],
    "something behind": lambda parts: [*parts[:2], parts[2] + b"x"],
    "a part behind": lambda parts: [*parts, parts[2]],
    "one bit": lambda parts: [parts[0], flip(parts[1], 70_000), parts[2]],
    "one bit of a tag": lambda parts: [*parts[:2], flip(parts[2], len(parts[2]) - 1)],
    "chunks change places": lambda parts: [
        parts[0][BLOB_CHUNK_BYTES + 16 : 2 * (BLOB_CHUNK_BYTES + 16)]
        + parts[0][: BLOB_CHUNK_BYTES + 16]
        + parts[0][2 * (BLOB_CHUNK_BYTES + 16) :],
        *parts[1:],
    ],
    "another blob's part": lambda parts: [parts[0], list(seal_parts(bytes(32), bytes(SIZE)))[1], parts[2]],
    "an empty part": lambda parts: [b"", *parts[1:]],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_was_altered_does_not_come_out(attack: str) -> None:
    parts = list(seal_parts(KEY, os.urandom(SIZE)))
    assert len(opened(KEY, SIZE, parts)) == SIZE
    with remote():
        opened(KEY, SIZE, ATTACKS[attack](parts))


def test_a_shorter_size_of_the_same_class_hides_nothing() -> None:
    """A member who lies about the size cannot make others see less than is there."""
    parts = list(seal_parts(KEY, b"x" * 100_000))
    assert padded_size(99_999) == padded_size(100_000)
    with remote():
        opened(KEY, 99_999, parts)


@pytest.mark.parametrize("size", [0, 1, 4_096, 70_000])
def test_a_whole_blob_is_not_the_beginning_of_a_longer_one(size: int) -> None:
    parts = list(seal_parts(KEY, os.urandom(size)))
    assert all(len(part) <= MAX_PART_BYTES for part in parts)
    with remote():
        opened(KEY, size + 300_000, parts)
