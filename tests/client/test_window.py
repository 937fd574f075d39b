"""The window of what was verified: exactly the last events, whatever block they stand in, stored or not."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from backchannel.room.keys import SeatKeys
from backchannel.room.membership import SETTINGS
from backchannel.room.records import load_view, note_view
from backchannel.room.view import RoomView, first_view
from backchannel.room.window import BLOCK_EVENTS, BLOCKS, WINDOW_EVENTS, Seen, Window
from backchannel.store.profile import Write
from backchannel_mls import GroupId, create_group
from backchannel_protocol.ids import RoomId


def seen(seq: int) -> Seen:
    return Seen(seq, seq.to_bytes(32, "big"), bytes(32), 1, bytes(32))


@pytest.mark.parametrize("first", [0, 1, 7, BLOCK_EVENTS - 1, BLOCK_EVENTS, 1000])
@pytest.mark.parametrize(
    "count",
    [0, 1, 2, BLOCK_EVENTS, BLOCK_EVENTS + 1, WINDOW_EVENTS, WINDOW_EVENTS + 1, 3 * WINDOW_EVENTS + 5],
)
def test_it_is_the_last_events(first: int, count: int) -> None:
    known = [seen(seq) for seq in range(first, first + count)]
    window = Window.of(known)
    kept = known[-WINDOW_EVENTS:]
    assert list(window) == kept
    assert window.last == (kept[-1] if kept else None)
    assert len(window.blocks) <= BLOCKS
    by_seq = {one.seq: one for one in kept}
    edges = {
        first - 1,
        first,
        first + count - WINDOW_EVENTS - 1,
        first + count - WINDOW_EVENTS,
        first + count,
    }
    for seq in edges | set(range(max(0, first + count - 3 * BLOCK_EVENTS), first + count + 2)):
        assert window.find(seq) == by_seq.get(seq)


@pytest.fixture
def view() -> RoomView:
    keys, room = SeatKeys.generate(1), RoomId(os.urandom(16))
    mls = create_group(keys.identity(), group_id=GroupId(room), now_s=int(time.time()), settings=SETTINGS)
    return first_view(room, keys.seat, mls)


def test_stored_step_by_step_it_is_the_same_again(view: RoomView) -> None:
    """The records after each step make the view that the step made; an event costs one record of them."""
    records: dict[str, bytes] = {}
    write = Write()
    note_view(write, None, view)
    records.update(write.put)
    for count in (1, 1, 3, BLOCK_EVENTS, 700, WINDOW_EVENTS, 1, 5):
        before = view
        for seq in range(view.seq + 1, view.seq + 1 + count):
            view = replace(view, seq=seq, window=view.window.with_entry(seen(seq)))
        write = Write()
        note_view(write, before, view)
        blocks = [name for name in write.put if name.startswith("window/")]
        assert len(blocks) <= min(BLOCKS, count // BLOCK_EVENTS + 2)
        records.update(write.put)
        assert load_view(records).window == view.window
    assert sum(name.startswith("window/") for name in records) == BLOCKS
