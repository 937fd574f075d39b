"""Checkpoints of a record that is further than this device: kept, and compared when it gets there.

A server signs what the record is to be before it has shown the events. What it signed binds it, over a
restart of this device too.
"""

from __future__ import annotations

from typing import Final

import msgspec

from backchannel.ledger import Change, Ledger
from backchannel_protocol.record.note import CheckpointBody

PROMISED: Final = "promised"
"""Notes: the record's root by its size, of sizes that this device has not reached."""

MOST_PROMISED: Final = 16
"""How many are kept; an honest server signs one at a time, and those that come first are compared first."""

_decoder = msgspec.msgpack.Decoder(dict[int, bytes])


def promised_by(ledger: Ledger) -> dict[int, bytes]:
    """What the server has signed, by the record's size."""
    note = ledger.notes.get(PROMISED)
    return {} if note is None else _decoder.decode(note)


async def fits_record(ledger: Ledger, shown: CheckpointBody | None = None) -> bool:
    """Whether `shown`, and all that was shown before and is reached now, are of the record computed here.

    What is reached is forgotten.
    """
    async with ledger.lock:
        before = promised_by(ledger)
        if shown is None and not before:
            return True
        promised = dict(before)
        if shown is not None and promised.setdefault(shown.size, shown.root) != shown.root:
            return False
        known = {seen.record_size: seen.record_root for seen in ledger.view.window}
        if any(known.get(size, root) != root for size, root in promised.items()):
            return False
        ahead = sorted(size for size in promised if size > ledger.view.record.size)
        left = {size: promised[size] for size in ahead[:MOST_PROMISED]}
        if left != before:
            await ledger.store(_kept(left))
    return True


def _kept(promised: dict[int, bytes]) -> Change:
    if not promised:
        return Change(drop_notes={PROMISED})
    return Change(notes={PROMISED: msgspec.msgpack.encode(promised)})
