"""A mapping of small integers of which a changed copy shares all but the block that changed.

A large room has a thousand ratchets, and each message changes one: neither the copy nor the comparison with
the state before may touch them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

V = TypeVar("V")
_BLOCK_BITS = 5


class SharedMap(Mapping[int, V], Generic[V]):
    """Immutable; `with_item` makes a changed copy."""

    __slots__ = ("_blocks",)

    def __init__(self, blocks: Mapping[int, Mapping[int, V]]) -> None:
        self._blocks = blocks

    @classmethod
    def of(cls, items: Mapping[int, V]) -> SharedMap[V]:
        """Of any mapping."""
        blocks: dict[int, dict[int, V]] = {}
        for key, value in items.items():
            blocks.setdefault(key >> _BLOCK_BITS, {})[key] = value
        return cls(blocks)

    def __getitem__(self, key: int) -> V:
        return self._blocks[key >> _BLOCK_BITS][key]

    def __iter__(self) -> Iterator[int]:
        for block in self._blocks.values():
            yield from block

    def __len__(self) -> int:
        return sum(map(len, self._blocks.values()))

    def find(self, key: int) -> V | None:
        """The value, or None."""
        block = self._blocks.get(key >> _BLOCK_BITS)
        return None if block is None else block.get(key)

    def with_item(self, key: int, value: V) -> SharedMap[V]:
        """With one value put in."""
        number = key >> _BLOCK_BITS
        blocks = dict(self._blocks)
        block = dict(blocks.get(number, ()))
        block[key] = value
        blocks[number] = block
        return SharedMap(blocks)

    def differing(self, other: SharedMap[V]) -> Iterator[int]:
        """The keys whose values are not one and the same object in both."""
        ours, theirs = self._blocks, other._blocks
        for number in ours.keys() | theirs.keys():
            one, two = ours.get(number, {}), theirs.get(number, {})
            if one is not two:
                yield from (key for key in one.keys() | two.keys() if one.get(key) is not two.get(key))
