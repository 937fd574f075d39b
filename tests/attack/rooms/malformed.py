"""Frames and bodies that are not what they should be, made from ones that are.

What is made here is malformed for certain: every one has to be refused with that code.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

Tree = list["Tree"] | int | bytes | str | bool | None

_NUMBERS: tuple[object, ...] = (-1, 1.5, None, "1", b"1", [], {}, 1 << 53, (1 << 64) - 1)
_BYTES: tuple[object, ...] = (None, 1, True, "text", [], {}, [b"x"], msgspec.msgpack.Ext(1, b"x"))
_LISTS: tuple[object, ...] = (None, 0, b"", "text", {}, {1: 2}, [[]], [None], [[[]]])


def variants(tree: Tree) -> Iterator[bytes]:
    """The array with one field wrong, or missing, or in another form."""
    assert isinstance(tree, list)
    for wrong in _wrong(tree):
        yield msgspec.msgpack.encode(wrong)
    for length in range(len(tree)):
        yield msgspec.msgpack.encode(tree[:length])
    yield msgspec.msgpack.encode(dict(enumerate(map(str, range(len(tree))))))
    yield from mangled(msgspec.msgpack.encode(tree))


def tagged(tree: Tree) -> Iterator[bytes]:
    """A frame with a number that no client's frame has."""
    assert isinstance(tree, list)
    for number in (-1, 0, 1, 3, 4, 6, 7, 10, 11, 12, 255, 1 << 40, None, "5", b"\5", 5.5, [5], True):
        yield msgspec.msgpack.encode([number, *tree[1:]])


def mangled(data: bytes) -> Iterator[bytes]:
    """The bytes cut short, or with more behind them."""
    step = max(1, len(data) // 8)
    yield from (data[:end] for end in range(0, len(data), step))
    yield data[:-1]
    yield data + b"\xc0"
    yield data + data


def headers() -> Iterator[bytes]:
    """Lengths that are not there, and depths that are."""
    huge = b"\xff\xff\xff\xff"
    for kind in (b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9"):  # array, map, bin, str, ext of 32 bits
        yield kind + huge
        yield b"\x92\x05" + kind + huge
    yield b"\x92\x05\xdd\xff\xff\xff\xff" + b"\x91" * 1000
    for opened in (b"\x91", b"\x81\xc0", b"\xdc\x00\x01"):
        yield opened * (900_000 // len(opened))
        yield b"\x92\x05" + opened * 1000 + b"\xc0"
    yield from (b"\xc1", b"\xc1" * 100, b"\x05", b"\xc0", b"\xa4text", b"\x00" * 5000)


def noise(seed: int, count: int) -> Iterator[bytes]:
    """Random bytes that no decoder takes for a client's frame: none of them begins as one."""
    dice = random.Random(seed)
    for _ in range(count):
        data = bytearray(dice.randbytes(dice.randrange(1, 400)))
        data[0] = dice.choice((0xC1, 0xA0, 0xC4, 0x80, 0xD9, 0x00, 0xFF))
        yield bytes(data)


def _wrong(tree: Tree, at: int = 0) -> Iterator[object]:
    """The tree with one node replaced; the first of the outermost list, a frame's number, stays."""
    assert isinstance(tree, list)
    for index, node in enumerate(tree):
        if at == 0 and index == 0 and isinstance(node, int):
            continue
        for instead in _instead(node):
            yield [*tree[:index], instead, *tree[index + 1 :]]


def _instead(node: Tree) -> Iterator[object]:
    if isinstance(node, bytes):
        yield from _BYTES
        yield from (node[:-1], node + b"\0") if len(node) in (16, 32, 64) else (b"",)
    elif isinstance(node, list):
        yield from _LISTS
        yield from (_wrong(node, 1) if node else ())
    elif isinstance(node, int):
        yield from _NUMBERS
