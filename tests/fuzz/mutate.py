"""Mutations of real messages: each takes the bytes, others to splice with, and a source of chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

Mutation = Callable[[bytearray, Sequence[bytes], Random], bytearray]
_LENGTHS: Final = (0, 1, 4, 12, 16, 32, 63, 64, 16383, 16384, (1 << 30) - 1)


def flip_bits(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """One to eight bits."""
    for _ in range(random.randint(1, 8) if random.getrandbits(1) else 1):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return data


def set_byte(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """One byte at an edge of its range, where lengths, types and marks have theirs."""
    data[random.randrange(len(data))] = random.choice((0, 1, 2, 3, 4, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF))
    return data


def truncate(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """Without its end, or its beginning."""
    at = random.randrange(len(data))
    return data[:at] if random.randrange(4) else data[at + 1 :]


def extend(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """With something after it."""
    return data + random.randbytes(random.randint(1, 40))


def edit_length(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """A length of some form written over whatever stands there."""
    size = random.choice(_LENGTHS) + random.randrange(2)
    form = random.randrange(4)
    encoded = (
        bytes((size & 0x3F,)),
        (size & 0x3FFF | 0x4000).to_bytes(2, "big"),
        (size & 0x3FFF_FFFF | 0x8000_0000).to_bytes(4, "big"),
        bytes((0xC0 | size & 0x3F,)),
    )[form]
    at = random.randrange(len(data))
    data[at : at + random.choice((1, len(encoded)))] = encoded
    return data


def remove_bytes(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """Without some bytes in its middle."""
    at = random.randrange(len(data))
    del data[at : at + random.randint(1, 40)]
    return data


def repeat_bytes(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """With some bytes twice."""
    at = random.randrange(len(data))
    piece = data[at : at + random.randint(1, 80)]
    return data[:at] + piece + data[at:]


def zero_bytes(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """With some bytes zero, or all ones."""
    at = random.randrange(len(data))
    size = min(random.randint(1, 40), len(data) - at)
    data[at : at + size] = (b"\0" if random.getrandbits(1) else b"\xff") * size
    return data


def splice(data: bytearray, others: Sequence[bytes], random: Random) -> bytearray:
    """Its beginning with another's end, or another's piece in its middle."""
    other = random.choice(others)
    at, there = random.randrange(len(data)), random.randrange(len(other))
    if random.getrandbits(1):
        return data[:at] + other[there:]
    size = random.randint(1, 80)
    data[at : at + size] = other[there : there + size]
    return data


MUTATIONS: Final[tuple[Mutation, ...]] = (
    flip_bits,
    flip_bits,
    set_byte,
    truncate,
    extend,
    edit_length,
    remove_bytes,
    repeat_bytes,
    zero_bytes,
    splice,
)


def mutate(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """`data` after one to three mutations: neither what it was nor, by splicing, one of the others."""
    while True:
        changed = bytearray(data)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            if changed:
                changed = random.choice(MUTATIONS)(changed, others, random)
        mutated = bytes(changed)
        if mutated != data and mutated not in others:
            return mutated
