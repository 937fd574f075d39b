"""What a commit says that its committer had verified (PROTOCOL.md, section 7)."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from backchannel.errors import Stopped
from backchannel.room.checks import check_authenticated_data
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import SETTINGS
from backchannel.room.view import RoomView, first_view
from backchannel.room.window import Window
from backchannel_mls import GroupId, create_group
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.ids import EventId, RoomId

SEQ = 7
OLD = 5
BEYOND = (2**53, 2**63 - 1, 2**63, 2**64 - 1)
"""What the web client cannot count to."""


@pytest.fixture
def view() -> RoomView:
    """A room at seq 7, of which nothing is remembered before that."""
    keys, room = SeatKeys.generate(1), RoomId(os.urandom(16))
    mls = create_group(keys.identity(), group_id=GroupId(room), now_s=int(time.time()), settings=SETTINGS)
    first = first_view(room, keys.seat, mls)
    return replace(first, seq=SEQ, window=Window()).noted()


@pytest.fixture
def event(view: RoomView) -> LogEvent:
    return LogEvent(SEQ + 1, 0, view.seat, EventKind.COMMIT, EventId(bytes(16)), 0, b"a commit")


def test_numbers_that_no_other_program_counts_to_are_no_view(view: RoomView, event: LogEvent) -> None:
    said = view.here()
    key = view.state_key()
    assert check_authenticated_data(view, event, said.authenticated_data(key))
    largest = replace(said, seq=OLD, record_size=2**53 - 1)
    assert check_authenticated_data(view, event, largest.authenticated_data(key))
    for number in BEYOND:
        for known in (replace(said, seq=OLD), said):
            data = replace(known, record_size=number).authenticated_data(key)
            assert not check_authenticated_data(view, event, data)
        assert not check_authenticated_data(view, event, replace(said, seq=number).authenticated_data(key))


def test_what_differs_stops(view: RoomView, event: LogEvent) -> None:
    said, key = view.here(), view.state_key()
    wrong = {
        "log-differs": (replace(said, chain=bytes(32)), replace(said, seq=SEQ + 1)),
        "state-differs": (replace(said, state_hash=b"\1" * 32),),
        "record-differs": (replace(said, record_size=2**53 - 1), replace(said, record_root=bytes(32))),
    }
    for code, views in wrong.items():
        for one in views:
            with pytest.raises(Stopped) as stopped:
                check_authenticated_data(view, event, one.authenticated_data(key))
            assert stopped.value.code == code
