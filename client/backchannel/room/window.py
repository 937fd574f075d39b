"""What was verified at the last events: other members say what they had verified a while ago (section 7).

Immutable. A window with one event more shares all but its newest block with the one before, so that an
event costs neither a copy of all that is remembered nor a record of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

WINDOW_EVENTS: Final = 4096
"""For how many of the last events the view is remembered."""

BLOCK_EVENTS: Final = 16
"""How many of them stand together in a block, which is stored as one record."""

BLOCKS: Final = WINDOW_EVENTS // BLOCK_EVENTS + 1
"""How many blocks hold a window, wherever in a block it begins."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was verified at a seq."""

    seq: int
    chain: bytes
    state_hash: bytes
    record_size: int
    record_root: bytes


Block = tuple[Seen, ...]
"""Neighbours: all have the same seq // BLOCK_EVENTS."""


@dataclass(frozen=True, slots=True)
class Window:
    """The last WINDOW_EVENTS events, without gaps: at most BLOCKS blocks, the newest last."""

    blocks: tuple[Block, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Seen]) -> Window:
        """Of entries in order."""
        window = cls()
        for entry in entries:
            window = window.with_entry(entry)
        return window

    @property
    def last(self) -> Seen | None:
        """The newest entry."""
        return self.blocks[-1][-1] if self.blocks else None

    def find(self, seq: int) -> Seen | None:
        """What was verified at a seq; None where that is too long ago, before the first or still to come."""
        last = self.last
        if last is None or not 0 <= last.seq - seq < WINDOW_EVENTS:
            return None
        back = number_of(last.seq) - number_of(seq)
        if back >= len(self.blocks):
            return None
        block = self.blocks[-1 - back]
        return block[seq - block[0].seq] if seq >= block[0].seq else None

    def with_entry(self, entry: Seen) -> Window:
        """With the next one."""
        last = self.last
        if last is not None and number_of(last.seq) == number_of(entry.seq):
            return Window((*self.blocks[:-1], (*self.blocks[-1], entry)))
        return Window((*self.blocks, (entry,))[-BLOCKS:])

    def since(self, seq: int) -> Iterator[Block]:
        """The blocks that hold anything from a seq on, in order."""
        return (block for block in self.blocks if block[-1].seq >= seq)

    def __iter__(self) -> Iterator[Seen]:
        """All entries, in order."""
        last = self.last
        oldest = 0 if last is None else last.seq - WINDOW_EVENTS + 1
        return (entry for block in self.since(oldest) for entry in block if entry.seq >= oldest)


def number_of(seq: int) -> int:
    """Which block, counted from the log's beginning, an event is in."""
    return seq // BLOCK_EVENTS
