"""TLS presentation language as RFC 9420 section 2.1 uses it: big-endian integers, vectors with
a variable-size length (2.1.2), optional values (2.1.1).

Encoders are functions from a value to bytes. `Reader` walks one immutable buffer, never copies
more than it returns, and raises `RemoteError` for anything that is not exactly right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.limits import MAX_LIST_ITEMS, MAX_MESSAGE_BYTES
from backchannel_mls.rules import Rule

T = TypeVar("T")
_ONE_BYTE = tuple(bytes((value,)) for value in range(0x40))


def u8(value: int) -> bytes:
    """uint8."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """uint16."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """uint32."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """uint64."""
    return value.to_bytes(8, "big")


def vector(data: bytes) -> bytes:
    """opaque data<V>: a length of 1, 2 or 4 bytes in its shortest form, then the data (2.1.2)."""
    size = len(data)
    if size < 0x40:
        return _ONE_BYTE[size] + data
    if size < 0x4000:
        return (size | 0x4000).to_bytes(2, "big") + data
    if size < 0x4000_0000:
        return (size | 0x8000_0000).to_bytes(4, "big") + data
    raise LocalError("vector-too-long", "A field of 1 GiB or more cannot be encoded.")


def u16_vector(values: Iterable[int]) -> bytes:
    """uint16 values<V>."""
    return vector(b"".join(value.to_bytes(2, "big") for value in values))


def optional(encoded: bytes | None) -> bytes:
    """optional<T> of an encoded value (2.1.1)."""
    return b"\0" if encoded is None else b"\1" + encoded


class ItemBudget:
    """How many more list items may be parsed; shared by a reader and those of the lists inside."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, items: int) -> None:
        """Raises where there are more than may be."""
        self.left -= items
        if self.left < 0:
            raise RemoteError(Rule.TOO_LARGE)


class Reader:
    """A cursor over `data[position:end]`, whose lists have at most MAX_LIST_ITEMS items together."""

    __slots__ = ("budget", "data", "end", "position")

    def __init__(
        self, data: bytes, position: int = 0, end: int | None = None, budget: ItemBudget | None = None
    ) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end
        self.budget = budget

    def spend(self, items: int) -> ItemBudget:
        """Counts list items. Raises `too-large`."""
        budget = self.budget
        if budget is None:
            budget = self.budget = ItemBudget(MAX_LIST_ITEMS)
        budget.spend(items)
        return budget

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        begin = self.position
        stop = begin + size
        if stop > self.end:
            raise RemoteError(Rule.TRUNCATED)
        self.position = stop
        return self.data[begin:stop]

    def uint(self, size: int) -> int:
        """A big-endian integer of `size` bytes."""
        begin = self.position
        stop = begin + size
        if stop > self.end:
            raise RemoteError(Rule.TRUNCATED)
        self.position = stop
        return int.from_bytes(self.data[begin:stop], "big")

    def length(self) -> int:
        """A vector's length (2.1.2), checked to be minimal and within what is left."""
        begin = self.position
        if begin >= self.end:
            raise RemoteError(Rule.TRUNCATED)
        first = self.data[begin]
        if first < 0x40:
            self.position = begin + 1
            size = first
        else:
            prefix = first >> 6
            if prefix == 3:
                raise RemoteError(Rule.VARINT_INVALID)
            size = self.uint(2) & 0x3FFF if prefix == 1 else self.uint(4) & 0x3FFF_FFFF
            if size < (0x40 if prefix == 1 else 0x4000):
                raise RemoteError(Rule.VARINT_NOT_MINIMAL)
        if self.position + size > self.end:
            raise RemoteError(Rule.TRUNCATED)
        return size

    def vector(self) -> bytes:
        """opaque<V>."""
        size = self.length()
        begin = self.position
        self.position = begin + size
        return self.data[begin : begin + size]

    def items(self, parse: Callable[[Reader], T]) -> tuple[T, ...]:
        """T items<V>: parses items until the vector is used up exactly."""
        size = self.length()
        budget = self.spend(0)
        inner = Reader(self.data, self.position, self.position + size, budget)
        found: list[T] = []
        while inner.position < inner.end:
            budget.spend(1)
            found.append(parse(inner))
        self.position = inner.end
        return tuple(found)

    def u16_items(self) -> tuple[int, ...]:
        """uint16 values<V>."""
        return self._integers(2)

    def u32_items(self) -> tuple[int, ...]:
        """uint32 values<V>."""
        return self._integers(4)

    def _integers(self, width: int) -> tuple[int, ...]:
        data = self.vector()
        if len(data) % width:
            raise RemoteError(Rule.VECTOR_UNEVEN)
        self.spend(len(data) // width)
        return tuple(int.from_bytes(data[at : at + width], "big") for at in range(0, len(data), width))

    def optional(self, parse: Callable[[Reader], T]) -> T | None:
        """optional<T>."""
        mark = self.uint(1)
        if mark > 1:
            raise RemoteError(Rule.OPTIONAL_INVALID)
        return parse(self) if mark else None

    def since(self, begin: int) -> bytes:
        """The bytes from `begin` to the cursor: what a structure was parsed from."""
        return self.data[begin : self.position]

    def finish(self) -> None:
        """Raises unless everything was read."""
        if self.position != self.end:
            raise RemoteError(Rule.TRAILING_BYTES)


def parse_all(data: bytes, parse: Callable[[Reader], T]) -> T:
    """Parses `data` as exactly one T."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise RemoteError(Rule.TOO_LARGE)
    reader = Reader(data)
    value = parse(reader)
    reader.finish()
    return value
